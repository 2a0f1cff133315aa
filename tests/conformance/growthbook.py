"""Runs the cases of GrowthBook's SDK specification against our hashing; says how many passed.

    python -m tests.conformance.growthbook FILE

Sections that a store box has no use for (decrypt, urlRedirect, getQueryStringOverride) are left
out. Sections we do not implement yet count as failed.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edge.core.experiments import bucket, bucket_ranges, choose, equal_weights, in_namespace

LEFT_OUT = frozenset({"specVersion", "decrypt", "urlRedirect", "getQueryStringOverride"})


def _hash(case: Sequence[Any]) -> bool:
    seed, unit, version, expected = case
    return bool(bucket(seed, unit, version) == expected)


def _bucket_range(case: Sequence[Any]) -> bool:
    _, (arms, coverage, weights), expected = case
    found = [[round(x, 6) for x in pair] for pair in bucket_ranges(arms, coverage, weights)]
    return bool(found == [[round(x, 6) for x in pair] for pair in expected])


def _choose(case: Sequence[Any]) -> bool:
    _, at, ranges, expected = case
    return bool(choose(at, [(low, high) for low, high in ranges]) == expected)


def _equal_weights(case: Sequence[Any]) -> bool:
    arms, expected = case
    return [round(w, 8) for w in equal_weights(arms)] == [round(w, 8) for w in expected]


def _in_namespace(case: Sequence[Any]) -> bool:
    _, unit, (name, low, high), expected = case
    return bool(in_namespace(unit, (name, low, high)) == expected)


CHECKS: dict[str, Callable[[Sequence[Any]], bool]] = {
    "hash": _hash,
    "getBucketRange": _bucket_range,
    "chooseVariation": _choose,
    "getEqualWeights": _equal_weights,
    "inNamespace": _in_namespace,
}


def run(suite: dict[str, Any]) -> tuple[int, int]:
    """Return how many cases passed and failed; prints a line per section that failed."""
    passed = failed = 0
    for section, cases in suite.items():
        if section in LEFT_OUT:
            continue
        check = CHECKS.get(section)
        good = 0 if check is None else sum(bool(check(case)) for case in cases)
        passed, failed = passed + good, failed + len(cases) - good
        if good < len(cases):
            why = "not implemented" if check is None else "differs"
            sys.stdout.write(f"{section}: {len(cases) - good} of {len(cases)} failed ({why})\n")
    return passed, failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a file of cases; 1 where one failed."""
    parser = argparse.ArgumentParser(prog="growthbook", description=__doc__)
    parser.add_argument("file", type=Path)
    suite = json.loads(parser.parse_args(arguments).file.read_text(encoding="utf-8"))
    passed, failed = run(suite)
    sys.stdout.write(f"{passed} passed, {failed} failed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
