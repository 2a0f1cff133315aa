"""What past purchases forbid and suggest now: closed groups, owned items, learned intervals.

Worked out once when a visit begins and again when a sale or return of the visitor arrives. The
order in which sales became known does not matter, only when they were made. A gift opens and
closes nothing for the giver, but is no sign of interest either. Leaves out the moment itself:
`guard` compares these dates with now.
"""

from array import array
from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.core.catalog import ClassKind
from edge.core.classes import DAY_S, Action, Classes
from edge.core.history import median
from edge.core.person import Profile

Ints = NDArray[np.int32]
Times = NDArray[np.float64]

MIN_GAPS = 2
"""A rhythm needs at least three purchases; before that the table's interval holds."""
SAME_TRIP_S = DAY_S
"""Purchases of a group within a day are one purchase: two packs are not a rhythm."""
GIFT_REST_S = 365 * DAY_S
"""A group that was only ever bought as a gift stays closed this long after the last gift."""
RETURN_REST_S = 365 * DAY_S
"""A returned item is not suggested again for this long (a proposal)."""


@dataclass(frozen=True, slots=True, eq=False)
class Purchases:
    """Kept purchases, in any order; voided and returned lines already taken out.

    Attributes:
        items: int32[n]. at_s: float64[n], UTC seconds of the sale, not of its arrival.
        is_gift: bool[n], by the gift guess or its correction.
        returned: int32[m], returned_at_s: float64[m]: what came back.
    """

    items: Ints
    at_s: Times
    is_gift: NDArray[np.bool_]
    returned: Ints
    returned_at_s: Times

    @classmethod
    def of_profile(cls, profile: Profile) -> "Purchases":
        """Take the columns of a profile; goods no longer sold here are left out."""
        bought = profile.purchases
        known, back = bought.item >= 0, profile.returned_item >= 0
        return cls(
            bought.item[known],
            bought.at_s[known],
            bought.is_gift[known],
            profile.returned_item[back],
            profile.returned_at_s[back],
        )

    @classmethod
    def of(
        cls,
        bought: list[tuple[int, float]] | tuple[tuple[int, float], ...] = (),
        gifts: list[tuple[int, float]] | tuple[tuple[int, float], ...] = (),
        returned: list[tuple[int, float]] | tuple[tuple[int, float], ...] = (),
    ) -> "Purchases":
        """Make the columns of (item, at_s) pairs."""
        lines = [*bought, *gifts]
        return cls(
            np.array([item for item, _ in lines], np.int32),
            np.array([at_s for _, at_s in lines], np.float64),
            np.array([False] * len(bought) + [True] * len(gifts), np.bool_),
            np.array([item for item, _ in returned], np.int32),
            np.array([at_s for _, at_s in returned], np.float64),
        )

    def but_for(self, lines: NDArray[np.bool_]) -> "Purchases":
        """Leave lines out: bool[n]; what came back stays noted."""
        left = ~lines
        return replace(
            self, items=self.items[left], at_s=self.at_s[left], is_gift=self.is_gift[left]
        )

    def plus(self, other: "Purchases") -> "Purchases":
        """Unite two sets, such as the profile's and this visit's own basket."""
        return Purchases(
            np.concatenate([self.items, other.items]),
            np.concatenate([self.at_s, other.at_s]),
            np.concatenate([self.is_gift, other.is_gift]),
            np.concatenate([self.returned, other.returned]),
            np.concatenate([self.returned_at_s, other.returned_at_s]),
        )


class Habit(NamedTuple):
    """A group bought in a rhythm: the item and moment of the last purchase, the median gap."""

    item: int
    last_s: float
    gap_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """What purchases mean, in columns; empty columns where nothing is known.

    Attributes:
        items: int32[k] rising, distinct items bought. last_s: float64[k], when last.
        bought, bought_s: Items bought for oneself too and when last so, the last at the end.
        only_given: Items only ever bought as gifts.
        last_purchase_s: Of anything, for anybody; −inf where none.
        returned: int32[m] rising, items that came back. returned_until_s: float64[m].
        rest_until_s: float64[groups], end of the cool-down after the last purchase.
        closed_until_s: float64[groups], when the group opens again, −inf where open.
        gift_until_s: float64[groups], end of the rest of a group bought only as gifts.
        habits: Groups bought for oneself in a rhythm.
        times: int32[groups], purchases for oneself.
        was_bought: bool[groups]: for oneself, or for anybody where it is made to be given.
        line: int32[groups], brand bought at least twice and last, −1 where none.
        has_lines: Whether a brand is kept to in any group.
        series_at: int32[series], highest position bought, −1 where none.
    """

    items: Ints
    last_s: Times
    bought: "array[int]"
    bought_s: "array[float]"
    only_given: frozenset[int]
    last_purchase_s: float
    returned: Ints
    returned_until_s: Times
    rest_until_s: Times
    closed_until_s: Times
    gift_until_s: Times
    habits: tuple[Habit, ...]
    times: Ints
    was_bought: NDArray[np.bool_]
    line: Ints
    has_lines: bool
    series_at: Ints

    def since(self, at_s: float) -> list[int]:
        """Return what was bought for oneself after a moment, the last bought first."""
        return self.bought[bisect_right(self.bought_s, at_s) :].tolist()[::-1]

    def first_since(self, at_s: float) -> float:
        """Return when the first of `since` was bought, UTC seconds; infinite where none was."""
        first = bisect_right(self.bought_s, at_s)
        return self.bought_s[first] if first < len(self.bought_s) else np.inf


def _no_ints() -> Ints:
    return np.empty(0, np.int32)


def _no_times() -> Times:
    return np.empty(0, np.float64)


NOTHING_BOUGHT = Memory(
    items=_no_ints(),
    last_s=_no_times(),
    bought=array("i"),
    bought_s=array("d"),
    only_given=frozenset(),
    last_purchase_s=-np.inf,
    returned=_no_ints(),
    returned_until_s=_no_times(),
    rest_until_s=_no_times(),
    closed_until_s=_no_times(),
    gift_until_s=_no_times(),
    habits=(),
    times=_no_ints(),
    was_bought=np.empty(0, np.bool_),
    line=_no_ints(),
    has_lines=False,
    series_at=_no_ints(),
)


def remember(purchases: Purchases, classes: Classes, audience: str | None = None) -> Memory:
    """Work out what purchases mean for the next decisions.

    Args:
        purchases: Kept purchases of this person and visit; none of anybody else.
        classes: The class table over the same catalogue.
        audience: The declared band that the action matrix may ask for.
    """
    if not purchases.items.size and not purchases.returned.size:
        return NOTHING_BOUGHT
    items, at_s, own = purchases.items, purchases.at_s, ~purchases.is_gift
    n_groups = len(classes.group_ids)
    group = classes.group[items]
    distinct, where = np.unique(items, return_inverse=True)
    last_s = np.full(distinct.size, -np.inf)
    np.maximum.at(last_s, where, at_s)
    own_s = np.full(distinct.size, -np.inf)
    np.maximum.at(own_s, where[own], at_s[own])
    for_self = np.isfinite(own_s)
    bought = for_self.nonzero()[0]
    bought = bought[np.argsort(-own_s[bought], kind="stable")][::-1]
    last_any = _latest(group, at_s, n_groups)
    last_own = _latest(group[own], at_s[own], n_groups)
    last_gift = _latest(group[~own], at_s[~own], n_groups)
    gap_s = _rhythm(group[own], at_s[own], n_groups)
    returned, until_s = _returned(purchases)
    times = np.bincount(group[own], minlength=n_groups).astype(np.int32)
    line = _lines(items[own], at_s[own], classes)
    return Memory(
        items=distinct.astype(np.int32),
        last_s=last_s,
        bought=array("i", distinct[bought].tolist()),
        bought_s=array("d", own_s[bought].tolist()),
        only_given=frozenset(distinct[~for_self].tolist()),
        last_purchase_s=float(last_s.max(initial=-np.inf)),
        returned=returned,
        returned_until_s=until_s,
        rest_until_s=last_any + classes.table.cooldown_s,
        closed_until_s=_closed_until(last_own, gap_s, classes, audience),
        gift_until_s=np.where(np.isfinite(last_own), -np.inf, last_gift + GIFT_REST_S),
        habits=_habits(_last_items(distinct[for_self], own_s[for_self], classes), last_own, gap_s),
        times=times,
        # What is made to be given is bought for others as a rule: silent after that all the same.
        was_bought=(times > 0) | (classes.is_kind(ClassKind.GIFT) & np.isfinite(last_any)),
        line=line,
        has_lines=bool((line >= 0).any()),
        series_at=_series(items[own], classes),
    )


def _latest(group: NDArray[np.intp], at_s: Times, n_groups: int) -> Times:
    latest = np.full(n_groups, -np.inf)
    np.maximum.at(latest, group, at_s)
    return latest


def _last_items(items: Ints, at_s: Times, classes: Classes) -> Ints:
    """Return int32[groups]: the item last bought of each, −1 where none."""
    last = np.full(len(classes.group_ids), -1, np.int32)
    oldest_first = items[np.argsort(at_s, kind="stable")]
    last[classes.group[oldest_first]] = oldest_first  # the last assignment stands
    return last


def _habits(last_item: Ints, last_own: Times, gap_s: Times) -> tuple[Habit, ...]:
    """Return the groups that have a rhythm; all arguments by group."""
    found = np.isfinite(gap_s).nonzero()[0]
    columns = (column[found].tolist() for column in (last_item, last_own, gap_s))
    return tuple(map(Habit, *columns))


def _rhythm(group: NDArray[np.intp], at_s: Times, n_groups: int) -> Times:
    """Return float64[groups]: the median gap between trips, NaN under `MIN_GAPS` gaps."""
    gap_s = np.full(n_groups, np.nan)
    order = np.lexsort((at_s, group))
    group, at_s = group[order], at_s[order]
    gaps = np.diff(at_s)
    is_gap = (np.diff(group) == 0) & (gaps >= SAME_TRIP_S)
    gap_group, gaps = group[1:][is_gap], gaps[is_gap]
    starts = np.flatnonzero(np.diff(gap_group, prepend=-1))
    for start, end in pairwise([*starts.tolist(), gap_group.size]):
        if end - start >= MIN_GAPS:
            gap_s[gap_group[start]] = median(gaps[start:end])
    return gap_s


def _closed_until(last_own: Times, gap_s: Times, classes: Classes, audience: str | None) -> Times:
    """Return when each group opens again: learned for what is repeated, else the table's."""
    is_repeated = (classes.then(audience) & Action.REPEAT) != 0
    is_consumable = classes.is_kind(ClassKind.CONSUMABLE)
    learned = np.where(np.isfinite(gap_s) & is_consumable, gap_s, classes.interval_s)
    share = np.where(is_repeated, classes.reopen_share, 1.0)
    return np.where(learned > 0, last_own + learned * share, -np.inf)


def _lines(items: Ints, at_s: Times, classes: Classes) -> Ints:
    """Return int32[groups]: the brand last bought in a group, if bought there at least twice."""
    line = np.full(len(classes.group_ids), -1, np.int32)
    order = np.argsort(at_s, kind="stable")
    items = items[order]
    group, brand = classes.group[items], classes.brand[items]
    line[group] = brand  # the last assignment, the newest purchase, stands
    is_line = brand == line[group]
    counts = np.bincount(group[is_line], minlength=line.size)
    line[counts < 2] = -1
    return line


def _series(items: Ints, classes: Classes) -> Ints:
    reached = np.full(len(classes.series_ids), -1, np.int32)
    part = items[classes.series[items] >= 0]
    np.maximum.at(reached, classes.series[part], classes.position[part])
    return reached


def _returned(purchases: Purchases) -> tuple[Ints, Times]:
    distinct, where = np.unique(purchases.returned, return_inverse=True)
    until_s = np.full(distinct.size, -np.inf)
    np.maximum.at(until_s, where, purchases.returned_at_s + RETURN_REST_S)
    return distinct.astype(np.int32), until_s
