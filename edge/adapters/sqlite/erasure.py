"""Forgetting a person for good, and proving it.

The key goes, the rows go, their bytes are overwritten, the write-ahead log is emptied, and whoever
keeps something about the person is told. A tombstone stays: a keyed hash that lets every restore
and re-sync know whom not to bring back.
"""

import base64
import hashlib
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlite_utils import Database

from edge.adapters.sqlite.consentlog import Entry
from edge.adapters.sqlite.escrow import refresh_escrow
from edge.adapters.sqlite.ledger import Ledger
from edge.adapters.sqlite.persons import Opened
from edge.adapters.sqlite.schema import signed
from edge.core.errors import TrustError, UnavailableError

# How long to wait for readers to let go of the write-ahead log.
_CHECKPOINT_S = 5.0


class Proof(msgspec.Struct, frozen=True):
    """What an erasure proves: that the person whose member id has this hash is gone.

    Attributes:
        member_hash: SHA-256 of salt and member id, both as text; the person can recompute it.
        entry: Number and hash of the chain's entry that records it.
    """

    kind: str
    erased_s: float
    salt: str
    member_hash: str
    entry: int
    entry_hash: str


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was done.

    Attributes:
        token: For the person: the proof with the box's signature.
        rows: Rows deleted by table, over all merged identities.
        entries: Consent entries whose payload was taken.
    """

    token: str
    rows: Mapping[str, int]
    entries: int


def erase(ledger: Ledger, person: str, now_s: float) -> Erasure | None:
    """Erase a person, with every identity merged into it.

    Call it on the thread that owns the consents. It returns when the bytes are gone from both
    files.

    Args:
        ledger: Of the box.
        person: Pseudonym.
        now_s: The present moment.

    Returns:
        None where there is no such person (any more).

    Raises:
        UnavailableError: The rows are gone, but a reader keeps their bytes in the log; repeat.
    """
    merged = ledger.consents().merged(person) or (person,)
    done = erase_stored(ledger, merged, now_s)
    for each in merged:
        ledger.forget(each)
    return done


def erase_stored(ledger: Ledger, persons: tuple[str, ...], now_s: float) -> Erasure | None:
    """Erase what is on disk, on any thread; `Ledger.forget` must follow for what is in memory.

    Args:
        ledger: Of the box.
        persons: The pseudonyms that are this person.
        now_s: The present moment.
    """
    done = ledger.writer.call(lambda: _erase_rows(ledger, persons, now_s))
    ledger.writer.call(lambda: empty_logs(ledger.writing.db, ledger.telemetry))
    refresh_escrow(ledger)
    return done


def erase_member(ledger: Ledger, member_id: str, now_s: float) -> Erasure | None:
    """Erase by loyalty id; one that was never imported gets a tombstone all the same."""
    person = ledger.consents().person_of_member(member_id)
    if person is not None:
        return erase(ledger, person, now_s)
    key = ledger.keyed_hash.member(member_id)

    def bury() -> None:
        with ledger.writing.db.atomic():
            _bury(ledger.writing.db, key, None, now_s, b"")

    ledger.writer.call(bury)
    refresh_escrow(ledger)
    return None


def erase_declared(ledger: Ledger, member_ids: Sequence[str], now_s: float) -> list[str]:
    """Erase on disk members whose erasure was declared elsewhere; on any thread.

    Who was erased before is left alone; who was never here gets a tombstone.

    Returns:
        The pseudonyms that `Ledger.forget` must be called with.
    """
    gone: list[str] = []
    keys = {ledger.keyed_hash.member(member_id) for member_id in member_ids}
    fresh = keys - {key for key, _, _ in ledger.reading().tombstones()}

    def erase_all() -> None:
        for key in sorted(fresh):
            person = ledger.writing.persons.pseudonym_of_member(key)
            if person is not None:
                gone.extend(ledger.writing.identities(person))
                _erase_rows(ledger, ledger.writing.identities(person), now_s)
            else:
                with ledger.writing.db.atomic():
                    _bury(ledger.writing.db, key, None, now_s, b"")
        empty_logs(ledger.writing.db, ledger.telemetry)

    if fresh:
        ledger.writer.call(erase_all)
        refresh_escrow(ledger)
    return gone


def verify_proof(token: str, verifying_key: bytes) -> Proof:
    """Check a proof token with the box's public key.

    Raises:
        TrustError: Not made by this box, or changed.
    """
    try:
        body, signature = (base64.urlsafe_b64decode(part) for part in token.split("."))
        Ed25519PublicKey.from_public_bytes(verifying_key).verify(signature, body)
        return msgspec.json.decode(body, type=Proof)
    except (ValueError, InvalidSignature, msgspec.DecodeError) as error:
        raise TrustError("not a proof of this box") from error


def empty_logs(*databases: Database) -> None:
    """Move everything into the files and cut the write-ahead logs to nothing.

    Raises:
        UnavailableError: A reader held on to a log for too long.
    """
    deadline = time.monotonic() + _CHECKPOINT_S
    for db in databases:
        while db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            if time.monotonic() > deadline:
                raise UnavailableError(
                    "a reader keeps erased bytes in the write-ahead log: end it and erase again"
                )
            time.sleep(0.005)


def _erase_rows(ledger: Ledger, persons: tuple[str, ...], now_s: float) -> Erasure | None:
    db, rows, entries, token = ledger.writing.db, dict[str, int](), 0, ""
    with db.atomic():
        for person in persons:
            opened = ledger.writing.persons.open(person)
            if opened is None:
                continue
            entries += ledger.writing.log.blank(opened.person_no)
            token = token or _sign(ledger, opened, now_s)
            member_key = ledger.keyed_hash.member(opened.body().member_id)
            _bury(db, member_key, opened.pseudonym, now_s, token.encode())
            for table, count in ledger.writing.persons.delete(opened.person_no).items():
                rows[table] = rows.get(table, 0) + count
    return Erasure(token, rows, entries) if token else None


def _sign(ledger: Ledger, opened: Opened, now_s: float) -> str:
    seq = ledger.writing.log.append("erasure", None, None, Entry(0, now_s))
    (entry_hash,) = ledger.writing.db.execute(
        "SELECT hash FROM consent_log WHERE seq = ?", [seq]
    ).fetchone()
    salt = secrets.token_hex(16)
    member_hash = hashlib.sha256((salt + opened.body().member_id).encode()).hexdigest()
    body = msgspec.json.encode(
        Proof("stammgast.erasure.v1", now_s, salt, member_hash, seq, entry_hash.hex())
    )
    parts = (body, ledger.keys.sign(body))
    return ".".join(base64.urlsafe_b64encode(part).decode() for part in parts)


def _bury(db: Database, member_key: int, pseudonym: int | None, now_s: float, proof: bytes) -> None:
    db.execute(
        "INSERT OR IGNORE INTO tombstones (member_key, erased_s, pseudonym, proof)"
        " VALUES (?, ?, ?, ?)",
        [signed(member_key), now_s, None if pseudonym is None else signed(pseudonym), proof],
    )
