"""Do each stage of a training once: what is finished is found again by what it was made from.

Decides the key (a hash of the input files, the options and the code) and that a half-written
stage is never taken for a whole one. Leaves out what the stages do, and which of them may outlive
the training (`models.pipeline`).
"""

import hashlib
import shutil
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

CODE = ("models", "edge/core")
"""Folders whose code shapes the results; a change there makes every stage anew."""
_KEY = "[0-9a-f]" * 16


def content_hash(files: Iterable[Path]) -> str:
    """Return one sha256 over the names and contents of files."""
    total = hashlib.sha256()
    for path in sorted(files):
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        total.update(f"{path.name}:{digest}\n".encode())
    return total.hexdigest()


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
        """Delete stages under every key, and whatever is half made.

        Those of an older key are left where a training was killed and its files corrected since.
        """
        for part in self._stages("*.part"):
            shutil.rmtree(part)
        for name in names:
            for stage in self._stages(name):
                shutil.rmtree(stage.rename(f"{stage}.part"))  # killed here, it is no whole one

    def _stages(self, pattern: str) -> list[Path]:
        """Return the stages of all keys; further folders of the directory are not ours."""
        return list(self._directory.glob(f"{_KEY}/{pattern}"))
