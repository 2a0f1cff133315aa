"""A broken configuration names file, key, value and expectation, every problem at once."""

from pathlib import Path

import pytest

from edge.core.errors import ConfigError
from edge.settings import read_settings


def _write(folder: Path, text: str) -> Path:
    (folder / "store").mkdir(exist_ok=True)
    path = folder / "box.toml"
    path.write_text(text)
    return path


def test_a_minimal_file_is_enough(tmp_path: Path) -> None:
    """Everything but the two folders has a default, and paths count from the file's folder."""
    settings = read_settings(_write(tmp_path, '[store]\nfiles = "store"\ndata = "var"\n'))
    assert settings.store.data == tmp_path / "var"
    assert settings.http.host == "127.0.0.1"
    assert "espresense" in settings.gateways.families


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    """Three mistakes give three sentences."""
    path = _write(
        tmp_path,
        '[store]\nfiles = "store"\ndata = "var"\n'
        '[broker]\nport = 99999\n[http]\nhost = "0.0.0.0"\nprot = 1\n',
    )
    with pytest.raises(ConfigError) as caught:
        read_settings(path)
    text = str(caught.value)
    assert len(caught.value.problems) == 3
    assert "broker.port: found 99999" in text
    assert "loopback only" in text
    assert "http.prot" in text
    assert str(path) in caught.value.problems[0]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param('clock.kind = "simulated"', "simulation", id="simulated time in a store"),
        pytest.param('broker.kind = "embedded"', "laptops", id="laptop broker in a store"),
        pytest.param('record = "log.jsonl"', "raw messages", id="recording in a store"),
    ],
)
def test_a_store_refuses_what_is_for_simulation(tmp_path: Path, lines: str, expected: str) -> None:
    """Simulated time, the laptop's broker and recordings need simulation mode."""
    path = _write(tmp_path, f'{lines}\n[store]\nfiles = "store"\ndata = "var"\n')
    with pytest.raises(ConfigError, match=expected):
        read_settings(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("[store", "not TOML", id="not TOML"),
        pytest.param('[store]\nfiles = "nowhere"\ndata = "v"', "does not exist", id="no folder"),
        pytest.param('[store]\nfiles = "store"', "store.data", id="missing key"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, expected: str) -> None:
    """The sentence names the key and the expectation."""
    with pytest.raises(ConfigError, match=expected):
        read_settings(_write(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """No file: its path and what was expected."""
    with pytest.raises(ConfigError, match=r"absent\.toml: no such file"):
        read_settings(tmp_path / "absent.toml")
