"""The floor plan as one SVG: zones, shelves, receivers, stations, a scale bar, who is where.

Decides how a plan looks; shows counts of people, never persons. Leaves out files and pages.
"""

from collections.abc import Mapping
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
LETTER_WIDTH = 0.56


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
    body = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {PIXELS_PER_WIDTH} {height_px:.0f}" '
        f'role="img" font-family="{FONT}">',
        f"<title>{words['title']}</title>",
        '<rect width="100%" height="100%" fill="#fbfaf8"/>',
        f'<g transform="translate({MARGIN_PX:g} {MARGIN_PX:g})">',
        *_floor(plan, scale),
        *(_zone(zone, number, scale) for number, zone in enumerate(plan.zones)),
        *(_shelf(shelf, scale) for shelf in plan.shelves),
        *(_name(zone, language, scale) for zone in plan.zones),
        *(_receiver(receiver, scale) for receiver in plan.receivers),
        *(_station(station, scale) for station in plan.stations),
        *(_people(zone, occupancy or {}, words["people"], scale) for zone in plan.zones),
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


def _name(zone: Zone, language: str, scale: float) -> str:
    text = zone.name[language]
    x, y = polygons.centre(zone.polygon)
    if not polygons.contains(zone.polygon, x, y):
        x, y = zone.polygon[0]
    wide = (max(p[0] for p in zone.polygon) - min(p[0] for p in zone.polygon)) * scale
    high = (max(p[1] for p in zone.polygon) - min(p[1] for p in zone.polygon)) * scale
    along, across = max(wide, high), min(wide, high)
    is_upright = high > wide and len(text) * LETTER_WIDTH * SMALLEST_LETTER_PX * 1.4 > wide
    room = along if is_upright else wide
    limit = (wide if is_upright else high) * 0.6
    letter = min(LARGEST_LETTER_PX, limit, 0.9 * room / (len(text) * LETTER_WIDTH))
    letter = max(SMALLEST_LETTER_PX, min(letter, max(across, SMALLEST_LETTER_PX)))
    turn = f' transform="rotate(-90 {x * scale:.1f} {y * scale:.1f})"' if is_upright else ""
    return (
        f'<text x="{x * scale:.1f}" y="{y * scale:.1f}" font-size="{letter:.1f}" '
        f'font-weight="600" fill="{COLOURS[zone.kind][1]}" text-anchor="middle" '
        f'dominant-baseline="central" paint-order="stroke" stroke="#ffffff" '
        f'stroke-opacity=".8" stroke-width="3"{turn}>{escape(text)}</text>'
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


def _people(zone: Zone, occupancy: Mapping[str, int], word: str, scale: float) -> str:
    count = occupancy.get(zone.id, 0)
    if count == 0:
        return ""
    x, y = polygons.centre(zone.polygon)
    x, y = x * scale, y * scale + LARGEST_LETTER_PX * 1.4
    return (
        f'<g><title>{count} {word}</title><circle cx="{x:.1f}" cy="{y:.1f}" r="13" '
        f'fill="{COLOURS[zone.kind][1]}"/><text x="{x:.1f}" y="{y:.1f}" font-size="14" '
        f'font-weight="700" fill="#ffffff" text-anchor="middle" dominant-baseline="central">'
        f"{count}</text></g>"
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
