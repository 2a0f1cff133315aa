"""From the wire to the screen: check-ins, sales, consents, taps, restarts."""

import json
import time
import urllib.request
from pathlib import Path

from tests.conftest import Mosquitto, wait_until
from tests.world import (
    ANNA,
    BEN,
    CARLA,
    ITEM_IDS,
    STAPLES,
    RunningBox,
    configure,
    running,
    sku_of,
    tablet_of,
)

STAPLE_IDS = {ITEM_IDS[item] for item in STAPLES}


def test_a_check_in_becomes_a_card_with_its_reason(box: RunningBox) -> None:
    """Anna checks in; the tablet shows what she buys, where it lies, why, and by which consent."""
    with tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(tablet.cards, "a card")
        card = tablet.cards()[0]
        assert card["item_id"] in STAPLE_IDS
        assert card["aisle"].startswith("EG ")
        assert card["stock"]["units"] == 5
        assert card["why"][0]["source"] == "receipts"
        assert card["allowed"]["purpose"] == "profile"
        assert len(tablet.cards()) <= 2
        contact = next(iter(tablet.contacts.values()))
        assert contact["title"] == {"de": "Gast · Schuhe", "en": "Guest · Shoes"}


def test_a_sale_takes_the_card_away_and_keeps_it_away(box: RunningBox) -> None:
    """What Anna just bought leaves the screen at once and is not offered on her next check-in."""
    with tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(tablet.cards, "a card")
        item_id = tablet.cards()[0]["item_id"]
        box.sell(ITEM_IDS.index(item_id))
        wait_until(lambda: item_id not in tablet.items(), "the card to go")
        assert tablet.kinds("recall")[0]["reason"]["code"] == "just_bought"
        box.check_in(ANNA)
        wait_until(lambda: box.count("decisions") == 2, "the second decision")
        assert item_id not in tablet.items()


def test_a_sale_to_nobody_known_leaves_the_card_but_for_stock(box: RunningBox) -> None:
    """The last pieces are sold to others: the card goes because the shelf is empty."""
    with tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(tablet.cards, "a card")
        item = ITEM_IDS.index(tablet.cards()[0]["item_id"])
        for _ in range(4):
            box.sell(item, member=None)
        wait_until(lambda: box.box.path.house.stock.units(sku_of(item)) == 1, "four sales")
        assert ITEM_IDS[item] in tablet.items()
        box.sell(item, member=None)
        wait_until(lambda: ITEM_IDS[item] not in tablet.items(), "the card to go")
        assert tablet.kinds("recall")[0]["reason"]["code"] == "out_of_stock"


def test_without_a_profile_consent_nothing_personal_is_shown(box: RunningBox) -> None:
    """Ben allows contact only: he is on the board, and no cause speaks of his receipts."""
    with tablet_of(box) as tablet:
        box.check_in(BEN)
        wait_until(lambda: tablet.contacts, "Ben on the board")
        wait_until(lambda: box.count("decisions") == 1, "a decision")
        sources = {why["source"] for card in tablet.cards() for why in card["why"]}
        assert not sources & {"receipts", "stated"}


def test_without_recognise_nobody_is_there(box: RunningBox) -> None:
    """Carla allows nothing: no contact, no visit, an anonymous count."""
    with tablet_of(box) as tablet:
        box.check_in(CARLA)
        wait_until(lambda: box.count("check_in_without_consent") == 1, "the count")
        assert not tablet.contacts
        assert not box.box.path.guests


def test_withdrawing_contact_clears_every_screen(box: RunningBox) -> None:
    """One message, and Anna is gone from the tablets; giving it back brings her back."""
    with tablet_of(box) as first, tablet_of(box) as second:
        box.check_in(ANNA)
        wait_until(lambda: first.cards() and second.cards(), "cards on both tablets")
        box.consent("staff_contact", is_given=False)
        wait_until(lambda: not first.contacts and not second.contacts, "empty screens")
        assert {r["reason"]["code"] for r in first.kinds("recall")} == {"consent_withdrawn"}
        box.consent("staff_contact", is_given=True)
        wait_until(lambda: first.contacts and second.contacts, "Anna on the board")


def test_withdrawing_recognition_ends_the_visit(box: RunningBox) -> None:
    """Without `recognise` the box knows nobody."""
    with tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(lambda: tablet.contacts, "Anna on the board")
        box.consent("recognise", is_given=False)
        wait_until(lambda: not tablet.contacts, "an empty board")
        assert not box.box.path.guests


def test_an_accepted_card_stays_and_is_marked(box: RunningBox) -> None:
    """A reserved item that is sold out keeps its card, with a mark."""
    with tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(tablet.cards, "a card")
        card = tablet.cards()[0]
        assert tablet.react(card, "reserve")["kind"] == "ack"
        wait_until(lambda: tablet.cards()[0]["reaction"] == "reserved", "the reaction")
        sku = sku_of(ITEM_IDS.index(card["item_id"]))
        box.event("stock", "stock", {"levels": [{"sku": sku, "quantity": 0}]})
        wait_until(lambda: tablet.kinds("mark"), "the mark")
        assert tablet.cards()[0]["mark"] == "out_of_stock"


def test_wrong_is_never_shown_again(
    tmp_path: Path, store: Path, bundle: Path, mosquitto: Mosquitto
) -> None:
    """A veto holds on the next check-in, and after a restart of the box."""
    settings = configure(tmp_path, store, bundle, mosquitto.port)
    with running(settings) as box, tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(tablet.cards, "a card")
        vetoed = tablet.cards()[0]
        assert tablet.react(vetoed, "wrong")["kind"] == "ack"
        box.check_in(ANNA)
        wait_until(lambda: box.count("decisions") == 2, "another decision")
        assert vetoed["item_id"] not in tablet.items()
    with running(settings) as box, tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(lambda: box.count("decisions") == 1, "a decision after the restart")
        assert vetoed["item_id"] not in tablet.items()


def test_a_tap_on_a_recalled_card_is_refused(box: RunningBox) -> None:
    """The tablet learns that its tap came too late; nothing is written."""
    with tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(tablet.cards, "a card")
        card = dict(tablet.cards()[0])
        contact_id = next(iter(tablet.contacts))
        box.sell(ITEM_IDS.index(card["item_id"]))
        wait_until(lambda: tablet.kinds("recall"), "the recall")
        tablet.say(
            {"kind": "reaction", "id": "late", "contact_id": contact_id,
             "card_id": card["card_id"], "action": "shown", "at_s": time.time()}
        )  # fmt: skip
        wait_until(lambda: "late" in tablet.answers, "the refusal")
        assert tablet.answers["late"]["kind"] == "error"


def test_the_same_message_twice_counts_once(box: RunningBox) -> None:
    """A till that repeats its sale moves the stock once."""
    receipt = box.sell(20, member=None, receipt_id="T-same")
    assert receipt
    box.event("sales", "sale", json.loads(json.dumps(_sale("T-2"))), id="same")
    box.event("sales", "sale", _sale("T-2"), id="same")
    wait_until(lambda: box.count("duplicate") == 1, "the duplicate")
    assert box.box.path.house.stock.units(sku_of(20)) == 3


def _sale(receipt_id: str) -> dict[str, object]:
    return {
        "receipt_id": receipt_id, "till_id": "1", "sold_at": "2026-11-01T10:00:00Z",
        "lines": [{"line_no": 1, "sku": sku_of(20), "quantity": 1, "unit_price_cents": 100}],
    }  # fmt: skip


def test_a_tablet_resumes_where_it_was(box: RunningBox) -> None:
    """After a lost connection only the missed frames come; with another epoch the whole board."""
    with tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(tablet.cards, "a card")
        last = tablet.frames[-1]
    box.check_in(BEN)
    wait_until(lambda: len(box.box.path.guests) == 2, "Ben's visit")
    with tablet_of(box, f"?epoch={last['epoch']}&seq={last['seq']}") as again:
        wait_until(lambda: again.kinds("contact"), "the missed frames")
        assert not again.kinds("board")
        assert ANNA not in json.dumps(again.frames)
    with tablet_of(box, "?epoch=other&seq=1") as fresh:
        assert len(fresh.kinds("board")[0]["contacts"]) == 2


def test_a_beacon_alone_opens_a_visit_and_a_zone(box: RunningBox) -> None:
    """ESPresense receivers hear Anna's phone in the women's department."""
    uuid = "1d4b2e16-481e-4579-8b35-ffc32e4a1758"
    topic = f"espresense/devices/iBeacon:{uuid}-100-1/women-1"
    with tablet_of(box) as tablet:
        for n in range(40):
            payload = {
                "mac": "5a3f1c9d0e42", "id": f"iBeacon:{uuid}-100-1", "rssi@1m": -59,
                "rssi": -58.0 - (n % 3), "rxAdj": 0, "distance": 1.2, "int": 1000,
            }  # fmt: skip
            box.publish(topic, json.dumps(payload), qos=0)
            if any(c["zone"] for c in tablet.contacts.values()):
                break
            time.sleep(0.1)
        wait_until(lambda: any(c["zone"] for c in tablet.contacts.values()), "a zone")
        assert next(iter(tablet.contacts.values()))["zone"]["id"] == "women"


def test_health_fails_when_the_broker_is_gone(box: RunningBox, mosquitto: Mosquitto) -> None:
    """`/healthz` speaks of the pipeline, not of the process."""
    assert box.box.health().is_healthy
    mosquitto.stop()
    wait_until(lambda: not box.box.health().is_healthy, "health to fail")
    mosquitto.start()
    wait_until(lambda: box.box.health().is_healthy, "health to come back", 40)
    with tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(tablet.cards, "a card after the broker's restart")


def test_no_personal_datum_leaves_through_metrics_or_frames(box: RunningBox) -> None:
    """Member ids, names and beacons stand on no page and in no frame."""
    with tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(tablet.cards, "a card")
        said = json.dumps(tablet.frames, ensure_ascii=False) + box.metrics()
        for datum in (ANNA, "Öztürk", "Anna", "1d4b2e16"):
            assert datum not in said


def test_what_was_shown_counts_after_a_restart(
    tmp_path: Path, store: Path, bundle: Path, mosquitto: Mosquitto
) -> None:
    """The store's totals and Anna's own caps know yesterday's impressions."""
    settings = configure(tmp_path, store, bundle, mosquitto.port)
    with running(settings) as box, tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(tablet.cards, "a card")
        shown = [card["card_id"] for card in tablet.cards()]
        tablet.say({"kind": "seen", "card_ids": shown})
        wait_until(lambda: box.count("shown") == len(shown), "the impressions")
    with running(settings) as box:
        restored = box.box.journal.restored(is_endless=False)
        assert [impression.card_id for impression in restored] == shown
        box.check_in(ANNA)
        wait_until(lambda: box.count("decisions") == 1, "a decision")
        person = next(iter(box.box.path.guests))
        assert len(box.box.path.caps.last_shown(person)) >= len(shown)


def test_gateways_and_the_till_stand_on_the_metrics_page(box: RunningBox) -> None:
    """A receiver that was heard is online there, one that was not is not; nobody waits to pay."""
    payload = json.dumps({"id": "known:5a3f1c9d0000", "mac": "00", "rssi": -70.0, "distance": 3})
    box.publish("espresense/devices/known:5a3f1c9d0000/women-1", payload, qos=0)
    wait_until(lambda: box.box.path.unknown_beacons == 1, "the sighting")
    page = box.metrics()
    assert 'stammgast_gateway_online{gateway="women-1"} 1.0' in page
    assert 'stammgast_gateway_online{gateway="women-2"} 0.0' in page
    assert 'stammgast_till_waiting{zone="till"} 0.0' in page
    assert "stammgast_unknown_beacons_total 1.0" in page
    with urllib.request.urlopen(f"{box.address}healthz", timeout=5) as answer:
        gateways = json.load(answer)["parts"]["gateways"]
    assert gateways["states"] == {"never": 11, "online": 1}
    assert gateways["each"]["women-1"]["sightings"] == 1
    assert gateways["each"]["women-1"]["last_heard_age_s"] < 60
    assert gateways["renamed"] == []


def test_a_decision_names_the_versions_it_was_made_with(
    tmp_path: Path, store: Path, bundle: Path, mosquitto: Mosquitto
) -> None:
    """Catalogue, rules and model: each stands in the record, so that it can be judged later."""
    settings = configure(tmp_path, store, bundle, mosquitto.port)
    with running(settings) as box, tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(tablet.cards, "a card")
        decision = box.decisions()[-1]
        assert decision.catalog_version == "test-1"
        assert decision.playbook_version == box.box.rulebook.state.playbook.version
        assert decision.model_version == box.box.model
        assert decision.model_version not in ("", "none: rules alone offer")
        assert all(0.0 < line.propensity <= 1.0 for line in decision.slate)
