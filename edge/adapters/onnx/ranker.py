"""Load a ranker bundle and score candidates with ONNX Runtime, one thread.

Decides whether a bundle may be used at all: the feature schema, whether graph, tables and item
index belong together, the overlap of its items with the catalogue. Leaves out the hashes of its
files (`edge.adapters.onnx.sealed`) and what happens without one: the caller keeps its last good
bundle, then popularity. Nothing here waits; a scoring takes about 0.1 ms.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from edge.adapters.onnx.sealed import Sealed, understood
from edge.core.errors import TrustError, UnavailableError
from edge.core.features import FEATURE_NAMES, SCHEMA_HASH
from edge.core.history import Floats, Ints
from edge.core.item_tables import ItemTables, unpacked
from edge.core.ranking import Calibration

FILES = (
    *("model.onnx", "tables.npz", "items.json", "features.json", "calibration.json"),
    "metrics.json",
)
"""What is read of a bundle for the ranker, besides the manifest."""
MIN_OVERLAP = 0.5
"""Least share of the catalogue that a bundle must know; below, it was made for another store."""


class OnnxRanker:
    """The ranker port over one ONNX session.

    Args:
        session: The graph.
        rows: int64[catalogue items], the model's row of each item.
        calibration: From logit to probability.
    """

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        rows: npt.NDArray[np.int64],
        calibration: Calibration,
    ) -> None:
        self._session = session
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
        floors: Lowest probability worth showing, by surface, where training could judge it; 1
            where no probability is high enough.
    """

    ranker: OnnxRanker
    tables: ItemTables
    version: str
    overlap: float
    metrics: Mapping[str, Any]
    floors: Mapping[str, float]


def load_bundle(path: Path, item_ids: Sequence[str]) -> Bundle:
    """Verify and load a bundle for a catalogue.

    Args:
        path: The bundle's folder.
        item_ids: The catalogue's items; their order becomes the item index.

    Raises:
        TrustError: A file does not match the manifest or cannot be read, the feature schema is
            another one, the files do not belong together, or the bundle knows too few of the
            catalogue's items.
        UnavailableError: There is no bundle at this path.
    """
    files = Sealed(path)
    for hash_ in (files.manifest.get("features"), understood("features.json", _hash, files)):
        if hash_ != SCHEMA_HASH:
            raise TrustError(
                f"feature schema {str(hash_)[:12]} is unknown, this box computes "
                f"{SCHEMA_HASH[:12]} ({len(FEATURE_NAMES)} features); train with this version of "
                "the software"
            )
    ids = understood("items.json", _ids, files)
    tables = understood("tables.npz", lambda found: unpacked(found.arrays("tables.npz")), files)
    if tables.n_items != len(ids):
        raise TrustError(
            f"bundle files do not belong together: tables of {tables.n_items} items, items.json "
            f"of {len(ids)}; build the bundle again"
        )
    rows, overlap = _rows(ids, item_ids)
    if overlap < MIN_OVERLAP:
        raise TrustError(
            f"bundle made for another catalogue: it knows {overlap:.0%} of {len(item_ids)} items, "
            f"at least {MIN_OVERLAP:.0%} are expected; train on this store's receipts"
        )
    asked: dict[str, npt.NDArray[Any]] = {
        "features": np.zeros((2, len(FEATURE_NAMES)), np.float32),
        "items": np.array([0, len(ids)], np.int64),
        "person": np.zeros((1, tables.encoder.last_bias.size), np.float32),
    }
    session = files.graph("model.onnx", asked, (2,))
    calibration = understood("calibration.json", _calibration, files)
    metrics = understood("metrics.json", _metrics, files)
    ranker = OnnxRanker(session, np.where(rows < 0, len(ids), rows), calibration)
    floors = understood("metrics.json", _floors, metrics)
    return Bundle(ranker, tables.aligned(rows), files.version, overlap, metrics, floors)


def _hash(files: Sealed) -> str:
    return str(files.values("features.json")["hash"])


def _ids(files: Sealed) -> list[str]:
    ids = files.values("items.json")
    if not isinstance(ids, list) or not all(isinstance(item, str) for item in ids):
        raise TypeError("expected a list of item ids")
    if len(set(ids)) < len(ids) or not ids:
        raise ValueError("expected at least one item, each once")
    return ids


def _calibration(files: Sealed) -> Calibration:
    points = files.values("calibration.json")
    return Calibration(
        np.array(points["logit"], np.float32), np.array(points["probability"], np.float32)
    )


def _metrics(files: Sealed) -> Mapping[str, Any]:
    return dict(files.values("metrics.json"))


def _floors(metrics: Mapping[str, Any]) -> dict[str, float]:
    found = (metrics.get("judgement") or {}).get("floors") or {}
    floors = {str(surface): 1.0 if f is None else float(f) for surface, f in found.items()}
    if not all(0.0 <= floor <= 1.0 for floor in floors.values()):
        raise ValueError("floors: expected probabilities from 0 to 1")
    return floors


def _rows(ids: Sequence[str], item_ids: Sequence[str]) -> tuple[npt.NDArray[np.int64], float]:
    """Return the bundle's row of each catalogue item (-1 unknown) and the share that is known."""
    row = {item: number for number, item in enumerate(ids)}
    rows = np.array([row.get(item, -1) for item in item_ids], np.int64)
    return rows, float((rows >= 0).mean()) if rows.size else 0.0
