"""The catalogue as it is read from its file: what it says, and in how much room."""

import gc
import json
from pathlib import Path

import pytest

from edge.adapters.files.catalog import read_catalog, read_stock
from edge.core.catalog import Catalog, Stock, Variant
from edge.core.errors import ConfigError
from tests.world import catalog, sku_of

SIZES = [
    {"sku": "a-S", "gtin": "0400", "size": "S"},
    {"sku": "a-M", "gtin": "", "size": "M", "shade": "red"},
    {"sku": "a-L", "gtin": "0402"},
]

OFFER = {
    "offer_id": "o", "campaign_id": "c", "item_ids": [], "starts": "2026-01-01",
    "text": {"de": "Immer", "en": "Always"}, "surfaces": ["tablet"],
}  # fmt: skip
STORE = catalog()["store"]
ITEM = catalog()["items"][0]
NOW_S = 1_772_500_000.0


def read(folder: Path, document: dict[str, object]) -> Catalog:
    """Write a catalogue and read it."""
    path = folder / "catalog.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return read_catalog(path)[0]


def test_variants_say_what_the_file_says(tmp_path: Path) -> None:
    """In its order, however they are looked at, with nothing where nothing was said."""
    document = catalog()
    document["items"][0]["variants"] = SIZES
    item = read(tmp_path, document).items[0]
    expected = [Variant("a-S", "0400", "S"), Variant("a-M", "", "M", "red"), Variant("a-L", "0402")]
    assert list(item.variants) == list(item.variants) == expected
    assert len(item.variants) == 3
    assert item.variants[1] == expected[1]
    assert item.variants[1:] == tuple(expected[1:])


def test_sizes_in_stock_are_those_that_were_counted(tmp_path: Path) -> None:
    """Stock finds the variants of an item read from a file."""
    document = catalog()
    document["items"][1]["variants"] = SIZES
    goods = read(tmp_path, document)
    stock = Stock(goods)
    assert stock.set_level("a-M", 2, 1.0)
    assert [each.size for each in stock.in_stock(1)] == ["M"]
    assert goods.sku_of("?", "402") == "a-L"


def test_an_item_without_a_sku_is_refused(tmp_path: Path) -> None:
    """It says which."""
    document = catalog()
    document["items"][2]["variants"] = []
    with pytest.raises(ConfigError, match=r"item-02.*variants: found none"):
        read(tmp_path, document)


@pytest.mark.parametrize("shade", ["", " "])
def test_a_shade_without_a_name_is_refused(tmp_path: Path, shade: str) -> None:
    """It would be somebody's own, and be told without a word; `null` says that there is none."""
    document = catalog()
    document["items"][0]["variants"] = [{"sku": "a", "gtin": "", "shade": shade}]
    with pytest.raises(ConfigError, match="variants: found a shade without a name"):
        read(tmp_path, document)


def test_no_object_is_kept_for_a_variant(tmp_path: Path) -> None:
    """Thousands of sizes are no thousands of objects."""
    document = catalog()
    for n, item in enumerate(document["items"]):
        item["variants"] = [{"sku": f"s{n}-{k}", "gtin": "", "size": str(k)} for k in range(25)]
    goods = read(tmp_path, document)
    gc.collect()
    assert len(goods.skus) == 25 * len(goods.items)
    assert not [each for each in gc.get_objects() if type(each) is Variant and each.sku == "s0-1"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"offers": [{**OFFER, "ends": "9999-12-31"}]}, "offers", id="no end"),
        pytest.param({"store": {**STORE, "time_zone": "Europe"}}, "time_zone", id="a continent"),
        pytest.param({"store": {**STORE, "time_zone": "a" * 5_000}}, "time_zone", id="a long name"),
        pytest.param({"items": [{**ITEM, "price_cents": 2**31}]}, "price_cents", id="a price"),
        pytest.param({"items": [{**ITEM, "series": {"id": "s", "index": 2**40}}]}, "series",
                     id="a part of a series"),
    ],
)  # fmt: skip
def test_what_no_box_can_hold_is_named(
    tmp_path: Path, change: dict[str, object], expected: str
) -> None:
    """As a problem of the file, before anything else stumbles over it."""
    with pytest.raises(ConfigError, match=expected):
        read(tmp_path, {**catalog(), **change})


@pytest.mark.parametrize("content", ["[" * 100_000, '{"x":' + "[" * 90_000 + "]" * 90_000 + "}"])
def test_a_file_that_nests_without_end_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "catalog.json").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"catalog\.json"):
        read_catalog(tmp_path / "catalog.json")


def stock_of(folder: Path, **change: object) -> Path:
    """Write a stock file that counts the first item."""
    document = {"schema": "stammgast.stock.v1", "as_of": "2026-03-01T08:00:00Z",
                "levels": [{"sku": sku_of(0), "quantity": 5}]}  # fmt: skip
    (folder / "stock.json").write_text(json.dumps({**document, **change}), encoding="utf-8")
    return folder / "stock.json"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"as_of": "2026-03-01T08:00:00"}, "as_of"),
        ({"as_of": "0001-01-01T00:00:00+14:00"}, "as_of"),
        ({"as_of": "9999-12-31T23:59:59-14:00"}, "as_of"),
        ({"levels": [{"sku": sku_of(0), "quantity": 2**31}]}, "quantity"),
    ],
)
def test_a_count_of_no_moment_or_without_bounds_is_named(
    tmp_path: Path, change: dict[str, object], expected: str
) -> None:
    goods = read(tmp_path, catalog())
    with pytest.raises(ConfigError, match=rf"stock\.json.*{expected}"):
        read_stock(stock_of(tmp_path, **change), Stock(goods), NOW_S)


def test_a_count_from_the_future_counts_from_now(tmp_path: Path) -> None:
    """A later real count corrects it."""
    stock = Stock(read(tmp_path, catalog()))
    read_stock(stock_of(tmp_path, as_of="2036-03-01T08:00:00Z"), stock, NOW_S)
    assert stock.units(sku_of(0)) == 5
    assert stock.set_level(sku_of(0), 0, NOW_S + 1)
