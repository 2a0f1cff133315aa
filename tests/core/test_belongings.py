"""What is left of purchases, message by message; the counts are worked out by hand."""

import numpy as np
import pytest

from edge.core.belongings import left, touched
from edge.core.person import Purchases
from edge.core.sales import Receipt, Return, ReturnLine, Sale, SaleLine, Void
from tests.core.decision_world import CATALOG, number

OLD, NEWER, TODAY, NAMELESS = 1, 2, 3, 99
DAY_S = 86_400.0


def known(*lines: tuple[int, int, str, float, float]) -> Purchases:
    """Make a profile's purchases of (receipt, line, item, day, quantity)."""
    receipt, line_no, item, day, quantity = zip(*lines, strict=True)
    n = len(lines)
    return Purchases(
        item=np.array([number(each) for each in item], np.int32),
        sku_no=np.arange(n, dtype=np.int32),
        at_s=np.array(day) * DAY_S,
        quantity=np.array(quantity, np.float32),
        receipt=np.array(receipt, np.uint64),
        line_no=np.array(line_no, np.int32),
        is_gift=np.zeros(n, np.bool_),
        unit_price_cents=np.zeros(n, np.int32),
        skus=list(item),
    )


def sale(*skus: str, day: float = 10.0) -> Sale:
    """Make a sale of one of each."""
    lines = tuple(SaleLine(at, each) for at, each in enumerate(skus, 1))
    return Sale("", "1", day * DAY_S, lines)


def back(sku: str, receipt: str | None = "R", quantity: float = 1.0, day: float = 20.0) -> Return:
    """Make a return of one sku."""
    return Return(f"{sku}{day}", receipt, None, (ReturnLine(sku, None, quantity),), day * DAY_S)


# Two coats of an old receipt, with a tie; one coat of a newer one.
BOUGHT = known((OLD, 1, "coat-a", 1, 2), (OLD, 2, "tie", 1, 1), (NEWER, 1, "coat-a", 5, 1))
ALL = {(OLD, "coat-a"): 2, (OLD, "tie"): 1, (NEWER, "coat-a"): 1}

SAID: list[tuple[str, dict[int, Receipt], dict[tuple[int, str], int]]] = [
    ("nothing", {}, ALL),
    ("a return of one of two", {OLD: Receipt().with_return(back("coat-a"))},
     {**ALL, (OLD, "coat-a"): 1}),
    ("a return of more than there was, of that receipt alone",
     {OLD: Receipt().with_return(back("coat-a", quantity=9))},
     {(OLD, "tie"): 1, (NEWER, "coat-a"): 1}),
    ("a return without a receipt: the newest go first",
     {NAMELESS: Receipt().with_return(back("coat-a", None, 2))},
     {(OLD, "coat-a"): 1, (OLD, "tie"): 1}),
    ("a return without a receipt cannot be of what was bought later",
     {NAMELESS: Receipt().with_return(back("coat-a", None, day=3))}, {**ALL, (OLD, "coat-a"): 1}),
    ("one return that names the newest receipt, and one that names none",
     {NAMELESS: Receipt().with_return(back("coat-a", None)),
      NEWER: Receipt().with_return(back("coat-a"))}, {(OLD, "coat-a"): 1, (OLD, "tie"): 1}),
    ("a return of something never bought",
     {NAMELESS: Receipt().with_return(back("mouse", None))}, ALL),
    ("a void of the whole receipt", {OLD: Receipt().with_void(Void("R", None, 0.0))},
     {(NEWER, "coat-a"): 1}),
    ("a void of one line", {OLD: Receipt().with_void(Void("R", (2,), 0.0))},
     {(OLD, "coat-a"): 2, (NEWER, "coat-a"): 1}),
    ("a void of somebody else's receipt", {7: Receipt().with_void(Void("R", None, 0.0))}, ALL),
    ("a sale", {TODAY: Receipt().with_sale(sale("scarf"))}, {**ALL, (TODAY, "scarf"): 1}),
    ("a sale of what the store does not sell", {TODAY: Receipt().with_sale(sale("?"))}, ALL),
    ("a sale that the profile holds already", {OLD: Receipt().with_sale(sale("coat-a"))},
     {(OLD, "coat-a"): 1, (NEWER, "coat-a"): 1}),
    ("a return without a receipt, before the late sale it is of",
     {NAMELESS: Receipt().with_return(back("scarf", None)),
      TODAY: Receipt().with_sale(sale("scarf", "tie"))}, {**ALL, (TODAY, "tie"): 1}),
    ("a return by receipt, before the late sale it is of",
     {TODAY: Receipt().with_return(back("scarf")).with_sale(sale("scarf", "tie"))},
     {**ALL, (TODAY, "tie"): 1}),
]  # fmt: skip


@pytest.mark.parametrize(("said", "expected"), [c[1:] for c in SAID], ids=[c[0] for c in SAID])
def test_what_is_left(said: dict[int, Receipt], expected: dict[tuple[int, str], int]) -> None:
    """The profile's lines and what tills said since, whatever came first."""
    for order in (said, dict(reversed(said.items()))):
        lines = left(BOUGHT, order, CATALOG)
        assert {(line.receipt, line.sku): line.quantity for line in lines} == expected
        untouched = left(BOUGHT.where(~touched(BOUGHT, order, CATALOG)), {}, CATALOG)
        assert all(line in lines for line in untouched)


def test_without_a_profile_the_visit_alone_is_known() -> None:
    """Of earlier receipts nothing is known, so nothing can be taken from them."""
    said = {
        OLD: Receipt().with_return(back("coat-a")),
        TODAY: Receipt().with_sale(sale("scarf", "tie")).with_void(Void("R", (2,), 0.0)),
    }
    assert [(line.sku, line.quantity) for line in left(None, said, CATALOG)] == [("scarf", 1.0)]
    assert left(None, {}, CATALOG) == []
