"""Reading `floorplan.json`; what makes a plan valid is decided in `edge.core.floorplan`."""

from pathlib import Path
from typing import Any

from edge.adapters.files.catalog import read_json
from edge.core.floorplan import FloorPlan, floorplan_from


def read_floorplan(path: Path) -> FloorPlan:
    """Read and check a floor plan.

    Raises:
        ConfigError: With every problem found.
    """
    document: object = read_json(path, Any)
    return floorplan_from(document, path.name)
