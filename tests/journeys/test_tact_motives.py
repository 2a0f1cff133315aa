"""Why somebody is here, guessed from the visit alone, chooses the content: no person is needed.

The model of motives is made by hand, so that each visit below has one clear motive: a real ONNX
file in a real bundle, read as a trained one is.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge.adapters.onnx.sealed import BUNDLE_SCHEMA
from edge.adapters.onnx.visit_models import SCHEMA
from edge.core.decision import Motive
from edge.core.motives import FEATURES, MOTIVES, SCHEMA_HASH
from tests.conftest import Mosquitto, wait_until
from tests.core.decision_world import CATALOG
from tests.tact_store import look, say, sell, sku, store_with, tick
from tests.world import (
    ANNA,
    BEN,
    ITEM_IDS,
    STAPLES,
    RunningBox,
    Tablet,
    configure,
    running,
    sku_of,
    tablet_of,
)

# Logits of the hand-made model: (motive, input, weight, bias).
WEIGHTS = (
    ("first_time", "log_minutes", 5.0, -10.0),
    ("inspiration", "log_zones", 20.0, -17.0),
    ("price_comparing", "log_scanned_alike", 12.0, 0.0),
    ("undecided", "return_share", 40.0, 0.0),
    ("about_to_buy", "is_at_till", 40.0, 0.0),
    ("about_to_buy", "log_basket", 40.0, 0.0),
)
NOW_S = 1_800_000_000.0


def motive_model() -> bytes:
    """Make a linear model with a softmax over the motives."""
    weights = np.zeros((len(FEATURES), len(MOTIVES)), np.float32)
    bias = np.zeros(len(MOTIVES), np.float32)
    for motive, name, weight, offset in WEIGHTS:
        at = [each.value for each in MOTIVES].index(motive)
        weights[FEATURES.index(name), at], bias[at] = weight, offset
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["features", "weights", "bias"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["chances"], axis=1),
        ],
        "motive",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, len(FEATURES)])],
        [helper.make_tensor_value_info("chances", TensorProto.FLOAT, [None, len(MOTIVES)])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def with_motives(folder: Path) -> Path:
    """Put the model of motives into a bundle; one that holds nothing else ranks nothing."""
    folder.mkdir(exist_ok=True)
    path = folder / "manifest.json"
    manifest: dict[str, Any] = {"schema": BUNDLE_SCHEMA, "files": {}}
    if path.exists():
        manifest = json.loads(path.read_text(encoding="utf-8"))
    about = {"schema": SCHEMA, "name": "motive", "hash": SCHEMA_HASH, "least": 0.6}
    files = {"motive.onnx": motive_model(), "motive.json": json.dumps(about).encode()}
    for name, content in files.items():
        (folder / name).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        manifest["files"][name] = {"sha256": digest, "bytes": len(content)}
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return folder


@pytest.fixture
def guesser(tmp_path: Path) -> Path:
    """A bundle that guesses motives and ranks nothing."""
    return with_motives(tmp_path / "guesser")


def scan(box: RunningBox, item_id: str, member: str = ANNA, *, is_in_basket: bool = False) -> None:
    """Let a member's app read a label."""
    label = {"member_id": member, "sku": sku(item_id), "is_in_basket": is_in_basket}
    say(box, "scans", "scan", label)


def browses(box: RunningBox, tablet: Tablet) -> None:
    """Go on from one place to the next."""
    look(box, tablet, zone="floor")


def compares(box: RunningBox, tablet: Tablet) -> None:
    """Read three labels of one kind."""
    for item_id in ("scent-w", "scent-w2", "scent-w"):
        scan(box, item_id)


def returns(box: RunningBox, tablet: Tablet) -> None:
    """Go back and forth between two places."""
    for zone in ("floor", "fitting", "floor", "fitting", "floor"):
        look(box, tablet, zone=zone)


def pays(box: RunningBox, tablet: Tablet) -> None:
    """Stand at the till."""
    look(box, tablet, zone="till")


def takes(box: RunningBox, tablet: Tablet) -> None:
    """Put something into the app's basket."""
    scan(box, "scent-w", is_in_basket=True)


def waits(box: RunningBox, tablet: Tablet) -> None:
    """Stay for half an hour where one came in."""
    tick(box, NOW_S + 1_100.0)


def does_nothing(box: RunningBox, tablet: Tablet) -> None:
    """Only come in."""


VISITS = [
    ("inspiration", browses, "fitting"),
    ("price_comparing", compares, "floor"),
    ("undecided", returns, "floor"),
    ("about_to_buy", pays, "till"),
    ("about_to_buy", takes, "floor"),
    ("first_time", waits, "floor"),
    ("unknown", does_nothing, "floor"),
]


@pytest.mark.parametrize(
    ("motive", "visit", "zone"), VISITS, ids=[f"{v[1].__name__}: {v[0]}" for v in VISITS]
)
def test_every_motive_is_guessed_from_the_wire_and_chooses(
    tmp_path: Path, mosquitto: Mosquitto, guesser: Path, motive: str, visit: object, zone: str
) -> None:
    """A rule for this motive alone puts the bag first; the guess itself is said to nobody."""
    others = json.dumps([each.value for each in Motive if each != motive])
    rule = (
        f'[[rules]]\nid = "for-them"\nkind = "pin"\nplace = 1\ntargets = ["item:bag"]\n'
        f'motives = ["{motive}"]\ndate = 2026-03-03\nreason = "helps to choose"\n'
        f'[[rules]]\nid = "else"\nkind = "pin"\nplace = 1\ntargets = ["item:mouse"]\n'
        f'motives = {others}\ndate = 2026-03-03\nreason = "for everybody else"\n'
        "[limits.max_cards]\ntablet = 1\n"
    )
    with store_with(
        tmp_path, mosquitto, ["bag", "mouse"], more=rule, now_s=NOW_S, bundle=guesser
    ) as (box, tablet):
        assert look(box, tablet, zone="entrance") == {"bag" if motive == "unknown" else "mouse"}
        visit(box, tablet)  # type: ignore[operator]
        assert look(box, tablet, zone=zone) == {"bag"}
        decision = box.decisions()[-1]
        assert decision.motive == motive
        if motive != "unknown":
            assert motive not in json.dumps(tablet.frames)


def test_who_compares_prices_sees_the_offer(
    tmp_path: Path, store: Path, bundle: Path, mosquitto: Mosquitto
) -> None:
    """No rule: after three labels of one kind, what is on offer weighs 1.6 times as much."""
    catalog = json.loads((store / "catalog.json").read_text(encoding="utf-8"))
    catalog["offers"] = [
        {"offer_id": "o", "campaign_id": None, "item_ids": [ITEM_IDS[n] for n in STAPLES],
         "text": {"de": "Woche", "en": "Week"}, "price_cents": 900, "starts": "2026-01-01",
         "ends": "2036-01-01", "surfaces": ["tablet"], "priority": 0}
    ]  # fmt: skip
    catalog["items"][20]["department"] = "books"  # what is compared lies elsewhere
    (store / "catalog.json").write_text(json.dumps(catalog), encoding="utf-8")
    both = with_motives(shutil.copytree(bundle, tmp_path / "both"))
    with (
        running(configure(tmp_path, store, both, mosquitto.port)) as box,
        tablet_of(box) as tablet,
    ):

        def scores() -> dict[str, float]:
            look(box, tablet, zone="shoes")
            decision = box.decisions()[-1]
            return {line.item_id: line.score for line in decision.slate}

        before = scores()
        for _ in range(3):
            say(box, "scans", "scan", {"member_id": ANNA, "sku": sku_of(20)})
        after = scores()
        assert before.keys() == after.keys()
        assert len(before) == 2
        for item_id, score in before.items():
            assert score > 0.0
            assert after[item_id] == pytest.approx(1.6 * score, rel=0.02)


def test_two_who_walk_alike_are_guessed_alike(
    tmp_path: Path, mosquitto: Mosquitto, guesser: Path
) -> None:
    """Anna's and Ben's visits are the same; so is the guess, whatever Anna bought before."""
    with store_with(tmp_path, mosquitto, ["bag", "mouse"], now_s=NOW_S, bundle=guesser) as (
        box,
        tablet,
    ):
        sell(box, "wine", days_ago=300)
        motives = []
        for member in (ANNA, BEN):
            look(box, tablet, member)
            for item_id in ("scent-w", "scent-w2", "scent-w"):
                scan(box, item_id, member)
            look(box, tablet, member)
            motives.append(box.decisions()[-1].motive)
        assert motives == ["price_comparing", "price_comparing"]


def test_who_takes_location_back_takes_the_stays_along(
    tmp_path: Path, mosquitto: Mosquitto, guesser: Path
) -> None:
    """Nothing of where somebody walked is left for a guess."""
    with store_with(tmp_path, mosquitto, ["bag", "mouse"], now_s=NOW_S, bundle=guesser) as (
        box,
        tablet,
    ):
        look(box, tablet, zone="floor")
        look(box, tablet, zone="till")
        assert box.decisions()[-1].motive == "about_to_buy"
        box.consent("location", is_given=False)
        wait_until(lambda: box.count("consent_withdrawn") == 1, "the withdrawal")
        look(box, tablet, zone="till")
        assert box.decisions()[-1].motive == "unknown"
        assert next(iter(box.box.path.guests.values())).stays == []


def test_without_a_model_nobody_knows(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """No bundle: the motive is unknown, and a label read by nobody known is only counted."""
    with store_with(tmp_path, mosquitto, ["bag"], now_s=NOW_S) as (box, tablet):
        look(box, tablet)
        compares(box, tablet)
        look(box, tablet)
        assert box.decisions()[-1].motive == "unknown"
        say(box, "scans", "scan", {"sku": sku("bag")})
        assert box.count("scan_of_nobody") == 1
        assert CATALOG.index_of("bag") not in next(iter(box.box.path.guests.values())).basket
