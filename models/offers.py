"""What the acceptance model is taught on, wherever it was logged, and what its bundle must know.

Decides the columns that a coupon log and a log of choices share, and how a rate is believed. Leaves
out how each is read (`models.coupons`, `models.offer_log`) and the inputs of a row
(`edge.core.acceptance`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.core.acceptance import Rates

PRIOR_KIND = 200.0
"""Offers' worth of belief in the overall rate before a kind of offer's own is believed."""
FIRST_RATE = 0.002
"""Assumed acceptance before any offer has ended."""


@dataclass(frozen=True, slots=True)
class Rows:
    """One row per customer and offer shown, in the order of time.

    Args:
        features: float32[n, len(acceptance.FEATURES)].
        is_accepted: bool[n].
        customer: int64[n].
        campaign: int64[n], offers that began together; of single choices their day.
        starts, ends: datetime64[D][n], of the row's campaign.
        kind: str[n], the offer's kind.
        kind_rate: float32[n], acceptance of that kind known when the campaign began.
        weight: float32[n], 1 / the chance with which the row came about; 1 where everybody on a
            list got every offer.
    """

    features: npt.NDArray[np.float32]
    is_accepted: npt.NDArray[np.bool_]
    customer: npt.NDArray[np.int64]
    campaign: npt.NDArray[np.int64]
    starts: npt.NDArray[np.datetime64]
    ends: npt.NDArray[np.datetime64]
    kind: npt.NDArray[np.str_]
    kind_rate: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]

    def of(self, chosen: npt.NDArray[np.bool_]) -> "Rows":
        """Return some of the rows."""
        return Rows(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


@dataclass(frozen=True, slots=True)
class Market:
    """What a box must know beside the network, as of the end of the log.

    Args:
        rates: Acceptance over all offers and by kind.
        item_ids: Items sold; `lines` float32[items], lines of each.
    """

    rates: Rates
    item_ids: tuple[str, ...]
    lines: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Teaching:
    """A log, laid out: its rows, the market at its end, and where it came from.

    Args:
        source: Of the file that says what was taken.
        about: What it is, in a sentence for the card.
    """

    rows: Rows
    market: Market
    source: str
    about: str


def shrunk(accepted: float, shown: float, prior: float) -> float:
    """Return a rate that is believed once enough offers were shown."""
    return (accepted + PRIOR_KIND * prior) / (shown + PRIOR_KIND)
