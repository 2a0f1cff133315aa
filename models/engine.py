"""Where the expressions over till data run: DuckDB on a laptop, Spark in a chain's cluster.

Decides how each engine is opened (memory, threads, spill directory) and how a till file becomes
a table of strings with row numbers. Everything after that is Ibis and the same on both
(`models.readers`, `models.histories`). Leaves out a cluster's settings: hand in its session.
"""

import csv
import gzip
import hashlib
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import ibis

from edge.core.errors import ConfigError

Table: TypeAlias = Any
"""A lazy `ibis.Table`; Ibis ships no types that hold for its columns."""
FIRST_ROW = 2
"""The first row under the header, as a spreadsheet or an editor counts."""
WHOLE_FILE = "expected a whole CSV file in UTF-8, gzipped where its name ends in .gz"
_UNFIT = "__unfit"
_TAKEN = ("row", _UNFIT)
_SPARK = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
}
_SPARK_HERE = {
    "spark.driver.bindAddress": "127.0.0.1",  # nobody else is to reach it
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "8",  # 200 otherwise, for a few threads
}
_CAUSE = re.compile(r"^Caused by: (.+)$", re.MULTILINE)
_ROW = re.compile(r"CSV Error on Line: (\d+)")
_FILE = re.compile(r"^  file = (.+)$", re.MULTILINE)
_FIELDS = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")


@dataclass(frozen=True, slots=True)
class Engine:
    """An Ibis backend with the two calls that Ibis does not unify.

    Args:
        backend: An Ibis backend: DuckDB or PySpark.
        is_spark: Which of the two.
    """

    backend: Any
    is_spark: bool

    def read_text(self, path: Path) -> Table:
        """Read a CSV file (plain or .gz) as strings.

        Returns:
            A table with the file's columns, empty cells as null, and `row` (int64), the line of
            the file, the header being line 1.

        Raises:
            ConfigError: The file is not there, truncated, or a row has too few or many fields.
        """
        if not path.is_file():
            raise ConfigError([f"{path}: not found; expected a CSV file, plain or gzipped"])
        return self._read_spark(path) if self.is_spark else self._read_duckdb(path)

    def save(self, table: Table, path: Path) -> Table:
        """Write a table as Parquet and return it as read back, so that it is computed once.

        Raises:
            ConfigError: The source turned out to be unreadable, with what the engine found.
        """
        if self.is_spark:
            session = self.backend._session
            with _spark_errors(path.stem):
                session.sql(ibis.to_sql(table, dialect="pyspark")).write.parquet(str(path))
            return self.open(path)
        try:
            self.backend.to_parquet(table, path, compression="snappy")
        except duckdb.OutOfMemoryException as error:
            said = str(error).partition("\n")[0]
            raise ConfigError([f"{path.stem}: {said}; expected more (--memory-mb)"]) from error
        except duckdb.Error as error:
            raise ConfigError([_said(error)]) from error
        return self.open(path)

    def open(self, path: Path) -> Table:
        """Open what `save` wrote."""
        return self.backend.read_parquet(str(path))

    def _read_duckdb(self, path: Path) -> Table:
        # The header's own columns, because DuckDB's guess at a broken file names no row.
        columns = ", ".join(f"{_quoted(name)}: 'VARCHAR'" for name in header_of(path))
        options = (
            f"auto_detect = false, columns = {{{columns}}}, header = true, delim = ',', "
            "quote = '\"', escape = '\"', null_padding = false, strict_mode = true"
        )
        try:
            # A view, because Ibis 12 asks DuckDB 2 for a call it no longer has when given SQL.
            select = f"SELECT *, row_number() OVER () + {FIRST_ROW - 1} AS row "
            self.backend.raw_sql(
                f"CREATE OR REPLACE TEMP VIEW {_view(path)} AS {select} "
                f"FROM read_csv({_quoted(str(path))}, {options})"
            )
            return self.backend.table(_view(path))
        except duckdb.Error as error:
            raise ConfigError([_said(error)]) from error

    def _read_spark(self, path: Path) -> Table:
        from pyspark.sql import functions

        names = header_of(path)
        columns = ", ".join(f"`{name.replace('`', '``')}` STRING" for name in (*names, _UNFIT))
        frame = self.backend._session.read.csv(
            str(path),
            schema=columns,
            header=True,
            quote='"',
            escape='"',
            multiLine=True,
            mode="PERMISSIVE",
            columnNameOfCorruptRecord=_UNFIT,
        )
        # A file is one partition, so the id counts its records without a gap.
        frame = frame.withColumn("row", functions.monotonically_increasing_id() + FIRST_ROW)
        with _spark_errors(str(path)):
            unfit = frame.filter(functions.col(_UNFIT).isNotNull())
            first = unfit.select(*names, "row", _UNFIT).orderBy("row").first()
        if first is not None:
            raise ConfigError([_unfit(f"{path}: row {first['row']}", first[_UNFIT], len(names))])
        # An empty cell in quotes is as empty as one without, as DuckDB reads it.
        cells = [functions.nullif(functions.col(f"`{n}`"), functions.lit("")) for n in names]
        named = [cell.alias(name) for cell, name in zip(cells, names, strict=True)]
        frame.select(*named, "row").createOrReplaceTempView(_view(path))
        return self.backend.table(_view(path))


def duckdb_engine(spill: Path, memory_mb: int = 2_000, threads: int = 2) -> Engine:
    """Open DuckDB in memory, with a bound it must keep to by writing to `spill`."""
    backend = ibis.duckdb.connect(threads=threads, memory_limit=f"{memory_mb}MB")
    spill.mkdir(parents=True, exist_ok=True)
    backend.raw_sql(f"SET temp_directory = '{str(spill).replace(chr(39), chr(39) * 2)}'")
    backend.raw_sql("SET enable_progress_bar = false")
    # DuckDB 2.0.0 turns `row_number() - 1 < 60` over a shared subquery into its top 59.
    backend.raw_sql("SET disabled_optimizers = 'top_n_window_elimination'")
    return Engine(backend, is_spark=False)


@contextmanager
def spark_session(master: str, spill: Path, memory_mb: int = 2_000) -> Iterator[Any]:
    """Start a Spark session and stop it at the end; one that is running already is only lent.

    Args:
        master: A cluster's address, or `local[n]` for n threads of this machine.
        spill: Where this machine puts what does not fit.
        memory_mb: Bound of the driver, which does all the work where the master is local.

    Raises:
        ConfigError: pyspark or Java is missing, or the master does not answer.
    """
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        problem = f"--engine spark: pyspark: {error}; expected pip install stammgast[models-spark]"
        raise ConfigError([problem]) from error
    running = SparkSession.getActiveSession()
    if running is not None:
        yield running
        return
    try:
        session = (
            SparkSession.builder.master(master)
            .appName("stammgast-models")
            .config(map=_SPARK | (_SPARK_HERE if master.startswith("local") else {}))
            .config("spark.driver.memory", f"{memory_mb}m")
            .config("spark.local.dir", str(spill))
            .config("spark.sql.warehouse.dir", str(spill / "warehouse"))
            .getOrCreate()
        )
    except PySparkException as error:
        found = str(error).partition("\n")[0]
        problem = f"--engine spark: {found}; expected Java 17 or newer (default-jre-headless)"
        raise ConfigError([problem]) from error
    session.sparkContext.setLogLevel("ERROR")
    try:
        yield session
    finally:
        session.stop()


def spark_engine(session: Any) -> Engine:
    """Wrap a Spark session; its time zone must be UTC, since times are read as UTC."""
    zone = session.conf.get("spark.sql.session.timeZone")
    if zone != "UTC":
        raise ConfigError([f"spark.sql.session.timeZone: found {zone}, expected UTC"])
    return Engine(ibis.pyspark.connect(session), is_spark=True)


def _view(path: Path) -> str:
    return f"text_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def header_of(path: Path) -> list[str]:
    """Return the columns that the first line of a CSV file names.

    Raises:
        ConfigError: There is no such line, it is no UTF-8, or a name is missing, taken or twice.
    """
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as lines:
            first = lines.readline().decode("utf-8-sig")
        names = next(csv.reader([first]), [])
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError([f"{path}: row 1: {error}; {WHOLE_FILE}"]) from error
    if not names:
        raise ConfigError([f"{path}: row 1: nothing there; expected a header of column names"])
    problems = list(_unfit_names(names))
    if problems:
        raise ConfigError([f"{path}: row 1: {problem}" for problem in problems])
    return names


def _unfit_names(names: list[str]) -> Iterator[str]:
    """Find names that no engine can tell apart: neither of them minds the case of letters."""
    seen: set[str] = set()
    for at, name in enumerate(names, start=1):
        same = name.strip().casefold()
        if not same:
            yield f"column {at} has no name; expected one for each column"
        elif same in _TAKEN:
            yield f"column {name}: the name is taken for the rows of the file; expected another"
        elif same in seen:
            yield f"column {name} stands there twice; expected once, in whatever case"
        seen.add(same)


@contextmanager
def _spark_errors(what: str) -> Iterator[None]:
    """Turn what Spark finds wrong with a file into a problem of that file."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (Py4JError, PySparkException) as error:
        found = _CAUSE.findall(str(error)) or [str(error).partition("\n")[0]]
        raise ConfigError([f"{what}: {found[-1][:200]}; {WHOLE_FILE}"]) from error


def _unfit(where: str, record: str, expected: int) -> str:
    """Say what is wrong with a record that does not fit its header, without repeating it."""
    try:
        found = len(next(csv.reader([record], strict=True), []))
    except csv.Error:
        return f"{where}: found an open quote; {WHOLE_FILE}"
    return f"{where}: found {found} fields; expected {expected}, as in the header"


def _said(error: Exception) -> str:
    """Say what an engine found wrong with a file: the row, no line of it, none of its advice."""
    text = str(error).partition("\nLINE ")[0]
    row, fields, file = (pattern.search(text) for pattern in (_ROW, _FIELDS, _FILE))
    if row is None or file is None:
        return f"{' '.join(text.split())[:300]}; {WHOLE_FILE}"
    where = f"{file[1]}: row {row[1]}"
    if fields:
        return f"{where}: found {fields[2]} fields; expected {fields[1]}, as in the header"
    known = {"invalid unicode": "bytes that are no UTF-8", "unterminated quote": "an open quote"}
    found = next((ours for theirs, ours in known.items() if theirs in text.lower()), "no fields")
    return f"{where}: found {found}; {WHOLE_FILE}"
