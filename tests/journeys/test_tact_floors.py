"""What a model's calibration says is worth showing, from its bundle to the tablet."""

import json
import shutil
from pathlib import Path

import pytest

from edge.core.reasons import Reason
from models.bundle import extend
from tests.conftest import Mosquitto, wait_until
from tests.world import ANNA, configure, running, tablet_of

OPEN = 'version = "1"\nholdout_share = 0.0\n'


@pytest.mark.parametrize(
    ("floors", "rules", "speaks"),
    [
        ({}, OPEN, True),
        ({"tablet": 0.0}, OPEN, True),
        ({"tablet": None}, OPEN, False),
        ({"tablet": 0.97}, OPEN, False),
        ({"push": None}, OPEN, True),
        ({"tablet": None}, OPEN + "[limits.floors]\ntablet = 0.0\n", True),
    ],
    ids=["unjudged", "low", "out of reach", "high", "of another surface", "overruled"],
)
def test_the_bundles_floor_holds_until_people_name_one(
    tmp_path: Path,
    store: Path,
    bundle: Path,
    mosquitto: Mosquitto,
    floors: dict[str, float | None],
    rules: str,
    speaks: bool,
) -> None:
    """Anna's staples come as cards, or not at all where nothing is likely enough."""
    copy, written = tmp_path / "bundle", tmp_path / "rules.toml"
    shutil.copytree(bundle, copy)
    extend(copy, {"metrics.json": json.dumps({"judgement": {"floors": floors}}).encode()})
    written.write_text(rules, encoding="utf-8")
    settings = configure(tmp_path, store, copy, mosquitto.port, written)
    with running(settings) as box, tablet_of(box) as tablet:
        box.check_in(ANNA)
        wait_until(lambda: box.count("decisions") == 1, "a decision")
        if speaks:
            wait_until(tablet.cards, "a card")
        else:
            wait_until(lambda: box.decisions(), "the decision on disk")
            (decision,) = box.decisions()
            assert decision.empty is Reason.BELOW_FLOOR
            assert not tablet.cards()
