"""The commands about people's data, as an operator types them, on a small store."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from edge.__main__ import main
from edge.adapters.sqlite.export import prove
from edge.adapters.sqlite.ledger import Ledger
from edge.core.catalog import Catalog
from edge.core.proof import CODE_PERIOD_S, app_code
from edge.core.records import SaleRecorded
from edge.core.sales import Sale, SaleLine
from edge.custody import KEY_FILE
from provisioning.__main__ import PASSPHRASE_VARIABLE
from provisioning.__main__ import main as provision

MEMBER, NAME = "M-4711-0815", "Friederike Unverwechselbar"
SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10]]
CATALOG: dict[str, Any] = {
    "schema": "stammgast.catalog.v1",
    "version": "1",
    "currency": "EUR",
    "store": {"id": "s1", "name": "Haus", "time_zone": "Europe/Berlin"},
    "classes": [{"id": "coat", "name": {"de": "Mantel", "en": "Coat"}, "kind": "durable"}],
    "items": [
        {
            "item_id": "coat-1",
            "product_name": {"de": "Mantel", "en": "Coat"},
            "brand": "Alba",
            "department": "fashion",
            "category": "coats",
            "class_id": "coat",
            "price_cents": 9900,
            "zone": "shop",
            "aisle": "EG 1",
            "variants": [{"sku": "coat-m", "gtin": "4006381000017"}],
        }
    ],
    "offers": [],
}


def zone(zone_id: str, kind: str, at: int) -> dict[str, Any]:
    polygon = [[x + 10 * at, y] for x, y in SQUARE]
    return {"id": zone_id, "name": {"de": zone_id, "en": zone_id}, "kind": kind, "polygon": polygon}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A box that has taken one member in, sold her a coat, and knows the chain's recovery key."""
    files = tmp_path / "store"
    files.mkdir()
    (files / "catalog.json").write_text(json.dumps(CATALOG))
    plan = {
        "schema": "stammgast.floorplan.v1",
        "width_m": 30,
        "height_m": 10,
        "zones": [
            zone("door", "entrance", 0),
            zone("shop", "department", 1),
            zone("till", "till", 2),
        ],
        "receivers": [
            {"gateway": "g1", "family": "espresense", "zone": "shop", "x_m": 15, "y_m": 5, "z_m": 3}
        ],
        "stations": [],
        "shelves": [
            {"aisle": "EG 1", "zone": "shop", "x_m": 12, "y_m": 5, "width_m": 1, "depth_m": 1}
        ],
    }
    (files / "floorplan.json").write_text(json.dumps(plan))
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "correct horse battery")
    keys = ["--private", str(tmp_path / "recovery.pem"), "--public", str(tmp_path / "recovery.pub")]
    assert provision(["recovery-key", "new", *keys]) == 0
    path = tmp_path / "box.toml"
    path.write_text(
        '[store]\nfiles = "store"\ndata = "data"\n'
        '[trust]\ncontroller = "Haus GmbH"\nrecovery_key = "recovery.pub"\n'
        'escrow = "escrow.bin"\npartners = ["Alba"]\n'
    )
    take_in(tmp_path / "data")
    return path


def opened(data: Path) -> Ledger:
    assert main(["box-key", str(data.parent / "box.toml")]) == 0
    return Ledger.open(data, (data / KEY_FILE).read_bytes(), Catalog("1", "EUR", (), {}))


def take_in(data: Path) -> None:
    ledger = opened(data)
    consents = [
        {"purpose": p, "given_at": "2026-01-01T00:00:00Z", "notice_version": "2026-01"}
        for p in ("recognise", "profile", "staff_greeting", "aggregates")
    ]
    member = {"member_id": MEMBER, "name": NAME, "consents": consents}
    ledger.import_members({"schema": "stammgast.members.v1", "members": [member]}, time.time())
    person = ledger.consents().person_of_member(MEMBER)
    sold = Sale("BON-1", "T1", time.time() - 60, (SaleLine(1, "coat-m"),))
    ledger.append(SaleRecorded(sold, person))
    ledger.close()


def code_of(data: Path) -> str:
    ledger, now_s = opened(data), time.time()
    proven = prove(ledger, MEMBER, now_s, receipt_id="BON-1")
    assert proven is not None
    key = ledger.pair_app(proven, now_s)
    ledger.close()
    return app_code(key.secret, int(now_s // CODE_PERIOD_S))


def test_the_chain_of_consents_is_verified(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["consent", "verify", str(config)]) == 0
    assert "1 entries, 0 problems" in capsys.readouterr().out
    ledger = opened(config.parent / "data")
    ledger.writing.db.execute("UPDATE consent_log SET kind = 'split'")
    ledger.close()
    assert main(["consent", "verify", str(config)]) == 1
    assert "entry 1: the entry was changed" in capsys.readouterr().out


def test_an_export_needs_proof(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = config.parent / "hers.json"
    words = ["export", str(config), MEMBER, "--out", str(out)]
    assert main([*words, "--code", "00000000"]) == 1
    assert main([*words, "--receipt", "BON-2"]) == 1
    assert main(["export", str(config), "M-nobody", "--code", "1", "--out", str(out)]) == 1
    assert not out.exists()
    assert "nothing is handed out" in capsys.readouterr().err
    assert main([*words, "--receipt", "BON-1"]) == 0
    first = json.loads(out.read_text())
    assert first["identities"][0]["member"]["name"] == NAME
    receipt = first["identities"][0]["consents"][0]
    assert receipt["piiControllers"][0]["piiController"] == "Haus GmbH"
    assert out.stat().st_mode & 0o777 == 0o600
    code = code_of(config.parent / "data")
    assert main([*words, "--code", code]) == 0
    assert main([*words, "--code", code]) == 1, "once, in whatever process"


def test_erase_backup_and_restore_as_an_operator_does(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Back up, erase, restore: she stays erased, and the escrow no longer has her key."""
    copy = config.parent / "yesterday.backup"
    assert main(["backup", str(config), str(copy)]) == 0
    assert "keys of 1 persons" in capsys.readouterr().out
    assert main(["erase", str(config), MEMBER]) == 0
    assert "proof: " in capsys.readouterr().out
    assert main(["restore", str(config), str(copy)]) == 0
    assert "0 persons, 1 erased since" in capsys.readouterr().out
    take_in(config.parent / "data")
    assert main(["export", str(config), MEMBER, "--receipt", "BON-1"]) == 1
    assert main(["erase", str(config), MEMBER]) == 0
    assert "not known here" in capsys.readouterr().out


def test_a_new_box_takes_over_from_a_dead_one(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Backup and escrow of the old box, the recovery key, and a box that knows nothing."""
    folder = config.parent
    assert main(["backup", str(config), str(folder / "b.backup")]) == 0
    for path in sorted((folder / "data").iterdir()):
        path.unlink()
    assert main(["restore", str(config), str(folder / "b.backup")]) == 2
    assert "recovery-key open" in capsys.readouterr().err
    assert main(["box-key", str(config)]) == 0
    sealing = capsys.readouterr().out.split()[1]
    files = ["--escrow", "escrow.bin", "--private", "recovery.pem", "--out", "opened.bin"]
    files = [word if word.startswith("--") else str(folder / word) for word in files]
    assert provision(["recovery-key", "open", *files, "--to", sealing]) == 0
    keys = ["--keys", str(folder / "opened.bin")]
    assert main(["restore", str(config), str(folder / "b.backup"), *keys]) == 0
    assert "1 persons" in capsys.readouterr().out
    assert main(["export", str(config), MEMBER, "--receipt", "BON-1"]) == 0
    assert NAME in capsys.readouterr().out


def test_yesterday_is_told_in_totals_once(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = config.parent / "out"
    assert main(["aggregate", str(config), "--out", str(out)]) == 0
    written = sorted(path.relative_to(out).parts[0] for path in out.rglob("*.json"))
    assert written == ["partners", "upstream"]
    before = {path: path.read_bytes() for path in out.rglob("*.json")}
    assert main(["aggregate", str(config), "--out", str(out)]) == 0
    assert {path: path.read_bytes() for path in out.rglob("*.json")} == before
    assert main(["aggregate", str(config), "--out", str(out), "--day", "2999-01-01"]) == 1
    assert "not over" in capsys.readouterr().err


def test_forgetting_and_the_report_of_fields(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["forget", str(config)]) == 0
    assert "packed receipts: 0" in capsys.readouterr().out
    assert main(["fields", str(config)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("name ") and "propose to delete" in line for line in lines)


def test_a_box_without_a_ledger_is_named(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.toml"
    other.write_text('[store]\nfiles = "store"\ndata = "nothing"\n')
    assert main(["erase", str(other), MEMBER]) == 2
    assert "has the box ever run" in capsys.readouterr().err


def test_escrow_and_recovery_key_belong_together(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text('[store]\nfiles = "store"\ndata = "data"\n[trust]\nescrow = "e"\n')
    assert main(["backup", str(config), "x"]) == 2
    assert "belong together" in capsys.readouterr().err
