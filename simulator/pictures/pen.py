"""The drawing tools all pictures share: tones of one colour, simple shapes, one light.

Light falls from the upper left, so the right half of a symmetric thing is a shade darker. There
are no outlines; details are strokes in the deep tone.
"""

import colorsys
import random
from collections.abc import Iterator
from contextlib import contextmanager

SIZE = 96
MIDDLE = SIZE / 2
PAPER = "#f5f1ea"
INK = "#241f2e"
WHITE = "#ffffff"
METAL = "#c3c9d1"
STEEL = "#8d96a3"
WOOD = "#c9a06d"
WOOD_DARK = "#a67c4c"
GOLD = "#d9b25f"
GLASS = "#dbe7ec"
# Second colours for stripes, labels and trims; they sit well beside every colour of the palette.
ACCENTS = ("#e8c468", "#d9694f", "#3f6c8f", "#7fa38a", "#b6a1cf", "#efe6d6")


def mix(a: str, b: str, share: float) -> str:
    """Return colour `a` with a share (0..1) of `b` in it; both as #rrggbb."""
    parts = (
        round(int(a[i : i + 2], 16) * (1 - share) + int(b[i : i + 2], 16) * share)
        for i in (1, 3, 5)
    )
    return "#" + "".join(f"{part:02x}" for part in parts)


def lightness(rgb: str) -> float:
    """Return the HLS lightness of a colour, 0..1."""
    red, green, blue = (int(rgb[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return colorsys.rgb_to_hls(red, green, blue)[1]


class Pen:
    """Draws one picture.

    Args:
        rgb: The item's colour.
        style: Number of the item's model in its class; drawings differ by it.
        rng: The item's own chance, for small differences.
        backdrop: Which wall stands behind; every brand has its own.
    """

    def __init__(self, rgb: str, style: int, rng: random.Random, backdrop: int = 0) -> None:
        self.style, self.rng, self._backdrop = style, rng, backdrop
        self.base = rgb
        self.light = mix(rgb, WHITE, 0.32)
        self.pale = mix(rgb, WHITE, 0.68)
        self.shade = mix(rgb, INK, 0.13 if lightness(rgb) < 0.8 else 0.08)
        self.dark = mix(rgb, INK, 0.3)
        self.deep = mix(rgb, INK, 0.5 if lightness(rgb) > 0.3 else 0.62)
        # A detail stroke that shows on the base, whether that is light or dark.
        self.line = self.dark if lightness(rgb) > 0.34 else mix(rgb, WHITE, 0.34)
        fitting = [a for a in ACCENTS if abs(lightness(a) - lightness(rgb)) > 0.12]
        self.accent = rng.choice(fitting or list(ACCENTS))
        self._parts: list[str] = []

    def path(self, d: str, fill: str, opacity: float = 1.0) -> None:
        """Fill a path."""
        self._parts.append(f'<path d="{d}" fill="{fill}"{_opacity(opacity)}/>')

    def stroke(self, d: str, colour: str, width: float = 1.6, opacity: float = 1.0) -> None:
        """Draw a line with round ends."""
        self._parts.append(
            f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{width:g}"'
            f' stroke-linecap="round" stroke-linejoin="round"{_opacity(opacity)}/>'
        )

    def rect(
        self, x: float, y: float, w: float, h: float, fill: str, rx: float = 0.0, opacity: float = 1
    ) -> None:
        """Fill a rectangle with round corners."""
        self._parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="{rx:g}"'
            f' fill="{fill}"{_opacity(opacity)}/>'
        )

    def circle(self, x: float, y: float, r: float, fill: str, opacity: float = 1.0) -> None:
        """Fill a circle."""
        self._parts.append(
            f'<circle cx="{x:g}" cy="{y:g}" r="{r:g}" fill="{fill}"{_opacity(opacity)}/>'
        )

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, fill: str, opacity: float = 1.0
    ) -> None:
        """Fill an ellipse."""
        self._parts.append(
            f'<ellipse cx="{x:g}" cy="{y:g}" rx="{rx:g}" ry="{ry:g}"'
            f' fill="{fill}"{_opacity(opacity)}/>'
        )

    def ring(self, x: float, y: float, r: float, colour: str, width: float) -> None:
        """Draw a circle's line."""
        self._parts.append(
            f'<circle cx="{x:g}" cy="{y:g}" r="{r:g}" fill="none" stroke="{colour}"'
            f' stroke-width="{width:g}"/>'
        )

    def oval(self, x: float, y: float, rx: float, ry: float, colour: str, width: float) -> None:
        """Draw an ellipse's line."""
        self._parts.append(
            f'<ellipse cx="{x:g}" cy="{y:g}" rx="{rx:g}" ry="{ry:g}" fill="none"'
            f' stroke="{colour}" stroke-width="{width:g}"/>'
        )

    def halves(self, d: str, left: str | None = None, right: str | None = None) -> None:
        """Fill a left half and its mirror image, which lies in the shade."""
        self.path(d, left or self.base)
        with self.mirrored():
            self.path(d, right or self.shade)

    def twin(self, d: str, fill: str) -> None:
        """Fill a path and its mirror image alike."""
        self.path(d, fill)
        with self.mirrored():
            self.path(d, fill)

    def twin_stroke(self, d: str, colour: str, width: float = 1.6) -> None:
        """Draw a line and its mirror image."""
        self.stroke(d, colour, width)
        with self.mirrored():
            self.stroke(d, colour, width)

    def bottle(self, x: float, y: float, w: float, h: float, fill: str, rx: float) -> None:
        """Fill a round body: light on its left, shade on its right."""
        self.rect(x, y, w, h, fill, rx)
        self.rect(x + w * 0.66, y, w * 0.34, h, mix(fill, INK, 0.12), min(rx, w * 0.17))
        self.rect(x + w * 0.12, y + 3, w * 0.1, h - 6, mix(fill, WHITE, 0.45), w * 0.05)

    def ground(self, half_width: float = 25.0, y: float = 83.0) -> None:
        """Put the soft shadow that everything stands on."""
        self.ellipse(MIDDLE, y, half_width, 3.2, INK, 0.13)

    def sprig(self, x: float, y: float, colour: str, scale: float = 1.0) -> None:
        """Draw the small leaves of a label."""
        self.stroke(f"M{x:g} {y + 6 * scale:g}V{y - 5 * scale:g}", colour, 1.2)
        for dy in (-3, 1):
            top = y + dy * scale
            self.ellipse(x - 2.8 * scale, top, 2.6 * scale, 1.4 * scale, colour)
            self.ellipse(x + 2.8 * scale, top, 2.6 * scale, 1.4 * scale, colour)

    @contextmanager
    def mirrored(self) -> Iterator[None]:
        """Mirror what is drawn inside at the middle line."""
        self._parts.append(f'<g transform="matrix(-1 0 0 1 {SIZE} 0)">')
        yield
        self._parts.append("</g>")

    @contextmanager
    def turned(self, degrees: float, x: float = MIDDLE, y: float = MIDDLE) -> Iterator[None]:
        """Turn what is drawn inside."""
        self._parts.append(f'<g transform="rotate({degrees:g} {x:g} {y:g})">')
        yield
        self._parts.append("</g>")

    @contextmanager
    def moved(self, dx: float, dy: float, scale: float = 1.0) -> Iterator[None]:
        """Move and scale what is drawn inside."""
        self._parts.append(f'<g transform="translate({dx:g} {dy:g}) scale({scale:g})">')
        yield
        self._parts.append("</g>")

    def svg(self) -> str:
        """Return the whole picture on its background."""
        wall, floor, far = _background(self.base)
        backdrop = BACKDROPS[self._backdrop % len(BACKDROPS)]
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}">'
            f'<rect width="{SIZE}" height="{SIZE}" rx="16" fill="{wall}"/>'
            + backdrop.format(floor=floor, far=far)
            + "".join(self._parts)
            + "</svg>\n"
        )


_FLOOR = '<path d="M0 {y}H96V80A16 16 0 0 1 80 96H16A16 16 0 0 1 0 80Z" fill="{{floor}}"/>'
# Walls and floors behind the goods; drawn before them, in two breaths of the item's colour.
BACKDROPS = (
    '<path d="M0 70Q48 62 96 70V80A16 16 0 0 1 80 96H16A16 16 0 0 1 0 80Z" fill="{floor}"/>',
    '<path d="M18 96V42A30 30 0 0 1 78 42V96Z" fill="{floor}"/>',
    '<circle cx="48" cy="46" r="37" fill="{floor}"/>',
    '<circle cx="70" cy="28" r="17" fill="{far}"/>' + _FLOOR.format(y=68),
    '<path d="M0 34L96 10V80A16 16 0 0 1 80 96H16A16 16 0 0 1 0 80Z" fill="{floor}"/>',
    '<rect x="11" y="9" width="74" height="66" rx="4" fill="{far}"/>' + _FLOOR.format(y=75),
    '<path d="M0 60Q24 40 52 58T96 48V80A16 16 0 0 1 80 96H16A16 16 0 0 1 0 80Z" fill="{floor}"/>',
)


def _background(rgb: str) -> tuple[str, str, str]:
    """Return wall, floor and distance: a breath of the item's colour, cooler behind pale things."""
    if lightness(rgb) > 0.86:
        return "#dfe5e6", "#d2dadc", "#d8dfe1"
    wall = mix(PAPER, rgb, 0.13 if lightness(rgb) > 0.4 else 0.1)
    return wall, mix(wall, rgb, 0.11), mix(wall, rgb, 0.06)


def _opacity(opacity: float) -> str:
    return "" if opacity == 1 else f' opacity="{opacity:g}"'
