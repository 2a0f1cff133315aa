"""Gateway health in Home Assistant: every configuration points at a figure that is published."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.adapters.mqtt.discovery import (
    discovery_messages,
    gateway_slug,
    removal_messages,
    state_message,
    state_topic,
)
from edge.core.gateways import GatewayHealth, Gateways
from edge.core.sightings import GatewayReport, Sighting

WIRED = GatewayHealth(
    "AC233FC0AAAA", True, "online", 1.0, 1_772_600_767.9, None, -0.26, False, 12, {"stale": 3}
)
TAGGED = GatewayHealth("C8:25:2D:00:00:01", False, "offline", 1.0, 2.0, 41.0, None, True, 0, {})


@pytest.mark.parametrize("health", [WIRED, TAGGED], ids=["wired", "with a battery"])
def test_each_entity_reads_a_figure_of_the_state(health: GatewayHealth) -> None:
    """The template's key is in the published state, on the topic that was configured."""
    state = state_message(health)
    figures = json.loads(state.payload)
    keys = set()
    for message in discovery_messages(health):
        configuration = json.loads(message.payload)
        assert configuration["state_topic"] == state.topic
        key = re.fullmatch(r"\{\{ value_json\.(\w+) \}\}", configuration["value_template"])
        assert key is not None
        assert key[1] in figures
        keys.add(key[1])
        assert configuration["unique_id"].endswith(key[1])
    assert ("battery_percent" in keys) == (health.battery_percent is not None)


def test_topics_have_home_assistant_s_form() -> None:
    """<prefix>/<component>/<node>/<object>/config, with allowed characters only."""
    form = re.compile(r"homeassistant/(binary_)?sensor/[a-zA-Z0-9_-]+/[a-zA-Z0-9_-]+/config")
    topics = [message.topic for message in discovery_messages(TAGGED)]
    assert all(form.fullmatch(topic) for topic in topics)
    assert len(set(topics)) == len(topics) == 7


def test_a_state_says_what_was_measured() -> None:
    """Worked by hand from the health value."""
    assert json.loads(state_message(WIRED).payload) == {
        "connected": "ON",
        "state": "online",
        "last_heard": "2026-03-04T05:06:07+00:00",
        "battery_percent": None,
        "clock_offset_s": -0.3,
        "clock_problem": "OFF",
        "sightings": 12,
        "refused": 3,
        "refused_by_reason": {"stale": 3},
    }
    offline = json.loads(state_message(TAGGED).payload)
    assert (offline["connected"], offline["clock_problem"]) == ("OFF", "ON")


def test_a_removed_gateway_is_removed_whole() -> None:
    """Every configuration is taken back with an empty retained message."""
    removed = {message.topic: message.payload for message in removal_messages(TAGGED.gateway)}
    assert removed == dict.fromkeys((m.topic for m in discovery_messages(TAGGED)), b"")


def test_what_a_heard_beacon_says_is_in_no_message() -> None:
    """Home Assistant gets figures of gateways, never a beacon."""
    gateways = Gateways()
    heard = Sighting("g1", "mac:d0d1d2d3d4d5", -60.0)
    gateways.hear([heard], 5.0)
    gateways.repeats(heard, 5.0)
    gateways.report(GatewayReport("g1", is_online=True, battery_percent=50.0), 5.0)
    for health in gateways.health(5.0):
        for message in [*discovery_messages(health), state_message(health)]:
            assert b"d0d1" not in message.payload


@given(st.text(max_size=30), st.text(max_size=30))
def test_two_names_never_share_a_topic(one: str, other: str) -> None:
    """Names that differ in characters a topic cannot hold stay apart."""
    assert re.fullmatch(r"[a-zA-Z0-9_-]*", gateway_slug(one))
    if one != other:
        assert state_topic(one) != state_topic(other)
