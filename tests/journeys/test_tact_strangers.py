"""Nobody is known: the model of visits answers, about the goods it was taught about."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np

from edge.core.anonymous import Scene
from edge.core.candidates import Source
from edge.opening import open_models
from models import anonymous, bundle, readers
from models.engine import duckdb_engine
from tests.conftest import Mosquitto, wait_until
from tests.journeys.test_walk_ins import TOKEN, phone
from tests.models.till_data import HEADER
from tests.world import (
    catalog,
    configure,
    rfc3339,
    running,
    sku_of,
    train_bundle,
    write_store,
)

N = 400
LOOKED_AT, COMPANION = 300, 301
"""Bought together and seldom: neither is among the best of the store or of its zone."""


def wide_catalog() -> dict[str, Any]:
    """Return the little store's catalogue with ten times the items."""
    document = catalog()
    item = document["items"][0]
    document["items"] += [
        item | {"item_id": f"item-{n}", "zone": "women" if n % 2 else "shoes",
                "variants": [{"sku": sku_of(n), "gtin": f"4{n:012d}"}]}
        for n in range(len(document["items"]), N)
    ]  # fmt: skip
    return document


def trained(folder: Path) -> Path:
    """Train the ranker, which knows forty items, and the model of visits on pairs of them all."""
    (folder / "data").mkdir()
    (folder / "data" / "catalog.json").write_text(json.dumps(wide_catalog()), encoding="utf-8")
    rng, rows = np.random.default_rng(1), [HEADER]
    for number in range(3_000):
        first = 2 * int(N // 2 * rng.random() ** 3)
        member = "" if number > 2 else f"M-{number % 2}"
        sold_at = f"2026-{1 + number // 300:02d}-{1 + number % 28:02d}T10:00:00Z"
        rows += [
            f"r{number},{sold_at},1,{member},{1 + n},{sku_of(first + n)},1,100,0" for n in (0, 1)
        ]
    (folder / "data" / "receipts.csv.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    sales = readers.read(duckdb_engine(folder / "spill"), folder / "data", folder / "lines")
    made = train_bundle(folder / "bundle")
    bundle.extend(made, anonymous.train(sales, seed=1).files())
    return made


def test_a_stranger_is_asked_about_what_the_model_was_judged_on(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """The best of the zone and of the store, and what goes with the label: no list for members."""
    store = write_store(tmp_path / "store")
    (store / "catalog.json").write_text(json.dumps(wide_catalog()), encoding="utf-8")
    (store / "receipts.csv.gz").unlink()
    rules = tmp_path / "rules.toml"
    rules.write_text(
        'version = "1"\nholdout_share = 0.0\n[limits.floors]\nstation = 0.0\n', encoding="utf-8"
    )
    made = trained(tmp_path)
    with (
        running(configure(tmp_path, store, made, mosquitto.port, rules)) as box,
        phone(mosquitto) as mine,
    ):
        label = {"visit_token": TOKEN, "sku": sku_of(LOOKED_AT), "zone": "shoes"}
        box.event("scans", "scan", label, time=rfc3339(box.box.clock.now_s()))
        wait_until(lambda: mine.heard, "the answer")
        card = mine.answer["cards"][0]
        assert card["item_id"] == f"item-{COMPANION}"
        assert card["why"][0]["en"] == "Others have chosen it with this"
        box.box.ledger.flush()
        decision = box.decisions()[-1]
    item_ids = [item["item_id"] for item in wide_catalog()["items"]]
    beside = open_models(box.box.settings.store, item_ids).beside
    assert beside.anonymous is not None
    scene = Scene("shoes", 600, 0, 3, np.array([LOOKED_AT], np.int32))
    own = beside.anonymous.candidates(scene)
    assert 40 < own.items.size < N / 2
    expected = dict(zip(own.items.tolist(), own.sources.tolist(), strict=True))
    assert expected[COMPANION] == Source.TOGETHER
    assert {row.item: row.sources for row in decision.trace()} == expected
