"""Purchase histories and the numbers taken from them."""

import subprocess
import sys
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.core.history import median


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1), st.sampled_from([np.float32, float]))
def test_the_median_is_that_of_numpy(values: list[float], kind: type) -> None:
    """Of odd and even numbers of values, in either precision, to the last bit."""
    column: NDArray[np.floating[Any]] = np.array(values, kind)
    assert median(column) == float(np.median(column))


def test_deciding_loads_no_masked_arrays() -> None:
    """What the path imports and the median need is all of numpy that a box holds."""
    told = (
        "import sys, numpy, edge.checkin, edge.core.history as h;"
        "h.median(numpy.arange(4.0)); print('numpy.ma' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
