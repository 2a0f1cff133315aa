"""Which row each record becomes. Runs on the writer's thread, inside its transaction.

A record about a person who was erased meanwhile is written without the person, or not at all where
nothing else is in it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from sqlite_utils import Database

from edge.adapters.sqlite.consentlog import ConsentLog, Entry, said_of
from edge.adapters.sqlite.consentstates import ConsentStates
from edge.adapters.sqlite.goods import Goods
from edge.adapters.sqlite.persons import Opened, Persons
from edge.adapters.sqlite.proofs import Proofs
from edge.adapters.sqlite.schema import signed, unsigned
from edge.core import records
from edge.core.consent import KeyedHash, Purpose, Statement
from edge.core.notices import NoticeBook
from edge.core.person import DAY_S
from edge.core.records import Record
from edge.core.register import HISTORY_DAYS

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, Any]).decode

# How long happenings are read; retention deletes them afterwards. Days, proposals until a chain
# decides (see `edge.core.register`).
HAPPENING_DAYS = 90.0


class Recorder:
    """Writes records through the two writing connections."""

    def __init__(
        self,
        ledger: Database,
        telemetry: Database,
        persons: Persons,
        goods: Goods,
        log: ConsentLog,
        keyed_hash: KeyedHash,
        notices: NoticeBook,
    ) -> None:
        self._ledger, self._telemetry = ledger, telemetry
        self._persons, self._goods, self._log = persons, goods, log
        self._hash = keyed_hash
        self._states, self._proofs = ConsentStates(ledger, notices), Proofs(ledger)
        self.counts: Counter[str] = Counter()
        self._by_kind: dict[type, Callable[[Any], None]] = {
            records.EventSeen: self._event,
            records.SaleRecorded: self._sale,
            records.VoidRecorded: lambda record: self._goods.take_void(record.void),
            records.ReturnRecorded: self._return,
            records.ConsentChanged: lambda record: self.take_statements([record.statement]),
            records.AppCodeUsed: self._code_used,
            records.DecisionMade: self._decision,
            records.Merged: self._merged,
            records.Parted: self._parted,
            records.VisitStarted: self._visit_started,
            records.ZoneEntered: self._zone_entered,
            records.VisitEnded: self._visit_ended,
        }

    def write(self, record: Record) -> None:
        """Write one record."""
        self._by_kind.get(type(record), self._happening)(record)

    def take_statements(self, said: list[Statement]) -> None:
        """Write statements of one person as one entry of the chain, and what they changed."""
        opened = self._persons.open(said[0].person)
        if opened is None:
            self.counts["consent_of_nobody"] += 1
            return
        entry = Entry(opened.pseudonym, max(s.received_s for s in said), said_of(said))
        self._log.append("consent", opened.person_no, opened.cipher, entry)
        self._states.apply(opened.person_no, said)
        if any(one.purpose is Purpose.PROFILE and not one.is_given for one in said):
            self._forget_profile(opened.person_no)

    def _forget_profile(self, person_no: int) -> None:
        """Delete with a withdrawn profile what came of it: a later consent must not bring it back.

        What it taught, and the records of decisions, which hold its grounds. What else the consent
        justified is not read without it, and goes at night.
        """
        for number in self._states.one_person(person_no):
            if Purpose.PROFILE not in self._states.effective(number):
                self._ledger.execute(
                    "DELETE FROM happenings WHERE person_no = ? AND kind = 'Learned'", [number]
                )
                self._ledger.execute("DELETE FROM decisions WHERE person_no = ?", [number])

    def given(self, person_no: int) -> frozenset[Purpose]:
        """Return what a person allows, with statements just taken, and merged ones as one."""
        return self._states.effective(person_no)

    def satisfied(self, person_no: int) -> None:
        """Note that a person's fields were taken in for everything the person allows."""
        self._states.satisfied(person_no)

    def news_of(self, said: list[Statement]) -> list[Statement]:
        """Return those statements of one person that say something new.

        A file imported again repeats every consent; the chain would grow by it for nothing.
        """
        number = self._persons.number(said[0].person) if said else None
        return [] if number is None else self._states.news_of(number, said)

    def _event(self, record: records.EventSeen) -> None:
        self._ledger.execute(
            "INSERT OR IGNORE INTO events (event_key, day) VALUES (?, ?)",
            [
                signed(self._hash.event(record.key.source, record.key.id)),
                int(record.at_s // DAY_S),
            ],
        )

    def _sale(self, record: records.SaleRecorded) -> None:
        opened, sale = self._opened(record.person), record.sale
        self._goods.take_sale(sale, None if opened is None else opened.person_no)
        buyer = opened
        if buyer is None and sale.member_id is not None:
            number = self._persons.number_of_member(self._hash.member(sale.member_id))
            buyer = None if number is None else self._persons.open_number(number)
        if buyer is not None:
            self._proofs.note_receipts(buyer, [sale.receipt_id], int(sale.sold_at_s // DAY_S))

    def _code_used(self, record: records.AppCodeUsed) -> None:
        number = self._persons.number(record.person)
        if number is not None:
            self._proofs.note_code(number, record.step)

    def _return(self, record: records.ReturnRecorded) -> None:
        opened = self._opened(record.person)
        self._goods.take_return(record.goods, None if opened is None else opened.person_no)

    def _merged(self, record: records.Merged) -> None:
        if self._link(record, "merge"):
            numbers = [self._persons.number(who) for who in (record.absorbed, record.kept)]
            self._ledger.execute(
                "INSERT OR REPLACE INTO merges (absorbed_no, kept_no) VALUES (?, ?)", numbers
            )
            for number in numbers:  # a consent of one may open fields of the other
                if number is not None:
                    self._states.want(number)

    def _parted(self, record: records.Parted) -> None:
        if self._link(record, "split"):
            self._ledger.execute(
                "DELETE FROM merges WHERE absorbed_no = ?", [self._persons.number(record.absorbed)]
            )

    def _link(self, record: records.Merged | records.Parted, kind: str) -> bool:
        """Write into the chain that two became one, or two again."""
        kept, absorbed = self._opened(record.kept), self._opened(record.absorbed)
        if kept is None or absorbed is None:
            return False
        entry = Entry(kept.pseudonym, record.at_s, (), absorbed.pseudonym)
        self._log.append(kind, kept.person_no, kept.cipher, entry)
        return True

    def _decision(self, record: records.DecisionMade) -> None:
        opened = self._opened(record.person)
        if record.person is not None and opened is None:
            return
        body = record.body
        if opened is not None:
            body = opened.cipher.seal(body, decision_context(record.decision_id))
        self._ledger.execute(
            "INSERT OR REPLACE INTO decisions"
            " (decision_id, visit_id, at_s, surface, person_no, body) VALUES (?, ?, ?, ?, ?, ?)",
            [
                record.decision_id,
                # Of a person's decision the visit is inside the body: else the two would be linked.
                record.visit_id if opened is None else "",
                record.at_s,
                record.surface,
                None if opened is None else opened.person_no,
                body,
            ],
        )

    def _happening(self, record: records.Personal) -> None:
        opened = self._opened(record.person)
        if record.person is not None and opened is None:
            return
        kind = type(record).__name__
        body = _encode(_anonymous(record))
        cursor = self._ledger.execute(
            "INSERT INTO happenings (kind, at_s, expires_s, person_no, body)"
            " VALUES (?, ?, ?, ?, x'')",
            [
                kind,
                record.at_s,
                expiry_s(record),
                None if opened is None else opened.person_no,
            ],
        )
        number = int(cursor.lastrowid)
        if opened is not None:
            body = opened.cipher.seal(body, happening_context(number))
        self._ledger.execute(
            "UPDATE happenings SET body = ? WHERE happening_no = ?", [body, number]
        )

    def _visit_started(self, record: records.VisitStarted) -> None:
        self._telemetry.execute(
            "INSERT OR IGNORE INTO visits (visit_id, started_s, is_recognised) VALUES (?, ?, ?)",
            [record.visit_id, record.at_s, record.is_recognised],
        )

    def _zone_entered(self, record: records.ZoneEntered) -> None:
        self._telemetry.execute(
            "INSERT OR IGNORE INTO zone_changes (visit_id, at_s, zone) VALUES (?, ?, ?)",
            [record.visit_id, record.at_s, record.zone],
        )

    def _visit_ended(self, record: records.VisitEnded) -> None:
        self._telemetry.execute(
            "UPDATE visits SET ended_s = ?, reason = ? WHERE visit_id = ?",
            [record.at_s, record.reason, record.visit_id],
        )

    def _opened(self, person: str | None) -> Opened | None:
        if person is None:
            return None
        opened = self._persons.open(person)
        if opened is None:
            self.counts["of_nobody"] += 1
        return opened


class Happenings:
    """Reads happenings back, through one connection."""

    def __init__(self, db: Database, persons: Persons) -> None:
        self._db, self._persons = db, persons

    def of(self, opened: Opened, kind: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield a person's happenings of a kind (None: of every kind), oldest first."""
        rows = self._db.execute(
            "SELECT happening_no, kind, body FROM happenings"
            " WHERE person_no = ? AND (kind = ? OR ? IS NULL) ORDER BY happening_no",
            [opened.person_no, kind, kind],
        ).fetchall()
        for number, found, body in rows:
            plain = opened.cipher.open(body, happening_context(number))
            yield {"kind": found, **_decode(plain)}

    def of_nobody(self, kind: str, start_s: float, end_s: float) -> Iterator[dict[str, Any]]:
        """Yield happenings of a kind that are about no person, in [start_s, end_s)."""
        for (body,) in self._db.execute(
            "SELECT body FROM happenings WHERE kind = ? AND at_s >= ? AND at_s < ?"
            " AND person_no IS NULL ORDER BY happening_no",
            [kind, start_s, end_s],
        ).fetchall():
            yield {"kind": kind, **_decode(body)}

    def newest(
        self,
        kind: str,
        now_s: float,
        most: int,
        may: Callable[[str], bool],
        is_wanted: Callable[[Mapping[str, Any]], bool],
    ) -> list[tuple[str, dict[str, Any]]]:
        """Return pseudonym and content of the newest of a kind that still live, the oldest first.

        Args:
            kind: Of happening.
            now_s: The present moment.
            most: Returned at most.
            may: Whether a person's rows may be opened.
            is_wanted: Whether what was opened counts.
        """
        rows = self._db.execute(
            "SELECT h.happening_no, h.person_no, p.pseudonym, h.body FROM happenings h"
            " JOIN persons p USING (person_no)"
            " WHERE h.kind = ? AND h.expires_s > ? ORDER BY h.happening_no DESC",
            [kind, now_s],
        )
        keys: dict[int, Opened | None] = {}
        found: list[tuple[str, dict[str, Any]]] = []
        for number, person_no, pseudonym, body in rows:
            person = f"{unsigned(pseudonym):016x}"
            if person_no not in keys:
                keys[person_no] = self._persons.open(person) if may(person) else None
            opened = keys[person_no]
            if opened is not None:
                said = _decode(opened.cipher.open(body, happening_context(number)))
                if is_wanted(said):
                    found.append((person, said))
            if len(found) == most:
                break
        return found[::-1]

    def every(self, kind: str) -> Iterator[tuple[str | None, dict[str, Any]]]:
        """Yield pseudonym and content of everything of a kind, oldest first."""
        rows = self._db.execute(
            "SELECT happening_no, person_no, body FROM happenings"
            " WHERE kind = ? ORDER BY happening_no",
            [kind],
        ).fetchall()
        for number, person_no, body in rows:
            if person_no is None:
                yield None, _decode(body)
                continue
            opened = self._persons.open_number(person_no)
            if opened is not None:
                plain = opened.cipher.open(body, happening_context(number))
                yield f"{opened.pseudonym:016x}", _decode(plain)


def expiry_s(record: records.Personal) -> float:
    """Return when a happening is of no use any more."""
    match record:
        case records.CapCounted():
            return record.expires_s
        case records.CapsFolded():  # as long as the membership and the consent
            return float("inf")
        case records.Vetoed():
            return record.until_s
        case records.GiftCorrected():  # as long as the receipt it corrects
            return record.at_s + HISTORY_DAYS * DAY_S
        case _:
            return record.at_s + HAPPENING_DAYS * DAY_S


def decision_context(decision_id: str) -> bytes:
    """Return what binds an encrypted decision to its row."""
    return b"decision" + decision_id.encode()


def happening_context(number: int) -> bytes:
    """Return what binds an encrypted happening to its row."""
    return b"happening" + number.to_bytes(8, "big")


def _anonymous(record: records.Personal) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__slots__ if name != "person"}
