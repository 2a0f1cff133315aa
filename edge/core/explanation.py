"""Cards and insights: why this, why it is allowed, and what the customer can do about it.

The words come from the decision's own record, in German and English, each cause with its data
source and age. A guess (gift, motive, cluster) is never said, and of what is known the reason is
told, not what may follow from it: "was returned", not "did not fit".

At most two facts about a person stand on a screen at a time (A04), whichever way they are told: in
a cause, an insight, the size to look for, a line of what was withheld, the reason for no card or
for a recall, by a card of care or help itself, and on the cards that stay, with what was told of
their sources to who asked. (A card of help beside two reserved ones may be one fact too many: it
was chosen before anybody asks for words, and then tells nothing else.) A fact is what only the
profile knows: a purchase or return (of a class, so that a laptop bought is one fact in however many
lines), a wish of one's own, a size, a shade, a veto, an occasion. No facts about a person are what
everybody in the store can see of the visit, what the house or the box did ("shown often enough"),
and how somebody is addressed, which has a consent of its own.

First every card gets its reason, then the size, then a second reason, insights, and what was
withheld. A line whose fact finds no room is left out, and a card that is left without a reason says
that it was picked for today. Why people made a rule is told unless the rule is for some people
only: then its reason speaks of them.

Which of several true sentences comes first goes by rule: the house's reason, what rules and
purchases call for, own words, then what lies furthest from everybody's taste. The model is not
asked, because its answer (`contributions`) takes as long as the rest of a decision, and no text may
change under a reader's eyes once it stands. How often the first sentence names what moved the card
most is measured in the model card (`first_sentence_names_the_largest`).

Leaves out zone names, leases and marks: the board knows them.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

import numpy as np

from edge.core.candidates import Source
from edge.core.catalog import Text
from edge.core.curation import size_of
from edge.core.decision import Decision, Occasion, Shown, Snapshot
from edge.core.memory import Memory
from edge.core.reasons import ITEM_REASONS, UNSPOKEN, WORDS, Reason, mask_of
from edge.core.recall import PERSONAL
from edge.core.shades import shade_of
from edge.core.tone import lint, presentable

MAX_FACTS = 2
"""Facts about a person on a screen at a time (A04)."""
_FROM_PROFILE = int(PERSONAL)
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
    """For staff, on demand: what was not shown and why; `fact` as in `Cause`."""

    name: Text
    reason: Reason
    text: Text
    fact: str | None = None


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
        sizes: Sizes on the shelf. size_of_customer: The one to look for, if known, there, and
            told.
        text: The content of a care or service card.
        purpose: The consent it rests on, None where no person is involved.
        facts: What it tells about the person.
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
    facts: frozenset[str]


@dataclass(frozen=True, slots=True)
class Message:
    """What goes to a surface: cards, insights, or the reason for showing nothing."""

    cards: tuple[Card, ...]
    insights: tuple[Insight, ...]
    empty: Reason | None


class _Facts:
    """The budget of facts about a person on one screen.

    Args:
        told: Those that stand there already.
    """

    def __init__(self, told: Collection[str]) -> None:
        self._told = set(told)

    def may_tell(self, fact: str | None) -> bool:
        """Take a fact if it is none, or nothing new, or the budget still allows it."""
        if fact is None or fact in self._told:
            return True
        if self.are_full:
            return False
        self._told.add(fact)
        return True

    @property
    def are_full(self) -> bool:
        """Whether nothing new may be told."""
        return len(self._told) >= MAX_FACTS

    def tell(self, facts: Iterable[str]) -> None:
        """Take facts that are told in any case."""
        self._told.update(facts)


def explain(decision: Decision, snapshot: Snapshot, standing: Collection[str] = ()) -> Message:
    """Put a decision into words.

    Args:
        decision: Its slate becomes cards; an empty one keeps its reason and the insights.
        snapshot: The one it was made from.
        standing: Facts about the person on cards that stay beside these.
    """
    facts, slate = _Facts(standing), decision.slate
    if decision.empty in _PERSONAL:
        facts.tell([decision.empty])
    facts.tell(fact for line in slate if (fact := _told_by_itself(line, snapshot)))
    causes = [_causes(line, snapshot) for line in slate]
    why: list[tuple[Cause, ...]] = [() for _ in slate]
    _tell_next(why, causes, facts)
    sizes = [_size(line, snapshot, facts) for line in slate]
    for _ in range(1, MAX_CAUSES):
        _tell_next(why, causes, facts)
    why = [each or (_PICKED,) for each in why]
    told = (line for line in _insights(snapshot) if facts.may_tell(line.fact))
    insights = tuple(islice(told, MAX_INSIGHTS))
    withheld = _withheld(decision, snapshot, facts)
    cards = tuple(
        _card(decision.decision_id, at, line, why[at], sizes[at], withheld, snapshot)
        for at, line in enumerate(slate)
    )
    return Message(cards, insights, decision.empty)


def has_room(reason: Reason, told: Collection[str]) -> bool:
    """Tell whether a screen may give a reason beside the facts about a person it tells."""
    return reason not in _PERSONAL or len(told) < MAX_FACTS


def _tell_next(why: list[tuple[Cause, ...]], causes: list[Iterator[Cause]], facts: _Facts) -> None:
    """Give each card its next cause; what the budget refuses once it refuses for good."""
    for at, mine in enumerate(causes):
        cause = next((c for c in mine if c not in why[at] and facts.may_tell(c.fact)), None)
        why[at] += () if cause is None else (cause,)


def _told_by_itself(line: Shown, snapshot: Snapshot) -> str | None:
    """Return the fact that a card of care or help tells, whatever its reasons say."""
    if not line.is_service:
        return None
    occasion = snapshot.prompts.occasions.get(line.item)
    return occasion.value if occasion else _purchase_fact(line.item, snapshot)


def _size(line: Shown, snapshot: Snapshot, facts: _Facts) -> str | None:
    """Return the customer's size for an item that is there in it, where it may be told."""
    size = None if line.is_service else size_of(line.item, snapshot)
    if size is None or all(v.size != size for v in snapshot.stock.in_stock(line.item)):
        return None
    return size if facts.may_tell(_size_fact(size)) else None


def _size_fact(size: str) -> str:
    return f"size:{size}"


def _card(
    decision_id: str,
    place: int,
    line: Shown,
    why: tuple[Cause, ...],
    size: str | None,
    withheld: tuple[Withheld, ...],
    snapshot: Snapshot,
) -> Card:
    catalog = snapshot.playbook.catalog
    goods = catalog.items[line.item]
    kind, text = _content(line, snapshot)
    is_item = kind == "item"
    stocked = snapshot.stock.in_stock(line.item) if is_item else ()
    told = [cause.fact for cause in why] + [each.fact for each in withheld]
    told += [_told_by_itself(line, snapshot), _size_fact(size) if size else None]
    facts = frozenset(fact for fact in told if fact is not None)
    purpose, allowed = _allowed(bool(facts) or line.sources & _FROM_PROFILE != 0, snapshot)
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
        sizes=tuple(dict.fromkeys(v.size for v in stocked if v.size)),
        size_of_customer=size,
        text=text,
        why=why,
        purpose=purpose,
        allowed=allowed,
        controls=CONTROLS,
        withheld=withheld,
        facts=facts,
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
    person = snapshot.person
    if person is not None and is_personal and "profile" in person.purposes:
        return "profile", _PROFILE
    if person is not None and snapshot.surface != "station":
        return ("offers" if snapshot.surface == "push" else "staff_contact"), _CONTACT
    return None, _NOBODY


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
    """Name the people behind a pinned or boosted item (A21), with their reason if it may be told.

    A rule for some people only has a reason that speaks of them: it would say what the box takes
    this person for.
    """
    if not line.rule_ids:
        return None
    rules = {rule.rule_id: rule for rule in snapshot.playbook.orders.rules}
    cause = None
    for rule_id in line.rule_ids:
        rule = rules.get(rule_id)
        if rule is None or rule.value < 1.0:
            continue
        age_s = max(0.0, (snapshot.moment.day - rule.day) * 86_400.0)
        if rule.audiences or rule.motives or lint(rule.reason, is_about_person=True):
            cause = cause or Cause(_HOUSE, "house", age_s)
            continue
        text = Text(f"Empfehlung des Hauses: {rule.reason}", f"The house suggests: {rule.reason}")
        return Cause(text, "house", age_s)
    return cause


_HOUSE = Text("Empfehlung des Hauses", "The house suggests it")


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
        told = _purchase_fact(line.item, snapshot)
        age_s = _bought_age_s(line.item, snapshot.memory, snapshot)
        return Cause(text, "receipts", age_s, told)
    anchor = snapshot.prompts.anchor_of(line.item)
    if anchor is None:
        return None
    name = _class_name(anchor, snapshot)
    text = Text(f"Passt dazu: {name.de}", f"Goes with: {name.en}")
    if anchor in snapshot.visit.basket:
        return Cause(text, "basket")
    age_s = _bought_age_s(anchor, snapshot.suggesting, snapshot)
    if age_s is None and anchor in snapshot.visit.scanned:
        return Cause(text, "scan")
    return Cause(text, "receipts", age_s, _purchase_fact(anchor, snapshot))


def _purchase_fact(item: int, snapshot: Snapshot) -> str:
    classes = snapshot.playbook.classes
    return f"purchase:{classes.group_ids[classes.group[item]]}"


def _class_name(item: int, snapshot: Snapshot) -> Text:
    """Return the general word for an item: its class, not the very product that was bought."""
    catalog = snapshot.playbook.catalog
    goods = catalog.items[item]
    known = catalog.classes.get(goods.class_id or "")
    return known.name if known else Text(goods.category, goods.category)


def _bought_age_s(item: int, memory: Memory, snapshot: Snapshot) -> float | None:
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


def _of_shade(line: Shown, snapshot: Snapshot) -> Cause | None:
    person, shade = snapshot.person, shade_of(line.item, snapshot)
    if person is None or shade is None or line.is_service:
        return None
    name, bought_s = shade.name, person.shades[shade]
    text = presentable(Text(f"In Ihrem Farbton {name}", f"In your shade {name}"), _OWN_SHADE)
    if bought_s is None:
        return Cause(text, "stated", _profile_age_s(snapshot), f"shade:{name}")
    age_s = max(0.0, snapshot.moment.now_s - bought_s)
    return Cause(text, "receipts", age_s, f"shade:{name}")


_OWN_SHADE = Text("In Ihrem Farbton", "In your shade")
_HISTORY = Text("Passt zu früheren Einkäufen", "Fits earlier purchases")
_LIKES = Text("Wird oft dazu gewählt", "Often chosen with it")
_TOGETHER = Text("Wurde von anderen dazu gewählt", "Others have chosen it with this")
_SERIES = Text("Der nächste Teil der Reihe", "Next in the series")
_ZONE = Text("Liegt gleich hier in der Abteilung", "Right here in this department")
_PICKED = Cause(Text("Für heute ausgewählt", "Picked for today"), "visit")
_POPULAR = Cause(Text("Wird hier gern gekauft", "A favourite in this store"), "sales")


def _of_history(_: Shown, snapshot: Snapshot) -> Cause:
    return Cause(_HISTORY, "receipts", _profile_age_s(snapshot), "purchases")


def _of_likes(_: Shown, snapshot: Snapshot) -> Cause:
    return Cause(_LIKES, "receipts", _profile_age_s(snapshot), "purchases")


def _of_series(_: Shown, snapshot: Snapshot) -> Cause:
    return Cause(_SERIES, "receipts", _profile_age_s(snapshot), "series")


def _of_basket(_: Shown, snapshot: Snapshot) -> Cause:
    """Name the basket where no other label was read: which of them it goes with nobody noted."""
    visit = snapshot.visit
    return Cause(_TOGETHER, "basket" if set(visit.scanned) <= set(visit.basket) else "scan")


def _of_zone(line: Shown, snapshot: Snapshot) -> Cause | None:
    """Say that it lies here, unless the catalogue has moved it since the model was trained."""
    if snapshot.playbook.catalog.items[line.item].zone != snapshot.visit.zone:
        return None
    return Cause(_ZONE, "zone", max(0.0, snapshot.moment.now_s - snapshot.visit.zone_since_s))


def _of_popular(_: Shown, __: Snapshot) -> Cause:
    return _POPULAR


Maker = Callable[[Shown, Snapshot], Cause | None]

ALWAYS = 0
"""In the place of a source bit: what may hold for a candidate of any source."""
_OF_SOURCE: Sequence[tuple[int, Maker]] = (
    (Source.STATED.value, _of_stated),
    (Source.SERIES.value, _of_series),
    (ALWAYS, _of_shade),
    (Source.HISTORY.value, _of_history),
    (Source.TRANSITION.value, _of_likes),
    (Source.SIMILAR.value, _of_likes),
    (Source.ENCODER.value, _of_history),
    (Source.TOGETHER.value, _of_basket),
    (Source.ZONE.value, _of_zone),
    (Source.POPULAR.value, _of_popular),
)
"""By source bit, the most telling first. Personal ones tell a fact and share the budget."""


@cache
def _makers(sources: int) -> tuple[Maker, ...]:
    """Return what may make a cause for a set of sources; people's own words come first."""
    return (_of_rule, _of_prompt, *(m for bit, m in _OF_SOURCE if bit == ALWAYS or sources & bit))


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


def _withheld(decision: Decision, snapshot: Snapshot, facts: _Facts) -> tuple[Withheld, ...]:
    """List a few things not shown, what the person knows of first; no gift, nothing delicate."""
    masks = np.frombuffer(decision.trace_reasons, "<u4")
    first = masks & (~masks + _ONE)  # the ground that decided
    found: list[Withheld] = []
    is_of_house = facts.are_full or snapshot.arm.is_holdout
    for tellable in (_OF_HOUSE,) if is_of_house else (_OF_PERSON, _OF_HOUSE):
        for at in (first & tellable).nonzero()[0].tolist():
            item = int.from_bytes(decision.trace_items[4 * at : 4 * at + 4], "little")
            if masks[at] & _UNTOLD or item in snapshot.memory.only_given:
                continue
            reason = ITEM_REASONS[int(first[at]).bit_length() - 1]
            fact = _fact_behind(reason, item, snapshot)
            if len(found) == MAX_SUPPRESSED or not facts.may_tell(fact):
                break
            name = snapshot.playbook.catalog.items[item].name
            found.append(Withheld(name, reason, WORDS[reason], fact))
    return tuple(found)


def _fact_behind(reason: Reason, item: int, snapshot: Snapshot) -> str | None:
    """Return the fact that a ground against an item tells of the person, if any."""
    if reason not in _PERSONAL:
        return None
    if reason is Reason.SIZE_UNAVAILABLE:
        return _size_fact(size_of(item, snapshot) or "")
    if reason in (Reason.VETOED, Reason.RETURNED):
        return f"{reason}:{item}"
    return _purchase_fact(item, snapshot)


_PERSONAL = frozenset(
    {
        Reason.VETOED,
        Reason.JUST_BOUGHT,
        Reason.JUST_BOUGHT_CLASS,
        Reason.RETURNED,
        Reason.OWNED,
        Reason.NOT_DUE,
        Reason.SERIES_ORDER,
        Reason.SAME_DEPARTMENT,
        Reason.SILENCE_AFTER_PURCHASE,
        Reason.SIZE_UNAVAILABLE,
        Reason.BASIS_GONE,
    }
)
"""Grounds that tell something of the person."""
_OF_PERSON = mask_of(
    Reason.VETOED,
    Reason.JUST_BOUGHT,
    Reason.JUST_BOUGHT_CLASS,
    Reason.RETURNED,
    Reason.NOT_DUE,
    Reason.SIZE_UNAVAILABLE,
)
_OF_HOUSE = mask_of(Reason.OUT_OF_STOCK, Reason.FREQUENCY_CAP, Reason.BANNED)
_UNTOLD = mask_of(*UNSPOKEN, Reason.BELOW_FLOOR)
"""What is secret, and what would not have been shown if it had been there."""
_ONE = np.uint32(1)
