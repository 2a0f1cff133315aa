"""What the benchmarks share: arguments, a broker of their own, percentiles, the last line."""

import argparse
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark knows."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, help="folder with the data sets")
    parser.add_argument("--json", action="store_true", help="print nothing but the last line")
    return parser


def report(figures: dict[str, object], *, is_quiet: bool = False) -> None:
    """Print the figures for people, then as one line of JSON."""
    if not is_quiet:
        width = max(len(key) for key in figures)
        for key, value in figures.items():
            print(f"{key:<{width}}  {value}")
    print(json.dumps(figures))
    sys.stdout.flush()


def percentile(values: Sequence[float], share: float, digits: int = 3) -> float:
    """Return a percentile, rounded; NaN of nothing."""
    return round(float(np.percentile(values, share)), digits) if len(values) else float("nan")


def method_table(figures: Mapping[str, Any]) -> str:
    """Return the methods of a run as a Markdown table, the best first, ours among them."""
    rows = {name: tuple(pair) for name, pair in figures["baselines"].items()}
    rows["**this ranker, int8 as shipped**"] = figures["recall_at_10"], figures["ndcg_at_10"]
    best = sorted(rows.items(), key=lambda row: -row[1][0])
    lines = [f"| {name} | {recall:.4f} | {ndcg:.4f} |" for name, (recall, ndcg) in best]
    head = f"| {figures['set']}, {figures['protocol']} | recall@10 | ndcg@10 |"
    return "\n".join([head, "|---|---|---|", *lines])


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def mosquitto() -> Iterator[int]:
    """Run a Mosquitto on loopback and give its port."""
    binary = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "mosquitto.conf"
        config.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
            "max_queued_messages 1000000\nmax_inflight_messages 1000\nset_tcp_nodelay true\n"
        )
        with subprocess.Popen(
            [binary, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                _await_port(port)
                yield port
            finally:
                process.terminate()


def _await_port(port: int, timeout_s: float = 10.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError(f"no broker on 127.0.0.1:{port} after {timeout_s} s")
