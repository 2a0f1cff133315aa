"""Read a next-basket set and cut it by a protocol: what is known, what is to be predicted.

A set is a folder with `baskets.csv.gz` (customer_id, order_no, optional day, product_id, is_test),
`truth.json.gz` and an optional `products.csv.gz`. Three protocols:

nbr-v1       everybody's last basket is the test; the last baskets of the other folds may label.
strict       customers with >= 5 baskets, items with >= 10 lines; only older baskets may label.
global-time  everything before a day is known, each customer's first basket from that day on is
             the test. The day leaves a fifth of all baskets behind it.
"""

import csv
import gzip
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.purchases import Purchases

Ints = npt.NDArray[np.int32]
FOLDS = 5
LEAST_LINES = {"nbr-v1": 1, "strict": 10, "global-time": 3}
"""Lines an item needs in what is known; the sets come with nbr-v1's own cut already made."""
LEAST_BASKETS = {"nbr-v1": 3, "strict": 5, "global-time": 3}
TEST_SHARE = 0.2
PROTOCOLS = tuple(LEAST_LINES)


@dataclass(frozen=True, slots=True)
class Cut:
    """One set under one protocol.

    Args:
        known: What training and features may use.
        item_ids: The item index.
        categories: Item id to category, empty when the set knows none.
        truth: Test basket by customer number, int32 item indexes.
        day: Day of the test basket by customer number; empty without dates.
        fold: int[customers].
        has_fold_labels: Whether test baskets of other folds may be labels.
    """

    known: Purchases
    item_ids: list[str]
    categories: dict[str, str]
    truth: dict[int, Ints]
    day: dict[int, float]
    fold: npt.NDArray[np.int64]
    has_fold_labels: bool


@dataclass(frozen=True, slots=True)
class _Lines:
    """Columns of baskets.csv.gz; `day` is None where the set has no dates."""

    customer: npt.NDArray[np.str_]
    order: npt.NDArray[np.float64]
    product: npt.NDArray[np.str_]
    is_test: npt.NDArray[np.bool_]
    day: npt.NDArray[np.float64] | None


def read(folder: Path, protocol: str) -> Cut:
    """Read a set and cut it.

    Raises:
        ValueError: The protocol needs dates and the set has none.
    """
    lines = _lines(folder)
    if protocol == "global-time":
        if lines.day is None:
            raise ValueError(f"{folder}: global-time needs a day column, baskets.csv.gz has none")
        lines = _split_by_day(lines)
    lines = _filtered(lines, LEAST_BASKETS[protocol], LEAST_LINES[protocol])
    item_ids = sorted(set(lines.product[~lines.is_test].tolist()))
    place = {item: number for number, item in enumerate(item_ids)}
    item = np.array([place.get(product, -1) for product in lines.product.tolist()], np.int32)
    of_known = ~lines.is_test
    known = Purchases.of(
        lines.customer[of_known],
        lines.order[of_known],
        item[of_known],
        len(item_ids),
        None if lines.day is None else lines.day[of_known],
    )
    truth, day = _truth(lines, item, known)
    if protocol == "nbr-v1":
        _agree_with_file(folder, known, item_ids, truth)
    fold = np.array([_fold(customer) for customer in known.customer_ids])
    categories = _categories(folder)
    return Cut(known, item_ids, categories, truth, day, fold, protocol == "nbr-v1")


def _fold(customer: str) -> int:
    digest = hashlib.sha1(f"nbr-v1:{customer}".encode(), usedforsecurity=False).hexdigest()
    return int(digest, 16) % FOLDS


def _lines(folder: Path) -> _Lines:
    with gzip.open(folder / "baskets.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        header = next(rows)
        columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    day = np.array(columns["day"], np.float64) if "day" in columns else None
    return _Lines(
        np.array(columns["customer_id"]),
        np.array(columns["order_no"], np.float64),
        np.array(columns["product_id"]),
        np.array(columns["is_test"]) == "1",
        day,
    )


def _split_by_day(lines: _Lines) -> _Lines:
    """Mark each customer's first basket of the last fifth as test, and drop the later ones."""
    assert lines.day is not None
    baskets = {(c, o): d for c, o, d in zip(lines.customer, lines.order, lines.day, strict=True)}
    cut_day = float(np.quantile(np.array(list(baskets.values())), 1.0 - TEST_SHARE))
    first_after: dict[str, float] = {}
    for (customer, order), day in baskets.items():
        if day >= cut_day:
            first_after[customer] = min(order, first_after.get(customer, order))
    is_late = lines.day >= cut_day
    first = np.array([first_after.get(customer, -1.0) for customer in lines.customer])
    return _subset(lines, ~is_late | (lines.order == first), is_late)


def _subset(
    lines: _Lines, kept: npt.NDArray[np.bool_], is_test: npt.NDArray[np.bool_] | None = None
) -> _Lines:
    test = lines.is_test if is_test is None else is_test
    day = None if lines.day is None else lines.day[kept]
    return _Lines(lines.customer[kept], lines.order[kept], lines.product[kept], test[kept], day)


def _filtered(lines: _Lines, least_baskets: int, least_lines: int) -> _Lines:
    """Keep customers with enough baskets and items with enough known lines."""
    pairs = set(zip(lines.customer.tolist(), lines.order.tolist(), strict=True))
    baskets: dict[str, int] = {}
    for customer, _ in pairs:
        baskets[customer] = baskets.get(customer, 0) + 1
    enough = np.array([baskets[customer] >= least_baskets for customer in lines.customer.tolist()])
    lines = _subset(lines, enough)
    names, number = np.unique(lines.product, return_inverse=True)
    sold = np.bincount(number[~lines.is_test], minlength=names.size)
    return _subset(lines, (sold >= least_lines)[number])


def _truth(lines: _Lines, item: Ints, known: Purchases) -> tuple[dict[int, Ints], dict[int, float]]:
    """Return the test baskets, and their days, of customers with a history."""
    number = {customer: k for k, customer in enumerate(known.customer_ids)}
    truth: dict[int, set[int]] = {}
    day: dict[int, float] = {}
    for at in np.flatnonzero(lines.is_test & (item >= 0)):
        who = number.get(str(lines.customer[at]))
        if who is not None:
            truth.setdefault(who, set()).add(int(item[at]))
            if lines.day is not None:
                day[who] = float(lines.day[at])
    return {who: np.array(sorted(items), np.int32) for who, items in sorted(truth.items())}, day


def _agree_with_file(
    folder: Path, known: Purchases, item_ids: list[str], truth: dict[int, Ints]
) -> None:
    """Hold what was read against truth.json.gz, the evaluator's own file.

    Raises:
        ValueError: They name different test baskets.
    """
    with gzip.open(folder / "truth.json.gz", "rt") as file:
        expected = json.load(file)
    for who, items in truth.items():
        stated = set(expected[known.customer_ids[who]]["truth"])
        if stated != {item_ids[item] for item in items}:
            raise ValueError(f"{folder}: truth of {known.customer_ids[who]!r} differs from baskets")


def _categories(folder: Path) -> dict[str, str]:
    """Return the category of each product from the first column whose name says so."""
    path = folder / "products.csv.gz"
    if not path.exists():
        return {}
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        named = [name for name in rows.fieldnames or () if "category" in name]
        if not named:
            return {}
        return {row["product_id"]: row[named[0]] for row in rows if row[named[0]]}
