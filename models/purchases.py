"""All customers' purchases in columns, and one customer's `History` out of them.

Decides the order that counting, training and evaluation share. Leaves out how receipts become
purchases (cleaning, Ibis): whoever has them calls `Purchases.of`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from edge.core.history import Floats, History, Ints


@dataclass(frozen=True, slots=True)
class Purchases:
    """Baskets of many customers, sorted by customer, then from old to new.

    Args:
        item: int32[lines], index into the item index.
        basket: int32[lines], global number of the line's basket, never falling.
        customer: int32[baskets], the basket's customer.
        day: float32[baskets] or None.
        customer_ids: One id per customer.
        n_items: Size of the item index.
    """

    item: Ints
    basket: Ints
    customer: Ints
    day: Floats | None
    customer_ids: tuple[str, ...]
    n_items: int

    @classmethod
    def of(
        cls,
        customer: Sequence[str] | npt.NDArray[np.str_],
        order: Sequence[float] | npt.NDArray[np.float64],
        item: Ints,
        n_items: int,
        day: Sequence[float] | npt.NDArray[np.float64] | None = None,
    ) -> "Purchases":
        """Build from lines in any order; the same item twice in a basket counts once.

        Args:
            customer: The customer's id of each line.
            order: Rises with time within a customer; equal for lines of one basket.
            item: int32[lines] item indexes.
            n_items: Size of the item index.
            day: Day of each line's basket, if known for all.
        """
        ids, who = np.unique(np.asarray(customer, dtype=str), return_inverse=True)
        order_ = np.asarray(order, np.float64)
        key = np.lexsort((item, order_, who))
        who, order_, item = who[key], order_[key], np.asarray(item, np.int32)[key]
        is_new = np.ones(key.size, bool)
        is_new[1:] = (who[1:] != who[:-1]) | (order_[1:] != order_[:-1])
        is_kept = is_new.copy()
        is_kept[1:] |= item[1:] != item[:-1]
        basket = (np.cumsum(is_new) - 1).astype(np.int32)
        days = None if day is None else np.asarray(day, np.float32)[key][is_new]
        return cls(
            item[is_kept],
            basket[is_kept],
            who[is_new].astype(np.int32),
            days,
            tuple(ids.tolist()),
            n_items,
        )

    @classmethod
    def of_histories(cls, histories: Mapping[str, History], n_items: int) -> "Purchases":
        """Build from one `History` per customer id."""
        known = [(who, h) for who, h in sorted(histories.items()) if h.n_baskets]
        has_days = bool(known) and all(h.day is not None for _, h in known)
        counts = np.array([h.n_baskets for _, h in known], np.int64)
        start = np.concatenate([[0], np.cumsum(counts)[:-1]]) if known else counts
        return cls(
            np.concatenate([h.item for _, h in known] or [np.empty(0, np.int32)]),
            np.concatenate(
                [h.basket + s for (_, h), s in zip(known, start, strict=True)]
                or [np.empty(0, np.int64)]
            ).astype(np.int32),
            np.repeat(np.arange(len(known), dtype=np.int32), counts),
            np.concatenate([h.day for _, h in known if h.day is not None]) if has_days else None,
            tuple(who for who, _ in known),
            n_items,
        )

    @property
    def line_customer(self) -> Ints:
        """Return int32[lines], the customer of each line."""
        return self.customer[self.basket]

    def basket_ends(self) -> npt.NDArray[np.int64]:
        """Return int64[customers + 1]: baskets of customer c are [ends[c], ends[c + 1])."""
        return np.searchsorted(self.customer, np.arange(len(self.customer_ids) + 1))

    def line_ends(self) -> npt.NDArray[np.int64]:
        """Return int64[baskets + 1]: lines of basket b are [ends[b], ends[b + 1])."""
        return np.searchsorted(self.basket, np.arange(self.customer.size + 1))

    def without_newest(self, k: int) -> "Purchases":
        """Return the purchases with each customer's k newest baskets taken away."""
        ends = self.basket_ends()
        left = ends[self.customer + 1] - np.arange(self.customer.size)
        return self.keep(left > k)

    def keep(self, is_kept: npt.NDArray[np.bool_]) -> "Purchases":
        """Return the purchases of some baskets (bool[baskets]); customers keep their numbers."""
        number = (np.cumsum(is_kept) - 1).astype(np.int32)
        lines = is_kept[self.basket]
        return Purchases(
            self.item[lines],
            number[self.basket[lines]],
            self.customer[is_kept],
            None if self.day is None else self.day[is_kept],
            self.customer_ids,
            self.n_items,
        )

    def histories(self) -> list[History]:
        """Return one `History` per customer, views into these columns."""
        baskets, lines = self.basket_ends(), self.line_ends()
        return [
            History(
                self.item[lines[low] : lines[high]],
                self.basket[lines[low] : lines[high]] - np.int32(low),
                None if self.day is None else self.day[low:high],
            )
            for low, high in pairwise(baskets)
        ]
