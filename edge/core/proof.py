"""Proof that somebody is the person whose data is asked for, before it is shown or handed out.

Only two ways count: the rotating code of the app, and the loyalty card together with the code on
the last receipt. Staff cannot vouch for anybody until staff can sign in.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, final

from edge.core.errors import TrustError

# A code lives for 30 s; the one before still counts, for slow typing (RFC 6238, 5.2).
CODE_PERIOD_S = 30
CODE_DIGITS = 8
# A wrong code may be tried so often in a window; with 8 digits guessing takes centuries.
MAX_TRIES = 5
TRY_WINDOW_S = 900.0
PROOF_LIFE_S = 600.0

_SEAL = object()


@final
class Proven:
    """Somebody proved to be this person; made by `Prover` only, good for one short session."""

    __slots__ = ("expires_s", "method", "person")

    person: str
    method: str
    expires_s: float

    def __init__(self, person: str, method: str, expires_s: float, seal: object = None) -> None:
        if seal is not _SEAL:
            raise TrustError("a proof of identity is made by the prover only")
        put = object.__setattr__
        put(self, "person", person)
        put(self, "method", method)
        put(self, "expires_s", expires_s)

    def require(self, now_s: float, person: str | None = None) -> None:
        """Refuse another person, or a proof that has grown old.

        Raises:
            TrustError: Prove it again.
        """
        if now_s >= self.expires_s or (person is not None and person != self.person):
            raise TrustError("no proof for this person at this moment: prove it again")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise TrustError("a proof of identity cannot be changed")

    def __reduce__(self) -> NoReturn:
        raise TrustError("a proof of identity cannot be copied or stored")

    def __copy__(self) -> NoReturn:
        raise TrustError("a proof of identity cannot be copied or stored")

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise TrustError("a proof of identity cannot be copied or stored")


@dataclass(slots=True)
class _Tries:
    first_s: float
    count: int = 0


class Prover:
    """Checks codes and makes proofs.

    Args:
        app_secret: The secret of a person's app codes, None where there is no such person.
        has_last_receipt: Whether a receipt id is the one of the person's last receipt.
    """

    def __init__(
        self,
        app_secret: Callable[[str], bytes | None],
        has_last_receipt: Callable[[str, str], bool],
    ) -> None:
        self._app_secret, self._has_last_receipt = app_secret, has_last_receipt
        self._tries: dict[str, _Tries] = {}
        self._used: dict[str, int] = {}

    def by_app_code(self, person: str, code: str, now_s: float) -> Proven | None:
        """Accept the app's present code, once; None where it is wrong or tried too often."""
        secret = self._app_secret(person)
        step = int(now_s // CODE_PERIOD_S)
        if secret is None or not self._may_try(person, now_s):
            return None
        for candidate in (step, step - 1):
            is_fresh = candidate > self._used.get(person, -1)
            if is_fresh and hmac.compare_digest(app_code(secret, candidate), code):
                self._used[person] = candidate
                return self._proven(person, "app", now_s)
        return None

    def by_receipt(self, person: str, receipt_id: str, now_s: float) -> Proven | None:
        """Accept the code on the last receipt; the card has named the person already."""
        if not self._may_try(person, now_s) or not self._has_last_receipt(person, receipt_id):
            return None
        return self._proven(person, "receipt", now_s)

    def forget(self, person: str) -> None:
        """Drop what is held about a person."""
        self._tries.pop(person, None)
        self._used.pop(person, None)

    def _may_try(self, person: str, now_s: float) -> bool:
        tries = self._tries.get(person)
        # A clock that was set back must neither lock somebody out nor give new tries.
        if tries is None or now_s - tries.first_s >= TRY_WINDOW_S:
            tries = self._tries[person] = _Tries(now_s)
        tries.count += 1
        return tries.count <= MAX_TRIES

    def _proven(self, person: str, method: str, now_s: float) -> Proven:
        self._tries.pop(person, None)
        return Proven(person, method, now_s + PROOF_LIFE_S, _SEAL)


def app_code(secret: bytes, step: int) -> str:
    """Return the code of a time step: RFC 6238 with SHA-256 and eight digits."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), hashlib.sha256)
    at = digest[-1] & 0xF
    number = int.from_bytes(digest[at : at + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**CODE_DIGITS:0{CODE_DIGITS}d}"
