"""What of a member is kept: what may be kept at all, and of that what was granted."""

from collections import Counter
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.minimisation import FIELD_PURPOSES, MemberData, granted, minimise, nobody
from edge.core.notices import Purpose
from edge.core.register import FIELDS

FULL = MemberData(
    "M1", "Anna", "de", ("ibeacon:1",), {"audience": "women"}, ("wool",), {"coat": "M"}, (2, 29),
    True, True, "H-1",
)  # fmt: skip
OF_PROFILE = {"declared", "stated", "sizes", "birthday", "is_adult", "has_delivery", "household"}


@pytest.mark.parametrize(
    ("allowed", "kept"),
    [
        pytest.param((), set(), id="nothing allowed: the id alone"),
        pytest.param(("recognise",), {"language", "beacons"}, id="recognise"),
        pytest.param(("staff_greeting",), {"name"}, id="greeting"),
        pytest.param(("profile",), OF_PROFILE, id="profile"),
        pytest.param(("offers", "location", "aggregates"), set(), id="purposes without fields"),
    ],
)
def test_a_field_is_kept_for_its_purpose_alone(allowed: tuple[str, ...], kept: set[str]) -> None:
    dropped = Counter[str]()
    left = granted(FULL, frozenset(map(Purpose, allowed)), dropped)
    nothing = nobody("M1")
    found = {f.name for f in fields(FULL) if getattr(left, f.name) != getattr(nothing, f.name)}
    assert found == kept
    assert dropped["without_consent"] == 10 - len(kept)


def test_everything_granted_is_everything_kept() -> None:
    dropped = Counter[str]()
    assert granted(FULL, FIELD_PURPOSES, dropped) == FULL
    assert dropped == {}


def test_no_field_of_a_member_is_without_a_rule() -> None:
    """A field added to the row must say in the register what it is for."""
    told = {f.name: f for f in FIELDS if f.table == "persons.body"}
    assert {f.name for f in fields(FULL)} == told.keys()
    assert [name for name, f in told.items() if not f.purposes] == ["member_id"]
    assert all(len(f.purposes) <= 1 for f in told.values())


SOME = st.frozensets(st.sampled_from(tuple(Purpose)))


@given(SOME, SOME)
def test_taking_twice_is_taking_what_both_allow(
    first: frozenset[Purpose], second: frozenset[Purpose]
) -> None:
    """Order does not matter, and nothing comes back."""
    twice = granted(granted(FULL, first, Counter()), second, Counter())
    assert twice == granted(FULL, first & second, Counter())


def test_a_bare_member_is_kept_as_nobody() -> None:
    assert minimise({"member_id": "M1"}, Counter()) == nobody("M1")
