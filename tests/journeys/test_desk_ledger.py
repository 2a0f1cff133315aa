"""What a person does at the station or on the phone, down to the disk."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.adapters.sqlite.erasure import erase
from edge.adapters.sqlite.export import Controller
from edge.adapters.sqlite.journal import encode_decision
from edge.adapters.sqlite.ledger import Ledger
from edge.adapters.sqlite.releases import Releases
from edge.core.aggregates import SCHEMA, UPSTREAM, Release
from edge.core.candidates import Source
from edge.core.consent import Purpose
from edge.core.decision import Decision, Shown
from edge.core.errors import TrustError
from edge.core.proof import CODE_PERIOD_S, Proven, app_code
from edge.core.readings import Input
from edge.core.records import DecisionMade, SaleRecorded
from edge.core.sales import Sale, SaleLine
from edge.core.statements import Outcome
from edge.desk import Desk
from tests.attacks.attack import KEY, NAME, NOW_S, OTHER, VICTIM, box, catalog, person_of


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = box(tmp_path, "recognise", "profile", "staff_greeting")
    yield opened
    opened.close()


@pytest.fixture
def changed() -> list[str]:
    return []


@pytest.fixture
def desk(ledger: Ledger, changed: list[str]) -> Desk:
    named = Controller("Haus GmbH", "datenschutz@haus.example")
    return Desk(ledger, lambda: NOW_S, "Haus", named, frozenset({Input.BEACONS}), changed.append)


def proven(ledger: Ledger, desk: Desk, member_id: str = VICTIM) -> Proven:
    proof = desk.prove(person_of(ledger, member_id), f"R-{member_id}")
    assert proof is not None
    return proof


async def test_a_word_is_answered_when_it_is_on_disk(
    ledger: Ledger, desk: Desk, changed: list[str]
) -> None:
    """Opened anew from the disk alone, the box knows what was just answered."""
    person = person_of(ledger, VICTIM)
    assert await desk.state(person, Purpose.OFFERS, True, "de", "station") is Outcome.GIVEN
    assert await desk.state(person, Purpose.PROFILE, False, "de", "station") is Outcome.WITHDRAWN
    assert changed == [person, person]
    other = Ledger.open(ledger.directory, KEY, catalog())
    left = {Purpose.RECOGNISE, Purpose.OFFERS, Purpose.STAFF_GREETING}
    assert other.consents().purposes(person) == left
    other.close()


async def test_only_profile_takes_a_proof_and_nothing_takes_one_back(desk: Desk) -> None:
    assert [p for p in Purpose if desk.needs_proof(p)] == [Purpose.PROFILE]


async def test_a_code_of_the_app_or_the_last_receipt_proves(ledger: Ledger, desk: Desk) -> None:
    person = person_of(ledger, VICTIM)
    key = ledger.pair_app(proven(ledger, desk), NOW_S)
    by_app = desk.prove(person, app_code(key.secret, int(NOW_S // CODE_PERIOD_S)))
    assert by_app is not None
    assert by_app.method == "app"
    assert desk.prove(person, "00000000") is None
    assert desk.prove(person, f"R-{OTHER}") is None
    by_receipt = desk.prove(person, f" R-{VICTIM} ")
    assert by_receipt is not None
    assert by_receipt.method == "receipt"


async def test_an_export_is_of_the_proven_person_alone(ledger: Ledger, desk: Desk) -> None:
    held = json.loads(await desk.export(proven(ledger, desk)))
    assert NAME in json.dumps(held)
    assert "Otto" not in json.dumps(held)


async def test_receipts_of_use_say_what_was_used_and_what_for(ledger: Ledger, desk: Desk) -> None:
    """A37: two sources in words, the suggested item by name, the newest first."""
    person = person_of(ledger, VICTIM)
    shown = Shown(0, "coat", int(Source.HISTORY | Source.ZONE), 0.5, 1.0, 3)
    for at, slate in ((1.0, ()), (2.0, (shown,))):
        decision = Decision(
            decision_id=f"u{at}", visit_id="v", at_s=NOW_S + at, surface="tablet",
            placement="contact", is_pull=False, seed=0, catalog_version="1", playbook_version="1",
            model_version="", arm="general", motive="unknown", slate=slate, empty=None, zone=None,
            profile_age_s=None, is_profile_stale=False, trace_items=b"", trace_sources=b"",
            trace_reasons=b"", trace_scores=b"",
        )  # fmt: skip
        body = encode_decision(decision)
        ledger.append(DecisionMade(f"u{at}", "v", NOW_S + at, "tablet", body, person))
    uses = await desk.uses(proven(ledger, desk))
    assert [(use.used.en, use.got.de) for use in uses] == [
        ("your purchases, the area you were in", "Mantel")
    ]


async def test_who_is_forgotten_is_gone_everywhere(
    ledger: Ledger, desk: Desk, changed: list[str]
) -> None:
    person, proof = person_of(ledger, VICTIM), proven(ledger, desk)
    told: list[str] = []
    ledger.on_forget(told.append)
    assert "." in await desk.erase(proof)
    assert told == changed == [person]
    assert desk.person_of(VICTIM) is None
    assert desk.standing(person) == frozenset()
    ledger.append(SaleRecorded(Sale("late", "T", NOW_S, (SaleLine(1, "coat-m"),)), person))
    ledger.flush()
    count = "SELECT count(*) FROM receipts WHERE person_no = 1"
    assert ledger.reading().db.execute(count).fetchone() == (0,)
    with pytest.raises(TrustError, match="nothing is held"):
        await desk.erase(proof)


async def test_an_erasure_by_a_command_reaches_the_running_box(ledger: Ledger, desk: Desk) -> None:
    """Another process erased somebody: the box drops the person within a tick."""
    person = person_of(ledger, VICTIM)
    assert ledger.forget_elsewhere() == []
    other = Ledger.open(ledger.directory, KEY, catalog())
    erase(other, person, NOW_S)
    other.close()
    assert ledger.forget_elsewhere() == [person]
    assert ledger.forget_elsewhere() == []
    assert desk.person_of(VICTIM) is None


async def test_the_notice_counts_what_left_the_building(ledger: Ledger, desk: Desk) -> None:
    assert (desk.disclosure().messages_out, desk.disclosure().bytes_out) == (0, 0)
    releases = Releases(ledger.directory)
    told = releases.once("d", 0.0, 1.0, 1.0, lambda: [Release(SCHEMA, "s1", "d", UPSTREAM)])
    releases.close()
    after = desk.disclosure()
    assert (after.messages_out, after.bytes_out) == (1, len(told[UPSTREAM]))
    assert after.since_s == NOW_S
    assert after.controller == "Haus GmbH, datenschutz@haus.example"
    assert [reading.input for reading in after.readings if reading.is_on] == [Input.BEACONS]
