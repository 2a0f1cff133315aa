"""Acceptance of an offer: inputs by hand, no look into the future, better than the naive rates."""

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from edge.core.acceptance import FEATURES, Offers, Past, Shelf, features
from edge.core.errors import ConfigError
from models import acceptance
from models.coupons import OF_COUPONS, TABLES, check, has_coupons, lacking, read
from models.offers import Rows
from models.visit_models import TooLittleError, WorseError

CLASS_OF = np.array([0, 0, 1, 1, -1], np.int32)


def read_rows(directory: Path) -> Rows:
    """Return the rows of a coupon log."""
    return read(directory).rows


def row(past: Past, items: list[int]) -> dict[str, float]:
    offers = Offers.of([np.array(items, np.int32)], CLASS_OF, np.array([0.01], np.float32))
    shelf = Shelf.of(CLASS_OF, np.array([10, 10, 60, 10, 10], np.float32))
    return dict(zip(FEATURES, features(past, offers, shelf)[0].tolist(), strict=True))


def someone(items: list[int], ages: list[float], shown: int = 0, accepted: int = 0) -> Past:
    return Past(
        np.array(items, np.int32),
        np.array(ages, np.float32),
        shown,
        accepted,
        np.array([0] * accepted, np.int32),
        store_rate=0.02,
    )


def test_inputs_worked_by_hand() -> None:
    """Two of four lines in the offer's class, the newer 30 days ago; the class has 20 of 100."""
    found = row(someone([0, 1, 2, 2], [60, 30, 5, 5], shown=30, accepted=2), [0])
    assert found["log_bought"] == pytest.approx(np.log1p(1))
    assert found["log_class_bought"] == pytest.approx(np.log1p(2))
    assert found["class_share"] == pytest.approx(0.5)
    assert found["log_class_lift"] == pytest.approx(np.log(0.501 / 0.201))
    assert found["class_recency"] == pytest.approx(0.5)
    assert found["log_reach"] == pytest.approx(np.log1p(1000))
    # (2 + 20 * 0.02) / (30 + 20), against 0.02
    assert found["accept_rate"] == pytest.approx(np.log(2.4 / 50 / 0.02))
    assert found["class_accepts"] == pytest.approx(np.log1p(2))
    assert found["log_kind_rate"] == pytest.approx(np.log(0.01))


def test_three_customers_teach_no_acceptance(tmp_path: Path) -> None:
    """One of them calibrates: that leaves too few to learn from."""
    teaching = read(write_coupons(tmp_path, customers=3))
    with pytest.raises(TooLittleError, match="offers to 3 customers to learn from; expected 4"):
        acceptance.train(teaching, seed=1)


def test_nobody_known_is_finite() -> None:
    """A new customer: no lines, no offers."""
    found = row(someone([], []), [0, 4])
    assert all(np.isfinite(value) for value in found.values())
    assert found["accept_rate"] == pytest.approx(0.0)
    assert found["class_recency"] == 0.0


def test_an_empty_offer_is_refused() -> None:
    """An offer of nothing has no acceptance."""
    with pytest.raises(ValueError, match="without items"):
        Offers.of([np.empty(0, np.int32)], CLASS_OF, np.array([0.01], np.float32))


def write_coupons(
    directory: Path, customers: int = 120, campaigns: int = 8, turned_from: int = 8
) -> Path:
    """Write a chain's coupon log: people redeem coupons for the one category they buy.

    From a campaign on they redeem those for another one.
    """
    rng = np.random.default_rng(6)
    tables: dict[str, list[str]] = {
        "products": ["product_id,product_category"] + [f"{p},cat{p // 5}" for p in range(40)],
        "campaigns": ["campaign_id,customer_id"],
        "campaign_descriptions": ["campaign_id,campaign_type,start_date,end_date"],
        "coupons": ["coupon_upc,product_id,campaign_id"],
        "coupon_redemptions": ["customer_id,coupon_upc,campaign_id,redemption_date"],
        "transactions_sample_2017": ["customer_id,product_id,transaction_timestamp"],
    }
    for customer in range(customers):
        likes = customer % 8
        tables["transactions_sample_2017"] += [
            f"{customer},{likes * 5 + int(rng.integers(5))},2017-01-{1 + n:02d} 10:00:00"
            for n in range(8)
        ]
        for campaign in range(campaigns):
            tables["campaigns"].append(f"{campaign},{customer}")
            if rng.random() < 0.5:
                day = f"2017-{campaign + 2:02d}-10"
                upc = 100 + (likes + 4 * (campaign >= turned_from)) % 8
                tables["coupon_redemptions"].append(f"{customer},{upc},{campaign},{day}")
    for campaign in range(campaigns):
        month = f"2017-{campaign + 2:02d}"
        tables["campaign_descriptions"].append(f"{campaign},Type A,{month}-01,{month}-28")
        tables["coupons"] += [f"{100 + c},{c * 5},{campaign}" for c in range(8)]
    directory.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        text = "\n".join(rows) + "\n"
        (directory / f"{name}.csv.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    return directory


def test_rows_know_only_what_came_before(tmp_path: Path) -> None:
    """The first campaign knows no redemption; later ones count the coupons of ninety days."""
    rows = read_rows(write_coupons(tmp_path, customers=10))
    assert len(rows.is_accepted) == 10 * 8 * 8
    shown = rows.features[:, FEATURES.index("log_shown")]
    before = (0, 1, 2, 3, 2, 2, 2, 2)  # on 1 May since 31 January, on 1 June since 3 March
    for campaign in range(8):
        of_campaign = rows.campaign == campaign
        assert np.allclose(shown[of_campaign], np.log1p(8 * before[campaign]))
    first = rows.campaign == 0
    assert np.allclose(rows.features[first, FEATURES.index("class_accepts")], 0.0)
    assert rows.kind_rate[first][0] < rows.kind_rate[rows.campaign == 7][0]


BREAKS = {
    "a date in words": (
        "coupon_redemptions",
        3,
        3,
        "gestern",
        "row 4: redemption_date: expected a d",
    ),
    "a start in words": (
        "campaign_descriptions",
        1,
        2,
        "bald",
        "row 2: start_date: expected a date",
    ),
    "no customer": ("campaigns", 2, 1, "", "row 3: customer_id: expected a whole number"),
    "a customer beyond counting": (
        "campaigns",
        2,
        1,
        "1" + "0" * 25,
        "row 3: customer_id: expected a whole number",
    ),
    "a product twice": ("products", 2, 0, "0", "row 3: product_id: stands there twice"),
    "a campaign twice": (
        "campaign_descriptions",
        2,
        0,
        "0",
        "row 3: campaign_id: stands there twice",
    ),
    "half a campaign": ("coupons", 1, 2, "1.5", "row 2: campaign_id: expected a whole number"),
    "no product": ("transactions_sample_2017", 5, 1, "", "row 6: product_id: expected a value"),
    "a comma too many": ("coupons", 2, 2, "0,0", "row 3: found 4 fields; expected 3"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_coupon_log_is_refused(tmp_path: Path, name: str) -> None:
    """Starting from a good log, one field changed is named with file, row and expectation."""
    table, row, field, value, expected = BREAKS[name]
    path = write_coupons(tmp_path, customers=10) / f"{table}.csv.gz"
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    fields = lines[row].split(",")
    fields[field] = value
    lines[row] = ",".join(fields)
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))
    with pytest.raises(ConfigError, match=f"{table}.csv.gz: {expected}"):
        read_rows(tmp_path)


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        (["coupon_redemptions"], "coupon_redemptions.csv.gz: nothing taken of the offers"),
        (["campaigns"], "campaigns.csv.gz: no campaign with coupons reached a customer"),
        (["campaign_descriptions"], "no campaign with coupons reached a customer"),
        (["coupons"], "no campaign with coupons reached a customer"),
        (["products"], "no campaign with coupons reached a customer"),
        ([*TABLES, "transactions_sample_2017"], "no campaign with coupons reached a customer"),
    ],
)
def test_a_log_of_nothing_teaches_nothing(tmp_path: Path, tables: list[str], expected: str) -> None:
    """A table with a header alone is whole, but no acceptance can be learned from it."""
    write_coupons(tmp_path, customers=10)
    for table in tables:
        path = tmp_path / f"{table}.csv.gz"
        header = gzip.decompress(path.read_bytes()).splitlines()[0]
        path.write_bytes(gzip.compress(header + b"\n"))
    with pytest.raises(TooLittleError, match=expected):
        acceptance.train(read(tmp_path), seed=1)


def test_a_truncated_coupon_log_is_refused(tmp_path: Path) -> None:
    """A transfer that broke off is no smaller log."""
    path = write_coupons(tmp_path, customers=10) / "coupons.csv.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ConfigError, match=r"coupons\.csv\.gz: after row .* expected a whole CSV"):
        read_rows(tmp_path)


def test_every_broken_table_is_named_at_once(tmp_path: Path) -> None:
    """Whole ones pass; of those that are not whole none is read, since none is learned from."""
    directory = write_coupons(tmp_path, customers=10)
    check(directory)
    for name, text in (("coupons", b"coupon_upc\n1\n"), ("campaigns", b"x,customer_id\n1,2\n")):
        (directory / f"{name}.csv.gz").write_bytes(gzip.compress(text))
    with pytest.raises(ConfigError) as refusal:
        check(directory)
    found = [
        problem.partition(".csv.gz: ")[0].rpartition("/")[2] for problem in refusal.value.problems
    ]
    assert found == ["coupons", "coupons", "campaigns"]
    (directory / "products.csv.gz").unlink()
    with pytest.raises(TooLittleError):
        check(directory)


def test_nothing_after_a_campaigns_start_changes_its_rows(tmp_path: Path) -> None:
    """Redemptions of later months are taken away: the earlier rows stay as they were."""
    directory = write_coupons(tmp_path, customers=10)
    before = read_rows(directory)
    path = directory / "coupon_redemptions.csv.gz"
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    kept = [line for line in lines if "2017-08" not in line and "2017-09" not in line]
    path.write_bytes(gzip.compress(("\n".join(kept) + "\n").encode()))
    after = read_rows(directory)
    early = before.campaign < 6
    np.testing.assert_array_equal(before.features[early], after.features[early])
    assert before.is_accepted.sum() > after.is_accepted.sum()


def test_training_campaigns_end_before_the_judged_begin(tmp_path: Path) -> None:
    """No campaign stands on both sides."""
    earlier, later = acceptance.split(read_rows(write_coupons(tmp_path, customers=10)))
    assert earlier.ends.max() < later.starts.min()
    assert set(later.campaign) == {5, 6, 7}


def test_the_model_beats_the_naive_rates(tmp_path: Path) -> None:
    """What somebody buys tells which coupon they redeem; no rate can know that."""
    directory = write_coupons(tmp_path)
    assert has_coupons(directory)
    model = acceptance.train(read(directory), seed=2)
    found = model.row()
    assert found["gain_ci95"][0] > 0
    assert found["auc"] > 0.85 > found["baseline_auc"]
    assert model.files() == acceptance.train(read(directory), seed=2).files()


def test_a_model_that_guesses_worse_than_the_rates_is_left_out(tmp_path: Path) -> None:
    """In the judged campaigns people take what they never bought; no rate is misled by that."""
    teaching = read(write_coupons(tmp_path, turned_from=5))
    with pytest.raises(WorseError, match="worse by its whole interval than rate of"):
        acceptance.train(teaching, seed=2)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("campaigns", r"campaigns\.csv\.gz: not found; expected a table of campaign_id, customer"),
        ("products", r"products\.csv\.gz: not found; expected a table of product_id"),
        ("transactions_sample_2017", r"till lines with dates: not found; expected .*_2017\.csv"),
    ],
)
def test_a_missing_table_is_named(tmp_path: Path, table: str, expected: str) -> None:
    """It leaves acceptance out, and says which file and what it should hold."""
    directory = write_coupons(tmp_path, customers=4)
    assert not lacking(directory)
    (directory / f"{table}.csv.gz").unlink()
    assert has_coupons(directory)
    with pytest.raises(TooLittleError, match=expected):
        read_rows(directory)


def test_products_and_till_lines_alone_are_no_coupon_log(tmp_path: Path) -> None:
    """A chain without coupons has them too."""
    directory = write_coupons(tmp_path, customers=4)
    for table in OF_COUPONS:
        (directory / f"{table}.csv.gz").unlink()
    assert not has_coupons(directory)


def test_a_category_is_optional(tmp_path: Path) -> None:
    """It bears either name that the readers know; without it no product's class is known."""
    path = write_coupons(tmp_path, customers=10) / "products.csv.gz"
    named, products = read_rows(tmp_path), gzip.decompress(path.read_bytes()).decode()

    def inputs(text: str) -> npt.NDArray[np.float32]:
        path.write_bytes(gzip.compress(text.encode()))
        return read_rows(tmp_path).features

    other = inputs(products.replace("product_category", "category"))
    np.testing.assert_array_equal(other, named.features)
    ids = [line.split(",")[0] for line in products.splitlines()]
    unknown = inputs("\n".join([f"{ids[0]},category", *(f"{each}," for each in ids[1:])]) + "\n")
    np.testing.assert_array_equal(inputs("\n".join(ids) + "\n"), unknown)
    assert not np.array_equal(unknown, named.features)


def test_weights_change_what_is_learned(tmp_path: Path) -> None:
    """Rows that the old policy preferred may be weighed down."""
    rows: Rows = read_rows(write_coupons(tmp_path, customers=40))
    even = acceptance.fit(rows, 1)
    is_first = (rows.campaign < 4).astype(np.float32)
    tilted = acceptance.fit(replace(rows, weight=0.05 + is_first), 1)
    assert not np.allclose(even.probabilities(rows.features), tilted.probabilities(rows.features))


def test_the_bundle_tells_the_market_at_the_logs_end(tmp_path: Path) -> None:
    """Rates of all that has ended, shrunk, and what was sold of each product."""
    taught = read(write_coupons(tmp_path, customers=120))
    rates, rows = taught.market.rates, taught.rows
    n, taken = rows.is_accepted.size, int(rows.is_accepted.sum())
    assert rates.store == pytest.approx((taken + 200 * 0.002) / (n + 200))
    assert rates.of("Type A") == pytest.approx((taken + 200 * rates.store) / (n + 200))
    assert rates.of("never seen") == rates.store
    assert taught.market.item_ids == tuple(str(product) for product in range(40))
    assert taught.market.lines.sum() == 120 * 8


def test_every_measure_undoes_what_the_old_policy_preferred(tmp_path: Path) -> None:
    """Rows that it rarely showed count more, in calibration and area too."""
    rows = read_rows(write_coupons(tmp_path))
    weighed = replace(rows, weight=np.where(rows.is_accepted, 5.0, 1.0).astype(np.float32))
    chances = np.random.default_rng(1).uniform(0.01, 0.2, rows.is_accepted.size)
    alike, found = (acceptance.judge(chances, rows, later, 1, 0.0) for later in (rows, weighed))
    assert found.other["ece"] > 2 * alike.other["ece"]
    assert found.other["auc"] == pytest.approx(alike.other["auc"])  # of pairs across the two kinds
    taken = rows.is_accepted.mean()
    assert alike.other["share_taken"] == pytest.approx(taken)
    assert found.other["share_taken"] == pytest.approx(5 * taken / (1 + 4 * taken))
