"""Run the benchmarks one after another and rewrite `docs/benchmarks.md`.

`python -m benchmarks` runs the short ones, `--full` all.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import method_table

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"


@dataclass(frozen=True, slots=True)
class Run:
    """One command of the page; `is_long` ones run with `--full` only."""

    module: str
    arguments: tuple[str, ...] = ()
    is_long: bool = False


def _next_basket(folder: str, protocol: str) -> Run:
    data = Path(os.environ.get("STAMMGAST_DATA", "data")) / "next_basket" / folder
    return Run("next_basket", ("--data", str(data), "--protocol", protocol), is_long=True)


RUNS = (
    Run("latency"),
    Run("ingest"),
    Run("memory"),
    Run("zones"),
    Run("decide"),
    Run("consent"),
    Run("training_scale", is_long=True),
    *(
        _next_basket(folder, protocol)
        for folder in ("tafeng", "dunnhumby_cj")
        for protocol in ("nbr-v1", "strict", "global-time")
        if (folder, protocol) != ("tafeng", "global-time")  # Ta-Feng comes without dates
    ),
)


def main() -> int:
    """Run, write the page, and return 1 where a benchmark failed to run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="also the long ones")
    is_full = parser.parse_args().full
    sections, failed = [], 0
    for run in RUNS:
        if run.is_long and not is_full:
            continue
        section, is_ok = _measure(run)
        failed += not is_ok
        sections.append(section)
    PAGE.write_text(_page(sections, is_full=is_full), encoding="utf-8")
    return int(failed > 0)


def _measure(run: Run) -> tuple[str, bool]:
    shown = " ".join(
        ["python -m", f"benchmarks.{run.module}", *map(_without_folder, run.arguments)]
    )
    print(f"== {shown}", flush=True)
    began_s = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{run.module}", *run.arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    took_s = time.monotonic() - began_s
    print(done.stdout, flush=True)
    last = done.stdout.strip().rpartition("\n")[2]
    try:
        figures = json.loads(last)
    except ValueError:
        return f"## {run.module}\n\n`{shown}` failed with exit code {done.returncode}.\n", False
    rows = [f"| {key} | {value} |" for key, value in figures.items() if key != "baselines"]
    head = f"## {run.module}\n\n`{shown}`, {took_s:.0f} s\n\n| figure | measured |\n|---|---|\n"
    methods = f"\n{method_table(figures)}\n" if "baselines" in figures else ""
    return head + "\n".join(rows) + "\n" + methods, done.returncode == 0


def _without_folder(argument: str) -> str:
    return Path(argument).name if "/" in argument else argument


def _page(sections: list[str], *, is_full: bool) -> str:
    command = "make bench-full" if is_full else "make bench"
    head = (
        "# What was measured\n\n"
        f"Written by `{command}`; every figure comes from that "
        f"run, on {os.cpu_count()} cores of {platform.machine()}, Python "
        f"{platform.python_version()}. Rivals and floors are measured in the same run.\n\n"
    )
    return head + "\n".join(sections)


if __name__ == "__main__":
    sys.exit(main())
