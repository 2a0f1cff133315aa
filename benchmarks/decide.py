"""Whole decisions for known customers, on one core, from candidates to the explained slate.

Each runs the steps of `edge.checkin`: prompts, silence, candidates, guard, features, score of what
the guard left, choice, record, words. The store has 12,000 products and 500 offers; `ratio_500_50`
compares with the same customers under 50 offers, measured by turns in the same run. `p50_ms` is a
decision that finds the customer's part worked out, as when a visit began, and nothing else.
`first_p50_ms` works that out as well: the ranker's inputs, what the purchases forbid and suggest,
and how likely each offer is taken. `kept_p50_ms` is a further decision of a visit in which nothing
has happened since the last one: prompts, candidates and scores are kept, as `edge.checkin` keeps
them, and guard, choice, record and words are made anew. `parts_us` says where `p50_ms` goes.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
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
    draw_acceptance,
    draw_bundle,
    histories,
    profile,
    purchases,
    seen_before,
    store,
    view,
)
from edge.adapters.onnx.ranker import Bundle
from edge.core import curation, explanation, guard
from edge.core.candidates import Context, candidates, prepare
from edge.core.decision import Snapshot, VisitView
from edge.core.experiments import Arm
from edge.core.explanation import Message
from edge.core.history import Floats, History, Ints
from edge.core.item_tables import ItemTables
from edge.core.memory import remember
from edge.core.ports import Ranker
from edge.core.scoring import Scored, Scoring, chances
from edge.core.triggers import Kept, kept_prompts
from models import bundle

OFFERS, FEW_OFFERS = 500, 50
REGULARS = 300
Mark = Callable[[str], None]


def unmarked(_: str) -> None:
    """Note nothing: the clock is read around the whole decision."""


@dataclass(slots=True)
class Guest:
    """A regular in a visit, and what the last decision left for the next."""

    regular: Regular
    prompts: Kept | None = None
    scored: Scored | None = None


def snapshot(guest: Guest, at: Store, number: int) -> Snapshot:
    """Take the view of a moment as `edge.checkin` takes it."""
    regular = guest.regular
    visit = VisitView(
        f"V{number}",
        NOW.now_s - 600.0,
        regular.zone,
        "department",
        NOW.now_s - 30.0,
        had_entry_offer=True,
    )
    guest.prompts = kept_prompts(
        guest.prompts, regular.memory, regular.view, visit, NOW, at.playbook
    )
    return Snapshot(
        moment=NOW,
        visit=visit,
        playbook=at.playbook,
        stock=at.stock,
        caps=at.caps,
        arm=Arm(),
        person=regular.view,
        memory=regular.memory,
        prompts=guest.prompts.found,
        seed=number,
        model_version="drawn",
        takeup=regular.takeup,
    )


def decide(
    guest: Guest, at: Store, scoring: Scoring, number: int, mark: Mark = unmarked
) -> tuple[Message, int]:
    """Run the path of one decision; returns the message and how many candidates it came from."""
    regular = guest.regular
    seen = snapshot(guest, at, number)
    assert guard.silence(seen) is None
    prompts = seen.prompts
    context = Context(
        zone=at.shelf.in_zone(regular.zone),
        complement=prompts.complement,
        series=prompts.series,
        care=prompts.care,
        trigger=prompts.trigger,
        stated=regular.liked,
        pinned=prompts.pinned,
    )
    mark("prompts")
    found = None if guest.scored is None else guest.scored.found_for(regular.prepared, context)
    found = found or candidates(regular.prepared, at.tables, context)
    mark("candidates")
    judged = guard.judge(found, seen)
    mark("guard")
    allowed = judged.allowed
    guest.scored = scoring.score(regular.prepared, found, allowed, context, guest.scored)
    scores = chances(guest.scored, allowed)
    mark("score")
    slate = curation.curate(judged, scores, seen)
    decision = curation.decide(judged, slate, seen)
    mark("choice")
    message = explanation.explain(decision, seen)
    mark("explanation")
    return message, found.items.size


class Marked:
    """The ranker, with a mark where the features are ready."""

    def __init__(self, ranker: Ranker, mark: Mark) -> None:
        self._ranker = ranker
        self._mark = mark

    def score(self, features: Floats, items: Ints, person: Floats) -> Floats:
        """See `edge.core.ports.Ranker`."""
        self._mark("features")
        return self._ranker.score(features, items, person)


def scoring_of(box: Bundle, mark: Mark = unmarked) -> Scoring:
    """Ask the bundle's model as the box does; one that fails would spoil the figures."""

    def fail() -> None:
        raise AssertionError("the model failed")

    return Scoring(Marked(box.ranker, mark), box.tables, fail)


def welcome(person: str, history: History, at: Store, tables: ItemTables, zone: str) -> Regular:
    """Work out a customer's part once, as a visit begins."""
    bought, seen = purchases(history), view(person, np.random.default_rng(history.item.size))
    return Regular(
        history,
        bought,
        seen,
        prepare(history, tables, NOW.now_s / DAY_S),
        remember(bought, at.playbook.classes, None),
        at.shelf.liked(seen.stated),
        at.takers.of(profile(history), history, NOW.now_s),
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
        takes = draw_acceptance(Path(folder), np.random.default_rng(3))
        size = bundle.loaded_bytes(Path(folder))
    many, few = (
        store(catalog(n, np.random.default_rng(1)), box.tables, takes) for n in (OFFERS, FEW_OFFERS)
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

    scoring = scoring_of(box)
    guests = [Guest(regular) for regular in regulars]

    def first(number: int) -> None:
        known = regulars[number % REGULARS]
        prepared = prepare(known.history, box.tables, NOW.now_s / DAY_S)
        memory = remember(known.bought, many.playbook.classes, None)
        takeup = many.takers.of(profile(known.history), known.history, NOW.now_s)
        anew = Guest(replace(known, prepared=prepared, memory=memory, takeup=takeup))
        decide(anew, many, scoring, number)

    of_few = [
        replace(each, takeup=few.takers.of(profile(each.history), each.history, NOW.now_s))
        for each in regulars
    ]

    def during(at: Store, known: list[Regular]) -> Callable[[int], object]:
        return lambda number: decide(Guest(known[number % REGULARS]), at, scoring, number)

    def again(number: int) -> None:
        decide(guests[number % REGULARS], many, scoring, number)

    for number in range(REGULARS):
        again(number)
    first_ms, many_ms, few_ms, kept_ms = by_turns(
        [first, during(many, regulars), during(few, of_few), again], options.decisions
    )
    messages = [decide(guest, many, scoring, at) for at, guest in enumerate(guests)]
    report(
        {
            "p50_ms": percentile(many_ms, 50),
            "p99_ms": percentile(many_ms, 99),
            "decisions_per_s": round(len(many_ms) / (sum(many_ms) / 1e3)),
            "products": PRODUCTS,
            "offers": OFFERS,
            "ratio_500_50": round(percentile(many_ms, 50) / percentile(few_ms, 50), 3),
            "kept_p50_ms": percentile(kept_ms, 50),
            "kept_p99_ms": percentile(kept_ms, 99),
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
    last = 0.0

    def mark(step: str) -> None:
        nonlocal last
        spent.setdefault(step, []).append((time.perf_counter() - last) * 1e6)
        last = time.perf_counter()

    scoring = scoring_of(box, mark)
    for number, regular in enumerate(regulars * 3):
        last = time.perf_counter()
        decide(Guest(regular), at, scoring, number, mark)
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
