"""People's rules: whom they mean, contradictions with both authors, warnings, hygiene."""

from dataclasses import replace

import pytest

from edge.core.cap_rules import CapRule, Dimension, Ever
from edge.core.catalog import Catalog, ItemClass, Offer, Text, Variant
from edge.core.classes import Action, Classes, ClassTable, MatrixRow, Policy
from edge.core.playbook import Limits, Orders, Playbook
from edge.core.reasons import Reason
from edge.core.review import conflicts, hygiene, unknown, warnings
from edge.core.rules import MAX_PINNED, Goods, Rule, RuleKind, Rules, Where
from tests.core.decision_world import CATALOG, CLASSES, ITEMS, NOW, World, ids, item

TARGETS = [
    ("item:tie", ["tie"]),
    ("class:laptop", ["laptop-a", "laptop-b"]),
    ("category:lamps", ["odd-1", "odd-2"]),
    ("department:tech", ["laptop-a", "laptop-b", "bag", "mouse"]),
    ("brand:Zart", ["nappies-3", "nappies-4"]),
    ("tag:for:men", ["scent-m"]),
    ("campaign:spring-campaign", ["tie", "scarf"]),
    ("item:nothing", []),
]


@pytest.mark.parametrize(("pattern", "expected"), TARGETS, ids=[t[0] for t in TARGETS])
def test_targets(pattern: str, expected: list[str]) -> None:
    """What each kind of target means."""
    assert ids(Goods(CATALOG).mask([pattern]).nonzero()[0].tolist()) == expected


def test_a_star_means_everything() -> None:
    """The whole catalogue."""
    assert Goods(CATALOG).mask(["*"]).all()


def make(rule_id: str, kind: RuleKind, target: str, author: str, **more: object) -> Rule:
    """Make a rule."""
    return Rule(rule_id, kind, (target,), author, "because", NOW.day, **more)  # type: ignore[arg-type]


ANNA = make("anna", RuleKind.PIN, "item:tie", "Anna", value=1.0)
CONFLICTS = [
    ("pin and ban", make("b", RuleKind.BAN, "class:tie", "Ben"), True),
    ("pin and bury", make("b", RuleKind.BURY, "department:fashion", "Ben", value=0.5), True),
    ("two pins in one place", make("b", RuleKind.PIN, "item:bag", "Ben", value=1.0), True),
    ("two pins in two places", make("b", RuleKind.PIN, "item:bag", "Ben", value=2.0), False),
    ("a ban on something else", make("b", RuleKind.BAN, "item:bag", "Ben"), False),
    ("a ban that begins when the pin ends",
     make("b", RuleKind.BAN, "item:tie", "Ben", from_day=NOW.day + 9), False),
    ("a boost beside a pin", make("b", RuleKind.BOOST, "item:tie", "Ben", value=2.0), False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("other", "expected"), [c[1:] for c in CONFLICTS], ids=[c[0] for c in CONFLICTS]
)
def test_contradictions_name_both_authors(other: Rule, expected: bool) -> None:
    """Two rules that cannot both be meant are told with who made them."""
    pin = replace(ANNA, to_day=NOW.day + 8)
    found = conflicts(Playbook(CATALOG, Orders(rules=(pin, other))))
    assert bool(found) is expected
    if expected:
        told = str(found[0])
        assert "Anna" in told
        assert "Ben" in told
        assert "unverified" in told


def test_complement_maps_contradict_too() -> None:
    """One recommends the tie, the other rules it out."""
    one = make("a", RuleKind.COMPLEMENT, "class:shirt", "Anna", to=("class:tie",))
    two = make("b", RuleKind.COMPLEMENT, "class:shirt", "Ben", never=("class:tie",))
    assert len(conflicts(Playbook(CATALOG, Orders(rules=(one, two))))) == 1


MAPS = [
    ("the same words", {"never": ("class:suit",)}, 1),
    ("an item of the class", {"never": ("item:suit",)}, 1),
    ("a department around it", {"never": ("department:fashion",)}, 1),
    ("something else", {"never": ("item:mouse",)}, 0),
]


@pytest.mark.parametrize(("other", "n"), [m[1:] for m in MAPS], ids=[m[0] for m in MAPS])
def test_maps_contradict_by_the_goods_they_mean(other: dict[str, tuple[str, ...]], n: int) -> None:
    """Suits go with shirts, says one; the other rules them out, in whichever words."""
    one = make("a", RuleKind.COMPLEMENT, "class:shirt", "Jo", to=("class:suit",))
    two = make("b", RuleKind.COMPLEMENT, "item:shirt-a", "Kim", **other)
    elsewhere = make("c", RuleKind.COMPLEMENT, "class:laptop", "Kim", never=("class:suit",))
    found = conflicts(Playbook(CATALOG, Orders(rules=(two, one, elsewhere))))
    assert [conflict.items for conflict in found] == [1] * n
    assert all("by Jo" in str(each) and "by Kim" in str(each) for each in found)


@pytest.mark.parametrize("is_law", [False, True])
def test_a_map_to_what_is_banned_is_told(is_law: bool) -> None:
    """Jo's map leads to suits, Kim has them taken out; a ban on the shirts themselves is none."""
    to = make("a", RuleKind.COMPLEMENT, "class:shirt", "Jo", to=("class:suit", "class:tie"))
    ban = make("b", RuleKind.BAN, "class:suit", "Kim", is_law=is_law)
    other = make("c", RuleKind.BAN, "class:shirt", "Kim")
    for rules in ((to, ban, other), (other, ban, to)):
        (found,) = conflicts(Playbook(CATALOG, Orders(rules=rules)))
        assert "the ban holds (1 items)" in str(found)
        assert "by Jo" in str(found)
        assert "by Kim" in str(found)


LINES = [
    ("silence and repeat", MatrixRow("class:tie", "*", Action.REPEAT, "Kim"), True),
    ("the same twice", MatrixRow("class:tie", "*", Action.SILENCE, "Kim"), False),
    ("for one audience", MatrixRow("class:tie", "men", Action.REPEAT, "Kim"), False),
    ("for a wider group", MatrixRow("department:fashion", "*", Action.REPEAT, "Kim"), False),
]


@pytest.mark.parametrize(("line", "expected"), [n[1:] for n in LINES], ids=[n[0] for n in LINES])
def test_matrix_lines_contradict_too(line: MatrixRow, expected: bool) -> None:
    """Two lines on one group and audience; a more special one is meant to differ."""
    table = ClassTable(matrix=(MatrixRow("class:tie", "*", Action.SILENCE, "Jo"), line))
    found = conflicts(Playbook(CATALOG, Orders(classes=table)))
    assert bool(found) is expected
    for conflict in found:
        told = str(conflict)
        assert "by Jo, unverified" in told
        assert "by Kim, unverified" in told
        assert "the later holds (1 items)" in told


def test_rules_for_different_surfaces_do_not_meet() -> None:
    """A pin on the station and a ban on the tablet are no contradiction."""
    pin = replace(ANNA, surfaces=frozenset({"station"}))
    ban = make("b", RuleKind.BAN, "item:tie", "Ben", surfaces=frozenset({"tablet"}))
    assert conflicts(Playbook(CATALOG, Orders(rules=(pin, ban)))) == ()


ALL_SILENT = ClassTable(matrix=(MatrixRow("*", "*", Action.SILENCE),))
MEN_SILENT = ClassTable(matrix=(MatrixRow("*", "men", Action.SILENCE),))
FOR_EVER = ClassTable(
    classes={name: Policy(36_500.0, Action.CARE) for name in (*CLASSES, "category:lamps")}
)
WARNINGS: list[tuple[str, Orders, str]] = [
    ("silence for every class", Orders(classes=ALL_SILENT), "a customer who bought one of"),
    ("silence for men", Orders(classes=MEN_SILENT), "a customer of 'men' who bought one of"),
    ("a silence that is not there", Orders(may_silence=True), "take the line out"),
    ("intervals of a hundred years", Orders(classes=FOR_EVER), "would see nothing"),
    ("a ban on everything", Orders(rules=(make("b", RuleKind.BAN, "*", "Ben"),)), "bans cover"),
    ("a floor nobody reaches", Orders(limits=Limits(floors={"tablet": 1.0})), "never reached"),
    ("no cards", Orders(limits=Limits(max_cards={"tablet": 0})), "shows nothing"),
    ("a pushy reason",
     Orders(rules=(replace(ANNA, reason="Nur noch heute"),)), "tone"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("orders", "told"), [c[1:] for c in WARNINGS], ids=[c[0] for c in WARNINGS]
)
def test_warns(orders: Orders, told: str) -> None:
    """Orders that would silence the house, or speak badly, are told before they go live."""
    assert any(told in warning for warning in warnings(Playbook(CATALOG, orders)))


def test_names_the_catalogue_does_not_know_are_told() -> None:
    """A typing error in a class, a line of the matrix or a cap changes nothing, so it is told."""
    table = ClassTable(
        classes={
            "winter-cot": Policy(10.0, Action.SILENCE, author="Jo"),
            "winter-coat": Policy(10.0, Action.CARE),
            "category:lamps": Policy(10.0, Action.CARE),
        },
        matrix=(
            MatrixRow("class:nosuch", "*", Action.SILENCE, "Kim"),
            MatrixRow("kind:durabel", "*", Action.SILENCE, "Kim"),
            MatrixRow("department:fashion", "*", Action.CARE, "Kim"),
            MatrixRow("*", "*", Action.CARE, "Kim"),
        ),
    )
    caps = tuple(
        CapRule(f"c{n}", 1, Ever(), only={dimension: name})
        for n, (dimension, name) in enumerate(
            [
                (Dimension.CLASS, "tie"),
                (Dimension.CLASS, "ty"),
                (Dimension.ITEM, "bagg"),
                (Dimension.OFFER, "sprung"),
                (Dimension.CAMPAIGN, "spring"),
                (Dimension.SURFACE, "tablet"),
            ]
        )
    )
    assert unknown(Playbook(CATALOG, Orders(classes=table, caps=caps))) == (
        "classes by Jo: 'winter-cot' is not in the catalogue",
        "matrix by Kim: 'class:nosuch' is not in the catalogue",
        "matrix by Kim: 'kind:durabel' is not in the catalogue",
        "caps['c1'].only.class: 'ty' is not in the catalogue",
        "caps['c2'].only.item: 'bagg' is not in the catalogue",
        "caps['c3'].only.offer: 'sprung' is not in the catalogue",
        "caps['c4'].only.campaign: 'spring' is not in the catalogue",
    )
    assert unknown(Playbook(CATALOG)) == ()


def test_the_defaults_warn_of_nothing() -> None:
    """The shipped orders are fine."""
    assert warnings(Playbook(CATALOG)) == ()


def test_an_offer_with_the_worn_out_template_warns() -> None:
    """The template lint looks at the chain's offers too (C17)."""
    text = Text("Sie haben ein Hemd gekauft, das könnte Sie auch interessieren", "New")
    offer = Offer("o", None, ("tie",), text, 0.0, 1.0, frozenset({"tablet"}))
    catalog = Catalog("c", "EUR", ITEMS, CLASSES, (offer,))
    assert any("bought-so-buy" in warning for warning in warnings(Playbook(catalog)))


def test_hygiene_names_what_is_missing() -> None:
    """Items without class, classes without interval or complement, broken series (D12)."""
    gaps = {gap.kind: gap for gap in hygiene(CATALOG)}
    assert gaps["item without class"].examples == ("odd-1", "odd-2")
    assert gaps["class without interval"].examples == ("paper",)
    assert "suit" in gaps["class without complement"].examples
    assert gaps["dear durable without care tip"].examples == ("laptop-b", "suit", "coat-b")
    broken = Catalog(
        "c", "EUR",
        (item("b1", "crime-novel", "books", series=("s", 1)),
         item("b3", "crime-novel", "books", series=("s", 3))),
        CLASSES | {"odd": ItemClass("odd", Text("x", "x"), CLASSES["tie"].kind, None, ("nope",))},
    )  # fmt: skip
    found = {gap.kind: gap.examples for gap in hygiene(broken)}
    assert found["series with a gap or a twin"] == ("s",)
    assert found["complement of an unknown class"] == ("odd",)
    assert "laptop" in found["class nobody uses"]


def test_hygiene_of_a_clean_catalogue_is_empty() -> None:
    """Nothing missing, nothing told."""
    tie = ItemClass("tie", Text("Krawatte", "tie"), CLASSES["tie"].kind, None, ("shirt",))
    shirt = ItemClass("shirt", Text("Hemd", "shirt"), CLASSES["shirt"].kind, 60, ("tie",))
    goods = tuple(
        item(name, name, "fashion", variants=(Variant(name, "4006381333931"),))
        for name in ("tie", "shirt")
    )
    assert hygiene(Catalog("c", "EUR", goods, {"tie": tie, "shirt": shirt})) == ()


MATRIX = [
    ("the kind's default", (), None, "winter-coat", Action.CARE | Action.COMPLEMENT),
    ("for all, by kind", (("kind:durable", "*", Action.CARE),), None, "winter-coat", Action.CARE),
    ("class beats kind",
     (("class:winter-coat", "*", Action.SILENCE), ("kind:durable", "*", Action.CARE)), None,
     "winter-coat", Action.SILENCE),
    ("department beats kind",
     (("department:fashion", "*", Action.COMPLEMENT), ("kind:durable", "*", Action.CARE)), None,
     "winter-coat", Action.COMPLEMENT),
    ("the audience's own line",
     (("class:winter-coat", "kids", Action.REPEAT), ("class:winter-coat", "*", Action.CARE)),
     "kids", "winter-coat", Action.REPEAT),
    ("not another audience's", (("class:winter-coat", "kids", Action.REPEAT),), "women",
     "winter-coat", Action.CARE | Action.COMPLEMENT),
    ("a class beats an audience's star",
     (("*", "kids", Action.REPEAT), ("class:winter-coat", "*", Action.CARE)), "kids",
     "winter-coat", Action.CARE),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "audience", "class_id", "expected"),
    [c[1:] for c in MATRIX],
    ids=[c[0] for c in MATRIX],
)
def test_the_action_matrix(
    rows: tuple[tuple[str, str, Action], ...],
    audience: str | None,
    class_id: str,
    expected: Action,
) -> None:
    """Product group × audience decides what follows, the most specific line first (D11)."""
    classes = Classes(CATALOG, ClassTable(matrix=tuple(MatrixRow(*row) for row in rows)))
    assert classes.then(audience)[classes.group_at[class_id]] == expected


def test_a_pin_names_its_goods_where_it_holds() -> None:
    """Two places, one of them on Tuesdays' surface alone: what is pinned follows the moment."""
    rules = Rules(
        CATALOG,
        (
            make("a", RuleKind.PIN, "class:laptop", "A", value=1.0),
            make("b", RuleKind.PIN, "item:tie", "B", value=2.0, surfaces=frozenset({"push"})),
        ),
    )
    tablet, push = (rules.now(Where(NOW.day, surface)) for surface in ("tablet", "push"))
    assert ids(tablet.pinned.tolist()) == ["laptop-a", "laptop-b"]
    assert ids(push.pinned.tolist()) == ["laptop-a", "laptop-b", "tie"]


def test_a_pin_on_a_whole_department_names_some_and_is_told() -> None:
    """Two hundred items in one place: sixty of them for everybody, and a note with the author."""
    many = replace(CATALOG, items=tuple(item(f"i{n}", None, "home") for n in range(200)))
    wide = make("wide", RuleKind.PIN, "department:home", "Jo", value=1.0)
    playbook = Playbook(many, Orders(rules=(wide,)))
    pinned = playbook.rules.now(Where(NOW.day, "tablet")).pinned
    assert pinned.tolist() == list(range(MAX_PINNED))
    (told,) = [note for note in warnings(playbook) if "pins" in note]
    assert "by Jo" in told
    assert "200" in told


SCORES = {"mouse": 0.5, "scarf": 0.4, "bag": 0.3}


def test_a_rule_edit_is_visible_in_the_record() -> None:
    """The rule that moved an item stands in the decision, and a ban in its trace."""
    rules = (
        make("lift", RuleKind.BOOST, "item:bag", "Anna", value=9.0),
        make("stop", RuleKind.BAN, "item:mouse", "Ben"),
    )
    decision = World(orders=Orders(version="v7", rules=rules)).decide(SCORES).decision
    assert decision.slate[0].rule_ids == ("lift",)
    assert decision.playbook_version == "v7"
    banned = [row for row in decision.trace() if Reason.BANNED in row.reasons]
    assert ids([row.item for row in banned]) == ["mouse"]
