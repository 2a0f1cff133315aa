"""Every frame to every tablet, in order, and again after a lost connection.

The hub decides what a client that joins gets: the frames it missed, where they are still held,
else the whole board. It knows nothing of what the frames mean, except that the frames about a
contact who is gone are forgotten, so that nobody learns afterwards who was here.
"""

from collections import deque
from collections.abc import Callable
from typing import Protocol

import msgspec

from edge.adapters.http.wire import text_frame

# Frames held for clients that come back: some minutes of a busy store.
HELD_FRAMES = 512


class Client(Protocol):
    """An open connection to one tablet."""

    is_behind: bool
    on_drained: Callable[[], None] | None

    def write(self, frame: bytes) -> None:
        """Write an encoded frame without waiting."""
        ...


class Hub:
    """Sends frames to all tablets and resumes those that come back.

    Args:
        board: Gives the full present state, a `board` frame, whenever a client needs it.
        now_s: The box's clock; tablets tell ages by it, not by their own.
        epoch: Names this life of the box; sequence numbers count within it.

    Attributes:
        tap: Called with every frame's JSON before it goes out, for replay.
    """

    def __init__(self, board: Callable[[], object], now_s: Callable[[], float], epoch: str) -> None:
        self._board = board
        self._now_s = now_s
        self._epoch = epoch
        self._seq = 0
        # Frames still held, and the number of the last one that is not: from there on a client
        # can resume. Numbers grow but may have gaps, where frames were forgotten on purpose.
        self._held: deque[tuple[int, str, bytes]] = deque()
        self._held_after = 0
        self._clients: set[Client] = set()
        self._encoder = msgspec.json.Encoder()
        self.boards_sent = 0
        self.resumed = 0
        self.tap: Callable[[bytes], object] | None = None

    @property
    def clients(self) -> int:
        """Count the open connections."""
        return len(self._clients)

    def show(self, frame: object) -> None:
        """Send a frame to every tablet at once, in this very call."""
        self._seq += 1
        contact_id = _contact_of(frame)
        if getattr(frame, "kind", "") == "gone":
            self._forget(contact_id)
        body = self._stamped(self._encoder.encode(frame))
        if self.tap is not None:
            self.tap(body)
        wire = text_frame(body)
        self._hold(contact_id, wire)
        for client in self._clients:
            client.write(wire)

    def join(self, client: Client, epoch: str, seq: int) -> None:
        """Add a client and bring it up to date.

        Args:
            client: Its connection, handshake done.
            epoch: The epoch of the last frame it has; empty where it has none.
            seq: The number of that frame.
        """
        self._clients.add(client)
        client.on_drained = lambda: self._send_board(client)
        if epoch == self._epoch and self._held_after <= seq <= self._seq:
            self.resumed += 1
            for held_seq, _, wire in self._held:
                if held_seq > seq:
                    client.write(wire)
            client.write(self._beat())
        else:
            self._send_board(client)

    def leave(self, client: Client) -> None:
        """Forget a connection that has ended."""
        client.on_drained = None
        self._clients.discard(client)

    def beat(self) -> None:
        """Tell every tablet that the box lives, and its time."""
        wire = self._beat()
        for client in self._clients:
            client.write(wire)

    def answer(self, client: Client, reply: object) -> None:
        """Send a reply to the one client that asked."""
        client.write(text_frame(self._encoder.encode(reply)))

    def _send_board(self, client: Client) -> None:
        self.boards_sent += 1
        client.write(self._encode(self._board()))

    def _hold(self, contact_id: str, wire: bytes) -> None:
        self._held.append((self._seq, contact_id, wire))
        if len(self._held) > HELD_FRAMES:
            self._held_after = self._held.popleft()[0]

    def _forget(self, contact_id: str) -> None:
        self._held = deque(held for held in self._held if held[1] != contact_id)

    def _encode(self, frame: object) -> bytes:
        return text_frame(self._stamped(self._encoder.encode(frame)))

    def _beat(self) -> bytes:
        return text_frame(self._stamped(b'{"kind":"beat"}'))

    def _stamped(self, body: bytes) -> bytes:
        """Put epoch, number and time in front of an encoded frame's own fields."""
        stamp = f'{{"epoch":"{self._epoch}","seq":{self._seq},"now_s":{self._now_s():.3f},'
        return stamp.encode() + body[1:]


def _contact_of(frame: object) -> str:
    """Return the contact a frame is about, or nothing."""
    contact = getattr(frame, "contact", None)
    return str(getattr(contact if contact is not None else frame, "contact_id", ""))
