"""Runs the application inside the box's own loop, and ends it without losing an answer."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from edge.adapters.http.hub import Hub
from edge.adapters.http.wire import MAX_MESSAGE_BYTES, Wire
from edge.core.errors import UnavailableError

# Tablets hear from the box at least this often; they count as offline after two and a half beats.
BEAT_S = 4.0
# Longest wait for open requests when the box stops.
_GRACE_S = 3


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the box: it stops all its parts in order."""
        yield


async def serve(
    app: ASGIApp,
    hub: Hub,
    host: str,
    port: int,
    on_ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve until cancelled; then close the sockets of tablets, finish requests, and return.

    Args:
        app: What `create_app` built.
        hub: Its hub, which gets a heartbeat.
        host: Address to listen on.
        port: 0 takes a free one.
        on_ready: Gets the address for browsers once the port is open.

    Raises:
        UnavailableError: The port cannot be had.
    """
    listener = _listen(host, port)
    server = _Server(_config(app))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    beating = asyncio.create_task(_beat(hub))
    name = f"[{host}]" if ":" in host else host
    on_ready(f"http://{name}:{listener.getsockname()[1]}/")
    try:
        await asyncio.shield(serving)
    finally:
        beating.cancel()
        server.should_exit = True
        await serving
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Accepted connections inherit it: a frame never waits for the acknowledgement of another.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        reason = f"cannot listen on {host}:{port}: {error.strerror}; choose another http.port"
        raise UnavailableError(reason) from error
    listener.setblocking(False)
    return listener


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="httptools",
        ws=Wire,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        ws_ping_interval=10.0,
        ws_ping_timeout=10.0,
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=512,
        timeout_graceful_shutdown=_GRACE_S,
    )


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return the fastest loop there is: uvloop, or asyncio's own where it does not run."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def _beat(hub: Hub) -> None:
    while True:
        await asyncio.sleep(BEAT_S)
        hub.beat()
