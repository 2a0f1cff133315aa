"""Candidates for occasions: care, complements, the next part, win-back, delivery, birthday."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.classes import Action, ClassTable, MatrixRow
from edge.core.decision import Occasion
from edge.core.experiments import HOLDOUT, Arm
from edge.core.playbook import Orders
from edge.core.rules import Level, Rule, RuleKind
from edge.core.triggers import is_near_birthday
from tests.core.decision_world import NOW, World, at, ids, number


def complement_rule(rule_id: str, to: tuple[str, ...], level: Level = Level.STORE) -> Rule:
    """Make a complement map for shirts."""
    return Rule(rule_id, RuleKind.COMPLEMENT, ("class:shirt",), "Anna", "goes well", NOW.day,
                level, to=to, never=("class:suit",))  # fmt: skip


def test_what_goes_with_a_laptop() -> None:
    """Bag and mouse, from the catalogue's own classes (D02)."""
    named = World().bought("laptop-a", days_ago=1).snapshot().prompts
    assert ids(named.complement.tolist()) == ["bag", "mouse"]
    assert {named.anchor_of(i) for i in named.complement.tolist()} == {number("laptop-a")}


def test_a_label_that_was_read_shuts_nothing() -> None:
    """What goes with the shirt may come; the department stays open, and a suit is no taboo."""
    world = World(orders=Orders(rules=(complement_rule("map", ("item:tie",)),)))
    read = world.in_visit(scanned=(number("shirt-a"),)).snapshot().prompts
    assert ids(read.complement.tolist()) == ["tie"]
    assert not read.shut.any()
    assert not read.never.any()
    taken = world.in_visit(basket=(number("shirt-a"),)).snapshot().prompts
    assert ids(taken.complement.tolist()) == ["tie"]
    assert taken.shut.sum() == 1
    assert taken.never[number("suit")]


def test_every_complement_knows_what_it_goes_with() -> None:
    """A laptop bought and a shirt in the basket: the mouse goes with the one, the tie the other."""
    world = World().bought("laptop-a", days_ago=1).in_visit(basket=(number("shirt-a"),))
    prompts = world.snapshot().prompts
    assert prompts.anchor_of(number("mouse")) == number("laptop-a")
    assert prompts.anchor_of(number("tie")) == number("shirt-a")
    assert prompts.anchor_of(number("wine")) is None


def test_people_replace_the_catalogues_map() -> None:
    """The store's map beats the chain's, the chain's beats the catalogue's."""
    chain = complement_rule("chain", ("class:scarf",), Level.CHAIN)
    store = complement_rule("store", ("item:tie",))
    for rules, expected in (
        ((), ["tie", "cufflinks"]),
        ((chain,), ["scarf"]),
        ((chain, store), ["tie"]),
    ):
        world = World(orders=Orders(rules=rules)).in_visit(basket=(number("shirt-a"),))
        assert ids(world.snapshot().prompts.complement.tolist()) == expected


def test_never_holds_even_in_another_department() -> None:
    """What a map rules out stays out, and out of the complements."""
    rule = Rule("n", RuleKind.COMPLEMENT, ("class:laptop",), "A", "no", NOW.day,
                to=("class:mouse", "class:tie"), never=("class:tie",))  # fmt: skip
    world = World(orders=Orders(rules=(rule,))).in_visit(basket=(number("laptop-a"),))
    assert ids(world.snapshot().prompts.complement.tolist()) == ["mouse"]
    assert "tie" not in world.decide({"tie": 0.9}).shown


def test_purchases_of_the_holdout_call_for_help_alone() -> None:
    """Nothing goes with them, comes next or wins back; the basket is the visit's own."""
    world = rhythm(1340, 1220, 1100).bought("laptop-a", "coat-a", days_ago=1)
    world.bought("crime-1", days_ago=200).in_visit(basket=(number("shirt-a"),))
    for days in (90, 60, 30):
        world.bought("paper", days_ago=days)
    open_to = world.snapshot().prompts
    assert {"bag", "mouse", "scarf", "tie"} <= set(ids(open_to.complement.tolist()))
    assert ids(open_to.series.tolist()) == ["crime-2"]
    assert number("shirt-a") in open_to.occasions
    world.arm = Arm(HOLDOUT)
    held_out = world.snapshot().prompts
    assert ids(held_out.complement.tolist()) == ["tie", "cufflinks"]
    assert held_out.series.size == 0
    assert held_out.occasions == {number("paper"): Occasion.FREE_DELIVERY}
    assert ids(held_out.care.tolist()) == ["laptop-a", "coat-a"]


def test_gifts_name_nothing() -> None:
    """A laptop bought as a gift brings neither bag nor care."""
    named = World().bought("laptop-a", days_ago=1, is_gift=True).snapshot().prompts
    assert named.complement.size == named.care.size == 0


def test_a_gift_does_not_renew_a_purchase_of_ones_own() -> None:
    """The coat of five years ago is one's own, yesterday's equal one was given away."""
    world = World().bought("coat-a", days_ago=1_800).bought("coat-a", days_ago=1, is_gift=True)
    named = world.snapshot().prompts
    assert not named.care.size
    assert not named.complement.size
    world.bought("coat-a", days_ago=2)
    named = world.snapshot().prompts
    assert ids(named.care.tolist()) == ["coat-a"]
    assert ids(named.complement.tolist()) == ["scarf"]


def test_care_only_where_the_matrix_says_so() -> None:
    """Durables bring care by default; a store may say: for coats nothing but care."""
    row = MatrixRow("class:winter-coat", "*", Action.CARE)
    world = World(orders=Orders(classes=ClassTable(matrix=(row,)))).bought("coat-a", days_ago=1)
    named = world.snapshot().prompts
    assert ids(named.care.tolist()) == ["coat-a"]
    assert named.complement.size == 0
    assert world.decide({"scarf": 0.9}).shown[0] == "coat-a"
    assert "scarf" not in world.decide({"scarf": 0.9}).shown


def test_care_ends_after_a_fortnight() -> None:
    """A tip is for the first days."""
    assert World().bought("coat-a", days_ago=13).snapshot().prompts.care.size == 1
    assert World().bought("coat-a", days_ago=15).snapshot().prompts.care.size == 0


def test_the_next_part_of_a_series() -> None:
    """After parts one and two comes three; after the last, nothing."""
    assert ids(World().bought("crime-1", "crime-2").snapshot().prompts.series.tolist()) == [
        "crime-3"
    ]
    assert World().bought("crime-3").snapshot().prompts.series.size == 0


def rhythm(*days: float) -> World:
    """Make a world with shirts bought so many days ago."""
    world = World()
    for ago in days:
        world.bought("shirt-a", days_ago=ago)
    return world


WIN_BACKS = [
    ("a regular of every four months, gone for three years", (1340, 1220, 1100), True),
    ("an active one", (250, 130, 10), False),
    ("two purchases are no rhythm", (1340, 1220), False),
    ("gone for twice the gap", (480, 360, 240), False),
]


@pytest.mark.parametrize(
    ("days", "expected"), [c[1:] for c in WIN_BACKS], ids=[c[0] for c in WIN_BACKS]
)
def test_wins_back(days: tuple[float, ...], expected: bool) -> None:
    """Lapsed beyond two and a half of one's own intervals (A26)."""
    occasions = rhythm(*days).snapshot().prompts.occasions
    assert (occasions.get(number("shirt-a")) is Occasion.WIN_BACK) is expected


def test_offers_delivery_to_who_carries_bulky_goods() -> None:
    """Three packs of paper carried home: delivery is offered, until it is used (A27)."""
    world = World()
    for days in (90, 60, 30):
        world.bought("paper", days_ago=days)
    outcome = world.decide()
    card = next(c for c in outcome.message.cards if c.item_id == "paper")
    assert card.kind == "service"
    assert card.price_cents is None
    assert card.text is not None
    assert "kostenlos" in card.text.de
    world.by_person(has_delivery=True)
    assert world.snapshot().prompts.service.size == 0
    two = World().bought("paper", days_ago=60).bought("paper", days_ago=30)
    assert two.snapshot().prompts.service.size == 0


BIRTHDAYS = [
    ("the day before", "2026-03-02", (3, 3), True),
    ("the day itself", "2026-03-03", (3, 3), True),
    ("the day after", "2026-03-04", (3, 3), True),
    ("four days after", "2026-03-07", (3, 3), False),
    ("29 February in a common year, on the 28th", "2026-02-28", (2, 29), True),
    ("29 February in a common year, on 1 March", "2026-03-01", (2, 29), True),
    ("29 February in a leap year, the day before", "2028-02-28", (2, 29), True),
    ("29 February in a leap year, the day", "2028-02-29", (2, 29), True),
    ("29 February in a leap year, the day after", "2028-03-01", (2, 29), True),
    ("New Year's Eve for 1 January", "2026-12-31", (1, 1), True),
    ("2 January for 31 December", "2026-01-02", (12, 31), True),
]


@pytest.mark.parametrize(
    ("today", "birthday", "expected"), [c[1:] for c in BIRTHDAYS], ids=[c[0] for c in BIRTHDAYS]
)
def test_is_near_a_birthday(today: str, birthday: tuple[int, int], expected: bool) -> None:
    """Within three days, over the turn of the year and on leap days (A02)."""
    day = date.fromisoformat(today).toordinal()
    assert is_near_birthday(day, birthday, 3) is expected


@given(st.integers(1950, 2150), st.dates(date(2024, 1, 1), date(2024, 12, 31)), st.integers(0, 20))
def test_a_birthday_comes_once_a_year(year: int, born: date, within: int) -> None:
    """Leap days too: so many days before, so many after and the day itself, without a gap."""
    half_a_year_before = date(year, (born.month + 5) % 12 + 1, 1).toordinal()
    days = range(half_a_year_before, half_a_year_before + 365)
    near = [day for day in days if is_near_birthday(day, (born.month, born.day), within)]
    assert near == list(range(near[0], near[0] + 2 * within + 1))
    middle = date.fromordinal(near[within])
    is_common_leap_day = (born.month, born.day) == (2, 29) and middle.year % 4 > 0
    assert (middle.month, middle.day) == ((2, 28) if is_common_leap_day else (born.month, born.day))


def test_a_birthday_treat_is_the_stated_favourite_only() -> None:
    """No favourite stated, no treat; nothing else known is used."""
    world = World().by_person(birthday=(3, 4))
    assert world.snapshot().prompts.trigger.size == 0
    world.by_person(stated=frozenset({"favourite:bag"}))
    assert world.snapshot().prompts.occasions == {number("bag"): Occasion.BIRTHDAY}
    world.moment = at("2026-04-03 12:00")
    assert world.snapshot().prompts.occasions == {}
