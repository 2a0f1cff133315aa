"""A guest: one recognised visitor while the visit lasts, with what consent let in.

What is known is read when the visit begins, kept in memory until it ends, and never written whole.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from edge.core.candidates import Prepared
from edge.core.catalog import Catalog
from edge.core.decision import Motive, PersonView, Shown, VisitView
from edge.core.experiments import Arm
from edge.core.explanation import Card
from edge.core.history import Ints
from edge.core.lessons import Lesson
from edge.core.memory import Memory, Purchases
from edge.core.motives import Evidence, Scan, Stay
from edge.core.recall import Basis
from edge.core.sales import Receipt, SaleLine
from edge.core.scoring import Scored
from edge.core.triggers import Kept

NOTHING_BOUGHT = Purchases.of()


@dataclass(slots=True)
class OpenCard:
    """A card on the screens and what became of it.

    Attributes:
        sources: Where its item came from (bits of `candidates.Source`).
        is_service: Care or help, not an offer of the item.
        told, zone, rule_ids: As in `recall.Basis`.
        probability: The model's, NaN where it was not asked; propensity: see `Shown`.
        reaction: `shown`, `reserved` or None.
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
    probability: float = float("nan")
    propensity: float = 1.0
    reaction: str | None = None

    @classmethod
    def of(
        cls, card: Card, line: Shown, zone: str | None, scored: Scored | None = None
    ) -> "OpenCard":
        """Return what the box keeps of a card that goes out; `zone`: where the guest is."""
        return cls(
            card_id=card.card_id,
            decision_id=card.decision_id,
            item=line.item,
            sources=line.sources,
            offer_id=line.offer_id,
            is_service=line.is_service,
            told=tuple(cause.ground for cause in card.why),
            zone=zone,
            rule_ids=line.rule_ids,
            probability=float("nan") if scored is None else scored.chance_of(line.item),
            propensity=line.propensity,
        )

    def lesson(self) -> Lesson:
        """Return what may be learned from the card."""
        return Lesson(self.card_id, self.item, self.probability, self.propensity, self.is_service)

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
        known: Purchases of the profile; nothing without a consent to it.
        liked: int32[·], items that the guest's own words name.
        memory: What `known` and this visit's receipts mean.
        is_known: A person stands behind it, not a visit of nobody.
        name: Only with a consent to be greeted.
        guessed_s: When the motive was guessed; never, where something was seen since.
        basket: Items that lie in it; scanned: items whose labels were read.
        motive: The newest guess; stays and scans: what it rests on, gone with the visit.
        receipts: Those of this visit by the till's id, so that a void finds its sale.
        vetoes, dismissed: What staff said in this visit, as in `PersonView`; with or without a
            profile it holds until the visit ends.
        said_gifts: What staff said in this visit: this purchase was a gift, or was none.
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
    known: Purchases
    memory: Memory
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
    receipts: dict[str, Receipt] = field(default_factory=dict)
    vetoes: dict[int, float] = field(default_factory=dict)
    dismissed: dict[int, float] = field(default_factory=dict)
    said_gifts: dict[int, bool] = field(default_factory=dict)
    cards: dict[str, OpenCard] = field(default_factory=dict)
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

    def evidence(self, now_s: float) -> Evidence:
        """Return what the visit has shown so far; nothing of it is about the person."""
        return Evidence(self.entered_s, now_s, tuple(self.stays), tuple(self.scans))

    def bought(self, catalog: Catalog) -> Purchases:
        """Return what is known to be bought and kept, today's receipts included.

        Of a receipt that the profile holds by now, the profile knows better whom it was for, and
        the visit what is left of it.
        """
        today = [r for r in self.receipts.values() if r.sale is not None]
        told = self._told_by_profile() if today else {}
        kept: list[tuple[int, float]] = []
        gifts: list[tuple[int, float]] = []
        back: list[tuple[int, float]] = []
        known = self.known
        for receipt in self.receipts.values():
            at_s = receipt.sale.sold_at_s if receipt.sale is not None else 0.0
            for line in receipt.kept():
                item = _item(catalog, line.sku, line.gtin)
                if item is not None:
                    is_gift = told.get((item, int(at_s)), _is_gift(receipt, line))
                    (gifts if is_gift else kept).append((item, at_s))
            for taken in receipt.returned():
                item = _item(catalog, taken.sku, None)
                if item is not None:
                    back.append((item, taken.at_s))
        if told:
            mine = [int(r.sale.sold_at_s) for r in today if r.sale is not None]
            known = known.but_for(np.isin(known.at_s.astype(np.int64), mine))
        bought = known.plus(Purchases.of(kept, gifts, back))
        for said, is_gift in self.said_gifts.items():
            bought.is_gift[bought.items == said] = is_gift
        return bought

    def _told_by_profile(self) -> dict[tuple[int, int], bool]:
        """Return whether each line of the profile was a gift, by item and whole second."""
        seconds = self.known.at_s.astype(np.int64).tolist()
        items, gifts = self.known.items.tolist(), self.known.is_gift.tolist()
        return dict(zip(zip(items, seconds, strict=True), gifts, strict=True))


def _item(catalog: Catalog, sku: str, gtin: str | None) -> int | None:
    known = catalog.sku_of(sku, gtin)
    return None if known is None else catalog.item_of_sku(known)


def _is_gift(receipt: Receipt, line: SaleLine) -> bool:
    return line.is_gift_wrapped or (receipt.sale is not None and receipt.sale.has_gift_receipt)
