"""A limit of the store holds while a tablet is off the network: not one card too many."""

import time
from pathlib import Path

import pytest

from tests.conftest import Mosquitto, wait_until
from tests.core.decision_world import number
from tests.tact_store import look, say, settled, sku, store_with
from tests.world import ANNA, BEN, RunningBox, Tablet, tablet_of

# One impression of the spring offer in the whole store, whoever sees it.
ONE = (
    '[[caps]]\nid = "test"\nlimit = 1\nwindow = "calendar month"\nper = ["offer"]\n'
    "requests_pass = false\n[limits.max_cards]\ntablet = 1\n"
    '[[rules]]\nid = "first"\nkind = "pin"\nplace = 1\ntargets = ["item:tie"]\n'
    'date = 2026-03-03\nreason = "shown first"\n'
)


def renew(tablet: Tablet, name: str) -> None:
    """Say which cards a tablet has, as its page does every 20 s."""
    ids = [card["card_id"] for card in tablet.cards()]
    tablet.say({"kind": "renew", "tablet_id": name, "card_ids": ids})


def known(box: RunningBox, name: str) -> bool:
    """Tell whether the box has heard of a tablet."""
    return name in box.box.path.showing.leases._tablets


def sell_out(box: RunningBox, item_id: str) -> None:
    """Somebody counts the shelf: nothing of it is left."""
    say(box, "stock", "stock", {"levels": [{"sku": sku(item_id), "quantity": 0}]})


def for_ben(box: RunningBox, tablet: Tablet) -> set[str]:
    """Return what Ben gets when he checks in."""
    look(box, tablet, BEN)
    (contact,) = [c for c in tablet.contacts.values() if c["cards"]] or [{"cards": []}]
    return {card["item_id"] for card in contact["cards"]}


def why_not(box: RunningBox, item_id: str) -> set[str]:
    """Return all that spoke against an item in the newest decision."""
    decision = box.decisions()[-1]
    return {r.value for row in decision.trace() if row.item == number(item_id) for r in row.reasons}


@pytest.mark.parametrize("was_shown", [True, False], ids=["shown while away", "not shown"])
def test_a_tablet_cut_off_cannot_overshoot(
    tmp_path: Path, mosquitto: Mosquitto, was_shown: bool
) -> None:
    """Alice's tablet loses the network with Anna's card; Ben waits for what she reports."""
    with store_with(tmp_path, mosquitto, ["tie", "scarf"], more=ONE) as (box, bob):
        with tablet_of(box) as alice:
            renew(alice, "alice")
            renew(bob, "bob")
            wait_until(lambda: known(box, "alice") and known(box, "bob"), "both tablets")
            assert look(box, bob, ANNA) == {"tie"}
            wait_until(lambda: alice.items() == {"tie"}, "the card at Alice's")
            cut = alice.cards()[0]["card_id"]
        # From here on Alice is off the network; her page shows the card until its lease ends.
        sell_out(box, "tie")
        assert settled(box, bob) == set()
        renew(bob, "bob")
        assert for_ben(box, bob) == set()
        assert why_not(box, "scarf") == {"frequency_cap"}
        with tablet_of(box) as alice:
            shown = [{"card_id": cut, "at_s": time.time()}] if was_shown else []
            alice.say({"kind": "report", "tablet_id": "alice", "shown": shown})
            wait_until(lambda: not box.box.path.showing.leases.may_show(cut), "the report")
            box.call(lambda: box.box.path.tick(box.box.clock.now_s()))
            assert for_ben(box, bob) == (set() if was_shown else {"scarf"})
            assert box.count("shown") == (1 if was_shown else 0)


def test_a_recall_frees_the_limit_once_every_tablet_has_confirmed_it(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """Both tablets are there: the limit opens when neither lists the card any more, not before."""
    with (
        store_with(tmp_path, mosquitto, ["tie", "scarf"], more=ONE) as (box, bob),
        tablet_of(box) as alice,
    ):
        renew(alice, "alice")
        renew(bob, "bob")
        wait_until(lambda: known(box, "alice") and known(box, "bob"), "both tablets")
        assert look(box, bob, ANNA) == {"tie"}
        card = bob.cards()[0]["card_id"]
        sell_out(box, "tie")
        assert settled(box, bob) == set()
        renew(bob, "bob")
        assert for_ben(box, bob) == set()
        wait_until(lambda: not alice.items(), "the recall at Alice's")
        renew(alice, "alice")
        wait_until(lambda: not box.box.path.showing.leases.may_show(card), "Alice's list")
        box.call(lambda: box.box.path.tick(box.box.clock.now_s()))
        assert for_ben(box, bob) == {"scarf"}


def test_a_closed_page_holds_nothing(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Alice closes her page in order: what it had is free at once."""
    with (
        store_with(tmp_path, mosquitto, ["tie", "scarf"], more=ONE) as (box, bob),
        tablet_of(box) as alice,
    ):
        renew(alice, "alice")
        wait_until(lambda: known(box, "alice"), "the tablet")
        assert look(box, bob, ANNA) == {"tie"}
        alice.say({"kind": "renew", "tablet_id": "alice", "card_ids": [], "is_leaving": True})
        wait_until(lambda: not known(box, "alice"), "her leave")
        sell_out(box, "tie")
        assert settled(box, bob) == set()
        assert for_ben(box, bob) == {"scarf"}


def test_a_standing_card_stays_taken_up(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Nobody has opened Anna's card for ten minutes; it may be opened yet, so Ben gets none."""
    now_s = 1_800_000_000.0
    with store_with(tmp_path, mosquitto, ["tie", "scarf"], more=ONE, now_s=now_s) as (box, tablet):
        assert look(box, tablet, ANNA) == {"tie"}
        box.call(lambda: box.box.path.tick(now_s + 600.0))
        assert for_ben(box, tablet) == {"tie"}  # Anna's; Ben has none
        assert why_not(box, "scarf") == {"frequency_cap"}
