"""The box's memory, as the path and the pages use it.

Reads happen on the caller's thread, each with the grant it needs; every write goes to the one
writer. What erases, exports, backs up and forgets by age stands in modules of their own, which get
their connections from here.
"""

import hashlib
import secrets
import threading
from collections import ChainMap, Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from edge.adapters.sqlite.connections import Connections, index_secret
from edge.adapters.sqlite.consentlog import Problem
from edge.adapters.sqlite.consentstates import ConsentStates
from edge.adapters.sqlite.goods import SkuBook
from edge.adapters.sqlite.histories import Lines, joined
from edge.adapters.sqlite.imports import ImportReport, ReceiptsReport
from edge.adapters.sqlite.keys import BoxKeys
from edge.adapters.sqlite.persons import Opened
from edge.adapters.sqlite.recording import Recorder, decision_context
from edge.adapters.sqlite.resync import settle_members, stage_members, take_receipts
from edge.adapters.sqlite.schema import (
    LEDGER_STEPS,
    TELEMETRY_STEPS,
    open_database,
    signed,
    unsigned,
)
from edge.adapters.sqlite.writer import GROUP, Unit, Writer
from edge.core import records
from edge.core.catalog import Catalog
from edge.core.consent import Consents, Grant, KeyedHash, Purpose
from edge.core.errors import TrustError, UnavailableError
from edge.core.events import EventKey
from edge.core.keyindex import Sieve
from edge.core.learning import Kind
from edge.core.minimisation import MemberData
from edge.core.notices import NoticeBook
from edge.core.person import UNKNOWN_ITEM, Offered, Profile, no_purchases
from edge.core.proof import APP_SECRET_BYTES, AppKey, Proven, Prover
from edge.core.records import Record
from edge.core.rotating import rotates

# Events that may be in the hands of the writer, beside those that wait for it.
_EVENTS_IN_HAND = 2 * GROUP


@dataclass(frozen=True, slots=True)
class RestoredState:
    """What the path must know again after a start."""

    caps: tuple[records.CapCounted, ...]
    folded: tuple[records.CapsFolded, ...] = ()


@dataclass(slots=True)
class CapsOf:
    """What caps count of one person: single impressions, folded ones, cards that were answered.

    `reserved`: Of the answered cards.
    """

    counted: list[bytes]
    folded: list[bytes]
    answered: set[str]
    reserved: set[str]


class Ledger:
    """`ledger.db` and `telemetry.db` of one box. Use `Ledger.open`."""

    def __init__(
        self,
        directory: Path,
        keys: BoxKeys,
        catalog: Catalog,
        notices: NoticeBook,
        draw: Callable[[int], bytes] = secrets.token_bytes,
        *,
        is_in_step: bool = False,
    ) -> None:
        self.directory, self.keys, self.notices, self.catalog = directory, keys, notices, catalog
        ledger = open_database(directory / "ledger.db", LEDGER_STEPS, is_synced=True)
        self.telemetry = open_database(directory / "telemetry.db", TELEMETRY_STEPS, is_synced=False)
        self._draw = draw
        secret = index_secret(ledger, keys, draw)
        self.keyed_hash = KeyedHash(secret)
        self.visit_secret = hashlib.blake2b(key=secret, person=b"visits").digest()[:32]
        self.skus = SkuBook(ledger, catalog)
        self.writing = Connections(ledger, keys, self.skus, self.keyed_hash)
        self.states = ConsentStates(ledger, notices)
        with ledger.atomic():
            if Purpose.PROFILE in self.states.follow_notices():
                ledger.execute("DELETE FROM happenings WHERE kind = 'Learned'")
            self._store_notices(ledger)
        self.recorder = Recorder(
            ledger,
            self.telemetry,
            self.writing.persons,
            self.writing.goods,
            self.writing.log,
            self.keyed_hash,
            notices,
        )
        self.writer = Writer(
            ledger, self.telemetry, self.recorder.write, self._unremember, is_in_step=is_in_step
        )
        self._local = threading.local()
        self._readers: list[Database] = []
        self._recent: dict[int, None] = {}  # on their way to the disk
        self._seen = Sieve()
        for (key,) in ledger.execute("SELECT event_key FROM events"):
            self._seen.add(unsigned(key))
        self._consents: Consents | None = None
        self._on_forget: list[Callable[[str], object]] = []
        self._on_rotating: list[Callable[[str, float], None]] = []
        self._prover: Prover | None = None
        self._uses: Counter[str] = Counter()
        self._known_stones = -1

    @classmethod
    def open(
        cls,
        directory: Path,
        box_key: bytes,
        catalog: Catalog,
        notices: NoticeBook | None = None,
        draw: Callable[[int], bytes] = secrets.token_bytes,
        *,
        is_in_step: bool = False,
    ) -> "Ledger":
        """Open both files, creating what is missing, and start the writer.

        Args:
            directory: Of both files.
            box_key: 32 bytes.
            catalog: What the store sells.
            notices: Texts that consents refer to; the built-in ones where absent.
            draw: Random bytes for pseudonyms and the index secret; only a replay gives another.
            is_in_step: Whether `append` waits for the disk; see `Writer`.

        Raises:
            UnavailableError: A file cannot be opened, or is of a newer version.
            TrustError: The files belong to another box key.
        """
        directory.mkdir(parents=True, exist_ok=True)
        return cls(
            directory,
            BoxKeys(box_key),
            catalog,
            notices or NoticeBook(),
            draw,
            is_in_step=is_in_step,
        )

    def close(self) -> None:
        """Write what waits and close every connection."""
        self.writer.close()
        for db in (*self._readers, self.writing.db, self.telemetry):
            db.conn.close()

    # -- consents

    def consents(self) -> Consents:
        """Return the index in memory; built once, owned by the thread that asks first."""
        if self._consents is None:
            state, _ = self.states_of_reader().load()
            self._consents = Consents(self.keyed_hash, self.notices, self._beacons_of, state)
            for kept, absorbed in self.reading().merges():
                self._consents.merge(kept, absorbed)
        return self._consents

    def states_of_reader(self) -> ConsentStates:
        """Return the table of present consents through this thread's connection."""
        return ConsentStates(self.reading().db, self.notices)

    # -- reading, with a grant

    def profile(self, person: str, grant: Grant[Literal[Purpose.PROFILE]], now_s: float) -> Profile:
        """Return what is known of a person, merged identities included."""
        grant.require(Purpose.PROFILE, now_s, person)
        opened = self._parts(person)
        if not opened:
            return Profile(no_purchases(self.skus.names))
        return self._profile(opened)

    def name(
        self, person: str, grant: Grant[Literal[Purpose.STAFF_GREETING]], now_s: float
    ) -> str | None:
        """Return the name for a greeting, None where none is known."""
        grant.require(Purpose.STAFF_GREETING, now_s, person)
        opened = self._open(person)
        self.note_use("name")
        return None if opened is None else opened.body().name

    def language(
        self, person: str, grant: Grant[Literal[Purpose.RECOGNISE]], now_s: float
    ) -> str | None:
        """Return the language the person wants to be spoken to in: `de`, `en` or None."""
        grant.require(Purpose.RECOGNISE, now_s, person)
        opened = self._open(person)
        self.note_use("language")
        return None if opened is None else opened.body().language

    def rotating_ids(
        self, person: str, grant: Grant[Literal[Purpose.RECOGNISE]], now_s: float
    ) -> tuple[str, ...]:
        """Return the keys behind the ids of a person's beacons that rotate.

        Of this identity alone, without those merged into it: each is followed under its own name.
        """
        grant.require(Purpose.RECOGNISE, now_s, person)
        opened = self._open(person)
        found = () if opened is None else tuple(filter(rotates, opened.body().beacons))
        if found:
            self.note_use("beacons")
        return found

    def decision(
        self, decision_id: str, grant: Grant[Literal[Purpose.PROFILE]] | None, now_s: float
    ) -> bytes | None:
        """Return a past decision as it was recorded, None where it is unknown or deleted.

        Args:
            decision_id: Of the decision.
            grant: Needed where the decision was about a person.
            now_s: The present moment.

        Raises:
            GrantError: The decision was about another person than the grant's.
        """
        row = (
            self.reading()
            .db.execute(
                "SELECT d.person_no, p.pseudonym, d.body FROM decisions d"
                " LEFT JOIN persons p USING (person_no) WHERE decision_id = ?",
                [decision_id],
            )
            .fetchone()
        )
        if row is None or row[0] is None:
            return None if row is None else bytes(row[2])
        if grant is None or row[1] is None:
            return None
        person = f"{unsigned(row[1]):016x}"
        grant.require(Purpose.PROFILE, now_s, self.consents().kept(person))
        opened = self._open(person)
        context = decision_context(decision_id)
        return None if opened is None else opened.cipher.open(row[2], context)

    def decisions(
        self, since_s: float, most: int, now_s: float, *, is_profile: bool = False
    ) -> list[tuple[str | None, bytes]]:
        """Return past decisions and whom each was about, the oldest first, for trials of rules.

        Those of nobody, and of persons who may be recognised now; or those alone of persons who
        agree to a profile as well. No other row is opened. Of more than `most`, whole persons and
        whole visits of nobody are drawn, until there are so many.
        """
        db, found = self.reading().db, list[tuple[str | None, bytes]]()
        rows = db.execute(
            "SELECT d.decision_id, d.visit_id, d.person_no, p.pseudonym FROM decisions d"
            " LEFT JOIN persons p USING (person_no)"
            " WHERE d.at_s >= ? AND (d.person_no IS NOT NULL OR ?) ORDER BY d.at_s, d.rowid",
            [since_s, not is_profile],
        ).fetchall()
        of: dict[str, list[str]] = {}
        for decision_id, visit_id, person_no, pseudonym in rows:
            who = visit_id
            if person_no is not None:
                who = self._who_allowed(pseudonym, now_s, is_profile=is_profile)
            if who is not None:
                of.setdefault(who, []).append(decision_id)
        drawn = _drawn(of, most)
        opened: dict[int, Opened | None] = {}
        for decision_id, _, person_no, pseudonym in rows:
            if decision_id not in drawn:
                continue
            query = "SELECT body FROM decisions WHERE decision_id = ?"
            row = db.execute(query, [decision_id]).fetchone()
            if row is None:  # forgotten meanwhile
                continue
            if person_no is None:
                found.append((None, bytes(row[0])))
                continue
            if person_no not in opened:
                opened[person_no] = self._open(f"{unsigned(pseudonym):016x}")
            mine = opened[person_no]
            if mine is not None:
                person = self.consents().kept(f"{mine.pseudonym:016x}")
                found.append((person, mine.cipher.open(row[0], decision_context(decision_id))))
        return found

    def caps_of_nobody(self, since_s: float) -> list[bytes]:
        """Return what caps count of visits of nobody since a moment."""
        said = self.reading().happenings.of_nobody("CapCounted", since_s, float("inf"))
        return [one["body"] for one in said]

    def prover(self) -> Prover:
        """Return what proves identities on this box; made once, since it counts tries."""
        if self._prover is None:
            self._prover = Prover(self._app_key, self._has_last_receipt, self._note_code)
            self.on_forget(self._prover.forget)
        return self._prover

    # -- the app

    def pair_app(self, proven: Proven, now_s: float) -> AppKey:
        """Make a key for the proven person's app; the one before no longer proves anything.

        Returns when it is on disk.

        Raises:
            TrustError: The proof has grown old, or the person was erased.
        """
        proven.require(now_s)
        key = AppKey(secrets.token_bytes(APP_SECRET_BYTES))

        def put() -> bool:
            with self.writing.db.atomic():
                self._drop_app_keys(proven.person)
                kept = self.writing.persons.open(proven.person)
                if kept is not None:
                    self.writing.proofs.put_app_key(kept, key.secret)
                return kept is not None

        if not self.writer.call(put):
            raise TrustError("nothing is held about this person any more")
        return key

    def part_app(self, person: str) -> None:
        """Forget the key of a person's app: its codes prove nothing from now on."""

        def drop() -> None:
            with self.writing.db.atomic():
                self._drop_app_keys(person)

        self.writer.call(drop)

    def has_app(self, person: str) -> bool:
        """Tell whether an app is paired with the person; opens no row."""
        reading = self.reading()
        numbers = [reading.persons.number(each) for each in reading.identities(person)]
        return reading.proofs.has_app_key([n for n in numbers if n is not None])

    # -- reading without a person

    def rotating_persons(self) -> list[str]:
        """Return the pseudonyms of those who have a beacon whose id rotates; opens no row."""
        return [
            f"{unsigned(pseudonym):016x}"
            for (pseudonym,) in self.reading().db.execute(
                "SELECT DISTINCT p.pseudonym FROM beacons b JOIN persons p USING (person_no)"
                " WHERE b.rotates"
            )
        ]

    def has_event(self, source: str, event_id: str) -> bool:
        """Tell whether a message was taken already, on disk or on its way there."""
        key = self.keyed_hash.event(source, event_id)
        if not self._seen.may_hold(key):
            return False
        if key in self._recent:
            return True
        return (
            self.reading()
            .db.execute("SELECT 1 FROM events WHERE event_key = ?", [signed(key)])
            .fetchone()
            is not None
        )

    def telemetry_rows(self, query: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """Return rows of the telemetry file, which knows no persons."""
        db = open_database(
            self.directory / "telemetry.db", TELEMETRY_STEPS, is_synced=False, is_read_only=True
        )
        try:
            return list(db.execute(query, values).fetchall())
        finally:
            db.conn.close()

    def restore_state(self, *, is_endless: bool = False) -> RestoredState:
        """Return what caps count, so that a restart forgets none of it.

        Args:
            is_endless: With what was folded, for totals that never grow too old; opens a row of
                everybody who was ever shown something.
        """
        happenings = self.reading().happenings
        caps = (
            records.CapCounted(said["body"], said["at_s"], said["expires_s"], person)
            for person, said in happenings.every("CapCounted")
        )
        old = (
            records.CapsFolded(said["body"], said["at_s"], person)
            for person, said in (happenings.every("CapsFolded") if is_endless else ())
        )
        return RestoredState(tuple(caps), tuple(old))

    def caps_of(self, person: str) -> CapsOf:
        """Return what caps count of a person, merged identities included; nothing else is read."""
        found = CapsOf([], [], set(), set())
        for opened in self._parts(person):
            happenings = self.reading().happenings
            found.counted += [said["body"] for said in happenings.of(opened, "CapCounted")]
            found.folded += [said["body"] for said in happenings.of(opened, "CapsFolded")]
            for said in happenings.of(opened, "CardReacted"):
                if said["action"] != "shown":
                    found.answered.add(said["card_id"])
                if said["action"] == "reserve":
                    found.reserved.add(said["card_id"])
        return found

    def lessons(self, now_s: float, most: int) -> list[tuple[str, dict[str, Any]]]:
        """Return the newest lessons of those who allow a profile now, the oldest of them first.

        Only their rows are opened.
        """
        consents = self.consents()

        def may(person: str) -> bool:
            return consents.grant(consents.kept(person), Purpose.PROFILE, now_s) is not None

        def is_lesson(said: Mapping[str, Any]) -> bool:
            return bool(said.get("is_lesson", True))

        return self.reading().happenings.newest("Learned", now_s, most, may, is_lesson)

    # -- writing

    def append(
        self, record: Record | Sequence[Record], on_durable: Callable[[], None] | None = None
    ) -> None:
        """Leave a record for writing; several are written together or not at all.

        Never waits, but in a replay.

        Args:
            record: What happened.
            on_durable: Called on the writer's thread when it is on disk.

        Raises:
            UnavailableError: The disk is behind, and somebody waits for `on_durable`: do not
                acknowledge what this came from.
        """
        unit = Unit(tuple(record) if isinstance(record, Sequence) else (record,), on_durable)
        # Known before it is handed over, so that a unit that fails is surely forgotten again.
        for one in unit.records:
            if isinstance(one, records.EventSeen):
                self._remember(one.key)
        try:
            self.writer.append(unit)
        except UnavailableError:
            self._unremember(unit)
            raise

    def import_members(
        self, document: Mapping[str, object], now_s: float, digest: str = ""
    ) -> ImportReport:
        """Take a members document; see `imports`. Call on the thread that owns the consents.

        Args:
            document: As read from JSON.
            now_s: The present moment.
            digest: Of the file it came from; one that was taken before is not looked at again.
        """
        report = stage_members(self, document, now_s, digest)
        settle_members(self, report, now_s)
        return report

    def import_receipts(self, path: Path, digest: str = "") -> ReceiptsReport:
        """Take a file of receipts into the histories of those who allow it.

        Args:
            path: `receipts.csv.gz` or the same unpacked.
            digest: Of the file; it is read again only when somebody new allows `profile`.
        """
        return take_receipts(self, path, digest)

    def flush(self) -> None:
        """Wait until everything appended so far is on disk."""
        self.writer.flush()

    def merge(self, kept: str, absorbed: str, now_s: float) -> bool:
        """Treat two persons as one from now on; both keep their rows. See `split`.

        Returns:
            False where either is unknown, or they are one already.
        """
        if not self.consents().merge(kept, absorbed):
            return False
        self.append(records.Merged(kept, absorbed, now_s))
        self.tell_rotating((kept,), now_s)
        return True

    def split(self, absorbed: str, now_s: float) -> bool:
        """Undo a merge."""
        kept = self.consents().kept(absorbed)
        if not self.consents().split(absorbed):
            return False
        self.append(records.Parted(kept, absorbed, now_s))
        self.tell_rotating((kept, absorbed), now_s)
        return True

    def note_use(self, field: str) -> None:
        """Count that a stored field served a decision or a page; see `retention.fields_used`."""
        self._uses[field] += 1

    def write_uses(self, day: int) -> None:
        """Write the counts of uses down for a day and start anew."""
        uses, self._uses = self._uses, Counter()

        def write() -> None:
            with self.writing.db.atomic():
                for field, count in uses.items():
                    self.writing.db.execute(
                        "INSERT INTO field_uses (field, day, uses) VALUES (?, ?, ?)"
                        " ON CONFLICT (field, day) DO UPDATE SET uses = uses + excluded.uses",
                        [field, day, count],
                    )

        self.writer.call(write)

    def on_forget(self, forget: Callable[[str], object]) -> None:
        """Have something called with the pseudonym whenever a person is erased.

        For caches, queues and learned parts; called on the thread that erases.
        """
        self._on_forget.append(forget)

    def on_rotating(self, take: Callable[[str, float], None]) -> None:
        """Have something called with pseudonym and moment when somebody's rotating ids may change.

        By an import, a merge or a split; called on its thread, after the consents in memory.
        """
        self._on_rotating.append(take)

    def forget(self, person: str) -> None:
        """Drop a person from memory, here and wherever `on_forget` was asked for."""
        if self._consents is not None:
            keys = self._consents.forget(person)
            for key, other in self._sole_claims(keys):
                self._consents.settle_claim(key, other)
        for tell in self._on_forget:
            tell(person)

    def forget_elsewhere(self) -> list[str]:
        """Drop from memory whoever was erased by another process; cheap, call it every second.

        Returns:
            Their pseudonyms.
        """
        stones = self.reading().tombstones()
        if len(stones) == self._known_stones:
            return []
        self._known_stones = len(stones)
        consents = self.consents()
        gone = [
            person
            for _, _, pseudonym in stones
            if pseudonym is not None and (person := f"{pseudonym:016x}") in consents.merged(person)
        ]
        for person in gone:
            self.forget(person)
        return gone

    def since_s(self, now_s: float) -> float:
        """Return when this box began to read here; the first call sets it."""
        query = "INSERT OR IGNORE INTO meta (name, value) VALUES ('since_s', ?)"
        self.writer.call(lambda: self.writing.db.execute(query, [now_s]))
        row = self.reading().db.execute("SELECT value FROM meta WHERE name = 'since_s'").fetchone()
        return float(row[0])

    def verify_consents(self) -> tuple[int, list[Problem]]:
        """Walk the chain of consents; return its length and every place where it does not hold."""
        self.flush()
        return self.reading().log.verify()

    # -- for the other modules of this folder

    def reading(self) -> Connections:
        """Return this thread's reading connection."""
        mine: Connections | None = getattr(self._local, "reading", None)
        if mine is None:
            db = open_database(
                self.directory / "ledger.db", LEDGER_STEPS, is_synced=True, is_read_only=True
            )
            mine = Connections(db, self.keys, self.skus, self.keyed_hash)
            self._local.reading = mine
            self._readers.append(db)
        return mine

    def index_secret(self) -> bytes:
        """Return the secret of all keyed hashes, for the escrow."""
        return index_secret(self.reading().db, self.keys)

    def escrow(self) -> tuple[bytes, Path] | None:
        """Return recovery public key and file of the escrow, None where the box has none."""
        row = self.reading().db.execute("SELECT value FROM meta WHERE name = 'escrow'").fetchone()
        return None if row is None else (bytes(row[0][:32]), Path(row[0][32:].decode()))

    def remember_escrow(self, recipient: bytes, path: Path) -> None:
        """Have every erasure write this escrow anew."""

        def note() -> None:
            self.writing.db.execute(
                "INSERT OR REPLACE INTO meta (name, value) VALUES ('escrow', ?)",
                [recipient + str(path.absolute()).encode()],
            )

        self.writer.call(note)

    @property
    def has_index(self) -> bool:
        """Tell whether the consents are in memory already, so that changes must reach them."""
        return self._consents is not None

    def draw_pseudonym(self) -> int:
        """Return a number for a new person, never 0."""
        return int.from_bytes(self._draw(8), "little") or 1

    def look_for_tombstones(self) -> None:
        """Have `forget_elsewhere` look at all of them once more."""
        self._known_stones = -1

    def tell_rotating(self, persons: Iterable[str], now_s: float) -> None:
        """Tell whoever follows rotating ids that somebody's may have changed."""
        for person in persons:
            for tell in self._on_rotating:
                tell(person, now_s)

    # -- inside

    def _app_key(self, person: str) -> AppKey | None:
        return self.reading().proofs.app_key(self._parts(person))

    def _has_last_receipt(self, person: str, receipt_id: str) -> bool:
        return self.reading().proofs.is_last_receipt(self._parts(person), receipt_id)

    def _note_code(self, person: str, step: int) -> None:
        # Of every identity: which of them holds the key is the table's business.
        self.append([records.AppCodeUsed(each, step) for each in self._merged(person)])

    def _parts(self, person: str) -> list[Opened]:
        """Open every identity that is this person."""
        parts = (self._open(each) for each in self._merged(person))
        return [part for part in parts if part is not None]

    def _sole_claims(self, keys: Sequence[int]) -> list[tuple[int, str]]:
        """Return those beacons that exactly one person still claims, with that person."""
        sole = []
        for key in keys:
            rows = (
                self.reading()
                .db.execute(
                    "SELECT p.pseudonym FROM beacons b JOIN persons p USING (person_no)"
                    " WHERE b.beacon_key = ?",
                    [signed(key)],
                )
                .fetchall()
            )
            if len(rows) == 1:
                sole.append((key, f"{unsigned(rows[0][0]):016x}"))
        return sole

    def _who_allowed(self, pseudonym: int | None, now_s: float, *, is_profile: bool) -> str | None:
        """Return who that counts as, None unless they may be recognised now, and have a profile."""
        if pseudonym is None:
            return None
        consents = self.consents()
        kept = consents.kept(f"{unsigned(pseudonym):016x}")
        if consents.grant(kept, Purpose.RECOGNISE, now_s) is None:
            return None
        if is_profile and consents.grant(kept, Purpose.PROFILE, now_s) is None:
            return None
        return kept

    def _open(self, person: str) -> Opened | None:
        return self.reading().persons.open(person)

    def _merged(self, person: str) -> tuple[str, ...]:
        return self._consents.merged(person) if self._consents is not None else (person,)

    def _profile(self, opened: Sequence[Opened]) -> Profile:
        reading, bodies = self.reading(), [each.body() for each in opened]
        lines = joined([reading.goods.lines_of(each.person_no, each.cipher) for each in opened])
        not_gifts: set[int] = set()
        vetoes: dict[int, float] = {}
        waved_off: list[tuple[int, float]] = []
        offered: dict[str, Offered] = {}
        for each in opened:
            for said in reading.happenings.of(each, "GiftCorrected"):
                mine = _correct_gift(lines, said, self.skus)
                meant = set(self.skus.items(lines.sku_no[mine]).tolist()) - {UNKNOWN_ITEM}
                not_gifts = not_gifts - meant if said["is_gift"] else not_gifts | meant
            for said in reading.happenings.of(each, "Vetoed"):
                item = self.catalog.index_of(said["item_id"])
                if item is not None:
                    vetoes[item] = max(said["until_s"], vetoes.get(item, 0.0))
            for said in reading.happenings.of(each, "CardReacted"):
                item = self.catalog.index_of(said.get("item_id", ""))
                if item is not None and said["action"] == "not_now":
                    waved_off.append((item, said["at_s"]))
            for said in reading.happenings.of(each, "Learned"):
                self._note_offered(offered, said)
        homes = [body.household for body in bodies if body.household is not None]
        self._note_fields(lines, bodies)
        if offered:
            self.note_use("lessons")
        return Profile(
            purchases=reading.goods.purchases(lines),
            returned_item=reading.goods.returned_items(lines),
            returned_at_s=lines.back_at_s,
            stated=frozenset(tag for body in bodies for tag in body.stated),
            declared=dict(ChainMap(*(dict(body.declared) for body in bodies))),
            sizes=dict(ChainMap(*(dict(body.sizes) for body in bodies))),
            vetoes=vetoes,
            waved_off=tuple(waved_off),
            offered=tuple(offered.values()),
            not_gifts=frozenset(not_gifts),
            birthday=bodies[0].birthday,
            is_adult=next((b.is_adult for b in bodies if b.is_adult is not None), None),
            has_delivery=any(body.has_delivery for body in bodies),
            household=f"{self.keyed_hash.member('household:' + homes[0]):016x}" if homes else None,
            as_of_s=max(each.changed_s for each in opened),
        )

    def _note_offered(self, offered: dict[str, Offered], said: Mapping[str, Any]) -> None:
        """Note by its card an offer that was shown, and later that it was taken."""
        if said.get("offer_id") is None:
            return
        card_id, before = said["card_id"], offered.get(said["card_id"])
        if said["outcome"] == Kind.SHOWN:
            item = self.catalog.index_of(said["item_id"])
            offered[card_id] = Offered(
                said["offer_id"],
                UNKNOWN_ITEM if item is None else item,
                said["at_s"],
                is_accepted=False,
            )
        elif said["outcome"] == Kind.ACCEPTED and before is not None:
            offered[card_id] = replace(before, is_accepted=True)

    def _drop_app_keys(self, person: str) -> None:
        for each in self.writing.identities(person):
            number = self.writing.persons.number(each)
            if number is not None:
                self.writing.proofs.drop_app_key(number)

    def _unremember(self, unit: Unit) -> None:
        """Let a message be taken again whose unit could not be written."""
        for one in unit.records:
            if isinstance(one, records.EventSeen):
                self._recent.pop(self.keyed_hash.event(one.key.source, one.key.id), None)

    def _note_fields(self, lines: Lines, bodies: Sequence[MemberData]) -> None:
        """Count the fields that a read profile hands to the decision, where there is any."""
        for name in ("stated", "declared", "sizes", "is_adult", "has_delivery", "household"):
            if any(getattr(body, name) for body in bodies):
                self.note_use(name)
        if len(lines):
            self.note_use("purchases")
        if len(lines.back_at_s):
            self.note_use("returned")

    def _remember(self, key: EventKey) -> None:
        hashed = self.keyed_hash.event(key.source, key.id)
        self._seen.add(hashed)
        self._recent[hashed] = None
        if len(self._recent) > self.writer.waiting() + _EVENTS_IN_HAND:
            self._recent.pop(next(iter(self._recent)), None)

    def _beacons_of(self, person: str) -> list[int]:
        """Return the beacons of a person that nobody else claims."""
        return [
            unsigned(key)
            for (key,) in self.reading().db.execute(
                "SELECT b.beacon_key FROM beacons b JOIN persons p USING (person_no)"
                " WHERE p.pseudonym = ? AND NOT EXISTS (SELECT 1 FROM beacons o"
                " WHERE o.beacon_key = b.beacon_key AND o.person_no <> b.person_no)",
                [signed(int(person, 16))],
            )
        ]

    def _store_notices(self, db: Database) -> None:
        for notice in self.notices.all:
            texts = {
                str(purpose): {"de": text.de, "en": text.en}
                for purpose, text in notice.texts.items()
            }
            db.execute(
                "INSERT OR IGNORE INTO notices (version, body, sha256_de, sha256_en)"
                " VALUES (?, ?, ?, ?)",
                [
                    notice.version,
                    msgspec.json.encode(texts),
                    notice.sha256("de"),
                    notice.sha256("en"),
                ],
            )


def _drawn(decisions: Mapping[str, Sequence[str]], most: int) -> set[str]:
    """Return whole groups of decisions by the hash of their names, until there are so many.

    What belongs together is told together: to skip every second decision may leave of every visit
    the first out. The same are drawn each time.
    """
    found: set[str] = set()
    for name in sorted(decisions, key=lambda name: hashlib.sha256(name.encode()).digest()):
        if len(found) >= most:
            break
        found.update(decisions[name])
    return found


def _correct_gift(lines: Lines, said: Mapping[str, Any], skus: SkuBook) -> NDArray[np.bool_]:
    """Set whether a basket, or one sku of it, was a gift; in place, the columns are ours.

    Returns:
        bool[n], the lines it was said of.
    """
    mine: NDArray[np.bool_] = lines.receipt == np.uint64(int(said["receipt"], 16))
    if said["sku"] is not None:
        mine &= lines.sku_no == skus.number(said["sku"])
    lines.is_gift[mine] = said["is_gift"]
    return mine
