"""A drawn store and its regulars, of the size that a decision is measured on.

The bundle has the shipped sizes; its tables are counted from the drawn histories, its weights are
untrained, which costs the same time. So it is with the model of acceptance beside the ranker.
"""

import io
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from edge.adapters.onnx.ranker import Bundle, load_bundle
from edge.adapters.onnx.visit_models import load_visit_models
from edge.core import acceptance
from edge.core.candidates import Prepared
from edge.core.caps import Caps, Impression
from edge.core.catalog import Catalog, ClassKind, Item, ItemClass, Offer, Stock, Text, Variant
from edge.core.decision import PersonView
from edge.core.features import FEATURE_NAMES
from edge.core.history import History, Ints
from edge.core.item_tables import Encoder, ItemTables, packed, unpacked
from edge.core.memory import Memory, Purchases
from edge.core.moment import Moment
from edge.core.person import Offered, Profile, no_purchases
from edge.core.playbook import Playbook
from edge.core.ranking import Calibration
from edge.core.shelf import Shelf
from edge.core.takeup import Model, Takers, Takeup
from models import bundle, small_network
from models.acceptance import PLAN
from models.counting import count
from models.encoder import EncoderPlan
from models.everybody import everybody_of
from models.network import onnx_bytes
from models.purchases import Purchases as EverybodysPurchases
from models.ranker import Network, RankerPlan, initial, scaling_of
from models.visit_models import SCHEMA
from models.visit_models import packed as quantized

PRODUCTS, CUSTOMERS = 12_000, 3_000
ZONES, CLASSES, CATEGORIES, DEPARTMENTS, BRANDS = 12, 300, 80, 10, 150
NOW = Moment.of(datetime(2026, 3, 17, 14, 30, tzinfo=UTC))
DAY_S = 86_400.0
KINDS = (ClassKind.CONSUMABLE,) * 8 + (ClassKind.ACCESSORY,) * 6 + (ClassKind.DURABLE,) * 4 + (
    ClassKind.GIFT, ClassKind.SENSITIVE,
)  # fmt: skip
PURPOSES = frozenset({"recognise", "profile", "offers", "location", "staff_contact"})


@dataclass(frozen=True, slots=True)
class Regular:
    """Somebody whose visit is under way, as the box holds them."""

    history: History
    bought: Purchases
    view: PersonView
    prepared: Prepared
    memory: Memory
    liked: Ints
    takeup: Takeup
    zone: str


@dataclass(frozen=True, slots=True)
class Store:
    """One catalogue under one number of offers, and what a decision in it needs."""

    playbook: Playbook
    stock: Stock
    caps: Caps
    shelf: Shelf
    takers: Takers
    tables: ItemTables


def catalog(n_offers: int, rng: np.random.Generator) -> Catalog:
    """Draw 12,000 items; every offer stands on one to four of them."""
    classes = {
        f"class-{n}": ItemClass(
            f"class-{n}",
            Text(f"Klasse {n}", f"Class {n}"),
            KINDS[n % len(KINDS)],
            complements=(f"class-{(n + 6) % CLASSES}", f"class-{(n + 12) % CLASSES}"),
        )
        for n in range(CLASSES)
    }
    brands, prices = rng.integers(0, BRANDS, PRODUCTS), rng.integers(199, 29_900, PRODUCTS)
    items = tuple(_item(n, int(brands[n]), int(prices[n])) for n in range(PRODUCTS))
    return Catalog("drawn", "EUR", items, classes, tuple(_offers(n_offers, rng)))


def _item(n: int, brand: int, price: int) -> Item:
    class_no = n % CLASSES
    return Item(
        item_id=f"P{n:05d}",
        name=Text(f"Artikel {n}", f"Item {n}"),
        brand=f"Marke {brand}",
        department=f"department-{class_no % DEPARTMENTS}",
        category=f"category-{class_no % CATEGORIES}",
        class_id=f"class-{class_no}",
        price_cents=price,
        zone=f"zone-{class_no % ZONES}",
        aisle=f"EG {class_no % 40}",
        variants=tuple(Variant(f"{n}-{size}", "", size) for size in "SML"[: 1 + n % 3]),
        care=Text("Kühl waschen.", "Wash cold.") if n % 9 == 0 else None,
        tags=frozenset({f"colour:{n % 12}"}),
    )


def _offers(n_offers: int, rng: np.random.Generator) -> list[Offer]:
    return [
        Offer(
            offer_id=f"O{n:03d}",
            campaign_id=f"campaign-{n % 25}",
            item_ids=tuple(
                f"P{at:05d}" for at in rng.choice(PRODUCTS, 1 + n % 4, replace=False).tolist()
            ),
            text=Text("Diese Woche", "This week"),
            starts_s=NOW.now_s - 3 * DAY_S,
            ends_s=NOW.now_s + 4 * DAY_S,
            surfaces=frozenset({"tablet", "station"}),
            price_cents=199,
            priority=n % 5,
        )
        for n in range(n_offers)
    ]


def histories(rng: np.random.Generator) -> dict[str, History]:
    """Draw customers with 2 to 30 weekly baskets of popular and personal items."""
    chance = 1.0 / np.arange(10, PRODUCTS + 10)
    chance /= chance.sum()
    today = NOW.now_s / DAY_S
    people = {}
    for number in range(CUSTOMERS):
        staples = rng.choice(PRODUCTS, 25, p=chance)
        history, visits = History.empty(), int(rng.integers(2, 31))
        for visit in range(visits):
            own = rng.choice(staples, int(rng.integers(1, 6)))
            other = rng.choice(PRODUCTS, int(rng.integers(0, 4)), p=chance)
            basket = np.unique(np.concatenate([own, other])).astype(np.int32)
            history = history.extended(basket, today - 7.0 * (visits - visit))
        people[f"M{number:05d}"] = history
    return people


def draw_bundle(people: dict[str, History], out: Path, rng: np.random.Generator) -> Bundle:
    """Count real tables, leave the weights as they start, and load it all as a box does."""
    with everybody_of(EverybodysPurchases.of_histories(people, PRODUCTS)) as everybody:
        counts = count(everybody)
    plan = EncoderPlan()

    def draw(*shape: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
        return rng.normal(0.0, 0.1, shape).astype(np.float32)

    encoder = Encoder(
        draw(PRODUCTS, plan.size),
        draw(3 * plan.size, plan.hidden),
        draw(plan.hidden),
        draw(plan.hidden, plan.size),
        draw(plan.size),
        draw(PRODUCTS, plan.size),
        draw(PRODUCTS),
    )
    values = {name: getattr(counts, name) for name in counts.__dataclass_fields__}
    categories = rng.integers(0, CATEGORIES, PRODUCTS).astype(np.int32)
    tables = unpacked(packed(ItemTables(category=categories, encoder=encoder, **values)))
    ids = [f"P{number:05d}" for number in range(PRODUCTS)]
    params = initial(len(FEATURE_NAMES), PRODUCTS, plan.size, RankerPlan(), 0)
    rows = draw(1000, len(FEATURE_NAMES))
    network = Network(params, scaling_of(rows))
    # Most scores of such weights lie near -4: a spread around the floor, as after training.
    line = Calibration(np.array([-40.0, 40.0], np.float32), np.array([1e-6, 1.0], np.float32))
    bundle.write(out, onnx_bytes(network), tables, ids, line, {})
    return load_bundle(out, ids)


def draw_acceptance(out: Path, rng: np.random.Generator) -> Model:
    """Add a model of acceptance of the shipped size to a bundle, and load it as a box does."""
    ids = [f"P{number:05d}" for number in range(PRODUCTS)]
    inputs = rng.normal(0.0, 1.0, (2_000, len(acceptance.FEATURES))).astype(np.float32)
    network = small_network.train(inputs, rng.random(2_000) < 0.1, 0, PLAN)
    graph, about, _ = quantized(network, inputs, acceptance.SCHEMA_HASH, acceptance.FEATURES)
    about.update(schema=SCHEMA, name="acceptance", items=ids)
    about.update(rates={"store": 0.1, "kinds": {"large_reduction": 0.12}})
    lines = io.BytesIO()
    np.savez_compressed(lines, lines=rng.integers(0, 300, PRODUCTS).astype(np.float32))
    files = {"acceptance.onnx": graph, "acceptance.json": bundle.json_bytes(about)}
    bundle.extend(out, files | {"acceptance.npz": lines.getvalue()})
    found = load_visit_models(out, ids).acceptance
    assert found is not None
    return found


def profile(history: History) -> Profile:
    """Return what the model of acceptance reads beside the purchases: eight offers, two taken."""
    seen = (
        Offered(f"O{at:03d}", int(item), NOW.now_s - (2.0 + 9.0 * at) * DAY_S, is_accepted=at < 2)
        for at, item in enumerate(history.item[:8].tolist())
    )
    return Profile(no_purchases(), offered=tuple(seen))


def store(goods: Catalog, tables: ItemTables, takes: Model) -> Store:
    """Put a catalogue on the shelves under the default orders of people."""
    stock = Stock(goods)
    for item in goods.items:
        for variant in item.variants:
            stock.set_level(variant.sku, 5, NOW.now_s - 600.0)
    playbook = Playbook(goods)
    takers = Takers(goods, takes)
    return Store(playbook, stock, Caps(playbook.caps), Shelf(goods, tables), takers, tables)


def purchases(history: History) -> Purchases:
    """Return a history as the ledger gives it: items and the seconds they were sold at."""
    assert history.day is not None
    at_s = history.day[history.basket].astype(np.float64) * DAY_S
    return Purchases.of(list(zip(history.item.tolist(), at_s.tolist(), strict=True)))


def view(person: str, rng: np.random.Generator) -> PersonView:
    """Draw what a customer let in: a size, a colour they like, two vetoes."""
    vetoed = rng.integers(0, PRODUCTS, 2).tolist()
    return PersonView(
        person,
        PURPOSES,
        vetoes=dict.fromkeys(vetoed, NOW.now_s + DAY_S),
        stated=frozenset({f"colour:{int(rng.integers(12))}"}),
        sizes={f"category-{int(rng.integers(CATEGORIES))}": "M"},
        profile_as_of_s=NOW.now_s - DAY_S,
    )


def seen_before(
    person: str, history: History, playbook: Playbook, rng: np.random.Generator
) -> list[Impression]:
    """Draw eight cards of the last three weeks, half of them of things the person buys."""
    known = rng.choice(history.item, 4)
    seen = [*known.tolist(), *rng.integers(0, PRODUCTS, 4).tolist()]
    asked = np.empty(0, np.float32)
    active = playbook.offers.on(np.array(seen, np.intp), NOW.now_s, "tablet", asked)
    found = []
    for place, item in enumerate(seen):
        at_s = NOW.now_s - (1.0 + 2.6 * place) * DAY_S
        offer = playbook.offers.offers[active[place]] if active[place] >= 0 else None
        found.append(
            Impression(
                card_id=f"{person}-{place}",
                who=person,
                visit_id=f"{person}-{place}",
                at_s=at_s,
                day=datetime.fromtimestamp(at_s, UTC).toordinal(),
                surface="tablet",
                placement="contact",
                item=playbook.catalog.items[item].item_id,
                item_class=playbook.classes.group_ids[playbook.classes.group[item]],
                offer=offer.offer_id if offer else None,
                campaign=offer.campaign_id if offer else None,
            )
        )
    return found
