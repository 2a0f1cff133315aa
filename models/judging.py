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


@dataclass(frozen=True, slots=True)
class Reliability:
    """A reliability diagram: mean predicted and observed share per bin, and its rows' weight.

    Where all rows count alike their weight is their number.
    """

    predicted: npt.NDArray[np.float64]
    observed: npt.NDArray[np.float64]
    rows: npt.NDArray[np.float64]

    @property
    def ece(self) -> float:
        """Return the expected calibration error: mean distance, weighted by rows."""
        return float(np.average(np.abs(self.predicted - self.observed), weights=self.rows))


def log_losses(chances: Floats, labels: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return each row's cross entropy in nats."""
    safe = np.clip(chances.astype(np.float64), 1e-7, 1 - 1e-7)
    return -np.where(labels, np.log(safe), np.log1p(-safe))


def auc(scores: Floats, labels: npt.NDArray[np.bool_], weights: Floats | None = None) -> float:
    """Return the chance that a positive row scores above a negative one, ties counting half.

    Args:
        scores: float[n].
        labels: bool[n].
        weights: float[n], how much each row counts; None: alike.
    """
    weight = np.ones(labels.size) if weights is None else weights.astype(np.float64)
    _, place = np.unique(scores, return_inverse=True)
    positive, negative = np.bincount(place, weight * labels), np.bincount(place, weight * ~labels)
    pairs = positive.sum() * negative.sum()
    if not pairs:
        return float("nan")
    return float(positive @ (np.cumsum(negative) - negative / 2) / pairs)


def reliability(
    chances: Floats,
    labels: npt.NDArray[np.bool_],
    bins: int = 10,
    weights: Floats | None = None,
) -> Reliability:
    """Group rows by prediction into bins that expect equally many positives.

    Bins of equal size would spend all but one on rows that nobody would ever be shown.

    Args:
        chances: float[n].
        labels: bool[n].
        bins: At most so many.
        weights: float[n], how much each row counts; None: alike.
    """
    order = np.argsort(chances, kind="stable")
    weight = np.ones(chances.size) if weights is None else weights.astype(np.float64)
    expected = np.cumsum(chances[order] * weight[order])
    edges = np.searchsorted(expected, expected[-1] * np.arange(1, bins) / bins)
    parts = [part for part in np.split(order, edges) if part.size]
    return Reliability(
        np.array([np.average(chances[part], weights=weight[part]) for part in parts]),
        np.array([np.average(labels[part], weights=weight[part]) for part in parts]),
        np.array([weight[part].sum() for part in parts]),
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
