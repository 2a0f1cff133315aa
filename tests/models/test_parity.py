"""A chain's receipts by both ways: through tills into the box's ledger, and as a file.

Gifts, two lines of one item, two sizes of it, goods of no catalogue and anonymous receipts are
among them. What the box computes of a member equals what training learned from, value by value.
"""

import csv
import gzip
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.adapters.files.catalog import read_catalog
from edge.adapters.mqtt.messages import decode
from edge.adapters.sqlite.ledger import Ledger
from edge.core import acceptance, anonymous
from edge.core.acceptance import Offers, Past, Rates, Shelf
from edge.core.anonymous import Scene
from edge.core.candidates import Context, candidates, prepare
from edge.core.catalog import Catalog
from edge.core.consent import Purpose
from edge.core.features import FEATURE_NAMES, features
from edge.core.history import Floats, History
from edge.core.item_tables import ItemTables, blank
from edge.core.moment import Moment
from edge.core.records import Learned, SaleRecorded
from edge.core.sales import Sale
from edge.core.takeup import Takers
from models import histories, offer_log, readers
from models.anonymous import _moments, count, pairs, read_receipts
from models.engine import duckdb_engine
from models.everybody import Everybody
from simulator.clock import rfc3339
from simulator.wire import event

MEMBERS, ITEMS, VISITS = 24, 40, 7
START_S, WEEK_S = 1_767_258_000.0, 7 * 86_400.0
BY_MESSAGE = 2
"""Of a member's visits the newest, which the box hears from its tills; the rest are imported."""
COLUMNS = (
    *("receipt_id", "sold_at", "till_id", "member_id"),
    *("line_no", "sku", "quantity", "unit_price_cents", "is_gift_wrapped"),
)


@dataclass(frozen=True)
class Till:
    """A receipt: its number, whose it is, when, and what: (line_no, sku, is_gift)."""

    number: int
    member: str
    visit: int
    at_s: float
    lines: tuple[tuple[int, str, bool], ...]

    def rows(self) -> list[tuple[object, ...]]:
        head = (f"r{self.number}", rfc3339(self.at_s), "1", self.member)
        return [(*head, n, sku, 1, 900, int(is_gift)) for n, sku, is_gift in self.lines]

    def sale(self) -> Sale:
        lines = [
            {"line_no": n, "sku": sku, "quantity": 1, "unit_price_cents": 900}
            | ({"is_gift_wrapped": True} if is_gift else {})
            for n, sku, is_gift in self.lines
        ]
        about = {"receipt_id": f"r{self.number}", "till_id": "1", "sold_at": rfc3339(self.at_s)}
        told = event("sales", "/tills/1", f"e{self.number}", self.at_s, {**about, "lines": lines})
        said = decode(told.topic, told.payload).event
        assert isinstance(said, Sale)
        return said


def receipts(seed: int) -> list[Till]:
    """Draw receipts, oldest first; every sixth belongs to nobody known."""
    rng = np.random.default_rng(seed)
    favourites = rng.integers(0, ITEMS, (MEMBERS, 4))
    found = []
    for number in range(MEMBERS * VISITS):
        who, visit = number % MEMBERS, number // MEMBERS
        items = np.concatenate([rng.choice(favourites[who], 3), rng.integers(0, ITEMS, 2)])
        skus = [f"s{item}-{'ml'[rng.integers(2)]}" for item in items]  # a second size now and then
        skus += ["gone"] if rng.random() < 0.05 else []
        is_gift = rng.random(len(skus)) < (1.0 if rng.random() < 0.1 else 0.15)
        lines = zip(range(1, len(skus) + 1), skus, is_gift.tolist(), strict=True)
        member = "" if rng.random() < 1 / 6 else f"M{who:06d}"
        at_s = START_S + visit * WEEK_S + 60.0 * number
        found.append(Till(number, member, visit, at_s, tuple(lines)))
    return found


def write_store(directory: Path, tills: list[Till]) -> Path:
    """Write a chain's files: a catalogue of two sizes an item, and receipts."""
    directory.mkdir()
    text = {"de": "Ding", "en": "Thing"}
    items = [
        {
            "item_id": f"i{n}",
            "product_name": text,
            "brand": "b",
            "department": "home",
            "category": "thing",
            "class_id": f"c{n % 5}",
            "price_cents": 900,
            "zone": "home",
            "aisle": "EG 1",
            "variants": [{"sku": f"s{n}-{size}", "gtin": ""} for size in "ml"],
        }
        for n in range(ITEMS)
    ]
    classes = [{"id": f"c{n}", "name": text, "kind": "accessory"} for n in range(5)]
    store = {"id": "s1", "name": "Test", "time_zone": "Europe/Berlin"}
    catalog: dict[str, Any] = {
        "schema": "stammgast.catalog.v1",
        "version": "1",
        "currency": "EUR",
        "store": store,
    }
    catalog |= {"classes": classes, "items": items}
    (directory / "catalog.json").write_text(json.dumps(catalog))
    write_receipts(directory / "receipts.csv.gz", tills)
    return directory


def write_receipts(path: Path, tills: list[Till]) -> None:
    with gzip.open(path, "wt", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        rows.writerows(row for till in tills for row in till.rows())


def members() -> dict[str, Any]:
    """Return the members; all allow a profile."""
    about = {"given_at": "2026-01-01T08:00:00Z", "notice_version": "2026-01", "method": "app"}
    consents = [{"purpose": Purpose.PROFILE.value, **about}]
    listed = [
        {"member_id": f"M{n:06d}", "name": f"N{n}", "language": "de", "consents": consents}
        for n in range(MEMBERS)
    ]
    return {"schema": "stammgast.members.v1", "members": listed}


@pytest.fixture(params=[1, 2, 3])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator["World"]:
    """A store, its box's ledger after the newest sale, and what training reads."""
    tills = receipts(request.param)
    store = write_store(tmp_path / "store", tills)
    catalog, _ = read_catalog(store / "catalog.json")
    (tmp_path / "box").mkdir()
    ledger = Ledger.open(tmp_path / "box", bytes(range(32)), catalog)
    yield World(tills, store, catalog, ledger, tmp_path)
    ledger.close()


@dataclass(frozen=True)
class World:
    tills: list[Till]
    store: Path
    catalog: Catalog
    ledger: Ledger
    work: Path

    def on_the_box(self) -> dict[str, History]:
        """Import the older receipts, hear the newer ones from tills; by member."""
        now_s, ledger = START_S + VISITS * WEEK_S, self.ledger
        ledger.import_members(members(), now_s)
        consents = ledger.consents()
        person = {f"M{n:06d}": consents.person_of_member(f"M{n:06d}") for n in range(MEMBERS)}
        newer = VISITS - BY_MESSAGE
        write_receipts(self.work / "old.csv.gz", [t for t in self.tills if t.visit < newer])
        ledger.import_receipts(self.work / "old.csv.gz")
        for till in self.tills:
            if till.visit >= newer and till.member:
                ledger.append(SaleRecorded(till.sale(), person[till.member]))
        ledger.flush()
        found = {}
        for member, who in person.items():
            grant = None if who is None else consents.grant(who, Purpose.PROFILE, now_s)
            assert who is not None
            assert grant is not None
            found[member] = ledger.profile(who, grant, now_s).purchases.history()
        return found

    def in_training(self) -> dict[str, History]:
        """Read the file of all receipts; items as the catalogue numbers them."""
        engine = duckdb_engine(self.work / "spill")
        lines = readers.read(engine, self.store, self.work / "staging").lines
        past = histories.history(histories.baskets(lines))
        index = histories.item_index(past, least=1)
        bought = Everybody.of(engine, past, index, self.work / "past").purchases()
        place = {item.item_id: at for at, item in enumerate(self.catalog.items)}
        number = np.array([place[item] for item in histories.item_ids(index)], np.int32)
        return {
            member: _in_order(replace(history, item=number[history.item]))
            for member, history in zip(bought.customer_ids, bought.histories(), strict=True)
        }


def _in_order(history: History) -> History:
    return replace(history, item=history.item[np.lexsort((history.item, history.basket))])


def tables() -> ItemTables:
    """Return tables over the catalogue with lists and rates that tell items apart."""
    rng, known = np.random.default_rng(9), blank(ITEMS)
    shape = known.near.shape, known.next.shape
    near, following = (rng.integers(0, ITEMS, s).astype(np.int32) for s in shape)
    near_score, next_score = (rng.random(s).astype(np.float32) for s in shape)
    hazard = rng.random(known.hazard.shape).astype(np.float32)
    return replace(
        known,
        near=near,
        near_score=near_score,
        next=following,
        next_score=next_score,
        hazard=hazard,
    )


def test_box_and_training_know_the_same_of_a_member(world: World) -> None:
    """The same baskets on the same days, and from them the same candidates and features."""
    box, training = world.on_the_box(), world.in_training()
    assert {member for member, history in box.items() if history.n_baskets} == set(training)
    known, now = tables(), START_S / 86_400 + 7 * VISITS
    for member, learned in training.items():
        served = box[member]
        assert served.basket.tolist() == learned.basket.tolist(), member
        assert served.item.tolist() == learned.item.tolist(), member
        assert served.day is not None
        assert learned.day is not None
        assert served.day.tolist() == learned.day.tolist(), member
        ours, theirs = (prepare(history, known, now) for history in (served, learned))
        found = candidates(ours, known, Context())
        assert np.array_equal(found.items, candidates(theirs, known, Context()).items), member
        computed = features(ours, found, known, Context())
        expected = features(theirs, found, known, Context())
        for at, name in enumerate(FEATURE_NAMES):
            # Training keeps days in double precision, the box in single.
            assert np.allclose(computed[:, at], expected[:, at], 1e-5, 1e-6), f"{member}: {name}"


class Asked:
    """A model of acceptance that answers nothing in particular, and keeps its inputs."""

    def __init__(self, rates: Rates, lines: Floats) -> None:
        self.rates, self.lines = rates, lines
        self.inputs = np.empty((0, len(acceptance.FEATURES)), np.float32)

    def chances(self, past: Past, offers: Offers, shelf: Shelf) -> Floats:
        """See `takeup.Model`."""
        self.inputs = acceptance.features(past, offers, shelf)
        return np.full(offers.n, 0.5, np.float32)


def logged(seed: int) -> list[tuple[str, float, int, bool]]:
    """Draw who saw which offer when, and whether it was taken; some too long ago to count."""
    rng = np.random.default_rng(seed)
    return [
        (f"M{who:06d}", START_S - days * 86_400.0, int(rng.integers(ITEMS)), rng.random() < 0.3)
        for who in range(MEMBERS)
        for days in (80.0, 30.0, 6.5, -1.0)
        if rng.random() < 0.75
    ]


def write_offers(path: Path, rows: list[tuple[str, float, int, bool]]) -> None:
    """Write a chain's log of offers, each on one item."""
    lines = [",".join(offer_log.COLUMNS)] + [
        f"{rfc3339(at_s)},{member},O{item},{KINDS[item % 3]},i{item},0.5,{int(is_taken)}"
        for member, at_s, item, is_taken in rows
    ]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))


KINDS = ("no_reduction", "small_reduction", "large_reduction")
PRICES = (None, 850, 600)
"""Of offers on goods for 900 cents, by kind."""


def test_box_and_training_know_the_same_of_an_offer(world: World) -> None:
    """For the same person and offers, the model reads on the box what it read in training."""
    document = json.loads((world.store / "catalog.json").read_text())
    document["offers"] = [
        {"offer_id": f"O{n}", "campaign_id": None, "item_ids": [f"i{n}"],
         "text": {"de": "Woche", "en": "Week"}, "price_cents": PRICES[n % 3],
         "starts": "2026-01-01", "ends": "2036-01-01", "surfaces": ["tablet"], "priority": 0}
        for n in range(ITEMS)
    ]  # fmt: skip
    (world.store / "catalog.json").write_text(json.dumps(document))
    catalog, _ = read_catalog(world.store / "catalog.json")
    engine = duckdb_engine(world.work / "spill")
    lines = readers.read(engine, world.store, world.work / "staging").lines
    past = histories.history(histories.baskets(lines))
    index = histories.item_index(past, least=1)
    bought = Everybody.of(engine, past, index, world.work / "past").purchases()
    ids = histories.item_ids(index)
    today_s, earlier = START_S + VISITS * WEEK_S, logged(len(world.tills))
    path = world.store / offer_log.FILE
    write_offers(path, earlier)
    market = offer_log.read(world.store, bought, ids).market
    today = [(f"M{n:06d}", today_s, item, False) for n in range(MEMBERS) for item in range(ITEMS)]
    write_offers(path, [*earlier, *today])
    rows = offer_log.read(world.store, bought, ids).rows
    expected = rows.features[rows.campaign == int(today_s // 86_400)]

    sold = dict(zip(market.item_ids, market.lines.tolist(), strict=True))
    sold_here = np.array([sold[item.item_id] for item in catalog.items], np.float32)
    model = Asked(market.rates, sold_here)
    takers, served = Takers(catalog, model), world.on_the_box()
    consents = world.ledger.consents()
    for number, member in enumerate(sorted(served)):
        person = consents.person_of_member(member)
        assert person is not None
        for _, at_s, item, is_taken in [each for each in earlier if each[0] == member]:
            about = (f"i{item}", 0.2, 1.0, at_s, person, f"O{item}")
            for outcome in ["shown", "accepted"] if is_taken else ["shown"]:
                world.ledger.append(Learned(f"{member}-{at_s}", outcome, *about))
        world.ledger.flush()
        grant = consents.grant(person, Purpose.PROFILE, today_s)
        assert grant is not None
        profile = world.ledger.profile(person, grant, today_s)
        takers.of(profile, profile.purchases.history(), today_s)
        theirs = expected[number * ITEMS : (number + 1) * ITEMS]
        by_offer = np.argsort([f"O{n}" for n in range(ITEMS)], kind="stable")
        for at, name in enumerate(acceptance.FEATURES):
            ours = model.inputs[by_offer, at]
            assert np.allclose(ours, theirs[:, at], 1e-5, 1e-6), f"{member}: {name}"
    assert (np.ptp(expected, axis=0) > 0)[[f != "log_items" for f in acceptance.FEATURES]].all()


def test_box_and_training_see_the_same_of_a_visit_of_nobody(tmp_path: Path) -> None:
    """Receipts of a year, told in UTC, stand in the hours and days of the store for both."""
    step_s = 2 * 86_400.0 + 11_111.0
    tills = [replace(till, at_s=START_S + step_s * till.number) for till in receipts(1)]
    store = write_store(tmp_path / "store", tills)
    catalog, about = read_catalog(store / "catalog.json")
    sales = readers.read(duckdb_engine(tmp_path / "spill"), store, tmp_path / "staging")
    facts = sales.items.sort_values("item", ignore_index=True)
    sold = read_receipts(sales.lines, facts)
    learned = count(sold, pairs(sales.lines, facts, math.inf), facts)
    number = {item: at for at, item in enumerate(facts["item"])}
    rows = np.array([number[item.item_id] for item in catalog.items], np.int32)
    box, place = learned.aligned(rows), np.argsort(rows)
    moments = list(_moments(sold, np.arange(sold.n), learned, np.random.default_rng(1)))
    assert len(moments) > sold.n == len(tills)
    computed, expected = [], []
    for moment in moments:
        till = tills[moment.receipt]
        rung = [int(sku[1:].split("-")[0]) for _, sku, _ in till.lines if sku != "gone"]
        basket = np.array(list(dict.fromkeys(rung[: rung.index(place[moment.bought])])), np.int32)
        local = datetime.fromtimestamp(till.at_s, about.time_zone)
        scene = Scene.of(Moment.of(local), "home", basket)
        computed.append(anonymous.features(np.arange(ITEMS, dtype=np.int32), scene, box))
        expected.append(anonymous.features(rows, moment.scene, learned))
    ours, theirs = np.array(computed), np.array(expected)
    for at, name in enumerate(anonymous.FEATURES):
        np.testing.assert_allclose(ours[..., at], theirs[..., at], 1e-5, 1e-6, err_msg=name)
    is_of_time = [
        name in ("month_lift", "daypart_lift", "weekend_lift") for name in anonymous.FEATURES
    ]
    assert (np.ptp(theirs, axis=0).max(axis=0)[is_of_time] > 0).all()


def test_the_receipts_hold_what_tells_the_two_apart() -> None:
    """Each seed draws gifts, baskets of gifts alone, an item twice, sizes and unknown goods."""
    for seed in (1, 2, 3):
        tills = [till for till in receipts(seed) if till.member]
        kept = [[sku.split("-")[0] for _, sku, is_gift in t.lines if not is_gift] for t in tills]
        assert any(not items for items in kept)
        assert any(len(set(items)) < len(items) for items in kept)
        assert any(is_gift for t in tills for _, _, is_gift in t.lines)
        assert any(sku == "gone" for t in tills for _, sku, _ in t.lines)
        assert any(
            t.visit >= VISITS - BY_MESSAGE and is_gift for t in tills for *_, is_gift in t.lines
        )
