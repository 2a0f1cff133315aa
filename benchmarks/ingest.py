"""How many sightings a box takes: QoS 0, 95 % unknown ids, consent gate and zones included.

The floor is paho with the same decoder and nothing else, on the same messages from the same
Mosquitto, in turn with the box. The known members are present before the measurement begins and
heard every second, as in a full store: each stands somewhere and is heard by the receivers around,
as strongly as distance and fading let. A message counts when its work is done.
"""

import asyncio
import json
import math
import multiprocessing
import random
import socket
import statistics
import struct
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.bench import arguments, free_port, mosquitto, report

SINGLE, BATCHES, PER_BATCH = 60_000, 10_000, 20
ROUNDS = 7
GATEWAYS = 64
MEMBERS = 400
KNOWN_SHARE = 0.05
IDLE_S = 15.0
SETTLE_S = 5
SIDE_M = 48.0
# How far a receiver in a hall hears a tag, and how fast its mean power falls with the distance.
RANGE_M = 12.0
PATH_LOSS_EXPONENT = 2.5
HUNG_ABOVE_M = 1.5


def main() -> None:
    """Measure and report."""
    options = arguments(__doc__).parse_args()
    rates: dict[str, list[float]] = {}
    lost = 0
    with tempfile.TemporaryDirectory() as folder:
        store = _write_store(Path(folder) / "store")
        for _ in range(ROUNDS):
            for name, messages, sightings in (
                ("single", _singles(), SINGLE),
                ("batch20", _batches(), BATCHES * PER_BATCH),
            ):
                for who, run in (("floor", _run_floor), ("box", _run_box)):
                    done, took_s = _measure(run, store, messages)
                    rates.setdefault(f"{name}_{who}", []).append(
                        sightings * done / len(messages) / took_s
                    )
                    lost += len(messages) - done
    single, single_floor = (statistics.median(rates[f"single_{w}"]) for w in ("box", "floor"))
    batch, batch_floor = (statistics.median(rates[f"batch20_{w}"]) for w in ("box", "floor"))
    report(
        {
            "single_per_s": round(single),
            "single_floor_per_s": round(single_floor),
            "single_share": _share(rates, "single"),
            "batch20_per_s": round(batch),
            "batch20_floor_per_s": round(batch_floor),
            "batch20_share": _share(rates, "batch20"),
            "rounds": ROUNDS,
            "lost": lost,
        },
        is_quiet=options.json,
    )


def _share(rates: dict[str, list[float]], name: str) -> float:
    """Return the median over the rounds of box against floor: each pair ran side by side."""
    pairs = zip(rates[f"{name}_box"], rates[f"{name}_floor"], strict=True)
    return round(statistics.median(box / floor for box, floor in pairs), 3)


Run = Callable[[Path, int, int, Connection], None]


def _measure(run: Run, store: Path, messages: list[bytes]) -> tuple[int, float]:
    """Let one receiver take all messages; return how many it did and how long it took."""
    with mosquitto() as port:
        here, there = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=run, args=(store, port, len(messages), there))
        process.start()
        assert here.recv() == "ready"
        for _ in range(SETTLE_S):
            _send(port, _arrivals())
            time.sleep(1.0)
        _send(port, messages)
        done, took_s = here.recv()
        process.join(20)
        process.terminate()
    return done, took_s


def _send(port: int, messages: list[bytes]) -> None:
    """Write ready-made PUBLISH packets as fast as the broker reads them."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        client = b"bench-sender"
        head = b"\x00\x04MQTT\x04\x02\x00\x3c" + struct.pack(">H", len(client)) + client
        sock.sendall(b"\x10" + _length(len(head)) + head)
        sock.recv(4)
        for at in range(0, len(messages), 200):
            sock.sendall(b"".join(messages[at : at + 200]))
        sock.sendall(b"\xe0\x00")


def _packet(topic: str, payload: bytes) -> bytes:
    name = topic.encode()
    body = struct.pack(">H", len(name)) + name + payload
    return b"\x30" + _length(len(body)) + body


def _length(n: int) -> bytes:
    out = bytearray()
    while True:
        n, digit = divmod(n, 128)
        out.append(digit | (0x80 if n else 0))
        if not n:
            return bytes(out)


def _beacons(rng: random.Random) -> tuple[list[str], list[str]]:
    known = [f"{'ab' * 16}-7-{n}" for n in range(MEMBERS)]
    strange = [f"{rng.getrandbits(128):032x}-1-{n % 65536}" for n in range(3_000)]
    return known, strange


def _receiver_at(n: int) -> tuple[float, float]:
    """Return where a receiver hangs, in metres."""
    return 3.0 + 6.0 * (n % 8), 3.0 + 6.0 * (n // 8)


def _member_at(n: int) -> tuple[float, float]:
    """Return where a member stands all the while."""
    rng = random.Random(f"member {n}")
    return rng.uniform(0.0, SIDE_M), rng.uniform(0.0, SIDE_M)


def _around() -> list[list[int]]:
    """Return the members that each receiver hears."""
    places = [_member_at(n) for n in range(MEMBERS)]
    return [
        [n for n, place in enumerate(places) if math.dist(place, _receiver_at(g)) <= RANGE_M]
        for g in range(GATEWAYS)
    ]


def _rssi(member: int, receiver: int, rng: random.Random) -> int:
    """Draw a strength in dBm: log-distance path loss, Rayleigh fading."""
    flat_m = math.dist(_member_at(member), _receiver_at(receiver))
    mean_dbm = -59.0 - 10 * PATH_LOSS_EXPONENT * math.log10(math.hypot(flat_m, HUNG_ABOVE_M))
    return max(-95, round(mean_dbm + 10 * math.log10(rng.expovariate(1.0) + 1e-4)))


def _heard(
    receiver: int, around: list[list[int]], known: list[str], strange: list[str], rng: random.Random
) -> tuple[str, int]:
    """Draw what a receiver hears next: a beacon and its strength in dBm."""
    if rng.random() < KNOWN_SHARE:
        member = rng.choice(around[receiver])
        return known[member], _rssi(member, receiver, rng)
    return rng.choice(strange), rng.randint(-95, -50)


def _singles() -> list[bytes]:
    """ESPresense messages of many receivers."""
    rng = random.Random(1)
    known, strange = _beacons(rng)
    around = _around()
    found = []
    for n in range(SINGLE):
        receiver = rng.randrange(GATEWAYS)
        beacon, rssi_dbm = _heard(receiver, around, known, strange, rng)
        uuid, major, minor = beacon.split("-")
        dashed = f"{uuid[:8]}-{uuid[8:12]}-{uuid[12:16]}-{uuid[16:20]}-{uuid[20:]}"
        beacon_id = f"iBeacon:{dashed}-{major}-{minor}"
        payload = (
            f'{{"mac":"{rng.getrandbits(48):012x}","id":"{beacon_id}","rssi@1m":-59,'
            f'"rssi":{rssi_dbm:.2f},"rxAdj":0,"rssiVar":3.1,"distance":3.2,'
            f'"var":0.4,"int":{1000 + n % 97}}}'
        )
        topic = f"espresense/devices/{beacon_id}/g{receiver}"
        found.append(_packet(topic, payload.encode()))
    return found


def _arrivals() -> list[bytes]:
    """One message per member: their visits begin before the measurement."""
    rng = random.Random(1)
    known, _ = _beacons(rng)
    found = []
    for n, beacon in enumerate(known):
        uuid, major, minor = beacon.split("-")
        dashed = f"{uuid[:8]}-{uuid[8:12]}-{uuid[12:16]}-{uuid[16:20]}-{uuid[20:]}"
        beacon_id = f"iBeacon:{dashed}-{major}-{minor}"
        nearest = min(range(GATEWAYS), key=lambda g: math.dist(_receiver_at(g), _member_at(n)))
        rssi_dbm = _rssi(n, nearest, rng)
        payload = (
            f'{{"mac":"00","id":"{beacon_id}","rssi@1m":-59,"rssi":{rssi_dbm},"distance":3.2}}'
        )
        topic = f"espresense/devices/{beacon_id}/g{nearest}"
        found.append(_packet(topic, payload.encode()))
    return found


def _batches() -> list[bytes]:
    """Minew messages with twenty beacons each."""
    rng = random.Random(2)
    known, strange = _beacons(rng)
    around = _around()
    found = []
    for _ in range(BATCHES):
        receiver = rng.randrange(GATEWAYS)
        gateway = f"AC233F{receiver:06X}"
        rows = [f'{{"type":"Gateway","mac":"{gateway}","gatewayFree":89,"gatewayLoad":0.03}}']
        for _ in range(PER_BATCH):
            beacon, rssi_dbm = _heard(receiver, around, known, strange, rng)
            uuid, major, minor = beacon.upper().split("-")
            rows.append(
                f'{{"type":"iBeacon","mac":"{rng.getrandbits(48):012X}","bleName":"",'
                f'"ibeaconUuid":"{uuid}","ibeaconMajor":{major},"ibeaconMinor":{minor},'
                f'"rssi":{rssi_dbm},"ibeaconTxPower":-59,"battery":0}}'
            )
        found.append(_packet(f"/gw/{gateway}/status", f"[{','.join(rows)}]".encode()))
    return found


def _write_store(folder: Path) -> Path:
    """A hall with 64 receivers of each family, one item, 400 members with location consent."""
    folder.mkdir(parents=True)
    item = {
        "item_id": "i", "product_name": {"de": "A", "en": "A"}, "brand": "b", "department": "d",
        "category": "c", "price_cents": 100, "zone": "z0", "aisle": "1",
        "variants": [{"sku": "s", "gtin": "4000000000006"}],
    }  # fmt: skip
    catalog = {
        "schema": "stammgast.catalog.v1", "version": "1", "currency": "EUR",
        "store": {"id": "s", "name": "S", "time_zone": "Europe/Berlin"},
        "classes": [], "items": [item],
    }  # fmt: skip
    members = [
        {"member_id": f"M{n}", "name": "", "language": "de",
         "beacons": [f"{'ab' * 16}-7-{n}"],
         "consents": [{"purpose": p, "given_at": "2026-01-02T10:00:00Z",
                       "notice_version": "2026-01", "method": "app"}
                      for p in ("recognise", "location")]}
        for n in range(MEMBERS)
    ]  # fmt: skip
    for name, document in (
        ("catalog.json", catalog),
        ("floorplan.json", _floorplan()),
        ("members.json", {"schema": "stammgast.members.v1", "members": members}),
    ):
        (folder / name).write_text(json.dumps(document))
    return folder


def _floorplan() -> dict[str, Any]:
    half = SIDE_M / 2
    corners = [(0.0, 0.0), (half, 0.0), (0.0, half), (half, half)]
    kinds = ("entrance", "department", "department", "till")
    receivers = []
    for n in range(GATEWAYS):
        x, y = _receiver_at(n)
        zone = f"z{int(x >= half) + 2 * int(y >= half)}"
        for name, family in ((f"g{n}", "espresense"), (f"AC233F{n:06X}", "minew")):
            receivers.append(
                {"gateway": name, "family": family, "zone": zone, "x_m": x, "y_m": y, "z_m": 2.5}
            )
    return {
        "schema": "stammgast.floorplan.v1", "width_m": SIDE_M, "height_m": SIDE_M,
        "zones": [
            {"id": f"z{n}", "name": {"de": f"Zone {n}", "en": f"Zone {n}"}, "kind": kinds[n],
             "polygon": [[x, y], [x + half, y], [x + half, y + half], [x, y + half]]}
            for n, (x, y) in enumerate(corners)
        ],
        "receivers": receivers, "stations": [], "shelves": [],
    }  # fmt: skip


_FAMILIES: dict[str, list[str]] = {
    "espresense": [], "openmqttgateway": [], "theengs": [], "room_assistant": [], "ruuvi": [],
    "tasmota": [], "happy_bubbles": [], "mqtt_room": ["rooms/+"], "shelly": ["shelly/+"],
    "april_brother": ["ab/#"], "minew": ["/gw/+/status"],
}  # fmt: skip


def _run_floor(_store: Path, port: int, count: int, pipe: Connection) -> None:
    """Take messages with paho and the decoder alone."""
    from edge.adapters.mqtt.gateways import GatewayRouter

    router = GatewayRouter(_FAMILIES)
    progress = _Progress(count)

    def on_message(_client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        router.decode(message.topic, bytes(message.payload))
        progress.add(1)

    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_message = on_message
    client.on_subscribe = lambda *_: pipe.send("ready")
    client.connect("127.0.0.1", port)
    client.subscribe([(topic, 0) for topic in router.subscriptions()])
    client.loop_start()
    pipe.send(progress.wait())
    client.disconnect()
    client.loop_stop()


def _run_box(store: Path, port: int, count: int, pipe: Connection) -> None:
    """Take messages with a whole box."""
    from edge.adapters.clock import SystemClock
    from edge.box import Box
    from edge.settings import BrokerSection, GatewaysSection, HttpSection, Settings, StoreSection

    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            store=StoreSection(files=store, data=Path(folder) / "data"),
            broker=BrokerSection(port=port),
            http=HttpSection(port=free_port()),
            gateways=GatewaysSection(families=_FAMILIES),
        )
        box = Box(settings, SystemClock())
        progress = _Progress(count)
        deliver = box.deliver

        def counted(batch: list[Any]) -> None:
            deliver(batch)
            progress.add(sum(m.topic.startswith(("espresense", "/gw")) for m in batch))

        box.deliver = counted  # type: ignore[method-assign]
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=lambda: loop.run_until_complete(box.run()))
        thread.start()
        while box.broker is None or not box.broker.is_connected:
            time.sleep(0.05)
        time.sleep(0.5)
        pipe.send("ready")
        pipe.send(progress.wait())
        loop.call_soon_threadsafe(box.stop)
        thread.join(20)


class _Progress:
    """Counts finished messages and the time from the first to the last."""

    def __init__(self, count: int) -> None:
        self._count, self._done, self._arriving = count, 0, MEMBERS * SETTLE_S
        self._first_s = self._last_s = 0.0

    def add(self, n: int) -> None:
        """Note that `n` more are done; the arrivals come first and do not count."""
        arrived = min(n, self._arriving)
        self._arriving -= arrived
        n -= arrived
        now_s = time.perf_counter()
        if n and not self._done:
            self._first_s = now_s
        if n:
            self._last_s = now_s
        self._done += n

    def wait(self) -> tuple[int, float]:
        """Return the count and the seconds once all are done, or nothing came for a while."""
        began_s = time.perf_counter()
        while self._done < self._count:
            time.sleep(0.05)
            heard_s = self._last_s or began_s + 40.0
            if time.perf_counter() - heard_s > IDLE_S:
                break
        return self._done, max(self._last_s - self._first_s, 1e-9)


if __name__ == "__main__":
    main()
