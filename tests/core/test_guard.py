"""What the guard keeps back, one named case per reason, and what stays allowed beside it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from edge.core.cap_rules import CapRule, Dimension, Ever, Impression
from edge.core.caps import Caps
from edge.core.catalog import Catalog, Stock, Variant
from edge.core.classes import Action, ClassTable, MatrixRow
from edge.core.experiments import HOLDOUT, Arm
from edge.core.guard import silence
from edge.core.playbook import Orders
from edge.core.reasons import Reason
from edge.core.rules import Rule, RuleKind
from tests.core.decision_world import (
    CATALOG,
    CLASSES,
    NOW,
    OFFERS,
    World,
    allowed,
    at,
    first_reason,
    full_stock,
    number,
)

Change = Callable[[World], object]


def both(*changes: Change) -> Change:
    """Apply several changes."""

    def apply(world: World) -> None:
        for change in changes:
            change(world)

    return apply


def let(**values: object) -> Change:
    """Set attributes of the world."""

    def apply(world: World) -> None:
        for name, value in values.items():
            setattr(world, name, value)

    return apply


def ban(*targets: str, is_law: bool = False) -> Rule:
    """Make a ban."""
    return Rule("r1", RuleKind.BAN, targets, "Anna", "not here", NOW.day, is_law=is_law)


def sold_out(world: World) -> None:
    """Empty the shelf of ties."""
    world.stock.set_level("tie", 0, NOW.now_s)


def uncounted(world: World) -> None:
    """Leave everything but ties uncounted."""
    world.stock = Stock(CATALOG)
    world.stock.set_level("tie", 3, NOW.now_s)


SUPPRESSED: list[tuple[str, Change, str, Reason]] = [
    ("the sku bought a minute ago", lambda w: w.bought("tie", days_ago=1e-3), "tie",
     Reason.JUST_BOUGHT),
    ("another shirt after a shirt", lambda w: w.bought("shirt-a", days_ago=1), "shirt-b",
     Reason.JUST_BOUGHT_CLASS),
    ("a sale known 72 h late", lambda w: w.bought("tie", days_ago=3), "tie", Reason.JUST_BOUGHT),
    ("a laptop two years after a laptop", lambda w: w.bought("laptop-a", days_ago=730),
     "laptop-b", Reason.OWNED),
    ("nappies before they run out", lambda w: w.bought("nappies-3", days_ago=8), "nappies-3",
     Reason.NOT_DUE),
    ("the third book before the second", lambda w: w.bought("crime-1", days_ago=90), "crime-3",
     Reason.SERIES_ORDER),
    ("a book read", lambda w: w.bought("crime-1", days_ago=90), "crime-1", Reason.SERIES_ORDER),
    ("the second book to a newcomer", lambda w: w, "crime-2", Reason.SERIES_ORDER),
    ("a scent after a scent as a gift",
     lambda w: w.bought("scent-w", days_ago=20, is_gift=True), "scent-w2", Reason.GIFT_BASKET),
    ("a voucher given away, more than a year on, not asked for",
     lambda w: w.bought("voucher", days_ago=400, is_gift=True), "voucher",
     Reason.SILENCE_AFTER_PURCHASE),
    ("a voucher next year, not asked for", lambda w: w.bought("voucher", days_ago=400), "voucher",
     Reason.SILENCE_AFTER_PURCHASE),
    ("what came back", lambda w: w.returned("tie", days_ago=30), "tie", Reason.RETURNED),
    ("a vetoed item", lambda w: w.by_person(vetoes={number("tie"): NOW.now_s + 1}), "tie",
     Reason.VETOED),
    ("a sensitive class", lambda w: w, "self-test", Reason.SENSITIVE),
    ("wine, age unknown", lambda w: w, "wine", Reason.AGE_RESTRICTED),
    ("what is sold out", sold_out, "tie", Reason.OUT_OF_STOCK),
    ("what nobody counted", uncounted, "mouse", Reason.STOCK_UNKNOWN),
    ("a suit after a shirt in the basket",
     lambda w: w.in_visit(basket=(number("shirt-a"),)), "suit", Reason.SAME_DEPARTMENT),
    ("a coat after a shirt in the basket",
     lambda w: w.in_visit(basket=(number("shirt-a"),)), "coat-a", Reason.SAME_DEPARTMENT),
    ("a lamp without class after another", lambda w: w.bought("odd-1", days_ago=200), "odd-2",
     Reason.OWNED),
    ("what the store banned", let(orders=Orders(rules=(ban("item:tie"),))),
     "tie", Reason.BANNED),
    ("what law bans",
     let(orders=Orders(rules=(ban("class:tie", is_law=True),))), "tie",
     Reason.LEGAL_BAN),
    ("anything personal in the holdout", let(arm=Arm(HOLDOUT)), "tie",
     Reason.HOLDOUT),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "item_id", "reason"),
    [case[1:] for case in SUPPRESSED],
    ids=[case[0] for case in SUPPRESSED],
)
def test_suppresses(change: Change, item_id: str, reason: Reason) -> None:
    """Each ground keeps its item back, and is the one that is told."""
    world = World()
    change(world)
    judged = world.judge()
    assert item_id not in allowed(judged)
    assert first_reason(judged, item_id) is reason


ALLOWED: list[tuple[str, Change, str]] = [
    ("bag and mouse after a laptop", lambda w: w.bought("laptop-a", days_ago=1), "bag"),
    ("the mouse as well", lambda w: w.bought("laptop-a", days_ago=1), "mouse"),
    ("a laptop after its four years", lambda w: w.bought("laptop-a", days_ago=1_461), "laptop-b"),
    ("nappies at 0.7 of their fortnight", lambda w: w.bought("nappies-3", days_ago=9.9),
     "nappies-3"),
    ("a tie five days after a tie", lambda w: w.bought("tie", days_ago=5), "tie"),
    ("the next book", lambda w: w.bought("crime-1", days_ago=1), "crime-2"),
    ("the first book to a newcomer", lambda w: w, "crime-1"),
    ("cufflinks with a shirt in the basket",
     lambda w: w.in_visit(basket=(number("shirt-a"),)), "cufflinks"),
    ("other departments with a shirt in the basket",
     lambda w: w.in_visit(basket=(number("shirt-a"),)), "mouse"),
    ("another shirt after a returned one", lambda w: w.returned("shirt-a", days_ago=3), "shirt-b"),
    ("a veto whose time is up", lambda w: w.by_person(vetoes={number("tie"): NOW.now_s - 1}),
     "tie"),
    ("wine after an age check", lambda w: w.by_person(is_adult=True), "wine"),
    ("a voucher somebody asked to hear of",
     lambda w: w.bought("voucher", days_ago=400).by_person(stated=frozenset({"voucher"})),
     "voucher"),
    ("a man's scent after a gift of a woman's",
     lambda w: w.bought("scent-w", days_ago=20, is_gift=True), "scent-m"),
    ("what nobody counted, when asked for",
     both(uncounted, let(is_pull=True)), "mouse"),
    ("a pull in the holdout",
     let(arm=Arm(HOLDOUT), is_pull=True), "tie"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "item_id"), [case[1:] for case in ALLOWED], ids=[case[0] for case in ALLOWED]
)
def test_allows(change: Change, item_id: str) -> None:
    """What does not fall under a ground stays allowed."""
    world = World()
    change(world)
    assert item_id in allowed(world.judge())


QUIET: list[tuple[str, Change, Reason | None]] = [
    ("nothing in the way", lambda w: w, None),
    ("just looking", lambda w: w.in_visit(is_quiet=True), Reason.ASKED_FOR_QUIET),
    ("being served", lambda w: w.in_visit(is_being_served=True), Reason.BEING_SERVED),
    ("in the fitting room", lambda w: w.in_visit(zone_kind="fitting_room"), Reason.FITTING_ROOM),
    ("a minute after entering", lambda w: w.in_visit(entered_s=NOW.now_s - 60.0),
     Reason.QUIET_AFTER_ENTRY),
    ("the entry offer itself",
     lambda w: w.in_visit(entered_s=NOW.now_s, had_entry_offer=False), None),
    ("interrupted in this dwell", lambda w: w.in_visit(last_push_s=NOW.now_s - 100.0),
     Reason.DWELL_INTERRUPTED),
    ("interrupted in the zone before", lambda w: w.in_visit(last_push_s=NOW.now_s - 400.0), None),
    ("no consent to staff contact", lambda w: w.by_person(purposes=frozenset({"recognise"})),
     Reason.NO_CONSENT),
    ("no consent to offers, on the phone",
     both(lambda w: w.by_person(purposes=frozenset({"staff_contact"})), let(surface="push")),
     Reason.NO_CONSENT),
    ("nobody known", let(person=None), None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason"), [case[1:] for case in QUIET], ids=[case[0] for case in QUIET]
)
def test_keeps_silent(change: Change, reason: Reason | None) -> None:
    """Pressure rules speak before any candidate is asked."""
    world = World()
    change(world)
    assert silence(world.snapshot()) is reason


@pytest.mark.parametrize(
    "change",
    [case[1] for case in QUIET if case[2] is not Reason.NO_CONSENT],
    ids=[case[0] for case in QUIET if case[2] is not Reason.NO_CONSENT],
)
def test_an_explicit_act_breaks_silence(change: Change) -> None:
    """Who asks is answered, wherever they stand."""
    world = World(is_pull=True)
    change(world)
    assert silence(world.snapshot()) is None


def test_the_trace_holds_every_ground() -> None:
    """A sold-out, vetoed and banned item carries all three; the veto decides."""
    world = World(orders=Orders(rules=(ban("item:tie"),)))
    world.by_person(vetoes={number("tie"): NOW.now_s + 9.0})
    sold_out(world)
    assert world.reasons("tie") == {Reason.VETOED, Reason.OUT_OF_STOCK, Reason.BANNED}
    assert first_reason(world.judge(), "tie") is Reason.VETOED


def test_a_return_cancels_the_interval() -> None:
    """The coat came back: coats are open again, that coat is not."""
    world = World().returned("coat-a", days_ago=10)
    assert world.reasons("coat-a") == {Reason.RETURNED}
    assert world.reasons("coat-b") == set()


def test_the_matrix_changes_behaviour_without_code() -> None:
    """For kids, shirts are worn out in no time: people edit one line and they repeat."""
    row = MatrixRow("class:shirt", "kids", Action.REPEAT)
    orders = Orders(classes=ClassTable(matrix=(row,)))
    world = World(orders=orders).bought("shirt-a", days_ago=1)
    assert Reason.SAME_DEPARTMENT in world.reasons("suit")
    world.by_person(declared={"audience": "kids"})
    assert Reason.SAME_DEPARTMENT not in world.reasons("suit")


def test_wrong_size_is_not_offered() -> None:
    """Shirts in L are sold out; who wears L does not see them, who wears M does."""
    scores = {"shirt-a": 0.9}
    world = World().by_person(sizes={"shirt": "L"})
    world.stock.set_level("shirt-a-L", 0, NOW.now_s)
    outcome = world.decide(scores)
    assert "shirt-a" not in outcome.shown
    row = next(r for r in outcome.decision.trace() if r.item == number("shirt-a"))
    assert row.reasons == (Reason.SIZE_UNAVAILABLE,)
    assert "shirt-a" in world.by_person(sizes={"shirt": "M"}).decide(scores).shown


@pytest.mark.parametrize(
    ("score", "against", "is_told"),
    [
        (0.9, (Reason.SIZE_UNAVAILABLE,), True),
        (0.01, (Reason.SIZE_UNAVAILABLE, Reason.BELOW_FLOOR), False),
    ],
)
def test_a_missing_size_is_told_of_what_would_have_been_shown(
    score: float, against: tuple[Reason, ...], is_told: bool
) -> None:
    """It is noted of every candidate, and told only where nothing but the size was in the way."""
    world = World().by_person(sizes={"shirt": "L"})
    world.stock.set_level("shirt-a-L", 0, NOW.now_s)
    outcome = world.decide({"mouse": 0.8, "shirt-a": score})
    row = next(r for r in outcome.decision.trace() if r.item == number("shirt-a"))
    assert row.reasons == against
    withheld = {each.reason for each in outcome.message.cards[0].withheld}
    assert (Reason.SIZE_UNAVAILABLE in withheld) is is_told


def test_care_for_what_was_bought_does_not_ask_for_its_size() -> None:
    """The customer took the last coat in M home: its care tip is no matter of the shelf."""
    coat = replace(
        CATALOG.items[number("coat-a")], variants=(Variant("c-M", "", "M"), Variant("c-L", "", "L"))
    )
    goods = tuple(coat if i.item_id == "coat-a" else i for i in CATALOG.items)
    world = World(catalog=Catalog("c2", "EUR", goods, CLASSES, OFFERS))
    world.stock = full_stock(world.catalog)
    world.stock.set_level("c-M", 0, NOW.now_s)
    world.bought("coat-a").by_person(sizes={"winter-coat": "M"})
    (care,) = [line for line in world.decide().decision.slate if line.is_service]
    assert care.item_id == "coat-a"


def test_an_expired_offer_is_gone_and_no_fallback() -> None:
    """The winter offer ended in January: in March coats carry no offer (Adobe's fallback would)."""
    world = World()
    assert world.decide({"coat-a": 0.9}).decision.slate[0].offer_id is None
    world.moment = at("2026-01-20 12:00")
    world.stock = Stock(CATALOG)
    for goods in CATALOG.items:
        for variant in goods.variants:
            world.stock.set_level(variant.sku, 5, world.moment.now_s)
    world.visit = replace(world.visit, entered_s=world.moment.now_s - 600, last_push_s=-1e18)
    assert world.decide({"coat-a": 0.9}).decision.slate[0].offer_id == "winter"


@pytest.mark.parametrize(("tie", "scarf", "is_open"), [(3, 4, True), (3, 3, False), (6, 0, False)])
def test_a_budget_from_the_stock_of_all_that_an_offer_stands_on(
    tie: int, scarf: int, is_open: bool
) -> None:
    """A seventh of the stock may be shown: of seven pieces one card, of six none, not the first."""
    rule = CapRule("budget", 1, Ever(), frozenset({Dimension.OFFER}), stock_factor=1 / 7)
    world = World(orders=Orders(caps=(rule,)))
    world.stock.set_level("tie", tie, NOW.now_s)
    world.stock.set_level("scarf", scarf, NOW.now_s)
    assert ("tie" in allowed(world.judge())) is is_open
    assert "mouse" in allowed(world.judge())


def test_which_of_several_caps_and_bans_closed_what_is_told() -> None:
    """Ties are closed by two caps, the scarf by one of them and by a ban, the mouse by nothing."""
    caps = (
        CapRule("tie-once", 1, Ever(), only={Dimension.CLASS: "tie"}),
        CapRule("campaign-once", 1, Ever(), frozenset({Dimension.PERSON, Dimension.CAMPAIGN})),
        CapRule("nine-a-person", 9, Ever()),
    )
    bans = (replace(ban("item:scarf"), rule_id="no-scarf"), replace(ban("item:bag"), rule_id="no"))
    world = World(orders=Orders(caps=caps, rules=bans))
    world.caps = Caps(caps)
    world.caps.admit(
        [
            Impression("c", "p1", "v0", NOW.now_s, NOW.day, "tablet", "contact", "tie", "tie",
                       "spring", "spring-campaign"),
        ]
    )  # fmt: skip
    told = {
        CATALOG.items[row.item].item_id: {
            (ground.reason.value, ground.rule_id, ground.per) for ground in row.grounds
        }
        for row in world.decide().decision.trace()
    }
    assert told["tie"] == {
        ("frequency_cap", "tie-once", ("class",)),
        ("frequency_cap", "campaign-once", ("campaign",)),
    }
    assert told["scarf"] == {
        ("frequency_cap", "campaign-once", ("campaign",)),
        ("banned", "no-scarf", ()),
    }
    assert told["bag"] == {("banned", "no", ())}
    assert told["mouse"] == set()
    details = {verdict.item: verdict.detail for verdict in world.judge().verdicts()}
    assert details[number("tie")] == "tie-once,campaign-once"
    assert details[number("bag")] == "no"
