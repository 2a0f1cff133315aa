"""What a card teaches the box, and what it does not."""

from dataclasses import replace

import numpy as np
import pytest

from edge.core.consent import Purpose
from edge.core.learning import Kind, Reaction
from edge.core.lessons import SEASON_S, Lesson, Lessons, event_id_of
from tests.core.test_learning import NOW_S, consents

CARD = Lesson("d-0", item=2, probability=0.4, propensity=1.0)
ITEMS = np.arange(4, dtype=np.int32)
CHANCE = np.array([0.1, np.nan, 0.4, 0.4], np.float32)


INDEX, (PERSON, OTHER) = consents(Purpose.PROFILE)


def take(found: Lessons, lesson: Lesson, kind: Kind, person: str = PERSON) -> bool:
    """Let a box learn with the consent it has."""
    grant = INDEX.grant(person, Purpose.PROFILE, NOW_S)
    assert grant is not None
    return found.take(lesson, kind, person, grant, NOW_S)


def lessons(*taken: tuple[Lesson, Kind]) -> Lessons:
    """Return what a box learned from one person's cards."""
    found = Lessons(np.array([0, 0, 1, 2], np.int32))
    for lesson, kind in taken:
        take(found, lesson, kind)
    return found


def test_nothing_learned_moves_nothing() -> None:
    """The very same chances come back."""
    assert lessons().moved(CHANCE, ITEMS) is CHANCE


def test_a_veto_lowers_the_item_and_its_class_alone() -> None:
    """Two that never came: odds fall by (20 + 0) / (20 + 2) of the item and its class's share."""
    moved = lessons((CARD, Kind.VETOED)).moved(CHANCE, ITEMS)
    of_class = 100 / 102
    odds = 0.4 / 0.6 * of_class * 20 / (20 + 2 * of_class)
    assert moved[2] == pytest.approx(odds / (1 + odds), rel=1e-5)
    assert moved[[0, 3]].tolist() == pytest.approx([0.1, 0.4])
    assert np.isnan(moved[1])


def test_taken_up_only_after_it_was_seen() -> None:
    """Who buys what was on a screen that nobody showed was not persuaded by it."""
    unseen = lessons((CARD, Kind.ACCEPTED))
    assert unseen.moved(CHANCE, ITEMS) is CHANCE
    seen = lessons((CARD, Kind.SHOWN), (CARD, Kind.ACCEPTED), (CARD, Kind.ACCEPTED))
    assert seen.moved(CHANCE, ITEMS)[2] > 0.4


@pytest.mark.parametrize(
    "lesson",
    [replace(CARD, is_service=True), replace(CARD, probability=float("nan"))],
    ids=["help around an item", "pinned, never scored"],
)
def test_what_says_nothing_about_the_model(lesson: Lesson) -> None:
    """Only what the model had an opinion on can correct it."""
    found = lessons()
    assert not take(found, lesson, Kind.SHOWN)
    assert found.moved(CHANCE, ITEMS) is CHANCE


def test_a_person_is_forgotten_without_trace() -> None:
    """After a withdrawn profile the chances are the model's own again."""
    found = lessons((CARD, Kind.SHOWN), (CARD, Kind.VETOED))
    assert found.forget(PERSON) == 2
    assert found.moved(CHANCE, ITEMS) is CHANCE


def test_only_the_newest_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for two, the first reaction is as if it had never been."""
    monkeypatch.setattr("edge.core.lessons.MOST_REACTIONS", 2)
    cards = [replace(CARD, card_id=f"d-{n}", item=n) for n in (0, 2, 3)]
    found = lessons(*((card, Kind.SHOWN) for card in cards))
    late = lessons(*((card, Kind.SHOWN) for card in cards[1:]))
    np.testing.assert_array_equal(found.moved(CHANCE, ITEMS), late.moved(CHANCE, ITEMS))


def reaction(card_id: str, kind: Kind, at_s: float = NOW_S, person: str = PERSON) -> Reaction:
    """Make what the ledger keeps of a card."""
    return Reaction(event_id_of(card_id, kind), person, 2, kind, 0.4, 1.0, at_s)


def test_what_is_known_again_moves_the_same() -> None:
    """Taken one by one or restored: the same chances, and a second word of a card changes none."""
    taken = [(CARD, Kind.SHOWN), (CARD, Kind.ACCEPTED), (replace(CARD, card_id="e-0"), Kind.VETOED)]
    lived, again = lessons(*taken), lessons()
    again.restore([reaction(lesson.card_id, kind) for lesson, kind in taken])
    moved = lived.moved(CHANCE, ITEMS)
    np.testing.assert_array_equal(again.moved(CHANCE, ITEMS), moved)
    assert not take(again, CARD, Kind.SHOWN)
    assert take(again, replace(CARD, card_id="f-0"), Kind.SHOWN)
    assert again.forget(PERSON) == 4
    assert again.moved(CHANCE, ITEMS) is CHANCE


def test_a_season_later_nothing_is_left() -> None:
    """A reaction counts as long as the ledger keeps it."""
    found = lessons()
    found.restore([reaction("a", Kind.VETOED), reaction("b", Kind.VETOED, NOW_S + 10.0)])
    found.expire(NOW_S + SEASON_S - 1.0)
    assert found.forget("nobody") == 0
    both = found.moved(CHANCE, ITEMS)[2]
    found.expire(NOW_S + SEASON_S)
    assert both < found.moved(CHANCE, ITEMS)[2] < 0.4
    found.expire(NOW_S + SEASON_S + 10.0)
    assert found.moved(CHANCE, ITEMS) is CHANCE
