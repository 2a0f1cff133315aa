"""Who counts in the totals of a day, read from the ledger with each person's grant.

A person counts only with a present consent to `aggregates`. Visits and receipts of nobody count as
units of their own; a visit of a recognised person who did not consent counts nowhere.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from edge.adapters.sqlite.ledger import Ledger
from edge.adapters.sqlite.persons import Opened
from edge.adapters.sqlite.schema import unsigned
from edge.core.aggregates import Outcome, UnitDay
from edge.core.catalog import Catalog
from edge.core.consent import Purpose

_OUTCOME_OF_KIND = {"CardShown": Outcome.SHOWN, "Vetoed": Outcome.VETOED}
_ACCEPTED = frozenset({"reserve", "shown"})


class UnitDays:
    """Reads one day [start_s, end_s) of a ledger."""

    def __init__(
        self, ledger: Ledger, catalog: Catalog, experiment: str, start_s: float, end_s: float
    ) -> None:
        self._ledger, self._catalog, self._experiment = ledger, catalog, experiment
        self._start_s, self._end_s = start_s, end_s
        self._zones = self._zones_of_visits()

    def units(self, now_s: float) -> Iterator[UnitDay]:
        """Yield everybody who counts."""
        yield from self._persons(now_s)
        yield from self._visits_of_nobody()
        yield from self._receipts_of_nobody()

    def _persons(self, now_s: float) -> Iterator[UnitDay]:
        consents, reading = self._ledger.consents(), self._ledger.reading()
        done: set[str] = set()
        for (stored,) in reading.db.execute("SELECT pseudonym FROM persons").fetchall():
            person = consents.kept(f"{unsigned(stored):016x}")
            grant = consents.grant(person, Purpose.AGGREGATES, now_s)
            if grant is None or person in done:
                continue
            done.add(person)
            grant.require(Purpose.AGGREGATES, now_s, person)
            parts = [
                part
                for each in consents.merged(person)
                if (part := reading.persons.open(each)) is not None
            ]
            unit = self._person(person, parts, consents.has(person, Purpose.PARTNERS))
            if unit.outcomes:
                yield unit

    def _person(self, person: str, parts: list[Opened], may_partners: bool) -> UnitDay:
        said = [
            one
            for part in parts
            for one in self._ledger.reading().happenings.of(part)
            if self._start_s <= one["at_s"] < self._end_s
        ]
        bought = sorted({item for part in parts for item in self._bought(part)})
        return self._unit(person, said, bought, may_partners=may_partners)

    def _bought(self, opened: Opened) -> list[int]:
        goods = self._ledger.reading().goods
        lines = goods.lines_of(opened.person_no, opened.cipher)
        today = (lines.at_s >= self._start_s) & (lines.at_s < self._end_s)
        items = goods.purchases(lines.where(today)).item
        return [int(item) for item in np.unique(items) if item >= 0]

    def _visits_of_nobody(self) -> Iterator[UnitDay]:
        by_visit: dict[str, list[dict[str, Any]]] = {}
        for kind in ("Exposed", "CardShown", "CardReacted"):
            for one in self._ledger.reading().happenings.of_nobody(
                kind, self._start_s, self._end_s
            ):
                by_visit.setdefault(one["visit_id"], []).append(one)
        visits = self._ledger.telemetry_rows(
            "SELECT visit_id FROM visits WHERE is_recognised = 0"
            " AND started_s >= ? AND started_s < ?",
            [self._start_s, self._end_s],
        )
        for (visit_id,) in visits:
            said = [*by_visit.get(visit_id, ()), {"kind": "", "visit_id": visit_id}]
            yield self._unit(f"visit:{visit_id}", said, [], may_partners=False)

    def _receipts_of_nobody(self) -> Iterator[UnitDay]:
        goods = self._ledger.reading().goods
        for key, skus in goods.skus_of_nobody(self._start_s, self._end_s):
            items = {self._catalog.item_of_sku(sku) for sku in skus} - {None}
            known = sorted(item for item in items if item is not None)
            yield UnitDay(f"receipt:{key:016x}", classes=self._classes(known))

    def _unit(
        self, unit: str, said: list[dict[str, Any]], bought: list[int], *, may_partners: bool
    ) -> UnitDay:
        outcomes = {
            _OUTCOME_OF_KIND[one["kind"]] for one in said if one["kind"] in _OUTCOME_OF_KIND
        }
        if any(one["kind"] == "CardReacted" and one["action"] in _ACCEPTED for one in said):
            outcomes.add(Outcome.ACCEPTED)
        if bought:
            outcomes.add(Outcome.BOUGHT)
        if said or bought:
            outcomes.add(Outcome.PRESENT)
        # One arm a day: the first exposure, else a unit could count in two. Of a label such as
        # `general;key=arm` the group is told, the experiments within are not.
        arms = [
            f"{one['experiment']}:{one['arm'].partition(';')[0]}"
            for one in said
            if one["kind"] == "Exposed" and one["experiment"] == self._experiment
        ]
        visits = {one["visit_id"] for one in said if one.get("visit_id")}
        brands = frozenset(self._catalog.items[item].brand for item in bought)
        return UnitDay(
            unit,
            arms[0] if arms else None,
            frozenset(outcomes),
            frozenset(zone for visit in visits for zone in self._zones.get(visit, ())),
            self._classes(bought),
            brands if may_partners else frozenset(),
            may_partners,
        )

    def _classes(self, items: list[int]) -> frozenset[str]:
        classes = (self._catalog.items[item].class_id for item in items)
        return frozenset(class_id for class_id in classes if class_id is not None)

    def _zones_of_visits(self) -> dict[str, set[str]]:
        zones: dict[str, set[str]] = {}
        for visit_id, zone in self._ledger.telemetry_rows(
            "SELECT visit_id, zone FROM zone_changes WHERE at_s >= ? AND at_s < ?",
            [self._start_s, self._end_s],
        ):
            zones.setdefault(visit_id, set()).add(zone)
        return zones
