"""April Brother AB BLE Gateway V4: a MessagePack map with raw advertisements.

Decides what one item of `devices` is: advertising type (1), address (6), RSSI + 256 (1), AD
structures. `time` counts seconds since the gateway started, so the time of receipt counts.
Source: AprilBrother/wiki.aprbrother `en/User_Guide_For_AB_BLE_Gateway_V4.md`.
"""

import msgspec

from edge.adapters.mqtt.gateways import wire
from edge.core.advertisements import decode_advertisement
from edge.core.errors import MessageError
from edge.core.sightings import BeaconReport, GatewayReport, Refusal, Report

FAMILY = "april_brother"
TOPICS = ("april-brother/+",)  # the gateway publishes where its set-up says; this is our advice

ITEM_HEADER_BYTES = 8


class Upload(msgspec.Struct, gc=False):
    """What a gateway heard within a second."""

    mac: str
    devices: list[bytes] = []


_UPLOAD = msgspec.msgpack.Decoder(Upload)


def decode(topic: str, payload: bytes) -> list[Report]:  # noqa: ARG001 - the payload names it all
    """Return what the message tells: the gateway's report first, then its sightings.

    Raises:
        MessageError: with a reason to count.
    """
    upload = wire.message_pack_of(_UPLOAD, payload)
    gateway = wire.gateway_of(upload.mac)
    reports: list[Report] = [GatewayReport(gateway, is_online=True)]
    for item in upload.devices:
        try:
            reports.extend(_read(gateway, item))
        except MessageError as error:
            reports.append(Refusal(gateway, error.reason))
    return reports


def _read(gateway: str, item: bytes) -> list[Report]:
    if len(item) < ITEM_HEADER_BYTES:
        raise MessageError("truncated_advertisement", "shorter than type, address and RSSI")
    frame = decode_advertisement(item[ITEM_HEADER_BYTES:])
    beacon = frame.beacon if frame is not None else None
    beacon = beacon or f"mac:{item[1:7].hex()}"
    power = frame.measured_power_dbm if frame is not None else None
    reports: list[Report] = [wire.sighting(gateway, beacon, item[7] - 256.0, power)]
    if frame is not None and frame.battery_mv is not None:
        reports.append(BeaconReport(gateway, beacon, frame.battery_mv))
    return reports
