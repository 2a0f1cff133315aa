"""Was this bought for somebody else? A guess about one line of one receipt, never about a person.

What makes the guess: a gift receipt, gift wrap, goods made to be given, goods for an audience the
buyer neither declared nor ever buys for, and the days before the usual feasts. What it changes:
a gift is no sign of interest and closes nothing for the giver (`memory`). A correction by staff or
customer wins over any guess, and teaches that this audience is no riddle any more. No word about
it reaches a screen, and nothing of it is kept but the flag on the line.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum

from edge.core.catalog import Catalog, ClassKind
from edge.core.memory import Purchases
from edge.core.moment import Moment
from edge.core.sales import Sale, SaleLine

THRESHOLD = 0.5
MIN_TAGGED = 10
"""Purchases with a known audience before a habit may speak."""
OWN_SHARE = 0.1
"""Share of purchases for an audience from which it counts as the buyer's own household."""
SEASON_DAYS = 14
_AUDIENCE = "for:"


class Sign(StrEnum):
    """What speaks for a gift."""

    GIFT_RECEIPT = "gift_receipt"
    WRAPPED = "wrapped"
    GIFT_CLASS = "gift_class"
    NOT_DECLARED = "not_declared"
    NOT_HABITUAL = "not_habitual"
    SEASON = "season"


# Chance that each sign alone means a gift; they combine as independent causes (noisy or).
# Proposals, to be replaced by counts of corrections.
WEIGHTS: Mapping[Sign, float] = {
    Sign.GIFT_RECEIPT: 0.95,
    Sign.WRAPPED: 0.9,
    Sign.GIFT_CLASS: 0.5,
    Sign.NOT_DECLARED: 0.6,
    Sign.NOT_HABITUAL: 0.45,
    Sign.SEASON: 0.2,
}


@dataclass(frozen=True, slots=True)
class BasketLine:
    """One line that was sold."""

    item: int
    is_wrapped: bool = False


@dataclass(frozen=True, slots=True)
class Buyer:
    """What is known of the buyer, as far as consent lets in.

    Attributes:
        declared: The audience the buyer gave, None where none.
        counts: Purchases for oneself by audience tag.
        cleared: Audiences the buyer was corrected about: "that is for me".
    """

    declared: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    cleared: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Guess:
    """The guess for one line, with what made it, for the audit trail only."""

    item: int
    score: float
    signs: tuple[Sign, ...]

    @property
    def is_gift(self) -> bool:
        """Whether the line counts as bought for somebody else."""
        return self.score >= THRESHOLD


@dataclass(frozen=True, slots=True)
class Correction:
    """Somebody who knows says what it was; `item` None: the whole receipt."""

    receipt_id: str
    is_gift: bool
    at_s: float
    item: int | None = None


def guess(
    lines: Sequence[BasketLine],
    catalog: Catalog,
    moment: Moment,
    buyer: Buyer | None = None,
    *,
    has_gift_receipt: bool = False,
) -> tuple[Guess, ...]:
    """Guess for every line of a receipt whether it is a gift.

    Args:
        lines: Of one receipt.
        catalog: Gives class kind and audience tags.
        moment: Of the sale; feasts are near or not.
        buyer: None where nobody is known; habit and declaration are then silent.
        has_gift_receipt: Was asked for at the till; speaks for every line.
    """
    season = is_gift_season(moment.day)
    return tuple(
        _guess_line(line, catalog, buyer or Buyer(), season, has_gift_receipt) for line in lines
    )


def _guess_line(
    line: BasketLine, catalog: Catalog, buyer: Buyer, is_season: bool, has_receipt: bool
) -> Guess:
    goods = catalog.items[line.item]
    known = catalog.classes.get(goods.class_id or "")
    audiences = audiences_of(line.item, catalog)
    is_for_others = bool(audiences) and not any(_is_own(a, buyer) for a in audiences)
    speaks = {
        Sign.GIFT_RECEIPT: has_receipt,
        Sign.WRAPPED: line.is_wrapped,
        Sign.GIFT_CLASS: known is not None and known.kind is ClassKind.GIFT,
        Sign.NOT_DECLARED: is_for_others
        and buyer.declared is not None
        and buyer.declared not in audiences,
        Sign.NOT_HABITUAL: is_for_others and sum(buyer.counts.values()) >= MIN_TAGGED,
    }
    signs = [sign for sign, is_so in speaks.items() if is_so]
    if signs and is_season:  # the calendar alone makes no gift
        signs.append(Sign.SEASON)
    doubt = 1.0
    for sign in signs:
        doubt *= 1.0 - WEIGHTS[sign]
    return Guess(line.item, 1.0 - doubt, tuple(signs))


def _is_own(audience: str, buyer: Buyer) -> bool:
    if audience in buyer.cleared:
        return True
    total = sum(buyer.counts.values())
    own = buyer.counts.get(audience, 0)
    return own >= 3 and own >= OWN_SHARE * total


def audiences_of(item: int, catalog: Catalog) -> frozenset[str]:
    """Return whom an item is made for, by its tags; empty: for anybody."""
    tags = catalog.items[item].tags
    return frozenset(t.removeprefix(_AUDIENCE) for t in tags if t.startswith(_AUDIENCE))


def audience_counts(items: Iterable[int], catalog: Catalog) -> dict[str, int]:
    """Count purchases for oneself by audience."""
    counts: dict[str, int] = {}
    for item in items:
        for audience in audiences_of(item, catalog):
            counts[audience] = counts.get(audience, 0) + 1
    return counts


def buyer_of(
    declared: Mapping[str, str],
    purchases: Purchases,
    catalog: Catalog,
    not_gifts: Iterable[int] = (),
) -> Buyer:
    """Return what a profile says about its owner as a buyer.

    Args:
        declared: Bands the person gave; `audience` is the one that counts.
        purchases: What is known; gifts among them say nothing about the buyer.
        catalog: Gives audience tags.
        not_gifts: Items that were corrected: they are for the buyer.
    """
    own = purchases.items[~purchases.is_gift].tolist()
    cleared = frozenset(a for item in not_gifts for a in audiences_of(item, catalog))
    return Buyer(declared.get("audience"), audience_counts(own, catalog), cleared)


def marked(
    sale: Sale,
    catalog: Catalog,
    moment: Moment,
    buyer: Buyer | None,
    given: Container[int] = (),
) -> Sale:
    """Return a sale whose lines carry the guess as their gift flag; a till's own flag stays.

    From here on everything reads the flag: the visit's memory, the ledger, a later correction.

    Args:
        sale: As the till told it.
        catalog: Gives class kind and audience tags.
        moment: Of the sale.
        buyer: None where nobody is known.
        given: Items that somebody said are gifts while they lay in the basket.
    """
    known = [(line, item) for line in sale.lines if (item := _item_of(line, catalog)) is not None]
    guesses = guess(
        [BasketLine(item, line.is_gift_wrapped) for line, item in known],
        catalog,
        moment,
        buyer,
        has_gift_receipt=sale.has_gift_receipt,
    )
    gifts = {line.line_no for (line, _), found in zip(known, guesses, strict=True) if found.is_gift}
    gifts |= {line.line_no for line, item in known if item in given}
    lines = tuple(
        replace(line, is_gift_wrapped=line.is_gift_wrapped or line.line_no in gifts)
        for line in sale.lines
    )
    return replace(sale, lines=lines)


def _item_of(line: SaleLine, catalog: Catalog) -> int | None:
    sku = catalog.sku_of(line.sku, line.gtin)
    return None if sku is None else catalog.item_of_sku(sku)


def corrected(receipt_id: str, item: int, guessed: bool, corrections: Iterable[Correction]) -> bool:
    """Return whether a line is a gift: the newest correction about it, else the guess."""
    about = [
        c for c in corrections if c.receipt_id == receipt_id and (c.item is None or c.item == item)
    ]
    if not about:
        return guessed
    # Two at one moment: the one about the line itself knows more than the one about the receipt.
    return max(about, key=lambda c: (c.at_s, c.item is not None)).is_gift


def cleared_audiences(
    corrections: Iterable[Correction], items_of: Mapping[str, Sequence[int]], catalog: Catalog
) -> frozenset[str]:
    """Return the audiences that "not a gift" was said about: they are the buyer's own.

    Args:
        corrections: All of one person.
        items_of: Items by receipt id.
        catalog: Gives audience tags.
    """
    found: set[str] = set()
    for correction in corrections:
        if correction.is_gift:
            continue
        items = items_of.get(correction.receipt_id, ())
        for item in items if correction.item is None else (correction.item,):
            found |= audiences_of(item, catalog)
    return frozenset(found)


def is_gift_season(day: int) -> bool:
    """Tell whether a store-local day lies in the fortnight before a feast of giving."""
    today = date.fromordinal(day)
    feasts = (date(today.year, 2, 14), mothers_day(today.year), date(today.year, 12, 24))
    return any(timedelta() <= feast - today <= timedelta(days=SEASON_DAYS) for feast in feasts)


def mothers_day(year: int) -> date:
    """Return the second Sunday of May, Mother's Day in Germany."""
    first = date(year, 5, 1)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7)
