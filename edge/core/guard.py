"""What may not be shown, and whether anybody may be interrupted at all.

`silence` speaks of the whole decision; `judge` goes through the candidates before anything is
scored. Every check runs over all candidates at once and leaves its mark, so the trace is whole;
the reason given is the first in the order of `reasons`. Unknown counts as no: the guard fails
closed. Leaves out how good a candidate is (`curation`) and the counters themselves (`caps`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from edge.core.candidates import Candidates, Source
from edge.core.cap_rules import CapRule, Dimension, Lifetime, Message
from edge.core.caps import UNCOUNTED, CapContext, Closed, Values
from edge.core.catalog import Positions
from edge.core.classes import Action, Classes
from edge.core.decision import Ground, Shown, Snapshot, packed
from edge.core.impressions import of_lines
from edge.core.memory import Memory
from edge.core.offers import NO_OFFER
from edge.core.reasons import BIT, ITEM_REASONS, Reason, mask_of
from edge.core.rules import Effect, Where

Mask = NDArray[np.bool_]

_FLAG = {reason: np.uint32(1 << bit) for reason, bit in BIT.items()}
_CARE = np.uint16(Source.CARE)
# What speaks against an item of which there are no, some, an unknown number of units.
_OFFERED = np.array([_FLAG[Reason.OUT_OF_STOCK], 0, _FLAG[Reason.STOCK_UNKNOWN]], np.uint32)
_PULLED = np.array([_FLAG[Reason.OUT_OF_STOCK], 0, 0], np.uint32)
_SILENCE = np.uint8(Action.SILENCE)

# The consent that lets a suggestion reach a surface; a station session asks for itself.
_PURPOSE = {"push": "offers", "tablet": "staff_contact"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One candidate that is not shown: the item, the first reason, the ids of the rules behind."""

    item: int
    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The candidates after the guard.

    Attributes:
        items: int32[n], sources: uint16[n], as they came in.
        reasons: uint32[n], bit k set where `ITEM_REASONS[k]` speaks against it; 0: allowed.
        offer: int32[n], the promotion on it now, `NO_OFFER` where none.
        effect: The human rules in force.
        is_service: bool[n], care or help, not an offer; None where none is.
        grounds: The bans and reached caps behind the reasons.
        room: With fewer lines chosen than this, no other cap is reached.
    """

    items: NDArray[np.int32]
    sources: NDArray[np.uint16]
    reasons: NDArray[np.uint32]
    offer: NDArray[np.int32]
    effect: Effect
    is_service: Mask | None
    grounds: tuple[Ground, ...] = ()
    room: float = 0.0

    @property
    def allowed(self) -> Mask:
        """bool[n]: nothing speaks against it."""
        mask: Mask = self.reasons == 0
        return mask

    def verdicts(self) -> Iterator[Verdict]:
        """Yield every suppressed candidate with its first reason."""
        behind = [(ground, ground.mask(self.reasons.size)) for ground in self.grounds]
        for at in np.flatnonzero(self.reasons):
            mask = int(self.reasons[at])
            reason = ITEM_REASONS[(mask & -mask).bit_length() - 1]
            rules = [each.rule_id for each, mask in behind if each.reason is reason and mask[at]]
            yield Verdict(int(self.items[at]), reason, ",".join(rules))


def silence(snapshot: Snapshot) -> Reason | None:
    """Return why nobody may be interrupted now, or None.

    An explicit act of the customer breaks every silence but missing consent.
    """
    person, visit = snapshot.person, snapshot.visit
    needed = _PURPOSE.get(snapshot.surface)
    if person is not None and needed is not None and needed not in person.purposes:
        return Reason.NO_CONSENT
    if snapshot.is_pull:
        return None
    if visit.is_quiet:
        return Reason.ASKED_FOR_QUIET
    if visit.is_being_served:
        return Reason.BEING_SERVED
    if visit.zone_kind == "fitting_room":
        return Reason.FITTING_ROOM
    if not visit.had_entry_offer:
        return None
    if snapshot.moment.now_s < visit.entered_s + snapshot.playbook.limits.quiet_after_entry_s:
        return Reason.QUIET_AFTER_ENTRY
    return Reason.DWELL_INTERRUPTED if visit.last_push_s >= visit.zone_since_s else None


def judge(candidates: Candidates, snapshot: Snapshot) -> Judged:
    """Mark every candidate with all that speaks against it."""
    items, sources = candidates.items, candidates.sources
    playbook = snapshot.playbook
    is_service = _is_service(candidates, snapshot)
    effect = playbook.rules.now(_where(snapshot))
    at = items.astype(np.intp)
    now_s, chance = snapshot.moment.now_s, snapshot.takeup.chance
    offer = playbook.offers.on(at, now_s, snapshot.surface, chance)
    marks = _Marks(effect.grounds[at])
    _mark_person(marks, at, snapshot)
    _mark_stock(marks, at, snapshot)
    _mark_memory(marks, at, snapshot)
    if snapshot.prompts.partner.size:
        _mark_purchase(marks, at, snapshot)
    if is_service is not None:
        marks.reasons[is_service] &= HOLDS_FOR_SERVICE
    grounds, room = _mark_caps(marks, items, offer, is_service, snapshot)
    grounds += _bans(items, effect, snapshot)
    return Judged(items, sources, marks.reasons, offer, effect, is_service, tuple(grounds), room)


def _bans(items: NDArray[np.int32], effect: Effect, snapshot: Snapshot) -> list[Ground]:
    if not effect.bans:
        return []
    rules, masks = snapshot.playbook.rules.bans_on(items, effect)
    return [
        Ground(Reason.LEGAL_BAN if rule.is_law else Reason.BANNED, rule.rule_id, (), rows)
        for rule, rows in zip(rules, packed(masks), strict=True)
    ]


# Help around an item one has: stock, purchases and holdout do not speak against it.
HOLDS_FOR_SERVICE = mask_of(
    Reason.LEGAL_BAN,
    Reason.BANNED,
    Reason.SENSITIVE,
    Reason.AGE_RESTRICTED,
    Reason.VETOED,
    Reason.RETURNED,
)


class _Marks:
    """The reason masks of one round; bits are set, never cleared."""

    def __init__(self, reasons: NDArray[np.uint32]) -> None:
        self.reasons = reasons

    def put(self, reason: Reason, mask: Mask) -> None:
        """Speak against the candidates in a mask."""
        self.reasons |= mask * _FLAG[reason]


def _is_service(candidates: Candidates, snapshot: Snapshot) -> Mask | None:
    """Return bool[n]: care for what was bought, or help around an item; None where none is."""
    is_care: Mask = (candidates.sources & _CARE) != 0
    if snapshot.prompts.service.size:
        n = len(snapshot.playbook.catalog.items)
        is_care |= _among(snapshot.prompts.service, candidates.items.astype(np.intp), n)
    return is_care if np.count_nonzero(is_care) else None


def _mark_caps(
    marks: _Marks,
    items: NDArray[np.int32],
    offer: NDArray[np.int32],
    is_service: Mask | None,
    snapshot: Snapshot,
) -> tuple[list[Ground], float]:
    """Mark what was shown often enough; return the caps behind, and the room below the others."""
    grounds: list[Ground] = []
    room = float("inf")
    stock = _stock_by_offer(offer, snapshot)
    for message, counted in _messages(is_service):
        reached = snapshot.caps.look(_cap_context(snapshot, message), stock)
        for rule, per, closed in _by_rule(reached.closed, items, offer, snapshot):
            mask = closed if counted is None else closed & counted
            if np.count_nonzero(mask):
                is_over = isinstance(rule.window, Lifetime)
                reason = Reason.CAMPAIGN_OVER if is_over else Reason.FREQUENCY_CAP
                marks.put(reason, mask)
                grounds.append(Ground(reason, rule.cap_id, per, *packed(mask)))
        room = min(room, reached.room)
    return grounds, room


def _messages(is_service: Mask | None) -> list[tuple[Message, Mask | None]]:
    """Return the kinds of messages and which candidates are of each, None: all.

    Service counts apart from offers.
    """
    if is_service is None:
        return [(Message.OFFER, None)]
    return [(Message.OFFER, ~is_service), (Message.CARE, is_service)]


def no_room(
    shown: Sequence[Shown], judged: Judged, rows: NDArray[np.intp], snapshot: Snapshot
) -> list[Ground]:
    """Return the caps, and the candidates of some rows that would be one too many under each.

    Args:
        shown: The lines chosen so far.
        judged: All candidates.
        rows: Those that may still be chosen.
        snapshot: The same that was judged.
    """
    grounds: list[Ground] = []
    if len(shown) < judged.room:
        return grounds
    is_left = np.zeros(judged.items.size, np.bool_)
    is_left[rows] = True
    stock = _stock_by_offer(judged.offer, snapshot)
    for message, counted in _messages(judged.is_service):
        context = _cap_context(snapshot, message)
        picked = of_lines(shown, "", context, snapshot.playbook)  # caps ask for no card id
        reached = snapshot.caps.reached_with(context, picked, stock)
        for rule, per, closed in _by_rule(reached, judged.items, judged.offer, snapshot):
            mask = closed & is_left if counted is None else closed & is_left & counted
            if np.count_nonzero(mask):
                grounds.append(Ground(Reason.FREQUENCY_CAP, rule.cap_id, per, *packed(mask)))
    return grounds


def _by_rule(
    reached: tuple[Closed, ...],
    items: NDArray[np.int32],
    offer: NDArray[np.int32],
    snapshot: Snapshot,
) -> Iterator[tuple[CapRule, tuple[str, ...], Mask]]:
    """Yield every reached rule once, by which dimensions of goods, and bool[n] what it closes.

    What a rule closes always names the same dimensions.
    """
    for _, found in groupby(reached, key=lambda closed: closed.rule.cap_id):
        closed = list(found)
        per = tuple(dimension.value for dimension, _ in closed[0].values)
        values = [each.values for each in closed]
        yield closed[0].rule, per, _mask_of(values, items, offer, snapshot)


def _where(snapshot: Snapshot) -> Where:
    person = snapshot.person
    return Where(
        day=snapshot.moment.day,
        surface=snapshot.surface,
        zone=snapshot.visit.zone,
        audience=person.declared.get("audience") if person else None,
        motive=snapshot.visit.motive.value,
    )


def _mark_person(marks: _Marks, at: NDArray[np.intp], snapshot: Snapshot) -> None:
    """Mark what this person must not or does not want to see."""
    person, playbook = snapshot.person, snapshot.playbook
    if playbook.has_restricted and (person is None or not person.is_adult):
        marks.put(Reason.AGE_RESTRICTED, playbook.is_restricted[at])
    if person is None:
        return
    if snapshot.arm.is_holdout and not snapshot.is_pull:
        marks.reasons |= _FLAG[Reason.HOLDOUT]
    now_s = snapshot.moment.now_s
    vetoed = [i for i, until_s in person.vetoes.items() if until_s > now_s]
    if vetoed:
        marks.put(Reason.VETOED, _among(vetoed, at, len(playbook.catalog.items)))


def _mark_stock(marks: _Marks, at: NDArray[np.intp], snapshot: Snapshot) -> None:
    """Mark what is not on the shelf; an uncounted item may be asked for, not offered."""
    units = snapshot.stock.levels(at, snapshot.moment.now_s)
    by_units = _PULLED if snapshot.is_pull else _OFFERED
    marks.reasons |= by_units.take(np.minimum(units, 1))


def _mark_memory(marks: _Marks, at: NDArray[np.intp], snapshot: Snapshot) -> None:
    """Mark what earlier purchases close."""
    person = snapshot.person
    marks.reasons |= remembered(
        at,
        snapshot.memory,
        snapshot.playbook.classes,
        snapshot.moment.now_s,
        person.declared.get("audience") if person else None,
        person.stated if person else frozenset(),
    )


def remembered(
    items: Positions,
    memory: Memory,
    classes: Classes,
    now_s: float,
    audience: str | None = None,
    stated: frozenset[str] = frozenset(),
) -> NDArray[np.uint32]:
    """Return uint32[n], the grounds that purchases give against each item.

    Args:
        items: int[n].
        memory: Of one person or visit.
        classes: The class table in force.
        now_s: UTC seconds.
        audience: The declared band.
        stated: What the customer asked to hear of.
    """
    at = items.astype(np.intp, copy=False)
    reasons: NDArray[np.uint32] = np.zeros(at.size, np.uint32)
    if classes.series_ids:
        reasons |= _out_of_order(at, memory, classes) * _FLAG[Reason.SERIES_ORDER]
    if memory.returned.size:
        back = memory.returned[memory.returned_until_s > now_s]
        reasons |= _among(back, at, classes.group.size) * _FLAG[Reason.RETURNED]
    if memory.items.size:
        rest_s = now_s - classes.table.cooldown_s
        if memory.last_purchase_s > rest_s:
            just = memory.items[memory.last_s > rest_s]
            reasons |= _among(just, at, classes.group.size) * _FLAG[Reason.JUST_BOUGHT]
        closed = _closed_groups(memory, classes, now_s, audience, stated)
        reasons |= closed[classes.group[at]]
    return reasons


def _closed_groups(
    memory: Memory, classes: Classes, now_s: float, audience: str | None, stated: frozenset[str]
) -> NDArray[np.uint32]:
    """Return uint32[groups], the grounds against each substitute group."""
    is_silent = (classes.then(audience) == _SILENCE) & memory.was_bought
    for name in stated:
        if name in classes.group_at:
            is_silent[classes.group_at[name]] = False
    reasons: NDArray[np.uint32] = is_silent * _FLAG[Reason.SILENCE_AFTER_PURCHASE]
    reasons |= (memory.closed_until_s > now_s) * classes.if_closed
    if memory.last_purchase_s + classes.table.cooldown_s > now_s:
        reasons |= (memory.rest_until_s > now_s) * classes.if_resting
    if memory.only_given:
        reasons |= (memory.gift_until_s > now_s) * _FLAG[Reason.GIFT_BASKET]
    return reasons


def _out_of_order(at: NDArray[np.intp], memory: Memory, classes: Classes) -> Mask:
    """Return bool[n]: not the next part of its series, the first where none was bought yet."""
    series = classes.series[at]
    after = classes.series_start[series] - 1
    if memory.series_at.size:
        after = np.maximum(after, memory.series_at[series])
    mask: Mask = (series >= 0) & (classes.position[at] != after + 1)
    return mask


def _mark_purchase(marks: _Marks, at: NDArray[np.intp], snapshot: Snapshot) -> None:
    """After a purchase, in its own department only what goes with it; and never what must not."""
    prompts, classes = snapshot.prompts, snapshot.playbook.classes
    shut = prompts.shut[classes.department[at].astype(np.intp)] & ~prompts.partner[at]
    marks.put(Reason.SAME_DEPARTMENT, shut | prompts.never[at])


def _among(few: Sequence[int] | NDArray[np.int32], at: NDArray[np.intp], n: int) -> Mask:
    """Return bool[k]: which of the positions are among a few of n."""
    table = np.zeros(n, np.bool_)
    table[few] = True
    return table[at]


def _cap_context(snapshot: Snapshot, message: Message) -> CapContext:
    return CapContext(
        snapshot.who,
        snapshot.visit.visit_id,
        snapshot.surface,
        snapshot.placement,
        snapshot.is_pull,
        snapshot.moment,
        message,
        snapshot.person.household if snapshot.person else None,
    )


def _stock_by_offer(offer: NDArray[np.int32], snapshot: Snapshot) -> Mapping[str, int]:
    """Return the units in stock of everything an offer stands on, for each that a candidate has."""
    if not snapshot.caps.asks_stock:
        return UNCOUNTED
    offers = snapshot.playbook.offers
    units = offers.units(snapshot.stock.levels(offers.items, snapshot.moment.now_s))
    at = np.unique(offer[offer != NO_OFFER])
    ids = [offers.offers[each].offer_id for each in at.tolist()]
    return dict(zip(ids, units[at].tolist(), strict=True))


def _mask_of(
    closed: list[Values],
    items: NDArray[np.int32],
    offer: NDArray[np.int32],
    snapshot: Snapshot,
) -> Mask:
    """Return the candidates that a reached rule closes: all values of one key, any of several."""
    if len(closed) == 1 or len(closed[0]) != 1:
        is_closed: Mask = np.zeros(items.size, np.bool_)
        for key in closed:
            mask = np.ones(items.size, np.bool_)
            for dimension, value in key:
                at = _at(dimension, value, snapshot)
                mask &= _column(dimension, items, offer, snapshot) == at
            is_closed |= mask
        return is_closed
    dimension = closed[0][0][0]
    wanted = [_at(dimension, values[0][1], snapshot) for values in closed]
    column = _column(dimension, items, offer, snapshot)
    table = np.zeros(max(*wanted, int(column.max(initial=0)), 0) + 3, np.bool_)
    table[[at for at in wanted if at >= 0]] = True
    return table[column]  # −1 and −2 read the last two rows, which stay False


def _column(
    dimension: Dimension,
    items: NDArray[np.int32],
    offer: NDArray[np.int32],
    snapshot: Snapshot,
) -> Positions:
    """Return int[n], each candidate's position on a dimension of goods, −1 where none."""
    match dimension:
        case Dimension.ITEM:
            return items
        case Dimension.CLASS:
            return snapshot.playbook.classes.group[items]
        case Dimension.OFFER:
            return offer
        case _:
            return snapshot.playbook.offers.campaign_of(offer)


def _at(dimension: Dimension, value: str, snapshot: Snapshot) -> int:
    """Return the position of a name on a dimension, −2 where it is not sold here any more."""
    playbook = snapshot.playbook
    match dimension:
        case Dimension.ITEM:
            at = playbook.catalog.index_of(value)
        case Dimension.CLASS:
            at = playbook.classes.group_at.get(value)
        case Dimension.OFFER:
            at = playbook.offers.offer_at.get(value)
        case _:
            at = playbook.offers.campaign_at.get(value)
    return -2 if at is None else at
