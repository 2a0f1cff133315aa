"""What is known of a person and an offer when its acceptance is guessed.

Decides names, order and meaning of the inputs, so that a model trained on a chain's coupon log
reads on the box what it read in training: a line is an item of a basket that was no gift, and all
that is known of a person ends with the day before. Leaves out the model (`edge.adapters.onnx`),
what its answer changes (`edge.core.takeup`) and whether the offer may be shown at all
(`edge.core.guard`).
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.core.history import History

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]

FEATURES = (
    "log_bought",  # lines of the person on items of the offer
    "log_class_bought",  # lines in the offer's classes
    "class_share",  # of the person's lines
    "log_class_lift",  # that share against the store's
    "class_recency",  # 1 / (1 + months since the last such line)
    "log_reach",  # lines of everybody on the offer's items, per line of the store
    "log_items",  # items of the offer
    "log_lines",  # the person's lines: how much is known
    "log_shown",  # offers the person saw in `LOOK_BACK_DAYS`
    "accept_rate",  # of these, shrunk to the store's rate
    "class_accepts",  # accepted offers that shared a class
    "log_kind_rate",  # acceptance of this kind of offer by everybody so far, shrunk
)
SCHEMA_HASH = hashlib.sha256(f"2:{','.join(FEATURES)}".encode()).hexdigest()
PRIOR_SHOWN = 20.0
"""Offers' worth of belief in the store's rate before a person's own is believed."""
MONTH_DAYS = 30.0
LOOK_BACK_DAYS = 90.0
"""How long an offer that was shown counts: as long as the ledger keeps what became of a card."""
LARGE_REDUCTION = 0.125
"""Share of the shelf's price from which a reduction is a large one (a proposal)."""


def kind_of(price_cents: int | None, shelf_cents: float) -> str:
    """Return the kind of an offer on a box, which a chain's log names the same way.

    Args:
        price_cents: Of the offer, None where it names none.
        shelf_cents: Mean price of its items.
    """
    if price_cents is None or price_cents >= shelf_cents:
        return "no_reduction"
    is_large = 1.0 - price_cents / shelf_cents >= LARGE_REDUCTION
    return "large_reduction" if is_large else "small_reduction"


@dataclass(frozen=True, slots=True)
class Rates:
    """How often offers were taken by everybody so far: over all of them, and by kind; above 0."""

    store: float
    kinds: Mapping[str, float]

    def of(self, kind: str) -> float:
        """Return the rate of a kind, the store's where nobody has seen the kind."""
        return self.kinds.get(kind, self.store)


@dataclass(frozen=True, slots=True)
class Offers:
    """The offers of one moment.

    Args:
        items: int32[m] item indexes, offer after offer; `starts` int64[k] where each begins.
        classes: int32[c] distinct classes, offer after offer; `class_starts` int64[k].
        kind_rate: float32[k], acceptance of offers of that kind so far, above 0.
    """

    items: Ints
    starts: npt.NDArray[np.int64]
    classes: Ints
    class_starts: npt.NDArray[np.int64]
    kind_rate: Floats

    @classmethod
    def of(cls, items: list[Ints], class_of: Ints, kind_rate: Floats) -> "Offers":
        """Build from the items of each offer; none may be empty.

        Args:
            items: One int32 array per offer.
            class_of: int32[n items], -1 where unknown.
            kind_rate: See the class.
        """
        classes = [np.unique(class_of[each]) for each in items]
        return cls(
            np.concatenate(items).astype(np.int32),
            _starts([each.size for each in items]),
            np.concatenate(classes).astype(np.int32),
            _starts([each.size for each in classes]),
            np.asarray(kind_rate, np.float32),
        )

    @property
    def n(self) -> int:
        """Return the number of offers."""
        return self.starts.size


def _starts(sizes: list[int]) -> npt.NDArray[np.int64]:
    if not all(sizes):
        raise ValueError("an offer without items accepts nothing")
    return np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Shelf:
    """The store's side: `class_of` int32[items] (-1 unknown) and `lines` float32[items] sold."""

    class_of: Ints
    lines: Floats
    class_lines: Floats

    @classmethod
    def of(cls, class_of: Ints, lines: Floats) -> "Shelf":
        """Sum the lines over the classes; the last place is for unknown classes."""
        n_classes = int(class_of.max(initial=-1)) + 1
        total = np.bincount(class_of % (n_classes + 1), lines, n_classes + 1)
        return cls(class_of, lines, total.astype(np.float32))


@dataclass(frozen=True, slots=True)
class Seen:
    """An offer that a person was shown: on which day, whether it was taken, on what classes."""

    day: float
    is_accepted: bool
    classes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Past:
    """The person's side, from purpose `profile` only.

    Args:
        items: int32[l], one per line bought.
        age_days: float32[l], whole days since each.
        n_shown, n_accepted: Offers seen and accepted in the look-back.
        accepted_classes: int32[a], classes of accepted offers, with repetition.
        store_rate: Acceptance over all persons and offers so far.
    """

    items: Ints
    age_days: Floats
    n_shown: int
    n_accepted: int
    accepted_classes: Ints
    store_rate: float

    @classmethod
    def of(cls, history: History, day: float, seen: Iterable[Seen], store_rate: float) -> "Past":
        """Take what is known of a person as a day begins.

        Args:
            history: With its days; without, nobody knows what came before.
            day: On the scale of `history.day` and of what was seen.
            seen: Offers in any order.
            store_rate: See the class.
        """
        today = np.floor(day)
        items, age = np.empty(0, np.int32), np.empty(0, np.float32)
        if history.day is not None:
            age = (today - np.floor(history.day)).astype(np.float32)[history.basket]
            items, age = history.item[age > 0], age[age > 0]
        counted = [one for one in seen if 0 < today - np.floor(one.day) <= LOOK_BACK_DAYS]
        taken = [one for one in counted if one.is_accepted]
        classes = [each for one in taken for each in one.classes]
        accepted = np.array(classes, np.int32)
        return cls(items, age, len(counted), len(taken), accepted, store_rate)


def features(past: Past, offers: Offers, shelf: Shelf) -> Floats:
    """Compute the inputs of every offer for one person.

    Returns:
        float32[offers, len(FEATURES)].
    """
    n_classes = shelf.class_lines.size
    line_class = shelf.class_of[past.items] % n_classes
    own = np.bincount(past.items, minlength=shelf.class_of.size)
    own_class = np.bincount(line_class, minlength=n_classes).astype(np.float32)
    newest = np.full(n_classes, np.inf, np.float32)
    np.minimum.at(newest, line_class, past.age_days)
    accepts = np.bincount(past.accepted_classes % n_classes, minlength=n_classes)
    classes = offers.classes % n_classes
    bought = np.add.reduceat(own_class[classes], offers.class_starts)
    share = bought / max(1, past.items.size)
    sold = np.add.reduceat(shelf.class_lines[classes], offers.class_starts)
    expected = sold / max(1.0, float(shelf.class_lines.sum()))
    age = np.minimum.reduceat(newest[classes], offers.class_starts)
    reach = np.add.reduceat(shelf.lines[offers.items], offers.starts)
    columns = {
        "log_bought": np.log1p(np.add.reduceat(own[offers.items], offers.starts)),
        "log_class_bought": np.log1p(bought),
        "class_share": share,
        "log_class_lift": np.log((share + 1e-3) / (expected + 1e-3)),
        "class_recency": 1.0 / (1.0 + age / MONTH_DAYS),
        "log_reach": np.log1p(1e4 * reach / max(1.0, float(shelf.lines.sum()))),
        "log_items": np.log1p(np.diff(np.append(offers.starts, offers.items.size))),
        "log_lines": np.full(offers.n, np.log1p(past.items.size)),
        "log_shown": np.full(offers.n, np.log1p(past.n_shown)),
        "accept_rate": np.full(offers.n, _rate(past)),
        "class_accepts": np.log1p(np.add.reduceat(accepts[classes], offers.class_starts)),
        "log_kind_rate": np.log(offers.kind_rate),
    }
    return np.stack([columns[name] for name in FEATURES], axis=1).astype(np.float32)


def _rate(past: Past) -> float:
    """Return the log of the person's acceptance against the store's, shrunk."""
    believed = PRIOR_SHOWN * past.store_rate
    own = (past.n_accepted + believed) / (past.n_shown + PRIOR_SHOWN)
    return float(np.log(own / max(past.store_rate, 1e-9)))
