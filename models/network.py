"""Write a trained ranker as an int8 ONNX graph, scaling included.

Decides the quantization: layers are 8-bit with activations scaled as they come (dynamic), item
vectors 8-bit per column, biases float32. Layer weights use 7 of the 8 bits, so that no x86
kernel saturates its 16-bit partial sums and every processor computes the same integers.
Leaves out training (`models.ranker`) and what else a bundle holds (`models.bundle`).
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
WEIGHT_LEVELS = 63
"""2 * 255 * 63 < 2 ** 15: two products of a uint8 and such a weight fit vpmaddubsw's sum."""


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


def onnx_bytes(network: Network) -> bytes:
    """Return the graph: (features f32[n, F], items i64[n], person f32[1 or n, d]) -> logit f32[n].

    An item index one past the last is an unknown item: neutral parameters.
    """
    graph, params = _Graph(), network.params
    vector = _item_rows(graph, params["item_vector"])
    hidden = graph.one("Concat", _scaled(graph, network.scaling), vector, axis=1)
    layers = sum(name.startswith("weight_") for name in params)
    for layer in range(layers):
        hidden = _layer(graph, hidden, params[f"weight_{layer}"], params[f"offset_{layer}"])
        if layer < layers - 1:
            hidden = graph.one("Relu", hidden)
    tower = _tower(graph, params)
    terms = graph.one("Add", graph.one("Squeeze", hidden, graph.constant(_ints(1))), tower)
    logit = graph.one("Add", terms, _item_terms(graph, params))
    graph.nodes[-1].output[0] = "logit"
    assert logit
    return _model(graph, network)


def _ints(*values: int) -> npt.NDArray[np.int64]:
    return np.array(values, np.int64)


def _scaled(graph: _Graph, scaling: Scaling) -> str:
    """Add `models.ranker.scaled`."""
    low, high = graph.constant(np.float32(-4.0)), graph.constant(np.float32(4.0))
    centred = graph.one("Sub", "features", graph.constant(scaling.mean))
    standard = graph.one("Mul", centred, graph.constant(scaling.scale))
    return graph.one("Clip", standard, low, high)


def _item_rows(graph: _Graph, table: Floats) -> str:
    """Look items up in an 8-bit table with a neutral last row; returns [n, columns]."""
    levels, scale = quantized(table)
    levels = np.concatenate([levels, np.zeros((1, levels.shape[1]), np.int8)])
    rows = graph.one("Gather", graph.constant(levels), "items", axis=0)
    number = graph.one("Cast", rows, to=TensorProto.FLOAT)
    return graph.one("Mul", number, graph.constant(scale))


def _layer(graph: _Graph, hidden: str, weight: Floats, offset: Floats) -> str:
    """Add one 8-bit layer with float32 scales and offsets."""
    levels, scale = quantized(weight, WEIGHT_LEVELS)
    value, step, zero = graph("DynamicQuantizeLinear", hidden, n_out=3)
    weights, centre = graph.constant(levels), graph.constant(np.int8(0))
    total = graph.one("MatMulInteger", value, weights, zero, centre)
    number = graph.one("Cast", total, to=TensorProto.FLOAT)
    scaled = graph.one("Mul", number, graph.one("Mul", step, graph.constant(scale)))
    return graph.one("Add", scaled, graph.constant(offset))


def _tower(graph: _Graph, params: dict[str, Floats]) -> str:
    """Add the product of the person's and the items' short vectors."""
    person = graph.one("MatMul", "person", graph.constant(params["tower"]))
    product = graph.one("Mul", _item_rows(graph, params["item_tower"]), person)
    return graph.one("ReduceSum", product, graph.constant(_ints(1)), keepdims=0)


def _item_terms(graph: _Graph, params: dict[str, Floats]) -> str:
    """Add the item's bias, and its repeat gain where the person owns it."""

    def column(name: str) -> str:
        values = np.append(params[name], np.float32(0.0)).astype(np.float32)
        return graph.one("Gather", graph.constant(values), "items", axis=0)

    own = graph.one("Gather", "features", graph.constant(np.int64(0)), axis=1)
    return graph.one("Add", column("item_bias"), graph.one("Mul", column("item_gain"), own))


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
