"""What may leave the store about a day: totals in which nobody can be found.

Decides who counts (the unit: a consenting person, else a visit or receipt of nobody), how much a
unit may contribute, how the day's privacy budget is split, which cells are told, and what a message
may hold. The noise itself is drawn by a port, the budget ledger is an adapter's.

Every table has a fixed list of cells, so that which cells exist tells nothing. Cells of finer
tables are told only from 20 on, after the noise. Totals of experiment arms are told as they are,
with their variance: suppressing a small holdout would hide every uplift.
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

# One unit, one store-local day, all tables and partners together.
EPSILON_PER_DAY = 1.0
SUPPRESS_BELOW = 20
SCHEMA = "stammgast.aggregates.v1"

Noise = Callable[[Sequence[int], float], list[int]]
"""Adds discrete Laplace noise of a scale to each count."""


class Outcome(StrEnum):
    """What a unit did at least once in the day."""

    PRESENT = "present"
    SHOWN = "shown"
    ACCEPTED = "accepted"
    BOUGHT = "bought"
    VETOED = "vetoed"


@dataclass(frozen=True, slots=True)
class UnitDay:
    """What one unit did in one day; lives in memory of the daily run only.

    Attributes:
        unit: Opaque; decides which contributions are kept when there are too many.
        arm: Of the running experiment, `experiment:arm`; None outside of it.
        zones: Zones entered. classes: Classes bought. brands: Brands bought.
        may_partners: The person allowed `partners`; nobody's visits never count there.
    """

    unit: str
    arm: str | None = None
    outcomes: frozenset[Outcome] = frozenset()
    zones: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    brands: frozenset[str] = frozenset()
    may_partners: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """How a table spends: ε, and how many cells a unit may change by one each."""

    epsilon: float
    cells_a_unit: int

    @property
    def scale(self) -> float:
        """The scale of the Laplace noise: L1 sensitivity over ε."""
        return self.cells_a_unit / self.epsilon

    @property
    def variance(self) -> float:
        """The variance of discrete Laplace noise of this scale."""
        q = math.exp(-1.0 / self.scale)
        return 2.0 * q / (1.0 - q) ** 2


BUDGETS: Mapping[str, Budget] = {
    "arms": Budget(0.4, len(Outcome)),
    "zones": Budget(0.15, 3),
    "classes": Budget(0.15, 3),
    "partners": Budget(0.3, 2),
}
"""Together `EPSILON_PER_DAY`. Proposals: the arms carry the uplift, so they get the most."""


@dataclass(frozen=True, slots=True)
class Domain:
    """Which cells there are, from files and configuration alone, never from the day's data."""

    store: str
    arms: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()

    def cells(self, table: str) -> list[str]:
        """Return the names of a table's cells, in order."""
        match table:
            case "arms":
                return [f"{arm}/{outcome}" for arm in self.arms for outcome in Outcome]
            case "zones":
                return list(self.zones)
            case "classes":
                return list(self.classes)
            case _:
                return list(self.partners)


@dataclass(frozen=True, slots=True)
class Table:
    """A released table; a suppressed cell is None."""

    name: str
    epsilon: float
    scale: float
    variance: float
    cells: dict[str, int | None]


@dataclass(frozen=True, slots=True)
class Release:
    """What is told about a day, upstream or to one partner."""

    schema: str
    store: str
    day: str
    audience: str
    tables: tuple[Table, ...] = field(default=())


UPSTREAM = "upstream"


def release_day(units: Iterable[UnitDay], domain: Domain, day: str, noise: Noise) -> list[Release]:
    """Count a day, add noise and suppress; call once a day, the caller keeps the budget.

    Args:
        units: Everybody who counts.
        domain: The cells.
        day: ISO date of the store-local day.
        noise: Draws the noise.

    Returns:
        The message for upstream, then one for each partner with its own cell alone.
    """
    counted = count(units, domain)
    tables = {name: _released(name, counted[name], noise) for name in BUDGETS if domain.cells(name)}
    partners = tables.pop("partners", None)
    upstream = Release(SCHEMA, domain.store, day, UPSTREAM, tuple(tables.values()))
    return [upstream, *_partner_releases(partners, domain, day)]


def count(units: Iterable[UnitDay], domain: Domain) -> dict[str, dict[str, int]]:
    """Count units per cell, each with bounded contributions; units seen twice count once."""
    counted = {name: dict.fromkeys(domain.cells(name), 0) for name in BUDGETS}
    seen: set[str] = set()
    for unit in units:
        if unit.unit in seen:
            continue
        seen.add(unit.unit)
        for name, cells in _contributions(unit).items():
            for cell in bounded(unit.unit, cells, counted[name], BUDGETS[name].cells_a_unit):
                counted[name][cell] += 1
    return counted


def bounded(unit: str, cells: Iterable[str], known: Mapping[str, int], most: int) -> list[str]:
    """Return at most `most` of a unit's cells; which ones depends on the unit alone."""
    mine = [cell for cell in cells if cell in known]
    return sorted(mine, key=lambda cell: _lot(unit, cell))[:most]


def suppressed(value: int) -> int | None:
    """Return a noisy count, or None where it is too small to be told."""
    return value if value >= SUPPRESS_BELOW else None


def displayed(days: Sequence[int | None]) -> float | None:
    """Return the mean of a cell over days as a page may show it.

    Fresh noise of every day averages out; what was too small to be told stays so over a year.
    """
    told = [value for value in days if value is not None]
    if len(told) < len(days) / 2 or not told:
        return None
    mean = sum(told) / len(told)
    return mean if mean >= SUPPRESS_BELOW else None


def problems_of(release: Release, domain: Domain) -> list[str]:
    """Return everything about a message that the rules do not allow; empty: it may leave."""
    problems = []
    if release.schema != SCHEMA or release.store != domain.store:
        problems.append("another schema or store than this box's")
    if release.audience != UPSTREAM and release.audience not in domain.partners:
        problems.append("an audience that nobody configured")
    spent = sum(table.epsilon for table in release.tables)
    if spent > EPSILON_PER_DAY + 1e-9:
        problems.append(f"ε {spent:.2f} is more than {EPSILON_PER_DAY}")
    if len({table.name for table in release.tables}) != len(release.tables):
        problems.append("a table stands twice")
    for table in release.tables:
        problems += _table_problems(table, release.audience, domain)
    return problems


def _table_problems(table: Table, audience: str, domain: Domain) -> list[str]:
    budget = BUDGETS.get(table.name)
    if budget is None or (table.name == "partners") != (audience != UPSTREAM):
        return [f"table {table.name!r} is not for this audience"]
    allowed = [audience] if table.name == "partners" else domain.cells(table.name)
    problems = []
    if list(table.cells) != allowed:
        problems.append(f"table {table.name!r} has other cells than its domain")
    if (table.epsilon, table.scale, table.variance) != (
        budget.epsilon,
        budget.scale,
        budget.variance,
    ):
        problems.append(f"table {table.name!r} does not say its true noise")
    for value in table.cells.values():
        if value is None:
            continue
        if type(value) is not int:
            problems.append(f"table {table.name!r} holds something that is no count")
        elif table.name != "arms" and value < SUPPRESS_BELOW:
            problems.append(f"table {table.name!r} tells a small cell")
    return problems


def _contributions(unit: UnitDay) -> dict[str, list[str]]:
    arms = [f"{unit.arm}/{outcome}" for outcome in unit.outcomes] if unit.arm else []
    return {
        "arms": arms,
        "zones": list(unit.zones),
        "classes": list(unit.classes),
        "partners": list(unit.brands) if unit.may_partners else [],
    }


def _released(name: str, counted: Mapping[str, int], noise: Noise) -> Table:
    budget = BUDGETS[name]
    noisy = noise(list(counted.values()), budget.scale)
    told = noisy if name == "arms" else [suppressed(value) for value in noisy]
    cells = dict(zip(counted, told, strict=True))
    return Table(name, budget.epsilon, budget.scale, budget.variance, cells)


def _partner_releases(partners: Table | None, domain: Domain, day: str) -> list[Release]:
    if partners is None:
        return []
    return [
        Release(
            SCHEMA,
            domain.store,
            day,
            partner,
            (
                Table(
                    partners.name,
                    partners.epsilon,
                    partners.scale,
                    partners.variance,
                    {partner: partners.cells[partner]},
                ),
            ),
        )
        for partner in domain.partners
    ]


def _lot(unit: str, cell: str) -> bytes:
    return hashlib.blake2b(f"{unit}\0{cell}".encode(), digest_size=8).digest()
