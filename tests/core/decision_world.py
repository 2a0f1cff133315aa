"""A small store for decisions: one of everything, with hand-made scores and a fixed Tuesday."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from edge.core.candidates import Candidates, Source
from edge.core.caps import Caps
from edge.core.catalog import Catalog, ClassKind, Item, ItemClass, Offer, Stock, Text, Variant
from edge.core.curation import Slate, curate, decide, decide_nothing
from edge.core.decision import Decision, PersonView, Snapshot, VisitView
from edge.core.experiments import Arm
from edge.core.explanation import Message, explain
from edge.core.guard import Judged, judge, silence
from edge.core.memory import Purchases, remember
from edge.core.moment import Moment
from edge.core.playbook import Orders, Playbook
from edge.core.reasons import ITEM_REASONS, Reason
from edge.core.triggers import prompts

BERLIN = ZoneInfo("Europe/Berlin")
DAY_S = 86_400.0


def at(text: str) -> Moment:
    """Make a moment of a local time such as `2026-03-03 14:00`."""
    return Moment.of(datetime.fromisoformat(text).replace(tzinfo=BERLIN))


NOW = at("2026-03-03 14:00")

K = ClassKind
CLASSES = {
    class_id: ItemClass(class_id, Text(de, en), kind, days, complements)
    for class_id, de, en, kind, days, complements in (
        ("laptop", "Laptop", "laptop", K.DURABLE, 1460, ("laptop-bag", "mouse")),
        ("laptop-bag", "Laptoptasche", "laptop bag", K.ACCESSORY, None, ()),
        ("mouse", "Maus", "mouse", K.ACCESSORY, None, ()),
        ("shirt", "Hemd", "shirt", K.DURABLE, 60, ("tie", "cufflinks")),
        ("tie", "Krawatte", "tie", K.ACCESSORY, None, ()),
        ("cufflinks", "Manschettenknöpfe", "cufflinks", K.ACCESSORY, None, ()),
        ("suit", "Anzug", "suit", K.DURABLE, 700, ()),
        ("winter-coat", "Wintermantel", "winter coat", K.DURABLE, 1095, ("scarf",)),
        ("scarf", "Schal", "scarf", K.ACCESSORY, None, ()),
        ("nappies", "Windeln", "nappies", K.CONSUMABLE, 14, ()),
        ("paper", "Druckerpapier", "printer paper", K.CONSUMABLE, None, ()),
        ("crime-novel", "Krimi", "crime novel", K.SERIES, None, ()),
        ("voucher", "Gutschein", "voucher", K.GIFT, None, ()),
        ("perfume-women", "Damenduft", "perfume", K.CONSUMABLE, 180, ()),
        ("perfume-men", "Herrenduft", "cologne", K.CONSUMABLE, 180, ()),
        ("test-kit", "Selbsttest", "test kit", K.SENSITIVE, None, ()),
        ("wine", "Wein", "wine", K.CONSUMABLE, 21, ()),
    )
}


def item(
    item_id: str,
    class_id: str | None,
    department: str,
    price: int = 5_000,
    brand: str = "Nord",
    **more: object,
) -> Item:
    """Make an item with one sku of its own name unless `variants` says otherwise."""
    given = {"variants": (Variant(item_id, ""),), **more}
    return Item(
        item_id=item_id,
        name=Text(item_id, item_id),
        brand=brand,
        department=department,
        category=str(given.pop("category", class_id or "loose")),
        class_id=class_id,
        price_cents=price,
        zone=department,
        aisle="EG 1",
        **given,  # type: ignore[arg-type]
    )


def _sized(item_id: str, *sizes: str) -> tuple[Variant, ...]:
    return tuple(Variant(f"{item_id}-{size}", "", size=size) for size in sizes)


ITEMS = (
    item("laptop-a", "laptop", "tech", 120_000, care=Text("Lüfter frei halten", "Keep vents free")),
    item("laptop-b", "laptop", "tech", 90_000, "Sued"),
    item("bag", "laptop-bag", "tech", 6_000, "Ost"),
    item("mouse", "mouse", "tech", 3_000, "West"),
    item("shirt-a", "shirt", "fashion", 6_000, variants=_sized("shirt-a", "M", "L")),
    item("shirt-b", "shirt", "fashion", 7_000, "Sued"),
    item("tie", "tie", "fashion", 4_000, "Ost"),
    item("cufflinks", "cufflinks", "fashion", 4_500, "West"),
    item("suit", "suit", "fashion", 30_000),
    item("coat-a", "winter-coat", "fashion", 35_000, care=Text("Bürsten, nicht waschen", "Brush")),
    item("coat-b", "winter-coat", "fashion", 28_000, "Sued"),
    item("scarf", "scarf", "fashion", 3_500, "Ost"),
    item("nappies-3", "nappies", "home", 2_000, "Zart", is_bulky=True),
    item("nappies-4", "nappies", "home", 2_000, "Zart", is_bulky=True),
    item("nappies-other", "nappies", "home", 1_500, "Billig", is_bulky=True),
    item("paper", "paper", "home", 3_000, "Blatt", is_bulky=True),
    item("crime-1", "crime-novel", "books", 1_200, series=("kommissar", 1)),
    item("crime-2", "crime-novel", "books", 1_200, series=("kommissar", 2)),
    item("crime-3", "crime-novel", "books", 1_200, series=("kommissar", 3)),
    item("voucher", "voucher", "service", 2_500),
    item("scent-w", "perfume-women", "beauty", 8_000, tags=frozenset({"for:women"})),
    item("scent-w2", "perfume-women", "beauty", 9_000, "Sued", tags=frozenset({"for:women"})),
    item("scent-m", "perfume-men", "beauty", 7_000, tags=frozenset({"for:men"})),
    item("self-test", "test-kit", "beauty", 1_500),
    item("wine", "wine", "food", 900, age_min=16),
    item("odd-1", None, "home", 1_900, category="lamps"),
    item("odd-2", None, "home", 2_100, "Sued", category="lamps"),
)
OFFERS = (
    Offer(
        "spring", "spring-campaign", ("tie", "scarf"), Text("Frühling", "Spring"),
        at("2026-03-01 00:00").now_s, at("2026-04-01 00:00").now_s,
        frozenset({"tablet", "station", "push"}), 2_900, 10,
    ),
    Offer(
        "winter", "winter-campaign", ("coat-a", "coat-b"), Text("Winter", "Winter"),
        at("2026-01-01 00:00").now_s, at("2026-02-01 00:00").now_s, frozenset({"tablet"}), 19_900,
    ),
)  # fmt: skip
CATALOG = Catalog("c1", "EUR", ITEMS, CLASSES, OFFERS)
MEMBER = PersonView("p1", frozenset({"recognise", "profile", "offers", "staff_contact"}))


def number(item_id: str) -> int:
    """Return an item's index."""
    found = CATALOG.index_of(item_id)
    assert found is not None, item_id
    return found


def full_stock(catalog: Catalog = CATALOG) -> Stock:
    """Return a stock with ten of every sku, counted this morning."""
    stock = Stock(catalog)
    for goods in catalog.items:
        for variant in goods.variants:
            stock.set_level(variant.sku, 10, NOW.now_s - 3_600.0)
    return stock


@dataclass
class World:
    """Everything a decision needs, each part replaceable; starts valid and generous."""

    moment: Moment = NOW
    visit: VisitView = field(
        default_factory=lambda: VisitView("v1", NOW.now_s - 600.0, "fashion", "department",
                                          NOW.now_s - 300.0, had_entry_offer=True)
    )  # fmt: skip
    person: PersonView | None = MEMBER
    orders: Orders = field(default_factory=Orders)
    lines: Purchases = field(default_factory=Purchases.of)
    stock: Stock = field(default_factory=full_stock)
    caps: Caps | None = None
    arm: Arm = field(default_factory=Arm)
    surface: str = "tablet"
    is_pull: bool = False
    seed: int = 7
    catalog: Catalog = CATALOG

    def snapshot(self) -> Snapshot:
        """Lay the parts together as the path does."""
        playbook = Playbook(self.catalog, self.orders)
        if self.caps is None:
            self.caps = Caps(self.orders.caps)
        audience = self.person.declared.get("audience") if self.person else None
        memory = remember(self.lines, playbook.classes, audience)
        named = prompts(
            memory, self.person, self.visit, self.moment, playbook, self.surface,
            is_held_out=self.arm.is_holdout,
        )  # fmt: skip
        return Snapshot(
            moment=self.moment,
            visit=self.visit,
            playbook=playbook,
            stock=self.stock,
            caps=self.caps,
            arm=self.arm,
            person=self.person,
            memory=memory,
            prompts=named,
            surface=self.surface,
            is_pull=self.is_pull,
            seed=self.seed,
        )

    def bought(self, *item_ids: str, days_ago: float = 0.0, is_gift: bool = False) -> "World":
        """Add purchases; returns the world for chaining."""
        pairs = [(number(i), self.moment.now_s - days_ago * DAY_S) for i in item_ids]
        self.lines = self.lines.plus(Purchases.of(gifts=pairs) if is_gift else Purchases.of(pairs))
        return self

    def returned(self, *item_ids: str, days_ago: float = 0.0) -> "World":
        """Add returns."""
        pairs = [(number(i), self.moment.now_s - days_ago * DAY_S) for i in item_ids]
        self.lines = self.lines.plus(Purchases.of(returned=pairs))
        return self

    def in_visit(self, **changes: object) -> "World":
        """Change the visit."""
        self.visit = replace(self.visit, **changes)  # type: ignore[arg-type]
        return self

    def by_person(self, **changes: object) -> "World":
        """Change the person."""
        assert self.person is not None
        self.person = replace(self.person, **changes)  # type: ignore[arg-type]
        return self

    def candidates(self, snapshot: Snapshot, named: dict[str, Source] | None = None) -> Candidates:
        """Return every item as popular, plus what the prompts name, plus `named` sources."""
        sources = np.full(len(self.catalog.items), int(Source.POPULAR), np.uint16)
        for items, source in (
            (snapshot.prompts.complement, Source.COMPLEMENT),
            (snapshot.prompts.series, Source.SERIES),
            (snapshot.prompts.care, Source.CARE),
            (snapshot.prompts.trigger, Source.TRIGGER),
            (snapshot.prompts.pinned, Source.PINNED),
        ):
            sources[items] |= int(source)
        for item_id, source in (named or {}).items():
            sources[number(item_id)] |= int(source)
        return Candidates(np.arange(sources.size, dtype=np.int32), sources)

    def judge(self) -> Judged:
        """Run the guard over the whole catalogue."""
        snapshot = self.snapshot()
        return judge(self.candidates(snapshot), snapshot)

    def reasons(self, item_id: str) -> set[Reason]:
        """Return everything that speaks against an item."""
        return spoken(int(self.judge().reasons[number(item_id)]))

    def decide(
        self, scores: dict[str, float] | None = None, named: dict[str, Source] | None = None
    ) -> "Outcome":
        """Run all steps; items without a score get 0.1."""
        return run(self.snapshot(), self, scores, named)


@dataclass(frozen=True)
class Outcome:
    """What came out of a decision."""

    snapshot: Snapshot
    slate: Slate | None
    message: Message
    decision: Decision

    @property
    def shown(self) -> list[str]:
        """The item ids on the slate."""
        return [line.item_id for line in self.decision.slate]


def run(
    snapshot: Snapshot,
    world: World,
    scores: dict[str, float] | None = None,
    named: dict[str, Source] | None = None,
) -> Outcome:
    """Run silence, guard, curation, explanation and record in their order.

    As on the path, the model is asked about what the guard left alone.
    """
    quiet = silence(snapshot)
    if quiet is not None:
        silent = decide_nothing(quiet, snapshot)
        return Outcome(snapshot, None, explain(silent, snapshot), silent)
    judged = judge(world.candidates(snapshot, named), snapshot)
    slate = curate(judged, score_column(scores, world.catalog, judged), snapshot)
    decision = decide(judged, slate, snapshot)
    return Outcome(snapshot, slate, explain(decision, snapshot), decision)


def score_column(
    scores: dict[str, float] | None, catalog: Catalog, judged: Judged | None = None
) -> NDArray[np.float32]:
    """Return one score per item; NaN for what was judged and is not allowed."""
    given = scores or {}
    column = np.array([given.get(i.item_id, 0.1) for i in catalog.items], np.float32)
    return column if judged is None else np.where(judged.allowed, column, np.float32(np.nan))


def spoken(mask: int) -> set[Reason]:
    """Return the reasons of a mask."""
    return {reason for k, reason in enumerate(ITEM_REASONS) if mask >> k & 1}


def allowed(judged: Judged) -> set[str]:
    """Return the ids of items that may be shown."""
    return {CATALOG.items[i].item_id for i in judged.items[judged.allowed].tolist()}


def first_reason(judged: Judged, item_id: str) -> Reason | None:
    """Return the deciding reason against an item."""
    found = {verdict.item: verdict.reason for verdict in judged.verdicts()}
    return found.get(number(item_id))


def ids(items: Sequence[int]) -> list[str]:
    """Return item ids of indexes."""
    return [CATALOG.items[i].item_id for i in items]
