"""What a consent taken back takes along: off the screens, out of the memory, out of what follows."""

import json
from pathlib import Path

from tests.conftest import Mosquitto, wait_until
from tests.tact_store import look, settled
from tests.world import ANNA, RunningBox, Tablet, configure, running, tablet_of


def take_back(box: RunningBox, tablet: Tablet, purpose: str) -> None:
    """Withdraw one of Anna's consents and wait until the tablet has followed."""
    box.consent(purpose, is_given=False)
    wait_until(lambda: box.count("consent_withdrawn") == 1, "the withdrawal")
    settled(box, tablet)


def likes(store: Path, *class_ids: str) -> None:
    """Let Anna have said what she likes."""
    path = store / "members.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    for member in document["members"]:
        if member["member_id"] == ANNA:
            member["stated"] = list(class_ids)
    path.write_text(json.dumps(document), encoding="utf-8")


def test_insights_leave_with_the_profile(
    tmp_path: Path, store: Path, bundle: Path, mosquitto: Mosquitto
) -> None:
    """What Anna said she likes stands beside no card, and counts among no facts that are told."""
    likes(store, "class-05")
    with (
        running(configure(tmp_path, store, bundle, mosquitto.port)) as box,
        tablet_of(box) as tablet,
    ):
        look(box, tablet, zone="women")
        contact = next(iter(tablet.contacts))
        before = json.dumps(tablet.contacts[contact]["insights"])
        assert "mag Klasse 5" in before
        take_back(box, tablet, "profile")
        after = tablet.contacts[contact]
        assert (after["insights"], after["cards"]) == ([], [])
        board = box.box.path.showing.board.contact(contact)
        assert board is not None
        assert board.empty is not None
        assert board.empty.code == "consent_withdrawn"
        assert next(iter(box.box.path.guests.values())).told() == frozenset()
