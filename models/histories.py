"""Histories and counts from till lines, as Ibis expressions that DuckDB and Spark both run.

Decides what a basket of a history is, which items are kept, and which counts are taken. Every
function takes and returns a lazy table, so that nothing is computed before it is asked for and
50 million lines pass through an engine that spills to disk. Leaves out features: those belong to
`edge.core.features`, which training calls exactly as the box does.
"""

from pathlib import Path

import ibis
import numpy as np

from models.engine import Engine, Table
from models.purchases import Purchases

LEAST_LINES = 3
"""Items bought less often than this in the histories are left out (protocol nbr-v1, step 2)."""
LEAST_TOGETHER = 2
"""Pairs seen once are left out of the pair counts: they are most of the rows and say nothing."""
MOST_PER_BASKET = 60
"""Items of one basket that take part in pair counts; a bulk order would give thousands."""

PAIRS = {"next_counts": 1, "together_counts": 0}
"""Steps from a basket to that of the other item, by the name of the table."""
LINES_A_PART = 8_000_000
"""Lines counted at a time: DuckDB spills, but the tables of a join and of its groups must both lie
in memory, and 50 million lines at once ran out of 2.5 GB."""


def baskets(lines: Table) -> Table:
    """Number every customer's receipts, oldest first, with each item once per basket.

    A gift tells another's taste, so it is in no basket; `edge.core.person.Purchases.history` makes
    the same of what a box knows.

    Args:
        lines: A table of `models.readers.LINES`.

    Returns:
        customer, basket (int64 from 0, no gap), item, quantity, day, minute, is_test; anonymous
        receipts, gifts and receipts of gifts alone are left out.
    """
    known = lines.filter(lines.customer.notnull(), ~lines.is_gift)
    receipts = known.group_by("customer", "receipt").agg(
        at=known["at"].min(),
        day=known.day.min(),
        minute=known.minute.min(),
        is_test=known.is_test.max(),
    )
    in_order = ibis.window(group_by="customer", order_by=["at", "receipt"])
    numbered = receipts.mutate(basket=ibis.row_number().over(in_order))
    bought = known.group_by("customer", "receipt", "item").agg(quantity=known.quantity.sum())
    joined = bought.join(numbered, ["customer", "receipt"])
    return joined.select("customer", "basket", "item", "quantity", "day", "minute", "is_test")


def anonymous_baskets(lines: Table) -> Table:
    """Return the receipts of nobody known, each item once, in the order it was rung up.

    Returns:
        receipt, item, position, quantity, at, day, minute.
    """
    unknown = lines.filter(lines.customer.isnull())
    return unknown.group_by("receipt", "item").agg(
        position=unknown.position.min(),
        quantity=unknown.quantity.sum(),
        at=unknown["at"].min(),
        day=unknown.day.min(),
        minute=unknown.minute.min(),
    )


def history(numbered: Table) -> Table:
    """Keep what may be learned from: baskets that are not held out for evaluation."""
    return numbered.filter(~numbered.is_test)


def item_index(past: Table, least: int = LEAST_LINES) -> Table:
    """Number the items worth a place in the model.

    Args:
        past: What `history` returned.
        least: Baskets an item must have been in.

    Returns:
        item, index (int64 from 0, most bought first, then by id), baskets.
    """
    counted = past.group_by("item").agg(baskets=past.count())
    kept = counted.filter(counted.baskets >= least)
    by_rank = ibis.window(order_by=[ibis.desc("baskets"), "item"])
    return kept.mutate(index=ibis.row_number().over(by_rank)).select("item", "index", "baskets")


def item_counts(past: Table, some: Table | None = None) -> Table:
    """Count per item.

    Args:
        past: What `history` returned.
        some: All its lines of some items, where not every item is wanted.

    Returns:
        item, baskets, customers, quantity, first_day, last_day, followed (baskets that have a
        successor), repeated (of those, the item is in the next basket as well), and repeat_rate.
    """
    some = past if some is None else some
    last = past.group_by("customer").agg(newest=past.basket.max())
    again = some.select("customer", "item", next_basket=some.basket - 1)
    marked = some.join(last, "customer")
    marked = marked.left_join(
        again,
        [
            marked.customer == again.customer,
            marked["item"] == again["item"],
            marked.basket == again.next_basket,
        ],
    )
    counted = marked.group_by("item").agg(
        baskets=marked.count(),
        customers=marked.customer.nunique(),
        quantity=marked.quantity.sum(),
        first_day=marked.day.min(),
        last_day=marked.day.max(),
        followed=(marked.basket < marked.newest).cast("int64").sum(),
        repeated=marked.next_basket.notnull().cast("int64").sum(),
    )
    rate = counted.repeated / counted.followed.nullif(0)
    return counted.mutate(repeat_rate=rate.cast("float64"))


def _numbers(past: Table, column: str) -> Table:
    """Number the values of a column in their order: the column, `<column>_number`."""
    in_order = ibis.row_number().over(ibis.window(order_by=column)).cast("int32")
    return past.select(column).distinct().mutate(**{f"{column}_number": in_order})


def _bounded(past: Table) -> Table:
    """Return customer, basket and item of the lines that pair up, all int32."""
    for column in ("customer", "item"):
        past = past.join(_numbers(past, column), column)
    coded = past.select(
        customer=past.customer_number, basket=past.basket.cast("int32"), item=past.item_number
    )
    in_basket = ibis.window(group_by=["customer", "basket"], order_by="item")
    placed = coded.mutate(place=ibis.row_number().over(in_basket))
    return placed.filter(placed.place < MOST_PER_BASKET).drop("place")


def pair_counts(past: Table, step: int = 1, least: int = LEAST_TOGETHER) -> Table:
    """Count how often one item is followed by another.

    Args:
        past: What `history` returned.
        step: 1: in the customer's next basket; 0: in the same basket.
        least: Pairs seen less often are left out.

    Returns:
        item, other, pairs. With step 0 every pair stands there both ways, and none with itself.
    """
    bounded = _bounded(past)
    return _pairs(bounded, bounded, _numbers(past, "item"), step, least)


def _pairs(some: Table, bounded: Table, names: Table, step: int, least: int) -> Table:
    """Count the pairs whose first item is among some of the bounded lines."""
    later = bounded.select(
        whose=bounded.customer, before=bounded.basket - step, other=bounded["item"]
    )
    joined = some.join(later, [some.customer == later.whose, some.basket == later.before])
    if step == 0:
        joined = joined.filter(joined["item"] < joined.other)
    counted = joined.group_by("item", "other").agg(pairs=joined.count())
    counted = counted.filter(counted.pairs >= least)
    if step == 0:  # counted one way, which halves the groups that must be held or spilled
        counted = counted.mutate(is_turned=ibis.array([False, True]).unnest())
        counted = counted.select(
            "pairs",
            item=ibis.ifelse(counted.is_turned, counted.other, counted["item"]),
            other=ibis.ifelse(counted.is_turned, counted["item"], counted.other),
        )
    first = names.select(one=names["item"], item_number=names.item_number)
    second = names.select(two=names["item"], other_number=names.item_number)
    named = counted.join(first, counted["item"] == first.item_number)
    named = named.join(second, named.other == second.other_number)
    return named.select("pairs", item=named.one, other=named.two)


def save_counts(engine: Engine, past: Table, to: Path, lines_a_part: int = LINES_A_PART) -> None:
    """Take every count and write it, in parts by the item or the first item.

    Args:
        engine: Where the work is done.
        past: What `history` returned, saved.
        to: A directory; gets a folder of numbered Parquet files for each count.
        lines_a_part: A part counts about so many lines, or the pairs that begin with them.
    """
    names = engine.save(_numbers(past, "item"), to / "item_numbers.parquet")
    bounded = engine.save(_bounded(past), to / "bounded.parquet")
    parts = -(-int(past.count().to_pyarrow().as_py()) // lines_a_part)
    (to / "item_counts").mkdir()
    for part in range(parts):
        chosen = names.filter(names.item_number % parts == part)
        some = past.semi_join(chosen, "item")
        engine.save(item_counts(past, some), to / "item_counts" / f"{part:03d}.parquet")
    for name, step in PAIRS.items():
        (to / name).mkdir()
        for part in range(parts):
            some = bounded.filter(bounded["item"] % parts == part)
            table = _pairs(some, bounded, names, step, LEAST_TOGETHER)
            engine.save(table, to / name / f"{part:03d}.parquet")


def counts(past: Table) -> dict[str, Table]:
    """Return every count that is taken, by name; the names are those of the stored files."""
    pairs = {name: pair_counts(past, step) for name, step in PAIRS.items()}
    return {"item_counts": item_counts(past), **pairs}


def purchases(numbered: Table, items: Table) -> Purchases:
    """Bring the baskets into memory, 8 bytes per line, in the order that training shares.

    Args:
        numbered: What `baskets` or `history` returned.
        items: What `item_index` returned; other items are left out.
    """
    kept = numbered.join(items, "item")
    customers = kept.select("customer").distinct()
    rank = ibis.row_number().over(ibis.window(order_by="customer"))
    customers = customers.mutate(number=rank)
    table = (
        kept.join(customers, "customer")
        .select(
            customer=ibis._.number.cast("int32"),
            basket=ibis._.basket.cast("int32"),
            item=ibis._["index"].cast("int32"),
            day=ibis._.day.cast("float32").fill_null(float("nan")),
        )
        .order_by("customer", "basket", "item")
        .to_pyarrow()
    )
    customer, basket = table["customer"].to_numpy(), table["basket"].to_numpy()
    is_new = np.ones(customer.size, np.bool_)
    is_new[1:] = (customer[1:] != customer[:-1]) | (basket[1:] != basket[:-1])
    day = table["day"].to_numpy()[is_new]
    return Purchases(
        table["item"].to_numpy(),
        (np.cumsum(is_new) - 1).astype(np.int32),
        customer[is_new],
        None if np.isnan(day).any() else day,
        tuple(customers.order_by("number").customer.to_pyarrow().to_pylist()),
        int(items.count().to_pyarrow().as_py()),
    )


def item_ids(items: Table) -> tuple[str, ...]:
    """Return the ids of the item index, the position being the index."""
    return tuple(items.order_by("index")["item"].to_pyarrow().to_pylist())
