"""What a person says about a purpose, and which of two statements counts.

The newest by the person's own time wins and a withdrawal wins a tie; clocks that run ahead or were
set back must never keep a withdrawal from counting.
"""

from dataclasses import dataclass
from enum import StrEnum

from edge.core.notices import Purpose


@dataclass(frozen=True, slots=True)
class ConsentChange:
    """One member's word about one purpose, as it arrives: see `Consents.statement_of`.

    Attributes:
        at_s: When the person said it, by the sender's clock.
        language: Of the notice that was shown.
        method: `app`, `station`, `phone` or `staff`.
        code: The app's rotating code, where the purpose takes a proof.
    """

    member_id: str
    purpose: Purpose
    is_given: bool
    at_s: float
    notice_version: str
    language: str
    method: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """One person's word about one purpose, under the pseudonym.

    Attributes:
        received_s: When it reached this box, by the box's clock.
    """

    person: str
    purpose: Purpose
    is_given: bool
    at_s: float
    received_s: float
    notice_version: str
    language: str = "de"
    method: str = "app"


class Outcome(StrEnum):
    """What a statement changed."""

    GIVEN = "given"
    WITHDRAWN = "withdrawn"
    UNCHANGED = "unchanged"
    OUTDATED = "outdated"
    """A later statement is known: this one came late."""
    NOTICE_OUTDATED = "notice_outdated"
    """The purpose has changed since that notice, or its text is not on file."""
    UNKNOWN_PERSON = "unknown_person"


def deciding_s(said: Statement, known_s: float, is_given: bool) -> float | None:
    """Return the moment a statement counts from, or None where a known one is newer.

    Args:
        said: The statement.
        known_s: When the newest known statement on this purpose was made; −inf where none was.
        is_given: What that one said.
    """
    # A statement from the future counts from its receipt, else nothing could ever follow it.
    at_s = min(said.at_s, said.received_s)
    if not said.is_given and said.received_s < known_s:
        return known_s  # the box's clock was set back: the person's will was not
    if at_s < known_s or (at_s == known_s and said.is_given and not is_given):
        return None
    return at_s
