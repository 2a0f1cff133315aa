"""The ranker's inputs: order, meaning, and that growing a history online changes nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.candidates import Candidates, Context, Source, candidates, prepare
from edge.core.features import FEATURE_NAMES, FEATURE_SOURCE, SCHEMA_HASH, features
from edge.core.history import Floats, History
from edge.core.item_tables import ItemTables
from tests.core.test_candidates import N, history, tables

NO_CONTEXT = Context()


def rows(
    made: History, known: ItemTables, day: float | None = None, context: Context = NO_CONTEXT
) -> tuple[dict[int, int], Floats]:
    """Return the row of each candidate and the features."""
    prepared = prepare(made, known, day)
    found = candidates(prepared, known, context)
    place = {int(item): number for number, item in enumerate(found.items)}
    return place, features(prepared, found, known, context)


def value(
    made: History, item: int, name: str, known: ItemTables, day: float | None = None
) -> float:
    place, computed = rows(made, known, day)
    return float(computed[place[item], FEATURE_NAMES.index(name)])


def test_names_are_unique_and_sourced() -> None:
    """Every feature has one name and one data source, and the hash covers them."""
    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES) == len(FEATURE_SOURCE)
    assert len(SCHEMA_HASH) == 64


def test_shape_and_type() -> None:
    """One finite float32 row per candidate, contiguous."""
    _, computed = rows(history([1, 2], [2], days=[0.0, 9.0]), tables(), 12.0)
    assert computed.dtype == np.float32
    assert computed.flags["C_CONTIGUOUS"]
    assert computed.shape[1] == len(FEATURE_NAMES)
    assert np.isfinite(computed).all()


DAYS: dict[str, float] = {
    # Item 4 bought on days 0 and 20, the newest basket on day 30, the visit on day 34.
    "log_days_since": np.log1p(14),
    "month_rate": float(np.exp(-34 / 30) + np.exp(-14 / 30)),
    "due_days": np.log1p(14 / ((20 + 14) / 2)),
    "log_days_away": np.log1p(4),
}


@pytest.mark.parametrize("name", DAYS)
def test_days_count_to_the_visit(name: str) -> None:
    """Dates are read as of the day of the visit, worked out by hand."""
    made = history([4], [4], [5], days=[0.0, 20.0, 30.0])
    found = value(made, 4, name, tables(), 34.0)
    assert found == pytest.approx(DAYS[name], rel=1e-5)


def test_unknown_day_leaves_the_gap_at_zero() -> None:
    """Without the visit's day nothing is said of days away."""
    made = history([4], [5], days=[0.0, 20.0])
    assert value(made, 4, "log_days_away", tables()) == 0.0


def test_neighbours_and_followers_by_hand() -> None:
    """Item 6 follows the newest basket with chance 0.2 and the one before with 0.1."""
    known = tables()
    known.next[3, 0], known.next_score[3, 0] = 6, 0.2
    known.next[2, 0], known.next_score[2, 0] = 6, 0.1
    made = history([2], [3])
    last = value(made, 6, "next_last", known)
    recent = value(made, 6, "next_recent", known)
    assert last == pytest.approx(np.log1p(50 * 0.2), rel=1e-5)
    assert recent == pytest.approx(np.log1p(50 * (0.2 + 0.5 * 0.1)), rel=1e-5)


def test_categories_share_the_history() -> None:
    """Items 7, 14 and 1 with categories by 7: category 0 holds two lines of three."""
    made = history([7, 14], [1])
    assert value(made, 14, "category_share", tables()) == pytest.approx(2 / 3)


def test_moment_flags() -> None:
    """Zone and stated wish are flags of the named items alone."""
    context = Context(zone=np.array([9], np.int32), stated=np.array([10], np.int32))
    place, computed = rows(history([1]), tables(), context=context)
    zone = computed[:, FEATURE_NAMES.index("in_zone")]
    stated = computed[:, FEATURE_NAMES.index("is_stated")]
    assert np.flatnonzero(zone).tolist() == [place[9]]
    assert np.flatnonzero(stated).tolist() == [place[10]]


def test_a_pin_adds_candidates_and_no_input() -> None:
    """A pinned item is looked at with the very numbers it would have had as any candidate."""
    known, prepared = tables(), prepare(history([1], [2]), tables())
    found = prepared.candidates
    pinned = np.setdiff1d(np.arange(known.n_items, dtype=np.int32), found.items)
    context = Context(pinned=np.append(pinned, found.items[:3]).astype(np.int32))
    both = candidates(prepared, known, context)
    assert both.items.size == known.n_items
    plain = Candidates(both.items, both.sources & ~np.uint16(Source.PINNED))
    assert np.array_equal(
        features(prepared, both, known, context), features(prepared, plain, known, Context())
    )


def test_taking_candidates_away_changes_no_other_row() -> None:
    """What the guard suppresses leaves the inputs of the survivors as they were."""
    known = tables()
    known.next[2, :2], known.next_score[2, :2] = (6, 7), (0.2, 0.1)
    prepared = prepare(history([1], [2]), known)
    found = prepared.candidates
    whole = features(prepared, found, known, Context())
    kept = found.items % 3 == 1
    part = features(prepared, Candidates(found.items[kept], found.sources[kept]), known, Context())
    assert np.array_equal(whole[kept], part)


drawn_baskets = st.lists(
    st.tuples(
        st.lists(st.integers(0, N - 1), min_size=1, max_size=8, unique=True),
        st.integers(1, 30),
    ),
    min_size=1,
    max_size=10,
)


@settings(max_examples=30, deadline=None)
@given(drawn_baskets)
def test_online_equals_offline(baskets: list[tuple[list[int], int]]) -> None:
    """A history grown visit by visit gives, value by value, what columns give at once."""
    known = tables()
    online = History.empty()
    day = 0.0
    days: list[float] = []
    for items, pause in baskets:
        day += pause
        days.append(day)
        online = online.extended(items, day)
    offline = History(
        np.concatenate([np.sort(items) for items, _ in baskets]).astype(np.int32),
        np.repeat(np.arange(len(baskets)), [len(items) for items, _ in baskets]).astype(np.int32),
        np.array(days, np.float32),
    )
    place, grown = rows(online, known, day + 3.0)
    same_place, at_once = rows(offline, known, day + 3.0)
    assert place == same_place
    assert np.array_equal(grown, at_once)


@settings(max_examples=20, deadline=None)
@given(drawn_baskets, st.integers(1, 400))
def test_a_shifted_calendar_changes_nothing(
    baskets: list[tuple[list[int], int]], shift: int
) -> None:
    """Only differences of days count, not where the calendar starts."""
    known = tables()
    one, other, day = History.empty(), History.empty(), 0.0
    for items, pause in baskets:
        day += pause
        one, other = one.extended(items, day), other.extended(items, day + shift)
    _, here = rows(one, known, day + 1)
    _, there = rows(other, known, day + 1 + shift)
    assert np.allclose(here, there, atol=1e-4)
