"""Anonymous visits: counted by hand, and better than best sellers where there is more to know."""

import gzip
import json
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from edge.core.anonymous import FEATURES, Scene, candidates, daypart, features
from edge.core.candidates import Source
from models import anonymous, readers
from models.anonymous import Receipts
from models.engine import duckdb_engine
from models.readers import Sales
from models.visit_models import WorseError
from tests.models.till_data import HEADER, ZONES, write_random_store

FACTS = pd.DataFrame(
    {
        "item": ["coat", "milk", "scarf", "tie"],
        "category": ["coats", "milk", "scarves", "ties"],
        "zone": ["men", "food", "men", "men"],
        "brand": ["Lova", "Alm", "Lova", None],
        "price_cents": [10_000.0, 100.0, 2_000.0, 3_000.0],
    }
)
MONDAY = 4  # 5 January 1970
# Coat and scarf in one receipt twice, milk alone three times, a tie once; all on a Monday morning.
RECEIPTS = Receipts(
    item=np.array([0, 2, 2, 0, 1, 1, 1, 3], np.int32),
    starts=np.array([0, 2, 4, 5, 6, 7, 8]),
    at=np.full(6, MONDAY * 86_400.0),
    day=np.full(6, MONDAY),
    minute=np.full(6, 600, np.int32),
)
PAIRS = pd.DataFrame({"item": [0, 2], "other": [2, 0], "pairs": [2.0, 2.0]})


rounded = partial(pytest.approx, rel=1e-3)


def scene(zone: str | None, *basket: int) -> Scene:
    return Scene(zone, 600, 0, 1, np.array(basket, np.int32))


def test_tables_worked_by_hand() -> None:
    """Shares with half a line each, companions by their smoothed lift."""
    tables = anonymous.count(RECEIPTS, PAIRS, FACTS)
    # 8 lines and 4 halves: milk (3 + 0.5) / 10, against an even quarter.
    assert tables.log_share[1] == rounded(np.log(0.35 * 4))
    # Of the zone men: coat 2.5, scarf 2.5, tie 1.5 of 6.5.
    assert tables.log_zone_share[0] == rounded(np.log(2.5 / 6.5))
    # Seen twice, expected 2 * 2 / 6 times.
    assert tables.together[0, 0] == 2
    assert tables.together_lift[0, 0] == rounded(np.log(3 / (4 / 6 + 1)))
    assert tables.together_lift[1].max() == 0.0
    assert tables.zones == ("food", "men")


def test_a_class_that_was_never_sold_has_inputs_too() -> None:
    """Nothing is known of when its items sell, alone or beside the classes that do."""
    new = FACTS.iloc[[3]].assign(item="umbrella", category="umbrellas")
    facts = pd.concat([FACTS, new], ignore_index=True)
    tables = anonymous.count(RECEIPTS, PAIRS, facts)
    tables.check(len(facts))
    row = features(np.array([4], np.int32), scene("men", 0), tables)[0]
    names = ("month_lift", "daypart_lift", "weekend_lift", "class_lift")
    assert [row[FEATURES.index(name)] for name in names] == [0.0] * 4


def test_candidates_come_from_zone_basket_and_store() -> None:
    """What lies in the basket is not offered again; an unknown zone leaves the best sellers."""
    tables = anonymous.count(RECEIPTS, PAIRS, FACTS)
    assert candidates(scene("nowhere"), tables).items.tolist() == [0, 1, 2, 3]
    assert set(candidates(scene(None), tables).sources.tolist()) == {Source.POPULAR}
    found, here = candidates(scene("men", 0), tables), Source.POPULAR | Source.ZONE
    assert found.items.tolist() == [1, 2, 3]
    assert found.sources.tolist() == [Source.POPULAR, here | Source.TOGETHER, here]


def test_inputs_read_the_scene() -> None:
    """Zone, companions and price ratio of a scarf beside a coat in the basket."""
    tables = anonymous.count(RECEIPTS, PAIRS, FACTS)
    row = dict(
        zip(FEATURES, features(np.array([2], np.int32), scene("men", 0), tables)[0], strict=True)
    )
    assert (row["is_placed"], row["is_in_zone"]) == (1.0, 1.0)
    assert row["zone_in_basket"] == 1.0
    assert row["class_in_basket"] == 0.0
    assert row["together_best"] == rounded(np.log(3 / (4 / 6 + 1)))
    assert row["log_basket"] == rounded(np.log(2))
    assert row["log_price_ratio"] == rounded(np.log(2001 / 10001))
    assert row["price_distance"] == rounded(np.log(10001 / 2001))


def test_kinds_that_meet_in_receipts() -> None:
    """Coats met scarves twice, which is twice what their four meetings in all let expect.

    Of brands only Lova met Lova: nothing else was to be expected.
    """
    tables = anonymous.count(RECEIPTS, PAIRS, FACTS)
    prior = anonymous.PRIOR_PAIRS
    coats, scarves, ties = tables.class_of[[0, 2, 3]]
    lift = np.log((2 + prior) / (1 + prior))
    assert tables.class_lift[coats, scarves] == rounded(lift)
    assert tables.class_lift[coats, coats] == rounded(np.log(prior / (1 + prior)))
    assert tables.class_lift[coats, ties] == 0.0
    assert tables.brand_lift.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    row = features(np.array([2, 3], np.int32), scene("men", 0), tables)
    assert row[:, FEATURES.index("class_lift")].tolist() == rounded([lift, 0.0])
    assert row[:, FEATURES.index("brand_lift")].tolist() == [0.0, 0.0]


def test_a_visit_without_a_zone_is_told_from_one_in_another() -> None:
    """Nothing lies in an unknown zone, which says nothing against it."""
    tables = anonymous.count(RECEIPTS, PAIRS, FACTS)
    placed, elsewhere = FEATURES.index("is_placed"), FEATURES.index("is_in_zone")
    rows = [features(np.array([2], np.int32), scene(at), tables)[0] for at in ("food", None)]
    assert [row[elsewhere] for row in rows] == [0.0, 0.0]
    assert [row[placed] for row in rows] == [1.0, 0.0]


def test_a_box_reads_the_very_tables_that_were_learned_and_judged_on() -> None:
    """They are rounded before, not when they are written."""
    tables = anonymous.count(RECEIPTS, PAIRS, FACTS)
    for entry in fields(tables):
        value = getattr(tables, entry.name)
        if entry.name != "zones" and value.dtype == np.float32:
            np.testing.assert_array_equal(value.astype(np.float16).astype(np.float32), value)


def test_another_catalogue_moves_no_score() -> None:
    """Items in another order, one unknown, one gone: the same inputs for the same items."""
    tables = anonymous.count(RECEIPTS, PAIRS, FACTS)
    # The catalogue: tie, a new item, scarf, coat; milk is no longer sold.
    moved = tables.aligned(np.array([3, -1, 2, 0], np.int32))
    assert candidates(scene("men"), moved).items.tolist() == [0, 2, 3]
    ours = features(np.array([2], np.int32), scene("men", 0), tables)
    theirs = features(np.array([2], np.int32), scene("men", 3), moved)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize(
    ("minute", "part"), [(0, 0), (659, 0), (660, 1), (840, 2), (1020, 3), (1439, 3), (None, None)]
)
def test_dayparts(minute: int | None, part: int | None) -> None:
    """Morning, noon, afternoon, evening."""
    assert daypart(minute) == part


def store_of_pairs(directory: Path, receipts: int = 3_000, items: int = 80) -> Sales:
    """Write a store where item 2k is bought with 2k + 1, whatever is popular, and read it."""
    firsts = 2 * np.random.default_rng(2).integers(0, items // 2, receipts)
    return store_of(directory, items, [(first, first + 1) for first in firsts.tolist()])


def store_of(directory: Path, items: int, bought: list[tuple[int, int]]) -> Sales:
    """Write a store of four zones in turn and receipts of two lines, oldest first; read it."""
    write_random_store(directory, customers=2, seed=1, items=items)
    catalog = json.loads((directory / "catalog.json").read_text())
    for at, item in enumerate(catalog["items"]):
        item["zone"] = ZONES[at // 2 % 4]
    (directory / "catalog.json").write_text(json.dumps(catalog))
    receipts, rows = len(bought), [HEADER]
    for number, (first, second) in enumerate(bought):
        day = f"2026-{1 + number * 11 // receipts:02d}-{1 + number % 28:02d}T10:00:00Z"
        member = f"M{number % 40}"
        rows += [
            f"r{number},{day},1,{member},1,s{first},1,100,0",
            f"r{number},{day},1,{member},2,s{second},1,100,0",
        ]
    text = "\n".join(rows) + "\n"
    (directory / "receipts.csv.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    return readers.read(duckdb_engine(directory / "spill"), directory, directory / "staging")


def test_lines_stand_in_the_order_of_the_till(tmp_path: Path) -> None:
    """Not in that of the file: the same rows shuffled are the same visits."""
    sales = store_of_pairs(tmp_path / "store", receipts=200)
    path = tmp_path / "store" / "receipts.csv.gz"
    header, *rows = gzip.decompress(path.read_bytes()).decode().splitlines()
    np.random.default_rng(1).shuffle(rows)
    path.write_bytes(gzip.compress(("\n".join([header, *rows]) + "\n").encode()))
    shuffled = readers.read(duckdb_engine(tmp_path / "spill"), path.parent, tmp_path / "staging")
    facts = sales.items.sort_values("item", ignore_index=True)
    ours, theirs = (anonymous.read_receipts(s.lines, facts) for s in (sales, shuffled))
    for name in ("item", "starts", "at", "day", "minute"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), name)


def test_a_visit_falls_on_the_day_of_the_store(tmp_path: Path) -> None:
    """Half past midnight in August is still July in UTC."""
    sales = store_of_pairs(tmp_path / "store", receipts=200)
    path = tmp_path / "store" / "receipts.csv.gz"
    text = gzip.decompress(path.read_bytes()).decode()
    path.write_bytes(gzip.compress(text.replace("T10:00:00Z", "T00:30:00+02:00").encode()))
    catalog = path.parent / "catalog.json"
    catalog.write_text(catalog.read_text().replace("Europe/Berlin", "Africa/Johannesburg"))
    moved = readers.read(duckdb_engine(tmp_path / "spill"), path.parent, tmp_path / "staging")
    facts = sales.items.sort_values("item", ignore_index=True)
    before, after = (anonymous.read_receipts(s.lines, facts) for s in (sales, moved))
    assert set(after.minute.tolist()) == {30}
    assert after.day.tolist() == before.day.tolist()


def test_a_training_on_everything_counts_the_judged_receipts_too(tmp_path: Path) -> None:
    """The network, and what is said of it, are those that were judged."""
    sales = store_of_pairs(tmp_path / "store", receipts=600)
    judged, final = (anonymous.train(sales, 3, is_final=is_final) for is_final in (False, True))
    assert final.onnx == judged.onnx
    assert final.measured == judged.measured
    assert final.files()["anonymous.npz"] != judged.files()["anonymous.npz"]
    again = "the tables of this bundle were counted again, over the judged receipts too"
    assert again in final.row()["data"]
    assert again not in judged.row()["data"]


def test_departments_are_called_so_where_they_stand_in_for_zones(tmp_path: Path) -> None:
    """The catalogue knows no zone: the card must not say that the visitor stood in one."""
    sales = store_of_pairs(tmp_path / "store", receipts=600)
    without = replace(sales, items=sales.items.assign(zone=None, department=sales.items["zone"]))
    zone, department = anonymous.train(sales, 3).row(), anonymous.train(without, 3).row()
    assert zone["data"].startswith("receipts; the visitor stands where the next line lies; ")
    assert zone["baseline"] == "best sellers of the zone"
    assert department["data"].startswith(
        "receipts; the visitor stands in the department of the next line, for want of zones; "
    )
    assert department["baseline"] == "best sellers of the department"


def test_the_model_learns_what_goes_together(tmp_path: Path) -> None:
    """Where the basket tells the next line, the zone's best sellers lose without doubt."""
    model = anonymous.train(store_of_pairs(tmp_path / "store"), seed=3)
    row = model.row()
    assert row["gain_ci95"][0] > 0.2
    assert row["baseline"] == "best sellers of the zone"
    assert row["is_better"]
    again = anonymous.train(store_of_pairs(tmp_path / "again"), seed=3)
    assert again.files() == model.files()


def test_a_model_that_guesses_worse_than_best_sellers_is_left_out(tmp_path: Path) -> None:
    """Slow sellers were bought with each other, until they were bought with what sells best.

    Of each zone the even items sell best, the odd ones slowly.
    """
    rng, bought = np.random.default_rng(2), []
    for number in range(1_500):
        zone, is_slow, is_turned = 2 * int(rng.integers(4)), rng.random() < 0.3, number >= 1_275
        one, two = (8 * rng.choice(10, 2, replace=False) + zone).tolist()
        bought.append((one + (is_slow or is_turned), two + (is_slow and not is_turned)))
    with pytest.raises(WorseError, match="worse by its whole interval than best sellers of the zo"):
        anonymous.train(store_of(tmp_path / "store", 80, bought), seed=3)
