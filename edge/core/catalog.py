"""What the store sells: items, their variants, classes, offers, and the live stock.

An *item* is what is recommended; a *sku* is a sellable variant of it (a size, a shade). Items are
addressed by their position in the catalogue (`int`), so that rules and features run over arrays.
Reading the file is the work of the settings layer; this module holds the checked values.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from edge.core.names import ABSENT, Names

Positions = NDArray[np.int32] | NDArray[np.intp]
"""Items by position. Catalogues and logs hold int32; numpy looks intp up five times faster."""
_NEVER_COUNTED = -1
MOST_UNITS = 10_000_000
"""Of one sku; a store that holds more of a thing means something else by it."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text in the two languages of the surfaces."""

    de: str
    en: str


class ClassKind(StrEnum):
    """How a class of goods behaves after a purchase; drives suppression (the class table)."""

    DURABLE = "durable"
    ACCESSORY = "accessory"
    CONSUMABLE = "consumable"
    SERIES = "series"
    GIFT = "gift"
    SENSITIVE = "sensitive"


@dataclass(frozen=True, slots=True)
class ItemClass:
    """Things that replace each other: a substitute class such as `winter-coat`.

    Attributes:
        class_id: Stable id.
        name: For people.
        kind: How it behaves after a purchase.
        interval_days: Repurchase interval; None: the default of its kind.
        complements: Ids of classes that go with it, in the order people gave.
    """

    class_id: str
    name: Text
    kind: ClassKind
    interval_days: float | None = None
    complements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Variant:
    """A sellable form of an item."""

    sku: str
    gtin: str
    size: str | None = None
    shade: str | None = None


@dataclass(frozen=True, slots=True)
class Shade:
    """A shade of a customer's: the ruby of a nail polish says nothing about a lipstick.

    Args:
        name: As on the pack.
        kind: Of the goods in which it was bought, in `Catalog.kind_index`; None where it was said,
            which goes for all goods.
    """

    name: str
    kind: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One product, the unit of recommendation.

    Attributes:
        class_id: Substitute class, or None where the chain gave none (treated cautiously).
        price_cents: Shelf price in cents of the catalogue's currency.
        variants: In the order of the file; they may be made anew whenever they are looked at.
        zone: Zone id of its shelf. `aisle`: what the shelf's sign says.
        series: (series id, position) or None.
        tags: Free attributes, `key:value` (`colour:grey`, `for:women`).
        complements: Class ids that go with this very item; empty: those of its class.
    """

    item_id: str
    name: Text
    brand: str
    department: str
    category: str
    class_id: str | None
    price_cents: int
    zone: str
    aisle: str
    variants: Sequence[Variant]
    complements: tuple[str, ...] = ()
    care: Text | None = None
    tags: frozenset[str] = frozenset()
    series: tuple[str, int] | None = None
    picture: str | None = None
    is_bulky: bool = False
    is_sensitive: bool = False
    age_min: int | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A promotion on items; `starts_s` and `ends_s` in UTC seconds, the end exclusive."""

    offer_id: str
    campaign_id: str | None
    item_ids: tuple[str, ...]
    text: Text
    starts_s: float
    ends_s: float
    surfaces: frozenset[str]
    price_cents: int | None = None
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Catalog:
    """All items of a store, in a fixed order, with columns for array work.

    Attributes:
        version: The chain's version of the file.
        items: Position in this tuple is the item's index everywhere.
        classes: By class id.
        offers: Active and future offers.
        class_index: int32[n], position in `class_ids`, −1 where unknown.
        zone_index: int32[n], position in `zone_ids`.
        price_cents: int32[n].
        is_sensitive: bool[n], by the item's flag or its class's kind.
        skus: Of all variants of all items, item by item.
        item_of_skus: int32[skus], position of the item that each belongs to.
        sku_starts: int32[n + 1], position in `skus` of each item's first one, then their number.
        skus_of_size: int32[·] rising, positions in `skus`, by the size they come in.
        skus_of_shade: The same by shade. has_shades: bool[n], comes in any.
        kind_index: int32[n], equal for items of one class, or of one category where none has any.
    """

    version: str
    currency: str
    items: tuple[Item, ...]
    classes: Mapping[str, ItemClass]
    offers: tuple[Offer, ...] = ()
    class_ids: tuple[str, ...] = field(init=False)
    zone_ids: tuple[str, ...] = field(init=False)
    class_index: NDArray[np.int32] = field(init=False, repr=False, compare=False)
    zone_index: NDArray[np.int32] = field(init=False, repr=False, compare=False)
    price_cents: NDArray[np.int32] = field(init=False, repr=False, compare=False)
    is_sensitive: NDArray[np.bool_] = field(init=False, repr=False, compare=False)
    skus: Names = field(init=False, repr=False, compare=False)
    item_of_skus: NDArray[np.int32] = field(init=False, repr=False, compare=False)
    sku_starts: NDArray[np.int32] = field(init=False, repr=False, compare=False)
    skus_of_size: Mapping[str, Positions] = field(init=False, repr=False, compare=False)
    skus_of_shade: Mapping[str, Positions] = field(init=False, repr=False, compare=False)
    has_shades: NDArray[np.bool_] = field(init=False, repr=False, compare=False)
    kind_index: NDArray[np.int32] = field(init=False, repr=False, compare=False)
    _ids: Names = field(init=False, repr=False, compare=False)
    _gtins: Names = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        class_ids = tuple(self.classes)
        zone_ids = tuple(sorted({item.zone for item in self.items}))
        class_at = {class_id: at for at, class_id in enumerate(class_ids)}
        zone_at = {zone: at for at, zone in enumerate(zone_ids)}
        put(self, "class_ids", class_ids)
        put(self, "zone_ids", zone_ids)
        put(self, "class_index", _column(class_at.get(i.class_id or "", -1) for i in self.items))
        put(self, "zone_index", _column(zone_at[i.zone] for i in self.items))
        put(self, "price_cents", _column(i.price_cents for i in self.items))
        put(self, "is_sensitive", np.array([self._sensitive(i) for i in self.items], np.bool_))
        counts = np.array([len(item.variants) for item in self.items], np.int32)
        put(self, "sku_starts", np.append(0, np.cumsum(counts)).astype(np.int32))
        put(self, "item_of_skus", np.repeat(np.arange(len(counts), dtype=np.int32), counts))
        put(self, "skus", Names(v.sku for item in self.items for v in item.variants))
        put(self, "skus_of_size", _by_name(v.size for item in self.items for v in item.variants))
        put(self, "skus_of_shade", _by_name(v.shade for item in self.items for v in item.variants))
        put(self, "has_shades", np.zeros(len(self.items), np.bool_))
        for skus in self.skus_of_shade.values():
            self.has_shades[self.item_of_skus[skus]] = True
        kinds: dict[str, int] = {}
        named = (item.class_id or item.category for item in self.items)
        put(self, "kind_index", _column(kinds.setdefault(name, len(kinds)) for name in named))
        put(self, "_ids", Names(item.item_id for item in self.items))
        bare = (v.gtin.lstrip("0") for item in self.items for v in item.variants)
        put(self, "_gtins", Names(bare))

    def index_of(self, item_id: str) -> int | None:
        """Return the position of an item, or None where it is not sold here."""
        at = self._ids.position(item_id)
        return None if at == ABSENT else at

    def item_of_sku(self, sku: str) -> int | None:
        """Return the position of the item that a sku belongs to."""
        at = self.skus.position(sku)
        return None if at == ABSENT else int(self.item_of_skus[at])

    def sku_of(self, sku: str, gtin: str | None) -> str | None:
        """Return the known sku that a till line means; a GTIN may be zero-padded to 14 digits."""
        if self.skus.position(sku) != ABSENT:
            return sku
        bare = gtin.lstrip("0") if gtin else ""
        at = self._gtins.position(bare) if bare else ABSENT
        return None if at == ABSENT else self.skus[at]

    def _sensitive(self, item: Item) -> bool:
        item_class = self.classes.get(item.class_id or "")
        return item.is_sensitive or (
            item_class is not None and item_class.kind is ClassKind.SENSITIVE
        )


def _column(values: object) -> NDArray[np.int32]:
    return np.fromiter(values, np.int32)  # type: ignore[call-overload, no-any-return]


def _by_name(names: Iterable[str | None]) -> dict[str, Positions]:
    """Return int32[·] per size or shade: where it stands among those of all skus."""
    found: dict[str, array[int]] = {}
    for at, name in enumerate(names):
        if name is not None:
            found.setdefault(name, array("i")).append(at)
    return {name: np.array(skus, np.int32) for name, skus in found.items()}


class Stock:
    """The live stock: units per sku with the moment they were counted.

    Unknown is not zero: it is no ground for an offer, but a customer may still ask for the item.
    """

    def __init__(self, catalog: Catalog, stale_after_s: float = 86_400.0) -> None:
        self._catalog = catalog
        self._stale_after_s = stale_after_s
        # By sku: units, −1 where nothing was ever counted, and when they were counted.
        self._units = np.full(len(catalog.skus), _NEVER_COUNTED, np.int32)
        self._as_of_s = np.full(len(catalog.skus), -np.inf)
        self._per_item = np.zeros(len(catalog.items), np.int64)
        self._counted_s = np.full(len(catalog.items), -np.inf)
        self._lacks_nothing = np.zeros(len(catalog.items), np.bool_)
        self._lacking: dict[str, NDArray[np.bool_]] = {}
        self._shaded: dict[Shade, NDArray[np.bool_]] = {}

    def set_level(self, sku: str, units: int, as_of_s: float) -> bool:
        """Take a counted level; an older count than the known one changes nothing.

        Returns:
            True where the level was taken.
        """
        at = self._catalog.skus.position(sku)
        if at == ABSENT or as_of_s < self._as_of_s[at]:
            return False
        item = self._catalog.item_of_skus[at]
        self._put(at, units)
        self._as_of_s[at] = as_of_s
        self._counted_s[item] = max(self._counted_s[item], as_of_s)
        return True

    def move(self, sku: str, units: int) -> None:
        """Add (a return) or take away (a sale) units of a sku whose level is known."""
        at = self._catalog.skus.position(sku)
        if at != ABSENT and self._units[at] != _NEVER_COUNTED:
            self._put(at, int(self._units[at]) + units)

    def units(self, sku: str) -> int | None:
        """Return the units of a sku, or None where nothing was ever counted."""
        at = self._catalog.skus.position(sku)
        is_known = at != ABSENT and self._units[at] != _NEVER_COUNTED
        return int(self._units[at]) if is_known else None

    def sellable(self, now_s: float) -> NDArray[np.bool_]:
        """Return bool[n items]: in stock by a count that is not stale."""
        return (self._per_item > 0) & (self._counted_s >= now_s - self._stale_after_s)

    def levels(self, items: Positions, now_s: float) -> NDArray[np.int64]:
        """Return int64[k]: units of each item, −1 where never counted or counted too long ago."""
        at = items.astype(np.intp, copy=False)
        units = self._per_item[at]
        units[self._counted_s[at] < now_s - self._stale_after_s] = -1
        return units

    def in_stock(self, item: int) -> Sequence[Variant]:
        """Return the variants of an item that are in stock, in catalogue order."""
        first, after = self._catalog.sku_starts[item : item + 2].tolist()
        is_there = (self._units[first:after] > 0).tolist()
        return list(compress(self._catalog.items[item].variants, is_there))

    def lacks(self, size: str) -> NDArray[np.bool_]:
        """Return bool[n items]: comes in a size, of which none is known to be in stock.

        Kept until a sku sells out or comes back; nobody writes to it.
        """
        skus = self._catalog.skus_of_size.get(size)
        if skus is None:
            return self._lacks_nothing
        lacking = self._lacking.get(size)
        if lacking is None:
            lacking = np.zeros(len(self._catalog.items), np.bool_)
            items = self._catalog.item_of_skus[skus]
            lacking[items] = True
            lacking[items[self._units[skus] > 0]] = False
            self._lacking[size] = lacking
        return lacking

    def comes_in(self, shade: Shade) -> NDArray[np.bool_]:
        """Return bool[n items]: some of it in a shade of its kind is known to be in stock.

        Kept as `lacks` is; nobody writes to it.
        """
        found = self._shaded.get(shade)
        if found is None:
            found = np.zeros(len(self._catalog.items), np.bool_)
            skus = self._catalog.skus_of_shade.get(shade.name, np.empty(0, np.int32))
            items = self._catalog.item_of_skus[skus[self._units[skus] > 0]]
            is_alike = shade.kind is None or self._catalog.kind_index[items] == shade.kind
            found[items] = is_alike
            self._shaded[shade] = found
        return found

    def units_of_item(self, item: int) -> int:
        """Return the known units of an item over all its variants."""
        return int(self._per_item[item])

    def _put(self, at: int, units: int) -> None:
        """Set the units of a sku by its position, within what a store can hold."""
        units = min(max(units, 0), MOST_UNITS)
        known = max(int(self._units[at]), 0)
        if (known > 0) != (units > 0):
            self._lacking.clear()
            self._shaded.clear()
        self._per_item[self._catalog.item_of_skus[at]] += units - known
        self._units[at] = units
