"""The living store: members and strangers come, walk, look, scan, buy and go (SimPy).

`LivingStore.messages` yields every message in the order of simulated time, and nothing else leaves
this module; pacing and the broker are the business of `run`. The same store, seed and pace give
the same messages.
"""

import queue
import random
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import simpy

from simulator import beacons, floor, visits, walking
from simulator.catalog import Variant
from simulator.chance import cumulative, pick, stream
from simulator.demand import Line, Memory
from simulator.gateways import Gateways
from simulator.on_air import OnAir
from simulator.tills import Tills
from simulator.visits import HABITS, Stop, Visit
from simulator.walking import Walker
from simulator.wire import Message, event
from simulator.written import MemberRecord, WrittenStore

Process = Generator[Any, Any, None]
FLUSH_S, HEALTH_S, DELIVERY_S = 1.0, 60.0, 240.0
QUEUE_S, NEXT_S = (15.0, 75.0), (3.0, 15.0)
RETURN_AFTER_S = 1800.0
# Shares of members that check in with the app at the door, ask it once more on the way, or change
# a consent in it; our own assumptions.
CHECK_IN_RATE = 0.8
ASK_AGAIN_RATE = 0.35
CONSENT_CHANGE_RATE = 0.02
STRANGER_BUYS_RATE = 0.3


@dataclass(frozen=True, slots=True)
class Pace:
    """How lively a store is, in simulated time.

    Attributes:
        members_per_h, strangers_per_h: Arrivals; most people carry no card of the house.
        beacon_interval_s: Between two advertisements that are modelled of one beacon.
        members_at_start, strangers_at_start: Already inside when the play begins.
        start_within_s: Those check in within this time.
    """

    members_per_h: float = 240.0
    strangers_per_h: float = 600.0
    beacon_interval_s: float = 1.0
    members_at_start: int = 24
    strangers_at_start: int = 45
    start_within_s: float = 20.0


def pace_for(speed: float) -> Pace:
    """Return a pace whose traffic in real time stays within a laptop's means at a speed.

    About one check-in a second at most; at high speeds beacons are modelled more coarsely.
    """
    return Pace(
        members_per_h=min(240.0, 3600 * 0.8 / speed),
        strangers_per_h=min(600.0, 3600 * 1.6 / speed),
        beacon_interval_s=max(1.0, speed),
        start_within_s=20.0 * speed,
    )


class LivingStore:
    """One day of a store, from the opening stock on.

    Args:
        store: As written.
        seed: Of this day; the store's own seed does not matter here.
        families: Gateway families that publish.
        pace: How lively.
        epoch_s: Maps simulated seconds since the start to UTC seconds.
        advice: Where an associate's advice arrives as (member id, item id); None: nobody advises.
    """

    def __init__(
        self,
        store: WrittenStore,
        seed: int,
        families: Iterable[str] = floor.FAMILIES,
        pace: Pace | None = None,
        epoch_s: Callable[[float], float] = float,
        advice: "queue.SimpleQueue[tuple[str, str]] | None" = None,
    ) -> None:
        self._store, self._seed = store, seed
        self._pace = pace or Pace()
        self._epoch_s, self._advice = epoch_s, advice
        self._env = simpy.Environment()
        self._outbox: deque[Message] = deque()
        self._receivers = [r for r in floor.RECEIVERS if r.family in set(families)]
        self._gateways = Gateways(stream(seed, "gateways"))
        self._on_air = OnAir(
            self._env,
            self._receivers,
            self._gateways,
            self._pace.beacon_interval_s,
            self._now_s,
            self._outbox,
        )
        self._tills = Tills(store.catalog, store.stock, stream(seed, "tills"))
        self._members = {m.member_id: m for m in store.members}
        self._items = {item.item_id: item for item in store.catalog.items}
        self._away_until_s: dict[str, float] = {}
        self._present: dict[str, Visit] = {}
        self._serial = 0
        self.visits: list[Visit] = []
        # Demand goes on in the store's own days, whatever the clock of the play is.
        self._month = datetime.fromtimestamp(store.opens_s, UTC).month

    def messages(self, until_s: float) -> Iterator[tuple[float, Message]]:
        """Yield (simulated second, message) until a moment, in order."""
        for process in self._processes():
            self._env.process(process)
        while self._env.peek() <= until_s:
            self._env.step()
            while self._outbox:
                yield self._env.now, self._outbox.popleft()

    def _processes(self) -> Iterator[Process]:
        yield self._opening()
        yield self._open_doors()
        yield self._arrivals("members", self._pace.members_per_h, self._member_comes)
        yield self._arrivals("strangers", self._pace.strangers_per_h, self._stranger_comes)
        yield self._every(FLUSH_S, lambda: self._gateways.flush(self._now_s()))
        yield self._every(DELIVERY_S, lambda: [self._tills.delivery(self._now_s())])
        yield self._every(HEALTH_S, self._health)
        if self._advice is not None:
            yield self._every(0.5, self._take_advice)

    def _now_s(self) -> float:
        return self._epoch_s(self._env.now)

    def _every(self, interval_s: float, act: Callable[[], Iterable[Message]]) -> Process:
        while True:
            yield self._env.timeout(interval_s)
            self._outbox.extend(act())

    def _opening(self) -> Process:
        self._outbox.extend(self._tills.opening(self._now_s()))
        self._outbox.extend(self._health())
        yield self._env.timeout(0)

    def _health(self) -> list[Message]:
        uptime_s = 3600 + int(self._env.now)
        return [
            message
            for receiver in self._receivers
            for message in self._gateways.health(receiver, self._now_s(), uptime_s)
        ]

    def _open_doors(self) -> Process:
        """Begin with people inside, so that the first seconds show life."""
        rng = stream(self._seed, "start")
        for _ in range(self._pace.strangers_at_start):
            self._stranger_comes(rng)
        gap_s = self._pace.start_within_s / max(1, self._pace.members_at_start)
        for number in range(self._pace.members_at_start):
            stage = ("shopping", "paying", "entering", "paying", "leaving")[number % 5]
            self._member_comes(rng, stage)
            yield self._env.timeout(gap_s * rng.uniform(0.5, 1.2))

    def _arrivals(self, label: str, per_h: float, come: Callable[[random.Random], None]) -> Process:
        rng = stream(self._seed, "arrivals", label)
        while True:
            yield self._env.timeout(rng.expovariate(per_h / 3600))
            come(rng)

    def _member_comes(self, rng: random.Random, stage: str = "entering") -> None:
        absent = [
            m
            for m in self._store.members
            if m.member_id not in self._present
            and self._away_until_s.get(m.member_id, -1.0) < self._env.now
        ]
        if not absent:
            return
        member = pick(rng, absent, cumulative([m.person.visits_per_year for m in absent]))
        own = stream(self._seed, "visit", len(self.visits), member.member_id)
        visit = self._plan(member, own)
        self._present[member.member_id] = visit
        sent = [beacons.of_raw_id(raw, own) for raw in member.beacons]
        walker = walking.start(sent, own)
        self._env.process(self._member_visit(member, visit, walker, own, stage))
        self._env.process(self._on_air.advertise(walker))
        if "location" in member.purposes and own.random() < 0.3:
            self._env.process(self._on_air.listen(member.member_id, walker, own, self._send))

    def _plan(self, member: MemberRecord, rng: random.Random) -> Visit:
        person = member.person
        motive = pick(rng, range(len(HABITS)), cumulative(person.motives))
        at_s = self._store.opens_s + self._env.now
        planned = self._store.demand.plan(person, member.memory, at_s, motive, self._month, rng)
        visit = Visit(
            visit_id=f"V{len(self.visits) + 1:06d}",
            person_id=member.member_id,
            motive=motive,
            stops=visits.stops_of(self._store.catalog, planned, motive, rng),
            lines=self._bought(planned, motive, rng),
            started_s=self._now_s(),
        )
        basket = stream(self._seed, "basket", visit.visit_id)
        visit.has_basket = self._has_app(member) and basket.random() < visits.BASKET_RATE
        self.visits.append(visit)
        return visit

    def _bought(self, planned: list[Line], motive: int, rng: random.Random) -> list[Line]:
        taken = visits.bought(planned, motive, rng)
        return [line for line in taken if self._tills.has(line.variant.sku)]

    def _member_visit(
        self, member: MemberRecord, visit: Visit, walker: Walker, rng: random.Random, stage: str
    ) -> Process:
        if stage == "entering":
            yield from self._comes_in(member, walker, rng)
        else:
            yield from self._is_inside(member, visit, walker, rng, stage)
        for stop in visit.stops:
            yield from self._stop(member, visit, stop, walker, rng)
        self._bring_back(member, rng)
        yield from self._pay(member.member_id, visit, walker, rng, member)
        yield from self._leave(walker, rng)
        visit.ended_s = self._now_s()
        del self._present[member.member_id]
        self._away_until_s[member.member_id] = self._env.now + RETURN_AFTER_S

    def _comes_in(self, member: MemberRecord, walker: Walker, rng: random.Random) -> Process:
        if "near_store" in member.purposes and rng.random() < 0.5:
            self._check_in(member, "near_store", None)
            yield self._env.timeout(rng.uniform(30, 180))
        place = floor.place_in("entrance", rng)
        yield self._env.timeout(walker.set_out(place, self._env.now))
        if self._has_app(member) and rng.random() < CHECK_IN_RATE:
            self._check_in(member, "entrance", "entrance")

    def _is_inside(
        self, member: MemberRecord, visit: Visit, walker: Walker, rng: random.Random, stage: str
    ) -> Process:
        """Put somebody in the middle of a visit: a play begins while the store is open."""
        visit.stops = visit.stops[-1:] if stage == "shopping" else []
        zone = visit.stops[0].zone if visit.stops else "till"
        if stage == "paying":
            visit.has_queued = True
            visit.lines = visit.lines or [self._store.demand.loved(member.person, rng)]
        if stage == "leaving":
            visit.stops, zone = [Stop("entrance", floor.place_in("entrance", rng), 20.0)], "beauty"
        walker.appear(floor.place_in(zone, rng), self._env.now)
        visit.stops = [replace(s, dwell_s=min(s.dwell_s, 60.0)) for s in visit.stops]
        if self._has_app(member):
            self._check_in(member, "app", zone)
        yield self._env.timeout(rng.uniform(1, 6))

    def _has_app(self, member: MemberRecord) -> bool:
        return "recognise" in member.purposes  # the app asks for it before its first check-in

    def _stop(
        self,
        member: MemberRecord,
        visit: Visit,
        stop: Stop,
        walker: Walker,
        rng: random.Random,
    ) -> Process:
        yield self._env.timeout(walker.set_out(stop.place, self._env.now))
        pauses = len(stop.scan_item_ids) + 1
        asks = self._has_app(member) and rng.random() < ASK_AGAIN_RATE / 3
        for item_id in stop.scan_item_ids:
            yield self._env.timeout(stop.dwell_s / pauses)
            self._scan(member, self._items[item_id].variants[0], stop.zone)
        yield self._env.timeout(stop.dwell_s / pauses)
        for line in stop.taken(visit.lines) if visit.has_basket else ():
            self._scan(member, line.variant, stop.zone, is_in_basket=True)
        if asks:
            place = "station" if stop.zone == "station" else "app"
            self._check_in(member, place, stop.zone)
        if rng.random() < CONSENT_CHANGE_RATE / 3:
            self._change_consent(member, rng)

    def _pay(
        self,
        member_id: str | None,
        visit: Visit,
        walker: Walker,
        rng: random.Random,
        member: MemberRecord | None,
    ) -> Process:
        if not visit.lines and not visit.advised:
            return
        yield self._env.timeout(walker.set_out(floor.place_in("till", rng), self._env.now))
        yield self._env.timeout(rng.uniform(*(NEXT_S if visit.has_queued else QUEUE_S)))
        lines = [line for line in visit.lines if self._tills.has(line.variant.sku)]
        if not lines:
            return
        visit.lines = lines
        receipt_id, sale = self._tills.sale(member_id, lines, self._now_s())
        self._env.process(self._send_later(sale, self._tills.delay_s()))
        if member is not None:
            at_s = self._store.opens_s + self._env.now
            for line in lines:
                self._store.demand.remember(member.person, member.memory, line, at_s, rng)
        void_after_s = rng.uniform(20, 90)
        void = self._tills.void(receipt_id, len(lines), self._epoch_s(self._env.now + void_after_s))
        if void is not None:
            self._env.process(self._send_later(void, void_after_s))

    def _send_later(self, message: Message, delay_s: float) -> Process:
        yield self._env.timeout(delay_s)
        self._outbox.append(message)

    def _leave(self, walker: Walker, rng: random.Random) -> Process:
        yield self._env.timeout(walker.set_out(floor.place_in("entrance", rng), self._env.now))
        yield self._env.timeout(walker.set_out(walking.DOOR, self._env.now))
        walker.is_inside = False

    def _stranger_comes(self, _: random.Random) -> None:
        """Let in somebody whom the house does not know: a passer-by, or a buyer without a card."""
        self._serial += 1
        own = stream(self._seed, "stranger", self._serial)
        sent = [beacons.stranger(own) for _ in range(own.choice((1, 1, 1, 2)))]
        walker = walking.start(sent, own)
        self._env.process(self._stranger_visit(walker, own))
        self._env.process(self._on_air.advertise(walker))

    def _stranger_visit(self, walker: Walker, rng: random.Random) -> Process:
        taste = rng.choice(self._store.members).person
        motive = pick(rng, range(len(HABITS)), cumulative(taste.motives))
        at_s = self._store.opens_s + self._env.now
        planned = self._store.demand.plan(taste, Memory(), at_s, motive, self._month, rng)
        lines = self._bought(planned, motive, rng) if rng.random() < STRANGER_BUYS_RATE else []
        stops = visits.stops_of(self._store.catalog, planned, motive, rng)
        if self._env.now < self._pace.start_within_s:
            walker.appear(floor.place_in(rng.choice(floor.ZONES).zone_id, rng), self._env.now)
        for stop in stops:
            yield self._env.timeout(walker.set_out(stop.place, self._env.now))
            yield self._env.timeout(stop.dwell_s)
        visit = Visit("", "", motive, stops, lines)
        yield from self._pay(None, visit, walker, rng, None)
        yield from self._leave(walker, rng)

    def _check_in(self, member: MemberRecord, place: str, zone: str | None) -> None:
        data = {"member_id": member.member_id, "place": place}
        if zone:
            data["zone"] = zone
        self._send("checkins", f"/apps/{member.member_id}", data)

    def _scan(
        self, member: MemberRecord, variant: Variant, zone: str, *, is_in_basket: bool = False
    ) -> None:
        data: dict[str, Any] = {"sku": variant.sku, "gtin": variant.gtin, "zone": zone}
        if is_in_basket:
            data["is_in_basket"] = True
        if self._has_app(member):
            data["member_id"] = member.member_id
        self._send("scans", f"/apps/{member.member_id}", data)

    def _change_consent(self, member: MemberRecord, rng: random.Random) -> None:
        """Give or take back one purpose in the app; recognition itself is rarely touched."""
        purpose = rng.choice(("profile", "offers", "staff_contact", "location", "aggregates"))
        is_given = purpose not in member.purposes
        if is_given and purpose == "profile":
            return  # takes the code of a paired app, which a simulated phone is not
        (member.purposes.add if is_given else member.purposes.discard)(purpose)
        data = {
            "member_id": member.member_id,
            "purpose": purpose,
            "is_given": is_given,
            "notice_version": "2026-01",
            "language": member.language,
            "method": "app",
        }
        self._send("consents", f"/apps/{member.member_id}", data)

    def _bring_back(self, member: MemberRecord, rng: random.Random) -> None:
        owned = [self._items[i] for i in sorted(member.memory.owned) if i in self._items]
        lasting = [i for i in owned if self._store.catalog.classes[i.class_id].kind == "durable"]
        sample = rng.sample(lasting, min(3, len(lasting)))
        message = self._tills.bring_back(member.member_id, sample, self._now_s())
        if message is not None:
            self._outbox.append(message)

    def _take_advice(self) -> list[Message]:
        """Let shoppers consider what an associate showed them; nothing is sent for it."""
        while self._advice is not None:
            try:
                member_id, item_id = self._advice.get_nowait()
            except queue.Empty:
                break
            visit, item = self._present.get(member_id), self._items.get(item_id)
            if visit is None or item is None or item_id in visit.advised:
                continue
            visit.advised.append(item_id)
            member = self._members[member_id]
            rng = stream(self._seed, "advice", visit.visit_id, item_id)
            if rng.random() < self._store.demand.heeding(member.person, item):
                line = self._store.demand.line_of(member.person, item, 1, "advice", rng)
                visit.lines.append(line)
        return []

    def _send(self, kind: str, source: str, data: dict[str, Any]) -> None:
        self._serial += 1
        event_id = f"{self._seed}-{self._serial:08d}"
        self._outbox.append(event(kind, source, event_id, self._now_s(), data))
