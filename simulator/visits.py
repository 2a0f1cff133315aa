"""A visit before it is walked: its true motive, its stops, what may end in the basket.

What a motive does to the way through the store is our own model: nobody publishes it. The box
never hears a motive; it must guess from dwell, scans and basket.
"""

import random
from dataclasses import dataclass, field

from simulator import floor
from simulator.catalog import Catalog
from simulator.demand import Line

BASKET_RATE = 0.4
"""Share of visits with the app on which what is taken from a shelf is scanned into its basket; our
own assumption."""
FASHION_ZONES = frozenset({"women", "men", "kids"})


@dataclass(frozen=True, slots=True)
class MotiveHabits:
    """How somebody with a motive behaves.

    Attributes:
        dwell_s: Mean stay at a shelf.
        extra_stops: Mean number of shelves looked at for no purchase.
        scans_per_stop: Mean scans of shelf labels with the app.
        buys: Chance that a wish becomes a purchase.
    """

    dwell_s: float
    extra_stops: float
    scans_per_stop: float
    buys: float


# In the order of `people.MOTIVES`.
HABITS = (
    MotiveHabits(40.0, 4.0, 0.15, 0.3),  # first time: looks around
    MotiveHabits(75.0, 4.0, 0.25, 0.6),  # inspiration: many zones, long looks
    MotiveHabits(55.0, 1.5, 2.2, 0.25),  # price comparing: scans label after label
    MotiveHabits(120.0, 2.0, 0.7, 0.5),  # undecided: long, returns, tries on
    MotiveHabits(30.0, 0.2, 0.25, 0.97),  # about to buy: straight there and out
)


@dataclass(frozen=True, slots=True)
class Stop:
    """A place on the way: a shelf, the fitting rooms, the café or the try-on mirror."""

    zone: str
    place: floor.Point
    dwell_s: float
    scan_item_ids: tuple[str, ...] = ()
    aisle: str = ""

    def taken(self, lines: list[Line]) -> list[Line]:
        """Return those lines of a purchase that stand on this shelf."""
        return [line for line in lines if self.aisle and line.item.aisle == self.aisle]


@dataclass(slots=True)
class Visit:
    """A visit with what only the simulator knows.

    Attributes:
        person_id: Member id, or `A…` for somebody without a card.
        motive: Index into `people.MOTIVES`.
        lines: The basket; advice may add to it.
        started_s, ended_s: UTC seconds; the end is 0 while the visit lasts.
        advised: Items that an associate showed.
        has_basket: Whether the app is told what is taken from a shelf.
        has_queued: Whether the person stood first in line when the play began.
    """

    visit_id: str
    person_id: str
    motive: int
    stops: list[Stop]
    lines: list[Line]
    started_s: float = 0.0
    ended_s: float = 0.0
    advised: list[str] = field(default_factory=list)
    has_basket: bool = False
    has_queued: bool = False


def bought(planned: list[Line], motive: int, rng: random.Random) -> list[Line]:
    """Return what of a plan becomes a purchase: refills nearly always, wishes by the motive."""
    chance = HABITS[motive].buys
    return [x for x in planned if rng.random() < (0.9 if x.cause == "refill" else chance)]


def stops_of(catalog: Catalog, wanted: list[Line], motive: int, rng: random.Random) -> list[Stop]:
    """Return the way: the shelves of what is wanted, and others that catch the eye."""
    habits = HABITS[motive]
    by_aisle = {line.item.aisle: line.item.zone for line in wanted}
    extra = rng.choices(catalog.items, k=min(8, int(rng.expovariate(1 / habits.extra_stops))))
    by_aisle |= {item.aisle: item.zone for item in extra}
    aisles = sorted(by_aisle, key=lambda aisle: (_nearness(by_aisle[aisle]), aisle))
    stops = []
    for aisle in aisles:
        near = [item for item in catalog.items if item.aisle == aisle]
        scans = min(6, int(rng.expovariate(1 / habits.scans_per_stop)))
        stops.append(
            Stop(
                zone=by_aisle[aisle],
                place=floor.place_at(aisle, rng),
                dwell_s=8 + rng.expovariate(1 / habits.dwell_s),
                scan_item_ids=tuple(rng.choice(near).item_id for _ in range(scans)),
                aisle=aisle,
            )
        )
    return stops + _detours(wanted, motive, rng)


def _detours(wanted: list[Line], motive: int, rng: random.Random) -> list[Stop]:
    detours = []
    tries_on = any(line.item.zone in FASHION_ZONES for line in wanted)
    if tries_on and rng.random() < (0.7 if motive == 3 else 0.35):
        place = floor.place_in("fitting", rng)
        detours.append(Stop("fitting", place, rng.uniform(120, 420)))
    if motive in (1, 3) and rng.random() < 0.25:
        detours.append(Stop("station", floor.place_in("station", rng), rng.uniform(60, 240)))
    if rng.random() < 0.12:
        detours.append(Stop("cafe", floor.place_in("cafe", rng), rng.uniform(300, 1200)))
    return detours


def _nearness(zone_id: str) -> float:
    """Order zones along a loop through the store: east side first, back along the west."""
    zone = next(zone for zone in floor.ZONES if zone.zone_id == zone_id)
    x_m, y_m = floor.centre(zone.polygon)
    return y_m - 100 if x_m > floor.WIDTH_M / 2 else -y_m
