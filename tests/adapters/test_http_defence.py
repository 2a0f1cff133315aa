"""What stands before every page: hosts, origins, sizes, rates, headers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import websockets

from edge.adapters.http.defence import MAX_BODY_BYTES, Rate
from tests.http_box import HttpBox, http_box


@pytest.mark.parametrize(
    ("name", "headers", "status"),
    [
        ("the loopback name", {"Host": "localhost"}, 200),
        ("an IPv6 name with a port", {"Host": "[::1]:8080"}, 200),
        ("another name for our address (DNS rebinding)", {"Host": "evil.example"}, 421),
        ("no name at all", {"Host": ""}, 421),
        ("a name that ends like ours", {"Host": "evil-localhost"}, 421),
    ],
)
async def test_host(name: str, headers: dict[str, str], status: int) -> None:
    """Only the names of the box are answered."""
    async with http_box() as box:
        assert (await box.request("GET", "/tablet", headers))[0] == status, name


@pytest.mark.parametrize(
    ("name", "headers", "status"),
    [
        ("a program without an origin", {}, 404),
        ("our own page", {"Origin": "http://{host}"}, 404),
        ("another site", {"Origin": "http://evil.example"}, 403),
        ("another port of this machine", {"Origin": "http://127.0.0.1:1"}, 403),
        ("a sandboxed page", {"Origin": "null"}, 403),
        ("a browser that says cross-site", {"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_origin_of_a_post(name: str, headers: dict[str, str], status: int) -> None:
    """A POST from another site is refused; ours passes (and finds no such address here)."""
    async with http_box() as box:
        given = {key: value.format(host=box.host) for key, value in headers.items()}
        assert (await box.request("POST", "/nowhere", given, b"{}"))[0] == status, name


async def test_a_foreign_page_opens_no_socket() -> None:
    """The WebSocket handshake from another origin is refused before it is accepted."""
    async with http_box() as box:
        with pytest.raises(websockets.InvalidStatus) as refusal:
            await websockets.connect(box.socket_url, origin=websockets.Origin("http://evil.test"))
        assert refusal.value.response.status_code == 403
        assert box.hub.clients == 0


@pytest.mark.parametrize(
    ("name", "size", "status"),
    [("at the limit", MAX_BODY_BYTES, 404), ("one byte more", MAX_BODY_BYTES + 1, 413)],
)
async def test_body_size(name: str, size: int, status: int) -> None:
    """A body over the limit is refused by its announced length."""
    async with http_box() as box:
        assert (await box.request("POST", "/nowhere", {}, b"x" * size))[0] == status, name


async def test_a_body_without_length_is_counted() -> None:
    """A chunked body is refused once it passes the limit."""
    async with http_box() as box:
        chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
        head = f"POST /nowhere HTTP/1.1\r\nHost: {box.host}\r\nTransfer-Encoding: chunked\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", box.port)
        writer.write(head.encode() + chunk * 5)
        assert b" 413 " in await reader.readline()
        writer.close()


async def test_a_flood_is_turned_away() -> None:
    """Beyond the burst a caller gets 429 with a time to wait, and other reads go on."""
    async with http_box() as box:
        answers = [await box.request("POST", "/nowhere", {}, b"{}") for _ in range(70)]
        assert [status for status, *_ in answers].count(429) >= 8
        assert answers[-1][1]["retry-after"] == "5"
        assert (await box.request("GET", "/tablet"))[0] == 200


def test_rate_counts_each_caller_alone() -> None:
    """Burst 2, one token a second: worked by hand."""
    rate = Rate(burst=2, per_s=1)
    taken = [("a", 0.0), ("a", 0.0), ("a", 0.0), ("b", 0.0), ("a", 0.5), ("a", 1.5)]
    assert [rate.allows(*take) for take in taken] == [True, True, False, True, False, True]


def test_rate_remembers_a_bounded_number_of_callers() -> None:
    """Ten thousand addresses do not grow it beyond its bound."""
    rate = Rate(burst=1, per_s=0)
    for caller in range(10_000):
        rate.allows(str(caller), 0.0)
    assert len(rate._callers) == 1024


@pytest.mark.parametrize("path", ["/", "/tablet", "/web/style/base.css", "/healthz", "/nowhere"])
async def test_every_answer_carries_the_headers(path: str) -> None:
    """A strict policy, no sniffing, no framing; also on errors."""
    async with http_box() as box:
        _, headers, _ = await box.request("GET", path)
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert "server" not in headers


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
async def test_no_documentation_is_served(path: str) -> None:
    """The running box describes itself to nobody."""
    async with http_box() as box:
        assert (await box.request("GET", path))[0] == 404


@asynccontextmanager
async def _tablet(box: HttpBox) -> AsyncIterator[websockets.ClientConnection]:
    async with websockets.connect(box.socket_url) as tablet:
        await tablet.recv()
        yield tablet


async def test_a_tablet_that_floods_is_cut_off() -> None:
    """After its burst a tablet that goes on talking is closed with a policy code."""
    async with http_box() as box, _tablet(box) as tablet:
        for _ in range(400):
            with suppress(websockets.ConnectionClosed):
                await tablet.send('{"kind":"seen","card_ids":["c1"]}')
        await asyncio.wait_for(tablet.wait_closed(), 10)
        assert tablet.close_code == 1008
        assert len(box.path.heard) < 300


async def test_a_huge_message_closes_the_socket() -> None:
    """A message over 16 KiB ends the connection, not the box."""
    async with http_box() as box:
        async with _tablet(box) as tablet:
            await tablet.send("x" * 20_000)
            with pytest.raises(websockets.ConnectionClosedError) as closed:
                await tablet.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1009
        assert (await box.request("GET", "/tablet"))[0] == 200
