"""Histories worked by hand, and with every count the same on DuckDB and on Spark."""

import gzip
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest

from edge.core.errors import ConfigError
from models import held_out, histories, tallies
from models.__main__ import main
from models.engine import Engine, Table, duckdb_engine, spark_engine, spark_session
from models.everybody import Everybody, Extent
from models.readers import read
from tests.models.till_data import mark_gifts, write_random_store

# Customer, receipt, moment, item, quantity, held out.
BOUGHT = [
    ("a", "r2", 20, "milk", 1, False),
    ("a", "r1", 10, "milk", 1, False),
    ("a", "r1", 10, "bread", 2, False),
    ("a", "r1", 10, "milk", 3, False),  # a second line of the same item
    ("a", "r3", 30, "bread", 1, False),
    ("a", "r4", 40, "jam", 1, True),
    ("b", "r5", 5, "milk", 1, False),
    ("b", "r6", 6, "milk", 1, False),
    (None, "r7", 7, "jam", 1, False),
    (None, "r7", 7, "bread", 1, False),
]


def lines(bought: list[tuple[Any, ...]] = BOUGHT) -> Table:
    """Return a table of lines."""
    columns = list(zip(*bought, strict=True))
    return ibis.memtable(
        pa.table(
            {
                "row": pa.array(range(2, len(bought) + 2), pa.int64()),
                "customer": pa.array(columns[0], pa.string()),
                "receipt": columns[1],
                "position": pa.array(range(1, len(bought) + 1), pa.int32()),
                "at": pa.array(columns[2], pa.float64()),
                "day": pa.array(columns[2], pa.float64()),
                "local_day": pa.array(columns[2], pa.int32()),
                "minute": pa.array([600] * len(bought), pa.int32()),
                "item": columns[3],
                "quantity": pa.array(columns[4], pa.float64()),
                "price_cents": pa.array([100.0] * len(bought), pa.float64()),
                "is_test": columns[5],
                "is_gift": [False] * len(bought),
            }
        )
    )


def rows(table: Table, *columns: str) -> list[tuple[Any, ...]]:
    """Return some columns of a table, sorted."""
    found = table.select(*columns).to_pyarrow().to_pylist()
    return sorted(tuple(row[column] for column in columns) for row in found)


@pytest.fixture(autouse=True)
def _engine(tmp_path: Path) -> Iterator[None]:
    """Compute in the engine that training uses, settings included."""
    before = ibis.options.default_backend
    ibis.set_backend(duckdb_engine(tmp_path / "default").backend)
    yield
    ibis.options.default_backend = before


def test_baskets_are_numbered_by_time() -> None:
    """Two lines of one item are one; nobody's receipts stay out."""
    found = rows(histories.baskets(lines()), "customer", "basket", "item", "is_test")
    assert found == [
        ("a", 0, "bread", False),
        ("a", 0, "milk", False),
        ("a", 1, "milk", False),
        ("a", 2, "bread", False),
        ("a", 3, "jam", True),
        ("b", 0, "milk", False),
        ("b", 1, "milk", False),
    ]


def test_a_basket_stands_on_the_day_of_the_store() -> None:
    """Where a set knows none, on that of its own days, of which a part counts for none."""
    table = lines().mutate(day=ibis._.day + 0.7)
    known = histories.baskets(table.mutate(local_day=(ibis._.day.floor() + 2).cast("int32")))
    assert rows(known, "customer", "basket", "local_day")[:2] == [("a", 0, 12), ("a", 0, 12)]
    unknown = histories.baskets(table.mutate(local_day=ibis.null("int32")))
    assert rows(unknown, "customer", "basket", "local_day")[:2] == [("a", 0, 10), ("a", 0, 10)]
    nothing = table.mutate(local_day=ibis.null("int32"), day=ibis.null("float64"))
    assert histories.baskets(nothing).local_day.notnull().sum().to_pyarrow().as_py() == 0


def test_gifts_are_in_no_history() -> None:
    """The bread of the first receipt was a gift, and all of the second one."""
    table = lines()
    is_gift = ((table["item"] == "bread") & (table.receipt == "r1")) | (table.receipt == "r2")
    found = rows(histories.baskets(table.mutate(is_gift=is_gift)), "customer", "basket", "item")
    assert [row for row in found if row[0] == "a"] == [
        ("a", 0, "milk"),
        ("a", 1, "bread"),
        ("a", 2, "jam"),
    ]


def test_a_line_without_a_mark_is_no_gift() -> None:
    """A chain that marks no gifts has the histories that it has without any."""
    unmarked = lines().mutate(is_gift=ibis.null("boolean"))
    columns = ("customer", "basket", "item")
    found = rows(histories.baskets(unmarked), *columns)
    assert found == rows(histories.baskets(lines()), *columns)


def test_held_out_baskets_are_in_no_count() -> None:
    """The jam was bought in a held-out basket only."""
    past = histories.history(histories.baskets(lines()))
    assert rows(histories.item_index(past, least=1), "index", "item", "baskets") == [
        (0, "milk", 4),
        (1, "bread", 2),
    ]
    assert rows(histories.item_index(past, least=3), "item") == [("milk",)]


def in_baskets(past: Table) -> Table:
    """Return which item lies in which basket."""
    return past.select("item", basket=past.customer + "-" + past.basket.cast("string"))


def test_pairs_of_one_basket_stand_both_ways() -> None:
    """Bread and milk share one basket; no item pairs with itself."""
    past = histories.history(histories.baskets(lines()))
    found = rows(histories.pair_counts(in_baskets(past), least=1), "item", "other", "pairs")
    assert found == [("bread", "milk", 1), ("milk", "bread", 1)]


def test_a_bulk_order_does_not_rule_the_pairs() -> None:
    """Of 100 items in one basket only the bounded number pairs up."""
    bulk = [("c", "r9", 1, f"i{n:03d}", 1, False) for n in range(100)]
    past = histories.history(histories.baskets(lines(bulk)))
    pairs = histories.pair_counts(in_baskets(past), least=1).count().to_pyarrow().as_py()
    assert pairs == histories.MOST_PER_BASKET * (histories.MOST_PER_BASKET - 1)


def everybody(past: Table, items: Table, to: Path) -> Everybody:
    """Return baskets in an engine."""
    return Everybody.of(duckdb_engine(to / "spill"), past, items, to / "past")


def test_purchases_come_out_as_arrays(tmp_path: Path) -> None:
    """Customers, baskets and items in the order that training shares; left-out items leave."""
    past = histories.history(histories.baskets(lines()))
    items = histories.item_index(past, least=1)
    assert histories.item_ids(items) == ("milk", "bread")
    known = everybody(past, items, tmp_path / "all")
    bought = known.purchases()
    assert bought.customer_ids == ("a", "b")
    assert bought.item.tolist() == [0, 1, 0, 1, 0, 0]
    assert bought.basket.tolist() == [0, 0, 1, 2, 3, 4]
    assert bought.customer.tolist() == [0, 0, 0, 1, 1]
    assert bought.day is not None
    assert bought.day.tolist() == [10, 20, 30, 5, 6]
    assert bought.n_items == 2
    assert known.extent() == Extent(2, 2, 5, 6, 30.0)
    assert known.popular().tolist() == [0, 1]
    milk = everybody(past, histories.item_index(past, least=3), tmp_path / "milk")
    assert milk.purchases().basket.tolist() == [0, 1, 2, 3]
    assert rows(milk.lines, "customer", "basket", "later") == [
        (0, 0, 1),
        (0, 1, 0),
        (1, 0, 1),
        (1, 1, 0),
    ]


def test_some_customers_are_numbered_anew(tmp_path: Path) -> None:
    """Whoever is chosen stands in their old order, from 0 on."""
    past = histories.history(histories.baskets(lines()))
    known = everybody(past, histories.item_index(past, least=1), tmp_path)
    only = known.purchases(np.array([1]))
    assert only.customer_ids == ("b",)
    assert only.customer.tolist() == [0, 0]
    assert only.item.tolist() == [0, 0]


def test_half_a_calendar_is_none(tmp_path: Path) -> None:
    """One unknown day takes the days of all away."""
    past = histories.history(histories.baskets(lines()))
    gap = past.mutate(day=ibis.ifelse(past.basket == 1, ibis.null("float64"), past.day))
    known = everybody(gap, histories.item_index(past, least=1), tmp_path)
    assert known.purchases().day is None
    assert known.extent().newest_day is None


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A Spark of this module, on loopback, with one core."""
    with spark_session("local[1]", tmp_path_factory.mktemp("spark"), 1_000) as session:
        yield spark_engine(session)


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, float) or isinstance(right, float):
        if left is None or right is None:
            return left is right
        return math.isclose(left, right, rel_tol=1e-12) or (math.isnan(left) and math.isnan(right))
    return bool(left == right)


def _compare(name: str, left: Table, right: Table) -> None:
    """Compare two tables column by column, in the order of their whole rows."""
    assert set(left.columns) == set(right.columns), name
    columns = sorted(left.columns)
    ones, others = (
        sorted((tuple(row[c] for c in columns) for row in t.to_pyarrow().to_pylist()), key=repr)
        for t in (left, right)
    )
    assert len(ones) == len(others) > 0, name
    for at, column in enumerate(columns):
        pairs = [(a[at], b[at]) for a, b in zip(ones, others, strict=True)]
        assert [p for p in pairs if not _same(*p)] == [], f"{name}.{column}"


SET = ["customer_id,order_no,day,product_id,is_test", "7,1,3.5,milk,0", "7,2,9,bread,0"]
FITTING = {
    "quotes in a cell": [SET[0], '7,1,3.5,"a ""q"" x",0', *SET[2:]],
    "a line break in a cell": [SET[0], '7,1,3.5,"milk\nand, honey",0', *SET[2:]],
    "an empty cell in quotes": [SET[0], '7,1,"",milk,0', '7,2,"9","bread",0'],
    "spaces around numbers": [SET[0], "7, 1,3.5,milk,0", "7,2 , 9,bread,0"],
    "a byte order mark": ["\ufeff" + SET[0], *SET[1:]],
    "lines that end as on Windows": [f"{row}\r" for row in SET],
}
UNFIT = {
    "a row cut short": ([*SET[:2], "7,2"], "row 3: found 2 fields; expected 5"),
    "a comma too many": ([*SET[:2], "7,2,9,bread,0,9", SET[1]], "row 3: found 6 fields"),
    "an open quote": ([SET[0], '7,1,3.5,"milk,0', SET[2]], "row 2: found an open quote"),
    "half an order": ([*SET[:2], "7,1.5,9,bread,0"], "row 3: order_no: expected a whole number"),
    "a day in words": ([*SET[:2], "7,2,gestern,bread,0"], "row 3: day: expected days since"),
}


def _write_set(directory: Path, lines: list[str]) -> Path:
    directory.mkdir()
    text = "\n".join(lines) + "\n"
    (directory / "baskets.csv.gz").write_bytes(gzip.compress(text.encode()))
    return directory


@pytest.mark.xdist_group("spark")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", FITTING)
def test_spark_and_duckdb_read_the_same_cells(spark: Engine, tmp_path: Path, name: str) -> None:
    """Quotes, breaks and blanks mean the same on both, and so does the number of a row."""
    directory = _write_set(tmp_path / "set", FITTING[name])
    there = {"duckdb": duckdb_engine(tmp_path / "spill"), "spark": spark}
    found = {n: read(e, directory, tmp_path / n).lines for n, e in there.items()}
    _compare(name, found["duckdb"], found["spark"])


@pytest.mark.xdist_group("spark")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", UNFIT)
def test_spark_and_duckdb_refuse_the_same_row(spark: Engine, tmp_path: Path, name: str) -> None:
    """File, row and expectation are named by both."""
    lines, expected = UNFIT[name]
    directory = _write_set(tmp_path / "set", lines)
    for engine in (duckdb_engine(tmp_path / "spill"), spark):
        with pytest.raises(ConfigError, match=f"baskets.csv.gz: {expected}"):
            read(engine, directory, tmp_path / f"staging-{engine.is_spark}")


@pytest.mark.xdist_group("spark")
@pytest.mark.timeout(300)
def test_spark_refuses_a_truncated_file(spark: Engine, tmp_path: Path) -> None:
    """What a worker finds comes back as a problem of the file."""
    rows = [f"{n % 9},{n},{n},p{n % 7},0" for n in range(1, 20_000)]
    path = _write_set(tmp_path / "set", [SET[0], *rows]) / "baskets.csv.gz"
    path.write_bytes(path.read_bytes()[:-5_000])
    with pytest.raises(ConfigError, match=r"baskets\.csv\.gz.*expected a whole CSV file"):
        read(spark, path.parent, tmp_path / "staging")


@pytest.mark.xdist_group("spark")
@pytest.mark.timeout(300)
def test_spark_and_duckdb_agree_on_every_column(spark: Engine, tmp_path: Path) -> None:
    """The same expressions over the same files, from the text on, give the same tables."""
    directory = write_random_store(tmp_path / "store", customers=40, seed=3)
    mark_gifts(directory, ("", "0", "1"))
    local = duckdb_engine(tmp_path / "spill")
    there = {"duckdb": local, "spark": spark}
    lines_of = {n: read(e, directory, tmp_path / n).lines for n, e in there.items()}
    _compare("lines", lines_of["duckdb"], lines_of["spark"])
    numbered = {n: histories.baskets(table) for n, table in lines_of.items()}
    past = {
        n: there[n].save(histories.history(t), tmp_path / f"{n}.past.parquet")
        for n, t in numbered.items()
    }
    _compare("baskets", numbered["duckdb"], numbered["spark"])
    index = {n: histories.item_index(t) for n, t in past.items()}
    _compare("items", index["duckdb"], index["spark"])
    _compare("pairs", *(histories.pair_counts(in_baskets(past[n])) for n in there))
    known = {
        n: Everybody.of(engine, past[n], index[n], tmp_path / f"{n}.past")
        for n, engine in there.items()
    }
    _compare("customers", known["duckdb"].customers, known["spark"].customers)
    for back in (0, 2):
        counted = {n: _counted(k.without_newest(back).lines) for n, k in known.items()}
        for name, table in counted["duckdb"].items():
            _compare(f"{name}, {back} back", table, counted["spark"][name])
    parts = {n: held_out.split(table, has_days=True) for n, table in numbered.items()}
    local_parts, spark_parts = parts["duckdb"], parts["spark"]
    assert local_parts is not None
    assert spark_parts is not None
    _compare("known", local_parts.known, spark_parts.known)
    _compare("later", local_parts.later, spark_parts.later)
    ours, theirs = (known[n].purchases(np.arange(0, 30, 3)) for n in there)
    for field in ("item", "basket", "customer", "day"):
        np.testing.assert_array_equal(getattr(ours, field), getattr(theirs, field), field)
    assert ours.customer_ids == theirs.customer_ids
    assert known["duckdb"].extent() == known["spark"].extent()


@pytest.mark.xdist_group("spark")
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("spark")
def test_spark_trains_the_same_bundle(tmp_path: Path) -> None:
    """Every file, byte by byte: judgement, data quality and the anonymous model among them."""
    write_random_store(tmp_path / "store", customers=30, seed=3)
    for engine in ("duckdb", "spark"):
        command = ["train", "--data", str(tmp_path / "store"), "--out", str(tmp_path / engine)]
        assert main([*command, "--seed", "3", "--quiet", "--engine", engine]) == 0
    names = sorted(path.name for path in (tmp_path / "duckdb").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "spark").iterdir())
    assert json.loads((tmp_path / "spark" / "metrics.json").read_text())["judgement"]
    assert "anonymous.onnx" in names
    for name in names:
        ours, theirs = (tmp_path / engine / name for engine in ("duckdb", "spark"))
        assert ours.read_bytes() == theirs.read_bytes(), name


@pytest.mark.parametrize(
    ("break_it", "expected"),
    [
        ("sys.modules['pyspark'] = None", "expected pip install stammgast[models-spark]"),
        (
            "os.environ['JAVA_HOME'] = '/nowhere'",
            "expected Java 17 or newer (default-jre-headless)",
        ),
    ],
    ids=["pyspark", "java"],
)
def test_what_spark_lacks_is_named(tmp_path: Path, break_it: str, expected: str) -> None:
    """Exit 2 and what to install; in a process of its own, which has no Java yet."""
    store = write_random_store(tmp_path / "store", customers=3, seed=3)
    command = ["train", "--data", str(store), "--out", str(tmp_path / "b"), "--engine", "spark"]
    program = (
        f"import os, sys\n{break_it}\nfrom models.__main__ import main\nsys.exit(main({command}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 2
    assert "stammgast-models: --engine spark: " in done.stderr
    assert expected in done.stderr


def _counted(lines: Table) -> dict[str, Table]:
    """Return every count that the item tables are made of."""
    bought, bounded = tallies.bought(lines), tallies.bounded(lines)
    return {
        "lines": lines,
        "items": tallies.items(lines),
        "bought": bought,
        "buyers": tallies.buyers(bought),
        "together": tallies.together(bought, bought),
        "bounded": bounded,
        "followed": tallies.followed(bounded),
        "following": tallies.following(bounded, bounded),
    }
