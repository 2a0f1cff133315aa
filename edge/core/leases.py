"""Which tablets may still show a card that the box has taken back.

A tablet says every 20 s which cards it has. One that is off the network goes on showing its cards
until their lease ends, and tells only when it is back what it showed; until then a limit that such
a card counts for must stay taken up. The box's word that a card was recalled is believed only when
the tablet no longer lists it. Decides nothing about limits: `caps` asks `may_show`.
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass, field

HEARD_FOR_S = 45.0
"""A tablet silent for longer (two renewals and some) is off the network: it gets no new card."""
FORGOTTEN_AFTER_S = 86_400.0
"""As long as `caps` holds what a tablet may have shown."""
MAX_TABLETS = 256
"""Pages that name themselves; beyond it the longest unheard is forgotten."""


@dataclass(slots=True)
class _Tablet:
    heard_s: float
    cards: set[str] = field(default_factory=set)


class Leases:
    """The tablets that take part, each with the cards it may show."""

    def __init__(self) -> None:
        self._tablets: dict[str, _Tablet] = {}

    def may_show(self, card_id: str) -> bool:
        """Tell whether some tablet may have the card on its screen, now or in its last minute."""
        return any(card_id in tablet.cards for tablet in self._tablets.values())

    def sent(self, card_ids: Iterable[str], now_s: float) -> None:
        """Note cards that go out to every tablet on the network."""
        new = set(card_ids)
        for tablet in self._tablets.values():
            if now_s - tablet.heard_s <= HEARD_FOR_S:
                tablet.cards |= new

    def renewed(self, tablet: str, lists: Set[str], stand: Set[str], now_s: float) -> None:
        """Take a tablet's list of its cards.

        Args:
            tablet: Its own name, of this page's life only.
            lists: What it has; a card recalled meanwhile may still be among them.
            stand: Cards on the board now; one that is on its way may be missing in `lists`.
            now_s: The present moment.
        """
        known = self._tablets.pop(tablet, None)
        cards = (
            set(stand) if known is None else {c for c in known.cards if c in lists or c in stand}
        )
        self._tablets[tablet] = _Tablet(now_s, cards)  # the longest unheard stands first
        self._forget(now_s)

    def reported(self, tablet: str, stand: Set[str], now_s: float) -> None:
        """A tablet is back and has said what it showed: it has no other cards than the board."""
        self._tablets.pop(tablet, None)
        self._tablets[tablet] = _Tablet(now_s, set(stand))
        self._forget(now_s)

    def left(self, tablet: str) -> None:
        """A page was closed: it shows nothing any more."""
        self._tablets.pop(tablet, None)

    def _forget(self, now_s: float) -> None:
        while self._tablets:
            name, oldest = next(iter(self._tablets.items()))
            is_old = now_s - oldest.heard_s > FORGOTTEN_AFTER_S
            if not is_old and len(self._tablets) <= MAX_TABLETS:
                return
            del self._tablets[name]
