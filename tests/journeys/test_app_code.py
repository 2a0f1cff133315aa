"""The app's rotating code: from pairing it with the last receipt to a proof, and to its end."""

import base64
import http.client
import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from edge.adapters.sqlite.backup import backup, restore
from edge.adapters.sqlite.ledger import Ledger
from edge.core.consent import Purpose
from edge.core.proof import CODE_PERIOD_S, app_code
from tests.attacks.attack import KEY, NOW_S, OTHER, VICTIM, person_of
from tests.attacks.attack import box as small_box
from tests.conftest import Mosquitto, wait_until
from tests.world import ANNA, BEN, RunningBox, configure, running


class Phone:
    """A customer's phone: the page's addresses, a cookie, and an app with a key."""

    def __init__(self, box: RunningBox, member: str) -> None:
        self.box, self.member = box, member
        self.cookie, self.secret = "", b""

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Ask the desk."""
        at = http.client.HTTPConnection(urlsplit(self.box.address).netloc, timeout=10)
        at.request(
            method,
            f"/api/desk/{path}",
            None if body is None else json.dumps(body),
            {"Cookie": self.cookie, "Content-Type": "application/json"},
        )
        answer = at.getresponse()
        self.cookie = (answer.headers["Set-Cookie"] or self.cookie).partition(";")[0]
        content = answer.read()
        at.close()
        return answer.status, json.loads(content) if content else None

    def begin(self) -> None:
        """Say who one is."""
        status, _ = self.ask("POST", "session", {"member_id": self.member, "method": "phone"})
        assert status == 201

    def prove(self, code: str) -> bool:
        """Type a code; tell whether it was taken."""
        status, _ = self.ask("POST", "proof", {"code": code})
        assert status in (200, 403)
        return status == 200

    def pair(self) -> None:
        """Let the app take the key out of the address, as any authenticator does."""
        status, paired = self.ask("POST", "app")
        assert status == 201
        address = parse_qs(urlsplit(paired["uri"]).query)
        assert (address["algorithm"], address["digits"]) == (["SHA256"], ["8"])
        secret = address["secret"][0]
        assert secret == paired["secret"]
        self.secret = base64.b32decode(secret + "=" * (-len(secret) % 8))

    def code(self) -> str:
        """Return what the app shows; waits where it would change in the middle of a test."""
        wait_until(lambda: time.time() % CODE_PERIOD_S < CODE_PERIOD_S - 5, "a fresh code", 20)
        return app_code(self.secret, int(time.time() // CODE_PERIOD_S))


def last_receipt(member: str) -> str:
    """Return the receipt of the little store's newest purchase."""
    return f"R-{member}-7"


def paired(box: RunningBox, member: str) -> Phone:
    """Return a phone whose app was paired, with card and last receipt as proof."""
    phone = Phone(box, member)
    phone.begin()
    assert phone.ask("POST", "app")[0] == 403, "not without a proof"
    assert not phone.prove(f"R-{member}-6"), "not with an older receipt"
    assert phone.prove(last_receipt(member))
    phone.pair()
    phone.begin()
    return phone


@pytest.mark.parametrize("member", [ANNA, BEN])
def test_a_paired_app_proves_once_a_code(box: RunningBox, member: str) -> None:
    """With purchases kept (Anna) or without (Ben, who allows no profile) the receipt pairs."""
    phone = paired(box, member)
    code = phone.code()
    assert phone.prove(code)
    assert phone.ask("GET", "export")[0] == 200
    phone.begin()
    assert not phone.prove(code), "a code seen over the shoulder is used up"
    assert phone.ask("GET", "export")[0] == 403


def test_a_receipt_of_today_is_the_last_one(box: RunningBox) -> None:
    """Bought a minute ago, without a profile: the receipt in the hand proves, the old one not."""
    receipt_id = box.sell(3, BEN)
    wait_until(lambda: box.metrics() and box.box.messages["event"] >= 1, "the sale")
    box.box.ledger.flush()
    phone = Phone(box, BEN)
    phone.begin()
    assert not phone.prove(last_receipt(BEN))
    assert phone.prove(receipt_id)


def test_profile_by_the_app_takes_its_code(box: RunningBox) -> None:
    """The app's message: refused without code, by staff, and with a used one; then it counts."""
    phone = paired(box, BEN)
    person = box.box.ledger.consents().person_of_member(BEN)
    assert person is not None
    has = box.box.ledger.consents().has

    def say(code: str, method: str = "app") -> None:
        data = {"member_id": BEN, "purpose": "profile", "is_given": True, "code": code,
                "notice_version": "2026-01", "language": "de", "method": method}  # fmt: skip
        box.event("consents", "consent", data)

    say("")
    say("00000000")
    say("", "staff")
    wait_until(lambda: box.count("consent_without_proof") == 3, "three refusals")
    assert not has(person, Purpose.PROFILE)
    code = phone.code()
    say(code)
    wait_until(lambda: has(person, Purpose.PROFILE), "the consent")
    box.consent("profile", is_given=False, member=BEN)
    wait_until(lambda: not has(person, Purpose.PROFILE), "taking back takes no code")
    say(code)
    wait_until(lambda: box.count("consent_without_proof") == 4, "the replayed code")
    assert not has(person, Purpose.PROFILE)


def test_another_phone_ends_the_first_and_parting_ends_all(box: RunningBox) -> None:
    """A lost phone proves nothing once another is paired; parted, none does, without any proof."""
    lost, found = paired(box, ANNA), paired(box, ANNA)
    assert not lost.prove(lost.code())
    assert found.prove(found.code())
    anybody = Phone(box, ANNA)
    anybody.begin()
    assert anybody.ask("DELETE", "app")[1]["has_app"] is False
    assert keys_in(box.box.ledger.directory) == []


def test_a_used_code_stays_used_after_a_power_cut(
    tmp_path: Path, store: Path, mosquitto: Mosquitto
) -> None:
    """The box forgets its memory, not what was used."""
    settings = configure(tmp_path, store, None, mosquitto.port)
    with running(settings) as box:
        phone = paired(box, ANNA)
        code = phone.code()
        assert phone.prove(code)
    with running(settings) as box:
        again = Phone(box, ANNA)
        again.begin()
        assert not again.prove(code)


def test_who_is_erased_has_no_code_any_more(box: RunningBox) -> None:
    """The key goes with the person: code and number lead nowhere, and no byte of it is left."""
    phone = paired(box, ANNA)
    directory = box.box.ledger.directory
    assert len(keys_in(directory)) == 1
    assert phone.prove(phone.code())
    assert phone.ask("POST", "erasure")[0] == 200
    assert keys_in(directory) == []
    assert phone.ask("POST", "session", {"member_id": ANNA, "method": "phone"})[0] == 404


def keys_in(directory: Path) -> list[bytes]:
    """Return the sealed app keys a box holds."""
    with sqlite3.connect(directory / "ledger.db") as db:
        return [sealed for (sealed,) in db.execute("SELECT sealed FROM app_keys")]


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger without a box around it."""
    ledger = small_box(tmp_path)
    yield ledger
    ledger.close()


def test_a_restored_backup_does_not_bring_back_a_parted_app(alone: Ledger, tmp_path: Path) -> None:
    """Paired, backed up, parted, restored: parted."""
    person = person_of(alone, VICTIM)
    proven = alone.prover().by_receipt(person, f"R-{VICTIM}", NOW_S)
    assert proven is not None
    key = alone.pair_app(proven, NOW_S)
    backup(alone, tmp_path / "b.backup")
    alone.part_app(person)
    alone.close()
    restore(alone.directory, KEY, tmp_path / "b.backup")
    again = Ledger.open(alone.directory, KEY, alone.catalog)
    code = app_code(key.secret, int(NOW_S // CODE_PERIOD_S))
    assert again.prover().by_app_code(person, code, NOW_S) is None
    again.close()


def test_merged_identities_have_one_app(alone: Ledger) -> None:
    """Either card's last receipt pairs; the code proves for the one person they are."""
    kept, absorbed = person_of(alone, VICTIM), person_of(alone, OTHER)
    alone.merge(kept, absorbed, NOW_S)
    alone.flush()
    proven = alone.prover().by_receipt(kept, f"R-{OTHER}", NOW_S)
    assert proven is not None
    key = alone.pair_app(proven, NOW_S)
    assert alone.has_app(kept)
    code = app_code(key.secret, int(NOW_S // CODE_PERIOD_S))
    by_app = alone.prover().by_app_code(kept, code, NOW_S)
    assert by_app is not None
    assert by_app.person == kept
