"""The tables of both files, as numbered steps; a step once released is never edited.

`ledger.db` holds what may not be lost and is synced at every commit; `telemetry.db` holds what a
power cut may take. Every row of a person is encrypted with that person's key, or holds nothing but
pseudonyms, keyed hashes and bits.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from sqlite_utils import Database

from edge.core.errors import UnavailableError

# Page caches: of the connection that writes the ledger, and of each of the others; every thread
# that reads has one. More brings nothing measurable with 50,000 members.
_CACHE_KIB, _SMALL_CACHE_KIB = 1_000, 250
_BUSY_MS = 10_000

LEDGER_STEPS: tuple[tuple[str, ...], ...] = (
    (
        # Single values: the ledger's own secrets (wrapped), the head of the consent chain.
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
        "CREATE TABLE secrets (name TEXT PRIMARY KEY, wrapped BLOB NOT NULL) WITHOUT ROWID",
        # One row a person. pseudonym and member_key are 64-bit values in SQLite's signed form.
        "CREATE TABLE persons (person_no INTEGER PRIMARY KEY, pseudonym INTEGER NOT NULL UNIQUE,"
        " member_key INTEGER NOT NULL UNIQUE, changed_s REAL NOT NULL, body BLOB NOT NULL)",
        "CREATE TABLE person_keys (person_no INTEGER PRIMARY KEY, wrapped BLOB NOT NULL)",
        "CREATE TABLE beacons (beacon_key INTEGER NOT NULL, person_no INTEGER NOT NULL,"
        " PRIMARY KEY (beacon_key, person_no)) WITHOUT ROWID",
        "CREATE INDEX beacons_of_person ON beacons (person_no)",
        # The present consents: bit i of `given` is purpose i, `stated` one float64 a purpose.
        "CREATE TABLE consent_states (person_no INTEGER PRIMARY KEY, given INTEGER NOT NULL,"
        " stated BLOB NOT NULL)",
        # The chain. After an erasure `payload` is gone and its hash stays in its place.
        "CREATE TABLE consent_log (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, person_no INTEGER,"
        " payload BLOB, payload_hash BLOB, hash BLOB NOT NULL)",
        "CREATE INDEX consent_log_of_person ON consent_log (person_no) WHERE person_no IS NOT NULL",
        "CREATE TABLE notices (version TEXT PRIMARY KEY, body BLOB NOT NULL, sha256_de BLOB NOT"
        " NULL, sha256_en BLOB NOT NULL) WITHOUT ROWID",
        "CREATE TABLE tombstones (member_key INTEGER PRIMARY KEY, erased_s REAL NOT NULL,"
        " pseudonym INTEGER, proof BLOB NOT NULL)",
        # Goods: years of receipts in one compact row a person, younger ones a row each.
        "CREATE TABLE skus (sku_no INTEGER PRIMARY KEY, sku TEXT NOT NULL UNIQUE)",
        "CREATE TABLE histories (person_no INTEGER PRIMARY KEY, body BLOB NOT NULL)",
        "CREATE TABLE receipts (receipt_key INTEGER PRIMARY KEY, person_no INTEGER,"
        " day INTEGER NOT NULL, body BLOB)",
        "CREATE INDEX receipts_of_person ON receipts (person_no)"
        " WHERE person_no IS NOT NULL AND body IS NOT NULL",
        "CREATE INDEX receipts_of_nobody ON receipts (day) WHERE person_no IS NULL",
        "CREATE TABLE events (event_key INTEGER PRIMARY KEY, day INTEGER NOT NULL)",
        "CREATE TABLE decisions (decision_id TEXT PRIMARY KEY, visit_id TEXT NOT NULL, at_s REAL"
        " NOT NULL, surface TEXT NOT NULL, person_no INTEGER, body BLOB NOT NULL)",
        "CREATE INDEX decisions_by_time ON decisions (at_s)",
        "CREATE INDEX decisions_of_person ON decisions (person_no) WHERE person_no IS NOT NULL",
        "CREATE TABLE happenings (happening_no INTEGER PRIMARY KEY, kind TEXT NOT NULL, at_s REAL"
        " NOT NULL, expires_s REAL NOT NULL, person_no INTEGER, body BLOB NOT NULL)",
        "CREATE INDEX happenings_by_kind ON happenings (kind, at_s)",
        "CREATE INDEX happenings_of_person ON happenings (person_no) WHERE person_no IS NOT NULL",
    ),
    (
        # Two persons that are one: what the chain's merges and splits amount to.
        "CREATE TABLE merges (absorbed_no INTEGER PRIMARY KEY, kept_no INTEGER NOT NULL)",
        # How often each stored field served a decision or a page, by day: for the report (C25).
        "CREATE TABLE field_uses (field TEXT NOT NULL, day INTEGER NOT NULL, uses INTEGER NOT"
        " NULL, PRIMARY KEY (field, day)) WITHOUT ROWID",
    ),
    (
        # Whose bodies hold keys of ids that rotate, so that a start opens no other. Which beacons
        # of before do, only an opened body tells: they count as rotating until the next import.
        "ALTER TABLE beacons ADD COLUMN rotates INTEGER NOT NULL DEFAULT 1",
        "CREATE INDEX beacons_that_rotate ON beacons (person_no) WHERE rotates",
    ),
    (
        # Proofs of identity: the key of the paired app, and what the last receipts hash to.
        "CREATE TABLE app_keys (person_no INTEGER PRIMARY KEY, sealed BLOB NOT NULL,"
        " used_step INTEGER NOT NULL DEFAULT 0)",
        "CREATE TABLE last_receipts (person_no INTEGER NOT NULL, day INTEGER NOT NULL,"
        " digest BLOB NOT NULL, PRIMARY KEY (person_no, digest)) WITHOUT ROWID",
    ),
    (
        # Who has allowed something since their fields were last taken in.
        "ALTER TABLE consent_states ADD COLUMN wants INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX consent_wants ON consent_states (person_no) WHERE wants",
    ),
)

TELEMETRY_STEPS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE visits (visit_id TEXT PRIMARY KEY, started_s REAL NOT NULL, ended_s REAL,"
        " is_recognised INTEGER NOT NULL, reason TEXT) WITHOUT ROWID",
        "CREATE INDEX visits_by_time ON visits (started_s)",
        "CREATE TABLE zone_changes (visit_id TEXT NOT NULL, at_s REAL NOT NULL, zone TEXT NOT NULL,"
        " PRIMARY KEY (visit_id, at_s)) WITHOUT ROWID",
    ),
)


def open_database(
    path: Path, steps: Sequence[Sequence[str]], *, is_synced: bool, is_read_only: bool = False
) -> Database:
    """Open a file, bring its tables up to date and set what every connection needs.

    Args:
        path: Created where missing.
        steps: The numbered steps; the file's `user_version` counts those it has.
        is_synced: Every commit reaches the disk (FULL) or may wait (NORMAL).
        is_read_only: Refuse writes on this connection; changes no table.

    Raises:
        UnavailableError: No database, unreadable, or written by a newer version.
    """
    try:
        # autocommit: transactions are begun by `atomic`, never behind our back
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        db = Database(connection)
        db.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA synchronous = {'FULL' if is_synced else 'NORMAL'}")
        db.execute("PRAGMA secure_delete = ON")
        db.execute("PRAGMA temp_store = MEMORY")
        is_ledger = is_synced and not is_read_only
        db.execute(f"PRAGMA cache_size = -{_CACHE_KIB if is_ledger else _SMALL_CACHE_KIB}")
        if is_read_only:
            db.execute("PRAGMA query_only = ON")
        else:
            migrate(db, steps)
    except sqlite3.Error as error:
        raise UnavailableError(
            f"{path}: cannot be opened ({error}); restore a backup or free the disk"
        ) from error
    return db


def migrate(db: Database, steps: Sequence[Sequence[str]], upto: int | None = None) -> int:
    """Take the steps a file has not had; each is whole or not at all.

    Returns:
        The number of steps the file has now.

    Raises:
        UnavailableError: The file knows more steps than this program.
    """
    done: int = db.execute("PRAGMA user_version").fetchone()[0]
    if done > len(steps):
        raise UnavailableError(
            f"the database is of version {done}, this program knows {len(steps)}: update the box"
        )
    for number, statements in enumerate(steps[:upto], start=1):
        if number <= done:
            continue
        with db.atomic():
            for statement in statements:
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {number}")
    return max(done, len(steps[:upto]))


def signed(key: int) -> int:
    """Return an unsigned 64-bit value in the form SQLite stores."""
    return key - (1 << 64) if key >= 1 << 63 else key


def unsigned(key: int) -> int:
    """Return the unsigned 64-bit value of what SQLite stored."""
    return key + (1 << 64) if key < 0 else key
