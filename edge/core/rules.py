"""What people of the house lay down: pin, boost, bury, ban, and what goes with what.

Every rule has an author, a date and a reason, and outranks the model. Among themselves: the
chain's law and bans add to the store's; the store's pins, boosts and complement maps replace the
chain's on the same goods. A pin never brings back what the guard suppressed. Leaves out the file
they are written in (`edge.adapters.files`) and the frequency caps (`cap_rules`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from edge.core.catalog import Catalog, Item, Positions
from edge.core.reasons import Reason, mask_of

MAX_PINNED = 60
"""Items of one place that become candidates because they are pinned; a pin on a whole department
must not crowd out the person."""
MAX_EFFECTS = 16
"""Combinations of rules in force that are kept ready; a store sees a handful a day."""


class RuleKind(StrEnum):
    """What a rule does."""

    PIN = "pin"
    BOOST = "boost"
    BURY = "bury"
    BAN = "ban"
    COMPLEMENT = "complement"


class Level(StrEnum):
    """Who speaks: the chain or this store."""

    CHAIN = "chain"
    STORE = "store"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of one person.

    Attributes:
        targets: Goods meant: `item:`, `class:`, `category:`, `department:`, `brand:`, `tag:`,
            `campaign:` with a value, or `*`. For a complement: what was bought.
        value: Position from 1 (pin) or multiplier (boost > 1, bury < 1).
        to: Complement: what goes with it, best first. never: what must not follow it.
        day: Ordinal of the day the rule was made; `from_day`, `to_day`: its days, both included.
        is_law: A ban that law asks for; it stands above consent.
        is_verified: The author signed in; until sign-in exists it is a name in a file.
        surfaces, zones, audiences, motives: Where it holds; empty: everywhere.
    """

    rule_id: str
    kind: RuleKind
    targets: tuple[str, ...]
    author: str
    reason: str
    day: int
    level: Level = Level.STORE
    value: float = 1.0
    to: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    is_law: bool = False
    is_verified: bool = False
    from_day: int | None = None
    to_day: int | None = None
    surfaces: frozenset[str] = frozenset()
    zones: frozenset[str] = frozenset()
    audiences: frozenset[str] = frozenset()
    motives: frozenset[str] = frozenset()

    def holds(self, where: "Where") -> bool:
        """Tell whether the rule is in force here and now."""
        return (
            (self.from_day is None or self.from_day <= where.day)
            and (self.to_day is None or where.day <= self.to_day)
            and _names(self.surfaces, where.surface)
            and _names(self.zones, where.zone)
            and _names(self.audiences, where.audience)
            and _names(self.motives, where.motive)
        )


def _names(names: frozenset[str], value: str | None) -> bool:
    return not names or (value is not None and value in names)


@dataclass(frozen=True, slots=True)
class Where:
    """The part of a moment that rules may ask for."""

    day: int
    surface: str
    zone: str | None = None
    audience: str | None = None
    motive: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """What the rules in force do, in columns over all items.

    Attributes:
        law, ban: bool[items]. weight: float32[items], the multiplier of the score.
        grounds: uint32[items], what speaks against an item whoever is there (`reasons`).
        pin: int32[items], position from 1, 0 where not pinned.
        pinned: int32[·], rising, the pinned items, at most the first `MAX_PINNED` of a place.
        has_pins, has_weights: Whether any is set, so that a decision need not look.
        in_force: Positions of the rules in `Rules.rules`; bans: of those that ban.
    """

    law: NDArray[np.bool_]
    ban: NDArray[np.bool_]
    grounds: NDArray[np.uint32]
    weight: NDArray[np.float32]
    pin: NDArray[np.int32]
    pinned: NDArray[np.int32]
    in_force: tuple[int, ...]
    bans: tuple[int, ...] = ()
    has_pins: bool = False
    has_weights: bool = False


TARGET_AXES = ("item", "class", "category", "department", "brand", "tag", "campaign")


class Goods:
    """What a target such as `class:tie` means in a catalogue, ready to be looked up."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._n = len(catalog.items)
        found: dict[str, list[int]] = {}
        for at, item in enumerate(catalog.items):
            for name in _names_of(item):
                found.setdefault(name, []).append(at)
        for offer in catalog.offers:
            if offer.campaign_id is not None:
                meant = (catalog.index_of(item_id) for item_id in offer.item_ids)
                found.setdefault(f"campaign:{offer.campaign_id}", []).extend(
                    at for at in meant if at is not None
                )
        self._items = {name: np.array(items, np.int32) for name, items in found.items()}

    def mask(self, targets: Sequence[str]) -> NDArray[np.bool_]:
        """Return bool[items]: the items that any of the targets means."""
        if "*" in targets:
            return np.ones(self._n, np.bool_)
        mask = np.zeros(self._n, np.bool_)
        for target in targets:
            mask[self._items_of(target)] = True
        return mask

    def knows(self, target: str) -> bool:
        """Tell whether a target means anything here."""
        return target == "*" or self._items_of(target).size > 0

    def _items_of(self, target: str) -> NDArray[np.int32]:
        kind, _, name = target.partition(":")
        if kind == "item":
            at = self._catalog.index_of(name)
            return _NONE if at is None else np.array([at], np.int32)
        return self._items.get(target, _NONE)


_NONE = np.empty(0, np.int32)


def _names_of(item: Item) -> list[str]:
    return [
        f"class:{item.class_id}",
        f"category:{item.category}",
        f"department:{item.department}",
        f"brand:{item.brand}",
        *(f"tag:{tag}" for tag in item.tags),
    ]


class Rules:
    """The rules of chain and store laid over a catalogue."""

    def __init__(self, catalog: Catalog, rules: Sequence[Rule] = ()) -> None:
        self.rules: tuple[Rule, ...] = tuple(rules)
        self._catalog = catalog
        self.goods = Goods(catalog)
        shape = len(self.rules), len(catalog.items)
        self._targets: NDArray[np.bool_] = np.zeros(shape, np.bool_)
        for at, rule in enumerate(self.rules):
            self._targets[at] = self.goods.mask(rule.targets)
        self._effects: dict[tuple[int, ...], Effect] = {}
        self._partners: dict[tuple[int, tuple[int, ...]], Partners] = {}

    def now(self, where: Where) -> Effect:
        """Return what the rules in force do here and now."""
        in_force = tuple(at for at, rule in enumerate(self.rules) if rule.holds(where))
        effect = self._effects.get(in_force)
        if effect is None:
            if len(self._effects) >= MAX_EFFECTS:
                self._effects.clear()
            effect = self._effects[in_force] = self._combine(in_force)
        return effect

    def ids_on(self, item: int, effect: Effect) -> tuple[str, ...]:
        """Return the ids of the rules in force that touch an item, for the explanation."""
        return tuple(
            self.rules[at].rule_id
            for at in effect.in_force
            if self._targets[at][item] and self.rules[at].kind is not RuleKind.COMPLEMENT
        )

    def bans_on(self, items: Positions, effect: Effect) -> tuple[list[Rule], NDArray[np.bool_]]:
        """Return the bans in force that mean some of the items, k, and bool[k, n], which."""
        hits = self._targets[np.array(effect.bans, np.intp)[:, None], items]
        met = np.flatnonzero(hits.any(axis=1))
        return [self.rules[effect.bans[at]] for at in met.tolist()], hits[met]

    def targets(self, rule: int) -> NDArray[np.bool_]:
        """Return bool[items]: the goods that a rule means."""
        mask: NDArray[np.bool_] = self._targets[rule]
        return mask

    def partners(self, item: int, effect: Effect) -> "Partners":
        """Return what goes with an item: the store's map, the chain's, the item's, its class's."""
        key = (item, effect.in_force)
        found = self._partners.get(key)
        if found is None:
            if len(self._partners) >= 4_096:
                self._partners.clear()
            found = self._partners[key] = self._partners_of(item, effect)
        return found

    def _combine(self, in_force: tuple[int, ...]) -> Effect:
        n = len(self._catalog.items)
        law, ban = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        pin = np.zeros(n, np.int32)
        weights = {level: np.ones(n, np.float32) for level in Level}
        touched = np.zeros(n, np.bool_)
        for at in sorted(in_force, key=lambda at: self.rules[at].level is Level.STORE):
            rule, mask = self.rules[at], self._targets[at]
            match rule.kind:
                case RuleKind.BAN if rule.is_law:
                    law |= mask
                case RuleKind.BAN:
                    ban |= mask
                case RuleKind.PIN:
                    pin[pin == int(rule.value)] = 0  # one pin a place; the store's comes last
                    pin[mask] = int(rule.value)
                case RuleKind.BOOST | RuleKind.BURY:
                    weights[rule.level][mask] *= np.float32(rule.value)
                    if rule.level is Level.STORE:
                        touched |= mask
                case RuleKind.COMPLEMENT:
                    pass
        weight = np.where(touched, weights[Level.STORE], weights[Level.CHAIN])
        grounds = (
            law * mask_of(Reason.LEGAL_BAN)
            | ban * mask_of(Reason.BANNED)
            | self._catalog.is_sensitive * mask_of(Reason.SENSITIVE)
        )
        return Effect(
            law,
            ban,
            grounds.astype(np.uint32),
            weight.astype(np.float32),
            pin,
            _pinned(pin),
            in_force,
            tuple(at for at in in_force if self.rules[at].kind is RuleKind.BAN),
            bool(pin.any()),
            bool((weight != 1.0).any()),
        )

    def _partners_of(self, item: int, effect: Effect) -> "Partners":
        rules = [
            self.rules[at]
            for at in effect.in_force
            if self.rules[at].kind is RuleKind.COMPLEMENT and self._targets[at][item]
        ]
        never = tuple(p for rule in rules for p in rule.never)
        rules.sort(key=lambda rule: rule.level is Level.CHAIN)
        if rules:
            level = rules[0].level
            chosen = [rule for rule in rules if rule.level is level]
            to = tuple(p for rule in chosen for p in rule.to)
            ids = tuple(rule.rule_id for rule in chosen)
        else:
            to, ids = tuple(f"class:{c}" for c in self._given(item)), ()
        if not to and not never:
            return NO_PARTNERS
        to_mask, never_mask = self.goods.mask(to), self.goods.mask(never)
        items = np.flatnonzero(to_mask & ~never_mask).astype(np.int32)
        return Partners(items, np.flatnonzero(never_mask).astype(np.int32), ids)

    def _given(self, item: int) -> tuple[str, ...]:
        """Return the complements the catalogue itself gives."""
        own = self._catalog.items[item]
        if own.complements:
            return own.complements
        item_class = self._catalog.classes.get(own.class_id or "")
        return item_class.complements if item_class else ()


def _pinned(pin: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the items of every place, at most `MAX_PINNED` of each."""
    items = np.flatnonzero(pin).astype(np.int32)
    of_places = [items[pin[items] == place][:MAX_PINNED] for place in np.unique(pin[items])]
    return np.sort(np.concatenate([_NONE, *of_places]))


@dataclass(frozen=True, slots=True, eq=False)
class Partners:
    """What may and must not follow one purchase: int32 item columns, and the rules behind."""

    items: NDArray[np.int32]
    never: NDArray[np.int32]
    rule_ids: tuple[str, ...] = ()


NO_PARTNERS = Partners(np.empty(0, np.int32), np.empty(0, np.int32))
