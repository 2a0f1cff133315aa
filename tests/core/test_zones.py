"""Zones: geometry by hand, walks through a made hall, and everything that must not move people.

The hall is 20 × 20 m with four zones of 10 × 10 m and three receivers each. Its radio is exact
(the model's own mean power), or fades as drawn from a seeded generator.
"""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.floorplan import Receiver
from edge.core.sightings import Sighting
from edge.core.zone_grid import CARRIED_AT_M, MAX_CELLS, PATH_LOSS_EXPONENT
from edge.core.zones import FORGET_S, STALE_S, ZoneModel, ZoneTracker

ZONES = {"nw": (0.0, 0.0), "ne": (10.0, 0.0), "sw": (0.0, 10.0), "se": (10.0, 10.0)}
SPOTS = ((2.0, 5.0), (8.0, 2.0), (6.0, 8.0))
RECEIVERS = [
    Receiver(f"{zone}{number}", zone, left + dx, top + dy, 2.5)
    for zone, (left, top) in ZONES.items()
    for number, (dx, dy) in enumerate(SPOTS)
]
MODEL = ZoneModel(RECEIVERS)
CENTRES = {zone: (left + 16 / 3, top + 5.0) for zone, (left, top) in ZONES.items()}
Place = tuple[float, float]
Alter = Callable[[Sighting], Sighting | None]


def level_dbm(receiver: Receiver, place: Place, power_dbm: float = -62.0) -> float:
    """Return the mean strength at a receiver of a beacon at a place."""
    off_m = math.dist((*place, CARRIED_AT_M), (receiver.x_m, receiver.y_m, receiver.z_m))
    return power_dbm - 10 * PATH_LOSS_EXPONENT * math.log10(max(1.0, off_m))


def air(place: Place, chance: random.Random | None = None) -> Iterator[Sighting]:
    """Yield one sighting by every receiver; with chance, faded as Rayleigh fading does."""
    for receiver in RECEIVERS:
        fading_db = 10 * math.log10(chance.expovariate(1.0) + 1e-9) if chance else 0.0
        rssi_dbm = level_dbm(receiver, place) + fading_db
        yield Sighting(receiver.gateway, "beacon", rssi_dbm=round(rssi_dbm))


def follow(
    tracker: ZoneTracker,
    places: list[Place],
    start_s: float = 1_000.0,
    chance: random.Random | None = None,
    alter: Alter = lambda sighting: sighting,
) -> list[str | None]:
    """Let a tracker hear a walk, one place a second, and return the zone after each second."""
    zones = []
    for second, place in enumerate(places):
        for part in (0.1, 0.6):
            for sighting in air(place, chance):
                if (altered := alter(sighting)) is not None:
                    tracker.update(altered, start_s + second + part)
        tracker.tick(start_s + second + 1)
        zones.append(tracker.zone)
    return zones


def line(start: Place, end: Place, pace_m_s: float = 0.8) -> list[Place]:
    """Return the places of a straight walk, one a second."""
    seconds = max(1, round(math.dist(start, end) / pace_m_s))
    return [
        (start[0] + (end[0] - start[0]) * t / seconds, start[1] + (end[1] - start[1]) * t / seconds)
        for t in range(seconds + 1)
    ]


@pytest.mark.parametrize("zone", ZONES)
def test_who_stands_in_a_zone_is_in_it(zone: str) -> None:
    """By exact radio at once, and for good."""
    assert set(follow(ZoneTracker(MODEL), [CENTRES[zone]] * 10)) == {zone}


def test_one_sighting_gives_a_first_guess() -> None:
    """A card need not wait a second: the nearest receiver's zone stands until more is heard."""
    tracker = ZoneTracker(MODEL)
    assert tracker.update(Sighting("se0", "beacon", rssi_dbm=-58), 5.0) == "se"
    assert tracker.zone == "se"


def test_a_walk_changes_zone_once_and_soon() -> None:
    """Eight fading walks across one border: one change each, 3 s late at most in the median."""
    late_s = []
    for seed in range(8):
        zones = follow(
            ZoneTracker(MODEL), line((3, 5), (17, 5)), chance=random.Random(seed)
        )  # the border of the centroids lies at x = 10.33
        assert sum(a != b for a, b in pairwise(zones[3:])) == 1
        late_s.append(zones.index("ne") - 7.33 / 0.8)
    assert abs(float(np.median(late_s))) <= 3


def test_updates_return_the_change_and_nothing_else() -> None:
    """What `update` and `tick` return, taken together, is the sequence of zones."""
    tracker, told = ZoneTracker(MODEL), []
    for second, place in enumerate(line((3, 5), (17, 5))):
        told += [tracker.update(sighting, float(second)) for sighting in air(place)]
        told.append(tracker.tick(second + 1.0))
    assert [zone for zone in told if zone is not None] == ["nw", "ne"]


def test_the_sending_power_cancels() -> None:
    """A beacon 25 dB weaker is in the same zones."""
    walk = line((3, 5), (15, 15))

    def weaker(sighting: Sighting) -> Sighting:
        return sighting._replace(rssi_dbm=(sighting.rssi_dbm or 0) - 25)

    plain = follow(ZoneTracker(MODEL), walk)
    weak = follow(ZoneTracker(MODEL), walk, alter=weaker)
    assert sum(a != b for a, b in zip(plain, weak, strict=True)) <= 1


def only(**changes: Any) -> Alter:
    """Return an alteration that overwrites fields of one receiver's sightings."""

    def alter(sighting: Sighting) -> Sighting:
        if sighting.gateway != "se2":
            return sighting
        return sighting._replace(**changes)

    return alter


UNMOVED: dict[str, Alter] = {
    "a receiver that reads 0 dBm": only(rssi_dbm=0.0),
    "a receiver that reads +20 dBm": only(rssi_dbm=20.0),
    "a receiver that reads NaN": only(rssi_dbm=math.nan),
    "a receiver that claims the beacon at once": only(rssi_dbm=-25.0),
    "a receiver that claims it less loudly": only(rssi_dbm=-40.0),
    "a receiver an hour behind": only(rssi_dbm=-55.0, at_s=1_000.0 - 3_600),
    "a receiver an hour ahead": only(rssi_dbm=-55.0, at_s=1_000.0 + 3_600),
    "a distance that is no number": only(rssi_dbm=None, distance_m=math.nan),
    "a distance below nothing": only(rssi_dbm=None, distance_m=-1.0),
    "neither strength nor distance": only(rssi_dbm=None),
    "a receiver that is not on the plan": only(gateway="stranger", rssi_dbm=-30.0),
}


@pytest.mark.parametrize("name", UNMOVED)
@pytest.mark.parametrize("zone", ["nw", "ne"])
def test_one_bad_receiver_moves_nobody(name: str, zone: str) -> None:
    """A row: what one of twelve receivers does from the first second on."""
    chance = random.Random(7)
    zones = follow(ZoneTracker(MODEL), [CENTRES[zone]] * 30, chance=chance, alter=UNMOVED[name])
    assert set(zones[2:]) == {zone}


def test_a_replayed_hour_moves_nobody() -> None:
    """Sightings of an earlier hour, with their own times, arrive amid those of now."""
    tracker = ZoneTracker(MODEL)
    follow(tracker, [CENTRES["nw"]] * 10)
    now_s = 1_011.0
    for old_s in range(600):
        for sighting in air(CENTRES["se"]):
            late = sighting._replace(at_s=now_s - 3_600 + old_s)
            assert tracker.update(late, now_s + old_s / 100) is None
    assert tracker.zone == "nw"
    assert tracker.update(Sighting("nw0", "b", rssi_dbm=-60, at_s=now_s - STALE_S), now_s) is None


def test_a_flood_from_one_receiver_weighs_as_one_reading() -> None:
    """A thousand readings in a second leave the belief where one of the same strength does."""
    beliefs = []
    for copies in (1, 1_000):
        tracker = ZoneTracker(MODEL)
        for _ in range(copies):
            tracker.update(Sighting("se2", "beacon", rssi_dbm=-70), 1.5)
        tracker.tick(2.0)
        beliefs.append(tracker.probabilities())
    assert beliefs[0] == pytest.approx(beliefs[1], abs=1e-4)


def test_distances_alone_are_enough() -> None:
    """A fleet of gateways that publish only metres finds the zones too."""
    walk = [CENTRES["nw"]] * 8 + line(CENTRES["nw"], CENTRES["ne"]) + [CENTRES["ne"]] * 8

    def metres(sighting: Sighting) -> Sighting:
        distance_m = 10 ** ((-59 - (sighting.rssi_dbm or 0)) / 27)  # ESPresense's own formula
        return sighting._replace(rssi_dbm=None, distance_m=distance_m)

    zones = follow(ZoneTracker(MODEL), walk, alter=metres)
    assert (zones[5], zones[-1]) == ("nw", "ne")


def test_a_smoothing_gateway_replaces_its_own_mean() -> None:
    """Of two means in one second the newer one counts, alone."""
    one, two = ZoneTracker(MODEL), ZoneTracker(MODEL)
    early = Sighting("nw0", "beacon", rssi_dbm=-90, is_filtered=True)
    late = Sighting("nw0", "beacon", rssi_dbm=-60, is_filtered=True)
    one.update(early, 1.2)
    one.update(late, 1.8)
    two.update(late, 1.8)
    one.tick(2.0)
    two.tick(2.0)
    assert one.probabilities() == two.probabilities()


def test_one_receiver_heard_alone_is_enough() -> None:
    """A beacon too weak for all but the nearest: the silence of the others places it."""
    tracker = ZoneTracker(MODEL)
    for second in range(30):
        tracker.update(Sighting("nw1", "beacon", rssi_dbm=-90 if second % 3 else -84), second + 0.5)
        tracker.tick(second + 1.0)
    assert tracker.zone == "nw"
    assert tracker.probabilities()["nw"] > 0.7


def test_silence_changes_nothing_and_after_long_anything_is_possible() -> None:
    """Ticks without sightings keep the zone; who is heard again elsewhere is there at once."""
    tracker = ZoneTracker(MODEL)
    follow(tracker, [CENTRES["nw"]] * 10)
    for second in range(60):
        assert tracker.tick(1_010.0 + second) is None
    assert tracker.zone == "nw"
    zones = follow(tracker, [CENTRES["se"]] * 3, start_s=1_011.0 + FORGET_S + 60)
    assert zones[0] == "se"


def test_time_that_steps_back_moves_nobody() -> None:
    """The tracker waits until the clock is past what it knows."""
    tracker = ZoneTracker(MODEL)
    follow(tracker, [CENTRES["nw"]] * 10)
    assert set(follow(tracker, [CENTRES["nw"]] * 5, start_s=900.0)) == {"nw"}


def test_the_reason_names_every_receiver_and_adds_up() -> None:
    """Who stands in a zone is held there by its receivers; a liar is named as refused."""
    tracker = ZoneTracker(MODEL)
    follow(tracker, [CENTRES["nw"]] * 5, alter=only(rssi_dbm=-25.0))
    reason = tracker.explain()
    assert reason.zone == "nw"
    assert sum(reason.probabilities.values()) == pytest.approx(1, abs=1e-3)
    assert next(iter(reason.probabilities)) == "nw"
    by_gateway = {one.gateway: one for one in reason.evidence}
    assert set(by_gateway) == set(MODEL.index)
    assert [name for name, one in by_gateway.items() if one.is_refused] == ["se2"]
    assert by_gateway["nw0"].level_dbm == pytest.approx(
        level_dbm(RECEIVERS[0], CENTRES["nw"]), abs=1
    )
    assert by_gateway["nw0"].support > 0


def test_polygons_decide_where_they_are_given() -> None:
    """A till of 4 × 4 m cut out of a hall whose receivers all hang elsewhere."""
    polygons = {
        "hall": ((0.0, 0.0), (20.0, 0.0), (20.0, 20.0), (4.0, 20.0), (4.0, 16.0), (0.0, 16.0)),
        "till": ((0.0, 16.0), (4.0, 16.0), (4.0, 20.0), (0.0, 20.0)),
    }
    model = ZoneModel(RECEIVERS, (0.0, 0.0, 20.0, 20.0), polygons)
    assert model.membership.sum(0) / model.cells == pytest.approx([0.96, 0.04], abs=0.005)
    assert follow(ZoneTracker(model), [(1.0, 19.0)] * 12)[-1] == "till"
    assert follow(ZoneTracker(model), [(10.0, 10.0)] * 12)[-1] == "hall"


def test_a_large_store_costs_no_more_memory() -> None:
    """300 × 200 m: coarser cells, not more of them; one belief stays below 32 kB."""
    spread = [replace(one, x_m=one.x_m * 15, y_m=one.y_m * 10) for one in RECEIVERS]
    model = ZoneModel(spread)
    assert model.cells <= MAX_CELLS * 1.1
    assert model.anywhere().nbytes <= 32_000


def test_a_stride_keeps_mass_mean_and_variance() -> None:
    """Away from the walls: 0.8 m along x in one step, and sums stay 1."""
    belief = np.zeros((MODEL.anywhere().shape), dtype=np.float32)
    middle = (MODEL.shape[0] // 2) * MODEL.shape[1] + MODEL.shape[1] // 2
    belief[1, middle] = 1.0  # heading along x
    moved = MODEL.walked(belief).sum(0).reshape(MODEL.shape)
    along_x = moved.sum(1)
    columns = (np.arange(MODEL.shape[0]) - MODEL.shape[0] // 2) * MODEL.cell_m
    assert moved.sum() == pytest.approx(1, abs=1e-4)
    assert float(along_x @ columns) == pytest.approx(0.8, abs=0.02)


readings = st.lists(
    st.tuples(
        st.sampled_from([one.gateway for one in RECEIVERS]),
        st.none() | st.floats(width=32),
        st.none() | st.floats(width=32),
        st.booleans(),
        st.floats(0, 40),
    ),
    max_size=60,
)


@given(readings)
def test_no_reading_breaks_the_belief(
    heard: list[tuple[str, float | None, float | None, bool, float]],
) -> None:
    """Whatever is heard and whenever, probabilities stay a distribution over the zones."""
    tracker, now_s = ZoneTracker(MODEL), 0.0
    for gateway, rssi_dbm, distance_m, is_filtered, wait_s in heard:
        now_s += wait_s
        sighting = Sighting(
            gateway, "b", rssi_dbm=rssi_dbm, distance_m=distance_m, is_filtered=is_filtered
        )
        tracker.update(sighting, now_s)
        shares = tracker.probabilities()
        assert sum(shares.values()) == pytest.approx(1, abs=1e-3)
        assert all(0 <= share <= 1.001 for share in shares.values())
    tracker.explain()


@given(st.permutations(range(12)), st.integers(0, 3))
def test_the_order_within_a_second_does_not_matter(order: list[int], corner: int) -> None:
    """Twelve receivers, heard in any order."""
    heard = list(air(list(CENTRES.values())[corner]))
    beliefs = []
    for picked in (range(12), order):
        tracker = ZoneTracker(MODEL)
        for i in picked:
            tracker.update(heard[i], 1.5)
        tracker.tick(2.0)
        beliefs.append(tracker.probabilities())
    assert beliefs[0] == pytest.approx(beliefs[1], abs=1e-4)
