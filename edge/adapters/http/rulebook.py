"""The rules of people over HTTP: shown, tried out, put in force. Reading the file is the port's."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from edge.adapters.http.ports import ClassLine, Draft, MatrixLine, RuleDesk, RuleLine
from edge.core.catalog import Text
from edge.core.classes import Action, MatrixRow, Policy
from edge.core.errors import UnavailableError
from edge.core.off_policy import Conclusion, Verdict
from edge.core.preview import Preview
from edge.core.rules import Level, RuleKind

MAX_FILE_CHARS = 60_000


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class RuleFile(_Form):
    """A whole rule file."""

    text: Annotated[str, Field(max_length=MAX_FILE_CHARS)]


class RuleRow(_Form):
    """One rule with its author, date and reason; dates as ISO 8601."""

    rule_id: str
    kind: RuleKind
    level: Level
    is_law: bool
    targets: list[str]
    value: float
    to: list[str]
    never: list[str]
    author: str
    is_verified: bool
    reason: str
    day: str
    from_day: str | None
    to_day: str | None
    items: int
    is_in_force: bool


class By(_Form):
    """Who wrote a line, when (ISO 8601) and why; verified once authors sign in."""

    author: str
    is_verified: bool
    day: str | None
    reason: str


class MatrixEntry(_Form):
    """For these goods and this audience, this follows a purchase; nothing is silence."""

    group: str
    audience: str
    then: list[str]
    items: int
    by: By


class ClassEntry(_Form):
    """How long a class or kind rests after a purchase, and what follows; `by`: null by default."""

    target: str
    interval_days: float | None
    reopen_share: float
    then: list[str]
    items: int
    by: By | None


class GivenEntry(_Form):
    """What the catalogue says goes with a class."""

    target: str
    to: list[str]


class Rules(_Form):
    """Everything in force, the file it came from, and names of the targets that have one."""

    version: str
    text: str
    rows: list[RuleRow]
    matrix: list[MatrixEntry]
    classes: list[ClassEntry]
    given: list[GivenEntry]
    names: dict[str, dict[str, str]]
    notes: list[str]


class Example(_Form):
    """One past decision that would come out differently, in names."""

    at_s: float
    before: list[dict[str, str]]
    after: list[dict[str, str]]


class Earning(_Form):
    """Taken-up cards a decision, new less old, as far as the last day and a half tells."""

    verdict: Verdict
    gain: float


class Outlook(_Form):
    """What would have changed; `partly`: decisions of which not everything may be read now."""

    decisions: int
    partly: int
    changed: int
    silenced: int
    shown_before: int
    shown_after: int
    is_silencing: bool
    examples: list[Example]
    earning: Earning | None


class Trial(_Form):
    """What a file would mean; with problems it cannot go live."""

    problems: list[str]
    notes: list[str]
    outlook: Outlook | None


def rule_routes(rules: RuleDesk) -> APIRouter:
    """Build the addresses of the rule page."""
    router = APIRouter(prefix="/api/rules", tags=["rules"])

    @router.get("")
    async def show() -> Rules:
        """Give the rules in force."""
        sheet = rules.sheet()
        return Rules(
            version=sheet.version,
            text=sheet.text,
            rows=[_row(line) for line in sheet.lines],
            matrix=[_matrix_entry(line) for line in sheet.matrix],
            classes=[_class_entry(line) for line in sheet.classes],
            given=[GivenEntry(target=t, to=list(to)) for t, to in sheet.given.items()],
            names={t: {"de": text.de, "en": text.en} for t, text in sheet.names.items()},
            notes=list(sheet.notes),
        )

    @router.post("/trial")
    async def try_out(file: RuleFile) -> Trial:
        """Tell what a file would change, without changing anything."""
        return _trial(await rules.try_out(file.text))

    @router.put("")
    async def publish(file: RuleFile) -> Trial:
        """Put a file in force; a file with problems changes nothing and is a 409."""
        try:
            draft = await rules.publish(file.text)
        except UnavailableError as error:
            raise HTTPException(503, str(error)) from error
        if draft.problems:
            raise HTTPException(409, list(draft.problems))
        return _trial(draft)

    return router


def _row(line: RuleLine) -> RuleRow:
    rule = line.rule
    return RuleRow(
        rule_id=rule.rule_id,
        kind=rule.kind,
        level=rule.level,
        is_law=rule.is_law,
        targets=list(rule.targets),
        value=rule.value,
        to=list(rule.to),
        never=list(rule.never),
        author=rule.author,
        is_verified=rule.is_verified,
        reason=rule.reason,
        day=_iso(rule.day),
        from_day=None if rule.from_day is None else _iso(rule.from_day),
        to_day=None if rule.to_day is None else _iso(rule.to_day),
        items=line.items,
        is_in_force=line.is_in_force,
    )


def _matrix_entry(line: MatrixLine) -> MatrixEntry:
    row = line.row
    then, by = _actions(row.then), _by(row)
    return MatrixEntry(group=row.group, audience=row.audience, then=then, items=line.items, by=by)


def _class_entry(line: ClassLine) -> ClassEntry:
    policy = line.policy
    return ClassEntry(
        target=line.target,
        interval_days=policy.interval_days or None,
        reopen_share=policy.reopen_share,
        then=_actions(policy.then),
        items=line.items,
        by=_by(policy) if policy.author else None,
    )


def _actions(then: Action) -> list[str]:
    return [(action.name or "").lower() for action in Action if action and action in then]


def _by(line: MatrixRow | Policy) -> By:
    day = None if line.day is None else _iso(line.day)
    return By(author=line.author, is_verified=False, day=day, reason=line.reason)


def _iso(day: int) -> str:
    return date.fromordinal(day).isoformat()


def _trial(draft: Draft) -> Trial:
    outlook = None if draft.preview is None else _outlook(draft.preview, draft)
    return Trial(problems=list(draft.problems), notes=list(draft.notes), outlook=outlook)


def _outlook(preview: Preview, draft: Draft) -> Outlook:
    def names(item_ids: tuple[str, ...]) -> list[dict[str, str]]:
        texts = (draft.names.get(item_id, Text(item_id, item_id)) for item_id in item_ids)
        return [{"de": text.de, "en": text.en} for text in texts]

    return Outlook(
        decisions=preview.decisions,
        partly=preview.partly,
        changed=preview.changed,
        silenced=preview.silenced,
        shown_before=preview.shown_before,
        shown_after=preview.shown_after,
        is_silencing=preview.is_silencing,
        examples=[
            Example(at_s=each.at_s, before=names(each.before), after=names(each.after))
            for each in preview.examples
        ],
        earning=None if draft.earned is None else _earning(draft.earned),
    )


def _earning(earned: Conclusion) -> Earning:
    return Earning(verdict=earned.verdict, gain=earned.gain.value)
