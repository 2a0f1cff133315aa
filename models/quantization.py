"""Hold the 8-bit graph against the float network before anything is shipped.

Decides what loss is too much. The graph runs in the runtime the box uses, over the same
candidates; the float network over unrounded weights.
"""

from dataclasses import dataclass

import numpy as np
import onnxruntime

from edge.core.history import Floats
from models.stages import Examples

TOP = 10
LEAST_OVERLAP = 0.9
"""Mean share of the ten best that must stay; whole-graph schemes that break a ranking keep half."""
MOST_LOSS = 0.001
"""Recall@10 that rounding may cost, beyond twice its standard error on the sample."""
SAMPLE = 2000


@dataclass(frozen=True, slots=True)
class Agreement:
    """How alike two rankings are: mean overlap of the ten best, recall lost and its error."""

    overlap: float
    loss: float
    loss_error: float


def agreement(model: bytes, exact: Floats, examples: Examples) -> Agreement:
    """Compare the graph's ten best with the float network's.

    Args:
        model: The ONNX graph.
        exact: float32[customers, n], the float network's logits of the examples.
        examples: The candidates; at most `SAMPLE` customers are compared.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    overlaps, lost = [], []
    for row in range(min(SAMPLE, examples.n_customers)):
        n = int(examples.mask[row].sum())
        feed = {
            "features": examples.features[row, :n].astype(np.float32),
            "items": examples.items[row, :n].astype(np.int64),
            "person": examples.person[row : row + 1],
        }
        small = np.argsort(-session.run(None, feed)[0], kind="stable")[:TOP]
        large = np.argsort(-exact[row, :n], kind="stable")[:TOP]
        hit = examples.hit[row]
        overlaps.append(np.intersect1d(small, large).size / max(1, large.size))
        missed = int(hit[large].sum()) - int(hit[small].sum())
        lost.append(missed / max(1, int(examples.n_labels[row])))
    error = float(np.std(lost) / np.sqrt(len(lost)))
    return Agreement(float(np.mean(overlaps)), float(np.mean(lost)), error)


def refuse_if_apart(found: Agreement) -> None:
    """Refuse a graph that ranks otherwise.

    Raises:
        ValueError: The ten best change too much, or recall is lost beyond noise.
    """
    if found.overlap < LEAST_OVERLAP:
        raise ValueError(
            f"8 bits keep {found.overlap:.1%} of the ten best, {LEAST_OVERLAP:.0%} are expected; "
            "train with more weight decay, or keep a layer in float32"
        )
    if found.loss - 2.0 * found.loss_error > MOST_LOSS:
        raise ValueError(
            f"8 bits lose {found.loss:.4f} recall@10, at most {MOST_LOSS} is allowed; "
            "train with more weight decay, or keep a layer in float32"
        )
