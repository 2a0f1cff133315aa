"""Ruuvi Gateway: `ruuvi/<gateway MAC>/<tag MAC>` with the raw advertisement in hexadecimal.

Decides that a beacon frame in the advertisement names the beacon, and the tag's address only
where there is none. Times are epoch seconds written as text; without them receipt counts.
Source: ruuvi/docs `ruuvi-gateway-firmware/data-formats`.
"""

import msgspec

from edge.adapters.mqtt.gateways import wire
from edge.core.advertisements import decode_advertisement
from edge.core.errors import MessageError
from edge.core.sightings import BeaconReport, GatewayReport, Report

FAMILY = "ruuvi"
TOPICS = ("ruuvi/+/+",)


class Heard(msgspec.Struct, gc=False):
    """One advertisement; `ts` is absent where the gateway has no clock (`cnt` counts instead)."""

    data: str
    rssi: float
    gw_mac: str = ""
    ts: str | int | None = None


class Status(msgspec.Struct, gc=False):
    """The gateway's state; a status without one was sent by a gateway that lives."""

    state: str = "online"


_HEARD = msgspec.json.Decoder(Heard)
_STATUS = msgspec.json.Decoder(Status)


def decode(topic: str, payload: bytes) -> tuple[Report, ...]:
    """Return what the message tells.

    Raises:
        MessageError: with a reason to count.
    """
    levels = topic.split("/")
    if len(levels) < 3:
        raise MessageError("unknown_topic", "expected ruuvi/<gateway>/<tag>")
    if levels[-1] == "gw_status":
        return _decode_status(wire.gateway_of(levels[-2]), payload)
    heard = wire.json_of(_HEARD, payload)
    gateway = wire.gateway_of(heard.gw_mac or levels[-2])
    frame = decode_advertisement(wire.bytes_of(heard.data))
    beacon = frame.beacon if frame is not None else None
    beacon = beacon or wire.address_of(levels[-1])
    if beacon is None:
        raise MessageError("no_beacon_id", "neither a beacon frame nor a tag's address")
    power = frame.measured_power_dbm if frame is not None else None
    seen = wire.sighting(gateway, beacon, heard.rssi, power, at_s=_seconds(heard.ts))
    if frame is None or frame.battery_mv is None:
        return (seen,)
    return (seen, BeaconReport(gateway, beacon, frame.battery_mv))


def _seconds(stamp: str | int | None) -> float | None:
    if isinstance(stamp, str):
        return float(stamp) if len(stamp) <= 10 and stamp.isascii() and stamp.isdigit() else None
    return float(stamp) if stamp is not None and 0 <= stamp < 10**10 else None


def _decode_status(gateway: str, payload: bytes) -> tuple[Report, ...]:
    state = wire.json_of(_STATUS, payload).state
    if state not in ("online", "offline"):
        raise MessageError("bad_status", "expected online or offline")
    return (GatewayReport(gateway, state == "online"),)
