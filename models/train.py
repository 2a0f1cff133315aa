"""Train a bundle from purchase histories: tables, encoder, ranker, calibration, files.

The order: count tables and train an encoder for some moments of the past (stages); train the
ranker on what was bought next at each; tune it on the newest labels, which a small store does not;
calibrate on customers held out of a second tuning, though not of the pretraining; count everything
again up to today; write. `prepare_course` does what all folds of a benchmark share. Leaves out
reading receipts, and how many customers are enough (`models.pipeline`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edge.core.features import FEATURE_NAMES
from edge.core.history import Floats, History, Ints
from edge.core.item_tables import ItemTables
from edge.core.ranking import Calibration
from models import bundle, calibrate
from models.adam import Tree
from models.encoder import EncoderPlan, baskets_to_learn
from models.everybody import Everybody
from models.network import onnx_bytes
from models.purchases import Purchases
from models.quantization import Agreement, gated
from models.ranker import (
    Network,
    RankerPlan,
    Scaling,
    are_few,
    fit,
    float_logits,
    initial,
    scaling_of,
)
from models.stages import Examples, Label, examples_of, stage, tables_of

Progress = Callable[[str], None]
LONG_HISTORY = 8
"""Mean baskets a customer for every further stage that may share tables with an older one."""
LEAST_NEWCOMERS = 200
"""Examples without a history that a small store's ranker gets as well."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that shapes a training.

    Args:
        max_back: Most stages of the past used for pretraining.
        enough: Customers over all stages that are enough; large chains need few stages.
        newcomers: Share of the newest stage's customers who are learned from a second time as if
            nothing were known of them.
        encoder, ranker: See there.
    """

    max_back: int = 5
    enough: int = 20_000
    newcomers: float = 0.1
    encoder: EncoderPlan = field(default_factory=EncoderPlan)
    ranker: RankerPlan = field(default_factory=RankerPlan)


@dataclass(frozen=True, slots=True)
class Course:
    """What trainings on the same purchases share.

    Args:
        tables: Over all purchases, as a box will read them.
        histories: Of every customer learned from, all baskets.
        params, scaling: The pretrained ranker.
        newest: Examples of the newest pretraining stage, for tuning when no labels are given.
        newcomers: Examples without a history.
        plan, seed: As given.
    """

    tables: ItemTables
    histories: list[History]
    params: Tree
    scaling: Scaling
    newest: Examples
    newcomers: Examples
    plan: Plan
    seed: int


def prepare_course(
    everybody: Everybody,
    learned: Purchases,
    category: Ints | None = None,
    plan: Plan | None = None,
    seed: int = 0,
    progress: Progress = lambda _: None,
) -> Course:
    """Count, encode and pretrain on the baskets of the purchases.

    Args:
        everybody: All of them are counted.
        learned: Of the customers that encoder and ranker learn from.
        category: int32[items] or None.
        plan: Sizes and schedules.
        seed: Of everything random.
        progress: Called with a sentence at each step.
    """
    plan = plan or Plan()
    stages, newcomers = _stages(everybody, learned, category, plan, seed, progress)
    scaling = scaling_of(_sample(stages))
    progress("pretraining")
    params = initial(len(FEATURE_NAMES), everybody.n_items, plan.encoder.size, plan.ranker, seed)
    examples, ranker = [*stages, newcomers], plan.ranker
    params = fit(params, examples, scaling, ranker, ranker.rate, ranker.epochs, seed)
    progress("counting and encoding everything")
    tables = tables_of(everybody, learned, category, plan.encoder, seed)
    return Course(
        tables,
        learned.histories(),
        params,
        scaling,
        stages[0],
        newcomers,
        plan=plan,
        seed=seed,
    )


def _stages(
    everybody: Everybody,
    learned: Purchases,
    category: Ints | None,
    plan: Plan,
    seed: int,
    progress: Progress,
) -> tuple[list[Examples], Examples]:
    """Return the examples of each stage, the newest first, and those without a history.

    Where customers have long histories several stages share the tables of their oldest: that
    saves trainings of the encoder, and is what a store sees, whose tables age between trainings.
    """
    shared = int(learned.customer.size / max(1, len(learned.customer_ids)) // LONG_HISTORY)
    shared = min(max(1, shared), plan.max_back)
    stages: list[Examples] = []
    for back in range(1, plan.max_back + 1):
        histories, labels = stage(learned, back)
        if stages and (not labels or sum(s.n_customers for s in stages) >= plan.enough):
            break
        if (back - 1) % shared == 0:
            progress(f"stage {back}: counting and encoding")
            age = back - 1 + shared
            known, read = everybody.without_newest(age), learned.without_newest(age)
            tables = tables_of(known, read, category, plan.encoder, seed)
        progress(f"stage {back}: candidates and features of {len(labels)} customers")
        stages.append(examples_of(histories, labels, tables))
        if back == 1:
            unknown = [History.empty()] * len(histories)
            newcomers = examples_of(unknown, _some(labels, plan.newcomers), tables)
    return stages, newcomers


def _some(labels: dict[int, Label], share: float) -> dict[int, Label]:
    """Return the labels of an evenly spread share of the customers, of all where they are few."""
    wanted = max(LEAST_NEWCOMERS, round(len(labels) * share))
    step = max(1, len(labels) // wanted)
    return dict(list(labels.items())[::step])


def _sample(stages: Sequence[Examples], rows: int = 200_000) -> Floats:
    """Return at most about `rows` feature rows, evenly over the newest stage."""
    newest = stages[0]
    filled = np.flatnonzero(newest.mask)
    chosen = filled[:: max(1, filled.size // rows)]
    flat = newest.features.reshape(-1, newest.features.shape[-1])
    return flat[chosen].astype(np.float32)


def tune(course: Course, examples: Examples) -> tuple[Network, Calibration, Agreement]:
    """Tune on the newest labels, and calibrate on customers left out of a tuning of its own.

    The pretraining has read `Course.newest`, those customers too. Where they are few, learning them
    a second time would harm: a small course is not tuned on them, so nothing of its calibration is
    held out. What probabilities are worth only baskets tell that came later (`models.evaluation`).

    Returns:
        The network, its calibration, and how its int8 graph ranks against it.

    Raises:
        RoundingError: Rounded to 8 bits the network would rank otherwise.
    """
    is_few = are_few([examples, course.newcomers], course.plan.ranker)
    learn = _pretrained if is_few and examples is course.newest else _tuned
    calibration = _calibration(course, examples, learn)
    params = learn(course, examples)
    samples = [examples] if examples is course.newest else [examples, course.newest]
    network, found = gated(Network(params, course.scaling), samples)
    return network, calibration, found


def _pretrained(course: Course, _: Examples) -> Tree:
    """Return what the pretraining learned, from everybody."""
    return course.params


def _tuned(course: Course, examples: Examples) -> Tree:
    plan = course.plan.ranker
    return fit(
        course.params,
        [examples, course.newcomers],
        course.scaling,
        plan,
        plan.tune_rate,
        plan.tune_epochs,
        course.seed + 1,
    )


def _calibration(
    course: Course, examples: Examples, learn: Callable[[Course, Examples], Tree]
) -> Calibration:
    """Learn from half of the customers and fit the map on the scores of the other half.

    Both halves were in the pretraining, where `learn` is no more than that.
    """
    is_held_out = np.random.default_rng(course.seed).random(examples.n_customers) < 0.5
    params = learn(course, examples.of(~is_held_out))
    rest = examples.of(is_held_out)
    scores = float_logits(params, course.scaling, rest)
    return calibrate.fit(scores[rest.mask], rest.hit[rest.mask])


def train(
    everybody: Everybody,
    learned: Purchases,
    item_ids: Sequence[str],
    out: Path,
    category: Ints | None = None,
    plan: Plan | None = None,
    seed: int = 0,
) -> None:
    """Train on everybody's baskets and write a bundle.

    Args:
        everybody: All of them are counted.
        learned: Of the customers that encoder and ranker learn from; two baskets of one at least.
        item_ids: The item index.
        out: The bundle's folder.
        category: int32[items] or None.
        plan: Sizes and schedules.
        seed: The same seed gives the same bytes on the same machine.

    Raises:
        RoundingError: Rounded to 8 bits the network would rank otherwise.
    """
    course = prepare_course(everybody, learned, category, plan, seed)
    network, calibration, rounding = tune(course, course.newest)
    extent = everybody.extent()
    metrics = {
        "customers": extent.customers,
        "customers_learned": len(learned.customer_ids),
        "baskets": extent.baskets,
        "baskets_a_pass": baskets_a_pass(learned, course.plan),
        "lines": extent.lines,
        "newest_day": extent.newest_day,
        "seed": seed,
        "int8": rounding.row(network),
    }
    bundle.write(out, onnx_bytes(network), course.tables, item_ids, calibration, metrics)


def baskets_a_pass(learned: Purchases, plan: Plan) -> int:
    """Return how many next baskets a pass of the encoder learns, for the card."""
    return min(plan.encoder.most_baskets, baskets_to_learn(learned))
