"""Visits: the table, one entry a visit, dwell, queues, two phones, and what is bounded."""

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.core.visits import (
    LEAD_SILENT_S,
    QUEUE_FRESH_S,
    SIGNS_OF_LIFE,
    TABLE,
    VISIT_TIMEOUT_S,
    Change,
    Sign,
    State,
    Transition,
    Visits,
    visit_id,
)

SECRET = b"a secret of the store"
Step = tuple[float, Sign, str | None]


def book(capacity: int = 100) -> Visits:
    """Return an empty book with one till zone."""
    return Visits(SECRET, till_zones=frozenset({"till"}), capacity=capacity)


def told(changes: tuple[Transition, ...]) -> list[tuple[str, str | None]]:
    """Return what was told, without the keys."""
    return [(change.change.value, change.zone) for change in changes]


CASES: dict[str, tuple[list[Step], list[tuple[str, str | None]]]] = {
    "entry once": ([(0, Sign.LIFE, None), (5, Sign.LIFE, None)], [("entry", None)]),
    "entry in a zone": ([(0, Sign.ZONE, "shoes")], [("entry", None), ("move", "shoes")]),
    "the same zone again is silent": (
        [(0, Sign.ZONE, "shoes"), (9, Sign.ZONE, "shoes")],
        [("entry", None), ("move", "shoes")],
    ),
    "near, then in": (
        [(0, Sign.NEAR, None), (60, Sign.NEAR, None), (300, Sign.LIFE, None)],
        [("near", None), ("entry", None)],
    ),
    "near, then never in": (
        [(0, Sign.NEAR, None), (1201, Sign.NEAR, None)],
        [("near", None), ("near", None)],
    ),
    "near from inside changes nothing": (
        [(0, Sign.ZONE, "shoes"), (10, Sign.NEAR, None)],
        [("entry", None), ("move", "shoes")],
    ),
    "a gap of exactly 20 minutes is one visit": (
        [(0, Sign.LIFE, None), (1200, Sign.LIFE, None)],
        [("entry", None)],
    ),
    "a longer gap makes two": (
        [(0, Sign.ZONE, "shoes"), (1200.5, Sign.LIFE, None)],
        [("entry", None), ("move", "shoes"), ("exit", "shoes"), ("entry", None)],
    ),
    "a sale ends the wait once": (
        [(0, Sign.ZONE, "till"), (90, Sign.SALE, None), (95, Sign.SALE, None)],
        [("entry", None), ("move", "till"), ("served", "till")],
    ),
    "a sale elsewhere tells nothing": (
        [(0, Sign.ZONE, "shoes"), (90, Sign.SALE, None)],
        [("entry", None), ("move", "shoes")],
    ),
    "leaving, then back": (
        [(0, Sign.LIFE, None), (5, Sign.LEAVE, None), (6, Sign.LEAVE, None), (7, Sign.LIFE, None)],
        [("entry", None), ("exit", None), ("entry", None)],
    ),
    "no longer located, then located again": (
        [
            (0, Sign.ZONE, "till"),
            (5, Sign.HIDE, None),
            (6, Sign.SALE, None),
            (9, Sign.ZONE, "till"),
        ],
        [("entry", None), ("move", "till"), ("move", "till")],
    ),
    "who is not there is not located": (
        [(0, Sign.HIDE, None), (1, Sign.NEAR, None), (2, Sign.HIDE, None)],
        [("near", None)],
    ),
    "the clock steps back": (
        [(100, Sign.ZONE, "shoes"), (40, Sign.ZONE, "till"), (130, Sign.LIFE, None)],
        [("entry", None), ("move", "shoes"), ("move", "till")],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_signs_tell_exactly_these_changes(name: str) -> None:
    """A row: what happens to one visitor, what is told."""
    steps, expected = CASES[name]
    visits = book()
    seen = [visits.apply("m1", sign, now_s, zone) for now_s, sign, zone in steps]
    assert told(tuple(itertools.chain(*seen))) == expected


def test_the_table_is_total_and_leaves_the_store_only_with_an_exit() -> None:
    """Every state knows every sign; the first sign of life alone enters."""
    assert set(TABLE) == set(itertools.product(State, Sign))
    inside = {State.PRESENT, State.IN_ZONE}
    for (state, _), (after, changes) in TABLE.items():
        assert (Change.ENTRY in changes) == (state not in inside and after in inside)
        assert (Change.EXIT in changes) == (state in inside and after not in inside)


def test_dwell_is_counted_by_zone_and_the_exit_is_dated_at_the_last_sign() -> None:
    """Worked by hand: 30 s shoes, 20 s till, then silence."""
    visits = book()
    visits.apply("m1", Sign.LIFE, 0)
    visits.apply("m1", Sign.ZONE, 10, "shoes")
    (move,) = visits.apply("m1", Sign.ZONE, 40, "till")
    assert (move.zone_before, move.seconds) == ("shoes", 30)
    visits.apply("m1", Sign.LIFE, 60)
    visit = visits.get("m1")
    assert visit is not None
    assert dict(visit.dwell_s) == {"shoes": 30, "till": 20}
    assert (visit.zone, visit.zone_since_s) == ("till", 40)
    assert visits.expire(60 + VISIT_TIMEOUT_S) == ()
    (ended,) = visits.expire(61 + VISIT_TIMEOUT_S)
    assert (ended.change, ended.at_s, ended.seconds) == (Change.EXIT, 60, 60)
    assert len(visits) == 0


def test_forgotten_places_leave_the_visit_and_nothing_of_them() -> None:
    """No zone, no seconds in one, no beacon that leads; the visit is as old as before."""
    visits = book()
    visits.apply("m1", Sign.ZONE, 0, "till")
    assert visits.decides("m1", "phone", -50.0, 20)
    visits.apply("m1", Sign.ZONE, 20, "shoes")
    visits.forget_places("m1")
    visits.forget_places("nobody")
    visit = visits.get("m1")
    assert visit is not None
    assert (visit.state, visit.zone, visit.zone_since_s) == (State.PRESENT, None, None)
    assert dict(visit.dwell_s) == {}
    assert (visit.started_at_s, visit.last_sign_at_s) == (0, 20)
    assert visits.leads("m1", "tag")
    assert visits.occupancy() == {}
    (moved,) = visits.apply("m1", Sign.ZONE, 50, "till")
    assert (moved.zone_before, moved.seconds) == (None, 0)


def test_the_queue_counts_who_still_waits() -> None:
    """Served, silent and elsewhere are not in the queue."""
    visits = book()
    visits.apply("left", Sign.ZONE, 0, "till")
    visits.apply("waits", Sign.ZONE, 60, "till")
    visits.apply("paid", Sign.ZONE, 67, "till")
    visits.apply("new", Sign.ZONE, 90, "till")
    (served,) = visits.apply("paid", Sign.SALE, 92)
    visits.apply("shoes", Sign.ZONE, 93, "shoes")
    visits.apply("waits", Sign.LIFE, 95)
    (queue,) = visits.queues(100)
    assert QUEUE_FRESH_S < 100
    assert (queue.waiting, queue.longest_wait_s, queue.mean_wait_s) == (2, 40, 25)
    assert served.seconds == 25
    assert visits.occupancy() == {"till": 4, "shoes": 1}


def test_two_phones_are_one_visit_and_do_not_take_turns() -> None:
    """The leader keeps the word until it is silent or clearly weaker."""
    visits = book()
    visits.apply("m1", Sign.LIFE, 0)
    assert visits.decides("m1", "phone", -70, 0)
    assert not visits.decides("m1", "watch", -67, 1)
    assert visits.decides("m1", "phone", -72, 2)
    assert visits.decides("m1", "watch", -65, 3)
    assert visits.leads("m1", "watch")
    assert not visits.leads("m1", "phone")
    assert not visits.decides("m1", "phone", -65, 4)
    assert visits.decides("m1", "phone", -90, 3 + LEAD_SILENT_S + 1)


def test_a_full_book_ends_the_longest_unheard_visit() -> None:
    """Memory is bounded, and whoever goes is told to have gone."""
    visits = book(capacity=2)
    visits.apply("a", Sign.LIFE, 0)
    visits.apply("b", Sign.LIFE, 1)
    visits.apply("a", Sign.LIFE, 2)
    changes = visits.apply("c", Sign.LIFE, 3)
    assert [(change.change, change.visitor) for change in changes] == [
        (Change.ENTRY, "c"),
        (Change.EXIT, "b"),
    ]
    assert len(visits) == 2


def test_ids_repeat_and_differ_by_visitor_start_and_store() -> None:
    """The same log replayed gives the same ids; another store's secret gives others."""
    ids = {visit_id(SECRET, "m1", 0), visit_id(SECRET, "m2", 0), visit_id(SECRET, "m1", 1)}
    assert len(ids | {visit_id(b"other", "m1", 0)}) == 4
    assert visit_id(SECRET, "m1", 0) in ids


def test_a_zone_without_its_sign_is_a_bug() -> None:
    """The two arguments cannot contradict each other."""
    with pytest.raises(ValueError, match=r"Sign\.ZONE alone"):
        book().apply("m1", Sign.LIFE, 0, "shoes")
    with pytest.raises(ValueError, match=r"Sign\.ZONE alone"):
        book().apply("m1", Sign.ZONE, 0)


signs = st.lists(
    st.tuples(
        st.floats(0, 2000, allow_nan=False),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(Sign),
        st.sampled_from(["shoes", "till", "cafe"]),
    ),
    max_size=60,
)


def play(visits: Visits, steps: list[tuple[float, str, Sign, str]]) -> list[Transition]:
    """Apply the steps, each after its wait, and let every visit end."""
    now_s, out = 0.0, list[Transition]()
    for wait_s, visitor, sign, zone in steps:
        now_s += wait_s
        out += visits.expire(now_s)
        out += visits.apply(visitor, sign, now_s, zone if sign is Sign.ZONE else None)
    return out + list(visits.expire(now_s + 10 * VISIT_TIMEOUT_S))


@given(signs)
@example([(0.0, "a", sign, "shoes") for sign in (Sign.LIFE, Sign.TIMEOUT, Sign.LIFE)])
def test_every_visit_enters_once_exits_once_and_stays_within_its_time(
    steps: list[tuple[float, str, Sign, str]],
) -> None:
    """Entry first, exit last, both once; seconds in zones never exceed the seconds of the visit."""
    by_visit: dict[str, list[Transition]] = {}
    for change in play(book(), steps):
        if change.change is not Change.NEAR:
            by_visit.setdefault(change.visit_id, []).append(change)
    for changes in by_visit.values():
        kinds = [change.change for change in changes]
        assert kinds.count(Change.ENTRY) == kinds.count(Change.EXIT) == 1
        assert (kinds[0], kinds[-1]) == (Change.ENTRY, Change.EXIT)
        moved_s = sum(change.seconds for change in changes if change.change is Change.MOVE)
        assert moved_s <= changes[-1].seconds + 1e-6


@given(signs)
def test_dwell_never_exceeds_the_visit(steps: list[tuple[float, str, Sign, str]]) -> None:
    """At any moment, for everybody present."""
    visits, now_s = book(), 0.0
    for wait_s, visitor, sign, zone in steps:
        now_s += wait_s
        visits.apply(visitor, sign, now_s, zone if sign is Sign.ZONE else None)
        for visit in visits.present():
            stayed_s = visit.last_sign_at_s - visit.started_at_s
            assert sum(visit.dwell_s.values()) <= stayed_s + 1e-6


@given(signs, st.permutations(["a", "b", "c"]))
def test_visitors_do_not_touch_each_other(
    steps: list[tuple[float, str, Sign, str]], order: list[str]
) -> None:
    """Renaming the visitors renames the outcome and changes nothing else."""
    names = dict(zip(["a", "b", "c"], order, strict=True))
    renamed = [(wait_s, names[who], sign, zone) for wait_s, who, sign, zone in steps]

    def outcome(changes: list[Transition], back: dict[str, str]) -> list[tuple[object, ...]]:
        return sorted(
            (back[one.visitor], one.at_s, one.change.value, one.zone or "", one.seconds)
            for one in changes
        )

    same = {name: name for name in names}
    back = {new: old for old, new in names.items()}
    assert outcome(play(book(), steps), same) == outcome(play(book(), renamed), back)


@given(signs)
def test_nobody_outlives_twenty_silent_minutes(
    steps: list[tuple[float, str, Sign, str]],
) -> None:
    """Whoever is present gave a sign of life within the timeout."""
    visits, now_s, heard = book(), 0.0, dict.fromkeys("abc", -1e9)
    for wait_s, visitor, sign, zone in steps:
        now_s += wait_s
        visits.apply(visitor, sign, now_s, zone if sign is Sign.ZONE else None)
        visits.expire(now_s)
        if sign in SIGNS_OF_LIFE:
            heard[visitor] = now_s
        for visit in visits.present():
            assert now_s - heard[visit.visitor] <= VISIT_TIMEOUT_S
