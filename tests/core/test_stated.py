"""When each person last spoke on each purpose: what a whole table says, in a fraction of it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.core import stated
from edge.core.stated import NEVER, StatedTimes

K = 11
MOMENTS = st.sampled_from([NEVER, 1.0, 1.5, 2.0, 1_790_000_000.123])
ROW = st.lists(MOMENTS, min_size=K, max_size=K)
CHANGES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, K - 1), MOMENTS), max_size=40)


@given(st.lists(ROW, max_size=6), CHANGES, st.integers(1, 5), st.integers(1, 3))
def test_it_says_what_a_table_says(
    rows: list[list[float]], changes: list[tuple[int, int, float]], merge_at: int, at_a_time: int
) -> None:
    """Whatever is set, added and forgotten, and whenever changes are merged."""
    before = stated._MERGE_AT, stated._AT_A_TIME
    stated._MERGE_AT, stated._AT_A_TIME = merge_at, at_a_time
    try:
        table = [list(row) for row in rows]
        times = StatedTimes(np.array(rows).reshape(-1, K))
        for row, at, at_s in changes:
            if row == len(table):
                table.append([NEVER] * K)
                times.add()
            elif row > len(table) and table:
                table[0] = [NEVER] * K
                times.clear(0)
            elif row < len(table):
                table[row][at] = at_s
                times.put(row, at, at_s)
        assert [[times.get(row, at) for at in range(K)] for row in range(len(table))] == table
    finally:
        stated._MERGE_AT, stated._AT_A_TIME = before


def test_those_who_say_all_at_once_take_few_bytes() -> None:
    """Five purposes allowed in one moment: 14 bytes a person instead of 88."""
    said = np.full((10_000, K), NEVER)
    said[:, :5] = np.arange(10_000)[:, None]
    times = StatedTimes(said)
    arrays = (times._starts, times._moments_s, times._purposes)
    assert sum(each.nbytes for each in arrays) <= 15 * 10_000
