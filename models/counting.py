"""Make the item tables of `edge.core.item_tables` out of everybody's counts, all but the encoder.

Decides smoothing and cut-offs of every count. The engine counts (`models.tallies`), out of core;
what comes into memory is a row an item, and pairs of items by the part. Leaves out the encoder
(`models.encoder`).
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.core.history import Floats, Ints
from edge.core.item_tables import HAZARD_LAGS, ITEM_COLUMNS, NEAR_WIDTH, NEXT_WIDTH
from models import tallies
from models.engine import Table
from models.everybody import Everybody
from models.rows import largest

Numbers = npt.NDArray[np.float64]
Groups = npt.NDArray[np.int64]
PRIOR = 5.0
"""Strength, in observations, of the category's mean in every smoothed rate, and of the all-item
mean in the category's."""
CELLS = 8_000_000
"""Pairs of items counted at a time, at most: the engine holds a group for each, numpy a cell."""


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


def count(everybody: Everybody, category: Ints | None = None) -> Counts:
    """Count every table.

    Args:
        everybody: All of them are counted.
        category: int32[items], -1 where unknown; None counts as one category for all.
    """
    n = everybody.n_items
    sums = _by_item(tallies.items(everybody.lines), n)
    group = np.zeros(n, np.int64) if category is None else category.astype(np.int64) + 1
    hazard = [_shrunk(sums[f"bought_{k}"], sums[f"asked_{k}"], group) for k in _LAGS]
    gap = _shrunk(sums["gap"], sums["repeats"], group)
    if not sums["repeats"].any():
        gap = np.ones(n, np.float32)  # it divides: nobody repeated, no 0
    near, near_score = _near(everybody)
    follow, next_score = _next(everybody)
    return Counts(
        item=_columns(sums, hazard[0], gap, group),
        hazard=np.stack(hazard, axis=1),
        gap=gap,
        gap_days=_shrunk(sums["gap_days"], sums["repeats"], group),
        near=near,
        near_score=near_score,
        next=follow,
        next_score=next_score,
        popular=np.argsort(-sums["lines"], kind="stable").astype(np.int32),
    )


_LAGS = range(1, HAZARD_LAGS + 1)


def _by_item(table: Table, n: int) -> dict[str, Numbers]:
    """Bring counts to memory, float64[items] by column; 0 of items without a row."""
    found = table.to_pyarrow()
    item = found["item"].to_numpy()
    columns = {}
    for name in found.column_names:
        if name != "item":
            columns[name] = np.zeros(n)
            columns[name][item] = found[name].to_numpy()
    return columns


def _shrunk(total: Numbers, n: Numbers, group: Groups) -> Floats:
    """Return total / n per item, shrunk to its category's mean by `PRIOR` observations.

    Most items are bought a few times; what their category is like says more than the store's
    mean. A category's mean is itself shrunk to that, so a category of one item changes little.
    """
    mean = total.sum() / max(1.0, n.sum())
    of_group = (np.bincount(group, total) + PRIOR * mean) / (np.bincount(group, n) + PRIOR)
    shrunk: Floats = ((total + PRIOR * of_group[group]) / (n + PRIOR)).astype(np.float32)
    return shrunk


def _columns(sums: Mapping[str, Numbers], hazard: Floats, gap: Floats, group: Groups) -> Floats:
    """Return the static item columns in the order of `ITEM_COLUMNS`."""
    n, lines = group.size, sums["lines"]
    share = (lines + 0.5) / (lines.sum() + 0.5 * n)
    columns = {
        "log_popularity": np.log(share * n),
        "trend": _trend(sums["recent_2"], lines),
        "short_trend": _trend(sums["recent_1"], lines),
        "log_buyers": np.log1p(sums["buyers"]),
        "log_new_buyers": np.log1p(sums["new"]),
        "repeat_share": _shrunk(sums["came_back"], sums["buyers"], group),
        "hazard": hazard,
        "log_gap": np.log1p(gap),
        "basket_size": np.log1p(_shrunk(sums["basket_lines"], lines, group)),
    }
    return np.stack([columns[name] for name in ITEM_COLUMNS], axis=1).astype(np.float32)


def _trend(recent: Numbers, all_: Numbers) -> Floats:
    """Return the log of an item's recent sales against what its whole share predicts."""
    expected = all_ * (recent.sum() / max(1.0, all_.sum()))
    trend: Floats = np.log((recent + PRIOR) / (expected + PRIOR)).astype(np.float32)
    return trend


def _near(everybody: Everybody) -> tuple[Ints, Floats]:
    """Return the nearest items by cosine over buyers."""
    with _saved(everybody, tallies.bought(everybody.lines)) as bought:
        n = _by_item(tallies.buyers(bought), everybody.n_items)["n"]
        share = (1.0 / np.sqrt(np.maximum(n, 1.0))).astype(np.float32)
        return _best(bought, tallies.together, share, share, NEAR_WIDTH)


def _next(everybody: Everybody) -> tuple[Ints, Floats]:
    """Return the likeliest followers: share of the baskets with i whose next basket holds j."""
    with _saved(everybody, tallies.bounded(everybody.lines)) as bounded:
        n = _by_item(tallies.followed(bounded), everybody.n_items)["n"]
        rate = (1.0 / (n + PRIOR)).astype(np.float32)
        return _best(bounded, tallies.following, rate, np.ones_like(rate), NEXT_WIDTH)


@contextmanager
def _saved(everybody: Everybody, table: Table) -> Iterator[Table]:
    """Compute a table once, for as long as it is asked."""
    with tempfile.TemporaryDirectory(dir=everybody.work) as folder:
        yield everybody.engine.save(table, Path(folder) / "table.parquet")


def _best(
    lines: Table,
    pairs: Callable[[Table, Table], Table],
    of_item: Floats,
    of_other: Floats,
    width: int,
) -> tuple[Ints, Floats]:
    """Return the largest scores of every item, counted for some items at a time.

    Args:
        lines: What is paired, with a column `item`.
        pairs: Counts the pairs that some of the lines make with all of them: item, other, n.
        of_item: float32[items], by the item of a row.
        of_other: float32[items], by the other; n times both is the score.
        width: Places of an item.

    Returns:
        int32[items, width] and float32[items, width], best first, ties to the lower item; unused
        places are (0, 0.0).
    """
    n = of_item.size
    items, scores = np.zeros((n, width), np.int32), np.zeros((n, width), np.float32)
    rows = max(1, CELLS // n)
    for start in range(0, n, rows):
        stop = min(n, start + rows)
        some = lines.filter(lines["item"] >= start, lines["item"] < stop)
        found = pairs(some, lines).to_pyarrow()
        item, other = found["item"].to_numpy(), found["other"].to_numpy()
        score = np.zeros((stop - start, n), np.float32)
        score[item - start, other] = found["n"].to_numpy() * (of_item[item] * of_other[other])
        best, value = largest(score, width)
        items[start:stop, : best.shape[1]] = best
        scores[start:stop, : best.shape[1]] = value
    return items, scores
