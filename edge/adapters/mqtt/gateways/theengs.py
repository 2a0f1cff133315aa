"""Theengs Gateway, and the properties that every user of the Theengs decoder publishes.

Decides which id of a decoded device is stable: a beacon frame in the raw bytes, then UUID with
major and minor, then the address. Eddystone and AltBeacon arrive undecoded and are read here.
Source: theengs/gateway `ble_gateway.py`, theengs/decoder `src/devices/iBeacon_json.h`.
"""

import msgspec

from edge.adapters.mqtt.gateways import wire
from edge.core.advertisements import Frame, decode_eddystone, decode_manufacturer_data
from edge.core.errors import MessageError
from edge.core.sightings import BeaconReport, GatewayReport, Report, checked_ibeacon_id

FAMILY = "theengs"
TOPICS = ("home/+/BTtoMQTT/#", "home/presence/+", "home/+/LWT")

PRESENCE_LEVELS = frozenset({"presence", "home_presence"})


class Device(msgspec.Struct, gc=False):
    """One device as the Theengs decoder names its properties; all of them may be missing."""

    id: str = ""
    mac: str = ""
    rssi: float | None = None
    distance: float | None = None
    uuid: str = ""
    major: int | None = None
    minor: int | None = None
    txpower: float | None = None
    volt: float | str | None = None
    batt: float | str | None = None
    manufacturerdata: str = ""
    servicedata: str = ""
    servicedatauuid: str = ""
    presence: str | bool | None = None


_DEVICE = msgspec.json.Decoder(Device)


def decode(topic: str, payload: bytes) -> tuple[Report, ...]:
    """Return what the message tells.

    Raises:
        MessageError: with a reason to count; `absent` for a tracker that left.
    """
    levels = topic.split("/")
    if levels[-1] == "LWT" and len(levels) > 1:
        return wire.status(wire.gateway_of(levels[-2]), payload)
    gateway = wire.gateway_of(gateway_in(levels))
    device = wire.json_of(_DEVICE, payload)
    if device.presence == "absent":
        raise MessageError("absent", "a tracker that is not heard any more")
    return reports_of(gateway, device, levels[-1])


def gateway_in(levels: list[str]) -> str:
    """Return the gateway's level: before `BTtoMQTT`, or after a presence level.

    Raises:
        MessageError: `unknown_topic`.
    """
    if "BTtoMQTT" in levels[1:]:
        return levels[levels.index("BTtoMQTT", 1) - 1]
    if len(levels) > 2 and levels[-2] in PRESENCE_LEVELS:
        return levels[-1]
    raise MessageError("unknown_topic", "expected …/<gateway>/BTtoMQTT/… or …/presence/<gateway>")


def reports_of(gateway: str, device: Device, topic_id: str) -> tuple[Report, ...]:
    """Return the sighting of a decoded device, and its battery where it tells one.

    Args:
        gateway: The receiver.
        device: The message.
        topic_id: The last topic level, an address where the payload has none.

    Raises:
        MessageError: `no_beacon_id`, or what `wire.sighting` refuses.
    """
    frame = _frame_of(device)
    power = device.txpower
    if frame is not None:
        power = frame.measured_power_dbm
    beacon = _stable_id(device, frame, topic_id)
    seen = wire.sighting(gateway, beacon, device.rssi, power, device.distance)
    battery = _battery_of(gateway, beacon, device, frame)
    return (seen,) if battery is None else (seen, battery)


def _frame_of(device: Device) -> Frame | None:
    if device.manufacturerdata:
        return decode_manufacturer_data(wire.bytes_of(device.manufacturerdata))
    if device.servicedata and device.servicedatauuid.lower().removeprefix("0x") == "feaa":
        return decode_eddystone(wire.bytes_of(device.servicedata))
    return None


def _stable_id(device: Device, frame: Frame | None, topic_id: str) -> str:
    if frame is not None and frame.beacon is not None:
        return frame.beacon
    # Old decoders label every Apple frame of 25 bytes an iBeacon: raw bytes, where given, decide.
    if device.major is not None and device.minor is not None and not device.manufacturerdata:
        return checked_ibeacon_id(device.uuid or device.id, device.major, device.minor)
    for address in (device.id, device.mac, topic_id):
        if beacon := wire.address_of(address):
            return beacon
    raise MessageError("no_beacon_id", "neither a beacon frame, a UUID nor a whole address")


def _battery_of(
    gateway: str, beacon: str, device: Device, frame: Frame | None
) -> BeaconReport | None:
    millivolt = frame.battery_mv if frame is not None else None
    if isinstance(device.volt, float):
        millivolt = device.volt * 1000.0
    percent = device.batt if isinstance(device.batt, float) else None
    if millivolt is None and percent is None:
        return None
    return BeaconReport(gateway, beacon, millivolt, percent)


def alive(gateway: str) -> tuple[Report, ...]:
    """Return the report of a gateway that told something about itself."""
    return (GatewayReport(gateway, is_online=True),)
