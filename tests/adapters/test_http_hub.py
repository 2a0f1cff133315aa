"""Frames to tablets: order, resume, forgetting, slow readers, and no detour."""

import asyncio
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import websockets

from edge.adapters.http import hub as hub_module
from edge.adapters.http.hub import Hub
from edge.adapters.http.wire import HIGH_WATER_BYTES, text_frame
from edge.core.board import Board, Contact, StoreSign
from edge.core.catalog import Text
from tests.http_box import NOW_S, HttpBox, http_box


@dataclass(eq=False)
class Recorder:
    """A tablet in memory: keeps what was written, as parsed frames."""

    is_behind: bool = False
    on_drained: Callable[[], None] | None = None
    frames: list[dict[str, Any]] = field(default_factory=list)

    def write(self, frame: bytes) -> None:
        """Parse the payload of one unmasked text frame."""
        if not self.is_behind:
            self.frames.append(json.loads(frame[frame.index(b"{") :]))

    @property
    def kinds(self) -> list[str]:
        """What came, in order."""
        return [frame["kind"] for frame in self.frames]


def guest(contact_id: str, title: str = "Gast in Schuhe") -> Contact:
    """Somebody who wants contact."""
    return Contact(contact_id, Text(title, "Guest in Shoes"), None, NOW_S - 60)


class World:
    """A board and a hub that belong together."""

    def __init__(self) -> None:
        self.board = Board(StoreSign("Kaufhaus Lindenhof"))
        self.hub = Hub(self.board.frame, lambda: NOW_S, "e1")

    def put(self, contact: Contact) -> None:
        frame = self.board.put(contact)
        assert frame is not None
        self.hub.show(frame)

    def remove(self, contact_id: str) -> None:
        frame = self.board.remove(contact_id, "visit_ended")
        assert frame is not None
        self.hub.show(frame)

    def join(self, epoch: str = "", seq: int = 0) -> Recorder:
        client = Recorder()
        self.hub.join(client, epoch, seq)
        return client


def test_a_new_tablet_gets_the_board_then_every_change() -> None:
    """The board carries the number of the last frame, so nothing is missed or doubled."""
    world = World()
    world.put(guest("a"))
    client = world.join()
    world.put(guest("b"))
    assert client.kinds == ["board", "contact"]
    assert [frame["seq"] for frame in client.frames] == [1, 2]
    assert {frame["epoch"] for frame in client.frames} == {"e1"}
    assert client.frames[0]["now_s"] == NOW_S
    assert client.frames[0]["contacts"][0]["contact_id"] == "a"


@pytest.mark.parametrize(
    ("name", "epoch", "seq", "kinds"),
    [
        ("missed two of three", "e1", 1, ["contact", "contact", "beat"]),
        ("missed nothing", "e1", 3, ["beat"]),
        ("has nothing yet", "e1", 0, ["contact", "contact", "contact", "beat"]),
        ("comes from before a restart", "e0", 2, ["board"]),
        ("claims frames that never were", "e1", 4, ["board"]),
        ("is new", "", 0, ["board"]),
    ],
)
def test_resume(name: str, epoch: str, seq: int, kinds: list[str]) -> None:
    """A tablet that comes back gets what it missed, or the whole board."""
    world = World()
    for contact_id in "abc":
        world.put(guest(contact_id))
    assert world.join(epoch, seq).kinds == kinds, name


def test_too_old_to_resume(monkeypatch: pytest.MonkeyPatch) -> None:
    """Held frames are bounded: with two held of four, number 2 resumes and number 1 does not."""
    monkeypatch.setattr(hub_module, "HELD_FRAMES", 2)
    world = World()
    for contact_id in "abcd":
        world.put(guest(contact_id))
    assert world.join("e1", 2).kinds == ["contact", "contact", "beat"]
    assert world.join("e1", 1).kinds == ["board"]


def test_who_has_gone_is_not_told_afterwards() -> None:
    """A tablet that was away learns that a guest has gone, and nothing else about them."""
    world = World()
    world.put(guest("a"))
    world.put(guest("b", "Frau Öztürk"))
    world.remove("b")
    client = world.join("e1", 0)
    assert client.kinds == ["contact", "gone", "beat"]
    assert "Öztürk" not in json.dumps(client.frames, ensure_ascii=False)


def test_a_slow_tablet_is_left_out_and_then_gets_a_fresh_board() -> None:
    """While its buffer is full it gets nothing; when it has read, it gets the present state."""
    world = World()
    slow, quick = world.join(), world.join()
    slow.is_behind = True
    world.put(guest("a"))
    world.remove("a")
    world.put(guest("b"))
    slow.is_behind = False
    assert slow.on_drained is not None
    slow.on_drained()
    assert slow.kinds == ["board", "board"]
    assert [c["contact_id"] for c in slow.frames[-1]["contacts"]] == ["b"]
    assert slow.frames[-1]["seq"] == quick.frames[-1]["seq"] == 3


def test_a_tablet_that_left_gets_nothing_more() -> None:
    """After its connection ended nothing is written to it."""
    world = World()
    client = world.join()
    world.hub.leave(client)
    world.put(guest("a"))
    world.hub.beat()
    assert client.kinds == ["board"]
    assert world.hub.clients == 0


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_text_frame_header(size: int, header: bytes) -> None:
    """The three length forms of RFC 6455, 5.2, at their borders."""
    payload = b"x" * size
    assert text_frame(payload) == header + payload


async def _raw_tablet(box: HttpBox) -> socket.socket:
    """Shake hands as a browser does, and return the blocking socket after the first board."""
    tablet = socket.create_connection(("127.0.0.1", box.port))
    tablet.sendall(
        f"GET /ws/tablet HTTP/1.1\r\nHost: {box.host}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    answer = b""
    while b'"kind":"board"' not in answer:
        answer += await asyncio.to_thread(tablet.recv, 65_536)
    return tablet


async def test_a_frame_is_out_before_show_returns() -> None:
    """No task, no other loop iteration: the bytes can be read before the loop runs again."""
    async with http_box() as box:
        with await _raw_tablet(box) as tablet:
            tablet.settimeout(1)
            box.put(guest("a"))
            assert b'"contact_id":"a"' in tablet.recv(65_536)


async def test_small_frames_do_not_wait_for_each_other() -> None:
    """Nagle's algorithm is off on the tablets' connections."""
    async with http_box() as box:
        with await _raw_tablet(box):
            (wire,) = box.hub._clients
            inner = wire.transport.get_extra_info("socket")  # type: ignore[attr-defined]
            assert inner.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


async def test_a_tablet_that_does_not_read_costs_bounded_memory_and_recovers() -> None:
    """Its buffer stops growing; once it reads again, the last thing it gets is a fresh board."""
    async with http_box() as box:
        with await _raw_tablet(box) as tablet:
            (wire,) = box.hub._clients
            long_name = "x" * 20_000
            for turn in range(2_000):
                box.put(guest("a", f"{turn} {long_name}"))
                if turn % 50 == 0:
                    await asyncio.sleep(0)
            assert wire.is_behind
            buffered = wire.transport.get_write_buffer_size()  # type: ignore[attr-defined]
            assert buffered <= HIGH_WATER_BYTES + 2 * len(long_name)
            boards = box.hub.boards_sent
            while box.hub.boards_sent == boards:
                await asyncio.to_thread(tablet.recv, 1 << 20)
            assert not wire.is_behind


async def test_graceful_stop_tells_tablets() -> None:
    """When the box stops, tablets get a close frame (1012: restart), not a broken line."""
    async with http_box() as box:
        tablet = await websockets.connect(box.socket_url)
        await tablet.recv()
    with pytest.raises(websockets.ConnectionClosed) as closed:
        await tablet.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012


async def test_a_taken_port_is_named() -> None:
    """Two boxes on one port: the second says which port and what to do."""
    async with http_box() as box:
        with pytest.raises(Exception, match=rf"127\.0\.0\.1:{box.port}.*another http.port"):
            async with http_box(port=box.port):
                pass
