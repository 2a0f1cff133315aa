"""The holdout from wire to screen: no personal push, anonymous answers, logged at assignment."""

from functools import partial
from pathlib import Path

from edge.core.candidates import Source
from edge.core.recall import PERSONAL
from tests.conftest import Mosquitto, wait_until
from tests.world import RunningBox, configure, running, tablet_of

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


def exposures(box: RunningBox) -> dict[str, str]:
    """Return the arm written for each person."""
    box.box.ledger.flush()
    found = box.box.ledger.reading().happenings.every("Exposed")
    return {person: said["arm"] for person, said in found if person is not None}
