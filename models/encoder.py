"""Train the pooled-basket encoder: which basket follows a history, as a softmax over all items.

Every non-first basket of every customer is one label, its earlier baskets the input. What the
customer bought before gets a repeat term of its own while training, so that the vectors learn
what else belongs to such a history; the box drops that term, its features know repeats better.
Leaves out the ranker that reads the encoder's scores (`models.ranker`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.core.history import Floats
from edge.core.item_tables import POOLING, Encoder
from models.adam import Adam, Halves, Tree
from models.purchases import Purchases
from models.rows import sum_rows

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
        most_baskets: Labels of a pass, drawn anew for each where there are more; Ta-Feng, on
            which the plan was tuned, has 77,000.
    """

    size: int = 64
    hidden: int = 128
    epochs: int = 4
    batch: int = 256
    rate: float = 3e-3
    drop: float = 0.3
    decay: float = 0.02
    label_power: float = 0.3
    most_baskets: int = 120_000


@dataclass(frozen=True, slots=True)
class Samples:
    """One row per labelled basket: [low, high) lines before it, its own lines, its position."""

    basket: npt.NDArray[np.int64]
    low: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    stop: npt.NDArray[np.int64]


def train(purchases: Purchases, plan: EncoderPlan, seed: int) -> Encoder:
    """Train an encoder on all purchases; the same seed gives the same bytes on one machine."""
    rng = np.random.default_rng(seed)
    samples = samples_of(purchases)
    params = initial(purchases, plan, rng)
    a_pass = min(samples.basket.size, plan.most_baskets)
    steps = plan.epochs * -(-a_pass // plan.batch)
    optimizer = Adam(params, plan.rate, {"into": plan.decay, "out": plan.decay}, steps)
    with Halves() as halves:
        for _ in range(plan.epochs):
            for parts in _batches(purchases, samples, plan, rng):
                optimizer.step(halves.slopes(slopes, params, parts))
    names = ("into", "hidden", "hidden_bias", "last", "last_bias", "out", "bias")
    return Encoder(**{name: params[name] for name in names})


def baskets_to_learn(purchases: Purchases) -> int:
    """Return how many baskets have one before them."""
    return int(purchases.customer.size - np.unique(purchases.customer).size)


def samples_of(purchases: Purchases) -> Samples:
    """Return every basket that has one before it."""
    baskets, lines = purchases.basket_ends(), purchases.line_ends()
    number = np.arange(purchases.customer.size)
    first = baskets[purchases.customer]
    labelled = number[number > first]
    start = lines[labelled]
    return Samples(
        labelled,
        np.maximum(lines[first[labelled]], start - MAX_LINES),
        start,
        lines[labelled + 1],
    )


def initial(purchases: Purchases, plan: EncoderPlan, rng: np.random.Generator) -> Tree:
    """Return random vectors, and the log of popularity as the bias."""
    n, d, h = purchases.n_items, plan.size, plan.hidden
    views = len(POOLING)

    def normal(*shape: int, scale: float) -> Floats:
        return rng.normal(0.0, scale, shape).astype(np.float32)

    popularity = np.bincount(purchases.item, minlength=n) + 0.5
    bias = np.log(popularity / popularity.sum() * n)
    return {
        "into": normal(n, d, scale=0.1),
        "hidden": normal(views * d, h, scale=(views * d) ** -0.5),
        "hidden_bias": np.zeros(h, np.float32),
        "last": normal(h, d, scale=h**-0.5),
        "last_bias": np.zeros(d, np.float32),
        "out": normal(n, d, scale=0.1),
        "bias": bias.astype(np.float32),
        "repeat": np.zeros(views, np.float32),
        "gain": np.zeros(n, np.float32),
    }


@dataclass(frozen=True, slots=True)
class Part:
    """Half a batch of labelled baskets.

    Args:
        item: int32[lines] that were bought before; row: int32[lines], never falling, whose they
            are; age: float32[lines] in baskets, 0 the newest.
        label: int32[labels] bought next; label_row: int32[labels], whose they are.
        share: float32[rows], weight of one label of each row; over a batch the rows' weights
            add up to 1.
        labels: float32[rows], labels of each row.
    """

    item: npt.NDArray[np.int32]
    row: npt.NDArray[np.int32]
    age: Floats
    label: npt.NDArray[np.int32]
    label_row: npt.NDArray[np.int32]
    share: Floats
    labels: Floats


def _batches(
    purchases: Purchases, samples: Samples, plan: EncoderPlan, rng: np.random.Generator
) -> Iterator[list[Part]]:
    """Yield batches, each in two halves."""
    order = rng.permutation(samples.basket.size)[: plan.most_baskets]
    size = (samples.stop - samples.start).astype(np.float32)
    for at in range(0, order.size, plan.batch):
        chosen = order[at : at + plan.batch]
        weight = size[chosen] ** (plan.label_power - 1.0)
        share = (weight / weight.sum()).astype(np.float32)
        middle = -(-chosen.size // 2)
        yield [
            _part(purchases, samples, chosen[rows], share[rows], plan, rng)
            for rows in (slice(middle), slice(middle, None))
            if chosen[rows].size
        ]


def _part(
    purchases: Purchases,
    samples: Samples,
    chosen: npt.NDArray[np.int64],
    share: Floats,
    plan: EncoderPlan,
    rng: np.random.Generator,
) -> Part:
    """Gather the lines of some samples, a share of the earlier ones left out."""
    lines, row = _lines(samples.low[chosen], samples.start[chosen])
    wanted, label_row = _lines(samples.start[chosen], samples.stop[chosen])
    kept = rng.random(lines.size) >= plan.drop
    lines, row = lines[kept], row[kept]
    age = samples.basket[chosen][row] - 1 - purchases.basket[lines]
    labels = (samples.stop - samples.start)[chosen].astype(np.float32)
    return Part(
        purchases.item[lines],
        row,
        age.astype(np.float32),
        purchases.item[wanted],
        label_row,
        share,
        labels,
    )


def _lines(
    low: npt.NDArray[np.int64], high: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Return the line numbers of every [low, high) in a row, and the row of each."""
    length = high - low
    row = np.repeat(np.arange(low.size), length)
    offset = np.arange(row.size) - np.repeat(np.cumsum(length) - length, length)
    return low[row] + offset, row.astype(np.int32)


@dataclass(frozen=True, slots=True)
class _Pass:
    """A forward pass: what the backward one needs.

    Args:
        weight: float32[views, lines], faded by age.
        norm: float32[rows, views, 1], divides the pooled vectors.
        pooled: float32[rows, views * d]; inner: [rows, hidden]; person: [rows, d].
        logits: float32[rows, items].
    """

    weight: Floats
    norm: Floats
    pooled: Floats
    inner: Floats
    person: Floats
    logits: Floats


def _forward(params: Tree, part: Part) -> _Pass:
    n, views = part.share.size, len(POOLING)
    weight = np.stack([np.power(np.float32(fade), part.age) for fade in POOLING])
    vector = params["into"][part.item]
    summed = [sum_rows(vector * w[:, None], part.row, n, is_sorted=True) for w in weight]
    total = np.stack([np.bincount(part.row, w, n) for w in weight], axis=1)
    norm = np.sqrt(total + 1.0).astype(np.float32)[:, :, None]
    pooled = (np.stack(summed, axis=1) / norm).reshape(n, views * vector.shape[1])
    inner = np.tanh(pooled @ params["hidden"] + params["hidden_bias"])
    person = inner @ params["last"] + params["last_bias"]
    logits = person @ params["out"].T
    logits += params["bias"]
    again = (params["repeat"] @ weight) * (1.0 + params["gain"][part.item])
    np.add.at(logits.reshape(-1), _cells(part.row, part.item, logits.shape[1]), again)
    return _Pass(weight, norm, pooled, inner, person, logits)


def _cells(
    row: npt.NDArray[np.int32], item: npt.NDArray[np.int32], n_items: int
) -> npt.NDArray[np.int64]:
    return row.astype(np.int64) * n_items + item


def loss(params: Tree, part: Part) -> float:
    """Return the softmax cross entropy of the labels, each weighing its row's share."""
    logits = _forward(params, part).logits.astype(np.float64)
    top = logits.max(axis=1)
    norms = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
    hit = (logits[part.label_row, part.label] * part.share[part.label_row]).sum()
    return float(norms @ (part.share * part.labels) - hit)


def slopes(params: Tree, part: Part) -> Tree:
    """Return the gradient of `loss`, by hand (a test holds it against finite differences)."""
    found = _forward(params, part)
    by_logit = _by_logit(found.logits, part)
    by_person = by_logit @ params["out"]
    by_inner = (by_person @ params["last"].T) * (1.0 - found.inner**2)
    by_pooled = (by_inner @ params["hidden"].T).reshape(len(part.share), len(POOLING), -1)
    by_pooled /= found.norm
    by_line = np.zeros((part.item.size, by_pooled.shape[2]), np.float32)
    for view, weight in enumerate(found.weight):
        by_line += by_pooled[:, view][part.row] * weight[:, None]
    n_items = params["into"].shape[0]
    cells = _cells(part.row, part.item, n_items)
    by_again = by_logit.reshape(-1)[cells]
    own = params["repeat"] @ found.weight
    gain = np.bincount(part.item, by_again * own, n_items)
    return {
        "into": sum_rows(by_line, part.item, n_items, is_sorted=False),
        "hidden": found.pooled.T @ by_inner,
        "hidden_bias": by_inner.sum(axis=0),
        "last": found.inner.T @ by_person,
        "last_bias": by_person.sum(axis=0),
        "out": by_logit.T @ found.person,
        "bias": by_logit.sum(axis=0),
        "repeat": found.weight @ (by_again * (1.0 + params["gain"][part.item])),
        "gain": gain.astype(np.float32),
    }


def _by_logit(logits: Floats, part: Part) -> Floats:
    """Turn logits, in place, into the slope of the loss by each of them."""
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits *= (part.share * part.labels / logits.sum(axis=1))[:, None]
    logits[part.label_row, part.label] -= part.share[part.label_row]
    return logits
