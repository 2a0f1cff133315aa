"""Where a shopper is at any moment: legs between places, at a walking pace, with small shifts."""

import math
import random
from dataclasses import dataclass, field

from simulator import floor
from simulator.beacons import Beacon
from simulator.radio import Air

# People in shops walk slower than in streets (1.3 m/s); our assumption.
WALK_M_S = (0.7, 1.15)
# Outside the entrance, south of it.
DOOR: floor.Point = (20.0, 27.8)


@dataclass(slots=True)
class Walker:
    """Somebody with a beacon on the floor.

    Attributes:
        beacons: What the person carries; empty for nobody we could hear.
        air: The radio channel, one for the body that carries them all.
    """

    beacons: list[Beacon]
    air: Air
    rng: random.Random
    is_inside: bool = True
    _from: floor.Point = DOOR
    _to: floor.Point = DOOR
    _left_s: float = 0.0
    _arrives_s: float = 0.0
    _heading_rad: float = -math.pi / 2
    speed_m_s: float = field(default=0.9)

    def appear(self, place: floor.Point, now_s: float) -> None:
        """Be at a place at once: where a play begins with people inside."""
        self._from = self._to = place
        self._left_s = self._arrives_s = now_s

    def set_out(self, place: floor.Point, now_s: float) -> float:
        """Begin to walk somewhere; returns how long it takes in seconds."""
        here = self.place(now_s)
        self._from, self._to = here, place
        self._heading_rad = math.atan2(place[1] - here[1], place[0] - here[0])
        self._left_s = now_s
        self._arrives_s = now_s + math.dist(here, place) / self.speed_m_s
        return self._arrives_s - now_s

    def place(self, now_s: float) -> floor.Point:
        """Return where the person is."""
        if now_s >= self._arrives_s:
            return self._to
        share = (now_s - self._left_s) / (self._arrives_s - self._left_s)
        return (
            self._from[0] + share * (self._to[0] - self._from[0]),
            self._from[1] + share * (self._to[1] - self._from[1]),
        )

    def heading_rad(self, now_s: float) -> float:
        """Return which way the person faces: ahead when walking, anywhere when standing."""
        if now_s >= self._arrives_s and self.rng.random() < 0.2:
            self._heading_rad = self.rng.uniform(-math.pi, math.pi)
        return self._heading_rad


def start(beacons: list[Beacon], rng: random.Random) -> Walker:
    """Return somebody at the door."""
    walker = Walker(beacons, Air(rng), rng)
    walker.speed_m_s = rng.uniform(*WALK_M_S)
    return walker
