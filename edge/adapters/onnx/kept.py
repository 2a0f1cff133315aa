"""Keep a copy of the bundle that serves, for a start at which the bundle itself is refused.

Decides what is copied, the files that were opened and no card or plot, and how the copy is swapped:
its name is a link that one rename points to another folder, so that a kill or a power cut at any
moment leaves the old copy or the new one, whole. Leaves out when to keep one and when to open it
(`edge.opening`); it is opened by the checks of any other bundle.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from edge.adapters.onnx.ranker import FILES
from edge.adapters.onnx.sealed import Sealed
from edge.adapters.onnx.visit_models import KINDS
from edge.core.errors import TrustError, UnavailableError


def keep(bundle: Path, kept: Path, version: str, beside: Iterable[str]) -> bool:
    """Make the copy hold what serves of a bundle; one that does already is left alone.

    Args:
        bundle: The folder that was opened.
        kept: Name of the copy; the folders that it names in turn lie beside it.
        version: Of the bundle that was opened: another one may lie there by now.
        beside: Names of the models that were opened beside the ranker.

    Returns:
        True where a copy was made.

    Raises:
        TrustError, UnavailableError: The bundle was changed meanwhile; the copy is as it was.
        OSError: It cannot be written; the copy is as it was.
    """
    _sweep(kept)
    files = Sealed(bundle)
    if files.version != version:
        raise TrustError(f"bundle {files.version} took the place of {version} meanwhile")
    listed = (*FILES, *(f"{model}.{kind}" for model in beside for kind in KINDS))
    names = [name for name in listed if files.has(name)]
    if _holds(kept, files, names):
        return False
    fresh = Path(tempfile.mkdtemp(prefix=f"{kept.name}.", dir=kept.parent))
    try:
        for name in names:
            _write(fresh / name, files.read(name))
        _write(fresh / "manifest.json", files.written)
        _sync(fresh)
        _sync(kept.parent)
        _point(kept, fresh)
    finally:
        _sweep(kept)
    return True


def _holds(kept: Path, files: Sealed, names: Sequence[str]) -> bool:
    """Tell whether the copy is of this bundle, and whole."""
    try:
        copy = Sealed(kept)
        for name in names:
            copy.read(name)
    except (TrustError, UnavailableError):
        return False
    return copy.written == files.written


def _point(kept: Path, fresh: Path) -> None:
    """Let the copy's name mean another folder, from one moment to the next."""
    if kept.is_dir() and not kept.is_symlink():  # copied with the data folder, links followed
        kept.rename(kept.with_name(f"{kept.name}.copied"))
    link = kept.with_name(f"{kept.name}.link")
    link.symlink_to(fresh.name)
    link.replace(kept)
    _sync(kept.parent)


def _sweep(kept: Path) -> None:
    """Delete what the copy's name does not mean: older copies, and what a kill left half done."""
    meant = os.readlink(kept) if kept.is_symlink() else None
    for path in kept.parent.glob(f"{kept.name}.*"):
        if path.name == meant:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    _sync(path)


def _sync(path: Path) -> None:
    """Wait until a folder, or a file that was written, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
