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
from edge.core.playbook import fnv64
from edge.core.reasons import BIT, ITEM_REASONS, Reason

PINNED, SERVICE, COMPLEMENT, MODEL = range(4)
OTHER_LINE = 0.3
"""Weight of another brand than the one somebody keeps buying of a repeated good: demoted, not
deleted (a proposal)."""
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
        scores: float32[n], after human rules, NaN where never scored.
        empty: Why nothing is shown, None where something is.
    """

    shown: tuple[Shown, ...]
    reasons: NDArray[np.uint32]
    scores: NDArray[np.float32]
    empty: Reason | None


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Columns that order candidates; rows of one item may stand in several groups.

    Attributes:
        item: int[n]. group: int[n], earlier groups first. score: float[n], NaN: lowest.
        stated: bool[n]. priority: int[n]. ends_s: float[n]. last_shown_s: float[n].
        tie: uint64[n], a hash that no two items share.
    """

    item: NDArray[np.int32]
    group: NDArray[np.int32]
    score: NDArray[np.float32]
    stated: NDArray[np.bool_]
    priority: NDArray[np.int32]
    ends_s: NDArray[np.float64]
    last_shown_s: NDArray[np.float64]
    tie: NDArray[np.uint64]

    def order(self) -> NDArray[np.intp]:
        """Return rows in rank order, every item once.

        Inside a group an item stands with its best score; a later group appends only items that
        no earlier one brought. Ties: what the customer stated, higher priority, sooner end,
        least recently shown, hash.
        """
        score = np.where(np.isnan(self.score), -np.inf, self.score)
        ranked = np.lexsort(
            (
                self.tie,
                self.last_shown_s,
                self.ends_s,
                -self.priority,
                ~self.stated,
                -score,
                self.group,
            )
        )
        _, first = np.unique(self.item[ranked], return_index=True)
        if first.size == ranked.size:
            return ranked
        ordered: NDArray[np.intp] = ranked[np.sort(first)]
        return ordered


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
        shown = _fill(ordered[:LOOK_AHEAD].tolist(), judged, final, tier, reasons, snapshot)
        reasons[reasons == 0] |= np.uint32(1 << BIT[Reason.OUTRANKED])
        chosen = np.isin(judged.items, [line.item for line in shown])
        reasons[chosen] = 0
    return Slate(shown, reasons, final, None if shown else _why_empty(reasons))


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
        profile_age_s=None if as_of_s is None else now_s - as_of_s,
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
    return weight.astype(np.float32)


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
        (judged.sources[rows] & Source.STATED) != 0,
        priority,
        ends_s,
        last_shown_s,
        mixed(playbook.item_hash[items] ^ np.uint64(salt)),
    )


def _fill(
    queue: list[int],
    judged: Judged,
    final: NDArray[np.float32],
    tier: NDArray[np.int32],
    reasons: NDArray[np.uint32],
    snapshot: Snapshot,
) -> tuple[Shown, ...]:
    """Fill the places one after the other from the ordered rows."""
    limits = snapshot.playbook.limits
    group = snapshot.playbook.classes.group
    shown: list[Shown] = []
    taken: list[int] = []
    if snapshot.person is not None and snapshot.person.sizes:
        unfit = [q for q in queue if not fits(int(judged.items[q]), snapshot)]
        reasons[unfit] |= np.uint32(1 << BIT[Reason.SIZE_UNAVAILABLE])
        queue = [q for q in queue if q not in unfit]
    while queue and len(shown) < limits.max_cards.get(snapshot.surface, 1):
        ready = _ready(queue, len(taken) + 1, judged)
        at, propensity, is_explored = _pick(ready, taken, judged, final, tier, snapshot)
        queue.remove(at)
        taken.append(at)
        shown.append(_line(at, propensity, is_explored, judged, final, tier, snapshot))
        mine = group[judged.items[at]]
        alike = [q for q in queue if group[judged.items[q]] == mine]
        if sum(1 for t in taken if group[judged.items[t]] == mine) >= limits.max_per_class:
            reasons[alike] |= np.uint32(1 << BIT[Reason.TOO_SIMILAR])
            queue = [q for q in queue if q not in alike]
    return tuple(shown)


def _ready(queue: list[int], place: int, judged: Judged) -> list[int]:
    """Return the rows that may fill a place: a pin waits for its own while others are there."""
    pin = judged.effect.pin[judged.items[queue]]
    if pin[0] <= place:
        return queue
    return [q for q, p in zip(queue, pin.tolist(), strict=True) if p <= place] or queue


def _pick(
    queue: list[int],
    taken: list[int],
    judged: Judged,
    final: NDArray[np.float32],
    tier: NDArray[np.int32],
    snapshot: Snapshot,
) -> tuple[int, float, bool]:
    """Return the row for the next place, its propensity, and whether it was explored."""
    best_tier = tier[queue[0]]
    if best_tier < MODEL:
        return queue[0], 1.0, False
    greedy = _most_useful(queue, taken, judged, final, snapshot) if taken else queue[0]
    share = snapshot.playbook.limits.explore_share
    if share <= 0.0:
        return greedy, 1.0, False
    each = share / len(queue)
    draw = uniform(snapshot.seed, len(taken))
    at = queue[min(int(draw / each), len(queue) - 1)] if draw < share else greedy
    return at, each + (1.0 - share if at == greedy else 0.0), at != greedy


def _most_useful(
    queue: list[int],
    taken: list[int],
    judged: Judged,
    final: NDArray[np.float32],
    snapshot: Snapshot,
) -> int:
    """Weigh score against likeness to what is already taken (maximal marginal relevance)."""
    playbook, cost = snapshot.playbook, snapshot.playbook.limits.similar_cost
    items, others = judged.items[queue], judged.items[taken]
    likeness = np.zeros(items.size)
    for column, share in ((playbook.classes.brand, 0.6), (playbook.price_band, 0.4)):
        likeness += share * (column[items][:, None] == column[others][None, :]).any(axis=1)
    top = max(float(final[queue].max()), 1e-9)
    return queue[int(np.argmax((1.0 - cost) * final[queue] / top - cost * likeness))]


def _line(
    at: int,
    propensity: float,
    is_explored: bool,
    judged: Judged,
    final: NDArray[np.float32],
    tier: NDArray[np.int32],
    snapshot: Snapshot,
) -> Shown:
    playbook, item, offer = snapshot.playbook, int(judged.items[at]), int(judged.offer[at])
    is_service = bool(judged.is_service[at])
    score = float(final[at])
    return Shown(
        item=item,
        item_id=playbook.catalog.items[item].item_id,
        sources=int(judged.sources[at]),
        score=0.0 if np.isnan(score) else score,
        propensity=propensity,
        tier=int(tier[at]),
        offer_id=None
        if is_service or offer == NO_OFFER
        else playbook.offers.offers[offer].offer_id,
        rule_ids=playbook.rules.ids_on(item, judged.effect),
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
    """Name the furthest step that any candidate reached: it fell last and explains the rest."""
    if not reasons.size:
        return Reason.NO_CANDIDATES
    first = reasons & (~reasons + np.uint32(1))
    counts = [(int(np.count_nonzero(first == np.uint32(1 << at))), at) for at in range(32)]
    late = 1 << BIT[Reason.BELOW_FLOOR]
    if (first == np.uint32(late)).any():
        return Reason.BELOW_FLOOR
    most, at = max(counts, key=lambda c: (c[0], -c[1]))
    assert most > 0
    return ITEM_REASONS[at]


def mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scatter 64-bit values (the finalizer of splitmix64, Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        out: NDArray[np.uint64] = values ^ (values >> np.uint64(31))
    return out


def uniform(seed: int, place: int) -> float:
    """Return a number in [0, 1) that seed and place alone decide."""
    value = np.array([(seed + (place + 1) * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF], np.uint64)
    return float(mixed(value)[0] >> np.uint64(11)) / 2.0**53
