"""Turn purchases into training examples with the box's own candidate and feature code.

A stage is a moment in everybody's past: tables, encoder and features know the baskets before it,
its labels are the next basket. Training on several stages teaches the ranker what tables of that
age are worth, and no label ever helped to make an input of its own stage.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from edge.core.candidates import MAX_PREPARED, Context, candidates, prepare
from edge.core.features import FEATURE_NAMES, features
from edge.core.history import Floats, History, Ints
from edge.core.item_tables import ItemTables, packed, unpacked
from models.counting import count
from models.encoder import EncoderPlan
from models.encoder import train as train_encoder
from models.everybody import Everybody
from models.purchases import Purchases


@dataclass(frozen=True, slots=True)
class Label:
    """What a customer bought next: item indexes and, where dates exist, the day."""

    items: Ints
    day: float | None = None


@dataclass(frozen=True, slots=True)
class Examples:
    """Scored candidates of many customers at one stage.

    Args:
        features: float16[customers, n, F]; float32 would double the memory for nothing measured.
        items: int32[customers, n], padded with 0.
        hit: bool[customers, n], bought next.
        mask: bool[customers, n], False for padding.
        person: float32[customers, d].
        n_labels: int32[customers], size of the basket bought next, outside the candidates too.
        customer: int32[customers], number in the purchases.
    """

    features: npt.NDArray[np.float16]
    items: Ints
    hit: npt.NDArray[np.bool_]
    mask: npt.NDArray[np.bool_]
    person: Floats
    n_labels: Ints
    customer: Ints

    @property
    def n_customers(self) -> int:
        """Return the number of customers."""
        return int(self.items.shape[0])

    def of(self, chosen: npt.NDArray[np.generic]) -> "Examples":
        """Return the examples of chosen rows (numbers or a mask)."""
        return Examples(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


def tables_of(
    everybody: Everybody, learned: Purchases, category: Ints | None, plan: EncoderPlan, seed: int
) -> ItemTables:
    """Count everybody's tables and train the encoder, rounded as a box will read them.

    Args:
        everybody: All of them are counted.
        learned: Of the customers that the encoder learns from.
        category: int32[items] or None.
        plan: Of the encoder.
        seed: Of everything random.
    """
    counts = count(everybody, category)
    encoder = train_encoder(learned, plan, seed)
    unknown = np.full(everybody.n_items, -1, np.int32)
    values = {name: getattr(counts, name) for name in counts.__dataclass_fields__}
    exact = ItemTables(
        category=unknown if category is None else category, encoder=encoder, **values
    )
    return unpacked(packed(exact))


def stage(purchases: Purchases, back: int) -> tuple[list[History], dict[int, Label]]:
    """Split the purchases `back` baskets before everybody's present.

    Returns:
        Every customer's history, and the label of those who have both.
    """
    ends, lines = purchases.basket_ends(), purchases.line_ends()
    labels = {}
    for customer, (low, high) in enumerate(pairwise(ends)):
        at = high - back
        if at <= low:
            continue
        day = None if purchases.day is None else float(purchases.day[at])
        labels[customer] = Label(purchases.item[lines[at] : lines[at + 1]], day)
    return purchases.without_newest(back).histories(), labels


def examples_of(
    histories: Sequence[History], labels: dict[int, Label], tables: ItemTables
) -> Examples:
    """Compute candidates and features of every labelled customer, as the box does."""
    n, width = len(labels), min(MAX_PREPARED, tables.n_items)
    out = Examples(
        features=np.zeros((n, width, len(FEATURE_NAMES)), np.float16),
        items=np.zeros((n, width), np.int32),
        hit=np.zeros((n, width), bool),
        mask=np.zeros((n, width), bool),
        person=np.zeros((n, tables.encoder.out.shape[1]), np.float32),
        n_labels=np.zeros(n, np.int32),
        customer=np.fromiter(labels, np.int32, n),
    )
    for row, (customer, label) in enumerate(labels.items()):
        prepared, context = prepare(histories[customer], tables, label.day), Context()
        found = candidates(prepared, tables, context)
        k = found.items.size
        out.features[row, :k] = features(prepared, found, tables, context)
        out.items[row, :k] = found.items
        out.hit[row, :k] = np.isin(found.items, label.items)
        out.mask[row, :k] = True
        out.person[row] = prepared.person
        out.n_labels[row] = label.items.size
    return out
