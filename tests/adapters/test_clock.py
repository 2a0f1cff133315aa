"""The box's time never runs backwards."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from edge.__main__ import clock_of
from edge.adapters.clock import SimulatedClock, SystemClock
from edge.box import Box
from edge.core.consent import Purpose
from tests.world import ANNA, configure, write_store


def _clock(walls: list[float], monotonics: list[float], floor_s: float = 0.0) -> SystemClock:
    wall, mono = iter(walls), iter(monotonics)
    return SystemClock(floor_s, lambda: next(wall), lambda: next(mono))


def test_a_box_that_boots_in_1970_starts_at_its_floor() -> None:
    """The floor holds until the wall clock is known."""
    clock = _clock([10.0, 11.0, 5_000.0], [0.0, 1.0, 2.0], floor_s=1_000.0)
    assert clock.now_s() == 1_000.9
    assert clock.now_s() == 5_000.0


def test_a_wall_clock_set_back_is_let_in_slowly() -> None:
    """An hour back: time goes on at nine tenths of its speed instead of jumping."""
    clock = _clock([10_000.0, 6_410.0], [0.0, 10.0])
    assert clock.now_s() == 10_009.0


@given(st.lists(st.tuples(st.floats(0, 4e9), st.floats(0, 1e4)), min_size=1))
def test_time_is_monotone(readings: list[tuple[float, float]]) -> None:
    """Whatever the wall clock does, the box's time does not fall."""
    mono = 0.0
    monotonics = [0.0]
    for _, step in readings:
        mono += step
        monotonics.append(mono)
    clock = _clock([0.0, *(wall for wall, _ in readings)], monotonics)
    seen = [clock.now_s() for _ in readings]
    assert seen == sorted(seen)


def test_a_tick_from_the_past_is_refused() -> None:
    """A simulated clock only goes on."""
    clock = SimulatedClock()
    assert clock.tick(100.0)
    assert not clock.tick(99.0)
    assert clock.now_s() == 100.0


def test_a_simulated_store_is_not_born_in_1970(tmp_path: Path) -> None:
    """Members taken in before the first tick are as old as the stock, and their word counts."""
    now_s = 1_790_000_000.0
    write_store(tmp_path / "store", now_s)
    settings = configure(tmp_path, tmp_path / "store", None, 1883, clock='{kind = "simulated"}')
    clock = clock_of(settings)
    box = Box(settings, clock)
    assert clock.now_s() == now_s
    consents = box.ledger.consents()
    anna = consents.person_of_member(ANNA)
    assert anna is not None
    grant = consents.grant(anna, Purpose.PROFILE, now_s)
    assert grant is not None
    assert box.ledger.profile(anna, grant, now_s).as_of_s == now_s
    box.close()
