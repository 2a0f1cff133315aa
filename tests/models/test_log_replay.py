"""What a box makes of a ranker, replayed where the truth is made by hand."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edge.core.attribution import Shares
from edge.core.candidates import Source
from edge.core.history import History
from edge.core.item_tables import ITEM_COLUMNS
from models import replay
from models.evaluation import Answer

N = 6


def answer(customer: int, hits: list[int], chance: float = 0.3) -> Answer:
    """Return a visit with six candidates of one probability, some of them bought."""
    items = np.arange(N, dtype=np.int32)
    return Answer(
        customer,
        float(customer),
        History.empty(),
        items,
        np.full(N, chance, np.float32),
        np.isin(items, hits),
        np.array(hits, np.int32),
    )


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (Source.HISTORY | Source.ZONE, True),  # 1.0 + 0.2 of purchases against 0.7
        (Source.ZONE | Source.POPULAR, False),  # the zone is named, sales moved more
        (Source.SIMILAR | Source.POPULAR, True),
        (Source.HISTORY, None),
        (Source.ZONE | Source.STATED, None),
    ],
    ids=["purchases", "zone before sales", "what others buy", "no choice", "stated goes by rule"],
)
def test_what_is_named_first_is_held_against_what_moved_most(
    sources: Source, expected: bool | None
) -> None:
    """Shares of 1.0 history, 0.2 others, 0.7 zone and 0.9 sales, by hand."""
    fair = np.array([[1.0, 0.2, 0.9, 0.7]], np.float32)
    names = ("history", "others", "popularity", "zone")
    shares = Shares(names, fair, fair, np.zeros(1, np.float32), fair.sum(axis=1))
    assert replay._says_the_largest(int(sources), shares) is expected


def test_a_policy_explores_above_the_floor_alone() -> None:
    """Of four rows above the floor the best gets .8 + .2 / 4, the others .05 each."""
    chance = np.array([0.5, 0.01, 0.4, 0.3, 0.02, 0.0], np.float32)
    ready, share = replay.greedy(replace(answer(0, []), chance=chance), chance, 0.2)
    assert ready.tolist() == [0, 2, 3, 4]
    assert share.tolist() == pytest.approx([0.85, 0.05, 0.05, 0.05])


def test_nothing_above_the_floor_is_silence() -> None:
    """A policy without anything to show says nothing."""
    ready, share = replay.greedy(answer(0, [], 0.001), np.zeros(N, np.float32), 0.2)
    assert ready.size == share.size == 0


def test_learning_pays_where_the_model_is_wrong() -> None:
    """Item 0 is always bought, the others never, and the model gives all the same chance."""
    wrong = [answer(n, [0]) for n in range(300)]
    classes = np.arange(N, dtype=np.int32)
    _, row = replay.learning(wrong, classes, seed=1)
    assert row is not None
    assert row.gain.low > 0.03


def test_learning_does_little_where_the_model_is_right() -> None:
    """Everything is bought as often as the model says: what is learned is next to nothing."""
    rng = np.random.default_rng(4)
    right = [answer(n, np.flatnonzero(rng.random(N) < 0.3).tolist()) for n in range(300)]
    _, row = replay.learning(right, np.arange(N, dtype=np.int32), seed=1)
    assert row is not None
    assert abs(row.gain.value) < 0.003


def judged_policies(n_visits: int, kept: int) -> dict[str, Any]:
    """Return the row of a policy judged by logs of visits, with `kept` of a bundle's items."""
    sold = np.zeros((N, len(ITEM_COLUMNS)), np.float32)
    sold[:, ITEM_COLUMNS.index("log_popularity")] = np.arange(N)
    chance = np.array([0.3] * kept + [0.001] * (N - kept), np.float32)
    visits = [replace(answer(n, [0] if n % 3 else []), chance=chance) for n in range(n_visits)]
    bundle = SimpleNamespace(tables=SimpleNamespace(item=sold))
    data, row = replay.policies(visits, bundle, seed=1)  # type: ignore[arg-type]
    assert row is not None
    return data | row.row()


def test_redrawn_logs_are_no_further_visits() -> None:
    """Sixty logs of the same forty visits rest on forty; where none sufficed nothing is won."""
    row = judged_policies(40, kept=4)
    assert row["groups"] == 40
    assert "60 logs drawn from the same 40 visits" in row["data"]
    assert row["logs_that_sufficed"] == 0
    assert row["gain_ci95"][0] > 0
    assert not row["is_better"]


def test_a_policy_that_logs_suffice_for_has_its_verdict() -> None:
    """Many visits, of which few cards compete: the estimate comes nearer than the logged rate."""
    row = judged_policies(1_500, kept=2)
    assert row["logs_that_sufficed"] > 0
    assert row["is_better"] == (row["gain_ci95"][0] > 0)


def test_cards_are_drawn_with_the_chance_they_are_logged_with() -> None:
    """Over many visits the first place goes to each row as often as its propensity says."""
    rng = np.random.default_rng(5)
    visit = answer(0, [])
    first = [replay._shown(visit, rng)[0] for _ in range(4_000)]
    share = np.bincount([row for row, _ in first], minlength=N) / len(first)
    said = dict(first)
    for row in range(N):
        assert share[row] == pytest.approx(said[row], abs=4 * np.sqrt(0.25 / len(first)))
