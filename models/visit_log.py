"""Read a log of visits: what a visit showed, moment by moment, and its true motive where known.

Decides the file's form (`visits.csv.gz`: visit_id, motive, after_s, event, zone, sku) and at which
moments a visit is judged. Who came and when is not asked for. Such a log comes from the simulator
or from an observed study; a store's own box never sends one. Leaves out the inputs
(`edge.core.motives`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from edge.core import motives
from edge.core.errors import ConfigError
from edge.core.motives import MOTIVES, Evidence, Scan, Stay
from models import validation
from models.readers import read_catalog
from models.tables import read_table
from models.visit_models import TooLittleError

FILE = "visits.csv.gz"
COLUMNS = ("visit_id", "motive", "after_s", "event", "zone", "sku")
EVENTS = frozenset({"enter", "scan", "basket", "pay", "leave"})
SCANS = frozenset({"scan", "basket"})
"""A label read by the app: looked at, or put into its basket."""
ENDS = frozenset({"pay", "leave"})
"""What ends the part of a visit that can be judged: after it the purchase is known."""
MOST_S = 86_400.0
"""Seconds after which a visit is none: the log's clock, or its ids, are wrong."""
MOMENTS_S = (60.0, 180.0, 360.0, 600.0, 1200.0)
"""Seconds into a visit at which it is judged, so that a model learns to answer early."""


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Moments of visits.

    Args:
        features: float32[n, len(motives.FEATURES)].
        motive: int64[n], position in `motives.MOTIVES`.
        visit: str[n], so that a visit's moments are judged together.
        after_s: float32[n].
        unknown: What of the log store and catalogue do not know, in a sentence; empty if nothing.
    """

    features: npt.NDArray[np.float32]
    motive: npt.NDArray[np.int64]
    visit: npt.NDArray[np.str_]
    after_s: npt.NDArray[np.float32]
    unknown: str


def check(directory: Path) -> None:
    """Refuse a log, floor plan or catalogue that `read_snapshots` would refuse."""
    _read(directory)


def read_snapshots(directory: Path) -> Snapshots:
    """Read a log and compute every moment's inputs with the box's own code.

    Raises:
        TooLittleError: No visit is in it.
        ConfigError: A column or a value is not as expected, with file and row.
    """
    frame, kinds, goods, unknown = _read(directory)
    parts = [
        (motives.features(evidence), label, visit, evidence.now_s)
        for visit, label, events in _visits(frame)
        for evidence in _moments(events, kinds, goods)
    ]
    order = {motive.value: at for at, motive in enumerate(MOTIVES)}
    return Snapshots(
        np.stack([part[0] for part in parts]),
        np.array([order[part[1]] for part in parts]),
        np.array([part[2] for part in parts]),
        np.array([part[3] for part in parts], np.float32),
        unknown,
    )


def _read(
    directory: Path,
) -> tuple[pd.DataFrame, dict[str, str], dict[str, tuple[str, Scan]], str]:
    """Return the log, the zones and goods it may name, and what of it they lack."""
    path = directory / FILE
    frame = _checked(path)
    kinds, goods = _zone_kinds(directory), _goods(directory)
    stays = frame["zone"][(frame["event"] == "enter") & (frame["zone"] != "")].isin(list(kinds))
    labels = frame["sku"][frame["event"].isin(SCANS)].isin(list(goods))
    validation.refuse(
        [
            *validation.unknown_names(path, "zone", "floorplan.json", stays),
            *validation.unknown_names(path, "sku", "catalog.json", labels),
        ]
    )
    parts = [
        f"{(~is_known).sum():,} of {is_known.size:,} {what}"
        for what, is_known in (("zones", stays), ("labels", labels))
        if not is_known.all()
    ]
    return frame, kinds, goods, f"unknown: {', '.join(parts)}" if parts else ""


def _checked(path: Path) -> pd.DataFrame:
    frame = read_table(path, COLUMNS, dtype=str, keep_default_na=False)
    if frame.empty:
        raise TooLittleError(str(path), "no visit in the log; expected some")
    names = {motive.value for motive in MOTIVES}
    frame["after_s"] = pd.to_numeric(frame["after_s"], errors="coerce")
    of_visit = frame.groupby("visit_id")
    has_end = frame["event"].isin(ENDS).groupby(frame["visit_id"]).transform("any")
    is_named = frame["visit_id"] != ""
    broken = {
        "visit_id: expected a value": ~is_named,
        f"event: expected one of {', '.join(sorted(EVENTS))}": ~frame["event"].isin(EVENTS),
        f"motive: expected one of {', '.join(sorted(names))}": ~frame["motive"].isin(names),
        "after_s: expected seconds from 0 to a day": ~frame["after_s"].between(0, MOST_S),
        "motive: expected one for the whole visit": (
            is_named & (frame["motive"] != of_visit["motive"].transform("first"))
        ),
        f"event: expected one of {', '.join(sorted(ENDS))} in every visit": is_named & ~has_end,
    }
    problems = [
        f"{path}: row {int(np.argmax(rows)) + 2}: {what}; {int(rows.sum())} rows are otherwise"
        for what, rows in broken.items()
        if rows.any()
    ]
    if problems:
        raise ConfigError(problems)
    return frame


def _zone_kinds(directory: Path) -> dict[str, str]:
    path = directory / "floorplan.json"
    expected = "expected the floor plan that the visits were walked on"
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
        kinds = {zone["id"]: zone["kind"] for zone in plan["zones"]}
        if not all(isinstance(kind, str) for kind in kinds.values()):
            raise TypeError("zones: kind: found no text")
        return kinds
    except FileNotFoundError as error:
        raise ConfigError([f"{path}: not found; {expected}"]) from error
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        problem = f"{path}: {error!r}; {expected}"
        raise ConfigError([problem]) from error


def _goods(directory: Path) -> dict[str, tuple[str, Scan]]:
    """Return the item of every sku, and what reading its label shows."""
    catalog = read_catalog(directory / "catalog.json")
    classes = {entry["id"]: at for at, entry in enumerate(catalog.get("classes") or [])}
    return {
        variant["sku"]: (
            item["item_id"],
            Scan(classes.get(item.get("class_id"), -1), int(item.get("price_cents") or 0)),
        )
        for item in catalog["items"]
        for variant in item["variants"]
    }


def _visits(frame: pd.DataFrame) -> Iterator[tuple[str, str, list[Mapping[str, Any]]]]:
    for visit, part in frame.groupby("visit_id", sort=True):
        rows = part.sort_values("after_s", kind="stable").to_dict("records")
        yield str(visit), str(rows[0]["motive"]), rows


def _moments(
    events: Sequence[Mapping[str, Any]],
    kinds: Mapping[str, str],
    goods: Mapping[str, tuple[str, Scan]],
) -> Iterator[Evidence]:
    """Yield what was known at each moment before anything was paid."""
    ends_s = min(e["after_s"] for e in events if e["event"] in ENDS)
    for now_s in (*(m for m in MOMENTS_S if m < ends_s), ends_s):
        seen = [e for e in events if e["after_s"] <= now_s and e["event"] not in ENDS]
        stays = [
            Stay(kinds.get(e["zone"], "department"), e["zone"], e["after_s"])
            for e in seen
            if e["event"] == "enter" and e["zone"]
        ]
        read = [e for e in seen if e["event"] in SCANS and e["sku"] in goods]
        scans = [goods[e["sku"]][1] for e in read]
        basket = {goods[e["sku"]][0] for e in read if e["event"] == "basket"}
        yield Evidence(0.0, now_s, stays, scans, n_basket=len(basket))
