"""The total order of candidates: groups, best score of an item, and ties down to a hash.

The order depends on nothing but the rows themselves; permuting them permutes nothing. Leaves out
what makes the groups and scores (`curation`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Columns that order candidates; rows of one item may stand in several groups.

    Attributes:
        item: int[n]. group: int[n], earlier groups first. score: float[n], NaN: lowest.
        liking: int[n], what the customer stated before what is neutral before another line than
            the one kept. priority: int[n]. ends_s: float[n]. last_shown_s: float[n].
        tie: uint64[n], a hash that no two items share.
    """

    item: NDArray[np.int32]
    group: NDArray[np.int32]
    score: NDArray[np.float32]
    liking: NDArray[np.int8]
    priority: NDArray[np.int32]
    ends_s: NDArray[np.float64]
    last_shown_s: NDArray[np.float64]
    tie: NDArray[np.uint64]

    def order(self) -> NDArray[np.intp]:
        """Return rows in rank order.

        Ties: what the customer stated or keeps to, higher priority, sooner end, least recently
        shown, hash.
        """
        score = np.where(np.isnan(self.score), -np.inf, self.score)
        columns = (self.tie, self.last_shown_s, self.ends_s, -self.priority, -self.liking, -score)
        return np.lexsort((*columns, self.group))

    def merged(self) -> NDArray[np.intp]:
        """Return rows in rank order, every item once.

        Inside a group an item stands with its best score; a later group appends only items that
        no earlier one brought (several strategies, one list).
        """
        ranked = self.order()
        _, first = np.unique(self.item[ranked], return_index=True)
        ordered: NDArray[np.intp] = ranked[np.sort(first)]
        return ordered


def mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scatter 64-bit values (the finalizer of splitmix64, Steele et al. 2014); arrays wrap."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    out: NDArray[np.uint64] = values ^ (values >> np.uint64(31))
    return out


def uniform(seed: int, place: int) -> float:
    """Return a number in [0, 1) that seed and place alone decide."""
    value = np.array([(seed + (place + 1) * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF], np.uint64)
    return float(mixed(value)[0] >> np.uint64(11)) / 2.0**53
