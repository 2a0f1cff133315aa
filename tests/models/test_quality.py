"""Each variable is measured; below the threshold it is switched off, marked and not used."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from models import quality, readers
from models.engine import duckdb_engine
from models.quality import Variable
from tests.models.till_data import mark_gifts, write_random_store


def measured(tmp_path: Path, change: object = None) -> dict[str, Variable]:
    """Return the variables of a small store, its catalogue changed."""
    directory = write_random_store(tmp_path / "store", customers=30, seed=1)
    if callable(change):
        path = directory / "catalog.json"
        document = json.loads(path.read_text())
        for at, item in enumerate(document["items"]):
            change(at, item)
        path.write_text(json.dumps(document))
    sales = readers.read(duckdb_engine(tmp_path / "spill"), directory, tmp_path / "staging")
    return {variable.name: variable for variable in quality.measure(sales)}


def test_a_good_store_has_every_variable(tmp_path: Path) -> None:
    """All are filled and plausible; the register stays within twenty."""
    found = measured(tmp_path)
    assert len(found) <= 20
    assert [v.name for v in found.values() if not v.is_enabled] == []
    assert found["category"].rows == 60
    assert found["item"].fill == 1.0


def test_lines_of_unknown_items_are_counted(tmp_path: Path) -> None:
    """One item in thirty is gone from the catalogue: its lines are missing where items are told."""

    def rename(at: int, item: dict[str, object]) -> None:
        if at % 30 == 0:
            item["variants"] = [{"sku": f"other-{at}"}]

    before, found = measured(tmp_path)["item"], measured(tmp_path / "gone", rename)
    assert found["item"].rows == before.rows
    assert found["item"].fill == pytest.approx(found["receipt"].rows / before.rows)
    assert 0.9 < found["item"].fill < 1.0
    assert found["item"].is_enabled


def test_most_receipts_carry_no_id_and_that_is_no_defect(tmp_path: Path) -> None:
    """A third of the receipts are anonymous here; the variable stays in use."""
    customer = measured(tmp_path)["customer"]
    assert 0.5 < customer.fill < 0.8
    assert customer.is_enabled


def test_the_page_counts_missing_gift_marks(tmp_path: Path) -> None:
    """One line in three says whether it was a gift: that is shown, and the marks stay in use."""
    directory = write_random_store(tmp_path / "store", customers=30, seed=1)
    mark_gifts(directory, ("", "", "1"))
    sales = readers.read(duckdb_engine(tmp_path / "spill"), directory, tmp_path / "staging")
    variables = quality.measure(sales)
    gift = next(v for v in variables if v.name == "is_gift")
    assert gift.fill == pytest.approx(1 / 3, abs=0.01)
    assert gift.valid == 1.0
    assert gift.is_enabled
    kept = quality.without_alarming(sales, variables).lines
    assert kept.is_gift.sum().to_pyarrow().as_py() == round(gift.rows * gift.fill)


def test_a_next_basket_set_gives_no_gift_marks(tmp_path: Path) -> None:
    """It has no column for them: nothing is filled, nothing is alarming."""
    (tmp_path / "set").mkdir()
    text = "customer_id,order_no,product_id,is_test\n7,1,11,0\n7,2,11,0\n"
    (tmp_path / "set" / "baskets.csv.gz").write_bytes(gzip.compress(text.encode()))
    sales = readers.read(duckdb_engine(tmp_path / "spill"), tmp_path / "set", tmp_path / "staging")
    gift = next(v for v in quality.measure(sales) if v.name == "is_gift")
    assert (gift.rows, gift.fill) == (2, 0.0)
    assert not gift.is_enabled
    assert not gift.is_alarming


def test_fill_of_60_percent_switches_a_variable_off(tmp_path: Path) -> None:
    """Two items in five lose their class: 60 % are left, 80 % are wanted."""

    def forget(at: int, item: dict[str, object]) -> None:
        if at % 5 < 2:
            item["class_id"] = item["category"] = None

    category = measured(tmp_path, forget)["category"]
    assert category.fill == pytest.approx(0.6)
    assert not category.is_enabled
    assert category.is_alarming


def test_a_brand_that_few_items_have_is_switched_off(tmp_path: Path) -> None:
    """As every variable that a model reads."""
    brand = measured(tmp_path, lambda at, item: item.update(brand="" if at % 5 < 2 else "b"))
    assert brand["brand"].fill == pytest.approx(0.6)
    assert brand["brand"].is_alarming


def test_implausible_values_switch_a_variable_off(tmp_path: Path) -> None:
    """Prices of 0 are filled, but not plausible."""
    price = measured(tmp_path, lambda at, item: item.update(price_cents=0 if at % 2 else 5))
    assert price["shelf_price_cents"].fill == 1.0
    assert price["shelf_price_cents"].valid == pytest.approx(0.5)
    assert price["shelf_price_cents"].is_alarming


def test_a_catalogue_without_prices_gives_none(tmp_path: Path) -> None:
    """What a chain does not tell is no defect: it is not given, instead of switched off."""
    price = measured(tmp_path, lambda at, item: item.pop("price_cents"))["shelf_price_cents"]
    assert price.fill == 0.0
    assert not price.is_enabled
    assert not price.is_alarming
    assert "not given" in quality.page([price])


def test_one_unknown_day_switches_days_off(tmp_path: Path) -> None:
    """The models use the days of all baskets or of none, and the page says which."""
    directory = tmp_path / "set"
    directory.mkdir()
    rows = [f"{who},{order},{order},{order},0" for who in range(20) for order in range(1, 6)]
    rows[7] = "1,3,,3,0"
    text = "\n".join(["customer_id,order_no,day,product_id,is_test", *rows]) + "\n"
    (directory / "baskets.csv.gz").write_bytes(gzip.compress(text.encode()))
    sales = readers.read(duckdb_engine(tmp_path / "spill"), directory, tmp_path / "staging")
    day = next(v for v in quality.measure(sales) if v.name == "day")
    assert day.fill == pytest.approx(0.99)
    assert day.is_alarming
    assert "switched off: day." in quality.page([day])


def test_what_was_never_given_is_no_alarm(tmp_path: Path) -> None:
    """A chain without zones has nothing broken."""
    zone = measured(tmp_path, lambda _, item: item.pop("zone"))["zone"]
    assert not zone.is_enabled
    assert not zone.is_alarming


def test_what_is_off_is_not_handed_on(tmp_path: Path) -> None:
    """Days before the start and shelf prices of 0 are gone, all else is as it was."""
    directory = write_random_store(tmp_path / "store", customers=30, seed=1)
    given = readers.read(duckdb_engine(tmp_path / "spill"), directory, tmp_path / "staging")
    spoilt = replace(
        given,
        lines=given.lines.mutate(day=given.lines.day - 1e6),
        items=given.items.assign(price_cents=0.0),
    )
    off = [v.name for v in quality.measure(spoilt) if v.is_alarming]
    assert off == ["day", "shelf_price_cents"]
    kept = quality.without_alarming(spoilt, quality.measure(spoilt))
    assert kept.items["price_cents"].isna().all()
    assert kept.items["category"].equals(given.items["category"])
    before, after = (s.lines.order_by("row").to_pyarrow() for s in (given, kept))
    assert after["day"].null_count == len(after)
    assert after.schema.field("day").type == before.schema.field("day").type
    assert after.drop(["day"]) == before.drop(["day"])


def test_the_page_says_what_is_off() -> None:
    """People read it in a sentence, and a name cannot break the page."""
    good = Variable("day", "day of the receipt", "season", 10, 1.0, 1.0)
    bad = Variable("<b>price", "price", "band", 10, 0.6, 1.0)
    text = quality.page([good, bad])
    assert "1 of 2 variables are switched off: &lt;b&gt;price" in text
    assert "60.0%" in text
    assert "Every variable that is there" in quality.page([good])


def test_measures_survive_the_disk(tmp_path: Path) -> None:
    """What was written is read back as it was."""
    variables = tuple(measured(tmp_path).values())
    quality.write(variables, tmp_path)
    assert quality.read(tmp_path) == variables
