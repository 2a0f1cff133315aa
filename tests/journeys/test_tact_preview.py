"""Rules tried on the page, on a running box: what the trial tells is what going live then does."""

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Mosquitto, wait_until
from tests.journeys.test_tact_rules import ask
from tests.journeys.test_walk_ins import phone
from tests.tact_store import History, look, rules_file, sell, store_with
from tests.world import BEN, RunningBox

COAT = '[classes.winter-coat]\ninterval_days = 10\nthen = ["care", "complement"]\n'
SILENCE = '[[matrix]]\ngroup = "class:mouse"\nthen = []\n'
FOR_MEN = (
    '[[rules]]\nid = "men"\nkind = "ban"\ntargets = ["item:mouse"]\naudiences = ["men"]\n'
    'date = 2026-03-03\nreason = "sold under the counter"\n'
)
TO_MOUSE = (
    '[[rules]]\nid = "map"\nkind = "complement"\ntargets = ["class:shirt"]\nto = ["class:mouse"]\n'
    'never = ["class:tie"]\ndate = 2026-03-03\nreason = "a try"\n'
)
ONCE = (
    '[[caps]]\nid = "once"\nlimit = 1\nwindow = "ever"\nper = ["person"]\nrequests_pass = false\n'
)
# Goods left, Anna's purchases, what she sold us of herself, the lines tried, before, after.
TRIALS: dict[str, tuple[list[str], History, dict[str, Any], str, set[str], set[str]]] = {
    "a coat's interval of ten days": (
        ["coat-b"], [("coat-a", 20.0, False)], {}, COAT, set(), {"coat-b"},
    ),
    "silence after a mouse": (
        ["mouse", "bag"], [("mouse", 100.0, False)], {}, SILENCE, {"mouse", "bag"}, {"bag"},
    ),
    "a ban for men": (
        ["mouse", "bag"], (), {"declared": {"audience": "men"}}, FOR_MEN, {"mouse", "bag"}, {"bag"},
    ),
    "another complement": (
        ["tie", "cufflinks", "mouse", "bag"], [("shirt-a", 1.0, False)], {}, TO_MOUSE,
        {"tie", "cufflinks"}, {"mouse", "bag"},
    ),
}  # fmt: skip


def outlook(box: RunningBox, text: str) -> dict[str, Any]:
    """Try a file out; return what would have changed."""
    status, trial = ask(box, "POST", "api/rules/trial", text)
    assert (status, trial["problems"]) == (200, [])
    found: dict[str, Any] = trial["outlook"]
    return found


def named(texts: list[dict[str, str]]) -> set[str]:
    """Return the names of one side of an example; in the little store they are the ids."""
    return {text["en"] for text in texts}


@pytest.mark.parametrize("name", TRIALS)
def test_a_trial_tells_what_going_live_does(
    tmp_path: Path, mosquitto: Mosquitto, name: str
) -> None:
    """Class table, matrix, audience and map are tried on purchases and words of the visitor."""
    left, history, about, more, before, after = TRIALS[name]
    with store_with(tmp_path, mosquitto, left, history, about=about) as (box, tablet):
        assert look(box, tablet) == before
        told = outlook(box, rules_file(left) + more)
        assert (told["decisions"], told["partly"], told["changed"]) == (1, 0, 1)
        (example,) = told["examples"]
        assert (named(example["before"]), named(example["after"])) == (before, after)
        assert outlook(box, rules_file(left))["changed"] == 0
        assert ask(box, "PUT", "api/rules", rules_file(left) + more)[0] == 200
        assert look(box, tablet) == after


def test_a_cap_is_tried_on_what_was_shown(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """One thing ever: one card of the first visit would have stayed; live, another gets one."""
    left = ["mouse", "bag"]
    with store_with(tmp_path, mosquitto, left) as (box, tablet):
        assert look(box, tablet) == {"mouse", "bag"}
        told = outlook(box, rules_file(left) + ONCE)
        assert (told["decisions"], told["changed"], told["shown_after"]) == (1, 1, 1)
        assert ask(box, "PUT", "api/rules", rules_file(left) + ONCE)[0] == 200
        shown = len(tablet.cards())
        look(box, tablet, BEN)
        assert len(tablet.cards()) == shown + 1


def test_a_map_is_tried_on_the_basket_of_nobody(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Nobody is known; what lay in the basket stands in the record of the decision."""
    left = ["tie", "cufflinks", "mouse", "bag"]
    with store_with(tmp_path, mosquitto, left) as (box, _), phone(mosquitto) as mine:
        assert set(mine.scan(box, "shirt-a", is_in_basket=True)) == {"tie", "cufflinks"}
        told = outlook(box, rules_file(left) + TO_MOUSE)
        assert (told["decisions"], told["partly"], told["changed"]) == (1, 0, 1)
        assert named(told["examples"][0]["after"]) == {"mouse", "bag"}
        assert ask(box, "PUT", "api/rules", rules_file(left) + TO_MOUSE)[0] == 200
        assert set(mine.scan(box, "shirt-a", is_in_basket=True)) == {"mouse", "bag"}


def test_purchases_are_read_only_with_a_consent_of_now(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """After she takes back the profile, nothing of her decision is left to be compared."""
    left = ["coat-b", "mouse"]
    history = [("coat-a", 20.0, False)]
    with store_with(tmp_path, mosquitto, left, history) as (box, tablet):
        assert look(box, tablet) == {"mouse"}
        coat = rules_file(left) + COAT
        assert outlook(box, coat)["changed"] == 1
        box.consent("profile", is_given=False)
        wait_until(lambda: box.count("consent_withdrawn") == 1, "the withdrawal")
        assert ask(box, "POST", "api/rules/trial", coat)[1]["outlook"] is None


def test_a_late_sale_is_no_change_of_rules(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """A coat sold before the decision and told after it closes nothing in the comparison."""
    left = ["coat-b", "mouse"]
    with store_with(tmp_path, mosquitto, left) as (box, tablet):
        assert look(box, tablet) == {"coat-b", "mouse"}
        sell(box, "coat-a", days_ago=6)
        assert outlook(box, rules_file(left))["changed"] == 0
        told = outlook(box, rules_file(["coat-b"]))
        assert [named(example["after"]) for example in told["examples"]] == [set()]
