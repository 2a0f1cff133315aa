"""What every gateway decoder checks before it believes a message.

Decides size, encoding, depth, types and physical ranges, each with one reason to count. Leaves
out the formats, which are the decoders' own, and whether a beacon is known at all.
"""

import binascii
from datetime import datetime
from typing import Final, TypeVar

import msgspec

from edge.core.errors import MessageError
from edge.core.sightings import GatewayReport, Refusal, Report, Sighting, is_hex, is_name

# The wire contract: one message is at most 64 KiB.
MAX_PAYLOAD_BYTES: Final = 65_536

# Bluetooth Core 5.4 Vol 4 Part E 7.7.65.2: RSSI is -127..+20 dBm; 127 means "not available".
MIN_RSSI_DBM: Final = -127.0
MAX_RSSI_DBM: Final = 20.0

# No 2.4 GHz advertisement at +20 dBm is heard beyond this in free space; farther is a fault.
MAX_DISTANCE_M: Final = 1_000.0

ONLINE_WORDS: Final = frozenset({b"online", b"true", b"1"})
OFFLINE_WORDS: Final = frozenset({b"offline", b"false", b"0"})

T = TypeVar("T")


def json_of(decoder: "msgspec.json.Decoder[T]", payload: bytes) -> T:
    """Return the typed content of a JSON payload.

    Raises:
        MessageError: `too_large`, `not_utf8`, `malformed`, `too_deep` or `wrong_type`.
    """
    check_size(payload)
    try:
        if not payload.isascii():
            payload.decode()  # msgspec skips unknown fields without looking at their encoding
        return decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _refusal_of(error) from error


def message_pack_of(decoder: "msgspec.msgpack.Decoder[T]", payload: bytes) -> T:
    """Return the typed content of a MessagePack payload.

    Raises:
        MessageError: `too_large`, `not_utf8`, `malformed`, `too_deep` or `wrong_type`.
    """
    check_size(payload)
    try:
        return decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _refusal_of(error) from error


def batch_of(
    whole: "msgspec.json.Decoder[list[T]]",
    one: "msgspec.json.Decoder[T]",
    payload: bytes,
) -> tuple[list[T], list[str]]:
    """Return the elements of a JSON array, and a reason for each that does not fit.

    One odd element must not blind the store to the others, so only a batch with a fault pays
    for being read element by element.
    """
    check_size(payload)
    try:
        if not payload.isascii():
            payload.decode()
        return whole.decode(payload), []
    except msgspec.ValidationError:
        return _each_of(one, payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _refusal_of(error) from error


_RAWS: Final = msgspec.json.Decoder(list[msgspec.Raw])


def _each_of(one: "msgspec.json.Decoder[T]", payload: bytes) -> tuple[list[T], list[str]]:
    fitting: list[T] = []
    reasons: list[str] = []
    for raw in json_of(_RAWS, payload):
        try:
            fitting.append(json_of(one, bytes(raw)))
        except MessageError as error:
            reasons.append(error.reason)
    return fitting, reasons


def _refusal_of(error: Exception) -> MessageError:
    if isinstance(error, UnicodeDecodeError):
        return MessageError("not_utf8", "the payload is not UTF-8")
    if isinstance(error, RecursionError):
        return MessageError("too_deep", "the payload is nested too deeply")
    if isinstance(error, msgspec.ValidationError):
        return MessageError("wrong_type", "a field has another type or range than its family's")
    return MessageError("malformed", "the payload does not parse")


def check_size(payload: bytes) -> None:
    """Refuse a payload above 64 KiB before anything reads it."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise MessageError("too_large", f"more than {MAX_PAYLOAD_BYTES} bytes")


def sighting(
    gateway: str,
    beacon: str,
    rssi_dbm: float | None,
    measured_power_dbm: float | None = None,
    distance_m: float | None = None,
    at_s: float | None = None,
    is_filtered: bool = False,
) -> Sighting:
    """Return a sighting whose figures are physically possible.

    A measured power of 0 dBm or more at 1 m is no power; it is left out, the sighting stays.

    Raises:
        MessageError: `bad_rssi`, `bad_distance`, or `no_signal` where both are missing.
    """
    if rssi_dbm is not None:
        if not MIN_RSSI_DBM <= rssi_dbm <= MAX_RSSI_DBM:
            raise MessageError("bad_rssi", "expected -127 to +20 dBm")
    elif distance_m is None:
        raise MessageError("no_signal", "neither rssi nor distance")
    if distance_m is not None and not 0.0 <= distance_m <= MAX_DISTANCE_M:
        raise MessageError("bad_distance", "expected 0 to 1000 m")
    if measured_power_dbm is not None and not MIN_RSSI_DBM <= measured_power_dbm < 0.0:
        measured_power_dbm = None
    return Sighting(gateway, beacon, rssi_dbm, measured_power_dbm, distance_m, at_s, is_filtered)


def status(gateway: str, payload: bytes) -> tuple[Report, ...]:
    """Return the report of a last will or status text: online or offline, in any case.

    Raises:
        MessageError: `bad_status` for any other text.
    """
    word = payload[:16].strip().lower()
    if word in ONLINE_WORDS or word in OFFLINE_WORDS:
        return (GatewayReport(gateway, word in ONLINE_WORDS),)
    raise MessageError("bad_status", "expected online or offline")


def gateway_of(name: str) -> str:
    """Return the gateway's own name, refused where it could not name a receiver.

    Raises:
        MessageError: `bad_gateway`.
    """
    if not is_name(name):
        raise MessageError("bad_gateway", "a gateway's name has 1 to 64 printable characters")
    return name


def address_of(text: str) -> str | None:
    """Return the canonical id of a device address, or None where `text` is none."""
    if len(text) not in (12, 17):
        return None
    digits = text.replace(":", "").replace("-", "").lower()
    return f"mac:{digits}" if is_hex(digits, 12) else None


def bytes_of(digits: str) -> bytes:
    """Return the bytes of hexadecimal text.

    Raises:
        MessageError: `bad_hex`.
    """
    try:
        return binascii.unhexlify(digits)
    except ValueError as error:  # odd length, other characters, or not ASCII
        raise MessageError("bad_hex", "expected pairs of hexadecimal digits") from error


def hex_16(digits: str) -> int:
    """Return a number of 16 bits from hexadecimal text, as `major` and `minor` often come.

    Raises:
        MessageError: `bad_beacon_id`.
    """
    if not 0 < len(digits) <= 4 or not is_hex(digits.lower(), len(digits)):
        raise MessageError("bad_beacon_id", "expected 1 to 4 hexadecimal digits")
    return int(digits, 16)


def signed_hex_8(digits: str) -> float:
    """Return a power in dBm from a byte of two's complement in hexadecimal: `c5` is -59.

    Raises:
        MessageError: `bad_hex`.
    """
    if not is_hex(digits.lower(), 2):
        raise MessageError("bad_hex", "expected two hexadecimal digits")
    value = int(digits, 16)
    return float(value - 256 if value > 127 else value)


def seconds_of_iso(text: str) -> float | None:
    """Return UTC seconds of an ISO 8601 time; None without a zone or where it is no time.

    A local time without a zone (Tasmota) could be hours off, so the time of receipt counts.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    seconds = moment.timestamp()
    return seconds if seconds >= 0.0 else None


def refusals(gateway: str, reasons: list[str]) -> list[Report]:
    """Return one refusal per unusable part of a batch, to be counted by reason."""
    return [Refusal(gateway, reason) for reason in reasons]
