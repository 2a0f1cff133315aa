"""The work of the night: forget what is old, report what is unused, tell the day in totals.

Started with the box and driven by its clock. Every job runs once a store-local night, in turn; what
a power cut or a failure left undone is made up for. A job's failure is logged and counted and never
reaches the path; the totals run as a process of their own, with limits of their own.
"""

import asyncio
import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from edge.adapters.files.handed import sha256_of
from edge.adapters.sqlite.ledger import Ledger
from edge.adapters.sqlite.marks import Marks
from edge.adapters.sqlite.releases import Releases
from edge.adapters.sqlite.retention import fields_used, forget_old
from edge.core.errors import StammgastError, UnavailableError
from edge.core.moment import Moment
from edge.core.nightly import MAX_TRIES, RETRY_S, is_due, night_of, untold_days
from edge.settings import Settings

log = logging.getLogger("stammgast.night")

# How often the clock is looked at; a simulated night may pass in a second.
LOOK_S = 1.0
# A day's totals of 50,000 members take seconds; whatever takes longer is stuck.
TOTALS_TIMEOUT_S = 900.0
FIELDS_REPORT = "fields.json"
RECEIPTS = "receipts.csv.gz"


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do once a night; `run` gets the night's day ordinal and the moment."""

    name: str
    run: Callable[[int, float], Awaitable[None]]


@dataclass(slots=True)
class _Tries:
    """Failures of one night so far."""

    night: int
    failed: int = 0
    next_s: float = float("-inf")


class Night:
    """Runs jobs when they are due.

    Args:
        jobs: In the order in which they run.
        marks: Where it stands which night each ran for.
        moment: Puts UTC seconds into the store's calendar.
        now_s: The box's clock.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        marks: Marks,
        moment: Callable[[float], Moment],
        now_s: Callable[[], float],
    ) -> None:
        self._jobs, self._marks, self._moment, self._now_s = jobs, marks, moment, now_s
        self._tries: dict[str, _Tries] = {}
        self._last: dict[str, int] = {}
        self.counts: Counter[str] = Counter()

    async def watch(self) -> None:
        """Look at the clock and do what is due, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Do what is due now."""
        if self._now_s() <= 0:
            return  # a simulated clock that nobody has set yet
        for job in self._jobs:
            now_s = self._now_s()
            night = night_of(self._moment(now_s))
            if self._may_run(job.name, night, now_s):
                await self._run(job, night, now_s)

    def state(self) -> Mapping[str, object]:
        """Tell for `/healthz` which night each job ran for last."""
        return {job: date.fromordinal(night).isoformat() for job, night in self._last.items()}

    def _may_run(self, job: str, night: int, now_s: float) -> bool:
        last = self._last.get(job)
        if last is None:
            last = self._marks.last(job)
            if last is None:  # a new box has nothing to make up for
                last = night
                self._marks.set(job, night)
            self._last[job] = last
        if not is_due(night, last):
            return False
        tries = self._tries.get(job)
        return tries is None or tries.night != night or now_s >= tries.next_s

    async def _run(self, job: Job, night: int, now_s: float) -> None:
        try:
            await job.run(night, now_s)
        except Exception as error:  # a bug in the night's work must not end the store's day
            self.counts[f"{job.name}_failed"] += 1
            is_told = isinstance(error, StammgastError | OSError)  # others may speak of data
            detail = str(error) if is_told else type(error).__name__
            log.error("work of the night failed", extra={"part": job.name, "detail": detail})
            if not self._gives_up(job.name, night, now_s):
                return
        else:
            self.counts[job.name] += 1
        await asyncio.to_thread(self._marks.set, job.name, night)
        self._last[job.name] = night

    def _gives_up(self, job: str, night: int, now_s: float) -> bool:
        tries = self._tries.get(job)
        if tries is None or tries.night != night:
            tries = self._tries[job] = _Tries(night)
        tries.failed += 1
        tries.next_s = now_s + RETRY_S
        return tries.failed >= MAX_TRIES


def nights(
    settings: Settings,
    ledger: Ledger,
    moment: Callable[[float], Moment],
    now_s: Callable[[], float],
    config: Path | None,
) -> Night:
    """Return the night of a box: forget, read, report, and tell where `config` is known."""
    receipts = settings.store.files / RECEIPTS
    marks, jobs = Marks(ledger), [forgetting(ledger), reading(ledger, receipts), reporting(ledger)]
    if config is not None:
        out = settings.trust.totals or settings.store.data / "totals"
        is_simulated = settings.clock.kind == "simulated"
        jobs.append(telling(marks, ledger.directory, config, out, is_simulated=is_simulated))
    return Night(jobs, marks, moment, now_s)


def forgetting(ledger: Ledger) -> Job:
    """Delete what is old, or what no consent justifies any longer."""

    async def run(night: int, now_s: float) -> None:
        del night
        report = await asyncio.to_thread(forget_old, ledger, now_s)
        if report.refused:
            log.warning("nothing was deleted", extra={"part": "forget", "detail": report.refused})
        else:
            log.info("forgotten", extra={"part": "forget", "count": sum(report.deleted.values())})

    return Job("forget", run)


def reading(ledger: Ledger, path: Path) -> Job:
    """Read the chain's file of receipts for those who have allowed it since it was read last.

    Minutes of work with years of receipts, so it waits for the night; unchanged, it is a glance.
    """

    async def run(night: int, now_s: float) -> None:
        del night, now_s
        digest = await asyncio.to_thread(sha256_of, path)
        if digest:
            report = await asyncio.to_thread(ledger.import_receipts, path, digest)
            log.info("receipts were read", extra={"part": "receipts", "count": report.taken})

    return Job("receipts", run)


def reporting(ledger: Ledger) -> Job:
    """Write down which stored fields served nothing in 90 days."""

    async def run(night: int, now_s: float) -> None:
        del night
        uses = await asyncio.to_thread(fields_used, ledger, now_s)
        report = {
            "schema": "stammgast.fields.v1",
            "as_of": datetime.fromtimestamp(now_s, UTC).isoformat(),
            "fields": [
                {"field": u.field, "stored": u.stored, "uses": u.uses, "delete": u.is_proposed}
                for u in uses
            ],
        }
        path = ledger.directory / FIELDS_REPORT
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(report, indent=1), encoding="utf-8")
        fresh.replace(path)

    return Job("fields", run)


def telling(marks: Marks, directory: Path, config: Path, out: Path, *, is_simulated: bool) -> Job:
    """Tell every day that is over and untold in totals, each in a process of its own."""

    async def run(night: int, now_s: float) -> None:
        last = marks.last("told")
        for ordinal in untold_days(night, night - 2 if last is None else last):
            day = date.fromordinal(ordinal)
            if _is_lost(directory, day):
                log.warning(
                    "a day's totals were lost", extra={"part": "totals", "detail": f"{day}"}
                )
            else:
                await _tell_day(config, out, day, now_s if is_simulated else None)
            await asyncio.to_thread(marks.set, "told", ordinal)

    return Job("totals", run)


def _is_lost(directory: Path, day: date) -> bool:
    """Tell whether a day was charged and its run died: drawing again would spend it twice."""
    releases = Releases(directory)
    try:
        return releases.is_charged(day.isoformat()) and not releases.messages(day.isoformat())
    finally:
        releases.close()


async def _tell_day(config: Path, out: Path, day: date, now_s: float | None) -> None:
    """Run the command for a day.

    Raises:
        UnavailableError: It failed or took too long; says what it said.
    """
    command = [sys.executable, "-m", "edge", "aggregate", str(config)]
    command += ["--day", day.isoformat(), "--out", str(out), "--limited"]
    if now_s is not None:
        command += ["--now", datetime.fromtimestamp(now_s, UTC).isoformat()]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        _, said = await asyncio.wait_for(process.communicate(), TOTALS_TIMEOUT_S)
    except TimeoutError:
        raise UnavailableError(f"{day}: totals took more than {TOTALS_TIMEOUT_S:.0f} s") from None
    finally:
        if process.returncode is None:  # too slow, or the box stops: a day charged is then lost
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0:
        words = said.decode("utf-8", "replace").strip().splitlines()
        raise UnavailableError(f"{day}: {words[-1] if words else process.returncode}")
