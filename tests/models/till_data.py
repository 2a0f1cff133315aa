"""Small stores for tests of training: the files a chain would hand over, from a seed."""

import gzip
import json
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import numpy as np

HEADER = (
    "receipt_id,sold_at,till_id,member_id,line_no,sku,quantity,unit_price_cents,is_gift_wrapped"
)
ZONES = ("men", "women", "beauty", "home")


def write_random_store(
    directory: Path, customers: int, seed: int, items: int = 60, receipts: int = 8
) -> Path:
    """Write catalog.json and receipts.csv.gz of a store whose customers have favourites.

    Every third receipt is anonymous; half of a known customer's lines are one of five favourites.
    """
    rng = np.random.default_rng(seed)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "catalog.json").write_text(json.dumps(_catalog(items)))
    rows = [HEADER]
    favourites = rng.integers(0, items, (customers, 5))
    for number in range(customers * receipts):
        customer = number % customers
        member = "" if rng.random() < 1 / 3 else f"M{customer:04d}"
        moment = f"2026-{1 + number // customers:02d}-{rng.integers(1, 28):02d}"
        moment += f"T{rng.integers(9, 20):02d}:{rng.integers(0, 60):02d}:00Z"
        likes = rng.choice(favourites[customer], 3)
        others = rng.integers(0, items, 3)
        bought = np.unique(np.concatenate([likes, others])[: rng.integers(1, 7)])
        rows += [
            f"r{number},{moment},1,{member},{line},s{item},{rng.integers(1, 3)},{100 + item},0"
            for line, item in enumerate(bought, start=1)
        ]
    text = "\n".join(rows) + "\n"
    (directory / "receipts.csv.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    return directory


def mark_gifts(directory: Path, marks: Sequence[str]) -> None:
    """Write the marks of gifts anew, one line after the other taking the next one."""
    path = directory / "receipts.csv.gz"
    header, *lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    marked = [
        f"{line.rpartition(',')[0]},{mark}" for line, mark in zip(lines, cycle(marks), strict=False)
    ]
    path.write_bytes(gzip.compress(("\n".join([header, *marked]) + "\n").encode(), mtime=0))


def write_offers(path: Path, customers: int, seed: int, items: int = 60, shown: int = 40) -> None:
    """Write a log of offers, `shown` to each customer: each takes those of one class of eight."""
    rng = np.random.default_rng(seed)
    rows = ["shown_at,member_id,offer_id,kind,item_ids,propensity,is_taken"]
    for number in range(customers * shown):
        customer, day = number % customers, number // customers
        item = int(rng.integers(items))
        is_taken = int(rng.random() < (0.7 if item % 8 == customer % 8 else 0.02))
        moment = f"2026-{6 + day // 20:02d}-{1 + day % 20:02d}T10:00:00Z"
        rows.append(f"{moment},M{customer:04d},O{item},no_reduction,i{item},{1 / items},{is_taken}")
    path.write_bytes(gzip.compress(("\n".join(rows) + "\n").encode(), mtime=0))


def _catalog(items: int) -> dict[str, object]:
    return {
        "schema": "stammgast.catalog.v1",
        "version": "1",
        "currency": "EUR",
        "store": {"id": "s1", "name": "Test", "time_zone": "Europe/Berlin"},
        "classes": [{"id": f"c{n}", "kind": "accessory"} for n in range(8)],
        "items": [
            {
                "item_id": f"i{n}",
                "product_name": {"de": f"Ding {n}", "en": f"Thing {n}"},
                "brand": "b",
                "department": ZONES[n % 4],
                "category": "thing",
                "class_id": f"c{n % 8}",
                "price_cents": 100 + n,
                "zone": ZONES[n % 4],
                "aisle": "EG 1",
                "variants": [{"sku": f"s{n}", "gtin": ""}],
            }
            for n in range(items)
        ],
        "offers": [],
    }
