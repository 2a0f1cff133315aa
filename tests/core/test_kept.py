"""What a visit keeps from one decision to the next is what would be found anew."""

from dataclasses import fields, replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.anonymous import Scene
from edge.core.candidates import Candidates, Context, Source, candidates, prepare
from edge.core.decision import Motive, PersonView, Prompts
from edge.core.features import FEATURE_NAMES
from edge.core.history import Floats, History, Ints
from edge.core.item_tables import blank
from edge.core.memory import Memory, remember
from edge.core.moment import Moment
from edge.core.playbook import Orders, Playbook
from edge.core.rules import Rule, RuleKind
from edge.core.scoring import Scored, Scoring, chances
from edge.core.triggers import Kept, kept_prompts, prompts
from tests.core.decision_world import CATALOG, DAY_S, ITEMS, MEMBER, NOW, World, number

ITEM = st.integers(0, len(ITEMS) - 1)
TABLES = blank(len(ITEMS))
COMPLEMENT = Rule(
    "map", RuleKind.COMPLEMENT, ("class:shirt",), "A", "why", NOW.day, to=("class:suit",),
    from_day=NOW.day + 1,
)  # fmt: skip
PLAYBOOKS = (Playbook(CATALOG), Playbook(CATALOG, Orders(rules=(COMPLEMENT,))))
# Around the borders of the class table: cool-down four days, care fourteen, nappies 14 days.
PAUSES = st.one_of(
    st.sampled_from([0.0, 1.0, 600.0, 4 * DAY_S - 1.0, 4 * DAY_S, 14 * DAY_S, 36 * DAY_S]),
    st.floats(0.0, 40 * DAY_S),
    st.just(-3_600.0),  # a clock that is set back
)
STEPS = st.one_of(
    st.tuples(st.just("wait"), PAUSES),
    st.tuples(st.just("buy"), st.lists(st.tuples(ITEM, st.integers(0, 400)), min_size=1)),
    st.tuples(st.just("return"), ITEM),
    st.tuples(st.just("move"), st.sampled_from(["fashion", "tech", None])),
    st.tuples(st.just("scan"), st.lists(ITEM, max_size=3, unique=True)),
    st.tuples(st.just("basket"), st.lists(ITEM, max_size=3, unique=True)),
    st.tuples(st.just("motive"), st.sampled_from(list(Motive))),
    st.tuples(st.just("say"), st.sampled_from(["favourite:tie", "shirt"])),
    st.tuples(st.just("veto"), ITEM),
    st.tuples(st.just("rules"), st.sampled_from([0, 1])),
)


class Visit:
    """A visit in which things happen; every step leaves a state to decide from."""

    def __init__(self) -> None:
        self.world = World()
        self.person: PersonView = replace(MEMBER, birthday=(3, 20))
        self.playbook = PLAYBOOKS[0]
        self.memory: Memory = self._remembered()

    def _remembered(self) -> Memory:
        return remember(self.world.lines, self.playbook.classes)

    def happen(self, what: str, value: object) -> None:
        """Let one thing happen."""
        world = self.world
        match what, value:
            case "wait", float(seconds):
                now_s = world.moment.now_s + seconds
                days = int((now_s - NOW.now_s) // DAY_S)
                world.moment = Moment(now_s, NOW.day + days)
            case "buy", list(lines):
                for item, days in lines:
                    world.bought(ITEMS[item].item_id, days_ago=float(days))
                self.memory = self._remembered()
            case "return", int(item):
                world.returned(ITEMS[item].item_id)
                self.memory = self._remembered()
            case "move", zone:
                world.in_visit(zone=zone)
            case "scan", list(items):
                world.in_visit(scanned=tuple(items))
            case "basket", list(items):
                world.in_visit(basket=tuple(items))
            case "motive", motive:
                world.in_visit(motive=motive)
            case "say", str(tag):
                self.person = replace(self.person, stated=self.person.stated | {tag})
            case "veto", int(item):
                until_s = world.moment.now_s + DAY_S
                self.person = replace(self.person, vetoes={**self.person.vetoes, item: until_s})
            case _, at:
                self.playbook = PLAYBOOKS[int(str(at))]
                self.memory = self._remembered()


def same(one: Prompts, other: Prompts) -> bool:
    """Tell whether two findings agree in everything."""
    pairs = [(getattr(one, f.name), getattr(other, f.name)) for f in fields(Prompts)]
    return all(np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b for a, b in pairs)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=12))
def test_kept_prompts_are_those_found_anew(steps: list[tuple[str, object]]) -> None:
    """Whatever happens, and however much time passes: nothing old is told."""
    visit = Visit()
    kept: Kept | None = None
    for step in [("wait", 0.0), *steps]:
        visit.happen(*step)
        at = (visit.memory, visit.person, visit.world.visit, visit.world.moment, visit.playbook)
        kept = kept_prompts(kept, *at)
        assert same(kept.found, prompts(*at))


def test_prompts_are_kept_while_nothing_happens() -> None:
    """A second look a minute later asks nothing again; a shirt's cool-down ends after four days."""
    visit = Visit()
    visit.happen("buy", [(number("shirt-a"), 0)])
    first = kept_prompts(None, visit.memory, visit.person, visit.world.visit, NOW, visit.playbook)
    for seconds, is_kept in ((60.0, True), (4 * DAY_S - 1.0, True), (4 * DAY_S, False)):
        moment = replace(NOW, now_s=NOW.now_s + seconds)
        again = kept_prompts(
            first, visit.memory, visit.person, visit.world.visit, moment, visit.playbook
        )
        assert (again is first) is is_kept


class BySight:
    """A ranker whose answer depends on everything it is shown."""

    def __init__(self) -> None:
        self.asked = 0

    def score(self, features: Floats, items: Ints, person: Floats) -> Floats:
        del person
        assert features.shape == (items.size, len(FEATURE_NAMES))
        self.asked += items.size
        # Row by row: a matrix product rounds a row differently when fewer stand beside it.
        seen = (features * np.arange(1, features.shape[1] + 1)).sum(axis=1) + items
        spread: Floats = (0.1 + 0.8 * (np.sin(seen) + 1.0) / 2.0).astype(np.float32)
        return spread


class ByPlace:
    """A model for strangers whose candidates and answer depend on where they stand."""

    def candidates(self, scene: Scene) -> Candidates:
        items = np.unique([len(scene.zone or ""), *scene.basket // 2]).astype(np.int32)
        return Candidates(items, np.full(items.size, Source.POPULAR, np.uint16))

    def chances(self, items: Ints, scene: Scene) -> Floats:
        return self.answer(self.inputs(items, scene))

    def inputs(self, items: Ints, scene: Scene) -> Floats:
        return np.stack([items, np.full(items.size, len(scene.zone or ""))], 1).astype(np.float32)

    def usual(self) -> Floats:
        return np.zeros(2, np.float32)

    def answer(self, inputs: Floats) -> Floats:
        share: Floats = (inputs.sum(axis=1) / 100.0).astype(np.float32)
        return share


REGULAR = History.empty().extended([1, 5], 3.0).extended([5], 9.0)


class ByHour(ByPlace):
    """A model for strangers who want more from noon on."""

    def chances(self, items: Ints, scene: Scene) -> Floats:
        assert scene.minute is not None
        return np.full(items.size, 0.75 if scene.minute >= 660 else 0.25, np.float32)


GUESTS = (
    prepare(REGULAR, TABLES, 10.0),
    prepare(REGULAR, TABLES, 12.0),
    prepare(History.empty().extended([2], 4.0), TABLES, 10.0),
)
LISTS = [np.array(items, np.int32) for items in ([], [0, 3], [4], [9, 10, 11])]
LIST = st.sampled_from(LISTS)
MOMENTS = st.tuples(
    st.integers(0, 2),
    st.builds(Context, basket=LIST, zone=LIST, stated=LIST, pinned=LIST),
    st.sets(ITEM),
    st.sampled_from([None, "shoes", "men"]),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(MOMENTS, min_size=2, max_size=8))
def test_kept_scores_are_those_of_a_fresh_look(
    moments: list[tuple[int, Context, set[int], str | None]],
) -> None:
    """Other people, lists, days, zones and bans: what was kept is what the model would say."""
    scoring = Scoring(BySight(), TABLES, lambda: None, ByPlace())
    kept: Scored | None = None
    for who, context, banned, zone in moments:
        prepared = GUESTS[who]
        scene = None if zone is None else Scene.of(NOW, zone, context.basket)
        anew = scoring.candidates(prepared, context, scene)
        found = (kept and kept.found_for(prepared, context, scene)) or anew
        assert_same(found, anew)
        allowed = ~np.isin(found.items, list(banned))
        kept = scoring.score(prepared, found, allowed, context, kept, scene)
        fresh = scoring.score(prepared, anew, allowed, context, None, scene)
        assert np.array_equal(chances(kept, allowed), chances(fresh, allowed), equal_nan=True)


def assert_same(one: Candidates, other: Candidates) -> None:
    """Hold two findings against each other."""
    assert np.array_equal(one.items, other.items)
    assert np.array_equal(one.sources, other.sources)


def test_a_stranger_is_looked_at_anew_in_another_part_of_the_day() -> None:
    """Else the chance of a card would be of a moment that its record does not name."""
    scoring = Scoring(BySight(), TABLES, lambda: None, ByHour())
    context, prepared = Context(), GUESTS[0]
    before = replace(Scene.of(NOW, "shoes", context.basket), minute=659)
    found = scoring.candidates(prepared, context, before)
    allowed = np.ones(found.items.size, np.bool_)
    kept = scoring.score(prepared, found, allowed, context, None, before)
    soon, noon = replace(before, minute=650), replace(before, minute=660)
    assert scoring.score(prepared, found, allowed, context, kept, soon).scores is kept.scores
    assert kept.found_for(prepared, context, noon) is None
    later = scoring.score(prepared, found, allowed, context, kept, noon)
    assert set(later.scores.tolist()) == {np.float32(0.75)}
    assert set(kept.scores.tolist()) == {np.float32(0.25)}


def test_a_stranger_who_moved_or_took_something_is_looked_at_anew() -> None:
    """The lists of the moment are the same, the candidates of the model for strangers are not."""
    scoring = Scoring(BySight(), TABLES, lambda: None, ByPlace())
    context, prepared = Context(), GUESTS[0]
    scene = Scene.of(NOW, "shoes", context.basket)
    found = scoring.candidates(prepared, context, scene)
    allowed = np.ones(found.items.size, np.bool_)
    kept = scoring.score(prepared, found, allowed, context, None, scene)
    assert kept.found_for(prepared, context, scene) is found
    assert kept.found_for(prepared, context, replace(scene, zone="men")) is None
    taken = replace(context, basket=LISTS[2])
    assert kept.found_for(prepared, taken, replace(scene, basket=taken.basket)) is None


def test_a_second_look_asks_the_model_nothing() -> None:
    """The same moment again: candidates and scores are there."""
    ranker = BySight()
    scoring = Scoring(ranker, TABLES, lambda: None)
    context, prepared = Context(zone=LISTS[1]), GUESTS[0]
    found = candidates(prepared, TABLES, context)
    allowed = np.ones(found.items.size, np.bool_)
    first = scoring.score(prepared, found, allowed, context)
    asked = ranker.asked
    assert first.found_for(prepared, replace(context)) is found
    again = scoring.score(prepared, found, allowed, context, first)
    assert ranker.asked == asked > 0
    assert np.array_equal(again.scores, first.scores)
