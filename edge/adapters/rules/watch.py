"""Rule files that go live while the box runs: looked at twice a second, swapped whole or not.

A file with an error keeps the last good orders; the problems are kept for the page and the health
check. So does a class table that would silence somebody whom the last good one did not, until the
file says that this is meant; at a start, where there is no last good one, it is a warning. Made on
a thread, so that a large file does not hold up the path. Leaves out what the path does with a new
playbook (`live` gets it).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge.adapters.rules.reading import Source, read_orders, sources_in
from edge.core.catalog import Catalog
from edge.core.errors import ConfigError
from edge.core.playbook import Orders, Playbook
from edge.core.review import conflicts, silences, unknown, warnings

POLL_S = 0.4
"""Twice within the second in which a change is to be live; polling needs no library and works on
every file system a store box may have."""

_CONFIRM = "if this is meant, write may_silence = true above the first table"

Stamp = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class RulesState:
    """How the rule files stand.

    Attributes:
        playbook: The last good one.
        problems: Why the newest files are not live; empty where they are.
        warnings: Contradictions and second thoughts about the live ones.
        loads: How often a new playbook went live.
        sources: The files as they were read for it.
    """

    playbook: Playbook
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    loads: int = 0
    sources: tuple[Source, ...] = ()


class RuleFiles:
    """The rule files of a box.

    Args:
        path: A file, a folder with `chain.toml` and `store.toml`, or None for the defaults.
        catalog: What the rules are laid over.
        author: Stands where a file names none.
        base: What holds where no file says otherwise.
    """

    def __init__(
        self,
        path: Path | None,
        catalog: Catalog,
        author: str = "configuration",
        base: Orders | None = None,
    ) -> None:
        self._path = path
        self._catalog = catalog
        self._author = author
        self._base = base
        self._stamp: Stamp = ()
        self.state = RulesState(Playbook(catalog, base))

    def load(self) -> RulesState:
        """Read the files for the first time.

        Raises:
            ConfigError: There is no last good one yet, so a bad file stops the start.
        """
        self._stamp = _stamp(self._sources())
        self.state = self._read()
        return self.state

    def refresh(self) -> bool:
        """Look whether the files changed and take them if they are good.

        Returns:
            True where a new playbook is live.
        """
        stamp = _stamp(self._sources())
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            fresh = self._read()
            if held := self.held_back(fresh.playbook):
                raise ConfigError(list(held))
        except ConfigError as error:
            self.state = replace(self.state, problems=tuple(error.problems))
            return False
        self.state = replace(fresh, loads=self.state.loads + 1)
        return True

    def held_back(self, playbook: Playbook) -> tuple[str, ...]:
        """Return whom orders would newly leave with nothing, unless their file confirms it."""
        if playbook.orders.may_silence:
            return ()
        known = silences(self.state.playbook)
        return tuple(f"{told}; {_CONFIRM}" for told in silences(playbook) if told not in known)

    async def watch(self, live: Callable[[RulesState], None], poll_s: float = POLL_S) -> None:
        """Look again and again; call `live` on the loop when something changed, good or bad."""
        while True:
            await asyncio.sleep(poll_s)
            before = self.state
            await asyncio.to_thread(self.refresh)
            if self.state is not before:
                live(self.state)

    def _sources(self) -> Sequence[Source]:
        return () if self._path is None else sources_in(self._path)

    def put(self, sources: Sequence[Source]) -> RulesState:
        """Put files in force that were read before, as a replay does.

        Raises:
            ConfigError: They were never good.
        """
        playbook = Playbook(self._catalog, read_orders(sources, self._author, self._base))
        self.state = RulesState(playbook, (), notes_of(playbook), 0, tuple(sources))
        return self.state

    def _read(self) -> RulesState:
        sources = tuple(_with_text(source) for source in self._sources())
        playbook = Playbook(self._catalog, read_orders(sources, self._author, self._base))
        return RulesState(playbook, (), notes_of(playbook), 0, sources)


def _with_text(source: Source) -> Source:
    """Read a file once, so that what is checked is what is kept; the reader reports a bad one."""
    try:
        return replace(source, text=source.path.read_bytes())
    except OSError:
        return source


def notes_of(playbook: Playbook) -> tuple[str, ...]:
    """Return contradictions, targets that mean nothing, and what deserves a second thought."""
    told = [str(conflict) for conflict in conflicts(playbook)]
    return (*told, *unknown(playbook), *warnings(playbook))


def _stamp(sources: Sequence[Source]) -> Stamp:
    """Return what changes when a file does: time, size and inode (an editor may replace it)."""
    found = []
    for source in sources:
        try:
            status = source.path.stat()
        except OSError:
            found.append((str(source.path), 0, 0, 0))
            continue
        found.append((str(source.path), status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(found)
