"""Who allowed what: the gate before every read of personal data.

Decides which person a beacon or member id means, and makes the only key to personal data, a
`Grant`. Keeps the present state in memory; what was said when, and in which words, is the ledger's.
Knows persons by pseudonym and ids by keyed hash alone.
"""

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Generic, Literal, NoReturn, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from edge.core.keyindex import ABSENT, KeyedHash, KeyIndex
from edge.core.notices import NoticeBook, Purpose
from edge.core.sightings import Sighting
from edge.core.stated import StatedTimes
from edge.core.statements import ConsentChange, Outcome, Statement, deciding_s

__all__ = [
    "PURPOSES",
    "ConsentChange",
    "ConsentState",
    "Consents",
    "Grant",
    "GrantError",
    "KeyedHash",
    "Outcome",
    "Purpose",
    "Statement",
]

PURPOSES: tuple[Purpose, ...] = tuple(Purpose)
_BIT = {purpose: 1 << at for at, purpose in enumerate(PURPOSES)}
_AT = {purpose: at for at, purpose in enumerate(PURPOSES)}

# How long a grant may be held. A withdrawal ends it at once; this bounds one that is kept by error.
GRANT_LIFE_S = 300.0

P_co = TypeVar("P_co", bound=Purpose, covariant=True)
# Constrained, not bounded: so that a type checker keeps which purpose a grant is for.
Q = TypeVar(
    "Q",
    Literal[Purpose.RECOGNISE],
    Literal[Purpose.PROFILE],
    Literal[Purpose.OFFERS],
    Literal[Purpose.LOCATION],
    Literal[Purpose.STAFF_CONTACT],
    Literal[Purpose.STAFF_GREETING],
    Literal[Purpose.NEAR_STORE],
    Literal[Purpose.CAMERA_TRY_ON],
    Literal[Purpose.SHADE],
    Literal[Purpose.AGGREGATES],
    Literal[Purpose.PARTNERS],
)


class GrantError(TypeError):
    """A read without the right grant: a bug in the caller, never a normal outcome."""


_SEAL = object()


@final
class Grant(Generic[P_co]):
    """The right to read one person's data for one purpose, for a short time.

    Only `Consents` makes one. It ends with its time or with the consent, whichever is first, so
    that a grant in hand is no way around a withdrawal.
    """

    __slots__ = ("_is_live", "expires_s", "purpose", "subject")

    subject: str
    purpose: P_co
    expires_s: float

    def __init__(
        self,
        subject: str,
        purpose: P_co,
        expires_s: float,
        is_live: Callable[[], bool],
        seal: object = None,
    ) -> None:
        if seal is not _SEAL:
            raise GrantError("a grant is made by the consent module only; ask Consents.grant")
        put = object.__setattr__
        put(self, "subject", subject)
        put(self, "purpose", purpose)
        put(self, "expires_s", expires_s)
        put(self, "_is_live", is_live)

    def require(self, purpose: Purpose, now_s: float, subject: str | None = None) -> None:
        """Refuse any use but the granted one.

        Args:
            purpose: What the data is wanted for.
            now_s: The present moment.
            subject: Whose data is wanted; None where the caller reads `self.subject`.

        Raises:
            GrantError: Another purpose or person, too late, or the consent was withdrawn.
        """
        if self.purpose is not purpose:
            raise GrantError(f"granted for {self.purpose}, wanted for {purpose}")
        if subject is not None and subject != self.subject:
            raise GrantError(f"granted for another person ({purpose})")
        if now_s >= self.expires_s:
            raise GrantError(f"the grant for {purpose} has expired; ask for a new one")
        if not self._is_live():  # type: ignore[attr-defined]
            raise GrantError(f"the consent for {purpose} was withdrawn")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise GrantError("a grant cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise GrantError("a grant cannot be changed")

    def __reduce__(self) -> NoReturn:
        raise GrantError("a grant cannot be copied or stored")

    def __copy__(self) -> NoReturn:
        raise GrantError("a grant cannot be copied or stored")

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise GrantError("a grant cannot be copied or stored")


@dataclass(frozen=True, slots=True)
class ConsentState:
    """The state of many persons as columns, as the ledger keeps it.

    Attributes:
        pseudonyms: uint64[n].
        given: uint16[n], bit i stands for `PURPOSES[i]`.
        stated_s: float64[n, len(PURPOSES)]: when each was last stated; −inf where never.
        member_keys: uint64[n], keyed hashes of the member ids.
        beacon_keys: uint64[m]; beacon_rows: int32[m] into the persons; a key may stand for two.
    """

    pseudonyms: NDArray[np.uint64]
    given: NDArray[np.uint16]
    stated_s: NDArray[np.float64]
    member_keys: NDArray[np.uint64]
    beacon_keys: NDArray[np.uint64]
    beacon_rows: NDArray[np.int32]


# Ids known to be nobody's: some thousands of phones and tags pass a store in an hour.
KEPT_STRANGERS = 8_192


@cache
def _purposes_of(given: int) -> frozenset[Purpose]:
    return frozenset(purpose for purpose in PURPOSES if given & _BIT[purpose])


class Consents:
    """The present consents of all persons, in about 70 bytes a person.

    Args:
        keyed_hash: Of the box.
        notices: Which versions still cover which purpose.
        beacons_of: Gives the beacon keys of a pseudonym from the ledger; the index itself holds
            beacons of persons with a present `recognise` only, so a new consent must fetch them.
        state: What the ledger knows at the start.
    """

    def __init__(
        self,
        keyed_hash: KeyedHash,
        notices: NoticeBook | None = None,
        beacons_of: Callable[[str], Iterable[int]] = lambda _: (),
        state: ConsentState | None = None,
    ) -> None:
        self.keyed_hash = keyed_hash
        self.notices = notices or NoticeBook()
        self._beacons_of = beacons_of
        self._pseudonyms = array("Q")
        self._own = array("H")  # what each person stated
        self._effective = array("H")  # the same, over the persons merged into one
        self._stated = StatedTimes(np.empty((0, len(PURPOSES))))
        self._merged_into: dict[int, int] = {}  # as it was said; the two below follow from it
        self._kept_row: dict[int, int] = {}
        self._absorbed: dict[int, tuple[int, ...]] = {}
        self._contested: set[int] = set()
        self._is_enrolled = bytearray()
        self._persons, self._members, self._beacons = KeyIndex(), KeyIndex(), KeyIndex()
        # Nineteen of twenty ids on the air are nobody's, and each is heard every second by all
        # receivers: that an id was looked up in vain is kept, as the interpreter's own keyed hash
        # (SipHash, a new secret per process), until anybody enrols a beacon.
        self._strangers: set[int] = set()
        if state is not None:
            self._load(state)

    # -- who is it

    def perhaps_known(
        self, heard: Sequence[tuple[Sighting, float]], rotating: tuple[str, ...] = ()
    ) -> list[tuple[Sighting, float]]:
        """Leave out beacons that were looked up before and are nobody's.

        Args:
            heard: Sightings and their moments.
            rotating: How ids begin that may be somebody's all the same; they are kept.
        """
        strangers = self._strangers
        if not rotating:
            return [each for each in heard if hash(each[0].beacon) not in strangers]
        return [
            each
            for each in heard
            if hash(each[0].beacon) not in strangers or each[0].beacon.startswith(rotating)
        ]

    def person_of_beacon(self, beacon: str) -> str | None:
        """Return whose beacon this is, among persons with a present consent to be recognised.

        Args:
            beacon: Canonical id. One that two members claim is nobody's.
        """
        mark = hash(beacon)
        if mark in self._strangers:
            return None
        row = self._beacons.get(self.keyed_hash.beacon(beacon))
        if row >= 0:
            return self._name(row)
        if len(self._strangers) >= KEPT_STRANGERS:
            self._strangers.clear()
        self._strangers.add(mark)
        return None

    def person_of_member(self, member_id: str) -> str | None:
        """Return the pseudonym of a known member; what may be done with it, grants decide."""
        row = self._members.get(self.keyed_hash.member(member_id))
        return self._name(row) if row >= 0 else None

    # -- what is allowed

    def grant(self, person: str, purpose: Q, now_s: float) -> Grant[Q] | None:
        """Return the right to use the person's data for a purpose, or None without consent."""
        row = self._row(person)
        bit = _BIT[purpose]
        if row < 0 or not self._effective[row] & bit:
            return None
        effective = self._effective
        return Grant(
            person,
            purpose,
            now_s + GRANT_LIFE_S,
            lambda: bool(effective[row] & bit),
            _SEAL,
        )

    def has(self, person: str, purpose: Purpose) -> bool:
        """Tell whether the person's consent to a purpose is present."""
        row = self._row(person)
        return row >= 0 and bool(self._effective[row] & _BIT[purpose])

    def purposes(self, person: str) -> frozenset[Purpose]:
        """Return every purpose the person has a present consent for."""
        row = self._row(person)
        return _purposes_of(self._effective[row] if row >= 0 else 0)

    # -- changes

    def statement_of(self, change: ConsentChange, received_s: float) -> Statement | None:
        """Return a member's word under the pseudonym, or None for a member not known here.

        It stays with the identity it was said under, so that parting merged ones keeps it there.
        """
        row = self._members.get(self.keyed_hash.member(change.member_id))
        if row < 0:
            return None
        return Statement(
            self._name_of_row(row),
            change.purpose,
            change.is_given,
            change.at_s,
            received_s,
            change.notice_version,
            change.language,
            change.method,
        )

    def apply(self, said: Statement) -> Outcome:
        """Take a statement; the newest by the person's time wins, a withdrawal wins a tie.

        Returns:
            What it changed for the person, merged identities included.
        """
        row = self._own_row(said.person)
        if row < 0:
            return Outcome.UNKNOWN_PERSON
        bit, column = _BIT[said.purpose], _AT[said.purpose]
        at_s = deciding_s(said, self._stated.get(row, column), bool(self._own[row] & bit))
        if at_s is None:
            return Outcome.OUTDATED
        if said.is_given and not self.notices.covers(said.notice_version, said.purpose):
            return Outcome.NOTICE_OUTDATED
        before = self._effective[self._kept(row)] & bit
        self._stated.put(row, column, at_s)
        self._own[row] = self._own[row] | bit if said.is_given else self._own[row] & ~bit
        self._settle(row)
        after = self._effective[self._kept(row)] & bit
        if before == after:
            return Outcome.UNCHANGED
        return Outcome.GIVEN if after else Outcome.WITHDRAWN

    def add(self, pseudonym: int, member_key: int) -> str:
        """Take a new person without any consent and return the name of the pseudonym."""
        row = self._persons.get(pseudonym)
        if row < 0:
            row = len(self._pseudonyms)
            self._pseudonyms.append(pseudonym)
            self._own.append(0)
            self._effective.append(0)
            self._is_enrolled.append(0)
            self._stated.add()
            self._persons.put(pseudonym, row)
        self._members.put(member_key, row)
        return f"{pseudonym:016x}"

    def enrol(self, person: str, beacon: str) -> bool:
        """Let a beacon mean this person, if the person may be recognised.

        Returns:
            False where another person claims the beacon too: then it is nobody's.
        """
        return self.enrol_key(person, self.keyed_hash.beacon(beacon))

    def enrol_key(self, person: str, key: int) -> bool:
        """Like `enrol`, by the beacon's keyed hash."""
        row = self._own_row(person)
        owner = self._beacons.get(key)
        if owner >= 0 and owner != row:
            self.contest(key)
        if row >= 0 and key not in self._contested and self._may_be_recognised(row):
            self._beacons.put(key, row)
            self._strangers.clear()
            self._is_enrolled[row] = 1
        return key not in self._contested

    def drop_key(self, person: str, key: int) -> None:
        """Let a beacon no longer mean this person."""
        if self._beacons.get(key) == self._own_row(person):
            self._beacons.drop(key)

    def contest(self, key: int) -> None:
        """Make a beacon nobody's, because two members claim it."""
        self._contested.add(key)
        self._beacons.drop(key)

    def settle_claim(self, key: int, person: str) -> None:
        """Give a contested beacon to the only one who still claims it."""
        self._contested.discard(key)
        self.enrol_key(person, key)

    def forget(self, person: str) -> list[int]:
        """Drop everything known about a person; the row stays empty, its number is not reused.

        Returns:
            The contested beacons, some of which may have only one claimant left now.
        """
        row = self._own_row(person)
        if row < 0:
            return []
        self.split(person)
        for absorbed in self._absorbed.get(row, ()):
            if self._merged_into.get(absorbed) == row:
                self.split(self._name_of_row(absorbed))
        self._beacons.drop_row(row)
        self._own[row] = self._effective[row] = self._is_enrolled[row] = 0
        self._stated.clear(row)
        self._members.drop_row(row)
        self._persons.drop_row(row)
        self._pseudonyms[row] = 0
        return list(self._contested)

    # -- one person known under two ids

    def merge(self, kept: str, absorbed: str) -> bool:
        """Treat two persons as one; of each purpose, the newest statement of either counts.

        Returns:
            False where either is unknown, or they are one already.
        """
        into, row = self._row(kept), self._own_row(absorbed)
        if into < 0 or row < 0 or self._kept(row) == into or row in self._kept_row:
            return False
        self._merged_into[row] = self._own_row(kept)
        rows = (row, *self._absorbed.pop(row, ()))
        for each in rows:
            self._kept_row[each] = into
        self._absorbed[into] = (*self._absorbed.get(into, ()), *rows)
        self._settle(into)
        return True

    def split(self, absorbed: str) -> bool:
        """Undo a merge: the person is again the one of before, with what was stated since.

        Whoever was merged into this person before stays with this person.
        """
        row = self._own_row(absorbed)
        if self._merged_into.pop(row, None) is None:
            return False
        into = self._kept_row.pop(row)
        group = self._absorbed.pop(into)
        taken_along = tuple(each for each in group if each != row and self._is_under(each, row))
        rest = tuple(each for each in group if each != row and each not in taken_along)
        for each in taken_along:
            self._kept_row[each] = row
        self._absorbed.update({at: rows for at, rows in ((into, rest), (row, taken_along)) if rows})
        self._settle(into)
        self._settle(row)
        return True

    def kept(self, person: str) -> str:
        """Return the pseudonym this person counts as: another one only where merged."""
        row = self._row(person)
        return self._name_of_row(row) if row >= 0 else person

    def merged(self, person: str) -> tuple[str, ...]:
        """Return the pseudonyms that count as this person, the kept one first."""
        row = self._row(person)
        if row < 0:
            return ()
        return tuple(self._name_of_row(each) for each in (row, *self._absorbed.get(row, ())))

    # -- figures

    def sizes(self) -> dict[str, int]:
        """Return counts for metrics: members, beacons in the index, contested beacons, merged."""
        return {
            "members": len(self._members),
            "beacons": len(self._beacons),
            "contested_beacons": len(self._contested),
            "merged": len(self._kept_row),
        }

    # -- inside

    def _load(self, state: ConsentState) -> None:
        rows = np.arange(len(state.pseudonyms), dtype=np.int32)
        self._pseudonyms = array("Q", state.pseudonyms.astype(np.uint64).tobytes())
        self._own = array("H", state.given.astype(np.uint16).tobytes())
        self._effective = array("H", self._own)
        self._stated = StatedTimes(state.stated_s)
        self._persons = KeyIndex(state.pseudonyms, rows)
        self._members = KeyIndex(state.member_keys, rows)
        distinct, first, counts = np.unique(
            state.beacon_keys, return_index=True, return_counts=True
        )
        self._contested = {int(key) for key in distinct[counts > 1]}
        owners = state.beacon_rows[first]
        may = (counts == 1) & ((state.given[owners] & _BIT[Purpose.RECOGNISE]) != 0)
        self._beacons = KeyIndex(distinct[may], owners[may])
        self._is_enrolled = bytearray(
            ((state.given & _BIT[Purpose.RECOGNISE]) != 0).astype(np.uint8).tobytes()
        )

    def _row(self, person: str) -> int:
        return self._kept(self._own_row(person))

    def _own_row(self, person: str) -> int:
        try:
            return self._persons.get(int(person, 16))
        except ValueError:
            return ABSENT

    def _kept(self, row: int) -> int:
        return self._kept_row.get(row, row)

    def _name(self, row: int) -> str:
        return self._name_of_row(self._kept(row))

    def _name_of_row(self, row: int) -> str:
        return f"{self._pseudonyms[row]:016x}"

    def _may_be_recognised(self, row: int) -> bool:
        return bool(self._effective[row] & _BIT[Purpose.RECOGNISE])

    def _is_under(self, row: int, top: int) -> bool:
        """Tell whether a row was merged, directly or by others, into another."""
        while row != top and row in self._merged_into:
            row = self._merged_into[row]
        return row == top

    def _settle(self, row: int) -> None:
        """Recompute what is effective for the person a row belongs to, and its beacons."""
        row = self._kept(row)
        rows = (row, *self._absorbed.get(row, ()))
        given = self._own[row] if len(rows) == 1 else self._newest(rows)
        for each in rows:
            self._effective[each] = given
            if self._may_be_recognised(each) != bool(self._is_enrolled[each]):
                self._move_beacons(each)

    def _move_beacons(self, row: int) -> None:
        if self._is_enrolled[row]:
            self._beacons.drop_row(row)
            self._is_enrolled[row] = 0
            return
        self._is_enrolled[row] = 1
        person = self._name_of_row(row)
        for key in self._beacons_of(person):
            self.enrol_key(person, key)

    def _newest(self, rows: Sequence[int]) -> int:
        given = 0
        for at, purpose in enumerate(PURPOSES):
            # A withdrawal wins a tie: False sorts before True, so take the greatest (time, no).
            _, is_withdrawn = max(
                (self._stated.get(row, at), not self._own[row] & _BIT[purpose]) for row in rows
            )
            given |= 0 if is_withdrawn else _BIT[purpose]
        return given
