"""Who takes which offer orders the cards: from what somebody took before, and with a profile only.

The bundle is trained here: a ranker on the little store's receipts, and a model of acceptance on a
chain's log in which members go on taking offers of the classes they took before.
"""

import base64
import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.core.acceptance import Offers, Past, Rates, Shelf
from edge.core.decision import Decision
from edge.core.errors import UnavailableError
from edge.core.history import Floats, History
from edge.core.learning import Kind
from edge.core.records import Learned
from edge.core.takeup import Takers
from edge.core.trace import lines_of
from edge.replay import replay
from models import acceptance, bundle, offer_log
from models.purchases import Purchases
from tests.conftest import Mosquitto, wait_until
from tests.world import (
    BEN,
    DAY_S,
    ITEM_IDS,
    N_ITEMS,
    RunningBox,
    baskets,
    catalog,
    configure,
    rfc3339,
    running,
    tablet_of,
    train_bundle,
    write_store,
)

LEFT = (3, 7)
OFFERED = [f"offer-{item:02d}" for item in range(N_ITEMS)]
TAKES_3, TAKES_7 = "M-0", "M-1"
NOW_S = 1_800_000_000.0
LOGGED_DAYS = 60


def with_offers(document: dict[str, Any]) -> dict[str, Any]:
    """Put every item on offer, all alike."""
    document["offers"] = [
        {"offer_id": OFFERED[n], "campaign_id": None, "item_ids": [ITEM_IDS[n]],
         "text": {"de": "Woche", "en": "Week"}, "price_cents": None, "starts": "2026-01-01",
         "ends": "2036-01-01", "surfaces": ["tablet"], "priority": 0}
        for n in range(N_ITEMS)
    ]  # fmt: skip
    return document


def write_log(path: Path) -> None:
    """Write what eighty members made of an even draw: they take what is of their four classes."""
    rng = np.random.default_rng(3)
    rows = [",".join(offer_log.COLUMNS)]
    likes = {f"M-{n}": rng.choice(N_ITEMS, 4, replace=False) for n in range(80)}
    for day in range(LOGGED_DAYS):
        for member, items in likes.items():
            item = int(rng.choice(items)) if rng.random() < 0.5 else int(rng.integers(N_ITEMS))
            chance = 0.5 / N_ITEMS + (0.125 if item in items else 0.0)
            is_taken = int(rng.random() < (0.6 if item in items else 0.04))
            at = rfc3339(NOW_S - (LOGGED_DAYS - day) * DAY_S)
            rows.append(
                f"{at},{member},{OFFERED[item]},no_reduction,{ITEM_IDS[item]},{chance},{is_taken}"
            )
    path.write_bytes(gzip.compress(("\n".join(rows) + "\n").encode(), mtime=0))


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained bundle with a model of acceptance."""
    folder = tmp_path_factory.mktemp("takeup")
    (folder / "catalog.json").write_text(json.dumps(with_offers(catalog())), encoding="utf-8")
    write_log(folder / offer_log.FILE)
    bought: dict[str, History] = {}
    for member, history in baskets().items():
        bought[member] = History.empty()
        for at, basket in enumerate(history):
            bought[member] = bought[member].extended(basket, NOW_S / DAY_S - 300 + 30 * at)
    purchases = Purchases.of_histories(bought, N_ITEMS)
    model = acceptance.train(offer_log.read(folder, purchases, tuple(ITEM_IDS)), seed=1)
    assert model.row()["gain_ci95"][0] > 0
    trained = train_bundle(folder / "bundle")
    bundle.extend(trained, model.files())
    return trained


def write_rules(path: Path, holdout_share: float = 0.0) -> Path:
    """Leave two goods, hold nobody out unless asked to, drop the floor."""
    banned = ", ".join(f'"item:{ITEM_IDS[n]}"' for n in range(N_ITEMS) if n not in LEFT)
    path.write_text(
        f'version = "1"\nauthor = "Tests"\nholdout_share = {holdout_share}\n'
        "[limits.floors]\ntablet = 0.0\n"
        f'[[rules]]\nid = "only"\nkind = "ban"\ntargets = [{banned}]\ndate = 2026-03-03\n'
        'reason = "the rest is not asked"\n',
        encoding="utf-8",
    )
    return path


def remember(box: RunningBox, member: str, taken: int) -> None:
    """Let the ledger know what a member was offered in the last weeks: both, one of them taken."""
    person = box.box.ledger.consents().person_of_member(member)
    assert person is not None
    for day in range(1, 7):
        at_s = box.box.clock.now_s() - 3 * day * DAY_S
        for item in LEFT:
            about = (f"{member}-{day}-{item}", ITEM_IDS[item], OFFERED[item])
            box.box.ledger.append(_learned(*about, "shown", at_s, person))
            if item == taken:
                box.box.ledger.append(_learned(*about, "accepted", at_s, person))
    box.box.ledger.flush()


def _learned(
    card_id: str, item_id: str, offer_id: str, outcome: str, at_s: float, person: str
) -> Learned:
    return Learned(card_id, outcome, item_id, 0.1, 1.0, at_s, person, offer_id)


def decision_for(box: RunningBox, member: str) -> Decision:
    """Check a member in and return what was decided.

    A withdrawal may take older decisions along meanwhile, so their number tells nothing.
    """
    before = {decision.decision_id for decision in box.decisions()}

    def anew() -> list[Decision]:
        return [decision for decision in box.decisions() if decision.decision_id not in before]

    box.check_in(member)
    wait_until(anew, "a decision")
    return anew()[-1]


def shown(decision: Decision) -> list[str]:
    """Return the item ids of a slate, in its order."""
    return [line.item_id for line in decision.slate]


def lifts(decision: Decision) -> dict[str, float]:
    """Return what moved each of the goods that are left."""
    rows = {row.item: row.on_offer for row in decision.trace() if row.item in LEFT}
    return {ITEM_IDS[item]: offer.lift for item, offer in rows.items() if offer is not None}


def test_what_somebody_took_orders_the_offers(
    tmp_path: Path, knowing: Path, mosquitto: Mosquitto
) -> None:
    """Two who differ in nothing else see two offers in two orders; without a consent nothing moves.

    Nobody's purchases are known, so the ranker says the same of all three.
    """
    store = write_store(tmp_path / "store")
    (store / "catalog.json").write_text(json.dumps(with_offers(catalog())), encoding="utf-8")
    (store / "receipts.csv.gz").unlink()
    rules = write_rules(tmp_path / "rules.toml")
    third, seventh = (ITEM_IDS[item] for item in LEFT)
    with running(configure(tmp_path, store, knowing, mosquitto.port, rules)) as box:
        remember(box, TAKES_3, LEFT[0])
        remember(box, TAKES_7, LEFT[1])
        one, other = decision_for(box, TAKES_3), decision_for(box, TAKES_7)
        plain = decision_for(box, BEN)
        assert shown(one) == [third, seventh]
        assert shown(other) == [seventh, third]
        assert lifts(one)[third] > 1.0 > lifts(one)[seventh]
        assert lifts(other)[seventh] > 1.0 > lifts(other)[third]
        assert plain.takeup == b""
        assert lifts(plain) == {}
        base = {line.item_id: line.score for line in plain.slate}
        for decision in (one, other):
            for line in decision.slate:
                moved = base[line.item_id] * lifts(decision)[line.item_id]
                assert line.score == pytest.approx(moved, rel=1e-4)
        told = list(lines_of(one, box.box.path.house.catalog))
        assert any("offer offer-03 taken with" in line and "weighs" in line for line in told)

        box.consent("profile", is_given=False, member=TAKES_7)
        wait_until(lambda: box.count("consent_withdrawn") == 1, "the withdrawal")
        without = decision_for(box, TAKES_7)
        assert without.takeup == b""
        assert {line.item_id: line.score for line in without.slate} == base
        assert shown(without) == shown(plain)


def test_the_holdout_is_moved_by_nothing(
    tmp_path: Path, knowing: Path, mosquitto: Mosquitto
) -> None:
    """Its pulls get the order of somebody nobody knows, whatever was taken before."""
    store = write_store(tmp_path / "store")
    (store / "catalog.json").write_text(json.dumps(with_offers(catalog())), encoding="utf-8")
    (store / "receipts.csv.gz").unlink()
    rules = write_rules(tmp_path / "rules.toml", holdout_share=0.5)
    with running(configure(tmp_path, store, knowing, mosquitto.port, rules)) as box:
        arms = set()
        for number in range(40):
            member = f"M-{number}"
            remember(box, member, LEFT[1])
            decision = decision_for(box, member)
            is_holdout = decision.arm.startswith("holdout")
            arms.add(is_holdout)
            assert (decision.takeup == b"") == is_holdout
            if arms == {True, False}:
                break
        assert arms == {True, False}


class Failing:
    """A model of acceptance whose runtime fails."""

    rates = Rates(0.1, {})
    lines = np.ones(N_ITEMS, np.float32)

    def chances(self, past: Past, offers: Offers, shelf: Shelf) -> Floats:
        """See `takeup.Model`."""
        del past, offers, shelf
        raise UnavailableError("the runtime failed")


def test_a_model_that_fails_moves_nothing(
    tmp_path: Path, knowing: Path, mosquitto: Mosquitto
) -> None:
    """Who took the seventh good before sees the order of everybody, and the failure is counted."""
    store = write_store(tmp_path / "store")
    (store / "catalog.json").write_text(json.dumps(with_offers(catalog())), encoding="utf-8")
    (store / "receipts.csv.gz").unlink()
    rules = write_rules(tmp_path / "rules.toml")
    with running(configure(tmp_path, store, knowing, mosquitto.port, rules)) as box:
        remember(box, TAKES_7, LEFT[1])
        path = box.box.path
        failing = Takers(path.house.catalog, Failing())
        box.call(lambda: setattr(path, "house", replace(path.house, takers=failing)))
        one, plain = decision_for(box, TAKES_7), decision_for(box, BEN)
        assert one.takeup == b""
        assert [line.score for line in one.slate] == [line.score for line in plain.slate]
        assert shown(one) == shown(plain)
        assert box.count("acceptance_unavailable") == 1


def test_a_tap_on_an_offer_is_known_at_the_next_visit(
    tmp_path: Path, knowing: Path, mosquitto: Mosquitto
) -> None:
    """A card that was seen and reserved is an offer shown and taken, with its item."""
    store = write_store(tmp_path / "store")
    (store / "catalog.json").write_text(json.dumps(with_offers(catalog())), encoding="utf-8")
    rules = write_rules(tmp_path / "rules.toml")
    with (
        running(configure(tmp_path, store, knowing, mosquitto.port, rules)) as box,
        tablet_of(box) as tablet,
    ):
        decision_for(box, TAKES_3)
        wait_until(tablet.cards, "a card")
        card = tablet.cards()[0]
        tablet.react(card, "reserve")
        box.box.ledger.flush()
        guest = next(iter(box.box.path.guests.values()))
        profile = box.call(lambda: box.box.path.profile_of(guest.person, box.box.clock.now_s()))
        assert [one.is_accepted for one in profile.offered] == [True]
        assert ITEM_IDS[profile.offered[0].item] == card["item_id"]


def test_every_offer_is_known_whatever_the_learner_counts(
    tmp_path: Path, knowing: Path, mosquitto: Mosquitto
) -> None:
    """Five of one item and one that was pinned, all taken: the learner counts three, training all.

    Said twice, or taken before it was seen, is nothing new; nor is help around an item an offer.
    """
    store = write_store(tmp_path / "store")
    (store / "catalog.json").write_text(json.dumps(with_offers(catalog())), encoding="utf-8")
    rules = write_rules(tmp_path / "rules.toml")
    with (
        running(configure(tmp_path, store, knowing, mosquitto.port, rules)) as box,
        tablet_of(box) as tablet,
    ):
        decision_for(box, TAKES_3)
        wait_until(tablet.cards, "a card")
        path, now_s = box.box.path, box.box.clock.now_s()
        guest = next(iter(path.guests.values()))
        card = next(iter(guest.cards.values()))
        cards = [replace(card, card_id=f"again-{n}", offered=set()) for n in range(5)]
        cards.append(replace(card, card_id="pinned", probability=float("nan"), offered=set()))
        help_ = replace(card, card_id="help", is_service=True, offered=set())

        def lives() -> None:
            assert path.learn(guest, cards[4], Kind.ACCEPTED, now_s) == ()
            for kind in (Kind.SHOWN, Kind.ACCEPTED):
                assert path.learn(guest, help_, kind, now_s) == ()
                for each in cards:
                    for record in path.learn(guest, each, kind, now_s):
                        box.box.ledger.append(record)
                    assert path.learn(guest, each, kind, now_s) == ()

        box.call(lives)
        box.box.ledger.flush()
        profile = box.call(lambda: path.profile_of(guest.person, now_s))
        assert [one.is_accepted for one in profile.offered] == [True] * 6
        assert {one.offer_id for one in profile.offered} == {card.offer_id}
        assert (box.count("learned_shown"), box.count("learned_accepted")) == (3, 3)
        assert len(box.call(lambda: box.box.journal.lessons(now_s))) == 6


def test_a_replay_is_moved_by_the_same(tmp_path: Path, knowing: Path, mosquitto: Mosquitto) -> None:
    """Recorded inputs give the same bytes twice, with what moved each decision among them."""
    store = write_store(tmp_path / "store")
    (store / "catalog.json").write_text(json.dumps(with_offers(catalog())), encoding="utf-8")
    rules = write_rules(tmp_path / "rules.toml")
    settings = configure(tmp_path, store, knowing, mosquitto.port, rules, record='"day.log"')
    with running(settings) as box:
        lived = [decision_for(box, member) for member in (TAKES_3, TAKES_7, BEN)]
    assert settings.record is not None
    first, second = list(replay(settings.record, settings)), list(replay(settings.record, settings))
    assert first == second
    said = [json.loads(line) for line in first if line.startswith(b'{"decision"')]
    again = [base64.b64decode(each["decision"]["takeup"]) for each in said]
    assert again == [decision.takeup for decision in lived]
    assert again[0]
    assert again[2] == b""
