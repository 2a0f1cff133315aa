"""Eight bits rank as the float network does, or the export is refused."""

import numpy as np
import onnxruntime
import pytest

from edge.core.history import Floats
from models.network import onnx_bytes, quantized
from models.quantization import Agreement, agreement, gated, refuse_if_apart
from models.ranker import Network, RankerPlan, Scaling, float_logits, initial
from models.stages import Examples

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
    found = agreement(onnx_bytes(network), [exact], [examples])
    assert found.overlap > 0.98
    refuse_if_apart(found)


def test_an_unrounded_graph_is_the_float_network() -> None:
    """Its logits differ by the arithmetic's own rounding alone, an unknown item's too."""
    network, examples = drawn()
    exact = float_logits(network.params, network.scaling, examples)
    found = agreement(onnx_bytes(network, is_rounded=False), [exact], [examples])
    assert found.overlap == 1.0
    session = onnxruntime.InferenceSession(onnx_bytes(network, is_rounded=False))
    feed = {
        "features": examples.features[0].astype(np.float32),
        "items": examples.items[0].astype(np.int64),
        "person": examples.person[:1],
    }
    assert session.run(None, feed)[0] == pytest.approx(exact[0], abs=1e-5)
    feed["items"][:] = ITEMS
    assert np.isfinite(session.run(None, feed)[0]).all()


def test_another_network_is_noticed() -> None:
    """The graph of another network keeps few of the ten best, and is refused."""
    network, examples = drawn()
    foreign, _ = drawn(seed=9)
    exact = float_logits(network.params, network.scaling, examples)
    found = agreement(onnx_bytes(foreign), [exact], [examples])
    assert found.overlap < 0.7
    with pytest.raises(ValueError, match="of the ten best"):
        refuse_if_apart(found)


def test_a_layer_that_8_bits_harm_stays_in_float() -> None:
    """One column of the second layer holds a weight a thousand times the others': it is kept."""
    network, examples = drawn()
    kept, _ = gated(network, [examples])
    assert kept.exact == frozenset()
    harmed = dict(network.params)
    # A unit of the first layer that never fires gets weights that dwarf their columns' others.
    harmed["weight_0"] = network.params["weight_0"].copy()
    harmed["offset_0"] = network.params["offset_0"].copy()
    harmed["weight_0"][:, 0], harmed["offset_0"][0] = 0.0, -1.0
    harmed["weight_1"] = network.params["weight_1"].copy()
    harmed["weight_1"][0] = 50.0
    found, told = gated(Network(harmed, network.scaling), [examples])
    assert found.exact == {1}
    exact = float_logits(harmed, network.scaling, examples)
    before = agreement(onnx_bytes(Network(harmed, network.scaling)), [exact], [examples])
    after = agreement(onnx_bytes(found), [exact], [examples])
    assert not before.holds
    assert after.holds
    assert told == after
    assert told.row(found)["layers_in_float32"] == [1]
    assert told.customers == CUSTOMERS


def test_a_score_does_not_depend_on_the_other_candidates() -> None:
    """A candidate scored alone has the logit it has among thirty, an unknown item's one too."""
    network, examples = drawn()
    session = onnxruntime.InferenceSession(onnx_bytes(network))
    inputs = examples.features[0].astype(np.float32)
    items = examples.items[0].astype(np.int64)
    items[3] = ITEMS  # one past the last: unknown to the model

    def logits(rows: slice) -> Floats:
        feed = {"features": inputs[rows], "items": items[rows], "person": examples.person[:1]}
        scored: Floats = session.run(None, feed)[0]
        return scored

    together = logits(slice(None))
    alone = np.concatenate([logits(slice(row, row + 1)) for row in range(N)])
    assert together == pytest.approx(alone, abs=1e-5)


def test_every_row_may_have_a_person_of_its_own() -> None:
    """The same person on every row gives what one row for all gives."""
    network, examples = drawn()
    session = onnxruntime.InferenceSession(onnx_bytes(network))
    feed = {
        "features": examples.features[0].astype(np.float32),
        "items": examples.items[0].astype(np.int64),
        "person": examples.person[:1],
    }
    one = session.run(None, feed)[0]
    each = session.run(None, feed | {"person": np.repeat(examples.person[:1], N, axis=0)})[0]
    assert each == pytest.approx(one, abs=1e-5)


def test_lost_recall_is_refused_beyond_noise() -> None:
    """A loss of .004 counts when its error is .001, not when it is .01."""
    refuse_if_apart(Agreement(overlap=0.99, loss=0.004, loss_error=0.01, customers=40))
    with pytest.raises(ValueError, match=r"lose 0\.0040 recall"):
        refuse_if_apart(Agreement(overlap=0.99, loss=0.004, loss_error=0.001, customers=40))


def test_rounding_by_hand() -> None:
    """A column within ±2 on 4 levels: 2 is 4, 0.6 is 1, an empty column stays zero."""
    levels, scale = quantized(np.array([[2.0, 0.0], [0.6, 0.0]], np.float32), 4)
    assert levels.tolist() == [[4, 0], [1, 0]]
    assert scale[0] == pytest.approx(0.5)
