"""Play a living store over a real broker: pace its messages and publish them with paho.

With the real clock, messages carry the time of the day; with the simulated clock, the store's own
time, told by tick messages, so that an hour passes in a minute for everybody.
"""

import json
import logging
import queue
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from simulator import floor, written
from simulator.clock import OPENS_H, rfc3339
from simulator.living import LivingStore, pace_for
from simulator.people import MOTIVES
from simulator.visits import Visit
from simulator.wire import Message, event

log = logging.getLogger(__name__)
CONNECT_TIMEOUT_S = 10.0
FLUSH_TIMEOUT_S = 5.0
# The stock of a written store is as of six in the morning.
OPENING_AFTER_S = (OPENS_H - 6) * 3600

Clock = Literal["real", "simulated"]


@dataclass(slots=True)
class Summary:
    """What a play published.

    Attributes:
        messages: Count by kind: the topic level of our own messages, or the gateway family.
        checkins_ns: Event id of every check-in → `time.perf_counter_ns()` just before publishing.
        visits: All visits of members with their true motives.
        seconds: Real time played.
        lag_max_s: How far publishing fell behind its schedule at worst, in real time.
    """

    messages: Counter[str] = field(default_factory=Counter)
    checkins_ns: dict[str, int] = field(default_factory=dict)
    visits: list[Visit] = field(default_factory=list)
    seconds: float = 0.0
    lag_max_s: float = 0.0


def play(
    broker_host: str,
    port: int,
    store_dir: Path,
    seed: int,
    speed: float = 1.0,
    seconds: float | None = None,
    families: Iterable[str] = floor.FAMILIES,
    on_checkin: Callable[[str, str, int], None] | None = None,
    *,
    clock: Clock = "real",
    advice: "queue.SimpleQueue[tuple[str, str]] | None" = None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Summary:
    """Play a store until the time is up or `is_stopped` says so.

    Args:
        broker_host: Of the broker.
        port: Of the broker.
        store_dir: As `store.write` wrote it.
        seed: Of the day that is played.
        speed: Simulated seconds per real second.
        seconds: Real time to play; None: without end.
        families: Gateway families that publish.
        on_checkin: Called with (event id, member id, `time.perf_counter_ns()`) just before a
            check-in is published.
        clock: Whose time the messages carry.
        advice: (member id, item id) that an associate showed; shoppers may buy it.
        is_stopped: Asked between messages.

    Raises:
        ConnectionError: where the broker does not answer.
    """
    store = written.read(store_dir)
    began_s = time.time()
    simulated_start_s = store.opens_s + OPENING_AFTER_S

    def epoch_s(simulated_s: float) -> float:
        if clock == "simulated":
            return simulated_start_s + simulated_s
        return began_s + simulated_s / speed

    living = LivingStore(store, seed, families, pace_for(speed), epoch_s, advice)
    client = _connect(broker_host, port, seed)
    player = _Player(client, speed, Summary(visits=living.visits), on_checkin)
    tick_every_s = max(1.0, speed / 4) if clock == "simulated" else float("inf")
    try:
        player.run(living, seconds, tick_every_s, epoch_s, is_stopped)
    finally:
        client.disconnect()
        client.loop_stop()
    return player.summary


@dataclass(slots=True)
class _Player:
    client: mqtt.Client
    speed: float
    summary: Summary
    on_checkin: Callable[[str, str, int], None] | None

    def run(
        self,
        living: LivingStore,
        seconds: float | None,
        tick_every_s: float,
        epoch_s: Callable[[float], float],
        is_stopped: Callable[[], bool],
    ) -> None:
        began = time.perf_counter()
        until_s = float("inf") if seconds is None else seconds * self.speed
        next_tick_s = 0.0
        published: mqtt.MQTTMessageInfo | None = None
        for at_s, message in living.messages(until_s):
            while at_s >= next_tick_s and tick_every_s < float("inf"):
                self._wait(began, next_tick_s)
                self._publish(_tick(epoch_s(next_tick_s), next_tick_s))
                next_tick_s += tick_every_s
            self._wait(began, at_s)
            if is_stopped():
                break
            info = self._publish(message)
            published = info if message.qos else published
        if published is not None:
            published.wait_for_publish(FLUSH_TIMEOUT_S)
        self.summary.seconds = time.perf_counter() - began

    def _wait(self, began: float, at_s: float) -> None:
        ahead_s = began + at_s / self.speed - time.perf_counter()
        if ahead_s > 0:
            time.sleep(ahead_s)
        else:
            self.summary.lag_max_s = max(self.summary.lag_max_s, -ahead_s)

    def _publish(self, message: Message) -> mqtt.MQTTMessageInfo:
        if message.topic == "stammgast/v1/checkins":
            now_ns = time.perf_counter_ns()
            self.summary.checkins_ns[message.event_id] = now_ns
            if self.on_checkin is not None:
                member_id = json.loads(message.payload)["data"]["member_id"]
                self.on_checkin(message.event_id, member_id, now_ns)
        self.summary.messages[kind_of(message.topic)] += 1
        return self.client.publish(
            message.topic, message.payload, qos=message.qos, retain=message.retain
        )


def kind_of(topic: str) -> str:
    """Return what a topic is counted as: our kind, or the gateway family."""
    levels = topic.split("/")
    if levels[0] == "stammgast":
        return levels[2]
    if levels[0] == "home":
        named = {r.gateway: r.family for r in floor.RECEIVERS}
        return next(named[level] for level in levels if level in named)
    return {"espresense": "espresense", "ruuvi": "ruuvi", "": "minew"}[levels[0]]


def _tick(now_s: float, simulated_s: float) -> Message:
    return event("tick", "/simulator", f"tick-{simulated_s:.0f}", now_s, {"now": rfc3339(now_s)})


def _connect(host: str, port: int, seed: int) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"stammgast-simulator-{seed}")
    client.max_queued_messages_set(0)
    client.max_inflight_messages_set(200)
    try:
        client.connect(host, port, keepalive=30)
    except OSError as error:
        raise ConnectionError(f"no broker answers at {host}:{port}: {error}") from error
    client.loop_start()
    deadline = time.monotonic() + CONNECT_TIMEOUT_S
    while not client.is_connected():
        if time.monotonic() > deadline:
            client.loop_stop()
            raise ConnectionError(f"the broker at {host}:{port} did not accept the connection")
        time.sleep(0.01)
    return client


def write_truth(path: Path, visits: list[Visit]) -> None:
    """Write the visits with their true motives, one JSON object a line."""
    lines = [
        {
            "visit_id": visit.visit_id,
            "member_id": visit.person_id,
            "motive": MOTIVES[visit.motive],
            "started": rfc3339(visit.started_s),
            "ended": rfc3339(visit.ended_s) if visit.ended_s else None,
            "zones": [stop.zone for stop in visit.stops],
            "bought": [line.variant.sku for line in visit.lines] if visit.ended_s else [],
            "advised": visit.advised,
        }
        for visit in visits
    ]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")
