"""The pages of a box on a free loopback port, with the real hub and server, for tests."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from edge.adapters.http.app import create_app
from edge.adapters.http.hub import Hub
from edge.adapters.http.messages import ClientMessage, Reaction, Serving, Why
from edge.adapters.http.ports import (
    Ack,
    AppPairing,
    Because,
    Bought,
    ClassLine,
    Disclosure,
    Draft,
    Health,
    MatrixLine,
    Refusal,
    RuleLine,
    RuleSheet,
    Use,
)
from edge.adapters.http.server import serve
from edge.core.board import Board, Contact, StoreSign
from edge.core.catalog import Text
from edge.core.classes import Action, MatrixRow, Policy
from edge.core.contributions import Unexplained
from edge.core.errors import UnavailableError
from edge.core.notices import NOTICES, Notice, Purpose
from edge.core.off_policy import Conclusion, Estimate, Verdict
from edge.core.preview import Change, Preview
from edge.core.proof import AppKey, Proven, Prover
from edge.core.qr import qr_code
from edge.core.readings import Input, readings
from edge.core.rules import Rule, RuleKind
from edge.core.statements import Outcome

NOW_S = 1_770_000_000.0


@dataclass
class Listening:
    """The port that takes what tablets say; it acknowledges unless told otherwise.

    `effect` is awaited before the answer: a disk that is slow, full or waiting. `because` is what
    it says of a card.
    """

    heard: list[ClientMessage] = field(default_factory=list)
    is_refusing: bool = False
    effect: Callable[[ClientMessage], Awaitable[None]] | None = None
    because: dict[str, Because] = field(default_factory=dict)

    async def on_client_message(self, message: ClientMessage) -> Ack | Because | Refusal | None:
        """Note a message and answer it."""
        self.heard.append(message)
        if self.effect is not None:
            await self.effect(message)
        if isinstance(message, Why):
            unknown = Because("", message.card_id, none=Unexplained.GONE)
            return replace(self.because.get(message.card_id, unknown), id=message.id)
        if not isinstance(message, Reaction | Serving):
            return None
        return Refusal(message.id, "not now") if self.is_refusing else Ack(message.id)


@dataclass
class Figures:
    """Health and counters that a test sets."""

    health_now: Health = field(default_factory=lambda: Health(True, {"broker": "connected"}))

    def health(self) -> Health:
        """Return what the test set."""
        return self.health_now

    def render_metrics(self) -> bytes:
        """Return one counter."""
        return b"# TYPE stammgast_messages_total counter\nstammgast_messages_total 3\n"


@dataclass
class Members:
    """Members in memory: `M 1` exists, its codes are `12345678` and `R-9`."""

    given: set[Purpose] = field(default_factory=set)
    said: list[tuple[Purpose, bool, str, str]] = field(default_factory=list)
    disk: asyncio.Event = field(default_factory=asyncio.Event)
    is_full: bool = False
    erased: list[str] = field(default_factory=list)
    corrected: list[tuple[str, str | None, bool]] = field(default_factory=list)
    is_paired: bool = False
    left: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        self.disk.set()
        self._prover = Prover(lambda _: None, lambda _, receipt: receipt == "R-9")

    def notice(self) -> Notice:
        """Return the notice in force."""
        return NOTICES[-1]

    def disclosure(self) -> Disclosure:
        """Return a store without a camera."""
        used = frozenset(Input) - {Input.CAMERA}
        return Disclosure("Kaufhaus Lindenhof", "Lindenhof GmbH", readings(used), NOW_S, *self.left)

    def person_of(self, member_id: str) -> str | None:
        """Know one member."""
        return "p1" if member_id == "M1" else None

    def standing(self, person: str) -> frozenset[Purpose]:
        """Return what was given."""
        assert person == "p1"
        return frozenset(self.given)

    def needs_proof(self, purpose: Purpose) -> bool:
        """Ask for proof where history is opened."""
        return purpose is Purpose.PROFILE

    def prove(self, person: str, code: str) -> Proven | None:
        """Let the real prover decide."""
        return self._prover.by_receipt(person, code, NOW_S)

    async def state(
        self, person: str, purpose: Purpose, is_given: bool, language: str, method: str
    ) -> Outcome:
        """Take a word once the disk is there."""
        assert person == "p1"
        if self.is_full:
            raise UnavailableError("the disk is full")
        await self.disk.wait()
        (self.given.add if is_given else self.given.discard)(purpose)
        self.said.append((purpose, is_given, language, method))
        return Outcome.GIVEN if is_given else Outcome.WITHDRAWN

    def has_app(self, person: str) -> bool:
        """Tell what the test set, or a pairing made."""
        assert person == "p1"
        return self.is_paired

    async def pair_app(self, proven: Proven) -> AppPairing:
        """Hand out a key that is always the same."""
        proven.require(NOW_S, "p1")
        self.is_paired = True
        key = AppKey(bytes(range(32)))
        uri = key.uri("Kaufhaus Lindenhof")
        return AppPairing(uri, key.base32, qr_code(uri))

    async def part_app(self, person: str) -> None:
        """Part it."""
        assert person == "p1"
        self.is_paired = False

    async def uses(self, proven: Proven) -> Sequence[Use]:
        """Return one receipt of use."""
        proven.require(NOW_S, "p1")
        used = Text("Ihre Größe", "your size")
        return (Use(NOW_S, used, Text("einen passenden Schal", "a matching scarf")),)

    async def purchases(self, proven: Proven) -> tuple[Bought, ...]:
        """Return two lines of one receipt."""
        proven.require(NOW_S, "p1")
        name = Text("Schal", "Scarf")
        return (
            Bought("00000000000000aa", "scarf-1", name, NOW_S, True),
            Bought("00000000000000aa", "gone-1", None, NOW_S, False),
        )

    async def correct_gift(
        self, proven: Proven, receipt: str, sku: str | None, is_gift: bool
    ) -> bool:
        """Take a word about the one receipt there is."""
        proven.require(NOW_S, "p1")
        self.corrected.append((receipt, sku, is_gift))
        return receipt == "00000000000000aa"

    async def export(self, proven: Proven) -> bytes:
        """Return a small document."""
        proven.require(NOW_S, "p1")
        return b'{"schema":"stammgast.export.v1"}'

    async def erase(self, proven: Proven) -> str:
        """Forget."""
        proven.require(NOW_S, "p1")
        self.erased.append(proven.person)
        return "token-of-erasure"


TIE = Rule(
    rule_id="shirt-tie",
    kind=RuleKind.COMPLEMENT,
    targets=("class:shirt",),
    author="M. Weber",
    reason="Zum Hemd gehört die Krawatte, kein Anzug.",
    day=date(2026, 1, 12).toordinal(),
    to=("class:cufflinks", "class:tie"),
    never=("class:suit",),
)
NO_SCENT = Rule(
    rule_id="no-scent",
    kind=RuleKind.BAN,
    targets=("category:perfume",),
    author="A. Kaya",
    reason="Umbau in der Parfümerie.",
    day=date(2026, 2, 1).toordinal(),
    is_verified=True,
    to_day=date(2026, 2, 14).toordinal(),
)


BY_WEBER = ("M. Weber", "Sie wachsen schnell heraus.", date(2026, 1, 12).toordinal())
MATRIX = (
    MatrixLine(MatrixRow("class:shirt", "kids", Action.REPEAT, *BY_WEBER), 40),
    MatrixLine(MatrixRow("department:home", "*", Action.SILENCE, "A. Kaya"), 300),
)
CLASSES = (
    ClassLine("kind:durable", Policy(1_095.0, Action.CARE | Action.COMPLEMENT), 500),
    ClassLine("class:shirt", Policy(28.0, Action.REPEAT, 0.7, *BY_WEBER), 1),
)
GIVEN = {"class:laptop": ("class:bag", "class:unknown")}
NAMES = {
    f"class:{name}": Text(de, en)
    for name, de, en in (
        ("shirt", "Hemd", "Shirt"),
        ("cufflinks", "Manschettenknöpfe", "Cufflinks"),
        ("tie", "Krawatte", "Tie"),
        ("suit", "Anzug", "Suit"),
        ("laptop", "Laptop", "Laptop"),
        ("bag", "Tasche", "Bag"),
    )
}


@dataclass
class House:
    """Rules in memory: a file is good unless it says `broken`; a trial changes one of two."""

    text: str = "# rules of the house"
    rules: tuple[Rule, ...] = (TIE, NO_SCENT)
    notes: tuple[str, ...] = ()

    def sheet(self) -> RuleSheet:
        """Return two rules, the second resting."""
        lines = tuple(RuleLine(rule, 40, rule is TIE) for rule in self.rules)
        return RuleSheet("3", self.text, lines, self.notes, MATRIX, CLASSES, GIVEN, NAMES)

    async def try_out(self, text: str) -> Draft:
        """Find a problem, or look back."""
        if "broken" in text:
            return Draft(
                ("rules.toml, line 3, value: 'x' was found, a number expected",), (), None, {}
            )
        change = Change("d1", NOW_S, ("scarf-03",), ("gloves-01",))
        names = {"scarf-03": Text("Kaschmirschal", "Cashmere scarf")}
        guess = Estimate(0.021, -0.1, 0.142)
        earned = Conclusion(
            Verdict.TOO_LITTLE, guess, {"dr": guess}, guess, 80.0, 120, "Too little"
        )
        return Draft((), self.notes, Preview(2, 1, 2, 2, 2, 0, (change,), 1), names, earned)

    async def publish(self, text: str) -> Draft:
        """Keep a good file."""
        draft = await self.try_out(text)
        if not draft.problems:
            self.text = text
        return draft


@dataclass
class HttpBox:
    """A running server and everything a test wants to look at."""

    port: int
    hub: Hub
    board: Board
    path: Listening
    figures: Figures
    members: Members
    house: House

    @property
    def host(self) -> str:
        """Name and port as a browser writes them."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Address of the first page."""
        return f"http://{self.host}/tablet"

    @property
    def socket_url(self) -> str:
        """Address of a tablet's socket."""
        return f"ws://{self.host}/ws/tablet"

    def put(self, contact: Contact) -> None:
        """Add or change a contact and show it, as the path does."""
        if (frame := self.board.put(contact)) is not None:
            self.hub.show(frame)

    async def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one plain HTTP/1.1 request; return status, headers and body."""
        given = {"Host": self.host, "Connection": "close", **(headers or {})}
        if body:
            given["Content-Length"] = str(len(body))
        head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        answer = await reader.read()
        writer.close()
        top, _, content = answer.partition(b"\r\n\r\n")
        first, *lines = top.decode("latin-1").split("\r\n")
        fields = (line.partition(": ") for line in lines)
        return int(first.split()[1]), {n.lower(): v for n, _, v in fields}, content


# Drawings of the goods that the tests show.
PICTURES = Path(__file__).parent / "browser" / "pictures"

_epochs = itertools.count()


@asynccontextmanager
async def http_box(pictures: Path | None = PICTURES, port: int = 0) -> AsyncIterator[HttpBox]:
    """Serve in the running loop until the block ends."""
    board = Board(StoreSign("Kaufhaus Lindenhof"))
    hub = Hub(board.frame, lambda: NOW_S, f"test-{next(_epochs)}")
    path, figures, members, house = Listening(), Figures(), Members(), House()
    app = create_app(
        hub=hub,
        path=path,
        operations=figures,
        pictures=pictures,
        desk=members,
        notices=members,
        rules=house,
    )
    opened: list[str] = []
    is_open = asyncio.Event()

    def ready(address: str) -> None:
        opened.append(address)
        is_open.set()

    serving = asyncio.create_task(serve(app, hub, "127.0.0.1", port, ready))
    serving.add_done_callback(lambda _: is_open.set())
    try:
        await is_open.wait()
        if serving.done():
            serving.result()
        port_opened = int(opened[0].rstrip("/").rpartition(":")[2])
        yield HttpBox(port_opened, hub, board, path, figures, members, house)
    finally:
        serving.cancel()
        await asyncio.wait({serving})
