"""One TOML file says how a box runs; it is read whole and checked whole.

Every problem is reported at once, each with file, key, what was found and what is expected. Nothing
here opens a socket or a database: that is `__main__`.
"""

import ipaddress
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from edge.adapters.mqtt.gateways import problems_of
from edge.core.errors import ConfigError

# What a store hears without being told; Shelly and mqtt_room need topics of their own.
FAMILIES = ("espresense", "openmqttgateway", "theengs", "minew", "ruuvi")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreSection(_Section):
    """Where the store's files lie.

    Attributes:
        files: Folder with catalog.json, floorplan.json, stock.json, members.json, pictures/.
        data: Folder of the box's own databases and keys, and of the last good bundle.
        bundle: Folder of the model bundle; absent: rules alone offer. Where it is refused, the last
            good one serves.
        rules: Rule file; absent: the defaults.
    """

    files: Path
    data: Path
    bundle: Path | None = None
    rules: Path | None = None


class BrokerSection(_Section):
    """Which broker to hear.

    Attributes:
        kind: `mosquitto` (any broker at host and port) or `embedded` (amqtt, for a laptop only).
    """

    kind: Literal["mosquitto", "embedded"] = "mosquitto"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    client_id: Annotated[str, Field(min_length=1, max_length=64)] = "stammgast-edge"


class HttpSection(_Section):
    """Where the pages are served."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080

    @field_validator("host")
    @classmethod
    def _loopback(cls, host: str) -> str:
        """Refuse anything but loopback until sign-in exists."""
        try:
            is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            is_loopback = False
        if not is_loopback:
            raise ValueError(
                "the pages have no sign-in yet, so the box listens on loopback only: "
                "use 127.0.0.1, ::1 or localhost"
            )
        return host


def _default_families() -> dict[str, list[str]]:
    return {family: [] for family in FAMILIES}


class GatewaysSection(_Section):
    """Which gateway families to hear, each with its topic filters (empty: the family's own)."""

    families: dict[str, list[str]] = Field(default_factory=_default_families)


class TrustSection(_Section):
    """Who answers for the data, where its keys are kept apart, and who gets totals.

    Attributes:
        controller: Name, contact and policy page as every consent receipt names them.
        recovery_key: The chain's public key (`stammgast-provisioning recovery-key new`).
        escrow: Where the keys, sealed to it, are written; kept apart from backups.
        partners: Brands that get a file of their own.
        totals: Folder of the daily totals; absent: `totals` in the data folder.
    """

    controller: str = "unnamed controller"
    contact: str = ""
    policy_url: str = ""
    jurisdiction: Annotated[str, Field(min_length=2, max_length=2)] = "DE"
    recovery_key: Path | None = None
    escrow: Path | None = None
    partners: tuple[str, ...] = ()
    totals: Path | None = None

    @model_validator(mode="after")
    def _escrow_needs_key(self) -> "TrustSection":
        if (self.escrow is None) != (self.recovery_key is None):
            raise ValueError("escrow and recovery_key belong together: give both or neither")
        return self


class ClockSection(_Section):
    """Which time counts: the machine's, or that of tick messages (simulation only)."""

    kind: Literal["system", "simulated"] = "system"


class Settings(_Section):
    """A whole configuration.

    Attributes:
        mode: `simulation` allows simulated time and recordings of raw messages.
        record: File to record every input into, for `replay`; simulation only.
        seed: Of every draw the box makes (exploration, hashing of arms).
    """

    store: StoreSection
    mode: Literal["store", "simulation"] = "store"
    broker: BrokerSection = BrokerSection()
    http: HttpSection = HttpSection()
    gateways: GatewaysSection = GatewaysSection()
    clock: ClockSection = ClockSection()
    trust: TrustSection = TrustSection()
    record: Path | None = None
    seed: int = 0

    @field_validator("broker")
    @classmethod
    def _real_broker(cls, broker: BrokerSection, info: ValidationInfo) -> BrokerSection:
        if broker.kind == "embedded" and info.data.get("mode") == "store":
            raise ValueError('broker.kind "embedded" is for laptops: mode = "simulation"')
        return broker

    @field_validator("clock")
    @classmethod
    def _real_clock(cls, clock: ClockSection, info: ValidationInfo) -> ClockSection:
        if clock.kind == "simulated" and info.data.get("mode") == "store":
            raise ValueError('clock.kind "simulated" needs mode = "simulation"')
        return clock

    @field_validator("record")
    @classmethod
    def _no_raw_messages(cls, record: Path | None, info: ValidationInfo) -> Path | None:
        if record is not None and info.data.get("mode") == "store":
            raise ValueError('record keeps raw messages: it needs mode = "simulation"')
        return record


def read_settings(path: Path) -> Settings:
    """Read a configuration file; relative paths in it count from its folder.

    Raises:
        ConfigError: With every problem found.
    """
    document = _document(path)
    problems = [*_missing_paths(path, document), *_gateway_problems(path, document)]
    try:
        settings = Settings.model_validate(document)
    except ValidationError as error:
        problems = [*(_sentence(path, problem) for problem in error.errors()), *problems]
        raise ConfigError(problems) from error
    if problems:
        raise ConfigError(problems)
    return _resolved(settings, path.parent)


def readable_store(path: Path) -> StoreSection | None:
    """Return where the store's files lie, though the rest of the configuration may be wrong."""
    try:
        store = StoreSection.model_validate(_document(path).get("store"))
    except (ConfigError, ValidationError):
        return None
    return _resolved_store(store, path.parent)


def _document(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError([f"{path}: no such file; expected a TOML configuration"]) from None
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: not TOML: {error}"]) from error
    except RecursionError:
        raise ConfigError([f"{path}: nested deeper than any configuration is"]) from None


def _sentence(path: Path, problem: object) -> str:
    assert isinstance(problem, dict)
    key = ".".join(str(part) for part in problem["loc"]) or "(whole file)"
    found = "" if problem["type"] == "missing" else f" found {_shown(problem['input'])},"
    expected = problem["msg"].removeprefix("Value error, ")
    return f"{path}: {key}:{found} {expected}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _missing_paths(path: Path, document: dict[str, object]) -> list[str]:
    """Look at what stands in the document, so that a wrong key beside it hides no missing path."""
    problems = []
    for key, is_right, expected in (
        ("store.files", Path.is_dir, "an existing folder"),
        ("store.data", _may_be_folder, "a folder, or a name for a new one"),
        ("store.bundle", Path.is_dir, "an existing folder"),
        ("store.rules", Path.exists, "an existing file or folder"),
        ("trust.recovery_key", Path.is_file, "an existing file"),
        ("record", _may_be_file, "a file in an existing folder"),
    ):
        value = _value(document, key)
        if isinstance(value, str) and not _holds(is_right, path.parent / value):
            problems.append(f"{path}: {key}: found {_shown(value)}, expected {expected}")
    return problems


def _holds(is_right: Callable[[Path], bool], path: Path) -> bool:
    """Ask about a path; one that no file system can bear is not right either."""
    try:
        return is_right(path)
    except (OSError, ValueError):
        return False


def _may_be_folder(path: Path) -> bool:
    """Tell whether a path is a folder or can become one."""
    nearest = next(each for each in (path, *path.parents) if each.exists())
    return nearest.is_dir()


def _may_be_file(path: Path) -> bool:
    return path.parent.is_dir() and not path.is_dir()


def _gateway_problems(path: Path, document: dict[str, object]) -> list[str]:
    try:
        section = GatewaysSection.model_validate(document.get("gateways", {}))
    except ValidationError:
        return []  # told already
    return [
        f"{path}: gateways.families.{name}: {problem}"
        for name, problem in problems_of(section.families)
    ]


def _value(document: dict[str, object], key: str) -> object:
    found: object = document
    for part in key.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _resolved(settings: Settings, base: Path) -> Settings:
    trust, key = settings.trust, settings.trust.recovery_key
    return settings.model_copy(
        update={
            "store": _resolved_store(settings.store, base),
            "trust": trust.model_copy(
                update={
                    "recovery_key": None if key is None else base / key,
                    "escrow": None if trust.escrow is None else base / trust.escrow,
                    "totals": None if trust.totals is None else base / trust.totals,
                }
            ),
            "record": None if settings.record is None else base / settings.record,
        }
    )


def _resolved_store(store: StoreSection, base: Path) -> StoreSection:
    return store.model_copy(
        update={
            "files": base / store.files,
            "data": base / store.data,
            "bundle": None if store.bundle is None else base / store.bundle,
            "rules": None if store.rules is None else base / store.rules,
        }
    )
