"""The form of a rule file: one class per table, spelled as people write it.

Only shapes and single values are checked here; `reading` turns them into the core's values.
"""

import datetime
from typing import Annotated, Literal

import msgspec

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Sentence = Annotated[str, msgspec.Meta(min_length=3, max_length=300)]
Remark = Annotated[str, msgspec.Meta(max_length=300)]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Days = Annotated[float, msgspec.Meta(gt=0.0, le=36_525.0)]
ActionName = Literal["repeat", "complement", "care"]


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table that knows all its keys: a typing error is told, not ignored."""


class PolicyForm(Strict, frozen=True):
    """`[kinds.durable]` or `[classes.winter-coat]`; `interval_days = 0` means none.

    Who, when and why may be left out; the page then asks for it.
    """

    then: list[ActionName]
    interval_days: Annotated[float, msgspec.Meta(ge=0.0, le=36_525.0)] = 0.0
    reopen_share: Annotated[float, msgspec.Meta(gt=0.0, le=2.0)] = 1.0
    author: Name | None = None
    date: datetime.date | None = None
    reason: Remark = ""


class MatrixForm(Strict, frozen=True):
    """`[[matrix]]`: product group × audience -> what follows; an empty list is silence."""

    group: Name
    then: list[ActionName]
    audience: Name = "*"
    author: Name | None = None
    date: datetime.date | None = None
    reason: Remark = ""


class CapForm(Strict, frozen=True):
    """`[[caps]]`; exactly one of `limit` and `times_stock`, except for a lifetime."""

    id: Name
    window: Name
    limit: Count | None = None
    times_stock: Annotated[float, msgspec.Meta(gt=0.0)] | None = None
    per: list[
        Literal[
            "person",
            "household",
            "visit",
            "item",
            "offer",
            "class",
            "campaign",
            "placement",
            "surface",
        ]
    ] = []
    only: dict[Literal["item", "offer", "class", "campaign", "placement", "surface"], str] = {}
    messages: tuple[
        Literal["offer", "availability", "order_status", "care", "recognition"], ...
    ] = ("offer",)
    requests_pass: bool = True


class RuleForm(Strict, frozen=True):
    """`[[rules]]`; the numbers depend on the kind."""

    id: Name
    kind: Literal["pin", "boost", "bury", "ban", "complement"]
    targets: Annotated[list[Name], msgspec.Meta(min_length=1)]
    date: datetime.date
    reason: Sentence
    author: Name | None = None
    place: Annotated[int, msgspec.Meta(ge=1, le=10)] | None = None
    factor: Annotated[float, msgspec.Meta(ge=0.0, le=100.0)] | None = None
    to: list[Name] = []
    never: list[Name] = []
    law: bool = False
    starts: datetime.date | None = None
    ends: datetime.date | None = None
    surfaces: list[Literal["tablet", "station", "push"]] = []
    zones: list[Name] = []
    audiences: list[Name] = []
    motives: list[
        Literal[
            "first_time", "inspiration", "price_comparing", "undecided", "about_to_buy", "unknown"
        ]
    ] = []


class FloorsForm(Strict, frozen=True):
    """`[limits.floors]`: the lowest chance of success worth showing, per surface."""

    tablet: Share | None = None
    station: Share | None = None
    push: Share | None = None


Cards = Annotated[int, msgspec.Meta(ge=0, le=10)]


class CardsForm(Strict, frozen=True):
    """`[limits.max_cards]`: cards at a time, per surface."""

    tablet: Cards | None = None
    station: Cards | None = None
    push: Cards | None = None


class LimitsForm(Strict, frozen=True):
    """`[limits]`: the numbers of tact."""

    floors: FloorsForm = FloorsForm()
    max_cards: CardsForm = CardsForm()
    max_per_class: Annotated[int, msgspec.Meta(ge=1, le=10)] | None = None
    similar_cost: Share | None = None
    quiet_after_entry_s: Annotated[float, msgspec.Meta(ge=0.0, le=86_400.0)] | None = None
    explore_share: Share | None = None
    care_days: Days | None = None
    care_min_price_cents: Annotated[int, msgspec.Meta(ge=0)] | None = None
    win_back_factor: Annotated[float, msgspec.Meta(ge=1.0)] | None = None
    bulky_times: Count | None = None
    birthday_days: Annotated[int, msgspec.Meta(ge=0, le=60)] | None = None
    profile_stale_days: Days | None = None


class ExperimentForm(Strict, frozen=True):
    """`[[experiments]]`: one factor, its arms, the control first."""

    key: Name
    arms: Annotated[list[Name], msgspec.Meta(min_length=2, max_length=10)]
    weights: list[Share] | None = None
    coverage: Share = 1.0
    seed: Name | None = None


class HeadForm(Strict, frozen=True):
    """The keys above the first table."""

    version: Name
    author: Name | None = None
    cooldown_hours: Annotated[float, msgspec.Meta(ge=0.0, le=8_784.0)] | None = None
    holdout_share: Annotated[float, msgspec.Meta(ge=0.0, le=0.5)] | None = None
    may_silence: bool = False
