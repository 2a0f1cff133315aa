"""AES-128 of one block, for the core's rotating ids.

Decides only to keep ciphers of keys in use: setting one up costs thirty times what one block
does. A single block in ECB is what Bluetooth's `ah` and Eddystone-EID are defined on.
"""

from collections.abc import Callable
from functools import lru_cache

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

# About 1 kB each; more identity keys than this in turn cost a set-up a try.
KEPT_CIPHERS = 4_096


def encrypt_block(key: bytes, block: bytes) -> bytes:
    """Return one encrypted block of 16 bytes.

    Args:
        key: 16 bytes.
        block: 16 bytes.
    """
    return _cipher(key)(block)


@lru_cache(maxsize=KEPT_CIPHERS)
def _cipher(key: bytes) -> Callable[[bytes], bytes]:
    # The published definitions ask for this one block and nothing else.
    return Cipher(algorithms.AES128(key), modes.ECB()).encryptor().update  # noqa: S305
