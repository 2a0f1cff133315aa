"""Pictures are small, safe, well-formed, and no two items look the same."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from simulator import catalog, pictures
from simulator.catalog import Item
from simulator.palette import COLOURS
from simulator.pictures.pen import lightness, mix

SVG = "{http://www.w3.org/2000/svg}"
DRAWN = {SVG + tag for tag in ("svg", "g", "path", "rect", "circle", "ellipse")}


@pytest.fixture(scope="module")
def items() -> tuple[Item, ...]:
    return catalog.generate(7).items


def test_every_picture_is_plain_svg(items: tuple[Item, ...]) -> None:
    """Well-formed, shapes only: no script, no style, no reference to anything outside."""
    for item in items:
        text = pictures.draw(item)
        root = ET.fromstring(text)
        assert {element.tag for element in root.iter()} <= DRAWN, item.item_id
        assert "href" not in text
        assert "url(" not in text
        assert root.get("viewBox") == "0 0 96 96"
        assert len(text.encode()) < 6000, item.item_id


def test_paths_hold_numbers_and_commands_only(items: tuple[Item, ...]) -> None:
    """A slip in a formula would leave a word in the path data, and browsers would draw nothing."""
    for item in items:
        for data in re.findall(r' d="([^"]*)"', pictures.draw(item)):
            assert re.fullmatch(r"[MmLlHhVvQqTtCcSsAaZz0-9eE., +-]+", data), (item.item_id, data)


def test_no_two_items_look_the_same(items: tuple[Item, ...]) -> None:
    """A picture tells an item from all others of the store."""
    drawn = {pictures.draw(item): item.item_id for item in items}
    assert len(drawn) > 0.985 * len(items)
    by_class: dict[str, set[str]] = {}
    for item in items:
        by_class.setdefault(item.class_id, set()).add(pictures.draw(item))
    for class_id, looks in by_class.items():
        count = sum(item.class_id == class_id for item in items)
        assert len(looks) >= count - 1, class_id


def test_a_picture_is_the_same_in_every_store(items: tuple[Item, ...]) -> None:
    """Neither price nor shelf moves it."""
    item = items[17]
    assert pictures.draw(item) == pictures.draw(replace(item, price_cents=1, aisle="EG 99"))


def test_every_colour_stands_out_from_its_background(items: tuple[Item, ...]) -> None:
    """The item's own colour is drawn, on a wall that is lighter or cooler than itself."""
    for item in items:
        wall = re.findall(r'fill="(#[0-9a-f]{6})"', pictures.draw(item))[0]
        own = COLOURS[item.colour].rgb
        assert wall != own
        assert abs(lightness(wall) - lightness(own)) > 0.02, item.item_id


def test_mixing_colours_by_hand() -> None:
    """Half of black and white is the middle grey."""
    assert mix("#000000", "#ffffff", 0.5) == "#808080"
    assert mix("#102030", "#ffffff", 0.0) == "#102030"
