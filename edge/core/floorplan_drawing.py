"""The floor plan as one SVG: zones, shelves, receivers, stations, a scale bar, who is where.

Decides how a plan looks; shows counts of people, never persons. Leaves out files and pages.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from edge.core import polygons
from edge.core.floorplan import FloorPlan, Receiver, Shelf, Station, Zone

# Soft fill and the ink on it, by kind of zone. Ink on fill reaches 4.5 : 1 (WCAG 2.2, 1.4.3).
COLOURS: Mapping[str, tuple[str, str]] = {
    "entrance": ("#dcefe3", "#1d5135"),
    "department": ("#e9e6f4", "#3f3568"),
    "fitting_room": ("#f9e3e6", "#7a2b3a"),
    "till": ("#fbeccb", "#6b4a05"),
    "station": ("#d9ecf5", "#17506b"),
    "cafe": ("#f3e4d7", "#6a4021"),
}
# Departments differ by tint, so that neighbours can be told apart.
DEPARTMENT_FILLS = ("#e9e6f4", "#e3ecf6", "#e4f1ef", "#eeeee0", "#f3e7f0")
WORDS: Mapping[str, Mapping[str, str]] = {
    "de": {
        "title": "Grundriss",
        "receiver": "Empfänger",
        "station": "Anprobe-Station",
        "shelf": "Regal",
        "people": "anwesend",
    },
    "en": {
        "title": "Floor plan",
        "receiver": "Receiver",
        "station": "Try-on station",
        "shelf": "Shelf",
        "people": "present",
    },
}
FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"
PIXELS_PER_WIDTH = 1200
MARGIN_PX = 28.0
LEGEND_PX = 64.0
LARGEST_LETTER_PX = 19.0
SMALLEST_LETTER_PX = 9.0
# Mean advance of a letter of a sans-serif face, in its size; only to fit names into zones.
LETTER_WIDTH = 0.58
BADGE_PX = 34.0


def draw_svg(
    plan: FloorPlan, occupancy: Mapping[str, int] | None = None, language: str = "de"
) -> str:
    """Draw a plan.

    Args:
        plan: A valid plan.
        occupancy: People present by zone id; None draws none.
        language: `de` or `en`.

    Returns:
        A complete SVG document, the same bytes for the same arguments.
    """
    scale = (PIXELS_PER_WIDTH - 2 * MARGIN_PX) / plan.width_m
    height_px = plan.height_m * scale + 2 * MARGIN_PX + LEGEND_PX
    words = WORDS[language]
    counts = occupancy or {}
    obstacles = _obstacles(plan, scale)
    body = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {PIXELS_PER_WIDTH} {height_px:.0f}" '
        f'role="img" font-family="{FONT}">',
        f"<title>{words['title']}</title>",
        '<rect width="100%" height="100%" fill="#fbfaf8"/>',
        f'<g transform="translate({MARGIN_PX:g} {MARGIN_PX:g})">',
        *_floor(plan, scale),
        *(_zone(zone, number, scale) for number, zone in enumerate(plan.zones)),
        *(_shelf(shelf, scale) for shelf in plan.shelves),
        *(_shelf_sign(shelf, scale) for shelf in plan.shelves),
        *(_receiver(receiver, scale) for receiver in plan.receivers),
        *(_station(station, scale) for station in plan.stations),
        *(
            _name(zone, zone.name[language], counts.get(zone.id, 0), obstacles, words, scale)
            for zone in plan.zones
        ),
        "</g>",
        *_legend(plan, words, scale),
        "</svg>",
    ]
    return "\n".join(line for line in body if line) + "\n"


def _floor(plan: FloorPlan, scale: float) -> list[str]:
    size = f'width="{plan.width_m * scale:.1f}" height="{plan.height_m * scale:.1f}"'
    return [f'<rect {size} rx="6" fill="#ffffff" stroke="#4a4744" stroke-width="3"/>']


def _zone(zone: Zone, number: int, scale: float) -> str:
    fill, ink = COLOURS[zone.kind]
    if zone.kind == "department":
        fill = DEPARTMENT_FILLS[number % len(DEPARTMENT_FILLS)]
    corners = " ".join(f"{x * scale:.1f},{y * scale:.1f}" for x, y in zone.polygon)
    return (
        f'<polygon id="zone-{escape(zone.id)}" points="{corners}" fill="{fill}" '
        f'stroke="{ink}" stroke-opacity=".35" stroke-width="1.2" stroke-linejoin="round"/>'
    )


def _shelf(shelf: Shelf, scale: float) -> str:
    return (
        f'<rect x="{shelf.x_m * scale:.1f}" y="{shelf.y_m * scale:.1f}" '
        f'width="{shelf.width_m * scale:.1f}" height="{shelf.depth_m * scale:.1f}" rx="2" '
        f'fill="#ffffff" fill-opacity=".75" stroke="#8b8580" stroke-width=".8">'
        f"<title>{escape(shelf.aisle)}</title></rect>"
    )


def _shelf_sign(shelf: Shelf, scale: float) -> str:
    wide, high = shelf.width_m * scale, shelf.depth_m * scale
    letter = min(0.7 * min(wide, high), 11.0)
    if letter < 7 or max(wide, high) < len(shelf.aisle) * letter * LETTER_WIDTH + 16:
        return ""
    # At the near end of the shelf, where no receiver hangs over it.
    inset = len(shelf.aisle) * letter * LETTER_WIDTH / 2 + 8
    x, y = shelf.x_m * scale + wide / 2, shelf.y_m * scale + high / 2
    x, y = (x, shelf.y_m * scale + inset) if high > wide else (shelf.x_m * scale + inset, y)
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if high > wide else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{letter:.1f}" fill="#6f6a66" '
        f'text-anchor="middle" dominant-baseline="central"{turn}>{escape(shelf.aisle)}</text>'
    )


@dataclass(frozen=True, slots=True)
class _Box:
    """A rectangle on the drawing, in pixels; `weight` is how much a name should avoid it."""

    left: float
    top: float
    right: float
    bottom: float
    weight: float = 1.0

    def overlaps(self, other: "_Box") -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def _obstacles(plan: FloorPlan, scale: float) -> list[_Box]:
    points = [(one.x_m * scale, one.y_m * scale) for one in plan.receivers]
    points += [(one.x_m * scale, one.y_m * scale) for one in plan.stations]
    shelves = [
        _Box(
            shelf.x_m * scale,
            shelf.y_m * scale,
            (shelf.x_m + shelf.width_m) * scale,
            (shelf.y_m + shelf.depth_m) * scale,
        )
        for shelf in plan.shelves
    ]
    return shelves + [_Box(x - 10, y - 10, x + 10, y + 10, weight=4) for x, y in points]


def _name(
    zone: Zone, text: str, count: int, obstacles: list[_Box], words: Mapping[str, str], scale: float
) -> str:
    """Write a zone's name, and how many are there, where it covers least."""
    xs, ys = zip(*zone.polygon, strict=True)
    wide = (max(xs) - min(xs)) * scale
    room = 0.9 * wide - (BADGE_PX if count else 0)
    letter = max(SMALLEST_LETTER_PX, min(LARGEST_LETTER_PX, room / (len(text) * LETTER_WIDTH)))
    half = len(text) * LETTER_WIDTH * letter / 2 + (BADGE_PX / 2 if count else 0)
    middle = polygons.centre(zone.polygon)
    choices = [
        (x, min(ys) + (max(ys) - min(ys)) * step / 40)
        for x in dict.fromkeys((middle[0], (min(xs) + max(xs)) / 2))
        for step in range(2, 39)
    ]

    def cost(at: tuple[float, float]) -> tuple[float, float]:
        x, y = at[0] * scale, at[1] * scale
        box = _Box(x - half, y - 0.7 * letter, x + half, y + 0.7 * letter)
        corners = [(box.left, box.top), (box.right, box.top), (box.left, box.bottom)]
        outside = sum(not polygons.contains(zone.polygon, a / scale, b / scale) for a, b in corners)
        covered = sum(one.weight for one in obstacles if one.overlaps(box))
        return 10 * outside + covered, abs(at[1] - middle[1])

    x_m, y_m = min(choices, key=cost)
    x, y = x_m * scale, y_m * scale
    ink = COLOURS[zone.kind][1]
    shift = BADGE_PX / 2 if count else 0
    return (
        f'<text x="{x - shift:.1f}" y="{y:.1f}" font-size="{letter:.1f}" font-weight="600" '
        f'fill="{ink}" text-anchor="middle" dominant-baseline="central" paint-order="stroke" '
        f'stroke="#ffffff" stroke-opacity=".8" stroke-width="3">{escape(text)}</text>'
    ) + (_people(count, words["people"], ink, x + half - BADGE_PX / 2 + 4, y) if count else "")


def _people(count: int, word: str, ink: str, x: float, y: float) -> str:
    return (
        f'<g><title>{count} {word}</title><circle cx="{x:.1f}" cy="{y:.1f}" r="12" fill="{ink}"/>'
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="13" font-weight="700" fill="#ffffff" '
        f'text-anchor="middle" dominant-baseline="central">{count}</text></g>'
    )


def _receiver(receiver: Receiver, scale: float) -> str:
    x, y = receiver.x_m * scale, receiver.y_m * scale
    return (
        f'<g fill="none" stroke="#2f6f8f" stroke-width="1.4" stroke-linecap="round">'
        f"<title>{escape(receiver.gateway)}</title>"
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#2f6f8f" stroke="none"/>'
        f'<path d="M{x - 6:.1f} {y - 5:.1f}a8 8 0 0 0 0 10'
        f'M{x + 6:.1f} {y - 5:.1f}a8 8 0 0 1 0 10"/>'
        "</g>"
    )


def _station(station: Station, scale: float) -> str:
    x, y = station.x_m * scale, station.y_m * scale
    return (
        f'<g><title>{escape(station.id)}</title><rect x="{x - 7:.1f}" y="{y - 7:.1f}" width="14" '
        'height="14" rx="3" fill="#17506b" stroke="#ffffff" stroke-width="1.5"/></g>'
    )


def _legend(plan: FloorPlan, words: Mapping[str, str], scale: float) -> list[str]:
    top = plan.height_m * scale + MARGIN_PX + LEGEND_PX / 2 + 8
    metres = next(step for step in (50, 20, 10, 5, 2, 1) if step <= max(1.0, plan.width_m / 4))
    bar = metres * scale
    right = PIXELS_PER_WIDTH - MARGIN_PX
    return [
        '<g font-size="14" fill="#4a4744" dominant-baseline="central">',
        f'<g transform="translate({MARGIN_PX + 8:g} {top:.1f})">',
        _receiver(Receiver(words["receiver"], "", 0, 0, 0), 1),
        f'<text x="16" y="0">{words["receiver"]}</text>',
        _station(Station(words["station"], "", 150, 0), 1),
        f'<text x="166" y="0">{words["station"]}</text>',
        _shelf(Shelf(words["shelf"], "", 330, -6, 26, 12), 1),
        f'<text x="366" y="0">{words["shelf"]}</text>',
        "</g>",
        f'<path d="M{right - bar:.1f} {top - 5:.1f}v10h{bar:.1f}v-10" fill="none" '
        'stroke="#4a4744" stroke-width="1.6"/>',
        f'<text x="{right - bar - 10:.1f}" y="{top:.1f}" text-anchor="end">{metres} m</text>',
        "</g>",
    ]
