"""Our own messages: CloudEvents 1.0 in structured JSON mode under `stammgast/v1/…`.

Written from the published contract alone, not from the code of the box.
"""

import json
from dataclasses import dataclass
from typing import Any

from simulator.clock import rfc3339

# Topic level → (event type, quality of service).
KINDS: dict[str, tuple[str, int]] = {
    "checkins": ("checkin", 1),
    "sales": ("sale", 1),
    "voids": ("void", 1),
    "returns": ("return", 1),
    "stock": ("stock", 1),
    "consents": ("consent", 1),
    "scans": ("scan", 1),
    "app-sightings": ("app-sighting", 0),
    "tick": ("tick", 0),
}


@dataclass(frozen=True, slots=True)
class Message:
    """Something to publish.

    Attributes:
        topic: MQTT topic.
        payload: Bytes as the sender writes them.
        qos: Quality of service.
        event_id: Id of a CloudEvent; empty for a gateway's own format.
        retain: True for the states that gateways leave on the broker.
    """

    topic: str
    payload: bytes
    qos: int = 0
    event_id: str = ""
    retain: bool = False


def event(kind: str, source: str, event_id: str, at_s: float, data: dict[str, Any]) -> Message:
    """Return a CloudEvent as a message.

    Args:
        kind: Topic level, a key of `KINDS`.
        source: URI-reference of the sender, such as `/tills/3`.
        event_id: Unique per source.
        at_s: When it happened, UTC seconds.
        data: Fields of the kind.
    """
    name, qos = KINDS[kind]
    record = {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": f"stammgast.{name}.v1",
        "time": rfc3339(at_s),
        "datacontenttype": "application/json",
        "data": data,
    }
    return Message(f"stammgast/v1/{kind}", compact(record), qos, event_id)


def compact(record: Any) -> bytes:
    """Return JSON without blanks, as firmware written in C does."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
