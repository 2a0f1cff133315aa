"""Train a small network on a table of features and turn it into an int8 ONNX file.

Decides scaling, training, calibration and quantization for the models beside the ranker: they
share one shape, rows of named numbers in and class probabilities out. Weights are 8-bit and
activations float32, as in the ranker's graph and for its reasons (`models.network`). Leaves out
where the features come from (`edge.core`) and what the probabilities are for (`models.anonymous`,
`models.motives`, `models.acceptance`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from models.network import IR_VERSION, OPSET, quantized

Floats = npt.NDArray[np.float32]
CLIP = 6.0
"""Standard deviations beyond which an input says no more: training saw too little out there."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a network is trained.

    Args:
        widths: Hidden layers.
        epochs: Passes over the rows; more where these would be fewer than `least_steps` steps.
        batch: Rows a step.
        rate: Step size at the beginning; it falls to 0.
        decay: Weight decay.
        least_steps: Steps that a small table gets as well.
    """

    widths: tuple[int, ...] = (32, 16)
    epochs: int = 12
    batch: int = 512
    rate: float = 3e-3
    decay: float = 1e-4
    least_steps: int = 400


@dataclass(frozen=True, slots=True)
class Network:
    """A trained network.

    Args:
        mean, scale: float32[F], inputs become clip((x - mean) * scale, ±CLIP).
        layers: Weights float32[in, out] and biases float32[out]; ReLU in between.
        is_binary: One output through a sigmoid; otherwise a softmax over the outputs.
        temperature: Divides the logits, fitted on rows that no weight saw.
    """

    mean: Floats
    scale: Floats
    layers: tuple[tuple[Floats, Floats], ...]
    is_binary: bool
    temperature: float = 1.0

    def logits(self, features: Floats) -> Floats:
        """Return float32[n, outputs] before the temperature."""
        hidden = _scaled(features, self.mean, self.scale)
        for weight, bias in self.layers[:-1]:
            hidden = np.maximum(hidden @ weight + bias, 0.0)
        weight, bias = self.layers[-1]
        logits: Floats = (hidden @ weight + bias).astype(np.float32)
        return logits

    def probabilities(self, features: Floats) -> Floats:
        """Return float32[n] of a binary network, else float32[n, classes]."""
        logits = self.logits(features) / np.float32(self.temperature)
        if self.is_binary:
            return _chances(logits, self.is_binary)[:, 0]
        return _softmax(logits)


def train(
    features: Floats,
    labels: npt.NDArray[np.generic],
    seed: int,
    plan: Plan | None = None,
    weights: Floats | None = None,
    held_out: npt.NDArray[np.bool_] | None = None,
    classes: int | None = None,
) -> Network:
    """Train on rows and calibrate on the held-out ones.

    Args:
        features: float32[n, F], finite.
        labels: bool[n] for a binary network, else int[n], each below `classes`.
        seed: Of weights and order.
        plan: Defaults to `Plan()`.
        weights: float32[n], how much each row counts; e.g. inverse propensities.
        held_out: bool[n], rows kept for the temperature; default every tenth.
        classes: How many there are, also where the rows lack some; None: a binary network.
    """
    plan = plan or Plan()
    rng = np.random.default_rng(seed)
    weight = np.ones(len(features), np.float32) if weights is None else weights
    if held_out is None:
        held_out = rng.permutation(len(features)) % 10 == 0
    is_binary, target = classes is None, _targets(labels, classes)
    mean, scale = _scaling(features[~held_out])
    x = _scaled(features, mean, scale)
    rows = np.flatnonzero(~held_out)
    layers = _fit(x[rows], target[rows], weight[rows], rng, plan, is_binary)
    network = Network(mean, scale, layers, is_binary)
    if not held_out.any():
        return network
    logits = network.logits(features[held_out])
    temperature = _temperature(logits, target[held_out], weight[held_out], is_binary)
    return Network(mean, scale, layers, is_binary, temperature)


def _targets(labels: npt.NDArray[np.generic], classes: int | None) -> Floats:
    if classes is None:
        return labels.astype(np.float32)[:, None]
    return np.eye(classes, dtype=np.float32)[labels.astype(np.int64)]


def _scaling(features: Floats) -> tuple[Floats, Floats]:
    """Return mean and inverse deviation; a constant column is switched off."""
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    is_constant = deviation < 1e-6
    scale = np.where(is_constant, 0.0, 1.0 / np.where(is_constant, 1.0, deviation))
    return mean.astype(np.float32), scale.astype(np.float32)


def _scaled(features: Floats, mean: Floats, scale: Floats) -> Floats:
    scaled: Floats = np.clip((features - mean) * scale, -CLIP, CLIP).astype(np.float32)
    return scaled


def _softmax(logits: Floats) -> Floats:
    power = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances: Floats = (power / power.sum(axis=1, keepdims=True)).astype(np.float32)
    return chances


def _chances(logits: Floats, is_binary: bool) -> Floats:
    if not is_binary:
        return _softmax(logits)
    chances: Floats = (1.0 / (1.0 + np.exp(-logits))).astype(np.float32)
    return chances


def _fit(
    x: Floats,
    target: Floats,
    weight: Floats,
    rng: np.random.Generator,
    plan: Plan,
    is_binary: bool,
) -> tuple[tuple[Floats, Floats], ...]:
    """Run Adam with a linearly falling step over shuffled batches."""
    widths = (x.shape[1], *plan.widths, target.shape[1])
    values = _initial(widths, target, weight, rng, is_binary)
    first, second = ([np.zeros_like(v) for v in values] for _ in range(2))
    per_epoch = -(-len(x) // plan.batch)
    epochs = max(plan.epochs, -(-plan.least_steps // per_epoch))
    total, step = epochs * per_epoch, 0
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), plan.batch):
            rows = order[start : start + plan.batch]
            slopes = _slopes(values, x[rows], target[rows], weight[rows], is_binary)
            step += 1
            rate = plan.rate * (1.0 - (step - 1) / total)
            for at, slope in enumerate(slopes):
                _adam(values[at], slope, first[at], second[at], step, rate)
                if at % 2 == 0:
                    values[at] *= 1.0 - rate * plan.decay
    return tuple(zip(values[::2], values[1::2], strict=True))


def _initial(
    widths: Sequence[int],
    target: Floats,
    weight: Floats,
    rng: np.random.Generator,
    is_binary: bool,
) -> list[Floats]:
    """Return He-initialised layers whose last bias already gives the base rates."""
    values = []
    for inputs, outputs in pairwise(widths):
        spread = np.sqrt(2.0 / inputs)
        values += [
            rng.normal(0.0, spread, (inputs, outputs)).astype(np.float32),
            np.zeros(outputs, np.float32),
        ]
    base = np.clip(np.average(target, axis=0, weights=weight), 1e-5, 1 - 1e-5)
    values[-2] *= 0.1
    values[-1] += (np.log(base / (1 - base)) if is_binary else np.log(base)).astype(np.float32)
    return values


def _slopes(
    values: list[Floats], x: Floats, target: Floats, weight: Floats, is_binary: bool
) -> list[Floats]:
    """Return the gradient of the weighted mean cross entropy, layer by layer."""
    inputs, hidden = [x], x
    for at in range(0, len(values) - 2, 2):
        hidden = np.maximum(hidden @ values[at] + values[at + 1], 0.0)
        inputs.append(hidden)
    chances = _chances(hidden @ values[-2] + values[-1], is_binary)
    error = (chances - target) * (weight / weight.sum())[:, None]
    slopes: list[Floats] = []
    for layer in reversed(range(len(inputs))):
        slopes = [inputs[layer].T @ error, error.sum(axis=0), *slopes]
        if layer:
            error = (error @ values[2 * layer].T) * (inputs[layer] > 0)
    return slopes


def _adam(
    value: Floats, slope: Floats, first: Floats, second: Floats, step: int, rate: float
) -> None:
    """Move one array in place (Kingma & Ba 2015, algorithm 1)."""
    first *= 0.9
    first += 0.1 * slope
    second *= 0.999
    second += 0.001 * slope * slope
    fast, slow = first / (1 - 0.9**step), second / (1 - 0.999**step)
    value -= np.float32(rate) * fast / (np.sqrt(slow) + np.float32(1e-8))


def _temperature(logits: Floats, target: Floats, weight: Floats, is_binary: bool) -> float:
    """Return the divisor with the least cross entropy on rows that training did not see."""

    def loss(temperature: float) -> float:
        chances = np.clip(_chances(logits / np.float32(temperature), is_binary), 1e-7, 1 - 1e-7)
        entropy = target * np.log(chances)
        if is_binary:
            entropy = entropy + (1 - target) * np.log(1 - chances)
        return -float(np.average(entropy.sum(axis=1), weights=weight))

    tried = np.geomspace(0.5, 3.0, 61)
    return float(tried[np.argmin([loss(float(value)) for value in tried])])


def onnx_bytes(network: Network) -> bytes:
    """Return the int8 graph: `features` float32[n, F] to `probabilities` float32[n, outputs]."""
    nodes, constants = _scaling_nodes(network)
    current = "scaled"
    for at, (weight, bias) in enumerate(network.layers):
        is_last = at == len(network.layers) - 1
        if is_last:  # the temperature goes into the last layer and costs nothing
            weight, bias = weight / network.temperature, bias / network.temperature
        levels, scale = quantized(weight)
        constants += [_constant(f"q{at}", levels), _constant(f"s{at}", scale)]
        constants.append(_constant(f"b{at}", bias))
        nodes += [
            helper.make_node("Cast", [f"q{at}"], [f"f{at}"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"f{at}", f"s{at}"], [f"w{at}"]),
            helper.make_node("Gemm", [current, f"w{at}", f"b{at}"], [f"a{at}"]),
        ]
        current = f"a{at}"
        if not is_last:
            nodes.append(helper.make_node("Relu", [current], [f"h{at}"]))
            current = f"h{at}"
    nodes.append(_output_node(network, current))
    outputs = network.layers[-1][1].size
    graph = helper.make_graph(
        nodes,
        "visit_model",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", network.mean.size])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", outputs])],
        constants,
    )
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _scaling_nodes(network: Network) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    constants = [
        _constant("mean", network.mean),
        _constant("scale", network.scale),
        _constant("low", np.float32(-CLIP)),
        _constant("high", np.float32(CLIP)),
    ]
    nodes = [
        helper.make_node("Sub", ["features", "mean"], ["centred"]),
        helper.make_node("Mul", ["centred", "scale"], ["wide"]),
        helper.make_node("Clip", ["wide", "low", "high"], ["scaled"]),
    ]
    return nodes, constants


def _output_node(network: Network, current: str) -> onnx.NodeProto:
    if network.is_binary:
        return helper.make_node("Sigmoid", [current], ["probabilities"])
    return helper.make_node("Softmax", [current], ["probabilities"], axis=1)


def _constant(name: str, value: npt.NDArray[Any] | np.float32) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(value), name)


def session(model: bytes) -> Callable[[Floats], Floats]:
    """Open an ONNX file on one thread, as the box does, and return what answers features."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    opened = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def answer(features: Floats) -> Floats:
        found: Floats = opened.run(None, {"features": features})[0]
        return found[:, 0] if found.shape[1] == 1 else found

    return answer


def run(model: bytes, features: Floats) -> Floats:
    """Answer one table of features: float32[n], or float32[n, classes]."""
    return session(model)(features)
