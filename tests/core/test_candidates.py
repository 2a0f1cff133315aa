"""Histories, the customer's prepared part, and which items become candidates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.candidates import (
    CUSTOMER_COLUMNS,
    MAX_CONTEXT,
    MAX_PREPARED,
    OWN_ROWS,
    Candidates,
    Context,
    Source,
    candidates,
    prepare,
)
from edge.core.history import History
from edge.core.item_tables import (
    HAZARD_LAGS,
    ITEM_COLUMNS,
    NEAR_WIDTH,
    NEXT_WIDTH,
    Encoder,
    ItemTables,
    packed,
    unpacked,
)

N = 400


def tables(n: int = N, seed: int = 0) -> ItemTables:
    """Return tables with drawn encoders and no lists, gap 2 and hazards 0.5, 0.4 … 0.1."""
    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> np.ndarray:
        return rng.normal(0.0, 0.1, shape).astype(np.float32)

    hazard = np.tile(np.linspace(0.5, 0.1, HAZARD_LAGS), (n, 1)).astype(np.float32)
    return ItemTables(
        item=draw(n, len(ITEM_COLUMNS)),
        hazard=hazard,
        gap=np.full(n, 2.0, np.float32),
        gap_days=np.full(n, 14.0, np.float32),
        near=np.zeros((n, NEAR_WIDTH), np.int32),
        near_score=np.zeros((n, NEAR_WIDTH), np.float32),
        next=np.zeros((n, NEXT_WIDTH), np.int32),
        next_score=np.zeros((n, NEXT_WIDTH), np.float32),
        category=np.arange(n, dtype=np.int32) % 7,
        popular=np.arange(n, dtype=np.int32)[::-1].copy(),
        encoder=Encoder(draw(n, 4), draw(12, 6), draw(6), draw(6, 4), draw(4), draw(n, 4), draw(n)),
    )


def history(*baskets: list[int], days: list[float] | None = None) -> History:
    """Return a history of baskets, oldest first."""
    made = History.empty()
    for number, items in enumerate(baskets):
        made = made.extended(items, None if days is None else days[number])
    return made


def sources(found: Candidates, item: int) -> Source:
    """Return the sources of one candidate, none when it is not among them."""
    at = np.flatnonzero(found.items == item)
    return Source(int(found.sources[at[0]])) if at.size else Source(0)


def test_extending_appends_one_basket() -> None:
    """Doubles count once, an empty basket is none, days follow."""
    made = history([3, 1, 3], [], [2], days=[1.0, 5.0, 8.0])
    assert made.item.tolist() == [1, 3, 2]
    assert made.basket.tolist() == [0, 0, 1]
    assert made.day is not None
    assert made.day.tolist() == [1.0, 8.0]
    assert made.n_baskets == 2


def test_half_a_calendar_is_none() -> None:
    """One basket without a day gives up the dates of the whole history."""
    assert history([1], [2], days=[1.0, 2.0]).extended([3]).day is None


def own_row(made: History, item: int, row: str) -> float:
    prepared = prepare(made, tables())
    return float(prepared.own.of(np.array([item], np.int32))[0, OWN_ROWS.index(row)])


OWN_CASES: dict[str, tuple[str, float]] = {
    # Item 5 in baskets 0 and 2 of 4 baskets: ages 3 and 1.
    "count": ("log_count", np.log1p(2)),
    "rate": ("rate", 2 / 4),
    "rate since first": ("rate_since_first", 2 / 4),
    "fast rate": ("fast_rate", 0.6**3 + 0.6**1),
    "slow rate": ("slow_rate", (0.9**3 + 0.9) / (1 + 0.9 + 0.81 + 0.729)),
    "recency": ("recency", 1 / 2),
    "age": ("log_age", np.log1p(1)),
    "own gap": ("log_own_gap", np.log1p((3 - 1 + 2.0) / 2)),
    "due": ("due", np.log1p((1 + 1) / 2.0)),
    "hazard after one basket between": ("hazard_now", 0.4),
    "share of its baskets": ("basket_share", 0.9**3 / 2 + 0.9**1 / 1),
}


@pytest.mark.parametrize("name", OWN_CASES)
def test_own_rows_by_hand(name: str) -> None:
    """What is known of an item the customer bought, worked out by hand."""
    row, expected = OWN_CASES[name]
    made = history([5, 8], [9], [5], [7])
    assert own_row(made, 5, row) == pytest.approx(expected, rel=1e-5)


def test_items_never_bought_have_no_own_values() -> None:
    """Every own value of a foreign item is zero."""
    prepared = prepare(history([5], [6]), tables())
    assert not prepared.own.of(np.array([7], np.int32)).any()


def test_customer_columns_by_hand() -> None:
    """Three baskets, four lines, one of them a repeat in the newest basket of two items."""
    row = prepare(history([1], [2], [1, 3], days=[0.0, 4.0, 10.0]), tables()).customer
    expected = [np.log1p(3), np.log1p(3), np.log1p(4 / 3), np.log1p(2), 1 / 4, 1 / 2, np.log1p(5)]
    assert dict(zip(CUSTOMER_COLUMNS, row.tolist(), strict=True)) == pytest.approx(
        dict(zip(CUSTOMER_COLUMNS, expected, strict=True)), rel=1e-5
    )


def test_every_source_names_its_items() -> None:
    """A follower, a neighbour, a bestseller and the own history carry their sources."""
    made = tables()
    made.next[5, 0], made.next_score[5, 0] = 11, 0.5
    made.near[5, 0], made.near_score[5, 0] = 12, 0.5
    found = prepare(history([5]), made).candidates
    assert sources(found, 5) & Source.HISTORY
    assert sources(found, 11) & Source.TRANSITION
    assert sources(found, 12) & Source.SIMILAR
    assert sources(found, N - 1) & Source.POPULAR
    assert found.items.size == MAX_PREPARED
    assert np.count_nonzero(found.sources == Source.ENCODER) > 0


def test_the_moment_adds_its_own() -> None:
    """Zone and stated wishes join with their sources, at most `MAX_CONTEXT` each."""
    made = tables()
    prepared = prepare(history([5]), made)
    zone = np.arange(100, 100 + 3 * MAX_CONTEXT, dtype=np.int32)
    found = candidates(prepared, made, Context(zone=zone, stated=np.array([5], np.int32)))
    named = [int(i) for i in found.items if sources(found, int(i)) & Source.ZONE]
    assert named == list(range(100, 100 + MAX_CONTEXT))
    assert sources(found, 5) == Source.HISTORY | Source.STATED | (
        sources(prepared.candidates, 5) & ~Source.HISTORY
    )


def test_without_a_moment_nothing_is_copied() -> None:
    """The prepared candidates are the answer when the moment adds nothing."""
    prepared = prepare(history([5]), made := tables())
    assert candidates(prepared, made, Context()) is prepared.candidates


def test_every_pinned_item_is_a_candidate() -> None:
    """More than a source of the moment may add: people asked for each of them."""
    made = tables()
    prepared = prepare(history([5]), made)
    pinned = np.setdiff1d(np.arange(N, dtype=np.int32), prepared.candidates.items)
    assert pinned.size > MAX_CONTEXT
    found = candidates(prepared, made, Context(pinned=pinned))
    assert found.items.size == N
    assert all(sources(found, int(item)) == Source.PINNED for item in pinned)


def test_nothing_known_still_gives_candidates() -> None:
    """An empty history yields bestsellers and the encoder's, never an error."""
    found = prepare(History.empty(), tables()).candidates
    assert found.items.size == MAX_PREPARED
    assert not np.any(found.sources & np.uint16(Source.HISTORY))


baskets = st.lists(st.lists(st.integers(0, N - 1), min_size=1, max_size=8), max_size=12)


@settings(max_examples=30, deadline=None)
@given(baskets)
def test_candidates_are_distinct_rising_and_sourced(drawn: list[list[int]]) -> None:
    """Whatever the history: rising item indexes, within the index, each with a source."""
    found = prepare(history(*drawn), tables()).candidates
    assert (np.diff(found.items) > 0).all()
    assert found.items.min() >= 0
    assert found.items.max() < N
    assert (found.sources > 0).all()
    assert found.items.size <= MAX_PREPARED


def test_what_all_buy_gives_way_where_the_other_sources_are_full() -> None:
    """120 own items, 60 neighbours, 60 followers: of 30 best sellers 20 have room."""
    made, own = tables(), np.arange(120)
    made.near[own, 0], made.near_score[own, 0] = 120 + own % 60, 0.5
    made.next[own, 0], made.next_score[own, 0] = 180 + own % 60, 0.5
    found = prepare(history(own.tolist()), made).candidates
    assert found.items.size == MAX_PREPARED
    is_popular = (found.sources & np.uint16(Source.POPULAR)) != 0
    assert found.items[is_popular].tolist() == list(range(N - 20, N))


def test_packing_twice_changes_nothing() -> None:
    """Tables read back from their small types survive another packing unchanged."""
    once = unpacked(packed(tables()))
    twice = unpacked(packed(once))
    assert np.array_equal(once.item, twice.item)
    assert np.allclose(once.encoder.out, twice.encoder.out, atol=1e-6)


def test_alignment_moves_rows_and_lists() -> None:
    """Item 2 and its neighbour 3 change places in a new catalogue; item 1 is gone."""
    made = tables(4)
    made.near[2, :2], made.near_score[2, :2] = (3, 1), (0.5, 0.4)
    moved = made.aligned(np.array([3, 2, -1, 0]))  # new order: old 3, old 2, unknown, old 0
    assert moved.near[1, 0] == 0
    assert moved.near_score[1, :2].tolist() == pytest.approx([0.5, 0.0])
    assert np.array_equal(moved.encoder.into[1], made.encoder.into[2])
    assert not moved.encoder.out[2].any()
    assert moved.category[2] == -1
    assert moved.popular.tolist() == [0, 1, 3]
