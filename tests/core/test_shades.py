"""A customer's own shade: known from what was bought or said, weighed a little, and told."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from edge.core.candidates import Source
from edge.core.catalog import Catalog, Shade, Variant
from edge.core.curation import OWN_SHADE
from edge.core.person import Profile, Purchases
from edge.core.recall import Basis, review
from edge.core.shades import in_own_shade, shade_of, shades_of
from tests.core.decision_world import CATALOG, NOW, World, full_stock, number

DAY_S = 86_400.0
SHADES = {
    "scent-w": ("110 Ivory", "120 Sand"),
    "scent-w2": ("120 Sand", "130 Honey"),
    "scent-m": ("040 Ruby",),
}


def _shaded(item_id: str) -> tuple[Variant, ...]:
    return tuple(Variant(f"{item_id}-{s[:3]}", "", shade=s) for s in SHADES[item_id])


GOODS = Catalog(
    CATALOG.version,
    CATALOG.currency,
    tuple(
        replace(i, variants=_shaded(i.item_id)) if i.item_id in SHADES else i for i in CATALOG.items
    ),
    CATALOG.classes,
    CATALOG.offers,
)


def _item_of(sku: str) -> int:
    found = GOODS.item_of_sku(sku)
    return -1 if found is None else found


def bought(*lines: tuple[str, float, bool], stated: Sequence[str] = ()) -> Profile:
    """Make a profile of (sku, days ago, is a gift), the oldest first."""
    skus = [sku for sku, _, _ in lines]
    n = len(lines)
    return Profile(
        Purchases(
            item=np.array(
                [-1 if (i := GOODS.item_of_sku(s)) is None else i for s in skus], np.int32
            ),
            sku_no=np.arange(n, dtype=np.int32),
            at_s=np.array([NOW.now_s - days * DAY_S for _, days, _ in lines]),
            quantity=np.ones(n, np.float32),
            receipt=np.arange(n, dtype=np.uint64),
            line_no=np.ones(n, np.int32),
            is_gift=np.array([is_gift for _, _, is_gift in lines], np.bool_),
            unit_price_cents=np.full(n, 1_000, np.int32),
            skus=skus,
        ),
        stated=frozenset(stated),
    )


def of_kind(name: str, item_id: str) -> Shade:
    """Return a shade as one knows it who bought it in an item."""
    return Shade(name, int(GOODS.kind_index[number(item_id)]))


SAND = {of_kind("120 Sand", "scent-w"): NOW.now_s - 200 * DAY_S}


def customer() -> World:
    """Somebody who bought 120 Sand 200 days ago."""
    made = World(catalog=GOODS, stock=full_stock(GOODS))
    return made.by_person(shades=SAND)


def test_the_shade_last_bought_of_a_class_is_the_customers() -> None:
    """Ivory once, Sand since; a ruby in another class; a gift and what is gone tell nothing."""
    profile = bought(
        ("scent-w-110", 400.0, False),
        ("scent-m-040", 300.0, False),
        ("scent-w-120", 200.0, False),
        ("scent-w2-130", 100.0, True),
        ("sold-no-more", 50.0, False),
        ("mouse", 20.0, False),
    )
    assert shades_of(profile, GOODS) == {
        of_kind("120 Sand", "scent-w"): NOW.now_s - 200 * DAY_S,
        of_kind("040 Ruby", "scent-m"): NOW.now_s - 300 * DAY_S,
    }
    assert shades_of(profile, CATALOG) == {}


def test_a_shade_that_was_said_comes_first() -> None:
    """And stays said where it was bought as well; one that nobody sells is none."""
    profile = bought(
        ("scent-w-120", 200.0, False), stated=("shade:130 Honey", "shade:999 Moon", "scarf")
    )
    found = shades_of(profile, GOODS)
    assert list(found.items()) == [(Shade("130 Honey"), None), *SAND.items()]
    both = bought(("scent-w-120", 200.0, False), stated=("shade:120 Sand",))
    assert shades_of(both, GOODS) == {Shade("120 Sand"): None}


def test_a_shade_of_one_class_says_nothing_of_another() -> None:
    """The same name on goods of another class is a colour of its own, unless it was said."""
    other = (Variant("scent-m-120", "", shade="120 Sand"),)
    goods = [replace(i, variants=other) if i.item_id == "scent-m" else i for i in GOODS.items]
    both = Catalog(GOODS.version, GOODS.currency, tuple(goods), GOODS.classes, GOODS.offers)
    world = World(catalog=both, stock=full_stock(both))
    mine = world.by_person(shades=SAND).snapshot()
    items = np.array([number(i) for i in ("scent-w", "scent-w2", "scent-m")], np.int32)
    assert in_own_shade(items, mine).tolist() == [True, True, False]
    assert shade_of(number("scent-m"), mine) is None
    said = world.by_person(shades={Shade("120 Sand"): None}).snapshot()
    assert in_own_shade(items, said).tolist() == [True, True, True]


def test_a_shade_with_an_open_placeholder_is_not_said_aloud() -> None:
    """What people wrote into the catalogue goes to no customer half filled in."""
    open_ = [
        replace(i, variants=(Variant("scent-w-x", "", shade="{shade}"),))
        if i.item_id == "scent-w"
        else i
        for i in GOODS.items
    ]
    goods = Catalog(GOODS.version, GOODS.currency, tuple(open_), GOODS.classes, GOODS.offers)
    world = World(catalog=goods, stock=full_stock(goods))
    told = world.by_person(shades={Shade("{shade}"): None}).decide({"scent-w": 0.2})
    assert told.message.cards[0].why[0].text.de == "In Ihrem Farbton"


def test_a_shade_weighs_a_little() -> None:
    """Of two equals the one in her shade comes first; what is likelier beats the shade."""
    equal = {"scent-m": 0.10, "scent-w": 0.10}
    assert customer().decide(equal | {"mouse": 0.1}).decision.slate[0].item_id == "scent-w"
    line = customer().decide(equal | {"scent-w": 0.2}).decision.slate[0]
    assert line.is_in_shade
    assert line.score / (1.0 - line.score) == pytest.approx(OWN_SHADE * 0.25)
    better = customer().decide({"scent-m": 0.25, "scent-w": 0.2, "scent-w2": 0.0})
    assert better.shown[0] == "scent-m"
    assert not better.decision.slate[0].is_in_shade


def test_without_a_known_shade_nothing_is_weighed_or_told() -> None:
    """The same goods and scores; the holdout and who gave no profile are such."""
    nobody = World(catalog=GOODS, stock=full_stock(GOODS))
    told = nobody.decide({"scent-w": 0.2})
    line = told.decision.slate[0]
    assert (line.item_id, line.is_in_shade) == ("scent-w", False)
    assert line.score == pytest.approx(0.2)
    assert "Farbton" not in str(told.message)


def test_a_card_says_in_which_shade_it_is_there() -> None:
    """After what was wished for, before what only fits earlier purchases; it is one fact."""
    told = customer().decide({"scent-w": 0.2}, {"scent-w": Source.HISTORY})
    card = told.message.cards[0]
    assert card.why[0].text.de == "In Ihrem Farbton 120 Sand"
    assert card.why[0].text.en == "In your shade 120 Sand"
    assert card.why[0].source == "receipts"
    assert card.why[0].age_s == pytest.approx(200 * DAY_S)
    assert card.why[0].ground == "shade"
    assert card.purpose == "profile"
    assert "shade:120 Sand" in card.facts
    said = customer().by_person(shades={Shade("120 Sand"): None}).decide({"scent-w": 0.2})
    assert said.message.cards[0].why[0].source == "stated"


def test_a_shade_that_is_sold_out_is_neither_weighed_nor_told() -> None:
    """The last Sand of one item goes: the other still has it."""
    sold_out = customer()
    sold_out.stock.set_level("scent-w-120", 0, NOW.now_s)
    snapshot = sold_out.snapshot()
    assert shade_of(number("scent-w"), snapshot) is None
    assert shade_of(number("scent-w2"), snapshot) in SAND
    items = np.array([number("scent-w"), number("scent-w2"), number("mouse")], np.int32)
    assert in_own_shade(items, snapshot).tolist() == [False, True, False]
    sold_out.stock.set_level("scent-w-120", 1, NOW.now_s + 1.0)
    assert in_own_shade(items, snapshot).tolist() == [True, True, False]


def test_a_card_leaves_with_the_shade_that_it_promised() -> None:
    """As one does with the size; a second sentence only leaves its card."""
    standing = customer()
    card = Basis(
        "k", number("scent-w"), int(Source.HISTORY), told=("shade", "sales"), zone="fashion"
    )
    assert not review([card], standing.snapshot()).recalls
    standing.stock.set_level("scent-w-120", 0, NOW.now_s)
    (gone,) = review([card], standing.snapshot()).recalls
    assert gone.reason == "ground_gone"
    second = replace(card, told=("sales", "shade"))
    left = review([second], standing.snapshot())
    assert (left.recalls, dict(left.untrue)) == ((), {"k": (1,)})
