"""What comes back, or never was: a return or a void opens again what the purchase had closed.

Whether it names the receipt, the member or both, is about today or about last month, and comes
before or after its sale: the next decision knows, and so does the next visit.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Mosquitto
from tests.core.decision_world import CATALOG
from tests.tact_store import look, say, sell, settled, sku, store_with
from tests.world import ANNA, BEN, RunningBox, running, tablet_of

LAST_MONTH = [("coat-a", 40.0, False)]
RECEIPT = "R0"  # of the chain's file
BACK: dict[str, Any] = {"return_id": "X1", "lines": [{"sku": sku("coat-a"), "quantity": 1}]}

FORMS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("a return that names receipt and member", "returns", "return",
     {**BACK, "receipt_id": RECEIPT, "member_id": ANNA}),
    ("a return that names the member", "returns", "return", {**BACK, "member_id": ANNA}),
    ("a return that names the receipt", "returns", "return", {**BACK, "receipt_id": RECEIPT}),
    ("a void", "voids", "void", {"receipt_id": RECEIPT}),
    ("a void of the line", "voids", "void", {"receipt_id": RECEIPT, "line_nos": [1]}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("topic", "kind", "said"), [c[1:] for c in FORMS], ids=[c[0] for c in FORMS]
)
def test_an_earlier_purchase_ends_within_the_visit(
    tmp_path: Path, mosquitto: Mosquitto, topic: str, kind: str, said: dict[str, Any]
) -> None:
    """Last month's coat kept all coats back for years; now coats are open, here and ever after."""
    left = ["coat-b", "mouse"]
    with store_with(tmp_path, mosquitto, left, history=LAST_MONTH) as (box, tablet):
        assert look(box, tablet) == {"mouse"}
        say(box, topic, kind, said)
        assert look(box, tablet) == {"coat-b", "mouse"}
        settings = box.box.settings
    with running(settings) as box, tablet_of(box) as tablet:
        assert look(box, tablet) == {"coat-b", "mouse"}


def test_somebody_elses_return_changes_nothing(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Ben brings a coat back, and an unknown receipt is voided: Anna still has hers."""
    left = ["coat-b", "mouse"]
    with store_with(tmp_path, mosquitto, left, history=LAST_MONTH) as (box, tablet):
        look(box, tablet)
        say(box, "returns", "return", {**BACK, "member_id": BEN})
        say(box, "voids", "void", {"receipt_id": "R1"})
        say(box, "voids", "void", {"receipt_id": RECEIPT, "line_nos": [2]})
        assert look(box, tablet) == {"mouse"}


def test_a_return_is_counted_once(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Of two coats one came back, was told of twice, and Anna's consents changed meanwhile."""
    two = [("coat-a", 40.0, False), ("coat-a", 30.0, False)]
    with store_with(tmp_path, mosquitto, ["coat-b", "mouse"], history=two) as (box, tablet):
        look(box, tablet)
        for _ in range(2):
            say(box, "returns", "return", {**BACK, "member_id": ANNA})
        box.consent("location", is_given=False)
        assert look(box, tablet) == {"mouse"}
        say(box, "returns", "return", {**BACK, "return_id": "X2", "receipt_id": "R0"})
        assert look(box, tablet) == {"coat-b", "mouse"}


@pytest.mark.parametrize("whose", [{}, {"member_id": ANNA}], ids=["by receipt", "with member"])
def test_what_todays_purchase_suggested_leaves_with_it(
    tmp_path: Path, mosquitto: Mosquitto, whose: dict[str, str]
) -> None:
    """The coat comes back an hour later: no care tip for it, and no scarf to go with it."""
    with store_with(tmp_path, mosquitto, ["coat-a", "scarf"]) as (box, tablet):
        look(box, tablet)
        receipt = sell(box, "coat-a")
        assert look(box, tablet) == {"coat-a", "scarf"}
        say(box, "returns", "return", {**BACK, "receipt_id": receipt, **whose})
        assert settled(box, tablet) == set()
        codes = [frame["reason"]["code"] for frame in tablet.kinds("recall")[-2:]]
        assert sorted(codes) == ["basis_gone", "returned"]
        assert look(box, tablet) == {"scarf"}
        assert "Wintermantel" not in json.dumps(tablet.cards()[0]["why"])


def test_goods_told_by_their_gtin_are_the_same_goods(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """The till sold by sku and takes back by GTIN, padded to fourteen digits."""
    coat = [{"sku": "coat-a", "gtin": "4006381333931"}]
    left, variants = ["coat-b", "mouse"], {"coat-a": coat}
    with store_with(tmp_path, mosquitto, left, variants=variants) as (box, tablet):
        look(box, tablet)
        receipt = sell(box, "coat-a", days_ago=6)
        assert look(box, tablet) == {"mouse"}
        lines = [{"gtin": "04006381333931", "quantity": 1}]
        said = {"return_id": "X1", "receipt_id": receipt, "lines": lines}
        say(box, "returns", "return", said)
        assert look(box, tablet) == {"coat-b", "mouse"}


def late_sale(box: RunningBox) -> None:
    """Tell of Anna's coat of six days ago."""
    sell(box, "coat-a", days_ago=6, receipt_id="R77")


@pytest.mark.parametrize("is_present", [True, False], ids=["during the visit", "before the visit"])
@pytest.mark.parametrize(
    "named", [{"receipt_id": "R77"}, {"member_id": ANNA}], ids=["by receipt", "by member"]
)
def test_a_return_before_its_late_sale_ends_the_interval(
    tmp_path: Path, mosquitto: Mosquitto, named: dict[str, str], is_present: bool
) -> None:
    """The sale comes last: nothing is kept back for it, now and on the next visit."""
    with store_with(tmp_path, mosquitto, ["coat-b", "mouse"]) as (box, tablet):
        if is_present:
            assert look(box, tablet) == {"coat-b", "mouse"}
        say(box, "returns", "return", {**BACK, **named})
        late_sale(box)
        assert look(box, tablet) == {"coat-b", "mouse"}
        (guest,) = box.box.path.guests.values()
        returned = [CATALOG.items[item].item_id for item in guest.memory.returned.tolist()]
        assert returned == ["coat-a"], "it was not liked"
        settings = box.box.settings
    with running(settings) as box, tablet_of(box) as tablet:
        assert look(box, tablet) == {"coat-b", "mouse"}


def test_a_late_sale_that_did_not_come_back_closes(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """The same without a return: coats are closed for years."""
    with store_with(tmp_path, mosquitto, ["coat-b", "mouse"]) as (box, tablet):
        look(box, tablet)
        late_sale(box)
        assert look(box, tablet) == {"mouse"}


def test_without_a_profile_no_earlier_receipt_is_known(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """The profile was taken back: a return says no more than that its item was not liked."""
    left = ["coat-a", "coat-b"]
    with store_with(tmp_path, mosquitto, left, history=LAST_MONTH) as (box, tablet):
        look(box, tablet)
        box.consent("profile", is_given=False)
        assert len(look(box, tablet)) == 1, "one of a class at a time"
        (guest,) = box.box.path.guests.values()
        assert guest.known is None
        say(box, "returns", "return", {**BACK, "receipt_id": RECEIPT})
        assert not guest.receipts
        say(box, "returns", "return", {**BACK, "return_id": "X2", "member_id": ANNA})
        assert look(box, tablet) == {"coat-b"}
