"""Tact over time, from wire to screen: windows of caps in store time, and silence by the clock.

The box's time stands where a test puts it and moves by tick messages.
"""

import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edge.adapters.clock import SimulatedClock
from tests.conftest import Mosquitto, wait_until
from tests.core.decision_world import CATALOG
from tests.tact_store import look, say, settled, store_with, tick
from tests.world import ANNA, RunningBox, Tablet, rfc3339, running, tablet_of

BERLIN = ZoneInfo("Europe/Berlin")


def at_s(text: str) -> float:
    """Return a moment of store time, such as `2027-03-27 23:30`, in UTC seconds."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


def seen(box: RunningBox, tablet: Tablet) -> str:
    """Have the only card on the tablet seen; return its id."""
    (card,) = tablet.cards()
    before = box.count("shown")
    tablet.say({"kind": "seen", "card_ids": [card["card_id"]]})
    wait_until(lambda: box.count("shown") > before, "the impression")
    box.call(lambda: None)
    box.box.ledger.flush()
    return str(card["card_id"])


def offered(box: RunningBox, tablet: Tablet, now_s: float) -> bool:
    """Let time pass, check Anna in again, and tell whether a new card came."""
    before = {card["card_id"] for card in tablet.cards()}
    tick(box, now_s)
    look(box, tablet)
    return bool({card["card_id"] for card in tablet.cards()} - before)


# 27 March 2027 is a Saturday; clocks go forward in the night to the 28th, a day of 23 hours.
WINDOWS: list[tuple[str, str, str, str, bool]] = [
    ("a calendar day, still the same", "calendar day", "2027-03-03 00:10", "2027-03-03 23:50",
     False),
    ("a calendar day ends at midnight in the store, not in UTC", "calendar day",
     "2027-03-03 23:50", "2027-03-04 00:10", True),
    ("an hour later it is another day in UTC only", "calendar day", "2027-03-03 00:30",
     "2027-03-03 01:30", False),
    ("the day of 23 hours, still the same", "calendar day", "2027-03-28 00:10",
     "2027-03-28 23:50", False),
    ("the night in which clocks change", "calendar day", "2027-03-27 23:50", "2027-03-28 00:10",
     True),
    ("a week is not over on Sunday", "calendar week", "2027-03-22 09:00", "2027-03-28 23:50",
     False),
    ("a week begins on Monday", "calendar week", "2027-03-28 23:50", "2027-03-29 00:10", True),
    ("a month, still the same", "calendar month", "2027-03-01 00:10", "2027-03-31 23:50", False),
    ("a month ends", "calendar month", "2027-03-31 23:50", "2027-04-01 00:10", True),
    ("24 hours do not end at midnight", "24 hours", "2027-03-03 23:50", "2027-03-04 00:10",
     False),
    ("24 hours over the short night", "24 hours", "2027-03-27 12:00", "2027-03-28 12:30", False),
    ("24 hours are over", "24 hours", "2027-03-27 12:00", "2027-03-28 13:01", True),
    ("seven days, not yet over", "7 days", "2027-03-03 10:00", "2027-03-10 09:59", False),
    ("seven days are over", "7 days", "2027-03-03 10:00", "2027-03-10 10:01", True),
    ("one card without an answer rests", "unanswered 30 days", "2027-03-03 10:00",
     "2027-04-02 10:00", False),
    ("it has rested long enough", "unanswered 30 days", "2027-03-03 10:00", "2027-04-02 11:01",
     True),
    ("a visit begins anew after a night", "visit", "2027-03-03 10:00", "2027-03-04 10:00", True),
    ("ever, while impressions are kept", "ever", "2027-03-03 10:00", "2027-05-31 10:00", False),
    ("ever, when they are forgotten", "ever", "2027-03-03 10:00", "2027-06-02 10:00", False),
    ("ever, years later", "ever", "2027-03-03 10:00", "2031-03-03 10:00", False),
    ("24 hours over the long night", "24 hours", "2027-10-30 12:00", "2027-10-31 10:59", False),
    ("24 hours over the long night are over", "24 hours", "2027-10-30 12:00",
     "2027-10-31 11:01", True),
    ("the day of 25 hours, still the same", "calendar day", "2027-10-31 00:10",
     "2027-10-31 23:50", False),
    ("the day of 25 hours ends", "calendar day", "2027-10-31 23:50", "2027-11-01 00:10", True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("window", "first", "then", "is_open"), [c[1:] for c in WINDOWS], ids=[c[0] for c in WINDOWS]
)
def test_every_window_on_the_tablet(
    tmp_path: Path, mosquitto: Mosquitto, window: str, first: str, then: str, is_open: bool
) -> None:
    """The mouse was seen once; whether it comes again is a matter of the store's own calendar."""
    per = "visit" if window == "visit" else "person"
    cap = (
        f'[[caps]]\nid = "test"\nwindow = "{window}"\nlimit = 1\nper = ["{per}"]\n'
        "requests_pass = false\n"
    )
    began_s = at_s(first)
    with store_with(tmp_path, mosquitto, ["mouse"], more=cap, now_s=began_s) as (box, tablet):
        assert look(box, tablet) == {"mouse"}
        seen(box, tablet)
        assert offered(box, tablet, at_s(then)) is is_open


REPORTS: list[tuple[str, str, str, bool]] = [
    ("it counts when the tablet says", "2027-03-28 23:50:05", "2027-03-28 23:50:05", True),
    ("not before it was decided", "2027-03-21 12:00:00", "2027-03-28 23:50:00", True),
    ("not in the future", "2027-04-05 12:00:00", "2027-03-29 00:05:00", False),
]


@pytest.mark.parametrize(
    ("said", "kept", "is_open"), [c[1:] for c in REPORTS], ids=[c[0] for c in REPORTS]
)
def test_a_late_report_counts_in_the_week_in_which_the_card_was_seen(
    tmp_path: Path, mosquitto: Mosquitto, said: str, kept: str, is_open: bool
) -> None:
    """Decided on Sunday at 23:50, told on Monday at 00:05, once a week: here and on disk."""
    cap = (
        '[[caps]]\nid = "test"\nwindow = "calendar week"\nlimit = 1\nper = ["person"]\n'
        "requests_pass = false\n"
    )
    began_s, told_s = at_s("2027-03-28 23:50"), at_s("2027-03-29 00:05")
    with store_with(tmp_path, mosquitto, ["mouse"], more=cap, now_s=began_s) as (box, tablet):
        assert look(box, tablet) == {"mouse"}
        (card,) = tablet.cards()
        # Nothing comes unasked meanwhile.
        say(box, "staff", "staff", {"tablet_id": "t1", "member_id": ANNA, "state": "serving"})
        tick(box, told_s)
        shown = [{"card_id": card["card_id"], "at_s": at_s(said)}]
        tablet.say({"kind": "report", "tablet_id": "t1", "shown": shown})
        wait_until(lambda: box.count("shown") == 1, "the report")
        (guest,) = box.box.path.guests.values()
        assert box.box.path.caps.last_shown(guest.person) == {"mouse": at_s(kept)}
        look(box, tablet)
        assert bool(box.decisions()[-1].slate) is is_open
        settings = box.box.settings
    clock = SimulatedClock()
    clock.tick(told_s + 3_600.0)
    with running(settings, clock) as again, tablet_of(again) as tablet:
        assert look(again, tablet) == ({"mouse"} if is_open else set())


def test_a_campaign_ends_for_a_person_by_duration(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """28 days after its first card the campaign is over for Anna, however rarely it was shown."""
    cap = (
        '[[caps]]\nid = "test"\nwindow = "lifetime 28 days"\nper = ["person", "campaign"]\n'
        "requests_pass = false\n"
    )
    began_s = at_s("2027-03-03 10:00")
    with store_with(tmp_path, mosquitto, ["tie"], more=cap, now_s=began_s) as (box, tablet):
        assert look(box, tablet) == {"tie"}
        seen(box, tablet)
        assert offered(box, tablet, at_s("2027-03-30 10:00"))
        seen(box, tablet)
        assert not offered(box, tablet, at_s("2027-03-31 12:00"))
        assert not offered(box, tablet, at_s("2027-05-31 12:00"))
        slept(box, at_s("2027-08-01 04:00"))
        assert not offered(box, tablet, at_s("2027-08-01 12:00"))


def slept(box: RunningBox, now_s: float) -> None:
    """Let the box do the work of a night, and wait until it has forgotten what is old."""
    before = box.box.night.counts["forget"]
    tick(box, now_s)
    wait_until(lambda: box.box.night.counts["forget"] > before, "the night")


def grounds(box: RunningBox, item_id: str) -> set[str]:
    """Return what speaks against an item in the newest decision."""
    decision = box.decisions()[-1]
    item = CATALOG.index_of(item_id)
    return {r.value for row in decision.trace() if row.item == item for r in row.reasons}


def kinds_kept(box: RunningBox) -> set[str]:
    """Return the kinds of happenings on disk."""
    box.box.ledger.flush()
    rows = box.box.ledger.reading().db.execute("SELECT kind FROM happenings").fetchall()
    return {kind for (kind,) in rows}


@pytest.mark.parametrize("per", [["person", "item"], ["offer"]], ids=["her own", "the store's"])
def test_ever_outlives_the_impressions(
    tmp_path: Path, mosquitto: Mosquitto, per: list[str]
) -> None:
    """Seen once, forgotten by the night, the box started anew: still once for ever.

    Only how often, first and last is left; with the consent to be recognised it goes, too.
    """
    cap = (
        f'[[caps]]\nid = "test"\nwindow = "ever"\nlimit = 1\nper = {json.dumps(per)}\n'
        "requests_pass = false\n"
    )
    began_s, later_s = at_s("2027-03-03 10:00"), at_s("2027-09-01 04:00")
    with store_with(tmp_path, mosquitto, ["tie"], more=cap, now_s=began_s) as (box, tablet):
        assert look(box, tablet) == {"tie"}
        seen(box, tablet)
        slept(box, later_s)
        assert "CapsFolded" in kinds_kept(box)
        assert "CapCounted" not in kinds_kept(box)
        assert look(box, tablet) == set()
        assert grounds(box, "tie") == {"frequency_cap"}
        settings = box.box.settings
    clock = SimulatedClock()
    clock.tick(later_s + 3_600.0)
    with running(settings, clock) as again, tablet_of(again) as tablet:
        assert look(again, tablet) == set()
        assert grounds(again, "tie") == {"frequency_cap"}
        now = rfc3339(later_s + 3_600.0)
        again.consent("recognise", is_given=False, time=now)
        wait_until(lambda: again.count("consent_withdrawn") == 1, "the withdrawal")
        again.box.ledger.flush()
        slept(again, later_s + 86_400.0)
        assert kinds_kept(again) == set()


def test_the_clock_and_the_place_keep_silence(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Unasked, nothing comes in the first minutes, in the fitting room, twice at one place."""
    began_s = at_s("2027-03-03 10:00")
    with store_with(tmp_path, mosquitto, ["mouse", "bag"], now_s=began_s) as (box, tablet):
        assert look(box, tablet, zone="entrance") == {"mouse", "bag"}

        def dwelt(zone: str, now_s: float) -> str:
            """Walk to a zone, stay for half a minute, and return what was decided unasked."""
            guest = next(iter(box.box.path.guests.values()))
            tick(box, now_s)
            before, decided = box.box.path.counts.copy(), box.count("decisions")
            box.call(lambda: box.box.path._note(guest.person, now_s, zone))
            tick(box, now_s + 30.0)
            assert box.count("decisions") == decided + 1
            told = box.box.path.counts - before
            return next((k[6:] for k in told if k.startswith("empty_")), "shown")

        assert dwelt("floor", began_s + 40.0) == "quiet_after_entry"
        assert dwelt("fitting", began_s + 300.0) == "fitting_room"
        assert dwelt("floor", began_s + 400.0) == "shown"
        assert settled(box, tablet) == {"mouse", "bag"}
        box.event("staff", "staff", {"tablet_id": "t1", "member_id": ANNA, "state": "serving"})
        guest = next(iter(box.box.path.guests.values()))
        wait_until(lambda: guest.is_being_served, "the associate")
        assert dwelt("till", began_s + 500.0) == "being_served"
        assert settled(box, tablet) == set()  # they were right there, on the floor
        assert {f["reason"]["code"] for f in tablet.kinds("recall")} == {"ground_gone"}
