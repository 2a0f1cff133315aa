"""Everybody's purchases in an engine: all of them are counted, those learned from come to memory.

Decides how customers, baskets and items are numbered, in the engine and in memory alike, so that
lines are read from a table no larger than the disk. Leaves out the counts (`models.tallies`).
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from edge.core.history import Ints
from models.engine import Engine, Table, duckdb_engine
from models.purchases import Purchases


@dataclass(frozen=True, slots=True)
class Extent:
    """How much there is: customers, those of two baskets or more, baskets, lines, newest day."""

    customers: int
    learners: int
    baskets: int
    lines: int
    newest_day: float | None


@dataclass(frozen=True, slots=True)
class Everybody:
    """Baskets of all customers, over one item index.

    Args:
        engine: Where the tables are.
        work: A folder for what is computed once.
        lines: customer (int32, its number), basket (int32 from 0, no gap), later (int32, the
            customer's baskets after it), item (int32), day (float32; null, if one is unknown).
        customers: customer (its id), number (int32 from 0, in the order of the ids).
        n_items: Size of the item index.
    """

    engine: Engine
    work: Path
    lines: Table
    customers: Table
    n_items: int

    @classmethod
    def of(cls, engine: Engine, numbered: Table, items: Table, to: Path) -> "Everybody":
        """Number and save baskets.

        Args:
            engine: Where the work is done.
            numbered: Of `models.histories.baskets` or `history`.
            items: Of `models.histories.item_index`; other items are left out, and baskets of
                nothing else.
            to: A new folder.
        """
        to.mkdir(parents=True)
        kept = numbered.join(items, "item").select("customer", "basket", "index", "day")
        kept = engine.save(kept, to / "kept.parquet")
        by_id = ibis.row_number().over(ibis.window(order_by="customer")).cast("int32")
        customers = kept.select("customer").distinct().mutate(number=by_id)
        customers = engine.save(customers, to / "customers.parquet")
        receipts = kept.select("customer", "basket").distinct()
        oldest, newest = (
            ibis.window(group_by="customer", order_by=order)
            for order in ("basket", ibis.desc("basket"))
        )
        receipts = receipts.mutate(
            place=ibis.row_number().over(oldest), later=ibis.row_number().over(newest)
        )
        joined = kept.join(receipts, ["customer", "basket"]).join(customers, "customer")
        has_days = not bool(kept.day.isnull().any().to_pyarrow().as_py())
        lines = joined.select(
            customer=joined.number,
            basket=joined.place.cast("int32"),
            later=joined.later.cast("int32"),
            item=joined["index"].cast("int32"),
            day=joined.day.cast("float32") if has_days else ibis.null("float32"),
        )
        n_items = int(items.count().to_pyarrow().as_py())
        return cls(engine, to, engine.save(lines, to / "lines.parquet"), customers, n_items)

    def without_newest(self, k: int) -> "Everybody":
        """Return the purchases with each customer's k newest baskets taken away."""
        kept = self.lines.filter(self.lines.later >= k)
        return replace(self, lines=kept.mutate(later=(kept.later - k).cast("int32")))

    def extent(self) -> Extent:
        """Measure how much there is."""
        lines = self.lines
        own = lines.group_by("customer").agg(
            lines=lines.count(), baskets=(lines.basket.max() + 1), newest=lines.day.max()
        )
        found = own.aggregate(
            customers=own.count(),
            learners=(own.baskets >= 2).cast("int64").sum(),
            baskets=own.baskets.sum(),
            lines=own.lines.sum(),
            newest_day=own.newest.max(),
        )
        row = found.to_pyarrow().to_pylist()[0]
        day = row.pop("newest_day")
        return Extent(newest_day=day, **{name: int(n or 0) for name, n in row.items()})

    def popular(self) -> Ints:
        """Return int32[items], most bought first, ties to the lower item."""
        counted = self.lines.group_by("item").agg(lines=self.lines.count()).to_pyarrow()
        lines = np.zeros(self.n_items, np.int64)
        lines[counted["item"].to_numpy()] = counted["lines"].to_numpy()
        return np.argsort(-lines, kind="stable").astype(np.int32)

    def drawn(self, most: int, seed: int) -> Purchases:
        """Bring the whole histories of at most `most` customers to memory, drawn evenly.

        Where not all fit, those of one basket are left out: no label stands after it.
        """
        n = int(self.customers.count().to_pyarrow().as_py())
        if n <= most:
            return self.purchases()
        again = self.lines.filter(self.lines.basket >= 1).select("customer").distinct()
        return self.purchases(some(again.customer.to_pyarrow().to_numpy(), most, seed))

    def purchases(self, chosen: npt.NDArray[np.integer] | None = None) -> Purchases:
        """Bring purchases to memory, 8 bytes a line.

        Args:
            chosen: Numbers of the customers wanted, rising; they are numbered anew from 0.
                Everybody where None.
        """
        lines, customers = self.lines, self.customers
        if chosen is not None:
            those = wanted(chosen)
            lines = lines.semi_join(those, lines.customer == those.number)
            customers = customers.semi_join(those, "number")
        table = lines.order_by("customer", "basket", "item").to_pyarrow()
        customer, basket, item, day = (
            table[name].to_numpy() for name in ("customer", "basket", "item", "day")
        )
        if chosen is not None:
            customer = np.searchsorted(chosen, customer).astype(np.int32)
        is_new = np.ones(customer.size, np.bool_)
        is_new[1:] = (customer[1:] != customer[:-1]) | (basket[1:] != basket[:-1])
        days = day[is_new].astype(np.float32)
        return Purchases(
            item,
            (np.cumsum(is_new) - 1).astype(np.int32),
            customer[is_new],
            None if np.isnan(days).any() else days,
            tuple(customers.order_by("number").customer.to_pyarrow().to_pylist()),
            self.n_items,
        )


def some(customers: npt.NDArray[np.integer], most: int, seed: int) -> npt.NDArray[np.integer]:
    """Return numbers of customers, rising; at most so many, drawn evenly by the seed."""
    rising = np.sort(customers)
    if rising.size <= most:
        return rising
    return np.sort(np.random.default_rng(seed).choice(rising, most, replace=False))


def wanted(chosen: npt.NDArray[np.integer]) -> Table:
    """Return numbers of customers as a table of `number`, to join with."""
    return ibis.memtable(pa.table({"number": pa.array(chosen, pa.int32())}))


@contextmanager
def everybody_of(purchases: Purchases) -> Iterator[Everybody]:
    """Hand purchases that are in memory to an engine of their own."""
    ends = purchases.basket_ends()
    number = np.arange(purchases.customer.size)
    basket = (number - ends[purchases.customer]).astype(np.int32)
    later = (ends[purchases.customer + 1] - 1 - number).astype(np.int32)
    line = purchases.basket
    day = None if purchases.day is None else purchases.day[line]
    lines = pa.table(
        {
            "customer": purchases.line_customer,
            "basket": basket[line],
            "later": later[line],
            "item": purchases.item,
            "day": pa.nulls(line.size, pa.float32()) if day is None else day,
        }
    )
    ids = purchases.customer_ids
    customers = {
        "customer": pa.array(ids, pa.string()),
        "number": pa.array(range(len(ids)), pa.int32()),
    }
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        engine = duckdb_engine(work / "spill")
        try:
            yield Everybody(
                engine,
                work,
                engine.save(ibis.memtable(lines), work / "lines.parquet"),
                engine.save(ibis.memtable(pa.table(customers)), work / "customers.parquet"),
                purchases.n_items,
            )
        finally:  # its threads take time from whatever the process does next
            engine.backend.disconnect()
