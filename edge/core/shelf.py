"""What lies where and what sells: short lists per zone and per wish, made once per catalogue."""

from collections.abc import Collection

import numpy as np

from edge.core.catalog import Catalog
from edge.core.history import Floats, Ints
from edge.core.item_tables import ITEM_COLUMNS, ItemTables

MAX_LISTED = 20
"""Items of a list; the ranker's candidates take no more from one source of the moment."""


class Shelf:
    """Lists over one catalogue, best selling first.

    Args:
        catalog: The items.
        tables: Their popularity, in the same order.
    """

    def __init__(self, catalog: Catalog, tables: ItemTables) -> None:
        popularity: Floats = tables.item[:, ITEM_COLUMNS.index("log_popularity")]
        order: Ints = np.argsort(-popularity, kind="stable").astype(np.int32)
        self.nothing: Ints = np.empty(0, np.int32)
        self._in_zone: dict[str, Ints] = {
            zone: order[catalog.zone_index[order] == at][:MAX_LISTED]
            for at, zone in enumerate(catalog.zone_ids)
        }
        self._named: dict[str, list[int]] = {}
        for item in order.tolist():
            goods = catalog.items[item]
            names = {goods.class_id, goods.category, *goods.tags}
            for name in names - {None}:
                listed = self._named.setdefault(str(name), [])
                if len(listed) < MAX_LISTED:
                    listed.append(item)

    def in_zone(self, zone: str | None) -> Ints:
        """Return what sells best in a zone; nothing for no zone."""
        return self._in_zone.get(zone or "", self.nothing)

    def liked(self, stated: Collection[str]) -> Ints:
        """Return items that a customer's own words name: each wish gets its share of the list."""
        lists = [self._named[name] for name in sorted(stated) if name in self._named]
        mixed = [item for place in range(MAX_LISTED) for each in lists for item in each[place:][:1]]
        return np.array(list(dict.fromkeys(mixed))[:MAX_LISTED], np.int32)
