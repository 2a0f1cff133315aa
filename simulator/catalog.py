"""The catalogue: items, variants and classes, made from the assortment or read from a store file.

The picture of an item is drawn by `pictures`; this module only says what is to be drawn.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from simulator import floor
from simulator.assortment import Department, departments
from simulator.chance import stream
from simulator.palette import COLOURS, SHADES, SIZES

# GS1 reserves the prefixes 20–29 for numbers inside a company: invented goods stay there.
GTIN_PREFIX = "20"


@dataclass(frozen=True, slots=True)
class Variant:
    """A sellable size or shade of an item."""

    sku: str
    gtin: str
    size: str | None
    shade: str | None


@dataclass(frozen=True, slots=True)
class ItemClass:
    """A substitute class with what the simulator knows about its demand."""

    class_id: str
    de: str
    en: str
    kind: str
    interval_days: int | None
    zone: str
    audience: str
    season: str | None
    complements: tuple[str, ...]
    sizes: str | None
    price_cents: int


@dataclass(frozen=True, slots=True)
class Item:
    """A product; `colour`, `drawing` and `style` (its model's number) say how it looks."""

    item_id: str
    de: str
    en: str
    brand: str
    brand_level: float
    department: str
    category: str
    class_id: str
    price_cents: int
    zone: str
    aisle: str
    colour: str
    drawing: str
    style: int
    audience: str
    variants: tuple[Variant, ...]
    care: tuple[str, str] | None = None
    season: str | None = None
    series: tuple[str, int] | None = None
    is_bulky: bool = False
    is_sensitive: bool = False
    age_min: int | None = None
    complements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalog:
    """All items and classes, in the order of the file."""

    items: tuple[Item, ...]
    classes: dict[str, ItemClass]

    def of_class(self, class_id: str) -> list[Item]:
        """Return the items of a class, in catalogue order."""
        return [item for item in self.items if item.class_id == class_id]


def gtin13(number: int) -> str:
    """Return a GTIN-13 with its check digit (GS1 General Specifications, 7.9)."""
    body = f"{GTIN_PREFIX}{number:010d}"
    weighted = sum(int(digit) * (1, 3)[at % 2] for at, digit in enumerate(body))
    return body + str(-weighted % 10)


def generate(seed: int) -> Catalog:
    """Make the catalogue of a seed."""
    rows = shelf_of_classes()
    items: list[Item] = []
    classes: dict[str, ItemClass] = {}
    for department in departments():
        for record in department.classes:
            made = list(_items(department, record, rows[record["id"]], seed))
            items += made
            classes[record["id"]] = _item_class(record, made)
    return Catalog(tuple(_numbered(items)), classes)


def shelf_of_classes() -> dict[str, str]:
    """Return the aisle of every class: classes of a zone share its shelves in their order."""
    by_zone: dict[str, list[str]] = {}
    for department in departments():
        for record in department.classes:
            by_zone.setdefault(record["zone"], []).append(record["id"])
    aisles: dict[str, list[str]] = {}
    for shelf in floor.shelves():
        aisles.setdefault(shelf.zone, []).append(shelf.aisle)
    return {
        class_id: aisles[zone][at * len(aisles[zone]) // len(class_ids)]
        for zone, class_ids in by_zone.items()
        for at, class_id in enumerate(class_ids)
    }


def _item_class(record: dict[str, Any], items: list[Item]) -> ItemClass:
    prices = sorted(item.price_cents for item in items)
    return ItemClass(
        class_id=record["id"],
        de=record["name"][0],
        en=record["name"][1],
        kind=record["kind"],
        interval_days=record.get("interval_days"),
        zone=record["zone"],
        audience=record["audience"],
        season=record.get("season"),
        complements=tuple(record["complements"]),
        sizes=record.get("sizes"),
        price_cents=prices[len(prices) // 2],
    )


def _items(department: Department, record: dict[str, Any], aisle: str, seed: int) -> Iterator[Item]:
    rng = stream(seed, "catalog", record["id"])
    looks = _series_looks(department, record, rng) if "series" in record else None
    for number, look in enumerate(looks or _looks(department, record, rng), start=1):
        yield Item(
            item_id=f"{record['id']}-{number:02d}",
            de=look.de,
            en=look.en,
            brand=look.brand,
            brand_level=department.brands[look.brand],
            department=department.name,
            category=record["category"],
            class_id=record["id"],
            price_cents=_price_cents(record, department.brands[look.brand], rng),
            zone=record["zone"],
            aisle=aisle,
            colour=look.colour,
            drawing=record["drawing"],
            style=look.style,
            audience=look.audience,
            variants=_variants(record, look.audience),
            care=tuple(record["care"]) if "care" in record else None,
            season=record.get("season"),
            series=look.series,
            is_bulky=record.get("bulky", False),
            is_sensitive=record.get("sensitive", False),
            age_min=record.get("age_min"),
            complements=tuple(record["complements"]),
        )


@dataclass(frozen=True, slots=True)
class _Look:
    de: str
    en: str
    brand: str
    colour: str
    style: int
    audience: str
    series: tuple[str, int] | None = None


def _looks(department: Department, record: dict[str, Any], rng: random.Random) -> Iterator[_Look]:
    """Spread a class over its models, colours and brands, so that no two names are equal."""
    models, colours, brands = record["models"], record["colours"], list(department.brands)
    lines = rng.sample(department.lines, len(department.lines))
    offset = rng.randrange(len(brands))
    for at in range(record["count"]):
        style = at % len(models)
        # Model and colour go round together: every pair comes up once before any comes twice.
        colour = colours[(at + at // math.lcm(len(models), len(colours))) % len(colours)]
        brand = brands[(offset + at + at // math.lcm(len(models), len(brands))) % len(brands)]
        de, en = models[style]
        if not record.get("plain_names", False):
            line, shown = lines[at % len(lines)], COLOURS[colour]
            de = f"{de} »{line}«, {shown.de}"
            en = f"{en} “{line}”, {shown.en}"
        yield _Look(de, en, brand, colour, style, _audience(record, at))


def _audience(record: dict[str, Any], at: int) -> str:
    """Split shoes for all by their last: two of three models are made for one audience."""
    if record.get("sizes") == "shoes":
        return ("women", "men", "all")[at % 3]
    return str(record["audience"])


def _series_looks(
    department: Department, record: dict[str, Any], rng: random.Random
) -> Iterator[_Look]:
    """One brand and one colour per series; its volumes in order."""
    brands = rng.sample(list(department.brands), len(department.brands))
    titles_en = record.get("series_en", record["series"])
    for at, (title, title_en) in enumerate(zip(record["series"], titles_en, strict=True)):
        for index, (de, en) in enumerate(record["models"], start=1):
            joint = " " if record["id"] == "kids-book" else ", "
            yield _Look(
                f"{title}{joint}{de}",
                f"{title_en}{joint}{en}",
                brands[at % len(brands)],
                record["colours"][at % len(record["colours"])],
                index - 1,
                record["audience"],
                (f"{record['id']}-series-{at + 1}", index),
            )


def _price_cents(record: dict[str, Any], brand_level: float, rng: random.Random) -> int:
    """Price by brand level and chance, ending as shelf prices do."""
    low, high = record["price"]
    position = min(1.0, max(0.0, 0.75 * brand_level + rng.uniform(-0.1, 0.3)))
    euros: float = low + (high - low) * position
    if euros >= 60:
        return round(euros / 10) * 1000 - 100 if euros > 150 else round(euros) * 100 - 5
    return int(euros) * 100 + int(rng.choice((95, 99, 49)))


def _variants(record: dict[str, Any], audience: str) -> tuple[Variant, ...]:
    sizes: list[str | None] = list(SIZES[record["sizes"]]) if "sizes" in record else [None]
    if record.get("sizes") == "shoes" and audience == "women":
        sizes = sizes[:6]
    elif record.get("sizes") == "shoes" and audience == "men":
        sizes = sizes[4:]
    if "shades" in record:
        return tuple(Variant("", "", None, name) for name, _ in SHADES[record["shades"]])
    return tuple(Variant("", "", size, None) for size in sizes)


def _numbered(items: list[Item]) -> Iterator[Item]:
    """Give every variant its sku (item number and position) and GTIN."""
    for number, item in enumerate(items, start=1):
        variants = tuple(
            replace(
                variant,
                sku=f"{100_000 + number}-{position:02d}",
                gtin=gtin13((100_000 + number) * 100 + position),
            )
            for position, variant in enumerate(item.variants, start=1)
        )
        yield replace(item, variants=variants)


def item_json(item: Item) -> dict[str, Any]:
    """Return an item as it stands in the catalogue file."""
    record: dict[str, Any] = {
        "item_id": item.item_id,
        "product_name": {"de": item.de, "en": item.en},
        "brand": item.brand,
        "department": item.department,
        "category": item.category,
        "class_id": item.class_id,
        "price_cents": item.price_cents,
        "zone": item.zone,
        "aisle": item.aisle,
        "is_bulky": item.is_bulky,
        "is_sensitive": item.is_sensitive,
        "complements": list(item.complements),
        "care": {"de": item.care[0], "en": item.care[1]} if item.care else None,
        "tags": _tags(item),
        "picture": f"pictures/{item.item_id}.svg",
        "variants": [
            {"sku": v.sku, "gtin": v.gtin, "size": v.size, "shade": v.shade} for v in item.variants
        ],
    }
    if item.age_min is not None:
        record["age_min"] = item.age_min
    if item.series:
        record["series"] = {"id": item.series[0], "index": item.series[1]}
    return record


def _tags(item: Item) -> list[str]:
    tags = [f"colour:{item.colour}", f"for:{item.audience}"]
    if item.season:
        tags.append(f"season:{item.season}")
    level = "premium" if item.brand_level > 0.6 else "value" if item.brand_level < 0.3 else "mid"
    return [*tags, f"price:{level}"]


def class_json(item_class: ItemClass) -> dict[str, Any]:
    """Return a class as it stands in the catalogue file."""
    return {
        "id": item_class.class_id,
        "name": {"de": item_class.de, "en": item_class.en},
        "kind": item_class.kind,
        "interval_days": item_class.interval_days,
        "complements": list(item_class.complements),
    }
