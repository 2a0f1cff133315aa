"""The log of visits holds what a house could have seen, and its true motive."""

import csv
import gzip
from collections import defaultdict
from pathlib import Path

import pytest

from simulator import visit_log
from simulator.people import MOTIVES
from simulator.visits import HABITS
from simulator.written import read

# One worker writes the store once and runs all that read it.
pytestmark = pytest.mark.xdist_group("store")


@pytest.fixture(scope="module")
def directory(store_dir: Path) -> Path:
    """A written store."""
    return store_dir


def _rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def test_the_same_seed_gives_the_same_bytes(directory: Path, tmp_path: Path) -> None:
    """A training set can be made again."""
    for name in ("one", "two"):
        visit_log.write(directory, tmp_path / name, seed=3, count=40)
    visit_log.write(directory, tmp_path / "other", seed=4, count=40)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one").read_bytes() != (tmp_path / "other").read_bytes()


def test_a_visit_is_a_story(directory: Path, tmp_path: Path) -> None:
    """It begins with entering, ends with leaving, and time never falls."""
    visit_log.write(directory, tmp_path / "log", seed=3, count=60)
    visits = defaultdict(list)
    for row in _rows(tmp_path / "log"):
        visits[row["visit_id"]].append(row)
    assert len(visits) == 60
    for rows in visits.values():
        times = [float(row["after_s"]) for row in rows]
        assert times == sorted(times)
        assert (rows[0]["event"], rows[-1]["event"]) == ("enter", "leave")
        assert {row["motive"] for row in rows} <= set(MOTIVES)


def test_only_members_who_may_be_located_have_zones(directory: Path, tmp_path: Path) -> None:
    """Without the purposes there is nothing to see."""
    visit_log.write(directory, tmp_path / "log", seed=3, count=80)
    purposes = {m.member_id: m.purposes for m in read(directory).members}
    rows = [row for row in _rows(tmp_path / "log") if row["event"] == "enter"]
    assert all("recognise" in purposes[row["member_id"]] for row in rows)
    located = {bool(row["zone"]) == ("location" in purposes[row["member_id"]]) for row in rows}
    assert located == {True}
    assert len({"location" in purposes[row["member_id"]] for row in rows}) == 2


def test_some_put_what_they_pay_into_the_apps_basket(directory: Path, tmp_path: Path) -> None:
    """Each of it is paid in the end; who came to buy has the fullest basket before that."""
    visit_log.write(directory, tmp_path / "log", seed=3, count=400)
    baskets: dict[str, set[str]] = defaultdict(set)
    paid: dict[str, set[str]] = defaultdict(set)
    motive_of = {}
    for row in _rows(tmp_path / "log"):
        motive_of[row["visit_id"]] = row["motive"]
        if row["event"] in ("basket", "pay"):
            (baskets if row["event"] == "basket" else paid)[row["visit_id"]].add(row["sku"])
    assert all(basket <= paid[visit] for visit, basket in baskets.items())
    assert 0.2 < len(baskets) / len(paid) < 0.6
    mean = {
        motive: sum(len(baskets[v]) for v, m in motive_of.items() if m == motive)
        / list(motive_of.values()).count(motive)
        for motive in MOTIVES
    }
    assert max(mean, key=lambda motive: mean[motive]) == "about_to_buy"


def test_price_comparers_scan_most(directory: Path, tmp_path: Path) -> None:
    """The habits of a motive show in the log."""
    visit_log.write(directory, tmp_path / "log", seed=3, count=400)
    scans: dict[str, int] = defaultdict(int)
    visits: dict[str, set[str]] = defaultdict(set)
    for row in _rows(tmp_path / "log"):
        visits[row["motive"]].add(row["visit_id"])
        scans[row["motive"]] += row["event"] == "scan"
    rate = {motive: scans[motive] / len(visits[motive]) for motive in visits}
    assert max(rate, key=lambda motive: rate[motive]) == "price_comparing"
    assert max(HABITS, key=lambda habits: habits.scans_per_stop) is HABITS[2]
