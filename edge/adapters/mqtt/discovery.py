"""Gateway health for Home Assistant: MQTT discovery and state messages, as topic and bytes.

Decides which figures a gateway shows there: whether it is connected, when it was last heard, its
battery, its clock's offset, and what was used and refused of it. Leaves out when to publish.
Nothing about beacons or people is in here. Format: home-assistant.io/integrations/mqtt,
"Discovery messages" (one retained configuration per entity).

    for message in discovery_messages(health): client.publish(*message, retain=True)
    client.publish(*state_message(health))
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from edge.core.gateways import GatewayHealth

DISCOVERY_PREFIX: Final = "homeassistant"
STATE_PREFIX: Final = "stammgast/v1/gateways"
ORIGIN: Final = {"name": "Stammgast"}

# Three state messages may be missed before Home Assistant calls a figure unknown.
STATE_EVERY_S: Final = 30
EXPIRES_AFTER_S: Final = 3 * STATE_EVERY_S


class MqttMessage(NamedTuple):
    """A topic and what to publish there."""

    topic: str
    payload: bytes


class Entity(NamedTuple):
    """One figure of a gateway in Home Assistant's words."""

    component: str
    key: str
    name: str
    settings: dict[str, str | int]


ENTITIES: Final = (
    Entity("binary_sensor", "connected", "Connected", {"device_class": "connectivity"}),
    Entity("sensor", "last_heard", "Last heard", {"device_class": "timestamp"}),
    Entity(
        "sensor",
        "battery_percent",
        "Battery",
        {"device_class": "battery", "unit_of_measurement": "%", "state_class": "measurement"},
    ),
    Entity(
        "sensor",
        "clock_offset_s",
        "Clock offset",
        {"device_class": "duration", "unit_of_measurement": "s", "state_class": "measurement"},
    ),
    Entity("binary_sensor", "clock_problem", "Clock", {"device_class": "problem"}),
    Entity("sensor", "sightings", "Sightings used", {"state_class": "total_increasing"}),
    Entity("sensor", "refused", "Sightings refused", {"state_class": "total_increasing"}),
)


def discovery_messages(
    health: GatewayHealth, discovery_prefix: str = DISCOVERY_PREFIX
) -> Iterator[MqttMessage]:
    """Yield the retained configurations that make Home Assistant show a gateway."""
    slug = gateway_slug(health.gateway)
    for entity in ENTITIES:
        if entity.key == "battery_percent" and health.battery_percent is None:
            continue  # most gateways hang on a wire
        configuration = {
            "name": entity.name,
            "unique_id": f"stammgast_{slug}_{entity.key}",
            "state_topic": state_topic(health.gateway),
            "value_template": "{{ value_json." + entity.key + " }}",
            "entity_category": "diagnostic",
            "expire_after": EXPIRES_AFTER_S,
            "device": {
                "identifiers": [f"stammgast_gateway_{slug}"],
                "name": f"Gateway {health.gateway}",
                "manufacturer": "Stammgast",
            },
            "origin": ORIGIN,
            **entity.settings,
        }
        yield MqttMessage(
            _configuration_topic(entity, slug, discovery_prefix), msgspec.json.encode(configuration)
        )


def removal_messages(
    gateway: str, discovery_prefix: str = DISCOVERY_PREFIX
) -> Iterator[MqttMessage]:
    """Yield the empty retained messages that take a gateway out of Home Assistant."""
    for entity in ENTITIES:
        topic = _configuration_topic(entity, gateway_slug(gateway), discovery_prefix)
        yield MqttMessage(topic, b"")


def state_message(health: GatewayHealth) -> MqttMessage:
    """Return a gateway's figures of now, read by every entity of it."""
    state = {
        "connected": "ON" if health.state == "online" else "OFF",
        "state": health.state,
        "last_heard": _iso(health.last_heard_s),
        "battery_percent": health.battery_percent,
        "clock_offset_s": None
        if health.clock_offset_s is None
        else round(health.clock_offset_s, 1),
        "clock_problem": "ON" if health.is_clock_wrong else "OFF",
        "sightings": health.sightings,
        "refused": sum(health.refused.values()),
        "refused_by_reason": dict(sorted(health.refused.items())),
    }
    return MqttMessage(state_topic(health.gateway), msgspec.json.encode(state))


def state_topic(gateway: str) -> str:
    """Return the topic of a gateway's state."""
    return f"{STATE_PREFIX}/{gateway_slug(gateway)}/state"


def gateway_slug(gateway: str) -> str:
    """Return a gateway's name as Home Assistant allows it in a topic: `a-z A-Z 0-9 _ -`.

    A name that had to be changed ends with a hash of it, so two names never meet in one.
    """
    slug = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in gateway)
    if slug == gateway:
        return slug
    return f"{slug}_{hashlib.blake2b(gateway.encode(), digest_size=3).hexdigest()}"


def _configuration_topic(entity: Entity, slug: str, discovery_prefix: str) -> str:
    return f"{discovery_prefix}/{entity.component}/stammgast_{slug}/{entity.key}/config"


def _iso(at_s: float | None) -> str | None:
    if at_s is None:
        return None
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")
