"""What new orders would have changed about decisions already made, before they go live.

Every past decision is judged and its places filled once more by the very code that decides, from
what it noted of itself and what may be read of its visitor now: the purchases, words and
impressions of that time. The model is asked about candidates that are let in only now. What
cannot be known again stays as it was noted: stock, sizes, vetoes, and of a visitor without a
consent to a profile every ground that the profile gave. Each decision is tried by itself: what was
shown before it, was shown. Leaves out where decisions are kept, silence (a decision that asked for
no candidate) and who is in which arm.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, field, replace
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from edge.core import candidates as finding
from edge.core import guard, triggers
from edge.core.candidates import Candidates, Context, Source
from edge.core.cap_rules import Impression
from edge.core.caps import Caps
from edge.core.catalog import Catalog, Stock
from edge.core.curation import Place, curate, places
from edge.core.decision import Decision, Motive, PersonView, Prompts, Snapshot, VisitView
from edge.core.experiments import Arm
from edge.core.guard import HOLDS_FOR_SERVICE, Judged
from edge.core.history import Floats, History
from edge.core.memory import NOTHING_BOUGHT, Purchases, remember
from edge.core.moment import Moment
from edge.core.person import Profile
from edge.core.playbook import Playbook
from edge.core.reasons import Reason, mask_of
from edge.core.shades import shades_of
from edge.core.takeup import Takeup

MAX_EXAMPLES = 20
MOSTLY = 0.9
"""Share of decisions going silent from which new orders are called out before they go live."""

# Candidates that orders and purchases name, and not the model.
_PROMPTED = np.uint16(
    Source.COMPLEMENT | Source.SERIES | Source.CARE | Source.TRIGGER | Source.PINNED
)


# Grounds that are worked out anew: people's, those of purchases, and those of the places.
_RULED = mask_of(Reason.LEGAL_BAN, Reason.BANNED, Reason.FREQUENCY_CAP, Reason.CAMPAIGN_OVER)
_BOUGHT = mask_of(
    Reason.JUST_BOUGHT,
    Reason.JUST_BOUGHT_CLASS,
    Reason.OWNED,
    Reason.NOT_DUE,
    Reason.SERIES_ORDER,
    Reason.GIFT_BASKET,
    Reason.SAME_DEPARTMENT,
    Reason.SILENCE_AFTER_PURCHASE,
)
_PLACED = mask_of(Reason.BELOW_FLOOR, Reason.TOO_SIMILAR, Reason.OUTRANKED)

Model = Callable[[History, Candidates, Context, Moment, str | None], Floats]
"""Scores candidates of somebody with this history, at this moment and place; float32[n]."""


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """A past decision, and what may be read of its visitor now.

    Attributes:
        person: Opaque, None where nobody was known.
        profile: As it stands now; None without a present consent to it.
        shown: Impressions of the person, or of this visit of nobody; for caps.
        reserved: Ids of the person's cards that were reserved.
    """

    decision: Decision
    person: str | None = None
    profile: Profile | None = None
    shown: Sequence[Impression] = ()
    reserved: Set[str] = frozenset()

    @property
    def is_whole(self) -> bool:
        """Whether everything the decision looked at may be looked at again."""
        return self.person is None or self.profile is not None


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """What stays the same from one past decision to the next.

    Attributes:
        moment_of: Puts UTC seconds into the store's calendar.
        stock: Of now, for candidates that were none at that time.
        model: Asked about what is let in only now.
        shown: All impressions of the store, the oldest first, where its totals are capped.
    """

    moment_of: Callable[[float], Moment]
    stock: Stock
    model: Model
    shown: Sequence[Impression] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One past decision that would come out differently; item ids in order."""

    decision_id: str
    at_s: float
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What new orders would have changed.

    Attributes:
        decisions: Looked at; changed: with other items or another order.
        spoke: Decisions that showed something. silenced: Those left with nothing.
        shown_before, shown_after: Cards in all.
        examples: The first `MAX_EXAMPLES` changes.
        partly: Decisions about somebody whose purchases and words may not be read now; their
            grounds from these stay as they were.
    """

    decisions: int
    changed: int
    spoke: int
    shown_before: int
    shown_after: int
    silenced: int
    examples: tuple[Change, ...]
    partly: int = 0

    @property
    def is_silencing(self) -> bool:
        """Whether nearly every decision that showed something would show nothing."""
        return self.silenced > 0 and self.silenced >= MOSTLY * self.spoke


def preview(past: Iterable[Past], tried: Playbook, in_force: Playbook, stage: Stage) -> Preview:
    """Decide past decisions again under another playbook.

    A decision counts as changed where it would come out otherwise than it did, and otherwise than
    the orders in force would have it on the same knowledge: a sale that became known only later is
    no change of orders.

    Args:
        past: With their traces, the oldest first.
        tried: The orders that might go live.
        in_force: The orders that hold now, over the same catalogue.
        stage: What else is asked.
    """
    changes: list[Change] = []
    total = spoke = before_cards = after_cards = silenced = partly = 0
    trial, control = Trial(tried, stage), Trial(in_force, stage)
    for each in past:
        decision = each.decision
        if not decision.trace_items or decision.catalog_version != tried.catalog.version:
            continue
        before = tuple(line.item_id for line in decision.slate)
        after = trial.again(each)
        if after != before and after == control.again(each):
            after = before
        total += 1
        partly += not each.is_whole
        spoke += bool(before)
        before_cards += len(before)
        after_cards += len(after)
        silenced += bool(before) and not after
        if before != after:
            changes.append(Change(decision.decision_id, decision.at_s, before, after))
    examples = tuple(changes[:MAX_EXAMPLES])
    return Preview(
        total, len(changes), spoke, before_cards, after_cards, silenced, examples, partly
    )


@dataclass(slots=True, eq=False)
class Trial:
    """One playbook tried on past decisions, the oldest first; the caps follow their time."""

    playbook: Playbook
    stage: Stage
    caps: Caps = field(init=False)
    told: int = 0

    def __post_init__(self) -> None:
        self.caps = Caps(self.playbook.caps)

    def again(self, past: Past) -> tuple[str, ...]:
        """Return the item ids that a past decision would show."""
        return tuple(line.item_id for line in curate(*self._judged(past)).shown)

    def places(self, past: Past) -> tuple[Place, ...]:
        """Return what might stand in its places, given what did in those before (`curation`)."""
        stood = [line.item for line in past.decision.slate]
        return places(*self._judged(past), stood)

    def _judged(self, past: Past) -> tuple[Judged, Floats, Snapshot]:
        """Return candidates, scores and what was looked at, under these orders."""
        decision = past.decision
        profile = None if past.profile is None else past.profile.until(decision.at_s)
        snapshot = self._snapshot(past, profile)
        found = _found(past, snapshot)
        judged, scores = _rejudged(past, guard.judge(found, snapshot))
        unasked = (judged.allowed & np.isnan(scores)).nonzero()[0]
        if unasked.size:
            is_known = profile is not None and not snapshot.arm.is_holdout
            history = profile.purchases.history() if profile and is_known else History.empty()
            left = Candidates(found.items[unasked], found.sources[unasked])
            context = Context(basket=np.array(decision.scanned, np.int32))
            moment, zone = snapshot.moment, decision.zone
            scores[unasked] = self.stage.model(history, left, context, moment, zone)
        return judged, scores, snapshot

    def _snapshot(self, past: Past, profile: Profile | None) -> Snapshot:
        """Lay out what the decision looked at; `profile`: as of that time."""
        decision, playbook = past.decision, self.playbook
        moment = self.stage.moment_of(decision.at_s)
        arm = Arm(decision.arm.partition(";")[0])
        person = _view(past.person, profile, arm, playbook.catalog)
        memory = NOTHING_BOUGHT
        if profile is not None:
            bought = Purchases.of_profile(profile)
            memory = remember(bought, playbook.classes, profile.declared.get("audience"))
        visit = VisitView(
            visit_id=decision.visit_id,
            entered_s=0.0,
            zone=decision.zone,
            motive=Motive(decision.motive),
            basket=decision.basket,
            scanned=decision.scanned,
        )
        if past.is_whole:
            prompts = triggers.prompts(
                memory, person, visit, moment, playbook, decision.surface,
                is_held_out=arm.is_holdout,
            )  # fmt: skip
        else:
            prompts = _noted_prompts(decision, playbook)
        snapshot = Snapshot(
            moment=moment,
            visit=visit,
            playbook=playbook,
            stock=self.stage.stock,
            caps=self.caps,
            arm=arm,
            person=person,
            memory=memory,
            prompts=prompts,
            surface=decision.surface,
            placement=decision.placement,
            is_pull=decision.is_pull,
            seed=decision.seed,
            takeup=Takeup.of_noted(decision.takeup, len(playbook.offers.offers)),
        )
        self._count(past, snapshot.who)
        return snapshot

    def _count(self, past: Past, who: str) -> None:
        """Let the caps know what was shown before a decision, and nothing after it."""
        at_s, shown = past.decision.at_s, self.stage.shown
        before = bisect_left(shown, at_s, self.told, key=attrgetter("at_s"))
        self.caps.restore(shown[self.told : before])
        self.told = before
        self.caps.leave(who)
        self.caps.admit(one for one in past.shown if one.at_s < at_s)


def _view(
    person: str | None, profile: Profile | None, arm: Arm, catalog: Catalog
) -> PersonView | None:
    """Return the person as the decision saw them; in which sizes goods were there, it noted."""
    if person is None or profile is None:
        return None if person is None else PersonView(person)
    if arm.is_holdout:
        return PersonView(person, vetoes=profile.vetoes, household=profile.household)
    view = PersonView.of(person, frozenset(), profile)
    return replace(view, sizes={}, shades=shades_of(profile, catalog))


def _noted_candidates(decision: Decision) -> Candidates:
    items = np.frombuffer(decision.trace_items, "<i4").astype(np.int32)
    return Candidates(items, np.frombuffer(decision.trace_sources, "<u2").astype(np.uint16))


def _noted_prompts(decision: Decision, playbook: Playbook) -> Prompts:
    """Return what went with unknown purchases, as far as the candidates tell."""
    noted, n = _noted_candidates(decision), len(playbook.catalog.items)
    partner = np.zeros(n, np.bool_)
    partner[noted.items[(noted.sources & np.uint16(Source.COMPLEMENT)) != 0]] = True
    service = sorted(line.item for line in decision.slate if line.is_service)
    n_departments = int(playbook.classes.department.max(initial=-1)) + 1
    return Prompts(
        partner=partner,
        never=np.zeros(n, np.bool_),
        shut=np.zeros(n_departments, np.bool_),
        service=np.array(service, np.int32),
    )


def _found(past: Past, snapshot: Snapshot) -> Candidates:
    """Return the candidates of that time, with what these orders would have named."""
    noted, prompts = _noted_candidates(past.decision), snapshot.prompts
    if not past.is_whole:
        return noted
    sources = noted.sources & ~_PROMPTED
    is_named = sources != 0
    context = Context(
        complement=prompts.complement,
        series=prompts.series,
        care=prompts.care,
        trigger=prompts.trigger,
        pinned=prompts.pinned,
    )
    left = Candidates(noted.items[is_named], sources[is_named])
    return finding.joined(left, len(snapshot.playbook.catalog.items), context)


def _rejudged(past: Past, judged: Judged) -> tuple[Judged, Floats]:
    """Put the grounds that cannot be asked about again in the place of today's.

    Returns:
        The candidates as judged at that time under these orders, and the model's scores of that
        time, float32[n], NaN where it was not asked.
    """
    decision, at = past.decision, judged.items
    n, items = judged.effect.ban.size, np.frombuffer(decision.trace_items, "<i4")
    was_found, noted = np.zeros(n, np.bool_), np.zeros(n, np.uint32)
    scores = np.full(n, np.nan, np.float32)
    was_found[items] = True
    noted[items] = np.frombuffer(decision.trace_reasons, "<u4")
    scores[items] = np.frombuffer(decision.trace_scores, "<f4")
    anew = _RULED | _BOUGHT if past.is_whole else _RULED
    kept: NDArray[np.uint32] = noted[at] & ~(anew | _PLACED)
    if judged.is_service is not None:
        kept[judged.is_service] &= HOLDS_FOR_SERVICE
    reasons = np.where(was_found[at], judged.reasons & anew | kept, judged.reasons)
    return replace(judged, reasons=reasons), scores[at]
