"""Attacks on consents and grants: to be allowed what the person did not allow."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.adapters.sqlite.ledger import Ledger
from edge.adapters.sqlite.schema import signed
from edge.core import consent, notices, proof
from edge.core.catalog import Text
from edge.core.consent import Consents, Grant, GrantError, Purpose, Statement
from edge.core.errors import TrustError
from edge.core.notices import NOTICES, Notice, NoticeBook
from edge.core.proof import AppKey, Proven, Prover, app_code
from tests.attacks.attack import (
    HASH,
    NOW_S,
    OTHER,
    VICTIM,
    Attack,
    box,
    consents_of_one,
    patched,
    person_of,
    refused,
    said,
)

OFFERS, PROFILE = Purpose.OFFERS, Purpose.PROFILE


def last_message_wins(one: Statement, known_s: float, is_given: bool) -> float | None:
    """What a naive box does: believe whatever comes last."""
    return one.at_s


def newest_wins_plainly(one: Statement, known_s: float, is_given: bool) -> float | None:
    at_s = min(one.at_s, one.received_s)
    return at_s if at_s >= known_s else None


def no_clamp(one: Statement, known_s: float, is_given: bool) -> float | None:
    return one.at_s if one.at_s >= known_s else None


def still_given(*words: tuple[bool, float, float]) -> Callable[[Path], bool]:
    """The aim: after all these words (given, said, received) offers are still allowed."""

    def succeeds(_: Path) -> bool:
        consents, person = consents_of_one()
        for is_given, at_s, received_s in words:
            consents.apply(said(person, OFFERS, is_given, at_s, received_s))
        return consents.has(person, OFFERS)

    return succeeds


def old_words(version: str, book: NoticeBook) -> Callable[[Path], bool]:
    def succeeds(_: Path) -> bool:
        consents = Consents(HASH, book)
        person = consents.add(7, HASH.member(VICTIM))
        consents.apply(said(person, OFFERS, True, 1.0, version=version))
        return consents.has(person, OFFERS)

    return succeeds


def changed_purpose() -> NoticeBook:
    texts = dict.fromkeys(Purpose, Text("Neu", "New"))
    return NoticeBook(
        (*NOTICES, Notice("2027-01", texts, {**dict.fromkeys(Purpose, 1), OFFERS: 2}))
    )


def reads(use: Callable[[Any, Any, str, str], object]) -> Callable[[Path], bool]:
    """The aim: a read of the ledger that the consents do not allow."""

    def succeeds(folder: Path) -> bool:
        ledger = box(folder)
        try:
            victim, other = person_of(ledger, VICTIM), person_of(ledger, OTHER)
            return not refused(lambda: use(ledger, ledger.consents(), victim, other), GrantError)
        finally:
            ledger.close()

    return succeeds


def after_withdrawal(ledger: Any, consents: Any, victim: str, other: str) -> object:
    grant = consents.grant(victim, PROFILE, NOW_S)
    consents.apply(said(victim, PROFILE, False, NOW_S))
    return ledger.profile(victim, grant, NOW_S)


def after_expiry(ledger: Any, consents: Any, victim: str, other: str) -> object:
    return ledger.profile(victim, consents.grant(victim, PROFILE, NOW_S), NOW_S + 86_400)


def by_another_purpose(ledger: Any, consents: Any, victim: str, other: str) -> object:
    return ledger.profile(victim, consents.grant(victim, Purpose.RECOGNISE, NOW_S), NOW_S)


def by_anothers_grant(ledger: Any, consents: Any, victim: str, other: str) -> object:
    return ledger.profile(victim, consents.grant(other, PROFILE, NOW_S), NOW_S)


def anothers_decision(ledger: Any, consents: Any, victim: str, other: str) -> object:
    return ledger.decision(f"d-{VICTIM}", consents.grant(other, PROFILE, NOW_S), NOW_S)


def name_by_profile(ledger: Any, consents: Any, victim: str, other: str) -> object:
    return ledger.name(victim, consents.grant(victim, PROFILE, NOW_S), NOW_S)


def rotating_key_by_profile(ledger: Any, consents: Any, victim: str, other: str) -> object:
    return ledger.rotating_ids(victim, consents.grant(victim, PROFILE, NOW_S), NOW_S)


def rotating_key_after_withdrawal(ledger: Any, consents: Any, victim: str, other: str) -> object:
    grant = consents.grant(victim, Purpose.RECOGNISE, NOW_S)
    consents.apply(said(victim, Purpose.RECOGNISE, False, NOW_S))
    return ledger.rotating_ids(victim, grant, NOW_S)


def forged(ledger: Any, consents: Any, victim: str, other: str) -> object:
    return ledger.profile(victim, Grant(victim, PROFILE, 1e12, lambda: True), NOW_S)


def turned(attribute: str, value: Callable[[str], object]) -> Any:
    """Change a grant that was honestly given into another."""

    def use(ledger: Any, consents: Any, victim: str, other: str) -> object:
        grant = consents.grant(other, PROFILE if attribute != "purpose" else OFFERS, NOW_S)
        grant = grant or consents.grant(victim, Purpose.RECOGNISE, NOW_S)
        setattr(grant, attribute, value(victim))
        return ledger.profile(victim, grant, NOW_S + (1e6 if attribute == "expires_s" else 0))

    return use


def copied(ledger: Any, consents: Any, victim: str, other: str) -> object:
    twin = copy.copy(consents.grant(other, PROFILE, NOW_S))
    object.__setattr__(twin, "subject", victim)
    return ledger.profile(victim, twin, NOW_S)


def honest_copy(grant: Any) -> Any:
    twin = object.__new__(Grant)
    for name in Grant.__slots__:
        object.__setattr__(twin, name, getattr(grant, name))
    return twin


def grant_that_never_dies(self: Any, person: str, purpose: Any, now_s: float) -> object:
    return Grant(person, purpose, now_s + 300, lambda: True, consent._SEAL)


def recognised_without_consent(_: Path) -> bool:
    consents, person = consents_of_one(PROFILE)
    consents.enrol(person, "mac:aabbccddeeff")
    return consents.person_of_beacon("mac:aabbccddeeff") == person


def beacon_taken_over(_: Path) -> bool:
    """Somebody claims the victim's beacon, to be taken for the victim's purchases' owner."""
    consents, victim = consents_of_one(Purpose.RECOGNISE)
    thief = consents.add(8, HASH.member("M-thief"))
    consents.apply(said(thief, Purpose.RECOGNISE, True, 10.0))
    consents.enrol(victim, "mac:aabbccddeeff")
    consents.enrol(thief, "mac:aabbccddeeff")
    return consents.person_of_beacon("mac:aabbccddeeff") == thief


def no_contest(self: Any, key: int) -> None:
    self._beacons.drop(key)


# -- proofs of identity

SECRET = b"the app's secret of the victim.."


def prover(has_receipt: Callable[[str, str], bool] = lambda p, r: False) -> Prover:
    return Prover(lambda person: AppKey(SECRET), has_receipt)


def guessing(_: Path) -> bool:
    """Try codes one after the other; the right one is not among the first five."""
    guard, step = prover(), int(NOW_S // 30)
    right = {app_code(SECRET, step), app_code(SECRET, step - 1)}
    guesses = [f"{at:08d}" for at in range(50)] + sorted(right)
    return any(guard.by_app_code("p", guess, NOW_S) for guess in guesses)


def seen_over_the_shoulder(_: Path) -> bool:
    guard, code = prover(), app_code(SECRET, int(NOW_S // 30))
    assert guard.by_app_code("p", code, NOW_S) is not None
    return guard.by_app_code("p", code, NOW_S + 1) is not None


def code_of_yesterday(_: Path) -> bool:
    code = app_code(SECRET, int(NOW_S // proof.CODE_PERIOD_S))
    return prover().by_app_code("p", code, NOW_S + 3_600) is not None


def forget_used(self: Any, person: str, method: str, now_s: float) -> Proven:
    self._used.clear()
    return Proven(person, method, now_s + 600, proof._SEAL)


def receipt(owner: str, receipt_id: str) -> Callable[[Path], bool]:
    def succeeds(folder: Path) -> bool:
        ledger = box(folder)
        try:
            person = person_of(ledger, owner)
            return ledger.prover().by_receipt(person, receipt_id, NOW_S) is not None
        finally:
            ledger.close()

    return succeeds


def any_known_receipt(self: Any, person: str, receipt_id: str) -> bool:
    query = "SELECT 1 FROM receipts WHERE receipt_key = ?"
    key = signed(self.keyed_hash.receipt(receipt_id))
    return self.reading().db.execute(query, [key]).fetchone() is not None


def stale_proof(_: Path) -> bool:
    proven = prover().by_app_code("p", app_code(SECRET, int(NOW_S // 30)), NOW_S)
    assert proven is not None
    return not refused(lambda: proven.require(NOW_S + 86_400), TrustError)


def forged_proof(_: Path) -> bool:
    return not refused(lambda: Proven("victim", "app", 1e12).require(NOW_S), TrustError)


def proof_for_somebody_else(_: Path) -> bool:
    proven = prover().by_app_code("p", app_code(SECRET, int(NOW_S // 30)), NOW_S)
    assert proven is not None

    def turn() -> None:
        proven.person = "victim"
        proven.require(NOW_S, "victim")

    return not refused(turn, TrustError)


def always(*_: object) -> bool:
    return True


def nothing(*_: object, **__: object) -> None:
    return None


RULE = "deciding_s"
MUTABLE = patched(Grant, "__setattr__", object.__setattr__)

ATTACKS = (
    Attack(
        "a consent comes after its later withdrawal",
        patched(consent, RULE, last_message_wins),
        still_given((False, 20.0, 20.0), (True, 10.0, 30.0)),
    ),
    Attack(
        "an old consent is replayed",
        patched(consent, RULE, last_message_wins),
        still_given((True, 10.0, 10.0), (False, 20.0, 20.0), (True, 10.0, 40.0)),
    ),
    Attack(
        "a consent in the second of the withdrawal",
        patched(consent, RULE, newest_wins_plainly),
        still_given((False, 10.0, 10.0), (True, 10.0, 11.0)),
    ),
    Attack(
        "a consent dated into the future",
        patched(consent, RULE, no_clamp),
        still_given((True, 1e12, 10.0), (False, 20.0, 20.0)),
    ),
    Attack(
        "the clock is set back before the withdrawal",
        patched(consent, RULE, newest_wins_plainly),
        still_given((True, 1000.0, 1000.0), (False, 5.0, 5.0)),
    ),
    Attack(
        "words that nobody has on file",
        patched(notices.NoticeBook, "covers", always),
        old_words("1999-01", NoticeBook(NOTICES)),
    ),
    Attack(
        "words of before the purpose changed",
        patched(notices.NoticeBook, "covers", always),
        old_words("2026-01", changed_purpose()),
    ),
    Attack(
        "a grant kept over the withdrawal",
        patched(Consents, "grant", grant_that_never_dies),
        reads(after_withdrawal),
    ),
    Attack("a grant kept for a day", patched(consent, "GRANT_LIFE_S", 1e9), reads(after_expiry)),
    Attack(
        "a grant for another purpose", patched(Grant, "require", nothing), reads(by_another_purpose)
    ),
    Attack("another person's grant", patched(Grant, "require", nothing), reads(by_anothers_grant)),
    Attack(
        "another person's decision", patched(Grant, "require", nothing), reads(anothers_decision)
    ),
    Attack(
        "the name under the purpose profile",
        patched(Grant, "require", nothing),
        reads(name_by_profile),
    ),
    Attack(
        "the key of a rotating id under the purpose profile",
        patched(Grant, "require", nothing),
        reads(rotating_key_by_profile),
    ),
    Attack(
        "the key of a rotating id after the withdrawal",
        patched(Consents, "grant", grant_that_never_dies),
        reads(rotating_key_after_withdrawal),
    ),
    Attack("a grant made by hand", patched(consent, "_SEAL", None), reads(forged)),
    Attack("a grant turned to another person", MUTABLE, reads(turned("subject", lambda v: v))),
    Attack(
        "a grant turned to another purpose",
        MUTABLE,
        reads(turned("purpose", lambda v: PROFILE)),
    ),
    Attack(
        "a copied grant turned to another person",
        patched(Grant, "__copy__", honest_copy),
        reads(copied),
    ),
    Attack(
        "recognised without consent",
        patched(Consents, "_may_be_recognised", always),
        recognised_without_consent,
    ),
    Attack("a beacon taken over", patched(Consents, "contest", no_contest), beacon_taken_over),
    Attack("guessing the app's code", patched(proof, "MAX_TRIES", 10**9), guessing),
    Attack(
        "a code seen over the shoulder",
        patched(Prover, "_proven", forget_used),
        seen_over_the_shoulder,
    ),
    Attack("a code of an hour ago", patched(proof, "CODE_PERIOD_S", 10**8), code_of_yesterday),
    Attack(
        "somebody else's receipt",
        patched(Ledger, "_has_last_receipt", any_known_receipt),
        receipt(OTHER, f"R-{VICTIM}"),
    ),
    Attack("a proof of yesterday", patched(proof, "PROOF_LIFE_S", 1e9), stale_proof),
    Attack("a proof made by hand", patched(proof, "_SEAL", None), forged_proof),
    Attack(
        "a proof turned to somebody else",
        patched(Proven, "__setattr__", object.__setattr__),
        proof_for_somebody_else,
    ),
)
