"""A row of weight three counts as three rows, in every measure of a card."""

import numpy as np
import pytest

from models import judging

SCORES = np.array([0.1, 0.4, 0.4, 0.7, 0.2])
LABELS = np.array([False, True, False, True, True])
WEIGHTS = np.array([2, 1, 3, 1, 2])


def test_a_weight_is_so_many_rows() -> None:
    """The area under the curve of weighted rows is that of the rows written out."""
    scores, labels = np.repeat(SCORES, WEIGHTS), np.repeat(LABELS, WEIGHTS)
    found = judging.auc(SCORES, LABELS, WEIGHTS)
    assert found == pytest.approx(judging.auc(scores, labels))
    assert found != pytest.approx(judging.auc(SCORES, LABELS))


def test_ties_count_half() -> None:
    """Of six pairs 4.5 are in order: 0.4 against 0.4 is a tie, 0.2 lies below 0.4."""
    assert judging.auc(SCORES, LABELS) == pytest.approx(4.5 / 6)
    assert np.isnan(judging.auc(SCORES, np.ones(5, np.bool_)))


def test_calibration_weighs_the_rows() -> None:
    """One bin: 0.2 is said; of weight 4 three were taken, without weights one of two."""
    said, taken = np.array([0.2, 0.2]), np.array([True, False])
    diagram = judging.reliability(said, taken, bins=1, weights=np.array([3.0, 1.0]))
    assert diagram.ece == pytest.approx(0.55)
    assert diagram.rows.tolist() == [4]
    assert judging.reliability(said, taken, bins=1).ece == pytest.approx(0.3)
