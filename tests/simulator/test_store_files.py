"""The written store keeps its contract: schemas, references, numbers, and a believable past."""

import csv
import gzip
import hashlib
import itertools
import json
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from edge.adapters.files.catalog import read_catalog
from edge.adapters.rules.watch import RuleFiles
from simulator import __main__ as command
from simulator import catalog, store
from simulator.people import CONSENT_SHARES

# One worker writes the store once and runs all that read it.
pytestmark = pytest.mark.xdist_group("store")

KINDS = {"durable", "accessory", "consumable", "series", "gift", "sensitive"}
ZONE_KINDS = {"entrance", "department", "fitting_room", "till", "station", "cafe"}
FAMILIES = {"espresense", "openmqttgateway", "theengs", "minew", "ruuvi"}
FILES = {
    "catalog.json",
    "floorplan.json",
    "members.json",
    "stock.json",
    "receipts.csv.gz",
    "truth.json",
    "rules.toml",
}

Record = dict[str, Any]


def _json(store_dir: Path, name: str) -> Record:
    record: Record = json.loads((store_dir / name).read_text(encoding="utf-8"))
    return record


@pytest.fixture(scope="module")
def goods(store_dir: Path) -> Record:
    return _json(store_dir, "catalog.json")


@pytest.fixture(scope="module")
def floorplan(store_dir: Path) -> Record:
    return _json(store_dir, "floorplan.json")


@pytest.fixture(scope="module")
def members(store_dir: Path) -> list[Record]:
    records: list[Record] = _json(store_dir, "members.json")["members"]
    return records


@pytest.fixture(scope="module")
def receipts(store_dir: Path) -> dict[str, list[dict[str, str]]]:
    by_id = defaultdict(list)
    with gzip.open(store_dir / "receipts.csv.gz", "rt", encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            by_id[row["receipt_id"]].append(row)
    return by_id


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes(
    store_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every file, the packed receipts included, is a function of seed and day alone."""
    assert command.main(["store", "--out", str(tmp_path), "--seed", "7"]) == 0
    assert "seed 7" in capsys.readouterr().err
    assert _digests(tmp_path) == _digests(store_dir)
    assert {path.name for path in store_dir.iterdir()} == FILES | {"pictures"}


def test_another_seed_gives_another_store() -> None:
    """Catalogues of two seeds differ, and each repeats itself."""
    assert catalog.generate(1) == catalog.generate(1)
    assert catalog.generate(1) != catalog.generate(2)


def test_the_store_is_a_department_store(goods: Record) -> None:
    """About 1,200 goods in well over a hundred substitute classes of all six kinds."""
    assert goods["schema"] == "stammgast.catalog.v1"
    assert 1100 <= len(goods["items"]) <= 1300
    assert len(goods["classes"]) >= 110
    assert {c["kind"] for c in goods["classes"]} == KINDS
    departments = {item["department"] for item in goods["items"]}
    assert departments >= {"fashion", "beauty", "sport", "household"}


def test_every_item_can_be_shown(goods: Record, floorplan: Record, store_dir: Path) -> None:
    """Names in two languages, class, price, shelf in its zone, picture: nothing is missing."""
    classes = {c["id"] for c in goods["classes"]}
    zone_of_aisle = {shelf["aisle"]: shelf["zone"] for shelf in floorplan["shelves"]}
    for item in goods["items"]:
        assert all(item["product_name"][language].strip() for language in ("de", "en"))
        assert item["class_id"] in classes
        assert item["price_cents"] >= 49
        assert zone_of_aisle[item["aisle"]] == item["zone"]
        assert (store_dir / item["picture"]).is_file()
        assert item["variants"]
        assert item["brand"]
        assert item["category"]


def test_no_two_items_are_called_alike(goods: Record) -> None:
    """A name with its brand means one item, in either language."""
    for language in ("de", "en"):
        names = Counter((i["product_name"][language], i["brand"]) for i in goods["items"])
        assert [name for name, count in names.items() if count > 1] == []


def test_ids_are_unique_and_gtins_valid(goods: Record) -> None:
    """Skus and GTINs name one variant; the check digit is worked out here anew."""
    variants = [variant for item in goods["items"] for variant in item["variants"]]
    for key in ("sku", "gtin"):
        assert len({v[key] for v in variants}) == len(variants)
    for variant in variants:
        digits = [int(digit) for digit in variant["gtin"]]
        assert len(digits) == 13
        assert (sum(digits[0::2]) + 3 * sum(digits[1::2])) % 10 == 0
        assert variant["gtin"].startswith("2"), "invented goods stay in the company's own range"


@pytest.mark.parametrize(
    ("body", "gtin"),
    [
        pytest.param(1_234_567_890, "2012345678903", id="sum 87, three to ninety"),
        pytest.param(0, "2000000000008", id="only the prefix counts: 10 − 2"),
    ],
)
def test_check_digits_by_hand(body: int, gtin: str) -> None:
    """2+0+1·… weighted 1, 3, 1, 3 from the left, filled up to the next ten."""
    assert catalog.gtin13(body) == gtin


def test_complements_are_classes_and_a_shirt_asks_for_no_suit(goods: Record) -> None:
    """The article's example: cufflinks or a tie, never a suit."""
    classes = {c["id"]: c for c in goods["classes"]}
    for item in goods["items"]:
        assert set(item["complements"]) <= classes.keys()
        assert item["class_id"] not in item["complements"]
    assert classes["shirt"]["complements"] == ["cufflinks", "tie"]
    assert set(classes["espresso-machine"]["complements"]) >= {"espresso-cups", "descaler"}
    assert set(classes["hiking-boots"]["complements"]) >= {"hiking-socks", "shoe-wax"}


def test_consumables_have_intervals_and_sensitive_goods_are_marked(goods: Record) -> None:
    """What rules need is there: intervals, the sensitive flag, bulky goods, ages, care tips."""
    kinds = {c["id"]: c for c in goods["classes"]}
    assert all(c["interval_days"] for c in kinds.values() if c["kind"] == "consumable")
    sensitive = [i for i in goods["items"] if kinds[i["class_id"]]["kind"] == "sensitive"]
    assert sensitive
    assert all(item["is_sensitive"] for item in sensitive)
    assert any(item["is_bulky"] for item in goods["items"])
    assert any(item.get("age_min") for item in goods["items"])
    cared = [item for item in goods["items"] if item["care"]]
    assert all(item["care"]["de"] and item["care"]["en"] for item in cared)
    assert len(cared) > 150


def test_series_run_without_gaps(goods: Record) -> None:
    """Volumes of a series are numbered 1, 2, 3 … in one brand."""
    volumes = defaultdict(list)
    for item in goods["items"]:
        if "series" in item:
            volumes[item["series"]["id"]].append((item["series"]["index"], item["brand"]))
    assert len(volumes) >= 8
    for volume in volumes.values():
        assert [index for index, _ in volume] == list(range(1, len(volume) + 1))
        assert len({brand for _, brand in volume}) == 1


def test_offers_name_goods_and_end(goods: Record) -> None:
    """No campaign runs for ever; some offers are over, some to come, most run."""
    items = {item["item_id"]: item for item in goods["items"]}
    today = store.DEFAULT_AS_OF
    phases: Counter[str] = Counter()
    for offer in goods["offers"]:
        assert set(offer["item_ids"]) <= items.keys()
        starts, ends = date.fromisoformat(offer["starts"]), date.fromisoformat(offer["ends"])
        assert starts < ends
        phases["over" if ends <= today else "coming" if starts > today else "running"] += 1
        if offer["price_cents"] is not None:
            assert offer["price_cents"] < items[offer["item_ids"][0]]["price_cents"]
    assert len(goods["offers"]) >= 40
    assert phases["running"] > 25
    assert phases["over"]
    assert phases["coming"]


def test_the_floor_is_tiled_by_its_zones(floorplan: Record) -> None:
    """Zones fill 40 × 28 m exactly and do not overlap: each point of a grid lies in one."""
    assert {zone["kind"] for zone in floorplan["zones"]} == ZONE_KINDS
    for x in range(floorplan["width_m"].__trunc__()):
        for y in range(floorplan["height_m"].__trunc__()):
            holders = [z["id"] for z in floorplan["zones"] if _holds(z, x + 0.5, y + 0.5)]
            assert len(holders) == 1, (x, y, holders)


def _holds(zone: Record, x: float, y: float) -> bool:
    """Cast a ray to the east; the grid's points lie on no edge."""
    corners = zone["polygon"]
    crossings = 0
    for (x1, y1), (x2, y2) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
            crossings += 1
    return crossings % 2 == 1


def test_receivers_of_five_families_stand_in_their_zones(floorplan: Record) -> None:
    """About a dozen receivers; every zone but one hears for itself."""
    zones = {zone["id"]: zone for zone in floorplan["zones"]}
    receivers = floorplan["receivers"]
    assert {r["family"] for r in receivers} == FAMILIES
    assert 12 <= len(receivers) <= 18
    assert len({r["gateway"] for r in receivers}) == len(receivers)
    for receiver in receivers:
        assert _holds(zones[receiver["zone"]], receiver["x_m"], receiver["y_m"] + 0.001)
    for shelf in floorplan["shelves"]:
        for dx, dy in ((0.01, 0.01), (shelf["width_m"] - 0.01, shelf["depth_m"] - 0.01)):
            assert _holds(zones[shelf["zone"]], shelf["x_m"] + dx, shelf["y_m"] + dy), shelf


def test_members_are_mixed(members: list[Record]) -> None:
    """Consents, languages, beacons and names vary as they do in a real file."""
    assert len(members) == 300
    assert len({member["member_id"] for member in members}) == 300
    beacons = [beacon for member in members for beacon in member["beacons"]]
    assert len(set(beacons)) == len(beacons)
    assert {beacon.split(":")[0] for beacon in beacons} == {"iBeacon", "eddystone"}
    given = Counter(c["purpose"] for member in members for c in member["consents"])
    assert given.keys() == {"recognise", *CONSENT_SHARES}
    assert given["staff_contact"] > 150
    assert 0 < given["staff_greeting"] < 45
    assert sum(not member["consents"] for member in members) > 10
    assert (
        sum({c["purpose"] for c in m["consents"]} == {"recognise", "offers"} for m in members) > 20
    )
    assert {member["language"] for member in members} == {"de", "en"}
    assert any("ü" in member["name"] for member in members)
    assert {c["notice_version"] for m in members for c in m["consents"]} == {"2026-01"}


def test_members_files_hold_no_taste(members: list[Record]) -> None:
    """What a shopper truly likes is in truth.json alone; a chain cannot hand it over."""
    allowed = {
        "member_id", "name", "language", "beacons", "consents", "declared", "stated", "sizes",
    }  # fmt: skip
    assert all(member.keys() <= allowed for member in members)


def test_told_sizes_are_sizes_that_goods_come_in(members: list[Record], goods: Record) -> None:
    """By a category of the catalogue, so that the box can look for them on the shelf."""
    sizes: dict[str, set[str | None]] = defaultdict(set)
    for item in goods["items"]:
        sizes[item["category"]] |= {variant["size"] for variant in item["variants"]}
    told = [each for member in members for each in member["sizes"].items()]
    assert len(told) > 100
    assert all(size in sizes[category] for category, size in told)
    assert all(bool(member["sizes"]) == bool(member["stated"]) for member in members)


def test_stock_covers_every_sku(goods: Record, store_dir: Path) -> None:
    """Every variant has a level; some are sold out."""
    stock = _json(store_dir, "stock.json")
    levels = {level["sku"]: level["quantity"] for level in stock["levels"]}
    assert levels.keys() == {v["sku"] for item in goods["items"] for v in item["variants"]}
    sold_out = sum(quantity == 0 for quantity in levels.values()) / len(levels)
    assert 0.03 < sold_out < 0.15


def test_receipts_are_a_till_log_of_years(
    receipts: dict[str, list[dict[str, str]]], goods: Record, members: list[Record]
) -> None:
    """In order of time, known skus, consecutive lines, most of them anonymous."""
    skus = {v["sku"] for item in goods["items"] for v in item["variants"]}
    known = {member["member_id"] for member in members} | {""}
    times = [lines[0]["sold_at"] for lines in receipts.values()]
    assert times == sorted(times)
    assert times[0] < "2024-01"
    assert times[-1] < store.DEFAULT_AS_OF.isoformat()
    for lines in receipts.values():
        assert [int(line["line_no"]) for line in lines] == list(range(1, len(lines) + 1))
        assert len({(line["sold_at"], line["member_id"], line["till_id"]) for line in lines}) == 1
        assert all(line["sku"] in skus and line["member_id"] in known for line in lines)
        assert all(int(line["quantity"]) > 0 for line in lines)
    anonymous = sum(lines[0]["member_id"] == "" for lines in receipts.values())
    assert 0.6 < anonymous / len(receipts) < 0.95
    assert any(date.fromisoformat(time[:10]).weekday() == 5 for time in times)
    assert all(date.fromisoformat(time[:10]).weekday() != 6 for time in times), "Sundays are closed"


def test_histories_behave(
    receipts: dict[str, list[dict[str, str]]], goods: Record, store_dir: Path
) -> None:
    """What the model of demand promises is in the receipts: cycles, companions, seasons, gifts."""
    class_of = {v["sku"]: i["class_id"] for i in goods["items"] for v in i["variants"]}
    bought = defaultdict(list)
    for lines in receipts.values():
        for line in lines:
            entry = (date.fromisoformat(line["sold_at"][:10]), class_of[line["sku"]])
            bought[line["member_id"]].append(entry)
    cycles = {
        person["person_id"]: person["cycles_days"]
        for person in _json(store_dir, "truth.json")["people"]
    }
    kept = _gaps_near_cycle(bought, cycles, "coffee")
    assert kept > 0.5, "gaps of coffee lie around the person's own cycle"
    after, base = _companion_lift(bought, "shirt", "tie")
    assert after > 3 * base, (after, base)
    coats = [day.month for days in bought.values() for day, c in days if c == "winter-coat"]
    assert sum(month in (10, 11, 12, 1) for month in coats) > 0.6 * len(coats)
    wrapped = sum(line["is_gift_wrapped"] == "1" for lines in receipts.values() for line in lines)
    assert wrapped > 1000


def test_everybody_keeps_to_their_own_shade(
    receipts: dict[str, list[dict[str, str]]], goods: Record
) -> None:
    """Whoever buys foundation for themselves buys it in one shade; not all in the same."""
    shade_of = {
        v["sku"]: v["shade"]
        for i in goods["items"]
        for v in i["variants"]
        if i["class_id"] == "foundation"
    }
    worn = defaultdict(set)
    for lines in receipts.values():
        for line in lines:
            if line["member_id"] and line["sku"] in shade_of and line["is_gift_wrapped"] == "0":
                worn[line["member_id"]].add(shade_of[line["sku"]])
    assert len(worn) > 20
    assert all(len(shades) == 1 for shades in worn.values())
    assert len(set().union(*worn.values())) == len(set(shade_of.values()))


def _gaps_near_cycle(
    bought: dict[str, list[tuple[date, str]]], cycles: dict[str, dict[str, float]], wanted: str
) -> float:
    """Return the share of gaps between 0.6 and 2 times the person's own cycle."""
    near = total = 0
    for person_id, cycle in cycles.items():
        if wanted not in cycle:
            continue
        days = [day for day, class_id in bought[person_id] if class_id == wanted]
        for earlier, later in itertools.pairwise(days):
            total += 1
            near += 0.6 * cycle[wanted] <= (later - earlier).days <= 2 * cycle[wanted]
    return near / total


def _companion_lift(
    bought: dict[str, list[tuple[date, str]]], cause: str, effect: str
) -> tuple[float, float]:
    """Return how often `effect` follows `cause` within 60 days, and any other purchase."""
    counts = {True: [0, 0], False: [0, 0]}
    for person_id, days in bought.items():
        if not person_id:
            continue
        effects = [day for day, class_id in days if class_id == effect]
        for day, class_id in days:
            follows = any(0 <= (later - day).days <= 60 for later in effects)
            counts[class_id == cause][0] += follows
            counts[class_id == cause][1] += 1
    return tuple(hits / total for hits, total in (counts[True], counts[False]))  # type: ignore[return-value]


def test_a_store_of_another_day_is_about_that_day(tmp_path: Path) -> None:
    """A demonstration passes its own today: offers run then, histories end the evening before."""
    goods = catalog.generate(7)
    record = store.catalog_json(goods, 7, date(2027, 3, 5))
    running = [
        offer for offer in record["offers"] if offer["starts"] <= "2027-03-05" < offer["ends"]
    ]
    assert len(running) > 25
    assert store.stock_json(goods, 7, date(2027, 3, 5))["as_of"] == "2027-03-05T05:00:00Z"


def test_the_house_explores_by_its_own_rules(store_dir: Path) -> None:
    """The box takes the written rules as they are; one place in ten goes to any item."""
    catalog, _ = read_catalog(store_dir / "catalog.json")
    files = RuleFiles(store_dir / "rules.toml", catalog)
    files.load()
    assert not files.state.problems
    assert files.state.playbook.limits.explore_share == 0.1
