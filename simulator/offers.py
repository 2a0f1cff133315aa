"""Offers and campaigns of the store around a day: running, coming and ended ones."""

from datetime import date, timedelta
from typing import Any

from simulator.catalog import Catalog, Item
from simulator.chance import stream

# (campaign id, class ids, text de, text en, reduction in percent or 0, priority)
_CAMPAIGNS: tuple[tuple[str, tuple[str, ...], str, str, int, int], ...] = (
    ("winter-warm", ("winter-coat", "men-coat", "scarf", "gloves", "women-knit", "men-knit"),
     "Warm in den Winter", "Warm into winter", 15, 20),
    ("beauty-weeks", ("lipstick", "day-cream", "serum", "women-perfume", "nail-polish"),
     "Beauty-Wochen", "Beauty weeks", 20, 10),
    ("three-for-two-shirts", ("shirt", "men-tee", "socks"),
     "Drei zum Preis von zwei", "Three for the price of two", 0, 15),
    ("kitchen-table", ("frying-pan", "cookware", "plates", "wine-glasses", "espresso-cups"),
     "Gut gedeckt", "Well laid", 20, 10),
    ("out-and-about", ("hiking-boots", "backpack", "rain-jacket", "drinking-bottle"),
     "Raus ins Grüne", "Out and about", 10, 5),
    ("sweet-home", ("bed-linen", "towel", "candle", "cushion"),
     "Schöner schlafen", "Sleep well", 15, 5),
    ("stock-up", ("nappies", "toilet-paper", "printer-paper", "laundry-detergent"),
     "Vorrat liefern lassen", "Have it delivered", 0, 30),
    ("reading-nights", ("novel", "kids-book", "notebook"),
     "Lange Lesenächte", "Long reading nights", 0, 5),
)  # fmt: skip
OFFER_COUNT = 42


def offers(catalog: Catalog, seed: int, as_of: date) -> list[dict[str, Any]]:
    """Return the offers file records: about one in six is over or still to come."""
    rng = stream(seed, "offers")
    records = []
    for number in range(OFFER_COUNT):
        campaign, class_ids, de, en, percent, priority = _CAMPAIGNS[number % len(_CAMPAIGNS)]
        round_number = number // len(_CAMPAIGNS)
        class_id = class_ids[round_number % len(class_ids)]
        item_class = catalog.classes[class_id]
        items = rng.sample(catalog.of_class(class_id), 3)
        starts = as_of - timedelta(days=rng.randint(2, 12))
        if number % 12 == 7:
            starts = as_of + timedelta(days=5)
        elif number % 12 == 11:
            starts = as_of - timedelta(days=40)
        only = items[:1] if percent else items
        saving_de = f", {percent} % günstiger" if percent else ""
        saving_en = f", {percent} % off" if percent else ""
        records.append(
            {
                "offer_id": f"O{number + 1:03d}",
                "campaign_id": campaign if number % 7 else None,
                "item_ids": [item.item_id for item in only],
                "text": {
                    "de": f"{de}: {item_class.de}{saving_de}",
                    "en": f"{en}: {item_class.en}{saving_en}",
                },
                "price_cents": _reduced_cents(only[0], percent) if percent else None,
                "starts": starts.isoformat(),
                "ends": (starts + timedelta(days=28)).isoformat(),
                "surfaces": ["tablet", "station"] if number % 5 else ["tablet"],
                "priority": priority + round_number,
            }
        )
    return records


def _reduced_cents(item: Item, percent: int) -> int:
    return max(49, round(item.price_cents * (100 - percent) / 1000) * 10 - 1)
