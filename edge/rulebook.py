"""The rules of people on this box: the file, what it means, and how a change goes live.

The file lives outside the box's own folder and is edited by hand or on the page; both ways end in
the same check. A change is tried on the decisions of the last day first, as the ledger has them.
Decides nothing about guests: `live` hands a new playbook to the path.
"""

import asyncio
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from operator import attrgetter
from pathlib import Path

import numpy as np

from edge.adapters.http.ports import ClassLine, Draft, MatrixLine, RuleLine, RuleSheet
from edge.adapters.rules.reading import Source, read_orders, sources_in
from edge.adapters.rules.watch import RuleFiles, RulesState, notes_of
from edge.core.cap_rules import Impression
from edge.core.catalog import Catalog, Stock, Text
from edge.core.classes import specificity
from edge.core.errors import ConfigError, UnavailableError
from edge.core.moment import Moment
from edge.core.off_policy import Conclusion
from edge.core.playbook import Orders, Playbook
from edge.core.policy_log import PolicyLog, policy_log
from edge.core.preview import Model, Past, Preview, Stage, preview
from edge.core.review import hygiene
from edge.core.rules import Level, RuleKind

PREVIEW_S = 36 * 3_600.0
"""Yesterday and today so far."""
MAX_DECISIONS = 500
"""Decisions that a trial looks at, of visitors drawn by lot: two seconds beside the event loop,
four where the model must be asked about all of them (12,000 products, a busy machine)."""


@dataclass(frozen=True, slots=True)
class Archive:
    """What rules are tried on; asked by another thread than the box's.

    Attributes:
        past: Decisions since a UTC second, at most so many, with what may be read of each visitor.
        shown: Every impression that the store's totals may count; True: with those of long ago.
        stock: Of now.
        model: Scores what other rules let in.
    """

    past: Callable[[float, int], Sequence[Past]]
    shown: Callable[[bool], Sequence[Impression]]
    stock: Stock
    model: Model


class Rulebook:
    """The rule files of a box.

    Args:
        path: A file, a folder with `chain.toml` and `store.toml`, or None for the defaults.
        catalog: What the rules are laid over.
        moment: Puts UTC seconds into the store's calendar.
        now_s: The box's time.
        base: What holds where no file says otherwise.
    """

    def __init__(
        self,
        path: Path | None,
        catalog: Catalog,
        moment: Callable[[float], Moment],
        now_s: Callable[[], float],
        base: Orders | None = None,
    ) -> None:
        self._path = path
        self._catalog = catalog
        self._moment = moment
        self._now_s = now_s
        self._base = base
        self._files = RuleFiles(path, catalog, base=base)
        self.live: Callable[[Playbook], None] = lambda _: None
        self.archive: Archive | None = None
        self._files.load()

    @property
    def state(self) -> RulesState:
        """How the rule files stand."""
        return self._files.state

    def written(self) -> bytes:
        """Return the files in force as one text, for a recording."""
        files = [
            (source.level.value, source.path.name, (source.text or b"").decode())
            for source in self.state.sources
        ]
        return json.dumps(files, ensure_ascii=False).encode()

    def put(self, written: bytes) -> None:
        """Put in force what `written` returned.

        Raises:
            ConfigError: It is no such text.
        """
        try:
            files = [
                (Level(level), Path(name), text.encode())
                for level, name, text in json.loads(written)
            ]
        except (ValueError, TypeError, AttributeError) as error:
            raise ConfigError([f"recorded rules cannot be read: {error}"]) from error
        self._take(self._files.put([Source(path, level, text) for level, path, text in files]))

    async def watch(self) -> None:
        """Follow the files while the box runs."""
        await self._files.watch(self._take)

    def _take(self, state: RulesState) -> None:
        self.live(state.playbook)

    # -- the page ----------------------------------------------------------------------------

    def sheet(self) -> RuleSheet:
        """Return the rules in force."""
        state = self.state
        today = self._moment(self._now_s()).day
        lines = tuple(
            RuleLine(
                rule,
                int(state.playbook.rules.targets(at).sum()),
                (rule.from_day or 0) <= today <= (rule.to_day or date.max.toordinal()),
            )
            for at, rule in enumerate(state.playbook.rules.rules)
        )
        gaps = tuple(str(gap) for gap in hygiene(self._catalog))
        notes = (*state.problems, *state.warnings, *gaps)
        matrix, classes = _matrix(state.playbook), _classes(state.playbook)
        given = _given(state.playbook, today)
        targets = {t for line in lines for r in (line.rule,) for t in (*r.targets, *r.to, *r.never)}
        targets |= {line.row.group for line in matrix} | {line.target for line in classes}
        targets |= {target for bought, to in given.items() for target in (bought, *to)}
        names = _target_names(self._catalog, targets)
        version, text = state.playbook.version, self._text()
        return RuleSheet(version, text, lines, notes, matrix, classes, given, names)

    async def try_out(self, text: str) -> Draft:
        """Read another file without putting it in force."""
        return await asyncio.to_thread(self._draft, text)

    async def publish(self, text: str) -> Draft:
        """Put a file in force where it has no problems; it holds when this returns.

        A class table that would newly silence somebody is a problem until the file confirms it.

        Raises:
            UnavailableError: No rule file is configured, or it cannot be written.
        """
        target = self._editable()
        if target is None:
            raise UnavailableError("no rule file is configured: set store.rules and restart")
        draft = await self.try_out(text)
        if not draft.problems:
            held = await asyncio.to_thread(self._held_back, text)
            draft = replace(draft, problems=held)
        if not draft.problems:
            try:
                await asyncio.to_thread(_replace, target, text)
            except OSError as error:
                raise UnavailableError(f"{target.name} cannot be written: {error}") from error
            if await asyncio.to_thread(self._files.refresh):
                self._take(self.state)
        return draft

    def as_log(self, draft: Source, archive: Archive, since_s: float, most: int) -> PolicyLog:
        """Return what past decisions say about another file, as if it stood in the store's place.

        Raises:
            ConfigError: The file has problems, or cannot be read.
        """
        playbook = self._laid_over(draft)
        past = archive.past(since_s, most)
        return policy_log(past, playbook, self.state.playbook, self._stage(archive, playbook))

    def _draft(self, text: str) -> Draft:
        try:
            playbook = self._read(text)
        except ConfigError as error:
            return Draft(tuple(error.problems), (), None, {})
        outlook, earned = self._outlook(playbook)
        notes = notes_of(playbook)
        if outlook is not None and outlook.is_silencing:
            notes = (
                f"{outlook.silenced} of {outlook.spoke} recent decisions would show nothing",
                *notes,
            )
        return Draft((), notes, outlook, self._names(outlook), earned)

    def _outlook(self, playbook: Playbook) -> tuple[Preview | None, Conclusion | None]:
        """Try orders on the decisions of the last day, and judge them; None without any."""
        archive = self.archive
        past = archive.past(self._now_s() - PREVIEW_S, MAX_DECISIONS) if archive else ()
        if archive is None or not past:
            return None, None
        stage, in_force = self._stage(archive, playbook), self.state.playbook
        found = preview(past, playbook, in_force, stage)
        return found, policy_log(past, playbook, in_force, stage).conclusion()

    def _stage(self, archive: Archive, playbook: Playbook) -> Stage:
        """Return what orders are tried on."""
        rules = (*playbook.caps, *self.state.playbook.caps)
        totals = [rule for rule in rules if not rule.is_personal]
        shown: Sequence[Impression] = ()
        if totals:
            is_endless = any(rule.is_endless for rule in totals)
            shown = sorted(archive.shown(is_endless), key=attrgetter("at_s"))
        return Stage(self._moment, archive.stock, archive.model, shown)

    def _held_back(self, text: str) -> tuple[str, ...]:
        return self._files.held_back(self._read(text))

    def _read(self, text: str) -> Playbook:
        """Read a text as if it stood in the file that the page edits."""
        return self._laid_over(Source(self._editable() or Path("store.toml"), text=text.encode()))

    def _laid_over(self, draft: Source) -> Playbook:
        target = self._editable()
        others = [s for s in self._sources() if s.path != target and s.level is Level.CHAIN]
        return Playbook(self._catalog, read_orders([*others, draft], base=self._base))

    def _names(self, outlook: Preview | None) -> Mapping[str, Text]:
        if outlook is None:
            return {}
        named = {i for change in outlook.examples for i in (*change.before, *change.after)}
        known = ((i, self._catalog.index_of(i)) for i in sorted(named))
        return {i: self._catalog.items[at].name for i, at in known if at is not None}

    def _sources(self) -> tuple[Source, ...]:
        return () if self._path is None else sources_in(self._path)

    def _editable(self) -> Path | None:
        """Return the store's own file."""
        if self._path is None:
            return None
        return self._path / "store.toml" if self._path.is_dir() else self._path

    def _text(self) -> str:
        target = self._editable()
        if target is None or not target.exists():
            return ""
        return target.read_text(encoding="utf-8", errors="replace")


def _matrix(playbook: Playbook) -> tuple[MatrixLine, ...]:
    """Return the action matrix, the line that holds before those it outranks."""
    classes = playbook.classes
    rows = list(playbook.orders.classes.matrix)
    rows.reverse()  # of two lines on the same goods and people the later holds
    rows.sort(key=lambda row: (-specificity(row.group), row.audience == "*"))
    return tuple(MatrixLine(row, int(classes.meant_by(row.group).sum())) for row in rows)


def _classes(playbook: Playbook) -> tuple[ClassLine, ...]:
    """Return the class table: every kind, then each class that a file says something of."""
    table = playbook.orders.classes
    lines = {f"kind:{kind}": policy for kind, policy in table.kinds.items()}
    lines |= {f"class:{name}": policy for name, policy in table.classes.items()}
    return tuple(
        ClassLine(target, policy, int(playbook.classes.meant_by(target).sum()))
        for target, policy in lines.items()
    )


def _given(playbook: Playbook, today: int) -> Mapping[str, tuple[str, ...]]:
    """Return what the catalogue says goes with each class, unless rules speak of all its items."""
    catalog, rules = playbook.catalog, playbook.rules
    is_ruled = np.zeros(len(catalog.items), np.bool_)
    for at, rule in enumerate(rules.rules):
        if rule.kind is RuleKind.COMPLEMENT and rule.to and (rule.to_day or today) >= today:
            is_ruled |= rules.targets(at)
    return {
        f"class:{each.class_id}": tuple(f"class:{other}" for other in each.complements)
        for each in catalog.classes.values()
        if each.complements and not is_ruled[playbook.classes.items_of(each.class_id)].all()
    }


def _target_names(catalog: Catalog, targets: Iterable[str]) -> Mapping[str, Text]:
    """Return what people call classes and items, by target; what has no name is left out."""
    names: dict[str, Text] = {}
    for target in targets:
        axis, _, name = target.partition(":")
        at = catalog.index_of(name) if axis == "item" else None
        if at is not None:
            names[target] = catalog.items[at].name
        elif axis == "class" and name in catalog.classes:
            names[target] = catalog.classes[name].name
    return names


def _replace(target: Path, text: str) -> None:
    """Write a file whole or not at all, also when the power fails in between."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, target)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
