"""What each source of data contributed to a card, as people are told it when they ask.

Decides which figures a card's sources get, in which order, and whether they add up. The figures
are log odds of the chance that the box worked with: its model's, with what the moment names and
the customer's own shade add to it. What people of the house ordered and what the box learned from
cards move it further and are no data about this visit. Leaves out how a score is shared out
(`attribution`), what is asked for it (`scoring`), and the words.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from edge.core.attribution import Shares, log_odds
from edge.core.candidates import Candidates, Context
from edge.core.curation import OWN_SHADE
from edge.core.decision import Decision, Shown
from edge.core.errors import UnavailableError
from edge.core.experiments import Arm
from edge.core.history import History
from edge.core.moment import Moment
from edge.core.person import Profile
from edge.core.scoring import Scored, Scoring

LEAST = 0.02
"""Share of all movement below which a source is not worth a line."""
JOINED = "profile"
"""What sources about the person are called together, where a screen may not name them."""
FACTS: Mapping[str, str] = {
    "history": "purchase",
    "others": "purchase",
    "stated": "stated",
    "shade": "shade",
}
"""Sources about the person, and how the fact that one tells begins (`explanation.Cause.fact`)."""
SAME_CHANCE = 0.05
"""Log odds by which a chance that is worked out again may miss the noted one: a visit's days are
counted from its beginning, which a decision does not note."""


class Unexplained(StrEnum):
    """Why there are no figures for a card."""

    GONE = "gone"
    BY_RULE = "by_rule"
    WITHDRAWN = "withdrawn"
    OTHER_MODEL = "other_model"
    OTHER_CATALOGUE = "other_catalogue"
    CHANGED = "changed"
    NO_MODEL = "no_model"


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one source did.

    Attributes:
        source: A `features.FeatureSource`, `time` or `shade`.
        log_odds: Its fair share; those of all sources add up.
        alone: What is lost when only this source is left out.
    """

    source: str
    log_odds: float
    alone: float


@dataclass(frozen=True, slots=True)
class Contributions:
    """What moved the chance of one card.

    Attributes:
        chance: With everything known; base: with nothing known.
        parts: The largest first; sources that moved nothing are left out.
        adds_up: Whether leaving out one source at a time explains the whole, too.
        interaction: Log odds that this leaves unexplained, or, below 0, counts twice.
        overlap: The same as a share of all there is to explain, 0 to 1.
    """

    chance: float
    base: float
    parts: tuple[Contribution, ...]
    adds_up: bool
    interaction: float
    overlap: float

    @classmethod
    def of(cls, shares: Shares, row: int = 0) -> "Contributions":
        """Return the contributions to one of the scores that were shared out."""
        fair, alone = shares.fair[row].tolist(), shares.alone[row].tolist()
        parts = [Contribution(*each) for each in zip(shares.sources, fair, alone, strict=True)]
        moved = [each for each in parts if abs(each.log_odds) > 1e-6 or abs(each.alone) > 1e-6]
        missing, scale = float(shares.interaction[row]), float(shares.scale[row])
        return cls(
            chance=_chance(float(shares.base[row] + shares.total[row])),
            base=_chance(float(shares.base[row])),
            parts=tuple(sorted(moved, key=lambda each: (-abs(each.log_odds), each.source))),
            adds_up=bool(shares.adds_up[row]),
            interaction=missing,
            overlap=min(1.0, abs(missing) / scale) if scale > 0.0 else 0.0,
        )


def of_past(
    decision: Decision,
    line: Shown,
    profile: Profile | None,
    scoring: Scoring,
    moment: Moment,
    has: tuple[str, str],
) -> Contributions | Unexplained:
    """Say what contributed to a card of a past decision, from its record.

    What the record holds stays as it was: zone, labels read, what named the item. The history is
    that of the moment, of what is still kept and was not corrected since; where it no longer
    gives the noted chance, there are no figures. What an item goes with counts as the basket's
    where a label had been read.

    Args:
        decision: As it was recorded.
        line: One of its slate.
        profile: Of the person, as may be read now; None for nobody.
        scoring: Over the model in force.
        moment: Of the decision.
        has: The model and the catalogue in force, by version.
    """
    if not decision.model_version:
        return Unexplained.NO_MODEL
    if decision.model_version != has[0]:
        return Unexplained.OTHER_MODEL
    if decision.catalog_version != has[1]:
        return Unexplained.OTHER_CATALOGUE
    row = next(row for row in decision.trace() if row.item == line.item)
    if line.is_service or np.isnan(row.score):
        return Unexplained.BY_RULE
    history = History.empty()
    if profile is not None and not Arm(decision.arm.partition(";")[0]).is_holdout:
        history = profile.until(decision.at_s).purchases.history()
    found = Candidates(np.array([row.item], np.int32), np.array([row.sources], np.uint16))
    context = Context(basket=np.array(decision.scanned, np.int32))
    scored = scoring.afresh(history, found, context, moment, decision.zone)
    if scored.is_final and not _is_same(row.score, scored.chance_of(row.item)):
        return Unexplained.CHANGED
    is_in_basket = bool(decision.basket or decision.scanned)
    return shared_out(
        scoring, scored, row.item, is_in_basket=is_in_basket, is_in_shade=line.is_in_shade
    )


def shared_out(
    scoring: Scoring, scored: Scored, item: int, *, is_in_basket: bool, is_in_shade: bool
) -> Contributions | Unexplained:
    """Say what contributed to one candidate of what was scored.

    Args:
        scoring: Over the model that answered.
        scored: See `Scoring.score`.
        item: One of its candidates.
        is_in_basket: What the item goes with lies in the basket, or its label was read.
        is_in_shade: It came in the customer's own shade.
    """
    if not scored.is_final:
        return Unexplained.NO_MODEL
    beside = {"shade": OWN_SHADE} if is_in_shade else None
    try:
        shares = scoring.shared_out(scored, item, is_in_basket=is_in_basket, beside=beside)
    except UnavailableError:
        return Unexplained.NO_MODEL
    return Contributions.of(shares)


def _is_same(noted: float, found: float) -> bool:
    one, other = log_odds(np.array([noted, found], np.float32)).tolist()
    return bool(abs(one - other) <= SAME_CHANCE)


@dataclass(frozen=True, slots=True)
class Share:
    """A line for staff: `share` of all movement, below 0 where it speaks against the card."""

    source: str
    share: float


def for_screen(found: Contributions, told: Collection[str], most: int) -> tuple[Share, ...]:
    """Return what a screen may say: sources, the most telling first, with their shares.

    That a source about the person counted tells that they bought something, said something or have
    a shade. Where the screen tells as many facts as it may (A04), such sources go together under
    the name that the consent itself has.

    Args:
        found: The contributions.
        told: Facts about the person that stand on the screen already.
        most: Facts that may stand there.
    """
    whole = sum(abs(each.log_odds) for each in found.parts)
    kinds = kinds_of(told)
    room = most - len(set(told))
    by_name: dict[str, float] = {}
    for each in found.parts:
        fact, name = FACTS.get(each.source), each.source
        if fact is not None and fact not in kinds:
            if room > 0:
                kinds.add(fact)
                room -= 1
            else:
                name = JOINED
        by_name[name] = by_name.get(name, 0.0) + each.log_odds
    lines = [Share(name, moved / whole) for name, moved in by_name.items()] if whole else []
    lines = [line for line in lines if abs(line.share) >= LEAST]
    return tuple(sorted(lines, key=lambda line: (-abs(line.share), line.source)))


def facts_named(lines: Iterable[Share], told: Collection[str]) -> frozenset[str]:
    """Return the facts that lines for a screen tell beyond what stands there."""
    return frozenset(FACTS[line.source] for line in lines if line.source in FACTS) - kinds_of(told)


def kinds_of(told: Collection[str]) -> set[str]:
    """Return how the facts begin that sources about the person tell, of facts that are told."""
    kinds = {fact.partition(":")[0] for fact in told}
    return {"purchase" if kind == "purchases" else kind for kind in kinds}


def _chance(odds: float) -> float:
    return float(1.0 / (1.0 + np.exp(-odds)))
