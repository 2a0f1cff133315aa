"""Score the rows that `benchmarks.aarch64` wrote, here and under emulation.

Needs no more than numpy and onnxruntime.
"""

import os
import sys
from pathlib import Path

import numpy as np

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # as a box: before it is first imported

import onnxruntime


def scores(folder: Path, graphs: list[str]) -> dict[str, np.ndarray]:
    """Return the answers of each graph, stacked over the sets."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    found = {}
    for name in graphs:
        session = onnxruntime.InferenceSession(
            (folder / f"{name}.onnx").read_bytes(), options, providers=["CPUExecutionProvider"]
        )
        with np.load(folder / f"{name}.npz") as arrays:
            inputs = {key: arrays[key] for key in arrays.files}
        sets = len(next(iter(inputs.values())))
        answers = [
            session.run(None, {key: value[at] for key, value in inputs.items()})[0]
            for at in range(sets)
        ]
        found[name] = np.stack([answer.squeeze() for answer in answers])
    return found


if __name__ == "__main__":
    directory = Path(sys.argv[1])
    np.savez(directory / "scores.npz", allow_pickle=False, **scores(directory, sys.argv[2:]))
