"""Fit the map from logit to probability; how honest it is, `models.judging` says."""

import numpy as np
import numpy.typing as npt

from edge.core.history import Floats
from edge.core.ranking import Calibration

BINS = 40
ENDS = (-40.0, 40.0)
"""Logits no network reaches; the map keeps rising up to them, so no order is lost."""


def fit(logit: Floats, hit: npt.NDArray[np.bool_], weight: Floats | None = None) -> Calibration:
    """Fit a rising map on scores, best of customers that the last training did not see.

    Args:
        logit: float32[n].
        hit: bool[n], bought.
        weight: float32[n] or None.
    """
    edges = np.unique(np.quantile(logit, np.linspace(0.0, 1.0, 8 * BINS + 1) ** 0.25))
    bin_of = np.clip(np.searchsorted(edges, logit, side="right") - 1, 0, max(0, edges.size - 2))
    w = np.ones(logit.size) if weight is None else weight.astype(np.float64)
    total = np.bincount(bin_of, w)
    used = total > 0
    x = (np.bincount(bin_of, w * logit) / np.maximum(total, 1e-12))[used]
    rate = ((np.bincount(bin_of, w * hit) + 0.5 * hit.mean()) / (total + 0.5))[used]
    y = np.clip(rising(rate, total[used]), 1e-6, 0.98)
    # Flat pieces would tie what the network told apart: a thousandth of the probability per unit
    # of logit keeps the order, well above what float32 can tell.
    y = y * np.exp(1e-3 * (x - x[-1]))
    knots_x = np.concatenate([[ENDS[0]], x, [ENDS[1]]])
    knots_y = np.concatenate([[1e-9], y, [max(0.999, y[-1] + 1e-4)]])
    return Calibration(knots_x.astype(np.float32), knots_y.astype(np.float32))


def rising(
    values: npt.NDArray[np.floating], weight: npt.NDArray[np.number]
) -> npt.NDArray[np.float64]:
    """Return the never falling values nearest in weighted squares (pooled adjacent violators)."""
    means: list[float] = []
    weights: list[float] = []
    sizes: list[int] = []
    for value, w in zip(values.tolist(), weight.tolist(), strict=True):
        size = 1
        while means and means[-1] >= value:
            value = (value * w + means[-1] * weights[-1]) / (w + weights[-1])
            w += weights.pop()
            size += sizes.pop()
            means.pop()
        means.append(value)
        weights.append(w)
        sizes.append(size)
    return np.repeat(means, sizes)
