"""Two operations on rows that training needs, on numpy alone.

`sum_rows` adds rows that share a key, which is the backward pass of a lookup; `largest` finds the
largest values of each row, in an order that is total.
"""

import numpy as np
import numpy.typing as npt

from edge.core.history import Floats, Ints


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
