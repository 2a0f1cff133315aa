"""What a chain hands over about its members: persons, consents and years of receipts.

Importing is repeatable: the same file again changes nothing, an older consent never undoes a
withdrawal, and nobody who was erased comes back.
"""

import csv
import gzip
import io
import itertools
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import TextIO, TypeVar

import numpy as np
from sqlite_utils import Database

from edge.adapters.sqlite.goods import Goods, SkuBook
from edge.adapters.sqlite.histories import Lines
from edge.adapters.sqlite.persons import Opened, Persons
from edge.adapters.sqlite.proofs import Proofs
from edge.adapters.sqlite.recording import Recorder
from edge.adapters.sqlite.schema import signed, unsigned
from edge.core.consent import Consents, KeyedHash, Purpose, Statement
from edge.core.errors import ConfigError, MessageError
from edge.core.minimisation import MemberData, granted, minimise, nobody
from edge.core.person import DAY_S
from edge.core.register import RECEIPT_INDEX_DAYS
from edge.core.rotating import rotates
from edge.core.sales import TakenBack

T = TypeVar("T")

# Lines held in memory before they are packed: about 30 MB.
_CHUNK_LINES = 500_000
# Members or persons written in one transaction.
_GROUP = 500
# Receipts of one person on one day that prove who it is; a card that others share has more.
_LAST_RECEIPTS = 10

RECEIPT_COLUMNS = (
    "receipt_id", "sold_at", "till_id", "member_id", "line_no", "sku", "quantity",
    "unit_price_cents", "is_gift_wrapped",
)  # fmt: skip


@dataclass(slots=True)
class ImportReport:
    """What an import did; holds counts and pseudonyms, no value of a member.

    Attributes:
        members: Members in the file that were taken. `added`: of these, new to this box.
        consents: Statements written.
        erased: Members left out because they were erased.
        dropped: What was left out of members, by reason.
        rejected: Members that could not be taken, by reason.
        contested: Beacons that two members claim.
        touched: Pseudonyms of those about whom something new was said, or whose fields changed.
        rotating: Pseudonyms of those who have, or had until now, a beacon whose id rotates.
        is_repeated: The very same document was taken before: nothing was looked at.
    """

    members: int = 0
    added: int = 0
    changed: int = 0
    consents: int = 0
    erased: int = 0
    contested: int = 0
    rotating: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)
    is_repeated: bool = False
    dropped: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    _news: list[tuple[Callable[..., object], tuple[object, ...]]] = field(default_factory=list)

    def apply_to(self, consents: Consents) -> frozenset[str]:
        """Bring an index in memory up to date; on the thread that owns it.

        Returns:
            The pseudonyms about whom something was said or changed.
        """
        for change, values in self._news:
            change(consents, *values)
        self._news.clear()
        return frozenset(consents.kept(person) for person in self.touched)

    def note(self, change: Callable[..., object], *values: object) -> None:
        """Keep a change for `apply_to`: a method of `Consents` and its arguments."""
        self._news.append((change, values))


@dataclass(slots=True)
class ReceiptsReport:
    """What an import of receipts did, in lines.

    Attributes:
        lines: Lines in the file. `taken`: written into histories.
        anonymous: Without a member. `without_consent`: of members who did not allow `profile`.
        unknown_member: Of members this box does not know (or knows no more).
        repeated: Of receipts known already.
        is_repeated: The same file was taken before, for the same persons: nothing was read.
        rejected: Unreadable, by reason.
    """

    lines: int = 0
    taken: int = 0
    anonymous: int = 0
    without_consent: int = 0
    unknown_member: int = 0
    repeated: int = 0
    is_repeated: bool = False
    rejected: Counter[str] = field(default_factory=Counter)


def members_of(document: Mapping[str, object]) -> list[object]:
    """Return the members of a document of schema `stammgast.members.v1`, as read from JSON.

    Raises:
        ConfigError: The document is of another form.
    """
    members = document.get("members")
    if document.get("schema") != "stammgast.members.v1" or not isinstance(members, list):
        raise ConfigError(
            [
                f"members: found schema {document.get('schema')!r}, expected"
                " 'stammgast.members.v1' with a list of members"
            ]
        )
    return members


class MemberImport:
    """Takes members; `run` runs work on the writer's thread and waits for it."""

    def __init__(
        self,
        run: Callable[[Callable[[], None]], None],
        db: Database,
        persons: Persons,
        recorder: Recorder,
        keyed_hash: KeyedHash,
        random_pseudonym: Callable[[], int],
    ) -> None:
        self._run = run
        self._db, self._persons, self._recorder = db, persons, recorder
        self._hash, self._random_pseudonym = keyed_hash, random_pseudonym

    def take(
        self,
        members: Iterable[object],
        now_s: float,
        *,
        notes: bool,
        only: frozenset[int] | None = None,
    ) -> ImportReport:
        """Take members of a document, some at a time, so that withdrawals are written in between.

        Args:
            members: See `members_of`.
            now_s: The present moment.
            notes: Keep what changed for `ImportReport.apply_to`.
            only: Keys of the members to take; None: all.
        """
        report = ImportReport()
        if only is not None:
            members = (member for member in members if self._key_of(member) in only)
        for group in _groups(members, _GROUP):

            def take_group(group: Sequence[object] = group) -> None:
                with self._db.atomic():
                    for member in group:
                        self._take_one(member, now_s, report, notes=notes)

            self._run(take_group)
        return report

    def _take_one(self, member: object, now_s: float, report: ImportReport, *, notes: bool) -> None:
        if not isinstance(member, dict):
            report.rejected["not_an_object"] += 1
            return
        try:
            body = minimise(member, report.dropped)
        except MessageError as error:
            report.rejected[error.reason] += 1
            return
        member_key = self._hash.member(body.member_id)
        if self._is_erased(member_key):
            report.erased += 1
            return
        report.members += 1
        opened, is_new = self._opened(member_key, body.member_id, now_s, report, notes=notes)
        person = f"{opened.pseudonym:016x}"
        self._take_consents(person, member.get("consents"), now_s, report, notes=notes)
        kept = granted(body, self._recorder.given(opened.person_no), report.dropped)
        if opened.body() != kept:
            self._persons.change(opened, kept, now_s)
            report.changed += not is_new
            report.touched.add(person)
        self._recorder.satisfied(opened.person_no)
        self._take_beacons(person, opened.person_no, body, report, notes=notes)

    def _key_of(self, member: object) -> int | None:
        member_id = member.get("member_id") if isinstance(member, dict) else None
        return self._hash.member(member_id) if isinstance(member_id, str) else None

    def _opened(
        self, member_key: int, member_id: str, now_s: float, report: ImportReport, *, notes: bool
    ) -> tuple[Opened, bool]:
        """Return a member's row, and whether it is new; a new one holds nothing but the id."""
        number = self._persons.number_of_member(member_key)
        if number is not None:
            known = self._persons.open_number(number)
            assert known is not None, "a person without a key"
            return known, False
        body = nobody(member_id)
        opened = self._persons.add(self._random_pseudonym(), member_key, body, now_s)
        report.added += 1
        if notes:
            report.note(Consents.add, opened.pseudonym, member_key)
        return opened, True

    def _take_consents(
        self, person: str, consents: object, now_s: float, report: ImportReport, *, notes: bool
    ) -> None:
        said = [
            statement
            for raw in (consents if isinstance(consents, list) else ())
            if (statement := self._statement(person, raw, now_s, report)) is not None
        ]
        news = self._recorder.news_of(said)
        if news:
            self._recorder.take_statements(news)
            report.consents += len(news)
            report.touched.add(person)
            if notes:
                for statement in news:
                    report.note(Consents.apply, statement)

    def _statement(
        self, person: str, raw: object, now_s: float, report: ImportReport
    ) -> Statement | None:
        if not isinstance(raw, dict):
            report.rejected["bad_consent"] += 1
            return None
        try:
            given_at = datetime.fromisoformat(raw["given_at"])
            if given_at.tzinfo is None:
                given_at = given_at.replace(tzinfo=UTC)
            return Statement(
                person,
                Purpose(raw["purpose"]),
                raw.get("is_given", True) is True,
                given_at.timestamp(),
                now_s,
                str(raw["notice_version"]),
                "en" if raw.get("language") == "en" else "de",
                str(raw.get("method", "import"))[:32],
            )
        except (KeyError, TypeError, ValueError, OverflowError):
            report.rejected["bad_consent"] += 1
            return None

    def _take_beacons(
        self,
        person: str,
        person_no: int,
        body: MemberData,
        report: ImportReport,
        *,
        notes: bool,
    ) -> None:
        """Keep the hashes of a member's beacons, also of one who may not be recognised.

        They let a consent take effect at once, and keep a beacon from being taken for another's.
        """
        wanted = {self._hash.beacon(beacon): rotates(beacon) for beacon in body.beacons}
        known = {
            unsigned(key): bool(is_rotating)
            for key, is_rotating in self._db.execute(
                "SELECT beacon_key, rotates FROM beacons WHERE person_no = ?", [person_no]
            ).fetchall()
        }
        if any((*wanted.values(), *known.values())):
            report.rotating.add(person)
        for key in known.keys() - wanted.keys():
            self._db.execute(
                "DELETE FROM beacons WHERE beacon_key = ? AND person_no = ?",
                [signed(key), person_no],
            )
            if notes:
                report.note(Consents.drop_key, person, key)
        for key in known.keys() & wanted.keys():
            if known[key] != wanted[key]:
                self._db.execute(
                    "UPDATE beacons SET rotates = ? WHERE beacon_key = ? AND person_no = ?",
                    [wanted[key], signed(key), person_no],
                )
        for key in wanted.keys() - known.keys():
            others = self._db.execute(
                "SELECT count(*) FROM beacons WHERE beacon_key = ?", [signed(key)]
            ).fetchone()[0]
            self._db.execute(
                "INSERT INTO beacons (beacon_key, person_no, rotates) VALUES (?, ?, ?)",
                [signed(key), person_no, wanted[key]],
            )
            report.contested += others == 1
            if notes and others:
                report.note(Consents.contest, key)
            elif notes:
                report.note(Consents.enrol_key, person, key)

    def _is_erased(self, member_key: int) -> bool:
        return (
            self._db.execute(
                "SELECT 1 FROM tombstones WHERE member_key = ?", [signed(member_key)]
            ).fetchone()
            is not None
        )


@dataclass(slots=True)
class _Columns:
    """Lines of many persons, gathered in 33 bytes each."""

    person_no: "array[int]" = field(default_factory=lambda: array("i"))
    receipt: "array[int]" = field(default_factory=lambda: array("Q"))
    at_s: "array[float]" = field(default_factory=lambda: array("d"))
    line_no: "array[int]" = field(default_factory=lambda: array("i"))
    sku_no: "array[int]" = field(default_factory=lambda: array("i"))
    quantity: "array[float]" = field(default_factory=lambda: array("f"))
    cents: "array[int]" = field(default_factory=lambda: array("i"))
    is_gift: "array[int]" = field(default_factory=lambda: array("b"))


@dataclass(frozen=True, slots=True)
class _Head:
    """What all lines of a receipt share; `person_no` None where the receipt is not taken."""

    receipt_id: str
    key: int = 0
    at_s: float = 0.0
    person_no: int | None = None
    why_not: str = ""


class ReceiptImport:
    """Takes `receipts.csv.gz` in bounded memory, reading on the caller's thread."""

    def __init__(
        self,
        run: Callable[[Callable[[], None]], None],
        db: Database,
        persons: Persons,
        goods: Goods,
        skus: SkuBook,
        keyed_hash: KeyedHash,
        consents: Mapping[int, tuple[int, bool]],
    ) -> None:
        """Make an import.

        Args:
            run: Runs work on the writer's thread and waits for it.
            db: The writing connection.
            persons: Of the same connection.
            goods: Of the same connection.
            skus: Of the ledger.
            keyed_hash: Of the ledger.
            consents: Person number and whether `profile` is allowed, by member key.
        """
        self._run = run
        self._db, self._persons, self._goods, self._skus = db, persons, goods, skus
        self._hash, self._consents = keyed_hash, consents
        # Day and receipts of each person's last purchase so far: what they will prove it with.
        self._last: dict[int, tuple[int, list[str]]] = {}
        self._numbers: dict[str, int] = {}  # of the skus on disk met so far: most come again

    def take(self, path: Path) -> ReceiptsReport:
        """Take a file.

        Raises:
            ConfigError: It is missing, truncated, or has other columns.
        """
        report = ReceiptsReport()
        try:
            with _opened(path) as file:
                rows = csv.reader(file)
                first = next(rows, [])
                missing = set(RECEIPT_COLUMNS) - set(first)
                if missing:
                    raise ConfigError(
                        [f"{path.name}: columns {sorted(missing)} are missing from the first line"]
                    )
                self._take_rows(rows, [first.index(name) for name in RECEIPT_COLUMNS], report)
        except FileNotFoundError:
            raise ConfigError([f"{path}: no such file; expected receipts"]) from None
        except (EOFError, gzip.BadGzipFile, UnicodeDecodeError, csv.Error) as error:
            raise ConfigError(
                [f"{path.name}: broken after {report.lines} lines ({error}); hand it over again"]
            ) from error
        return report

    def _take_rows(
        self, rows: Iterable[list[str]], places: Sequence[int], report: ReceiptsReport
    ) -> None:
        chunk, head, wanted = _Columns(), _Head(""), itemgetter(*places)
        for row in rows:
            report.lines += 1
            try:
                receipt_id, sold_at, _, member_id, *line = wanted(row)
                if receipt_id != head.receipt_id:
                    # A receipt's lines stand together: chunks are split between receipts only.
                    if len(chunk.receipt) >= _CHUNK_LINES:
                        self._flush(chunk, report)
                        chunk = _Columns()
                    head = self._head(receipt_id, sold_at, member_id)
                if head.person_no is None:
                    setattr(report, head.why_not, getattr(report, head.why_not) + 1)
                else:
                    self._take_line(head, line, chunk)
            except (IndexError, TypeError, ValueError, OverflowError):
                report.rejected["unreadable_line"] += 1
        self._flush(chunk, report)
        self._write_last()

    def _head(self, receipt_id: str, sold_at: str, member_id: str) -> _Head:
        if not member_id:
            return _Head(receipt_id, why_not="anonymous")
        person_no, may = self._consents.get(self._hash.member(member_id), (None, False))
        if person_no is None:
            return _Head(receipt_id, why_not="unknown_member")
        at_s = _at_s(sold_at)
        self._note_last(person_no, receipt_id, int(at_s // DAY_S))
        if not may:
            return _Head(receipt_id, why_not="without_consent")
        return _Head(receipt_id, self._hash.receipt(receipt_id), at_s, person_no)

    def _note_last(self, person_no: int, receipt_id: str, day: int) -> None:
        newest, receipts = self._last.get(person_no, (-1, []))
        if day > newest:
            self._last[person_no] = (day, [receipt_id])
        elif day == newest and len(receipts) < _LAST_RECEIPTS:
            receipts.append(receipt_id)

    def _write_last(self) -> None:
        proofs = Proofs(self._db)
        for group in _groups(self._last.items(), _GROUP):

            def write_group(
                group: Sequence[tuple[int, tuple[int, list[str]]]] = group,
            ) -> None:
                with self._db.atomic():
                    for person_no, (day, receipts) in group:
                        part = self._persons.open_number(person_no)
                        if part is not None:
                            proofs.note_receipts(part, receipts, day)

            self._run(write_group)
        self._last.clear()

    def _number_of(self, sku: str) -> int:
        number = self._skus.known(sku)
        if number is not None:
            self._numbers[sku] = number
            return number
        sku = self._skus.sku(sku[:128], None)
        self._run(lambda: self._skus.write([sku]))
        return self._skus.number(sku)

    def _take_line(self, head: _Head, line: Sequence[str], chunk: _Columns) -> None:
        line_no, sku, quantity_text, cents, is_gift = line
        quantity = float(quantity_text)
        if not 0 < abs(quantity) <= 100_000:
            raise ValueError("quantity")
        number = self._numbers.get(sku)
        if number is None:
            number = self._number_of(sku)
        values = int(line_no), int(cents)
        if not (0 <= values[0] < 2**31 and abs(values[1]) < 2**31):
            raise ValueError("line_no or unit_price_cents")
        chunk.person_no.append(head.person_no or 0)
        chunk.receipt.append(head.key)
        chunk.at_s.append(head.at_s)
        chunk.line_no.append(values[0])
        chunk.sku_no.append(number)
        chunk.quantity.append(quantity)
        chunk.cents.append(values[1])
        chunk.is_gift.append(is_gift.lower() in ("1", "true"))

    def _flush(self, chunk: _Columns, report: ReceiptsReport) -> None:
        if not chunk.receipt:
            return
        person_no = np.array(chunk.person_no, np.int32)
        order = np.argsort(person_no, kind="stable")
        lines = Lines(
            np.array(chunk.receipt, np.uint64),
            np.floor(np.array(chunk.at_s, np.float64)),
            np.array(chunk.line_no, np.int32),
            np.array(chunk.sku_no, np.int32),
            np.array(chunk.quantity, np.float32),
            np.array(chunk.cents, np.int32),
            np.array(chunk.is_gift, np.bool_),
            np.empty(0, np.int32),
            np.empty(0, np.float64),
        )
        sorted_no = person_no[order]
        indexed_from_s = float(lines.at_s.max()) - RECEIPT_INDEX_DAYS * DAY_S
        starts = np.flatnonzero(np.append(True, sorted_no[1:] != sorted_no[:-1]))
        ends = np.append(starts[1:], len(sorted_no))
        for group in _groups(zip(starts.tolist(), ends.tolist(), strict=True), _GROUP):

            def write_group(group: Sequence[tuple[int, int]] = group) -> None:
                with self._db.atomic():
                    for start, end in group:
                        mine = _netted(lines.taken(order[start:end]).sorted())
                        taken = self._goods.add_lines(int(sorted_no[start]), mine, indexed_from_s)
                        report.taken += taken
                        report.repeated += int(end - start) - taken

            self._run(write_group)


def _netted(lines: Lines) -> Lines:
    """Take lines of negative quantity, which some tills write for returns, out of the others."""
    is_return = lines.quantity < 0
    if not is_return.any():
        return lines
    left = lines.where(~is_return)
    for at in np.flatnonzero(is_return):
        back = TakenBack("", -float(lines.quantity[at]), float(lines.at_s[at]))
        left = left.less(int(lines.sku_no[at]), back, None)
    return left


def _opened(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return io.TextIOWrapper(gzip.open(path), encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _at_s(text: str) -> float:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without offset")
    at_s = moment.timestamp()
    if at_s < 0:
        raise ValueError("a time before 1970")
    return at_s


def _groups(values: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(values)
    while group := list(itertools.islice(iterator, size)):
        yield group
