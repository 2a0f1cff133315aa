"""Forgetting by age and by purpose, once a day; and the report of what is stored but never used.

What a consent justified goes with the consent. A clock that jumps must not wipe the box: the run
trusts the tills' clocks more than its own and refuses to work far ahead of the newest receipt.
"""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sqlite_utils import Database

from edge.adapters.sqlite.erasure import empty_logs
from edge.adapters.sqlite.journal import fold_impressions
from edge.adapters.sqlite.ledger import Ledger
from edge.core import register
from edge.core.consent import Consents, Purpose
from edge.core.minimisation import granted
from edge.core.person import DAY_S
from edge.core.records import CapsFolded

# How far the box's clock may be ahead of the newest receipt of a till before nothing is deleted.
_AHEAD_DAYS = 8
_BATCH = 1_000
# Persons whose impressions are folded in one transaction, some 10 ms, so that sales get between.
_FOLDED_AT_ONCE = 50
# Every history is looked through once in so many days: opening all of them takes seconds.
_TRIM_TURNS = 30


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """What a run deleted, in rows (lines for histories), by what it was."""

    deleted: Mapping[str, int]
    packed: int = 0
    refused: str = ""


@dataclass(frozen=True, slots=True)
class FieldUse:
    """How often a stored field served in 90 days; one never used is proposed for deletion."""

    field: str
    stored: int
    uses: int

    @property
    def is_proposed(self) -> bool:
        """Tell whether the field should go: it is stored and served nothing."""
        return self.stored > 0 and self.uses == 0


def forget_old(ledger: Ledger, now_s: float) -> RetentionReport:
    """Delete what is older than its retention, and what no consent justifies any longer."""
    today = int(now_s // DAY_S)
    newest = ledger.reading().db.execute("SELECT max(day) FROM receipts").fetchone()[0]
    if newest is not None and today > newest + _AHEAD_DAYS:
        return RetentionReport(
            {}, refused=f"the clock is {today - newest} days ahead of the newest receipt"
        )
    deleted: Counter[str] = Counter()
    _fold_caps(ledger, now_s, deleted)
    ledger.writer.call(lambda: _delete_by_age(ledger, now_s, today, deleted))
    ledger.writer.call(lambda: _delete_by_purpose(ledger, _allowed(ledger), deleted))
    _delete_fields(ledger, now_s, deleted)
    packed = _in_batches(ledger, today - register.YOUNG_RECEIPT_DAYS)
    ledger.writer.call(lambda: _trim_histories(ledger, now_s, deleted))
    ledger.write_uses(today)
    ledger.writer.call(lambda: empty_logs(ledger.writing.db, ledger.telemetry))
    return RetentionReport(dict(deleted), packed)


def fields_used(ledger: Ledger, now_s: float) -> list[FieldUse]:
    """Return for every field of a person how many persons have it and how often it served."""
    today = int(now_s // DAY_S)
    ledger.write_uses(today)
    uses = dict(
        ledger.reading()
        .db.execute(
            "SELECT field, sum(uses) FROM field_uses WHERE day > ? GROUP BY field",
            [today - register.FIELD_USE_DAYS],
        )
        .fetchall()
    )
    stored = _stored(ledger)
    return [
        FieldUse(field.name, stored[field.name], int(uses.get(field.name, 0)))
        for field in register.FIELDS
        if field.table in ("persons.body", "histories.body")
    ]


def _fold_caps(ledger: Ledger, now_s: float, deleted: Counter[str]) -> None:
    """Keep of impressions that are too old how often, first and last; some persons at a time.

    A person's rows are folded in one transaction: a power cut counts none of them twice. What is
    folded loses the household with the consent to a profile.
    """
    db = ledger.writing.db

    def fold(numbers: Sequence[int]) -> None:
        with db.atomic():
            for number in numbers:
                deleted["happenings"] += _fold_caps_of(ledger, number, now_s)

    owners = (
        ledger.reading()
        .db.execute(
            "SELECT DISTINCT person_no FROM happenings WHERE person_no IS NOT NULL"
            " AND (kind = 'CapCounted' AND expires_s < ? OR kind = 'CapsFolded')",
            [now_s],
        )
        .fetchall()
    )
    numbers = [number for (number,) in owners]
    for first in range(0, len(numbers), _FOLDED_AT_ONCE):
        ledger.writer.call(partial(fold, numbers[first : first + _FOLDED_AT_ONCE]))
    ledger.writer.call(lambda: _fold_caps_of_nobody(ledger, now_s, deleted))


def _fold_caps_of(ledger: Ledger, number: int, now_s: float) -> int:
    """Fold one person's old impressions, inside the caller's transaction; return their rows."""
    db, happenings = ledger.writing.db, ledger.writing.happenings
    old = "FROM happenings WHERE person_no = ? AND kind = 'CapCounted' AND expires_s < ?"
    (n_old,) = db.execute(f"SELECT count(*) {old}", [number, now_s]).fetchone()
    has_household = Purpose.PROFILE in ledger.states.effective(number)
    if not n_old and has_household:
        return 0
    opened = ledger.writing.persons.open_number(number)
    if opened is None:
        return 0
    single = [s["body"] for s in happenings.of(opened, "CapCounted") if s["expires_s"] < now_s]
    before = next((s["body"] for s in happenings.of(opened, "CapsFolded")), None)
    if not single and before is None:
        return 0
    body, last_s = fold_impressions(single, before, has_household=has_household)
    if body == before:
        return 0
    db.execute(f"DELETE {old}", [number, now_s])
    db.execute("DELETE FROM happenings WHERE person_no = ? AND kind = 'CapsFolded'", [number])
    ledger.recorder.write(CapsFolded(body, last_s, f"{opened.pseudonym:016x}"))
    return int(n_old)


def _fold_caps_of_nobody(ledger: Ledger, now_s: float, deleted: Counter[str]) -> None:
    """Fold what visits of nobody were shown: the store's totals count it, and no visit is left."""
    db, ever = ledger.writing.db, (float("-inf"), float("inf"))
    nobodys = "FROM happenings WHERE person_no IS NULL AND kind ="
    with db.atomic():
        said = ledger.writing.happenings.of_nobody("CapCounted", *ever)
        old = [one["body"] for one in said if one["expires_s"] < now_s]
        if not old:
            return
        known = ledger.writing.happenings.of_nobody("CapsFolded", *ever)
        body, last_s = fold_impressions(old, next((one["body"] for one in known), None))
        deleted["happenings"] += db.execute(
            f"DELETE {nobodys} 'CapCounted' AND expires_s < ?", [now_s]
        ).rowcount
        db.execute(f"DELETE {nobodys} 'CapsFolded'")
        ledger.recorder.write(CapsFolded(body, last_s))


def _delete_by_age(ledger: Ledger, now_s: float, today: int, deleted: Counter[str]) -> None:
    db = ledger.writing.db
    with db.atomic():
        for table, where, limit in (
            ("events", "day < ?", today - register.EVENT_DAYS),
            ("decisions", "at_s < ?", now_s - register.DECISION_DAYS * DAY_S),
            ("happenings", "expires_s < ?", now_s),
            (
                "receipts",
                "person_no IS NULL AND day < ?",
                today - register.ANONYMOUS_RECEIPT_DAYS,
            ),
            ("receipts", "body IS NULL AND day < ?", today - register.RECEIPT_INDEX_DAYS),
            ("last_receipts", "day < ?", today - register.RECEIPT_INDEX_DAYS),
            ("field_uses", "day < ?", today - register.FIELD_USE_DAYS),
        ):
            query = f"DELETE FROM {table} WHERE {where}"  # noqa: S608
            deleted[table] += db.execute(query, [limit]).rowcount
    telemetry = ledger.telemetry
    with telemetry.atomic():
        limit = now_s - register.VISIT_DAYS * DAY_S
        deleted["visits"] += telemetry.execute(
            "DELETE FROM visits WHERE started_s < ?", [limit]
        ).rowcount
        telemetry.execute("DELETE FROM zone_changes WHERE at_s < ?", [limit])


def _allowed(ledger: Ledger) -> Callable[[int], frozenset[Purpose]]:
    """Return what tells each person's purposes, merged ones counted as one, as it stands on disk.

    Read anew: the index in memory belongs to another thread, and a consent that is not on disk yet
    has brought nothing that could be deleted.
    """
    state, numbers = ledger.states.load()
    consents = Consents(ledger.keyed_hash, ledger.notices, state=state)
    for kept, absorbed in ledger.writing.merges():
        consents.merge(kept, absorbed)

    def allowed(number: int) -> frozenset[Purpose]:
        row = bisect_left(numbers, number)
        if row == len(numbers) or numbers[row] != number:
            return frozenset()
        return consents.purposes(f"{int(state.pseudonyms[row]):016x}")

    return allowed


def _delete_by_purpose(
    ledger: Ledger, allowed: Callable[[int], frozenset[Purpose]], deleted: Counter[str]
) -> None:
    """Delete what a consent justified of those who withdrew it."""
    db = ledger.writing.db
    with db.atomic():
        for table, more, purpose in (
            ("histories", "", Purpose.PROFILE),
            ("receipts", "", Purpose.PROFILE),
            ("happenings", f" AND kind IN {register.PROFILE_HAPPENINGS}", Purpose.PROFILE),
            ("happenings", "", Purpose.RECOGNISE),
            ("decisions", "", Purpose.RECOGNISE),
        ):
            owners = f"SELECT DISTINCT person_no FROM {table} WHERE person_no IS NOT NULL"  # noqa: S608
            query = f"DELETE FROM {table} WHERE person_no = ?{more}"  # noqa: S608
            for number in _numbers(db, owners):
                if purpose not in allowed(number):
                    deleted[f"{table}_without_consent"] += db.execute(query, [number]).rowcount


def _delete_fields(ledger: Ledger, now_s: float, deleted: Counter[str]) -> None:
    """Take the fields whose consent was withdrawn out of persons' rows, some persons at a time."""
    db, persons = ledger.writing.db, ledger.writing.persons

    def trim(first: int, last: int) -> None:
        query = "SELECT person_no FROM persons WHERE person_no BETWEEN ? AND ?"
        with db.atomic():
            for (number,) in db.execute(query, [first, last]).fetchall():
                opened, left_out = persons.open_number(number), Counter[str]()
                if opened is None:
                    continue
                # Asked for in this transaction: a consent may have come since the run began.
                kept = granted(opened.body(), ledger.states.effective(number), left_out)
                if left_out.total():
                    persons.change(opened, kept, now_s)
                    deleted["fields_without_consent"] += left_out.total()

    (highest,) = ledger.reading().db.execute("SELECT max(person_no) FROM persons").fetchone()
    for first in range(0, (highest or 0) + 1, _BATCH):
        ledger.writer.call(partial(trim, first, first + _BATCH - 1))


def _in_batches(ledger: Ledger, before_day: int) -> int:
    """Pack young receipts a thousand at a time, so that sales are written in between."""

    def pack() -> int:
        with ledger.writing.db.atomic():
            return ledger.writing.goods.pack_old(before_day, _BATCH)

    packed = 0
    while batch := ledger.writer.call(pack):
        packed += batch
    return packed


def _trim_histories(ledger: Ledger, now_s: float, deleted: Counter[str]) -> None:
    """Take lines older than the retention out of packed histories, a thirtieth of them a day."""
    limit_s = now_s - register.HISTORY_DAYS * DAY_S
    db, turn = ledger.writing.db, int(now_s // DAY_S) % _TRIM_TURNS
    owners = db.execute(
        "SELECT person_no FROM histories WHERE person_no % ? = ?", [_TRIM_TURNS, turn]
    ).fetchall()
    with db.atomic():
        trimmed = [ledger.writing.goods.trim(person_no, limit_s) for (person_no,) in owners]
        deleted["history_lines"] += sum(trimmed)


def _stored(ledger: Ledger) -> Counter[str]:
    """Count the persons who have each field."""
    reading, stored = ledger.reading(), Counter[str]()
    for number in _numbers(reading.db, "SELECT person_no FROM persons"):
        opened = reading.persons.open_number(number)
        if opened is None:
            continue
        body = opened.body()
        for name in body.__slots__:
            stored[name] += bool(getattr(body, name))
    (stored["purchases"],) = reading.db.execute("SELECT count(*) FROM histories").fetchone()
    stored["returned"] = stored["purchases"]
    return stored


def _numbers(db: Database, query: str) -> "array[int]":
    """Return whom a query names: all of a store's members, so not as objects."""
    return array("q", (number for (number,) in db.execute(query)))
