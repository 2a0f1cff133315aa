"""What happens in a store, as values: the inputs of the path besides sightings.

Sales, voids and returns stand in `sales`, consents in `statements`. Every time is in UTC seconds
since 1970. `member_id` is the chain's loyalty id: it is resolved to a person at once and goes no
further.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EventKey:
    """What makes an event itself: a repeated (source, id) is the same event (CloudEvents 1.0)."""

    source: str
    id: str


@dataclass(frozen=True, slots=True)
class CheckIn:
    """A member says: I am here. An explicit act, so it breaks silence.

    Attributes:
        place: `entrance`, `app`, `station` or `near_store`.
        zone: Zone id where the sender knows it.
    """

    member_id: str
    place: str
    at_s: float
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """The app read a shelf label or a product code."""

    member_id: str | None
    sku: str
    gtin: str | None
    zone: str | None
    at_s: float
    is_in_basket: bool = False
    visit_token: str | None = None


@dataclass(frozen=True, slots=True)
class HeardBeacon:
    """A fixed beacon of the store, as a customer's app heard it."""

    beacon: str
    rssi_dbm: float
    measured_power_dbm: float | None = None


@dataclass(frozen=True, slots=True)
class AppSighting:
    """The other direction: a customer's app hears the beacons on the store's walls."""

    member_id: str
    heard: tuple[HeardBeacon, ...]
    at_s: float


@dataclass(frozen=True, slots=True)
class StaffState:
    """An associate serves a visitor, or is free again."""

    tablet_id: str
    is_serving: bool
    member_id: str | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class StockLevels:
    """Counted units per sku."""

    levels: tuple[tuple[str, int], ...]
    as_of_s: float


@dataclass(frozen=True, slots=True)
class Tick:
    """The time of a simulated store."""

    now_s: float
