"""The store's floor plan: what lies where, in metres, and whether a file of it can be used.

Origin is one corner of the store; x runs along the width, y along the depth (downwards on the
drawing). Leaves out reading the file (adapters) and drawing it (`floorplan_drawing`).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TypeVar

from edge.core import polygons
from edge.core.errors import ConfigError
from edge.core.polygons import Polygon

SCHEMA = "stammgast.floorplan.v1"
ZONE_KINDS = ("entrance", "department", "fitting_room", "till", "station", "cafe")
LANGUAGES = ("de", "en")

# Bounds that keep the memory of a plan known; the largest department stores measure some 300 m.
MAX_SIDE_M = 500.0
MAX_HEIGHT_M = 20.0
MAX_ENTRIES = 2_000
MAX_ZONES = 200
MAX_CORNERS = 64
# A wall drawn twice by hand differs by centimetres; more shared floor than this is a mistake.
OVERLAP_TOLERANCE_M2 = 0.05
# A receiver hangs on a wall or a beam at the border of its zone.
OUTSIDE_TOLERANCE_M = 1.0


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of the floor. `name` by language, `kind` one of `ZONE_KINDS`."""

    id: str
    name: Mapping[str, str]
    kind: str
    polygon: Polygon


@dataclass(frozen=True, slots=True)
class Receiver:
    """A BLE gateway at its place; `z_m` above the floor, `family` the format it speaks."""

    gateway: str
    zone: str
    x_m: float
    y_m: float
    z_m: float
    family: str = ""


@dataclass(frozen=True, slots=True)
class Station:
    """A try-on station."""

    id: str
    zone: str
    x_m: float
    y_m: float


@dataclass(frozen=True, slots=True)
class Shelf:
    """A shelf with the aisle label that staff read; x and y of the corner nearest the origin."""

    aisle: str
    zone: str
    x_m: float
    y_m: float
    width_m: float
    depth_m: float


@dataclass(frozen=True, slots=True)
class FixedBeacon:
    """A beacon of the store's own that customers' apps hear."""

    beacon: str
    zone: str
    x_m: float
    y_m: float


@dataclass(frozen=True)
class FloorPlan:
    """A valid plan of one store."""

    width_m: float
    height_m: float
    zones: tuple[Zone, ...]
    receivers: tuple[Receiver, ...]
    stations: tuple[Station, ...]
    shelves: tuple[Shelf, ...]
    fixed_beacons: tuple[FixedBeacon, ...]

    @cached_property
    def zone_by_id(self) -> Mapping[str, Zone]:
        """Every zone under its id."""
        return {zone.id: zone for zone in self.zones}

    def zone_ids(self, kind: str) -> frozenset[str]:
        """Return the ids of the zones of one kind."""
        return frozenset(zone.id for zone in self.zones if zone.kind == kind)

    def zone_at(self, x_m: float, y_m: float) -> str | None:
        """Return the zone in which a point lies, None on a way between zones."""
        for zone in self.zones:
            if polygons.contains(zone.polygon, x_m, y_m):
                return zone.id
        return None


def floorplan_from(document: object, file: str) -> FloorPlan:
    """Check a decoded `floorplan.json` and make it a plan.

    Args:
        document: The decoded JSON, of any shape.
        file: The name to put into the problems.

    Raises:
        ConfigError: With every problem at once: file, key, found, expected, what to do.
    """
    reading = _Reading(file)
    plan = _read_plan(reading, document)
    # Relations between parts are judged only where the parts themselves could be read.
    if plan is not None and not reading.problems:
        _judge(reading, plan)
    if plan is None or reading.problems:
        raise ConfigError(reading.problems)
    return plan


_Entry = TypeVar("_Entry")


class _Reading:
    """Takes typed values out of a decoded document and collects every problem on the way."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[str] = []

    def problem(self, key: str, found: object, expected: str, remedy: str) -> None:
        shown = repr(found)
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        self.problems.append(f"{self.file}: {key}: found {shown}, expected {expected}; {remedy}")

    def text(self, source: Mapping[str, object], key: str, where: str) -> str:
        value = source.get(key)
        if isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable():
            return value
        self.problem(
            f"{where}{key}", value, "a printable text of 1 to 200 characters", "fill it in"
        )
        return ""

    def number(
        self, source: Mapping[str, object], key: str, where: str, low: float, high: float
    ) -> float:
        return self.metres(source.get(key), f"{where}{key}", low, high)

    def metres(self, value: object, key: str, low: float, high: float) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and math.isfinite(float(value)) and low <= float(value) <= high:  # type: ignore[arg-type]
            return float(value)  # type: ignore[arg-type]
        self.problem(key, value, f"a number of metres from {low:g} to {high:g}", "measure it again")
        return math.nan

    def entries(
        self,
        source: Mapping[str, object],
        key: str,
        read: Callable[[Mapping[str, object], str], _Entry],
        is_optional: bool = False,
        limit: int = MAX_ENTRIES,
    ) -> tuple[_Entry, ...]:
        value = source.get(key, [] if is_optional else None)
        if not isinstance(value, list) or len(value) > limit:
            self.problem(key, value, f"a list of at most {limit} entries", "write [] for none")
            return ()
        found = []
        for number, entry in enumerate(value):
            if isinstance(entry, dict):
                found.append(read(entry, f"{key}[{number}]."))
            else:
                self.problem(f"{key}[{number}]", entry, "an object", "remove it or fill it in")
        return tuple(found)


def _read_plan(reading: _Reading, document: object) -> FloorPlan | None:
    if not isinstance(document, dict):
        reading.problem("(whole file)", document, "a JSON object", "export the plan again")
        return None
    if document.get("schema") != SCHEMA:
        reading.problem("schema", document.get("schema"), repr(SCHEMA), "convert the plan to it")
    width_m = reading.number(document, "width_m", "", 1, MAX_SIDE_M)
    height_m = reading.number(document, "height_m", "", 1, MAX_SIDE_M)
    # With an unknown size every place would be reported once more; the bound stands in for it.
    right_m = MAX_SIDE_M if math.isnan(width_m) else width_m
    bottom_m = MAX_SIDE_M if math.isnan(height_m) else height_m

    def place(entry: Mapping[str, object], where: str) -> tuple[float, float]:
        x_m = reading.number(entry, "x_m", where, 0, right_m)
        return x_m, reading.number(entry, "y_m", where, 0, bottom_m)

    def zone(entry: Mapping[str, object], where: str) -> Zone:
        return Zone(
            reading.text(entry, "id", where),
            _read_name(reading, entry, where),
            _read_kind(reading, entry, where),
            _read_polygon(reading, entry, where, right_m, bottom_m),
        )

    def receiver(entry: Mapping[str, object], where: str) -> Receiver:
        return Receiver(
            reading.text(entry, "gateway", where),
            reading.text(entry, "zone", where),
            *place(entry, where),
            reading.number(entry, "z_m", where, 0, MAX_HEIGHT_M),
            reading.text(entry, "family", where),
        )

    def station(entry: Mapping[str, object], where: str) -> Station:
        return Station(
            reading.text(entry, "id", where),
            reading.text(entry, "zone", where),
            *place(entry, where),
        )

    def shelf(entry: Mapping[str, object], where: str) -> Shelf:
        return Shelf(
            reading.text(entry, "aisle", where),
            reading.text(entry, "zone", where),
            *place(entry, where),
            reading.number(entry, "width_m", where, 0.01, right_m),
            reading.number(entry, "depth_m", where, 0.01, bottom_m),
        )

    def fixed_beacon(entry: Mapping[str, object], where: str) -> FixedBeacon:
        return FixedBeacon(
            reading.text(entry, "beacon", where),
            reading.text(entry, "zone", where),
            *place(entry, where),
        )

    return FloorPlan(
        width_m,
        height_m,
        reading.entries(document, "zones", zone, limit=MAX_ZONES),
        reading.entries(document, "receivers", receiver),
        reading.entries(document, "stations", station),
        reading.entries(document, "shelves", shelf),
        reading.entries(document, "fixed_beacons", fixed_beacon, is_optional=True),
    )


def _read_name(reading: _Reading, entry: Mapping[str, object], where: str) -> Mapping[str, str]:
    name = entry.get("name")
    if not isinstance(name, dict):
        reading.problem(f"{where}name", name, "an object with de and en", "name the zone in both")
        return {}
    return {language: reading.text(name, language, f"{where}name.") for language in LANGUAGES}


def _read_kind(reading: _Reading, entry: Mapping[str, object], where: str) -> str:
    kind = entry.get("kind")
    if isinstance(kind, str) and kind in ZONE_KINDS:
        return kind
    reading.problem(f"{where}kind", kind, f"one of {', '.join(ZONE_KINDS)}", "choose the nearest")
    return ""


def _read_polygon(
    reading: _Reading, entry: Mapping[str, object], where: str, right_m: float, bottom_m: float
) -> Polygon:
    corners = entry.get("polygon")
    key = f"{where}polygon"
    if not isinstance(corners, list) or not 3 <= len(corners) <= MAX_CORNERS:
        reading.problem(key, corners, f"3 to {MAX_CORNERS} corners [x, y]", "draw it again")
        return ()
    found = []
    for number, corner in enumerate(corners):
        if not isinstance(corner, list) or len(corner) != 2:
            reading.problem(f"{key}[{number}]", corner, "[x, y] in metres", "give both")
            continue
        x_m = reading.metres(corner[0], f"{key}[{number}].x", 0, right_m)
        found.append((x_m, reading.metres(corner[1], f"{key}[{number}].y", 0, bottom_m)))
    polygon = tuple(found)
    if any(math.isnan(x) or math.isnan(y) for x, y in polygon):
        return polygon
    if len(polygon) >= 3 and (sides := polygons.crossing(polygon)) is not None:
        expected = "sides that do not cross each other"
        reading.problem(
            key, f"side {sides[0]} meets side {sides[1]}", expected, "reorder the corners"
        )
    return polygon


def _judge(reading: _Reading, plan: FloorPlan) -> None:
    _judge_zones(reading, plan)
    _judge_unique(reading, "zones", "id", [zone.id for zone in plan.zones])
    _judge_unique(reading, "receivers", "gateway", [one.gateway for one in plan.receivers])
    _judge_unique(reading, "stations", "id", [one.id for one in plan.stations])
    _judge_unique(reading, "fixed_beacons", "beacon", [one.beacon for one in plan.fixed_beacons])
    _judge_places(reading, plan)
    for number, shelf in enumerate(plan.shelves):
        right_m, bottom_m = shelf.x_m + shelf.width_m, shelf.y_m + shelf.depth_m
        if right_m > plan.width_m + 0.01 or bottom_m > plan.height_m + 0.01:
            found = f"{shelf.aisle} ends at ({right_m:g}, {bottom_m:g})"
            expected = f"within {plan.width_m:g} x {plan.height_m:g} m"
            reading.problem(f"shelves[{number}]", found, expected, "move or shorten the shelf")


def _judge_zones(reading: _Reading, plan: FloorPlan) -> None:
    for kind in ("entrance", "till"):
        if not plan.zone_ids(kind):
            reading.problem("zones", f"no zone of kind {kind}", "at least one", f"add the {kind}")
    for one, other in combinations(plan.zones, 2):
        shared = polygons.overlap_m2(one.polygon, other.polygon)
        if shared > OVERLAP_TOLERANCE_M2:
            found = f"{one.id} and {other.id} share {shared:.2f} m²"
            reading.problem("zones", found, "zones that only touch", "move one border")


def _judge_unique(reading: _Reading, key: str, name: str, ids: list[str]) -> None:
    for double in sorted({one for one in ids if ids.count(one) > 1}):
        reading.problem(f"{key}.{name}", double, "every one once", "rename or remove one of them")


def _judge_places(reading: _Reading, plan: FloorPlan) -> None:
    groups: tuple[tuple[str, tuple[Receiver | Station | Shelf | FixedBeacon, ...]], ...] = (
        ("receivers", plan.receivers),
        ("stations", plan.stations),
        ("shelves", plan.shelves),
        ("fixed_beacons", plan.fixed_beacons),
    )
    known = ", ".join(plan.zone_by_id)
    for key, group in groups:
        for number, one in enumerate(group):
            zone = plan.zone_by_id.get(one.zone)
            if zone is None:
                where = f"{key}[{number}].zone"
                reading.problem(where, one.zone, f"one of {known}", "correct it or add the zone")
            elif (
                off_m := polygons.distance_m(zone.polygon, one.x_m, one.y_m)
            ) > OUTSIDE_TOLERANCE_M:
                found = f"({one.x_m:g}, {one.y_m:g}), {off_m:.1f} m outside {zone.id}"
                expected = f"at most {OUTSIDE_TOLERANCE_M:g} m outside"
                reading.problem(
                    f"{key}[{number}]", found, expected, "correct the place or the zone"
                )
