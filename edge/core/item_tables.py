"""What the store knows of its items from everybody's purchases: the counted half of the model.

Decides the names, shapes and units of the tables that `models` counts and the box loads with a
bundle. Leaves out how they are counted (`models.counting`) and where the packed
arrays lie (`models.bundle`, `edge.adapters.onnx.ranker`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.core.history import Floats, Ints

Arrays = dict[str, npt.NDArray[Any]]

NEAR_WIDTH = 30
"""Neighbours kept per item; lists of 30 and 40 keep a 12,000-item bundle under 5 MB."""
NEXT_WIDTH = 40
"""Next-basket transitions kept per item."""
HAZARD_LAGS = 5
"""Baskets after a purchase for which a repeat probability is kept; the last one is "or later"."""
POOLING = (0.0, 0.6, 0.95)
"""How fast an item's weight fades per basket in the encoder's three views; 0 = last basket."""

ITEM_COLUMNS = (
    "log_popularity",
    "trend",
    "short_trend",
    "log_buyers",
    "log_new_buyers",
    "repeat_share",
    "hazard",
    "log_gap",
    "basket_size",
)


@dataclass(frozen=True, slots=True)
class Encoder:
    """A pooled-basket encoder: a history becomes a short vector, items are scored against it.

    Args:
        into: float32[items, d], what an item adds to a history.
        hidden: float32[3 * d, h] and `hidden_bias` float32[h], tanh layer over the three views.
        last: float32[h, d] and `last_bias` float32[d], giving the person vector.
        out: float32[items, d] and `bias` float32[items]: logit = out · person + bias.
    """

    into: Floats
    hidden: Floats
    hidden_bias: Floats
    last: Floats
    last_bias: Floats
    out: Floats
    bias: Floats

    def person(self, items: Ints, weight: Floats) -> Floats:
        """Encode a history.

        Args:
            items: int32[m], the distinct items.
            weight: float32[3, m], the faded weights of each view in `POOLING`.

        Returns:
            float32[d].
        """
        pooled = (weight @ self.into[items]) / np.sqrt(weight.sum(axis=1) + 1.0)[:, None]
        inner = np.tanh(pooled.ravel() @ self.hidden + self.hidden_bias)
        person: Floats = inner @ self.last + self.last_bias
        return person

    def aligned(self, source: npt.NDArray[np.int64], is_known: npt.NDArray[np.bool_]) -> "Encoder":
        """Return the encoder over another item order; unknown items add and match nothing."""
        return Encoder(
            self.into[source] * is_known[:, None],
            self.hidden,
            self.hidden_bias,
            self.last,
            self.last_bias,
            self.out[source] * is_known[:, None],
            np.where(is_known, self.bias[source], self.bias.min()),
        )


@dataclass(frozen=True, slots=True)
class ItemTables:
    """Tables over one item index; every array's first axis is the item.

    Args:
        item: float32[items, len(ITEM_COLUMNS)].
        hazard: float32[items, HAZARD_LAGS], the chance of a repeat k baskets after a purchase,
            given none in between.
        gap: float32[items], the usual gap between two purchases of one customer, in baskets.
        gap_days: float32[items], the same in days; 0 where dates are unknown.
        near, near_score: int[items, NEAR_WIDTH], float32 of the same shape: cosine over buyers.
        next, next_score: int[items, NEXT_WIDTH]: chance that a basket with the row's item is
            followed by one with the column's.
        category: int32[items], -1 where unknown.
        popular: int32[items], most bought first.
        encoder: See `Encoder`.
    """

    item: Floats
    hazard: Floats
    gap: Floats
    gap_days: Floats
    near: npt.NDArray[np.integer]
    near_score: Floats
    next: npt.NDArray[np.integer]
    next_score: Floats
    category: Ints
    popular: Ints
    encoder: Encoder

    @property
    def n_items(self) -> int:
        """Return the size of the item index."""
        return int(self.item.shape[0])

    def aligned(self, rows: npt.NDArray[np.int64]) -> "ItemTables":
        """Return the tables over another item order, such as a catalogue's.

        Args:
            rows: int64[new items], this table's row of each; -1 for an item unknown here, which
                gets the values of a rarely sold item and stands in no list.
        """
        if np.array_equal(rows, np.arange(self.n_items)):
            return self
        place = np.full(self.n_items + 1, -1, np.int64)
        place[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
        is_known = rows >= 0
        source = np.where(is_known, rows, 0)
        rare = int(np.argmin(self.item[:, 0]))
        static = np.where(is_known, rows, rare)
        near, near_score = _moved(self.near, self.near_score, place, source, is_known)
        follow, next_score = _moved(self.next, self.next_score, place, source, is_known)
        popular = place[self.popular]
        return ItemTables(
            item=self.item[static],
            hazard=self.hazard[static],
            gap=self.gap[static],
            gap_days=self.gap_days[static],
            near=near,
            near_score=near_score,
            next=follow,
            next_score=next_score,
            category=np.where(is_known, self.category[source], -1).astype(np.int32),
            popular=popular[popular >= 0].astype(np.int32),
            encoder=self.encoder.aligned(source, is_known),
        )


def _moved(
    lists: npt.NDArray[np.integer],
    scores: Floats,
    place: npt.NDArray[np.int64],
    source: npt.NDArray[np.int64],
    is_known: npt.NDArray[np.bool_],
) -> tuple[Ints, Floats]:
    """Rename the items of the lists; an item without a place loses its score."""
    items = place[lists[source]]
    score = scores[source] * ((items >= 0) & is_known[:, None])
    return np.maximum(items, 0).astype(np.int32), score.astype(np.float32)


def packed(tables: ItemTables) -> Arrays:
    """Return the tables in 8 and 16 bits, named arrays fit for one file."""
    index = np.uint16 if tables.n_items <= 2**16 else np.int32
    out: Arrays = {name: getattr(tables, name).astype(np.float16) for name in _HALF}
    out["category"] = tables.category.astype(np.int32)
    out["popular"] = tables.popular.astype(index)
    for name in _LISTS:
        scores = getattr(tables, f"{name}_score")
        top = max(1e-9, float(np.sqrt(scores.max(initial=0.0))))
        out[name] = getattr(tables, name).astype(index)
        out[f"{name}_score"] = np.rint(np.sqrt(scores) / top * 255.0).astype(np.uint8)
        out[f"{name}_top"] = np.array([top], np.float32)
    for entry in fields(Encoder):
        value = getattr(tables.encoder, entry.name)
        if entry.name in _BYTES:
            scale = np.maximum(np.abs(value).max(axis=1), 1e-12) / 127.0
            out[f"encoder_{entry.name}_scale"] = scale.astype(np.float32)
            value = np.rint(value / scale[:, None]).astype(np.int8)
        out[f"encoder_{entry.name}"] = value
    return out


def unpacked(arrays: Mapping[str, npt.NDArray[Any]]) -> ItemTables:
    """Return the tables that `packed` stored, rounded to its precision.

    Raises:
        KeyError: An array is missing.
        ValueError: The arrays do not fit one another, or hold what is no number.
    """
    values: Arrays = {name: arrays[name].astype(np.float32) for name in _HALF}
    for name in _LISTS:
        root = arrays[f"{name}_score"].astype(np.float32) * (arrays[f"{name}_top"] / 255.0)
        values[name] = arrays[name].astype(np.int32)
        values[f"{name}_score"] = root * root
    layers: Arrays = {}
    for entry in fields(Encoder):
        value = arrays[f"encoder_{entry.name}"].astype(np.float32)
        if entry.name in _BYTES:
            value *= arrays[f"encoder_{entry.name}_scale"][:, None]
        layers[entry.name] = value
    tables = ItemTables(
        category=arrays["category"].astype(np.int32),
        popular=arrays["popular"].astype(np.int32),
        encoder=Encoder(**layers),
        **values,
    )
    _check(tables)
    return tables


def _check(tables: ItemTables) -> None:
    """Raise ValueError where shapes, item numbers or values are none that can be computed with."""
    n, encoder = tables.n_items, tables.encoder
    size, inner = encoder.last_bias.size, encoder.hidden_bias.size
    shapes = {
        "item": (n, len(ITEM_COLUMNS)),
        "hazard": (n, HAZARD_LAGS),
        "gap": (n,),
        "gap_days": (n,),
        "category": (n,),
        "near": (n, NEAR_WIDTH),
        "near_score": (n, NEAR_WIDTH),
        "next": (n, NEXT_WIDTH),
        "next_score": (n, NEXT_WIDTH),
        "popular": (tables.popular.size,),
        "encoder.into": (n, size),
        "encoder.hidden": (len(POOLING) * size, inner),
        "encoder.hidden_bias": (inner,),
        "encoder.last": (inner, size),
        "encoder.last_bias": (size,),
        "encoder.out": (n, size),
        "encoder.bias": (n,),
    }
    for name, shape in shapes.items():
        array = attrgetter(name)(tables)
        if array.shape != shape:
            raise ValueError(f"{name}: shape {array.shape}, expected {shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name}: a value that is no number")
    for name in ("near", "next", "popular"):
        array = getattr(tables, name)
        if array.size and not 0 <= array.min() <= array.max() < n:
            raise ValueError(f"{name}: an item outside of the {n}")


_HALF = ("item", "hazard", "gap", "gap_days")
_LISTS = ("near", "next")
_BYTES = ("into", "out")
"""Encoder matrices stored as int8 with one scale per item; the small ones stay float32."""


def blank(n_items: int) -> ItemTables:
    """Return tables that know nothing, for a box without a bundle: nothing is likely to be bought.

    The floor lets none of it pass, so what is offered then is what people and rules name.
    """
    one = np.zeros((1, 1), np.float32)
    flat: Floats = np.broadcast_to(np.float32(0), n_items)  # the same cell, as often as it is asked
    nobody = np.zeros((n_items, 1), np.float32)
    return ItemTables(
        item=np.broadcast_to(np.float32(0), (n_items, len(ITEM_COLUMNS))),
        hazard=np.broadcast_to(np.float32(0), (n_items, HAZARD_LAGS)),
        gap=np.ones(n_items, np.float32),
        gap_days=flat,
        near=np.broadcast_to(np.int32(0), (n_items, NEAR_WIDTH)),
        near_score=np.broadcast_to(np.float32(0), (n_items, NEAR_WIDTH)),
        next=np.broadcast_to(np.int32(0), (n_items, NEXT_WIDTH)),
        next_score=np.broadcast_to(np.float32(0), (n_items, NEXT_WIDTH)),
        category=np.full(n_items, -1, np.int32),
        popular=np.arange(n_items, dtype=np.int32),
        encoder=Encoder(
            into=nobody,
            hidden=np.zeros((len(POOLING), 1), np.float32),
            hidden_bias=np.zeros(1, np.float32),
            last=one,
            last_bias=np.zeros(1, np.float32),
            out=nobody,
            bias=flat,
        ),
    )
