"""What is left of a receipt, in whatever order its messages come."""

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.sales import (
    Receipt,
    Return,
    ReturnLine,
    Sale,
    SaleLine,
    Void,
    without_void_twins,
)

SHIRT = SaleLine(1, "shirt-m", None, 2.0, 3995)
TIE = SaleLine(2, "tie", None, 1.0, 2995)
SALE = Sale("R1", "T1", 100.0, (SHIRT, TIE))
VOID_TIE = Void("R1", (2,), 110.0)
VOID_ALL = Void("R1", None, 120.0)
BACK_ONE = Return("X1", "R1", None, (ReturnLine("shirt-m", None, 1.0),), 200.0)
BACK_MANY = Return("X2", "R1", None, (ReturnLine("shirt-m", None, 9.0),), 300.0)

Message = Sale | Void | Return


def gather(*messages: Message) -> Receipt:
    receipt = Receipt()
    for message in messages:
        match message:
            case Sale():
                receipt = receipt.with_sale(message)
            case Void():
                receipt = receipt.with_void(message)
            case Return():
                receipt = receipt.with_return(message)
    return receipt


@pytest.mark.parametrize(
    ("name", "messages", "kept"),
    [
        ("a sale", [SALE], {"shirt-m": 2.0, "tie": 1.0}),
        ("the sale twice", [SALE, SALE], {"shirt-m": 2.0, "tie": 1.0}),
        ("a line voided", [SALE, VOID_TIE], {"shirt-m": 2.0}),
        ("a line voided before its sale came", [VOID_TIE, SALE], {"shirt-m": 2.0}),
        ("all voided", [SALE, VOID_ALL], {}),
        ("only the void came", [VOID_ALL], {}),
        ("one of two came back", [SALE, BACK_ONE], {"shirt-m": 1.0, "tie": 1.0}),
        ("the return told twice", [SALE, BACK_ONE, BACK_ONE], {"shirt-m": 1.0, "tie": 1.0}),
        ("the return before the sale", [BACK_ONE, SALE], {"shirt-m": 1.0, "tie": 1.0}),
        ("more came back than was sold", [SALE, BACK_MANY], {"tie": 1.0}),
    ],
)
def test_what_is_kept(name: str, messages: list[Message], kept: dict[str, float]) -> None:
    assert {line.sku: line.quantity for line in gather(*messages).kept()} == kept


def test_returned_goods_leave_the_last_line_of_their_sku_first() -> None:
    sale = Sale("R1", "T1", 1.0, (SaleLine(1, "a", quantity=1.0), SaleLine(2, "a", quantity=2.0)))
    receipt = gather(sale, Return("X", "R1", None, (ReturnLine("a", None, 2.0),), 2.0))
    assert [(line.line_no, line.quantity) for line in receipt.kept()] == [(1, 1.0)]


def test_what_came_back_is_told_with_its_time() -> None:
    receipt = gather(SALE, BACK_MANY, BACK_ONE)
    assert [(b.sku, b.at_s) for b in receipt.returned()] == [("shirt-m", 200.0), ("shirt-m", 300.0)]
    assert gather(SALE, BACK_ONE, VOID_ALL).returned() == ()


MESSAGES: list[Message] = [SALE, VOID_TIE, BACK_ONE, BACK_MANY]


@given(st.permutations(MESSAGES), st.lists(st.sampled_from(MESSAGES), max_size=4))
def test_order_and_repetition_change_nothing(order: list[Message], again: list[Message]) -> None:
    assert gather(*order, *again) == gather(*MESSAGES)


def test_a_void_of_everything_wins_in_every_order() -> None:
    for order in itertools.permutations([*MESSAGES, VOID_ALL]):
        assert gather(*order).kept() == ()


def line(line_no: int, sku: str, quantity: float, cents: int = 100) -> SaleLine:
    return SaleLine(line_no, sku, None, quantity, cents)


@pytest.mark.parametrize(
    ("name", "lines", "left", "pairs"),
    [
        ("nothing voided", [line(1, "a", 1)], [1], 0),
        ("a line and its twin", [line(1, "a", 1.47), line(2, "a", -1.47)], [], 1),
        (
            "three equal lines, one voided",
            [line(1, "a", 1), line(2, "a", 1), line(3, "a", 1), line(4, "a", -1)],
            [1, 2],
            1,
        ),
        (
            "a deposit refund has no partner",
            [line(1, "a", 1), line(2, "bottle", -1, -25)],
            [1, 2],
            0,
        ),
        ("another price is another line", [line(1, "a", 1, 100), line(2, "a", -1, 90)], [1, 2], 0),
        ("a twin cannot come first", [line(1, "a", -1), line(2, "a", 1)], [1, 2], 0),
    ],
)
def test_void_twins_are_paired(
    name: str, lines: list[SaleLine], left: list[int], pairs: int
) -> None:
    kept, taken_out = without_void_twins(lines)
    assert [each.line_no for each in kept] == left
    assert taken_out == pairs


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([1.0, 2.0, -1.0])), max_size=8))
def test_pairing_never_changes_the_sum(rows: list[tuple[str, float]]) -> None:
    """Whatever is taken out cancels itself."""
    lines = [line(at, sku, quantity) for at, (sku, quantity) in enumerate(rows)]
    kept, pairs = without_void_twins(lines)
    total: Callable[[list[SaleLine]], float] = lambda some: sum(x.quantity for x in some)  # noqa: E731
    assert total(list(kept)) == total(lines)
    assert len(kept) == len(lines) - 2 * pairs
