"""Tact from wire to screen: what a sale, a rule or a tap changes on the tablet.

The store is the little one of the decision tests, one of everything. Each journey bans all goods
but a few, so that what is left on the tablet is decided by the ground under test alone.
"""

import csv
import gzip
import io
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Mosquitto, wait_until
from tests.core.decision_world import CATALOG
from tests.world import ANNA, BEN, RunningBox, Tablet, configure, rfc3339, running, tablet_of

DAY_S = 86_400.0
ALL = [goods.item_id for goods in CATALOG.items]
PURPOSES = ("recognise", "profile", "offers", "location", "staff_contact")
# (item, days ago, gift-wrapped)
History = Sequence[tuple[str, float, bool]]


def sku(item_id: str) -> str:
    """Return an item's first sku."""
    found = CATALOG.index_of(item_id)
    assert found is not None
    return CATALOG.items[found].variants[0].sku


def catalog_file() -> dict[str, Any]:
    """Write the little store's catalogue as a chain would."""
    return {
        "schema": "stammgast.catalog.v1", "version": "tact", "currency": "EUR",
        "store": {"id": "s1", "name": "Testhaus", "time_zone": "Europe/Berlin"},
        "classes": [
            {"id": c.class_id, "name": {"de": c.name.de, "en": c.name.en}, "kind": c.kind.value,
             "interval_days": c.interval_days, "complements": list(c.complements)}
            for c in CATALOG.classes.values()
        ],
        "items": [
            {"item_id": i.item_id, "product_name": {"de": i.name.de, "en": i.name.en},
             "brand": i.brand, "department": i.department, "category": i.category,
             "class_id": i.class_id, "price_cents": i.price_cents, "zone": "floor",
             "aisle": i.aisle, "is_bulky": i.is_bulky, "age_min": i.age_min,
             "care": None if i.care is None else {"de": i.care.de, "en": i.care.en},
             "tags": sorted(i.tags),
             "series": None if i.series is None else {"id": i.series[0], "index": i.series[1]},
             "variants": [{"sku": v.sku, "gtin": v.gtin, "size": v.size} for v in i.variants]}
            for i in CATALOG.items
        ],
        "offers": [
            {"offer_id": "spring", "campaign_id": "spring-campaign", "item_ids": ["tie", "scarf"],
             "text": {"de": "Frühling", "en": "Spring"}, "price_cents": 2_900,
             "starts": "2026-01-01", "ends": "2036-01-01", "surfaces": ["tablet"]}
        ],
    }  # fmt: skip


def floorplan_file() -> dict[str, Any]:
    """One department, a fitting room, entrance and till, three receivers in each."""
    zones = (
        ("floor", "department", 0), ("fitting", "fitting_room", 15),
        ("entrance", "entrance", 30), ("till", "till", 45),
    )  # fmt: skip
    return {
        "schema": "stammgast.floorplan.v1", "width_m": 60.0, "height_m": 20.0,
        "zones": [
            {"id": zone, "name": {"de": zone, "en": zone}, "kind": kind,
             "polygon": [[x, 0], [x + 15, 0], [x + 15, 20], [x, 20]]}
            for zone, kind, x in zones
        ],
        "receivers": [
            {"gateway": f"{zone}-{n}", "family": "espresense", "zone": zone,
             "x_m": x + 3.0 + 4.5 * n, "y_m": 10.0, "z_m": 2.5}
            for zone, _, x in zones for n in range(3)
        ],
        "stations": [], "shelves": [],
    }  # fmt: skip


def members_file(declared: dict[str, str]) -> dict[str, Any]:
    """Anna and Ben allow the same; neither asked to be called by name."""
    return {
        "schema": "stammgast.members.v1",
        "members": [
            {"member_id": member, "name": name, "language": "de", "beacons": [],
             "consents": [
                 {"purpose": p, "given_at": "2026-01-02T10:00:00Z", "notice_version": "2026-01",
                  "method": "station"} for p in PURPOSES],
             "declared": declared, "stated": [], "sizes": {}}
            for member, name in ((ANNA, "Anna Öztürk"), (BEN, "Ben Meier"))
        ],
    }  # fmt: skip


def receipts_file(history: History) -> bytes:
    """Anna's purchases, as the chain's till log has them."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(
        ["receipt_id", "sold_at", "till_id", "member_id", "line_no", "sku", "quantity",
         "unit_price_cents", "is_gift_wrapped"]
    )  # fmt: skip
    for number, (item_id, days, is_gift) in enumerate(history):
        sold_at = rfc3339(time.time() - days * DAY_S)
        rows.writerow([f"R{number}", sold_at, "1", ANNA, 1, sku(item_id), 1, 1000, int(is_gift)])
    return gzip.compress(text.getvalue().encode(), mtime=0)


def rules_file(left: Sequence[str], more: str = "") -> str:
    """Ban everything but a few goods, hold nobody out, and drop the floor and the caps."""
    banned = ", ".join(f'"item:{item_id}"' for item_id in ALL if item_id not in left)
    caps = "".join(
        f'[[caps]]\nid = "{name}"\nlimit = 1000000\nwindow = "ever"\n'
        for name in ("cards-per-visit", "promotions-per-7-days", "offer-without-reaction",
                     "campaign-28-days", "service-per-item")
    )  # fmt: skip
    return (
        'version = "1"\nauthor = "Tests"\nholdout_share = 0.0\n'
        "[limits.floors]\ntablet = 0.0\n" + caps + "[[rules]]\nid = \"only\"\nkind = \"ban\"\n"
        f"targets = [{banned}]\ndate = 2026-03-03\nreason = \"the rest is not asked\"\n" + more
    )  # fmt: skip


@contextmanager
def store_with(
    folder: Path,
    mosquitto: Mosquitto,
    left: Sequence[str],
    history: History = (),
    more: str = "",
    declared: dict[str, str] | None = None,
) -> Iterator[tuple[RunningBox, Tablet]]:
    """Run a box over the little store, with a tablet."""
    store = folder / "store"
    store.mkdir()
    levels = [{"sku": v.sku, "quantity": 5} for i in CATALOG.items for v in i.variants]
    for name, document in (
        ("catalog.json", catalog_file()),
        ("floorplan.json", floorplan_file()),
        ("members.json", members_file(declared or {})),
        ("stock.json", {"schema": "stammgast.stock.v1", "as_of": rfc3339(time.time()),
                        "levels": levels}),
    ):  # fmt: skip
        (store / name).write_text(json.dumps(document), encoding="utf-8")
    (store / "receipts.csv.gz").write_bytes(receipts_file(history))
    rules = folder / "rules.toml"
    rules.write_text(rules_file(left, more), encoding="utf-8")
    settings = configure(folder, store, None, mosquitto.port, rules)
    with running(settings) as box, tablet_of(box) as tablet:
        yield box, tablet


def look(box: RunningBox, tablet: Tablet, member: str = ANNA) -> set[str]:
    """Check a member in and return what the tablet shows once the decision is on it."""
    before = box.count("decisions")
    box.check_in(member, zone="floor")
    wait_until(lambda: box.count("decisions") > before, "a decision")
    box.call(lambda: None)  # the decision's frames were sent in the same turn of the loop
    changes = ("contact", "gone", "recall", "mark")
    wait_until(
        lambda: sum(len(tablet.kinds(kind)) for kind in changes) >= box.count("frames"),
        "every frame on the tablet",
    )
    return {card["item_id"] for card in tablet.cards()}


def sell(box: RunningBox, item_id: str, **changes: Any) -> None:
    """Ring a sale up for Anna and wait until the box has it."""
    before = box.box.messages["event"]
    line = {"line_no": 1, "sku": sku(item_id), "quantity": 1, "unit_price_cents": 1000}
    receipt = f"T{next(box.ids)}"
    sale = {"receipt_id": receipt, "till_id": "1", "sold_at": rfc3339(time.time()),
            "member_id": ANNA, "lines": [line]}  # fmt: skip
    box.event("sales", "sale", {**sale, **changes})
    wait_until(lambda: box.box.messages["event"] > before, "the sale")


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
    """What Anna bought decides what the tablet shows when she checks in."""
    with store_with(tmp_path, mosquitto, left, history) as (box, tablet):
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
    with store_with(tmp_path, mosquitto, left, declared={"audience": "men"}) as (box, tablet):
        sell(box, "scent-w")
        assert look(box, tablet) == {"scent-m"}
        record = next(iter(box.box.rulebook._kept))[1]
        assert any("gift_basket" in [r.value for r in row.reasons] for row in record.trace())
        assert "gift" not in json.dumps(tablet.frames).casefold().replace("gift_receipt", "")


CAPS: list[tuple[str, str, str, set[str], str]] = [
    ("person", 'per = ["person"]', "ever", set(), ANNA),
    ("visit", 'per = ["visit"]', "visit", set(), ANNA),
    ("item", 'per = ["person", "item"]', "ever", {"mouse"}, ANNA),
    ("offer", 'per = ["person", "offer"]', "ever", {"mouse"}, ANNA),
    ("class", 'per = ["person", "class"]', "calendar week", {"mouse"}, ANNA),
    ("campaign", 'per = ["person", "campaign"]', "calendar month", {"mouse"}, ANNA),
    ("placement", 'per = ["person", "placement"]', "7 days", set(), ANNA),
    ("surface", 'per = ["person", "surface"]', "calendar day", set(), ANNA),
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


def test_a_rule_is_on_every_screen_within_a_second(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """A ban is saved to the file: the open card leaves, and says who excluded it."""
    with store_with(tmp_path, mosquitto, ["mouse", "bag"]) as (box, tablet):
        assert look(box, tablet) == {"mouse", "bag"}
        saved_s = time.monotonic()
        rules = tmp_path / "rules.toml"
        rules.write_text(rules_file(["bag"]), encoding="utf-8")
        wait_until(lambda: tablet.items() == {"bag"}, "the card to leave", timeout_s=5.0)
        assert time.monotonic() - saved_s < 1.0
        assert tablet.kinds("recall")[0]["reason"]["code"] == "banned"
        rules.write_text("version = 7\n", encoding="utf-8")
        wait_until(lambda: box.box.rulebook.state.problems, "the refusal")
        assert box.box.health().parts["rule_problems"]
        assert look(box, tablet) == {"bag"}


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
        everything = rules_file([])
        status, trial = ask(box, "POST", "api/rules/trial", everything)
        assert any("bans cover" in note for note in trial["notes"])
        assert any("would show nothing" in note for note in trial["notes"])
