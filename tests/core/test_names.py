"""Names and their positions: what a dict would say, in a fraction of its room."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.catalog import MOST_UNITS, Catalog, Item, Stock, Text, Variant
from edge.core.names import ABSENT, Names

MANY = [f"sku-{n}" for n in range(30_000)]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8)), st.text(max_size=8))
def test_they_say_what_a_dict_says(names: list[str], other: str) -> None:
    """Every position names its name, every name is found, the later of two, others are absent."""
    index = Names(names)
    expected = {name: at for at, name in enumerate(names)}
    assert list(index) == names
    assert {name: index.position(name) for name in names} == expected
    assert index.position(other) == expected.get(other, ABSENT)


def test_they_keep_to_the_form_of_a_sequence() -> None:
    """Slices, negative positions and what lies outside behave as those of a tuple."""
    index = Names(["a", "bé", "c"])
    assert (index[-1], index[1:], index[:1]) == ("c", ["bé", "c"], ["a"])
    with pytest.raises(IndexError):
        index[3]


def test_a_name_takes_its_bytes_and_sixteen_more() -> None:
    """30,000 names take under a megabyte; a dict of them takes five."""
    index = Names(MANY)
    held = sum(sys.getsizeof(getattr(index, name)) for name in vars(index))
    assert held < len("".join(MANY)) + 17 * len(MANY)


def test_hashes_that_collide_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all hashes are the same, names decide."""
    monkeypatch.setattr("edge.core.names.hash", lambda _: 7, raising=False)
    index = Names(["a", "b", "a"])
    assert [index.position(name) for name in "abc"] == [2, 1, ABSENT]


def _item(item_id: str, *variants: Variant) -> Item:
    return Item(item_id, Text("", ""), "", "", "", None, 100, "z", "", variants)


def test_a_till_line_is_known_by_sku_or_padded_gtin() -> None:
    """A GTIN with or without leading zeros means its sku; none, or only zeros, mean nothing."""
    items = (_item("a", Variant("a-1", "040123")), _item("b"), _item("c", Variant("c-1", "")))
    catalog = Catalog("1", "EUR", items, {})
    assert [catalog.index_of(name) for name in ("a", "c", "x")] == [0, 2, None]
    assert [catalog.item_of_sku(sku) for sku in ("a-1", "c-1", "x")] == [0, 2, None]
    assert catalog.sku_of("x", "00040123") == catalog.sku_of("a-1", None) == "a-1"
    assert catalog.sku_of("x", "000") is catalog.sku_of("x", None) is catalog.sku_of("", "") is None


def test_stock_tells_what_was_counted_from_what_never_was() -> None:
    """Levels, moves and sizes in stock, of items with several variants and with none."""
    sizes = tuple(Variant(f"a-{size}", "", size) for size in "SML")
    stock = Stock(Catalog("1", "EUR", (_item("b"), _item("a", *sizes)), {}))
    assert stock.set_level("a-M", 2, 100.0)
    assert not stock.set_level("a-M", 9, 99.0), "an older count changes nothing"
    assert stock.set_level("a-L", 0, 100.0)
    stock.move("a-M", -5)
    stock.move("a-L", 3)
    stock.move("a-S", 3)
    assert [stock.units(f"a-{size}") for size in "SMLX"] == [None, 0, 3, None]
    assert [each.size for each in stock.in_stock(1)] == ["L"]
    assert stock.in_stock(0) == []
    stock.move("a-L", 5 * MOST_UNITS)
    assert stock.units_of_item(1) == stock.units("a-L") == MOST_UNITS
    assert stock.set_level("a-L", 3, 101.0)
    assert [stock.lacks(size).tolist() for size in "SMLX"] == [
        [False, True],
        [False, True],
        [False, False],
        [False, False],
    ]
    stock.move("a-L", -3)
    assert stock.lacks("L").tolist() == [False, True], "sold since"
    stock.move("a-L", 3)
    assert stock.units_of_item(1) == 3
