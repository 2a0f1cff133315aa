"""Whole decisions for known customers, on one core, from candidates to the explained slate.

Each runs the steps of `edge.checkin`: prompts, silence, candidates, guard, features, score of what
the guard left, choice, record, words. The store has 12,000 products and 500 offers; `ratio_500_50`
compares with the same customers under 50 offers, measured by turns in the same run. `p50_ms` is a
decision during a visit; `first_p50_ms` is the first one, which works out the customer's part as
well: the ranker's inputs and what the purchases forbid and suggest. `parts_us` says where it goes.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks.bench import arguments, percentile, report
from benchmarks.decide_world import (
    DAY_S,
    NOW,
    PRODUCTS,
    ZONES,
    Regular,
    Store,
    catalog,
    draw_bundle,
    histories,
    purchases,
    seen_before,
    store,
    view,
)
from edge.adapters.onnx.ranker import Bundle
from edge.core import curation, explanation, guard, triggers
from edge.core.candidates import Candidates, Context, candidates, prepare
from edge.core.decision import Snapshot, VisitView
from edge.core.experiments import Arm
from edge.core.explanation import Message
from edge.core.features import features
from edge.core.history import History
from edge.core.item_tables import ItemTables
from edge.core.memory import remember
from edge.core.ranking import with_moment
from models import bundle

OFFERS, FEW_OFFERS = 500, 50
REGULARS = 300
Mark = Callable[[str], None]


def unmarked(_: str) -> None:
    """Note nothing: the clock is read around the whole decision."""


def snapshot(regular: Regular, at: Store, number: int) -> Snapshot:
    """Take the view of a moment as `edge.checkin` takes it."""
    visit = VisitView(
        f"V{number}",
        NOW.now_s - 600.0,
        regular.zone,
        "department",
        NOW.now_s - 30.0,
        had_entry_offer=True,
    )
    playbook, memory = at.playbook, regular.memory
    return Snapshot(
        moment=NOW,
        visit=visit,
        playbook=playbook,
        stock=at.stock,
        caps=at.caps,
        arm=Arm(),
        person=regular.view,
        memory=memory,
        prompts=triggers.prompts(memory, regular.view, visit, NOW, playbook),
        seed=number,
        model_version="drawn",
    )


def decide(
    regular: Regular, at: Store, box: Bundle, number: int, mark: Mark = unmarked
) -> tuple[Message, int]:
    """Run the path of one decision; returns the message and how many candidates it came from."""
    seen = snapshot(regular, at, number)
    assert guard.silence(seen) is None
    prompts = seen.prompts
    context = Context(
        zone=at.shelf.in_zone(regular.zone),
        complement=prompts.complement,
        series=prompts.series,
        care=prompts.care,
        trigger=prompts.trigger,
        stated=regular.liked,
        day=NOW.now_s / DAY_S,
    )
    mark("prompts")
    found = candidates(regular.prepared, box.tables, context)
    mark("candidates")
    judged = guard.judge(found, seen)
    mark("guard")
    scores = np.full(found.items.size, np.nan, np.float32)
    rows = np.flatnonzero(judged.allowed)
    if rows.size:
        left = Candidates(found.items[rows], found.sources[rows])
        inputs = features(regular.prepared, left, box.tables, context)
        mark("features")
        chance = box.ranker.score(inputs, left.items, regular.prepared.person)
        scores[rows] = with_moment(chance, left)
        mark("score")
    slate = curation.curate(judged, scores, seen)
    decision = curation.decide(judged, slate, seen)
    mark("choice")
    message = explanation.explain(decision, seen)
    mark("explanation")
    return message, found.items.size


def welcome(person: str, history: History, at: Store, tables: ItemTables, zone: str) -> Regular:
    """Work out a customer's part once, as a visit begins."""
    bought, seen = purchases(history), view(person, np.random.default_rng(history.item.size))
    return Regular(
        history,
        bought,
        seen,
        prepare(history, tables),
        remember(bought, at.playbook.classes, None),
        at.shelf.liked(seen.stated),
        zone,
    )


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--decisions", type=int, default=3000)
    options: argparse.Namespace = parser.parse_args()
    rng = np.random.default_rng(0)
    people = histories(rng)
    with tempfile.TemporaryDirectory() as folder:
        box = draw_bundle(people, Path(folder), rng)
        size = bundle.loaded_bytes(Path(folder))
    many, few = (
        store(catalog(n, np.random.default_rng(1)), box.tables) for n in (OFFERS, FEW_OFFERS)
    )
    chosen = list(people.items())[:REGULARS]
    zones = rng.integers(0, ZONES, REGULARS).tolist()
    regulars = [
        welcome(person, history, many, box.tables, f"zone-{zone}")
        for (person, history), zone in zip(chosen, zones, strict=True)
    ]
    for at in (many, few):
        for person, history in chosen:
            at.caps.admit(seen_before(person, history, at.playbook, np.random.default_rng(2)))

    def first(number: int) -> None:
        known = regulars[number % REGULARS]
        prepared = prepare(known.history, box.tables)
        memory = remember(known.bought, many.playbook.classes, None)
        decide(replace(known, prepared=prepared, memory=memory), many, box, number)

    def during(at: Store) -> Callable[[int], object]:
        return lambda number: decide(regulars[number % REGULARS], at, box, number)

    first_ms, many_ms, few_ms = by_turns([first, during(many), during(few)], options.decisions)
    messages = [decide(known, many, box, at) for at, known in enumerate(regulars)]
    report(
        {
            "p50_ms": percentile(many_ms, 50),
            "p99_ms": percentile(many_ms, 99),
            "decisions_per_s": round(len(many_ms) / (sum(many_ms) / 1e3)),
            "products": PRODUCTS,
            "offers": OFFERS,
            "ratio_500_50": round(percentile(many_ms, 50) / percentile(few_ms, 50), 3),
            "first_p50_ms": percentile(first_ms, 50),
            "first_p99_ms": percentile(first_ms, 99),
            "parts_us": parts(regulars, many, box),
            "candidates_mean": round(float(np.mean([n for _, n in messages]))),
            "cards_mean": round(float(np.mean([len(m.cards) for m, _ in messages])), 2),
            "model_bytes": size,
        },
        is_quiet=options.json,
    )


def parts(regulars: list[Regular], at: Store, box: Bundle) -> dict[str, float]:
    """Return the median microseconds of every step."""
    spent: dict[str, list[float]] = {}
    for number, regular in enumerate(regulars * 3):
        last = time.perf_counter()

        def mark(step: str) -> None:
            nonlocal last
            now = time.perf_counter()
            spent.setdefault(step, []).append((now - last) * 1e6)
            last = time.perf_counter()

        decide(regular, at, box, number, mark)
    return {step: percentile(times, 50, 0) for step, times in spent.items()}


def by_turns(
    steps: list[Callable[[int], object]], n: int, turn: int = 100
) -> tuple[list[float], ...]:
    """Return milliseconds of n runs of every step.

    They run in turns, so that neighbours on the machine disturb all alike.
    """
    times: tuple[list[float], ...] = tuple([] for _ in steps)
    for step in steps:
        for at in range(50):
            step(at)
    for low in range(0, n, turn):
        for step, taken in zip(steps, times, strict=True):
            for at in range(low, min(low + turn, n)):
                began = time.perf_counter()
                step(at)
                taken.append((time.perf_counter() - began) * 1e3)
    return times


if __name__ == "__main__":
    main()
