"""What the models beside the ranker have in common: an int8 file, its schema, its measured row.

Decides how such a model is packed into a bundle, judged against its naive baseline, and when it is
left out: 8 bits harm it too much, or the baseline is shown to be better. Leaves out what each one
learns: `models.anonymous`, `models.motives`, `models.acceptance`.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edge.core.errors import ConfigError
from models import small_network
from models.judging import Interval
from models.quantization import RoundingError
from models.small_network import Floats, Network

SCHEMA = "stammgast.visit-model.v1"
MOST_INT8_SHIFT = 0.02
"""Mean absolute change of a probability by int8, above which the model is left out."""


class TooLittleError(ConfigError):
    """A log is too young to learn from, or lacks a file; all else of a bundle can be learned.

    Args:
        source: The log.
        reason: What it lacks and what is expected, for the card.
    """

    def __init__(self, source: str, reason: str) -> None:
        super().__init__([f"{source}: {reason}"])
        self.reason = reason


class WorseError(TooLittleError):
    """What was learned is too little to be of use: the naive baseline guesses better."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A model against its naive baseline, on rows that neither has seen.

    Args:
        measure: What is measured; higher is better.
        baseline: Name of the best naive baseline.
        ours, theirs: The measure of each.
        gain: The difference with its interval over resampled visits or customers.
        rows, groups: How much it rests on.
        other: Further figures.
        is_enough: It suffices for a verdict.
    """

    measure: str
    baseline: str
    ours: float
    theirs: float
    gain: Interval
    rows: int
    groups: int
    other: Mapping[str, float] = field(default_factory=dict)
    is_enough: bool = True

    def row(self) -> dict[str, Any]:
        """Return a JSON row for the card."""
        return {
            "measure": self.measure,
            "baseline": self.baseline,
            "ours": round(self.ours, 5),
            "theirs": round(self.theirs, 5),
            "gain": round(self.gain.value, 5),
            "gain_ci95": [round(self.gain.low, 5), round(self.gain.high, 5)],
            "is_better": self.is_enough and self.gain.low > 0,
            "is_enough": self.is_enough,
            "rows": self.rows,
            "groups": self.groups,
            **{name: round(value, 5) for name, value in self.other.items()},
        }


def not_worse(measured: Measured, source: str) -> Measured:
    """Return what was measured of a model that may be shipped.

    Args:
        measured: On rows that neither the model nor its baseline has seen.
        source: The log that it learned from.

    Raises:
        WorseError: The whole interval lies below zero, or is none.
    """
    gain = measured.gain
    if gain.high >= 0:
        return measured
    reason = (
        f"worse by its whole interval than {measured.baseline}: {measured.measure} "
        f"{measured.ours:.4f} against {measured.theirs:.4f}, {gain.low:+.4f} to {gain.high:+.4f}"
    )
    raise WorseError(source, reason)


@dataclass(frozen=True, slots=True)
class VisitModel:
    """A model as it goes into a bundle.

    Args:
        name: `anonymous`, `motive` or `acceptance`.
        onnx: The int8 graph.
        about: Schema hash, feature names and what the box needs to read the answer.
        measured: Its row in the card.
        data: What it was trained and judged on, in a sentence.
        tables: Further files by name.
    """

    name: str
    onnx: bytes
    about: Mapping[str, Any]
    measured: Measured
    data: str
    tables: Mapping[str, bytes] = field(default_factory=dict)

    def files(self) -> dict[str, bytes]:
        """Return the files of the bundle by name."""
        about = {"schema": SCHEMA, "name": self.name, **self.about}
        text = json.dumps(about, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        return {f"{self.name}.onnx": self.onnx, f"{self.name}.json": text.encode(), **self.tables}

    def row(self) -> dict[str, Any]:
        """Return the card's row."""
        size = sum(len(content) for content in self.files().values())
        digest = hashlib.sha256(self.onnx).hexdigest()
        return {"data": self.data, "bytes": size, "sha256": digest, **self.measured.row()}


def packed(
    network: Network, features: Floats, schema_hash: str, names: Sequence[str]
) -> tuple[bytes, dict[str, Any], float]:
    """Quantize a network and hold the int8 answers against the float32 ones.

    Args:
        network: As trained.
        features: float32[n, F], rows on which both are compared.
        schema_hash: Of the inputs, checked by the box.
        names: The inputs in their order.

    Returns:
        The int8 graph, what the box needs to know, and the mean absolute shift.

    Raises:
        RoundingError: int8 answers differ by more than `MOST_INT8_SHIFT`, or are no numbers.
    """
    model = small_network.onnx_bytes(network)
    sample = features[:: max(1, len(features) // 5_000)]
    shift = np.abs(small_network.run(model, sample) - network.probabilities(sample)).mean()
    if not shift <= MOST_INT8_SHIFT:  # nor where it is no number
        raise RoundingError(
            f"8 bits move its probabilities by {shift:.4f}; expected {MOST_INT8_SHIFT} at most"
        )
    return model, {"features": list(names), "hash": schema_hash}, float(shift)
