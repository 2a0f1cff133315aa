"""Members whose beacons rotate: recognised by the running box, and no more once they say so.

The clock is simulated, so that a beacon rotates as often as the test wants. Every message goes
over a real Mosquitto in the form of a gateway that passes on what it hears.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.__main__ import main
from edge.adapters.aes import encrypt_block
from edge.adapters.clock import SimulatedClock
from edge.core.rotating import address_hash, ephemeral_id
from tests.conftest import Mosquitto, wait_until
from tests.journeys.test_erasure import searched
from tests.world import ANNA, BEACON, BEN, RunningBox, configure, members, rfc3339, running
from tests.world import write_store as write_world

NOW_S = 1_790_000_000.0
EID_KEY = bytes.fromhex("5ac0ffee00112233445566778899aabb")
EXPONENT = 8
PERIOD_S = 1 << EXPONENT
STARTED_S = int(NOW_S) - 40 * PERIOD_S - 17
TAG = f"eidkey:{EID_KEY.hex()}-{EXPONENT}-{STARTED_S}"
IRK = bytes.fromhex("0badcafe102132435465768798a9bacb")
PHONE = f"irk:{IRK.hex().upper()}"  # as some chain may write it
SECRETS = (EID_KEY, IRK)


def write_members(store: Path, **beacons: list[str]) -> None:
    """Give the members of the little store other beacons."""
    document = members()
    for member in document["members"]:
        if (mine := beacons.get(member["member_id"].removeprefix("M-"))) is not None:
            member["beacons"] = mine
    (store / "members.json").write_text(json.dumps(document), encoding="utf-8")


@pytest.fixture
def rotating_box(tmp_path: Path, bundle: Path, mosquitto: Mosquitto) -> Iterator[RunningBox]:
    """A box on simulated time: Anna carries a phone and a rotating tag, Ben a phone that rotates.

    Carla's phone has an identity key too, but she allowed nothing.
    """
    store = write_world(tmp_path / "store", NOW_S)
    write_members(store, anna=[BEACON, TAG], ben=[PHONE], carla=["irk:" + "77" * 16])
    settings = configure(tmp_path, store, bundle, mosquitto.port, clock='{kind = "simulated"}')
    with running(settings, SimulatedClock()) as living:
        pass_time(living, NOW_S)
        yield living


def pass_time(box: RunningBox, now_s: float) -> None:
    """Let it be a certain time in the store."""
    box.event("tick", "tick", {"now": rfc3339(now_s)})
    wait_until(lambda: box.box.clock.now_s() == now_s, "the clock")


def tag_shows(box: RunningBox, now_s: float, zone: str = "shoes", key: bytes = EID_KEY) -> None:
    """A gateway passes on what an Eddystone-EID tag shows at a moment."""
    shown = ephemeral_id(encrypt_block, key, EXPONENT, int(now_s) - STARTED_S)
    frame = b"\x30\xeb" + shown
    # The address of such a tag rotates with its id; here it is drawn from it.
    address = (0xC0 | shown[0]).to_bytes(1, "big") + shown[1:6]
    heard(box, zone, address, servicedatauuid="feaa", servicedata=frame.hex())


def phone_shows(box: RunningBox, prand: int, zone: str = "shoes", irk: bytes = IRK) -> None:
    """A gateway hears a phone under a resolvable private address."""
    upper = (prand & 0x3FFFFF | 0x400000).to_bytes(3, "big")
    heard(box, zone, upper + address_hash(encrypt_block, irk, upper))


def heard(box: RunningBox, zone: str, address: bytes, **more: Any) -> None:
    taken = box.box.messages["gateway"]
    device = {"id": address.hex(":").upper(), "rssi": -61, **more}
    topic = f"home/{zone}-1/BTtoMQTT/{address.hex().upper()}"
    box.publish(topic, json.dumps(device), qos=0)
    wait_until(lambda: box.box.messages["gateway"] == taken + 1, "the gateway's message")


def say(box: RunningBox, member: str, now_s: float, *, is_given: bool) -> None:
    """A member allows or withdraws being recognised, in the store's time."""
    data = {
        "member_id": member, "purpose": "recognise", "is_given": is_given,
        "notice_version": "2026-01", "language": "de", "method": "app",
    }  # fmt: skip
    box.event("consents", "consent", data, time=rfc3339(now_s))


def present(box: RunningBox) -> set[str | None]:
    """Return the pseudonyms of the guests."""
    found: set[str | None] = box.call(lambda: set(box.box.path.guests))
    return found


def person(box: RunningBox, member: str) -> str | None:
    found: str | None = box.call(lambda: box.box.path.consents.person_of_member(member))
    return found


def visits(box: RunningBox) -> int:
    """Return how many visits were ever written down."""
    box.box.ledger.flush()
    (count,) = box.call(
        lambda: box.box.ledger.telemetry.execute("SELECT count(*) FROM visits").fetchone()
    )
    return int(count)


def test_a_tag_is_recognised_through_every_rotation(rotating_box: RunningBox) -> None:
    """Six periods, six ids, one visit; an id of before and a stranger's tag mean nobody."""
    box = rotating_box
    tag_shows(box, NOW_S, key=bytes(16))
    tag_shows(box, NOW_S - 3 * PERIOD_S)
    assert present(box) == set()
    assert box.box.path.unknown_beacons == 2
    shown = set()
    for period in range(6):
        now_s = NOW_S + period * PERIOD_S
        pass_time(box, now_s)
        shown.add(ephemeral_id(encrypt_block, EID_KEY, EXPONENT, int(now_s) - STARTED_S))
        tag_shows(box, now_s)
        assert present(box) == {person(box, ANNA)}, f"period {period}"
    assert len(shown) == 6
    assert visits(box) == 1
    assert box.box.path.unknown_beacons == 2


def test_a_phone_is_recognised_under_every_address(rotating_box: RunningBox) -> None:
    """Resolvable private addresses of one identity key; of another key, nobody."""
    box = rotating_box
    phone_shows(box, 1, irk=bytes(16))
    phone_shows(box, 1, irk=bytes.fromhex("77" * 16))  # Carla allowed nothing
    assert present(box) == set()
    for minute, prand in enumerate((0x123456, 0x2BCDEF, 0x3FEDCB)):
        pass_time(box, NOW_S + 900 * minute)
        phone_shows(box, prand)
        assert present(box) == {person(box, BEN)}, f"address {minute}"
    assert visits(box) == 1


def test_two_phones_of_one_member_are_one_visit(rotating_box: RunningBox) -> None:
    """One rotates, one does not; the trackers of a visit are two, whatever ids were shown."""
    box = rotating_box
    uuid, major, minor = BEACON.removeprefix("iBeacon:").rsplit("-", 2)
    for period in range(4):
        now_s = NOW_S + period * PERIOD_S
        pass_time(box, now_s)
        tag_shows(box, now_s)
        heard(
            box, "shoes", bytes.fromhex("dd8800003777"),
            uuid=uuid.replace("-", "").lower(), major=int(major), minor=int(minor), txpower=-59,
        )  # fmt: skip
    anna = person(box, ANNA) or ""
    assert present(box) == {anna}
    assert visits(box) == 1
    trackers = box.call(lambda: len(box.box.path._trackers[anna]))
    assert trackers == 2


@pytest.mark.parametrize(("member", "is_tag"), [(ANNA, True), (BEN, False)])
def test_a_withdrawal_ends_it_and_a_consent_begins_it_again(
    rotating_box: RunningBox, member: str, is_tag: bool
) -> None:
    """The key is read with the consent alone, and is in no index without it."""
    box = rotating_box

    def show(now_s: float) -> None:
        if is_tag:
            tag_shows(box, now_s)
        else:
            phone_shows(box, int(now_s))

    show(NOW_S)
    assert present(box) == {person(box, member)}
    enrolled = box.call(box.box.path.rotating.sizes)
    assert (enrolled["ephemeral"], enrolled["addresses"]) == (1, 1)
    pass_time(box, NOW_S + 1)
    say(box, member, NOW_S + 1, is_given=False)
    wait_until(lambda: box.count("consent_withdrawn") == 1, "the withdrawal")
    kind = "ephemeral" if is_tag else "addresses"
    assert box.call(box.box.path.rotating.sizes)[kind] == 0
    pass_time(box, NOW_S + 2)
    show(NOW_S + 2)
    assert present(box) == set()
    pass_time(box, NOW_S + PERIOD_S)
    say(box, member, NOW_S + PERIOD_S, is_given=True)
    wait_until(lambda: box.count("consent_given") == 1, "the consent")
    show(NOW_S + PERIOD_S)
    assert present(box) == {person(box, member)}


def test_an_erasure_beside_the_box_ends_it_and_leaves_no_secret(
    rotating_box: RunningBox, tmp_path: Path
) -> None:
    """Found in the files before, nowhere afterwards, and gone from the running box's memory."""
    box, data = rotating_box, tmp_path / "data"
    tag_shows(box, NOW_S)
    phone_shows(box, 5)
    assert len(present(box)) == 2
    key = (data / "box.key").read_bytes()
    box.box.ledger.flush()
    readable = searched(data, key)
    assert all(secret.hex().encode() in readable for secret in SECRETS)
    raw = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    assert not any(secret in raw or secret.hex().encode() in raw.lower() for secret in SECRETS)

    for member in (ANNA, BEN):
        assert main(["erase", str(tmp_path / "box.toml"), member]) == 0
    wait_until(lambda: not present(box), "the box to forget them")
    sizes = box.call(box.box.path.rotating.sizes)
    assert (sizes["ephemeral"], sizes["addresses"]) == (0, 0)
    for period in range(3):
        pass_time(box, NOW_S + (1 + period) * PERIOD_S)
        tag_shows(box, NOW_S + (1 + period) * PERIOD_S)
        phone_shows(box, 100 + period)
    assert present(box) == set()
    left = searched(data, key)
    assert not any(s in left or s.hex().encode() in left.lower() for s in SECRETS)

    report = box.call(
        lambda: box.box.ledger.import_members(
            json.loads((tmp_path / "store" / "members.json").read_text()), NOW_S
        )
    )
    assert report.erased == 2, "the replayed import brings nobody back"
    sizes = box.call(box.box.path.rotating.sizes)
    assert (sizes["ephemeral"], sizes["addresses"]) == (0, 0)
    assert not any(s.hex().encode() in searched(data, key).lower() for s in SECRETS)


def test_an_import_into_the_running_box_enrols_and_takes_back(
    rotating_box: RunningBox, tmp_path: Path
) -> None:
    """A new tag counts at once, one that was given back no longer."""
    box, store = rotating_box, tmp_path / "store"
    newer = bytes.fromhex("00ddba11" * 4)
    write_members(store, anna=[BEACON], ben=[f"eidkey:{newer.hex()}-{EXPONENT}-{STARTED_S}"])
    document = json.loads((store / "members.json").read_text())
    box.call(lambda: box.box.ledger.import_members(document, NOW_S))
    tag_shows(box, NOW_S)
    phone_shows(box, 9)
    assert present(box) == set()
    tag_shows(box, NOW_S, key=newer)
    assert present(box) == {person(box, BEN)}


def test_a_restart_knows_the_keys_again(tmp_path: Path, bundle: Path, mosquitto: Mosquitto) -> None:
    """From the encrypted rows, without the chain's file."""
    store = write_world(tmp_path / "store", NOW_S)
    write_members(store, anna=[TAG])
    settings = configure(tmp_path, store, bundle, mosquitto.port, clock='{kind = "simulated"}')
    with running(settings, SimulatedClock()):
        pass
    (store / "members.json").unlink()
    with running(settings, SimulatedClock()) as box:
        pass_time(box, NOW_S)
        tag_shows(box, NOW_S)
        assert present(box) == {person(box, ANNA)}
        assert 'rotating_ids{part="ephemeral"} 1' in box.metrics()
