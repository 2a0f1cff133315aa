"""Eight bits rank as the float network does, or the export is refused."""

import numpy as np
import pytest

from models.network import onnx_bytes, quantized
from models.quantization import Agreement, agreement, refuse_if_apart
from models.ranker import Network, RankerPlan, Scaling, initial
from models.stages import Examples
from models.train import float_logits

FEATURES, ITEMS, PERSON, CUSTOMERS, N = 12, 50, 6, 40, 30


def drawn(seed: int = 0) -> tuple[Network, Examples]:
    """Return a network with drawn weights and examples with drawn inputs."""
    rng = np.random.default_rng(seed)
    params = initial(FEATURES, ITEMS, PERSON, RankerPlan(), seed)
    weights = {name: value.copy() for name, value in params.items()}
    for name in ("item_bias", "item_gain", "item_vector", "item_tower", "weight_3"):
        weights[name] = rng.normal(0, 0.5, weights[name].shape).astype(np.float32)
    scaling = Scaling(np.full(FEATURES, 0.1, np.float32), np.full(FEATURES, 1.2, np.float32))
    inputs = rng.normal(0, 1, (CUSTOMERS, N, FEATURES)).astype(np.float16)
    inputs[..., 0] = inputs[..., 0] > 0  # bought before, or not
    examples = Examples(
        features=inputs,
        items=rng.integers(0, ITEMS, (CUSTOMERS, N)).astype(np.int32),
        hit=rng.random((CUSTOMERS, N)) < 0.1,
        mask=np.ones((CUSTOMERS, N), bool),
        person=rng.normal(0, 1, (CUSTOMERS, PERSON)).astype(np.float32),
        n_labels=np.full(CUSTOMERS, 4, np.int32),
        customer=np.arange(CUSTOMERS, dtype=np.int32),
    )
    return Network(weights, scaling), examples


def test_graph_ranks_as_the_network() -> None:
    """The ten best of the ONNX graph are those of the float network, all but a few."""
    network, examples = drawn()
    exact = float_logits(network.params, network.scaling, examples)
    found = agreement(onnx_bytes(network), exact, examples)
    assert found.overlap > 0.95
    refuse_if_apart(found)


def test_another_network_is_noticed() -> None:
    """The graph of another network keeps few of the ten best, and is refused."""
    network, examples = drawn()
    foreign, _ = drawn(seed=9)
    exact = float_logits(network.params, network.scaling, examples)
    found = agreement(onnx_bytes(foreign), exact, examples)
    assert found.overlap < 0.7
    with pytest.raises(ValueError, match="of the ten best"):
        refuse_if_apart(found)


def test_lost_recall_is_refused_beyond_noise() -> None:
    """A loss of .004 counts when its error is .001, not when it is .01."""
    refuse_if_apart(Agreement(overlap=0.99, loss=0.004, loss_error=0.01))
    with pytest.raises(ValueError, match=r"lose 0\.0040 recall"):
        refuse_if_apart(Agreement(overlap=0.99, loss=0.004, loss_error=0.001))


def test_rounding_by_hand() -> None:
    """A column within ±2 on 4 levels: 2 is 4, 0.6 is 1, an empty column stays zero."""
    levels, scale = quantized(np.array([[2.0, 0.0], [0.6, 0.0]], np.float32), 4)
    assert levels.tolist() == [[4, 0], [1, 0]]
    assert scale[0] == pytest.approx(0.5)
