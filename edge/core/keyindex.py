"""Ids as keyed hashes, and a small index over tens of thousands of them for a small box.

Neither memory nor disk holds an id that anybody else knows. The bulk of the index lies in two
sorted arrays (12 bytes an entry, a tenth of a dict); changes lie in a dict until they are merged.
"""

import hashlib
from array import array
from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

ABSENT = -1

# Changes kept beside the arrays before they are merged; merging 50,000 entries takes about 10 ms.
_MERGE_AT = 8_192


class KeyedHash:
    """Hashes ids with the box's secret: without it a hash tells nothing about the id."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._states = {
            kind: hashlib.blake2b(key=secret, digest_size=8, person=kind.encode())
            for kind in ("beacon", "member", "receipt", "return", "event")
        }

    def beacon(self, beacon: str) -> int:
        """Return the 64-bit hash of a canonical beacon id."""
        return self._of("beacon", beacon)

    def member(self, member_id: str) -> int:
        """Return the 64-bit hash of a loyalty id."""
        return self._of("member", member_id)

    def receipt(self, receipt_id: str) -> int:
        """Return the 64-bit hash of a till's receipt id."""
        return self._of("receipt", receipt_id)

    def goods_return(self, return_id: str) -> int:
        """Return the 64-bit hash of a till's return id."""
        return self._of("return", return_id)

    def event(self, source: str, event_id: str) -> int:
        """Return the 64-bit hash of an event's identity."""
        return self._of("event", f"{source}\0{event_id}")

    def _of(self, kind: str, text: str) -> int:
        state = self._states[kind].copy()
        state.update(text.encode())
        return int.from_bytes(state.digest(), "little")


class Sieve:
    """Tells keys that are surely new from those that may have come before (Bloom, 1970).

    Three bits a key in 256 KiB: after 200,000 keys 1.6 % of the new ones look known, and the one
    who asks has to look where it is written down. Nothing is ever taken out.
    """

    _MASK = (1 << 21) - 1

    def __init__(self) -> None:
        self._bits = bytearray((self._MASK + 1) // 8)

    def add(self, key: int) -> None:
        """Note a 64-bit key."""
        for at in (key, key >> 21, key >> 42):
            at &= self._MASK
            self._bits[at >> 3] |= 1 << (at & 7)

    def may_hold(self, key: int) -> bool:
        """Tell whether the key may have been added; False is certain."""
        bits, mask = self._bits, self._MASK
        for at in (key, key >> 21, key >> 42):
            at &= mask
            if not bits[at >> 3] >> (at & 7) & 1:
                return False
        return True


class KeyIndex:
    """64-bit keys → row numbers ≥ 0."""

    def __init__(
        self, keys: NDArray[np.uint64] | None = None, rows: NDArray[np.int32] | None = None
    ) -> None:
        self._keys = array("Q")
        self._rows = array("i")
        self._fresh: dict[int, int] = {}
        self._size = 0
        if keys is not None and rows is not None:
            self._replace(keys, rows)

    def __len__(self) -> int:
        return self._size

    def get(self, key: int) -> int:
        """Return the row of a key, or `ABSENT`."""
        row = self._fresh.get(key)
        if row is not None:
            return row
        at = bisect_left(self._keys, key)
        if at < len(self._keys) and self._keys[at] == key:
            return self._rows[at]
        return ABSENT

    def put(self, key: int, row: int) -> None:
        """Set the row of a key."""
        self._size += (row != ABSENT) - (self.get(key) != ABSENT)
        self._fresh[key] = row
        if len(self._fresh) >= _MERGE_AT:
            self._merge()

    def drop(self, key: int) -> None:
        """Forget a key; absent keys are no error."""
        if self.get(key) != ABSENT:
            self.put(key, ABSENT)

    def drop_row(self, row: int) -> list[int]:
        """Forget every key of a row at once, in the arrays too.

        Returns:
            The keys that were dropped.
        """
        self._merge()
        keys, rows = self._arrays()
        gone = rows == row
        dropped = [int(key) for key in keys[gone]]
        if dropped:
            self._replace(keys[~gone], rows[~gone])
        return dropped

    def _arrays(self) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
        # Copies: a view would lock the array against growth.
        return np.array(self._keys, np.uint64), np.array(self._rows, np.int32)

    def _merge(self) -> None:
        if not self._fresh:
            return
        keys, rows = self._arrays()
        fresh_keys = np.fromiter(self._fresh.keys(), np.uint64, len(self._fresh))
        fresh_rows = np.fromiter(self._fresh.values(), np.int32, len(self._fresh))
        kept = ~np.isin(keys, fresh_keys)
        live = fresh_rows != ABSENT
        self._fresh.clear()
        self._replace(
            np.concatenate([keys[kept], fresh_keys[live]]),
            np.concatenate([rows[kept], fresh_rows[live]]),
        )

    def _replace(self, keys: NDArray[np.uint64], rows: NDArray[np.int32]) -> None:
        order = np.argsort(keys, kind="stable")
        self._keys = array("Q", keys[order].astype(np.uint64).tobytes())
        self._rows = array("i", rows[order].astype(np.int32).tobytes())
        self._size = len(self._keys)
