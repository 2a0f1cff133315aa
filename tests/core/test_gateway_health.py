"""Gateway health: who lies about time, floods, repeats or claims everybody is held off."""

import json
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.gateways import GatewayHealth, Gateways, Limits
from edge.core.sightings import GatewayReport, Sighting

NOW_S = 1_772_600_000.0
HEARD = Sighting("g1", "ibeacon:" + "0" * 32 + "-1-2", -60.0)


def view(gateways: Gateways, name: str, now_s: float) -> GatewayHealth:
    """Return the health of one gateway."""
    return next(each for each in gateways.health(now_s) if each.gateway == name)


def hear(gateways: Gateways, sighting: Sighting, now_s: float) -> float | None:
    """Hear one sighting; return when it counts, or None where it was refused."""
    taken = gateways.hear([sighting], now_s)
    assert [heard for heard, _ in taken] in ([sighting], [])
    return taken[0][1] if taken else None


def hear_each(gateways: Gateways, offsets: Iterable[tuple[float, float]]) -> list[float | None]:
    """Hear one sighting per (elapsed, the gateway's clock minus ours)."""
    return [
        hear(gateways, HEARD._replace(at_s=NOW_S + elapsed + offset), NOW_S + elapsed)
        for elapsed, offset in offsets
    ]


def test_a_sighting_without_a_time_counts_at_receipt() -> None:
    """Most families send no time."""
    assert hear(Gateways(), HEARD, NOW_S) == NOW_S


def test_a_gateway_is_alive_until_it_is_silent_for_two_minutes() -> None:
    """Never heard, online, silent and online again, in this order."""
    gateways = Gateways(listed=["g1"])
    assert view(gateways, "g1", NOW_S).state == "never"
    hear(gateways, HEARD, NOW_S)
    assert view(gateways, "g1", NOW_S + 120.0).state == "online"
    assert view(gateways, "g1", NOW_S + 120.1).state == "silent"
    hear(gateways, HEARD, NOW_S + 130.0)
    assert view(gateways, "g1", NOW_S + 130.0).state == "online"
    assert view(gateways, "g1", NOW_S + 130.0).first_heard_s == NOW_S


def test_a_last_will_takes_a_gateway_offline_until_it_is_heard() -> None:
    """Its will is believed at once, its next word more."""
    gateways = Gateways()
    gateways.report(GatewayReport("g1", is_online=True), NOW_S)
    gateways.report(GatewayReport("g1", is_online=False), NOW_S + 1)
    assert view(gateways, "g1", NOW_S + 1).state == "offline"
    assert view(gateways, "g1", NOW_S + 1).last_heard_s == NOW_S
    hear(gateways, HEARD, NOW_S + 2)
    assert view(gateways, "g1", NOW_S + 2).state == "online"


def test_a_battery_is_remembered() -> None:
    """A report without one does not wipe the last known charge."""
    gateways = Gateways()
    gateways.report(GatewayReport("g1", is_online=True, battery_percent=41.0), NOW_S)
    gateways.report(GatewayReport("g1", is_online=True), NOW_S + 1)
    assert view(gateways, "g1", NOW_S + 1).battery_percent == 41.0


def test_a_right_clock_is_used_and_its_offset_taken_out() -> None:
    """Two seconds ahead is within the bound: a reading of its now is our now."""
    gateways = Gateways()
    times = hear_each(gateways, [(0.0, 2.0), (1.0, 2.0), (1.0, 0.5)])
    # The offset follows a late reading by a thousandth of the lag.
    assert times == pytest.approx([NOW_S, NOW_S + 1.0, NOW_S - 0.5], abs=0.002, rel=0.0)
    assert view(gateways, "g1", NOW_S).clock_offset_s is not None
    assert not view(gateways, "g1", NOW_S).is_clock_wrong


def test_a_wrong_clock_is_settled_first_and_then_receipt_counts() -> None:
    """An hour behind, steadily: refused for 30 s, then used at the time of receipt, counted."""
    gateways = Gateways()
    times = hear_each(gateways, [(float(second), -3_600.0) for second in range(40)])
    assert times[:30] == [None] * 30
    assert times[30:] == [NOW_S + second for second in range(30, 40)]
    health = view(gateways, "g1", NOW_S + 40)
    assert health.is_clock_wrong
    assert health.clock_offset_s == -3_600.0
    assert health.refused == {"unsettled_clock": 30, "wrong_clock": 10}


def test_a_clock_a_day_ahead_is_wrong_too() -> None:
    """The future is not believed either."""
    gateways = Gateways()
    times = hear_each(gateways, [(float(second), 86_400.0) for second in range(40)])
    assert times[39] == NOW_S + 39


def test_an_hour_that_is_replayed_is_refused_whole() -> None:
    """A gateway known to be right sends an hour again within ten seconds, then goes on."""
    gateways = Gateways()
    hear_each(gateways, [(float(second), -0.1) for second in range(5)])
    replay = [(5.0 + i / 360.0, -3_600.0 + i * (3_590.0 / 3_600.0)) for i in range(3_500)]
    assert set(hear_each(gateways, replay)) == {None}
    assert view(gateways, "g1", NOW_S).refused["stale"] == 3_500
    assert hear_each(gateways, [(20.0, -0.1)])[0] is not None


def test_a_new_gateway_that_starts_with_an_hour_s_replay_is_not_believed() -> None:
    """Its offset moves, so it is no wrong clock; what it says of now is used."""
    gateways = Gateways()
    replay = [(i / 360.0, -3_600.0 + i) for i in range(3_580)]
    assert set(hear_each(gateways, replay)) == {None}
    assert hear_each(gateways, [(12.0, -0.1)])[0] is not None


def test_one_time_from_the_future_does_not_blind_a_right_gateway() -> None:
    """The odd sighting is refused, the next one used."""
    gateways = Gateways()
    times = hear_each(gateways, [(0.0, 0.0), (1.0, 90_000.0), (2.0, 0.0)])
    assert times == [NOW_S, None, NOW_S + 2.0]


def test_a_clock_that_is_put_right_is_right_within_the_time_to_settle() -> None:
    """From a day behind to right: used at its own time at once."""
    gateways = Gateways()
    hear_each(gateways, [(float(second), -86_400.0) for second in range(40)])
    assert hear_each(gateways, [(41.0, -0.5)])[0] == NOW_S + 41.0
    assert not view(gateways, "g1", NOW_S + 41).is_clock_wrong


def test_a_clock_that_goes_wrong_is_found_out() -> None:
    """From right to an hour behind: refused until it settles, then receipt counts."""
    gateways = Gateways()
    hear_each(gateways, [(0.0, 0.0)])
    times = hear_each(gateways, [(float(second), -3_600.0) for second in range(1, 40)])
    assert times[0] is None
    assert times[-1] == NOW_S + 39.0


def test_a_flood_is_cut_at_the_rate_after_the_burst() -> None:
    """A thousand a second get through, however many are sent; others are not touched."""
    gateways = Gateways(limits=Limits(rate_per_s=100.0, burst=200.0))
    used = sum(hear(gateways, HEARD, NOW_S + i / 1_000.0) is not None for i in range(5_000))
    assert 200 + 490 <= used <= 200 + 510
    assert view(gateways, "g1", NOW_S).refused["flood"] == 5_000 - used
    assert hear(gateways, HEARD._replace(gateway="g2"), NOW_S + 5.0) is not None


def test_the_same_reading_on_two_topics_counts_once() -> None:
    """Presence repeats the rssi with a distance within milliseconds."""
    gateways = Gateways()
    hear(gateways, HEARD, NOW_S)
    assert not gateways.repeats(HEARD, NOW_S)
    assert gateways.repeats(HEARD._replace(distance_m=2.0), NOW_S + 0.05)
    assert not gateways.repeats(HEARD, NOW_S + 0.5)
    assert view(gateways, "g1", NOW_S).refused == {"duplicate": 1}


def test_another_strength_another_gateway_or_another_beacon_is_no_duplicate() -> None:
    """N gateways hear one advertisement, and each of them counts."""
    gateways = Gateways()
    for name in ("g1", "g2"):
        hear(gateways, HEARD._replace(gateway=name), NOW_S)
    assert not gateways.repeats(HEARD, NOW_S)
    assert not gateways.repeats(HEARD._replace(rssi_dbm=-61.0), NOW_S)
    assert not gateways.repeats(HEARD._replace(gateway="g2", rssi_dbm=-61.0), NOW_S)
    assert not gateways.repeats(HEARD._replace(beacon="mac:d0d1d2d3d4d5"), NOW_S)


def test_a_distance_alone_is_compared_too() -> None:
    """mqtt_room sends no rssi."""
    gateways = Gateways()
    heard = Sighting("g1", "name:x", distance_m=2.0)
    hear(gateways, heard, NOW_S)
    assert not gateways.repeats(heard, NOW_S)
    assert gateways.repeats(heard, NOW_S)
    assert not gateways.repeats(heard._replace(distance_m=3.0), NOW_S)


def test_a_reading_told_again_with_its_old_time_is_a_duplicate() -> None:
    """room-assistant repeats every room's last reading in every update."""
    gateways = Gateways()
    told = HEARD._replace(at_s=NOW_S)
    first, again = hear(gateways, told, NOW_S), hear(gateways, told, NOW_S + 4.0)
    assert first is not None
    assert again is not None
    assert not gateways.repeats(told, first)
    assert gateways.repeats(told, again)


def test_a_gateway_that_claims_all_beacons_at_once_is_refused() -> None:
    """A receiver cannot hear more members than stand around it; the claim ends with the window."""
    gateways = Gateways(limits=Limits(beacons=50))
    claims = [HEARD._replace(beacon=f"mac:{number:012x}") for number in range(500)]
    hear(gateways, HEARD, NOW_S)
    verdicts = [gateways.repeats(claim, NOW_S + i / 500.0) for i, claim in enumerate(claims)]
    assert verdicts == [False] * 50 + [True] * 450
    assert gateways.repeats(claims[0], NOW_S + 2.0)
    assert view(gateways, "g1", NOW_S).refused["claims_too_many"] == 451
    assert not gateways.repeats(claims[0], NOW_S + 11.0)


def test_a_renamed_gateway_is_suspected_only_where_it_cannot_be_mistaken() -> None:
    """One listed gateway fell silent and one unlisted appeared: said, not assumed."""
    gateways = Gateways(listed=["shoes", "cafe"])
    for name in ("shoes", "cafe"):
        hear(gateways, HEARD._replace(gateway=name), NOW_S)
    for second in range(0, 200, 10):
        hear(gateways, HEARD._replace(gateway="cafe"), NOW_S + 1 + second)
        hear(gateways, HEARD._replace(gateway="shoes-new"), NOW_S + 1 + second)
    assert gateways.suspected_renames(NOW_S + 10) == []
    assert gateways.suspected_renames(NOW_S + 195) == [("shoes", "shoes-new")]
    hear(gateways, HEARD._replace(gateway="third"), NOW_S + 195)
    assert gateways.suspected_renames(NOW_S + 195) == []


def test_the_overview_tells_every_figure_and_no_beacon() -> None:
    """Worked by hand: one right and heard, one an hour behind, one never heard, one renamed."""
    gateways = Gateways(listed=["cafe", "door", "shoes"])
    gateways.report(GatewayReport("door", is_online=True, battery_percent=72.0), NOW_S)
    hear(gateways, HEARD._replace(gateway="shoes", at_s=NOW_S + 2.26), NOW_S)
    hear(gateways, HEARD._replace(gateway="shoes-2", at_s=NOW_S - 3_400), NOW_S + 200)
    gateways.report(GatewayReport("door", is_online=True), NOW_S + 200)
    seen = gateways.overview(NOW_S + 201)
    assert seen["states"] == {"never": 1, "online": 2, "silent": 1}
    assert seen["renamed"] == [{"from": "shoes", "to": "shoes-2"}]
    each = seen["each"]
    assert isinstance(each, dict)
    assert each["door"] == {
        "state": "online", "is_listed": True, "last_heard_age_s": 1.0, "battery_percent": 72.0,
        "clock_offset_s": None, "is_clock_wrong": False, "sightings": 0, "refused": {},
    }  # fmt: skip
    assert each["shoes"]["clock_offset_s"] == 2.3
    assert each["shoes-2"]["is_clock_wrong"]
    assert each["shoes-2"]["refused"] == {"unsettled_clock": 1}
    assert HEARD.beacon not in json.dumps(seen)


def test_gateways_held_are_bounded_and_listed_ones_stay() -> None:
    """Invented names push out each other, not the store's own, and only at a bounded pace."""
    limits = Limits(gateways=20, new_per_minute=600)
    gateways = Gateways(listed=["shoes"], limits=limits)
    for number in range(5_000):
        hear(gateways, HEARD._replace(gateway=f"x{number}"), NOW_S + number / 10.0)
    names = [each.gateway for each in gateways.health(NOW_S + 500)]
    assert len(names) == 20
    assert "shoes" in names
    assert "x4999" in names


def test_a_burst_of_invented_gateways_is_refused() -> None:
    """A flood cannot hide behind ever new names."""
    gateways = Gateways(listed=["shoes"])
    used = [hear(gateways, HEARD._replace(gateway=f"x{i}"), NOW_S) for i in range(1_000)]
    assert sum(at_s is not None for at_s in used) == 30
    assert gateways.refused_strangers == 970
    assert hear(gateways, HEARD._replace(gateway="shoes"), NOW_S) == NOW_S


def test_what_a_gateway_sent_in_vain_is_counted_by_reason() -> None:
    """A refusal of an unknown gateway is not kept: names from outside take no memory."""
    gateways = Gateways(listed=["shoes"])
    gateways.refuse("shoes", "bad_rssi")
    gateways.refuse("unheard", "bad_rssi")
    assert [(each.gateway, each.refused) for each in gateways.health(NOW_S)] == [
        ("shoes", {"bad_rssi": 1})
    ]


def test_memory_of_last_strengths_is_bounded() -> None:
    """A day of members does not add up."""
    gateways = Gateways(limits=Limits(remembered=100, beacons=10_000))
    hear(gateways, HEARD, NOW_S)
    for number in range(1_000):
        gateways.repeats(HEARD._replace(beacon=f"mac:{number:012x}"), NOW_S + number)
    assert len(gateways._last) == 100


@given(
    st.lists(st.tuples(st.floats(0, 50), st.one_of(st.none(), st.floats(-1e6, 1e6))), max_size=60)
)
def test_no_order_of_times_is_ever_taken_for_the_future(
    steps: list[tuple[float, float | None]],
) -> None:
    """Whatever a gateway says, a sighting counts at our now or before, within the bound of it."""
    gateways = Gateways()
    now_s = NOW_S
    for elapsed, offset in steps:
        now_s += elapsed
        at_s = hear(
            gateways, HEARD._replace(at_s=None if offset is None else now_s + offset), now_s
        )
        if at_s is not None:
            assert now_s - 2 * gateways.limits.clock_bound_s <= at_s <= now_s


@given(
    messages=st.lists(
        st.lists(
            st.tuples(
                st.sampled_from(["listed", "a", "b"]),
                st.none() | st.floats(-40.0, 20.0),
            ),
            max_size=6,
        ),
        max_size=12,
    ),
)
def test_a_message_is_heard_as_its_sightings_would_be_one_by_one(
    messages: list[list[tuple[str, float | None]]],
) -> None:
    """Whatever its gateways, times and floods: the same count, at the same second."""
    limits = Limits(rate_per_s=3.0, burst=8.0, new_per_minute=2, settle_s=2.0)
    whole, single = Gateways(["listed"], limits), Gateways(["listed"], limits)
    for second, message in enumerate(messages):
        now_s = NOW_S + second
        sightings = [
            HEARD._replace(gateway=name, at_s=None if off_s is None else now_s + off_s)
            for name, off_s in message
        ]
        apart = [(each, hear(single, each, now_s)) for each in sightings]
        taken = [(each, at_s) for each, at_s in apart if at_s is not None]
        assert whole.hear(sightings, now_s) == taken
    assert whole.overview(NOW_S + 20) == single.overview(NOW_S + 20)
    assert whole.refused_strangers == single.refused_strangers
