"""The command line from till data to a packed bundle, in one small world."""

import gzip
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.adapters.onnx.ranker import load_bundle
from edge.adapters.onnx.visit_models import VisitModels, load_visit_models
from edge.core.anonymous import Scene
from edge.core.candidates import Source
from edge.core.errors import TrustError, UnavailableError
from edge.opening import Models, open_models
from edge.settings import StoreSection
from models import held_out, offer_log, pipeline, readers, visit_log, visit_models
from models.__main__ import _parser, main
from models.bundle import extend, loaded_bytes
from models.coupons import TABLES
from models.engine import Engine, duckdb_engine
from tests.models.till_data import HEADER, ZONES, mark_gifts, write_offers, write_random_store

pytestmark = pytest.mark.timeout(900)
ITEM_IDS = [f"i{n}" for n in range(60)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store and the bundle that one command made of it."""
    root = tmp_path_factory.mktemp("cli")
    write_random_store(root / "store", customers=60, seed=1)
    write_offers(root / "store" / "offers.csv.gz", customers=60, seed=1)
    assert main(_train(root)) == 0
    return root


def _train(root: Path, out: str = "bundle") -> list[str]:
    return [
        *("train", "--data", str(root / "store"), "--out", str(root / out), "--seed", "3"),
        *("--work", str(root / "stages"), "--quiet"),
        *("--report", str(root / "pages" / "quality.html")),
    ]


def test_a_box_loads_what_was_trained(world: Path) -> None:
    """Ranker, anonymous model and acceptance answer for the catalogue; no visits were logged."""
    bundle = load_bundle(world / "bundle", ITEM_IDS)
    assert bundle.overlap == 1.0
    models = load_visit_models(world / "bundle", ITEM_IDS)
    assert models.motive is None
    assert models.acceptance is not None
    assert set(models.acceptance.rates.kinds) == {"no_reduction"}
    assert (models.acceptance.lines > 0).any()
    assert models.anonymous is not None
    scene = Scene("men", 600, 2, 3, np.array([4], np.int32))
    found = models.anonymous.candidates(scene)
    assert 4 not in found.items
    assert (found.sources & np.uint16(Source.POPULAR | Source.ZONE | Source.TOGETHER)).all()
    chance = models.anonymous.chances(found.items, scene)
    assert ((chance > 0) & (chance < 1)).all()


def test_the_bundle_holds_its_judgement_and_card(world: Path) -> None:
    """Favourites make a ranker better than everybody's best sellers; the card says so."""
    metrics = json.loads((world / "bundle" / "metrics.json").read_text())
    judgement = metrics["judgement"]
    assert metrics["is_judged_itself"]
    assert 0.98 <= metrics["int8"]["top10_overlap"] <= 1.0
    assert metrics["int8"]["customers"] > 0
    assert judgement["recall_at_10"] > judgement["rivals"]["G-TopFreq"]["recall_at_10"]
    assert f"{judgement['recall_at_10']:.4f}" in (world / "bundle" / "card.md").read_text()
    assert "Data quality" in (world / "pages" / "quality.html").read_text()


def test_the_card_says_what_moved_the_best_cards(world: Path) -> None:
    """All shares together are the whole; a zone moves the cards as the house wants it to."""
    metrics = json.loads((world / "bundle" / "metrics.json").read_text())
    row = metrics["judgement"]["in_use"]["explanation"]
    shares = {name: row[name] for name in row if name.startswith("share_of_")}
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-3)
    assert shares["share_of_zone"] > 0.0
    assert shares["share_of_basket"] == shares["share_of_stated"] == 0.0
    assert 0.0 <= row["ablations_add_up"] <= 1.0
    assert 0.0 <= row["first_sentence_names_the_largest"] <= 1.0
    assert "ablations add up" in (world / "bundle" / "card.md").read_text()


def test_the_card_says_what_a_box_loads(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file that it opened, those of the models beside the ranker too, whatever is listed."""
    opened, read = set(), Path.read_bytes

    def noted(path: Path) -> bytes:
        opened.add(path)
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", noted)
    load_bundle(world / "bundle", ITEM_IDS)
    load_visit_models(world / "bundle", ITEM_IDS)
    assert world / "bundle" / "acceptance.npz" in opened
    size = sum(path.stat().st_size for path in opened if path.name != "manifest.json")
    before = loaded_bytes(world / "bundle")
    assert before == size
    copy = tmp_path / "copy"
    shutil.copytree(world / "bundle", copy)
    extend(copy, {"card.md": b"longer by a line\n" * 999, "another.svg": b"<svg/>"})
    assert loaded_bytes(copy) == before
    said = re.search(r"loads \| ([\d.]+) MB", (world / "bundle" / "card.md").read_text())
    assert said is not None
    assert float(said[1]) == pytest.approx(size / 1e6, abs=0.01)


def test_acceptance_is_learned_from_the_log_of_offers(world: Path) -> None:
    """What somebody took tells what they take next; the card has its row."""
    found = json.loads((world / "bundle" / "metrics.json").read_text())["visit_models"]
    assert found["acceptance"]["gain_ci95"][0] > 0
    assert found["acceptance"]["data"].startswith("log of offers, weighted by 1 / propensity")
    assert "| Acceptance |" in (world / "bundle" / "card.md").read_text()


def test_a_second_run_finds_its_stages(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing changed: what was trained is found, and the bundle is the same to the byte."""
    before = {p: p.stat().st_mtime_ns for p in (world / "stages").rglob("*.onnx")}
    assert main(_train(world, "again")) == 0
    assert {p: p.stat().st_mtime_ns for p in (world / "stages").rglob("*.onnx")} == before
    for path in (world / "bundle").iterdir():
        assert path.read_bytes() == (world / "again" / path.name).read_bytes(), path.name
    assert json.loads(capsys.readouterr().out)["bundle"] == "again"


def test_no_member_outlives_the_training(world: Path) -> None:
    """Neither the bundle nor what is left of its stages names who bought."""
    left = [p for name in ("bundle", "stages") for p in (world / name).rglob("*") if p.is_file()]
    assert any(path.name == "model.onnx" for path in left)
    assert [path.name for path in left if b"M0001" in path.read_bytes()] == []
    assert [path.name for path in left if path.suffix == ".parquet"] == []


def _resumed(world: Path, root: Path) -> Path:
    """Return the stages of the world's training, copied to where `_train(root)` finds them."""
    (root / "store").symlink_to(world / "store")
    return Path(shutil.copytree(world / "stages", root / "stages"))


def test_what_killed_trainings_left_is_deleted_too(world: Path, tmp_path: Path) -> None:
    """Half-made stages, and lines under an older key: the file was corrected since.

    What the training is not to delete stays: stages without members, and folders that it never
    made.
    """
    stages = _resumed(world, tmp_path)
    older = stages / "0123456789abcdef"
    gone = [
        older / "lines" / "typed.parquet",
        older / "judged.part" / "tmp1" / "known" / "lines.parquet",
    ]
    kept = [older / "quality" / "page.html", stages / "mine" / "lines" / "lines.parquet"]
    for path in (*gone, *kept):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"M0001")
    assert main(_train(tmp_path)) == 0
    assert [path for path in gone if path.exists()] == []
    assert [path for path in kept if not path.exists()] == []


def test_what_another_bundle_left_is_deleted(world: Path, tmp_path: Path) -> None:
    """Trained to the same folder without visits: no model of motives lies there unlisted.

    What is no file of a bundle stays.
    """
    _resumed(world, tmp_path)
    left = tmp_path / "bundle"
    left.mkdir()
    for name in ("motive.onnx", "motive.json", "notes.txt", "model.onnx"):
        (left / name).write_bytes(b"older")
    assert main(_train(tmp_path)) == 0
    listed = json.loads((left / "manifest.json").read_text())["files"]
    found = {path.name for path in left.iterdir()}
    assert found == {*listed, "manifest.json", "notes.txt"}


def test_what_an_engine_spilled_is_deleted(world: Path, tmp_path: Path) -> None:
    """What did not fit into memory holds lines; a killed engine leaves it behind."""
    spilled = _resumed(world, tmp_path) / "spill" / "duckdb_temp_storage_DEFAULT-0.tmp"
    spilled.parent.mkdir(exist_ok=True)
    spilled.write_bytes(b"M0001")
    assert main(_train(tmp_path)) == 0
    assert not spilled.parent.exists()


def _too_few(store: Path) -> None:
    write_random_store(store, customers=5, seed=1)


def _flown_in(store: Path) -> None:
    text = "visit_id,motive,after_s,event,zone,sku\nV1,undecided,300,fly,,\n"
    (store / "visits.csv.gz").write_bytes(gzip.compress(text.encode()))


def _two_logs(store: Path) -> None:
    for name in (*TABLES, "transactions_sample_2017", "offers"):
        (store / f"{name}.csv.gz").write_bytes(b"")


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (_too_few, "5 customers have two baskets of items"),
        (_flown_in, "visits.csv.gz: row 2: event: expected one of"),
        (_two_logs, "found coupon tables and offers.csv.gz"),
    ],
)
def test_no_member_outlives_a_refusal(
    tmp_path: Path,
    spoil: Callable[[Path], None],
    expected: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In whatever stage the data are refused, and what a killed training left goes as well."""
    killed = tmp_path / "stages" / "0123456789abcdef" / "lines" / "lines.parquet"
    spilled = tmp_path / "stages" / "spill" / "duckdb_temp_storage_DEFAULT-0.tmp"
    for path in (killed, spilled):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"M0001")
    spoil(write_random_store(tmp_path / "store", customers=30, seed=1))
    assert main(_train(tmp_path)) == 2
    assert expected in capsys.readouterr().err
    left = [path for path in (tmp_path / "stages").rglob("*") if path.is_file()]
    assert [path for path in left if b"M0001" in path.read_bytes()] == []
    assert [path for path in left if path.suffix == ".parquet" or "spill" in path.parts] == []


def test_where_there_is_no_room_the_next_training_goes_on(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data were not refused, so no line is read again."""
    _resumed(world, tmp_path)

    def full(*_: Path) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(shutil, "copyfile", full)
        assert main(_train(tmp_path)) == 2
    monkeypatch.setattr(readers, "read", None)
    assert main(_train(tmp_path)) == 0


def test_lines_lie_under_the_work_folder_alone(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while the log of offers is read, so that a kill leaves nothing elsewhere."""
    (finished,) = _resumed(world, tmp_path).glob("*/acceptance")
    shutil.rmtree(finished)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found: list[Path] = []
    read = offer_log.read

    def watched(*given: Any) -> Any:
        found.extend(tmp_path.rglob("known/**/lines.parquet"))
        return read(*given)

    monkeypatch.setattr(offer_log, "read", watched)
    assert main(_train(tmp_path)) == 0
    assert [path.relative_to(tmp_path).parts[0] for path in found] == ["stages"]


def test_export_packs_the_same_bytes_and_refuses_a_change(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One file, ready to sign; a file that was changed afterwards is not packed."""
    for name in ("one.tar", "two.tar"):
        out = str(tmp_path / name)
        assert main(["export", "--bundle", str(world / "bundle"), "--out", out]) == 0
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    copy = tmp_path / "copy"
    shutil.copytree(world / "bundle", copy)
    (copy / "card.md").write_text("all is well")
    assert main(["export", "--bundle", str(copy), "--out", str(tmp_path / "three.tar")]) == 2
    assert "card.md: sha256" in capsys.readouterr().err
    assert main(["card", "--bundle", str(copy)]) == 0
    assert (copy / "card.md").read_bytes() == (world / "bundle" / "card.md").read_bytes()
    assert main(["export", "--bundle", str(copy), "--out", str(tmp_path / "three.tar")]) == 0


def test_evaluate_refuses_what_was_learned_from(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a first unseen day, or with one inside the training data, there is no judgement."""
    command = ["evaluate", "--bundle", str(world / "bundle"), "--data", str(world / "store")]
    assert main(command) == 2
    assert "name the first unseen day with --since" in capsys.readouterr().err
    assert main([*command, "--since", "2026-02-01"]) == 2
    said = capsys.readouterr().err
    assert "learned from receipts up to 2026-0" in said
    first = re.search(r"expected (\S+) or a later day", said)
    assert first is not None
    assert main([*command, "--since", first[1], "--brief"]) == 0
    assert 0 < json.loads(capsys.readouterr().out)["recall"] <= 1


def test_the_card_names_the_first_day_that_evaluate_accepts(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The day before is refused."""
    card = (world / "bundle" / "card.md").read_text()
    said = re.search(r"evaluate --since accepts \| ([\d-]+) \|", card)
    assert said is not None
    first = date.fromisoformat(said[1])
    command = ["evaluate", "--bundle", str(world / "bundle"), "--data", str(world / "store")]
    assert main([*command, "--brief", "--since", str(first)]) == 0
    assert main([*command, "--since", str(first - timedelta(days=1))]) == 2
    assert "has learned from receipts up to" in capsys.readouterr().err
    metrics = json.loads((world / "bundle" / "metrics.json").read_text())
    assert metrics["days"]["first"].startswith("2026-01-0")
    assert metrics["days"]["last"].startswith("2026-08-2")
    assert str(first) <= metrics["judgement"]["judged_from"] <= metrics["days"]["last"]


def test_another_chains_bundle_is_named_as_such(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its items are others: that is the cause, not that nobody came again."""
    store = shutil.copytree(world / "store", tmp_path / "store")
    catalog = (store / "catalog.json").read_text()
    (store / "catalog.json").write_text(catalog.replace('"item_id": "i', '"item_id": "other-i'))
    command = ["evaluate", "--bundle", str(world / "bundle"), "--data", str(store)]
    assert main([*command, "--since", "2026-08-20"]) == 2
    assert f"{store}: no item in common with the bundle" in capsys.readouterr().err


def test_bad_data_is_named_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, file and row on standard error, no bundle, and no lines of what was refused."""
    store = write_random_store(tmp_path / "store", customers=5, seed=1)
    path = store / "receipts.csv.gz"
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    fields = lines[7].split(",")
    fields[6] = "-1"
    lines[7] = ",".join(fields)
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))
    assert main(_train(tmp_path)) == 2
    assert "receipts.csv.gz: row 8: quantity" in capsys.readouterr().err
    assert not (tmp_path / "bundle").exists()
    assert list((tmp_path / "stages").rglob("*.parquet")) == []


def test_broken_logs_are_named_with_the_receipts_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not file by file, nor minutes later; logs alone are refused as early."""
    monkeypatch.setattr(pipeline, "train", None)
    store = write_random_store(tmp_path / "store", customers=30, seed=1)
    whole = (store / "receipts.csv.gz").read_bytes()
    for name, text in (
        ("receipts", f"{HEADER}\nr1,noon,1,M1,1,s1,1,1,0\n"),
        ("visits", f"{','.join(visit_log.COLUMNS)}\nV1,in_love,3,leave,,\n"),
        ("offers", f"{','.join(offer_log.COLUMNS)}\n2026-06-01T10:00:00Z,M1,O,k,i1,2,0\n"),
    ):
        (store / f"{name}.csv.gz").write_bytes(gzip.compress(text.encode()))
    assert main(_train(tmp_path)) == 2
    receipts, *logs = capsys.readouterr().err.splitlines()
    assert "receipts.csv.gz: row 2: sold_at" in receipts
    expected = (
        "visits.csv.gz: row 2: motive",
        "offers.csv.gz: row 2: propensity",
    )
    assert all(said in line for said, line in zip(expected, logs, strict=True))
    (store / "receipts.csv.gz").write_bytes(whole)
    assert main(_train(tmp_path)) == 2
    assert capsys.readouterr().err.splitlines() == logs


TORN: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "another checksum": (lambda content: content[:-5] + b"\0" + content[-4:], "CRC check failed"),
    "another length": (lambda content: content[:-1] + b"\x7f", "Incorrect length"),
    "cut in its checksum": (lambda content: content[:-4], "Compressed file ended before"),
    "cut in its lines": (lambda content: content[:-400], "Compressed file ended before"),
    "two, and one cut": (lambda content: content + content[:-400], "Compressed file ended before"),
}


@pytest.mark.parametrize("name", TORN)
def test_files_that_are_not_whole_are_refused_before_the_work(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """DuckDB takes a wrong checksum for none; every such file is named at once.

    Lines that a killed training left are deleted, as with other data that are refused.
    """
    store = write_random_store(tmp_path / "store", customers=30, seed=1)
    write_offers(store / "offers.csv.gz", customers=30, seed=1)
    tear, said = TORN[name]
    older = tmp_path / "stages" / "0123456789abcdef" / "lines" / "typed.parquet"
    older.parent.mkdir(parents=True)
    older.write_bytes(b"M0001")
    for path in store.glob("*.gz"):
        path.write_bytes(tear(path.read_bytes()))
    assert main(_train(tmp_path)) == 2
    offers, receipts = capsys.readouterr().err.splitlines()
    assert "offers.csv.gz: " in offers
    assert "receipts.csv.gz: " in receipts
    assert said in receipts
    assert receipts.endswith(
        "expected a whole CSV file in UTF-8, gzipped where its name ends in .gz"
    )
    assert [path for path in (tmp_path / "stages").rglob("*") if path.is_file()] == []


def test_evaluate_refuses_receipts_that_are_not_whole(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As training does."""
    store = shutil.copytree(world / "store", tmp_path / "store")
    path = store / "receipts.csv.gz"
    path.write_bytes(path.read_bytes()[:-5] + b"\0" + path.read_bytes()[-4:])
    command = ["evaluate", "--bundle", str(world / "bundle"), "--data", str(store)]
    assert main([*command, "--since", "2026-08-20"]) == 2
    assert "receipts.csv.gz: CRC check failed" in capsys.readouterr().err


UNFIT_PATHS = {
    "train of no data": (["train", "--data", "nowhere", "--out", "b"], "nowhere: found neither"),
    "train into a file": (["train", "--data", "store", "--out", "file"], "--out file: is a file"),
    "train into the data": (
        ["train", "--data", "store", "--out", "./store/"],
        "--out store: is --data; expected a folder of its own",
    ),
    "work in a file": (
        ["train", "--data", "store", "--out", "b", "--work", "file"],
        "--work file: is a file; expected a folder",
    ),
    "train under a file": (
        ["train", "--data", "store", "--out", "file/b"],
        "--out file/b: file is a file; expected a folder",
    ),
    "work in the data": (
        ["train", "--data", "store", "--out", "b", "--work", "store/stages"],
        "--work store/stages: lies in --data store; expected another folder",
    ),
    "work in the bundle": (
        ["train", "--data", "store", "--out", "b", "--work", "b"],
        "--work b: lies in --out b; expected another folder",
    ),
    "a report over a folder": (
        ["train", "--data", "store", "--out", "b", "--report", "store"],
        "--report store: is a folder; expected a file",
    ),
    "a report under a file": (
        ["train", "--data", "store", "--out", "b", "--report", "file/page.html"],
        "--report file/page.html: ",
    ),
    "evaluate of no bundle": (
        ["evaluate", "--bundle", "nowhere", "--data", "store"],
        "nowhere: manifest.json: ",
    ),
    "export of no bundle": (
        ["export", "--bundle", "nowhere", "--out", "x.tar"],
        "nowhere: manifest",
    ),
    "export over a folder": (
        ["export", "--bundle", "bundle", "--out", "store"],
        "--out store: is a",
    ),
    "a card of no bundle": (["card", "--bundle", "nowhere"], "nowhere: manifest.json: "),
}


@pytest.mark.parametrize("name", UNFIT_PATHS)
def test_an_unfit_path_is_named_before_the_work(
    world: Path,
    tmp_path: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit 2 and one line on standard error; no stage of a training was begun."""
    for folder in ("store", "bundle"):
        (tmp_path / folder).symlink_to(world / folder)
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    command, expected = UNFIT_PATHS[name]
    assert main([*command, *(["--quiet"] if command[0] == "train" else [])]) == 2
    assert capsys.readouterr().err.startswith(f"stammgast-models: {expected}")
    assert not (tmp_path / "b.stages").exists()


def test_a_changed_bundle_is_not_judged(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the manifest does not vouch for answers no question."""
    copy = tmp_path / "copy"
    shutil.copytree(world / "bundle", copy)
    (copy / "model.onnx").write_bytes(b"changed")
    assert main(["evaluate", "--bundle", str(copy), "--data", str(world / "store")]) == 2
    assert "model.onnx: sha256" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"{}", b"[]", b'{"customers": "many"}'])
def test_a_card_of_other_metrics_is_refused(
    world: Path, tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2 and what is missing; the old card stays."""
    copy = tmp_path / "copy"
    shutil.copytree(world / "bundle", copy)
    extend(copy, {"metrics.json": content})
    assert main(["card", "--bundle", str(copy)]) == 2
    assert f"{copy}: the card cannot be written: " in capsys.readouterr().err
    assert (copy / "card.md").read_bytes() == (world / "bundle" / "card.md").read_bytes()


def test_a_card_of_edited_metrics_is_refused(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would vouch for what nobody measured; the old card stays, as do metrics not there."""
    copy = tmp_path / "copy"
    shutil.copytree(world / "bundle", copy)
    metrics = copy / "metrics.json"
    metrics.write_bytes(metrics.read_bytes().replace(b'"customers": 60', b'"customers": 61'))
    assert main(["card", "--bundle", str(copy)]) == 2
    assert "metrics.json: sha256" in capsys.readouterr().err
    metrics.unlink()
    assert main(["card", "--bundle", str(copy)]) == 2
    assert "metrics.json: not found, but the manifest lists it" in capsys.readouterr().err
    assert (copy / "card.md").read_bytes() == (world / "bundle" / "card.md").read_bytes()


def test_a_training_that_fails_is_no_full_bar(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three customers are too few for a ranker: the bar stops where the work did."""
    write_random_store(tmp_path / "store", customers=3, seed=1)
    assert main([word for word in _train(tmp_path) if word != "--quiet"]) == 2
    said = capsys.readouterr().err
    assert "training" in said
    assert "100%" not in said


def test_a_first_day_in_words_is_refused(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As every other argument that cannot be read, with what was expected."""
    command = ["evaluate", "--bundle", str(world / "bundle"), "--data", str(world / "store")]
    with pytest.raises(SystemExit) as end:
        main([*command, "--since", "gestern"])
    assert end.value.code == 2
    assert "--since: found 'gestern', expected a day such as" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "evaluate"])
@pytest.mark.parametrize(
    ("option", "value", "least"),
    [
        ("--threads", "0", 1),
        ("--threads", "1" + "0" * 30, 1),
        ("--memory-mb", "-5", 1),
        ("--memory-mb", "1" + "0" * 15, 1),
        ("--seed", "-1", 0),
        ("--seed", "1.5", 0),
    ],
)
def test_a_bound_that_is_none_is_refused(
    command: str, option: str, value: str, least: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Named as an argument, before anything is read: the data are not to blame."""
    out = "--out" if command == "train" else "--bundle"
    with pytest.raises(SystemExit) as end:
        main([command, "--data", "store", out, "bundle", f"{option}={value}"])
    assert end.value.code == 2
    expected = f"{option}: found '{value}', expected a whole number from {least}"
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_more_threads_than_cores_are_refused(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A hundred thousand would halt the machine; the bound is named, and is allowed itself."""
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    out = "--out" if command == "train" else "--bundle"
    paths = [command, "--data", "store", out, "bundle"]
    assert _parser().parse_args([*paths, "--threads", "4"]).threads == 4
    with pytest.raises(SystemExit) as end:
        main([*paths, "--threads", "5"])
    assert end.value.code == 2
    expected = "--threads: found '5', expected a whole number from 1 to 4, the cores of this"
    assert expected in " ".join(capsys.readouterr().err.split())


def test_evaluate_keeps_to_its_threads(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As training does."""
    asked: list[int] = []

    def engine(spill: Path, memory_mb: int, threads: int) -> Engine:
        asked.append(threads)
        return duckdb_engine(spill, memory_mb, threads)

    monkeypatch.setattr(held_out, "duckdb_engine", engine)
    paths = ["--bundle", str(world / "bundle"), "--data", str(world / "store")]
    assert main(["evaluate", *paths, "--since", "2026-08-20", "--threads", "1"]) == 0
    assert asked == [1]


def test_export_makes_its_folder(world: Path, tmp_path: Path) -> None:
    """As training makes that of the bundle."""
    out = tmp_path / "new" / "bundle.tar"
    assert main(["export", "--bundle", str(world / "bundle"), "--out", str(out)]) == 0
    assert out.stat().st_size > 0


def test_days_that_are_switched_off_teach_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A set whose days all lie before the start trains what the same set trains without days."""
    rows = _set_before_the_start()
    for name, lines in (("off", rows), ("none", [_without_third(row) for row in rows])):
        (tmp_path / name).mkdir()
        text = "\n".join(lines) + "\n"
        (tmp_path / name / "baskets.csv.gz").write_bytes(gzip.compress(text.encode()))
        data, out = str(tmp_path / name), str(tmp_path / f"{name}.bundle")
        assert main(["train", "--data", data, "--out", out, "--seed", "3", "--quiet"]) == 0
    off, none = (tmp_path / f"{name}.bundle" for name in ("off", "none"))
    for name in ("model.onnx", "tables.npz", "calibration.json"):
        assert (off / name).read_bytes() == (none / name).read_bytes(), name
    metrics = json.loads((off / "metrics.json").read_text())
    assert [v["name"] for v in metrics["variables"] if v["is_alarming"]] == ["day"]
    assert metrics["newest_day"] is None
    assert metrics["days"] is None
    command = ["evaluate", "--bundle", str(off), "--data", str(tmp_path / "off")]
    assert main([*command, "--since", "1970-01-20"]) == 2
    assert "the bundle learned from baskets without days" in capsys.readouterr().err


def test_what_a_set_cannot_teach_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Departments without a till's clock, offers without days: the card says why no model is there.

    Where it holds nothing of the kind, the card says that.
    """
    for name in ("more", "bare"):
        (tmp_path / name).mkdir()
        text = "\n".join(_without_third(row) for row in _set_before_the_start()) + "\n"
        (tmp_path / name / "baskets.csv.gz").write_bytes(gzip.compress(text.encode()))
    products = "\n".join(["product_id,department", *(f"{p},d{p % 3}" for p in range(30))]) + "\n"
    (tmp_path / "more" / "products.csv.gz").write_bytes(gzip.compress(products.encode()))
    write_offers(tmp_path / "more" / "offers.csv.gz", customers=4, seed=1)
    reasons, cards = {}, {}
    for name in ("more", "bare"):
        out = tmp_path / f"{name}.bundle"
        data = str(tmp_path / name)
        assert main(["train", "--data", data, "--out", str(out), "--seed", "3", "--quiet"]) == 0
        reasons[name] = json.loads(capsys.readouterr().out)["left_out"]
        cards[name] = (out / "card.md").read_text()
    assert reasons == {
        "more": {
            "anonymous": "the lines tell no local day that can be used; expected the receipts of a "
            "store",
            "acceptance": "the baskets tell no days that can be used; expected them beside the log",
        },
        "bare": {},
    }
    for name, reason in reasons["more"].items():
        assert f"{name}: left out; {reason}." in cards["more"]
    none = "None: the data hold neither zones, visits nor a log of offers."
    assert [name for name, card in cards.items() if none in card] == ["bare"]


def test_a_store_of_no_places_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Receipts alone, with neither zones nor departments, teach nothing of anonymous visits."""
    path = write_random_store(tmp_path / "store", customers=30, seed=1) / "catalog.json"
    catalog = json.loads(path.read_text())
    for item in catalog["items"]:
        del item["zone"], item["department"]
    path.write_text(json.dumps(catalog))
    assert main(_train(tmp_path)) == 0
    reason = json.loads(capsys.readouterr().out)["left_out"]["anonymous"]
    assert reason == "too few items tell a zone, or else a department; expected one of them"
    assert f"anonymous: left out; {reason}." in (tmp_path / "bundle" / "card.md").read_text()


def _set_before_the_start() -> list[str]:
    """Return the rows of a next-basket set whose days all lie before the start."""
    rng = np.random.default_rng(1)
    likes = rng.integers(0, 30, (40, 4))
    rows = ["customer_id,order_no,day,product_id,is_test"]
    for who in range(40):
        for order in range(1, 7):
            bought = np.unique(np.append(rng.choice(likes[who], 3), rng.integers(0, 30, 2)))
            rows += [f"{who},{order},{order * 3.5 - 500},{p},{int(order == 6)}" for p in bought]
    return rows


def _without_third(row: str) -> str:
    fields = row.split(",")
    return ",".join([*fields[:2], *fields[3:]])


def test_departments_stand_in_for_zones(tmp_path: Path) -> None:
    """A store that never said where its shelves stand has a model for anonymous visits too.

    So has one whose brands are switched off.
    """
    path = write_random_store(tmp_path / "store", customers=40, seed=1) / "catalog.json"
    catalog = json.loads(path.read_text())
    for at, item in enumerate(catalog["items"]):
        del item["zone"]
        item["brand"] = "b" if at % 2 else ""
    path.write_text(json.dumps(catalog))
    assert main(_train(tmp_path)) == 0
    about = json.loads((tmp_path / "bundle" / "anonymous.json").read_text())
    assert about["zones"] == sorted(ZONES)


def test_too_few_to_hold_out_from_are_the_reason_not_the_data(tmp_path: Path) -> None:
    """Baskets enough have a later one; what is missing are customers to learn from."""
    write_random_store(tmp_path / "store", customers=12, seed=3)
    assert main(_train(tmp_path)) == 0
    card = (tmp_path / "bundle" / "card.md").read_text()
    few = "without the newest baskets 12 customers have two baskets or more; expected at least 20"
    assert f"Not judged: {few}." in card


def test_young_logs_leave_their_models_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One offer that nobody took and one visit: the ranker does not wait, the card says why."""
    store = write_random_store(tmp_path / "store", customers=30, seed=3)
    header = "shown_at,member_id,offer_id,kind,item_ids,propensity,is_taken"
    shown = "2026-06-01T10:00:00Z,M0001,O1,no_reduction,i1,0.1,0"
    (store / "offers.csv.gz").write_bytes(gzip.compress(f"{header}\n{shown}\n".encode()))
    header = "visit_id,member_id,motive,started_at,after_s,event,zone,sku"
    left = "V1,M0001,undecided,2026-06-01T10:00:00Z,300,leave,,"
    (store / "visits.csv.gz").write_bytes(gzip.compress(f"{header}\n{left}\n".encode()))
    (store / "floorplan.json").write_text(json.dumps({"zones": []}))
    assert main(_train(tmp_path)) == 0
    reasons = json.loads(capsys.readouterr().out)["left_out"]
    assert reasons["acceptance"].startswith("nothing taken of the offers learned from")
    assert reasons["motive"] == "1 visits; expected 40 at least"
    card = (tmp_path / "bundle" / "card.md").read_text()
    for name, reason in reasons.items():
        assert f"{name}: left out; {reason}." in card
        assert not (tmp_path / "bundle" / f"{name}.onnx").exists()


def test_a_model_that_8_bits_harm_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no rounding at all is allowed: the ranker does not wait, the card says why."""
    monkeypatch.setattr(visit_models, "MOST_INT8_SHIFT", -1.0)
    write_random_store(tmp_path / "store", customers=30, seed=3)
    assert main(_train(tmp_path)) == 0
    reason = json.loads(capsys.readouterr().out)["left_out"]["anonymous"]
    assert reason.startswith("8 bits move its probabilities by 0.")
    assert f"anonymous: left out; {reason}." in (tmp_path / "bundle" / "card.md").read_text()


def test_coupon_tables_that_are_not_whole_leave_their_model_out(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The ranker does not wait for them; the card says which files are missing."""
    store = shutil.copytree(world / "store", tmp_path / "store")
    (store / "offers.csv.gz").unlink()
    (store / "coupons.csv.gz").write_bytes(gzip.compress(b"coupon_upc,product_id,campaign_id\n"))
    assert main(_train(tmp_path)) == 0
    reason = json.loads(capsys.readouterr().out)["left_out"]["acceptance"]
    assert "products.csv.gz: not found; expected a table of product_id" in reason
    assert "coupons.csv.gz" not in reason
    assert f"acceptance: left out; {reason}." in (tmp_path / "bundle" / "card.md").read_text()


def test_two_logs_of_offers_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the work: one of them would be learned from, the other ignored."""
    store = write_random_store(tmp_path / "store", customers=3, seed=3)
    for name in (*TABLES, "transactions_sample_2017", "offers"):
        (store / f"{name}.csv.gz").write_bytes(b"")
    assert main(_train(tmp_path)) == 2
    assert "found coupon tables and offers.csv.gz" in capsys.readouterr().err


def test_the_judged_know_no_item_that_came_later(tmp_path: Path) -> None:
    """An item of the last weeks alone is in no index, count or question of the judged bundle.

    It is in that of a training on everything.
    """
    path = write_random_store(tmp_path / "store", customers=60, seed=1) / "receipts.csv.gz"
    header, *rows = gzip.decompress(path.read_bytes()).decode().splitlines()
    late = [row for row in rows if row.split(",")[1] >= "2026-08-20" and row.split(",")[3]]
    kept = [row.replace(",s59,", ",s58,") for row in rows if row not in late]
    late = [row.replace(",s58,", ",s59,") for row in late]
    assert any(",s59," in row for row in late)
    path.write_bytes(gzip.compress(("\n".join([header, *kept, *late]) + "\n").encode()))
    items = {}
    for out, more in (("judged", []), ("final", ["--final"])):
        assert main([*_train(tmp_path, out), *more]) == 0
        items[out] = json.loads((tmp_path / out / "items.json").read_text())
    assert set(items["final"]) - set(items["judged"]) == {"i59"}


def test_three_customers_teach_no_ranker(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2 and how many there must be, instead of an empty half to calibrate on."""
    write_random_store(tmp_path / "store", customers=3, seed=1)
    assert main(_train(tmp_path)) == 2
    assert "3 customers have two baskets" in capsys.readouterr().err


def test_lines_in_no_history_are_counted_where_too_few_are_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All gifts, or all held out: the message names the cause, not only that nobody came twice."""
    mark_gifts(write_random_store(tmp_path / "store", customers=30, seed=1), "1")
    assert main(_train(tmp_path)) == 2
    assert re.search(
        r"0 customers .*; of (\d+) lines \1 gifts, \d+ anonymous, in no history",
        capsys.readouterr().err,
    )
    rows = [f"{who},{order},{who % 3},1" for who in range(30) for order in (1, 2)]
    text = "\n".join(["customer_id,order_no,product_id,is_test", *rows]) + "\n"
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "baskets.csv.gz").write_bytes(gzip.compress(text.encode()))
    out = str(tmp_path / "set.bundle")
    assert main(["train", "--data", str(tmp_path / "set"), "--out", out, "--quiet"]) == 2
    assert "0 customers have two baskets" in (said := capsys.readouterr().err)
    assert "; of 60 lines 60 held out, in no history" in said


def test_a_killed_training_ends_with_the_same_bytes(
    world: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Killed in its longest stage, begun again in the same folder, which is not the world's.

    No line is read again, and every file is what an unbroken training wrote elsewhere.
    """
    shutil.copytree(world / "store", tmp_path / "store")
    command = [sys.executable, "-m", "models", *_train(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, env=environment) as process:
        while process.poll() is None and not list((tmp_path / "stages").glob("*/judged.part")):
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "bundle").exists()
    monkeypatch.setattr(readers, "read", None)
    assert main(_train(tmp_path)) == 0
    capsys.readouterr()
    names = sorted(path.name for path in (world / "bundle").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "bundle").iterdir())
    for name in names:
        ours, theirs = (folder / "bundle" / name for folder in (tmp_path, world))
        assert ours.read_bytes() == theirs.read_bytes(), name


@pytest.mark.parametrize("command", [[], ["train"], ["evaluate"], ["export"], ["card"]])
def test_every_command_has_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Each option is explained."""
    with pytest.raises(SystemExit) as end:
        main([*command, "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert all(len(line.split()) > 1 for line in text.splitlines() if line.startswith("  --"))


def test_the_documented_commands_and_columns_are_the_real_ones() -> None:
    """docs/models.md shows every command as it is understood, and every column that is needed."""
    text = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    shown = [line.split() for line in text.splitlines() if line.startswith("stammgast-models ")]
    commands = [words[1 : words.index("#") if "#" in words else None] for words in shown]
    understood = {_parser().parse_args(command).command for command in commands}
    assert understood == {"train", "evaluate", "export", "card"}
    columns = {
        *readers.STORE_COLUMNS,
        *readers.BASKET_COLUMNS,
        *visit_log.COLUMNS,
        *offer_log.COLUMNS,
    }
    assert [name for name in sorted(columns) if f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("anonymous.onnx", lambda text: text[:-1] + b"x", "sha256"),
        ("anonymous.npz", lambda text: text + b"x", "sha256"),
    ],
)
def test_a_changed_model_is_refused(
    world: Path, tmp_path: Path, name: str, change: object, reason: str
) -> None:
    """A file that does not match the manifest never becomes a model."""
    copy = tmp_path / "copy"
    shutil.copytree(world / "bundle", copy)
    assert callable(change)
    (copy / name).write_bytes(change((copy / name).read_bytes()))
    with pytest.raises(TrustError, match=reason):
        load_visit_models(copy, ITEM_IDS)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("anonymous.onnx", b"graph", "anonymous.onnx cannot be read"),
        ("anonymous.npz", b"PK\x03\x04zip", "anonymous.npz cannot be read"),
        ("anonymous.json", b"[]", "anonymous.json cannot be read"),
        ("anonymous.onnx", "model.onnx", "anonymous.onnx reads other inputs"),
        ("anonymous.npz", "tables.npz", "anonymous.npz cannot be read"),
    ],
)
def test_a_model_that_was_sealed_broken_is_refused(
    world: Path, tmp_path: Path, name: str, content: bytes | str, reason: str
) -> None:
    """A right hash is not enough: the file cannot be read, or is the ranker's."""
    copy = tmp_path / "copy"
    shutil.copytree(world / "bundle", copy)
    extend(copy, {name: (copy / content).read_bytes() if isinstance(content, str) else content})
    with pytest.raises(TrustError, match=reason):
        load_visit_models(copy, ITEM_IDS)


def test_tables_of_fewer_items_than_the_model_names_are_refused(
    world: Path, tmp_path: Path
) -> None:
    """The item list grew by one; the tables did not."""
    copy = tmp_path / "copy"
    shutil.copytree(world / "bundle", copy)
    about = json.loads((copy / "anonymous.json").read_text())
    about["items"].append("one more")
    extend(copy, {"anonymous.json": json.dumps(about).encode()})
    with pytest.raises(TrustError, match="log_share"):
        load_visit_models(copy, ITEM_IDS)


def test_unknown_inputs_are_refused(world: Path, tmp_path: Path) -> None:
    """A model of another schema is refused and the reason names both."""
    copy = tmp_path / "copy"
    shutil.copytree(world / "bundle", copy)
    about = json.loads((copy / "anonymous.json").read_text())
    extend(copy, {"anonymous.json": json.dumps(about | {"hash": "0" * 64}).encode()})
    with pytest.raises(TrustError, match="inputs 000000000000 are unknown, this box computes"):
        load_visit_models(copy, ITEM_IDS)
    with pytest.raises(UnavailableError):
        load_visit_models(tmp_path / "none", ITEM_IDS)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"hash": "0" * 64}, "acceptance: inputs 000000000000 are unknown"),
        ({"rates": {"store": 0.0, "kinds": {}}}, "acceptance.json cannot be read.*above 0"),
        ({"items": ["i1"]}, "acceptance.npz cannot be read"),
        ({"items": ["i1"] * 60}, "acceptance.json cannot be read.*each once"),
    ],
)
def test_acceptance_of_another_form_is_refused(
    world: Path, tmp_path: Path, broken: dict[str, object], said: str
) -> None:
    """Its inputs, the rates that its chances are held against, and the lines of its items."""
    copy = tmp_path / "copy"
    shutil.copytree(world / "bundle", copy)
    about = json.loads((copy / "acceptance.json").read_text())
    extend(copy, {"acceptance.json": json.dumps(about | broken).encode()})
    with pytest.raises(TrustError, match=said):
        load_visit_models(copy, ITEM_IDS)


@pytest.mark.parametrize(
    "lines",
    [
        np.array(["many"] * 60),
        np.full(60, 1j),
        np.ones((60, 2)),
        np.full(60, np.nan),
        np.full(60, np.inf),
        np.full(60, -1.0),
        np.ones(60, np.bool_),
    ],
    ids=["text", "complex", "a table", "no number", "endless", "below none", "yes or no"],
)
def test_lines_that_count_nothing_refuse_acceptance_alone(
    world: Path, tmp_path: Path, lines: "np.ndarray[Any, Any]"
) -> None:
    """What was sold of each item is a number from 0; the other models serve without it."""
    copy, packed = tmp_path / "copy", io.BytesIO()
    shutil.copytree(world / "bundle", copy)
    np.savez(packed, lines=lines)
    extend(copy, {"acceptance.npz": packed.getvalue()})
    with pytest.raises(TrustError, match=r"acceptance.npz cannot be read.*60 numbers from 0"):
        load_visit_models(copy, ITEM_IDS)
    beside = opened(copy).beside
    assert beside.acceptance is None
    assert beside.anonymous is not None


def opened(bundle: Path) -> Models:
    """Return what a box serves of a bundle."""
    store = StoreSection(files=bundle, data=bundle / "data", bundle=bundle)
    return open_models(store, ITEM_IDS)


def test_a_box_starts_without_models_that_it_cannot_use(world: Path, tmp_path: Path) -> None:
    """Each file of the bundle in turn holds something else, under a right hash."""
    names = [
        f"{name}.{kind}" for name in ("anonymous", "acceptance") for kind in ("onnx", "json", "npz")
    ]
    for name in names:
        copy = tmp_path / name
        shutil.copytree(world / "bundle", copy)
        extend(copy, {name: b"[]"})
        box = opened(copy)
        assert box.state.startswith(f"{box.version}; refused: "), box.state
        assert name.split(".")[0] in box.state
        found = box.beside
        models = {"anonymous": found.anonymous, "acceptance": found.acceptance}
        assert [kind for kind, model in models.items() if model is None] == [name.split(".")[0]]
    assert opened(tmp_path / "none").beside == VisitModels(None, None, None)
