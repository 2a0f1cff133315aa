"""The learner at work: which cards teach it, and what it moves.

Decides what counts: a card that was seen, one that was reserved or bought in the same visit after
it was seen, one that staff called wrong. Help around an item teaches nothing about it, nor does
what people pinned and no model scored. Leaves out how far reactions may move anything
(`edge.core.learning`), and storing: the ledger keeps each lesson, so that a start knows them again.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from edge.core.consent import Grant, Purpose
from edge.core.history import Floats, Ints
from edge.core.learning import Kind, Learner, Reaction
from edge.core.person import DAY_S
from edge.core.register import HAPPENING_DAYS

MOST_REACTIONS = 4_000
"""Newest reactions that count, of everybody: some 2 MB, and a season's taste, not all of time."""
SEASON_S = HAPPENING_DAYS * DAY_S
"""How long a reaction counts: as long as the ledger keeps it."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """One card that a person saw or answered.

    Attributes:
        card_id: Unique, so a second word of the same changes nothing.
        item: Catalogue index.
        probability: The model's when the card went out, NaN where it was not asked.
        propensity: Chance with which the item was chosen for its place.
        is_service: Care or help, not an offer of the item.
    """

    card_id: str
    item: int
    probability: float
    propensity: float
    is_service: bool = False


class Lessons:
    """What this box has learned from its cards.

    Args:
        class_index: int32[items], see `Learner`.
    """

    def __init__(self, class_index: Ints) -> None:
        self._learner = Learner(class_index)
        self._shift: Floats | None = None
        self._taken: deque[Reaction] = deque()

    def take(
        self,
        lesson: Lesson,
        kind: Kind,
        person: str,
        grant: Grant[Literal[Purpose.PROFILE]],
        now_s: float,
    ) -> bool:
        """Learn from a card; returns whether it taught anything.

        Args:
            lesson: The card.
            kind: What became of it; an acceptance counts only of a card that was seen.
            person: Whose visit it is.
            grant: Purpose `profile` of that person.
            now_s: UTC seconds.
        """
        is_scored = 0.0 <= lesson.probability <= 1.0
        if lesson.is_service or not is_scored or not 0.0 < lesson.propensity <= 1.0:
            return False
        was_shown = self._learner.knows(event_id_of(lesson.card_id, Kind.SHOWN))
        if kind is Kind.ACCEPTED and not was_shown:
            return False
        reaction = Reaction(
            event_id_of(lesson.card_id, kind),
            person,
            lesson.item,
            kind,
            lesson.probability,
            lesson.propensity,
            now_s,
        )
        if not self._learner.learn(reaction, grant, now_s):
            return False
        self._count(reaction)
        return True

    def restore(self, reactions: Iterable[Reaction]) -> None:
        """Know again what was taken before a restart.

        Args:
            reactions: As they were taken, the oldest first, each of somebody who allows a profile.
        """
        for reaction in reactions:
            self._learner.restore([reaction])
            self._count(reaction)

    def expire(self, now_s: float) -> None:
        """Take out what is older than a season; cheap where nothing is."""
        while self._taken and self._taken[0].at_s <= now_s - SEASON_S:
            self._undo_oldest()

    def forget(self, person: str) -> int:
        """Take out everything a person taught; returns how many reactions that were."""
        self._shift = None
        self._taken = deque(each for each in self._taken if each.person != person)
        return self._learner.forget(person)

    def moved(self, chance: Floats, items: Ints) -> Floats:
        """Return the chances as moved by what was learned, NaN where they are.

        Args:
            chance: float32[n], the model's.
            items: int32[n].
        """
        if not self._learner.n_reactions:
            return chance
        if self._shift is None:
            self._shift = self._learner.log_odds()
        return self._learner.applied(chance, items, self._shift)

    def _count(self, reaction: Reaction) -> None:
        self._shift = None
        self._taken.append(reaction)
        if len(self._taken) > MOST_REACTIONS:
            self._undo_oldest()

    def _undo_oldest(self) -> None:
        self._shift = None
        self._learner.undo(self._taken.popleft().event_id)


def event_id_of(card_id: str, kind: Kind) -> str:
    """Return the id of what became of a card: a second word of the same has the same."""
    return f"{card_id}-{kind}"
