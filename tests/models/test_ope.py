"""A new policy told from the old one's log: right on average, honest about too little."""

import numpy as np
import pytest

from models.off_policy import MOST_WEIGHT, Log, Verdict, evaluate, weights

OLD = np.array([0.5, 0.3, 0.2])
NEW = np.array([0.1, 0.2, 0.7])
REWARDS = np.array([0.10, 0.20, 0.40])
TRUTH = float(NEW @ REWARDS)  # 0.01 + 0.04 + 0.28 = 0.33
LOGGED = float(OLD @ REWARDS)  # 0.05 + 0.06 + 0.08 = 0.19


def bandit(rows: int, seed: int, model: np.ndarray | None = None) -> Log:
    """Return a log of the old policy over three items."""
    rng = np.random.default_rng(seed)
    shown = rng.choice(3, rows, p=OLD)
    reward = (rng.random(rows) < REWARDS[shown]).astype(float)
    expected = None if model is None else model[shown]
    mean = None if model is None else np.full(rows, NEW @ model)
    return Log(reward, OLD[shown], NEW[shown], np.arange(rows), expected, mean)


def test_estimates_worked_by_hand() -> None:
    """Weights 2, 0.5, 1; rewards 1, 0, 1: IPS (2 + 1) / 3, SNIPS 3 / 3.5."""
    log = Log(
        reward=np.array([1.0, 0.0, 1.0]),
        propensity=np.array([0.25, 0.8, 0.5]),
        target=np.array([0.5, 0.4, 0.5]),
        group=np.arange(3),
        expected_shown=np.array([0.5, 0.5, 0.5]),
        expected_target=np.array([0.4, 0.4, 0.4]),
    )
    found = evaluate(log, seed=1, resamples=50)
    assert found.estimates["ips"].value == pytest.approx(1.0)
    assert found.estimates["snips"].value == pytest.approx(3.0 / 3.5)
    # DR: 0.4 + mean(2 * 0.5, 0.5 * -0.5, 1 * 0.5) = 0.4 + 1.25 / 3
    assert found.estimates["dr"].value == pytest.approx(0.4 + 1.25 / 3)
    assert found.logged.value == pytest.approx(2 / 3)
    # (3.5)^2 / (4 + 0.25 + 1)
    assert log.effective_rows == pytest.approx(12.25 / 5.25)


@pytest.mark.parametrize("method", ["ips", "snips", "dr"])
def test_intervals_cover_the_truth(method: str) -> None:
    """Of 60 logs, a 95 % interval holds the truth in at least 52 (chance below 1 in 100)."""
    covered = 0
    for seed in range(60):
        found = evaluate(bandit(1_500, seed, np.array([0.3, 0.3, 0.3])), seed, 200)
        estimate = found.estimates[method]
        covered += estimate.low <= TRUTH <= estimate.high
    assert covered >= 52


def test_a_wrong_model_does_not_bias_the_robust_estimate() -> None:
    """Over many logs its mean is the truth, although the model claims the opposite order."""
    wrong = np.array([0.9, 0.5, 0.0])
    values = [
        evaluate(bandit(2_000, seed, wrong), seed, 2).estimates["dr"].value for seed in range(60)
    ]
    assert np.mean(values) == pytest.approx(TRUTH, abs=4 * np.std(values) / np.sqrt(60))


def test_a_right_model_narrows_the_interval() -> None:
    """Knowing the rewards leaves less to chance than weighting alone."""
    with_model = evaluate(bandit(3_000, 5, REWARDS), 5).estimates
    assert with_model["dr"].high - with_model["dr"].low < 0.95 * (
        with_model["ips"].high - with_model["ips"].low
    )


def test_a_better_policy_is_called_better() -> None:
    """0.33 against 0.19 shows in 3,000 decisions; the other way round it is worse."""
    found = evaluate(bandit(3_000, 1), 1)
    assert found.verdict is Verdict.BETTER
    assert found.more_rows == 0
    assert found.gain.value == pytest.approx(TRUTH - LOGGED, abs=0.05)
    log = bandit(3_000, 1)
    back = Log(log.reward, log.propensity, 0.95 * (log.propensity == 0.5), log.group)
    assert evaluate(back, 1).verdict is Verdict.WORSE


def test_too_little_is_refused_with_what_is_missing() -> None:
    """50 decisions that count as 20 need about ten times as many to count as 200."""
    log = Log(np.ones(50), np.full(50, 0.5), np.where(np.arange(50) < 20, 0.5, 0.0), np.arange(50))
    found = evaluate(log, 1)
    assert found.verdict is Verdict.TOO_LITTLE
    assert log.effective_rows == pytest.approx(20)
    assert found.more_rows == 450
    assert "450 more" in found.text


def test_the_same_policy_stays_undecided() -> None:
    """Nothing changed, so nothing is claimed, and a number of further decisions is named."""
    log = bandit(2_000, 3)
    for factor in (1.0, 1.02, np.random.default_rng(1).uniform(0.9, 1.0, 2_000)):
        like = Log(log.reward, log.propensity, np.clip(log.propensity * factor, 0, 1), log.group)
        found = evaluate(like, 3)
        assert found.verdict is Verdict.UNDECIDED
        assert found.more_rows >= 1


def test_visits_are_drawn_whole() -> None:
    """Ten copies of each row in one visit tell no more than the row alone."""
    log = bandit(400, 2)
    copied = Log(*(np.repeat(c, 10) for c in (log.reward, log.propensity, log.target, log.group)))
    one, ten = (evaluate(x, 2).estimates["snips"] for x in (log, copied))
    assert ten.high - ten.low == pytest.approx(one.high - one.low, rel=1e-9)


@pytest.mark.parametrize(
    ("propensity", "target"), [(0.0, 0.5), (1.5, 0.5), (0.5, -0.1), (0.5, 1.1)]
)
def test_impossible_chances_are_refused(propensity: float, target: float) -> None:
    """A log without its true propensities proves nothing."""
    one = np.ones(1)
    with pytest.raises(ValueError, match="expected chances"):
        Log(one, np.array([propensity]), np.array([target]), one)


def test_an_empty_log_is_refused() -> None:
    """Nothing was shown, nothing is known."""
    none = np.empty(0)
    with pytest.raises(ValueError, match="empty"):
        Log(none, none, none, none)


def test_training_weights_are_bounded() -> None:
    """One rare choice must not rule a model."""
    assert weights(np.array([0.5, 1e-9])).tolist() == [2.0, MOST_WEIGHT]
