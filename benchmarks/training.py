"""What one training of a set takes by the command line: seconds, memory, size of the bundle.

The set is read, checked, counted, learned from, judged where baskets can be held out, and written,
in a process of its own; seconds and peak are taken as in `benchmarks.training_scale`.

    python -m benchmarks.training --data DIR [--seed 0] [--json]
"""

import json
import sys
import tempfile
from pathlib import Path

from benchmarks.bench import arguments, report
from benchmarks.training_scale import cost_of
from models import bundle


def main() -> int:
    """Train, measure, and print the last line."""
    parser = arguments(__doc__)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.data is None:
        parser.error("--data names the folder of a set or of a store's files")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "bundle"
        command = [sys.executable, "-m", "models", "train", "--quiet", "--data", str(options.data)]
        cost = cost_of([*command, "--out", str(out), "--seed", str(options.seed)])
        metrics = json.loads((out / "metrics.json").read_bytes())
        size = bundle.loaded_bytes(out)
    judgement = metrics["judgement"] or {}
    figures = {
        "set": options.data.name,
        "customers": metrics["customers"],
        "lines": metrics["lines"],
        "seconds": round(cost.seconds, 1),
        "cpu_seconds": round(cost.cpu_seconds, 1),
        "peak_mb": round(cost.peak_mb),
        "model_bytes": size,
        "recall_at_10": judgement.get("recall_at_10"),
    }
    report(figures, is_quiet=options.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
