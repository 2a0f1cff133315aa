"""Train and judge the model for anonymous visits on all receipts of a store.

Decides how a receipt becomes a visit: its lines in the order of the till, the visitor standing
where the next line lies, with what was rung up before in the basket. That is the moment a card
would help; a box hears the zone itself. The newest receipts are judged; those before them are
learned from with tables counted on older ones alone: a receipt that helped to count a companion
would teach the network to believe in companions too much. The naive baseline knows the zone as
well: it shows what sells best there. What sells best in the store, which a box without a model
shows, stands beside it. Leaves out candidates and inputs (`edge.core.anonymous`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from edge.core.anonymous import (
    FEATURES,
    SCHEMA_HASH,
    TOGETHER_WIDTH,
    AnonymousTables,
    Scene,
    candidates,
    daypart,
    features,
)
from models import histories, judging, small_network
from models.bundle import npz_bytes
from models.engine import Table
from models.readers import Sales
from models.small_network import Plan
from models.visit_models import Measured, VisitModel, not_worse, packed

PLAN = Plan(widths=(32, 16), epochs=4, batch=4096, least_steps=100)
LEARNED_SHARE, JUDGED_SHARE = 0.15, 0.15
"""Of the receipts, by age: the newest are judged, those before them learned from."""
MOST_RECEIPTS, MOMENTS = 8_000, 2
"""Receipts learned from and judged, and moments taken of each: half a millisecond a moment."""
MOST_KINDS = 500
"""Classes or brands above which a table of their pairs would outgrow the bundle."""
PRIOR_LINES = 50.0
"""Strength of the store's mean in every lift."""
PRIOR_PAIRS = 20.0
"""Pairs' worth of belief that two kinds have nothing to do with each other."""
RECENT_DAYS = 90
UNPLACED_SHARE = 0.1
"""Share of the learned moments without a zone."""
K = 5
"""Length of the judged list: what an associate or a screen can show."""
DATA = {
    "zone": "receipts; the visitor stands where the next line lies; newest 15 % of receipts judged",
    "department": "receipts; the visitor stands in the department of the next line, for want of "
    "zones; newest 15 % of receipts judged",
}
"""What is judged, by what the catalogue knows of places."""
COUNTED_AGAIN = "the tables of this bundle were counted again, over the judged receipts too"


@dataclass(frozen=True, slots=True)
class Receipts:
    """Receipts in columns, oldest first.

    Args:
        item: int32[lines], in the order of the till within a receipt.
        starts: int64[receipts + 1], lines of each.
        at: float64[receipts], UTC seconds.
        day: int64[receipts], local days since 1970; minute: int32[receipts], −1 where unknown.
    """

    item: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]
    at: npt.NDArray[np.float64]
    day: npt.NDArray[np.int64]
    minute: npt.NDArray[np.int32]

    @property
    def n(self) -> int:
        """Return the number of receipts."""
        return self.starts.size - 1

    def lines(self, receipt: int) -> npt.NDArray[np.int32]:
        """Return the items of one receipt."""
        return self.item[self.starts[receipt] : self.starts[receipt + 1]]

    def head(self, n: int) -> "Receipts":
        """Return the oldest receipts."""
        lines = self.item[: self.starts[n]]
        return Receipts(lines, self.starts[: n + 1], self.at[:n], self.day[:n], self.minute[:n])


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of a visit, what was bought next, and in which receipt."""

    scene: Scene
    bought: int
    receipt: int


def train(sales: Sales, seed: int, *, is_final: bool = False) -> VisitModel:
    """Count, train on the older receipts, judge on the newest, and pack.

    Args:
        sales: Of a store.
        seed: Of everything random.
        is_final: Count the tables that are packed once more, over the judged receipts as well.

    Raises:
        RoundingError: 8 bits harm the network too much.
        WorseError: The naive baseline is shown to be better.
    """
    place, facts = _place(sales), _facts(sales)
    receipts = read_receipts(sales.lines, facts)
    n_known = int(receipts.n * (1 - JUDGED_SHARE))
    n_older = int(receipts.n * (1 - JUDGED_SHARE - LEARNED_SHARE))
    rng = np.random.default_rng(seed)
    older = _tables(sales, receipts, n_older, facts)
    learned = _moments(receipts, _chosen(rng, n_older, n_known), older, rng, UNPLACED_SHARE)
    x, y, group = _rows(learned, older)
    tables = _tables(sales, receipts, n_known, facts)
    asked = _moments(receipts, _chosen(rng, n_known, receipts.n), tables, rng)
    network = small_network.train(x, y, seed, PLAN, held_out=group % 10 == 0)
    onnx, about, shift = packed(network, x, SCHEMA_HASH, FEATURES)
    measured = judge(onnx, list(asked), tables, seed, shift, place)
    measured = not_worse(measured, str(sales.directory))
    data = DATA[place]
    if is_final:
        tables = _tables(sales, receipts, receipts.n, facts)
        data += f"; {COUNTED_AGAIN}"
    about |= {"items": facts["item"].tolist(), "zones": list(tables.zones)}
    files = {"anonymous.npz": _npz(tables)}
    return VisitModel("anonymous", onnx, about, measured, data, files)


def _tables(sales: Sales, receipts: Receipts, n: int, facts: pd.DataFrame) -> AnonymousTables:
    """Count the tables of the n oldest receipts."""
    before = float(receipts.at[n]) if n < receipts.n else float("inf")
    return count(receipts.head(n), pairs(sales.lines, facts, before), facts)


def _place(sales: Sales) -> str:
    return "zone" if sales.items["zone"].notna().any() else "department"


def _facts(sales: Sales) -> pd.DataFrame:
    """Return the items with a zone; a department stands in where no zone is known."""
    facts = sales.items.copy()
    facts["zone"] = facts[_place(sales)]
    return facts.sort_values("item", ignore_index=True)


def read_receipts(lines: Table, facts: pd.DataFrame) -> Receipts:
    """Bring all receipts, known members' and others', into memory in the order of time."""
    frame = (
        lines.group_by("receipt", "item")
        .agg(
            at=lines["at"].min(),
            day=lines.local_day.min(),
            minute=lines.minute.min(),
            position=lines.position.min(),
            row=lines.row.min(),
        )
        .order_by("at", "receipt", "position", "row")
        .to_pyarrow()
    )
    index = pd.Index(facts["item"])
    item = index.get_indexer(frame["item"].to_pandas()).astype(np.int32)
    receipt = pd.factorize(frame["receipt"].to_pandas())[0]
    is_known = item >= 0
    item, receipt = item[is_known], receipt[is_known]
    _, first, counts = np.unique(receipt, return_index=True, return_counts=True)
    at, day = (frame[name].to_numpy()[is_known] for name in ("at", "day"))
    minute = frame["minute"].fill_null(-1).to_numpy()[is_known]
    return Receipts(
        item,
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        at[first],
        day[first].astype(np.int64),
        minute[first].astype(np.int32),
    )


def pairs(lines: Table, facts: pd.DataFrame, before: float) -> pd.DataFrame:
    """Count companions of one receipt, known members' and others' alike, before a moment."""
    past = lines.filter(lines["at"] < before)
    in_receipts = past.select(basket=past.receipt, item=past["item"]).distinct()
    frame = histories.pair_counts(in_receipts).to_pyarrow().to_pandas()
    index = pd.Index(facts["item"])
    return pd.DataFrame(
        {
            "item": index.get_indexer(frame["item"]),
            "other": index.get_indexer(frame["other"]),
            "pairs": frame["pairs"].astype(np.float64),
        }
    )


def count(known: Receipts, together: pd.DataFrame, facts: pd.DataFrame) -> AnonymousTables:
    """Count the tables of the model from the receipts that may be learned from.

    They are rounded to what a bundle keeps, so that a box asks what was learned and judged.
    """
    n = len(facts)
    sold = np.bincount(known.item, minlength=n).astype(np.float64)
    zones = sorted(facts["zone"].dropna().unique())
    zone_of = pd.Categorical(facts["zone"], zones).codes.astype(np.int32)
    class_of = pd.factorize(facts["category"], sort=True)[0].astype(np.int32)
    n_classes = int(class_of.max(initial=-1)) + 1  # those never sold, too
    sold_class = class_of[known.item]
    share = (sold + 0.5) / (sold.sum() + 0.5 * n)
    in_zone = np.bincount(zone_of % (len(zones) + 1), share, len(zones) + 1)
    line_day = np.repeat(known.day, np.diff(known.starts))
    line_minute = np.repeat(known.minute, np.diff(known.starts))
    brand_of = pd.factorize(facts["brand"], sort=True)[0].astype(np.int32)
    lists, lifts = _companions(together, sold, known.n)
    price = np.nan_to_num(facts["price_cents"].to_numpy(np.float64), nan=0.0)
    counted = AnonymousTables(
        log_share=np.log(share * n).astype(np.float32),
        trend=_trend(known.item, line_day, sold),
        log_zone_share=np.log(share / in_zone[zone_of % (len(zones) + 1)]).astype(np.float32),
        log_price=np.log1p(price).astype(np.float32),
        class_of=class_of,
        zone_of=zone_of,
        brand_of=brand_of,
        month_lift=_lifts(sold_class, _months(line_day), n_classes, 12),
        daypart_lift=_lifts(sold_class, _dayparts(line_minute), n_classes, 4),
        weekend_lift=_lifts(sold_class, _weekends(line_day), n_classes, 2),
        class_lift=_kin_lifts(known, class_of),
        brand_lift=_kin_lifts(known, brand_of),
        together=lists,
        together_lift=lifts,
        zones=tuple(zones),
    )
    values = {entry.name: getattr(counted, entry.name) for entry in fields(counted)}
    return AnonymousTables(**{name: _rounded(value) for name, value in values.items()})


def _rounded(value: Any) -> Any:
    """Return float32 as it comes out of a bundle, which holds float16; anything else as it is."""
    is_float = isinstance(value, np.ndarray) and value.dtype == np.float32
    return value.astype(np.float16).astype(np.float32) if is_float else value


def _trend(
    item: npt.NDArray[np.int32], day: npt.NDArray[np.int64], sold: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """Return the log of the last quarter's sales against what the whole share predicts."""
    is_recent = day > day.max() - RECENT_DAYS
    recent = np.bincount(item[is_recent], minlength=sold.size)
    expected = sold * (recent.sum() / max(sold.sum(), 1.0))
    trend: npt.NDArray[np.float32] = np.log((recent + 5.0) / (expected + 5.0)).astype(np.float32)
    return trend


def _months(day: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return 0 January to 11 December of days since 1970."""
    return day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12


def _weekday(day: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return 0 Monday to 6 Sunday of days since 1970 (a Thursday)."""
    return (day + 3) % 7


def _weekends(day: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return (_weekday(day) >= 4).astype(np.int64)


def _dayparts(minute: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    return np.array([-1 if m < 0 else daypart(int(m)) for m in range(-1, 1440)])[minute + 1]


def _lifts(
    class_of: npt.NDArray[np.int32], column: npt.NDArray[np.int64], n: int, width: int
) -> npt.NDArray[np.float32]:
    """Return float32[classes, width]: log of a class's share in a column against its whole one."""
    known = (class_of >= 0) & (column >= 0)
    if not known.any():
        return np.zeros((n, width), np.float32)
    table = np.zeros((n, width))
    np.add.at(table, (class_of[known], column[known]), 1.0)
    expected = table.sum(axis=1, keepdims=True) * (table.sum(axis=0) / table.sum())
    lift = np.log((table + PRIOR_LINES) / (expected + PRIOR_LINES))
    rounded: npt.NDArray[np.float32] = lift.astype(np.float32)
    return rounded


def _kin_lifts(known: Receipts, of_item: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """Return float32[kinds, kinds]: log lift of two kinds on two lines of one receipt."""
    n = int(of_item.max(initial=-1)) + 1
    if not 1 < n <= MOST_KINDS:
        return np.zeros((0, 0), np.float32)
    kind = of_item[known.item]
    receipt = np.repeat(np.arange(known.n), np.diff(known.starts))[kind >= 0]
    kind = kind[kind >= 0]
    together = np.zeros((n, n))
    for low in range(0, known.n, 20_000):  # blocks bound the memory
        rows = (receipt >= low) & (receipt < low + 20_000)
        lines = np.zeros((20_000, n), np.float32)
        np.add.at(lines, (receipt[rows] - low, kind[rows]), 1.0)
        together += lines.T @ lines - np.diag(lines.sum(axis=0))
    each = together.sum(axis=1)
    expected = np.outer(each, each) / max(together.sum(), 1.0)
    lift: npt.NDArray[np.float32] = np.log((together + PRIOR_PAIRS) / (expected + PRIOR_PAIRS))
    return lift.astype(np.float32)


def _companions(
    together: pd.DataFrame, sold: npt.NDArray[np.float64], n_receipts: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Return the companions with the highest smoothed log lift of every item."""
    item, other = together["item"].to_numpy(), together["other"].to_numpy()
    is_known = (item >= 0) & (other >= 0)
    item, other, n = item[is_known], other[is_known], together["pairs"].to_numpy()[is_known]
    lift = np.log((n + 1.0) / (sold[item] * sold[other] / max(n_receipts, 1) + 1.0))
    lists = np.zeros((sold.size, TOGETHER_WIDTH), np.int32)
    lifts = np.zeros((sold.size, TOGETHER_WIDTH), np.float32)
    order = np.lexsort((other, -lift, item))
    item, other, lift = item[order], other[order], lift[order]
    place = np.arange(item.size) - np.searchsorted(item, item)
    kept = (place < TOGETHER_WIDTH) & (lift > 0)
    lists[item[kept], place[kept]] = other[kept]
    lifts[item[kept], place[kept]] = lift[kept]
    return lists, lifts


def _chosen(rng: np.random.Generator, low: int, high: int) -> npt.NDArray[np.int64]:
    receipts = np.arange(low, high)
    if receipts.size <= MOST_RECEIPTS:
        return receipts
    return np.sort(rng.choice(receipts, MOST_RECEIPTS, False))


def _moments(
    receipts: Receipts,
    chosen: npt.NDArray[np.int64],
    tables: AnonymousTables,
    rng: np.random.Generator,
    unplaced: float = 0.0,
) -> Iterator[Moment]:
    """Yield up to `MOMENTS` per receipt: before lines drawn by chance, standing in their zones.

    A share `unplaced` of them stands nowhere: a box does not always know where somebody is.
    """
    weekday, month = _weekday(receipts.day), _months(receipts.day) + 1
    for receipt in chosen.tolist():
        items, minute = receipts.lines(receipt), int(receipts.minute[receipt])
        for at in rng.choice(items.size, min(MOMENTS, items.size), replace=False).tolist():
            zone = int(tables.zone_of[items[at]])
            is_placed = zone >= 0 and rng.random() >= unplaced
            scene = Scene(
                tables.zones[zone] if is_placed else None,
                minute if minute >= 0 else None,
                int(weekday[receipt]),
                int(month[receipt]),
                items[:at],
            )
            yield Moment(scene, int(items[at]), receipt)


def _rows(
    moments: Iterator[Moment], tables: AnonymousTables
) -> tuple[small_network.Floats, npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Return features, labels and receipts of every candidate of every moment."""
    x, y, group = [], [], []
    for moment in moments:
        items = candidates(moment.scene, tables).items
        x.append(features(items, moment.scene, tables))
        y.append(items == moment.bought)
        group.append(np.full(items.size, moment.receipt))
    return np.concatenate(x), np.concatenate(y), np.concatenate(group)


def judge(
    onnx: bytes, moments: list[Moment], tables: AnonymousTables, seed: int, shift: float, place: str
) -> Measured:
    """Compare the chance to find the next line among K with what sells best in the zone."""
    session = small_network.session(onnx)
    hits, naive, everywhere = [], [], []
    for moment in moments:
        items = candidates(moment.scene, tables).items
        chance = session(features(items, moment.scene, tables))
        hits.append(moment.bought in items[np.lexsort((items, -chance))[:K]])
        share = tables.log_share[items]
        in_zone = tables.zone_of[items] == tables.zone_of[moment.bought]
        order = np.lexsort((items, -share, ~in_zone))
        naive.append(moment.bought in items[order[:K]])
        everywhere.append(moment.bought in items[np.lexsort((items, -share))[:K]])
    ours, in_zone, in_store = (np.array(h, float) for h in (hits, naive, everywhere))
    receipts = np.array([moment.receipt for moment in moments])
    return Measured(
        measure=f"next line among {K} shown",
        baseline=f"best sellers of the {place}",
        ours=float(ours.mean()),
        theirs=float(in_zone.mean()),
        gain=judging.mean_interval(ours - in_zone, receipts, seed),
        rows=ours.size,
        groups=np.unique(receipts).size,
        other={"best_sellers_of_the_store": float(in_store.mean()), "int8_shift": shift},
    )


def _npz(tables: AnonymousTables) -> bytes:
    """Return the tables as a compressed file, floats in half precision."""
    kept = {}
    for entry in fields(tables):
        value = getattr(tables, entry.name)
        if entry.name == "zones":
            continue
        if value.dtype == np.float32:
            value = value.astype(np.float16)  # `count` has rounded it
        kept[entry.name] = value
    return npz_bytes(kept)
