"""Which requirement is shown by which test: runs them and says what has none.

`requirements.toml` names every requirement in one line with its tests. The last line is JSON: ids
(context rows not counted), tested, passed, untested, context. A named test that does not exist, is
skipped or fails makes its requirement fail, and the command exits with 1.

    python -m tests.requirements_report [--list] [A01 B16 …]
"""

import argparse
import json
import os
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

FILE = Path(__file__).with_name("requirements.toml")


@dataclass(frozen=True)
class Requirement:
    """One promise in our own words, and the tests that show it."""

    id: str
    says: str
    tests: tuple[str, ...] = ()
    is_context: bool = False


def read(path: Path = FILE) -> tuple[Requirement, ...]:
    """Read the list of requirements."""
    found = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(
        Requirement(name, row["says"], tuple(row.get("tests", ())), row.get("context", False))
        for name, row in found.items()
    )


class Outcomes:
    """A pytest plugin that keeps what became of every test."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst outcome of set-up, call and tear-down."""
        worse = {"passed": 0, "skipped": 1, "failed": 2}
        known = self.of.get(report.nodeid, "passed")
        self.of[report.nodeid] = max(known, report.outcome, key=worse.__getitem__)


def run(tests: Sequence[str]) -> dict[str, str]:
    """Run tests and return their outcomes by id; a test that is not there has none."""
    outcomes = Outcomes()
    # Whole functions are asked for: an id that has gone would end the run before its first test.
    functions = sorted({test.partition("[")[0] for test in tests})
    there = [name for name in functions if _is_there(name)]
    quiet = ["-q", "--no-header", "-p", "no:cacheprovider", "-r", "fE"]
    pytest.main([*quiet, *there], plugins=[outcomes])
    return outcomes.of


def _is_there(test: str) -> bool:
    path, _, name = test.partition("::")
    file = FILE.parent.parent / path
    return file.exists() and f"def {name.rpartition('::')[2]}(" in file.read_text(encoding="utf-8")


def state_of(requirement: Requirement, outcomes: Mapping[str, str]) -> str:
    """Return `context`, `untested`, `passed`, or what went wrong."""
    if requirement.is_context:
        return "context"
    if not requirement.tests:
        return "untested"
    for test in requirement.tests:
        mine = [o for name, o in outcomes.items() if name == test or name.startswith(f"{test}[")]
        if not mine:
            return f"missing: {test}"
        for outcome in mine:
            if outcome != "passed":
                return f"{outcome}: {test}"
    return "passed"


def summary(requirements: Sequence[Requirement], outcomes: Mapping[str, str]) -> dict[str, object]:
    """Return the figures of the last line."""
    states = {r.id: state_of(r, outcomes) for r in requirements}
    asked = [r for r in requirements if not r.is_context]
    return {
        "ids": len(asked),
        "tested": sum(states[r.id] != "untested" for r in asked),
        "passed": sum(states[r.id] == "passed" for r in asked),
        "untested": [r.id for r in asked if states[r.id] == "untested"],
        "context": [r.id for r in requirements if r.is_context],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tests, print a line per requirement and the figures; 1 where one failed."""
    parser = argparse.ArgumentParser(prog="requirements_report", description=__doc__)
    parser.add_argument("--list", action="store_true", help="list the requirements, run nothing")
    parser.add_argument("ids", nargs="*", metavar="ID", help="only these; all where none is named")
    options = parser.parse_args(arguments)
    requirements = read()
    if unknown := set(options.ids) - {requirement.id for requirement in requirements}:
        parser.error(f"no requirement is called {', '.join(sorted(unknown))}")
    if options.ids:
        requirements = tuple(each for each in requirements if each.id in options.ids)
    if options.list:
        for requirement in requirements:
            sys.stdout.write(f"{requirement.id}  {requirement.says}\n")
        return 0
    os.chdir(FILE.parent.parent)
    outcomes = run([test for requirement in requirements for test in requirement.tests])
    for requirement in requirements:
        state = state_of(requirement, outcomes)
        sys.stdout.write(f"{requirement.id}  {state:<9} {requirement.says}\n")
    figures = summary(requirements, outcomes)
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0 if figures["tested"] == figures["passed"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
