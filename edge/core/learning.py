"""Learn on the box from what was shown, accepted and vetoed: a small, exact, reversible memory.

Decides how far reactions may move the ranker's probabilities and that every trace of a person or
an event can be taken out again, as if it had never been. Only reactions of customers with purpose
`profile` enter, each with the probability it was shown with: what is learned is how far that was
off, so a card's chance of being shown weighs nothing here (weighing by it made replays worse).
Leaves out the ranker and exploration (`edge.core.curation`), and storing (the ledger keeps the
reactions themselves).

Sums are integers in millionths, so that adding and taking away in any order gives the same state.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np
import numpy.typing as npt

from edge.core.consent import Grant, Purpose

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]

MOST_LOG_ODDS = 0.7
"""An item's odds are at most doubled or halved (e^0.7): the box corrects a model, it is none."""
PRIOR_ITEM, PRIOR_CLASS = 20.0, 100.0
"""Expected acceptances' worth of belief in the model before an item's or a class's own count. In
replays (`models.replay`) 5 and 20 made a calibrated model worse after 900 reactions."""
VETO_WEIGHT = 2.0
"""A veto counts like two expected acceptances that never came: staff saw the customer."""
MOST_PER_PERSON = 200
"""Newest reactions of one person that count."""
MOST_PER_PERSON_AND_ITEM = 3
"""Reactions of one person to one item of one kind that count: nobody votes all day."""
_MILLION = 1_000_000


class Kind(StrEnum):
    """What happened to a card."""

    SHOWN = "shown"
    ACCEPTED = "accepted"
    VETOED = "vetoed"


@dataclass(frozen=True, slots=True)
class Reaction:
    """One thing that happened to one card.

    Attributes:
        event_id: Unique; a second time changes nothing.
        person: Pseudonym; must be the grant's.
        item: Catalogue index.
        probability: The ranker's, before anything learned here, in [0, 1].
        propensity: Chance with which the item was chosen for its place, in (0, 1].
        at_s: UTC seconds.
    """

    event_id: str
    person: str
    item: int
    kind: Kind
    probability: float
    propensity: float
    at_s: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.probability <= 1.0 or not 0.0 < self.propensity <= 1.0:
            raise ValueError("expected a probability in [0, 1] and a propensity in (0, 1]")


class Learner:
    """What the box has learned, in sums per item.

    Args:
        class_index: int32[items], substitute class of each item, −1 unknown.
    """

    def __init__(self, class_index: Ints) -> None:
        self._class = np.asarray(class_index, np.int64)
        n_classes = int(self._class.max(initial=-1)) + 2  # the last place is for unknown classes
        self._class = np.where(self._class < 0, n_classes - 1, self._class)
        self._n_classes = n_classes
        self._expected = np.zeros(self._class.size, np.int64)
        self._accepted = np.zeros(self._class.size, np.int64)
        self._by_person: dict[str, dict[str, Reaction]] = defaultdict(dict)
        self._person_of: dict[str, str] = {}

    def learn(
        self, reaction: Reaction, grant: Grant[Literal[Purpose.PROFILE]], now_s: float
    ) -> bool:
        """Take a reaction in.

        Args:
            reaction: Of the grant's person.
            grant: Purpose `profile`, present at this moment.
            now_s: UTC seconds.

        Returns:
            False where it changes nothing: known already, an unknown item, or the person has
            reacted to the item often enough.

        Raises:
            GrantError: The grant is for another purpose or person, or has ended.
        """
        grant.require(Purpose.PROFILE, now_s, reaction.person)
        return self._take(reaction)

    def restore(self, reactions: Iterable[Reaction]) -> None:
        """Take in again, in this order, what was kept; consent was asked when it was read."""
        for reaction in reactions:
            self._take(reaction)

    def undo(self, event_id: str) -> bool:
        """Take one reaction out again, such as a mistaken tap."""
        person = self._person_of.pop(event_id, None)
        if person is None:
            return False
        self._add(self._by_person[person].pop(event_id), -1)
        if not self._by_person[person]:
            del self._by_person[person]
        return True

    def knows(self, event_id: str) -> bool:
        """Tell whether a reaction counts now."""
        return event_id in self._person_of

    def forget(self, person: str) -> int:
        """Take everything of a person out again; returns how many reactions that were."""
        events = list(self._by_person.get(person, ()))
        for event_id in events:
            self.undo(event_id)
        return len(events)

    def log_odds(self) -> Floats:
        """Return float32[items]: what is added to each item's log odds, within ±`MOST_LOG_ODDS`."""
        expected, accepted = self._expected / _MILLION, self._accepted / _MILLION
        class_expected = np.bincount(self._class, expected, self._n_classes)
        class_accepted = np.bincount(self._class, accepted, self._n_classes)
        of_class = np.log((class_accepted + PRIOR_CLASS) / (class_expected + PRIOR_CLASS))
        of_class[-1] = 0.0  # unknown classes have nothing in common
        believed = expected * np.exp(of_class)[self._class]
        own = np.log((accepted + PRIOR_ITEM) / (believed + PRIOR_ITEM))
        moved = of_class[self._class] + own
        limited: Floats = np.clip(moved, -MOST_LOG_ODDS, MOST_LOG_ODDS).astype(np.float32)
        return limited

    def applied(self, probability: Floats, items: Ints, log_odds: Floats | None = None) -> Floats:
        """Return probabilities moved by what was learned.

        Args:
            probability: float32[n], the ranker's.
            items: int32[n].
            log_odds: What `log_odds` returned, kept between changes by the caller.
        """
        shift = (self.log_odds() if log_odds is None else log_odds)[items]
        odds = probability / np.maximum(1.0 - probability, 1e-9) * np.exp(shift)
        moved: Floats = (odds / (1.0 + odds)).astype(np.float32)
        return moved

    @property
    def n_reactions(self) -> int:
        """Return how many reactions count."""
        return len(self._person_of)

    def _take(self, reaction: Reaction) -> bool:
        is_known_item = 0 <= reaction.item < self._class.size
        if not is_known_item or reaction.event_id in self._person_of:
            return False
        own = self._by_person[reaction.person]
        alike = [r for r in own.values() if (r.item, r.kind) == (reaction.item, reaction.kind)]
        if len(alike) >= MOST_PER_PERSON_AND_ITEM:
            return False
        own[reaction.event_id] = reaction
        self._person_of[reaction.event_id] = reaction.person
        self._add(reaction, 1)
        if len(own) > MOST_PER_PERSON:
            self.undo(min(own.values(), key=lambda r: (r.at_s, r.event_id)).event_id)
        return True

    def _add(self, reaction: Reaction, sign: int) -> None:
        if reaction.kind is Kind.ACCEPTED:
            self._accepted[reaction.item] += sign * _MILLION
        elif reaction.kind is Kind.VETOED:
            self._expected[reaction.item] += sign * round(VETO_WEIGHT * _MILLION)
        else:
            self._expected[reaction.item] += sign * round(reaction.probability * _MILLION)
