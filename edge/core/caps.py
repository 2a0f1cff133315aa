"""How often is enough: the counters behind the frequency rules.

A decision reserves, an impression counts, a reservation that was never shown is given back. Counts
of a person come from the list of that person's impressions, with the day and the names they had
when they were shown, so windows, merges and splits are exact; the store's totals are bare numbers.
Any reached cap closes; nothing is queued. Only visitors who are present are held: `admit` brings
a person's impressions in from the ledger, `leave` lets them go. Leaves out silence (`guard`).
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from edge.core.cap_rules import (
    DAY_S,
    DEFAULT_CAPS,
    Calendar,
    CapRule,
    Dimension,
    Ever,
    Fixed,
    Impression,
    Lifetime,
    Message,
    Rolling,
    ThisVisit,
    Unanswered,
)
from edge.core.moment import Moment, month_of, week_of

__all__ = ["CapContext", "CapRule", "Caps", "Closed", "Impression", "Message"]

RESERVATION_S = 120.0
"""A reservation outlives the longest lease of a card (60 s) by the time of a report."""
HOLDER_GONE_S = DAY_S
"""What a tablet holds that never came back counts as shown after a day: no overshoot."""
MAX_PER_PERSON = 400
"""Impressions kept per person; the longest default window sees a few dozen."""

Values = tuple[tuple[Dimension, str], ...]

_VARYING = frozenset({Dimension.ITEM, Dimension.OFFER, Dimension.CLASS, Dimension.CAMPAIGN})


@dataclass(frozen=True, slots=True)
class CapContext:
    """What is the same for every candidate of one decision."""

    who: str
    visit_id: str
    surface: str
    placement: str
    is_pull: bool
    moment: Moment
    message: Message = Message.OFFER


@dataclass(frozen=True, slots=True)
class Closed:
    """One reached cap: candidates with all these values are closed; none named: all are."""

    rule: CapRule
    values: Values = ()


@dataclass(slots=True, eq=False)
class _Entry:
    impression: Impression
    holder: str = ""
    expires_s: float = 0.0
    is_answered: bool = False


class Caps:
    """All counters of a store, in memory.

    Args:
        rules: Those in force; `use` swaps them, the impressions stay.
        is_away: Tells whether a holder (a tablet) is off the network now.
    """

    def __init__(
        self,
        rules: Sequence[CapRule] = DEFAULT_CAPS,
        is_away: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._rules = tuple(rules)
        self._is_away = is_away
        self._of_who: dict[str, deque[_Entry]] = {}
        self._held: dict[str, _Entry] = {}
        self._shown: dict[str, _Entry] = {}
        self._merged: dict[str, str] = {}
        self._tallies = {r.cap_id: _Tally(r) for r in rules if not r.is_personal}

    def use(self, rules: Sequence[CapRule]) -> None:
        """Put other rules in force; totals of rules that did not change go on."""
        kept = {cap_id: tally for cap_id, tally in self._tallies.items() if tally.rule in rules}
        self._rules = tuple(rules)
        self._tallies = {
            r.cap_id: kept.get(r.cap_id) or _Tally(r) for r in rules if not r.is_personal
        }

    def closed(
        self, context: CapContext, stock_of: Callable[[str], int] = lambda _: 0
    ) -> tuple[Closed, ...]:
        """Return every cap reached for this person, visit, surface, placement and moment.

        Args:
            context: The constant part of the key.
            stock_of: Units in stock of an offer, for caps that depend on it.
        """
        found: list[Closed] = []
        mine = self._of_who.get(self._root(context.who), ())
        for rule in self._rules:
            if not _applies(rule, context):
                continue
            if not rule.is_personal:
                found += self._tallies[rule.cap_id].closed(context, stock_of)
            elif mine:
                found += _closed_for(rule, context, mine)
        return tuple(found)

    def reserve(
        self, impressions: Iterable[Impression], holder: str = "", for_s: float = RESERVATION_S
    ) -> None:
        """Take up the caps of cards that are about to go out.

        Args:
            impressions: One per card; `units` > 1 is a lease of that many.
            holder: The tablet or station that gets them.
            for_s: How long an unshown one is held while its holder is reachable.
        """
        for impression in impressions:
            entry = _Entry(impression, holder, impression.at_s + for_s)
            self._file(entry)
            self._tally(impression, impression.units)
            self._held[impression.card_id] = entry

    def shown(self, card_id: str, moment: Moment) -> Impression | None:
        """Count a reserved card as seen, or one that a tablet reports late; once per card.

        Returns:
            The impression as the ledger keeps it, None where it was counted before or the card
            is unknown here.
        """
        entry = self._held.pop(card_id, None)
        if entry is None:
            return None
        self._move(entry, moment, entry.impression.units)
        self._shown[card_id] = entry
        return entry.impression

    def refund(self, card_id: str) -> bool:
        """Give back a reservation that was never shown (a recall, a refused frame)."""
        entry = self._held.pop(card_id, None)
        if entry is None:
            return False
        self._drop(entry)
        return True

    def settle(self, card_id: str, used: int, moment: Moment) -> int:
        """End a lease: count what was used, give back the rest.

        Returns:
            Units given back; a holder cannot have used more than it held.
        """
        entry = self._held.pop(card_id, None)
        if entry is None:
            return 0
        held = entry.impression.units
        used = min(max(used, 0), held)
        if used:
            self._move(entry, moment, used)
            self._shown[card_id] = entry
        else:
            self._drop(entry)
        return held - used

    def answered(self, card_id: str) -> None:
        """Note a reaction: the offer is no longer without one."""
        entry = self._shown.get(card_id)
        if entry is not None:
            entry.is_answered = True

    def expire(self, now_s: float) -> tuple[str, ...]:
        """Give back overdue reservations, except those a tablet off the network may yet show.

        Returns:
            Card ids given back. A holder that stays away for a day has shown what it held.
        """
        overdue = [(c, e) for c, e in self._held.items() if now_s >= e.expires_s]
        given_back = []
        for card_id, entry in overdue:
            if not self._is_away(entry.holder):
                self.refund(card_id)
                given_back.append(card_id)
            elif now_s >= entry.expires_s + HOLDER_GONE_S:
                self._shown[card_id] = self._held.pop(card_id)
        return tuple(given_back)

    def last_shown(self, who: str) -> dict[str, float]:
        """Return when each item was last decided or shown for somebody, UTC seconds by item id."""
        return {e.impression.item: e.impression.at_s for e in self._of_who.get(self._root(who), ())}

    def outstanding(self) -> int:
        """Return how many units are reserved and neither shown nor given back."""
        return sum(entry.impression.units for entry in self._held.values())

    def admit(self, impressions: Iterable[Impression]) -> None:
        """Bring in what the ledger kept of a visitor; the store's totals have it already."""
        for impression in impressions:
            if impression.card_id not in self._shown and impression.card_id not in self._held:
                entry = _Entry(impression)
                self._file(entry)
                self._shown[impression.card_id] = entry

    def restore(self, impressions: Iterable[Impression]) -> None:
        """After a restart, count the impressions of the windows that still run for the store."""
        for impression in impressions:
            self._tally(impression, impression.units)

    def leave(self, who: str) -> None:
        """Let go of somebody who left, or is to be forgotten; the totals keep bare numbers."""
        for entry in self._of_who.pop(self._root(who), ()):
            self._shown.pop(entry.impression.card_id, None)
        self._merged.pop(who, None)

    def end_visit(self, visit_id: str) -> None:
        """Let go of a visit in which nobody was known."""
        self.leave(f"visit:{visit_id}")

    def merge(self, person: str, into: str) -> None:
        """Count two pseudonyms as one person from now on; their impressions add up."""
        root = self._root(into)
        if self._root(person) == root:
            return
        moved = self._of_who.pop(self._root(person), deque())
        self._merged[person] = root
        both = sorted([*self._of_who.get(root, ()), *moved], key=lambda e: e.impression.at_s)
        self._of_who[root] = deque(both, MAX_PER_PERSON)

    def split(self, person: str) -> None:
        """Undo a merge: each pseudonym gets back the impressions that were its own."""
        root = self._merged.pop(person, None)
        if root is None:
            return
        for entry in self._of_who.pop(self._root(root), ()):
            self._file(entry)

    def _root(self, who: str) -> str:
        while who in self._merged:
            who = self._merged[who]
        return who

    def _file(self, entry: _Entry) -> None:
        root = self._root(entry.impression.who)
        self._of_who.setdefault(root, deque(maxlen=MAX_PER_PERSON)).append(entry)

    def _move(self, entry: _Entry, moment: Moment, units: int) -> None:
        """Date an impression to the moment it was seen."""
        self._tally(entry.impression, -entry.impression.units)
        entry.impression = replace(entry.impression, at_s=moment.now_s, day=moment.day, units=units)
        self._tally(entry.impression, units)

    def _drop(self, entry: _Entry) -> None:
        self._tally(entry.impression, -entry.impression.units)
        root = self._root(entry.impression.who)
        entries = self._of_who.get(root)
        if entries is not None and entry in entries:
            entries.remove(entry)
            if not entries:
                del self._of_who[root]

    def _tally(self, impression: Impression, units: int) -> None:
        for tally in self._tallies.values():
            tally.add(impression, units)


class _Tally:
    """The store's total of one rule: units by key and time bucket, no names."""

    def __init__(self, rule: CapRule) -> None:
        self.rule = rule
        self._dimensions = _ordered(rule)
        self._units: dict[tuple[str, ...], dict[float, int]] = {}

    def add(self, impression: Impression, units: int) -> None:
        """Count units (negative: take back) in the bucket of the impression's time."""
        key = _key(self.rule, impression) if _counts(self.rule, impression) else None
        if key is None:
            return
        buckets = self._units.setdefault(key, {})
        bucket = self._bucket(impression.at_s, impression.day)
        buckets[bucket] = buckets.get(bucket, 0) + units
        if buckets[bucket] <= 0:
            del buckets[bucket]

    def closed(self, context: CapContext, stock_of: Callable[[str], int]) -> list[Closed]:
        """Return the keys whose limit is reached here and now."""
        return [
            Closed(self.rule, tuple(v for v in values if v[0] in _VARYING))
            for key, buckets in self._units.items()
            if _is_here(values := tuple(zip(self._dimensions, key, strict=True)), context)
            and self._total(buckets, context.moment) >= _limit(self.rule, values, stock_of)
        ]

    def _bucket(self, at_s: float, day: int) -> float:
        window = self.rule.window
        if isinstance(window, Fixed):
            return _block(window, day)
        return at_s if isinstance(window, Rolling) else 0.0

    def _total(self, buckets: dict[float, int], moment: Moment) -> int:
        """Sum the buckets inside the window and forget those it has passed."""
        window = self.rule.window
        if isinstance(window, Rolling):
            oldest = moment.now_s - window.seconds
            for bucket in [b for b in buckets if b <= oldest]:
                del buckets[bucket]
        elif isinstance(window, Fixed):
            return buckets.get(_block(window, moment.day), 0)
        return sum(buckets.values())


def _applies(rule: CapRule, context: CapContext) -> bool:
    if context.message not in rule.messages or (context.is_pull and rule.is_pull_exempt):
        return False
    here = {Dimension.SURFACE: context.surface, Dimension.PLACEMENT: context.placement}
    return all(here.get(d, value) == value for d, value in rule.only.items())


def _counts(rule: CapRule, impression: Impression) -> bool:
    return impression.message in rule.messages and all(
        impression.value(d) == value for d, value in rule.only.items()
    )


def _ordered(rule: CapRule) -> tuple[Dimension, ...]:
    return tuple(d for d in Dimension if d in rule.per)


def _key(rule: CapRule, impression: Impression) -> tuple[str, ...] | None:
    """Return the key of an impression, None where it has no value on a dimension."""
    key = []
    for dimension in _ordered(rule):
        value = impression.value(dimension)
        if value is None:
            return None
        key.append(value)
    return tuple(key)


def _is_here(values: Values, context: CapContext) -> bool:
    here = {
        Dimension.VISIT: context.visit_id,
        Dimension.SURFACE: context.surface,
        Dimension.PLACEMENT: context.placement,
    }
    return all(here.get(dimension, value) == value for dimension, value in values)


def _closed_for(rule: CapRule, context: CapContext, entries: Iterable[_Entry]) -> list[Closed]:
    """Return the reached keys of a personal rule; the entries are this person's own."""
    by_key: dict[Values, list[_Entry]] = {}
    dimensions = tuple(d for d in _ordered(rule) if d is not Dimension.PERSON)
    for entry in entries:
        impression = entry.impression
        if not _counts(rule, impression):
            continue
        values = tuple((d, v) for d in dimensions if (v := impression.value(d)) is not None)
        if len(values) == len(dimensions) and _is_here(values, context):
            by_key.setdefault(tuple(v for v in values if v[0] in _VARYING), []).append(entry)
    return [
        Closed(rule, _with_only(rule, values))
        for values, mine in by_key.items()
        if _is_reached(rule, context, mine)
    ]


def _with_only(rule: CapRule, values: Values) -> Values:
    """Add the rule's own varying values, so that it closes nothing beyond them."""
    named = {d for d, _ in values}
    return values + tuple((d, v) for d, v in rule.only.items() if d in _VARYING and d not in named)


def _limit(rule: CapRule, values: Values, stock_of: Callable[[str], int]) -> int:
    if rule.stock_factor is None:
        return rule.limit
    offer = dict(values).get(Dimension.OFFER)
    return int(rule.stock_factor * stock_of(offer)) if offer is not None else 0


def _is_reached(rule: CapRule, context: CapContext, entries: Sequence[_Entry]) -> bool:
    now_s, window = context.moment.now_s, rule.window
    if isinstance(window, Lifetime):
        return now_s >= min(e.impression.at_s for e in entries) + window.seconds
    if isinstance(window, Unanswered):
        return _is_resting(window, now_s, entries, rule.limit)
    inside = [e.impression.units for e in entries if _is_inside(window, context, e.impression)]
    return sum(inside) >= rule.limit


def _is_inside(
    window: Rolling | Fixed | ThisVisit | Ever, context: CapContext, impression: Impression
) -> bool:
    if isinstance(window, Rolling):
        return impression.at_s > context.moment.now_s - window.seconds
    if isinstance(window, Fixed):
        return _block(window, impression.day) == _block(window, context.moment.day)
    return not isinstance(window, ThisVisit) or impression.visit_id == context.visit_id


def _block(window: Fixed, day: int) -> int:
    """Return the number of the block of days, weeks or months that a local day lies in."""
    if window.unit is Calendar.DAY:
        return day // window.n
    return (week_of(day) if window.unit is Calendar.WEEK else month_of(day)) // window.n


def _is_resting(window: Unanswered, now_s: float, entries: Sequence[_Entry], limit: int) -> bool:
    count, last_s = 0, float("-inf")
    for entry in sorted(entries, key=lambda e: e.impression.at_s):
        at_s = entry.impression.at_s
        if count >= limit and at_s >= last_s + window.rest_s:
            count = 0
        count = 0 if entry.is_answered else count + entry.impression.units
        last_s = at_s
    return count >= limit and now_s < last_s + window.rest_s
