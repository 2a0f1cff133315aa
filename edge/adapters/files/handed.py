"""Files that a chain hands over: whether they changed, and what the members file says."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.adapters.files.catalog import read_json
from edge.core.errors import ConfigError


def sha256_of(path: Path) -> str:
    """Return the digest of a file's bytes; empty where there is no file.

    Raises:
        ConfigError: It is there, but cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error


def read_members(path: Path) -> tuple[Mapping[str, object], tuple[str, ...]]:
    """Return a members document, and the ids of members whose erasure was declared elsewhere.

    Raises:
        ConfigError: Not JSON, or of another form.
    """
    document: dict[str, Any] = read_json(path, dict)
    erased = document.get("erased", [])
    if not isinstance(erased, list) or not all(isinstance(each, str) for each in erased):
        raise ConfigError([f"{path.name}: erased: expected a list of member ids"])
    return document, tuple(erased)
