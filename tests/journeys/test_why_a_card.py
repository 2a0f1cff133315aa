"""What each source of data contributed to a card, asked on a running box with a trained model."""

import hashlib
import json
import re
import shutil
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.__main__ import main
from edge.opening import KEPT
from tests.conftest import Mosquitto, wait_until
from tests.tact_store import DAY_S, look, say, sell
from tests.world import (
    ANNA,
    BEN,
    ITEM_IDS,
    STAPLES,
    RunningBox,
    Tablet,
    configure,
    running,
    sku_of,
    tablet_of,
)

ONLY_7_AND_11 = f"""
version = "1"
author = "Tests"
holdout_share = 0.0
[limits.floors]
tablet = 0.0
[[rules]]
id = "only"
kind = "ban"
targets = {json.dumps([f"item:{name}" for n, name in enumerate(ITEM_IDS) if n not in (7, 11)])}
date = 2026-03-03
reason = "the rest is not asked"
"""


def because(tablet: Tablet, card: dict[str, Any]) -> dict[str, Any]:
    """Ask about a card as the page does, and wait for the answer."""
    contact = next(c for c in tablet.contacts.values() if card in c["cards"])
    asked = f"why-{len(tablet.answers)}"
    tablet.say(
        {
            "kind": "why",
            "id": asked,
            "contact_id": contact["contact_id"],
            "card_id": card["card_id"],
        }
    )
    wait_until(lambda: asked in tablet.answers, "the answer")
    return tablet.answers[asked]


def shares(answer: dict[str, Any]) -> dict[str, float]:
    """Return the shares by source."""
    assert answer["none"] is None
    return {line["source"]: line["share"] for line in answer["shares"]}


def card_of(tablet: Tablet, item: int) -> dict[str, Any]:
    """Return the card of an item."""
    return next(card for card in tablet.cards() if card["item_id"] == ITEM_IDS[item])


def test_a_card_says_what_it_rests_on(box: RunningBox) -> None:
    """Anna's staples come from what she bought; all shares together are the whole."""
    with tablet_of(box) as tablet:
        assert look(box, tablet, zone="women") <= {ITEM_IDS[n] for n in STAPLES}
        frames = len(tablet.frames)
        for card in tablet.cards():
            answer = because(tablet, card)
            found = shares(answer)
            assert max(found, key=lambda name: abs(found[name])) in {"history", "others"}
            assert found["zone"] > 0.0  # the staples lie in women
            assert sum(abs(share) for share in found.values()) == pytest.approx(1.0, abs=0.15)
            assert answer["adds_up"] == (answer["overlap"] <= 0.1)
            assert answer == because(tablet, card) | {"id": answer["id"]}
        assert len(tablet.frames) == frames  # the answer is nobody else's, and changes nothing


def test_a_source_that_is_not_there_contributed_nothing(box: RunningBox) -> None:
    """The same customer elsewhere in the house: the zone is gone from the figures."""
    with tablet_of(box) as tablet:
        look(box, tablet, zone="women")
        item = ITEM_IDS.index(tablet.cards()[0]["item_id"])
        before = box.call(lambda: whole(box, item))
        assert before["zone"] == pytest.approx(np.log(2.0), abs=0.02)
        assert "basket" not in before
        look(box, tablet, zone="shoes")
        after = box.call(lambda: whole(box, item))
        assert "zone" not in after
        for name in ("history", "others"):
            assert after[name] == pytest.approx(before[name], abs=0.05)


def test_what_lies_in_the_basket_contributes_what_it_calls_for(
    tmp_path: Path, store: Path, bundle: Path, mosquitto: Mosquitto
) -> None:
    """Item 7 goes with item 3. The same customer before and after 3 lies in the basket."""
    catalog = json.loads((store / "catalog.json").read_text(encoding="utf-8"))
    catalog["classes"][3]["complements"] = ["class-07"]
    catalog["version"] = "test-2"
    (store / "catalog.json").write_text(json.dumps(catalog), encoding="utf-8")
    rules = tmp_path / "rules.toml"
    rules.write_text(ONLY_7_AND_11, encoding="utf-8")
    settings = configure(tmp_path, store, bundle, mosquitto.port, rules)
    with running(settings) as box, tablet_of(box) as tablet:
        look(box, tablet, zone="women")
        before = box.call(lambda: whole(box, 7))
        assert "basket" not in before
        say(box, "scans", "scan", {"member_id": ANNA, "sku": sku_of(3), "is_in_basket": True})
        look(box, tablet, zone="women")
        assert shares(because(tablet, card_of(tablet, 7)))["basket"] > 0.0
        after = box.call(lambda: whole(box, 7))
        assert after["basket"] == pytest.approx(np.log(2.0), abs=0.02)
        others = {name: moved for name, moved in after.items() if name != "basket"}
        assert others == pytest.approx(before, abs=0.05)


def test_a_card_that_stays_after_a_withdrawal_tells_nothing_more(box: RunningBox) -> None:
    """Reserved, so it stays; but what it was decided from may no longer be looked at."""
    with tablet_of(box) as tablet:
        look(box, tablet, zone="women")
        card = tablet.cards()[0]
        assert because(tablet, card)["none"] is None
        tablet.react(card, "reserve")
        box.consent("profile", is_given=False)
        wait_until(lambda: box.count("consent_withdrawn") == 1, "the withdrawal")
        kept = next(each for each in tablet.cards() if each["card_id"] == card["card_id"])
        answer = because(tablet, kept)
        assert (answer["none"], answer["shares"]) == ("withdrawn", [])


def test_what_asking_told_leaves_no_room_beside_the_card_that_stays(
    tmp_path: Path, store: Path, bundle: Path, mosquitto: Mosquitto
) -> None:
    """The house suggests what Anna likes; asked, it rests on purchases, too: two facts (A04)."""
    members = json.loads((store / "members.json").read_text(encoding="utf-8"))
    for member in members["members"]:
        member["stated"] = ["class-07"] if member["member_id"] == ANNA else []
    (store / "members.json").write_text(json.dumps(members), encoding="utf-8")
    rules = tmp_path / "rules.toml"
    pin = (
        f'[[rules]]\nid = "house"\nkind = "pin"\nplace = 1\ntargets = ["item:{ITEM_IDS[7]}"]\n'
        'date = 2026-03-03\nreason = "gut"\n[limits.max_cards]\ntablet = 1\n'
    )
    rules.write_text(ONLY_7_AND_11 + pin, encoding="utf-8")
    settings = configure(tmp_path, store, bundle, mosquitto.port, rules)
    with running(settings) as box, tablet_of(box) as tablet:
        assert look(box, tablet, zone="women") == {ITEM_IDS[7]}
        guest = next(iter(box.box.path.guests.values()))
        assert guest.told() == {"stated:class-07"}
        card = card_of(tablet, 7)
        assert "history" in shares(because(tablet, card))
        assert guest.told() == {"stated:class-07", "purchase"}
        tablet.react(card, "reserve")
        assert guest.told_beside(has_new_cards=True) == guest.told()


def test_who_nothing_is_known_of_has_no_history_in_the_figures(box: RunningBox) -> None:
    """Ben allows contact and no profile: his card rests on the place and on what sells."""
    with tablet_of(box) as tablet:
        look(box, tablet, BEN, zone="women")
        assert tablet.cards()
        for card in tablet.cards():
            assert shares(because(tablet, card)).keys() <= {"zone", "popularity", "basket"}


def test_a_card_that_is_gone_is_not_explained(box: RunningBox) -> None:
    """Nor is one that never was; both are an answer, not an error."""
    with tablet_of(box) as tablet:
        look(box, tablet, zone="women")
        contact, card = next(iter(tablet.contacts)), tablet.cards()[0]
        assert tablet.react(card, "not_now")["kind"] == "ack"
        for name in (card["card_id"], "no-such-card"):
            tablet.say({"kind": "why", "id": name, "contact_id": contact, "card_id": name})
            wait_until(partial(tablet.answers.__contains__, name), "the answer")
            assert tablet.answers[name]["none"] == "gone"


def test_her_own_shade_is_told_and_counted(
    tmp_path: Path,
    store: Path,
    bundle: Path,
    mosquitto: Mosquitto,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Anna's staple comes in the shade she buys: in words, in the score and in figures."""
    catalog = json.loads((store / "catalog.json").read_text(encoding="utf-8"))
    for item in STAPLES:
        catalog["items"][item]["variants"][0]["shade"] = "120 Sand"
    (store / "catalog.json").write_text(json.dumps(catalog), encoding="utf-8")
    with (
        running(configure(tmp_path, store, bundle, mosquitto.port)) as box,
        tablet_of(box) as tablet,
    ):
        look(box, tablet, zone="women")
        card = tablet.cards()[0]
        item = ITEM_IDS.index(card["item_id"])
        assert card["why"][0]["text"]["de"] == "In Ihrem Farbton 120 Sand"
        assert card["why"][0]["source"] == "receipts"
        answer = because(tablet, card)
        assert shares(answer)["shade"] > 0.0
        line = next(li for li in box.decisions()[-1].slate if li.item_id == card["item_id"])
        guest = next(iter(box.box.path.guests.values()))
        p = box.call(lambda: guest.cards[card["card_id"]].probability)
        assert line.score / (1.0 - line.score) == pytest.approx(1.2 * p / (1.0 - p), rel=0.01)
        live = box.call(lambda: figures_of(box, item))
        receipt = sell(box, "bag", days_ago=-2.0 / DAY_S, lines=[line_of(20)])
        look(box, tablet, BEN, zone="women")
        bens = [c for c in tablet.cards() if c["decision_id"] != card["decision_id"]]
        assert bens
        assert "Farbton" not in json.dumps(bens)
        assert all("shade" not in shares(because(tablet, each)) for each in bens)
    words = [str(tmp_path / "box.toml"), card["decision_id"], ANNA, "--receipt", receipt]
    assert main(["decision", *words]) == 0
    found = figures(capsys.readouterr().out, card["item_id"])
    assert found["shade"] == pytest.approx(live["shade"], abs=0.01)
    assert found["shade"] == pytest.approx(np.log(1.2), abs=0.01)


FIGURE = re.compile(r"  (\w+) +([+-][\d.]+) +([+-][\d.]+)")


def figures(told: str, item_id: str) -> dict[str, float]:
    """Read the fair shares of an item from what `decision` printed."""
    rest = told.partition(f"\n{item_id}: chance ")[2].splitlines()[1:]
    of_item = list(takewhile(bool, map(FIGURE.match, rest)))
    return {found[1]: float(found[2]) for found in of_item if found}


def test_a_past_decision_is_explained_with_the_figures_of_then(
    tmp_path: Path,
    store: Path,
    bundle: Path,
    mosquitto: Mosquitto,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What the tablet was told can be looked up; a later purchase changes nothing of it."""
    settings = configure(tmp_path, store, bundle, mosquitto.port)
    with running(settings) as box, tablet_of(box) as tablet:
        look(box, tablet, zone="women")
        card = tablet.cards()[0]
        item = ITEM_IDS.index(card["item_id"])
        live = box.call(lambda: whole(box, item))
        later = -2.0 / DAY_S  # tills tell whole seconds
        receipt = sell(box, "bag", days_ago=later, lines=[line_of(20)])
    words = [str(tmp_path / "box.toml"), card["decision_id"], ANNA, "--receipt", receipt]
    assert main(["decision", *words]) == 0
    told = capsys.readouterr().out
    found = figures(told, card["item_id"])
    together = found.pop("together")
    # Days are counted from the decision, not from the beginning of the visit a moment before.
    assert found == pytest.approx({n: v for n, v in live.items() if n in found}, abs=0.01)
    assert sum(found.values()) == pytest.approx(together, abs=0.01)
    assert {n for n, v in live.items() if abs(v) > 0.01} <= found.keys()
    assert ("they do not add up" in told) or ("they add up, too" in told)


def test_a_decision_of_another_model_is_not_explained_by_this_one(
    tmp_path: Path,
    store: Path,
    bundle: Path,
    mosquitto: Mosquitto,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A broken bundle's copy still explains it, a changed one not; the record is told as ever."""
    mine = Path(shutil.copytree(bundle, tmp_path / "mine"))
    with running(configure(tmp_path, store, mine, mosquitto.port)) as box, tablet_of(box) as tablet:
        look(box, tablet, zone="women")
        card = tablet.cards()[0]
        receipt = sell(box, "bag", days_ago=-2.0 / DAY_S, lines=[line_of(20)])
    words = [str(tmp_path / "box.toml"), card["decision_id"], ANNA, "--receipt", receipt]
    points = json.loads((mine / "calibration.json").read_text(encoding="utf-8"))
    points["probability"] = [p * 0.9 for p in points["probability"]]
    text = json.dumps(points).encode()
    (mine / "calibration.json").write_bytes(text)
    assert main(["decision", *words]) == 0
    assert figures(capsys.readouterr().out, card["item_id"])  # the seal is broken, the copy's not
    (tmp_path / "data" / KEPT).unlink()
    assert main(["decision", *words]) == 0
    assert "no contributions: refused: bundle file calibration.json" in capsys.readouterr().out
    manifest = json.loads((mine / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"]["calibration.json"] |= {
        "sha256": hashlib.sha256(text).hexdigest(),
        "bytes": len(text),
    }
    (mine / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert main(["decision", *words]) == 0
    told = capsys.readouterr().out
    assert f"{card['item_id']}: no contributions: another model made the decision" in told
    assert f"shown 1: {card['item_id']} (" in told


def line_of(item: int) -> dict[str, Any]:
    """Return a till's line with one piece of an item."""
    return {"line_no": 1, "sku": sku_of(item), "quantity": 1, "unit_price_cents": 1000,
            "is_gift_wrapped": False}  # fmt: skip


def whole(box: RunningBox, item: int) -> dict[str, float]:
    """Return the log odds that each source brought to an open card, and that they are all."""
    guest = next(iter(box.box.path.guests.values()))
    card = next(card for card in guest.cards.values() if card.item == item)
    found = box.box.path.contributions(card)
    assert not isinstance(found, str)
    assert found.chance == pytest.approx(card.probability, abs=1e-3)
    return figures_of(box, item)


def figures_of(box: RunningBox, item: int) -> dict[str, float]:
    """Return the log odds that each source brought to an open card."""
    guest = next(iter(box.box.path.guests.values()))
    card = next(card for card in guest.cards.values() if card.item == item)
    found = box.box.path.contributions(card)
    assert not isinstance(found, str)
    return {each.source: each.log_odds for each in found.parts}
