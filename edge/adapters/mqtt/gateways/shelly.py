"""Shelly BLU: the bare address as topic, or `blegateway/<address>/sensor`.

Decides on a name for the receiver, because neither script sends one: `src` in the payload, the
topic level before the address, else `shelly`. Shelly's scripts pass BTHome devices on and drop
beacons, so the device's address is its id. Source: ALLTERCO/shelly-script-examples `ble/`.
"""

import msgspec

from edge.adapters.mqtt.gateways import wire
from edge.core.errors import MessageError
from edge.core.sightings import BeaconReport, Report

FAMILY = "shelly"
# The bare address is a topic of one level, so only a filter for all of those can catch it.
TOPICS = ("+", "blegateway/+/sensor")

UNNAMED_GATEWAY = "shelly"
SCRIPT_LEVEL = "blegateway"


class ServiceData(msgspec.Struct, gc=False):
    """BTHome values; only the battery is read."""

    battery: float | None = None


class Heard(msgspec.Struct, gc=False):
    """One device; its values lie in `service_data`, or at the top in the passive script."""

    rssi: float
    addr: str = ""
    src: str = ""
    battery: float | None = None
    service_data: ServiceData | None = None


_HEARD = msgspec.json.Decoder(Heard)


def decode(topic: str, payload: bytes) -> tuple[Report, ...]:
    """Return what the message tells.

    Raises:
        MessageError: with a reason to count.
    """
    levels = topic.split("/")
    if levels[-1] == "sensor" and len(levels) > 1:
        levels.pop()
    if wire.address_of(levels[-1]) is None:
        raise MessageError("unknown_topic", "expected a device's address")
    heard = wire.json_of(_HEARD, payload)
    beacon = wire.address_of(heard.addr or levels[-1])
    if beacon is None:
        raise MessageError("no_beacon_id", "expected a device's address")
    gateway = wire.gateway_of(heard.src or _receiver_in(levels))
    seen = wire.sighting(gateway, beacon, heard.rssi)
    percent = heard.service_data.battery if heard.service_data is not None else heard.battery
    return (seen,) if percent is None else (seen, BeaconReport(gateway, beacon, None, percent))


def _receiver_in(levels: list[str]) -> str:
    if len(levels) > 1 and levels[-2] != SCRIPT_LEVEL:
        return levels[-2]
    return UNNAMED_GATEWAY
