"""A guest: one recognised visitor while the visit lasts, with what consent let in.

What is known is read when the visit begins, kept in memory until it ends, and never written whole.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from edge.core import belongings
from edge.core.candidates import Prepared
from edge.core.catalog import Catalog
from edge.core.contributions import kinds_of
from edge.core.decision import Motive, PersonView, Shown, VisitView
from edge.core.experiments import Arm
from edge.core.explanation import Card
from edge.core.history import Ints
from edge.core.learning import Kind
from edge.core.lessons import Lesson
from edge.core.memory import Memory, Purchases
from edge.core.motives import Evidence, Scan, Stay
from edge.core.person import Profile
from edge.core.recall import Basis
from edge.core.sales import Receipt
from edge.core.scoring import Scored
from edge.core.takeup import UNASKED, Takeup
from edge.core.triggers import Kept


@dataclass(slots=True)
class OpenCard:
    """A card on the screens and what became of it.

    Attributes:
        sources: Where its item came from (bits of `candidates.Source`).
        is_service: Care or help, not an offer of the item.
        told, zone, rule_ids: As in `recall.Basis`.
        facts: What it tells about the person (`Card.facts`).
        explained: What its sources told besides, to who asked what counted.
        scored: What the model was asked, for who asks why; None once it may not be known.
        is_in_basket: What its item goes with lay in the basket, or its label had been read.
        is_in_shade: As in `Shown`.
        probability: The model's, NaN where it was not asked; propensity: see `Shown`.
        reaction: `shown`, `reserved` or None.
        offered: What became of the offer on it, as far as it is kept.
    """

    card_id: str
    decision_id: str
    item: int
    sources: int
    offer_id: str | None = None
    is_service: bool = False
    told: tuple[str, ...] = ()
    zone: str | None = None
    rule_ids: tuple[str, ...] = ()
    facts: frozenset[str] = frozenset()
    explained: frozenset[str] = frozenset()
    scored: Scored | None = None
    is_in_basket: bool = False
    is_in_shade: bool = False
    probability: float = float("nan")
    propensity: float = 1.0
    reaction: str | None = None
    offered: set[Kind] = field(default_factory=set)

    @classmethod
    def of(cls, card: Card, line: Shown, guest: "Guest") -> "OpenCard":
        """Return what the box keeps of a card that goes out to a guest."""
        anchor = None if guest.prompts is None else guest.prompts.found.anchor_of(line.item)
        scored = guest.scored
        return cls(
            card_id=card.card_id,
            decision_id=card.decision_id,
            item=line.item,
            sources=line.sources,
            offer_id=line.offer_id,
            is_service=line.is_service,
            told=tuple(cause.ground for cause in card.why),
            zone=guest.zone,
            rule_ids=line.rule_ids,
            facts=card.facts,
            scored=scored,
            is_in_shade=line.is_in_shade,
            is_in_basket=anchor in guest.basket or anchor in guest.scanned,
            probability=float("nan") if scored is None else scored.chance_of(line.item),
            propensity=line.propensity,
        )

    def lesson(self) -> Lesson:
        """Return what may be learned from the card."""
        return Lesson(self.card_id, self.item, self.probability, self.propensity, self.is_service)

    def became(self, kind: Kind) -> bool:
        """Note what became of the offer on the card; returns whether that is news.

        An offer is taken after it was seen; help around an item is none.
        """
        is_taken = kind is Kind.ACCEPTED and Kind.SHOWN in self.offered
        is_news = (kind is Kind.SHOWN or is_taken) and kind not in self.offered
        if self.offer_id is None or self.is_service or not is_news:
            return False
        self.offered.add(kind)
        return True

    def basis(self) -> Basis:
        """Return what the card stands on."""
        return Basis(
            card_id=self.card_id,
            item=self.item,
            sources=self.sources,
            offer_id=self.offer_id,
            is_service=self.is_service,
            is_accepted=self.reaction == "reserved",
            told=self.told,
            zone=self.zone,
            rule_ids=self.rule_ids,
        )

    def retract(self, untrue: tuple[int, ...]) -> None:
        """Forget sentences that no longer hold."""
        self.told = tuple(each for at, each in enumerate(self.told) if at not in untrue)


@dataclass(slots=True)
class Guest:
    """One visit under way.

    Attributes:
        person: Opaque pseudonym.
        view: What the consents of this moment let a decision see.
        prepared: The ranker's part that depends on the person alone.
        known: The profile as it was first read in this visit, for its purchases; None without a
            consent to it. What tills said since is in `receipts`; whether a profile read later
            holds it too, the disk alone knows.
        takeup: How likely the guest takes each offer; known only with a profile, like `prepared`
            as the visit began.
        liked: int32[·], items that the guest's own words name.
        memory: What `known` and this visit's receipts mean.
        is_known: A person stands behind it, not a visit of nobody.
        name: Only with a consent to be greeted.
        guessed_s: When the motive was guessed; never, where something was seen since.
        basket: Items that lie in it; scanned: items whose labels were read.
        motive: The newest guess; stays and scans: what it rests on, gone with the visit.
        receipts: What tills said in this visit, by the keyed hash of the receipt, so that a void
            finds its sale.
        vetoes, dismissed: What staff said in this visit, as in `PersonView`; with or without a
            profile it holds until the visit ends.
        gifts_to_buy: Items in the basket that staff said are for somebody else.
        insight_facts: What the insights on the screens tell about the person.
        decisions: How many were made in this visit; part of each one's seed.
        prompts: What purchases and basket call for, and what that rests on.
        scored: What the model said at the last decision, for the next one.
        has_moved: Their place is new, and nobody has asked the model about it yet.
        checked_s: When the open cards were last asked whether they still hold.
        next_look_s: When the box next looks for something to say; infinite: no occasion.
    """

    person: str
    visit_id: str
    entered_s: float
    arm: Arm
    view: PersonView
    prepared: Prepared
    memory: Memory
    known: Profile | None = None
    takeup: Takeup = UNASKED
    liked: Ints = field(default_factory=lambda: np.empty(0, np.int32))
    is_known: bool = True
    name: str | None = None
    language: str | None = None
    zone: str | None = None
    zone_since_s: float = 0.0
    last_push_s: float = float("-inf")
    is_being_served: bool = False
    is_quiet: bool = False
    had_entry_offer: bool = False
    motive: Motive = Motive.UNKNOWN
    guessed_s: float = float("-inf")
    stays: list[Stay] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)
    basket: list[int] = field(default_factory=list)
    scanned: list[int] = field(default_factory=list)
    receipts: dict[int, Receipt] = field(default_factory=dict)
    vetoes: dict[int, float] = field(default_factory=dict)
    dismissed: dict[int, float] = field(default_factory=dict)
    gifts_to_buy: set[int] = field(default_factory=set)
    cards: dict[str, OpenCard] = field(default_factory=dict)
    insight_facts: frozenset[str] = frozenset()
    decisions: int = 0
    prompts: Kept | None = None
    scored: Scored | None = None
    has_moved: bool = False
    checked_s: float = 0.0
    next_look_s: float = float("inf")

    @property
    def is_on_tablets(self) -> bool:
        """Whether staff may see that this person is here."""
        return "staff_contact" in self.view.purposes

    def see(self, view: PersonView) -> None:
        """Take what consents let in by now; what was said in this visit stays said."""
        self.view = replace(
            view,
            vetoes={**view.vetoes, **self.vetoes},
            dismissed={**view.dismissed, **self.dismissed},
        )

    def veto(self, item: int, until_s: float) -> None:
        """Never show an item to this guest again until a moment, UTC seconds."""
        self.vetoes[item] = until_s
        self.see(self.view)

    def wave_off(self, item: int, now_s: float) -> None:
        """Note that an item was not wanted now."""
        self.dismissed[item] = now_s
        self.see(self.view)

    def forget_places(self) -> None:
        """Forget where they are and were, and what followed from it."""
        if not self.stays:
            return
        self.zone, self.zone_since_s, self.stays = None, 0.0, []
        self.motive, self.guessed_s = Motive.UNKNOWN, float("-inf")
        self.has_moved, self.next_look_s = False, float("inf")
        for card in self.cards.values():
            card.zone = None

    def visit(self, zone_kind: str | None) -> VisitView:
        """Return the visit as a decision sees it."""
        return VisitView(
            visit_id=self.visit_id,
            entered_s=self.entered_s,
            zone=self.zone,
            zone_kind=zone_kind,
            zone_since_s=self.zone_since_s,
            last_push_s=self.last_push_s,
            is_being_served=self.is_being_served,
            is_quiet=self.is_quiet,
            had_entry_offer=self.had_entry_offer,
            motive=self.motive,
            basket=tuple(self.basket),
            scanned=tuple(self.scanned),
        )

    def told_beside(self, *, has_new_cards: bool) -> frozenset[str]:
        """Return the facts that cards which stay beside a new message tell, asked or unasked.

        New cards take the place of all but the reserved ones.
        """
        stay = (c for c in self.cards.values() if not has_new_cards or c.reaction == "reserved")
        return _told(stay)

    def told(self) -> frozenset[str]:
        """Return the facts about the person that stand on the screens now."""
        return _told(self.cards.values(), self.insight_facts)

    def evidence(self, now_s: float) -> Evidence:
        """Return what the visit has shown so far; nothing of it is about the person."""
        seen = tuple(self.stays), tuple(self.scans)
        return Evidence(self.entered_s, now_s, *seen, n_basket=len(self.basket))

    # -- what was bought -------------------------------------------------------------------

    def know(self, profile: Profile | None) -> None:
        """Take the purchases of a profile, or drop them with the consent; see `known`."""
        if profile is None or self.known is None:
            self.known = profile

    def has_receipt(self, receipt: int) -> bool:
        """Tell whether a receipt, by its keyed hash, is one of this guest's."""
        if receipt in self.receipts:
            return True
        return self.known is not None and bool(
            (self.known.purchases.receipt == np.uint64(receipt)).any()
        )

    def bought(self, catalog: Catalog) -> Purchases:
        """Return what is known to be bought and kept, today's receipts included."""
        if not self.receipts:
            return Purchases.of() if self.known is None else Purchases.of_profile(self.known)
        back = [
            (item, taken.at_s)
            for receipt in self.receipts.values()
            for taken in receipt.returned()
            if (item := catalog.item_of_sku(taken.sku)) is not None
        ]
        known, untouched = None, Purchases.of()
        if self.known is not None:
            is_touched = belongings.touched(self.known.purchases, self.receipts, catalog)
            known = self.known.purchases.where(is_touched)
            is_sold = self.known.purchases.item >= 0
            untouched = Purchases.of_profile(self.known).but_for(is_touched[is_sold])
        lines = belongings.left(known, self.receipts, catalog)
        return untouched.plus(
            Purchases.of(
                [(line.item, line.at_s) for line in lines if not line.is_gift],
                [(line.item, line.at_s) for line in lines if line.is_gift],
                back,
            )
        )

    def give_away(self, item: int, catalog: Catalog) -> belongings.Line | None:
        """Note that an item was bought, or is to be bought, for somebody else.

        Returns:
            The purchase it is about, the newest of the item; None where it lies in the basket.
        """
        known = None if self.known is None else self.known.purchases
        lines = belongings.left(known, self.receipts, catalog)
        mine = [line for line in lines if line.item == item]
        newest = max(mine, key=lambda line: line.at_s, default=None)
        if newest is None or (item in self.basket and newest.at_s < self.entered_s):
            self.gifts_to_buy.add(item)
            return None
        self._mark({(newest.receipt, newest.line_no): True})
        return newest

    def correct(self, profile: Profile) -> None:
        """Take from a profile, read anew, whom each purchase was for: its owner said so."""
        lines = profile.purchases
        keys = zip(lines.receipt.tolist(), lines.line_no.tolist(), strict=True)
        self._mark(dict(zip(keys, lines.is_gift.tolist(), strict=True)))

    def _mark(self, is_gift: Mapping[tuple[int, int], bool]) -> None:
        """Say of lines, by receipt and number, whether they were gifts."""
        if self.known is not None:
            lines = self.known.purchases
            keys = zip(lines.receipt.tolist(), lines.line_no.tolist(), strict=True)
            was = zip(keys, lines.is_gift.tolist(), strict=True)
            marked = np.array([is_gift.get(key, before) for key, before in was], np.bool_)
            self.known = replace(self.known, purchases=replace(lines, is_gift=marked))
        for key, receipt in self.receipts.items():
            self.receipts[key] = receipt.with_gifts(
                {line_no: is_so for (mine, line_no), is_so in is_gift.items() if mine == key}
            )


def _told(cards: Iterable[OpenCard], beside: frozenset[str] = frozenset()) -> frozenset[str]:
    """Return the facts that cards tell, with those beside them.

    That something was bought at all, as who asks is told, is no new fact beside what was bought.
    """
    cards = tuple(cards)
    facts = beside.union(*(card.facts for card in cards))
    asked = frozenset[str]().union(*(card.explained for card in cards))
    return facts | (asked - kinds_of(facts))
