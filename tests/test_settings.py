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
        pytest.param('[store]\nfiles = "nowhere"\ndata = "v"', "existing folder", id="no folder"),
        pytest.param('[store]\nfiles = "box.toml"\ndata = "v"', "existing folder", id="a file"),
        pytest.param('[store]\nfiles = "store"\ndata = "box.toml"', "a folder", id="data a file"),
        pytest.param(
            'mode = "simulation"\nrecord = "no/day.log"\n[store]\nfiles = "store"\ndata = "v"',
            "record: found 'no/day.log'",
            id="no folder for the recording",
        ),
        pytest.param('[store]\nfiles = "store"', "store.data", id="missing key"),
        pytest.param("a = " + "[" * 9_000 + "]" * 9_000, "nested deeper", id="too deep"),
        pytest.param(
            f'[store]\nfiles = "{"x" * 5_000}"\ndata = "v"', "store.files", id="too long a path"
        ),
        pytest.param('[store]\nfiles = "\\u0000"\ndata = "v"', "store.files", id="no path"),
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


def test_problems_of_every_kind_are_reported_together(tmp_path: Path) -> None:
    """A wrong key, missing paths, unknown gateways and what a store may not: each with its key."""
    text = (
        'record = "no/day.log"\nspeed = 3\n[store]\nfiles = "nowhere"\ndata = "box.toml"\n'
        'bundle = "none"\n[clock]\nkind = "simulated"\n[broker]\nkind = "embedded"\n'
        '[gateways.families]\nespressense = []\nminew = ["a/#/b"]\n'
    )
    with pytest.raises(ConfigError) as caught:
        read_settings(_write(tmp_path, text))
    keys = [problem.split(": ")[1] for problem in caught.value.problems]
    assert sorted(keys) == [
        "broker", "clock", "gateways.families.espressense", "gateways.families.minew",
        "record", "record", "speed", "store.bundle", "store.data", "store.files",
    ]  # fmt: skip


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    """It is named like a missing file, without a traceback."""
    with pytest.raises(ConfigError, match="cannot be read"):
        read_settings(tmp_path)
