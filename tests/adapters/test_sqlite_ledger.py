"""The ledger on a real disk: imports, grants, goods in any order, durability, restarts."""

import csv
import gzip
import itertools
import json
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from edge.adapters.logs import start_logging
from edge.adapters.sqlite.keys import read_or_make_box_key
from edge.adapters.sqlite.ledger import Ledger
from edge.adapters.sqlite.recording import expiry_s
from edge.adapters.sqlite.schema import LEDGER_STEPS, migrate, open_database
from edge.adapters.sqlite.writer import CAPACITY, RESERVE
from edge.core.catalog import Catalog, ClassKind, Item, ItemClass, Text, Variant
from edge.core.consent import GrantError, Outcome, Purpose, Statement
from edge.core.errors import ConfigError, TrustError, UnavailableError
from edge.core.events import EventKey
from edge.core.person import Profile
from edge.core.records import (
    CapCounted,
    CardReacted,
    CardShown,
    ConsentChanged,
    DecisionMade,
    EventSeen,
    GiftCorrected,
    Personal,
    ReturnRecorded,
    SaleRecorded,
    Vetoed,
    VisitEnded,
    VisitStarted,
    VoidRecorded,
    ZoneEntered,
)
from edge.core.sales import Return, ReturnLine, Sale, SaleLine, Void
from tests.conftest import wait_until

NOW_S = 1_790_000_000.0
KEY = bytes(range(32))
BEACON = "426c7565-4368-6172-6d42-6561636f6e73-3838-4949"


def catalog() -> Catalog:
    def item(item_id: str, *skus: str) -> Item:
        variants = tuple(Variant(sku, f"4006381{at:06d}") for at, sku in enumerate(skus))
        text = Text(item_id, item_id)
        return Item(item_id, text, "B", "D", "C", "coat", 9900, "z", "EG 1", variants)

    classes = {"coat": ItemClass("coat", Text("Mantel", "Coat"), ClassKind.DURABLE)}
    return Catalog("1", "EUR", (item("coat", "coat-m", "coat-l"), item("tie", "tie-1")), classes)


def member(number: int, *purposes: str, **more: Any) -> dict[str, Any]:
    return {
        "member_id": f"M{number:06d}",
        "name": f"Person Nummer {number}",
        "language": "de",
        "beacons": [],
        "stated": ["wool"],
        "declared": {"audience": "women"},
        "sizes": {"coat": "M"},
        "consents": [
            {
                "purpose": purpose,
                "given_at": "2026-01-02T10:00:00+01:00",
                "notice_version": "2026-01",
                "method": "app",
            }
            for purpose in purposes
        ],
        **more,
    }


def document(*members: object) -> dict[str, Any]:
    return {"schema": "stammgast.members.v1", "members": list(members)}


def receipts_file(path: Path, rows: list[tuple[object, ...]]) -> Path:
    with gzip.open(path, "wt", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(
            [
                "receipt_id",
                "sold_at",
                "till_id",
                "member_id",
                "line_no",
                "sku",
                "quantity",
                "unit_price_cents",
                "is_gift_wrapped",
            ]
        )
        writer.writerows(rows)
    return path


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path / "data", KEY, catalog())
    yield opened
    opened.close()


def reopened(ledger: Ledger) -> Ledger:
    ledger.close()
    return Ledger.open(ledger.directory, KEY, catalog())


def profile_of(ledger: Ledger, person: str) -> Profile:
    ledger.flush()
    grant = ledger.consents().grant(person, Purpose.PROFILE, NOW_S)
    assert grant is not None
    return ledger.profile(person, grant, NOW_S)


def known(ledger: Ledger, *purposes: str, **more: Any) -> str:
    ledger.import_members(document(member(1, *(purposes or ("profile",)), **more)), NOW_S)
    person = ledger.consents().person_of_member("M000001")
    assert person is not None
    return person


def sale(receipt_id: str = "R1", at_s: float = NOW_S, *lines: SaleLine) -> Sale:
    return Sale(receipt_id, "T1", at_s, lines or (SaleLine(1, "coat-m", None, 1.0, 9900),))


# -- import


def test_members_are_known_by_what_they_allowed(ledger: Ledger) -> None:
    report = ledger.import_members(
        document(
            member(1, "recognise", "profile", "staff_greeting", beacons=[BEACON]),
            member(2, beacons=["aa:bb:cc:dd:ee:ff"]),
        ),
        NOW_S,
    )
    assert (report.members, report.added, report.consents) == (2, 2, 3)
    consents = ledger.consents()
    person = consents.person_of_member("M000001")
    assert person is not None
    canonical = "ibeacon:426c7565436861726d426561636f6e73-3838-4949"
    assert consents.person_of_beacon(canonical) == person
    assert consents.person_of_beacon("mac:aabbccddeeff") is None
    profile = profile_of(ledger, person)
    assert profile.stated == {"wool"}
    assert profile.sizes == {"coat": "M"}
    greeting = consents.grant(person, Purpose.STAFF_GREETING, NOW_S)
    assert greeting is not None
    assert ledger.name(person, greeting, NOW_S) == "Person Nummer 1"


def test_importing_again_changes_nothing(ledger: Ledger) -> None:
    both = document(member(1, "profile", beacons=[BEACON]), member(2, "profile"))
    ledger.import_members(both, NOW_S)
    again = ledger.import_members(both, NOW_S + 60)
    assert (again.members, again.added, again.changed, again.consents) == (2, 0, 0, 0)
    assert ledger.writing.db.execute("SELECT count(*) FROM consent_log").fetchone() == (2,)


def test_the_same_file_is_not_even_read_again(ledger: Ledger, tmp_path: Path) -> None:
    """Receipts are, once somebody new allows them to be used."""
    ledger.import_members(document(member(1, "profile"), member(2)), NOW_S, "digest")
    assert ledger.import_members(document(), NOW_S, "digest").is_repeated
    rows: list[tuple[object, ...]] = [
        (m, "2026-03-01T10:00:00Z", "1", m, 1, "tie-1", 1, 1, 0) for m in ("M000001", "M000002")
    ]
    path = receipts_file(tmp_path / "r.csv.gz", rows)
    assert ledger.import_receipts(path, "digest").taken == 1
    assert ledger.import_receipts(path, "digest").is_repeated
    ledger.import_members(document(member(2, "profile")), NOW_S, "other digest")
    assert ledger.import_receipts(path, "digest").taken == 1


def test_an_older_consent_in_a_file_never_undoes_a_withdrawal(ledger: Ledger) -> None:
    person = known(ledger)
    said = Statement(person, Purpose.PROFILE, False, NOW_S, NOW_S, "2026-01")
    ledger.append(ConsentChanged(said))
    ledger.consents().apply(said)
    ledger.flush()
    ledger.import_members(document(member(1, "profile")), NOW_S + 60)
    assert not ledger.consents().has(person, Purpose.PROFILE)
    again = reopened(ledger)
    assert not again.consents().has(person, Purpose.PROFILE)
    again.close()


def test_members_that_come_while_the_box_runs_are_known_at_once(ledger: Ledger) -> None:
    consents = ledger.consents()
    ledger.import_members(document(member(1, "recognise", beacons=[BEACON])), NOW_S)
    canonical = "ibeacon:426c7565436861726d426561636f6e73-3838-4949"
    first = consents.person_of_beacon(canonical)
    assert first is not None
    ledger.import_members(document(member(2, "recognise", beacons=[BEACON])), NOW_S)
    assert consents.person_of_beacon(canonical) is None, "two claim it"
    ledger.import_members(document(member(1, "recognise", beacons=[])), NOW_S)
    assert consents.person_of_beacon(canonical) is None


TAG = "eidkey:" + "a5" * 16 + "-10-1700000000"
PHONE = "irk:" + "5a" * 16


def rotating_of(ledger: Ledger, person: str) -> tuple[str, ...]:
    grant = ledger.consents().grant(person, Purpose.RECOGNISE, NOW_S)
    assert grant is not None
    return ledger.rotating_ids(person, grant, NOW_S)


def test_only_persons_with_rotating_beacons_are_opened_at_a_start(ledger: Ledger) -> None:
    """Which rows to open tells a bit beside the keyed hash; what they hold, a grant alone."""
    told: list[str] = []
    ledger.on_rotating(lambda person, now_s: told.append(person))
    ledger.import_members(
        document(
            member(1, "recognise", beacons=[BEACON, TAG, PHONE]),
            member(2, "recognise", beacons=[BEACON]),
            member(3, beacons=[PHONE.upper().replace("IRK", "irk")]),
        ),
        NOW_S,
    )
    first, _, third = (ledger.consents().person_of_member(f"M00000{n}") or "" for n in (1, 2, 3))
    assert sorted(ledger.rotating_persons()) == sorted(told) == sorted([first, third])
    assert set(rotating_of(ledger, first)) == {TAG, PHONE}
    assert ledger.consents().grant(third, Purpose.RECOGNISE, NOW_S) is None
    told.clear()
    ledger.import_members(document(member(1, "recognise", beacons=[BEACON])), NOW_S)
    assert told == [first], "what was given back is told too"
    assert ledger.rotating_persons() == [third]


def test_of_files_of_before_every_beacon_may_rotate_until_the_next_import(ledger: Ledger) -> None:
    """Only an opened row could tell; the same file again tells it without opening."""
    members = document(member(1, "recognise", beacons=[TAG]), member(2, beacons=[BEACON]))
    ledger.import_members(members, NOW_S)
    ledger.writing.db.execute("UPDATE beacons SET rotates = 1")
    assert len(ledger.rotating_persons()) == 2
    ledger.import_members(members, NOW_S + 1)
    assert ledger.rotating_persons() == [ledger.consents().person_of_member("M000001")]


def test_merging_and_parting_is_told_to_whoever_follows_rotating_ids(ledger: Ledger) -> None:
    """A consent of one identity may let the other be recognised, once it is handed over again."""
    both = document(member(1, "recognise"), member(2, beacons=[PHONE]))
    ledger.import_members(both, NOW_S, digest="d")
    consents = ledger.consents()
    kept, absorbed = (consents.person_of_member(f"M00000{n}") or "" for n in (1, 2))
    told: list[tuple[str, bool]] = []
    ledger.on_rotating(
        lambda person, now_s: told.append((person, consents.has(absorbed, Purpose.RECOGNISE)))
    )
    ledger.merge(kept, absorbed, NOW_S)
    assert rotating_of(ledger, absorbed) == (), "nobody had allowed to store it"
    ledger.flush()
    ledger.import_members(both, NOW_S, digest="d")
    assert rotating_of(ledger, absorbed) == (PHONE,)
    ledger.split(absorbed, NOW_S)
    assert told == [(kept, True), (absorbed, True), (kept, False), (absorbed, False)]


def test_what_must_not_be_stored_is_dropped_and_counted(ledger: Ledger) -> None:
    """No value of a denied field is anywhere on disk, in any form."""
    forbidden = {
        "birth_year": "1971-geheim",
        "placeOfBirth": "Castrop-geheim",
        "relatives": ["Mutter-geheim"],
        "blood_pressure": "120-geheim",
        "idfa": "6D92078A-geheim",
        "something_else": "etwas-geheim",
    }
    report = ledger.import_members(
        document(
            member(
                1,
                *(purpose.value for purpose in Purpose),
                **forbidden,
                name="<script>geheim</script>",
                birthday="1971-02-28",
                beacons=["gaid:38400000-geheim", BEACON],
                stated=["wool", "health:diabetes-geheim"],
                declared={"audience": "women", "religion": "geheim", "shoe": "geheim"},
            )
        ),
        NOW_S,
    )
    assert dict(report.dropped) == {
        "birth_year": 2,
        "place_of_birth": 1,
        "relatives": 1,
        "health": 2,
        "ad_network_id": 2,
        "unknown_field": 2,
        "unfit_name": 1,
        "belief_or_origin": 1,
    }
    ledger.flush()
    opened = ledger.reading().persons.open_number(1)
    assert opened is not None
    assert "geheim" not in repr(opened.body())
    assert not any(b"geheim" in path.read_bytes() for path in ledger.directory.iterdir())


def test_bad_members_are_counted_and_the_rest_is_taken(ledger: Ledger) -> None:
    odd = member(3, "profile")
    odd["consents"] += [
        {"purpose": "world_domination", "given_at": "2026-01-01T00:00:00Z", "notice_version": "1"},
        {"purpose": "offers", "given_at": "yesterday", "notice_version": "2026-01"},
        "offers",
    ]
    report = ledger.import_members(document("x", {}, {"member_id": 7}, odd), NOW_S)
    assert report.members == 1
    assert dict(report.rejected) == {
        "not_an_object": 1,
        "member_without_id": 2,
        "bad_consent": 3,
    }
    with pytest.raises(ConfigError, match=r"stammgast\.members\.v1"):
        ledger.import_members({"schema": "other"}, NOW_S)


def test_receipts_of_those_who_allow_it_become_a_history(ledger: Ledger, tmp_path: Path) -> None:
    ledger.import_members(document(member(1, "profile"), member(2)), NOW_S)
    path = receipts_file(
        tmp_path / "receipts.csv.gz",
        [
            ("A", "2026-03-01T10:00:00+01:00", "1", "M000001", 1, "coat-m", 1, 9900, 0),
            ("A", "2026-03-01T10:00:00+01:00", "1", "M000001", 2, "tie-1", 2, 2900, 1),
            ("B", "2026-02-01T10:00:00+01:00", "1", "M000001", 1, "gone-sku", 1, 100, "false"),
            ("C", "2026-02-01T10:00:00+01:00", "1", "M000002", 1, "tie-1", 1, 2900, 0),
            ("D", "2026-02-01T10:00:00+01:00", "1", "", 1, "tie-1", 1, 2900, 0),
            ("E", "2026-02-01T10:00:00+01:00", "1", "M000009", 1, "tie-1", 1, 2900, 0),
            ("F", "never", "1", "M000001", 1, "tie-1", 1, 2900, 0),
            ("F", "2026-02-01T10:00:00+01:00", "1", "M000001", 2**31, "tie-1", 1, 2900, 0),
            ("F", "2026-02-01T10:00:00+01:00", "1", "M000001", 1, "tie-1", 1, 2**31, 0),
        ],
    )
    report = ledger.import_receipts(path)
    assert (report.lines, report.taken) == (9, 3)
    assert (report.without_consent, report.anonymous, report.unknown_member) == (1, 1, 1)
    assert dict(report.rejected) == {"unreadable_line": 3}
    person = ledger.consents().person_of_member("M000001")
    assert person is not None
    bought = list(profile_of(ledger, person).purchases)
    assert [(p.item, p.sku, p.quantity, p.is_gift) for p in bought] == [
        (-1, "gone-sku", 1.0, False),
        (0, "coat-m", 1.0, False),
        (1, "tie-1", 2.0, True),
    ]
    assert ledger.import_receipts(path).taken == 0
    assert len(profile_of(ledger, person).purchases) == 3


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("another table", b"a,b\n1,2\n", "columns"),
        ("cut off", gzip.compress(b"receipt_id," * 1000, mtime=0)[:40], "broken"),
    ],
)
def test_a_broken_file_of_receipts_is_named(
    ledger: Ledger, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / ("r.csv.gz" if content[:2] == b"\x1f\x8b" else "r.csv")
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        ledger.import_receipts(path)


# -- reading needs a grant


def test_nothing_is_read_with_the_wrong_grant(ledger: Ledger) -> None:
    person = known(ledger, "profile", "recognise")
    grant = ledger.consents().grant(person, Purpose.RECOGNISE, NOW_S)
    assert grant is not None
    with pytest.raises(GrantError):
        ledger.profile(person, grant, NOW_S)  # type: ignore[arg-type]
    with pytest.raises(GrantError):
        ledger.language("0000000000000001", grant, NOW_S)
    assert ledger.language(person, grant, NOW_S) == "de"


def test_a_grant_in_hand_ends_with_the_withdrawal(ledger: Ledger) -> None:
    person = known(ledger)
    grant = ledger.consents().grant(person, Purpose.PROFILE, NOW_S)
    assert grant is not None
    withdrawn = Statement(person, Purpose.PROFILE, False, NOW_S, NOW_S, "2026-01")
    assert ledger.consents().apply(withdrawn) is Outcome.WITHDRAWN
    with pytest.raises(GrantError, match="withdrawn"):
        ledger.profile(person, grant, NOW_S)


# -- goods


def test_sales_voids_and_returns_meet_in_any_order(ledger: Ledger) -> None:
    person = known(ledger)
    three = (
        SaleLine(1, "coat-m", None, 1.0, 9900),
        SaleLine(2, "", "04006381000000", 1.0, 2900),
        SaleLine(3, "coat-l", None, 2.0, 9900, True),
    )
    ledger.append(VoidRecorded(Void("R1", (1,), NOW_S - 5)))
    ledger.append(
        ReturnRecorded(Return("X1", "R1", None, (ReturnLine("coat-l", None, 1.0),), NOW_S + 9))
    )
    ledger.append(SaleRecorded(sale("R1", NOW_S, *three), person))
    ledger.append(SaleRecorded(sale("R1", NOW_S, *three), person))
    profile = profile_of(ledger, person)
    # the gtin of line 2 is the first sku of every item; the catalogue's last one wins: tie-1
    assert [(p.sku, p.quantity) for p in profile.purchases] == [("tie-1", 1.0), ("coat-l", 1.0)]
    assert profile.returned_item.tolist() == [0]


def test_goods_come_back_without_a_receipt(ledger: Ledger) -> None:
    """The newest purchase before the return goes first."""
    person = known(ledger)
    for at, receipt_id in ((NOW_S - 200, "R1"), (NOW_S - 100, "R2"), (NOW_S + 50, "R3")):
        ledger.append(SaleRecorded(sale(receipt_id, at), person))
    back = Return("X1", None, "M000001", (ReturnLine("coat-m", None, 1.0),), NOW_S)
    ledger.append(ReturnRecorded(back, person))
    ledger.append(ReturnRecorded(back, person))
    bought = profile_of(ledger, person).purchases
    assert bought.at_s.tolist() == [NOW_S - 200, NOW_S + 50]


def test_packed_receipts_still_take_voids_and_returns(ledger: Ledger) -> None:
    person = known(ledger)
    lines = (SaleLine(1, "coat-m"), SaleLine(2, "tie-1", None, 3.0))
    ledger.append(SaleRecorded(sale("R1", NOW_S, *lines), person))
    ledger.append(SaleRecorded(sale("R2", NOW_S + 1), person))
    ledger.flush()

    def pack() -> int:
        with ledger.writing.db.atomic():
            return ledger.writing.goods.pack_old(int(NOW_S // 86_400) + 1)

    assert ledger.writer.call(pack) == 2
    before = [(p.sku, p.quantity) for p in profile_of(ledger, person).purchases]
    assert before == [("coat-m", 1.0), ("tie-1", 3.0), ("coat-m", 1.0)]
    ledger.append(VoidRecorded(Void("R1", (1,), NOW_S)))
    ledger.append(SaleRecorded(sale("R2", NOW_S + 1), person))
    back = Return("X1", "R1", None, (ReturnLine("tie-1", None, 1.0),), NOW_S + 5)
    ledger.append(ReturnRecorded(back, None))
    after = [(p.sku, p.quantity) for p in profile_of(ledger, person).purchases]
    assert after == [("tie-1", 2.0), ("coat-m", 1.0)]
    ledger.append(VoidRecorded(Void("R2", None, NOW_S)))
    assert [p.sku for p in profile_of(ledger, person).purchases] == ["tie-1"]


def test_a_receipt_of_nobody_is_netted_too(ledger: Ledger) -> None:
    ledger.append(SaleRecorded(sale("R1"), None))
    ledger.append(VoidRecorded(Void("R1", None, NOW_S)))
    ledger.flush()
    assert ledger.writing.db.execute(
        "SELECT count(*), sum(person_no IS NULL) FROM receipts"
    ).fetchone() == (1, 1)


def test_a_receipt_of_nobody_gets_its_person_when_it_is_told_again(ledger: Ledger) -> None:
    """Its void and what came back stay with it; nothing of it lies in the clear any more."""
    person = known(ledger)
    three = (SaleLine(1, "coat-m"), SaleLine(2, "tie-1", None, 2.0), SaleLine(3, "coat-l"))
    ledger.append(SaleRecorded(sale("R1", NOW_S, *three), None))
    ledger.append(VoidRecorded(Void("R1", (1,), NOW_S)))
    back = Return("X1", "R1", None, (ReturnLine("tie-1", None, 1.0),), NOW_S + 5)
    ledger.append(ReturnRecorded(back, None))
    assert not profile_of(ledger, person).purchases
    for told in (person, None):
        ledger.append(SaleRecorded(sale("R1", NOW_S, *three), told))
        bought = profile_of(ledger, person).purchases
        assert [(p.sku, p.quantity) for p in bought] == [("tie-1", 1.0), ("coat-l", 1.0)]
    rows = ledger.writing.db.execute("SELECT person_no IS NULL, body FROM receipts").fetchall()
    assert [is_of_nobody for is_of_nobody, _ in rows] == [0]
    assert b"coat-l" not in rows[0][1]


def test_a_receipt_of_nobody_gets_its_person_from_the_chains_file(
    ledger: Ledger, tmp_path: Path
) -> None:
    """As the till told it, with what came back; without a consent to a profile it is nobody's."""
    ledger.import_members(document(member(1, "profile"), member(2, "recognise")), NOW_S)
    rows: list[tuple[object, ...]] = []
    for number, receipt_id in ((1, "R1"), (2, "R2")):
        two = (SaleLine(1, "coat-m"), SaleLine(2, "tie-1", None, 2.0))
        ledger.append(SaleRecorded(sale(receipt_id, NOW_S, *two), None))
        back = Return(f"X{number}", receipt_id, None, (ReturnLine("tie-1", None, 1.0),), NOW_S + 5)
        ledger.append(ReturnRecorded(back, None))
        rows += [
            (receipt_id, "2026-09-21T10:00:00+02:00", "1", f"M00000{number}", at, sku, 2, 9900, 0)
            for at, sku in ((1, "coat-m"), (2, "tie-1"))
        ]
    ledger.flush()
    ledger.import_receipts(receipts_file(tmp_path / "receipts.csv.gz", rows))
    person = ledger.consents().person_of_member("M000001")
    assert person is not None
    bought = profile_of(ledger, person).purchases
    assert [(p.sku, p.quantity) for p in bought] == [("coat-m", 1.0), ("tie-1", 1.0)]
    count = "SELECT count(*), sum(person_no IS NULL) FROM receipts"
    assert ledger.writing.db.execute(count).fetchone() == (2, 1)


def test_a_receipt_stays_with_whom_it_was_told_of_first(ledger: Ledger) -> None:
    """A till that names somebody else for a known receipt takes nothing from the first."""
    ledger.import_members(document(member(1, "profile"), member(2, "profile")), NOW_S)
    first, second = (ledger.consents().person_of_member(f"M00000{n}") for n in (1, 2))
    assert first is not None
    assert second is not None
    for told in (first, second):
        ledger.append(SaleRecorded(sale(), told))
    assert len(profile_of(ledger, first).purchases) == 1
    assert not profile_of(ledger, second).purchases


def test_a_gift_can_be_corrected(ledger: Ledger) -> None:
    person = known(ledger)
    ledger.append(
        SaleRecorded(sale("R1", NOW_S, SaleLine(1, "tie-1"), SaleLine(2, "coat-m")), person)
    )
    receipt = next(iter(profile_of(ledger, person).purchases)).receipt_id
    ledger.append(GiftCorrected(person, receipt, True, NOW_S, "tie-1"))
    assert [(p.sku, p.is_gift) for p in profile_of(ledger, person).purchases] == [
        ("tie-1", True),
        ("coat-m", False),
    ]
    ledger.append(GiftCorrected(person, receipt, False, NOW_S))
    assert not any(p.is_gift for p in profile_of(ledger, person).purchases)


def test_who_said_not_a_gift_is_remembered_until_the_next_word(ledger: Ledger) -> None:
    """Item 1 is the tie; whoever buys it for themselves is no riddle any more."""
    person = known(ledger)
    ledger.append(SaleRecorded(sale("R1", NOW_S, SaleLine(1, "tie-1")), person))
    receipt = next(iter(profile_of(ledger, person).purchases)).receipt_id
    assert profile_of(ledger, person).not_gifts == frozenset()
    ledger.append(GiftCorrected(person, receipt, False, NOW_S, "tie-1"))
    assert profile_of(ledger, person).not_gifts == {1}
    ledger.append(GiftCorrected(person, receipt, True, NOW_S + 1))
    assert profile_of(ledger, person).not_gifts == frozenset()


def test_a_correction_lives_as_long_as_the_receipt(ledger: Ledger) -> None:
    """Ten years, not the 90 days of what cards were shown."""
    said = GiftCorrected("p", "1", True, NOW_S)
    assert expiry_s(said) == NOW_S + 3_653 * 86_400


def test_a_wave_of_the_hand_is_kept(ledger: Ledger) -> None:
    """Every "not now" of an item; other taps are none, nor is one of before items were noted."""
    person = known(ledger)
    for at_s, action, item_id in (
        (NOW_S, "not_now", "tie"), (NOW_S + 5, "not_now", "tie"), (NOW_S, "reserve", "coat"),
        (NOW_S, "not_now", ""),
    ):  # fmt: skip
        ledger.append(CardReacted("c", "d", "v", action, at_s, person, "r", item_id))
    assert profile_of(ledger, person).dismissed == {1: NOW_S + 5}
    assert profile_of(ledger, person).until(NOW_S + 1).dismissed == {1: NOW_S}


def test_flags_and_households_are_taken_and_hashed(ledger: Ledger) -> None:
    """Two of a house have one name in memory, which is not the chain's; odd values are dropped."""
    all_purposes = tuple(purpose.value for purpose in Purpose)
    report = ledger.import_members(
        document(
            member(1, *all_purposes, is_adult=True, has_delivery=True, household="H-17"),
            member(2, *all_purposes, household="H-17"),
            member(3, *all_purposes, is_adult="yes", has_delivery=1, household="<b>"),
        ),
        NOW_S,
    )
    assert dict(report.dropped) == {"unfit_flag": 2, "unfit_label": 1}
    found = [
        profile_of(ledger, ledger.consents().person_of_member(f"M00000{n}") or "")
        for n in (1, 2, 3)
    ]
    assert [p.is_adult for p in found] == [True, None, None]
    assert [p.has_delivery for p in found] == [True, False, False]
    assert found[0].household == found[1].household is not None
    assert found[2].household is None
    assert not any(b"H-17" in path.read_bytes() for path in ledger.directory.iterdir())


def test_history_for_the_ranker_leaves_gifts_and_unknown_goods_out(ledger: Ledger) -> None:
    person = known(ledger)
    lines = (SaleLine(1, "coat-m"), SaleLine(2, "tie-1", is_gift_wrapped=True), SaleLine(3, "?"))
    ledger.append(SaleRecorded(sale("R1", NOW_S, *lines), person))
    ledger.append(SaleRecorded(sale("R2", NOW_S + 86_400, SaleLine(1, "tie-1")), person))
    history = profile_of(ledger, person).purchases.history()
    assert history.item.tolist() == [0, 1]
    assert history.basket.tolist() == [0, 1]
    assert history.day is not None
    assert history.day[1] - history.day[0] == pytest.approx(1.0, abs=0.01)


def test_an_item_is_once_in_a_basket_of_the_history(ledger: Ledger) -> None:
    """Two sizes of one coat on a receipt are one coat to the ranker; the tie stands once too."""
    person = known(ledger)
    lines = (
        SaleLine(1, "tie-1"),
        SaleLine(2, "coat-m"),
        SaleLine(3, "coat-l"),
        SaleLine(4, "tie-1"),
    )
    ledger.append(SaleRecorded(sale("R1", NOW_S, *lines), person))
    bought = profile_of(ledger, person).purchases
    assert len(bought) == 4
    assert bought.history().item.tolist() == [0, 1]
    assert bought.history().basket.tolist() == [0, 0]


# -- durable, idempotent, restored


def test_what_was_acknowledged_is_on_disk(ledger: Ledger) -> None:
    """The callback comes after the commit: another connection sees the row by then."""
    path, seen = ledger.directory / "ledger.db", []

    def look() -> None:
        other = sqlite3.connect(path)
        seen.append(other.execute("SELECT count(*) FROM events").fetchone()[0])
        other.close()

    for at in range(20):
        ledger.append(EventSeen(EventKey("/tills/1", str(at)), NOW_S), on_durable=look)
    ledger.flush()
    assert len(seen) == 20
    assert all(count >= at + 1 for at, count in enumerate(seen))


def test_a_message_is_taken_once_also_after_a_restart(ledger: Ledger) -> None:
    assert not ledger.has_event("/tills/1", "a")
    ledger.append((EventSeen(EventKey("/tills/1", "a"), NOW_S), SaleRecorded(sale())))
    assert ledger.has_event("/tills/1", "a"), "known before it is on disk"
    again = reopened(ledger)
    assert again.has_event("/tills/1", "a")
    assert not again.has_event("/tills/2", "a")
    again.close()


def test_records_of_one_unit_are_written_together_or_not_at_all(
    ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that no disk will ever take is left out, said so, and holds up nobody."""
    start_logging(sys.stderr)
    told = []
    broken = DecisionMade("d", "v", NOW_S, "tablet", None)  # type: ignore[arg-type]
    ledger.append(
        (EventSeen(EventKey("s", "1"), NOW_S), broken), on_durable=lambda: told.append("broken")
    )
    ledger.append(EventSeen(EventKey("s", "2"), NOW_S), on_durable=lambda: told.append("sound"))
    ledger.flush()
    assert told == ["broken", "sound"], "unacknowledged, it would hold its place at the broker"
    assert not ledger.has_event("s", "1"), "sent again, it is tried again"
    assert ledger.has_event("s", "2")
    assert ledger.writer.counts["failed"] == 1
    assert ledger.writing.db.execute("SELECT count(*) FROM events").fetchone() == (1,)
    (line,) = map(json.loads, capsys.readouterr().err.splitlines())
    assert line["event"] == "a unit cannot be written"
    assert line["detail"] == "DecisionMade, EventSeen: IntegrityError"


def test_caps_and_vetoes_survive_a_restart(ledger: Ledger) -> None:
    person = known(ledger)
    ledger.append(CapCounted(b"one", NOW_S, NOW_S + 100, person))
    ledger.append(CapCounted(b"two", NOW_S, NOW_S + 100))
    ledger.append(CapCounted(b"old", NOW_S - 50, NOW_S - 1, person))
    ledger.append(Vetoed(person, "tie", NOW_S + 500, NOW_S))
    again = reopened(ledger)
    caps = again.restore_state().caps
    counted = [(b"one", person), (b"two", None), (b"old", person)]  # the night folds the old one
    assert [(cap.body, cap.person) for cap in caps] == counted
    assert profile_of(again, person).vetoes == {1: NOW_S + 500}
    again.close()


def test_no_record_hides_what_it_is() -> None:
    """A happening is read back with its kind beside its fields: none may be called the same."""
    for each in get_args(Personal):
        assert not {"kind", "happening_no"} & set(each.__slots__), each


def test_a_decision_is_looked_up_with_the_right_grant_only(ledger: Ledger) -> None:
    person = known(ledger)
    ledger.append(DecisionMade("d1", "v1", NOW_S, "tablet", b"of nobody"))
    ledger.append(DecisionMade("d2", "v2", NOW_S, "tablet", b"of somebody", person))
    ledger.flush()
    grant = ledger.consents().grant(person, Purpose.PROFILE, NOW_S)
    assert grant is not None
    assert ledger.decision("d1", None, NOW_S) == b"of nobody"
    assert ledger.decision("d2", None, NOW_S) is None
    assert ledger.decision("d2", grant, NOW_S) == b"of somebody"
    assert ledger.decision("d3", grant, NOW_S) is None


def test_telemetry_keeps_transitions_and_no_person(ledger: Ledger) -> None:
    ledger.append(VisitStarted("v1", NOW_S, True))
    ledger.append(ZoneEntered("v1", "shoes", NOW_S + 5))
    ledger.append(VisitEnded("v1", NOW_S + 60, "timeout"))
    ledger.flush()
    assert ledger.telemetry.execute("SELECT * FROM visits").fetchall() == [
        ("v1", NOW_S, NOW_S + 60, 1, "timeout")
    ]
    assert ledger.telemetry.execute("SELECT zone FROM zone_changes").fetchall() == [("shoes",)]


def test_nobodys_records_are_dropped(ledger: Ledger) -> None:
    """A pseudonym that was erased meanwhile gets no new rows; its sale stays nobody's."""
    ghost = "00000000000000ff"
    ledger.append(CardShown("c", "d", "v", "tie", NOW_S, ghost))
    ledger.append(SaleRecorded(sale("R9"), ghost))
    ledger.append(ConsentChanged(Statement(ghost, Purpose.PROFILE, True, NOW_S, NOW_S, "2026-01")))
    ledger.flush()
    db = ledger.writing.db
    assert db.execute("SELECT count(*) FROM happenings").fetchone() == (0,)
    assert db.execute("SELECT person_no FROM receipts").fetchall() == [(None,)]
    assert db.execute("SELECT count(*) FROM consent_log").fetchone() == (0,)


def _held_up(ledger: Ledger) -> Callable[[], None]:
    """Hold the writer up; what is returned lets it go on."""
    held, go = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        go.wait(30)

    def go_on() -> None:
        go.set()
        holding.join()

    holding = threading.Thread(target=ledger.writer.call, args=(hold,))
    holding.start()
    held.wait(30)
    return go_on


def test_a_full_queue_refuses_what_may_not_be_lost(ledger: Ledger) -> None:
    """While the writer is held up: telemetry is dropped and counted, the rest is refused."""
    go_on = _held_up(ledger)
    numbers = itertools.count()

    def overfill() -> None:
        for number in numbers:
            ledger.append(EventSeen(EventKey("s", str(number)), NOW_S), lambda: None)

    with pytest.raises(UnavailableError, match="behind"):
        overfill()
    at = next(numbers) - 1
    assert not ledger.has_event("s", str(at)), "refused, so it may come again"
    assert ledger.has_event("s", str(at - 1))
    ledger.append(VisitStarted("v", NOW_S))
    ledger.append(DecisionMade("d", "v", NOW_S, "tablet", b"{}"))
    assert ledger.writer.counts["telemetry_dropped"] == 1
    assert ledger.writer.counts["path_dropped"] == 1
    go_on()
    ledger.flush()
    assert ledger.writing.db.execute("SELECT count(*) FROM events").fetchone() == (at,)


def test_room_that_was_promised_is_there_whatever_the_path_says_meanwhile(ledger: Ledger) -> None:
    """One place before the bound a message is let in; what it brings about fills the reserve."""
    go_on = _held_up(ledger)
    told: list[int] = []
    for number in range(CAPACITY - 1):
        ledger.append(EventSeen(EventKey("s", str(number)), NOW_S), lambda: None)
    ledger.writer.require_room()
    for number in range(RESERVE + 10):
        ledger.append(DecisionMade(f"d{number}", "v", NOW_S, "tablet", b"{}"))
    assert ledger.writer.counts["path_dropped"] == 9
    ledger.append(EventSeen(EventKey("s", "promised"), NOW_S), lambda: told.append(1))
    with pytest.raises(UnavailableError, match="behind"):
        ledger.writer.require_room()
    go_on()
    ledger.flush()
    assert told == [1]
    ledger.writer.require_room()


def test_a_full_disk_holds_back_the_acknowledgement_and_nothing_is_lost(ledger: Ledger) -> None:
    """A limit on pages stands for the end of the disk; when room is made, the writer goes on."""
    db = ledger.writing.db
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    ledger.writer.call(lambda: db.execute(f"PRAGMA max_page_count = {pages}"))
    told: list[int] = []
    big = DecisionMade("d", "v", NOW_S, "tablet", bytes(100_000))
    ledger.append(big, lambda: told.append(1))
    wait_until(lambda: not ledger.writer.is_well, "the writer to notice")
    assert told == []
    db.execute(f"PRAGMA max_page_count = {pages + 1_000}")
    wait_until(lambda: told == [1], "the writer to go on")
    assert ledger.writer.is_well
    assert ledger.decision("d", None, NOW_S) == bytes(100_000)


def test_an_empty_unit_waits_for_what_came_before(ledger: Ledger) -> None:
    """How a repeated message is acknowledged: not before the first one is on disk."""
    told: list[str] = []
    ledger.append(EventSeen(EventKey("s", "1"), NOW_S), lambda: told.append("first"))
    ledger.append((), lambda: told.append("again"))
    ledger.flush()
    assert told == ["first", "again"]


def test_the_box_knows_since_when_it_reads(ledger: Ledger) -> None:
    assert ledger.since_s(NOW_S) == NOW_S
    assert ledger.since_s(NOW_S + 5) == NOW_S


# -- keys and versions


def test_nothing_personal_is_readable_on_disk(ledger: Ledger) -> None:
    person = known(ledger, "profile", "recognise", beacons=[BEACON])
    ledger.append(SaleRecorded(sale("BON-4711"), person))
    ledger.append(DecisionMade("d2", "v2", NOW_S, "tablet", b"a personal decision", person))
    ledger.flush()
    raw = b"".join(path.read_bytes() for path in ledger.directory.iterdir())
    for value in (b"Nummer", b"M000001", b"426c7565", b"BON-4711", b"personal decision"):
        assert value not in raw


def test_another_box_cannot_open_the_files(ledger: Ledger) -> None:
    ledger.close()
    with pytest.raises(TrustError):
        Ledger.open(ledger.directory, bytes(32), catalog())


def test_the_box_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "box.key"
    key = read_or_make_box_key(path)
    assert len(key) == 32
    assert read_or_make_box_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(b"short")
    with pytest.raises(ConfigError, match="32 bytes"):
        read_or_make_box_key(path)


@pytest.mark.parametrize("version", range(len(LEDGER_STEPS)))
def test_a_file_of_every_version_is_brought_up_to_date(tmp_path: Path, version: int) -> None:
    path = tmp_path / "ledger.db"
    old = sqlite3.connect(path, isolation_level=None)
    migrate(Database(old), LEDGER_STEPS, upto=version)
    old.close()
    db = open_database(path, LEDGER_STEPS, is_synced=True)
    assert db.execute("PRAGMA user_version").fetchone() == (len(LEDGER_STEPS),)
    db.conn.close()


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    newer = sqlite3.connect(path)
    newer.execute(f"PRAGMA user_version = {len(LEDGER_STEPS) + 1}")
    newer.close()
    with pytest.raises(UnavailableError, match="update the box"):
        open_database(path, LEDGER_STEPS, is_synced=True)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"not a database at all" * 1000)
    with pytest.raises(UnavailableError, match="cannot be opened"):
        open_database(path, LEDGER_STEPS, is_synced=True)


@settings(max_examples=10)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=8)
)
def test_memory_and_disk_agree_on_who_is_one(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[bool, int, int]]
) -> None:
    """Any merges and splits: a restart reads what the box had, and all apart is as before."""
    purposes = ("recognise", "profile", "offers", "location")
    box = Ledger.open(tmp_path_factory.mktemp("merging"), KEY, catalog())
    box.import_members(document(*(member(n, purposes[n - 1]) for n in range(1, 5))), NOW_S)
    consents = box.consents()
    who = [consents.person_of_member(f"M00000{n}") or "" for n in range(1, 5)]
    alone = [consents.purposes(person) for person in who]
    for at, (is_merge, one, other) in enumerate(steps):
        if is_merge:
            box.merge(who[one - 1], who[other - 1], NOW_S + at)
        else:
            box.split(who[one - 1], NOW_S + at)
    box.flush()
    again = Ledger.open(box.directory, KEY, catalog())
    for person in who:
        assert again.consents().purposes(person) == consents.purposes(person)
        assert set(again.consents().merged(person)) == set(consents.merged(person))
        assert set(box.reading().identities(consents.kept(person))) == set(consents.merged(person))
    again.close()
    for person in who:
        box.split(person, NOW_S + 99)
    assert [consents.purposes(person) for person in who] == alone
    assert box.verify_consents()[1] == []
    box.close()


def test_parting_the_second_of_two_merges_leaves_the_first(ledger: Ledger) -> None:
    """C was merged into B, then B into A: parting B takes C along."""
    ledger.import_members(document(member(1), member(2), member(3)), NOW_S)
    consents = ledger.consents()
    a, b, c = (consents.person_of_member(f"M00000{n}") or "" for n in (1, 2, 3))
    ledger.merge(b, c, NOW_S)
    ledger.merge(a, b, NOW_S)
    assert set(consents.merged(a)) == {a, b, c}
    ledger.split(b, NOW_S)
    assert consents.merged(a) == (a,)
    assert set(consents.merged(b)) == {b, c}
