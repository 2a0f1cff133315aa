"""Candidates that no model finds: what goes with a purchase, comes next, is due, or is pinned.

Each function names items for one occasion; `prompts` gathers them for a visit, and again when the
basket or the purchases change. People's class table and complement map decide what follows which
purchase. Leaves out the model's candidates (`candidates`) and whether any of this may be shown
(`guard`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from edge.core.classes import Action
from edge.core.decision import NO_PROMPTS, Occasion, PersonView, Prompts, VisitView
from edge.core.memory import NOTHING_BOUGHT, Memory
from edge.core.moment import Moment
from edge.core.playbook import Playbook
from edge.core.rules import Effect, Where

Ints = NDArray[np.int32]

MAX_ANCHORS = 6
"""Purchases and basket items looked back at; a full trolley is not a wish list."""
FAVOURITE = "favourite:"
"""Prefix of a stated favourite item; only what was said counts (A02)."""


def prompts(
    memory: Memory,
    person: PersonView | None,
    visit: VisitView,
    moment: Moment,
    playbook: Playbook,
    surface: str = "tablet",
    *,
    is_held_out: bool = False,
) -> Prompts:
    """Gather every prompted candidate of a visit.

    Args:
        memory: Of the person and this visit.
        person: None in the anonymous variant; complements of the basket remain.
        visit: With today's basket and the labels read.
        moment: Now.
        playbook: The orders of people over the catalogue.
        surface: Rules may differ by surface.
        is_held_out: Purchases suggest nothing; help around them is withheld from nobody.
    """
    bought = NOTHING_BOUGHT if is_held_out else memory
    audience = person.declared.get("audience") if person else None
    then = playbook.classes.then(audience)
    effect = playbook.rules.now(
        Where(moment.day, surface, visit.zone, audience, visit.motive.value)
    )
    after = _after_purchase(playbook, moment, visit, bought, then, effect)
    occasions: dict[int, Occasion] = {}
    occasions.update(dict.fromkeys(win_back(playbook, moment, bought), Occasion.WIN_BACK))
    if person is not None:
        occasions.update(
            dict.fromkeys(free_delivery(playbook, memory, person), Occasion.FREE_DELIVERY)
        )
        occasions.update(dict.fromkeys(birthday_treat(playbook, moment, person), Occasion.BIRTHDAY))
    return Prompts(
        complement=after.complement,
        series=next_in_series(playbook, bought, then),
        care=care(playbook, moment, memory, then),
        trigger=np.array(sorted(occasions), np.int32),
        occasions=occasions,
        service=_services(occasions),
        partner=after.partner,
        never=after.never,
        shut=after.shut,
        behind=after.behind,
        pinned=effect.pinned,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """Prompts and how long they are what would be found anew.

    Attributes:
        rests_on: All but the passing of time.
        from_s, until_s: From when on, and until before when, UTC seconds.
    """

    found: Prompts
    rests_on: tuple[object, ...]
    from_s: float
    until_s: float


def kept_prompts(
    before: Kept | None,
    memory: Memory,
    person: PersonView | None,
    visit: VisitView,
    moment: Moment,
    playbook: Playbook,
    surface: str = "tablet",
    *,
    is_held_out: bool = False,
) -> Kept:
    """Return what `prompts` finds, without looking again while nothing it rests on has changed.

    Args:
        before: What this returned last for the same visit.
        memory: As for `prompts`, like all that follows.
        person: None in the anonymous variant.
        visit: With today's basket and the labels read.
        moment: Now.
        playbook: The orders of people over the catalogue.
        surface: Rules may differ by surface.
        is_held_out: The same for the whole visit.
    """
    rests_on = (
        memory,
        person,
        playbook,
        visit.zone,
        visit.motive,
        visit.basket,
        visit.scanned,
        surface,
        moment.day,
    )
    now_s = moment.now_s
    if (
        before is not None
        and before.from_s <= now_s < before.until_s
        and before.rests_on == rests_on
    ):
        return before
    found = prompts(memory, person, visit, moment, playbook, surface, is_held_out=is_held_out)
    return Kept(found, rests_on, now_s, _until(memory, now_s, playbook))


def _until(memory: Memory, now_s: float, playbook: Playbook) -> float:
    """Return when the passing of time alone next changes what purchases call for."""
    limits = playbook.limits
    rests_s = (playbook.classes.table.cooldown_s, limits.care_for_s)
    borders = [memory.first_since(now_s - rest_s) + rest_s for rest_s in rests_s]
    lapses = (habit.last_s + limits.win_back_factor * habit.gap_s for habit in memory.habits)
    return min(*borders, *(at_s for at_s in lapses if at_s >= now_s))


def _after_purchase(
    playbook: Playbook,
    moment: Moment,
    visit: VisitView,
    memory: Memory,
    then: NDArray[np.uint8],
    effect: Effect,
) -> Prompts:
    """Work out what may and what must not follow the basket and the last purchases.

    A label that was read is a question, not an answer: what goes with it may be shown, but it
    closes nothing. Who compares three coats wants a coat.
    """
    anchors = anchors_of(playbook, moment, visit, memory)
    looked_at = [item for item in reversed(visit.scanned) if item not in anchors]
    if not anchors and not looked_at:
        return NO_PROMPTS
    classes, n = playbook.classes, len(playbook.catalog.items)
    behind, never = np.full(n, -1, np.int32), np.zeros(n, np.bool_)
    shut = np.zeros(int(classes.department.max(initial=-1)) + 1, np.bool_)
    for at, item in enumerate([*anchors, *looked_at][:MAX_ANCHORS]):
        action = int(then[classes.group[item]])
        if not action & (Action.COMPLEMENT | Action.CARE):
            continue
        partners = playbook.rules.partners(item, effect)
        if at < len(anchors):
            shut[classes.department[item]] = True
            never[partners.never] = True
        if action & Action.COMPLEMENT:
            behind[partners.items[behind[partners.items] < 0]] = item
    behind[never] = -1
    partner = behind >= 0
    complement = np.flatnonzero(partner).astype(np.int32)
    return Prompts(
        complement=complement, partner=partner, never=never, shut=shut, behind=behind[complement]
    )


def anchors_of(
    playbook: Playbook, moment: Moment, visit: VisitView, memory: Memory
) -> Sequence[int]:
    """Return today's basket and the purchases still resting, newest first; never a gift."""
    resting = memory.since(moment.now_s - playbook.classes.table.cooldown_s)
    return list(dict.fromkeys([*reversed(visit.basket), *resting]))[:MAX_ANCHORS]


def next_in_series(playbook: Playbook, memory: Memory, then: NDArray[np.uint8]) -> Ints:
    """Return the next part of every series that somebody follows (D05)."""
    classes = playbook.classes
    if not memory.series_at.size or memory.series_at.max() < 0:
        return np.empty(0, np.int32)
    parts = classes.parts
    reached = memory.series_at[classes.series[parts]]
    is_next = (reached >= 0) & (classes.position[parts] == reached + 1)
    is_wanted = (then[classes.group[parts]] & np.uint8(Action.REPEAT)) != 0
    found: Ints = parts[is_next & is_wanted]
    return found


def care(playbook: Playbook, moment: Moment, memory: Memory, then: NDArray[np.uint8]) -> Ints:
    """Return purchases of the last days that have a care tip worth giving (C16)."""
    limits, items = playbook.limits, playbook.catalog.items
    found = [
        item
        for item in sorted(memory.since(moment.now_s - limits.care_for_s))
        if items[item].care is not None
        and items[item].price_cents >= limits.care_min_price_cents
        and int(then[playbook.classes.group[item]]) & Action.CARE
    ]
    return np.array(found, np.int32)


def win_back(playbook: Playbook, moment: Moment, memory: Memory) -> list[int]:
    """Return the last item of every group somebody bought regularly, long ago (A26)."""
    now_s, factor = moment.now_s, playbook.limits.win_back_factor
    return [habit.item for habit in memory.habits if now_s - habit.last_s > factor * habit.gap_s]


def free_delivery(playbook: Playbook, memory: Memory, person: PersonView) -> list[int]:
    """Return the bulky good somebody keeps carrying home, unless it is delivered by now (A27)."""
    if person.has_delivery or not memory.times.size:
        return []
    bulky = memory.items[playbook.is_bulky[memory.items.astype(np.intp)]]
    if not bulky.size:
        return []
    is_often = memory.times[playbook.classes.group[bulky]] >= playbook.limits.bulky_times
    found: list[int] = bulky[is_often][:1].tolist()
    return found


def birthday_treat(playbook: Playbook, moment: Moment, person: PersonView) -> list[int]:
    """Return the stated favourite in the days around a birthday (A02)."""
    if person.birthday is None or not is_near_birthday(
        moment.day, person.birthday, playbook.limits.birthday_days
    ):
        return []
    named = (s.removeprefix(FAVOURITE) for s in sorted(person.stated) if s.startswith(FAVOURITE))
    found = (playbook.catalog.index_of(name) for name in named)
    return [item for item in found if item is not None][:1]


def is_near_birthday(day: int, birthday: tuple[int, int], within: int) -> bool:
    """Tell whether a day lies at most `within` days from a birthday (month, day).

    Who was born on 29 February celebrates on the 28th in common years.
    """
    year = date.fromordinal(day).year
    return any(abs(_birthday_in(y, birthday) - day) <= within for y in (year - 1, year, year + 1))


def _birthday_in(year: int, birthday: tuple[int, int]) -> int:
    month, day = birthday
    try:
        return date(year, month, day).toordinal()
    except ValueError:
        return date(year, month, 28).toordinal()


def _services(occasions: Mapping[int, Occasion]) -> Ints:
    """Return the prompted items that stand for a service, not for a sale; rising."""
    found = sorted(i for i, occasion in occasions.items() if occasion is Occasion.FREE_DELIVERY)
    return np.array(found, np.int32)
