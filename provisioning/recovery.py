"""The chain's recovery key: what every box seals its keys to, and how a dead box is brought back.

The private key is made once, by central IT, and kept offline under a passphrase. Opening an escrow
never writes a key in the clear: the keys are sealed anew, to the box that shall take over.
"""

import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from edge.adapters.sqlite.sealing import seal, unseal
from edge.core.errors import ConfigError, TrustError

# As `edge.adapters.sqlite.escrow` writes it; the content is the box's own affair.
_MAGIC = b"SGE1"
_CONTEXT = b"stammgast escrow v1"
_KEY_BYTES = 32
MIN_PASSPHRASE_CHARS = 12


def new_key(private_path: Path, public_path: Path, passphrase: str) -> None:
    """Make a recovery key pair; existing files are never overwritten.

    Args:
        private_path: PEM, PKCS #8, encrypted with the passphrase; for the safe.
        public_path: 64 hexadecimal digits; for the configuration of every box.
        passphrase: At least 12 characters.

    Raises:
        ConfigError: The passphrase is too short, or a file is there already.
    """
    if len(passphrase) < MIN_PASSPHRASE_CHARS:
        raise ConfigError(
            [f"passphrase: found {len(passphrase)} characters, expected {MIN_PASSPHRASE_CHARS}"]
        )
    for path in (private_path, public_path):
        if path.exists():
            raise ConfigError(
                [f"{path}: exists already; a recovery key is never replaced in place"]
            )
    private = X25519PrivateKey.generate()
    pem = private.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase.encode())
    )
    _write(private_path, pem, 0o600)
    _write(public_path, private.public_key().public_bytes_raw().hex().encode() + b"\n", 0o644)


def open_escrow(
    escrow_path: Path, private_path: Path, passphrase: str, box_key: str, out_path: Path
) -> None:
    """Open an escrow with the recovery key and seal it to another box.

    Args:
        escrow_path: The newest escrow of the dead box.
        private_path: The recovery key.
        passphrase: Of the recovery key.
        box_key: Public key of the box that takes over, 64 hexadecimal digits.
        out_path: For `stammgast-edge restore`.

    Raises:
        ConfigError: A file is missing, or the passphrase or box key is wrong.
        TrustError: The escrow was sealed to another recovery key, or changed.
    """
    sealed = _read(escrow_path)
    if sealed[:4] != _MAGIC:
        raise TrustError(f"{escrow_path.name}: not an escrow of Stammgast")
    private = _private_key(private_path, passphrase)
    try:
        recipient = bytes.fromhex(box_key)
    except ValueError:
        recipient = b""
    if len(recipient) != _KEY_BYTES:
        raise ConfigError([f"box key: found {box_key[:16]!r}, expected 64 hexadecimal digits"])
    content = unseal(sealed[4:], private, _CONTEXT)
    _write(out_path, _MAGIC + seal(content, recipient, _CONTEXT), 0o600)


def _private_key(path: Path, passphrase: str) -> X25519PrivateKey:
    try:
        key = load_pem_private_key(_read(path), passphrase.encode())
    except (ValueError, TypeError, InvalidTag) as error:
        raise ConfigError([f"{path.name}: does not open; is the passphrase right?"]) from error
    if not isinstance(key, X25519PrivateKey):
        raise ConfigError([f"{path.name}: found another kind of key, expected X25519"])
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read ({error.strerror})"]) from error


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
