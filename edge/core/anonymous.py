"""What to show somebody nobody knows: zone, time, today's basket and popularity.

Decides the candidates and the inputs of the anonymous model, the main case in a real store. No
person enters: two visitors in one zone at one moment with one basket get the same. Leaves out
the model (`edge.adapters.onnx.visit_models`) and what may be shown (`edge.core.guard`).
"""

import hashlib
from dataclasses import dataclass, fields
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt

from edge.core.candidates import Candidates, Source
from edge.core.moment import Moment

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]

NEVER_SOLD = -20.0
"""`log_share` and the like of an item that a bundle does not know."""
TOGETHER_WIDTH = 20
"""Companions kept per item."""
DAYPARTS_MIN = (0, 11 * 60, 14 * 60, 17 * 60)
"""Local minutes at which morning, noon, afternoon and evening begin."""
MAX_ZONE, MAX_POPULAR = 60, 30
"""Candidates of the zone and of the whole store, best selling first; a basket adds companions."""

FEATURES = (
    "log_share",  # of all lines, against an even share
    "trend",  # log of the last quarter's share against all time
    "log_zone_share",  # of the lines of the item's own zone
    "is_in_zone",
    "is_placed",  # the visitor stands in a zone that the bundle knows
    "month_lift",  # log lift of the item's class in this month
    "daypart_lift",
    "weekend_lift",
    "together_best",  # highest log lift with anything in the basket
    "together_sum",
    "class_in_basket",  # something that replaces it lies in the basket already
    "zone_in_basket",
    "class_lift",  # mean log lift of the item's class with the classes in the basket
    "brand_lift",
    "log_basket",
    "log_price_ratio",  # to the basket's mean price
    "price_distance",  # the same without its sign
    "log_price",
)
FEATURE_SOURCE = (
    *("popularity", "popularity", "popularity"),
    *("zone", "zone"),
    *("time", "time", "time"),
    *("basket",) * 9,
    "popularity",
)
"""The data that each input rests on; see `edge.core.features.FeatureSource`."""
SCHEMA_HASH = hashlib.sha256(f"2:{','.join(FEATURES)}".encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class AnonymousTables:
    """What all receipts say about items; every array's first axis is the item unless named.

    Args:
        log_share, trend, log_zone_share, log_price: float32[items]; see `FEATURES`.
        class_of, zone_of, brand_of: int32[items], −1 unknown; `zone_of` points into `zones`.
        month_lift: float32[classes, 12]; `daypart_lift` [classes, 4]; `weekend_lift` [classes, 2].
        class_lift: float32[classes, classes] of two lines of one receipt; `brand_lift` likewise;
            [0, 0] where there are none.
        together: int32[items, TOGETHER_WIDTH] and `together_lift` float32 of that shape, 0 where
            there are fewer companions.
        zones: Zone ids.
    """

    log_share: Floats
    trend: Floats
    log_zone_share: Floats
    log_price: Floats
    class_of: Ints
    zone_of: Ints
    brand_of: Ints
    month_lift: Floats
    daypart_lift: Floats
    weekend_lift: Floats
    class_lift: Floats
    brand_lift: Floats
    together: Ints
    together_lift: Floats
    zones: tuple[str, ...]

    @property
    def n_items(self) -> int:
        """Return the size of the item index."""
        return self.log_share.size

    @cached_property
    def best(self) -> Ints:
        """The best sellers of the store, int32[up to MAX_POPULAR]."""
        return _best(self.log_share, np.arange(self.n_items), MAX_POPULAR)

    @cached_property
    def best_in(self) -> tuple[Ints, ...]:
        """The best sellers of each zone, int32[up to MAX_ZONE]."""
        in_zone = ((self.zone_of == zone).nonzero()[0] for zone in range(len(self.zones)))
        return tuple(_best(self.log_share, items, MAX_ZONE) for items in in_zone)

    def check(self, n_items: int) -> None:
        """Raise ValueError where the tables are not of so many items or do not fit one another."""
        n, classes, brands = n_items, len(self.month_lift), len(self.brand_lift)
        shapes = {
            **dict.fromkeys(("log_share", "trend", "log_zone_share", "log_price"), (n,)),
            **dict.fromkeys(("class_of", "zone_of", "brand_of"), (n,)),
            "month_lift": (classes, 12),
            "daypart_lift": (classes, len(DAYPARTS_MIN)),
            "weekend_lift": (classes, 2),
            **dict.fromkeys(("together", "together_lift"), (n, TOGETHER_WIDTH)),
        }
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.shape != shape or not np.isfinite(array).all():
                raise ValueError(f"{name}: {array.shape}, expected finite numbers, {shape}")
        lifts = {"class_lift": classes, "brand_lift": brands}
        for name, size in lifts.items():
            if getattr(self, name).shape not in ((size, size), (0, 0)):
                raise ValueError(f"{name}: expected {size} × {size} or nothing")
        most = {"class_of": classes, "zone_of": len(self.zones), "together": n}
        most |= {"brand_of": brands} if brands else {}
        for name, limit in most.items():
            array = getattr(self, name)
            if array.size and not -1 <= array.min() <= array.max() < limit:
                raise ValueError(f"{name}: a number outside of the {limit}")

    def aligned(self, rows: Ints) -> "AnonymousTables":
        """Return the tables in a catalogue's item order.

        Args:
            rows: int32[catalogue items], the row of each item here, −1 where unknown; such an
                item is never a candidate and never a companion.
        """
        known = rows >= 0
        back = np.full(self.n_items, -1, np.int32)
        back[rows[known]] = np.flatnonzero(known)
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in ("log_share", "trend", "log_zone_share", "log_price"):
            values[name] = np.where(known, values[name][rows], np.float32(NEVER_SOLD))
        for name in ("class_of", "zone_of", "brand_of"):
            values[name] = np.where(known, values[name][rows], -1).astype(np.int32)
        companions = back[self.together[rows]]
        is_lost = (companions < 0) | ~known[:, None]
        values["together"] = np.where(is_lost, 0, companions).astype(np.int32)
        values["together_lift"] = np.where(is_lost, 0.0, self.together_lift[rows])
        values["together_lift"] = values["together_lift"].astype(np.float32)
        return AnonymousTables(**values)


@dataclass(frozen=True, slots=True)
class Scene:
    """The moment of an anonymous visit.

    Args:
        zone: Where the visitor stands, None where unknown.
        minute: Minutes since local midnight, None where unknown.
        weekday: 0 Monday to 6 Sunday; month: 1 to 12; both None where unknown.
        basket: int32[b], what lies in today's basket.
    """

    zone: str | None
    minute: int | None
    weekday: int | None
    month: int | None
    basket: Ints

    @classmethod
    def of(cls, moment: Moment, zone: str | None, basket: Ints) -> "Scene":
        """Return the scene of a moment in the store's own time."""
        local = date.fromordinal(moment.day)
        return cls(zone, moment.minute, local.weekday(), local.month, basket)

    @property
    def around(self) -> tuple[str | None, int | None, int | None, int | None]:
        """What a model reads of the moment beside the basket: equal ones get equal chances."""
        return self.zone, daypart(self.minute), _is_weekend(self.weekday), self.month

    @classmethod
    def unknown(cls) -> "Scene":
        """Return a scene of which nothing is known."""
        return cls(None, None, None, None, np.empty(0, np.int32))


def candidates(scene: Scene, tables: AnonymousTables) -> Candidates:
    """Return the items worth scoring; what lies in the basket is left out."""
    sources = np.zeros(tables.n_items, np.uint16)
    sources[tables.best] = Source.POPULAR
    if (zone := _zone(scene, tables)) >= 0:
        sources[tables.best_in[zone]] |= np.uint16(Source.ZONE)
    if scene.basket.size:
        has_lift = tables.together_lift[scene.basket] > 0
        sources[tables.together[scene.basket][has_lift]] |= np.uint16(Source.TOGETHER)
        sources[scene.basket] = 0
    items = sources.nonzero()[0]
    return Candidates(items.astype(np.int32), sources[items])


def _zone(scene: Scene, tables: AnonymousTables) -> int:
    return tables.zones.index(scene.zone) if scene.zone in tables.zones else -1


def _best(log_share: Floats, items: npt.NDArray[np.integer], k: int) -> Ints:
    """Return the k of rising items that sell best, ties by the lower one; only what is known."""
    items = items[log_share[items] > NEVER_SOLD]
    return items[np.argsort(-log_share[items], kind="stable")[:k]].astype(np.int32)


def features(items: Ints, scene: Scene, tables: AnonymousTables) -> Floats:
    """Compute the model's inputs: float32[items, len(FEATURES)]."""
    zone, class_of = _zone(scene, tables), tables.class_of[items]
    best, total = _together(items, scene.basket, tables)
    basket = scene.basket
    price = tables.log_price[items]
    ratio = price - tables.log_price[basket].mean() if basket.size else np.zeros(items.size)
    columns = {
        "log_share": tables.log_share[items],
        "trend": tables.trend[items],
        "log_zone_share": tables.log_zone_share[items],
        "is_in_zone": (tables.zone_of[items] == zone) & (zone >= 0),
        "is_placed": np.full(items.size, zone >= 0),
        "month_lift": _lift(tables.month_lift, class_of, _less_one(scene.month)),
        "daypart_lift": _lift(tables.daypart_lift, class_of, daypart(scene.minute)),
        "weekend_lift": _lift(tables.weekend_lift, class_of, _is_weekend(scene.weekday)),
        "together_best": best,
        "together_sum": total,
        "class_in_basket": _is_any(class_of, tables.class_of[basket]) & (class_of >= 0),
        "zone_in_basket": _is_any(tables.zone_of[items], tables.zone_of[basket]),
        "class_lift": _kin(tables.class_lift, class_of, tables.class_of[basket]),
        "brand_lift": _kin(tables.brand_lift, tables.brand_of[items], tables.brand_of[basket]),
        "log_basket": np.full(items.size, np.log1p(basket.size)),
        "log_price_ratio": ratio,
        "price_distance": np.abs(ratio),
        "log_price": price,
    }
    return np.stack([columns[name] for name in FEATURES], axis=1).astype(np.float32)


def daypart(minute: int | None) -> int | None:
    """Return 0 morning, 1 noon, 2 afternoon, 3 evening, or None where the time is unknown."""
    if minute is None:
        return None
    return int(np.searchsorted(DAYPARTS_MIN, minute, side="right")) - 1


def _less_one(month: int | None) -> int | None:
    return None if month is None else month - 1


def _is_weekend(weekday: int | None) -> int | None:
    return None if weekday is None else int(weekday >= 4)  # Friday and Saturday sell alike


def _lift(table: Floats, class_of: Ints, column: int | None) -> Floats:
    """Return the lift of each item's class, 0 where class or time is unknown."""
    if column is None or not table.shape[0]:
        return np.zeros(class_of.size, np.float32)
    lift: Floats = np.where(class_of >= 0, table[class_of, column], 0.0).astype(np.float32)
    return lift


def _is_any(of_item: Ints, of_basket: Ints) -> npt.NDArray[np.bool_]:
    """Return bool[items]: alike with something in the basket, which holds a few things only."""
    found: npt.NDArray[np.bool_] = (of_item[:, None] == of_basket).any(axis=1)
    return found


def _kin(lift: Floats, of_item: Ints, of_basket: Ints) -> Floats:
    """Return float32[items]: the mean lift with the basket, unknown kinds counting 0."""
    if not of_basket.size or not lift.size:
        return np.zeros(of_item.size, np.float32)
    known = (of_item >= 0)[:, None] & (of_basket >= 0)
    mean: Floats = np.where(known, lift[of_item[:, None], of_basket], 0.0).mean(axis=1)
    return mean


def _together(items: Ints, basket: Ints, tables: AnonymousTables) -> tuple[Floats, Floats]:
    """Return the highest and the summed lift of each item with the basket."""
    if not basket.size:
        return np.zeros(items.size, np.float32), np.zeros(items.size, np.float32)
    at = tables.together[basket].ravel()
    lift = tables.together_lift[basket].ravel()
    best, total = np.zeros(tables.n_items, np.float32), np.zeros(tables.n_items, np.float32)
    np.maximum.at(best, at, lift)
    np.add.at(total, at, lift)
    return best[items], total[items]
