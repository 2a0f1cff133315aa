"""Frequency rules as people write them: what is counted, by what, and in which window.

Values only. `caps` holds the counters and asks them. A rule names its window, so that a rolling
week and a calendar week cannot be mixed up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Dimension(StrEnum):
    """What a cap counts by; a rule without any counts for the whole store."""

    PERSON = "person"
    HOUSEHOLD = "household"
    VISIT = "visit"
    ITEM = "item"
    OFFER = "offer"
    CLASS = "class"
    CAMPAIGN = "campaign"
    PLACEMENT = "placement"
    SURFACE = "surface"


OF_GOODS = frozenset({Dimension.ITEM, Dimension.OFFER, Dimension.CLASS, Dimension.CAMPAIGN})
"""Dimensions on which the candidates of a decision differ."""
OF_MOMENT = frozenset(
    {Dimension.HOUSEHOLD, Dimension.VISIT, Dimension.SURFACE, Dimension.PLACEMENT}
)
"""Dimensions on which all candidates of a decision have the same value, beside the person."""


class Message(StrEnum):
    """The kinds of messages (A24, B06); only the first is a promotion."""

    OFFER = "offer"
    AVAILABILITY = "availability"
    ORDER_STATUS = "order_status"
    CARE = "care"
    RECOGNITION = "recognition"


class Calendar(StrEnum):
    """Calendar windows in the store's own time."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Rolling:
    """The last so many seconds, up to now."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Fixed:
    """Blocks of `n` calendar days, Monday-started weeks or months; the count starts anew."""

    unit: Calendar
    n: int = 1


@dataclass(frozen=True, slots=True)
class ThisVisit:
    """From entering to leaving."""


@dataclass(frozen=True, slots=True)
class Ever:
    """From the first impression on: what is folded counts too."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Impressions since the last reaction; at the limit the key rests, then counts anew."""

    rest_s: float


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Not a count: closed from `seconds` after the first impression on (A09, duration)."""

    seconds: float


Window = Rolling | Fixed | ThisVisit | Ever | Unanswered | Lifetime
REMEMBERED_S = 90 * 86_400.0
"""How long each impression is kept by itself: no window that moves can count further back. What is
older is folded (`cap_counting.folded`) for the windows without an end."""
NOBODY = "visit:"
"""Begins the key of a visit that nobody is known on."""
Values = tuple[tuple[Dimension, str], ...]
PROMOTIONS = frozenset({Message.OFFER})
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class CapRule:
    """At most `limit` impressions per key and window.

    Attributes:
        per: Dimensions that make the key; empty: one counter for the store.
        only: The rule looks at impressions and candidates with these values alone.
        messages: Kinds counted and capped.
        stock_factor: Limit as a multiple of the offer's units in stock, instead of `limit`.
        is_pull_exempt: An explicit request passes, but is counted.
        key: `per` in the order of `Dimension`; of these, here: what the moment decides, goods:
            what the candidate decides.
    """

    cap_id: str
    limit: int
    window: Window
    per: frozenset[Dimension] = frozenset({Dimension.PERSON})
    only: Mapping[Dimension, str] = field(default_factory=dict)
    messages: frozenset[Message] = PROMOTIONS
    stock_factor: float | None = None
    is_pull_exempt: bool = True
    key: tuple[Dimension, ...] = field(init=False, repr=False, compare=False)
    here: tuple[Dimension, ...] = field(init=False, repr=False, compare=False)
    goods: tuple[Dimension, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", tuple(d for d in Dimension if d in self.per))
        object.__setattr__(self, "here", tuple(d for d in self.key if d in OF_MOMENT))
        object.__setattr__(self, "goods", tuple(d for d in self.key if d in OF_GOODS))

    @property
    def is_personal(self) -> bool:
        """Whether the key holds the person or the visit."""
        return bool(self.per & {Dimension.PERSON, Dimension.VISIT})

    @property
    def is_endless(self) -> bool:
        """Whether impressions never grow too old to count."""
        return isinstance(self.window, Ever | Lifetime)


# Proposals of the decisioning table; a chain edits them in its rules file.
DEFAULT_CAPS: tuple[CapRule, ...] = (
    CapRule("cards-per-visit", 3, ThisVisit(), frozenset({Dimension.VISIT})),
    CapRule("promotions-per-7-days", 5, Rolling(7 * DAY_S)),
    CapRule(
        "offer-without-reaction",
        3,
        Unanswered(30 * DAY_S),
        frozenset({Dimension.PERSON, Dimension.OFFER}),
    ),
    CapRule(
        "campaign-28-days",
        1,
        Lifetime(28 * DAY_S),
        frozenset({Dimension.PERSON, Dimension.CAMPAIGN}),
    ),
    CapRule(
        "service-per-item",
        2,
        Rolling(90 * DAY_S),
        frozenset({Dimension.PERSON, Dimension.ITEM}),
        messages=frozenset({Message.CARE, Message.AVAILABILITY}),
    ),
)


@dataclass(frozen=True, slots=True)
class Impression:
    """One card before one pair of eyes, with the names of that moment.

    Attributes:
        who: Pseudonym, or `visit:…` where nobody is known.
        household: Opaque, the same for everybody the chain counts to one; None where not known.
        day: Store-local day ordinal of the impression.
        units: Impressions reserved at once (a lease) or folded into one, otherwise 1.
        is_answered: Somebody has reacted to it.
        first_s: When the first of several was that this one stands for; then `at_s` and `day` are
            those of the last, and no visit is known any more. None for a single impression.
    """

    card_id: str
    who: str
    visit_id: str
    at_s: float
    day: int
    surface: str
    placement: str
    item: str
    item_class: str
    offer: str | None = None
    campaign: str | None = None
    message: Message = Message.OFFER
    is_pull: bool = False
    units: int = 1
    household: str | None = None
    is_answered: bool = False
    first_s: float | None = None

    @property
    def is_of_nobody(self) -> bool:
        """Tell whether nobody is known who saw it."""
        return self.who.startswith(NOBODY)

    @property
    def began_s(self) -> float:
        """Return when the first of it was, UTC seconds."""
        return self.at_s if self.first_s is None else self.first_s

    def value(self, dimension: Dimension) -> str | None:
        """Return this impression's value on a dimension."""
        found: str | None = getattr(self, _ON[dimension])
        return found

    def values(self, dimensions: Sequence[Dimension]) -> Values | None:
        """Return the values on several dimensions, None where one of them has none."""
        found = tuple([(d, v) for d in dimensions if (v := getattr(self, _ON[d])) is not None])
        return found if len(found) == len(dimensions) else None


_ON: Mapping[Dimension, str] = {
    Dimension.PERSON: "who",
    Dimension.HOUSEHOLD: "household",
    Dimension.VISIT: "visit_id",
    Dimension.ITEM: "item",
    Dimension.OFFER: "offer",
    Dimension.CLASS: "item_class",
    Dimension.CAMPAIGN: "campaign",
    Dimension.PLACEMENT: "placement",
    Dimension.SURFACE: "surface",
}
"""The field of an impression that holds its value on a dimension."""
