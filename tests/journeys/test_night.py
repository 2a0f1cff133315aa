"""The night of a running box, by its own clock: done once, made up for, and never in the way."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edge.adapters.clock import SimulatedClock
from edge.adapters.sqlite.ledger import Ledger
from edge.adapters.sqlite.marks import Marks
from edge.adapters.sqlite.releases import Releases
from edge.core.errors import UnavailableError
from edge.core.moment import Moment
from edge.night import FIELDS_REPORT, Job, Night, telling
from tests.attacks.attack import box as small_box
from tests.conftest import Mosquitto, wait_until
from tests.world import ANNA, RunningBox, configure, running, write_store

BERLIN = ZoneInfo("Europe/Berlin")
JOBS = ("forget", "receipts", "fields", "totals")


def at_s(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


def moment(now_s: float) -> Moment:
    return Moment.of(datetime.fromtimestamp(now_s, BERLIN))


def told(folder: Path) -> list[str]:
    return sorted(path.stem for path in (folder / "data/totals/upstream").glob("*.json"))


def done(box: RunningBox, night: str) -> Callable[[], bool]:
    """Return whether every job has run for a night."""
    return lambda: box.box.night.state() == dict.fromkeys(JOBS, night)


def test_a_box_does_its_night_once_and_makes_up_for_a_power_cut(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """Ticks pass three o'clock; then the box is off for two days and comes back at noon."""
    monday_s = at_s("2026-03-09T10:00")
    store = write_store(tmp_path / "store", monday_s)
    settings = configure(tmp_path, store, None, mosquitto.port, clock='{kind = "simulated"}')
    clock, config = SimulatedClock(), tmp_path / "box.toml"
    clock.tick(monday_s)
    with running(settings, clock, config) as box:
        wait_until(done(box, "2026-03-09"), "a new box to have nothing to make up for")
        assert told(tmp_path) == []
        box.call(lambda: clock.tick(at_s("2026-03-10T03:00")))
        wait_until(done(box, "2026-03-10"), "the night's work", 60)
        assert box.box.night.counts == dict.fromkeys(JOBS, 1)
        assert told(tmp_path) == ["2026-03-09"]
        report = json.loads((tmp_path / "data" / FIELDS_REPORT).read_text())
        assert {"field", "stored", "uses", "delete"} == set(report["fields"][0])
        assert 'stammgast_nights_total{job="totals"} 1.0' in box.metrics()
    before = (tmp_path / "data/totals/upstream/2026-03-09.json").read_bytes()
    clock.tick(at_s("2026-03-12T12:00"))
    with running(settings, clock, config) as box:
        wait_until(done(box, "2026-03-12"), "what the power cut left undone", 60)
        assert box.box.night.counts == dict.fromkeys(JOBS, 1), "once, not once for every night"
        assert told(tmp_path) == ["2026-03-09", "2026-03-10", "2026-03-11"]
        assert (tmp_path / "data/totals/upstream/2026-03-09.json").read_bytes() == before
    releases = Releases(tmp_path / "data")
    assert releases.totals()[0] == 3
    releases.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return small_box(tmp_path)


class Failing:
    """A job that fails so often and then works."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.failures, self.error, self.ran = failures, error, list[float]()

    async def run(self, night: int, now_s: float) -> None:
        del night
        self.ran.append(now_s)
        if len(self.ran) <= self.failures:
            raise self.error


@pytest.mark.parametrize(
    ("failures", "hours_run"),
    [
        pytest.param(0, [0], id="once"),
        pytest.param(1, [0, 1], id="again after an hour"),
        pytest.param(9, [0, 1, 2], id="three times, then the next night"),
    ],
)
@pytest.mark.parametrize("error", [UnavailableError("the disk is full"), IndexError("a bug")])
async def test_a_failed_job_is_tried_again(
    ledger: Ledger, failures: int, hours_run: list[int], error: Exception
) -> None:
    """Whatever it failed of, the other jobs and the box go on."""
    begin_s, now = at_s("2026-03-10T03:00"), [at_s("2026-03-09T12:00")]
    job, after = Failing(failures, error), Failing(0, error)
    jobs = [Job("one", job.run), Job("two", after.run)]
    night = Night(jobs, Marks(ledger), moment, lambda: now[0])
    await night.look()
    for minute in range(-60, 600, 10):
        now[0] = begin_s + 60 * minute
        await night.look()
    assert job.ran == [begin_s + 3_600 * hour for hour in hours_run]
    assert after.ran == [begin_s], "another job's failure is none of its business"
    ledger.close()


async def test_a_mark_on_disk_outlives_the_box(ledger: Ledger) -> None:
    """Another box on the same files does not repeat the night."""
    now, job = [at_s("2026-03-09T12:00")], Failing(0, UnavailableError("the disk is full"))
    for _ in range(3):
        await Night([Job("one", job.run)], Marks(ledger), moment, lambda: now[0]).look()
        now[0] = at_s("2026-03-10T03:00") + len(job.ran)
    assert len(job.ran) == 1
    ledger.close()


async def test_a_clock_that_nobody_set_makes_no_night(ledger: Ledger) -> None:
    """A simulated clock stands at zero until its first tick."""
    job = Failing(0, UnavailableError("never"))
    await Night([Job("one", job.run)], Marks(ledger), moment, lambda: 0.0).look()
    assert Marks(ledger).last("one") is None
    ledger.close()


async def test_a_day_that_was_charged_and_lost_does_not_hold_up_the_others(
    ledger: Ledger, tmp_path: Path
) -> None:
    """A run that died after the budget was charged: that day stays untold, the next one is told."""
    night = at_s("2026-03-10T03:00")
    releases = Releases(ledger.directory)
    with pytest.raises(ZeroDivisionError):
        releases.once("2026-03-09", 0.0, 1.0, 1.0, lambda: [1 // 0])  # type: ignore[list-item]
    releases.close()
    marks = Marks(ledger)
    job = telling(
        marks, ledger.directory, tmp_path / "no.toml", tmp_path / "out", is_simulated=True
    )
    await job.run(moment(night).day, night)
    assert marks.last("told") == moment(night).day - 1
    with pytest.raises(UnavailableError, match=r"no such file"):
        await job.run(moment(night).day + 1, night + 86_400)
    ledger.close()


async def test_a_box_that_stops_ends_the_process_it_started(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The totals are told on another day; nobody is left running."""
    started: list[asyncio.subprocess.Process] = []
    begin = asyncio.create_subprocess_exec

    async def noted(*command: str, **options: object) -> asyncio.subprocess.Process:
        del command, options
        started.append(await begin("sleep", "60"))
        return started[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    job = telling(
        Marks(ledger), ledger.directory, tmp_path / "b", tmp_path / "o", is_simulated=True
    )
    telling_now = asyncio.ensure_future(job.run(moment(at_s("2026-03-10T03:00")).day, 1.0))
    while not started:
        await asyncio.sleep(0.01)
    telling_now.cancel()
    with pytest.raises(asyncio.CancelledError):
        await telling_now
    assert started[0].returncode is not None
    ledger.close()


def test_a_stop_keeps_what_was_counted(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Fields that served today are written down when the box stops, not only at night."""
    settings = configure(tmp_path, write_store(tmp_path / "store"), None, mosquitto.port)
    with running(settings) as box:
        box.check_in(ANNA)
        wait_until(lambda: box.count("decisions"), "a decision that read her profile")
    with sqlite3.connect(tmp_path / "data" / "ledger.db") as db:
        served = dict(db.execute("SELECT field, uses FROM field_uses").fetchall())
    assert served["purchases"] >= 1
