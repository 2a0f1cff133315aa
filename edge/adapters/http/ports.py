"""What the pages need from the rest of the box. The adapter renders; these decide."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from edge.adapters.http.messages import ClientMessage


@dataclass(frozen=True, slots=True)
class Ack:
    """The message took effect and is on disk."""

    id: str
    kind: str = "ack"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The message took no effect; `message` says why, to a developer."""

    id: str
    message: str
    kind: str = "error"


class Path(Protocol):
    """The way of a tablet's message into the box."""

    async def on_client_message(self, message: ClientMessage) -> Ack | Refusal | None:
        """Take a message; the answer comes when its effect is durable. None: no answer due."""
        ...


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the pipeline moves, and what each part of it reports (no personal data)."""

    is_healthy: bool
    parts: Mapping[str, object]


class Operations(Protocol):
    """The figures of a running box."""

    def health(self) -> Health:
        """Tell whether messages get through."""
        ...

    def render_metrics(self) -> bytes:
        """Render all counters in the Prometheus text format."""
        ...
