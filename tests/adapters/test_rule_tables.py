"""The class table, the action matrix and the complement map as the rules page lists them."""

from datetime import date
from pathlib import Path

import pytest

from edge.core.classes import Action
from edge.rulebook import Rulebook
from tests.core.decision_world import CATALOG, NOW

CHAIN = """\
version = "1"
author = "Head office"
[kinds.durable]
interval_days = 730
then = ["care"]
[[matrix]]
group = "*"
then = ["care"]
[[matrix]]
group = "class:tie"
then = ["repeat"]
author = "Kim"
date = 2026-02-02
reason = "they are lost"
"""
STORE = """\
version = "2"
author = "Jo"
[kinds.durable]
interval_days = 365
then = []
[classes.shirt]
interval_days = 60
then = ["repeat"]
author = "Kim"
date = 2026-03-03
reason = "they wear out"
[[matrix]]
group = "class:tie"
audience = "men"
then = []
[[matrix]]
group = "department:fashion"
then = ["complement"]
[[rules]]
id = "map"
kind = "complement"
targets = ["class:shirt"]
to = ["class:mouse"]
never = ["item:suit"]
date = 2026-03-03
reason = "a try"
"""


@pytest.fixture
def book(tmp_path: Path) -> Rulebook:
    """The rules of a chain and of its store."""
    (tmp_path / "chain.toml").write_text(CHAIN, encoding="utf-8")
    (tmp_path / "store.toml").write_text(STORE, encoding="utf-8")
    return Rulebook(tmp_path, CATALOG, lambda _: NOW, lambda: NOW.now_s)


def test_the_matrix_is_listed_as_it_holds(book: Rulebook) -> None:
    """The closest line first, and of one group an audience's; with who wrote it, when and why."""
    kim = ("Kim", date(2026, 2, 2).toordinal(), "they are lost")
    assert [
        (
            line.row.group,
            line.row.audience,
            line.row.then,
            (line.row.author, line.row.day, line.row.reason),
            line.items,
        )
        for line in book.sheet().matrix
    ] == [
        ("class:tie", "men", Action.SILENCE, ("Jo", None, ""), 1),
        ("class:tie", "*", Action.REPEAT, kim, 1),
        ("department:fashion", "*", Action.COMPLEMENT, ("Jo", None, ""), 8),
        ("*", "*", Action.CARE, ("Head office", None, ""), len(CATALOG.items)),
    ]


def test_the_class_table_is_the_one_in_force(book: Rulebook) -> None:
    """The store's line replaces the chain's; kinds nobody changed are defaults of no author."""
    lines = {line.target: line for line in book.sheet().classes}
    assert len(lines) == 6 + 1
    durable, shirt = lines["kind:durable"].policy, lines["class:shirt"].policy
    assert (durable.interval_days, durable.author, durable.day) == (365.0, "Jo", None)
    assert (shirt.then, shirt.author, shirt.reason) == (Action.REPEAT, "Kim", "they wear out")
    assert shirt.day == date(2026, 3, 3).toordinal()
    assert lines["class:shirt"].items == 2
    assert lines["kind:gift"].policy.author == ""


def test_the_catalogue_speaks_where_no_rule_does(book: Rulebook) -> None:
    """Shirts follow the rule of the house; laptops what the catalogue says."""
    sheet = book.sheet()
    assert sheet.given["class:laptop"] == ("class:laptop-bag", "class:mouse")
    assert "class:shirt" not in sheet.given
    assert sheet.names["class:laptop-bag"].de == "Laptoptasche"
    assert sheet.names["item:suit"].en == "suit"
    assert "department:fashion" not in sheet.names


def test_without_a_file_the_defaults_stand() -> None:
    """Six kinds, no matrix."""
    sheet = Rulebook(None, CATALOG, lambda _: NOW, lambda: NOW.now_s).sheet()
    assert [line.target for line in sheet.classes] == [
        f"kind:{kind}"
        for kind in ("durable", "accessory", "consumable", "series", "gift", "sensitive")
    ]
    assert not any(line.policy.author for line in sheet.classes)
    assert sheet.matrix == ()
