"""From scores to probabilities and an order."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.candidates import Candidates, Source
from edge.core.item_tables import ITEM_COLUMNS, blank
from edge.core.ranking import MOMENT_ODDS, Calibration, by_popularity, ranked, with_moment

MAP = Calibration(np.array([-40, -2, 0, 40], np.float32), np.array([0, 0.1, 0.4, 1], np.float32))


@pytest.mark.parametrize(("logit", "expected"), [(-2, 0.1), (-1, 0.25), (0, 0.4), (20, 0.7)])
def test_calibration_is_linear_between_its_knots(logit: float, expected: float) -> None:
    """The map goes straight from knot to knot."""
    assert MAP(np.array([logit], np.float32))[0] == pytest.approx(expected)


@given(st.lists(st.floats(-30, 30, width=16), min_size=2, unique=True))
def test_calibration_never_turns_an_order(logits: list[float]) -> None:
    """A higher logit never gets a lower probability."""
    rising = np.sort(np.array(logits, np.float32))
    assert (np.diff(MAP(rising)) >= 0).all()


def test_the_moment_raises_odds_by_its_factor() -> None:
    """Half becomes f / (f + 1) for each named item and stays half for the others."""
    found = Candidates(
        np.arange(2, dtype=np.int32), np.array([Source.HISTORY, Source.STATED], np.uint16)
    )
    factor = dict(MOMENT_ODDS)[Source.STATED]
    raised = with_moment(np.full(2, 0.5, np.float32), found)
    assert raised.tolist() == pytest.approx([0.5, factor / (factor + 1)])


def test_popularity_is_the_chance_of_a_basket_to_hold_an_item() -> None:
    """Shares of .3, .1 and .1 among what a store of five still sells, three lines a basket."""
    item = np.zeros((5, len(ITEM_COLUMNS)), np.float32)
    item[:, ITEM_COLUMNS.index("log_popularity")] = np.log(8 * np.array([0.3, 0.1, 0.1, 0.1, 0.4]))
    item[:, ITEM_COLUMNS.index("basket_size")] = np.log1p(3.0)
    chance = by_popularity(replace(blank(5), item=item))
    assert chance.tolist() == pytest.approx([0.9, 0.3, 0.3, 0.3, 0.99])


def test_without_a_bundle_nothing_is_likely() -> None:
    """Nobody knows what sells, so no floor lets anything pass."""
    assert by_popularity(blank(3)).tolist() == [0.0, 0.0, 0.0]


SETS = st.lists(
    st.tuples(
        st.floats(2**-10, 1 - 2**-10, width=32),
        st.integers(0, 2 * int(max(Source)) - 1),
        st.booleans(),
    ),
    min_size=1,
)


@given(SETS)
def test_the_moment_raises_each_for_itself(drawn: list[tuple[float, int, bool]]) -> None:
    """Who else is asked changes no chance by a bit; the factors of an item's sources multiply."""
    chance = np.array([p for p, _, _ in drawn], np.float32)
    sources = np.array([bits for _, bits, _ in drawn], np.uint16)
    items, kept = np.arange(chance.size, dtype=np.int32), np.array([k for _, _, k in drawn])
    raised = with_moment(chance, Candidates(items, sources))
    part = with_moment(chance[kept], Candidates(items[kept], sources[kept]))
    assert np.array_equal(raised[kept], part)
    for p, bits, found in zip(chance.tolist(), sources.tolist(), raised.tolist(), strict=True):
        odds = p / (1.0 - p) * np.prod([f for source, f in MOMENT_ODDS if bits & source])
        assert found == pytest.approx(odds / (1.0 + odds), rel=1e-4)


def test_ties_go_to_the_lower_item() -> None:
    """The order is total: score first, then the item index."""
    items = np.array([9, 4, 7], np.int32)
    assert ranked(np.array([0.2, 0.2, 0.3], np.float32), items).tolist() == [2, 1, 0]


@given(st.permutations(list(range(6))))
def test_permuting_candidates_permutes_nothing(order: list[int]) -> None:
    """The ranked items are the same whichever way the candidates came."""
    items, scores = np.array([3, 8, 1, 6, 2, 5], np.int32), np.array([1, 1, 2, 0, 2, 1], np.float32)
    expected = items[ranked(scores, items)].tolist()
    assert items[order][ranked(scores[order], items[order])].tolist() == expected
