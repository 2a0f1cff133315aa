"""Adam with decoupled weight decay and a cosine rate, in place, and a step shared by two threads.

Decides that a batch is always cut in two halves whose gradients are added in the same order:
numpy lets go of the interpreter lock, so two cores work, and the sums do not depend on how many
there are. Leaves out the gradients (`models.encoder`, `models.ranker`).
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from edge.core.history import Floats

Tree = dict[str, Floats]
Part = TypeVar("Part")
Slopes = Callable[[Tree, Part], Tree]
BLOCK = 32_768
"""Numbers moved at a time, so that their moments stay in a core's cache."""


class Adam:
    """Adam after Kingma and Ba, decay after Loshchilov and Hutter.

    Args:
        params: Moved in place, float32.
        rate: Peak rate, reached after 5 % of the steps, falling to 0 by a half cosine.
        decay: Weight decay by parameter name; 0 where missing.
        steps: In all.
    """

    def __init__(self, params: Tree, rate: float, decay: Mapping[str, float], steps: int) -> None:
        self._params = params
        self._rate, self._decay, self._steps = rate, decay, max(1, steps)
        self._mean = {name: np.zeros_like(value) for name, value in params.items()}
        self._square = {name: np.zeros_like(value) for name, value in params.items()}
        self._step = 0

    def step(self, slopes: Tree) -> None:
        """Move every parameter once against its slope."""
        self._step += 1
        t = self._step
        warm = min(1.0, t / max(1.0, 0.05 * self._steps))
        rate = self._rate * warm * 0.5 * (1.0 + np.cos(np.pi * min(t / self._steps, 1.0)))
        for name, value in self._params.items():
            v, s = value.reshape(-1), slopes[name].reshape(-1)
            m, q = self._mean[name].reshape(-1), self._square[name].reshape(-1)
            for low in range(0, v.size, BLOCK):
                rows, decay = slice(low, low + BLOCK), self._decay.get(name, 0.0)
                self._move(v[rows], s[rows], m[rows], q[rows], rate, decay)

    def _move(
        self, value: Floats, slope: Floats, mean: Floats, square: Floats, rate: float, decay: float
    ) -> None:
        """Move a block in place; its moments as well."""
        mean *= np.float32(0.9)
        mean += np.float32(0.1) * slope
        square *= np.float32(0.999)
        square += np.float32(0.001) * (slope * slope)
        spread = np.sqrt(square * np.float32(1.0 / (1.0 - 0.999**self._step)))
        spread += np.float32(1e-8)
        if decay:
            value *= np.float32(1.0 - rate * decay)
        value -= mean * np.float32(rate / (1.0 - 0.9**self._step)) / spread


class Halves:
    """Two threads that work out the gradients of two halves; closed by `with`."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="half")

    def __enter__(self) -> "Halves":
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown()

    def slopes(self, of: Slopes[Part], params: Tree, parts: Sequence[Part]) -> Tree:
        """Return the summed gradient of the parts, added from the first to the last."""
        first, *others = self._threads.map(lambda part: of(params, part), parts)
        for other in others:
            for name, slope in other.items():
                first[name] += slope
        return first
