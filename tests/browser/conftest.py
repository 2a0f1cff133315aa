"""A real browser for the tests of pages, and a tablet in it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page

from tests.chromium import chromium

OpenPage = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for the tests of a file."""
    async with chromium() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    """Open an address in a context of its own; the test fails if the page complains.

    Keywords go to `Browser.new_context`; the default is a German tablet of 1280 × 800. Statuses
    that a test provokes are named in `refusals`.
    """
    pages: list[tuple[Page, list[str]]] = []

    async def open_page(url: str, *, refusals: tuple[int, ...] = (), **options: Any) -> Page:
        given: dict[str, Any] = {
            "viewport": {"width": 1280, "height": 800},
            "locale": "de-DE",
            "has_touch": True,
            **options,
        }
        context = await browser.new_context(**given)
        page = await context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.extend(_errors(said, refusals)))
        pages.append((page, complaints))
        await page.goto(url)
        return page

    yield open_page
    for page, complaints in pages:
        await page.context.close()
        # A server that has stopped, on purpose, is the one thing a page may complain about; the
        # browser has several sentences for it.
        stopped = ("WebSocket connection to", "ERR_CONNECTION", "ERR_EMPTY_RESPONSE")
        real = [said for said in complaints if not any(each in said for each in stopped)]
        assert real == [], f"{page.url} complained"


def _errors(said: ConsoleMessage, refusals: tuple[int, ...]) -> list[str]:
    is_expected = any(f"status of {status} " in said.text for status in refusals)
    # A page may send in the moment in which a test's server stops.
    is_expected |= "already in CLOSING or CLOSED state" in said.text
    return [said.text] if said.type == "error" and not is_expected else []
