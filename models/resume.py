"""Do each stage of a training once: what is finished is found again by what it was made from.

Decides the key (a hash of the input files, the options and the code) and that a half-written
stage is never taken for a whole one, nor a torn gzip file. Leaves out what the stages do, and which
of them may outlive the training (`models.pipeline`).
"""

import gzip
import hashlib
import shutil
import zlib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from io import UnsupportedOperation
from pathlib import Path
from typing import BinaryIO

from edge.core.errors import ConfigError
from models.engine import WHOLE_FILE

CODE = ("models", "edge/core")
"""Folders whose code shapes the results; a change there makes every stage anew."""
_KEY = "[0-9a-f]" * 16
_BLOCK_BYTES = 1 << 20


def content_hash(files: Iterable[Path]) -> str:
    """Return one sha256 over the names and contents of files.

    Raises:
        ConfigError: Gzip files that are cut, or do not match their checksums; all are named.
    """
    total, problems = hashlib.sha256(), []
    for path in sorted(files):
        with path.open("rb") as content:
            hashed = _Hashed(content)
            try:
                _read_through(gzip.GzipFile(fileobj=hashed) if path.suffix == ".gz" else hashed)
            except (OSError, EOFError, zlib.error) as error:
                problems.append(f"{path}: {error}; {WHOLE_FILE}")
        total.update(f"{path.name}:{hashed.digest.hexdigest()}\n".encode())
    if problems:
        raise ConfigError(problems)
    return total.hexdigest()


class _Hashed:
    """A file that is hashed as it is read, so that its checksum costs no second pass.

    DuckDB reads a gzip file to the end of its stream, and no checksum after it.
    """

    def __init__(self, content: BinaryIO) -> None:
        self._content = content
        self.digest = hashlib.sha256()

    def read(self, n: int = -1) -> bytes:
        """Return the next bytes."""
        found = self._content.read(n)
        self.digest.update(found)
        return found

    def seek(self, _to: int) -> int:
        """Refuse to go back: what was read is hashed."""
        raise UnsupportedOperation("read once, from the beginning")


def _read_through(content: "_Hashed | gzip.GzipFile") -> None:
    while content.read(_BLOCK_BYTES):
        pass


@cache
def code_hash() -> str:
    """Return one sha256 over the code that shapes the results, as it was when first asked."""
    root = Path(__file__).parent.parent
    return content_hash(path for folder in CODE for path in (root / folder).rglob("*.py"))


class Workshop:
    """A directory of finished stages.

    Args:
        directory: Where stages are kept; made when missing.
        inputs: Files that everything is made from.
        options: What else decides the results, such as the seed.
        say: Called with a stage's name when it begins, and with whether it was found.
    """

    def __init__(
        self,
        directory: Path,
        inputs: Iterable[Path],
        options: Mapping[str, object],
        say: Callable[[str, bool], None] = lambda _name, _was_found: None,
    ) -> None:
        text = f"{content_hash(inputs)}:{code_hash()}:{sorted(options.items())!r}"
        self.key = hashlib.sha256(text.encode()).hexdigest()[:16]
        self._directory = directory
        self._root = directory / self.key
        self._say = say

    def once(self, name: str, make: Callable[[Path], object]) -> Path:
        """Make a stage unless it is there.

        Args:
            name: Of the stage, unique in the training.
            make: Gets a fresh directory and fills it; where it fails, nothing is kept.

        Returns:
            The stage's directory.
        """
        finished = self._root / name
        self._say(name, finished.is_dir())
        if finished.is_dir():
            return finished
        part = self._root / f"{name}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        try:
            make(part)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)  # what went wrong is to be told
            raise
        part.rename(finished)
        return finished

    def forget(self, *names: str) -> None:
        """Delete stages; see `forget`."""
        forget(self._directory, *names)


def forget(directory: Path, *names: str) -> None:
    """Delete stages under every key, and whatever is half made.

    Those of an older key are left where a training was killed and its files corrected since.
    """
    for part in _stages(directory, "*.part"):
        shutil.rmtree(part)
    for name in names:
        for stage in _stages(directory, name):
            shutil.rmtree(stage.rename(f"{stage}.part"))  # killed here, it is no whole one


def _stages(directory: Path, pattern: str) -> list[Path]:
    """Return the stages of all keys; further folders of the directory are not ours."""
    return list(directory.glob(f"{_KEY}/{pattern}"))
