"""What staff and customers do with a card teaches the box, and can be taken back."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge.adapters.sqlite.backup import backup, restore
from edge.adapters.sqlite.erasure import erase_member
from edge.adapters.sqlite.keys import read_or_make_box_key
from edge.core.consent import Purpose, Statement
from edge.core.records import ConsentChanged
from tests.conftest import Mosquitto, wait_until
from tests.world import ANNA, ITEM_IDS, RunningBox, configure, running, tablet_of

UNMOVED = float(np.float32(0.4))

# A box of its own that learns from two taps, says what it makes of the item, and then only lives.
# The taps are acknowledged: what they taught is on disk before it says anything.
BOX = """
import json, signal, sys
from pathlib import Path
from tests.conftest import wait_until
from tests.journeys.test_box_learns import chance_after, taught
from tests.world import configure, running, tablet_of
folder, store, bundle = map(Path, sys.argv[1:4])
with running(configure(folder, store, bundle, int(sys.argv[4]))) as box:
    item = taught(box)
    print(json.dumps([item, chance_after(box, item)]), flush=True)
    signal.pause()
"""


def chance_after(box: RunningBox, item: int) -> float:
    """Return what the box now makes of a model's 0.4 for an item."""
    items, chance = np.array([item], np.int32), np.array([0.4], np.float32)
    return float(box.call(lambda: box.box.path.lessons.moved(chance, items))[0])


def taught(box: RunningBox) -> int:
    """Have staff call a card of Anna's wrong; return its item, once the tap is acknowledged."""
    with tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(tablet.cards, "a card")
        card = tablet.cards()[0]
        assert tablet.react(card, "wrong")["kind"] == "ack"
        return ITEM_IDS.index(card["item_id"])


def test_a_wrong_card_teaches_until_the_profile_is_withdrawn(box: RunningBox) -> None:
    """Staff tap "wrong": the item falls for everybody; Anna withdraws, and it never happened."""
    item = taught(box)
    assert box.count("learned_vetoed") == 1
    assert box.count("learned_shown") == 1  # who taps has seen
    assert chance_after(box, item) < UNMOVED
    box.consent("profile", is_given=False)
    wait_until(lambda: chance_after(box, item) == UNMOVED, "the lesson to go")


def test_a_reserved_card_teaches_once(
    tmp_path: Path, store: Path, bundle: Path, mosquitto: Mosquitto
) -> None:
    """Reserved, then bought: one acceptance, and the item rises, after a restart as well."""
    settings = configure(tmp_path, store, bundle, mosquitto.port)
    with running(settings) as box, tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(tablet.cards, "a card")
        card = tablet.cards()[0]
        item = ITEM_IDS.index(card["item_id"])
        tablet.react(card, "reserve")
        box.sell(item)
        wait_until(lambda: box.box.path.house.stock.units(f"sku-{item:02d}") == 4, "the sale")
        assert box.count("learned_accepted") == 1
        assert chance_after(box, item) > UNMOVED
        rose = chance_after(box, item)
    with running(settings) as again:
        assert chance_after(again, item) == rose


def test_a_killed_box_knows_again_what_it_learned(
    tmp_path: Path, store: Path, bundle: Path, mosquitto: Mosquitto
) -> None:
    """After kill -9: the same moved chance, no lesson twice; erased, as if never learned."""
    command = [sys.executable, "-c", BOX, *map(str, (tmp_path, store, bundle, mosquitto.port))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        item, moved = json.loads(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
    assert moved < UNMOVED
    settings = configure(tmp_path, store, bundle, mosquitto.port)
    for _ in range(2):
        with running(settings) as again:
            assert chance_after(again, item) == moved
    with running(settings) as again:
        now_s = again.box.clock.now_s()
        again.call(lambda: erase_member(again.box.ledger, ANNA, now_s))
        assert chance_after(again, item) == UNMOVED
    with running(settings) as again:
        assert chance_after(again, item) == UNMOVED


@pytest.mark.parametrize("is_restored", [False, True], ids=["restarted", "a backup put back"])
def test_a_withdrawn_profile_stays_unlearned(
    tmp_path: Path, store: Path, bundle: Path, mosquitto: Mosquitto, is_restored: bool
) -> None:
    """Withdrawn and given again: lessons and decisions of before stay gone, from a backup too."""
    settings = configure(tmp_path, store, bundle, mosquitto.port)
    data, saved = settings.store.data, tmp_path / "saved"
    with running(settings) as box:
        item = taught(box)
        assert chance_after(box, item) < UNMOVED
        backup(box.box.ledger, saved)
        assert decisions_of(box, ANNA)
        withdrawn_s = box.box.clock.now_s()
        box.call(lambda: state(box, is_given=False))
        assert chance_after(box, item) == UNMOVED
        box.call(lambda: state(box, is_given=True))
        box.box.ledger.flush()
        assert all(at_s > withdrawn_s for at_s in decisions_of(box, ANNA))
    if is_restored:
        restore(data, read_or_make_box_key(data / "box.key"), saved)
    with running(settings) as again:
        person = again.box.path.consents.person_of_member(ANNA)
        assert person is not None
        assert again.box.path.may_profile(person, again.box.clock.now_s())
        assert all(at_s > withdrawn_s for at_s in decisions_of(again, ANNA))
        assert chance_after(again, item) == UNMOVED


def decisions_of(box: RunningBox, member: str) -> list[float]:
    """Return when the recorded decisions about a member were made."""
    person = box.box.path.consents.person_of_member(member)
    found = box.box.journal.past(0.0, 1_000, box.box.clock.now_s())
    return [past.decision.at_s for past in found if past.person == person]


def state(box: RunningBox, *, is_given: bool) -> None:
    """Say a word about Anna's profile as the desk does, which has asked for a proof before."""
    consents, now_s = box.box.path.consents, box.box.clock.now_s()
    person = consents.person_of_member(ANNA)
    assert person is not None
    said = Statement(person, Purpose.PROFILE, is_given, now_s, now_s, "2026-01")
    consents.apply(said)
    box.box.ledger.append(ConsentChanged(said))
    box.box.intake.consent_changed(person, now_s)
