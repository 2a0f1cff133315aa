"""Train and judge the acceptance model on a chain's coupon log, or on its log of offers.

Decides the split in time and the naive baselines: the rate of all offers, of the offer's kind, and
of the kind times the customer's own past rate. Where an old policy chose what was shown, every row
counts by the inverse of its chance (`edge.core.off_policy.weights`), in training and in judging:
else the model would learn what that policy preferred. Personal logs of boxes stay in their store,
so the model learns from what a chain's loyalty programme holds anyway; the box learns by itself
(`edge.core.learning`). Leaves out the inputs (`edge.core.acceptance`) and reading the logs
(`models.coupons`, `models.offer_log`).
"""

import numpy as np
import numpy.typing as npt

from edge.core import acceptance
from models import judging, small_network
from models.bundle import npz_bytes
from models.offers import Market, Rows, Teaching
from models.small_network import Network, Plan
from models.visit_models import Measured, TooLittleError, VisitModel, not_worse, packed

PLAN = Plan(widths=(16,), epochs=6, batch=2048, decay=1e-3)
TEST_SHARE = 0.3
"""Share of the campaigns, the latest to begin, that the model is judged on."""
CALIBRATING = 40
"""Customers that calibrate a small chain's model: what one of them thinks moves it no more."""
MOST_HELD_OUT, LEAST_HELD_OUT = 4, 10
"""Every fourth customer of a small chain is held out for it, every tenth of a large one."""
LEAST_CUSTOMERS = MOST_HELD_OUT
"""Customers under which one that is held out leaves nobody to learn from, or to judge by."""


def train(teaching: Teaching, seed: int) -> VisitModel:
    """Train on the earlier campaigns, judge on the later ones, and pack.

    Raises:
        TooLittleError: Nothing can be learned from the log yet, or nothing better than its rates.
    """
    earlier, later = split(teaching.rows)
    if not (earlier.is_accepted.any() and later.is_accepted.any()):
        reason = (
            "nothing taken of the offers learned from, or of those judged; expected some of both"
        )
        raise TooLittleError(teaching.source, reason)
    if later.is_accepted.all():
        reason = "every offer judged was taken; expected some that were not"
        raise TooLittleError(teaching.source, reason)
    for rows, what in ((earlier, "to learn from"), (later, "to judge by")):
        if (customers := np.unique(rows.customer).size) < LEAST_CUSTOMERS:
            reason = f"offers to {customers} customers {what}; expected {LEAST_CUSTOMERS} at least"
            raise TooLittleError(teaching.source, reason)
    network = fit(earlier, seed)
    onnx, about, shift = packed(
        network, later.features, acceptance.SCHEMA_HASH, acceptance.FEATURES
    )
    measured = judge(small_network.run(onnx, later.features), earlier, later, seed, shift)
    measured = not_worse(measured, teaching.source)
    about |= _about(teaching.market)
    tables = {"acceptance.npz": npz_bytes({"lines": teaching.market.lines})}
    return VisitModel("acceptance", onnx, about, measured, teaching.about, tables)


def _about(market: Market) -> dict[str, object]:
    """Return what a box reads beside the network: rates to hold a chance against, and items."""
    rates = {"store": market.rates.store, "kinds": dict(market.rates.kinds)}
    return {"rates": rates, "items": list(market.item_ids)}


def split(rows: Rows) -> tuple[Rows, Rows]:
    """Return the campaigns that ended before the judged ones began, and the judged ones."""
    _, first = np.unique(rows.campaign, return_index=True)
    starts = np.sort(rows.starts[first])
    cut = starts[int(len(starts) * (1 - TEST_SHARE))]
    return rows.of(rows.ends < cut), rows.of(rows.starts >= cut)


def fit(rows: Rows, seed: int) -> Network:
    """Train by the rows' weights; the customers of the calibration rows are in no training row."""
    customers = np.unique(rows.customer)
    every = max(MOST_HELD_OUT, min(LEAST_HELD_OUT, customers.size // CALIBRATING))
    held_out = np.isin(rows.customer, customers[::every])
    return small_network.train(rows.features, rows.is_accepted, seed, PLAN, rows.weight, held_out)


def baselines(earlier: Rows, later: Rows) -> dict[str, npt.NDArray[np.float64]]:
    """Return the naive guesses for the judged rows."""
    own = np.exp(later.features[:, acceptance.FEATURES.index("accept_rate")])
    kind = later.kind_rate.astype(np.float64)
    return {
        "rate of all offers": np.full(
            kind.size, np.average(earlier.is_accepted, weights=earlier.weight)
        ),
        "rate of the offer's kind": kind,
        "rate of the kind times the customer's own": np.clip(kind * own, 1e-6, 0.5),
    }


def judge(
    chances: npt.NDArray[np.floating], earlier: Rows, later: Rows, seed: int, shift: float
) -> Measured:
    """Compare log losses with the best naive baseline, over resampled customers."""
    labels, weight = later.is_accepted, later.weight
    losses = {n: judging.log_losses(b, labels) for n, b in baselines(earlier, later).items()}
    best = min(losses, key=lambda name: np.average(losses[name], weights=weight))
    ours = judging.log_losses(chances, labels)
    return Measured(
        measure="negative log loss per offer",
        baseline=best,
        ours=-float(np.average(ours, weights=weight)),
        theirs=-float(np.average(losses[best], weights=weight)),
        gain=judging.mean_interval(losses[best] - ours, later.customer, seed, weights=weight),
        rows=labels.size,
        groups=np.unique(later.customer).size,
        other={
            "auc": judging.auc(chances, labels, weight),
            "baseline_auc": judging.auc(baselines(earlier, later)[best], labels, weight),
            "ece": judging.reliability(chances, labels, weights=weight).ece,
            "share_taken": float(np.average(labels, weights=weight)),
            "int8_shift": shift,
        },
    )
