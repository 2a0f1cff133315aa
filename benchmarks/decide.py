"""One decision for one known customer: candidates, features, score, choice, on one core.

The bundle has the shipped sizes over a drawn store of 12,000 products; its weights are untrained,
which costs the same time. `p50_ms` is a decision during a visit; `first_p50_ms` is the first one,
which prepares the customer's part as well.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks.bench import arguments, percentile, report
from edge.adapters.onnx.ranker import Bundle, load_bundle
from edge.core.candidates import Context, Prepared, candidates, prepare
from edge.core.features import FEATURE_NAMES, features
from edge.core.history import History
from edge.core.item_tables import Encoder, ItemTables, packed, unpacked
from edge.core.ranking import Calibration, ranked, with_moment
from models import bundle
from models.counting import count
from models.encoder import EncoderPlan
from models.network import onnx_bytes
from models.purchases import Purchases
from models.ranker import Network, RankerPlan, initial, scaling_of

PRODUCTS = 12_000
CUSTOMERS = 3_000
SHOWN = 3


def histories(rng: np.random.Generator) -> dict[str, History]:
    """Draw customers with 2 to 30 baskets of popular and personal items."""
    chance = 1.0 / np.arange(10, PRODUCTS + 10)
    chance /= chance.sum()
    people = {}
    for number in range(CUSTOMERS):
        staples = rng.choice(PRODUCTS, 25, p=chance)
        history = History.empty()
        for visit in range(int(rng.integers(2, 31))):
            own = rng.choice(staples, int(rng.integers(1, 6)))
            other = rng.choice(PRODUCTS, int(rng.integers(0, 4)), p=chance)
            history = history.extended(np.concatenate([own, other]).astype(np.int32), visit * 7.0)
        people[f"M{number:05d}"] = history
    return people


def draw_bundle(people: dict[str, History], out: Path, rng: np.random.Generator) -> Bundle:
    """Count real tables, leave the weights as they start, and load it all as a box does."""
    counts = count(Purchases.of_histories(people, PRODUCTS))
    plan = EncoderPlan()

    def draw(*shape: int) -> np.ndarray:
        return rng.normal(0.0, 0.1, shape).astype(np.float32)

    encoder = Encoder(
        draw(PRODUCTS, plan.size),
        draw(3 * plan.size, plan.hidden),
        draw(plan.hidden),
        draw(plan.hidden, plan.size),
        draw(plan.size),
        draw(PRODUCTS, plan.size),
        draw(PRODUCTS),
    )
    values = {name: getattr(counts, name) for name in counts.__dataclass_fields__}
    categories = rng.integers(0, 80, PRODUCTS).astype(np.int32)
    tables = unpacked(packed(ItemTables(category=categories, encoder=encoder, **values)))
    ids = [f"P{number:05d}" for number in range(PRODUCTS)]
    ranker = RankerPlan()
    params = initial(len(FEATURE_NAMES), PRODUCTS, plan.size, ranker, 0)
    rows = draw(1000, len(FEATURE_NAMES))
    network = Network({name: np.array(v) for name, v in params.items()}, scaling_of(rows))
    line = Calibration(np.array([-40.0, 40.0], np.float32), np.array([1e-6, 1.0], np.float32))
    bundle.write(out, onnx_bytes(network), tables, ids, line, {})
    return load_bundle(out, ids)


def decide(box: Bundle, prepared: Prepared, context: Context) -> list[int]:
    """Return the best items of this moment."""
    found = candidates(prepared, box.tables, context)
    rows = features(prepared, found, box.tables, context)
    probability = with_moment(box.ranker.score(rows, found.items, prepared.person), found)
    best = ranked(probability, found.items, SHOWN)
    return [int(item) for item in found.items[best]]


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--decisions", type=int, default=3000)
    options: argparse.Namespace = parser.parse_args()
    rng = np.random.default_rng(0)
    people = list((known := histories(rng)).values())
    with tempfile.TemporaryDirectory() as folder:
        box = draw_bundle(known, Path(folder), rng)
        size = bundle.loaded_bytes(Path(folder))
    zones = [rng.choice(PRODUCTS, 400, replace=False).astype(np.int32) for _ in range(12)]
    chosen = rng.integers(0, len(people), options.decisions)
    moments = [
        (people[who], Context(day=220.0, zone=zones[int(rng.integers(12))])) for who in chosen
    ]
    prepared = [prepare(history, box.tables) for history, _ in moments[:300]]

    def later(at: int) -> None:
        decide(box, prepared[at % len(prepared)], moments[at][1])

    def first(at: int) -> None:
        decide(box, prepare(moments[at][0], box.tables), moments[at][1])

    during, with_prepare = _times(later, len(moments)), _times(first, len(moments))
    report(
        {
            "p50_ms": percentile(during, 50),
            "p99_ms": percentile(during, 99),
            "first_p50_ms": percentile(with_prepare, 50),
            "first_p99_ms": percentile(with_prepare, 99),
            "decisions_per_s": round(len(during) / (sum(during) / 1e3)),
            "products": PRODUCTS,
            "model_bytes": size,
        },
        is_quiet=options.json,
    )


def _times(step: Callable[[int], None], n: int) -> list[float]:
    """Return milliseconds of each of n steps, after a short warm-up."""
    for at in range(min(50, n)):
        step(at)
    times = []
    for at in range(n):
        began = time.perf_counter()
        step(at)
        times.append((time.perf_counter() - began) * 1e3)
    return times


if __name__ == "__main__":
    main()
