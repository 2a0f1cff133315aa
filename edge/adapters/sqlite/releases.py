"""The budget ledger of the daily totals: every day is drawn once and told the same for ever.

The budget is charged on disk before the noise is drawn. A run that dies in between loses that day's
totals; drawing again would spend the budget twice.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from edge.adapters.sqlite.schema import open_database
from edge.core.aggregates import Domain, Release, problems_of
from edge.core.errors import TrustError, UnavailableError

RELEASE_STEPS = (
    (
        "CREATE TABLE days (day TEXT PRIMARY KEY, start_s REAL NOT NULL, end_s REAL NOT NULL,"
        " epsilon REAL NOT NULL) WITHOUT ROWID",
        "CREATE TABLE messages (day TEXT NOT NULL, audience TEXT NOT NULL, body BLOB NOT NULL,"
        " PRIMARY KEY (day, audience)) WITHOUT ROWID",
    ),
)
MAX_MESSAGE_BYTES = 256 * 1024


class Releases:
    """`aggregates.db` of one box."""

    def __init__(self, directory: Path) -> None:
        self._db = open_database(directory / "aggregates.db", RELEASE_STEPS, is_synced=True)

    def close(self) -> None:
        """Close the file."""
        self._db.conn.close()

    def once(
        self,
        day: str,
        start_s: float,
        end_s: float,
        epsilon: float,
        draw: Callable[[], Sequence[Release]],
    ) -> dict[str, bytes]:
        """Return the messages of a day by audience, drawing them the first time only.

        Args:
            day: ISO date of the store-local day.
            start_s: Its begin. end_s: Its end, UTC seconds.
            end_s: Its end.
            epsilon: What drawing spends.
            draw: Counts, adds noise, suppresses.

        Raises:
            UnavailableError: The day was charged and never told, or its hours were told already
                as part of another day.
        """
        known = self.messages(day)
        if known:
            return known
        self._charge(day, start_s, end_s, epsilon)
        with self._db.atomic():
            for release in draw():
                self._db.execute(
                    "INSERT INTO messages (day, audience, body) VALUES (?, ?, ?)",
                    [day, release.audience, encode(release)],
                )
        return self.messages(day)

    def messages(self, day: str) -> dict[str, bytes]:
        """Return what was told about a day, by audience."""
        rows = self._db.execute("SELECT audience, body FROM messages WHERE day = ?", [day])
        return dict(rows.fetchall())

    def is_charged(self, day: str) -> bool:
        """Tell whether a day's budget was spent, told or not."""
        query = "SELECT 1 FROM days WHERE day = ?"
        return self._db.execute(query, [day]).fetchone() is not None

    def totals(self) -> tuple[int, int]:
        """Return how many messages were told so far, and their bytes; for the notice page."""
        count, size = self._db.execute(
            "SELECT count(*), coalesce(sum(length(body)), 0) FROM messages"
        ).fetchone()
        return int(count), int(size)

    def is_told(self, body: bytes) -> bool:
        """Tell whether exactly these bytes were drawn here."""
        query = "SELECT 1 FROM messages WHERE body = ?"
        return self._db.execute(query, [body]).fetchone() is not None

    def _charge(self, day: str, start_s: float, end_s: float, epsilon: float) -> None:
        with self._db.atomic():
            overlap = self._db.execute(
                "SELECT day FROM days WHERE day = ? OR (start_s < ? AND end_s > ?)",
                [day, end_s, start_s],
            ).fetchone()
            if overlap is not None:
                raise UnavailableError(
                    f"{day}: its hours were charged before (as {overlap[0]}); a day is drawn once"
                )
            self._db.execute(
                "INSERT INTO days (day, start_s, end_s, epsilon) VALUES (?, ?, ?, ?)",
                [day, start_s, end_s, epsilon],
            )


_decode = msgspec.json.Decoder(Release, strict=True).decode


def encode(release: Release) -> bytes:
    """Return the one form in which a message may leave."""
    return msgspec.json.encode(release)


def verified(body: bytes, domain: Domain, releases: Releases) -> Release:
    """Return a message, proven to hold nothing but totals that were drawn and charged here.

    Raises:
        TrustError: With everything that is wrong with it.
    """
    problems = []
    try:
        release = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TrustError(f"not a message of totals: {error}") from error
    if len(body) > MAX_MESSAGE_BYTES:
        problems.append("longer than any message of totals")
    if encode(release) != body:
        problems.append("holds more than its fields")
    if not releases.is_told(body):
        problems.append("was never drawn by this box")
    problems += problems_of(release, domain)
    if problems:
        raise TrustError("; ".join(problems))
    return release
