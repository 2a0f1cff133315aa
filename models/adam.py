"""Adam with decoupled weight decay and a cosine rate, in twenty lines instead of a dependency."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

Tree = dict[str, jax.Array]


class AdamState(NamedTuple):
    """Step number, steps in all, and running moments."""

    step: jax.Array
    steps: jax.Array
    mean: Tree
    square: Tree


class _Decay(dict[str, float]):
    """Weight decay per parameter, hashable so that it may be a static argument."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(sorted(self.items())))


@dataclass(frozen=True)
class Adam:
    """Adam after Kingma and Ba, decay after Loshchilov and Hutter.

    Args:
        rate: Peak rate, reached after 5 % of the steps, falling to 0 by a half cosine.
        decay: Weight decay by parameter name; 0 where missing.
    """

    rate: float
    decay: dict[str, float]

    def __post_init__(self) -> None:
        object.__setattr__(self, "decay", _Decay(self.decay))

    def start(self, params: Tree, steps: int) -> AdamState:
        """Return the state before the first of `steps` steps."""
        zeros = {name: jnp.zeros_like(value) for name, value in params.items()}
        return AdamState(jnp.zeros((), jnp.int32), jnp.float32(max(1, steps)), zeros, dict(zeros))

    def step(self, params: Tree, gradient: Tree, state: AdamState) -> tuple[Tree, AdamState]:
        """Return parameters and state after one step."""
        number = state.step + 1
        t = number.astype(jnp.float32)
        warm = jnp.minimum(1.0, t / jnp.maximum(1.0, 0.05 * state.steps))
        rate = self.rate * warm * 0.5 * (1.0 + jnp.cos(jnp.pi * jnp.minimum(t / state.steps, 1.0)))
        new, mean, square = {}, {}, {}
        for name, value in params.items():
            slope = gradient[name]
            mean[name] = 0.9 * state.mean[name] + 0.1 * slope
            square[name] = 0.999 * state.square[name] + 0.001 * slope * slope
            move = (mean[name] / (1.0 - 0.9**t)) / (
                jnp.sqrt(square[name] / (1.0 - 0.999**t)) + 1e-8
            )
            new[name] = value - rate * (move + self.decay.get(name, 0.0) * value)
        return new, AdamState(number, state.steps, mean, square)
