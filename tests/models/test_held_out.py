"""Where a store's receipts are cut, and who is asked about what came after."""

import math
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import ibis
import numpy as np
import pyarrow as pa
import pytest

from edge.core.errors import ConfigError
from models import held_out
from models.engine import Engine, Table, duckdb_engine
from models.everybody import Everybody
from models.held_out import Asked

Basket = tuple[str, int, str, float]
"""Customer, number of the basket, an item per letter, day."""


def numbered(
    baskets: Sequence[Basket], is_test: Sequence[bool] | None = None, east: float = 0.0
) -> Table:
    """Return a table as `models.histories.baskets` does, of a store so many hours east of UTC."""
    tests = is_test or [False] * len(baskets)
    lines = [
        (who, basket, item, day, math.floor(day + east / 24), test)
        for (who, basket, items, day), test in zip(baskets, tests, strict=True)
        for item in items
    ]
    names = ("customer", "basket", "item", "day", "local_day", "is_test")
    return ibis.memtable(pa.table(dict(zip(names, zip(*lines, strict=True), strict=True))))


def days(part: Table) -> list[float]:
    """Return the days of the baskets of a part, each once, rising."""
    return sorted(set(part.day.to_pyarrow().to_pylist()))


@pytest.fixture(autouse=True)
def engine(tmp_path: Path) -> Iterator[Engine]:
    """The engine that training uses, settings included."""
    before = ibis.options.default_backend
    opened = duckdb_engine(tmp_path / "spill")
    ibis.set_backend(opened.backend)
    yield opened
    ibis.options.default_backend = before


CUTS: dict[str, tuple[list[Basket], list[float], list[float]]] = {
    "the newest of ten days": (
        [("a", day, "m", day + 0.4) for day in range(10)],
        [day + 0.4 for day in range(9)],
        [9.4],
    ),
    "baskets are counted, not their lines": (
        [("b", 0, "abcdefghijklmnopqrstuvwxyz", 0.4)]
        + [("a", day - 1, "m", day + 0.4) for day in range(1, 10)],
        [day + 0.4 for day in range(9)],
        [9.4],
    ),
    "no day is torn": (
        [*(("a", n, "m", n / 2) for n in range(16)), *(("b", n, "m", 8 + n / 4) for n in range(4))],
        [n / 2 for n in range(16)],
        [8.0, 8.25, 8.5, 8.75],
    ),
    "a tenth lies between two days": (
        [*(("a", n, "m", 1.5) for n in range(9)), ("b", 0, "m", 7.5)],
        [1.5],
        [7.5],
    ),
    "the oldest day is known, however many came": (
        [*(("a", n, "m", 1.5) for n in range(99)), ("b", 0, "m", 3.5)],
        [1.5],
        [3.5],
    ),
}


@pytest.mark.parametrize("name", CUTS)
def test_a_store_is_cut_at_a_day(name: str) -> None:
    """At least a tenth of the baskets come later, and all of their day."""
    baskets, known, later = CUTS[name]
    parts = held_out.split(numbered(baskets), has_days=True)
    assert parts is not None
    assert days(parts.known) == known
    assert days(parts.later) == later


def test_a_day_of_the_store_is_not_torn() -> None:
    """In New York those of the evening come after midnight in UTC, and on the day of the noon."""
    baskets: list[Basket] = [("a", n, "m", n // 2 + (17, 25)[n % 2] / 24) for n in range(20)]
    parts = held_out.split(numbered(baskets, east=-5), has_days=True)
    assert parts is not None
    assert days(parts.known) == [day for *_, day in baskets[:18]]
    assert days(parts.later) == [day for *_, day in baskets[18:]]


def test_a_single_day_cannot_be_cut() -> None:
    """Nor can a table without a basket, where all that known customers bought were gifts."""
    one_day = numbered([("a", n, "m", 1 + n / 20) for n in range(20)])
    assert held_out.split(one_day, has_days=True) is None
    assert held_out.split(one_day.filter(one_day.day < 0), has_days=True) is None


def test_what_the_data_hold_out_goes_before_days() -> None:
    """The marks decide; without them and without days nothing can be held out."""
    baskets: list[Basket] = [("a", 0, "m", 9.5), ("a", 1, "m", 9.5), ("b", 0, "m", 1.5)]
    parts = held_out.split(numbered(baskets, [False, True, False]), has_days=True)
    assert parts is not None
    assert days(parts.known) == [1.5, 9.5]
    assert days(parts.later) == [9.5]
    assert held_out.split(numbered(baskets), has_days=False) is None


LEARNED: dict[str, tuple[list[float], float, int, int]] = {
    "whole days": ([5.0, 7.0], 7.0, 0, 7),
    "a day begun": ([5.2, 7.4, 7.6], 7.4, 0, 7),
    "a moment that single precision moves back": ([20_400.0, 20_500.401], 20_500.401, 0, 20_500),
    "an evening in New York, already the 8th in UTC": ([6.9, 8.1], 8.1, -5, 7),
    "a morning in Auckland, still the 6th in UTC": ([5.9, 6.9], 6.9, 12, 7),
}
"""Moments of baskets, the newest that was learned, hours east of UTC, and its day in the store."""


@pytest.mark.parametrize("name", LEARNED)
def test_a_day_that_was_learned_from_is_not_judged(name: str) -> None:
    """Nor one before it; of the next day nothing was learned."""
    moments, newest, east, day = LEARNED[name]
    moments = [*moments, newest + 9.0]
    baskets = numbered([("a", n, "m", at) for n, at in enumerate(moments)], east=east)
    metrics = {"newest_day": float(np.float32(newest))}
    first = date(1970, 1, 1) + timedelta(days=day)
    said = f"learned from receipts up to {first}; expected {first + timedelta(days=1)} or a later"
    for since in (first, first - timedelta(days=1)):
        with pytest.raises(ConfigError, match=said):
            held_out._unseen(baskets, since, metrics, Path("store"))
    parts = held_out._unseen(baskets, first + timedelta(days=1), metrics, Path("store"))
    assert days(parts.known) == [at for at in moments if at + east / 24 < day + 1]
    assert days(parts.later) == [at for at in moments if at + east / 24 >= day + 1]


def ask(engine: Engine, known: list[Basket], later: list[Basket], to: Path) -> Asked:
    """Ask about customers; of all items milk (m) and bread (b) are known."""
    items = ibis.memtable(pa.table({"item": ["m", "b"], "index": [0, 1]}))
    everybody = Everybody.of(engine, numbered(known), items, to / "known")
    return held_out.asked(everybody, numbered(later), items, seed=1)


def test_the_first_basket_of_each_customer_is_the_question(engine: Engine, tmp_path: Path) -> None:
    """Its known items are the answer, its day is given; who is new, or did not come, is not asked.

    Anna's first basket holds a new item (x) too; Ben's nothing else, so that he is not asked: what
    he bought after it is not what he bought next.
    """
    known: list[Basket] = [(who, 0, "mb", 1.5) for who in ("anna", "ben", "cleo", "dora")]
    later: list[Basket] = [
        ("anna", 1, "bx", 7.5),
        ("anna", 2, "m", 8.5),
        ("ben", 1, "x", 7.5),
        ("ben", 2, "m", 9.5),
        ("dora", 1, "mb", 8.5),
        ("new", 0, "m", 7.5),
    ]
    found = ask(engine, known, later, tmp_path)
    assert [(label.items.tolist(), label.day) for label in found.labels.values()] == [
        ([1], 7.5),
        ([0, 1], 8.5),
    ]
    assert list(found.labels) == [0, 1]
    assert [history.item.tolist() for history in found.histories] == [[0, 1], [0, 1]]


def test_nobody_who_came_again_is_nobody_asked(engine: Engine, tmp_path: Path) -> None:
    """There is no question, and no failure."""
    found = ask(engine, [("anna", 0, "m", 1.5)], [("new", 0, "m", 7.5)], tmp_path)
    assert found == Asked([], {})
