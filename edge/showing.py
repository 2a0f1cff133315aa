"""What stands on the screens: cards go out, are tapped on, marked, and taken back.

The path decides what to say; this keeps board, open cards, caps and leases in step with it. Every
change is one frame, sent before the books are kept. Leaves out whether a card still holds
(`edge.core.recall`, asked by the path).
"""

from collections import Counter
from collections.abc import Callable, Mapping

from edge.core.board import (
    Board,
    Contact,
    Frame,
    Place,
    ScreenCard,
    StoreSign,
    on_screen,
    reason_of,
    why_of,
)
from edge.core.caps import Caps
from edge.core.catalog import Text
from edge.core.decision import Decision
from edge.core.explanation import Card, Message, has_room
from edge.core.guest import Guest, OpenCard
from edge.core.impressions import impressions
from edge.core.leases import Leases
from edge.core.moment import Moment
from edge.core.playbook import Playbook
from edge.core.ports import Log, Screens
from edge.core.reasons import Reason
from edge.core.records import CardRecalled
from edge.core.tone import spoken_name

_NOWHERE = Text("", "")


class Showing:
    """The board of one store and the cards that stand on it.

    Args:
        sign: The store as the page's head names it.
        places: The floor plan's zones as people call them.
        guests: Everybody present, by person; owned by the path.
        counts: What happened, for the figures.
        moment: Puts UTC seconds into the store's calendar.
    """

    def __init__(
        self,
        sign: StoreSign,
        places: Mapping[str, Place],
        guests: Mapping[str, Guest],
        counts: Counter[str],
        moment: Callable[[float], Moment],
        caps: Caps,
        log: Log,
        screens: Screens,
    ) -> None:
        self.board = Board(sign)
        self.leases = Leases()
        self._places = places
        self._guests = guests
        self._counts = counts
        self._moment = moment
        self._caps = caps
        self._log = log
        self._screens = screens

    # -- something new -----------------------------------------------------------------------

    def say(
        self,
        guest: Guest,
        decision: Decision,
        message: Message,
        playbook: Playbook,
        cause: str | None = None,
    ) -> None:
        """Send what was decided, then keep the books; nobody decides in between."""
        cards = tuple(self.on_screen(card) for card in message.cards)
        replaced = self._take_back(guest, keep_reserved=True) if cards else ()
        self.put(guest, message, cards, cause)
        if cards:
            self._book(guest, decision, message, playbook, replaced)

    def on_screen(self, card: Card) -> ScreenCard:
        """Return a card as screens get it."""
        return on_screen(card, self._zone_name(card.zone))

    def _book(
        self,
        guest: Guest,
        decision: Decision,
        message: Message,
        playbook: Playbook,
        replaced: tuple[str, ...],
    ) -> None:
        """Count the cards that went out, and give back those they replace."""
        self._counts["cards"] += len(message.cards)
        for card_id in replaced:
            self._caps.refund(card_id)
        moment, home = self._moment(decision.at_s), guest.view.household
        for each in impressions(decision, guest.person, moment, playbook, home):
            self._caps.reserve([each], holder=each.card_id)
        self.leases.sent([card.card_id for card in message.cards], decision.at_s)
        for card, line in zip(message.cards, decision.slate, strict=True):
            guest.cards[card.card_id] = OpenCard.of(card, line, guest)

    def _zone_name(self, zone: str) -> Text:
        place = self._places.get(zone)
        return place.name if place else _NOWHERE

    def put(
        self,
        guest: Guest,
        message: Message | None = None,
        new: tuple[ScreenCard, ...] = (),
        cause: str | None = None,
    ) -> None:
        """Put a guest on the board as they are now, where staff may know them."""
        if not guest.is_on_tablets:
            return
        before = self.board.contact(guest.visit_id)
        kept = tuple(c for c in before.cards if c.card_id in guest.cards) if before else ()
        cards = (*kept, *new)
        insights = before.insights if before else ()
        empty = before.empty if before else None
        if message is not None:
            insights = tuple(reason_of(insight) for insight in message.insights)
            told = (insight.fact for insight in message.insights)
            guest.insight_facts = frozenset(fact for fact in told if fact is not None)
            empty = why_of(message.empty) if message.empty else None
        contact = Contact(
            contact_id=guest.visit_id,
            title=self._title(guest),
            zone=self._places.get(guest.zone or ""),
            since_s=guest.entered_s,
            language=guest.language,
            is_quiet=guest.is_quiet,
            is_being_served=guest.is_being_served,
            insights=insights,
            cards=cards,
            empty=None if cards else empty,
        )
        self._show(self.board.put(contact, cause))

    def _title(self, guest: Guest) -> Text:
        """Return how staff may call a guest: by name only where that was asked for."""
        name = spoken_name(guest.name)
        if name is not None:
            return Text(name, name)
        place = self._places.get(guest.zone or "")
        if place is None:
            return Text("Gast im Haus", "Guest in the store")
        return Text(f"Gast · {place.name.de}", f"Guest · {place.name.en}")

    # -- what stands -------------------------------------------------------------------------

    def standing(self) -> frozenset[str]:
        """Return the cards on the board."""
        return frozenset(card_id for guest in self._guests.values() for card_id in guest.cards)

    def holds(self, card_id: str) -> bool:
        """Tell whether a card may be seen yet: it stands, or a tablet cut off may still show it."""
        is_standing = any(card_id in guest.cards for guest in self._guests.values())
        return is_standing or self.leases.may_show(card_id)

    def react(self, guest: Guest, card: OpenCard, reaction: str) -> None:
        """Show a tap on every tablet."""
        card.reaction = reaction
        self._show(self.board.react(guest.visit_id, card.card_id, reaction))

    def retract(self, guest: Guest, card: OpenCard, untrue: tuple[int, ...]) -> None:
        """Take sentences that no longer hold off a card that stays."""
        card.retract(untrue)
        self._show(self.board.retract(guest.visit_id, card.card_id, untrue))

    # -- what goes ---------------------------------------------------------------------------

    def recall(self, guest: Guest, card: OpenCard, reason: Reason, now_s: float) -> None:
        """Recall a card from every screen; one that was accepted stays, but is marked.

        Screens get the reason as it may be told beside what stands there, the log as it is.
        """
        is_kept = card.reaction == "reserved"
        if not is_kept:
            del guest.cards[card.card_id]
        why = why_of(reason if has_room(reason, guest.told()) else Reason.GROUND_GONE)
        if is_kept:
            self._show(self.board.mark(guest.visit_id, card.card_id, why.code))
            return
        self._caps.refund(card.card_id)
        self._counts["recalled"] += 1
        self._show(self.board.recall(guest.visit_id, card.card_id, why))
        self._log.append(
            CardRecalled(
                card.card_id, card.decision_id, guest.visit_id, reason.value, now_s, guest.person
            )
        )

    def put_away(self, guest: Guest, card: OpenCard) -> None:
        """Take a card off because staff said so; what they said may have recalled it already."""
        if guest.cards.pop(card.card_id, None) is None:
            return
        self._caps.refund(card.card_id)
        self.put(guest)

    def remove(self, guest: Guest, reason: str) -> None:
        """Take a guest off the board with every card; what nobody saw goes back to the caps."""
        for card_id in self._take_back(guest):
            self._caps.refund(card_id)
        guest.insight_facts = frozenset()
        self._show(self.board.remove(guest.visit_id, reason))

    def _take_back(self, guest: Guest, *, keep_reserved: bool = False) -> tuple[str, ...]:
        """Take a guest's cards back and return their ids; the caps still count them."""
        gone = tuple(
            card.card_id
            for card in guest.cards.values()
            if not (keep_reserved and card.reaction == "reserved")
        )
        for card_id in gone:
            del guest.cards[card_id]
        return gone

    def _show(self, frame: Frame | None) -> None:
        if frame is not None:
            self._counts["frames"] += 1
            self._screens.show(frame)
