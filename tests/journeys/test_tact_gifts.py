"""Whom a purchase was for: guessed from the till, corrected by the customer, never said aloud."""

import json
import urllib.error
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Mosquitto
from tests.tact_store import look, say, sell, settled, sku, store_with
from tests.world import ANNA, RunningBox, Tablet, running, tablet_of


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


def reasons(box: RunningBox, tablet: Tablet) -> set[str]:
    """Let Anna check in and return the first reason of each card."""
    assert look(box, tablet) == {"bag", "mouse"}
    return {card["why"][0]["text"]["de"] for card in tablet.cards()}


GOES_WITH, LIES_HERE = {"Passt dazu: Laptop"}, {"Liegt gleich hier in der Abteilung"}


def tap_gift(tablet: Tablet) -> None:
    """Say on the tablet that what stands behind the first card was for somebody else."""
    assert tablet.react(tablet.cards()[0], "gift")["kind"] == "ack"


def test_the_customers_word_outweighs_the_tap(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Staff took the laptop for a gift; its owner says that it is none, in the same visit."""
    with store_with(tmp_path, mosquitto, ["bag", "mouse"]) as (box, tablet):
        receipt = sell(box, "laptop-a")
        assert reasons(box, tablet) == GOES_WITH
        tap_gift(tablet)
        box.consent("location", is_given=False)  # the guest is read anew, and it holds
        assert not GOES_WITH & reasons(box, tablet)
        phone = Phone(box, receipt)
        (line,) = phone.ask("GET", "purchases")[1]
        assert line["is_gift"] is True
        word = {"is_gift": False, "sku": line["sku"]}
        assert phone.ask("PUT", f"purchases/{line['receipt']}/gift", word)[0] == 204
        assert reasons(box, tablet) == GOES_WITH


def test_a_tap_is_about_one_purchase(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Yesterday's laptop was a gift; the one of five years ago was not, nor is today's."""
    history = [("laptop-a", 1_800.0, False), ("laptop-a", 1.0, False)]
    with store_with(tmp_path, mosquitto, ["bag", "mouse"], history=history) as (box, tablet):
        assert reasons(box, tablet) == GOES_WITH
        tap_gift(tablet)
        assert not GOES_WITH & reasons(box, tablet)
        receipt = sell(box, "laptop-a")
        assert reasons(box, tablet) == GOES_WITH
        lines = Phone(box, receipt).ask("GET", "purchases")[1]
        assert [line["is_gift"] for line in lines] == [False, True, False], "the newest first"


def test_a_tap_before_the_purchase_is_about_the_next_one(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """A laptop in the basket is for somebody else: so the receipt says, and no later one."""
    with store_with(tmp_path, mosquitto, ["bag", "mouse"]) as (box, tablet):
        look(box, tablet)
        label = {"member_id": ANNA, "sku": sku("laptop-a"), "is_in_basket": True}
        say(box, "scans", "scan", label)
        assert reasons(box, tablet) == GOES_WITH
        tap_gift(tablet)
        sell(box, "laptop-a")
        receipt = sell(box, "laptop-a")
        lines = Phone(box, receipt).ask("GET", "purchases")[1]
        assert sorted(line["is_gift"] for line in lines) == [False, True]


def test_a_tap_holds_on_the_next_visit(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """The box is started anew: bag and mouse still have nothing to do with the laptop."""
    with store_with(tmp_path, mosquitto, ["bag", "mouse", "laptop-b"]) as (box, tablet):
        sell(box, "laptop-a")
        assert reasons(box, tablet) == GOES_WITH
        tap_gift(tablet)
        settings = box.box.settings
    with running(settings) as box, tablet_of(box) as tablet:
        assert reasons(box, tablet) == LIES_HERE


def test_without_a_profile_a_tap_holds_for_the_visit(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Nothing is written down about Anna; the visit knows all the same, whatever she withdraws."""
    with store_with(tmp_path, mosquitto, ["bag", "mouse"]) as (box, tablet):
        look(box, tablet)
        box.consent("profile", is_given=False)
        sell(box, "laptop-a")
        assert reasons(box, tablet) == GOES_WITH
        tap_gift(tablet)
        box.consent("location", is_given=False)
        assert not GOES_WITH & reasons(box, tablet)


def tells_of_it(tablet: Tablet) -> bool:
    """Tell whether any frame gives a gift, or that somebody has no need, as a reason."""
    frames = json.dumps(tablet.frames, ensure_ascii=False).casefold()
    return any(word in frames for word in ("gift", "geschenk", "eigener bedarf", "sensitive"))


def test_a_late_gift_recalls_a_card_without_a_word(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """The till tells ten days late of a scent for women: a card goes, the log alone knows why."""
    with store_with(tmp_path, mosquitto, ["scent-w2", "scent-m"], about=MAN) as (box, tablet):
        assert look(box, tablet) == {"scent-w2", "scent-m"}
        sell(box, "scent-w", days_ago=10)
        assert settled(box, tablet) == {"scent-m"}
        (recall,) = tablet.kinds("recall")
        assert recall["reason"]["code"] == "below_floor"
        box.box.ledger.flush()
        logged = box.box.ledger.reading().happenings.every("CardRecalled")
        assert [said["reason"] for _, said in logged] == ["gift_basket"]
        assert not tells_of_it(tablet)


def test_a_reserved_card_is_marked_without_a_word(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """The card stays because it was reserved; its mark says no more than a recall would."""
    with store_with(tmp_path, mosquitto, ["scent-w2"], about=MAN) as (box, tablet):
        look(box, tablet)
        tablet.react(tablet.cards()[0], "reserve")
        sell(box, "scent-w", days_ago=10)
        assert settled(box, tablet) == {"scent-w2"}
        assert [frame["mark"] for frame in tablet.kinds("mark")] == ["below_floor"]
        assert not tells_of_it(tablet)


def test_an_empty_contact_does_not_tell_of_a_gift(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Where only scents for women are sold, the gift is the commonest ground of silence."""
    scents = ["scent-w", "scent-w2"]
    with store_with(tmp_path, mosquitto, scents, about=MAN, sold=scents) as (box, tablet):
        sell(box, "scent-w", days_ago=10)
        assert look(box, tablet) == set()
        (contact,) = tablet.contacts.values()
        assert contact["empty"]["code"] == "below_floor"
        assert box.decisions()[-1].empty == "gift_basket"
        assert not tells_of_it(tablet)


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
