"""What the path needs from the rest of the box, as Protocols; the adapters fulfil them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.core.anonymous import Scene
from edge.core.board import Frame
from edge.core.candidates import Candidates
from edge.core.cap_rules import Impression
from edge.core.consent import Grant, Purpose
from edge.core.decision import Decision
from edge.core.history import Floats
from edge.core.person import Profile
from edge.core.records import Record


class People(Protocol):
    """What the ledger knows of a person, behind a grant."""

    def profile(self, person: str, grant: Grant[Literal[Purpose.PROFILE]], now_s: float) -> Profile:
        """Read what was bought and said."""
        ...

    def name(
        self, person: str, grant: Grant[Literal[Purpose.STAFF_GREETING]], now_s: float
    ) -> str | None:
        """Read the name."""
        ...

    def language(
        self, person: str, grant: Grant[Literal[Purpose.RECOGNISE]], now_s: float
    ) -> str | None:
        """Read the language."""
        ...

    def rotating_ids(
        self, person: str, grant: Grant[Literal[Purpose.RECOGNISE]], now_s: float
    ) -> tuple[str, ...]:
        """Read the keys behind ids that rotate."""
        ...


class Log(Protocol):
    """Where everything that happened goes."""

    def has_event(self, source: str, event_id: str) -> bool:
        """Tell whether a message was taken before."""
        ...

    def require_room(self) -> None:
        """Make sure, before a message is applied, that what it means will be taken.

        Raises:
            UnavailableError: The disk is behind: change nothing, the message comes again.
        """
        ...

    def append(
        self, record: Record | Sequence[Record], on_durable: Callable[[], None] | None = None
    ) -> None:
        """Write records, together or not at all, without waiting; call back once on disk.

        Without `on_durable` they are the path's own, which nobody repeats: a disk that is far
        behind loses them, counted, and the path goes on.

        Raises:
            UnavailableError: Somebody waits for `on_durable`, and did not ask for room.
        """
        ...

    def impressions(self, person: str) -> Iterable[Impression]:
        """Return what a person was shown, so that caps hold over visits and restarts."""
        ...

    def impression_record(self, impression: Impression) -> Record:
        """Return the record of an impression that caps count."""
        ...

    def decision_record(self, decision: Decision, person: str | None) -> Record:
        """Return the record of a decision with its whole trace; `person`: None for nobody."""
        ...


class Screens(Protocol):
    """The tablets."""

    def show(self, frame: Frame) -> None:
        """Send a frame now."""
        ...


class Ranker(Protocol):
    """The model on the box."""

    def score(self, features: Floats, items: NDArray[np.int32], person: Floats) -> Floats:
        """Return float32[n], the calibrated chance that each candidate is taken."""
        ...


class Strangers(Protocol):
    """The model for somebody nobody knows."""

    def candidates(self, scene: Scene) -> Candidates:
        """Return what the model was trained and judged on in such a scene."""
        ...

    def chances(self, items: NDArray[np.int32], scene: Scene) -> Floats:
        """Return float32[n], the chance that each item is what is wanted next in this scene."""
        ...

    def inputs(self, items: NDArray[np.int32], scene: Scene) -> Floats:
        """Return float32[n, len(anonymous.FEATURES)], what `chances` looks at."""
        ...

    def usual(self) -> Floats:
        """Return float32[len(anonymous.FEATURES)], the median item where nothing is known."""
        ...

    def answer(self, inputs: Floats) -> Floats:
        """Return float32[n], the chance for each row of inputs.

        Raises:
            UnavailableError: The runtime failed.
        """
        ...
