"""Receipts of years: every person's visits replayed through the model of demand.

Most receipts are anonymous, as in a real store: the same kind of people, without a card.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from simulator.catalog import Catalog
from simulator.chance import cumulative, pick, stream
from simulator.clock import OPENS_H, is_open, moment_s
from simulator.demand import Demand, Line
from simulator.people import Person, make_person

TILLS = ("1", "2", "3", "4", "5", "6")
# Visits by month and weekday (Monday first) relative to an ordinary day, and by opening hour.
MONTH_TRAFFIC = (0.85, 0.85, 1.0, 1.0, 1.0, 0.95, 0.9, 0.9, 1.0, 1.1, 1.3, 1.7)
WEEKDAY_TRAFFIC = (0.8, 0.8, 0.9, 1.0, 1.3, 1.9, 0.0)
HOUR_TRAFFIC = (0.6, 0.9, 1.1, 1.0, 1.0, 1.1, 1.3, 1.5, 1.1, 0.5)
# Prices rose slowly (our assumption, 3 % a year); every ninth line was on promotion.
INFLATION_PER_YEAR = 0.03
PROMOTION_RATE = 0.11
GIFT_WRAP_RATE = 0.6


@dataclass(frozen=True, slots=True)
class Receipt:
    """One receipt; `member_id` is empty for anonymous ones."""

    receipt_id: str
    sold_at_s: float
    till_id: str
    member_id: str
    lines: tuple[tuple[Line, int], ...]  # with the unit price in cents


@dataclass(frozen=True, slots=True)
class Period:
    """The days the histories cover, `first` inclusive, `end` exclusive."""

    first: date
    end: date

    def days(self) -> list[date]:
        """Return the open days."""
        span = (self.first + timedelta(n) for n in range((self.end - self.first).days))
        return [day for day in span if is_open(day)]


def receipts(
    catalog: Catalog, members: list[Person], anonymous_count: int, period: Period, seed: int
) -> list[Receipt]:
    """Return all receipts of the period in the order of time."""
    demand = Demand(catalog, stream(seed, "appeal"))
    days = period.days()
    traffic = cumulative([MONTH_TRAFFIC[d.month - 1] * WEEKDAY_TRAFFIC[d.weekday()] for d in days])
    strangers = [make_person(catalog, seed, f"A{n:05d}") for n in range(anonymous_count)]
    sold: list[tuple[float, str, str, list[Line]]] = []
    for person in [*members, *strangers]:
        rng = stream(seed, "history", person.person_id)
        member_id = "" if person.person_id.startswith("A") else person.person_id
        for at_s, basket in _visits(demand, person, days, traffic, rng):
            sold.append((at_s, person.person_id, member_id, basket))
    sold.sort(key=lambda entry: entry[:2])
    return list(_numbered(sold, period, seed))


def _visits(
    demand: Demand, person: Person, days: list[date], traffic: list[float], rng: random.Random
) -> Iterator[tuple[float, list[Line]]]:
    years = (days[-1] - days[0]).days / 365.25
    # Members joined some time ago; a third of them within the period.
    joined = 0 if rng.random() < 0.67 else rng.randrange(len(days) // 2)
    count = round(person.visits_per_year * years * rng.uniform(0.85, 1.15))
    positions = sorted(set(rng.choices(range(len(days)), cum_weights=traffic, k=count)))
    hours, weights = range(len(HOUR_TRAFFIC)), cumulative(HOUR_TRAFFIC)
    memory = demand.start(person, moment_s(days[joined], 0), rng)
    motives = cumulative(person.motives)
    for position in positions:
        if position < joined:
            continue
        day = days[position]
        seconds = (OPENS_H + pick(rng, hours, weights)) * 3600 + rng.randrange(3600)
        at_s = moment_s(day, seconds)
        motive = pick(rng, range(len(person.motives)), motives)
        basket = demand.basket(person, memory, at_s, motive, day.month, rng)
        if basket:
            yield at_s, basket


def _numbered(
    sold: list[tuple[float, str, str, list[Line]]], period: Period, seed: int
) -> Iterator[Receipt]:
    rng = stream(seed, "tills")
    end_s = moment_s(period.end, 0)
    serial = dict.fromkeys(TILLS, 0)
    for at_s, _, member_id, basket in sold:
        till = rng.choice(TILLS)
        serial[till] += 1
        day = datetime.fromtimestamp(at_s, UTC).strftime("%y%m%d")
        years_ago = (end_s - at_s) / (365.25 * 86_400)
        lines = tuple((line, _price_cents(line, years_ago, rng)) for line in basket)
        yield Receipt(f"{till}-{day}-{serial[till]:06d}", at_s, till, member_id, lines)


def _price_cents(line: Line, years_ago: float, rng: random.Random) -> int:
    price: float = line.item.price_cents / (1 + INFLATION_PER_YEAR) ** years_ago
    if rng.random() < PROMOTION_RATE:
        price *= 0.8
    return max(49, round(price / 10) * 10 - 1)


def is_gift_wrapped(line: Line, receipt_id: str) -> bool:
    """Return whether a gift was wrapped at the till (most are); stable per receipt and item."""
    if not line.is_gift:
        return False
    draw = stream(0, "wrap", receipt_id, line.item.item_id).random()
    return draw < GIFT_WRAP_RATE
