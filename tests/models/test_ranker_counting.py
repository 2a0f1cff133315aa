"""Item tables counted from purchases, against hand-worked counts."""

import numpy as np
import pytest

from edge.core.history import History, Ints
from edge.core.item_tables import ITEM_COLUMNS
from models.counting import PRIOR, Counts, count
from models.encoder import EncoderPlan, _batches, baskets_to_learn, samples_of
from models.everybody import everybody_of
from models.purchases import Purchases
from models.ranker import RankerPlan
from models.stages import Examples, stage
from models.tallies import MAX_ITEMS_A_BASKET
from models.train import Plan, prepare_course, tune


def purchases(**people: list[list[int]]) -> Purchases:
    """Return purchases of named customers, baskets a week apart, over six items."""
    made = {}
    for who, baskets in people.items():
        history = History.empty()
        for number, items in enumerate(baskets):
            history = history.extended(items, 7.0 * number)
        made[who] = history
    return Purchases.of_histories(made, 6)


def counted(bought: Purchases, category: Ints | None = None) -> Counts:
    """Count the tables of purchases."""
    with everybody_of(bought) as everybody:
        return count(everybody, category)


TWO = {"anna": [[0, 1], [0], [2, 0]], "bert": [[1, 2], [2]]}


def test_lines_in_any_order_become_the_same_purchases() -> None:
    """Sorting, doubles and numbering do not depend on the order of the lines."""
    lines = [("b", 2, 1), ("a", 9, 3), ("a", 1, 2), ("b", 2, 1), ("a", 1, 0)]
    for turned in (lines, lines[::-1]):
        made = Purchases.of(
            [who for who, _, _ in turned],
            [order for _, order, _ in turned],
            np.array([item for _, _, item in turned], np.int32),
            6,
        )
        assert made.customer_ids == ("a", "b")
        assert made.item.tolist() == [0, 2, 3, 1]
        assert made.basket.tolist() == [0, 0, 1, 2]
        assert made.customer.tolist() == [0, 0, 1]


def test_hazard_and_gap_by_hand() -> None:
    """Item 0: bought thrice by anna in a row; item 2: twice by bert in a row, once by anna last.

    All items: chances to repeat after one basket are anna 0, 1, 0 and bert 1, 2; three repeats.
    """
    tables = counted(purchases(**TWO))
    mean = 3 / 5
    assert tables.hazard[0, 0] == pytest.approx((2 + PRIOR * mean) / (2 + PRIOR))
    assert tables.hazard[2, 0] == pytest.approx((1 + PRIOR * mean) / (1 + PRIOR))
    assert tables.hazard[1, 0] == pytest.approx((0 + PRIOR * mean) / (2 + PRIOR))
    assert tables.gap[0] == pytest.approx(1.0)
    assert tables.gap_days[0] == pytest.approx(7.0)


def test_a_gap_is_never_nothing() -> None:
    """Where nobody bought anything twice the usual gap is one basket, since features divide."""
    tables = counted(purchases(anna=[[0, 1], [2]], bert=[[3]]))
    assert tables.gap.tolist() == [1.0] * 6
    assert tables.gap_days.tolist() == [0.0] * 6


def test_an_item_is_shrunk_to_its_category_by_hand() -> None:
    """Items 0 and 1 share a category, 2 is one of its own, 3 was never sold and has none.

    Chances to repeat after one basket: item 0 two of two, item 1 none of two, item 2 one of one.
    """
    tables = counted(purchases(**TWO), np.array([7, 7, 3, -1, 7, 3], np.int32))
    mean = 3 / 5
    first = (2 + PRIOR * mean) / (4 + PRIOR)
    second = (1 + PRIOR * mean) / (1 + PRIOR)
    assert tables.hazard[0, 0] == pytest.approx((2 + PRIOR * first) / (2 + PRIOR))
    assert tables.hazard[1, 0] == pytest.approx((0 + PRIOR * first) / (2 + PRIOR))
    assert tables.hazard[2, 0] == pytest.approx((1 + PRIOR * second) / (1 + PRIOR))
    assert tables.hazard[4, 0] == pytest.approx(first)
    assert tables.hazard[3, 0] == pytest.approx(mean)


def test_followers_by_hand() -> None:
    """Item 1 was followed by 0 (anna) and by 2 (bert), each once in two baskets."""
    tables = counted(purchases(**TWO))
    row = dict(zip(tables.next[1].tolist(), tables.next_score[1].tolist(), strict=True))
    assert tables.next[1, :2].tolist() == [0, 2]
    assert tables.next_score[1, :3].tolist() == pytest.approx([1 / (2 + PRIOR)] * 2 + [0.0])
    assert 2 in row


def test_neighbours_by_hand() -> None:
    """Items 1 and 2 share both buyers: cosine 1; 0 and 1 share one of one and two."""
    tables = counted(purchases(**TWO))
    assert tables.near[1, 0] == 2
    assert tables.near_score[1, :2].tolist() == pytest.approx([1.0, 1 / np.sqrt(2)])


def test_popularity_order_and_new_buyers() -> None:
    """Three lines each for 0 and 2, two for 1; only anna's item 2 was new to a known customer."""
    tables = counted(purchases(**TWO))
    assert tables.popular[:3].tolist() == [0, 2, 1]
    new = tables.item[:, ITEM_COLUMNS.index("log_new_buyers")]
    assert new[:3].tolist() == pytest.approx([0.0, 0.0, np.log1p(1)])


def test_a_stage_hides_its_own_label() -> None:
    """One basket back: bert's history is his first basket, his label the second."""
    histories, labels = stage(purchases(**TWO), 1)
    assert histories[1].item.tolist() == [1, 2]
    assert labels[1].items.tolist() == [2]
    assert labels[1].day == 7.0
    assert histories[0].n_baskets == 2


def test_a_stage_beyond_the_past_has_no_label() -> None:
    """Two back leaves bert without a history: no label for him."""
    _, labels = stage(purchases(**TWO), 2)
    assert sorted(labels) == [0]


def test_a_draw_takes_whole_histories() -> None:
    """Three of nine customers, the same for the same seed; where few are there, all of them."""
    people = {f"c{n}": [[n % 6], [(n + 1) % 6, (n + 2) % 6]] for n in range(9)}
    with everybody_of(purchases(**people)) as everybody:
        drawn = everybody.drawn(3, seed=2)
        again = [everybody.drawn(3, seed=seed).customer_ids for seed in range(8)]
        all_ = everybody.drawn(9, seed=2)
    assert len(drawn.customer_ids) == 3
    for who, history in zip(drawn.customer_ids, drawn.histories(), strict=True):
        assert history.item.tolist() == [i for basket in people[who] for i in sorted(basket)]
        assert history.basket.tolist() == [0, 1, 1]
    assert again[2] == drawn.customer_ids
    assert len(set(again)) > 1
    assert all_.customer_ids == tuple(people)


def test_a_draw_takes_those_who_came_twice() -> None:
    """Of forty customers three came again: a draw of five takes the three, one of two takes two."""
    people = {f"c{n:02d}": [[n % 6]] for n in range(40)}
    again = {f"c{n:02d}": [[n % 6], [1]] for n in (7, 20, 33)}
    with everybody_of(purchases(**people | again)) as everybody:
        assert everybody.drawn(5, seed=1).customer_ids == tuple(again)
        assert set(everybody.drawn(2, seed=1).customer_ids) < set(again)
        assert len(everybody.drawn(40, seed=1).customer_ids) == 40


def test_bulk_orders_do_not_rule_the_followers() -> None:
    """Two orders of a whole catalogue in a row: the best sellers of them are followed, no more."""
    made = History.empty()
    for week in range(2):
        made = made.extended(range(MAX_ITEMS_A_BASKET + 50), 7.0 * week)
    tables = counted(Purchases.of_histories({"reseller": made}, MAX_ITEMS_A_BASKET + 50))
    assert (tables.next_score[:MAX_ITEMS_A_BASKET] > 0).all()
    assert (tables.next_score[MAX_ITEMS_A_BASKET:] == 0).all()


def test_a_pass_of_the_encoder_is_bounded() -> None:
    """Of thirty baskets to learn a pass takes at most twelve, others in the next pass."""
    many = purchases(**{f"c{n}": [[n % 6], [1], [2], [3]] for n in range(10)})
    samples = samples_of(many)
    assert baskets_to_learn(many) == samples.basket.size == 30
    rng = np.random.default_rng(1)
    for most, read in ((12, 12), (30, 30), (99, 30)):
        plan = EncoderPlan(batch=5, most_baskets=most)
        passes = [list(_batches(many, samples, plan, rng)) for _ in range(2)]
        for batches in passes:
            assert sum(part.labels.size for parts in batches for part in parts) == read
            assert len(batches) == -(-read // 5)
        labels = [[p.label.tolist() for parts in each for p in parts] for each in passes]
        assert labels[0] != labels[1]


def test_tables_count_those_who_were_not_drawn_as_well() -> None:
    """Encoder and ranker learn from the drawn; popularity and followers are everybody's."""
    rng = np.random.default_rng(4)
    people = {f"c{n:02d}": rng.integers(0, 6, (5, 2)).tolist() for n in range(40)}
    small = Plan(
        max_back=2,
        encoder=EncoderPlan(size=4, hidden=4, epochs=1),
        ranker=RankerPlan(widths=(4,), item_size=2, tower_size=2, epochs=1),
    )
    with everybody_of(purchases(**people)) as everybody:
        course = prepare_course(everybody, everybody.drawn(15, seed=1), plan=small, seed=1)
        counts = count(everybody)
    assert course.newest.n_customers == 15
    assert len(course.histories) == 15
    assert course.tables.popular.tolist() == counts.popular.tolist()
    assert course.tables.next.tolist() == counts.next.tolist()


@pytest.mark.parametrize(
    ("few", "is_tuned"),
    [(1, True), (100, False), (10_000, False)],
    ids=["many", "many over both moments, few at the newest", "few"],
)
def test_few_customers_are_not_learned_from_twice(few: int, is_tuned: bool) -> None:
    """Labels that pretraining has read tune a large course alone; new ones tune a small one too."""
    rng = np.random.default_rng(6)
    people = {f"c{n:02d}": rng.integers(0, 6, (5, 2)).tolist() for n in range(40)}
    small = Plan(
        max_back=2,
        encoder=EncoderPlan(size=4, hidden=4, epochs=1),
        ranker=RankerPlan(widths=(4,), item_size=2, tower_size=2, epochs=1, few=few),
    )
    bought = purchases(**people)
    with everybody_of(bought) as everybody:
        course = prepare_course(everybody, bought, plan=small, seed=1)

    def moved(examples: Examples) -> bool:
        network, *_ = tune(course, examples)
        return not np.array_equal(network.params["weight_0"], course.params["weight_0"])

    assert moved(course.newest) == is_tuned
    assert moved(course.newest.of(np.arange(20)))
