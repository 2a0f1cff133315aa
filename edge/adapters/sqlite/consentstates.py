"""The present consents as rows: what the chain amounts to, ready for a quick start."""

from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from edge.adapters.sqlite.schema import unsigned
from edge.core.consent import PURPOSES, ConsentState, Purpose, Statement
from edge.core.notices import NoticeBook
from edge.core.statements import deciding_s

Times = NDArray[np.float64]
_NEVER = np.full(len(PURPOSES), -np.inf)


class ConsentStates:
    """The table of present consents, through one connection."""

    def __init__(self, db: Database, notices: NoticeBook) -> None:
        self._db, self._notices = db, notices

    def apply(self, person_no: int, said: Iterable[Statement]) -> None:
        """Take statements by the same rule as the index in memory."""
        given, stated = self._read(person_no)
        for one in said:
            at = PURPOSES.index(one.purpose)
            at_s = deciding_s(one, float(stated[at]), bool(given >> at & 1))
            if at_s is None:
                continue
            if one.is_given and not self._notices.covers(one.notice_version, one.purpose):
                continue
            stated[at] = at_s
            given = given | 1 << at if one.is_given else given & ~(1 << at)
        self._write(person_no, given, stated)

    def news_of(self, person_no: int, said: Iterable[Statement]) -> list[Statement]:
        """Return the statements that are newer than what is known."""
        given, stated = self._read(person_no)
        news = []
        for one in said:
            at = PURPOSES.index(one.purpose)
            is_given = bool(given >> at & 1)
            is_known = one.at_s == stated[at] and one.is_given == is_given
            if not is_known and deciding_s(one, float(stated[at]), is_given) is not None:
                news.append(one)
        return news

    def given(self, person_no: int) -> frozenset[Purpose]:
        """Return the purposes a person has a present consent for."""
        given, _ = self._read(person_no)
        return frozenset(p for at, p in enumerate(PURPOSES) if given >> at & 1)

    def load(self) -> tuple[ConsentState, list[int]]:
        """Return everybody's state as columns, with the row numbers of the persons."""
        rows = self._db.execute(
            "SELECT p.person_no, p.pseudonym, p.member_key, coalesce(s.given, 0), s.stated"
            " FROM persons p LEFT JOIN consent_states s USING (person_no) ORDER BY p.person_no"
        ).fetchall()
        numbers = [row[0] for row in rows]
        at = {number: row for row, number in enumerate(numbers)}
        stated = b"".join(row[4] or _NEVER.tobytes() for row in rows)
        beacons = self._db.execute("SELECT beacon_key, person_no FROM beacons").fetchall()
        state = ConsentState(
            pseudonyms=np.array([unsigned(row[1]) for row in rows], np.uint64),
            given=np.array([row[3] for row in rows], np.uint16),
            stated_s=np.frombuffer(stated, "<f8").reshape(-1, len(PURPOSES)),
            member_keys=np.array([unsigned(row[2]) for row in rows], np.uint64),
            beacon_keys=np.array([unsigned(key) for key, _ in beacons], np.uint64),
            beacon_rows=np.array([at[number] for _, number in beacons], np.int32),
        )
        return state, numbers

    def follow_notices(self) -> list[Purpose]:
        """Drop consents to purposes whose meaning has changed since the box last ran.

        Returns:
            Those purposes.
        """
        row = self._db.execute("SELECT value FROM meta WHERE name = 'meanings'").fetchone()
        known: dict[str, int] = msgspec.json.decode(row[0]) if row else {}
        now = {str(p): m for p, m in self._notices.current.meanings.items()}
        changed = [p for p in PURPOSES if p in known and known[p] != now[p]]
        for purpose in changed:
            self._db.execute(
                "UPDATE consent_states SET given = given & ?", [~(1 << PURPOSES.index(purpose))]
            )
        self._db.execute(
            "INSERT OR REPLACE INTO meta (name, value) VALUES ('meanings', ?)",
            [msgspec.json.encode(now)],
        )
        return changed

    def _read(self, person_no: int) -> tuple[int, Times]:
        row = self._db.execute(
            "SELECT given, stated FROM consent_states WHERE person_no = ?", [person_no]
        ).fetchone()
        if row is None:
            return 0, _NEVER.copy()
        return int(row[0]), np.frombuffer(row[1], "<f8").copy()

    def _write(self, person_no: int, given: int, stated: Times) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO consent_states (person_no, given, stated) VALUES (?, ?, ?)",
            [person_no, given, stated.astype("<f8").tobytes()],
        )
