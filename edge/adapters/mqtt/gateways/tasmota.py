"""Tasmota: `tele/<device>/SENSOR` of its iBeacon driver, and the device's last will.

Decides that major and minor are hexadecimal text, that RSSI 0 and STATE OFF mean the driver's
own timeout and no sighting, and that a time without a zone is not used. Older drivers name a
beacon by its address in the key (`IBEACON_<address>`). Source: arendst/Tasmota #11652, #10837,
tasmota/docs `docs/Bluetooth.md`.
"""

import msgspec

from edge.adapters.mqtt.gateways import wire
from edge.core.errors import MessageError
from edge.core.sightings import Report, checked_ibeacon_id

FAMILY = "tasmota"
TOPICS = ("tele/+/SENSOR", "tele/+/LWT")

NO_UUID = "0" * 32  # what the driver writes for a device that is no iBeacon
PREFIX_LEVEL = "tele"
ADDRESS_KEY = "IBEACON_"


class Beacon(msgspec.Struct, rename="upper", gc=False):
    """One beacon as the driver writes it."""

    rssi: float
    uid: str = ""
    major: str = ""
    minor: str = ""
    mac: str = ""
    state: str = "ON"


class Sensors(msgspec.Struct, gc=False):
    """A sensor message; most come from devices without the driver."""

    beacon: Beacon | None = msgspec.field(name="IBEACON", default=None)


_SENSORS = msgspec.json.Decoder(Sensors)
_KEYED = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BEACON = msgspec.json.Decoder(Beacon)


def decode(topic: str, payload: bytes) -> tuple[Report, ...]:
    """Return what the message tells.

    Raises:
        MessageError: with a reason to count; `absent` for the driver's timeout.
    """
    gateway = wire.gateway_of(_device_in(topic))
    if topic.endswith("/LWT"):
        return wire.status(gateway, payload)
    beacon = wire.json_of(_SENSORS, payload).beacon or _keyed_by_address(payload)
    if beacon is None:
        raise MessageError("not_a_beacon", "a sensor message without a beacon")
    if beacon.state.upper() == "OFF" or beacon.rssi == 0.0:
        raise MessageError("absent", "the driver has not heard the beacon for its timeout")
    return (wire.sighting(gateway, _stable_id(beacon), beacon.rssi),)


def _device_in(topic: str) -> str:
    levels = topic.split("/")
    if len(levels) < 3:
        raise MessageError("unknown_topic", "expected tele/<device>/SENSOR or /LWT")
    return levels[-2] if levels[-2] != PREFIX_LEVEL else levels[-3]


def _keyed_by_address(payload: bytes) -> Beacon | None:
    for key, raw in wire.json_of(_KEYED, payload).items():
        if key.startswith(ADDRESS_KEY):
            beacon = wire.json_of(_BEACON, bytes(raw))
            return msgspec.structs.replace(beacon, mac=key.removeprefix(ADDRESS_KEY))
    return None


def _stable_id(beacon: Beacon) -> str:
    uuid = beacon.uid.replace("-", "").lower()
    if uuid and uuid != NO_UUID:
        return checked_ibeacon_id(uuid, wire.hex_16(beacon.major), wire.hex_16(beacon.minor))
    address = wire.address_of(beacon.mac)
    if address is None:
        raise MessageError("no_beacon_id", "neither a UUID nor an address")
    return address
