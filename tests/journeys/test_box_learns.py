"""What staff and customers do with a card teaches the box, and can be taken back."""

import numpy as np

from tests.conftest import wait_until
from tests.world import ANNA, ITEM_IDS, RunningBox, tablet_of


def chance_after(box: RunningBox, item: int) -> float:
    """Return what the box now makes of a model's 0.4 for an item."""
    items, chance = np.array([item], np.int32), np.array([0.4], np.float32)
    return float(box.call(lambda: box.box.path.lessons.moved(chance, items))[0])


def test_a_wrong_card_teaches_until_the_profile_is_withdrawn(box: RunningBox) -> None:
    """Staff tap "wrong": the item falls for everybody; Anna withdraws, and it never happened."""
    with tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(tablet.cards, "a card")
        card = tablet.cards()[0]
        item = ITEM_IDS.index(card["item_id"])
        tablet.react(card, "wrong")
        wait_until(lambda: box.count("learned_vetoed") == 1, "the lesson")
        assert box.count("learned_shown") == 1  # who taps has seen
        assert chance_after(box, item) < 0.4
        box.consent("profile", is_given=False)
        wait_until(lambda: chance_after(box, item) == np.float32(0.4), "the lesson to go")


def test_a_reserved_card_teaches_once(box: RunningBox) -> None:
    """Reserved, then bought: one acceptance, and the item rises."""
    with tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(tablet.cards, "a card")
        card = tablet.cards()[0]
        item = ITEM_IDS.index(card["item_id"])
        tablet.react(card, "reserve")
        box.sell(item)
        wait_until(lambda: box.box.path.house.stock.units(f"sku-{item:02d}") == 4, "the sale")
        assert box.count("learned_accepted") == 1
        assert chance_after(box, item) > 0.4
