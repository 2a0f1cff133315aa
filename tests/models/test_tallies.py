"""What an engine counts, against a plain count over lists: slow, and right at a glance."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.history import History
from edge.core.item_tables import HAZARD_LAGS
from models import tallies
from models.counting import PRIOR, Counts, count
from models.engine import Table
from models.everybody import everybody_of
from models.purchases import Purchases

ITEMS = 7
Baskets = list[tuple[list[int], float]]
"""One customer's baskets from old to new: the items, rising, and the day."""

baskets = st.lists(
    st.tuples(st.sets(st.integers(0, ITEMS - 1), min_size=1, max_size=5), st.integers(0, 200)),
    min_size=1,
    max_size=7,
)


@st.composite
def peoples(draw: st.DrawFn) -> list[Baskets]:
    """Draw up to five customers with half days between their baskets."""
    people = []
    for found in draw(st.lists(baskets, min_size=1, max_size=5)):
        days = sorted(day for _, day in found)
        people.append([(sorted(i), d / 2) for (i, _), d in zip(found, days, strict=True)])
    return people


def purchases(people: list[Baskets]) -> Purchases:
    """Return the customers in columns."""
    made = {}
    for number, own in enumerate(people):
        history = History.empty()
        for items, day in own:
            history = history.extended(items, day)
        made[f"c{number}"] = history
    return Purchases.of_histories(made, ITEMS)


def plain_items(people: list[Baskets]) -> dict[int, Counter[str]]:
    """Count per item, line by line."""
    found: dict[int, Counter[str]] = {}
    for own in people:
        for at, (items, _) in enumerate(own):
            for item in items:
                of_item = found.setdefault(item, Counter())
                of_item.update(_of_line(own, at, item))
    return found


def _of_line(own: Baskets, at: int, item: int) -> dict[str, float]:
    """Return what one line adds to the counts of its item."""
    when = [k for k, (items, _) in enumerate(own) if item in items]
    later, is_first = [k for k in when if k > at], when[0] == at
    last = later[0] if later else len(own) - 1
    line: dict[str, float] = {
        "lines": 1,
        "buyers": is_first,
        "came_back": is_first and bool(later),
        "new": is_first and at > 0,
        "recent_2": at >= len(own) - 2,
        "recent_1": at == len(own) - 1,
        "basket_lines": len(own[at][0]),
        "repeats": bool(later),
        "gap": last - at if later else 0,
        "gap_days": own[last][1] - own[at][1] if later else 0,
    }
    for lag in range(1, HAZARD_LAGS + 1):
        line[f"asked_{lag}"] = line[f"bought_{lag}"] = 0
    for basket in range(at + 1, last + 1):
        lag = min(basket - at, HAZARD_LAGS)
        line[f"asked_{lag}"] += 1
        line[f"bought_{lag}"] += basket in later
    return line


def plain_together(
    people: list[Baskets], most: int
) -> tuple[Counter[int], Counter[tuple[int, int]]]:
    """Count the recent buyers of items and of pairs of them."""
    one: Counter[int] = Counter()
    two: Counter[tuple[int, int]] = Counter()
    for own in people:
        recent = set([i for items, _ in own for i in items][-most:])
        one.update(recent)
        two.update((a, b) for a in recent for b in recent if a != b)
    return one, two


def plain_following(
    people: list[Baskets], most: int
) -> tuple[Counter[int], Counter[tuple[int, int]]]:
    """Count the baskets that have a next one by item, and what lies in that by pair."""
    one: Counter[int] = Counter()
    two: Counter[tuple[int, int]] = Counter()
    for own in people:
        for (before, _), (after, _) in pairwise(own):
            one.update(before[:most])
            two.update((a, b) for a in before[:most] for b in after[:most])
    return one, two


def by_item(table: Table) -> dict[int, dict[str, float]]:
    """Return the rows of a table by item."""
    found: dict[int, dict[str, float]] = {
        row.pop("item"): row for row in table.to_pyarrow().to_pylist()
    }
    return found


def pairs(table: Table) -> dict[tuple[int, int], int]:
    """Return a table of pairs."""
    return {(row["item"], row["other"]): row["n"] for row in table.to_pyarrow().to_pylist()}


@settings(max_examples=20, deadline=None)
@given(people=peoples(), back=st.integers(0, 2))
def test_an_engine_counts_what_a_loop_counts(people: list[Baskets], back: int) -> None:
    """Every sum of every item and every pair, some baskets back as well; the bounds included."""
    most_lines, most_items = 6, 3
    known = [own[: len(own) - back] for own in people]
    with pytest.MonkeyPatch.context() as patch, everybody_of(purchases(people)) as everybody:
        patch.setattr(tallies, "MAX_ITEMS_A_CUSTOMER", most_lines)
        patch.setattr(tallies, "MAX_ITEMS_A_BASKET", most_items)
        lines = everybody.without_newest(back).lines
        bought, bounded = tallies.bought(lines), tallies.bounded(lines)
        found = by_item(tallies.items(lines))
        expected = plain_items(known)
        assert set(found) == set(expected)
        for item, sums in found.items():
            assert sums == {name: expected[item][name] for name in sums}
            assert set(sums) >= set(expected[item])
        one, two = plain_together(known, most_lines)
        assert {item: row["n"] for item, row in by_item(tallies.buyers(bought)).items()} == one
        assert pairs(tallies.together(bought, bought)) == two
        one, two = plain_following(known, most_items)
        assert {item: row["n"] for item, row in by_item(tallies.followed(bounded)).items()} == one
        assert pairs(tallies.following(bounded, bounded)) == two


def shop(customers: int = 30) -> list[Baskets]:
    """Return customers from a seed."""
    rng = np.random.default_rng(8)
    return [
        [
            (sorted(set(rng.integers(0, ITEMS, 3).tolist())), 3.0 * week)
            for week in range(rng.integers(1, 8))
        ]
        for _ in range(customers)
    ]


def test_lists_are_ordered_by_score_then_item() -> None:
    """Cosine over buyers and share of the next baskets, worked out for every pair."""
    people = shop()
    with everybody_of(purchases(people)) as everybody:
        counts = count(everybody)
    buyers, two = plain_together(people, tallies.MAX_ITEMS_A_CUSTOMER)
    near = {(a, b): n / np.sqrt(buyers[a] * buyers[b]) for (a, b), n in two.items()}
    _same_lists(counts.near, counts.near_score, near)
    before, two = plain_following(people, tallies.MAX_ITEMS_A_BASKET)
    follow = {(a, b): n / (before[a] + PRIOR) for (a, b), n in two.items()}
    _same_lists(counts.next, counts.next_score, follow)


def _same_lists(
    items: np.ndarray, scores: np.ndarray, expected: dict[tuple[int, int], float]
) -> None:
    for row in range(ITEMS):
        best = sorted(((-round(score, 5), b) for (a, b), score in expected.items() if a == row))
        assert items[row, : len(best)].tolist() == [b for _, b in best]
        assert scores[row, : len(best)].tolist() == pytest.approx([-s for s, _ in best], abs=1e-5)
        assert not scores[row, len(best) :].any()


@pytest.mark.parametrize("cells", [1, 3 * ITEMS], ids=["an item a part", "three items a part"])
def test_parts_make_the_whole(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few items are counted at a time, the tables are the same."""
    with everybody_of(purchases(shop())) as everybody:
        whole = count(everybody)
        monkeypatch.setattr("models.counting.CELLS", cells)
        parts = count(everybody)
    for name in Counts.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name), name)
