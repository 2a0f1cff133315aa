"""Attacks on apps, receipts and the members file: to be somebody, or to be told too much."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from edge import downlink, intake
from edge.adapters.clock import SimulatedClock
from edge.adapters.sqlite import backup as backups
from edge.adapters.sqlite import imports, retention
from edge.adapters.sqlite.backup import backup, restore
from edge.adapters.sqlite.ledger import Ledger
from edge.adapters.sqlite.persons import Opened
from edge.adapters.sqlite.proofs import Proofs
from edge.adapters.sqlite.retention import forget_old
from edge.box import Box
from edge.core import proof
from edge.core.consent import Purpose, Statement
from edge.core.errors import TrustError
from edge.core.minimisation import MemberData
from edge.core.proof import CODE_PERIOD_S, AppKey, Proven, app_code
from edge.core.records import ConsentChanged, SaleRecorded
from edge.core.sales import Sale, SaleLine
from edge.core.statements import ConsentChange
from edge.downlink import Downlink
from tests.attacks.attack import (
    KEY,
    NAME,
    NOW_S,
    OTHER,
    VICTIM,
    Attack,
    box,
    document,
    member,
    patched,
    person_of,
    refused,
)
from tests.world import BEN, configure, write_store

# -- the app


def paired(ledger: Ledger) -> AppKey:
    """Pair the victim's own app."""
    proven = ledger.prover().by_receipt(person_of(ledger, VICTIM), f"R-{VICTIM}", NOW_S)
    assert proven is not None
    return ledger.pair_app(proven, NOW_S)


def code_of(key: AppKey) -> str:
    return app_code(key.secret, int(NOW_S // CODE_PERIOD_S))


def proves(ledger: Ledger, code: str) -> bool:
    """Tell whether a code passes for the victim; the ledger is closed."""
    try:
        return ledger.prover().by_app_code(person_of(ledger, VICTIM), code, NOW_S) is not None
    finally:
        ledger.close()


def stolen_phone(folder: Path) -> bool:
    """The victim has paired another phone since."""
    ledger = box(folder)
    stolen = paired(ledger)
    paired(ledger)
    return proves(ledger, code_of(stolen))


def keeps_the_first(self: Proofs, part: Opened, secret: bytes) -> None:
    self._db.execute(
        "INSERT OR IGNORE INTO app_keys (person_no, sealed) VALUES (?, ?)",
        [part.person_no, part.cipher.seal(secret, b"app key" + part.pseudonym.to_bytes(8, "big"))],
    )


def no_replacing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ledger, "_drop_app_keys", lambda self, person: None)
    patch.setattr(Proofs, "put_app_key", keeps_the_first)


def after_a_power_cut(folder: Path) -> bool:
    """The code was used a moment ago, and the box was switched off and on."""
    ledger = box(folder)
    code = code_of(paired(ledger))
    assert ledger.prover().by_app_code(person_of(ledger, VICTIM), code, NOW_S) is not None
    ledger.close()
    return proves(Ledger.open(ledger.directory, KEY, ledger.catalog), code)


def parted_then_restored(folder: Path) -> bool:
    """The victim parted the app; yesterday's backup is put back."""
    ledger = box(folder)
    key = paired(ledger)
    backup(ledger, folder / "b.backup")
    ledger.part_app(person_of(ledger, VICTIM))
    ledger.close()
    restore(ledger.directory, KEY, folder / "b.backup")
    return proves(Ledger.open(ledger.directory, KEY, ledger.catalog), code_of(key))


def pairs_without_proof(folder: Path) -> bool:
    """An app of one's own for somebody else's card."""
    ledger = box(folder)
    try:
        return not refused(
            lambda: ledger.pair_app(Proven(person_of(ledger, VICTIM), "app", 1e12), NOW_S),
            TrustError,
        )
    finally:
        ledger.close()


# -- the receipt


def older_receipt(folder: Path) -> bool:
    """A receipt out of the bin; the victim has bought something since."""
    ledger = box(folder)
    later = Sale("R-later", "T", NOW_S + 3 * 86_400, (SaleLine(1, "coat-m"),))
    ledger.append(SaleRecorded(later, person_of(ledger, VICTIM)))
    ledger.flush()
    try:
        found = ledger.prover().by_receipt(person_of(ledger, VICTIM), f"R-{VICTIM}", NOW_S)
        return found is not None
    finally:
        ledger.close()


def keeps_all_receipts(patch: pytest.MonkeyPatch) -> None:
    def note(self: Proofs, part: Opened, receipt_ids: Sequence[str], day: int) -> None:
        del day
        known(self, part, receipt_ids, 1)

    known = Proofs.note_receipts
    patch.setattr(Proofs, "note_receipts", note)


# -- the app's message


def profile_by_message(code: str, method: str) -> Callable[[Path], bool]:
    """The aim: a profile that a member with a paired app never allowed."""

    def succeeds(folder: Path) -> bool:
        settings = configure(folder, write_store(folder / "store", NOW_S), None, 1883)
        whole = Box(settings, SimulatedClock(NOW_S))
        consents, prover = whole.ledger.consents(), whole.ledger.prover()
        ben = consents.person_of_member(BEN)
        assert ben is not None
        proven = prover.by_receipt(ben, f"R-{BEN}-7", NOW_S)
        assert proven is not None
        whole.ledger.pair_app(proven, NOW_S)
        change = ConsentChange(BEN, Purpose.PROFILE, True, NOW_S, "2026-01", "de", method, code)
        whole.intake.state_consent(change, NOW_S)
        whole.close()
        return consents.has(ben, Purpose.PROFILE)

    return succeeds


# -- the members file


def name_is_stored(folder: Path) -> bool:
    """The chain sends a name that may only be used for a greeting nobody allowed."""
    ledger = box(folder, "recognise")
    try:
        opened = ledger.reading().persons.open(person_of(ledger, VICTIM))
        return opened is not None and opened.body().name == NAME
    finally:
        ledger.close()


def keeps_everything(body: MemberData, given: object, dropped: object) -> MemberData:
    del given, dropped
    return body


def name_outlives_the_consent(folder: Path) -> bool:
    """Withdrawn yesterday, and a night has passed."""
    ledger = box(folder)
    person = person_of(ledger, VICTIM)
    said = Statement(person, Purpose.STAFF_GREETING, False, NOW_S, NOW_S, "2026-01")
    ledger.append(ConsentChanged(said))
    ledger.flush()
    forget_old(ledger, NOW_S + 60)
    try:
        opened = ledger.reading().persons.open(person)
        return opened is not None and opened.body().name == NAME
    finally:
        ledger.close()


def declared_and_brought_in_one_file(folder: Path) -> bool:
    """The file that declares the erasure still holds the member."""
    ledger = box(folder)
    path = folder / "members.json"
    brings = document(member(VICTIM, "recognise"), member(OTHER, "recognise"))
    path.write_text(json.dumps({**brings, "erased": [VICTIM]}), encoding="utf-8")
    Downlink(path, ledger, lambda: NOW_S).begin()
    try:
        return ledger.consents().person_of_member(VICTIM) is not None
    finally:
        ledger.close()


ATTACKS = (
    Attack("the code of a phone that was stolen", no_replacing, stolen_phone),
    Attack(
        "a used code after a power cut",
        patched(Proofs, "note_code", lambda *_: None),
        after_a_power_cut,
    ),
    Attack(
        "a parted app in yesterday's backup",
        patched(
            backups, "_NEWEST_TABLES", tuple(t for t in backups._NEWEST_TABLES if t != "app_keys")
        ),
        parted_then_restored,
    ),
    Attack("an app for somebody else's card", patched(proof, "_SEAL", None), pairs_without_proof),
    Attack("a receipt out of the bin", keeps_all_receipts, older_receipt),
    Attack(
        "a profile by a message without a code",
        patched(intake, "NEEDS_PROOF", frozenset()),
        profile_by_message("", "app"),
    ),
    Attack(
        "a profile on the word of staff",
        patched(intake, "NEEDS_PROOF", frozenset()),
        profile_by_message("00000000", "staff"),
    ),
    Attack(
        "a field that nobody allowed",
        patched(imports, "granted", keeps_everything),
        name_is_stored,
    ),
    Attack(
        "a field that outlives its consent",
        patched(retention, "_delete_fields", lambda *_: None),
        name_outlives_the_consent,
    ),
    Attack(
        "an erasure in a file that brings the member",
        patched(downlink, "erase_declared", lambda *_: []),
        declared_and_brought_in_one_file,
    ),
)
