"""The catalogue as it is read from its file: what it says, and in how much room."""

import gc
import json
from pathlib import Path

import pytest

from edge.adapters.files.catalog import read_catalog
from edge.core.catalog import Catalog, Stock, Variant
from edge.core.errors import ConfigError
from tests.world import catalog

SIZES = [
    {"sku": "a-S", "gtin": "0400", "size": "S"},
    {"sku": "a-M", "gtin": "", "size": "M", "shade": "red"},
    {"sku": "a-L", "gtin": "0402"},
]


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


def test_no_object_is_kept_for_a_variant(tmp_path: Path) -> None:
    """Thousands of sizes are no thousands of objects."""
    document = catalog()
    for n, item in enumerate(document["items"]):
        item["variants"] = [{"sku": f"s{n}-{k}", "gtin": "", "size": str(k)} for k in range(25)]
    goods = read(tmp_path, document)
    gc.collect()
    assert len(goods.skus) == 25 * len(goods.items)
    assert not [each for each in gc.get_objects() if type(each) is Variant and each.sku == "s0-1"]
