"""How much each data source moved a score: every combination of sources, in one batched run.

Decides how a score is shared out. Leaving one source out at a time (ablation) is what people
understand, but two sources that say the same both look useless; so each source also gets its
fair share over all combinations (Shapley 1953), which adds up by construction. `Shares` says
whether the simple ablations would have added up too. Leaves out words (`edge.core.explanation`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Score = Callable[[Floats, npt.NDArray[np.bool_]], Floats]
"""(features float32[m, F], knows float[m, sources] as bool) -> scores float32[m]. The second
argument says which sources a row may use, for inputs that are no feature, such as the encoder's
person vector."""

MOST_SOURCES = 7
"""2^7 rows per item: still one run of the ranker."""
SURE = 1e-6
"""Chances nearer to 0 or 1 than this are all the same: log odds would have no end."""
TOLERANCE = 0.1
"""Share of the whole movement that ablations may miss and still be said to add up."""


@dataclass(frozen=True, slots=True)
class Shares:
    """What moved the scores of n items.

    Args:
        sources: Names, in the order of the columns.
        fair: float32[n, sources], adds up to `total`.
        alone: float32[n, sources], the loss when only that source is left out.
        base: float32[n], the score with no source known.
        total: float32[n], full score minus `base`.
    """

    sources: tuple[str, ...]
    fair: Floats
    alone: Floats
    base: Floats
    total: Floats

    @property
    def interaction(self) -> Floats:
        """Return float32[n]: what the ablations leave unexplained, or count twice."""
        left: Floats = self.total - self.alone.sum(axis=1)
        return left

    @property
    def scale(self) -> Floats:
        """Return float32[n]: how much there is to share out, whichever way it moved."""
        most: Floats = np.maximum(np.abs(self.total), np.abs(self.alone).sum(axis=1))
        return most

    @property
    def adds_up(self) -> npt.NDArray[np.bool_]:
        """Return bool[n]: whether the simple ablations add up, within `TOLERANCE`."""
        is_close: npt.NDArray[np.bool_] = np.abs(self.interaction) <= TOLERANCE * self.scale + 1e-6
        return is_close


def shares(
    score: Score,
    known: Floats,
    unknown: Floats,
    source_of: Sequence[str],
    beside: Sequence[str] = (),
) -> Shares:
    """Share out the scores of a few items over the sources of their features.

    Args:
        score: The model, on log odds; called once.
        known: float32[n, F], as decided from.
        unknown: float32[n, F], the same items with nothing known: empty history, no zone, …
        source_of: The source of each feature, such as `features.FEATURE_SOURCE`.
        beside: Sources that are no feature, and of which `score` alone knows what they change.

    Raises:
        ValueError: More sources than `MOST_SOURCES`.
    """
    names = tuple(dict.fromkeys(str(name) for name in (*source_of, *beside)))
    if len(names) > MOST_SOURCES:
        raise ValueError(f"{len(names)} sources, at most {MOST_SOURCES} are expected")
    column = np.array([names.index(str(name)) for name in source_of])
    knows = _subsets(len(names))
    rows = np.where(knows[:, None, column], known[None], unknown[None])
    flat = rows.reshape(-1, known.shape[1]).astype(np.float32)
    may_use = np.repeat(knows, known.shape[0], axis=0)
    scores = score(flat, may_use).reshape(len(knows), known.shape[0])
    return _shared(names, scores.astype(np.float64))


def log_odds(chance: Floats) -> Floats:
    """Return float32[n], finite also where a chance is 0 or 1."""
    within = np.clip(chance, SURE, 1.0 - SURE)
    odds: Floats = np.log(within / (1.0 - within)).astype(np.float32)
    return odds


def _subsets(n: int) -> npt.NDArray[np.bool_]:
    """Return bool[2^n, n]; row r knows the sources of r's bits."""
    return (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(np.bool_)


def _shared(names: tuple[str, ...], scores: npt.NDArray[np.float64]) -> Shares:
    n = len(names)
    full = 2**n - 1
    size = _subsets(n).sum(axis=1)
    fair = np.zeros((scores.shape[1], n))
    alone = np.zeros((scores.shape[1], n))
    for at in range(n):
        without = np.flatnonzero(~(np.arange(2**n) >> at & 1).astype(np.bool_))
        gain = scores[without | 1 << at] - scores[without]
        chance = np.array([factorial(s) * factorial(n - s - 1) for s in size[without]])
        fair[:, at] = (chance / factorial(n)) @ gain
        alone[:, at] = scores[full] - scores[full ^ 1 << at]
    return Shares(
        names,
        fair.astype(np.float32),
        alone.astype(np.float32),
        scores[0].astype(np.float32),
        (scores[full] - scores[0]).astype(np.float32),
    )
