"""Train the pooled-basket encoder: which basket follows a history, as a softmax over all items.

Every non-first basket of every customer is one label, its earlier baskets the input. What the
customer bought before gets a repeat term of its own while training, so that the vectors learn
what else belongs to such a history; the box drops that term, its features know repeats better.
Leaves out the ranker that reads the encoder's scores (`models.ranker`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from edge.core.item_tables import POOLING, Encoder
from models.adam import Adam, AdamState
from models.purchases import Purchases

Params = dict[str, jax.Array]
DENSE_ITEMS = 2048
"""Up to here a history is pooled by one dense product; beyond, line by line."""
MAX_LINES = 200
"""Newest lines of a history the encoder reads while training."""


@dataclass(frozen=True, slots=True)
class EncoderPlan:
    """How the encoder is trained.

    Args:
        size, hidden: Widths of the item vectors and the tanh layer.
        epochs, batch, rate: Passes, histories a step, peak learning rate.
        drop: Share of the history's lines left out of a step, against overfitting.
        decay: Decoupled weight decay of the item vectors.
        label_power: A basket of k items weighs k ** label_power.
    """

    size: int = 64
    hidden: int = 128
    epochs: int = 3
    batch: int = 256
    rate: float = 3e-3
    drop: float = 0.3
    decay: float = 0.02
    label_power: float = 0.3


@dataclass(frozen=True, slots=True)
class _Samples:
    """One row per labelled basket: [low, high) lines before it, its own lines, its position."""

    basket: npt.NDArray[np.int64]
    low: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    stop: npt.NDArray[np.int64]


def train(purchases: Purchases, plan: EncoderPlan, seed: int) -> Encoder:
    """Train an encoder on all purchases; the same seed gives the same bytes on one machine."""
    rng = np.random.default_rng(seed)
    samples = _samples(purchases)
    params = _start(purchases, plan, rng)
    steps = plan.epochs * -(-samples.basket.size // plan.batch)
    optimizer = Adam(plan.rate, {"into": plan.decay, "out": plan.decay})
    state = optimizer.start(params, steps)
    for _ in range(plan.epochs):
        for batch in _batches(purchases, samples, plan, rng):
            params, state = _step(params, state, batch, optimizer, plan.batch)
    return _frozen(params)


def _samples(purchases: Purchases) -> _Samples:
    baskets, lines = purchases.basket_ends(), purchases.line_ends()
    number = np.arange(purchases.customer.size)
    first = baskets[purchases.customer]
    labelled = number[number > first]
    start = lines[labelled]
    return _Samples(
        labelled,
        np.maximum(lines[first[labelled]], start - MAX_LINES),
        start,
        lines[labelled + 1],
    )


def _start(purchases: Purchases, plan: EncoderPlan, rng: np.random.Generator) -> Params:
    """Return random vectors, and the log of popularity as the bias."""
    n, d, h = purchases.n_items, plan.size, plan.hidden
    views = len(POOLING)

    def normal(*shape: int, scale: float) -> jax.Array:
        return jnp.asarray(rng.normal(0.0, scale, shape), jnp.float32)

    popularity = np.bincount(purchases.item, minlength=n) + 0.5
    bias = np.log(popularity / popularity.sum() * n)
    return {
        "into": normal(n, d, scale=0.1),
        "hidden": normal(views * d, h, scale=(views * d) ** -0.5),
        "hidden_bias": jnp.zeros(h),
        "last": normal(h, d, scale=h**-0.5),
        "last_bias": jnp.zeros(d),
        "out": normal(n, d, scale=0.1),
        "bias": jnp.asarray(bias, jnp.float32),
        "repeat": jnp.zeros((views, 1)),
        "gain": jnp.zeros(n),
    }


def _batches(
    purchases: Purchases, samples: _Samples, plan: EncoderPlan, rng: np.random.Generator
) -> Iterator[dict[str, npt.NDArray[Any]]]:
    """Yield padded batches; padding points at row `batch`, which is cut off."""
    order = rng.permutation(samples.basket.size)
    for at in range(0, order.size, plan.batch):
        chosen = order[at : at + plan.batch]
        read = _lines(samples.low[chosen], samples.start[chosen])
        wanted = _lines(samples.start[chosen], samples.stop[chosen])
        kept = rng.random(read[0].size) >= plan.drop
        lines, rows = read[0][kept], read[1][kept]
        age = samples.basket[chosen][rows] - 1 - purchases.basket[lines]
        size = (samples.stop - samples.start)[chosen].astype(np.float32)
        weight = np.zeros(plan.batch + 1, np.float32)
        weight[: chosen.size] = size ** (plan.label_power - 1.0)
        total = np.zeros(plan.batch + 1, np.float32)
        total[: chosen.size] = size
        yield {
            "item": _padded(purchases.item[lines], 0),
            "row": _padded(rows, plan.batch),
            "age": _padded(age.astype(np.float32), 0),
            "label": _padded(purchases.item[wanted[0]], 0),
            "label_row": _padded(wanted[1], plan.batch),
            "weight": weight,
            "total": total,
        }


def _lines(
    low: npt.NDArray[np.int64], high: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Return the line numbers of every [low, high) in a row, and the row of each."""
    length = high - low
    row = np.repeat(np.arange(low.size), length)
    offset = np.arange(row.size) - np.repeat(np.cumsum(length) - length, length)
    return low[row] + offset, row.astype(np.int32)


def _padded(values: npt.NDArray[Any], filler: int) -> npt.NDArray[Any]:
    """Pad to the next of 1024, 2048, 4096 … lines, so that only few shapes are compiled."""
    size = 1024
    while size < values.size:
        size *= 2
    return np.pad(values, (0, size - values.size), constant_values=filler)


def _loss(params: Params, batch: Params, n_rows: int) -> jax.Array:
    item, row = batch["item"], batch["row"]
    weight = jnp.stack([jnp.power(fade, batch["age"]) for fade in POOLING])  # [views, lines]
    real = (row < n_rows).astype(jnp.float32)
    weight = weight * real
    add = partial(jax.ops.segment_sum, segment_ids=row, num_segments=n_rows + 1)
    norm = jnp.sqrt(jax.vmap(add)(weight) + 1.0)
    n_items = params["into"].shape[0]
    if n_items <= DENSE_ITEMS:
        blank = jnp.zeros((n_rows + 1, n_items))
        summed = jax.vmap(lambda w: blank.at[row, item].add(w))(weight) @ params["into"]
    else:
        summed = jax.vmap(lambda w: add(params["into"][item] * w[:, None]))(weight)
    pooled = jnp.moveaxis(summed / norm[:, :, None], 0, 1).reshape(n_rows + 1, -1)
    inner = jnp.tanh(pooled @ params["hidden"] + params["hidden_bias"])
    person = inner @ params["last"] + params["last_bias"]
    logits = person @ params["out"].T + params["bias"]
    again = (params["repeat"] * weight).sum(0) * (1.0 + params["gain"][item])
    logits = logits.at[row, item].add(again)
    norms = jax.nn.logsumexp(logits, axis=1)
    hit = logits[batch["label_row"], batch["label"]]
    is_label = (batch["label_row"] < n_rows).astype(jnp.float32)
    gain = (hit * is_label * batch["weight"][batch["label_row"]]).sum()
    return ((norms * batch["weight"] * batch["total"]).sum() - gain) / batch["weight"].sum()


@partial(jax.jit, static_argnums=(3, 4))
def _step(
    params: Params, state: AdamState, batch: Params, optimizer: Adam, n_rows: int
) -> tuple[Params, AdamState]:
    gradient = jax.grad(_loss)(params, batch, n_rows)
    return optimizer.step(params, gradient, state)


def _frozen(params: Params) -> Encoder:
    names = ("into", "hidden", "hidden_bias", "last", "last_bias", "out", "bias")
    return Encoder(**{name: np.array(params[name]) for name in names})
