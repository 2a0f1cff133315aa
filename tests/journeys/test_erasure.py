"""The right to be forgotten, from the request to the last byte on disk."""

import copy
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge.adapters.sqlite.backup import backup, restore
from edge.adapters.sqlite.erasure import Proof, erase, erase_member, verify_proof
from edge.adapters.sqlite.escrow import CONTEXT, write_escrow
from edge.adapters.sqlite.export import consent_receipts, export_person, is_genuine
from edge.adapters.sqlite.journal import Journal
from edge.adapters.sqlite.keys import BoxKeys, Cipher
from edge.adapters.sqlite.ledger import Ledger
from edge.adapters.sqlite.retention import forget_old
from edge.adapters.sqlite.schema import LEDGER_STEPS, open_database, unsigned
from edge.adapters.sqlite.sealing import seal, unseal
from edge.core.cap_rules import Impression
from edge.core.catalog import Catalog, Item, Text, Variant
from edge.core.consent import Purpose, Statement
from edge.core.errors import ConfigError, TrustError
from edge.core.proof import Proven
from edge.core.records import (
    CapCounted,
    CardReacted,
    CheckedIn,
    ConsentChanged,
    DecisionMade,
    Exposed,
    SaleRecorded,
    Vetoed,
)
from edge.core.sales import Sale, SaleLine

NOW_S = 1_790_000_000.0
KEY = bytes(range(32))
NAME = "Friederike Unverwechselbar"
BEACON = "ibeacon:426c7565436861726d426561636f6e73-3838-4949"
# Everything that is hers alone; found before the erasure, nowhere afterwards.
HERS = (NAME, "M-4711-0815", "38-Schmal", "farbe:petrol", BEACON, "grund-ihrer-karte")
MEMBER: dict[str, Any] = {
    "member_id": "M-4711-0815",
    "name": NAME,
    "language": "de",
    "beacons": ["426c7565-4368-6172-6d42-6561636f6e73-3838-4949"],
    "stated": ["farbe:petrol"],
    "sizes": {"coat": "38-Schmal"},
    "consents": [
        {
            "purpose": purpose,
            "given_at": "2026-01-02T10:00:00+01:00",
            "notice_version": "2026-01",
            "method": "app",
        }
        for purpose in ("recognise", "profile", "offers", "staff_greeting")
    ],
}
OTHER = {
    **copy.deepcopy(MEMBER),
    "member_id": "M-2",
    "name": "Otto Bleibt",
    "beacons": [],
    "stated": ["farbe:rot"],
    "sizes": {"coat": "52"},
}
DOCUMENT = {"schema": "stammgast.members.v1", "members": [MEMBER, OTHER]}


def catalog() -> Catalog:
    text = Text("Mantel", "Coat")
    variants = (Variant("coat-m", "4006381000017"),)
    return Catalog(
        "1", "EUR", (Item("coat", text, "B", "D", "C", None, 1, "z", "1", variants),), {}
    )


def opened(directory: Path, key: bytes = KEY) -> Ledger:
    return Ledger.open(directory, key, catalog())


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    box = opened(tmp_path / "data")
    box.import_members(DOCUMENT, NOW_S)
    live_a_little(box, hers(box))
    yield box
    box.close()


def hers(box: Ledger) -> str:
    person = box.consents().person_of_member("M-4711-0815")
    assert person is not None
    return person


def live_a_little(box: Ledger, person: str) -> None:
    sale = Sale("BON-1", "T1", NOW_S, (SaleLine(1, "coat-m"),), "M-4711-0815")
    box.append(SaleRecorded(sale, person))
    box.append(CheckedIn("entrance", None, NOW_S, person))
    box.append(DecisionMade("d1", "v1", NOW_S, "tablet", b'{"why":"grund-ihrer-karte"}', person))
    box.append(CardReacted("c1", "d1", "v1", "shown", NOW_S, person))
    box.append(Vetoed(person, "coat", NOW_S + 1e6, NOW_S))
    box.append(Exposed("e1", "treatment", "v1", NOW_S, person))
    box.append(CapCounted(b"cap", NOW_S, NOW_S + 1e6, person))
    box.flush()


def searched(directory: Path, key: bytes = KEY) -> bytes:
    """Everything that can be read in a folder with the box's key: raw bytes and opened rows."""
    raw = b"".join(p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file())
    for path in directory.rglob("*.db"):
        if path.name == "ledger.db":
            raw += readable_rows(path, [path], key)
    for path in directory.rglob("*.backup"):
        raw += readable_rows(path, list(directory.rglob("ledger.db")), key)
    return raw


def readable_rows(path: Path, key_sources: list[Path], key: bytes) -> bytes:
    """Try every key that is anywhere on every row that is anywhere."""
    box, ciphers = BoxKeys(key), []
    for source in key_sources:
        if source.exists():
            with sqlite3.connect(source) as db:
                wrapped = db.execute(
                    "SELECT p.pseudonym, k.wrapped FROM person_keys k JOIN persons p"
                    " USING (person_no)"
                ).fetchall()
            for pseudonym, blob in wrapped:
                context = b"person" + unsigned(pseudonym).to_bytes(8, "big")
                ciphers.append(Cipher(box.unwrap(blob, context)))
    found = b""
    with sqlite3.connect(path) as db:
        rows = [
            (b"person" + unsigned(name).to_bytes(8, "big"), body)
            for name, body in db.execute("SELECT pseudonym, body FROM persons")
        ]
        rows += [
            (b"decision" + name.encode(), body)
            for name, body in db.execute("SELECT decision_id, body FROM decisions")
        ]
        rows += [
            (b"happening" + number.to_bytes(8, "big"), body)
            for number, body in db.execute("SELECT happening_no, body FROM happenings")
        ]
    for context, body in rows:
        for cipher in ciphers:
            try:
                found += cipher.open(body, context)
            except TrustError:
                continue
    return found


def missing(haystack: bytes) -> list[str]:
    return [value for value in HERS if value.encode() not in haystack]


def test_after_erasure_backup_and_resync_nothing_of_her_is_left(
    ledger: Ledger, tmp_path: Path
) -> None:
    """The same search finds every value before, and none afterwards."""
    directory = ledger.directory
    recovery = X25519PrivateKey.generate()
    write_escrow(ledger, recovery.public_key().public_bytes_raw(), tmp_path / "data" / "escrow.bin")
    backup(ledger, tmp_path / "data" / "yesterday.backup")
    assert missing(searched(directory)) == []
    person = hers(ledger)
    told: list[str] = []
    ledger.on_forget(told.append)
    erasure = erase(ledger, person, NOW_S + 10)
    assert erasure is not None
    assert told == [person]
    assert missing(searched(directory)) == list(HERS)
    assert person.encode() not in searched(directory)

    ledger.close()
    done = restore(directory, KEY, tmp_path / "data" / "yesterday.backup")
    assert (done.persons, done.buried, done.without_key) == (1, 1, 0)
    assert missing(searched(directory)) == list(HERS)
    again = opened(directory)
    report = again.import_members(DOCUMENT, NOW_S + 20)
    assert (report.erased, report.members) == (1, 1)
    assert again.consents().person_of_member("M-4711-0815") is None
    assert again.consents().person_of_beacon(BEACON) is None
    assert again.consents().person_of_member("M-2") is not None
    again.flush()
    assert missing(searched(directory)) == list(HERS)
    escrow = (tmp_path / "data" / "escrow.bin").read_bytes()
    kept = msgspec.msgpack.decode(unseal(escrow[4:], recovery, CONTEXT))
    assert int(person, 16) not in kept[1], "the escrow was written anew without her key"
    again.close()


def test_her_rows_are_gone_and_the_others_stay(ledger: Ledger) -> None:
    erase(ledger, hers(ledger), NOW_S)
    db = ledger.reading().db
    for table in ("receipts", "decisions", "happenings", "person_keys", "persons"):
        assert db.execute(f"SELECT count(*) FROM {table} WHERE person_no = 1").fetchone() == (0,)
    assert db.execute("SELECT count(*) FROM persons").fetchone() == (1,)
    assert (ledger.directory / "ledger.db-wal").stat().st_size == 0


def test_the_proof_can_be_checked_by_anybody(ledger: Ledger) -> None:
    erasure = erase(ledger, hers(ledger), NOW_S)
    assert erasure is not None
    proof = verify_proof(erasure.token, ledger.keys.verifying)
    assert isinstance(proof, Proof)
    assert proof.erased_s == NOW_S
    with pytest.raises(TrustError):
        verify_proof(erasure.token, BoxKeys(bytes(32)).verifying)
    with pytest.raises(TrustError):
        verify_proof(erasure.token[:-8] + "AAAAAAA=", ledger.keys.verifying)
    assert ledger.writing.log.verify()[1] == [], "the chain holds without her payloads"


def test_a_number_once_erased_is_not_given_again(ledger: Ledger) -> None:
    """Else a restored backup would hand her rows to somebody new."""
    other = ledger.consents().person_of_member("M-2")
    assert other is not None
    erase(ledger, other, NOW_S)
    ledger.import_members(
        {"schema": "stammgast.members.v1", "members": [{"member_id": "M-3"}]}, NOW_S
    )
    numbers = ledger.writing.db.execute("SELECT person_no FROM persons ORDER BY 1").fetchall()
    assert numbers == [(1,), (3,)]


def test_a_member_never_seen_is_kept_out_too(ledger: Ledger) -> None:
    """An erasure declared elsewhere may come before the member does."""
    assert erase_member(ledger, "M-77", NOW_S) is None
    document = {"schema": "stammgast.members.v1", "members": [{**MEMBER, "member_id": "M-77"}]}
    assert ledger.import_members(document, NOW_S).erased == 1


def test_erasing_twice_does_nothing_more(ledger: Ledger) -> None:
    person = hers(ledger)
    assert erase(ledger, person, NOW_S) is not None
    assert erase(ledger, person, NOW_S) is None
    assert erase_member(ledger, "M-4711-0815", NOW_S) is None


def test_merged_identities_are_erased_together(ledger: Ledger) -> None:
    other = ledger.consents().person_of_member("M-2")
    assert other is not None
    assert ledger.merge(hers(ledger), other, NOW_S)
    erase(ledger, hers(ledger), NOW_S)
    assert ledger.reading().db.execute("SELECT count(*) FROM persons").fetchone() == (0,)


def test_what_was_on_its_way_does_not_bring_her_back(ledger: Ledger) -> None:
    person = hers(ledger)
    erase(ledger, person, NOW_S)
    live_a_little(ledger, person)
    db = ledger.reading().db
    assert db.execute("SELECT count(*) FROM happenings").fetchone() == (0,)
    assert db.execute("SELECT count(*) FROM decisions").fetchone() == (0,)


def test_a_beacon_two_claimed_belongs_to_the_one_who_stays(ledger: Ledger) -> None:
    both = {**OTHER, "beacons": MEMBER["beacons"]}
    ledger.consents()
    ledger.import_members({**DOCUMENT, "members": [MEMBER, both]}, NOW_S)
    assert ledger.consents().person_of_beacon(BEACON) is None
    erase(ledger, hers(ledger), NOW_S)
    assert ledger.consents().person_of_beacon(BEACON) == ledger.consents().person_of_member("M-2")


# -- backup, escrow, restore


def test_a_backup_holds_no_keys(ledger: Ledger, tmp_path: Path) -> None:
    backup(ledger, tmp_path / "b.backup")
    with sqlite3.connect(tmp_path / "b.backup") as db:
        assert db.execute("SELECT count(*) FROM person_keys").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM secrets").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM persons").fetchone() == (2,)


def test_a_dead_card_forgets_nobody(ledger: Ledger, tmp_path: Path) -> None:
    """A new box with another key, a backup, and the escrow opened for it by the chain."""
    recovery = X25519PrivateKey.generate()
    escrow = tmp_path / "escrow.bin"
    write_escrow(ledger, recovery.public_key().public_bytes_raw(), escrow)
    backup(ledger, tmp_path / "b.backup")
    other = ledger.consents().person_of_member("M-2")
    assert other is not None
    erase(ledger, other, NOW_S)
    person, new_key = hers(ledger), bytes(range(100, 132))
    content = unseal(escrow.read_bytes()[4:], recovery, CONTEXT)
    for_new_box = tmp_path / "opened.bin"
    for_new_box.write_bytes(b"SGE1" + seal(content, BoxKeys(new_key).recipient, CONTEXT))
    done = restore(tmp_path / "new", new_key, tmp_path / "b.backup", for_new_box)
    assert (done.persons, done.buried, done.has_newest_consents) == (1, 1, False)
    box = opened(tmp_path / "new", new_key)
    assert hers(box) == person
    grant = box.consents().grant(person, Purpose.PROFILE, NOW_S)
    assert grant is not None
    assert [p.sku for p in box.profile(person, grant, NOW_S).purchases] == ["coat-m"]
    assert box.writing.log.verify()[1] == []
    box.close()


def test_restoring_needs_keys_from_somewhere(ledger: Ledger, tmp_path: Path) -> None:
    backup(ledger, tmp_path / "b.backup")
    with pytest.raises(ConfigError, match="recovery-key open"):
        restore(tmp_path / "empty", KEY, tmp_path / "b.backup")
    (tmp_path / "no.backup").write_bytes(b"something else")
    with pytest.raises(ConfigError, match="not a backup"):
        restore(tmp_path / "empty", KEY, tmp_path / "no.backup")


def test_yesterdays_backup_does_not_undo_todays_withdrawal(ledger: Ledger, tmp_path: Path) -> None:
    backup(ledger, tmp_path / "b.backup")
    person = hers(ledger)
    said = Statement(person, Purpose.OFFERS, False, NOW_S + 5, NOW_S + 5, "2026-01")
    ledger.append(ConsentChanged(said))
    newcomer = {**OTHER, "member_id": "M-3"}
    ledger.import_members({**DOCUMENT, "members": [newcomer]}, NOW_S + 6)
    ledger.close()
    restore(ledger.directory, KEY, tmp_path / "b.backup")
    box = opened(ledger.directory)
    assert Purpose.OFFERS not in box.consents().purposes(person)
    late = box.consents().person_of_member("M-3")
    assert late is not None, "came after the backup and is still known"
    assert box.consents().has(late, Purpose.OFFERS)
    assert box.writing.log.verify()[1] == []
    box.close()


def test_a_restored_box_opens_when_its_own_files_were_broken(
    ledger: Ledger, tmp_path: Path
) -> None:
    recovery = X25519PrivateKey.generate()
    write_escrow(ledger, recovery.public_key().public_bytes_raw(), tmp_path / "e")
    backup(ledger, tmp_path / "b.backup")
    ledger.close()
    (ledger.directory / "ledger.db").write_bytes(b"\0" * 40_960)
    content = unseal((tmp_path / "e").read_bytes()[4:], recovery, CONTEXT)
    (tmp_path / "o").write_bytes(b"SGE1" + seal(content, BoxKeys(KEY).recipient, CONTEXT))
    restore(ledger.directory, KEY, tmp_path / "b.backup", tmp_path / "o")
    box = opened(ledger.directory)
    assert box.consents().person_of_member("M-2") is not None
    box.close()


# -- export


def proven(box: Ledger) -> Proven:
    proof = box.prover().by_receipt(hers(box), "BON-1", NOW_S)
    assert proof is not None
    return proof


def test_an_export_holds_everything_of_hers_and_nothing_of_others(ledger: Ledger) -> None:
    exported = export_person(ledger, proven(ledger), NOW_S)
    text = json.dumps(exported, ensure_ascii=False)
    assert missing(text.encode()) == []
    assert "Otto" not in text
    (identity,) = exported["identities"]
    assert [p["sku"] for p in identity["purchases"]] == ["coat-m"]
    assert len(identity["consents"]) == 4
    assert {h["kind"] for h in identity["happenings"]} == {
        "CheckedIn", "CardReacted", "Vetoed", "Exposed", "CapCounted",
    }  # fmt: skip


def test_an_export_says_how_often_something_was_shown(ledger: Ledger) -> None:
    """Single impressions and folded ones, in words and not in packed bytes."""
    journal, person = Journal(ledger), hers(ledger)
    for days in (0, 100):
        at_s = NOW_S - days * 86_400.0
        seen = Impression(f"c{days}", person, "v", at_s, 0, "tablet", "contact", "coat", "coats")
        ledger.append(journal.impression_record(seen))
    ledger.flush()
    forget_old(ledger, NOW_S)
    (identity,) = export_person(ledger, proven(ledger), NOW_S)["identities"]
    said = {h["kind"]: h["body"] for h in identity["happenings"] if h.get("body") not in (None, "")}
    assert said["CapCounted"]["item"] == "coat"
    assert [(row["item"], row["units"]) for row in said["CapsFolded"]] == [("coat", 1)]


def test_a_consent_receipt_names_words_moment_and_withdrawal(ledger: Ledger) -> None:
    person = hers(ledger)
    ledger.append(
        ConsentChanged(Statement(person, Purpose.OFFERS, False, NOW_S, NOW_S, "2026-01", "en"))
    )
    receipts = consent_receipts(ledger, proven(ledger), NOW_S)
    assert [r["event"] for r in receipts] == ["given"] * 4 + ["withdrawn"]
    last = receipts[-1]
    assert last["notice"]["sha256"] == ledger.notices.current.sha256("en").hex()
    assert last["language"] == "en"
    for field in (
        "version", "jurisdiction", "consentTimestamp", "collectionMethod", "consentReceiptID",
        "piiPrincipalId", "piiControllers", "policyUrl", "services",
    ):  # fmt: skip
        assert field in last
    assert all(is_genuine(ledger, receipt) for receipt in receipts)


@pytest.mark.parametrize(
    ("name", "forge"),
    [
        ("another purpose", lambda r: r["services"][0]["purposes"][0].update(purpose="shade")),
        ("a withdrawal made a consent", lambda r: r.update(event="given")),
        ("an earlier moment", lambda r: r.update(consentTimestamp=1.0)),
        ("somebody else", lambda r: r.update(piiPrincipalId="M-2")),
        ("an invented number", lambda r: r.update(consentReceiptID="99-00")),
        ("no number", lambda r: r.pop("consentReceiptID")),
        ("other words", lambda r: r["notice"].update(sha256="00")),
    ],
)
def test_a_forged_receipt_is_recognised(
    ledger: Ledger, name: str, forge: Callable[[dict[str, Any]], object]
) -> None:
    ledger.append(
        ConsentChanged(
            Statement(hers(ledger), Purpose.OFFERS, False, NOW_S, NOW_S, "2026-01", "en")
        )
    )
    receipt = copy.deepcopy(consent_receipts(ledger, proven(ledger), NOW_S)[-1])
    assert is_genuine(ledger, receipt)
    forge(receipt)
    assert not is_genuine(ledger, receipt)


def test_an_old_proof_opens_nothing(ledger: Ledger) -> None:
    proof = proven(ledger)
    with pytest.raises(TrustError, match="prove it again"):
        export_person(ledger, proof, NOW_S + 601)
    erase(ledger, hers(ledger), NOW_S)
    with pytest.raises(TrustError, match="nothing is held"):
        export_person(ledger, proof, NOW_S)


def test_the_last_receipt_proves_who_holds_the_card(ledger: Ledger) -> None:
    person = hers(ledger)
    older = Sale("BON-0", "T1", NOW_S - 9e5, (SaleLine(1, "coat-m"),))
    ledger.append(SaleRecorded(older, person))
    ledger.flush()
    prover = ledger.prover()
    assert prover.by_receipt(person, "BON-0", NOW_S) is None, "not the last one"
    assert prover.by_receipt(person, "BON-2", NOW_S) is None
    proof = prover.by_receipt(person, "BON-1", NOW_S)
    assert proof is not None
    assert proof.method == "receipt"
    other = ledger.consents().person_of_member("M-2")
    assert other is not None
    assert prover.by_receipt(other, "BON-1", NOW_S) is None, "somebody else's receipt"


def test_the_schema_of_a_backup_is_brought_up_to_date(ledger: Ledger, tmp_path: Path) -> None:
    """A backup made by an older version restores into this one."""
    backup(ledger, tmp_path / "b.backup")
    with sqlite3.connect(tmp_path / "b.backup") as db:
        db.execute("DROP TABLE field_uses")
        db.execute("DROP TABLE merges")
        db.execute("DROP INDEX beacons_that_rotate")
        db.execute("ALTER TABLE beacons DROP COLUMN rotates")
        db.execute("DROP TABLE app_keys")
        db.execute("DROP TABLE last_receipts")
        db.execute("DROP INDEX consent_wants")
        db.execute("ALTER TABLE consent_states DROP COLUMN wants")
        db.execute("PRAGMA user_version = 1")
    ledger.close()
    restore(ledger.directory, KEY, tmp_path / "b.backup")
    db2 = open_database(ledger.directory / "ledger.db", LEDGER_STEPS, is_synced=True)
    assert db2.execute("PRAGMA user_version").fetchone() == (len(LEDGER_STEPS),)
    db2.conn.close()
