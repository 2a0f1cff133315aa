"""Nobody is known: an app without a member scans labels, and the visit alone is answered."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge.__main__ import main
from edge.adapters.clock import SimulatedClock
from edge.adapters.mqtt import asyncapi
from edge.adapters.sqlite.journal import decode_decision
from edge.adapters.sqlite.retention import forget_old
from edge.core.decision import Motive
from tests.conftest import Mosquitto, wait_until
from tests.core.decision_world import CATALOG
from tests.journeys.test_tact_leases import why_not
from tests.journeys.test_tact_motives import with_motives
from tests.tact_store import DAY_S, look, say, sku, store_with, tick
from tests.world import ANNA, BEN, RunningBox, running

NOW_S = 1_800_000_000.0
TOKEN, OTHER = "kT3x-9QmZ_a81vBnW0pL", "another-phone-0000001"


class Phone:
    """An app without a member: it listens for what is said to its token."""

    def __init__(self, token: str) -> None:
        self.token, self.heard = token, list[dict[str, Any]]()

    def scan(self, box: RunningBox, item_id: str, **more: Any) -> list[str]:
        """Read a label; return the items of the answer."""
        before = len(self.heard)
        say(box, "scans", "scan", {"visit_token": self.token, "sku": sku(item_id), **more})
        wait_until(lambda: len(self.heard) > before, "the answer")
        return [card["item_id"] for card in self.answer["cards"]]

    @property
    def answer(self) -> dict[str, Any]:
        """What was said last."""
        said: dict[str, Any] = self.heard[-1]["data"]
        return said


@contextmanager
def phone(mosquitto: Mosquitto, token: str = TOKEN) -> Iterator[Phone]:
    """Connect a phone to the store's broker."""
    mine, is_ready = Phone(token), list[bool]()
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _c, _u, message: mine.heard.append(json.loads(message.payload))
    client.on_subscribe = lambda *_: is_ready.append(True)
    client.connect("127.0.0.1", mosquitto.port)
    client.subscribe(f"stammgast/v1/answers/{token}")
    client.loop_start()
    wait_until(lambda: is_ready, "the subscription")
    try:
        yield mine
    finally:
        client.disconnect()
        client.loop_stop()


def test_a_scan_of_nobody_is_answered(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """What goes with the label, in the words of the contract; staff see nobody."""
    left = ["tie", "shirt-b", "mouse"]
    with store_with(tmp_path, mosquitto, left) as (box, tablet), phone(mosquitto) as mine:
        assert "tie" in mine.scan(box, "shirt-a", zone="floor")
        document = asyncapi.document()
        schema = document["components"]["messages"]["answer"]["payload"]
        jsonschema.validate(mine.heard[0], {**schema, "components": document["components"]})
        card = next(card for card in mine.answer["cards"] if card["item_id"] == "tie")
        assert card["why"][0] == {"de": "Passt dazu: Hemd", "en": "Goes with: shirt"}
        assert (card["aisle"], card["units"], card["zone"]["de"]) == ("EG 1", 5, "floor")
        assert mine.scan(box, "shirt-a", is_in_basket=True) == ["tie", "mouse"]
        assert tablet.contacts == {}
        assert box.count("answers") == 2
        box.box.ledger.flush()
        files = [p for p in (tmp_path / "data").rglob("*") if p.is_file()]
        assert files
        assert not [p for p in files if TOKEN.encode() in p.read_bytes()]
        visits = box.box.ledger.telemetry_rows("SELECT is_recognised FROM visits", ())
        assert visits == [(0,)]


def test_the_motive_of_nobody_chooses(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Cluster mode from the wire: who compares is helped to compare, who pays is not."""
    rule = (
        '[[rules]]\nid = "for-them"\nkind = "pin"\nplace = 1\ntargets = ["item:bag"]\n'
        'motives = ["price_comparing"]\ndate = 2026-03-03\nreason = "helps to choose"\n'
        '[[rules]]\nid = "else"\nkind = "pin"\nplace = 1\ntargets = ["item:mouse"]\n'
        'motives = ["about_to_buy"]\ndate = 2026-03-03\nreason = "for everybody else"\n'
        "[limits.max_cards]\nstation = 1\n"
    )
    bundle = with_motives(tmp_path / "guesser")
    with (
        store_with(
            tmp_path, mosquitto, ["bag", "mouse"], more=rule, now_s=NOW_S, bundle=bundle
        ) as (box, _),
        phone(mosquitto) as mine,
    ):
        for item_id in ("scent-w", "scent-w2"):
            assert mine.scan(box, item_id, zone="floor") == ["bag"]
        assert mine.scan(box, "scent-w", zone="till") == ["mouse"]
        words = json.dumps(mine.heard)
        assert not [motive.value for motive in Motive if motive.value in words]


def test_tokens_that_are_none_and_scans_without_one(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """A token must be random enough and fit a topic; without one there is nowhere to answer."""
    with store_with(tmp_path, mosquitto, ["tie"]) as (box, _):
        for token in ("short", "a/topic/of/its/own/#", "x" * 65, 7):
            box.event("scans", "scan", {"visit_token": token, "sku": sku("tie")})
        wait_until(lambda: box.box.dropped["wrong_data"] == 4, "the refusals")
        say(box, "scans", "scan", {"sku": sku("tie")})
        assert box.count("scan_of_nobody") == 1
        assert box.count("answers") == 0


def test_two_visits_of_nobody_know_nothing_of_each_other(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """What lies in the one basket shuts nothing for the other; after 20 minutes all is gone."""
    with (
        store_with(tmp_path, mosquitto, ["shirt-b", "bag"], now_s=NOW_S) as (box, _),
        phone(mosquitto) as mine,
        phone(mosquitto, OTHER) as other,
    ):
        assert "shirt-b" not in mine.scan(box, "shirt-a", is_in_basket=True)
        assert "shirt-b" in other.scan(box, "laptop-a")
        assert "shirt-b" not in mine.scan(box, "laptop-a")
        tick(box, NOW_S + 1_300.0)
        assert "shirt-b" in mine.scan(box, "laptop-a")
        box.box.ledger.flush()
        ended = box.box.ledger.telemetry_rows("SELECT reason FROM visits", ())
        assert sorted(reason or "" for (reason,) in ended) == ["", "timeout", "timeout"]


def test_the_stores_own_limit_counts_visits_of_nobody(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """One spring offer for the whole store, ever: also a night, a restart and a member later."""
    cap = (
        '[[caps]]\nid = "test"\nwindow = "ever"\nlimit = 1\nper = ["offer"]\n'
        "requests_pass = false\n"
    )
    with (
        store_with(tmp_path, mosquitto, ["tie"], more=cap, now_s=NOW_S) as (box, tablet),
        phone(mosquitto) as mine,
        phone(mosquitto, OTHER) as other,
    ):
        assert mine.scan(box, "shirt-a") == ["tie"]
        assert mine.answer["cards"][0]["offer"]["de"] == "Frühling"
        assert other.scan(box, "shirt-a") == []
        assert other.answer["empty"]["de"]
        assert look(box, tablet, BEN) == set()
        settings = box.box.settings
        box.box.ledger.flush()
        forget_old(box.box.ledger, NOW_S + 100 * DAY_S)
        assert [kind for (kind,) in kept(box, "happenings")] == ["CapsFolded"]
    clock = SimulatedClock()
    clock.tick(NOW_S + 100 * DAY_S)
    with running(settings, clock) as again, phone(mosquitto, OTHER) as other:
        assert other.scan(again, "shirt-a") == []
        again.box.ledger.flush()
        body = again.box.ledger.decision(other.heard[-1]["id"], None, NOW_S)
        assert body is not None
        (row,) = (r for r in decode_decision(body).trace() if r.item == CATALOG.index_of("tie"))
        assert [reason.value for reason in row.reasons] == ["frequency_cap"]


PLACES: list[tuple[str, str, set[str]]] = [
    ("one a surface", 'per = ["surface"]', set()),
    ("one a placement", 'per = ["placement"]', set()),
    ("one at the station", 'only = { surface = "station" }', {"tie"}),
    ("one as an answer", 'only = { placement = "answer" }', {"tie"}),
]


@pytest.mark.parametrize(("by", "then"), [c[1:] for c in PLACES], ids=[c[0] for c in PLACES])
def test_a_limit_of_one_surface_or_place_leaves_the_other_open(
    tmp_path: Path, mosquitto: Mosquitto, by: str, then: set[str]
) -> None:
    """A phone is answered, the next is not; the tablet has its own limit for Ben and Anna, or none.

    All of it counts for the store, so only the place tells the two apart.
    """
    cap = f'[[caps]]\nid = "test"\nwindow = "7 days"\nlimit = 1\n{by}\nrequests_pass = false\n'
    with (
        store_with(tmp_path, mosquitto, ["tie"], more=cap, now_s=NOW_S) as (box, tablet),
        phone(mosquitto) as mine,
        phone(mosquitto, OTHER) as other,
    ):
        assert mine.scan(box, "shirt-a") == ["tie"]
        assert other.scan(box, "shirt-a") == []
        assert why_not(box, "tie") == {"frequency_cap"}
        assert look(box, tablet, BEN) == {"tie"}
        look(box, tablet, ANNA)
        assert {line.item_id for line in box.decisions()[-1].slate} == then
        assert why_not(box, "tie") == (set() if then else {"frequency_cap"})


def test_an_answer_is_looked_up_whole(
    tmp_path: Path, mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the id of the message, without any proof; a member's decision is not told this way."""
    with store_with(tmp_path, mosquitto, ["tie"]) as (box, tablet), phone(mosquitto) as mine:
        assert mine.scan(box, "shirt-a") == ["tie"]
        look(box, tablet, BEN)
        bens = tablet.cards()[0]["decision_id"]
    words = ["decision", str(tmp_path / "box.toml")]
    assert main([*words, mine.heard[0]["id"]]) == 0
    told = capsys.readouterr().out
    assert ", station, asked for" in told
    assert "shown 1: tie (" in told
    assert told.count("\n  ") == len(CATALOG.items)
    assert main([*words, bens]) == 1
    assert capsys.readouterr().out == ""


def kept(box: RunningBox, table: str) -> list[tuple[str]]:
    """Return the kinds of rows of a table of the ledger."""
    rows = box.box.ledger.reading().db.execute(f"SELECT kind FROM {table}")
    found: list[tuple[str]] = rows.fetchall()
    return found
