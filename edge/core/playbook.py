"""Everything people decided, laid over one catalogue: classes, rules, offers, caps, limits.

A playbook is made whole and swapped whole, so a decision never sees half of a change. Making one
costs some milliseconds and happens on a change of rules or catalogue, never in a decision.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from edge.core.cap_rules import DEFAULT_CAPS, CapRule
from edge.core.catalog import Catalog, Item
from edge.core.classes import Classes, ClassTable
from edge.core.experiments import HOLDOUT_SHARE, Experiment
from edge.core.offers import Offers
from edge.core.rules import Rule, Rules


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers of tact. All are proposals of the decisioning table unless a source stands.

    Attributes:
        floors: Lowest p(accept) worth showing, per surface; a push must be better than a card. What
            training found by the calibration stands in for these, a rule file's own above both.
        max_cards: Cards at a time for one contact, per surface.
        max_per_class: Cards of one substitute group.
        similar_cost: Weight of likeness (class, brand, price band) against score, in [0, 1].
        quiet_after_entry_s: Silence after entering, except the entry offer.
        explore_share: Chance that a place goes to another item above the floor; 0: never.
        care_for_s: How long after a purchase its care tip is offered.
        win_back_factor: Lapsed for more than this many of one's own intervals (A26).
        bulky_times: Purchases of bulky goods that make a habit (A27).
        birthday_days: The treat is given up to this many days before and after (A02).
        profile_stale_s: A profile older than this is marked as such (A39).
    """

    floors: Mapping[str, float] = field(
        default_factory=lambda: {"tablet": 0.02, "station": 0.02, "push": 0.05}
    )
    max_cards: Mapping[str, int] = field(
        default_factory=lambda: {"tablet": 2, "station": 2, "push": 1}
    )
    max_per_class: int = 1
    similar_cost: float = 0.3
    quiet_after_entry_s: float = 120.0
    explore_share: float = 0.0
    care_for_s: float = 14 * 86_400.0
    care_min_price_cents: int = 0
    win_back_factor: float = 2.5
    bulky_times: int = 3
    birthday_days: int = 3
    profile_stale_s: float = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class Orders:
    """What people wrote down, before it is laid over a catalogue.

    `may_silence`: They know that their class table leaves somebody with nothing.
    """

    version: str = "default"
    classes: ClassTable = field(default_factory=ClassTable)
    rules: tuple[Rule, ...] = ()
    caps: tuple[CapRule, ...] = DEFAULT_CAPS
    limits: Limits = field(default_factory=Limits)
    experiments: tuple[Experiment, ...] = ()
    holdout_share: float = HOLDOUT_SHARE
    may_silence: bool = False


def with_floors(floors: Mapping[str, float]) -> Orders:
    """Return the defaults with the floors that a bundle brings along."""
    house = Limits()
    return Orders(limits=replace(house, floors={**house.floors, **floors}))


class Playbook:
    """Orders and catalogue, joined.

    Attributes:
        is_restricted: bool[items], only for adults. is_bulky: bool[items].
        item_hash: uint64[items], of the item's id; the same in every catalogue.
        looks: int32[items, 2], brand and doublings of one euro in price: what makes two alike.
    """

    def __init__(self, catalog: Catalog, orders: Orders | None = None) -> None:
        orders = orders or Orders()
        self.catalog = catalog
        self.orders = orders
        self.version = orders.version
        self.limits = orders.limits
        self.caps = orders.caps
        self.classes = Classes(catalog, orders.classes)
        self.offers = Offers(catalog)
        self.rules = Rules(catalog, orders.rules)
        self.is_restricted: NDArray[np.bool_] = np.array(
            [bool(item.age_min) for item in catalog.items], np.bool_
        )
        self.has_restricted = bool(self.is_restricted.any())
        self.is_bulky: NDArray[np.bool_] = np.array([i.is_bulky for i in catalog.items], np.bool_)
        self.item_hash: NDArray[np.uint64] = np.array(
            [fnv64(item.item_id) for item in catalog.items], np.uint64
        )
        self._named: dict[str, NDArray[np.uint8]] = {}
        self._names = {
            name for i in catalog.items for name in (i.class_id, i.category, i.department)
        }
        self._unnamed: NDArray[np.uint8] = np.zeros(len(catalog.items), np.uint8)
        euros = np.maximum(catalog.price_cents, 100) / 100
        self.looks: NDArray[np.int32] = np.stack(
            [self.classes.brand, np.log2(euros).astype(np.int32)], axis=1
        )

    def named(self, name: str) -> NDArray[np.uint8]:
        """Return uint8[items]: 3 whose class has this name, 2 category, 1 department, 0 none.

        Kept once asked for: the names that sizes are told for are few.
        """
        if name not in self._names:
            return self._unnamed
        known = self._named.get(name)
        if known is None:
            items = self.catalog.items
            known = np.fromiter((_closeness(name, item) for item in items), np.uint8, len(items))
            self._named[name] = known
        return known


def _closeness(name: str, item: Item) -> int:
    """Return how closely a name describes an item: 3 is the closest, 0 not at all."""
    if name == item.class_id:
        return 3
    if name == item.category:
        return 2
    return 1 if name == item.department else 0


def fnv64(text: str) -> int:
    """Hash a text with FNV-1a, 64 bits (draft-eastlake-fnv): stable everywhere, not secret."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value
