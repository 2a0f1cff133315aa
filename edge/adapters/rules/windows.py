"""The words for windows of frequency caps, such as `7 days` and `calendar week`."""

from edge.core.cap_rules import (
    REMEMBERED_S,
    Calendar,
    Ever,
    Fixed,
    Lifetime,
    Rolling,
    ThisVisit,
    Unanswered,
    Window,
)

DAY_S = 86_400.0
# A day, week or month of a block lasts at most this long, but for a clock change.
_MOST_S = {Calendar.DAY: DAY_S, Calendar.WEEK: 7 * DAY_S, Calendar.MONTH: 31 * DAY_S}
_UNITS_S = {"minute": 60.0, "hour": 3_600.0, "day": DAY_S, "week": 7 * DAY_S}
WINDOW_WORDS = (
    "'7 days', 'calendar week', '2 calendar weeks', 'visit', 'ever', 'unanswered 30 days' or "
    "'lifetime 28 days'"
)


def window_of(text: str) -> Window | None:
    """Read a window's words; None where they mean nothing."""
    words = text.lower().split()
    match words:
        case ["visit"]:
            return ThisVisit()
        case ["ever"]:
            return Ever()
        case ["unanswered", count, unit]:
            return None if (s := _seconds(count, unit)) is None else Unanswered(s)
        case ["lifetime", count, unit]:
            return None if (s := _seconds(count, unit)) is None else Lifetime(s)
        case ["calendar", unit] if unit in set(Calendar):
            return Fixed(Calendar(unit))
        case [count, "calendar", unit] if count.isdecimal() and unit.rstrip("s") in set(Calendar):
            return Fixed(Calendar(unit.rstrip("s")), int(count)) if int(count) > 0 else None
        case [count, unit]:
            return None if (s := _seconds(count, unit)) is None else Rolling(s)
    return None


def is_forgotten(window: Window) -> bool:
    """Tell whether a window reaches further back than impressions are kept one by one."""
    match window:
        case Rolling(length_s) | Unanswered(length_s):
            return length_s > REMEMBERED_S
        case Fixed(unit, n):
            return n * _MOST_S[unit] > REMEMBERED_S
        case _:
            return False


def _seconds(count: str, unit: str) -> float | None:
    length_s = _UNITS_S.get(unit.rstrip("s"))
    if length_s is None or not count.isdecimal() or not 0 < int(count) <= 100_000:
        return None
    return int(count) * length_s
