"""Tact from wire to screen: what a sale, a rule or a tap changes on the tablet."""

import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from edge.__main__ import main
from edge.adapters.sqlite.journal import decode_decision
from edge.core.consent import Purpose
from tests.conftest import Mosquitto, wait_until
from tests.core.decision_world import CATALOG
from tests.tact_store import History, look, rules_file, say, sell, settled, sku, store_with
from tests.world import ANNA, BEN, RunningBox, rfc3339, running, tablet_of

CLASSES: list[tuple[str, History, list[str], set[str]]] = [
    ("durable: no second laptop for years, bag and mouse are welcome",
     [("laptop-a", 500, False)], ["laptop-a", "laptop-b", "mouse"], {"mouse"}),
    ("durable: after its interval it is open again",
     [("laptop-a", 1_500, False)], ["laptop-b"], {"laptop-b"}),
    ("accessory: open again after some days", [("tie", 6, False)], ["tie"], {"tie"}),
    ("consumable: not before it runs out", [("nappies-3", 8, False)],
     ["nappies-3", "nappies-other", "mouse"], {"mouse"}),
    ("consumable: the same line when it is due",
     [("nappies-3", 26, False), ("nappies-3", 12, False)],
     ["nappies-4", "nappies-other"], {"nappies-4"}),
    ("consumable: the learned interval of 300 days holds, not the table's 180",
     [("scent-w", d, False) for d in (900, 600, 300, 150)], ["scent-w2", "mouse"], {"mouse"}),
    ("bulky: delivery is offered instead of another pack",
     [("paper", d, False) for d in (120, 80, 40, 2)], ["paper"], {"paper"}),
    ("series: the next part alone", [("crime-1", 30, False)],
     ["crime-1", "crime-2", "crime-3"], {"crime-2"}),
    ("gift: a voucher is not suggested again unasked", [("voucher", 400, False)],
     ["voucher", "mouse"], {"mouse"}),
    ("sensitive: never", [], ["self-test", "mouse"], {"mouse"}),
    ("no class: the cautious default closes its category", [("odd-1", 100, False)],
     ["odd-2", "mouse"], {"mouse"}),
    ("a gift brings nothing of its kind", [("scent-w", 20, True)],
     ["scent-w", "scent-w2", "scent-m"], {"scent-m"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("history", "left", "shown"), [c[1:] for c in CLASSES], ids=[c[0] for c in CLASSES]
)
def test_every_class_on_the_tablet(
    tmp_path: Path, mosquitto: Mosquitto, history: History, left: list[str], shown: set[str]
) -> None:
    """What the tills said of Anna decides what the tablet shows when she checks in."""
    with store_with(tmp_path, mosquitto, left) as (box, tablet):
        for item_id, days, is_gift in history:
            sell(box, item_id, days_ago=days, is_gift=is_gift)
        assert look(box, tablet) == shown


def test_care_and_complements_follow_a_sale(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """A coat is sold at the till: its care tip and a scarf, no other coat; no price on care."""
    with store_with(tmp_path, mosquitto, ["coat-a", "coat-b", "scarf", "suit"]) as (box, tablet):
        assert look(box, tablet) & {"coat-a", "coat-b", "suit"}
        sell(box, "coat-a")
        assert look(box, tablet) == {"coat-a", "scarf"}
        care = next(card for card in tablet.cards() if card["item_id"] == "coat-a")
        assert care["kind"] == "care"
        assert care["price_cents"] is None


def test_peoples_map_outranks_everything(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Shirt to cufflinks or tie and never a suit, by the store's rule and not the catalogue's."""
    rule = (
        '[[rules]]\nid = "map"\nkind = "complement"\ntargets = ["class:shirt"]\n'
        'to = ["class:cufflinks"]\nnever = ["class:suit", "class:tie"]\ndate = 2026-03-03\n'
        'reason = "our tailors say so"\n'
    )
    left = ["cufflinks", "tie", "suit", "coat-a"]
    with store_with(tmp_path, mosquitto, left, more=rule) as (box, tablet):
        sell(box, "shirt-a")
        assert look(box, tablet) == {"cufflinks"}
        (card,) = tablet.cards()
        assert card["why"][0]["text"]["de"] == "Passt dazu: Hemd"


def test_reading_a_label_is_no_purchase(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Who looks at a shirt may still be shown one; in the basket, only what goes with it (A29)."""
    left = ["tie", "shirt-b"]
    with store_with(tmp_path, mosquitto, left) as (box, tablet):
        look(box, tablet)
        label = {"member_id": ANNA, "sku": sku("shirt-a")}
        say(box, "scans", "scan", label)
        assert look(box, tablet) == {"tie", "shirt-b"}
        why = {card["item_id"]: card["why"][0] for card in tablet.cards()}
        assert why["tie"]["text"]["de"] == "Passt dazu: Hemd"
        assert why["tie"]["source"] == "scan"
        (contact,) = tablet.contacts.values()
        assert "Korb" not in json.dumps(contact["insights"])
        say(box, "scans", "scan", {**label, "is_in_basket": True})
        assert look(box, tablet) == {"tie"}
        (contact,) = tablet.contacts.values()
        assert contact["cards"][0]["why"][0]["source"] == "basket"
        assert "1 Artikel im Korb" in json.dumps(contact["insights"])


def test_a_tap_corrects_a_purchase_to_a_gift(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """The laptop was for somebody else: bag and mouse have no reason any more, nor has care."""
    with store_with(tmp_path, mosquitto, ["bag", "mouse"]) as (box, tablet):
        sell(box, "laptop-a")
        assert look(box, tablet) == {"bag", "mouse"}
        sources = {why["source"] for card in tablet.cards() for why in card["why"]}
        assert "receipts" in sources
        assert tablet.react(tablet.cards()[0], "gift")["kind"] == "ack"
        look(box, tablet)
        words = json.dumps([card["why"] for card in tablet.cards()]).casefold()
        assert "laptop" not in words
        assert "gift" not in words
        assert "geschenk" not in words


def test_not_now_takes_the_card_off_and_counts_against_the_item(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """Waved off: the card leaves, and the next decisions of this visit know it."""
    with store_with(tmp_path, mosquitto, ["mouse"]) as (box, tablet):
        assert look(box, tablet) == {"mouse"}
        assert tablet.react(tablet.cards()[0], "not_now")["kind"] == "ack"
        wait_until(lambda: not tablet.items(), "the card to leave")
        guest = next(iter(box.box.path.guests.values()))
        assert [CATALOG.items[item].item_id for item in guest.view.dismissed] == ["mouse"]


def test_a_guessed_gift_by_declaration(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """A man buys a woman's scent, unwrapped: no scents for women follow, and no word about it."""
    left = ["scent-w", "scent-w2", "scent-m"]
    with store_with(tmp_path, mosquitto, left, about={"declared": {"audience": "men"}}) as (
        box,
        tablet,
    ):
        sell(box, "scent-w")
        assert look(box, tablet) == {"scent-m"}
        record = box.decisions()[0]
        assert any("gift_basket" in [r.value for r in row.reasons] for row in record.trace())
        assert "gift" not in json.dumps(tablet.frames).casefold().replace("gift_receipt", "")


CAPS: list[tuple[str, str, str, set[str], str]] = [
    ("person", 'per = ["person"]', "ever", set(), ANNA),
    ("visit", 'per = ["visit"]', "visit", set(), ANNA),
    ("item", 'per = ["person", "item"]', "ever", {"mouse"}, ANNA),
    ("offer", 'per = ["person", "offer"]', "ever", {"mouse"}, ANNA),
    ("class", 'per = ["person", "class"]', "calendar week", {"mouse"}, ANNA),
    ("campaign", 'per = ["person", "campaign"]', "calendar month", {"mouse"}, ANNA),
    ("store", "per = []", "calendar day", set(), BEN),
    ("store by offer", 'per = ["offer"]', "2 hours", {"mouse"}, BEN),
]


@pytest.mark.parametrize(
    ("per", "window", "then", "who"), [c[1:] for c in CAPS], ids=[c[0] for c in CAPS]
)
def test_every_cap_on_the_tablet(
    tmp_path: Path, mosquitto: Mosquitto, per: str, window: str, then: set[str], who: str
) -> None:
    """One impression of the tie reaches the cap; the next decision keeps what is closed back."""
    cap = (
        f'[[caps]]\nid = "test"\nlimit = 1\nwindow = "{window}"\n{per}\nrequests_pass = false\n'
        '[[rules]]\nid = "first"\nkind = "pin"\nplace = 1\ntargets = ["item:tie"]\n'
        'date = 2026-03-03\nreason = "shown first"\n[limits.max_cards]\ntablet = 1\n'
    )
    with store_with(tmp_path, mosquitto, ["tie", "mouse"], more=cap) as (box, tablet):
        assert look(box, tablet) == {"tie"}
        seen = tablet.cards()[0]["card_id"]
        tablet.say({"kind": "seen", "card_ids": [seen]})
        wait_until(lambda: box.count("shown") == 1, "the impression")
        look(box, tablet, who)
        new = {card["item_id"] for card in tablet.cards() if card["card_id"] != seen}
        assert new == then
        assert box.count("empty_frequency_cap") == (0 if then else 1)


@pytest.mark.parametrize("only", ['class = "tie"', 'campaign = "spring-campaign"'])
@pytest.mark.parametrize("per", ["[]", '["household"]'])
def test_a_cap_on_some_goods_keeps_only_those_back(
    tmp_path: Path, mosquitto: Mosquitto, only: str, per: str
) -> None:
    """One tie for the store, or for a household: after Anna's, Ben gets the mouse, and so does she.

    The pair is one household.
    """
    cap = (
        f'[[caps]]\nid = "test"\nlimit = 1\nwindow = "7 days"\nper = {per}\nonly = {{ {only} }}\n'
        'requests_pass = false\n[[rules]]\nid = "first"\nkind = "pin"\nplace = 1\n'
        'targets = ["item:tie"]\ndate = 2026-03-03\nreason = "shown first"\n'
        "[limits.max_cards]\ntablet = 1\n"
    )
    left, about = ["tie", "mouse"], {"household": "house-1"}
    with store_with(tmp_path, mosquitto, left, more=cap, about=about) as (box, tablet):
        assert look(box, tablet) == {"tie"}
        seen = tablet.cards()[0]["card_id"]
        tablet.say({"kind": "seen", "card_ids": [seen]})
        wait_until(lambda: box.count("shown") == 1, "the impression")
        for member in (BEN, ANNA):
            look(box, tablet, member)
            assert [line.item_id for line in box.decisions()[-1].slate] == ["mouse"]


@pytest.mark.parametrize(
    ("times_stock", "shown"),
    [(0.1, [["tie"], ["mouse"]]), (0.09, [["mouse"], ["mouse"]])],
    ids=["one of ten", "less than one of ten"],
)
def test_a_budget_made_from_the_stock(
    tmp_path: Path, mosquitto: Mosquitto, times_stock: float, shown: list[list[str]]
) -> None:
    """The spring offer stands on ten pieces, ties and scarves: its budget is rounded down."""
    cap = (
        f'[[caps]]\nid = "test"\ntimes_stock = {times_stock}\nwindow = "7 days"\n'
        'per = ["offer"]\nrequests_pass = false\n[[rules]]\nid = "first"\nkind = "pin"\n'
        'place = 1\ntargets = ["item:tie"]\ndate = 2026-03-03\nreason = "shown first"\n'
        "[limits.max_cards]\ntablet = 1\n"
    )
    with store_with(tmp_path, mosquitto, ["tie", "mouse"], more=cap) as (box, tablet):
        for member, expected in zip((ANNA, BEN), shown, strict=True):
            look(box, tablet, member)
            assert [line.item_id for line in box.decisions()[-1].slate] == expected


def test_any_of_several_caps_closes(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """One tie a week and two cards a day: the tie, then the mouse, then nothing of either rule."""
    caps = "".join(
        f'[[caps]]\nid = "{name}"\nlimit = {limit}\nwindow = "{window}"\nper = {per}\n'
        "requests_pass = false\n"
        for name, limit, window, per in (
            ("item", 1, "7 days", '["person", "item"]'),
            ("day", 2, "calendar day", '["person"]'),
        )
    )
    pin = (
        '[[rules]]\nid = "first"\nkind = "pin"\nplace = 1\ntargets = ["item:tie"]\n'
        'date = 2026-03-03\nreason = "shown first"\n[limits.max_cards]\ntablet = 1\n'
    )
    left = ["tie", "mouse", "bag"]
    with store_with(tmp_path, mosquitto, left, more=caps + pin) as (box, tablet):
        came: list[str] = []
        for _ in range(3):
            before = {card["card_id"] for card in tablet.cards()}
            look(box, tablet)
            new = [card for card in tablet.cards() if card["card_id"] not in before]
            for card in new:
                tablet.say({"kind": "seen", "card_ids": [card["card_id"]]})
                came.append(card["item_id"])
            wait_until(lambda: box.count("shown") == len(came), "the impressions")
        assert len(came) == 2
        assert came[0] == "tie"
        assert came[1] in {"mouse", "bag"}
        assert box.count("empty_frequency_cap") == 1


def test_two_cards_at_once_do_not_overshoot(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """The spring offer is on tie and scarf; once a person means one of the two, not both."""
    cap = (
        '[[caps]]\nid = "test"\nlimit = 1\nwindow = "7 days"\nper = ["person", "offer"]\n'
        "requests_pass = false\n"
    )
    with store_with(tmp_path, mosquitto, ["tie", "scarf", "mouse"], more=cap) as (box, tablet):
        shown = look(box, tablet)
        assert "mouse" in shown
        assert len(shown) == 2


def test_a_rule_is_on_every_screen_within_a_second(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """A ban is saved to the file: the open card leaves, and says who excluded it.

    The faster of two saves counts: a machine that does something else for a second proves nothing.
    """
    with store_with(tmp_path, mosquitto, ["mouse", "bag", "tie"]) as (box, tablet):
        shown = sorted(look(box, tablet))
        rules, took_s = tmp_path / "rules.toml", []
        for n in (1, 2):
            left = [i for i in ("mouse", "bag", "tie") if i not in shown[:n]]
            saved_s = time.monotonic()
            rules.write_text(rules_file(left), encoding="utf-8")
            wait_until(lambda: shown[n - 1] not in tablet.items(), "the card to leave", 5.0)  # noqa: B023
            took_s.append(time.monotonic() - saved_s)
        assert min(took_s) < 1.0
        assert {frame["reason"]["code"] for frame in tablet.kinds("recall")} == {"banned"}
        rules.write_text("version = 7\n", encoding="utf-8")
        wait_until(lambda: box.box.rulebook.state.problems, "the refusal")
        assert box.box.health().parts["rule_problems"]
        assert not look(box, tablet) & set(shown)


def test_a_late_sale_recalls_the_card_on_every_tablet(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Sold 71 hours ago and told only now: both tablets lose the card."""
    with store_with(tmp_path, mosquitto, ["mouse"]) as (box, tablet), tablet_of(box) as second:
        assert look(box, tablet) == {"mouse"}
        sell(box, "mouse", sold_at=rfc3339(time.time() - 71 * 3_600.0))
        wait_until(lambda: not tablet.items() and not second.items(), "the cards to leave")
        assert tablet.kinds("recall")[0]["reason"]["code"] == "just_bought"
        assert look(box, tablet) == set()


def test_silence_while_being_served_and_right_after_entering(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """Unasked: one entry offer, then quiet; who is served is left alone; a request is answered."""
    with store_with(tmp_path, mosquitto, ["mouse", "bag"]) as (box, tablet):
        look(box, tablet)
        guest = next(iter(box.box.path.guests.values()))
        now_s = box.box.clock.now_s()
        decision = box.call(lambda: box.box.path.serve(guest, now_s))
        assert decision.empty.value == "quiet_after_entry"
        tablet_id = {"tablet_id": "t1", "member_id": ANNA}
        box.event("staff", "staff", {**tablet_id, "state": "serving"})
        wait_until(lambda: guest.is_being_served, "the associate")
        decision = box.call(lambda: box.box.path.serve(guest, now_s + 3_600.0))
        assert decision.empty.value == "being_served"
        assert look(box, tablet) == {"mouse", "bag"}


def test_names_are_not_spoken_without_a_consent_of_their_own(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """Anna allows everything but a greeting: her name is in no frame."""
    with store_with(tmp_path, mosquitto, ["mouse"]) as (box, tablet):
        look(box, tablet)
        assert "Anna" not in json.dumps(tablet.frames)
        assert next(iter(tablet.contacts.values()))["title"]["de"] == "Gast · floor"


def ask(box: RunningBox, method: str, path: str, text: str) -> tuple[int, dict[str, Any]]:
    """Send a rule file to the page's own address."""
    request = urllib.request.Request(
        f"{box.address}{path}",
        json.dumps({"text": text}).encode(),
        {"Content-Type": "application/json", "Origin": box.address.rstrip("/")},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.load(refusal)


def test_a_draft_is_tried_on_what_was_decided_and_then_published(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """A trial says what a ban would have changed; a broken file is refused, a good one goes up."""
    with store_with(tmp_path, mosquitto, ["mouse", "bag"]) as (box, tablet):
        assert look(box, tablet) == {"mouse", "bag"}
        draft = rules_file(["bag"])
        status, trial = ask(box, "POST", "api/rules/trial", draft)
        assert status == 200
        assert trial["outlook"]["changed"] == 1
        assert trial["outlook"]["examples"][0]["after"] == [{"de": "bag", "en": "bag"}]
        assert tablet.items() == {"mouse", "bag"}
        status, refusal = ask(
            box, "PUT", "api/rules", draft.replace("limit = 1000000", "limit = 0")
        )
        assert status == 409
        assert "line" in refusal["detail"][0]
        assert (tmp_path / "rules.toml").read_text(encoding="utf-8") != draft
        assert ask(box, "PUT", "api/rules", draft)[0] == 200
        wait_until(lambda: tablet.items() == {"bag"}, "the card to leave")
        assert (tmp_path / "rules.toml").read_text(encoding="utf-8") == draft
        settings = box.box.settings
        everything = rules_file([])
        status, trial = ask(box, "POST", "api/rules/trial", everything)
        assert any("bans cover" in note for note in trial["notes"])
        assert any("would show nothing" in note for note in trial["notes"])

    with running(settings) as again:
        status, trial = ask(again, "POST", "api/rules/trial", rules_file(["mouse"]))
        assert trial["outlook"]["decisions"] == 1, "yesterday is known after a restart, too"
        assert trial["outlook"]["changed"] == 1


def test_a_card_leaves_with_the_sentence_it_stood_on(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Nothing new may be shown; the old card stays while it is true, and no longer."""
    once = (
        '[[caps]]\nid = "once"\nlimit = 1\nwindow = "ever"\nper = ["person"]\n'
        "requests_pass = false\n"
    )
    with store_with(tmp_path, mosquitto, ["mouse"], more=once) as (box, tablet):
        assert look(box, tablet) == {"mouse"}
        assert [why["source"] for why in tablet.cards()[0]["why"]] == ["zone", "sales"]
        tablet.say({"kind": "seen", "card_ids": [tablet.cards()[0]["card_id"]]})
        wait_until(lambda: box.count("shown") == 1, "the impression")
        assert look(box, tablet) == {"mouse"}
        assert box.count("empty_frequency_cap") == 1
        assert look(box, tablet, zone="till") == set()
        assert tablet.kinds("recall")[0]["reason"]["code"] == "ground_gone"
        assert box.count("empty_frequency_cap") == 2
        (contact,) = tablet.contacts.values()
        assert contact["empty"]["code"] == "frequency_cap"


def test_a_void_takes_back_what_the_purchase_suggested(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """The shirt never was bought: the tie that went with it leaves, and says so."""
    with store_with(tmp_path, mosquitto, ["tie"]) as (box, tablet):
        receipt = sell(box, "shirt-a")
        assert look(box, tablet) == {"tie"}
        assert tablet.cards()[0]["why"][0]["text"]["de"] == "Passt dazu: Hemd"
        say(box, "voids", "void", {"receipt_id": receipt})
        assert settled(box, tablet) == set()
        assert tablet.kinds("recall")[0]["reason"]["code"] == "basis_gone"


def test_what_was_voided_lies_on_the_shelf_again(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """The void is told twice, as tills do; the piece comes back once."""
    with store_with(tmp_path, mosquitto, ["mouse"]) as (box, tablet):
        receipt = sell(box, "mouse")
        assert look(box, tablet) == set()
        assert box.box.path.house.stock.units("mouse") == 4
        for _ in range(2):
            say(box, "voids", "void", {"receipt_id": receipt})
        assert look(box, tablet) == {"mouse"}
        assert box.box.path.house.stock.units("mouse") == 5


def test_a_return_before_its_sale_and_told_twice_moves_the_stock_once(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """Out of order and repeated: one piece went, one came, and five lie there."""
    back = {"return_id": "B1", "receipt_id": "R77", "lines": [{"sku": "mouse", "quantity": 1}]}
    with store_with(tmp_path, mosquitto, ["mouse"]) as (box, tablet):
        say(box, "returns", "return", back)
        sell(box, "mouse", receipt_id="R77")
        say(box, "returns", "return", back)
        settled(box, tablet)
        assert box.box.path.house.stock.units("mouse") == 5


def test_goods_come_back_to_the_shelf_once(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Brought back, and then the receipt voided as well: one piece went, one came."""
    with store_with(tmp_path, mosquitto, ["mouse"]) as (box, tablet):
        receipt = sell(box, "mouse")
        lines = [{"sku": "mouse", "quantity": 1}]
        say(box, "returns", "return", {"return_id": "B1", "receipt_id": receipt, "lines": lines})
        say(box, "voids", "void", {"receipt_id": receipt})
        settled(box, tablet)
        assert box.box.path.house.stock.units("mouse") == 5


def test_a_void_before_its_sale_counts_at_once(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Out of order: nothing was bought, nothing left the shelf, and no laptop is kept back."""
    with store_with(tmp_path, mosquitto, ["laptop-b"]) as (box, tablet):
        look(box, tablet)
        say(box, "voids", "void", {"receipt_id": "R77"})
        sell(box, "laptop-a", receipt_id="R77")
        assert look(box, tablet) == {"laptop-b"}
        assert box.box.path.house.stock.units("laptop-a") == 5


@pytest.mark.parametrize(
    ("has_profile", "shown"), [(True, {"mouse"}), (False, {"coat-b", "mouse"})]
)
def test_a_sale_that_names_its_member_later_is_the_members(
    tmp_path: Path, mosquitto: Mosquitto, has_profile: bool, shown: set[str]
) -> None:
    """The till knows the card only at the second telling; without a profile none is kept of her."""
    with store_with(tmp_path, mosquitto, ["coat-b", "mouse"]) as (box, tablet):
        if not has_profile:
            box.consent("profile", is_given=False)
            wait_until(lambda: box.count("consent_withdrawn") == 1, "the withdrawal")
        receipt = sell(box, "coat-a", member_id=None)
        assert look(box, tablet) == {"coat-b", "mouse"}
        sell(box, "coat-a", receipt_id=receipt)
        assert look(box, tablet) == {"mouse"}, "in this visit it counts in any case"
        settings = box.box.settings
    with running(settings) as again, tablet_of(again) as tablet:
        assert look(again, tablet) == shown


def test_a_sale_told_twice_is_one(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Two messages of their own ids about one receipt: one piece left the shelf."""
    with store_with(tmp_path, mosquitto, ["mouse"]) as (box, tablet):
        look(box, tablet)
        for _ in range(2):
            sell(box, "mouse", receipt_id="R77")
        assert box.box.path.house.stock.units("mouse") == 4
        assert look(box, tablet) == set()


def test_a_sentence_leaves_a_card_that_stays(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """The tie goes with the shirt wherever Anna walks; it lies "right here" only where it lies."""
    with store_with(tmp_path, mosquitto, ["tie"]) as (box, tablet):
        sell(box, "shirt-a")
        assert look(box, tablet) == {"tie"}
        assert [why["source"] for why in tablet.cards()[0]["why"]] == ["receipts", "zone"]
        (guest,) = box.box.path.guests.values()
        now_s = box.box.clock.now_s()
        box.call(lambda: box.box.path._note(guest.person, now_s, "till"))
        assert settled(box, tablet) == {"tie"}
        assert [why["source"] for why in tablet.cards()[0]["why"]] == ["receipts"]


HOUSE_CAP = (
    '[[caps]]\nid = "test"\nlimit = 1\nwindow = "7 days"\nper = ["household"]\n'
    "requests_pass = false\n"
)


@pytest.mark.parametrize(
    ("home", "then"), [("H-1", set()), (None, {"mouse"})], ids=["one household", "no household"]
)
def test_a_household_counts_together_on_the_tablet(
    tmp_path: Path, mosquitto: Mosquitto, home: str | None, then: set[str]
) -> None:
    """Anna has seen a card; Ben of the same house gets none, today and after a restart."""
    about = {"household": home}
    with store_with(tmp_path, mosquitto, ["mouse"], more=HOUSE_CAP, about=about) as (box, tablet):
        assert look(box, tablet) == {"mouse"}
        seen = tablet.cards()[0]["card_id"]
        tablet.say({"kind": "seen", "card_ids": [seen]})
        wait_until(lambda: box.count("shown") == 1, "the impression")
        look(box, tablet, BEN)
        assert {c["item_id"] for c in tablet.cards() if c["card_id"] != seen} == then
        settings = box.box.settings
    with running(settings) as again, tablet_of(again) as tablet:
        assert look(again, tablet, BEN) == then


def test_not_now_is_remembered_on_the_next_visit(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Waved off once, the mouse counts less when Anna comes again; the bag takes its place."""
    one = "[limits.max_cards]\ntablet = 1\n"
    with store_with(tmp_path, mosquitto, ["mouse", "bag"], more=one) as (box, tablet):
        (first,) = look(box, tablet)
        assert tablet.react(tablet.cards()[0], "not_now")["kind"] == "ack"
        settings = box.box.settings
    with running(settings) as again, tablet_of(again) as tablet:
        assert look(again, tablet) == {"mouse", "bag"} - {first}


@pytest.mark.parametrize(("has_delivery", "shown"), [(False, {"paper"}), (True, set())])
def test_who_has_delivery_is_not_offered_it_again(
    tmp_path: Path, mosquitto: Mosquitto, has_delivery: bool, shown: set[str]
) -> None:
    """Paper is carried home again and again: delivery is offered, unless it is used by now."""
    about = {"has_delivery": has_delivery}
    with store_with(tmp_path, mosquitto, ["paper"], about=about) as (box, tablet):
        for days in (120, 80, 40, 2):
            sell(box, "paper", days_ago=days)
        assert look(box, tablet) == shown
        assert [card["kind"] for card in tablet.cards()] == ["service"] * len(shown)


@pytest.mark.parametrize(("is_adult", "shown"), [(None, set()), (True, {"wine"})])
def test_wine_is_for_adults_alone(
    tmp_path: Path, mosquitto: Mosquitto, is_adult: bool | None, shown: set[str]
) -> None:
    """Without a passed age check wine is not suggested, and nobody is asked for an age."""
    about = {"is_adult": is_adult, "birth_year": 1971}
    with store_with(tmp_path, mosquitto, ["wine"], about=about) as (box, tablet):
        assert look(box, tablet) == shown


def test_a_card_explains_itself_and_is_looked_up_whole(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """Words, source, age, consent and controls on the card; the whole trace in the ledger."""
    with store_with(tmp_path, mosquitto, ["tie", "shirt-b"]) as (box, tablet):
        sell(box, "shirt-a", days_ago=3)
        assert look(box, tablet) == {"tie"}
        (card,) = tablet.cards()
        cause = card["why"][0]
        assert cause["text"] == {"de": "Passt dazu: Hemd", "en": "Goes with: shirt"}
        assert cause["source"] == "receipts"
        assert cause["age_s"] == pytest.approx(3 * 86_400, abs=60)
        assert card["allowed"]["purpose"] == "profile"
        assert set(card["controls"]) == {"less", "never", "correct", "opt_out"}
        facts = {why["source"] for why in card["why"]} & {"receipts", "stated"}
        assert len(facts) <= 2
        (guest,) = box.box.path.guests.values()
        now_s = box.box.clock.now_s()
        box.box.ledger.flush()

        def look_up() -> bytes | None:
            grant = box.box.path.consents.grant(guest.person, Purpose.PROFILE, now_s)
            return box.box.ledger.decision(card["decision_id"], grant, now_s)

        body = box.call(look_up)
        decision = decode_decision(body)
        rows = {CATALOG.items[row.item].item_id: row for row in decision.trace()}
        assert rows["tie"].reasons == ()
        assert {"just_bought_class", "owned"} <= {r.value for r in rows["shirt-b"].reasons}
        assert decision.playbook_version == box.box.rulebook.state.playbook.version
        assert [line.item_id for line in decision.slate] == ["tie"]
        box.consent("profile", is_given=False)
        wait_until(lambda: box.count("consent_withdrawn") == 1, "the withdrawal")
        assert box.call(look_up) is None, "without the consent it is not opened any more"


def test_facts_about_a_person_are_few_and_guesses_none(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """A regular with preferences and a long history: a message tells two facts at most."""
    about = {"stated": ["mouse", "laptop-bag", "scarf", "tie"], "declared": {"audience": "men"}}
    left = ["mouse", "bag", "tie", "scarf"]
    with store_with(tmp_path, mosquitto, left, about=about) as (box, tablet):
        for item_id, days in (("wine", 90), ("wine", 60), ("scent-w", 40), ("crime-1", 30)):
            sell(box, item_id, days_ago=days)
        look(box, tablet)
        (contact,) = tablet.contacts.values()
        told = [why for card in contact["cards"] for why in card["why"]] + contact["insights"]
        facts = {
            (w["source"], w["text"]["en"]) for w in told if w["source"] in ("receipts", "stated")
        }
        assert 1 <= len(facts) <= 2
        assert len(contact["insights"]) <= 3
        words = json.dumps(contact).casefold()
        for guess in ("gift", "geschenk", "men", "herren", "motive", "scent"):
            assert f'"{guess}"' not in words


def test_what_was_withheld_tells_no_third_fact(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Two wishes are told; of what was bought and returned nothing more, and no guess at why."""
    about = {"stated": ["mouse", "scarf"], "sizes": {"tie": "M"}}
    history = [("nappies-3", 5, False), ("wine", 6, False), ("paper", 7, False)]
    left = ["mouse", "scarf", "bag", "nappies-4", "paper"]
    with store_with(tmp_path, mosquitto, left, history=history, about=about) as (box, tablet):
        goods = {
            "return_id": "X1",
            "member_id": ANNA,
            "lines": [{"sku": sku("bag"), "quantity": 1}],
        }
        say(box, "returns", "return", goods)
        assert look(box, tablet) == {"mouse", "scarf"}
        (contact,) = tablet.contacts.values()
        withheld = {line["reason"] for card in contact["cards"] for line in card["suppressed"]}
        assert withheld == {"banned"}, "what people of the house ruled out is no fact of Anna's"
        words = json.dumps(contact, ensure_ascii=False)
        assert "gepasst" not in words
        assert "an der Reihe" not in words


def test_staff_may_know_of_a_return_while_there_is_room(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """Nothing else is told about Anna: the bag she brought back is listed, as what it is."""
    with store_with(tmp_path, mosquitto, ["mouse", "bag"]) as (box, tablet):
        goods = {
            "return_id": "X1",
            "member_id": ANNA,
            "lines": [{"sku": sku("bag"), "quantity": 1}],
        }
        say(box, "returns", "return", goods)
        assert look(box, tablet) == {"mouse"}
        (card,) = tablet.cards()
        assert card["suppressed"][0]["text"]["de"] == "Wurde zurückgegeben"
        assert card["allowed"]["purpose"] == "profile"


def test_the_size_of_the_customer_rests_on_the_profile(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """A shirt in Anna's size: it counts as a fact, and the card names the consent behind it."""
    about = {"sizes": {"shirt": "M"}, "stated": ["shirt", "mouse", "scarf"]}
    with store_with(tmp_path, mosquitto, ["shirt-a"], about=about) as (box, tablet):
        assert look(box, tablet) == {"shirt-a"}
        (contact,) = tablet.contacts.values()
        (card,) = contact["cards"]
        assert card["stock"]["size_of_customer"] == "M"
        assert card["allowed"]["purpose"] == "profile"
        wishes = {line["text"]["de"] for line in (*card["why"], *contact["insights"])}
        assert sum("Eigene Angabe" in wish for wish in wishes) == 1


def test_a_reserved_card_keeps_its_share_of_the_facts(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Two wishes on reserved cards: what is said beside them later tells no third."""
    about = {"stated": ["mouse", "scarf", "tie", "shirt"]}
    with store_with(tmp_path, mosquitto, ["mouse", "scarf", "tie", "shirt-b"], about=about) as (
        box,
        tablet,
    ):
        look(box, tablet)
        for n, card in enumerate(tablet.cards()):
            tablet.react(card, "reserve", f"r{n}")
        look(box, tablet)
        (contact,) = tablet.contacts.values()
        assert len(contact["cards"]) > 2
        told = [why for card in contact["cards"] for why in card["why"]] + contact["insights"]
        wishes = {line["text"]["de"] for line in told if line["source"] == "stated"}
        assert len(wishes) == 2


def test_a_recall_tells_no_third_fact(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Two wishes stand there when the mouse is sold: that it was bought is in the log alone."""
    for wishes, told in ((["scarf", "tie"], "ground_gone"), (["scarf"], "just_bought")):
        folder = tmp_path / told
        folder.mkdir()
        with store_with(folder, mosquitto, ["mouse"], about={"stated": wishes}) as (box, tablet):
            assert look(box, tablet) == {"mouse"}
            sell(box, "mouse")
            assert settled(box, tablet) == set()
            assert [recall["reason"]["code"] for recall in tablet.kinds("recall")] == [told]
            box.box.ledger.flush()
            logged = box.box.ledger.reading().happenings.every("CardRecalled")
            assert [said["reason"] for _, said in logged] == ["just_bought"]


def test_why_a_rule_is_for_men_is_not_told(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """The house suggests the tie to men; the card does not say whom the house takes Ben for."""
    rule = (
        '[[rules]]\nid = "b"\nkind = "boost"\nfactor = 2.0\ntargets = ["class:tie"]\n'
        'audiences = ["men"]\ndate = 2026-03-03\nreason = "für sparsame Herren"\n'
    )
    man = {"declared": {"audience": "men"}}
    with store_with(tmp_path, mosquitto, ["tie"], more=rule, about=man) as (box, tablet):
        look(box, tablet, BEN)
        assert tablet.cards()[0]["why"][0]["text"]["de"] == "Empfehlung des Hauses"
        assert "sparsam" not in json.dumps(tablet.frames)


def test_a_past_decision_is_looked_up_by_its_id(
    tmp_path: Path, mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the buyer's proof the command shows every candidate; without, or another's, nothing."""
    with store_with(tmp_path, mosquitto, ["tie", "shirt-b"]) as (box, tablet):
        receipt = sell(box, "shirt-a", days_ago=3)
        assert look(box, tablet) == {"tie"}
        decision_id = tablet.cards()[0]["decision_id"]
        look(box, tablet, BEN)
        others = next(c["decision_id"] for c in tablet.cards() if c["decision_id"] != decision_id)
    words = ["decision", str(tmp_path / "box.toml")]
    proof = [ANNA, "--receipt", receipt]
    assert main([*words, decision_id, *proof]) == 0
    told = capsys.readouterr().out
    assert f"decision {decision_id} at " in told
    assert "shown 1: tie (" in told
    assert "from " in told
    assert "  shirt-b: just_bought_class, owned" in told
    assert told.count("\n  ") == len(CATALOG.items)
    assert main([*words, others, *proof]) == 1
    assert main([*words, decision_id, ANNA, "--receipt", "T-wrong"]) == 1
    assert capsys.readouterr().out == ""


def test_a_past_decision_tells_which_cap_and_which_ban_it_was(
    tmp_path: Path, mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three caps and two bans, then other rules: the command names those of that moment."""
    caps = "".join(
        f'[[caps]]\nid = "{name}"\nlimit = {limit}\nwindow = "7 days"\nper = {per}\n{only}\n'
        "requests_pass = false\n"
        for name, limit, per, only in (
            ("one-tie", 1, '["person"]', 'only = { class = "tie" }'),
            ("offer-once", 1, '["offer"]', ""),
            ("five-cards", 5, '["person"]', ""),
        )
    )
    rules = (
        '[[rules]]\nid = "no-bag"\nkind = "ban"\ntargets = ["item:bag"]\ndate = 2026-03-03\n'
        'reason = "not this week"\n[[rules]]\nid = "first"\nkind = "pin"\nplace = 1\n'
        'targets = ["item:tie"]\ndate = 2026-03-03\nreason = "shown first"\n'
    )
    left = ["tie", "scarf", "mouse"]
    with store_with(tmp_path, mosquitto, left, more=caps + rules) as (box, tablet):
        receipt = sell(box, "paper", days_ago=100)
        assert look(box, tablet) == {"tie", "mouse"}
        tablet.say({"kind": "seen", "card_ids": [card["card_id"] for card in tablet.cards()]})
        wait_until(lambda: box.count("shown") == 2, "the impressions")
        look(box, tablet)
        decision_id = box.decisions()[-1].decision_id
        (tmp_path / "rules.toml").write_text(rules_file(left), encoding="utf-8")
        wait_until(lambda: len(box.box.path.playbook.orders.rules) == 1, "other rules")
    proof = [ANNA, "--receipt", receipt]
    assert main(["decision", str(tmp_path / "box.toml"), decision_id, *proof]) == 0
    told = dict(
        line.strip().split(": ", 1)
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("  ")
    )
    against = {item_id: line.split("; ")[0] for item_id, line in told.items()}
    assert against["tie"] == "frequency_cap by one-tie (per class) and offer-once (per offer)"
    assert against["scarf"] == "frequency_cap by offer-once (per offer)"
    assert against["mouse"] == "nothing against it"
    assert against["bag"] == "banned by only and no-bag"
    assert against["suit"] == "banned by only"


def test_the_loop_from_shown_to_returned_is_on_disk(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Seen, reserved, bought, brought back: each step is kept, of the same item and person."""
    with store_with(tmp_path, mosquitto, ["mouse"]) as (box, tablet):
        assert look(box, tablet) == {"mouse"}
        card = tablet.cards()[0]
        tablet.say({"kind": "seen", "card_ids": [card["card_id"]]})
        assert tablet.react(card, "reserve")["kind"] == "ack"
        receipt = sell(box, "mouse")
        steps = box.call(lambda: funnel(box, card["card_id"]))
        became = {"CardShown", "CardReacted", "Learned"}
        assert steps == (became, [CATALOG.index_of("mouse")], [])
        back = {"return_id": "B1", "receipt_id": receipt, "member_id": ANNA,
                "lines": [{"sku": "mouse"}]}  # fmt: skip
        say(box, "returns", "return", back)
        steps = box.call(lambda: funnel(box, card["card_id"]))
        assert steps == (became, [], [CATALOG.index_of("mouse")])


def funnel(box: RunningBox, card_id: str) -> tuple[set[str], list[int], list[int]]:
    """Return what is on disk of Anna: what became of a card, what she bought, what came back."""
    box.box.ledger.flush()
    now_s, consents = box.box.clock.now_s(), box.box.path.consents
    person = consents.person_of_member(ANNA)
    assert person is not None
    grant = consents.grant(person, Purpose.PROFILE, now_s)
    assert grant is not None
    profile = box.box.ledger.profile(person, grant, now_s)
    reading = box.box.ledger.reading()
    opened = reading.persons.open(person)
    assert opened is not None
    said = {h["kind"] for h in reading.happenings.of(opened) if h.get("card_id") == card_id}
    return said, profile.purchases.item.tolist(), profile.returned_item.tolist()
