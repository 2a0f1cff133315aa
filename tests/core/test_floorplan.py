"""The floor plan: what is refused and how it is said, where a point lies, what is drawn."""

import copy
import json
import math
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core import polygons
from edge.core.errors import ConfigError
from edge.core.floorplan import floorplan_from
from edge.core.floorplan_drawing import draw_svg

Document = dict[str, Any]


def box(x: float, y: float, width: float, depth: float) -> list[list[float]]:
    """Return the corners of a rectangle."""
    return [[x, y], [x + width, y], [x + width, y + depth], [x, y + depth]]


def document() -> Document:
    """Return a small valid plan: three zones side by side, the shoes an L around the till."""
    return {
        "schema": "stammgast.floorplan.v1",
        "width_m": 12,
        "height_m": 8,
        "zones": [
            {
                "id": "door",
                "name": {"de": "Eingang", "en": "Entrance"},
                "kind": "entrance",
                "polygon": box(0, 0, 4, 8),
            },
            {
                "id": "shoes",
                "name": {"de": "Schuhe & mehr", "en": "Shoes & more"},
                "kind": "department",
                "polygon": [[4, 0], [12, 0], [12, 8], [8, 8], [8, 4], [4, 4]],
            },
            {
                "id": "till",
                "name": {"de": "Kasse", "en": "Till"},
                "kind": "till",
                "polygon": box(4, 4, 4, 4),
            },
        ],
        "receivers": [
            {"gateway": "g1", "family": "espresense", "zone": "door", "x_m": 2, "y_m": 2, "z_m": 3},
            {"gateway": "g2", "family": "minew", "zone": "shoes", "x_m": 9, "y_m": 2, "z_m": 3},
        ],
        "stations": [{"id": "s1", "zone": "shoes", "x_m": 11, "y_m": 7}],
        "shelves": [
            {"aisle": "EG 1", "zone": "shoes", "x_m": 9, "y_m": 1, "width_m": 1, "depth_m": 3}
        ],
    }


def at(path: tuple[str | int, ...], value: object) -> Callable[[Document], None]:
    """Return a change that puts a value at a place of the document."""

    def change(plan: Document) -> None:
        target: Any = plan
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = value

    return change


def without(key: str) -> Callable[[Document], None]:
    """Return a change that takes a key away."""
    return lambda plan: plan.pop(key)


BROKEN: dict[str, tuple[Callable[[Document], object], list[str]]] = {
    "another schema": (at(("schema",), "v0"), ["schema: found 'v0'", "convert"]),
    "no width": (without("width_m"), ["width_m: found None, expected a number of metres"]),
    "width is not a number": (at(("width_m",), math.nan), ["width_m: found nan"]),
    "width is endless": (at(("width_m",), math.inf), ["width_m: found inf"]),
    "width is a truth value": (at(("width_m",), True), ["width_m: found True"]),
    "zones are missing": (without("zones"), ["zones: found None, expected a list"]),
    "a zone is a text": (
        at(("zones", 1), "shoes"),
        ["zones[1]: found 'shoes', expected an object"],
    ),
    "a zone without a German name": (
        at(("zones", 1, "name"), {"en": "Shoes"}),
        ["zones[1].name.de: found None"],
    ),
    "an unknown kind": (
        at(("zones", 1, "kind"), "attic"),
        ["zones[1].kind: found 'attic', expected one of entrance, department"],
    ),
    "two corners": (at(("zones", 1, "polygon"), [[0, 0], [1, 1]]), ["zones[1].polygon", "3 to 64"]),
    "a corner of three numbers": (
        at(("zones", 1, "polygon", 2), [12, 8, 1]),
        ["zones[1].polygon[2]: found [12, 8, 1]"],
    ),
    "a corner outside the store": (
        at(("zones", 1, "polygon", 2), [13, 8]),
        ["zones[1].polygon[2].x: found 13, expected a number of metres from 0 to 12"],
    ),
    "a polygon that crosses itself": (
        at(("zones", 0, "polygon"), [[0, 0], [4, 8], [4, 0], [0, 8]]),
        ["zones[0].polygon: found 'side 0 meets side 2'"],
    ),
    "a polygon that folds back": (
        at(("zones", 0, "polygon"), [[0, 0], [4, 0], [2, 0]]),
        ["zones[0].polygon: found 'side"],
    ),
    "overlapping zones": (
        at(("zones", 0, "polygon"), box(0, 0, 5, 8)),
        ["found 'door and shoes share 4.00 m²'", "found 'door and till share 4.00 m²'"],
    ),
    "a zone inside another": (
        at(("zones", 2, "polygon"), box(9, 1, 1, 1)),
        ["found 'shoes and till share 1.00 m²'"],
    ),
    "the same zone twice": (
        at(("zones", 0, "polygon"), box(4, 4, 4, 4)),
        ["found 'door and till share 16.00 m²'"],
    ),
    "no till": (at(("zones", 2, "kind"), "cafe"), ["found 'no zone of kind till'", "add the till"]),
    "no entrance": (at(("zones", 0, "kind"), "cafe"), ["found 'no zone of kind entrance'"]),
    "a zone id twice": (at(("zones", 1, "id"), "door"), ["zones.id: found 'door'"]),
    "a gateway twice": (at(("receivers", 1, "gateway"), "g1"), ["receivers.gateway: found 'g1'"]),
    "a receiver outside the store": (
        at(("receivers", 0, "x_m"), -3),
        ["receivers[0].x_m: found -3, expected a number of metres from 0 to 12"],
    ),
    "a receiver in another zone than it says": (
        at(("receivers", 0, "x_m"), 9),
        ["receivers[0]: found '(9, 2), 5.0 m outside door'"],
    ),
    "an unknown zone": (
        at(("stations", 0, "zone"), "roof"),
        ["stations[0].zone: found 'roof', expected one of door, shoes, till"],
    ),
    "a shelf through the wall": (
        at(("shelves", 0, "width_m"), 4),
        ["shelves[0]: found 'EG 1 ends at (13, 4)'", "within 12 x 8 m"],
    ),
    "fixed beacons are no list": (
        at(("fixed_beacons",), {}),
        ["fixed_beacons: found {}, expected a list"],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_broken_thing_is_named(name: str) -> None:
    """A row: what is broken in a valid plan, what the problems say."""
    change, expected = BROKEN[name]
    broken = document()
    change(broken)
    with pytest.raises(ConfigError) as caught:
        floorplan_from(broken, "floorplan.json")
    for text in expected:
        assert any(text in problem for problem in caught.value.problems), caught.value.problems
    assert all(problem.startswith("floorplan.json: ") for problem in caught.value.problems)


def test_every_problem_is_told_at_once() -> None:
    """Three mistakes, three sentences."""
    broken = document()
    broken["width_m"] = "wide"
    broken["zones"][0]["kind"] = "attic"
    broken["receivers"][0]["y_m"] = None
    with pytest.raises(ConfigError) as caught:
        floorplan_from(broken, "f.json")
    assert len(caught.value.problems) == 3


def test_a_valid_plan_is_read_and_answers_where_a_point_lies() -> None:
    """The L-shaped zone does not claim the floor it goes around."""
    plan = floorplan_from(document(), "f.json")
    places = {(1, 1): "door", (5, 1): "shoes", (11, 7): "shoes", (5, 7): "till", (20, 1): None}
    assert {place: plan.zone_at(*place) for place in places} == places
    assert plan.zone_ids("till") == {"till"}
    assert plan.zone_by_id["shoes"].name["en"] == "Shoes & more"
    assert plan.fixed_beacons == ()


def test_reading_leaves_the_document_as_it_was() -> None:
    """The check is a question, not a change."""
    one, other = document(), document()
    floorplan_from(one, "f.json")
    assert one == other


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def every_path(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of every value within a document."""
    if isinstance(value, dict):
        return [p for key in value for p in ((*path, key), *every_path(value[key], (*path, key)))]
    if isinstance(value, list):
        return [
            p for i, one in enumerate(value) for p in ((*path, i), *every_path(one, (*path, i)))
        ]
    return []


@given(st.sampled_from(every_path(document())), json_values)
def test_any_value_anywhere_is_read_or_refused(path: tuple[str | int, ...], value: object) -> None:
    """Either the check says what is wrong, and raises nothing else, or the plan can be drawn."""
    plan = document()
    at(path, copy.deepcopy(value))(plan)
    try:
        ET.fromstring(draw_svg(floorplan_from(plan, "f.json")))
        problems = ["none"]
    except ConfigError as error:
        problems = error.problems
    assert problems


boxes = st.tuples(*[st.integers(0, 20)] * 2, *[st.integers(1, 20)] * 2)


@given(boxes, boxes)
def test_the_overlap_of_boxes_is_their_common_area(
    one: tuple[int, ...], other: tuple[int, ...]
) -> None:
    """Against the product of the two overlaps of intervals."""
    shared = [
        max(0, min(one[k] + one[k + 2], other[k] + other[k + 2]) - max(one[k], other[k]))
        for k in (0, 1)
    ]
    a, b = (tuple((float(x), float(y)) for x, y in box(*sides)) for sides in (one, other))
    assert polygons.overlap_m2(a, b) == pytest.approx(shared[0] * shared[1])
    assert polygons.overlap_m2(a, b) == pytest.approx(polygons.overlap_m2(b, a))


def test_triangles_overlap_by_the_worked_area() -> None:
    """Two right triangles of 8 m² over the same diagonal square share its quarter: 4 m²."""
    one = ((0.0, 0.0), (4.0, 0.0), (0.0, 4.0))
    other = ((0.0, 0.0), (4.0, 0.0), (4.0, 4.0))
    assert polygons.overlap_m2(one, other) == pytest.approx(4.0)
    assert polygons.signed_area_m2(one) == 8.0
    assert polygons.centre(one) == pytest.approx((4 / 3, 4 / 3))
    assert polygons.distance_m(one, 4, 4) == pytest.approx(math.sqrt(8))


@pytest.mark.parametrize(("language", "name"), [("de", "Schuhe & mehr"), ("en", "Shoes & more")])
def test_the_drawing_is_whole_and_names_what_it_shows(language: str, name: str) -> None:
    """Well-formed XML with every zone, the receivers, and counts only where people are."""
    plan = floorplan_from(document(), "f.json")
    svg = draw_svg(plan, {"till": 7, "door": 0}, language)
    root = ET.fromstring(svg)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {name, "EG 1", "7", "2 m"} <= set(texts)
    assert "0" not in texts
    shapes = [element.get("id") for element in root.iter("{http://www.w3.org/2000/svg}polygon")]
    assert shapes == ["zone-door", "zone-shoes", "zone-till"]
    assert draw_svg(plan, {"till": 7, "door": 0}, language) == svg


def test_names_are_escaped() -> None:
    """A name out of a file is text on the drawing, never markup."""
    hostile = document()
    hostile["zones"][0]["name"]["de"] = "<script>alert(1)</script>"
    hostile["zones"][0]["id"] = 'door"><script>'
    hostile["receivers"][0]["zone"] = 'door"><script>'
    svg = draw_svg(floorplan_from(json.loads(json.dumps(hostile)), "f.json"))
    assert "<script" not in svg
    ET.fromstring(svg)
