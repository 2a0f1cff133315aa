"""Home Assistant's mqtt_room: `<state topic>/<room>` with an id and a distance.

Decides nothing but the room, the last topic level. It is the smallest common form: most senders
give a distance only, which serves too. Source: home-assistant/core
`homeassistant/components/mqtt_room/sensor.py`, its documentation, and ESPHome's `mqtt_room`.
"""

import msgspec

from edge.adapters.mqtt.gateways import wire
from edge.core.errors import MessageError
from edge.core.sightings import Report, canonical_beacon_id

FAMILY = "mqtt_room"
TOPICS = ("room_presence/+", "esphome/rooms/+")  # the two documented default state topics


class Heard(msgspec.Struct, gc=False):
    """One device in one room; `rssi` is what some senders add."""

    id: str
    distance: float | None = None
    rssi: float | None = None


_HEARD = msgspec.json.Decoder(Heard)


def decode(topic: str, payload: bytes) -> tuple[Report, ...]:
    """Return what the message tells.

    Raises:
        MessageError: with a reason to count.
    """
    state_topic, _, room = topic.rpartition("/")
    if not state_topic:
        raise MessageError("unknown_topic", "expected <state topic>/<room>")
    heard = wire.json_of(_HEARD, payload)
    beacon = canonical_beacon_id(heard.id)
    return (wire.sighting(wire.gateway_of(room), beacon, heard.rssi, distance_m=heard.distance),)
