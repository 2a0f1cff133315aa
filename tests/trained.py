"""Bundles of a few purchases that a test holds in memory, trained as a chain trains its own."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from edge.core.history import History
from models.everybody import everybody_of
from models.purchases import Purchases
from models.train import Plan, train


def train_on(
    histories: Mapping[str, History], item_ids: Sequence[str], out: Path, plan: Plan
) -> Path:
    """Train on everybody's baskets and return the bundle.

    Args:
        histories: Per customer id; item indexes refer to `item_ids`.
        item_ids: The item index.
        out: The bundle's folder.
        plan: Sizes and schedules, small enough for a test.
    """
    purchases = Purchases.of_histories(histories, len(item_ids))
    with everybody_of(purchases) as everybody:
        train(everybody, everybody.purchases(), item_ids, out, plan=plan, seed=3)
    return out
