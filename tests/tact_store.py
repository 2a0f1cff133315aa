"""A little store for journeys of tact: one of everything, and bans on all but a few goods.

What is left on the tablet is then decided by the ground under test alone. The catalogue is that of
the decision tests. Time is the machine's, or that of tick messages where a test moves it.
"""

import csv
import gzip
import io
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge.adapters.clock import SimulatedClock
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


def catalog_file(sold: Sequence[str] = ALL, n_more: int = 0) -> dict[str, Any]:
    """Write the little store's catalogue as a chain would.

    Args:
        sold: The items of the decision tests that it holds.
        n_more: Items beyond them, `more-0` and so on, each a class of its own.
    """
    return {
        "schema": "stammgast.catalog.v1", "version": "tact", "currency": "EUR",
        "store": {"id": "s1", "name": "Testhaus", "time_zone": "Europe/Berlin"},
        "classes": [
            {"id": c.class_id, "name": {"de": c.name.de, "en": c.name.en}, "kind": c.kind.value,
             "interval_days": c.interval_days, "complements": list(c.complements)}
            for c in CATALOG.classes.values()
        ] + [
            {"id": f"class-{n}", "name": {"de": f"K{n}", "en": f"C{n}"}, "kind": "accessory",
             "interval_days": None, "complements": []}
            for n in range(n_more)
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
            for i in CATALOG.items if i.item_id in sold
        ] + [
            {"item_id": f"more-{n}", "product_name": {"de": f"M{n}", "en": f"M{n}"},
             "brand": f"B{n}", "department": "more", "category": f"class-{n}",
             "class_id": f"class-{n}", "price_cents": 1_000, "zone": "till", "aisle": "1",
             "variants": [{"sku": f"more-{n}", "gtin": ""}]}
            for n in range(n_more)
        ],
        "offers": [
            {"offer_id": "spring", "campaign_id": "spring-campaign", "item_ids": ["tie", "scarf"],
             "text": {"de": "Frühling", "en": "Spring"}, "price_cents": 2_900,
             "starts": "2026-01-01", "ends": "2036-01-01", "surfaces": ["tablet", "station"]}
        ] if {"tie", "scarf"} <= set(sold) else [],
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


def members_file(about: dict[str, Any]) -> dict[str, Any]:
    """Anna and Ben allow the same; neither asked to be called by name. `about` goes to both."""
    return {
        "schema": "stammgast.members.v1",
        "members": [
            {"member_id": member, "name": name, "language": "de", "beacons": [],
             "consents": [
                 {"purpose": p, "given_at": "2026-01-02T10:00:00Z", "notice_version": "2026-01",
                  "method": "station"} for p in PURPOSES],
             "declared": {}, "stated": [], "sizes": {}, **about}
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
        "[limits.floors]\ntablet = 0.0\nstation = 0.0\n"
        + caps + '[[rules]]\nid = "only"\nkind = "ban"\n'
        f"targets = [{banned}]\ndate = 2026-03-03\nreason = \"the rest is not asked\"\n" + more
    )  # fmt: skip


@contextmanager
def store_with(
    folder: Path,
    mosquitto: Mosquitto,
    left: Sequence[str],
    history: History = (),
    more: str = "",
    about: dict[str, Any] | None = None,
    now_s: float | None = None,
    bundle: Path | None = None,
    sold: Sequence[str] = ALL,
    n_more: int = 0,
    variants: dict[str, list[dict[str, str]]] | None = None,
    **extra: str,
) -> Iterator[tuple[RunningBox, Tablet]]:
    """Run a box over the little store, with a tablet.

    Args:
        folder: Empty.
        mosquitto: The broker.
        left: Items that no rule bans.
        history: Anna's purchases, as the chain's files have them.
        more: Lines for the rule file.
        about: Fields of both members.
        now_s: When given, the box's time stands there and follows ticks.
        bundle: Models; rules alone offer without.
        sold: What the catalogue holds, see `catalog_file`, like the next.
        n_more: Items beyond them.
        variants: Of items that come in others than `catalog_file` says.
        extra: Top-level lines of the configuration.
    """
    store = folder / "store"
    store.mkdir()
    catalog = catalog_file(sold, n_more)
    for goods in catalog["items"]:
        goods["variants"] = (variants or {}).get(goods["item_id"], goods["variants"])
    levels = [{"sku": v["sku"], "quantity": 5} for i in catalog["items"] for v in i["variants"]]
    for name, document in (
        ("catalog.json", catalog),
        ("floorplan.json", floorplan_file()),
        ("members.json", members_file(about or {})),
        ("stock.json", {"schema": "stammgast.stock.v1", "levels": levels,
                        "as_of": rfc3339(time.time() if now_s is None else now_s)}),
    ):  # fmt: skip
        (store / name).write_text(json.dumps(document), encoding="utf-8")
    (store / "receipts.csv.gz").write_bytes(receipts_file(history))
    rules = folder / "rules.toml"
    rules.write_text(rules_file(left, more), encoding="utf-8")
    clock = None if now_s is None else SimulatedClock()
    if clock is not None:
        extra["clock"] = '{ kind = "simulated" }'
        clock.tick(now_s or 0.0)
    settings = configure(folder, store, bundle, mosquitto.port, rules, **extra)
    with running(settings, clock) as box, tablet_of(box) as tablet:
        yield box, tablet


def look(box: RunningBox, tablet: Tablet, member: str = ANNA, zone: str = "floor") -> set[str]:
    """Check a member in and return what the tablet shows once the decision is on it."""
    before = box.count("decisions")
    data = {"member_id": member, "place": "app", "zone": zone}
    box.event("checkins", "checkin", data, time=rfc3339(box.box.clock.now_s()))
    wait_until(lambda: box.count("decisions") > before, "a decision")
    return settled(box, tablet)


def settled(box: RunningBox, tablet: Tablet) -> set[str]:
    """Return what the tablet shows once it has every frame that was sent."""
    box.call(lambda: None)  # a decision's frames are sent in one turn of the loop
    changes = ("contact", "gone", "recall", "mark")
    wait_until(
        lambda: sum(len(tablet.kinds(kind)) for kind in changes) >= box.count("frames"),
        "every frame on the tablet",
    )
    return {card["item_id"] for card in tablet.cards()}


def sell(
    box: RunningBox,
    item_id: str,
    *,
    days_ago: float = 0.0,
    is_gift: bool = False,
    **changes: Any,
) -> str:
    """Ring a sale up for Anna, wait until the box has it on disk, return the receipt's id."""
    now_s = box.box.clock.now_s()
    line = {"line_no": 1, "sku": sku(item_id), "quantity": 1, "unit_price_cents": 1000,
            "is_gift_wrapped": is_gift}  # fmt: skip
    receipt = f"T{next(box.ids)}"
    sale = {"receipt_id": receipt, "till_id": "1", "member_id": ANNA, "lines": [line],
            "sold_at": rfc3339(now_s - days_ago * DAY_S)}  # fmt: skip
    say(box, "sales", "sale", {**sale, **changes})
    return receipt


def say(box: RunningBox, topic: str, kind: str, data: dict[str, Any]) -> None:
    """Publish a message of today and wait until what it means is on disk."""
    before = box.box.messages["event"]
    box.event(topic, kind, data, time=rfc3339(box.box.clock.now_s()))
    wait_until(lambda: box.box.messages["event"] > before, f"the {kind}")
    box.call(lambda: None)  # the message was taken in one turn of the loop
    box.box.ledger.flush()


def tick(box: RunningBox, now_s: float) -> None:
    """Move the simulated time on, by a message, and wait until the box has followed."""
    box.event("tick", "tick", {"now": rfc3339(now_s)}, time=rfc3339(now_s))
    wait_until(lambda: box.box.clock.now_s() >= now_s, "the tick")
    box.call(lambda: None)
