"""The box learns a little, from consenting customers only, and can unlearn it exactly."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.consent import Consents, GrantError, KeyedHash, Purpose, Statement
from edge.core.learning import (
    MOST_LOG_ODDS,
    MOST_PER_PERSON,
    MOST_PER_PERSON_AND_ITEM,
    Kind,
    Learner,
    Reaction,
)
from edge.core.notices import NOTICES

CLASSES = np.array([0, 0, 1, 1, -1, -1], np.int32)
NOW_S = 1_000.0


def consents(*purposes: Purpose, people: int = 2) -> tuple[Consents, list[str]]:
    """Return an index of people who gave the same purposes."""
    index = Consents(KeyedHash(b"a secret of this box"), beacons_of=lambda _: [])
    names = [index.add(number, 1_000 + number) for number in range(1, people + 1)]
    for name in names:
        for purpose in purposes:
            index.apply(Statement(name, purpose, True, 10.0, 10.0, NOTICES[-1].version))
    return index, names


def reaction(event: str, item: int, kind: Kind = Kind.SHOWN, person: str = "p") -> Reaction:
    return Reaction(event, person, item, kind, probability=0.5, propensity=1.0, at_s=NOW_S)


def taught(*reactions: Reaction) -> Learner:
    learner = Learner(CLASSES)
    learner.restore(reactions)
    return learner


def sums(learner: Learner) -> bytes:
    """Return all that a learner knows of items: log odds are clipped, and what is left could hide.

    No box needs them, so they are read from where the learner keeps them.
    """
    return np.concatenate([learner._expected, learner._accepted]).tobytes()


def test_nothing_learned_changes_nothing() -> None:
    """A new box is the model alone."""
    learner = Learner(CLASSES)
    assert learner.log_odds().tolist() == [0.0] * 6
    chance = np.array([0.2, 0.9], np.float32)
    np.testing.assert_allclose(learner.applied(chance, np.array([0, 5], np.int32)), chance, 1e-6)


def test_worked_by_hand() -> None:
    """Two shown at 0.5 and none taken, in an unknown class: log(20 / 21)."""
    learner = taught(reaction("a", 4), reaction("b", 4, person="q"))
    assert learner.log_odds()[4] == pytest.approx(np.log(20 / 21))
    assert learner.log_odds()[5] == 0.0
    # One is taken after all: (20 + 1) / (20 + 1): as expected, so nothing moves.
    learner.restore([reaction("c", 4, Kind.ACCEPTED)])
    assert learner.log_odds()[4] == pytest.approx(0.0)
    # A veto counts as two that never came: (20 + 1) / (20 + 3).
    learner.restore([reaction("d", 4, Kind.VETOED)])
    assert learner.log_odds()[4] == pytest.approx(np.log(21 / 23))


def test_a_class_shares_what_it_learned() -> None:
    """Item 1 was never shown; its class mate was refused, so it falls a little as well."""
    people = [reaction(f"e{n}", 0, person=f"p{n}") for n in range(20)]
    moved = taught(*people).log_odds()
    assert moved[0] < moved[1] < 0.0
    assert moved[1] == pytest.approx(np.log(100 / 110))
    assert moved[2:].tolist() == [0.0] * 4


def test_how_it_came_to_be_shown_weighs_nothing() -> None:
    """What is learned is how far the probability was off, and that is no rarer for the rare."""
    usual, rare = (taught(replace(reaction("a", 4), propensity=p)) for p in (1.0, 0.001))
    assert sums(usual) == sums(rare)


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(list(Kind)), st.integers(0, 30)), max_size=120
    )
)
def test_what_is_learned_is_bounded(events: list[tuple[int, Kind, int]]) -> None:
    """Whatever happens, odds are at most doubled or halved."""
    learner = taught(
        *(reaction(f"e{n}", item, kind, f"p{p}") for n, (item, kind, p) in enumerate(events))
    )
    assert np.abs(learner.log_odds()).max() <= MOST_LOG_ODDS + 1e-6
    chance = np.full(6, 0.25, np.float32)
    moved = learner.applied(chance, np.arange(6, dtype=np.int32))
    odds = moved / (1 - moved) * 3
    assert ((odds > 0.49) & (odds < 2.02)).all()


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5),
            st.sampled_from(list(Kind)),
            st.integers(0, 3),
            st.floats(0, 1),
            st.floats(0.01, 1),
        ),
        max_size=40,
    ),
    st.randoms(use_true_random=False),
)
def test_forgetting_leaves_no_trace(
    events: list[tuple[int, Kind, int, float, float]], random: object
) -> None:
    """With a person forgotten the sums are, to the byte, as if the box had never met them."""
    reactions = [
        Reaction(f"e{n}", f"p{p}", item, kind, probability, propensity, NOW_S + n)
        for n, (item, kind, p, probability, propensity) in enumerate(events)
    ]
    learner = taught(*reactions)
    learner.forget("p1")
    never = taught(*(r for r in reactions if r.person != "p1"))
    assert sums(learner) == sums(never)
    assert learner.n_reactions == never.n_reactions
    for person in ("p0", "p2", "p3"):
        learner.forget(person)
    assert sums(learner) == sums(Learner(CLASSES))


def test_nobody_hides_among_many() -> None:
    """One more taker than a thousand moves no card any further, but is forgotten all the same."""
    many = taught(*(reaction(f"e{n}", 4, Kind.ACCEPTED, person=f"p{n}") for n in range(1_000)))
    before, moved = sums(many), many.log_odds().tolist()
    many.restore([reaction("e", 4, Kind.ACCEPTED, person="q")])
    assert many.log_odds().tolist() == moved
    assert sums(many) != before
    many.forget("q")
    assert sums(many) == before


def test_one_event_can_be_undone() -> None:
    """A mistaken tap, taken back."""
    learner = taught(reaction("a", 1))
    before = sums(learner)
    learner.restore([reaction("b", 1, Kind.VETOED)])
    assert sums(learner) != before
    assert learner.undo("b")
    assert sums(learner) == before
    assert not learner.undo("b")


def test_the_same_event_counts_once() -> None:
    """A tablet that sends twice after a reconnect teaches once."""
    learner = taught(reaction("a", 1))
    before = sums(learner)
    learner.restore([reaction("a", 1)])
    assert sums(learner) == before


def test_nobody_votes_all_day() -> None:
    """One person's repeated vetoes on an item count a few times, and their memory is bounded."""
    many = [reaction(f"e{n}", 1, Kind.VETOED) for n in range(50)]
    assert taught(*many).n_reactions == MOST_PER_PERSON_AND_ITEM
    wide = Learner(np.zeros(MOST_PER_PERSON * 2, np.int32))
    wide.restore(reaction(f"e{n:04d}", n) for n in range(MOST_PER_PERSON * 2))
    assert wide.n_reactions == MOST_PER_PERSON


def test_learning_needs_the_purpose() -> None:
    """No profile, another person's profile, or one that was withdrawn: nothing is learned."""
    index, (first, second) = consents(Purpose.PROFILE, Purpose.OFFERS)
    learner = Learner(CLASSES)
    grant = index.grant(first, Purpose.PROFILE, NOW_S)
    assert grant is not None
    assert learner.learn(reaction("a", 1, person=first), grant, NOW_S)
    with pytest.raises(GrantError):
        learner.learn(reaction("b", 1, person=second), grant, NOW_S)
    offers = index.grant(first, Purpose.OFFERS, NOW_S)
    assert offers is not None
    with pytest.raises(GrantError):
        learner.learn(reaction("c", 1, person=first), offers, NOW_S)  # type: ignore[arg-type]
    index.apply(Statement(first, Purpose.PROFILE, False, 20.0, 20.0, NOTICES[-1].version))
    with pytest.raises(GrantError):
        learner.learn(reaction("d", 1, person=first), grant, NOW_S)
    assert learner.n_reactions == 1


def test_an_unknown_item_teaches_nothing() -> None:
    """The catalogue changed since the card was shown."""
    assert taught(reaction("a", 6), reaction("b", -1)).n_reactions == 0


@pytest.mark.parametrize(("probability", "propensity"), [(1.1, 0.5), (-0.1, 0.5), (0.5, 0.0)])
def test_impossible_chances_are_refused(probability: float, propensity: float) -> None:
    """A reaction without a true propensity cannot be weighed."""
    with pytest.raises(ValueError, match="expected a probability"):
        Reaction("a", "p", 1, Kind.SHOWN, probability, propensity, NOW_S)
