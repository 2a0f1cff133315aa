"""The daily run on a real ledger with real noise: who counts, told once, nothing else leaves."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from edge.adapters.opendp.noise import discrete_laplace, epsilon_of
from edge.adapters.sqlite.daily import bounds, run_day, write_messages
from edge.adapters.sqlite.ledger import Ledger
from edge.adapters.sqlite.releases import Releases, encode, verified
from edge.core.aggregates import BUDGETS, Domain
from edge.core.catalog import Catalog, Item, Text, Variant
from edge.core.consent import Purpose, Statement
from edge.core.errors import TrustError, UnavailableError
from edge.core.records import (
    CardReacted,
    CardShown,
    ConsentChanged,
    Exposed,
    SaleRecorded,
    VisitStarted,
    ZoneEntered,
)
from edge.core.sales import Sale, SaleLine

BERLIN = ZoneInfo("Europe/Berlin")
DAY = date(2026, 11, 20)
NOON_S = datetime(2026, 11, 20, 11, tzinfo=UTC).timestamp()
NOW_S = NOON_S + 86_400
DOMAIN = Domain(
    "s1", ("e:control", "e:treatment"), ("coats", "shoes"), ("coat",), ("Alba", "Boreal")
)


def catalog() -> Catalog:
    variants = (Variant("coat-m", ""),)
    item = Item("coat", Text("Mantel", "Coat"), "Alba", "D", "C", "coat", 1, "z", "1", variants)
    return Catalog("1", "EUR", (item,), {})


def quiet(counts: Sequence[int], scale: float) -> list[int]:
    return list(counts)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """40 who count, 30 of them for partners too, 25 who do not, 10 visits of nobody."""
    opened = Ledger.open(tmp_path / "data", bytes(range(32)), catalog())
    members: list[dict[str, Any]] = []
    for at in range(65):
        purposes = ["recognise", "profile"]
        purposes += ["aggregates"] if at < 40 else []
        purposes += ["partners"] if at < 30 else []
        consents = [
            {"purpose": p, "given_at": "2026-01-01T00:00:00Z", "notice_version": "2026-01"}
            for p in purposes
        ]
        members.append({"member_id": f"M{at}", "consents": consents})
    opened.import_members({"schema": "stammgast.members.v1", "members": members}, NOON_S)
    for at in range(65):
        person = opened.consents().person_of_member(f"M{at}")
        assert person is not None
        visit(opened, f"v{at}", person)
        sale = Sale(f"R{at}", "T", NOON_S + 60, (SaleLine(1, "coat-m"),))
        opened.append(SaleRecorded(sale, person))
    for at in range(10):
        visit(opened, f"n{at}", None)
    opened.append(SaleRecorded(Sale("RN", "T", NOON_S, (SaleLine(1, "coat-m"),))))
    opened.flush()
    yield opened
    opened.close()


def visit(ledger: Ledger, visit_id: str, person: str | None) -> None:
    ledger.append(VisitStarted(visit_id, NOON_S, person is not None))
    ledger.append(ZoneEntered(visit_id, "shoes", NOON_S + 1))
    ledger.append(Exposed("e", "treatment", visit_id, NOON_S, person))
    ledger.append(CardShown("c", "d", visit_id, "coat", NOON_S + 2, person))
    ledger.append(CardReacted("c", "d", visit_id, "reserve", NOON_S + 3, person))


def run(ledger: Ledger, **more: Any) -> dict[str, Any]:
    options = {"noise": quiet, "now_s": NOW_S, "experiment": "e", **more}
    messages = run_day(ledger, DOMAIN, DAY, BERLIN, **options)
    return {audience: json.loads(body) for audience, body in messages.items()}


def cells(message: dict[str, Any], table: str) -> dict[str, int | None]:
    (found,) = [each["cells"] for each in message["tables"] if each["name"] == table]
    assert isinstance(found, dict)
    return found


def test_those_count_who_allowed_it_and_nobody_else(ledger: Ledger) -> None:
    """40 persons and 10 visits of nobody; 41 with the receipt of nobody; 30 for the partner."""
    messages = run(ledger)
    upstream = messages["upstream"]
    assert cells(upstream, "zones") == {"coats": None, "shoes": 50}
    assert cells(upstream, "classes") == {"coat": 41}
    arms = cells(upstream, "arms")
    assert arms["e:treatment/present"] == 50
    assert arms["e:treatment/accepted"] == 50
    assert arms["e:treatment/bought"] == 40
    assert arms["e:control/present"] == 0
    assert cells(messages["Alba"], "partners") == {"Alba": 30}
    assert cells(messages["Boreal"], "partners") == {"Boreal": None}


def test_a_withdrawal_takes_somebody_out(ledger: Ledger) -> None:
    person = ledger.consents().person_of_member("M0")
    assert person is not None
    said = Statement(person, Purpose.AGGREGATES, False, NOW_S, NOW_S, "2026-01")
    ledger.append(ConsentChanged(said))
    ledger.consents().apply(said)
    assert cells(run(ledger)["upstream"], "zones")["shoes"] == 49


def test_a_day_is_drawn_once_and_told_the_same_for_ever(ledger: Ledger) -> None:
    """Real noise: a second draw would differ; late data changes nothing any more."""
    first = run_day(ledger, DOMAIN, DAY, BERLIN, discrete_laplace, NOW_S, "e")
    visit(ledger, "late", None)
    ledger.flush()
    assert run_day(ledger, DOMAIN, DAY, BERLIN, discrete_laplace, NOW_S + 1, "e") == first


def test_an_unfinished_day_is_not_told(ledger: Ledger) -> None:
    with pytest.raises(UnavailableError, match="not over"):
        run(ledger, now_s=NOON_S)


def test_a_run_that_died_while_drawing_loses_the_day(ledger: Ledger) -> None:
    """The budget was charged before; drawing again would spend it twice."""

    def dies(counts: Sequence[int], scale: float) -> list[int]:
        raise OSError("power cut")

    with pytest.raises(OSError, match="power cut"):
        run(ledger, noise=dies)
    with pytest.raises(UnavailableError, match="charged before"):
        run(ledger)


def test_the_same_hours_under_another_calendar_are_refused(ledger: Ledger) -> None:
    run(ledger)
    with pytest.raises(UnavailableError, match="charged before"):
        run_day(ledger, DOMAIN, date(2026, 11, 21), ZoneInfo("Asia/Tokyo"), quiet, NOW_S + 1e5, "e")


@pytest.mark.parametrize(
    ("name", "day", "hours"),
    [
        ("an ordinary day", date(2026, 11, 20), 24),
        ("clocks go forward", date(2026, 3, 29), 23),
        ("clocks go back", date(2026, 10, 25), 25),
    ],
)
def test_days_are_those_of_the_store(name: str, day: date, hours: int) -> None:
    begin, end = bounds(day, BERLIN)
    assert (end - begin) / 3600 == hours


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("a hidden field", lambda b: b[:-1] + b',"note":"Anna"}'),
        ("hidden spaces", lambda b: b + b"   "),
        ("a changed count", lambda b: b.replace(b'"shoes":50', b'"shoes":51')),
        ("not JSON", lambda b: b"Anna"),
        ("another day's words", lambda b: b.replace(b"2026-11-20", b"2026-11-19")),
    ],
)
def test_only_what_was_drawn_here_may_leave(ledger: Ledger, name: str, spoil: Any) -> None:
    body = run_day(ledger, DOMAIN, DAY, BERLIN, quiet, NOW_S, "e")["upstream"]
    releases = Releases(ledger.directory)
    assert encode(verified(body, DOMAIN, releases)) == body
    with pytest.raises(TrustError):
        verified(spoil(body), DOMAIN, releases)
    releases.close()


def test_each_partner_has_a_file_of_its_own(ledger: Ledger, tmp_path: Path) -> None:
    """Names that look alike, or like a path, stay apart and inside."""
    messages = run_day(ledger, DOMAIN, DAY, BERLIN, quiet, NOW_S, "e")
    odd = {**messages, "../upstream": b"{}", "al-ba": b"{}", "AL BA": b"{}"}
    written = write_messages(odd, DAY, tmp_path / "out")
    assert len({path.parent for path in written}) == len(odd)
    assert all(path.is_relative_to(tmp_path / "out") and ".." not in path.parts for path in written)
    alba = [p for p in written if p.parent.name.startswith("alba-")]
    assert len(alba) == 1
    assert b"Boreal" not in alba[0].read_bytes()


def test_the_noise_is_what_the_message_says() -> None:
    """Mean 0 and the told variance, within five standard errors of 20,000 draws."""
    budget = BUDGETS["arms"]
    drawn = np.array(discrete_laplace([0] * 20_000, budget.scale), float)
    assert abs(drawn.mean()) < 5 * (budget.variance / 20_000) ** 0.5
    # A Laplace distribution has kurtosis 6: the variance of the sample variance is 5 σ⁴ / n.
    assert abs(drawn.var() / budget.variance - 1) < 5 * (5 / 20_000) ** 0.5
    assert discrete_laplace([], 1.0) == []


@pytest.mark.parametrize("table", sorted(BUDGETS))
def test_opendp_proves_the_epsilon_of_every_table(table: str) -> None:
    budget = BUDGETS[table]
    assert epsilon_of(budget.scale, budget.cells_a_unit) == pytest.approx(budget.epsilon, abs=1e-6)
