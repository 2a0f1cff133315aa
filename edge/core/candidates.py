"""Which items are worth scoring for one visit, each with the sources that named it.

`prepare` does the customer's part once, when a visit begins; `candidates` adds what the moment
brings (zone, basket, stated wishes) and is cheap enough for every decision. Leaves out whether
an item may be shown (`edge.core.guard`) and how good it is (`features`, the ranker port).
"""

from dataclasses import dataclass, field, replace
from enum import IntFlag

import numpy as np
import numpy.typing as npt

from edge.core.history import Floats, History, Ints
from edge.core.item_tables import HAZARD_LAGS, POOLING, ItemTables

MAX_OWN = 120
MAX_NEXT = 60
MAX_NEAR = 60
MAX_POPULAR = 30
MAX_PREPARED = 260
"""Candidates of the customer's own part; the encoder's best fill what the other sources leave."""
MAX_CONTEXT = 20
"""Items each source of the moment may add: one zone must not crowd out the person."""
NEXT_FADE = 0.5
"""Weight of a basket in the transition score, per basket of age."""
OWN_FADES = (0.6, 0.9)
SPREAD_SCALE = 50.0
"""Brings neighbour and transition scores, mostly under 0.1, to where log1p bends."""
MONTH_DAYS = 30.0
"""Time constant of the day-based purchase rate."""


class Source(IntFlag):
    """Where a candidate comes from; one bit each, so an item may have several."""

    HISTORY = 1
    TRANSITION = 2
    SIMILAR = 4
    POPULAR = 8
    ZONE = 16
    COMPLEMENT = 32
    SERIES = 64
    CARE = 128
    TRIGGER = 256
    ENCODER = 512
    STATED = 1024
    PINNED = 2048
    TOGETHER = 4096  # bought with what lies in the basket, as everybody's receipts say


# What the moment may add, in the order of the features that tell it. A pin is no such feature: it
# says what people want shown, nothing about how good it is.
CONTEXT_BITS = tuple(
    np.uint16(source)
    for source in (
        Source.ZONE,
        Source.COMPLEMENT,
        Source.SERIES,
        Source.CARE,
        Source.TRIGGER,
        Source.STATED,
    )
)
_ONCE = float(np.log1p(1.0)) + 1e-3


Spread = tuple[Ints, Floats]
_NO_ITEM = np.iinfo(np.int32).max


def _no_items() -> Ints:
    return np.empty(0, np.int32)


@dataclass(frozen=True, slots=True)
class Context:
    """What the moment adds; every field may stay empty.

    Args:
        basket: int32[b], items already in today's basket (scans, app).
        zone: int32[z], items on sale in the visitor's zone, best selling first.
        complement, series, care, trigger, stated: int32[·], items that rules of the catalogue,
            a birthday or the customer's own words name.
        pinned: int32[·], items that people of the house pin here and now; all of them are taken.
    """

    basket: Ints = field(default_factory=_no_items)
    zone: Ints = field(default_factory=_no_items)
    complement: Ints = field(default_factory=_no_items)
    series: Ints = field(default_factory=_no_items)
    care: Ints = field(default_factory=_no_items)
    trigger: Ints = field(default_factory=_no_items)
    stated: Ints = field(default_factory=_no_items)
    pinned: Ints = field(default_factory=_no_items)

    def names(self, other: "Context") -> bool:
        """Tell whether both name items by the very same arrays, which nobody writes to."""
        return (
            self.zone is other.zone
            and self.complement is other.complement
            and self.series is other.series
            and self.care is other.care
            and self.trigger is other.trigger
            and self.stated is other.stated
            and self.pinned is other.pinned
        )


@dataclass(frozen=True, slots=True)
class Candidates:
    """Items to score: `items` int32[n] rising, `sources` uint16[n] bit masks of `Source`."""

    items: Ints
    sources: npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Scores:
    """Sparse scores per item, made by `over`.

    Attributes:
        items: int32[k + 2] rising; the first and the last are no items.
        values: float32[k + 2, columns]; these two rows are zero, for all other items.
    """

    items: Ints
    values: Floats

    @classmethod
    def over(cls, items: npt.NDArray[np.integer], values: Floats) -> "Scores":
        """Keep the scores float32[columns, k] of int[k] rising items."""
        named = np.empty(items.size + 2, np.int32)
        named[0], named[1:-1], named[-1] = -1, items, _NO_ITEM
        padded = np.zeros((named.size, values.shape[0]), np.float32)
        padded[1:-1] = values.T
        return cls(named, padded)

    def of(self, items: Ints) -> Floats:
        """Return float32[n, columns], 0 where an item has no score."""
        at = self.items.searchsorted(items)
        at *= self.items.take(at) == items
        return self.values.take(at, axis=0)


@dataclass(frozen=True, slots=True)
class Prepared:
    """One customer's part of every feature, ready before the first decision of a visit.

    Args:
        own: The columns `OWN_ROWS` over the customer's distinct items, as of the visit's day.
        customer: float32[len(CUSTOMER_COLUMNS)].
        others: The columns `SPREAD_COLUMNS`, spread from the history through the item tables, on
            the scale of the features; near_top, next_top: the highest of each recent one.
        person: float32[d], the encoder's vector.
        logit: float32[items], the encoder's score of every item; logit_top: the highest.
        by_category: float32[categories + 1, 2]: share of lines, faded share, the last row 0 for
            an unknown category (-1); None without any.
        log_days_away: log1p of the days since the newest basket, 0 where either date is unknown.
        candidates: The customer's part of the candidates.
    """

    own: Scores
    customer: Floats
    others: Scores
    near_top: float
    next_top: float
    person: Floats
    logit: Floats
    logit_top: float
    by_category: Floats | None
    log_days_away: float
    candidates: Candidates


# The last three rows hold raw days where the visit's day is unknown.
OWN_ROWS = (
    "is_own",
    "log_count",
    "rate",
    "rate_since_first",
    "fast_rate",
    "slow_rate",
    "recency",
    "log_age",
    "log_own_gap",
    "due",
    "hazard_now",
    "basket_share",
    "log_days_since",
    "month_rate",
    "due_days",
)
CUSTOMER_COLUMNS = (
    "log_baskets",
    "log_distinct",
    "log_mean_basket",
    "log_last_basket",
    "own_repeat_share",
    "recent_repeat_share",
    "log_basket_gap_days",
)
"""What is known of the customer whichever the candidate."""
SPREAD_COLUMNS = ("near_all", "near_recent", "next_last", "next_recent")
"""What other customers' purchases say: neighbours and transitions of all baskets and the newest."""


def prepare(history: History, tables: ItemTables, day: float | None = None) -> Prepared:
    """Compute what depends on the customer alone; 0.3 ms for a usual history.

    Args:
        history: Of the customer.
        tables: Over the same items.
        day: Of the visit, on the scale of `History.day`; what counts days counts up to it.
    """
    items, line_of = np.unique(history.item, return_inverse=True)
    items = items.astype(np.int32)
    age = (history.n_baskets - 1 - history.basket).astype(np.float32)
    own = _own(history, items, line_of, age, tables)
    pooling = np.stack([_sum(line_of, _fade(fade, age), items.size) for fade in POOLING])
    person = tables.encoder.person(items, pooling.astype(np.float32))
    near = _spread(items, tables.near, tables.near_score, [own[1], own[5]], tables.n_items)
    recent = np.stack([_sum(line_of, _fade(fade, age), items.size) for fade in (0.0, NEXT_FADE)])
    follow = _spread(items, tables.next, tables.next_score, list(recent), tables.n_items)
    logits = tables.encoder.out @ person + tables.encoder.bias
    away = _days_away(history, day)
    if away is not None:
        _read_days(own, away)
    return Prepared(
        own=Scores.over(items, own),
        customer=_customer(history, items.size, own),
        others=_others(near, follow, tables.n_items),
        near_top=_top(near),
        next_top=_top(follow),
        person=person,
        logit=logits,
        logit_top=float(logits.max(initial=-np.inf)),
        by_category=_categories(history, age, tables.category),
        log_days_away=0.0 if away is None else float(np.log1p(away)),
        candidates=_of_customer(items, own, near, follow, logits, tables),
    )


def nobody(tables: ItemTables) -> Prepared:
    """Prepare for somebody nothing is known about: every candidate is there for its popularity."""
    prepared = prepare(History.empty(), tables)
    items = prepared.candidates.items
    popular = np.full(items.size, Source.POPULAR, np.uint16)
    return replace(prepared, candidates=Candidates(items, popular))


def candidates(prepared: Prepared, tables: ItemTables, context: Context) -> Candidates:
    """Join the customer's candidates with those of the moment; at most about 280 + context."""
    return joined(prepared.candidates, tables.n_items, context)


def joined(found: Candidates, n_items: int, context: Context) -> Candidates:
    """Add what the moment names to candidates.

    Args:
        found: Some of `n_items` items.
        n_items: Of the catalogue.
        context: The moment.
    """
    named = (
        context.zone,
        context.complement,
        context.series,
        context.care,
        context.trigger,
        context.stated,
    )
    extra = [
        (bit, items[:MAX_CONTEXT].astype(np.intp))
        for bit, items in zip(CONTEXT_BITS, named, strict=True)
        if items.size
    ]
    if context.pinned.size:
        extra.append((np.uint16(Source.PINNED), context.pinned.astype(np.intp)))
    if not extra:
        return found
    mask = np.zeros(n_items, np.uint16)
    mask[found.items.astype(np.intp)] = found.sources
    for bit, items in extra:
        mask[items] |= bit
    return _from_mask(mask)


def _fade(fade: float, age: Floats) -> Floats:
    """Return fade ** age, with 0 ** 0 = 1."""
    return np.power(np.float32(fade), age, dtype=np.float32)


def _sum(group: npt.NDArray[np.intp], weight: Floats, n: int) -> Floats:
    return np.bincount(group, weight, n).astype(np.float32)


def _own(
    history: History,
    items: Ints,
    line_of: npt.NDArray[np.intp],
    age: Floats,
    tables: ItemTables,
) -> Floats:
    """Return float32[len(OWN_ROWS), m]; see `OWN_ROWS`."""
    m, n = items.size, history.n_baskets
    own = np.zeros((len(OWN_ROWS), m), np.float32)
    if not m:
        return own
    count = np.bincount(line_of, minlength=m).astype(np.float32)
    last, first = np.empty(m, np.float32), np.empty(m, np.float32)
    last[line_of] = age  # lines run from old to new: the newest write stays
    first[line_of[::-1]] = age[::-1]
    gap = (first - last + tables.gap[items]) / count  # own gaps, shrunk to the item's usual one
    size = np.bincount(history.basket, minlength=n).astype(np.float32)
    fast, slow = (_fade(fade, age) for fade in OWN_FADES)
    own[0] = 1.0
    own[1] = np.log1p(count)
    own[2] = count / n
    own[3] = count / (first + 1.0)
    own[4] = _sum(line_of, fast, m)
    own[5] = _sum(line_of, slow, m) * (0.1 / (1.0 - OWN_FADES[1] ** n))
    own[6] = 1.0 / (1.0 + last)
    own[7] = np.log1p(last)
    own[8] = np.log1p(gap)
    own[9] = np.log1p((last + 1.0) / gap)
    own[10] = tables.hazard[items, np.minimum(last, HAZARD_LAGS - 1).astype(np.intp)]
    own[11] = _sum(line_of, slow / size[history.basket], m)
    if history.day is not None:
        _own_days(own, history, line_of, last, first, tables.gap_days[items], count)
    return own


def _own_days(
    own: Floats,
    history: History,
    line_of: npt.NDArray[np.intp],
    last: Floats,
    first: Floats,
    usual: Floats,
    count: Floats,
) -> None:
    """Fill the day rows with raw days, as of the newest basket."""
    assert history.day is not None
    newest = history.n_baskets - 1
    days = history.day[newest] - history.day
    since = days[newest - last.astype(np.intp)]
    span = days[newest - first.astype(np.intp)] - since
    own[12] = since
    own[13] = _sum(line_of, np.exp(-days[history.basket] / MONTH_DAYS), count.size)
    own[14] = (span + usual) / count


def _days_away(history: History, day: float | None) -> float | None:
    """Return days since the newest basket, or None where either date is unknown."""
    if history.day is None or not history.day.size or day is None:
        return None
    return max(0.0, day - float(history.day[-1]))


def _read_days(own: Floats, away: float) -> None:
    """Turn raw days, as of the newest basket, into features as of today; own: [own, m]."""
    since, rate, gap = own[-3:]
    own[-1] = np.log1p((since + away) / np.maximum(gap, 1.0))
    own[-2] = rate * np.exp(-away / MONTH_DAYS)
    own[-3] = np.log1p(since + away)


def _customer(history: History, n_distinct: int, own: Floats) -> Floats:
    """Return float32[len(CUSTOMER_COLUMNS)]."""
    row = np.zeros(len(CUSTOMER_COLUMNS), np.float32)
    n = history.n_baskets
    if not n:
        return row
    lines = history.item.size
    is_newest = own[6] == 1.0
    n_newest = int(np.count_nonzero(is_newest))
    row[0] = np.log1p(n)
    row[1] = np.log1p(n_distinct)
    row[2] = np.log1p(lines / n)
    row[3] = np.log1p(n_newest)
    row[4] = 1.0 - n_distinct / lines
    row[5] = np.count_nonzero(is_newest & (own[1] > _ONCE)) / n_newest
    if history.day is not None and n > 1:
        row[6] = np.log1p((history.day[-1] - history.day[0]) / (n - 1))
    return row


def _spread(
    items: Ints,
    lists: npt.NDArray[np.integer],
    scores: Floats,
    weights: list[Floats],
    n_items: int,
) -> Spread:
    """Add each item's list to a score, weighted; zeros are left out.

    Returns:
        int32[k], rising, and float32[weights, k].
    """
    if not items.size:
        return _no_items(), np.zeros((len(weights), 0), np.float32)
    target = lists[items].ravel().astype(np.intp)
    score = scores[items]
    dense = [np.bincount(target, (score * w[:, None]).ravel(), n_items) for w in weights]
    reached = np.flatnonzero(dense[-1] > 0)
    values = np.empty((len(weights), reached.size), np.float32)
    for row, sums in zip(values, dense, strict=True):
        row[:] = sums[reached]
    return reached.astype(np.int32), values


def _others(near: Spread, follow: Spread, n_items: int) -> Scores:
    """Lay neighbours and transitions side by side, so that an item is looked up once."""
    is_reached, place = np.zeros(n_items, np.bool_), np.empty(n_items, np.intp)
    is_reached[near[0]] = is_reached[follow[0]] = True
    items = is_reached.nonzero()[0]
    place[items] = np.arange(items.size)
    values = np.zeros((len(SPREAD_COLUMNS), items.size), np.float32)
    values[:2, place[near[0]]] = np.log1p(near[1] * SPREAD_SCALE)
    values[2:, place[follow[0]]] = np.log1p(follow[1] * SPREAD_SCALE)
    return Scores.over(items, values)


def _top(spread: Spread) -> float:
    """Return the highest value of the second row, on the features' scale."""
    top = float(spread[1][1].max(initial=0.0))
    return max(float(np.log1p(top * SPREAD_SCALE)), 1e-3)


def _categories(history: History, age: Floats, category: Ints) -> Floats | None:
    """Return `Prepared.by_category`."""
    n = int(category.max(initial=-1)) + 1
    if not n or not age.size:
        return None
    of_line = category[history.item]
    known = of_line >= 0
    group, weight = of_line[known].astype(np.intp), _fade(OWN_FADES[0], age[known])
    count = np.bincount(group, minlength=n + 1) / age.size
    faded = np.bincount(group, weight, n + 1) / max(1.0, float(weight.sum()))
    return np.stack([count, faded], axis=1).astype(np.float32)


def _best(items: Ints, value: Floats, k: int) -> Ints:
    """Return the k items with the highest value."""
    if items.size <= k:
        return items
    return items[np.argpartition(-value, k - 1)[:k]]


def _of_customer(
    items: Ints, own: Floats, near: Spread, follow: Spread, logits: Floats, tables: ItemTables
) -> Candidates:
    """Unite the customer's sources; what all buy and the encoder fill up to `MAX_PREPARED`."""
    mask = np.zeros(tables.n_items, np.uint16)
    mask[_best(items, own[5], MAX_OWN)] |= np.uint16(Source.HISTORY)
    mask[_best(follow[0], follow[1][1], MAX_NEXT)] |= np.uint16(Source.TRANSITION)
    mask[_best(near[0], near[1][1], MAX_NEAR)] |= np.uint16(Source.SIMILAR)
    _fill(mask, tables.popular[:MAX_POPULAR], Source.POPULAR)
    k = min(MAX_PREPARED, logits.size)
    best = np.argpartition(-logits, k - 1)[:k]
    best = best[np.argsort(-logits[best], kind="stable")]
    _fill(mask, best, Source.ENCODER)
    return _from_mask(mask)


def _fill(mask: npt.NDArray[np.uint16], best: npt.NDArray[np.integer], source: Source) -> None:
    """Mark the best items of a source, as many as there is room for under `MAX_PREPARED`.

    Args:
        mask: uint16[items], the sources so far.
        best: Distinct items, the best first.
        source: Which one.
    """
    is_new = np.cumsum(mask[best] == 0)
    room = MAX_PREPARED - int(np.count_nonzero(mask))
    mask[best[is_new <= room]] |= np.uint16(source)


def _from_mask(mask: npt.NDArray[np.uint16]) -> Candidates:
    items = (mask != 0).nonzero()[0]
    return Candidates(items.astype(np.int32), mask[items])
