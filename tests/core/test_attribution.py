"""Scores are shared out over their sources, and the shares add up or say that they do not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.attribution import Floats, shares

SOURCES = ("history", "history", "zone", "basket")


def test_a_sum_is_shared_as_it_is() -> None:
    """Score 2 a + b + 3 c + d: each source gets its own term, ablations add up."""

    def score(rows: Floats, _: np.ndarray) -> Floats:
        return rows @ np.array([2.0, 1.0, 3.0, 1.0], np.float32)

    known = np.array([[1.0, 2.0, 1.0, 0.0]], np.float32)
    found = shares(score, known, np.zeros_like(known), SOURCES)
    assert found.sources == ("history", "zone", "basket")
    assert found.fair[0].tolist() == pytest.approx([4.0, 3.0, 0.0])
    assert found.alone[0].tolist() == pytest.approx([4.0, 3.0, 0.0])
    assert found.adds_up.tolist() == [True]
    assert found.base[0] == 0.0
    assert found.total[0] == pytest.approx(7.0)


def test_two_sources_that_say_the_same_share_it() -> None:
    """max(history, zone): leaving out either changes nothing, and it says it does not add up."""

    def score(rows: Floats, _: np.ndarray) -> Floats:
        return np.maximum(rows[:, 0], rows[:, 2])

    known = np.array([[1.0, 0.0, 1.0, 0.0]], np.float32)
    found = shares(score, known, np.zeros_like(known), SOURCES)
    assert found.alone[0].tolist() == [0.0, 0.0, 0.0]
    assert found.fair[0].tolist() == pytest.approx([0.5, 0.5, 0.0])
    assert found.interaction[0] == pytest.approx(1.0)
    assert found.adds_up.tolist() == [False]


def test_inputs_beside_the_features_follow_their_source() -> None:
    """A person vector is no feature; the score hears which sources a row may use."""

    def score(rows: Floats, knows: np.ndarray) -> Floats:
        return np.asarray(rows[:, 2] + 5.0 * knows[:, 0], np.float32)

    known = np.array([[0.0, 0.0, 1.0, 0.0]], np.float32)
    found = shares(score, known, np.zeros_like(known), SOURCES)
    assert found.fair[0].tolist() == pytest.approx([5.0, 1.0, 0.0])


def test_one_run_for_all_items_and_sources() -> None:
    """Three sources and two items are 16 rows in a single call."""
    calls = []

    def score(rows: Floats, knows: np.ndarray) -> Floats:
        calls.append((rows.shape, knows.shape))
        return np.asarray(rows.sum(axis=1), np.float32)

    shares(score, np.ones((2, 4), np.float32), np.zeros((2, 4), np.float32), SOURCES)
    assert calls == [((16, 4), (16, 3))]


@given(st.integers(0, 2**32 - 1))
def test_fair_shares_always_add_up(seed: int) -> None:
    """For any network the shares sum to the whole movement, item by item."""
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(4, 8)), rng.normal(size=8)

    def score(rows: Floats, _: np.ndarray) -> Floats:
        return np.asarray(np.tanh(rows @ first) @ second, np.float32)

    known = rng.normal(size=(3, 4)).astype(np.float32)
    found = shares(score, known, np.zeros_like(known), SOURCES)
    np.testing.assert_allclose(found.fair.sum(axis=1), found.total, atol=1e-5)


def test_too_many_sources_are_refused() -> None:
    """2^8 rows per item would no longer be one cheap run."""
    one = np.ones((1, 8), np.float32)
    with pytest.raises(ValueError, match="8 sources"):
        shares(lambda rows, _: rows[:, 0], one, one, [str(n) for n in range(8)])
