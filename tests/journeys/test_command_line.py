"""The box as a process: it says where it is and how it is, ends in order, or says why."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.__main__ import main
from tests.conftest import Mosquitto, free_port, wait_until
from tests.world import configure, rfc3339


@contextmanager
def _started(config: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "edge", "run", str(config)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _address_of(process: subprocess.Popen[str]) -> str:
    """Read what the process prints until it says where its page is."""
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.match(r"Tablet page: (http://\S+)", line):
            return found[1]
    pytest.fail(f"it ended without an address: {process.communicate()[1]}")


def _health(address: str) -> int:
    try:
        with urllib.request.urlopen(f"{address}healthz", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_box_is_well_with_a_broker_only_and_ends_when_told(
    tmp_path: Path, store: Path, bundle: Path, mosquitto: Mosquitto
) -> None:
    """Exit code 0 within seconds, and nothing of a member on its error stream."""
    configure(tmp_path, store, bundle, mosquitto.port)
    with _started(tmp_path / "box.toml") as process:
        address = _address_of(process)
        wait_until(lambda: _health(address) == 200, "a healthy box", 30)
        mosquitto.stop()
        wait_until(lambda: _health(address) == 503, "an unhealthy box", 30)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=15)
        assert process.returncode == 0
    assert "Traceback" not in errors
    assert "M-anna" not in errors
    for line in errors.splitlines():
        assert json.loads(line)["level"], "logs are lines of JSON"


def test_a_port_that_is_taken_is_named(tmp_path: Path, store: Path, mosquitto: Mosquitto) -> None:
    """Exit code 1: something the box depends on is missing."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        configure(tmp_path, store, None, mosquitto.port)
        config = tmp_path / "box.toml"
        config.write_text(
            re.sub(r"\[http\]\nport = \d+", f"[http]\nport = {port}", config.read_text())
        )
        with _started(config) as process:
            _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"127.0.0.1:{port}" in errors
    assert "Traceback" not in errors


def test_a_box_listens_on_loopback_alone_and_says_so(
    tmp_path: Path, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2: the configuration is wrong."""
    configure(tmp_path, store, None, free_port())
    config = tmp_path / "box.toml"
    config.write_text(config.read_text().replace("[http]\n", '[http]\nhost = "0.0.0.0"\n'))
    assert main(["run", str(config)]) == 2
    assert "loopback only" in capsys.readouterr().err


def test_a_replay_prints_a_line_for_each_decision_and_frame(
    tmp_path: Path, store: Path, bundle: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """From the command line, twice the same; a recording that is none is named."""
    configure(tmp_path, store, bundle, 1)
    now_s = time.time()
    data = {"member_id": "M-anna", "place": "app"}
    event = {"specversion": "1.0", "id": "e", "source": "/t", "type": "stammgast.checkin.v1",
             "time": rfc3339(now_s), "data": data}  # fmt: skip
    recording = tmp_path / "day.log"
    line = f"{now_s} stammgast/v1/checkins {json.dumps(event).encode().hex()}\n"
    recording.write_text(line, encoding="utf-8")
    said = []
    for _ in range(2):
        assert main(["replay", str(recording), str(tmp_path / "box.toml")]) == 0
        said.append(capfdbinary.readouterr().out)
    assert said[0] == said[1]
    assert b'{"decision":' in said[0]
    assert main(["replay", str(tmp_path), str(tmp_path / "box.toml")]) == 2
