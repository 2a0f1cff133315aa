"""Pictures of the items, drawn by code: one SVG per item, flat and consistent.

Each kind of drawing is a function of the item's colour, its model and a little chance of its own.
All share one canvas (96 × 96), one light (from the upper left) and a soft background in a tint of
the item's colour; see `pen`.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from simulator.assortment import departments
from simulator.catalog import Item
from simulator.chance import stream
from simulator.palette import COLOURS
from simulator.pictures import (
    beauty,
    garments,
    home,
    kitchen,
    outdoor,
    packs,
    shelf,
    shoes,
    undergarments,
    wear,
)
from simulator.pictures.pen import Pen

DRAWINGS: dict[str, Callable[[Pen], None]] = {
    **garments.DRAWINGS,
    **undergarments.DRAWINGS,
    **shoes.DRAWINGS,
    **wear.DRAWINGS,
    **beauty.DRAWINGS,
    **packs.DRAWINGS,
    **kitchen.DRAWINGS,
    **home.DRAWINGS,
    **outdoor.DRAWINGS,
    **shelf.DRAWINGS,
}

_BACKDROP_OF = {
    brand: number for department in departments() for number, brand in enumerate(department.brands)
}


def write(folder: Path, items: Iterable[Item]) -> None:
    """Write `<item_id>.svg` for every item."""
    folder.mkdir(parents=True, exist_ok=True)
    for item in items:
        (folder / f"{item.item_id}.svg").write_text(draw(item), encoding="utf-8")


def draw(item: Item) -> str:
    """Return the picture of an item."""
    # An item looks the same in every store that sells it: its id alone seeds its chance.
    rng = stream(0, "picture", item.item_id)
    pen = Pen(COLOURS[item.colour].rgb, item.style, rng, _BACKDROP_OF[item.brand])
    DRAWINGS[item.drawing](pen)
    return pen.svg()
