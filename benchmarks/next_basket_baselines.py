"""The rivals of the next-basket benchmark, each as (known purchases) -> score matrix by blocks.

Settings are the published ones where a paper names them. Every method ranks the whole catalogue;
nothing here reads a test basket.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse

from models.purchases import Purchases

Block = npt.NDArray[np.float32]
Method = Callable[[Purchases], Iterator[tuple[int, Block]]]
BLOCK = 512
MOST_DENSE_ITEMS = 20_000
"""Items of a dense square matrix, 1.6 GB; above, EASE^R ranks the best sellers alone."""


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


def ease(ridge: float) -> Method:
    """Return EASE^R (Steck, WWW 2019): each item predicted from all others, closed form.

    Over counts, since over bought-or-not it ranks own products by their neighbours alone.

    Args:
        ridge: Of 5, 10, 20, 100 and 500 the one that ranked dunnhumby's newest known baskets best
            by those before them is 10.
    """

    def method(purchases: Purchases) -> Iterator[tuple[int, Block]]:
        count = _matrix(purchases, np.ones(purchases.item.size))
        sold = np.bincount(purchases.item, minlength=purchases.n_items)
        kept = np.sort(np.argsort(-sold, kind="stable")[:MOST_DENSE_ITEMS])
        weight = ease_weight(count[:, kept], ridge)

        def score(rows: slice) -> npt.NDArray[np.floating]:
            of_kept = count[rows][:, kept] @ weight
            out = np.zeros((of_kept.shape[0], purchases.n_items), np.float32)
            out[:, kept] = of_kept
            return out

        return _blocks(count.shape[0], score)

    return method


def ease_weight(count: sparse.csr_matrix, ridge: float) -> Block:
    """Return float32[items, items], by which EASE^R predicts a column from the others."""
    gram = np.asfortranarray((count.T @ count).toarray(), np.float32)
    gram[np.diag_indices_from(gram)] += ridge
    lower, failed = linalg.lapack.spotrf(gram, lower=1, clean=0, overwrite_a=1)
    assert not failed
    inverse, failed = linalg.lapack.spotri(lower, lower=1, overwrite_c=1)
    assert not failed
    for row in range(len(inverse)):  # LAPACK fills the lower half alone
        inverse[row, row:] = inverse[row:, row]
    weight: Block = inverse.T  # symmetric, and in the order that a sparse product reads
    weight /= -np.diag(inverse).copy()
    weight[np.diag_indices_from(weight)] = 0.0
    return weight


def als(factors: int, alpha: float, ridge: float, passes: int) -> Method:
    """Return implicit ALS (Hu, Koren and Volinsky, ICDM 2008), solved by conjugate gradients."""

    def method(purchases: Purchases) -> Iterator[tuple[int, Block]]:
        count = _matrix(purchases, np.full(purchases.item.size, alpha))
        by_item = count.T.tocsr()
        rng = np.random.default_rng(0)
        person, item = (rng.normal(0, 0.01, (n, factors)).astype(np.float32) for n in count.shape)
        for _ in range(passes):
            person = als_half(count, item, person, ridge)
            item = als_half(by_item, person, item, ridge)
        return _blocks(len(person), lambda rows: person[rows] @ item.T)

    return method


def als_half(
    extra: sparse.csr_matrix, fixed: Block, start: Block, ridge: float, steps: int = 3
) -> Block:
    """Solve for one side's factors (Takács et al., RecSys 2011: three steps suffice).

    Args:
        extra: [rows, columns], confidence beyond the 1 of every cell; nonzero where bought.
        fixed: float32[columns, factors].
        start: float32[rows, factors], from the pass before.
        ridge: Added to the diagonal.
        steps: Of conjugate gradients; as many as factors are exact.
    """
    row = np.repeat(np.arange(extra.shape[0]), np.diff(extra.indptr))
    gram = fixed.T @ fixed + np.float32(ridge) * np.eye(fixed.shape[1], dtype=np.float32)

    def times(vector: Block) -> Block:
        """Multiply each row's vector by that row's own normal matrix."""
        seen = (vector[row] * fixed[extra.indices]).sum(axis=1) * extra.data
        cells = sparse.csr_matrix((seen, extra.indices, extra.indptr), extra.shape)
        product: Block = vector @ gram + cells @ fixed
        return product

    wanted = sparse.csr_matrix((extra.data + 1.0, extra.indices, extra.indptr), extra.shape)
    solved = start.copy()
    left = wanted @ fixed - times(solved)
    towards, size = left.copy(), (left * left).sum(axis=1)
    for _ in range(steps):
        ahead = times(towards)
        length = size / np.maximum((towards * ahead).sum(axis=1), 1e-20)
        solved += length[:, None] * towards
        left -= length[:, None] * ahead
        before, size = size, (left * left).sum(axis=1)
        towards = left + (size / np.maximum(before, 1e-20))[:, None] * towards
    return solved


def bm25_knn(k1: float, b: float, neighbours: int) -> Method:
    """Return item-kNN over BM25 weights, as the package `implicit` has it; an item is its own."""

    def method(purchases: Purchases) -> Iterator[tuple[int, Block]]:
        count = _matrix(purchases, np.ones(purchases.item.size))
        weighted = bm25(count.T.tocsr(), k1, b)
        near = nearest((weighted @ weighted.T).tocsr(), neighbours)
        return _blocks(count.shape[0], lambda rows: (count[rows] @ near).toarray())

    return method


def bm25(count: sparse.csr_matrix, k1: float, b: float) -> sparse.csr_matrix:
    """Return the BM25 weights of counts, float32[items, customers]."""
    length = np.asarray(count.sum(axis=1)).ravel()
    norm = 1.0 - b + b * length / max(float(length.mean()), 1e-12)
    rarity = np.log(count.shape[0]) - np.log1p(np.bincount(count.indices, minlength=count.shape[1]))
    row = np.repeat(np.arange(count.shape[0]), np.diff(count.indptr))
    value = count.data * (k1 + 1.0) / (k1 * norm[row] + count.data) * rarity[count.indices]
    return sparse.csr_matrix((value.astype(np.float32), count.indices, count.indptr), count.shape)


def nearest(likeness: sparse.csr_matrix, neighbours: int) -> sparse.csr_matrix:
    """Keep the largest entries of each row, ties to the lower column."""
    row = np.repeat(np.arange(likeness.shape[0]), np.diff(likeness.indptr))
    order = np.lexsort((likeness.indices, -likeness.data, row))
    kept = order[np.arange(order.size) - likeness.indptr[row] < neighbours]
    where = (row[kept], likeness.indices[kept])
    return sparse.csr_matrix((likeness.data[kept], where), likeness.shape)


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
    "EASE^R": ease(10.0),
    "ALS-64": als(64, 1.0, 0.01, 15),
    "BM25 item-kNN": bm25_knn(100.0, 0.8, 20),
}
