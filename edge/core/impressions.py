"""What caps count of a decision: one impression per card, with the names of that moment."""

from edge.core.cap_rules import Impression, Message
from edge.core.decision import Decision
from edge.core.moment import Moment
from edge.core.playbook import Playbook


def impressions(
    decision: Decision,
    who: str,
    moment: Moment,
    playbook: Playbook,
    household: str | None = None,
) -> tuple[Impression, ...]:
    """Return one impression per line of the slate; `who` as in `Snapshot.who`."""
    offers, classes = playbook.offers, playbook.classes
    return tuple(
        Impression(
            card_id=card_id_of(decision.decision_id, place),
            who=who,
            visit_id=decision.visit_id,
            at_s=decision.at_s,
            day=moment.day,
            surface=decision.surface,
            placement=decision.placement,
            item=line.item_id,
            item_class=classes.group_ids[classes.group[line.item]],
            offer=line.offer_id,
            campaign=(
                offers.offers[offers.offer_at[line.offer_id]].campaign_id
                if line.offer_id is not None
                else None
            ),
            message=Message.CARE if line.is_service else Message.OFFER,
            is_pull=decision.is_pull,
            household=household,
        )
        for place, line in enumerate(decision.slate)
    )


def card_id_of(decision_id: str, place: int) -> str:
    """Return the id of the card at a place of a slate."""
    return f"{decision_id}-{place}"
