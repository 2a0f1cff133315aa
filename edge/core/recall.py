"""Which open cards have lost what they stood on, and must leave every screen now.

Asked again after each event: a late sale, a void or return, a withdrawn consent, stock gone, a
veto, a new rule. Only grounds that are about the card's truth count; that somebody was shown
enough, or wants quiet, takes no card away. An accepted card stays and is marked instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.core.candidates import Candidates, Source
from edge.core.decision import Snapshot
from edge.core.guard import judge, silence
from edge.core.reasons import BIT, ITEM_REASONS, Reason

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
RECALLING = np.uint32(
    sum(
        1 << BIT[reason]
        for reason in (
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
    )
)


@dataclass(frozen=True, slots=True)
class Basis:
    """What an open card stands on.

    Attributes:
        offer_id: The promotion on the card, None where none.
        is_service: Care or help, not an offer of the item.
        is_accepted: Reserved or otherwise taken up by the customer.
    """

    card_id: str
    item: int
    sources: int
    offer_id: str | None = None
    is_service: bool = False
    is_accepted: bool = False


@dataclass(frozen=True, slots=True)
class Recall:
    """One card that lost its basis; `is_marked`: it stays on the screen with a mark."""

    card_id: str
    reason: Reason
    is_marked: bool


def recalls(cards: Sequence[Basis], snapshot: Snapshot) -> tuple[Recall, ...]:
    """Return the cards whose basis is gone.

    Args:
        cards: Open on any screen, all of the snapshot's visit.
        snapshot: Taken after the event, prompts and memory included.
    """
    if not cards:
        return ()
    ordered = sorted(cards, key=lambda card: card.item)
    items = np.array([card.item for card in ordered], np.int32)
    service = np.array([card.is_service for card in ordered], np.bool_)
    sources = np.where(service, np.uint16(Source.CARE), np.uint16(0))
    judged = judge(Candidates(items, sources), snapshot)
    masks = (judged.reasons & RECALLING).tolist()
    has_consent = silence(snapshot) is not Reason.NO_CONSENT
    found = []
    for at, card in enumerate(ordered):
        reason = _consent(card, snapshot, has_consent) or _first(masks[at])
        reason = reason or _promise(card, int(judged.offer[at]), snapshot)
        if reason is not None:
            found.append(Recall(card.card_id, reason, card.is_accepted))
    return tuple(found)


def _consent(card: Basis, snapshot: Snapshot, has_consent: bool) -> Reason | None:
    person = snapshot.person
    may_use = person is not None and "profile" in person.purposes
    if not has_consent or (card.sources & PERSONAL and not may_use):
        return Reason.NO_CONSENT
    return None


def _first(mask: int) -> Reason | None:
    return ITEM_REASONS[(mask & -mask).bit_length() - 1] if mask else None


def _promise(card: Basis, offer: int, snapshot: Snapshot) -> Reason | None:
    """Return why a promotion or a care tip no longer holds, None where it does."""
    if card.is_service and card.sources & Source.CARE:
        return None if card.item in snapshot.prompts.care else Reason.BASIS_GONE
    if card.offer_id is None:
        return None
    current = snapshot.playbook.offers.offers[offer].offer_id if offer >= 0 else None
    return None if current == card.offer_id else Reason.OFFER_OVER
