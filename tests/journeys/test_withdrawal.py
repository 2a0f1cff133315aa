"""What a consent taken back takes along: off screens, out of memory, out of what follows.

And that one more takes nothing.
"""

import gc
import json
import weakref
from pathlib import Path

from edge.core.candidates import Source
from edge.core.decision import Motive
from edge.core.guest import Guest
from tests.conftest import Mosquitto, wait_until
from tests.tact_store import look, settled
from tests.world import ANNA, BEACON, STAPLES, RunningBox, Tablet, configure, running, tablet_of


def take_back(box: RunningBox, tablet: Tablet, purpose: str) -> None:
    """Withdraw one of Anna's consents and wait until the tablet has followed."""
    box.consent(purpose, is_given=False)
    wait_until(lambda: box.count("consent_withdrawn") == 1, "the withdrawal")
    settled(box, tablet)


def guest_of(box: RunningBox) -> Guest:
    """Return the only guest."""
    (guest,) = box.box.path.guests.values()
    return guest


def hear(box: RunningBox, receiver: str) -> None:
    """Let a receiver hear Anna's beacon, and wait until the box has."""
    before, beacon = box.box.messages["gateway"], "iBeacon:" + BEACON[8:].lower()
    said = {"mac": "5a3f1c9d0e42", "id": beacon, "rssi@1m": -59, "rssi": -58.0, "rxAdj": 0,
            "distance": 1.2, "int": 1000}  # fmt: skip
    box.publish(f"espresense/devices/{beacon}/{receiver}", json.dumps(said), qos=0)
    wait_until(lambda: box.box.messages["gateway"] > before, "the sighting")
    box.call(lambda: None)


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
        assert guest_of(box).told() == frozenset()


def test_no_place_is_left_of_a_withdrawn_location(box: RunningBox) -> None:
    """Not on the tablets, not in the visit, not in what follows her beacon or is decided next."""
    path = box.box.path
    with tablet_of(box) as tablet:
        look(box, tablet, zone="women")
        contact = next(iter(tablet.contacts))
        assert tablet.contacts[contact]["title"]["de"] == "Gast · Damen"
        hear(box, "women-1")
        assert box.call(lambda: list(path.why_zones()))
        tablet.react(tablet.cards()[0], "reserve")
        take_back(box, tablet, "location")
        assert tablet.contacts[contact]["title"]["de"] == "Gast im Haus"
        assert tablet.contacts[contact]["zone"] is None
        guest = guest_of(box)
        assert (guest.zone, guest.stays, guest.motive) == (None, [], Motive.UNKNOWN)
        assert (guest.has_moved, guest.next_look_s) == (False, float("inf"))
        assert [card.zone for card in guest.cards.values()] == [None]
        visit = path.visits.get(guest.person)
        assert visit is not None
        assert (visit.zone, dict(visit.dwell_s)) == (None, {})
        assert "women" not in path.visits.occupancy()
        hear(box, "women-2")
        assert not box.call(lambda: list(path.why_zones()))
        look(box, tablet, zone="women")
        decision = box.decisions()[-1]
        assert decision.zone is None
        assert not any(line.sources & Source.ZONE for line in decision.slate)
        assert zones_checked_in(box) == ["women", None]


def test_no_purchase_is_left_in_memory_of_a_withdrawn_profile(box: RunningBox) -> None:
    """Nothing holds what Anna bought before, not even what was worked out from it."""
    with tablet_of(box) as tablet:
        look(box, tablet, zone="women")
        guest = guest_of(box)
        assert set(STAPLES) <= set(guest.memory.items.tolist())
        bought = weakref.ref(guest.memory.items)
        tablet.react(tablet.cards()[0], "reserve")
        take_back(box, tablet, "profile")
        assert guest.memory.items.size == 0
        gc.collect()
        assert bought() is None


def test_a_consent_given_takes_no_card_away(box: RunningBox) -> None:
    """Cards stay as they are, the reserved one unmarked; only withdrawals are told as such."""
    with tablet_of(box) as tablet:
        take_back(box, tablet, "aggregates")
        look(box, tablet, zone="women")
        tablet.react(tablet.cards()[0], "reserve")
        settled(box, tablet)
        before = tablet.cards()
        box.consent("aggregates", is_given=True)
        wait_until(lambda: box.count("consent_given") == 1, "the consent")
        settled(box, tablet)
        assert tablet.cards() == before
        assert all(card.scored is not None for card in guest_of(box).cards.values())
        assert not tablet.kinds("recall")
        assert not tablet.kinds("mark")


def zones_checked_in(box: RunningBox) -> list[str | None]:
    """Return the zone that was written down of each check-in, the first one first."""
    box.box.ledger.flush()
    return [said["zone"] for _, said in box.box.ledger.reading().happenings.every("CheckedIn")]
