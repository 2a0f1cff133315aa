"""No library that the product loads reports its use to its makers."""

import subprocess
import sys
from pathlib import Path

import pytest

ANSWER = """
import numpy as np, onnx, {module}
import onnxruntime
from onnx import TensorProto, helper
told = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1]) for n in "xy"]
graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "g", told[:1], told[1:])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
session = onnxruntime.InferenceSession(model.SerializeToString())
assert session.run(None, {{"x": np.ones(1, np.float32)}})[0].tolist() == [-1.0]
"""


@pytest.mark.parametrize(
    "module",
    ["edge.box", "edge.adapters.onnx.ranker", "models.__main__",
     "benchmarks.aarch64_scores"],
)  # fmt: skip
def test_the_runtime_of_the_models_keeps_no_record_of_itself(module: str, tmp_path: Path) -> None:
    """With its telemetry on it writes an id of the device and what it is about to send."""
    home = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    script = ANSWER.format(module=module)
    root = Path(__file__).parent.parent
    subprocess.run([sys.executable, "-c", script], check=True, env=home, cwd=root, timeout=120)
    assert list(tmp_path.iterdir()) == []
