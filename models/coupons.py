"""Read a chain's coupon log and lay it out as rows: who got which coupon, and redeemed it or not.

Decides the protocol: every row's inputs know only what happened before its campaign began, the
training campaigns end before the judged ones begin. Tables are those of the public "Complete
Journey" data: coupons, campaigns, campaign_descriptions, coupon_redemptions, products and
till lines. Leaves out the inputs themselves (`edge.core.acceptance`) and the model.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from edge.core import acceptance
from edge.core.acceptance import LOOK_BACK_DAYS, Rates
from edge.core.errors import ConfigError
from models.engine import FIRST_ROW
from models.offers import FIRST_RATE, Market, Rows, Teaching, shrunk
from models.readers import category_of
from models.tables import read_table
from models.visit_models import TooLittleError

TABLES = {
    "coupons": ("coupon_upc", "product_id", "campaign_id"),
    "campaigns": ("campaign_id", "customer_id"),
    "campaign_descriptions": ("campaign_id", "campaign_type", "start_date", "end_date"),
    "coupon_redemptions": ("customer_id", "coupon_upc", "campaign_id", "redemption_date"),
    "products": ("product_id",),
}
OF_COUPONS = tuple(name for name in TABLES if name != "products")
"""Tables that tell of coupons; products stand beside baskets without any as well."""
LINES = {
    "transactions_days1-78": ("customer_id", "product_id", "date"),
    "transactions_sample_2017": ("customer_id", "product_id", "transaction_timestamp"),
}
NUMBERS = ("coupon_upc", "campaign_id", "customer_id")
MOST_NUMBER = 2**53
"""Above it two ids are one where their column was read as fractions."""
KEYS = {"products": "product_id", "campaign_descriptions": "campaign_id"}
"""What stands in a table once."""
DATES = ("start_date", "end_date", "redemption_date", "date", "transaction_timestamp")
ABOUT = "coupon log: campaigns ended before the judged ones began; the latest 30 % judged"
LEAST_LINES = 3
"""Lines under which an item's share of what is sold is as good as none, and its id not kept."""


def has_coupons(directory: Path) -> bool:
    """Tell whether a directory holds a coupon log, or a part of one."""
    return any(_is_there(directory, name) for name in OF_COUPONS)


def lacking(directory: Path) -> str:
    """Return which files of a coupon log are missing, and what was expected; empty if none is."""
    missing = [
        f"{name}.csv.gz: not found; expected a table of {', '.join(columns)}"
        for name, columns in TABLES.items()
        if not _is_there(directory, name)
    ]
    if not any(_is_there(directory, name) for name in LINES):
        expected = " or ".join(f"{name}.csv.gz" for name in LINES)
        missing.append(f"till lines with dates: not found; expected {expected}")
    return "; ".join(missing)


def _is_there(directory: Path, name: str) -> bool:
    return (directory / f"{name}.csv.gz").is_file()


def check(directory: Path) -> None:
    """Refuse tables that `read` would refuse, all of them at once.

    Raises:
        TooLittleError: A table is missing, so that none is read.
        ConfigError: A column or a value is missing, or not as expected; with file and row.
    """
    if reason := lacking(directory):
        raise TooLittleError(str(directory), reason)
    problems: list[str] = []
    for name, columns in (TABLES | LINES).items():
        try:
            if _is_there(directory, name):
                _table(directory, name, columns)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)


def read(directory: Path) -> Teaching:
    """Read the tables and compute every row's inputs with the box's own code.

    Raises:
        TooLittleError: A table is missing, or no customer got a coupon.
        ConfigError: A column or a value is, or is not as expected; with file and row.
    """
    if reason := lacking(directory):
        raise TooLittleError(str(directory), reason)
    tables = {name: _table(directory, name, columns) for name, columns in TABLES.items()}
    log = _Log(tables, _lines(directory))
    rows = _rows(log)
    if rows is None:
        reason = "no campaign with coupons reached a customer; expected at least one"
        raise TooLittleError(str(directory / "campaigns.csv.gz"), reason)
    return Teaching(rows, log.market(), str(directory / "coupon_redemptions.csv.gz"), ABOUT)


def _table(directory: Path, name: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """Read a table; what it holds beside the columns that are checked stays as it is."""
    path = directory / f"{name}.csv.gz"
    frame = read_table(path, columns)
    problems = []
    for column in columns:
        values, expected = _typed(frame[column])
        broken = values.isna()
        if broken.any():
            problems.append(
                f"{path}: row {int(np.argmax(broken)) + FIRST_ROW}: {column}: expected {expected}; "
                f"{int(broken.sum())} of {len(frame)} rows are otherwise"
            )
        else:
            frame[column] = values.astype(np.int64) if column in NUMBERS else values
    if (key := KEYS.get(name)) and (twice := frame[key].duplicated()).any():
        row = int(np.argmax(twice)) + FIRST_ROW
        problems.append(f"{path}: row {row}: {key}: stands there twice; expected once")
    if problems:
        raise ConfigError(problems)
    return frame


def _typed(column: pd.Series) -> tuple[pd.Series, str]:
    """Return a column's values, none where one does not fit, and what is expected of them."""
    if column.name in DATES:
        days = pd.to_datetime(column, format="ISO8601", errors="coerce", utc=True)
        return days.dt.tz_localize(None), "a date such as 2017-03-01"
    if column.name in NUMBERS:
        numbers = pd.to_numeric(column, errors="coerce")
        is_whole = (numbers % 1 == 0) & numbers.between(-MOST_NUMBER, MOST_NUMBER)
        return numbers.where(is_whole), "a whole number"
    return column, "a value"


def _lines(directory: Path) -> pd.DataFrame:
    """Return customer_id, product_id, day (datetime64[D]) of every till line, oldest first."""
    parts = []
    for name, columns in LINES.items():
        if _is_there(directory, name):
            part = _table(directory, name, columns)[list(columns)]
            part.columns = pd.Index(["customer_id", "product_id", "day"])
            part["day"] = part["day"].to_numpy().astype("datetime64[D]")
            parts.append(part)
    return pd.concat(parts).sort_values(["customer_id", "day"], kind="stable")


def _rows(log: "_Log") -> Rows | None:
    parts = [
        (*log.customer(customer, campaign), *log.of_campaign(campaign))
        for campaign in log.campaigns()
        for customer in log.receivers[campaign.number]
    ]
    if not parts:
        return None
    return Rows(*(np.concatenate(column) for column in zip(*parts, strict=True)))


@dataclass(frozen=True, slots=True)
class _Campaign:
    """A campaign with everything that was known when it began.

    Args:
        number, kind, start, end: As in the table.
        coupons: Ids; `offers` describes them in the same order.
        kind_rate, store_rate: Acceptance in the campaigns that had ended.
        shown: Coupons each customer had got in the look-back; accepted: (campaign, coupon) of
            these that were redeemed before.
        shelf: What had been sold.
    """

    number: int
    kind: str
    start: np.datetime64
    end: np.datetime64
    coupons: tuple[int, ...]
    offers: acceptance.Offers
    kind_rate: float
    store_rate: float
    shown: dict[int, int]
    accepted: dict[int, list[tuple[int, int]]]
    shelf: acceptance.Shelf


class _Log:
    """The tables, indexed; every answer is as of a campaign's start."""

    def __init__(self, tables: dict[str, pd.DataFrame], lines: pd.DataFrame) -> None:
        products = tables["products"]
        self._index = index = pd.Index(products["product_id"])
        category = category_of(products)
        if category is None:
            self._class_of = np.full(index.size, -1, np.int32)
        else:
            self._class_of = pd.factorize(category)[0].astype(np.int32)
        lines = lines[lines["product_id"].isin(index)]
        self._sold = index.get_indexer(lines["product_id"]).astype(np.int32)
        self._sold_on = lines["day"].to_numpy().astype("datetime64[D]")
        self._lines_of = {
            customer: slice(rows[0], rows[-1] + 1)
            for customer, rows in lines.reset_index().groupby("customer_id").indices.items()
        }
        self._about = tables["campaign_descriptions"]
        known = tables["coupons"][tables["coupons"]["product_id"].isin(index)]
        self._items = {
            (int(campaign), int(coupon)): index.get_indexer(part.unique()).astype(np.int32)
            for (campaign, coupon), part in known.groupby(["campaign_id", "coupon_upc"])[
                "product_id"
            ]
        }
        self.receivers = {
            int(campaign): part.unique()
            for campaign, part in tables["campaigns"].groupby("campaign_id")["customer_id"]
        }
        redeemed = tables["coupon_redemptions"]
        self._redeemed = [
            (np.datetime64(day, "D"), int(customer), int(campaign), int(coupon))
            for day, customer, campaign, coupon in zip(
                redeemed["redemption_date"],
                redeemed["customer_id"],
                redeemed["campaign_id"],
                redeemed["coupon_upc"],
                strict=True,
            )
        ]
        self._pairs = {entry[1:] for entry in self._redeemed}

    def campaigns(self) -> list[_Campaign]:
        """Return the campaigns that anybody received, by start."""
        about = self._about.sort_values(["start_date", "campaign_id"])
        return [
            self._campaign(
                int(row.campaign_id), str(row.campaign_type), row.start_date, row.end_date
            )
            for row in about.itertuples()
            if int(row.campaign_id) in self.receivers and self._coupons(int(row.campaign_id))
        ]

    def of_campaign(self, campaign: _Campaign) -> tuple[npt.NDArray[np.generic], ...]:
        """Return the columns of `Rows` that are the same for all customers."""
        k = len(campaign.coupons)
        return (
            np.full(k, campaign.number),
            np.full(k, campaign.start),
            np.full(k, campaign.end),
            np.full(k, campaign.kind),
            np.full(k, campaign.kind_rate, np.float32),
            np.ones(k, np.float32),  # everybody on the list got every coupon
        )

    def market(self) -> Market:
        """Return what a box must know, as of the end of the log."""
        end = max(self._about["end_date"]) + pd.Timedelta(days=1)
        store = self._rate(end, None, FIRST_RATE)
        kinds = {
            str(kind): self._rate(end, kind, store) for kind in set(self._about["campaign_type"])
        }
        sold = np.bincount(self._sold, minlength=self._class_of.size)
        kept = (sold >= LEAST_LINES).nonzero()[0]
        ids = tuple(str(item) for item in self._index[kept])
        return Market(Rates(store, kinds), ids, sold[kept].astype(np.float32))

    def customer(self, customer: int, campaign: _Campaign) -> tuple[npt.NDArray[np.generic], ...]:
        """Return features, labels and customer of the campaign's coupons."""
        lines = self._lines_of.get(customer, slice(0, 0))
        is_past = self._sold_on[lines] < campaign.start
        accepted = campaign.accepted.get(customer, [])
        classes = [self._classes(pair) for pair in accepted if pair in self._items]
        past = acceptance.Past(
            self._sold[lines][is_past],
            (campaign.start - self._sold_on[lines][is_past]).astype(np.float32),
            campaign.shown.get(customer, 0),
            len(accepted),
            np.concatenate(classes) if classes else np.empty(0, np.int32),
            campaign.store_rate,
        )
        pairs = [(customer, campaign.number, coupon) for coupon in campaign.coupons]
        return (
            acceptance.features(past, campaign.offers, campaign.shelf),
            np.array([pair in self._pairs for pair in pairs]),
            np.full(len(pairs), customer),
        )

    def _coupons(self, campaign: int) -> tuple[int, ...]:
        return tuple(coupon for number, coupon in self._items if number == campaign)

    def _classes(self, pair: tuple[int, int]) -> npt.NDArray[np.int32]:
        return np.unique(self._class_of[self._items[pair]])

    def _campaign(
        self, number: int, kind: str, starts: pd.Timestamp, ends: pd.Timestamp
    ) -> _Campaign:
        coupons = self._coupons(number)
        start = np.datetime64(starts, "D")
        store_rate = self._rate(starts, None, FIRST_RATE)
        kind_rate = self._rate(starts, kind, store_rate)
        rates = np.full(len(coupons), kind_rate, np.float32)
        items = [self._items[number, coupon] for coupon in coupons]
        sold = np.bincount(self._sold[self._sold_on < start], minlength=self._class_of.size)
        accepted: dict[int, list[tuple[int, int]]] = {}
        recent = self._recent(starts)
        for day, customer, campaign, coupon in self._redeemed:
            if day < start and campaign in recent:
                accepted.setdefault(customer, []).append((campaign, coupon))
        return _Campaign(
            number,
            kind,
            start,
            np.datetime64(ends, "D"),
            coupons,
            acceptance.Offers.of(items, self._class_of, rates),
            kind_rate,
            store_rate,
            self._shown(recent),
            accepted,
            acceptance.Shelf.of(self._class_of, sold.astype(np.float32)),
        )

    def _rate(self, moment: pd.Timestamp, kind: str | None, prior: float) -> float:
        """Return the acceptance in the campaigns that had ended, shrunk to a prior."""
        about = self._about[self._about["end_date"] < moment]
        if kind is not None:
            about = about[about["campaign_type"] == kind]
        ended = {int(c) for c in about["campaign_id"]} & set(self.receivers)
        shown = sum(len(self._coupons(c)) * len(self.receivers[c]) for c in ended)
        accepted = sum(campaign in ended for _, _, campaign, _ in self._redeemed)
        return shrunk(accepted, shown, prior)

    def _recent(self, moment: pd.Timestamp) -> set[int]:
        """Return the campaigns that began in the look-back before a moment."""
        begun = self._about["start_date"]
        since = moment - pd.Timedelta(days=LOOK_BACK_DAYS)
        chosen = self._about[(begun >= since) & (begun < moment)]["campaign_id"]
        return {int(campaign) for campaign in chosen} & set(self.receivers)

    def _shown(self, campaigns: set[int]) -> dict[int, int]:
        """Return how many coupons of some campaigns each customer got."""
        shown: dict[int, int] = {}
        for campaign in campaigns:
            n = len(self._coupons(campaign))
            for customer in self.receivers[campaign]:
                shown[int(customer)] = shown.get(int(customer), 0) + n
        return shown
