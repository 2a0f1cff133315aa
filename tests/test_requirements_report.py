"""The report tells what is shown, what is not, and what only seems to be."""

import pytest

from tests.requirements_report import Requirement, _is_there, main, read, state_of, summary

PASSED = {"t.py::a": "passed", "t.py::b[one]": "passed", "t.py::b[two]": "passed"}


def test_the_list_is_complete() -> None:
    """134 requirements and 17 remarks, each id once, each in words."""
    requirements = read()
    assert len([r for r in requirements if not r.is_context]) == 134
    assert len([r for r in requirements if r.is_context]) == 17
    by_letter = {letter: [r for r in requirements if r.id[0] == letter] for letter in "ABCDE"}
    assert {k: len(v) for k, v in by_letter.items()} == {
        "A": 41,
        "B": 28,
        "C": 31,
        "D": 17,
        "E": 34,
    }
    assert all(len(r.says) > 15 for r in requirements)


def test_every_named_test_exists() -> None:
    """A test that was renamed shows nothing any more."""
    named = {test.partition("[")[0] for r in read() for test in r.tests}
    assert sorted(test for test in named if not _is_there(test)) == []


def test_states() -> None:
    """Passed, all cases passed, failed, skipped, missing, untested, context."""
    cases = [
        (("t.py::a",), PASSED, "passed"),
        (("t.py::b",), PASSED, "passed"),
        (("t.py::b[two]",), PASSED, "passed"),
        (("t.py::a", "t.py::b"), PASSED | {"t.py::b[two]": "failed"}, "failed: t.py::b"),
        (("t.py::a",), {"t.py::a": "skipped"}, "skipped: t.py::a"),
        (("t.py::gone",), PASSED, "missing: t.py::gone"),
        (("t.py::b[three]",), PASSED, "missing: t.py::b[three]"),
        ((), PASSED, "untested"),
    ]
    for tests, outcomes, expected in cases:
        assert state_of(Requirement("X1", "says something", tests), outcomes) == expected
    assert state_of(Requirement("X1", "a remark", (), is_context=True), {}) == "context"


def test_the_figures() -> None:
    """Context rows are not counted, untested ones are named."""
    rows = [
        Requirement("A", "shown", ("t.py::a",)),
        Requirement("B", "broken", ("t.py::x",)),
        Requirement("C", "open"),
        Requirement("D", "remark", (), is_context=True),
    ]
    assert summary(rows, PASSED) == {
        "ids": 3, "tested": 2, "passed": 1, "untested": ["C"], "context": ["D"],
    }  # fmt: skip


def test_single_ids_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Only those are listed; an id that nobody knows is refused."""
    assert main(["--list", "B16", "A01"]) == 0
    assert [line[:3] for line in capsys.readouterr().out.splitlines()] == ["A01", "B16"]
    with pytest.raises(SystemExit):
        main(["--list", "Z99"])
