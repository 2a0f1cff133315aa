"""The box's time: one number, UTC seconds since 1970, that never runs backwards.

A Raspberry Pi boots in 1970 and learns the time later; a wrong time server may set it back.
Visits, caps and retention measure with this clock: it never goes below its floor, takes a
forward correction at once and lets a backward one run in slowly (ADR 0003).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

# While the wall clock is behind, the box's time runs at this share of the true speed.
_SLEW = 0.9


@dataclass(slots=True)
class SystemClock:
    """The machine's clocks, made monotone.

    Args:
        floor_s: The latest moment known to be past (build time, last record); UTC seconds.
        wall_s: Reads the wall clock. `monotonic_s`: reads the monotonic one.
    """

    floor_s: float = 0.0
    wall_s: Callable[[], float] = time.time
    monotonic_s: Callable[[], float] = time.monotonic
    _last_s: float = field(init=False)
    _last_monotonic_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._last_s = max(self.wall_s(), self.floor_s)
        self._last_monotonic_s = self.monotonic_s()

    def now_s(self) -> float:
        """Return the time now, never less than at the call before."""
        monotonic_s = self.monotonic_s()
        elapsed_s = monotonic_s - self._last_monotonic_s
        self._last_monotonic_s = monotonic_s
        self._last_s = max(self.wall_s(), self._last_s + _SLEW * elapsed_s)
        return self._last_s


@dataclass(slots=True)
class SimulatedClock:
    """A clock that follows tick messages; only simulation mode has one.

    Args:
        floor_s: The latest moment known to be past, as the store's files say it; until the first
            tick it is the time. Without it everything taken in before would look decades old.
    """

    floor_s: float = 0.0
    _now_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._now_s = self.floor_s

    def now_s(self) -> float:
        """Return the time of the newest tick."""
        return self._now_s

    def tick(self, now_s: float) -> bool:
        """Advance to `now_s`; a tick from the past changes nothing and returns False."""
        if now_s < self._now_s:
            return False
        self._now_s = now_s
        return True
