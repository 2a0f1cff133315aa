"""A valid little world for journeys: a store, its people, and a box that runs on a real broker.

Start from here, break one thing, and look at what tablet, log and disk hold.
"""

import asyncio
import csv
import gzip
import io
import itertools
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from edge.adapters.clock import SimulatedClock, SystemClock
from edge.box import Box
from edge.core.decision import Decision
from edge.core.history import History
from edge.settings import Settings, read_settings
from models.encoder import EncoderPlan
from models.ranker import RankerPlan
from models.train import Plan
from tests.conftest import free_port, wait_until
from tests.trained import train_on

DAY_S = 86_400.0
N_ITEMS = 40
ITEM_IDS = [f"item-{n:02d}" for n in range(N_ITEMS)]
PURPOSES = (
    "recognise", "profile", "offers", "location", "staff_contact", "near_store", "aggregates",
)  # fmt: skip
# Anna buys these three every month; they are what a box may suggest to her.
STAPLES = (3, 7, 11)
BEACON = "iBeacon:1D4B2E16-481E-4579-8B35-FFC32E4A1758-100-1"
ANNA, BEN, CARLA = "M-anna", "M-ben", "M-carla"
PLAN = Plan(
    encoder=EncoderPlan(size=8, hidden=16, epochs=2, batch=128),
    ranker=RankerPlan(widths=(16, 8), item_size=4, tower_size=4, rate=1e-2, epochs=15),
)


# Over all boxes of a test: a restarted box knows the messages it took before.
_IDS = itertools.count(1)
N_GUESTS = 80


def sku_of(item: int) -> str:
    """Return the only sku of an item."""
    return f"sku-{item:02d}"


def write_store(folder: Path, now_s: float | None = None, n_guests: int = N_GUESTS) -> Path:
    """Write the files of the little store; histories end a week before `now_s`."""
    now_s = time.time() if now_s is None else now_s
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in (
        ("catalog.json", catalog()),
        ("floorplan.json", floorplan()),
        ("members.json", members(n_guests)),
        ("stock.json", stock(now_s)),
    ):
        (folder / name).write_text(json.dumps(document), encoding="utf-8")
    _write_receipts(folder / "receipts.csv.gz", now_s, n_guests)
    return folder


def catalog() -> dict[str, Any]:
    """Forty items, each a class of its own; the even ones lie in `shoes`, the odd in `women`."""
    return {
        "schema": "stammgast.catalog.v1",
        "version": "test-1",
        "currency": "EUR",
        "store": {"id": "s1", "name": "Testhaus", "time_zone": "Europe/Berlin"},
        "classes": [
            {"id": f"class-{n:02d}", "name": {"de": f"Klasse {n}", "en": f"Class {n}"},
             "kind": "accessory", "interval_days": None}
            for n in range(N_ITEMS)
        ],
        "items": [
            {"item_id": ITEM_IDS[n], "product_name": {"de": f"Artikel {n}", "en": f"Item {n}"},
             "brand": f"Marke {n % 5}", "department": "fashion", "category": f"category-{n % 8}",
             "class_id": f"class-{n:02d}", "price_cents": 1_000 + 700 * n,
             "zone": "women" if n % 2 else "shoes", "aisle": f"EG {n}",
             "variants": [{"sku": sku_of(n), "gtin": f"40000000000{n:02d}"}]}
            for n in range(N_ITEMS)
        ],
    }  # fmt: skip


def floorplan() -> dict[str, Any]:
    """A hall of 30 by 20 m with four zones in its quarters and three receivers in each."""
    quarters = {
        "entrance": ("entrance", 0, 0), "shoes": ("department", 15, 0),
        "women": ("department", 0, 10), "till": ("till", 15, 10),
    }  # fmt: skip
    names = {"entrance": "Eingang", "shoes": "Schuhe", "women": "Damen", "till": "Kasse"}
    english = {"entrance": "Entrance", "shoes": "Shoes", "women": "Women", "till": "Till"}
    return {
        "schema": "stammgast.floorplan.v1",
        "width_m": 30.0,
        "height_m": 20.0,
        "zones": [
            {"id": zone, "name": {"de": names[zone], "en": english[zone]}, "kind": kind,
             "polygon": [[x, y], [x + 15, y], [x + 15, y + 10], [x, y + 10]]}
            for zone, (kind, x, y) in quarters.items()
        ],
        "receivers": [
            {"gateway": f"{zone}-{n}", "family": "espresense", "zone": zone,
             "x_m": x + 3.0 + 4.5 * n, "y_m": y + 5.0, "z_m": 2.5}
            for zone, (_, x, y) in quarters.items() for n in range(3)
        ],
        "stations": [],
        "shelves": [],
    }  # fmt: skip


def members(n_guests: int = N_GUESTS) -> dict[str, Any]:
    """Anna allows all, Ben only contact, Carla nothing; guests more whose receipts teach."""
    people = [
        (ANNA, "Anna Öztürk", PURPOSES, [BEACON]),
        (BEN, "Ben Meier", ("recognise", "staff_contact"), ["mac:5a3f1c9d0e42"]),
        (CARLA, "Carla Noack", (), ["mac:5a3f1c9d0e43"]),
        *((f"M-{n}", f"Gast {n}", PURPOSES, []) for n in range(n_guests)),
    ]
    return {
        "schema": "stammgast.members.v1",
        "members": [
            {"member_id": member, "name": name, "language": "de", "beacons": beacons,
             "consents": [
                 {"purpose": p, "given_at": "2026-01-02T10:00:00Z", "notice_version": "2026-01",
                  "method": "station"} for p in purposes],
             "declared": {}, "stated": [], "sizes": {}}
            for member, name, purposes, beacons in people
        ],
    }  # fmt: skip


def stock(now_s: float) -> dict[str, Any]:
    """Five of everything."""
    levels = [{"sku": sku_of(n), "quantity": 5} for n in range(N_ITEMS)]
    return {"schema": "stammgast.stock.v1", "as_of": rfc3339(now_s), "levels": levels}


def baskets(n_guests: int = N_GUESTS) -> dict[str, list[list[int]]]:
    """Eight monthly baskets of every member, oldest first: three staples and one by chance."""
    rng = np.random.default_rng(5)
    found = {}
    for member in (ANNA, BEN, CARLA, *(f"M-{n}" for n in range(n_guests))):
        staples = STAPLES if member == ANNA else tuple(rng.choice(N_ITEMS, 3, replace=False))
        found[member] = [
            sorted({int(s) for s in staples} | {int(rng.integers(12, N_ITEMS))}) for _ in range(8)
        ]
    return found


def _write_receipts(path: Path, now_s: float, n_guests: int) -> None:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(
        ["receipt_id", "sold_at", "till_id", "member_id", "line_no", "sku", "quantity",
         "unit_price_cents", "is_gift_wrapped"]
    )  # fmt: skip
    for member, history in baskets(n_guests).items():
        for at, basket in enumerate(history):
            sold_at = rfc3339(now_s - (7 + 30 * (len(history) - 1 - at)) * DAY_S)
            for line, item in enumerate(basket, 1):
                rows.writerow(
                    [f"R-{member}-{at}", sold_at, "1", member, line, sku_of(item), 1, 1_000, 0]
                )
    path.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


def train_bundle(folder: Path) -> Path:
    """Train the little store's ranker."""
    histories = {}
    for member, history in baskets().items():
        grown = History.empty()
        for at, basket in enumerate(history):
            grown = grown.extended(basket, float(30 * at))
        histories[member] = grown
    return train_on(histories, ITEM_IDS, folder, PLAN)


def rfc3339(at_s: float) -> str:
    """Return a time as messages carry it."""
    return datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")


def configure(
    folder: Path,
    store: Path,
    bundle: Path | None,
    port: int,
    rules: Path | None = None,
    **extra: str,
) -> Settings:
    """Write a configuration for a broker on `port` and read it.

    Without `rules` nobody is held out: people are drawn anew in every run, and one of twenty would
    rightly see nothing personal.
    """
    if rules is None:
        rules = folder / "rules.toml"
        rules.write_text('version = "1"\nholdout_share = 0.0\n', encoding="utf-8")
    lines = [
        'mode = "simulation"',
        *(f"{key} = {value}" for key, value in extra.items()),
        f'[store]\nfiles = {json.dumps(str(store))}\ndata = "data"',
        f"rules = {json.dumps(str(rules))}",
        f"bundle = {json.dumps(str(bundle))}" if bundle else "",
        f"[broker]\nport = {port}",
        f"[http]\nport = {free_port()}",
    ]
    path = folder / "box.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return read_settings(path)


@dataclass
class RunningBox:
    """A box on its own thread, with a sender and the frames a tablet got."""

    box: Box
    address: str
    sender: mqtt.Client
    ids: Iterator[int] = _IDS

    def publish(self, topic: str, payload: bytes | str, qos: int = 1) -> None:
        """Publish and wait until the broker has it."""
        wait_until(self.sender.is_connected, "the sender to be connected", 40)
        self.sender.publish(topic, payload, qos).wait_for_publish(5)

    def event(self, topic: str, kind: str, data: dict[str, Any], **changes: Any) -> str:
        """Publish one of our own messages; return its id."""
        event_id = changes.pop("id", f"e{next(self.ids)}")
        event = {
            "specversion": "1.0", "id": event_id, "source": "/tests",
            "type": f"stammgast.{kind}.v1", "time": rfc3339(time.time()),
            "datacontenttype": "application/json", "data": data, **changes,
        }  # fmt: skip
        self.publish(f"stammgast/v1/{topic}", json.dumps(event))
        return str(event_id)

    def check_in(self, member: str = ANNA, **changes: Any) -> str:
        """Publish a check-in."""
        data = {"member_id": member, "place": "app", "zone": "shoes"}
        return self.event("checkins", "checkin", {**data, **changes})

    def sell(self, item: int, member: str | None = ANNA, **changes: Any) -> str:
        """Publish a sale of one piece."""
        receipt_id = f"T{next(self.ids)}"
        data: dict[str, Any] = {
            "receipt_id": receipt_id, "till_id": "1", "sold_at": rfc3339(time.time()),
            "lines": [{"line_no": 1, "sku": sku_of(item), "quantity": 1,
                       "unit_price_cents": 1_000}],
        }  # fmt: skip
        if member is not None:
            data["member_id"] = member
        self.event("sales", "sale", {**data, **changes})
        return receipt_id

    def consent(self, purpose: str, *, is_given: bool, member: str = ANNA, **changes: Any) -> str:
        """Publish a consent or its withdrawal."""
        return self.event(
            "consents",
            "consent",
            {"member_id": member, "purpose": purpose, "is_given": is_given,
             "notice_version": "2026-01", "language": "de", "method": "app"},
            **changes,
        )  # fmt: skip

    def call(self, work: Callable[[], Any]) -> Any:
        """Run work in the box's own loop, as its parts do."""
        assert self.loop is not None
        done: Any = asyncio.run_coroutine_threadsafe(_as_coroutine(work), self.loop)
        return done.result(10)

    def count(self, kind: str) -> int:
        """Return a counter of the path."""
        return self.box.path.counts[kind]

    def decisions(self) -> list[Decision]:
        """Return every decision on disk that looked at candidates, the oldest first."""
        found = self.box.journal.past(0.0, 10_000, self.box.clock.now_s())
        return [each.decision for each in found if each.decision.trace_items]

    def metrics(self) -> str:
        """Read the metrics page."""
        with urllib.request.urlopen(f"{self.address}metrics", timeout=5) as page:
            return str(page.read(), "utf-8")

    loop: asyncio.AbstractEventLoop | None = None


async def _as_coroutine(work: Callable[[], Any]) -> Any:
    return work()


@contextmanager
def running(
    settings: Settings,
    clock: SystemClock | SimulatedClock | None = None,
    config: Path | None = None,
) -> Iterator[RunningBox]:
    """Run a box until the block ends."""
    box = Box(settings, clock or SystemClock(), config=config)
    ready: list[str] = []
    loop = asyncio.new_event_loop()
    failures: list[BaseException] = []

    def serve() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(box.run(ready.append))
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=serve, name="box")
    thread.start()
    wait_until(lambda: failures or (ready and box.broker and box.broker.is_connected), "the box")
    assert not failures, failures
    sender = mqtt.Client(CallbackAPIVersion.VERSION2)
    sender.connect("127.0.0.1", settings.broker.port)
    sender.loop_start()
    try:
        yield RunningBox(box, ready[0], sender, loop=loop)
    finally:
        sender.disconnect()
        sender.loop_stop()
        loop.call_soon_threadsafe(box.stop)
        thread.join(20)
        loop.close()
    assert not failures, failures


@dataclass
class Tablet:
    """A tablet that keeps the frames it got and the board they add up to."""

    url: str
    frames: list[dict[str, Any]] = field(default_factory=list)
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)

    def cards(self) -> list[dict[str, Any]]:
        """Return every card on the screen."""
        return [card for contact in self.contacts.values() for card in contact["cards"]]

    def items(self) -> set[str]:
        """Return the items of the cards on the screen."""
        return {card["item_id"] for card in self.cards()}

    def take(self, frame: dict[str, Any]) -> None:
        """Apply a frame as the page does."""
        match frame["kind"]:
            case "board":
                self.contacts = {c["contact_id"]: c for c in frame["contacts"]}
            case "contact":
                self.contacts[frame["contact"]["contact_id"]] = frame["contact"]
            case "gone":
                self.contacts.pop(frame["contact_id"], None)
            case "recall":
                contact = self.contacts[frame["contact_id"]]
                contact["cards"] = [c for c in contact["cards"] if c["card_id"] != frame["card_id"]]
            case "mark":
                for card in self.contacts[frame["contact_id"]]["cards"]:
                    if card["card_id"] == frame["card_id"]:
                        card["mark"] = frame["mark"]
            case "ack" | "error" | "because":
                self.answers[frame["id"]] = frame
                return
        self.frames.append(frame)

    def kinds(self, kind: str) -> list[dict[str, Any]]:
        """Return the frames of a kind."""
        return [frame for frame in self.frames if frame["kind"] == kind]

    def say(self, message: dict[str, Any]) -> None:
        """Send a message to the box."""
        self.socket.send(json.dumps(message))

    def react(self, card: dict[str, Any], action: str, reaction_id: str = "r1") -> dict[str, Any]:
        """Tap on a card and wait for the answer."""
        contact = next(c for c in self.contacts.values() if card in c["cards"])
        self.say(
            {"kind": "reaction", "id": reaction_id, "contact_id": contact["contact_id"],
             "card_id": card["card_id"], "action": action, "at_s": time.time()}
        )  # fmt: skip
        wait_until(lambda: reaction_id in self.answers, "the answer to a tap")
        return self.answers[reaction_id]

    socket: Any = None


@contextmanager
def tablet_of(box: RunningBox, query: str = "") -> Iterator[Tablet]:
    """Open a tablet's connection."""
    url = box.address.replace("http", "ws") + "ws/tablet" + query
    tablet = Tablet(url)
    with connect(url) as socket:
        tablet.socket = socket

        def listen() -> None:
            try:
                for text in socket:
                    tablet.take(json.loads(text))
            except ConnectionClosed:
                return

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        wait_until(lambda: tablet.kinds("board") or tablet.kinds("beat"), "the first frame")
        yield tablet
    thread.join(5)
