"""A box's own decisions as a log that judges orders before they go live: what would they earn?

Every past card is asked with which chance these orders would have put it into the same place, from
what its decision noted of itself (`preview`): the candidates of that time with their grounds and
scores, the purchases, words and impressions before it. So held fixed are who came when, what else
was decided and shown in the visit, stock, sizes and vetoes, and the models' word; what is let in
only now is asked of the models of now. A card earned 1 where it was seen and taken up, else 0: one
that nobody looked at earned nothing, whichever it was. Only decisions about somebody who agrees to
a profile count: of others, nobody knows what came of a card. All of one customer are one witness.

Leaves out how a log is judged (`off_policy`) and where decisions are kept.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from edge.core.cap_rules import Impression
from edge.core.curation import Place
from edge.core.decision import Shown
from edge.core.impressions import card_id_of
from edge.core.off_policy import Conclusion, Log, evaluate
from edge.core.playbook import Playbook
from edge.core.preview import Past, Stage, Trial

TAKEN_WITHIN_S = 4 * 3_600.0
"""How long after a card was seen a purchase of its item is taken for its doing: a visit (a
proposal)."""
SEED = 1
"""Of the resampling: the same ledger and draft give the same answer."""


class LeftOut(StrEnum):
    """Why a decision counts for nothing."""

    NO_PROFILE = "no_profile"
    """About nobody, or somebody without a present consent to a profile."""
    NO_CANDIDATES = "no_candidates"
    """It was silent before it looked at any."""
    OTHER_CATALOGUE = "other_catalogue"
    """Its items may mean others today."""
    NOT_REPEATABLE = "not_repeatable"
    """Under the very orders of then it would come out otherwise on the knowledge of now."""


@dataclass(frozen=True, slots=True, eq=False)
class PolicyLog:
    """What past decisions say about other orders.

    Attributes:
        log: None where no decision counts.
        decisions, cards: That count, and what stood on their slates.
        explored, seen: Of the cards.
        taken: Of the cards: seen, and then reserved, or bought within `TAKEN_WITHIN_S` and before
            another card of the item was seen.
        left_out: How many decisions do not count, by ground.
    """

    log: Log | None
    decisions: int
    cards: int
    explored: int
    seen: int
    taken: int
    left_out: Mapping[LeftOut, int]

    @property
    def looked_at(self) -> int:
        """How many decisions there were, with those that do not count."""
        return self.decisions + sum(self.left_out.values())

    def conclusion(self) -> Conclusion | None:
        """Return what may be said, None where no decision counts."""
        return None if self.log is None else evaluate(self.log, SEED)


class _Row(NamedTuple):
    """A place of a past decision; columns as in `Log`."""

    reward: float
    propensity: float
    target: float
    group: str | None
    expected_shown: float
    expected_target: float
    place: int
    filled: float


def policy_log(
    past: Iterable[Past], tried: Playbook, in_force: Playbook, stage: Stage
) -> PolicyLog:
    """Ask of every card, seen or not, how likely other orders would have shown it.

    Args:
        past: With their traces, the oldest first.
        tried: The orders to be judged.
        in_force: The orders that hold now, over the same catalogue: a decision made under them
            must come out of them again as it was noted, or it is left out.
        stage: What else is asked.
    """
    trial, control = Trial(tried, stage), Trial(in_force, stage)
    left_out: Counter[LeftOut] = Counter()
    rows: list[_Row] = []
    lines: list[Shown] = []
    seen = 0
    for each in past:
        why = _left_out(each, control)
        if why is not None:
            left_out[why] += 1
            continue
        rows += _rows(each, trial.places(each))
        lines += each.decision.slate
        seen += len(_seen_s(each))
    return PolicyLog(
        log=_log(rows) if rows else None,
        decisions=sum(row.place == 0 for row in rows),
        cards=len(lines),
        explored=sum(line.is_explored for line in lines),
        seen=seen,
        taken=int(sum(row.reward for row in rows)),
        left_out=left_out,
    )


def _left_out(past: Past, control: Trial) -> LeftOut | None:
    decision, orders = past.decision, control.playbook
    if past.profile is None:
        return LeftOut.NO_PROFILE
    if not decision.trace_items:
        return LeftOut.NO_CANDIDATES
    if decision.catalog_version != orders.catalog.version:
        return LeftOut.OTHER_CATALOGUE
    is_checked = decision.playbook_version == orders.version
    if is_checked and not _comes_out(decision.slate, control.places(past)):
        return LeftOut.NOT_REPEATABLE
    return None


def _comes_out(slate: Sequence[Shown], places: Sequence[Place]) -> bool:
    """Tell whether the places hold the noted cards with the noted chances, and no more."""
    return len(places) == len(slate) and all(
        _chance_of(line, place) == line.propensity
        for line, place in zip(slate, places, strict=True)
    )


def _rows(past: Past, places: Sequence[Place]) -> list[_Row]:
    """Return a row for each place that was filled, or would be.

    Args:
        past: The decision.
        places: Under the orders tried, given what stood before.
    """
    slate = past.decision.slate
    taken = _taken(past)
    rows = []
    for at in range(max(len(slate), len(places), 1)):
        line = slate[at] if at < len(slate) else None
        place = places[at] if at < len(places) else None
        rows.append(
            _Row(
                reward=float(at in taken),
                propensity=1.0 if line is None else line.propensity,
                target=0.0 if line is None or place is None else _chance_of(line, place),
                group=past.person,
                expected_shown=0.0 if line is None or place is None else _score_of(line, place),
                expected_target=0.0 if place is None else float(place.chance @ _known(place)),
                place=at,
                filled=float(place is not None),
            )
        )
    return rows


def _chance_of(line: Shown, place: Place) -> float:
    return float(place.chance[place.items == line.item].sum())


def _score_of(line: Shown, place: Place) -> float:
    return float(_known(place)[place.items == line.item].sum())


def _known(place: Place) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return float64[n]: the model's chances, 0 where it was not asked."""
    return np.nan_to_num(place.score.astype(np.float64))


def _seen_s(past: Past) -> dict[int, float]:
    """Return when the cards of a decision were seen, by place."""
    ids = {card_id_of(past.decision.decision_id, at): at for at in range(len(past.decision.slate))}
    return {ids[one.card_id]: one.at_s for one in past.shown if one.card_id in ids}


def _taken(past: Past) -> set[int]:
    """Return the places whose card was seen, and then reserved or bought.

    A purchase is the doing of the last card of its item before it.
    """
    found: set[int] = set()
    if past.profile is None:
        return found
    bought, decision = past.profile.purchases, past.decision
    for at, seen_s in _seen_s(past).items():
        line, card_id = decision.slate[at], card_id_of(decision.decision_id, at)
        after_s = bought.at_s[bought.item == line.item] - seen_s
        again_s = _again_s(past.shown, line.item_id, seen_s, card_id) - seen_s
        is_bought = (after_s >= 0) & (after_s <= TAKEN_WITHIN_S) & (after_s < again_s)
        if is_bought.any() or card_id in past.reserved:
            found.add(at)
    return found


def _again_s(shown: Iterable[Impression], item_id: str, seen_s: float, card_id: str) -> float:
    """Return when the next card of an item was seen, if ever; of two at once, one is the later."""
    later = (
        one.at_s
        for one in shown
        if one.item == item_id and (one.at_s, one.card_id) > (seen_s, card_id)
    )
    return min(later, default=math.inf)


def _log(rows: Sequence[_Row]) -> Log:
    return Log(**{name: np.array([getattr(row, name) for row in rows]) for name in _Row._fields})
