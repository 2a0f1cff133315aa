"""Write the bundle a box loads: model, tables, item index, schema, calibration, manifest.

Decides the files and that the same inputs give the same bytes. Leaves out signing, the model
card (a file beside these) and reading, which is the box's (`edge.adapters.onnx.ranker`).
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge.core.features import FEATURE_NAMES, FEATURE_SOURCE, SCHEMA_HASH
from edge.core.item_tables import Arrays, ItemTables, packed
from edge.core.ranking import Calibration

BUNDLE_SCHEMA = "stammgast.ranker.v1"
LOADED = (
    *("model.onnx", "tables.npz", "items.json", "features.json", "calibration.json"),
    "metrics.json",
)
"""What the box reads of the ranker, besides the manifest."""
BESIDE = tuple(
    f"{model}.{kind}"
    for model in ("anonymous", "motive", "acceptance")
    for kind in ("onnx", "json", "npz")
)
"""What it reads of the models beside the ranker, where the bundle has them."""


def write(
    out: Path,
    model: bytes,
    tables: ItemTables,
    item_ids: Sequence[str],
    calibration: Calibration,
    metrics: Mapping[str, Any],
    extra: Mapping[str, bytes] | None = None,
) -> dict[str, Any]:
    """Write a bundle folder and return its manifest.

    Args:
        out: Folder, made when missing; files of the same names are replaced.
        model: The ONNX graph.
        tables: As the model was trained with, rounded by `packed` and `unpacked`.
        item_ids: The id of every row of the tables.
        calibration: From logit to probability.
        metrics: What was measured; JSON values.
        extra: Further files by name, such as a card; they are listed, the box ignores them.
    """
    files = {
        "model.onnx": model,
        "tables.npz": npz_bytes(packed(tables)),
        "items.json": _json(list(item_ids)),
        "features.json": _json(
            {
                "hash": SCHEMA_HASH,
                "names": FEATURE_NAMES,
                "sources": [source.value for source in FEATURE_SOURCE],
            }
        ),
        "calibration.json": _json(
            {
                "logit": [float(x) for x in calibration.logit],
                "probability": [float(x) for x in calibration.probability],
            }
        ),
        "metrics.json": _json(metrics),
        **(extra or {}),
    }
    manifest = {
        "schema": BUNDLE_SCHEMA,
        "features": SCHEMA_HASH,
        "items": len(item_ids),
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in sorted(files.items())
        },
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (out / name).write_bytes(content)
    (out / "manifest.json").write_bytes(_json(manifest))
    return manifest


def extend(out: Path, extra: Mapping[str, bytes]) -> dict[str, Any]:
    """Add files to a written bundle, or replace them, and list them in its manifest.

    Args:
        out: The bundle's folder.
        extra: Content by name: further models, the card, the page on data quality.

    Returns:
        The new manifest.
    """
    manifest: dict[str, Any] = json.loads((out / "manifest.json").read_bytes())
    for name, content in sorted(extra.items()):
        (out / name).write_bytes(content)
        manifest["files"][name] = {
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
        }
    (out / "manifest.json").write_bytes(_json(manifest))
    return manifest


def json_bytes(value: object) -> bytes:
    """Return the form in which a bundle keeps JSON: sorted, indented, one newline at the end."""
    return _json(value)


def loaded_bytes(out: Path) -> int:
    """Return the bytes of everything a box loads from a bundle, the manifest aside.

    The card states this size, and is listed in the manifest itself.
    """
    listed = json.loads((out / "manifest.json").read_bytes())["files"]
    return sum(int(listed[name]["bytes"]) for name in (*LOADED, *BESIDE) if name in listed)


def npz_bytes(arrays: Arrays) -> bytes:
    """Return a compressed .npz whose bytes depend on the arrays alone, not on the clock."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in sorted(arrays.items()):
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, member.getvalue())
    return buffer.getvalue()


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1).encode() + b"\n"
