"""From the ranker's raw scores to probabilities and an order.

Decides the calibration map, what the moment (zone, today's basket, stated wishes) adds where no
model has learned it, the order of ties, and popularity as the last resort. Leaves out the model
itself (a port), the relevance floor and every human rule (`edge.core.curation`).
"""

from dataclasses import dataclass

import numpy as np

from edge.core.candidates import Candidates, Source
from edge.core.history import Floats, Ints, median
from edge.core.item_tables import ITEM_COLUMNS, ItemTables

MOMENT_ODDS = (
    (Source.ZONE, 2.0),
    (Source.COMPLEMENT, 2.0),
    (Source.SERIES, 4.0),
    (Source.CARE, 1.0),
    (Source.TRIGGER, 1.5),
    (Source.STATED, 3.0),
)
"""Factors on the odds of a purchase for what public purchase histories cannot teach.

House values: the order (series > stated > zone = complement > trigger) is meant, the sizes are
a start until a store's own log has taught better ones.
"""

_OF_MOMENT = np.uint16(sum(source.value for source, _ in MOMENT_ODDS))


def _factors() -> Floats:
    """Return float32[2 ** sources], the product of the factors of every set of sources."""
    sets = np.arange(1 << max(Source).bit_length())
    factor = np.ones(sets.size, np.float32)
    for source, odds in MOMENT_ODDS:
        factor[(sets & source.value) != 0] *= np.float32(odds)
    return factor


_FACTOR = _factors()


@dataclass(frozen=True, slots=True)
class Calibration:
    """A rising, piecewise linear map from logit to probability.

    Args:
        logit: float32[k] strictly rising.
        probability: float32[k] strictly rising, within (0, 1).

    Raises:
        ValueError: It falls, leaves the probabilities, or has no points.
    """

    logit: Floats
    probability: Floats

    def __post_init__(self) -> None:
        points = np.stack([self.logit, self.probability])
        if points.ndim != 2 or not points.size or not np.isfinite(points).all():
            raise ValueError("calibration: expected as many logits as probabilities, at least one")
        if (np.diff(points) < 0.0).any():
            raise ValueError("calibration: expected logits and probabilities that rise")
        if self.probability[0] < 0.0 or self.probability[-1] > 1.0:
            raise ValueError("calibration: expected probabilities from 0 to 1")

    def __call__(self, logit: Floats) -> Floats:
        """Return probabilities; equal order, no new ties between the outer knots."""
        mapped: Floats = np.interp(logit, self.logit, self.probability).astype(np.float32)
        return mapped


def with_moment(probability: Floats, candidates: Candidates) -> Floats:
    """Raise the odds of what the moment speaks for, and leave all others to the bit.

    Args:
        probability: float32[n], the ranker's.
        candidates: The same n, with their sources.
    """
    named = (candidates.sources & _OF_MOMENT).nonzero()[0]
    if not named.size:
        return probability
    before = probability[named]
    odds = before / np.maximum(1.0 - before, 1e-6) * _FACTOR.take(candidates.sources[named])
    raised = probability.copy()
    raised[named] = odds / (1.0 + odds)
    return raised


def with_odds(probability: Floats, factor: float) -> Floats:
    """Return float32[n], the probabilities with their odds times a factor; NaN stays."""
    raised: Floats = probability * np.float32(factor) / (1.0 + probability * np.float32(factor - 1))
    return raised


def by_popularity(tables: ItemTables) -> Floats:
    """Return float32[items], the chance of each in any basket: what stays when the model fails.

    Tables that know nothing (`item_tables.blank`) give no chance to anything.
    """
    sold = np.exp(tables.item[:, ITEM_COLUMNS.index("log_popularity")])
    share = sold / sold.sum()
    lines = np.expm1(np.float32(median(tables.item[:, ITEM_COLUMNS.index("basket_size")])))
    chance: Floats = np.minimum(share * lines, 0.99).astype(np.float32)
    return chance


def ranked(scores: Floats, items: Ints, limit: int | None = None) -> Ints:
    """Return positions of the candidates from best to worst; ties go to the lower item index."""
    order = np.lexsort((items, -scores))[:limit]
    return order.astype(np.int32)
