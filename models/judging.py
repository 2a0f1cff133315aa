"""How good probabilities are, and how sure we are of it.

Decides the measures that every model card shows: log loss, AUC, calibration, and paired
intervals by resampling whole customers, since one customer's rows are no independent witnesses.
Leaves out ranking measures (`models.evaluation`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Tell whether the sign is beyond doubt at that level."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Reliability:
    """A reliability diagram: mean predicted and observed share per bin, and rows in it."""

    predicted: npt.NDArray[np.float64]
    observed: npt.NDArray[np.float64]
    rows: npt.NDArray[np.int64]

    @property
    def ece(self) -> float:
        """Return the expected calibration error: mean distance, weighted by rows."""
        return float(np.average(np.abs(self.predicted - self.observed), weights=self.rows))


def log_losses(chances: Floats, labels: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return each row's cross entropy in nats."""
    safe = np.clip(chances.astype(np.float64), 1e-7, 1 - 1e-7)
    return -np.where(labels, np.log(safe), np.log1p(-safe))


def auc(scores: Floats, labels: npt.NDArray[np.bool_]) -> float:
    """Return the chance that a positive row scores above a negative one, ties counting half."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[inverse]
    positive = int(labels.sum())
    negative = labels.size - positive
    if not positive or not negative:
        return float("nan")
    return float((ranks[labels].sum() - positive * (positive + 1) / 2) / (positive * negative))


def reliability(chances: Floats, labels: npt.NDArray[np.bool_], bins: int = 10) -> Reliability:
    """Group rows by prediction into bins that expect equally many positives.

    Bins of equal size would spend all but one on rows that nobody would ever be shown.
    """
    order = np.argsort(chances, kind="stable")
    expected = np.cumsum(chances[order].astype(np.float64))
    edges = np.searchsorted(expected, expected[-1] * np.arange(1, bins) / bins)
    parts = [part for part in np.split(order, edges) if part.size]
    return Reliability(
        np.array([chances[part].mean() for part in parts]),
        np.array([labels[part].mean() for part in parts]),
        np.array([part.size for part in parts]),
    )


def mean_interval(
    values: Floats,
    groups: npt.NDArray[np.generic],
    seed: int,
    resamples: int = RESAMPLES,
    weights: Floats | None = None,
) -> Interval:
    """Return the mean over rows with a percentile interval over resampled groups.

    Args:
        values: float[n], such as the difference of two models' losses on the same row.
        groups: [n], rows of one group (a customer, a receipt) are drawn together.
        seed: Of the resampling.
        resamples: Draws.
        weights: float[n], how much each row counts, such as inverse propensities; None: alike.
    """
    _, group = np.unique(groups, return_inverse=True)
    weight_of = np.ones(values.size) if weights is None else weights.astype(np.float64)
    total, size = np.bincount(group, values * weight_of), np.bincount(group, weight_of)
    rng = np.random.default_rng(seed)
    draws = np.empty(resamples)
    for at in range(resamples):
        weight = np.bincount(rng.integers(0, size.size, size.size), minlength=size.size)
        draws[at] = (weight @ total) / (weight @ size)
    low, high = np.quantile(draws, (0.025, 0.975))
    return Interval(float(total.sum() / size.sum()), float(low), float(high))
