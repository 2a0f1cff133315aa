"""Advertisements: what phones and key fobs send, as identities and as bytes on the air.

Layouts: iBeacon (Apple's 25 bytes of manufacturer data), Eddystone-UID (google/eddystone,
`eddystone-uid/README.md`), and the frames of strangers' phones, which are most of what is heard.
"""

import random
from dataclasses import dataclass
from typing import Literal

EDDYSTONE_UUID = "feaa"
# Eddystone states its power at 0 m, 41 dB above the power at 1 m (protocol-specification.md).
EDDYSTONE_0M_DB = 41

Kind = Literal["ibeacon", "eddystone", "stranger"]


@dataclass(frozen=True, slots=True)
class Beacon:
    """A sender.

    Attributes:
        kind: Which frame it sends.
        address: Device address, 12 upper-case hexadecimal digits; phones change theirs.
        measured_power_dbm: RSSI at 1 m.
        uuid, major, minor: Of an iBeacon; the UUID as 32 lower-case digits.
        namespace, instance: Of an Eddystone-UID, 20 and 12 digits.
        manufacturer: Manufacturer data of a stranger's phone, hexadecimal.
    """

    kind: Kind
    address: str
    measured_power_dbm: int
    uuid: str = ""
    major: int = 0
    minor: int = 0
    namespace: str = ""
    instance: str = ""
    manufacturer: str = ""

    def manufacturer_data(self) -> str:
        """Return the manufacturer data in hexadecimal, empty for Eddystone."""
        if self.kind == "ibeacon":
            power = self.measured_power_dbm & 0xFF
            return f"4c000215{self.uuid}{self.major:04x}{self.minor:04x}{power:02x}"
        return self.manufacturer

    def service_data(self) -> str:
        """Return the Eddystone-UID frame in hexadecimal, with its two reserved bytes."""
        power_0m = (self.measured_power_dbm + EDDYSTONE_0M_DB) & 0xFF
        return f"00{power_0m:02x}{self.namespace}{self.instance}0000"

    def advertisement(self) -> str:
        """Return the whole advertisement as AD structures, upper-case hexadecimal."""
        flags = "020106"
        if self.kind == "eddystone":
            body = "16aafe" + self.service_data()
            return (flags + "0303aafe" + _structure(body)).upper()
        return (flags + _structure("ff" + self.manufacturer_data())).upper()


def _structure(body: str) -> str:
    return f"{len(body) // 2:02x}{body}"


def of_raw_id(raw: str, rng: random.Random) -> Beacon:
    """Return the sender behind an id of the members file.

    Raises:
        ValueError: where the id is in no form that the store's members have.
    """
    kind, _, body = raw.partition(":")
    if kind.lower() == "ibeacon":
        uuid, major, minor = body.rsplit("-", 2)
        plain = uuid.replace("-", "").lower()
        return Beacon("ibeacon", random_address(rng), -59, plain, int(major), int(minor))
    if kind.lower() == "eddystone":
        namespace, instance = body.lower().split("-")
        address = f"DD88{int(instance, 16):08X}"  # a fob keeps its address
        return Beacon("eddystone", address, -62, namespace=namespace, instance=instance)
    raise ValueError(f"beacon id {raw!r}: expected iBeacon:… or eddystone:…")


def stranger(rng: random.Random) -> Beacon:
    """Return the phone, earphone or foreign beacon of a passer-by."""
    draw = rng.random()
    if draw < 0.55:  # Apple continuity "nearby": the bulk of what is on the air
        return Beacon("stranger", random_address(rng), -65,
                      manufacturer=f"4c001005{rng.getrandbits(40):010x}")  # fmt: skip
    if draw < 0.75:  # Samsung
        return Beacon("stranger", random_address(rng), -67,
                      manufacturer=f"7500420401{rng.getrandbits(48):012x}")  # fmt: skip
    if draw < 0.9:  # another chain's app
        return Beacon("ibeacon", random_address(rng), -59, f"{rng.getrandbits(128):032x}",
                      rng.getrandbits(16), rng.getrandbits(16))  # fmt: skip
    return Beacon("eddystone", random_address(rng), -64, namespace=f"{rng.getrandbits(80):020x}",
                  instance=f"{rng.getrandbits(48):012x}")  # fmt: skip


def random_address(rng: random.Random) -> str:
    """Return a random static or resolvable address: its top bit is set or the next one is."""
    return f"{rng.getrandbits(48) | 0x4000_0000_0000:012X}"
