"""From a check-in published to its frame at a tablet, through a real Mosquitto and uvicorn.

The box runs as its own process on the simulated store. Beside it, in the same run, the parts of the
way alone: the broker, the hop between threads, decoding, scoring, the push. Then once more with
another process that keeps the disk busy with fsync.
"""

import asyncio
import hashlib
import itertools
import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from benchmarks.bench import arguments, free_port, mosquitto, percentile, report
from benchmarks.world import store_and_bundle
from edge.adapters.mqtt import messages
from edge.adapters.onnx.ranker import load_bundle
from edge.core.candidates import Context, candidates, nobody
from edge.core.features import features

CHECK_INS = 600
PARTS = 300
PAUSE_S = 0.02
TIMEOUT_S = 5.0


def main() -> None:
    """Measure and report."""
    options = arguments(__doc__).parse_args()
    store, bundle = store_and_bundle()
    with mosquitto() as port, _box(store, bundle, port) as address:
        _measure(store, port, address, 100, "warm")
        took = _measure(store, port, address, CHECK_INS, "quiet")
        with _busy_disk():
            busy = _measure(store, port, address, CHECK_INS, "busy")
        parts = {
            "mqtt_ms": _mqtt_ms(port),
            "hop_ms": _hop_ms(),
            "decode_ms": _decode_ms(),
            "score_ms": _score_ms(store, bundle),
            "push_ms": _push_ms(),
        }
    floor_ms = sum(parts.values())
    p50_ms = percentile(took, 50)
    report(
        {
            "p50_ms": p50_ms,
            "p99_ms": percentile(took, 99),
            "floor_p50_ms": round(floor_ms, 3),
            "ratio_p50": round(p50_ms / floor_ms, 2),
            "busy_disk_p50_ms": percentile(busy, 50),
            "busy_disk_p99_ms": percentile(busy, 99),
            "messages": 2 * CHECK_INS,
            "lost": 2 * CHECK_INS - len(took) - len(busy),
            **{key: round(value, 4) for key, value in parts.items()},
        },
        is_quiet=options.json,
    )


@contextmanager
def _box(store: Path, bundle: Path, port: int) -> Iterator[str]:
    """Run a box and give the address of its pages."""
    http_port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "box.toml"
        config.write_text(
            f'[store]\nfiles = "{store}"\ndata = "data"\nbundle = "{bundle}"\n'
            f"[broker]\nport = {port}\n[http]\nport = {http_port}\n"
        )
        with subprocess.Popen(
            [sys.executable, "-m", "edge", "run", str(config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            address = f"http://127.0.0.1:{http_port}/"
            try:
                _await(address + "healthz")
                yield address
            finally:
                process.terminate()


def _await(address: str, timeout_s: float = 60.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while True:
        try:
            urllib.request.urlopen(address, timeout=1).close()
        except OSError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.1)
        else:
            return


def _measure(store: Path, port: int, address: str, count: int, name: str) -> list[float]:
    """Send check-ins one after the other and return how long each took, in ms."""
    document = json.loads((store / "members.json").read_text())
    members = [
        m["member_id"]
        for m in document["members"]
        if {"recognise", "staff_contact"} <= {c["purpose"] for c in m["consents"]}
    ]
    arrived: dict[str, int] = {}
    is_open = threading.Event()

    def listen() -> None:
        try:
            with connect(address.replace("http", "ws") + "ws/tablet", max_size=None) as page:
                is_open.set()
                for text in page:
                    now_ns = time.perf_counter_ns()
                    cause = json.loads(text).get("cause")
                    if cause:
                        arrived[cause] = now_ns
        except (ConnectionClosed, OSError):
            return

    threading.Thread(target=listen, daemon=True).start()
    is_open.wait(10)
    sender = _client(port)
    took = []
    for n, member in zip(range(count), itertools.cycle(members), strict=False):
        event_id = f"{name}-{n}"
        cause = hashlib.blake2b(event_id.encode(), digest_size=8).hexdigest()
        payload = _check_in(member, event_id)
        sent_ns = time.perf_counter_ns()
        sender.publish("stammgast/v1/checkins", payload, qos=1)
        deadline_ns = sent_ns + int(TIMEOUT_S * 1e9)
        while cause not in arrived and time.perf_counter_ns() < deadline_ns:
            time.sleep(0.0005)
        if cause in arrived:
            took.append((arrived[cause] - sent_ns) / 1e6)
        time.sleep(PAUSE_S)
    sender.disconnect()
    sender.loop_stop()
    return took


def _check_in(member: str, event_id: str) -> bytes:
    now = datetime.fromtimestamp(time.time(), UTC).isoformat()
    return json.dumps(
        {
            "specversion": "1.0", "id": event_id, "source": "/bench",
            "type": "stammgast.checkin.v1", "time": now, "datacontenttype": "application/json",
            "data": {"member_id": member, "place": "app"},
        }
    ).encode()  # fmt: skip


def _client(port: int) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_socket_open = _without_delay
    client.connect("127.0.0.1", port)
    client.loop_start()
    while not client.is_connected():
        time.sleep(0.01)
    return client


def _without_delay(_client: mqtt.Client, _userdata: Any, sock: Any) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _mqtt_ms(port: int) -> float:
    """Publish to callback, QoS 1, TCP_NODELAY on both sides."""
    took: list[float] = []
    arrived = threading.Event()
    ear, mouth = _client(port), _client(port)

    def on_message(_client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        took.append((time.perf_counter_ns() - int(message.payload.split()[0])) / 1e6)
        arrived.set()

    ear.on_message = on_message
    ear.subscribe("bench/floor", 1)
    time.sleep(0.2)
    for _ in range(PARTS):
        arrived.clear()
        mouth.publish("bench/floor", f"{time.perf_counter_ns()} ".encode() + b"x" * 250, qos=1)
        arrived.wait(TIMEOUT_S)
        time.sleep(0.005)
    for client in (ear, mouth):
        client.disconnect()
        client.loop_stop()
    return percentile(took, 50, 4)


def _hop_ms() -> float:
    """From a thread into a waiting asyncio loop."""
    took: list[float] = []
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    for _ in range(PARTS):
        sent_ns = time.perf_counter_ns()
        loop.call_soon_threadsafe(_note, took, sent_ns)
        time.sleep(0.003)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    return percentile(took, 50, 4)


def _note(took: list[float], sent_ns: int) -> None:
    took.append((time.perf_counter_ns() - sent_ns) / 1e6)


def _decode_ms() -> float:
    payload = _check_in("M1", "e")
    return _median_ms(lambda: messages.decode("stammgast/v1/checkins", payload))


def _score_ms(store: Path, bundle: Path) -> float:
    """Score one visitor's candidates with the int8 model."""
    ids = [x["item_id"] for x in json.loads((store / "catalog.json").read_text())["items"]]
    loaded = load_bundle(bundle, ids)
    prepared, context = nobody(loaded.tables), Context()
    found = candidates(prepared, loaded.tables, context)
    rows = features(prepared, found, loaded.tables, context)
    return _median_ms(lambda: loaded.ranker.score(rows, found.items, prepared.person))


def _median_ms(work: Any) -> float:
    took = []
    for _ in range(PARTS):
        began_ns = time.perf_counter_ns()
        work()
        took.append((time.perf_counter_ns() - began_ns) / 1e6)
    return float(np.median(took))


def _push_ms() -> float:
    """A bare uvicorn in another process pushes 2 kB frames to a client here."""
    port = free_port()
    process = multiprocessing.get_context("spawn").Process(target=_push_server, args=(port,))
    process.start()
    took = []
    try:
        deadline_s = time.monotonic() + 20
        while True:
            try:
                with connect(f"ws://127.0.0.1:{port}/ws") as page:
                    for _ in range(PARTS):
                        text = page.recv(5)
                        took.append((time.perf_counter_ns() - int(str(text).split()[0])) / 1e6)
                break
            except OSError:
                if time.monotonic() > deadline_s:
                    raise
                time.sleep(0.1)
    finally:
        process.terminate()
        process.join()
    return percentile(took, 50, 4)


def _push_server(port: int) -> None:
    import uvicorn
    from fastapi import FastAPI, WebSocket

    app = FastAPI()

    @app.websocket("/ws")
    async def push(websocket: WebSocket) -> None:
        await websocket.accept()
        for _ in range(PARTS):
            await websocket.send_text(f"{time.perf_counter_ns()} " + "x" * 2000)
            await asyncio.sleep(0.005)

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", ws_per_message_deflate=False)


@contextmanager
def _busy_disk() -> Iterator[None]:
    """Keep the disk busy with another process that writes and syncs without a pause."""
    folder = Path(tempfile.mkdtemp())
    process = multiprocessing.get_context("spawn").Process(
        target=_write_without_end, args=(folder,)
    )
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()
        shutil.rmtree(folder)


def _write_without_end(folder: Path) -> None:
    block = os.urandom(1 << 20)
    end_s = time.monotonic() + 120
    with (folder / "busy").open("wb") as file:
        while time.monotonic() < end_s:
            file.seek(0)
            for _ in range(16):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())


if __name__ == "__main__":
    main()
