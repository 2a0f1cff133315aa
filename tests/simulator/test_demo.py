"""The demo serves a bundle that was trained apart from it, and refuses another store's."""

import json
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from edge.core.history import History
from models.encoder import EncoderPlan
from models.ranker import RankerPlan
from models.train import Plan
from simulator import demo
from tests.conftest import free_port
from tests.trained import train_on

PLAN = Plan(
    max_back=1,
    encoder=EncoderPlan(size=4, hidden=8, epochs=1, batch=64),
    ranker=RankerPlan(widths=(8, 4), item_size=2, tower_size=2, epochs=1),
)


@pytest.fixture
def folder(store_dir: Path, tmp_path: Path) -> Path:
    """A folder in which the demo finds its store written today."""
    folder = tmp_path / "demo"
    shutil.copytree(store_dir, folder / "store")
    made = {"day": date.today().isoformat(), "seed": demo.SEED}  # noqa: TID251
    (folder / "made.json").write_text(json.dumps(made))
    return folder


def _trained(out: Path, item_ids: list[str]) -> Path:
    rng = np.random.default_rng(1)
    people = {}
    for number in range(30):
        history = History.empty()
        for visit in range(4):
            bought = np.unique(rng.integers(0, len(item_ids), 3)).tolist()
            history = history.extended(bought, float(visit))
        people[f"M{number}"] = history
    return train_on(people, item_ids, out, PLAN)


def _item_ids(folder: Path) -> list[str]:
    catalog = json.loads((folder / "store" / "catalog.json").read_text(encoding="utf-8"))
    return [item["item_id"] for item in catalog["items"]]


def _command(folder: Path, bundle: Path) -> list[str]:
    options = {"--dir": folder, "--bundle": bundle, "--port": free_port(), "--seconds": 1}
    return [str(word) for pair in options.items() for word in pair]


def test_a_bundle_is_served(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The box reads it where it lies, and nothing is trained beside it."""
    bundle = _trained(tmp_path / "mine", _item_ids(folder))
    assert demo.main(_command(folder, bundle)) == 0
    assert "decisions" in json.loads(capsys.readouterr().out.splitlines()[-1])
    assert f'bundle = "{bundle}"' in (folder / "box.toml").read_text()
    assert not (folder / "bundle").exists()


def test_a_bundle_of_another_store_is_refused(folder: Path, tmp_path: Path) -> None:
    """With the box's own reason, before the store opens."""
    bundle = _trained(tmp_path / "other", [f"other-{number}" for number in range(60)])
    with pytest.raises(SystemExit, match="made for another catalogue: it knows 0% of"):
        demo.main(_command(folder, bundle))


def test_a_bundle_in_the_folder_that_is_emptied_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tomorrow's store would take it away."""
    with pytest.raises(SystemExit):
        demo.main(_command(folder, folder / "bundle"))
    assert "which the demo empties every day" in capsys.readouterr().err
