"""The chance of each candidate, asked of the model once while nothing it rests on changes.

Decides what must be scored anew and what answers without a model. Leaves out the model (a port),
its inputs (`features`), what the moment adds (`ranking`) and what may be shown at all (`guard`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edge.core import anonymous
from edge.core.anonymous import Scene
from edge.core.attribution import Shares, log_odds, shares
from edge.core.candidates import (
    Candidates,
    Context,
    Prepared,
    Source,
    joined,
    nobody,
    prepare,
)
from edge.core.classes import DAY_S
from edge.core.errors import UnavailableError
from edge.core.features import (
    FEATURE_SOURCE,
    FeatureSource,
    feature_sources,
    features,
    source_of_bits,
)
from edge.core.history import Floats, History, Ints
from edge.core.item_tables import ItemTables
from edge.core.moment import Moment
from edge.core.ports import Ranker, Strangers
from edge.core.ranking import by_popularity, with_moment, with_odds

# Inputs with everything and with nothing known, the source of each, and who answers.
_Question = tuple[
    Floats, Floats, Sequence[str], Callable[[Floats, Mapping[str, NDArray[np.bool_]]], Floats]
]
_NOTHING: Ints = np.empty(0, np.int32)
_OF_ITEM = [source is FeatureSource.POPULARITY for source in FEATURE_SOURCE]


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """What the model said about one guest's candidates, and what it looked at.

    Attributes:
        context: The moment that `found` comes from.
        scores: float32[n], one for each of `found`, NaN where the model was not asked.
        scene: What a stranger's answer rests on, None for somebody who is known.
        is_final: False where popularity had to answer: the model is asked again.
    """

    prepared: Prepared
    found: Candidates
    context: Context
    scores: Floats
    scene: Scene | None = None
    is_final: bool = True

    def is_of(self, scene: Scene | None) -> bool:
        """Tell whether a stranger would be told the same now, as far as the scene goes."""
        if self.scene is None or scene is None:
            return self.scene is scene
        return self.scene.around == scene.around

    def found_for(
        self, prepared: Prepared, context: Context, scene: Scene | None = None
    ) -> Candidates | None:
        """Return the candidates again where the moment names the very same lists.

        A stranger's own come from the scene as well: it and the basket are the same, too.
        """
        is_same = self.prepared is prepared and self.context.names(context) and self.is_of(scene)
        if scene is not None:
            is_same = is_same and np.array_equal(self.context.basket, context.basket)
        return self.found if is_same else None

    def still_holds(self, prepared: Prepared, found: Candidates, context: Context) -> bool:
        """Tell whether the model would be shown the same."""
        if (
            not self.is_final
            or self.prepared is not prepared
            or not np.array_equal(self.context.basket, context.basket)
        ):
            return False
        return self.found is found or (
            np.array_equal(self.found.items, found.items)
            and np.array_equal(self.found.sources, found.sources)
        )

    def chance_of(self, item: int) -> float:
        """Return what the model said about an item, NaN where it said nothing."""
        at = int(np.searchsorted(self.found.items, item))
        is_there = at < self.found.items.size and int(self.found.items[at]) == item
        return float(self.scores[at]) if is_there else float("nan")


class Scoring:
    """Asks the model of the house; without a working one popularity answers.

    Args:
        ranker: The model.
        tables: The bundle's item tables.
        on_unavailable: Called when a model fails.
        strangers: The model for those nobody knows; without one the ranker answers for them too.
    """

    def __init__(
        self,
        ranker: Ranker,
        tables: ItemTables,
        on_unavailable: Callable[[], None],
        strangers: Strangers | None = None,
    ) -> None:
        self._ranker = ranker
        self._strangers = strangers
        self._tables = tables
        self._on_unavailable = on_unavailable

    def candidates(self, prepared: Prepared, context: Context, scene: Scene | None) -> Candidates:
        """Join what the model that will answer was taught about with what the moment names.

        The model for strangers brings its own list of the zone.
        """
        own = prepared.candidates
        if scene is not None and self._strangers is not None:
            own, context = self._strangers.candidates(scene), replace(context, zone=_NOTHING)
        return joined(own, self._tables.n_items, context)

    def score(
        self,
        prepared: Prepared,
        found: Candidates,
        allowed: NDArray[np.bool_],
        context: Context,
        before: Scored | None = None,
        scene: Scene | None = None,
    ) -> Scored:
        """Score what the guard left.

        Args:
            prepared: The guest's part.
            found: The candidates, n of them.
            allowed: bool[n]; only these are asked about.
            context: The moment.
            before: What was said at the guest's last decision.
            scene: The visit as such, where nothing is known of the person.

        Returns:
            To be kept for the next decision; `chances` masks what is not allowed now.
        """
        if (
            before is not None
            and before.is_of(scene)
            and before.still_holds(prepared, found, context)
        ):
            scores, scene = before.scores, before.scene
            rows = (allowed & np.isnan(scores)).nonzero()[0]
        else:
            scores = np.full(found.items.size, np.nan, np.float32)
            rows = allowed.nonzero()[0]
        if not rows.size:
            return Scored(prepared, found, context, scores, scene)
        left = Candidates(found.items[rows], found.sources[rows])
        is_final = True
        try:
            chance = self._asked(prepared, left, context, scene)
        except UnavailableError:
            self._on_unavailable()
            chance, is_final = with_moment(self._popularity.take(left.items), left), False
        scores = scores.copy()
        scores[rows] = chance
        return Scored(prepared, found, context, scores, scene, is_final)

    def afresh(
        self,
        history: History,
        found: Candidates,
        context: Context,
        moment: Moment,
        zone: str | None,
    ) -> Scored:
        """Score candidates of a visit that is not under way, as at its beginning.

        Args:
            history: What is known to have been bought before; of a stranger, nothing.
            found: n candidates, all of them asked about.
            context: The moment's lists.
            moment: Of the visit.
            zone: Where the visitor stood.

        Returns:
            As of a decision of that moment, with float32[n] scores.
        """
        is_known = history.n_baskets > 0
        scene = None if is_known else Scene.of(moment, zone, context.basket)
        prepared = (
            prepare(history, self._tables, moment.now_s / DAY_S)
            if is_known
            else nobody(self._tables)
        )
        allowed = np.ones(found.items.size, np.bool_)
        return self.score(prepared, found, allowed, context, None, scene)

    def shared_out(
        self,
        scored: Scored,
        item: int,
        *,
        is_in_basket: bool,
        beside: Mapping[str, float] | None = None,
    ) -> Shares:
        """Share out a candidate's log odds over the data they rest on; never on the path.

        The model that answered is asked once more, with every combination of sources at once.

        Args:
            scored: What was asked, and what the answer rested on.
            item: One of its candidates.
            is_in_basket: What the item goes with lies in the basket; else it was bought before.
            beside: Factors on the odds that sources beside the model's bring, such as a shade.

        Raises:
            UnavailableError: The model failed.
        """
        at = int(np.searchsorted(scored.found.items, item))
        row = Candidates(scored.found.items[at : at + 1], scored.found.sources[at : at + 1])
        strangers = None if scored.scene is None else self._strangers
        sources = int(row.sources[0])
        if strangers is None or scored.scene is None:
            known, unknown, source_of, ask = self._of_known(row, scored, is_in_basket)
        else:
            known, unknown, source_of, ask = _of_strangers(row.items, scored.scene, strangers)
            sources &= ~Source.ZONE  # this model has learned of zones itself
        bits = source_of_bits(sources, is_in_basket=is_in_basket)
        factors = beside or {}
        order = tuple(dict.fromkeys((*source_of, *bits, *factors)))

        def score(inputs: Floats, knows: NDArray[np.bool_]) -> Floats:
            may_use = {name: knows[:, at] for at, name in enumerate(order)}
            left = np.zeros(len(inputs), np.uint16)
            for name, mask in bits.items():
                left[may_use[name]] |= mask
            asked = Candidates(np.repeat(row.items, len(inputs)), left)
            chance = with_moment(_numbers(ask(inputs, may_use)), asked)
            for name, factor in factors.items():
                chance = np.where(may_use[name], with_odds(chance, factor), chance)
            return log_odds(chance)

        return shares(score, known, unknown, source_of, (*bits, *factors))

    def _of_known(self, row: Candidates, scored: Scored, is_in_basket: bool) -> _Question:
        """Ask the ranker; who may not know the history sees a stranger's vector."""
        tables, prepared, stranger = self._tables, scored.prepared, self._stranger
        known = features(prepared, row, tables, scored.context)
        blank = Candidates(row.items, np.zeros(1, np.uint16))
        unknown = features(stranger, blank, tables, Context())
        unknown[:, _OF_ITEM] = tables.item.mean(axis=0)

        def ask(inputs: Floats, knows: Mapping[str, NDArray[np.bool_]]) -> Floats:
            knows_history = knows[FeatureSource.HISTORY][:, None]
            person = np.where(knows_history, prepared.person, stranger.person)
            items = np.repeat(row.items, len(inputs))
            return self._ranker.score(inputs, items, person.astype(np.float32))

        return known, unknown, feature_sources(is_in_basket=is_in_basket), ask

    @cached_property
    def _popularity(self) -> Floats:
        return by_popularity(self._tables)

    @cached_property
    def _stranger(self) -> Prepared:
        return nobody(self._tables)

    def _asked(
        self, prepared: Prepared, left: Candidates, context: Context, scene: Scene | None
    ) -> Floats:
        """Ask the model that knows most; the one for strangers has learned of zones itself."""
        if scene is not None and self._strangers is not None:
            unplaced = Candidates(left.items, left.sources & ~np.uint16(Source.ZONE))
            return with_moment(_numbers(self._strangers.chances(left.items, scene)), unplaced)
        inputs = features(prepared, left, self._tables, context)
        return with_moment(_numbers(self._ranker.score(inputs, left.items, prepared.person)), left)


def _numbers(chance: Floats) -> Floats:
    """Return a model's answer, which must be numbers: NaN stands for what nobody asked.

    Raises:
        UnavailableError: The model answered with something else.
    """
    if not np.isfinite(chance).all():
        raise UnavailableError("the model answered with no number")
    return chance


def _of_strangers(items: Ints, scene: Scene, model: Strangers) -> _Question:
    """Ask the model of visits nobody is known on."""
    known, unknown = model.inputs(items, scene), model.inputs(items, Scene.unknown())
    of_item = [source == FeatureSource.POPULARITY for source in anonymous.FEATURE_SOURCE]
    unknown[:, of_item] = model.usual()[of_item]
    return known, unknown, anonymous.FEATURE_SOURCE, lambda inputs, _: model.answer(inputs)


def chances(scored: Scored, allowed: NDArray[np.bool_]) -> Floats:
    """Return float32[n], NaN for what is not allowed at this moment."""
    masked: Floats = np.where(allowed, scored.scores, np.float32(np.nan))
    return masked
