"""Read a chain's till data, check all of it, and hand on one form of lines.

Decides which two forms of input exist (a store's files; a next-basket set) and what typed
lines look like. Leaves out what makes a file unfit (`models.validation`), what is learned from
the lines (`models.histories`) and how complete they are (`models.quality`).

Both forms become a table of `LINES`, one row per line of a receipt.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import pandas as pd
import pyarrow as pa

from edge.core.errors import ConfigError
from models import validation
from models.engine import Engine, Table
from models.tables import read_table

LINES = (
    "row",
    "customer",
    "receipt",
    "position",
    "at",
    "day",
    "local_day",
    "minute",
    "item",
    "is_test",
    "is_gift",
)
"""row: line of the file. customer: null for an anonymous receipt. position: of the line in its
receipt. at: what orders a customer's receipts (UTC seconds or order_no). day: days since a fixed
start (a store's: since 1970 in UTC, with fractions), null where unknown. local_day: whole days
since 1970, minute: minutes since midnight, both in the store's time zone, as the box reckons, or by
the clock that wrote the file where the catalogue names no zone; null in a next-basket set. item:
item or product id. is_test: held out for evaluation. is_gift: wrapped as a gift, null where the
file does not say."""

STORE_COLUMNS = (
    "receipt_id",
    "sold_at",
    "till_id",
    "member_id",
    "line_no",
    "sku",
    "quantity",
    "unit_price_cents",
    "is_gift_wrapped",
)
BASKET_COLUMNS = ("customer_id", "order_no", "product_id", "is_test")
MOST_LINES_PER_CUSTOMER = 50_000
"""40 lines a day for more than three years. Above it an id is no person but a till's own card."""
DAY_S = 86_400

_TIME = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})?$"
_WHOLE = r"^ *(\d{1,18})(?:\.0+)? *$"
_ZONE = r"(Z|[+-]\d{2}:\d{2})$"


@dataclass(frozen=True, slots=True)
class Sales:
    """Checked till lines.

    Args:
        form: "store" or "next-basket".
        directory: Where they came from.
        lines: A table of `LINES`.
        items: Item facts by id: `item`, `category`, `department`, `zone`, `brand`,
            `price_cents`.
        unknown: Further lines of the file, left out because the catalogue lacks their sku.
    """

    form: str
    directory: Path
    lines: Table
    items: pd.DataFrame
    unknown: int = 0


def till_files(directory: Path) -> list[Path]:
    """Return the files of till lines that a directory holds."""
    names = ("receipts.csv.gz", "baskets.csv.gz")
    return [directory / name for name in names if (directory / name).is_file()]


def form_of(directory: Path) -> str:
    """Tell which form a directory holds.

    Raises:
        ConfigError: Neither file is there.
    """
    if (directory / "receipts.csv.gz").is_file():
        return "store"
    if (directory / "baskets.csv.gz").is_file():
        return "next-basket"
    raise ConfigError(
        [
            f"{directory}: found neither receipts.csv.gz (with catalog.json: a store's files) nor "
            "baskets.csv.gz (a next-basket set); expected one of them. "
            "`stammgast-simulator store --out DIR --seed N` writes the first form"
        ]
    )


def read(
    engine: Engine,
    directory: Path,
    staging: Path,
    most_lines: int = MOST_LINES_PER_CUSTOMER,
) -> Sales:
    """Read a directory, check it, and return its lines.

    Args:
        engine: Where the work is done.
        directory: A store's files or a next-basket set.
        staging: A new directory for what is computed once.
        most_lines: Lines of one customer above which the file is refused.

    Raises:
        ConfigError: Every problem found, each with file, row and expectation.
    """
    form = form_of(directory)
    staging.mkdir(parents=True, exist_ok=True)
    if form == "store":
        return _read_store(engine, directory, staging, most_lines)
    return _read_baskets(engine, directory, staging, most_lines)


def _read_store(engine: Engine, directory: Path, staging: Path, most_lines: int) -> Sales:
    path = directory / "receipts.csv.gz"
    catalog = read_catalog(directory / "catalog.json")
    text = engine.read_text(path)
    validation.require_columns(path, text, STORE_COLUMNS)
    typed = engine.save(_store_columns(text), staging / "typed.parquet")
    zone = validation.time_zone(catalog)
    problems = validation.broken_rows(path, typed, validation.STORE_CHECKS)
    problems += validation.mixed_zones(path, typed, validation.store_offsets(zone))
    problems += validation.same_receipt_twice(path, typed)
    problems += validation.too_long(path, typed, most_lines)
    validation.refuse(problems)
    skus = _sku_table(catalog)
    known = _in_store_time(typed, zone).inner_join(ibis.memtable(skus), "sku")
    unknown = _count(typed) - _count(known)
    validation.refuse(validation.unknown_skus(path, typed, known, unknown))
    lines = engine.save(known.select(*LINES), staging / "lines.parquet")
    validation.refuse(validation.no_histories(path, lines))
    return Sales("store", directory, lines, _catalog_items(catalog), unknown)


def _count(table: Table) -> int:
    return int(table.count().to_pyarrow().as_py())


def _read_baskets(engine: Engine, directory: Path, staging: Path, most_lines: int) -> Sales:
    path = directory / "baskets.csv.gz"
    text = engine.read_text(path)
    validation.require_columns(path, text, BASKET_COLUMNS)
    typed = engine.save(_basket_columns(text), staging / "typed.parquet")
    problems = validation.broken_rows(path, typed, validation.BASKET_CHECKS)
    if "day" in text.columns:
        problems += validation.days_run_backwards(path, typed)
    problems += validation.known_after_held_out(path, typed)
    problems += validation.same_line_twice(path, typed)
    problems += validation.too_long(path, typed, most_lines)
    problems += validation.no_histories(path, typed)
    validation.refuse(problems)
    lines = engine.save(typed.select(*LINES), staging / "lines.parquet")
    return Sales("next-basket", directory, lines, read_products(directory / "products.csv.gz"))


def read_catalog(path: Path) -> dict[str, Any]:
    """Read a store's catalogue as far as training needs it.

    Raises:
        ConfigError: The file is missing, cut off, or of another form; every problem is named.
    """
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError([f"{path}: not found; expected the catalogue of the store"]) from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ConfigError([f"{path}: {error}; expected one whole JSON document"]) from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != "stammgast.catalog.v1":
        raise ConfigError([f"{path}: schema: found {schema!r}, expected 'stammgast.catalog.v1'"])
    validation.refuse(f"{path}: {problem}" for problem in validation.catalog_problems(document))
    return document


def read_products(path: Path) -> pd.DataFrame:
    """Read what is known of the products of a next-basket set; nothing at all is fine.

    Raises:
        ConfigError: The file is not whole, lacks product_id, or has one product twice.
    """
    facts = ("item", "category", "department", "zone", "brand", "price_cents")
    if not path.is_file():
        return pd.DataFrame({name: pd.Series(dtype="object") for name in facts})
    options = {"dtype": str, "keep_default_na": False, "na_values": [""]}
    frame = read_table(path, ("product_id",), **options)
    twice = frame.index[frame["product_id"].duplicated()]
    if len(twice):
        row = int(twice[0]) + 2
        raise ConfigError([f"{path}: row {row}: the product stands there twice; expected once"])
    price = next((c for c in ("price_proxy", "price") if c in frame), None)
    cents = pd.to_numeric(frame[price], errors="coerce") * 100 if price else None
    return pd.DataFrame(
        {
            "item": frame["product_id"],
            "category": category_of(frame),
            "department": frame.get("department"),
            "zone": None,
            "brand": frame.get("brand"),
            "price_cents": cents,
        }
    )


def category_of(products: pd.DataFrame) -> "pd.Series[str] | None":
    """Return the category of each product, None where the table tells none."""
    name = next((c for c in ("product_category", "category") if c in products), None)
    return None if name is None else products[name]


def _store_columns(text: Table) -> Table:
    """Turn a store's text columns into typed ones; what does not parse becomes null."""
    at = text.sold_at
    local = at.substr(0, 19).replace("T", " ").try_cast("timestamp").epoch_seconds()
    zone = ibis.ifelse(at.re_search(_TIME), at.re_extract(_ZONE, 1), "")
    offset_s = _offset_min(zone) * 60
    seconds = (local - offset_s).cast("float64")
    return text.select(
        row=text.row.cast("int64"),
        customer=text.member_id.nullif(""),
        receipt=text.receipt_id.nullif(""),
        till=text.till_id,
        position=_whole(text.line_no).try_cast("int32"),
        at=ibis.ifelse(at.re_search(_TIME), seconds, ibis.null("float64")),
        sold_at=at,
        zone=zone,
        offset_s=offset_s,
        day=seconds / DAY_S,
        sku=text.sku.nullif(""),
        quantity=text.quantity.try_cast("float64"),
        price_cents=_whole(text.unit_price_cents).cast("float64"),
        is_test=ibis.literal(False),
        is_gift=text.is_gift_wrapped.isin(validation.TRUE),
        gift_text=text.is_gift_wrapped,
    )


def _in_store_time(lines: Table, zone: ZoneInfo | None) -> Table:
    """Add `local_day` and `minute`; where no zone is known, the file's offsets tell them."""
    offset_s = lines.offset_s if zone is None else _offset_in(lines, zone)
    local = lines["at"].cast("int64") + offset_s
    day = local // DAY_S
    minute = (local - day * DAY_S) // 60
    return lines.mutate(local_day=day.cast("int32"), minute=minute.cast("int32"))


def _offset_in(lines: Table, zone: ZoneInfo) -> Any:
    """Return the seconds east of UTC that a zone keeps at the moment of each line.

    By the table of zones that a box uses (`zoneinfo`): each engine has one of its own.
    """
    at = lines["at"]
    span = lines.aggregate(first=at.min(), last=at.max()).to_pyarrow().to_pylist()[0]
    *earlier, (_, last) = _offsets(zone, int(span["first"]), int(span["last"]))
    return ibis.cases(*((at < end, east) for end, east in earlier), else_=last) if earlier else last


def _offsets(zone: ZoneInfo, first: int, last: int) -> list[tuple[int, int]]:
    """Return the UTC offsets of a zone from one UTC second to another, oldest first.

    No zone changes its clocks twice within a day.

    Returns:
        The second at which an offset ends, and its seconds east of UTC.
    """
    found = []
    for start in range(first, last, DAY_S):
        low, high = start, min(start + DAY_S, last)
        before = _offset_s(zone, low)
        if before == _offset_s(zone, high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _offset_s(zone, middle) == before else (low, middle)
        found.append((high, before))
    return [*found, (last + 1, _offset_s(zone, last))]


def _offset_s(zone: ZoneInfo, at: int) -> int:
    east = datetime.fromtimestamp(at, zone).utcoffset()
    return 0 if east is None else int(east.total_seconds())


def _whole(text: Any) -> Any:
    """Return a whole number, null for any other text.

    The text decides, because DuckDB's cast rounds 1.5 to 2 and Spark's does not.
    """
    return text.re_extract(_WHOLE, 1).try_cast("int64")


def _offset_min(zone: Any) -> Any:
    """Return the minutes east of UTC of `Z` or `+hh:mm`; 0 where there is none."""
    sign = ibis.ifelse(zone.startswith("-"), -1, 1)
    minutes = zone.substr(1, 2).try_cast("int64") * 60 + zone.substr(4, 2).try_cast("int64")
    return ibis.ifelse(zone.length() == 6, sign * minutes, 0)


def _basket_columns(text: Table) -> Table:
    """Turn a next-basket set's text columns into typed ones."""
    order = _whole(text.order_no)
    columns = text.columns
    day_text = text.day if "day" in columns else ibis.null("string")
    quantity = text.quantity.try_cast("float64") if "quantity" in columns else ibis.literal(1.0)
    return text.select(
        row=text.row.cast("int64"),
        customer=text.customer_id.nullif(""),
        receipt=text.customer_id + ibis.literal("/") + order.cast("string"),
        position=ibis.literal(1, "int32"),
        at=order.cast("float64"),
        day=day_text.try_cast("float64"),
        local_day=ibis.null("int32"),
        minute=ibis.null("int32"),
        item=text.product_id.nullif(""),
        quantity=quantity,
        is_test=text.is_test.isin(validation.TRUE),
        is_gift=ibis.null("boolean"),
        test_text=text.is_test,
        day_text=day_text,
    )


def _sku_table(catalog: dict[str, Any]) -> pa.Table:
    pairs = [(v["sku"], i["item_id"]) for i in catalog["items"] for v in i["variants"]]
    return pa.table({"sku": [sku for sku, _ in pairs], "item": [item for _, item in pairs]})


def _catalog_items(catalog: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "item": [item["item_id"] for item in catalog["items"]],
            "category": [item.get("class_id") or item.get("category") for item in catalog["items"]],
            "department": [item.get("department") for item in catalog["items"]],
            "zone": [item.get("zone") for item in catalog["items"]],
            "brand": [item.get("brand") or None for item in catalog["items"]],
            "price_cents": pd.Series(
                [item.get("price_cents") for item in catalog["items"]], dtype="float64"
            ),
        }
    )
