"""What is shown of what may be shown: human rules, order, likeness, the floor, exploration.

Places are filled in tiers: pinned by people, service around what was bought, the complement map,
the model's own order. Inside a tier the score decides, times what people boosted or buried. Only
the model's own tier has a relevance floor; when nothing passes, nothing is shown and the reason
says so. How likely the person takes an offer moves its item within its tier, once the floor has
been asked: it brings nothing in and strikes nothing out. Ties end in a hash of person, item and
day, so the order is total and stable. Leaves out what is forbidden (`guard`) and the words
(`explanation`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.candidates import Source
from edge.core.catalog import Positions
from edge.core.classes import Action
from edge.core.decision import Decision, Ground, Motive, Shown, Snapshot, trace_columns
from edge.core.guard import Judged, no_room
from edge.core.offers import NO_OFFER
from edge.core.order import Ranking, mixed, uniform
from edge.core.playbook import fnv64
from edge.core.ranking import with_odds
from edge.core.reasons import BIT, ITEM_REASONS, Reason, mask_of
from edge.core.shades import in_own_shade, shade_of

_REPEAT = np.uint8(Action.REPEAT)
PINNED, SERVICE, COMPLEMENT, MODEL = range(4)
OWN_SHADE = 1.2
"""Factor on the odds of what is there in the customer's own shade: a little, since it says that
something would suit, not that it is wanted (a proposal)."""
OTHER_LINE = 0.3
"""Weight of another brand than the one somebody keeps buying of a repeated good: demoted, not
deleted (a proposal)."""
DISMISSAL_COST = 0.7
DISMISSAL_HALF_LIFE_S = 14 * 86_400.0
"""A wave of the hand costs an item most of its score, and half as much a fortnight later (D03;
proposals)."""
LIKENESS = (0.6, 0.4)
"""How much one brand and one price band make two items alike (a proposal)."""
DEFAULT_FLOOR = 0.05
NOT_PINNED = 2**31 - 1
_BELOW_FLOOR, _SIZE_UNAVAILABLE = mask_of(Reason.BELOW_FLOOR), mask_of(Reason.SIZE_UNAVAILABLE)

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
        grounds: The bans and caps behind the reasons.
    """

    shown: tuple[Shown, ...]
    reasons: NDArray[np.uint32]
    scores: NDArray[np.float32]
    empty: Reason | None
    grounds: tuple[Ground, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """What may stand in one place.

    Attributes:
        items: int32[n], rising. chance: float64[n], in all 1.
        score: float32[n], the model's own, NaN where never scored.
    """

    items: NDArray[np.int32]
    chance: NDArray[np.float64]
    score: NDArray[np.float32]


def curate(judged: Judged, scores: NDArray[np.float32], snapshot: Snapshot) -> Slate:
    """Choose what is shown.

    Args:
        judged: The candidates after the guard.
        scores: float32[n], calibrated p(accept) of each candidate, NaN where not scored.
        snapshot: The same that was judged.
    """
    choice, rows = _choice(judged, scores, snapshot)
    shown = choice.fill(rows) if rows.size else ()
    reasons = choice.reasons
    empty = None if shown else _why_empty(reasons)
    return Slate(shown, reasons, scores, empty, tuple(choice.grounds))


def places(
    judged: Judged, scores: NDArray[np.float32], snapshot: Snapshot, stood: Sequence[int]
) -> tuple[Place, ...]:
    """Return what may stand in each place, and the chances, given what stood in those before.

    Args:
        judged: The candidates after the guard.
        scores: As for `curate`.
        snapshot: The same that was judged; its seed is not looked at.
        stood: The items of the places, which may be another policy's.

    Returns:
        The places up to the first that holds what could not stand there, else up to the first
        beyond `stood`; fewer where nothing is left to fill them with.
    """
    choice, rows = _choice(judged, scores, snapshot)
    found: list[Place] = []

    def follow(ready: NDArray[np.intp], taken: list[int]) -> tuple[int, float, bool] | None:
        ready = ready[np.argsort(judged.items[ready])]
        items = judged.items[ready]
        found.append(Place(items, choice.chances(ready, taken), scores[ready]))
        stands = ready[items == stood[len(taken)]] if len(taken) < len(stood) else ready[:0]
        return (int(stands[0]), 1.0, False) if stands.size else None

    choice.fill(rows, follow)
    return tuple(found)


def _choice(
    judged: Judged, scores: NDArray[np.float32], snapshot: Snapshot
) -> tuple["_Choice", NDArray[np.intp]]:
    """Return what fills the places, and the rows that may."""
    reasons = judged.reasons.copy()
    tier, is_tiered = _tiers(judged, snapshot)
    final = _weighted(scores, judged, snapshot)
    floor = snapshot.playbook.limits.floors.get(snapshot.surface, DEFAULT_FLOOR)
    is_worth = final >= floor
    if is_tiered:
        is_worth |= tier != MODEL
    reasons[(reasons == 0) & ~is_worth] = _BELOW_FLOOR
    if snapshot.person is not None and snapshot.person.sizes:
        reasons[_lacking(judged, snapshot)] |= _SIZE_UNAVAILABLE
    snapshot.takeup.move(final, judged.offer, judged.is_service)
    grounds = list(judged.grounds)
    choice = _Choice(judged, final, tier, is_tiered, reasons, grounds, snapshot)
    return choice, (reasons == 0).nonzero()[0]


def decide(judged: Judged, slate: Slate, snapshot: Snapshot) -> Decision:
    """Make the record of a decision; the same snapshot and seed give the same bytes."""
    columns = trace_columns(judged.items, judged.sources, slate.reasons, slate.scores)
    takeup = snapshot.takeup.noted(judged.offer)
    return _decision(snapshot, slate.shown, slate.empty, columns, slate.grounds, takeup)


def decide_nothing(reason: Reason, snapshot: Snapshot) -> Decision:
    """Make the record of a decision that ended in silence before any candidate was asked."""
    return _decision(snapshot, (), reason, (b"", b"", b"", b""))


def _decision(
    snapshot: Snapshot,
    shown: tuple[Shown, ...],
    empty: Reason | None,
    trace: tuple[bytes, bytes, bytes, bytes],
    grounds: tuple[Ground, ...] = (),
    takeup: bytes = b"",
) -> Decision:
    person, visit, now_s = snapshot.person, snapshot.visit, snapshot.moment.now_s
    may_keep = person is None or "profile" in person.purposes
    as_of_s = person.profile_as_of_s if person else None
    age_s = None if as_of_s is None else now_s - as_of_s
    return Decision(
        decision_id=snapshot.decision_id,
        visit_id=visit.visit_id,
        at_s=now_s,
        surface=snapshot.surface,
        placement=snapshot.placement,
        is_pull=snapshot.is_pull,
        seed=snapshot.seed,
        catalog_version=snapshot.playbook.catalog.version,
        playbook_version=snapshot.playbook.version,
        model_version=snapshot.model_version,
        arm=snapshot.arm.label(),
        motive=visit.motive.value,
        slate=shown,
        empty=empty,
        zone=visit.zone,
        profile_age_s=age_s,
        is_profile_stale=age_s is not None and age_s > snapshot.playbook.limits.profile_stale_s,
        trace_items=trace[0],
        trace_sources=trace[1],
        trace_reasons=trace[2],
        trace_scores=trace[3],
        grounds=grounds,
        basket=visit.basket if may_keep else (),
        scanned=visit.scanned if may_keep else (),
        takeup=takeup,
    )


def _tiers(judged: Judged, snapshot: Snapshot) -> tuple[NDArray[np.int32], bool]:
    """Return int32[n], the tier of each candidate, and whether there may be any but the model's."""
    effect, partner = judged.effect, snapshot.prompts.partner
    tier = np.empty(judged.items.size, np.int32)
    tier.fill(MODEL)
    if partner.size:
        tier[partner[judged.items]] = COMPLEMENT
    if judged.is_service is not None:
        tier[judged.is_service] = SERVICE
    if effect.has_pins:
        tier[effect.pin[judged.items] > 0] = PINNED
    return tier, partner.size > 0 or judged.is_service is not None or effect.has_pins


def _weighted(
    scores: NDArray[np.float32], judged: Judged, snapshot: Snapshot
) -> NDArray[np.float32]:
    """Return float32[n]: the scores after rules, motive, shade, a kept line and dismissals."""
    final = scores.astype(np.float32)
    if snapshot.person is not None and snapshot.person.shades:
        mine = in_own_shade(judged.items, snapshot)
        final[mine] = with_odds(final[mine], OWN_SHADE)
    if judged.effect.has_weights:
        final *= judged.effect.weight[judged.items]
    motive = snapshot.visit.motive
    for source, factor in MOTIVE_WEIGHTS[motive].items():
        final[(judged.sources & np.uint16(source)) != 0] *= np.float32(factor)
    if motive in OFFER_WEIGHT:
        final[judged.offer != NO_OFFER] *= np.float32(OFFER_WEIGHT[motive])
    if snapshot.suggesting.has_lines:
        final[_of_other_line(judged, snapshot)] *= np.float32(OTHER_LINE)
    if snapshot.person is not None:
        for item, at_s in snapshot.person.dismissed.items():
            fade = 0.5 ** (max(0.0, snapshot.moment.now_s - at_s) / DISMISSAL_HALF_LIFE_S)
            final[judged.items == item] *= np.float32(1.0 - DISMISSAL_COST * fade)
    return final


def _liking(judged: Judged, snapshot: Snapshot) -> NDArray[np.int8]:
    """Return int8[n]: 1 what the customer stated, −1 another line than the one kept, else 0."""
    liking: NDArray[np.int8] = ((judged.sources & np.uint16(Source.STATED)) != 0).astype(np.int8)
    if snapshot.suggesting.has_lines:
        liking[_of_other_line(judged, snapshot)] = -1
    return liking


def _of_other_line(judged: Judged, snapshot: Snapshot) -> NDArray[np.intp]:
    """Return the rows of repeated goods of another brand than the one kept (D10)."""
    classes, person = snapshot.playbook.classes, snapshot.person
    group = classes.group.take(judged.items)
    line = snapshot.suggesting.line.take(group)
    rows: NDArray[np.intp] = (line >= 0).nonzero()[0]  # few: all else is asked of them alone
    audience = person.declared.get("audience") if person else None
    is_repeated = (classes.then(audience).take(group[rows]) & _REPEAT) != 0
    is_other = is_repeated & (classes.brand.take(judged.items[rows]) != line[rows])
    other: NDArray[np.intp] = rows[is_other]
    return other


Pick = Callable[[NDArray[np.intp], list[int]], tuple[int, float, bool] | None]
"""Takes the rows that may stand next and those that stand; returns what `_Choice._pick` does."""


@dataclass(frozen=True, slots=True, eq=False)
class _Choice:
    """The filling of places; `reasons` collects what became of the rest, `grounds` the caps."""

    judged: Judged
    final: NDArray[np.float32]
    tier: NDArray[np.int32]
    is_tiered: bool
    reasons: NDArray[np.uint32]
    grounds: list[Ground]
    snapshot: Snapshot

    def fill(self, rows: NDArray[np.intp], pick: Pick | None = None) -> tuple[Shown, ...]:
        """Fill the places one after the other from the rows that passed everything.

        Args:
            rows: int64[·].
            pick: Fills a place, or ends it all; None: as this house does.
        """
        pick = pick or self._pick
        limits = self.snapshot.playbook.limits
        group = self.snapshot.playbook.classes.group[self.judged.items.astype(np.intp)]
        left: NDArray[np.intp] = rows
        shown: list[Shown] = []
        taken: list[int] = []
        counts: dict[int, int] = {}
        most = limits.max_cards.get(self.snapshot.surface, 1)
        while len(shown) < most and left.size:
            picked = pick(self._ready(left, len(shown) + 1), taken)
            if picked is None:
                break
            row, propensity, is_explored = picked
            shown.append(self._line(row, propensity, is_explored))
            taken.append(row)
            mine = int(group[row])
            counts[mine] = counts.get(mine, 0) + 1
            left = left[left != row]
            if counts[mine] >= limits.max_per_class:
                is_alike = group[left] == mine
                self._mark(left[is_alike], Reason.TOO_SIMILAR)
                left = left[~is_alike]
            if left.size and len(shown) < most:
                left = self._with_room(shown, left)
        self._mark(left, Reason.OUTRANKED)
        return tuple(shown)

    def _mark(self, rows: NDArray[np.intp], reason: Reason) -> None:
        """Say why rows are out; nothing spoke against any of them before."""
        self.reasons[rows] = 1 << BIT[reason]

    def _with_room(self, shown: list[Shown], left: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the rows that are not one too many after the lines chosen so far."""
        full = no_room(shown, self.judged, left, self.snapshot)
        if not full:
            return left
        self.grounds.extend(full)
        n = self.judged.items.size
        is_full = np.logical_or.reduce([ground.mask(n) for ground in full])[left]
        self._mark(left[is_full], Reason.FREQUENCY_CAP)
        with_room: NDArray[np.intp] = left[~is_full]
        return with_room

    def _ready(self, left: NDArray[np.intp], place: int) -> NDArray[np.intp]:
        """Return the rows of the best tier; a pin waits for its place while others are there."""
        if not self.is_tiered:
            return left
        tiers = self.tier[left]
        best = tiers.min()
        wanted = tiers == best
        if best == PINNED:
            pin = np.where(wanted, self.judged.effect.pin[self.judged.items[left]], NOT_PINNED)
            others = tiers[~wanted]
            next_pin = pin.min()
            if next_pin <= place or not others.size:
                wanted = pin == next_pin
            else:
                wanted = tiers == others.min()
        ready: NDArray[np.intp] = left[wanted]
        return ready

    def _pick(self, ready: NDArray[np.intp], taken: list[int]) -> tuple[int, float, bool]:
        """Return the row for the next place, its propensity, and whether it was explored."""
        best, share = self._best(ready, taken), self._share(ready)
        if share <= 0.0:
            return best, 1.0, False
        each = share / ready.size
        draw = uniform(self.snapshot.seed, len(taken))
        by_item = ready[np.argsort(self.judged.items[ready])]
        row = int(by_item[min(int(draw / each), ready.size - 1)]) if draw < share else best
        return row, each + (1.0 - share if row == best else 0.0), row != best

    def chances(self, ready: NDArray[np.intp], taken: list[int]) -> NDArray[np.float64]:
        """Return float64[n]: the chance with which `_pick` takes each of the rows."""
        share = self._share(ready)
        chance = np.full(ready.size, share / ready.size)
        chance[ready == self._best(ready, taken)] += 1.0 - share
        return chance

    def _share(self, ready: NDArray[np.intp]) -> float:
        """Return how often a place goes to any of the rows: what people put there stays."""
        is_model = self.tier[ready[0]] == MODEL
        return max(0.0, self.snapshot.playbook.limits.explore_share) if is_model else 0.0

    def _best(self, ready: NDArray[np.intp], taken: list[int]) -> int:
        """Return the row that takes the next place unless another is explored."""
        value = self.final[ready]
        if self.tier[ready[0]] != MODEL:  # no floor has looked at it, and perhaps no model either
            value[np.isnan(value)] = -np.inf
        elif taken:
            value = self._less_alike(value, ready, taken)
        return self._first(ready, value)

    def _less_alike(
        self, value: NDArray[np.float32], ready: NDArray[np.intp], taken: list[int]
    ) -> NDArray[np.float32]:
        """Weigh score against likeness to what is already taken (maximal marginal relevance)."""
        cost, items = self.snapshot.playbook.limits.similar_cost, self.judged.items
        looks = self.snapshot.playbook.looks.take(items[ready], axis=0)
        is_alike = np.zeros(looks.shape, np.bool_)
        for item in items[taken]:
            is_alike |= looks == self.snapshot.playbook.looks[item]
        value = value * np.float32((1.0 - cost) / max(float(value.max()), 1e-9))
        for column, share in enumerate(LIKENESS):
            np.subtract(value, np.float32(cost * share), out=value, where=is_alike[:, column])
        return value

    def _first(self, ready: NDArray[np.intp], value: NDArray[np.float32]) -> int:
        """Return the row with the highest value; only real ties are put in the total order."""
        tied = ready[value == value[value.argmax()]]
        if tied.size == 1:
            return int(tied[0])
        return int(tied[self._ranking(tied).order()[0]])

    def _ranking(self, rows: NDArray[np.intp]) -> Ranking:
        """Return what breaks ties between rows of one value."""
        judged, snapshot, playbook = self.judged, self.snapshot, self.snapshot.playbook
        items, offer = judged.items[rows], judged.offer[rows]
        has_offer = offer != NO_OFFER
        priority, ends_s = np.zeros(rows.size, np.int32), np.full(rows.size, np.inf)
        priority[has_offer] = playbook.offers.priority[offer[has_offer]]
        ends_s[has_offer] = playbook.offers.ends_s[offer[has_offer]]
        last_shown_s = np.full(rows.size, -np.inf)
        for item_id, at_s in snapshot.caps.last_shown(snapshot.who).items():
            last_shown_s[items == playbook.catalog.index_of(item_id)] = at_s
        salt = fnv64(f"{snapshot.who}:{snapshot.moment.day}")
        return Ranking(
            item=items,
            group=self.tier[rows],
            score=np.zeros(rows.size, np.float32),
            liking=_liking(judged, snapshot)[rows],
            priority=priority,
            ends_s=ends_s,
            last_shown_s=last_shown_s,
            tie=mixed(playbook.item_hash[items] ^ np.uint64(salt)),
        )

    def _line(self, row: int, propensity: float, is_explored: bool) -> Shown:
        playbook, item = self.snapshot.playbook, int(self.judged.items[row])
        offer = int(self.judged.offer[row])
        is_service = self.judged.is_service is not None and bool(self.judged.is_service[row])
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
            is_in_shade=not is_service and shade_of(item, self.snapshot) is not None,
        )


def size_of(item: int, snapshot: Snapshot) -> str | None:
    """Return the customer's size for an item, by class, category or department."""
    if snapshot.person is None or not snapshot.person.sizes:
        return None
    goods, sizes = snapshot.playbook.catalog.items[item], snapshot.person.sizes
    for key in (goods.class_id or "", goods.category, goods.department):
        if key in sizes:
            return sizes[key]
    return None


def lacks_size(items: Positions, snapshot: Snapshot) -> NDArray[np.bool_]:
    """Return bool[n]: items that come in the customer's size (`size_of`), but not today.

    Where an item has none of it, this is not its way of counting sizes.
    """
    at = items.astype(np.intp)
    closest = np.zeros(at.size, np.uint8)
    is_missing = np.zeros(at.size, np.bool_)
    for name, size in snapshot.person.sizes.items() if snapshot.person else ():
        named = snapshot.playbook.named(name)[at]
        is_closer = named > closest
        if np.count_nonzero(is_closer):
            is_missing[is_closer] = snapshot.stock.lacks(size)[at[is_closer]]
            closest = np.maximum(closest, named)
    return is_missing


def _lacking(judged: Judged, snapshot: Snapshot) -> NDArray[np.bool_]:
    """Return bool[n]: candidates that are not there in the customer's size.

    Of all of them, whatever else is against one: other orders may lift that, and sizes are not
    asked again (`preview`). Service is about what somebody has, not about what lies there.
    """
    is_missing = lacks_size(judged.items, snapshot)
    if judged.is_service is not None:
        is_missing &= ~judged.is_service
    return is_missing


def _why_empty(reasons: NDArray[np.uint32]) -> Reason:
    """Name why nothing is left: the floor, if anything came that far, else the commonest ground."""
    if not reasons.size:
        return Reason.NO_CANDIDATES
    if (reasons & _BELOW_FLOOR).any():
        return Reason.BELOW_FLOOR
    first = reasons & (~reasons + np.uint32(1))
    bits, counts = np.unique(first, return_counts=True)
    return ITEM_REASONS[int(bits[np.argmax(counts)]).bit_length() - 1]
