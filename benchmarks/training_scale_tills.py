"""Tills of a chain from a seed, of any size and in bounded memory.

Nobody's receipts: a form between those of the two public sets, so that what is measured on it
says something of a chain. Assumed, and looked at in a test:

- Items sell by rank like 1 / (50 + rank): the ten best hold about 3 % of the lines, as in Ta-Feng.
  The catalogue grows with the fifth root of the lines, from 12,000 items at a million.
- Customers grow with the lines. Most come seldom and a few all the time: 3 baskets and a long
  tail up to 400, 11 in the mean. A basket holds 1 line and a long tail up to 120, 7 in the mean.
- A third of the lines are one of 30 favourites, drawn once per customer; half of the others come
  from the one of 40 circles of taste that the customer belongs to.
- Everybody has a rhythm of their own, of 2 to 30 days; nobody's day falls. Each customer's newest
  basket is held out.

Left out: seasons, prices, items that come and go.
"""

import gzip
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv

ITEMS_AT_A_MILLION, ITEMS_POWER = 12_000, 0.2
FLAT_RANKS = 50
"""Added to every rank: without it ten items would hold a third of the lines."""
LEAST_BASKETS, MEAN_BASKETS, MOST_BASKETS = 3, 11, 400
MEAN_SIZE, MOST_SIZE = 7, 120
FAVOURITE_SHARE, FAVOURITES = 1 / 3, 30
CIRCLE_SHARE, CIRCLES = 0.5, 40
CUSTOMERS_A_CHUNK = 10_000
"""About 0.8 million lines: 150 MB."""

Ints = npt.NDArray[np.int64]


def write(folder: Path, lines: int, seed: int) -> int:
    """Write baskets.csv.gz, a next-basket set of about so many lines; returns how many it has."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    chance = 1.0 / (FLAT_RANKS + np.arange(catalogue(lines)))
    cumulated = np.cumsum(chance / chance.sum())
    customers = max(10, round(lines / (MEAN_BASKETS * MEAN_SIZE)))
    total = 0
    options = csv.WriteOptions(include_header=False, quoting_style="none")
    with gzip.open(folder / "baskets.csv.gz", "wb", compresslevel=1) as out:
        out.write(b"customer_id,order_no,day,product_id,is_test\n")
        for first in range(0, customers, CUSTOMERS_A_CHUNK):
            table = chunk(rng, first, min(CUSTOMERS_A_CHUNK, customers - first), cumulated)
            csv.write_csv(table, out, options)
            total += table.num_rows
    return total


def catalogue(lines: int) -> int:
    """Return how many items a chain with so many lines sells."""
    return int(ITEMS_AT_A_MILLION * float(lines / 1e6) ** ITEMS_POWER)


def chunk(
    rng: np.random.Generator, first: int, customers: int, cumulated: npt.NDArray[np.float64]
) -> pa.Table:
    """Return the lines of some customers.

    Args:
        rng: Drawn from.
        first: Number of the first customer.
        customers: How many.
        cumulated: float64[items], chance of an item or one before it.
    """
    baskets = LEAST_BASKETS + _long_tail(rng, MEAN_BASKETS - LEAST_BASKETS, customers)
    baskets = np.minimum(baskets, MOST_BASKETS)
    owner = np.repeat(np.arange(customers), baskets)
    start = np.repeat(np.cumsum(baskets) - baskets, baskets)
    order = np.arange(owner.size) - start + 1
    gap = rng.integers(2, 31, customers)[owner]
    passed = np.cumsum(1 + rng.poisson(gap - 1))
    day = passed - passed[start] + rng.integers(0, 60, customers)[owner]
    # An item drawn twice falls out of its basket: a few more lines make up for it.
    size = np.minimum(1 + _long_tail(rng, MEAN_SIZE - 0.4, owner.size), MOST_SIZE)
    basket = np.repeat(np.arange(owner.size), size)
    item = _items(rng, owner[basket], customers, cumulated)
    _, kept = np.unique(basket.astype(np.int64) * cumulated.size + item, return_index=True)
    basket, item = basket[kept], item[kept]
    is_last = order == baskets[owner]
    return pa.table(
        {
            "customer_id": first + owner[basket],
            "order_no": order[basket],
            "day": day[basket],
            "product_id": item,
            "is_test": is_last[basket].astype(np.int8),
        }
    )


def _items(
    rng: np.random.Generator, who: Ints, customers: int, cumulated: npt.NDArray[np.float64]
) -> Ints:
    """Draw the item of every line, int64[lines], given its customer."""
    circle = rng.integers(0, CIRCLES, customers)
    favourites = _in_circle(_ranks(rng, cumulated, (customers, FAVOURITES)), circle[:, None])
    favourites = np.minimum(favourites, cumulated.size - 1)
    other = _ranks(rng, cumulated, who.size)
    taste = np.minimum(_in_circle(other, circle[who]), cumulated.size - 1)
    other = np.where(rng.random(who.size) < CIRCLE_SHARE, taste, other)
    own = favourites[who, rng.integers(0, FAVOURITES, who.size)]
    return np.where(rng.random(who.size) < FAVOURITE_SHARE, own, other)


def _ranks(
    rng: np.random.Generator, cumulated: npt.NDArray[np.float64], shape: int | tuple[int, int]
) -> Ints:
    found = np.searchsorted(cumulated, rng.random(shape))
    return np.minimum(found, cumulated.size - 1)


def _in_circle(item: Ints, circle: Ints) -> Ints:
    """Return the item of a circle that sells about as well."""
    return item - item % CIRCLES + circle


def _long_tail(rng: np.random.Generator, mean: float, n: int) -> Ints:
    """Draw counts from 0 whose rate differs between people (gamma, shape 0.8)."""
    return rng.poisson(rng.gamma(0.8, mean / 0.8, n))
