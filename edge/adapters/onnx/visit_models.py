"""Load the models beside the ranker from a bundle: anonymous visits, motives, acceptance.

Decides whether such a model may be used: its sha256 by the bundle's manifest, its form, and the
hash of the inputs this box computes. Leaves out the inputs (`edge.core`) and what happens without
a model: popularity, the motive "unknown", and the ranker's own probability.
"""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from edge.core import acceptance, anonymous, motives
from edge.core.anonymous import AnonymousTables, Scene
from edge.core.decision import Motive
from edge.core.errors import TrustError, UnavailableError
from edge.core.motives import Evidence

Floats = anonymous.Floats
SCHEMA = "stammgast.visit-model.v1"
MAX_FILE_BYTES = 16 * 2**20


class VisitModel:
    """A small network over one table of features, on one thread.

    Args:
        graph: The ONNX file.
        about: The JSON beside it.
    """

    def __init__(self, graph: bytes, about: Mapping[str, Any]) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                graph, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime raises its own and plain RuntimeErrors
            raise TrustError(f"{about.get('name')}.onnx cannot be loaded: {error}") from error
        self.about = about

    def probabilities(self, features: Floats) -> Floats:
        """Return float32[n] of a yes-or-no model, else float32[n, classes].

        Args:
            features: float32[n, F], in the order of the model's schema.

        Raises:
            UnavailableError: The runtime failed.
        """
        try:
            found: Floats = self._session.run(None, {"features": features})[0]
        except Exception as error:
            raise UnavailableError(f"{self.about['name']} could not answer: {error}") from error
        return found[:, 0] if found.shape[1] == 1 else found


@dataclass(frozen=True, slots=True)
class MotiveModel:
    """Guesses why somebody is here."""

    model: VisitModel
    least: float

    def motive(self, evidence: Evidence) -> tuple[Motive, float]:
        """Return the motive, `UNKNOWN` where none is likely enough, and its probability."""
        chances = self.model.probabilities(motives.features(evidence)[None])[0]
        return motives.motive(chances, self.least)


@dataclass(frozen=True, slots=True)
class AnonymousModel:
    """Ranks items for a visitor nobody knows, in the catalogue's item order."""

    model: VisitModel
    tables: AnonymousTables

    def ranked(self, scene: Scene) -> tuple[anonymous.Ints, Floats]:
        """Return items and probabilities, best first, ties by the lower item index."""
        items = anonymous.candidates(scene, self.tables)
        if not items.size:
            return items, np.empty(0, np.float32)
        chance = self.chances(items, scene)
        order = np.lexsort((items, -chance))
        return items[order], chance[order]

    def chances(self, items: anonymous.Ints, scene: Scene) -> Floats:
        """Return float32[n], see `ports.Strangers`.

        Raises:
            UnavailableError: The runtime failed.
        """
        return self.model.probabilities(anonymous.features(items, scene, self.tables))


@dataclass(frozen=True, slots=True)
class AcceptanceModel:
    """Guesses whether a person would take up each offer."""

    model: VisitModel

    def chances(
        self, past: acceptance.Past, offers: acceptance.Offers, shelf: acceptance.Shelf
    ) -> Floats:
        """Return float32[offers]."""
        return self.model.probabilities(acceptance.features(past, offers, shelf))


@dataclass(frozen=True, slots=True)
class VisitModels:
    """What a bundle holds beside its ranker; None where it holds none."""

    anonymous: AnonymousModel | None
    motive: MotiveModel | None
    acceptance: AcceptanceModel | None


def load_visit_models(path: Path, item_ids: Sequence[str]) -> VisitModels:
    """Verify and load the models of a bundle.

    Args:
        path: The bundle's folder.
        item_ids: The catalogue's items, whose order becomes the item index.

    Raises:
        TrustError: A file does not match the manifest, or a model reads other inputs than this
            box computes; the reason says which.
        UnavailableError: There is no bundle at this path.
    """
    files = _Files(path)
    return VisitModels(
        _anonymous(files, item_ids) if files.has("anonymous") else None,
        _motive(files) if files.has("motive") else None,
        AcceptanceModel(files.model("acceptance", acceptance.SCHEMA_HASH))
        if files.has("acceptance")
        else None,
    )


def _motive(files: "_Files") -> MotiveModel:
    model = files.model("motive", motives.SCHEMA_HASH)
    return MotiveModel(model, float(model.about["least"]))


def _anonymous(files: "_Files", item_ids: Sequence[str]) -> AnonymousModel:
    model = files.model("anonymous", anonymous.SCHEMA_HASH)
    row = {item: at for at, item in enumerate(model.about["items"])}
    rows = np.array([row.get(item, -1) for item in item_ids], np.int32)
    try:
        with np.load(io.BytesIO(files.read("anonymous.npz")), allow_pickle=False) as arrays:
            values = {name: _widened(arrays[name]) for name in arrays.files}
        tables = AnonymousTables(**values, zones=tuple(model.about["zones"]))
    except (KeyError, ValueError, TypeError, OSError) as error:
        raise TrustError(f"anonymous.npz cannot be read: {error!r}; train again") from error
    return AnonymousModel(model, tables.aligned(rows))


def _widened(array: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Return half-precision tables as float32, in which the box computes."""
    return array.astype(np.float32) if array.dtype == np.float16 else array


class _Files:
    """The files of a bundle, each held against the manifest when read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            manifest = json.loads((path / "manifest.json").read_bytes())
            self._listed: Mapping[str, Any] = manifest["files"]
        except OSError as error:
            raise UnavailableError(f"no manifest.json in the bundle {path}") from error
        except (KeyError, ValueError, TypeError) as error:
            raise TrustError(f"bundle manifest cannot be read: {error!r}") from error

    def has(self, name: str) -> bool:
        """Tell whether the bundle holds a model."""
        return f"{name}.onnx" in self._listed

    def read(self, name: str) -> bytes:
        """Return a file that matches the manifest."""
        try:
            content = (self._path / name).read_bytes()
            expected = self._listed[name]["sha256"]
        except (OSError, KeyError, TypeError) as error:
            raise TrustError(f"bundle file {name} is missing; copy the bundle whole") from error
        found = hashlib.sha256(content).hexdigest()
        if found != expected or len(content) > MAX_FILE_BYTES:
            raise TrustError(f"bundle file {name} has sha256 {found[:12]}, not {expected!s:.12}")
        return content

    def model(self, name: str, schema_hash: str) -> VisitModel:
        """Return a model whose inputs this box knows."""
        try:
            about = json.loads(self.read(f"{name}.json"))
            schema, hash_ = about["schema"], about["hash"]
        except (KeyError, ValueError, TypeError) as error:
            raise TrustError(f"{name}.json cannot be read: {error!r}") from error
        if schema != SCHEMA:
            raise TrustError(f"{name}.json: form {schema!r} is unknown, {SCHEMA!r} is expected")
        if hash_ != schema_hash:
            raise TrustError(
                f"{name}: inputs {str(hash_)[:12]} are unknown, this box computes "
                f"{schema_hash[:12]}; train with this version of the software"
            )
        return VisitModel(self.read(f"{name}.onnx"), about)
