"""Reading rule files into the orders of the core; every problem with line, key and expectation.

A chain's file and a store's file are read one after the other: the store's class table, caps and
limits replace the chain's of the same name, and every rule keeps its level, so that the core can
weigh law and bans of the chain against pins of the store. Leaves out contradictions and warnings
(`edge.core.review`), which need the catalogue.
"""

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from edge.adapters.rules.form import (
    CapForm,
    ExperimentForm,
    HeadForm,
    LimitsForm,
    MatrixForm,
    PolicyForm,
    RuleForm,
)
from edge.adapters.rules.lines import line_of
from edge.adapters.rules.windows import WINDOW_WORDS, is_forgotten, window_of
from edge.core.cap_rules import (
    REMEMBERED_S,
    CapRule,
    Dimension,
    Ever,
    Fixed,
    Lifetime,
    Message,
    Rolling,
)
from edge.core.catalog import ClassKind
from edge.core.classes import Action, ClassTable, MatrixRow, Policy
from edge.core.errors import ConfigError
from edge.core.experiments import Experiment
from edge.core.playbook import Limits, Orders
from edge.core.rules import TARGET_AXES, Level, Rule, RuleKind

DEFAULT_FILE = Path(__file__).with_name("default.toml")
MAX_FILE_BYTES = 2 * 1024 * 1024
DAY_S = 86_400.0
_UNKNOWN = re.compile("unknown field `(.+?)`")
# What tells the tables of a section apart.
_ID: Mapping[type[Any], str] = {RuleForm: "id", CapForm: "id", ExperimentForm: "key"}
_SECTIONS = ("kinds", "classes", "matrix", "caps", "rules", "limits", "experiments")


@dataclass(frozen=True, slots=True)
class Source:
    """One rule file: where it lies and whose it is; `text` where it was read already."""

    path: Path
    level: Level = Level.STORE
    text: bytes | None = None


def sources_in(path: Path) -> tuple[Source, ...]:
    """Return the rule files of a setting: one file of the store, or a folder with both."""
    if not path.is_dir():
        return (Source(path),)
    both = (Source(path / "chain.toml", Level.CHAIN), Source(path / "store.toml"))
    return tuple(source for source in both if source.path.exists())


def read_orders(
    sources: Sequence[Source], author: str = "configuration", base: Orders | None = None
) -> Orders:
    """Read and check rule files.

    Args:
        sources: The chain's first.
        author: Stands where a file names none; unverified until sign-in exists.
        base: What holds where no file says otherwise.

    Raises:
        ConfigError: With every problem: file, line, key, what was found and expected.
    """
    problems: list[str] = []
    orders = base or Orders()
    for source in sources:
        reader = _Reader(source, author)
        orders = reader.read(orders)
        problems += reader.problems
    if problems:
        raise ConfigError(problems)
    return orders


class _Reader:
    """The reading of one file; `problems` gathers what cannot be used."""

    def __init__(self, source: Source, author: str) -> None:
        self.problems: list[str] = []
        self._source = source
        self._author = author
        self._text = ""
        self._digest = ""

    def read(self, orders: Orders) -> Orders:
        """Return the orders with this file's laid over them."""
        found = self._toml()
        head = self._form(
            {k: v for k, v in found.items() if k not in _SECTIONS}, HeadForm, ""
        ) or HeadForm("unread")
        self._author = head.author or self._author
        table = orders.classes
        if head.cooldown_hours is not None:
            table = replace(table, cooldown_s=head.cooldown_hours * 3_600.0)
        return replace(
            orders,
            version=f"{orders.version}+{head.version}@{self._digest}".removeprefix("default+"),
            classes=self._classes(found, table),
            rules=(
                *orders.rules,
                *self._each(
                    found, "rules", RuleForm, self._rule, [r.rule_id for r in orders.rules]
                ),
            ),
            caps=self._caps(found, orders.caps),
            limits=self._limits(found, orders.limits),
            experiments=(
                *orders.experiments,
                *self._each(
                    found,
                    "experiments",
                    ExperimentForm,
                    self._experiment,
                    [each.key for each in orders.experiments],
                ),
            ),
            holdout_share=(
                orders.holdout_share if head.holdout_share is None else head.holdout_share
            ),
            may_silence=orders.may_silence or head.may_silence,
        )

    def _toml(self) -> dict[str, Any]:
        path = self._source.path
        try:
            raw = path.read_bytes() if self._source.text is None else self._source.text
        except OSError as error:
            self.problems.append(f"{path}: cannot be read ({error.strerror}); expected a rule file")
            return {"version": "unread"}
        if len(raw) > MAX_FILE_BYTES:
            self.problems.append(
                f"{path.name}: {len(raw)} bytes, expected at most {MAX_FILE_BYTES}; split the file"
            )
            return {"version": "unread"}
        try:
            self._text = raw.decode("utf-8")
            self._digest = hashlib.blake2b(raw, digest_size=4).hexdigest()
            return tomllib.loads(self._text)
        except UnicodeDecodeError as error:
            line = raw[: error.start].count(b"\n") + 1
            self.problems.append(f"{path.name}, line {line}: not UTF-8; save the file as UTF-8")
        except tomllib.TOMLDecodeError as error:
            told = re.search(r"line (\d+)", str(error))
            line = int(told.group(1)) if told else self._text.count("\n") + 1
            self.problems.append(f"{path.name}, line {line}: not TOML: {error}")
        except RecursionError:
            self.problems.append(f"{path.name}: nested too deeply; expected tables of one level")
        return {"version": "unread"}

    def _say(self, key: str, what: str) -> None:
        line = line_of(self._text, key)
        self.problems.append(f"{self._source.path.name}, line {line}: {key}: {what}")

    def _form(self, raw: object, form: type[Any], key: str) -> Any:
        """Convert one table, or say what is wrong with it and return None."""
        try:
            return msgspec.convert(raw, form)
        except msgspec.ValidationError as error:
            what, _, where = str(error).partition(" - at `$")
            inner = where.rstrip("`").lstrip(".").replace("[...]", "")
            unknown = _UNKNOWN.search(what)
            if unknown:
                inner = f"{inner}.{unknown.group(1)}".lstrip(".")
            told = ".".join(part for part in (key, inner) if part)
            found = "" if unknown else _found(raw, inner)
            self._say(told or "(top)", f"{found}{what[0].lower()}{what[1:]}")
            return None

    def _each(
        self,
        found: Mapping[str, Any],
        section: str,
        form: type[Any],
        make: Callable[..., Any],
        taken: Iterable[str] = (),
    ) -> Iterator[Any]:
        """Yield what a section's tables mean.

        Args:
            found: The file.
            section: Its name.
            form: Of one table.
            make: Turns a form and its key into a value of the core, None where it has a problem.
            taken: Ids that the chain's file has used; no two tables may share one.
        """
        rows = found.get(section, [])
        first = dict.fromkeys(taken, "in the chain's file")
        if not isinstance(rows, list):
            self._say(section, f"found one table, expected [[{section}]]")
            return
        for at, row in enumerate(rows):
            key = f"{section}[{at}]"
            entry = self._form(row, form, key)
            if entry is not None and (name := _ID.get(form)):
                self._told_apart(getattr(entry, name), f"{key}.{name}", first)
            made = make(entry, key) if entry is not None else None
            if made is not None:
                yield made

    def _told_apart(self, used: str, key: str, first: dict[str, str]) -> None:
        """Refuse an id that is used already: an explanation could not tell the two apart."""
        if used in first:
            self._say(key, f"the id {used!r} is used twice, first {first[used]}; every id once")
        else:
            first[used] = f"on line {line_of(self._text, key)}"

    def _classes(self, found: Mapping[str, Any], table: ClassTable) -> ClassTable:
        kinds, classes = dict(table.kinds), dict(table.classes)
        for name, row in self._tables(found, "kinds"):
            if name not in set(ClassKind):
                self._say(f"kinds.{name}", f"no kind; expected one of {', '.join(ClassKind)}")
            elif (policy := self._policy(row, f"kinds.{name}")) is not None:
                kinds[ClassKind(name)] = policy
        for name, row in self._tables(found, "classes"):
            if (policy := self._policy(row, f"classes.{name}")) is not None:
                classes[name] = policy
        matrix = tuple(self._each(found, "matrix", MatrixForm, self._matrix))
        lines = {(row.group, row.audience) for row in matrix}
        kept = [row for row in table.matrix if (row.group, row.audience) not in lines]
        return replace(table, kinds=kinds, classes=classes, matrix=(*kept, *matrix))

    def _tables(self, found: Mapping[str, Any], section: str) -> Iterator[tuple[str, Any]]:
        tables = found.get(section, {})
        if not isinstance(tables, dict):
            self._say(section, f"expected tables such as [{section}.name]")
            return
        yield from tables.items()

    def _policy(self, row: object, key: str) -> Policy | None:
        form = self._form(row, PolicyForm, key)
        if form is None:
            return None
        return Policy(
            interval_days=form.interval_days or None,
            then=_actions(form.then),
            reopen_share=form.reopen_share,
            author=form.author or self._author,
            reason=form.reason,
            day=form.date.toordinal() if form.date else None,
        )

    def _matrix(self, form: MatrixForm, key: str) -> MatrixRow | None:
        if not self._is_target(
            form.group, f"{key}.group", ("class", "category", "department", "kind")
        ):
            return None
        return MatrixRow(
            group=form.group,
            audience=form.audience,
            then=_actions(form.then),
            author=form.author or self._author,
            reason=form.reason,
            day=form.date.toordinal() if form.date else None,
        )

    def _caps(self, found: Mapping[str, Any], known: Sequence[CapRule]) -> tuple[CapRule, ...]:
        caps = {cap.cap_id: cap for cap in known}
        for cap in self._each(found, "caps", CapForm, self._cap):
            caps[cap.cap_id] = cap
        return tuple(caps.values())

    def _cap(self, form: CapForm, key: str) -> CapRule | None:
        window = window_of(form.window)
        if window is None:
            self._say(f"{key}.window", f"found {form.window!r}, expected {WINDOW_WORDS}")
            return None
        is_counted = not isinstance(window, Lifetime)
        if is_counted and (form.limit is None) == (form.times_stock is None):
            self._say(key, "expected exactly one of limit and times_stock")
            return None
        if is_forgotten(window):
            days = int(REMEMBERED_S // DAY_S)
            self._say(f"{key}.window", f"found {form.window!r}, expected at most {days} days")
            return None
        is_total = isinstance(window, Rolling | Fixed | Ever)
        if not is_total and not set(form.per) & {"person", "visit"}:
            what = f"found {form.per}, expected person or visit with {form.window!r}"
            self._say(f"{key}.per", what)
            return None
        if form.times_stock is not None and form.per != ["offer"]:
            self._say(f"{key}.per", f'found {form.per}, expected ["offer"] with times_stock')
            return None
        return CapRule(
            cap_id=form.id,
            limit=form.limit or 1,
            window=window,
            per=frozenset(Dimension(name) for name in form.per),
            only={Dimension(name): value for name, value in form.only.items()},
            messages=frozenset(Message(name) for name in form.messages),
            stock_factor=form.times_stock,
            is_pull_exempt=form.requests_pass,
        )

    def _rule(self, form: RuleForm, key: str) -> Rule | None:
        checks = [
            self._is_target(target, f"{key}.{name}[{at}]", TARGET_AXES)
            for name in ("targets", "to", "never")
            for at, target in enumerate(getattr(form, name))
        ]
        is_fine = all(checks)
        value = self._value(form, key)
        if form.starts and form.ends and form.ends < form.starts:
            self._say(f"{key}.ends", f"{form.ends} lies before starts = {form.starts}")
            is_fine = False
        if not is_fine or value is None:
            return None
        return Rule(
            rule_id=form.id,
            kind=RuleKind(form.kind),
            targets=tuple(form.targets),
            author=form.author or self._author,
            reason=form.reason,
            day=form.date.toordinal(),
            level=self._source.level,
            value=value,
            to=tuple(form.to),
            never=tuple(form.never),
            is_law=form.law,
            from_day=form.starts.toordinal() if form.starts else None,
            to_day=form.ends.toordinal() if form.ends else None,
            surfaces=frozenset(form.surfaces),
            zones=frozenset(form.zones),
            audiences=frozenset(form.audiences),
            motives=frozenset(form.motives),
        )

    def _value(self, form: RuleForm, key: str) -> float | None:
        """Return place or factor, None (and a problem) where the kind asks for something else."""
        wanted = {"pin": "place", "boost": "factor", "bury": "factor"}.get(form.kind)
        for name in ("place", "factor"):
            given = getattr(form, name)
            if (given is not None) != (name == wanted):
                what = f"a {form.kind} needs it" if given is None else f"no {form.kind} has one"
                self._say(f"{key}.{name}", f"found {given}, but {what}")
                return None
        if form.factor is not None and (form.factor > 1.0) != (form.kind == "boost"):
            wanted_words = "more than 1" if form.kind == "boost" else "less than 1"
            self._say(f"{key}.factor", f"found {form.factor}, expected {wanted_words}")
            return None
        if form.kind == "complement" and not (form.to or form.never):
            self._say(f"{key}.to", "a complement map needs to or never")
            return None
        if form.law and form.kind != "ban":
            self._say(f"{key}.law", f"found on a {form.kind}, expected on a ban alone")
            return None
        if form.factor is not None:
            return form.factor
        return float(form.place or 1)

    def _is_target(self, target: str, key: str, axes: Sequence[str]) -> bool:
        axis, _, value = target.partition(":")
        if target == "*" or (axis in axes and value):
            return True
        names = ", ".join(f"{axis}:…" for axis in axes)
        self._say(key, f"found {target!r}, expected {names} or *")
        return False

    def _limits(self, found: Mapping[str, Any], limits: Limits) -> Limits:
        form: LimitsForm | None = self._form(found.get("limits", {}), LimitsForm, "limits")
        if form is None:
            return limits
        given: dict[str, Any] = {
            "max_per_class": form.max_per_class,
            "similar_cost": form.similar_cost,
            "quiet_after_entry_s": form.quiet_after_entry_s,
            "explore_share": form.explore_share,
            "care_for_s": form.care_days and form.care_days * DAY_S,
            "care_min_price_cents": form.care_min_price_cents,
            "win_back_factor": form.win_back_factor,
            "bulky_times": form.bulky_times,
            "birthday_days": form.birthday_days,
            "profile_stale_s": form.profile_stale_days and form.profile_stale_days * DAY_S,
        }
        kept = {name: v for name, v in given.items() if v is not None}
        return replace(
            limits,
            floors=dict(limits.floors) | _given(form.floors),
            max_cards=dict(limits.max_cards) | _given(form.max_cards),
            **kept,
        )

    def _experiment(self, form: ExperimentForm, key: str) -> Experiment | None:
        if form.weights is not None and len(form.weights) != len(form.arms):
            self._say(f"{key}.weights", f"found {len(form.weights)}, expected {len(form.arms)}")
            return None
        weights = tuple(form.weights) if form.weights else None
        return Experiment(form.key, tuple(form.arms), weights, form.coverage, form.seed)


def _found(raw: object, inner: str) -> str:
    """Return what stands at a path inside a table, as the beginning of a sentence."""
    at: object = raw
    for part in re.findall(r"[^.\[\]]+", inner):
        if isinstance(at, dict) and part in at:
            at = at[part]
        elif isinstance(at, list) and part.isdecimal() and int(part) < len(at):
            at = at[int(part)]
    return "" if at is raw or isinstance(at, dict | list) else f"found {str(at)[:60]!r}, "


def _given(form: msgspec.Struct) -> dict[str, Any]:
    """Return the keys that a table gives."""
    return {name: v for name, v in msgspec.structs.asdict(form).items() if v is not None}


def _actions(names: Sequence[str]) -> Action:
    action = Action.SILENCE
    for name in names:
        action |= Action[name.upper()]
    return action
