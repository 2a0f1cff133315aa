"""The impact assessment in the documentation is the one the code would write."""

from pathlib import Path

from edge.core import register
from edge.core.dpia import dpia
from edge.core.notices import Purpose

ROOT = Path(__file__).parents[2]


def test_the_document_is_current() -> None:
    """Else: `python -m edge.adapters.dpia > docs/dpia.md`."""
    assert (ROOT / "docs" / "dpia.md").read_text(encoding="utf-8") == dpia()


def test_it_names_every_purpose_and_field() -> None:
    text = dpia()
    assert all(f"| `{purpose}` |" in text for purpose in Purpose)
    assert all(f"| {field.name} |" in text for field in register.FIELDS)


def test_the_tests_it_points_to_exist() -> None:
    named = [word.strip("`,") for word in dpia().split() if word.startswith("`tests/")]
    assert len(named) >= 8
    assert all((ROOT / name).exists() for name in named)
