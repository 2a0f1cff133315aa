"""The open socket of one tablet: bytes go to the transport in the call that shows them.

ASGI's `send` is a coroutine, so every frame would wait for a task of its own. A server's text
frame is the same for all clients (unmasked, uncompressed), so the hub encodes it once, header
included, and this class hands the bytes to the transport. A client that does not read fills the
transport's buffer up to `HIGH_WATER_BYTES`; from then on it is `behind` until the buffer drained.
"""

import os
from asyncio import AbstractEventLoop, BaseTransport
from collections.abc import Callable
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

# Unsent bytes after which a tablet counts as slow. A full board of 40 guests is about 100 kB.
HIGH_WATER_BYTES = 256 * 1024
# The largest message a tablet may send.
MAX_MESSAGE_BYTES = 16 * 1024

_FINAL_TEXT = 0x81  # RFC 6455, 5.2: FIN and opcode 1


def text_frame(payload: bytes) -> bytes:
    """Wrap UTF-8 bytes in the header of an unmasked, unfragmented text frame (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        header = bytes((_FINAL_TEXT, size))
    elif size < 65_536:
        header = bytes((_FINAL_TEXT, 126)) + size.to_bytes(2, "big")
    else:
        header = bytes((_FINAL_TEXT, 127)) + size.to_bytes(8, "big")
    return header + payload


class Wire(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, with a direct way out for frames that are encoded already.

    It is found in the ASGI scope under `state["wire"]`.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, {**app_state, "wire": self}, _loop)
        self.is_behind = False
        self.on_drained: Callable[[], None] | None = None
        self._socket: int | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Take the transport and bound what it may buffer."""
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=HIGH_WATER_BYTES)
        if self.transport.get_extra_info("ssl_object") is None:
            self._socket = self.transport.get_extra_info("socket").fileno()

    def write(self, frame: bytes) -> None:
        """Write an encoded frame now; a closing or slow connection gets nothing."""
        if self.handshake_complete and not (
            self.is_behind or self.close_sent or self.disconnected or self.transport.is_closing()
        ):
            sent = self._send_now(frame)
            if sent < len(frame):
                self.transport.write(frame[sent:])

    def _send_now(self, frame: bytes) -> int:
        """Return how many bytes the socket took at once.

        uvloop's transport writes when the loop's turn ends, after all that the frame's cause goes
        on to do. Bytes may overtake the transport only while it holds none back.
        """
        if self._socket is None or self.transport.get_write_buffer_size():
            return 0
        try:
            return os.write(self._socket, frame)
        except OSError:  # full or gone: the transport waits, or finds out by itself
            return 0

    def pause_writing(self) -> None:
        """Stop sending to a client whose buffer is full; it gets a fresh board later."""
        super().pause_writing()
        self.is_behind = True

    def resume_writing(self) -> None:
        """Go on with a client that has read what it had."""
        super().resume_writing()
        self.is_behind = False
        if self.on_drained is not None:
            self.on_drained()
