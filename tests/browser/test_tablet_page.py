"""The tablet page in a real browser, fed by the real hub."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.async_api import Page, expect

from edge.adapters.http.messages import Reaction, Renew, Report, Seen, Serving
from edge.adapters.http.messages import Why as WhyAsked
from edge.adapters.http.ports import Because
from edge.core.board import Why
from edge.core.catalog import Text
from edge.core.contributions import Unexplained
from tests.browser.conftest import OpenPage
from tests.browser.guests import GLOVES, NAMED, OF_GLOVES, OF_SCARF, SCARF, SHOPPER
from tests.http_box import HttpBox, http_box

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOLD = Why("just_bought", Text("gerade gekauft", "just bought"))


async def until(is_true: Callable[[], object], what: str) -> None:
    """Wait for something on the box's side."""
    async with asyncio.timeout(10):
        while not is_true():
            await asyncio.sleep(0.01)
    assert is_true(), what


async def shown(open_page: OpenPage, box: HttpBox, *guests: object, **options: object) -> Page:
    """Open a tablet with these guests on the board."""
    for contact in guests:
        box.put(contact)  # type: ignore[arg-type]
    page = await open_page(box.url, **options)
    await expect(page.locator("#link")).to_have_attribute("data-state", "live")
    return page


async def test_a_card_says_what_why_and_where(open_page: OpenPage) -> None:
    """Name, brand, price, aisle, stock, size, reason with source and age: all in words."""
    async with http_box() as box:
        page = await shown(open_page, box, SHOPPER)
        card = page.locator("[data-card-id='d1-1']")
        for words in (
            "Maison Ilse",
            "Lederhandschuhe »Tove«, schwarz",
            "47,95 €",
            "59,95 €",
            "Wintertage: 20 % günstiger",
            "Größe M da · 3 Stück",
            "EG 25",
            "Schuhe & Accessoires",
            "Wird hier gern gekauft",
            "Verkäufe der Filiale, vor 1 Tag",
        ):
            await expect(card).to_contain_text(words)
        await expect(page.locator("h2")).to_have_text("Gast in Damen")
        await expect(page.locator(".who")).to_contain_text("seit 6 Min. da · spricht Englisch")
        await expect(page.locator(".insights li")).to_have_count(3)
        assert await card.locator("img").evaluate("image => image.decode().then(() => true)")


async def test_a_card_appears_without_a_reload(open_page: OpenPage) -> None:
    """From the empty page to the first card by one frame."""
    async with http_box() as box:
        page = await shown(open_page, box)
        await expect(page.locator("h2")).to_have_text("Gerade möchte niemand angesprochen werden")
        box.put(SHOPPER)
        await expect(page.locator(".card")).to_have_count(2)


async def test_a_recalled_card_leaves_and_is_announced(open_page: OpenPage) -> None:
    """The card is gone, the other stays, and a polite region says why."""
    async with http_box() as box:
        page = await shown(open_page, box, SHOPPER)
        frame = box.board.recall("v1", "d1-0", SOLD)
        assert frame is not None
        box.hub.show(frame)
        await expect(page.locator("[data-card-id='d1-0']")).to_have_count(0)
        await expect(page.locator("#said")).to_have_text("Karte zurückgezogen: gerade gekauft")
        assert await page.locator("#said").get_attribute("aria-live") == "polite"
        await expect(page.locator(".card")).to_have_count(1)
        await expect(page.locator(".card")).to_contain_text("Lederhandschuhe")


async def test_recall_does_not_move_for_those_who_asked_for_less_motion(
    open_page: OpenPage,
) -> None:
    """With reduced motion the card is taken out in the same task, without an animation."""
    async with http_box() as box:
        only = replace(SHOPPER, cards=(SCARF,))
        page = await shown(open_page, box, only, reduced_motion="reduce")
        assert await page.locator(".card").evaluate("c => getComputedStyle(c).animationName") == (
            "none"
        )
        frame = box.board.recall("v1", "d1-0", SOLD)
        assert frame is not None
        box.hub.show(frame)
        await expect(page.locator("#stage .nothing")).to_contain_text("gerade gekauft")
        assert await page.locator(".leaving").count() == 0


async def test_a_mark_stays_on_the_card(open_page: OpenPage) -> None:
    """A card that somebody accepted stays and says what changed."""
    async with http_box() as box:
        page = await shown(open_page, box, SHOPPER)
        frame = box.board.mark("v1", "d1-1", "sold")
        assert frame is not None
        box.hub.show(frame)
        await expect(page.locator("[data-card-id='d1-1'] .marked")).to_have_text(
            "Inzwischen verkauft"
        )


@pytest.mark.parametrize(
    ("action", "said", "buttons_left"),
    [
        ("shown", "Als gezeigt notiert", 5),
        ("reserve", "Reservierung notiert", 5),
        ("not_now", "Notiert: nicht jetzt", 0),
        ("wrong", "Notiert: passt nicht", 0),
        ("gift", "Notiert: war ein Geschenk", 5),
    ],
)
async def test_a_tap_is_taken_at_once_and_confirmed_when_durable(
    open_page: OpenPage, action: str, said: str, buttons_left: int
) -> None:
    """The page answers before the box does; the pending note goes with the acknowledgement."""
    async with http_box() as box:
        written = asyncio.Event()

        async def wait(_: object) -> None:
            await written.wait()

        page = await shown(open_page, box, SHOPPER)
        box.path.effect = wait
        card = page.locator("[data-card-id='d1-0']")
        await card.locator(f"[data-action={action}]").click()
        await expect(card.locator(".answer")).to_contain_text("sobald die Box antwortet")
        written.set()
        await expect(card.locator(".answer")).to_have_text(said)
        await expect(card.locator("button")).to_have_count(buttons_left)
        (heard,) = (m for m in box.path.heard if isinstance(m, Reaction))
        assert (heard.contact_id, heard.card_id, heard.action) == ("v1", "d1-0", action)


async def test_a_refused_tap_is_taken_back(open_page: OpenPage) -> None:
    """The buttons are there again and the page says so."""
    async with http_box() as box:
        page = await shown(open_page, box, SHOPPER)
        box.path.is_refusing = True
        card = page.locator("[data-card-id='d1-0']")
        await card.locator("[data-action=wrong]").click()
        await expect(page.locator("#said")).to_contain_text("Nicht angenommen")
        await expect(card.locator("button")).to_have_count(5)


async def test_serving_is_told(open_page: OpenPage) -> None:
    """One tap says that an associate looks after the guest, another that they are done."""
    async with http_box() as box:
        page = await shown(open_page, box, SHOPPER)
        await page.get_by_role("button", name="Ich übernehme").click()
        await page.get_by_role("button", name="Fertig bedient").click()
        await until(lambda: len(served(box)) == 2, "both messages")
        assert [m.state for m in served(box)] == ["serving", "free"]


def served(box: HttpBox) -> list[Serving]:
    """Return the serving messages heard so far."""
    return [m for m in box.path.heard if isinstance(m, Serving)]


async def test_a_refused_word_about_serving_is_taken_back(open_page: OpenPage) -> None:
    """The button says again what is so."""
    async with http_box() as box:
        page = await shown(open_page, box, SHOPPER)
        box.path.is_refusing = True
        await page.get_by_role("button", name="Ich übernehme").click()
        await expect(page.locator("#said")).to_contain_text("Nicht angenommen")
        await expect(page.get_by_role("button", name="Ich übernehme")).to_be_visible()


async def test_a_card_is_seen_in_a_busy_store_too(open_page: OpenPage) -> None:
    """News about others every few milliseconds do not start the moment of seeing anew."""
    async with http_box() as box:
        page = await shown(open_page, box, SHOPPER)
        for turn in range(100):
            box.put(replace(NAMED, title=Text(f"Gast {turn}", f"Guest {turn}")))
            await asyncio.sleep(0.02)
        assert seen(box) == {"d1-0", "d1-1"}
        await expect(page.locator(".guest")).to_have_count(2)


async def test_only_what_is_on_screen_was_seen(open_page: OpenPage) -> None:
    """Cards of a guest who is not open make no impression; opening them does, once."""
    async with http_box() as box:
        other = replace(NAMED, cards=(replace(SCARF, card_id="d2-0"),), since_s=SHOPPER.since_s + 9)
        page = await shown(open_page, box, SHOPPER, other)
        await until(lambda: seen(box) >= {"d1-0", "d1-1"}, "impressions of the open guest")
        assert seen(box) == {"d1-0", "d1-1"}
        await page.locator(".guest[data-contact-id=v2]").click()
        await until(lambda: "d2-0" in seen(box), "the impression of the other guest's card")
        told = [i for m in box.path.heard if isinstance(m, Seen) for i in m.card_ids]
        assert len(told) == len(set(told)) == 3


def seen(box: HttpBox) -> set[str]:
    """Return the cards that tablets said were on screen."""
    return {i for m in box.path.heard if isinstance(m, Seen) for i in m.card_ids}


async def test_a_cut_line_is_resumed(open_page: OpenPage) -> None:
    """What happened meanwhile is applied; the board is not sent again."""
    async with http_box() as box:
        page = await shown(open_page, box, SHOPPER)
        (wire,) = box.hub._clients
        wire.transport.abort()  # type: ignore[attr-defined]
        await until(lambda: box.hub.clients == 0, "the box to notice")
        frame = box.board.recall("v1", "d1-0", SOLD)
        assert frame is not None
        box.hub.show(frame)
        await expect(page.locator("[data-card-id='d1-0']")).to_have_count(0)
        assert (box.hub.resumed, box.hub.boards_sent) == (1, 1)


async def test_taps_and_impressions_survive_a_restart_of_the_box(open_page: OpenPage) -> None:
    """Offline taps wait and arrive once; what was shown is reported to the box that comes back."""
    async with http_box() as box:
        page = await shown(open_page, box, SHOPPER)
        await until(lambda: seen(box) >= {"d1-0", "d1-1"}, "both impressions")
        port = box.port
    await expect(page.locator("#link")).to_have_text("Keine Verbindung")
    await expect(page.locator("#offline")).to_contain_text("Karten bleiben noch")
    await page.locator("[data-card-id='d1-0'] [data-action=reserve]").click()
    await expect(page.locator("#offline")).to_contain_text("1 Eingaben warten.")
    async with http_box(port=port) as box:
        box.board.put(SHOPPER)
        await until(lambda: reactions(box), "the waiting tap")
        assert [(m.card_id, m.action) for m in reactions(box)] == [("d1-0", "reserve")]
        await expect(page.locator("[data-card-id='d1-0'] .answer")).to_have_text(
            "Reservierung notiert"
        )
        (report,) = (m for m in box.path.heard if isinstance(m, Report))
        assert {shown.card_id for shown in report.shown} == {"d1-0", "d1-1"}


async def test_a_page_names_itself_lists_its_cards_and_says_when_it_goes(
    open_page: OpenPage,
) -> None:
    """So that the box knows who may still show a card that was taken back."""
    async with http_box() as box:
        page = await shown(open_page, box, SHOPPER, NAMED)
        await until(lambda: renewals(box), "its first list")
        (first,) = renewals(box)
        assert set(first.card_ids) == {"d1-0", "d1-1"}
        assert first.tablet_id
        assert not first.is_leaving
        (wire,) = box.hub._clients
        wire.transport.abort()  # type: ignore[attr-defined]
        await until(lambda: [m for m in box.path.heard if isinstance(m, Report)], "its report")
        (report,) = (m for m in box.path.heard if isinstance(m, Report))
        assert report.tablet_id == first.tablet_id
        await page.goto("about:blank")
        await until(lambda: [m for m in renewals(box) if m.is_leaving], "its leave")
        assert renewals(box)[-1].tablet_id == first.tablet_id


def renewals(box: HttpBox) -> list[Renew]:
    """Return the lists of cards heard so far."""
    return [m for m in box.path.heard if isinstance(m, Renew)]


def reactions(box: HttpBox) -> list[Reaction]:
    """Return the reactions heard so far."""
    return [m for m in box.path.heard if isinstance(m, Reaction)]


async def test_without_the_box_a_card_stays_only_for_its_lease(open_page: OpenPage) -> None:
    """A card with a lease of one second goes, one with the default of sixty stays."""
    async with http_box() as box:
        cards = (replace(SCARF, lease_s=1), GLOVES)
        page = await shown(open_page, box, replace(SHOPPER, cards=cards))
        await expect(page.locator(".card")).to_have_count(2)
    await expect(page.locator("[data-card-id='d1-0']")).to_have_count(0)
    await expect(page.locator("[data-card-id='d1-1']")).to_have_count(1)


async def test_after_a_minute_without_the_box_nobody_is_shown(open_page: OpenPage) -> None:
    """Everything about persons leaves the screen, with a sentence why."""
    async with http_box() as box:
        page = await shown(open_page, box, SHOPPER, NAMED)
        await page.clock.install()
        await expect(page.locator(".guest")).to_have_count(2)
    await expect(page.locator("#link")).to_have_text("Keine Verbindung")
    await page.clock.fast_forward(61_000)
    await expect(page.locator(".guest")).to_have_count(0)
    await expect(page.locator("#stage")).to_contain_text("Die Karten sind ausgeblendet")
    assert "Öztürk" not in await page.content()


async def test_one_tap_changes_the_language(open_page: OpenPage) -> None:
    """Page, cards, prices and the language attribute change; the choice is offered in its words."""
    async with http_box() as box:
        page = await shown(open_page, box, SHOPPER)
        switch = page.locator("#language")
        assert await switch.get_attribute("lang") == "en"
        await switch.click()
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        await expect(page.locator("[data-card-id='d1-1']")).to_contain_text("Leather gloves")
        await expect(page.locator("[data-card-id='d1-1'] .price")).to_contain_text("€47.95")
        await expect(page.locator("[data-action=not_now]").first).to_have_text("Not now")
        await expect(switch).to_have_text("Deutsch")


async def test_the_customer_sees_goods_and_nothing_about_persons(open_page: OpenPage) -> None:
    """No name, no insight, no reason, no other guest: not even in the accessibility tree."""
    async with http_box() as box:
        guest = replace(SHOPPER, title=Text("Frau Öztürk", "Ms Öztürk"))
        page = await shown(open_page, box, guest, NAMED)
        await page.locator(f"[data-contact-id={guest.contact_id}] >> nth=0").click()
        await page.get_by_role("button", name="Kundensicht").click()
        text = await page.locator("body").inner_text()
        for hidden in ("Öztürk", "Eigene Angabe", "Wintermantel", "Möchten Kontakt", "Gezeigt"):
            assert hidden not in text
        tree = await page.locator("body").aria_snapshot()
        assert "Öztürk" not in tree
        assert "Lederhandschuhe" in text
        assert "EG 25" in text
        await expect(page.get_by_role("button", name="Zurück zur Beratung")).to_be_focused()
        await page.get_by_role("button", name="Zurück zur Beratung").click()
        await expect(page.locator("h2")).to_have_text("Frau Öztürk")


async def test_a_tablet_that_is_put_down_hides_names(open_page: OpenPage) -> None:
    """After 30 seconds without a touch; the next touch brings them back."""
    async with http_box() as box:
        box.put(NAMED)
        page = await open_page("about:blank")
        await page.clock.install()
        await page.goto(box.url)
        await expect(page.locator("h2")).to_have_text("Frau Öztürk")
        await page.clock.fast_forward(15_000)
        await expect(page.locator("h2")).to_have_text("Frau Öztürk")
        await page.clock.fast_forward(16_000)
        await expect(page.locator("h2")).to_have_text("Gast")
        assert "Öztürk" not in await page.content()
        await page.locator("h2").tap()
        await expect(page.locator("h2")).to_have_text("Frau Öztürk")


async def test_a_guest_in_a_place_keeps_that_title(open_page: OpenPage) -> None:
    """What is hidden is names; a place is no name."""
    async with http_box() as box:
        box.put(SHOPPER)
        page = await open_page("about:blank")
        await page.clock.install()
        await page.goto(box.url)
        await page.clock.fast_forward(40_000)
        await expect(page.locator("h2")).to_have_text("Gast in Damen")


async def test_markup_is_only_text(open_page: OpenPage) -> None:
    """A product or a name with tags in it shows the tags and runs nothing."""
    async with http_box() as box:
        nasty = "<img src=x onerror=alert(1)>{{7*7}}"
        card = replace(SCARF, name=Text(nasty, nasty), brand=nasty)
        page = await shown(
            open_page, box, replace(SHOPPER, title=Text(nasty, nasty), cards=(card,))
        )
        await expect(page.locator("h2")).to_have_text(nasty)
        await expect(page.locator("h3")).to_have_text(nasty)
        assert await page.locator("img[src=x]").count() == 0


async def test_the_open_guest_stays_open_and_focus_stays_put(open_page: OpenPage) -> None:
    """News about others, or about this guest, take neither the stage nor the focus."""
    async with http_box() as box:
        page = await shown(open_page, box, SHOPPER)
        button = page.locator("[data-card-id='d1-0'] [data-action=reserve]")
        await button.focus()
        box.put(replace(NAMED, since_s=SHOPPER.since_s - 999))
        box.put(replace(SHOPPER, cards=(replace(SCARF, price_cents=9_000), GLOVES)))
        await expect(page.locator("[data-card-id='d1-0']")).to_contain_text("90,00 €")
        await expect(button).to_be_focused()
        await expect(page.locator("h2")).to_have_text("Gast in Damen")
        await expect(page.locator(".guest").first).to_contain_text("Frau Öztürk")


async def test_what_was_left_out_is_told_on_demand(open_page: OpenPage) -> None:
    """Staff may open it; it is not read by accident."""
    async with http_box() as box:
        page = await shown(open_page, box, SHOPPER)
        await expect(page.get_by_text("Vor Kurzem gekauft")).not_to_be_visible()
        await page.locator("summary").click()
        await expect(page.get_by_text("Vor Kurzem gekauft")).to_be_visible()
        await expect(page.locator(".more")).to_contain_text("Nie wieder zeigen")


async def test_what_counted_is_told_on_demand(open_page: OpenPage) -> None:
    """Nothing is asked before somebody opens it; then a line per source, and the sum."""
    async with http_box() as box:
        box.path.because = {"d1-0": OF_SCARF, "d1-1": OF_GLOVES}
        page = await shown(open_page, box, SHOPPER)
        assert asked(box) == []
        await page.locator("summary").focus()
        await page.keyboard.press("Enter")
        scarf = page.locator("[data-because=d1-0]")
        await expect(scarf.locator("li")).to_have_text(
            ["Frühere Einkäufevor allem", "Abteilungauch", "Verkäufe der Filialespricht dagegen"]
        )
        await expect(scarf).to_contain_text("Die Anteile ergeben zusammen das Ganze.")
        gloves = page.locator("[data-because=d1-1]")
        await expect(gloves).to_contain_text("23 % hängen an mehreren Quellen zugleich")
        assert sorted(asked(box)) == ["d1-0", "d1-1"]
        await expect(page.locator("summary")).to_be_focused()
        bar = scarf.locator(".bar").first
        assert await bar.evaluate("b => b.style.getPropertyValue('--share')") == "62%"
        await page.locator("#language").click()
        await expect(scarf.locator("li").first).to_have_text("Earlier purchasesabove all")
        await page.locator("[data-focus=customer-view]").click()
        await expect(scarf).not_to_be_visible()


async def test_what_was_asked_while_cut_off_is_asked_again(open_page: OpenPage) -> None:
    """The question is lost with the link; the open panel asks the box that comes back."""
    async with http_box() as box:
        page = await shown(open_page, box, SHOPPER)
        port = box.port
    await expect(page.locator("#link")).to_have_text("Keine Verbindung")
    await page.locator("summary").click()
    async with http_box(port=port) as box:
        box.path.because = {"d1-0": OF_SCARF, "d1-1": OF_GLOVES}
        box.put(SHOPPER)
        await expect(page.locator("[data-because=d1-0] .bar")).to_have_count(3)
        assert sorted(asked(box)) == ["d1-0", "d1-1"]


async def test_a_card_that_no_model_chose_says_so(open_page: OpenPage) -> None:
    """No bars then; and what was known of a marked card is asked anew."""
    async with http_box() as box:
        box.path.because = {"d1-0": OF_SCARF}
        page = await shown(open_page, box, replace(SHOPPER, cards=(SCARF,)))
        await page.locator("summary").click()
        because = page.locator("[data-because=d1-0]")
        await expect(because.locator(".bar")).to_have_count(3)
        box.path.because = {"d1-0": Because("", "d1-0", none=Unexplained.WITHDRAWN)}
        frame = box.board.mark("v1", "d1-0", "consent_withdrawn")
        assert frame is not None
        box.hub.show(frame)
        await expect(because).to_contain_text("Die Einwilligung ist zurückgezogen.")
        await expect(because.locator(".bar")).to_have_count(0)


def asked(box: HttpBox) -> list[str]:
    """Return the cards that somebody asked about."""
    return [said.card_id for said in box.path.heard if isinstance(said, WhyAsked)]


async def test_a_guest_without_a_card_has_a_reason(open_page: OpenPage) -> None:
    """Silence is explained to staff."""
    async with http_box() as box:
        page = await shown(open_page, box, NAMED)
        await expect(page.locator("#stage .nothing")).to_contain_text("Erst einmal ankommen lassen")


async def test_nothing_stays_in_the_browser(open_page: OpenPage) -> None:
    """No cookie, no storage, no database, no cache."""
    async with http_box() as box:
        page = await shown(open_page, box, SHOPPER, NAMED)
        await page.locator(".guest[data-contact-id=v1]").click()
        await page.locator("[data-action=reserve]").first.click()
        kept = await page.evaluate(
            """async () => [localStorage.length, sessionStorage.length, document.cookie,
                (await indexedDB.databases()).length, (await caches.keys()).length]"""
        )
        assert kept == [0, 0, "", 0, 0]
        assert await page.context.cookies() == []


async def test_a_full_store_is_narrowed_to_one_area(open_page: OpenPage) -> None:
    """With many guests the list can show one area; the open guest stays."""
    async with http_box() as box:
        for at in range(5):
            box.put(replace(SHOPPER, contact_id=f"w{at}", cards=()))
            box.put(replace(SHOPPER, contact_id=f"s{at}", zone=NAMED.zone, cards=()))
        page = await shown(open_page, box, SHOPPER)
        await expect(page.locator(".guest")).to_have_count(11)
        await expect(page.locator("[aria-current=true]")).to_contain_text("2 Karten")
        await page.get_by_label("Bereich").select_option("shoes")
        await expect(page.locator(".guest")).to_have_count(6)
        await expect(page.locator(".card")).to_have_count(2)


async def test_nothing_is_said_twice(open_page: OpenPage) -> None:
    """Two reasons of the same words are one."""
    async with http_box() as box:
        twice = replace(SCARF, why=(SCARF.why[0], replace(SCARF.why[0], source="sales")))
        page = await shown(open_page, box, replace(SHOPPER, cards=(twice,)))
        await expect(page.locator(".why li")).to_have_count(1)


async def test_advice_has_no_price_and_no_reservation(open_page: OpenPage) -> None:
    """A care card carries its tip, and one main action."""
    async with http_box() as box:
        tip = Text("Kalt waschen, liegend trocknen", "Wash cold, dry flat")
        care = replace(SCARF, kind="care", text=tip, price_cents=None, stock=None)
        page = await shown(open_page, box, replace(SHOPPER, cards=(care,)))
        card = page.locator(".card")
        await expect(card).to_contain_text("Kalt waschen, liegend trocknen")
        await expect(card.locator(".price, .stock")).to_have_count(0)
        await expect(card.locator("[data-action]")).to_have_count(3)
