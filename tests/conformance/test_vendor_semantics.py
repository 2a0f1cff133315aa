"""Vendors' documented capping and ranking: where we agree, and where we depart on purpose.

The cases are read from the public semantics file; what we do otherwise is stated beside the
vendor's words, so that the difference is a decision and not an accident.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.core.cap_rules import (
    Calendar,
    CapRule,
    Dimension,
    Ever,
    Fixed,
    Impression,
    Rolling,
)
from edge.core.caps import CapContext, Caps
from edge.core.moment import Moment
from edge.core.order import Ranking
from edge.core.reasons import Reason
from tests.core.decision_world import CATALOG, World, at, full_stock

DAY_S = 86_400.0
WEEK = {"Mon": "02", "Tue": "03", "Wed": "04", "Thu": "05", "Fri": "06", "Sat": "07", "Sun": "08"}


@pytest.fixture(scope="module")
def cases(data_folder: Path) -> dict[str, Any]:
    """The vendors' documented behaviour."""
    text = (data_folder / "semantics/vendor_capping_and_ranking.json").read_text()
    found: dict[str, Any] = json.loads(text)
    return found


def braze(cases: dict[str, Any], name: str) -> dict[str, Any]:
    """Return one of Braze's cases by name."""
    found: dict[str, Any] = next(c for c in cases["braze_caps"]["cases"] if c["name"] == name)
    return found


def ranking(rows: list[tuple[str, int, float]]) -> tuple[list[str], Ranking]:
    """Make a ranking of (offer, group, score) rows."""
    names = sorted({name for name, _, _ in rows})
    n = len(rows)
    return names, Ranking(
        np.array([names.index(name) for name, _, _ in rows], np.int32),
        np.array([group for _, group, _ in rows], np.int32),
        np.array([score for _, _, score in rows], np.float32),
        np.zeros(n, np.int8),
        np.zeros(n, np.int32),
        np.full(n, np.inf),
        np.full(n, -np.inf),
        np.arange(n, dtype=np.uint64),
    )


def merged(rows: list[tuple[str, int, float]]) -> list[str]:
    """Return the offers in merged order."""
    names, columns = ranking(rows)
    return [names[columns.item[row]] for row in columns.merged()]


def test_strategies_merge_as_documented(cases: dict[str, Any]) -> None:
    """Groups in order, the best score of an offer inside its first group, later ones append."""
    case = cases["adobe_strategy_merge"]
    rows = [
        (offer, group, float("nan") if score is None else float(score))
        for group, each in enumerate(case["groups"])
        for strategy in each["strategies"].values()
        for offer, score in strategy.items()
    ]
    assert merged(rows) == case["expect"]
    assert merged(list(reversed(rows))) == case["expect"]


def test_combined_ranking_takes_the_best_of_all(cases: dict[str, Any]) -> None:
    """Two strategies in one group: the top of all offers; in two groups: all of the first."""
    case = cases["adobe_sequential_vs_combined"]
    first = [(f"A{n}", 0, 10.0 + n) for n in range(case["A"])]
    second = [(f"B{n}", 0, 20.0 + n) for n in range(case["B"])]
    asked = case["requested"]
    assert merged(first + second)[:asked] == ["B2", "B1"]
    apart = first + [(name, 1, score) for name, _, score in second]
    assert all(name.startswith("A") for name in merged(apart)[:asked])


def test_priority_is_higher_first(cases: dict[str, Any]) -> None:
    """50 comes before 1 to 49 and after 51, among equal scores."""
    assert "50 is presented before 1-49" in cases["adobe_priority"]["example"]
    names, columns = ranking([("p49", 0, 1.0), ("p50", 0, 1.0), ("p51", 0, 1.0), ("p1", 0, 1.0)])
    priority = np.array([49, 50, 51, 1], np.int32)
    ordered = replace(columns, priority=priority).order()
    assert [names[columns.item[row]] for row in ordered] == ["p51", "p50", "p49", "p1"]


def impression(card_id: str, when: Moment, **changes: object) -> Impression:
    """Make an impression of one offer for one person."""
    made = Impression(
        card_id, "alice", "v1", when.now_s, when.day, "push", "inbox", "tie", "tie",
        "spring", "promotional",
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def show(caps: Caps, card: Impression) -> None:
    """Reserve and show."""
    caps.reserve([card])
    caps.shown(card.card_id, Moment(card.at_s, card.day))


def is_open(caps: Caps, when: Moment, who: str = "alice") -> bool:
    """Tell whether the person may be pushed another one."""
    return not caps.look(CapContext(who, "v1", "push", "inbox", is_pull=False, moment=when)).closed


def march(day: str, hour: str = "10:00") -> Moment:
    """Return a moment in the first week of March 2026, which starts on Monday the 2nd."""
    return at(f"2026-03-{WEEK[day]} {hour}")


def test_two_a_week(cases: dict[str, Any]) -> None:
    """Triggers on Monday, Wednesday, Thursday: the third is dropped, and not queued."""
    case = braze(cases, "use case 2")
    caps = Caps([CapRule("week", 2, Rolling(7 * DAY_S))])
    sent = []
    for day in case["triggers"]:
        if is_open(caps, march(day)):
            show(caps, impression(day, march(day)))
            sent.append(day)
    assert sent == case["sent"]
    # No debt: when the window moves on, nobody gets the dropped one by itself; it opens again.
    assert is_open(caps, at("2026-03-09 11:00"))
    assert caps.outstanding() == 0


def test_several_rules_are_anded(cases: dict[str, Any]) -> None:
    """One a week for all and three a week for promotions: one promotion a week."""
    case = braze(cases, "conflict")
    caps = Caps(
        [
            CapRule("all", 1, Rolling(7 * DAY_S)),
            CapRule("promotional", 3, Rolling(7 * DAY_S), only={Dimension.CAMPAIGN: "promotional"}),
        ]
    )
    sent = 0
    for day in ("Mon", "Tue", "Wed", "Thu"):
        if is_open(caps, march(day)):
            show(caps, impression(day, march(day)))
            sent += 1
    assert sent == case["max_promotional"]


def test_any_reached_cap_closes(cases: dict[str, Any]) -> None:
    """An item is capped as soon as any of its caps is reached."""
    assert "capped as soon as ANY cap reached" in cases["adobe_caps"]["rules"]
    caps = Caps(
        [
            CapRule("wide", 9, Ever()),
            CapRule("narrow", 1, Ever(), frozenset({Dimension.PERSON, Dimension.OFFER})),
        ]
    )
    show(caps, impression("a", march("Mon")))
    assert [c.rule.cap_id for c in caps.look(_context("Mon")).closed] == ["narrow"]


def _context(day: str) -> CapContext:
    return CapContext("alice", "v1", "push", "inbox", is_pull=False, moment=march(day))


def test_calendar_days_agree_with_braze(cases: dict[str, Any]) -> None:
    """23:00 and then 00:00 are two days."""
    assert any("23:00 then 00:00 both allowed" in rule for rule in cases["braze_caps"]["rules"])
    caps = Caps([CapRule("day", 1, Fixed(Calendar.DAY))])
    show(caps, impression("a", march("Mon", "23:00")))
    assert is_open(caps, march("Tue", "00:00"))


# -- where we depart ------------------------------------------------------------------------


def test_departs_from_utc_days(cases: dict[str, Any]) -> None:
    """Adobe resets at midnight UTC; we at the store's midnight: 00:30 and 01:30 are one day."""
    assert any("12am UTC" in rule for rule in cases["adobe_caps"]["rules"])
    caps = Caps([CapRule("day", 1, Fixed(Calendar.DAY))])
    before, after = march("Tue", "00:30"), march("Tue", "01:30")  # 23:30 and 00:30 UTC
    assert int(before.now_s // DAY_S) != int(after.now_s // DAY_S)
    show(caps, impression("a", before))
    assert not is_open(caps, after)


def test_departs_from_sunday_weeks(cases: dict[str, Any]) -> None:
    """Adobe's week starts on Sunday, ours on Monday: Saturday and Sunday share a week."""
    assert any("week starts Sunday" in rule for rule in cases["adobe_caps"]["rules"])
    caps = Caps([CapRule("week", 1, Fixed(Calendar.WEEK))])
    show(caps, impression("a", march("Sat")))
    assert not is_open(caps, march("Sun"))
    assert is_open(caps, at("2026-03-09 10:00"))


def test_departs_from_fallbacks_that_ignore_dates(cases: dict[str, Any]) -> None:
    """Adobe shows a fallback regardless of dates; here nothing eligible means nothing shown."""
    assert any("regardless of its dates" in rule for rule in cases["adobe_fallback"]["rules"])
    world = World(stock=full_stock())
    for goods in CATALOG.items:
        for variant in goods.variants:
            world.stock.set_level(variant.sku, 0, world.moment.now_s)
    outcome = world.decide()
    assert outcome.shown == []
    assert outcome.decision.empty is Reason.OUT_OF_STOCK
    expired = World().decide({"coat-a": 0.9}).decision.slate[0]
    assert (expired.item_id, expired.offer_id) == ("coat-a", None)


def test_agrees_that_none_eligible_shows_nothing(cases: dict[str, Any]) -> None:
    """None eligible and no fallback: nothing, with the reason."""
    assert any("nothing displayed" in rule for rule in cases["adobe_fallback"]["rules"])
    low = {goods.item_id: 0.0 for goods in CATALOG.items}
    assert World().decide(low).decision.empty is Reason.BELOW_FLOOR


@pytest.mark.parametrize("name", ["tag removed before B", "tag re-added before B"])
def test_departs_from_tags_as_of_now(cases: dict[str, Any], name: str) -> None:
    """Braze counts A by the tags it has now; we by those it had when it was sent.

    A capped tag removed from A's campaign afterwards frees nothing: B is not sent in either case.
    """
    case = braze(cases, name)
    caps = Caps([CapRule("tag", 1, Rolling(7 * DAY_S), only={Dimension.CAMPAIGN: "promotional"})])
    show(caps, impression("A", march("Mon")))
    sent = ["A"]
    if is_open(caps, march("Tue")):
        sent.append("B")
    assert sent == ["A"]
    assert (sent == case["sent"]) is (name == "tag re-added before B")


def test_departs_from_offline_overshoot(cases: dict[str, Any]) -> None:
    """99 of 100 used, Alice and Bob both offline: Braze shows 101, we 100."""
    case = braze(cases, "offline overshoot")
    assert "101" in case["text"]
    away = {"alice-tablet", "bob-tablet"}
    caps = Caps(
        [CapRule("total", 100, Ever(), frozenset({Dimension.OFFER}))], is_away=away.__contains__
    )
    for number in range(99):
        show(caps, impression(f"c{number}", march("Mon"), who=f"p{number}"))
    seen = 99
    for who in ("alice", "bob"):
        if is_open(caps, march("Tue"), who):
            card = impression(who, march("Tue"), who=who)
            caps.reserve([card], holder=f"{who}-tablet")
            seen += caps.shown(who, march("Tue")) is not None
    assert seen == 100


def test_departs_from_caps_without_look_back(cases: dict[str, Any]) -> None:
    """An edge that keeps no events cannot look back; the box knows the last purchase."""
    assert any("no look-back" in rule for rule in cases["adobe_edge"]["rules"])
    assert Reason.OWNED in World().bought("laptop-a", days_ago=700).reasons("laptop-b")


def test_departs_from_caps_per_identity(cases: dict[str, Any]) -> None:
    """Caps per identity count one person twice; ours follow the merged person."""
    assert any("caps per identity" in rule for rule in cases["adobe_edge"]["rules"])
    caps = Caps([CapRule("one", 1, Ever())])
    show(caps, impression("a", march("Mon"), who="app-id"))
    caps.merge("card-id", into="app-id")
    assert not is_open(caps, march("Tue"), "card-id")


def test_counters_have_no_lag(cases: dict[str, Any]) -> None:
    """Adobe's counter may lag 3 s; ours closes with the reservation itself."""
    assert any("lag 3 s" in rule for rule in cases["adobe_caps"]["rules"])
    caps = Caps([CapRule("one", 1, Ever())])
    caps.reserve([impression("a", march("Mon"))])
    assert not is_open(caps, march("Mon"))
