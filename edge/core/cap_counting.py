"""Where an impression falls under a frequency rule: keys, windows, and whether a limit is reached.

Pure counting, used by `caps`, which holds the impressions.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from edge.core.cap_rules import (
    NOBODY,
    OF_GOODS,
    OF_MOMENT,
    Calendar,
    CapRule,
    Dimension,
    Fixed,
    Impression,
    Lifetime,
    Message,
    Rolling,
    ThisVisit,
    Unanswered,
    Values,
)
from edge.core.moment import Moment, month_of, week_of

MOST_FOLDED = 1_000
"""Folded rows a person has at most; beyond, those not seen for longest no longer tell the item."""


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
    household: str | None = None

    def value(self, dimension: Dimension) -> str:
        """Return the moment's value on a dimension of `OF_MOMENT`, empty where none is known."""
        match dimension:
            case Dimension.VISIT:
                return self.visit_id
            case Dimension.SURFACE:
                return self.surface
            case Dimension.PLACEMENT:
                return self.placement
            case _:
                return self.household or ""

    def here(self, rule: CapRule) -> Values:
        """Return what the moment decides of a rule's key."""
        return tuple([(d, self.value(d)) for d in rule.here])


@dataclass(frozen=True, slots=True)
class Closed:
    """One reached cap: candidates with all these values are closed; none named: all are."""

    rule: CapRule
    values: Values = ()


@dataclass(frozen=True, slots=True)
class Reached:
    """What the caps close at a moment.

    Attributes:
        closed: Every reached cap.
        room: With fewer units than this chosen besides, no other cap is reached.
    """

    closed: tuple[Closed, ...]
    room: float


@dataclass(slots=True, eq=False)
class Entry:
    """One impression while somebody is present: held, shown, answered."""

    impression: Impression
    holder: str = ""
    expires_s: float = 0.0
    is_answered: bool = False


@dataclass(slots=True, eq=False)
class Keyed:
    """The impressions of one person under one rule and key, in time order."""

    rule: CapRule
    here: Values
    closed: Closed
    entries: list[Entry]


class Tally:
    """The store's total of one rule: units by key and time bucket, no names."""

    def __init__(self, rule: CapRule) -> None:
        self.rule = rule
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
            if not buckets:
                del self._units[key]

    def closed(self, context: CapContext, stock: Mapping[str, int]) -> list[Closed]:
        """Return the keys whose limit is reached here and now; an offer of no budget, unseen."""
        reached = {
            self._goods(values): None
            for key, buckets in self._units.items()
            if is_here(values := tuple(zip(self.rule.key, key, strict=True)), context)
            and self._total(buckets, context.moment) >= _limit(self.rule, values, stock)
        }
        if self.rule.stock_factor is not None:
            offers: list[Values] = [((Dimension.OFFER, offer),) for offer in stock]
            reached |= {
                self._goods(values): None
                for values in offers
                if _limit(self.rule, values, stock) <= 0
            }
        return [Closed(self.rule, values) for values in reached]

    def closed_with(
        self, context: CapContext, picked: Iterable[Impression], stock: Mapping[str, int]
    ) -> list[Closed]:
        """Return the keys whose limit is reached once `picked` are shown too."""
        more: dict[tuple[str, ...], int] = {}
        for impression in picked:
            key = _key(self.rule, impression) if _counts(self.rule, impression) else None
            if key is not None:
                more[key] = more.get(key, 0) + impression.units
        found = []
        for key, units in more.items():
            values = tuple(zip(self.rule.key, key, strict=True))
            total = self._total(self._units.get(key, {}), context.moment) + units
            if is_here(values, context) and total >= _limit(self.rule, values, stock):
                found.append(Closed(self.rule, self._goods(values)))
        return found

    def _goods(self, values: Values) -> Values:
        return _with_only(self.rule, tuple(v for v in values if v[0] in OF_GOODS))

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


def applies(rule: CapRule, context: CapContext) -> bool:
    """Tell whether a rule has a say on this surface, placement, message and occasion."""
    if context.message not in rule.messages or (context.is_pull and rule.is_pull_exempt):
        return False
    if not rule.only:
        return True
    here = {Dimension.SURFACE: context.surface, Dimension.PLACEMENT: context.placement}
    return all(here.get(d, value) == value for d, value in rule.only.items())


def _counts(rule: CapRule, impression: Impression) -> bool:
    if impression.message not in rule.messages:
        return False
    return not rule.only or all(impression.value(d) == v for d, v in rule.only.items())


def _key(rule: CapRule, impression: Impression) -> tuple[str, ...] | None:
    """Return the key of an impression, None where it has no value on a dimension."""
    key = []
    for dimension in rule.key:
        value = impression.value(dimension)
        if value is None:
            return None
        key.append(value)
    return tuple(key)


def is_here(values: Values, context: CapContext) -> bool:
    """Tell whether a key's household, visit, surface and placement are those of the moment."""
    return all(context.value(d) == value for d, value in values if d in OF_MOMENT)


def by_key(rule: CapRule, entries: Iterable[Entry]) -> Iterator[Keyed]:
    """Group one person's impressions by the key of a rule."""
    by_key: dict[tuple[Values, Values], list[Entry]] = {}
    for entry in entries:
        impression = entry.impression
        if _counts(rule, impression):
            here, goods = impression.values(rule.here), impression.values(rule.goods)
            if here is not None and goods is not None:
                by_key.setdefault((here, goods), []).append(entry)
    for (here, goods), mine in by_key.items():
        yield Keyed(rule, here, Closed(rule, _with_only(rule, goods)), mine)


def _with_only(rule: CapRule, values: Values) -> Values:
    """Add the rule's own varying values, so that it closes nothing beyond them."""
    if not rule.only:
        return values
    named = {d for d, _ in values}
    return values + tuple((d, v) for d, v in rule.only.items() if d in OF_GOODS and d not in named)


def _limit(rule: CapRule, values: Values, stock: Mapping[str, int]) -> int:
    if rule.stock_factor is None:
        return rule.limit
    offer = dict(values).get(Dimension.OFFER)
    return int(rule.stock_factor * stock.get(offer, 0)) if offer is not None else 0


def folded(impressions: Iterable[Impression], most: int = MOST_FOLDED) -> tuple[Impression, ...]:
    """Add impressions up by the names that caps count by, person by person; visits are left out.

    How often, first and last are kept exactly, so that windows without an end go on counting when
    the single impressions are forgotten. Folding what is folded changes nothing.

    Args:
        impressions: Single or folded ones, in any order.
        most: Rows wished for; beyond, the rows seen longest ago give up their item and are added
            up by the rest of their names.

    Returns:
        The last seen first.
    """
    rows = _added_up(impressions)
    if len(rows) > most:
        rows = _added_up([*rows[:most], *(replace(row, item="") for row in rows[most:])])
    return rows


def _added_up(impressions: Iterable[Impression]) -> tuple[Impression, ...]:
    by_names: dict[Impression, Impression] = {}
    for one in impressions:
        names = replace(
            one, card_id="", visit_id="", at_s=0.0, day=0, units=1, first_s=None,
            is_pull=False, is_answered=False, who=NOBODY if one.is_of_nobody else one.who,
        )  # fmt: skip
        so_far = by_names.get(names)
        units, first_s, last = one.units, one.began_s, one
        if so_far is not None:
            units += so_far.units
            first_s = min(first_s, so_far.began_s)
            last = max(one, so_far, key=attrgetter("at_s"))
        by_names[names] = replace(names, at_s=last.at_s, day=last.day, units=units, first_s=first_s)
    return tuple(sorted(by_names.values(), key=lambda row: (-row.at_s, row.item, str(row.offer))))


def room_left(rule: CapRule, context: CapContext, entries: Sequence[Entry]) -> float:
    """Return how many units more reach one key of a rule; none or less: it is closed now."""
    now_s, window = context.moment.now_s, rule.window
    if isinstance(window, Lifetime):
        is_over = now_s >= min(e.impression.began_s for e in entries) + window.seconds
        return 0.0 if is_over else float("inf")  # time closes it, not units
    if isinstance(window, Unanswered):
        return rule.limit - _unanswered(window, now_s, entries, rule.limit)
    shown = [entry.impression for entry in entries]
    if isinstance(window, Rolling):
        oldest_s = now_s - window.seconds
        inside = [i.units for i in shown if i.at_s > oldest_s]
    elif isinstance(window, Fixed):
        block = _block(window, context.moment.day)
        inside = [i.units for i in shown if _block(window, i.day) == block]
    elif isinstance(window, ThisVisit):
        inside = [i.units for i in shown if i.visit_id == context.visit_id]
    else:
        inside = [i.units for i in shown]
    return rule.limit - sum(inside)


def room_of_new(rule: CapRule) -> float:
    """Return how many units reach a key of a rule that nothing was seen of."""
    if isinstance(rule.window, Lifetime) and rule.window.seconds > 0:
        return float("inf")
    return rule.limit


def _block(window: Fixed, day: int) -> int:
    """Return the number of the block of days, weeks or months that a local day lies in."""
    if window.unit is Calendar.DAY:
        return day // window.n
    return (week_of(day) if window.unit is Calendar.WEEK else month_of(day)) // window.n


def _unanswered(window: Unanswered, now_s: float, entries: Sequence[Entry], limit: int) -> int:
    """Return how many units count as not reacted to; after a rest none do."""
    count, last_s = 0, float("-inf")
    for entry in entries:
        at_s = entry.impression.at_s
        if count >= limit and at_s >= last_s + window.rest_s:
            count = 0
        count = 0 if entry.is_answered else count + entry.impression.units
        last_s = at_s
    return 0 if count >= limit and now_s >= last_s + window.rest_s else count
