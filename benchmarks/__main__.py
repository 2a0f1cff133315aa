"""Run the benchmarks one after another and rewrite their sections of `docs/benchmarks.md`.

`python -m benchmarks` runs the short ones, `--full` all, names alone those named. Beside each
figure that has a bar stands the bar and whether it was kept; sections of others stay as they are.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import aarch64
from benchmarks.bench import method_table

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
HEAD = "# What was measured\n\nRivals and floors are measured in the same run.\n"


@dataclass(frozen=True, slots=True)
class Run:
    """One command of the page; `is_long` ones run with `--full` only.

    Attributes:
        bars: Figure → what it must be: `<= 3`, `>= 0.8`.
        name: Of its section, where it is not the module's.
        missing: Names what this machine lacks for it; its section then stays as it is.
    """

    module: str
    arguments: tuple[str, ...] = ()
    is_long: bool = False
    bars: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    missing: Callable[[], Sequence[str]] = tuple

    @property
    def title(self) -> str:
        """The heading of its section."""
        return self.name or self.module


TO_REACH = {
    ("tafeng", "nbr-v1"): {
        "recall_at_10": ">= 0.184",
        "ndcg_at_10": ">= 0.17",
        "train_s": "<= 600",
    },
    ("tafeng", "strict"): {"recall_at_10": ">= 0.185"},
    ("dunnhumby_cj", "nbr-v1"): {"recall_at_10": ">= 0.178", "ndcg_at_10": ">= 0.194"},
}
"""What the shipped ranker is to reach, by set and protocol; of the others only what every bundle
keeps: what 8 bits cost, and its size."""


def _set(folder: str) -> str:
    return str(Path(os.environ.get("STAMMGAST_DATA", "data")) / "next_basket" / folder)


def _next_basket(folder: str, protocol: str) -> Run:
    return Run(
        "next_basket",
        ("--data", _set(folder), "--protocol", protocol),
        is_long=True,
        bars={
            **TO_REACH.get((folder, protocol), {}),
            "int8_loss": "<= 0.001",
            "model_bytes": "<= 5000000",
        },
        name=f"next_basket, {folder}, {protocol}",
    )


RUNS = (
    Run("latency", bars={"p50_ms": "<= 3", "ratio_p50": "<= 3"}),
    Run("ingest", bars={"single_share": ">= 0.8", "batch20_share": ">= 0.6", "lost": "<= 0"}),
    Run("memory", bars={"rss_mb": "<= 130", "slope_kb_per_1000_visits": "<= 20"}),
    Run(
        "zones",
        bars={
            "accuracy": ">= 0.88",
            "accuracy_beyond_1m": ">= 0.93",
            "median_lag_s": "<= 3",
            "update_p50_us": "<= 50",
        },
    ),
    Run("decide", bars={"p50_ms": "<= 1", "ratio_500_50": "<= 1.5"}),
    Run(
        "consent",
        bars={
            "check_p50_us": "<= 50",
            "erase_s": "<= 2",
            "disk_mb": "<= 300",
            "attacks": ">= 50",
            "leaked": "<= 0",
        },
    ),
    Run(
        "training_scale",
        ("--full",),
        is_long=True,
        bars={
            "exponent": "<= 1.1",
            "peak_mb": "<= 4096",
            "counts_exponent": "<= 1.1",
            "counts_peak_mb": "<= 4096",
        },
    ),
    Run(
        "training",
        ("--data", _set("tafeng")),
        is_long=True,
        bars={"seconds": "<= 600", "peak_mb": "<= 4096", "model_bytes": "<= 5000000"},
        name="training, tafeng",
    ),
    *(
        _next_basket(folder, protocol)
        for folder in ("tafeng", "dunnhumby_cj")
        for protocol in ("nbr-v1", "strict", "global-time")
        if (folder, protocol) != ("tafeng", "global-time")  # Ta-Feng comes without dates
    ),
    Run("install_size", is_long=True, bars={"total_mb": "<= 750", "cuda_packages": "<= 0"}),
    Run(
        "aarch64",
        is_long=True,
        bars=dict.fromkeys(
            (
                "model_top10_overlap",
                "fp32_top10_overlap",
                "int8_top10_overlap",
                "fp32_int8_top10_overlap_here",
                "fp32_int8_top10_overlap_aarch64",
            ),
            ">= 0.98",
        ),
        missing=aarch64.missing,
    ),
)


def main() -> int:
    """Run, write the page, and return 1 where a benchmark failed to run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="also the long ones")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these")
    options = parser.parse_args()
    failed = 0
    for run in RUNS:
        if run.module not in options.names if options.names else run.is_long > options.full:
            continue
        if lacks := run.missing():
            print(f"== {run.title} is left out: found no {', '.join(lacks)}", flush=True)
            continue
        section, is_ok = _measure(run)
        failed += not is_ok
        page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else HEAD
        PAGE.write_text(with_section(page, run.title, section), encoding="utf-8")
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
        return f"## {run.title}\n\n`{shown}` failed with exit code {done.returncode}.\n", False
    rows = [
        f"| {key} | {shown_value(value)} | {judged(value, run.bars.get(key))} |"
        for key, value in figures.items()
        if key != "baselines"
    ]
    day = datetime.now(UTC).date().isoformat()
    machine = f"{os.cpu_count()} cores of {platform.machine()}"
    head = [
        f"## {run.title}",
        "",
        f"`{shown}`, {day}, {took_s:.0f} s on {machine}, Python {platform.python_version()}",
        "",
        "| figure | measured | bar |",
        "|---|---|---|",
    ]
    methods = ["", method_table(figures)] if "baselines" in figures else []
    return "\n".join([*head, *rows, *methods]) + "\n", done.returncode == 0


def shown_value(value: object) -> str:
    """Return a figure as a cell: lists and named parts without the brackets of the language."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def judged(value: object, bar: str | None) -> str:
    """Return a bar with whether the figure keeps it, or by how much it does not.

    Nothing where there is no bar; of a list its length counts.
    """
    if isinstance(value, list):
        value = len(value)
    if bar is None or not isinstance(value, int | float):
        return ""
    relation, _, limit = bar.partition(" ")
    beyond = value - float(limit) if relation == "<=" else float(limit) - value
    return f"{bar}: {'kept' if beyond <= 0 else f'missed by {beyond:.3g}'}"


def with_section(page: str, title: str, section: str) -> str:
    """Return the page with a section in place of the one of that title, or after all others."""
    head, *sections = re.split(r"(?m)^(?=## )", page)
    titles = [_title(each) for each in sections]
    if title in titles:
        sections[titles.index(title)] = section + "\n"
    else:
        sections.append(section)
    return _joined([head, *sections])


def _title(section: str) -> str:
    return section.partition("\n")[0].removeprefix("## ").strip()


def _joined(parts: Sequence[str]) -> str:
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _without_folder(argument: str) -> str:
    return Path(argument).name if "/" in argument else argument


if __name__ == "__main__":
    sys.exit(main())
