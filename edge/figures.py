"""The box's figures for Prometheus: what is counted and measured, under which name and label.

No label ever holds a person, a beacon or a card. Leaves out the text format (`adapters.metrics`).
"""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from edge.adapters.http.hub import Hub
from edge.adapters.metrics import Metrics, Series
from edge.adapters.mqtt.broker import BrokerLoop
from edge.adapters.sqlite.ledger import Ledger
from edge.checkin import Path
from edge.core.gateways import GatewayHealth, Gateways
from edge.downlink import Downlink
from edge.night import Night

_GATEWAY_GAUGES: Mapping[str, tuple[str, Callable[[GatewayHealth], float | None]]] = {
    "gateway_online": ("1: heard lately.", lambda h: float(h.state == "online")),
    "gateway_last_heard_s": ("UTC seconds.", lambda h: h.last_heard_s),
    "gateway_battery_percent": ("Percent.", lambda h: h.battery_percent),
    "gateway_clock_offset_s": ("Its clock minus ours.", lambda h: h.clock_offset_s),
    "gateway_refused": ("Refused since the start.", lambda h: sum(h.refused.values())),
    "gateway_clock_wrong": ("1: receipt counts.", lambda h: float(h.is_clock_wrong)),
}


class Clock(Protocol):
    """What tells the time of the store."""

    def now_s(self) -> float:
        """Return UTC seconds."""
        ...


class Parts(Protocol):
    """The parts of a box that are measured."""

    path: Path
    hub: Hub
    gateways: Gateways
    ledger: Ledger
    downlink: Downlink
    night: Night
    broker: BrokerLoop | None
    dropped: Counter[str]
    messages: Counter[str]

    @property
    def clock(self) -> Clock:
        """Of the store."""
        ...


class Figures:
    """Reads every figure of a box at the moment it is asked for.

    Args:
        box: Whose figures.
    """

    def __init__(self, box: Parts) -> None:
        self._box = box
        self._metrics = Metrics()
        path = box.path
        counted: dict[str, tuple[str, Callable[[], Mapping[str, float]]]] = {
            "dropped": ("reason", self._dropped),
            "messages": ("kind", lambda: box.messages),
            "happenings": ("kind", lambda: path.counts),
            "nights": ("job", lambda: box.night.counts),
            "downlink": ("what", lambda: box.downlink.counts),
            "writes": ("kind", lambda: box.ledger.writer.counts),
            "broker": ("what", self._broker),
            "gateway_sightings": ("gateway", self._sightings),
            "gateway_refusals": ("reason", self._refusals),
        }
        for name, (label, read) in counted.items():
            self._add(name, "Counted since the start.", label, read, is_counter=True)
        self._add(
            "unknown_beacons",
            "Sightings of ids that nobody enrolled; nothing else of them is kept.",
            "",
            lambda: {"": path.unknown_beacons},
            is_counter=True,
        )
        self._add("guests", "Guests now.", "", lambda: {"": len(path.guests)})
        self._add("tablets", "Open tablets.", "", lambda: {"": box.hub.clients})
        self._add("consents", "Sizes of the index.", "part", path.consents.sizes)
        self._add("rotating_ids", "Followed keys by kind.", "part", path.rotating.sizes)
        self._add("till_waiting", "Members who wait to pay.", "zone", self._waiting)
        for name, (meaning, value) in _GATEWAY_GAUGES.items():
            self._add(name, meaning, "gateway", partial(self._of_gateways, value))

    def text(self) -> bytes:
        """Render all figures in the Prometheus text format."""
        return self._metrics.text()

    def _add(
        self,
        name: str,
        meaning: str,
        label: str,
        read: Callable[[], Mapping[str, float]],
        *,
        is_counter: bool = False,
    ) -> None:
        self._metrics.add(Series(name, meaning, label, read, is_counter=is_counter))

    def _health(self) -> list[GatewayHealth]:
        return self._box.gateways.health(self._box.clock.now_s())

    def _of_gateways(self, value: Callable[[GatewayHealth], float | None]) -> dict[str, float]:
        found = {each.gateway: value(each) for each in self._health()}
        return {gateway: figure for gateway, figure in found.items() if figure is not None}

    def _waiting(self) -> dict[str, float]:
        queues = self._box.path.visits.queues(self._box.clock.now_s())
        return {queue.zone: queue.waiting for queue in queues}

    def _sightings(self) -> dict[str, float]:
        return {health.gateway: health.sightings for health in self._health()}

    def _refusals(self) -> Counter[str]:
        refused: Counter[str] = Counter()
        for health in self._health():
            refused.update(health.refused)
        return refused

    def _broker(self) -> Mapping[str, float]:
        broker = self._box.broker
        if broker is None:
            return {}
        return {"connected": broker.reconnects, "restarted": broker.restarts}

    def _dropped(self) -> Counter[str]:
        broker = self._box.broker
        return self._box.dropped + (Counter() if broker is None else broker.dropped)
