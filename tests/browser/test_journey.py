"""The whole way in a real browser: a gateway's message becomes a card, the sale takes it away."""

import asyncio
import json
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import OpenPage
from tests.conftest import Mosquitto
from tests.world import BEACON, ITEM_IDS, RunningBox, configure, running, train_bundle, write_store

pytestmark = pytest.mark.asyncio(loop_scope="module")

UUID = BEACON.removeprefix("iBeacon:")[:36].lower()
TIMEOUT_S = 30.0


def _heard(box: RunningBox, zone: str, n: int) -> None:
    """Publish what an ESPresense receiver publishes when it hears Anna's phone."""
    payload = {
        "mac": "5a3f1c9d0e42", "id": f"iBeacon:{UUID}-100-1", "name": "phone", "rssi@1m": -59,
        "rssi": -60.0 - n % 3, "rxAdj": 0, "rssiVar": 2.1, "distance": 1.2, "var": 0.2, "int": 980,
    }  # fmt: skip
    topic = f"espresense/devices/iBeacon:{UUID}-100-1/{zone}-1"
    box.publish(topic, json.dumps(payload), qos=0)


async def test_a_gateways_message_becomes_a_card_and_the_sale_takes_it_away(
    tmp_path: Path, mosquitto: Mosquitto, open_page: OpenPage
) -> None:
    """A real Mosquitto, a real box, a real Chromium; the only input is what a gateway sends."""
    store, bundle = write_store(tmp_path / "store"), train_bundle(tmp_path / "bundle")
    with running(configure(tmp_path, store, bundle, mosquitto.port)) as box:
        page = await open_page(box.address)
        cards = page.locator("[data-card-id], .card")
        deadline = asyncio.get_running_loop().time() + TIMEOUT_S
        n = 0
        while await cards.count() == 0 and asyncio.get_running_loop().time() < deadline:
            await asyncio.to_thread(_heard, box, "shoes", n)
            n += 1
            await asyncio.sleep(0.2)
        assert await cards.count() > 0
        text = await page.inner_text("main")
        shown = [i for i in range(len(ITEM_IDS)) if f"Artikel {i}\n" in text + "\n"]
        assert shown, text
        assert "EG " in text
        await page.locator("summary").click()
        because = page.locator(".because").first
        await expect(because.locator("li").first).to_contain_text("vor allem")
        assert await because.locator(".bar").first.evaluate("b => b.clientWidth") > 0
        await page.screenshot(path=tmp_path / "tablet.png", full_page=True)
        item = shown[0]
        await asyncio.to_thread(box.sell, item)
        while f"Artikel {item}\n" in (text := await page.inner_text("main") + "\n"):
            assert asyncio.get_running_loop().time() < deadline + TIMEOUT_S, text
            await asyncio.sleep(0.1)
        assert box.count("recalled") >= 1
