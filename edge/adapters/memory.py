"""How the process keeps its memory small: what the allocator keeps, and when garbage is looked for.

What speaks of malloc works with glibc alone and does nothing elsewhere.
"""

import contextlib
import ctypes
import gc
from collections.abc import Iterator
from functools import cache

# mallopt(3). Blocks of this size go back to the system when freed: glibc would raise its own
# threshold after the first large file and keep such blocks between small ones for ever.
_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES = -3, 256 * 1024
# Each thread may else open a heap of its own, and no heap gives room to another.
_ARENA_MAX, _ARENAS = -8, 2


def keep_heap_small() -> None:
    """Tell the allocator to give back what is freed; call before anything large is read."""
    with contextlib.suppress(OSError, AttributeError):
        _libc().mallopt(_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES)
        _libc().mallopt(_ARENA_MAX, _ARENAS)


def give_back_memory() -> None:
    """Return to the system what was needed for a while."""
    gc.collect()
    _trim()


def _trim() -> None:
    """Return whole free pages, also those between what is still needed."""
    with contextlib.suppress(OSError, AttributeError):
        _libc().malloc_trim(0)


@cache
def _libc() -> ctypes.CDLL:
    """Open the C library; each time anew, it would leave a class of its own as garbage."""
    return ctypes.CDLL("libc.so.6")


@contextlib.contextmanager
def garbage_between_messages() -> Iterator[None]:
    """Leave garbage to `collect_garbage`; what lives already is never looked at again."""
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def collect_garbage(*, is_whole: bool) -> None:
    """Look for garbage among what is young, or among all that has come since the start.

    What a burst needed goes back to the system: else the process would stay as large as the
    longest queue for the disk has ever been. It takes about 0.1 ms, up to 1 ms after a burst.
    """
    gc.collect(2 if is_whole else 1)
    _trim()
