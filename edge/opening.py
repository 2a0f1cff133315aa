"""What a box opens as it starts: its databases, its models, the chain's files.

A bundle that cannot be trusted is refused and said so; the last good one then serves, or none.
Leaves out how the parts are joined (`box`).
"""

import hashlib
import itertools
import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge.adapters.files.catalog import read_catalog, read_stock
from edge.adapters.files.floorplan import read_floorplan
from edge.adapters.files.handed import read_members, sha256_of
from edge.adapters.onnx.kept import keep
from edge.adapters.onnx.ranker import load_bundle
from edge.adapters.onnx.visit_models import VisitModels, load_visit_models
from edge.adapters.rules.watch import RuleFiles
from edge.adapters.sqlite.keys import read_or_make_box_key
from edge.adapters.sqlite.ledger import Ledger
from edge.core.catalog import Catalog, Stock
from edge.core.errors import ConfigError, TrustError, UnavailableError
from edge.core.floorplan import FloorPlan, Receiver
from edge.core.history import Floats, Ints
from edge.core.item_tables import ItemTables, blank
from edge.core.ports import Ranker
from edge.core.review import Gap, hygiene
from edge.core.zones import ZoneModel
from edge.downlink import Downlink
from edge.night import RECEIPTS
from edge.settings import Settings, StoreSection

log = logging.getLogger("stammgast.box")

KEPT = "bundle.good"
"""Name of the last good bundle in the data folder."""


class NoModel:
    """The ranker of a box without a bundle: it always fails, and no table knows what sells."""

    def score(self, features: Floats, items: Ints, person: Floats) -> Floats:
        """Say that there is no model."""
        del features, items, person
        raise UnavailableError("no model bundle is configured")


def open_ledger(settings: Settings, catalog: Catalog, seed: int | None = None) -> Ledger:
    """Open the box's databases.

    Args:
        settings: Where they lie.
        catalog: What the store sells.
        seed: Draws pseudonyms and keys from a seed instead of chance, and waits for the disk at
            every record, so that what is read next is always the same: for replay alone.

    Raises:
        UnavailableError: The folder cannot be made, or a file in it not opened.
    """
    data = settings.store.data
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnavailableError(f"store.data: {data} cannot be made: {error.strerror}") from error
    draw = secrets.token_bytes if seed is None else seeded_bytes(seed)
    key = read_or_make_box_key(data / "box.key")
    return Ledger.open(data, key, catalog, draw=draw, is_in_step=seed is not None)


def take_in(ledger: Ledger, downlink: Downlink, files: Path) -> None:
    """Take in what the chain handed over; years of receipts at once for a new box only.

    A box that knows its members reads a new file of receipts at night.
    """
    is_new_box = ledger.consents().sizes()["members"] == 0
    downlink.begin()
    receipts = files / RECEIPTS
    if is_new_box and receipts.exists() and ledger.consents().sizes()["members"]:
        ledger.import_receipts(receipts, sha256_of(receipts))


def problems_of_files(store: StoreSection) -> tuple[list[str], tuple[Gap, ...]]:
    """Read every file that a start would read, and open no database.

    Returns:
        What would stop the start or keep the bundle from serving; what the catalogue lacks.
    """
    problems: list[str] = []
    catalog: Catalog | None = None
    try:
        catalog, _ = read_catalog(store.files / "catalog.json")
    except ConfigError as error:
        problems += error.problems
    reads: list[Callable[[], object]] = [lambda: read_floorplan(store.files / "floorplan.json")]
    if (store.files / "members.json").exists():
        reads.append(lambda: read_members(store.files / "members.json"))
    if catalog is not None:
        known = catalog
        if (store.files / "stock.json").exists():
            stock = Stock(known)
            reads.append(lambda: read_stock(store.files / "stock.json", stock, time.time()))
        reads.append(lambda: RuleFiles(store.rules, known).load())
        if store.bundle is not None:
            bundle, item_ids = store.bundle, [item.item_id for item in known.items]
            reads.append(
                lambda: (load_bundle(bundle, item_ids), load_visit_models(bundle, item_ids))
            )
    for read in reads:
        try:
            read()
        except ConfigError as error:
            problems += error.problems
        except (TrustError, UnavailableError) as error:
            problems.append(f"store.bundle: {error}")
    return problems, () if catalog is None else hygiene(catalog)


@dataclass(frozen=True, slots=True)
class Models:
    """The models that serve.

    Args:
        ranker: Scores candidates; one that always fails where rules alone offer.
        tables: Of the ranker, in the catalogue's item order.
        floors: Its relevance floors, by surface.
        beside: The models beside it.
        version: Of the bundle they are from; empty where rules alone offer.
        state: A word for `/healthz`: which version serves, what was refused, and why.
        folder: They were opened from; None where rules alone offer.
    """

    ranker: Ranker
    tables: ItemTables
    floors: Mapping[str, float]
    beside: VisitModels
    version: str
    state: str
    folder: Path | None


def open_models(store: StoreSection, item_ids: Sequence[str]) -> Models:
    """Open the configured bundle; where it is refused, the last good one, else none.

    The only way from the configuration to a model: whoever serves, judges a draft or explains a
    past decision opens the same one. A model beside a ranker that serves is refused for itself:
    nothing of two versions ever answers together.
    """
    bundle, kept = store.bundle, store.data / KEPT
    if bundle is None:
        return _rules_alone("none: rules alone offer", VisitModels(None, None, None), item_ids)
    try:
        return _opened(bundle, item_ids)
    except (TrustError, UnavailableError) as error:
        refused = str(error)
    if kept.exists():
        try:
            found = _opened(kept, item_ids)
        except (TrustError, UnavailableError) as error:
            refused = f"{refused}; the last good one too: {error}"
        else:
            log.error(
                "the bundle was refused, the last good one serves",
                extra={"part": "model", "detail": refused, "version": found.version},
            )
            rest = found.state.removeprefix(found.version)
            state = f"{found.version}, the last good one; refused: {refused}{rest}"
            return replace(found, state=state)
    log.error("the bundle was refused", extra={"part": "model", "detail": refused})
    return _rules_alone(f"refused: {refused}", _beside(bundle, item_ids), item_ids)


def keep_models(store: StoreSection, models: Models) -> None:
    """Keep what serves, for a start at which the configured bundle is refused."""
    if models.folder is None:
        return
    try:
        keep(models.folder, store.data / KEPT, models.version, models.beside.names())
    except (TrustError, UnavailableError, OSError) as error:
        log.error("the bundle could not be kept", extra={"part": "model", "detail": str(error)})


def _opened(folder: Path, item_ids: Sequence[str]) -> Models:
    """Open a bundle.

    Raises:
        TrustError, UnavailableError: Its ranker may not be used, see `load_bundle`.
    """
    loaded = load_bundle(folder, item_ids)
    refused: list[str] = []
    beside = _beside(folder, item_ids, refused)
    state = "; ".join([loaded.version, *(f"refused: {each}" for each in refused)])
    return Models(
        loaded.ranker, loaded.tables, loaded.floors, beside, loaded.version, state, folder
    )


def _rules_alone(state: str, beside: VisitModels, item_ids: Sequence[str]) -> Models:
    return Models(NoModel(), blank(len(item_ids)), {}, beside, "", state, None)


def _beside(folder: Path, item_ids: Sequence[str], refused: list[str] | None = None) -> VisitModels:
    """Load the models beside the ranker, each for itself; what a bundle lacks, nobody knows."""

    def refuse(error: TrustError | UnavailableError) -> None:
        log.error("a model of visits was refused", extra={"part": "model", "detail": str(error)})
        if refused is not None:
            refused.append(str(error))

    try:
        return load_visit_models(folder, item_ids, refuse)
    except (TrustError, UnavailableError) as error:
        refuse(error)
    return VisitModels(None, None, None)


def seeded_bytes(seed: int) -> Callable[[int], bytes]:
    """Return a source of bytes that a seed alone decides; never for a box with real people."""
    counter = itertools.count()
    return lambda n: hashlib.shake_256(f"{seed}:{next(counter)}".encode()).digest(n)


def zones_of_fixed_beacons(plan: FloorPlan) -> ZoneModel | None:
    """Return the geometry for apps that hear the store's own beacons; None without any."""
    if not plan.fixed_beacons:
        return None
    places = [Receiver(b.beacon, b.zone, b.x_m, b.y_m, 2.0, "fixed") for b in plan.fixed_beacons]
    polygons = {zone.id: zone.polygon for zone in plan.zones}
    return ZoneModel(places, (0.0, 0.0, plan.width_m, plan.height_m), polygons)
