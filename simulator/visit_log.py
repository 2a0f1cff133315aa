"""A log of visits with their true motives, played without a broker: what a model is taught on.

Decides what of a visit the house could have seen: rooms entered by members who consented to
being located, labels scanned with the app, what was put into its basket, the lines at the till.
Zones are the true ones; the noise of radio belongs to the living store (`simulator.living`).
"""

import csv
import gzip
import io
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from simulator import floor, visits, walking
from simulator.chance import cumulative, pick, stream
from simulator.clock import DAY_S, OPENS_H, moment_s, rfc3339
from simulator.histories import HOUR_TRAFFIC
from simulator.people import MOTIVES
from simulator.written import MemberRecord, WrittenStore, read

COLUMNS = ("visit_id", "member_id", "motive", "started_at", "after_s", "event", "zone", "sku")
QUEUE_S = (15.0, 75.0)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing the house could see.

    `enter` a zone, `scan` a label, scan one into the app's `basket`, `pay` a line, `leave`.
    """

    after_s: float
    event: str
    zone: str = ""
    sku: str = ""


def write(store_dir: Path, out: Path, seed: int, count: int) -> int:
    """Write a gzipped CSV of `COLUMNS`, visit after visit, and return its rows."""
    store = read(store_dir)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    rows = 0
    for number in range(1, count + 1):
        for row in _visit(store, seed, number):
            table.writerow(row)
            rows += 1
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    return rows


def _visit(store: WrittenStore, seed: int, number: int) -> Iterator[tuple[str, ...]]:
    """Yield the rows of one visit of a member who may be recognised."""
    rng = stream(seed, "logged visit", number)
    known = [m for m in store.members if "recognise" in m.purposes]
    member = pick(rng, known, cumulative([m.person.visits_per_year for m in known]))
    motive = pick(rng, range(len(MOTIVES)), cumulative(member.person.motives))
    hour = pick(rng, range(len(HOUR_TRAFFIC)), cumulative(HOUR_TRAFFIC))
    day = datetime.fromtimestamp(store.opens_s + rng.randrange(30) * DAY_S, UTC).date()
    started_s = moment_s(day, (OPENS_H + hour) * 3600 + rng.randrange(3600))
    for event in _events(store, member, motive, started_s, rng):
        yield (
            f"L{number:06d}",
            member.member_id,
            MOTIVES[motive],
            rfc3339(started_s),
            f"{event.after_s:.1f}",
            event.event,
            event.zone,
            event.sku,
        )


def _events(
    store: WrittenStore, member: MemberRecord, motive: int, started_s: float, rng: random.Random
) -> Iterator[Event]:
    month = 1 + int(started_s // (30.44 * DAY_S)) % 12
    wanted = store.demand.plan(member.person, member.memory, started_s, motive, month, rng)
    skus = {item.item_id: item.variants[0].sku for item in store.catalog.items}
    is_located = "location" in member.purposes
    bought = visits.bought(wanted, motive, rng)
    in_basket = bought if rng.random() < visits.BASKET_RATE else []
    speed = rng.uniform(*walking.WALK_M_S)
    here, now_s = walking.DOOR, 0.0
    yield Event(now_s, "enter", "entrance" if is_located else "")
    for stop in visits.stops_of(store.catalog, wanted, motive, rng):
        now_s += math.dist(here, stop.place) / speed
        here = stop.place
        if is_located:
            yield Event(now_s, "enter", stop.zone)
        pause_s = stop.dwell_s / (len(stop.scan_item_ids) + 1)
        for item_id in stop.scan_item_ids:
            now_s += pause_s
            yield Event(now_s, "scan", stop.zone, skus[item_id])
        now_s += pause_s
        for line in stop.taken(in_basket):
            yield Event(now_s, "basket", stop.zone, line.variant.sku)
    if bought:
        till = floor.place_in("till", rng)
        now_s += math.dist(here, till) / speed
        if is_located:
            yield Event(now_s, "enter", "till")
        now_s += rng.uniform(*QUEUE_S)
        for line in bought:
            yield Event(now_s, "pay", "", line.variant.sku)
    yield Event(now_s + 30.0, "leave")
