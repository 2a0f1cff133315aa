"""Sizes from wire to screen: a card leaves with the customer's size, care does not ask for it."""

from pathlib import Path

from tests.conftest import Mosquitto
from tests.tact_store import look, say, sell, settled, store_with
from tests.world import RunningBox, rfc3339


def count(box: RunningBox, **units: int) -> None:
    """Say how many units of each sku are left; `_` stands for `-`."""
    levels = [{"sku": s.replace("_", "-"), "quantity": n} for s, n in units.items()]
    as_of = rfc3339(box.box.clock.now_s())
    say(box, "stock", "stock", {"as_of": as_of, "levels": levels})


def test_a_card_leaves_when_the_customers_size_is_sold_out(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """Of a shirt in M and L the last M is gone: there is none for who wears M."""
    about = {"sizes": {"shirt": "M"}}
    with store_with(tmp_path, mosquitto, ["shirt-a", "mouse"], about=about) as (box, tablet):
        assert look(box, tablet) == {"shirt-a", "mouse"}
        count(box, shirt_a_L=1)
        assert settled(box, tablet) == {"shirt-a", "mouse"}
        count(box, shirt_a_M=0)
        assert settled(box, tablet) == {"mouse"}
        assert [f["reason"]["code"] for f in tablet.kinds("recall")] == ["size_unavailable"]
        assert look(box, tablet) == {"mouse"}


def test_care_comes_for_the_last_piece_of_a_size(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Anna bought the only coat in M: she has it, whatever lies on the shelf."""
    coat = [
        {"sku": "coat-a", "gtin": "", "size": "M"}, {"sku": "coat-a-L", "gtin": "", "size": "L"}
    ]  # fmt: skip
    about, variants = {"sizes": {"winter-coat": "M"}}, {"coat-a": coat}
    with store_with(tmp_path, mosquitto, ["coat-a"], about=about, variants=variants) as (
        box,
        tablet,
    ):
        count(box, coat_a=1, coat_a_L=4)
        sell(box, "coat-a")
        assert look(box, tablet) == {"coat-a"}
        assert [card["kind"] for card in tablet.cards()] == ["care"]
