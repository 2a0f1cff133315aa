"""A chain's log of offers with the chance of each: checked, weighed, and blind to the future."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from edge.core.acceptance import FEATURES
from edge.core.errors import ConfigError
from edge.core.history import History
from models import acceptance
from models.offer_log import COLUMNS, FILE, has_log, read
from models.offers import Teaching
from models.purchases import Purchases
from models.visit_models import TooLittleError
from tests.models.till_data import write_random_store

ITEMS, DAY = 60, 20_000
IDS = tuple(f"i{n}" for n in range(ITEMS))
Row = tuple[str, str, str, str, str, str, str]


def moment(day: int) -> str:
    """Return noon of a day as a log tells it."""
    return f"{np.datetime64(day, 'D')}T12:00:00Z"


def row(
    day: int, member: str, item: str, propensity: float, is_taken: int, kind: str = "one"
) -> Row:
    """Make a row of the log."""
    return (moment(day), member, f"O-{item}", kind, item, str(propensity), str(is_taken))


def taught(directory: Path, rows: Sequence[Row], purchases: Purchases | None = None) -> Teaching:
    """Write a store with a log and read it."""
    if not (directory / "catalog.json").exists():
        write_random_store(directory, customers=1, seed=1)
    lines = [",".join(COLUMNS), *(",".join(each) for each in rows)]
    (directory / FILE).write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))
    known = {member: [(DAY - 30, [3])] for member in {"M1", *(row[1] for row in rows)}}
    return read(directory, purchases or bought(known), IDS)


def bought(by_member: dict[str, list[tuple[int, list[int]]]]) -> Purchases:
    """Return purchases from days and baskets."""
    histories = {}
    for member, baskets in by_member.items():
        history = History.empty()
        for day, items in baskets:
            history = history.extended(items, day + 0.5)
        histories[member] = history
    return Purchases.of_histories(histories, ITEMS)


def column(teaching: Teaching, name: str) -> list[float]:
    """Return one input of every row."""
    values: list[float] = teaching.rows.features[:, FEATURES.index(name)].tolist()
    return values


def test_rows_know_only_earlier_days(tmp_path: Path) -> None:
    """What was taken and bought on the day itself is not known; the day after it is."""
    purchases = bought({"M1": [(DAY - 2, [3]), (DAY, [3, 4])]})
    rows = [
        row(DAY, "M1", "i3", 0.5, 1),
        row(DAY, "M1", "i4", 0.5, 0),
        row(DAY + 1, "M1", "i3", 1, 0),
    ]
    found = taught(tmp_path, rows, purchases)
    assert column(found, "log_shown") == pytest.approx([0.0, 0.0, np.log1p(2)])
    assert column(found, "log_bought") == pytest.approx([np.log1p(1), 0.0, np.log1p(2)])
    assert column(found, "class_accepts") == pytest.approx([0.0, 0.0, np.log1p(1)])
    assert column(found, "log_lines") == pytest.approx([np.log1p(1)] * 2 + [np.log1p(3)])
    assert column(found, "class_recency")[0] == pytest.approx(1 / (1 + 2 / 30))


def test_rates_weigh_by_the_inverse_of_the_chance(tmp_path: Path) -> None:
    """One of two taken, but the one shown four times as rarely counts four times."""
    rows = [
        row(DAY, "M1", "i3", 0.8, 1),
        row(DAY, "M1", "i4", 0.2, 0),
        row(DAY + 1, "M1", "i3", 1, 0),
    ]
    found = taught(tmp_path, rows)
    assert found.rows.weight.tolist() == pytest.approx([1.25, 5.0, 1.0])
    expected = (0.2 * 2 + 200 * 0.002) / (2 + 200)  # 1.25 / 6.25 of two
    assert np.exp(column(found, "log_kind_rate")[2]) == pytest.approx(
        (0.2 * 2 + 200 * expected) / 202, rel=1e-5
    )


def test_what_is_no_longer_sold_was_seen_all_the_same(tmp_path: Path) -> None:
    """It is no row to learn from, but one of the offers that a member had."""
    rows = [
        row(DAY, "M1", "gone", 1, 1),
        *(row(DAY + 1, "M1", f"i{n}", 1, 0) for n in (3, 4, 5, 6)),
    ]
    found = taught(tmp_path, rows)
    assert found.rows.is_accepted.tolist() == [False] * 4
    assert found.about.endswith("judged; 1 of 5 of unknown items")
    assert column(found, "log_shown") == pytest.approx([np.log1p(1)] * 4)
    assert column(found, "class_accepts") == [0.0] * 4


def test_a_log_of_another_stores_items_is_refused(tmp_path: Path) -> None:
    """Above the share at which receipts are; the first such row is named."""
    rows = [row(DAY + n, "M1", item, 1, 0) for n, item in enumerate(("i1", "i2", "x1", "x2", "i3"))]
    expected = r"row 4: item_ids: not in catalog.json; expected at least 80% .*; 2 of 5 are not"
    with pytest.raises(ConfigError, match=expected):
        taught(tmp_path, rows)


def test_offers_to_strangers_are_counted_and_above_a_share_teach_nothing(tmp_path: Path) -> None:
    """One in five may have bought nothing yet; of more, the ids are not those of the receipts."""
    rows = [row(DAY + n, member, "i3", 1, 0) for n, member in enumerate(("M1",) * 4 + ("M9",))]
    known = bought({"M1": [(DAY - 30, [3])]})
    assert taught(tmp_path, rows, known).about.endswith(
        "judged; 1 of 5 to members without a basket"
    )
    with pytest.raises(TooLittleError, match="2 of 6 offers to members without a basket; expected"):
        taught(tmp_path, [*rows, row(DAY + 9, "M8", "i3", 1, 0)], known)


BREAKS = {
    "a moment in words": (0, "gestern", "shown_at: expected a time by RFC 3339"),
    "a moment of nowhere": (0, moment(DAY).rstrip("Z"), "shown_at: expected a time by RFC 3339"),
    "a day that never was": (0, "2026-02-30T12:00:00Z", "shown_at: expected a time by RFC 3339"),
    "a clock far ahead": (0, "2999-01-01T00:00:00Z", "shown_at: expected.*from 1970 to 2100"),
    "a clock far behind": (0, "1600-01-01T00:00:00Z", "shown_at: expected.*from 1970 to 2100"),
    "nobody": (1, "", "member_id: expected a value"),
    "no offer": (2, "", "offer_id: expected a value"),
    "no kind": (3, "", "kind: expected a value"),
    "no item": (4, " ", "item_ids: expected ids of items"),
    "no chance": (5, "0", "propensity: expected a chance above 0 and up to 1"),
    "more than sure": (5, "1.5", "propensity: expected a chance above 0 and up to 1"),
    "a chance in words": (5, "hoch", "propensity: expected a chance above 0 and up to 1"),
    "perhaps taken": (6, "2", "is_taken: expected 0 or 1"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_log_is_refused(tmp_path: Path, name: str) -> None:
    """Starting from a good log, one field changed is named with file, row and expectation."""
    field, value, expected = BREAKS[name]
    good = [row(DAY + n, "M1", f"i{n}", 0.5, n % 2) for n in range(4)]
    assert taught(tmp_path, good).rows.is_accepted.size == 4
    broken = list(good[2])
    broken[field] = value
    with pytest.raises(ConfigError, match=rf"{FILE}: row 4: {expected}.*; 1 rows are otherwise"):
        taught(tmp_path, [*good[:2], tuple(broken), good[3]])  # type: ignore[list-item]


def test_a_row_that_stands_there_twice_is_refused(tmp_path: Path) -> None:
    """It would count twice; another at the same moment, or the same later, is new."""
    good = [
        row(DAY, "M1", "i3", 0.5, 1),
        row(DAY, "M2", "i3", 0.5, 1),
        row(DAY, "M1", "i4", 0.5, 0),
        row(DAY + 1, "M1", "i3", 0.5, 1),
    ]
    assert taught(tmp_path, good).rows.is_accepted.size == 4
    again = (good[0][0].replace("12:00:00Z", "14:00:00+02:00"), *good[0][1:])
    with pytest.raises(ConfigError, match=r"row 6: expected one row for a moment.*; 1 rows"):
        taught(tmp_path, [*good, again])


def test_a_moment_counts_by_its_offset(tmp_path: Path) -> None:
    """One in the morning in summer is still the day before in UTC; offsets may differ."""
    early = (f"{np.datetime64(DAY + 1, 'D')}T01:00:00+02:00", *row(DAY, "M1", "i4", 0.5, 0)[1:])
    found = taught(tmp_path, [row(DAY, "M1", "i3", 0.5, 1), early])
    assert found.rows.campaign.tolist() == [DAY, DAY]
    assert column(found, "log_shown") == [0.0, 0.0]


def test_what_was_shown_long_ago_is_known_no_longer(tmp_path: Path) -> None:
    """Ninety days after, it still is; a day later only what came since, and in any row of a day."""
    days = (0, 45, 90, 91, 91)
    rows = [row(DAY + day, "M1", f"i{n}", 0.5, 0) for n, day in enumerate(days)]
    shown = np.expm1(column(taught(tmp_path, rows), "log_shown"))
    assert shown.tolist() == pytest.approx([0, 1, 2, 2, 2], abs=1e-5)


def test_a_log_of_nothing_in_the_store_is_refused(tmp_path: Path) -> None:
    """Of goods that nobody sells there is nothing to learn: it is another store's."""
    with pytest.raises(ConfigError, match=r"row 2: item_ids: not in catalog.json.*; 1 of 1 are"):
        taught(tmp_path, [row(DAY, "M1", "gone", 1, 1)])
    assert has_log(tmp_path)


def test_no_offer_teaches_nothing(tmp_path: Path) -> None:
    """A header alone is a log that nothing was written to yet."""
    with pytest.raises(TooLittleError, match=rf"{FILE}: no offer in the log"):
        taught(tmp_path, [])


def test_nothing_taken_teaches_nothing(tmp_path: Path) -> None:
    """The message names the file that says what was taken."""
    rows = [row(DAY + n, "M1", f"i{n}", 0.5, 0) for n in range(10)]
    with pytest.raises(ConfigError, match=rf"{FILE}: nothing taken of the offers learned from"):
        acceptance.train(taught(tmp_path, rows), seed=1)


def test_what_everybody_took_tells_nobody_apart(tmp_path: Path) -> None:
    """Of the judged offers at least one must have been left."""
    rows = [
        row(DAY + day, f"M{n}", f"i{day}", 0.5, int(day >= 14 or (day + n) % 2))
        for day in range(20)
        for n in range(8)
    ]
    with pytest.raises(ConfigError, match=rf"{FILE}: every offer judged was taken"):
        acceptance.train(taught(tmp_path, rows), seed=1)


@pytest.mark.parametrize(("customers", "judged"), [(1, 1), (3, 3), (4, 1)])
def test_too_few_customers_teach_nothing(tmp_path: Path, customers: int, judged: int) -> None:
    """One calibrates, so others must be learned from; and one alone says nothing of the others."""
    rows = [
        row(DAY + day, f"M{n}", f"i{day}", 0.5, (day + n) % 2)
        for day in range(20)
        for n in range(customers if day < 14 else judged)
    ]
    few, what = (customers, "learn from") if customers < 4 else (judged, "judge by")
    problem = rf"{FILE}: offers to {few} customers to {what}; expected 4 at least"
    with pytest.raises(ConfigError, match=problem):
        acceptance.train(taught(tmp_path, rows), seed=1)
