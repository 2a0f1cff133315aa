"""Who stands at the station, or holds the phone, for a few minutes: in memory only.

A session knows a pseudonym, never a member number. Its token is random, lives in a cookie that no
script can read, and dies when it is idle, when its time is over, or when the person leaves.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from edge.core.errors import TrustError, UnavailableError
from edge.core.proof import Proven

# Without a touch, and at most (ASVS 5.0, 7.3.1 and 7.3.2). The page warns and wipes earlier.
IDLE_S = {"station": 120.0, "phone": 600.0}
LONGEST_S = 1800.0
MAX_SESSIONS = 256
_TOKEN_BYTES = 32


@dataclass(slots=True)
class Session:
    """One person in front of one screen. `method` is what the consent will name."""

    person: str
    method: str
    began_s: float
    touched_s: float
    proven: Proven | None = None

    def is_over(self, now_s: float) -> bool:
        """Tell whether it was idle too long or lasted too long."""
        return now_s - self.touched_s > IDLE_S[self.method] or now_s - self.began_s > LONGEST_S


class Sessions:
    """The open sessions.

    Args:
        monotonic_s: A clock that never jumps.
    """

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._open: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, person: str, method: str) -> str:
        """Open a session and return its token.

        Raises:
            UnavailableError: Too many are open.
        """
        now_s = self._monotonic_s()
        self._open = {t: s for t, s in self._open.items() if not s.is_over(now_s)}
        if len(self._open) >= MAX_SESSIONS:
            raise UnavailableError("too many open sessions; try again in a few minutes")
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._open[token] = Session(person, method, now_s, now_s)
        return token

    def touch(self, token: str | None) -> Session:
        """Return the session of a token and keep it awake.

        Raises:
            TrustError: There is none, or it is over.
        """
        now_s = self._monotonic_s()
        session = self._open.get(token or "")
        if session is None or session.is_over(now_s):
            self.end(token)
            raise TrustError("no open session: begin again")
        session.touched_s = now_s
        return session

    def end(self, token: str | None) -> None:
        """Forget a session."""
        self._open.pop(token or "", None)
