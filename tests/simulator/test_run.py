"""Playing over a real Mosquitto: everything published arrives, and the command says what it did."""

import json
import threading
import time
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from simulator import __main__ as command
from simulator import run
from tests.conftest import Mosquitto, free_port, wait_until

# One worker writes the store once and runs all that read it.
pytestmark = pytest.mark.xdist_group("store")


class Listener:
    """Hears everything on a broker."""

    def __init__(self, port: int) -> None:
        self.messages: list[tuple[str, bytes, int]] = []
        self._subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._take
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.subscribe("#", 1)
        assert self._subscribed.wait(10)

    def _take(self, _client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
        self.messages.append((message.topic, bytes(message.payload), time.perf_counter_ns()))

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def test_all_that_is_published_arrives(mosquitto: Mosquitto, store_dir: Path) -> None:
    """Check-ins reach a subscriber after the instant noted for them; counts agree."""
    listener = Listener(mosquitto.port)
    noted: dict[str, int] = {}
    members: dict[str, str] = {}

    def note(event_id: str, member_id: str, now_ns: int) -> None:
        noted[event_id], members[event_id] = now_ns, member_id

    summary = run.play("127.0.0.1", mosquitto.port, store_dir, 1, 20.0, 4.0, on_checkin=note)
    total = sum(summary.messages.values())
    wait_until(lambda: len(listener.messages) >= total, f"{total} messages")
    listener.stop()
    assert len(listener.messages) == total
    assert noted == summary.checkins_ns
    assert len(noted) >= 5
    for topic, payload, arrived_ns in listener.messages:
        if topic == "stammgast/v1/checkins":
            said = json.loads(payload)
            assert noted[said["id"]] < arrived_ns
            assert members[said["id"]] == said["data"]["member_id"]
    assert set(summary.messages) >= {
        "checkins", "stock", "espresense", "openmqttgateway", "theengs", "minew", "ruuvi",
    }  # fmt: skip
    assert 3.5 < summary.seconds < 12
    assert summary.visits


def test_the_simulated_clock_ticks_before_what_it_dates(
    mosquitto: Mosquitto, store_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ticks never fall, no event is dated after the next tick, and the truth is written."""
    listener = Listener(mosquitto.port)
    truth = tmp_path / "truth.jsonl"
    arguments = [
        "run", "--broker", f"127.0.0.1:{mosquitto.port}", "--store", str(store_dir),
        "--speed", "30", "--seconds", "3", "--clock", "simulated", "--truth", str(truth),
    ]  # fmt: skip
    assert command.main(arguments) == 0
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    total = sum(line["messages"].values())
    wait_until(lambda: len(listener.messages) >= total, f"{total} messages")
    listener.stop()
    ticks = [json.loads(p)["data"]["now"] for t, p, _ in listener.messages if t.endswith("/tick")]
    assert ticks == sorted(ticks)
    assert len(ticks) >= 10
    assert ticks[0] == "2026-11-21T09:00:00Z", "ten o'clock in Berlin"
    visits = [json.loads(text) for text in truth.read_text(encoding="utf-8").splitlines()]
    assert len(visits) == line["visits"] > 0
    assert {"motive", "member_id", "started", "zones"} <= visits[0].keys()


def test_no_broker_is_told_plainly(store_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command names host and port and ends with 1."""
    port = free_port()
    arguments = ["run", "--broker", f"127.0.0.1:{port}", "--store", str(store_dir)]
    assert command.main(arguments) == 1
    assert f"127.0.0.1:{port}" in capsys.readouterr().err
