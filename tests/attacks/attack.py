"""What an attack is, and the small store that most of them are made on."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge.adapters.sqlite.ledger import Ledger
from edge.core.catalog import Catalog, Item, Text, Variant
from edge.core.consent import Consents, KeyedHash, Purpose, Statement
from edge.core.records import DecisionMade, SaleRecorded
from edge.core.sales import Sale, SaleLine

NOW_S = 1_790_000_000.0
KEY = bytes(range(32))
HASH = KeyedHash(b"a secret of this box")
VICTIM, OTHER = "M-victim", "M-other"
NAME = "Friederike Opfer"

Removal = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Attack:
    """One attack.

    Attributes:
        remove: Takes the defence out, by patching the code that defends.
        succeeds: Makes the attack in an empty folder and tells whether it reached its aim.
    """

    name: str
    remove: Removal
    succeeds: Callable[[Path], bool]


def patched(target: object, name: str, value: object) -> Removal:
    """Remove a defence by putting something else in its place."""
    return lambda patch: patch.setattr(target, name, value)


def both(*removals: Removal) -> Removal:
    """Remove two defences that stand behind each other."""

    def remove(patch: pytest.MonkeyPatch) -> None:
        for one in removals:
            one(patch)

    return remove


def refused(work: Callable[[], object], *errors: type[Exception]) -> bool:
    """Tell whether work is refused with one of these errors."""
    try:
        work()
    except errors:
        return True
    return False


def catalog() -> Catalog:
    """Return a catalogue of one coat."""
    variants = (Variant("coat-m", ""),)
    item = Item("coat", Text("Mantel", "Coat"), "Alba", "D", "C", "coat", 1, "z", "1", variants)
    return Catalog("1", "EUR", (item,), {})


def member(member_id: str, *purposes: str, **more: Any) -> dict[str, Any]:
    """Return a member who allowed some purposes."""
    consents = [
        {"purpose": p, "given_at": "2026-01-01T00:00:00Z", "notice_version": "2026-01"}
        for p in purposes
    ]
    return {"member_id": member_id, "consents": consents, **more}


def document(*members: object) -> dict[str, Any]:
    """Return a members document."""
    return {"schema": "stammgast.members.v1", "members": list(members)}


def box(folder: Path, *purposes: str) -> Ledger:
    """Return a box that knows the victim and somebody else, with a receipt and decisions each."""
    ledger = Ledger.open(folder / "data", KEY, catalog())
    allowed = purposes or ("recognise", "profile", "staff_greeting", "aggregates")
    ledger.import_members(
        document(member(VICTIM, *allowed, name=NAME), member(OTHER, *allowed, name="Otto")), NOW_S
    )
    for member_id in (VICTIM, OTHER):
        person = person_of(ledger, member_id)
        sale = Sale(f"R-{member_id}", "T", NOW_S, (SaleLine(1, "coat-m"),))
        ledger.append(SaleRecorded(sale, person))
        body = f'"decision of {member_id}"'.encode()
        ledger.append(DecisionMade(f"d-{member_id}", "v", NOW_S, "tablet", body, person))
    ledger.flush()
    return ledger


def person_of(ledger: Ledger, member_id: str) -> str:
    """Return a member's pseudonym; it must be known."""
    person = ledger.consents().person_of_member(member_id)
    assert person is not None
    return person


def consents_of_one(*purposes: Purpose) -> tuple[Consents, str]:
    """Return an index in memory with one person."""
    consents = Consents(HASH)
    person = consents.add(7, HASH.member(VICTIM))
    for purpose in purposes:
        consents.apply(said(person, purpose, True, 10.0))
    return consents, person


def said(
    person: str,
    purpose: Purpose,
    is_given: bool,
    at_s: float,
    received_s: float | None = None,
    version: str = "2026-01",
) -> Statement:
    """Return a statement."""
    received_s = at_s if received_s is None else received_s
    return Statement(person, purpose, is_given, at_s, received_s, version)
