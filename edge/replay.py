"""Replay: a recording's inputs again, through a box of its own; the same bytes every time.

A recording holds every input of the path with the moment at which it was taken: messages, what
tablets said, the ticks of time, and the rule files whenever others went live. It holds personal
data and exists in simulation mode only. What persons say at the desk is not in it.
"""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from edge.adapters.clock import SimulatedClock
from edge.adapters.http import messages as tablet
from edge.adapters.mqtt.broker import Message
from edge.adapters.sqlite.journal import encode_decision
from edge.box import RULES, Box
from edge.core.decision import Decision
from edge.core.errors import ConfigError, MessageError
from edge.core.zones import ZoneReason
from edge.settings import Settings

# Time passes in a recording by the box's own ticks, or by those of a simulation.
TICKS = frozenset({"tick", "stammgast/v1/tick"})


def replay(recording: Path, settings: Settings, *, has_zones: bool = False) -> Iterator[bytes]:
    """Take every input again.

    Args:
        recording: A file made with `record`.
        settings: Its store files and model; the data folder is not touched. The last good bundle in
            it stays shut where the model is refused: what results hangs on what is given here.
        has_zones: Tell at every tick, of every guest, why this zone.

    Yields:
        A line of JSON per decision, frame and zone reason, in the order in which they came about.

    Raises:
        ConfigError: A line of the recording cannot be read.
    """
    with tempfile.TemporaryDirectory() as folder:
        clock = SimulatedClock()
        lines = _lines(recording)
        first = next(lines, None)
        if first is None:
            return
        store = settings.store.model_copy(update={"data": Path(folder)})
        if first[1] == RULES:  # the recording brings its own
            store = store.model_copy(update={"rules": None})
        fresh = settings.model_copy(update={"store": store, "record": None})
        clock.tick(first[0])
        box = Box(fresh, clock, epoch="replay", is_replay=True)
        said: list[bytes] = []
        box.hub.tap = lambda wire: said.append(b'{"frame":' + wire + b"}")
        box.journal.tap = lambda decision: said.append(_line(decision))
        try:
            for now_s, topic, payload in (first, *lines):
                clock.tick(now_s)
                _take(box, now_s, topic, payload)
                yield from said
                said.clear()
                if has_zones and topic in TICKS:
                    yield from (_zone_line(*why) for why in box.path.why_zones())
        finally:
            box.close()


def _take(box: Box, now_s: float, topic: str, payload: bytes) -> None:
    if topic == RULES:
        box.rulebook.put(payload)
    elif topic == "tick":
        box.path.tick(now_s)
    elif topic == "tablet":
        try:
            box.say(tablet.decode(payload), now_s, _nothing)
        except MessageError:
            return  # it was refused when it was recorded, too
    else:
        box.deliver([Message(topic, payload, 0, 0)])


def _zone_line(contact_id: str, why: ZoneReason) -> bytes:
    said = {"contact_id": contact_id, **asdict(why)}
    return b'{"zone_reason":' + json.dumps(said, ensure_ascii=False).encode() + b"}"


def _line(decision: Decision) -> bytes:
    return b'{"decision":' + encode_decision(decision) + b"}"


def _lines(recording: Path) -> Iterator[tuple[float, str, bytes]]:
    try:
        with recording.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                yield _input(recording, number, line)
    except OSError as error:
        raise ConfigError(
            [f"{recording}: cannot be read: {error.strerror}; expected a file made with `record`"]
        ) from error


def _input(recording: Path, number: int, line: bytes) -> tuple[float, str, bytes]:
    try:
        now_s, topic, payload = line.decode().rstrip("\n").split(" ")
        # Whatever is no moment of a clock cannot be told from one that is by the path itself.
        datetime.fromtimestamp(float(now_s), UTC)
        return float(now_s), topic, bytes.fromhex(payload)
    except (ValueError, OverflowError, OSError) as error:
        raise ConfigError(
            [f"{recording}: line {number}: found {line[:40]!r}, expected `seconds topic hex`"]
        ) from error


def _nothing() -> None:
    """Nobody waits for the disk in a replay."""
