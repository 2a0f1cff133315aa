"""Train and judge the acceptance model on a chain's coupon log.

Decides the split in time and the naive baselines: the rate of all offers, of the campaign's kind,
and of the kind times the customer's own past rate. Personal logs stay in their store, so the
model learns from what a chain's loyalty programme holds anyway; the box goes on learning by
itself (`edge.core.learning`). Leaves out the inputs (`edge.core.acceptance`).
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.core import acceptance
from edge.core.errors import ConfigError
from models import judging, small_network
from models.coupons import Rows, read_rows
from models.small_network import Network, Plan
from models.visit_models import Measured, VisitModel, packed

PLAN = Plan(widths=(16,), epochs=6, batch=2048, decay=1e-3)
TEST_SHARE = 0.3
"""Share of the campaigns, the latest to begin, that the model is judged on."""
DATA = "coupon log: campaigns ended before the judged ones began; the latest 30 % judged"


def train(directory: Path, seed: int) -> VisitModel:
    """Train on the earlier campaigns, judge on the later ones, and pack.

    Raises:
        ConfigError: The log cannot be read, or nothing can be learned from it.
    """
    earlier, later = split(read_rows(directory))
    if not (earlier.is_accepted.any() and later.is_accepted.any()):
        problem = (
            f"{directory / 'coupon_redemptions.csv.gz'}: nothing redeemed in the campaigns "
            "learned from, or in those judged; expected some in both"
        )
        raise ConfigError([problem])
    network = fit(earlier, seed)
    onnx, about, shift = packed(
        network, later.features, acceptance.SCHEMA_HASH, acceptance.FEATURES
    )
    measured = judge(small_network.run(onnx, later.features), earlier, later, seed, shift)
    return VisitModel("acceptance", onnx, about, measured, DATA)


def split(rows: Rows) -> tuple[Rows, Rows]:
    """Return the campaigns that ended before the judged ones began, and the judged ones."""
    _, first = np.unique(rows.campaign, return_index=True)
    starts = np.sort(rows.starts[first])
    cut = starts[int(len(starts) * (1 - TEST_SHARE))]
    return rows.of(rows.ends < cut), rows.of(rows.starts >= cut)


def fit(rows: Rows, seed: int, weights: npt.NDArray[np.float32] | None = None) -> Network:
    """Train; the customers of the calibration rows are in no training row.

    Args:
        rows: From campaigns or from a log of decisions.
        seed: Of weights and order.
        weights: float32[n]: None where everybody on a list got every offer; from a log of choices
            `edge.core.off_policy.weights`, so that what the old policy preferred counts no double.
    """
    held_out = np.isin(rows.customer, np.unique(rows.customer)[::10])
    return small_network.train(rows.features, rows.is_accepted, seed, PLAN, weights, held_out)


def baselines(earlier: Rows, later: Rows) -> dict[str, npt.NDArray[np.float64]]:
    """Return the naive guesses for the judged rows."""
    own = np.exp(later.features[:, acceptance.FEATURES.index("accept_rate")])
    kind = later.kind_rate.astype(np.float64)
    return {
        "rate of all offers": np.full(kind.size, earlier.is_accepted.mean()),
        "rate of the campaign's kind": kind,
        "rate of the kind times the customer's own": np.clip(kind * own, 1e-6, 0.5),
    }


def judge(
    chances: npt.NDArray[np.floating], earlier: Rows, later: Rows, seed: int, shift: float
) -> Measured:
    """Compare log losses with the best naive baseline, over resampled customers."""
    labels = later.is_accepted
    losses = {n: judging.log_losses(b, labels) for n, b in baselines(earlier, later).items()}
    best = min(losses, key=lambda name: losses[name].mean())
    ours = judging.log_losses(chances, labels)
    return Measured(
        measure="negative log loss per offer",
        baseline=best,
        ours=-float(ours.mean()),
        theirs=-float(losses[best].mean()),
        gain=judging.mean_interval(losses[best] - ours, later.customer, seed),
        rows=labels.size,
        groups=np.unique(later.customer).size,
        other={
            "auc": judging.auc(chances, labels),
            "baseline_auc": judging.auc(baselines(earlier, later)[best], labels),
            "ece": judging.reliability(chances, labels).ece,
            "int8_shift": shift,
        },
    )
