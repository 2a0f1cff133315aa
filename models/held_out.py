"""Which baskets a ranker is judged on, and judging a finished bundle on them.

Decides which baskets are known and which are to be predicted: a set with held-out baskets is judged
on those; a store's receipts are cut at a midnight of the store, the first basket of each customer
after it being the question. Leaves out the measures (`models.evaluation`).
"""

import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa

from edge.core.errors import ConfigError
from edge.core.history import History
from models import archive, histories, quality, readers, resume
from models.engine import Table, duckdb_engine
from models.evaluation import MOST_CUSTOMERS, Bundle, Judgement, ask, judge
from models.everybody import Everybody, some, wanted
from models.stages import Label

JUDGED_SHARE = 0.1
"""Newest share of a store's baskets that the judging training does not see, or a little more: no
day of the store is torn."""


@dataclass(frozen=True, slots=True)
class Split:
    """What is known, and what came after it."""

    known: Table
    later: Table


@dataclass(frozen=True, slots=True)
class Asked:
    """Customers to judge on: their histories, and by their numbers what they bought next."""

    histories: list[History]
    labels: dict[int, Label]


def split(numbered: Table, *, has_days: bool) -> Split | None:
    """Separate what is known from what is to be predicted; None where nothing can be held out.

    The oldest day is known, however many of the baskets are of it: nothing else would be.

    Args:
        numbered: Of `models.histories.baskets`.
        has_days: The days of the baskets may be relied on.
    """
    if (held_out := _held_out(numbered)) is not None:
        return held_out
    if not has_days:
        return None
    baskets = numbered.select("customer", "basket", "local_day").distinct()
    day = baskets.local_day.cast("float64")
    found = baskets.aggregate(
        oldest=day.min(), newest=day.max(), cut=day.quantile(1 - JUDGED_SHARE)
    )
    row = found.to_pyarrow().to_pylist()[0]
    if row["oldest"] == row["newest"]:  # of one day, or of none: all were gifts
        return None
    return _cut_at(numbered, max(math.ceil(row["cut"]), row["oldest"] + 1))


def _cut_at(numbered: Table, day: int) -> Split:
    """Separate what came before a day of the store from what came on it or later."""
    local_day = numbered.local_day
    return Split(numbered.filter(local_day < day), numbered.filter(local_day >= day))


def _held_out(numbered: Table) -> Split | None:
    """Separate the baskets that the data themselves hold out; None where they hold out none."""
    if not bool(numbered.is_test.max().to_pyarrow().as_py()):
        return None
    return Split(numbered.filter(~numbered.is_test), numbered.filter(numbered.is_test))


def asked(known: Everybody, later: Table, items: Table, seed: int) -> Asked:
    """Draw customers who came again and bring their histories, and next baskets, to memory.

    Of a next basket the items of the index are the answer; whose next basket holds none of them is
    not asked, whatever came after it.

    Args:
        known: The histories.
        later: Baskets after them, of `models.histories.baskets`.
        items: Of `models.histories.item_index`: the index of `known`.
        seed: Of the draw.
    """
    again = later.join(later.group_by("customer").agg(first=later.basket.min()), "customer")
    again = again.filter(again.basket == again.first)
    again = again.join(items, "item").join(known.customers, "customer")
    who_came = again.select("number").distinct().number.to_pyarrow()
    chosen = some(who_came.to_numpy(), MOST_CUSTOMERS, seed)
    again = again.semi_join(wanted(chosen), "number")
    frame = again.select("number", "index", day=again.day.cast("float32"))
    found = frame.order_by("number", "index").to_pyarrow()
    who, item, day = (found[name].to_numpy() for name in ("number", "index", "day"))
    start, stop = np.searchsorted(who, chosen), np.searchsorted(who, chosen, side="right")
    labels = {
        at: Label(item[low:high].astype(np.int32), None if np.isnan(day[low]) else float(day[low]))
        for at, (low, high) in enumerate(zip(start.tolist(), stop.tolist(), strict=True))
    }
    return Asked(known.purchases(chosen).histories(), labels)


def evaluate(
    out: Path, data: Path, since: date | None, seed: int, memory_mb: int, threads: int
) -> Judgement:
    """Judge a bundle on baskets that it has not seen.

    Lines lie in a temporary folder of the system meanwhile, and stay there after a kill.

    Args:
        out: The bundle.
        data: A set with held-out baskets, or a store's files with receipts since a day.
        since: First day of the store to judge; must lie after the bundle's training data.
        seed: Of the sample and the interval.
        memory_mb: Bound of the engine.
        threads: Of the engine.

    Raises:
        ConfigError: Nothing in the data is known to be unseen.
        TrustError: The bundle is missing, or not as it was written.
    """
    archive.contents(out)
    opened = Bundle.open(out)
    resume.content_hash(readers.till_files(data))
    with tempfile.TemporaryDirectory() as directory:
        engine = duckdb_engine(Path(directory) / "spill", memory_mb, threads)
        given = readers.read(engine, data, Path(directory) / "lines")
        sales = quality.without_alarming(given, quality.measure(given))
        numbered = engine.save(histories.baskets(sales.lines), Path(directory) / "baskets.parquet")
        items = engine.save(_index(opened.item_ids), Path(directory) / "items.parquet")
        parts = _unseen(numbered, since, opened.metrics, data)
        known = Everybody.of(engine, parts.known, items, Path(directory) / "known")
        found = asked(known, parts.later, items, seed)
        if not found.labels:
            raise ConfigError([f"{data}: {_why_nobody_is_asked(numbered, items)}"])
        return judge(ask(opened, found.histories, found.labels), known.popular(), seed)


def _why_nobody_is_asked(numbered: Table, items: Table) -> str:
    if not numbered.semi_join(items, "item").count().to_pyarrow().as_py():
        return "no item in common with the bundle; expected baskets of the chain it learned from"
    return "no customer of the histories has an unseen basket"


def _index(item_ids: tuple[str, ...]) -> Table:
    return ibis.memtable(pa.table({"item": list(item_ids), "index": list(range(len(item_ids)))}))


def _unseen(numbered: Table, since: date | None, metrics: Mapping[str, Any], data: Path) -> Split:
    """Return known and unseen baskets, or refuse to judge on what was learned from."""
    if since is None:
        if (held_out := _held_out(numbered)) is None:
            raise ConfigError(
                [f"{data}: no basket is held out; name the first unseen day with --since"]
            )
        return held_out
    first = (since - date(1970, 1, 1)).days
    newest = metrics.get("newest_day")
    if newest is None:
        raise ConfigError(
            [
                f"--since {since}: the bundle learned from baskets without days; expected one that "
                "tells which day was its newest"
            ]
        )
    learned = last_learned(numbered, newest)
    if learned is not None and first <= learned:
        newest_day = date(1970, 1, 1) + timedelta(days=learned)
        problem = f"--since {since}: the bundle has learned from receipts up to {newest_day}"
        raise ConfigError([f"{problem}; expected {newest_day + timedelta(days=1)} or a later day"])
    return _cut_at(numbered, first)


def last_learned(numbered: Table, newest: float) -> int | None:
    """Return the newest day of the store that a bundle has learned from any part of.

    Args:
        numbered: Of `models.histories.baskets`.
        newest: The `newest_day` of the bundle's metrics.
    """
    seen = numbered.filter(numbered.day.cast("float32") <= newest)  # of its precision
    day: int | None = seen.local_day.max().to_pyarrow().as_py()
    return day
