"""Real parts for tests: a Mosquitto on a free loopback port, the demo store, no silent skips."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A crowded machine is no counterexample; in CI the same examples are tried every time.
settings.register_profile(
    "stammgast",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("stammgast")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Turn a skip into a failure where the environment demands that everything runs."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if os.environ.get("STAMMGAST_NO_SKIPS") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which is an error here: {report.longrepr}"


def free_port() -> int:
    """Return a TCP port of the loopback interface that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(is_true: Callable[[], object], what: str, timeout_s: float = 15.0) -> None:
    """Poll until `is_true()`; fail with `what` was awaited."""
    deadline = time.monotonic() + timeout_s
    while not is_true():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {timeout_s} s for {what}")
        time.sleep(0.01)


@dataclass
class Mosquitto:
    """A broker process of the tests, stopped by its process id."""

    directory: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    settings: str = "allow_anonymous true\npersistence false\nmax_queued_messages 100000\n"

    def start(self) -> None:
        """Start on the same port as before and wait until it accepts connections."""
        config = self.directory / "mosquitto.conf"
        listener = f"listener {self.port} 127.0.0.1\n"
        config.write_text(
            self.settings.replace("listener 1883 127.0.0.1\n", listener)
            if "listener " in self.settings
            else f"{listener}set_tcp_nodelay true\n{self.settings}"
        )
        binary = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self.process = subprocess.Popen(
            [binary, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(lambda: _accepts(self.port), "Mosquitto to accept connections")

    def stop(self) -> None:
        """End the process and wait for it."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:  # seen once, why is not known
                self.process.kill()
                self.process.wait(10)
            self.process = None


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 0.2):
            return True
    except OSError:
        return False


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running Mosquitto of this test alone."""
    directory = tmp_path / "mosquitto"
    directory.mkdir()
    broker = Mosquitto(directory, free_port())
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of the public data sets; they are not part of the repository."""
    root = os.environ.get("STAMMGAST_DATA")
    if root is None:
        pytest.skip("STAMMGAST_DATA is not set: checks against public data are left out")
    return Path(root)
