"""The words: why this, from which data and how old, why allowed, and never more than two facts."""

from dataclasses import fields, is_dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.candidates import Source
from edge.core.catalog import Text
from edge.core.decision import Motive
from edge.core.explanation import MAX_FACTS, Card, Message, explain
from edge.core.playbook import Limits, Orders
from edge.core.reasons import WORDS, Reason
from edge.core.rules import Rule, RuleKind
from edge.core.tone import lint, spoken_name
from tests.core.decision_world import CATALOG, DAY_S, NOW, World, number


def facts(message: Message) -> set[str]:
    """Return the distinct facts about a person in a message."""
    causes = [c for card in message.cards for c in card.why] + list(message.insights)
    return {cause.fact for cause in causes if cause.fact}


def only_card(message: Message, item_id: str) -> Card:
    """Return the card of an item."""
    return next(card for card in message.cards if card.item_id == item_id)


def test_a_card_says_where_it_lies_and_what_is_there() -> None:
    """Aisle, zone, units, sizes, and the customer's own size (B08)."""
    world = World().by_person(sizes={"shirt": "L"})
    world.stock.set_level("shirt-a-M", 0, NOW.now_s)
    card = only_card(world.decide({"shirt-a": 0.9}).message, "shirt-a")
    assert (card.aisle, card.zone, card.units) == ("EG 1", "fashion", 10)
    assert (card.sizes, card.size_of_customer) == (("L",), "L")
    assert card.price_cents == 6_000


def test_a_card_carries_its_offer() -> None:
    """The spring price of the tie."""
    card = only_card(World().decide({"tie": 0.9}).message, "tie")
    assert card.offer is not None
    assert (card.offer.text.de, card.offer.price_cents) == ("Frühling", 2_900)


def test_what_fits_the_basket_is_said_in_general_words() -> None:
    """The class of the shirt, not the very shirt; the data is the basket (A29, A32)."""
    world = World().in_visit(basket=(number("shirt-a"),))
    (cause, *_) = only_card(world.decide().message, "tie").why
    assert cause.text == Text("Passt dazu: Hemd", "Goes with: shirt")
    assert (cause.source, cause.fact) == ("basket", None)


@pytest.mark.parametrize("text", ["Hallo {{first}}!", "{name}, nur für Sie", "Dear ${name}", "%s"])
def test_no_text_of_the_chain_leaks_a_placeholder(text: str) -> None:
    """An offer and a care tip with an open placeholder in one language: neutral words instead."""
    broken = Text("Frühling", text)
    items = tuple(replace(i, care=broken) if i.care else i for i in CATALOG.items)
    offers = tuple(replace(o, text=broken) for o in CATALOG.offers)
    world = World(catalog=replace(CATALOG, items=items, offers=offers)).bought("coat-a", days_ago=1)
    cards = world.decide({"tie": 0.9, "scarf": 0.9}).message.cards
    assert {card.kind for card in cards} == {"care", "item"}
    assert any(card.offer for card in cards)
    assert text not in repr(cards)


def test_each_card_names_what_it_goes_with() -> None:
    """Two purchases, two cards: the mouse does not go with the shirt; a label is no basket."""
    world = World().bought("laptop-a", days_ago=1).in_visit(scanned=(number("shirt-a"),))
    for gone in ("bag", "cufflinks"):
        world.stock.set_level(gone, 0, NOW.now_s)
    world.orders = Orders(limits=Limits(max_cards={"tablet": 3}))
    message = world.decide({"mouse": 0.9, "tie": 0.8}).message
    said = {c.item_id: (c.why[0].text.en, c.why[0].source) for c in message.cards}
    assert said["mouse"] == ("Goes with: laptop", "receipts")
    assert said["tie"] == ("Goes with: shirt", "scan")
    told = [*message.insights, *(cause for card in message.cards for cause in card.why)]
    assert all("basket" not in each.text.en for each in told)


def test_a_purchase_is_named_with_its_age() -> None:
    """A laptop two days ago: the bag's reason is two days old."""
    world = World().bought("laptop-a", days_ago=2)
    outcome = world.decide({"bag": 0.9})
    cause = only_card(outcome.message, "bag").why[0]
    assert cause.source == "receipts"
    assert cause.age_s == pytest.approx(2 * DAY_S)


def test_stated_preferences_come_before_inferred_ones() -> None:
    """Both would explain the scarf; what was said comes first (A25)."""
    world = World().by_person(stated=frozenset({"scarf"}), profile_as_of_s=NOW.now_s - 60.0)
    named = {"scarf": Source.STATED | Source.HISTORY}
    causes = only_card(world.decide({"scarf": 0.9}, named).message, "scarf").why
    assert [cause.source for cause in causes] == ["stated", "receipts"]
    assert causes[0].age_s == 60.0


def test_the_house_is_named_with_its_reason() -> None:
    """A pinned item says that people chose it, and why (A21)."""
    rule = Rule("r", RuleKind.PIN, ("item:bag",), "Anna", "neue Ware", NOW.day - 2, value=1.0)
    card = only_card(World(orders=Orders(rules=(rule,))).decide().message, "bag")
    assert card.why[0].text.de == "Empfehlung des Hauses: neue Ware"
    assert (card.why[0].source, card.why[0].age_s) == ("house", 2 * DAY_S)


def test_a_pushy_reason_is_not_repeated() -> None:
    """A rule's reason that fails the lint stays off the screen."""
    rule = Rule("r", RuleKind.PIN, ("item:bag",), "Anna", "Nur noch heute!!", NOW.day, value=1.0)
    card = only_card(World(orders=Orders(rules=(rule,))).decide().message, "bag")
    assert all(cause.source != "house" for cause in card.why)


def test_why_allowed_follows_the_data() -> None:
    """Personal causes rest on `profile`; without them on contact; unknown people on nothing."""
    personal = World().decide({"bag": 0.9}, {"bag": Source.HISTORY}).message
    assert only_card(personal, "bag").purpose == "profile"
    assert only_card(World().decide({"bag": 0.9}).message, "bag").purpose == "staff_contact"
    assert only_card(World(person=None).decide({"bag": 0.9}).message, "bag").purpose is None


def test_a_care_card_has_content_and_no_price() -> None:
    """Care is told in the product's own words, without price or offer (B06, C16)."""
    card = only_card(World().bought("coat-a", days_ago=1).decide().message, "coat-a")
    assert card.kind == "care"
    assert card.text == Text("Bürsten, nicht waschen", "Brush")
    assert (card.price_cents, card.offer, card.units) == (None, None, None)


def test_staff_see_what_was_withheld_but_nothing_delicate() -> None:
    """Sold out is told; sensitive goods, gifts and what is owned are not."""
    world = World().bought("scent-w", days_ago=9, is_gift=True).bought("laptop-a", days_ago=500)
    world.stock.set_level("mouse", 0, NOW.now_s)
    withheld = world.decide().message.cards[0].withheld
    assert {(w.name.de, w.reason) for w in withheld} == {("mouse", Reason.OUT_OF_STOCK)}


def test_a_contact_has_at_most_three_insights_and_two_facts() -> None:
    """Many stated likes, and cards that tell facts too: two facts in all (A04)."""
    stated = frozenset({"scarf", "tie", "mouse", "wine", "shirt"})
    world = World().by_person(stated=stated).in_visit(basket=(number("bag"),))
    named = {"scarf": Source.STATED, "mouse": Source.HISTORY}
    message = world.decide({"scarf": 0.9, "mouse": 0.8}, named).message
    assert len(facts(message)) == MAX_FACTS
    assert len(message.insights) <= 3


@given(
    st.lists(st.sampled_from(list(Source)), max_size=5),
    st.frozensets(st.sampled_from(["scarf", "tie", "mouse", "shirt", "wine"])),
    st.lists(st.sampled_from(["laptop-a", "coat-a", "crime-1", "paper"]), max_size=3),
)
def test_never_more_than_two_facts(
    sources: list[Source], stated: frozenset[str], bought: list[str]
) -> None:
    """Whatever is known, a message tells at most two things about a person."""
    world = World().by_person(stated=stated).bought(*bought, days_ago=3)
    mask = Source(0)
    for source in sources:
        mask |= source
    mask &= ~Source.CARE
    named = dict.fromkeys(("scarf", "mouse"), mask) if sources else {}
    message = world.decide({"scarf": 0.9, "mouse": 0.8}, named).message
    assert len(facts(message)) <= MAX_FACTS
    for card in message.cards:
        assert 1 <= len(card.why) <= 2 or card.kind != "item"


@pytest.mark.parametrize("motive", list(Motive))
def test_no_guess_is_read_aloud(motive: Motive) -> None:
    """The motive chooses, the words never say so."""
    world = World().in_visit(motive=motive)
    words = repr(world.decide({"tie": 0.5}).message).casefold()
    for guess in ("motive", "undecided", "unentschlossen", "price_comp", "cluster", "segment"):
        assert guess not in words


def every_text(value: object) -> list[Text]:
    """Return all texts inside a value."""
    if isinstance(value, Text):
        return [value]
    if isinstance(value, tuple):
        return [text for part in value for text in every_text(part)]
    if is_dataclass(value) and not isinstance(value, type):
        return [text for f in fields(value) for text in every_text(getattr(value, f.name))]
    return []


def test_every_sentence_passes_the_lint() -> None:
    """Cards, reasons and insights of a full contact are short, polite and complete (A17, C17)."""
    world = World().by_person(stated=frozenset({"scarf", "tie"}), birthday=(3, 3))
    world.bought("coat-a", "crime-1", days_ago=2).in_visit(basket=(number("shirt-a"),))
    named = {"tie": Source.STATED | Source.HISTORY | Source.POPULAR}
    texts = every_text(world.decide({"tie": 0.5}, named).message) + list(WORDS.values())
    assert len(texts) > 20
    for text in texts:
        for words in (text.de, text.en):
            assert words.strip()
            assert lint(words, is_about_person=True) == ()


def test_silence_has_words() -> None:
    """Every reason can be told in both languages."""
    assert set(WORDS) == set(Reason)


NAMES = [
    ("a plain name", "Anna Schmidt", "Anna Schmidt"),
    ("spaces around and inside", "  Anna   Schmidt ", "Anna Schmidt"),
    ("a till's capitals", "ANNA SCHMIDT", "Anna Schmidt"),
    ("a form's laziness", "anna schmidt", "Anna Schmidt"),
    ("hyphen and apostrophe", "Jean-Luc O'Neill", "Jean-Luc O'Neill"),
    ("a title", "Dr. Eva Groß", "Dr. Eva Groß"),
    ("Cyrillic", "Олена Шевченко", "Олена Шевченко"),
    ("a name that is a word", "Hans Kunde", "Hans Kunde"),
    ("Max is a name", "Max Weber", "Max Weber"),
    ("a surname without a vowel beside one", "Petr Smrž", "Petr Smrž"),
    ("nothing", None, None),
    ("empty", "", None),
    ("blank", "   ", None),
    ("one letter", "A", None),
    ("an emoji", "Anna 🎉", None),
    ("only an emoji", "😀😀", None),
    ("a stutter", "Test Test", None),
    ("another stutter", "Anna Anna", None),
    ("a placeholder", "{{first}}", None),
    ("another placeholder", "%s", None),
    ("digits", "Anna 2", None),
    ("mail address", "anna@example.org", None),
    ("markup", "<b>Anna</b>", None),
    ("the model person", "Erika Mustermann", None),
    ("a title alone", "Frau", None),
    ("a key held down", "aaaaa", None),
    ("a keyboard row", "asdf", None),
    ("consonants", "xkcd", None),
    ("right-to-left override", "Anna\u202eamma", None),
    ("line break", "Anna\nSchmidt", "Anna Schmidt"),
    ("far too long", "A" + "nna" * 20, None),
]


@pytest.mark.parametrize(
    ("given_name", "expected"), [c[1:] for c in NAMES], ids=[c[0] for c in NAMES]
)
def test_names(given_name: str | None, expected: str | None) -> None:
    """A wrong name is worse than none (A18)."""
    assert spoken_name(given_name) == expected


@given(st.text(max_size=60))
def test_no_name_brings_markup_or_placeholders(name: str) -> None:
    """Whatever the file holds, what is spoken is letters, spaces, hyphens and dots."""
    spoken = spoken_name(name)
    if spoken is not None:
        assert 2 <= len(spoken) <= 45
        assert not set(spoken) & set("{}<>%$&@#0123456789\n\t")


LINTS = [
    ("the worn-out template", "Sie haben ein Hemd gekauft. Das könnte Sie auch interessieren",
     "tone"),
    ("in English", "Because you bought shoes, you may also like socks", "tone"),
    ("pressure", "Nur noch heute 20 Prozent", "tone"),
    ("an inference", "Wir wissen, was Ihnen gefällt", "tone"),
    ("shouting", "JETZT KAUFEN", "tone"),
    ("health", "Gut gegen Erkältung", "sensitive"),
    ("pregnancy", "Glückwunsch zur Schwangerschaft", "sensitive"),
    ("debt", "Trotz Schulden einkaufen", "sensitive"),
    ("intimate", "Dessous für Sie", "sensitive"),
    ("a placeholder", "Hallo {{first}}", "placeholder"),
    ("too long", "Wort " * 30, "length"),
    ("four lines", "a\nb\nc\nd", "length"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "rule"), [c[1:] for c in LINTS], ids=[c[0] for c in LINTS])
def test_lint_finds(text: str, rule: str) -> None:
    """Each bad habit is found by its rule (A41, C17)."""
    assert rule in {finding.rule for finding in lint(text)}


@pytest.mark.parametrize(
    "text",
    ["Frühling: alle Krawatten 29 €", "Drei zum Preis von zwei", "New arrivals in shoes",
     "Passt dazu: Hemd", "Nach dem Waschen bügeln"],
)  # fmt: skip
def test_lint_lets_good_texts_pass(text: str) -> None:
    """Friendly words stay."""
    assert lint(text) == ()


def test_notes_about_people_hold_no_value_and_no_absence() -> None:
    """No total spend, no tier, no "lapsed" in a note about somebody."""
    for text in ("VIP, Umsatz 3.000", "lange nicht mehr da gewesen", "lifetime value high"):
        assert lint(text, is_about_person=True)


def test_two_preferences_are_two_facts() -> None:
    """Likes ties, likes scarves, bought before: one of the three is not told (A04)."""
    world = World().by_person(stated=frozenset({"scarf", "tie"}), profile_as_of_s=NOW.now_s - 60)
    world.bought("wine", days_ago=60)
    liked = Source.STATED | Source.HISTORY
    message = world.decide({"tie": 0.9, "scarf": 0.8}, {"tie": liked, "scarf": liked}).message
    told = [c for card in message.cards for c in card.why] + list(message.insights)
    facts = {(c.fact, c.text.en) for c in told if c.fact is not None}
    assert len({fact for fact, _ in facts}) == len(facts) == 2


def test_every_card_has_a_reason_before_any_has_two() -> None:
    """Both cards rest on facts alone; the budget of two is shared out, not used up by the first."""
    world = World(orders=Orders(limits=Limits(similar_cost=0.0)))
    world.by_person(stated=frozenset({"scarf", "mouse"}))
    world.bought("wine", days_ago=60)
    snapshot = world.snapshot()
    decision = world.decide({"scarf": 0.9, "mouse": 0.8}).decision
    only = Source.STATED | Source.HISTORY
    slate = tuple(replace(line, sources=int(only)) for line in decision.slate)
    assert len(slate) == 2
    message = explain(replace(decision, slate=slate), snapshot)
    assert [len(card.why) for card in message.cards] == [1, 1]
