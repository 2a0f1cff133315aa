"""The radio model keeps its own law: distance, body, loss and shadowing in the right sizes."""

import math
import random
from statistics import fmean, pstdev

import pytest

from simulator import radio
from simulator.floor import Receiver
from simulator.radio import Air

RECEIVER = Receiver("r", "ruuvi", "z", 0.0, 0.0)
HEIGHT_M = 1.8


def _heard(x_m: float, heading_rad: float, count: int = 4000) -> list[int]:
    """Return what arrives of advertisements, each on a fresh channel."""
    rng = random.Random(1)
    rssi = (Air(rng).hear(RECEIVER, (x_m, 0.0), heading_rad, -59) for _ in range(count))
    return [value for value in rssi if value is not None]


@pytest.mark.parametrize("flat_m", [1.0, 4.0, 8.0])
def test_mean_rssi_follows_the_law(flat_m: float) -> None:
    """Facing the receiver at the west, no body in between: log-distance alone."""
    expected = -59 - 22 * math.log10(math.hypot(flat_m, HEIGHT_M))
    assert fmean(_heard(flat_m, math.pi)) == pytest.approx(expected, abs=0.5)


def test_the_body_costs_nine_decibels() -> None:
    """Turned away, the wearer stands between beacon and receiver."""
    assert fmean(_heard(4.0, math.pi)) - fmean(_heard(4.0, 0.0)) == pytest.approx(9.0, abs=0.5)


def test_spread_is_shadowing_and_fading() -> None:
    """Independent parts add as squares; rounding adds a twelfth."""
    expected = math.sqrt(radio.SHADOW_SD_DB**2 + radio.FADING_SD_DB**2 + 1 / 12)
    assert pstdev(_heard(3.0, math.pi)) == pytest.approx(expected, abs=0.3)


def test_a_third_of_near_packets_is_missed() -> None:
    """Close by, only the missed scans are lost."""
    assert len(_heard(2.0, math.pi)) / 4000 == pytest.approx(1 - radio.MISS_RATE, abs=0.03)


def test_far_packets_are_lost() -> None:
    """Beyond the range nothing is heard; weak beacons are lost half the time at the limit."""
    assert _heard(radio.RANGE_M + 1, math.pi) == []
    rng = random.Random(2)
    path_db = 22 * math.log10(math.hypot(10.0, HEIGHT_M))
    power_dbm = radio.SENSITIVITY_DBM + path_db
    heard = [Air(rng).hear(RECEIVER, (10.0, 0.0), math.pi, power_dbm) for _ in range(4000)]
    share = sum(value is not None for value in heard) / 4000
    assert share == pytest.approx(0.5 * (1 - radio.MISS_RATE), abs=0.04)


def test_shadowing_stays_while_standing_and_changes_while_walking() -> None:
    """Two moments at one place agree but for fading; ten metres on they do not."""
    rng = random.Random(3)

    def difference(moved_m: float) -> float:
        steps = []
        for _ in range(1500):
            air = Air(rng)
            first = air.hear(RECEIVER, (3.0, 0.0), math.pi, -40)
            second = air.hear(RECEIVER, (3.0, 0.0 + moved_m), math.pi, -40)
            if first is not None and second is not None:
                steps.append(second - first)
        return pstdev(steps)

    fading_only = math.sqrt(2 * (radio.FADING_SD_DB**2 + 1 / 12))
    assert difference(0.0) == pytest.approx(fading_only, abs=0.3)
    assert difference(8.0) > fading_only + 1.0
