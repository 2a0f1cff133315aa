"""The log of the path over the ledger: how decisions and impressions are written down.

A decision's bytes are msgspec JSON of its fields in their order, so the same decision always gives
the same bytes.
"""

import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

import msgspec

from edge.adapters.sqlite.ledger import CapsOf, Ledger
from edge.core.cap_counting import folded
from edge.core.cap_rules import DAY_S, REMEMBERED_S, Impression
from edge.core.consent import Purpose
from edge.core.decision import Decision
from edge.core.learning import Kind, Reaction
from edge.core.lessons import MOST_REACTIONS, event_id_of
from edge.core.person import Profile
from edge.core.preview import Past
from edge.core.records import CapCounted, DecisionMade, Record

# A disk that is slower than this keeps no preview waiting.
_FLUSH_S = 2.0
_encode = msgspec.json.Encoder().encode
_decode_impression = msgspec.json.Decoder(Impression).decode
_folded_rows = msgspec.json.Decoder(tuple[Impression, ...]).decode
_decode_decision = msgspec.json.Decoder(Decision).decode


class Journal:
    """Writes what the path decided; see `edge.core.ports.Log`.

    Attributes:
        tap: Called with every decision before it is written, for replay.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.tap: Callable[[Decision], object] | None = None

    def has_event(self, source: str, event_id: str) -> bool:
        """Tell whether a message was taken before."""
        return self._ledger.has_event(source, event_id)

    def require_room(self) -> None:
        """Make sure, before a message is applied, that what it means will be taken."""
        self._ledger.writer.require_room()

    def append(
        self, record: Record | Sequence[Record], on_durable: Callable[[], None] | None = None
    ) -> None:
        """Write records, together or not at all, without waiting."""
        self._ledger.append(record, on_durable)

    def impressions(self, person: str) -> Iterable[Impression]:
        """Return what a person was ever shown: lately one by one, before that folded."""
        return _impressions(person, self._ledger.caps_of(person))

    def restored(self, *, is_endless: bool) -> list[Impression]:
        """Return every impression that the store's totals may still count.

        Args:
            is_endless: One of them has a window without an end.
        """
        found = self._ledger.restore_state(is_endless=is_endless)
        single = [_decode_impression(each.body) for each in found.caps]
        return [*single, *(row for each in found.folded for row in _decode_folded(each.body))]

    def past(
        self, since_s: float, most: int, now_s: float, *, is_profile: bool = False
    ) -> list[Past]:
        """Return past decisions, with what may be read of each visitor at this moment.

        Since a moment, the oldest first; of too many, those of some visitors, drawn by lot. What is
        still on its way to the disk is waited for, unless the disk stands still.

        Args:
            since_s: UTC seconds.
            most: Decisions, beside the last of a visitor who is drawn whole.
            now_s: The present moment.
            is_profile: Only of those who may be recognised and agree to a profile.
        """
        with suppress(TimeoutError):
            self._ledger.writer.flush(_FLUSH_S)
        of_nobody: dict[str, list[Impression]] = {}
        for body in () if is_profile else self._ledger.caps_of_nobody(since_s - DAY_S):
            one = _decode_impression(body)
            of_nobody.setdefault(one.visit_id, []).append(one)
        of_person: dict[str, tuple[Profile | None, list[Impression], set[str]]] = {}
        found = []
        for person, body in self._ledger.decisions(since_s, most, now_s, is_profile=is_profile):
            decision = _decode_decision(body)
            if person is None:
                shown = of_nobody.get(decision.visit_id, [])
                found.append(Past(decision, shown=shown))
                continue
            if person not in of_person:
                caps = self._ledger.caps_of(person)
                shown = _impressions(person, caps)
                of_person[person] = self._profile(person, now_s), shown, caps.reserved
            found.append(Past(decision, person, *of_person[person]))
        return found

    def _profile(self, person: str, now_s: float) -> Profile | None:
        """Read a profile, None without a present consent to it."""
        grant = self._ledger.consents().grant(person, Purpose.PROFILE, now_s)
        return None if grant is None else self._ledger.profile(person, grant, now_s)

    def lessons(self, now_s: float) -> list[Reaction]:
        """Return what the box has learned and may still use, the oldest first."""
        index_of, found = self._ledger.catalog.index_of, []
        for person, said in self._ledger.lessons(now_s, MOST_REACTIONS):
            item, kind = index_of(said["item_id"]), Kind(said["outcome"])
            if item is not None:
                event_id = event_id_of(said["card_id"], kind)
                chances = said["probability"], said["propensity"]
                found.append(Reaction(event_id, person, item, kind, *chances, said["at_s"]))
        return found

    def impression_record(self, impression: Impression) -> Record:
        """Return the record of an impression."""
        return CapCounted(
            body=_encode(impression),
            at_s=impression.at_s,
            expires_s=impression.at_s + REMEMBERED_S,
            person=None if impression.is_of_nobody else impression.who,
        )

    def decision_record(self, decision: Decision, person: str | None) -> Record:
        """Return the record of a decision with its whole trace; `person`: None for nobody."""
        if self.tap is not None:
            self.tap(decision)
        return DecisionMade(
            decision_id=decision.decision_id,
            visit_id=decision.visit_id,
            at_s=decision.at_s,
            surface=decision.surface,
            body=encode_decision(decision),
            person=person,
        )


def fold_impressions(
    bodies: Iterable[bytes], before: bytes | None, *, has_household: bool = True
) -> tuple[bytes, float]:
    """Add impressions to what is folded of the same person.

    Args:
        bodies: Of `CapCounted`.
        before: Of `CapsFolded`, None for a person's first.
        has_household: Whether it may still be said to which household the person counts.

    Returns:
        The new body of `CapsFolded`, and when the last of them was.
    """
    known = () if before is None else _decode_folded(before)
    every = [*known, *map(_decode_impression, bodies)]
    rows = folded(every if has_household else [replace(each, household=None) for each in every])
    return zlib.compress(_encode(rows)), max(row.at_s for row in rows)


def _impressions(person: str, found: CapsOf) -> list[Impression]:
    single = [_decode_impression(body) for body in found.counted]
    long_ago = [row for body in found.folded for row in _decode_folded(body)]
    return [
        replace(each, who=person, is_answered=each.card_id in found.answered)
        for each in (*single, *long_ago)
    ]


def _decode_folded(body: bytes) -> tuple[Impression, ...]:
    """Read folded rows; packed, they take a tenth, since all of them name the same things."""
    return _folded_rows(zlib.decompress(body))


def encode_decision(decision: Decision) -> bytes:
    """Return the fixed serialisation of a decision."""
    return _encode(decision)


def decode_decision(body: bytes) -> Decision:
    """Read a decision back."""
    return _decode_decision(body)
