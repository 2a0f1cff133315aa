"""Check lines, number baskets and count every table of a next-basket set: one process, measured.

`benchmarks.training_scale` runs it at each size and reads its peak memory.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from models import histories, readers
from models.counting import count
from models.engine import duckdb_engine
from models.everybody import Everybody

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
        everybody = Everybody.of(engine, past, items, work / "past")
        print(everybody.extent())
        counts = count(everybody)
        print(f"items {everybody.n_items:,}")
        print(f"neighbours {np.count_nonzero(counts.near_score):,}")
        print(f"followers {np.count_nonzero(counts.next_score):,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
