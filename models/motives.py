"""Train and judge the model of motives on a log of visits with known motives.

Decides when the model says "unknown": below the probability at which it is right often enough
on visits it has not seen. The naive baseline is the commonest motive, with its frequency as its
certainty. Leaves out the inputs (`edge.core.motives`) and reading the log (`models.visit_log`).
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.core import motives
from models import judging, small_network
from models.small_network import Network, Plan
from models.visit_log import FILE, Snapshots, read_snapshots
from models.visit_models import Measured, TooLittleError, VisitModel, not_worse, packed

PLAN = Plan(widths=(32, 16), epochs=30, batch=128)
WANTED_PRECISION = 0.75
"""How often an answer must be right; a wrong guess about a person's purpose is worse than none."""
LEAST_VISITS = 40
"""Visits of which four calibrate, every tenth: of fewer none may be wrong at `WANTED_PRECISION`."""
DATA = "visits with known motives and zones; every fourth visit judged"


def train(directory: Path, seed: int) -> VisitModel:
    """Train on three quarters of the visits, judge on the rest, and pack.

    Raises:
        TooLittleError: There are fewer visits than `LEAST_VISITS`, or they teach nothing.
        ConfigError: The log is not as expected.
    """
    snapshots = read_snapshots(directory)
    visits = np.unique(snapshots.visit)
    if visits.size < LEAST_VISITS:
        reason = f"{visits.size} visits; expected {LEAST_VISITS} at least"
        raise TooLittleError(str(directory / FILE), reason)
    is_judged = np.isin(snapshots.visit, visits[::4])
    is_held_out = np.isin(snapshots.visit, visits[1::10])
    network = fit(snapshots, ~is_judged, is_held_out, seed)
    onnx, about, shift = packed(network, snapshots.features, motives.SCHEMA_HASH, motives.FEATURES)
    chances = small_network.run(onnx, snapshots.features)
    calibrating = is_held_out & ~is_judged
    least = threshold(chances[calibrating], snapshots.motive[calibrating])
    measured = judge(chances, snapshots, is_judged, least, seed, shift)
    measured = not_worse(measured, str(directory / FILE))
    about |= {"outputs": [motive.value for motive in motives.MOTIVES], "least": least}
    sentence = "; ".join(filter(None, (DATA, snapshots.unknown)))
    return VisitModel("motive", onnx, about, measured, sentence)


def fit(
    snapshots: Snapshots,
    is_training: npt.NDArray[np.bool_],
    is_held_out: npt.NDArray[np.bool_],
    seed: int,
) -> Network:
    """Train on some moments and calibrate on the held-out ones among them."""
    return small_network.train(
        snapshots.features[is_training],
        snapshots.motive[is_training],
        seed,
        PLAN,
        held_out=is_held_out[is_training],
        classes=len(motives.MOTIVES),
    )


def threshold(chances: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> float:
    """Return the lowest probability from which answers are right `WANTED_PRECISION` of the time."""
    best = chances.max(axis=1)
    is_right = chances.argmax(axis=1) == labels
    for percent in range(30, 96):
        least = percent / 100
        answered = best >= least
        if answered.any() and is_right[answered].mean() >= WANTED_PRECISION:
            return least
    return 1.0


def judge(
    chances: npt.NDArray[np.float32],
    snapshots: Snapshots,
    is_judged: npt.NDArray[np.bool_],
    least: float,
    seed: int,
    shift: float,
) -> Measured:
    """Compare log losses with the frequencies of the training visits."""
    labels, found = snapshots.motive[is_judged], chances[is_judged]
    shares = np.bincount(snapshots.motive[~is_judged], minlength=len(motives.MOTIVES))
    naive = -np.log(np.maximum(shares / shares.sum(), 1e-7))[labels]
    ours = -np.log(np.maximum(found[np.arange(labels.size), labels], 1e-7))
    answered = found.max(axis=1) >= least
    is_right = found.argmax(axis=1) == labels
    return Measured(
        measure="negative log loss per moment of a visit",
        baseline="frequency of each motive",
        ours=-float(ours.mean()),
        theirs=-float(naive.mean()),
        gain=judging.mean_interval(naive - ours, snapshots.visit[is_judged], seed),
        rows=labels.size,
        groups=np.unique(snapshots.visit[is_judged]).size,
        other={
            "accuracy": float(is_right.mean()),
            "baseline_accuracy": float((labels == shares.argmax()).mean()),
            "answered": float(answered.mean()),
            "accuracy_answered": float(is_right[answered].mean()) if answered.any() else 0.0,
            "int8_shift": shift,
        },
    )
