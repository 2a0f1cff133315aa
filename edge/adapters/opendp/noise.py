"""The discrete Laplace mechanism of OpenDP, safe against the gaps of floating-point noise."""

from collections.abc import Sequence

import opendp.prelude as dp

dp.enable_features("contrib")


def discrete_laplace(counts: Sequence[int], scale: float) -> list[int]:
    """Add discrete Laplace noise to each count.

    Args:
        counts: True counts.
        scale: L1 sensitivity over ε, > 0.

    Returns:
        Noisy counts; they may be negative.
    """
    if not counts:
        return []
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l1_distance(T=int)
    mechanism = dp.m.make_laplace(*space, scale=scale)
    return [int(value) for value in mechanism(list(counts))]


def epsilon_of(scale: float, cells_a_unit: int) -> float:
    """Return the ε that OpenDP itself proves for a scale and an L1 sensitivity."""
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l1_distance(T=int)
    return float(dp.m.make_laplace(*space, scale=scale).map(cells_a_unit))
