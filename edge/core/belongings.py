"""What a guest bought and still has: what the profile knows, and what tills said since.

Tills speak in any order: a void or a return comes before its sale, is about a receipt of months
ago, or names the member alone. So what is left is worked out anew from all that was said, as the
ledger does for the next visit. Leaves out what it means (`memory`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.catalog import Catalog
from edge.core.person import Purchases
from edge.core.sales import Receipt, Return

LEAST_QUANTITY = 1e-6


@dataclass(slots=True)
class Line:
    """One line that was bought.

    Attributes:
        receipt: Keyed hash of the till's id.
        item, sku: Of the catalogue.
        at_s: UTC seconds of the sale.
        quantity: What is left of it.
    """

    receipt: int
    line_no: int
    item: int
    sku: str
    at_s: float
    quantity: float
    is_gift: bool


def touched(
    known: Purchases, receipts: Mapping[int, Receipt], catalog: Catalog
) -> NDArray[np.bool_]:
    """Return bool[n]: the lines of a profile that what tills said since may change.

    All others are left as they are, which is all but a few of hundreds.
    """
    came_back = [
        item
        for receipt in receipts.values()
        for goods in receipt.returns
        if goods.receipt_id is None
        for line in goods.lines
        if (item := catalog.item_of_sku(line.sku)) is not None
    ]
    mask: NDArray[np.bool_] = np.isin(known.receipt, np.fromiter(receipts, np.uint64))
    if came_back:
        mask |= np.isin(known.item, list(came_back))
    return mask


def left(known: Purchases | None, receipts: Mapping[int, Receipt], catalog: Catalog) -> list[Line]:
    """Return what somebody still has, of goods that are sold here.

    Args:
        known: Of the profile, read before anything that `receipts` tell; None without a consent.
        receipts: What tills said since, by keyed hash, skus as the catalogue writes them. One
            without its sale is about a line that is known, or names no receipt at all.
        catalog: What the store sells.
    """
    lines: list[Line] = []
    for each in _known(known) if known is not None else ():
        said = receipts.get(each.receipt)
        if said is None or (
            said.sale is None and not said.is_void and each.line_no not in said.void_lines
        ):
            lines.append(each)
    for key, receipt in receipts.items():
        lines += _rung_up(key, receipt, catalog)
    for is_named in (True, False):  # what names its receipt leaves the rest to what names none
        for key, receipt in receipts.items():
            if receipt.sale is None and not receipt.is_void:
                for goods in receipt.returns:
                    if is_named == (goods.receipt_id is not None):
                        _take_back(lines, goods, key)
    return [line for line in lines if line.quantity > LEAST_QUANTITY]


def _known(known: Purchases) -> list[Line]:
    columns = (
        known.receipt, known.line_no, known.item, known.sku_no, known.at_s, known.quantity,
        known.is_gift,
    )  # fmt: skip
    return [
        Line(receipt, line_no, item, known.skus[sku_no], at_s, quantity, is_gift)
        for receipt, line_no, item, sku_no, at_s, quantity, is_gift in zip(
            *(column.tolist() for column in columns), strict=True
        )
        if item >= 0
    ]


def _rung_up(key: int, receipt: Receipt, catalog: Catalog) -> list[Line]:
    """Return what is left of a receipt whose sale was told in this visit."""
    sale, lines = receipt.sale, list[Line]()
    for line in receipt.kept() if sale is not None else ():
        item = catalog.item_of_sku(line.sku)
        if item is not None and sale is not None:
            is_gift = line.is_gift_wrapped or sale.has_gift_receipt
            lines.append(
                Line(key, line.line_no, item, line.sku, sale.sold_at_s, line.quantity, is_gift)
            )
    return lines


def _take_back(lines: list[Line], goods: Return, key: int) -> None:
    """Take returned goods out of a receipt, or of the newest purchases where none is named."""
    for back in goods.lines:
        mine = [
            line
            for line in lines
            if line.sku == back.sku
            and (
                line.receipt == key
                if goods.receipt_id is not None
                else int(line.at_s) <= goods.at_s
            )
        ]
        quantity = back.quantity
        for line in sorted(mine, key=lambda each: (each.at_s, each.receipt, each.line_no))[::-1]:
            taken = min(quantity, line.quantity)
            line.quantity -= taken
            quantity -= taken
