"""The metamorphic properties of a decision: what must hold whatever the world looks like."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.candidates import Candidates, Source
from edge.core.cap_rules import (
    Calendar,
    CapRule,
    Dimension,
    Ever,
    Fixed,
    Impression,
    Lifetime,
    Rolling,
    ThisVisit,
    Unanswered,
    Window,
)
from edge.core.caps import CapContext, Caps
from edge.core.curation import curate, decide, lacks_size, size_of
from edge.core.decision import Decision, Motive, PersonView
from edge.core.guard import judge
from edge.core.moment import Moment
from edge.core.playbook import Limits, Orders
from edge.core.reasons import Reason
from edge.core.recall import PERSONAL, Basis, recalls
from edge.core.rules import Rule, RuleKind
from tests.core.decision_world import (
    BERLIN,
    CATALOG,
    ITEMS,
    MEMBER,
    NOW,
    World,
    allowed,
    number,
    run,
    score_column,
)

IDS = [goods.item_id for goods in ITEMS]
ITEM = st.sampled_from(IDS)
BOUGHT = st.lists(st.tuples(ITEM, st.floats(0.0, 1_500.0), st.booleans()), max_size=8)
SCORES = st.dictionaries(ITEM, st.floats(0.0, 1.0, width=32), max_size=len(IDS))


few = settings(max_examples=40, deadline=None)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw a world: purchases, basket, person or none, stock, rules, limits, moment."""
    world = World(
        person=draw(st.sampled_from([MEMBER, MEMBER, None])),
        orders=Orders(
            rules=tuple(draw(st.lists(rules(), max_size=3, unique_by=lambda r: r.rule_id))),
            limits=Limits(
                floors={"tablet": draw(st.sampled_from([0.0, 0.02, 0.3]))},
                explore_share=draw(st.sampled_from([0.0, 0.0, 0.3])),
            ),
        ),
        seed=draw(st.integers(0, 2**64 - 1)),
        is_pull=draw(st.booleans()),
    )
    for item_id, days, is_gift in draw(BOUGHT):
        world.bought(item_id, days_ago=days, is_gift=is_gift)
    world.in_visit(
        basket=tuple(number(i) for i in draw(st.lists(ITEM, max_size=2, unique=True))),
        motive=draw(st.sampled_from(list(Motive))),
    )
    for item_id in draw(st.lists(ITEM, max_size=3)):
        for variant in CATALOG.items[number(item_id)].variants:
            world.stock.set_level(variant.sku, 0, NOW.now_s)
    return world


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Draw a rule of any kind on an item or a class."""
    kind = draw(st.sampled_from([RuleKind.PIN, RuleKind.BOOST, RuleKind.BURY, RuleKind.BAN]))
    value = {RuleKind.PIN: 1.0, RuleKind.BOOST: 3.0, RuleKind.BURY: 0.3, RuleKind.BAN: 1.0}[kind]
    target = draw(st.one_of(ITEM.map("item:{}".format), st.just("class:shirt")))
    return Rule(draw(st.sampled_from("abc")), kind, (target,), "A", "why", NOW.day, value=value)


def shown_items(decision: Decision) -> set[int]:
    """Return the items on a slate."""
    return {line.item for line in decision.slate}


@few
@given(worlds(), SCORES)
def test_a_suppressed_item_is_never_shown(world: World, scores: dict[str, float]) -> None:
    """What the guard marked is on no slate, and every candidate is accounted for."""
    outcome = world.decide(scores)
    rows = list(outcome.decision.trace())
    assert len(rows) == len(CATALOG.items)
    shown = shown_items(outcome.decision)
    for row in rows:
        assert (row.item in shown) is (not row.reasons)
    assert bool(shown) is (outcome.decision.empty is None)


@few
@given(worlds(), SCORES)
def test_the_same_snapshot_twice_gives_identical_bytes(
    world: World, scores: dict[str, float]
) -> None:
    """Record and message are the same to the byte; a fresh box of the same state agrees."""
    snapshot = world.snapshot()
    one, two = run(snapshot, world, scores), run(snapshot, world, scores)
    world.caps = None
    three = run(world.snapshot(), world, scores)
    packed = [msgspec.json.encode(o.decision) + repr(o.message).encode() for o in (one, two, three)]
    assert packed[0] == packed[1] == packed[2]
    assert msgspec.json.decode(msgspec.json.encode(one.decision), type=Decision) == one.decision


@few
@given(worlds(), SCORES, st.randoms(use_true_random=False))
def test_permuting_candidates_permutes_nothing(
    world: World, scores: dict[str, float], random: object
) -> None:
    """The slate does not depend on the order in which candidates were found."""
    snapshot = world.snapshot()
    found = world.candidates(snapshot)
    order = np.array(random.sample(range(found.items.size), found.items.size))  # type: ignore[attr-defined]
    column = score_column(scores, CATALOG)
    shuffled = Candidates(found.items[order], found.sources[order])
    one = curate(judge(found, snapshot), column, snapshot)
    two = curate(judge(shuffled, snapshot), column[order], snapshot)
    assert one.shown == two.shown
    assert one.empty == two.empty


CAP = st.builds(
    CapRule,
    st.just("extra"),
    st.integers(1, 2),
    st.sampled_from([Rolling(7 * 86_400.0), Fixed(Calendar.DAY), Ever(), ThisVisit()]),
    st.sets(st.sampled_from(list(Dimension)), max_size=3).map(frozenset),
)


@few
@given(worlds(), SCORES, CAP, st.lists(ITEM, min_size=1, max_size=6))
def test_adding_a_cap_never_adds_an_offer(
    world: World, scores: dict[str, float], cap: CapRule, seen: list[str]
) -> None:
    """With one cap more, no more is allowed and no more cards are shown."""

    def with_caps(caps: tuple[CapRule, ...]) -> tuple[set[str], int]:
        world.orders = replace(world.orders, caps=caps)
        world.caps = Caps(caps)
        kept = [impression(f"c{n}", item_id) for n, item_id in enumerate(seen)]
        world.caps.restore(kept)
        world.caps.admit(kept)
        return allowed(world.judge()), len(world.decide(scores).shown)

    before, after = with_caps(()), with_caps((cap,))
    assert after[0] <= before[0]
    assert after[1] <= before[1]


BEHIND = {Reason.CAMPAIGN_OVER, Reason.FREQUENCY_CAP, Reason.BANNED, Reason.LEGAL_BAN}


@few
@given(worlds(), SCORES, CAP, CAP, st.lists(ITEM, max_size=6))
def test_the_record_names_the_rule_behind_every_cap_and_ban(
    world: World, scores: dict[str, float], one: CapRule, other: CapRule, seen: list[str]
) -> None:
    """Whatever a cap or a ban closed, on its own or for the lines before, the trace says which.

    The record was written and read again.
    """
    caps = (one, replace(other, cap_id="other"))
    world.orders = replace(world.orders, caps=caps)
    world.caps = Caps(caps)
    kept = [impression(f"c{n}", item_id) for n, item_id in enumerate(seen)]
    world.caps.restore(kept)
    world.caps.admit(kept)
    decision = world.decide(scores).decision
    read = msgspec.json.decode(msgspec.json.encode(decision), type=Decision)
    known = {cap.cap_id for cap in caps} | {rule.rule_id for rule in world.orders.rules}
    assert read.grounds == decision.grounds
    for row in read.trace():
        assert {ground.reason for ground in row.grounds} == BEHIND & set(row.reasons)
        assert {ground.rule_id for ground in row.grounds} <= known


def impression(card_id: str, item_id: str) -> Impression:
    """Make an impression of an item an hour ago in this visit."""
    group = CATALOG.items[number(item_id)].class_id or "category:lamps"
    offer = "spring" if item_id in ("tie", "scarf") else None
    return Impression(
        card_id, "p1", "v1", NOW.now_s - 3_600.0, NOW.day, "tablet", "contact", item_id, group,
        offer, offer and "spring-campaign",
    )  # fmt: skip


SEEN = st.builds(
    lambda item_id, hours, is_answered: replace(
        impression("", item_id),
        at_s=NOW.now_s - hours * 3_600.0,
        day=NOW.day - hours // 24,
        is_answered=is_answered,
    ),
    ITEM,
    st.sampled_from([0, 1, 30, 24 * 7, 24 * 60]),
    st.booleans(),
)
WINDOWS = [
    Rolling(7 * 86_400.0), Fixed(Calendar.DAY), Ever(), ThisVisit(), Unanswered(86_400.0),
    Lifetime(86_400.0),
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.integers(1, 4),
    st.sampled_from(WINDOWS),
    st.sets(st.sampled_from(list(Dimension)), max_size=3).map(frozenset),
    st.lists(SEEN, max_size=6),
    ITEM,
)
def test_what_one_more_card_reaches_is_what_showing_it_closes(
    limit: int, window: Window, per: frozenset[Dimension], seen: list[Impression], item_id: str
) -> None:
    """Asking what a card would close is showing it and looking; where there is room: nothing."""
    caps = Caps([CapRule("rule", limit, window, per)])
    kept = [replace(one, card_id=f"c{n}") for n, one in enumerate(seen)]
    caps.restore(kept)
    caps.admit(kept)
    card = replace(impression("new", item_id), at_s=NOW.now_s)
    context = CapContext("p1", "v1", "tablet", "contact", is_pull=False, moment=NOW)
    before = caps.look(context)
    asked = {closed.values for closed in caps.reached_with(context, [card])}
    assert before.room <= 1.0 or asked <= {closed.values for closed in before.closed}
    caps.reserve([card])
    found = {closed.values for closed in caps.look(context).closed}
    assert asked == {values for values in found if all(card.value(d) == v for d, v in values)}


@few
@given(worlds(), SCORES, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_raising_the_floor_never_lengthens_the_list(
    world: World, scores: dict[str, float], one: float, other: float
) -> None:
    """A higher floor shows as many cards or fewer."""
    lengths = []
    for floor in sorted((one, other)):
        limits = replace(world.orders.limits, floors={"tablet": floor}, explore_share=0.0)
        world.orders = replace(world.orders, limits=limits)
        lengths.append(len(world.decide(scores).shown))
    assert lengths[1] <= lengths[0]


@few
@given(worlds(), SCORES)
def test_removing_consent_never_adds_a_source(world: World, scores: dict[str, float]) -> None:
    """Without consent to the profile nothing personal is a source, a fact or a word."""
    world.person = MEMBER
    full = {row.item: row.sources for row in world.decide(scores).decision.trace()}
    lines, world.lines = world.lines, World().lines
    world.person = PersonView("p1", frozenset({"recognise", "staff_contact"}))
    outcome = world.decide(scores)
    for row in outcome.decision.trace():
        assert row.sources & ~full.get(row.item, 0) == 0
        assert row.sources & PERSONAL == 0
    causes = [c for card in outcome.message.cards for c in card.why]
    assert all(c.fact is None for c in (*causes, *outcome.message.insights))
    assert lines is not world.lines


@few
@given(worlds(), SCORES)
def test_selling_an_item_removes_it_within_one_decision(
    world: World, scores: dict[str, float]
) -> None:
    """Whatever was shown and then bought is not shown by the next decision, except its care."""
    before = world.decide(scores).decision
    for line in before.slate:
        world.bought(line.item_id)
        for after in world.decide(scores).decision.slate:
            assert after.item != line.item or after.is_service


@few
@given(worlds(), SCORES, st.floats(0.0, 72.0))
def test_a_sale_up_to_72_hours_late_recalls_the_card(
    world: World, scores: dict[str, float], hours: float
) -> None:
    """The card of what was sold leaves, however late the till says so."""
    slate = [line for line in world.decide(scores).decision.slate if not line.is_service]
    cards = [Basis(line.item_id, line.item, line.sources, line.offer_id) for line in slate]
    for line in slate:
        world.bought(line.item_id, days_ago=hours / 24.0)
        assert line.item_id in {r.card_id for r in recalls(cards, world.snapshot())}


@few
@given(worlds(), SCORES, ITEM)
def test_an_opt_out_is_idempotent_and_beats_every_pin(
    world: World, scores: dict[str, float], item_id: str
) -> None:
    """Vetoed once or twice, pinned or not: the item is not shown again."""
    pin = Rule("pin", RuleKind.PIN, (f"item:{item_id}",), "A", "why", NOW.day, value=1.0)
    others = tuple(r for r in world.orders.rules if r.kind is not RuleKind.PIN)
    world.orders = replace(world.orders, rules=(*others, pin))
    once = {number(item_id): NOW.now_s + 60.0}
    world.person = replace(MEMBER, vetoes=once)
    first = world.decide(scores).decision
    assert number(item_id) not in shown_items(first)
    world.person = replace(MEMBER, vetoes={number(item_id): NOW.now_s + 3_600.0})
    assert world.decide(scores).decision == first, "said again, it lasts longer and changes nothing"
    row = next(r for r in first.trace() if r.item == number(item_id))
    assert Reason.VETOED in row.reasons


@few
@given(worlds(), SCORES, st.integers(0, 5))
def test_a_restart_leaks_no_cap_beyond_the_reservation(
    world: World, scores: dict[str, float], shown: int
) -> None:
    """After a crash only what was shown counts; what was reserved is free again."""
    rule = CapRule("rule", 6, Ever(), frozenset({Dimension.PERSON}))
    caps = Caps([rule])
    cards = [impression(f"c{n}", "tie") for n in range(6)]
    caps.reserve(cards)
    kept = [seen for card in cards[:shown] if (seen := caps.shown(card.card_id, NOW))]
    context = CapContext("p1", "v1", "tablet", "contact", is_pull=False, moment=NOW)
    assert len(caps.look(context).closed) == 1
    after = Caps([rule])
    after.restore(kept)
    after.admit(kept)
    assert after.outstanding() == 0
    after.reserve([impression(f"d{n}", "tie") for n in range(6 - shown)])
    assert len(after.look(context).closed) == 1
    after.refund("d0")
    assert bool(after.look(context).closed) is (shown == 6)


@settings(max_examples=200)
@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2029, 1, 1)),
    st.timedeltas(timedelta(0), timedelta(days=3)),
)
def test_calendar_days_follow_the_stores_clock(start: datetime, step: timedelta) -> None:
    """Over clock changes and leap days: closed while the store's date is the same, else open."""
    first = start.replace(tzinfo=UTC).astimezone(BERLIN)
    then = (start + step).replace(tzinfo=UTC).astimezone(BERLIN)
    caps = Caps([CapRule("day", 1, Fixed(Calendar.DAY))])
    caps.reserve([replace(impression("c", "tie"), at_s=first.timestamp(), day=first.toordinal())])
    moment = Moment.of(then)
    context = CapContext("p1", "v1", "tablet", "contact", is_pull=False, moment=moment)
    assert bool(caps.look(context).closed) is (first.date() == then.date())


@few
@given(worlds(), SCORES)
def test_propensities_are_chances(world: World, scores: dict[str, float]) -> None:
    """Every shown line has a chance in (0, 1]; what people placed is certain."""
    for line in world.decide(scores).decision.slate:
        assert 0.0 < line.propensity <= 1.0
        if line.tier < 3:
            assert line.propensity == 1.0


@few
@given(worlds(), SCORES)
def test_a_clock_that_jumps_breaks_nothing(world: World, scores: dict[str, float]) -> None:
    """A moment long before every purchase is decided without an error, and shows no owned item."""
    world.moment = replace(NOW, now_s=0.0, day=719_163)
    decision = world.decide(scores).decision
    assert decision.empty is None or isinstance(decision.empty, Reason)


def test_sources_of_the_anonymous_variant() -> None:
    """Nobody known: the trace holds zone, popularity and basket alone."""
    world = World(person=None).in_visit(basket=(number("shirt-a"),))
    named = {"tie": Source.ZONE}
    outcome = world.decide({"tie": 0.4}, named)
    assert outcome.shown[0] == "tie"
    for row in outcome.decision.trace():
        assert Source(row.sources) & ~(Source.POPULAR | Source.ZONE | Source.COMPLEMENT) == 0
    snapshot = outcome.snapshot
    judged = judge(world.candidates(snapshot, named), snapshot)
    slate = curate(judged, score_column({"tie": 0.4}, CATALOG, judged), snapshot)
    assert decide(judged, slate, snapshot) == outcome.decision


@few
@given(
    sizes=st.dictionaries(
        st.sampled_from(["shirt", "fashion", "winter-coat", "lamps", "home", "shoe"]),
        st.sampled_from(["M", "L", "XL"]),
    ),
    units=st.dictionaries(st.sampled_from(["shirt-a-M", "shirt-a-L"]), st.integers(0, 2)),
)
def test_a_size_is_missing_where_an_item_comes_in_it_but_not_today(
    sizes: dict[str, str], units: dict[str, int]
) -> None:
    """For all items at once as for one: by class, else category, else department."""
    world = World().by_person(sizes=sizes)
    for sku, n in units.items():
        world.stock.set_level(sku, n, NOW.now_s)
    snapshot = world.snapshot()
    expected = [
        any(v.size == size_of(at, snapshot) for v in goods.variants if v.size)
        and all(v.size != size_of(at, snapshot) for v in world.stock.in_stock(at))
        for at, goods in enumerate(CATALOG.items)
    ]
    assert lacks_size(np.arange(len(ITEMS)), snapshot).tolist() == expected
