"""A new policy told from the old one's log: right on average, honest about too little."""

from dataclasses import replace

import numpy as np
import pytest

from edge.core.off_policy import MOST_WEIGHT, Log, Verdict, evaluate, weights

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
    assert log.effective_customers == pytest.approx(12.25 / 5.25)


def test_two_places_worked_by_hand() -> None:
    """The second place weighs with the first: 0.5 / 0.25 = 2, then 2 * 0.25 / 0.5 = 1."""
    log = Log(
        reward=np.array([0.0, 1.0, 1.0]),
        propensity=np.array([0.25, 0.5, 0.5]),
        target=np.array([0.5, 0.25, 0.5]),
        group=np.array([0, 0, 1]),
        expected_shown=np.array([0.5, 0.5, 0.25]),
        expected_target=np.array([0.25, 0.5, 0.5]),
        place=np.array([0, 1, 0]),
        filled=np.array([1.0, 0.75, 1.0]),
    )
    assert log.weight.tolist() == [2.0, 1.0, 1.0]
    assert log.before.tolist() == [1.0, 2.0, 1.0]
    found = evaluate(log, seed=1, resamples=50)
    assert found.logged.value == pytest.approx(1.0)  # two taken up in two decisions
    assert found.estimates["ips"].value == pytest.approx((1 + 1) / 2)
    # (1 + 1) / (2 + 1 + 1) a card, and (1 + 2 * 0.75 + 1) / 2 cards a decision
    assert found.estimates["snips"].value == pytest.approx(0.5 * 1.75)
    # 0.25 - 2 * 0.5, 2 * 0.5 + 1 * 0.5, 0.5 + 1 * 0.75
    assert found.estimates["dr"].value == pytest.approx((-0.75 + 1.5 + 1.25) / 2)
    assert log.mean_weight[0] == pytest.approx(4 / 3.5)


def slates(rows: int, seed: int, *, most: int) -> tuple[Log, float]:
    """Return a log of two cards of three, of a policy that shows up to `most`, and the truth.

    Both draw without putting back. A second card earns half of what it would in front.
    """
    rng = np.random.default_rng(seed)
    columns: dict[str, list[float]] = {name: [] for name in ("r", "p", "t", "g", "k", "f")}
    for customer in range(rows):
        one = int(rng.choice(3, p=OLD))
        rest = np.where(np.arange(3) == one, 0.0, 1.0)
        old, new = OLD * rest / (OLD @ rest), NEW * rest / (NEW @ rest)
        two = int(rng.choice(3, p=old))
        is_filled = float(most > 1)
        for row in (
            (rng.random() < REWARDS[one], OLD[one], NEW[one], customer, 0, 1.0),
            (
                rng.random() < REWARDS[two] / 2,
                old[two],
                is_filled * new[two],
                customer,
                1,
                is_filled,
            ),
        ):
            for name, value in zip(columns, row, strict=True):
                columns[name].append(float(value))
    reward, propensity, target, group, place, filled = map(np.array, columns.values())
    log = Log(reward, propensity, target, group, None, None, place.astype(np.int64), filled)
    second = sum(
        NEW[one] * NEW[two] / (1 - NEW[one]) * REWARDS[two] / 2
        for one in range(3) for two in range(3) if one != two
    )  # fmt: skip
    return log, TRUTH + (float(second) if most > 1 else 0.0)


@pytest.mark.parametrize("most", [1, 2])
def test_whole_slates_are_judged_without_bias(most: int) -> None:
    """Over 40 logs the mean is the truth; with one card instead of two nothing is missing."""
    drawn = [slates(300, seed, most=most) for seed in range(40)]
    found = [evaluate(log, 1, 2) for log, _ in drawn]
    for method in ("ips", "snips"):
        values = [each.estimates[method].value for each in found]
        error = 4 * np.std(values) / np.sqrt(40)
        assert np.mean(values) == pytest.approx(drawn[0][1], abs=error)
    assert sum(each.verdict is Verdict.UNSUPPORTED for each in found) <= 2


def test_a_place_that_was_always_left_empty_is_not_guessed() -> None:
    """Nothing ever stood in the second place: what would come of a card there, no log tells."""
    log, _ = slates(500, 3, most=1)
    is_second = log.place == 1
    empty = np.where(is_second, 0.0, 1.0)
    more = replace(
        log,
        reward=log.reward * empty,
        propensity=np.where(is_second, 1.0, log.propensity),
        target=log.target * empty,
        filled=np.ones(1_000),
    )
    assert evaluate(replace(more, filled=empty), 1, 50).verdict is not Verdict.UNSUPPORTED
    assert evaluate(more, 1, 50).verdict is Verdict.UNSUPPORTED


def test_a_policy_that_shows_nothing_earns_nothing() -> None:
    """That needs no exploration: it is known, and worse."""
    log = bandit(300, 1)
    none = np.zeros(300)
    found = evaluate(Log(log.reward, np.ones(300), none, log.group, filled=none), 1)
    assert (found.verdict, found.estimates["snips"].value) == (Verdict.WORSE, 0.0)


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
    assert found.more_customers == 0
    assert found.gain.value == pytest.approx(TRUTH - LOGGED, abs=0.05)
    log = bandit(3_000, 1)
    back = Log(log.reward, log.propensity, 1.0 * (log.propensity == 0.5), log.group)
    assert evaluate(back, 1).verdict is Verdict.WORSE


def test_too_little_is_refused_with_what_is_missing() -> None:
    """50 customers that count as 20 need about ten times as many to count as 200."""
    log = Log(np.ones(50), np.full(50, 0.4), np.where(np.arange(50) < 20, 1.0, 0.0), np.arange(50))
    found = evaluate(log, 1)
    assert found.verdict is Verdict.TOO_LITTLE
    assert log.effective_customers == pytest.approx(20)
    assert found.more_customers == 450
    assert "450 more" in found.text


def test_the_same_policy_makes_no_difference() -> None:
    """Nothing changed, so nothing is claimed, and no more customers are asked for."""
    for model in (None, REWARDS):
        log = bandit(2_000, 3, model)
        found = evaluate(replace(log, target=log.propensity), 3)
        assert (found.verdict, found.more_customers) == (Verdict.SAME, 0)
        assert found.text.startswith("No difference")


def test_where_nothing_was_ever_taken_up_nothing_is_said() -> None:
    """Nothing from 300 customers does not show that another policy would earn nothing either."""
    log = bandit(300, 3)
    found = evaluate(replace(log, reward=np.zeros(300), target=log.propensity), 3)
    assert found.verdict is Verdict.UNDECIDED


def test_nearly_the_same_policy_stays_undecided() -> None:
    """A difference this small is not claimed, and a number of further customers is named."""
    log = bandit(2_000, 3)
    for factor in (1.005, np.random.default_rng(1).uniform(0.95, 1.05, 2_000)):
        found = evaluate(replace(log, target=log.propensity * factor), 3)
        assert found.verdict is Verdict.UNDECIDED
        assert found.more_customers >= 1


@pytest.mark.parametrize("customers", [1, 2, 40])
def test_many_decisions_of_few_customers_are_too_little(customers: int) -> None:
    """400 decisions about a handful of customers say no more than the customers do."""
    log = bandit(400, 4)
    found = evaluate(Log(log.reward, log.propensity, log.target, np.arange(400) % customers), 4)
    assert found.verdict is Verdict.TOO_LITTLE
    assert found.effective_customers <= customers
    assert found.more_customers >= 200 - customers


def test_what_the_log_never_shows_is_not_guessed() -> None:
    """A log without exploration (all chances 1), and a policy that shows other cards half the time.

    The cards that were never shown earn nothing: the truth is worse, half of 0.4 against 0.25.
    """
    rng = np.random.default_rng(1)
    keeps = np.arange(1_000) % 2 == 0
    reward = np.where(keeps, rng.random(1_000) < 0.4, rng.random(1_000) < 0.1).astype(float)
    found = evaluate(Log(reward, np.ones(1_000), keeps.astype(float), np.arange(1_000)), 1)
    assert found.verdict is Verdict.UNSUPPORTED
    assert "average 0.50 instead of 1" in found.text
    assert found.more_customers == 0


@pytest.mark.parametrize("share", [0.0, 0.9, 1.1])
def test_weights_that_miss_their_mean_are_refused(share: float) -> None:
    """A tenth more or less than all of the new policy's choices is no rounding."""
    log = bandit(20_000, 6)
    for like in (log, Log(log.reward, log.propensity, log.propensity, log.group)):
        found = evaluate(Log(like.reward, like.propensity, like.target * share, like.group), 6, 50)
        assert found.verdict is Verdict.UNSUPPORTED


def test_a_fair_log_is_seldom_taken_for_one_that_lacks_something() -> None:
    """Of 300 logs of a policy that shows every item, hardly one is refused for its mean weight."""
    refused = [evaluate(bandit(1_500, s), s, 2).verdict is Verdict.UNSUPPORTED for s in range(300)]
    assert sum(refused) <= 3


@pytest.mark.parametrize("name", ["reward", "expected_shown", "expected_target"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(name: str, value: float) -> None:
    """What was earned, or is expected to be, must be known."""
    log = bandit(10, 1, REWARDS)
    with pytest.raises(ValueError, match=f"{name}: expected finite"):
        replace(log, **{name: np.full(10, value)})


def test_customers_are_drawn_whole() -> None:
    """Ten copies of each row of one customer tell no more than the row alone."""
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


def test_places_that_do_not_follow_are_refused() -> None:
    """A second place without its first belongs to no decision."""
    one = np.ones(2)
    for place in ([1, 0], [0, 2]):
        with pytest.raises(ValueError, match="place: expected"):
            Log(one, one, one, np.arange(2), place=np.array(place))
    with pytest.raises(ValueError, match="filled: expected"):
        Log(one, one, one, np.arange(2), filled=2 * one)


def test_an_empty_log_is_refused() -> None:
    """Nothing was shown, nothing is known."""
    none = np.empty(0)
    with pytest.raises(ValueError, match="empty"):
        Log(none, none, none, none)


def test_training_weights_are_bounded() -> None:
    """One rare choice must not rule a model."""
    assert weights(np.array([0.5, 1e-9])).tolist() == [2.0, MOST_WEIGHT]
