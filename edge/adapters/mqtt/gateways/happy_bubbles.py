"""Happy Bubbles presence detector: `happy-bubbles/ble/<hostname>/<kind>/<id>`.

Decides that every number is hexadecimal text, and that the Eddystone power counts at 0 m where
the iBeacon one counts at 1 m. Source: 1technophile/OpenMQTTGateway #80, the firmware's
`sendMQTTeddystone`.
"""

import msgspec

from edge.adapters.mqtt.gateways import wire
from edge.core.advertisements import decode_advertisement
from edge.core.errors import MessageError
from edge.core.sightings import (
    EDDYSTONE_0M_TO_1M_DB,
    BeaconReport,
    Report,
    checked_ibeacon_id,
    eddystone_id,
    is_hex,
)

FAMILY = "happy_bubbles"
TOPICS = ("happy-bubbles/ble/+/+/+",)


class Heard(msgspec.Struct, gc=False):
    """One advertisement, decoded or raw according to the topic's kind."""

    rssi: float
    hostname: str = ""
    mac: str = ""
    uuid: str = ""
    major: str = ""
    minor: str = ""
    tx_power: str = ""
    namespace: str = ""
    instance_id: str = ""
    data: str = ""


_HEARD = msgspec.json.Decoder(Heard)


def decode(topic: str, payload: bytes) -> tuple[Report, ...]:
    """Return what the message tells.

    Raises:
        MessageError: with a reason to count.
    """
    levels = topic.split("/")
    if len(levels) != 5:
        raise MessageError("unknown_topic", "expected happy-bubbles/ble/<hostname>/<kind>/<id>")
    heard = wire.json_of(_HEARD, payload)
    gateway = wire.gateway_of(heard.hostname or levels[2])
    match levels[3]:
        case "ibeacon":
            power = wire.signed_hex_8(heard.tx_power)
            return (wire.sighting(gateway, _ibeacon_of(heard), heard.rssi, power),)
        case "eddystone":
            power = wire.signed_hex_8(heard.tx_power) + EDDYSTONE_0M_TO_1M_DB
            return (wire.sighting(gateway, _eddystone_of(heard), heard.rssi, power),)
        case "raw":
            return _decode_raw(gateway, heard)
    raise MessageError("unknown_topic", "expected ibeacon, eddystone or raw")


def _ibeacon_of(heard: Heard) -> str:
    return checked_ibeacon_id(heard.uuid, wire.hex_16(heard.major), wire.hex_16(heard.minor))


def _eddystone_of(heard: Heard) -> str:
    beacon = eddystone_id(heard.namespace, heard.instance_id)
    namespace, _, instance = beacon.removeprefix("eddystone:").partition("-")
    if not (is_hex(namespace, 20) and is_hex(instance, 12)):
        raise MessageError("bad_beacon_id", "expected 20 and 12 hexadecimal digits")
    return beacon


def _decode_raw(gateway: str, heard: Heard) -> tuple[Report, ...]:
    frame = decode_advertisement(wire.bytes_of(heard.data))
    beacon = frame.beacon if frame is not None else None
    beacon = beacon or wire.address_of(heard.mac)
    if beacon is None:
        raise MessageError("no_beacon_id", "neither a beacon frame nor an address")
    power = frame.measured_power_dbm if frame is not None else None
    seen = wire.sighting(gateway, beacon, heard.rssi, power)
    if frame is None or frame.battery_mv is None:
        return (seen,)
    return (seen, BeaconReport(gateway, beacon, frame.battery_mv))
