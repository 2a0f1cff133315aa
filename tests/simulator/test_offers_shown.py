"""The chain's log of offers: known chances, a policy that prefers, members with a taste."""

import csv
import gzip
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.core.acceptance import kind_of
from models import acceptance, histories, readers
from models import offer_log as reading
from models.engine import duckdb_engine
from models.everybody import Everybody
from models.offers import Teaching
from models.purchases import Purchases
from simulator import offer_log
from simulator.offer_log import Contact
from simulator.written import read

# One worker writes the store once and runs all that read it.
pytestmark = pytest.mark.xdist_group("store")


@pytest.fixture(scope="module")
def directory(store_dir: Path) -> Path:
    """A written store."""
    return store_dir


@pytest.fixture(scope="module")
def contacts(directory: Path) -> list[Contact]:
    """Some contacts under the old policy."""
    return list(offer_log.contacts(directory, seed=3, count=3_000))


def test_the_same_seed_gives_the_same_bytes(directory: Path, tmp_path: Path) -> None:
    """A training set can be made again."""
    for name in ("one", "two"):
        offer_log.write(directory, tmp_path / name, seed=3, count=60)
    offer_log.write(directory, tmp_path / "other", seed=4, count=60)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one").read_bytes() != (tmp_path / "other").read_bytes()
    with gzip.open(tmp_path / "one", "rt", encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    assert len(rows) == 60
    assert set(rows[0]) == set(offer_log.COLUMNS) == set(reading.COLUMNS)
    assert [row["shown_at"] for row in rows] == sorted(row["shown_at"] for row in rows)


def test_only_members_with_a_profile_are_logged(directory: Path, contacts: list[Contact]) -> None:
    """Without the purpose there is no row."""
    purposes = {member.member_id: member.purposes for member in read(directory).members}
    assert all({"recognise", "profile"} <= purposes[each.member_id] for each in contacts)
    assert any("profile" not in allowed for allowed in purposes.values())


def test_offers_run_when_they_are_shown(directory: Path, contacts: list[Contact]) -> None:
    """All of it lies before the store's opening day, within the dates of the offer."""
    opens_s = read(directory).opens_s
    for each in contacts:
        assert each.offer.starts_s <= each.at_s < min(each.offer.ends_s, opens_s)
        assert 0.0 < each.propensity < 1.0


def test_kinds_are_named_as_a_box_names_them(contacts: list[Contact]) -> None:
    """A reduction is told from the same prices, at the same border."""
    assert {each.offer.kind for each in contacts} == {
        "no_reduction", "small_reduction", "large_reduction",
    }  # fmt: skip
    for each in contacts:
        shelf_cents = float(np.mean([item.price_cents for item in each.offer.items]))
        price_cents = round(shelf_cents * (1.0 - each.offer.saving))
        named = kind_of(price_cents if each.offer.saving > 0 else None, shelf_cents)
        assert named == each.offer.kind


def test_the_chances_undo_what_the_policy_prefers(directory: Path, contacts: list[Contact]) -> None:
    """Weighed by 1 / propensity, what was shown looks like offers drawn evenly."""
    even = offer_log.contacts(directory, seed=4, count=3_000, explored=1.0)
    wanted = np.mean([each.offer.priority for each in even])
    priority = np.array([each.offer.priority for each in contacts])
    weight = np.array([1.0 / each.propensity for each in contacts])
    assert priority.mean() > wanted + 3.0
    assert np.average(priority, weights=weight) == pytest.approx(wanted, abs=1.0)


def test_members_take_what_they_like(contacts: list[Contact]) -> None:
    """The outcome follows the true chance, and that differs widely."""
    chance = np.array([each.chance for each in contacts])
    is_taken = np.array([each.is_taken for each in contacts])
    likely = chance > np.median(chance)
    assert is_taken[likely].mean() > 4 * is_taken[~likely].mean()
    assert abs(is_taken.mean() - chance.mean()) < 0.02


@pytest.fixture(scope="module")
def bought(
    directory: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Purchases, tuple[str, ...]]:
    """What training makes of the store's receipts."""
    work = tmp_path_factory.mktemp("bought")
    engine = duckdb_engine(work / "spill")
    lines = readers.read(engine, directory, work / "staging").lines
    past = histories.history(histories.baskets(lines))
    index = histories.item_index(past, least=1)
    known = Everybody.of(engine, past, index, work / "past")
    return known.purchases(), histories.item_ids(index)


def taught(
    directory: Path,
    store: Path,
    shown: Sequence[Contact],
    bought: tuple[Purchases, tuple[str, ...]],
) -> Teaching:
    """Write contacts as a chain's log beside the catalogue, and read it."""
    directory.mkdir()
    (directory / "catalog.json").write_bytes((store / "catalog.json").read_bytes())
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(offer_log.COLUMNS)
    table.writerows(each.row() for each in shown)
    (directory / offer_log.FILE).write_bytes(gzip.compress(text.getvalue().encode()))
    return reading.read(directory, *bought)


@pytest.mark.timeout(300)
def test_weights_bring_a_model_nearer_to_the_truth(
    directory: Path, tmp_path: Path, bought: tuple[Purchases, tuple[str, ...]]
) -> None:
    """The old policy preferred brands that members love, which no input tells the model.

    Learned as the log stands, every offer looks too good; weighed by 1 / propensity, the model is
    nearer to the true chances of offers drawn evenly, and so is the rate. Over two logs and two
    trainings of each.
    """
    even = list(offer_log.contacts(directory, seed=103, count=3_000, explored=1.0))
    even.sort(key=lambda each: (each.at_s, each.member_id, each.offer.offer_id))
    judged = taught(tmp_path / "even", directory, even, bought).rows
    truth = np.array([each.chance for each in even])
    off: dict[str, list[float]] = {"weighted": [], "as logged": []}
    loss: dict[str, list[float]] = {"weighted": [], "as logged": []}
    for seed in (3, 4):
        shown = list(offer_log.contacts(directory, seed=seed, count=10_000))
        log = taught(tmp_path / f"log-{seed}", directory, shown, bought)
        naive = float(np.mean(log.rows.is_accepted))
        assert abs(log.market.rates.store - truth.mean()) < abs(naive - truth.mean())
        plain = replace(log.rows, weight=np.ones_like(log.rows.weight))
        for name, rows in (("weighted", log.rows), ("as logged", plain)):
            for start in (1, 2):
                found = acceptance.fit(rows, start).probabilities(judged.features).astype(float)
                off[name].append(abs(found.mean() - truth.mean()))
                entropy = truth * np.log(found) + (1.0 - truth) * np.log1p(-found)
                loss[name].append(-entropy.mean())
    assert np.mean(off["weighted"]) < 0.75 * np.mean(off["as logged"])
    assert np.mean(loss["weighted"]) < np.mean(loss["as logged"])
