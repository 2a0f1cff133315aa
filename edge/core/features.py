"""The numbers the ranker sees, one row per candidate: computed here for the box and for training.

Decides names, order and meaning of every input; the schema's hash travels in the bundle, so a
model trained on another list is refused. Item indexes never enter as numbers. Leaves out the
scaling, which belongs to the model file.
"""

import hashlib
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from edge.core.candidates import (
    CONTEXT_BITS,
    CUSTOMER_COLUMNS,
    OWN_ROWS,
    SPREAD_COLUMNS,
    SPREAD_SCALE,
    Candidates,
    Context,
    Prepared,
    Source,
)
from edge.core.history import Floats, Ints
from edge.core.item_tables import ITEM_COLUMNS, ItemTables


class FeatureSource(StrEnum):
    """The data a feature rests on, for explanations by leaving one out."""

    HISTORY = "history"
    OTHERS = "others"
    POPULARITY = "popularity"
    BASKET = "basket"
    ZONE = "zone"
    STATED = "stated"


_RELATIVE = ("near_relative", "next_relative", "encoder_logit", "encoder_relative")
_CATEGORY = ("category_share", "category_recent")
_BASKET = ("basket_near", "basket_size_now")
_MOMENT = ("in_zone", "is_complement", "is_series", "is_care", "is_triggered", "is_stated")

FEATURE_NAMES: tuple[str, ...] = (
    OWN_ROWS
    + CUSTOMER_COLUMNS
    + ITEM_COLUMNS
    + SPREAD_COLUMNS
    + _RELATIVE
    + _CATEGORY
    + _BASKET
    + _MOMENT
    + ("log_days_away",)
)
FEATURE_SOURCE: tuple[FeatureSource, ...] = (
    (FeatureSource.HISTORY,) * (len(OWN_ROWS) + len(CUSTOMER_COLUMNS))
    + (FeatureSource.POPULARITY,) * len(ITEM_COLUMNS)
    + (FeatureSource.OTHERS,) * (len(SPREAD_COLUMNS) + len(_RELATIVE))
    + (FeatureSource.HISTORY,) * len(_CATEGORY)
    + (FeatureSource.BASKET,) * len(_BASKET)
    + (FeatureSource.ZONE,)
    + (FeatureSource.BASKET,) * 4
    + (FeatureSource.STATED,)
    + (FeatureSource.HISTORY,)
)
SCHEMA_VERSION = 1
"""Raised when the meaning of a feature changes while its name stays."""
SCHEMA_HASH = hashlib.sha256(f"{SCHEMA_VERSION}:{','.join(FEATURE_NAMES)}".encode()).hexdigest()

_OWN = slice(0, len(OWN_ROWS))
_CUSTOMER = slice(_OWN.stop, _OWN.stop + len(CUSTOMER_COLUMNS))
_ITEM = slice(_CUSTOMER.stop, _CUSTOMER.stop + len(ITEM_COLUMNS))
_S = _ITEM.stop
_R = _S + len(SPREAD_COLUMNS)
_C = _R + len(_RELATIVE)
_B = _C + len(_CATEGORY)
_M = _B + len(_BASKET)
# float32[2 ** sources, moment], 1 where a set of sources holds what the moment names.
_NAMED = ((np.arange(1 << max(Source).bit_length())[:, None] & CONTEXT_BITS) != 0).astype(
    np.float32
)

_OF_MOMENT = {
    Source.ZONE: FeatureSource.ZONE,
    Source.COMPLEMENT: FeatureSource.BASKET,
    Source.SERIES: FeatureSource.HISTORY,
    Source.CARE: FeatureSource.HISTORY,
    Source.TRIGGER: FeatureSource.HISTORY,
    Source.STATED: FeatureSource.STATED,
}
"""What the moment's sources rest on, seen closer than by their place among the features."""


def source_of_bits(sources: int, *, is_in_basket: bool) -> dict[str, int]:
    """Return the bits of a candidate that the moment sets, by the data they rest on.

    Args:
        sources: Bits of `candidates.Source`.
        is_in_basket: What the candidate goes with lies in the basket; else it was bought before.
    """
    found: dict[str, int] = {}
    for bit, source in _OF_MOMENT.items():
        if bit & sources:
            is_bought = bit is Source.COMPLEMENT and not is_in_basket
            name = FeatureSource.HISTORY if is_bought else source
            found[name] = found.get(name, 0) | int(bit)
    return found


def feature_sources(*, is_in_basket: bool) -> tuple[str, ...]:
    """Return the source of each feature of one candidate; see `source_of_bits`."""
    moment = [source_of_bits(int(bit), is_in_basket=is_in_basket) for bit in CONTEXT_BITS]
    named = tuple(next(iter(each)) for each in moment)
    return (*FEATURE_SOURCE[:_M], *named, *FEATURE_SOURCE[_M + len(_MOMENT) :])


def features(
    prepared: Prepared, candidates: Candidates, tables: ItemTables, context: Context
) -> Floats:
    """Compute the ranker's inputs.

    Returns:
        float32[n, len(FEATURE_NAMES)], contiguous, one row per candidate in its order.
    """
    items = candidates.items
    at = items.astype(np.intp)
    out = np.zeros((at.size, len(FEATURE_NAMES)), np.float32)
    out[:, _OWN] = prepared.own.of(items)
    out[:, _CUSTOMER] = prepared.customer
    out[:, _ITEM] = tables.item.take(at, axis=0)
    _others(out, prepared, items, prepared.logit[at])
    if prepared.by_category is not None:
        out[:, _C:_B] = prepared.by_category.take(tables.category[at], axis=0)
    if context.basket.size:
        _basket(out, at, tables, context.basket)
    out[:, _M : _M + len(_MOMENT)] = _NAMED.take(candidates.sources, axis=0)
    out[:, -1] = prepared.log_days_away
    return out


def _others(out: Floats, prepared: Prepared, items: Ints, logit: Floats) -> None:
    """Fill what other customers' purchases say: neighbours, transitions, the encoder.

    Relative values compare with the best of the whole catalogue, not of these candidates, so
    that taking one candidate away changes no other's inputs.
    """
    out[:, _S:_R] = spread = prepared.others.of(items)
    out[:, _R] = spread[:, 1] / prepared.near_top
    out[:, _R + 1] = spread[:, 3] / prepared.next_top
    out[:, _R + 2] = logit
    out[:, _R + 3] = logit - prepared.logit_top


def _basket(out: Floats, at: NDArray[np.intp], tables: ItemTables, basket: Ints) -> None:
    """Fill how near a candidate is to what lies in today's basket."""
    target = tables.near[basket].ravel().astype(np.intp)
    score = np.bincount(target, tables.near_score[basket].ravel(), tables.n_items)
    out[:, _B] = np.log1p(score[at] * (SPREAD_SCALE / basket.size))
    out[:, _B + 1] = np.log1p(basket.size)
