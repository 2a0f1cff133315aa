"""Every gateway form into the running box; and what of it reaches the disk: transitions only."""

import json
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from edge.adapters.clock import SimulatedClock
from edge.adapters.mqtt.gateways import every_family
from edge.core.sightings import Refusal, Sighting
from edge.settings import GatewaysSection
from tests.adapters.test_gateways_formats import (
    BINARY,
    CASES,
    DROPS,
    NOT_SUBSCRIBED,
    topic_and_payload,
    wanted,
)
from tests.conftest import Mosquitto, wait_until
from tests.world import BEACON, RunningBox, configure, rfc3339, running, write_store

UUID = BEACON.removeprefix("iBeacon:")[:36].lower()


@pytest.fixture
def every_gateway(
    tmp_path: Path, store: Path, bundle: Path, mosquitto: Mosquitto
) -> Iterator[RunningBox]:
    """A box that hears every family."""
    settings = configure(tmp_path, store, bundle, mosquitto.port)
    families = {name: list(filters) for name, filters in every_family().items()}
    settings = settings.model_copy(update={"gateways": GatewaysSection(families=families)})
    with running(settings) as box:
        yield box


def test_every_form_becomes_its_sighting_or_its_counted_drop(every_gateway: RunningBox) -> None:
    """S1 to S33 over a real Mosquitto into the box: what the path hears, or which drop counts."""
    box = every_gateway
    heard: list[Sighting] = []
    reported: list[object] = []
    hear, report = box.box.path.hear, box.box._hear_report

    def noting(sightings: Sequence[Sighting], now_s: float) -> None:
        heard.extend(sightings)
        hear(sightings, now_s)

    def noting_report(said: Any, now_s: float) -> None:
        reported.append(said)
        report(said, now_s)

    box.box.path.hear = noting  # type: ignore[method-assign]
    box.box._hear_report = noting_report  # type: ignore[method-assign,assignment]
    for name in [*CASES, *BINARY, *DROPS]:
        if name in NOT_SUBSCRIBED:
            continue
        heard.clear()
        reported.clear()
        dropped = box.box.dropped.copy()
        topic, payload = topic_and_payload(name)
        expected = wanted(name)
        taken = box.box.messages["gateway"]
        box.publish(topic, payload, qos=1)
        wait_until(lambda: box.box.messages["gateway"] > taken, f"the message of {name}")  # noqa: B023
        if isinstance(expected, str):
            reason = expected
            wait_until(lambda: box.box.dropped[reason] > dropped[reason], f"{name}: {reason}")  # noqa: B023
            continue
        sightings = [each for each in expected if isinstance(each, Sighting)]
        others = [each for each in expected if not isinstance(each, Sighting)]
        wait_until(
            lambda: len(heard) == len(sightings) and len(reported) == len(others),  # noqa: B023
            f"{name}: {expected}",
        )
        assert heard == sightings, name
        assert reported == others, name
        for refusal in (each for each in others if isinstance(each, Refusal)):
            assert box.box.dropped[refusal.reason] > dropped[refusal.reason], name
    online = [each for each in box.box.gateways.health(time.time()) if each.state == "online"]
    assert online, "at least one gateway said that it lives"


MARK = 0.0713377317


def test_never_a_track_on_disk(box: RunningBox, tmp_path: Path) -> None:
    """Hundreds of sightings in two zones: every file holds transitions, no strength, no beacon.

    The mark in each strength and distance is long: four digits stand in any file by chance.
    """
    for zone in ("women", "shoes"):
        for n in range(150):
            payload = {
                "mac": "5a3f1c9d0e42", "id": f"iBeacon:{UUID}-100-1", "rssi@1m": -59,
                "rssi": -57.0 - (n % 5) - MARK, "rxAdj": 0, "distance": 1 + MARK, "int": 500,
            }  # fmt: skip
            topic = f"espresense/devices/iBeacon:{UUID}-100-1/{zone}-1"
            box.publish(topic, json.dumps(payload), qos=0)
            time.sleep(0.02)
    wait_until(lambda: box.box.path.guests, "the visit")
    box.box.ledger.flush()
    rows = box.call(
        lambda: list(box.box.ledger.telemetry.execute("SELECT zone FROM zone_changes").fetchall())
    )
    assert 1 <= len(rows) <= 4, rows
    assert "women" in {zone for (zone,) in rows}
    files = [p for p in (tmp_path / "data").rglob("*") if p.is_file()]
    assert files
    for path in files:
        content = path.read_bytes()
        for trace in (b"0713377317", UUID.encode(), UUID.replace("-", "").encode(), b"women-1"):
            assert trace not in content, (path.name, trace)


NOW_S = 1_790_000_000.0


@pytest.fixture
def timed(tmp_path: Path, bundle: Path, mosquitto: Mosquitto) -> Iterator[RunningBox]:
    """A box on simulated time that hears Minew gateways, which tell their own time."""
    store = write_store(tmp_path / "store", NOW_S)
    settings = configure(tmp_path, store, bundle, mosquitto.port, clock='{kind = "simulated"}')
    with running(settings, SimulatedClock()) as box:
        pass_time(box, NOW_S)
        yield box


def pass_time(box: RunningBox, now_s: float) -> None:
    box.event("tick", "tick", {"now": rfc3339(now_s)})
    wait_until(lambda: box.box.clock.now_s() == now_s, "the clock")


def tell(box: RunningBox, gateway: str, *readings: tuple[str, float]) -> None:
    """Have a Minew gateway send iBeacons: (minor number's beacon, its own time)."""
    taken = box.box.messages["gateway"]
    batch = [
        {"timestamp": rfc3339(at_s), "type": "iBeacon", "mac": "C1C2C3C4C5C6", "rssi": -60,
         "ibeaconUuid": UUID.replace("-", "").upper(), "ibeaconMajor": 100,
         "ibeaconMinor": int(minor), "ibeaconTxPower": -59, "battery": 0}
        for minor, at_s in readings
    ]  # fmt: skip
    box.publish(f"/gw/{gateway}/status", json.dumps(batch), qos=0)
    wait_until(lambda: box.box.messages["gateway"] == taken + 1, "the gateway's message")


def seen(box: RunningBox, gateway: str) -> dict[str, Any]:
    """Return what the health page says of a gateway."""
    with urllib.request.urlopen(f"{box.address}healthz", timeout=5) as page:
        figures: dict[str, Any] = json.load(page)["parts"]["gateways"]["each"][gateway]
    return figures


def guests(box: RunningBox) -> int:
    count: int = box.call(lambda: len(box.box.path.guests))
    return count


def test_a_gateway_with_a_wrong_clock_is_named_and_its_word_taken_at_receipt(
    timed: RunningBox,
) -> None:
    """An hour behind: not believed for half a minute, then used, and said to be wrong."""
    for second in range(0, 31, 10):
        pass_time(timed, NOW_S + second)
        assert guests(timed) == 0
        tell(timed, "women-1", ("1", NOW_S + second - 3_600))
    figures = seen(timed, "women-1")
    assert figures["is_clock_wrong"]
    assert figures["clock_offset_s"] == -3_600.0
    assert figures["refused"]["unsettled_clock"] == 3
    assert guests(timed) == 1
    assert 'gateway_clock_wrong{gateway="women-1"} 1.0' in timed.metrics()


def test_a_gateway_that_replays_an_hour_brings_nobody_in(timed: RunningBox) -> None:
    """Known to be right, it sends a lost hour again: refused whole, and it goes on."""
    tell(timed, "women-1", ("7", NOW_S))  # a stranger, so that its clock is known
    tell(timed, "women-1", *(("1", NOW_S - 3_600 + 36 * n) for n in range(99)))
    assert guests(timed) == 0
    assert seen(timed, "women-1")["refused"]["stale"] == 99
    pass_time(timed, NOW_S + 1)
    tell(timed, "women-1", ("1", NOW_S + 1))
    assert guests(timed) == 1


def test_a_renamed_gateway_is_suspected_on_the_health_page(timed: RunningBox) -> None:
    """The listed name fell silent, an unlisted one speaks: said, and no zone is made of it."""
    tell(timed, "women-1", ("7", NOW_S))
    pass_time(timed, NOW_S + 130)
    tell(timed, "women-1b", ("7", NOW_S + 130))
    with urllib.request.urlopen(f"{timed.address}healthz", timeout=5) as page:
        gateways = json.load(page)["parts"]["gateways"]
    assert gateways["renamed"] == [{"from": "women-1", "to": "women-1b"}]
    assert not gateways["each"]["women-1b"]["is_listed"]
