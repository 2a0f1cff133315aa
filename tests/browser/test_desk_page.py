"""The customers' pages in a real browser: opting in, opting out, own data, walking away."""

from typing import Any

import cv2
import numpy as np
import pytest
from playwright.async_api import Page, expect

from edge.core.notices import Purpose
from edge.core.proof import AppKey
from tests.browser.audit import AUDIT
from tests.browser.conftest import OpenPage
from tests.http_box import HttpBox, http_box

pytestmark = pytest.mark.asyncio(loop_scope="module")

PHONE = {"viewport": {"width": 390, "height": 844}}


async def entered(open_page: OpenPage, box: HttpBox, path: str = "/station", **o: Any) -> Page:
    """Open the page and say who one is."""
    page = await open_page(f"http://{box.host}{path}", reduced_motion="reduce", **o)
    await page.locator("#number").fill("M1")
    await page.keyboard.press("Enter")
    await expect(page.locator("[role=switch]")).to_have_count(11)
    return page


@pytest.mark.parametrize(("path", "method"), [("/station", "station"), ("/door", "phone")])
async def test_opting_in_and_out_take_one_tap_each(
    open_page: OpenPage, path: str, method: str
) -> None:
    """Off by default; one tap on, one tap off; the box hears the words' version and method."""
    async with http_box() as box:
        page = await entered(open_page, box, path)
        switch = page.get_by_role("switch", name="Beratung anbieten")
        await expect(switch).not_to_be_checked()
        await expect(switch).to_contain_text("dürfen sehen, dass ich beraten werden möchte")
        await switch.click()
        await expect(switch).to_be_checked()
        await expect(page.locator("#said")).to_have_text("Gespeichert. Gilt ab jetzt.")
        await switch.click()
        await expect(switch).not_to_be_checked()
        assert box.members.said == [
            (Purpose.STAFF_CONTACT, True, "de", method),
            (Purpose.STAFF_CONTACT, False, "de", method),
        ]


async def test_saved_is_said_only_when_it_is(open_page: OpenPage) -> None:
    """While the disk waits the switch is busy and off; then it is on."""
    async with http_box() as box:
        page = await entered(open_page, box)
        box.members.disk.clear()
        switch = page.get_by_role("switch", name="Persönliche Angebote")
        await switch.click()
        await expect(switch).to_have_attribute("aria-busy", "true")
        await expect(switch).not_to_be_checked()
        await expect(page.locator("#said")).to_have_text("")
        box.members.disk.set()
        await expect(switch).to_be_checked()


async def test_a_failure_is_said_and_nothing_looks_given(open_page: OpenPage) -> None:
    """The switch stays off."""
    async with http_box() as box:
        page = await entered(open_page, box, refusals=(503,))
        box.members.is_full = True
        switch = page.get_by_role("switch", name="Persönliche Angebote")
        await switch.click()
        await expect(page.locator("#said")).to_contain_text("nicht geklappt")
        await expect(switch).not_to_be_checked()


async def test_one_tap_takes_everything_back(open_page: OpenPage) -> None:
    """However many were given."""
    async with http_box() as box:
        box.members.given = {Purpose.RECOGNISE, Purpose.OFFERS, Purpose.PROFILE}
        page = await entered(open_page, box)
        await page.get_by_role("button", name="Alles zurücknehmen").click()
        await expect(page.locator("[aria-checked=true]")).to_have_count(0)
        await expect(page.get_by_role("button", name="Alles zurücknehmen")).to_have_count(0)
        assert box.members.given == set()


async def test_learning_from_purchases_asks_for_a_code(open_page: OpenPage) -> None:
    """The question comes under the switch; with the code the tap takes effect without another."""
    async with http_box() as box:
        page = await entered(open_page, box)
        switch = page.get_by_role("switch", name="Aus Einkäufen lernen")
        await switch.click()
        await expect(page.get_by_label("Code oder Bonnummer")).to_be_focused()
        await page.keyboard.type("R-9")
        await page.keyboard.press("Enter")
        await expect(switch).to_be_checked()
        await switch.click()
        await expect(switch).not_to_be_checked()


async def test_an_app_is_paired_by_a_picture(open_page: OpenPage) -> None:
    """After a code the key is shown as a picture that another phone reads, and to type; once."""
    async with http_box() as box:
        page = await entered(open_page, box)
        await expect(page.get_by_role("button", name="App trennen")).to_have_count(0)
        await page.get_by_role("button", name="App verbinden").click()
        await expect(page.get_by_label("Code oder Bonnummer")).to_be_focused()
        await page.keyboard.type("R-9")
        await page.keyboard.press("Enter")
        picture = page.get_by_role("img", name="Bild zum Scannen")
        shot = np.frombuffer(await picture.screenshot(), np.uint8)
        image = cv2.imdecode(shot, cv2.IMREAD_GRAYSCALE)
        read, _, _ = cv2.QRCodeDetectorAruco().detectAndDecode(image)
        key = AppKey(bytes(range(32)))
        assert read == key.uri("Kaufhaus Lindenhof")
        typed = await page.locator(".key").inner_text()
        assert typed.replace(" ", "") == key.base32
        await page.get_by_role("button", name="Verbunden").click()
        await expect(page.locator(".key")).to_have_count(0)
        assert key.base32 not in (await page.content()).replace(" ", "")
        await page.get_by_role("button", name="App trennen").click()
        await expect(page.get_by_role("button", name="App trennen")).to_have_count(0)
        assert not box.members.is_paired


async def test_own_data_is_shown_taken_along_and_deleted(open_page: OpenPage) -> None:
    """After one code; deleting asks once more and shows its proof."""
    async with http_box() as box:
        page = await entered(open_page, box)
        assert "passenden Schal" not in await page.content()
        await page.get_by_role("button", name="Wofür genutzt?").click()
        await page.keyboard.type("R-9")
        await page.keyboard.press("Enter")
        await expect(page.locator(".facts")).to_contain_text("Sie bekamen: einen passenden Schal")
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Alles mitnehmen").click()
        assert (await download.value).suggested_filename == "stammgast.json"
        await page.get_by_role("button", name="Alles löschen").click()
        assert box.members.erased == []
        await page.locator("[data-own=sure]").click()
        await expect(page.locator("main")).to_contain_text("token-of-erasure")
        assert box.members.erased == ["p1"]


async def test_who_walks_away_leaves_nothing(open_page: OpenPage) -> None:
    """A warning with at least 20 seconds; then page, storage and session are empty."""
    async with http_box() as box:
        box.members.given = {Purpose.OFFERS}
        page = await open_page("about:blank", refusals=(401,))
        await page.clock.install()
        await page.goto(f"http://{box.host}/station")
        await page.locator("#number").fill("M1")
        await page.keyboard.press("Enter")
        await expect(page.locator("[role=switch]")).to_have_count(11)
        await page.clock.fast_forward(92_000)
        await expect(page.locator("dialog")).to_contain_text("In 20 Sekunden")
        await page.get_by_role("button", name="Ja, weiter").click()
        await expect(page.locator("dialog")).not_to_be_visible()
        assert box.members.said == []  # the tap answered the question and nothing beneath it
        await page.clock.fast_forward(92_000)  # every frame of it would take longer than the dialog
        await expect(page.locator("dialog")).to_be_visible()
        await page.clock.run_for(21_000)
        await expect(page.locator("#number")).to_have_value("")
        await expect(page.locator("[role=switch]")).to_have_count(0)
        status = await page.evaluate("() => fetch('/api/desk/session').then(r => r.status)")
        assert status == 401
        kept = await page.evaluate(
            "async () => [localStorage.length, sessionStorage.length, document.cookie]"
        )
        assert kept == [0, 0, ""]


async def test_back_leads_to_an_empty_page(open_page: OpenPage) -> None:
    """Leaving by a link ends the session; the way back shows nobody's choices."""
    async with http_box() as box:
        page = await entered(open_page, box)
        await page.get_by_role("link", name="Was dieses Haus liest").click()
        await expect(page.locator("h1")).to_have_text("Was dieses Haus liest")
        await page.go_back()
        await expect(page.locator("#number")).to_be_visible()
        await expect(page.locator("[role=switch]")).to_have_count(0)


async def test_the_notice_says_what_is_read_and_what_left(open_page: OpenPage) -> None:
    """In both languages, with counted figures."""
    async with http_box() as box:
        box.members.left = (1_214, 1_843_211)
        page = await open_page(f"http://{box.host}/notice")
        await expect(page.locator("dl")).to_contain_text("1.214")
        await expect(page.locator("dl")).to_contain_text("1,8 MB")
        await expect(page.locator("main")).to_contain_text("In diesem Haus nicht in Gebrauch")
        await page.locator("#language").click()
        await expect(page.locator("dl")).to_contain_text("1,214")
        await expect(page.locator("main")).to_contain_text("This store may notice that I am here.")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("station", {}),
        ("phone", PHONE),
        ("dark", {"color_scheme": "dark"}),
        ("English", {"locale": "en-GB"}),
        ("narrow", {"viewport": {"width": 320, "height": 640}}),
        ("at 200 %", {"viewport": {"width": 640, "height": 400}}),
    ],
)
async def test_the_pages_pass_their_audit(
    open_page: OpenPage, name: str, options: dict[str, Any]
) -> None:
    """Start, choices with a question open, and the notice: nothing to complain about."""
    async with http_box() as box:
        box.members.given = {Purpose.RECOGNISE}
        page = await open_page(f"http://{box.host}/station", reduced_motion="reduce", **options)
        await expect(page.locator("#number")).to_be_visible()
        assert await page.evaluate(AUDIT) == [], name
        await page.locator("#number").fill("M1")
        await page.keyboard.press("Enter")
        await page.locator("[data-purpose=profile]").click()
        await expect(page.locator("#code")).to_be_focused()
        assert await page.evaluate(AUDIT) == [], name
        await page.locator("[data-own=pair]").click()
        await page.locator("#code").fill("R-9")
        await page.keyboard.press("Enter")
        await expect(page.locator(".key")).to_be_visible()
        assert await page.evaluate(AUDIT) == [], name
        await page.goto(f"http://{box.host}/notice")
        await expect(page.locator(".facts li")).to_have_count(8)
        assert await page.evaluate(AUDIT) == [], name
