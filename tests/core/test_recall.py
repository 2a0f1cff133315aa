"""Which open cards lose their basis after an event, and which stay."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from edge.core.candidates import Source
from edge.core.cap_rules import DEFAULT_CAPS, CapRule, Dimension, Ever, Impression
from edge.core.caps import Caps
from edge.core.curation import decide_nothing
from edge.core.playbook import Orders
from edge.core.reasons import Reason
from edge.core.recall import Basis, Recall, outgrown, recalls, review
from edge.core.rules import Rule, RuleKind
from tests.core.decision_world import CATALOG, MEMBER, NOW, World, at, number

NOT_TIE = [goods.item_id for goods in CATALOG.items if goods.item_id != "tie"]
TIE = Basis("c-tie", number("tie"), int(Source.POPULAR), offer_id="spring")
SCARF = Basis("c-scarf", number("scarf"), int(Source.HISTORY))
PAPER = Basis("c-paper", number("paper"), int(Source.POPULAR))
SHIRT = Basis("c-shirt", number("shirt-a"), int(Source.POPULAR))
COAT_CARE = Basis("c-care", number("coat-a"), int(Source.CARE), is_service=True)

HERE = replace(SCARF, sources=int(Source.ZONE), told=("zone", "sales"), zone="fashion")
BESIDE = replace(SCARF, sources=int(Source.TOGETHER), told=("scan", "zone"), zone="fashion")
VOIDED = replace(
    BESIDE, sources=int(Source.COMPLEMENT | Source.TOGETHER), told=("purchase", "zone")
)
GOES_WITH = replace(TIE, offer_id=None, sources=int(Source.COMPLEMENT), told=("purchase", "zone"))
PINNED = replace(SCARF, told=("house",), rule_ids=("pin",))
PIN = Rule("pin", RuleKind.PIN, ("item:scarf",), "A", "we like it", NOW.day, value=1.0)

IN_M = {"shirt": "M"}

Event = Callable[[World], object]


def set_on(world: World, **values: object) -> None:
    """Set attributes of the world."""
    for name, value in values.items():
        setattr(world, name, value)


def sold_out(world: World, sku: str) -> None:
    """Sell the last piece of a sku."""
    world.stock.set_level(sku, 0, NOW.now_s)


def busy_caps(*rules: CapRule) -> Caps:
    """Return counters in which the tie was shown far too often."""
    caps = Caps(rules or DEFAULT_CAPS)
    caps.admit(
        Impression(f"x{n}", "p1", "v1", NOW.now_s - 60.0 * n, NOW.day, "tablet", "contact",
                   "tie", "tie", "spring", "spring-campaign")
        for n in range(9)
    )  # fmt: skip
    return caps


EVENTS: list[tuple[str, Event, Basis, Reason | None]] = [
    ("nothing happened", lambda w: w, TIE, None),
    ("the tie was bought", lambda w: w.bought("tie"), TIE, Reason.JUST_BOUGHT),
    ("it was bought 72 h ago, known now", lambda w: w.bought("tie", days_ago=3), TIE,
     Reason.JUST_BOUGHT),
    ("it was bought, often enough by now to offer delivering it",
     lambda w: w.bought("paper", "paper", days_ago=20).bought("paper"), PAPER, Reason.JUST_BOUGHT),
    ("another coat was bought", lambda w: w.bought("coat-b"), COAT_CARE, Reason.BASIS_GONE),
    ("the coat stands", lambda w: w.bought("coat-a"), COAT_CARE, None),
    ("the coat's sale was voided: it is not among the purchases", lambda w: w, COAT_CARE,
     Reason.BASIS_GONE),
    ("the coat came back", lambda w: w.returned("coat-a"), COAT_CARE, Reason.RETURNED),
    ("the last one was sold", lambda w: w.stock.set_level("tie", 0, NOW.now_s), TIE,
     Reason.OUT_OF_STOCK),
    ("the customer's size was sold out", lambda w: sold_out(w.by_person(sizes=IN_M), "shirt-a-M"),
     SHIRT, Reason.SIZE_UNAVAILABLE),
    ("another size was sold out", lambda w: sold_out(w.by_person(sizes=IN_M), "shirt-a-L"), SHIRT,
     None),
    ("a size was sold out, and nobody knows the customer's", lambda w: sold_out(w, "shirt-a-M"),
     SHIRT, None),
    ("the last of the size was bought, by whom its care is for",
     lambda w: sold_out(w.by_person(sizes=IN_M).bought("shirt-a"), "shirt-a-M"),
     replace(SHIRT, is_service=True), None),
    ("somebody vetoed it", lambda w: w.by_person(vetoes={number("tie"): NOW.now_s + 9}), TIE,
     Reason.VETOED),
    ("a new ban",
     lambda w: set_on(w, orders=Orders(rules=(Rule("b", RuleKind.BAN, ("item:tie",), "A", "r",
                                                   NOW.day),))), TIE, Reason.BANNED),
    ("contact was withdrawn", lambda w: w.by_person(purposes=frozenset({"profile"})), TIE,
     Reason.NO_CONSENT),
    ("the profile was withdrawn, a card from history",
     lambda w: w.by_person(purposes=frozenset({"staff_contact"})), SCARF, Reason.NO_CONSENT),
    ("the profile was withdrawn, a card from popularity",
     lambda w: w.by_person(purposes=frozenset({"staff_contact"})), TIE, None),
    ("the offer ended",
     lambda w: set_on(w, moment=replace(at("2026-04-01 00:00"), now_s=NOW.now_s + 30 * 86_400)),
     TIE, Reason.OFFER_OVER),
    ("it was shown often enough", lambda w: set_on(w, caps=busy_caps()), TIE, None),
    ("the customer wants quiet", lambda w: w.in_visit(is_quiet=True), TIE, None),
    ("a shirt in the basket shuts the department",
     lambda w: w.in_visit(basket=(number("shirt-a"),)), SCARF, None),
    ("right here, and still there", lambda w: w, HERE, None),
    ("others bought it with what was looked at", lambda w: w, BESIDE, None),
    ("it went with a purchase that is none", lambda w: w, VOIDED, Reason.BASIS_GONE),
    ("right here, but went elsewhere", lambda w: w.in_visit(zone="beauty"), HERE,
     Reason.GROUND_GONE),
    ("right here, but nobody may know where by now", lambda w: w.in_visit(zone=None),
     replace(HERE, zone=None), Reason.GROUND_GONE),
    ("the shirt it goes with stands", lambda w: w.bought("shirt-a"),
     replace(GOES_WITH, zone="fashion"), None),
    ("the shirt it goes with was in the basket and is now bought",
     lambda w: w.bought("shirt-a").in_visit(zone="fashion"),
     replace(GOES_WITH, told=("basket",)), None),
    ("the sale of the shirt it goes with was voided", lambda w: w, GOES_WITH, Reason.BASIS_GONE),
    ("the shirt was for somebody else", lambda w: w.bought("shirt-a", is_gift=True), GOES_WITH,
     Reason.BASIS_GONE),
    ("the only earlier purchase was a gift", lambda w: w.bought("wine", is_gift=True, days_ago=90),
     replace(SCARF, told=("purchases",)), Reason.GROUND_GONE),
    ("earlier purchases stand", lambda w: w.bought("wine", days_ago=90),
     replace(SCARF, told=("purchases",)), None),
    ("the next part is no longer next", lambda w: w, replace(SCARF, told=("series",)),
     Reason.GROUND_GONE),
    ("nobody says so any more", lambda w: w.by_person(stated=frozenset()),
     replace(SCARF, told=("stated",)), Reason.GROUND_GONE),
    ("the birthday is over", lambda w: w, replace(SCARF, told=("birthday",)), Reason.GROUND_GONE),
    ("the house still suggests it", lambda w: set_on(w, orders=Orders(rules=(PIN,))), PINNED, None),
    ("the house no longer suggests it", lambda w: w, PINNED, Reason.GROUND_GONE),
]  # fmt: skip


@pytest.mark.parametrize(
    ("event", "card", "reason"), [c[1:] for c in EVENTS], ids=[c[0] for c in EVENTS]
)
def test_recalls(event: Event, card: Basis, reason: Reason | None) -> None:
    """After the event the card leaves for this reason, or stays."""
    world = World()
    event(world)
    if reason is Reason.OFFER_OVER:
        for goods in world.catalog.items:
            for variant in goods.variants:
                world.stock.set_level(variant.sku, 5, world.moment.now_s)
    expected = () if reason is None else (Recall(card.card_id, reason, is_marked=False),)
    assert recalls([card], world.snapshot()) == expected


def test_a_sentence_leaves_a_card_that_stays() -> None:
    """The tie still goes with the shirt, but it is no longer right here."""
    world = World().bought("shirt-a").in_visit(zone="beauty")
    found = review([replace(GOES_WITH, zone="fashion")], world.snapshot())
    assert found.recalls == ()
    assert found.untrue == {"c-tie": (1,)}


OUTGROWN: list[tuple[str, dict[str, float], Reason | None, bool]] = [
    ("it is not relevant any more", {"tie": 0.001}, Reason.BELOW_FLOOR, False),
    ("everything was shown often enough", {}, None, False),
    ("silence judges nothing", {"tie": 0.001}, None, True),
]


@pytest.mark.parametrize(
    ("scores", "reason", "is_silent"), [c[1:] for c in OUTGROWN], ids=[c[0] for c in OUTGROWN]
)
def test_a_decision_that_shows_nothing_takes_away_what_is_not_worth_it(
    scores: dict[str, float], reason: Reason | None, is_silent: bool
) -> None:
    """An irrelevant card leaves with an empty decision; one that was only seen enough stays."""
    only_tie = Rule("only", RuleKind.BAN, tuple(f"item:{i}" for i in NOT_TIE), "A", "r", NOW.day)
    cap = CapRule("once", 1, Ever(), frozenset({Dimension.PERSON, Dimension.ITEM}))
    world = World(orders=Orders(rules=(only_tie,), caps=(cap,)))
    if not scores:
        world.caps = busy_caps(cap)
    snapshot = world.snapshot()
    decision = (
        decide_nothing(Reason.BEING_SERVED, snapshot)
        if is_silent
        else world.decide(scores).decision
    )
    assert decision.empty is not None
    expected = () if reason is None else (Recall("c-tie", reason, is_marked=False),)
    assert outgrown([TIE], decision) == expected


def test_an_accepted_card_stays_and_is_marked() -> None:
    """Reserved and then sold out: the customer's card is not taken away."""
    world = World()
    world.stock.set_level("tie", 0, NOW.now_s)
    (found,) = recalls([replace(TIE, is_accepted=True)], world.snapshot())
    assert found == Recall("c-tie", Reason.OUT_OF_STOCK, is_marked=True)


def test_only_the_card_that_lost_its_basis_leaves() -> None:
    """Of two open cards one was bought."""
    found = recalls([SCARF, TIE], World(person=MEMBER).bought("tie").snapshot())
    assert [recall.card_id for recall in found] == ["c-tie"]


def test_whoever_erased_themselves_leaves_no_card() -> None:
    """Without a person every personal card goes; anonymous ones may stay."""
    found = recalls([SCARF, TIE], World(person=None).snapshot())
    assert [(r.card_id, r.reason) for r in found] == [("c-scarf", Reason.NO_CONSENT)]


def test_order_of_sales_does_not_matter() -> None:
    """Late, doubled and out of order: the same purchases close the same."""
    one = World().bought("tie", days_ago=1).bought("coat-a", days_ago=3)
    two = World().bought("coat-a", days_ago=3).bought("tie", days_ago=1).bought("tie", days_ago=1)
    first, second = one.judge().reasons.tolist(), two.judge().reasons.tolist()
    assert first == second
