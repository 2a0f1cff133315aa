"""What the benchmark of training measures by: made-up tills, and the memory of a process tree."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import training
from benchmarks.training_scale import cost_of
from benchmarks.training_scale_tills import catalogue, write
from tests.models.till_data import write_random_store


@pytest.fixture(scope="module")
def tills(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The lines of a small chain."""
    folder = tmp_path_factory.mktemp("tills") / "set"
    lines = write(folder, 60_000, seed=4)
    frame = pd.read_csv(folder / "baskets.csv.gz")
    assert len(frame) == lines
    return frame


def test_tills_have_the_form_that_is_assumed(tills: pd.DataFrame) -> None:
    """About so many lines, long tails, few best sellers, repeats, days that never fall."""
    assert abs(len(tills) / 60_000 - 1) < 0.1
    orders = tills.groupby(["customer_id", "order_no"]).agg(
        lines=("product_id", "size"), first=("day", "min"), last=("day", "max")
    )
    assert (orders["first"] == orders["last"]).all()
    assert (orders["first"].groupby(level=0).diff().dropna() > 0).all()
    baskets = orders.groupby(level=0).size()
    assert baskets.min() == 3
    assert baskets.max() > 4 * baskets.median()
    assert orders.lines.max() > 5 * orders.lines.median()
    share = tills.product_id.value_counts(normalize=True)
    assert 0.02 < share.head(10).sum() < 0.06
    assert share.size > 0.8 * catalogue(60_000)
    assert not tills.duplicated(["customer_id", "order_no", "product_id"]).any()
    pairs = tills[["customer_id", "product_id"]]
    assert 0.1 < pairs.duplicated().mean() < 0.5


def test_every_customers_newest_basket_is_held_out(tills: pd.DataFrame) -> None:
    """That one alone, whole."""
    newest = tills.groupby("customer_id").order_no.transform("max")
    np.testing.assert_array_equal(tills.is_test == 1, tills.order_no == newest)


def test_a_seed_makes_the_tills(tmp_path: Path) -> None:
    """The same lines twice, others with another seed; four times the lines, 1.3 times the items."""
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        write(tmp_path / name, 2_000, seed)
    one, again, other = (
        pd.read_csv(tmp_path / name / "baskets.csv.gz") for name in ("one", "again", "other")
    )
    assert one.equals(again)
    assert not one.equals(other)
    assert catalogue(8_000_000) / catalogue(2_000_000) == pytest.approx(1.32, abs=0.01)


def test_the_peak_counts_children() -> None:
    """A process of 100 MB with a child of 150 MB: neither alone has what both hold."""
    child = "import time; a = bytearray(150 << 20); time.sleep(1)"
    parent = (
        "import subprocess, sys; a = bytearray(100 << 20); "
        f"subprocess.run([sys.executable, '-c', {child!r}])"
    )
    cost = cost_of([sys.executable, "-c", parent])
    assert 250 < cost.peak_mb < 400
    assert cost.seconds >= 1
    with pytest.raises(RuntimeError, match="ended with 3"):
        cost_of([sys.executable, "-c", "raise SystemExit(3)"])


def test_one_training_tells_what_it_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Of the whole command, whose process alone holds a hundred megabytes and more."""
    data = write_random_store(tmp_path / "store", customers=60, seed=1)
    monkeypatch.setattr(sys, "argv", ["training", "--data", str(data), "--json"])
    assert training.main() == 0
    found = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert (found["set"], found["customers"]) == ("store", 60)
    assert min(found["seconds"], found["cpu_seconds"]) > 0.0
    assert 100 < found["peak_mb"] < 4096
    assert 0.0 <= found["recall_at_10"] <= 1.0
