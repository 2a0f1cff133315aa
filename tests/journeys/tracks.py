"""Looking for a track in everything a box has written: who was heard how strongly, when and where.

`Day` holds what only a track could hold: the moments at which members were heard and nothing
else happened, the strengths and distances, the ids of beacons and receivers. `findings` reads every
file of a folder three ways (as bytes, as text, as rows with every ciphertext opened) and names what
it finds. What it cannot open is a finding too.
"""

import json
import math
import re
import sqlite3
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.adapters.sqlite import consentlog, goods, histories, persons, recording
from edge.adapters.sqlite.keys import BoxKeys, Cipher
from edge.adapters.sqlite.schema import unsigned
from edge.core.errors import TrustError

# Names under which somebody would keep a track; parts of a column's or a key's name.
NAMES = re.compile(
    r"rssi|dbm|signal|strength|distance|lat(itude)?$|lon(gitude)?$|^[xyz]$|_[xyz]$|[xyz]_m$|coord"
    r"|position|heading|cell|gateway|receiver|beacon|mac$|track|path_of"
)
# What such a name stands for all the same, and why it is no track.
NO_TRACK = {
    "beacon_key",  # keyed hash of an enrolled beacon: who owns it, not where it was heard
    "beacons",  # the table of those hashes, and a member's own beacons within the encrypted row
}
# Three digits happen by chance in any ciphertext.
NUMBER = re.compile(rb"(?=[-.\d]{5})-?\d+\.\d+(?:[eE][-+]?\d+)?|\d{13}")
ISO = re.compile(rb"20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?")
RUN = 12  # consecutive readings that nothing but a track holds in this order


@dataclass
class Day:
    """What a day's sightings of members were made of.

    Attributes:
        heard_s: Moments at which a member was heard, and nothing of `happened_s` was.
        happened_s: Moments of transitions, events and ticks, which may stand in files.
        strengths: RSSI with a fraction, and distances: numbers that nothing else has.
        runs: Of each member's beacon, its first strengths as whole numbers, in their order.
        names: Ids of beacons, addresses and receivers, as text; receivers: these alone.
        floor_m: Width and height of the store.
    """

    heard_s: set[float] = field(default_factory=set)
    happened_s: set[float] = field(default_factory=set)
    strengths: set[float] = field(default_factory=set)
    runs: list[list[int]] = field(default_factory=list)
    names: set[bytes] = field(default_factory=set)
    receivers: set[bytes] = field(default_factory=set)
    floor_m: tuple[float, float] = (0.0, 0.0)

    @cached_property
    def moments(self) -> NDArray[np.float64]:
        """The moments of hearing, to the ms too, sorted; asked for when the day is over."""
        happened_s = self.happened_s | {round(at_s, 3) for at_s in self.happened_s}
        heard_s = self.heard_s | {round(at_s, 3) for at_s in self.heard_s}
        return np.array(sorted(heard_s - happened_s))

    @cached_property
    def levels(self) -> NDArray[np.float64]:
        """The strengths and distances."""
        return np.array(sorted(self.strengths))


def findings(
    folder: Path, day: Day, box_key: bytes, files: Iterable[Path] | None = None
) -> list[str]:
    """Return what of a track is found in a folder's files (or in some of them), a line each."""
    found: list[str] = []
    for path in sorted(p for p in files or folder.rglob("*") if p.is_file()):
        content = path.read_bytes()
        found += [f"{path.name}: {what}" for what in in_bytes(content, day)]
        if content.startswith(b"SQLite format 3"):
            found += [f"{path.name}: {what}" for what in in_rows(path, folder, day, box_key)]
        elif (document := decoded(content)) is not None:
            found += [f"{path.name}: {what}" for what in in_value(document, day)]
    return sorted(set(found))


# -- as bytes and text: catches what lies in a log, in a WAL, in a page that was freed


def in_bytes(content: bytes, day: Day) -> Iterator[str]:
    lowered = content.lower()
    for name in sorted(day.names):
        if name.lower() in lowered:
            yield f"the name {name.decode()!r}"
    for order in "<>":
        for shift in range(8):
            whole = (len(content) - shift) // 8 * 8
            if whole > 0:
                values = np.frombuffer(content, f"{order}f8", whole // 8, shift)
                if is_any_of(values, day):
                    yield "a packed number of the day's readings"
    written = np.array([float(text) for text in NUMBER.findall(content)])
    if is_any_of(written, day):
        yield "a written number of the day's readings"
    seconds = {math.floor(at_s) for at_s in day.heard_s}
    if sum(moment(text) in seconds for text in ISO.findall(content)) >= RUN:
        yield "times as text, as often as somebody was heard"
    for run in day.runs:
        for width, start in (("b", 0), ("B", 256), ("<h", 0), (">h", 0), ("<f", 0), ("<d", 0)):
            if b"".join(struct.pack(width, value + start) for value in run) in content:
                yield "strengths of one beacon in their order"


def moment(text: bytes) -> int:
    """Return the second of a time of day written in UTC."""
    return int(datetime.fromisoformat(text.decode()).replace(tzinfo=UTC).timestamp())


def is_any_of(values: NDArray[np.float64], day: Day) -> bool:
    """Tell whether any value is one of the day's strengths, or a moment of hearing."""
    seconds = np.concatenate([values, values[np.abs(values) > 1e12] / 1e3])
    seconds = seconds[(seconds > 1e9) & (seconds < 1e10)]
    moments = day.moments
    if len(seconds) and len(moments):
        at = np.searchsorted(moments, seconds)
        for near in (np.clip(at - 1, 0, None), np.clip(at, None, len(moments) - 1)):
            if (np.abs(moments[near] - seconds) < 1e-6).any():
                return True
    return bool(np.isin(values, day.levels).any())


# -- as rows, opened


def in_rows(path: Path, folder: Path, day: Day, box_key: bytes) -> Iterator[str]:
    """Walk every table of a database, every ciphertext opened with the person's own key."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        tables = [
            name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        keys = Keys(folder / "ledger.db", box_key)
        for table in tables:
            cursor = db.execute(f"SELECT * FROM {table}")
            columns = [column[0] for column in cursor.description]
            rows = cursor.fetchall()
            for name in (table, *columns):
                yield from in_name(name, table)
            for at, column in enumerate(columns):
                yield from in_numbers([row[at] for row in rows], day, f"{table}.{column}")
            plains: list[bytes] = []
            for row in rows:
                named = dict(zip(columns, row, strict=True))
                for column, value in named.items():
                    if isinstance(value, bytes) and value:
                        yield from in_blob(table, column, named, value, day, keys, plains)
            # A member's own beacons stand in the member's own row: enrolled, not heard.
            wanted = replace(day, names=day.receivers) if table == "persons" else day
            yield from (f"{table}: {what}" for what in in_bytes(b"\0".join(plains), wanted))


class Keys:
    """Every person's key of a box, by row number."""

    def __init__(self, ledger: Path, box_key: bytes) -> None:
        self.box = BoxKeys(box_key)
        self.pseudonyms: dict[int, int] = {}
        self.ciphers: dict[int, Cipher] = {}
        if not ledger.exists():
            return
        with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as db:
            for number, pseudonym, wrapped in db.execute(
                "SELECT p.person_no, p.pseudonym, k.wrapped"
                " FROM persons p JOIN person_keys k USING (person_no)"
            ):
                self.pseudonyms[number] = unsigned(pseudonym)
                key = self.box.unwrap(wrapped, persons._context(unsigned(pseudonym)))
                self.ciphers[number] = Cipher(key)


PLAIN = {
    "meta.value", "notices.body", "notices.sha256_de", "notices.sha256_en", "tombstones.proof",
    "consent_log.hash", "consent_log.payload_hash", "consent_states.stated",
}  # fmt: skip
DIGEST_BYTES = 32  # no longer: a hash, beside a person or not; looked at as bytes all the same
WRAPPED = {"person_keys.wrapped", "secrets.wrapped"}


def in_blob(
    table: str,
    column: str,
    row: dict[str, Any],
    value: bytes,
    day: Day,
    keys: Keys,
    plains: list[bytes],
) -> Iterator[str]:
    """Open one blob as its table says, then look into it; what does not open is a finding."""
    place = f"{table}.{column}"
    if place in WRAPPED:
        if len(value) != 12 + 32 + 16:  # nonce, a key of 32 bytes, tag: no room for anything else
            yield f"{place}: not a wrapped key"
        return
    number = row.get("person_no")
    is_digest = len(value) <= DIGEST_BYTES
    if place not in PLAIN and number is not None and not is_digest:
        plain = opened(table, row, value, keys, int(number))
        if plain is None:
            yield f"{place}: a ciphertext that does not open"
            return
        value = plain
    plains.append(value)
    if table == "histories":
        lines = histories.decode(value)
        for name in lines.__slots__:
            yield from in_numbers(getattr(lines, name).tolist(), day, f"{place}.{name}")
    elif (document := decoded(value)) is not None:
        yield from (f"{place}: {what}" for what in in_value(document, day))


def opened(table: str, row: dict[str, Any], value: bytes, keys: Keys, number: int) -> bytes | None:
    cipher = keys.ciphers.get(number)
    contexts = {
        "persons": lambda: persons._context(keys.pseudonyms[number]),
        "decisions": lambda: recording.decision_context(row["decision_id"]),
        "happenings": lambda: recording.happening_context(row["happening_no"]),
        "histories": lambda: goods._history_context(number),
        "receipts": lambda: goods._context(unsigned(row["receipt_key"])),
        "consent_log": lambda: consentlog._context(row["seq"]),
    }
    if cipher is None or table not in contexts:
        return None
    try:
        return cipher.open(value, contexts[table]())
    except TrustError:
        return None


def decoded(content: bytes) -> Any | None:
    """Return what bytes say as JSON or MessagePack, packed or not; None where they say nothing."""
    for unpack in (lambda b: b, zlib.decompress):
        for decode in (json.loads, msgspec.msgpack.decode):
            try:
                found = decode(unpack(content))
            except (ValueError, msgspec.DecodeError, zlib.error, RecursionError):
                continue
            if isinstance(found, list | dict):
                return found
    return None


def in_value(value: Any, day: Day) -> Iterator[str]:
    """Walk a decoded document: names of its keys, and every list of numbers in it."""
    match value:
        case dict():
            for name, each in value.items():
                yield from in_name(str(name), "a document")
                yield from in_value(each, day)
            yield from in_numbers(list(value.values()), day, "values of a document")
        case list():
            yield from in_numbers(value, day, "a list")
            flat = [each for each in value if isinstance(each, list) and len(each) in (2, 3)]
            if len(flat) >= RUN and all(is_place(each, day) for each in flat):
                yield "a list of places on the floor"
            for each in value:
                yield from in_value(each, day)
        case bytes():
            yield from in_bytes(value, day)
            if (document := decoded(value)) is not None:
                yield from in_value(document, day)


def in_name(name: str, where: str) -> Iterator[str]:
    if name not in NO_TRACK and NAMES.search(name.lower()):
        yield f"{where}: a field called {name!r}"


def in_numbers(values: Sequence[Any], day: Day, where: str) -> Iterator[str]:
    """Look at numbers that stand together: readings, moments of hearing, strengths in dBm."""
    numbers = [float(v) for v in values if isinstance(v, int | float) and abs(v) < 1e15]
    if is_any_of(np.array(numbers), day):
        yield f"{where}: a number of the day's readings"
    if sum(-127 < number < -20 for number in numbers) >= 3:
        yield f"{where}: strengths in dBm"


def is_place(values: list[Any], day: Day) -> bool:
    width_m, height_m = day.floor_m
    return all(isinstance(v, int | float) for v in values) and any(
        0 <= x <= width_m and 0 <= y <= height_m and (x % 1 or y % 1)
        for x, y in (values[:2], values[-2:])
    )
