"""What a box makes of a ranker in daily use: learning, exploring, judging policies, explaining.

Replays the judged customers, of whom the basket they bought next is known: so what a card that
nobody was shown would have come to is known as well, and every estimate meets the truth. Decides
what each part is measured by and its naive rival. Leaves out the parts themselves:
`edge.core.learning`, `edge.core.attribution`, `edge.core.off_policy`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.core import attribution, off_policy
from edge.core.candidates import Context, Source, candidates, prepare
from edge.core.features import FEATURE_SOURCE
from edge.core.history import Floats, History, Ints
from edge.core.item_tables import ITEM_COLUMNS
from edge.core.learning import Kind, Learner, Reaction
from edge.core.off_policy import REFUSALS, Log
from edge.core.scoring import Scoring
from edge.core.shelf import MAX_LISTED
from models import judging
from models.evaluation import Answer, Bundle, K, measures
from models.visit_models import Measured

FLOOR = 0.02
"""The house's floor of a tablet (`edge.core.playbook`): exploration goes no lower. The bundle's own
floor comes out of the same answers, so it cannot choose among them."""
PLACES = 5
"""Cards shown in a visit: what an associate may leaf through."""
EXPLORE_SHARE = 0.2
LOGS, LOG_ROWS = 60, 3_000
EXPLAINED = 200
"""Customers whose two best cards are explained."""
SOURCES = tuple(dict.fromkeys(source.value for source in FEATURE_SOURCE))
Chances = npt.NDArray[np.float64]


def measure(
    bundle: Bundle, answers: Sequence[Answer], seed: int, zone_of: Ints | None = None
) -> dict[str, Any]:
    """Return one measured row by part.

    Args:
        bundle: Trained on the past alone.
        answers: What it says of the judged customers.
        seed: Of every draw.
        zone_of: int32[items], the number of each item's zone, −1 where unknown; None without any.
    """
    rows = {
        "newcomers": newcomers(bundle, answers, seed),
        "learning": learning(answers, bundle.tables.category, seed),
        "policy_from_the_log": policies(answers, bundle, seed),
        "explanation": explanations(bundle, answers, zone_of, seed),
    }
    return {name: data | row.row() for name, (data, row) in rows.items() if row is not None}


def greedy(answer: Answer, score: Floats, share: float) -> tuple[Ints, Chances]:
    """Return the rows above the floor and the chance of each under a policy that explores.

    Args:
        answer: Its probabilities decide what may be shown.
        score: float32[n], the policy's own order.
        share: Chance that the place goes to any row above the floor.
    """
    ready = np.flatnonzero(answer.chance >= FLOOR).astype(np.int32)
    if not ready.size:
        return ready, np.empty(0)
    chance = np.full(ready.size, share / ready.size)
    chance[np.lexsort((answer.items[ready], -score[ready]))[0]] += 1.0 - share
    return ready, chance


# -- somebody nothing is known about -------------------------------------------------------------


def newcomers(
    bundle: Bundle, answers: Sequence[Answer], seed: int
) -> tuple[dict[str, str], Measured | None]:
    """Ask for the same baskets with the history withheld, and compare with the best sellers."""
    data = {"data": "the judged customers as if they had never been in before"}
    everybody = bundle.tables.popular[:K]
    if not answers:
        return data, None
    ours, theirs = [], []
    for answer in answers:
        items, chance = bundle.score(History.empty(), answer.day)
        best = items[np.lexsort((items, -chance))[:K]]
        ours.append(measures(best, answer.label)[0])
        theirs.append(measures(everybody, answer.label)[0])
    found, rival = np.array(ours), np.array(theirs)
    return data, Measured(
        measure=f"recall@{K}",
        baseline="best sellers",
        ours=float(found.mean()),
        theirs=float(rival.mean()),
        gain=judging.mean_interval(found - rival, np.arange(found.size), seed),
        rows=found.size,
        groups=found.size,
    )


# -- learning ----------------------------------------------------------------------------------


def learning(
    answers: Sequence[Answer], category: Ints, seed: int
) -> tuple[dict[str, str], Measured | None]:
    """Let a box learn from one half of the visits, and judge its cards of the other.

    The earlier half and the later where days are known; drawn halves where they are not.
    """
    is_dated = all(answer.day is not None for answer in answers)
    halves = ("later", "earlier") if is_dated else ("one", "other")
    data = {"data": f"cards of the {halves[0]} half of the visits, the {halves[1]} half learned"}
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(answers))
    if is_dated:
        order = order[np.argsort([answers[at].day for at in order], kind="stable")]
    half = len(order) // 2
    learner = Learner(category)
    learner.restore(
        reaction for at in order[:half].tolist() for reaction in _reactions(answers[at], rng)
    )
    shift = learner.log_odds()
    cards = [_Cards.of(answers[at], learner, shift, rng) for at in order[half:].tolist()]
    shown = [card for card in cards if card.hit.size]
    if not shown:
        return data, None
    hit = np.concatenate([card.hit for card in shown])
    before = judging.log_losses(np.concatenate([card.before for card in shown]), hit)
    after = judging.log_losses(np.concatenate([card.after for card in shown]), hit)
    group = np.repeat(np.arange(len(shown)), [card.hit.size for card in shown])
    return data, Measured(
        measure="negative log loss per card",
        baseline="the ranker as trained",
        ours=-float(after.mean()),
        theirs=-float(before.mean()),
        gain=judging.mean_interval(before - after, group, seed),
        rows=hit.size,
        groups=len(shown),
        other={
            "reactions": learner.n_reactions,
            "taken_up_of_shown": float(hit.mean()),
            "largest_shift_of_log_odds": float(np.abs(shift).max(initial=0.0)),
        },
    )


def _shown(answer: Answer, rng: np.random.Generator) -> list[tuple[int, float]]:
    """Draw the cards of a visit as the box does: (row, propensity) for each place."""
    left = np.flatnonzero(answer.chance >= FLOOR)
    left = left[np.lexsort((answer.items[left], -answer.chance[left]))]
    cards = []
    for _ in range(min(PLACES, left.size)):
        each = EXPLORE_SHARE / left.size
        draw = rng.random()
        place = min(int(draw / each), left.size - 1) if draw < EXPLORE_SHARE else 0
        cards.append((int(left[place]), each + (1.0 - EXPLORE_SHARE if place == 0 else 0.0)))
        left = np.delete(left, place)
    return cards


def _reactions(answer: Answer, rng: np.random.Generator) -> list[Reaction]:
    """Return what a box would have logged: every card shown, and the bought ones accepted."""
    found = []
    for row, propensity in _shown(answer, rng):
        kinds = (Kind.SHOWN, Kind.ACCEPTED) if answer.hit[row] else (Kind.SHOWN,)
        found += [
            Reaction(
                f"{answer.customer}-{row}-{kind}",
                str(answer.customer),
                int(answer.items[row]),
                kind,
                float(answer.chance[row]),
                propensity,
                0.0 if answer.day is None else answer.day,
            )
            for kind in kinds
        ]
    return found


@dataclass(frozen=True, slots=True)
class _Cards:
    """The cards of one later visit: probabilities before and after learning, bought or not."""

    before: Floats
    after: Floats
    hit: npt.NDArray[np.bool_]

    @classmethod
    def of(
        cls, answer: Answer, learner: Learner, shift: Floats, rng: np.random.Generator
    ) -> "_Cards":
        rows = np.array([row for row, _ in _shown(answer, rng)], np.int32)
        before = answer.chance[rows]
        after = learner.applied(before, answer.items[rows], shift)
        return cls(before, after, answer.hit[rows])


# -- judging another policy from the log --------------------------------------------------------


def policies(
    answers: Sequence[Answer], bundle: Bundle, seed: int
) -> tuple[dict[str, str], Measured | None]:
    """Estimate another policy's worth from many drawn logs, and hold it against the truth.

    The logged policy is the box's own with exploration. Asked for are the same cards drawn in
    proportion to their probability, and the best sellers, which the log seldom showed: there the
    estimate should refuse. The interval tells how sure the mean over the drawn logs is, not what
    other visits would show: the error of an estimate is no mean over visits.
    """
    cases = [case for answer in answers if (case := _Case.of(answer, bundle)).reward.size]
    data = {
        "data": f"{LOGS} logs drawn from the same {len(cases)} visits, so its interval is over the "
        "drawings, not over visits; asked for: cards in proportion to their probability"
    }
    if len(cases) < 2:
        return data, None
    rng = np.random.default_rng(seed)
    truth = float(np.mean([case.proportional @ case.reward for case in cases]))
    ours, naive, covered, concluded, refused, effective = [], [], [], [], [], []
    for number in range(LOGS):
        drawn = rng.integers(0, len(cases), min(LOG_ROWS, len(cases)))
        shown = [int(rng.choice(cases[at].old.size, p=cases[at].old)) for at in drawn]
        found = off_policy.evaluate(_log(cases, drawn, shown, "proportional"), number, 200)
        rare = off_policy.evaluate(_log(cases, drawn, shown, "popular"), number, 2)
        best = found.estimates["dr"]
        ours.append(abs(best.value - truth))
        naive.append(abs(found.logged.value - truth))
        covered.append(best.low <= truth <= best.high)
        concluded.append(found.verdict not in REFUSALS)
        effective.append(found.effective_customers)
        refused.append(rare.verdict in REFUSALS)
    error, rival = np.array(ours), np.array(naive)
    return data, Measured(
        measure="negative error of a policy's estimated take-up",
        baseline="take-up of the logged policy",
        ours=-float(error.mean()),
        theirs=-float(rival.mean()),
        gain=judging.mean_interval(rival - error, np.arange(LOGS), seed),
        rows=min(LOG_ROWS, len(cases)),
        groups=len(cases),
        other={
            "truth": truth,
            "intervals_that_hold_it": float(np.mean(covered)),
            "logs_that_sufficed": float(np.mean(concluded)),
            "effective_visits": float(np.mean(effective)),
            "refused_for_best_sellers": float(np.mean(refused)),
        },
        is_enough=any(concluded),
    )


@dataclass(frozen=True, slots=True)
class _Case:
    """One visit with one place to fill: chances under three policies, model and truth by row."""

    old: Chances
    proportional: Chances
    popular: Chances
    expected: Chances
    reward: Chances

    @classmethod
    def of(cls, answer: Answer, bundle: Bundle) -> "_Case":
        ready, old = greedy(answer, answer.chance, EXPLORE_SHARE)
        sold = bundle.tables.item[answer.items, ITEM_COLUMNS.index("log_popularity")]
        expected = answer.chance[ready].astype(np.float64)
        return cls(
            old,
            expected / max(float(expected.sum()), 1e-12),
            greedy(answer, sold, 0.0)[1],
            expected,
            answer.hit[ready].astype(np.float64),
        )


def _log(
    cases: Sequence[_Case], drawn: npt.NDArray[np.int64], shown: Sequence[int], policy: str
) -> Log:
    """Return a log of the old policy with the chances of another; every draw is a visitor."""
    seen = [(cases[at], row) for at, row in zip(drawn.tolist(), shown, strict=True)]
    target = [getattr(case, policy) for case, _ in seen]
    return Log(
        reward=np.array([case.reward[row] for case, row in seen]),
        propensity=np.array([case.old[row] for case, row in seen]),
        target=np.array([chance[row] for chance, (_, row) in zip(target, seen, strict=True)]),
        group=np.arange(drawn.size),
        expected_shown=np.array([case.expected[row] for case, row in seen]),
        expected_target=np.array(
            [chance @ case.expected for chance, (case, _) in zip(target, seen, strict=True)]
        ),
    )


# -- explaining --------------------------------------------------------------------------------


def explanations(
    bundle: Bundle, answers: Sequence[Answer], zone_of: Ints | None, seed: int
) -> tuple[dict[str, str], Measured | None]:
    """Share out the scores of the best cards, and take away the source that is said to matter.

    A source that an explanation names should cost the score more, when it is left out, than a
    source drawn by chance among those that say anything. Half of what was bought then lies in the
    basket already, and the visitor stands where the next thing lies, where zones are known. Nobody
    in these data stated a wish.
    """
    placed = (
        "where the next thing bought lies" if zone_of is not None else "nowhere (no zones here)"
    )
    data = {
        "data": "the two best cards of a visit; half of what was bought lies in the basket, the "
        f"visitor stands {placed}, nobody stated a wish; the source named first is left out; the "
        "ranker learned from histories alone: zone and basket do what the house's factors do"
    }
    rng = np.random.default_rng(seed)
    scoring = Scoring(_Asked(bundle), bundle.tables, _fail)
    named, drawn, adds_up, weight, spoken = [], [], [], [], []
    for answer in list(answers)[:EXPLAINED]:
        found = _explained(scoring, bundle, answer, zone_of, rng)
        if not found:
            continue
        fair = np.concatenate([shares.fair for _, shares in found])
        alone = np.concatenate([shares.alone for _, shares in found])
        rows, says = np.arange(len(fair)), np.abs(fair) > 1e-6
        named.append(alone[rows, fair.argmax(axis=1)].mean())
        drawn.append(((alone * says).sum(axis=1) / np.maximum(says.sum(axis=1), 1)).mean())
        adds_up += [bool(shares.adds_up[0]) for _, shares in found]
        weight.append(np.abs(fair).mean(axis=0))
        spoken += [is_so for each in found if (is_so := _says_the_largest(*each)) is not None]
    if not named:
        return data, None
    ours, theirs = np.array(named), np.array(drawn)
    share = np.mean(weight, axis=0)
    share = share / max(float(share.sum()), 1e-12)
    return data, Measured(
        measure="log odds lost without the source",
        baseline="a source drawn by chance",
        ours=float(ours.mean()),
        theirs=float(theirs.mean()),
        gain=judging.mean_interval(ours - theirs, np.arange(ours.size), seed),
        rows=len(adds_up),
        groups=ours.size,
        other={
            "ablations_add_up": float(np.mean(adds_up)),
            **({"first_sentence_names_the_largest": float(np.mean(spoken))} if spoken else {}),
            **{f"share_of_{name}": float(s) for name, s in zip(SOURCES, share, strict=True)},
        },
    )


class _Asked:
    """The ranker as a box asks it."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle

    def score(self, features: Floats, items: Ints, person: Floats) -> Floats:
        """See `edge.core.ports.Ranker`."""
        return self._bundle.calibration(self._bundle.logits(features, items, person))


def _fail() -> None:
    raise AssertionError("the model failed")


def _explained(
    scoring: Scoring,
    bundle: Bundle,
    answer: Answer,
    zone_of: Ints | None,
    rng: np.random.Generator,
) -> list[tuple[int, attribution.Shares]]:
    """Return the sources of the two best cards with their shares, as a box works them out."""
    bought = rng.permutation(answer.label).astype(np.int32)
    basket, coming = bought[: bought.size // 2], bought[bought.size // 2 :]
    context = Context(basket=basket)
    if zone_of is not None and coming.size and zone_of[coming[0]] >= 0:
        context = replace(context, zone=_sells(bundle, zone_of == zone_of[coming[0]]))
    prepared = prepare(answer.history, bundle.tables, answer.day)
    found = candidates(prepared, bundle.tables, context)
    scored = scoring.score(prepared, found, ~np.isin(found.items, basket), context)
    best = np.lexsort((found.items, -np.nan_to_num(scored.scores, nan=-1.0)))[:2]
    return [
        (
            int(found.sources[at]),
            scoring.shared_out(scored, int(found.items[at]), is_in_basket=True),
        )
        for at in best.tolist()
        if np.isfinite(scored.scores[at])
    ]


def _sells(bundle: Bundle, is_there: npt.NDArray[np.bool_]) -> Ints:
    """Return what sells best of a zone, as many as a box lists."""
    items = np.flatnonzero(is_there).astype(np.int32)
    sold = bundle.tables.item[items, ITEM_COLUMNS.index("log_popularity")]
    return items[np.argsort(-sold, kind="stable")][:MAX_LISTED]


def _says_the_largest(sources: int, shares: attribution.Shares) -> bool | None:
    """Tell whether the source that a card's sentences name first is the one that moved it most.

    The sentences go by rule, purchases before the zone before sales (`edge.core.explanation`).
    None where only one of them holds.
    """
    by_name = dict(zip(shares.sources, shares.fair[0].tolist(), strict=True))
    of_purchases = Source.HISTORY | Source.TRANSITION | Source.SIMILAR | Source.ENCODER
    moved = [
        amount
        for bits, amount in (
            (of_purchases, by_name["history"] + by_name["others"]),
            (Source.ZONE, by_name["zone"]),
            (Source.POPULAR, by_name["popularity"]),
        )
        if sources & bits
    ]
    return None if len(moved) < 2 else moved[0] >= max(moved)
