"""The page on data quality: which variables the models use, how filled and how valid they are.

Decides the register of variables (at most 20, each read by a model), the thresholds below which one
is switched off, and that a switched-off variable is marked, not silently missing. Leaves out the
refusal of broken files (`models.validation`): a variable here is whole rows' worth of missing or
odd values.
"""

import html
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import ibis

from models.readers import Sales

LEAST_FILL = 0.8
"""Share of rows with a value, below which a variable is switched off."""
LEAST_VALID = 0.95
"""Share of the filled rows with a plausible value."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of the register.

    Args:
        name: As in `models.readers.LINES` or the item facts.
        meaning: For people.
        used_for: Which models read it.
        rows: Rows it could have been filled in.
        fill: Share of them with a value.
        valid: Share of the filled ones with a plausible value.
        is_needed: Nothing works without it: the file is refused instead of the variable.
        least_fill: Share of filled rows below which it is switched off.
    """

    name: str
    meaning: str
    used_for: str
    rows: int
    fill: float
    valid: float
    is_needed: bool = False
    least_fill: float = LEAST_FILL

    @property
    def is_enabled(self) -> bool:
        """Tell whether the models may use it."""
        is_good = self.fill >= self.least_fill and self.valid >= LEAST_VALID
        return self.rows > 0 and (is_good or self.is_needed)

    @property
    def is_alarming(self) -> bool:
        """Tell whether it was meant to be there and is not good enough; unknown to all is fine."""
        return self.fill > 0 and not self.is_enabled

    def row(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self) | {"is_enabled": self.is_enabled, "is_alarming": self.is_alarming}


@dataclass(frozen=True, slots=True)
class _Entry:
    """A variable of the register and what makes a filled value plausible."""

    name: str
    meaning: str
    used_for: str
    is_valid: Callable[[Any], Any]
    is_needed: bool = False
    least_fill: float = LEAST_FILL


_OF_LINES = (
    _Entry(
        "customer",
        "member id of the receipt",
        "histories",
        lambda c: c.length() <= 64,
        least_fill=0.0,  # most receipts of a real store carry none: that is no defect
    ),
    _Entry("receipt", "receipt id", "baskets", lambda c: c.length() <= 64, is_needed=True),
    _Entry("item", "item of the line", "everything", lambda c: c.length() <= 64, is_needed=True),
    _Entry("at", "order of a customer's receipts", "histories", lambda c: c >= 0, is_needed=True),
    _Entry(
        "day",
        "day of the receipt",
        "due items, season, judging",
        lambda c: c >= 0,
        least_fill=1.0,  # among known days a basket without one is neither before nor after
    ),
    _Entry("local_day", "local day of the receipt", "anonymous visits", lambda c: c >= 0),
    _Entry("minute", "local time of day", "anonymous visits", lambda c: c.between(0, 1439)),
    _Entry("position", "order of the lines of a receipt", "anonymous visits", lambda c: c >= 1),
    _Entry(
        "is_gift",
        "wrapped as a gift",
        "histories, which leave it out",
        lambda c: c.notnull(),  # another text is refused with its row
        least_fill=0.0,  # a till may write the mark on gifts alone: nothing said is no gift
    ),
)
_OF_ITEMS = (
    ("category", "substitute class or category of the item", "category features, variety"),
    ("department", "department of the item", "anonymous visits without zones"),
    ("zone", "zone of the item's shelf", "anonymous visits"),
    ("brand", "brand of the item", "anonymous visits"),
    ("price_cents", "shelf price of the item", "anonymous visits"),
)


def measure(sales: Sales) -> tuple[Variable, ...]:
    """Measure every variable of the register in one pass over the lines."""
    return (*_of_lines(sales), *_of_items(sales))


def without_alarming(sales: Sales, variables: Sequence[Variable]) -> Sales:
    """Return the sales as if what is switched off had never been filled."""
    off = {variable.name for variable in variables if variable.is_alarming}
    lines, items = sales.lines, sales.items.copy()
    kinds = lines.schema()
    gone = {e.name: ibis.null(kinds[e.name]) for e in _OF_LINES if e.name in off}
    for name, *_ in _OF_ITEMS:
        if _title(name) in off:
            items[name] = None
    return replace(sales, lines=lines.mutate(**gone) if gone else lines, items=items)


def _of_lines(sales: Sales) -> list[Variable]:
    lines = sales.lines
    wanted: dict[str, Any] = {"rows": lines.count()}
    for entry in _OF_LINES:
        column = lines[entry.name]
        wanted[f"{entry.name}_filled"] = column.notnull().cast("int64").sum()
        is_valid = (column.notnull() & entry.is_valid(column)).fill_null(False)
        wanted[f"{entry.name}_valid"] = is_valid.cast("int64").sum()
    found = lines.aggregate(**wanted).to_pyarrow().to_pylist()[0]
    return [_of_line(entry, found, sales.unknown) for entry in _OF_LINES]


def _of_line(entry: _Entry, found: Mapping[str, int], unknown: int) -> Variable:
    # A line of an unknown sku has all but its item: that is missing there, so it is counted there.
    rows = int(found["rows"]) + (unknown if entry.name == "item" else 0)
    return Variable(
        entry.name,
        entry.meaning,
        entry.used_for,
        rows,
        *_shares(rows, found[f"{entry.name}_filled"], found[f"{entry.name}_valid"]),
        entry.is_needed,
        entry.least_fill,
    )


def _shares(rows: int, filled: int, valid: int) -> tuple[float, float]:
    return filled / max(rows, 1), valid / max(filled, 1)


def _of_items(sales: Sales) -> list[Variable]:
    facts, rows = sales.items, len(sales.items)
    variables = []
    for name, meaning, used_for in _OF_ITEMS:
        column = facts[name]
        filled = int(column.notna().sum())
        valid = int((column > 0).sum()) if name == "price_cents" else filled
        shares = _shares(rows, filled, valid)
        variables.append(Variable(_title(name), meaning, used_for, rows, *shares))
    return variables


def _title(fact: str) -> str:
    """Return a fact's name in the register."""
    return "shelf_price_cents" if fact == "price_cents" else fact


def write(variables: Sequence[Variable], to: Path) -> None:
    """Write `quality.json`."""
    rows = [asdict(variable) for variable in variables]
    (to / "quality.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")


def read(directory: Path) -> tuple[Variable, ...]:
    """Read what `write` wrote."""
    rows = json.loads((directory / "quality.json").read_text(encoding="utf-8"))
    return tuple(Variable(**row) for row in rows)


def page(variables: Sequence[Variable]) -> str:
    """Return the page for people: one row per variable, what is switched off in plain words."""
    off = [v for v in variables if v.is_alarming]
    verdict = (
        "Every variable that is there is good enough to learn from."
        if not off
        else f"{len(off)} of {len(variables)} variables are switched off: "
        + ", ".join(v.name for v in off)
        + ". The models were trained without them."
    )
    body = "\n".join(_row(variable) for variable in variables)
    return _PAGE.format(
        verdict=html.escape(verdict),
        alarm="alarm" if off else "fine",
        rows=body,
        fill=f"{LEAST_FILL:.0%}",
        valid=f"{LEAST_VALID:.0%}",
    )


def _row(variable: Variable) -> str:
    state = "used" if variable.is_enabled else ("off" if variable.is_alarming else "not given")
    cells = (
        f"<th scope='row'>{html.escape(variable.name)}</th>"
        f"<td>{html.escape(variable.meaning)}</td><td>{html.escape(variable.used_for)}</td>"
        f"<td class='n'>{variable.rows:,}</td>"
        f"<td class='n'>{_bar(variable.fill)}</td><td class='n'>{_bar(variable.valid)}</td>"
        f"<td class='{state.split()[0]}'>{state}</td>"
    )
    return f"<tr>{cells}</tr>"


def _bar(share: float) -> str:
    return f"<meter min='0' max='1' value='{share:.4f}'></meter> {share:.1%}"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Data quality</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 68rem;
  padding: 0 1rem; color: #1d2433; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #d9dee8; }}
.n {{ text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }}
.off, p.alarm {{ color: #9b1c1c; font-weight: 600; }}
.not {{ color: #667; }}
meter {{ width: 5rem; }}
</style></head><body>
<h1>Data quality</h1>
<p class="{alarm}">{verdict}</p>
<p>A variable is used when at least {fill} of its rows are filled and {valid} of those are
plausible; days only where no receipt lacks one, member ids and marks of gifts however few.</p>
<table><thead><tr><th>Variable</th><th>Meaning</th><th>Used for</th><th class="n">Rows</th>
<th class="n">Filled</th><th class="n">Plausible</th><th>State</th></tr></thead>
<tbody>
{rows}
</tbody></table>
</body></html>
"""
