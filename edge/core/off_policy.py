"""What a new policy would have earned, told from the log of the old one.

Decides the three estimators (inverse propensity, self-normalised, doubly robust), their
intervals, and when not to conclude: where the log is too thin it says how much more is needed, and
where it does not show what the new policy would, that more of the same log would not help. What is
said holds for customers like these, not only for these: they are what is counted and drawn. Where a
decision fills several places, each is weighed with those before it, which decided what was left to
choose from: what a card earns may depend on the cards before it, never on those after. A place that
the new policy leaves empty earns nothing, which no log need show.

Leaves out who logs propensities (`curation`), how a box's decisions become such a log
(`policy_log`) and the models of reward. After Dudík et al. 2014 (DR), Swaminathan & Joachims 2015
(SNIPS) and Precup et al. 2000 (places one after the other).
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEAST_CUSTOMERS = 200.0
"""Effective customers under which nothing is concluded: the interval itself cannot be trusted."""
MOST_UNSEEN = 0.01
"""Share of the new policy's choices that the log may lack, beyond chance: rounded propensities."""
CHANCE = 3.0
"""Standard errors of the mean weight that chance alone explains."""
MOST_WEIGHT = 100.0
"""Largest weight of one row where a model is trained or judged on the log (`weights`); what a
policy earns is estimated without a bound."""
RESAMPLES = 1_000
ROUNDING = 1e-9
"""Differences below it are the arithmetic's own."""


class Verdict(StrEnum):
    """What the log lets one say about the new policy against the old one."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    """Nothing in the log tells them apart."""
    UNDECIDED = "undecided"
    TOO_LITTLE = "too_little"
    UNSUPPORTED = "unsupported"


REFUSALS = frozenset({Verdict.TOO_LITTLE, Verdict.UNSUPPORTED})
"""Verdicts that say what is missing instead of which policy earns more."""


@dataclass(frozen=True, slots=True)
class Log:
    """Decisions with what came of them, a row for each place.

    Args:
        reward: float64[n], what the shown item earned, 0 where nothing.
        propensity: float64[n] in (0, 1], chance of the shown item under the old policy; 1 where
            it left the place empty.
        target: float64[n] in [0, 1], chance of the same item under the new policy; 0 where the
            place was left empty.
        group: [n], the customer; rows of one customer are no independent witnesses.
        expected_shown: float64[n], a model's reward for the shown item; None: no model.
        expected_target: float64[n], the model's mean reward under the new policy.
        place: int64[n], from 0, the rows of one decision one after the other; None: a place each.
        filled: float64[n], chance that the new policy leaves the place not empty; None: 1. Like
            the other chances, given what stood in the places before.
    """

    reward: Floats
    propensity: Floats
    target: Floats
    group: npt.NDArray[np.generic]
    expected_shown: Floats | None = None
    expected_target: Floats | None = None
    place: npt.NDArray[np.int64] | None = None
    filled: Floats | None = None

    def __post_init__(self) -> None:
        if not self.reward.size:
            raise ValueError("the log is empty; expected at least one decision")
        for name in ("reward", "expected_shown", "expected_target"):
            values = getattr(self, name)
            if values is not None and not np.isfinite(values).all():
                raise ValueError(f"{name}: expected finite numbers; 0 where nothing was earned")
        if not ((self.propensity > 0) & (self.propensity <= 1)).all():
            raise ValueError("propensity: expected chances above 0 and up to 1 for what was shown")
        if not ((self.target >= 0) & (self.target <= 1)).all():
            raise ValueError("target: expected chances from 0 to 1")
        if self.filled is not None and not ((self.filled >= 0) & (self.filled <= 1)).all():
            raise ValueError("filled: expected chances from 0 to 1")
        if self.place is not None:
            follows = np.concatenate([[0], self.place[:-1] + 1])
            if not ((self.place == 0) | (self.place == follows)).all():
                raise ValueError("place: expected 0, 1, … for the rows of every decision")

    @property
    def weight(self) -> Floats:
        """Return float64[n]: how much likelier the new policy is to show the same, up to here."""
        weight = self.target / self.propensity
        if self.place is not None:
            for place in range(1, int(self.place.max()) + 1):
                rows = np.flatnonzero(self.place == place)
                weight[rows] *= weight[rows - 1]
        return weight

    @property
    def before(self) -> Floats:
        """Return float64[n]: the weight of the place before, 1 at the first."""
        if self.place is None:
            return np.ones(self.reward.size)
        before: Floats = np.where(self.place == 0, 1.0, np.roll(self.weight, 1))
        return before

    @property
    def asked(self) -> Floats:
        """Return float64[n], the weight's expectation, where the log shows all that is asked."""
        return self.before if self.filled is None else self.before * self.filled

    @property
    def first(self) -> Floats:
        """Return float64[n]: 1 where a decision begins, 0 at its other places."""
        place = np.zeros(self.reward.size) if self.place is None else self.place
        first: Floats = (place == 0).astype(np.float64)
        return first

    @property
    def is_the_same(self) -> bool:
        """Whether all that earned anything weighs 1, and every weight is what is asked of it.

        Then nothing tells the new policy from the old. Where nothing at all was earned, that says
        nothing of either.
        """
        weight, reward = self.weight, self.reward
        return bool(
            reward.any()
            and (np.abs(weight - self.asked) < ROUNDING).all()
            and (np.abs(weight - 1.0)[reward != 0] < ROUNDING).all()
        )

    @property
    def customers(self) -> npt.NDArray[np.int64]:
        """Return int64[n], the number of each row's customer."""
        customers: npt.NDArray[np.int64] = np.unique(self.group, return_inverse=True)[1]
        return customers

    @property
    def effective_customers(self) -> float:
        """Return (Σw)² / Σw² over customers' weights: so many of equal weight say as much (Kish).

        Rows of one customer add up before they are squared: they are no independent witnesses. A
        policy that shows nothing needs none: all customers count.
        """
        weight = np.bincount(self.customers, self.weight)
        squares = float((weight**2).sum())
        if not squares:
            return 0.0 if self.asked.any() else float(weight.size)
        return float(weight.sum()) ** 2 / squares

    @property
    def mean_weight(self) -> tuple[float, float]:
        """Return the weights' sum over what is asked, and its standard error over customers.

        Its expectation is the share of the new policy's choices that the old policy ever shows:
        1 where the log can tell what the new policy would earn.
        """
        asked, weight = (np.bincount(self.customers, c) for c in (self.asked, self.weight))
        total = float(asked.sum())
        if not total:
            return 1.0, 0.0
        mean = float(weight.sum() / total)
        return mean, float(np.sqrt(((weight - mean * asked) ** 2).sum()) / total)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean reward per decision, over all its places, with its 95 % interval."""

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
        effective_customers: See `Log.effective_customers`.
        more_customers: Still needed, as far as this log can tell; 0 where decided, and where
            more of the same log would not help.
        text: The same in a sentence.
    """

    verdict: Verdict
    logged: Estimate
    estimates: dict[str, Estimate]
    gain: Estimate
    effective_customers: float
    more_customers: int
    text: str


def weights(propensity: Floats) -> npt.NDArray[np.float32]:
    """Return clipped inverse propensities for a model of what is chosen from a log."""
    return np.minimum(1.0 / propensity, MOST_WEIGHT).astype(np.float32)


def evaluate(log: Log, seed: int, resamples: int = RESAMPLES) -> Conclusion:
    """Estimate, and conclude or refuse to.

    Args:
        log: Of the old policy.
        seed: Of the resampling.
        resamples: Draws of whole customers.
    """
    terms = _terms(log)
    group = log.customers
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
        "decisions": log.first,
        "asked": log.asked,
        "reward": log.reward,
        "weight": weight,
        "weighted": weight * log.reward,
    }
    if log.expected_shown is not None and log.expected_target is not None:
        rest = log.reward - log.expected_shown
        terms["robust"] = log.before * log.expected_target + weight * rest
    return terms


def _means(sums: dict[str, Floats], times: Floats | npt.NDArray[np.int64]) -> dict[str, float]:
    """Return every estimator over customers drawn `times` often."""
    total = {name: float(times @ values) for name, values in sums.items()}
    n, weight = total["decisions"], total["weight"]
    found = {
        "logged": total["reward"] / n,
        "ips": total["weighted"] / n,
        "snips": total["weighted"] / weight * (total["asked"] / n) if weight else 0.0,
    }
    if "robust" in total:
        found["dr"] = total["robust"] / n
    return found


def _interval(value: float, draws: list[float]) -> Estimate:
    low, high = np.quantile(draws, (0.025, 0.975))
    return Estimate(value, float(low), float(high))


def _conclude(
    log: Log, logged: Estimate, estimates: dict[str, Estimate], gain: Estimate
) -> Conclusion:
    customers, effective = int(log.customers.max()) + 1, log.effective_customers
    mean, error = log.mean_weight
    if customers >= LEAST_CUSTOMERS and abs(mean - 1.0) > MOST_UNSEEN + CHANCE * error:
        text = (
            f"The log cannot tell: its weights average {mean:.2f} instead of 1, so it does not "
            "show what the new policy would. More of the same will not help; exploring "
            "(explore_share above 0) will, as far as it goes: to all that is above the floor."
        )
        return Conclusion(Verdict.UNSUPPORTED, logged, estimates, gain, effective, 0, text)
    if effective < LEAST_CUSTOMERS:
        more = _more(customers, LEAST_CUSTOMERS / effective) if effective else customers
        text = (
            f"Too little to conclude: the {customers} customers count as {effective:.0f} for the "
            f"new policy, {LEAST_CUSTOMERS:.0f} are needed: about {more} more, or more exploration."
        )
        return Conclusion(Verdict.TOO_LITTLE, logged, estimates, gain, effective, more, text)
    if log.is_the_same:
        text = "No difference: over these decisions both policies earn the same."
        return Conclusion(Verdict.SAME, logged, estimates, gain, effective, 0, text)
    if gain.low > ROUNDING or gain.high < -ROUNDING:
        verdict = Verdict.BETTER if gain.low > 0 else Verdict.WORSE
        text = (
            f"The new policy is {verdict}: {gain.value:+.4f} per decision "
            f"(95 % {gain.low:+.4f} to {gain.high:+.4f}, effective customers {effective:.0f})."
        )
        return Conclusion(verdict, logged, estimates, gain, effective, 0, text)
    half = (gain.high - gain.low) / 2
    # The half width falls with the root of the customers; an effect of this size would then show.
    factor = (half / abs(gain.value)) ** 2 if abs(gain.value) > ROUNDING else 2.0
    more = _more(customers, factor)
    text = (
        f"Undecided: {gain.value:+.4f} per decision (95 % {gain.low:+.4f} to {gain.high:+.4f}). "
        f"If the difference is real, about {more} more customers would show it."
    )
    return Conclusion(Verdict.UNDECIDED, logged, estimates, gain, effective, more, text)


def _more(customers: int, factor: float) -> int:
    return max(1, int(np.ceil(customers * (factor - 1.0))))
