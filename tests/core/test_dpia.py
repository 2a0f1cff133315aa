"""The impact assessment in the documentation is the one the code would write."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec

from edge.adapters.mqtt.messages import CHANNELS
from edge.core import register
from edge.core.dpia import dpia
from edge.core.minimisation import denial_of
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


def test_no_field_that_is_stored_or_sent_is_a_trait_that_nobody_should_tell_a_shop() -> None:
    """Neither a stored field nor a field of a message is health, mood, track or origin."""
    sent = {name for channel in CHANNELS for name in field_names(channel.form)}
    stored = {field.name for field in register.FIELDS}
    assert "member_id" in sent & stored
    assert [name for name in sorted(sent | stored) if denial_of(name)] == []
    assert denial_of("mood") == "emotion", "the rule would find one"


def field_names(form: type[msgspec.Struct]) -> Iterator[str]:
    """Yield the field names of a form and of the forms inside it."""
    for each in msgspec.structs.fields(form):
        yield each.name
        inner = get_args(each.type)
        for part in (each.type, *inner, *(deep for one in inner for deep in get_args(one))):
            if isinstance(part, type) and issubclass(part, msgspec.Struct):
                yield from field_names(part)
