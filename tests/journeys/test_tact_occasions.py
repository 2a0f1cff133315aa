"""Occasions and manners from wire to screen: birthdays, old regulars, help, and names."""

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.conftest import Mosquitto, wait_until
from tests.tact_store import History, look, sell, store_with
from tests.world import Tablet

BERLIN = ZoneInfo("Europe/Berlin")


def said(tablet: Tablet) -> set[str]:
    """Return every sentence on the tablet's cards."""
    return {why["text"]["de"] for card in tablet.cards() for why in card["why"]}


TREAT = "Eine kleine Aufmerksamkeit"
BIRTHDAYS = [
    ("the day before, in a common year", "2027-02-27 10:00", "favourite:mouse", True),
    ("the day it is kept on", "2027-02-28 10:00", "favourite:mouse", True),
    ("the day after", "2027-03-01 10:00", "favourite:mouse", True),
    ("the day itself, in a leap year", "2028-02-29 10:00", "favourite:mouse", True),
    ("a week later", "2027-03-07 10:00", "favourite:mouse", False),
    ("no favourite was stated", "2027-02-28 10:00", "mouse", False),
]


@pytest.mark.parametrize(
    ("today", "stated", "is_treated"), [c[1:] for c in BIRTHDAYS], ids=[c[0] for c in BIRTHDAYS]
)
def test_a_birthday_on_29_february(
    tmp_path: Path, mosquitto: Mosquitto, today: str, stated: str, is_treated: bool
) -> None:
    """A treat around the day, of a stated favourite alone; only day and month are known (A02)."""
    now_s = datetime.fromisoformat(today).replace(tzinfo=BERLIN).timestamp()
    about = {"birthday": "02-29", "stated": [stated]}
    with store_with(tmp_path, mosquitto, ["mouse"], about=about, now_s=now_s) as (box, tablet):
        assert look(box, tablet) == {"mouse"}
        assert (TREAT in said(tablet)) is is_treated


REGULARS: list[tuple[str, History, bool]] = [
    ("monthly, and not for three years",
     [("paper", 1_095.0 + 30 * n, False) for n in range(4)], True),
    ("monthly, and still coming", [("paper", 40.0 + 30 * n, False) for n in range(4)], False),
    ("once, three years ago", [("paper", 1_095.0, False)], False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("history", "is_back"), [c[1:] for c in REGULARS], ids=[c[0] for c in REGULARS]
)
def test_who_used_to_come_is_reminded(
    tmp_path: Path, mosquitto: Mosquitto, history: History, is_back: bool
) -> None:
    """Years after a rhythm ended the old favourite is named as one; a rhythm that goes on is not.

    Nothing on the tablet says that somebody was away (A26).
    """
    about = {"has_delivery": True}  # else the heavy paper is offered with delivery instead
    with store_with(tmp_path, mosquitto, ["paper"], history, about=about) as (box, tablet):
        assert look(box, tablet) == {"paper"}
        assert ("Ein früherer Favorit ist wieder da" in said(tablet)) is is_back
        assert "lange" not in str(tablet.frames)


def test_help_comes_when_promotions_had_their_share(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """One promotion a day is shown already: the coat bought since brings its care tip (A24)."""
    cap = (
        '[[caps]]\nid = "test"\nlimit = 1\nwindow = "calendar day"\nper = ["person"]\n'
        "requests_pass = false\n"
    )
    with store_with(tmp_path, mosquitto, ["mouse", "coat-a"], more=cap) as (box, tablet):
        look(box, tablet)
        tablet.say({"kind": "seen", "card_ids": [tablet.cards()[0]["card_id"]]})
        wait_until(lambda: box.count("shown") == 1, "the impression")
        sell(box, "coat-a")
        look(box, tablet)
        assert ("coat-a", "care") in {(card["item_id"], card["kind"]) for card in tablet.cards()}
        (contact,) = tablet.contacts.values()
        care = next(card for card in contact["cards"] if card["kind"] == "care")
        assert care["price_cents"] is None


NAMES = [
    ("Anna Öztürk", "Anna Öztürk"), ("Test Test", None), ("{{first}}", None), ("", None),
    ("😀", None), ("xxx", None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "title"), NAMES, ids=[repr(n) for n, _ in NAMES])
def test_a_name_is_spoken_where_it_was_asked_for_and_is_one(
    tmp_path: Path, mosquitto: Mosquitto, name: str, title: str | None
) -> None:
    """Anna wants to be called by name; what is no name gives way to the place (A18, B05)."""
    purposes = ("recognise", "staff_contact", "location", "staff_greeting")
    consents: list[dict[str, Any]] = [
        {"purpose": purpose, "given_at": "2026-01-02T10:00:00Z", "notice_version": "2026-01",
         "method": "station"} for purpose in purposes
    ]  # fmt: skip
    about = {"name": name, "consents": consents}
    with store_with(tmp_path, mosquitto, ["mouse"], about=about) as (box, tablet):
        assert look(box, tablet) == {"mouse"}
        (contact,) = tablet.contacts.values()
        assert contact["title"]["de"] == (title or "Gast · floor")
        assert title is not None or not name or name not in str(tablet.frames)
