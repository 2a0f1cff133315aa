"""When each person last spoke on each purpose, in the few distinct moments that people have.

Most say all they say at once, when they join: a moment and the bits of its purposes take 10 bytes
where a table of eleven purposes takes 88. Changes lie beside them until there are enough to merge.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]

NEVER = float("-inf")
# Persons whose moments lie beside the others, 0.2 kB each, and persons laid out whole at a time.
_MERGE_AT = 2_048
_AT_A_TIME = 4_096


class StatedTimes:
    """Moments by person (a row) and purpose (a column).

    Args:
        stated_s: float64[n, k], UTC seconds, −inf where nothing was ever said; k is at most 16.
    """

    def __init__(self, stated_s: Times) -> None:
        self._n, self._k = stated_s.shape
        self._changed: dict[int, Times] = {}
        self._pack(stated_s[at : at + _AT_A_TIME] for at in range(0, self._n, _AT_A_TIME))

    def get(self, row: int, at: int) -> float:
        """Return when a person last spoke on a purpose."""
        changed = self._changed.get(row)
        if changed is not None:
            return float(changed[at])
        mine = slice(self._starts[row], self._starts[row + 1])
        found = np.flatnonzero(self._purposes[mine] & np.uint16(1 << at))
        return float(self._moments_s[mine][found[0]]) if found.size else NEVER

    def put(self, row: int, at: int, at_s: float) -> None:
        """Set when a person last spoke on a purpose."""
        if row not in self._changed:
            self._changed[row] = self._laid_out(row, row + 1)[0]
        self._changed[row][at] = at_s
        self._merge_many()

    def add(self) -> None:
        """Take one more person, who has said nothing."""
        self._n += 1
        self.clear(self._n - 1)

    def clear(self, row: int) -> None:
        """Forget all that a person said."""
        self._changed[row] = np.full(self._k, NEVER)
        self._merge_many()

    def _merge_many(self) -> None:
        if len(self._changed) >= _MERGE_AT:
            self._pack(self._whole())
            self._changed.clear()

    def _whole(self) -> Iterator[Times]:
        """Yield everybody's moments, changes included, some rows at a time."""
        for first in range(0, self._n, _AT_A_TIME):
            after = min(first + _AT_A_TIME, self._n)
            part = self._laid_out(first, after)
            for row in range(first, after):
                if row in self._changed:
                    part[row - first] = self._changed[row]
            yield part

    def _laid_out(self, first: int, after: int) -> Times:
        """Return float64[after − first, k], without changes; who came since said nothing."""
        known = np.arange(first, after + 1).clip(max=len(self._starts) - 1)
        starts = self._starts[known]
        rows = np.repeat(np.arange(after - first), np.diff(starts))
        moments_s = self._moments_s[starts[0] : starts[-1]]
        purposes = self._purposes[starts[0] : starts[-1]]
        laid_out = np.full((after - first, self._k), NEVER)
        for at in range(self._k):
            said = (purposes & np.uint16(1 << at)) != 0
            laid_out[rows[said], at] = moments_s[said]
        return laid_out

    def _pack(self, parts: Iterator[Times]) -> None:
        packed = [_packed(part) for part in parts]
        counts, moments_s, purposes = zip(*packed, strict=True) if packed else ((), (), ())
        # Of each person: where the moments begin, one more at the end.
        self._starts = np.append(0, np.cumsum(_joined(counts, np.int64))).astype(np.int32)
        self._moments_s = _joined(moments_s, np.float64)
        self._purposes = _joined(purposes, np.uint16)


def _packed(stated_s: Times) -> tuple[NDArray[np.int64], Times, NDArray[np.uint16]]:
    """Return how many distinct moments each row has, the moments, and the purposes of each."""
    order = np.argsort(stated_s, axis=1, kind="stable")
    ordered_s = np.take_along_axis(stated_s, order, axis=1)
    is_said = np.isfinite(ordered_s)
    is_new = is_said.copy()
    is_new[:, 1:] &= ordered_s[:, 1:] != ordered_s[:, :-1]
    bits = np.left_shift(np.uint16(1), order.astype(np.uint16))
    begins = np.flatnonzero(is_new[is_said])
    purposes = np.bitwise_or.reduceat(bits[is_said], begins) if begins.size else bits[is_said]
    return is_new.sum(axis=1), ordered_s[is_new], purposes


def _joined(parts: tuple[NDArray[np.generic], ...], kind: type) -> NDArray:  # type: ignore[type-arg]
    return np.concatenate([np.empty(0, kind), *parts], dtype=kind)
