"""The assortment of the simulated store: one TOML file per department, read as plain records.

Keys of a `[[class]]` (a substitute class: goods that replace each other):
    id, name [de, en], category, zone, kind, interval_days, price [low, high] in euros, count,
    colours and models (their products are the items), drawing (the picture's kind), sizes and
    shades (systems of `palette`), complements (class ids), care [de, en], season, audience,
    bulky, sensitive, age_min, series (titles; `models` are then the volumes),
    plain_names (the model is the whole name: colours only paint the pack).
The brands of a file state their price level, 0 (cheap) to 1 (dear).
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEPARTMENTS = ("fashion", "beauty", "sport", "household", "paper")


@dataclass(frozen=True, slots=True)
class Department:
    """One TOML file: brand levels, product line names and class records."""

    name: str
    zones: tuple[str, ...]
    brands: dict[str, float]
    lines: tuple[str, ...]
    classes: tuple[dict[str, Any], ...]


def departments() -> list[Department]:
    """Read every department of the assortment, in a fixed order."""
    return [_department(name) for name in DEPARTMENTS]


def _department(name: str) -> Department:
    record = tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text(encoding="utf-8"))
    return Department(
        name=name,
        zones=tuple(record["zones"]),
        brands=record["brands"],
        lines=tuple(record["lines"]["names"]),
        classes=tuple(record["class"]),
    )
