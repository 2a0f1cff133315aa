"""What a receiver tells: a beacon was heard, or the receiver itself is well.

Beacon ids have one canonical form, whatever a gateway family writes; `beacon_id_of_*` makes it.
Frames of raw advertisements are decoded in `advertisements`, gateway formats in the adapters.
"""

from dataclasses import dataclass

# Eddystone states its power at 0 m; iBeacon at 1 m. The specification puts 41 dB between them
# (google/eddystone, protocol-specification.md, "Tx Power").
EDDYSTONE_0M_TO_1M_DB = -41.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """One beacon heard by one receiver.

    Attributes:
        gateway: The receiver, as it names itself in topic or payload.
        beacon: Canonical id: `ibeacon:<32 hex>-<major>-<minor>`, the same with `altbeacon:`,
            `eddystone:<20 hex>-<12 hex>`, `eid:<16 hex>`, `irk:<32 hex>`, `mac:<12 hex>`, or
            `name:<text>` where a gateway passes only a name of its own. Hex is lower case.
        rssi_dbm: Received signal strength; None where the gateway gives only a distance.
        measured_power_dbm: Expected RSSI at 1 m; None where unknown.
        distance_m: The gateway's own estimate; None where it gives none.
        at_s: The gateway's own time (UTC, seconds since 1970); None: the time of receipt counts.
        is_filtered: True where the gateway smoothed the RSSI already.
    """

    gateway: str
    beacon: str
    rssi_dbm: float | None = None
    measured_power_dbm: float | None = None
    distance_m: float | None = None
    at_s: float | None = None
    is_filtered: bool = False


@dataclass(frozen=True, slots=True)
class GatewayReport:
    """A receiver's word about itself.

    Attributes:
        gateway: The receiver, as it names itself.
        is_online: False for a last will or an `offline` message.
        battery_percent: 0..100, or None.
        at_s: The gateway's own time, or None.
    """

    gateway: str
    is_online: bool
    battery_percent: float | None = None
    at_s: float | None = None


@dataclass(frozen=True, slots=True)
class BeaconReport:
    """A beacon's word about itself (Eddystone-TLM, a battery in a decoded payload).

    Attributes:
        gateway: The receiver that passed it on.
        beacon: Canonical id.
        battery_mv: Millivolt, or None.
        battery_percent: 0..100, or None.
    """

    gateway: str
    beacon: str
    battery_mv: float | None = None
    battery_percent: float | None = None


Report = Sighting | GatewayReport | BeaconReport


def ibeacon_id(uuid: str, major: int, minor: int) -> str:
    """Return the canonical id of an iBeacon; `uuid` with or without hyphens, any case."""
    return f"ibeacon:{uuid.replace('-', '').lower()}-{major}-{minor}"


def altbeacon_id(uuid: str, major: int, minor: int) -> str:
    """Return the canonical id of an AltBeacon; `uuid` with or without hyphens, any case."""
    return f"altbeacon:{uuid.replace('-', '').lower()}-{major}-{minor}"


def eddystone_id(namespace: str, instance: str) -> str:
    """Return the canonical id of an Eddystone-UID: 20 and 12 hex digits, any case."""
    return f"eddystone:{namespace.lower()}-{instance.lower()}"


def mac_id(mac: str) -> str:
    """Return the canonical id of a device address; with or without colons, any case."""
    return f"mac:{mac.replace(':', '').replace('-', '').lower()}"
