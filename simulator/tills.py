"""The tills and the stock room: sales, late ones, voids, returns, deliveries, counting errors.

What goes wrong here goes wrong in real stores too: a sale reported minutes late, a line voided
after payment, a till that knows GTINs only, a member card left in the pocket.
"""

import random
from collections.abc import Iterator
from typing import Any

from simulator.catalog import Catalog, Item
from simulator.clock import rfc3339
from simulator.demand import Line
from simulator.wire import Message, event

# Our own rates; Shopify's point of sale reports up to 15 minutes late.
LATE_RATE = 0.05
LATE_MAX_S = 900.0
VOID_RATE = 0.04
RETURN_RATE = 0.03
CARD_SHOWN_RATE = 0.88
GIFT_RECEIPT_RATE = 0.5
# The last till is of an old make and reports article numbers only as GTIN.
GTIN_ONLY_TILL = "6"
TILL_IDS = ("1", "2", "3", "4", "5", "6")
# Levels per stock message, well below the 64 KiB a payload may have.
LEVELS_PER_MESSAGE = 800
DELIVERY_UNITS = 8


class Tills:
    """Receipts and stock of one day."""

    def __init__(self, catalog: Catalog, stock: dict[str, int], rng: random.Random) -> None:
        self._rng = rng
        self._stock = dict(stock)
        self._skus = sorted(stock)
        self._serial = 0
        self._items = {v.sku: item for item in catalog.items for v in item.variants}

    def has(self, sku: str) -> bool:
        """Return whether a sku can be taken from the shelf."""
        return self._stock.get(sku, 0) > 0

    def sale(self, member_id: str | None, lines: list[Line], at_s: float) -> tuple[str, Message]:
        """Ring up lines; returns the receipt's id and its message."""
        self._serial += 1
        till = self._rng.choice(TILL_IDS)
        receipt_id = f"{till}-{self._serial:07d}"
        for line in lines:
            left = self._stock.get(line.variant.sku, 0) - line.quantity
            self._stock[line.variant.sku] = max(0, left)
        data: dict[str, Any] = {
            "receipt_id": receipt_id,
            "till_id": till,
            "sold_at": rfc3339(at_s),
            "lines": [_line(n, line, till, self._rng) for n, line in enumerate(lines, start=1)],
        }
        if member_id and self._rng.random() < CARD_SHOWN_RATE:
            data["member_id"] = member_id
        if any(line.is_gift for line in lines):
            data["has_gift_receipt"] = self._rng.random() < GIFT_RECEIPT_RATE
        return receipt_id, event("sales", f"/tills/{till}", receipt_id, at_s, data)

    def delay_s(self) -> float:
        """Return how late a sale is reported: mostly at once."""
        is_late = self._rng.random() < LATE_RATE
        return self._rng.uniform(30, LATE_MAX_S) if is_late else 0.0

    def void(self, receipt_id: str, line_count: int, at_s: float) -> Message | None:
        """Return the void that follows some receipts: a line, or all of it."""
        if self._rng.random() >= VOID_RATE:
            return None
        data: dict[str, Any] = {"receipt_id": receipt_id}
        if line_count > 1 or self._rng.random() < 0.5:
            data["line_nos"] = [self._rng.randint(1, line_count)]
        till = receipt_id.split("-")[0]
        return event("voids", f"/tills/{till}", f"{receipt_id}-void", at_s, data)

    def bring_back(self, member_id: str, owned: list[Item], at_s: float) -> Message | None:
        """Return the return that some visits begin with."""
        lasting = [item for item in owned if not item.is_sensitive]
        if not lasting or self._rng.random() >= RETURN_RATE:
            return None
        self._serial += 1
        till, item = self._rng.choice(TILL_IDS), self._rng.choice(lasting)
        variant = self._rng.choice(item.variants)
        self._stock[variant.sku] = self._stock.get(variant.sku, 0) + 1
        data = {
            "return_id": f"{till}-{self._serial:07d}-R",
            "member_id": member_id,
            "lines": [{"sku": variant.sku, "gtin": variant.gtin, "quantity": 1}],
        }
        return event("returns", f"/tills/{till}", str(data["return_id"]), at_s, data)

    def opening(self, at_s: float) -> Iterator[Message]:
        """Yield the whole stock, as counted over night."""
        for start in range(0, len(self._skus), LEVELS_PER_MESSAGE):
            yield self._levels(self._skus[start : start + LEVELS_PER_MESSAGE], at_s)

    def delivery(self, at_s: float) -> Message:
        """Refill some empty shelves, and find others empty that should not be."""
        empty = [sku for sku in self._skus if self._stock[sku] <= 1]
        refilled = self._rng.sample(empty, min(12, len(empty)))
        for sku in refilled:
            self._stock[sku] += DELIVERY_UNITS
        missing = self._rng.sample(self._skus, 3)
        for sku in missing:
            self._stock[sku] = 0
        return self._levels(sorted({*refilled, *missing}), at_s)

    def _levels(self, skus: list[str], at_s: float) -> Message:
        self._serial += 1
        levels = [{"sku": sku, "quantity": self._stock[sku]} for sku in skus]
        event_id = f"stock-{self._serial:07d}"
        return event("stock", "/stock-room", event_id, at_s, {"levels": levels})


def _line(number: int, line: Line, till: str, rng: random.Random) -> dict[str, Any]:
    record: dict[str, Any] = {
        "line_no": number,
        "sku": "" if till == GTIN_ONLY_TILL else line.variant.sku,
        "gtin": line.variant.gtin,
        "quantity": line.quantity,
        "unit_price_cents": line.item.price_cents,
    }
    if line.is_gift:
        record["is_gift_wrapped"] = rng.random() < 0.6
    return record
