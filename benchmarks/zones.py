"""How often the zone is right, on walks of a person with a beacon; input is `receivers.csv` alone.

The truth of a place is the zone the centroid of whose receivers is nearest. Judged once a second
after the first 5 s, with what was heard up to that second. Rivals run on the same walks.
`--explain WALK SECOND` tells why a zone was believed in that second. `--robust` plays the walks
again with the seconds cut elsewhere, with half of the sightings lost, and without one receiver.
"""

import csv
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.bench import arguments, percentile, report
from edge.core.floorplan import Receiver
from edge.core.sightings import Sighting
from edge.core.zones import ZoneModel, ZoneTracker

FIRST_JUDGED_S = 5
BORDER_M = 1.0


@dataclass(frozen=True, slots=True)
class Walk:
    """One recorded walk: what was heard when (seconds, receiver, dBm), and where that was (m)."""

    name: str
    heard: list[tuple[float, str, float]]
    places: NDArray[np.float64]  # (len(heard), 2)

    @property
    def seconds(self) -> range:
        """The judged seconds."""
        return range(FIRST_JUDGED_S, int(self.heard[-1][0]) + 1)

    def later(self, by_s: float) -> "Walk":
        """Return the same walk begun a little later, so that seconds are cut elsewhere."""
        heard = [(at_s + by_s, receiver, rssi_dbm) for at_s, receiver, rssi_dbm in self.heard]
        return Walk(self.name, heard, self.places)

    def only(self, is_kept: Sequence[bool]) -> "Walk":
        """Return the walk with some of its sightings."""
        heard = [one for one, keep in zip(self.heard, is_kept, strict=True) if keep]
        return Walk(self.name, heard, self.places[np.array(is_kept, dtype=bool)])


class Locator(Protocol):
    """Something that says where a beacon is."""

    def hear(self, at_s: float, receiver: str, rssi_dbm: float) -> None:
        """Take one sighting."""

    def zone(self, now_s: float) -> str:
        """Return the zone, judged by what was heard so far."""


class Ours:
    """The tracker of the box."""

    def __init__(self, model: ZoneModel) -> None:
        self.tracker = ZoneTracker(model)

    def hear(self, at_s: float, receiver: str, rssi_dbm: float) -> None:
        """Take one sighting."""
        self.tracker.update(Sighting(receiver, "beacon", rssi_dbm=rssi_dbm), at_s)

    def zone(self, now_s: float) -> str:
        """Return the zone after the tick of this second."""
        self.tracker.tick(now_s)
        return self.tracker.zone or ""


class Strongest:
    """Rival: the zone of the receiver that reads strongest in the last 2 s."""

    def __init__(self, zone_of: dict[str, str]) -> None:
        self._zone_of = zone_of
        self._last: dict[str, tuple[float, float]] = {}

    def hear(self, at_s: float, receiver: str, rssi_dbm: float) -> None:
        """Take one sighting."""
        self._last[receiver] = at_s, rssi_dbm

    def zone(self, now_s: float) -> str:
        """Return the zone of the strongest fresh receiver."""
        fresh = {name: rssi for name, (at_s, rssi) in self._last.items() if now_s - at_s < 2}
        return self._zone_of[
            max(fresh or {next(iter(self._last)): 0.0}, key=lambda k: fresh.get(k, 0))
        ]


class Smoothed:
    """Rival: EWMA 0.3 per receiver, mean by zone, 3 dB hysteresis."""

    def __init__(self, zone_of: dict[str, str]) -> None:
        self._zone_of = zone_of
        self._level: dict[str, float] = {}
        self._zone = ""

    def hear(self, at_s: float, receiver: str, rssi_dbm: float) -> None:  # noqa: ARG002
        """Take one sighting."""
        level = self._level.get(receiver, rssi_dbm)
        self._level[receiver] = level + 0.3 * (rssi_dbm - level)

    def zone(self, now_s: float) -> str:  # noqa: ARG002
        """Return the zone, changed only for a clearly stronger one."""
        means = _means(self._level, self._zone_of)
        best = max(means, key=lambda zone: means[zone])
        if not self._zone or means[best] > means[self._zone] + 3:
            self._zone = best
        return self._zone


class Maximum:
    """Rival: maximum over 5 s per receiver, mean by zone."""

    def __init__(self, zone_of: dict[str, str]) -> None:
        self._zone_of = zone_of
        self._window: deque[tuple[float, str, float]] = deque()

    def hear(self, at_s: float, receiver: str, rssi_dbm: float) -> None:
        """Take one sighting."""
        if rssi_dbm < -20:
            self._window.append((at_s, receiver, rssi_dbm))

    def zone(self, now_s: float) -> str:
        """Return the zone with the strongest mean of maxima."""
        while self._window[0][0] <= now_s - 5:
            self._window.popleft()
        levels: dict[str, float] = {}
        for _, receiver, rssi_dbm in self._window:
            levels[receiver] = max(levels.get(receiver, -200.0), rssi_dbm)
        means = _means(levels, self._zone_of)
        return max(means, key=lambda zone: means[zone])


def _means(levels: dict[str, float], zone_of: dict[str, str]) -> dict[str, float]:
    by_zone: dict[str, list[float]] = {}
    for receiver, level in levels.items():
        by_zone.setdefault(zone_of[receiver], []).append(level)
    return {zone: sum(all_dbm) / len(all_dbm) for zone, all_dbm in by_zone.items()}


@dataclass(slots=True)
class Tally:
    """What a locator got right, over one walk or all."""

    points: int = 0
    right: int = 0
    far_points: int = 0
    far_right: int = 0
    switches: int = 0
    true_switches: int = 0
    lags_s: list[float] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Add another tally to this one."""
        self.points += other.points
        self.right += other.right
        self.far_points += other.far_points
        self.far_right += other.far_right
        self.switches += other.switches
        self.true_switches += other.true_switches
        self.lags_s += other.lags_s

    def row(self) -> str:
        """Return the figures as a row of a table."""
        far = f"{self.far_right / self.far_points:.3f}" if self.far_points else "    -"
        lag = f"{np.median(self.lags_s):.1f}" if self.lags_s else "-"
        return (
            f"{self.right / self.points:.3f}  {far:>10}  {self.far_points:>4}/{self.points:<4}"
            f"  {self.switches:>4} of {self.true_switches:<3} {lag:>6}"
        )


class Truth:
    """The zones of places, by the nearest centroid of receivers."""

    def __init__(self, receivers: list[Receiver]) -> None:
        self.zones = list(dict.fromkeys(one.zone for one in receivers))
        self._centres = np.array(
            [
                np.mean([(one.x_m, one.y_m) for one in receivers if one.zone == zone], axis=0)
                for zone in self.zones
            ]
        )

    def judge(self, places: NDArray[np.float64]) -> tuple[list[str], NDArray[np.float64]]:
        """Return the zone of each place and its distance to the nearest border, in metres."""
        off = np.linalg.norm(places[:, None] - self._centres, axis=2)
        nearest = off.argmin(1)
        apart = np.linalg.norm(self._centres[nearest][:, None] - self._centres, axis=2)
        with np.errstate(divide="ignore", invalid="ignore"):
            border = (off**2 - off.min(1, keepdims=True) ** 2) / (2 * apart)
        border[np.arange(len(places)), nearest] = np.inf
        return [self.zones[i] for i in nearest], border.min(1)


def play(walk: Walk, locator: Locator, until_s: int | None = None) -> list[str]:
    """Return the zone that a locator gives at each judged second."""
    zones, heard = [], iter(walk.heard)
    waiting = next(heard, None)
    for second in walk.seconds:
        while waiting is not None and waiting[0] <= second:
            locator.hear(*waiting)
            waiting = next(heard, None)
        zones.append(locator.zone(second))
        if second == until_s:
            break
    return zones


def judge(walk: Walk, zones: list[str], truth: Truth) -> Tally:
    """Compare the zones given with the true ones."""
    at_s = np.array([at_s for at_s, _, _ in walk.heard])
    last = np.searchsorted(at_s, np.array(walk.seconds), side="right") - 1
    true, border_m = truth.judge(walk.places[last])
    is_right = np.array([zone == told for zone, told in zip(true, zones, strict=True)])
    is_far = border_m > BORDER_M
    changes = [k for k in range(1, len(true)) if true[k] != true[k - 1]]
    lags_s = []
    for k, end in zip(changes, [*changes[1:], len(true)], strict=True):
        found = np.flatnonzero(is_right[k:end])
        lags_s.append(float(found[0]) if len(found) else float("inf"))
    return Tally(
        len(true),
        int(is_right.sum()),
        int(is_far.sum()),
        int((is_right & is_far).sum()),
        sum(zones[k] != zones[k - 1] for k in range(1, len(zones))),
        len(changes),
        lags_s,
    )


def time_updates(walks: list[Walk], model: ZoneModel) -> list[float]:
    """Return the time of every update in microseconds, without ticks between them.

    The work of a second, which ticks would take over, so falls into the update that begins the
    next one.
    """
    took_us = []
    for walk in walks:
        tracker = ZoneTracker(model)
        for at_s, receiver, rssi_dbm in walk.heard:
            sighting = Sighting(receiver, "beacon", rssi_dbm=rssi_dbm)
            began_ns = time.perf_counter_ns()
            tracker.update(sighting, at_s)
            took_us.append((time.perf_counter_ns() - began_ns) / 1e3)
    return took_us


def read_receivers(folder: Path) -> list[Receiver]:
    """Return the receivers of a folder of walks."""
    with (folder / "receivers.csv").open(newline="") as file:
        return [
            Receiver(
                row["receiver_id"],
                row["zone"],
                float(row["x_m"]),
                float(row["y_m"]),
                float(row["z_m"]),
            )
            for row in csv.DictReader(file)
        ]


def read_walks(folder: Path, known: Iterable[str]) -> list[Walk]:
    """Return every walk of a folder, in the order of their names."""
    walks, names = [], set(known)
    for path in sorted(folder.glob("*.csv")):
        if path.name == "receivers.csv":
            continue
        with path.open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["receiver_id"] in names]
        rows.sort(key=lambda row: float(row["t_s"]))
        heard = [(float(r["t_s"]), r["receiver_id"], float(r["rssi_dbm"])) for r in rows]
        places = np.array([(float(row["x_m"]), float(row["y_m"])) for row in rows])
        walks.append(Walk(path.stem, heard, places))
    return walks


def walks_folder(data: Path | None) -> Path:
    """Return the folder with `receivers.csv`: the one given, or `ble_walks` in it."""
    root = data or Path(os.environ.get("STAMMGAST_DATA", ""))
    for folder in (root, root / "ble_walks"):
        if (folder / "receivers.csv").is_file():
            return folder
    sys.exit(f"no receivers.csv in {root} or its ble_walks; give --data DIR or set STAMMGAST_DATA")


def explain(walk: Walk, second: int, model: ZoneModel) -> None:
    """Print why a zone was believed in one second of a walk."""
    ours = Ours(model)
    play(walk, ours, until_s=second)
    reason = ours.tracker.explain()
    shares = "  ".join(f"{zone} {share:.3f}" for zone, share in reason.probabilities.items())
    before = "  ".join(f"{zone} {share:.3f}" for zone, share in reason.before.items())
    print(f"{walk.name}, second {second}: {reason.zone}\n  now     {shares}\n  before  {before}")
    for one in sorted(reason.evidence, key=lambda one: -one.support):
        told = "refused" if one.is_refused else f"{one.support:+.2f} nats"
        print(f"  {one.gateway} ({one.zone})  {one.level_dbm:6.1f} dBm  {told}")


PHASES_S = tuple(tenth / 10 for tenth in range(10))


def robust(walks: list[Walk], receivers: list[Receiver], truth: Truth) -> dict[str, list[float]]:
    """Return what is left of the figures where something differs: [least, all, most] each."""
    model = ZoneModel(receivers)
    chance = np.random.default_rng(1)
    variants: dict[str, list[tuple[ZoneModel, list[Walk]]]] = {
        "phase": [(model, [walk.later(by_s) for walk in walks]) for by_s in PHASES_S],
        "half": [
            (model, [walk.only((chance.random(len(walk.heard)) < 0.5).tolist()) for walk in walks])
            for _ in range(6)
        ],
        "dropped": [
            (
                ZoneModel([one for one in receivers if one is not gone]),
                [walk.only([heard[1] != gone.gateway for heard in walk.heard]) for walk in walks],
            )
            for gone in receivers
        ],
    }
    figures: dict[str, list[float]] = {}
    for name, cases in variants.items():
        tallies, total = [], Tally()
        for each, played in cases:
            tally = Tally()
            for walk in played:
                tally.add(judge(walk, play(walk, Ours(each)), truth))
            tallies.append(tally)
            total.add(tally)
        right = sorted(one.right / one.points for one in tallies)
        far = sorted(one.far_right / max(1, one.far_points) for one in tallies)
        all_far = total.far_right / max(1, total.far_points)
        figures[f"{name}_accuracy"] = _spread(right, total.right / total.points)
        figures[f"{name}_beyond_1m"] = _spread(far, all_far)
        excess = sorted(one.switches / one.true_switches for one in tallies)
        figures[f"{name}_switches"] = _spread(excess, total.switches / total.true_switches)
    return figures


def _spread(figures: list[float], overall: float) -> list[float]:
    return [round(figure, 3) for figure in (figures[0], overall, figures[-1])]


def main() -> int:
    """Play every walk to every locator and report."""
    parser = arguments(__doc__)
    parser.add_argument("--explain", nargs=2, metavar=("WALK", "SECOND"), help="why this zone")
    parser.add_argument("--robust", action="store_true", help="under other conditions, too")
    options = parser.parse_args()
    folder = walks_folder(options.data)
    receivers = read_receivers(folder)
    truth, model = Truth(receivers), ZoneModel(receivers)
    walks = read_walks(folder, model.index)
    if options.explain:
        name, second = options.explain
        explain(next(walk for walk in walks if walk.name == name), int(second), model)
        return 0
    zone_of = {one.gateway: one.zone for one in receivers}
    locators: dict[str, Callable[[], Locator]] = {
        "strongest receiver": lambda: Strongest(zone_of),
        "EWMA 0.3, 3 dB": lambda: Smoothed(zone_of),
        "maximum of 5 s": lambda: Maximum(zone_of),
        "ours": lambda: Ours(model),
    }
    totals = {name: Tally() for name in locators}
    lines = []
    for walk in walks:
        for name, make in locators.items():
            tally = judge(walk, play(walk, make()), truth)
            totals[name].add(tally)
            lines.append(f"{walk.name:<30} {name:<19} {tally.row()}")
    lines += [f"{'all':<30} {name:<19} {tally.row()}" for name, tally in totals.items()]
    if not options.json:
        head = "right  beyond 1 m   far/all   switches  median lag s"
        print(f"{'walk':<30} {'method':<19} {head}", *lines, sep="\n")
    figures = _figures(totals, time_updates(walks, model))
    if options.robust:
        figures |= robust(walks, receivers, truth)
    report(figures, is_quiet=options.json)
    return 0


def _figures(totals: dict[str, Tally], update_us: list[float]) -> dict[str, object]:
    ours = totals["ours"]
    lag_s = float(np.median(ours.lags_s)) if ours.lags_s else 0.0
    figures: dict[str, object] = {
        "accuracy": round(ours.right / ours.points, 4),
        "accuracy_beyond_1m": round(ours.far_right / max(1, ours.far_points), 4),
        "switches": ours.switches,
        "true_switches": ours.true_switches,
        "median_lag_s": lag_s if np.isfinite(lag_s) else None,
        "missed_switches": sum(not np.isfinite(lag) for lag in ours.lags_s),
        "points": ours.points,
        "update_p50_us": percentile(update_us, 50, 2),
        "update_mean_us": round(float(np.mean(update_us)), 2),
        "update_p99_us": percentile(update_us, 99, 1),
    }
    for name, tally in totals.items():
        if name != "ours":
            key = {"strongest receiver": "strongest", "EWMA 0.3, 3 dB": "ewma"}.get(name, "maximum")
            figures[f"{key}_accuracy"] = round(tally.right / tally.points, 4)
            figures[f"{key}_switches"] = tally.switches
    return figures


if __name__ == "__main__":
    sys.exit(main())
