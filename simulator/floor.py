"""The floor plan: one storey of 40 × 28 m, its departments, shelves, receivers and stations.

Metres from the north-west corner, x to the east, y to the south; the entrance is in the south.
Receivers of five gateway families are mixed on purpose, as stores that grew over years have them.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

Point = tuple[float, float]
WIDTH_M = 40.0
HEIGHT_M = 28.0
RECEIVER_HEIGHT_M = 2.8


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of the floor; `polygon` in metres, corners in order."""

    zone_id: str
    de: str
    en: str
    kind: str
    polygon: tuple[Point, ...]
    shelves: int = 0


def _box(x: float, y: float, width: float, depth: float) -> tuple[Point, ...]:
    return ((x, y), (x + width, y), (x + width, y + depth), (x, y + depth))


ZONES = (
    Zone("household", "Haushalt & Küche", "Kitchen", "department", _box(0, 0, 11, 12), 6),
    Zone("home", "Wohnen", "Home", "department", _box(11, 0, 7, 12), 4),
    Zone("men", "Herren", "Men", "department", _box(18, 0, 8, 12), 4),
    Zone("fitting", "Anprobe", "Fitting rooms", "fitting_room", _box(26, 0, 5, 5)),
    Zone(
        "women",
        "Damen",
        "Women",
        "department",
        ((26, 5), (31, 5), (31, 0), (40, 0), (40, 12), (26, 12)),
        5,
    ),
    Zone("sport", "Sport", "Sport", "department", _box(0, 12, 11, 10), 5),
    Zone("shoes", "Schuhe & Accessoires", "Shoes and accessories", "department",
         _box(11, 12, 7, 10), 4),
    Zone("beauty", "Parfümerie", "Beauty", "department", _box(18, 12, 9, 10), 4),
    Zone("drugstore", "Drogerie", "Drugstore", "department", _box(27, 12, 7, 10), 4),
    Zone("kids", "Kinder", "Kids", "department", _box(34, 12, 6, 10), 2),
    Zone("cafe", "Café", "Café", "cafe", _box(0, 22, 9, 6)),
    Zone("station", "Anprobe-Spiegel", "Try-on mirror", "station", _box(9, 22, 7, 6)),
    Zone("entrance", "Eingang", "Entrance", "entrance", _box(16, 22, 8, 6)),
    Zone("till", "Kassen", "Tills", "till", _box(24, 22, 9, 6)),
    Zone("books", "Bücher & Papier", "Books and paper", "department", _box(33, 22, 7, 6), 2),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Receiver:
    """A BLE gateway: the name it gives itself on the wire, its family and its place."""

    gateway: str
    family: str
    zone: str
    x_m: float
    y_m: float


RECEIVERS = (
    Receiver("haushalt", "espresense", "household", 5.5, 6.0),
    Receiver("wohnen", "espresense", "home", 14.5, 6.0),
    Receiver("herren", "espresense", "men", 22.0, 6.0),
    Receiver("anprobe", "espresense", "fitting", 28.5, 2.5),
    Receiver("OMG_Damen", "openmqttgateway", "women", 33.5, 8.5),
    Receiver("OMG_Damen_Ost", "openmqttgateway", "women", 37.5, 3.0),
    Receiver("OMG_Sport", "openmqttgateway", "sport", 5.5, 17.0),
    Receiver("TheengsSchuhe", "theengs", "shoes", 14.5, 17.0),
    Receiver("TheengsKinder", "theengs", "kids", 37.0, 17.0),
    Receiver("TheengsCafe", "theengs", "cafe", 4.5, 25.0),
    Receiver("AC233FC04A11", "minew", "beauty", 22.5, 17.0),
    Receiver("AC233FC04A12", "minew", "drugstore", 30.5, 17.0),
    Receiver("AC233FC04A13", "minew", "entrance", 20.0, 25.5),
    Receiver("C8:25:2D:8E:9C:01", "ruuvi", "till", 28.5, 25.0),
    Receiver("C8:25:2D:8E:9C:02", "ruuvi", "station", 12.5, 25.0),
    Receiver("C8:25:2D:8E:9C:03", "ruuvi", "books", 36.5, 25.0),
)
FAMILIES = ("espresense", "openmqttgateway", "theengs", "minew", "ruuvi")

STATIONS = ({"id": "station-1", "zone": "station", "x_m": 12.5, "y_m": 24.0},)


@dataclass(frozen=True, slots=True)
class Shelf:
    """A row of shelves; `aisle` is what its sign says."""

    aisle: str
    zone: str
    x_m: float
    y_m: float
    width_m: float
    depth_m: float


def centre(polygon: Iterable[Point]) -> Point:
    """Return the mean of a polygon's corners, inside for the shapes used here."""
    corners = list(polygon)
    return (
        sum(x for x, _ in corners) / len(corners),
        sum(y for _, y in corners) / len(corners),
    )


@cache
def shelves() -> tuple[Shelf, ...]:
    """Return every shelf row with its aisle, numbered through the floor."""
    rows: list[Shelf] = []
    for zone in ZONES:
        x_low = min(x for x, _ in zone.polygon) + 1.0
        x_high = max(x for x, _ in zone.polygon) - 1.0
        y_low = max(y for _, y in zone.polygon[:2]) + 1.2  # below the L's inner corner
        y_high = max(y for _, y in zone.polygon) - 1.2
        for row in range(zone.shelves):
            step_m = (x_high - x_low) / zone.shelves
            aisle = f"EG {len(rows) + 1:02d}"
            x_m = x_low + step_m * (row + 0.5) - 0.4
            rows.append(Shelf(aisle, zone.zone_id, round(x_m, 2), y_low, 0.8, y_high - y_low))
    return tuple(rows)


def place_in(zone_id: str, rng: random.Random) -> Point:
    """Return somewhere in a zone, a step away from its borders."""
    zone = next(zone for zone in ZONES if zone.zone_id == zone_id)
    if len(zone.polygon) > 4:
        return place_at(next(s.aisle for s in shelves() if s.zone == zone_id), rng)
    (x_low, y_low), _, (x_high, y_high), _ = zone.polygon
    return rng.uniform(x_low + 0.8, x_high - 0.8), rng.uniform(y_low + 0.8, y_high - 0.8)


def place_at(aisle: str, rng: random.Random) -> Point:
    """Return somewhere in front of a shelf row."""
    shelf = next(shelf for shelf in shelves() if shelf.aisle == aisle)
    side_m = rng.uniform(0.3, 0.7)
    x_m = shelf.x_m + shelf.width_m + side_m if rng.random() < 0.5 else shelf.x_m - side_m
    return x_m, rng.uniform(shelf.y_m, shelf.y_m + shelf.depth_m)


@cache
def fixed_beacons() -> tuple[tuple[str, Point], ...]:
    """Return the store's own beacons, which customers' apps hear: id and place."""
    return tuple(
        (f"iBeacon:8d5f7b1e-0c1a-4d6e-9b54-3f6d2a7c1e90-1-{number}", centre(zone.polygon))
        for number, zone in enumerate(ZONES, start=1)
        if zone.kind in ("department", "entrance")
    )


def zone_of(place: Point) -> str:
    """Return the zone that holds a place of a fixed beacon."""
    return next(zone.zone_id for zone in ZONES if centre(zone.polygon) == place)


def to_json() -> dict[str, Any]:
    """Return the floor plan file."""
    return {
        "schema": "stammgast.floorplan.v1",
        "width_m": WIDTH_M,
        "height_m": HEIGHT_M,
        "zones": [
            {
                "id": zone.zone_id,
                "name": {"de": zone.de, "en": zone.en},
                "kind": zone.kind,
                "polygon": [list(corner) for corner in zone.polygon],
            }
            for zone in ZONES
        ],
        "receivers": [
            {
                "gateway": r.gateway,
                "family": r.family,
                "zone": r.zone,
                "x_m": r.x_m,
                "y_m": r.y_m,
                "z_m": RECEIVER_HEIGHT_M,
            }
            for r in RECEIVERS
        ],
        "stations": [dict(station) for station in STATIONS],
        "shelves": [
            {
                "aisle": s.aisle,
                "zone": s.zone,
                "x_m": s.x_m,
                "y_m": s.y_m,
                "width_m": s.width_m,
                "depth_m": round(s.depth_m, 2),
            }
            for s in shelves()
        ],
        "fixed_beacons": [
            {"beacon": beacon, "zone": zone_of(at), "x_m": round(at[0], 2), "y_m": round(at[1], 2)}
            for beacon, at in fixed_beacons()
        ],
    }
