"""A recorded log of check-ins, sales, consents and a recall gives the same bytes twice."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from edge.core.errors import ConfigError
from edge.replay import replay
from tests.conftest import Mosquitto, wait_until
from tests.world import (
    ANNA,
    BEACON,
    BEN,
    ITEM_IDS,
    configure,
    rfc3339,
    running,
    sku_of,
    tablet_of,
)


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


def test_rules_that_changed_during_the_day_change_in_the_replay(
    tmp_path: Path, store: Path, bundle: Path, mosquitto: Mosquitto
) -> None:
    """What was banned at noon is shown before noon and not after, whatever the file says today."""
    rules = tmp_path / "rules.toml"
    head = 'version = "{v}"\nholdout_share = 0.0\n[limits.max_cards]\ntablet = 1\n'
    rules.write_text(head.format(v="morning"), encoding="utf-8")
    settings = configure(tmp_path, store, bundle, mosquitto.port, rules, record='"day.log"')
    with running(settings) as box, tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(tablet.cards, "a card")
        banned = tablet.cards()[0]["item_id"]
        ban = (
            f'[[rules]]\nid = "b"\nkind = "ban"\ntargets = ["item:{banned}"]\n'
            'date = 2026-03-03\nreason = "recalled by the maker"\nauthor = "Jo"\n'
        )
        rules.write_text(head.format(v="noon") + ban, encoding="utf-8")
        wait_until(lambda: tablet.kinds("recall"), "the recall")
        rules.write_text("version = 7\n", encoding="utf-8")
        wait_until(lambda: box.box.rulebook.state.problems, "the refusal of a bad file")
        box.check_in(ANNA)
        wait_until(lambda: box.count("decisions") == 2, "another decision")
    rules.write_text(head.format(v="another day"), encoding="utf-8")
    assert settings.record is not None
    first, second = list(replay(settings.record, settings)), list(replay(settings.record, settings))
    assert first == second
    said = [json.loads(line) for line in first]
    decisions = [each["decision"] for each in said if "decision" in each]
    assert [d["playbook_version"].partition("@")[0] for d in decisions] == ["morning", "noon"]
    assert [line["item_id"] for line in decisions[0]["slate"]] == [banned]
    assert banned not in [line["item_id"] for line in decisions[1]["slate"]]
    (recall,) = [each["frame"] for each in said if each.get("frame", {}).get("kind") == "recall"]
    assert recall["reason"]["code"] == "banned"


def test_a_recorded_rule_file_that_cannot_be_read_is_named(
    tmp_path: Path, store: Path, mosquitto: Mosquitto
) -> None:
    """A damaged recording ends the replay with what was found."""
    settings = configure(tmp_path, store, None, mosquitto.port)
    for payload in (b"{", b"[1]", b'[["store", "rules.toml", "version = 7"]]'):
        recording = tmp_path / "day.log"
        recording.write_text(f"1.0 rules {payload.hex()}\n", encoding="utf-8")
        with pytest.raises(ConfigError):
            list(replay(recording, settings))


def _days(log: Path, since_s: float) -> None:
    """Write a recording of members who come, buy, leave and come back, four times over."""
    lines = []
    now_s, number = since_s, 0

    def say(topic: str, kind: str, data: dict[str, Any]) -> None:
        nonlocal now_s, number
        now_s, number = now_s + 1, number + 1
        event = {"specversion": "1.0", "id": f"e{number}", "source": "/log",
                 "type": f"stammgast.{kind}.v1", "time": rfc3339(now_s), "data": data}  # fmt: skip
        lines.append(f"{now_s} stammgast/v1/{topic} {json.dumps(event).encode().hex()}\n")

    for turn in range(4):
        for member in range(12):
            member_id = f"M-{member}"
            item = (7 * member + 3 * turn) % len(ITEM_IDS)
            bought = {"line_no": 1, "sku": sku_of(item), "quantity": 1, "unit_price_cents": 900}
            say("checkins", "checkin", {"member_id": member_id, "place": "app", "zone": "shoes"})
            say("sales", "sale", {"receipt_id": f"r{number}", "till_id": "1",
                                  "sold_at": rfc3339(now_s), "lines": [bought],
                                  "member_id": member_id})  # fmt: skip
            now_s += 1_801
            lines.append(f"{now_s} tick \n")
            levels = [{"sku": sku_of(at), "quantity": 5} for at in range(len(ITEM_IDS))]
            say("stock", "stock", {"levels": levels})
            say("checkins", "checkin", {"member_id": member_id, "place": "app", "zone": "women"})
    log.write_text("".join(lines), encoding="utf-8")


def test_who_comes_back_is_met_with_the_same_past_every_time(
    tmp_path: Path, store: Path, bundle: Path
) -> None:
    """What a returning guest bought and saw was written in between, however slow the disk was."""
    _days(tmp_path / "days.log", time.time())
    settings = configure(tmp_path, store, bundle, 1)
    first, second = (list(replay(tmp_path / "days.log", settings)) for _ in range(2))
    assert first == second
    assert sum(line.startswith(b'{"decision"') for line in first) == 2 * 4 * 12


@pytest.mark.parametrize(
    "line", [b"nan tick ", b"1e300 tick ", b"1.0 tick zz", b"1.0 tick", b"1.0 \xff 00", b"\xff"]
)
def test_a_line_that_cannot_be_read_is_named(
    tmp_path: Path, store: Path, bundle: Path, line: bytes
) -> None:
    """By its number; so is a file that is none."""
    settings = configure(tmp_path, store, bundle, 1)
    recording = tmp_path / "day.log"
    recording.write_bytes(b"1.0 tablet ff\n2.0 tick \n" + line + b"\n")
    with pytest.raises(ConfigError, match=r"day\.log: line 3"):
        list(replay(recording, settings))
    for missing in (tmp_path, tmp_path / "none.log"):
        with pytest.raises(ConfigError, match="expected a file made with `record`"):
            list(replay(missing, settings))


def test_a_replay_leaves_the_box_as_it_is(
    tmp_path: Path, store: Path, bundle: Path, mosquitto: Mosquitto
) -> None:
    """The data folder of the configuration is not touched."""
    recording = _record(tmp_path, store, bundle, mosquitto.port)
    settings = configure(tmp_path, store, bundle, mosquitto.port)
    before = {p: p.stat().st_mtime_ns for p in settings.store.data.rglob("*")}
    list(replay(recording, settings))
    assert {p: p.stat().st_mtime_ns for p in settings.store.data.rglob("*")} == before


def test_every_second_has_its_reason_for_a_zone(tmp_path: Path, store: Path, bundle: Path) -> None:
    """Four seconds in which one receiver heard her: sums are 1, and no beacon is told."""
    uuid = BEACON.removeprefix("iBeacon:")[:36].lower()
    payload = {"id": f"iBeacon:{uuid}-100-1", "rssi@1m": -59, "rssi": -60.5, "distance": 1.2}
    topic = f"espresense/devices/iBeacon:{uuid}-100-1/women-1"
    began_s = float(int(time.time()))
    lines = [f"{began_s + 0.1} tick "]
    for second in range(4):
        lines.append(f"{began_s + second + 0.5} {topic} {json.dumps(payload).encode().hex()}")
        lines.append(f"{began_s + second + 1.1} tick ")
    recording = tmp_path / "seconds.log"
    recording.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    settings = configure(tmp_path, store, bundle, 1)
    told = [line for line in replay(recording, settings, has_zones=True) if b"zone_reason" in line]
    reasons = [json.loads(line)["zone_reason"] for line in told]
    assert [reason["at_s"] for reason in reasons] == [began_s + 1 + second for second in range(4)]
    for reason in reasons:
        assert abs(sum(reason["probabilities"].values()) - 1) < 1e-3
        assert reason["probabilities"].keys() == {"entrance", "shoes", "women", "till"}
        assert reason["zone"] == "women"
        (spoke,) = reason["evidence"]
        assert spoke["gateway"] == "women-1"
        assert spoke.keys() >= {"zone", "level_dbm", "support", "is_refused"}
    assert uuid[9:] not in b"".join(told).decode().lower()
    plain = list(replay(recording, settings))
    assert not any(b"zone_reason" in line for line in plain)
