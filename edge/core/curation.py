"""What is shown of what may be shown: human rules, order, likeness, the floor, exploration.

Places are filled in tiers: pinned by people, service around what was bought, the complement map,
the model's own order. Inside a tier the score decides, times what people boosted or buried. Only
the model's own tier has a relevance floor; when nothing passes, nothing is shown and the reason
says so. Ties end in a hash of person, item and day, so the order is total and stable. Leaves out
what is forbidden (`guard`) and the words (`explanation`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.candidates import Source
from edge.core.classes import Action
from edge.core.decision import Decision, Motive, Shown, Snapshot, trace_columns
from edge.core.guard import Judged
from edge.core.offers import NO_OFFER
from edge.core.order import Ranking, mixed, uniform
from edge.core.playbook import fnv64
from edge.core.reasons import BIT, ITEM_REASONS, Reason

PINNED, SERVICE, COMPLEMENT, MODEL = range(4)
OTHER_LINE = 0.3
"""Weight of another brand than the one somebody keeps buying of a repeated good: demoted, not
deleted (a proposal)."""
DISMISSAL_COST = 0.7
DISMISSAL_HALF_LIFE_S = 14 * 86_400.0
"""A wave of the hand costs an item most of its score, and half as much a fortnight later (D03;
proposals)."""
LOOK_AHEAD = 48
"""Candidates in order that a place is filled from; more would never be reached."""
DEFAULT_FLOOR = 0.05

# Cluster mode: the motive of the visit chooses content, without a person (C09, C10). Weights of
# the model's score by what speaks for a candidate; proposals, to be learned from the log.
MOTIVE_WEIGHTS: dict[Motive, dict[Source, float]] = {
    Motive.FIRST_TIME: {Source.POPULAR: 1.5, Source.ZONE: 1.2},
    Motive.INSPIRATION: {Source.SIMILAR: 1.3, Source.ENCODER: 1.3, Source.TRANSITION: 1.2},
    Motive.PRICE_COMPARING: {},
    Motive.UNDECIDED: {Source.ZONE: 1.3, Source.STATED: 1.2},
    Motive.ABOUT_TO_BUY: {Source.COMPLEMENT: 1.4, Source.TRANSITION: 1.2},
    Motive.UNKNOWN: {},
}
OFFER_WEIGHT: dict[Motive, float] = {Motive.PRICE_COMPARING: 1.6, Motive.FIRST_TIME: 1.1}


@dataclass(frozen=True, slots=True, eq=False)
class Slate:
    """What is shown, and what became of every candidate.

    Attributes:
        reasons: uint32[n], the guard's marks and those of this step.
        scores: float32[n], the model's own, NaN where never scored.
        empty: Why nothing is shown, None where something is.
    """

    shown: tuple[Shown, ...]
    reasons: NDArray[np.uint32]
    scores: NDArray[np.float32]
    empty: Reason | None


def curate(judged: Judged, scores: NDArray[np.float32], snapshot: Snapshot) -> Slate:
    """Choose what is shown.

    Args:
        judged: The candidates after the guard.
        scores: float32[n], calibrated p(accept) of each candidate, NaN where not scored.
        snapshot: The same that was judged.
    """
    reasons = judged.reasons.copy()
    tier = _tiers(judged, snapshot)
    final = scores * _weights(judged, snapshot)
    allowed = reasons == 0
    floor = snapshot.playbook.limits.floors.get(snapshot.surface, DEFAULT_FLOOR)
    below = allowed & (tier == MODEL) & ~(final >= floor)
    reasons[below] |= np.uint32(1 << BIT[Reason.BELOW_FLOOR])
    rows = np.flatnonzero(reasons == 0)
    shown: tuple[Shown, ...] = ()
    if rows.size:
        ordered = rows[_ranking(judged, final, tier, rows, snapshot).order()]
        choice = _Choice(judged, final, tier, reasons, snapshot)
        shown = choice.fill(ordered)
    return Slate(shown, reasons, scores, None if shown else _why_empty(reasons))


def decide(judged: Judged, slate: Slate, snapshot: Snapshot) -> Decision:
    """Make the record of a decision; the same snapshot and seed give the same bytes."""
    columns = trace_columns(judged.items, judged.sources, slate.reasons, slate.scores)
    return _decision(snapshot, slate.shown, slate.empty, columns)


def decide_nothing(reason: Reason, snapshot: Snapshot) -> Decision:
    """Make the record of a decision that ended in silence before any candidate was asked."""
    return _decision(snapshot, (), reason, (b"", b"", b"", b""))


def _decision(
    snapshot: Snapshot,
    shown: tuple[Shown, ...],
    empty: Reason | None,
    trace: tuple[bytes, bytes, bytes, bytes],
) -> Decision:
    person, now_s = snapshot.person, snapshot.moment.now_s
    as_of_s = person.profile_as_of_s if person else None
    age_s = None if as_of_s is None else now_s - as_of_s
    return Decision(
        decision_id=snapshot.decision_id,
        visit_id=snapshot.visit.visit_id,
        at_s=now_s,
        surface=snapshot.surface,
        placement=snapshot.placement,
        is_pull=snapshot.is_pull,
        seed=snapshot.seed,
        catalog_version=snapshot.playbook.catalog.version,
        playbook_version=snapshot.playbook.version,
        model_version=snapshot.model_version,
        arm=snapshot.arm.label(),
        motive=snapshot.visit.motive.value,
        slate=shown,
        empty=empty,
        zone=snapshot.visit.zone,
        profile_age_s=age_s,
        is_profile_stale=age_s is not None and age_s > snapshot.playbook.limits.profile_stale_s,
        trace_items=trace[0],
        trace_sources=trace[1],
        trace_reasons=trace[2],
        trace_scores=trace[3],
    )


def _tiers(judged: Judged, snapshot: Snapshot) -> NDArray[np.int32]:
    tier = np.full(judged.items.size, MODEL, np.int32)
    if snapshot.prompts.partner.size:
        tier[snapshot.prompts.partner[judged.items]] = COMPLEMENT
    tier[judged.is_service] = SERVICE
    tier[judged.effect.pin[judged.items] > 0] = PINNED
    return tier


def _weights(judged: Judged, snapshot: Snapshot) -> NDArray[np.float32]:
    """Return float32[n]: what rules, the motive and a kept line do to the score."""
    weight = judged.effect.weight[judged.items]
    motive = snapshot.visit.motive
    for source, factor in MOTIVE_WEIGHTS[motive].items():
        weight = np.where(judged.sources & source, weight * np.float32(factor), weight)
    if motive in OFFER_WEIGHT:
        has_offer = judged.offer != NO_OFFER
        weight = np.where(has_offer, weight * np.float32(OFFER_WEIGHT[motive]), weight)
    if snapshot.memory.line.size:
        weight = np.where(_is_other_line(judged, snapshot), weight * np.float32(OTHER_LINE), weight)
    if snapshot.person is not None:
        for item, at_s in snapshot.person.dismissed.items():
            fade = 0.5 ** (max(0.0, snapshot.moment.now_s - at_s) / DISMISSAL_HALF_LIFE_S)
            is_it = judged.items == item
            weight = np.where(is_it, weight * np.float32(1.0 - DISMISSAL_COST * fade), weight)
    return weight.astype(np.float32)


def _liking(judged: Judged, snapshot: Snapshot) -> NDArray[np.int8]:
    """Return int8[n]: 1 what the customer stated, −1 another line than the one kept, else 0."""
    liking: NDArray[np.int8] = ((judged.sources & Source.STATED) != 0).astype(np.int8)
    if snapshot.memory.line.size:
        liking[_is_other_line(judged, snapshot)] = -1
    return liking


def _is_other_line(judged: Judged, snapshot: Snapshot) -> NDArray[np.bool_]:
    """Return bool[n]: a repeated good of another brand than the one kept (D10)."""
    classes, person = snapshot.playbook.classes, snapshot.person
    group = classes.group[judged.items]
    line = snapshot.memory.line[group]
    audience = person.declared.get("audience") if person else None
    is_repeated = (classes.then(audience)[group] & Action.REPEAT) != 0
    other: NDArray[np.bool_] = is_repeated & (line >= 0) & (classes.brand[judged.items] != line)
    return other


def _ranking(
    judged: Judged,
    final: NDArray[np.float32],
    tier: NDArray[np.int32],
    rows: NDArray[np.intp],
    snapshot: Snapshot,
) -> Ranking:
    offers, playbook = snapshot.playbook.offers, snapshot.playbook
    items, offer, n = judged.items[rows], judged.offer[rows], rows.size
    priority, ends_s = np.zeros(n, np.int32), np.full(n, np.inf)
    has_offer = offer != NO_OFFER
    if has_offer.any():
        priority[has_offer] = offers.priority[offer[has_offer]]
        ends_s[has_offer] = offers.ends_s[offer[has_offer]]
    last_shown_s = np.full(n, -np.inf)
    for item_id, at_s in snapshot.caps.last_shown(snapshot.who).items():
        last_shown_s[items == playbook.catalog.index_of(item_id)] = at_s
    score = final[rows]
    pin = judged.effect.pin[items]
    score = np.where(pin > 0, -pin.astype(np.float32), score)
    salt = fnv64(f"{snapshot.who}:{snapshot.moment.day}")
    return Ranking(
        items,
        tier[rows],
        score,
        _liking(judged, snapshot)[rows],
        priority,
        ends_s,
        last_shown_s,
        mixed(playbook.item_hash[items] ^ np.uint64(salt)),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Choice:
    """The filling of places; `reasons` collects what became of the rest."""

    judged: Judged
    final: NDArray[np.float32]
    tier: NDArray[np.int32]
    reasons: NDArray[np.uint32]
    snapshot: Snapshot

    def fill(self, ordered: NDArray[np.intp]) -> tuple[Shown, ...]:
        """Fill the places one after the other from the ordered rows."""
        limits = self.snapshot.playbook.limits
        items = self.judged.items[ordered]
        group = self.snapshot.playbook.classes.group[items]
        is_left = self._that_fit(ordered, items)
        shown: list[Shown] = []
        taken: list[int] = []
        counts: dict[int, int] = {}
        while len(shown) < limits.max_cards.get(self.snapshot.surface, 1) and is_left.any():
            ahead = ordered[is_left][:LOOK_AHEAD]
            row, propensity, is_explored = self._pick(self._ready(ahead, len(shown) + 1), taken)
            shown.append(self._line(row, propensity, is_explored))
            taken.append(row)
            at = int(np.flatnonzero(ordered == row)[0])
            is_left[at] = False
            mine = int(group[at])
            counts[mine] = counts.get(mine, 0) + 1
            if counts[mine] >= limits.max_per_class:
                alike = is_left & (group == mine)
                self._mark(ordered[alike], Reason.TOO_SIMILAR)
                is_left &= ~alike
        self._mark(ordered[is_left], Reason.OUTRANKED)
        return tuple(shown)

    def _mark(self, rows: NDArray[np.intp], reason: Reason) -> None:
        self.reasons[rows] |= np.uint32(1 << BIT[reason])

    def _that_fit(self, ordered: NDArray[np.intp], items: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Return bool[n]: in the customer's size as far as is known."""
        is_left = np.ones(ordered.size, np.bool_)
        if self.snapshot.person is not None and self.snapshot.person.sizes:
            is_left = np.array([fits(item, self.snapshot) for item in items.tolist()], np.bool_)
            self._mark(ordered[~is_left], Reason.SIZE_UNAVAILABLE)
        return is_left

    def _ready(self, ahead: NDArray[np.intp], place: int) -> NDArray[np.intp]:
        """Return the rows that may fill a place: a pin waits for its own while others are there."""
        if self.tier[ahead[0]] != PINNED:
            return ahead
        ready = ahead[self.judged.effect.pin[self.judged.items[ahead]] <= place]
        return ready if ready.size else ahead

    def _pick(self, ready: NDArray[np.intp], taken: list[int]) -> tuple[int, float, bool]:
        """Return the row for the next place, its propensity, and whether it was explored."""
        if self.tier[ready[0]] < MODEL:
            return int(ready[0]), 1.0, False
        greedy = self._most_useful(ready, taken) if taken else int(ready[0])
        share = self.snapshot.playbook.limits.explore_share
        if share <= 0.0:
            return greedy, 1.0, False
        each = share / ready.size
        draw = uniform(self.snapshot.seed, len(taken))
        row = int(ready[min(int(draw / each), ready.size - 1)]) if draw < share else greedy
        return row, each + (1.0 - share if row == greedy else 0.0), row != greedy

    def _most_useful(self, ready: NDArray[np.intp], taken: list[int]) -> int:
        """Weigh score against likeness to what is already taken (maximal marginal relevance)."""
        playbook, items = self.snapshot.playbook, self.judged.items
        cost = playbook.limits.similar_cost
        value = self.final[ready] * ((1.0 - cost) / max(float(self.final[ready].max()), 1e-9))
        for column, share in ((playbook.classes.brand, 0.6), (playbook.price_band, 0.4)):
            found = column[items[ready]]
            is_alike = found == column[items[taken[0]]]
            for row in taken[1:]:
                is_alike |= found == column[items[row]]
            value = value - (cost * share) * is_alike
        return int(ready[np.argmax(value)])

    def _line(self, row: int, propensity: float, is_explored: bool) -> Shown:
        playbook, item = self.snapshot.playbook, int(self.judged.items[row])
        offer = int(self.judged.offer[row])
        is_service = bool(self.judged.is_service[row])
        has_offer = offer != NO_OFFER and not is_service
        score = float(self.final[row])
        return Shown(
            item=item,
            item_id=playbook.catalog.items[item].item_id,
            sources=int(self.judged.sources[row]),
            score=0.0 if np.isnan(score) else score,
            propensity=propensity,
            tier=int(self.tier[row]),
            offer_id=playbook.offers.offers[offer].offer_id if has_offer else None,
            rule_ids=playbook.rules.ids_on(item, self.judged.effect),
            is_service=is_service,
            is_explored=is_explored,
        )


def size_of(item: int, snapshot: Snapshot) -> str | None:
    """Return the customer's size for an item, by class, category or department."""
    if snapshot.person is None or not snapshot.person.sizes:
        return None
    goods, sizes = snapshot.playbook.catalog.items[item], snapshot.person.sizes
    keys = (goods.class_id or "", goods.category, goods.department)
    return next((sizes[key] for key in keys if key in sizes), None)


def fits(item: int, snapshot: Snapshot) -> bool:
    """Tell whether the customer's size, if known and if it matters, is on the shelf."""
    size = size_of(item, snapshot)
    goods = snapshot.playbook.catalog.items[item]
    if size is None or all(v.size != size for v in goods.variants):
        return True  # not this item's way of counting sizes
    return any(v.size == size for v in snapshot.stock.in_stock(item))


def _why_empty(reasons: NDArray[np.uint32]) -> Reason:
    """Name why nothing is left: the floor, if anything came that far, else the commonest ground."""
    if not reasons.size:
        return Reason.NO_CANDIDATES
    first = reasons & (~reasons + np.uint32(1))
    if (first == np.uint32(1 << BIT[Reason.BELOW_FLOOR])).any():
        return Reason.BELOW_FLOOR
    bits, counts = np.unique(first, return_counts=True)
    return ITEM_REASONS[int(bits[np.argmax(counts)]).bit_length() - 1]
