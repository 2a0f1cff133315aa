"""How training grows with the data: seconds and peak memory at 0.5, 2 and 8 million lines.

Each size is made in this run from a seed, in the form of a next-basket set, and trained by the
command line in a process of its own, whose peak memory is read from the kernel. Histories and
counts alone are measured beside it, with `--full` at 50 million lines as well.

    python -m benchmarks.training_scale [--rows 0.5,2,8] [--full] [--json]
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from benchmarks.bench import arguments, report

ITEMS = 12_000
LINES_PER_BASKET, BASKETS_PER_CUSTOMER = 7, 11
"""Means, between those of the two public sets (6.3 and 8.0; 6.6 and 9.4 histories a customer)."""
OWN_SHARE, OWN_ITEMS = 0.45, 25
"""Share of lines drawn from a customer's own favourites, and how many of these one has."""
CUSTOMERS_A_CHUNK = 20_000
MOST_MB, MOST_EXPONENT = 4_096, 1.1


def main() -> int:
    """Make, train, measure, and print the last line."""
    parser = arguments(__doc__)
    parser.add_argument("--rows", default="0.5,2,8", help="million lines, comma-separated")
    parser.add_argument("--counts-rows", default="0.5,2,8", help="the same for counts alone")
    parser.add_argument("--full", action="store_true", help="counts at 50 million lines as well")
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    counted = _millions(options.counts_rows) + ([50.0] if options.full else [])
    figures: dict[str, object] = {}
    figures |= _measured(_millions(options.rows), options, "train", "")
    figures |= _measured(counted, options, "counts", "counts_")
    report(figures, is_quiet=options.json)
    return 0


def _millions(text: str) -> list[float]:
    return [float(part) for part in text.split(",") if part]


def _measured(
    sizes: list[float], options: argparse.Namespace, what: str, prefix: str
) -> dict[str, object]:
    """Run every size and return its figures, the exponent fitted over all of them."""
    seconds, peaks = [], []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "data"
            lines = write(data, int(size * 1e6), options.seed)
            took_s, peak_mb = _child(what, data, Path(folder), options.seed)
        seconds.append(round(took_s, 1))
        peaks.append(round(peak_mb))
        if not options.json:
            print(f"{what}: {lines:,} lines, {took_s:.1f} s, {peak_mb:.0f} MB", flush=True)
    return {
        f"{prefix}rows": sizes,
        f"{prefix}seconds": seconds,
        f"{prefix}peak_mb": max(peaks, default=0),
        f"{prefix}peaks_mb": peaks,
        f"{prefix}exponent": _exponent(sizes, seconds),
    }


def _exponent(sizes: list[float], seconds: list[float]) -> float | None:
    """Return the slope of log seconds over log rows, None of fewer than two sizes."""
    if len(sizes) < 2:
        return None
    return round(float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0]), 3)


def _child(what: str, data: Path, folder: Path, seed: int) -> tuple[float, float]:
    """Run one size in a process of its own; returns wall seconds and its peak in MB."""
    module = {"train": "models", "counts": "benchmarks.training_scale_counts"}[what]
    command = [sys.executable, "-m", module]
    if what == "train":
        command += ["train", "--quiet", "--out", str(folder / "bundle"), "--seed", str(seed)]
    command += ["--data", str(data)]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    took_s = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return took_s, usage.ru_maxrss / 1024


def write(folder: Path, lines: int, seed: int) -> int:
    """Write baskets.csv.gz with about so many lines; returns how many there are.

    Popularity falls like 1 / rank, customers have favourites, days rise with the order.
    """
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    chance = 1.0 / np.arange(1, ITEMS + 1)
    cumulated = np.cumsum(chance / chance.sum())
    customers = max(10, round(lines / (LINES_PER_BASKET * BASKETS_PER_CUSTOMER)))
    total = 0
    options = csv.WriteOptions(include_header=False, quoting_style="none")
    with pa.CompressedOutputStream(str(folder / "baskets.csv.gz"), "gzip") as out:
        out.write(b"customer_id,order_no,day,product_id,is_test\n")
        for first in range(0, customers, CUSTOMERS_A_CHUNK):
            many = min(CUSTOMERS_A_CHUNK, customers - first)
            table = _chunk(rng, first, many, cumulated)
            csv.write_csv(table, out, options)
            total += table.num_rows
    return total


def _chunk(rng: np.random.Generator, first: int, customers: int, cumulated: np.ndarray) -> pa.Table:
    """Return the lines of some customers; the newest basket of each is held out."""
    baskets = 3 + rng.poisson(BASKETS_PER_CUSTOMER - 3, customers)
    owner = np.repeat(np.arange(customers), baskets)
    order = np.arange(owner.size) - np.repeat(np.cumsum(baskets) - baskets, baskets) + 1
    # A favourite or a repeated draw may fall out as a double: a few more lines make up for it.
    size = 1 + rng.poisson(LINES_PER_BASKET - 0.6, owner.size)
    basket = np.repeat(np.arange(owner.size), size)
    favourites = np.searchsorted(cumulated, rng.random((customers, OWN_ITEMS)))
    own = favourites[owner[basket], rng.integers(0, OWN_ITEMS, basket.size)]
    other = np.searchsorted(cumulated, rng.random(basket.size))
    item = np.where(rng.random(basket.size) < OWN_SHARE, own, other)
    _, kept = np.unique(basket.astype(np.int64) * ITEMS + item, return_index=True)
    basket, item = basket[kept], item[kept]
    is_last = order == baskets[owner]
    return pa.table(
        {
            "customer_id": first + owner[basket],
            "order_no": order[basket],
            "day": order[basket] * 7 + owner[basket] % 7,
            "product_id": item,
            "is_test": is_last[basket].astype(np.int8),
        }
    )


if __name__ == "__main__":
    sys.exit(main())
