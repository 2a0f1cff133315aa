"""Whether graphs rank on an emulated aarch64 as they do here, and 8 bits as float32 on both.

Builds a Debian root for arm64 without its second stage, puts numpy and onnxruntime for aarch64
beside it, and lets `qemu-aarch64-static` run `benchmarks/aarch64_scores.py` on rows that this
process has scored as well: the graphs of a bundle on drawn rows, and a ranker trained in the run,
written in 8 bits and in float32, on real candidates. Needs root, `qemu-user-static` and
`debootstrap`.

    python -m benchmarks.aarch64 [--bundle DIR] [--root DIR] [--mirror URL] [--json]
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.aarch64_scores import scores
from benchmarks.bench import arguments, report
from benchmarks.world import SEED, store_and_bundle
from models import histories, pipeline
from models.network import onnx_bytes
from models.train import prepare_course, tune

TOOLS = ("qemu-aarch64-static", "debootstrap", "unshare")
PACKAGES = ("numpy", "onnxruntime")
TOP = 10
ROWS, SETS = 200, 40
"""Candidates of a decision, and decisions that are compared."""


def main() -> int:
    """Build the root unless it is there, score twice, compare."""
    parser = arguments(__doc__)
    parser.add_argument("--bundle", type=Path, help="folder of a bundle (default: the demo's)")
    parser.add_argument("--root", type=Path, help="arm64 root to keep and find again")
    parser.add_argument("--mirror", default="", help="Debian mirror (default: debootstrap's own)")
    options = parser.parse_args()
    if lacks := missing():
        print(
            f"benchmarks.aarch64: found no {', '.join(lacks)}; expected Debian's "
            "qemu-user-static and debootstrap, and root",
            file=sys.stderr,
        )
        return 2
    store, made = store_and_bundle()
    with tempfile.TemporaryDirectory() as folder:
        root = options.root or Path(folder) / "root"
        started = time.perf_counter()
        if not (root / "opt/site/onnxruntime").is_dir():
            build(root, options.mirror)
        built_s = time.perf_counter() - started
        graphs = write_rows(options.bundle or made, Path(folder))
        graphs += write_both(store, Path(folder))
        here = scores(Path(folder), graphs)
        there = emulated(root, Path(folder), graphs)
    figures: dict[str, object] = {"build_s": round(built_s, 1), "graphs": graphs}
    for name in graphs:
        figures |= {f"{name}_{k}": v for k, v in compared(here[name], there[name]).items()}
    for place, found in (("here", here), ("aarch64", there)):
        overlap = compared(found["fp32"], found["int8"])["top10_overlap"]
        figures[f"fp32_int8_top10_overlap_{place}"] = overlap
    report(figures, is_quiet=options.json)
    return 0


def missing() -> list[str]:
    """Return what this machine lacks."""
    lacks = [tool for tool in TOOLS if shutil.which(tool) is None]
    return lacks if os.geteuid() == 0 else [*lacks, "root"]


def build(root: Path, mirror: str) -> None:
    """Unpack a Debian for arm64 and the two packages into a folder."""
    root.parent.mkdir(parents=True, exist_ok=True)
    include = "--include=python3,libstdc++6,libgomp1"
    command = ["debootstrap", "--arch=arm64", "--foreign", "--variant=minbase", include]
    _run([*command, "bookworm", str(root), *([mirror] if mirror else [])])
    for archive in sorted((root / "var/cache/apt/archives").glob("*.deb")):
        _run(["dpkg", "-x", str(archive), str(root)])
    versions = [f"{name}=={_installed(name)}" for name in PACKAGES]
    wheels = ["--platform", "manylinux_2_28_aarch64", "--python-version", "3.11"]
    target = ["--only-binary=:all:", "--target", str(root / "opt/site")]
    _run([sys.executable, "-m", "pip", "install", "--quiet", *wheels, *target, *versions])


def _installed(name: str) -> str:
    from importlib.metadata import version

    return version(name)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:3])} … ended with {done.returncode}: {done.stderr}")


def write_rows(bundle: Path, folder: Path) -> list[str]:
    """Copy the graphs and write seeded inputs for each; returns the graphs' names."""
    rng = np.random.default_rng(3)
    names = []
    for path in sorted(bundle.glob("*.onnx")):
        shutil.copyfile(path, folder / path.name)
        np.savez(folder / f"{path.stem}.npz", allow_pickle=False, **_inputs(path, rng))
        names.append(path.stem)
    return names


def write_both(store: Path, folder: Path) -> list[str]:
    """Train a ranker on the demo's store, write it in 8 bits and in float32, and real rows."""
    with tempfile.TemporaryDirectory() as work:
        order = pipeline.Order(data=store, seed=SEED, work=Path(work))
        with pipeline.engine_of(order) as engine:
            prepared = pipeline.prepare(order, engine, pipeline.workshop(order, lambda *_: None))
            past = histories.history(prepared.numbered)
            everybody, _ = pipeline.everybody(prepared, past, Path(work) / "past")
            course = prepare_course(everybody, everybody.purchases(), seed=SEED)
    network, *_ = tune(course, course.newest)
    full = course.newest.of(course.newest.mask.sum(axis=1) >= ROWS)
    rows: dict[str, np.ndarray] = {
        "features": full.features[:SETS, :ROWS].astype(np.float32),
        "items": full.items[:SETS, :ROWS].astype(np.int64),
        "person": full.person[:SETS, None],
    }
    for name, is_rounded in (("fp32", False), ("int8", True)):
        (folder / f"{name}.onnx").write_bytes(onnx_bytes(network, is_rounded=is_rounded))
        np.savez(folder / f"{name}.npz", allow_pickle=False, **rows)
    return ["fp32", "int8"]


def _inputs(path: Path, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return SETS × inputs for a graph: normal features, items and persons where it wants them."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    found: dict[str, np.ndarray] = {}
    items = json.loads((path.parent / "items.json").read_text())
    for entry in session.get_inputs():
        if entry.name == "items":
            found["items"] = rng.integers(0, len(items), (SETS, ROWS))
        else:
            rows = 1 if entry.name == "person" else ROWS
            shape = (SETS, rows, entry.shape[-1])
            found[entry.name] = rng.normal(0, 1.5, shape).astype(np.float32)
    return found


def emulated(root: Path, folder: Path, graphs: list[str]) -> dict[str, np.ndarray]:
    """Score under emulation; /sys is hidden: qemu 7.2 fails on what onnxruntime reads there."""
    script = Path(__file__).with_name("aarch64_scores.py")
    run = [
        *("qemu-aarch64-static", "-cpu", "cortex-a76", "-L", str(root)),
        *(str(root / "usr/bin/python3.11"), str(script), str(folder), *graphs),
    ]
    hide = f"mount -t tmpfs none /sys && exec {' '.join(run)}"
    environment = {**os.environ, "PYTHONPATH": str(root / "opt/site"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", hide], env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"the emulated run ended with {done.returncode}: {done.stderr[-2000:]}")
    with np.load(folder / "scores.npz") as arrays:
        return {name: arrays[name] for name in graphs}


def compared(here: np.ndarray, there: np.ndarray) -> dict[str, object]:
    """Compare scores [sets, rows(, classes)]: largest difference, equal order of the ten best."""
    first = here if here.ndim == 2 else here[..., 0]
    second = there if there.ndim == 2 else there[..., 0]
    ours = np.argsort(-first, axis=1, kind="stable")[:, :TOP]
    theirs = np.argsort(-second, axis=1, kind="stable")[:, :TOP]
    overlap = [np.intersect1d(a, b).size / TOP for a, b in zip(ours, theirs, strict=True)]
    return {
        "largest_difference": float(np.abs(here - there).max()),
        "is_same_to_the_bit": bool(np.array_equal(here, there)),
        "top10_overlap": round(float(np.mean(overlap)), 4),
        "top10_same_order": round(float((ours == theirs).all(axis=1).mean()), 4),
    }


if __name__ == "__main__":
    sys.exit(main())
