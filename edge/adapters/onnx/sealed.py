"""Read the files of a bundle, each held against the manifest, and open what they hold.

Decides that nothing but the box's own two errors comes out of a bundle, whatever its files hold:
a right hash says who made a file, not that it can be read. Leaves out what the files mean
(`edge.adapters.onnx.ranker`, `edge.adapters.onnx.visit_models`).
"""

import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import onnxruntime

from edge.core.errors import StammgastError, TrustError, UnavailableError

BUNDLE_SCHEMA = "stammgast.ranker.v1"
MAX_FILE_BYTES = 64 * 2**20
Read = TypeVar("Read")
Meant = TypeVar("Meant")


class Sealed:
    """A bundle whose manifest was read; its files are read one by one, when they are asked for.

    Args:
        path: The bundle's folder.

    Raises:
        TrustError: The manifest is none that this box knows.
        UnavailableError: There is no bundle at this path.

    Attributes:
        written: The manifest's bytes.
        manifest: What they hold.
        version: First 12 hex digits of the manifest's sha256, for the decision log.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.written = self._content("manifest.json")
        self.version = hashlib.sha256(self.written).hexdigest()[:12]
        self.manifest: Mapping[str, Any] = understood("manifest.json", json.loads, self.written)
        if not isinstance(self.manifest, dict) or "schema" not in self.manifest:
            raise TrustError("bundle manifest cannot be read: expected an object with a schema")
        if self.manifest["schema"] != BUNDLE_SCHEMA:
            raise TrustError(
                f"bundle format {self.manifest['schema']!r} is unknown, {BUNDLE_SCHEMA!r} is "
                "expected"
            )
        files = self.manifest.get("files")
        if not isinstance(files, dict) or not all(isinstance(e, dict) for e in files.values()):
            raise TrustError("bundle manifest lists no files; expected an object by file name")
        self._listed = files

    def has(self, name: str) -> bool:
        """Tell whether the manifest lists a file."""
        return name in self._listed

    def read(self, name: str) -> bytes:
        """Return a file that matches the manifest.

        Raises:
            TrustError: It does not, or is not listed. UnavailableError: It is not there.
        """
        if name not in self._listed:
            raise TrustError(f"bundle manifest lacks {name}")
        content = self._content(name)
        found, expected = hashlib.sha256(content).hexdigest(), self._listed[name].get("sha256")
        if found != expected:
            raise TrustError(f"bundle file {name} has sha256 {found[:12]}, not {expected!s:.12}")
        return content

    def values(self, name: str) -> Any:
        """Return what a JSON file holds."""
        return understood(name, json.loads, self.read(name))

    def arrays(self, name: str) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays of an .npz file."""
        return understood(name, _arrays, self.read(name))

    def graph(
        self, name: str, asked: Mapping[str, npt.NDArray[Any]], answer: Sequence[int]
    ) -> onnxruntime.InferenceSession:
        """Return a graph, ready on one thread, that has answered once.

        Args:
            name: Of the file.
            asked: The inputs as the box will give them, with few rows.
            answer: Shape that the graph's only output must have for them.

        Raises:
            TrustError: It cannot be loaded, reads other inputs, or answers otherwise.
        """
        session = understood(name, _session, self.read(name))
        try:
            outputs = session.run(None, dict(asked))
        except Exception as error:  # onnxruntime raises its own and plain RuntimeErrors
            raise TrustError(
                f"{name} reads other inputs than this box computes: {error}"
            ) from error
        shapes = [np.shape(output) for output in outputs]
        if shapes != [tuple(answer)] or not np.isfinite(outputs[0]).all():
            raise TrustError(f"{name} answers {shapes}; expected finite numbers, {tuple(answer)}")
        return session

    def _content(self, name: str) -> bytes:
        try:
            content = (self._path / name).read_bytes()
        except OSError as error:
            raise UnavailableError(
                f"no {name} in the bundle {self._path}; train one or copy it whole"
            ) from error
        if len(content) > MAX_FILE_BYTES:
            raise TrustError(f"bundle file {name} has {len(content)} bytes, over {MAX_FILE_BYTES}")
        return content


def understood(name: str, read: Callable[[Read], Meant], content: Read) -> Meant:
    """Return what a file means, or refuse the bundle for what is wrong with it.

    Zip, deflate, npy, JSON and ONNX each have errors of their own, and fall over their own feet
    (a key that is missing, a list that is none) where a file is not what its name says.

    Raises:
        TrustError: The file cannot be read; the reason names it.
    """
    try:
        return read(content)
    except StammgastError:
        raise
    except Exception as error:
        raise TrustError(
            f"bundle file {name} cannot be read: {error!r}; build the bundle again"
        ) from error


def _arrays(content: bytes) -> dict[str, npt.NDArray[Any]]:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _session(graph: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
