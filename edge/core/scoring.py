"""The chance of each candidate, asked of the model once while nothing it rests on changes.

Decides what must be scored anew and what answers without a model. Leaves out the model (a port),
its inputs (`features`), what the moment adds (`ranking`) and what may be shown at all (`guard`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.anonymous import Scene
from edge.core.candidates import Candidates, Context, Prepared, Source, nobody, prepare
from edge.core.classes import DAY_S
from edge.core.errors import UnavailableError
from edge.core.features import features
from edge.core.history import Floats, History
from edge.core.item_tables import ItemTables
from edge.core.moment import Moment
from edge.core.ports import Ranker, Strangers
from edge.core.ranking import by_popularity, with_moment


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """What the model said about one guest's candidates, and what it looked at.

    Attributes:
        context: The moment that `found` comes from.
        scores: float32[n], one for each of `found`, NaN where the model was not asked.
        zone: Where a stranger stood, for whom the zone itself says something.
        is_final: False where popularity had to answer: the model is asked again.
    """

    prepared: Prepared
    found: Candidates
    context: Context
    scores: Floats
    zone: str | None = None
    is_final: bool = True

    def found_for(self, prepared: Prepared, context: Context) -> Candidates | None:
        """Return the candidates again where the moment names the very same lists."""
        is_same = self.prepared is prepared and self.context.names(context)
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
        zone = None if scene is None else scene.zone
        if (
            before is not None
            and before.zone == zone
            and before.still_holds(prepared, found, context)
        ):
            scores = before.scores
            rows = (allowed & np.isnan(scores)).nonzero()[0]
        else:
            scores = np.full(found.items.size, np.nan, np.float32)
            rows = allowed.nonzero()[0]
        if not rows.size:
            return Scored(prepared, found, context, scores, zone)
        left = Candidates(found.items[rows], found.sources[rows])
        is_final = True
        try:
            chance = self._asked(prepared, left, context, scene)
        except UnavailableError:
            self._on_unavailable()
            chance, is_final = with_moment(by_popularity(left, self._tables), left), False
        scores = scores.copy()
        scores[rows] = chance
        return Scored(prepared, found, context, scores, zone, is_final)

    def afresh(
        self,
        history: History,
        found: Candidates,
        context: Context,
        moment: Moment,
        zone: str | None,
    ) -> Floats:
        """Score candidates of a visit that is not under way, as at its beginning.

        Args:
            history: What is known to have been bought before; of a stranger, nothing.
            found: n candidates, all of them asked about.
            context: The moment's lists.
            moment: Of the visit.
            zone: Where the visitor stood.

        Returns:
            float32[n].
        """
        is_known = history.n_baskets > 0
        scene = None if is_known else Scene.of(moment, zone, context.basket)
        prepared = (
            prepare(history, self._tables, moment.now_s / DAY_S)
            if is_known
            else nobody(self._tables)
        )
        allowed = np.ones(found.items.size, np.bool_)
        return self.score(prepared, found, allowed, context, None, scene).scores

    def _asked(
        self, prepared: Prepared, left: Candidates, context: Context, scene: Scene | None
    ) -> Floats:
        """Ask the model that knows most; the one for strangers has learned of zones itself."""
        if scene is not None and self._strangers is not None:
            unplaced = Candidates(left.items, left.sources & ~np.uint16(Source.ZONE))
            return with_moment(self._strangers.chances(left.items, scene), unplaced)
        inputs = features(prepared, left, self._tables, context)
        return with_moment(self._ranker.score(inputs, left.items, prepared.person), left)


def chances(scored: Scored, allowed: NDArray[np.bool_]) -> Floats:
    """Return float32[n], NaN for what is not allowed at this moment."""
    masked: Floats = np.where(allowed, scored.scores, np.float32(np.nan))
    return masked
