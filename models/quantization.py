"""Hold the 8-bit graph against the float network before anything is shipped.

Decides what loss is too much, and which layers stay in float32 where 8 bits lose more. The graph
runs in the runtime the box uses, over the same candidates; the float network over unrounded
weights. Leaves out how a graph is written (`models.network`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnxruntime

from edge.core.history import Floats
from models.network import onnx_bytes
from models.ranker import Network, float_logits
from models.stages import Examples

TOP = 10
LEAST_OVERLAP = 0.98
"""Mean share of the ten best that must stay; 8-bit weights keep .997 where nothing is wrong."""
MOST_LOSS = 0.001
"""Recall@10 that rounding may cost on the sample."""
SAMPLE = 2000
"""Customers compared of each set of examples."""


class RoundingError(ValueError):
    """A network that answers otherwise in 8 bits."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How alike two rankings are: mean overlap of the ten best, recall lost and its error.

    Args:
        overlap: Of the ten best, in [0, 1].
        loss: Of recall@10; below 0 where rounding gained some.
        loss_error: Standard error of the loss over the customers.
        customers: Compared.
    """

    overlap: float
    loss: float
    loss_error: float
    customers: int

    @property
    def holds(self) -> bool:
        """Whether the sample shows no more loss than is allowed."""
        return self.overlap >= LEAST_OVERLAP and self.loss <= MOST_LOSS

    def row(self, network: Network) -> dict[str, Any]:
        """Return the JSON form for metrics.json and the card."""
        return {
            "top10_overlap": round(self.overlap, 5),
            "recall_loss": round(self.loss, 6),
            "recall_loss_error": round(self.loss_error, 6),
            "most_recall_loss": MOST_LOSS,
            "customers": self.customers,
            "layers_in_float32": sorted(network.exact),
        }


def gated(network: Network, samples: Sequence[Examples]) -> tuple[Network, Agreement]:
    """Return the network with as few layers in float32 as the samples allow, and how it ranks.

    All layers are tried in 8 bits first. While that loses too much, the layer whose float weights
    bring back most of the ten best is written in float32 as well. The choice trusts the sample's
    mean, not its error: an unlucky sample costs some kilobytes, never a ranking.

    Args:
        network: Trained.
        samples: Candidates of customers, several sets where there are; the more, the surer.

    Raises:
        RoundingError: Even with every layer in float32 the graph ranks otherwise.
    """
    exact = [float_logits(network.params, network.scaling, sample) for sample in samples]

    def measured(layers: frozenset[int]) -> Agreement:
        return agreement(onnx_bytes(replace(network, exact=layers)), exact, samples)

    left = set(range(sum(name.startswith("weight_") for name in network.params)))
    kept: frozenset[int] = frozenset()
    found = measured(kept)
    while left and not found.holds:
        tried = {layer: measured(kept | {layer}) for layer in sorted(left)}
        best = max(tried, key=lambda layer: (tried[layer].overlap, -tried[layer].loss))
        kept, found = kept | {best}, tried[best]
        left.remove(best)
    refuse_if_apart(found)
    return replace(network, exact=kept), found


def agreement(model: bytes, exact: Sequence[Floats], samples: Sequence[Examples]) -> Agreement:
    """Compare the graph's ten best with the float network's.

    Args:
        model: The ONNX graph.
        exact: float32[customers, n] of each sample, the float network's logits.
        samples: The candidates; at most `SAMPLE` customers of each are compared.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    overlaps, lost = [], []
    for logits, examples in zip(exact, samples, strict=True):
        for row in range(min(SAMPLE, examples.n_customers)):
            n = int(examples.mask[row].sum())
            feed = {
                "features": examples.features[row, :n].astype(np.float32),
                "items": examples.items[row, :n].astype(np.int64),
                "person": examples.person[row : row + 1],
            }
            small = np.argsort(-session.run(None, feed)[0], kind="stable")[:TOP]
            large = np.argsort(-logits[row, :n], kind="stable")[:TOP]
            hit = examples.hit[row]
            overlaps.append(np.intersect1d(small, large).size / max(1, large.size))
            missed = int(hit[large].sum()) - int(hit[small].sum())
            lost.append(missed / max(1, int(examples.n_labels[row])))
    error = float(np.std(lost) / np.sqrt(len(lost)))
    return Agreement(float(np.mean(overlaps)), float(np.mean(lost)), error, len(lost))


def refuse_if_apart(found: Agreement) -> None:
    """Refuse a graph that ranks otherwise.

    Two standard errors are allowed for noise: a sample of some hundred customers measures the loss
    to some thousandths, so what passes may lose more than `MOST_LOSS`. The card tells how much.

    Raises:
        RoundingError: The ten best change too much, or recall is lost beyond noise.
    """
    if found.overlap < LEAST_OVERLAP:
        raise RoundingError(
            f"8-bit item vectors keep {found.overlap:.1%} of the ten best, {LEAST_OVERLAP:.0%} are "
            "expected; train with more weight decay"
        )
    if found.loss - 2.0 * found.loss_error > MOST_LOSS:
        raise RoundingError(
            f"8-bit item vectors lose {found.loss:.4f} recall@10, at most {MOST_LOSS} is allowed; "
            "train with more weight decay"
        )
