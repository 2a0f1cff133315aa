"""The class table: how each kind of goods behaves after a purchase, as people laid it down.

Decides per substitute group how long it stays closed after a purchase, what follows (repeat,
complement, care, silence) and for which audience that differs. An item without a class gets the
cautious default: its whole category counts as one durable group. Leaves out what a given person
bought (`memory`) and how the table is written down (`edge.adapters.files`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from edge.core.catalog import Catalog, ClassKind, Item
from edge.core.reasons import Reason, mask_of

DAY_S = 86_400.0
COOLDOWN_S = 4 * DAY_S
"""After a sale its item and group rest: 24 h (decisioning table, a proposal) after the latest
moment at which the sale may become known (Square retries webhooks for 72 h)."""


class Action(IntFlag):
    """What may follow a purchase; one bit each."""

    SILENCE = 0
    REPEAT = 1
    COMPLEMENT = 2
    CARE = 4


@dataclass(frozen=True, slots=True)
class Policy:
    """How one kind or class behaves after a purchase.

    Attributes:
        interval_days: How long the group stays closed; None: only the cool-down.
        then: What may follow.
        reopen_share: A repeated good opens again at this share of its interval, so that the
            reminder comes before the drawer is empty (0.7 in the decisioning table).
        author, reason, day: Who laid it down, why, and the ordinal of the day; None: not told.
    """

    interval_days: float | None
    then: Action
    reopen_share: float = 1.0
    author: str = field(default="", compare=False)
    reason: str = field(default="", compare=False)
    day: int | None = field(default=None, compare=False)


# Intervals: durable two to five years, consumables learned with a month as the start
# (decisioning class table, proposals); a gift is remembered next year only if asked.
DEFAULTS: Mapping[ClassKind, Policy] = {
    ClassKind.DURABLE: Policy(1_095.0, Action.CARE | Action.COMPLEMENT),
    ClassKind.ACCESSORY: Policy(None, Action.COMPLEMENT),
    ClassKind.CONSUMABLE: Policy(28.0, Action.REPEAT, reopen_share=0.7),
    ClassKind.SERIES: Policy(None, Action.REPEAT),
    ClassKind.GIFT: Policy(365.0, Action.SILENCE),
    ClassKind.SENSITIVE: Policy(None, Action.SILENCE),
}
KINDS: tuple[ClassKind, ...] = tuple(ClassKind)
_KIND_AT = {kind: at for at, kind in enumerate(KINDS)}


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One line of the action matrix: for this product group and audience, this follows.

    Attributes:
        group: `class:ID`, `category:NAME`, `department:NAME`, `kind:NAME` or `*`.
        audience: A declared band or tag such as `kids`, or `*`.
        author, reason, day: As in `Policy`.
    """

    group: str
    audience: str
    then: Action
    author: str = ""
    reason: str = ""
    day: int | None = None


@dataclass(frozen=True, slots=True)
class ClassTable:
    """What people edit: policies by kind, exceptions by class, and the action matrix."""

    kinds: Mapping[ClassKind, Policy] = field(default_factory=lambda: DEFAULTS)
    classes: Mapping[str, Policy] = field(default_factory=dict)
    matrix: tuple[MatrixRow, ...] = ()
    cooldown_s: float = COOLDOWN_S


class Classes:
    """The class table laid over a catalogue: columns over groups, a group for every item.

    Attributes:
        group: intp[items], the substitute group.
        kind: uint8[groups], position in `KINDS`. interval_s: float64[groups], 0 where none.
        reopen_share: float64[groups]. is_known: bool[groups], False for the cautious default.
        if_closed, if_resting: uint32[groups], what speaks against a group (`reasons`) while it is
            closed, and while it rests after a purchase; of a series only the part rests.
        parts: int32[·], items that belong to a series. series: int32[items], −1 where none.
        position: int32[items] in its series.
    """

    def __init__(self, catalog: Catalog, table: ClassTable) -> None:
        self.table = table
        self.catalog = catalog
        named = [_group_of(item, catalog) for item in catalog.items]
        self.group_ids: tuple[str, ...] = tuple(dict.fromkeys(named))
        self.group_at = {group: at for at, group in enumerate(self.group_ids)}
        self.group: NDArray[np.intp] = np.array([self.group_at[g] for g in named], np.intp)
        self._example = dict(zip(named, catalog.items, strict=True))
        policies = [self._policy(group) for group in self.group_ids]
        kinds = [self._kind(group) for group in self.group_ids]
        self.kind: NDArray[np.uint8] = np.array([_KIND_AT[k] for k in kinds], np.uint8)
        self._of_kind: dict[ClassKind, NDArray[np.bool_]] = {
            kind: self.kind == at for kind, at in _KIND_AT.items()
        }
        is_due, is_part = self.is_kind(ClassKind.CONSUMABLE), self.is_kind(ClassKind.SERIES)
        self.if_closed: NDArray[np.uint32] = np.where(
            is_due, mask_of(Reason.NOT_DUE), mask_of(Reason.OWNED)
        )
        self.if_resting: NDArray[np.uint32] = ~is_part * mask_of(Reason.JUST_BOUGHT_CLASS)
        self.interval_s: NDArray[np.float64] = np.array(
            [(p.interval_days or 0.0) * DAY_S for p in policies]
        )
        self.reopen_share: NDArray[np.float64] = np.array([p.reopen_share for p in policies])
        self.is_known: NDArray[np.bool_] = np.array(
            [g in catalog.classes for g in self.group_ids], np.bool_
        )
        self._then = np.array([int(p.then) for p in policies], np.uint8)
        self._by_audience: dict[str, NDArray[np.uint8]] = {}
        series = [item.series for item in catalog.items]
        self.series_ids = tuple(dict.fromkeys(s[0] for s in series if s))
        series_at = {name: at for at, name in enumerate(self.series_ids)}
        self.series: NDArray[np.int32] = np.array(
            [series_at[s[0]] if s else -1 for s in series], np.int32
        )
        self.position: NDArray[np.int32] = np.array([s[1] if s else 0 for s in series], np.int32)
        self.series_start: NDArray[np.int32] = np.full(len(self.series_ids), 2**31 - 1, np.int32)
        is_part = self.series >= 0
        self.parts: NDArray[np.int32] = np.flatnonzero(is_part).astype(np.int32)
        np.minimum.at(self.series_start, self.series[is_part], self.position[is_part])
        names = tuple(dict.fromkeys(item.department for item in catalog.items))
        department_at = {name: at for at, name in enumerate(names)}
        self.department: NDArray[np.int32] = np.array(
            [department_at[item.department] for item in catalog.items], np.int32
        )
        brands = {name: at for at, name in enumerate(dict.fromkeys(i.brand for i in catalog.items))}
        self.brand: NDArray[np.int32] = np.array([brands[i.brand] for i in catalog.items], np.int32)

    def then(self, audience: str | None) -> NDArray[np.uint8]:
        """Return uint8[groups], the `Action` bits for one audience (None: everybody)."""
        key = audience or "*"
        if key not in self._by_audience:
            if len(self._by_audience) > 64:  # an audience is a short list of bands, not free text
                return self._then_for("*")
            self._by_audience[key] = self._then_for(key)
        return self._by_audience[key]

    def is_kind(self, kind: ClassKind) -> NDArray[np.bool_]:
        """Return bool[groups]: the group is of this kind."""
        return self._of_kind[kind]

    def meant_by(self, pattern: str) -> NDArray[np.bool_]:
        """Return bool[items]: what a line of the action matrix is about; see `MatrixRow.group`."""
        is_meant = np.array([self._matches(pattern, group) for group in self.group_ids], np.bool_)
        mask: NDArray[np.bool_] = is_meant[self.group]
        return mask

    def items_of(self, group_id: str) -> NDArray[np.int32]:
        """Return the items of a class id, empty where nothing of it is sold."""
        at = self.group_at.get(group_id)
        if at is None:
            return np.empty(0, np.int32)
        return np.flatnonzero(self.group == at).astype(np.int32)

    def _kind(self, group: str) -> ClassKind:
        known = self.catalog.classes.get(group)
        if known is not None:
            return known.kind
        return ClassKind.SENSITIVE if self._example[group].is_sensitive else ClassKind.DURABLE

    def _policy(self, group: str) -> Policy:
        if group in self.table.classes:
            return self.table.classes[group]
        base = self.table.kinds.get(self._kind(group), DEFAULTS[self._kind(group)])
        known = self.catalog.classes.get(group)
        if known is None or known.interval_days is None:
            return base
        return Policy(known.interval_days, base.then, base.reopen_share)

    def _then_for(self, audience: str) -> NDArray[np.uint8]:
        """Apply the matrix, the most specific line last: group before audience."""
        then = self._then.copy()
        rows = sorted(
            (r for r in self.table.matrix if r.audience in ("*", audience)),
            key=lambda r: (specificity(r.group), r.audience != "*"),
        )
        for row in rows:
            then[self.matches(row.group)] = int(row.then)
        return then

    def matches(self, pattern: str) -> NDArray[np.bool_]:
        """Return bool[groups]: what the group of a matrix line means."""
        return np.array([self._matches(pattern, group) for group in self.group_ids], np.bool_)

    def _matches(self, pattern: str, group: str) -> bool:
        if pattern == "*":
            return True
        axis, _, value = pattern.partition(":")
        item = self._example[group]
        found = {
            "class": group,
            "kind": self._kind(group).value,
            "category": item.category,
            "department": item.department,
        }
        return found.get(axis) == value


def _group_of(item: Item, catalog: Catalog) -> str:
    if item.class_id is not None and item.class_id in catalog.classes:
        return item.class_id
    return f"category:{item.category}"


def specificity(pattern: str) -> int:
    """Return how closely a line of the action matrix names goods; the closest holds."""
    order = ("*", "kind", "department", "category", "class")
    return order.index(pattern.partition(":")[0])
