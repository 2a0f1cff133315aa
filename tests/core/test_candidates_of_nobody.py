"""Candidates of a visit of nobody: the best of the store and of the zone, and companions."""

import numpy as np

from edge.core.anonymous import (
    MAX_POPULAR,
    MAX_ZONE,
    TOGETHER_WIDTH,
    AnonymousTables,
    Scene,
    candidates,
)
from edge.core.candidates import Source
from edge.core.history import Floats

N = 200


def tables(log_share: Floats) -> AnonymousTables:
    """Return tables of a store whose upper half lies in `attic`; the last two go together."""
    none, zeros = np.full(N, -1, np.int32), np.zeros(N, np.float32)
    together, lift = np.zeros((N, TOGETHER_WIDTH), np.int32), np.zeros((N, TOGETHER_WIDTH))
    together[-1, 0], lift[-1, 0] = N - 2, 1.0
    made = AnonymousTables(
        log_share, zeros, zeros, zeros, none, (np.arange(N) >= N // 2).astype(np.int32), none,
        np.zeros((0, 12), np.float32), np.zeros((0, 4), np.float32), np.zeros((0, 2), np.float32),
        np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32), together,
        lift.astype(np.float32), ("ground", "attic"),
    )  # fmt: skip
    made.check(N)
    return made


def scene(zone: str | None, *basket: int, minute: int = 600) -> Scene:
    """Return a Tuesday in March."""
    return Scene(zone, minute, 1, 3, np.array(basket, np.int32))


def test_each_candidate_names_what_it_is_there_for() -> None:
    """What sells best in the attic sells badly in the store, so nothing says it sells well."""
    found = candidates(scene("attic", N - 1), tables(np.linspace(0, -2, N, dtype=np.float32)))
    told = dict(zip(found.items.tolist(), found.sources.tolist(), strict=True))
    expected = dict.fromkeys(range(MAX_POPULAR), int(Source.POPULAR))
    expected |= dict.fromkeys(range(N // 2, N // 2 + MAX_ZONE), int(Source.ZONE))
    assert told == expected | {N - 2: int(Source.TOGETHER)}


def test_ties_go_to_the_lower_item() -> None:
    """Nothing but the order of the items decides, on whatever processor."""
    found = candidates(scene("attic"), tables(np.zeros(N, np.float32)))
    assert found.items.tolist() == [*range(MAX_POPULAR), *range(N // 2, N // 2 + MAX_ZONE)]


def test_what_a_model_reads_of_a_moment() -> None:
    """A minute later is the same moment within one part of the day."""
    assert scene("attic", minute=600).around == scene("attic", minute=659).around
    assert scene("attic", minute=659).around != scene("attic", minute=660).around
    assert scene("attic").around != scene("ground").around
