"""The keys of a box: one in a file, everything else wrapped by it or derived from it.

Each person has a random data key; with it go all rows of that person. Destroying the wrapped key
destroys the person's data wherever a copy of the rows may lie.
"""

import hashlib
import hmac
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from edge.adapters.sqlite.sealing import random_key
from edge.core.errors import ConfigError, TrustError

_KEY_BYTES = 32
_NONCE_BYTES = 12


def read_or_make_box_key(path: Path) -> bytes:
    """Return the key of the box; a missing file is made, readable by its owner only.

    Raises:
        ConfigError: The file is there and holds no key.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = path.read_bytes()
        if len(key) != _KEY_BYTES:
            raise ConfigError(
                [f"{path}: found {len(key)} bytes, expected a box key of {_KEY_BYTES} bytes"]
            ) from None
        return key
    with os.fdopen(descriptor, "wb") as file:
        key = random_key()
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    return key


class Cipher:
    """Encrypts rows with one key; `context` names row and table, so that rows cannot be swapped."""

    __slots__ = ("_aead",)

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Return nonce, ciphertext and tag."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Return the plain bytes.

        Raises:
            TrustError: Another key or context, or changed bytes.
        """
        try:
            return self._aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
        except InvalidTag as error:
            raise TrustError(f"a row does not open ({context[:16]!r}); was it changed?") from error


class BoxKeys:
    """What is derived from the box key; each use has a key of its own."""

    def __init__(self, box_key: bytes) -> None:
        self._wrapping = Cipher(_derived(box_key, b"wrapping"))
        self._mac_key = _derived(box_key, b"head of the consent ledger")
        self._signing = Ed25519PrivateKey.from_private_bytes(_derived(box_key, b"signing"))
        self.opening = X25519PrivateKey.from_private_bytes(_derived(box_key, b"opening"))

    @property
    def recipient(self) -> bytes:
        """The X25519 public key to which others seal what only this box may read."""
        return self.opening.public_key().public_bytes_raw()

    @property
    def verifying(self) -> bytes:
        """The Ed25519 public key with which anybody checks this box's proofs."""
        return self._signing.public_key().public_bytes_raw()

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Return a key so that only this box can use it."""
        return self._wrapping.seal(key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Return a key that this box wrapped.

        Raises:
            TrustError: Wrapped by another box, or for another person.
        """
        return self._wrapping.open(wrapped, context)

    def mac(self, message: bytes) -> bytes:
        """Return a tag that only this box can make."""
        return hmac.digest(self._mac_key, message, hashlib.sha256)

    def sign(self, message: bytes) -> bytes:
        """Return a signature of 64 bytes that anybody can check with `verifying`."""
        return self._signing.sign(message)


def _derived(box_key: bytes, use: bytes) -> bytes:
    return HKDF(SHA256(), _KEY_BYTES, salt=None, info=b"stammgast box v1: " + use).derive(box_key)
