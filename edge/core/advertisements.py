"""Raw Bluetooth advertisements: which beacon they carry, with what power at 1 m.

Decides from bytes alone. Leaves out who the beacon belongs to (`consent`), and everything an
advertisement may say that no beacon needs: names, services, sensors of other makers.
Sources: Bluetooth Core 5.4 Vol 3 Part C 11 (AD structures), Apple's proximity beacon
specification, AltBeacon 1.0, google/eddystone `protocol-specification.md`.
"""

from typing import Literal, NamedTuple

from edge.core.errors import MessageError
from edge.core.sightings import EDDYSTONE_0M_TO_1M_DB, eddystone_id

# AD types: Bluetooth Assigned Numbers, 2.3 "Common Data Types".
AD_SERVICE_DATA_16 = 0x16
AD_MANUFACTURER_DATA = 0xFF

APPLE_IBEACON = b"\x4c\x00\x02\x15"  # company 0x004C little-endian, type 2, length 21
IBEACON_BYTES = 25
ALTBEACON_CODE = b"\xbe\xac"
ALTBEACON_BYTES = 26
EDDYSTONE_UUID_LE = b"\xaa\xfe"  # service 0xFEAA

EDDYSTONE_UID_BYTES = (18, 20)  # old frames lack the two reserved bytes
EDDYSTONE_EID_BYTES = 10
EDDYSTONE_TLM_BYTES = 14
EDDYSTONE_URL_MAX_BYTES = 20
TLM_NO_TEMPERATURE = 0x8000  # eddystone-tlm/tlm-plain.md: "not supported"

# eddystone-url/README.md, "URL Scheme Prefix" and "Eddystone-URL HTTP URL encoding".
URL_SCHEMES = ("http://www.", "https://www.", "http://", "https://")
URL_ENDINGS = (".com", ".org", ".edu", ".net", ".info", ".biz", ".gov")

FrameKind = Literal["ibeacon", "altbeacon", "uid", "url", "tlm", "etlm", "eid"]


class Frame(NamedTuple):
    """What one advertisement says about a beacon; a named tuple for the reason of `Sighting`.

    Attributes:
        kind: The frame's format.
        beacon: Canonical id; None where the format carries none (URL, telemetry).
        measured_power_dbm: Expected RSSI at 1 m; None where absent or not below 0 dBm.
        battery_mv: Millivolt from plain telemetry; None where absent or not supported.
        temperature_c: Degrees Celsius from plain telemetry; None where not supported.
        url: The expanded address of an Eddystone-URL frame.
    """

    kind: FrameKind
    beacon: str | None = None
    measured_power_dbm: float | None = None
    battery_mv: float | None = None
    temperature_c: float | None = None
    url: str | None = None


def decode_advertisement(advertisement: bytes) -> Frame | None:
    """Return the first frame of a known format, or None where there is none.

    Args:
        advertisement: AD structures as sent over the air: length, type, content.

    Raises:
        MessageError: `truncated_advertisement` where a structure is longer than what is left.
    """
    position, end = 0, len(advertisement)
    while position < end:
        length = advertisement[position]
        if length == 0:  # early termination: the rest is padding
            return None
        following = position + 1 + length
        if following > end:
            raise MessageError("truncated_advertisement", "an AD structure overruns the frame")
        ad_type = advertisement[position + 1]
        if ad_type in (AD_MANUFACTURER_DATA, AD_SERVICE_DATA_16):
            content = advertisement[position + 2 : following]
            frame = None
            if ad_type == AD_MANUFACTURER_DATA:
                frame = decode_manufacturer_data(content)
            elif content[:2] == EDDYSTONE_UUID_LE:
                frame = decode_eddystone(content[2:])
            if frame is not None:
                return frame
        position = following
    return None


def decode_manufacturer_data(content: bytes) -> Frame | None:
    """Return an iBeacon or AltBeacon frame, or None.

    Other Apple frames of 25 bytes exist, so the type and length bytes decide, not the length.

    Args:
        content: Manufacturer data from the company identifier (little-endian) on.
    """
    if len(content) == IBEACON_BYTES and content[:4] == APPLE_IBEACON:
        return Frame(
            "ibeacon",
            f"ibeacon:{_uuid_major_minor(content)}",
            _power_at_1m(content[24]),
        )
    if len(content) == ALTBEACON_BYTES and content[2:4] == ALTBEACON_CODE:
        return Frame(
            "altbeacon",
            f"altbeacon:{_uuid_major_minor(content)}",
            _power_at_1m(content[24]),
        )
    return None


def decode_eddystone(content: bytes) -> Frame | None:
    """Return an Eddystone frame, or None for a type or length that Eddystone does not define.

    Sensors of other makers share the service (first byte 0x21), hence None and no error.

    Args:
        content: Service data of 0xFEAA, without the service's own two bytes.
    """
    if not content:
        return None
    match content[0]:
        case 0x00:
            return _decode_uid(content)
        case 0x10:
            return _decode_url(content)
        case 0x20:
            return _decode_telemetry(content)
        case 0x30 if len(content) == EDDYSTONE_EID_BYTES:
            return Frame("eid", f"eid:{content[2:10].hex()}", _power_from_0m(content[1]))
    return None


def _decode_uid(content: bytes) -> Frame | None:
    if len(content) not in EDDYSTONE_UID_BYTES:
        return None
    beacon = eddystone_id(content[2:12].hex(), content[12:18].hex())
    return Frame("uid", beacon, _power_from_0m(content[1]))


def _decode_url(content: bytes) -> Frame | None:
    if not 3 <= len(content) <= EDDYSTONE_URL_MAX_BYTES or content[2] >= len(URL_SCHEMES):
        return None
    url = URL_SCHEMES[content[2]] + "".join(map(_expand_url_byte, content[3:]))
    return Frame("url", None, _power_from_0m(content[1]), url=url)


def _expand_url_byte(code: int) -> str:
    if code < 2 * len(URL_ENDINGS):  # 0..6 end with a slash, 7..13 do not
        return URL_ENDINGS[code % len(URL_ENDINGS)] + ("/" if code < len(URL_ENDINGS) else "")
    return chr(code) if 0x20 < code < 0x7F else ""


def _decode_telemetry(content: bytes) -> Frame | None:
    if len(content) < 2:
        return None
    if content[1] == 0x01:  # encrypted: only the owner's resolver could read it
        return Frame("etlm")
    if content[1] != 0x00 or len(content) != EDDYSTONE_TLM_BYTES:
        return None
    battery_mv = int.from_bytes(content[2:4], "big")
    temperature = int.from_bytes(content[4:6], "big")
    return Frame(
        "tlm",
        battery_mv=float(battery_mv) if battery_mv else None,  # 0: powered by a wire
        temperature_c=None if temperature == TLM_NO_TEMPERATURE else _signed_8_8(temperature),
    )


def _uuid_major_minor(content: bytes) -> str:
    major, minor = content[20] << 8 | content[21], content[22] << 8 | content[23]
    return f"{content[4:20].hex()}-{major}-{minor}"


def _signed_8_8(value: int) -> float:
    return (value - 0x10000 if value >= 0x8000 else value) / 256.0


def _signed_8(value: int) -> int:
    return value - 256 if value > 127 else value


def _power_at_1m(octet: int) -> float | None:
    """Return the power at 1 m; None for 0 and above, which some makers use for a battery."""
    power = _signed_8(octet)
    return float(power) if power < 0 else None


def _power_from_0m(octet: int) -> float | None:
    power = _signed_8(octet) + EDDYSTONE_0M_TO_1M_DB
    return power if power < 0 else None
