"""What the chain hands over about its members: taken at the start and whenever the file changes.

The members file is the chain's downlink as long as there is no other: a changed one is taken in
while the box runs, a repeated one costs a glance, and an erasure declared in it comes before all
else. A broken one is reported, and what was taken before stays.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from edge.adapters.files.handed import read_members, sha256_of
from edge.adapters.sqlite.erasure import erase_declared
from edge.adapters.sqlite.imports import ImportReport
from edge.adapters.sqlite.ledger import Ledger
from edge.adapters.sqlite.resync import is_new, settle_members, stage_members, wanted
from edge.core.errors import ConfigError, UnavailableError

log = logging.getLogger("stammgast.downlink")

# How often the file is glanced at.
LOOK_S = 10.0
# Reading a whole file because somebody allowed something takes a second with 50,000 members.
WANTED_EVERY_S = 300.0


class Downlink:
    """Follows the members file of a store.

    Args:
        path: `members.json`; it may be missing.
        ledger: Of the box.
        now_s: The box's clock.
    """

    def __init__(self, path: Path, ledger: Ledger, now_s: Callable[[], float]) -> None:
        self._path, self._ledger, self._now_s = path, ledger, now_s
        self._signature: tuple[int, int] | None = None
        self._wanted_s = float("-inf")
        self.counts: Counter[str] = Counter()

    def begin(self) -> None:
        """Take the file before the box serves anybody; one that was taken before is left alone.

        Raises:
            ConfigError: The very first file is broken: a box without members is of no use.
        """
        try:
            self._signature = self._look()
            digest = sha256_of(self._path)
            if not digest or not is_new(self._ledger, "members", digest):
                return
            report, erased = self._stage(digest)
        except ConfigError as error:
            if self._ledger.consents().sizes()["members"] == 0:
                raise
            self._refuse(error)
            return
        self._settle(report, erased)

    async def watch(self, on_changed: Callable[[str], None]) -> None:
        """Follow the file while the box runs, until cancelled.

        Args:
            on_changed: Told of every person about whom something may have changed.
        """
        while True:
            await asyncio.sleep(LOOK_S)
            for person in await self.look():
                on_changed(person)

    async def look(self) -> frozenset[str]:
        """Take the file if it changed, or if somebody has allowed what it holds fields for.

        Returns:
            The pseudonyms about whom something may have changed.
        """
        now_s = self._now_s()
        try:
            signature = self._look()
        except ConfigError as error:
            self._refuse(error)
            return frozenset()
        if signature is None:
            return frozenset()
        is_changed = signature != self._signature
        if not is_changed and (now_s - self._wanted_s < WANTED_EVERY_S or not wanted(self._ledger)):
            return frozenset()
        self._signature, self._wanted_s = signature, now_s
        try:
            digest = await asyncio.to_thread(sha256_of, self._path)
            report, erased = await asyncio.to_thread(self._stage, digest)
        except (ConfigError, UnavailableError) as error:
            self._refuse(error)
            return frozenset()
        return self._settle(report, erased)

    def _stage(self, digest: str) -> tuple[ImportReport, list[str]]:
        """Read the file and write what it says; on any thread."""
        document, ids = read_members(self._path)
        now_s = self._now_s()
        erased = erase_declared(self._ledger, ids, now_s)  # before anybody is taken in
        return stage_members(self._ledger, document, now_s, digest), erased

    def _settle(self, report: ImportReport, erased: list[str]) -> frozenset[str]:
        for person in erased:
            self._ledger.forget(person)
        touched = settle_members(self._ledger, report, self._now_s())
        self.counts["members"] += report.members
        self.counts["erased"] += len(erased)
        self.counts["left_out_erased"] += report.erased
        for reason, count in (report.dropped + report.rejected).items():
            self.counts[f"dropped_{reason}"] += count
        log.info("members were taken in", extra={"part": "downlink", "count": report.members})
        return touched | frozenset(erased)

    def _refuse(self, error: Exception) -> None:
        self.counts["refused"] += 1
        log.error("the members file was refused", extra={"part": "downlink", "detail": str(error)})

    def _look(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError([f"{self._path}: cannot be read: {error.strerror}"]) from error
        return found.st_size, found.st_mtime_ns
