"""Gradients worked out by hand, against finite differences, and the sparse sums they rest on."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models import encoder, ranker
from models.adam import Adam, Halves, Part, Tree
from models.calibrate import rising
from models.encoder import EncoderPlan
from models.purchases import Purchases
from models.ranker import RankerPlan, Scaling
from models.rows import largest, sum_rows
from models.stages import Examples

ITEMS, STEP = 14, 1e-3


def encoder_case() -> tuple[Tree, encoder.Part]:
    """A history of five lines for the first row, one for the second, none for the third."""
    rng = np.random.default_rng(1)
    purchases = Purchases.of(
        ["a"] * 20, np.arange(20.0), rng.integers(0, ITEMS, 20, np.int32), ITEMS
    )
    params = encoder.initial(purchases, EncoderPlan(size=5, hidden=6), rng)
    params["repeat"] += np.array([0.5, -0.3, 0.2], np.float32)
    params["gain"] += rng.normal(0, 0.3, ITEMS).astype(np.float32)
    part = encoder.Part(
        item=np.array([3, 3, 1, 7, 2, 9], np.int32),
        row=np.array([0, 0, 0, 0, 0, 1], np.int32),
        age=np.array([4, 2, 1, 0, 0, 3], np.float32),
        label=np.array([3, 5, 9, 0], np.int32),
        label_row=np.array([0, 0, 1, 2], np.int32),
        share=np.array([0.2, 0.3, 0.1], np.float32),
        labels=np.array([2, 1, 1], np.float32),
    )
    return params, part


def ranker_case() -> tuple[Tree, ranker.Part]:
    """Three customers with six candidates each, the last one of them padded by two."""
    rng = np.random.default_rng(2)
    plan = RankerPlan(widths=(9, 7), item_size=4, tower_size=3)
    params = ranker.initial(5, ITEMS, 8, plan, 0)
    for name in ("item_bias", "item_gain", "item_vector"):
        params[name] += rng.normal(0, 0.3, params[name].shape).astype(np.float32)
    mask = np.ones((3, 6), bool)
    mask[2, 4:] = False
    part = ranker.Part(
        inputs=rng.normal(0, 1, (3, 6, 5)).astype(np.float32),
        items=rng.integers(0, ITEMS, (3, 6)).astype(np.int32),
        hit=(rng.random((3, 6)) < 0.4) & mask,
        mask=mask,
        person=rng.normal(0, 1, (3, 8)).astype(np.float32),
        weight=np.array([0.5, 0.3, 0.2], np.float32),
        bce=0.4,
    )
    return params, part


def assert_slopes(
    params: Tree, part: Part, loss: Callable[[Tree, Part], float], found: Tree
) -> None:
    """Compare every parameter's slope with the change of the loss along drawn directions."""
    rng = np.random.default_rng(0)
    exact: dict[str, Any] = {name: value.astype(np.float64) for name, value in params.items()}
    assert found.keys() == params.keys()
    for name, value in params.items():
        assert found[name].shape == value.shape, name
        for _ in range(4):
            way = rng.normal(0, 1, value.shape)
            way /= np.sqrt((way**2).sum())
            ahead = loss(exact | {name: exact[name] + STEP * way}, part)
            behind = loss(exact | {name: exact[name] - STEP * way}, part)
            expected = (ahead - behind) / (2 * STEP)
            assert (found[name] * way).sum() == pytest.approx(expected, rel=0.01, abs=2e-4), name


def test_encoder_slopes() -> None:
    """Repeats, an empty history and a label bought before are all in the case."""
    params, part = encoder_case()
    assert_slopes(params, part, encoder.loss, encoder.slopes(params, part))


def test_ranker_slopes() -> None:
    """Padding counts for nothing, the same item may be a candidate of several customers."""
    params, part = ranker_case()
    assert_slopes(params, part, ranker.loss, ranker.slopes(params, part))


def test_two_halves_add_up() -> None:
    """The slope of two parts is the sum of both."""
    params, part = ranker_case()
    with Halves() as halves:
        both = halves.slopes(ranker.slopes, params, [part, part])
    once = ranker.slopes(params, part)
    for name, slope in once.items():
        np.testing.assert_allclose(both[name], 2.0 * slope, rtol=1e-6)


def ranker_examples(customers: int) -> Examples:
    """Return drawn examples: four candidates of three features a customer, one of them bought."""
    rng = np.random.default_rng(5)
    return Examples(
        features=rng.normal(0, 1, (customers, 4, 3)).astype(np.float16),
        items=rng.integers(0, ITEMS, (customers, 4)).astype(np.int32),
        hit=np.tile([True, False, False, False], (customers, 1)),
        mask=np.ones((customers, 4), bool),
        person=rng.normal(0, 1, (customers, 8)).astype(np.float32),
        n_labels=np.ones(customers, np.int32),
        customer=np.arange(customers, dtype=np.int32),
    )


@pytest.mark.parametrize(
    ("few", "batch"), [(12, 6), (13, 2)], ids=["as many as are enough", "one too few"]
)
def test_few_customers_are_learned_from_in_small_steps(few: int, batch: int) -> None:
    """Twelve customers, counted over all stages, go two a step only where 13 are needed."""
    stages = [ranker_examples(7), ranker_examples(5)]
    scaling = Scaling(np.zeros(3, np.float32), np.ones(3, np.float32))
    plan = RankerPlan(widths=(4,), item_size=2, tower_size=2, batch=6, small_batch=2, few=few)
    start = ranker.initial(3, ITEMS, 8, plan, 0)

    def trained(plan: RankerPlan) -> Tree:
        return ranker.fit(start, stages, scaling, plan, rate=0.01, epochs=1, seed=1)

    found, expected = trained(plan), trained(replace(plan, batch=batch, few=0))
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)
    other = trained(replace(plan, batch=8 - batch, few=0))
    assert not np.array_equal(found["weight_0"], other["weight_0"])


def test_adam_by_hand() -> None:
    """The first step goes the whole rate against the slope's sign, whatever its size.

    Of 20 steps the first is already at full warmth; a half cosine leaves .9938 of the rate.
    """
    params = {"x": np.array([1.0, 1.0, 1.0], np.float32)}
    Adam(params, 0.1, {}, 20).step({"x": np.array([5.0, -0.01, 0.0], np.float32)})
    rate = 0.1 * 0.5 * (1 + np.cos(np.pi / 20))
    assert params["x"].tolist() == pytest.approx([1 - rate, 1 + rate, 1.0], abs=1e-5)


def test_sums_of_rows() -> None:
    """Rows of one key are added in any order of the keys; a key without rows stays zero."""
    values = np.array([[1, 10], [2, 20], [4, 40]], np.float32)
    for key, is_sorted in (([0, 0, 2], True), ([2, 0, 0], False)):
        found = sum_rows(values, np.array(key), 3, is_sorted=is_sorted)
        of_two = values[2] if is_sorted else values[0]
        assert found.tolist() == [(values.sum(axis=0) - of_two).tolist(), [0, 0], of_two.tolist()]
    assert sum_rows(values[:0], np.empty(0, np.int64), 2, is_sorted=True).tolist() == [[0, 0]] * 2


def test_ties_go_to_the_lower_column() -> None:
    """However many share the last place, the lists depend on the values alone."""
    rng = np.random.default_rng(5)
    values = rng.integers(0, 3, (20, 50)).astype(np.float32)
    for width in (1, 7, 50, 60):
        columns, best = largest(values, width)
        for row, line in enumerate(values):
            order = np.argsort(-line, kind="stable")[:width]
            assert best[row].tolist() == line[order].tolist()
            assert columns[row].tolist() == (order * (line[order] > 0)).tolist()


def test_rising_by_hand() -> None:
    """Falling neighbours are pooled by weight: 3 and 1 with weights 1 and 3 become 1.5 twice."""
    found = rising(np.array([0.0, 3.0, 1.0, 2.0]), np.array([1.0, 1.0, 3.0, 1.0]))
    assert found.tolist() == [0.0, 1.5, 1.5, 2.0]
