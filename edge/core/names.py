"""Names and their positions, for tens of thousands of them on a small box.

A dict from 30,000 names to their positions takes 5 MB; here a name takes its own bytes and 16 more.
A look-up is a search among hashes and one comparison, about a microsecond.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np

ABSENT = -1


class Names(Sequence[str]):
    """Names in a fixed order; of two that are the same, the later is found.

    Args:
        names: In their order.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        text, ends, hashes = bytearray(), array("I"), array("q")
        for name in names:
            text += name.encode()
            ends.append(len(text))
            hashes.append(hash(name))  # of this process alone; no order of ours follows from it
        order = np.argsort(np.array(hashes, np.int64), kind="stable").astype(np.int32)
        self._text, self._ends = bytes(text), ends
        self._hashes = array("q", np.array(hashes, np.int64)[order].tobytes())
        self._positions = array("i", order.tobytes())

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        at = range(len(self))[at]
        starts = self._ends[at - 1] if at else 0
        return self._text[starts : self._ends[at]].decode()

    def position(self, name: str) -> int:
        """Return where a name stands, or `ABSENT`."""
        hashed = hash(name)
        found = bisect_right(self._hashes, hashed) - 1
        while found >= 0 and self._hashes[found] == hashed:
            at = self._positions[found]
            if self[at] == name:
                return at
            found -= 1
        return ABSENT
