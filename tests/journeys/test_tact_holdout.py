"""The holdout from wire to screen: no personal push, anonymous answers, logged at assignment."""

import json
from functools import partial
from pathlib import Path

from edge.core.candidates import Source
from edge.core.recall import PERSONAL
from tests.conftest import Mosquitto, wait_until
from tests.tact_store import look, sell
from tests.world import N_ITEMS, RunningBox, configure, running, sku_of, tablet_of

MEMBERS = [f"M-{n}" for n in range(80)]
RULES = 'version = "1"\nauthor = "Tests"\nholdout_share = {share}\n[limits.floors]\ntablet = 0.0\n'


def test_half_of_the_house_is_held_out(
    tmp_path: Path, store: Path, bundle: Path, mosquitto: Mosquitto
) -> None:
    """Of 80 regulars some 40 get what a stranger gets when they ask, and nothing unasked."""
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES.format(share=0.5), encoding="utf-8")
    settings = configure(tmp_path, store, bundle, mosquitto.port, rules)
    with running(settings) as box, tablet_of(box) as tablet:
        for member in MEMBERS:
            box.check_in(member)
        wait_until(lambda: box.count("decisions") == len(MEMBERS), "the decisions", 30.0)
        box.call(lambda: None)  # the last of them was made in one turn of the loop
        held = {p for p, guest in box.box.path.guests.items() if guest.arm.is_holdout}
        assert abs(len(held) - 40) <= 5.5 * (80 * 0.25) ** 0.5
        shown = {decision.visit_id: decision.slate for decision in box.decisions()}
        sources = {
            person: [line.sources for line in shown[guest.visit_id]]
            for person, guest in box.box.path.guests.items()
        }
        assert all(sources[person] for person in held), "who asks is answered"
        assert not any(each & PERSONAL for person in held for each in sources[person])
        others = [each for person in sources.keys() - held for each in sources[person]]
        assert sum(bool(each & Source.HISTORY) for each in others) > len(others) / 2
        wait_until(lambda: len(tablet.contacts) == len(MEMBERS), "everybody on the tablet")
        assert exposures(box) == {
            person: "holdout" if person in held else "measured" for person in sources
        }
        later_s = box.box.clock.now_s() + 3_600.0
        for person in sorted(held)[:3]:
            guest = box.box.path.guests[person]
            unasked = box.call(partial(box.box.path.serve, guest, later_s))
            assert unasked.empty is not None
            assert unasked.empty.value == "holdout"


def test_yesterdays_purchase_suggests_nothing_to_the_holdout(
    tmp_path: Path, store: Path, bundle: Path, mosquitto: Mosquitto
) -> None:
    """What goes with it comes first for everybody else; to who is held out no card speaks of it."""
    catalog = json.loads((store / "catalog.json").read_text(encoding="utf-8"))
    for number, each in enumerate(catalog["classes"]):
        each["complements"] = [f"class-{(number + 1) % N_ITEMS:02d}"]
    (store / "catalog.json").write_text(json.dumps(catalog), encoding="utf-8")
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES.format(share=0.5), encoding="utf-8")
    line = {"line_no": 1, "sku": sku_of(20), "quantity": 1, "unit_price_cents": 1_000}
    settings = configure(tmp_path, store, bundle, mosquitto.port, rules)
    with running(settings) as box, tablet_of(box) as tablet:
        arms = set()
        for member in MEMBERS:
            sell(box, "bag", days_ago=1.0, lines=[line], member_id=member)
            look(box, tablet, member, zone="women")
            *_, guest = box.box.path.guests.values()
            arms.add(guest.arm.is_holdout)
            cards = guest.cards.values()
            assert cards
            is_beside = [bool(card.sources & Source.COMPLEMENT) for card in cards]
            assert any(is_beside) == (not guest.arm.is_holdout)
            if guest.arm.is_holdout:
                assert not any(card.sources & PERSONAL or card.facts for card in cards)
                told = tablet.contacts[guest.visit_id]["cards"]
                assert {card["allowed"]["purpose"] for card in told} == {"staff_contact"}
            if arms == {True, False}:
                break
        assert arms == {True, False}


def exposures(box: RunningBox) -> dict[str, str]:
    """Return the arm written for each person."""
    box.box.ledger.flush()
    found = box.box.ledger.reading().happenings.every("Exposed")
    return {person: said["arm"] for person, said in found if person is not None}
