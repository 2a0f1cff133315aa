"""`make demo`: a living store on a laptop, with the box, its tablet page, and a measured way.

It writes the store, has the model trained (or takes a bundle that was trained on its data), starts
the box as its own process and plays shoppers against it. A tablet without a screen listens as well:
it says which cards it showed, and tells how long the way from a check-in to the frame took. Who
stands behind it speaks of each card to the member who asked, who may buy the item. With `--seconds`
it ends by itself; the last line is JSON.
"""

import argparse
import contextlib
import hashlib
import json
import queue
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from simulator import offer_log, run, store, visit_log

SEED = 7
# Watched visits with their true motives, which the guess why somebody is here is learned from.
WATCHED_VISITS = 2_000
# Offers of the last year with the chance of each, which the guess who takes one is learned from.
LOGGED_OFFERS = 12_000
HTTP_PORT = 8080
FAMILIES = ("espresense", "openmqttgateway", "theengs", "minew", "ruuvi")
START_TIMEOUT_S = 60.0
_CONFIG = """\
# Written by the demo: a laptop's box on a simulated store.
mode = "simulation"

[store]
files = "store"
data = "data"
bundle = {bundle}
rules = "store/rules.toml"

[broker]
kind = "embedded"
port = {broker_port}

[http]
port = {http_port}
"""


@dataclass(slots=True)
class Tablet:
    """A tablet without a screen: it counts, measures, and reports what it showed.

    Attributes:
        published: Member id and `time.perf_counter_ns()` by the short hash of each check-in's id.
        advice: (member id, item id) of each card that answered a check-in.
        took_ms: From check-in published to frame received.
    """

    url: str
    published: dict[str, tuple[str, int]] = field(default_factory=dict)
    advice: queue.SimpleQueue[tuple[str, str]] = field(default_factory=queue.SimpleQueue)
    took_ms: list[float] = field(default_factory=list)
    shown: set[str] = field(default_factory=set)

    def note(self, event_id: str, member_id: str, now_ns: int) -> None:
        """Remember who checked in, and when that was published."""
        cause = hashlib.blake2b(event_id.encode(), digest_size=8).hexdigest()
        self.published[cause] = member_id, now_ns

    def listen(self) -> None:
        """Take frames until the box goes."""
        with contextlib.suppress(ConnectionClosed, OSError), connect(self.url) as socket_:
            for text in socket_:
                now_ns = time.perf_counter_ns()
                frame = json.loads(text)
                cards = frame.get("contact", {}).get("cards", ())
                new = [card for card in cards if card["card_id"] not in self.shown]
                member_id, published_ns = self.published.pop(frame.get("cause") or "", (None, 0))
                if member_id is not None:
                    self.took_ms.append((now_ns - published_ns) / 1e6)
                    for card in new:
                        self.advice.put((member_id, card["item_id"]))
                if new:
                    seen = [card["card_id"] for card in new]
                    self.shown.update(seen)
                    socket_.send(json.dumps({"kind": "seen", "card_ids": seen}))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--seconds", type=float, help="end after so long; absent: with Ctrl-C")
    parser.add_argument("--dir", type=Path, default=Path("build/demo"), help="where it lives")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--port", type=int, default=HTTP_PORT, help="of the tablet page")
    parser.add_argument(
        "--bundle",
        type=Path,
        help="folder of a bundle to serve, trained on this store (DIR/store); absent: trains one",
    )
    arguments = parser.parse_args(argv)
    folder, bundle = arguments.dir, arguments.bundle
    if bundle is not None and bundle.resolve().is_relative_to(folder.resolve()):
        parser.error(f"--bundle {bundle}: lies in {folder}, which the demo empties every day")
    _write_store(folder, arguments.seed)
    if bundle is None:
        bundle = folder / "bundle"
        _train(folder, bundle, arguments.seed)
    http_port = _free_port(arguments.port)
    broker_port = _free_port(1883)
    _configure(folder, bundle, broker_port, http_port)
    address = f"http://127.0.0.1:{http_port}"
    with _box(folder, address):
        print(f"\nThe store is open. Tablet page: {address}/\n", flush=True)
        report = _play(folder, arguments.seed, broker_port, address, arguments.seconds)
    print(json.dumps(report))
    return 0


def _write_store(folder: Path, seed: int) -> None:
    """Write the store of today, where that was not done before."""
    today, stamp = date.today().isoformat(), folder / "made.json"  # noqa: TID251
    made = {"day": today, "seed": seed}
    if stamp.exists() and json.loads(stamp.read_text()) == made:
        shutil.rmtree(folder / "data", ignore_errors=True)
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    print("Writing a department store: its goods, plan, members, receipts, visits and offers …")
    store.write(folder / "store", seed, date.fromisoformat(today))
    watched = folder / "store" / "visits.csv.gz"
    visit_log.write(folder / "store", watched, seed + 1, WATCHED_VISITS)
    logged = folder / "store" / offer_log.FILE
    offer_log.write(folder / "store", logged, seed + 2, LOGGED_OFFERS)
    stamp.write_text(json.dumps(made))


def _train(folder: Path, bundle: Path, seed: int) -> None:
    """Train the store's model, where that was not done before."""
    stamp = folder / "trained"
    if stamp.exists():
        return
    print("Training its recommender …", flush=True)
    subprocess.run(
        [sys.executable, "-m", "models", "train", "--data", str(folder / "store"),
         "--out", str(bundle), "--seed", str(seed)],
        check=True,
    )  # fmt: skip
    stamp.touch()


def _configure(folder: Path, bundle: Path, broker_port: int, http_port: int) -> None:
    """Write the box's configuration, and end where the box could not serve the bundle."""
    path = json.dumps(str(bundle.resolve()))  # a JSON string is a TOML string
    config = folder / "box.toml"
    config.write_text(_CONFIG.format(bundle=path, broker_port=broker_port, http_port=http_port))
    checked = subprocess.run(
        [sys.executable, "-m", "edge", "check-config", str(config)], capture_output=True, text=True
    )
    if checked.returncode:
        raise SystemExit(checked.stderr.strip())


@contextlib.contextmanager
def _box(folder: Path, address: str) -> Iterator[None]:
    """Run the box as its own process until it is well, and stop it in the end."""
    with (folder / "box.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "edge", "run", str(folder / "box.toml")],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _await_health(process, address, folder / "box.log")
            yield
        finally:
            process.terminate()
            process.wait(20)


def _await_health(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline_s:
        if process.poll() is not None:
            raise SystemExit(f"the box ended at once; its log {log} says:\n{log.read_text()}")
        try:
            urllib.request.urlopen(f"{address}/healthz", timeout=1).close()  # noqa: S310
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"the box was not well after {START_TIMEOUT_S} s; see {log}")


def _play(
    folder: Path, seed: int, broker_port: int, address: str, seconds: float | None
) -> dict[str, object]:
    """Play shoppers and return what came of it."""
    tablet = Tablet(address.replace("http", "ws") + "/ws/tablet")
    threading.Thread(target=tablet.listen, daemon=True).start()
    visits = 0
    with contextlib.suppress(KeyboardInterrupt):
        summary = run.play(
            "127.0.0.1", broker_port, folder / "store", seed, 1.0, seconds, FAMILIES, tablet.note,
            advice=tablet.advice,
        )  # fmt: skip
        visits = len(summary.visits)
    happened = _happenings(address)
    took = sorted(tablet.took_ms)
    return {
        "visits": visits,
        "decisions": happened.get("decisions", 0),
        "shown": happened.get("shown", 0),
        "empty": {
            key.removeprefix("empty_"): count
            for key, count in sorted(happened.items())
            if key.startswith("empty_")
        },
        "recalled": happened.get("recalled", 0),
        "check_ins_measured": len(took),
        "p50_ms": round(statistics.median(took), 2) if took else None,
        "p99_ms": round(took[min(len(took) - 1, int(0.99 * len(took)))], 2) if took else None,
    }


def _happenings(address: str) -> dict[str, int]:
    """Read the box's counters from its metrics page."""
    with urllib.request.urlopen(f"{address}/metrics", timeout=5) as page:  # noqa: S310
        lines = page.read().decode().splitlines()
    prefix = 'stammgast_happenings_total{kind="'
    found = [line.removeprefix(prefix).split('"} ') for line in lines if line.startswith(prefix)]
    return {kind: int(float(count)) for kind, count in found}


def _free_port(wanted: int) -> int:
    """Return a port of the loopback interface: the wanted one, or a free one where it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
