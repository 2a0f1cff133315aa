"""The chain's log of offers: who was shown which, with what chance, and whether it was taken.

Decides what the old policy could show (running offers, none made for the other audience), what it
preferred (what the chain wants to sell, brands that a member buys most) and how often it explored,
so that the chance of every choice is known; and what members make of an offer: taste for its class,
love of the item, the saving, a due refill, their own openness. A taken offer was put aside in the
app; what was then bought is not in the receipts. Only members with a consent to a profile are in
it. Leaves out reading the log, which is a chain's training.
"""

import csv
import gzip
import io
import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from simulator import offers
from simulator.catalog import Item
from simulator.chance import cumulative, pick, stream
from simulator.clock import DAY_S, OPENS_H, moment_s, rfc3339, seconds_of
from simulator.demand import SEASON_FACTORS
from simulator.people import Person
from simulator.written import MemberRecord, WrittenStore, read

FILE = "offers.csv.gz"
COLUMNS = (
    "shown_at", "member_id", "offer_id", "kind", "item_ids", "propensity", "is_taken",
)  # fmt: skip
LOGGED_DAYS = 364
ROUND_DAYS = 28
EXPLORED = 0.3
"""Share of choices that the old policy drew evenly among the offers it could show."""
PRIORITY_SCALE = 20.0
BRANDS, BRAND_PULL = 5, 25.0
"""Brands a member bought most before the log began, and how much likelier they were shown."""
LARGE_REDUCTION = 0.125
"""Share of the shelf's price that makes a reduction a large one, as boxes name it."""
# What makes a member take an offer, in log odds: our own assumptions. Of offers drawn evenly about
# one in eleven is taken.
BASE = -3.3
OPENNESS, INTEREST, LOVE, SAVING, REFILL = 3.0, 0.8, 1.2, 6.0, 0.8


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer that ran at some time; the end is exclusive."""

    offer_id: str
    kind: str
    items: tuple[Item, ...]
    saving: float
    priority: int
    starts_s: float
    ends_s: float


@dataclass(frozen=True, slots=True)
class Contact:
    """One offer shown to one member.

    Attributes:
        propensity: Chance with which the policy chose it.
        chance: True chance that the member takes it; known to the simulator alone.
    """

    at_s: float
    member_id: str
    offer: Offer
    propensity: float
    chance: float
    is_taken: bool

    def row(self) -> tuple[object, ...]:
        """Return the columns that a chain's log has."""
        items = " ".join(item.item_id for item in self.offer.items)
        return (
            rfc3339(self.at_s), self.member_id, self.offer.offer_id, self.offer.kind, items,
            f"{self.propensity:.6g}", int(self.is_taken),
        )  # fmt: skip


def write(store_dir: Path, out: Path, seed: int, count: int, explored: float = EXPLORED) -> int:
    """Write a gzipped CSV of `COLUMNS`, oldest first, and return how many offers were taken."""
    found = list(contacts(store_dir, seed, count, explored))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows(contact.row() for contact in found)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    return sum(contact.is_taken for contact in found)


def contacts(
    store_dir: Path, seed: int, count: int, explored: float = EXPLORED
) -> Iterator[Contact]:
    """Yield contacts of the last year before the store's opening day, oldest first.

    Args:
        store_dir: What `store` wrote.
        seed: Names the log.
        count: Of contacts.
        explored: Share of even choices; at 1 the policy prefers nothing.
    """
    store = read(store_dir)
    bought = _brands(store_dir, store)
    rounds = _offers(store_dir, store, seed)
    known = [m for m in store.members if {"recognise", "profile"} <= m.purposes]
    frequency = cumulative([member.person.visits_per_year for member in known])
    rng = stream(seed, "offer contacts")
    first = datetime.fromtimestamp(store.opens_s, UTC).date() - timedelta(days=LOGGED_DAYS)
    moments = sorted(
        (rng.randrange(LOGGED_DAYS), rng.randrange(10 * 3600), number) for number in range(count)
    )
    for day, second, number in moments:
        own = stream(seed, "offer contact", number)
        member = pick(own, known, frequency)
        at_s = moment_s(first + timedelta(days=day), OPENS_H * 3600 + second)
        running = [
            offer
            for offer in rounds
            if offer.starts_s <= at_s < offer.ends_s and _suits(offer, member.person)
        ]
        chances = _policy(running, bought.get(member.member_id, frozenset()), explored)
        at = pick(own, range(len(running)), cumulative(chances))
        chance = taking(store, member, running[at], at_s)
        is_taken = own.random() < chance
        yield Contact(at_s, member.member_id, running[at], chances[at], chance, is_taken)


def taking(store: WrittenStore, member: MemberRecord, offer: Offer, at_s: float) -> float:
    """Return the true chance that a member takes an offer."""
    person, item = member.person, offer.items[0]
    month = datetime.fromtimestamp(at_s, UTC).month
    season = SEASON_FACTORS[store.catalog.classes[item.class_id].season][month - 1]
    weights = person.class_weights
    usual = sum(weights.values()) / max(1, len(weights))
    interest = math.log((weights.get(item.class_id, 0.0) * season + 0.05 * usual) / usual)
    odds = (
        BASE
        + OPENNESS * (person.acceptance - 0.4)
        + INTEREST * max(-3.0, min(3.0, interest))
        + LOVE * max(store.demand.liking(person, each) for each in offer.items)
        + SAVING * offer.saving * (1.2 - person.price_level)
        + REFILL * (item.class_id in person.cycles_days)
    )
    return 1.0 / (1.0 + math.exp(-odds))


def _suits(offer: Offer, person: Person) -> bool:
    """Tell whether the policy may show an offer: never what is made for the other audience."""
    return offer.items[0].audience in ("all", "kids", person.audience)


def _policy(running: Sequence[Offer], brands: frozenset[str], explored: float) -> list[float]:
    """Return the chance with which the old policy shows each offer that it could show."""
    wanted = [
        math.exp(offer.priority / PRIORITY_SCALE)
        * (BRAND_PULL if offer.items[0].brand in brands else 1.0)
        for offer in running
    ]
    total, n = sum(wanted), len(running)
    return [explored / n + (1.0 - explored) * each / total for each in wanted]


def _brands(store_dir: Path, store: WrittenStore) -> dict[str, frozenset[str]]:
    """Return the brands that each member bought most before the log begins."""
    brand_of = {v.sku: item.brand for item in store.catalog.items for v in item.variants}
    begins_s = store.opens_s - LOGGED_DAYS * DAY_S
    found: dict[str, Counter[str]] = {}
    with gzip.open(store_dir / "receipts.csv.gz", "rt", encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            if row["member_id"] and seconds_of(row["sold_at"]) < begins_s:
                found.setdefault(row["member_id"], Counter())[brand_of[row["sku"]]] += 1
    return {
        member: frozenset(brand for brand, _ in counts.most_common(BRANDS))
        for member, counts in found.items()
    }


def _offers(store_dir: Path, store: WrittenStore, seed: int) -> list[Offer]:
    """Return the offers of the catalogue, and those of the rounds before it."""
    catalog = json.loads((store_dir / "catalog.json").read_text(encoding="utf-8"))
    found = [_offer(record, store, "") for record in catalog["offers"]]
    today = datetime.fromtimestamp(store.opens_s, UTC).date()
    for back in range(1, LOGGED_DAYS // ROUND_DAYS + 2):
        day = today - timedelta(days=back * ROUND_DAYS)
        records = offers.offers(store.catalog, seed + back, day)
        found += [_offer(record, store, f"{day:%y%m%d}-") for record in records]
    return found


def _offer(record: dict[str, Any], store: WrittenStore, prefix: str) -> Offer:
    of_id = {item.item_id: item for item in store.catalog.items}
    items = tuple(of_id[item_id] for item_id in record["item_ids"])
    shelf_cents = sum(item.price_cents for item in items) / len(items)
    price_cents = record["price_cents"]
    saving = 0.0 if price_cents is None else max(0.0, 1.0 - price_cents / shelf_cents)
    kind = "no_reduction"
    if saving > 0.0:
        kind = "large_reduction" if saving >= LARGE_REDUCTION else "small_reduction"
    starts, ends = (
        moment_s(datetime.fromisoformat(record[name]).date(), 0.0) for name in ("starts", "ends")
    )
    return Offer(
        prefix + record["offer_id"], kind, items, saving, record["priority"], starts, ends + DAY_S
    )
