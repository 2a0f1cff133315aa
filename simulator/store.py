"""Write the store that everything else works on: the files a chain would hand to a box.

The same seed and day give the same bytes. `truth.json` holds the latent tastes; it is for the
simulator and for judging, never for the box.
"""

import csv
import gzip
import io
import json
import sys
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from simulator import catalog as catalogs
from simulator import floor, histories, offers, people, pictures
from simulator.catalog import Catalog
from simulator.chance import stream
from simulator.clock import moment_s, rfc3339
from simulator.people import Member

STORE = {"id": "lindenhof-042", "name": "Kaufhaus Lindenhof", "time_zone": "Europe/Berlin"}
# Fixed, so that a seed alone names a store; a demonstration passes its own day.
DEFAULT_AS_OF = date(2026, 11, 21)
MEMBER_COUNT = 300
ANONYMOUS_COUNT = 1000
HISTORY_DAYS = 3 * 365
RECEIPT_COLUMNS = (
    "receipt_id", "sold_at", "till_id", "member_id", "line_no", "sku", "quantity",
    "unit_price_cents", "is_gift_wrapped",
)  # fmt: skip


RULES = """\
# The house's own rules; what is not said here stays as every store begins with it.
version = "lindenhof-1"
author = "Kaufhaus Lindenhof"

[limits]
# One place in ten goes to any item above the floor, so that drafts of other rules can be judged by
# what came of the cards: `stammgast-edge policy`.
explore_share = 0.1
"""


def write(out_dir: Path, seed: int, as_of: date = DEFAULT_AS_OF) -> None:
    """Write all files of the store of a seed.

    Args:
        out_dir: Made where missing; files of an earlier store are overwritten.
        seed: Names the store.
        as_of: Its today: histories end the evening before, offers run around it.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    catalog = catalogs.generate(seed)
    members = people.members(catalog, seed, MEMBER_COUNT, as_of.isoformat())
    _write_json(out_dir / "catalog.json", catalog_json(catalog, seed, as_of))
    _write_json(out_dir / "floorplan.json", floor.to_json())
    told = people.members_json(members, catalog)
    _write_json(out_dir / "members.json", {"schema": "stammgast.members.v1", "members": told})
    _write_json(out_dir / "truth.json", truth_json(catalog, members, seed))
    period = histories.Period(as_of - timedelta(days=HISTORY_DAYS), as_of)
    sold = histories.receipts(catalog, [m.person for m in members], ANONYMOUS_COUNT, period, seed)
    _write_receipts(out_dir / "receipts.csv.gz", sold)
    _write_json(out_dir / "stock.json", stock_json(catalog, seed, as_of))
    (out_dir / "rules.toml").write_text(RULES, encoding="utf-8")
    pictures.write(out_dir / "pictures", catalog.items)


def catalog_json(catalog: Catalog, seed: int, as_of: date) -> dict[str, Any]:
    """Return the catalogue file."""
    return {
        "schema": "stammgast.catalog.v1",
        "version": f"{as_of.isoformat()}-{seed}",
        "currency": "EUR",
        "store": STORE,
        "classes": [catalogs.class_json(c) for c in catalog.classes.values()],
        "items": [catalogs.item_json(item) for item in catalog.items],
        "offers": offers.offers(catalog, seed, as_of),
    }


def truth_json(catalog: Catalog, members: list[Member], seed: int) -> dict[str, Any]:
    """Return what only the simulator may know: tastes, and how goods are wanted."""
    return {
        "schema": "stammgast.simulator-truth.v1",
        "seed": seed,
        "motives": list(people.MOTIVES),
        "brand_levels": {i.brand: i.brand_level for i in catalog.items},
        "classes": {
            c.class_id: {
                "sizes": c.sizes,
                "audience": c.audience,
                "season": c.season,
                "price_cents": c.price_cents,
            }
            for c in catalog.classes.values()
        },
        "people": [asdict(member.person) for member in members],
    }


def stock_json(catalog: Catalog, seed: int, as_of: date) -> dict[str, Any]:
    """Return the opening stock: middle sizes deep, some sold out."""
    rng = stream(seed, "stock")
    levels = []
    for item in catalog.items:
        for position, variant in enumerate(item.variants):
            middle = 1 - abs(2 * (position + 0.5) / len(item.variants) - 1)
            is_sold_out = rng.random() < 0.07
            units = 0 if is_sold_out else round(rng.gammavariate(2, 2 + 4 * middle))
            levels.append({"sku": variant.sku, "quantity": units})
    return {
        "schema": "stammgast.stock.v1",
        "as_of": rfc3339(moment_s(as_of, 6 * 3600)),
        "levels": levels,
    }


def _write_json(path: Path, record: dict[str, Any]) -> None:
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"), indent=None)
    path.write_text(text + "\n", encoding="utf-8")


def _write_receipts(path: Path, sold: list[histories.Receipt]) -> None:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(RECEIPT_COLUMNS)
    for receipt in sold:
        sold_at = rfc3339(receipt.sold_at_s)
        for line_no, (line, cents) in enumerate(receipt.lines, start=1):
            wrapped = int(histories.is_gift_wrapped(line, receipt.receipt_id))
            rows.writerow(
                (receipt.receipt_id, sold_at, receipt.till_id, receipt.member_id, line_no,
                 line.variant.sku, line.quantity, cents, wrapped)
            )  # fmt: skip
    # No name and no time in the gzip header: the same seed gives the same bytes.
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
        packed.write(text.getvalue().encode())


def main(out_dir: Path, seed: int, as_of: date) -> int:
    """Write a store and say what it holds."""
    write(out_dir, seed, as_of)
    size_bytes = sum(path.stat().st_size for path in out_dir.rglob("*") if path.is_file())
    print(
        f"{STORE['name']} of seed {seed} in {out_dir}: {size_bytes / 1e6:.1f} MB", file=sys.stderr
    )
    return 0
