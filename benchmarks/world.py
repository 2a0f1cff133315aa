"""The simulated store and its bundle, kept under `build/bench` while their code is the same."""

import hashlib
import json
import shutil
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
    made = {"seed": SEED, "code": _code()}
    if not stamp.exists() or json.loads(stamp.read_text()) != made:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        store.write(files, SEED)
        subprocess.run(
            [sys.executable, "-m", "models", "train", "--data", str(files), "--out", str(bundle),
             "--seed", str(SEED)],
            check=True, cwd=ROOT, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        stamp.write_text(json.dumps(made))
    return files, bundle


def _code() -> str:
    """Return a digest of the code that makes store and bundle."""
    digest = hashlib.sha256()
    for part in ("simulator", "models", "edge/core"):
        for path in sorted((ROOT / part).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
