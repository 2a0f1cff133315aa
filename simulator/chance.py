"""Seeded chance: every part of the simulator draws from its own named stream.

A stream depends on the seed and its labels alone, so adding draws in one part moves no other part.
"""

import bisect
import hashlib
import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def stream(seed: int, *labels: object) -> random.Random:
    """Return the random stream that belongs to `seed` and `labels`."""
    key = "/".join(str(part) for part in (seed, *labels))
    digest = hashlib.sha256(key.encode()).digest()
    return random.Random(int.from_bytes(digest[:16], "big"))  # noqa: S311 - not for secrets


def cumulative(weights: Sequence[float]) -> list[float]:
    """Return running sums, the form that `pick` takes."""
    total = 0.0
    sums = []
    for weight in weights:
        total += weight
        sums.append(total)
    return sums


def pick(rng: random.Random, options: Sequence[T], cum_weights: Sequence[float]) -> T:
    """Draw one option by its cumulative weights."""
    # What `random.Random.choices` does for one draw, without its argument handling.
    at = bisect.bisect(cum_weights, rng.random() * cum_weights[-1], 0, len(options) - 1)
    return options[at]
