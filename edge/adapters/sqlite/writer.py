"""The one thread that writes: it commits in groups and says so only when the group is on disk.

The path never waits for a disk: it leaves a unit of records here and goes on. What lands in one
group is whatever came while the last one was being synced.

A full or slow disk fills the queue, and then what comes from outside is refused before anything is
done about it: its sender repeats it. What the path itself has to say about the people in the store
(a visit begins, a zone is entered, a card is decided or recalled) nobody repeats, and a refusal in
the middle of it would leave the path half way. So a part of the queue is kept free for it, and when
that is full too, as in a long outage with guests in the store, it is dropped and counted: what was
shown stays shown, only its record is lost.
"""

import logging
import queue
import random
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar

from sqlite_utils import Database

from edge.core.errors import UnavailableError
from edge.core.records import Record, Telemetry

log = logging.getLogger(__name__)
T = TypeVar("T")

# Units that may wait: so many before what can be repeated is refused, and so many more for what
# cannot. The most that one message brings about is a few for each guest, of some hundred guests.
CAPACITY, RESERVE = 15_000, 5_000
# Units in one transaction; more would make the first of them wait.
GROUP = 512
# A group gathers for so long, unless there is enough of it: the thread that decides must not share
# the interpreter with this one before its frame is out. Half a broker's in-flight window is enough.
GATHER_S = 0.005
ENOUGH = 10
# Waits after a disk error, doubled with jitter between these.
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.05, 5.0
# How long a stop waits for a disk.
_CLOSE_S = 10.0
# Errors of the disk, not of the statement: trying again may help.
_MAY_PASS = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOMEM,
    }
)


@dataclass(frozen=True, slots=True)
class Unit:
    """Records that are written together or not at all.

    Attributes:
        on_durable: Called when they are on disk, or when it is sure that they never can be. Whoever
            wants to know can repeat what they came from; without it they are the path's own.
    """

    records: tuple[Record, ...]
    on_durable: Callable[[], None] | None = None

    @property
    def is_telemetry(self) -> bool:
        """Tell whether a power cut may take all of it."""
        return all(isinstance(record, Telemetry) for record in self.records)


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """Work that needs the writing connections for itself, outside of any transaction."""

    work: Callable[[], object]
    done: Future[object] = field(default_factory=Future)


class Writer:
    """Owns both writing connections.

    Args:
        ledger: Synced at every commit.
        telemetry: Not synced.
        write: Writes one record through the connection that belongs to it; called inside a
            transaction of that connection.
        on_failed: Told of a unit that was not written, so that its message may be taken again.
        capacity: Units that may wait before there is no more room for what can be repeated.
        reserve: Units that may wait beyond it.
        is_in_step: Every unit is on disk when `append` returns, so that what is read next does not
            depend on how fast the disk is: for replays.
    """

    def __init__(
        self,
        ledger: Database,
        telemetry: Database,
        write: Callable[[Record], None],
        on_failed: Callable[[Unit], None],
        capacity: int = CAPACITY,
        reserve: int = RESERVE,
        *,
        is_in_step: bool = False,
    ) -> None:
        self._ledger, self._telemetry, self._write = ledger, telemetry, write
        self._on_failed = on_failed
        self._waiting: queue.Queue[Unit | _Job | None] = queue.Queue()
        self._capacity, self._reserve = capacity, reserve
        self._is_in_step = is_in_step
        self._stop = threading.Event()
        self.counts: Counter[str] = Counter()
        self.is_well = True
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    # -- from any thread

    def require_room(self) -> None:
        """Make sure, before anything is done, that a unit will be taken until the next such call.

        Raises:
            UnavailableError: The disk is behind. Do nothing about what came, and do not acknowledge
                it; the sender will repeat it.
        """
        if self._waiting.qsize() >= self._capacity or not self._thread.is_alive():
            self.counts["refused"] += 1
            raise UnavailableError("the disk is behind: nothing more is taken for now")

    def append(self, unit: Unit) -> None:
        """Leave a unit for writing; never waits, unless the writer is to keep in step.

        After `require_room` one unit that somebody waits for is always taken, whatever the path
        has left here since: its own units end one below the bound of this one.

        Raises:
            UnavailableError: Even the reserve is used up, and somebody waits for the unit; one that
                nobody waits for is dropped and counted.
        """
        if self._is_in_step:
            self.call(lambda: self._commit([unit]))
            return
        beyond = self._waiting.qsize() - self._capacity - self._reserve
        if self._thread.is_alive() and (beyond < 0 or (beyond == 0 and unit.on_durable)):
            self._waiting.put_nowait(unit)
        elif unit.on_durable is not None:
            self.counts["refused"] += 1
            raise UnavailableError("the disk is behind: nothing more is taken for now")
        else:
            self.counts["telemetry_dropped" if unit.is_telemetry else "path_dropped"] += 1
            self._on_failed(unit)

    def call(self, work: Callable[[], T], timeout_s: float | None = None) -> T:
        """Run work on the writer's thread, after all units left before, and return its result."""
        job = _Job(work)
        self._waiting.put(job)
        return job.done.result(timeout_s)  # type: ignore[return-value]

    def flush(self, timeout_s: float | None = None) -> None:
        """Wait until everything left so far is on disk."""
        self.call(lambda: None, timeout_s)

    def waiting(self) -> int:
        """Return how many units wait."""
        return self._waiting.qsize()

    def close(self) -> None:
        """Write what waits and end the thread."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join(_CLOSE_S)
            self._stop.set()  # a disk that still refuses must not keep the box from stopping
            self._thread.join()

    # -- on the writer's thread

    def _run(self) -> None:
        is_open = True
        try:
            while is_open:
                units, then = self._next_group()
                if units:
                    self._commit(units)
                if isinstance(then, _Job):
                    self._run_job(then)
                is_open = then is not _END
        finally:
            self.is_well = False

    def _next_group(self) -> "tuple[list[Unit], _Job | object | None]":
        """Take what waits, up to the first job: units keep their order around it."""
        units: list[Unit] = []
        while len(units) < GROUP:
            try:
                one = self._waiting.get(block=not units)
            except queue.Empty:
                break
            if one is None:
                return units, _END
            if isinstance(one, _Job):
                return units, one
            units.append(one)
            if len(units) == 1 and self._waiting.qsize() < ENOUGH:
                self._stop.wait(GATHER_S)
        return units, None

    def _commit(self, units: Sequence[Unit]) -> None:
        for db, mine in (
            (self._ledger, [unit for unit in units if not unit.is_telemetry]),
            (self._telemetry, [unit for unit in units if unit.is_telemetry]),
        ):
            if mine:
                self._commit_group(db, mine)

    def _commit_group(self, db: Database, units: Sequence[Unit]) -> None:
        try:
            self._persistently(lambda: self._write_group(db, units))
        except Exception as error:
            if len(units) == 1:
                self._give_up(units[0], error)
                return
            for unit in units:  # one of them is at fault: the others must not go down with it
                self._commit_group(db, [unit])
            return
        self.counts["units"] += len(units)
        self.counts["commits"] += 1
        for unit in units:
            self._tell(unit)

    def _give_up(self, unit: Unit, error: Exception) -> None:
        """Leave a unit out that cannot be written, and let whoever waits for it go on.

        A broker sends only so many messages ahead of their acknowledgements (Mosquitto: 20). One
        that no disk will ever take would hold its place for ever, and twenty would close the box's
        ear. What the disk alone refused until the box stopped is left for the next start.
        """
        self.counts["failed"] += 1
        kinds = sorted({type(record).__name__ for record in unit.records})
        detail = f"{', '.join(kinds)}: {type(error).__name__}"
        log.error("a unit cannot be written", extra={"part": "writer", "detail": detail})
        self._on_failed(unit)
        if not _may_pass(error):
            self._tell(unit)

    def _tell(self, unit: Unit) -> None:
        try:
            if unit.on_durable is not None:
                unit.on_durable()
        except Exception as error:  # a caller's bug must not end the only thread that writes
            self.counts["callback_failed"] += 1
            log.error(
                "a caller's on_durable failed",
                extra={"part": "writer", "detail": type(error).__name__},
            )

    def _write_group(self, db: Database, units: Sequence[Unit]) -> None:
        with db.atomic():
            for unit in units:
                for record in unit.records:
                    self._write(record)

    def _persistently(self, work: Callable[[], None]) -> None:
        """Repeat work that the disk refuses; everything else is the caller's error."""
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                work()
            except sqlite3.OperationalError as error:
                if self._stop.is_set() or not _may_pass(error):
                    raise
                if self.is_well:
                    log.error(
                        "the disk refuses writes; trying again",
                        extra={"part": "writer", "detail": error.sqlite_errorname},
                    )
                self.is_well = False
                self.counts["disk_errors"] += 1
                self._stop.wait(wait_s * random.uniform(0.5, 1.0))  # noqa: S311  # jitter
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
            else:
                self.is_well = True
                return

    def _run_job(self, job: _Job) -> None:
        try:
            job.done.set_result(job.work())
        except BaseException as error:  # whoever waits for the job gets it
            job.done.set_exception(error)


def _may_pass(error: Exception) -> bool:
    """Tell whether an error is the disk's, so that trying again may help."""
    return (
        isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF in _MAY_PASS
    )


_END = object()
