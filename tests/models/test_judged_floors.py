"""The relevance floor of each surface, read from what was bought at each probability."""

import numpy as np

from models.evaluation import FLOOR_SHARES, floors


def judged(*groups: tuple[float, int, int]) -> dict[str, float | None]:
    """Return the floors of cards given as (probability, cards, bought of them)."""
    chance = np.concatenate([np.full(n, p, np.float32) for p, n, _ in groups])
    hit = np.concatenate([np.arange(n) * hits % n < hits if hits else np.zeros(n, bool)
                          for _, n, hits in groups])  # fmt: skip
    return floors(chance, hit)


def test_the_card_at_the_floor_is_bought_as_often_as_asked() -> None:
    """1 of 100, 6 of 100 and 30 of 100: a card asks for 5 %, a station for 10, a push for 20.

    From .01 on 37 of 300 are bought on average, which is no reason to show the first hundred.
    """
    assert FLOOR_SHARES == {"tablet": 0.05, "station": 0.10, "push": 0.20}
    found = judged((0.01, 100, 1), (0.04, 100, 6), (0.25, 100, 30))
    assert found == {"tablet": 0.04, "station": 0.25, "push": 0.25}


def test_a_model_that_promises_too_much_gets_a_higher_floor() -> None:
    """Cards of probability .2 of which 2 % are bought are not worth an associate's glance."""
    assert judged((0.2, 100, 2), (0.5, 100, 8))["tablet"] == 0.5


def test_no_probability_is_high_enough() -> None:
    """Nothing is bought often enough, or by fewer than twenty cards."""
    assert judged((0.1, 200, 2)) == {"tablet": None, "station": None, "push": None}
    assert judged((0.1, 200, 0), (0.9, 19, 19))["push"] is None
    assert judged((0.1, 200, 0), (0.9, 20, 20))["push"] == 0.9
