"""Who hears whom: receivers hear people's beacons, and people's apps hear the store's own.

Joins walking people, the radio channel and the gateways' formats in simulated time.
"""

import random
from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import Any

import simpy

from simulator import floor
from simulator.floor import Receiver
from simulator.gateways import Gateways
from simulator.walking import Walker
from simulator.wire import Message

Process = Generator[Any, Any, None]
APP_SIGHTING_S = 5.0
# The store's own beacons are set to the usual power; an app tells the strongest few.
FIXED_BEACON_DBM = -59
APP_SIGHTINGS_MAX = 8


class OnAir:
    """The air of the store.

    Args:
        env: Simulated time.
        receivers: Those that publish.
        gateways: Write what receivers hear.
        interval_s: Between two advertisements that are modelled of one beacon.
        now_s: Tells the time that messages carry.
        outbox: Takes the messages.
    """

    def __init__(
        self,
        env: simpy.Environment,
        receivers: Sequence[Receiver],
        gateways: Gateways,
        interval_s: float,
        now_s: Callable[[], float],
        outbox: deque[Message],
    ) -> None:
        self._env, self._receivers, self._gateways = env, receivers, gateways
        self._interval_s, self._now_s, self._outbox = interval_s, now_s, outbox

    def advertise(self, walker: Walker) -> Process:
        """Send advertisements while inside; every receiver in range may hear each."""
        rng = walker.rng
        yield self._env.timeout(rng.uniform(0, self._interval_s))
        while walker.is_inside and walker.beacons:
            self._send_once(walker)
            # The specification adds up to 10 ms of chance; phones' schedulers add far more.
            yield self._env.timeout(self._interval_s * rng.uniform(0.95, 1.1))

    def _send_once(self, walker: Walker) -> None:
        now = self._env.now
        place, heading = walker.place(now), walker.heading_rad(now)
        for beacon in walker.beacons:
            for receiver in self._receivers:
                rssi = walker.air.hear(receiver, place, heading, beacon.measured_power_dbm)
                if rssi is not None:
                    heard = self._gateways.hear(receiver, beacon, rssi, self._now_s())
                    self._outbox.extend(heard)

    def listen(
        self,
        member_id: str,
        walker: Walker,
        rng: random.Random,
        send: Callable[[str, str, dict[str, Any]], None],
    ) -> Process:
        """Let a customer's app hear the store's fixed beacons and say so."""
        interval_s = max(APP_SIGHTING_S, 5 * self._interval_s)
        yield self._env.timeout(rng.uniform(0, interval_s))
        while walker.is_inside:
            heard = self._fixed_heard(walker)
            if heard:
                strongest = sorted(heard, key=lambda one: -one["rssi_dbm"])[:APP_SIGHTINGS_MAX]
                told = {"member_id": member_id, "beacons": strongest}
                send("app-sightings", f"/apps/{member_id}", told)
            yield self._env.timeout(interval_s)

    def _fixed_heard(self, walker: Walker) -> list[dict[str, Any]]:
        place, heading = walker.place(self._env.now), walker.heading_rad(self._env.now)
        heard = []
        for beacon, at in floor.fixed_beacons():
            # The channel is the same both ways: the beacon stands where a receiver would.
            there = Receiver(beacon, "app", "", *at)
            rssi = walker.air.hear(there, place, heading, FIXED_BEACON_DBM)
            if rssi is not None:
                power = {"measured_power_dbm": FIXED_BEACON_DBM}
                heard.append({"beacon": beacon, "rssi_dbm": rssi, **power})
        return heard
