"""Bad orders of people, through the running box and the addresses of its page."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from edge.__main__ import main
from edge.core.trace import lines_of
from tests.conftest import Mosquitto, wait_until
from tests.core.decision_world import CATALOG
from tests.tact_store import look, rules_file, say, store_with
from tests.world import RunningBox, rfc3339


def ask(box: RunningBox, method: str, path: str, text: str | None = None) -> tuple[int, Any]:
    """Speak to the page's own addresses."""
    body = None if text is None else json.dumps({"text": text}).encode()
    request = urllib.request.Request(
        f"{box.address}{path}",
        body,
        {"Content-Type": "application/json", "Origin": box.address.rstrip("/")},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.load(refusal)


BROKEN = [
    ("a wrong value", "[limits]\nmax_per_class = 0\n", "limits.max_per_class", "0"),
    ("an unknown key", "[limits]\nmax_per_clas = 2\n", "max_per_clas", "unknown"),
    ("a window nobody understands",
     '[[caps]]\nid = "c"\nlimit = 1\nwindow = "sometimes"\nper = ["person"]\n', "window",
     "calendar week"),
    ("an id that is taken",
     '[[rules]]\nid = "only"\nkind = "ban"\ntargets = ["*"]\ndate = 2026-03-03\n'
     'reason = "why not"\n', "rules[1].id", "used twice"),
    ("not TOML at all", "[[rules\n", "not TOML", "line"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "key", "expectation"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN]
)
def test_a_file_with_an_error_keeps_the_last_good_one(
    tmp_path: Path, mosquitto: Mosquitto, lines: str, key: str, expectation: str
) -> None:
    """The ban of the good file holds; page and health check say line, key and expectation."""
    with store_with(tmp_path, mosquitto, ["mouse"]) as (box, tablet):
        assert look(box, tablet) == {"mouse"}
        good = box.box.rulebook.state.playbook.version
        bad = rules_file(["mouse", "bag"]) + lines
        (tmp_path / "rules.toml").write_text(bad, encoding="utf-8")
        wait_until(lambda: box.box.rulebook.state.problems, "the refusal")
        assert look(box, tablet) == {"mouse"}
        assert box.box.rulebook.state.playbook.version == good
        (problem,) = box.box.rulebook.state.problems
        assert box.box.health().parts["rule_problems"] == [problem]
        at = bad.count("\n", 0, bad.rindex(lines.splitlines()[-1].split(" ")[0])) + 1
        assert "rules.toml, line" in problem
        assert key in problem
        assert expectation in problem
        assert abs(int(problem.partition("line ")[2].split(":")[0]) - at) <= 4
        status, sheet = ask(box, "GET", "api/rules")
        assert status == 200
        assert problem in sheet["notes"]
        assert sheet["version"] == good


def test_contradicting_rules_are_told_with_both_authors(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """Jo pins what Kim bans: the ban holds, and the page says who has to talk to whom."""
    more = (
        '[[rules]]\nid = "jo"\nkind = "pin"\nplace = 1\ntargets = ["item:bag"]\n'
        'author = "Jo"\ndate = 2026-03-03\nreason = "looks good"\n'
        '[[rules]]\nid = "kim"\nkind = "ban"\ntargets = ["class:laptop-bag"]\n'
        'author = "Kim"\ndate = 2026-03-04\nreason = "the seams open"\n'
    )
    with store_with(tmp_path, mosquitto, ["bag", "mouse"], more=more) as (box, tablet):
        assert look(box, tablet) == {"mouse"}
        notes = ask(box, "GET", "api/rules")[1]["notes"]
        (told,) = [note for note in notes if "'jo'" in note and "'kim'" in note]
        assert "by Jo, unverified" in told
        assert "by Kim, unverified" in told
        assert "the ban holds" in told


SAID = 'date = 2026-03-03\nreason = "because"\n'
CONTRADICTIONS = [
    ("two lines of the matrix",
     '[[matrix]]\ngroup = "class:tie"\nthen = []\nauthor = "Jo"\n' + SAID
     + '[[matrix]]\ngroup = "class:tie"\nthen = ["repeat"]\nauthor = "Kim"\n' + SAID),
    ("a map to what is banned",
     '[[rules]]\nid = "a"\nkind = "complement"\ntargets = ["class:shirt"]\nto = ["class:tie"]\n'
     'author = "Jo"\n' + SAID
     + '[[rules]]\nid = "b"\nkind = "ban"\ntargets = ["class:tie"]\nauthor = "Kim"\n' + SAID),
    ("a class one map names and an item the other rules out",
     '[[rules]]\nid = "a"\nkind = "complement"\ntargets = ["class:shirt"]\nto = ["class:suit"]\n'
     'author = "Jo"\n' + SAID
     + '[[rules]]\nid = "b"\nkind = "complement"\ntargets = ["class:shirt"]\n'
     'never = ["item:suit"]\nauthor = "Kim"\n' + SAID),
]  # fmt: skip


def test_maps_and_matrix_contradict_with_both_authors(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Whatever two people wrote, the trial and the page name both of them."""
    with store_with(tmp_path, mosquitto, ["tie", "suit", "mouse"]) as (box, _):
        for name, lines in CONTRADICTIONS:
            draft = rules_file(["tie", "suit", "mouse"], lines)
            trial = ask(box, "POST", "api/rules/trial", draft)[1]
            told = [note for note in trial["notes"] if "by Jo" in note and "by Kim" in note]
            assert len(told) == 1, name
        assert ask(box, "PUT", "api/rules", draft)[0] == 200
        assert told[0] in ask(box, "GET", "api/rules")[1]["notes"]


def test_typing_errors_in_the_tables_are_told(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """A class, a line of the matrix and a cap that mean nothing: the page names all three."""
    slips = (
        '[classes.winter-cot]\ninterval_days = 10\nthen = []\nauthor = "Jo"\n' + SAID
        + '[[matrix]]\ngroup = "class:nosuch"\nthen = []\n' + SAID
        + '[[caps]]\nid = "c9"\nlimit = 1\nwindow = "ever"\nonly = { class = "ty" }\n'
    )  # fmt: skip
    with store_with(tmp_path, mosquitto, ["mouse"], more=slips) as (box, _):
        notes = ask(box, "GET", "api/rules")[1]["notes"]
        told = [note for note in notes if "is not in the catalogue" in note]
        assert told == [
            "classes by Jo: 'winter-cot' is not in the catalogue",
            "matrix by Tests: 'class:nosuch' is not in the catalogue",
            "caps['c9'].only.class: 'ty' is not in the catalogue",
        ]


SILENCE = (
    "".join(
        f'[classes.{class_id}]\ninterval_days = 3650\nthen = ["care"]\n'
        for class_id in CATALOG.classes
    )
    + '[kinds.durable]\ninterval_days = 3650\nthen = ["care"]\n'
)
SILENCE_FOR_MEN = '[[matrix]]\ngroup = "*"\naudience = "men"\nthen = []\n'


def test_a_class_table_that_silences_everything_warns_before_it_is_live(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """Every class rests for ten years: the trial says so, and what is live does not change."""
    with store_with(tmp_path, mosquitto, ["mouse", "bag"]) as (box, tablet):
        look(box, tablet)
        good = box.box.rulebook.state.playbook.version
        draft = rules_file(["mouse", "bag"]) + SILENCE
        status, trial = ask(box, "POST", "api/rules/trial", draft)
        assert status == 200
        assert trial["problems"] == []
        assert any("would see nothing" in note for note in trial["notes"])
        assert box.box.rulebook.state.playbook.version == good
        gentle = rules_file(["mouse", "bag"]) + SILENCE.replace("3650", "30")
        assert not any(
            "would see nothing" in note
            for note in ask(box, "POST", "api/rules/trial", gentle)[1]["notes"]
        )


@pytest.mark.parametrize(
    ("table", "whom"),
    [(SILENCE, "a customer who"), (SILENCE_FOR_MEN, "a customer of 'men' who")],
    ids=["everybody", "an audience"],
)
def test_a_silencing_class_table_is_held_back_until_the_file_confirms_it(
    tmp_path: Path, mosquitto: Mosquitto, table: str, whom: str
) -> None:
    """Published without a trial or saved by hand: the last good rules stay, with the reason."""
    with store_with(tmp_path, mosquitto, ["mouse"]) as (box, tablet):
        rulebook, file = box.box.rulebook, tmp_path / "rules.toml"
        good, before = rulebook.state.playbook.version, file.read_text(encoding="utf-8")
        silent = rules_file(["mouse"]) + table
        status, refusal = ask(box, "PUT", "api/rules", silent)
        assert status == 409
        (told,) = refusal["detail"]
        assert whom in told
        assert "may_silence = true" in told
        assert file.read_text(encoding="utf-8") == before
        file.write_text(silent, encoding="utf-8")
        wait_until(lambda: rulebook.state.problems, "the file to be held back")
        assert rulebook.state.problems == (told,)
        assert told in ask(box, "GET", "api/rules")[1]["notes"]
        assert rulebook.state.playbook.version == good
        assert look(box, tablet) == {"mouse"}
        meant = "may_silence = true\n" + silent
        assert ask(box, "PUT", "api/rules", meant)[0] == 200
        assert rulebook.state.playbook.version != good
        assert not rulebook.state.problems


def test_an_item_without_a_class_is_treated_with_caution_and_listed(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """Nothing of its category follows its purchase, and the page says what the catalogue lacks."""
    with store_with(tmp_path, mosquitto, ["odd-2", "mouse"]) as (box, tablet):
        assert look(box, tablet) == {"odd-2", "mouse"}
        notes = ask(box, "GET", "api/rules")[1]["notes"]
        (told,) = [note for note in notes if note.startswith("catalogue: item without class")]
        assert "odd-1" in told
        assert "odd-2" in told


def test_what_the_catalogue_lacks_is_told_by_the_command_line(
    tmp_path: Path, mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    """`check-config` lists items without class and what is assumed of them; it is no error."""
    with store_with(tmp_path, mosquitto, ["mouse"]):
        pass
    assert main(["check-config", str(tmp_path / "box.toml")]) == 0
    told = capsys.readouterr().out
    assert "catalogue: item without class: 2 (odd-1, odd-2)" in told
    assert "catalogue: class without complement" in told


def test_a_pin_shows_what_nothing_else_would_find(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Of four hundred items some are never a candidate; pinned, one of them comes first."""
    with store_with(tmp_path, mosquitto, ["mouse", "tie"], n_more=400) as (box, tablet):
        look(box, tablet)
        catalog = box.box.path.house.catalog
        looked_at = {row.item for row in box.decisions()[-1].trace()}
        left_out = [i.item_id for at, i in enumerate(catalog.items) if at not in looked_at]
        assert len(left_out) > 100
        pin = (
            f'[[rules]]\nid = "new"\nkind = "pin"\nplace = 1\ntargets = ["item:{left_out[-1]}"]\n'
            'date = 2026-03-03\nreason = "new in the house"\n'
        )
        status, _ = ask(box, "PUT", "api/rules", rules_file(["mouse", "tie"], pin))
        assert status == 200
        assert left_out[-1] in look(box, tablet)
        first = tablet.cards()[0]
        assert first["item_id"] == left_out[-1]
        assert "new in the house" in first["why"][0]["text"]["de"]
        traced = lines_of(box.decisions()[-1], catalog)
        (line,) = [line for line in traced if line.startswith(f"  {left_out[-1]}: ")]
        assert "from pinned" in line
        assert ask(box, "GET", "api/rules")[1]["rows"][-1]["is_in_force"]


def test_a_pin_brings_back_nothing_that_was_suppressed(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """The pinned item is sold out: it is looked at, and not shown."""
    pin = (
        '[[rules]]\nid = "new"\nkind = "pin"\nplace = 1\ntargets = ["item:more-399"]\n'
        'date = 2026-03-03\nreason = "new in the house"\n'
    )
    with store_with(tmp_path, mosquitto, ["mouse"], n_more=400, more=pin) as (box, tablet):
        assert "more-399" in look(box, tablet)
        level = {"sku": "more-399", "quantity": 0}
        stock = {"as_of": rfc3339(box.box.clock.now_s()), "levels": [level]}
        say(box, "stock", "stock", stock)
        assert "more-399" not in look(box, tablet)
