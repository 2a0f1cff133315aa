"""What the pages need from the rest of the box. The adapter renders; these decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from edge.adapters.http.messages import ClientMessage
from edge.core.catalog import Text
from edge.core.classes import MatrixRow, Policy
from edge.core.contributions import Share, Unexplained
from edge.core.notices import Notice, Purpose
from edge.core.off_policy import Conclusion
from edge.core.preview import Preview
from edge.core.proof import Proven
from edge.core.qr import Modules
from edge.core.readings import Reading
from edge.core.rules import Rule
from edge.core.statements import Outcome


@dataclass(frozen=True, slots=True)
class Ack:
    """The message took effect and is on disk."""

    id: str
    kind: str = "ack"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The message took no effect; `message` says why, to a developer."""

    id: str
    message: str
    kind: str = "error"


@dataclass(frozen=True, slots=True)
class Because:
    """What each source of data contributed to a card, for the one tablet that asked.

    Attributes:
        shares: The most telling first.
        adds_up: Whether leaving out one source at a time explains the whole, too.
        overlap: By how much it does not, as a share of the whole, 0 to 1.
        none: Why there are no figures.
    """

    id: str
    card_id: str
    shares: tuple[Share, ...] = ()
    adds_up: bool = True
    overlap: float = 0.0
    none: Unexplained | None = None
    kind: str = "because"


class Path(Protocol):
    """The way of a tablet's message into the box."""

    async def on_client_message(self, message: ClientMessage) -> Ack | Because | Refusal | None:
        """Take a message; the answer comes when its effect is durable. None: no answer due."""
        ...


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the pipeline moves, and what each part of it reports (no personal data)."""

    is_healthy: bool
    parts: Mapping[str, object]


class Operations(Protocol):
    """The figures of a running box."""

    def health(self) -> Health:
        """Tell whether messages get through."""
        ...

    def render_metrics(self) -> bytes:
        """Render all counters in the Prometheus text format."""
        ...


@dataclass(frozen=True, slots=True)
class Use:
    """A receipt of use: what the box used, and what the person got for it."""

    at_s: float
    used: Text
    got: Text


@dataclass(frozen=True, slots=True)
class AppPairing:
    """What an app needs to prove its owner: an address to open or to scan, or the same to type.

    Attributes:
        code: The address as a QR code, bool[n, n].
    """

    uri: str
    secret: str
    code: Modules


@dataclass(frozen=True, slots=True)
class Bought:
    """A line the person bought and kept.

    Attributes:
        receipt: Opaque; the same for lines of one receipt.
        name: Of the item, None where it is no longer sold.
        is_gift: It counts as bought for somebody else: by a guess, unless somebody said so.
    """

    receipt: str
    sku: str
    name: Text | None
    at_s: float
    is_gift: bool


class ConsentDesk(Protocol):
    """What a person may see and say about their own data, at the station or on the phone."""

    def notice(self) -> Notice:
        """Return the texts that are shown, and that a consent will name."""
        ...

    def person_of(self, member_id: str) -> str | None:
        """Return the pseudonym of a member, or None where nobody has that number."""
        ...

    def standing(self, person: str) -> frozenset[Purpose]:
        """Return what the person allows at this moment."""
        ...

    def needs_proof(self, purpose: Purpose) -> bool:
        """Tell whether allowing it takes a proof of identity; taking it back never does."""
        ...

    def prove(self, person: str, code: str) -> Proven | None:
        """Check the app's code or the code of the last receipt; None where it is wrong."""
        ...

    async def state(
        self, person: str, purpose: Purpose, is_given: bool, language: str, method: str
    ) -> Outcome:
        """Take the person's word; returns once it is on disk and counts."""
        ...

    def has_app(self, person: str) -> bool:
        """Tell whether an app is paired with the person."""
        ...

    async def pair_app(self, proven: Proven) -> AppPairing:
        """Pair an app; the one before proves nothing any more. On disk when it returns."""
        ...

    async def part_app(self, person: str) -> None:
        """Part the app; its codes prove nothing any more."""
        ...

    async def uses(self, proven: Proven) -> Sequence[Use]:
        """Return the person's receipts of use, newest first."""
        ...

    async def purchases(self, proven: Proven) -> Sequence[Bought]:
        """Return what the person bought, newest first; nothing without a consent to a profile."""
        ...

    async def correct_gift(
        self, proven: Proven, receipt: str, sku: str | None, is_gift: bool
    ) -> bool:
        """Take the person's word about a receipt or one sku on it; False where it is not theirs."""
        ...

    async def export(self, proven: Proven) -> bytes:
        """Return everything held about the person, as JSON."""
        ...

    async def erase(self, proven: Proven) -> str:
        """Forget the person for good; returns the token that proves it."""
        ...


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What the notice page tells everybody.

    Attributes:
        controller: Who answers for the data, and how to reach them.
        since_s: When this box began to read here.
        messages_out, bytes_out: What has left the building since then; counted, not estimated.
    """

    store: str
    controller: str
    readings: tuple[Reading, ...]
    since_s: float
    messages_out: int
    bytes_out: int


class Notices(Protocol):
    """The public facts about this box."""

    def notice(self) -> Notice:
        """Return the texts of all purposes."""
        ...

    def disclosure(self) -> Disclosure:
        """Return what the box reads, and what left the building."""
        ...


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule, how many goods it means here, and whether it holds today."""

    rule: Rule
    items: int
    is_in_force: bool


@dataclass(frozen=True, slots=True)
class MatrixLine:
    """A line of the action matrix, and how many goods it means here."""

    row: MatrixRow
    items: int


@dataclass(frozen=True, slots=True)
class ClassLine:
    """A line of the class table in force, and how many goods it means here.

    Attributes:
        target: `kind:NAME` or `class:ID`.
        policy: Without an author where it is a default that nobody changed.
    """

    target: str
    policy: Policy
    items: int


@dataclass(frozen=True, slots=True)
class RuleSheet:
    """The rules in force as the page shows them.

    Attributes:
        text: The rule file as it stands.
        notes: Contradictions and warnings, in sentences.
        matrix: The closest line first.
        classes: Kinds first, then the classes of their own.
        given: What the catalogue says goes with a class, where no rule says otherwise: targets.
        names: What people call the classes and items that any line names, by target.
    """

    version: str
    text: str
    lines: tuple[RuleLine, ...]
    notes: tuple[str, ...]
    matrix: tuple[MatrixLine, ...] = ()
    classes: tuple[ClassLine, ...] = ()
    given: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: Mapping[str, Text] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Draft:
    """What another rule file would mean.

    Attributes:
        problems: Line, key, expectation; with any of them the file cannot go live.
        preview: Against past decisions; None where the file has problems or none are kept.
        earned: What it would earn, by what came of their cards; None where none counts.
        names: What people call the items of the preview's examples.
    """

    problems: tuple[str, ...]
    notes: tuple[str, ...]
    preview: Preview | None
    names: Mapping[str, Text]
    earned: Conclusion | None = None


class RuleDesk(Protocol):
    """The rules of people: seen, tried on yesterday's visits, put in force."""

    def sheet(self) -> RuleSheet:
        """Return the rules in force."""
        ...

    async def try_out(self, text: str) -> Draft:
        """Read another file without putting it in force."""
        ...

    async def publish(self, text: str) -> Draft:
        """Put a file in force where it has no problems; it holds when this returns."""
        ...
