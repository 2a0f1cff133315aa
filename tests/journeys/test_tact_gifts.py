"""Whom a purchase was for: guessed from the till, corrected by the customer, never said aloud."""

import json
import urllib.error
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Mosquitto
from tests.tact_store import look, sell, settled, store_with
from tests.world import ANNA, RunningBox


class Phone:
    """Anna's own page: signed in with her card, proven with the code of her last receipt."""

    def __init__(self, box: RunningBox, receipt: str | None) -> None:
        self._box = box
        cookies = urllib.request.HTTPCookieProcessor(CookieJar())
        self._opener = urllib.request.build_opener(cookies)
        assert self.ask("POST", "session", {"member_id": ANNA, "method": "phone"})[0] == 201
        if receipt is not None:
            assert self.ask("POST", "proof", {"code": receipt})[0] == 200

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Send a request to the desk's addresses."""
        request = urllib.request.Request(
            f"{self._box.address}api/desk/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json", "Origin": self._box.address.rstrip("/")},
            method=method,
        )
        try:
            with self._opener.open(request, timeout=10) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.load(refusal)


SCENTS = ["scent-w", "scent-w2", "scent-m"]
MAN = {"declared": {"audience": "men"}}


def test_the_customer_says_it_was_no_gift(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """A scent for women, bought by a man: a gift, until he says that it is for him."""
    with store_with(tmp_path, mosquitto, SCENTS, about=MAN) as (box, tablet):
        receipt = sell(box, "scent-w", days_ago=200)
        assert look(box, tablet) == {"scent-m"}
        phone = Phone(box, receipt)
        status, lines = phone.ask("GET", "purchases")
        assert status == 200
        assert [(line["sku"], line["is_gift"]) for line in lines] == [("scent-w", True)]
        said = phone.ask("PUT", f"purchases/{lines[0]['receipt']}/gift", {"is_gift": False})
        assert said == (204, None)
        assert phone.ask("GET", "purchases")[1][0]["is_gift"] is False
        assert look(box, tablet) > {"scent-m"}, "women's scents may come again"
        sell(box, "scent-w2", days_ago=199)
        lines = phone.ask("GET", "purchases")[1]
        assert [line["is_gift"] for line in lines] == [False, False], "it is no riddle any more"
        assert "gift" not in json.dumps(tablet.frames).casefold()


def test_the_customer_says_it_was_a_gift(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Bought a moment ago, in this very visit: what went with the laptop leaves the screen."""
    with store_with(tmp_path, mosquitto, ["bag", "mouse"]) as (box, tablet):
        receipt = sell(box, "laptop-a")
        assert look(box, tablet) == {"bag", "mouse"}
        assert all("Laptop" in card["why"][0]["text"]["de"] for card in tablet.cards())
        phone = Phone(box, receipt)
        (line,) = phone.ask("GET", "purchases")[1]
        word = {"is_gift": True, "sku": line["sku"]}
        assert phone.ask("PUT", f"purchases/{line['receipt']}/gift", word)[0] == 204
        assert settled(box, tablet) == set()
        assert {f["reason"]["code"] for f in tablet.kinds("recall")} == {"basis_gone"}
        look(box, tablet)
        words = json.dumps([card["why"] for card in tablet.cards()]).casefold()
        assert "laptop" not in words


def test_only_the_proven_buyer_may_say_it(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Without the code of the receipt nothing is shown, and nothing is taken."""
    with store_with(tmp_path, mosquitto, ["mouse"]) as (box, _):
        sell(box, "scent-w", days_ago=20, is_gift=True)
        stranger = Phone(box, None)
        assert stranger.ask("GET", "purchases")[0] == 403
        assert stranger.ask("PUT", "purchases/00000000000000aa/gift", {"is_gift": False})[0] == 403


@pytest.mark.parametrize("purpose", ["profile"])
def test_without_a_profile_nothing_is_known_to_correct(
    tmp_path: Path, mosquitto: Mosquitto, purpose: str
) -> None:
    """Anna takes her consent back: her purchases are not read for her page either."""
    with store_with(tmp_path, mosquitto, ["mouse"]) as (box, _):
        receipt = sell(box, "scent-w", days_ago=20)
        phone = Phone(box, receipt)
        assert len(phone.ask("GET", "purchases")[1]) == 1
        take_back = {"is_given": False, "notice_version": "2026-01", "language": "de"}
        assert phone.ask("PUT", f"consents/{purpose}", take_back)[0] == 200
        assert phone.ask("GET", "purchases") == (200, [])
