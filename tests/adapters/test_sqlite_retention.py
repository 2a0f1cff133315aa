"""What the daily run forgets, and the report of fields nobody uses."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.adapters.sqlite.erasure import erase
from edge.adapters.sqlite.journal import Journal
from edge.adapters.sqlite.ledger import Ledger
from edge.adapters.sqlite.retention import fields_used, forget_old
from edge.core import register
from edge.core.cap_rules import Impression
from edge.core.catalog import Catalog, Item, Text, Variant
from edge.core.consent import Purpose, Statement
from edge.core.events import EventKey
from edge.core.person import DAY_S
from edge.core.records import (
    CardShown,
    ConsentChanged,
    DecisionMade,
    EventSeen,
    SaleRecorded,
    Vetoed,
    VisitStarted,
    ZoneEntered,
)
from edge.core.sales import Sale, SaleLine

NOW_S = 1_790_000_000.0


def catalog() -> Catalog:
    variants = (Variant("coat-m", "4006381000017"),)
    item = Item("coat", Text("Mantel", "Coat"), "B", "D", "C", None, 1, "z", "1", variants)
    return Catalog("1", "EUR", (item,), {})


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path / "data", bytes(range(32)), catalog())
    member: dict[str, Any] = {
        "member_id": "M1",
        "name": "Anna",
        "sizes": {"coat": "M"},
        "birthday": "02-29",
        "consents": [
            {"purpose": p, "given_at": "2026-01-01T00:00:00Z", "notice_version": "2026-01"}
            for p in ("profile", "recognise", "staff_greeting")
        ],
    }
    opened.import_members({"schema": "stammgast.members.v1", "members": [member]}, NOW_S)
    yield opened
    opened.close()


def person_of(ledger: Ledger) -> str:
    person = ledger.consents().person_of_member("M1")
    assert person is not None
    return person


def sold(ledger: Ledger, receipt_id: str, at_s: float, person: str | None) -> None:
    ledger.append(SaleRecorded(Sale(receipt_id, "T", at_s, (SaleLine(1, "coat-m"),)), person))


def count(ledger: Ledger, table: str) -> int:
    ledger.flush()
    db = ledger.telemetry if table in ("visits", "zone_changes") else ledger.reading().db
    return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_every_kind_of_row_goes_at_its_own_age(ledger: Ledger) -> None:
    """One row just young enough and one just too old of each kind."""
    person = person_of(ledger)
    for late, name in ((-1, "young"), (1, "old")):
        ledger.append(EventSeen(EventKey("s", name), NOW_S - (register.EVENT_DAYS + late) * DAY_S))
        at_s = NOW_S - (register.DECISION_DAYS + late) * DAY_S
        ledger.append(DecisionMade(name, "v", at_s, "tablet", b"", person))
        ledger.append(CardShown(name, "d", "v", "coat", at_s, person))
        ledger.append(Vetoed(person, "coat", NOW_S - late, NOW_S - 5))
        sold(ledger, name, NOW_S - (register.ANONYMOUS_RECEIPT_DAYS + late) * DAY_S, None)
        at_s = NOW_S - (register.VISIT_DAYS + late) * DAY_S
        ledger.append(VisitStarted(name, at_s))
        ledger.append(ZoneEntered(name, "z", at_s))
    sold(ledger, "today", NOW_S, None)
    ledger.flush()
    report = forget_old(ledger, NOW_S)
    assert report.refused == ""
    assert report.deleted["happenings"] == 2
    sizes = {
        t: count(ledger, t)
        for t in ("events", "decisions", "happenings", "receipts", "visits", "zone_changes")
    }
    assert sizes == {
        "events": 1,
        "decisions": 1,
        "happenings": 2,
        "receipts": 2,
        "visits": 1,
        "zone_changes": 1,
    }


def shown(
    ledger: Ledger, person: str, days_ago: float, card_id: str, household: str | None = None
) -> None:
    """Write that somebody was shown the coat so many days ago."""
    at_s = NOW_S - days_ago * DAY_S
    seen = Impression(
        card_id, person, "v", at_s, int(at_s // DAY_S), "tablet", "contact", "coat", "coats",
        household=household,
    )  # fmt: skip
    ledger.append(Journal(ledger).impression_record(seen))


def test_old_impressions_are_folded_once(ledger: Ledger) -> None:
    """How often, first and last stay, in one row a person; nights repeat without counting twice."""
    person = person_of(ledger)
    for number, days in enumerate((200, 120, 91, 89, 1)):
        shown(ledger, person, days, f"c{number}")
    ledger.flush()
    journal = Journal(ledger)
    for night in range(3):
        forget_old(ledger, NOW_S + night * 60.0)
        kept = list(journal.impressions(person))
        assert [each.card_id for each in kept] == ["c3", "c4", ""]
        assert (kept[2].units, kept[2].visit_id) == (3, "")
        assert (kept[2].first_s, kept[2].at_s) == (NOW_S - 200 * DAY_S, NOW_S - 91 * DAY_S)
    forget_old(ledger, NOW_S + 2 * DAY_S)
    assert [each.units for each in journal.impressions(person)] == [1, 4]
    assert count(ledger, "happenings") == 2
    erase(ledger, person, NOW_S)
    assert list(journal.impressions(person)) == []
    assert journal.restored(is_endless=True) == []


def test_what_is_folded_loses_the_household_with_the_profile(ledger: Ledger) -> None:
    """The next night after the withdrawal; how often stays, for the consent to be recognised."""
    person, journal = person_of(ledger), Journal(ledger)
    shown(ledger, person, 100, "c1", "h1")
    ledger.flush()
    forget_old(ledger, NOW_S)
    assert [(each.household, each.units) for each in journal.impressions(person)] == [("h1", 1)]
    said = Statement(person, Purpose.PROFILE, False, NOW_S, NOW_S, "2026-01")
    ledger.append(ConsentChanged(said))
    ledger.consents().apply(said)
    ledger.flush()
    forget_old(ledger, NOW_S + DAY_S)
    assert [(each.household, each.units) for each in journal.impressions(person)] == [(None, 1)]


def test_receipts_are_packed_and_very_old_lines_go(ledger: Ledger) -> None:
    person = person_of(ledger)
    for name, days in (("ten years", 3_700), ("last year", 400), ("today", 0)):
        sold(ledger, name, NOW_S - days * DAY_S, person)
    ledger.flush()
    report = forget_old(ledger, NOW_S)
    assert report.packed == 2
    trimmed = report.deleted["history_lines"]
    for at in range(1, 6):  # every history has its turn within 30 days; here 6 of them do
        trimmed += forget_old(ledger, NOW_S + at * DAY_S).deleted["history_lines"]
    for at in range(6, 30):
        sold(ledger, f"day {at}", NOW_S + at * DAY_S, None)
        ledger.flush()
        trimmed += forget_old(ledger, NOW_S + at * DAY_S).deleted["history_lines"]
    assert trimmed == 1
    grant = ledger.consents().grant(person, Purpose.PROFILE, NOW_S)
    assert grant is not None
    bought = ledger.profile(person, grant, NOW_S).purchases
    assert [round((NOW_S - at) / DAY_S) for at in bought.at_s] == [400, 0]


def test_a_withdrawn_profile_takes_its_history_with_it(ledger: Ledger) -> None:
    person = person_of(ledger)
    sold(ledger, "a", NOW_S - 100 * DAY_S, person)
    sold(ledger, "b", NOW_S, person)
    ledger.append(Vetoed(person, "coat", NOW_S + 1e6, NOW_S))
    said = Statement(person, Purpose.PROFILE, False, NOW_S, NOW_S, "2026-01")
    ledger.append(ConsentChanged(said))
    ledger.consents().apply(said)
    ledger.flush()
    forget_old(ledger, NOW_S)
    assert count(ledger, "receipts") == 0
    assert count(ledger, "histories") == 0
    assert count(ledger, "happenings") == 0
    assert count(ledger, "persons") == 1


def test_who_may_no_longer_be_recognised_leaves_no_decisions(ledger: Ledger) -> None:
    person = person_of(ledger)
    ledger.append(CardShown("c", "d", "v", "coat", NOW_S, person))
    ledger.append(DecisionMade("d", "v", NOW_S, "tablet", b"", person))
    ledger.append(DecisionMade("of nobody", "v", NOW_S, "tablet", b""))
    said = Statement(person, Purpose.RECOGNISE, False, NOW_S, NOW_S, "2026-01")
    ledger.append(ConsentChanged(said))
    ledger.consents().apply(said)
    ledger.flush()
    forget_old(ledger, NOW_S)
    assert count(ledger, "happenings") == 0
    assert count(ledger, "decisions") == 1


def test_a_withdrawn_profile_takes_its_decisions_at_once(ledger: Ledger) -> None:
    """They hold what lay in the basket and why: consent given anew does not bring them back."""
    person = person_of(ledger)
    ledger.append(DecisionMade("before", "v", NOW_S, "tablet", b"", person))
    ledger.append(DecisionMade("of nobody", "v", NOW_S, "tablet", b""))
    for is_given, at_s in ((False, NOW_S + 1), (True, NOW_S + 2)):
        said = Statement(person, Purpose.PROFILE, is_given, at_s, at_s, "2026-01")
        ledger.append(ConsentChanged(said))
        ledger.consents().apply(said)
    ledger.append(DecisionMade("after", "v", NOW_S + 3, "tablet", b"", person))
    ledger.flush()
    assert count(ledger, "decisions") == 2
    assert [whose for whose, _ in ledger.decisions(NOW_S, 9, NOW_S + 3)] == [None, person]


def test_a_preview_reads_of_those_who_may_be_recognised(ledger: Ledger) -> None:
    """Of too many decisions, all of one visitor; after a withdrawal, nobody's."""
    person = person_of(ledger)
    for n in range(10):
        whose = person if n % 2 else None
        ledger.append(DecisionMade(f"d{n}", "v", NOW_S + n, "tablet", b"%d" % n, whose))
    ledger.flush()
    whole = [(person if n % 2 else None, b"%d" % n) for n in range(10)]
    assert ledger.decisions(NOW_S, 100, NOW_S) == whole
    assert ledger.decisions(NOW_S, 4, NOW_S) in (whole[::2], whole[1::2])
    assert ledger.decisions(NOW_S + 8, 4, NOW_S) == whole[8:]
    assert ledger.decisions(NOW_S + 10, 4, NOW_S) == []
    said = Statement(person, Purpose.RECOGNISE, False, NOW_S, NOW_S, "2026-01")
    ledger.append(ConsentChanged(said))
    ledger.consents().apply(said)
    ledger.flush()
    assert ledger.decisions(NOW_S, 4, NOW_S) == whole[::2]


def test_of_too_many_decisions_those_of_whole_visits_are_drawn(ledger: Ledger) -> None:
    """Not the second of every visit; from the whole time, the oldest first, always the same."""
    for n in range(200):
        ledger.append(DecisionMade(f"d{n}", f"v{n // 2}", NOW_S + n, "tablet", b"%d" % n))
    ledger.flush()
    found = [int(body) for _, body in ledger.decisions(NOW_S, 100, NOW_S)]
    assert found == sorted(found)
    assert len(found) == 100
    assert {n ^ 1 for n in found} == set(found)
    assert 30 <= sum(n < 100 for n in found) <= 70
    assert found == [int(body) for _, body in ledger.decisions(NOW_S, 100, NOW_S)]


@pytest.mark.parametrize("withdrawn", [Purpose.RECOGNISE, Purpose.PROFILE])
def test_past_decisions_of_a_profile_need_both_consents(ledger: Ledger, withdrawn: Purpose) -> None:
    """A decision is kept to recognise: with a profile alone it is not opened either."""
    person = person_of(ledger)
    ledger.append(DecisionMade("d", "v", NOW_S, "tablet", b"d", person))
    ledger.flush()
    assert ledger.decisions(NOW_S, 9, NOW_S, is_profile=True) == [(person, b"d")]
    said = Statement(person, withdrawn, False, NOW_S, NOW_S, "2026-01")
    ledger.append(ConsentChanged(said))
    ledger.consents().apply(said)
    assert ledger.decisions(NOW_S, 9, NOW_S, is_profile=True) == []


@pytest.mark.parametrize("days", [30, 4_000])
def test_a_clock_that_jumps_ahead_wipes_nothing(ledger: Ledger, days: int) -> None:
    sold(ledger, "a", NOW_S, None)
    ledger.append(EventSeen(EventKey("s", "1"), NOW_S))
    ledger.flush()
    report = forget_old(ledger, NOW_S + days * DAY_S)
    assert f"{days} days ahead" in report.refused
    assert count(ledger, "events") == 1


def test_a_clock_that_jumps_back_wipes_nothing(ledger: Ledger) -> None:
    sold(ledger, "a", NOW_S, None)
    ledger.append(EventSeen(EventKey("s", "1"), NOW_S))
    ledger.flush()
    forget_old(ledger, 1_000.0)
    assert count(ledger, "events") == 1
    assert count(ledger, "receipts") == 1


def test_a_field_that_served_nothing_is_proposed_for_deletion(ledger: Ledger) -> None:
    """The birthday is stored and never used; the sizes served; nothing is known of `declared`."""
    person = person_of(ledger)
    grant = ledger.consents().grant(person, Purpose.PROFILE, NOW_S)
    assert grant is not None
    ledger.profile(person, grant, NOW_S)
    report = {use.field: use for use in fields_used(ledger, NOW_S)}
    assert report["sizes"].stored == 1
    assert report["sizes"].uses == 1
    assert not report["sizes"].is_proposed
    assert report["birthday"].is_proposed
    assert report["name"].is_proposed
    assert not report["declared"].is_proposed
    later = {use.field: use for use in fields_used(ledger, NOW_S + 91 * DAY_S)}
    assert later["sizes"].is_proposed


def test_every_table_with_data_stands_in_the_register(ledger: Ledger) -> None:
    """A new table without a line in the register fails here."""
    plain = {"meta", "secrets", "person_keys", "notices", "skus", "field_uses", "merges"}
    named = {field.table.partition(".")[0] for field in register.FIELDS} | plain
    named |= {"beacons", "zone_changes"}  # keyed hashes; part of a visit
    found = {
        name
        for db in (ledger.reading().db, ledger.telemetry)
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    }
    assert found <= named
    body = ledger.reading().persons.open_number(1)
    assert body is not None
    assert set(body.body().__slots__) <= {field.name for field in register.FIELDS}


def test_fields_go_with_the_consent_they_were_kept_for(ledger: Ledger) -> None:
    """Withdrawn, the field is unreadable at once and gone after the night; the others stay."""
    person = person_of(ledger)
    said = Statement(person, Purpose.PROFILE, False, NOW_S, NOW_S, "2026-01")
    ledger.consents().apply(said)
    ledger.append(ConsentChanged(said))
    sold(ledger, "a", NOW_S, None)
    ledger.flush()
    report = forget_old(ledger, NOW_S + 60)
    assert report.deleted["fields_without_consent"] == 2
    opened = ledger.reading().persons.open_number(1)
    assert opened is not None
    body = opened.body()
    assert (body.name, body.sizes, body.birthday) == ("Anna", {}, None)
    assert "fields_without_consent" not in forget_old(ledger, NOW_S + 120).deleted
