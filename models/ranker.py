"""Train the ranker: an MLP with item parameters over the box's own candidates and features.

Decides the network, its loss and its schedule. Inputs come from `edge.core` code through
`models.stages`; the trained network leaves through `models.network`, quantized. Leaves out
candidates' features (the core) and the files of a bundle (`models.bundle`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from edge.core.history import Floats
from models.adam import Adam, AdamState
from models.stages import Examples

Params = dict[str, jax.Array]
INPUT_STEPS = 127.0 / 4.0
"""Steps per unit of a scaled input, which lies within -4 and 4."""


@dataclass(frozen=True, slots=True)
class RankerPlan:
    """How the ranker is trained.

    Args:
        widths: Hidden layers.
        item_size: Length of the item vector that enters the first layer.
        tower_size: Length of the item's vector in the two-tower term.
        batch: Customers a step.
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
    """A trained ranker in float32; names as in `initial`."""

    params: dict[str, Floats]
    scaling: Scaling


def scaling_of(features: Floats) -> Scaling:
    """Choose the scaling from a sample of rows, float32[rows, F]."""
    mean, spread = features.mean(axis=0), features.std(axis=0)
    is_constant = spread < 1e-6
    scale = np.where(is_constant, 0.0, 1.0 / np.where(is_constant, 1.0, spread))
    return Scaling(mean.astype(np.float32), scale.astype(np.float32))


def initial(n_features: int, n_items: int, person: int, plan: RankerPlan, seed: int) -> Params:
    """Return random layers; item parameters start at or near zero."""
    rng = np.random.default_rng(seed)
    widths = (n_features + plan.item_size, *plan.widths, 1)
    params: Params = {}
    for layer, (n_in, n_out) in enumerate(pairwise(widths)):
        scale = np.sqrt(2.0 / n_in) if layer < len(plan.widths) else 0.01
        params[f"weight_{layer}"] = jnp.asarray(rng.normal(0, scale, (n_in, n_out)), jnp.float32)
        params[f"offset_{layer}"] = jnp.zeros(n_out)
    params["offset_" + str(len(plan.widths))] = jnp.full(1, -4.0)
    params["item_bias"] = jnp.zeros(n_items)
    params["item_gain"] = jnp.zeros(n_items)
    params["item_vector"] = jnp.asarray(rng.normal(0, 0.01, (n_items, plan.item_size)), jnp.float32)
    params["item_tower"] = jnp.asarray(rng.normal(0, 0.05, (n_items, plan.tower_size)), jnp.float32)
    params["tower"] = jnp.asarray(rng.normal(0, 0.05, (person, plan.tower_size)), jnp.float32)
    return params


def scaled(features: jax.Array, scaling: Scaling) -> jax.Array:
    """Return [..., F] standardized inputs, each within 4 units.

    Quantile-scaled copies beside them won nothing measurable and cost 0.9 ms a request.
    """
    return jnp.clip((features - scaling.mean) * scaling.scale, -4.0, 4.0)


def logits(params: Params, inputs: jax.Array, items: jax.Array, person: jax.Array) -> jax.Array:
    """Score scaled candidates.

    Args:
        params: See `initial`.
        inputs: [customers, n, F].
        items: int[customers, n].
        person: [customers, d].

    Returns:
        [customers, n].
    """
    layers = sum(name.startswith("weight_") for name in params)
    hidden = jnp.concatenate([inputs, params["item_vector"][items]], axis=-1)
    for layer in range(layers):
        hidden = hidden @ params[f"weight_{layer}"] + params[f"offset_{layer}"]
        if layer < layers - 1:
            hidden = jax.nn.relu(hidden)
    tower = jnp.einsum("cnt,ct->cn", params["item_tower"][items], person @ params["tower"])
    is_own = (inputs[..., 0] > 0).astype(jnp.float32)
    return hidden[..., 0] + params["item_bias"][items] + params["item_gain"][items] * is_own + tower


def fit(
    params: Params,
    examples: list[Examples],
    scaling: Scaling,
    plan: RankerPlan,
    rate: float,
    epochs: int,
    seed: int,
) -> Params:
    """Train on examples, in the order a seeded generator draws."""
    rng = np.random.default_rng(seed)
    steps = epochs * sum(-(-e.n_customers // plan.batch) for e in examples)
    decay = {name: plan.item_decay for name in params if name.startswith("item_")}
    decay |= {name: plan.decay for name in params if name.startswith("weight_") or name == "tower"}
    optimizer = Adam(rate, decay)
    state = optimizer.start(params, steps)
    inputs = [small_inputs(stage, scaling) for stage in examples]
    for _ in range(epochs):
        for number, chosen in _order(examples, plan.batch, rng):
            batch = examples[number].batch(chosen, plan.batch, plan.power)
            batch["inputs"] = inputs[number][batch.pop("row")]
            params, state = _step(params, state, batch, optimizer, plan)
    return params


def small_inputs(examples: Examples, scaling: Scaling) -> npt.NDArray[np.int8]:
    """Scale all examples once, int8[customers, n, F] in steps of 4 / 127.

    A float would need four times the memory; the served graph rounds its inputs as coarsely.
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


def _loss(params: Params, batch: Params, plan: RankerPlan) -> jax.Array:
    inputs = batch["inputs"].astype(jnp.float32) / INPUT_STEPS
    score = logits(params, inputs, batch["items"], batch["person"])
    mask, hit = batch["mask"], batch["hit"]
    weight = batch["weight"]  # [customers], 0 for padding
    masked = jnp.where(mask, score, -1e9)
    log_share = masked - jax.nn.logsumexp(masked, axis=1, keepdims=True)
    softmax = -(log_share * hit).sum(axis=1)
    bce = (jnp.where(mask, jax.nn.softplus(score), 0.0) - score * hit).sum(axis=1)
    loss = (plan.bce * bce + (1.0 - plan.bce) * softmax) * weight
    return loss.sum() / jnp.maximum(weight.sum(), 1e-6)


@partial(jax.jit, static_argnums=(3, 4))
def _step(
    params: Params, state: AdamState, batch: Params, optimizer: Adam, plan: RankerPlan
) -> tuple[Params, AdamState]:
    gradient = jax.grad(_loss)(params, batch, plan)
    return optimizer.step(params, gradient, state)
