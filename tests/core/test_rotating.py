"""Rotating ids: published vectors, the edges of a period, and caps that hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.adapters.aes import encrypt_block
from edge.core import rotating
from edge.core.errors import MessageError
from edge.core.rotating import (
    ADDRESS_LIFE_S,
    AddressResolver,
    EphemeralIndex,
    RotatingIds,
    address_hash,
    ephemeral_id,
    is_resolvable,
)
from edge.core.sightings import canonical_beacon_id

KEY = bytes.fromhex("0102030405060708090a111213141516")
IRK = bytes.fromhex("ec0234a357c8ad05341010a60a397d9b")
ADDRESS = 0x708194_0DFBAA
STARTED_S = 1_700_000_000
BEACON = f"eidkey:{KEY.hex()}-10-{STARTED_S}"


def address_of(irk: bytes, prand: int) -> int:
    """Return a resolvable private address of an identity key."""
    prand = prand & 0x3FFFFF | 0x400000
    parts = address_hash(encrypt_block, irk, prand.to_bytes(3, "big"))
    return prand << 24 | int.from_bytes(parts, "big")


def irk(number: int) -> str:
    """Return one of many enrolled identity keys."""
    return f"irk:{number:032x}"


class CountingAes:
    """The cipher, and how often it was asked."""

    def __init__(self) -> None:
        self.blocks = 0

    def __call__(self, key: bytes, block: bytes) -> bytes:
        self.blocks += 1
        return encrypt_block(key, block)


@pytest.mark.parametrize(
    ("counter_s", "expected"),
    [(0, "a9b76a71c5f89290"), (1_023, "a9b76a71c5f89290"), (2_000, "4144413e45fefa58")],
)
def test_an_ephemeral_id_matches_the_published_values(counter_s: int, expected: str) -> None:
    """Vectors of RadiusNetworks/ephemeral_calc: K = 10, so 2000 s lie in the second period."""
    assert ephemeral_id(encrypt_block, KEY, 10, counter_s).hex() == expected


def test_the_address_hash_matches_the_core_specification() -> None:
    """Bluetooth Core Vol 3 Part H 2.2.2 and appendix D.7: sample data of `ah`."""
    assert address_hash(encrypt_block, IRK, bytes.fromhex("708194")).hex() == "0dfbaa"


@pytest.mark.parametrize(
    ("address", "expected"),
    [(ADDRESS, True), (0xC0_00_00_00_00_00, False), (0x3F_FF_FF_FF_FF_FF, False)],
)
def test_only_the_upper_bits_01_mark_a_resolvable_address(address: int, expected: bool) -> None:
    """11 is static, 00 non-resolvable."""
    assert is_resolvable(address) is expected


def shown_at(period: int) -> bytes:
    """Return what the enrolled beacon shows in its n-th period."""
    return ephemeral_id(encrypt_block, KEY, 10, period * 1_024)


def test_the_previous_current_and_next_id_are_known_and_no_other() -> None:
    """A beacon may change late or early by one period; older ids are forgotten."""
    index = EphemeralIndex(encrypt_block)
    assert index.enrol(BEACON, STARTED_S + 5 * 1_024)
    assert [index.resolve(shown_at(period)) for period in range(3, 8)] == [
        None,
        BEACON,
        BEACON,
        BEACON,
        None,
    ]


def test_a_period_that_ends_costs_one_id_and_forgets_one() -> None:
    """The id after next is computed before it is needed: two blocks, no more."""
    aes = CountingAes()
    index = EphemeralIndex(aes)
    index.enrol(BEACON, STARTED_S + 5 * 1_024)
    aes.blocks = 0
    assert not index.advance(STARTED_S + 6 * 1_024 - 1)
    assert aes.blocks == 0
    index.advance(STARTED_S + 6 * 1_024)
    assert aes.blocks == 2
    assert index.resolve(shown_at(4)) is None
    assert index.resolve(shown_at(7)) == BEACON


def test_resolving_costs_no_cipher() -> None:
    """A sighting of an ephemeral id is one look-up, hit or miss."""
    aes = CountingAes()
    index = EphemeralIndex(aes)
    index.enrol(BEACON, STARTED_S)
    aes.blocks = 0
    index.resolve(shown_at(0))
    index.resolve(bytes(8))
    assert aes.blocks == 0


@pytest.mark.parametrize("jump_s", [-4_000.0, 50_000.0], ids=["set back", "set ahead"])
def test_a_clock_that_jumps_leaves_the_right_ids(jump_s: float) -> None:
    """After a jump the ids around the new time are known."""
    index = EphemeralIndex(encrypt_block)
    index.enrol(BEACON, STARTED_S + 10 * 1_024)
    now_s = STARTED_S + 10 * 1_024 + jump_s
    index.advance(STARTED_S + 10 * 1_024 + 1)
    index.advance(now_s)
    period = int(now_s - STARTED_S) // 1_024
    assert index.resolve(shown_at(period)) == BEACON
    assert index.resolve(shown_at(period + 3)) is None


def test_a_call_computes_at_most_its_limit() -> None:
    """Many beacons that change at once are spread over calls, without a gap in resolving."""
    index = EphemeralIndex(encrypt_block)
    beacons = [f"eidkey:{number:032x}-10-{STARTED_S}" for number in range(1, 8)]
    for beacon in beacons:
        index.enrol(beacon, STARTED_S + 1_024)
    assert index.advance(STARTED_S + 2_048, limit=5)
    for number, beacon in enumerate(beacons, start=1):
        shown = ephemeral_id(encrypt_block, number.to_bytes(16, "big"), 10, 2_048)
        assert index.resolve(shown) == beacon
    assert not index.advance(STARTED_S + 2_048, limit=5)


def test_a_withdrawn_beacon_resolves_no_more() -> None:
    """Withdrawing takes effect on the next sighting, for both kinds."""
    ids = RotatingIds(encrypt_block)
    beacon = f"irk:{IRK.hex()}"
    assert ids.enrol(BEACON, STARTED_S)
    assert ids.enrol(beacon, STARTED_S)
    assert ids.resolve(f"eid:{shown_at(0).hex()}", STARTED_S) == BEACON
    assert ids.resolve(f"mac:{ADDRESS:012x}", STARTED_S) == beacon
    ids.withdraw(BEACON)
    ids.withdraw(beacon)
    assert ids.resolve(f"eid:{shown_at(0).hex()}", STARTED_S) is None
    assert ids.resolve(f"mac:{ADDRESS:012x}", STARTED_S) is None


@pytest.mark.parametrize("beacon", ["ibeacon:" + "0" * 32 + "-1-2", "name:x", "irk:" + "0" * 32])
def test_an_id_that_does_not_rotate_is_not_resolved(beacon: str) -> None:
    """Only `eid:` and `mac:` can hide another id."""
    ids = RotatingIds(encrypt_block)
    ids.enrol(BEACON, STARTED_S)
    assert ids.resolve(beacon, STARTED_S) is None


def test_a_hit_is_kept_until_the_address_rotates() -> None:
    """Every further sighting of an address costs no cipher for 15 minutes."""
    aes = CountingAes()
    resolver = AddressResolver(aes)
    resolver.enrol(f"irk:{IRK.hex()}")
    for second in range(0, int(ADDRESS_LIFE_S), 60):
        assert resolver.resolve(ADDRESS, 1_000.0 + second) == f"irk:{IRK.hex()}"
    assert aes.blocks == 1
    resolver.resolve(ADDRESS, 1_000.0 + ADDRESS_LIFE_S)
    assert aes.blocks == 2


def test_a_miss_is_kept_and_a_new_key_asks_again() -> None:
    """A stranger's address is tried once; an enrolment may make it known."""
    aes = CountingAes()
    resolver = AddressResolver(aes)
    for number in range(20):
        resolver.enrol(irk(number))
    assert [resolver.resolve(ADDRESS, second) for second in range(100)] == [None] * 100
    assert aes.blocks == 20
    resolver.enrol(f"irk:{IRK.hex()}")
    assert resolver.resolve(ADDRESS, 100.0) == f"irk:{IRK.hex()}"


def test_an_address_that_cannot_be_resolved_costs_nothing() -> None:
    """A static address is no private one."""
    aes = CountingAes()
    resolver = AddressResolver(aes)
    resolver.enrol(irk(1))
    assert resolver.resolve(0xC0_11_22_33_44_55, 0.0) is None
    assert aes.blocks == 0


def test_tries_for_one_message_are_capped_and_taken_up_again() -> None:
    """The key after the cap is found at the next sighting, from where the tries stopped."""
    aes = CountingAes()
    resolver = AddressResolver(aes, tries_per_message=30)
    for number in range(50):
        resolver.enrol(irk(number))
    resolver.enrol(f"irk:{IRK.hex()}")
    assert resolver.resolve(ADDRESS, 0.0) is None
    assert aes.blocks == 30
    assert resolver.resolve(ADDRESS, 0.1) == f"irk:{IRK.hex()}"
    assert aes.blocks == 51


def test_a_flood_of_strange_addresses_stays_within_the_budget() -> None:
    """Tries in a second never pass the cap, however many addresses come."""
    aes = CountingAes()
    resolver = AddressResolver(aes, tries_per_s=500.0, tries_per_message=100)
    for number in range(80):
        resolver.enrol(irk(number))
    for stranger in range(1_000):
        resolver.resolve(0x40_00_00_00_00_00 + stranger, 10.0)
    assert aes.blocks <= 500
    resolver.resolve(0x40_00_00_01_00_00, 11.0)
    assert 500 < aes.blocks <= 600


def test_what_is_kept_of_strange_addresses_is_bounded() -> None:
    """Memory does not grow with the passers-by."""
    resolver = AddressResolver(lambda _key, _block: bytes(16), tries_per_s=1e9)
    resolver.enrol(irk(1))
    for stranger in range(40_000):
        resolver.resolve(0x40_00_00_00_00_01 + stranger * 2, 0.0)
    kept = len(resolver._misses) + len(resolver._hits) + len(resolver._unfinished)
    assert kept <= 16_384 + 4_096 + 1_024


@given(st.binary(min_size=16, max_size=16), st.integers(0, 0x3FFFFF))
def test_every_address_of_an_enrolled_key_resolves_to_it(key: bytes, prand: int) -> None:
    """Whatever random part the phone draws, its key is found."""
    resolver = AddressResolver(encrypt_block)
    resolver.enrol(f"irk:{key.hex()}")
    assert resolver.resolve(address_of(key, prand), 0.0) == f"irk:{key.hex()}"


@given(
    st.binary(min_size=16, max_size=16),
    st.integers(0, 15),
    st.integers(0, 2**31),
    st.sampled_from([-1, 0, 1]),
)
def test_the_ids_around_now_resolve_whatever_the_exponent(
    key: bytes, exponent: int, elapsed_s: int, drift: int
) -> None:
    """One period early or late, over the whole life of the counter."""
    index = EphemeralIndex(encrypt_block)
    beacon = f"eidkey:{key.hex()}-{exponent}-{STARTED_S}"
    index.enrol(beacon, STARTED_S + elapsed_s)
    period = max(0, (elapsed_s >> exponent) + drift)
    shown = ephemeral_id(encrypt_block, key, exponent, period << exponent)
    assert index.resolve(shown) == beacon


ENROLMENTS = {
    "exponent too large": f"eidkey:{KEY.hex()}-16-0",
    "a short key": "eidkey:0102-10-0",
    "no start": f"eidkey:{KEY.hex()}-10",
    "a negative start": f"eidkey:{KEY.hex()}-10--5",
}


@pytest.mark.parametrize("name", ENROLMENTS)
def test_a_bad_enrolment_is_refused(name: str) -> None:
    """A key that could not be followed is named before it is stored."""
    with pytest.raises(MessageError, match="bad_beacon_id"):
        canonical_beacon_id(ENROLMENTS[name])


def test_an_enrolment_is_canonical() -> None:
    """Upper case is the same key."""
    assert canonical_beacon_id(BEACON.replace("0a", "0A")) == BEACON


# -- whose keys are followed


def resolved(ids: RotatingIds, *, now_s: float = float(STARTED_S)) -> tuple[str | None, str | None]:
    """Return what the tag and the phone of these tests are taken for at a moment."""
    shown = ephemeral_id(encrypt_block, KEY, 10, int(now_s) - STARTED_S)
    return (
        ids.resolve(f"eid:{shown.hex()}", now_s),
        ids.resolve(f"mac:{ADDRESS:012x}", now_s),
    )


PHONE = f"irk:{IRK.hex()}"
FIXED = "mac:c3000025ef6a"
FOLLOWED = {
    "both kinds, a fixed id beside them": ([("anna", [BEACON, PHONE, FIXED])], (BEACON, PHONE)),
    "nothing that rotates": ([("anna", [FIXED])], (None, None)),
    "one given back": ([("anna", [BEACON, PHONE]), ("anna", [PHONE])], (None, PHONE)),
    "all given back": ([("anna", [BEACON, PHONE]), ("anna", [])], (None, None)),
    "said twice, given back once": ([("anna", [PHONE]), ("anna", [PHONE]), ("anna", [])],
                                    (None, None)),
    "of two who claim it one gives it back": (
        [("anna", [BEACON]), ("ben", [BEACON]), ("anna", [])], (BEACON, None)),
    "of two who claim it both give it back": (
        [("anna", [BEACON]), ("ben", [BEACON]), ("anna", []), ("ben", [])], (None, None)),
}  # fmt: skip


@pytest.mark.parametrize("name", FOLLOWED)
def test_exactly_the_keys_of_those_followed_resolve(name: str) -> None:
    """A key lives as long as somebody claims it, and is gone with the last."""
    said, expected = FOLLOWED[name]
    ids = RotatingIds(encrypt_block)
    for person, beacons in said:
        assert ids.follow(person, beacons, STARTED_S)
    assert resolved(ids) == expected
    sizes = ids.sizes()
    assert (sizes["ephemeral"], sizes["addresses"]) == tuple(int(e is not None) for e in expected)


def test_a_forgotten_person_leaves_no_key_behind() -> None:
    """Not in an index, not among what was resolved before."""
    ids = RotatingIds(encrypt_block)
    ids.follow("anna", [BEACON, PHONE], STARTED_S)
    assert resolved(ids) == (BEACON, PHONE)
    ids.forget("anna")
    assert resolved(ids) == (None, None)
    assert KEY.hex() not in repr(vars(ids))
    ids.forget("anna")  # twice is no error


def test_a_full_house_says_so_and_takes_up_what_fits_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What did not fit is not counted as followed, so it can be followed once there is room."""
    monkeypatch.setattr(rotating, "MAX_ENROLLED", 1)
    ids = RotatingIds(encrypt_block)
    assert ids.follow("ben", [irk(7)], STARTED_S)
    assert not ids.follow("anna", [PHONE], STARTED_S)
    ids.forget("ben")
    assert ids.follow("anna", [PHONE], STARTED_S)
    assert resolved(ids) == (None, PHONE)
