"""Load the models beside the ranker from a bundle: anonymous visits, motives, acceptance.

Decides whether such a model may be used: its form, the hash of the inputs this box computes, and
whether it answers for them. Leaves out the hashes of its files (`edge.adapters.onnx.sealed`), the
inputs (`edge.core`) and what happens without a model: popularity, the motive "unknown", and the
ranker's own probability.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnxruntime

from edge.adapters.onnx.sealed import Sealed, understood
from edge.core import acceptance, anonymous, motives
from edge.core.anonymous import AnonymousTables, Scene
from edge.core.candidates import Candidates
from edge.core.decision import Motive
from edge.core.errors import TrustError, UnavailableError
from edge.core.motives import Evidence

Floats = anonymous.Floats
SCHEMA = "stammgast.visit-model.v1"
KINDS = ("onnx", "json", "npz")
"""Of the files of each model; not every model has tables."""
MOST_LINES = 1e12
"""Lines of one item that nobody ever sells."""
Loaded = TypeVar("Loaded")


class VisitModel:
    """A small network over one table of features, on one thread.

    Args:
        session: The graph.
        about: The JSON beside it.
    """

    def __init__(self, session: onnxruntime.InferenceSession, about: Mapping[str, Any]) -> None:
        self._session = session
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
            raise UnavailableError(f"{self.about.get('name')} could not answer: {error}") from error
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
    """Knows what a visitor nobody knows may want, in the catalogue's item order."""

    model: VisitModel
    tables: AnonymousTables

    def candidates(self, scene: Scene) -> Candidates:
        """Return what is asked about, see `ports.Strangers`."""
        return anonymous.candidates(scene, self.tables)

    def chances(self, items: anonymous.Ints, scene: Scene) -> Floats:
        """Return float32[n], see `ports.Strangers`.

        Raises:
            UnavailableError: The runtime failed.
        """
        return self.answer(self.inputs(items, scene))

    def inputs(self, items: anonymous.Ints, scene: Scene) -> Floats:
        """Return float32[n, F], see `ports.Strangers`."""
        return anonymous.features(items, scene, self.tables)

    def usual(self) -> Floats:
        """Return float32[F], see `ports.Strangers`; of the items this model knows."""
        known = np.flatnonzero(self.tables.log_share > anonymous.NEVER_SOLD).astype(np.int32)
        rows = self.inputs(known, Scene.unknown())
        middle: Floats = np.median(rows, axis=0).astype(np.float32)
        return middle

    def answer(self, inputs: Floats) -> Floats:
        """Return float32[n], see `ports.Strangers`.

        Raises:
            UnavailableError: The runtime failed.
        """
        return self.model.probabilities(inputs)


@dataclass(frozen=True, slots=True)
class AcceptanceModel:
    """Guesses whether a person would take up each offer; see `takeup.Model`."""

    model: VisitModel
    rates: acceptance.Rates
    lines: Floats

    def chances(
        self, past: acceptance.Past, offers: acceptance.Offers, shelf: acceptance.Shelf
    ) -> Floats:
        """Return float32[offers].

        Raises:
            UnavailableError: The runtime failed.
        """
        return self.model.probabilities(acceptance.features(past, offers, shelf))


@dataclass(frozen=True, slots=True)
class VisitModels:
    """What a bundle holds beside its ranker; None where it holds none."""

    anonymous: AnonymousModel | None
    motive: MotiveModel | None
    acceptance: AcceptanceModel | None

    def names(self) -> tuple[str, ...]:
        """Return the names of those it holds."""
        return tuple(f.name for f in fields(self) if getattr(self, f.name) is not None)


def strictly(error: TrustError | UnavailableError) -> None:
    """Let a model that may not be used refuse its whole bundle."""
    raise error


def load_visit_models(
    path: Path,
    item_ids: Sequence[str],
    refuse: Callable[[TrustError | UnavailableError], None] = strictly,
) -> VisitModels:
    """Verify and load the models of a bundle.

    Args:
        path: The bundle's folder.
        item_ids: The catalogue's items, whose order becomes the item index.
        refuse: Told of each model that may not be used; where it returns, that one is None and
            the others are loaded.

    Raises:
        TrustError: A file does not match the manifest, or a model reads other inputs than this
            box computes; the reason says which.
        UnavailableError: There is no bundle at this path.
    """
    files = Sealed(path)

    def loaded(name: str, load: Callable[[], Loaded]) -> Loaded | None:
        if not files.has(f"{name}.onnx"):
            return None
        try:
            return load()
        except (TrustError, UnavailableError) as error:
            refuse(error)
            return None

    return VisitModels(
        loaded("anonymous", lambda: _anonymous(files, item_ids)),
        loaded("motive", lambda: _motive(files)),
        loaded("acceptance", lambda: _acceptance(files, item_ids)),
    )


def _acceptance(files: Sealed, item_ids: Sequence[str]) -> AcceptanceModel:
    model = _model(files, "acceptance", acceptance.SCHEMA_HASH, len(acceptance.FEATURES))
    rates = understood("acceptance.json", _rates, model.about)
    ids = understood("acceptance.json", _ids, model.about)

    def lines_of(arrays: Mapping[str, "np.ndarray[Any, Any]"]) -> Floats:
        lines = arrays["lines"]
        is_count = lines.shape == (len(ids),) and lines.dtype.kind in "iuf"
        if not (is_count and ((lines >= 0) & (lines < MOST_LINES)).all()):
            raise ValueError(f"lines: expected {len(ids)} numbers from 0")
        sold = dict(zip(ids, lines.tolist(), strict=True))
        return np.array([sold.get(item, 0.0) for item in item_ids], np.float32)

    lines = understood("acceptance.npz", lines_of, files.arrays("acceptance.npz"))
    return AcceptanceModel(model, rates, lines)


def _ids(about: Mapping[str, Any]) -> list[str]:
    """Return the items of a model, in the order of its tables."""
    ids = [str(item) for item in about["items"]]
    if len(set(ids)) < len(ids):
        raise ValueError("items: expected each once")
    return ids


def _rates(about: Mapping[str, Any]) -> acceptance.Rates:
    """Return the rates of a model; a chance is held against them, so none may be 0."""
    kinds = {str(kind): float(rate) for kind, rate in about["rates"]["kinds"].items()}
    rates = acceptance.Rates(float(about["rates"]["store"]), kinds)
    if not all(0.0 < rate < 1.0 for rate in (rates.store, *kinds.values())):
        raise ValueError("rates: expected chances above 0 and below 1")
    return rates


def _motive(files: Sealed) -> MotiveModel:
    inputs, classes = len(motives.FEATURES), len(motives.MOTIVES)
    model = _model(files, "motive", motives.SCHEMA_HASH, inputs, classes)
    return MotiveModel(model, understood("motive.json", lambda m: float(m["least"]), model.about))


def _anonymous(files: Sealed, item_ids: Sequence[str]) -> AnonymousModel:
    model = _model(files, "anonymous", anonymous.SCHEMA_HASH, len(anonymous.FEATURES))
    ids = understood("anonymous.json", _ids, model.about)
    row = {item: at for at, item in enumerate(ids)}
    rows = np.array([row.get(item, -1) for item in item_ids], np.int32)

    def tables(arrays: Mapping[str, "np.ndarray[Any, Any]"]) -> AnonymousTables:
        values = {name: _widened(array) for name, array in arrays.items()}
        found = AnonymousTables(**values, zones=tuple(model.about["zones"]))
        found.check(len(ids))
        return found.aligned(rows)

    return AnonymousModel(model, understood("anonymous.npz", tables, files.arrays("anonymous.npz")))


def _widened(array: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Return half-precision tables as float32, in which the box computes."""
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _model(files: Sealed, name: str, hash_: str, inputs: int, classes: int = 1) -> VisitModel:
    """Return a model whose inputs this box knows."""
    about = files.values(f"{name}.json")
    schema, found = understood(f"{name}.json", lambda a: (a["schema"], a["hash"]), about)
    if schema != SCHEMA:
        raise TrustError(f"{name}.json: form {schema!r} is unknown, {SCHEMA!r} is expected")
    if found != hash_:
        raise TrustError(
            f"{name}: inputs {str(found)[:12]} are unknown, this box computes {hash_[:12]}; "
            "train with this version of the software"
        )
    asked = {"features": np.zeros((2, inputs), np.float32)}
    return VisitModel(files.graph(f"{name}.onnx", asked, (2, classes)), about)
