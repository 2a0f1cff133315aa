"""The members file again: what is not allowed is not stored, what is erased stays out."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.adapters.files.handed import sha256_of
from edge.adapters.sqlite.ledger import Ledger
from edge.adapters.sqlite.resync import is_new, wanted
from edge.core.consent import Purpose, Statement
from edge.core.errors import ConfigError
from edge.core.records import ConsentChanged
from edge.downlink import WANTED_EVERY_S, Downlink
from tests.attacks.attack import KEY, NOW_S, catalog, document, member
from tests.conftest import Mosquitto, wait_until
from tests.world import ANNA, BEN, RunningBox, configure, members, running, tablet_of, write_store

NAME, SIZE, TAG, BEACON = "Vera Geheim", "38-geheim", "geheimfarbe", "iBeacon:" + "ab" * 16 + "-1-2"
VALUES = {"staff_greeting": NAME, "profile": SIZE, "recognise": "ab" * 16}


def vera(*purposes: str, **more: Any) -> dict[str, Any]:
    """Return somebody with a value for every purpose that opens fields."""
    beacon = f"iBeacon:{'ab' * 16}-1-2"
    fields = {"name": NAME, "sizes": {"coat": SIZE}, "stated": [TAG], "beacons": [beacon]}
    return member("M-vera", *purposes, **{**fields, **more})


class Clock:
    """A time that a test sets."""

    now_s = NOW_S


@pytest.fixture
def ledger(tmp_path: Path) -> Any:
    opened = Ledger.open(tmp_path / "data", KEY, catalog())
    opened.consents()
    yield opened
    opened.close()


@pytest.fixture
def hand_over(tmp_path: Path) -> Callable[..., Path]:
    """Write the members file; every writing has another time of change."""
    path, turns = tmp_path / "members.json", iter(range(1, 1_000))

    def write(*of: object, **more: object) -> Path:
        path.write_text(json.dumps({**document(*of), **more}), encoding="utf-8")
        os.utime(path, ns=(0, next(turns) * 1_000_000_000))
        return path

    return write


def everything(ledger: Ledger) -> str:
    """Return what can be read with the box's keys, and all raw bytes of its files."""
    ledger.flush()
    raw = b"".join(path.read_bytes() for path in sorted(ledger.directory.iterdir()))
    numbers = ledger.reading().db.execute("SELECT person_no FROM persons").fetchall()
    opened = [ledger.reading().persons.open_number(number) for (number,) in numbers]
    return repr([part.body() for part in opened if part]) + raw.decode("latin-1")


@pytest.mark.parametrize("purpose", VALUES)
def test_what_nobody_allowed_is_nowhere_on_disk(
    ledger: Ledger, hand_over: Callable[..., Path], purpose: str
) -> None:
    """Of three values only the one whose purpose was granted can be found, and it can."""
    down = Downlink(hand_over(vera(purpose)), ledger, lambda: NOW_S)
    down.begin()
    found = everything(ledger)
    assert [p for p, value in VALUES.items() if value in found] == [purpose]
    assert down.counts["dropped_without_consent"] > 0


async def test_a_later_consent_takes_the_field_from_the_file(
    ledger: Ledger, hand_over: Callable[..., Path]
) -> None:
    """The unchanged file is read again for those who have allowed more, and for nobody else."""
    down = Downlink(hand_over(vera("recognise"), member("M-2")), ledger, lambda: Clock.now_s)
    down.begin()
    person = ledger.consents().person_of_member("M-vera")
    assert person is not None
    assert NAME not in everything(ledger)
    said = Statement(person, Purpose.STAFF_GREETING, True, NOW_S, NOW_S, "2026-01")
    ledger.consents().apply(said)
    ledger.append(ConsentChanged(said))
    ledger.flush()
    down.counts.clear()
    assert await down.look() == {person}
    assert down.counts["members"] == 1, "of two in the file one was wanted"
    grant = ledger.consents().grant(person, Purpose.STAFF_GREETING, NOW_S)
    assert grant is not None
    assert ledger.name(person, grant, NOW_S) == NAME
    Clock.now_s = NOW_S + WANTED_EVERY_S
    assert await down.look() == frozenset(), "wanted no longer"
    Clock.now_s = NOW_S


async def test_who_is_not_in_the_file_is_looked_for_once(
    ledger: Ledger, hand_over: Callable[..., Path]
) -> None:
    """A consent of somebody the chain no longer sends does not have the file read for ever."""
    down = Downlink(hand_over(vera("recognise")), ledger, lambda: NOW_S)
    down.begin()
    hand_over(member("M-2"))
    await down.look()
    person = ledger.consents().person_of_member("M-vera")
    assert person is not None
    said = Statement(person, Purpose.PROFILE, True, NOW_S, NOW_S, "2026-01")
    ledger.append(ConsentChanged(said))
    ledger.flush()
    later = Downlink(hand_over(member("M-2")), ledger, lambda: NOW_S)
    later.begin()
    assert len(wanted(ledger)) == 1
    await later.look()
    assert wanted(ledger) == frozenset()


async def test_an_unchanged_file_is_not_read_again(
    ledger: Ledger, hand_over: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither at the next start nor while the box runs; touched, its bytes are compared."""
    path = hand_over(vera("recognise"))
    Downlink(path, ledger, lambda: NOW_S).begin()
    monkeypatch.setattr("edge.downlink.read_members", lambda path: pytest.fail("it was read"))
    again = Downlink(path, ledger, lambda: NOW_S)
    again.begin()
    assert await again.look() == frozenset()
    assert again.counts == {}


async def test_a_changed_file_applies_while_the_box_runs(
    ledger: Ledger, hand_over: Callable[..., Path]
) -> None:
    """A withdrawal declared elsewhere, a new member, a new size."""
    down = Downlink(hand_over(vera("recognise", "profile")), ledger, lambda: NOW_S)
    down.begin()
    person = ledger.consents().person_of_member("M-vera")
    assert person is not None
    changed = vera("recognise", "profile", sizes={"coat": "40"})
    changed["consents"].append(
        {"purpose": "recognise", "is_given": False, "given_at": "2026-06-01T00:00:00Z",
         "notice_version": "2026-01"}
    )  # fmt: skip
    hand_over(changed, member("M-new", "recognise"))
    assert person in await down.look()
    assert ledger.consents().purposes(person) == {Purpose.PROFILE}
    grant = ledger.consents().grant(person, Purpose.PROFILE, NOW_S)
    assert grant is not None
    assert ledger.profile(person, grant, NOW_S).sizes == {"coat": "40"}
    new = ledger.consents().person_of_member("M-new")
    assert new is not None
    assert ledger.consents().has(new, Purpose.RECOGNISE)
    assert await down.look() == frozenset()


async def test_an_erasure_declared_elsewhere_comes_first_and_stays(
    ledger: Ledger, hand_over: Callable[..., Path]
) -> None:
    """In one file with the member's own entry; and in every file that brings her again."""
    down = Downlink(hand_over(vera("recognise", "profile")), ledger, lambda: NOW_S)
    down.begin()
    person = ledger.consents().person_of_member("M-vera")
    assert person is not None
    assert SIZE in everything(ledger)
    told: list[str] = []
    ledger.on_forget(told.append)
    hand_over(vera("recognise", "profile"), erased=["M-vera", "M-never-here"])
    assert person in await down.look()
    assert told == [person]
    assert ledger.consents().person_of_member("M-vera") is None
    assert not [value for value in VALUES.values() if value in everything(ledger)]
    hand_over(vera("recognise"), member("M-never-here", "recognise"))
    await down.look()
    assert down.counts["left_out_erased"] == 3
    assert ledger.consents().person_of_member("M-never-here") is None
    assert not [value for value in VALUES.values() if value in everything(ledger)]


@pytest.mark.parametrize(
    "broken",
    ['{"schema": "stammgast.members.v1", "mem', '{"schema": "other"}', "[]",
     '{"schema": "stammgast.members.v1", "members": [], "erased": "M-vera"}',
     '{"schema":' + "[" * 100_000 + "]" * 100_000 + "}"],
)  # fmt: skip
async def test_a_broken_file_changes_nothing(
    ledger: Ledger, hand_over: Callable[..., Path], broken: str
) -> None:
    """Truncated, of another form, odd or too deep: refused, counted, and the box goes on."""
    path = hand_over(vera("recognise"))
    down = Downlink(path, ledger, lambda: NOW_S)
    down.begin()
    path.write_text(broken, encoding="utf-8")
    assert await down.look() == frozenset()
    assert down.counts["refused"] == 1
    assert ledger.consents().person_of_member("M-vera") is not None
    later = Downlink(path, ledger, lambda: NOW_S)
    later.begin()
    assert later.counts["refused"] == 1, "nor does it keep the box from starting"


async def test_what_is_no_file_changes_nothing(
    ledger: Ledger, hand_over: Callable[..., Path]
) -> None:
    """A folder, or a link to itself, in the place of the file."""
    path = hand_over(vera("recognise"))
    down = Downlink(path, ledger, lambda: NOW_S)
    down.begin()
    path.unlink()
    path.symlink_to(path)
    assert await down.look() == frozenset()
    path.unlink()
    path.mkdir()
    assert await down.look() == frozenset()
    assert down.counts["refused"] == 2
    later = Downlink(path, ledger, lambda: NOW_S)
    later.begin()
    assert later.counts["refused"] == 1
    assert ledger.consents().person_of_member("M-vera") is not None


def test_a_new_box_refuses_a_broken_file(ledger: Ledger, hand_over: Callable[..., Path]) -> None:
    path = hand_over()
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"members\.json"):
        Downlink(path, ledger, lambda: NOW_S).begin()


def test_a_guest_leaves_the_tablet_when_the_file_says_so(
    tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A running box: Ben is in, the chain declares his erasure, his contact is gone; Anna stays."""
    monkeypatch.setattr("edge.downlink.LOOK_S", 0.05)
    store = write_store(tmp_path / "store")
    with running(configure(tmp_path, store, None, mosquitto.port)) as box, tablet_of(box) as tablet:
        box.check_in(ANNA)
        box.check_in(BEN)
        wait_until(lambda: len(tablet.contacts) == 2, "both on the tablet")
        (store / "members.json").write_text(json.dumps({**members(), "erased": [BEN]}))
        wait_until(lambda: len(tablet.contacts) == 1, "one to be gone")
        assert box.box.ledger.consents().person_of_member(BEN) is None
        assert 'stammgast_downlink_total{what="erased"} 1.0' in box.metrics()
        assert not is_new(box.box.ledger, "members", sha256_of(store / "members.json"))


def test_a_restart_reads_nothing_that_it_knows(box: RunningBox, tmp_path: Path) -> None:
    """The second start of the same box on the same files takes nobody in."""
    assert box.box.downlink.counts["members"] == len(members()["members"])
    again = Downlink(tmp_path / "store" / "members.json", box.box.ledger, lambda: NOW_S)
    again.begin()
    assert again.counts == {}
