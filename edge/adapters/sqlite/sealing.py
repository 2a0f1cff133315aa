"""Sealing bytes to a public key, so that only the holder of the private key can open them.

X25519 with an ephemeral key, HKDF-SHA256 over both public keys, AES-256-GCM: the construction of
HPKE's base mode (RFC 9180, DHKEM X25519), in one message. Used for keys in escrow.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from edge.core.errors import TrustError

_KEY_BYTES = 32


def seal(plain: bytes, recipient: bytes, context: bytes) -> bytes:
    """Seal bytes to a recipient.

    Args:
        plain: What to seal.
        recipient: X25519 public key, 32 bytes.
        context: What the bytes are for; opening needs the same.

    Returns:
        Ephemeral public key, then ciphertext with tag.
    """
    ephemeral = X25519PrivateKey.generate()
    public = ephemeral.public_key().public_bytes_raw()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(recipient))
    # The key is used once, so a fixed nonce is safe (RFC 9180, 5.2: sequence number 0).
    return public + AESGCM(_key(shared, public, recipient, context)).encrypt(
        bytes(12), plain, context
    )


def unseal(sealed: bytes, private: X25519PrivateKey, context: bytes) -> bytes:
    """Open what was sealed to this key.

    Raises:
        TrustError: Sealed to another key, for another use, or changed on the way.
    """
    public, cipher = sealed[:_KEY_BYTES], sealed[_KEY_BYTES:]
    try:
        shared = private.exchange(X25519PublicKey.from_public_bytes(public))
        recipient = private.public_key().public_bytes_raw()
        key = _key(shared, public, recipient, context)
        return AESGCM(key).decrypt(bytes(12), cipher, context)
    except (InvalidTag, ValueError) as error:
        raise TrustError(
            "cannot open: sealed to another key, for another use, or changed on the way"
        ) from error


def random_key() -> bytes:
    """Return 32 random bytes from the operating system."""
    return os.urandom(_KEY_BYTES)


def _key(shared: bytes, public: bytes, recipient: bytes, context: bytes) -> bytes:
    info = b"stammgast sealing v1" + context
    return HKDF(SHA256(), _KEY_BYTES, salt=public + recipient, info=info).derive(shared)
