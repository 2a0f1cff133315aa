"""The words: why this, from which data and how old, why allowed, and never more than two facts."""

from dataclasses import fields, is_dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.candidates import Source
from edge.core.catalog import Text
from edge.core.decision import Motive
from edge.core.experiments import HOLDOUT, Arm
from edge.core.explanation import MAX_FACTS, Card, Message, explain
from edge.core.playbook import Limits, Orders
from edge.core.reasons import UNSPOKEN, WORDS, Reason
from edge.core.rules import Rule, RuleKind
from edge.core.tone import lint, spoken_name
from tests.core.decision_world import CATALOG, DAY_S, NOW, World, number


def facts(message: Message) -> set[str]:
    """Return the distinct facts about a person in a message, whichever way it tells them."""
    told = {fact for card in message.cards for fact in card.facts}
    return told | {insight.fact for insight in message.insights if insight.fact}


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


def test_nothing_lies_here_that_the_catalogue_has_moved() -> None:
    """A model may be older than the shelf: the scarf lies in `fashion`."""
    world = World().in_visit(zone="fashion")
    outcome = world.decide({"scarf": 0.9})
    slate = tuple(replace(line, sources=int(Source.ZONE)) for line in outcome.decision.slate)
    decision = replace(outcome.decision, slate=slate)
    here, *_ = only_card(explain(decision, outcome.snapshot), "scarf").why
    assert here.source == "zone"
    visit = replace(outcome.snapshot.visit, zone="beauty")
    message = explain(decision, replace(outcome.snapshot, visit=visit))
    assert all(cause.source != "zone" for cause in only_card(message, "scarf").why)


@pytest.mark.parametrize(("place", "source"), [("basket", "basket"), ("scanned", "scan")])
def test_what_others_bought_with_it_rests_on_the_visit(place: str, source: str) -> None:
    """What the model of visits knows of a basket or a label is told of nobody's own purchases."""
    world = World().in_visit(**{place: (number("mouse"),)})
    outcome = world.decide({"scarf": 0.9})
    slate = [replace(line, sources=int(Source.TOGETHER)) for line in outcome.decision.slate]
    message = explain(replace(outcome.decision, slate=tuple(slate)), outcome.snapshot)
    cause, *_ = only_card(message, "scarf").why
    assert cause.text == Text("Wurde von anderen dazu gewählt", "Others have chosen it with this")
    assert (cause.source, cause.fact) == (source, None)


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
    assert [cause.text.de for cause in card.why][:1] == ["Empfehlung des Hauses"]
    assert "heute" not in repr(card)


@pytest.mark.parametrize(
    "whom", [{"audiences": frozenset({"men"})}, {"motives": frozenset({"price_comparing"})}]
)
def test_why_a_rule_is_for_some_people_is_not_told(whom: dict[str, frozenset[str]]) -> None:
    """Its reason speaks of those people: the card would say what the guest is taken for."""
    rule = Rule("r", RuleKind.BOOST, ("item:bag",), "Anna", "für sparsame Herren", NOW.day,
                value=9.0, **whom)  # type: ignore[arg-type]  # fmt: skip
    world = World(orders=Orders(rules=(rule,))).by_person(declared={"audience": "men"})
    world.in_visit(motive=Motive.PRICE_COMPARING)
    card = only_card(world.decide().message, "bag")
    assert card.why[0].text == Text("Empfehlung des Hauses", "The house suggests it")
    assert "Herren" not in repr(card)


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


def test_no_card_names_a_consent_that_was_not_given() -> None:
    """What the till just said of this visit is told; no profile was agreed to, and none claimed."""
    world = World().by_person(purposes=frozenset({"staff_contact"})).bought("laptop-a")
    card = only_card(world.decide({"bag": 0.9}).message, "bag")
    assert card.why[0].fact == "purchase:laptop"
    assert card.purpose == "staff_contact"


def test_the_size_is_a_fact_that_rests_on_the_profile() -> None:
    """A popular shirt in the customer's size: its size comes from the profile."""
    world = World().by_person(sizes={"shirt": "M"})
    message = world.decide({"shirt-a": 0.9}).message
    card = only_card(message, "shirt-a")
    assert (card.size_of_customer, card.purpose) == ("M", "profile")
    assert facts(message) == {"size:M"}


def test_two_wishes_leave_no_room_for_a_size() -> None:
    """Likes scarves and shirts; the size is looked for, and not told (A04)."""
    world = World().by_person(sizes={"shirt": "M"}, stated=frozenset({"scarf", "shirt"}))
    liked = {"scarf": Source.STATED, "shirt-a": Source.STATED}
    message = world.decide({"scarf": 0.9, "shirt-a": 0.8}, liked).message
    assert facts(message) == {"stated:scarf", "stated:shirt"}
    assert only_card(message, "shirt-a").size_of_customer is None


def test_what_was_withheld_is_told_within_the_facts_there_is_room_for() -> None:
    """Two wishes are told: of what was bought or returned nothing more, of the house all."""
    world = World().by_person(stated=frozenset({"scarf", "mouse"}))
    world.bought("nappies-3", days_ago=5).returned("bag", days_ago=9)
    world.stock.set_level("voucher", 0, NOW.now_s)
    liked = {"scarf": Source.STATED, "mouse": Source.STATED}
    full = world.decide({"scarf": 0.9, "mouse": 0.8}, liked).message.cards[0].withheld
    assert [(w.name.de, w.reason) for w in full] == [("voucher", Reason.OUT_OF_STOCK)]
    world.by_person(stated=frozenset())
    roomy = world.decide({"scarf": 0.9, "mouse": 0.8}).message.cards[0]
    assert {w.reason for w in roomy.withheld} >= {Reason.RETURNED, Reason.NOT_DUE}
    assert roomy.purpose == "profile"


def test_the_holdout_is_told_nothing_of_purchases() -> None:
    """They hold things back all the same; why, the house alone tells. A label that was read is."""
    world = World(arm=Arm(HOLDOUT), is_pull=True).in_visit(scanned=(number("shirt-a"),))
    world.bought("nappies-3", days_ago=5).bought("shirt-a", days_ago=300).returned("bag")
    world.stock.set_level("voucher", 0, NOW.now_s)
    outcome = world.decide()
    told = {r.item: r.reasons for r in outcome.decision.trace()}
    assert Reason.RETURNED in told[number("bag")]
    card = only_card(outcome.message, "tie")
    assert card.why[0].source == "scan"
    assert [w.reason for w in card.withheld] == [Reason.OUT_OF_STOCK]
    assert facts(outcome.message) == set()
    assert card.purpose == "staff_contact"


def test_cards_that_stay_have_used_up_what_they_tell() -> None:
    """Two facts stand on reserved cards: the message beside them adds none."""
    world = World().by_person(stated=frozenset({"scarf", "tie"}), sizes={"shirt": "M"})
    outcome = world.decide({"shirt-a": 0.9, "scarf": 0.8}, {"scarf": Source.STATED})
    beside = explain(outcome.decision, outcome.snapshot, {"stated:mouse", "purchase:laptop"})
    assert len(facts(outcome.message)) == MAX_FACTS
    assert facts(beside) == set()


@pytest.mark.parametrize(
    "reason",
    [Reason.JUST_BOUGHT, Reason.JUST_BOUGHT_CLASS, Reason.OWNED, Reason.NOT_DUE, Reason.RETURNED],
)
def test_words_tell_what_is_so(reason: Reason) -> None:
    """That something was bought or returned, not what may follow from it: a misfit, no need."""
    words = WORDS[reason]
    assert words.de.endswith(("gekauft", "zurückgegeben"))
    assert "bought" in words.en or "returned" in words.en


def test_a_card_without_room_for_a_fact_still_has_a_reason() -> None:
    """Only history speaks for it, and two facts stand already: it says no more than "today"."""
    outcome = World().bought("wine", days_ago=60).decide({"mouse": 0.9})
    slate = tuple(replace(line, sources=int(Source.HISTORY)) for line in outcome.decision.slate)
    decision = replace(outcome.decision, slate=slate)
    message = explain(decision, outcome.snapshot, {"stated:scarf", "size:M"})
    assert [cause.text.en for cause in message.cards[0].why] == ["Picked for today"]
    assert message.cards[0].purpose == "profile"


def test_a_care_card_tells_of_a_purchase_whatever_its_reason() -> None:
    """The house suggests the coat's care: that a coat was bought is told by the card itself."""
    rule = Rule("r", RuleKind.BOOST, ("item:coat-a",), "Anna", "gute Pflege", NOW.day, value=2.0)
    world = World(orders=Orders(rules=(rule,))).bought("coat-a", days_ago=1)
    world.by_person(stated=frozenset({"scarf", "tie"}))
    message = world.decide({"mouse": 0.9}).message
    assert "purchase:winter-coat" in only_card(message, "coat-a").facts
    assert len(facts(message)) == MAX_FACTS


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
    st.lists(st.sampled_from(["bag", "tie", "wine"]), max_size=2),
    st.dictionaries(st.sampled_from(["scarf", "shirt", "fashion"]), st.sampled_from("ML")),
    st.frozensets(st.sampled_from(["stated:tie", "purchase:suit", "size:L"]), max_size=2),
)
def test_never_more_than_two_facts(
    sources: list[Source],
    stated: frozenset[str],
    bought: list[str],
    returned: list[str],
    sizes: dict[str, str],
    standing: frozenset[str],
) -> None:
    """Whatever is known, a screen tells at most two things about a person."""
    world = World().by_person(stated=stated, sizes=sizes).bought(*bought, days_ago=3)
    world.by_person(vetoes={number("cufflinks"): NOW.now_s + 9.0}).returned(*returned, days_ago=3)
    mask = Source(0)
    for source in sources:
        mask |= source
    mask &= ~Source.CARE
    named = dict.fromkeys(("scarf", "mouse", "shirt-a"), mask) if sources else {}
    outcome = world.decide({"scarf": 0.9, "shirt-a": 0.85, "mouse": 0.8}, named)
    message = explain(outcome.decision, outcome.snapshot, standing)
    by_themselves = {f for card in message.cards if card.kind != "item" for f in card.facts}
    assert len(facts(message) | standing) <= MAX_FACTS or facts(message) <= by_themselves | standing
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
    """Every reason that may be told at all can be told in both languages."""
    assert set(WORDS) == set(Reason) - UNSPOKEN


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
