"""What belongs to one connection to the ledger, and the ledger's own secret."""

import secrets
from collections.abc import Callable

from sqlite_utils import Database

from edge.adapters.sqlite.consentlog import ConsentLog
from edge.adapters.sqlite.goods import Goods, SkuBook
from edge.adapters.sqlite.keys import BoxKeys
from edge.adapters.sqlite.persons import Persons
from edge.adapters.sqlite.recording import Happenings
from edge.adapters.sqlite.schema import unsigned
from edge.core.consent import KeyedHash


class Connections:
    """Everything that belongs to one connection to the ledger."""

    def __init__(self, db: Database, keys: BoxKeys, skus: SkuBook, keyed_hash: KeyedHash) -> None:
        self.db = db
        self.persons = Persons(db, keys)
        self.goods = Goods(db, self.persons, skus, keyed_hash)
        self.log = ConsentLog(db, keys)
        self.happenings = Happenings(db, self.persons)

    def tombstones(self) -> list[tuple[int, float, int | None]]:
        """Return member hash, moment and pseudonym of everybody who was erased."""
        return [
            (unsigned(key), at_s, None if pseudonym is None else unsigned(pseudonym))
            for key, at_s, pseudonym in self.db.execute(
                "SELECT member_key, erased_s, pseudonym FROM tombstones"
            ).fetchall()
        ]

    def merges(self) -> list[tuple[str, str]]:
        """Return pseudonyms of persons that are one: the kept and the absorbed."""
        return [
            (f"{unsigned(kept):016x}", f"{unsigned(absorbed):016x}")
            for kept, absorbed in self.db.execute(
                "SELECT k.pseudonym, a.pseudonym FROM merges m"
                " JOIN persons k ON k.person_no = m.kept_no"
                " JOIN persons a ON a.person_no = m.absorbed_no"
            ).fetchall()
        ]


def index_secret(
    db: Database, keys: BoxKeys, draw: Callable[[int], bytes] = secrets.token_bytes
) -> bytes:
    """Return the secret of all keyed hashes, making it for a new ledger.

    It is not derived from the box key: a ledger restored on another box keeps its hashes.

    Raises:
        TrustError: The ledger belongs to another box key.
    """
    row = db.execute("SELECT wrapped FROM secrets WHERE name = 'index'").fetchone()
    if row is not None:
        return keys.unwrap(row[0], b"index")
    secret = draw(32)
    db.execute(
        "INSERT INTO secrets (name, wrapped) VALUES ('index', ?)", [keys.wrap(secret, b"index")]
    )
    return secret
