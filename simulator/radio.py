"""The air between a beacon and a receiver: what RSSI arrives, and whether anything does.

Log-distance path loss, slow shadowing that moves with the person, the body in between, fast
fading and lost packets. Whole-number RSSI, as receivers report it.
"""

import math
import random
from dataclasses import dataclass, field

from simulator.floor import RECEIVER_HEIGHT_M, Receiver

# Power loss coefficient 22 dB per decade: ITU-R P.1238, commercial premises, 1.8–2 GHz.
PATH_LOSS_EXPONENT = 2.2
# A phone in a pocket or bag, or a fob on keys.
BEACON_HEIGHT_M = 1.0
# Shelves and people: standard deviation and distance of decorrelation, within the 3–6 dB and few
# metres that indoor measurements give; our choice.
SHADOW_SD_DB = 3.5
SHADOW_DISTANCE_M = 4.0
# The wearer's own body, when the receiver is behind; measurements at 2.4 GHz give 5–15 dB.
BODY_LOSS_DB = 9.0
FADING_SD_DB = 2.5
# Half of the packets at this level are lost; 6 dB above nearly none are.
SENSITIVITY_DBM = -93.0
SENSITIVITY_WIDTH_DB = 2.0
# Collisions and scanning on another channel: a third of what is audible is missed.
MISS_RATE = 0.34
RANGE_M = 22.0

Place = tuple[float, float]


@dataclass(slots=True)
class _Shadow:
    at: Place
    loss_db: float


@dataclass(slots=True)
class Air:
    """The radio channel of one beacon; keeps the shadowing towards each receiver."""

    rng: random.Random
    _shadows: dict[str, _Shadow] = field(default_factory=dict)

    def hear(
        self, receiver: Receiver, place: Place, heading_rad: float, power_dbm: float
    ) -> int | None:
        """Return the RSSI of one advertisement at a receiver, or None where it was not heard.

        Args:
            receiver: Who listens.
            place: Where the beacon is, metres.
            heading_rad: Which way its wearer faces.
            power_dbm: Measured power at 1 m.
        """
        dx, dy = receiver.x_m - place[0], receiver.y_m - place[1]
        flat_m = math.hypot(dx, dy)
        if flat_m > RANGE_M or self.rng.random() < MISS_RATE:
            return None
        distance_m = max(0.5, math.hypot(flat_m, RECEIVER_HEIGHT_M - BEACON_HEIGHT_M))
        behind = 0.5 - 0.5 * math.cos(math.atan2(dy, dx) - heading_rad)
        rssi = (
            power_dbm
            - 10 * PATH_LOSS_EXPONENT * math.log10(distance_m)
            - BODY_LOSS_DB * behind
            - self._shadow_db(receiver.gateway, place)
            + self.rng.gauss(0, FADING_SD_DB)
        )
        arrives = 1 / (1 + math.exp(-(rssi - SENSITIVITY_DBM) / SENSITIVITY_WIDTH_DB))
        return round(rssi) if self.rng.random() < arrives else None

    def _shadow_db(self, gateway: str, place: Place) -> float:
        """Return the shadowing, which changes with the way walked (Gudmundson's model)."""
        shadow = self._shadows.get(gateway)
        if shadow is None:
            shadow = _Shadow(place, self.rng.gauss(0, SHADOW_SD_DB))
            self._shadows[gateway] = shadow
            return shadow.loss_db
        walked_m = math.dist(place, shadow.at)
        if walked_m > 0.2:
            kept = math.exp(-walked_m / SHADOW_DISTANCE_M)
            fresh = math.sqrt(1 - kept * kept) * self.rng.gauss(0, SHADOW_SD_DB)
            shadow.loss_db = kept * shadow.loss_db + fresh
            shadow.at = place
        return shadow.loss_db
