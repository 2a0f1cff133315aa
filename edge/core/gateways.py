"""Gateways: which of them live, whose clock is right, and what of theirs is believed.

Decides per gateway: when it was last heard, how far its clock is off, whether it floods, repeats,
replays the past or claims more beacons than a receiver can hear. Leaves out formats (adapters),
who a beacon belongs to (`consent`) and places (`zones`). Nothing here is kept of an unknown
beacon: what needs the beacon's id runs after the consent gate.

Wiring, with `now_s` of the clock port (UTC seconds):

    for sighting, at_s in gateways.hear(sightings, now_s): ...  # before the gate, all of a message
    if gateways.repeats(sighting, at_s): ...    # after it, for known beacons only: drop
    sighting = sighting._replace(at_s=at_s)     # what zones and visits get to see
    gateways.report(report, now_s)              # GatewayReport
    gateways.refuse(gateway, reason)            # Refusal, or a MessageError of that gateway
    for health in gateways.health(now_s): ...   # /healthz, /metrics, discovery
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from edge.core.sightings import GatewayReport, Sighting

GatewayState = Literal["online", "silent", "offline", "never"]

# Why a sighting of a gateway was not used.
FLOOD = "flood"
STALE = "stale"
UNSETTLED_CLOCK = "unsettled_clock"
WRONG_CLOCK = "wrong_clock"  # used, at the time of receipt
TOO_MANY_GATEWAYS = "too_many_gateways"
DUPLICATE = "duplicate"
CLAIMS_TOO_MANY = "claims_too_many"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds per gateway; the defaults suit a department store.

    Attributes:
        gateways: Gateways held; a store of 10,000 m² has about 60.
        silent_after_s: ESPresense reports every 15 s, Minew every 1 to 10 s, a quiet beaconless
            night still brings strangers' phones; two minutes without a word is a fault.
        clock_bound_s: Farther off, a clock is wrong. Uploads are batched for up to 10 s, which
            looks like an error of that size.
        settle_s: An offset must hold this long before a wrong clock is believed to be just that;
            a replay's offset moves.
        rate_per_s: Sightings a second; the air carries about 1,000 advertisements a second on the
            three advertising channels before they collide.
        burst: Sightings at once, a batch of some seconds.
        duplicate_s: The same strength of the same beacon within this time is one advertisement:
            gateways publish on two topics within milliseconds, beacons send every 100 ms or more.
        beacons: Known beacons that one gateway can hear within `beacons_window_s`.
        beacons_window_s: See `beacons`.
        remembered: Last strengths held for finding duplicates, over all gateways.
        new_per_minute: Unlisted gateways taken in a minute.
    """

    gateways: int = 256
    silent_after_s: float = 120.0
    clock_bound_s: float = 15.0
    settle_s: float = 30.0
    rate_per_s: float = 1_000.0
    burst: float = 4_000.0
    duplicate_s: float = 0.3
    beacons: int = 200
    beacons_window_s: float = 10.0
    remembered: int = 8_192
    new_per_minute: int = 30


@dataclass(frozen=True, slots=True)
class GatewayHealth:
    """What is known of one gateway.

    Attributes:
        gateway: As it names itself.
        is_listed: True where the floor plan has a place for it.
        state: `never`: listed and not heard yet; `silent`: nothing for `silent_after_s`;
            `offline`: its last will said so.
        first_heard_s: UTC seconds, or None.
        last_heard_s: UTC seconds, or None.
        battery_percent: 0..100, or None.
        clock_offset_s: Its clock minus ours; None where it sends no time.
        is_clock_wrong: True where the time of receipt is used instead.
        sightings: Used so far.
        refused: Reason → count.
    """

    gateway: str
    is_listed: bool
    state: GatewayState
    first_heard_s: float | None
    last_heard_s: float | None
    battery_percent: float | None
    clock_offset_s: float | None
    is_clock_wrong: bool
    sightings: int
    refused: Mapping[str, int]


@dataclass(slots=True)
class _Clock:
    """A gateway's clock: the freshest offset seen, since when it holds, and a rival to it.

    Delays only ever make a time older, so the freshest offset is the clock's own; a time far
    older than that is a replay, unless older times go on to agree with each other. A clock that
    was right is not given up for one odd time either.
    """

    offset_s: float | None = None
    anchor_s: float = 0.0
    since_s: float = 0.0
    rival_s: float | None = None
    rival_since_s: float = 0.0

    def accept(self, offset_s: float, now_s: float, limits: Limits) -> bool:
        """Take one reading in; False where it is older than the clock explains."""
        held = self.offset_s
        if held is None:
            self._adopt(offset_s, now_s)
            return True
        if abs(offset_s - held) <= limits.clock_bound_s:
            self._follow(offset_s, held, now_s, limits)
            return True
        if offset_s > held and not self.is_right(limits):
            self._adopt(offset_s, now_s)  # a replay that catches up, or a clock that was set
            return True
        return self._consider_rival(offset_s, now_s, limits)

    def _follow(self, offset_s: float, held: float, now_s: float, limits: Limits) -> None:
        # Up at once, down slowly: quartz drifts by microseconds, batches lag by seconds.
        self.offset_s = offset_s if offset_s > held else held + 0.001 * (offset_s - held)
        self.rival_s = None
        if abs(self.offset_s - self.anchor_s) > limits.clock_bound_s:
            self.anchor_s, self.since_s = self.offset_s, now_s

    def _consider_rival(self, offset_s: float, now_s: float, limits: Limits) -> bool:
        if self.rival_s is None or abs(offset_s - self.rival_s) > limits.clock_bound_s:
            self.rival_s, self.rival_since_s = offset_s, now_s
        if now_s - self.rival_since_s < limits.settle_s:
            return False
        self._adopt(self.rival_s, self.rival_since_s)
        return True

    def _adopt(self, offset_s: float, since_s: float) -> None:
        self.offset_s = self.anchor_s = offset_s
        self.since_s, self.rival_s = since_s, None

    def is_right(self, limits: Limits) -> bool:
        return self.offset_s is None or abs(self.offset_s) <= limits.clock_bound_s

    def is_settled(self, now_s: float, limits: Limits) -> bool:
        return now_s - self.since_s >= limits.settle_s


@dataclass(slots=True)
class _Gateway:
    is_listed: bool
    tokens: float
    filled_s: float
    first_heard_s: float | None = None
    last_heard_s: float | None = None
    is_offline: bool = False
    battery_percent: float | None = None
    clock: _Clock = field(default_factory=_Clock)
    sightings: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    claimed: set[str] = field(default_factory=set)
    claimed_since_s: float = 0.0

    def count(self, reason: str) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + 1

    def hear(self, now_s: float, limits: Limits) -> None:
        """Note that it lives, and give it what it earned since it was heard last."""
        if now_s > self.filled_s:
            earned = (now_s - self.filled_s) * limits.rate_per_s
            self.tokens = min(limits.burst, self.tokens + earned)
        self.filled_s = self.last_heard_s = now_s
        self.is_offline = False
        if self.first_heard_s is None:
            self.first_heard_s = now_s


class Gateways:
    """Every gateway heard, within bounds.

    Args:
        listed: Gateways that the floor plan has a place for; they are never put out.
        limits: See `Limits`.
    """

    def __init__(self, listed: Iterable[str] = (), limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._gateways: dict[str, _Gateway] = {
            name: _Gateway(True, self.limits.burst, 0.0) for name in listed
        }
        self._unlisted = 0
        self._arrivals_left = float(self.limits.new_per_minute)
        self._arrivals_s = 0.0
        self._last: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()
        self.refused_strangers = 0

    def hear(self, sightings: Sequence[Sighting], now_s: float) -> list[tuple[Sighting, float]]:
        """Take in what a message tells, before anything looks at its beacons.

        Returns:
            The sightings that count, each with its UTC second, never after `now_s`. The others are
            refused and counted (`flood`, `stale`, `unsettled_clock`, `too_many_gateways`).
        """
        if self._takes_all(sightings, now_s):  # the usual case, without a look at each
            return [(sighting, now_s) for sighting in sightings]
        judged = ((sighting, self._hear(sighting, now_s)) for sighting in sightings)
        return [(sighting, at_s) for sighting, at_s in judged if at_s is not None]

    def _takes_all(self, sightings: Sequence[Sighting], now_s: float) -> bool:
        """Take sightings of one known gateway that sends no time and does not flood, or none."""
        name = sightings[0].gateway if sightings else ""
        gateway = self._gateways.get(name)
        if gateway is None:
            return False
        if now_s != gateway.last_heard_s or gateway.is_offline:
            gateway.hear(now_s, self.limits)
        if gateway.tokens < len(sightings):
            return False
        for sighting in sightings:
            if sighting.at_s is not None or sighting.gateway != name:
                return False
        gateway.tokens -= len(sightings)
        gateway.sightings += len(sightings)
        return True

    def _hear(self, sighting: Sighting, now_s: float) -> float | None:
        gateway = self._gateways.get(sighting.gateway) or self._arrive(sighting.gateway, now_s)
        if gateway is None:
            return None
        if now_s != gateway.last_heard_s or gateway.is_offline:
            gateway.hear(now_s, self.limits)
        if gateway.tokens < 1.0:
            gateway.count(FLOOD)
            return None
        gateway.tokens -= 1.0
        at_s = now_s if sighting.at_s is None else self._time_of(gateway, sighting.at_s, now_s)
        if at_s is not None:
            gateway.sightings += 1
        return at_s

    def _time_of(self, gateway: _Gateway, at_s: float, now_s: float) -> float | None:
        clock = gateway.clock
        if not clock.accept(at_s - now_s, now_s, self.limits):
            gateway.count(STALE)
            return None
        if clock.is_right(self.limits):
            return min(now_s, at_s - (clock.offset_s or 0.0))
        if not clock.is_settled(now_s, self.limits):
            gateway.count(UNSETTLED_CLOCK)
            return None
        gateway.count(WRONG_CLOCK)
        return now_s

    def repeats(self, sighting: Sighting, at_s: float) -> bool:
        """Tell whether a known beacon's sighting says nothing new, or cannot be true.

        Call after the consent gate only: beacon ids are remembered here.

        Args:
            sighting: Of an enrolled beacon.
            at_s: What `hear` returned.
        """
        gateway = self._gateways.get(sighting.gateway)
        if gateway is None:
            return False
        if self._claims_too_many(gateway, sighting.beacon, at_s):
            gateway.count(CLAIMS_TOO_MANY)
            return True
        if self._is_duplicate(sighting, at_s):
            gateway.count(DUPLICATE)
            return True
        return False

    def _claims_too_many(self, gateway: _Gateway, beacon: str, at_s: float) -> bool:
        if abs(at_s - gateway.claimed_since_s) > self.limits.beacons_window_s:
            gateway.claimed.clear()
            gateway.claimed_since_s = at_s
        if beacon in gateway.claimed:
            return len(gateway.claimed) > self.limits.beacons
        if len(gateway.claimed) <= self.limits.beacons:
            gateway.claimed.add(beacon)
        return len(gateway.claimed) > self.limits.beacons

    def _is_duplicate(self, sighting: Sighting, at_s: float) -> bool:
        key = (sighting.gateway, sighting.beacon)
        # Presence messages add a distance to the same rssi, so distance counts only without one.
        strength = sighting.rssi_dbm
        if strength is None:
            strength = -1_000.0 - (sighting.distance_m or 0.0)
        last = self._last.get(key)
        self._last[key] = (strength, at_s)
        self._last.move_to_end(key)
        if len(self._last) > self.limits.remembered:
            self._last.popitem(last=False)
        if last is None:
            return False
        # A gateway's own time that did not move on is the same reading told again.
        window_s = self.limits.duplicate_s
        return strength == last[0] and abs(at_s - last[1]) < window_s

    def report(self, report: GatewayReport, now_s: float) -> None:
        """Take a gateway's word about itself."""
        gateway = self._gateways.get(report.gateway) or self._arrive(report.gateway, now_s)
        if gateway is None:
            return
        if report.battery_percent is not None:
            gateway.battery_percent = report.battery_percent
        if not report.is_online:
            gateway.is_offline = True
            return
        gateway.hear(now_s, self.limits)
        if report.at_s is not None:
            gateway.clock.accept(report.at_s - now_s, now_s, self.limits)

    def refuse(self, gateway: str, reason: str) -> None:
        """Count what a known gateway sent and nobody could use."""
        held = self._gateways.get(gateway)
        if held is not None:
            held.count(reason)

    def _arrive(self, name: str, now_s: float) -> _Gateway | None:
        """Take an unlisted gateway in, at a bounded pace, in place of the longest unheard one."""
        per_s = self.limits.new_per_minute / 60.0
        earned = max(0.0, now_s - self._arrivals_s) * per_s
        self._arrivals_left = min(self.limits.new_per_minute, self._arrivals_left + earned)
        self._arrivals_s = now_s
        if self._arrivals_left < 1.0 or not self._has_room():
            self.refused_strangers += 1
            return None
        self._arrivals_left -= 1.0
        self._unlisted += 1
        gateway = _Gateway(False, self.limits.burst, now_s)
        self._gateways[name] = gateway
        return gateway

    def _has_room(self) -> bool:
        if len(self._gateways) < self.limits.gateways:
            return True
        if not self._unlisted:
            return False
        unlisted = (item for item in self._gateways.items() if not item[1].is_listed)
        del self._gateways[min(unlisted, key=lambda item: item[1].last_heard_s or 0.0)[0]]
        self._unlisted -= 1
        return True

    def health(self, now_s: float) -> list[GatewayHealth]:
        """Return what is known of every gateway, by name."""
        return [
            self._health_of(name, self._gateways[name], now_s) for name in sorted(self._gateways)
        ]

    def overview(self, now_s: float) -> dict[str, object]:
        """Return how the gateways are as plain values, for `/healthz`.

        Counts by state, every gateway with its figures, and names that one gateway may have
        changed. It holds nothing of a beacon.
        """
        views = self.health(now_s)
        renames = self.suspected_renames(now_s)
        return {
            "states": dict(Counter(view.state for view in views)),
            "each": {view.gateway: _figures(view, now_s) for view in views},
            "renamed": [{"from": before, "to": after} for before, after in renames],
        }

    def _health_of(self, name: str, gateway: _Gateway, now_s: float) -> GatewayHealth:
        return GatewayHealth(
            name,
            gateway.is_listed,
            self._state_of(gateway, now_s),
            gateway.first_heard_s,
            gateway.last_heard_s,
            gateway.battery_percent,
            gateway.clock.offset_s,
            not gateway.clock.is_right(self.limits),
            gateway.sightings,
            dict(gateway.refused),
        )

    def _state_of(self, gateway: _Gateway, now_s: float) -> GatewayState:
        if gateway.is_offline:
            return "offline"
        if gateway.last_heard_s is None:
            return "never"
        is_silent = now_s - gateway.last_heard_s > self.limits.silent_after_s
        return "silent" if is_silent else "online"

    def suspected_renames(self, now_s: float) -> list[tuple[str, str]]:
        """Return (listed, unlisted) names that are probably one gateway under a new name.

        Suspected only where it cannot be mistaken: exactly one listed gateway fell silent, and
        exactly one unlisted one lives that was not heard before that.
        """
        views = self.health(now_s)
        gone = [
            view
            for view in views
            if view.is_listed and view.state != "online" and view.last_heard_s is not None
        ]
        come = [view for view in views if not view.is_listed and view.state == "online"]
        if len(gone) != 1 or len(come) != 1:
            return []
        came_s, left_s = come[0].first_heard_s, gone[0].last_heard_s
        is_after = came_s is not None and left_s is not None and came_s >= left_s
        return [(gone[0].gateway, come[0].gateway)] if is_after else []


def _figures(view: GatewayHealth, now_s: float) -> dict[str, object]:
    heard_s, offset_s = view.last_heard_s, view.clock_offset_s
    return {
        "state": view.state,
        "is_listed": view.is_listed,
        "last_heard_age_s": None if heard_s is None else round(now_s - heard_s, 1),
        "battery_percent": view.battery_percent,
        "clock_offset_s": None if offset_s is None else round(offset_s, 1),
        "is_clock_wrong": view.is_clock_wrong,
        "sightings": view.sightings,
        "refused": dict(view.refused),
    }
