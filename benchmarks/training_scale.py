"""How training grows with the data: seconds and peak memory at 0.5, 2 and 8 million lines.

Each size is made in this run from a seed (`benchmarks.training_scale_tills`) and trained whole by
the command line, in a process of its own: reading, checking, histories, counts, encoder, ranker,
calibration, judgement, quantization, bundle. Histories and counts alone are measured beside it,
with `--full` at 50 million lines as well. The peak is that of the process and all its children
together: resident memory, looked at ten times a second, or the process's own high-water mark.

    python -m benchmarks.training_scale [--rows 0.5,2,8] [--counts-rows 0.5,2,8] [--full] [--json]

`seconds` are those of a clock on the wall and `cpu_seconds` those that the cores worked: on a
machine with neighbours the second says more. Each has its exponent, the slope of log seconds over
log lines.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.bench import arguments, report
from benchmarks.training_scale_tills import write

LOOK_S = 0.1
MODULES = {"train": "models", "counts": "benchmarks.training_scale_counts"}


def main() -> int:
    """Make, train, measure, and print the last line."""
    parser = arguments(__doc__)
    parser.add_argument("--rows", default="0.5,2,8", help="million lines, comma-separated")
    parser.add_argument("--counts-rows", default="0.5,2,8", help="the same for counts alone")
    parser.add_argument("--full", action="store_true", help="counts at 50 million lines as well")
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    counted = _millions(options.counts_rows) + ([50.0] if options.full else [])
    figures = _measured(_millions(options.rows), options, "train", "")
    figures |= _measured(counted, options, "counts", "counts_")
    report(figures, is_quiet=options.json)
    return 0


def _millions(text: str) -> list[float]:
    return [float(part) for part in text.split(",") if part]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one size took: seconds on the wall and of the cores, and megabytes at the peak."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


def _measured(
    sizes: list[float], options: argparse.Namespace, what: str, prefix: str
) -> dict[str, object]:
    """Run every size and return its figures, the exponents fitted over all of them."""
    costs = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "data"
            lines = write(data, int(size * 1e6), options.seed)
            cost = _child(what, data, Path(folder), options.seed)
        costs.append(cost)
        print(f"{what}: {lines:,} lines, {cost}", file=sys.stderr, flush=True)
    seconds = [round(cost.seconds, 1) for cost in costs]
    cpu_seconds = [round(cost.cpu_seconds, 1) for cost in costs]
    peaks = [round(cost.peak_mb) for cost in costs]
    return {
        f"{prefix}rows": sizes,
        f"{prefix}seconds": seconds,
        f"{prefix}cpu_seconds": cpu_seconds,
        f"{prefix}peak_mb": max(peaks, default=0),
        f"{prefix}peaks_mb": peaks,
        f"{prefix}exponent": _exponent(sizes, seconds),
        f"{prefix}cpu_exponent": _exponent(sizes, cpu_seconds),
    }


def _exponent(sizes: list[float], seconds: list[float]) -> float | None:
    """Return the slope of log seconds over log rows, None of fewer than two sizes."""
    if len(sizes) < 2:
        return None
    return round(float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0]), 3)


def _child(what: str, data: Path, folder: Path, seed: int) -> Cost:
    """Run one size in a process of its own."""
    command = [sys.executable, "-m", MODULES[what]]
    if what == "train":
        command += ["train", "--quiet", "--out", str(folder / "bundle"), "--seed", str(seed)]
    command += ["--data", str(data)]
    return cost_of(command)


def cost_of(command: list[str]) -> Cost:
    """Run a command to its end and return what it and its children took.

    Raises:
        RuntimeError: It ended with another code than 0.
    """
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    watch = _Watch(process.pid)
    watch.start()
    _, status, usage = os.wait4(process.pid, 0)
    took_s = time.perf_counter() - started
    watch.stop()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return Cost(took_s, usage.ru_utime + usage.ru_stime, watch.peak_kb / 1024)


class _Watch(threading.Thread):
    """Looks at the resident memory of a process and all that descend from it."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.peak_kb = 0
        self._root, self._is_over = root, threading.Event()

    def run(self) -> None:
        """Look until stopped."""
        while not self._is_over.wait(LOOK_S):
            # Not the mark that wait4 returns: it holds what was forked, before the program began.
            own_kb = _kilobytes(Path(f"/proc/{self._root}"), "VmHWM:")
            self.peak_kb = max(self.peak_kb, own_kb, _resident_kb(self._root))

    def stop(self) -> None:
        """End the looking."""
        self._is_over.set()
        self.join()


def _resident_kb(root: int) -> int:
    """Return the resident memory of a process and its descendants; 0 of those that are gone."""
    total, pids = 0, [root]
    while pids:
        process = Path(f"/proc/{pids.pop()}")
        total += _kilobytes(process, "VmRSS:")
        try:
            children = [(task / "children").read_text() for task in (process / "task").iterdir()]
        except OSError:
            continue
        pids += [int(pid) for text in children for pid in text.split()]
    return total


def _kilobytes(process: Path, field: str) -> int:
    """Return a figure of a process's status page, 0 where the process is gone."""
    try:
        rows = (process / "status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(row.split()[1]) for row in rows if row.startswith(field))


if __name__ == "__main__":
    sys.exit(main())
