"""Years of receipts in one small blob: the columns of a person's purchases, packed.

About 1 kB for 100 lines before encryption. What was voided or returned is taken out when a receipt
moves here; voids and returns that come later are taken out of the blob.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import TrustError
from edge.core.sales import Receipt, TakenBack

_HEADER = struct.Struct("<BIII")  # version, receipts, lines, goods that came back
_VERSION = 1
_RECEIPT_COLUMNS = (("receipt", "<u8"), ("at_s", "<u4"), ("lines", "<u2"))
_LINE_COLUMNS = (
    ("line_no", "<u2"),
    ("sku_no", "<u4"),
    ("quantity", "<f4"),
    ("cents", "<i4"),
    ("is_gift", "<u1"),
)
_BACK_COLUMNS = (("sku_no", "<u4"), ("at_s", "<u4"))


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Lines as columns, oldest receipt first, lines of one receipt together.

    Attributes:
        receipt: uint64[n], keyed hash of the receipt.
        at_s: float64[n], whole seconds. sku_no: int32[n]. line_no: int32[n].
        quantity: float32[n], what is kept. cents: int32[n]. is_gift: bool[n].
        back_sku_no: int32[m], back_at_s: float64[m]: what came back.
    """

    receipt: NDArray[np.uint64]
    at_s: NDArray[np.float64]
    line_no: NDArray[np.int32]
    sku_no: NDArray[np.int32]
    quantity: NDArray[np.float32]
    cents: NDArray[np.int32]
    is_gift: NDArray[np.bool_]
    back_sku_no: NDArray[np.int32]
    back_at_s: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.receipt)

    def where(self, kept: NDArray[np.bool_]) -> "Lines":
        """Return the lines chosen by a mask, with everything that came back."""
        return replace(
            self,
            receipt=self.receipt[kept],
            at_s=self.at_s[kept],
            line_no=self.line_no[kept],
            sku_no=self.sku_no[kept],
            quantity=self.quantity[kept],
            cents=self.cents[kept],
            is_gift=self.is_gift[kept],
        )

    def forgetting(self, before_s: float) -> "Lines":
        """Return the lines without what came back before a moment."""
        kept = self.back_at_s >= before_s
        return replace(self, back_sku_no=self.back_sku_no[kept], back_at_s=self.back_at_s[kept])

    def sorted(self) -> "Lines":
        """Return the lines by time, receipt and line number."""
        order = np.lexsort((self.line_no, self.receipt, self.at_s))
        return self if np.array_equal(order, np.arange(len(order))) else self.taken(order)

    def taken(self, order: NDArray[np.intp]) -> "Lines":
        """Return the lines of these positions, in their order."""
        columns = {name: getattr(self, name)[order] for name in _NAMES}
        return replace(self, **columns)

    def without(self, receipt: int, line_nos: Sequence[int] | None) -> "Lines":
        """Return the lines without voided ones; None: the whole receipt is void."""
        gone = self.receipt == np.uint64(receipt)
        if line_nos is not None:
            gone &= np.isin(self.line_no, line_nos)
        return self.where(~gone)

    def less(self, sku_no: int, taken: TakenBack, receipt: int | None) -> "Lines":
        """Return the lines without goods that came back: the newest bought go first.

        Args:
            sku_no: Of the goods.
            taken: How many, and when; only purchases before that moment can come back.
            receipt: Of the purchase, None where the till did not know it.
        """
        quantity = self.quantity.copy()
        left = taken.quantity
        mine = (self.sku_no == sku_no) & (self.at_s <= taken.at_s)
        if receipt is not None:
            mine = (self.sku_no == sku_no) & (self.receipt == np.uint64(receipt))
        for at in np.flatnonzero(mine)[::-1]:
            part = min(left, float(quantity[at]))
            quantity[at] -= part
            left -= part
        noted = replace(
            self,
            quantity=quantity,
            back_sku_no=np.append(self.back_sku_no, np.int32(sku_no)),
            back_at_s=np.append(self.back_at_s, taken.at_s),
        )
        return noted.where(quantity > 1e-6)


_NAMES = ("receipt", "at_s", "line_no", "sku_no", "quantity", "cents", "is_gift")
_NOTHING = _HEADER.pack(_VERSION, 0, 0, 0) + zlib.compress(b"")


def no_lines() -> Lines:
    """Return an empty history."""
    return decode(_NOTHING)


def joined(parts: Sequence[Lines]) -> Lines:
    """Return several histories as one, sorted."""
    if len(parts) == 1:
        return parts[0]
    names = (*_NAMES, "back_sku_no", "back_at_s")
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return replace(parts[0], **columns).sorted()


def lines_of(receipt: Receipt, key: int, sku_no: dict[str, int]) -> Lines:
    """Return one receipt as columns, voids and returns taken out."""
    sale, kept, back = receipt.sale, receipt.kept(), receipt.returned()
    at_s = float(int(sale.sold_at_s)) if sale else 0.0
    is_gift = sale.has_gift_receipt if sale else False
    n = len(kept)
    return Lines(
        np.full(n, key, np.uint64),
        np.full(n, at_s, np.float64),
        np.array([line.line_no for line in kept], np.int32),
        np.array([sku_no[line.sku] for line in kept], np.int32),
        np.array([line.quantity for line in kept], np.float32),
        np.array([line.unit_price_cents for line in kept], np.int32),
        np.array([is_gift or line.is_gift_wrapped for line in kept], np.bool_),
        np.array([sku_no[each.sku] for each in back], np.int32),
        np.array([each.at_s for each in back], np.float64),
    )


def encode(lines: Lines) -> bytes:
    """Pack sorted lines."""
    starts = _starts(lines.receipt)
    counts = np.diff(np.append(starts, len(lines)))
    columns = [
        lines.receipt[starts], lines.at_s[starts], counts,
        lines.line_no, lines.sku_no, lines.quantity, lines.cents, lines.is_gift,
        lines.back_sku_no, lines.back_at_s,
    ]  # fmt: skip
    kinds = [kind for _, kind in (*_RECEIPT_COLUMNS, *_LINE_COLUMNS, *_BACK_COLUMNS)]
    body = b"".join(
        column.astype(kind).tobytes() for column, kind in zip(columns, kinds, strict=True)
    )
    header = _HEADER.pack(_VERSION, len(starts), len(lines), len(lines.back_sku_no))
    return header + zlib.compress(body, 6)


def decode(blob: bytes) -> Lines:
    """Unpack what `encode` packed.

    Raises:
        TrustError: Packed by another version, or not at all.
    """
    version, r, n, m = _HEADER.unpack_from(blob)
    if version != _VERSION:
        raise TrustError(f"a history of form {version}; this program reads {_VERSION}")
    body = zlib.decompress(memoryview(blob)[_HEADER.size :])
    at, columns = 0, []
    for size, table in ((r, _RECEIPT_COLUMNS), (n, _LINE_COLUMNS), (m, _BACK_COLUMNS)):
        for _, kind in table:
            columns.append(np.frombuffer(body, kind, size, at))
            at += size * int(kind[-1])
    receipt, at_s, counts, line_no, sku_no, quantity, cents, is_gift, back_sku, back_at = columns
    return Lines(
        np.repeat(receipt, counts),
        np.repeat(at_s.astype(np.float64), counts),
        line_no.astype(np.int32),
        sku_no.astype(np.int32),
        quantity,
        cents,
        is_gift.astype(np.bool_),
        back_sku.astype(np.int32),
        back_at.astype(np.float64),
    )


def _starts(receipt: NDArray[np.uint64]) -> NDArray[np.intp]:
    if not len(receipt):
        return np.empty(0, np.intp)
    return np.flatnonzero(np.append(True, receipt[1:] != receipt[:-1]))
