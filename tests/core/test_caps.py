"""How often is enough: every window, every dimension, reservations, leases, merges."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.cap_counting import folded
from edge.core.cap_rules import (
    DEFAULT_CAPS,
    Calendar,
    CapRule,
    Dimension,
    Ever,
    Fixed,
    Impression,
    Lifetime,
    Message,
    Rolling,
    ThisVisit,
    Unanswered,
    Window,
)
from edge.core.caps import CapContext, Caps
from edge.core.moment import Moment
from tests.core.decision_world import BERLIN, DAY_S, NOW, at

D = Dimension


def card(card_id: str, when: Moment = NOW, **changes: object) -> Impression:
    """Make an impression of the tie's spring offer for one person on a tablet."""
    made = Impression(
        card_id, "p1", "v1", when.now_s, when.day, "tablet", "contact", "tie", "tie",
        "spring", "spring-campaign",
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def context(when: Moment = NOW, **changes: object) -> CapContext:
    """Ask for the same person on the same tablet."""
    made = CapContext("p1", "v1", "tablet", "contact", is_pull=False, moment=when)
    return replace(made, **changes)  # type: ignore[arg-type]


def show(caps: Caps, *cards: Impression) -> None:
    """Reserve and show, at the time of the impression."""
    for each in cards:
        caps.reserve([each])
        assert caps.shown(each.card_id, Moment(each.at_s, each.day)) is not None


def is_open(caps: Caps, asked: CapContext) -> bool:
    """Tell whether no cap is reached for the tie's spring offer."""
    mine = {D.ITEM: "tie", D.CLASS: "tie", D.OFFER: "spring", D.CAMPAIGN: "spring-campaign"}
    return not any(
        all(mine[dimension] == value for dimension, value in closed.values)
        for closed in caps.look(asked).closed
    )


def one(window: Window, limit: int = 1, **more: object) -> CapRule:
    """Make a rule for a person."""
    return CapRule("rule", limit, window, **more)  # type: ignore[arg-type]


WINDOWS: list[tuple[str, Window, str, str, bool]] = [
    ("rolling day, 23 h later", Rolling(DAY_S), "2026-03-03 14:00", "2026-03-04 13:00", False),
    ("rolling day, 24 h later", Rolling(DAY_S), "2026-03-03 14:00", "2026-03-04 14:00", True),
    ("calendar day, 23:00 then 00:00", Fixed(Calendar.DAY), "2026-03-03 23:00",
     "2026-03-04 00:00", True),
    ("calendar day, 00:30 then 23:30", Fixed(Calendar.DAY), "2026-03-03 00:30",
     "2026-03-03 23:30", False),
    ("week, Sunday then Monday", Fixed(Calendar.WEEK), "2026-03-08 20:00", "2026-03-09 09:00",
     True),
    ("week, Saturday then Sunday", Fixed(Calendar.WEEK), "2026-03-07 20:00", "2026-03-08 09:00",
     False),
    ("week, Monday then Sunday", Fixed(Calendar.WEEK), "2026-03-02 09:00", "2026-03-08 20:00",
     False),
    ("month, 28 February then 1 March", Fixed(Calendar.MONTH), "2026-02-28 20:00",
     "2026-03-01 09:00", True),
    ("local day, not UTC: 00:30 then 01:30 in Berlin", Fixed(Calendar.DAY), "2026-03-04 00:30",
     "2026-03-04 01:30", False),
    ("the day of 23 hours", Fixed(Calendar.DAY), "2026-03-29 00:10", "2026-03-29 23:50", False),
    ("after the day of 23 hours", Fixed(Calendar.DAY), "2026-03-29 00:10", "2026-03-30 00:05",
     True),
    ("the day of 25 hours", Fixed(Calendar.DAY), "2026-10-25 00:10", "2026-10-25 23:50", False),
    ("24 rolling hours over the 25-hour day", Rolling(DAY_S), "2026-10-25 00:30",
     "2026-10-25 23:45", True),
    ("a leap day is a day", Fixed(Calendar.DAY), "2028-02-29 12:00", "2028-03-01 12:00", True),
    ("ever", Ever(), "2026-03-03 14:00", "2036-03-03 14:00", False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("window", "first", "then", "expected"), [c[1:] for c in WINDOWS], ids=[c[0] for c in WINDOWS]
)
@pytest.mark.parametrize(
    "per", [frozenset({D.PERSON}), frozenset[Dimension]()], ids=["person", "store"]
)
def test_windows(
    window: Window, first: str, then: str, expected: bool, per: frozenset[Dimension]
) -> None:
    """One a window: is the second moment open again, for a person and for the store?"""
    caps = Caps([one(window, per=per)])
    show(caps, card("a", at(first)))
    assert is_open(caps, context(at(then))) is expected


def test_two_a_calendar_week() -> None:
    """Two a week: Monday and Wednesday pass, Thursday does not, next Monday does."""
    caps = Caps([one(Fixed(Calendar.WEEK), 2)])
    passed = []
    for number, day in enumerate(("03-02", "03-04", "03-05", "03-09")):
        when = at(f"2026-{day} 10:00")
        passed.append(is_open(caps, context(when)))
        if passed[-1]:
            show(caps, card(f"c{number}", when))
    assert passed == [True, True, False, True]


def test_blocks_of_two_weeks() -> None:
    """A block of two weeks holds its count over the inner Monday."""
    caps = Caps([one(Fixed(Calendar.WEEK, 2))])
    first = at("2026-03-16 10:00")  # week 105,670 since 1 January 0001: even, a block starts
    show(caps, card("a", first))
    assert not is_open(caps, context(at("2026-03-29 20:00")))
    assert is_open(caps, context(at("2026-03-30 10:00")))


SCOPES: list[tuple[str, frozenset[Dimension], dict[str, object], bool]] = [
    ("another person", frozenset({D.PERSON}), {"who": "p2"}, True),
    ("the same person on another surface", frozenset({D.PERSON}), {"surface": "push"}, False),
    ("per surface, another surface", frozenset({D.PERSON, D.SURFACE}), {"surface": "push"}, True),
    ("per placement, another placement", frozenset({D.PERSON, D.PLACEMENT}),
     {"placement": "entry"}, True),
    ("per placement, the same", frozenset({D.PERSON, D.PLACEMENT}), {}, False),
    ("per visit, the next visit", frozenset({D.VISIT}), {"visit_id": "v2"}, True),
    ("for the store, another person", frozenset(), {"who": "p2", "visit_id": "v2"}, False),
    ("per surface of the store", frozenset({D.SURFACE}), {"surface": "push"}, True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("per", "asked", "expected"), [c[1:] for c in SCOPES], ids=[c[0] for c in SCOPES]
)
def test_scopes(per: frozenset[Dimension], asked: dict[str, object], expected: bool) -> None:
    """What a rule counts by decides whom it closes."""
    caps = Caps([one(Ever(), per=per)])
    show(caps, card("a"))
    assert is_open(caps, replace(context(), **asked)) is expected  # type: ignore[arg-type]


HOUSEHOLDS: list[tuple[str, str | None, str | None, bool]] = [
    ("the other one of the house", "h1", "h1", False),
    ("another house", "h1", "h2", True),
    ("nobody knows of a house", None, None, True),
    ("asked by somebody whose house is not known", "h1", None, True),
]


@pytest.mark.parametrize(
    ("shown_to", "asked_by", "expected"),
    [c[1:] for c in HOUSEHOLDS],
    ids=[c[0] for c in HOUSEHOLDS],
)
def test_a_household_counts_together(
    shown_to: str | None, asked_by: str | None, expected: bool
) -> None:
    """What one saw counts for the other, and for nobody else."""
    caps = Caps([one(Rolling(DAY_S), per=frozenset({D.HOUSEHOLD}))])
    show(caps, card("a", household=shown_to))
    assert is_open(caps, context(who="p2", visit_id="v2", household=asked_by)) is expected
    later = Moment(NOW.now_s + DAY_S, NOW.day + 1)
    assert is_open(caps, context(later, who="p2", visit_id="v2", household=asked_by))


def test_a_household_forgets_who_is_forgotten() -> None:
    """What an erased person saw counts for nobody any more."""
    caps = Caps([one(Ever(), per=frozenset({D.HOUSEHOLD}))])
    show(caps, card("a", household="h1"))
    caps.forget("p1")
    assert is_open(caps, context(who="p2", household="h1"))


@pytest.mark.parametrize("dimension", [D.ITEM, D.OFFER, D.CLASS, D.CAMPAIGN])
@pytest.mark.parametrize("is_personal", [True, False])
def test_goods_dimensions_close_their_own_value(dimension: Dimension, is_personal: bool) -> None:
    """A reached cap on an offer, class, item or campaign names the value it closes."""
    per = frozenset({dimension, D.PERSON}) if is_personal else frozenset({dimension})
    caps = Caps([one(Ever(), per=per)])
    show(caps, card("a"))
    (closed,) = caps.look(context()).closed
    assert closed.values == ((dimension, card("a").value(dimension)),)


@pytest.mark.parametrize("dimension", [D.ITEM, D.OFFER, D.CLASS, D.CAMPAIGN])
@pytest.mark.parametrize(
    "per", [frozenset[Dimension](), frozenset({D.HOUSEHOLD}), frozenset({D.PERSON})]
)
def test_a_cap_on_some_goods_closes_no_others(
    dimension: Dimension, per: frozenset[Dimension]
) -> None:
    """A limit for ties alone closes ties: for the store, for a household and for a person."""
    value = str(card("a").value(dimension))
    caps = Caps([one(Ever(), per=per, only={dimension: value})])
    one_more = caps.reached_with(context(household="h1"), [card("a", household="h1")])
    show(caps, card("a", household="h1"))
    seen = caps.look(context(household="h1")).closed
    assert [closed.values for closed in one_more] == [((dimension, value),)]
    assert [closed.values for closed in seen] == [((dimension, value),)]


def test_a_specific_placement() -> None:
    """A rule for the entry placement neither counts nor closes others."""
    caps = Caps([one(Ever(), only={D.PLACEMENT: "entry"})])
    show(caps, card("a"))
    assert is_open(caps, context(placement="entry"))
    show(caps, card("b", placement="entry"))
    assert not is_open(caps, context(placement="entry"))
    assert is_open(caps, context())


def test_any_reached_cap_closes() -> None:
    """One a week for all beats three a week for promotions: the strictest wins."""
    rules = [
        one(Rolling(7 * DAY_S), 1),
        replace(one(Rolling(7 * DAY_S), 3), cap_id="loose"),
    ]
    caps = Caps(rules)
    assert is_open(caps, context())
    show(caps, card("a"))
    assert not is_open(caps, context())


def test_stock_makes_the_total() -> None:
    """Twice the stock of an offer may be shown, and less when stock falls."""
    rule = one(Ever(), 0, per=frozenset({D.OFFER}), stock_factor=2.0)
    caps = Caps([rule])
    show(caps, *(card(f"c{n}", who=f"p{n}") for n in range(4)))
    assert caps.look(context(), {"spring": 3}).closed == ()
    assert len(caps.look(context(), {"spring": 2}).closed) == 1


def test_a_budget_below_one_is_closed_before_anything_was_seen() -> None:
    """A tenth of five is none, a tenth of ten is one: each offer by itself."""
    rule = one(Ever(), 0, per=frozenset({D.OFFER}), stock_factor=0.1)
    caps = Caps([rule])
    stock = {"spring": 5, "summer": 10}
    (closed,) = caps.look(context(), stock).closed
    assert closed.values == ((D.OFFER, "spring"),)
    (reached,) = caps.reached_with(context(), [card("a", offer="summer")], stock)
    assert reached.values == ((D.OFFER, "summer"),)
    show(caps, card("a", offer="spring"))
    assert len(caps.look(context(), stock).closed) == 1, "seen all the same, it is told once"


def test_campaign_ends_for_a_person_after_28_days() -> None:
    """The duration runs from the first impression, however few there were."""
    caps = Caps(DEFAULT_CAPS)
    show(caps, card("a", at("2026-03-03 14:00")))
    assert is_open(caps, context(at("2026-03-31 13:00"), visit_id="v2"))
    assert not is_open(caps, context(at("2026-03-31 15:00"), visit_id="v2"))
    assert is_open(caps, context(at("2026-03-31 15:00"), who="p2", visit_id="v3"))


def test_three_without_reaction_rest_30_days() -> None:
    """Three impressions nobody reacted to rest the offer; a reaction starts the count anew."""
    caps = Caps([one(Unanswered(30 * DAY_S), 3, per=frozenset({D.PERSON, D.OFFER}))])
    days = [at(f"2026-03-{day:02d} 10:00") for day in (3, 5, 7)]
    show(caps, *(card(f"c{n}", when) for n, when in enumerate(days)))
    assert not is_open(caps, context(at("2026-03-08 10:00")))
    assert not is_open(caps, context(at("2026-04-06 09:00")))
    assert is_open(caps, context(at("2026-04-06 11:00")))
    caps.answered("c2")
    assert is_open(caps, context(at("2026-03-08 10:00")))


def test_the_count_starts_anew_after_the_rest() -> None:
    """After the rest one impression is one of three, not the fourth."""
    caps = Caps([one(Unanswered(10 * DAY_S), 2)])
    show(caps, card("a", at("2026-03-01 10:00")), card("b", at("2026-03-02 10:00")))
    show(caps, card("c", at("2026-03-20 10:00")))
    assert is_open(caps, context(at("2026-03-20 11:00")))


def test_service_is_not_a_promotion() -> None:
    """Care neither counts against the promotions nor is closed by them; a rule may name it."""
    caps = Caps([one(Ever())])
    show(caps, card("a", message=Message.CARE))
    assert is_open(caps, context())
    show(caps, card("b"))
    assert not is_open(caps, context())
    assert is_open(caps, context(message=Message.CARE))
    strict = Caps([one(Ever(), messages=frozenset({Message.CARE}))])
    show(strict, card("a", message=Message.CARE))
    assert not is_open(strict, context(message=Message.CARE))


def test_a_pull_passes_but_counts() -> None:
    """Who asks is answered at the cap; the answer counts for the next push."""
    caps = Caps([one(ThisVisit())])
    show(caps, card("a", is_pull=True))
    assert is_open(caps, context(is_pull=True))
    assert not is_open(caps, context())


def test_names_as_of_sending() -> None:
    """An impression keeps the campaign it had; renaming the offer later frees nothing."""
    caps = Caps([one(Ever(), per=frozenset({D.PERSON, D.CAMPAIGN}))])
    show(caps, card("a", campaign="old-name"))
    (closed,) = caps.look(context()).closed
    assert closed.values == ((D.CAMPAIGN, "old-name"),)


def test_a_reservation_counts_until_it_is_given_back() -> None:
    """Decided is reserved; recalled unshown is refunded; shown counts once."""
    caps = Caps([one(Ever())])
    caps.reserve([card("a")])
    assert not is_open(caps, context())
    assert caps.refund("a")
    assert is_open(caps, context())
    caps.reserve([card("b")])
    assert caps.shown("b", NOW) is not None
    assert caps.shown("b", NOW) is None
    assert not caps.refund("b")
    assert not is_open(caps, context())


def test_an_unshown_reservation_expires() -> None:
    """Two minutes after the decision nobody holds it any more."""
    caps = Caps([one(Ever())])
    caps.reserve([card("a")])
    assert caps.expire(NOW.now_s + 119.0) == ()
    assert caps.expire(NOW.now_s + 120.0) == ("a",)
    assert is_open(caps, context())
    assert caps.outstanding() == 0


def test_it_counts_when_it_was_seen() -> None:
    """Decided before midnight and seen after it, an impression is one of the new day."""
    caps = Caps([one(Fixed(Calendar.DAY), per=frozenset())])
    caps.reserve([card("a", at("2026-03-03 23:59"))])
    caps.shown("a", at("2026-03-04 00:01"))
    assert is_open(caps, context(at("2026-03-03 23:59")))
    assert not is_open(caps, context(at("2026-03-04 12:00")))


def test_alice_and_bob_do_not_overshoot() -> None:
    """99 of 100 are used: Alice's tablet holds the last one offline, so Bob gets none."""
    away = {"tablet-alice"}
    caps = Caps([one(Ever(), 100, per=frozenset({D.OFFER}))], is_away=away.__contains__)
    show(caps, *(card(f"c{n}", who=f"p{n}") for n in range(99)))
    caps.reserve([card("alice", who="alice")], holder="tablet-alice")
    later = NOW.now_s + 600.0
    assert caps.expire(later) == ()
    assert not is_open(caps, context(who="bob", visit_id="vb"))
    assert caps.shown("alice", Moment(NOW.now_s + 30.0, NOW.day)) is not None
    assert not is_open(caps, context(who="bob", visit_id="vb"))


def test_a_tablet_that_returns_unshown_gives_back() -> None:
    """Once reachable again without a report, its overdue reservation is free."""
    away = {"t1"}
    caps = Caps([one(Ever())], is_away=away.__contains__)
    caps.reserve([card("a")], holder="t1")
    assert caps.expire(NOW.now_s + 600.0) == ()
    away.clear()
    assert caps.expire(NOW.now_s + 600.0) == ("a",)


def test_a_late_report_counts_after_the_reservation_was_given_back() -> None:
    """Off the network it was shown within its lease: it counts when the tablet says so, once."""
    caps = Caps([one(Ever())])
    caps.reserve([card("a")])
    assert caps.expire(NOW.now_s + 600.0) == ("a",)
    assert is_open(caps, context())
    caps.leave("p1")
    assert caps.shown("a", Moment(NOW.now_s + 30.0, NOW.day)) is not None
    assert caps.shown("a", NOW) is None
    assert not is_open(caps, context())


def test_nothing_is_left_of_who_is_forgotten() -> None:
    """Held, lapsed and shown cards of an erased person are gone; the store's total stays."""
    caps = Caps([one(Ever(), per=frozenset())])
    caps.reserve([card("a"), card("b"), card("c")])
    caps.refund("a")
    caps.shown("b", NOW)
    caps.forget("p1")
    assert caps.shown("a", NOW) is None
    assert caps.shown("c", NOW) is None
    assert caps.last_shown("p1") == {}
    assert not is_open(caps, context(who="p2", visit_id="v2"))


def test_a_tablet_that_never_returns_has_shown_it() -> None:
    """After a day the doubt goes against another impression."""
    caps = Caps([one(Ever())], is_away=lambda _: True)
    caps.reserve([card("a")], holder="t1")
    assert caps.expire(NOW.now_s + 2 * DAY_S) == ()
    assert caps.outstanding() == 0
    assert not is_open(caps, context())


def test_a_lease_of_five_gives_back_what_was_not_used() -> None:
    """A station leases five, shows two: three are free again, and never more than five count."""
    caps = Caps([one(Ever(), 6, per=frozenset({D.OFFER}))])
    caps.reserve([card("lease", units=5)], holder="station-1")
    assert caps.outstanding() == 5
    assert is_open(caps, context())
    caps.reserve([card("b")])
    assert not is_open(caps, context())
    assert caps.settle("lease", 2, NOW) == 3
    assert is_open(caps, context())
    assert caps.settle("lease", 2, NOW) == 0


def test_merge_adds_up_and_split_takes_apart() -> None:
    """Two ids of one person share a cap; after the split each has its own history."""
    caps = Caps([one(Rolling(7 * DAY_S), 2)])
    show(caps, card("a", who="app"), card("b", who="card"))
    assert is_open(caps, context(who="app"))
    caps.merge("app", into="card")
    assert not is_open(caps, context(who="app"))
    assert not is_open(caps, context(who="card"))
    caps.split("app")
    assert is_open(caps, context(who="app"))
    assert is_open(caps, context(who="card"))


def test_what_the_ledger_kept_counts_after_a_restart() -> None:
    """Personal impressions come back with their person, the store's totals at once; once each."""
    kept = [card("a"), card("b")]
    rules = [one(Rolling(7 * DAY_S), 2), replace(one(Ever(), 2, per=frozenset()), cap_id="total")]
    caps = Caps(rules)
    caps.restore(kept)
    assert not is_open(caps, context(who="p9", visit_id="v9"))
    caps.admit(kept)
    caps.admit(kept)
    assert {closed.rule.cap_id for closed in caps.look(context()).closed} == {"rule", "total"}
    caps.leave("p1")
    assert {closed.rule.cap_id for closed in caps.look(context()).closed} == {"total"}


def test_other_rules_keep_unchanged_totals() -> None:
    """A hot reload that leaves a rule alone leaves its count alone."""
    total = replace(one(Ever(), 1, per=frozenset()), cap_id="total")
    caps = Caps([total])
    show(caps, card("a"))
    caps.use([total, one(Ever(), 9)])
    assert not is_open(caps, context())
    caps.use([replace(total, limit=2)])
    assert is_open(caps, context())


RULES = st.lists(
    st.builds(
        CapRule,
        st.sampled_from(["a", "b", "c", "d"]),
        st.integers(1, 3),
        st.sampled_from([Rolling(DAY_S), Fixed(Calendar.DAY), Fixed(Calendar.WEEK), Ever(),
                         ThisVisit(), Unanswered(DAY_S), Lifetime(DAY_S)]),
        st.sets(st.sampled_from(list(Dimension)), max_size=3).map(frozenset),
    ),
    max_size=4,
    unique_by=lambda rule: rule.cap_id,
)  # fmt: skip
EVENTS = st.lists(st.tuples(st.sampled_from(["p1", "p2"]), st.integers(0, 14 * 24)), max_size=12)


@given(RULES, EVENTS, st.integers(0, 400))
def test_adding_a_cap_never_opens(
    rules: list[CapRule], events: list[tuple[str, int]], hours: int
) -> None:
    """With one rule fewer, everything closed before is no more closed than with it."""

    def closed_with(some: list[CapRule]) -> set[str]:
        caps = Caps(some)
        for number, (who, hour) in enumerate(sorted(events, key=lambda e: e[1])):
            show(caps, card(f"c{number}", later(hour), who=who))
        return {c.rule.cap_id for c in caps.look(context(later(hours), visit_id="v1")).closed}

    for left_out in rules:
        fewer = [rule for rule in rules if rule is not left_out]
        assert closed_with(fewer) <= closed_with(rules)


@given(st.lists(st.sampled_from(["reserve", "shown", "refund", "expire"]), max_size=30))
def test_reservations_never_leak(steps: list[str]) -> None:
    """Whatever happens to cards, what is outstanding is what was neither shown nor given back."""
    caps = Caps([one(Ever(), per=frozenset({D.OFFER}), stock_factor=1.0)])
    held: list[str] = []
    seen = 0
    for number, step in enumerate(steps):
        if step == "reserve":
            caps.reserve([card(f"c{number}")])
            held.append(f"c{number}")
        elif step == "shown" and held:
            seen += caps.shown(held.pop(), NOW) is not None
        elif step == "refund" and held:
            assert caps.refund(held.pop(0))
        elif step == "expire":
            assert sorted(caps.expire(NOW.now_s + 1_000.0)) == sorted(held)
            held.clear()
    assert caps.outstanding() == len(held)
    counted = seen + len(held)
    assert caps.look(context(), {"spring": counted + 1}).closed == ()
    assert caps.look(context(), {"spring": counted}).closed


def later(hours: int) -> Moment:
    """Return a moment so many hours after the test's start."""
    return Moment.of(datetime(2026, 3, 3, 14, tzinfo=BERLIN) + timedelta(hours=hours))


SHOWN = st.lists(
    st.builds(
        lambda days, item, offer, surface, units: card(
            "", Moment(NOW.now_s - days * DAY_S, NOW.day - days), item=item, offer=offer,
            surface=surface, units=units,
        ),
        st.integers(0, 2_000), st.sampled_from(["tie", "scarf", "mouse"]),
        st.sampled_from(["spring", None]), st.sampled_from(["tablet", "push"]), st.integers(1, 3),
    ),
    max_size=30,
)  # fmt: skip


@given(SHOWN, st.integers(0, 30), st.sampled_from([Ever(), Lifetime(700 * DAY_S)]),
       st.sets(st.sampled_from([D.ITEM, D.OFFER, D.CLASS, D.CAMPAIGN, D.SURFACE]), max_size=3),
       st.integers(1, 8))  # fmt: skip
def test_folding_changes_no_window_without_an_end(
    shown: list[Impression], cut: int, window: Window, per: set[Dimension], limit: int
) -> None:
    """One by one, folded, or folded in two nights: the same rules are reached."""
    shown = [replace(each, card_id=f"c{n}") for n, each in enumerate(shown)]
    rule = one(window, limit, per=frozenset({D.PERSON, *per}))
    nights = folded([*folded(shown[:cut]), *shown[cut:]])
    closed = []
    for kept in (shown, folded(shown), nights):
        caps = Caps([rule])
        caps.admit(kept)
        closed.append({each.values for each in caps.look(context()).closed})
    assert closed[0] == closed[1] == closed[2]
    assert folded(nights) == nights


def test_too_many_names_give_up_the_item_and_no_count() -> None:
    """Bounded rows: the longest unseen lose their item; class, offer and campaign stay exact."""
    shown = [card(f"c{n}", Moment(NOW.now_s + n, NOW.day), item=f"i{n}") for n in range(9)]
    rows = folded(shown, most=4)
    assert [row.item for row in rows] == ["i8", "i7", "i6", "i5", ""]
    assert sum(row.units for row in rows) == 9
    assert rows[-1].first_s == NOW.now_s


def test_folded_rows_fill_no_window_that_moves() -> None:
    """What was folded lies before every rolling, calendar or visit window."""
    for window in (Rolling(90 * DAY_S), Fixed(Calendar.WEEK), ThisVisit(), Unanswered(30 * DAY_S)):
        caps = Caps([one(window)])
        caps.admit(folded([card("a"), card("b")]))
        assert is_open(caps, context()), window


def test_who_is_shown_more_than_is_kept_one_by_one_is_still_counted() -> None:
    """The oldest of 401 is folded in memory, and leaves with the person."""
    caps = Caps([one(Ever(), 401)])
    for number in range(401):
        assert is_open(caps, context())
        show(caps, card(f"c{number}"))
    assert not is_open(caps, context())
    caps.leave("p1")
    assert is_open(caps, context())


def test_a_reaction_of_an_earlier_visit_counts() -> None:
    """Three without a reaction rest; the second was answered, so there are none."""
    rule = one(Unanswered(30 * DAY_S), 3, per=frozenset({D.PERSON, D.OFFER}))
    shown = [card(f"c{n}", Moment(NOW.now_s - n * DAY_S, NOW.day - n)) for n in range(3)]
    for is_answered in (False, True):
        caps = Caps([rule])
        caps.admit(
            replace(each, is_answered=is_answered and n == 1) for n, each in enumerate(shown)
        )
        assert is_open(caps, context()) is is_answered


def test_folded_rows_merge_and_split_with_their_person() -> None:
    """Two identities add up over folded rows too, and take their own back."""
    caps = Caps([one(Ever(), 2)])
    caps.admit([*folded([card("a")]), *folded([card("b", who="p2")])])
    assert is_open(caps, context())
    caps.merge("p2", into="p1")
    assert not is_open(caps, context())
    caps.split("p2")
    assert is_open(caps, context())
