"""Small tables beside the till lines, read whole into memory.

Decides that a table is whole: gzip to its end, UTF-8, as many fields in each row as its header
names. Leaves out what the values must be, and files of any size (`models.engine`).
"""

import csv
import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from edge.core.errors import ConfigError
from models.engine import WHOLE_FILE, header_of


def read_table(path: Path, columns: tuple[str, ...], **options: Any) -> pd.DataFrame:
    """Read a CSV file, plain or gzipped.

    Args:
        path: Of the file.
        columns: That it must have.
        options: Of `pandas.read_csv`.

    Raises:
        ConfigError: It is missing, cut off, or a column or field is; with the row.
    """
    if not path.is_file():
        raise ConfigError([f"{path}: not found; expected a table of {', '.join(columns)}"])
    header = header_of(path)
    missing = [name for name in columns if name not in header]
    if missing:
        found = ", ".join(header)
        raise ConfigError([f"{path}: row 1: column {n} not found; found {found}" for n in missing])
    _refuse_ragged(path, len(header))
    return pd.read_csv(path, encoding="utf-8-sig", **options)


def _refuse_ragged(path: Path, fields: int) -> None:
    """Read to the end and refuse the first row that is not as wide as the header."""
    opened, row = (gzip.open if path.suffix == ".gz" else open), 0
    try:
        with opened(path, "rb") as lines:
            for found in csv.reader(_decoded(lines), strict=True):
                row += 1
                if found and len(found) != fields:
                    what = f"found {len(found)} fields; expected {fields}, as in the header"
                    raise ConfigError([f"{path}: row {row}: {what}"])
    except UnicodeDecodeError as error:
        what = f"found bytes that are no UTF-8; {WHOLE_FILE}"
        raise ConfigError([f"{path}: row {row + 1}: {what}"]) from error
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        raise ConfigError([f"{path}: after row {row}: {error}; {WHOLE_FILE}"]) from error


def _decoded(lines: Iterable[bytes]) -> Iterator[str]:
    """Decode line by line: by the block, an error would be told rows before its own."""
    for number, line in enumerate(lines):
        yield line.decode("utf-8" if number else "utf-8-sig")
