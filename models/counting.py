"""Count the item tables of `edge.core.item_tables` from purchases, all but the encoder.

Decides smoothing and cut-offs of every count. Everything is one pass over lines or one sparse
product, so cost grows with the lines. Leaves out the encoder (`models.encoder`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.core.history import Floats, Ints
from edge.core.item_tables import HAZARD_LAGS, ITEM_COLUMNS, NEAR_WIDTH, NEXT_WIDTH
from models.purchases import Purchases
from models.sparse import Lines, top_products

Numbers = npt.NDArray[np.floating] | npt.NDArray[np.integer]
Groups = npt.NDArray[np.int64]
PRIOR = 5.0
"""Strength, in observations, of the category's mean in every smoothed rate, and of the all-item
mean in the category's."""
MAX_ITEMS_A_CUSTOMER = 400
"""Newest lines of one customer that enter the neighbour counts; a reseller must not rule them."""

MAX_ITEMS_A_BASKET = 200
"""Best sellers of one basket that enter the follower counts. No basket of Ta-Feng has more than
102; two bulk orders in a row would give millions of pairs."""


@dataclass(frozen=True, slots=True)
class Counts:
    """`ItemTables` without its encoder and categories; fields as there."""

    item: Floats
    hazard: Floats
    gap: Floats
    gap_days: Floats
    near: Ints
    near_score: Floats
    next: Ints
    next_score: Floats
    popular: Ints


def count(purchases: Purchases, category: Ints | None = None) -> Counts:
    """Count every table.

    Args:
        purchases: Of everybody.
        category: int32[items], -1 where unknown; None counts as one category for all.
    """
    n = purchases.n_items
    popularity = np.bincount(purchases.item, minlength=n).astype(np.float64)
    group = np.zeros(n, np.int64) if category is None else category.astype(np.int64) + 1
    gaps = _gaps(purchases, group)
    near, near_score = _near(purchases)
    follow, next_score = _next(purchases)
    return Counts(
        item=_columns(purchases, popularity, gaps, group),
        hazard=gaps.hazard,
        gap=gaps.gap,
        gap_days=gaps.gap_days,
        near=near,
        near_score=near_score,
        next=follow,
        next_score=next_score,
        popular=np.argsort(-popularity, kind="stable").astype(np.int32),
    )


@dataclass(frozen=True, slots=True)
class _Gaps:
    """What repeats look like per item: see `ItemTables`; `repeat_share` float32[items]."""

    hazard: Floats
    gap: Floats
    gap_days: Floats
    repeat_share: Floats
    buyers: npt.NDArray[np.float64]


def _gaps(purchases: Purchases, group: Groups) -> _Gaps:
    """Follow each (customer, item) from purchase to purchase."""
    n = purchases.n_items
    ends = purchases.basket_ends()
    who = purchases.line_customer
    position = purchases.basket - ends[who]
    key = np.lexsort((position, purchases.item, who))
    item, owner, at = purchases.item[key], who[key], position[key]
    again = np.zeros(key.size, bool)
    again[:-1] = (item[1:] == item[:-1]) & (owner[1:] == owner[:-1])
    left = (ends[owner + 1] - ends[owner]) - 1 - at  # later baskets seen
    wait = left.copy()
    wait[:-1] = np.where(again[:-1], at[1:] - at[:-1], left[:-1])
    repeats, buyers = np.bincount(item, again, n), np.zeros(n)
    is_first = np.ones(key.size, bool)
    is_first[1:] = ~again[:-1]
    buyers += np.bincount(item, is_first, n)
    came_back = np.bincount(item, is_first & again, n)
    days = np.zeros(key.size)
    if purchases.day is not None:
        when = purchases.day[purchases.basket[key]]
        days[:-1] = np.where(again[:-1], when[1:] - when[:-1], 0.0)
    gap = _shrunk(np.bincount(item, wait * again, n), repeats, group)
    return _Gaps(
        _hazard(item, wait, again, group),
        gap if again.any() else np.ones(n, np.float32),  # it divides: nobody repeated, no 0
        _shrunk(np.bincount(item, days * again, n), repeats, group),
        _shrunk(came_back, buyers, group),
        buyers,
    )


def _shrunk(total: Numbers, n: Numbers, group: Groups) -> Floats:
    """Return total / n per item, shrunk to its category's mean by `PRIOR` observations.

    Most items are bought a few times; what their category is like says more than the store's
    mean. A category's mean is itself shrunk to that, so a category of one item changes little.
    """
    mean = total.sum() / max(1.0, n.sum())
    of_group = (np.bincount(group, total) + PRIOR * mean) / (np.bincount(group, n) + PRIOR)
    shrunk: Floats = ((total + PRIOR * of_group[group]) / (n + PRIOR)).astype(np.float32)
    return shrunk


def _hazard(
    item: Ints, wait: npt.NDArray[np.int64], again: npt.NDArray[np.bool_], group: Groups
) -> Floats:
    """Return float32[items, HAZARD_LAGS]; the last lag pools all later baskets."""
    n = group.size
    hazard = np.empty((n, HAZARD_LAGS), np.float32)
    for lag in range(1, HAZARD_LAGS):
        hazard[:, lag - 1] = _shrunk(
            np.bincount(item, again & (wait == lag), n), np.bincount(item, wait >= lag, n), group
        )
    late = np.maximum(wait - HAZARD_LAGS + 1, 0)
    hazard[:, -1] = _shrunk(
        np.bincount(item, again & (late > 0), n),
        np.bincount(item, late.astype(np.float64), n),
        group,
    )
    return hazard


def _columns(
    purchases: Purchases, popularity: npt.NDArray[np.float64], gaps: _Gaps, group: Groups
) -> Floats:
    """Return the static item columns in the order of `ITEM_COLUMNS`."""
    n, ends = purchases.n_items, purchases.basket_ends()
    from_newest = ends[purchases.customer + 1] - 1 - np.arange(purchases.customer.size)
    age = from_newest[purchases.basket]
    size = np.bincount(purchases.basket).astype(np.float64)
    sizes = np.bincount(purchases.item, size[purchases.basket], n)
    share = (popularity + 0.5) / (popularity.sum() + 0.5 * n)
    columns = {
        "log_popularity": np.log(share * n),
        "trend": _trend(np.bincount(purchases.item, age < 2, n), popularity),
        "short_trend": _trend(np.bincount(purchases.item, age < 1, n), popularity),
        "log_buyers": np.log1p(gaps.buyers),
        "log_new_buyers": np.log1p(np.bincount(purchases.item, _is_new_and_late(purchases), n)),
        "repeat_share": gaps.repeat_share,
        "hazard": gaps.hazard[:, 0],
        "log_gap": np.log1p(gaps.gap),
        "basket_size": np.log1p(_shrunk(sizes, popularity, group)),
    }
    return np.stack([columns[name] for name in ITEM_COLUMNS], axis=1).astype(np.float32)


def _trend(recent: Numbers, all_: Numbers) -> Floats:
    """Return the log of an item's recent sales against what its whole share predicts."""
    expected = all_ * (recent.sum() / max(1.0, all_.sum()))
    trend: Floats = np.log((recent + PRIOR) / (expected + PRIOR)).astype(np.float32)
    return trend


def _is_new_and_late(purchases: Purchases) -> npt.NDArray[np.bool_]:
    """Return bool[lines]: first purchase of the item, though the customer had been in before."""
    who = purchases.line_customer
    pair = who.astype(np.int64) * purchases.n_items + purchases.item
    _, first = np.unique(pair, return_index=True)
    is_new = np.zeros(pair.size, bool)
    is_new[first] = True
    return is_new & (purchases.basket > purchases.basket_ends()[who])


def _near(purchases: Purchases) -> tuple[Ints, Floats]:
    """Return the nearest items by cosine over buyers."""
    n, who = purchases.n_items, purchases.line_customer
    last_line = np.searchsorted(who, np.arange(len(purchases.customer_ids)), side="right")
    is_recent = last_line[who] - np.arange(who.size) <= MAX_ITEMS_A_CUSTOMER
    pair = np.unique(who[is_recent].astype(np.int64) * n + purchases.item[is_recent])
    owner, item = pair // n, pair % n
    norm = np.sqrt(np.maximum(np.bincount(item, minlength=n), 1.0))
    share = (1.0 / norm[item]).astype(np.float32)
    bought = Lines(owner, item, share, (len(purchases.customer_ids), n))
    return top_products(bought, bought, NEAR_WIDTH, is_self_out=True)


def _next(purchases: Purchases) -> tuple[Ints, Floats]:
    """Return the likeliest followers: share of the baskets with i whose next basket holds j."""
    n, baskets, item = purchases.n_items, purchases.customer.size, purchases.item
    has_next = np.zeros(baskets, bool)
    has_next[:-1] = purchases.customer[1:] == purchases.customer[:-1]
    place = np.arange(item.size) - purchases.line_ends()[purchases.basket]
    is_counted = place < MAX_ITEMS_A_BASKET
    is_before = has_next[purchases.basket] & is_counted
    times = np.bincount(item[is_before], minlength=n) + PRIOR
    rate = (1.0 / times[item[is_before]]).astype(np.float32)
    shape = (baskets, n)
    before = Lines(purchases.basket[is_before], item[is_before], rate, shape)
    # The row of a basket holds what its follower holds.
    is_after = (purchases.basket > 0) & is_counted
    once = np.ones(int(is_after.sum()), np.float32)
    after = Lines(purchases.basket[is_after] - 1, item[is_after], once, shape)
    return top_products(before, after, NEXT_WIDTH, is_self_out=False)
