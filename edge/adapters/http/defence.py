"""What stands before every page: allowed hosts and origins, sizes, rates, and headers.

Until sign-in exists the box trusts whoever reaches its loopback address, so a foreign page in a
browser on the same machine must not: the Host header is checked against the names of the box (DNS
rebinding), and a request that changes something, or opens a socket, must come from our own origin.
A browser always names the origin of such a request; what names none is no page.
"""

import time
from collections import OrderedDict
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 64 * 1024
# Requests in one burst, and per second after it. A page is about 20 requests plus its pictures.
READS = (1000.0, 200.0)
WRITES = (60.0, 2.0)
# Addresses remembered for rates; the longest unseen is forgotten first.
_MAX_CALLERS = 1024

# No inline script or style, nothing from elsewhere, no frame around us.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'"
)
# A chain's pictures are drawings that style themselves; as documents they may do nothing.
PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
_SAFE_METHODS = frozenset({"GET", "HEAD"})


class Rate:
    """A token bucket per caller, bounded in the number of callers it remembers."""

    def __init__(self, burst: float, per_s: float) -> None:
        self._burst = burst
        self._per_s = per_s
        self._callers: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, caller: str, now_s: float) -> bool:
        """Take one token of a caller; False where none is left."""
        tokens, then_s = self._callers.pop(caller, (self._burst, now_s))
        tokens = min(self._burst, tokens + (now_s - then_s) * self._per_s)
        is_allowed = tokens >= 1
        self._callers[caller] = (tokens - 1 if is_allowed else tokens, now_s)
        if len(self._callers) > _MAX_CALLERS:
            self._callers.popitem(last=False)
        return is_allowed


class Defence:
    """ASGI middleware: refuses before the application sees anything, marks every answer.

    Args:
        app: What lies behind.
        hosts: Names (without port) under which this box may be addressed.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts
        self._reads = Rate(*READS)
        self._writes = Rate(*WRITES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through or answer it here."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        marked = _marking(send)
        status = self._refusal(scope)
        if status is None and scope["type"] == "http":
            receive, status = await _bounded(scope, receive)
        if status is None:
            await self._app(scope, receive, marked)
        else:
            await _refuse(scope, marked, status)

    def _refusal(self, scope: Scope) -> int | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if _name(host) not in self._hosts:
            return 421
        is_write = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
        origin = headers.get("origin")
        if is_write and origin is not None and origin.partition("://")[2] != host:
            return 403
        if is_write and headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return 403
        caller = scope["client"][0] if scope.get("client") else ""
        rate = self._writes if is_write else self._reads
        return None if rate.allows(caller, time.monotonic()) else 429


def _name(host: str) -> str:
    """Return a Host header without its port; brackets of an IPv6 address stay."""
    return host[: host.rfind("]") + 1] if host.startswith("[") else host.partition(":")[0]


async def _bounded(scope: Scope, receive: Receive) -> tuple[Receive, int | None]:
    """Read a request's body up to the limit; return a receiver that replays it, or a status."""
    if scope["method"] in _SAFE_METHODS:
        return receive, None
    length = Headers(scope=scope).get("content-length", "0")
    if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
        return receive, 413
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return receive, 400
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            return receive, 413
        if not message.get("more_body", False):
            return _replay(bytes(body), receive), None


def _replay(body: bytes, receive: Receive) -> Receive:
    is_given = False

    async def replay() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _marking(send: Send) -> Send:
    """Add the security headers to whatever answer goes out."""

    async def marked(message: Message) -> None:
        if message["type"] in {"http.response.start", "websocket.http.response.start"}:
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Content-Security-Policy", PAGE_POLICY)
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return marked


_REASONS = {
    400: "The request ended before its body did.",
    403: "This request comes from another site; open the page from the box itself.",
    413: f"The body is larger than {MAX_BODY_BYTES} bytes.",
    421: "This box is not known under that name; add it to the allowed hosts.",
    429: "Too many requests; wait a few seconds.",
}


async def _refuse(scope: Scope, send: Send, status: int) -> None:
    body = (_REASONS[status] + "\n").encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    headers.append((b"content-length", str(len(body)).encode()))
    if status == 429:
        headers.append((b"retry-after", b"5"))
    kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    await send({"type": f"{kind}.start", "status": status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})
