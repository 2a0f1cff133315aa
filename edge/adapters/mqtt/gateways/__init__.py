"""Every gateway family a store may own: which topics it uses, and who decodes them.

Decides the family from the topic, and from the payload where OpenMQTTGateway and Theengs share
one. Leaves out the formats themselves: one decoder a file, each with `FAMILY`, `TOPICS` and
`decode(topic, payload)`, which raises `MessageError` only.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from edge.adapters.mqtt.gateways import (
    april_brother,
    espresense,
    happy_bubbles,
    minew,
    mqtt_room,
    openmqttgateway,
    room_assistant,
    ruuvi,
    shelly,
    tasmota,
    theengs,
)
from edge.core.errors import ConfigError, MessageError
from edge.core.sightings import Report

Decode = Callable[[str, bytes], Sequence[Report]]


class Family(NamedTuple):
    """A gateway family: its name, the topic filters it publishes under, its decoder."""

    name: str
    topics: tuple[str, ...]
    decode: Decode


FAMILIES: Mapping[str, Family] = {
    module.FAMILY: Family(module.FAMILY, module.TOPICS, module.decode)
    for module in (
        espresense,
        openmqttgateway,
        theengs,
        room_assistant,
        mqtt_room,
        shelly,
        minew,
        ruuvi,
        april_brother,
        tasmota,
        happy_bubbles,
    )
}

# Families whose messages come on the same topics, told apart by `_is_theengs`.
_OMG, _THEENGS = FAMILIES[openmqttgateway.FAMILY], FAMILIES[theengs.FAMILY]


class _Route(NamedTuple):
    levels: tuple[str, ...]
    family: Family


class GatewayRouter:
    """Routes a message to its family's decoder.

    A topic's first level finds its routes in one look-up; only where several families share it,
    or a filter begins with a wildcard, are the remaining levels compared.

    Args:
        families: Enabled families, each with its topic filters; an empty sequence means the
            family's own. mqtt_room, Shelly, Minew, April Brother and Tasmota publish where they
            are told to, so their filters usually are configured.

    Raises:
        ConfigError: naming every unknown family and every impossible filter.
    """

    def __init__(self, families: Mapping[str, Sequence[str]]) -> None:
        self._filters = _filters_of(families)
        self._by_first_level: dict[str, list[_Route]] = {}
        self._anywhere: list[_Route] = []
        for name, filters in self._filters.items():
            for topic_filter in filters:
                self._add(topic_filter, FAMILIES[name])
        self._shares = {openmqttgateway.FAMILY, theengs.FAMILY} <= self._filters.keys()
        self._alone = self._undisputed()

    def _add(self, topic_filter: str, family: Family) -> None:
        levels = tuple(topic_filter.split("/"))
        if levels[0] in ("+", "#"):
            self._anywhere.append(_Route(levels, family))
        else:
            self._by_first_level.setdefault(levels[0], []).append(_Route(levels, family))

    def _undisputed(self) -> dict[str, Family]:
        """Return the first levels that belong to one family, or to the two read alike."""
        # A filter of one level cannot take a deeper topic away from another family.
        if any(len(route.levels) > 1 or "#" in route.levels for route in self._anywhere):
            return {}
        alone = {}
        for first, routes in self._by_first_level.items():
            names = {route.family.name for route in routes}
            if len(names) == 1 or names == {openmqttgateway.FAMILY, theengs.FAMILY}:
                alone[first] = routes[0].family
        return alone

    def subscriptions(self) -> list[str]:
        """Return the topic filters to subscribe to, each once."""
        return sorted({each for filters in self._filters.values() for each in filters})

    def decode(self, topic: str, payload: bytes) -> Sequence[Report]:
        """Return what a message tells.

        Raises:
            MessageError: `unknown_topic` where no family publishes there, or the decoder's own.
        """
        return self.family_of(topic, payload).decode(topic, payload)

    def family_of(self, topic: str, payload: bytes = b"") -> Family:
        """Return the family that publishes on a topic.

        Raises:
            MessageError: `unknown_topic`.
        """
        family = self._alone.get(topic.partition("/")[0]) or self._search(topic.split("/"))
        if self._shares and (family is _OMG or family is _THEENGS):
            return _THEENGS if _is_theengs(payload) else _OMG
        return family

    def _search(self, levels: list[str]) -> Family:
        for routes in (self._by_first_level.get(levels[0], ()), self._anywhere):
            for route in routes:
                if _matches(route.levels, levels):
                    return route.family
        raise MessageError("unknown_topic", "no enabled gateway family publishes there")


def every_family() -> dict[str, tuple[str, ...]]:
    """Return all families with their own topic filters: what a box listens to by default."""
    return dict.fromkeys(FAMILIES, ())


def subscriptions(families: Iterable[str]) -> list[str]:
    """Return the topic filters of families as they come, each once."""
    return GatewayRouter(dict.fromkeys(families, ())).subscriptions()


def _is_theengs(payload: bytes) -> bool:
    """Tell Python's writing (`"id": "…"`) from ArduinoJson's (`"id":"…"`).

    A wrong guess costs nothing but the family's name in a metric: both read both.
    """
    return payload[:64].find(b'": ') > 0


def problems_of(families: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Return the families that are unknown or have an impossible filter, each with a sentence."""
    problems = []
    for name, configured in families.items():
        if name not in FAMILIES:
            known = ", ".join(sorted(FAMILIES))
            problems.append((name, f"found a family nobody knows, expected one of {known}"))
        problems += [
            (
                name,
                f"found {each!r}, expected an MQTT topic filter: "
                "'+' stands for a whole level, '#' for all that follow at the end",
            )
            for each in configured
            if not is_topic_filter(each)
        ]
    return problems


def _filters_of(families: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    problems = problems_of(families)
    if problems:
        raise ConfigError([f"gateway family {name!r}: {said}" for name, said in problems])
    return {
        name: tuple(configured) or FAMILIES[name].topics for name, configured in families.items()
    }


def is_topic_filter(topic_filter: str) -> bool:
    """Tell whether a text is a topic filter (MQTT 3.1.1, 4.7.1)."""
    levels = topic_filter.split("/")
    return (
        bool(topic_filter)
        and all(level in ("+", "#") or not {"+", "#"} & set(level) for level in levels)
        and "#" not in levels[:-1]
    )


def _matches(levels: tuple[str, ...], topic: list[str]) -> bool:
    for position, level in enumerate(levels):
        if level == "#":
            return True
        if position == len(topic) or level not in ("+", topic[position]):
            return False
    return len(levels) == len(topic)
