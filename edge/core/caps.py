"""How often is enough: the counters behind the frequency rules.

A decision reserves, an impression counts, a reservation that was never shown is given back. Counts
of a person come from the list of that person's impressions, with the day and the names they had
when they were shown, so windows, merges and splits are exact; the store's totals are bare numbers.
Any reached cap closes; nothing is queued. Only visitors who are present are held: `admit` brings
a person's impressions in from the ledger, `leave` lets them go. Leaves out silence (`guard`).
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from edge.core.cap_counting import (
    CapContext,
    Closed,
    Entry,
    Keyed,
    Reached,
    Tally,
    applies,
    by_key,
    folded,
    room_left,
    room_of_new,
)
from edge.core.cap_rules import (
    DAY_S,
    DEFAULT_CAPS,
    CapRule,
    Dimension,
    Impression,
    Message,
    Values,
)
from edge.core.moment import Moment

__all__ = ["CapContext", "CapRule", "Caps", "Closed", "Impression", "Message", "Values"]

RESERVATION_S = 120.0
"""A reservation outlives the longest lease of a card (60 s) by the time of a report."""
HOLDER_GONE_S = DAY_S
"""What a tablet holds that never came back counts as shown after a day: no overshoot."""
MAX_LAPSED = 5_000
"""Given-back cards that a late report may still count; a tablet reports within minutes."""
MAX_PER_PERSON = 400
"""Impressions kept one by one per person, the newest; the longest default window sees a few dozen.
Older ones are folded."""
UNCOUNTED: Mapping[str, int] = MappingProxyType({})
"""The stock where no rule asks for it."""


class Caps:
    """All counters of a store, in memory.

    Args:
        rules: Those in force; `use` swaps them, the impressions stay.
        is_away: Tells whether what a holder got may still be shown, whatever the box says: a
            tablet that is off the network, or has not yet confirmed a recall.
    """

    def __init__(
        self,
        rules: Sequence[CapRule] = DEFAULT_CAPS,
        is_away: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._rules = tuple(rules)
        self._is_away = is_away
        self._of_who: dict[str, deque[Entry]] = {}
        self._folded: dict[str, tuple[Impression, ...]] = {}
        # By person, then rule and moment: made when asked, dropped on any change.
        self._keyed: dict[str, dict[tuple[str, Values], list[Keyed]]] = {}
        self._held: dict[str, Entry] = {}
        self._lapsed: dict[str, Entry] = {}
        self._shown: dict[str, Entry] = {}
        self._merged: dict[str, str] = {}
        self._tallies = {r.cap_id: Tally(r) for r in rules if not r.is_personal}

    def use(self, rules: Sequence[CapRule]) -> None:
        """Put other rules in force; totals of rules that did not change go on."""
        kept = {cap_id: tally for cap_id, tally in self._tallies.items() if tally.rule in rules}
        self._rules = tuple(rules)
        self._keyed.clear()
        self._tallies = {
            r.cap_id: kept.get(r.cap_id) or Tally(r) for r in rules if not r.is_personal
        }

    @property
    def asks_stock(self) -> bool:
        """Whether the limit of a rule depends on the stock."""
        return any(rule.stock_factor is not None for rule in self._rules)

    def look(self, context: CapContext, stock: Mapping[str, int] = UNCOUNTED) -> Reached:
        """Find the caps reached for this person, visit, surface, placement and moment.

        Args:
            context: The constant part of the key.
            stock: Units in stock of each offer that may be shown, where `asks_stock`.
        """
        of_who = self._keyed_of(self._root(context.who))
        found: list[Closed] = []
        of_store: list[Closed] = []
        room = float("inf")
        for rule in self._rules:
            if not applies(rule, context):
                continue
            if (tally := self._tallies.get(rule.cap_id)) is not None:
                of_store += tally.closed(context, stock)
                room = 0.0  # totals may stand anywhere below their limit
                continue
            room = min(room, room_of_new(rule))
            for keyed in of_who.get((rule.cap_id, context.here(rule)), ()):
                left = room_left(rule, context, keyed.entries)
                if left <= 0:
                    found.append(keyed.closed)
                else:
                    room = min(room, left)
        return Reached((*found, *of_store), room)

    def reached_with(
        self,
        context: CapContext,
        picked: Sequence[Impression],
        stock: Mapping[str, int] = UNCOUNTED,
    ) -> tuple[Closed, ...]:
        """Return the caps that are reached once `picked` are shown too; nothing is counted.

        Args:
            context: As for `look`.
            picked: Cards chosen for the same decision so far.
            stock: As for `look`.
        """
        of_who = self._keyed_of(self._root(context.who))
        entries = [Entry(impression) for impression in picked]
        found: list[Closed] = []
        for rule in self._rules:
            if not applies(rule, context):
                continue
            if (tally := self._tallies.get(rule.cap_id)) is not None:
                found += tally.closed_with(context, picked, stock)
                continue
            here = context.here(rule)
            for new in by_key(rule, entries):
                seen = new.entries
                for keyed in of_who.get((rule.cap_id, here), ()):
                    if keyed.closed.values == new.closed.values:
                        seen = keyed.entries + new.entries
                if new.here == here and room_left(rule, context, seen) <= 0:
                    found.append(new.closed)
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
            entry = Entry(impression, holder, impression.at_s + for_s)
            self._file(entry)
            self._tally(impression, impression.units)
            self._held[impression.card_id] = entry

    def decided_s(self, card_id: str) -> float:
        """Return when a card that may yet be seen was decided, UTC seconds; −inf: none is known."""
        entry = self._held.get(card_id) or self._lapsed.get(card_id)
        return float("-inf") if entry is None else entry.impression.at_s

    def shown(self, card_id: str, moment: Moment) -> Impression | None:
        """Count a reserved card as seen; once per card.

        A card whose reservation was given back counts too: a tablet off the network may show it
        within its lease and say so when it is back.

        Returns:
            The impression as the ledger keeps it, None where it was counted before or the card
            is unknown here.
        """
        entry = self._held.pop(card_id, None)
        if entry is None:
            entry = self._lapsed.pop(card_id, None)
            if entry is None:
                return None
            self._file(entry)
            self._tally(entry.impression, entry.impression.units)
        self._move(entry, moment, entry.impression.units)
        self._shown[card_id] = entry
        return entry.impression

    def refund(self, card_id: str) -> bool:
        """Give back a reservation that was never shown (a recall, a refused frame).

        Returns:
            False where there is none, or its holder may yet show it; `expire` then gives it back
            as soon as it cannot.
        """
        entry = self._held.get(card_id)
        if entry is None:
            return False
        if self._is_away(entry.holder):
            entry.expires_s = min(entry.expires_s, entry.impression.at_s)
            return False
        del self._held[card_id]
        self._drop(entry)
        self._lapsed[card_id] = entry
        if len(self._lapsed) > MAX_LAPSED:
            del self._lapsed[next(iter(self._lapsed))]
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
            if self.refund(card_id):
                given_back.append(card_id)
            elif now_s >= entry.expires_s + HOLDER_GONE_S:
                self._shown[card_id] = self._held.pop(card_id)
        return tuple(given_back)

    def last_shown(self, who: str) -> dict[str, float]:
        """Return when each item was last decided or shown for somebody, UTC seconds by item id."""
        root = self._root(who)
        long_ago = {row.item: row.at_s for row in reversed(self._folded.get(root, ()))}
        lately = {e.impression.item: e.impression.at_s for e in self._of_who.get(root, ())}
        return long_ago | lately

    def outstanding(self) -> int:
        """Return how many units are reserved and neither shown nor given back."""
        return sum(entry.impression.units for entry in self._held.values())

    def admit(self, impressions: Iterable[Impression]) -> None:
        """Bring in what the ledger kept of a visitor; the store's totals have it already."""
        long_ago: dict[str, list[Impression]] = {}
        for impression in impressions:
            if impression.first_s is not None:
                long_ago.setdefault(self._root(impression.who), []).append(impression)
            elif impression.card_id not in self._shown and impression.card_id not in self._held:
                entry = Entry(impression, is_answered=impression.is_answered)
                self._file(entry)
                self._shown[impression.card_id] = entry
        for root, rows in long_ago.items():
            self._fold(root, rows)

    def restore(self, impressions: Iterable[Impression]) -> None:
        """After a restart, count for the store what its windows still hold, single or folded."""
        for impression in impressions:
            for tally in self._tallies.values():
                if impression.first_s is None or tally.rule.is_endless:
                    tally.add(impression, impression.units)

    def forget(self, who: str) -> None:
        """Let go of everything about somebody; the store's totals keep bare numbers."""
        of_households = [t for t in self._tallies.values() if Dimension.HOUSEHOLD in t.rule.per]
        root = self._root(who)
        single = [entry.impression for entry in self._of_who.get(root, ())]
        for tally in of_households:
            long_ago = self._folded.get(root, ()) if tally.rule.is_endless else ()
            for impression in (*single, *long_ago):
                if impression.who == who:
                    tally.add(impression, -impression.units)
        self.leave(who)
        for kept in (self._held, self._lapsed):
            for card_id in [c for c, e in kept.items() if e.impression.who == who]:
                del kept[card_id]

    def leave(self, who: str) -> None:
        """Let go of somebody who left; a late report of a card still counts."""
        self._keyed.pop(self._root(who), None)
        self._folded.pop(self._root(who), None)
        for entry in self._of_who.pop(self._root(who), ()):
            self._shown.pop(entry.impression.card_id, None)
        self._merged.pop(who, None)

    def merge(self, person: str, into: str) -> None:
        """Count two pseudonyms as one person from now on; their impressions add up."""
        root = self._root(into)
        if self._root(person) == root:
            return
        self._keyed.clear()
        other = self._root(person)
        moved, long_ago = self._of_who.pop(other, deque()), self._folded.pop(other, ())
        self._merged[person] = root
        both = sorted([*self._of_who.get(root, ()), *moved], key=lambda e: e.impression.at_s)
        self._of_who[root] = deque()
        for entry in both:
            self._append(root, entry)
        self._fold(root, long_ago)

    def split(self, person: str) -> None:
        """Undo a merge: each pseudonym gets back the impressions that were its own."""
        root = self._merged.pop(person, None)
        if root is None:
            return
        self._keyed.clear()
        for entry in self._of_who.pop(self._root(root), ()):
            self._file(entry)
        rows = self._folded.pop(self._root(root), ())
        for who in {row.who for row in rows}:
            self._fold(self._root(who), [row for row in rows if row.who == who])

    def _keyed_of(self, root: str) -> dict[tuple[str, Values], list[Keyed]]:
        keyed = self._keyed.get(root)
        if keyed is None:
            single = sorted(self._of_who.get(root, ()), key=lambda e: e.impression.at_s)
            every = [*map(Entry, self._folded.get(root, ())), *single]
            if not every:
                return {}
            keyed = self._keyed[root] = {}
            for rule in self._rules:
                counted = every if rule.is_endless else single
                for found in by_key(rule, counted) if rule.is_personal else ():
                    keyed.setdefault((rule.cap_id, found.here), []).append(found)
        return keyed

    def _root(self, who: str) -> str:
        while who in self._merged:
            who = self._merged[who]
        return who

    def _file(self, entry: Entry) -> None:
        root = self._root(entry.impression.who)
        self._keyed.pop(root, None)
        self._append(root, entry)

    def _append(self, root: str, entry: Entry) -> None:
        entries = self._of_who.setdefault(root, deque())
        entries.append(entry)
        if len(entries) > MAX_PER_PERSON:
            oldest = entries.popleft().impression
            self._shown.pop(oldest.card_id, None)
            self._fold(root, [oldest])

    def _fold(self, root: str, impressions: Sequence[Impression]) -> None:
        """Keep impressions as how often, first and last, for the windows without an end."""
        if impressions:
            self._keyed.pop(root, None)
            self._folded[root] = folded([*self._folded.get(root, ()), *impressions])

    def _move(self, entry: Entry, moment: Moment, units: int) -> None:
        """Date an impression to the moment it was seen."""
        self._tally(entry.impression, -entry.impression.units)
        self._keyed.pop(self._root(entry.impression.who), None)
        entry.impression = replace(entry.impression, at_s=moment.now_s, day=moment.day, units=units)
        self._tally(entry.impression, units)

    def _drop(self, entry: Entry) -> None:
        self._tally(entry.impression, -entry.impression.units)
        root = self._root(entry.impression.who)
        self._keyed.pop(root, None)
        entries = self._of_who.get(root)
        if entries is not None and entry in entries:
            entries.remove(entry)
            if not entries:
                del self._of_who[root]

    def _tally(self, impression: Impression, units: int) -> None:
        for tally in self._tallies.values():
            tally.add(impression, units)
