"""One TOML file says how a box runs; it is read whole and checked whole.

Every problem is reported at once, each with file, key, what was found and what is expected. Nothing
here opens a socket or a database: that is `__main__`.
"""

import ipaddress
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from edge.core.errors import ConfigError

# What a store hears without being told; Shelly and mqtt_room need topics of their own.
FAMILIES = ("espresense", "openmqttgateway", "theengs", "minew", "ruuvi")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreSection(_Section):
    """Where the store's files lie.

    Attributes:
        files: Folder with catalog.json, floorplan.json, stock.json, members.json, pictures/.
        data: Folder of the box's own databases and keys.
        bundle: Folder of the model bundle; absent: popularity decides.
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

    @model_validator(mode="after")
    def _simulation_only(self) -> "Settings":
        if self.mode == "store":
            if self.clock.kind == "simulated":
                raise ValueError('clock.kind "simulated" needs mode = "simulation"')
            if self.broker.kind == "embedded":
                raise ValueError('broker.kind "embedded" is for laptops: mode = "simulation"')
            if self.record is not None:
                raise ValueError('record keeps raw messages: it needs mode = "simulation"')
        return self


def read_settings(path: Path) -> Settings:
    """Read a configuration file; relative paths in it count from its folder.

    Raises:
        ConfigError: With every problem found.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError([f"{path}: no such file; expected a TOML configuration"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: not TOML: {error}"]) from error
    try:
        settings = Settings.model_validate(document)
    except ValidationError as error:
        raise ConfigError([_sentence(path, problem) for problem in error.errors()]) from error
    problems = list(_missing_paths(path, settings))
    if problems:
        raise ConfigError(problems)
    return _resolved(settings, path.parent)


def _sentence(path: Path, problem: object) -> str:
    assert isinstance(problem, dict)
    key = ".".join(str(part) for part in problem["loc"]) or "(whole file)"
    found = "" if problem["type"] == "missing" else f" found {_shown(problem['input'])},"
    expected = problem["msg"].removeprefix("Value error, ")
    return f"{path}: {key}:{found} {expected}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _missing_paths(path: Path, settings: Settings) -> list[str]:
    base = path.parent
    wanted = {
        "store.files": settings.store.files,
        "store.bundle": settings.store.bundle,
        "store.rules": settings.store.rules,
        "trust.recovery_key": settings.trust.recovery_key,
    }
    return [
        f"{path}: {key}: found {str(value)!r}, which does not exist; expected an existing path"
        for key, value in wanted.items()
        if value is not None and not (base / value).exists()
    ]


def _resolved(settings: Settings, base: Path) -> Settings:
    store, trust, key = settings.store, settings.trust, settings.trust.recovery_key
    return settings.model_copy(
        update={
            "store": store.model_copy(
                update={
                    "files": base / store.files,
                    "data": base / store.data,
                    "bundle": None if store.bundle is None else base / store.bundle,
                    "rules": None if store.rules is None else base / store.rules,
                }
            ),
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
