"""Train the ranker: an MLP with item parameters over the box's own candidates and features.

Decides the network, its loss and its schedule. Inputs come from `edge.core` code through
`models.stages`; the trained network leaves through `models.network`, quantized. Leaves out
candidates' features (the core) and the files of a bundle (`models.bundle`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from edge.core.history import Floats, Ints
from models.adam import Adam, Halves, Tree
from models.rows import sum_rows
from models.stages import Examples

INPUT_STEPS = 127.0 / 4.0
"""Steps per unit of a scaled input, which lies within -4 and 4."""


@dataclass(frozen=True, slots=True)
class RankerPlan:
    """How the ranker is trained.

    Args:
        widths: Hidden layers.
        item_size: Length of the item vector that enters the first layer.
        tower_size: Length of the item's vector in the two-tower term.
        batch: Customers a step where `few` examples or more are learned from.
        small_batch: Where fewer are; steps of `batch` are too few there to arrive anywhere.
        few: Examples, a customer at one moment of the past each; dunnhumby learns from 3,491 at
            most, Ta-Feng from 4,470 at least.
        rate: Peak learning rate of a pass over `epochs`.
        epochs: Passes over the pretraining examples.
        tune_rate, tune_epochs: The same for the last stage.
        power: A customer with a basket of k items weighs k ** -power per hit.
        bce: Share of the loss that is per-item cross entropy; the rest is softmax.
        item_decay, decay: Weight decay of item parameters and of the layers.
    """

    widths: tuple[int, ...] = (128, 64, 32)
    item_size: int = 16
    tower_size: int = 16
    batch: int = 64
    small_batch: int = 32
    few: int = 4_000
    rate: float = 2e-3
    epochs: int = 2
    tune_rate: float = 1e-3
    tune_epochs: int = 3
    power: float = 0.7
    bce: float = 0.5
    item_decay: float = 0.3
    decay: float = 0.02


@dataclass(frozen=True, slots=True)
class Scaling:
    """Fixed input scaling: float32[F] mean and 1 / standard deviation, 0 for constants."""

    mean: Floats
    scale: Floats


@dataclass(frozen=True, slots=True)
class Network:
    """A trained ranker in float32; names as in `initial`.

    Args:
        params, scaling: See there.
        exact: Numbers of the layers that 8 bits would harm, so that they are written in float32.
    """

    params: dict[str, Floats]
    scaling: Scaling
    exact: frozenset[int] = frozenset()


def scaling_of(features: Floats) -> Scaling:
    """Choose the scaling from a sample of rows, float32[rows, F]."""
    mean, spread = features.mean(axis=0), features.std(axis=0)
    is_constant = spread < 1e-6
    scale = np.where(is_constant, 0.0, 1.0 / np.where(is_constant, 1.0, spread))
    return Scaling(mean.astype(np.float32), scale.astype(np.float32))


def initial(n_features: int, n_items: int, person: int, plan: RankerPlan, seed: int) -> Tree:
    """Return random layers; item parameters start at or near zero."""
    rng = np.random.default_rng(seed)
    widths = (n_features + plan.item_size, *plan.widths, 1)

    def normal(scale: float, *shape: int) -> Floats:
        return rng.normal(0, scale, shape).astype(np.float32)

    params: Tree = {}
    for layer, (n_in, n_out) in enumerate(pairwise(widths)):
        scale = np.sqrt(2.0 / n_in) if layer < len(plan.widths) else 0.01
        params[f"weight_{layer}"] = normal(scale, n_in, n_out)
        params[f"offset_{layer}"] = np.zeros(n_out, np.float32)
    params["offset_" + str(len(plan.widths))] = np.full(1, -4.0, np.float32)
    params["item_bias"] = np.zeros(n_items, np.float32)
    params["item_gain"] = np.zeros(n_items, np.float32)
    params["item_vector"] = normal(0.01, n_items, plan.item_size)
    params["item_tower"] = normal(0.05, n_items, plan.tower_size)
    params["tower"] = normal(0.05, person, plan.tower_size)
    return params


def scaled(features: Floats, scaling: Scaling) -> Floats:
    """Return [..., F] standardized inputs, each within 4 units.

    Quantile-scaled copies beside them won nothing measurable and cost 0.9 ms a request.
    """
    inputs: Floats = np.clip((features - scaling.mean) * scaling.scale, -4.0, 4.0)
    return inputs


@dataclass(frozen=True, slots=True)
class _Pass:
    """A forward pass: what the backward one needs, rows = customers * n.

    Args:
        hidden: The input of every layer, float32[rows, ...].
        is_own: float32[rows], bought before.
        person: float32[customers, tower], the person's side of the two-tower term.
        logit: float32[customers, n].
    """

    hidden: list[Floats]
    is_own: Floats
    person: Floats
    logit: Floats


def _forward(params: Tree, inputs: Floats, items: Ints, person: Floats) -> _Pass:
    layers = sum(name.startswith("weight_") for name in params)
    flat, of_item = inputs.reshape(-1, inputs.shape[-1]), items.reshape(-1)
    hidden = [np.concatenate([flat, params["item_vector"][of_item]], axis=1)]
    for layer in range(layers):
        below = hidden[-1] @ params[f"weight_{layer}"]
        below += params[f"offset_{layer}"]
        if layer < layers - 1:
            np.maximum(below, 0.0, out=below)
        hidden.append(below)
    towards = person @ params["tower"]
    tower = params["item_tower"][items] @ towards[:, :, None]
    is_own = (flat[:, 0] > 0).astype(np.float32)
    logit = hidden.pop()[:, 0] + params["item_bias"][of_item]
    logit += params["item_gain"][of_item] * is_own
    return _Pass(hidden, is_own, towards, logit.reshape(items.shape) + tower[:, :, 0])


def logits(params: Tree, inputs: Floats, items: Ints, person: Floats) -> Floats:
    """Score scaled candidates.

    Args:
        params: See `initial`.
        inputs: float32[customers, n, F].
        items: int32[customers, n].
        person: float32[customers, d].

    Returns:
        float32[customers, n].
    """
    return _forward(params, inputs, items, person).logit


def float_logits(params: Tree, scaling: Scaling, examples: Examples) -> Floats:
    """Score examples with the network before quantization; float32[customers, n]."""
    out = np.empty(examples.items.shape, np.float32)
    for low in range(0, examples.n_customers, 256):
        rows = slice(low, low + 256)
        inputs = scaled(examples.features[rows].astype(np.float32), scaling)
        out[rows] = logits(params, inputs, examples.items[rows], examples.person[rows])
    return out


def are_few(examples: list[Examples], plan: RankerPlan) -> bool:
    """Tell whether a training on these stages needs smaller steps."""
    return sum(e.n_customers for e in examples) < plan.few


def fit(
    params: Tree,
    examples: list[Examples],
    scaling: Scaling,
    plan: RankerPlan,
    rate: float,
    epochs: int,
    seed: int,
) -> Tree:
    """Train on examples, in the order a seeded generator draws; `params` stay as they are."""
    rng = np.random.default_rng(seed)
    params = {name: value.copy() for name, value in params.items()}
    batch = plan.small_batch if are_few(examples, plan) else plan.batch
    steps = epochs * sum(-(-e.n_customers // batch) for e in examples)
    decay = {name: plan.item_decay for name in params if name.startswith("item_")}
    decay |= {name: plan.decay for name in params if name.startswith("weight_") or name == "tower"}
    optimizer = Adam(params, rate, decay, steps)
    inputs = [small_inputs(stage, scaling) for stage in examples]
    with Halves() as halves:
        for _ in range(epochs):
            for number, chosen in _order(examples, batch, rng):
                parts = _parts(examples[number], inputs[number], chosen, plan)
                optimizer.step(halves.slopes(slopes, params, parts))
    return params


def small_inputs(examples: Examples, scaling: Scaling) -> npt.NDArray[np.int8]:
    """Scale all examples once, int8[customers, n, F] in steps of 4 / 127.

    A float would need four times the memory. Training alone rounds them: the served graph does not.
    """
    out = np.empty(examples.features.shape, np.int8)
    for low in range(0, examples.n_customers, 128):
        values = examples.features[low : low + 128].astype(np.float32)
        values -= scaling.mean
        values *= scaling.scale * np.float32(INPUT_STEPS)
        out[low : low + 128] = np.rint(np.clip(values, -127.0, 127.0))
    return out


def _order(
    examples: list[Examples], size: int, rng: np.random.Generator
) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """Yield (stage, customers) of every batch; each from one stage, stages mixed."""
    pieces = []
    for number, stage in enumerate(examples):
        order = rng.permutation(stage.n_customers)
        pieces += [(number, order[at : at + size]) for at in range(0, order.size, size)]
    for at in rng.permutation(len(pieces)):
        yield pieces[at]


@dataclass(frozen=True, slots=True)
class Part:
    """Half a batch of customers.

    Args:
        inputs: float32[customers, n, F], scaled.
        items, hit, mask, person: As in `Examples`.
        weight: float32[customers], of each; over a batch they add up to 1.
        bce: See `RankerPlan`.
    """

    inputs: Floats
    items: Ints
    hit: npt.NDArray[np.bool_]
    mask: npt.NDArray[np.bool_]
    person: Floats
    weight: Floats
    bce: float


def _parts(
    examples: Examples,
    inputs: npt.NDArray[np.int8],
    chosen: npt.NDArray[np.int64],
    plan: RankerPlan,
) -> list[Part]:
    """Return a batch in two halves."""
    weight = examples.n_labels[chosen].astype(np.float32) ** -plan.power
    weight /= weight.sum()
    middle = -(-chosen.size // 2)
    return [
        Part(
            inputs[rows].astype(np.float32) / np.float32(INPUT_STEPS),
            examples.items[rows],
            examples.hit[rows],
            examples.mask[rows],
            examples.person[rows],
            share,
            plan.bce,
        )
        for rows, share in ((chosen[:middle], weight[:middle]), (chosen[middle:], weight[middle:]))
        if rows.size
    ]


def loss(params: Tree, part: Part) -> float:
    """Return the weighted mean of per-item cross entropy and softmax over the candidates."""
    score = logits(params, part.inputs, part.items, part.person).astype(np.float64)
    masked = np.where(part.mask, score, -np.inf)
    top = masked.max(axis=1, keepdims=True)
    norm = top + np.log(np.exp(masked - top).sum(axis=1, keepdims=True))
    softmax = ((norm - score) * part.hit).sum(axis=1)
    bce = (np.where(part.mask, np.logaddexp(0.0, score), 0.0) - score * part.hit).sum(axis=1)
    return float(part.weight @ (part.bce * bce + (1.0 - part.bce) * softmax))


def slopes(params: Tree, part: Part) -> Tree:
    """Return the gradient of `loss`, by hand (a test holds it against finite differences)."""
    found = _forward(params, part.inputs, part.items, part.person)
    by_logit = _by_logit(found.logit, part)
    of_item, by_row = part.items.reshape(-1), by_logit.reshape(-1)
    by_towards = (by_logit[:, None, :] @ params["item_tower"][part.items])[:, 0]
    out = {"tower": part.person.T @ by_towards}
    error = by_row[:, None]
    for layer in reversed(range(len(found.hidden))):
        out[f"weight_{layer}"] = found.hidden[layer].T @ error
        out[f"offset_{layer}"] = error.sum(axis=0)
        error = error @ params[f"weight_{layer}"].T
        if layer:
            error *= found.hidden[layer] > 0
    by_tower = (by_logit[:, :, None] * found.person[:, None, :]).reshape(by_row.size, -1)
    n_vector = params["item_vector"].shape[1]
    own = np.stack([by_row, by_row * found.is_own], axis=1)
    by_item = np.concatenate([error[:, -n_vector:], by_tower, own], axis=1)
    n_items = params["item_bias"].size
    summed = sum_rows(by_item, of_item, n_items, is_sorted=False)
    return out | {
        "item_vector": np.ascontiguousarray(summed[:, :n_vector]),
        "item_tower": np.ascontiguousarray(summed[:, n_vector:-2]),
        "item_bias": np.ascontiguousarray(summed[:, -2]),
        "item_gain": np.ascontiguousarray(summed[:, -1]),
    }


def _by_logit(logit: Floats, part: Part) -> Floats:
    """Return the slope of the loss by each logit, float32[customers, n]."""
    masked = np.where(part.mask, logit, np.float32(-1e9))
    share = np.exp(masked - masked.max(axis=1, keepdims=True))
    share *= (part.hit.sum(axis=1) / share.sum(axis=1))[:, None].astype(np.float32)
    chance = part.mask / (1.0 + np.exp(-np.clip(logit, -60.0, 60.0)))
    slope: Floats = part.bce * chance + (1.0 - part.bce) * share - part.hit
    return (slope * part.weight[:, None]).astype(np.float32)
