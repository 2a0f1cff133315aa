"""Visits: who is in the store since when, in which zone, and how long somebody waits at a till.

Every transition lives in `TABLE`. A visit belongs to a visitor, not to a beacon: two phones of
one member feed one visit, and `Visits.decides` says which of them places it. Held of a visit are
its present zone, since when, and the seconds spent in each zone; never a track. Leaves out where
the zone comes from (`zones`), who may be recognised (`consent`) and what is told to whom.

Wiring, with `now_s` of the clock port in seconds, never running backwards for the book:

    visits = Visits(secret, till_zones=plan.zone_ids("till"))
    for change in visits.apply(visitor, Sign.ZONE, now_s, zone="shoes"): ...
    for change in visits.expire(now_s): ...
"""

from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from types import MappingProxyType

# A gap of more than 20 minutes without a beacon ends a visit (Oracle Retail Customer Engagement,
# E55783: TIMEOUT_STORE_EXIT = 1200 s).
VISIT_TIMEOUT_S = 1_200.0
# Who was not heard for this long is not counted as waiting: beacons send at least every 10 s, and
# a person who paid and left is not in the queue for another 20 minutes.
QUEUE_FRESH_S = 60.0
# A second phone places the visit once the first one was silent for this long ...
LEAD_SILENT_S = 10.0
# ... or is heard this much stronger: the spread of a single reading indoors (see `zones`), so
# two phones in one pocket do not take turns.
LEAD_MARGIN_DB = 6.0
# 20 times the visitors a department store holds at once; beyond it the longest unheard go.
CAPACITY = 20_000


class State(StrEnum):
    """Where a visitor is, as far as the store knows."""

    ABSENT = "absent"
    NEAR = "near"
    PRESENT = "present"
    IN_ZONE = "in_zone"


class Sign(StrEnum):
    """What can happen to a visit."""

    NEAR = "near"  # the app says: close to the store; carries no coordinates
    LIFE = "life"  # a sighting or check-in without a zone
    ZONE = "zone"  # a sighting or check-in in a zone
    SALE = "sale"  # a sale at a till: a sign of life that ends the wait
    HIDE = "hide"  # a withdrawn consent to be located: the visit goes on, nobody knows where
    TIMEOUT = "timeout"  # nothing for `VISIT_TIMEOUT_S`
    LEAVE = "leave"  # a withdrawn consent, an erasure, or a stated goodbye


class Change(StrEnum):
    """What a sign changed."""

    NEAR = "near"
    ENTRY = "entry"
    MOVE = "move"
    SERVED = "served"
    EXIT = "exit"


# Every transition lives here: (state, sign) -> (next state, what is told, in this order).
TABLE: Mapping[tuple[State, Sign], tuple[State, tuple[Change, ...]]] = {
    (State.ABSENT, Sign.NEAR): (State.NEAR, (Change.NEAR,)),
    (State.ABSENT, Sign.LIFE): (State.PRESENT, (Change.ENTRY,)),
    (State.ABSENT, Sign.ZONE): (State.IN_ZONE, (Change.ENTRY, Change.MOVE)),
    (State.ABSENT, Sign.SALE): (State.PRESENT, (Change.ENTRY,)),
    (State.ABSENT, Sign.HIDE): (State.ABSENT, ()),
    (State.ABSENT, Sign.TIMEOUT): (State.ABSENT, ()),
    (State.ABSENT, Sign.LEAVE): (State.ABSENT, ()),
    (State.NEAR, Sign.NEAR): (State.NEAR, ()),
    (State.NEAR, Sign.LIFE): (State.PRESENT, (Change.ENTRY,)),
    (State.NEAR, Sign.ZONE): (State.IN_ZONE, (Change.ENTRY, Change.MOVE)),
    (State.NEAR, Sign.SALE): (State.PRESENT, (Change.ENTRY,)),
    (State.NEAR, Sign.HIDE): (State.NEAR, ()),
    (State.NEAR, Sign.TIMEOUT): (State.ABSENT, ()),
    (State.NEAR, Sign.LEAVE): (State.ABSENT, ()),
    # "Near" from inside is no sign of life: a phone's position is minutes old and metres off.
    (State.PRESENT, Sign.NEAR): (State.PRESENT, ()),
    (State.PRESENT, Sign.LIFE): (State.PRESENT, ()),
    (State.PRESENT, Sign.ZONE): (State.IN_ZONE, (Change.MOVE,)),
    (State.PRESENT, Sign.SALE): (State.PRESENT, ()),
    (State.PRESENT, Sign.HIDE): (State.PRESENT, ()),
    (State.PRESENT, Sign.TIMEOUT): (State.ABSENT, (Change.EXIT,)),
    (State.PRESENT, Sign.LEAVE): (State.ABSENT, (Change.EXIT,)),
    (State.IN_ZONE, Sign.NEAR): (State.IN_ZONE, ()),
    (State.IN_ZONE, Sign.LIFE): (State.IN_ZONE, ()),
    (State.IN_ZONE, Sign.ZONE): (State.IN_ZONE, (Change.MOVE,)),  # told only when it differs
    (State.IN_ZONE, Sign.SALE): (State.IN_ZONE, (Change.SERVED,)),  # told only while waiting
    (State.IN_ZONE, Sign.HIDE): (State.PRESENT, ()),
    (State.IN_ZONE, Sign.TIMEOUT): (State.ABSENT, (Change.EXIT,)),
    (State.IN_ZONE, Sign.LEAVE): (State.ABSENT, (Change.EXIT,)),
}
SIGNS_OF_LIFE = frozenset({Sign.LIFE, Sign.ZONE, Sign.SALE})


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of one visit: what is told to the path and, in part, to the log.

    Attributes:
        change: What happened.
        visitor: The opaque key the visit was opened under.
        visit_id: The same for every change of one visit; empty for `NEAR`.
        at_s: When. An exit is dated at the last sign of life, not at the timeout.
        zone: The zone entered (MOVE), paid in (SERVED) or last known (EXIT), else None.
        zone_before: The zone left by a MOVE, None where there was none.
        seconds: Spent in `zone_before` (MOVE), waited (SERVED), of the whole visit (EXIT), else 0.
    """

    change: Change
    visitor: str
    visit_id: str
    at_s: float
    zone: str | None = None
    zone_before: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit as it stands: a copy that later signs do not change.

    `dwell_s` holds seconds by zone up to the last sign of life, the present zone included.
    """

    visitor: str
    visit_id: str
    state: State
    started_at_s: float
    last_sign_at_s: float
    zone: str | None
    zone_since_s: float | None
    dwell_s: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Queue:
    """How many members wait in one till zone, and how long; counts only."""

    zone: str
    waiting: int
    longest_wait_s: float
    mean_wait_s: float


@dataclass(slots=True)
class _Open:
    """A visit under way (or a near-store check-in)."""

    state: State
    visit_id: str
    started_at_s: float
    last_sign_at_s: float
    zone: str | None = None
    zone_since_s: float = 0.0
    is_served: bool = False
    dwell_s: dict[str, float] = field(default_factory=dict)
    lead: str | None = None
    lead_heard_at_s: float = 0.0
    lead_level_dbm: float = 0.0


class Visits:
    """The book of all visits under way, in the order of their last signs.

    Args:
        secret: The store's own secret of 1 to 64 bytes: without it a visit id tells nothing.
        till_zones: Zones whose visitors wait to pay.
        timeout_s: Silence that ends a visit.
        capacity: Most visits held at once; the longest unheard are ended beyond it.
    """

    def __init__(
        self,
        secret: bytes,
        till_zones: frozenset[str] = frozenset(),
        timeout_s: float = VISIT_TIMEOUT_S,
        capacity: int = CAPACITY,
    ) -> None:
        self._secret = secret
        self._till_zones = till_zones
        self._timeout_s = timeout_s
        self._capacity = capacity
        self._now_s = float("-inf")
        self._open: OrderedDict[str, _Open] = OrderedDict()
        # Who began a visit within the present millisecond, and how many times.
        self._begun_s, self._begun = float("-inf"), Counter[str]()

    def apply(
        self, visitor: str, sign: Sign, now_s: float, zone: str | None = None
    ) -> tuple[Transition, ...]:
        """Take one sign and return what it changed, in order; mostly nothing.

        A visit whose time is up ends first, so the sign may open a new one.

        Args:
            visitor: Opaque key, the same for all beacons of one member.
            sign: What happened.
            now_s: Time of the store's clock; a step backwards counts as no time passed.
            zone: The zone, for `Sign.ZONE` alone.
        """
        if (sign is Sign.ZONE) != (zone is not None):
            raise ValueError(f"a zone belongs to Sign.ZONE alone: {sign} with zone {zone!r}")
        now_s = self._advance(now_s)
        ended: tuple[Transition, ...] = ()
        visit = self._open.get(visitor)
        if visit is not None and now_s - visit.last_sign_at_s > self._timeout_s:
            ended = self._step(visitor, visit, Sign.TIMEOUT, now_s, None)
            visit = None
        if visit is None:
            visit = _Open(State.ABSENT, "", now_s, now_s)
        changes = self._step(visitor, visit, sign, now_s, zone)
        if len(self._open) <= self._capacity:
            return ended + changes if ended else changes
        oldest, forgotten = next(iter(self._open.items()))
        return ended + changes + self._step(oldest, forgotten, Sign.TIMEOUT, now_s, None)

    def expire(self, now_s: float) -> tuple[Transition, ...]:
        """End every visit whose time is up. Costs one look where none is."""
        now_s = self._advance(now_s)
        ended: list[Transition] = []
        while self._open:
            visitor, visit = next(iter(self._open.items()))
            if now_s - visit.last_sign_at_s <= self._timeout_s:
                break
            ended += self._step(visitor, visit, Sign.TIMEOUT, now_s, None)
        return tuple(ended)

    def decides(self, visitor: str, beacon: str, level_dbm: float, now_s: float) -> bool:
        """Tell whether this beacon places the visitor, and remember it if so.

        The first beacon heard leads. Another takes over when the leader fell silent, or when it
        is heard clearly stronger: a bag left in the fitting room does not drag its owner there.

        Args:
            visitor: A visitor with a visit under way; others are placed by any beacon.
            beacon: The beacon heard now.
            level_dbm: Its smoothed strength at the receiver that hears it best.
            now_s: Time of the store's clock.
        """
        visit = self._open.get(visitor)
        if visit is None:
            return True
        is_challenger = visit.lead is not None and visit.lead != beacon
        is_lead_fresh = now_s - visit.lead_heard_at_s <= LEAD_SILENT_S
        if is_challenger and is_lead_fresh and level_dbm <= visit.lead_level_dbm + LEAD_MARGIN_DB:
            return False
        visit.lead, visit.lead_heard_at_s, visit.lead_level_dbm = beacon, now_s, level_dbm
        return True

    def leads(self, visitor: str, beacon: str) -> bool:
        """Tell whether this beacon places the visitor now, without hearing it."""
        visit = self._open.get(visitor)
        return visit is None or visit.lead in (None, beacon)

    def forget_places(self, visitor: str) -> None:
        """Forget where a visitor is and was, and what places them; the visit itself goes on."""
        if (visit := self._open.get(visitor)) is not None:
            self._step(visitor, visit, Sign.HIDE, self._now_s, None)

    def get(self, visitor: str) -> Visit | None:
        """Return the visit of a visitor who is present, else None (near the store is None too)."""
        visit = self._open.get(visitor)
        if visit is None or visit.state is State.NEAR:
            return None
        return _copy(visitor, visit)

    def present(self) -> Iterator[Visit]:
        """Yield every visit under way, the longest unheard first."""
        for visitor, visit in self._open.items():
            if visit.state is not State.NEAR:
                yield _copy(visitor, visit)

    def occupancy(self) -> dict[str, int]:
        """Count the visitors by zone."""
        counts: dict[str, int] = {}
        for visit in self._open.values():
            if visit.zone is not None:
                counts[visit.zone] = counts.get(visit.zone, 0) + 1
        return counts

    def queues(self, now_s: float) -> tuple[Queue, ...]:
        """Return one count per till zone, by zone id, of those still heard and not yet served."""
        waits: dict[str, list[float]] = {zone: [] for zone in sorted(self._till_zones)}
        for visit in self._open.values():
            is_waiting = visit.zone in waits and not visit.is_served
            if is_waiting and now_s - visit.last_sign_at_s <= QUEUE_FRESH_S:
                waits[str(visit.zone)].append(max(0.0, now_s - visit.zone_since_s))
        return tuple(
            Queue(zone, len(all_s), max(all_s, default=0.0), sum(all_s) / max(1, len(all_s)))
            for zone, all_s in waits.items()
        )

    def __len__(self) -> int:
        return len(self._open)

    def _advance(self, now_s: float) -> float:
        self._now_s = max(self._now_s, now_s)
        return self._now_s

    def _step(
        self, visitor: str, visit: _Open, sign: Sign, now_s: float, zone: str | None
    ) -> tuple[Transition, ...]:
        before = visit.state
        visit.state, changes = TABLE[before, sign]
        if sign in SIGNS_OF_LIFE or visit.state is State.NEAR:
            _spend(visit, now_s)
            visit.last_sign_at_s = now_s
            self._open[visitor] = visit
            self._open.move_to_end(visitor)
        if sign is Sign.HIDE:
            _forget(visit)
        told: tuple[Transition, ...] = ()
        for change in changes:
            transition = self._tell(change, visitor, visit, now_s, zone)
            if transition is not None:
                told += (transition,)
        if visit.state is State.ABSENT:
            self._open.pop(visitor, None)
        return told

    def _tell(
        self, change: Change, visitor: str, visit: _Open, now_s: float, zone: str | None
    ) -> Transition | None:
        if change is Change.NEAR:
            return Transition(change, visitor, "", now_s)
        if change is Change.ENTRY:
            visit.started_at_s = now_s
            visit.visit_id = self.name(visitor, now_s)
            return Transition(change, visitor, visit.visit_id, now_s)
        if change is Change.MOVE:
            return self._move(visitor, visit, now_s, zone)
        if change is Change.SERVED:
            if visit.is_served or visit.zone not in self._till_zones:
                return None
            visit.is_served = True
            waited_s = now_s - visit.zone_since_s
            return Transition(change, visitor, visit.visit_id, now_s, visit.zone, None, waited_s)
        end_s = visit.last_sign_at_s
        stayed_s = end_s - visit.started_at_s
        return Transition(change, visitor, visit.visit_id, end_s, visit.zone, None, stayed_s)

    def name(self, visitor: str, now_s: float) -> str:
        """Name a visit; who leaves and comes back within a millisecond begins another one."""
        moment = round(now_s, 3)
        if moment != self._begun_s:
            self._begun_s, self._begun = moment, Counter()
        self._begun[visitor] += 1
        return visit_id(self._secret, visitor, now_s, self._begun[visitor])

    def _move(
        self, visitor: str, visit: _Open, now_s: float, zone: str | None
    ) -> Transition | None:
        before, since_s = visit.zone, visit.zone_since_s
        if zone == before:
            return None
        visit.zone, visit.zone_since_s, visit.is_served = zone, now_s, False
        spent_s = now_s - since_s if before is not None else 0.0
        return Transition(Change.MOVE, visitor, visit.visit_id, now_s, zone, before, spent_s)


def visit_id(secret: bytes, visitor: str, started_at_s: float, number: int = 1) -> str:
    """Return an id that repeats for the same visit and tells nothing without the secret.

    Args:
        secret: Of the box.
        visitor: Whose visit.
        started_at_s: To the millisecond.
        number: Of the visits that the visitor began within this millisecond, from 1.
    """
    again = "" if number == 1 else f" {number}"
    told = f"{started_at_s:.3f} {visitor}{again}".encode()
    return blake2b(told, key=secret, digest_size=9, person=b"stammgast-visit").hexdigest()


def _spend(visit: _Open, now_s: float) -> None:
    """Add the time since the last sign to the zone it was spent in."""
    if visit.zone is not None:
        spent_s = now_s - visit.last_sign_at_s
        visit.dwell_s[visit.zone] = visit.dwell_s.get(visit.zone, 0.0) + spent_s


def _forget(visit: _Open) -> None:
    """Drop every place of a visit, and the beacon that told it."""
    visit.zone, visit.zone_since_s, visit.is_served = None, 0.0, False
    visit.dwell_s.clear()
    visit.lead, visit.lead_heard_at_s, visit.lead_level_dbm = None, 0.0, 0.0


def _copy(visitor: str, visit: _Open) -> Visit:
    return Visit(
        visitor,
        visit.visit_id,
        visit.state,
        visit.started_at_s,
        visit.last_sign_at_s,
        visit.zone,
        visit.zone_since_s if visit.zone is not None else None,
        MappingProxyType(dict(visit.dwell_s)),
    )
