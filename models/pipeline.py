"""From a directory of till data to a bundle, stage by stage, each done once.

Decides the order: check the lines, build histories, train a ranker on all but the newest baskets
and judge it on those, train it once more on everything where asked, train the models beside it
where the data allow, write the page on data quality and the card. Leaves out how each stage
works and the command line.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from edge.core.errors import ConfigError, TrustError
from edge.core.history import Ints
from models import acceptance as acceptance_model
from models import (
    anonymous,
    archive,
    bundle,
    card,
    coupons,
    held_out,
    histories,
    motives,
    offer_log,
    quality,
    readers,
    replay,
    validation,
    visit_log,
)
from models.engine import Engine, Table, duckdb_engine, spark_engine, spark_session
from models.evaluation import Bundle, ask, judge
from models.everybody import Everybody
from models.offers import Teaching
from models.quantization import RoundingError
from models.readers import Sales
from models.resume import Workshop, forget
from models.train import train
from models.visit_models import TooLittleError, VisitModel

LEAST_LEARNERS = 20
"""Returning customers without whom nothing is held out: all that is known goes into training."""
LEAST_TAUGHT = 10
"""Returning customers without whom there is no ranker: half of them calibrate it."""
LEARNED_CUSTOMERS = 20_000
"""Customers that encoder and ranker learn from, drawn by the seed from those who came twice where
there are more: Ta-Feng, on which they were tuned, has 13,858. Tables, popularity and histories are
everybody's."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be trained.

    Args:
        data: A store's files or a next-basket set.
        seed: Of everything random.
        work: Where finished stages are kept; those of `PERSONAL` until the bundle stands or the
            data are refused.
        most_lines: See `readers.read`.
        memory_mb, threads: Bounds of the engine.
        spark_master: Reading, checks, histories and counts run on this Spark; on DuckDB where
            None.
        is_final: Train the ranker and count the tables of anonymous visits once more, on
            everything: what is judged leaves the newest baskets out.
    """

    data: Path
    seed: int
    work: Path
    most_lines: int = readers.MOST_LINES_PER_CUSTOMER
    memory_mb: int = 2_000
    threads: int = 2
    spark_master: str | None = None
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """Checked data: lines and numbered baskets, both without what is switched off."""

    engine: Engine
    sales: Sales
    numbered: Table
    variables: tuple[quality.Variable, ...]

    def usable(self, name: str) -> bool:
        """Tell whether a variable is filled and valid enough to learn from."""
        return any(v.name == name and v.is_enabled for v in self.variables)

    def holds(self, *names: str) -> bool:
        """Tell whether any row of these variables is filled, be it too few to learn from."""
        return any(v.name in names and v.fill > 0 for v in self.variables)

    @property
    def is_dated(self) -> bool:
        """Tell whether days are those of a calendar; a set counts its own from any start."""
        return self.sales.form == "store" and self.usable("day") and self.usable("local_day")


PERSONAL = ("lines", "histories")
"""Stages with members' ids and what each bought: they serve an unfinished training alone, since no
erasure reaches them."""


def workshop(order: Order, say: Callable[[str, bool], None]) -> Workshop:
    """Return the stages of an order, found again when nothing changed.

    Raises:
        ConfigError: The directory holds no till data, or files that are not whole.
    """
    readers.form_of(order.data)
    files = [path for path in order.data.iterdir() if path.name.endswith((".csv.gz", ".json"))]
    options: dict[str, object] = {"seed": order.seed, "most_lines": order.most_lines}
    if order.spark_master is not None:
        options["engine"] = "spark"  # writes folders of Parquet where DuckDB writes files
    try:
        return Workshop(order.work, files, options, say)
    except ConfigError:
        forget(order.work, *PERSONAL)  # as of other data that are refused
        raise


def run(order: Order, out: Path, say: Callable[[str, bool], None]) -> dict[str, Any]:
    """Train and write a bundle.

    Returns:
        What was measured, as in the bundle's metrics.json.

    Raises:
        ConfigError: The data cannot be learned from; every problem is named.
    """
    shop = workshop(order, say)
    with engine_of(order) as engine, _forgetting_the_refused(shop):
        prepared = _checked(order, engine, shop)
        judged = shop.once("judged", lambda to: _judge(order, prepared, to))
        judgement = _json(judged / "judgement.json")
        not_judged = judgement.pop(_NOT_JUDGED, None)
        ranker = judged
        if order.is_final or not judgement:
            ranker = shop.once("ranker", lambda to: _train_ranker(order, prepared, to))
        models = _visit_models(order, prepared, shop)
        days = _days(prepared, _json(ranker / "metrics.json")["newest_day"])
    beside = {"not_judged": not_judged, "days": days}
    metrics = _assemble(ranker, out, prepared, judgement, models, beside)
    shop.forget(*PERSONAL)
    return metrics


@contextmanager
def _forgetting_the_refused(shop: Workshop) -> Iterator[None]:
    """Forget members' lines where the data are refused: once corrected, they are read anew.

    So it is where the engine lacks memory; any other failure leaves them to go on from.
    """
    try:
        yield
    except ConfigError:
        shop.forget(*PERSONAL)
        raise


@contextmanager
def engine_of(order: Order) -> Iterator[Engine]:
    """Open the engine of an order; in the end what it spilled goes, and what a killed one left."""
    spill = order.work / "spill"
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, spill, ignore_errors=True)
        if order.spark_master is None:
            engine = duckdb_engine(spill, order.memory_mb, order.threads)
            stack.callback(engine.backend.disconnect)
        else:
            session = spark_session(order.spark_master, spill, order.memory_mb)
            engine = spark_engine(stack.enter_context(session))
        yield engine


def _checked(order: Order, engine: Engine, shop: Workshop) -> Prepared:
    """Prepare the data; name at once what is wrong with them and with the logs beside them."""
    problems: list[str] = []
    try:
        shop.once("logs", lambda _: _check_logs(order.data))
    except ConfigError as error:
        problems = error.problems
    try:
        prepared = prepare(order, engine, shop)
    except ConfigError as error:
        raise ConfigError(list(dict.fromkeys([*error.problems, *problems]))) from error
    validation.refuse(problems)
    return prepared


def _check_logs(data: Path) -> None:
    """Refuse broken logs as receipts are refused, before minutes go into a ranker."""
    problems: list[str] = []
    for is_there, check in (
        ((data / visit_log.FILE).is_file(), visit_log.check),
        (offer_log.has_log(data) and (data / "catalog.json").is_file(), offer_log.check),
        (coupons.has_coupons(data), coupons.check),
    ):
        try:
            if is_there:
                check(data)
        except TooLittleError:
            pass  # what is whole, but not enough, leaves its model out
        except ConfigError as error:
            problems += error.problems
    validation.refuse(problems)


def prepare(order: Order, engine: Engine, shop: Workshop) -> Prepared:
    """Check the data and number the baskets.

    Raises:
        ConfigError: They cannot be learned from, or hold two logs to learn acceptance from.
    """
    if offer_log.has_log(order.data) and not coupons.lacking(order.data):
        problem = (
            f"{order.data}: found coupon tables and {offer_log.FILE}; expected one of them: "
            "acceptance is learned from one log"
        )
        raise ConfigError([problem])
    lines = shop.once(
        "lines", lambda to: _keep_sales(readers.read(engine, order.data, to, order.most_lines), to)
    )
    given = _found_sales(engine, order.data, lines)
    pages = shop.once("quality", lambda to: quality.write(quality.measure(given), to))
    variables = quality.read(pages)
    sales = quality.without_alarming(given, variables)
    tables = shop.once(
        "histories",
        lambda to: engine.save(histories.baskets(sales.lines), to / "baskets.parquet"),
    )
    return Prepared(engine, sales, engine.open(tables / "baskets.parquet"), variables)


def _keep_sales(sales: Sales, to: Path) -> None:
    sales.items.to_parquet(to / "items.parquet")
    (to / "sales.json").write_text(json.dumps({"form": sales.form, "unknown": sales.unknown}))


def _found_sales(engine: Engine, data: Path, lines: Path) -> Sales:
    items, about = pd.read_parquet(lines / "items.parquet"), _json(lines / "sales.json")
    table = engine.open(lines / "lines.parquet")
    return Sales(about["form"], data, table, items, about["unknown"])


def everybody(prepared: Prepared, past: Table, to: Path) -> tuple[Everybody, Table]:
    """Number the baskets that may be learned from; returns their item index as well.

    Args:
        prepared: See there.
        past: Baskets, of `Prepared.numbered`.
        to: A new folder.
    """
    least = 1 if prepared.sales.form == "store" else histories.LEAST_LINES
    engine = prepared.engine
    to.mkdir(parents=True)
    items = engine.save(histories.item_index(past, least), to / "items.parquet")
    return Everybody.of(engine, past, items, to / "lines"), items


def _fit(order: Order, prepared: Prepared, known: Everybody, items: Table, to: Path) -> None:
    """Train a ranker on what is known and write its files."""
    learners, item_ids = known.extent().learners, histories.item_ids(items)
    if learners < LEAST_TAUGHT:
        problem = (
            f"{order.data}: {learners} customers have two baskets of items that are kept; "
            f"expected at least {LEAST_TAUGHT}: a ranker cannot be learned from fewer"
            f"{_in_no_history(prepared.sales.lines)}"
        )
        raise ConfigError([problem])
    codes = _codes(prepared, "category", item_ids) if prepared.usable("category") else None
    learned = known.drawn(LEARNED_CUSTOMERS, order.seed)
    try:
        train(known, learned, item_ids, to, codes, seed=order.seed)
    except RoundingError as error:
        raise ConfigError([f"{order.data}: {error}"]) from error


def _in_no_history(lines: Table) -> str:
    """Say how many lines histories leave out, nothing where they take all."""
    totals = {
        "gifts": lines.is_gift,
        "held_out": lines.is_test,
        "anonymous": lines.customer.isnull(),
    }
    counted = {name: is_so.fill_null(False).cast("int64").sum() for name, is_so in totals.items()}
    found = lines.aggregate(rows=lines.count(), **counted).to_pyarrow().to_pylist()[0]
    parts = [f"{found[name]} {name.replace('_', ' ')}" for name in totals if found[name]]
    return f"; of {found['rows']} lines {', '.join(parts)}, in no history" if parts else ""


def _codes(prepared: Prepared, column: str, item_ids: tuple[str, ...]) -> Ints:
    """Return int32[items], what a column of the items says of each, −1 where unknown."""
    known = dict(zip(prepared.sales.items["item"], prepared.sales.items[column], strict=True))
    named = [known.get(item) for item in item_ids]
    codes: Ints = pd.factorize(np.array(named, object))[0].astype(np.int32)
    return codes


def _zones(prepared: Prepared, item_ids: tuple[str, ...]) -> Ints | None:
    """Return int32[items], the zone of every item, −1 where unknown; None without any."""
    zones = _codes(prepared, "zone", item_ids)
    return zones if (zones >= 0).any() else None


def _judge(order: Order, prepared: Prepared, to: Path) -> None:
    """Train on the past alone and judge on what came after, or keep why nothing was judged."""
    has_days = prepared.usable("day")
    parts = held_out.split(prepared.numbered, has_days=has_days)
    if parts is None:
        days = "all baskets are of one day" if has_days else "their days are unknown"
        row = {_NOT_JUDGED: f"the data mark no basket as held out, and {days}"}
    else:
        with tempfile.TemporaryDirectory(dir=to) as folder:
            row = _judged(order, prepared, parts, to, Path(folder) / "known")
    (to / "judgement.json").write_text(json.dumps(row))


_NOT_JUDGED = "not_judged"
"""In place of a judgement: the reason that there is none."""


def _judged(
    order: Order, prepared: Prepared, parts: held_out.Split, to: Path, work: Path
) -> dict[str, Any]:
    """Train on what is known and judge, or say why there are too few to learn from or to judge."""
    known, items = everybody(prepared, parts.known, work)
    if (learners := known.extent().learners) < LEAST_LEARNERS:
        few = f"without the newest baskets {learners} customers have two baskets or more"
        return {_NOT_JUDGED: f"{few}; expected at least {LEAST_LEARNERS}"}
    asked = held_out.asked(known, parts.later, items, order.seed)
    if not asked.labels:
        return {_NOT_JUDGED: "no known customer bought a known item in the newest baskets"}
    _fit(order, prepared, known, items, to)
    opened = Bundle.open(to)
    answers = ask(opened, asked.histories, asked.labels)
    row = judge(answers, known.popular(), order.seed).row()
    row["in_use"] = replay.measure(opened, answers, order.seed, _zones(prepared, opened.item_ids))
    if prepared.is_dated:
        row["judged_from"] = str(_day(parts.later.local_day.min().to_pyarrow().as_py()))
    return row


def _days(prepared: Prepared, newest: float | None) -> dict[str, str] | None:
    """Return the period of the receipts and the first day that a bundle has not seen, for the card.

    Args:
        prepared: See there.
        newest: Day of the newest basket that the ranker learned from.
    """
    if not prepared.is_dated or newest is None:
        return None
    if (learned := held_out.last_learned(prepared.numbered, newest)) is None:
        return None
    lines = prepared.sales.lines
    found = lines.aggregate(first=lines.local_day.min(), last=lines.local_day.max())
    days = found.to_pyarrow().to_pylist()[0] | {"unseen_from": learned + 1}
    return {name: str(_day(number)) for name, number in days.items()}


def _day(number: int) -> date:
    return date(1970, 1, 1) + timedelta(days=number)


def _train_ranker(order: Order, prepared: Prepared, to: Path) -> None:
    """Train on everything that is not held out by the data itself."""
    with tempfile.TemporaryDirectory(dir=to) as folder:
        past = histories.history(prepared.numbered)
        known, items = everybody(prepared, past, Path(folder) / "known")
        _fit(order, prepared, known, items, to)


def _visit_models(order: Order, prepared: Prepared, shop: Workshop) -> list[Path]:
    """Train the models beside the ranker that the data hold something of."""
    data, seed = order.data, order.seed
    trainers: dict[str, Callable[[Path], VisitModel]] = {}
    if prepared.holds("zone", "department", "local_day"):
        trainers["anonymous"] = lambda _: _anonymous(order, prepared)
    if (data / visit_log.FILE).is_file():
        trainers["motive"] = lambda _: motives.train(data, seed)
    if (teaching := _teaching(data, prepared)) is not None:
        trainers["acceptance"] = lambda to: acceptance_model.train(teaching(to), seed)
    stages = {"anonymous": "anonymous_final"} if order.is_final else {}
    return [
        shop.once(stages.get(name, name), partial(_keep, name, trainer))
        for name, trainer in trainers.items()
    ]


def _anonymous(order: Order, prepared: Prepared) -> VisitModel:
    """Train on receipts, where they tell of visits."""
    reason = ""
    if not prepared.usable("local_day"):  # a set does not tell the order of lines either
        reason = "the lines tell no local day that can be used; expected the receipts of a store"
    elif not (prepared.usable("zone") or prepared.usable("department")):
        reason = "too few items tell a zone, or else a department; expected one of them"
    if reason:
        raise TooLittleError(str(order.data), reason)
    return anonymous.train(prepared.sales, order.seed, is_final=order.is_final)


def _teaching(data: Path, prepared: Prepared) -> Callable[[Path], Teaching] | None:
    """Return what reads a log that acceptance can be learned from, None where there is none.

    It gets the stage's folder: lines lie nowhere else, so that none outlives a kill.
    """
    if not offer_log.has_log(data):
        return (lambda _: coupons.read(data)) if coupons.has_coupons(data) else None

    def read(to: Path) -> Teaching:
        past = histories.history(prepared.numbered)
        with tempfile.TemporaryDirectory(dir=to) as folder:
            known, items = everybody(prepared, past, Path(folder) / "known")
            return offer_log.read(data, known.purchases(), histories.item_ids(items))

    return read


def _keep(name: str, trainer: Callable[[Path], VisitModel], to: Path) -> None:
    """Train a model and keep its files; where that makes none worth shipping, keep the reason."""
    row: dict[str, Any]
    try:
        model = trainer(to)
    except TooLittleError as error:
        row = {"left_out": error.reason}
    except RoundingError as error:
        row = {"left_out": str(error)}
    else:
        row = model.row()
        for file, content in model.files().items():
            (to / file).write_bytes(content)
    (to / "row.json").write_text(json.dumps({name: row}))


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _assemble(
    ranker: Path,
    out: Path,
    prepared: Prepared,
    judgement: Any,
    models: list[Path],
    beside: Mapping[str, Any],
) -> dict[str, Any]:
    """Put the files of the stages together, with the page and the card."""
    rows: dict[str, Any] = {}
    extra: dict[str, bytes] = {}
    for directory in models:
        rows |= _json(directory / "row.json")
        extra |= {p.name: p.read_bytes() for p in directory.iterdir() if p.name != "row.json"}
    metrics: dict[str, Any] = _json(ranker / "metrics.json") | {
        "judgement": judgement or None,
        **beside,
        "is_judged_itself": bool(judgement) and ranker.name == "judged",
        "visit_models": {name: row for name, row in rows.items() if "left_out" not in row},
        "left_out": {n: row["left_out"] for n, row in rows.items() if "left_out" in row},
        "variables": [variable.row() for variable in prepared.variables],
    }
    out.mkdir(parents=True, exist_ok=True)
    for path in ranker.iterdir():
        if path.name != "judgement.json":
            shutil.copyfile(path, out / path.name)
    extra["metrics.json"] = bundle.json_bytes(metrics)
    bundle.extend(out, extra)
    listed = bundle.extend(out, card.files(metrics, bundle.loaded_bytes(out)))["files"]
    for name in {*bundle.LOADED, *bundle.BESIDE, *card.FILES} - set(listed):
        (out / name).unlink(missing_ok=True)  # of the bundle that stood there
    return metrics


def summary(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of a training in one line."""
    judgement = metrics["judgement"] or {}
    gains = {name: row["gain_ci95"] for name, row in metrics["visit_models"].items()}
    return {
        "customers": metrics["customers"],
        "lines": metrics["lines"],
        "recall_at_10": judgement.get("recall_at_10"),
        "best_rival_gain_ci95": judgement.get("gain_ci95"),
        "ece": judgement.get("ece"),
        "visit_model_gain_ci95": gains,
        "left_out": metrics["left_out"],
        "switched_off": [v["name"] for v in metrics["variables"] if v["is_alarming"]],
    }


def quality_page(metrics: Mapping[str, Any]) -> str:
    """Return the page on data quality of a training."""
    derived = ("is_enabled", "is_alarming")
    rows = [{k: v for k, v in row.items() if k not in derived} for row in metrics["variables"]]
    return quality.page([quality.Variable(**row) for row in rows])


def rewrite_card(out: Path) -> list[str]:
    """Write a bundle's card again from its metrics; returns the files' names.

    Raises:
        TrustError: The metrics, or the manifest, are not those of a training.
    """
    measured = archive.one(out, "metrics.json")
    try:
        metrics = json.loads(measured)
        written = card.files(metrics, bundle.loaded_bytes(out))
    except (ValueError, AttributeError, LookupError, TypeError) as error:
        problem = f"{out}: the card cannot be written: {error!r} in metrics.json or manifest.json"
        raise TrustError(f"{problem}; train the bundle again") from error
    bundle.extend(out, written)
    return sorted(written)
