"""A moment in the store's own time: the adapters work out the local day, the core counts in it.

Calendar windows speak of store-local days, weeks that start on Monday and months. A day that a
clock change makes 23 or 25 hours long is one day, because the local day is an input, not a
division by 86,400.
"""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, in seconds and in the store's calendar.

    Attributes:
        now_s: UTC seconds since 1970.
        day: Proleptic ordinal of the store-local date (`date.toordinal`).
        minute: Minutes since local midnight on the wall clock, 0 to 1439.
    """

    now_s: float
    day: int
    minute: int = 0

    @classmethod
    def of(cls, local: datetime) -> "Moment":
        """Make a moment of an aware time in the store's zone."""
        if local.tzinfo is None:
            raise ValueError("a moment needs a time with its zone")
        return cls(local.timestamp(), local.toordinal(), local.hour * 60 + local.minute)

    @property
    def week(self) -> int:
        """Number of the week; weeks start on Monday (ordinal 1, 1 January 0001, was one)."""
        return week_of(self.day)

    @property
    def month(self) -> int:
        """Number of the calendar month since year 0."""
        return month_of(self.day)


def week_of(day: int) -> int:
    """Return the number of the Monday-started week of a day ordinal."""
    return (day - 1) // 7


def month_of(day: int) -> int:
    """Return the number of the calendar month of a day ordinal."""
    local = date.fromordinal(day)
    return local.year * 12 + local.month - 1
