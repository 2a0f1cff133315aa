"""What staff said about an item holds for the visit, whatever consents come and go meanwhile."""

from pathlib import Path

import pytest

from tests.conftest import Mosquitto
from tests.core.decision_world import CATALOG
from tests.journeys.test_tact_gifts import Phone
from tests.tact_store import look, sell, store_with
from tests.world import RunningBox, Tablet


def change(box: RunningBox, purpose: str, *, is_given: bool) -> None:
    """Give or withdraw a consent of Anna's; a profile is given with the code of a receipt."""
    phone = Phone(box, sell(box, "wine") if is_given else None)
    word = {"is_given": is_given, "notice_version": "2026-01", "language": "de"}
    assert phone.ask("PUT", f"consents/{purpose}", word)[0] == 200


def tap_mouse(tablet: Tablet, action: str) -> None:
    """Tap on the mouse's card."""
    (card,) = [card for card in tablet.cards() if card["item_id"] == "mouse"]
    assert tablet.react(card, action)["kind"] == "ack"


CHANGES: list[tuple[str, list[str], list[tuple[str, bool]]]] = [
    ("the profile is withdrawn", [], [("profile", False)]),
    ("the profile is withdrawn and given again", [], [("profile", False), ("profile", True)]),
    ("without a profile, another purpose is withdrawn", ["profile"], [("location", False)]),
    ("without a profile, one is given", ["profile"], [("profile", True)]),
]


@pytest.mark.parametrize(
    ("withheld", "changes"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES]
)
def test_a_veto_outlives_every_consent(
    tmp_path: Path, mosquitto: Mosquitto, withheld: list[str], changes: list[tuple[str, bool]]
) -> None:
    """The mouse was called wrong: it does not come back in this visit."""
    with store_with(tmp_path, mosquitto, ["mouse", "tie"]) as (box, tablet):
        for purpose in withheld:
            change(box, purpose, is_given=False)
        assert look(box, tablet) == {"mouse", "tie"}
        tap_mouse(tablet, "wrong")
        assert look(box, tablet) == {"tie"}
        for purpose, is_given in changes:
            change(box, purpose, is_given=is_given)
            assert look(box, tablet) == {"tie"}


def test_a_wave_of_the_hand_outlives_a_consent(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Waved off without a profile, so that nothing is on disk: the visit knows it all the same."""
    with store_with(tmp_path, mosquitto, ["mouse"]) as (box, tablet):
        change(box, "profile", is_given=False)
        assert look(box, tablet) == {"mouse"}
        tap_mouse(tablet, "not_now")
        change(box, "location", is_given=False)
        (guest,) = box.box.path.guests.values()
        assert [CATALOG.items[item].item_id for item in guest.view.dismissed] == ["mouse"]
