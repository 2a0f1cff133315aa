"""Next-basket quality of the shipped int8 bundle, against baselines computed in the same run.

Trains one bundle per fold (nbr-v1) or one in all (strict, global-time), loads each as a box does
and ranks with the box's own candidates, features and scoring. Any folder of the form described in
`benchmarks.next_basket_sets` will do. Days since an event are context where the set has dates.
"""

import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# A box computes features on one thread; BLAS threads that spin would only disturb the training.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt

from benchmarks.bench import arguments, method_table, report
from benchmarks.next_basket_baselines import METHODS, Method
from benchmarks.next_basket_sets import PROTOCOLS, Cut, read
from edge.adapters.onnx.ranker import Bundle, load_bundle
from edge.core.candidates import Context, candidates, prepare
from edge.core.features import features
from edge.core.history import Floats, History, Ints
from edge.core.ranking import ranked
from models import bundle
from models.everybody import everybody_of
from models.judging import reliability
from models.network import onnx_bytes
from models.ranker import Network, float_logits
from models.stages import Examples, Label, examples_of
from models.train import Course, Plan, Progress, prepare_course, tune

LIST = 100
TOP = 10
RESAMPLES = 2000
_DISCOUNT = 1.0 / np.log2(np.arange(TOP) + 2.0)
_IDEAL = np.concatenate([[0.0], np.cumsum(_DISCOUNT)])


@dataclass(frozen=True, slots=True)
class Result:
    """Metrics at 10 by customer number; every array float64[customers of the truth]."""

    recall: npt.NDArray[np.float64]
    ndcg: npt.NDArray[np.float64]
    phr: npt.NDArray[np.float64]


def main() -> None:
    """Measure one set under one protocol and print the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--protocol", choices=PROTOCOLS, default="nbr-v1")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.data is None:
        parser.error("--data names the folder of a next-basket set")
    started = time.perf_counter()

    def say(text: str) -> None:
        if not options.json:
            print(f"{time.perf_counter() - started:7.1f} s  {text}", flush=True)

    cut = read(options.data, options.protocol)
    say(f"{len(cut.truth)} customers to predict, {len(cut.item_ids)} items")
    figures = {"set": options.data.name, "protocol": options.protocol, "seed": options.seed}
    ours, measured = _ours(cut, options.seed, say)
    rivals = {name: _baseline(cut, method) for name, method in METHODS.items()}
    for name, result in rivals.items():
        say(f"{name}: {result.recall.mean():.4f} / {result.ndcg.mean():.4f}")
    found = figures | _figures(cut, ours, rivals) | measured
    if not options.json:
        print(method_table(found), flush=True)
    report(found, is_quiet=options.json)


def _category_codes(categories: Mapping[str, str], item_ids: Sequence[str]) -> Ints | None:
    """Return int32[items] category numbers, -1 where none is known; None without any."""
    if not categories:
        return None
    names = {name: k for k, name in enumerate(sorted({c for c in categories.values() if c}))}
    return np.array([names.get(categories.get(item, ""), -1) for item in item_ids], np.int32)


def _ours(cut: Cut, seed: int, say: Progress) -> tuple[Result, dict[str, object]]:
    """Train, load, rank; return metrics and what was measured beside them."""
    began = time.perf_counter()
    category = _category_codes(cut.categories, cut.item_ids)
    with everybody_of(cut.known) as everybody:
        course = prepare_course(everybody, cut.known, category, Plan(), seed, say)
    course_s = time.perf_counter() - began
    say("candidates and features at the test baskets")
    began = time.perf_counter()
    labels = {who: Label(items, cut.day.get(who)) for who, items in cut.truth.items()}
    newest = examples_of(course.histories, labels, course.tables)
    course_s += time.perf_counter() - began
    runs, tune_s = [], []
    for test in _folds(cut):
        began = time.perf_counter()
        is_other = ~np.isin(newest.customer, test)
        network, calibration, _ = tune(
            course, newest.of(is_other) if is_other.any() else course.newest
        )
        tune_s.append(time.perf_counter() - began)
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "bundle"
            bundle.write(
                out, onnx_bytes(network), course.tables, cut.item_ids, calibration, {"seed": seed}
            )
            size = bundle.loaded_bytes(out)
            box = load_bundle(out, cut.item_ids)
        runs.append(_rank(cut, course, box, network, newest.of(~is_other)))
        say(f"fold of {len(test)} customers: recall@10 {np.mean([r.recall for r in runs[-1]]):.4f}")
    rows = sorted((row for run in runs for row in run), key=lambda row: row.who)
    probability = np.concatenate([row.probability for row in rows])
    bought = np.concatenate([row.bought for row in rows])
    ours = Result(
        np.array([row.recall for row in rows]),
        np.array([row.ndcg for row in rows]),
        np.array([row.recall > 0 for row in rows], np.float64),
    )
    fp32 = np.array([row.fp32_recall for row in rows])
    return ours, {
        "int8_loss": round(float(fp32.mean() - ours.recall.mean()), 5),
        "int8_top10_overlap": round(float(np.mean([row.overlap for row in rows])), 4),
        "model_bytes": size,
        "train_s": round(course_s + float(np.mean(tune_s)), 1),
        "candidate_recall": round(float(np.mean([row.reachable for row in rows])), 4),
        "ece": round(reliability(probability, bought).ece, 5),
        "request_p50_ms": round(float(np.median([row.seconds for row in rows])) * 1e3, 3),
    }


def _folds(cut: Cut) -> Iterator[list[int]]:
    """Yield the customers to predict; the test baskets of all others may be labels."""
    everybody = list(cut.truth)
    if not cut.has_fold_labels:
        yield everybody
        return
    for fold in np.unique(cut.fold):
        yield [who for who in everybody if cut.fold[who] == fold]


@dataclass(frozen=True, slots=True)
class _Row:
    """One customer's outcome: metrics at 10 of the int8 ranking and what surrounds it."""

    who: int
    recall: float
    ndcg: float
    fp32_recall: float
    overlap: float
    reachable: float
    seconds: float
    probability: Floats
    bought: npt.NDArray[np.bool_]


def _rank(
    cut: Cut, course: Course, box: Bundle, network: Network, examples: Examples
) -> list[_Row]:
    """Rank as the box does, and beside it with the network before quantization.

    `examples`, of the customers to predict, serve the unquantized network alone: the box
    computes its own.
    """
    exact = float_logits(network.params, network.scaling, examples)
    rows = []
    for number, who in enumerate(examples.customer.tolist()):
        began = time.perf_counter()
        items, probability, best = decide(box, course.histories[who], cut.day.get(who))
        seconds = time.perf_counter() - began
        top, truth = items[best[:TOP]], cut.truth[who]
        n = items.size
        fp32 = items[ranked(exact[number, :n], items, TOP)]
        recall, ndcg = _metrics(top, truth)
        rows.append(
            _Row(
                who,
                recall,
                ndcg,
                _metrics(fp32, truth)[0],
                np.intersect1d(top, fp32).size / max(1, top.size),
                np.intersect1d(items, truth).size / truth.size,
                seconds,
                probability,
                np.isin(items, truth),
            )
        )
    return rows


def decide(box: Bundle, history: History, day: float | None) -> tuple[Ints, Floats, Ints]:
    """Rank for one customer: candidates, probabilities, positions of the best 100."""
    prepared, context = prepare(history, box.tables, day), Context()
    found = candidates(prepared, box.tables, context)
    rows = features(prepared, found, box.tables, context)
    probability = box.ranker.score(rows, found.items, prepared.person)
    return found.items, probability, ranked(probability, found.items, LIST)


def _metrics(top: Ints, truth: Ints) -> tuple[float, float]:
    """Return recall and ndcg of a list of at most ten items."""
    hit = np.isin(top, truth)
    gain = float((hit * _DISCOUNT[: top.size]).sum())
    return float(hit.sum()) / truth.size, gain / float(_IDEAL[min(TOP, truth.size)])


def _baseline(cut: Cut, method: Method) -> Result:
    """Rank the whole catalogue by a baseline; items it gives no score have no place."""
    recall, ndcg = [], []
    for start, scores in method(cut.known):
        k = min(TOP, scores.shape[1] - 1)
        best = np.argpartition(-scores, k, axis=1)[:, :TOP]
        for row, items in enumerate(best):
            truth = cut.truth.get(start + row)
            if truth is None:
                continue
            items = items[np.lexsort((items, -scores[row, items]))].astype(np.int32)
            found = _metrics(items[scores[row, items] > 0], truth)
            recall.append(found[0])
            ndcg.append(found[1])
    hits = np.array(recall)
    return Result(hits, np.array(ndcg), (hits > 0).astype(np.float64))


def _figures(cut: Cut, ours: Result, rivals: Mapping[str, Result]) -> dict[str, object]:
    """Return the keys of the benchmark's last line."""
    fold = cut.fold[np.fromiter(cut.truth, np.int64)]
    by_fold = [float(ours.recall[fold == f].mean()) for f in np.unique(fold)]
    best = max(rivals, key=lambda name: float(rivals[name].recall.mean()))
    low, high = _interval(ours.recall - rivals[best].recall)

    def mean(values: npt.NDArray[np.float64]) -> float:
        return round(float(np.mean([values[fold == f].mean() for f in np.unique(fold)])), 4)

    return {
        "recall_at_10": mean(ours.recall),
        "recall_at_10_sd": round(float(np.std(by_fold, ddof=1)), 4),
        "ndcg_at_10": mean(ours.ndcg),
        "phr_at_10": mean(ours.phr),
        "best_baseline": best,
        "best_baseline_recall_at_10": mean(rivals[best].recall),
        "gain_ci95": [round(low, 4), round(high, 4)],
        "baselines": {
            name: [mean(result.recall), mean(result.ndcg)] for name, result in rivals.items()
        },
        "customers": len(cut.truth),
    }


def _interval(difference: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the paired bootstrap's 95 % interval of the mean difference."""
    rng = np.random.default_rng(0)
    n = difference.size
    means = [difference[rng.integers(0, n, n)].mean() for _ in range(RESAMPLES)]
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


if __name__ == "__main__":
    main()
