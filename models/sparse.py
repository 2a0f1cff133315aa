"""The two sparse operations that training needs, on numpy alone.

`sum_rows` adds rows that share a key, which is the backward pass of a lookup; `top_products` finds
the largest entries of a product of two sparse matrices without ever holding it whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.core.history import Floats, Ints

BLOCK_CELLS = 4_000_000
"""Cells of the product held at a time: 32 MB."""
BLOCK_PAIRS = 4_000_000
"""Pairs of entries multiplied at a time, 200 MB: a chain's best sellers meet in many millions. One
row of the result that has more takes what it needs."""


def sum_rows(values: Floats, key: npt.NDArray[np.integer], n: int, *, is_sorted: bool) -> Floats:
    """Return float32[n, k]: the sums of the rows of `values`, float32[m, k], with each key.

    Args:
        values: Rows to add.
        key: int[m] within 0 and n.
        n: Rows of the result; those without a key stay 0.
        is_sorted: Whether `key` never falls.
    """
    out = np.zeros((n, values.shape[1]), np.float32)
    if not key.size:
        return out
    if not is_sorted:
        order = np.argsort(key, kind="stable")
        key, values = key[order], values[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    out[key[starts]] = np.add.reduceat(values, starts, axis=0)
    return out


@dataclass(frozen=True, slots=True)
class Lines:
    """A sparse matrix as a list of its entries, sorted by row.

    Args:
        row: int[m], never falling.
        column: int[m].
        value: float32[m].
        shape: Rows and columns.
    """

    row: npt.NDArray[np.integer]
    column: npt.NDArray[np.integer]
    value: Floats
    shape: tuple[int, int]

    def ends(self) -> npt.NDArray[np.int64]:
        """Return int64[rows + 1]: the entries of row r are [ends[r], ends[r + 1])."""
        return np.searchsorted(self.row, np.arange(self.shape[0] + 1))


def top_products(
    left: Lines, right: Lines, width: int, *, is_self_out: bool
) -> tuple[Ints, Floats]:
    """Return the largest entries of each row of leftᵀ @ right, in blocks that bound the memory.

    Args:
        left: Its columns become the rows of the result.
        right: As many rows as `left`.
        width: Entries kept of each row.
        is_self_out: Whether the diagonal does not count.

    Returns:
        int32[rows, width] and float32[rows, width], best first, ties to the lower column; unused
        places are (0, 0.0).
    """
    n, columns = left.shape[1], right.shape[1]
    items, scores = np.zeros((n, width), np.int32), np.zeros((n, width), np.float32)
    order = np.argsort(left.column, kind="stable")
    ends = np.searchsorted(left.column[order], np.arange(n + 1))
    right_ends = right.ends()
    pairs = np.concatenate([[0], np.cumsum(np.diff(right_ends)[left.row[order]])])[ends]
    for start, stop in _blocks(pairs, max(1, BLOCK_CELLS // columns)):
        entries = order[ends[start] : ends[stop]]
        dense = _product(left, entries, right, right_ends, start, stop - start)
        if is_self_out:
            dense[np.arange(stop - start), np.arange(start, stop)] = 0.0
        best, score = largest(dense, width)
        items[start:stop, : best.shape[1]] = best
        scores[start:stop, : best.shape[1]] = score
    return items, scores


def largest(values: Floats, width: int) -> tuple[Ints, Floats]:
    """Return the largest values of each row and their columns, best first, ties to the lower one.

    The order is total, so that it depends on the values alone and not on how they were found.

    Args:
        values: float32[rows, columns], none below 0.
        width: Values wanted of each row; there are no more than columns.

    Returns:
        int32[rows, k] and float32[rows, k]; where the value is 0, the column is too.
    """
    rows, columns = values.shape
    k = min(width, columns)
    least = -np.partition(-values, k - 1, axis=1)[:, k - 1, None]
    row, column = np.nonzero((values >= least) & (values > 0))
    value = values[row, column]
    order = np.lexsort((-value, row))  # stable: of the same value the lower column comes first
    row, column, value = row[order], column[order], value[order]
    place = np.arange(row.size) - np.searchsorted(row, row)
    is_best = place < k
    at = row[is_best], place[is_best]
    items, best = np.zeros((rows, k), np.int32), np.zeros((rows, k), np.float32)
    items[at], best[at] = column[is_best], value[is_best]
    return items, best


def _blocks(pairs: npt.NDArray[np.int64], most_rows: int) -> Iterator[tuple[int, int]]:
    """Yield [start, stop) of blocks of rows, each with few enough rows and pairs.

    Args:
        pairs: int64[rows + 1], pairs of entries that make all rows before.
        most_rows: Of a block.
    """
    start, n = 0, pairs.size - 1
    while start < n:
        fits = int(np.searchsorted(pairs, pairs[start] + BLOCK_PAIRS, side="right")) - 1
        stop = min(n, start + most_rows, max(start + 1, fits))
        yield start, stop
        start = stop


def _product(
    left: Lines,
    entries: npt.NDArray[np.int64],
    right: Lines,
    right_ends: npt.NDArray[np.int64],
    start: int,
    rows: int,
) -> npt.NDArray[np.float32]:
    """Return float32[rows, columns]: the product's rows from `start` on, pair by pair."""
    columns = right.shape[1]
    of_entry = left.row[entries]
    low = right_ends[of_entry]
    length = right_ends[of_entry + 1] - low
    before = np.cumsum(length) - length
    pair = np.arange(int(length.sum())) + np.repeat(low - before, length)
    first = (left.column[entries].astype(np.int64) - start) * columns
    cell = np.repeat(first, length) + right.column[pair]
    weight = np.repeat(left.value[entries], length) * right.value[pair]
    dense = np.bincount(cell, weight, rows * columns).reshape(rows, columns)
    return dense.astype(np.float32)
