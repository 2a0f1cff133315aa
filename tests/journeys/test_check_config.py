"""`check-config` says before the start what the start would say, every problem at once."""

import json
import shutil
from pathlib import Path

import pytest

from edge.__main__ import main
from models.bundle import extend
from tests.world import configure


def test_a_sound_store_passes(
    tmp_path: Path, store: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is opened or made: the data folder does not come to be."""
    configure(tmp_path, store, bundle, 1)
    assert main(["check-config", str(tmp_path / "box.toml")]) == 0
    assert "well formed" in capsys.readouterr().out
    assert not (tmp_path / "data").exists()


def test_every_broken_file_is_named(
    tmp_path: Path, store: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stock, members, floor plan, rules and model, each broken in its own way."""
    rules, other = tmp_path / "rules.toml", tmp_path / "other"
    rules.write_text("version = [[[", encoding="utf-8")
    other.mkdir()
    configure(tmp_path, store, other, 1, rules)
    (store / "stock.json").write_text('{"schema":', encoding="utf-8")
    (store / "members.json").write_text("[]", encoding="utf-8")
    (store / "floorplan.json").write_text(json.dumps({"zones": []}), encoding="utf-8")
    assert main(["check-config", str(tmp_path / "box.toml")]) == 2
    told = capsys.readouterr().err
    for each in ("stock.json", "members.json", "floorplan.json", "rules.toml", "store.bundle"):
        assert each in told, told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("model.onnx", b"graph", "store.bundle: bundle file model.onnx cannot be read"),
        ("tables.npz", b"PK", "store.bundle: bundle file tables.npz cannot be read"),
        ("motive.json", b"[]", "store.bundle: bundle file motive.json cannot be read"),
    ],
)
def test_a_bundle_that_was_sealed_broken_is_named(
    tmp_path: Path,
    store: Path,
    bundle: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes,
    reason: str,
) -> None:
    """Its hashes are right; the ranker, its tables, or a model beside it cannot be read."""
    copy = tmp_path / "bundle"
    shutil.copytree(bundle, copy)
    extend(copy, {"motive.onnx": b"", name: content} if name == "motive.json" else {name: content})
    configure(tmp_path, store, copy, 1)
    assert main(["check-config", str(tmp_path / "box.toml")]) == 2
    told = capsys.readouterr().err
    assert reason in told
    assert "Traceback" not in told


def test_a_wrong_key_hides_no_broken_file(
    tmp_path: Path, store: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The configuration's own problems and those of the files come together."""
    configure(tmp_path, store, bundle, 1)
    config = tmp_path / "box.toml"
    config.write_text(config.read_text().replace("port = 1\n", "port = 99999\n"))
    (store / "catalog.json").write_text("{", encoding="utf-8")
    (store / "members.json").write_text("[]", encoding="utf-8")
    assert main(["check-config", str(tmp_path / "box.toml")]) == 2
    told = capsys.readouterr().err
    for each in ("broker.port", "catalog.json", "members.json"):
        assert each in told, told
