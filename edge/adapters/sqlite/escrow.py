"""Keys kept apart from backups, sealed so that only the chain's recovery key opens them.

Without them a dead memory card would forget everybody; with them in the backup an erasure would
undo itself. One file holds the keys of all persons alive; every erasure writes it anew without the
erased, so only the newest copy may be kept.
"""

import os
from pathlib import Path

import msgspec

from edge.adapters.sqlite.keys import BoxKeys
from edge.adapters.sqlite.ledger import Ledger
from edge.adapters.sqlite.sealing import seal, unseal
from edge.core.errors import ConfigError, TrustError

CONTEXT = b"stammgast escrow v1"
_MAGIC = b"SGE1"


class Escrow(msgspec.Struct, frozen=True, array_like=True):
    """What the file holds.

    Attributes:
        index_secret: Of all keyed hashes: with it a restored box knows its members again.
        keys: Data key by pseudonym.
        tombstones: Member hash, moment and pseudonym (or None) of everybody who was erased.
    """

    index_secret: bytes
    keys: dict[int, bytes]
    tombstones: tuple[tuple[int, float, int | None], ...]


def write_escrow(ledger: Ledger, recipient: bytes, path: Path) -> int:
    """Seal all keys to the chain's recovery public key; return how many persons.

    Args:
        ledger: Of the box.
        recipient: X25519 public key, 32 bytes.
        path: Replaced at once and whole.
    """
    reading = ledger.reading()
    content = Escrow(
        ledger.index_secret(),
        dict(reading.persons.all_keys()),
        tuple(reading.tombstones()),
    )
    _replace(path, _MAGIC + seal(msgspec.msgpack.encode(content), recipient, CONTEXT))
    ledger.remember_escrow(recipient, path)
    return len(content.keys)


def refresh_escrow(ledger: Ledger) -> None:
    """Write the escrow anew, if the box has one."""
    known = ledger.escrow()
    if known is not None:
        recipient, path = known
        write_escrow(ledger, recipient, path)


def open_escrow(path: Path, keys: BoxKeys) -> Escrow:
    """Open an escrow that was sealed anew to this box (see `stammgast-provisioning`).

    Raises:
        ConfigError: No such file.
        TrustError: Sealed to another key, or no escrow.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError([f"{path}: no such file; expected keys opened for this box"]) from None
    if content[:4] != _MAGIC:
        raise TrustError(f"{path.name}: not an escrow of Stammgast")
    return msgspec.msgpack.decode(unseal(content[4:], keys.opening, CONTEXT), type=Escrow)


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
