"""Can everybody use the tablet page: sizes, contrast, keyboard, language, zoom, brevity."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.audit import AUDIT, LINES
from tests.browser.conftest import OpenPage
from tests.browser.guests import NAMED, OF_GLOVES, OF_SCARF, SHOPPER
from tests.http_box import HttpBox, http_box

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOOKS: dict[str, dict[str, Any]] = {
    "wide": {},
    "upright": {"viewport": {"width": 800, "height": 1280}},
    "dark": {"color_scheme": "dark"},
    "English": {"locale": "en-GB"},
    # 1280 × 800 at 200 % (WCAG 1.4.4), and 320 px (1.4.10).
    "at 200 %": {"viewport": {"width": 640, "height": 400}},
    "narrow": {"viewport": {"width": 320, "height": 640}},
}


async def opened(open_page: OpenPage, box: HttpBox, **options: object) -> Page:
    """Open a tablet with two guests, the one with cards on the stage."""
    box.path.because = {"d1-0": OF_SCARF, "d1-1": OF_GLOVES}
    box.put(SHOPPER)
    page = await open_page(box.url, reduced_motion="reduce", **options)
    await expect(page.locator(".card")).to_have_count(2)
    box.put(NAMED)
    await expect(page.locator(".guest")).to_have_count(2)
    return page


@pytest.mark.parametrize("look", LOOKS)
async def test_the_page_passes_its_audit(open_page: OpenPage, look: str) -> None:
    """Targets, contrast, names, no cut text, no sideways scrolling, for staff and customer."""
    async with http_box() as box:
        page = await opened(open_page, box, **LOOKS[look])
        await page.locator("summary").click()
        await expect(page.locator(".because")).to_have_count(2)
        assert await page.evaluate(AUDIT) == []
        await page.locator("[data-focus=customer-view]").click()
        assert await page.evaluate(AUDIT) == []


async def test_the_audit_finds_faults(open_page: OpenPage) -> None:
    """Each check fails on a page that is broken on purpose."""
    async with http_box() as box:
        page = await opened(open_page, box)
        await page.evaluate(
            """() => {
              const style = new CSSStyleSheet();
              style.replaceSync(`#language { min-height: 0; height: 30px } .quiet { color: #bbb }
                h3 { white-space: nowrap; overflow: hidden; width: 90px } .top { width: 1400px }
                .actions button { border-color: #eee }`);
              document.adoptedStyleSheets = [style];
              document.documentElement.lang = "";
              document.querySelector("[data-action=gift]").textContent = "";
            }"""
        )
        found = " ".join(await page.evaluate(AUDIT))
        for fault in ("target", "contrast", "cut text", "wider", "lang=", "edge", "no name"):
            assert fault in found, fault


async def test_everything_is_reached_by_keyboard_and_seen_in_focus(open_page: OpenPage) -> None:
    """Tab visits everything in reading order; each stop has an outline that nothing cuts off."""
    async with http_box() as box:
        page = await opened(open_page, box)
        stops: list[str] = []
        for _ in range(20):
            await page.keyboard.press("Tab")
            stop = await page.evaluate(
                """() => {
                  const e = document.activeElement, style = getComputedStyle(e);
                  const width = parseFloat(style.outlineWidth);
                  const reach = width + parseFloat(style.outlineOffset);
                  const mine = e.getBoundingClientRect();
                  let isCut = false;
                  for (let box = e.parentElement; box?.parentElement; box = box.parentElement) {
                    const { left, right } = box.getBoundingClientRect();
                    isCut ||= getComputedStyle(box).overflowX !== "visible"
                      && (mine.left - reach < left || mine.right + reach > right);
                  }
                  return [e.textContent.trim(), style.outlineStyle, width, isCut];
                }"""
            )
            if stop[0].startswith("Zum Gast") and stops:
                break
            assert stop[1] == "solid"
            assert stop[2] >= 2
            assert not stop[3], stop[0]
            stops.append(stop[0][:12])
        assert [s for s in stops if s] == [
            "Zum Gast",
            "English",
            "Frau ÖztürkS",
            "Gast in Dame",
            "Ich übernehm",
            "Kundensicht",
            *["Gezeigt", "Reservieren", "Nicht jetzt", "Passt nicht", "Geschenk"] * 2,
            "Warum diese ",
        ]


async def test_the_skip_link_leads_to_the_guest(open_page: OpenPage) -> None:
    """The first stop jumps over the list."""
    async with http_box() as box:
        page = await opened(open_page, box)
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator("#stage")).to_be_focused()


@pytest.mark.parametrize("look", ["wide", "upright", "English"])
async def test_it_is_read_in_five_seconds(open_page: OpenPage, look: str) -> None:
    """No text over three lines; one main action and at most two reasons a card; few words."""
    async with http_box() as box:
        page = await opened(open_page, box, **LOOKS[look])
        texts = ".card h3, .why li, .insights li, .stock, .price, .answer"
        lines = await page.evaluate(LINES, texts)
        assert len(lines) > 8
        assert [text for text, count in lines if count > 3] == []
        for card in await page.locator(".card").all():
            assert await card.locator("button.main").count() == 1
            assert await card.locator(".why li").count() <= 2
            # Brand, name, price, place and reasons; a reader skims what is large first.
            words = " ".join(await card.locator(".goods, .why").all_inner_texts()).split()
            assert len(words) <= 40


async def test_the_first_screen_holds_everything_that_is_tapped(open_page: OpenPage) -> None:
    """On a tablet of 1280 × 800 with two cards nothing has to be scrolled for an action."""
    async with http_box() as box:
        page = await opened(open_page, box)
        bottoms = await page.locator(".actions button").evaluate_all(
            "buttons => buttons.map(b => b.getBoundingClientRect().bottom)"
        )
        assert len(bottoms) == 10
        assert max(bottoms) <= 800


async def test_state_is_not_told_by_colour_alone(open_page: OpenPage) -> None:
    """Connection, service and choice have words or attributes."""
    async with http_box() as box:
        page = await opened(open_page, box)
        await expect(page.locator("#link")).to_have_text("Verbunden")
        await expect(page.locator(".guest[aria-current=true]")).to_have_count(1)
        await page.get_by_role("button", name="Ich übernehme").click()
        served = page.get_by_role("button", name="Fertig bedient")
        await expect(served).to_have_attribute("aria-pressed", "true")
        await expect(page.locator(".guest[data-contact-id=v1]")).to_contain_text("Wird bedient")
