"""The network of the models beside the ranker: what its 8-bit graph answers."""

import numpy as np
import pytest

from models import small_network
from models.quantization import RoundingError
from models.small_network import Network, Plan
from models.visit_models import packed


def learned() -> tuple[Network, small_network.Floats]:
    """Return a network of three classes and 200 rows, some of them far out."""
    rng = np.random.default_rng(3)
    rows = rng.normal(0.0, 1.0, (200, 6)).astype(np.float32)
    rows[::20] *= 20.0
    labels = (rows @ rng.normal(0.0, 1.0, (6, 3))).argmax(axis=1)
    return small_network.train(rows, labels, 0, Plan(widths=(16,)), classes=3), rows


def test_an_answer_does_not_depend_on_the_other_rows() -> None:
    """Training asks whole tables, a box about one row: both hear the same of it."""
    network, rows = learned()
    answer = small_network.session(small_network.onnx_bytes(network))
    alone = np.concatenate([answer(rows[at : at + 1]) for at in range(len(rows))])
    np.testing.assert_allclose(answer(rows), alone, rtol=0.0, atol=1e-6)


def test_8_bit_weights_answer_as_the_network() -> None:
    """Rounding moves no probability by more than a hundredth."""
    network, rows = learned()
    found = small_network.run(small_network.onnx_bytes(network), rows)
    np.testing.assert_allclose(found, network.probabilities(rows), rtol=0.0, atol=0.01)


def test_a_network_that_8_bits_harm_is_refused() -> None:
    """One weight of 1,000 leaves no level for the ones beside it, which alone see something."""
    weight = np.array([[1000.0], [1.0], [-1.0]], np.float32)
    scale = np.array([0.0, 1.0, 1.0], np.float32)
    layer = (weight, np.zeros(1, np.float32))
    network = Network(np.zeros(3, np.float32), scale, (layer,), is_binary=True)
    rows = np.random.default_rng(3).normal(0.0, 1.0, (50, 3)).astype(np.float32)
    with pytest.raises(RoundingError, match=r"probabilities by \d\.\d+; expected 0\.02 at most"):
        packed(network, rows, "hash", ("a", "b", "c"))


def test_a_network_that_answers_no_numbers_is_refused() -> None:
    """No bound is passed by what cannot be compared with it."""
    network, rows = learned()
    rows[7, 2] = np.nan
    with pytest.raises(RoundingError, match=r"probabilities by nan; expected 0\.02 at most"):
        packed(network, rows, "hash", [f"x{n}" for n in range(6)])
