"""Rows of persons: who stands behind a pseudonym, encrypted under a key of their own."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from sqlite_utils import Database

from edge.adapters.sqlite.keys import BoxKeys, Cipher
from edge.adapters.sqlite.schema import signed, unsigned
from edge.adapters.sqlite.sealing import random_key
from edge.core.minimisation import MemberData

_OPEN = (
    "SELECT p.person_no, p.pseudonym, p.changed_s, p.body, k.wrapped"
    " FROM persons p JOIN person_keys k USING (person_no)"
)
# Every table with rows of persons, but for their keys and the chain, which have ways of their own.
TABLES_OF_PERSONS = (
    "persons", "beacons", "consent_states", "histories", "receipts", "decisions", "happenings",
    "app_keys", "last_receipts",
)  # fmt: skip
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(MemberData).decode


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A person's row with the key to everything else of that person."""

    person_no: int
    pseudonym: int
    changed_s: float
    cipher: Cipher
    sealed: bytes
    receipt_secret: bytes

    def body(self) -> MemberData:
        """Decrypt who the person is."""
        return _decode(self.cipher.open(self.sealed, _context(self.pseudonym)))


class Persons:
    """The table of persons and the table of their keys, through one connection."""

    def __init__(self, db: Database, keys: BoxKeys) -> None:
        self._db, self._keys = db, keys

    def number(self, person: str) -> int | None:
        """Return the row number of a pseudonym, None where nobody (any more) has it."""
        row = self._db.execute(
            "SELECT person_no FROM persons WHERE pseudonym = ?", [_stored(person)]
        ).fetchone()
        return None if row is None else int(row[0])

    def number_of_member(self, member_key: int) -> int | None:
        """Return the row number of a member's keyed hash."""
        row = self._db.execute(
            "SELECT person_no FROM persons WHERE member_key = ?", [signed(member_key)]
        ).fetchone()
        return None if row is None else int(row[0])

    def pseudonym_of_member(self, member_key: int) -> str | None:
        """Return the pseudonym of a member's keyed hash, None for one not known."""
        row = self._db.execute(
            "SELECT pseudonym FROM persons WHERE member_key = ?", [signed(member_key)]
        ).fetchone()
        return None if row is None else f"{unsigned(row[0]):016x}"

    def open(self, person: str) -> Opened | None:
        """Open a person by pseudonym; None where there is no such person or key."""
        return self._opened(f"{_OPEN} WHERE p.pseudonym = ?", _stored(person))

    def open_number(self, person_no: int) -> Opened | None:
        """Open a person by row number."""
        return self._opened(f"{_OPEN} WHERE p.person_no = ?", person_no)

    def _opened(self, query: str, value: int | None) -> Opened | None:
        row = self._db.execute(query, [value]).fetchone()
        if row is None:
            return None
        number, pseudonym, changed_s, sealed, wrapped = row
        key = self._keys.unwrap(wrapped, _context(unsigned(pseudonym)))
        cipher, secret = Cipher(key), _receipt_secret(key)
        return Opened(number, unsigned(pseudonym), changed_s, cipher, sealed, secret)

    def add(self, pseudonym: int, member_key: int, body: MemberData, now_s: float) -> Opened:
        """Take a new person with a new key."""
        key = random_key()
        cipher, context = Cipher(key), _context(pseudonym)
        sealed = cipher.seal(_encode(body), context)
        # Numbers of erased persons are not given again: a backup may still hold rows under them.
        (number,) = self._db.execute(
            "SELECT 1 + max((SELECT coalesce(max(person_no), 0) FROM persons),"
            " (SELECT coalesce(max(value), 0) FROM meta WHERE name = 'last_erased_no'))"
        ).fetchone()
        self._db.execute(
            "INSERT INTO persons (person_no, pseudonym, member_key, changed_s, body)"
            " VALUES (?, ?, ?, ?, ?)",
            [number, signed(pseudonym), signed(member_key), now_s, sealed],
        )
        self.put_key(number, pseudonym, key)
        return Opened(number, pseudonym, now_s, cipher, sealed, _receipt_secret(key))

    def put_key(self, person_no: int, pseudonym: int, key: bytes) -> None:
        """Keep a person's key, wrapped."""
        self._db.execute(
            "INSERT OR REPLACE INTO person_keys (person_no, wrapped) VALUES (?, ?)",
            [person_no, self._keys.wrap(key, _context(pseudonym))],
        )

    def change(self, opened: Opened, body: MemberData, now_s: float) -> None:
        """Replace who the person is."""
        self._db.execute(
            "UPDATE persons SET body = ?, changed_s = ? WHERE person_no = ?",
            [
                opened.cipher.seal(_encode(body), _context(opened.pseudonym)),
                now_s,
                opened.person_no,
            ],
        )

    def delete(self, person_no: int) -> dict[str, int]:
        """Destroy a person's key and every row of that person, inside the caller's transaction.

        Returns:
            Rows deleted by table.
        """
        deleted = {}
        for table in ("person_keys", *TABLES_OF_PERSONS):
            query = f"DELETE FROM {table} WHERE person_no = ?"  # noqa: S608
            cursor = self._db.execute(query, [person_no])
            deleted[table] = cursor.rowcount
        self._db.execute(
            "DELETE FROM merges WHERE absorbed_no = ? OR kept_no = ?", [person_no, person_no]
        )
        self._db.execute(
            "INSERT INTO meta (name, value) VALUES ('last_erased_no', ?)"
            " ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
            [person_no],
        )
        return deleted

    def all_keys(self) -> Iterator[tuple[int, bytes]]:
        """Yield pseudonym and plain data key of everybody, for the escrow."""
        for pseudonym, wrapped in self._db.execute(
            "SELECT p.pseudonym, k.wrapped FROM persons p JOIN person_keys k USING (person_no)"
        ).fetchall():
            yield unsigned(pseudonym), self._keys.unwrap(wrapped, _context(unsigned(pseudonym)))


def _stored(person: str) -> int | None:
    """Return a pseudonym as SQLite keeps it, None for a text that is no pseudonym."""
    try:
        return signed(int(person, 16)) if len(person) == 16 else None
    except ValueError:
        return None


def _receipt_secret(key: bytes) -> bytes:
    """Return the secret under which the person's last receipts are hashed: it dies with the key."""
    return hashlib.blake2b(key=key, digest_size=32, person=b"last receipt").digest()


def _context(pseudonym: int) -> bytes:
    return b"person" + pseudonym.to_bytes(8, "big")
