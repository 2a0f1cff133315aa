"""Histories from till lines, as Ibis expressions that DuckDB and Spark both run.

Decides what a basket of a history is, which items are kept, and what lies together in a basket.
Every function takes and returns a lazy table, so that nothing is computed before it is asked for
and 50 million lines pass through an engine that spills to disk. Leaves out the ranker's counts
(`models.tallies`) and features: those belong to `edge.core.features`, which training calls
exactly as the box does.
"""

import ibis

from models.engine import Table

LEAST_LINES = 3
"""Items bought less often than this in the histories are left out (protocol nbr-v1, step 2)."""
LEAST_TOGETHER = 2
"""Pairs seen once are left out of the pair counts: they are most of the rows and say nothing."""
MOST_PER_BASKET = 60
"""Items of one basket that take part in pair counts; a bulk order would give thousands."""


def baskets(lines: Table) -> Table:
    """Number every customer's receipts, oldest first, with each item once per basket.

    A gift tells another's taste, so it is in no basket; a line of which nobody said is no gift.
    `edge.core.person.Purchases.history` makes the same of what a box knows.

    Args:
        lines: A table of `models.readers.LINES`.

    Returns:
        customer, basket (int64 from 0, no gap), item, day, local_day (int32, the store's; of a set,
        which knows none, that of `day`), is_test; anonymous receipts, gifts and receipts of gifts
        alone are left out.
    """
    known = lines.filter(lines.customer.notnull(), ~lines.is_gift.fill_null(False))
    receipts = known.group_by("customer", "receipt").agg(
        at=known["at"].min(),
        day=known.day.min(),
        local_day=ibis.coalesce(known.local_day, known.day.floor().cast("int32")).min(),
        is_test=known.is_test.max(),
    )
    in_order = ibis.window(group_by="customer", order_by=["at", "receipt"])
    numbered = receipts.mutate(basket=ibis.row_number().over(in_order))
    bought = known.select("customer", "receipt", "item").distinct()
    joined = bought.join(numbered, ["customer", "receipt"])
    return joined.select("customer", "basket", "item", "day", "local_day", "is_test")


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


def pair_counts(bought: Table, least: int = LEAST_TOGETHER) -> Table:
    """Count how often two items lie in one basket.

    Args:
        bought: basket (its id) and item, each pair once.
        least: Pairs seen less often are left out.

    Returns:
        item, other, pairs. Every pair stands there both ways, and none with itself.
    """
    in_order = ibis.row_number().over(ibis.window(order_by="item")).cast("int32")
    names = bought.select("item").distinct().mutate(number=in_order)
    in_basket = ibis.window(group_by="basket", order_by="number")
    coded = bought.join(names, "item").select("basket", "number")
    coded = coded.mutate(place=ibis.row_number().over(in_basket))
    coded = coded.filter(coded.place < MOST_PER_BASKET)
    joined = coded.join(coded.select("basket", other="number"), "basket")
    joined = joined.filter(joined.number < joined.other)
    counted = joined.group_by("number", "other").agg(pairs=joined.count())
    counted = counted.filter(counted.pairs >= least)
    # Counted one way, which halves the groups that must be held or spilled.
    counted = counted.mutate(is_turned=ibis.array([False, True]).unnest())
    counted = counted.select(
        "pairs",
        one=ibis.ifelse(counted.is_turned, counted.other, counted.number),
        two=ibis.ifelse(counted.is_turned, counted.number, counted.other),
    )
    first = names.select(one="number", first="item")
    second = names.select(two="number", second="item")
    named = counted.join(first, "one").join(second, "two")
    return named.select("pairs", item=named.first, other=named.second)


def item_ids(items: Table) -> tuple[str, ...]:
    """Return the ids of the item index, the position being the index."""
    return tuple(items.order_by("index")["item"].to_pyarrow().to_pylist())
