"""What the tablets show: contacts with their insights and cards, and the frames that change them.

The board decides nothing; it holds what was decided and says each change as one frame. Its state is
the sum of its frames, so a tablet that joins late gets the whole and goes on from there.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from edge.core.catalog import Text
from edge.core.explanation import Card, Cause, Price
from edge.core.reasons import WORDS, aloud
from edge.core.reasons import Reason as Code

# A tablet off the network hides a card after this long: stock and consents may have changed.
LEASE_S = 60


@dataclass(frozen=True, slots=True)
class Place:
    """A zone as people call it."""

    id: str
    name: Text


@dataclass(frozen=True, slots=True)
class Why:
    """A reason code with its words."""

    code: str
    text: Text


@dataclass(frozen=True, slots=True)
class Reason:
    """One cause in words, with its data source and the age of that data."""

    text: Text
    source: str
    age_s: float | None


@dataclass(frozen=True, slots=True)
class OnShelf:
    """What lies on the shelf: units of all variants, sizes, and the customer's own size."""

    units: int
    sizes: tuple[str, ...]
    size_of_customer: str | None


@dataclass(frozen=True, slots=True)
class Allowed:
    """Which consent a card rests on, in words."""

    purpose: str | None
    text: Text


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Something that was not shown, and why; staff see it on demand."""

    name: Text
    reason: str
    text: Text


@dataclass(frozen=True, slots=True)
class ScreenCard:
    """A card as tablets get it.

    Attributes:
        kind: `item`, `care` or `service`; the latter two carry a `text` instead of a price.
        picture: Address of the picture on this box.
        lease_s: How long a tablet without the network may go on showing it.
        reaction: The last tap on it. `mark`: what changed about an accepted card.
    """

    card_id: str
    decision_id: str
    kind: str
    item_id: str
    name: Text
    brand: str
    price_cents: int | None
    currency: str
    offer: Price | None
    picture: str | None
    aisle: str
    zone: Place
    stock: OnShelf | None
    text: Text | None
    why: tuple[Reason, ...]
    allowed: Allowed
    controls: tuple[str, ...]
    suppressed: tuple[Suppressed, ...]
    lease_s: int
    reaction: str | None = None
    mark: str | None = None


def why_of(code: Code) -> Why:
    """Return a reason as screens may tell it; what is unspoken sounds like something else."""
    told = aloud(code)
    return Why(told.value, WORDS[told])


def reason_of(cause: Cause) -> Reason:
    """Return a cause as screens show it; which fact it tells stays inside."""
    return Reason(cause.text, cause.source, None if cause.age_s is None else round(cause.age_s))


def on_screen(card: Card, zone: Text) -> ScreenCard:
    """Return a card as tablets get it; `zone` is what people call the shelf's zone."""
    stock = None
    if card.units is not None:
        stock = OnShelf(card.units, card.sizes, card.size_of_customer)
    return ScreenCard(
        card_id=card.card_id,
        decision_id=card.decision_id,
        kind=card.kind,
        item_id=card.item_id,
        name=card.name,
        brand=card.brand,
        price_cents=card.price_cents,
        currency=card.currency,
        offer=card.offer,
        picture=f"/{card.picture}" if card.picture else None,
        aisle=card.aisle,
        zone=Place(card.zone, zone),
        stock=stock,
        text=card.text,
        why=tuple(reason_of(cause) for cause in card.why),
        allowed=Allowed(card.purpose, card.allowed),
        controls=card.controls,
        suppressed=tuple(Suppressed(w.name, w.reason.value, w.text) for w in card.withheld),
        lease_s=LEASE_S,
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What whoever scanned a label gets on their own screen: cards, or why there are none.

    Attributes:
        answer_id: Of the decision behind it.
        visit_token: As the asking app drew it.
    """

    answer_id: str
    visit_token: str
    at_s: float
    cards: tuple[ScreenCard, ...]
    empty: Why | None


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody who is here and wants contact, as staff may know them.

    Attributes:
        contact_id: Opaque, of this visit only.
        title: A place ("Guest in Shoes"), or a name where greeting was allowed.
        since_s: When the visit began.
        language: `de`, `en` or None where not known.
        is_quiet: Wants to be left alone; no cards then.
        insights: At most three. `cards`: at most two.
        empty: Why there is no card.
    """

    contact_id: str
    title: Text
    zone: Place | None
    since_s: float
    language: str | None = None
    is_quiet: bool = False
    is_being_served: bool = False
    insights: tuple[Reason, ...] = ()
    cards: tuple[ScreenCard, ...] = ()
    empty: Why | None = None


@dataclass(frozen=True, slots=True)
class StoreSign:
    """The store as the page's head names it."""

    name: str
    languages: tuple[str, ...] = ("de", "en")


@dataclass(frozen=True, slots=True)
class BoardFrame:
    """Everything there is."""

    contacts: tuple[Contact, ...]
    store: StoreSign
    kind: str = "board"


@dataclass(frozen=True, slots=True)
class ContactFrame:
    """A contact is new or changed.

    Attributes:
        cause: Short hash of the message that caused it, where one did: for measuring the way.
    """

    contact: Contact
    cause: str | None = None
    kind: str = "contact"


@dataclass(frozen=True, slots=True)
class GoneFrame:
    """A contact is no longer there, or no longer wants to be."""

    contact_id: str
    reason: str
    kind: str = "gone"


@dataclass(frozen=True, slots=True)
class RecallFrame:
    """A card leaves every screen at once."""

    contact_id: str
    card_id: str
    reason: Why
    kind: str = "recall"


@dataclass(frozen=True, slots=True)
class MarkFrame:
    """An accepted card stays, but its basis changed."""

    contact_id: str
    card_id: str
    mark: str
    kind: str = "mark"


Frame = BoardFrame | ContactFrame | GoneFrame | RecallFrame | MarkFrame


@dataclass(slots=True)
class Board:
    """The contacts on screen, oldest first."""

    store: StoreSign
    _contacts: dict[str, Contact] = field(default_factory=dict)

    def frame(self) -> BoardFrame:
        """Return the whole present state."""
        return BoardFrame(tuple(self._contacts.values()), self.store)

    def contact(self, contact_id: str) -> Contact | None:
        """Return a contact, or None where it is not on the board."""
        return self._contacts.get(contact_id)

    def cards(self) -> Iterator[tuple[Contact, ScreenCard]]:
        """Yield every card on screen with its contact."""
        for contact in self._contacts.values():
            for card in contact.cards:
                yield contact, card

    def put(self, contact: Contact, cause: str | None = None) -> ContactFrame | None:
        """Add or change a contact; None where nothing changed and nobody waits for an answer."""
        if cause is None and self._contacts.get(contact.contact_id) == contact:
            return None
        self._contacts[contact.contact_id] = contact
        return ContactFrame(contact, cause)

    def remove(self, contact_id: str, reason: str) -> GoneFrame | None:
        """Take a contact off; None where it was not there."""
        if self._contacts.pop(contact_id, None) is None:
            return None
        return GoneFrame(contact_id, reason)

    def recall(self, contact_id: str, card_id: str, reason: Why) -> RecallFrame | None:
        """Take a card off; None where it is not on screen."""
        contact = self._contacts.get(contact_id)
        kept = tuple(c for c in contact.cards if c.card_id != card_id) if contact else ()
        if contact is None or len(kept) == len(contact.cards):
            return None
        empty = contact.empty if kept else reason
        self._contacts[contact_id] = replace(contact, cards=kept, empty=empty)
        return RecallFrame(contact_id, card_id, reason)

    def mark(self, contact_id: str, card_id: str, mark: str) -> MarkFrame | None:
        """Mark a card that somebody accepted; None where it has the mark, or is not on screen."""
        if any(c.card_id == card_id and c.mark == mark for _, c in self.cards()):
            return None
        if not self._change_card(contact_id, card_id, mark=mark):
            return None
        return MarkFrame(contact_id, card_id, mark)

    def retract(
        self, contact_id: str, card_id: str, untrue: tuple[int, ...]
    ) -> ContactFrame | None:
        """Take sentences off a card that stays; None where it is not on screen."""
        contact = self._contacts.get(contact_id)
        card = next((c for c in contact.cards if c.card_id == card_id), None) if contact else None
        if card is None:
            return None
        why = tuple(each for at, each in enumerate(card.why) if at not in untrue)
        self._change_card(contact_id, card_id, why=why)
        return ContactFrame(self._contacts[contact_id])

    def react(self, contact_id: str, card_id: str, reaction: str) -> ContactFrame | None:
        """Note a tap on a card, so that every tablet shows it; None where it is not on screen."""
        if not self._change_card(contact_id, card_id, reaction=reaction):
            return None
        return ContactFrame(self._contacts[contact_id])

    def _change_card(self, contact_id: str, card_id: str, **values: object) -> bool:
        contact = self._contacts.get(contact_id)
        if contact is None or all(card.card_id != card_id for card in contact.cards):
            return False
        cards = tuple(
            replace(card, **values) if card.card_id == card_id else card  # type: ignore[arg-type]
            for card in contact.cards
        )
        self._contacts[contact_id] = replace(contact, cards=cards)
        return True
