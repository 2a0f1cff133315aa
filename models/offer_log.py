"""Read a chain's log of offers and lay it out as rows: what was shown to whom, with what chance.

Decides the file's form (`offers.csv.gz`: shown_at, member_id, offer_id, kind, item_ids, propensity,
is_taken) and that a row knows only what was known as its day began, by the box's own code. An offer
of what is no longer sold was seen all the same, but is no row. The chances undo what the old policy
preferred: rates and training weigh each row by their inverse. Leaves out the inputs
(`edge.core.acceptance`) and the model (`models.acceptance`).
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from edge.core import acceptance
from edge.core.acceptance import LOOK_BACK_DAYS, Past, Rates, Seen, Shelf
from edge.core.history import History
from edge.core.off_policy import weights
from models import validation
from models.offers import FIRST_RATE, Market, Rows, Teaching, shrunk
from models.purchases import Purchases
from models.readers import read_catalog
from models.tables import read_table
from models.visit_models import TooLittleError

FILE = "offers.csv.gz"
COLUMNS = ("shown_at", "member_id", "offer_id", "kind", "item_ids", "propensity", "is_taken")
ABOUT = "log of offers, weighted by 1 / propensity; the latest 30 % of its days judged"
DAY_S = 86_400.0
_MOMENT = r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})"


def has_log(directory: Path) -> bool:
    """Tell whether a directory holds a log of offers."""
    return (directory / FILE).is_file()


def check(directory: Path) -> None:
    """Refuse a log, or a catalogue, that `read` would refuse."""
    _checked(directory / FILE, _goods(read_catalog(directory / "catalog.json")))


def _goods(catalog: Mapping[str, Any]) -> dict[str, int]:
    """Return the place of every item in the catalogue."""
    return {str(item["item_id"]): at for at, item in enumerate(catalog["items"])}


def read(directory: Path, purchases: Purchases, item_ids: tuple[str, ...]) -> Teaching:
    """Read a log and compute every row's inputs.

    Args:
        directory: A store's files.
        purchases: Of everybody known, with their days.
        item_ids: What the purchases' item indexes mean.

    Raises:
        TooLittleError: No offer is in it, or no purchase has a day.
        ConfigError: A column or a value is not as expected, with file and row.
    """
    if purchases.day is None:
        reason = "the baskets tell no days that can be used; expected them beside the log"
        raise TooLittleError(str(directory / FILE), reason)
    catalog = read_catalog(directory / "catalog.json")
    goods = _goods(catalog)
    names = [item.get("class_id") for item in catalog["items"]]
    classes = {entry["id"]: at for at, entry in enumerate(catalog.get("classes") or [])}
    class_of = np.array([classes.get(name, -1) for name in names], np.int32)
    frame = _checked(directory / FILE, goods)
    about = f"{ABOUT}{_unknown(frame, purchases.customer_ids, directory / FILE)}"
    sold = _Sold(purchases, np.array([goods.get(item, -1) for item in item_ids], np.int32))
    log = _Log(frame, class_of, sold)
    return Teaching(log.rows(), log.market(tuple(goods)), str(directory / FILE), about)


def _unknown(frame: pd.DataFrame, customer_ids: Sequence[str], path: Path) -> str:
    """Say how many offers are of unknown items, or to members of whom no basket is known.

    Raises:
        TooLittleError: These are so many that the ids of the log must be others.
    """
    counted = {
        "of unknown items": int((frame["items"].map(len) == 0).sum()),
        "to members without a basket": int((~frame["member_id"].isin(customer_ids)).sum()),
    }
    strangers = counted["to members without a basket"]
    if strangers > validation.MOST_UNKNOWN_SKUS * len(frame):
        most = f"expected at most {validation.MOST_UNKNOWN_SKUS:.0%}: are ids those of receipts?"
        reason = f"{strangers} of {len(frame)} offers to members without a basket; {most}"
        raise TooLittleError(str(path), reason)
    parts = [f"{n:,} of {len(frame):,} {what}" for what, n in counted.items() if n]
    return f"; {', '.join(parts)}" if parts else ""


def _checked(path: Path, goods: Mapping[str, int]) -> pd.DataFrame:
    """Return the log, oldest first, with typed columns and `day`, days since 1970 in UTC."""
    frame = read_table(path, COLUMNS, dtype=str, keep_default_na=False)
    if frame.empty:
        raise TooLittleError(str(path), "no offer in the log; expected some")
    frame["day"] = _days(frame["shown_at"])
    frame["propensity"] = pd.to_numeric(frame["propensity"], errors="coerce")
    items = frame["item_ids"].str.split()
    broken = {
        f"shown_at: expected {validation.MOMENT}": frame["day"].isna(),
        "member_id: expected a value": frame["member_id"] == "",
        "offer_id: expected a value": frame["offer_id"] == "",
        "kind: expected a value": frame["kind"] == "",
        "item_ids: expected ids of items, with spaces between": items.map(len) == 0,
        "propensity: expected a chance above 0 and up to 1": ~(
            (frame["propensity"] > 0) & (frame["propensity"] <= 1)
        ),
        "is_taken: expected 0 or 1": ~frame["is_taken"].isin(["0", "1"]),
        "expected one row for a moment, member and offer": frame.duplicated(
            ["day", "member_id", "offer_id"]
        ),
    }
    problems = [
        f"{path}: row {int(np.argmax(rows)) + 2}: {what}; {int(rows.sum())} rows are otherwise"
        for what, rows in broken.items()
        if rows.any()
    ]
    frame["items"] = [
        np.array([goods[item] for item in each if item in goods], np.int32) for each in items
    ]
    is_known = frame["items"].map(len) > 0
    validation.refuse(
        problems or validation.unknown_names(path, "item_ids", "catalog.json", is_known)
    )
    frame["is_taken"] = frame["is_taken"] == "1"
    return frame.sort_values(["day", "member_id", "offer_id"], kind="stable")


def _days(text: "pd.Series[str]") -> "pd.Series[float]":
    """Return days since 1970 in UTC, NaN for what is no such moment as receipts have."""
    whole = text.where(text.str.fullmatch(_MOMENT))
    at = pd.to_datetime(whole, format="ISO8601", errors="coerce", utc=True).dt.as_unit("us")
    since = at - pd.Timestamp(0, tz="UTC").as_unit("us")
    days = since / pd.Timedelta(days=1).as_unit("us")
    return days.where(days.between(0, validation.LATEST_S / DAY_S))


class _Sold:
    """The lines of everybody known, over the catalogue's items."""

    def __init__(self, purchases: Purchases, place: npt.NDArray[np.int32]) -> None:
        assert purchases.day is not None
        self._day = np.floor(purchases.day)[purchases.basket]
        self._item = place[purchases.item]
        found = zip(purchases.customer_ids, purchases.histories(), strict=True)
        self._of = {customer: _placed(history, place) for customer, history in found}

    def history(self, customer: str) -> History:
        """Return what a customer bought; nothing of somebody unknown."""
        return self._of.get(customer, History.empty())

    def before(self, day: float, n_items: int) -> npt.NDArray[np.float32]:
        """Return float32[items], lines sold on earlier days."""
        lines = self._item[(self._day < day) & (self._item >= 0)]
        return np.bincount(lines, minlength=n_items).astype(np.float32)


def _placed(history: History, place: npt.NDArray[np.int32]) -> History:
    """Return a history over the catalogue's items, without what is no longer in it."""
    item = place[history.item]
    return History(item[item >= 0], history.basket[item >= 0], history.day)


@dataclass(slots=True)
class _Tally:
    """Choices so far: their weights, those of the taken ones, and how many there were."""

    weight: float = 0.0
    taken: float = 0.0
    n: int = 0

    def add(self, weight: float, *, is_taken: bool) -> None:
        """Count one choice."""
        self.weight += weight
        self.taken += weight * is_taken
        self.n += 1

    def rate(self, prior: float) -> float:
        """Return the self-normalised rate, shrunk to a prior."""
        own = self.taken / self.weight if self.weight else 0.0
        return shrunk(own * self.n, self.n, prior)


class _Log:
    """A checked log, day by day; every row is as of the beginning of its day."""

    def __init__(self, frame: pd.DataFrame, class_of: npt.NDArray[np.int32], sold: _Sold) -> None:
        self._frame, self._class_of, self._sold = frame, class_of, sold
        self._all = _Tally()
        self._kinds: dict[str, _Tally] = {}
        self._seen: dict[str, deque[Seen]] = {}

    def rows(self) -> Rows:
        """Compute the inputs of every row."""
        frame = self._frame
        parts = [self._day(float(day), part) for day, part in frame.groupby(np.floor(frame["day"]))]
        columns = Rows(
            features=np.concatenate([part[0] for part in parts]),
            is_accepted=frame["is_taken"].to_numpy(np.bool_),
            customer=pd.factorize(frame["member_id"], sort=True)[0].astype(np.int64),
            campaign=(day := np.floor(frame["day"].to_numpy()).astype(np.int64)),
            starts=day.astype("datetime64[D]"),
            ends=day.astype("datetime64[D]"),
            kind=frame["kind"].to_numpy(str),
            kind_rate=np.concatenate([part[1] for part in parts]),
            weight=weights(frame["propensity"].to_numpy(np.float64)),
        )
        return columns.of(frame["items"].map(len).to_numpy() > 0)

    def market(self, item_ids: tuple[str, ...]) -> Market:
        """Return what is known once every row was computed."""
        lines = self._sold.before(np.inf, self._class_of.size)
        return Market(self._rates(), item_ids, lines)

    def _rates(self) -> Rates:
        store = self._all.rate(FIRST_RATE)
        return Rates(store, {kind: tally.rate(store) for kind, tally in self._kinds.items()})

    def _day(
        self, day: float, part: pd.DataFrame
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return the inputs and kind rates of a day's rows, then take in what they teach."""
        rates = self._rates()
        shelf = Shelf.of(self._class_of, self._sold.before(day, self._class_of.size))
        features = np.zeros((len(part), len(acceptance.FEATURES)), np.float32)
        kind_rate = np.array([rates.of(kind) for kind in part["kind"]], np.float32)
        pasts: dict[str, Past] = {}
        for at, (member, items) in enumerate(zip(part["member_id"], part["items"], strict=True)):
            if not items.size:
                continue
            offers = acceptance.Offers.of([items], self._class_of, kind_rate[at : at + 1])
            if member not in pasts:
                pasts[member] = self._past(member, day, rates.store)
            features[at] = acceptance.features(pasts[member], offers, shelf)[0]
        self._learn(day, part)
        return features, kind_rate

    def _past(self, member: str, day: float, store_rate: float) -> Past:
        """Return what is known of a member as a day begins; what was seen too long ago is gone."""
        seen = self._seen.get(member, deque())
        while seen and day - seen[0].day > LOOK_BACK_DAYS:
            seen.popleft()
        return Past.of(self._sold.history(member), day, seen, store_rate)

    def _learn(self, day: float, part: pd.DataFrame) -> None:
        """Take in what a day teaches the days after it."""
        clipped = weights(part["propensity"].to_numpy(np.float64))
        columns = (part["member_id"], part["kind"], part["items"], part["is_taken"], clipped)
        for member, kind, items, is_taken, weight in zip(*columns, strict=True):
            self._all.add(float(weight), is_taken=bool(is_taken))
            of_kind = self._kinds.setdefault(str(kind), _Tally())
            of_kind.add(float(weight), is_taken=bool(is_taken))
            classes = tuple(np.unique(self._class_of[items]).tolist())
            self._seen.setdefault(str(member), deque()).append(Seen(day, bool(is_taken), classes))
