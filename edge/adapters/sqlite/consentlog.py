"""The consent ledger: an append-only chain that shows what was said, when, and to which words.

Every entry's hash covers the one before, so nothing can be changed, dropped or put in between;
the head is tagged with a key of the box, so nothing can be cut off or rewritten as a whole.
Payloads are encrypted with the person's key. An erasure takes the payloads of a person and leaves
their hashes: the chain still verifies and says nothing any more.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
from sqlite_utils import Database

from edge.adapters.sqlite.keys import BoxKeys, Cipher
from edge.core.consent import Purpose, Statement

_GENESIS = hashlib.sha256(b"stammgast consent ledger v1").digest()


class Said(msgspec.Struct, frozen=True, array_like=True):
    """One statement inside an entry."""

    purpose: Purpose
    is_given: bool
    at_s: float
    notice_version: str
    language: str
    method: str


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """The payload of an entry.

    `kind` is `consent` (one statement or, for an import, several), `merge` or `split` (then `other`
    is the pseudonym taken into this one, or out of it).
    """

    pseudonym: int
    received_s: float
    said: tuple[Said, ...] = ()
    other: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A place where the chain does not hold."""

    seq: int
    found: str


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Entry).decode


class ConsentLog:
    """Appends to the chain and walks it."""

    def __init__(self, db: Database, keys: BoxKeys) -> None:
        self._db, self._keys = db, keys

    def append(self, kind: str, person_no: int | None, cipher: Cipher | None, entry: Entry) -> int:
        """Add an entry inside the caller's transaction.

        Args:
            kind: `consent`, `merge`, `split`, `erasure`, `purpose` or `restore`.
            person_no: None where the entry is about nobody (any more).
            cipher: Of the person; None leaves the payload readable: it must then name nobody.
            entry: The payload.

        Returns:
            The number of the entry.
        """
        last, head = self._head()
        seq = last + 1
        payload = _encode(entry)
        if cipher is not None:
            payload = cipher.seal(payload, _context(seq))
        hashed = _link(head, seq, kind, hashlib.sha256(payload).digest())
        self._db.execute(
            "INSERT INTO consent_log (seq, kind, person_no, payload, hash) VALUES (?, ?, ?, ?, ?)",
            [seq, kind, person_no, payload, hashed],
        )
        self.tag_head(seq, hashed)
        return seq

    def tag_head(self, seq: int, hashed: bytes) -> None:
        """Note which entry is the last, so that cutting the chain shows."""
        tag = self._keys.mac(seq.to_bytes(8, "big") + hashed)
        self._db.execute(
            "INSERT OR REPLACE INTO meta (name, value) VALUES ('consent_head', ?)",
            [seq.to_bytes(8, "big") + hashed + tag],
        )

    def blank(self, person_no: int) -> int:
        """Take the payloads of a person and keep their hashes; return how many."""
        rows = self._db.execute(
            "SELECT seq, payload FROM consent_log WHERE person_no = ? AND payload IS NOT NULL",
            [person_no],
        ).fetchall()
        for seq, payload in rows:
            self._db.execute(
                "UPDATE consent_log SET payload = NULL, person_no = NULL, payload_hash = ?"
                " WHERE seq = ?",
                [hashlib.sha256(payload).digest(), seq],
            )
        return len(rows)

    def entries_of(self, person_no: int, cipher: Cipher) -> Iterator[tuple[int, str, bytes, Entry]]:
        """Yield number, kind, hash and payload of a person's entries, oldest first."""
        for seq, kind, payload, hashed in self._db.execute(
            "SELECT seq, kind, payload, hash FROM consent_log"
            " WHERE person_no = ? AND payload IS NOT NULL ORDER BY seq",
            [person_no],
        ).fetchall():
            yield seq, kind, hashed, _decode(cipher.open(payload, _context(seq)))

    def verify(self) -> tuple[int, list[Problem]]:
        """Walk the whole chain.

        Returns:
            How many entries there are, and every place where it does not hold.
        """
        head, last, problems = _GENESIS, 0, list[Problem]()
        for seq, kind, payload, payload_hash, hashed in self._db.execute(
            "SELECT seq, kind, payload, payload_hash, hash FROM consent_log ORDER BY seq"
        ):
            if seq != last + 1:
                problems.append(Problem(seq, f"entry {last + 1} is missing"))
            content = payload_hash if payload is None else hashlib.sha256(payload).digest()
            if content is None or _link(head, seq, kind, content) != hashed:
                problems.append(Problem(seq, "the entry was changed, or one before it"))
            head, last = hashed, seq
        return last, problems + self._head_problems(last, head)

    def _head_problems(self, last: int, head: bytes) -> list[Problem]:
        row = self._db.execute("SELECT value FROM meta WHERE name = 'consent_head'").fetchone()
        if row is None:
            return [Problem(last, "the tag of the last entry is missing")] if last else []
        noted, tag = row[0][:40], row[0][40:]
        if tag != self._keys.mac(noted):
            return [Problem(last, "the tag of the last entry is not of this box")]
        if noted != last.to_bytes(8, "big") + head:
            at = int.from_bytes(noted[:8], "big")
            return [Problem(last, f"the chain was cut or rewritten: entry {at} was the last")]
        return []

    def _head(self) -> tuple[int, bytes]:
        row = self._db.execute(
            "SELECT seq, hash FROM consent_log ORDER BY seq DESC LIMIT 1"
        ).fetchone()
        return row or (0, _GENESIS)


def said_of(statements: Sequence[Statement]) -> tuple[Said, ...]:
    """Return statements as an entry holds them."""
    return tuple(
        Said(s.purpose, s.is_given, s.at_s, s.notice_version, s.language, s.method)
        for s in statements
    )


def _context(seq: int) -> bytes:
    return b"consent" + seq.to_bytes(8, "big")


def _link(head: bytes, seq: int, kind: str, payload_hash: bytes) -> bytes:
    return hashlib.sha256(head + seq.to_bytes(8, "big") + kind.encode() + payload_hash).digest()
