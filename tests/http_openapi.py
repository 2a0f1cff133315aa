"""The OpenAPI document of the box: `python -m tests.http_openapi` writes `docs/openapi.json`."""

import json
from pathlib import Path

from edge.adapters.http.app import create_app
from edge.adapters.http.hub import Hub
from edge.core.board import Board, StoreSign
from tests.http_box import Figures, House, Listening, Members

DOCUMENT = Path(__file__).parents[1] / "docs" / "openapi.json"


def document() -> str:
    """Return the document of an application with all its pages."""
    hub = Hub(Board(StoreSign("store")).frame, lambda: 0.0, "e")
    members = Members()
    app = create_app(
        hub=hub,
        path=Listening(),
        operations=Figures(),
        desk=members,
        notices=members,
        rules=House(),
    )
    return json.dumps(app.openapi(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
