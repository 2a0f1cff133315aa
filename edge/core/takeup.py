"""How likely a person takes each offer of the catalogue, asked once a visit, and what that moves.

Decides how far the answer may move anything: an item's score is multiplied by the person's chance
to take its offer against everybody's of that kind, within bounds, after the relevance floor; and of
offers on one item with the same priority the likelier one stands. So it orders what may be shown
and brings nothing in. Only with a profile: a holdout, a stranger and a box without a model see the
order without it. Leaves out the inputs (`acceptance`) and the model itself (a port).
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.core import acceptance
from edge.core.acceptance import Past, Rates, Seen
from edge.core.catalog import Catalog, Offer
from edge.core.errors import UnavailableError
from edge.core.history import Floats, History
from edge.core.offers import NO_OFFER
from edge.core.person import DAY_S, Offered, Profile

MOST_LIFT = 2.0
"""An item's score is at most doubled or halved by its offer (a proposal)."""
NOTED = np.dtype([("row", "<i4"), ("offer", "<i4"), ("chance", "<f4"), ("lift", "<f4")])
"""What a decision notes of each candidate with an offer; `offer` is its place in the catalogue."""


def _nothing() -> Floats:
    return np.empty(0, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Takeup:
    """What one person makes of the catalogue's offers; empty columns where nobody was asked.

    Attributes:
        chance: float32[offers], that the person takes it when it is shown.
        lift: float32[offers], what the score of its items is multiplied by.
    """

    chance: Floats = field(default_factory=_nothing)
    lift: Floats = field(default_factory=_nothing)

    def move(
        self, scores: Floats, offer: NDArray[np.int32], service: NDArray[np.bool_] | None
    ) -> None:
        """Multiply the scores of candidates with an offer, in place; help is no offer.

        Args:
            scores: float32[n].
            offer: int32[n], on each candidate, `NO_OFFER` where none.
            service: bool[n], help around an item; None where none is.
        """
        if not self.lift.size:
            return
        is_offered = offer != NO_OFFER
        if service is not None:
            is_offered &= ~service
        rows = is_offered.nonzero()[0]
        scores[rows] *= self.lift[offer[rows]]

    def noted(self, offer: NDArray[np.int32]) -> bytes:
        """Write down, for the record of a decision, what moved its candidates.

        Args:
            offer: int32[n], on each candidate, `NO_OFFER` where none.
        """
        if not self.lift.size:
            return b""
        rows = (offer != NO_OFFER).nonzero()[0]
        at = offer[rows]
        found = np.empty(rows.size, NOTED)
        found["row"], found["offer"] = rows, at
        found["chance"], found["lift"] = self.chance[at], self.lift[at]
        return found.tobytes()

    @classmethod
    def of_noted(cls, noted: bytes, n_offers: int) -> "Takeup":
        """Read back what a decision noted: all that could move it then."""
        found = np.frombuffer(noted, NOTED)
        if not found.size:
            return UNASKED
        chance, lift = np.zeros(n_offers, np.float32), np.ones(n_offers, np.float32)
        chance[found["offer"]], lift[found["offer"]] = found["chance"], found["lift"]
        return cls(chance, lift)


UNASKED = Takeup()


class Model(Protocol):
    """The model of who takes which offer."""

    @property
    def rates(self) -> Rates:
        """How often everybody took offers of each kind."""
        ...

    @property
    def lines(self) -> Floats:
        """float32[items of the catalogue], lines of them sold to people who are known."""
        ...

    def chances(self, past: Past, offers: acceptance.Offers, shelf: acceptance.Shelf) -> Floats:
        """Return float32[offers], the chance that the person takes each when it is shown.

        Raises:
            UnavailableError: The runtime failed.
        """
        ...


class Takers:
    """Asks the model of acceptance about a person, with what is the same for everybody at hand.

    Args:
        catalog: What the store sells and offers.
        model: Of acceptance, over the catalogue's items.
    """

    def __init__(self, catalog: Catalog, model: Model) -> None:
        self._model = model
        self._class_index = catalog.class_index
        self._n = len(catalog.offers)
        items = [_items(offer, catalog) for offer in catalog.offers]
        sold = [at for at, each in enumerate(items) if each.size]
        rates = [_rate(catalog.offers[at], items[at], catalog, model.rates) for at in sold]
        self._at, self._rate = np.array(sold, np.intp), np.array(rates, np.float32)
        self._offers: acceptance.Offers | None = None
        self._classes_of = {
            catalog.offers[at].offer_id: _distinct(catalog.class_index[items[at]]) for at in sold
        }
        if sold:
            of_sold = [items[at] for at in sold]
            self._offers = acceptance.Offers.of(of_sold, catalog.class_index, self._rate)
        self._shelf = acceptance.Shelf.of(catalog.class_index, model.lines)

    def of(self, profile: Profile, history: History, now_s: float) -> Takeup:
        """Return what a person makes of every offer, running or not.

        Args:
            profile: Read with a present consent.
            history: Its baskets.
            now_s: As the visit begins.

        Raises:
            UnavailableError: The model could not answer.
        """
        if self._offers is None:
            return UNASKED
        seen = [
            Seen(one.at_s / DAY_S, one.is_accepted, self._classes(one)) for one in profile.offered
        ]
        past = Past.of(history, now_s / DAY_S, seen, self._model.rates.store)
        found = self._model.chances(past, self._offers, self._shelf)
        if not np.isfinite(found).all():
            raise UnavailableError("the model of acceptance answered with no number")
        chance, lift = np.zeros(self._n, np.float32), np.ones(self._n, np.float32)
        chance[self._at] = found
        lift[self._at] = np.clip(found / self._rate, 1.0 / MOST_LIFT, MOST_LIFT)
        return Takeup(chance, lift)

    def _classes(self, one: Offered) -> tuple[int, ...]:
        """Return the classes of what was on offer, as far as it is still sold."""
        own = () if one.item < 0 else (int(self._class_index[one.item]),)
        return self._classes_of.get(one.offer_id, own)


def _distinct(classes: NDArray[np.int32]) -> tuple[int, ...]:
    return tuple(np.unique(classes).tolist())


def _items(offer: Offer, catalog: Catalog) -> NDArray[np.int32]:
    found = [at for item_id in offer.item_ids if (at := catalog.index_of(item_id)) is not None]
    return np.array(found, np.int32)


def _rate(offer: Offer, items: NDArray[np.int32], catalog: Catalog, rates: Rates) -> float:
    """Return how often everybody takes offers of this one's kind."""
    shelf_cents = float(catalog.price_cents[items].mean())
    return rates.of(acceptance.kind_of(offer.price_cents, shelf_cents))
