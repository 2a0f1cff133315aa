"""Proof that somebody is the person whose data is asked for, before it is shown or handed out.

Only two ways count: the rotating code of an app that was paired with the person, and the loyalty
card together with the code on the last receipt. Staff cannot vouch for anybody until staff can sign
in. Pairing an app takes a proof itself, so the first is always the receipt.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, final
from urllib.parse import quote

from edge.core.errors import TrustError
from edge.core.notices import Purpose

# A code lives for 30 s; the one before still counts, for slow typing (RFC 6238, 5.2).
CODE_PERIOD_S = 30
CODE_DIGITS = 8
# A wrong code may be tried so often in a window; with 8 digits guessing takes centuries.
MAX_TRIES = 5
TRY_WINDOW_S = 900.0
PROOF_LIFE_S = 600.0
# The length of the hash (RFC 4226, section 4, R6 asks for at least 128 bits).
APP_SECRET_BYTES = 32
# What somebody could do harm with who only knows a member number.
NEEDS_PROOF = frozenset({Purpose.PROFILE})

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


@dataclass(frozen=True, slots=True)
class AppKey:
    """The secret that a person's app shares with the box.

    Attributes:
        used_step: The last time step whose code was accepted.
    """

    secret: bytes
    used_step: int = 0

    def uri(self, issuer: str) -> str:
        """Return the address by which apps take such keys; any authenticator understands it.

        Args:
            issuer: What the app shows as its sender; no name or number of the person is in it.
        """
        name = quote(issuer, safe="")
        return (
            f"otpauth://totp/{name}?secret={self.base32}&issuer={name}"
            f"&algorithm=SHA256&digits={CODE_DIGITS}&period={CODE_PERIOD_S}"
        )

    @property
    def base32(self) -> str:
        """The secret as people can type it."""
        return base64.b32encode(self.secret).decode().rstrip("=")


@dataclass(slots=True)
class _Tries:
    first_s: float
    count: int = 0


class Prover:
    """Checks codes and makes proofs.

    Args:
        app_key: The key of the app paired with a person, None where there is none.
        has_last_receipt: Whether a receipt id is the one of the person's last receipt.
        on_used: Told of the person and time step of every code that was accepted.
    """

    def __init__(
        self,
        app_key: Callable[[str], AppKey | None],
        has_last_receipt: Callable[[str, str], bool],
        on_used: Callable[[str, int], None] | None = None,
    ) -> None:
        self._app_key, self._has_last_receipt, self._on_used = app_key, has_last_receipt, on_used
        self._tries: dict[str, _Tries] = {}
        self._used: dict[str, int] = {}

    def by_app_code(self, person: str, code: str, now_s: float) -> Proven | None:
        """Accept the app's present code, once; None where it is wrong or tried too often."""
        key = self._app_key(person)
        step = int(now_s // CODE_PERIOD_S)
        if key is None or not self._may_try(person, now_s):
            return None
        used = max(self._used.get(person, -1), key.used_step)
        for candidate in (step, step - 1):
            if candidate > used and hmac.compare_digest(app_code(key.secret, candidate), code):
                self._used[person] = candidate
                if self._on_used is not None:
                    self._on_used(person, candidate)
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
