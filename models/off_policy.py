"""What a new policy would have earned, told from the log of the old one.

Decides the three estimators (inverse propensity, self-normalised, doubly robust), their
intervals, and when the log is too thin to conclude: then it says how much more is needed instead
of a number to believe. Leaves out who logs propensities (`edge.core.curation`) and the models of
reward (`models.acceptance`). After Dudík et al. 2014 (DR) and Swaminathan & Joachims 2015 (SNIPS).
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEAST_ROWS = 200.0
"""Effective rows under which nothing is concluded: the interval itself is not to be trusted."""
MOST_WEIGHT = 100.0
"""Largest weight of one row in training a model from the log; estimates are never clipped."""
RESAMPLES = 1_000
ROUNDING = 1e-9
"""Differences below it are the arithmetic's own."""


class Verdict(StrEnum):
    """What the log lets one say about the new policy against the old one."""

    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "undecided"
    TOO_LITTLE = "too_little"


@dataclass(frozen=True, slots=True)
class Log:
    """Decisions with what came of them.

    Args:
        reward: float64[n], what the shown item earned, 0 where nothing.
        propensity: float64[n] in (0, 1], chance of the shown item under the old policy.
        target: float64[n] in [0, 1], chance of the same item under the new policy.
        group: [n], the visit; rows of one visit are no independent witnesses.
        expected_shown: float64[n], a model's reward for the shown item; None: no model.
        expected_target: float64[n], the model's mean reward under the new policy.
    """

    reward: Floats
    propensity: Floats
    target: Floats
    group: npt.NDArray[np.generic]
    expected_shown: Floats | None = None
    expected_target: Floats | None = None

    def __post_init__(self) -> None:
        if not self.reward.size:
            raise ValueError("the log is empty; expected at least one decision")
        if not ((self.propensity > 0) & (self.propensity <= 1)).all():
            raise ValueError("propensity: expected chances above 0 and up to 1 for what was shown")
        if not ((self.target >= 0) & (self.target <= 1)).all():
            raise ValueError("target: expected chances from 0 to 1")

    @property
    def weight(self) -> Floats:
        """Return float64[n]: how much likelier the new policy is to show the same."""
        return self.target / self.propensity

    @property
    def effective_rows(self) -> float:
        """Return (Σw)² / Σw²: rows of equal weight that would say as much (Kish 1965)."""
        weight = self.weight
        squares = float((weight**2).sum())
        return float(weight.sum()) ** 2 / squares if squares else 0.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean reward per decision with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What may be said.

    Args:
        verdict: See `Verdict`.
        logged: The old policy's reward.
        estimates: The new policy's, by estimator: `ips`, `snips`, and `dr` where a model is given.
        gain: New minus old by the best estimator at hand, paired in every resample.
        effective_rows: See `Log.effective_rows`.
        more_rows: Decisions still to be logged, as far as this log can tell; 0 where decided.
        text: The same in a sentence.
    """

    verdict: Verdict
    logged: Estimate
    estimates: dict[str, Estimate]
    gain: Estimate
    effective_rows: float
    more_rows: int
    text: str


def weights(propensity: Floats) -> npt.NDArray[np.float32]:
    """Return clipped inverse propensities for training a model on a log of choices."""
    return np.minimum(1.0 / propensity, MOST_WEIGHT).astype(np.float32)


def evaluate(log: Log, seed: int, resamples: int = RESAMPLES) -> Conclusion:
    """Estimate, and conclude or refuse to.

    Args:
        log: Of the old policy.
        seed: Of the resampling.
        resamples: Draws of whole visits.
    """
    terms = _terms(log)
    _, group = np.unique(log.group, return_inverse=True)
    sums = {name: np.bincount(group, values).astype(np.float64) for name, values in terms.items()}
    rng = np.random.default_rng(seed)
    n = int(group.max()) + 1
    draws = [
        _means(sums, np.bincount(rng.integers(0, n, n), minlength=n)) for _ in range(resamples)
    ]
    point = _means(sums, np.ones(n))
    found = {name: _interval(point[name], [draw[name] for draw in draws]) for name in point}
    logged = found.pop("logged")
    best = "dr" if "dr" in found else "snips"
    gains = [draw[best] - draw["logged"] for draw in draws]
    gain = _interval(point[best] - point["logged"], gains)
    return _conclude(log, logged, found, gain)


def _terms(log: Log) -> dict[str, Floats]:
    """Return per-row values whose sums make every estimator."""
    weight = log.weight
    terms = {
        "rows": np.ones(log.reward.size),
        "reward": log.reward,
        "weight": weight,
        "weighted": weight * log.reward,
    }
    if log.expected_shown is not None and log.expected_target is not None:
        rest = log.reward - log.expected_shown
        terms["robust"] = log.expected_target + weight * rest
    return terms


def _means(sums: dict[str, Floats], times: Floats | npt.NDArray[np.int64]) -> dict[str, float]:
    """Return every estimator over visits drawn `times` often."""
    total = {name: float(times @ values) for name, values in sums.items()}
    found = {
        "logged": total["reward"] / total["rows"],
        "ips": total["weighted"] / total["rows"],
        "snips": total["weighted"] / total["weight"] if total["weight"] else 0.0,
    }
    if "robust" in total:
        found["dr"] = total["robust"] / total["rows"]
    return found


def _interval(value: float, draws: list[float]) -> Estimate:
    low, high = np.quantile(draws, (0.025, 0.975))
    return Estimate(value, float(low), float(high))


def _conclude(
    log: Log, logged: Estimate, estimates: dict[str, Estimate], gain: Estimate
) -> Conclusion:
    rows, effective = log.reward.size, log.effective_rows
    if effective < LEAST_ROWS:
        more = _more(rows, LEAST_ROWS / effective) if effective else rows
        text = (
            f"Too little to conclude: the {rows} decisions count as {effective:.0f} for the new "
            f"policy, {LEAST_ROWS:.0f} are needed; log about {more} more, or explore more."
        )
        return Conclusion(Verdict.TOO_LITTLE, logged, estimates, gain, effective, more, text)
    if gain.low > ROUNDING or gain.high < -ROUNDING:
        verdict = Verdict.BETTER if gain.low > 0 else Verdict.WORSE
        text = (
            f"The new policy is {verdict}: {gain.value:+.4f} per decision "
            f"(95 % {gain.low:+.4f} to {gain.high:+.4f}, effective rows {effective:.0f})."
        )
        return Conclusion(verdict, logged, estimates, gain, effective, 0, text)
    half = (gain.high - gain.low) / 2
    # The half width falls with the root of the rows; an effect of this size would then show.
    more = _more(rows, (half / abs(gain.value)) ** 2) if abs(gain.value) > ROUNDING else rows
    text = (
        f"Undecided: {gain.value:+.4f} per decision (95 % {gain.low:+.4f} to {gain.high:+.4f}). "
        f"If the difference is real, about {more} more decisions would show it."
    )
    return Conclusion(Verdict.UNDECIDED, logged, estimates, gain, effective, more, text)


def _more(rows: int, factor: float) -> int:
    return max(1, int(np.ceil(rows * (factor - 1.0))))
