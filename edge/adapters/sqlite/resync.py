"""Taking in what a chain hands over, once and again: cheap where nothing is new.

A document that was taken before is not looked at again, but for those who have since allowed what
their fields are for: of them alone the fields are wanted. Reading and writing run on any thread;
what changes in memory is settled on the thread that owns the consents.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from edge.adapters.sqlite.imports import (
    ImportReport,
    MemberImport,
    ReceiptImport,
    ReceiptsReport,
    members_of,
)
from edge.adapters.sqlite.schema import unsigned
from edge.core.consent import PURPOSES, Purpose

if TYPE_CHECKING:
    from edge.adapters.sqlite.ledger import Ledger


def is_new(ledger: "Ledger", kind: str, digest: str) -> bool:
    """Tell whether a file was not taken yet, by the digest of its bytes."""
    row = (
        ledger.reading()
        .db.execute("SELECT value FROM meta WHERE name = ?", [f"taken_{kind}"])
        .fetchone()
    )
    return row is None or row[0] != digest


def wanted(ledger: "Ledger") -> frozenset[int]:
    """Return the member keys of those who allowed something their fields were not taken for."""
    return frozenset(
        unsigned(key)
        for (key,) in ledger.reading().db.execute(
            "SELECT p.member_key FROM consent_states s JOIN persons p USING (person_no)"
            " WHERE s.wants"
        )
    )


def stage_members(
    ledger: "Ledger", document: Mapping[str, object], now_s: float, digest: str = ""
) -> ImportReport:
    """Write what a members document says; see `imports`.

    Args:
        ledger: Of the box.
        document: As read from JSON.
        now_s: The present moment.
        digest: Of the file it came from.

    Returns:
        A report that `settle_members` must be given.
    """
    only = None
    if digest and not is_new(ledger, "members", digest):
        only = wanted(ledger)
        if not only:
            return ImportReport(is_repeated=True)
        _answer(ledger, only)
    importing = MemberImport(
        ledger.writer.call,
        ledger.writing.db,
        ledger.writing.persons,
        ledger.recorder,
        ledger.keyed_hash,
        ledger.draw_pseudonym,
    )
    members = members_of(document)
    report = importing.take(members, now_s, notes=ledger.has_index, only=only)
    _note_taken(ledger, "members", digest)
    return report


def settle_members(ledger: "Ledger", report: ImportReport, now_s: float) -> frozenset[str]:
    """Bring the memory up to date; on the thread that owns the consents.

    Returns:
        The pseudonyms about whom something may have changed.
    """
    touched: frozenset[str] = frozenset()
    if ledger.has_index:
        touched = report.apply_to(ledger.consents())
        ledger.look_for_tombstones()  # somebody may have been erased between writing and now
    ledger.tell_rotating(sorted(report.rotating), now_s)
    return touched


def take_receipts(ledger: "Ledger", path: Path, digest: str = "") -> ReceiptsReport:
    """Take a file of receipts into the histories of those who allow it, on any thread.

    Args:
        ledger: Of the box.
        path: `receipts.csv.gz` or the same unpacked.
        digest: Of the file; it is read again only when somebody new allows `profile`.
    """
    may = _profile_consents(ledger)
    allowed = hashlib.sha256(repr(sorted(n for n, is_given in may.values() if is_given)).encode())
    mark = f"{digest} {allowed.hexdigest()}" if digest else ""
    if mark and not is_new(ledger, "receipts", mark):
        return ReceiptsReport(is_repeated=True)
    importing = ReceiptImport(
        ledger.writer.call,
        ledger.writing.db,
        ledger.writing.persons,
        ledger.writing.goods,
        ledger.skus,
        ledger.keyed_hash,
        may,
    )
    report = importing.take(path)
    _note_taken(ledger, "receipts", mark)
    return report


def _answer(ledger: "Ledger", keys: frozenset[int]) -> None:
    """Note, before the file is read, that these were looked for: also who is not in it, is not.

    A consent that comes while it is read wants once more.
    """

    def write() -> None:
        with ledger.writing.db.atomic():
            for key in sorted(keys):
                number = ledger.writing.persons.number_of_member(key)
                if number is not None:
                    ledger.recorder.satisfied(number)

    ledger.writer.call(write)


def _note_taken(ledger: "Ledger", kind: str, mark: str) -> None:
    query = "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)"
    ledger.writer.call(lambda: ledger.writing.db.execute(query, [f"taken_{kind}", mark]))


def _profile_consents(ledger: "Ledger") -> dict[int, tuple[int, bool]]:
    bit = 1 << PURPOSES.index(Purpose.PROFILE)
    return {
        unsigned(key): (number, bool(given & bit))
        for key, number, given in ledger.reading().db.execute(
            "SELECT p.member_key, p.person_no, coalesce(s.given, 0)"
            " FROM persons p LEFT JOIN consent_states s USING (person_no)"
        )
    }
