"""The rules of the daily totals: who counts how often, what is told, what a message may hold."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.aggregates import (
    BUDGETS,
    EPSILON_PER_DAY,
    Domain,
    Outcome,
    Release,
    Table,
    UnitDay,
    bounded,
    count,
    displayed,
    problems_of,
    release_day,
    suppressed,
)

DOMAIN = Domain(
    "s1",
    ("e:control", "e:treatment"),
    ("shoes", "coats", "beauty", "sport"),
    ("coat", "tie"),
    ("Alba", "Boreal"),
)


def quiet(counts: Sequence[int], scale: float) -> list[int]:
    """No noise, so that the other rules can be seen."""
    return list(counts)


def crowd(n: int, **more: object) -> list[UnitDay]:
    base = UnitDay("", zones=frozenset({"shoes"}), outcomes=frozenset({Outcome.PRESENT}))
    return [replace(base, unit=f"u{at}", **more) for at in range(n)]  # type: ignore[arg-type]


def test_the_whole_day_costs_no_more_than_one_epsilon() -> None:
    assert sum(budget.epsilon for budget in BUDGETS.values()) == pytest.approx(EPSILON_PER_DAY)


@given(
    st.frozensets(st.sampled_from([*DOMAIN.zones, "elsewhere"])),
    st.frozensets(st.sampled_from(DOMAIN.classes)),
    st.frozensets(st.sampled_from(DOMAIN.partners)),
    st.frozensets(st.sampled_from(list(Outcome))),
    st.sampled_from([None, *DOMAIN.arms, "e:unknown"]),
)
def test_one_unit_moves_no_table_by_more_than_its_bound(
    zones: frozenset[str],
    classes: frozenset[str],
    brands: frozenset[str],
    outcomes: frozenset[Outcome],
    arm: str | None,
) -> None:
    """The sensitivity that the noise is made for is the true one."""
    unit = UnitDay("somebody", arm, outcomes, zones, classes, brands, may_partners=True)
    others = crowd(5)
    with_unit, without = count([*others, unit], DOMAIN), count(others, DOMAIN)
    for name, budget in BUDGETS.items():
        moved = sum(abs(with_unit[name][cell] - without[name][cell]) for cell in without[name])
        assert moved <= budget.cells_a_unit


def test_a_unit_counts_once() -> None:
    assert count(crowd(3) + crowd(3), DOMAIN)["zones"]["shoes"] == 3


def test_which_contributions_stay_does_not_depend_on_the_day() -> None:
    cells = list(DOMAIN.zones)
    known = dict.fromkeys(cells, 0)
    assert bounded("u", cells, known, 2) == bounded("u", cells[::-1], known, 2)
    assert len(bounded("u", cells, known, 2)) == 2


def test_only_who_allowed_partners_counts_for_them() -> None:
    brands = frozenset({"Alba"})
    units = crowd(30, brands=brands) + [
        replace(unit, unit=f"p{unit.unit}", may_partners=True) for unit in crowd(25, brands=brands)
    ]
    messages = {r.audience: r for r in release_day(units, DOMAIN, "2026-11-22", quiet)}
    (table,) = messages["Alba"].tables
    assert table.cells == {"Alba": 25}
    (table,) = messages["Boreal"].tables
    assert table.cells == {"Boreal": None}
    assert [t.name for t in messages["upstream"].tables] == ["arms", "zones", "classes"]


def test_small_cells_are_not_told_but_small_arms_are() -> None:
    units = crowd(19) + [replace(u, unit=f"t{u.unit}", arm="e:treatment") for u in crowd(10)]
    upstream = release_day(units, DOMAIN, "2026-11-22", quiet)[0]
    cells = {table.name: table.cells for table in upstream.tables}
    assert cells["zones"]["shoes"] == 29
    assert cells["zones"]["coats"] is None
    assert cells["arms"]["e:treatment/present"] == 10
    assert cells["arms"]["e:control/bought"] == 0


@pytest.mark.parametrize(
    ("name", "value", "told"), [("at the edge", 20, 20), ("below", 19, None), ("noise", -3, None)]
)
def test_suppression(name: str, value: int, told: int | None) -> None:
    assert suppressed(value) == told


@pytest.mark.parametrize(
    ("name", "days", "shown"),
    [
        ("a busy cell", [40, 42, 44], 42.0),
        ("a true seven with fresh noise every day", [None] * 300 + [21, 22] * 30, None),
        ("an arm that is told as it is, but small", [7, 9, 5], None),
        ("never told", [None, None], None),
    ],
)
def test_pages_suppress_again(name: str, days: list[int | None], shown: float | None) -> None:
    assert displayed(days) == shown


def table_of(release: Release, **changes: object) -> Release:
    first = replace(release.tables[0], **changes)  # type: ignore[arg-type]
    return replace(release, tables=(first, *release.tables[1:]))


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("another schema", lambda r: replace(r, schema="x")),
        ("another store", lambda r: replace(r, store="s2")),
        ("an unknown audience", lambda r: replace(r, audience="Zephyr")),
        ("a table for partners", lambda r: table_of(r, name="partners")),
        ("an unknown table", lambda r: table_of(r, name="persons")),
        ("a cell more", lambda r: table_of(r, cells={**r.tables[0].cells, "M000123": 1})),
        ("a cell less", lambda r: table_of(r, cells={})),
        ("less noise than said", lambda r: table_of(r, scale=0.1)),
        ("more epsilon", lambda r: table_of(r, epsilon=0.9)),
        ("a wrong variance", lambda r: table_of(r, variance=1.0)),
        ("a text in a cell", lambda r: table_of(r, cells=dict.fromkeys(r.tables[0].cells, "Anna"))),
        ("a truth value", lambda r: table_of(r, cells=dict.fromkeys(r.tables[0].cells, True))),
        ("a table twice", lambda r: replace(r, tables=(*r.tables, r.tables[0]))),
        (
            "a small cell",
            lambda r: replace(
                r,
                tables=(r.tables[0], replace(r.tables[1], cells=dict.fromkeys(DOMAIN.zones, 3))),
            ),
        ),
    ],
)
def test_a_message_that_holds_anything_else_is_refused(
    name: str, spoil: Callable[[Release], Release]
) -> None:
    sound = release_day(crowd(30), DOMAIN, "2026-11-22", quiet)[0]
    assert problems_of(sound, DOMAIN) == []
    assert problems_of(spoil(sound), DOMAIN) != []


def test_the_variance_is_that_of_the_noise() -> None:
    """Of discrete Laplace noise 2 q / (1 - q)² with q = e^(-1/scale), about twice its square."""
    budget = BUDGETS["arms"]
    assert budget.scale == pytest.approx(12.5)
    assert budget.variance == pytest.approx(2 * 12.5**2, rel=0.01)
    assert isinstance(Table("arms", 1.0, 1.0, 1.0, {}), Table)
