"""What belongs to one connection to the ledger, and the ledger's own secret."""

import secrets
from collections.abc import Callable

from sqlite_utils import Database

from edge.adapters.sqlite.consentlog import ConsentLog
from edge.adapters.sqlite.goods import Goods, SkuBook
from edge.adapters.sqlite.keys import BoxKeys
from edge.adapters.sqlite.persons import Persons
from edge.adapters.sqlite.proofs import Proofs
from edge.adapters.sqlite.recording import Happenings
from edge.adapters.sqlite.schema import signed, unsigned
from edge.core.consent import KeyedHash


class Connections:
    """Everything that belongs to one connection to the ledger."""

    def __init__(self, db: Database, keys: BoxKeys, skus: SkuBook, keyed_hash: KeyedHash) -> None:
        self.db = db
        self.persons = Persons(db, keys)
        self.goods = Goods(db, self.persons, skus, keyed_hash)
        self.log = ConsentLog(db, keys)
        self.happenings = Happenings(db, self.persons)
        self.proofs = Proofs(db)

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

    def identities(self, person: str) -> tuple[str, ...]:
        """Return the pseudonyms merged into one, the given one first; on any thread.

        The index in memory tells the same, but only to the thread that owns it.
        """
        rows = self.db.execute(
            "WITH RECURSIVE one (person_no) AS ("
            " SELECT person_no FROM persons WHERE pseudonym = ?"
            " UNION SELECT absorbed_no FROM merges JOIN one ON kept_no = person_no)"
            " SELECT pseudonym FROM one JOIN persons USING (person_no)",
            [signed(int(person, 16))],
        ).fetchall()
        others = (f"{unsigned(pseudonym):016x}" for (pseudonym,) in rows)
        return (person, *(other for other in others if other != person))


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
