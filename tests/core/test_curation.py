"""What is chosen among what may be shown: tiers, order, likeness, floor, exploration."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from edge.core.candidates import Source
from edge.core.cap_rules import (
    Calendar,
    CapRule,
    Dimension,
    Ever,
    Fixed,
    Impression,
    ThisVisit,
)
from edge.core.caps import Caps
from edge.core.classes import ClassTable
from edge.core.curation import MODEL
from edge.core.decision import Motive, PersonView
from edge.core.experiments import HOLDOUT, Arm
from edge.core.order import Ranking
from edge.core.playbook import Limits, Orders
from edge.core.reasons import Reason
from edge.core.rules import Level, Rule, RuleKind
from tests.core.decision_world import MEMBER, NOW, World, number, run

TODAY = NOW.day


def rule(rule_id: str, kind: RuleKind, *targets: str, **more: object) -> Rule:
    """Make a store's rule."""
    return Rule(rule_id, kind, targets, "Anna", "looks good", TODAY, **more)  # type: ignore[arg-type]


def ruled(*rules: Rule, **limits: object) -> World:
    """Make a world with rules."""
    return World(orders=Orders(rules=rules, limits=Limits(**limits)))  # type: ignore[arg-type]


def ranking(rows: list[tuple[int, int, float]]) -> Ranking:
    """Make a ranking of (item, group, score) rows without ties to break."""
    n = len(rows)
    return Ranking(
        np.array([r[0] for r in rows], np.int32),
        np.array([r[1] for r in rows], np.int32),
        np.array([r[2] for r in rows], np.float32),
        np.zeros(n, np.int8),
        np.zeros(n, np.int32),
        np.full(n, np.inf),
        np.full(n, -np.inf),
        np.arange(n, dtype=np.uint64),
    )


def test_a_later_strategy_group_appends_only_what_is_new() -> None:
    """Item 3 keeps its better score of the first group; group two adds item 4 alone."""
    rows = [(1, 0, 10.0), (3, 0, 30.0), (3, 0, 45.0), (4, 1, 99.0), (1, 1, 99.0)]
    order = ranking(rows)
    assert [rows[at][0] for at in order.merged()] == [3, 1, 4]


TIES = [
    ("stated", {"liking": np.array([0, 1], np.int8)}, [1, 0]),
    ("another line", {"liking": np.array([-1, 0], np.int8)}, [1, 0]),
    ("higher priority", {"priority": np.array([49, 50], np.int32)}, [1, 0]),
    ("sooner end", {"ends_s": np.array([9.0, 5.0])}, [1, 0]),
    ("least recently shown", {"last_shown_s": np.array([5.0, -np.inf])}, [1, 0]),
    ("hash", {"tie": np.array([8, 7], np.uint64)}, [1, 0]),
    ("score beats them all", {"score": np.array([0.2, 0.1], np.float32),
                              "liking": np.array([0, 1], np.int8)}, [0, 1]),
    ("no score comes last", {"score": np.array([np.nan, 0.0], np.float32)}, [1, 0]),
]  # fmt: skip


@pytest.mark.parametrize(("columns", "expected"), [c[1:] for c in TIES], ids=[c[0] for c in TIES])
def test_breaks_ties(columns: dict[str, object], expected: list[int]) -> None:
    """Each tie is broken by the next thing in line."""
    tied = ranking([(1, 0, 0.5), (2, 0, 0.5)])
    order = replace(tied, **columns).order()  # type: ignore[arg-type]
    assert order.tolist() == expected


def test_the_better_score_is_shown_first() -> None:
    """Two cards at most, by score."""
    outcome = World().decide({"mouse": 0.5, "scarf": 0.4, "bag": 0.3})
    assert outcome.shown == ["mouse", "scarf"]


def test_one_card_on_the_phone() -> None:
    """A push holds one card."""
    assert World(surface="push").decide({"mouse": 0.5, "scarf": 0.4}).shown == ["mouse"]


def test_one_of_a_class() -> None:
    """The second-best laptop gives way to something else and says why."""
    outcome = World().decide({"laptop-a": 0.9, "laptop-b": 0.8, "mouse": 0.2})
    assert outcome.shown == ["laptop-a", "mouse"]
    rows = {r.item: r.reasons for r in outcome.decision.trace()}
    assert rows[number("laptop-b")] == (Reason.TOO_SIMILAR,)


def test_likeness_costs() -> None:
    """Of two near equals the one of another brand and price follows."""
    scores = {"shirt-a": 0.5, "nappies-3": 0.0, "coat-a": 0.40, "coat-b": 0.39}
    outcome = World().decide(scores)
    assert outcome.shown == ["shirt-a", "coat-b"]  # coat-a shares the brand Nord


def test_below_the_floor_nothing_is_shown() -> None:
    """The floor of the tablet is lower than the phone's; nothing passes: nothing, and why."""
    scores = {i.item_id: 0.03 for i in World().catalog.items}
    assert World().decide(scores).shown
    silent = World(surface="push").decide(scores)
    assert silent.shown == []
    assert silent.decision.empty is Reason.BELOW_FLOOR


def test_nothing_left_names_the_commonest_ground() -> None:
    """Everything sold out: the decision says so."""
    world = World()
    for goods in world.catalog.items:
        for variant in goods.variants:
            world.stock.set_level(variant.sku, 0, NOW.now_s)
    assert world.decide().decision.empty is Reason.OUT_OF_STOCK


def test_a_pin_stands_in_its_place() -> None:
    """Pinned to the second place, the scarf waits for it, though its score is the lowest."""
    outcome = ruled(rule("r", RuleKind.PIN, "item:scarf", value=2.0)).decide(
        {"mouse": 0.5, "scarf": 0.0}
    )
    assert outcome.shown == ["mouse", "scarf"]
    assert outcome.decision.slate[1].rule_ids == ("r",)


PIN = rule("pin", RuleKind.PIN, "item:tie", value=1.0)
BEATEN = [
    ("law", lambda w: replace_rules(w, rule("x", RuleKind.BAN, "item:tie", is_law=True))),
    ("a ban", lambda w: replace_rules(w, rule("x", RuleKind.BAN, "class:tie"))),
    ("a chain's ban",
     lambda w: replace_rules(w, rule("x", RuleKind.BAN, "item:tie", level=Level.CHAIN))),
    ("an opt-out", lambda w: w.by_person(vetoes={number("tie"): NOW.now_s + 9})),
    ("a purchase", lambda w: w.bought("tie", days_ago=1)),
    ("an empty shelf", lambda w: w.stock.set_level("tie", 0, NOW.now_s)),
]  # fmt: skip


def replace_rules(world: World, *more: Rule) -> None:
    """Add rules to a world."""
    world.orders = replace(world.orders, rules=(*world.orders.rules, *more))


@pytest.mark.parametrize("change", [c[1] for c in BEATEN], ids=[c[0] for c in BEATEN])
def test_a_pin_never_brings_back(change: object) -> None:
    """Law, ban, opt-out, purchase and shelf stand above a pin."""
    world = ruled(PIN)
    assert world.decide().shown[0] == "tie"
    change(world)  # type: ignore[operator]
    assert "tie" not in world.decide().shown


def test_precedence_pin_then_complement_then_boost_then_model() -> None:
    """With a shirt in the basket: pin, complement map, and the model's best stays behind."""
    world = ruled(
        rule("pin", RuleKind.PIN, "item:voucher", value=1.0),
        rule("boost", RuleKind.BOOST, "item:mouse", value=50.0),
    ).in_visit(basket=(number("shirt-a"),))
    outcome = world.decide({"mouse": 0.5, "laptop-a": 0.9, "cufflinks": 0.2, "tie": 0.1})
    assert outcome.shown == ["voucher", "cufflinks"]


def test_a_curated_complement_needs_no_high_score() -> None:
    """Shirt in the basket: cufflinks and tie on top although the model hardly likes them (A29)."""
    world = World().in_visit(basket=(number("shirt-a"),))
    outcome = world.decide({"cufflinks": 0.001, "tie": 0.002, "mouse": 0.9})
    assert outcome.shown == ["tie", "cufflinks"]
    rows = {r.item: r.reasons for r in outcome.decision.trace()}
    for other in ("suit", "coat-a", "coat-b", "scarf"):
        assert rows[number(other)][0] is Reason.SAME_DEPARTMENT


def test_boost_and_bury_multiply() -> None:
    """A boost of three lifts, a bury of a third lowers."""
    scores = {"mouse": 0.30, "scarf": 0.29, "bag": 0.20}
    assert ruled(rule("b", RuleKind.BOOST, "item:bag", value=3.0)).decide(scores).shown[0] == "bag"
    buried = ruled(rule("b", RuleKind.BURY, "item:mouse", value=0.3)).decide(scores)
    assert "mouse" not in buried.shown


def test_the_store_outranks_the_chain_on_boosts_and_pins() -> None:
    """The store buries what the chain boosts, and takes the place that the chain pinned."""
    world = ruled(
        rule("c", RuleKind.BOOST, "item:mouse", value=9.0, level=Level.CHAIN),
        rule("s", RuleKind.BURY, "item:mouse", value=0.1),
    )
    assert "mouse" not in world.decide({"mouse": 0.5, "scarf": 0.4, "bag": 0.3}).shown
    pins = ruled(
        rule("c", RuleKind.PIN, "item:tie", value=1.0, level=Level.CHAIN),
        rule("s", RuleKind.PIN, "item:bag", value=1.0),
    )
    assert pins.decide().shown[0] == "bag"


def test_rules_hold_where_they_say() -> None:
    """A rule for the evening's surface, zone, audience, motive or days sleeps elsewhere."""
    limits: list[dict[str, object]] = [
        {"surfaces": frozenset({"station"})},
        {"zones": frozenset({"beauty"})},
        {"audiences": frozenset({"kids"})},
        {"motives": frozenset({"first_time"})},
        {"from_day": TODAY + 1},
        {"to_day": TODAY - 1},
    ]
    for where in limits:
        assert ruled(rule("p", RuleKind.PIN, "item:tie", value=1.0, **where)).decide(
            {"mouse": 0.9, "scarf": 0.8}
        ).shown == ["mouse", "scarf"], where


def test_same_line_first() -> None:
    """Who buys one brand of nappies gets it before a better-scored other; it is not deleted."""
    world = World().by_person(has_delivery=True)
    for days in (70, 56, 42, 28):
        world.bought("nappies-3", days_ago=days)
    outcome = world.decide({"nappies-4": 0.2, "nappies-other": 0.4, "wine": 0.0})
    assert outcome.shown[0] == "nappies-4"
    rows = {r.item: r.reasons for r in outcome.decision.trace()}
    assert rows[number("nappies-other")] == (Reason.TOO_SIMILAR,)
    world.arm, world.is_pull = Arm(HOLDOUT), True  # of whom purchases order nothing
    outcome = world.decide({"nappies-4": 0.2, "nappies-other": 0.4, "wine": 0.0})
    assert outcome.shown[0] == "nappies-other"


def test_the_motive_chooses_content_without_a_person() -> None:
    """Nobody known: who compares prices sees the offer, who comes first the favourite (C09)."""
    scores = {"tie": 0.20, "mouse": 0.25, "bag": 0.22}
    sources = {"mouse": Source.ZONE}
    world = World(person=None)
    assert world.decide(scores, sources).shown[0] == "mouse"
    world.in_visit(motive=Motive.PRICE_COMPARING)
    assert world.decide(scores, sources).shown[0] == "tie"


def test_the_same_snapshot_gives_the_same_bytes() -> None:
    """Twice the same snapshot and seed: the same record to the byte."""
    world = World(orders=Orders(limits=Limits(explore_share=0.5)))
    snapshot = world.snapshot()
    one, two = (
        world.decide({"mouse": 0.5}).decision,
        World(orders=world.orders).decide({"mouse": 0.5}).decision,
    )
    assert repr(one) == repr(two)
    assert one.decision_id == snapshot.decision_id


def test_the_last_tie_changes_with_the_day_not_with_the_minute() -> None:
    """Equal scores: the order is stable all day and another one on other days."""
    slates = []
    for minute in range(5):
        world = World()
        world.moment = replace(NOW, now_s=NOW.now_s + 60.0 * minute)
        slates.append(tuple(world.decide().shown))
    assert len(set(slates)) == 1
    days = set()
    for day in range(12):
        world = World(moment=replace(NOW, day=NOW.day + day))
        days.add(tuple(world.decide().shown))
    assert len(days) > 3


def test_the_least_recently_shown_goes_first_among_equals() -> None:
    """Equal in all else, what was shown yesterday steps back."""
    world = World(orders=Orders(caps=()))
    first = world.decide().shown[0]
    seen = Impression(
        "c", "p1", "v0", NOW.now_s - 86_400.0, NOW.day - 1, "tablet", "contact", first, "x"
    )
    caps = Caps(())
    caps.admit([seen])
    world.caps = caps
    assert first not in world.decide().shown


def test_exploration_shows_what_it_says() -> None:
    """Propensities are what happens: over 4,000 seeds each item comes as often as logged."""
    scores = {"mouse": 0.5, "scarf": 0.4, "bag": 0.3, "suit": 0.2}
    table = {i.item_id: scores.get(i.item_id, 0.0) for i in World().catalog.items}
    orders = Orders(limits=Limits(explore_share=0.4, max_cards={"tablet": 1}), caps=())
    world = World(orders=orders)
    snapshot = world.snapshot()
    counts: Counter[str] = Counter()
    propensity: dict[str, float] = {}

    for seed in range(4_000):
        (line,) = run(replace(snapshot, seed=seed * 7919), world, table).decision.slate
        counts[line.item_id] += 1
        propensity[line.item_id] = line.propensity
        assert line.is_explored is (line.item_id != "mouse")
    assert propensity == pytest.approx({"mouse": 0.7, "scarf": 0.1, "bag": 0.1, "suit": 0.1})
    for item_id, chance in propensity.items():
        error = 4 * (chance * (1 - chance) / 4_000) ** 0.5
        assert counts[item_id] / 4_000 == pytest.approx(chance, abs=error)


def test_exploration_stays_above_the_floor_and_off_pins() -> None:
    """Always exploring: nothing under the floor ever comes, and the pin stays."""
    orders = Orders(
        rules=(rule("p", RuleKind.PIN, "item:tie", value=1.0),),
        limits=Limits(explore_share=1.0),
        caps=(),
    )
    world = World(orders=orders)

    snapshot = world.snapshot()
    table = {i.item_id: 0.0 for i in world.catalog.items} | {"mouse": 0.5, "bag": 0.3}
    for seed in range(200):
        slate = run(replace(snapshot, seed=seed), world, table).decision.slate
        assert slate[0].item_id == "tie"
        assert slate[0].propensity == 1.0
        assert slate[1].item_id in ("mouse", "bag")
        assert slate[1].tier == MODEL


def test_care_comes_instead_of_another_coat() -> None:
    """A coat was bought: its care tip is shown, no coat, and it carries no offer (C16)."""
    orders = Orders(classes=ClassTable(), caps=())
    outcome = World(orders=orders).bought("coat-a", days_ago=2).decide({"coat-b": 0.9})
    assert outcome.shown[0] == "coat-a"
    line = outcome.decision.slate[0]
    assert (line.is_service, line.offer_id) == (True, None)
    assert "coat-b" not in outcome.shown


def test_a_dismissal_lowers_the_rank_and_fades() -> None:
    """Waved off today the mouse steps back; a year later it is forgiven (D03)."""
    scores = {"mouse": 0.5, "scarf": 0.4, "bag": 0.35}
    now = World().by_person(dismissed={number("mouse"): NOW.now_s})
    assert "mouse" not in now.decide(scores).shown
    later = World().by_person(dismissed={number("mouse"): NOW.now_s - 365 * 86_400.0})
    assert later.decide(scores).shown[0] == "mouse"


def test_a_stale_profile_is_marked() -> None:
    """A profile of 31 days is used, and the record says how old it was (A39)."""
    fresh = World().by_person(profile_as_of_s=NOW.now_s - 60.0).decide().decision
    assert (fresh.profile_age_s, fresh.is_profile_stale) == (60.0, False)
    old = World().by_person(profile_as_of_s=NOW.now_s - 31 * 86_400.0).decide().decision
    assert old.is_profile_stale


def test_who_asks_at_the_station_needs_no_identity() -> None:
    """A shirt scanned at the station by nobody known: what goes with it (D15)."""
    world = World(person=None, surface="station", is_pull=True)
    world.in_visit(basket=(number("shirt-a"),), is_being_served=True)
    assert sorted(world.decide().shown) == ["cufflinks", "tie"]


def test_a_first_visit_is_personal_from_behaviour_alone() -> None:
    """No purchase, no statement: the basket alone brings what goes with it (D06)."""
    world = World().in_visit(basket=(number("laptop-a"),))
    assert sorted(world.decide({"scarf": 0.9}).shown) == ["bag", "mouse"]


def test_one_engine_for_segment_cluster_and_person() -> None:
    """The same call serves an audience's rule, a motive without a person, and one person (B01)."""
    scores = {"mouse": 0.5, "tie": 0.4, "bag": 0.3}
    pin = rule("seg", RuleKind.PIN, "item:bag", value=1.0, audiences=frozenset({"kids"}))
    segment = ruled(pin).by_person(declared={"audience": "kids"})
    assert segment.decide(scores).shown[0] == "bag"
    cluster = World(person=None).in_visit(motive=Motive.PRICE_COMPARING)
    assert cluster.decide(scores).shown[0] == "tie"
    person = World().by_person(vetoes={number("mouse"): NOW.now_s + 9})
    assert person.decide(scores).shown[0] == "tie"


ROOM: list[tuple[str, CapRule, set[str]]] = [
    ("one a visit", CapRule("c", 1, ThisVisit(), frozenset({Dimension.VISIT})), {"tie"}),
    ("one a person and day", CapRule("c", 1, Fixed(Calendar.DAY)), {"tie"}),
    ("two a person and day", CapRule("c", 2, Fixed(Calendar.DAY)), {"tie", "scarf"}),
    ("one offer, which is on both", CapRule("c", 1, Ever(), frozenset({Dimension.OFFER})),
     {"tie", "mouse"}),
    ("one campaign a person, which both belong to",
     CapRule("c", 1, Ever(), frozenset({Dimension.PERSON, Dimension.CAMPAIGN})), {"tie", "mouse"}),
    ("one a household", CapRule("c", 1, Ever(), frozenset({Dimension.HOUSEHOLD})), {"tie"}),
    ("one for the store", CapRule("c", 1, Ever(), frozenset()), {"tie"}),
    ("one of each class", CapRule("c", 1, Ever(), frozenset({Dimension.CLASS})), {"tie", "scarf"}),
    ("on another surface", CapRule("c", 1, Ever(), only={Dimension.SURFACE: "push"}),
     {"tie", "scarf"}),
]  # fmt: skip


@pytest.mark.parametrize(("cap", "shown"), [c[1:] for c in ROOM], ids=[c[0] for c in ROOM])
def test_one_slate_does_not_overshoot(cap: CapRule, shown: set[str]) -> None:
    """The second card is chosen as if the first were shown; what has no more room says so."""
    orders = Orders(caps=(cap,), limits=Limits(similar_cost=0.0))
    world = World(orders=orders).by_person(household="h1")
    outcome = world.decide({"tie": 0.9, "scarf": 0.8, "mouse": 0.7})
    assert set(outcome.shown) == shown
    full = {row.item for row in outcome.decision.trace() if Reason.FREQUENCY_CAP in row.reasons}
    assert (number("scarf") in full) is ("scarf" not in shown)
    by = {row.item: [g.rule_id for g in row.grounds] for row in outcome.decision.trace()}
    assert by[number("scarf")] == ([] if "scarf" in shown else ["c"]), "and which cap it was"
    assert world.caps is not None
    assert world.caps.outstanding() == 0, "deciding counts nothing"


@pytest.mark.parametrize(
    ("person", "is_kept"),
    [(None, True), (MEMBER, True), (replace(MEMBER, purposes=frozenset({"staff_contact"})), False)],
    ids=["nobody known", "with a profile", "without one"],
)
def test_a_record_keeps_what_was_carried_and_read(person: PersonView | None, is_kept: bool) -> None:
    """Of somebody known it is a part of the profile, so only with a consent to one."""
    carried, read = (number("shirt-a"),), (number("suit"), number("tie"))
    world = World(person=person).in_visit(basket=carried, scanned=read)
    decision = world.decide().decision
    assert (decision.basket, decision.scanned) == ((carried, read) if is_kept else ((), ()))
