"""The simulated store and its trained bundle, made once and kept under `build/bench`."""

import json
import subprocess
import sys
from pathlib import Path

from simulator import store

ROOT = Path(__file__).parent.parent
SEED = 7


def store_and_bundle() -> tuple[Path, Path]:
    """Return the folders of the store and of the bundle trained on it."""
    folder = ROOT / "build" / "bench"
    files, bundle = folder / "store", folder / "bundle"
    stamp = folder / "made.json"
    if not stamp.exists():
        folder.mkdir(parents=True, exist_ok=True)
        store.write(files, SEED)
        subprocess.run(
            [sys.executable, "-m", "models", "train", "--data", str(files), "--out", str(bundle),
             "--seed", str(SEED)],
            check=True, cwd=ROOT, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        stamp.write_text(json.dumps({"seed": SEED}))
    return files, bundle
