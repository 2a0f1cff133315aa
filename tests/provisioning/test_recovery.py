"""The recovery key: made once, kept encrypted, and able to bring a dead box back."""

from pathlib import Path

import pytest

from edge.adapters.sqlite.backup import backup, restore
from edge.adapters.sqlite.escrow import write_escrow
from edge.adapters.sqlite.keys import BoxKeys
from edge.adapters.sqlite.ledger import Ledger
from edge.core.catalog import Catalog, Item, Text, Variant
from provisioning.__main__ import PASSPHRASE_VARIABLE, main

PASSPHRASE = "correct horse battery"
NEW_KEY = bytes(range(50, 82))


def catalog() -> Catalog:
    variants = (Variant("coat-m", ""),)
    item = Item("coat", Text("Mantel", "Coat"), "B", "D", "C", None, 1, "z", "1", variants)
    return Catalog("1", "EUR", (item,), {})


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    monkeypatch.setenv(PASSPHRASE_VARIABLE, PASSPHRASE)
    private, public = tmp_path / "recovery.pem", tmp_path / "recovery.pub"
    made = main(["recovery-key", "new", "--private", str(private), "--public", str(public)])
    assert made == 0
    return private, public


@pytest.fixture
def escrow(tmp_path: Path, keys: tuple[Path, Path]) -> Path:
    """The escrow and backup of a box with one member."""
    box = Ledger.open(tmp_path / "old", bytes(range(32)), catalog())
    members = {"schema": "stammgast.members.v1", "members": [{"member_id": "M1"}]}
    box.import_members(members, 1e9)
    write_escrow(box, bytes.fromhex(keys[1].read_text()), tmp_path / "escrow.bin")
    backup(box, tmp_path / "box.backup")
    box.close()
    return tmp_path / "escrow.bin"


def open_for(escrow: Path, private: Path, recipient: str, out: Path) -> int:
    files = ["--escrow", str(escrow), "--private", str(private), "--out", str(out)]
    return main(["recovery-key", "open", *files, "--to", recipient])


def test_a_new_box_takes_over_with_keys_from_the_escrow(
    tmp_path: Path, keys: tuple[Path, Path], escrow: Path
) -> None:
    out, recipient = tmp_path / "for-box", BoxKeys(NEW_KEY).recipient.hex()
    assert open_for(escrow, keys[0], recipient, out) == 0
    assert restore(tmp_path / "new", NEW_KEY, tmp_path / "box.backup", out).persons == 1
    box = Ledger.open(tmp_path / "new", NEW_KEY, catalog())
    assert box.consents().person_of_member("M1") is not None
    box.close()


def test_the_private_key_is_encrypted_and_for_its_owner_only(keys: tuple[Path, Path]) -> None:
    private, public = keys
    assert b"ENCRYPTED PRIVATE KEY" in private.read_bytes()
    assert private.stat().st_mode & 0o777 == 0o600
    assert len(bytes.fromhex(public.read_text())) == 32


def test_a_key_is_never_overwritten(
    keys: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    before = keys[0].read_bytes()
    words = ["recovery-key", "new", "--private", str(keys[0]), "--public", str(keys[1])]
    assert main(words) == 2
    assert "exists already" in capsys.readouterr().err
    assert keys[0].read_bytes() == before


@pytest.mark.parametrize(
    ("name", "passphrase", "recipient", "spoil", "code", "words"),
    [
        ("a wrong passphrase", "another passphrase", "00" * 32, b"", 2, "is the passphrase right"),
        ("no box key", PASSPHRASE, "xyz", b"", 2, "64 hexadecimal digits"),
        ("a changed escrow", PASSPHRASE, "11" * 32, b"!", 1, "changed on the way"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    tmp_path: Path,
    keys: tuple[Path, Path],
    escrow: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    passphrase: str,
    recipient: str,
    spoil: bytes,
    code: int,
    words: str,
) -> None:
    monkeypatch.setenv(PASSPHRASE_VARIABLE, passphrase)
    escrow.write_bytes(escrow.read_bytes() + spoil)
    assert open_for(escrow, keys[0], recipient, tmp_path / "out") == code
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_short_passphrase_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "short")
    words = ["--private", str(tmp_path / "a"), "--public", str(tmp_path / "b")]
    assert main(["recovery-key", "new", *words]) == 2
    assert "expected 12" in capsys.readouterr().err
