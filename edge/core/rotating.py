"""Rotating ids: from what a beacon shows at the moment to the stable id that was enrolled.

Eddystone-EID is computed ahead, so resolving is one look-up. A resolvable private address can
only be tried against each identity key, so tries are capped, hits are kept until the address
rotates, and misses are kept too. Only enrolled keys are known here, each with the persons it was
enrolled for; who may be enrolled decides `consent`. AES-128 comes in as a port: the core has no
cipher of its own.
Sources: google/eddystone `eddystone-eid/eid-computation.md`; Bluetooth Core 5.4 Vol 3 Part H
2.2.2 (`ah`), Vol 3 Part C 10.8.2 (resolvable private addresses).
"""

import heapq
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

# Encrypts one block of 16 bytes with a key of 16 bytes (AES-128, ECB, one block): aes(key, block).
Aes = Callable[[bytes, bytes], bytes]

V = TypeVar("V")

# eid-computation.md, "Computing the temporary key".
TEMPORARY_KEY_SALT = 0xFF
TEMPORARY_KEY_BITS = 16  # the temporary key holds for 2^16 s
MAX_EXPONENT = 15

# Bluetooth Core 5.4 Vol 3 Part C, appendix A: TGAP(private_addr_int) is 15 minutes.
ADDRESS_LIFE_S = 900.0
RESOLVABLE_BITS = 0b01  # the two most significant bits of a resolvable private address

# One try is one AES block, 1.7 µs with a cached cipher on the reference machine: 200 tries delay
# one message by 0.3 ms, 10,000 a second take 2 % of a core (6 times as much on a Pi 4).
TRIES_PER_MESSAGE = 200
TRIES_PER_S = 10_000.0
KEPT_HITS = 4_096
KEPT_MISSES = 16_384
KEPT_UNFINISHED = 1_024

# 2.5 times the members of a large store; 3 ids of a beacon take about 0.5 kB.
MAX_ENROLLED = 50_000
ADVANCED_PER_CALL = 500


def ephemeral_id(aes: Aes, identity_key: bytes, exponent: int, counter_s: int) -> bytes:
    """Return the 8 bytes that an Eddystone-EID beacon shows.

    Args:
        aes: The cipher.
        identity_key: 16 bytes, shared with the beacon at its enrolment.
        exponent: K; the id changes every 2^K seconds, 0..15.
        counter_s: The beacon's own 32-bit counter of seconds.
    """
    temporary_key = aes(identity_key, _temporary_block(counter_s))
    return _ephemeral_from(aes, temporary_key, exponent, counter_s)


def _temporary_block(counter_s: int) -> bytes:
    top = (counter_s >> TEMPORARY_KEY_BITS) & 0xFFFF
    return bytes(11) + bytes([TEMPORARY_KEY_SALT, 0, 0]) + top.to_bytes(2, "big")


def _ephemeral_from(aes: Aes, temporary_key: bytes, exponent: int, counter_s: int) -> bytes:
    cleared = (counter_s >> exponent << exponent) & 0xFFFFFFFF
    return aes(temporary_key, bytes(11) + bytes([exponent]) + cleared.to_bytes(4, "big"))[:8]


def address_hash(aes: Aes, identity_key: bytes, prand: bytes) -> bytes:
    """Return `ah`: the 3 lower bytes of a resolvable private address, from its 3 upper ones."""
    return aes(identity_key, bytes(13) + prand)[13:]


def is_resolvable(address: int) -> bool:
    """Tell whether a device address of 48 bits is a resolvable private one."""
    return address >> 46 == RESOLVABLE_BITS


@dataclass(slots=True)
class _Enrolled:
    """One Eddystone-EID beacon: its key, and the three ids it may show around now."""

    beacon: str
    identity_key: bytes
    exponent: int
    started_s: float
    quantum: int = -1
    shown: list[bytes] = field(default_factory=list)
    is_live: bool = True


class EphemeralIndex:
    """Eddystone-EID ids of the previous, current and next period → enrolled beacon.

    Args:
        aes: The cipher.
    """

    def __init__(self, aes: Aes) -> None:
        self._aes = aes
        self._enrolled: dict[str, _Enrolled] = {}
        self._shown: dict[bytes, _Enrolled] = {}
        self._due: list[tuple[float, int, _Enrolled]] = []
        self._serial = 0
        self._now_s = 0.0

    def __len__(self) -> int:
        return len(self._enrolled)

    def enrol(self, beacon: str, now_s: float) -> bool:
        """Compute a beacon's ids from now on.

        Args:
            beacon: Canonical `eidkey:<32 hex>-<exponent>-<started_s>`.
            now_s: Now, UTC seconds.

        Returns:
            False where the index is full (`MAX_ENROLLED`).
        """
        if beacon in self._enrolled:
            return True
        if len(self._enrolled) >= MAX_ENROLLED:
            return False
        key, exponent, started_s = beacon.removeprefix("eidkey:").split("-")
        enrolled = _Enrolled(beacon, bytes.fromhex(key), int(exponent), float(started_s))
        self._enrolled[beacon] = enrolled
        self._renew(enrolled, now_s)
        return True

    def withdraw(self, beacon: str) -> None:
        """Forget a beacon and every id it shows, at once."""
        enrolled = self._enrolled.pop(beacon, None)
        if enrolled is not None:
            enrolled.is_live = False
            self._forget(enrolled)

    def advance(self, now_s: float, limit: int = ADVANCED_PER_CALL) -> bool:
        """Compute the ids of beacons whose period ended.

        Args:
            now_s: Now, UTC seconds; a clock set back renews every beacon.
            limit: Beacons at most, so that one call stays short.

        Returns:
            True where beacons still wait; their next period's ids, computed before, serve them.
        """
        if now_s < self._now_s:
            self._due = [(now_s, serial, enrolled) for _, serial, enrolled in self._due]
            heapq.heapify(self._due)
        self._now_s = now_s
        while self._due and self._due[0][0] <= now_s and limit > 0:
            enrolled = heapq.heappop(self._due)[2]
            if enrolled.is_live:
                self._renew(enrolled, now_s)
                limit -= 1
        return bool(self._due) and self._due[0][0] <= now_s

    def resolve(self, ephemeral: bytes) -> str | None:
        """Return the enrolled beacon that shows these 8 bytes around now, or None."""
        enrolled = self._shown.get(ephemeral)
        return enrolled.beacon if enrolled is not None else None

    def _renew(self, enrolled: _Enrolled, now_s: float) -> None:
        quantum = max(0, int(now_s - enrolled.started_s) >> enrolled.exponent)
        if quantum == enrolled.quantum + 1 and len(enrolled.shown) == 3:
            self._drop(enrolled.shown.pop(0), enrolled)
            self._show(enrolled, quantum + 1)
        elif quantum != enrolled.quantum:
            self._forget(enrolled)
            for near in range(max(0, quantum - 1), quantum + 2):
                self._show(enrolled, near)
        enrolled.quantum = quantum
        self._serial += 1
        due_s = enrolled.started_s + ((quantum + 1) << enrolled.exponent)
        heapq.heappush(self._due, (due_s, self._serial, enrolled))

    def _show(self, enrolled: _Enrolled, quantum: int) -> None:
        ephemeral = ephemeral_id(
            self._aes, enrolled.identity_key, enrolled.exponent, quantum << enrolled.exponent
        )
        enrolled.shown.append(ephemeral)
        self._shown[ephemeral] = enrolled

    def _forget(self, enrolled: _Enrolled) -> None:
        for ephemeral in enrolled.shown:
            self._drop(ephemeral, enrolled)
        enrolled.shown.clear()

    def _drop(self, ephemeral: bytes, enrolled: _Enrolled) -> None:
        if self._shown.get(ephemeral) is enrolled:
            del self._shown[ephemeral]


class AddressResolver:
    """Resolvable private addresses → enrolled identity key, within a budget of tries.

    An address whose tries ran out is taken up where it stopped at its next sighting.

    Args:
        aes: The cipher.
        tries_per_s: AES blocks a second over all addresses.
        tries_per_message: AES blocks for one sighting.
    """

    def __init__(
        self,
        aes: Aes,
        tries_per_s: float = TRIES_PER_S,
        tries_per_message: int = TRIES_PER_MESSAGE,
    ) -> None:
        self._aes = aes
        self._tries_per_s = tries_per_s
        self._tries_per_message = tries_per_message
        self._budget = tries_per_s
        self._refilled_s = 0.0
        self._keys: list[tuple[str, bytes]] = []
        self._enrolled: set[str] = set()
        self._hits: OrderedDict[int, tuple[str, float]] = OrderedDict()
        self._misses: OrderedDict[int, float] = OrderedDict()
        self._unfinished: OrderedDict[int, int] = OrderedDict()
        self.tries = 0

    def __len__(self) -> int:
        return len(self._keys)

    def enrol(self, beacon: str) -> bool:
        """Know an identity key from now on; misses are forgotten, for they may be hits now.

        Args:
            beacon: Canonical `irk:<32 hex>`.

        Returns:
            False where the resolver is full (`MAX_ENROLLED`).
        """
        if beacon in self._enrolled:
            return True
        if len(self._keys) >= MAX_ENROLLED:
            return False
        self._enrolled.add(beacon)
        self._keys.append((beacon, bytes.fromhex(beacon.removeprefix("irk:"))))
        self._misses.clear()
        return True

    def withdraw(self, beacon: str) -> None:
        """Forget an identity key and every address resolved by it, at once."""
        if beacon not in self._enrolled:
            return
        self._enrolled.discard(beacon)
        self._keys = [(known, key) for known, key in self._keys if known != beacon]
        for address in [each for each, hit in self._hits.items() if hit[0] == beacon]:
            del self._hits[address]
        self._unfinished.clear()  # positions in the list of keys have moved

    def resolve(self, address: int, now_s: float) -> str | None:
        """Return the enrolled `irk:…` that made an address of 48 bits, or None for now."""
        if not self._keys or not is_resolvable(address):
            return None
        hit = self._hits.get(address)
        if hit is not None and now_s < hit[1]:
            return hit[0]
        missed_until_s = self._misses.get(address)
        if missed_until_s is not None and now_s < missed_until_s:
            return None
        return self._try(address, now_s)

    def _try(self, address: int, now_s: float) -> str | None:
        position = self._unfinished.pop(address, 0)
        end = min(len(self._keys), position + self._allowance(now_s))
        prand, expected = (
            (address >> 24).to_bytes(3, "big"),
            (address & 0xFFFFFF).to_bytes(3, "big"),
        )
        for at in range(position, end):
            beacon, key = self._keys[at]
            if address_hash(self._aes, key, prand) == expected:
                self._spend(at + 1 - position)
                _keep(self._hits, address, (beacon, now_s + ADDRESS_LIFE_S), KEPT_HITS)
                return beacon
        self._spend(end - position)
        if end == len(self._keys):
            _keep(self._misses, address, now_s + ADDRESS_LIFE_S, KEPT_MISSES)
        else:
            _keep(self._unfinished, address, end, KEPT_UNFINISHED)
        return None

    def _allowance(self, now_s: float) -> int:
        earned = max(0.0, now_s - self._refilled_s) * self._tries_per_s
        self._budget = min(self._tries_per_s, self._budget + earned)
        self._refilled_s = now_s
        return min(self._tries_per_message, int(self._budget))

    def _spend(self, tries: int) -> None:
        self._budget -= tries
        self.tries += tries


def _keep(kept: OrderedDict[int, V], address: int, value: V, limit: int) -> None:
    kept[address] = value
    kept.move_to_end(address)
    if len(kept) > limit:
        kept.popitem(last=False)


def rotates(beacon: str) -> bool:
    """Tell whether a canonical id is a key behind ids that rotate."""
    return beacon.startswith(("eidkey:", "irk:"))


class RotatingIds:
    """Both kinds of rotating ids behind one question: which enrolled beacon is this?

    Args:
        aes: The cipher, see `Aes`.
    """

    def __init__(self, aes: Aes) -> None:
        self.ephemeral = EphemeralIndex(aes)
        self.addresses = AddressResolver(aes)
        self._followed: dict[str, frozenset[str]] = {}
        self._followers: Counter[str] = Counter()  # two persons may claim one beacon

    def follow(self, person: str, beacons: Iterable[str], now_s: float) -> bool:
        """Follow exactly these beacons for a person; without any, forget the person's keys.

        Args:
            person: Whose beacons they are.
            beacons: Canonical ids; those that do not rotate are left out.
            now_s: Now, UTC seconds.

        Returns:
            False where there was no room for one of them.
        """
        before = self._followed.pop(person, frozenset())
        wanted = frozenset(beacon for beacon in beacons if rotates(beacon))
        for beacon in before - wanted:
            self._followers[beacon] -= 1
            if not self._followers[beacon]:
                del self._followers[beacon]
                self.withdraw(beacon)
        taken = frozenset(b for b in wanted if b in before or self.enrol(b, now_s))
        self._followers.update(taken - before)
        if taken:
            self._followed[person] = taken
        return taken == wanted

    def forget(self, person: str) -> None:
        """Stop following everything of a person, at once."""
        self.follow(person, (), 0.0)

    def sizes(self) -> dict[str, int]:
        """Return counts for metrics: enrolled keys by kind, and what trying them cost so far."""
        return {
            "ephemeral": len(self.ephemeral),
            "addresses": len(self.addresses),
            "address_tries": self.addresses.tries,
        }

    def enrol(self, beacon: str, now_s: float) -> bool:
        """Follow an enrolled beacon if its id rotates; others need nothing.

        Returns:
            False only where there is no room for it.
        """
        if not rotates(beacon):
            return True
        if beacon.startswith("eidkey:"):
            return self.ephemeral.enrol(beacon, now_s)
        return self.addresses.enrol(beacon)

    def withdraw(self, beacon: str) -> None:
        """Stop following a beacon, at once."""
        self.ephemeral.withdraw(beacon)
        self.addresses.withdraw(beacon)

    def advance(self, now_s: float) -> bool:
        """Compute ahead; call once a second. Returns True where beacons still wait."""
        return self.ephemeral.advance(now_s)

    @property
    def is_idle(self) -> bool:
        """True while nobody is followed, so that `resolve` could find nothing."""
        return not self.ephemeral and not self.addresses

    def resolve(self, beacon: str, now_s: float) -> str | None:
        """Return the enrolled id behind a heard one, or None.

        Args:
            beacon: Canonical id as heard: only `eid:…` and `mac:…` can rotate.
            now_s: Now, UTC seconds.
        """
        if beacon.startswith("eid:"):
            return self.ephemeral.resolve(bytes.fromhex(beacon[4:]))
        if beacon.startswith("mac:"):
            return self.addresses.resolve(int(beacon[4:], 16), now_s)
        return None
