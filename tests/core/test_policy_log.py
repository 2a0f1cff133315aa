"""Past decisions as a log: which chance other orders would have given to what was shown."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.caps import Caps
from edge.core.curation import places
from edge.core.decision import Decision
from edge.core.guard import judge
from edge.core.impressions import card_id_of
from edge.core.moment import Moment
from edge.core.off_policy import Verdict
from edge.core.playbook import Limits, Orders, Playbook
from edge.core.policy_log import TAKEN_WITHIN_S, LeftOut, PolicyLog, policy_log
from edge.core.preview import Past, Stage
from edge.core.rules import Rule, RuleKind
from tests.core.decision_world import CATALOG, DAY_S, NOW, World, number, score_column
from tests.core.test_decision_properties import SCORES, few, impression, worlds
from tests.core.test_preview import profile_of

SCORED = {"mouse": 0.5, "scarf": 0.4, "bag": 0.3, "suit": 0.2}
TABLE = {goods.item_id: SCORED.get(goods.item_id, 0.0) for goods in CATALOG.items}
TAKEN = {"mouse": 0.2, "scarf": 0.5, "bag": 0.3, "suit": 0.6}


def orders(share: float, *rules: Rule, cards: int = 1) -> Orders:
    """Make orders that explore."""
    limits = Limits(explore_share=share, max_cards={"tablet": cards}, similar_cost=0.0)
    return Orders(rules=rules, limits=limits, caps=())


def boost(item_id: str, factor: float) -> Rule:
    """Make a boost."""
    return Rule("b", RuleKind.BOOST, (f"item:{item_id}",), "A", "why", NOW.day, value=factor)


def past(
    world: World, decision: Decision, taken: Iterable[int] = (), seen: Sequence[int] | None = None
) -> Past:
    """Put a decision as the ledger has it, with the places that were seen and taken up."""
    is_seen = range(len(decision.slate)) if seen is None else seen
    shown = [
        replace(impression(card_id_of(decision.decision_id, at), decision.slate[at].item_id),
                at_s=decision.at_s)
        for at in is_seen
    ]  # fmt: skip
    reserved = frozenset(card_id_of(decision.decision_id, at) for at in taken)
    person = None if world.person is None else world.person.person
    return Past(decision, person, profile_of(world), shown, reserved)


def visits(
    world: World, n: int, rng: np.random.Generator, customers: int | None = None
) -> list[Past]:
    """Decide in many visits, each of another customer or of so many in turn.

    Who sees a card takes it up by the known chances.
    """
    found = []
    for seed in range(n):
        world.seed = 7919 * seed
        world.by_person(person=f"p{seed % (customers or n)}")
        decision = world.in_visit(visit_id=f"v{seed}").decide(TABLE).decision
        taken = [at for at, line in enumerate(decision.slate) if rng.random() < TAKEN[line.item_id]]
        found.append(past(world, decision, taken))
    return found


def judged(
    found: Sequence[Past], new: Orders, world: World, scores: dict[str, float] | None = None
) -> PolicyLog:
    """Judge orders from decisions of the world."""
    given_scores = TABLE if scores is None else scores
    stage = Stage(
        moment_of=lambda now_s: Moment(now_s, NOW.day, NOW.minute),
        stock=world.stock,
        model=lambda _history, found, *_: score_column(given_scores, CATALOG)[found.items],
    )
    return policy_log(found, Playbook(CATALOG, new), Playbook(CATALOG, world.orders), stage)


@few
@given(worlds(), SCORES, st.sampled_from([0.0, 0.3, 1.0]), st.integers(0, 4))
def test_chances_of_a_place_are_chances(
    world: World, scores: dict[str, float], share: float, cards: int
) -> None:
    """They add up to 1 in every place, and what was drawn has the chance it was logged with."""
    limits = replace(world.orders.limits, explore_share=share, max_cards={"tablet": cards})
    world.orders = replace(world.orders, limits=limits)
    outcome = world.decide(scores)
    if outcome.slate is None:
        return
    stood = [line.item for line in outcome.decision.slate]
    snapshot = world.snapshot()
    found = judge(world.candidates(snapshot), snapshot)
    filled = places(found, outcome.slate.scores, snapshot, stood)
    assert len(filled) == len(stood)
    for line, place in zip(outcome.decision.slate, filled, strict=True):
        assert place.chance.sum() == pytest.approx(1.0, abs=1e-12)
        assert (place.chance >= 0).all()
        assert place.chance[place.items == line.item].tolist() == [line.propensity]


@settings(max_examples=100, deadline=None)
@given(worlds(), SCORES, st.sampled_from([0.0, 0.3, 1.0]), st.integers(1, 3))
def test_the_same_orders_weigh_every_card_the_same(
    world: World, scores: dict[str, float], share: float, cards: int
) -> None:
    """Judged by the orders it was made under, each row's weight is 1, to the last bit."""
    limits = replace(world.orders.limits, explore_share=share, max_cards={"tablet": cards})
    world.orders = replace(world.orders, limits=limits)
    if world.person is None:
        return
    world.caps = Caps(world.orders.caps)
    decision = world.decide(scores).decision
    found = judged([past(world, decision)], world.orders, world, scores)
    if not decision.trace_items:
        assert found.left_out == {LeftOut.NO_CANDIDATES: 1}
        return
    assert not found.left_out
    log = found.log
    assert log is not None
    if decision.slate:
        assert log.target.tolist() == log.propensity.tolist()
        assert log.weight.tolist() == [1.0] * len(decision.slate)
    assert log.asked.tolist() == log.weight.tolist()


def test_a_boost_worked_by_hand() -> None:
    """Of four above the floor 0.4 are explored: 0.1 each, and 0.7 more for the boosted scarf."""
    world = World(orders=orders(0.4))
    found = judged(
        visits(world, 40, np.random.default_rng(1)), orders(0.4, boost("scarf", 3)), world
    )
    assert found.log is not None
    shown = np.isclose(found.log.propensity, 0.7)
    assert 0 < found.explored == 40 - shown.sum()
    assert found.log.target[shown] == pytest.approx(np.full(shown.sum(), 0.1))
    assert set(found.log.target[~shown].round(9)) <= {0.1, 0.7}
    # 0.1 * (0.5 + 0.3 + 0.2) + 0.7 * 0.4, as the model has it
    assert found.log.expected_target == pytest.approx(np.full(40, 0.38), abs=1e-6)


@pytest.mark.parametrize("against", ["floor", "ban"])
def test_what_is_not_there_in_the_customers_size_has_no_chance(against: str) -> None:
    """Nor under a lower floor or a lifted ban: four are left, with 0.1 each, and 0.6 for one."""
    old = orders(0.4, *[Rule("n", RuleKind.BAN, ("item:shirt-a",), "A", "why", NOW.day)])
    if against == "floor":
        old = replace(orders(0.4), limits=replace(orders(0.4).limits, floors={"tablet": 0.35}))
    world = World(orders=old).by_person(sizes={"shirt": "M"})
    world.stock.set_level("shirt-a-M", 0, NOW.now_s)
    decision = world.decide(TABLE | {"shirt-a": 0.25}).decision
    found = judged([past(world, decision)], orders(0.4), world, TABLE | {"shirt-a": 0.25})
    assert found.log is not None
    assert found.log.target.round(9).tolist() in ([0.1], [0.7])


@pytest.mark.parametrize("cards", [1, 2])
def test_what_is_estimated_is_what_the_orders_earn(cards: int) -> None:
    """The interval holds what going live earns over as many visits again, and calls it better."""
    world, new = World(orders=orders(0.6, cards=cards)), orders(0.6, boost("suit", 5), cards=cards)
    found = judged(visits(world, 800, np.random.default_rng(2)), new, world)
    live = World(orders=new)
    truth = np.mean([
        sum(TAKEN[line.item_id] for line in each.decision.slate)
        for each in visits(live, 800, np.random.default_rng(3))
    ])  # fmt: skip
    conclusion = found.conclusion()
    assert conclusion is not None
    for estimate in conclusion.estimates.values():
        assert estimate.low <= truth <= estimate.high
    assert conclusion.verdict is Verdict.BETTER
    assert conclusion.logged.value < truth


def test_what_was_never_shown_is_not_guessed() -> None:
    """Without exploration no boost can be judged; with it, no floor under that of the log."""
    rng = np.random.default_rng(4)
    world = World(orders=orders(0.0))
    found = judged(visits(world, 250, rng), orders(0.0, boost("scarf", 3)), world).conclusion()
    assert found is not None
    assert found.verdict is Verdict.UNSUPPORTED
    world = World(orders=orders(0.5))
    lower = replace(orders(1.0), limits=replace(orders(1.0).limits, floors={"tablet": 0.0}))
    found = judged(visits(world, 250, rng), lower, world).conclusion()
    assert found is not None
    assert found.verdict is Verdict.UNSUPPORTED


def test_too_few_customers_say_how_many_more() -> None:
    """Forty customers judge nothing, whatever they hold."""
    world = World(orders=orders(0.4))
    new = orders(0.4, boost("scarf", 3))
    found = judged(visits(world, 40, np.random.default_rng(5)), new, world).conclusion()
    assert found is not None
    assert found.verdict is Verdict.TOO_LITTLE
    assert found.more_customers >= 160


def test_regulars_are_one_witness_each() -> None:
    """Four hundred visits of twenty customers say what these like, not what others would."""
    found = judged(
        visits(World(orders=orders(0.6)), 400, np.random.default_rng(7), customers=20),
        orders(0.6, boost("suit", 5)),
        World(orders=orders(0.6)),
    ).conclusion()
    assert found is not None
    assert found.verdict is Verdict.TOO_LITTLE
    assert found.effective_customers <= 20
    assert found.more_customers >= 180


def test_a_ban_on_everything_is_known_to_earn_nothing() -> None:
    """Nothing is shown, so nothing is taken up: no card need be explored for that."""
    world = World(orders=orders(0.0))
    ban = Rule("n", RuleKind.BAN, ("*",), "A", "why", NOW.day)
    found = judged(visits(world, 250, np.random.default_rng(6)), orders(0.0, ban), world)
    conclusion = found.conclusion()
    assert conclusion is not None
    assert (conclusion.verdict, conclusion.estimates["ips"].value) == (Verdict.WORSE, 0.0)


def test_taken_up_is_seen_and_then_reserved_or_bought() -> None:
    """A purchase counts within four hours of the card; of a card that nobody saw, nothing does."""
    world = World(orders=orders(0.0, cards=2))
    decision = world.decide(TABLE).decision
    assert [line.item_id for line in decision.slate] == ["mouse", "scarf"]
    for after_s, expected in ((1, 1), (TAKEN_WITHIN_S, 1), (TAKEN_WITHIN_S + 1, 0)):
        buyer = World(orders=world.orders).bought("scarf", days_ago=-after_s / DAY_S)
        each = replace(past(world, decision), profile=profile_of(buyer))
        assert judged([each], world.orders, world).taken == expected
    assert judged([past(world, decision, [0, 1])], world.orders, world).taken == 2
    assert judged([past(world, decision, [0, 1], seen=[1])], world.orders, world).taken == 1
    unseen = judged([past(world, decision, [0, 1], seen=[])], world.orders, world)
    assert (unseen.decisions, unseen.cards, unseen.seen, unseen.taken) == (1, 2, 0, 0)


def test_a_purchase_is_the_doing_of_the_last_card_before_it() -> None:
    """Of the same item on two cards of a visit, one is taken up; on one that came after, none."""
    world = World(orders=orders(0.0))
    decision = world.decide(TABLE).decision
    cards = []
    for n, after_s in enumerate((0.0, 600.0, 1_800.0)):
        again = replace(decision, decision_id=f"d{n}", at_s=NOW.now_s + after_s)
        cards.append(past(world, replace(again, playbook_version="before")))
    buyer = profile_of(World(orders=world.orders).bought("mouse", days_ago=-1_200.0 / DAY_S))
    shown = [one for card in cards for one in card.shown]
    for first, last, expected in ((0, 1, 1), (0, 2, 1), (0, 3, 1), (2, 3, 0)):
        seen = [replace(card, profile=buyer, shown=shown[:last]) for card in cards[first:last]]
        assert judged(seen, world.orders, world).taken == expected


def test_a_sale_that_became_known_later_leaves_a_decision_out() -> None:
    """What was bought before it is not shown today: it cannot be decided again as it was."""
    world = World(orders=orders(0.0))
    decision = world.decide(TABLE).decision
    world.bought("mouse", days_ago=1)
    found = judged([past(world, decision)], world.orders, world)
    assert found.left_out == {LeftOut.NOT_REPEATABLE: 1}


def test_what_was_waved_off_again_is_repeatable() -> None:
    """The wave before the decision still counts in it, whatever was said since."""
    before_s = NOW.now_s - 3 * DAY_S
    world = World(orders=orders(0.0)).by_person(dismissed={number("mouse"): before_s})
    each = past(world, world.decide(TABLE).decision)
    assert [line.item_id for line in each.decision.slate] != ["mouse"]
    assert each.profile is not None
    again = (*each.profile.waved_off, (number("mouse"), NOW.now_s + 3_600.0))
    each = replace(each, profile=replace(each.profile, waved_off=again))
    assert not judged([each], world.orders, world).left_out


def test_who_agrees_to_no_profile_is_left_out() -> None:
    """So are nobody's visits, and decisions on another catalogue."""
    world = World(orders=orders(0.0))
    decision = world.decide(TABLE).decision
    other = past(world, replace(decision, catalog_version="c0"))
    found = judged([Past(decision), Past(decision, "p1"), other], world.orders, world)
    assert found.left_out == {LeftOut.NO_PROFILE: 2, LeftOut.OTHER_CATALOGUE: 1}
    assert (found.decisions, found.log) == (0, None)


def test_a_decision_under_other_orders_is_taken_as_logged() -> None:
    """What it was drawn with stands in its record; only those of now can be checked against it."""
    world = World(orders=orders(0.4))
    (each,) = visits(world, 1, np.random.default_rng(1))
    older = replace(each, decision=replace(each.decision, playbook_version="before"))
    moved = replace(world, orders=replace(orders(0.4, boost("suit", 9)), version="now"))
    found = judged([older], orders(0.4), moved)
    assert found.log is not None
    assert found.log.weight.tolist() == [1.0]
