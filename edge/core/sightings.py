"""What a receiver tells: a beacon was heard, or the receiver itself is well.

Beacon ids have one canonical form, whatever a gateway family or a chain's member list writes;
`canonical_beacon_id` makes it.
Frames of raw advertisements are decoded in `advertisements`, gateway formats in the adapters.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from edge.core.errors import MessageError

# Eddystone states its power at 0 m; iBeacon at 1 m. The specification puts 41 dB between them
# (google/eddystone, protocol-specification.md, "Tx Power").
EDDYSTONE_0M_TO_1M_DB = -41.0

# Longest name a gateway may give a beacon or itself; room for `<room> <floor> <host>`.
MAX_NAME_CHARS = 64

# The commonest id of all, read in one step: ESPresense's, room-assistant's and the canonical form.
_IBEACON = re.compile(
    "(?:ibeacon:)?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})"
    "-(0|[1-9][0-9]{0,4})-(0|[1-9][0-9]{0,4})",
    re.ASCII | re.IGNORECASE,
)

_HEX_DIGITS = "0123456789abcdef"
_ADDRESS_PREFIXES = frozenset({"mac", "known", "tile", "itag", "trackr"})


class Sighting(NamedTuple):
    """One beacon heard by one receiver.

    A named tuple, for it is the one value made for every message on the air: a frozen dataclass
    takes twice as long to make.

    Attributes:
        gateway: The receiver, as it names itself in topic or payload.
        beacon: Canonical id: `ibeacon:<32 hex>-<major>-<minor>`, the same with `altbeacon:`,
            `eddystone:<20 hex>-<12 hex>`, `eid:<16 hex>`, `irk:<32 hex>`, `mac:<12 hex>`, or
            `name:<text>` where a gateway passes only a name of its own. Hex is lower case.
        rssi_dbm: Received signal strength; None where the gateway gives only a distance.
        measured_power_dbm: Expected RSSI at 1 m; None where unknown.
        distance_m: The gateway's own estimate; None where it gives none.
        at_s: The gateway's own time (UTC, seconds since 1970); None: the time of receipt counts.
        is_filtered: True where the gateway smoothed the RSSI already.
    """

    gateway: str
    beacon: str
    rssi_dbm: float | None = None
    measured_power_dbm: float | None = None
    distance_m: float | None = None
    at_s: float | None = None
    is_filtered: bool = False


@dataclass(frozen=True, slots=True)
class GatewayReport:
    """A receiver's word about itself.

    Attributes:
        gateway: The receiver, as it names itself.
        is_online: False for a last will or an `offline` message.
        battery_percent: 0..100, or None.
        at_s: The gateway's own time, or None.
    """

    gateway: str
    is_online: bool
    battery_percent: float | None = None
    at_s: float | None = None


@dataclass(frozen=True, slots=True)
class BeaconReport:
    """A beacon's word about itself (Eddystone-TLM, a battery in a decoded payload).

    Attributes:
        gateway: The receiver that passed it on.
        beacon: Canonical id.
        battery_mv: Millivolt, or None.
        battery_percent: 0..100, or None.
    """

    gateway: str
    beacon: str
    battery_mv: float | None = None
    battery_percent: float | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A part of a batch that could not be used; the rest of the batch is.

    Attributes:
        gateway: The receiver that sent the batch.
        reason: The reason of the `MessageError` it would have been alone, to be counted.
    """

    gateway: str
    reason: str


Report = Sighting | GatewayReport | BeaconReport | Refusal


def checked_ibeacon_id(uuid: str, major: int | None, minor: int | None) -> str:
    """Return the canonical id of an iBeacon from parts that a message gave.

    Raises:
        MessageError: `bad_beacon_id` where a part is missing or out of range.
    """
    uuid = uuid.lower()
    if "-" in uuid:
        uuid = uuid.replace("-", "")
    if len(uuid) != 32 or uuid.strip(_HEX_DIGITS):
        raise MessageError("bad_beacon_id", "expected a UUID of 32 hexadecimal digits")
    if major is None or minor is None or not (0 <= major <= 0xFFFF and 0 <= minor <= 0xFFFF):
        raise MessageError("bad_beacon_id", "expected major and minor of 0 to 65535")
    return f"ibeacon:{uuid}-{major}-{minor}"


def eddystone_id(namespace: str, instance: str) -> str:
    """Return the canonical id of an Eddystone-UID: 20 and 12 hex digits, any case."""
    return f"eddystone:{namespace.lower()}-{instance.lower()}"


def is_hex(text: str, digits: int) -> bool:
    """Tell whether `text` is exactly `digits` lower-case hexadecimal digits."""
    return len(text) == digits and not text.strip(_HEX_DIGITS)


def is_name(text: str) -> bool:
    """Tell whether `text` can name a gateway or beacon: 1..64 printable characters."""
    return 0 < len(text) <= MAX_NAME_CHARS and text.isprintable()


def canonical_beacon_id(text: str) -> str:
    """Return the canonical id of a beacon written the way any gateway family or chain writes it.

    Understands `iBeacon:<uuid>-<major>-<minor>`, `<uuid>-<major>-<minor>`, `altBeacon:…`,
    `eddy:<namespace>-<instance>`, `eid:…`, `irk:…`, `known:<mac>` and device addresses with or
    without separators, in any case; canonical ids stay as they are. Anything else is a name.
    An Eddystone-EID beacon is enrolled as `eidkey:<32 hex identity key>-<rotation exponent>-
    <UTC second at which its counter was 0>`; `rotating` finds it behind what it shows.

    Raises:
        MessageError: `bad_beacon_id` where the id claims a form and does not keep it.
    """
    if found := _IBEACON.fullmatch(text):
        first, second, third, fourth, fifth, major, minor = found.groups()
        if int(major) <= 0xFFFF and int(minor) <= 0xFFFF:
            return f"ibeacon:{first}{second}{third}{fourth}{fifth}-{major}-{minor}".lower()
    if len(text) in (12, 17):
        address = text.replace(":", "").replace("-", "").lower()
        if is_hex(address, 12):
            return f"mac:{address}"
    prefix, has_prefix, body = text.partition(":")
    if not has_prefix:
        return _plain_id(text)
    prefix, lowered = prefix.lower(), body.lower()
    if prefix in ("ibeacon", "altbeacon"):
        return f"{prefix}:{_uuid_major_minor(lowered)}"
    if prefix in ("eddy", "eddystone"):
        return _eddystone_of(lowered)
    if prefix in _ADDRESS_PREFIXES:
        return f"mac:{_fixed_hex(lowered.replace(':', '').replace('-', ''), 12)}"
    if prefix == "eidkey":
        return f"eidkey:{_ephemeral_key_of(lowered)}"
    if prefix in ("irk", "eid"):
        return f"{prefix}:{_fixed_hex(lowered, 32 if prefix == 'irk' else 16)}"
    return _name_of(body if prefix == "name" else text)


def _plain_id(text: str) -> str:
    if text.count("-") in (2, 6):  # uuid without or with its four hyphens, major, minor
        try:
            return f"ibeacon:{_uuid_major_minor(text.lower())}"
        except MessageError:
            return _name_of(text)
    return _name_of(text)


def _name_of(text: str) -> str:
    if not is_name(text):
        raise MessageError("bad_beacon_id", "a name has 1 to 64 printable characters")
    return f"name:{text}"


def _fixed_hex(text: str, digits: int) -> str:
    if not is_hex(text, digits):
        raise MessageError("bad_beacon_id", f"expected {digits} hexadecimal digits")
    return text


def _uuid_major_minor(text: str) -> str:
    parts = text.rsplit("-", 2)
    if len(parts) != 3:
        raise MessageError("bad_beacon_id", "expected <uuid>-<major>-<minor>")
    uuid = _fixed_hex(parts[0].replace("-", ""), 32)
    return f"{uuid}-{_decimal_16(parts[1])}-{_decimal_16(parts[2])}"


def _ephemeral_key_of(text: str) -> str:
    key, exponent, started_s = (*text.split("-"), "", "", "")[:3]
    is_whole = text.count("-") == 2 and all(
        part.isascii() and part.isdigit() for part in (exponent, started_s)
    )
    if not is_whole or len(exponent) > 2 or int(exponent) > 15 or len(started_s) > 10:
        raise MessageError("bad_beacon_id", "expected <32 hex>-<exponent 0..15>-<UTC second>")
    return f"{_fixed_hex(key, 32)}-{int(exponent)}-{int(started_s)}"


def _decimal_16(text: str) -> int:
    if not (0 < len(text) <= 5 and text.isascii() and text.isdigit() and int(text) <= 0xFFFF):
        raise MessageError("bad_beacon_id", "major and minor are 0 to 65535")
    return int(text)


def _eddystone_of(text: str) -> str:
    namespace, _, instance = text.partition("-")
    # ESPresense prints the fifth byte of the namespace twice (BleFingerprint.cpp, line 437).
    if len(namespace) == 22 and namespace[8:10] == namespace[10:12]:
        namespace = namespace[:10] + namespace[12:]
    return f"eddystone:{_fixed_hex(namespace, 20)}-{_fixed_hex(instance, 12)}"
