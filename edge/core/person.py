"""What is known of a person, once a grant for `profile` has opened it.

Columns instead of objects: a decision looks at hundreds of lines and needs arrays. Built by the
ledger; which goods were voided or returned is already taken out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from edge.core.history import History

DAY_S = 86_400.0
UNKNOWN_ITEM = -1


@dataclass(frozen=True, slots=True)
class Purchase:
    """One line a person bought and kept; `receipt_id` is opaque, `item` is the catalogue index."""

    item: int
    sku: str
    at_s: float
    quantity: float
    receipt_id: str
    is_gift: bool
    unit_price_cents: int


@dataclass(frozen=True, slots=True, eq=False)
class Purchases:
    """Lines of a person as columns, oldest first; lines of one receipt stand together.

    Attributes:
        item: int32[n], catalogue index, −1 where the sku is no longer sold.
        sku_no: int32[n], positions in `skus`.
        at_s: float64[n], UTC seconds.
        quantity: float32[n], what is left after returns, > 0.
        receipt: uint64[n], the same for lines of one receipt.
        line_no: int32[n], the till's number of the line on its receipt.
        is_gift: bool[n], wrapped as a gift or on a gift receipt, corrections applied.
        unit_price_cents: int32[n].
        skus: All sku names of the store.
    """

    item: NDArray[np.int32]
    sku_no: NDArray[np.int32]
    at_s: NDArray[np.float64]
    quantity: NDArray[np.float32]
    receipt: NDArray[np.uint64]
    line_no: NDArray[np.int32]
    is_gift: NDArray[np.bool_]
    unit_price_cents: NDArray[np.int32]
    skus: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.item)

    def __iter__(self) -> Iterator[Purchase]:
        for at in range(len(self)):
            yield Purchase(
                int(self.item[at]),
                self.skus[self.sku_no[at]],
                float(self.at_s[at]),
                float(self.quantity[at]),
                f"{int(self.receipt[at]):016x}",
                bool(self.is_gift[at]),
                int(self.unit_price_cents[at]),
            )

    def where(self, chosen: NDArray[np.bool_]) -> "Purchases":
        """Return some of the lines: bool[n]."""
        return replace(
            self,
            item=self.item[chosen],
            sku_no=self.sku_no[chosen],
            at_s=self.at_s[chosen],
            quantity=self.quantity[chosen],
            receipt=self.receipt[chosen],
            line_no=self.line_no[chosen],
            is_gift=self.is_gift[chosen],
            unit_price_cents=self.unit_price_cents[chosen],
        )

    def history(self) -> History:
        """Return the baskets for the ranker: known items that were no gifts, each once a basket.

        `models.histories.baskets` makes the same of a chain's file.
        """
        wanted = (self.item >= 0) & ~self.is_gift
        if not wanted.any():
            return History.empty()
        receipts, item = self.receipt[wanted], self.item[wanted]
        is_new = np.empty(len(receipts), np.bool_)
        is_new[0] = True
        is_new[1:] = receipts[1:] != receipts[:-1]
        basket = (np.cumsum(is_new) - 1).astype(np.int32)
        day = (self.at_s[wanted][is_new] / DAY_S).astype(np.float32)
        order = np.lexsort((item, basket))
        item, basket = item[order], basket[order]
        is_first = np.append(True, (item[1:] != item[:-1]) | (basket[1:] != basket[:-1]))
        return History(item[is_first], basket[is_first], day)


def no_purchases(skus: Sequence[str] = ()) -> Purchases:
    """Return the purchases of somebody who bought nothing."""
    return Purchases(
        np.empty(0, np.int32),
        np.empty(0, np.int32),
        np.empty(0, np.float64),
        np.empty(0, np.float32),
        np.empty(0, np.uint64),
        np.empty(0, np.int32),
        np.empty(0, np.bool_),
        np.empty(0, np.int32),
        skus,
    )


@dataclass(frozen=True, slots=True)
class Offered:
    """A card with an offer that a person saw; its `item` is −1 where it is no longer sold."""

    offer_id: str
    item: int
    at_s: float
    is_accepted: bool


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A person's data under the purpose `profile`.

    Attributes:
        purchases: What was bought and kept.
        returned_item: int32[m], items that came back; a return is a sign of dislike.
        returned_at_s: float64[m].
        stated: Tags and class ids the person chose.
        declared: Coarse bands the person gave, such as `audience: women`.
        sizes: Size by class id, category or department.
        vetoes: Item to the moment until which it is not shown, UTC seconds.
        waved_off: Items, each with a moment it was waved off, UTC seconds; every time it was.
        offered: What was on offer on cards that the person saw, as long as it is kept.
        not_gifts: Items that somebody who knows said are for the person.
        birthday: Month and day, never a year.
        is_adult: The chain checked the age and it was passed; None: nobody asked.
        has_delivery: Heavy goods already come home by delivery.
        household: Opaque, the same for everybody the chain counts to one; for caps alone.
        as_of_s: When the profile last changed.
    """

    purchases: Purchases
    returned_item: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    returned_at_s: NDArray[np.float64] = field(default_factory=lambda: np.empty(0, np.float64))
    stated: frozenset[str] = frozenset()
    declared: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, str] = field(default_factory=dict)
    vetoes: Mapping[int, float] = field(default_factory=dict)
    waved_off: tuple[tuple[int, float], ...] = ()
    offered: tuple[Offered, ...] = ()
    not_gifts: frozenset[int] = frozenset()
    birthday: tuple[int, int] | None = None
    is_adult: bool | None = None
    has_delivery: bool = False
    household: str | None = None
    as_of_s: float | None = None

    @property
    def dismissed(self) -> dict[int, float]:
        """Return by item when it was last waved off, UTC seconds."""
        return dict(sorted(self.waved_off, key=itemgetter(1)))

    def until(self, at_s: float) -> "Profile":
        """Return the profile without what was bought, returned, seen or waved off after a moment.

        What came back since is not bought again: the ledger keeps only what stayed.
        """
        back = self.returned_at_s <= at_s
        return replace(
            self,
            purchases=self.purchases.where(self.purchases.at_s <= at_s),
            returned_item=self.returned_item[back],
            returned_at_s=self.returned_at_s[back],
            waved_off=tuple(one for one in self.waved_off if one[1] <= at_s),
            offered=tuple(one for one in self.offered if one.at_s <= at_s),
        )
