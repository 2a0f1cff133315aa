"""The rule page in a real browser."""

from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.audit import AUDIT
from tests.browser.conftest import OpenPage
from tests.http_box import http_box

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_rule_reads_as_a_sentence_with_its_author(open_page: OpenPage) -> None:
    """What, on what, why, who, when; an author who did not sign in is marked."""
    async with http_box() as box:
        page = await open_page(f"http://{box.host}/rules")
        rule = page.locator("[data-rule-id=shirt-tie]")
        for words in (
            "Hemd",
            "Passt dazu: Manschettenknöpfe, Krawatte · nie: Anzug",
            "Zum Hemd gehört die Krawatte, kein Anzug.",
            "M. Weber (nicht geprüft), 12.01.2026",
            "40 Artikel",
        ):
            await expect(rule).to_contain_text(words)
        await expect(page.locator("[data-rule-id=no-scent]")).to_contain_text("ruht heute")


async def test_the_tables_of_the_house_read_as_sentences(open_page: OpenPage) -> None:
    """What follows a purchase and how long goods rest, with author, date and reason."""
    async with http_box() as box:
        page = await open_page(f"http://{box.host}/rules")
        for selector, sentences in {
            "#matrix [data-group='class:shirt']": (
                "Hemd, für Kinder", "Danach: dasselbe wieder.", "Sie wachsen schnell heraus.",
                "M. Weber (nicht geprüft), 12.01.2026", "40 Artikel",
            ),
            "#matrix [data-group='department:home']": (
                "Abteilung home, für alle", "Danach: nichts.", "A. Kaya (nicht geprüft)",
            ),
            "#classes [data-target='kind:durable']": (
                "Langlebiges", "Ruht 3 Jahre. Danach: Passendes und ein Pflegetipp.", "Vorgabe",
            ),
            "#classes [data-target='class:shirt']": (
                "Hemd", "Ruht 28 Tage, wieder offen nach 70\xa0%. Danach: dasselbe wieder.",
                "1 Artikel",
            ),
        }.items():  # fmt: skip
            for words in sentences:
                await expect(page.locator(selector)).to_contain_text(words)
        given = page.locator(".pairs li")
        await expect(given).to_be_hidden()
        await page.get_by_text("Aus dem Katalog (1)").click()
        await expect(given).to_have_text("LaptopTasche, class:unknown")


async def test_the_tables_are_reached_from_the_top(open_page: OpenPage) -> None:
    """One link for each part of the page."""
    async with http_box() as box:
        page = await open_page(f"http://{box.host}/rules")
        for name in ("Was nach einem Kauf folgt", "Wie lange Waren ruhen", "Regeldatei"):
            await page.get_by_role("navigation").get_by_role("link", name=name).click()
            await expect(page.get_by_role("heading", name=name)).to_be_in_viewport()


async def test_a_file_is_tried_out_then_put_in_force(open_page: OpenPage) -> None:
    """The outlook comes first; nothing changes until it is asked for."""
    async with http_box() as box:
        page = await open_page(f"http://{box.host}/rules")
        await expect(page.get_by_label("Regeldatei")).to_have_value("# rules of the house")
        await page.get_by_label("Regeldatei").fill("# new")
        await page.get_by_role("button", name="Ausprobieren").click()
        await expect(page.locator("#outlook")).to_contain_text("Entscheidungen angesehen")
        await expect(page.locator("#outlook")).to_contain_text("In 1 Entscheidung bleibt")
        await expect(page.locator("#earning")).to_contain_text("gestern und heute allein nicht")
        await expect(page.locator(".turns")).to_contain_text("Kaschmirschal")
        assert box.house.text == "# rules of the house"
        await page.get_by_role("button", name="In Kraft setzen").click()
        await expect(page.locator("#said")).to_contain_text("In Kraft")
        assert box.house.text == "# new"


async def test_a_bad_file_says_where(open_page: OpenPage) -> None:
    """Line, key, expectation; what was typed stays in the field."""
    async with http_box() as box:
        page = await open_page(f"http://{box.host}/rules", refusals=(409,))
        await page.get_by_label("Regeldatei").fill("broken")
        await page.get_by_role("button", name="In Kraft setzen").click()
        await expect(page.get_by_role("alert")).to_contain_text("line 3, value")
        await expect(page.get_by_label("Regeldatei")).to_have_value("broken")
        assert box.house.text == "# rules of the house"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"color_scheme": "dark"},
        {"locale": "en-GB"},
        {"viewport": {"width": 320, "height": 640}},
    ],
)
async def test_the_page_passes_its_audit(open_page: OpenPage, options: dict[str, Any]) -> None:
    """With a trial and a note on the page."""
    async with http_box() as box:
        box.house.notes = ("'a' by X and 'b' by Y: one pins what the other bans (3 items)",)
        page = await open_page(f"http://{box.host}/rules", reduced_motion="reduce", **options)
        await page.locator("[data-do=try]").click()
        await expect(page.locator("#outlook")).to_be_visible()
        assert await page.evaluate(AUDIT) == []
