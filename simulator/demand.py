"""What a person buys: the one model of demand behind the histories and the living store.

A basket grows from four causes: consumables that ran out, companions of what was bought before,
the next volume of a series, and wishes that follow taste and season; some wishes are gifts.
"""

import math
import random
from dataclasses import dataclass, field

from simulator.catalog import Catalog, Item, Variant
from simulator.chance import cumulative, pick
from simulator.clock import DAY_S
from simulator.people import Person

# Chance that a companion (tie for the shirt) is wanted within the next weeks; our assumption.
COMPLEMENT_WISH = 0.4
COMPLEMENT_WISH_DAYS = 45.0
# Log odds of taking advice that a liking of 1 is worth; our assumption, as of offers.
ADVICE_LOVE = 1.2
# Nobody buys ties twice a month, even where the chain states no repurchase interval.
ACCESSORY_PAUSE_DAYS = 120.0
# Demand factor by month, January first; our assumption, shaped like German clothing retail.
SEASON_FACTORS: dict[str | None, tuple[float, ...]] = {
    None: (1.0,) * 12,
    "winter": (1.5, 1.1, 0.6, 0.3, 0.15, 0.1, 0.1, 0.2, 0.8, 1.7, 2.2, 2.2),
    "spring": (0.5, 1.0, 2.2, 2.2, 1.5, 0.7, 0.4, 0.6, 1.3, 1.0, 0.6, 0.4),
    "summer": (0.2, 0.3, 0.6, 1.3, 2.1, 2.4, 2.2, 1.4, 0.6, 0.3, 0.2, 0.3),
    "autumn": (0.8, 0.6, 0.5, 0.5, 0.4, 0.4, 0.5, 0.8, 1.7, 2.2, 2.0, 1.3),
    "christmas": (0.3, 0.3, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.6, 1.0, 2.6, 3.6),
}
# Wishes per visit by motive (first_time … about_to_buy): weights of 0, 1, 2, 3 and 4 wishes.
WISHES = (
    (5, 3, 1, 0, 0),
    (3, 4, 2, 1, 0),
    (4, 5, 1, 0, 0),
    (3, 5, 2, 1, 0),
    (1, 5, 4, 2, 1),
)
_WISH_SUMS = tuple(cumulative(weights) for weights in WISHES)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing taken to the till."""

    item: Item
    variant: Variant
    quantity: int
    is_gift: bool
    cause: str


@dataclass(slots=True)
class Wish:
    """A companion wanted until a day."""

    class_id: str
    until_s: float


@dataclass(slots=True)
class Memory:
    """What a person remembers of own purchases."""

    due_s: dict[str, float] = field(default_factory=dict)
    last_bought_s: dict[str, float] = field(default_factory=dict)
    wishes: list[Wish] = field(default_factory=list)
    series_index: dict[str, int] = field(default_factory=dict)
    owned: set[str] = field(default_factory=set)


class Demand:
    """The shared tables of demand: items by class, seasons, everyone's item preferences."""

    def __init__(self, catalog: Catalog, rng: random.Random) -> None:
        self.catalog = catalog
        self._by_class = {class_id: catalog.of_class(class_id) for class_id in catalog.classes}
        # Some products are simply better loved: a heavy-tailed appeal per item.
        self._appeal = {item.item_id: rng.gauss(0, 0.9) for item in catalog.items}
        self._item_weights: dict[tuple[str, str], list[float]] = {}
        self._class_weights: dict[tuple[str, int], tuple[list[str], list[float]]] = {}
        self._gifts: dict[tuple[str, int], tuple[list[str], list[float]]] = {}
        self._favourites: dict[tuple[str, str], Item] = {}
        self._middles: dict[tuple[str, str], float] = {}

    def start(self, person: Person, at_s: float, rng: random.Random) -> Memory:
        """Return the memory of somebody whose stocks at home are in mid-use."""
        due_s = {c: at_s + gap * DAY_S * rng.random() for c, gap in person.cycles_days.items()}
        return Memory(due_s=due_s)

    def basket(
        self,
        person: Person,
        memory: Memory,
        at_s: float,
        motive: int,
        month: int,
        rng: random.Random,
    ) -> list[Line]:
        """Fill a basket at a moment and remember it; may stay empty."""
        lines = self.plan(person, memory, at_s, motive, month, rng)
        for line in lines:
            self.remember(person, memory, line, at_s, rng)
        return lines

    def plan(
        self,
        person: Person,
        memory: Memory,
        at_s: float,
        motive: int,
        month: int,
        rng: random.Random,
    ) -> list[Line]:
        """Return what somebody comes for, or is drawn to, at a moment; may be empty."""
        lines = self._refills(person, memory, at_s, rng)
        lines += self._companions(person, memory, at_s, rng)
        for _ in range(pick(rng, range(5), _WISH_SUMS[motive])):
            line = self._wish(person, memory, at_s, month, rng)
            if line and all(line.item.item_id != taken.item.item_id for taken in lines):
                lines.append(line)
        return lines

    def remember(
        self, person: Person, memory: Memory, line: Line, at_s: float, rng: random.Random
    ) -> None:
        """Note a purchase: stocks are full again, companions may be wished for."""
        class_id = line.item.class_id
        if line.is_gift:
            return
        self.settle(person, memory, line.item, at_s)
        if class_id in person.cycles_days:
            gap_s = person.cycles_days[class_id] * DAY_S * line.quantity
            memory.due_s[class_id] = at_s + gap_s * math.exp(rng.gauss(0, 0.18))
        for companion in line.item.complements:
            if rng.random() < COMPLEMENT_WISH / max(1, len(line.item.complements) - 1):
                until_s = at_s + COMPLEMENT_WISH_DAYS * DAY_S
                memory.wishes.append(Wish(companion, until_s))

    def settle(self, person: Person, memory: Memory, item: Item, at_s: float) -> None:
        """Note the lasting facts of a purchase: owned, when, which volume, which brand."""
        memory.last_bought_s[item.class_id] = at_s
        memory.owned.add(item.item_id)
        if item.series:
            memory.series_index[item.series[0]] = item.series[1]
        if item.class_id in person.cycles_days:
            self._favourites[person.person_id, item.class_id] = item

    def _refills(
        self, person: Person, memory: Memory, at_s: float, rng: random.Random
    ) -> list[Line]:
        lines = []
        for class_id, due_s in memory.due_s.items():
            if at_s >= due_s and rng.random() < 0.72:
                item = self._favourite(person, class_id, rng)
                quantity = 2 if rng.random() < 0.15 else 1
                lines.append(self.line_of(person, item, quantity, "refill", rng))
        return lines

    def _companions(
        self, person: Person, memory: Memory, at_s: float, rng: random.Random
    ) -> list[Line]:
        lines: list[Line] = []
        kept = []
        for wish in memory.wishes:
            if wish.until_s < at_s:
                continue
            if rng.random() < 0.55 and wish.class_id not in {x.item.class_id for x in lines}:
                item = self.choose_new(person, memory, wish.class_id, rng)
                lines.append(self.line_of(person, item, 1, "companion", rng))
            else:
                kept.append(wish)
        memory.wishes = kept
        return lines

    def _wish(
        self, person: Person, memory: Memory, at_s: float, month: int, rng: random.Random
    ) -> Line | None:
        is_gift = rng.random() < person.gift_rate * (3.0 if month in (11, 12) else 1.0)
        if is_gift:
            return self._gift(person, month, rng)
        class_ids, sums = self._monthly(person, month)
        class_id = pick(rng, class_ids, sums)
        if self._has_enough(memory, class_id, at_s) and rng.random() < 0.92:
            return None
        if self.catalog.classes[class_id].kind == "series":
            return self._next_volume(person, memory, class_id, rng)
        item = self.choose_new(person, memory, class_id, rng)
        return self.line_of(person, item, 1, "wish", rng)

    def _gift(self, person: Person, month: int, rng: random.Random) -> Line:
        """Buy for somebody else: mostly goods made for the other audience, or gift classes."""
        class_ids, sums = self._gift_classes(person.audience, month)
        class_id = pick(rng, class_ids, sums)
        item = rng.choice(self._by_class[class_id])
        return Line(item, rng.choice(item.variants), 1, True, "gift")

    def _gift_classes(self, giver: str, month: int) -> tuple[list[str], list[float]]:
        key = (giver, month)
        if key not in self._gifts:
            fits = [
                c
                for c in self.catalog.classes.values()
                if c.kind not in ("sensitive", "consumable")
                and (c.kind == "gift" or c.audience not in ("all", giver))
            ]
            weights = [
                SEASON_FACTORS[c.season][month - 1] * (3.0 if c.kind == "gift" else 1.0)
                for c in fits
            ]
            self._gifts[key] = ([c.class_id for c in fits], cumulative(weights))
        return self._gifts[key]

    def _next_volume(
        self, person: Person, memory: Memory, class_id: str, rng: random.Random
    ) -> Line | None:
        """Go on with a series that was begun, or begin one."""
        items = self._by_class[class_id]
        begun = [
            i for i in items if i.series and memory.series_index.get(i.series[0]) == i.series[1] - 1
        ]
        firsts = [
            i
            for i in items
            if i.series and i.series[1] == 1 and i.series[0] not in memory.series_index
        ]
        choices = begun or firsts
        if not choices:
            return None
        return self.line_of(person, rng.choice(choices), 1, "series", rng)

    def _has_enough(self, memory: Memory, class_id: str, at_s: float) -> bool:
        last_s = memory.last_bought_s.get(class_id)
        interval_days = self.catalog.classes[class_id].interval_days
        if last_s is None:
            return False
        pause_days = ACCESSORY_PAUSE_DAYS if interval_days is None else 0.7 * interval_days
        return at_s - last_s < pause_days * DAY_S

    def _monthly(self, person: Person, month: int) -> tuple[list[str], list[float]]:
        key = (person.person_id, month)
        if key not in self._class_weights:
            classes = self.catalog.classes
            weights = [
                w * SEASON_FACTORS[classes[c].season][month - 1] * (0.15 if c in person.cycles_days
                else 1.0)
                for c, w in person.class_weights.items()
            ]  # fmt: skip
            self._class_weights[key] = (list(person.class_weights), cumulative(weights))
        return self._class_weights[key]

    def _favourite(self, person: Person, class_id: str, rng: random.Random) -> Item:
        """Return the brand somebody sticks to; now and then another one is tried for good."""
        key = (person.person_id, class_id)
        if key not in self._favourites or rng.random() < 0.06:
            self._favourites[key] = self.choose(person, class_id, rng)
        return self._favourites[key]

    def choose(self, person: Person, class_id: str, rng: random.Random) -> Item:
        """Draw an item of a class by the person's utility (a logit choice)."""
        key = (person.person_id, class_id)
        if key not in self._item_weights:
            utilities = [self.utility(person, item) for item in self._by_class[class_id]]
            self._item_weights[key] = cumulative([math.exp(u) for u in utilities])
        return pick(rng, self._by_class[class_id], self._item_weights[key])

    def loved(self, person: Person, rng: random.Random) -> Line:
        """Return an item of the class that somebody likes best."""
        class_id = max(person.class_weights, key=lambda c: person.class_weights[c])
        return self.line_of(person, self.choose(person, class_id, rng), 1, "wish", rng)

    def choose_new(self, person: Person, memory: Memory, class_id: str, rng: random.Random) -> Item:
        """Draw an item, looking on when it is one that the person has and that lasts."""
        item = self.choose(person, class_id, rng)
        for _ in range(4):
            if self.catalog.classes[class_id].kind == "consumable":
                break
            if item.item_id not in memory.owned:
                break
            item = self.choose(person, class_id, rng)
        return item

    def utility(self, person: Person, item: Item) -> float:
        """Return how much a person likes an item among those of its class."""
        colour = 1.3 if item.colour == person.colours[0] else 0.7
        colour = colour if item.colour in person.colours else 0.0
        brand = 0.9 if item.brand in person.brands else 0.0
        price = -5.0 * (item.brand_level - person.price_level) ** 2
        fit = 0.0 if item.audience in ("all", "kids", person.audience) else -3.0
        return self._appeal[item.item_id] + colour + brand + price + fit

    def liking(self, person: Person, item: Item) -> float:
        """Return how much a person likes an item against the middle of its class, within ±2."""
        key = (person.person_id, item.class_id)
        if key not in self._middles:
            alike = [self.utility(person, each) for each in self._by_class[item.class_id]]
            self._middles[key] = sum(alike) / len(alike)
        return max(-2.0, min(2.0, self.utility(person, item) - self._middles[key]))

    def heeding(self, person: Person, item: Item) -> float:
        """Return the chance that advice to take an item is taken: readiness, moved by liking."""
        odds = person.acceptance * math.exp(ADVICE_LOVE * self.liking(person, item))
        return odds / (odds + 1.0 - person.acceptance)

    def line_of(
        self, person: Person, item: Item, quantity: int, cause: str, rng: random.Random
    ) -> Line:
        """Return an item as a line, in the person's size or shade where it has any."""
        system = self.catalog.classes[item.class_id].sizes
        own = person.sizes.get(system or "")
        fitting = [v for v in item.variants if v.size == own] if own else []
        variant = fitting[0] if fitting else rng.choice(item.variants)
        if variant.shade is not None:
            variant = item.variants[person.tone % len(item.variants)]
        return Line(item, variant, quantity, False, cause)
