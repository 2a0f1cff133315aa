"""Which open cards have lost what they stood on, and must leave every screen now.

Asked again after each event: a late sale, a void or return, a withdrawn consent, stock gone, a
veto, a new rule, another zone; and by every decision that shows nothing new. Only grounds that are
about the card's truth count; that somebody was shown enough, or wants quiet, takes no card away.
A sentence that is no longer true leaves its card, and a card goes with its first sentence. An
accepted card stays and is marked instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from edge.core.candidates import Candidates, Source
from edge.core.curation import lacks_size
from edge.core.decision import Decision, Occasion, Snapshot
from edge.core.guard import judge, silence
from edge.core.reasons import ITEM_REASONS, Reason, mask_of
from edge.core.rules import Effect
from edge.core.shades import shade_of

PERSONAL = (
    Source.HISTORY
    | Source.TRANSITION
    | Source.SIMILAR
    | Source.ENCODER
    | Source.STATED
    | Source.SERIES
    | Source.CARE
    | Source.TRIGGER
)
"""Sources that rest on the purpose `profile`."""
RECALLING = mask_of(
    Reason.LEGAL_BAN,
    Reason.SENSITIVE,
    Reason.VETOED,
    Reason.OUT_OF_STOCK,
    Reason.JUST_BOUGHT,
    Reason.JUST_BOUGHT_CLASS,
    Reason.RETURNED,
    Reason.OWNED,
    Reason.NOT_DUE,
    Reason.SERIES_ORDER,
    Reason.GIFT_BASKET,
    Reason.BANNED,
)
_SIZE_GONE = mask_of(Reason.SIZE_UNAVAILABLE)
_IRRELEVANT = mask_of(Reason.BELOW_FLOOR, Reason.SIZE_UNAVAILABLE)
# Grounds that one purchase, today's basket or a label gives; what is then bought stays one.
_OF_VISIT = frozenset({"basket", "scan"})
_OF_PURCHASE = _OF_VISIT | {"purchase"}


@dataclass(frozen=True, slots=True)
class Basis:
    """What an open card stands on.

    Attributes:
        offer_id: The promotion on the card, None where none.
        is_service: Care or help, not an offer of the item.
        is_accepted: Reserved or otherwise taken up by the customer.
        told: What each of its sentences rests on (`Cause.ground`), the most telling first.
        zone: Where the customer was when it was told, None once that may not be known.
        rule_ids: The human rules that moved it.
    """

    card_id: str
    item: int
    sources: int
    offer_id: str | None = None
    is_service: bool = False
    is_accepted: bool = False
    told: tuple[str, ...] = ()
    zone: str | None = None
    rule_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recall:
    """One card that lost its basis; `is_marked`: it stays on the screen with a mark."""

    card_id: str
    reason: Reason
    is_marked: bool


@dataclass(frozen=True, slots=True)
class Review:
    """What is left of the open cards.

    Attributes:
        recalls: Cards whose basis is gone.
        untrue: Positions of the sentences that no longer hold, by card that stays.
    """

    recalls: tuple[Recall, ...] = ()
    untrue: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def recalls(cards: Sequence[Basis], snapshot: Snapshot) -> tuple[Recall, ...]:
    """Return the cards whose basis is gone; see `review`."""
    return review(cards, snapshot).recalls


def review(cards: Sequence[Basis], snapshot: Snapshot) -> Review:
    """Ask about open cards as if they were to be shown now.

    Args:
        cards: Open on any screen, all of the snapshot's visit.
        snapshot: Taken after the event, prompts and memory included.
    """
    if not cards:
        return Review()
    ordered = sorted(cards, key=lambda card: card.item)
    items = np.array([card.item for card in ordered], np.int32)
    service = np.array([card.is_service for card in ordered], np.bool_)
    sources = np.where(service, np.uint16(Source.CARE), np.uint16(0))
    # A card is a service or not for good, whatever its item would be prompted for by now.
    as_shown = replace(snapshot, prompts=replace(snapshot.prompts, service=items[:0]))
    judged = judge(Candidates(items, sources), as_shown)
    reasons = judged.reasons & RECALLING
    reasons[lacks_size(items, snapshot) & ~service] |= _SIZE_GONE
    masks = reasons.tolist()
    has_consent = silence(snapshot) is not Reason.NO_CONSENT
    found: list[Recall] = []
    untrue: dict[str, tuple[int, ...]] = {}
    for at, card in enumerate(ordered):
        reason = _consent(card, snapshot, has_consent) or _first(masks[at])
        reason = reason or _promise(card, snapshot)
        gone = [n for n, ground in enumerate(card.told) if not _holds(ground, card, snapshot)]
        gone += _rules_gone(card, judged.effect, snapshot)
        if reason is None and 0 in gone:
            is_purchase = card.told[0] in _OF_PURCHASE
            reason = Reason.BASIS_GONE if is_purchase else Reason.GROUND_GONE
        if reason is not None:
            found.append(Recall(card.card_id, reason, card.is_accepted))
        elif gone:
            untrue[card.card_id] = tuple(sorted(gone))
    return Review(tuple(found), untrue)


def outgrown(cards: Sequence[Basis], decision: Decision) -> tuple[Recall, ...]:
    """Return the open cards that a decision which shows nothing has found not worth showing.

    Silence judges nothing, and neither do caps: a card that was shown often enough stays true.
    """
    if decision.empty is None or not decision.trace_items:
        return ()
    items = np.frombuffer(decision.trace_items, "<i4").tolist()
    masks = (np.frombuffer(decision.trace_reasons, "<u4") & _IRRELEVANT).tolist()
    judged = {
        item: reason for item, mask in zip(items, masks, strict=True) if (reason := _first(mask))
    }
    return tuple(
        Recall(card.card_id, judged[card.item], card.is_accepted)
        for card in cards
        if card.item in judged and not card.is_service
    )


def _consent(card: Basis, snapshot: Snapshot, has_consent: bool) -> Reason | None:
    person = snapshot.person
    may_use = person is not None and "profile" in person.purposes
    if not has_consent or (card.sources & PERSONAL and not may_use):
        return Reason.NO_CONSENT
    return None


def _holds(ground: str, card: Basis, snapshot: Snapshot) -> bool:
    """Tell whether what a sentence rests on is still so; rules of people are asked apart."""
    prompts, person = snapshot.prompts, snapshot.person
    if ground == "zone":
        return card.zone is not None and snapshot.visit.zone == card.zone
    if ground in _OF_PURCHASE and card.is_service:
        return card.item in prompts.care
    if ground in _OF_VISIT and card.sources & Source.TOGETHER:
        return True  # what a visit has seen stays so
    if ground in _OF_PURCHASE:
        return bool(prompts.partner.size and prompts.partner[card.item])
    if ground == "purchases":
        return bool(snapshot.memory.bought)
    if ground == "series":
        return card.item in prompts.series
    if ground == "shade":
        return shade_of(card.item, snapshot) is not None
    if ground == "stated":
        return person is not None and bool(person.stated)
    if ground in set(Occasion):
        return prompts.occasions.get(card.item) == ground
    return True


def _rules_gone(card: Basis, effect: Effect, snapshot: Snapshot) -> list[int]:
    if "house" not in card.told:
        return []
    now = snapshot.playbook.rules.ids_on(card.item, effect)
    return [] if set(now) & set(card.rule_ids) else [card.told.index("house")]


def _first(mask: int) -> Reason | None:
    return ITEM_REASONS[(mask & -mask).bit_length() - 1] if mask else None


def _promise(card: Basis, snapshot: Snapshot) -> Reason | None:
    """Return why a promotion or a care tip no longer holds, None where it does."""
    if card.is_service and card.sources & Source.CARE:
        return None if card.item in snapshot.prompts.care else Reason.BASIS_GONE
    if card.offer_id is None:
        return None
    offers, now_s = snapshot.playbook.offers, snapshot.moment.now_s
    is_on = offers.still_stands(card.offer_id, card.item, now_s, snapshot.surface)
    return None if is_on else Reason.OFFER_OVER
