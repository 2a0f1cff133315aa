"""Judge a bundle on baskets it has not seen: ranking, calibration, and the naive rivals.

Decides what is measured, with the box's own candidates and features. Leaves out which baskets are
held out (`models.held_out`) and the published rivals, which `benchmarks.next_basket` computes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from edge.core.candidates import Context, candidates, prepare
from edge.core.features import features
from edge.core.history import Floats, History, Ints
from edge.core.item_tables import ItemTables, unpacked
from edge.core.ranking import Calibration
from models.calibrate import rising
from models.judging import Interval, Reliability, mean_interval, reliability
from models.stages import Label

K = 10
"""Length of the judged list, as in protocol nbr-v1."""
MOST_CUSTOMERS = 4_000
"""Customers that are judged; more narrow the interval by little and cost a minute each 30,000."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle opened for judging, in its own item order."""

    session: Any
    tables: ItemTables
    calibration: Calibration
    item_ids: tuple[str, ...]
    metrics: Mapping[str, Any]

    @classmethod
    def open(cls, path: Path) -> "Bundle":
        """Open a folder that `models.bundle` wrote; whether it may be trusted is the box's ask."""
        with np.load(path / "tables.npz", allow_pickle=False) as arrays:
            tables = unpacked(arrays)
        points = json.loads((path / "calibration.json").read_text(encoding="utf-8"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        return cls(
            onnxruntime.InferenceSession(
                (path / "model.onnx").read_bytes(), options, providers=["CPUExecutionProvider"]
            ),
            tables,
            Calibration(
                np.array(points["logit"], np.float32), np.array(points["probability"], np.float32)
            ),
            tuple(json.loads((path / "items.json").read_text(encoding="utf-8"))),
            json.loads((path / "metrics.json").read_text(encoding="utf-8")),
        )

    def score(self, history: History, day: float | None) -> tuple[Ints, Floats]:
        """Return a customer's candidates and their probabilities."""
        prepared, context = prepare(history, self.tables, day), Context()
        found = candidates(prepared, self.tables, context)
        inputs = features(prepared, found, self.tables, context)
        return found.items, self.calibration(self.logits(inputs, found.items, prepared.person))

    def logits(self, inputs: Floats, items: Ints, person: Floats) -> Floats:
        """Return raw scores, float32[n]; `person` is float32[d], or float32[n, d] by row."""
        feed = {
            "features": inputs,
            "items": items.astype(np.int64),
            "person": person.reshape(-1, person.shape[-1]),
        }
        logit: Floats = self.session.run(None, feed)[0]
        return logit


@dataclass(frozen=True, slots=True)
class Answer:
    """What a bundle says of one customer, and what came of it.

    Args:
        customer: Number among those asked about. day: Of the basket, where known.
        history: Before it.
        items: int32[n], the candidates; chance: float32[n]; hit: bool[n], bought then.
        label: int32[k], everything bought then.
    """

    customer: int
    day: float | None
    history: History
    items: Ints
    chance: Floats
    hit: npt.NDArray[np.bool_]
    label: Ints


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a bundle is worth on unseen baskets.

    Args:
        customers: Judged.
        ours, rivals: recall@10, ndcg@10 and phr@10 by name of the method.
        best_rival: The rival with the highest recall.
        gain: Paired difference in recall to it, with its interval over customers.
        diagram: Reliability of the probabilities of all candidates.
        floors: Lowest probability worth showing by surface, see `floors`.
    """

    customers: int
    ours: dict[str, float]
    rivals: dict[str, dict[str, float]]
    best_rival: str
    gain: Interval
    diagram: Reliability
    floors: dict[str, float | None]

    def row(self) -> dict[str, Any]:
        """Return the JSON form for metrics.json and the card."""
        return {
            "customers_judged": self.customers,
            **{f"{name}_at_10": round(value, 5) for name, value in self.ours.items()},
            "rivals": {
                rival: {f"{name}_at_10": round(value, 5) for name, value in row.items()}
                for rival, row in self.rivals.items()
            },
            "best_rival": self.best_rival,
            "gain": round(self.gain.value, 5),
            "gain_ci95": [round(self.gain.low, 5), round(self.gain.high, 5)],
            "ece": round(self.diagram.ece, 6),
            "reliability": {
                "predicted": [round(float(x), 6) for x in self.diagram.predicted],
                "observed": [round(float(x), 6) for x in self.diagram.observed],
                "rows": [int(x) for x in self.diagram.rows],
            },
            "floors": self.floors,
        }


def ask(bundle: Bundle, histories: Sequence[History], labels: Mapping[int, Label]) -> list[Answer]:
    """Ask a bundle about customers whose next basket is known to us.

    Args:
        bundle: Trained on nothing later than the histories; they follow its item order.
        histories: By customer number.
        labels: What was bought next, by customer number.
    """
    answers = []
    for customer in sorted(labels):
        label, history = labels[customer], histories[customer]
        items, chance = bundle.score(history, label.day)
        hit = np.isin(items, label.items)
        answers.append(Answer(customer, label.day, history, items, chance, hit, label.items))
    return answers


def judge(answers: Sequence[Answer], popular: Ints, seed: int) -> Judgement:
    """Compare the answers with what was bought, and with what naive methods would have said.

    Args:
        answers: See `ask`.
        popular: int32[items], the items from the most bought by everybody on.
        seed: Of the interval.
    """
    rank = np.argsort(popular)
    rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in (_OURS, *_RIVALS)}
    for answer in answers:
        order = np.lexsort((answer.items, -answer.chance))
        rows[_OURS].append(measures(answer.items[order[:K]], answer.label))
        for name, ranked in rivals(answer.history, rank).items():
            rows[name].append(measures(ranked, answer.label))
    table = {name: np.array(values) for name, values in rows.items()}
    best = max(_RIVALS, key=lambda name: table[name][:, 0].mean())
    customers = np.array([answer.customer for answer in answers])
    gain = mean_interval(table[_OURS][:, 0] - table[best][:, 0], customers, seed)
    chance = np.concatenate([answer.chance for answer in answers])
    hit = np.concatenate([answer.hit for answer in answers])
    return Judgement(
        len(answers),
        _means(table[_OURS]),
        {name: _means(table[name]) for name in _RIVALS},
        best,
        gain,
        reliability(chance, hit),
        floors(chance, hit),
    )


_OURS = "ours"
_RIVALS = ("G-TopFreq", "P-TopFreq", "GP-TopFreq")
_MEASURES = ("recall", "ndcg", "phr")
FLOOR_SHARES = {"tablet": 0.05, "station": 0.10, "push": 0.20}
"""Share of shown items that should be bought, per surface: our proposal, an interruption must be
worth more than a line on an associate's screen."""
LEAST_CARDS = 20
"""Cards above a floor without which it rests on chance."""


def _means(values: npt.NDArray[np.float64]) -> dict[str, float]:
    return {n: float(v) for n, v in zip(_MEASURES, values.mean(axis=0), strict=True)}


def measures(ranked: Ints, bought: Ints) -> tuple[float, float, float]:
    """Return recall, ndcg and hit rate of a list against a basket (protocol nbr-v1)."""
    is_hit = np.isin(ranked[:K], bought)
    discount = 1.0 / np.log2(np.arange(2, K + 2))
    ideal = discount[: min(K, bought.size)].sum()
    gained = discount[: is_hit.size][is_hit].sum()
    return is_hit.sum() / bought.size, gained / ideal, float(is_hit.any())


def rivals(history: History, rank: npt.NDArray[np.int64]) -> dict[str, Ints]:
    """Return the lists of the naive methods: everybody's, own, and own before everybody's.

    Args:
        history: The customer's.
        rank: int64[items], 0 the most bought.
    """
    own = np.bincount(history.item, minlength=rank.size)
    everybody = np.argsort(rank)[:K]
    mine = np.lexsort((rank, -own))[:K]
    return {
        "G-TopFreq": everybody.astype(np.int32),
        "P-TopFreq": mine[own[mine] > 0].astype(np.int32),
        "GP-TopFreq": mine.astype(np.int32),
    }


def floors(chances: Floats, hits: npt.NDArray[np.bool_]) -> dict[str, float | None]:
    """Return, per surface, the lowest probability from which each card is bought often enough.

    Read from the rising curve through what was bought, so the card at the floor itself is bought as
    often as asked: a mean over all cards above it would let many cards that nobody wants live on a
    few that everybody does. None where no probability of at least 20 cards reaches the share: the
    surface then shows nothing unasked.
    """
    order = np.argsort(chances, kind="stable")
    share = rising(hits[order].astype(np.float64), np.ones(order.size))
    found: dict[str, float | None] = {}
    for surface, wanted in FLOOR_SHARES.items():
        first = int(np.searchsorted(share, wanted))
        is_reached = order.size - first >= LEAST_CARDS
        found[surface] = round(float(chances[order[first]]), 5) if is_reached else None
    return found
