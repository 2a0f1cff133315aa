"""Which night each job ran for last, kept in the ledger: a power cut makes nothing run twice."""

from edge.adapters.sqlite.ledger import Ledger


class Marks:
    """Day ordinals by job, in the ledger's table of single values."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def last(self, job: str) -> int | None:
        """Return the night a job ran for last, None where it never did."""
        row = (
            self._ledger.reading()
            .db.execute("SELECT value FROM meta WHERE name = ?", [f"night_{job}"])
            .fetchone()
        )
        return None if row is None else int(row[0])

    def set(self, job: str, night: int) -> None:
        """Note that a job ran; returns once it is on disk."""
        query = "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)"
        values = [f"night_{job}", night]
        self._ledger.writer.call(lambda: self._ledger.writing.db.execute(query, values))
