"""Cards and insights: why this, why it is allowed, and what the customer can do about it.

The words come from the decision's own record, in German and English, each cause with its data
source and age. At most two facts about a person appear in one message, cards and insights
together; a guess (gift, motive, cluster) is never said. Leaves out zone names, leases and marks:
the board knows them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

import numpy as np

from edge.core.candidates import Source
from edge.core.catalog import Text
from edge.core.curation import size_of
from edge.core.decision import Decision, Occasion, Shown, Snapshot
from edge.core.reasons import BIT, ITEM_REASONS, UNSPOKEN, WORDS, Reason
from edge.core.tone import lint, presentable

MAX_FACTS = 2
"""Facts about a person in one message (A04)."""
MAX_CAUSES = 2
MAX_INSIGHTS = 3
MAX_SUPPRESSED = 3
CONTROLS = ("less", "never", "correct", "opt_out")


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason in words.

    Attributes:
        source: Which data it rests on: `receipts`, `basket`, `stated`, `zone`, `sales`, `house`.
        age_s: Age of that data, None where age means nothing.
        fact: Key of the fact about a person it tells, None where it tells none.
    """

    text: Text
    source: str
    age_s: float | None = None
    fact: str | None = None

    @property
    def ground(self) -> str:
        """What the sentence rests on, so that somebody can ask later whether it still holds."""
        return (self.fact or self.source).partition(":")[0]


Insight = Cause
"""One line about this visit or person for staff has the same parts as a cause."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """For staff, on demand: what was not shown and why."""

    name: Text
    reason: Reason
    text: Text


@dataclass(frozen=True, slots=True)
class Price:
    """A promotion on a card."""

    text: Text
    price_cents: int | None


@dataclass(frozen=True, slots=True)
class Card:
    """One item or one piece of content, as every surface shows it.

    Attributes:
        kind: `item`, `care` or `service`.
        zone: Zone id of the shelf. units: In stock, None for content.
        sizes: Sizes on the shelf. size_of_customer: The one to look for, if known and there.
        text: The content of a care or service card.
        purpose: The consent it rests on, None where no person is involved.
    """

    card_id: str
    decision_id: str
    kind: str
    item: int
    item_id: str
    name: Text
    brand: str
    price_cents: int | None
    currency: str
    offer: Price | None
    picture: str | None
    aisle: str
    zone: str
    units: int | None
    sizes: tuple[str, ...]
    size_of_customer: str | None
    text: Text | None
    why: tuple[Cause, ...]
    purpose: str | None
    allowed: Text
    controls: tuple[str, ...]
    withheld: tuple[Withheld, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """What goes to a surface: cards, insights, or the reason for showing nothing."""

    cards: tuple[Card, ...]
    insights: tuple[Insight, ...]
    empty: Reason | None


class _Facts:
    """The budget of facts about a person in one message."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def may_tell(self, cause: Cause) -> bool:
        """Take a cause if it tells nothing, or nothing new, or the budget still allows it."""
        if cause.fact is None or cause.fact in self._told:
            return True
        if len(self._told) >= MAX_FACTS:
            return False
        self._told.add(cause.fact)
        return True


def explain(decision: Decision, snapshot: Snapshot) -> Message:
    """Put a decision into words.

    Args:
        decision: Its slate becomes cards; an empty one keeps its reason and the insights.
        snapshot: The one it was made from.
    """
    facts = _Facts()
    withheld = _withheld(decision, snapshot)
    told = _told([_causes(line, snapshot) for line in decision.slate], facts)
    cards = tuple(
        _card(decision.decision_id, at, line, told[at], withheld, snapshot)
        for at, line in enumerate(decision.slate)
    )
    insights = tuple(islice(filter(facts.may_tell, _insights(snapshot)), MAX_INSIGHTS))
    return Message(cards, insights, decision.empty)


def _told(causes: list[Iterator[Cause]], facts: _Facts) -> list[tuple[Cause, ...]]:
    """Choose the causes of each card; every card gets its first before any gets a second.

    What the budget refuses once it refuses for good, so each cause is asked for only once.
    """
    told: list[tuple[Cause, ...]] = [() for _ in causes]
    for _ in range(MAX_CAUSES):
        for at, mine in enumerate(causes):
            cause = next((c for c in mine if c not in told[at] and facts.may_tell(c)), None)
            told[at] += () if cause is None else (cause,)
    return told


def _card(
    decision_id: str,
    place: int,
    line: Shown,
    why: tuple[Cause, ...],
    withheld: tuple[Withheld, ...],
    snapshot: Snapshot,
) -> Card:
    catalog = snapshot.playbook.catalog
    goods = catalog.items[line.item]
    kind, text = _content(line, snapshot)
    is_item = kind == "item"
    stocked = snapshot.stock.in_stock(line.item) if is_item else ()
    size = size_of(line.item, snapshot) if is_item else None
    sizes = tuple(dict.fromkeys(v.size for v in stocked if v.size))
    purpose, allowed = _allowed(any(c.fact for c in why), snapshot)
    return Card(
        card_id=f"{decision_id}-{place}",
        decision_id=decision_id,
        kind=kind,
        item=line.item,
        item_id=goods.item_id,
        name=goods.name,
        brand=goods.brand,
        price_cents=goods.price_cents if is_item else None,
        currency=catalog.currency,
        offer=_offer(line, snapshot) if is_item else None,
        picture=goods.picture,
        aisle=goods.aisle,
        zone=goods.zone,
        units=snapshot.stock.units_of_item(line.item) if is_item else None,
        sizes=sizes,
        size_of_customer=size if size in sizes else None,
        text=text,
        why=why,
        purpose=purpose,
        allowed=allowed,
        controls=CONTROLS,
        withheld=withheld,
    )


# What stands where the chain's own text still has a placeholder in it (A18).
_OFFER = Text("Angebot", "Offer")
_ASK_US = Text("Fragen Sie uns gern nach der Pflege.", "Ask us how to care for it.")


def _content(line: Shown, snapshot: Snapshot) -> tuple[str, Text | None]:
    """Return what kind of card this is, and its text where it is not an item's."""
    if not line.is_service:
        return "item", None
    if snapshot.prompts.occasions.get(line.item) is Occasion.FREE_DELIVERY:
        return "service", Text(
            "Schweres liefern wir kostenlos nach Hause.", "We deliver heavy goods free of charge."
        )
    care = snapshot.playbook.catalog.items[line.item].care
    return "care", None if care is None else presentable(care, _ASK_US)


def _offer(line: Shown, snapshot: Snapshot) -> Price | None:
    if line.offer_id is None:
        return None
    offers = snapshot.playbook.offers
    offer = offers.offers[offers.offer_at[line.offer_id]]
    return Price(presentable(offer.text, _OFFER), offer.price_cents)


def _allowed(is_personal: bool, snapshot: Snapshot) -> tuple[str | None, Text]:
    if snapshot.person is None or not is_personal:
        if snapshot.person is not None and snapshot.surface != "station":
            return ("offers" if snapshot.surface == "push" else "staff_contact"), _CONTACT
        return None, _NOBODY
    return "profile", _PROFILE


_CONTACT = Text("Sie haben dem Kontakt zugestimmt.", "You agreed to being contacted.")
_NOBODY = Text("Ohne Bezug auf Ihre Person.", "Without reference to you as a person.")
_PROFILE = Text(
    "Sie haben zugestimmt, dass wir Ihre Einkäufe und Angaben dafür nutzen.",
    "You agreed that we use your purchases and statements for this.",
)


def _causes(line: Shown, snapshot: Snapshot) -> Iterator[Cause]:
    """Yield the causes of a line, the most telling first."""
    for make in _makers(line.sources):
        if (cause := make(line, snapshot)) is not None:
            yield cause


def _of_rule(line: Shown, snapshot: Snapshot) -> Cause | None:
    """Name the people behind a pinned or boosted item (A21)."""
    if not line.rule_ids:
        return None
    rules = {rule.rule_id: rule for rule in snapshot.playbook.orders.rules}
    for rule_id in line.rule_ids:
        rule = rules.get(rule_id)
        if rule is None or rule.value < 1.0 or lint(rule.reason):
            continue
        age_s = max(0.0, (snapshot.moment.day - rule.day) * 86_400.0)
        text = Text(f"Empfehlung des Hauses: {rule.reason}", f"The house suggests: {rule.reason}")
        return Cause(text, "house", age_s)
    return None


_OCCASIONS: Mapping[Occasion, Text] = {
    Occasion.WIN_BACK: Text("Ein früherer Favorit ist wieder da", "A favourite of old is back"),
    Occasion.FREE_DELIVERY: Text("Schwer zu tragen", "Heavy to carry"),
    Occasion.BIRTHDAY: Text("Eine kleine Aufmerksamkeit", "A small treat"),
}


def _of_prompt(line: Shown, snapshot: Snapshot) -> Cause | None:
    occasion = snapshot.prompts.occasions.get(line.item)
    if occasion is not None:
        return Cause(_OCCASIONS[occasion], "receipts", _profile_age_s(snapshot), occasion.value)
    if line.is_service:
        text = Text("Pflegetipp zu Ihrem Einkauf", "How to care for your purchase")
        told = f"purchase:{line.item}"
        return Cause(text, "receipts", _bought_age_s(line.item, snapshot), told)
    anchor = snapshot.prompts.anchor_of(line.item)
    if anchor is None:
        return None
    name = _class_name(anchor, snapshot)
    text = Text(f"Passt dazu: {name.de}", f"Goes with: {name.en}")
    if anchor in snapshot.visit.basket:
        return Cause(text, "basket")
    age_s = _bought_age_s(anchor, snapshot)
    if age_s is None and anchor in snapshot.visit.scanned:
        return Cause(text, "scan")
    return Cause(text, "receipts", age_s, f"purchase:{anchor}")


def _class_name(item: int, snapshot: Snapshot) -> Text:
    """Return the general word for an item: its class, not the very product that was bought."""
    catalog = snapshot.playbook.catalog
    goods = catalog.items[item]
    known = catalog.classes.get(goods.class_id or "")
    return known.name if known else Text(goods.category, goods.category)


def _bought_age_s(item: int, snapshot: Snapshot) -> float | None:
    memory = snapshot.memory
    at = int(memory.items.searchsorted(item))
    if at >= memory.items.size or memory.items[at] != item:
        return None
    return max(0.0, snapshot.moment.now_s - float(memory.last_s[at]))


def _profile_age_s(snapshot: Snapshot) -> float | None:
    person = snapshot.person
    if person is None or person.profile_as_of_s is None:
        return None
    return max(0.0, snapshot.moment.now_s - person.profile_as_of_s)


def _of_stated(line: Shown, snapshot: Snapshot) -> Cause | None:
    person = snapshot.person
    if person is None:
        return None
    goods = snapshot.playbook.catalog.items[line.item]
    names = (goods.class_id or "", goods.category, goods.department, *goods.tags)
    if person.stated.isdisjoint(names):
        return None
    name = _class_name(line.item, snapshot)
    text = Text(f"Eigene Angabe: mag {name.de}", f"Own words: likes {name.en}")
    told = f"stated:{goods.class_id or goods.category}"
    return Cause(text, "stated", _profile_age_s(snapshot), told)


_HISTORY = Text("Passt zu früheren Einkäufen", "Fits earlier purchases")
_LIKES = Text("Wird oft dazu gewählt", "Often chosen with it")
_SERIES = Text("Der nächste Teil der Reihe", "Next in the series")
_ZONE = Text("Liegt gleich hier in der Abteilung", "Right here in this department")
_POPULAR = Cause(Text("Wird hier gern gekauft", "A favourite in this store"), "sales")


def _of_history(_: Shown, snapshot: Snapshot) -> Cause:
    return Cause(_HISTORY, "receipts", _profile_age_s(snapshot), "purchases")


def _of_likes(_: Shown, snapshot: Snapshot) -> Cause:
    return Cause(_LIKES, "receipts", _profile_age_s(snapshot), "purchases")


def _of_series(_: Shown, snapshot: Snapshot) -> Cause:
    return Cause(_SERIES, "receipts", _profile_age_s(snapshot), "series")


def _of_zone(_: Shown, snapshot: Snapshot) -> Cause:
    return Cause(_ZONE, "zone", max(0.0, snapshot.moment.now_s - snapshot.visit.zone_since_s))


def _of_popular(_: Shown, __: Snapshot) -> Cause:
    return _POPULAR


Maker = Callable[[Shown, Snapshot], Cause | None]

_OF_SOURCE: Sequence[tuple[int, Maker]] = (
    (Source.STATED.value, _of_stated),
    (Source.SERIES.value, _of_series),
    (Source.HISTORY.value, _of_history),
    (Source.TRANSITION.value, _of_likes),
    (Source.SIMILAR.value, _of_likes),
    (Source.ENCODER.value, _of_history),
    (Source.ZONE.value, _of_zone),
    (Source.POPULAR.value, _of_popular),
)
"""By source bit, the most telling first. Personal ones tell a fact and share the budget."""


@cache
def _makers(sources: int) -> tuple[Maker, ...]:
    """Return what may make a cause for a set of sources; people's own words come first."""
    return (_of_rule, _of_prompt, *(make for source, make in _OF_SOURCE if sources & source))


def _insights(snapshot: Snapshot) -> list[Insight]:
    """Return lines for staff: what the customer said first, then the visit; never a guess."""
    found: list[Insight] = []
    person, visit, now_s = snapshot.person, snapshot.visit, snapshot.moment.now_s
    if visit.is_quiet:
        found.append(Cause(Text("Möchte sich nur umsehen", "Just looking"), "visit"))
    if person is not None and "profile" in person.purposes:
        age_s = _profile_age_s(snapshot)
        classes = snapshot.playbook.catalog.classes
        for name in sorted(person.stated & classes.keys()):
            word = classes[name].name
            text = Text(f"Eigene Angabe: mag {word.de}", f"Own words: likes {word.en}")
            found.append(Cause(text, "stated", age_s, f"stated:{name}"))
    if visit.zone is not None and now_s - visit.zone_since_s >= 60.0:
        minutes = int((now_s - visit.zone_since_s) // 60)
        text = Text(f"Seit {minutes} Min. in dieser Abteilung", f"Here for {minutes} min")
        found.append(Cause(text, "zone", now_s - visit.zone_since_s))
    if visit.basket:
        text = Text(f"{len(visit.basket)} Artikel im Korb", f"{len(visit.basket)} in the basket")
        found.append(Cause(text, "basket"))
    return found


def _withheld(decision: Decision, snapshot: Snapshot) -> tuple[Withheld, ...]:
    """List a few things not shown; nothing sensitive, no gift and no guess among them."""
    reasons = np.frombuffer(decision.trace_reasons, "<u4")
    items = np.frombuffer(decision.trace_items, "<i4")
    found: list[Withheld] = []
    for at in (reasons & _TELLABLE).nonzero()[0].tolist():
        item, mask = int(items[at]), int(reasons[at])
        first = mask & -mask
        if first & _TELLABLE and not mask & _SECRET and item not in snapshot.memory.only_given:
            reason = ITEM_REASONS[first.bit_length() - 1]
            name = snapshot.playbook.catalog.items[item].name
            found.append(Withheld(name, reason, WORDS[reason]))
            if len(found) == MAX_SUPPRESSED:
                break
    return tuple(found)


_TELLABLE = sum(
    1 << BIT[reason]
    for reason in (
        Reason.VETOED,
        Reason.OUT_OF_STOCK,
        Reason.JUST_BOUGHT,
        Reason.JUST_BOUGHT_CLASS,
        Reason.RETURNED,
        Reason.NOT_DUE,
        Reason.FREQUENCY_CAP,
        Reason.BANNED,
        Reason.SIZE_UNAVAILABLE,
    )
)
_SECRET = sum(1 << BIT[reason] for reason in UNSPOKEN)
