"""What consent and encryption cost, and what the attacks reach.

50,000 customers with their consents and 100 receipt lines each are written by the importers that a
store uses. `check_p50_us` is what consent and decryption add to one decision after its visit began:
asking all grants, and reading what the visit holds. `erase_s` is one customer with ten years of
receipts, to the last byte. The attacks are those of `tests/attacks`, each run with its defence.
"""

import csv
import gzip
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.bench import arguments, percentile, report
from edge.adapters.sqlite.erasure import erase
from edge.adapters.sqlite.ledger import Ledger
from edge.core.catalog import Catalog, Item, Text, Variant
from edge.core.consent import PURPOSES, Consents, Purpose

CUSTOMERS = 50_000
LINES_A_RECEIPT = 3
LINES = 100
TEN_YEARS_LINES = 10 * 365
PRODUCTS = 10_000
NOW_S = 1_790_000_000.0
GIVEN = (
    "recognise", "profile", "offers", "location", "staff_contact", "staff_greeting", "aggregates",
)  # fmt: skip
DECISIONS = 20_000
MOMENTS = [
    time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW_S - 86_400 * day)) for day in range(3_600)
]


def catalog() -> Catalog:
    """Return a catalogue of 10,000 products."""
    text = Text("Ware", "Goods")
    return Catalog(
        "1",
        "EUR",
        tuple(
            Item(f"i{at}", text, "B", "D", "C", None, 1, "z", "1", (Variant(f"s{at}", ""),))
            for at in range(PRODUCTS)
        ),
        {},
    )


def members(first: int, count: int) -> dict[str, object]:
    """Return a members document."""
    consents = [
        {"purpose": p, "given_at": "2026-01-02T10:00:00Z", "notice_version": "2026-01"}
        for p in GIVEN
    ]
    return {
        "schema": "stammgast.members.v1",
        "members": [
            {
                "member_id": f"M{at:06d}",
                "name": f"Vorname{at} Nachname{at}",
                "language": "de",
                "beacons": [f"ibeacon:{at:032x}-1-1"],
                "stated": ["colour:grey", "for:women"],
                "sizes": {"coat": "M", "shoe": "38"},
                "consents": consents,
            }
            for at in range(first, first + count)
        ],
    }


def write_receipts(path: Path, customers: range, lines: int, rng: np.random.Generator) -> None:
    """Write a file of receipts of three lines each, spread over ten years."""
    with gzip.open(path, "wt", newline="", compresslevel=1) as file:
        writer = csv.writer(file)
        writer.writerow(
            ["receipt_id", "sold_at", "till_id", "member_id", "line_no", "sku", "quantity",
             "unit_price_cents", "is_gift_wrapped"]
        )  # fmt: skip
        for customer in customers:
            skus = (rng.zipf(1.3, lines) % PRODUCTS).tolist()
            cents = rng.integers(99, 20_000, lines).tolist()
            days = np.sort(rng.integers(0, 3_600, lines // LINES_A_RECEIPT + 1)).tolist()
            moments = [MOMENTS[day] for day in days]
            writer.writerows(
                (f"R{customer}-{at // LINES_A_RECEIPT}", moments[at // LINES_A_RECEIPT], "1",
                 f"M{customer:06d}", at % LINES_A_RECEIPT, f"s{skus[at]}", 1, cents[at], 0)
                for at in range(lines)
            )  # fmt: skip


def fill(directory: Path, rng: np.random.Generator) -> Ledger:
    """Import all customers and their receipts, and one with ten years of daily lines."""
    ledger = Ledger.open(directory / "box", bytes(range(32)), catalog())
    for first in range(0, CUSTOMERS + 1, 5_000):
        ledger.import_members(members(first, min(5_000, CUSTOMERS + 1 - first)), NOW_S)
    path = directory / "receipts.csv.gz"
    for first in range(0, CUSTOMERS, 5_000):
        write_receipts(path, range(first, first + 5_000), LINES, rng)
        ledger.import_receipts(path)
    write_receipts(path, range(CUSTOMERS, CUSTOMERS + 1), TEN_YEARS_LINES, rng)
    ledger.import_receipts(path)
    path.unlink()
    return ledger


def timed(work: Callable[[int], object], repeats: int) -> list[float]:
    """Return the microseconds of each of many calls."""
    took = []
    for at in range(repeats):
        begin = time.perf_counter()
        work(at)
        took.append((time.perf_counter() - begin) * 1e6)
    return took


def check(consents: Consents, persons: list[str], at: int) -> None:
    """Ask what one decision asks: every purpose, and the grants of what it reads."""
    person = persons[at % len(persons)]
    if (reading := consents.grant(person, Purpose.PROFILE, NOW_S)) is not None:
        reading.require(Purpose.PROFILE, NOW_S, person)
    if (offering := consents.grant(person, Purpose.OFFERS, NOW_S)) is not None:
        offering.require(Purpose.OFFERS, NOW_S, person)
    if (showing := consents.grant(person, Purpose.STAFF_CONTACT, NOW_S)) is not None:
        showing.require(Purpose.STAFF_CONTACT, NOW_S, person)
    consents.purposes(person)


def rss_bytes() -> int:
    """Return the resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def disk_bytes(directory: Path) -> int:
    """Return the size of everything the box keeps."""
    return sum(path.stat().st_size for path in directory.iterdir())


def attacks() -> dict[str, int]:
    """Run the attacks with their defences and count them and what leaked."""
    command = [sys.executable, "-m", "tests.attacks"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    last = ran.stdout.strip().splitlines()[-1].split()
    return {"attacks": int(last[0]), "leaked": int(last[1])}


def main() -> None:
    """Fill, measure, print."""
    options = arguments(__doc__).parse_args()
    rng = np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        ledger = fill(directory, rng)
        before = rss_bytes()
        begin = time.perf_counter()
        consents = ledger.consents()
        index_s = time.perf_counter() - begin
        index_mb = (rss_bytes() - before) / 1e6
        persons = [
            person
            for at in rng.integers(0, CUSTOMERS, 2_000)
            if (person := consents.person_of_member(f"M{at:06d}")) is not None
        ]

        def read(at: int) -> None:
            grant = consents.grant(persons[at], Purpose.PROFILE, NOW_S)
            assert grant is not None
            ledger.profile(persons[at], grant, NOW_S)

        unknown = timed(lambda at: consents.person_of_beacon(f"mac:{at:012x}"), DECISIONS)
        checks = timed(lambda at: check(consents, persons, at), DECISIONS)
        reads = timed(read, 1_000)
        ledger.flush()
        size = disk_bytes(directory / "box")
        rich = consents.person_of_member(f"M{CUSTOMERS:06d}")
        assert rich is not None
        begin = time.perf_counter()
        done = erase(ledger, rich, NOW_S)
        erase_s = time.perf_counter() - begin
        assert done is not None
        begin = time.perf_counter()
        entries, problems = ledger.writing.log.verify()
        verify_s = time.perf_counter() - begin
        assert problems == []
        ledger.close()
    report(
        {
            "check_p50_us": percentile(checks, 50, 2),
            "erase_s": round(erase_s, 3),
            "disk_mb": round(size / 1e6, 1),
            **attacks(),
            "unknown_beacon_p50_us": percentile(unknown, 50, 2),
            "first_read_p50_us": percentile(reads, 50, 1),
            "first_read_p99_us": percentile(reads, 99, 1),
            "index_s": round(index_s, 2),
            "index_mb": round(index_mb, 1),
            "customers": CUSTOMERS,
            "purposes": len(PURPOSES),
            "chain_entries": entries,
            "verify_s": round(verify_s, 2),
        },
        is_quiet=options.json,
    )


if __name__ == "__main__":
    main()
