"""Minew G1, G2, MG3, MG4: JSON-LONG, JSON-RAW, BINARY-LONG and MINEW-CONNECT.

Decides which of the four a payload is by its first bytes. In JSON the gateway is the array's own
element (`type: Gateway`, or the key `gateway`); BINARY-LONG carries its address; where a message
names none, the topic's second to last level does. BINARY-SHORT has no published layout.
Layouts after the public notes of reelyactive/barnowl-minew; checked against its test vectors.
"""

import msgspec

from edge.adapters.mqtt.gateways import wire
from edge.adapters.mqtt.gateways.minew_binary import Heard, decode_connect, decode_long
from edge.core.advertisements import decode_advertisement
from edge.core.errors import MessageError
from edge.core.sightings import (
    BeaconReport,
    GatewayReport,
    Refusal,
    Report,
    Sighting,
    checked_ibeacon_id,
)

FAMILY = "minew"
TOPICS = ("/gw/+/status",)

BINARY_LONG = b"\xbb\x01"
BINARY_SHORT = b"\xbb\x00"
CONNECT = b"\xbb\x02"


class Element(msgspec.Struct, gc=False):
    """One element of a JSON array: the gateway itself, or one advertisement."""

    timestamp: str | int | None = None
    type: str = ""
    mac: str = ""
    gateway: str = ""
    rssi: float | None = None
    uuid: str = msgspec.field(name="ibeaconUuid", default="")
    major: int | None = msgspec.field(name="ibeaconMajor", default=None)
    minor: int | None = msgspec.field(name="ibeaconMinor", default=None)
    power: float | None = msgspec.field(name="ibeaconTxPower", default=None)
    battery: float | None = None
    raw: str = msgspec.field(name="rawData", default="")


_ELEMENTS = msgspec.json.Decoder(list[Element])
_ELEMENT = msgspec.json.Decoder(Element)


def decode(topic: str, payload: bytes) -> list[Report]:
    """Return what the message tells: the gateway's report first, then its sightings.

    Raises:
        MessageError: with a reason to count.
    """
    head = payload[:2]
    if head in (BINARY_LONG, CONNECT, BINARY_SHORT):
        return _decode_binary(topic, payload)
    elements, reasons = wire.batch_of(_ELEMENTS, _ELEMENT, payload)
    gateway = wire.gateway_of(_gateway_among(elements) or _gateway_in(topic))
    reports: list[Report] = wire.refusals(gateway, reasons)
    stamp: str | int | None = None
    at_s: float | None = None
    for element in elements:
        if element.timestamp != stamp:  # most elements of a batch carry the same
            stamp, at_s = element.timestamp, _seconds(element.timestamp)
        try:
            _read(gateway, element, at_s, reports)
        except MessageError as error:
            reports.append(Refusal(gateway, error.reason))
    return reports


def _gateway_among(elements: list[Element]) -> str:
    for element in elements:
        if element.type == "Gateway":
            return element.mac
        if element.gateway:
            return element.gateway
    return ""


def _gateway_in(topic: str) -> str:
    levels = topic.strip("/").split("/")
    return levels[-2] if len(levels) > 1 else levels[0]


def _read(gateway: str, element: Element, at_s: float | None, reports: list[Report]) -> None:
    if element.type == "Gateway" or (element.gateway and element.rssi is None):
        reports.append(GatewayReport(gateway, is_online=True, at_s=at_s))
        return
    beacon, power, battery_mv = _stable_id(element)
    reports.append(wire.sighting(gateway, beacon, element.rssi, power, at_s=at_s))
    percent = element.battery or None  # 0 is what a gateway writes that does not know
    if percent is not None or battery_mv is not None:
        reports.append(BeaconReport(gateway, beacon, battery_mv, percent))


def _stable_id(element: Element) -> tuple[str, float | None, float | None]:
    if element.uuid:
        beacon = checked_ibeacon_id(element.uuid, element.major, element.minor)
        return beacon, element.power, None
    return _id_of_bytes(wire.bytes_of(element.raw), element.mac)


def _id_of_bytes(advertisement: bytes, address: str) -> tuple[str, float | None, float | None]:
    frame = decode_advertisement(advertisement)
    if frame is not None and frame.beacon is not None:
        return frame.beacon, frame.measured_power_dbm, None
    beacon = wire.address_of(address)
    if beacon is None:
        raise MessageError("no_beacon_id", "neither a beacon frame nor an address")
    return beacon, None, frame.battery_mv if frame is not None else None


def _seconds(stamp: str | int | None) -> float | None:
    return wire.seconds_of_iso(stamp) if isinstance(stamp, str) else None


def _decode_binary(topic: str, payload: bytes) -> list[Report]:
    wire.check_size(payload)
    if payload.startswith(BINARY_SHORT):
        raise MessageError("unsupported_variant", "BINARY-SHORT; set the gateway to BINARY-LONG")
    if payload.startswith(BINARY_LONG):
        gateway, heard = decode_long(payload)
    else:
        gateway, heard = wire.gateway_of(_gateway_in(topic)), decode_connect(payload)
    reports: list[Report] = [GatewayReport(gateway, is_online=True)]
    for advertisement in heard:
        try:
            reports.extend(_reports_of(gateway, advertisement))
        except MessageError as error:
            reports.append(Refusal(gateway, error.reason))
    return reports


def _reports_of(gateway: str, heard: Heard) -> list[Report]:
    beacon, power, battery_mv = _id_of_bytes(heard.advertisement, heard.address)
    seen: Sighting = wire.sighting(gateway, beacon, heard.rssi_dbm, power)
    return [seen] if battery_mv is None else [seen, BeaconReport(gateway, beacon, battery_mv)]
