"""Zones: from the strengths at which receivers hear a beacon to the zone its carrier is in.

One Bayes filter per beacon over the cells of a grid and the headings of a walker, calibrated by
nothing but the places of the receivers. Once a second:

1. the second's readings weigh the cells. Indoors a reading scatters around its mean power as
   Rayleigh fading does (exponentially in milliwatts), and the mean falls with the distance to the
   power `PATH_LOSS_EXPONENT`. The sending power is unknown: every cell holds a conjugate gamma
   belief about it, integrated out in closed form, so that differences between receivers count.
   Receivers that stay silent while others hear tell that the carrier is not near them;
2. the carrier walks on: a walker keeps the heading for a while, others stand;
3. a zone has the probability of its cells. Another zone is believed once it is `SWITCH_ODDS`
   times as likely as the present one.

A receiver counts once a second, by the mean power of its readings: what it smoothed itself is not
smoothed again, and a flood from one receiver weighs no more than a reading. Readings that no
fading explains, stale ones and those from the future are refused. Leaves out who carries the
beacon and what a change sets off (`visits`). Choice and rivals: docs/adr/0005; figures:
`python -m benchmarks.zones`.

Wiring: `ZoneModel.of_plan(plan)` once; a `ZoneTracker(model)` per present beacon; `update` on
every sighting, `tick` once a second; both return the new zone on a change, else None.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.sightings import Sighting
from edge.core.zone_grid import STEP_S, Floats, ZoneModel

__all__ = ["Evidence", "ZoneModel", "ZoneReason", "ZoneTracker"]

# Unit of power: what iBeacons are mostly set to give at 1 m.
POWER_AT_1M_DBM = -59.0
# Where the belief about the power starts, as one reading: a radio at -20 dBm instead of 0, the
# lowest usual step (Nordic nRF52, register TXPOWER). The first second outweighs it for all others.
POWER_START_DBM = -80.0
POWER_START_READINGS = 1.0
# Memory of the belief, in readings: some 17 s of twelve receivers; a pocket changes the power.
POWER_MEMORY_READINGS = 200.0
# A reading this strong is a fault of the receiver (0 and +20 dBm occur as error codes).
STRONGEST_DBM = -20.0
WEAKEST_DBM = -127.0
# Fading exceeds its mean 20 times with probability exp(-20): such a receiver is refused.
GATE_RATIO = 20.0
# Exponent by which gateways turn strength into distance: ESPresense 2.7 (its `absorption`), the
# AltBeacon curve of room-assistant, Theengs and OpenMQTTGateway 2.4 between 4 and 20 m.
DISTANCE_EXPONENT = 2.5
NEAREST_DISTANCE_M = 0.3
# Only a reading this far above its mean (probability exp(-4)) is worth the check.
SUSPICIOUS_RATIO = 4.0
# A receiver that did not hear what others heard tells something too, once it was silent for
# longer than gateways collect before they publish (Minew and ESPresense: up to 10 s).
MISSED_AFTER_S = 10.0
# Packets below this are lost: 3 dB above the -96 dBm of usual radios (Nordic nRF52832 product
# specification, sensitivity at 1 Mbit/s).
SENSITIVITY_DBM = -93.0
# Chance that a receiver hears a second's strong packets at all; low, so that a dead receiver,
# which misses everything, pushes nobody far.
HEARING_PROBABILITY = 0.5
# Only the silent receivers that should have heard most are asked.
MISSES_ASKED = 8
# Readings for which a mean counts that the gateway formed itself, over seconds.
SMOOTHED_READINGS = 4.0
# A sighting whose own time is farther off than this is a replay or comes by a wrong clock.
STALE_S = 10.0
# Mean of the logarithm of an exponential below the logarithm of its mean (Euler's constant, in
# dB): what a gateway averages in dBm lies this much below the mean power.
SMOOTHED_DB = 10 * 0.5772156649 / math.log(10)
# Another zone must be this much likelier than the present one.
SWITCH_ODDS = 1.5
# After this long unheard, a shopper may be anywhere.
FORGET_S = 30.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one receiver said in the last step.

    Attributes:
        gateway: The receiver.
        zone: The zone it hangs in.
        level_dbm: Mean power of its readings.
        support: Log likelihood ratio of the zone believed against the best other one, in nats:
            positive where this receiver speaks for it.
        is_refused: True where the reading was too strong for any fading.
    """

    gateway: str
    zone: str
    level_dbm: float
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


class ZoneTracker:
    """The belief about one beacon: a probability per heading and cell, and its power; no track."""

    __slots__ = (
        "_before",
        "_belief",
        "_heard",
        "_heard_at",
        "_last",
        "_model",
        "_place",
        "_powers",
        "_readings",
        "_step",
        "level_dbm",
        "zone",
    )

    def __init__(self, model: ZoneModel) -> None:
        self._model = model
        self._belief = model.anywhere()
        self._place: Floats = self._belief.sum(0)  # of the belief, by cell
        # Gamma belief about 1 / sending power: how many readings, and their sum for each cell, as
        # a beacon heard here must send more strongly the farther away it is.
        self._readings = POWER_START_READINGS
        start = POWER_START_READINGS * 10 ** ((POWER_START_DBM - POWER_AT_1M_DBM) / 10)
        self._powers: Floats = np.full(model.cells, start, dtype=np.float32)
        # Receiver -> readings, their summed power, how many of them count.
        self._heard: dict[int, tuple[int, float, float]] = {}
        self._heard_at: NDArray[np.int64] = np.zeros(len(model.receivers), dtype=np.int64)
        self._step: int | None = None
        self._last: tuple[tuple[int, float, bool], ...] = ()  # receiver, mean power, is refused
        self._before = self._place
        self.zone: str | None = None
        # Mean power at the receiver that heard the beacon best in the last step.
        self.level_dbm = WEAKEST_DBM

    def update(self, sighting: Sighting, now_s: float) -> str | None:
        """Take a sighting of this beacon; return the new zone if it changed, else None.

        The first sighting is judged at once, later ones when their second is over.

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
        changed = self._reach(int(now_s // STEP_S))
        power = 10.0 ** (level / 10.0)
        if sighting.is_filtered or sighting.rssi_dbm is None:
            self._heard[index] = 1, power, SMOOTHED_READINGS  # the newest mean replaces an older
        else:
            readings, total, _ = self._heard.get(index, (0, 0.0, 1.0))
            self._heard[index] = readings + 1, total + power, 1.0
        if self.zone is None:
            # A guess for the first second; the belief waits for the other receivers.
            self.zone = self._model.zone_of_receiver[index]
            return self.zone
        return changed

    def tick(self, now_s: float) -> str | None:
        """Judge the second that is over; return the new zone if it changed, else None."""
        return self._reach(int(now_s // STEP_S)) if self._heard else None

    def _reach(self, step: int) -> str | None:
        """Judge what was heard before this step and let the carrier walk up to it."""
        if self._step is None:
            self._step = step
            self._heard_at += step
        if step <= self._step:
            return None
        changed, first = None, self._step
        self._step = step
        if self._heard:
            self._weigh()
            self._heard = {}
            self._walk()
            changed = self._decide()
            first += 1
        if (step - first) * STEP_S >= FORGET_S:
            self._powers[:] = self._place @ self._powers
            self._belief = self._model.anywhere()
            self._place = self._belief.sum(0)
            return changed
        for _ in range(first, step):
            self._walk()
        return changed

    def _walk(self) -> None:
        self._powers = np.exp(self._model.mixed(np.log(self._powers), self._place))
        self._belief = self._model.walked(self._belief)
        self._place = self._belief.sum(0)

    def probabilities(self) -> dict[str, float]:
        """Return the probability of every zone, the likeliest first."""
        return self._by_zone(self._place)

    def explain(self) -> ZoneReason:
        """Say why this zone: what was believed before the last step and what each receiver said."""
        receivers = self._model.receivers
        other = next((zone for zone in self.probabilities() if zone != self.zone), None)
        evidence = tuple(
            Evidence(
                receivers[i].gateway,
                receivers[i].zone,
                _dbm(power),
                0.0 if other is None or is_refused else self._support(i, power, other),
                is_refused,
            )
            for i, power, is_refused in self._last
        )
        at_s = (self._step or 0) * STEP_S
        before = self._by_zone(self._before)
        return ZoneReason(at_s, self.zone, self.probabilities(), before, evidence)

    def _by_zone(self, place: Floats) -> dict[str, float]:
        pairs = zip(self._model.zones, (place @ self._model.membership).tolist(), strict=True)
        return dict(sorted(pairs, key=lambda pair: -pair[1]))

    def _weigh(self) -> None:
        """Weigh belief, powers and readings by what was heard in this step."""
        rows = np.fromiter(self._heard, dtype=np.intp, count=len(self._heard))
        means = [total / readings for readings, total, _ in self._heard.values()]
        powers = np.array(means, dtype=np.float32)
        weights = np.array([weight for _, _, weight in self._heard.values()], dtype=np.float32)
        self._before = self._place
        self._heard_at[rows] = self._step or 0
        prior: Floats = np.log(self._powers)
        prior *= self._readings
        is_trusted = self._trusted(rows, powers, weights, prior)
        self._last = tuple(zip(rows.tolist(), means, (~is_trusted).tolist(), strict=True))
        rows, powers, weights = rows[is_trusted], powers[is_trusted], weights[is_trusted]
        self.level_dbm = _dbm(float(powers.max())) if powers.size else WEAKEST_DBM
        readings = self._readings + float(weights.sum())
        sums = self._powers.copy()
        sums += (weights * powers) @ self._model.inverse_gain[rows]
        logs: Floats = np.log(sums)
        logs *= -readings
        logs += prior
        logs -= weights @ self._model.log_gain[rows]
        silent = self._silent()
        if len(silent):
            logs += self._misses(silent, sums / np.float32(readings))
        weighed = np.exp(logs - logs.max())
        weighed /= self._place @ weighed
        kept = min(readings, POWER_MEMORY_READINGS)
        self._belief = self._belief * weighed
        self._place = self._place * weighed
        self._powers = sums * np.float32(kept / readings)
        self._readings = kept

    def _silent(self) -> NDArray[np.intp]:
        """Return the receivers that hear nothing and, of all that do, should have heard most."""
        silent = np.flatnonzero((self._step or 0) - self._heard_at >= MISSED_AFTER_S / STEP_S)
        if len(silent) > MISSES_ASKED:
            expected = (self._model.gain @ self._before)[silent]
            silent = silent[np.argpartition(expected, -MISSES_ASKED)[-MISSES_ASKED:]]
        return silent

    def _misses(self, silent: NDArray[np.intp], powers: Floats) -> Floats:
        """Return the log likelihood of silence, given the sending power that each cell implies."""
        faintest = np.float32(10 ** ((SENSITIVITY_DBM - POWER_AT_1M_DBM) / 10))
        is_loud = np.exp(-faintest / powers * self._model.inverse_gain[silent])
        # The few factors lie between 1 - HEARING_PROBABILITY and 1: one logarithm serves them all.
        misses: Floats = np.log((1 - np.float32(HEARING_PROBABILITY) * is_loud).prod(0))
        return misses

    def _trusted(
        self, rows: NDArray[np.intp], powers: Floats, weights: Floats, prior: Floats
    ) -> NDArray[np.bool_]:
        """Refuse, one after the other, receivers that contradict all others, while few do."""
        is_trusted = np.ones(len(rows), dtype=bool)
        expected = self._model.gain[rows] @ (self._before * self._powers) / self._readings
        is_asked = powers > SUSPICIOUS_RATIO * expected
        while is_asked.any() and 2 * (int(is_trusted.sum()) - 1) > len(rows):
            asked = np.flatnonzero(is_asked)
            excess = self._excess(asked, rows, powers, weights * is_trusted, prior)
            worst = int(excess.argmax())
            if excess[worst] <= GATE_RATIO:
                break
            is_trusted[asked[worst]] = is_asked[asked[worst]] = False
        return is_trusted

    def _excess(
        self,
        asked: NDArray[np.intp],
        rows: NDArray[np.intp],
        powers: Floats,
        weights: Floats,
        prior: Floats,
    ) -> Floats:
        """Return the power at each asked receiver as a multiple of what all others let expect.

        Args:
            asked: int[k], which of the rows.
            rows: int[n], the receivers heard.
            powers: float32[n], the mean power of their readings.
            weights: float32[n], how many readings each counts for; 0 where it is refused.
            prior: float32[cells], readings so far times the logarithm of the powers.
        """
        model, weight = self._model, weights[asked]
        sums = (weights * powers) @ model.inverse_gain[rows] + self._powers
        sums = sums - (weight * powers[asked])[:, None] * model.inverse_gain[rows[asked]]
        readings = self._readings + weights.sum() - weight
        logs = weight[:, None] * model.log_gain[rows[asked]]
        logs += prior - weights @ model.log_gain[rows]
        logs -= readings[:, None] * np.log(sums)
        beliefs = self._before * np.exp(logs - logs.max(1, keepdims=True))
        sums *= beliefs
        expected = (sums * model.gain[rows[asked]]).sum(1) / (beliefs.sum(1) * readings)
        excess: Floats = powers[asked] / expected
        return excess

    def _decide(self) -> str | None:
        masses = (self._place @ self._model.membership).tolist()
        best = max(range(len(masses)), key=masses.__getitem__)
        zone = self._model.zones[best]
        if zone == self.zone:
            return None
        if self.zone is not None:
            present = masses[self._model.zones.index(self.zone)]
            if masses[best] <= SWITCH_ODDS * present:
                return None
        self.zone = zone
        return zone

    def _support(self, row: int, power: float, other: str) -> float:
        """Return the log likelihood ratio of the zone against another for one receiver alone."""
        model = self._model
        # The sending power is taken as known here: asked is only which way this receiver pulls.
        mean = (self._powers / self._readings * model.gain[row]).astype(np.float64)
        likelihood = np.exp(-power / mean) / mean
        weights = self._before[:, None] * model.membership
        means = (likelihood @ weights + 1e-300) / (weights.sum(0) + 1e-300)
        by_zone = dict(zip(model.zones, means.tolist(), strict=True))
        return math.log(by_zone[str(self.zone)] / by_zone[other])


def _dbm(power: float) -> float:
    return 10 * math.log10(power) + POWER_AT_1M_DBM


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
    return -10.0 * DISTANCE_EXPONENT * math.log10(min(max(distance_m, NEAREST_DISTANCE_M), 1e3))
