"""Whatever arrives on the wire, the box counts it, drops it, and goes on."""

import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.adapters.clock import SystemClock
from edge.adapters.mqtt.broker import MAX_PACKET_BYTES
from edge.box import Box
from edge.core.errors import ConfigError
from edge.core.records import DecisionMade
from models.bundle import extend
from tests.conftest import Mosquitto, wait_until
from tests.world import (
    ANNA,
    BEACON,
    ITEM_IDS,
    RunningBox,
    catalog,
    configure,
    members,
    rfc3339,
    running,
    sku_of,
    tablet_of,
    write_store,
)

HOUR_S = 3_600.0
ENDLESS = {
    "offer_id": "o", "campaign_id": "c", "item_ids": [ITEM_IDS[0]], "starts": "2026-01-01",
    "text": {"de": "Immer", "en": "Always"}, "surfaces": ["tablet"],
}  # fmt: skip


def _event(**changes: Any) -> bytes:
    event = {
        "specversion": "1.0", "id": "x", "source": "/t", "type": "stammgast.checkin.v1",
        "time": rfc3339(time.time()), "data": {"member_id": ANNA, "place": "app"}, **changes,
    }  # fmt: skip
    return json.dumps(event).encode()


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        pytest.param("stammgast/v1/checkins", b"", "not_json", id="empty"),
        pytest.param("stammgast/v1/checkins", b'{"id"', "not_json", id="truncated"),
        pytest.param("stammgast/v1/checkins", b"\xff\xfe", "not_json", id="not UTF-8"),
        pytest.param("stammgast/v1/checkins", b"[" * 60_000, "not_cloudevent", id="deeply nested"),
        pytest.param("stammgast/v1/checkins", b"x" * 70_000, "too_large", id="huge"),
        pytest.param("stammgast/v1/checkins", _event(data=7), "wrong_data", id="wrong type"),
        pytest.param("stammgast/v1/checkins", _event(type="a.b"), "wrong_type", id="other type"),
        pytest.param(
            "stammgast/v1/checkins", _event(time="2026-01-01T00:00:00"), "time_without_zone",
            id="local time",
        ),
        pytest.param(
            "espresense/devices/x/women-1", b'{"rssi": "loud"}', None, id="a gateway's wrong type"
        ),
        pytest.param("espresense/devices/x/women-1", b"\x00\x01", None, id="a gateway's noise"),
    ],
)  # fmt: skip
def test_a_bad_message_is_counted_and_the_loop_lives(
    box: RunningBox, topic: str, payload: bytes, reason: str | None
) -> None:
    """One bad message, its reason on the metrics page, and Anna's card after it."""
    box.publish(topic, payload)
    if reason is None:
        wait_until(lambda: sum(box.box.dropped.values()), "the drop")
    else:
        wait_until(lambda: f'reason="{reason}"' in box.metrics(), f"the reason {reason}")
    assert box.box.dropped["bug"] == 0
    with tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(tablet.cards, "a card after the bad message")


def test_messages_that_cannot_be_written_do_not_close_the_ear(box: RunningBox) -> None:
    """A broker sends twenty ahead of their acknowledgements: the twenty-first must still come."""
    for _ in range(25):
        box.event("voids", "void", {"receipt_id": "R", "line_nos": [2**70]})
    with tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(tablet.cards, "a card after them")
    box.box.ledger.flush()  # the frame goes out before the record is committed
    assert 'stammgast_dropped_total{reason="wrong_data"} 25.0' in box.metrics()


def test_a_line_number_out_of_bounds_does_not_spoil_later_sales(box: RunningBox) -> None:
    """A till's nonsense about Anna is dropped; her next receipt is taken as always."""
    lines = [{"line_no": 2**31, "sku": sku_of(5)}]
    box.sell(5, lines=lines)
    box.sell(6)
    wait_until(lambda: box.box.path.house.stock.units(sku_of(6)) == 4, "the next sale")
    box.check_in(ANNA)
    wait_until(lambda: box.count("decisions") == 1, "a decision")
    assert box.box.dropped == {"wrong_data": 1}


@contextmanager
def _disk_behind(box: RunningBox, reserve: int = 100) -> Iterator[None]:
    """Hold the writer up, with room for two units, and `reserve` more of the path's own."""
    held, go = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        go.wait(60)

    writer: Any = box.box.ledger.writer
    holding = threading.Thread(target=writer.call, args=(hold,))
    holding.start()
    held.wait(30)
    room = writer._capacity, writer._reserve
    writer._capacity, writer._reserve = 2, reserve
    try:
        yield
    finally:
        writer._capacity, writer._reserve = room
        go.set()
        holding.join()


def test_what_the_disk_could_not_take_comes_again_when_it_can(box: RunningBox) -> None:
    """Sales refused while the writer was behind are repeated; the box asks the broker for them."""
    with _disk_behind(box):
        for _ in range(25):
            box.sell(20, member=None)
        wait_until(lambda: box.box.dropped["not_acknowledged"] >= 18, "the refusals")
    wait_until(lambda: box.box.messages["event"] >= 25 + 18, "the sales again")
    with tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(tablet.cards, "a card after them")
    box.box.ledger.flush()  # the frame goes out before the record is committed
    events = box.box.ledger.reading().db.execute("SELECT count(*) FROM events").fetchone()
    assert events == (26,)


def test_messages_too_long_for_the_box_do_not_close_the_ear(box: RunningBox) -> None:
    """Twenty would hold the broker's whole window: the box reads past them, and says so to it."""
    for _ in range(25):
        box.publish("stammgast/v1/sales", bytes(MAX_PACKET_BYTES))
    box.check_in(ANNA)
    wait_until(lambda: box.count("decisions") == 1, "the check-in after them", 40)
    assert 'reason="too_large"} 25.0' in box.metrics()


def test_health_fails_while_check_ins_do_not_come_through(box: RunningBox) -> None:
    """Twenty sales wait for the disk, so the broker sends no more: the probe waits behind them."""
    with _disk_behind(box):
        for _ in range(25):
            box.sell(20, member=None)
        wait_until(lambda: not box.box.health().is_healthy, "health to fail", 40)
        parts = box.box.health().parts
        assert parts["broker_connected"]
        assert parts["writer_is_well"]
    wait_until(lambda: box.box.health().is_healthy, "health to come back", 40)


def test_what_is_refused_changes_nothing(box: RunningBox) -> None:
    """A sale and a return that the disk had no room for come again, and move the stock once."""
    box.check_in(ANNA)
    wait_until(lambda: box.count("decisions") == 1, "Anna to be known")
    (guest,) = box.box.path.guests.values()
    units, told = box.box.path.house.stock.units, box.box.intake._told
    with _disk_behind(box):
        for _ in range(2):
            box.sell(20, member=None)
        wait_until(lambda: units(sku_of(20)) == 3, "the queue to be full")
        receipt = box.sell(6)
        box.event("returns", "return", {"return_id": "B", "lines": [{"sku": sku_of(8)}]})
        wait_until(lambda: box.box.dropped["not_acknowledged"] == 2, "the refusals")
        assert (units(sku_of(6)), units(sku_of(8))) == (5, 5)
        assert receipt not in told
        assert not guest.receipts
        assert box.box.path.guests[guest.person].zone == guest.zone
    wait_until(lambda: (units(sku_of(6)), units(sku_of(8))) == (4, 6), "both, once")
    assert list(told).count(receipt) == 1
    assert list(guest.receipts) == [box.box.ledger.keyed_hash.receipt(receipt)]
    box.box.ledger.flush()
    events = box.box.ledger.reading().db.execute("SELECT count(*) FROM events").fetchone()
    assert events == (5,)
    assert (units(sku_of(6)), units(sku_of(8))) == (4, 6)


def test_a_withdrawal_counts_though_the_disk_is_behind(box: RunningBox) -> None:
    """It uses the reserve: Anna leaves the screens at once, and it is on disk when the disk is."""
    box.check_in(ANNA)
    wait_until(lambda: box.count("decisions") == 1, "Anna to be known")
    with _disk_behind(box):
        for _ in range(2):
            box.sell(20, member=None)
        box.consent("recognise", is_given=False)
        wait_until(lambda: not box.box.path.guests, "Anna to be forgotten")
    wait_until(lambda: box.count("consent_withdrawn") == 1, "the withdrawal")
    assert box.box.dropped["not_acknowledged"] == 0


def test_a_disk_that_is_behind_does_not_end_the_box(box: RunningBox) -> None:
    """A dweller is served on a tick whose record nobody can take: the box goes on ticking."""
    box.check_in(ANNA)
    wait_until(lambda: box.count("decisions") == 1, "Anna to be known")
    (guest,) = box.box.path.guests.values()
    with _disk_behind(box, reserve=0):
        for _ in range(2):
            box.sell(20, member=None)
        wait_until(lambda: box.box.ledger.writer.waiting() == 2, "the queue to be full")
        guest.next_look_s = 0.0
        wait_until(lambda: box.count("decisions") == 2, "the decision of a tick")
        before_s = box.box._ticked_s
        wait_until(lambda: box.box._ticked_s > before_s + 1.5, "two more ticks")
    assert box.box.ledger.writer.counts["path_dropped"] >= 1


def test_a_visit_goes_its_whole_way_though_the_disk_is_behind(box: RunningBox) -> None:
    """A beacon is heard when not even the reserve has room: its guest stands on the tablets."""
    payload = {"id": BEACON, "rssi@1m": -59, "rssi": -60.0, "mac": "00", "distance": 1.2,
               "int": 1000}  # fmt: skip
    with _disk_behind(box, reserve=0), tablet_of(box) as tablet:
        for _ in range(2):
            box.sell(20, member=None)
        wait_until(lambda: box.box.ledger.writer.waiting() == 2, "the queue to be full")
        box.publish(f"espresense/devices/{BEACON}/women-1", json.dumps(payload), qos=0)
        wait_until(lambda: tablet.contacts, "the guest")
        wait_until(lambda: box.count("decisions") == 1, "the entry decision")
    counts = box.box.ledger.writer.counts
    assert counts["telemetry_dropped"] >= 1
    assert counts["path_dropped"] >= 1


def test_what_no_disk_takes_is_on_the_metrics_page(box: RunningBox) -> None:
    """A record that cannot be written is counted where an operator looks."""
    assert 'stammgast_broker_total{what="connected"} 1.0' in box.metrics()
    broken = DecisionMade("d", "v", time.time(), "tablet", None)  # type: ignore[arg-type]
    box.box.ledger.append(broken)
    wait_until(lambda: 'stammgast_writes_total{kind="failed"} 1.0' in box.metrics(), "the count")


def test_an_unknown_topic_is_counted(box: RunningBox) -> None:
    """A mistyped name under our own root shows on the metrics page, and the next message counts."""
    box.publish("stammgast/v1/sale", _event())
    box.check_in(ANNA)
    wait_until(lambda: box.count("decisions") == 1, "a decision")
    assert 'stammgast_dropped_total{reason="unknown_topic"} 1.0' in box.metrics()


def test_a_store_refuses_a_simulations_time(box: RunningBox) -> None:
    """A tick from the wire moves no clock but a simulated one."""
    box.event("tick", "tick", {"now": "2031-01-01T00:00:00Z"})
    wait_until(lambda: box.box.dropped["unknown_topic"] == 1, "the refusal")
    assert box.box.clock.now_s() < time.time() + 60


def test_a_check_in_from_the_future_counts_from_now(box: RunningBox) -> None:
    """A phone whose clock runs a day ahead is served, and counted."""
    box.event(
        "checkins", "checkin", {"member_id": ANNA, "place": "app"},
        time=rfc3339(time.time() + 24 * HOUR_S),
    )  # fmt: skip
    wait_until(lambda: box.count("decisions") == 1, "the decision")
    assert box.count("time_ahead") == 1


def test_a_check_in_from_the_past_is_kept_but_not_answered(box: RunningBox) -> None:
    """It was under way for an hour: nobody is shown a card for it."""
    box.event(
        "checkins", "checkin", {"member_id": ANNA, "place": "app"},
        time=rfc3339(time.time() - HOUR_S),
    )  # fmt: skip
    wait_until(lambda: box.count("check_in_stale") == 1, "the count")
    assert box.count("decisions") == 0


def test_an_unknown_gtin_is_counted_and_the_rest_of_the_receipt_holds(box: RunningBox) -> None:
    """One line means nothing to this store, the other moves the stock."""
    lines = [
        {"line_no": 1, "sku": "", "gtin": "09999999999999", "quantity": 1},
        {"line_no": 2, "sku": sku_of(20), "quantity": 1},
    ]
    box.sell(20, member=None, lines=lines)
    wait_until(lambda: box.box.path.house.stock.units(sku_of(20)) == 4, "the known line")
    assert box.count("sku_unknown") == 1


def test_stock_counted_earlier_does_not_overwrite_later(box: RunningBox) -> None:
    """Counts arrive in the wrong order: the newest stands."""
    now_s = time.time() + 1
    for quantity, at_s in ((0, now_s + 10), (9, now_s)):
        levels = {"levels": [{"sku": sku_of(5), "quantity": quantity}]}
        box.event("stock", "stock", levels, time=rfc3339(at_s))
    wait_until(lambda: box.count("stock_outdated") == 1, "the outdated count")
    assert box.box.path.house.stock.units(sku_of(5)) == 0


def test_stale_stock_is_no_ground_for_an_offer(
    tmp_path: Path, bundle: Path, mosquitto: Mosquitto
) -> None:
    """Counts of the day before yesterday: a beacon's push shows nothing that needs a shelf."""
    store = write_store(tmp_path / "store", time.time() - 48 * HOUR_S)
    with running(configure(tmp_path, store, bundle, mosquitto.port)) as box:
        uuid = BEACON.removeprefix("iBeacon:")[:36].lower()
        payload = {"id": f"iBeacon:{uuid}-100-1", "rssi@1m": -59, "rssi": -60.0, "mac": "00",
                   "distance": 1.2, "int": 1000}  # fmt: skip
        box.publish(f"espresense/devices/iBeacon:{uuid}-100-1/women-1", json.dumps(payload), qos=0)
        wait_until(lambda: box.count("decisions") == 1, "the entry decision")
        assert box.count("cards") == 0


def test_a_flood_from_one_gateway_leaves_room_for_the_others(box: RunningBox) -> None:
    """Ten thousand sightings in a second, and a check-in is answered all the same."""
    payload = json.dumps({"id": "known:5a3f1c9d0000", "mac": "00", "rssi": -70.0, "distance": 3})
    for _ in range(10_000):
        box.sender.publish("espresense/devices/known:5a3f1c9d0000/women-1", payload, qos=0)
    with tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(tablet.cards, "a card during the flood", 30)
    refused = [h.refused.get("flood", 0) for h in box.box.gateways.health(time.time())]
    assert sum(refused) > 0


def test_a_beacon_that_two_members_claim_is_nobodys(
    tmp_path: Path, bundle: Path, mosquitto: Mosquitto
) -> None:
    """It opens no visit, and the metrics say that it is contested."""
    store = write_store(tmp_path / "store")
    document = members()
    document["members"][3]["beacons"] = [BEACON]
    (store / "members.json").write_text(json.dumps(document))
    with running(configure(tmp_path, store, bundle, mosquitto.port)) as box:
        uuid = BEACON.removeprefix("iBeacon:")[:36].lower()
        payload = {"id": f"iBeacon:{uuid}-100-1", "rssi@1m": -59, "rssi": -60.0, "mac": "00",
                   "distance": 1.2, "int": 1000}  # fmt: skip
        box.publish(f"espresense/devices/iBeacon:{uuid}-100-1/women-1", json.dumps(payload), qos=0)
        wait_until(lambda: box.box.path.unknown_beacons == 1, "the unknown beacon")
        assert not box.box.path.guests
        assert 'stammgast_consents{part="contested_beacons"} 1.0' in box.metrics()


def test_a_bundle_of_another_catalogue_is_refused_and_the_box_runs(
    tmp_path: Path, bundle: Path, mosquitto: Mosquitto
) -> None:
    """Popularity answers; health says why there is no model."""
    store = write_store(tmp_path / "store")
    document = catalog()
    for item in document["items"]:
        item["item_id"] = "other-" + item["item_id"]
    (store / "catalog.json").write_text(json.dumps(document))
    with running(configure(tmp_path, store, bundle, mosquitto.port)) as box:
        assert "another catalogue" in str(box.box.health().parts["model"])
        box.check_in(ANNA)
        wait_until(lambda: box.count("decisions") == 1, "a decision without a model")
        assert box.count("ranker_unavailable") == 1


@pytest.mark.parametrize("name", ["model.onnx", "tables.npz", "calibration.json"])
def test_a_bundle_that_was_sealed_broken_is_refused_and_the_box_runs(
    tmp_path: Path, bundle: Path, mosquitto: Mosquitto, name: str
) -> None:
    """The hash is right and the file cannot be read: health says which."""
    store, copy = write_store(tmp_path / "store"), tmp_path / "bundle"
    shutil.copytree(bundle, copy)
    extend(copy, {name: b"PK\x03\x04"})
    with running(configure(tmp_path, store, copy, mosquitto.port)) as box:
        assert f"refused: bundle file {name} cannot be read" in str(box.box.health().parts["model"])
        box.check_in(ANNA)
        wait_until(lambda: box.count("decisions") == 1, "a decision without a model")
        assert box.count("ranker_unavailable") == 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param('{"schema": "stammgast.cata', "truncated", id="truncated"),
        pytest.param("", "not JSON", id="empty"),
        pytest.param(json.dumps({**catalog(), "items": []}), "at least one", id="no items"),
        pytest.param(
            json.dumps({**catalog(), "offers": [ENDLESS]}), "ends", id="a campaign without an end"
        ),
        pytest.param(
            json.dumps({**catalog(), "offers": [{**ENDLESS, "ends": "2025-12-31"}]}),
            "before it starts",
            id="a campaign that ends before it starts",
        ),
    ],
)
def test_a_broken_catalogue_is_refused_at_the_start(
    tmp_path: Path, content: str, expected: str
) -> None:
    """The box does not start with half a catalogue; the sentence names file and fault."""
    store = write_store(tmp_path / "store")
    (store / "catalog.json").write_text(content)
    with pytest.raises(ConfigError, match=expected):
        Box(configure(tmp_path, store, None, 1), SystemClock())


def test_a_sale_before_its_void_and_after_it_end_the_same(box: RunningBox) -> None:
    """Reordered: the void first, then its sale; nothing counts as bought."""
    with tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(tablet.cards, "a card")
        item = ITEM_IDS.index(tablet.cards()[0]["item_id"])
        receipt = box.sell(item)
        wait_until(lambda: ITEM_IDS[item] not in tablet.items(), "the recall")
        box.event("voids", "void", {"receipt_id": receipt})
        box.check_in(ANNA)
        wait_until(lambda: ITEM_IDS[item] in tablet.items(), "the card after the void")


def test_memory_stays_bounded_under_unknown_ids(box: RunningBox) -> None:
    """Twenty thousand strangers leave nothing behind but a number."""
    for n in range(20_000):
        payload = f'{{"id":"known:{n:012x}","mac":"00","rssi":-70.0,"distance":3}}'
        box.sender.publish(f"espresense/devices/known:{n:012x}/shoes-{n % 3}", payload, qos=0)
    wait_until(lambda: box.box.path.unknown_beacons > 10_000, "the strangers", 60)
    assert not box.box.path.guests
    files = [p for p in Path(box.box.settings.store.data).rglob("*") if p.is_file()]
    assert all(b"known:00000000" not in p.read_bytes() for p in files)
