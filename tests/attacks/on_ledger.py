"""Attacks on what lies on disk: to change the ledger unseen, to read it, to bring somebody back."""

import hashlib
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edge.adapters.sqlite import backup as backups
from edge.adapters.sqlite import consentlog, erasure, escrow, export, persons, retention
from edge.adapters.sqlite import recording as recorded
from edge.adapters.sqlite.backup import backup, restore
from edge.adapters.sqlite.consentlog import ConsentLog
from edge.adapters.sqlite.erasure import erase, verify_proof
from edge.adapters.sqlite.keys import BoxKeys, Cipher
from edge.adapters.sqlite.ledger import Ledger
from edge.adapters.sqlite.retention import forget_old
from edge.core import minimisation, proof
from edge.core.consent import KeyedHash, Purpose
from edge.core.errors import TrustError
from edge.core.events import EventKey
from edge.core.minimisation import minimise
from edge.core.proof import Proven
from edge.core.records import CardShown, EventSeen
from tests.attacks.attack import (
    KEY,
    NAME,
    NOW_S,
    OTHER,
    VICTIM,
    Attack,
    Removal,
    both,
    box,
    catalog,
    document,
    member,
    patched,
    person_of,
    refused,
)

Rows = Callable[[sqlite3.Connection], object]

# -- changing the chain of consents unseen


def unseen(change: Rows) -> Callable[[Path], bool]:
    """The aim: after a change of the file with any database tool the chain still verifies."""

    def succeeds(folder: Path) -> bool:
        ledger = box(folder)
        ledger.close()
        with sqlite3.connect(folder / "data" / "ledger.db") as db:
            change(db)
        again = Ledger.open(folder / "data", KEY, catalog())
        try:
            return again.verify_consents()[1] == []
        finally:
            again.close()

    return succeeds


def edit_payload(db: sqlite3.Connection) -> None:
    db.execute("UPDATE consent_log SET payload = zeroblob(40) WHERE seq = 1")


def edit_kind(db: sqlite3.Connection) -> None:
    db.execute("UPDATE consent_log SET kind = 'erasure' WHERE seq = 1")


def swap_entries(db: sqlite3.Connection) -> None:
    (first,), (second,) = db.execute("SELECT payload FROM consent_log ORDER BY seq").fetchall()
    db.execute("UPDATE consent_log SET payload = ? WHERE seq = 1", [second])
    db.execute("UPDATE consent_log SET payload = ? WHERE seq = 2", [first])


def cut_tail(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM consent_log WHERE seq = 2")


def drop_first(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM consent_log WHERE seq = 1")
    db.execute("UPDATE consent_log SET seq = 1 WHERE seq = 2")


def pretend_erasure(db: sqlite3.Connection) -> None:
    """Blank a payload as an erasure would, with a hash of the attacker's own."""
    fake = hashlib.sha256(b"never said").digest()
    db.execute("UPDATE consent_log SET payload = NULL, payload_hash = ? WHERE seq = 1", [fake])


def rewrite_all(db: sqlite3.Connection) -> None:
    """Change an entry and compute every hash anew, as the program itself would."""
    db.execute("UPDATE consent_log SET payload = zeroblob(40) WHERE seq = 1")
    head = consentlog._GENESIS
    for seq, kind, payload in db.execute(
        "SELECT seq, kind, payload FROM consent_log ORDER BY seq"
    ).fetchall():
        head = consentlog._link(head, seq, kind, hashlib.sha256(payload).digest())
        db.execute("UPDATE consent_log SET hash = ? WHERE seq = ?", [head, seq])


NO_LINKS = patched(consentlog, "_link", lambda *_: bytes(32))
NO_HEAD = patched(ConsentLog, "_head_problems", lambda *_: [])


# -- moving ciphertext between rows and persons


def moved(change: Rows, read: Callable[[Ledger], str | None], aim: str) -> Callable[[Path], bool]:
    """The aim: whoever may read one row reads another through it."""

    def succeeds(folder: Path) -> bool:
        ledger = box(folder)
        ledger.close()
        with sqlite3.connect(folder / "data" / "ledger.db") as db:
            change(db)
        again = Ledger.open(folder / "data", KEY, catalog())
        try:
            return aim in (read(again) or "")
        except TrustError:
            return False
        finally:
            again.close()

    return succeeds


def swap_bodies_and_keys(db: sqlite3.Connection) -> None:
    for table, column in (("persons", "body"), ("person_keys", "wrapped")):
        (one,), (two,) = db.execute(f"SELECT {column} FROM {table} ORDER BY person_no").fetchall()
        db.execute(f"UPDATE {table} SET {column} = ? WHERE person_no = 1", [two])
        db.execute(f"UPDATE {table} SET {column} = ? WHERE person_no = 2", [one])


def swap_bodies(db: sqlite3.Connection) -> None:
    (one,), (two,) = db.execute("SELECT body FROM persons ORDER BY person_no").fetchall()
    db.execute("UPDATE persons SET body = ? WHERE person_no = 1", [two])
    db.execute("UPDATE persons SET body = ? WHERE person_no = 2", [one])


def give_decision_away(db: sqlite3.Connection) -> None:
    """Hang the victim's decision on the other person's name."""
    db.execute("UPDATE decisions SET person_no = 2 WHERE person_no = 1")


def name_of_other(ledger: Ledger) -> str | None:
    person = person_of(ledger, OTHER)
    grant = ledger.consents().grant(person, Purpose.STAFF_GREETING, NOW_S)
    assert grant is not None
    return ledger.name(person, grant, NOW_S)


def decision_of_victim(ledger: Ledger) -> str | None:
    grant = ledger.consents().grant(person_of(ledger, OTHER), Purpose.PROFILE, NOW_S)
    body = ledger.decision(f"d-{VICTIM}", grant, NOW_S)
    return None if body is None else body.decode()


ONE_KEY = patched(persons, "random_key", lambda: bytes(32))
NO_CONTEXT = both(
    patched(persons, "_context", lambda _: b""),
    patched(recorded, "decision_context", lambda _: b""),
)


# -- reading a stolen disk


def found_on_disk(*values: bytes) -> Callable[[Path], bool]:
    def succeeds(folder: Path) -> bool:
        box(folder).close()
        raw = b"".join(path.read_bytes() for path in (folder / "data").iterdir())
        return any(value in raw for value in values)

    return succeeds


def id_guessed(folder: Path) -> bool:
    """Hash every member id of a leaked list and look for the hashes."""
    box(folder).close()
    guess = KeyedHash(b"").member(VICTIM)
    with sqlite3.connect(folder / "data" / "ledger.db") as db:
        stored = {row[0] % (1 << 64) for row in db.execute("SELECT member_key FROM persons")}
    return guess in stored


def no_encryption(patch: Any) -> None:
    patch.setattr(Cipher, "seal", lambda self, plain, context: plain)
    patch.setattr(Cipher, "open", lambda self, sealed, context: sealed)


def no_secret(patch: Any) -> None:
    real = KeyedHash.__init__
    patch.setattr(KeyedHash, "__init__", lambda self, secret: real(self, b""))


# -- bringing somebody back


def back_after(steps: Callable[[Ledger, Path], Ledger]) -> Callable[[Path], bool]:
    """The aim: a person who was erased is known again."""

    def succeeds(folder: Path) -> bool:
        ledger = steps(box(folder), folder)
        try:
            return ledger.consents().person_of_member(VICTIM) is not None
        finally:
            ledger.close()

    return succeeds


def resync(ledger: Ledger, folder: Path) -> Ledger:
    erase(ledger, person_of(ledger, VICTIM), NOW_S)
    ledger.import_members(document(member(VICTIM, "profile", name=NAME)), NOW_S)
    return ledger


def restored(ledger: Ledger, folder: Path) -> Ledger:
    backup(ledger, folder / "b.backup")
    with_keys = [(person, bytes(key)) for person, key in ledger.reading().persons.all_keys()]
    erase(ledger, person_of(ledger, VICTIM), NOW_S)
    ledger.close()
    content = escrow.Escrow(_secret(folder), dict(with_keys), ())
    kept = backups._known

    def knows_old_keys(*words: Any) -> Any:
        """An old copy of the escrow was kept against the rule: the keys are still to be had."""
        now = kept(*words)
        return escrow.Escrow(content.index_secret, content.keys, now.tombstones)

    backups._known = knows_old_keys  # type: ignore[assignment]
    try:
        restore(folder / "data", KEY, folder / "b.backup")
    finally:
        backups._known = kept
    return Ledger.open(folder / "data", KEY, catalog())


def _secret(folder: Path) -> bytes:
    with sqlite3.connect(folder / "data" / "ledger.db") as db:
        (wrapped,) = db.execute("SELECT wrapped FROM secrets").fetchone()
    return BoxKeys(KEY).unwrap(wrapped, b"index")


def read_from_backup(folder: Path) -> bool:
    """Yesterday's backup and the box's own key, after the erasure."""
    ledger = box(folder)
    backup(ledger, folder / "b.backup")
    person = person_of(ledger, VICTIM)
    erase(ledger, person, NOW_S)
    ledger.close()
    with sqlite3.connect(folder / "b.backup") as db:
        row = db.execute(
            "SELECT p.body, k.wrapped FROM persons p JOIN person_keys k USING (person_no)"
            " WHERE p.person_no = 1"
        ).fetchone()
    if row is None:
        return False
    context = b"person" + int(person, 16).to_bytes(8, "big")
    key = BoxKeys(KEY).unwrap(row[1], context)
    return NAME.encode() in Cipher(key).open(row[0], context)


def key_left_in(*names: str) -> Callable[[Path], bool]:
    """The aim: the wrapped key is still in a file after the erasure; the box key opens it."""

    def succeeds(folder: Path) -> bool:
        ledger = box(folder)
        (wrapped,) = ledger.writing.db.execute(
            "SELECT wrapped FROM person_keys WHERE person_no = 1"
        ).fetchone()
        erase(ledger, person_of(ledger, VICTIM), NOW_S)
        copy = folder / "stolen"
        copy.mkdir()
        for name in names:
            shutil.copy(folder / "data" / name, copy / name)
        ledger.close()
        return any(wrapped in path.read_bytes() for path in copy.iterdir())

    return succeeds


def insecure_delete(patch: Any) -> None:
    real = Ledger.__init__

    def init(self: Ledger, *words: Any, **more: Any) -> None:
        real(self, *words, **more)
        self.writing.db.execute("PRAGMA secure_delete = OFF")

    patch.setattr(Ledger, "__init__", init)


def number_given_again(folder: Path) -> bool:
    """A newcomer gets the erased one's number, under which a backup still has rows."""
    ledger = box(folder)
    erase(ledger, person_of(ledger, OTHER), NOW_S)
    ledger.import_members(document(member("M-new")), NOW_S)
    number = ledger.writing.persons.number(person_of(ledger, "M-new"))
    ledger.close()
    return number == 2


def forgets_numbers(patch: Any) -> None:
    real = persons.Persons.delete

    def delete(self: persons.Persons, person_no: int) -> dict[str, int]:
        done = real(self, person_no)
        self._db.execute("DELETE FROM meta WHERE name = 'last_erased_no'")
        return done

    patch.setattr(persons.Persons, "delete", delete)


def still_in_flight(folder: Path) -> bool:
    """A record about her was on its way while she was erased."""
    ledger = box(folder)
    person = person_of(ledger, VICTIM)
    erase(ledger, person, NOW_S)
    ledger.append(CardShown("c", "d", "v", "coat", NOW_S, person))
    ledger.flush()
    (count,) = ledger.writing.db.execute("SELECT count(*) FROM happenings").fetchone()
    ledger.close()
    return bool(count)


def writes_for_anybody(patch: Any) -> None:
    real = recorded.Recorder._happening

    def happening(self: recorded.Recorder, record: Any) -> None:
        self._ledger.execute(
            "INSERT INTO happenings (kind, at_s, expires_s, body) VALUES ('x', 0, 9e9, x'')"
        )
        real(self, record)

    patch.setattr(recorded.Recorder, "_happening", happening)


# -- forged papers


def receipt_accepted(forge: Callable[[dict[str, Any]], object]) -> Callable[[Path], bool]:
    def succeeds(folder: Path) -> bool:
        ledger = box(folder)
        try:
            proven = Proven(person_of(ledger, VICTIM), "app", NOW_S + 60, proof._SEAL)
            receipt = export.consent_receipts(ledger, proven, NOW_S)[0]
            forge(receipt)
            return export.is_genuine(ledger, receipt)
        finally:
            ledger.close()

    return succeeds


def number_is_enough(ledger: Ledger, receipt: Mapping[str, Any]) -> bool:
    seq = int(str(receipt["consentReceiptID"]).partition("-")[0])
    query = "SELECT 1 FROM consent_log WHERE seq = ?"
    return ledger.reading().db.execute(query, [seq]).fetchone() is not None


def accepts_any_signature(patch: Any) -> None:
    class Anybody:
        @staticmethod
        def from_public_bytes(_: bytes) -> "Anybody":
            return Anybody()

        def verify(self, *_: bytes) -> None: ...

    patch.setattr(erasure, "Ed25519PublicKey", Anybody)


def proof_forged(folder: Path) -> bool:
    """A box with another key says it erased somebody."""
    other = Ledger.open(folder / "other", bytes(32), catalog())
    other.import_members(document(member(VICTIM)), NOW_S)
    done = erase(other, person_of(other, VICTIM), NOW_S)
    other.close()
    assert done is not None
    return not refused(lambda: verify_proof(done.token, BoxKeys(KEY).verifying), TrustError)


def clock_wipes(folder: Path) -> bool:
    """The clock jumps ten years ahead; the daily run finds everything old."""
    ledger = box(folder)
    ledger.append(_event())
    ledger.flush()
    forget_old(ledger, NOW_S + 4_000 * 86_400)
    (left,) = ledger.writing.db.execute("SELECT count(*) FROM events").fetchone()
    ledger.close()
    return not left


def _event() -> Any:
    return EventSeen(EventKey("s", "1"), NOW_S)


# -- telling the box what it must not know


def stored(**more: Any) -> Callable[[Path], bool]:
    """The aim: a value that nobody should tell a shop is in what would be written down."""

    def succeeds(_: Path) -> bool:
        body = minimise({"member_id": "M1", **more}, Counter())
        return "geheim" in repr(body)

    return succeeds


NO_TOMBSTONES = patched(erasure, "_bury", lambda *_: None)
NOT_DENIED: Removal = both(
    patched(minimisation, "DENIED", {}),
    patched(minimisation, "_AD_IDS", ()),
)
DECLARES_ALL: Removal = both(
    NOT_DENIED, patched(minimisation, "_DECLARABLE", frozenset({"birth_year", "shoe_brand"}))
)
EVERYTHING_FITS = patched(minimisation, "_UNFIT", re.compile(r"(?!)"))

DENIED: dict[str, dict[str, Any]] = {
    "the birth year among the sizes": {"sizes": {"birth_year": "1971 geheim"}},
    "the birthplace among the sizes": {"sizes": {"Geburtsort": "geheim"}},
    "relatives among the sizes": {"sizes": {"mother's name": "geheim"}},
    "health among the tags": {"stated": ["health:geheim"]},
    "blood pressure among the sizes": {"sizes": {"bloodPressure": "geheim"}},
    "belief among the tags": {"stated": ["religion:geheim"]},
    "a face template among the sizes": {"sizes": {"face-template": "geheim"}},
    "a mood among the tags": {"stated": ["mood:geheim"]},
    "a track among the sizes": {"sizes": {"gps": "geheim"}},
    "debts among the tags": {"stated": ["schufa:geheim"]},
    "an advertising id as a beacon": {"beacons": ["idfa:geheim"]},
    "an advertising id among the sizes": {"sizes": {"gclid": "geheim"}},
}

ATTACKS = (
    Attack("an entry changed", NO_LINKS, unseen(edit_payload)),
    Attack("an entry made another kind", NO_LINKS, unseen(edit_kind)),
    Attack("two entries swapped", NO_LINKS, unseen(swap_entries)),
    Attack("the last entry cut off", NO_HEAD, unseen(cut_tail)),
    Attack("the first entry dropped", both(NO_LINKS, NO_HEAD), unseen(drop_first)),
    Attack("an erasure pretended", NO_LINKS, unseen(pretend_erasure)),
    Attack("the whole chain rewritten", NO_HEAD, unseen(rewrite_all)),
    Attack(
        "two persons' rows and keys swapped",
        NO_CONTEXT,
        moved(swap_bodies_and_keys, name_of_other, NAME),
    ),
    Attack(
        "two persons' rows swapped",
        both(ONE_KEY, NO_CONTEXT),
        moved(swap_bodies, name_of_other, NAME),
    ),
    Attack(
        "a decision given to somebody else",
        ONE_KEY,
        moved(give_decision_away, decision_of_victim, VICTIM),
    ),
    Attack("names on a stolen disk", no_encryption, found_on_disk(NAME.encode())),
    Attack("decisions on a stolen disk", no_encryption, found_on_disk(b"decision of")),
    Attack("member ids guessed from their hashes", no_secret, id_guessed),
    Attack(
        "a re-sync after the erasure",
        patched(erasure, "_bury", lambda *_: None),
        back_after(resync),
    ),
    Attack(
        "a backup and an old escrow after the erasure",
        patched(erasure, "_bury", lambda *_: None),
        back_after(restored),
    ),
    Attack(
        "a backup and the box's key after the erasure",
        patched(backups, "_KEY_TABLES", frozenset()),
        read_from_backup,
    ),
    Attack(
        "the key left in the write-ahead log",
        patched(erasure, "empty_logs", lambda *_: None),
        key_left_in("ledger.db", "ledger.db-wal"),
    ),
    Attack("the key left in a free page", insecure_delete, key_left_in("ledger.db")),
    Attack("an erased person's number given again", forgets_numbers, number_given_again),
    Attack("a record on its way during the erasure", writes_for_anybody, still_in_flight),
    Attack(
        "a consent receipt for more",
        patched(export, "is_genuine", number_is_enough),
        receipt_accepted(lambda r: r["services"][0]["purposes"][0].update(purpose="partners")),
    ),
    Attack(
        "a consent receipt of somebody else",
        patched(export, "is_genuine", number_is_enough),
        receipt_accepted(lambda r: r.update(piiPrincipalId=OTHER)),
    ),
    Attack(
        "a consent receipt with an earlier date",
        patched(export, "is_genuine", number_is_enough),
        receipt_accepted(lambda r: r.update(consentTimestamp=1.0)),
    ),
    Attack("a forged proof of erasure", accepts_any_signature, proof_forged),
    Attack("a clock that jumps ahead", patched(retention, "_AHEAD_DAYS", 10**6), clock_wipes),
    Attack("markup as a name", EVERYTHING_FITS, stored(name="<script>geheim</script>")),
    Attack("a template as a name", EVERYTHING_FITS, stored(name="{{geheim}}")),
    *(Attack(name, NOT_DENIED, stored(**more)) for name, more in DENIED.items()),
    Attack("the birth year declared", DECLARES_ALL, stored(declared={"birth_year": "geheim"})),
    Attack("an undeclared trait declared", DECLARES_ALL, stored(declared={"shoe_brand": "geheim"})),
)
