"""What tablets say: acknowledged when it is durable, refused when it is nothing we know."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest
import websockets
from hypothesis import given
from hypothesis import strategies as st

from edge.adapters.http import messages
from edge.core.errors import MessageError, UnavailableError
from tests.http_box import HttpBox, http_box

REACTION: dict[str, Any] = {
    "kind": "reaction",
    "id": "r-1",
    "contact_id": "c1",
    "card_id": "k1",
    "action": "shown",
    "at_s": 1_770_000_000.5,
}


async def say(box: HttpBox, *spoken: dict[str, Any] | str) -> list[dict[str, Any]]:
    """Send messages as one tablet; return as many answers as came for those that ask for one."""
    async with websockets.connect(box.socket_url) as tablet:
        await tablet.recv()
        for message in spoken:
            await tablet.send(message if isinstance(message, str) else json.dumps(message))
        return [json.loads(await asyncio.wait_for(tablet.recv(), 5)) for _ in spoken]


async def test_a_reaction_is_heard_and_acknowledged() -> None:
    """The path gets the typed message, the tablet its acknowledgement."""
    async with http_box() as box:
        assert await say(box, REACTION) == [{"id": "r-1", "kind": "ack"}]
        (heard,) = box.path.heard
    assert heard == messages.Reaction("r-1", "c1", "k1", "shown", 1_770_000_000.5)


async def test_a_refusal_names_the_message() -> None:
    """The tablet learns which of its messages took no effect."""
    async with http_box() as box:
        box.path.is_refusing = True
        assert await say(box, REACTION) == [{"id": "r-1", "message": "not now", "kind": "error"}]


async def test_effects_become_durable_side_by_side() -> None:
    """A second tap is taken while the first waits for the disk; order of taking is kept."""
    async with http_box() as box:
        written = asyncio.Event()
        taken: list[str] = []

        async def slow(message: messages.ClientMessage) -> None:
            assert isinstance(message, messages.Reaction)
            taken.append(message.id)
            if len(taken) == 2:
                written.set()
            await written.wait()

        box.path.effect = slow
        answers = await say(box, REACTION, {**REACTION, "id": "r-2"})
    assert taken == ["r-1", "r-2"]
    assert {answer["id"] for answer in answers} == {"r-1", "r-2"}


async def test_an_unavailable_disk_is_an_answer() -> None:
    """Where the log cannot take it, the tap is refused and the connection stays."""
    async with http_box() as box:

        async def full(_: messages.ClientMessage) -> None:
            raise UnavailableError("the log is full")

        box.path.effect = full
        answers = await say(box, REACTION, {**REACTION, "id": "r-2"})
    assert [answer["message"] for answer in answers] == ["the log is full"] * 2


async def test_a_tap_survives_the_tablet_that_made_it() -> None:
    """A connection that ends while the effect is being written does not undo the effect."""
    async with http_box() as box:
        go_on, done = asyncio.Event(), asyncio.Event()

        async def slow(_: messages.ClientMessage) -> None:
            await go_on.wait()
            done.set()

        box.path.effect = slow
        tablet = await websockets.connect(box.socket_url)
        await tablet.recv()
        await tablet.send(json.dumps(REACTION))
        await tablet.close()
        go_on.set()
        await asyncio.wait_for(done.wait(), 5)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("no JSON", "hello"),
        ("nothing", ""),
        ("a list", "[]"),
        ("an unknown kind", '{"kind":"erase_all"}'),
        ("a missing field", json.dumps({k: v for k, v in REACTION.items() if k != "card_id"})),
        ("an extra field", json.dumps({**REACTION, "is_admin": True})),
        ("an unknown action", json.dumps({**REACTION, "action": "buy"})),
        ("an id with markup", json.dumps({**REACTION, "id": "<script>"})),
        ("an id too long", json.dumps({**REACTION, "id": "x" * 65})),
        ("a time before all time", json.dumps({**REACTION, "at_s": -1})),
        ("too many cards", json.dumps({"kind": "seen", "card_ids": ["k"] * 65})),
        ("a question without a card", '{"kind":"why","id":"w","contact_id":"c"}'),
        ("deep nesting", "[" * 5_000),
    ],
)
async def test_bad_messages(name: str, text: str) -> None:
    """Each is answered with an error, none reaches the path, and the connection goes on."""
    async with http_box() as box:
        refused, acknowledged = await say(box, text, REACTION)
        assert refused["kind"] == "error", name
        assert refused["message"].startswith("bad_tablet_message"), name
        assert acknowledged == {"id": "r-1", "kind": "ack"}
        assert len(box.path.heard) == 1


@given(
    st.binary(max_size=300)
    | st.binary(max_size=20).map(lambda inner: b'{"kind":"' + inner + b'","id":"a"}')
)
def test_arbitrary_bytes_raise_only_message_errors(data: bytes) -> None:
    """Whatever a tablet sends, decoding ends with a message or a MessageError."""
    with suppress(MessageError):
        messages.decode(data)


@pytest.mark.parametrize("query", ["?seq=-1", "?seq=x", f"?epoch={'e' * 65}"])
async def test_bad_resume_is_refused(query: str) -> None:
    """A malformed resume never reaches the hub."""
    async with http_box() as box:
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(box.socket_url + query)
        assert box.hub.clients == 0
