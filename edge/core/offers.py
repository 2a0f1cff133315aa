"""Which promotion stands on which item now: one per item and surface, in columns.

Dates, surfaces and priority decide, and of equals on one item the one that the person takes more
likely, where that is known (`takeup`). Work is done only when an offer begins or ends, so that 500
offers cost a decision no more than 50. An expired offer is never a fallback. Leaves out caps.
"""

import bisect
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.catalog import Catalog, Offer, Positions

NO_OFFER = -1
_NO_ITEMS: NDArray[np.int32] = np.empty(0, np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class _Laid:
    """The offers of one era on one surface, laid over the items.

    Attributes:
        on_item: int32[items].
        contest: int32[items], row of `rivals` where several offers have the highest priority, else
            −1.
        rivals: int32[contests, most], these offers, the best first; it fills up what is left.
    """

    era: int
    on_item: NDArray[np.int32]
    contest: NDArray[np.int32]
    rivals: NDArray[np.int32]


class Offers:
    """The catalogue's offers, ready to be looked up by item.

    Attributes:
        offers: In catalogue order; positions in this tuple are the offer indexes.
        campaign: int32[offers], position in `campaign_ids`, −1 where none.
        priority: int32[offers]. ends_s: float64[offers].
        items: int32[n], what the offers stand on, offer after offer.
    """

    def __init__(self, catalog: Catalog) -> None:
        self.offers: tuple[Offer, ...] = catalog.offers
        self.offer_at = {offer.offer_id: at for at, offer in enumerate(self.offers)}
        names = [offer.campaign_id for offer in self.offers if offer.campaign_id is not None]
        self.campaign_ids: tuple[str, ...] = tuple(dict.fromkeys(names))
        self.campaign_at = {name: at for at, name in enumerate(self.campaign_ids)}
        self.campaign: NDArray[np.int32] = np.array(
            [self.campaign_at.get(o.campaign_id or "", -1) for o in self.offers], np.int32
        )
        self.priority: NDArray[np.int32] = np.array([o.priority for o in self.offers], np.int32)
        self.ends_s: NDArray[np.float64] = np.array([o.ends_s for o in self.offers], np.float64)
        self._items = [
            np.array([at for i in o.item_ids if (at := catalog.index_of(i)) is not None], np.int32)
            for o in self.offers
        ]
        self.items: NDArray[np.int32] = np.concatenate([_NO_ITEMS, *self._items])
        self._of_items = np.repeat(np.arange(len(self.offers)), [len(each) for each in self._items])
        self._n_items = len(catalog.items)
        self._borders = sorted({t for o in self.offers for t in (o.starts_s, o.ends_s)})
        self._active: dict[str, _Laid] = {}

    def on(
        self, items: NDArray[np.intp], now_s: float, surface: str, chance: NDArray[np.float32]
    ) -> NDArray[np.int32]:
        """Return int32[n]: the offer on each of some items for one person.

        Args:
            items: intp[n].
            now_s: UTC seconds.
            surface: Where they are to be shown.
            chance: float32[offers], see `takeup.Takeup`; empty where nobody was asked.
        """
        laid = self._laid(now_s, surface)
        found: NDArray[np.int32] = laid.on_item[items]
        if chance.size and laid.rivals.size:
            contest = laid.contest[items]
            rows = (contest >= 0).nonzero()[0]
            rivals = laid.rivals[contest[rows]]
            # The first of the greatest: of equals the best.
            found[rows] = rivals[np.arange(rows.size), chance[rivals].argmax(axis=1)]
        return found

    def still_stands(self, offer_id: str, item: int, now_s: float, surface: str) -> bool:
        """Tell whether an offer runs on an item, and none of a higher priority does.

        Of several with the same one each may stand: which does, depends on the person.
        """
        laid, offer = self._laid(now_s, surface), self.offer_at.get(offer_id, NO_OFFER)
        if offer == NO_OFFER:
            return False
        contest = laid.contest[item]
        return bool(laid.on_item[item] == offer or (contest >= 0 and offer in laid.rivals[contest]))

    def _laid(self, now_s: float, surface: str) -> _Laid:
        era = bisect.bisect_right(self._borders, now_s)
        laid = self._active.get(surface)
        if laid is None or laid.era != era:
            laid = self._active[surface] = self._lay(era, now_s, surface)
        return laid

    def campaign_of(self, offer: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return int32[n]: the campaign of each offer, −1 where there is none of either."""
        if not self.campaign.size:
            return np.full(offer.size, -1, np.int32)
        return np.where(offer == NO_OFFER, np.int32(-1), self.campaign[offer])

    def units(self, levels: Positions) -> NDArray[np.int64]:
        """Return int64[offers]: what is in stock of everything an offer stands on.

        Args:
            levels: int by place of `items`, −1 where unknown, which counts as none.
        """
        total = np.bincount(self._of_items, np.maximum(levels, 0), len(self.offers))
        return total.astype(np.int64)

    def _lay(self, era: int, now_s: float, surface: str) -> _Laid:
        """Lay the offers over the items, the best last: priority, then sooner end, then id."""
        on_item = np.full(self._n_items, NO_OFFER, np.int32)
        running = [
            at
            for at, offer in enumerate(self.offers)
            if offer.starts_s <= now_s < offer.ends_s and surface in offer.surfaces
        ]
        running.sort(key=lambda at: self.offers[at].offer_id, reverse=True)
        running.sort(key=lambda at: (self.offers[at].priority, -self.offers[at].ends_s))
        for at in running:
            on_item[self._items[at]] = at
        items = np.concatenate([_NO_ITEMS, *(self._items[at] for at in reversed(running))])
        sizes = [self._items[at].size for at in reversed(running)]
        offers = np.repeat(np.array(running[::-1], np.int32), sizes)
        is_best = self.priority[offers] == self.priority[on_item[items]]
        items, offers = items[is_best], offers[is_best]
        contested = (np.bincount(items, minlength=self._n_items) > 1).nonzero()[0]
        contest = np.full(self._n_items, -1, np.int32)
        contest[contested] = np.arange(contested.size)
        return _Laid(era, on_item, contest, _rivals(contest[items], offers, on_item[contested]))


def _rivals(
    contest: NDArray[np.int32], offers: NDArray[np.int32], best: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Return `_Laid.rivals`.

    Args:
        contest: int32[k], the row of each of `offers`, −1 where it has no rival.
        offers: int32[k], the best first.
        best: int32[contests].
    """
    by_row = np.argsort(contest, kind="stable")
    contest, offers = contest[by_row], offers[by_row]
    is_rival = contest >= 0
    contest, offers = contest[is_rival], offers[is_rival]
    counts = np.bincount(contest, minlength=best.size)
    place = np.arange(contest.size) - np.repeat(np.cumsum(counts) - counts, counts)
    table = np.repeat(best[:, None], counts.max(initial=0), axis=1)
    table[contest, place] = offers
    return table
