"""What a till said, and what is left of it: sales, voids and returns in any order.

Messages about one receipt come late, twice and in the wrong order. A `Receipt` therefore gathers
what was said so far and can be asked at any time what remains; gathering is commutative and
idempotent, so every order of the same messages ends the same. Stock and cool-downs are decided
elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class SaleLine:
    """One line of a receipt; `sku` may be empty where `gtin` is given."""

    line_no: int
    sku: str
    gtin: str | None = None
    quantity: float = 1.0
    unit_price_cents: int = 0
    is_gift_wrapped: bool = False


@dataclass(frozen=True, slots=True)
class Sale:
    """A receipt as the till closed it; `sold_at_s` in UTC seconds."""

    receipt_id: str
    till_id: str
    sold_at_s: float
    lines: tuple[SaleLine, ...]
    member_id: str | None = None
    has_gift_receipt: bool = False


@dataclass(frozen=True, slots=True)
class Void:
    """Lines of a receipt never happened; `line_nos` None: all of them."""

    receipt_id: str
    line_nos: tuple[int, ...] | None
    at_s: float


@dataclass(frozen=True, slots=True)
class ReturnLine:
    """Goods that came back."""

    sku: str
    gtin: str | None = None
    quantity: float = 1.0


@dataclass(frozen=True, slots=True)
class Return:
    """A return, with the receipt or the member where known."""

    return_id: str
    receipt_id: str | None
    member_id: str | None
    lines: tuple[ReturnLine, ...]
    at_s: float


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A quantity of a sku that came back."""

    sku: str
    quantity: float
    at_s: float


@dataclass(frozen=True, slots=True)
class Receipt:
    """Everything said about one receipt so far.

    Attributes:
        sale: None while only a void or a return of it has arrived.
        is_void: The whole receipt never happened.
        void_lines: Line numbers that never happened.
        returns: By return id, so that a repeated one counts once.
    """

    sale: Sale | None = None
    is_void: bool = False
    void_lines: tuple[int, ...] = ()
    returns: tuple[Return, ...] = ()

    def with_sale(self, sale: Sale) -> "Receipt":
        """Take the sale; of two that differ under one receipt id the first stays."""
        return self if self.sale is not None else replace(self, sale=sale)

    def with_void(self, void: Void) -> "Receipt":
        """Take a void, which may come before its sale."""
        if void.line_nos is None:
            return replace(self, is_void=True)
        return replace(self, void_lines=tuple(sorted({*self.void_lines, *void.line_nos})))

    def with_return(self, goods: Return) -> "Receipt":
        """Take a return, which may come before its sale."""
        if any(known.return_id == goods.return_id for known in self.returns):
            return self
        ordered = sorted((*self.returns, goods), key=lambda each: (each.at_s, each.return_id))
        return replace(self, returns=tuple(ordered))

    def with_gifts(self, is_gift: Mapping[int, bool]) -> "Receipt":
        """Take somebody's word, by line number, about whether lines were gifts."""
        sale = self.sale
        if sale is None or not is_gift:
            return self
        lines = tuple(
            replace(
                line,
                is_gift_wrapped=is_gift.get(
                    line.line_no, line.is_gift_wrapped or sale.has_gift_receipt
                ),
            )
            for line in sale.lines
        )
        return replace(self, sale=replace(sale, lines=lines, has_gift_receipt=False))

    def kept(self) -> tuple[SaleLine, ...]:
        """Return the lines the customer still has, with what is left of each quantity.

        Returned goods are taken from the last line of their sku first; more than was bought takes
        no more than all of it.
        """
        if self.sale is None or self.is_void:
            return ()
        back = _quantities(self.returned())
        kept: list[SaleLine] = []
        for line in reversed(self.sale.lines):
            if line.line_no in self.void_lines:
                continue
            taken = min(back.get(line.sku, 0.0), line.quantity)
            if taken:
                back[line.sku] -= taken
            if line.quantity - taken > 0:
                kept.append(replace(line, quantity=line.quantity - taken) if taken else line)
        return tuple(reversed(kept))

    def returned(self) -> tuple[TakenBack, ...]:
        """Return what came back, in the order of time; a voided receipt has no returns."""
        if self.is_void:
            return ()
        return tuple(
            TakenBack(line.sku, line.quantity, goods.at_s)
            for goods in self.returns
            for line in goods.lines
        )


def without_void_twins(lines: Sequence[SaleLine]) -> tuple[tuple[SaleLine, ...], int]:
    """Take out pairs of a line and its negating twin, as POSLog tills write a void.

    The till flags the twin only, with negative quantity; the voided line stays as it was. Of three
    equal lines and one twin, two stay. A negative line without partner (a deposit refund) stays.

    Returns:
        The lines left, in order, and the number of pairs taken out.
    """
    gone: set[int] = set()
    for at, twin in enumerate(lines):
        if twin.quantity >= 0:
            continue
        partner = _partner(lines, at, gone)
        if partner is not None:
            gone |= {at, partner}
    return tuple(line for at, line in enumerate(lines) if at not in gone), len(gone) // 2


def _partner(lines: Sequence[SaleLine], at: int, gone: set[int]) -> int | None:
    twin = lines[at]
    for before in range(at - 1, -1, -1):
        line = lines[before]
        if (
            before not in gone
            and (line.sku, line.gtin) == (twin.sku, twin.gtin)
            and abs(line.quantity + twin.quantity) < 1e-9
            and line.unit_price_cents == twin.unit_price_cents
        ):
            return before
    return None


def _quantities(taken: Sequence[TakenBack]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for each in taken:
        sums[each.sku] = sums.get(each.sku, 0.0) + each.quantity
    return sums
