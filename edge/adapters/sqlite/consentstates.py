"""The present consents as rows: what the chain amounts to, ready for a quick start."""

from array import array
from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from edge.adapters.sqlite.schema import unsigned
from edge.core.consent import PURPOSES, ConsentState, Purpose, Statement
from edge.core.minimisation import FIELD_PURPOSES
from edge.core.notices import NoticeBook
from edge.core.statements import deciding_s

Times = NDArray[np.float64]
# Purposes for which a member's fields are kept at all.
_OPENS_FIELDS = sum(1 << PURPOSES.index(purpose) for purpose in FIELD_PURPOSES)
# Every identity that is one person: up to the one that is kept, and down to all it absorbed.
_ONE_PERSON = (
    "WITH RECURSIVE up (n) AS"
    " (SELECT ? UNION SELECT kept_no FROM merges JOIN up ON absorbed_no = n),"
    " one (n) AS (SELECT n FROM up UNION SELECT absorbed_no FROM merges JOIN one ON kept_no = n)"
    " SELECT n FROM one"
)
_NEVER = np.full(len(PURPOSES), -np.inf)


class ConsentStates:
    """The table of present consents, through one connection."""

    def __init__(self, db: Database, notices: NoticeBook) -> None:
        self._db, self._notices = db, notices

    def apply(self, person_no: int, said: Iterable[Statement]) -> None:
        """Take statements by the same rule as the index in memory."""
        before, stated = self._read(person_no)
        given = before
        for one in said:
            at = PURPOSES.index(one.purpose)
            at_s = deciding_s(one, float(stated[at]), bool(given >> at & 1))
            if at_s is None:
                continue
            if one.is_given and not self._notices.covers(one.notice_version, one.purpose):
                continue
            stated[at] = at_s
            given = given | 1 << at if one.is_given else given & ~(1 << at)
        self._write(person_no, given, stated, wants=bool(given & ~before & _OPENS_FIELDS))

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

    def effective(self, person_no: int) -> frozenset[Purpose]:
        """Return what the person may be used for, of merged identities the newest word of any."""
        numbers = self.one_person(person_no)
        if len(numbers) == 1:
            return self.given(person_no)
        words = [self._read(number) for number in numbers]
        # A withdrawal wins a tie: take the greatest (time, no).
        return frozenset(
            purpose
            for at, purpose in enumerate(PURPOSES)
            if not max((stated[at], not given >> at & 1) for given, stated in words)[1]
        )

    def one_person(self, person_no: int) -> list[int]:
        """Return the row numbers of every identity that is the same person."""
        return [number for (number,) in self._db.execute(_ONE_PERSON, [person_no]).fetchall()]

    def want(self, person_no: int) -> None:
        """Note that a person's fields should be looked at again when they are handed over."""
        given, stated = self._read(person_no)
        self._write(person_no, given, stated, wants=True)

    def satisfied(self, person_no: int) -> None:
        """Note that a person's fields were taken in for everything the person allows."""
        self._db.execute(
            "UPDATE consent_states SET wants = 0 WHERE person_no = ? AND wants", [person_no]
        )

    def load(self) -> tuple[ConsentState, "array[int]"]:
        """Return everybody's state as columns, with the row numbers of the persons, rising."""
        numbers, pseudonyms, member_keys = array("q"), array("Q"), array("Q")
        given, stated, never = array("H"), bytearray(), _NEVER.astype("<f8").tobytes()
        for number, pseudonym, member_key, bits, stated_s in self._db.execute(
            "SELECT p.person_no, p.pseudonym, p.member_key, coalesce(s.given, 0), s.stated"
            " FROM persons p LEFT JOIN consent_states s USING (person_no) ORDER BY p.person_no"
        ):
            numbers.append(number)
            pseudonyms.append(unsigned(pseudonym))
            member_keys.append(unsigned(member_key))
            given.append(bits)
            stated += stated_s or never
        beacon_keys, owners = array("Q"), array("q")
        for key, number in self._db.execute("SELECT beacon_key, person_no FROM beacons"):
            beacon_keys.append(unsigned(key))
            owners.append(number)
        state = ConsentState(
            pseudonyms=np.array(pseudonyms, np.uint64),
            given=np.array(given, np.uint16),
            stated_s=np.frombuffer(stated, "<f8").reshape(-1, len(PURPOSES)),
            member_keys=np.array(member_keys, np.uint64),
            beacon_keys=np.array(beacon_keys, np.uint64),
            beacon_rows=np.searchsorted(numbers, owners).astype(np.int32),
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

    def _write(self, person_no: int, given: int, stated: Times, *, wants: bool) -> None:
        self._db.execute(
            "INSERT INTO consent_states (person_no, given, stated, wants) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (person_no) DO UPDATE SET given = excluded.given,"
            " stated = excluded.stated, wants = max(wants, excluded.wants)",
            [person_no, given, stated.astype("<f8").tobytes(), wants],
        )
