"""Arms: GrowthBook's published cases, the size of the holdout, and what an arm says of itself."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.experiments import (
    GENERAL,
    HOLDOUT,
    MEASURED,
    Arm,
    Experiment,
    assign,
    bucket,
    bucket_ranges,
    choose,
    equal_weights,
    in_namespace,
)

# Worked by hand from the FNV-1a definition; the published suite is checked below where present.
HASHES = [
    ("version 2", "seed", "a", 2, 0.0505),
    ("version 2, other unit", "seed", "b", 2, 0.2696),
    ("version 1", "", "a", 1, 0.22),
    ("unknown version", "abc", "def", 99, None),
]


@pytest.mark.parametrize(
    ("seed", "unit", "version", "expected"), [c[1:] for c in HASHES], ids=[c[0] for c in HASHES]
)
def test_hashes_like_growthbook(seed: str, unit: str, version: int, expected: float | None) -> None:
    """A unit lies where GrowthBook puts it."""
    assert bucket(seed, unit, version) == expected


@pytest.fixture
def suite(data_folder: Path) -> dict[str, Any]:
    """The part of the published suite that is at hand."""
    found: dict[str, Any] = json.loads((data_folder / "growthbook/cases_part.json").read_text())
    return found


def test_passes_the_published_suite(suite: dict[str, Any]) -> None:
    """Hash, ranges, choice, weights and namespaces agree with every published case."""
    for seed, unit, version, expected in suite["hash"]:
        assert bucket(seed, unit, version) == expected
    for name, (arms, coverage, weights), expected in suite["getBucketRange"]:
        got = [[round(x, 6) for x in pair] for pair in bucket_ranges(arms, coverage, weights)]
        assert got == expected, name
    for name, at, ranges, expected in suite["chooseVariation"]:
        assert choose(at, [(low, high) for low, high in ranges]) == expected, name
    for arms, expected in suite["getEqualWeights"]:
        assert [round(w, 8) for w in equal_weights(arms)] == expected
    for name, unit, (space, low, high), expected in suite["inNamespace"]:
        assert in_namespace(unit, (space, low, high)) is expected, name


def test_the_holdout_has_its_size() -> None:
    """Of 20,000 people 5 % are held out and 5 % measured, within four standard errors."""
    groups = [assign(f"person-{n}").group for n in range(20_000)]
    error = 4 * (20_000 * 0.05 * 0.95) ** 0.5
    assert abs(groups.count(HOLDOUT) - 1_000) < error
    assert abs(groups.count(MEASURED) - 1_000) < error
    assert groups.count(GENERAL) == 20_000 - groups.count(HOLDOUT) - groups.count(MEASURED)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=12), st.floats(0.01, 0.5), st.integers(0, 10**9))
def test_every_holdout_stays_within_binomial_bounds(seed: str, share: float, first: int) -> None:
    """Whatever was drawn: 2,000 units fall within five and a half standard errors of the share."""
    n, least = 2_000, 5.5  # 1 in 26 million a draw: no chance failure in a lifetime of runs
    held = sum(assign(f"u{unit}", (), share, seed).is_holdout for unit in range(first, first + n))
    assert abs(held - n * share) <= least * (n * share * (1.0 - share)) ** 0.5


def test_holdout_comes_first_and_experiments_split_the_rest() -> None:
    """Who is held out takes part in nothing; the others split evenly and independently."""
    tests = (Experiment("words", ("a", "b")), Experiment("place", ("x", "y")))
    arms = [assign(f"p{n}", tests) for n in range(8_000)]
    assert all(arm.variations == () for arm in arms if arm.is_holdout)
    open_ = [arm for arm in arms if not arm.is_holdout]
    both = [(arm.of("words"), arm.of("place")) for arm in open_]
    for pair in (("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")):
        assert abs(both.count(pair) / len(both) - 0.25) < 0.02


def test_namespaces_exclude_each_other() -> None:
    """Two experiments in disjoint slices never share a unit."""
    one = Experiment("one", ("a",), namespace=("checkout", 0.0, 0.5))
    two = Experiment("two", ("b",), namespace=("checkout", 0.5, 1.0))
    arms = [assign(f"p{n}", (one, two), holdout_share=0.0) for n in range(2_000)]
    assert all(len(arm.variations) == 1 for arm in arms)


def test_an_arm_names_itself() -> None:
    """The log holds group and variations in one word."""
    assert Arm(MEASURED, (("words", "b"),)).label() == "measured;words=b"


@given(st.text(), st.integers(1, 6), st.floats(-1, 2))
def test_ranges_are_disjoint_and_the_arm_is_stable(unit: str, arms: int, coverage: float) -> None:
    """Ranges never overlap, and the same unit always gets the same arm."""
    ranges = bucket_ranges(arms, coverage, None)
    assert all(high <= low for (_, high), (low, _) in pairwise(ranges))
    names = tuple(f"arm{n}" for n in range(arms))
    assert assign(unit, (Experiment("k", names),)) == assign(unit, (Experiment("k", names),))
