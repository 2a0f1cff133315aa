"""Who belongs to which arm: deterministic hashing after GrowthBook's SDK specification 0.8.

The holdout is decided first, then each experiment; nothing is drawn, so the same unit is in the
same arm on every surface and after every restart. An exposure is logged at assignment, whether or
not anything is shown. Leaves out the condition language and the statistics.
"""

from collections.abc import Sequence
from dataclasses import dataclass

# FNV-1a, 32 bits (draft-eastlake-fnv, offset basis and prime).
_FNV_OFFSET = 0x811C9DC5
_FNV_PRIME = 0x01000193
HOLDOUT_SHARE = 0.05
"""Share of units that get no personal pushes; a measured slice of the same size stands beside it
(GrowthBook's holdout: half held out, half measured)."""

HOLDOUT = "holdout"
MEASURED = "measured"
GENERAL = "general"

Range = tuple[float, float]


def _fnv32a(text: str) -> int:
    value = _FNV_OFFSET
    for byte in text.encode():
        value = (value ^ byte) * _FNV_PRIME & 0xFFFFFFFF
    return value


def bucket(seed: str, unit: str, version: int = 2) -> float | None:
    """Hash a unit into [0, 1).

    Returns:
        Version 1: thousandths; version 2: ten-thousandths, unbiased by its second round. None for
        a version nobody defined.
    """
    if version == 2:
        return _fnv32a(str(_fnv32a(seed + unit))) % 10_000 / 10_000
    if version == 1:
        return _fnv32a(unit + seed) % 1_000 / 1_000
    return None


def equal_weights(arms: int) -> list[float]:
    """Return the same weight for every arm; none for fewer than one."""
    return [1.0 / arms] * arms if arms > 0 else []


def bucket_ranges(arms: int, coverage: float, weights: Sequence[float] | None) -> list[Range]:
    """Cut [0, 1) into one range per arm, of which `coverage` is used.

    Weights that do not fit (wrong number, sum off by more than 1 %) are replaced by equal ones.
    """
    coverage = min(max(coverage, 0.0), 1.0)
    if weights is None or len(weights) != arms or not 0.99 <= sum(weights) <= 1.01:
        weights = equal_weights(arms)
    ranges: list[Range] = []
    start = 0.0
    for weight in weights:
        ranges.append((start, start + coverage * weight))
        start += weight
    return ranges


def choose(at: float, ranges: Sequence[Range]) -> int:
    """Return the arm whose range holds `at`, −1 where none does."""
    return next((arm for arm, (low, high) in enumerate(ranges) if low <= at < high), -1)


def in_namespace(unit: str, namespace: tuple[str, float, float]) -> bool:
    """Tell whether a unit lies in a slice that excludes other experiments."""
    name, low, high = namespace
    at = bucket("__" + name, unit, 1)
    return at is not None and low <= at < high


@dataclass(frozen=True, slots=True)
class Experiment:
    """One factor under test, so that an effect has one cause (C23).

    Attributes:
        key: Also the hash seed unless `seed` says otherwise.
        arms: Names of the variations, the control first.
        namespace: A slice shared with others, or None.
    """

    key: str
    arms: tuple[str, ...]
    weights: tuple[float, ...] | None = None
    coverage: float = 1.0
    seed: str | None = None
    namespace: tuple[str, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Arm:
    """What a unit was assigned to.

    Attributes:
        group: `holdout`, `measured` (the slice the holdout is compared with) or `general`.
        variations: (experiment, arm) of every experiment the unit takes part in.
    """

    group: str = GENERAL
    variations: tuple[tuple[str, str], ...] = ()

    @property
    def is_holdout(self) -> bool:
        """Whether personal pushes are withheld."""
        return self.group == HOLDOUT

    def label(self) -> str:
        """Return the arm as one word for logs, `general` or `general;key=arm;…`."""
        return ";".join([self.group, *(f"{key}={arm}" for key, arm in self.variations)])

    def of(self, key: str) -> str | None:
        """Return the arm in one experiment, or None where the unit takes no part."""
        return dict(self.variations).get(key)


def assign(
    unit: str,
    experiments: Sequence[Experiment] = (),
    holdout_share: float = HOLDOUT_SHARE,
    holdout_seed: str = "holdout",
) -> Arm:
    """Assign a unit: holdout, then experiments.

    Args:
        unit: The person, or the visit where nobody is known.
        experiments: Those running now.
        holdout_share: In [0, 0.5]; the measured slice has the same size.
        holdout_seed: Changed when a new holdout is drawn.
    """
    at = bucket(holdout_seed, unit)
    assert at is not None
    if at < holdout_share:
        return Arm(HOLDOUT)
    group = MEASURED if at < 2 * holdout_share else GENERAL
    return Arm(group, tuple(v for e in experiments if (v := _variation(unit, e)) is not None))


def _variation(unit: str, experiment: Experiment) -> tuple[str, str] | None:
    if experiment.namespace is not None and not in_namespace(unit, experiment.namespace):
        return None
    at = bucket(experiment.seed or experiment.key, unit)
    assert at is not None
    ranges = bucket_ranges(len(experiment.arms), experiment.coverage, experiment.weights)
    arm = choose(at, ranges)
    return None if arm < 0 else (experiment.key, experiment.arms[arm])
