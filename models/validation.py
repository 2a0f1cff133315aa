"""What makes till data unfit for training, said with file, row, finding and expectation.

Every rule of lines is an Ibis expression over typed columns in which whatever did not parse is
null, so that one pass judges a file of any size. Leaves out reading and typing (`models.readers`).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard
from zoneinfo import ZoneInfo

import pandas as pd

from edge.core.errors import ConfigError
from models.engine import FIRST_ROW, Table

MOST_UNKNOWN_SKUS = 0.2
"""Share of lines with a sku outside the catalogue, above which it is another store's; of a log's
zones, labels and items too."""
LATEST_S = 4_102_444_800
"""2100-01-01 in UTC seconds: a till that says more has lost its clock."""
MOMENT = "a time by RFC 3339 with its offset, such as 2026-03-01T10:15:00+01:00, from 1970 to 2100"
TRUE = ("1", "true", "True", "TRUE")
FALSE = ("0", "false", "False", "FALSE")
MOST_CENTS = 1_000_000_000
MOST_DAYS = 10_000_000
"""Days from a fixed start; a larger number is a date, such as 20260301, or seconds."""


@dataclass(frozen=True, slots=True)
class Check:
    """A rule that every row must keep: `is_broken` over the staged text, in words `expected`."""

    column: str
    expected: str
    is_broken: Callable[[Table], Any]


def _empty(column: str) -> Callable[[Table], Any]:
    return lambda table: table[column].isnull()


STORE_CHECKS = (
    Check("receipt_id", "a receipt's id", _empty("receipt")),
    Check(
        "sold_at",
        MOMENT,
        lambda t: ~t["at"].between(0, LATEST_S).fill_null(False) | (t["zone"] == ""),
    ),
    Check("line_no", "a whole number from 1", lambda t: ~(t["position"] >= 1).fill_null(False)),
    Check("sku", "the sku of a variant in catalog.json", _empty("sku")),
    Check(
        "quantity",
        "a number above 0: returns and voids are netted out before the file is written",
        lambda t: ~((t["quantity"] > 0) & (t["quantity"] < 1e6)).fill_null(False),
    ),
    Check(
        "unit_price_cents",
        "whole cents from 0 to a billion",
        lambda t: ~t["price_cents"].between(0, MOST_CENTS).fill_null(False),
    ),
    Check(
        "is_gift_wrapped",
        "0, 1, true, false or nothing",
        lambda t: t["gift_text"].notnull() & ~t["gift_text"].isin(TRUE + FALSE),
    ),
)
BASKET_CHECKS = (
    Check("customer_id", "a customer's id", _empty("customer")),
    Check("order_no", "a whole number from 1", lambda t: ~(t["at"] >= 1).fill_null(False)),
    Check(
        "day",
        "days since a fixed start, below ten million, or nothing",
        lambda t: (
            t["day_text"].notnull() & ~t["day"].between(-MOST_DAYS, MOST_DAYS).fill_null(False)
        ),
    ),
    Check("product_id", "a product's id", _empty("item")),
    Check("is_test", "0 or 1", lambda t: ~t["test_text"].isin(TRUE + FALSE).fill_null(False)),
    Check(
        "quantity",
        "a number above 0",
        lambda t: ~((t["quantity"] > 0) & (t["quantity"] < 1e6)).fill_null(False),
    ),
)


def refuse(problems: Iterable[str]) -> None:
    """Raise every problem at once, if there is any."""
    found = list(problems)
    if found:
        raise ConfigError(found)


def require_columns(path: Path, table: Table, columns: Iterable[str]) -> None:
    """Refuse a file whose header lacks a column."""
    found = [name for name in table.columns if name != "row"]
    refuse(
        f"{path}: row 1: column {name} not found; the header holds {', '.join(found)}"
        for name in columns
        if name not in found
    )


def broken_rows(path: Path, table: Table, checks: Iterable[Check]) -> list[str]:
    """Run every rule in one pass and name the first row that breaks each."""
    checks = list(checks)
    totals: dict[str, Any] = {}
    for check in checks:
        broken = check.is_broken(table).fill_null(True)
        totals[f"n_{check.column}"] = broken.cast("int64").sum()
        totals[f"first_{check.column}"] = table.row.min(where=broken)
    totals["rows"] = table.count()
    found = table.aggregate(**totals).to_pyarrow().to_pylist()[0]
    if not found["rows"]:
        return [f"{path}: row 1: nothing follows the header; expected lines of receipts"]
    return [
        f"{path}: row {found['first_' + c.column]}: {c.column}: expected {c.expected}; "
        f"{found['n_' + c.column]} of {found['rows']} rows are otherwise"
        for c in checks
        if found[f"n_{c.column}"]
    ]


def catalog_problems(document: dict[str, Any]) -> Iterator[str]:
    """Find what training cannot read of a catalogue: items, their facts, one item per sku."""
    store, items = document.get("store"), document.get("items")
    if store is not None and not isinstance(store, dict):
        yield f"store: found {_kind(store)}, expected an object"
    yield from _unfit_classes(document.get("classes"))
    if not isinstance(items, list) or not items:
        yield "items: found none, expected at least one item with variants"
        return
    ids: dict[str, str] = {}
    skus: dict[str, str] = {}
    for at, item in enumerate(items):
        where = f"items[{at}]"
        if not isinstance(item, dict):
            yield f"{where}: found {_kind(item)}, expected an object"
            continue
        yield from _once(f"{where}.item_id", item.get("item_id"), ids)
        variants = item.get("variants")
        if not isinstance(variants, list) or not variants:
            yield f"{where}.variants: found {_kind(variants)}, expected a list of skus"
            variants = []
        for number, variant in enumerate(variants):
            sku = variant.get("sku") if isinstance(variant, dict) else None
            yield from _once(f"{where}.variants[{number}].sku", sku, skus)
        yield from _unfit_facts(where, item)


def _unfit_classes(classes: object) -> Iterator[str]:
    if not isinstance(classes, list | None):
        yield f"classes: found {_kind(classes)}, expected a list"
        return
    for at, each in enumerate(classes or []):
        if not isinstance(each, dict):
            yield f"classes[{at}]: found {_kind(each)}, expected an object"
        elif not _is_text(each.get("id")):
            yield f"classes[{at}].id: found {_kind(each.get('id'))}, expected a text"


def _once(where: str, name: object, seen: dict[str, str]) -> Iterator[str]:
    """Find a name that is no text, or stood there before."""
    if not _is_text(name):
        yield f"{where}: found {_kind(name)}, expected a text"
    elif name in seen:
        yield f"{where}: {name!r} stands at {seen[name]} too; expected once"
    else:
        seen[name] = where


def _unfit_facts(where: str, item: dict[str, Any]) -> Iterator[str]:
    """Find facts of another kind; what is missing is no problem, but counted for its quality."""
    for fact in ("class_id", "category", "department", "zone", "brand"):
        if item.get(fact) not in (None, "") and not _is_text(item[fact]):
            yield f"{where}.{fact}: found {_kind(item[fact])}, expected a text or nothing"
    price = item.get("price_cents")
    is_number = isinstance(price, int | float) and not isinstance(price, bool)
    if price is not None and not (is_number and 0 <= price <= MOST_CENTS):
        yield f"{where}.price_cents: found {_kind(price)}, expected cents from 0 to a billion"


def _is_text(value: object) -> TypeGuard[str]:
    """Tell whether it is a text that any file can hold: JSON knows halves of characters."""
    return isinstance(value, str) and bool(value) and not _has_half(value)


def _has_half(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _kind(value: object) -> str:
    """Name a JSON value's kind, not the value, which may be long."""
    if value is None:
        return "nothing"
    kinds = {bool: "true or false", str: "a text", list: "a list", dict: "an object"}
    if isinstance(value, str) and _has_half(value):
        return "half a character"
    if not value and isinstance(value, str | list):
        return f"an empty {'text' if isinstance(value, str) else 'list'}"
    return kinds.get(type(value), "a number")


def time_zone(catalog: dict[str, Any]) -> ZoneInfo | None:
    """Return the zone that the store's clock keeps, None where the catalogue names none.

    Raises:
        ConfigError: There is no such zone.
    """
    name = (catalog.get("store") or {}).get("time_zone")
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        problem = (
            f"catalog.json: store.time_zone: found {name!r}, expected a name such as Europe/Berlin"
        )
        raise ConfigError([problem]) from error


def store_offsets(zone: ZoneInfo | None) -> set[str] | None:
    """Return the UTC offsets that the store's clock ever shows, as text; None where unknown."""
    if zone is None:
        return None
    moments = (pd.Timestamp(2024, month, 1, tz=zone) for month in range(1, 13))
    return {_offset_text(moment.utcoffset().total_seconds()) for moment in moments}


def _offset_text(seconds: float) -> str:
    minutes = int(abs(seconds)) // 60
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def mixed_zones(path: Path, table: Table, allowed: set[str] | None) -> list[str]:
    """Refuse times that were written by several clocks: all UTC, or all the store's own."""
    by_zone = table.filter(table.zone != "").group_by("zone").agg(row=table.row.min())
    first = {str(r["zone"]): int(r["row"]) for r in by_zone.to_pyarrow().to_pylist()}
    utc = {"Z", "+00:00"}
    zones = set(first)
    if not zones or zones <= utc or (allowed is not None and zones <= allowed):
        return []
    if allowed is None and len(zones - utc) == len(zones) and len(zones) <= 2:
        return []  # no zone is known: winter and summer time are two offsets
    start = min(first, key=lambda zone: first[zone])
    home = utc if start in utc else (allowed or {start})
    odd = min((z for z in zones if z not in home), key=lambda z: first[z], default=start)
    wanted = " or ".join(sorted(home))
    return [
        f"{path}: row {first[odd]}: sold_at: found the UTC offset {odd} in a file that begins with "
        f"{start}; expected one clock for the whole file ({wanted})"
    ]


def same_receipt_twice(path: Path, table: Table) -> list[str]:
    """Find a line that stands there twice, and one receipt of two customers or moments."""
    twice = table.group_by("receipt", "position").agg(n=table.count(), row=table.row.max())
    doubled = twice.filter(twice.n > 1)
    found = doubled.aggregate(n=doubled.count(), row=doubled.row.min()).to_pyarrow().to_pylist()[0]
    if found["n"]:
        return [
            f"{path}: row {found['row']}: receipt_id, line_no: stands there a second time; "
            f"expected each line of a receipt once; {found['n']} lines are doubled"
        ]
    customer = table.customer.fill_null("")
    by_receipt = table.group_by("receipt").agg(
        is_torn=(customer.min() != customer.max()) | (table["at"].min() != table["at"].max()),
        row=table.row.max(),
    )
    torn = by_receipt.filter(by_receipt.is_torn)
    found = torn.aggregate(n=torn.count(), row=torn.row.min()).to_pyarrow().to_pylist()[0]
    if not found["n"]:
        return []
    return [
        f"{path}: row {found['row']}: receipt_id: belongs to two members or two moments; expected "
        f"one id per receipt; {found['n']} receipts are so"
    ]


def same_line_twice(path: Path, table: Table) -> list[str]:
    """Find a product that stands twice in one basket of a next-basket set."""
    twice = table.group_by("customer", "at", "item").agg(n=table.count(), row=table.row.max())
    doubled = twice.filter(twice.n > 1)
    found = doubled.aggregate(n=doubled.count(), row=doubled.row.min()).to_pyarrow().to_pylist()[0]
    if not found["n"]:
        return []
    return [
        f"{path}: row {found['row']}: customer_id, order_no, product_id: stands there a second "
        f"time; expected each product of a basket once; {found['n']} lines are doubled"
    ]


def days_run_backwards(path: Path, table: Table) -> list[str]:
    """Find a later order on an earlier day, or an order on two days."""
    row, n = _falling(table, table.day)
    if not n:
        return []
    return [
        f"{path}: row {row}: day: earlier than the day of the customer's order before, or "
        f"two days in one order; expected days that never fall; {n} orders are so"
    ]


def known_after_held_out(path: Path, table: Table) -> list[str]:
    """Find a held-out order before a known one, or one that is held out in part."""
    row, n = _falling(table, table.is_test.cast("int64"))
    if not n:
        return []
    return [
        f"{path}: row {row}: is_test: 0 after an order of 1, or both in one order; "
        f"expected 1 on the newest orders of a customer alone; {n} orders are otherwise"
    ]


def _falling(table: Table, value: Any) -> tuple[int | None, int]:
    """Find orders whose value falls below that of the customer's order before, or is not one.

    Returns:
        The first row of the first such order, None where there is none, and how many there are.
    """
    orders = table.group_by("customer", "at").agg(
        low=value.min(), high=value.max(), row=table.row.min()
    )
    before = orders.high.lag().over(group_by="customer", order_by="at")
    orders = orders.mutate(
        is_wrong=(orders.low < before).fill_null(False) | (orders.low < orders.high)
    )
    wrong = orders.filter(orders.is_wrong)
    found = wrong.aggregate(n=wrong.count(), row=wrong.row.min()).to_pyarrow().to_pylist()[0]
    return found["row"], found["n"]


def too_long(path: Path, table: Table, most_lines: int) -> list[str]:
    """Find an id that cannot be one person; the id itself stays out of the message."""
    known = table.filter(table.customer.notnull())
    by_customer = known.group_by("customer").agg(n=known.count(), row=known.row.min())
    long = by_customer.filter(by_customer.n > most_lines)
    found = long.aggregate(n=long.count(), row=long.row.min(), lines=long.n.max())
    first = found.to_pyarrow().to_pylist()[0]
    if not first["n"]:
        return []
    return [
        f"{path}: row {first['row']}: one customer has {first['lines']} lines; expected at most "
        f"{most_lines} (a till's own card, not a person: leave its id empty, or allow it with "
        f"--most-lines); {first['n']} customers are so"
    ]


def no_histories(path: Path, table: Table) -> list[str]:
    """Refuse data in which nobody came twice: there is nothing to learn from."""
    known = table.filter(table.customer.notnull())
    by_customer = known.group_by("customer").agg(n=known.receipt.nunique())
    found = by_customer.aggregate(
        customers=by_customer.count(), returning=(by_customer.n > 1).cast("int64").sum()
    )
    first = found.to_pyarrow().to_pylist()[0]
    if first["returning"]:
        return []
    return [
        f"{path}: row {FIRST_ROW}: none of {first['customers']} customers has two receipts; "
        "expected histories of at least two baskets"
    ]


def unknown_skus(path: Path, typed: Table, known: Table, unknown: int) -> list[str]:
    """Refuse a catalogue that does not fit the receipts.

    Args:
        path: The receipts.
        typed: All of their lines.
        known: Those whose sku is in the catalogue.
        unknown: How many are not.
    """
    total = int(typed.count().to_pyarrow().as_py())
    if unknown <= MOST_UNKNOWN_SKUS * total:
        return []
    missing = typed.anti_join(known.select("row"), "row")
    row = missing.row.min().to_pyarrow().as_py()
    return [
        f"{path}: row {row}: sku: not in catalog.json; expected at least "
        f"{1 - MOST_UNKNOWN_SKUS:.0%} of the lines to be; {unknown} of {total} are not"
    ]


def unknown_names(path: Path, column: str, source: str, is_known: "pd.Series[bool]") -> list[str]:
    """Refuse a log of names that are another store's.

    Args:
        path: The log.
        column: Where the names stand.
        source: The file that lists what is known.
        is_known: Of every row that must name something, by its position in the log.
    """
    unknown = is_known.index[~is_known]
    if len(unknown) <= MOST_UNKNOWN_SKUS * len(is_known):
        return []
    return [
        f"{path}: row {unknown.min() + FIRST_ROW}: {column}: not in {source}; expected at least "
        f"{1 - MOST_UNKNOWN_SKUS:.0%} of the rows to be; {len(unknown)} of {len(is_known)} are not"
    ]
