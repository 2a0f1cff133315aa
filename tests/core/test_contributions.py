"""What each source of data contributed to a card, worked out by hand and said as staff may read it.

The ranker here is a sum on log odds, so every share can be read off it: 2 for what was bought
before, 1 for what others buy, 0.5 for popularity; the moment adds its own factors to the odds.
"""

from dataclasses import replace
from datetime import UTC, datetime
from math import log
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.anonymous import Scene
from edge.core.attribution import MOST_SOURCES, Shares
from edge.core.candidates import Candidates, Context, Source, nobody, prepare
from edge.core.contributions import (
    JOINED,
    Contributions,
    Share,
    Unexplained,
    facts_named,
    for_screen,
    of_past,
)
from edge.core.decision import PersonView, Shown, trace_columns
from edge.core.experiments import Arm
from edge.core.features import FEATURE_NAMES, FEATURE_SOURCE, feature_sources, source_of_bits
from edge.core.guest import Guest, OpenCard
from edge.core.history import Floats, History, Ints
from edge.core.item_tables import ITEM_COLUMNS
from edge.core.memory import NOTHING_BOUGHT
from edge.core.moment import Moment
from edge.core.person import DAY_S, Profile, no_purchases
from edge.core.scoring import Scored, Scoring
from tests.core.decision_world import World
from tests.core.test_candidates import tables
from tests.core.test_scoring import ByZone

TABLES = tables(12)
TABLES.item[:] = 0.0
TABLES.item[3, ITEM_COLUMNS.index("log_popularity")] = 12.0 / 11.0  # 1 above the mean of all
REGULAR = prepare(History.empty().extended([3, 5], 3.0).extended([3], 9.0), TABLES, 10.0)
WEIGHTS = {"is_own": 2.0, "log_popularity": 0.5}
SCENE = Scene.of(
    Moment.of(datetime(2026, 3, 17, 14, 30, tzinfo=UTC)), "shoes", np.empty(0, np.int32)
)


class Sum:
    """A ranker that adds up inputs on log odds, −1 to begin with."""

    def __init__(self) -> None:
        self.runs: list[int] = []

    def score(self, features: Floats, items: Ints, person: Floats) -> Floats:
        del person
        self.runs.append(len(features))
        odds = np.full(items.size, -1.0, np.float32)
        for name, weight in WEIGHTS.items():
            odds += weight * features[:, FEATURE_NAMES.index(name)]
        chance: Floats = (1.0 / (1.0 + np.exp(-odds))).astype(np.float32)
        return chance


def contributions(
    sources: Source | int, *, is_in_basket: bool = True, scene: Scene | None = None, **beside: float
) -> tuple[Contributions, Scored, Sum]:
    """Score item 3 with these sources, then share its score out."""
    ranker = Sum()
    scoring = Scoring(ranker, TABLES, lambda: None, ByZone())
    found = Candidates(np.array([1, 3], np.int32), np.array([8, sources], np.uint16))
    prepared = REGULAR if scene is None else nobody(TABLES)
    scored = scoring.score(prepared, found, np.ones(2, np.bool_), Context(), None, scene)
    shares = scoring.shared_out(scored, 3, is_in_basket=is_in_basket, beside=beside)
    return Contributions.of(shares), scored, ranker


def of(found: Contributions) -> dict[str, float]:
    """Return the fair shares by source."""
    return {each.source: each.log_odds for each in found.parts}


def test_every_source_gets_what_it_brought() -> None:
    """Bought before 2, sells well 0.5, lies here log 2, wished for log 3; they add up."""
    found, scored, _ = contributions(Source.HISTORY | Source.ZONE | Source.STATED)
    expected = {"history": 2.0, "popularity": 0.5, "zone": log(2.0), "stated": log(3.0)}
    assert of(found) == pytest.approx(expected, abs=1e-4)
    assert [each.source for each in found.parts] == ["history", "stated", "zone", "popularity"]
    assert found.adds_up
    assert found.overlap == pytest.approx(0.0, abs=1e-4)
    assert found.chance == pytest.approx(scored.chance_of(3), abs=1e-5)
    usual = -1.0 + 0.5 / 11.0  # the mean item's popularity is a twelfth of 12 / 11
    assert found.base == pytest.approx(1.0 / (1.0 + np.exp(-usual)), abs=1e-5)


@pytest.mark.parametrize("lost", [Source.ZONE, Source.STATED])
def test_a_source_that_is_taken_away_takes_its_share_along(lost: Source) -> None:
    """The others keep theirs."""
    everything = Source.HISTORY | Source.ZONE | Source.STATED
    with_it, without = of(contributions(everything)[0]), of(contributions(everything & ~lost)[0])
    gone = with_it.keys() - without.keys()
    assert gone == {"zone" if lost is Source.ZONE else "stated"}
    assert without == pytest.approx({n: v for n, v in with_it.items() if n not in gone}, abs=1e-4)


def test_what_goes_with_a_purchase_is_history_and_with_the_basket_is_basket() -> None:
    """The same complement, log 2, by what it goes with; a series always follows purchases."""
    in_basket = of(contributions(Source.COMPLEMENT, is_in_basket=True)[0])
    assert in_basket["basket"] == pytest.approx(log(2.0), abs=1e-4)
    bought = of(contributions(Source.COMPLEMENT, is_in_basket=False)[0])
    assert "basket" not in bought
    assert bought["history"] == pytest.approx(2.0 + log(2.0), abs=1e-4)
    series = of(contributions(Source.SERIES)[0])
    assert series["history"] == pytest.approx(2.0 + log(4.0), abs=1e-4)


def test_a_source_beside_the_models_is_measured_by_taking_it_away() -> None:
    """A shade is a factor of 1.2 on the odds, so log 1.2 is its share whatever else is known."""
    without = contributions(Source.HISTORY | Source.ZONE)[0]
    found, scored, _ = contributions(Source.HISTORY | Source.ZONE, shade=1.2)
    assert of(found) == pytest.approx(of(without) | {"shade": log(1.2)}, abs=1e-4)
    assert {e.source: e.alone for e in found.parts}["shade"] == pytest.approx(log(1.2), abs=1e-4)
    odds = scored.chance_of(3) / (1.0 - scored.chance_of(3))
    assert found.chance == pytest.approx(1.2 * odds / (1.0 + 1.2 * odds), abs=1e-4)
    assert found.adds_up


def test_one_run_answers_for_all_sources() -> None:
    """Two candidates were scored; then 2^6 rows at once, 2^7 with a shade."""
    assert contributions(Source.HISTORY | Source.ZONE)[2].runs == [2, 64]
    assert contributions(Source.HISTORY, shade=1.2)[2].runs == [2, 128]


def test_of_a_stranger_the_model_of_visits_is_asked() -> None:
    """0.2 in the zone and 0.1 elsewhere, half of it for what sells; a wish counts log 3."""
    found, _, ranker = contributions(Source.ZONE | Source.STATED | Source.HISTORY, scene=SCENE)
    assert ranker.runs == []
    assert {each.source for each in found.parts} == {"zone", "stated", "popularity"}
    assert of(found)["stated"] == pytest.approx(log(3.0), abs=1e-4)
    zone, sales = log(0.2 / 0.8), log(0.1 / 0.9)
    alone = {each.source: each.alone for each in found.parts}
    assert alone["zone"] == pytest.approx(zone - sales, abs=1e-3)
    assert found.base == pytest.approx(0.05, abs=1e-4)


def test_the_sources_of_the_moment_are_seen_closer() -> None:
    """All other inputs keep theirs, and there are never more sources than one run takes."""
    closer = feature_sources(is_in_basket=False)
    changed = {n for n, a, b in zip(FEATURE_NAMES, closer, FEATURE_SOURCE, strict=True) if a != b}
    assert changed == {"is_complement", "is_series", "is_care", "is_triggered"}
    assert feature_sources(is_in_basket=True)[FEATURE_NAMES.index("is_complement")] == "basket"
    everything = source_of_bits(int(sum(Source)), is_in_basket=False)
    names = {*FEATURE_SOURCE, *everything, "shade"}
    assert len(names) <= MOST_SOURCES
    assert len({"popularity", "zone", "basket", "time", *everything, "shade"}) <= MOST_SOURCES


def of_the_past(
    *, keeps: float = 10.0, score: float | None = None, **changes: object
) -> Contributions | Unexplained:
    """Explain item 3 of a decision on day 10 by what is known now.

    Args:
        keeps: Only purchases before this day are still there.
        score: The noted one, where it is not what the model says.
        changes: Of the record.
    """
    lines = [(3, 3.0), (5, 3.0), (3, 9.0)]
    bought = [(item, day) for item, day in lines if day < keeps]
    purchases = replace(
        no_purchases(),
        item=np.array([item for item, _ in bought], np.int32),
        at_s=np.array([day * DAY_S for _, day in bought]),
        receipt=np.array([int(day) for _, day in bought], np.uint64),
        is_gift=np.zeros(len(bought), np.bool_),
        sku_no=np.zeros(len(bought), np.int32),
        quantity=np.ones(len(bought), np.float32),
        line_no=np.ones(len(bought), np.int32),
        unit_price_cents=np.ones(len(bought), np.int32),
    )
    noted = contributions(Source.HISTORY | Source.ZONE)[1].chance_of(3)
    items, sources, reasons, scores = trace_columns(
        np.array([3], np.int32),
        np.array([Source.HISTORY | Source.ZONE], np.uint16),
        np.zeros(1, np.uint32),
        np.array([noted if score is None else score], np.float32),
    )
    line = Shown(3, "three", int(Source.HISTORY | Source.ZONE), 0.5, 1.0, 3)
    decision = replace(
        World().decide().decision,
        at_s=10.0 * DAY_S,
        model_version="m1",
        catalog_version="c1",
        arm="general",
        slate=(line,),
        zone="shoes",
        trace_items=items,
        trace_sources=sources,
        trace_reasons=reasons,
        trace_scores=scores,
    )
    decision = replace(decision, **changes)  # type: ignore[arg-type]
    scoring = Scoring(Sum(), TABLES, lambda: None, ByZone())
    moment = Moment.of(datetime.fromtimestamp(10.0 * DAY_S, UTC))
    has = ("m1", "c1")
    return of_past(decision, decision.slate[0], Profile(purchases), scoring, moment, has)


def test_a_past_decision_gets_the_figures_of_then() -> None:
    """The same as for the card that stood; what was bought later changes nothing."""
    found = of_the_past()
    assert not isinstance(found, Unexplained)
    then = contributions(Source.HISTORY | Source.ZONE)[0]
    assert of(found) == pytest.approx(of(then), abs=1e-3)


SERVICE = Shown(3, "three", int(Source.CARE), 0.5, 1.0, 1, is_service=True)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"model_version": "m2"}, Unexplained.OTHER_MODEL),
        ({"model_version": ""}, Unexplained.NO_MODEL),
        ({"catalog_version": "c2"}, Unexplained.OTHER_CATALOGUE),
        ({"slate": (SERVICE,)}, Unexplained.BY_RULE),
        ({"score": float("nan")}, Unexplained.BY_RULE),
        ({"score": 0.3}, Unexplained.CHANGED),
        ({"keeps": 0.0}, Unexplained.CHANGED),
        ({"arm": "holdout"}, Unexplained.CHANGED),
    ],
    ids=["another model", "popularity", "another catalogue", "care", "never scored", "other score",
         "purchases brought back", "held out after all"],
)  # fmt: skip
def test_what_cannot_be_worked_out_again_is_refused(
    changes: dict[str, Any], why: Unexplained
) -> None:
    """One thing is different from what the record says: no figures, and the reason."""
    assert of_the_past(**changes) is why


def made(**log_odds: float) -> Contributions:
    """Return contributions with these shares."""
    row = np.array([list(log_odds.values())], np.float32)
    base, total = np.zeros(1, np.float32), row.sum(axis=1)
    return Contributions.of(Shares(tuple(log_odds), row, row, base, total))


def test_a_screen_gets_shares_of_all_that_moved() -> None:
    """What speaks against a card counts too; what moved next to nothing is left out."""
    found = made(history=2.0, zone=1.0, popularity=-0.96, time=0.04)
    lines = for_screen(found, {"purchases"}, 2)
    assert [line.source for line in lines] == ["history", "zone", "popularity"]
    assert [line.share for line in lines] == pytest.approx([0.5, 0.25, -0.24])


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (set(), {"history", "stated", JOINED}),
        ({"purchases"}, {"history", "stated", JOINED}),
        ({"purchase:shirt", "size:M"}, {"history", JOINED}),
        ({"stated:scarf", "shade:120 Sand"}, {JOINED, "stated", "shade"}),
        ({"size:M", "birthday"}, {JOINED}),
    ],
    ids=["nothing yet", "purchases", "full of purchases", "full of wishes", "full of others"],
)
def test_no_screen_names_more_than_two_facts(told: set[str], expected: set[str]) -> None:
    """History 3 (with what others buy), a wish 2, a shade 1: whatever has no room is one line."""
    found = made(history=2.0, others=1.0, stated=1.5, shade=1.0)
    lines = for_screen(found, told, 2)
    assert {line.source for line in lines} - {"others"} == expected
    assert sum(line.share for line in lines) == pytest.approx(1.0)


def test_two_cards_together_name_no_more_than_two_facts() -> None:
    """What the first card named leaves no room for the second card's shade."""
    told = frozenset({"purchases"})
    first = for_screen(made(history=2.0, stated=1.0), told, 2)
    named = facts_named(first, told)
    assert named == {"stated"}
    second = for_screen(made(shade=1.0, stated=0.5, zone=0.5), told | named, 2)
    assert {line.source for line in second} == {JOINED, "stated", "zone"}
    assert facts_named(second, told | named) == frozenset()


def test_what_was_asked_counts_as_long_as_its_card_stays() -> None:
    """Beside a new message, of the reserved card alone; once, where a fact of the kind stands."""
    guest = Guest("p", "v", 0.0, Arm(), PersonView("p"), nobody(TABLES), NOTHING_BOUGHT)
    reserved = OpenCard("a", "d", 1, 0, reaction="reserved")
    other = OpenCard("b", "d", 2, 0, facts=frozenset({"stated:scarf"}))
    guest.cards = {card.card_id: card for card in (reserved, other)}
    reserved.explained = frozenset({"purchase", "stated"})
    assert guest.told() == {"purchase", "stated:scarf"}
    assert guest.told_beside(has_new_cards=False) == {"purchase", "stated:scarf"}
    assert guest.told_beside(has_new_cards=True) == {"purchase", "stated"}
    guest.insight_facts = frozenset({"purchase:shirt"})
    assert guest.told() == {"purchase:shirt", "stated:scarf"}
    del guest.cards["a"]
    assert guest.told() == {"purchase:shirt", "stated:scarf"}
    assert guest.told_beside(has_new_cards=True) == set()


SOURCES = ("history", "others", "popularity", "basket", "zone", "stated", "shade")


@given(
    st.lists(st.floats(-5.0, 5.0), min_size=7, max_size=7),
    st.sets(st.sampled_from(["purchases", "stated:a", "shade:b", "size:M", "birthday"])),
)
def test_a_screen_never_gets_beyond_two_facts(log_odds: list[float], told: set[str]) -> None:
    """Whatever moved the card and whatever stands there: no new fact beyond two in all."""
    found = made(**dict(zip(SOURCES, log_odds, strict=True)))
    kinds = {"purchases": "purchase"}
    known = {kinds.get(fact, fact.partition(":")[0]) for fact in told}
    facts = {"history": "purchase", "others": "purchase", "stated": "stated", "shade": "shade"}
    named = {facts[line.source] for line in for_screen(found, told, 2) if line.source in facts}
    assert len(named - known) <= max(0, 2 - len(told))


def test_nothing_that_moved_is_no_line() -> None:
    """No division by nothing."""
    assert for_screen(made(zone=0.0, history=0.0), (), 2) == ()


def test_shares_are_values() -> None:
    """Two answers to one question are the same."""
    assert contributions(Source.HISTORY)[0] == contributions(Source.HISTORY)[0]
    assert Share("zone", 0.5) == Share("zone", 0.5)
