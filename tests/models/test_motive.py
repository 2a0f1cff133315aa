"""Motives of a visit: inputs by hand, a log that is checked, a model that may say "unknown"."""

import gzip
import json
from collections.abc import Callable, Container
from pathlib import Path

import numpy as np
import pytest

from edge.core.decision import Motive
from edge.core.errors import ConfigError
from edge.core.motives import FEATURES, MOTIVES, Evidence, Scan, Stay, features, motive
from models import motives, small_network
from models.visit_log import read_snapshots
from models.visit_models import TooLittleError, WorseError
from tests.models.till_data import write_random_store


def inputs(evidence: Evidence) -> dict[str, float]:
    return dict(zip(FEATURES, features(evidence).tolist(), strict=True))


def test_inputs_worked_by_hand() -> None:
    """Three stays of 60, 120 and 30 s, one a return; three scans, two of one class."""
    row = inputs(
        Evidence(
            entered_s=100.0,
            now_s=320.0,
            stays=[
                Stay("entrance", "door", 100.0),
                Stay("department", "men", 110.0),
                Stay("fitting_room", "fitting", 170.0),
                Stay("department", "men", 290.0),
            ],
            scans=[Scan(3, 1000), Scan(3, 4000), Scan(5, 100)],
            n_basket=2,
        )
    )
    assert row["log_minutes"] == pytest.approx(np.log1p(220 / 60))
    assert row["log_stays"] == pytest.approx(np.log1p(3))
    assert row["log_zones"] == pytest.approx(np.log1p(2))
    assert row["return_share"] == pytest.approx(1 / 3)
    assert row["log_mean_stay"] == pytest.approx(np.log1p(70))
    assert row["log_longest_stay"] == pytest.approx(np.log1p(120))
    assert row["log_present_stay"] == pytest.approx(np.log1p(30))
    assert row["log_fitting_s"] == pytest.approx(np.log1p(120))
    assert row["log_scanned_alike"] == pytest.approx(np.log1p(2))
    assert row["log_price_spread"] == pytest.approx(np.log(4))
    assert row["log_scanned_classes"] == pytest.approx(np.log1p(2))
    assert row["log_basket"] == pytest.approx(np.log1p(2))
    assert (row["is_located"], row["is_at_till"]) == (1.0, 0.0)


def test_nothing_seen_is_finite() -> None:
    """A visit that has just begun, without zones and scans."""
    row = inputs(Evidence(0.0, 0.0))
    assert set(row.values()) == {0.0}
    assert inputs(Evidence(0.0, 9.0, [Stay("till", "till", 1.0)]))["is_at_till"] == 1.0


@pytest.mark.parametrize(
    ("least", "expected"), [(0.5, Motive.UNDECIDED), (0.6, Motive.UNDECIDED), (0.7, Motive.UNKNOWN)]
)
def test_unlikely_answers_are_unknown(least: float, expected: Motive) -> None:
    """Below the threshold nothing is said."""
    chances = np.array([0.1, 0.1, 0.1, 0.6, 0.1], np.float32)
    assert motive(chances, least)[0] is expected


def test_the_threshold_keeps_the_wanted_precision() -> None:
    """Certain answers right, uncertain ones wrong: only the certain ones stay."""
    sure = np.eye(5, dtype=np.float32)[[0] * 30] * 0.8 + 0.04
    unsure = np.full((30, 5), 0.125, np.float32)
    unsure[:, 1] = 0.5
    labels = np.array([0] * 30 + [2] * 30)
    least = motives.threshold(np.concatenate([sure, unsure]), labels)
    assert 0.5 < least <= 0.84
    assert motives.threshold(unsure, labels[30:]) == 1.0


def visit(number: int, kind: Motive, events: list[tuple[float, str, str, str]]) -> list[str]:
    head = f"L{number:05d},{kind.value}"
    return [f"{head},{after},{event},{zone},{sku}" for after, event, zone, sku in events]


HEADER = "visit_id,motive,after_s,event,zone,sku"


def write_log(directory: Path, rows: list[str], header: str = HEADER) -> Path:
    """Write a log beside a store."""
    write_random_store(directory, customers=2, seed=1)
    plan = {"zones": [{"id": zone, "kind": "department"} for zone in ("men", "women")]}
    (directory / "floorplan.json").write_text(json.dumps(plan))
    text = "\n".join([header, *rows]) + "\n"
    (directory / "visits.csv.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    return directory


GOOD = visit(
    1,
    Motive.UNDECIDED,
    [(0, "enter", "men", ""), (70, "scan", "men", "s1"), (90, "leave", "", "")],
) + visit(
    2,
    Motive.ABOUT_TO_BUY,
    [(0, "enter", "women", ""), (30, "pay", "", "s2"), (60, "leave", "", "")],
)


def test_a_visit_is_judged_until_it_pays(tmp_path: Path) -> None:
    """The second visit pays after 30 s: one moment, before the purchase is known."""
    found = read_snapshots(write_log(tmp_path, GOOD))
    assert found.visit.tolist().count("L00002") == 1
    assert found.after_s[found.visit == "L00002"].tolist() == [30.0]
    assert found.motive[found.visit == "L00002"].tolist() == [MOTIVES.index(Motive.ABOUT_TO_BUY)]


def test_what_lies_in_the_basket_is_read(tmp_path: Path) -> None:
    """As the box counts: each item once, its label a scan; one that nobody sells is neither."""
    events: list[tuple[float, str, str, str]] = [
        (0, "enter", "men", ""),
        (10, "basket", "men", "s1"),
        (20, "basket", "men", "s1"),
        (30, "scan", "men", "s2"),
        (40, "basket", "men", "no-such"),
        (70, "basket", "men", "s3"),
        (90, "pay", "", "s1"),
    ]
    found = read_snapshots(write_log(tmp_path, visit(1, Motive.ABOUT_TO_BUY, events)))
    assert found.after_s.tolist() == [60.0, 90.0]
    basket, scans = (found.features[:, FEATURES.index(f"log_{n}")] for n in ("basket", "scans"))
    assert np.expm1(basket).tolist() == pytest.approx([1, 2])
    assert np.expm1(scans).tolist() == pytest.approx([3, 4])


def test_who_came_and_when_is_not_read(tmp_path: Path) -> None:
    """The simulator writes both; a log without them shows the same visits."""
    bare = read_snapshots(write_log(tmp_path / "bare", GOOD))
    known = [f"M1,2026-03-02T10:00:00Z,{row}" for row in GOOD]
    found = read_snapshots(write_log(tmp_path / "known", known, f"member_id,started_at,{HEADER}"))
    assert found.features.tolist() == bare.features.tolist()


BREAKS: dict[str, tuple[Callable[[list[str]], list[str]], str]] = {
    "an unknown event": (lambda r: [r[0].replace("enter", "fly"), *r[1:]], "row 2: event"),
    "an unknown motive": (
        lambda r: [*r[:2], r[2].replace("undecided", "in_love"), *r[3:]],
        "row 4: motive",
    ),
    "two motives": (
        lambda r: [*r[:2], r[2].replace("undecided", "about_to_buy"), *r[3:]],
        "row 4: motive: expected one for the whole visit; 1 rows",
    ),
    "no end": (
        lambda r: [*r[:2], *r[3:]],
        "row 2: event: expected one of leave, pay in every visit; 2 rows",
    ),
    "a time without end": (
        lambda r: [*r[:5], r[5].replace(",60,", ",inf,")],
        "row 7: after_s: expected seconds from 0 to a day",
    ),
    "a time before": (lambda r: [r[0].replace(",0,", ",-1,"), *r[1:]], "row 2: after_s"),
    "a time in words": (lambda r: [r[0], r[1].replace(",70,", ",soon,"), *r[2:]], "row 3: after_s"),
    "visits without an id": (
        lambda r: [row.replace("L00001", "") for row in r[:2]] + r[3:],
        r"^[^;]*row 2: visit_id: expected a value; 2 rows are otherwise$",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_log_is_refused(tmp_path: Path, name: str) -> None:
    """File and row are named."""
    change, expected = BREAKS[name]
    with pytest.raises(ConfigError, match=expected):
        read_snapshots(write_log(tmp_path, change(GOOD)))


def test_names_of_another_store_are_refused(tmp_path: Path) -> None:
    """Above the share at which receipts are, with their first row; below it the card counts them.

    No zone at all is no unknown one.
    """
    events: list[tuple[float, str, str, str]] = [
        *((n, "scan", "", f"s{n}") for n in range(4)),
        *((9 + n, "enter", "men", "") for n in range(4)),
        (20, "enter", "", ""),
        (90, "leave", "", ""),
    ]
    good = visit(1, Motive.UNDECIDED, events)
    one = [*good, *visit(1, Motive.UNDECIDED, [(30, "scan", "", "x"), (40, "enter", "roof", "")])]
    found = read_snapshots(write_log(tmp_path / "one", one))
    assert found.unknown == "unknown: 1 of 5 zones, 1 of 5 labels"
    two = [*one, *visit(1, Motive.UNDECIDED, [(50, "basket", "", ""), (60, "enter", "moon", "")])]
    with pytest.raises(ConfigError) as refusal:
        read_snapshots(write_log(tmp_path / "two", two))
    expected = ("row 13: zone: not in floorplan.json; ", "row 12: sku: not in catalog.json; ")
    for said, problem in zip(expected, refusal.value.problems, strict=True):
        assert f"{said}expected at least 80% of the rows to be; 2 of 6 are not" in problem
    assert read_snapshots(write_log(tmp_path / "good", good)).unknown == ""


def test_a_log_without_a_floor_plan_is_refused(tmp_path: Path) -> None:
    """A zone's kind stands in the plan: without it no visit can be read."""
    directory = write_log(tmp_path, GOOD)
    (directory / "floorplan.json").unlink()
    with pytest.raises(ConfigError, match=r"floorplan\.json: not found; expected the floor plan"):
        read_snapshots(directory)


@pytest.mark.parametrize(
    "text",
    ['{"zones": [{"id": "men", "kind": ["department"]}]}', "[" * 100_000],
    ids=["a list for a kind", "brackets without end"],
)
def test_a_plan_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    """As one that is missing is."""
    directory = write_log(tmp_path, GOOD)
    (directory / "floorplan.json").write_text(text)
    with pytest.raises(ConfigError, match=r"floorplan\.json: .* expected the floor plan"):
        read_snapshots(directory)


def test_a_truncated_log_is_refused(tmp_path: Path) -> None:
    """A transfer that broke off is no shorter log."""
    path = write_log(tmp_path, GOOD) / "visits.csv.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ConfigError, match=r"visits\.csv\.gz: after row .* expected a whole CSV"):
        read_snapshots(path.parent)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    """The header is checked first."""
    header = HEADER.replace("after_s", "later")
    with pytest.raises(ConfigError, match="column after_s not found"):
        read_snapshots(write_log(tmp_path, GOOD, header))


def one_sided(visits: int) -> list[str]:
    """Return visits of one motive, five minutes each."""
    events = [(0.0, "enter", "men", ""), (300.0, "leave", "", "")]
    return [row for number in range(visits) for row in visit(number, MOTIVES[0], events)]


def test_no_visit_teaches_no_motives(tmp_path: Path) -> None:
    """A header alone is a log that nothing was written to yet."""
    with pytest.raises(TooLittleError, match=r"visits\.csv\.gz: no visit in the log"):
        motives.train(write_log(tmp_path, []), seed=5)


@pytest.mark.parametrize("visits", [1, 2, motives.LEAST_VISITS - 1])
def test_few_visits_teach_no_motives(tmp_path: Path, visits: int) -> None:
    """Four must calibrate: of fewer not one might be answered wrong."""
    directory = write_log(tmp_path, one_sided(visits))
    with pytest.raises(TooLittleError, match=f"{visits} visits; expected 40 at least"):
        motives.train(directory, seed=5)


def test_a_motive_that_nobody_had_is_an_answer_still(tmp_path: Path) -> None:
    """A box reads one chance for each motive, however one-sided the log was."""
    model = motives.train(write_log(tmp_path, one_sided(60)), seed=5)
    chances = small_network.run(model.onnx, np.zeros((2, len(FEATURES)), np.float32))
    assert chances.shape == (2, len(MOTIVES))
    assert chances[:, 1:].sum() < 0.01


def of_two_kinds(turned: Container[int] = ()) -> list[str]:
    """Return visits of price comparers, who scan, and of buyers, who do not; some the wrong way."""
    rng = np.random.default_rng(4)
    rows: list[str] = []
    for number in range(240):
        scans = int(rng.integers(3, 6)) if number % 2 == 0 else 0
        events = [(0.0, "enter", "men", "")]
        events += [(10.0 * (n + 1), "scan", "men", f"s{n}") for n in range(scans)]
        kind = (Motive.PRICE_COMPARING, Motive.ABOUT_TO_BUY)[(number + (number in turned)) % 2]
        rows += visit(number, kind, [*events, (300.0, "leave", "", "")])
    return rows


def test_a_model_that_guesses_worse_than_the_frequencies_is_left_out(tmp_path: Path) -> None:
    """The judged visits, every fourth, turn what the others teach; the reason has the figures."""
    directory = write_log(tmp_path, of_two_kinds(turned=range(0, 240, 4)))
    with pytest.raises(WorseError) as refusal:
        motives.train(directory, seed=5)
    assert refusal.value.reason.startswith("worse by its whole interval than frequency of each mo")


def test_the_model_tells_what_the_log_shows(tmp_path: Path) -> None:
    """Price comparers scan, buyers go straight to the till: learned, and the same from one seed."""
    rows = [*of_two_kinds(), *visit(0, Motive.PRICE_COMPARING, [(9.0, "scan", "", "no-such")])]
    directory = write_log(tmp_path, rows)
    model = motives.train(directory, seed=5)
    row = model.row()
    assert row["data"].startswith("visits with known motives")  # whoever watched them
    labels = sum(",scan," in row for row in rows)
    assert row["data"].endswith(f"; unknown: 1 of {labels} labels")
    assert row["accuracy"] > 0.95
    assert row["gain_ci95"][0] > 0
    assert model.files() == motives.train(directory, seed=5).files()
