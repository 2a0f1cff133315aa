"""What caps count of a decision: one impression per card, with the names of that moment."""

from collections.abc import Sequence

from edge.core.cap_counting import CapContext
from edge.core.cap_rules import Impression, Message
from edge.core.decision import Decision, Shown
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
    context = CapContext(
        who,
        decision.visit_id,
        decision.surface,
        decision.placement,
        decision.is_pull,
        moment,
        household=household,
    )
    return of_lines(decision.slate, decision.decision_id, context, playbook)


def of_lines(
    lines: Sequence[Shown], decision_id: str, context: CapContext, playbook: Playbook
) -> tuple[Impression, ...]:
    """Return one impression per line, as it counts at the moment of the context."""
    offers, classes = playbook.offers, playbook.classes
    return tuple(
        Impression(
            card_id=card_id_of(decision_id, place),
            who=context.who,
            visit_id=context.visit_id,
            at_s=context.moment.now_s,
            day=context.moment.day,
            surface=context.surface,
            placement=context.placement,
            item=line.item_id,
            item_class=classes.group_ids[classes.group[line.item]],
            offer=line.offer_id,
            campaign=(
                offers.offers[offers.offer_at[line.offer_id]].campaign_id
                if line.offer_id is not None
                else None
            ),
            message=Message.CARE if line.is_service else Message.OFFER,
            is_pull=context.is_pull,
            household=context.household,
        )
        for place, line in enumerate(lines)
    )


def card_id_of(decision_id: str, place: int) -> str:
    """Return the id of the card at a place of a slate."""
    return f"{decision_id}-{place}"
