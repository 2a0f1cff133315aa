"""A bundle that is damaged while the box is off: the one it last served serves on."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.__main__ import main
from edge.adapters.onnx.sealed import Sealed
from edge.core.decision import Decision
from edge.core.errors import ConfigError
from edge.core.features import SCHEMA_HASH
from edge.opening import KEPT, keep_models, open_models
from edge.replay import replay
from edge.settings import Settings
from models.bundle import extend
from tests.conftest import Mosquitto, wait_until
from tests.world import ANNA, ITEM_IDS, STAPLES, RunningBox, configure, running, tablet_of


@pytest.fixture
def mine(tmp_path: Path, bundle: Path) -> Path:
    """A bundle to break."""
    return Path(shutil.copytree(bundle, tmp_path / "mine"))


@pytest.fixture
def settings(tmp_path: Path, store: Path, mine: Path, mosquitto: Mosquitto) -> Settings:
    """A box that serves it."""
    return configure(tmp_path, store, mine, mosquitto.port)


def decision_of(box: RunningBox) -> Decision:
    """Let Anna check in and return what was decided."""
    before = box.count("decisions")
    box.check_in(ANNA)
    wait_until(lambda: box.count("decisions") > before, "a decision")
    box.box.ledger.flush()
    return box.decisions()[-1]


def state(box: RunningBox) -> str:
    """Return the model's word on the health page."""
    return str(box.box.health().parts["model"])


def changed(bundle: Path) -> str:
    """Make another good bundle of one and return its version."""
    points = json.loads((bundle / "calibration.json").read_bytes())
    points["probability"] = [0.9 * p for p in points["probability"]]
    extend(bundle, {"calibration.json": json.dumps(points).encode()})
    return Sealed(bundle).version


def _cut_off(bundle: Path) -> str:
    content = (bundle / "tables.npz").read_bytes()
    (bundle / "tables.npz").write_bytes(content[: len(content) // 2])
    return "tables.npz has sha256"


def _without_graph(bundle: Path) -> str:
    (bundle / "model.onnx").unlink()
    return "no model.onnx"


def _emptied(bundle: Path) -> str:
    for path in bundle.iterdir():
        path.unlink()
    return "no manifest.json"


def _of_later_software(bundle: Path) -> str:
    path = bundle / "manifest.json"
    path.write_text(path.read_text().replace(SCHEMA_HASH, "0" * 64))
    return "feature schema 000000000000 is unknown"


@pytest.mark.parametrize("damage", [_cut_off, _without_graph, _emptied, _of_later_software])
def test_a_bundle_damaged_while_the_box_was_off_serves_from_its_copy(
    settings: Settings, mine: Path, damage: Callable[[Path], str]
) -> None:
    """The same model offers the same staples; health says what was refused, and which serves."""
    version = Sealed(mine).version
    with running(settings) as box:
        assert decision_of(box).model_version == version == state(box)
    reason = damage(mine)
    with running(settings) as box, tablet_of(box) as tablet:
        assert decision_of(box).model_version == version
        assert box.count("ranker_unavailable") == 0
        wait_until(tablet.cards, "a card")
        assert tablet.items() <= {ITEM_IDS[n] for n in STAPLES}
        assert state(box).startswith(f"{version}, the last good one; refused: ")
        assert reason in state(box)


def test_a_bundle_damaged_before_it_ever_served_leaves_the_rules_alone(
    settings: Settings, mine: Path
) -> None:
    """There is no copy, and health names one reason only."""
    reason = _cut_off(mine)
    with running(settings) as box:
        assert decision_of(box).model_version == ""
        assert box.count("ranker_unavailable") == 1
        assert state(box).startswith("refused: ")
        assert reason in state(box)
        assert "the last good one" not in state(box)
    assert not list(settings.store.data.glob(f"{KEPT}*"))


def test_a_copy_that_cannot_be_trusted_either_leaves_the_rules_alone(
    settings: Settings, mine: Path
) -> None:
    """It is opened by the same checks; both reasons are told."""
    with running(settings):
        pass
    _cut_off(mine)
    _without_graph(settings.store.data / KEPT)
    with running(settings) as box:
        assert decision_of(box).model_version == ""
        assert "tables.npz has sha256" in state(box)
        assert "; the last good one too: no model.onnx" in state(box)


def test_the_last_good_bundle_is_the_last_that_served(settings: Settings, mine: Path) -> None:
    """Another bundle takes the copy's place at its first start; a refused one never does."""
    with running(settings):
        pass
    version = changed(mine)
    with running(settings) as box:
        assert state(box) == version
    for _ in range(2):
        _cut_off(mine)
        with running(settings) as box:
            assert decision_of(box).model_version == version


def test_a_model_beside_the_ranker_is_refused_for_itself(settings: Settings, mine: Path) -> None:
    """The newer ranker serves and is kept without it, at the next start too; health tells."""
    with running(settings):
        pass
    extend(mine, {"motive.onnx": b"graph", "motive.json": b"[]"})
    version = Sealed(mine).version
    with running(settings) as box:
        assert state(box).startswith(f"{version}; refused: bundle file motive.json cannot be read")
        assert decision_of(box).model_version == version
    _cut_off(mine)
    with running(settings) as box:
        assert decision_of(box).model_version == version
        assert state(box).startswith(
            f"{version}, the last good one; refused: bundle file tables.npz"
        )
        assert "; refused: no motive.json" in state(box)


def test_a_copy_that_cannot_be_written_stops_no_start(
    tmp_path: Path, settings: Settings, mine: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says that there will be nothing to fall back on."""
    store = settings.store.model_copy(update={"data": tmp_path / "no" / "folder"})
    models = open_models(store, ITEM_IDS)
    keep_models(store, models)
    assert models.state == Sealed(mine).version
    assert "the bundle could not be kept" in caplog.messages


def test_a_folder_that_is_not_there_is_a_mistake_in_the_settings(
    tmp_path: Path, settings: Settings, mine: Path
) -> None:
    """A mistyped name is told, though there is a copy."""
    with running(settings):
        pass
    with pytest.raises(ConfigError, match=r"store\.bundle: .*expected an existing folder"):
        configure(tmp_path, settings.store.files, mine.with_name("mien"), settings.broker.port)


def test_check_config_names_a_bundle_whose_copy_serves(
    tmp_path: Path, settings: Settings, mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A copy mends nothing."""
    with running(settings):
        pass
    reason = _cut_off(mine)
    assert open_models(settings.store, ITEM_IDS).version
    assert main(["check-config", str(tmp_path / "box.toml")]) == 2
    assert f"store.bundle: bundle file {reason}" in capsys.readouterr().err


def test_a_replay_knows_the_configured_bundle_alone(
    tmp_path: Path, store: Path, mine: Path, mosquitto: Mosquitto
) -> None:
    """What it decides hangs on recording, files and bundle, not on what a box has kept."""
    settings = configure(tmp_path, store, mine, mosquitto.port, record='"day.log"')
    version = Sealed(mine).version
    with running(settings) as box:
        assert decision_of(box).model_version == version
    assert settings.record is not None
    _cut_off(mine)
    lines = list(replay(settings.record, settings))
    decisions = [json.loads(line)["decision"] for line in lines if line.startswith(b'{"decision"')]
    assert decisions
    assert version not in json.dumps(decisions)
    assert lines == list(replay(settings.record, settings))
