"""How likely an offer is taken: its kind, what is known of a person, and what that moves."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.acceptance import LOOK_BACK_DAYS, Offers, Past, Rates, Seen, Shelf, kind_of
from edge.core.candidates import Source
from edge.core.catalog import Catalog, Offer
from edge.core.decision import OnOffer
from edge.core.errors import UnavailableError
from edge.core.history import Floats, History
from edge.core.offers import NO_OFFER
from edge.core.offers import Offers as OffersOfCatalog
from edge.core.person import DAY_S, Offered, Profile, no_purchases
from edge.core.playbook import Limits, Orders
from edge.core.reasons import Reason
from edge.core.recall import Basis, recalls
from edge.core.takeup import MOST_LIFT, UNASKED, Takers, Takeup
from tests.core.decision_world import CATALOG, NOW, Outcome, World, number, run

TIE, SCARF, SHIRT = "tie", "scarf", "shirt-b"


def offer(offer_id: str, *item_ids: str, priority: int = 0, price: int | None = None) -> Offer:
    """Make an offer that runs now."""
    return replace(
        CATALOG.offers[0],
        offer_id=offer_id,
        campaign_id=None,
        item_ids=item_ids,
        priority=priority,
        price_cents=price,
    )


def catalog_of(*offers: Offer) -> Catalog:
    """Return the little store under other offers."""
    return Catalog("c1", "EUR", CATALOG.items, CATALOG.classes, offers)


def takeup(catalog: Catalog, **chances: float) -> Takeup:
    """Say how likely offers are taken, against a rate of a tenth."""
    chance = np.array([chances.get(o.offer_id, 0.1) for o in catalog.offers], np.float32)
    return Takeup(chance, np.clip(chance / 0.1, 1 / MOST_LIFT, MOST_LIFT).astype(np.float32))


def decide(
    catalog: Catalog, asked: Takeup, scores: dict[str, float], floor: float = 0.02
) -> Outcome:
    """Decide among all goods; those without a score lie below the floor."""
    limits = Limits(floors={"tablet": floor}, similar_cost=0.0)
    world = World(catalog=catalog, orders=Orders(limits=limits))
    everything = {item.item_id: 0.0 for item in catalog.items} | scores
    return run(replace(world.snapshot(), takeup=asked), world, everything)


@pytest.mark.parametrize(
    ("price", "shelf", "kind"),
    [
        (None, 1000.0, "no_reduction"),
        (1000, 1000.0, "no_reduction"),
        (900, 1000.0, "small_reduction"),
        (876, 1000.0, "small_reduction"),
        (875, 1000.0, "large_reduction"),
        (1, 1000.0, "large_reduction"),
    ],
)
def test_kinds_of_offers(price: int | None, shelf: float, kind: str) -> None:
    """An eighth off the shelf's price is a large reduction."""
    assert kind_of(price, shelf) == kind


def test_what_is_known_ends_the_day_before() -> None:
    """Of five lines two are of today; of four offers one is of today and one too old."""
    history = History(
        np.array([1, 2, 3, 4, 5], np.int32),
        np.array([0, 0, 1, 2, 2], np.int32),
        np.array([100.9, 104.2, 110.4], np.float32),
    )
    seen = [
        Seen(110.1, is_accepted=True, classes=(1,)),
        Seen(109.9, is_accepted=True, classes=(2, 3)),
        Seen(110.0 - LOOK_BACK_DAYS, is_accepted=False, classes=(4,)),
        Seen(109.9 - LOOK_BACK_DAYS, is_accepted=True, classes=(5,)),
    ]
    past = Past.of(history, 110.6, seen, 0.1)
    assert past.items.tolist() == [1, 2, 3]
    assert past.age_days.tolist() == [10.0, 10.0, 6.0]
    assert (past.n_shown, past.n_accepted) == (2, 1)
    assert past.accepted_classes.tolist() == [2, 3]
    assert Past.of(History.empty(), 110.6, (), 0.1).items.size == 0


@dataclass
class Guessing:
    """A model of acceptance that answers what it is told, and notes what it was asked."""

    answers: Sequence[float]
    rates: Rates = field(default_factory=lambda: Rates(0.1, {"large_reduction": 0.2}))
    lines: Floats = field(default_factory=lambda: np.ones(len(CATALOG.items), np.float32))
    asked: list[tuple[Past, Offers, Shelf]] = field(default_factory=list)

    def chances(self, past: Past, offers: Offers, shelf: Shelf) -> Floats:
        """See `takeup.Model`."""
        self.asked.append((past, offers, shelf))
        return np.array(self.answers, np.float32)


def test_a_chance_is_held_against_its_kind_within_bounds() -> None:
    """Two thirds of the usual; thrice a large reduction's; a tenth; an offer of nothing sold."""
    catalog = catalog_of(
        offer("a", TIE),
        offer("b", SCARF, price=100),
        offer("gone", "no-such"),
        offer("c", SHIRT, TIE),
    )
    model = Guessing([0.0667, 0.6, 0.01])
    known = Profile(
        no_purchases(),
        offered=(
            Offered("over", number(TIE), NOW.now_s - 3 * DAY_S, is_accepted=True),
            Offered("c", number(TIE), NOW.now_s - 3 * DAY_S, is_accepted=True),
            Offered("b", number(SCARF), NOW.now_s - 4 * DAY_S, is_accepted=False),
            Offered("gone", -1, NOW.now_s - 5 * DAY_S, is_accepted=True),
        ),
    )
    found = Takers(catalog, model).of(known, History.empty(), NOW.now_s)
    assert found.lift.tolist() == pytest.approx([0.667, 2.0, 1.0, 0.5])
    assert found.chance.tolist() == pytest.approx([0.0667, 0.6, 0.0, 0.01])
    past, offers, _ = model.asked[0]
    assert offers.kind_rate.tolist() == pytest.approx([0.1, 0.2, 0.1])
    assert (past.n_shown, past.n_accepted) == (4, 3)
    tie, shirt = (int(CATALOG.class_index[number(item)]) for item in (TIE, SHIRT))
    assert past.accepted_classes.tolist() == [tie, *sorted([tie, shirt])]


def test_an_answer_that_is_no_number_counts_as_none() -> None:
    """What it would move could not be ordered."""
    takers = Takers(catalog_of(offer("a", TIE)), Guessing([float("nan")]))
    with pytest.raises(UnavailableError, match="no number"):
        takers.of(Profile(no_purchases()), History.empty(), NOW.now_s)


def test_a_store_without_offers_asks_nobody() -> None:
    """There is nothing to take."""
    model = Guessing([])
    taken = Takers(catalog_of(), model).of(Profile(no_purchases()), History.empty(), NOW.now_s)
    assert taken is UNASKED
    assert not model.asked


def test_the_likelier_offer_comes_first() -> None:
    """Of two equal goods the one whose offer is likelier; the record tells what moved them."""
    catalog = catalog_of(offer("t", TIE), offer("s", SCARF))
    scores = {TIE: 0.12, SCARF: 0.1}
    assert decide(catalog, UNASKED, scores).shown == [TIE, SCARF]
    found = decide(catalog, takeup(catalog, t=0.08, s=0.15), scores)
    assert found.shown == [SCARF, TIE]
    assert [line.score for line in found.decision.slate] == pytest.approx([0.15, 0.096])
    noted = {row.item: row.on_offer for row in found.decision.trace() if row.on_offer}
    assert noted.keys() == {number(TIE), number(SCARF)}
    assert noted[number(SCARF)] == OnOffer(1, float(np.float32(0.15)), float(np.float32(1.5)))
    scored = {row.item: row.score for row in found.decision.trace()}
    assert scored[number(SCARF)] == pytest.approx(0.1)  # the ranker's own


@pytest.mark.parametrize("chance", [0.001, 0.1, 0.9])
def test_no_chance_brings_in_or_strikes_out(chance: float) -> None:
    """The floor is asked of the score without it, from both sides."""
    catalog = catalog_of(offer("t", TIE), offer("s", SCARF))
    asked = takeup(catalog, t=chance, s=chance)
    found = decide(catalog, asked, {TIE: 0.059, SCARF: 0.061}, floor=0.06)
    assert found.shown == [SCARF]
    reasons = {row.item: row.reasons for row in found.decision.trace()}
    assert reasons[number(TIE)] == (Reason.BELOW_FLOOR,)


def test_of_equal_offers_on_one_item_the_likelier_stands() -> None:
    """Priority comes first; of equals the person's chance, not the sooner end."""
    catalog = catalog_of(
        offer("low", TIE, priority=1), offer("a", TIE, SCARF, priority=2),
        offer("b", TIE, priority=2),
    )  # fmt: skip
    plain = decide(catalog, UNASKED, {TIE: 0.1, SCARF: 0.1}).decision
    by_item = {line.item_id: line.offer_id for line in plain.slate}
    assert by_item == {TIE: "a", SCARF: "a"}
    asked = takeup(catalog, low=0.9, a=0.1, b=0.2)
    moved = decide(catalog, asked, {TIE: 0.1, SCARF: 0.1}).decision
    assert {line.item_id: line.offer_id for line in moved.slate} == {TIE: "b", SCARF: "a"}
    again = Takeup.of_noted(moved.takeup, len(catalog.offers))
    same = decide(catalog, again, {TIE: 0.1, SCARF: 0.1}).decision
    assert same == moved


@pytest.mark.parametrize(
    ("promised", "is_over"), [("a", False), ("b", False), ("low", True), ("gone", True)]
)
@pytest.mark.parametrize("chances", [None, {"a": 0.2, "b": 0.1}, {"a": 0.1, "b": 0.2}])
def test_a_card_keeps_its_offer_while_that_runs(
    promised: str, is_over: bool, chances: dict[str, float] | None
) -> None:
    """Whichever of two equals is likelier by now, or nobody is asked: the other is not over."""
    gone = replace(offer("gone", TIE, priority=2), ends_s=NOW.now_s)
    catalog = catalog_of(
        offer("low", TIE, priority=1), offer("a", TIE, priority=2), offer("b", TIE, priority=2),
        gone,
    )  # fmt: skip
    asked = UNASKED if chances is None else takeup(catalog, **chances)
    snapshot = replace(World(catalog=catalog).snapshot(), takeup=asked)
    card = Basis("c", number(TIE), int(Source.POPULAR), offer_id=promised)
    assert [found.reason for found in recalls([card], snapshot)] == [Reason.OFFER_OVER] * is_over


def test_nothing_noted_is_nothing_asked() -> None:
    """Records of before, and of people without a profile, move nothing."""
    assert Takeup.of_noted(b"", 3) is UNASKED
    assert UNASKED.noted(np.array([0, -1], np.int32)) == b""
    scores = np.array([0.1, np.nan], np.float32)
    UNASKED.move(scores, np.array([0, -1], np.int32), None)
    assert scores[0] == np.float32(0.1)


@given(st.data())
def test_the_standing_offers_are_those_of_every_item_for_itself(data: st.DataObject) -> None:
    """Over drawn offers and chances: highest priority, then likeliest, then sooner end, then id."""
    ids = [item.item_id for item in CATALOG.items[:6]]
    drawn = data.draw(
        st.lists(
            st.tuples(st.sets(st.sampled_from(ids), min_size=1), st.integers(0, 1)), max_size=7
        )
    )
    offers = [offer(f"o{n}", *sorted(on), priority=first) for n, (on, first) in enumerate(drawn)]
    tenths = st.sampled_from([0.1, 0.2, 0.3])
    chance = np.array([data.draw(tenths) for _ in offers], np.float32)
    items = np.array([5, 0, 3, 1], np.intp)
    found = OffersOfCatalog(catalog_of(*offers)).on(items, NOW.now_s, "tablet", chance).tolist()

    def standing(item_id: str) -> int:
        mine = [at for at, each in enumerate(offers) if item_id in each.item_ids]
        best = min(mine, key=lambda at: (-offers[at].priority, -chance[at], at), default=None)
        return NO_OFFER if best is None else best

    assert found == [standing(ids[at]) for at in items]
