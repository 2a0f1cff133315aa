"""Everything that is written down: one value per kind of fact, with the person as pseudonym.

A record says what happened, not where it is kept. Those of `Telemetry` may be lost in a power cut;
every other one is on disk before anybody is told so.
"""

from dataclasses import dataclass

from edge.core.consent import Statement
from edge.core.events import EventKey
from edge.core.sales import Return, Sale, Void


@dataclass(frozen=True, slots=True)
class EventSeen:
    """A message was taken; another with the same key changes nothing."""

    key: EventKey
    at_s: float


@dataclass(frozen=True, slots=True)
class SaleRecorded:
    """A sale; `person` only with a present consent for `profile`."""

    sale: Sale
    person: str | None = None


@dataclass(frozen=True, slots=True)
class VoidRecorded:
    """A void, before or after its sale."""

    void: Void


@dataclass(frozen=True, slots=True)
class ReturnRecorded:
    """A return; `person` only with a present consent for `profile`."""

    goods: Return
    person: str | None = None


@dataclass(frozen=True, slots=True)
class ConsentChanged:
    """A person's word about a purpose: it goes into the chained ledger whatever it changed."""

    statement: Statement


@dataclass(frozen=True, slots=True)
class AppCodeUsed:
    """The code of a time step proved who somebody is; it never does so again."""

    person: str
    step: int


@dataclass(frozen=True, slots=True)
class CheckedIn:
    """A member said: I am here; `person` only with a present consent for `recognise`.

    `zone` only with one for `location`, too.
    """

    place: str
    zone: str | None
    at_s: float
    person: str | None = None


@dataclass(frozen=True, slots=True)
class VisitStarted:
    """Somebody came; whose visit it is, is not written."""

    visit_id: str
    at_s: float
    is_recognised: bool = False


@dataclass(frozen=True, slots=True)
class ZoneEntered:
    """A visit moved to another zone: transitions only, never the track."""

    visit_id: str
    zone: str
    at_s: float


@dataclass(frozen=True, slots=True)
class VisitEnded:
    """A visit ended; `reason` as the state machine names it."""

    visit_id: str
    at_s: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DecisionMade:
    """A decision with its whole trace; `body` is its fixed serialisation."""

    decision_id: str
    visit_id: str
    at_s: float
    surface: str
    body: bytes
    person: str | None = None


@dataclass(frozen=True, slots=True)
class CardShown:
    """A card stood on a screen."""

    card_id: str
    decision_id: str
    visit_id: str
    item_id: str
    at_s: float
    person: str | None = None


@dataclass(frozen=True, slots=True)
class CardReacted:
    """Somebody answered a card: `shown`, `reserve`, `not_now`, `wrong` or `gift`.

    Attributes:
        item_id: What was on it; a wave of the hand counts against it for a while.
    """

    card_id: str
    decision_id: str
    visit_id: str
    action: str
    at_s: float
    person: str | None = None
    reaction_id: str = ""
    item_id: str = ""


@dataclass(frozen=True, slots=True)
class CardRecalled:
    """A card left every screen because its basis changed."""

    card_id: str
    decision_id: str
    visit_id: str
    reason: str
    at_s: float
    person: str | None = None


@dataclass(frozen=True, slots=True)
class Vetoed:
    """An item is not to be shown to the person until `until_s`."""

    person: str
    item_id: str
    until_s: float
    at_s: float


@dataclass(frozen=True, slots=True)
class GiftCorrected:
    """Staff or the customer said whether a basket, or one sku of it, was a gift.

    Attributes:
        receipt: As in `Purchase.receipt_id`: opaque.
        sku: None: the whole basket.
    """

    person: str
    receipt: str
    is_gift: bool
    at_s: float
    sku: str | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """A card taught the box something, or had an offer on it that a person saw or took.

    Attributes:
        outcome: A `learning.Kind`; probability, propensity: as in `Lesson`.
        offer_id: The promotion on the card, None where none.
        is_lesson: The learner counted it; an offer is known all the same.
    """

    card_id: str
    outcome: str
    item_id: str
    probability: float
    propensity: float
    at_s: float
    person: str | None = None
    offer_id: str | None = None
    is_lesson: bool = True


@dataclass(frozen=True, slots=True)
class Exposed:
    """A unit was assigned to an arm, written at assignment."""

    experiment: str
    arm: str
    visit_id: str
    at_s: float
    person: str | None = None


@dataclass(frozen=True, slots=True)
class CapCounted:
    """A cap's counter moved.

    Attributes:
        body: The count as `caps` writes it; opaque here.
        expires_s: When no window can count it any longer.
    """

    body: bytes
    at_s: float
    expires_s: float
    person: str | None = None


@dataclass(frozen=True, slots=True)
class CapsFolded:
    """How often a person was shown what, first and last: of impressions deleted for their age.

    Attributes:
        body: The rows as `caps` counts them; opaque here. One record a person, replaced nightly.
    """

    body: bytes
    at_s: float
    person: str | None = None


@dataclass(frozen=True, slots=True)
class Merged:
    """Two pseudonyms are one person."""

    kept: str
    absorbed: str
    at_s: float


@dataclass(frozen=True, slots=True)
class Parted:
    """They are two again."""

    kept: str
    absorbed: str
    at_s: float


Telemetry = VisitStarted | ZoneEntered | VisitEnded
Personal = (
    CardShown
    | CardReacted
    | CardRecalled
    | Vetoed
    | GiftCorrected
    | Learned
    | Exposed
    | CapCounted
    | CapsFolded
    | CheckedIn
)
Record = (
    EventSeen
    | SaleRecorded
    | VoidRecorded
    | ReturnRecorded
    | ConsentChanged
    | AppCodeUsed
    | DecisionMade
    | Merged
    | Parted
    | Personal
    | Telemetry
)
