"""Reading `catalog.json` and `stock.json` into the core's values.

A file that breaks its form is refused with every problem; an item that is merely incomplete (no
class, no complement) is kept and treated cautiously.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from sys import intern
from typing import Annotated, Any, Literal, overload
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from edge.core.catalog import (
    MOST_UNITS,
    Catalog,
    ClassKind,
    Item,
    ItemClass,
    Offer,
    Stock,
    Text,
    Variant,
)
from edge.core.errors import ConfigError

# Whole numbers that the arrays of a box hold.
_Int = Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)]


class _Store(msgspec.Struct, frozen=True):
    id: str
    name: str
    time_zone: str


class _Class(msgspec.Struct, frozen=True):
    id: str
    name: Text
    kind: ClassKind
    interval_days: float | None = None
    complements: tuple[str, ...] = ()


class _Series(msgspec.Struct, frozen=True):
    id: str
    index: _Int


class _Item(msgspec.Struct, frozen=True):
    item_id: str
    product_name: Text
    brand: str
    department: str
    category: str
    price_cents: _Int
    zone: str
    aisle: str
    variants: tuple[Variant, ...]
    class_id: str | None = None
    complements: tuple[str, ...] = ()
    care: Text | None = None
    tags: frozenset[str] = frozenset()
    series: _Series | None = None
    picture: str | None = None
    is_bulky: bool = False
    is_sensitive: bool = False
    age_min: _Int | None = None


class _Offer(msgspec.Struct, frozen=True):
    offer_id: str
    item_ids: tuple[str, ...]
    text: Text
    starts: date
    ends: date
    surfaces: frozenset[str]
    campaign_id: str | None = None
    price_cents: _Int | None = None
    priority: _Int = 0


class _CatalogFile(msgspec.Struct, frozen=True):
    schema: Literal["stammgast.catalog.v1"]
    version: str
    currency: str
    store: _Store
    classes: tuple[_Class, ...]
    items: tuple[msgspec.Raw, ...]  # decoded one by one: the whole at once takes twice the room
    offers: tuple[_Offer, ...] = ()


class _Level(msgspec.Struct, frozen=True):
    sku: str
    quantity: Annotated[int, msgspec.Meta(ge=-MOST_UNITS, le=MOST_UNITS)]


class _StockFile(msgspec.Struct, frozen=True):
    schema: Literal["stammgast.stock.v1"]
    as_of: datetime
    levels: tuple[_Level, ...]


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(tuple[tuple[str, str, str | None, str | None], ...]).decode


class _PackedVariants(Sequence[Variant]):
    """An item's variants, made when somebody looks: a quarter of the room, 2 us a look.

    Decisions look at the variants of the few items they show; the rest of the path knows a sku by
    its position.
    """

    __slots__ = ("_packed",)

    def __init__(self, variants: Iterable[Variant]) -> None:
        self._packed = _pack([(v.sku, v.gtin, v.size, v.shade) for v in variants])

    def __len__(self) -> int:
        return len(_unpack(self._packed))

    @overload
    def __getitem__(self, at: int) -> Variant: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Variant, ...]: ...
    def __getitem__(self, at: int | slice) -> Variant | tuple[Variant, ...]:
        return tuple(self)[at]

    def __iter__(self) -> Iterator[Variant]:
        return (Variant(*each) for each in _unpack(self._packed))


class StoreFacts(msgspec.Struct, frozen=True):
    """Who the store is and in which time it lives."""

    store_id: str
    name: str
    time_zone: ZoneInfo


def read_catalog(path: Path) -> tuple[Catalog, StoreFacts]:
    """Read and check a catalogue.

    Raises:
        ConfigError: With every problem found: file, key, what was found and expected.
    """
    file: _CatalogFile = read_json(path, _CatalogFile)
    items = _items(path.name, file.items)
    problems = _catalog_problems(path.name, file, items)
    try:
        zone = ZoneInfo(file.store.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder of the time zones, a long name
        problems.append(
            f"{path.name}: store.time_zone: found {file.store.time_zone!r}, "
            "expected an IANA name such as 'Europe/Berlin'"
        )
    if problems:
        raise ConfigError(problems)
    offers = _offers(path.name, file.offers, zone)
    classes = {
        c.id: ItemClass(c.id, c.name, c.kind, c.interval_days, c.complements) for c in file.classes
    }
    catalog = Catalog(
        version=file.version,
        currency=file.currency,
        items=items,
        classes=classes,
        offers=offers,
    )
    return catalog, StoreFacts(file.store.id, file.store.name, zone)


def read_stock(path: Path, stock: Stock, now_s: float) -> int:
    """Take the levels of a stock file; return how many were of known skus.

    A count from the future counts from `now_s`: no later count could ever correct it.

    Raises:
        ConfigError: The file is of another form, or its time is none.
    """
    file: _StockFile = read_json(path, _StockFile)
    as_of_s = min(_as_of_s(path.name, file), now_s)
    return sum(stock.set_level(level.sku, level.quantity, as_of_s) for level in file.levels)


def stock_as_of_s(path: Path) -> float:
    """Return the moment a stock file counts from, UTC seconds; 0 where there is no such file."""
    if not path.exists():
        return 0.0
    return _as_of_s(path.name, read_json(path, _StockFile))


def _as_of_s(name: str, file: _StockFile) -> float:
    try:
        if file.as_of.tzinfo is None:
            raise ValueError
        return file.as_of.astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        raise ConfigError(
            [f"{name}: as_of: found {file.as_of.isoformat()}, expected a time with an offset"]
        ) from None


def read_json(path: Path, form: type[Any]) -> Any:
    """Decode a JSON file into `form`.

    Raises:
        ConfigError: The file is missing, truncated or of another form.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=form)
    except FileNotFoundError:
        raise ConfigError([f"{path}: no such file; expected a JSON file"]) from None
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error
    except msgspec.ValidationError as error:
        raise ConfigError([f"{path.name}: {error}"]) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path.name}: not JSON ({error}); is the file truncated?"]) from error
    except RecursionError:
        raise ConfigError([f"{path.name}: nested deeper than any such file is"]) from None


def _catalog_problems(name: str, file: _CatalogFile, items: Sequence[Item]) -> list[str]:
    problems = []
    if not items:
        problems.append(f"{name}: items: found none, expected at least one")
    known = {c.id for c in file.classes}
    for key, values in (
        ("items[].item_id", [x.item_id for x in items]),
        ("items[].variants[].sku", [v.sku for x in items for v in x.variants]),
        ("classes[].id", [c.id for c in file.classes]),
        ("offers[].offer_id", [o.offer_id for o in file.offers]),
    ):
        problems += [
            f"{name}: {key}: {value!r} stands {count} times, expected once"
            for value, count in Counter(values).items()
            if count > 1
        ]
    for item in items:
        where = f"{name}: items[{item.item_id!r}]"
        if item.class_id is not None and item.class_id not in known:
            problems.append(f"{where}.class_id: {item.class_id!r} is no class; add it or use null")
        if not item.variants:
            problems.append(f"{where}.variants: found none, expected at least one sku")
        if any(v.shade is not None and not v.shade.strip() for v in item.variants):
            problems.append(f"{where}.variants: found a shade without a name; use null for none")
        if item.price_cents < 0:
            problems.append(f"{where}.price_cents: found {item.price_cents}, expected >= 0")
    return problems + _offer_problems(name, file.offers)


def _offer_problems(name: str, offers: Sequence[_Offer]) -> list[str]:
    return [
        f"{name}: offers[{o.offer_id!r}]: ends {o.ends} before it starts {o.starts}"
        for o in offers
        if o.ends < o.starts
    ]


def _items(name: str, found: Sequence[msgspec.Raw]) -> tuple[Item, ...]:
    """Make the items; a word that many of them share is held once (8 MB at 10,000 products).

    Raises:
        ConfigError: An item is of another form; says which.
    """
    decode = msgspec.json.Decoder(_Item).decode
    tag_sets: dict[frozenset[str], frozenset[str]] = {}
    items, problems = [], []
    for at, raw in enumerate(found):
        try:
            items.append(_item(decode(raw), tag_sets))
        except msgspec.ValidationError as error:
            problems.append(f"{name}: items[{at}]: {error}")
    if problems:
        raise ConfigError(problems)
    return tuple(items)


def _item(x: _Item, tag_sets: dict[frozenset[str], frozenset[str]]) -> Item:
    return Item(
        item_id=x.item_id,
        name=x.product_name,
        brand=intern(x.brand),
        department=intern(x.department),
        category=intern(x.category),
        class_id=None if x.class_id is None else intern(x.class_id),
        price_cents=x.price_cents,
        zone=intern(x.zone),
        aisle=intern(x.aisle),
        variants=_PackedVariants(x.variants),
        complements=x.complements,
        care=x.care,
        tags=tag_sets.setdefault(x.tags, x.tags),
        series=None if x.series is None else (x.series.id, x.series.index),
        picture=x.picture,
        is_bulky=x.is_bulky,
        is_sensitive=x.is_sensitive,
        age_min=x.age_min,
    )


def _offers(name: str, found: Sequence[_Offer], zone: ZoneInfo) -> tuple[Offer, ...]:
    offers, problems = [], []
    for each in found:
        try:
            offers.append(_offer(each, zone))
        except (ValueError, OverflowError):
            problems.append(
                f"{name}: offers[{each.offer_id!r}]: found {each.starts} to {each.ends}, "
                "expected days of the calendar; the last is 9999-12-30"
            )
    if problems:
        raise ConfigError(problems)
    return tuple(offers)


def _offer(x: _Offer, zone: ZoneInfo) -> Offer:
    """Make an offer that lasts from midnight to midnight of the store's own days, both included."""
    starts = datetime.combine(x.starts, time.min, zone).timestamp()
    ends = datetime.combine(date.fromordinal(x.ends.toordinal() + 1), time.min, zone).timestamp()
    return Offer(
        x.offer_id, x.campaign_id, x.item_ids, x.text, starts, ends, x.surfaces, x.price_cents,
        x.priority,
    )  # fmt: skip
