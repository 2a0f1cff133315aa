"""What one decision is made from (`Snapshot`) and what comes out of it (`Decision`).

A snapshot is one consistent view: the moment in the store's own time, the visit, of the person
only what consent lets in, the shelf, and everything people of the house laid down (`Playbook`).
The same snapshot and seed give the same decision, byte for byte. Leaves out how the steps decide:
`guard`, `curation`, `explanation` and `caps`, called in this order by `edge.checkin`.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from edge.core.cap_rules import NOBODY
from edge.core.caps import Caps
from edge.core.catalog import Shade, Stock
from edge.core.experiments import Arm
from edge.core.memory import NOTHING_BOUGHT, Memory
from edge.core.moment import Moment
from edge.core.person import Profile
from edge.core.playbook import Playbook
from edge.core.reasons import ITEM_REASONS, Reason
from edge.core.takeup import NOTED, UNASKED, Takeup


class Motive(StrEnum):
    """Why somebody is here, as a guess about the visit, never about the person (C10)."""

    FIRST_TIME = "first_time"
    INSPIRATION = "inspiration"
    PRICE_COMPARING = "price_comparing"
    UNDECIDED = "undecided"
    ABOUT_TO_BUY = "about_to_buy"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class VisitView:
    """The visit as it stands; holds no trait of a person.

    Attributes:
        zone_kind: `department`, `fitting_room`, `till`, … of the floor plan, None where unknown.
        last_push_s: When something was last shown unasked in this visit, −inf where never.
        basket: Items that lie in today's basket, as the app said.
        scanned: Items whose labels were read: looked at, not taken.
        had_entry_offer: The entry offer of this visit was already decided.
        is_quiet: The customer said "just looking".
    """

    visit_id: str
    entered_s: float
    zone: str | None = None
    zone_kind: str | None = None
    zone_since_s: float = 0.0
    last_push_s: float = -np.inf
    is_being_served: bool = False
    is_quiet: bool = False
    had_entry_offer: bool = False
    motive: Motive = Motive.UNKNOWN
    basket: tuple[int, ...] = ()
    scanned: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PersonView:
    """Of a person, only what the consents of this moment let in.

    Attributes:
        person: Opaque pseudonym; used as a hash unit and as the key of caps, never shown.
        purposes: Purposes consented to now.
        vetoes: Item to the moment until which it is not shown, UTC seconds.
        dismissed: Item to the moment it was last waved off, UTC seconds; fades (D03).
        stated: Tags and class ids that the customer chose.
        declared: Coarse bands the customer gave, such as `audience: women`.
        sizes: Size by class id, category or department.
        shades: As `shades.shades_of` finds them: when each was bought, None where it was said.
        birthday: Day and month only, never a year (A03).
        is_adult: An age check happened and was passed; None: nobody asked.
        has_delivery: Bulky goods already come home by delivery.
        household: Opaque, for caps alone; None where not known.
        profile_as_of_s: When the profile was last brought up to date.
    """

    person: str
    purposes: frozenset[str] = frozenset()
    vetoes: Mapping[int, float] = field(default_factory=dict)
    dismissed: Mapping[int, float] = field(default_factory=dict)
    stated: frozenset[str] = frozenset()
    declared: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, str] = field(default_factory=dict)
    shades: Mapping[Shade, float | None] = field(default_factory=dict)
    birthday: tuple[int, int] | None = None
    is_adult: bool | None = None
    has_delivery: bool = False
    household: str | None = None
    profile_as_of_s: float | None = None

    @classmethod
    def of(cls, person: str, purposes: frozenset[str], profile: Profile | None) -> "PersonView":
        """Make the view of a person; without a profile, consent let nothing more in."""
        if profile is None:
            return cls(person, purposes)
        return cls(
            person=person,
            purposes=purposes,
            vetoes=profile.vetoes,
            dismissed=profile.dismissed,
            stated=profile.stated,
            declared=profile.declared,
            sizes=profile.sizes,
            birthday=profile.birthday,
            is_adult=profile.is_adult,
            has_delivery=profile.has_delivery,
            household=profile.household,
            profile_as_of_s=profile.as_of_s,
        )


class Occasion(StrEnum):
    """What made a prompted candidate, beyond its source."""

    WIN_BACK = "win_back"
    FREE_DELIVERY = "free_delivery"
    BIRTHDAY = "birthday"


def _no_items() -> NDArray[np.int32]:
    return np.empty(0, np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Prompts:
    """Candidates that rules and occasions name, and what the last purchases rule out.

    Attributes:
        complement, series, care, trigger, pinned: int32[·] items, handed to
            `candidates.Context`; the complements rising.
        occasions: What stands behind each trigger item.
        service: Rising, the trigger items that stand for a service, not for a sale.
        partner: bool[items], goes with the last purchases, the basket or a label read; empty where
            there is none of them.
        behind: int32[·], like `complement`: the thing each goes with.
        never: bool[items], must not follow a purchase or what lies in the basket.
        shut: bool[departments], open only to partners until the cool-down ends (A29).
    """

    complement: NDArray[np.int32] = field(default_factory=_no_items)
    series: NDArray[np.int32] = field(default_factory=_no_items)
    care: NDArray[np.int32] = field(default_factory=_no_items)
    trigger: NDArray[np.int32] = field(default_factory=_no_items)
    occasions: Mapping[int, Occasion] = field(default_factory=dict)
    service: NDArray[np.int32] = field(default_factory=_no_items)
    partner: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    never: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    shut: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    behind: NDArray[np.int32] = field(default_factory=_no_items)
    pinned: NDArray[np.int32] = field(default_factory=_no_items)

    def anchor_of(self, item: int) -> int | None:
        """Return the purchase, basket item or label that a complement goes with, if any."""
        at = int(self.complement.searchsorted(item))
        is_found = at < self.complement.size and int(self.complement[at]) == item
        return int(self.behind[at]) if is_found else None


NO_PROMPTS = Prompts()


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Everything one decision may look at.

    Attributes:
        memory: What past purchases of this person or visit forbid and suggest.
        caps: The counters; only read while deciding.
        surface: `tablet`, `station` or `push`.
        placement: The place on it: `contact`, a guest on the tablets, or `answer`, to a label that
            nobody known has read.
        is_pull: An explicit act asked for this; it breaks silence, never suppression.
        seed: Of this decision's own randomness, 64 bits.
        model_version: Of the ranker's bundle, empty without one.
        takeup: How likely the person takes each offer; `UNASKED` without a profile or a model.
    """

    moment: Moment
    visit: VisitView
    playbook: Playbook
    stock: Stock
    caps: Caps
    arm: Arm
    person: PersonView | None = None
    memory: Memory = NOTHING_BOUGHT
    prompts: Prompts = NO_PROMPTS
    surface: str = "tablet"
    placement: str = "contact"
    is_pull: bool = False
    seed: int = 0
    model_version: str = ""
    takeup: Takeup = UNASKED

    @property
    def suggesting(self) -> Memory:
        """What purchases may suggest and tell: in the holdout nothing; `memory` forbids there."""
        return NOTHING_BOUGHT if self.arm.is_holdout else self.memory

    @property
    def who(self) -> str:
        """The key under which caps count: the person, else this visit alone."""
        return self.person.person if self.person else f"{NOBODY}{self.visit.visit_id}"

    @property
    def decision_id(self) -> str:
        """A name for this decision that the same snapshot always gets."""
        parts = (
            self.visit.visit_id,
            repr(self.moment.now_s),
            str(self.seed),
            self.surface,
            self.placement,
        )
        return hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of a slate: what is shown and with which chance it was chosen.

    Attributes:
        score: After human rules.
        tier: 0 pinned, 1 service, 2 complement map, 3 the model's order.
        propensity: Chance that this item stood in this place under the logged policy.
        rule_ids: The human rules that moved it.
        is_service: Content or help around an item, not an offer of it.
        is_in_shade: It came in the customer's own shade, which weighed for it.
    """

    item: int
    item_id: str
    sources: int
    score: float
    propensity: float
    tier: int
    offer_id: str | None = None
    rule_ids: tuple[str, ...] = ()
    is_service: bool = False
    is_explored: bool = False
    is_in_shade: bool = False


@dataclass(frozen=True, slots=True)
class Ground:
    """A cap or a ban of people, and the candidates it spoke against.

    Attributes:
        reason: What it said of them.
        rule_id: Its id in the rules of that day.
        per: The dimensions of goods by which a cap closed some and left others, such as `class`.
        rows: A bit for each candidate in the order of the trace, the lowest of a byte first.
    """

    reason: Reason
    rule_id: str
    per: tuple[str, ...]
    rows: bytes

    def mask(self, n: int) -> NDArray[np.bool_]:
        """Return bool[n], the candidates of the trace that it spoke against."""
        bits = np.unpackbits(np.frombuffer(self.rows, np.uint8), count=n, bitorder="little")
        return bits.astype(np.bool_)


def packed(masks: NDArray[np.bool_]) -> list[bytes]:
    """Return the rows of a `Ground` for each of bool[k, candidates], or for one alone."""
    bits = np.packbits(np.atleast_2d(masks), axis=1, bitorder="little")
    return [row.tobytes() for row in bits]


@dataclass(frozen=True, slots=True)
class OnOffer:
    """The offer on a candidate, where the model of acceptance was asked.

    Attributes:
        offer: Its place in the catalogue of that time.
        chance: That the person takes it; lift: what the score was multiplied by for that.
    """

    offer: int
    chance: float
    lift: float


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One candidate of a past decision: where it came from and everything that spoke against it.

    Attributes:
        grounds: Which caps and rules of people are behind the reasons.
        on_offer: None where there was no offer, or nobody was asked how likely it is taken.
    """

    item: int
    sources: int
    score: float
    reasons: tuple[Reason, ...]
    grounds: tuple[Ground, ...] = ()
    on_offer: OnOffer | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The record of one decision: enough to explain it, to replay it and to learn from it.

    `is_profile_stale` marks a decision made on a profile older than the limit (A39). `basket` and
    `scanned` are the visit's; of somebody known only with a consent to a profile. The trace
    columns hold every candidate in order: little-endian int32 items, uint16 sources,
    uint32 reason masks (`reasons.ITEM_REASONS`), float32 scores of the model before human rules
    (NaN where never scored). `grounds` names the caps and rules of people behind the reasons, as
    they were then; records of before have none. `takeup` holds `takeup.NOTED` for each candidate
    with an offer, where the model of acceptance was asked.
    """

    decision_id: str
    visit_id: str
    at_s: float
    surface: str
    placement: str
    is_pull: bool
    seed: int
    catalog_version: str
    playbook_version: str
    model_version: str
    arm: str
    motive: str
    slate: tuple[Shown, ...]
    empty: Reason | None
    zone: str | None
    profile_age_s: float | None
    is_profile_stale: bool
    trace_items: bytes
    trace_sources: bytes
    trace_reasons: bytes
    trace_scores: bytes
    grounds: tuple[Ground, ...] = ()
    basket: tuple[int, ...] = ()
    scanned: tuple[int, ...] = ()
    takeup: bytes = b""

    def trace(self) -> Iterator[TraceRow]:
        """Yield every candidate with all reasons that spoke against it, the deciding one first."""
        items = np.frombuffer(self.trace_items, "<i4").tolist()
        sources = np.frombuffer(self.trace_sources, "<u2").tolist()
        masks = np.frombuffer(self.trace_reasons, "<u4").tolist()
        scores = np.frombuffer(self.trace_scores, "<f4").tolist()
        behind = [(ground, ground.mask(len(items))) for ground in self.grounds]
        noted = np.frombuffer(self.takeup, NOTED).tolist()
        on_offer = {row: OnOffer(*rest) for row, *rest in noted}
        columns = zip(items, sources, masks, scores, strict=True)
        for row, (item, source, mask, score) in enumerate(columns):
            reasons = tuple(r for at, r in enumerate(ITEM_REASONS) if mask >> at & 1)
            grounds = tuple(ground for ground, mask in behind if mask[row])
            yield TraceRow(item, source, score, reasons, grounds, on_offer.get(row))


def trace_columns(
    items: NDArray[np.int32],
    sources: NDArray[np.uint16],
    masks: NDArray[np.uint32],
    scores: NDArray[np.float32],
) -> tuple[bytes, bytes, bytes, bytes]:
    """Pack the trace of a decision; byte order fixed, so that boxes of any kind write the same."""
    return (
        items.astype("<i4", copy=False).tobytes(),
        sources.astype("<u2", copy=False).tobytes(),
        masks.astype("<u4", copy=False).tobytes(),
        scores.astype("<f4", copy=False).tobytes(),
    )
