"""A whole day of the store, then every file of the box: zone transitions are there, no track.

The simulator's shoppers walk from opening to closing in simulated time; every message goes through
the box as the broker would hand it over. The search itself is proved first: a track planted in
each of the ways in which one could be kept is found.
"""

import json
import logging
import shutil
import sqlite3
import struct
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from edge.adapters.clock import SimulatedClock
from edge.adapters.mqtt.broker import Message
from edge.adapters.sqlite import recording
from edge.box import Box
from edge.core.records import EventSeen, Record, VisitEnded, VisitStarted, ZoneEntered
from edge.core.sightings import Sighting
from simulator import store as simulated_store
from simulator import written
from simulator.living import LivingStore, Pace
from tests.journeys.tracks import RUN, Day, Keys, findings
from tests.world import configure

HOURS = 10.0  # ten to eight
TICK_S = 5.0
# A quiet day: six members an hour, their beacons modelled every ten seconds.
PACE = Pace(
    members_per_h=6, strangers_per_h=6, beacon_interval_s=10.0, members_at_start=8,
    strangers_at_start=5,
)  # fmt: skip


@dataclass
class LivedDay:
    """A box after its day.

    Attributes:
        folder: Its data.
        day: What a track of it would hold.
        visits: Of members, begun.
        sightings: Of members that were used.
        transitions: (visit, moment, zone) as the path told them.
    """

    folder: Path
    key: bytes
    day: Day
    visits: int
    sightings: int
    transitions: set[tuple[str, float, str]]
    logs: str


class Listener(logging.Handler):
    """Keeps every line that the box logs."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{self.format(record)} {sorted(vars(record).items(), key=str)}")


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivedDay]:
    """The box after the day, closed; its files as they lie there."""
    folder = tmp_path_factory.mktemp("day")
    simulated_store.write(folder / "store", seed=7)
    settings = configure(folder, folder / "store", None, 1, clock='{kind = "simulated"}')
    clock, listener = SimulatedClock(), Listener()
    root = logging.getLogger()
    level = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    try:
        yield live(settings.store.files, Box(settings, clock), clock, listener)
    finally:
        root.removeHandler(listener)
        root.setLevel(level)


def live(files: Path, box: Box, clock: SimulatedClock, listener: Listener) -> LivedDay:
    """Let the simulator's day pass through a box, noting what a track of it would hold."""
    store = written.read(files)
    opens_s = store.opens_s + 4 * 3_600.0
    living = LivingStore(store, 3, pace=PACE, epoch_s=lambda at_s: opens_s + at_s)
    path, day = box.path, Day(floor_m=(box.path.house.plan.width_m, box.path.house.plan.height_m))
    transitions: set[tuple[str, float, str]] = set()
    used = 0
    strengths: dict[str, list[int]] = defaultdict(list)
    zone_of, append = path._zone, path.log.append

    def hearing(person: str, sighting: Sighting, model: object, now_s: float) -> str | None:
        nonlocal used
        used += 1
        day.heard_s.add(now_s)
        for value in (sighting.rssi_dbm, sighting.distance_m):
            if value is not None and value * 64 % 1:  # else mostly zeros, found by chance
                day.strengths.add(value)
        if sighting.rssi_dbm is not None and len(strengths[sighting.beacon]) < RUN:
            strengths[sighting.beacon].append(round(sighting.rssi_dbm))
        day.names.add(sighting.beacon.encode())
        day.names.add(sighting.beacon.partition(":")[2].encode())
        day.receivers.add(sighting.gateway.encode())
        return zone_of(person, sighting, model, now_s)  # type: ignore[arg-type]

    def noting(
        record: Record | Sequence[Record], on_durable: Callable[[], None] | None = None
    ) -> None:
        for one in record if isinstance(record, Sequence) else (record,):
            if isinstance(one, VisitStarted | ZoneEntered | VisitEnded):
                day.happened_s.add(one.at_s)
            if isinstance(one, ZoneEntered):
                transitions.add((one.visit_id, one.at_s, one.zone))
            if isinstance(one, EventSeen):
                day.happened_s.add(one.at_s)
        append(record, on_durable)

    path._zone = hearing  # type: ignore[method-assign]
    path.log.append = noting  # type: ignore[method-assign]
    next_tick_s = 0.0
    for at_s, message in living.messages(HOURS * 3_600):
        while next_tick_s <= at_s:
            now_s = opens_s + next_tick_s
            clock.tick(now_s)
            path.tick(now_s)
            day.happened_s.add(now_s)
            look_at_cards(box, now_s)
            next_tick_s += TICK_S
        clock.tick(opens_s + at_s)
        box.deliver([Message(message.topic, message.payload, 0, 0)])
    path.tick(opens_s + HOURS * 3_600 + 1_300)
    assert not path.guests, "everybody has gone home"
    day.heard_s -= day.happened_s
    # Some receivers are called as a zone is, in this store or in any language of it.
    day.receivers = {name for name in day.receivers if len(name) > 8}
    day.names = {name for name in day.names if len(name) > 8} | day.receivers
    day.runs = [run for run in strengths.values() if len(run) == RUN and len(set(run)) > 3][:20]
    visits = len({visit for visit, _, _ in transitions})
    box.ledger.flush()
    data = box.settings.store.data
    # Copied while the box is open: with its write-ahead logs, before anything tidies them up.
    shutil.copytree(data, data.parent / "left")
    box.close()
    key = (data / "box.key").read_bytes()
    logs = "\n".join(listener.lines)
    return LivedDay(data.parent / "left", key, day, visits, used, transitions, logs)


def look_at_cards(box: Box, now_s: float) -> None:
    """An associate sees every card on the screens, so that impressions are written down too."""
    cards = [card for guest in box.path.guests.values() for card in guest.cards]
    records = box.intake.seen(cards, now_s)
    if records:
        box.journal.append(records)


def test_the_day_was_a_day(lived: LivedDay) -> None:
    """Else nothing would be proved by finding nothing."""
    assert lived.visits > 30
    assert lived.sightings > 5_000
    assert len(lived.day.heard_s) > 2_000
    assert len(lived.day.strengths) > 100
    assert len(lived.day.runs) == 20
    assert len(lived.day.names) > 100
    names = {path.name for path in lived.folder.rglob("*")}
    assert {"ledger.db", "telemetry.db", "ledger.db-wal", "telemetry.db-wal"} <= names


def test_no_file_holds_a_track(lived: LivedDay) -> None:
    """Every file, every row with its ciphertext opened, every byte of the logs."""
    found = findings(lived.folder, lived.day, lived.key)
    assert not found, "\n".join(found)
    folder = lived.folder.parent / "logs"
    folder.mkdir(exist_ok=True)
    (folder / "box.log").write_text(lived.logs, encoding="utf-8")
    assert lived.logs
    assert findings(folder, lived.day, lived.key) == []


def test_what_is_there_are_the_transitions_and_nothing_finer(lived: LivedDay) -> None:
    """Row by row what the path told: a zone and the next one, where many sightings were heard."""
    with sqlite3.connect(lived.folder / "telemetry.db") as db:
        rows = db.execute("SELECT visit_id, at_s, zone FROM zone_changes").fetchall()
        tables = {n for (n,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert set(rows) <= lived.transitions
    told = {(visit, at_s) for visit, at_s, _ in lived.transitions}
    assert {(visit, at_s) for visit, at_s, _ in rows} == told, "of one moment, the first counts"
    assert tables == {"visits", "zone_changes"}
    assert len(rows) < lived.sightings / 10


# -- the search finds what it is meant to find


@dataclass
class Planting:
    """A copy of the box's files to hide a track in, and the track."""

    folder: Path
    day: Day
    key: bytes

    @property
    def times(self) -> list[float]:
        return sorted(self.day.heard_s)[100:140]

    @property
    def readings(self) -> list[float]:
        return sorted(self.day.strengths)[:40]

    @contextmanager
    def database(self, name: str) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.folder / name, isolation_level=None)) as db:
            yield db


def in_a_table(plant: Planting) -> None:
    with plant.database("telemetry.db") as db:
        db.execute("CREATE TABLE moves (visit TEXT, x REAL, y REAL)")
        db.executemany("INSERT INTO moves VALUES ('v', ?, ?)", [(3.0, n / 7) for n in range(20)])


def as_more_transitions(plant: Planting) -> None:
    with plant.database("telemetry.db") as db:
        db.executemany(
            "INSERT INTO zone_changes VALUES ('v', ?, 'shoes')", [(at_s,) for at_s in plant.times]
        )


def as_whole_numbers_in_a_column(plant: Planting) -> None:
    with plant.database("telemetry.db") as db:
        db.execute("CREATE TABLE notes (a INTEGER)")
        db.executemany("INSERT INTO notes VALUES (?)", [(-60 - n % 9,) for n in range(9)])


def inside_a_persons_ciphertext(plant: Planting, body: object) -> None:
    cipher = next(iter((keys := Keys(plant.folder / "ledger.db", plant.key)).ciphers.items()))
    with plant.database("ledger.db") as db:
        (number,) = db.execute(
            "SELECT 1 + coalesce(max(happening_no), 0) FROM happenings"
        ).fetchone()
        sealed = cipher[1].seal(msgspec.msgpack.encode(body), recording.happening_context(number))
        db.execute(
            "INSERT INTO happenings VALUES (?, 'Seen', 0, 0, ?, ?)", [number, cipher[0], sealed]
        )
    assert keys.ciphers


def under_another_key(plant: Planting) -> None:
    with plant.database("ledger.db") as db:
        number = next(iter(Keys(plant.folder / "ledger.db", plant.key).ciphers))
        db.execute("INSERT INTO happenings VALUES (NULL, 'S', 0, 0, ?, ?)", [number, b"?" * 90])


def deleted_again(plant: Planting) -> None:
    """Rows that are gone still lie in the write-ahead log."""
    db = sqlite3.connect(plant.folder / "telemetry.db", isolation_level=None)
    db.execute("PRAGMA wal_autocheckpoint = 0")
    db.execute("CREATE TABLE gone (at_s REAL)")
    db.executemany("INSERT INTO gone VALUES (?)", [(at_s,) for at_s in plant.times])
    db.execute("DROP TABLE gone")
    wal = (plant.folder / "telemetry.db-wal").read_bytes()
    db.close()
    (plant.folder / "telemetry.db-wal").write_bytes(wal)


def file_of(name: str, content: Callable[[Planting], bytes]) -> Callable[[Planting], None]:
    def write(plant: Planting) -> None:
        (plant.folder / name).write_bytes(content(plant))

    return write


PLANTS: dict[str, Callable[[Planting], None]] = {
    "places in a table of their own": in_a_table,
    "moments of hearing among the transitions": as_more_transitions,
    "strengths in a column without a name": as_whole_numbers_in_a_column,
    "moments inside a person's ciphertext": lambda plant: inside_a_persons_ciphertext(
        plant, {"body": plant.times}
    ),
    "strengths inside a person's ciphertext": lambda plant: inside_a_persons_ciphertext(
        plant, {"a": [-61, -63, -70]}
    ),
    "a receiver's name inside a person's ciphertext": lambda plant: inside_a_persons_ciphertext(
        plant, {"a": next(iter(plant.day.names)).decode()}
    ),
    "a ciphertext that nobody can open": under_another_key,
    "rows deleted, still in the write-ahead log": deleted_again,
    "a line of a log": file_of("box.log", lambda plant: f"at {plant.readings[3]!r} dBm".encode()),
    "milliseconds in a log": file_of("a.log", lambda p: f"{round(p.times[0] * 1e3)} ok".encode()),
    "packed numbers": file_of("cache.bin", lambda p: b"?" + struct.pack("<40d", *p.times)),
    "packed numbers of the other order": file_of("c", lambda p: struct.pack(">d", p.readings[0])),
    "one byte a strength": file_of("b", lambda p: struct.pack(f"{RUN}b", *p.day.runs[0])),
    "floats of 32 bits": file_of("f", lambda p: struct.pack(f"<{RUN}f", *p.day.runs[1])),
    "a beacon's id": file_of("x.json", lambda p: b'{"a":"' + sorted(p.day.names)[-1] + b'"}'),
    "places without times": file_of(
        "places.json", lambda _: json.dumps([[3.5, n / 7] for n in range(RUN)]).encode()
    ),
    "a packed document": file_of("z", lambda p: zlib.compress(json.dumps({"t": p.times}).encode())),
}


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_track_is_found(lived: LivedDay, tmp_path: Path, name: str) -> None:
    """A search that finds nothing is worth something only if it would find this."""
    folder = tmp_path / "left"
    shutil.copytree(lived.folder, folder)
    PLANTS[name](Planting(folder, lived.day, lived.key))
    touched = [path for path in folder.iterdir() if is_other(path, lived.folder / path.name)]
    assert findings(folder, lived.day, lived.key, touched) != []


def is_other(path: Path, before: Path) -> bool:
    """Tell whether a file is new or was changed."""
    return not before.exists() or path.read_bytes() != before.read_bytes()
