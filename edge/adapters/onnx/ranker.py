"""Load a ranker bundle and score candidates with ONNX Runtime, one thread.

Decides whether a bundle may be used at all: every file's sha256, the feature schema, the overlap
of its items with the catalogue. Leaves out what happens without one: the caller keeps its last
good bundle, then popularity. Nothing here waits; a scoring takes about 0.1 ms.
"""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from edge.core.errors import TrustError, UnavailableError
from edge.core.features import FEATURE_NAMES, SCHEMA_HASH
from edge.core.history import Floats, Ints
from edge.core.item_tables import ItemTables, unpacked
from edge.core.ranking import Calibration

BUNDLE_SCHEMA = "stammgast.ranker.v1"
MIN_OVERLAP = 0.5
"""Least share of the catalogue that a bundle must know; below, it was made for another store."""
MAX_FILE_BYTES = 64 * 2**20


class OnnxRanker:
    """The ranker port over one ONNX session.

    Args:
        model: The graph's bytes.
        rows: int64[catalogue items], the model's row of each item.
        calibration: From logit to probability.
    """

    def __init__(self, model: bytes, rows: npt.NDArray[np.int64], calibration: Calibration) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )
        self._rows = rows
        self._calibration = calibration

    def logits(self, features: Floats, items: Ints, person: Floats) -> Floats:
        """Return the raw scores, float32[n]; arguments as in `score`.

        Raises:
            UnavailableError: The runtime failed.
        """
        feed = {
            "features": features,
            "items": self._rows[items],
            "person": person.reshape(-1, person.shape[-1]),
        }
        try:
            logit: Floats = self._session.run(None, feed)[0]
        except Exception as error:  # onnxruntime raises its own and plain RuntimeErrors
            raise UnavailableError(f"the ranker could not score: {error}") from error
        return logit

    def score(self, features: Floats, items: Ints, person: Floats) -> Floats:
        """Return calibrated probabilities, float32[n].

        Args:
            features: float32[n, F], from `edge.core.features`.
            items: int32[n], catalogue indexes.
            person: float32[d], or float32[n, d] when rows differ in what is known of the person.

        Raises:
            UnavailableError: The runtime failed.
        """
        return self._calibration(self.logits(features, items, person))


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle, its tables in the catalogue's item order.

    Args:
        ranker: Scores candidates.
        tables: Over the catalogue's items.
        version: First 12 hex digits of the manifest's sha256, for the decision log.
        overlap: Share of the catalogue's items that the bundle knows.
        metrics: What training measured.
    """

    ranker: OnnxRanker
    tables: ItemTables
    version: str
    overlap: float
    metrics: Mapping[str, Any]


def load_bundle(path: Path, item_ids: Sequence[str]) -> Bundle:
    """Verify and load a bundle for a catalogue.

    Args:
        path: The bundle's folder.
        item_ids: The catalogue's items; their order becomes the item index.

    Raises:
        TrustError: A file does not match the manifest, the feature schema is another one, or
            the bundle knows too few of the catalogue's items.
        UnavailableError: There is no bundle at this path.
    """
    manifest_bytes = _read(path, "manifest.json")
    files = _verified(path, _manifest(manifest_bytes))
    try:
        ids = json.loads(files["items.json"])
        tables = _tables(files["tables.npz"])
        points = json.loads(files["calibration.json"])
        calibration = Calibration(
            np.array(points["logit"], np.float32), np.array(points["probability"], np.float32)
        )
        metrics = json.loads(files["metrics.json"])
    except (KeyError, ValueError, TypeError) as error:
        raise TrustError(
            f"bundle file cannot be read: {error!r}; build the bundle again"
        ) from error
    rows, overlap = _rows(ids, item_ids)
    if overlap < MIN_OVERLAP:
        raise TrustError(
            f"bundle made for another catalogue: it knows {overlap:.0%} of {len(item_ids)} items, "
            f"at least {MIN_OVERLAP:.0%} are expected; train on this store's receipts"
        )
    version = hashlib.sha256(manifest_bytes).hexdigest()[:12]
    ranker = OnnxRanker(files["model.onnx"], np.where(rows < 0, len(ids), rows), calibration)
    return Bundle(ranker, tables.aligned(rows), version, overlap, metrics)


def _read(path: Path, name: str) -> bytes:
    try:
        content = (path / name).read_bytes()
    except OSError as error:
        raise UnavailableError(
            f"no {name} in the bundle {path}; train one or copy it whole"
        ) from error
    if len(content) > MAX_FILE_BYTES:
        raise TrustError(f"bundle file {name} has {len(content)} bytes, over {MAX_FILE_BYTES}")
    return content


def _manifest(content: bytes) -> dict[str, Any]:
    """Read the manifest and refuse other formats and other feature schemas."""
    try:
        manifest = json.loads(content)
        schema, hash_, files = manifest["schema"], manifest["features"], manifest["files"]
    except (KeyError, ValueError, TypeError) as error:
        raise TrustError(f"bundle manifest cannot be read: {error!r}") from error
    if schema != BUNDLE_SCHEMA:
        raise TrustError(f"bundle format {schema!r} is unknown, {BUNDLE_SCHEMA!r} is expected")
    if hash_ != SCHEMA_HASH:
        raise TrustError(
            f"feature schema {str(hash_)[:12]} is unknown, this box computes {SCHEMA_HASH[:12]} "
            f"({len(FEATURE_NAMES)} features); train with this version of the software"
        )
    if not isinstance(files, dict):
        raise TrustError("bundle manifest lists no files")
    return dict(manifest)


def _verified(path: Path, manifest: Mapping[str, Any]) -> dict[str, bytes]:
    """Read every file the box needs, each held against its hash."""
    needed = (
        "model.onnx",
        "tables.npz",
        "items.json",
        "features.json",
        "calibration.json",
        "metrics.json",
    )
    files = {}
    for name in needed:
        if name not in manifest["files"]:
            raise TrustError(f"bundle manifest lacks {name}")
        files[name] = _read(path, name)
        found = hashlib.sha256(files[name]).hexdigest()
        expected = manifest["files"][name].get("sha256")
        if found != expected:
            raise TrustError(f"bundle file {name} has sha256 {found[:12]}, not {expected!s:.12}")
    return files


def _tables(content: bytes) -> ItemTables:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return unpacked(arrays)


def _rows(ids: Sequence[str], item_ids: Sequence[str]) -> tuple[npt.NDArray[np.int64], float]:
    """Return the bundle's row of each catalogue item (-1 unknown) and the share that is known."""
    row = {item: number for number, item in enumerate(ids)}
    rows = np.array([row.get(item, -1) for item in item_ids], np.int64)
    return rows, float((rows >= 0).mean()) if rows.size else 0.0
