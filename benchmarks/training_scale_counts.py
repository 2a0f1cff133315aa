"""Check lines, number baskets and take every count of a next-basket set: one process, measured.

`benchmarks.training_scale` runs it at each size and reads its peak memory.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from models import histories, readers
from models.engine import duckdb_engine

MEMORY_MB = 2_500
"""Bound of DuckDB; what does not fit goes to disk. The process stays under 4 GB with it."""


def main() -> int:
    """Run over one folder and print how many rows each table has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a next-basket set")
    data: Path = parser.parse_args().data
    with tempfile.TemporaryDirectory(dir=data.parent) as folder:
        work = Path(folder)
        engine = duckdb_engine(work / "spill", MEMORY_MB)
        sales = readers.read(engine, data, work / "lines")
        numbered = engine.save(histories.baskets(sales.lines), work / "baskets.parquet")
        past = histories.history(numbered)
        items = engine.save(histories.item_index(past), work / "items.parquet")
        print(f"items {items.count().to_pyarrow().as_py():,}")
        histories.save_counts(engine, past, work)
        for name in histories.PAIRS:
            pairs = engine.open(work / name / "*.parquet")
            print(f"{name} {pairs.count().to_pyarrow().as_py():,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
