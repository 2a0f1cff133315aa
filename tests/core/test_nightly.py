"""When the night's work is due, by the store's own calendar."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.moment import Moment
from edge.core.nightly import CATCH_UP_DAYS, is_due, night_of, untold_days

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> Moment:
    return Moment.of(datetime.fromisoformat(text).replace(tzinfo=BERLIN))


def day(text: str) -> int:
    return datetime.fromisoformat(text).toordinal()


@pytest.mark.parametrize(
    ("now", "night"),
    [
        pytest.param("2026-03-10T03:00", "2026-03-10", id="at three it begins"),
        pytest.param("2026-03-10T02:59", "2026-03-09", id="before three it is still the last one"),
        pytest.param("2026-03-10T23:59", "2026-03-10", id="all day long it is this morning's"),
        pytest.param("2026-03-29T03:00", "2026-03-29", id="the hour before is left out in spring"),
        pytest.param("2026-10-25T02:30", "2026-10-24", id="the hour that comes twice in autumn"),
        pytest.param("2026-01-01T00:10", "2025-12-31", id="over the turn of the year"),
    ],
)
def test_which_night_it_is(now: str, night: str) -> None:
    assert night_of(at(now)) == day(night)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        pytest.param(9, True, id="yesterday's ran, tonight's did not"),
        pytest.param(10, False, id="tonight's ran"),
        pytest.param(3, True, id="the box was off for a week: once, not seven times"),
        pytest.param(11, False, id="a clock that was set back by hours"),
        pytest.param(9_999, True, id="a mark from a clock that ran wild"),
    ],
)
def test_it_is_due_once_a_night(last: int, expected: bool) -> None:
    assert is_due(10, last) is expected


@pytest.mark.parametrize(
    ("last", "days"),
    [
        pytest.param(9, [], id="yesterday was told"),
        pytest.param(8, [9], id="yesterday"),
        pytest.param(6, [7, 8, 9], id="three days after a power cut"),
        pytest.param(-90, [3, 4, 5, 6, 7, 8, 9], id="no more than a week"),
        pytest.param(9_999, [9], id="a mark from a clock that ran wild"),
    ],
)
def test_days_still_to_tell(last: int, days: list[int]) -> None:
    assert list(untold_days(10, last)) == days


@given(st.lists(st.integers(0, 3 * 24 * 60), max_size=40), st.integers(730_000, 740_000))
def test_no_order_of_looks_runs_a_night_twice(minutes: list[int], first: int) -> None:
    """However often and whenever somebody looks, every night runs at most once."""
    last, ran = first - 1, []
    for minute in sorted(minutes):
        night = night_of(Moment(0.0, first + minute // 1440, minute % 1440))
        if is_due(night, last):
            ran.append(night)
            last = night
    assert len(ran) == len(set(ran))


@given(st.lists(st.integers(0, 400), min_size=1, max_size=30))
def test_every_day_is_told_once_at_most(nights: list[int]) -> None:
    """Whichever nights the box is up, no day is told twice, and never one that is not over."""
    last, told = 0, []
    for night in sorted(nights):
        for each in untold_days(night, last):
            assert night - CATCH_UP_DAYS <= each < night
            told.append(each)
            last = each
    assert len(told) == len(set(told))
