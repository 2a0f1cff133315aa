"""Rules tried on past decisions: what comes out is what the path would have shown under them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core import memory as remembered
from edge.core.cap_rules import CapRule, Dimension, Ever, Impression
from edge.core.caps import Caps
from edge.core.classes import Action, ClassTable, MatrixRow, Policy
from edge.core.decision import Decision
from edge.core.experiments import Arm
from edge.core.moment import Moment
from edge.core.person import Profile, Purchases
from edge.core.playbook import Limits, Orders, Playbook
from edge.core.preview import Past, Preview, Stage, preview
from edge.core.rules import Rule, RuleKind
from tests.core.decision_world import CATALOG, DAY_S, NOW, World, number, score_column
from tests.core.test_decision_properties import CAP, ITEM, SCORES, impression, rules, worlds

GOODS = {"mouse": 0.5, "scarf": 0.4, "bag": 0.3, "paper": 0.15, "suit": 0.12}


def profile_of(world: World) -> Profile:
    """Put what the world knows of its person as the ledger would give it."""
    lines, person = world.lines, world.person
    assert person is not None
    order = np.argsort(lines.at_s, kind="stable")
    n = order.size
    purchases = Purchases(
        item=lines.items[order],
        sku_no=lines.items[order],
        at_s=lines.at_s[order],
        quantity=np.ones(n, np.float32),
        receipt=np.arange(n, dtype=np.uint64),
        line_no=np.ones(n, np.int32),
        is_gift=lines.is_gift[order],
        unit_price_cents=np.full(n, 1_000, np.int32),
    )
    return Profile(
        purchases,
        lines.returned,
        lines.returned_at_s,
        stated=person.stated,
        declared=person.declared,
        sizes=person.sizes,
        vetoes=person.vetoes,
        waved_off=tuple(person.dismissed.items()),
        birthday=person.birthday,
        is_adult=person.is_adult,
        has_delivery=person.has_delivery,
        household=person.household,
    )


def tried(
    world: World,
    new: Orders,
    scores: dict[str, float],
    *,
    is_readable: bool = True,
    shown: Sequence[Impression] = (),
    decision: Decision | None = None,
) -> Preview:
    """Try other orders on a decision of the world.

    Args:
        world: As it was when it was decided.
        new: The orders tried.
        scores: Of the model.
        is_readable: The person still agrees to a profile.
        shown: All that was shown in the store, to this person alone.
        decision: The decision, where it is not the world's own.
    """
    decision = decision or decided(world, scores, shown)
    person = None if world.person is None else world.person.person
    profile = profile_of(world) if world.person and is_readable else None
    stage = Stage(
        moment_of=lambda now_s: Moment(now_s, NOW.day, NOW.minute),
        stock=world.stock,
        model=lambda _history, found, *_: score_column(scores, CATALOG)[found.items],
        shown=sorted(shown, key=lambda one: one.at_s),
    )
    past = Past(decision, person, profile, shown)
    return preview([past], Playbook(CATALOG, new), Playbook(CATALOG, world.orders), stage)


def decided(world: World, scores: dict[str, float], shown: Sequence[Impression] = ()) -> Decision:
    """Decide as the path does, after what was shown before."""
    before = [one for one in shown if one.at_s < world.moment.now_s]
    world.caps = Caps(world.orders.caps)
    world.caps.restore(before)
    world.caps.admit(before)
    return world.decide(scores).decision


def slate(decision: Decision) -> tuple[str, ...]:
    """Return the ids on a slate."""
    return tuple(line.item_id for line in decision.slate)


def ban(target: str, **more: object) -> Rule:
    """Make a ban."""
    return Rule("b", RuleKind.BAN, (target,), "B", "why", NOW.day, **more)  # type: ignore[arg-type]


def table(class_id: str, days: float, then: Action) -> Orders:
    """Make orders that say something of one class."""
    return Orders(classes=ClassTable(classes={class_id: Policy(days, then)}))


def seen(item_id: str, days_ago: float) -> Impression:
    """Make an impression of the person of the world, in another visit."""
    return replace(impression(f"c-{item_id}", item_id), visit_id="v0",
                   at_s=NOW.now_s - days_ago * DAY_S)  # fmt: skip


def once(*per: Dimension) -> Orders:
    """Make orders that show one thing ever."""
    return Orders(caps=(CapRule("once", 1, Ever(), frozenset(per)),))


TO_MOUSE = Rule(
    "map", RuleKind.COMPLEMENT, ("class:shirt",), "Jo", "because", NOW.day,
    to=("class:mouse",), never=("class:tie",),
)  # fmt: skip
FOR_MEN = Orders(rules=(ban("item:mouse", audiences=frozenset({"men"})),))
SILENCE = Orders(classes=ClassTable(matrix=(MatrixRow("*", "*", Action.SILENCE),)))
CARE = Action.CARE | Action.COMPLEMENT
# (world, orders, what was shown before, what is shown under them; None: the same as before)
TRIALS: dict[str, tuple[World, Orders, Sequence[Impression], tuple[str, ...] | None]] = {
    "the same orders": (World(), Orders(), (), None),
    "a ban": (World(), Orders(rules=(ban("item:mouse"),)), (), ("scarf", "bag")),
    "a lifted ban": (
        World(orders=Orders(rules=(ban("item:mouse"),))), Orders(), (), ("mouse", "scarf"),
    ),
    "a laptop every year instead of every four": (
        World().bought("laptop-a", days_ago=500), table("laptop", 365.0, Action.CARE), (), None,
    ),
    "a mouse every ten days": (
        World(orders=table("mouse", 1_095.0, CARE)).bought("mouse", days_ago=20),
        table("mouse", 10.0, CARE), (), ("mouse", "scarf"),
    ),
    "silence after everything": (
        World().bought("mouse", days_ago=100), SILENCE, (), ("scarf", "bag"),
    ),
    "one thing ever": (World(), once(Dimension.PERSON), (), ("mouse",)),
    "one thing ever, and it was": (World(), once(Dimension.PERSON), [seen("bag", 3.0)], ()),
    "the store shows one thing": (World(), once(), [seen("bag", 3.0)], ()),
    "what was shown later": (World(), once(Dimension.PERSON), [seen("bag", -0.1)], ("mouse",)),
    "a ban for men": (
        World().by_person(declared={"audience": "men"}), FOR_MEN, (), ("scarf", "bag"),
    ),
    "a ban for men, and she is none": (
        World().by_person(declared={"audience": "women"}), FOR_MEN, (), None,
    ),
    "a ban for men, and nobody is known": (World(person=None), FOR_MEN, (), None),
    "another complement": (
        World().bought("shirt-a", days_ago=1), Orders(rules=(TO_MOUSE,)), (), ("mouse", "bag"),
    ),
    "another complement of what nobody carries": (
        World(person=None).in_visit(basket=(number("shirt-a"),)), Orders(rules=(TO_MOUSE,)), (),
        ("mouse", "bag"),
    ),
    "another complement of a label read": (
        World(person=None).in_visit(scanned=(number("shirt-a"),)), Orders(rules=(TO_MOUSE,)), (),
        ("mouse", "scarf"),
    ),
    "care for a day": (
        World().bought("laptop-a", days_ago=9), Orders(limits=Limits(care_for_s=DAY_S)), (),
        ("mouse", "scarf"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TRIALS)
def test_what_comes_out(name: str) -> None:
    """Purchases, words and impressions of that time are asked again; and the path agrees."""
    world, new, shown, expected = TRIALS[name]
    before = slate(decided(world, GOODS, shown))
    found = tried(world, new, GOODS, shown=shown)
    assert (found.decisions, found.partly) == (1, 0)
    assert [change.after for change in found.examples] == ([] if expected is None else [expected])
    under_them = slate(decided(replace(world, orders=new), GOODS, shown))
    assert under_them == (before if expected is None else expected)


TABLE = st.builds(
    lambda class_id, days, then: {class_id: Policy(days, Action(then))},
    st.sampled_from(["shirt", "tie", "laptop", "nappies", "winter-coat", "mouse"]),
    st.sampled_from([None, 10.0, 365.0]),
    st.integers(0, 7),
)
MATRIX = st.builds(
    MatrixRow,
    st.sampled_from(["*", "kind:accessory", "class:tie", "department:fashion"]),
    st.sampled_from(["*", "men"]),
    st.integers(0, 7).map(Action),
)
ORDERS = st.builds(
    lambda lines, maps, caps, classes, matrix, cards: Orders(
        rules=(*lines, *maps),
        caps=caps,
        classes=ClassTable(classes=classes, matrix=matrix),
        limits=Limits(max_cards={"tablet": cards}),
    ),
    st.lists(rules(), max_size=2, unique_by=lambda r: r.rule_id),
    st.sampled_from([(), (TO_MOUSE,)]),
    st.lists(CAP, max_size=1).map(tuple),
    TABLE,
    st.lists(MATRIX, max_size=1).map(tuple),
    st.integers(0, 3),
)


@settings(max_examples=150, deadline=None)
@given(
    worlds(),
    ORDERS,
    SCORES,
    st.lists(ITEM, max_size=4),
    st.sampled_from([{}, {"audience": "men"}, {"audience": "women"}]),
    st.sampled_from(["general", "holdout"]),
)
def test_a_preview_says_what_the_path_would_have_shown(
    world: World,
    new: Orders,
    scores: dict[str, float],
    items: list[str],
    declared: dict[str, str],
    group: str,
) -> None:
    """Whoever it was, whatever was bought and shown before, whichever orders are tried."""
    shown = []
    if world.person is None:
        world.lines = remembered.Purchases.of()  # nobody knows what a stranger bought
    else:
        world.arm = Arm(group)
        if not world.arm.is_holdout:  # of whom the path lets nothing in that was declared
            world.by_person(declared=declared)
        shown = [replace(impression(f"c{n}", i), visit_id="v0") for n, i in enumerate(items)]
    before = slate(decided(world, scores, shown))
    after = slate(decided(replace(world, orders=new), scores, shown))
    found = tried(world, new, scores, shown=shown)
    changes = [(change.before, change.after) for change in found.examples]
    assert changes == ([] if before == after else [(before, after)])
    assert (found.decisions, found.partly) == (1, 0)


def test_without_a_consent_the_grounds_of_a_profile_stay() -> None:
    """The class table is not asked about purchases nobody may read; bans and limits are."""
    world = World().bought("mouse", days_ago=100)
    for new, expected in (
        (SILENCE, None),
        (Orders(rules=(ban("item:scarf"),)), ("mouse", "bag")),
        (once(Dimension.PERSON), ("mouse",)),
    ):
        found = tried(world, new, GOODS, is_readable=False)
        assert [change.after for change in found.examples] == ([expected] if expected else [])
        assert (found.decisions, found.partly) == (1, 1)


def test_without_a_consent_the_map_is_the_one_of_then() -> None:
    """What went with unknown purchases stays in front, and nothing takes its place."""
    world = World().bought("shirt-a", days_ago=1)
    assert slate(decided(world, GOODS)) == ("tie", "cufflinks")
    found = tried(world, Orders(rules=(TO_MOUSE, ban("item:tie"))), GOODS, is_readable=False)
    assert found.examples[0].after == ("cufflinks", "mouse")


def test_what_a_map_names_was_perhaps_no_candidate() -> None:
    """It is one now, scored by the model; where it is sold out today, it is none."""
    world = World().bought("shirt-a", days_ago=1)
    decision = without(decided(world, GOODS), "mouse")
    new = Orders(rules=(TO_MOUSE,))
    assert tried(world, new, GOODS, decision=decision).examples[0].after == ("mouse", "bag")
    world.stock.set_level("mouse", 0, NOW.now_s)
    assert tried(world, new, GOODS, decision=decision).examples[0].after == ("bag", "paper")


def without(decision: Decision, item_id: str) -> Decision:
    """Leave a candidate out of the trace."""
    left = np.frombuffer(decision.trace_items, "<i4") != number(item_id)
    columns = {
        name: np.frombuffer(getattr(decision, name), kind)[left].tobytes()
        for name, kind in (
            ("trace_items", "<i4"),
            ("trace_sources", "<u2"),
            ("trace_reasons", "<u4"),
            ("trace_scores", "<f4"),
        )
    }
    return replace(decision, **columns)


def test_a_sale_that_became_known_later_is_no_change() -> None:
    """The orders in force would not show it either, on the knowledge of now."""
    world = World()
    decision = decided(world, GOODS)
    assert slate(decision) == ("mouse", "scarf")
    world.bought("mouse", days_ago=1)
    assert tried(world, Orders(), GOODS, decision=decision).changed == 0
    new = Orders(rules=(ban("item:scarf"),))
    assert tried(world, new, GOODS, decision=decision).examples[0].after == ("paper", "suit")


def test_silence_is_called_out() -> None:
    """Orders that leave nothing to show are marked as silencing."""
    found = tried(World(), Orders(limits=Limits(floors={"tablet": 0.99})), GOODS)
    assert found.is_silencing
    assert found.silenced == 1
