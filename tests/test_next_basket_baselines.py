"""The rivals of the next-basket benchmark, each against figures worked by hand on a tiny set."""

import numpy as np
import pytest
from scipy import sparse

from benchmarks import next_basket_baselines as rivals
from benchmarks.next_basket_baselines import Block, Method
from edge.core.history import History
from models.purchases import Purchases


def purchases(n_items: int, *people: list[list[int]]) -> Purchases:
    """Return the purchases of customers in their order."""
    made = {}
    for number, baskets in enumerate(people):
        history = History.empty()
        for items in baskets:
            history = history.extended(items)
        made[f"c{number}"] = history
    return Purchases.of_histories(made, n_items)


def scores(method: Method, known: Purchases) -> Block:
    """Return all blocks in one matrix."""
    return np.concatenate([block for _, block in method(known)])


def test_item_cosine_by_hand() -> None:
    """Item 0 lay in both baskets, 1 in the older: their cosine is 1 / sqrt(2), a basket halves."""
    found = scores(rivals.item_cosine(0.5, 1.0), purchases(2, [[0, 1], [0]]))
    assert found[0] == pytest.approx([1.5 + 0.5 / 2**0.5, 0.5 + 1.5 / 2**0.5])


def test_ease_by_hand() -> None:
    """X'X + 1 is [[4, 2], [2, 3]], its inverse [[3, -2], [-2, 4]] / 8."""
    bought = sparse.csr_matrix(np.array([[1, 1], [1, 0], [1, 1]], np.float32))
    expected = np.array([[0.0, 2 / 4], [2 / 3, 0.0]])
    assert rivals.ease_weight(bought, 1.0) == pytest.approx(expected)
    found = scores(rivals.ease(1.0), purchases(2, [[0, 1]], [[0]], [[0], [1]]))
    assert found == pytest.approx(np.array([[2 / 3, 1 / 2], [0.0, 1 / 2], [2 / 3, 1 / 2]]))


def test_ease_counts_repeats_by_hand() -> None:
    """Item 0 twice and 1 once: X'X + 1 is [[5, 2], [2, 2]], its inverse [[2, -2], [-2, 5]] / 6."""
    found = scores(rivals.ease(1.0), purchases(2, [[0, 1], [0]]))
    assert found == pytest.approx(np.array([[1 * 2 / 2, 2 * 2 / 5]]))


def test_ease_above_its_memory_knows_the_best_sellers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for two items of three: the one sold least gets no score."""
    monkeypatch.setattr(rivals, "MOST_DENSE_ITEMS", 2)
    found = scores(rivals.ease(1.0), purchases(3, [[0, 1, 2]], [[1]], [[2], [1]]))
    assert (found[:, 0] == 0.0).all()
    assert found[1] == pytest.approx([0.0, 0.0, 1 / 2])


def test_als_half_by_hand() -> None:
    """Items 1 and 2 in one factor, the first bought at confidence 2: (2 + 4 + 1) x = 2."""
    extra = sparse.csr_matrix(np.array([[1.0, 0.0]], np.float32))
    fixed = np.array([[1.0], [2.0]], np.float32)
    found = rivals.als_half(extra, fixed, np.zeros((1, 1), np.float32), ridge=1.0)
    assert found == pytest.approx(np.array([[2 / 7]]))


def test_als_tells_two_tastes_apart() -> None:
    """Two pairs of customers with nothing in common: each gets its own pair of items."""
    known = purchases(4, [[0, 1]], [[0], [1]], [[2, 3]], [[3], [2]])
    found = scores(rivals.als(2, 10.0, 0.1, 15), known)
    assert np.argsort(-found, axis=1)[:, :2].tolist() in (
        [[0, 1], [0, 1], [2, 3], [2, 3]],
        [[1, 0], [1, 0], [3, 2], [3, 2]],
        [[0, 1], [0, 1], [3, 2], [3, 2]],
        [[1, 0], [1, 0], [2, 3], [2, 3]],
    )
    assert found[0, :2].min() > 10 * abs(found[0, 2:]).max()


def test_bm25_by_hand() -> None:
    """Four items; customer 0 bought two of them, 1 bought item 1 twice; the mean length is 1.

    k1 = 1 and b = 1, so an item's norm is its length: item 1 twice by customer 1 weighs
    2 * 2 / (3 + 2) * log(4 / 2).
    """
    count = sparse.csr_matrix(np.array([[1, 0], [1, 2], [0, 0], [0, 0]], np.float32))
    found = rivals.bm25(count, 1.0, 1.0).toarray()
    assert found[0] == pytest.approx([1 * 2 / (1 + 1) * np.log(4 / 3), 0.0])
    assert found[1] == pytest.approx([1 * 2 / (3 + 1) * np.log(4 / 3), 0.8 * np.log(2)])


def test_nearest_keeps_the_best_of_each_row() -> None:
    """Two of three stay, a tie goes to the lower column, a short row stays whole."""
    likeness = sparse.csr_matrix(np.array([[1, 3, 1], [0, 0, 2], [5, 4, 3]], np.float32))
    expected = [[1, 3, 0], [0, 0, 2], [5, 4, 0]]
    assert rivals.nearest(likeness, 2).toarray().tolist() == expected
