"""With what a person proves who they are: the key of their app, and a digest of the last receipt.

Neither rests on a purpose: whoever was taken in may ask what is held about them, and must not be
mistaken for another (GDPR Article 12(6)). So even of a member who allows nothing the last receipt
is known again, by a hash under the person's own key that tells nothing else.
"""

import hashlib
import hmac
from collections.abc import Sequence

from sqlite_utils import Database

from edge.adapters.sqlite.persons import Opened
from edge.core.proof import AppKey


class Proofs:
    """The tables of app keys and last receipts, through one connection."""

    def __init__(self, db: Database) -> None:
        self._db = db

    # -- the app

    def app_key(self, parts: Sequence[Opened]) -> AppKey | None:
        """Return the key of the app paired with a person, None where there is none.

        Args:
            parts: Every identity that is this person.
        """
        for part in parts:
            row = self._db.execute(
                "SELECT sealed, used_step FROM app_keys WHERE person_no = ?", [part.person_no]
            ).fetchone()
            if row is not None:
                return AppKey(part.cipher.open(row[0], _context(part)), int(row[1]))
        return None

    def has_app_key(self, numbers: Sequence[int]) -> bool:
        """Tell whether any of these identities has a paired app; opens nothing."""
        query = "SELECT 1 FROM app_keys WHERE person_no = ?"
        return any(self._db.execute(query, [number]).fetchone() for number in numbers)

    def put_app_key(self, part: Opened, secret: bytes) -> None:
        """Keep the key of a person's app in the place of any before it."""
        self._db.execute(
            "INSERT OR REPLACE INTO app_keys (person_no, sealed) VALUES (?, ?)",
            [part.person_no, part.cipher.seal(secret, _context(part))],
        )

    def drop_app_key(self, person_no: int) -> None:
        """Part a person's app."""
        self._db.execute("DELETE FROM app_keys WHERE person_no = ?", [person_no])

    def note_code(self, person_no: int, step: int) -> None:
        """Note that the code of a time step was used, so that no restart takes it again."""
        self._db.execute(
            "UPDATE app_keys SET used_step = max(used_step, ?) WHERE person_no = ?",
            [step, person_no],
        )

    # -- the last receipt

    def note_receipts(self, part: Opened, receipt_ids: Sequence[str], day: int) -> None:
        """Take receipts as a person's last ones, unless later ones are known."""
        (newest,) = self._db.execute(
            "SELECT max(day) FROM last_receipts WHERE person_no = ?", [part.person_no]
        ).fetchone()
        if newest is not None and day < newest:
            return
        self._db.execute(
            "DELETE FROM last_receipts WHERE person_no = ? AND day < ?", [part.person_no, day]
        )
        for receipt_id in receipt_ids:
            self._db.execute(
                "INSERT OR IGNORE INTO last_receipts (person_no, day, digest) VALUES (?, ?, ?)",
                [part.person_no, day, _digest(part, receipt_id)],
            )

    def is_last_receipt(self, parts: Sequence[Opened], receipt_id: str) -> bool:
        """Tell whether a receipt is of the last day on which the person bought something.

        Of two receipts of one day either counts: the person knows only what lies on paper.
        """
        found: list[tuple[int, bool]] = []
        for part in parts:
            mine = _digest(part, receipt_id)
            for day, digest in self._db.execute(
                "SELECT day, digest FROM last_receipts WHERE person_no = ?", [part.person_no]
            ).fetchall():
                found.append((day, hmac.compare_digest(mine, digest)))
        newest = max((day for day, _ in found), default=0)
        return any(is_it for day, is_it in found if day == newest)


def _digest(part: Opened, receipt_id: str) -> bytes:
    return hashlib.blake2b(
        receipt_id.encode(), key=part.receipt_secret, digest_size=16, person=b"last receipt"
    ).digest()


def _context(part: Opened) -> bytes:
    return b"app key" + part.pseudonym.to_bytes(8, "big")
