"""The gift guess: what makes it, what it changes, how it is corrected, and that it stays silent."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.board import why_of
from edge.core.gifts import (
    WEIGHTS,
    BasketLine,
    Buyer,
    Correction,
    Sign,
    audience_counts,
    buyer_of,
    cleared_audiences,
    corrected,
    guess,
    is_gift_season,
    marked,
    mothers_day,
)
from edge.core.reasons import WORDS, Reason
from edge.core.sales import Sale, SaleLine
from tests.core.decision_world import CATALOG, NOW, World, at, number

SCENT = BasketLine(number("scent-w"))
TIE = BasketLine(number("tie"))
MAN = Buyer(declared="men")
HABIT = Buyer(counts={"men": 12})
MIXED = Buyer(declared="men", counts={"men": 9, "women": 4})

GUESSES: list[tuple[str, BasketLine, Buyer | None, dict[str, object], bool, set[Sign]]] = [
    ("nobody known, nothing special", SCENT, None, {}, False, set()),
    ("women's scent, declared a man", SCENT, MAN, {}, True, {Sign.NOT_DECLARED}),
    ("men's scent, declared a man", BasketLine(number("scent-m")), MAN, {}, False, set()),
    ("a tie has no audience", TIE, MAN, {}, False, set()),
    ("a habit alone is not enough", SCENT, HABIT, {}, False, {Sign.NOT_HABITUAL}),
    ("a habit and Christmas", SCENT, HABIT, {"moment": at("2026-12-20 12:00")}, True,
     {Sign.NOT_HABITUAL, Sign.SEASON}),
    ("Christmas alone makes no gift", TIE, None, {"moment": at("2026-12-20 12:00")}, False, set()),
    ("gift wrap", replace(TIE, is_wrapped=True), None, {}, True, {Sign.WRAPPED}),
    ("a gift receipt speaks for every line", TIE, None, {"has_gift_receipt": True}, True,
     {Sign.GIFT_RECEIPT}),
    ("a voucher is made to be given", BasketLine(number("voucher")), None, {}, True,
     {Sign.GIFT_CLASS}),
    ("who also buys for women", SCENT, MIXED, {}, False, set()),
    ("who was corrected about it", SCENT, Buyer("men", {}, frozenset({"women"})), {}, False,
     set()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "buyer", "more", "is_gift", "signs"),
    [c[1:] for c in GUESSES],
    ids=[c[0] for c in GUESSES],
)
def test_guesses(
    line: BasketLine, buyer: Buyer | None, more: dict[str, object], is_gift: bool, signs: set[Sign]
) -> None:
    """What speaks for a gift, and whether it suffices."""
    asked: dict[str, object] = {"moment": NOW, "buyer": buyer} | more
    (found,) = guess([line], CATALOG, **asked)  # type: ignore[arg-type]
    assert found.is_gift is is_gift
    assert set(found.signs) == signs


def test_signs_combine_as_independent_causes() -> None:
    """Undeclared (0.6) and wrapped (0.9): 1 - 0.4 * 0.1 = 0.96."""
    (found,) = guess([replace(SCENT, is_wrapped=True)], CATALOG, NOW, MAN)
    assert found.score == pytest.approx(0.96)


SEASONS = [
    ("Valentine's Day", "2026-02-14", True),
    ("two weeks before it", "2026-01-31", True),
    ("the day after", "2026-02-15", False),
    ("Mother's Day 2026, 10 May", "2026-05-10", True),
    ("Christmas Eve", "2026-12-24", True),
    ("between the years", "2026-12-27", False),
    ("a day in March", "2026-03-03", False),
]


@pytest.mark.parametrize(("day", "expected"), [c[1:] for c in SEASONS], ids=[c[0] for c in SEASONS])
def test_seasons(day: str, expected: bool) -> None:
    """The fortnight before a feast of giving, the feast included."""
    assert is_gift_season(at(f"{day} 12:00").day) is expected


def test_mothers_day_is_the_second_sunday_of_may() -> None:
    """Checked against the calendar of four years."""
    found = [mothers_day(year).isoformat() for year in (2024, 2025, 2026, 2027)]
    assert found == ["2024-05-12", "2025-05-11", "2026-05-10", "2027-05-09"]


CORRECTIONS = [
    ("no correction", [], True),
    ("not a gift", [Correction("R1", False, 5.0)], False),
    ("about another receipt", [Correction("R2", False, 5.0)], True),
    ("about another line", [Correction("R1", False, 5.0, item=3)], True),
    ("the newest holds", [Correction("R1", False, 5.0), Correction("R1", True, 6.0)], True),
    ("in whatever order", [Correction("R1", True, 6.0), Correction("R1", False, 5.0)], True),
    ("line beats receipt at one moment",
     [Correction("R1", True, 5.0), Correction("R1", False, 5.0, item=7)], False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "expected"), [c[1:] for c in CORRECTIONS], ids=[c[0] for c in CORRECTIONS]
)
def test_corrections_win(said: list[Correction], expected: bool) -> None:
    """A guess of "gift" about item 7 of receipt R1, and what people said."""
    assert corrected("R1", 7, True, said) is expected


def test_a_correction_teaches() -> None:
    """Said once that it is for oneself: the next women's scent is no riddle any more."""
    said = [Correction("R1", False, 5.0, item=SCENT.item)]
    cleared = cleared_audiences(said, {"R1": [SCENT.item]}, CATALOG)
    assert cleared == {"women"}
    (found,) = guess([SCENT], CATALOG, NOW, replace(MAN, cleared=cleared))
    assert not found.is_gift


def test_counts_audiences() -> None:
    """Two for women, one for men, the tie for anybody."""
    items = [number(i) for i in ("scent-w", "scent-w2", "scent-m", "tie")]
    assert audience_counts(items, CATALOG) == {"women": 2, "men": 1}


def test_a_sale_carries_the_guess_as_its_flag() -> None:
    """Of a man's basket the women's scent is flagged, the tie is not, an unknown sku is kept."""
    lines = (
        SaleLine(1, "scent-w"),
        SaleLine(2, "tie"),
        SaleLine(3, "nobody-knows"),
        SaleLine(4, "tie", is_gift_wrapped=True),
    )
    sale = Sale("R1", "T1", NOW.now_s, lines)
    buyer = buyer_of({"audience": "men"}, World().bought("scent-m").lines, CATALOG)
    assert [line.is_gift_wrapped for line in marked(sale, CATALOG, NOW, buyer).lines] == [
        True, False, False, True,
    ]  # fmt: skip
    corrected_buyer = buyer_of({"audience": "men"}, World().lines, CATALOG, [SCENT.item])
    assert not marked(sale, CATALOG, NOW, corrected_buyer).lines[0].is_gift_wrapped


def test_what_was_said_of_the_basket_marks_its_lines() -> None:
    """Staff said that the tie is for somebody else; of the scent they said nothing."""
    lines = (SaleLine(1, "tie"), SaleLine(2, "scent-w"), SaleLine(3, "?"))
    sold = marked(Sale("R", "1", NOW.now_s, lines), CATALOG, NOW, None, {number("tie")})
    assert [line.is_gift_wrapped for line in sold.lines] == [True, False, False]


def test_a_gift_makes_no_womens_scent_offers() -> None:
    """One women's scent in a man's profile: none is offered; corrected, the class rests (A10)."""
    world = World().by_person(declared={"audience": "men"})
    world.bought("scent-w", days_ago=20, is_gift=True)
    scores = {"scent-w": 0.9, "scent-w2": 0.9, "scent-m": 0.5}
    outcome = world.decide(scores)
    assert outcome.shown[0] == "scent-m"
    assert world.reasons("scent-w2") == {Reason.GIFT_BASKET}
    for_me = World().by_person(declared={"audience": "men"}).bought("scent-w", days_ago=20)
    assert for_me.reasons("scent-w2") == {Reason.NOT_DUE}


def test_a_gift_is_never_shown_as_a_trait() -> None:
    """No word of gift, present or audience in any card, cause, insight or withheld line."""
    world = World().by_person(declared={"audience": "men"}).bought("scent-w", is_gift=True)
    words = repr(world.decide({"scent-m": 0.5}).message).casefold()
    for word in ("gift", "geschenk", "present", "women", "damen", "scent-w"):
        assert word not in words, word


@pytest.mark.parametrize("reason", list(Reason))
def test_no_screen_tells_a_gift_or_delicate_goods_as_a_reason(reason: Reason) -> None:
    """Neither code nor words; every other reason is told as it is."""
    told = why_of(reason)
    is_unspoken = reason in {Reason.GIFT_BASKET, Reason.SENSITIVE}
    assert told.code == ("below_floor" if is_unspoken else reason.value)
    assert told.text == WORDS[Reason(told.code)]


@given(
    st.lists(st.sampled_from(list(Sign)), unique=True),
    st.sampled_from(list(Sign)),
)
def test_another_sign_never_lowers_the_score(signs: list[Sign], more: Sign) -> None:
    """The noisy or is monotone in its causes."""

    def score(some: list[Sign]) -> float:
        doubt = 1.0
        for sign in some:
            doubt *= 1.0 - WEIGHTS[sign]
        return 1.0 - doubt

    assert score([*signs, more]) >= score(signs)
