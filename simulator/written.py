"""Read a written store back: what the shoppers of a living store start from.

Members remember their own receipts, so a living store goes on where the histories end.
"""

import csv
import gzip
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.catalog import Catalog, Item, ItemClass, Variant
from simulator.chance import stream
from simulator.clock import DAY_S, seconds_of
from simulator.demand import Demand, Memory
from simulator.people import Person


@dataclass(slots=True)
class MemberRecord:
    """A member as the store knows it, with the tastes behind it."""

    member_id: str
    language: str
    beacons: list[str]
    purposes: set[str]
    person: Person
    memory: Memory


@dataclass(slots=True)
class WrittenStore:
    """Everything a play needs of a written store.

    Attributes:
        opens_s: UTC second of the opening stock's day, the first the histories do not hold.
        stock: Units by sku.
    """

    catalog: Catalog
    demand: Demand
    members: list[MemberRecord]
    stock: dict[str, int]
    opens_s: float


def read(store_dir: Path) -> WrittenStore:
    """Read the files that `store.write` wrote.

    Raises:
        FileNotFoundError: where one is missing; `stammgast-simulator store` writes them.
    """
    truth, stock = _json(store_dir, "truth.json"), _json(store_dir, "stock.json")
    catalog = _catalog(_json(store_dir, "catalog.json"), truth)
    demand = Demand(catalog, stream(truth["seed"], "appeal"))
    opens_s = seconds_of(stock["as_of"])
    people = {p["person_id"]: _person(p) for p in truth["people"]}
    memories = _memories(store_dir, catalog, people, demand, opens_s)
    members = [
        MemberRecord(
            member_id=m["member_id"],
            language=m["language"],
            beacons=m["beacons"],
            purposes={consent["purpose"] for consent in m["consents"]},
            person=people[m["member_id"]],
            memory=memories[m["member_id"]],
        )
        for m in _json(store_dir, "members.json")["members"]
    ]
    levels = {level["sku"]: level["quantity"] for level in stock["levels"]}
    return WrittenStore(catalog, demand, members, levels, opens_s)


def _json(store_dir: Path, name: str) -> Any:
    return json.loads((store_dir / name).read_text(encoding="utf-8"))


def _person(record: dict[str, Any]) -> Person:
    lists = {key: tuple(record[key]) for key in ("colours", "brands", "motives")}
    return Person(**(record | lists))


def _catalog(record: dict[str, Any], truth: dict[str, Any]) -> Catalog:
    classes = {
        c["id"]: ItemClass(
            class_id=c["id"],
            de=c["name"]["de"],
            en=c["name"]["en"],
            kind=c["kind"],
            interval_days=c["interval_days"],
            zone="",
            complements=tuple(c["complements"]),
            **truth["classes"][c["id"]],
        )
        for c in record["classes"]
    }
    items = tuple(_item(i, truth["brand_levels"]) for i in record["items"])
    return Catalog(items, classes)


def _item(record: dict[str, Any], brand_levels: dict[str, float]) -> Item:
    tags = dict(tag.split(":", 1) for tag in record["tags"])
    series = record.get("series")
    return Item(
        item_id=record["item_id"],
        de=record["product_name"]["de"],
        en=record["product_name"]["en"],
        brand=record["brand"],
        brand_level=brand_levels[record["brand"]],
        department=record["department"],
        category=record["category"],
        class_id=record["class_id"],
        price_cents=record["price_cents"],
        zone=record["zone"],
        aisle=record["aisle"],
        colour=tags["colour"],
        drawing="",
        style=0,
        audience=tags["for"],
        variants=tuple(Variant(**variant) for variant in record["variants"]),
        season=tags.get("season"),
        series=(series["id"], series["index"]) if series else None,
        is_bulky=record["is_bulky"],
        is_sensitive=record["is_sensitive"],
        complements=tuple(record["complements"]),
    )


def _memories(
    store_dir: Path, catalog: Catalog, people: dict[str, Person], demand: Demand, opens_s: float
) -> dict[str, Memory]:
    """Rebuild what members remember from their own receipts."""
    items = {v.sku: item for item in catalog.items for v in item.variants}
    memories: dict[str, Memory] = defaultdict(Memory)
    with gzip.open(store_dir / "receipts.csv.gz", "rt", encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            if row["member_id"] and row["is_gift_wrapped"] == "0":
                item, memory = items[row["sku"]], memories[row["member_id"]]
                demand.settle(people[row["member_id"]], memory, item, seconds_of(row["sold_at"]))
    for person_id, person in people.items():
        memory = memories[person_id]
        for class_id, gap_days in person.cycles_days.items():
            last_s = memory.last_bought_s.get(class_id, opens_s)
            memory.due_s[class_id] = last_s + gap_days * DAY_S
    return memories
