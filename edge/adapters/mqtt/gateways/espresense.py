"""ESPresense: `espresense/devices/<id>/<room>`, node status and telemetry.

Decides that its RSSI is smoothed already (firmware 3 and later), that old firmware's is not, and
that fingerprints of a device class (`apple:…`) are no beacon. The room names the receiver.
Source: ESPresense/ESPresense `src/BleFingerprint.cpp`, `src/main.cpp`.
"""

import msgspec

from edge.adapters.mqtt.gateways import wire
from edge.core.errors import MessageError
from edge.core.sightings import BeaconReport, GatewayReport, Report, canonical_beacon_id

FAMILY = "espresense"
TOPICS = (
    "espresense/devices/+/+",
    "espresense/rooms/+",  # firmware 1 and 2
    "espresense/rooms/+/status",
    "espresense/rooms/+/telemetry",
)

# Ids that thousands of phones share, or another node's own (BleFingerprint.cpp, `setId` calls).
CLASS_FINGERPRINTS = ("apple:", "node:", "msft:", "samsung:", "md:", "sd:", "ad:", "exp:")


class Heard(msgspec.Struct, gc=False):
    """One device as one room hears it; `raw` and `idType` exist in firmware 1 and 2 only."""

    id: str = ""
    rssi: float | None = None
    power: float | None = msgspec.field(name="rssi@1m", default=None)
    distance: float | None = None
    raw: float | None = None
    id_type: int | None = msgspec.field(name="idType", default=None)
    millivolt: float | None = msgspec.field(name="mV", default=None)
    batt: float | None = None


class Telemetry(msgspec.Struct, gc=False):
    """A node's own report; only that it came is used."""

    uptime: float | None = None


_HEARD = msgspec.json.Decoder(Heard)
_TELEMETRY = msgspec.json.Decoder(Telemetry)


def decode(topic: str, payload: bytes) -> tuple[Report, ...]:
    """Return what the message tells.

    Raises:
        MessageError: with a reason to count.
    """
    levels = topic.split("/")
    if len(levels) == 3 and levels[1] == "rooms":
        return _decode_device(wire.gateway_of(levels[2]), "", payload)
    if len(levels) != 4:
        raise MessageError("unknown_topic", "not a topic of an ESPresense node")
    if levels[1] == "devices":
        return _decode_device(wire.gateway_of(levels[3]), levels[2], payload)
    if levels[1] == "rooms":
        return _decode_room(wire.gateway_of(levels[2]), levels[3], payload)
    raise MessageError("unknown_topic", "not a topic of an ESPresense node")


def _decode_device(room: str, topic_id: str, payload: bytes) -> tuple[Report, ...]:
    heard = wire.json_of(_HEARD, payload)
    named = heard.id or topic_id
    if named.startswith(CLASS_FINGERPRINTS):
        raise MessageError("not_a_beacon", "a fingerprint of a device class, not of a device")
    beacon = canonical_beacon_id(named)
    seen = wire.sighting(
        room,
        beacon,
        heard.rssi,
        heard.power,
        heard.distance,
        is_filtered=heard.raw is None and heard.id_type is None,
    )
    if heard.millivolt is None and heard.batt is None:
        return (seen,)
    return (seen, BeaconReport(room, beacon, heard.millivolt, heard.batt))


def _decode_room(room: str, what: str, payload: bytes) -> tuple[Report, ...]:
    if what == "status":
        return wire.status(room, payload)
    if what == "telemetry":
        wire.json_of(_TELEMETRY, payload)
        return (GatewayReport(room, is_online=True),)
    raise MessageError("unused_topic", "a setting of the node, not a report")
