"""Resident memory of a serving box with 10,000 products and 50,000 members, and its slope.

The box runs as its own process; visits come as check-ins over a real Mosquitto on simulated time,
so that each one ends after its twenty minutes. cv2 is not loaded: nothing serving needs it. pandas
and pyarrow belong to training and are on no store box; they are hidden here, since sqlite-utils
would import them where it finds them.

The slope is that of the box at rest: what a burst of visits needed goes back to the system at the
box's next beat, so each point is taken two beats after the last visit has ended.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
import psutil
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.bench import arguments, free_port, mosquitto, report

PRODUCTS, MEMBERS = 10_000, 50_000
ROUND = 1_000
# What is bounded fills first. SQLite's page caches take 0.1 MB a round, and the first round that
# begins in an empty store finds the heap in pieces, 0.7 MB once; both are over after four rounds.
# glibc keeps freed blocks for its thread, up to seven of each size, wherever they lie: up to 25 kB
# a round until the tenth, 10 or less from the eighth to the twentieth, none where that cache is
# off. Four rounds more take the steeper part of it.
WARM_VISITS, VISITS = 8_000, 6_000
PER_TICK = 50
TICK_S = 60.0
# Two beats of the box.
REST_S = 2.5
# onnxruntime's own thread wakes for the first time 8 s after it was imported and maps half a
# megabyte more of its library, visits or none: the warm-up lasts until then.
WARM_S = 12.0
END_STEP_S = 600.0
# A morning in the store, so that no night falls before the last round.
START_S = 1_789_970_000.0
START_TIMEOUT_S = 300.0
_AS_ON_A_STORE_BOX = """
import sys
sys.modules.update(pandas=None, pyarrow=None)
from edge.__main__ import main
sys.exit(main(["run", sys.argv[1]]))
"""


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__)
    parser.add_argument("--visits", type=int, default=VISITS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, mosquitto() as port:
        config, http_port = _configure(Path(folder), port)
        figures = _measure(config, port, http_port, options)
    report(figures, is_quiet=options.json)


def _measure(
    config: Path, port: int, http_port: int, options: argparse.Namespace
) -> dict[str, object]:
    began_s = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-c", _AS_ON_A_STORE_BOX, str(config)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as first:
        _await(f"http://127.0.0.1:{http_port}/healthz")
        first.terminate()
    imported_s = time.monotonic() - began_s
    began_s = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-c", _AS_ON_A_STORE_BOX, str(config)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as box:
        try:
            _await(f"http://127.0.0.1:{http_port}/healthz")
            start_s = time.monotonic() - began_s
            rss_mb = _rss_mb(box.pid)
            now_s = START_S
            for _ in range(WARM_VISITS // ROUND):
                now_s = _visit(port, http_port, now_s, ROUND)
            time.sleep(max(0.0, began_s + WARM_S - time.monotonic()))
            warm_mb = _rss_mb(box.pid)
            points = [(0, warm_mb)]
            for done in range(ROUND, options.visits + 1, ROUND):
                now_s = _visit(port, http_port, now_s, ROUND)
                points.append((done, _rss_mb(box.pid)))
        finally:
            box.terminate()
    visits, sizes = np.array(points).T
    slope_kb = float(np.polyfit(visits, sizes, 1)[0] * 1_000 * 1_024)
    return {
        "rss_mb": round(rss_mb, 1),
        "rss_after_mb": round(float(sizes[-1]), 1),
        "slope_kb_per_1000_visits": round(slope_kb, 1),
        "rss_warm_mb": round(warm_mb, 1),
        "visits": options.visits + WARM_VISITS,
        "products": PRODUCTS,
        "members": MEMBERS,
        "first_start_s": round(imported_s, 1),
        "start_s": round(start_s, 1),
    }


def _visit(port: int, http_port: int, now_s: float, count: int) -> float:
    """Let members check in, and time pass until their visits end; return the new time."""
    rng = random.Random(now_s)
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    info: mqtt.MQTTMessageInfo | None = None
    for at in range(count):
        if at % PER_TICK == 0:
            now_s += TICK_S
            _send(client, "tick", "tick", {"now": _rfc3339(now_s)}, f"t{now_s}", now_s)
        data = {"member_id": f"M{rng.randrange(MEMBERS)}", "place": "app"}
        info = _send(client, "checkins", "checkin", data, f"c{now_s}-{at}", now_s)
        if at % PER_TICK == 0:
            info.wait_for_publish(30)
    if info is not None:
        info.wait_for_publish(30)
    now_s = _end_visits(client, http_port, now_s)
    client.disconnect()
    client.loop_stop()
    return now_s


def _send(
    client: mqtt.Client, topic: str, kind: str, data: dict[str, Any], event_id: str, now_s: float
) -> mqtt.MQTTMessageInfo:
    event = {
        "specversion": "1.0", "id": event_id, "source": "/bench", "type": f"stammgast.{kind}.v1",
        "time": _rfc3339(now_s), "datacontenttype": "application/json", "data": data,
    }  # fmt: skip
    return client.publish(f"stammgast/v1/{topic}", json.dumps(event), qos=1)


def _end_visits(
    client: mqtt.Client, http_port: int, now_s: float, timeout_s: float = 120.0
) -> float:
    """Let time pass until nobody is left; no night falls, so that the slope is the visits' own."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        now_s += END_STEP_S
        _send(client, "tick", "tick", {"now": _rfc3339(now_s)}, f"t{now_s}", now_s)
        time.sleep(0.5)
        with urllib.request.urlopen(f"http://127.0.0.1:{http_port}/metrics", timeout=30) as page:
            if b"stammgast_guests 0.0" in page.read():
                time.sleep(REST_S)
                return now_s
    raise TimeoutError("visits did not end")


def _rss_mb(pid: int) -> float:
    return psutil.Process(pid).memory_info().rss / 1024**2


def _await(address: str) -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            urllib.request.urlopen(address, timeout=2).close()
        except urllib.error.HTTPError:
            return  # it answers; whether it is well is not asked here
        except OSError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.1)
        else:
            return


def _rfc3339(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")


def _configure(folder: Path, port: int) -> tuple[Path, int]:
    """Write a store of the size asked for, without a model, and its configuration."""
    store = folder / "store"
    store.mkdir()
    items = [
        {"item_id": f"i{n}", "product_name": {"de": f"Artikel Nummer {n}", "en": f"Item {n}"},
         "brand": f"Marke {n % 80}", "department": f"department-{n % 8}",
         "category": f"category-{n % 90}", "class_id": f"class-{n % 200}",
         "price_cents": 500 + n, "zone": f"zone-{n % 4}", "aisle": f"EG {n % 60}",
         "tags": [f"colour:{n % 12}"],
         "variants": [{"sku": f"s{n}-{k}", "gtin": f"4{n:09d}{k}", "size": str(36 + k)}
                      for k in range(3)]}
        for n in range(PRODUCTS)
    ]  # fmt: skip
    classes = [
        {"id": f"class-{n}", "name": {"de": f"Klasse {n}", "en": f"Class {n}"},
         "kind": ("durable", "accessory", "consumable")[n % 3], "interval_days": None}
        for n in range(200)
    ]  # fmt: skip
    purposes = ("recognise", "profile", "offers", "location", "staff_contact")
    consents = [
        {"purpose": p, "given_at": "2026-01-02T10:00:00Z", "notice_version": "2026-01",
         "method": "app"} for p in purposes
    ]  # fmt: skip
    members = [
        {"member_id": f"M{n}", "name": f"Gast {n}", "language": "de",
         "beacons": [f"{n:032x}-1-{n % 65536}"], "consents": consents}
        for n in range(MEMBERS)
    ]  # fmt: skip
    levels = [{"sku": f"s{n}-{k}", "quantity": 4} for n in range(PRODUCTS) for k in range(3)]
    zones = [
        {"id": f"zone-{n}", "name": {"de": f"Zone {n}", "en": f"Zone {n}"},
         "kind": ("entrance", "department", "department", "till")[n],
         "polygon": [[10 * n, 0], [10 * n + 10, 0], [10 * n + 10, 20], [10 * n, 20]]}
        for n in range(4)
    ]  # fmt: skip
    receivers = [
        {"gateway": f"g{n}", "family": "espresense", "zone": f"zone-{n // 3}",
         "x_m": 10.0 * (n // 3) + 2 + 3 * (n % 3), "y_m": 10.0, "z_m": 2.5} for n in range(12)
    ]  # fmt: skip
    for name, document in {
        "catalog.json": {"schema": "stammgast.catalog.v1", "version": "1", "currency": "EUR",
                         "store": {"id": "s", "name": "S", "time_zone": "Europe/Berlin"},
                         "classes": classes, "items": items},
        "members.json": {"schema": "stammgast.members.v1", "members": members},
        "stock.json": {"schema": "stammgast.stock.v1", "as_of": _rfc3339(START_S),
                       "levels": levels},
        "floorplan.json": {"schema": "stammgast.floorplan.v1", "width_m": 40.0, "height_m": 20.0,
                           "zones": zones, "receivers": receivers, "stations": [], "shelves": []},
    }.items():  # fmt: skip
        (store / name).write_text(json.dumps(document))
    http_port = free_port()
    config = folder / "box.toml"
    config.write_text(
        f'mode = "simulation"\nclock.kind = "simulated"\n[store]\nfiles = "store"\ndata = "data"\n'
        f"[broker]\nport = {port}\n[http]\nport = {http_port}\n"
    )
    return config, http_port


if __name__ == "__main__":
    main()
