"""Backups without keys, and restoring one without bringing anybody back.

A backup is a copy of the ledger's tables but for the two that hold keys. A restore takes the keys
from the box's present ledger or from an opened escrow, applies every tombstone it can find first,
and keeps the newest word about consents: yesterday's backup does not undo today's withdrawal.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlite_utils import Database

from edge.adapters.sqlite.connections import index_secret
from edge.adapters.sqlite.consentlog import ConsentLog, Entry
from edge.adapters.sqlite.escrow import Escrow, open_escrow
from edge.adapters.sqlite.keys import BoxKeys
from edge.adapters.sqlite.ledger import Ledger
from edge.adapters.sqlite.persons import TABLES_OF_PERSONS, Persons
from edge.adapters.sqlite.schema import LEDGER_STEPS, migrate, open_database, signed, unsigned
from edge.core.consent import PURPOSES, Purpose
from edge.core.errors import ConfigError, StammgastError, UnavailableError

_KEY_TABLES = frozenset({"secrets", "person_keys"})
# What the present ledger knows better than any backup.
_NEWEST_TABLES = (
    "consent_log", "consent_states", "tombstones", "notices", "meta", "merges", "app_keys",
    "last_receipts",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did.

    Attributes:
        persons: Persons known now.
        buried: Persons in the backup who were erased since: left out.
        without_key: Persons whose key nobody has: left out, their rows cannot be read.
        has_newest_consents: The box's own ledger was still there to give the latest word.
    """

    persons: int
    buried: int
    without_key: int
    has_newest_consents: bool


def backup(ledger: Ledger, path: Path) -> int:
    """Copy the ledger without its keys into one file; the box goes on writing meanwhile.

    Returns:
        Bytes written.
    """
    ledger.flush()
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
        db = Database(connection)
        migrate(db, LEDGER_STEPS)
        db.execute("ATTACH DATABASE ? AS box", [str(ledger.directory / "ledger.db")])
        with db.atomic():
            _copy_tables(db, "box", "main", sorted(_tables(db) - _KEY_TABLES))
        db.execute("DETACH DATABASE box")
    fresh.chmod(0o600)
    _sync(fresh)
    fresh.replace(path)
    return path.stat().st_size


def restore(
    directory: Path, box_key: bytes, backup_file: Path, escrow_file: Path | None = None
) -> Restored:
    """Put a backup in the place of the ledger; the box must not be running.

    Args:
        directory: Of the box's databases; may be empty, on a new box.
        box_key: Of this box.
        backup_file: Made by `backup`.
        escrow_file: Keys sealed to this box; needed where the present ledger is gone.

    Raises:
        ConfigError: The backup is missing or is none, or no keys are to be had.
    """
    keys = BoxKeys(box_key)
    directory.mkdir(parents=True, exist_ok=True)
    present = directory / "ledger.db"
    fresh = directory / "ledger.db.restoring"
    _copy_backup(backup_file, fresh)
    with _database(fresh) as db:
        with _maybe_database(present) as old:
            known = _known(old, keys, escrow_file)
            has_newest = old is not None
        if has_newest:
            db.execute("ATTACH DATABASE ? AS old", [str(present)])
        with db.atomic():
            if has_newest:
                _take_newest(db)
            done = _rebuild(db, keys, known, has_newest=has_newest)
        if has_newest:
            db.execute("DETACH DATABASE old")
        db.execute("VACUUM")  # rows of the buried leave no bytes behind
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for leftover in ("-wal", "-shm"):
        (directory / f"ledger.db{leftover}").unlink(missing_ok=True)
        (directory / f"ledger.db.restoring{leftover}").unlink(missing_ok=True)
    _sync(fresh)
    fresh.replace(present)
    _sync(directory)
    return done


def _known(old: Database | None, keys: BoxKeys, escrow_file: Path | None) -> Escrow:
    """Gather keys and tombstones from wherever there are any; of two, the escrow adds."""
    parts: list[Escrow] = []
    if old is not None:
        persons = Persons(old, keys)
        tombstones = tuple(
            (unsigned(key), at_s, None if pseudonym is None else unsigned(pseudonym))
            for key, at_s, pseudonym in old.execute(
                "SELECT member_key, erased_s, pseudonym FROM tombstones"
            )
        )
        parts.append(Escrow(index_secret(old, keys), dict(persons.all_keys()), tombstones))
    if escrow_file is not None:
        parts.append(open_escrow(escrow_file, keys))
    if not parts:
        raise ConfigError(
            [
                "restore: this box has no ledger to take the keys from; give keys from the escrow,"
                " opened for this box with `stammgast-provisioning recovery-key open`"
            ]
        )
    first = parts[0]
    return Escrow(
        first.index_secret,
        {name: key for part in reversed(parts) for name, key in part.keys.items()},
        tuple({stone[0]: stone for part in parts for stone in part.tombstones}.values()),
    )


def _take_newest(db: Database) -> None:
    for table in _NEWEST_TABLES:
        db.execute(f"DELETE FROM main.{table}")  # noqa: S608
    _copy_tables(db, "old", "main", _NEWEST_TABLES)
    # Members that came after the backup: without them their consents would be nobody's.
    db.execute(
        "INSERT OR IGNORE INTO main.persons SELECT * FROM old.persons"
        " WHERE person_no NOT IN (SELECT person_no FROM main.persons)"
    )
    db.execute("INSERT OR IGNORE INTO main.beacons SELECT * FROM old.beacons")


def _rebuild(db: Database, keys: BoxKeys, known: Escrow, *, has_newest: bool) -> Restored:
    for member_key, at_s, pseudonym in known.tombstones:
        db.execute(
            "INSERT OR IGNORE INTO tombstones (member_key, erased_s, pseudonym, proof)"
            " VALUES (?, ?, ?, x'')",
            [signed(member_key), at_s, None if pseudonym is None else signed(pseudonym)],
        )
    db.execute("DELETE FROM secrets")
    db.execute(
        "INSERT INTO secrets (name, wrapped) VALUES ('index', ?)",
        [keys.wrap(known.index_secret, b"index")],
    )
    persons, log = Persons(db, keys), ConsentLog(db, keys)
    buried = without_key = alive = 0
    for number, pseudonym, is_buried in db.execute(
        "SELECT person_no, pseudonym, EXISTS (SELECT 1 FROM tombstones t WHERE"
        " t.member_key = p.member_key OR t.pseudonym = p.pseudonym) FROM persons p"
    ).fetchall():
        key = known.keys.get(unsigned(pseudonym))
        if is_buried or key is None:
            buried, without_key = buried + is_buried, without_key + (not is_buried)
            log.blank(number)
            persons.delete(number)
        else:
            alive += 1
            persons.put_key(number, unsigned(pseudonym), key)
    _forget_profiles(db)
    for table in TABLES_OF_PERSONS:
        db.execute(
            f"DELETE FROM {table} WHERE person_no IS NOT NULL"  # noqa: S608
            " AND person_no NOT IN (SELECT person_no FROM persons)"
        )
    log.append("restore", None, None, Entry(0, 0.0))
    return Restored(alive, buried, without_key, has_newest)


def _forget_profiles(db: Database) -> None:
    """Delete what a backup holds from before the last word about `profile`.

    It may have been withdrawn since, and given again: then the lessons and the decisions of before
    must stay gone.
    """
    bit = PURPOSES.index(Purpose.PROFILE)
    for number, given, stated in db.execute(
        "SELECT person_no, given, stated FROM consent_states WHERE person_no IN"
        " (SELECT person_no FROM happenings WHERE kind = 'Learned'"
        " UNION SELECT person_no FROM decisions)"
    ).fetchall():
        since_s = np.frombuffer(stated, "<f8")[bit] if given >> bit & 1 else np.inf
        before = [number, float(since_s)]
        db.execute(
            "DELETE FROM happenings WHERE person_no = ? AND kind = 'Learned' AND at_s < ?", before
        )
        db.execute("DELETE FROM decisions WHERE person_no = ? AND at_s < ?", before)


def _copy_backup(backup_file: Path, fresh: Path) -> None:
    if not backup_file.exists():
        raise ConfigError([f"{backup_file}: no such file; expected a backup"])
    fresh.unlink(missing_ok=True)
    try:
        with (
            contextlib.closing(sqlite3.connect(backup_file)) as source,
            contextlib.closing(sqlite3.connect(fresh)) as target,
        ):
            source.execute("SELECT count(*) FROM persons").fetchone()
            source.backup(target)
    except sqlite3.Error as error:
        fresh.unlink(missing_ok=True)
        raise ConfigError([f"{backup_file.name}: not a backup ({error})"]) from error


@contextlib.contextmanager
def _database(path: Path) -> Iterator[Database]:
    db = open_database(path, LEDGER_STEPS, is_synced=True)
    try:
        yield db
    finally:
        db.conn.close()


@contextlib.contextmanager
def _maybe_database(path: Path) -> Iterator[Database | None]:
    """Open the present ledger, or yield None where it is gone or broken."""
    db = None
    if path.exists():
        with contextlib.suppress(StammgastError, sqlite3.Error):
            db = open_database(path, LEDGER_STEPS, is_synced=True)
            if db.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise UnavailableError("broken")
    try:
        yield db
    finally:
        if db is not None:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            db.conn.close()


def _tables(db: Database) -> set[str]:
    return {
        name
        for (name,) in db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
    }


def _copy_tables(db: Database, source: str, target: str, tables: Iterable[str]) -> None:
    for table in tables:
        query = f"INSERT OR REPLACE INTO {target}.{table} SELECT * FROM {source}.{table}"  # noqa: S608
        db.execute(query)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
