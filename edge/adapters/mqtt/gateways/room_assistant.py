"""room-assistant: its mqtt_room messages, and the state of its presence entities.

Decides that an entity's state holds one sighting per room, each with its own time, so that a
room repeated in every update is a duplicate and not a fresh sighting; rooms out of range are
none. RSSI comes out of room-assistant's own filter. Source: mKeRix/room-assistant
`docs/integrations/mqtt.md`, `docs/integrations/bluetooth-low-energy.md`.
"""

import msgspec

from edge.adapters.mqtt.gateways import mqtt_room, wire
from edge.core.errors import MessageError
from edge.core.sightings import Refusal, Report, canonical_beacon_id

FAMILY = "room_assistant"
TOPICS = ("room-assistant/mqtt-room/+", "room-assistant/entity/+/+/+")

PRESENCE_ENTITY = "bluetooth-low-energy-presence-sensor"
ENTITY_PREFIX = "ble-"


class RoomDistance(msgspec.Struct, rename="camel", gc=False):
    """How far one room says the tag is, and when it said so."""

    distance: float | None = None
    last_updated_at: str = ""
    out_of_range: bool = False


class RoomSignal(msgspec.Struct, rename="camel", gc=False):
    """What one room measured, smoothed."""

    rssi: float | None = None
    measured_power: float | None = None


class Entity(msgspec.Struct, rename="camel", gc=False):
    """A tag as the whole cluster sees it."""

    id: str
    distances: dict[str, RoomDistance] = {}
    measured_values: dict[str, RoomSignal] = {}


class Update(msgspec.Struct, gc=False):
    """An entity's state after a change; the difference itself is not read."""

    entity: Entity


_UPDATE = msgspec.json.Decoder(Update)


def decode(topic: str, payload: bytes) -> list[Report] | tuple[Report, ...]:
    """Return what the message tells.

    Raises:
        MessageError: with a reason to count; `absent` where no room hears the tag.
    """
    levels = topic.split("/")
    if len(levels) != 5:
        return mqtt_room.decode(topic, payload)
    if levels[3] != PRESENCE_ENTITY:
        raise MessageError("not_a_beacon", "an entity of another kind")
    entity = wire.json_of(_UPDATE, payload).entity
    beacon = canonical_beacon_id(entity.id.removeprefix(ENTITY_PREFIX))
    reports: list[Report] = []
    for room in entity.distances.keys() | entity.measured_values.keys():
        _read_room(room, levels[2], beacon, entity, reports)
    if not reports:
        raise MessageError("absent", "no room hears the tag")
    return sorted(reports, key=lambda report: report.gateway)


def _read_room(
    room: str, instance: str, beacon: str, entity: Entity, reports: list[Report]
) -> None:
    place = entity.distances.get(room, RoomDistance())
    if place.out_of_range:
        return
    signal = entity.measured_values.get(room, RoomSignal())
    try:
        reports.append(
            wire.sighting(
                wire.gateway_of(room),
                beacon,
                signal.rssi,
                signal.measured_power,
                place.distance,
                wire.seconds_of_iso(place.last_updated_at),
                is_filtered=True,
            )
        )
    except MessageError as error:
        reports.append(Refusal(instance, error.reason))
