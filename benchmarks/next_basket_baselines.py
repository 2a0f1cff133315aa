"""The rivals of the next-basket benchmark, each as (known purchases) -> score matrix by blocks.

Settings are the published ones where a paper names them. Every method ranks the whole catalogue;
nothing here reads a test basket.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from scipy import sparse

from models.purchases import Purchases

Block = npt.NDArray[np.float32]
Method = Callable[[Purchases], Iterator[tuple[int, Block]]]
BLOCK = 512


def _matrix(purchases: Purchases, weight: npt.NDArray[np.floating]) -> sparse.csr_matrix:
    """Return [customers, items] sums of a weight per line."""
    shape = (len(purchases.customer_ids), purchases.n_items)
    where = (purchases.line_customer, purchases.item)
    return sparse.csr_matrix((weight.astype(np.float32), where), shape)


def _age(purchases: Purchases) -> npt.NDArray[np.int64]:
    """Return the age of each line in baskets, 0 the newest."""
    ends = purchases.basket_ends()
    return ends[purchases.line_customer + 1] - 1 - purchases.basket


def _n_baskets(purchases: Purchases) -> npt.NDArray[np.int64]:
    return np.diff(purchases.basket_ends())


def _blocks(
    n: int, score: Callable[[slice], npt.NDArray[np.floating]]
) -> Iterator[tuple[int, Block]]:
    for start in range(0, n, BLOCK):
        yield start, np.asarray(score(slice(start, start + BLOCK)), np.float32)


def g_topfreq(purchases: Purchases) -> Iterator[tuple[int, Block]]:
    """Rank by sales to everybody."""
    sold = np.bincount(purchases.item, minlength=purchases.n_items).astype(np.float32)
    n = len(purchases.customer_ids)
    return _blocks(n, lambda rows: np.tile(sold, (min(n, rows.stop) - rows.start, 1)))


def p_topfreq(purchases: Purchases) -> Iterator[tuple[int, Block]]:
    """Rank by the customer's own purchases; what was never bought gets no place."""
    own = _matrix(purchases, np.ones(purchases.item.size))
    return _blocks(own.shape[0], lambda rows: own[rows].toarray())


def gp_topfreq(purchases: Purchases) -> Iterator[tuple[int, Block]]:
    """Rank by own purchases, then by everybody's."""
    own = _matrix(purchases, np.ones(purchases.item.size))
    sold = np.bincount(purchases.item, minlength=purchases.n_items)
    tail = (sold / (sold.max() + 1.0)).astype(np.float32)
    return _blocks(own.shape[0], lambda rows: own[rows].toarray() + tail)


def tifu_knn(groups: int, within: float, between: float, alpha: float, neighbours: int) -> Method:
    """Return TIFU-KNN (Hu et al., SIGIR 2020, table 3 for the settings)."""

    def method(purchases: Purchases) -> Iterator[tuple[int, Block]]:
        age, n = _age(purchases), _n_baskets(purchases)
        of_line = n[purchases.line_customer]
        # Baskets fall from the newest into groups of equal size; the oldest group may be short.
        size = np.maximum(1, -(-of_line // groups))
        group, place = age // size, age % size
        filled = -(-of_line // size)
        members = np.minimum(size, of_line - group * size)
        weight = within**place / members * between**group / filled
        person = _matrix(purchases, weight)
        norm = np.asarray(person.multiply(person).sum(axis=1)).ravel()

        def score(rows: slice) -> npt.NDArray[np.floating]:
            own = person[rows]
            distance = norm[None, :] - 2.0 * (own @ person.T).toarray()
            distance[np.arange(own.shape[0]), np.arange(rows.start, rows.start + own.shape[0])] = (
                np.inf
            )
            k = min(neighbours, distance.shape[1] - 1)
            near = np.argpartition(distance, k - 1, axis=1)[:, :k]
            pick = sparse.csr_matrix(
                (np.full(near.size, 1.0 / k), (np.repeat(np.arange(len(near)), k), near.ravel())),
                distance.shape,
            )
            mixed = alpha * own + (1.0 - alpha) * (pick @ person)
            return np.asarray(mixed.toarray())

        return _blocks(person.shape[0], score)

    return method


def up_cf(recent: int, alpha: float, locality: float) -> Method:
    """Return UP-CF@r (Faggioli et al., UMAP 2020): own recent rates spread by similar users."""

    def method(purchases: Purchases) -> Iterator[tuple[int, Block]]:
        is_recent = _age(purchases) < recent
        window = np.minimum(recent, _n_baskets(purchases))[purchases.line_customer]
        rate = _matrix(purchases, is_recent / window)
        bought = _matrix(purchases, np.ones(purchases.item.size))
        bought.data[:] = 1.0
        size = np.maximum(np.asarray(bought.sum(axis=1)).ravel(), 1.0)

        def score(rows: slice) -> npt.NDArray[np.floating]:
            common = (bought[rows] @ bought.T).toarray()
            cosine = common / (size[rows, None] ** alpha * size[None, :] ** (1.0 - alpha))
            return np.asarray((cosine**locality) @ rate)

        return _blocks(rate.shape[0], score)

    return method


def item_cosine(fade: float, locality: float) -> Method:
    """Return item-cosine over baskets, the item itself included, purchases fading by age."""

    def method(purchases: Purchases) -> Iterator[tuple[int, Block]]:
        faded = _matrix(purchases, fade ** _age(purchases))
        norm = np.sqrt(np.maximum(np.bincount(purchases.item, minlength=purchases.n_items), 1.0))
        share = (1.0 / norm[purchases.item]).astype(np.float32)
        shape = (purchases.customer.size, purchases.n_items)
        baskets = sparse.csr_matrix((share, (purchases.basket, purchases.item)), shape)
        gram = (baskets.T @ baskets).tocsr()
        gram.data **= locality
        return _blocks(faded.shape[0], lambda rows: (faded[rows] @ gram).toarray())

    return method


METHODS: dict[str, Method] = {
    "G-TopFreq": g_topfreq,
    "P-TopFreq": p_topfreq,
    "GP-TopFreq": gp_topfreq,
    "TIFU-KNN (Ta-Feng's settings)": tifu_knn(7, 0.9, 0.7, 0.7, 300),
    "TIFU-KNN (Dunnhumby's settings)": tifu_knn(3, 0.9, 0.6, 0.2, 900),
    "UP-CF@1": up_cf(1, 0.25, 5.0),
    "UP-CF@10": up_cf(10, 0.25, 5.0),
    "UP-CF@100": up_cf(100, 0.25, 5.0),
    "item-cosine with decay": item_cosine(0.95, 2.0),
}
