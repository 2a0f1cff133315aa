"""What the box does for its heap at every beat."""

import gc

from edge.adapters.memory import collect_garbage


def test_looking_for_garbage_leaves_none() -> None:
    """A box that runs for months beats 2.6 million times a month."""
    collect_garbage(is_whole=True)
    for _ in range(10):
        collect_garbage(is_whole=False)
    assert gc.collect() == 0
