"""Everything else that happens in a store: what tills, apps, staff and members say.

Each method takes one happening, applies it to the path at once, and returns the records that make
it durable; `take` hands those to the log and calls back when the message may be acknowledged. A
message that was taken before changes nothing, nor does one that the log has no room for.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from edge.checkin import Path
from edge.core import gifts
from edge.core.board import Answer
from edge.core.errors import MessageError
from edge.core.events import (
    AppSighting,
    CheckIn,
    EventKey,
    Scan,
    StaffState,
    StockLevels,
    Tick,
)
from edge.core.guest import Guest, OpenCard
from edge.core.learning import Kind
from edge.core.memory import Purchases
from edge.core.ports import Log
from edge.core.proof import NEEDS_PROOF
from edge.core.records import (
    CardReacted,
    ConsentChanged,
    EventSeen,
    GiftCorrected,
    Record,
    ReturnRecorded,
    SaleRecorded,
    Vetoed,
    VoidRecorded,
)
from edge.core.sales import Receipt, Return, ReturnLine, Sale, SaleLine, Void
from edge.core.statements import ConsentChange, Outcome
from edge.core.visits import Sign
from edge.walkins import WalkIns

Event = (
    CheckIn | Sale | Void | Return | StockLevels | ConsentChange | Scan | AppSighting
    | StaffState | Tick
)  # fmt: skip

_Line = TypeVar("_Line", SaleLine, ReturnLine)

# A sale that is older says where somebody was, not where they are.
FRESH_SALE_S = 600.0
# A clock that runs ahead by more is wrong; the message counts from its receipt.
MAX_AHEAD_S = 300.0
# A veto holds for half a year (a proposal: never again until its time is up).
VETO_S = 183 * 86_400.0
# Receipts of one visit; a till that repeats itself must not fill the memory.
MAX_RECEIPTS = 200
# Receipts of the store remembered, without persons, against repetition and for what a void brings
# back: about an hour of a busy day, 500 kB. What is older the ledger settles on the next visit.
MAX_TOLD = 500


class Intake:
    """Takes happenings, applies them to the path, and has them written down."""

    def __init__(
        self,
        path: Path,
        log: Log,
        proves: Callable[[str, str, float], bool] = lambda _person, _code, _now_s: False,
        answers: Callable[[Answer], None] = lambda _: None,
    ) -> None:
        self.path = path
        self.log = log
        self.walk_ins = WalkIns(path, answers)
        self._told: dict[str, Receipt] = {}
        self._proves = proves

    def take(
        self, event: Event, key: EventKey, now_s: float, done: Callable[[], None] | None = None
    ) -> None:
        """Take one message; `done` is called once what it means is on disk.

        Raises:
            UnavailableError: The disk is behind; the message must not be acknowledged. It changed
                nothing, but for a withdrawal: that counts at once, and again when it is repeated.
        """
        if not (isinstance(event, ConsentChange) and not event.is_given):
            self.log.require_room()
        if self.log.has_event(key.source, key.id):
            self.path.counts["duplicate"] += 1
            self._write((), done)
            return
        records = self._apply(event, key, now_s)
        self._write((*records, EventSeen(key, now_s)), done)

    def _write(self, records: Sequence[Record], done: Callable[[], None] | None) -> None:
        """Hand records to the log; an empty list waits for what was handed over before it."""
        self.log.append(records, done)

    def _apply(self, event: Event, key: EventKey, now_s: float) -> tuple[Record, ...]:
        match event:
            case CheckIn():
                at_s = self._not_ahead(event.at_s, now_s)
                return (self.path.check_in(replace(event, at_s=at_s), key, now_s),)
            case Sale():
                return self.sell(event, now_s)
            case Void():
                return self.void(event, now_s)
            case Return():
                return self.take_back(event, now_s)
            case ConsentChange():
                return self.state_consent(event, now_s)
            case StockLevels():
                self.restock(event, now_s)
            case Scan():
                return self.scan(event, now_s)
            case AppSighting():
                self.path.hear_app(event, now_s)
            case StaffState():
                self.staff(event, now_s)
            case Tick():
                pass  # the clock has taken it
        return ()

    def _not_ahead(self, at_s: float, now_s: float) -> float:
        if at_s > now_s + MAX_AHEAD_S:
            self.path.counts["time_ahead"] += 1
            return now_s
        return at_s

    # -- tills -------------------------------------------------------------------------------

    def sell(self, sale: Sale, now_s: float) -> tuple[Record, ...]:
        """A receipt was closed: the stock moves, and what was bought is not shown again."""
        sale = replace(
            sale,
            sold_at_s=self._not_ahead(sale.sold_at_s, now_s),
            lines=self._by_our_skus(sale.lines),
        )
        sale = self._with_gifts(sale, now_s)
        before = self._told.get(sale.receipt_id, Receipt())
        after = self._tell(sale.receipt_id, before.with_sale(replace(sale, member_id=None)))
        if before.sale is None:  # a till that says it again, under another id, sold it once
            for line in replace(after, returns=()).kept():  # what came back moved it by itself
                self._move_stock(line.sku, line.gtin, -line.quantity)
        items = {self._item_of(line.sku, line.gtin) for line in sale.lines}
        person = self._member(sale.member_id)
        learned: tuple[Record, ...] = ()
        if person is not None:
            if now_s - sale.sold_at_s <= FRESH_SALE_S and self._is_recognised(sale, now_s):
                self.path.sign(person, Sign.SALE, now_s)
            learned = self._taken_up(person, items, now_s)
            if (guest := self.path.guests.get(person)) is not None:
                key = self.path.consents.keyed_hash.receipt(sale.receipt_id)
                self._note(guest, key, lambda receipt: receipt.with_sale(sale), before)
                guest.gifts_to_buy -= items
        self.path.recheck(now_s, person, items - {-1})
        return (*learned, SaleRecorded(sale, self._profiled(person, now_s)))

    def _taken_up(self, person: str, items: set[int], now_s: float) -> tuple[Record, ...]:
        """Learn from cards whose item was bought while they stood on the screens."""
        guest, learned = self.path.guests.get(person), list[Record]()
        if guest is not None:
            for card in [card for card in guest.cards.values() if card.item in items]:
                learned += self.path.learn(guest, card, Kind.ACCEPTED, now_s)
        return tuple(learned)

    def void(self, void: Void, now_s: float) -> tuple[Record, ...]:
        """Lines of a receipt never happened; a void may come before its sale.

        What had left the shelf with them and has not come back yet lies there again.
        """
        before = self._told.get(void.receipt_id, Receipt())
        after = self._tell(void.receipt_id, before.with_void(void))
        kept = {line.line_no: line.quantity for line in after.kept()}
        for line in before.kept():
            if (back := line.quantity - kept.get(line.line_no, 0.0)) > 0:
                self._move_stock(line.sku, line.gtin, back)
        key = self.path.consents.keyed_hash.receipt(void.receipt_id)
        for guest in self._holders(key):
            self._note(guest, key, lambda receipt: receipt.with_void(void))
            self.path.recheck(now_s, guest.person)
        return (VoidRecorded(void),)

    def take_back(self, goods: Return, now_s: float) -> tuple[Record, ...]:
        """Goods came back: they are on the shelf again, and they were not liked."""
        goods = replace(
            goods,
            at_s=self._not_ahead(goods.at_s, now_s),
            lines=self._by_our_skus(goods.lines),
        )
        before = self._told.get(goods.receipt_id or "", Receipt())
        after = before.with_return(replace(goods, member_id=None))
        if after is not before:  # a till that says it again took it back once
            for line in goods.lines:
                self._move_stock(line.sku, line.gtin, line.quantity)
        if goods.receipt_id is not None:
            self._tell(goods.receipt_id, after)
        person = self._member(goods.member_id)
        hashed = self.path.consents.keyed_hash
        if goods.receipt_id is None:
            key = hashed.goods_return(goods.return_id)
        else:
            key = hashed.receipt(goods.receipt_id)
        member = [guest for guest in self.path.guests.values() if guest.person == person]
        for guest in self._holders(key) or member:
            self._note(guest, key, lambda receipt: receipt.with_return(goods))
            self.path.recheck(now_s, guest.person)
        return (ReturnRecorded(goods, self._profiled(person, now_s)),)

    def restock(self, counted: StockLevels, now_s: float) -> None:
        """Units were counted; what is sold out leaves the screens."""
        house, counts, items = self.path.house, self.path.counts, set()
        if counted.as_of_s > now_s + MAX_AHEAD_S:
            counts["time_ahead"] += 1
            counted = replace(counted, as_of_s=now_s)
        for sku, units in counted.levels:
            item = house.catalog.item_of_sku(sku)
            if item is None:
                counts["sku_unknown"] += 1
            elif house.stock.set_level(sku, units, counted.as_of_s):
                items.add(item)
            else:
                counts["stock_outdated"] += 1
        self.path.recheck(now_s, items=items)

    def _with_gifts(self, sale: Sale, now_s: float) -> Sale:
        """Guess which lines were bought for somebody else, where staff did not say so.

        Only what consent lets in is asked.
        """
        house, person = self.path.house, self._member(sale.member_id)
        buyer: gifts.Buyer | None = None
        if person is not None:
            profile = self.path.profile_of(person, now_s)
            if profile is not None:
                bought = Purchases.of_profile(profile)
                buyer = gifts.buyer_of(profile.declared, bought, house.catalog, profile.not_gifts)
        guest = self.path.guests.get(person or "")
        given = guest.gifts_to_buy if guest is not None else ()
        return gifts.marked(sale, house.catalog, house.moment(sale.sold_at_s), buyer, given)

    def _move_stock(self, sku: str, gtin: str | None, quantity: float) -> None:
        """Move the stock of a till line, where the house knows its sku."""
        house = self.path.house
        known = house.catalog.sku_of(sku, gtin)
        if known is None or house.catalog.item_of_sku(known) is None:
            self.path.counts["sku_unknown"] += 1
            return
        house.stock.move(known, int(math.copysign(math.ceil(abs(quantity)), quantity)))

    def _tell(self, receipt_id: str, receipt: Receipt) -> Receipt:
        """Remember for a while what was told of a receipt, whoever's it is."""
        self._told.pop(receipt_id, None)
        self._told[receipt_id] = receipt
        if len(self._told) > MAX_TOLD:
            del self._told[next(iter(self._told))]
        return receipt

    def _item_of(self, sku: str, gtin: str | None) -> int:
        """Return the item of a till line, −1 where nobody knows the sku."""
        catalog = self.path.house.catalog
        known = catalog.sku_of(sku, gtin)
        item = None if known is None else catalog.item_of_sku(known)
        return -1 if item is None else item

    def _by_our_skus(self, lines: tuple[_Line, ...]) -> tuple[_Line, ...]:
        """Return till lines with the catalogue's sku, so that a sale and its return agree."""
        sku_of = self.path.house.catalog.sku_of
        return tuple(
            replace(line, sku=sku_of(line.sku, line.gtin) or line.sku or f"gtin:{line.gtin}")
            for line in lines
        )

    def _holders(self, receipt: int) -> list[Guest]:
        """Return the guests whose receipt it is, of this visit or of an earlier one."""
        return [guest for guest in self.path.guests.values() if guest.has_receipt(receipt)]

    def _note(
        self,
        guest: Guest,
        key: int,
        change: Callable[[Receipt], Receipt],
        before: Receipt = Receipt(),  # noqa: B008  # a frozen value
    ) -> None:
        """Let a guest's memory know what a till said of a receipt.

        Args:
            guest: Whose it is.
            key: Keyed hash of the receipt.
            change: Adds what was said now.
            before: What was told of it before anybody knew whose it is: voids.
        """
        if key in guest.receipts or len(guest.receipts) < MAX_RECEIPTS:
            guest.receipts[key] = change(guest.receipts.get(key, replace(before, sale=None)))
        self.path.remember(guest)

    def _member(self, member_id: str | None) -> str | None:
        return None if member_id is None else self.path.consents.person_of_member(member_id)

    def _is_recognised(self, sale: Sale, now_s: float) -> bool:
        return (
            sale.member_id is not None and self.path.recognised(sale.member_id, now_s) is not None
        )

    def _profiled(self, person: str | None, now_s: float) -> str | None:
        """Return the person a receipt may be kept under: only with a consent to a profile."""
        return person if person is not None and self.path.may_profile(person, now_s) else None

    # -- members -----------------------------------------------------------------------------

    def state_consent(self, change: ConsentChange, now_s: float) -> tuple[Record, ...]:
        """A consent is given or withdrawn: it counts from now on, on every screen."""
        consents = self.path.consents
        statement = consents.statement_of(change, now_s)
        if statement is None:
            self.path.counts["consent_of_unknown_member"] += 1
            return ()
        person = consents.kept(statement.person)
        is_owed = change.is_given and change.purpose in NEEDS_PROOF
        if is_owed and not self._proves(person, change.code, now_s):
            self.path.counts["consent_without_proof"] += 1
            return ()
        outcome = consents.apply(statement)
        self.path.counts[f"consent_{outcome.value}"] += 1
        if outcome in (Outcome.GIVEN, Outcome.WITHDRAWN):
            self.consent_changed(person, now_s)
        return (ConsentChanged(statement),)

    def consent_changed(self, person: str, now_s: float) -> None:
        """Somebody allowed or withdrew something, or was erased: ears and screens follow."""
        self.path.follow_ids(person, now_s)
        guest = self.path.guests.get(person)
        if not self.path.may_profile(person, now_s):
            for each in {person, *self.path.consents.merged(person)}:
                self.path.lessons.forget(each)
        if guest is not None:
            self.path.reread(guest, now_s)

    def purchases_corrected(self, person: str, now_s: float) -> None:
        """A member said whom a purchase was for: the next decision knows, and open cards follow."""
        guest = self.path.guests.get(person)
        if guest is not None:
            profile = self.path.profile_of(person, now_s)
            if profile is not None:
                guest.correct(profile)
            self.path.read(guest, now_s)
            self.path.recheck(now_s, person)

    def scan(self, said: Scan, now_s: float) -> tuple[Record, ...]:
        """The app read a label: the item is of interest, or went into the basket."""
        person = self.path.recognised(said.member_id, now_s) if said.member_id else None
        guest = self.path.guests.get(person) if person is not None else None
        sku = self.path.house.catalog.sku_of(said.sku, said.gtin)
        item = None if sku is None else self.path.house.catalog.item_of_sku(sku)
        if item is None:
            self.path.counts["sku_unknown"] += 1
        elif guest is not None:
            self.path.scanned(guest, item, now_s, is_in_basket=said.is_in_basket)
        elif said.member_id is None and said.visit_token is not None:
            return self.walk_ins.scanned(
                said.visit_token, item, said.zone, now_s, is_in_basket=said.is_in_basket
            )
        elif said.member_id is None:  # no visit to serve, and nowhere to answer
            self.path.counts["scan_of_nobody"] += 1
        return ()

    # -- staff -------------------------------------------------------------------------------

    def staff(self, said: StaffState, now_s: float) -> None:
        """An associate begins or ends to serve a member."""
        person = self.path.recognised(said.member_id, now_s) if said.member_id else None
        guest = self.path.guests.get(person) if person is not None else None
        if guest is not None:
            self._serve(guest, is_served=said.is_serving)

    def serving(self, contact_id: str, *, is_served: bool) -> None:
        """The same, said on a tablet."""
        self._serve(self._guest(contact_id), is_served=is_served)

    def _serve(self, guest: Guest, *, is_served: bool) -> None:
        guest.is_being_served = is_served
        self.path.showing.put(guest)

    def seen(self, card_ids: Sequence[str], now_s: float) -> tuple[Record, ...]:
        """Cards were really on a screen: now they count."""
        return self.were_seen(dict.fromkeys(card_ids, now_s), now_s)

    def were_seen(self, seen_s: Mapping[str, float], now_s: float) -> tuple[Record, ...]:
        """Cards were on a screen before now: each counts at the moment that is said of its id."""
        records: list[Record] = []
        for card_id, at_s in seen_s.items():
            records += self.path.count_shown(card_id, now_s, at_s)
        return tuple(records)

    def renew(
        self, tablet: str, card_ids: Sequence[str], now_s: float, *, is_leaving: bool
    ) -> None:
        """A tablet lists its cards, so that what was taken back is surely gone from it."""
        if is_leaving:
            self.path.showing.leases.left(tablet)
        else:
            lists, stand = frozenset(card_ids), self.path.showing.standing()
            self.path.showing.leases.renewed(tablet, lists, stand, now_s)

    def tablet_is_back(self, tablet: str, now_s: float) -> None:
        """A tablet that was off the network has said what it showed meanwhile."""
        self.path.showing.leases.reported(tablet, self.path.showing.standing(), now_s)

    def react(
        self, contact_id: str, card_id: str, action: str, key: EventKey, now_s: float
    ) -> tuple[Record, ...]:
        """A tap on a card.

        Raises:
            MessageError: The card is no longer on the screens.
        """
        guest = self._guest(contact_id)
        card = guest.cards.get(card_id)
        if card is None:
            raise MessageError("card_gone", "the card was recalled or replaced; nothing to do")
        records: list[Record] = list(self.path.count_shown(card_id, now_s))
        records.append(
            CardReacted(
                card_id,
                card.decision_id,
                guest.visit_id,
                action,
                now_s,
                guest.person,
                key.id,
                self.path.house.catalog.items[card.item].item_id,
            )
        )
        self.path.counts[f"reaction_{action}"] += 1
        if action == "reserve":
            records += self.path.learn(guest, card, Kind.ACCEPTED, now_s)
        if action in ("reserve", "shown"):
            self.path.showing.react(guest, card, "reserved" if action == "reserve" else "shown")
        else:
            if action == "wrong":
                records += self.path.learn(guest, card, Kind.VETOED, now_s)
                records += self._veto(guest, card.item, now_s)
            elif action == "gift":
                records += self._was_gift(guest, card, now_s)
            elif action == "not_now":
                guest.wave_off(card.item, now_s)
            self.path.showing.put_away(guest, card)
        if action != "shown":
            self.path.caps.answered(card_id)
        return (*records, EventSeen(key, now_s))

    def _veto(self, guest: Guest, item: int, now_s: float) -> tuple[Record, ...]:
        """Never show this item to this guest again, until the veto's time is up."""
        until_s = now_s + VETO_S
        guest.veto(item, until_s)
        if self._profiled(guest.person, now_s) is None:
            return ()  # without a profile the veto lives as long as the visit
        item_id = self.path.house.catalog.items[item].item_id
        return (Vetoed(guest.person, item_id, until_s, now_s),)

    def _was_gift(self, guest: Guest, card: OpenCard, now_s: float) -> tuple[Record, ...]:
        """The purchase behind a card was for somebody else: it says nothing about this guest."""
        item = self.path.purchase_behind(guest, card, now_s)
        if item is None:
            return ()
        line = guest.give_away(item, self.path.house.catalog)
        self.path.remember(guest)
        self.path.recheck(now_s, guest.person)
        if line is None or self._profiled(guest.person, now_s) is None:
            return ()  # without a profile it holds for this visit
        return (GiftCorrected(guest.person, f"{line.receipt:016x}", True, now_s, line.sku),)

    def _guest(self, contact_id: str) -> Guest:
        guest = self.path.guest_of_contact(contact_id)
        if guest is None:
            raise MessageError("contact_gone", "the guest has left; nothing to do")
        return guest
