"""A recorded log of check-ins, sales, consents and a recall gives the same bytes twice."""

import json
import time
from pathlib import Path

from edge.replay import replay
from tests.conftest import Mosquitto, wait_until
from tests.world import ANNA, BEACON, BEN, ITEM_IDS, configure, running, tablet_of


def _record(settings_folder: Path, store: Path, bundle: Path, port: int) -> Path:
    """Let a box live through a little day and return its recording."""
    settings = configure(settings_folder, store, bundle, port, record='"day.log"')
    with running(settings) as box, tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(tablet.cards, "a card")
        card = tablet.cards()[0]
        tablet.say({"kind": "seen", "card_ids": [card["card_id"]]})
        wait_until(lambda: box.count("shown") == 1, "the impression")
        box.sell(ITEM_IDS.index(card["item_id"]))
        wait_until(lambda: tablet.kinds("recall"), "the recall")
        box.check_in(BEN)
        uuid = BEACON.removeprefix("iBeacon:")[:36].lower()
        for n in range(20):
            payload = {"mac": "5a3f1c9d0e42", "id": f"iBeacon:{uuid}-100-1", "rssi@1m": -59,
                       "rssi": -60.0 - n % 3, "distance": 1.2, "int": 1000}  # fmt: skip
            box.publish(
                f"espresense/devices/iBeacon:{uuid}-100-1/women-1", json.dumps(payload), qos=0
            )
        box.consent("profile", is_given=False)
        wait_until(lambda: box.count("consent_withdrawn") == 1, "the withdrawal")
        box.publish("stammgast/v1/sales", b"{broken")
        box.check_in(ANNA)
        wait_until(lambda: box.count("decisions") >= 3, "three decisions")
        time.sleep(1.1)  # one tick of the box's own clock goes into the recording
    assert settings.record is not None
    return settings.record


def test_the_same_inputs_give_the_same_bytes(
    tmp_path: Path, store: Path, bundle: Path, mosquitto: Mosquitto
) -> None:
    """Decisions, frames and the recall are there, and are the same byte for byte."""
    recording = _record(tmp_path, store, bundle, mosquitto.port)
    settings = configure(tmp_path, store, bundle, mosquitto.port)
    first = list(replay(recording, settings))
    second = list(replay(recording, settings))
    assert first == second
    frames = [json.loads(line)["frame"] for line in first if line.startswith(b'{"frame"')]
    assert {"contact", "recall"} <= {frame["kind"] for frame in frames}
    assert sum(line.startswith(b'{"decision"') for line in first) >= 3


def test_a_replay_leaves_the_box_as_it_is(
    tmp_path: Path, store: Path, bundle: Path, mosquitto: Mosquitto
) -> None:
    """The data folder of the configuration is not touched."""
    recording = _record(tmp_path, store, bundle, mosquitto.port)
    settings = configure(tmp_path, store, bundle, mosquitto.port)
    before = {p: p.stat().st_mtime_ns for p in settings.store.data.rglob("*")}
    list(replay(recording, settings))
    assert {p: p.stat().st_mtime_ns for p in settings.store.data.rglob("*")} == before
