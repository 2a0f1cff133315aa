"""What one customer bought, basket by basket, as item indexes.

Decides only the order and the shape of a purchase history. It leaves out prices, quantities and
receipts: the ranker learns from what was bought together and when, nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]


def median(values: npt.NDArray[np.floating]) -> float:
    """Return the middle of at least one number.

    `np.median` says the same, but loads numpy's masked arrays to do so: 2 MB that nothing else
    on a box needs.
    """
    upper = values.size // 2
    lower = upper - 1 + values.size % 2
    parted = np.partition(values, (lower, upper))
    return float((parted[lower] + parted[upper]) / 2)


@dataclass(frozen=True, slots=True)
class History:
    """Baskets of one customer, oldest first.

    Args:
        item: int32[lines], indexes into the bundle's item index, each once a basket.
        basket: int32[lines], the basket of each line, 0 the oldest, never falling.
        day: float32[baskets], days since any fixed start; None where dates are unknown.
    """

    item: Ints
    basket: Ints
    day: Floats | None = None

    @classmethod
    def empty(cls) -> "History":
        """Return the history of somebody nothing is known about."""
        return cls(np.empty(0, np.int32), np.empty(0, np.int32))

    @property
    def n_baskets(self) -> int:
        """Return the number of baskets; an empty basket is none."""
        return int(self.basket[-1]) + 1 if self.basket.size else 0

    def extended(self, items: Sequence[int] | Ints, day: float | None = None) -> "History":
        """Return this history with one newer basket.

        Args:
            items: Item indexes of the basket; doubles count once. An empty basket changes nothing.
            day: Its day on the scale of `self.day`. Without it the dates of the whole history
                are given up, since half a calendar would lie about the other half.
        """
        bought = np.unique(np.asarray(items, np.int32))
        if not bought.size:
            return self
        number = np.full(bought.size, self.n_baskets, np.int32)
        has_days = day is not None and (self.day is not None or not self.n_baskets)
        earlier = self.day if self.day is not None else np.empty(0, np.float32)
        return History(
            np.concatenate([self.item, bought]),
            np.concatenate([self.basket, number]),
            np.append(earlier, np.float32(day)) if has_days else None,
        )
