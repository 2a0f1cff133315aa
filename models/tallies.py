"""What an engine counts of everybody's lines: integers, as Ibis expressions on DuckDB and Spark.

Decides which lines enter a count. Every sum is of whole numbers, or of days whose 24 bits leave
room for all lines in the 53 of a sum, so neither the engine nor the order of the lines shows.
Leaves out what is made of the counts (`models.counting`), and whose lines they are
(`models.everybody`).

Each function takes lines with customer, basket (from 0, no gap), later (the customer's baskets
after it), item and day (null where unknown), each item once a basket.
"""

from typing import Any

import ibis

from edge.core.item_tables import HAZARD_LAGS
from models.engine import Table

MAX_ITEMS_A_CUSTOMER = 400
"""Newest lines of one customer that enter the neighbour counts; a reseller must not rule them."""
MAX_ITEMS_A_BASKET = 200
"""First items of one basket, the best sellers in the order of the index, that enter the follower
counts. No basket of Ta-Feng has more than 102; two bulk orders in a row would give millions of
pairs."""
RECENT_BASKETS = {"recent_2": 2, "recent_1": 1}
"""Newest baskets of a customer that count as recent, by the name of the count."""


def _number(condition: Any) -> Any:
    return condition.cast("int64")


def items(lines: Table) -> Table:
    """Count per item.

    Returns:
        item, and of its lines: `lines`; `buyers`; `came_back` (buyers who bought it again); `new`
        (first lines of buyers who had been in before); `recent_2`, `recent_1` (lines in the
        buyers' newest baskets); `basket_lines` (lines of the baskets it lies in); `repeats`
        (lines with a next one of the same customer), and over those `gap` in baskets and
        `gap_days`; for each lag of `HAZARD_LAGS` `asked_<lag>` (lines after which the item could
        be bought so many baskets later, not having been in between) and `bought_<lag>` (it was;
        the last lag stands for all later baskets, and asks once for each).
    """
    own = ibis.window(group_by=["customer", "item"], order_by="basket")
    in_basket = ibis.window(group_by=["customer", "basket"])
    marked = lines.mutate(
        following=lines.basket.lead().over(own),
        next_day=lines.day.lead().over(own),
        place=ibis.row_number().over(own),
        size=lines.count().over(in_basket),
    )
    is_again = marked.following.notnull()
    wait = ibis.coalesce(marked.following - marked.basket, marked.later).cast("int64")
    is_first = marked.place == 0
    late = ibis.greatest(wait - HAZARD_LAGS + 1, 0)
    gap_days = (marked.next_day - marked.day).cast("float64").fill_null(0.0)
    sums = {
        "buyers": _number(is_first),
        "came_back": _number(is_first & is_again),
        "new": _number(is_first & (marked.basket > 0)),
        "basket_lines": marked["size"],
        "repeats": _number(is_again),
        "gap": ibis.ifelse(is_again, wait, 0),
        "gap_days": gap_days,
        f"asked_{HAZARD_LAGS}": late,
        f"bought_{HAZARD_LAGS}": _number(is_again & (late > 0)),
    }
    sums |= {name: _number(marked.later < most) for name, most in RECENT_BASKETS.items()}
    for lag in range(1, HAZARD_LAGS):
        sums[f"asked_{lag}"] = _number(wait >= lag)
        sums[f"bought_{lag}"] = _number(is_again & (wait == lag))
    return marked.group_by("item").agg(
        lines=marked.count(), **{name: column.sum() for name, column in sums.items()}
    )


def bought(lines: Table) -> Table:
    """Return who bought what lately: customer and item, each pair once."""
    newest = ibis.window(group_by="customer", order_by=[ibis.desc("basket"), ibis.desc("item")])
    placed = lines.mutate(place=ibis.row_number().over(newest))
    recent = placed.filter(placed.place < MAX_ITEMS_A_CUSTOMER)
    return recent.select("customer", "item").distinct()


def buyers(bought: Table) -> Table:
    """Count the customers of each item of `bought`: item, n."""
    return bought.group_by("item").agg(n=bought.count())


def together(some: Table, bought: Table) -> Table:
    """Count the customers of two items.

    Args:
        some: All lines of `bought` of some items.
        bought: See there.

    Returns:
        item (of `some`), other, n; no item stands with itself.
    """
    second = bought.select(customer="customer", other="item")
    joined = some.join(second, "customer")
    joined = joined.filter(joined["item"] != joined.other)
    return joined.group_by("item", "other").agg(n=joined.count())


def bounded(lines: Table) -> Table:
    """Return customer, basket, later and item of the lines that enter the follower counts."""
    in_basket = ibis.window(group_by=["customer", "basket"], order_by="item")
    placed = lines.mutate(place=ibis.row_number().over(in_basket))
    counted = placed.filter(placed.place < MAX_ITEMS_A_BASKET)
    return counted.select("customer", "basket", "later", "item")


def followed(bounded: Table) -> Table:
    """Count the lines of each item that have a basket after them: item, n."""
    before = bounded.filter(bounded.later > 0)
    return before.group_by("item").agg(n=before.count())


def following(some: Table, bounded: Table) -> Table:
    """Count how often an item lies in the basket after that of another, or of its own.

    Args:
        some: All lines of `bounded` of some items.
        bounded: See there.

    Returns:
        item (of `some`), other (in the next basket), n.
    """
    after = bounded.select(customer="customer", basket=bounded.basket - 1, other="item")
    joined = some.join(after, ["customer", "basket"])
    return joined.group_by("item", "other").agg(n=joined.count())
