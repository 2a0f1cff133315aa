"""Write a trained ranker as an int8 ONNX graph, scaling included.

Decides the quantization: weights of layers and item vectors are 8-bit with one scale per column,
biases and activations float32. The runtime unpacks the layers once, when it loads the graph.
Activations rounded as they come would cost five times the error, gain no time at a few hundred
rows, and make one candidate's score depend on which others are asked about.
Leaves out training (`models.ranker`), how much rounding is too much (`models.quantization`) and
what else a bundle holds (`models.bundle`).
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from edge.core.history import Floats
from models.ranker import Network, Scaling

OPSET = 17
IR_VERSION = 8


class _Graph:
    """Nodes and constants in the order they are added; names count up."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: npt.NDArray[Any] | np.generic) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(value, order="C"), name))
        return name

    def __call__(self, kind: str, *inputs: str, n_out: int = 1, **attributes: Any) -> list[str]:
        names = [f"n{len(self.nodes)}_{k}" for k in range(n_out)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names

    def one(self, kind: str, *inputs: str, **attributes: Any) -> str:
        return self(kind, *inputs, **attributes)[0]


def quantized(values: Floats, most: int = 127) -> tuple[npt.NDArray[np.int8], Floats]:
    """Quantize the columns of a matrix to integers within -most and most.

    Returns:
        int8 of the same shape and float32[columns], with values = q * scale.
    """
    scale = np.maximum(np.abs(values).max(axis=0), 1e-12) / most
    levels = np.clip(np.rint(values / scale), -most, most)
    return levels.astype(np.int8), scale.astype(np.float32)


def onnx_bytes(network: Network, *, is_rounded: bool = True) -> bytes:
    """Return the graph: (features f32[n, F], items i64[n], person f32[1 or n, d]) -> logit f32[n].

    An item index one past the last is an unknown item: neutral parameters. With `is_rounded` off
    everything stays float32, for what 8 bits are held against.
    """
    graph, params = _Graph(), network.params
    rows, scale = _item_rows(graph, params, is_rounded=is_rounded)
    hidden = graph.one("Concat", _scaled(graph, network.scaling), rows, axis=1)
    layers = sum(name.startswith("weight_") for name in params)
    for layer in range(layers):
        is_exact = layer in network.exact or not is_rounded
        if layer:
            weight = _weight(graph, params[f"weight_{layer}"], is_exact=is_exact)
        else:
            weight = _first_weight(graph, params, scale, is_exact=is_exact)
        hidden = graph.one("Gemm", hidden, weight, graph.constant(params[f"offset_{layer}"]))
        if layer < layers - 1:
            hidden = graph.one("Relu", hidden)
    tower = _tower(graph, params, rows, scale)
    terms = graph.one("Concat", hidden, tower, *_item_terms(graph, params), axis=1)
    graph.one("ReduceSum", terms, graph.constant(_ints(1)), keepdims=0)
    graph.nodes[-1].output[0] = "logit"
    return _model(graph, network)


def _ints(*values: int) -> npt.NDArray[np.int64]:
    return np.array(values, np.int64)


def _scaled(graph: _Graph, scaling: Scaling) -> str:
    """Add `models.ranker.scaled`."""
    low, high = graph.constant(np.float32(-4.0)), graph.constant(np.float32(4.0))
    centred = graph.one("Sub", "features", graph.constant(scaling.mean))
    standard = graph.one("Mul", centred, graph.constant(scaling.scale))
    return graph.one("Clip", standard, low, high)


def _item_rows(graph: _Graph, params: dict[str, Floats], *, is_rounded: bool) -> tuple[str, Floats]:
    """Look up both vectors of the items in one 8-bit table with a neutral last row.

    Returns:
        The levels, [n, vector + tower], and what one level of each column is worth.
    """
    vectors = np.concatenate([params["item_vector"], params["item_tower"]], axis=1)
    neutral = np.zeros((1, vectors.shape[1]), np.float32)
    vectors = np.concatenate([vectors, neutral])
    if not is_rounded:
        rows = graph.one("Gather", graph.constant(vectors), "items", axis=0)
        return rows, np.ones(vectors.shape[1], np.float32)
    levels, scale = quantized(vectors)
    rows = graph.one("Gather", graph.constant(levels), "items", axis=0)
    return graph.one("Cast", rows, to=TensorProto.FLOAT), scale


def _weight(graph: _Graph, weight: Floats, *, is_exact: bool) -> str:
    """Add a layer's weight, in 8 bits unless it must stay exact."""
    if is_exact:
        return graph.constant(weight)
    levels, scale = quantized(weight)
    number = graph.one("Cast", graph.constant(levels), to=TensorProto.FLOAT)
    return graph.one("Mul", number, graph.constant(scale))


def _first_weight(
    graph: _Graph, params: dict[str, Floats], scale: Floats, *, is_exact: bool
) -> str:
    """Add the first layer's weight for item rows as they come: their scale in, the tower out."""
    weight, tower = params["weight_0"], params["item_tower"].shape[1]
    vector = params["item_vector"].shape[1]
    padded = np.concatenate([weight, np.zeros((tower, weight.shape[1]), np.float32)])
    worth = np.ones(padded.shape[0], np.float32)
    worth[-vector - tower : -tower] = scale[:vector]
    padded_weight = _weight(graph, padded, is_exact=is_exact)
    return graph.one("Mul", padded_weight, graph.constant(worth[:, None]))


def _tower(graph: _Graph, params: dict[str, Floats], rows: str, scale: Floats) -> str:
    """Add the product of the person's and the items' short vectors, [n, vector + tower] terms."""
    vector = params["item_vector"].shape[1]
    tower = params["tower"] * scale[vector:]
    person = np.concatenate([np.zeros((tower.shape[0], vector), np.float32), tower], axis=1)
    return graph.one("Mul", rows, graph.one("MatMul", "person", graph.constant(person)))


def _item_terms(graph: _Graph, params: dict[str, Floats]) -> tuple[str, str]:
    """Add the item's bias, and its repeat gain where the person owns it; [n, 1] each."""

    def column(name: str) -> str:
        values = np.append(params[name], np.float32(0.0)).astype(np.float32)
        return graph.one("Gather", graph.constant(values[:, None]), "items", axis=0)

    own = graph.one("Gather", "features", graph.constant(_ints(0)), axis=1)
    return column("item_bias"), graph.one("Mul", column("item_gain"), own)


def _model(graph: _Graph, network: Network) -> bytes:
    n_features = network.scaling.mean.size
    person = network.params["tower"].shape[0]
    value = helper.make_tensor_value_info
    proto = helper.make_graph(
        graph.nodes,
        "ranker",
        [
            value("features", TensorProto.FLOAT, ["n", n_features]),
            value("items", TensorProto.INT64, ["n"]),
            value("person", TensorProto.FLOAT, ["p", person]),
        ],
        [value("logit", TensorProto.FLOAT, ["n"])],
        graph.constants,
    )
    model = helper.make_model(
        proto, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))
