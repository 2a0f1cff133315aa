"""Store time: opening hours, local days and the RFC 3339 form, for Europe/Berlin.

The offset is computed by the rule of Directive 2000/84/EC (summer time from the last Sunday in
March to the last Sunday in October, 01:00 UTC), so that no time zone database is needed.
"""

from datetime import UTC, date, datetime, timedelta
from functools import cache

DAY_S = 86_400
OPENS_H = 10
CLOSES_H = 20
SUNDAY = 6


@cache
def _last_sunday_s(year: int, month: int) -> int:
    last = date(year, month, 31)
    sunday = last - timedelta(days=(last.weekday() - SUNDAY) % 7)
    return int(datetime(sunday.year, sunday.month, sunday.day, 1, tzinfo=UTC).timestamp())


def offset_s(at_s: float) -> int:
    """Return how far store time is ahead of UTC at a moment, in seconds."""
    year = datetime.fromtimestamp(at_s, UTC).year
    is_summer = _last_sunday_s(year, 3) <= at_s < _last_sunday_s(year, 10)
    return 7200 if is_summer else 3600


def moment_s(day: date, seconds_of_day: float) -> float:
    """Return the UTC second of a local time of day (the shop is shut when clocks change)."""
    noon_s = datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()
    midnight_s = noon_s - 12 * 3600 - offset_s(noon_s)
    return midnight_s + seconds_of_day


def rfc3339(at_s: float) -> str:
    """Return a moment as RFC 3339 in UTC, to the millisecond where there are any."""
    moment = datetime.fromtimestamp(round(at_s, 3), UTC)
    timespec = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")


def seconds_of(text: str) -> float:
    """Return the UTC second of an RFC 3339 moment."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def is_open(day: date) -> bool:
    """Return whether the store opens on a day: never on Sundays and the fixed holidays."""
    holidays = {(1, 1), (5, 1), (10, 3), (12, 25), (12, 26)}
    return day.weekday() != SUNDAY and (day.month, day.day) not in holidays
