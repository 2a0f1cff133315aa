"""Who is asked for a score: the ranker, the model for strangers, or popularity."""

from datetime import UTC, datetime

import numpy as np
import pytest

from edge.core.anonymous import FEATURES, Scene
from edge.core.candidates import Candidates, Context, Source, nobody
from edge.core.errors import UnavailableError
from edge.core.history import Floats, History, Ints
from edge.core.item_tables import blank
from edge.core.moment import Moment
from edge.core.scoring import Scoring

N = 4
TABLES = blank(N)
PREPARED = nobody(TABLES)
ITEMS = np.arange(N, dtype=np.int32)
FOUND = Candidates(
    ITEMS, np.array([Source.ZONE, Source.POPULAR, Source.ZONE, Source.STATED], np.uint16)
)
ALL = np.ones(N, np.bool_)
SCENE = Scene.of(Moment.of(datetime(2026, 3, 17, 14, 30, tzinfo=UTC)), "shoes", ITEMS[:0])


class Always:
    """A ranker that gives every item the same chance."""

    def __init__(self, chance: float = 0.5) -> None:
        self.chance = chance

    def score(self, features: Floats, items: Ints, person: Floats) -> Floats:
        del features, person
        return np.full(items.size, self.chance, np.float32)


class ByZone:
    """A model for strangers: 0.05, as much again for what sells, 0.1 for the zone."""

    def __init__(self, *, is_broken: bool = False, least: float = 0.05) -> None:
        self.is_broken = is_broken
        self.least = least

    def candidates(self, scene: Scene) -> Candidates:
        items = ITEMS[2:] if scene.zone == "shoes" else ITEMS[3:]
        return Candidates(items, np.full(items.size, Source.POPULAR, np.uint16))

    def chances(self, items: Ints, scene: Scene) -> Floats:
        return self.answer(self.inputs(items, scene))

    def inputs(self, items: Ints, scene: Scene) -> Floats:
        found = self.usual()[None].repeat(items.size, axis=0)
        found[:, FEATURES.index("is_in_zone")] = scene.zone == "shoes"
        found[:, FEATURES.index("log_share")] = 1.0
        return found

    def usual(self) -> Floats:
        return np.zeros(len(FEATURES), np.float32)

    def answer(self, inputs: Floats) -> Floats:
        if self.is_broken:
            raise UnavailableError("no answer")
        share, zone = (inputs[:, FEATURES.index(name)] for name in ("log_share", "is_in_zone"))
        return (self.least + 0.05 * share + 0.1 * zone).astype(np.float32)


def test_a_moment_is_a_scene() -> None:
    """17 March 2026 was a Tuesday."""
    assert (SCENE.minute, SCENE.weekday, SCENE.month) == (870, 1, 3)


def test_somebody_known_is_for_the_ranker() -> None:
    """The zone doubles the odds of what lies there: 0.5 becomes 2 / 3."""
    scoring = Scoring(Always(), TABLES, lambda: None, ByZone())
    scored = scoring.score(PREPARED, FOUND, ALL, Context())
    assert scored.scores.tolist() == pytest.approx([2 / 3, 0.5, 2 / 3, 0.75])


def test_a_stranger_is_for_the_model_of_visits() -> None:
    """It has learned of zones itself, so they count once; a stated wish still does."""
    scoring = Scoring(Always(), TABLES, lambda: None, ByZone())
    scored = scoring.score(PREPARED, FOUND, ALL, Context(), scene=SCENE)
    assert scored.scores.tolist() == pytest.approx([0.2, 0.2, 0.2, 0.75 / 1.75])
    assert scored.chance_of(3) == pytest.approx(0.75 / 1.75)
    assert np.isnan(scored.chance_of(9))


def test_a_stranger_is_asked_about_what_that_model_was_taught() -> None:
    """Two items of the model's own and one that is pinned, not the ranker's whole list."""
    context = Context(pinned=ITEMS[:1])
    found = Scoring(Always(), TABLES, lambda: None, ByZone()).candidates(PREPARED, context, SCENE)
    assert found.items.tolist() == [0, 2, 3]
    assert found.sources.tolist() == [Source.PINNED, Source.POPULAR, Source.POPULAR]
    ranker_alone = Scoring(Always(), TABLES, lambda: None)
    assert ranker_alone.candidates(PREPARED, context, SCENE).items.tolist() == ITEMS.tolist()


def test_without_such_a_model_the_ranker_answers() -> None:
    """A bundle may hold the ranker alone."""
    scored = Scoring(Always(), TABLES, lambda: None).score(
        PREPARED, FOUND, ALL, Context(), scene=SCENE
    )
    assert scored.scores[1] == 0.5


def test_a_broken_model_leaves_popularity_and_is_asked_again() -> None:
    """Nothing blocks; the failure is counted."""
    failures: list[int] = []
    scoring = Scoring(Always(), TABLES, lambda: failures.append(1), ByZone(is_broken=True))
    scored = scoring.score(PREPARED, FOUND, ALL, Context(), scene=SCENE)
    assert np.isfinite(scored.scores).all()
    assert not scored.is_final
    assert failures == [1]


@pytest.mark.parametrize("answer", [float("nan"), float("inf")])
@pytest.mark.parametrize("scene", [None, SCENE], ids=["somebody known", "a stranger"])
def test_an_answer_that_is_no_number_counts_as_none(answer: float, scene: Scene | None) -> None:
    """Popularity answers, the failure is counted, and the model is asked again; nobody knows why.

    A NaN would be lower than every floor: silence, and no word of it.
    """
    failures: list[int] = []
    models = Always(answer), ByZone(least=answer)
    scoring = Scoring(models[0], TABLES, lambda: failures.append(1), models[1])
    scored = scoring.score(PREPARED, FOUND, ALL, Context(), scene=scene)
    assert np.isfinite(scored.scores).all()
    assert not scored.is_final
    assert failures == [1]
    scoring.score(PREPARED, FOUND, ALL, Context(), scored, scene)
    assert failures == [1, 1]
    with pytest.raises(UnavailableError, match="no number"):
        scoring.shared_out(scored, 1, is_in_basket=False)


def test_a_visit_that_is_over_is_scored_as_at_its_beginning() -> None:
    """Who bought before is for the ranker, anybody else for the model of visits."""
    scoring = Scoring(Always(), TABLES, lambda: None, ByZone())
    moment = Moment.of(datetime(2026, 3, 17, 14, 30, tzinfo=UTC))
    bought = History(ITEMS[:1], ITEMS[:1], np.zeros(1, np.float32))
    known = scoring.afresh(bought, FOUND, Context(), moment, "shoes").scores
    assert known.tolist() == scoring.score(PREPARED, FOUND, ALL, Context()).scores.tolist()
    unknown = scoring.afresh(History.empty(), FOUND, Context(), moment, "shoes").scores
    as_stranger = scoring.score(PREPARED, FOUND, ALL, Context(), scene=SCENE)
    assert unknown.tolist() == as_stranger.scores.tolist()
