"""A box that explores judges other rules by its own ledger: rightly, or it says what is missing."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from edge.__main__ import main
from edge.adapters.clock import SimulatedClock
from edge.adapters.sqlite.schema import signed
from edge.core.reasons import Reason
from tests.conftest import Mosquitto, wait_until
from tests.journeys.test_tact_rules import ask
from tests.tact_store import tick
from tests.world import (
    BEN,
    ITEM_IDS,
    RunningBox,
    configure,
    rfc3339,
    running,
    tablet_of,
    write_store,
)

MEMBERS = [f"M-{n}" for n in range(480)]
AT_ONCE = 80
AWAY_S = 1_500.0
"""Longer than a visit lives without a sign."""
TAKEN = {item_id: 0.6 if n % 2 == 0 else 0.15 for n, item_id in enumerate(ITEM_IDS)}
"""The truth: how often a card is reserved that was seen."""
SHARE, FLOOR = 0.7, 0.2
CAPS = "".join(
    f'[[caps]]\nid = "{name}"\nlimit = 1000000\nwindow = "ever"\n'
    for name in ("cards-per-visit", "promotions-per-7-days", "offer-without-reaction")
)
RULES = (
    'version = "1"\nauthor = "Tests"\nholdout_share = 0.0\n' + CAPS
    + f"[limits]\nexplore_share = {SHARE}\n[limits.max_cards]\ntablet = 1\n"
    f"[limits.floors]\ntablet = {FLOOR}\n"
)  # fmt: skip
ODD = ", ".join(f'"item:{item_id}"' for item_id in ITEM_IDS[1::2])
BURY = (
    f'[[rules]]\nid = "odd"\nkind = "bury"\ntargets = [{ODD}]\nfactor = 0.01\n'
    'date = 2026-03-03\nreason = "customers do not like them"\n'
)
PIN = (
    '[[rules]]\nid = "new"\nkind = "pin"\ntargets = ["item:item-00"]\nplace = 1\n'
    'date = 2026-03-03\nreason = "just arrived"\n'
)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The little store's files, with customers enough to conclude."""
    return write_store(tmp_path / "store", n_guests=len(MEMBERS))


@contextmanager
def exploring(
    folder: Path, store: Path, bundle: Path, mosquitto: Mosquitto
) -> Iterator[RunningBox]:
    """Run a box that explores, on simulated time."""
    rules, clock = folder / "rules.toml", SimulatedClock()
    rules.write_text(RULES, encoding="utf-8")
    clock.tick(float(int(time.time())))
    settings = configure(
        folder, store, bundle, mosquitto.port, rules, clock='{ kind = "simulated" }'
    )
    with running(settings, clock) as box:
        yield box


def some_visit(box: RunningBox, rng: np.random.Generator, first: int = 0) -> None:
    """Let the next eighty come in, see the card, take it up by the known chance, and go."""
    members = MEMBERS[first : first + AT_ONCE]
    now_s, before = box.box.clock.now_s() + AWAY_S, box.count("decisions")
    tick(box, now_s)
    for member in members:
        data = {"member_id": member, "place": "app", "zone": "shoes"}
        box.event("checkins", "checkin", data, time=rfc3339(now_s))
    wait_until(lambda: box.count("decisions") >= before + AT_ONCE, "every decision")
    box.call(lambda: None)
    seen = box.count("shown")
    with tablet_of(box) as tablet:
        wait_until(lambda: len(tablet.contacts) == AT_ONCE, "every guest on the tablet")
        cards = [(at, card) for at, one in tablet.contacts.items() for card in one["cards"]]
        for _, card in cards:
            tablet.say({"kind": "seen", "card_ids": [card["card_id"]]})
        taps = [(at, card) for at, card in cards if rng.random() < TAKEN[card["item_id"]]]
        for at, card in taps:
            tap = {"id": f"tap-{card['card_id']}", "contact_id": at, "card_id": card["card_id"]}
            tablet.say({"kind": "reaction", "action": "reserve", "at_s": now_s, **tap})
        wait_until(lambda: len(tablet.answers) == len(taps), "an answer to every tap")
        wait_until(lambda: box.count("shown") == seen + len(cards), "every card counted as seen")
    assert {answer["kind"] for answer in tablet.answers.values()} == {"ack"}
    box.call(box.box.ledger.flush)


def asked(folder: Path, capsys: pytest.CaptureFixture[str], more: str) -> Any:
    """Ask the command about a draft, the rules in force and more of them; None: it failed."""
    draft = folder / "draft.toml"
    draft.write_text(RULES + more, encoding="utf-8")
    capsys.readouterr()
    code = main(["policy", str(folder / "box.toml"), "--rules", str(draft), "--json"])
    return json.loads(capsys.readouterr().out) if code == 0 else None


def earned_without_odd(box: RunningBox) -> float:
    """Return what past decisions would earn with the odd items buried, by the rules' own words.

    Only even ones are above the floor then; a part of the chance is shared out among them, and the
    best gets the rest.
    """
    found = []
    for decision in box.decisions():
        rows = [row for row in decision.trace() if row.reasons in ((), (Reason.OUTRANKED,))]
        even = [row for row in rows if row.item % 2 == 0]
        chance = np.full(len(even), SHARE / max(1, len(even)))
        if even:
            chance[np.argmax([row.score for row in even])] += 1.0 - SHARE
        found.append(sum(chance * [TAKEN[ITEM_IDS[row.item]] for row in even]))
    return float(np.mean(found))


def test_a_box_judges_rules_by_its_own_ledger(
    tmp_path: Path,
    store: Path,
    bundle: Path,
    mosquitto: Mosquitto,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Too little after eighty customers; after six times as many it holds the truth."""
    rng = np.random.default_rng(1)
    with exploring(tmp_path, store, bundle, mosquitto) as box:
        some_visit(box, rng)
        found = asked(tmp_path, capsys, BURY)
        assert (found["verdict"], found["decisions"]) == ("too_little", AT_ONCE)
        assert found["more_customers"] >= 200 - AT_ONCE
        for first in range(AT_ONCE, len(MEMBERS), AT_ONCE):
            some_visit(box, rng, first)
        truth = earned_without_odd(box)

        found = asked(tmp_path, capsys, BURY)
        assert (found["decisions"], found["seen"], found["left_out"]) == (480, 480, {})
        assert found["verdict"] not in ("too_little", "unsupported")
        for estimate in found["estimates"].values():
            # Drawn anew in every run: twice and a half the interval misses one in a million.
            half = 1.25 * (estimate["high"] - estimate["low"])
            assert 0.0 < half < 0.25
            assert abs(estimate["value"] - truth) < half
        _, trial = ask(box, "POST", "api/rules/trial", RULES + BURY)
        assert trial["outlook"]["earning"] == {
            "verdict": found["verdict"],
            "gain": found["gain"]["value"],
        }

        found = asked(tmp_path, capsys, PIN)
        assert (found["verdict"], found["more_customers"]) == ("unsupported", 0)

        found = asked(tmp_path, capsys, "")
        assert found["verdict"] == "same"
        assert found["estimates"]["ips"] == found["estimates"]["snips"] == found["logged"]
        assert found["effective_customers"] == 480


def spoil(box: RunningBox, member: str) -> None:
    """Overwrite a member's decision on the disk, so that whoever opens it notices."""
    person = box.box.path.consents.person_of_member(member)
    assert person is not None
    box.call(box.box.ledger.flush)
    path = box.box.ledger.directory / "ledger.db"
    with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        spoiled = db.execute(
            "UPDATE decisions SET body = zeroblob(64) WHERE person_no ="
            " (SELECT person_no FROM persons WHERE pseudonym = ?)",
            [signed(int(person, 16))],
        )
        db.execute("COMMIT")
    assert spoiled.rowcount == 1


def test_decisions_without_a_profile_are_not_opened(
    tmp_path: Path,
    store: Path,
    bundle: Path,
    mosquitto: Mosquitto,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of Ben, who never agreed to one, nothing is opened; of who takes it back, nothing is left."""
    with exploring(tmp_path, store, bundle, mosquitto) as box:
        some_visit(box, np.random.default_rng(1))
        data = {"member_id": BEN, "place": "app", "zone": "shoes"}
        box.event("checkins", "checkin", data, time=rfc3339(box.box.clock.now_s()))
        wait_until(lambda: box.count("decisions") > AT_ONCE, "Ben's decision")
        spoil(box, BEN)
        assert asked(tmp_path, capsys, BURY)["decisions"] == AT_ONCE
        spoil(box, MEMBERS[0])
        assert asked(tmp_path, capsys, BURY) is None
        box.consent("profile", is_given=False, member=MEMBERS[0])
        wait_until(lambda: box.count("consent_withdrawn") == 1, "the withdrawal")
        box.call(box.box.ledger.flush)
        assert asked(tmp_path, capsys, BURY)["decisions"] == AT_ONCE - 1


def test_the_command_says_in_words_what_is_missing(
    tmp_path: Path,
    store: Path,
    bundle: Path,
    mosquitto: Mosquitto,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """How much more to log; that nothing counts since tomorrow; what is wrong with a draft."""
    config, draft = str(tmp_path / "box.toml"), tmp_path / "draft.toml"
    command = ["policy", config, "--rules", str(draft)]
    draft.write_text(RULES + BURY, encoding="utf-8")
    with exploring(tmp_path, store, bundle, mosquitto) as box:
        some_visit(box, np.random.default_rng(1))
        today = datetime.fromtimestamp(box.box.clock.now_s(), ZoneInfo("Europe/Berlin")).date()
        capsys.readouterr()
        assert main([*command, "--since", today.isoformat()]) == 0
        said = capsys.readouterr().out
        assert said.startswith("80 decisions with 80 cards: ")
        assert "\ntoo_little: Too little to conclude: the 80 customers count as " in said
        assert "looked at" not in said
        assert main([*command, "--most", "80"]) == 0
        assert "\nlooked at 80; where more are kept, " in capsys.readouterr().out
        assert main([*command, "--since", (today + timedelta(days=1)).isoformat()]) == 0
        assert capsys.readouterr().out.splitlines() == [
            "0 decisions with 0 cards: 0 explored, 0 seen, 0 taken up",
            "Nothing to judge by: no decision counts.",
        ]
        draft.write_text(RULES + BURY.replace("bury", "burry"), encoding="utf-8")
        assert main(command) == 2
        assert "draft.toml, line 24: rules[0].kind: found 'burry'" in capsys.readouterr().err
        draft.unlink()
        assert main(command) == 2
        assert "draft.toml: cannot be read" in capsys.readouterr().err
