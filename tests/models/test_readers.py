"""Till data is checked whole: file, row, what was found, what was expected."""

import gzip
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from edge.core.errors import ConfigError
from models.engine import Engine, duckdb_engine
from models.readers import read, read_products

STORE_HEADER = (
    "receipt_id,sold_at,till_id,member_id,line_no,sku,quantity,unit_price_cents,is_gift_wrapped"
)
STORE_ROWS = [
    "r1,2026-03-01T10:15:00+01:00,3,M1,1,coat-m,1,12900,0",
    "r1,2026-03-01T10:15:00+01:00,3,M1,2,tie,2,2900,1",
    "r2,2026-07-02T18:00:30+02:00,3,M1,1,tie,1,2900,0",
    "r3,2026-07-02T18:05:00+02:00,1,,1,coat-l,1,12900,",
]
BASKET_HEADER = "customer_id,order_no,day,product_id,is_test"
BASKET_ROWS = ["7,1,3.5,11,0", "7,1,3.5,12,0", "7,2,9,11,0", "8,1,4,12,0", "7,3,12,11,1"]


def _write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))


def _item(item_id: str, *skus: str) -> dict[str, object]:
    return {
        "item_id": item_id,
        "department": "fashion",
        "class_id": item_id,
        "zone": "men",
        "price_cents": 100,
        "variants": [{"sku": sku, "gtin": ""} for sku in skus],
    }


def write_store(directory: Path, rows: list[str], header: str = STORE_HEADER) -> Path:
    """Write a store of a coat in two sizes and a tie."""
    _write(directory / "receipts.csv.gz", [header, *rows])
    catalog = {
        "schema": "stammgast.catalog.v1",
        "store": {"time_zone": "Europe/Berlin"},
        "items": [_item("coat", "coat-m", "coat-l"), _item("tie", "tie")],
    }
    (directory / "catalog.json").write_text(json.dumps(catalog))
    return directory


def write_baskets(directory: Path, rows: list[str], header: str = BASKET_HEADER) -> Path:
    """Write a next-basket set."""
    _write(directory / "baskets.csv.gz", [header, *rows])
    return directory


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """A DuckDB of this test alone."""
    return duckdb_engine(tmp_path / "spill")


def test_a_store_becomes_lines(engine: Engine, tmp_path: Path) -> None:
    """Variants become items, times UTC seconds and local minutes; what is empty stays unknown."""
    sales = read(engine, write_store(tmp_path / "store", STORE_ROWS), tmp_path / "staging")
    rows = sales.lines.order_by("row").to_pyarrow().to_pylist()
    assert [row["item"] for row in rows] == ["coat", "tie", "tie", "coat"]
    assert [row["customer"] for row in rows] == ["M1", "M1", "M1", None]
    assert [row["minute"] for row in rows] == [615, 615, 1080, 1085]
    assert [row["at"] for row in rows] == [1772356500, 1772356500, 1783008030, 1783008300]
    assert [row["is_gift"] for row in rows] == [False, True, False, None]


def test_a_next_basket_set_becomes_lines(engine: Engine, tmp_path: Path) -> None:
    """Orders keep their number and day; the held-out basket stays marked."""
    sales = read(engine, write_baskets(tmp_path / "set", BASKET_ROWS), tmp_path / "staging")
    rows = sales.lines.order_by("row").to_pyarrow().to_pylist()
    assert [(r["customer"], r["at"], r["day"], r["item"]) for r in rows] == [
        ("7", 1, 3.5, "11"),
        ("7", 1, 3.5, "12"),
        ("7", 2, 9, "11"),
        ("8", 1, 4, "12"),
        ("7", 3, 12, "11"),
    ]
    assert [r["is_test"] for r in rows] == [False, False, False, False, True]


LOCAL = {
    "UTC in summer": ("Europe/Berlin", "2026-07-31T22:30:00Z", (2026, 8, 1), 30),
    "UTC in winter": ("Europe/Berlin", "2026-01-31T22:30:00Z", (2026, 1, 31), 23 * 60 + 30),
    "the last second of winter": ("Europe/Berlin", "2026-03-29T00:59:59Z", (2026, 3, 29), 119),
    "the first of summer": ("Europe/Berlin", "2026-03-29T01:00:00Z", (2026, 3, 29), 180),
    "the hour that comes twice": ("Europe/Berlin", "2026-10-25T00:15:00Z", (2026, 10, 25), 135),
    "and once more": ("Europe/Berlin", "2026-10-25T01:15:00Z", (2026, 10, 25), 135),
    "the store's clock": ("Europe/Berlin", "2026-08-01T00:30:00+02:00", (2026, 8, 1), 30),
    "a clock of winter time": ("Europe/Berlin", "2026-08-01T00:30:00+01:00", (2026, 8, 1), 90),
    "an evening across the ocean": ("America/New_York", "2026-03-02T01:00:00Z", (2026, 3, 1), 1200),
    "the first day of all": ("America/New_York", "1970-01-01T00:00:00Z", (1969, 12, 31), 1140),
    "no zone named": (None, "2026-08-01T00:30:00+02:00", (2026, 8, 1), 30),
}


@pytest.mark.parametrize("name", LOCAL)
def test_day_and_hour_are_the_stores_own(engine: Engine, tmp_path: Path, name: str) -> None:
    """Whatever clock wrote the file, as a box tells them; two receipts are old."""
    zone, sold_at, day, minute = LOCAL[name]
    offset = sold_at[19:]
    earlier = [f"r{m},1970-{m:02d}-05T10:00:00{offset},1,M1,1,tie,1,2900,0" for m in (1, 7)]
    rows = [*earlier, f"r9,{sold_at},1,M1,1,tie,1,2900,0"]
    store = write_store(tmp_path / "store", rows)
    catalog = json.loads((store / "catalog.json").read_text()) | {"store": {"time_zone": zone}}
    (store / "catalog.json").write_text(json.dumps(catalog))
    sales = read(engine, store, tmp_path / "staging")
    row = sales.lines.order_by("row").to_pyarrow().to_pylist()[-1]
    assert row["local_day"] == (date(*day) - date(1970, 1, 1)).days
    assert row["minute"] == minute
    assert row["day"] == row["at"] / 86_400


def test_a_next_basket_set_knows_no_local_day(engine: Engine, tmp_path: Path) -> None:
    """Its days count from some start."""
    sales = read(engine, write_baskets(tmp_path / "set", BASKET_ROWS), tmp_path / "staging")
    assert sales.lines.local_day.notnull().sum().to_pyarrow().as_py() == 0


def _change(at: int, old: str, new: str) -> Callable[[list[str]], list[str]]:
    def change(rows: list[str]) -> list[str]:
        return [row.replace(old, new) if i == at else row for i, row in enumerate(rows)]

    return change


STORE_BREAKS = {
    "a negative quantity": (_change(1, "tie,2,", "tie,-2,"), "row 3: quantity: expected a number"),
    "no quantity": (_change(1, "tie,2,", "tie,,"), "row 3: quantity"),
    "words for a quantity": (_change(0, "coat-m,1,", "coat-m,one,"), "row 2: quantity"),
    "an infinite quantity": (_change(0, "coat-m,1,", "coat-m,inf,"), "row 2: quantity"),
    "a negative price": (_change(2, "2900,0", "-5,0"), "row 4: unit_price_cents"),
    "an infinite price": (_change(2, "2900,0", "inf,0"), "row 4: unit_price_cents"),
    "half a cent": (_change(2, "2900,0", "1.5,0"), "row 4: unit_price_cents: expected whole cents"),
    "half a line number": (_change(0, "M1,1,", "M1,1.5,"), "row 2: line_no: expected a whole"),
    "a line number of 0": (_change(0, "M1,1,", "M1,0,"), "row 2: line_no"),
    "no receipt": (_change(3, "r3,", ","), "row 5: receipt_id"),
    "a gift flag of maybe": (_change(0, "12900,0", "12900,maybe"), "row 2: is_gift_wrapped"),
    "a time without an offset": (_change(2, "+02:00", ""), "row 4: sold_at: expected a time by"),
    "a time in words": (_change(3, "2026-07-02T18:05:00+02:00", "noon"), "row 5: sold_at"),
    "a month of 13": (_change(3, "2026-07-02", "2026-13-02"), "row 5: sold_at"),
    "a year of 9999": (_change(3, "2026-07-02", "9999-07-02"), "row 5: sold_at: expected a time"),
    "a clock that was reset": (_change(3, "2026-07-02", "1969-07-02"), "row 5: sold_at"),
    "UTC among local times": (_change(2, "+02:00", "Z"), "row 4: sold_at: found the UTC offset Z"),
    "another country's clock throughout": (
        lambda rows: [row.replace("+01:00", "+05:30").replace("+02:00", "+05:30") for row in rows],
        "row 2: sold_at: found the UTC offset +05:30 in a file that begins with +05:30; "
        "expected one clock for the whole file (+01:00 or +02:00)",
    ),
    "another country's clock at first": (
        lambda rows: [row.replace("+01:00", "-05:00") for row in rows],
        "row 2: sold_at: found the UTC offset -05:00",
    ),
    "another country's clock": (_change(3, "+02:00", "-05:00"), "row 5: sold_at: found the UTC"),
    "the same line twice": (lambda rows: [*rows, rows[1]], "row 6: receipt_id, line_no: stands"),
    "one receipt of two members": (_change(1, "M1", "M2"), "row 3: receipt_id: belongs to two"),
    "another store's skus": (
        lambda rows: [row.replace("tie,", "sock,") for row in rows],
        "row 3: sku: not in catalog.json",
    ),
    "nobody twice": (lambda rows: [rows[0], rows[3]], "row 2: none of 1 customers has two"),
    "only a header": (lambda rows: rows[:0], "row 1: nothing follows the header"),
    "a row cut short": (_change(1, ",2900,1", ""), "row 3: found 7 fields; expected 9"),
    "a comma too many": (_change(2, "2900,0", "29,00,0"), "row 4: found 10 fields; expected 9"),
    "an open quote": (
        _change(1, "tie", '"tie'),
        "row 3: found an open quote; expected a whole CSV",
    ),
}


@pytest.mark.parametrize("name", STORE_BREAKS)
def test_a_broken_store_is_refused(engine: Engine, tmp_path: Path, name: str) -> None:
    """Starting from a good store, one change is named with file and row."""
    change, expected = STORE_BREAKS[name]
    directory = write_store(tmp_path / "store", change(STORE_ROWS))
    with pytest.raises(ConfigError) as refusal:
        read(engine, directory, tmp_path / "staging")
    assert "receipts.csv.gz" in str(refusal.value)
    assert expected in str(refusal.value)


BASKET_BREAKS = {
    "an order of 0": (_change(0, "7,1,", "7,0,"), "row 2: order_no"),
    "half an order": (_change(0, "7,1,", "7,1.5,"), "row 2: order_no: expected a whole number"),
    "a day in words": (_change(3, ",4,", ",gestern,"), "row 5: day: expected days since"),
    "an endless day": (_change(4, ",12,11", ",inf,11"), "row 6: day: expected days since"),
    "no number for a day": (_change(4, ",12,11", ",nan,11"), "row 6: day: expected days since"),
    "a date for a day": (_change(4, ",12,11", ",20260301,11"), "row 6: day: expected days since"),
    "no product": (_change(1, ",12,", ",,"), "row 3: product_id"),
    "a test flag of 2": (_change(4, ",11,1", ",11,2"), "row 6: is_test"),
    "the same line twice": (lambda rows: [*rows, rows[0]], "row 7: customer_id, order_no"),
    "a day that falls": (_change(2, ",9,", ",2,"), "row 4: day: earlier"),
    "two days in one order": (_change(1, ",3.5,", ",3.6,"), "row 2: day"),
    "a held-out order before known ones": (
        lambda rows: [*rows[:2], "7,2,9,11,1", rows[3], "7,3,12,11,0"],
        "row 6: is_test: 0 after an order of 1",
    ),
    "half an order held out": (_change(1, ",12,0", ",12,1"), "row 2: is_test: 0 after"),
}


@pytest.mark.parametrize("name", BASKET_BREAKS)
def test_a_broken_next_basket_set_is_refused(engine: Engine, tmp_path: Path, name: str) -> None:
    """Starting from a good set, one change is named with file and row."""
    change, expected = BASKET_BREAKS[name]
    directory = write_baskets(tmp_path / "set", change(BASKET_ROWS))
    with pytest.raises(ConfigError) as refusal:
        read(engine, directory, tmp_path / "staging")
    assert "baskets.csv.gz" in str(refusal.value)
    assert expected in str(refusal.value)


def test_every_problem_is_named_at_once(engine: Engine, tmp_path: Path) -> None:
    """Two columns broken, two sentences."""
    rows = _change(2, "2900,0", "-5,0")(_change(1, "tie,2,", "tie,-2,")(STORE_ROWS))
    with pytest.raises(ConfigError) as refusal:
        read(engine, write_store(tmp_path / "store", rows), tmp_path / "staging")
    assert len(refusal.value.problems) == 2


@pytest.mark.parametrize("column", STORE_HEADER.split(","))
def test_a_missing_column_is_named(engine: Engine, tmp_path: Path, column: str) -> None:
    """Each column of the form is needed."""
    directory = write_store(
        tmp_path / "store", STORE_ROWS, STORE_HEADER.replace(column, "something")
    )
    with pytest.raises(ConfigError, match=f"row 1: column {column} not found"):
        read(engine, directory, tmp_path / "staging")


def test_one_customer_with_too_many_lines(engine: Engine, tmp_path: Path) -> None:
    """A till's own card is no person; its first row is named, its id is not."""
    rows = [f"card,{n},1,{p},0" for n in range(1, 101) for p in range(5)]
    directory = write_baskets(tmp_path / "set", [*BASKET_ROWS, *rows])
    with pytest.raises(ConfigError, match="row 7: one customer has 500 lines") as refusal:
        read(engine, directory, tmp_path / "staging", most_lines=499)
    assert "card'" not in str(refusal.value)
    assert read(engine, directory, tmp_path / "again", most_lines=500).form == "next-basket"


def test_a_truncated_file_is_refused(engine: Engine, tmp_path: Path) -> None:
    """A transfer that broke off is not half a history."""
    rows = [f"r{n},2026-03-01T10:15:00+01:00,3,M{n % 9},1,tie,1,2900,0" for n in range(20_000)]
    path = write_store(tmp_path / "store", rows) / "receipts.csv.gz"
    path.write_bytes(path.read_bytes()[:-5_000])
    with pytest.raises(ConfigError, match=r"receipts\.csv\.gz"):
        read(engine, path.parent, tmp_path / "staging")


UNREADABLE = {
    "nothing": (b"", "row 1: nothing there; expected a header"),
    "no gzip": (b"receipt_id,sold_at", "row 1: Not a gzipped file"),
    "another encoding": (
        gzip.compress(
            f"{STORE_HEADER}\n{STORE_ROWS[0]}\n".replace("coat", "m\xfctze").encode("latin-1")
        ),
        "row 2: found bytes that are no UTF-8",
    ),
    "a column twice": (
        gzip.compress(f"{STORE_HEADER},sku\n{STORE_ROWS[0]},tie\n".encode()),
        "row 1: column sku stands there twice; expected once",
    ),
    "a column twice in two cases": (
        gzip.compress(f"{STORE_HEADER},SKU\n{STORE_ROWS[0]},tie\n".encode()),
        "row 1: column SKU stands there twice; expected once",
    ),
    "a comma behind the header": (
        gzip.compress(f"{STORE_HEADER},\n{STORE_ROWS[0]},\n".encode()),
        "row 1: column 10 has no name",
    ),
    "a column of row numbers": (
        gzip.compress(f"{STORE_HEADER},row\n{STORE_ROWS[0]},7\n".encode()),
        "row 1: column row: the name is taken",
    ),
    "a column of row numbers in capitals": (
        gzip.compress(f"{STORE_HEADER},Row\n{STORE_ROWS[0]},7\n".encode()),
        "row 1: column Row: the name is taken",
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_file_is_refused(engine: Engine, tmp_path: Path, name: str) -> None:
    """The row is named, and no line of the file stands in the message."""
    content, expected = UNREADABLE[name]
    directory = write_store(tmp_path / "store", STORE_ROWS)
    (directory / "receipts.csv.gz").write_bytes(content)
    with pytest.raises(ConfigError) as refusal:
        read(engine, directory, tmp_path / "staging")
    assert expected in str(refusal.value)
    assert "M1" not in str(refusal.value)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_spreadsheets_file_is_read(engine: Engine, tmp_path: Path, end: str, mark: str) -> None:
    """A byte order mark, lines that end as on Windows, quoted cells."""
    rows = [STORE_HEADER, *STORE_ROWS[:3], STORE_ROWS[3].replace("coat-l", '"coat-l"')]
    directory = write_store(tmp_path / "store", STORE_ROWS)
    text = (mark + end.join(rows) + end).encode()
    (directory / "receipts.csv.gz").write_bytes(gzip.compress(text))
    sales = read(engine, directory, tmp_path / "staging")
    assert sales.lines.item.to_pyarrow().to_pylist() == ["coat", "tie", "tie", "coat"]


def test_a_directory_of_neither_form(engine: Engine, tmp_path: Path) -> None:
    """The message says which two forms there are."""
    with pytest.raises(ConfigError, match=r"receipts\.csv\.gz .* nor baskets\.csv\.gz"):
        read(engine, tmp_path, tmp_path / "staging")


def test_an_order_is_a_number_however_it_is_written(engine: Engine, tmp_path: Path) -> None:
    """01, 1 and 1.0 are one order; an empty day is unknown."""
    rows = ["7,1,3.5,11,0", "7,01,3.5,12,0", "7,1.0,3.5,13,0", "7,2,,11,0"]
    sales = read(engine, write_baskets(tmp_path / "set", rows), tmp_path / "staging")
    found = sales.lines.order_by("row").to_pyarrow().to_pylist()
    assert [row["receipt"] for row in found] == ["7/1", "7/1", "7/1", "7/2"]
    assert [row["day"] for row in found] == [3.5, 3.5, 3.5, None]


CATALOGS = {
    "cut off": ('{"schema": "stammgast.cat', "expected one whole JSON document"),
    "of an unknown schema": ('{"schema": "v9"}', "found 'v9'"),
    "empty": ('{"schema": "stammgast.catalog.v1", "items": []}', "items: found none"),
    "without variants": (
        '{"schema": "stammgast.catalog.v1", "items": [{"item_id": "a"}]}',
        r"items\[0\]\.variants",
    ),
    "in no known zone": (
        '{"schema": "stammgast.catalog.v1", "store": {"time_zone": "Mars"},'
        ' "items": [{"item_id": "a", "variants": [{"sku": "a"}]}]}',
        "found 'Mars'",
    ),
}


def _of_two(change: Callable[[list[dict[str, Any]]], object]) -> str:
    items = [_item("coat", "coat-m", "coat-l"), _item("tie", "tie")]
    change(items)
    return json.dumps({"schema": "stammgast.catalog.v1", "items": items})


CATALOGS |= {
    "with a sku of two items": (
        _of_two(lambda items: items[1]["variants"].append({"sku": "coat-l"})),
        r"items\[1\]\.variants\[1\]\.sku: 'coat-l' stands at items\[0\]\.variants\[1\]\.sku too",
    ),
    "with an item twice": (
        _of_two(lambda items: items[1].update(item_id="coat")),
        r"items\[1\]\.item_id: 'coat' stands at items\[0\]\.item_id too; expected once",
    ),
    "with a price in words": (
        _of_two(lambda items: items[1].update(price_cents="abc")),
        r"items\[1\]\.price_cents: found a text, expected cents",
    ),
    "with a price below none": (
        _of_two(lambda items: items[1].update(price_cents=-100)),
        r"items\[1\]\.price_cents: found a number, expected cents from 0 to a billion",
    ),
    "with a price beyond measure": (
        _of_two(lambda items: items[0].update(price_cents=10**400)),
        r"items\[0\]\.price_cents: found a number, expected cents from 0 to a billion",
    ),
    "with a variant of no sku": (
        _of_two(lambda items: items[1].update(variants=[{"gtin": ""}])),
        r"items\[1\]\.variants\[0\]\.sku: found nothing, expected a text",
    ),
    "with no item": (
        _of_two(lambda items: items.insert(0, None)),  # type: ignore[arg-type]
        r"items\[0\]: found nothing, expected an object",
    ),
    "with a list of classes": (
        _of_two(lambda items: items[0].update(class_id=["a"])),
        r"items\[0\]\.class_id: found a list, expected a text or nothing",
    ),
    "with half a character": (
        _of_two(lambda items: items[1].update(item_id="a\ud800")),
        r"items\[1\]\.item_id: found half a character, expected a text",
    ),
    "of a zone with half a character": (
        _of_two(lambda items: items[1].update(zone="\udc00")),
        r"items\[1\]\.zone: found half a character, expected a text or nothing",
    ),
    "with a class in words": (
        '{"schema": "stammgast.catalog.v1", "classes": ["coats"],'
        ' "items": [{"item_id": "a", "variants": [{"sku": "a"}]}]}',
        r"classes\[0\]: found a text, expected an object",
    ),
    "nested without end": (
        '{"schema": "stammgast.catalog.v1", "items": ' + "[" * 100_000,
        "expected one whole JSON document",
    ),
    "of a store in words": (
        '{"schema": "stammgast.catalog.v1", "store": "s1",'
        ' "items": [{"item_id": "a", "variants": [{"sku": "a"}]}]}',
        "store: found a text, expected an object",
    ),
}


def test_a_catalogue_may_lack_store_and_prices(engine: Engine, tmp_path: Path) -> None:
    """What is missing is measured on the page of data quality, not refused."""
    directory = write_store(tmp_path / "store", STORE_ROWS)
    catalog = json.loads((directory / "catalog.json").read_text()) | {"store": None}
    for item in catalog["items"]:
        item["price_cents"] = None
    (directory / "catalog.json").write_text(json.dumps(catalog))
    assert len(read(engine, directory, tmp_path / "staging").items) == 2


@pytest.mark.parametrize("name", CATALOGS)
def test_a_broken_catalogue_is_refused(engine: Engine, tmp_path: Path, name: str) -> None:
    """The catalogue is checked as the receipts are."""
    text, expected = CATALOGS[name]
    directory = write_store(tmp_path / "store", STORE_ROWS)
    (directory / "catalog.json").write_text(text)
    with pytest.raises(ConfigError, match=expected):
        read(engine, directory, tmp_path / "staging")


def test_products_may_carry_category_and_price(tmp_path: Path) -> None:
    """Prices become cents; a missing one stays unknown."""
    path = tmp_path / "products.csv.gz"
    _write(path, ["product_id,product_category,price_proxy", "1,ICE,1.49", "2,,"])
    frame = read_products(path)
    assert frame["price_cents"].iloc[0] == pytest.approx(149)
    assert frame["price_cents"].isna().tolist() == [False, True]
    assert frame["category"].isna().tolist() == [False, True]


NUMBERS = "".join(f"{n}\n" for n in range(100))
PRODUCTS = ["product_id,category,price", "1,ICE,1.49", "2,,"]
BROKEN_PRODUCTS = {
    "a row cut short": (gzip.compress(b"product_id,price\n1,2\n2\n"), "row 3: found 1 fields"),
    "a comma too many": (gzip.compress(b"product_id\n1,2\n"), "row 2: found 2 fields; expected 1"),
    "no column of ids": (gzip.compress(b"x,y\n1,2\n"), "row 1: column product_id not found"),
    "nothing": (gzip.compress(b""), "row 1: nothing there; expected a header"),
    "cut off": (gzip.compress("\n".join(PRODUCTS).encode())[:-9], "after row [1-3]: .* expected a"),
    "another encoding": (
        gzip.compress((f"product_id\n{NUMBERS}m\xfctze\n1000").encode("latin-1")),
        "row 102: found bytes that are no UTF-8; expected a whole CSV",
    ),
}


@pytest.mark.parametrize("name", BROKEN_PRODUCTS)
def test_a_broken_table_of_products_is_refused(tmp_path: Path, name: str) -> None:
    """It is read whole or not at all."""
    content, expected = BROKEN_PRODUCTS[name]
    path = tmp_path / "products.csv.gz"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"products.csv.gz: {expected}"):
        read_products(path)
