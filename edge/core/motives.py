"""Why somebody is here, guessed from the visit alone: dwell, zones, scans, basket.

Decides names, order and meaning of the inputs of the motive model, and when its answer is
"unknown". Nothing here reads a person: two people who walk alike are guessed alike. Leaves out
the model (`edge.adapters.onnx.visit_models`) and what a motive changes (`edge.core.curation`).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from edge.core.decision import Motive

Floats = npt.NDArray[np.float32]

MOTIVES: tuple[Motive, ...] = (
    Motive.FIRST_TIME,
    Motive.INSPIRATION,
    Motive.PRICE_COMPARING,
    Motive.UNDECIDED,
    Motive.ABOUT_TO_BUY,
)
"""The classes of the model, in the order of its outputs."""
FEATURES = (
    "log_minutes",  # since the visit began
    "log_stays",  # zones entered, entrance and tills left out
    "log_zones",  # different ones
    "return_share",  # of the stays, to a zone already seen
    "log_mean_stay",  # seconds
    "log_longest_stay",
    "log_present_stay",
    "log_fitting_s",
    "log_station_s",
    "is_located",  # 0 where zones are unknown: no consent, no radio
    "is_at_till",
    "log_scans",
    "log_scans_per_minute",
    "log_scanned_alike",  # most scans within one substitute class
    "log_price_spread",  # dearest to cheapest scan within that class
    "log_scanned_classes",
    "log_basket",
)
SCHEMA_HASH = hashlib.sha256(f"2:{','.join(FEATURES)}:{','.join(MOTIVES)}".encode()).hexdigest()
_PASSED_THROUGH = frozenset({"entrance", "till"})


@dataclass(frozen=True, slots=True)
class Stay:
    """A zone entered: its kind by the floor plan, its id, and the second of entry."""

    kind: str
    zone: str
    entered_s: float


@dataclass(frozen=True, slots=True)
class Scan:
    """A shelf label scanned: substitute class (−1 unknown) and price."""

    class_index: int
    price_cents: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a visit has shown so far.

    Args:
        entered_s, now_s: Beginning of the visit and the present moment.
        stays: In order; empty where the visitor is not located.
        scans: In order.
        n_basket: Different items that the app put into its basket.
    """

    entered_s: float
    now_s: float
    stays: Sequence[Stay] = field(default_factory=tuple)
    scans: Sequence[Scan] = field(default_factory=tuple)
    n_basket: int = 0


def features(evidence: Evidence) -> Floats:
    """Compute the inputs of one visit: float32[len(FEATURES)]."""
    minutes = max(evidence.now_s - evidence.entered_s, 0.0) / 60.0
    values = {
        "log_minutes": np.log1p(minutes),
        "log_scans": np.log1p(len(evidence.scans)),
        "log_scans_per_minute": np.log1p(len(evidence.scans) / max(minutes, 1.0)),
        "log_basket": np.log1p(evidence.n_basket),
        **_of_stays(evidence),
        **_of_scans(evidence.scans),
    }
    return np.array([values[name] for name in FEATURES], np.float32)


def _of_stays(evidence: Evidence) -> dict[str, float]:
    stays = evidence.stays
    edges = [stay.entered_s for stay in stays] + [evidence.now_s]
    lasted = [max(end - start, 0.0) for start, end in pairwise(edges)]
    shelves = [
        (stay, seconds)
        for stay, seconds in zip(stays, lasted, strict=True)
        if stay.kind not in _PASSED_THROUGH
    ]
    seconds = np.array([s for _, s in shelves]) if shelves else np.zeros(1)
    zones = {stay.zone for stay, _ in shelves}
    return {
        "log_stays": np.log1p(len(shelves)),
        "log_zones": np.log1p(len(zones)),
        "return_share": (len(shelves) - len(zones)) / max(len(shelves), 1),
        "log_mean_stay": np.log1p(seconds.mean()),
        "log_longest_stay": np.log1p(seconds.max()),
        "log_present_stay": np.log1p(lasted[-1] if lasted else 0.0),
        "log_fitting_s": np.log1p(_within(shelves, "fitting_room")),
        "log_station_s": np.log1p(_within(shelves, "station")),
        "is_located": float(bool(stays)),
        "is_at_till": float(bool(stays) and stays[-1].kind == "till"),
    }


def _within(shelves: Sequence[tuple[Stay, float]], kind: str) -> float:
    return sum(seconds for stay, seconds in shelves if stay.kind == kind)


def _of_scans(scans: Sequence[Scan]) -> dict[str, float]:
    prices: dict[int, list[int]] = {}
    for scan in scans:
        if scan.class_index >= 0:
            prices.setdefault(scan.class_index, []).append(max(scan.price_cents, 1))
    alike = max(prices.values(), key=len, default=[1])
    return {
        "log_scanned_alike": np.log1p(len(alike) if prices else 0),
        "log_price_spread": np.log(max(alike) / min(alike)),
        "log_scanned_classes": np.log1p(len(prices)),
    }


def unknown(evidence: Evidence) -> tuple[Motive, float]:
    """Say nothing: the answer of a box whose bundle holds no model of motives."""
    del evidence
    return Motive.UNKNOWN, 0.0


def motive(chances: Floats, least: float) -> tuple[Motive, float]:
    """Read the model's answer.

    Args:
        chances: float32[len(MOTIVES)] in the order of `MOTIVES`.
        least: Probability under which nothing is said.

    Returns:
        The motive, `UNKNOWN` where none is likely enough, and its probability.
    """
    best = int(np.argmax(chances))
    likely = float(chances[best])
    return (MOTIVES[best] if likely >= least else Motive.UNKNOWN), likely
