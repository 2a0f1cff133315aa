"""Zones: from the strengths at which receivers hear a beacon to the zone its carrier is in.

One Bayes filter per beacon over a grid of cells, calibrated by nothing but the places of the
receivers. Once a second:

1. the carrier may have walked: the probability of every cell spreads at walking pace;
2. the second's readings weigh the cells. Indoors a reading scatters around its mean power as
   Rayleigh fading does (exponentially in milliwatts), and the mean falls with distance to the
   power `PATH_LOSS_EXPONENT`. The sending power is unknown and cancels: its conjugate gamma
   belief is integrated out in closed form;
3. a zone has the probability of its cells; another zone is believed once it passes
   `SWITCH_PROBABILITY`.

Readings that no fading explains, stale or future ones are refused, one receiver cannot outvote
the others, and power means are formed here once: what a gateway already smoothed counts as one
mean. Leaves out who carries the beacon and what a zone change sets off (`visits`). Choice and
rivals: docs/adr on zones; figures: `python -m benchmarks.zones`.

Wiring: `ZoneModel.of_plan(plan)` once; a `ZoneTracker(model)` per present beacon; `update` on
every sighting, `tick` once a second; both return the new zone on a change, else None.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.floorplan import FloorPlan, Receiver
from edge.core.polygons import Polygon, edges
from edge.core.sightings import Sighting

Floats = NDArray[np.float32]

# Path loss exponent of a line of sight inside a building: 1.6 to 1.8 (T. S. Rappaport, Wireless
# Communications, 2nd ed., table 4.2). A sales floor is open above the shelves.
PATH_LOSS_EXPONENT = 1.7
# Power at 1 m that iBeacons are mostly set to; only where the belief about the power starts.
POWER_AT_1M_DBM = -59.0
# Start of that belief, in readings: one, so that the first seconds already outweigh it.
POWER_PRIOR_READINGS = 1.0
# Its memory, in readings, some 4 s of twelve receivers: turning round puts the body in between.
POWER_MEMORY_READINGS = 100.0
# Walking pace, mean of adults (U. Weidmann, Transporttechnik der Fussgaenger, 1993: 1.34 m/s).
WALKING_PACE_M_S = 1.34
STEP_S = 1.0
# Fading readings of one receiver are new ones only half a wavelength (6 cm) apart; who stands
# still sends the same one again. More than this many in a step count as this many.
READINGS_PER_STEP = 2.0
# A reading this strong is a fault of the receiver (0 and +20 dBm occur as error codes).
STRONGEST_DBM = -20.0
WEAKEST_DBM = -127.0
# Fading exceeds its mean 20 times with probability exp(-20): such a receiver is refused.
GATE_RATIO = 20.0
# A sighting whose own time is farther off than this is a replay or a wrong clock.
STALE_S = 10.0
# Mean of the logarithm of an exponential against the logarithm of its mean (Euler's constant, in
# dB): what a gateway averages in dBm lies this much below the mean power.
SMOOTHED_DB = 10 * 0.5772156649 / math.log(10)
# Heights are given for receivers; a phone or tag is carried at about this one.
CARRIED_AT_M = 1.2
NEAREST_M = 1.0
SWITCH_PROBABILITY = 0.5
# Silence after which everything about a place is forgotten.
FORGET_S = 64.0
CELL_M = 1.0
MAX_CELLS = 2_500
MARGIN_M = 1.5
# Share of doubt that is always left to every place, so that a filter led astray finds back.
DOUBT = 1e-4


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one receiver said in the last step.

    Attributes:
        gateway: The receiver.
        zone: The zone it hangs in.
        level_dbm: Mean power of its readings.
        readings: How many count.
        support: Log likelihood ratio of the zone believed against the best other one, in nats:
            positive where this receiver speaks for it.
        is_refused: True where the reading was too strong for any fading.
    """

    gateway: str
    zone: str
    level_dbm: float
    readings: float
    support: float
    is_refused: bool


@dataclass(frozen=True, slots=True)
class ZoneReason:
    """Why a beacon is believed to be in a zone, at the last step.

    `probabilities` by zone, the likeliest first; `before` the same ahead of the step's readings.
    """

    at_s: float
    zone: str | None
    probabilities: Mapping[str, float]
    before: Mapping[str, float]
    evidence: tuple[Evidence, ...]


class ZoneModel:
    """The geometry that all trackers of a store share; nothing in it changes.

    Args:
        receivers: At least one, at different places.
        left_m, top_m, right_m, bottom_m: The floor to cover; as far as the receivers by default.
        polygons: Floor of each zone; without them a place belongs to the zone the centroid of
            whose receivers is nearest.
    """

    def __init__(
        self,
        receivers: Sequence[Receiver],
        floor_m: tuple[float, float, float, float] | None = None,
        polygons: Mapping[str, Polygon] | None = None,
    ) -> None:
        self.receivers = tuple(receivers)
        self.index = {receiver.gateway: i for i, receiver in enumerate(self.receivers)}
        places = np.array([(one.x_m, one.y_m, one.z_m) for one in self.receivers])
        self.cell_m, xs, ys = _axes(floor_m or _hull(places))
        self.shape = (len(xs), len(ys))
        x, y = (axis.ravel() for axis in np.meshgrid(xs, ys, indexing="ij"))
        gain = _gain(places, x, y)
        self.gain: Floats = gain.astype(np.float32)  # (receivers, cells), 1 at 1 m
        self.inverse_gain: Floats = (1 / gain).astype(np.float32)
        self.log_gain: Floats = np.log(gain).astype(np.float32)
        self.zones, self.membership = _membership(
            self.receivers, places, polygons, x, y, self.cell_m
        )
        self._walks = [_walk(self.shape, self.cell_m, 2.0**k) for k in range(7)]

    @classmethod
    def of_plan(cls, plan: FloorPlan) -> "ZoneModel":
        """Build the model of a store from its floor plan."""
        polygons = {zone.id: zone.polygon for zone in plan.zones}
        return cls(plan.receivers, (0.0, 0.0, plan.width_m, plan.height_m), polygons)

    @property
    def cells(self) -> int:
        """The number of cells."""
        return self.shape[0] * self.shape[1]

    def walked(self, probability: Floats, steps: int) -> Floats:
        """Return where the carrier may be some steps later; (cells,) in and out, sums to 1."""
        if steps * STEP_S >= FORGET_S:
            return np.full(self.cells, 1 / self.cells, dtype=np.float32)
        grid = probability.reshape(self.shape)
        for k, (along_x, along_y) in enumerate(self._walks):
            if steps >> k & 1:
                grid = (along_x @ grid @ along_y).astype(np.float32, copy=False)
        spread: Floats = grid.ravel()
        spread *= (1 - DOUBT) / spread.sum()
        spread += DOUBT / self.cells
        return spread


class ZoneTracker:
    """The belief about one beacon: a probability per cell and its power; no history."""

    __slots__ = ("_before", "_heard", "_last", "_model", "_power", "_probability", "_step", "zone")

    def __init__(self, model: ZoneModel) -> None:
        self._model = model
        self._probability: Floats = np.full(model.cells, 1 / model.cells, dtype=np.float32)
        # Gamma belief about 1 / power, in readings and in power relative to POWER_AT_1M_DBM.
        self._power = (POWER_PRIOR_READINGS, POWER_PRIOR_READINGS)
        self._heard: dict[int, list[float]] = {}  # receiver -> [readings, summed power]
        self._step: int | None = None
        self._last: tuple[tuple[int, float, float, bool], ...] = ()
        self._before: Floats = self._probability
        self.zone: str | None = None

    def update(self, sighting: Sighting, now_s: float) -> str | None:
        """Take a sighting of this beacon; return the new zone if it changed, else None.

        Args:
            sighting: From any receiver of the plan; others are ignored.
            now_s: Time of the store's clock.
        """
        index = self._model.index.get(sighting.gateway)
        if index is None:
            return None
        if sighting.at_s is not None and abs(now_s - sighting.at_s) > STALE_S:
            return None
        level = _level_db(sighting)
        if level is None:
            return None
        changed = self.tick(now_s)
        power = 10.0 ** (level / 10.0)
        if sighting.is_filtered or sighting.rssi_dbm is None:
            self._heard[index] = [1.0, power]  # the newest mean replaces an older one
        elif (heard := self._heard.get(index)) is None:
            self._heard[index] = [1.0, power]
        else:
            heard[0] += 1.0
            heard[1] += power
        if self.zone is None:
            return self._weigh()
        return changed

    def tick(self, now_s: float) -> str | None:
        """Let time pass; return the new zone if the step that ended changed it, else None."""
        step = int(now_s // STEP_S)
        if self._step is None:
            self._step = step
        if step <= self._step:
            return None
        changed = self._weigh() if self._heard else None
        self._probability = self._model.walked(self._probability, step - self._step)
        self._step = step
        return changed

    @property
    def level_dbm(self) -> float:
        """Mean power at the receiver that heard the beacon best in the last step."""
        levels = [power / count for _, count, power, is_refused in self._last if not is_refused]
        return 10 * math.log10(max(levels)) + POWER_AT_1M_DBM if levels else WEAKEST_DBM

    def probabilities(self) -> dict[str, float]:
        """Return the probability of every zone, the likeliest first."""
        return self._by_zone(self._probability)

    def explain(self) -> ZoneReason:
        """Say why this zone: what was believed before the last step and what each receiver said."""
        model = self._model
        others = [zone for zone in self.probabilities() if zone != self.zone]
        evidence = tuple(
            Evidence(
                model.receivers[i].gateway,
                model.receivers[i].zone,
                10 * math.log10(power / count) + POWER_AT_1M_DBM,
                count,
                self._support(i, count, power, others[0]) if others and not is_refused else 0.0,
                is_refused,
            )
            for i, count, power, is_refused in self._last
        )
        at_s = (self._step or 0) * STEP_S
        probabilities = self.probabilities()
        return ZoneReason(at_s, self.zone, probabilities, self._by_zone(self._before), evidence)

    def _by_zone(self, probability: Floats) -> dict[str, float]:
        masses = (probability @ self._model.membership).tolist()
        pairs = zip(self._model.zones, masses, strict=True)
        return dict(sorted(pairs, key=lambda pair: -pair[1]))

    def _weigh(self) -> str | None:
        """Weigh every cell by the readings of the step, and decide about the zone."""
        model = self._model
        rows = np.fromiter(self._heard, dtype=np.intp, count=len(self._heard))
        heard = np.array(list(self._heard.values()), dtype=np.float32)
        self._heard = {}
        heard *= np.minimum(1, READINGS_PER_STEP / heard[:, :1])
        readings, powers = heard[:, 0], heard[:, 1]
        is_trusted = self._trusted(rows, readings, powers)
        self._last = tuple(
            zip(
                rows.tolist(),
                readings.tolist(),
                powers.tolist(),
                (~is_trusted).tolist(),
                strict=True,
            )
        )
        self._before = self._probability
        rows, readings, powers = rows[is_trusted], readings[is_trusted], powers[is_trusted]
        shape, rate = self._power
        count = shape + float(readings.sum())
        rates = powers @ model.inverse_gain[rows]
        rates += rate
        log_likelihood = -count * np.log(rates) - readings @ model.log_gain[rows]
        log_likelihood -= log_likelihood.max()
        belief = self._probability * np.exp(log_likelihood)
        belief /= belief.sum()
        self._probability = belief
        kept = min(count, POWER_MEMORY_READINGS)
        self._power = (kept, float(belief @ rates) * kept / count)
        return self._decide()

    def _trusted(
        self, rows: NDArray[np.intp], readings: Floats, powers: Floats
    ) -> NDArray[np.bool_]:
        """Refuse receivers far above what the belief so far can explain, while they are few."""
        shape, rate = self._power
        expected = (rate / shape) * (self._model.gain[rows] @ self._probability)
        is_trusted: NDArray[np.bool_] = powers <= GATE_RATIO * readings * expected
        if 2 * int((~is_trusted).sum()) >= len(rows):
            is_trusted[:] = True
        return is_trusted

    def _decide(self) -> str | None:
        masses = self._probability @ self._model.membership
        best = int(masses.argmax())
        zone = self._model.zones[best]
        if zone == self.zone or (self.zone is not None and masses[best] <= SWITCH_PROBABILITY):
            return None
        self.zone = zone
        return zone

    def _support(self, row: int, count: float, power: float, other: str) -> float:
        """Return the log likelihood ratio of the zone against another for one receiver alone."""
        model = self._model
        shape, rate = self._power
        # The mean power is taken as known here: what is asked is which way this receiver pulls.
        mean = (rate / shape) * model.gain[row]
        likelihood = np.exp(-power / mean) / mean**count
        weights = self._before[:, None] * model.membership
        by_zone = dict(
            zip(model.zones, (likelihood @ weights) / (weights.sum(0) + 1e-30), strict=True)
        )
        return float(np.log(by_zone[str(self.zone)] + 1e-30) - np.log(by_zone[other] + 1e-30))


def _level_db(sighting: Sighting) -> float | None:
    """Return the mean power of a reading above POWER_AT_1M_DBM, None for an impossible reading."""
    rssi_dbm = sighting.rssi_dbm
    if rssi_dbm is not None:
        if not WEAKEST_DBM <= rssi_dbm <= STRONGEST_DBM:
            return None
        return rssi_dbm - POWER_AT_1M_DBM + (SMOOTHED_DB if sighting.is_filtered else 0.0)
    distance_m = sighting.distance_m
    if distance_m is None or not 0.0 <= distance_m < math.inf:
        return None
    return -10.0 * PATH_LOSS_EXPONENT * math.log10(min(max(distance_m, NEAREST_M), 1e3))


def _hull(places: NDArray[np.float64]) -> tuple[float, float, float, float]:
    low, high = places.min(0) - MARGIN_M, places.max(0) + MARGIN_M
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _axes(
    floor_m: tuple[float, float, float, float],
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Return the cell size and the centres along x and y, so that the cells fill the floor."""
    left, top, right, bottom = floor_m
    cell_m = max(CELL_M, math.sqrt((right - left) * (bottom - top) / MAX_CELLS))
    columns = max(1, round((right - left) / cell_m))
    rows = max(1, round((bottom - top) / cell_m))
    xs = left + (np.arange(columns) + 0.5) * (right - left) / columns
    ys = top + (np.arange(rows) + 0.5) * (bottom - top) / rows
    return cell_m, xs, ys


def _gain(
    places: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mean power at each receiver from each cell, 1 at 1 m; (receivers, cells)."""
    squares = (x - places[:, :1]) ** 2 + (y - places[:, 1:2]) ** 2
    squares += (places[:, 2:3] - CARRIED_AT_M) ** 2
    gain: NDArray[np.float64] = np.maximum(squares, NEAREST_M**2) ** (-PATH_LOSS_EXPONENT / 2)
    return gain


def _walk(shape: tuple[int, int], cell_m: float, steps: float) -> tuple[Floats, Floats]:
    """Return the spread of a walk along x (from the left) and y (from the right).

    Over one step a walker keeps the direction, which is unknown: the variance along each axis is
    half the squared way. Over several the directions are independent and variances add.
    """
    spread_m = WALKING_PACE_M_S * STEP_S * math.sqrt(steps / 2)
    matrices = []
    for count in shape:
        offsets = np.subtract.outer(np.arange(count), np.arange(count)) * cell_m
        kernel = np.exp(-0.5 * (offsets / spread_m) ** 2)
        matrices.append((kernel / kernel.sum(0)).astype(np.float32))
    return matrices[0], np.ascontiguousarray(matrices[1].T)


def _membership(
    receivers: tuple[Receiver, ...],
    places: NDArray[np.float64],
    polygons: Mapping[str, Polygon] | None,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    cell_m: float,
) -> tuple[tuple[str, ...], Floats]:
    """Return the zones and the share of each cell in each; (cells, zones), rows sum to 1."""
    zones = tuple(polygons) if polygons else tuple(dict.fromkeys(one.zone for one in receivers))
    parts = (np.arange(4) + 0.5) / 4 - 0.5
    share = np.zeros((len(x), len(zones)), dtype=np.float32)
    for dx in parts * cell_m:
        for dy in parts * cell_m:
            if polygons:
                off_m = np.array([_off_m(polygons[zone], x + dx, y + dy) for zone in zones])
            else:
                members = [[one.zone == zone for one in receivers] for zone in zones]
                centres = np.array([places[rows, :2].mean(0) for rows in members])
                off_m = np.hypot(x + dx - centres[:, :1], y + dy - centres[:, 1:])
            share[np.arange(len(x)), off_m.argmin(0)] += 1 / len(parts) ** 2
    return zones, share


def _off_m(polygon: Polygon, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far points lie outside a polygon, negative inside."""
    is_inside = np.zeros(len(x), dtype=bool)
    off = np.full(len(x), np.inf)
    for (ax, ay), (bx, by) in edges(polygon):
        dx, dy = bx - ax, by - ay
        along = np.clip(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy), 0, 1)
        off = np.minimum(off, np.hypot(ax + along * dx - x, ay + along * dy - y))
        if ay != by:
            is_inside ^= ((ay > y) != (by > y)) & (x < ax + (y - ay) * dx / dy)
    return np.where(is_inside, -off, off)
