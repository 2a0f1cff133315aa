"""A customer's own shades: said by themselves, else the one last bought of each class.

A shade is a variant of an item, such as `120 Sand` of a foundation, as a size is one of a shirt.
Only what was bought or said counts, and both rest on the purpose `profile`: no camera is asked,
and nothing follows from a shade but which goods come in it. Leaves out how much that counts
(`curation`) and the words (`explanation`).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edge.core.catalog import Catalog, Positions, Shade, Variant
from edge.core.decision import Snapshot
from edge.core.person import Profile

STATED = "shade:"
"""Prefix of a shade among what a member chose, such as `shade:120 Sand`."""


def shades_of(profile: Profile, catalog: Catalog) -> Mapping[Shade, float | None]:
    """Return a customer's shades, the surest first.

    Args:
        profile: What was bought and said; gifts tell nothing of the giver.
        catalog: Which skus have a shade.

    Returns:
        By shade: UTC seconds of the purchase that tells it, None where it was said. One that was
        bought goes for goods of its class alone.
    """
    if not catalog.skus_of_shade:
        return {}
    said = sorted(name.removeprefix(STATED) for name in profile.stated if name.startswith(STATED))
    found: dict[Shade, float | None] = {
        Shade(name): None for name in said if name in catalog.skus_of_shade
    }
    bought = profile.purchases
    has_shade = (bought.item >= 0) & ~bought.is_gift
    has_shade[has_shade] = catalog.has_shades[bought.item[has_shade]]
    newest_first = np.flatnonzero(has_shade)[::-1].tolist()
    known: set[int] = set()
    for at in newest_first:
        item = int(bought.item[at])
        kind = int(catalog.kind_index[item])
        name = _shade(catalog.items[item].variants, bought.skus[bought.sku_no[at]])
        if name is not None and kind not in known:
            known.add(kind)
            if Shade(name) not in found:
                found[Shade(name, kind)] = float(bought.at_s[at])
    return found


def shade_of(item: int, snapshot: Snapshot) -> Shade | None:
    """Return the customer's shade in which an item is there today, if any."""
    for shade in snapshot.person.shades if snapshot.person else ():
        if snapshot.stock.comes_in(shade)[item]:
            return shade
    return None


def in_own_shade(items: Positions, snapshot: Snapshot) -> NDArray[np.bool_]:
    """Return bool[n]: items that are there today in a shade of the customer's."""
    at = items.astype(np.intp)
    found = np.zeros(at.size, np.bool_)
    for shade in snapshot.person.shades if snapshot.person else ():
        found |= snapshot.stock.comes_in(shade)[at]
    return found


def _shade(variants: Sequence[Variant], sku: str) -> str | None:
    return next((each.shade for each in variants if each.sku == sku), None)
