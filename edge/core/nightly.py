"""When the work of the night is due: once a store-local day, at three or as soon after as may be.

Decides for which night a job has still to run and which days are still to be told; what the jobs
do, and where their marks lie, is the adapters' business.
"""

from collections.abc import Sequence

from edge.core.moment import Moment

# The store is shut, late receipts are in, and no clock change skips or repeats three o'clock.
BEGIN_MINUTE = 3 * 60
# A night that failed is tried again after this, so often; then the next night's turn has come.
RETRY_S = 3_600.0
MAX_TRIES = 3
# Days told late after the box was off; what is older stays untold.
CATCH_UP_DAYS = 7
# A mark further ahead was set by a clock that ran wild: it must not end all nights to come.
_BELIEVED_AHEAD_DAYS = 2


def night_of(moment: Moment) -> int:
    """Return the day ordinal of the newest night that has begun."""
    return moment.day if moment.minute >= BEGIN_MINUTE else moment.day - 1


def is_due(night: int, last_night: int) -> bool:
    """Tell whether a job that ran for `last_night` has to run for `night`."""
    return night > last_night or last_night > night + _BELIEVED_AHEAD_DAYS


def untold_days(night: int, last_told: int) -> Sequence[int]:
    """Return the ordinals of the days that are over and were not told, oldest first."""
    if last_told > night + _BELIEVED_AHEAD_DAYS:
        last_told = night - 2  # a wild clock's mark: begin anew with yesterday
    return range(max(last_told + 1, night - CATCH_UP_DAYS), night)
