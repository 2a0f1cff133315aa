"""What new orders would have changed about decisions already made, before they go live.

Takes the traces of past decisions (yesterday's, say), puts the human grounds aside, applies the
new playbook and fills the places again with the very code that decides. What the trace does not
hold (stock and caps of that moment) stays as it was. Leaves out where the decisions are kept.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.candidates import Source
from edge.core.caps import Caps
from edge.core.catalog import Stock
from edge.core.curation import curate
from edge.core.decision import Decision, Motive, Prompts, Snapshot, VisitView
from edge.core.experiments import Arm
from edge.core.guard import Judged, remembered
from edge.core.memory import NOTHING_BOUGHT, Purchases, remember
from edge.core.moment import Moment
from edge.core.playbook import Playbook
from edge.core.reasons import BIT, Reason
from edge.core.rules import Where

MAX_EXAMPLES = 20
MOSTLY = 0.9
"""Share of decisions going silent from which new orders are called out before they go live."""

# Grounds that are worked out anew: people's, and those of the places.
_RULED = (Reason.LEGAL_BAN, Reason.BANNED)
_PLACED = (Reason.BELOW_FLOOR, Reason.TOO_SIMILAR, Reason.OUTRANKED)
_BOUGHT = (
    Reason.JUST_BOUGHT,
    Reason.JUST_BOUGHT_CLASS,
    Reason.OWNED,
    Reason.NOT_DUE,
    Reason.SERIES_ORDER,
    Reason.GIFT_BASKET,
    Reason.SILENCE_AFTER_PURCHASE,
)


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
    """

    decisions: int
    changed: int
    spoke: int
    shown_before: int
    shown_after: int
    silenced: int
    examples: tuple[Change, ...]

    @property
    def is_silencing(self) -> bool:
        """Whether nearly every decision that showed something would show nothing."""
        return self.silenced > 0 and self.silenced >= MOSTLY * self.spoke


def preview(
    decisions: Iterable[Decision],
    playbook: Playbook,
    moment_of: Callable[[float], Moment],
    purchases_of: Callable[[Decision], Purchases | None] = lambda _: None,
) -> Preview:
    """Decide past decisions again under another playbook.

    Args:
        decisions: With their traces, all over the playbook's catalogue.
        playbook: The orders that might go live.
        moment_of: Puts UTC seconds into the store's calendar.
        purchases_of: What the visitor had bought by then, where it may be read; without it the
            grounds from purchases stay as they were.
    """
    changes: list[Change] = []
    total = spoke = before_cards = after_cards = silenced = 0
    for decision in decisions:
        if not decision.trace_items or decision.catalog_version != playbook.catalog.version:
            continue
        before = tuple(line.item_id for line in decision.slate)
        after = again(decision, playbook, moment_of(decision.at_s), purchases_of(decision))
        total += 1
        spoke += bool(before)
        before_cards += len(before)
        after_cards += len(after)
        silenced += bool(before) and not after
        if before != after:
            changes.append(Change(decision.decision_id, decision.at_s, before, after))
    examples = tuple(changes[:MAX_EXAMPLES])
    return Preview(total, len(changes), spoke, before_cards, after_cards, silenced, examples)


def again(
    decision: Decision, playbook: Playbook, moment: Moment, purchases: Purchases | None = None
) -> tuple[str, ...]:
    """Return the item ids that a past decision would show under another playbook."""
    items = np.frombuffer(decision.trace_items, "<i4").astype(np.int32)
    sources = np.frombuffer(decision.trace_sources, "<u2").astype(np.uint16)
    scores = np.frombuffer(decision.trace_scores, "<f4").astype(np.float32)
    reasons = np.frombuffer(decision.trace_reasons, "<u4").astype(np.uint32)
    effect = playbook.rules.now(
        Where(moment.day, decision.surface, decision.zone, None, decision.motive)
    )
    is_service = _service(decision, items, sources)
    reasons = _without(reasons, _RULED + _PLACED)
    reasons |= effect.law[items] * _flag(Reason.LEGAL_BAN)
    reasons |= effect.ban[items] * _flag(Reason.BANNED)
    memory = NOTHING_BOUGHT
    if purchases is not None:
        memory = remember(purchases, playbook.classes)
        reasons = _without(reasons, _BOUGHT)
        bought = remembered(items, memory, playbook.classes, moment.now_s)
        kept = np.bitwise_or.reduce([_flag(reason) for reason in _BOUGHT])
        reasons |= np.where(is_service, np.uint32(0), bought & kept)
    offer = playbook.offers.active(moment.now_s, decision.surface)[items]
    judged = Judged(items, sources, reasons, offer, effect, is_service)
    partner = np.zeros(len(playbook.catalog.items), np.bool_)
    partner[items[(sources & Source.COMPLEMENT) != 0]] = True
    snapshot = Snapshot(
        moment=moment,
        visit=VisitView(decision.visit_id, 0.0, decision.zone, motive=Motive(decision.motive)),
        playbook=playbook,
        stock=Stock(playbook.catalog),
        caps=Caps(()),
        arm=Arm(),
        memory=memory,
        prompts=Prompts(partner=partner),
        surface=decision.surface,
        placement=decision.placement,
        is_pull=decision.is_pull,
        seed=decision.seed,
    )
    return tuple(line.item_id for line in curate(judged, scores, snapshot).shown)


def _service(
    decision: Decision, items: NDArray[np.int32], sources: NDArray[np.uint16]
) -> NDArray[np.bool_]:
    shown = [line.item for line in decision.slate if line.is_service]
    is_service: NDArray[np.bool_] = (sources & Source.CARE) != 0
    return is_service | np.isin(items, np.array(shown, np.int32))


def _flag(reason: Reason) -> np.uint32:
    return np.uint32(1 << BIT[reason])


def _without(reasons: NDArray[np.uint32], some: Iterable[Reason]) -> NDArray[np.uint32]:
    kept = np.uint32(~sum(1 << BIT[reason] for reason in some) & 0xFFFFFFFF)
    return reasons & kept
