"""The consent gate: who a beacon means, what a grant opens, and which statement counts."""

import copy
import itertools
import pickle
import subprocess
import sys
from collections.abc import Callable
from hashlib import blake2b

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.catalog import Text
from edge.core.consent import (
    PURPOSES,
    ConsentChange,
    Consents,
    ConsentState,
    Grant,
    GrantError,
    KeyedHash,
    Outcome,
    Purpose,
    Statement,
)
from edge.core.keyindex import ABSENT, KeyIndex, Sieve
from edge.core.notices import NOTICES, Notice, NoticeBook
from edge.core.sightings import Sighting

HASH = KeyedHash(b"a secret of this box")
BEACON = "ibeacon:426c7565436861726d426561636f6e73-1-1"
VERSION = NOTICES[-1].version


def say(
    person: str,
    purpose: Purpose,
    is_given: bool,
    at_s: float,
    received_s: float | None = None,
    version: str = VERSION,
) -> Statement:
    return Statement(
        person, purpose, is_given, at_s, at_s if received_s is None else received_s, version
    )


def someone(consents: Consents, number: int = 1, *purposes: Purpose) -> str:
    person = consents.add(number, HASH.member(f"M{number:06d}"))
    for purpose in purposes:
        consents.apply(say(person, purpose, True, 10.0))
    return person


def test_a_beacon_means_its_owner_only_while_recognition_is_allowed() -> None:
    """The index holds nobody who may not be recognised."""
    beacons: dict[str, list[int]] = {}
    consents = Consents(HASH, beacons_of=lambda person: beacons.get(person, []))
    person = someone(consents)
    beacons[person] = [HASH.beacon(BEACON)]
    consents.enrol(person, BEACON)
    assert consents.person_of_beacon(BEACON) is None
    assert consents.sizes()["beacons"] == 0
    consents.apply(say(person, Purpose.RECOGNISE, True, 10.0))
    assert consents.person_of_beacon(BEACON) == person
    consents.apply(say(person, Purpose.RECOGNISE, False, 11.0))
    assert consents.person_of_beacon(BEACON) is None
    assert consents.sizes()["beacons"] == 0


def test_beacons_looked_up_in_vain_are_left_out_at_once() -> None:
    """But for one that may rotate, and until anybody enrols a beacon."""
    consents = Consents(HASH)
    consents.enrol(someone(consents, 1, Purpose.RECOGNISE), BEACON)
    heard = [(Sighting("g1", beacon), 5.0) for beacon in ("name:a", "mac:000000000001", BEACON)]
    assert consents.perhaps_known(heard) == heard
    for sighting, _ in heard:
        consents.person_of_beacon(sighting.beacon)
    assert consents.perhaps_known(heard) == heard[2:]
    assert consents.perhaps_known(heard, ("eid:", "mac:")) == heard[1:]
    consents.enrol(someone(consents, 2, Purpose.RECOGNISE), "name:a")
    assert consents.perhaps_known(heard) == heard


def test_a_beacon_claimed_by_two_members_is_nobodys_until_one_gives_it_up() -> None:
    consents = Consents(HASH)
    first = someone(consents, 1, Purpose.RECOGNISE)
    second = someone(consents, 2, Purpose.RECOGNISE)
    assert consents.enrol(first, BEACON)
    assert not consents.enrol(second, BEACON)
    assert consents.person_of_beacon(BEACON) is None
    assert consents.sizes()["contested_beacons"] == 1
    consents.forget(second)
    consents.settle_claim(HASH.beacon(BEACON), first)
    assert consents.person_of_beacon(BEACON) == first


def test_forgetting_leaves_no_trace_in_memory() -> None:
    consents = Consents(HASH)
    person = someone(consents, 1, Purpose.RECOGNISE, Purpose.PROFILE)
    consents.enrol(person, BEACON)
    grant = consents.grant(person, Purpose.PROFILE, 20.0)
    assert grant is not None
    consents.forget(person)
    assert consents.person_of_beacon(BEACON) is None
    assert consents.person_of_member("M000001") is None
    assert consents.purposes(person) == frozenset()
    with pytest.raises(GrantError):
        grant.require(Purpose.PROFILE, 21.0)


def test_without_consent_there_is_no_grant() -> None:
    consents = Consents(HASH)
    person = someone(consents, 1, Purpose.PROFILE)
    assert consents.grant(person, Purpose.OFFERS, 20.0) is None
    assert consents.grant("0000000000000099", Purpose.PROFILE, 20.0) is None
    assert consents.grant("not a pseudonym", Purpose.PROFILE, 20.0) is None
    grant = consents.grant(person, Purpose.PROFILE, 20.0)
    assert grant is not None
    grant.require(Purpose.PROFILE, 20.0, person)


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("another purpose", lambda g: g.require(Purpose.OFFERS, 20.0)),
        ("another person", lambda g: g.require(Purpose.PROFILE, 20.0, "0000000000000002")),
        ("too late", lambda g: g.require(Purpose.PROFILE, 20.0 + 300.0)),
    ],
)
def test_a_grant_opens_nothing_else(name: str, use: Callable[[Grant[Purpose]], None]) -> None:
    consents = Consents(HASH)
    grant = consents.grant(someone(consents, 1, Purpose.PROFILE), Purpose.PROFILE, 20.0)
    assert grant is not None
    with pytest.raises(GrantError):
        use(grant)


@pytest.mark.parametrize(
    ("name", "forge"),
    [
        ("made by hand", lambda g: Grant("x", Purpose.PROFILE, 1e12, lambda: True)),
        ("a guessed seal", lambda g: Grant("x", Purpose.PROFILE, 1e12, lambda: True, object())),
        ("copied", copy.copy),
        ("copied deeply", copy.deepcopy),
        ("stored and read back", lambda g: pickle.loads(pickle.dumps(g))),
        ("stretched", lambda g: setattr(g, "expires_s", 1e12)),
        ("turned into another", lambda g: setattr(g, "purpose", Purpose.OFFERS)),
        ("its check removed", lambda g: delattr(g, "_is_live")),
        ("another person put in", lambda g: setattr(g, "subject", "0000000000000002")),
    ],
)
def test_a_grant_cannot_be_forged(name: str, forge: Callable[[Grant[Purpose]], object]) -> None:
    consents = Consents(HASH)
    grant = consents.grant(someone(consents, 1, Purpose.PROFILE), Purpose.PROFILE, 20.0)
    assert grant is not None
    with pytest.raises(GrantError):
        forge(grant)


def test_a_type_checker_refuses_the_wrong_grant() -> None:
    """What mypy says about one right and one wrong call, in a process of its own."""
    program = """
from typing import Literal
from edge.core.consent import Consents, Grant, Purpose
def read(grant: Grant[Literal[Purpose.PROFILE]]) -> None: ...
def use(consents: Consents) -> None:
    right = consents.grant("p", Purpose.PROFILE, 0.0)
    wrong = consents.grant("p", Purpose.OFFERS, 0.0)
    assert right and wrong
    read(right)
    read(wrong)
"""
    command = [sys.executable, "-m", "mypy", "--config-file=", "--strict", "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.stdout.count("error:") == 1, ran.stdout
    assert "<string>:10: error" in ran.stdout


@pytest.mark.parametrize(
    ("name", "said", "outcomes", "is_given"),
    [
        ("given", [(True, 10.0, 10.0)], ["given"], True),
        ("given twice", [(True, 10.0, 10.0), (True, 11.0, 11.0)], ["given", "unchanged"], True),
        ("withdrawn", [(True, 10.0, 10.0), (False, 11.0, 11.0)], ["given", "withdrawn"], False),
        (
            "the consent comes after its later withdrawal",
            [(False, 20.0, 20.0), (True, 10.0, 30.0)],
            ["unchanged", "outdated"],
            False,
        ),
        (
            "an old consent replayed after the withdrawal",
            [(True, 10.0, 10.0), (False, 20.0, 20.0), (True, 10.0, 40.0)],
            ["given", "withdrawn", "outdated"],
            False,
        ),
        (
            "both in the same second: the withdrawal wins",
            [(False, 10.0, 10.0), (True, 10.0, 11.0)],
            ["unchanged", "outdated"],
            False,
        ),
        (
            "both in the same second, the other order",
            [(True, 10.0, 10.0), (False, 10.0, 11.0)],
            ["given", "withdrawn"],
            False,
        ),
        (
            "a consent dated into the future does not outlive a withdrawal",
            [(True, 1e12, 10.0), (False, 11.0, 11.0)],
            ["given", "withdrawn"],
            False,
        ),
        (
            "the clock was set back between the two",
            [(True, 1000.0, 1000.0), (False, 5.0, 5.0)],
            ["given", "withdrawn"],
            False,
        ),
        (
            "given again later",
            [(True, 10.0, 10.0), (False, 11.0, 11.0), (True, 12.0, 12.0)],
            ["given", "withdrawn", "given"],
            True,
        ),
        (
            "an app that was offline withdraws what was given anew since",
            [(True, 30.0, 30.0), (False, 20.0, 40.0)],
            ["given", "outdated"],
            True,
        ),
    ],
)
def test_the_newest_statement_counts(
    name: str, said: list[tuple[bool, float, float]], outcomes: list[str], is_given: bool
) -> None:
    consents = Consents(HASH)
    person = someone(consents)
    seen = [consents.apply(say(person, Purpose.OFFERS, *each)) for each in said]
    assert seen == outcomes
    assert consents.has(person, Purpose.OFFERS) is is_given


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 6)), min_size=1, max_size=5))
def test_the_order_of_arrival_does_not_matter(said: list[tuple[bool, int]]) -> None:
    """Every order of the same statements ends the same, as long as no clock lies."""
    ends = set()
    for order in itertools.permutations(said):
        consents = Consents(HASH)
        person = someone(consents)
        for is_given, at_s in order:
            consents.apply(say(person, Purpose.OFFERS, is_given, float(at_s), 100.0))
        ends.add(consents.has(person, Purpose.OFFERS))
    newest = max(at_s for _, at_s in said)
    assert ends == {all(is_given for is_given, at_s in said if at_s == newest)}


def test_a_changed_purpose_needs_a_new_consent() -> None:
    """Better wording does not; a text that is not on file covers nothing."""
    texts = dict.fromkeys(Purpose, Text("Neu", "New"))
    reworded = Notice("2026-02", texts, dict.fromkeys(Purpose, 1))
    changed = Notice("2026-03", texts, {**dict.fromkeys(Purpose, 1), Purpose.OFFERS: 2})
    for notices, version, outcome in (
        (NoticeBook(NOTICES), VERSION, Outcome.GIVEN),
        (NoticeBook((*NOTICES, reworded)), VERSION, Outcome.GIVEN),
        (NoticeBook((*NOTICES, reworded, changed)), VERSION, Outcome.NOTICE_OUTDATED),
        (NoticeBook((*NOTICES, reworded, changed)), "2026-03", Outcome.GIVEN),
        (NoticeBook(NOTICES), "1999-01", Outcome.NOTICE_OUTDATED),
    ):
        consents = Consents(HASH, notices)
        person = someone(consents)
        assert consents.apply(say(person, Purpose.OFFERS, True, 1.0, version=version)) == outcome


def test_a_withdrawal_counts_under_any_notice() -> None:
    consents = Consents(HASH)
    person = someone(consents, 1, Purpose.OFFERS)
    outcome = consents.apply(say(person, Purpose.OFFERS, False, 11.0, version="unknown"))
    assert outcome is Outcome.WITHDRAWN


def test_merged_persons_are_one_and_can_be_parted_again() -> None:
    """The newest statement of either counts; a split brings each one's own back."""
    consents = Consents(HASH)
    card = someone(consents, 1, Purpose.RECOGNISE, Purpose.OFFERS)
    app = someone(consents, 2, Purpose.RECOGNISE, Purpose.PROFILE)
    consents.enrol(app, BEACON)
    assert consents.merge(card, app)
    assert not consents.merge(card, app)
    assert consents.person_of_beacon(BEACON) == card
    assert consents.person_of_member("M000002") == card
    assert consents.purposes(card) == {Purpose.RECOGNISE, Purpose.OFFERS, Purpose.PROFILE}
    consents.apply(say(app, Purpose.OFFERS, False, 20.0))
    assert not consents.has(card, Purpose.OFFERS)
    assert consents.split(app)
    assert not consents.split(app)
    assert consents.has(card, Purpose.OFFERS)
    assert consents.purposes(app) == {Purpose.RECOGNISE, Purpose.PROFILE}
    assert consents.person_of_beacon(BEACON) == app


def test_a_members_word_arrives_under_the_pseudonym() -> None:
    consents = Consents(HASH)
    person = someone(consents)
    change = ConsentChange("M000001", Purpose.OFFERS, True, 5.0, VERSION, "en", "station")
    said = consents.statement_of(change, 6.0)
    assert said == Statement(person, Purpose.OFFERS, True, 5.0, 6.0, VERSION, "en", "station")
    stranger = ConsentChange("M9", Purpose.OFFERS, True, 5.0, VERSION, "en", "station")
    assert consents.statement_of(stranger, 6.0) is None


def test_the_whole_state_is_taken_over_at_start() -> None:
    """Three persons; the third shares a beacon with the first, who never allowed recognition."""
    shared = "mac:aabbccddeeff"
    given_bits = np.array([0, 1, 1], np.uint16)
    state = ConsentState(
        pseudonyms=np.array([30, 10, 20], np.uint64),
        given=given_bits,
        stated_s=np.where(given_bits[:, None] > 0, 5.0, -np.inf) * np.ones((1, len(PURPOSES))),
        member_keys=np.array([HASH.member(m) for m in ("A", "B", "C")], np.uint64),
        beacon_keys=np.array(
            [HASH.beacon(shared), HASH.beacon(BEACON), HASH.beacon(shared)], np.uint64
        ),
        beacon_rows=np.array([0, 1, 2], np.int32),
    )
    consents = Consents(HASH, state=state)
    assert consents.person_of_beacon(BEACON) == f"{10:016x}"
    assert consents.person_of_beacon(shared) is None
    assert consents.person_of_member("C") == f"{20:016x}"
    assert consents.sizes() == {
        "members": 3,
        "beacons": 1,
        "contested_beacons": 1,
        "merged": 0,
    }
    late = say(f"{10:016x}", Purpose.RECOGNISE, False, 4.0, 9.0)
    assert consents.apply(late) is Outcome.OUTDATED


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["put", "drop", "drop_row"]), st.integers(0, 9), st.integers(0, 3)
        ),
        max_size=40,
    )
)
def test_the_key_index_behaves_like_a_dict(steps: list[tuple[str, int, int]]) -> None:
    index, model = KeyIndex(), dict[int, int]()
    for step, key, row in steps:
        if step == "put":
            index.put(key, row)
            model[key] = row
        elif step == "drop":
            index.drop(key)
            model.pop(key, None)
        else:
            index.drop_row(row)
            model = {k: r for k, r in model.items() if r != row}
    assert {k: index.get(k) for k in range(10)} == {k: model.get(k, ABSENT) for k in range(10)}
    assert len(index) == len(model)


@pytest.mark.parametrize("notice", NOTICES, ids=lambda notice: notice.version)
def test_notices_are_short_and_plain(notice: Notice) -> None:
    """At most two sentences and 100 characters a purpose, in both languages (A38)."""
    for purpose in Purpose:
        for text in (notice.texts[purpose].de, notice.texts[purpose].en):
            assert 0 < len(text) <= 100
            assert text.count(".") <= 2
            assert "{" not in text
    assert notice.sha256("de") != notice.sha256("en")


def test_the_sieve_never_takes_a_known_key_for_new() -> None:
    """Every key that was added may be held; of others, few look known."""
    sieve = Sieve()
    keys = [
        int.from_bytes(blake2b(b"%d" % n, digest_size=8).digest(), "little") for n in range(40_000)
    ]
    for key in keys[:20_000]:
        sieve.add(key)
    assert all(sieve.may_hold(key) for key in keys[:20_000])
    assert sum(sieve.may_hold(key) for key in keys[20_000:]) < 20
