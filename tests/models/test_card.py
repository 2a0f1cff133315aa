"""The card says what was measured, and nothing else."""

from typing import Any

import pytest

from models import card

JUDGEMENT: dict[str, Any] = {
    "customers_judged": 300,
    "recall_at_10": 0.21,
    "ndcg_at_10": 0.2,
    "phr_at_10": 0.5,
    "rivals": {
        "G-TopFreq": {"recall_at_10": 0.05, "ndcg_at_10": 0.04, "phr_at_10": 0.2},
        "P-TopFreq": {"recall_at_10": 0.15, "ndcg_at_10": 0.14, "phr_at_10": 0.3},
    },
    "best_rival": "P-TopFreq",
    "gain": 0.06,
    "gain_ci95": [0.03, 0.09],
    "ece": 0.00123,
    "reliability": {
        "predicted": [0.001, 0.02, 0.2],
        "observed": [0.0012, 0.018, 0.21],
        "rows": [9000, 400, 30],
    },
    "floors": {"tablet": 0.04, "station": 0.1, "push": None},
}
INT8: dict[str, Any] = {
    "top10_overlap": 0.99712,
    "recall_loss": 0.0004,
    "recall_loss_error": 0.0003,
    "most_recall_loss": 0.001,
    "customers": 1_900,
    "layers_in_float32": [],
}
ROW: dict[str, Any] = {
    "data": "simulated visits",
    "bytes": 4000,
    "sha256": "0" * 64,
    "measure": "log loss",
    "baseline": "frequencies",
    "ours": -0.9,
    "theirs": -1.4,
    "gain": 0.5,
    "gain_ci95": [0.4, 0.6],
    "is_better": True,
    "rows": 6000,
    "groups": 1500,
    "accuracy": 0.61,
}


def metrics(**changes: Any) -> dict[str, Any]:
    """Return metrics of a judged bundle."""
    variable = {"name": "day", "fill": 1.0, "valid": 1.0, "is_enabled": True, "is_alarming": False}
    return {
        "customers": 300,
        "customers_learned": 250,
        "baskets_a_pass": 800,
        "baskets": 9_000,
        "lines": 30_000,
        "seed": 7,
        "judgement": JUDGEMENT,
        "is_judged_itself": True,
        "int8": INT8,
        "visit_models": {"motive": ROW},
        "variables": [variable],
    } | changes


def test_the_card_says_who_was_counted_and_who_was_learned_from() -> None:
    """A draw is said to be one; where everybody was learned from, nothing is."""
    drawn = card.files(metrics(), loaded_bytes=1)["card.md"].decode()
    assert "count every line; encoder and ranker learned from whole histories" in drawn
    assert "| Of them encoder and ranker learned from | 250 |" in drawn
    assert "| Next baskets that a pass of the encoder learned | 800 |" in drawn
    everybody = card.files(metrics(customers_learned=300), loaded_bytes=1)["card.md"].decode()
    assert "drawn evenly" not in everybody


def test_the_card_says_of_when_it_tells() -> None:
    """Its period, the cut and the first day that is left to judge it on; none where days are none.

    The day of the cut is not the one to judge from where the ranker was trained again.
    """
    days = {"first": "2025-11-21", "last": "2026-11-20", "unseen_from": "2026-11-21"}
    dated = metrics(days=days, judgement=JUDGEMENT | {"judged_from": "2026-10-15"})
    text = card.markdown(dated, 1, [])
    assert "| Receipts, the judged ones too | 2025-11-21 to 2026-11-20 |" in text
    assert "| Baskets that it is judged on | from 2026-10-15 |" in text
    assert "| First day that evaluate --since accepts | 2026-11-21 |" in text
    assert "Receipts, the judged" not in card.markdown(metrics(days=None), 1, [])
    assert "evaluate --since" not in card.markdown(metrics(), 1, [])


def test_the_card_says_which_lines_are_counted() -> None:
    """Members' alone: the page on data quality counts five times as many rows."""
    text = card.markdown(metrics(), 1, [])
    assert "with an id, each item once a basket, without gifts and the baskets it is judged" in text
    final = card.markdown(metrics(is_judged_itself=False), 1, [])
    assert "without gifts and what the data mark as held out" in final
    assert "fewer than the rows on the page on data quality" in text


def test_an_error_stands_beside_the_rate_that_it_is_measured_by() -> None:
    """Of 9,430 candidates 9000 x 0.0012 + 400 x 0.018 + 30 x 0.21 = 24.3 were bought."""
    text = card.markdown(metrics(), 1, [])
    assert "Expected calibration error 0.00123 over all candidates" in text
    assert "0.26 % of which were bought" in text


def test_a_floor_is_told_from_the_share_beside_it() -> None:
    """A floor of 0.04 where 5 % is bought is no slip: the one is predicted, the other seen."""
    text = card.markdown(metrics(), 1, [])
    assert "a floor is what was predicted, the share beside it what was bought" in text
    assert "| Surface | Bought at the floor, at least | Floor, as predicted |" in text


def test_the_card_says_what_rounding_costs() -> None:
    """Overlap, loss with its interval, and layers that stayed in float32."""
    text = card.files(metrics(), loaded_bytes=1)["card.md"].decode()
    assert "the newest baskets of 1,900 customers" in text
    assert "| Ten best that stay among the ten best | 99.71% |" in text
    assert "| 0.00040 (-0.00019 to +0.00099) |" in text
    assert "| Layers that 8 bits harm, kept in float32 | none |" in text
    assert "let it pass" not in text
    none = card.files(metrics(int8=INT8 | {"recall_loss": 0.0, "recall_loss_error": 0.0}), 1)
    assert "| none, of any of them |" in none["card.md"].decode()


def test_the_card_says_what_the_gate_let_pass() -> None:
    """A loss above the bar that a small sample cannot tell from noise is told as one."""
    passed = INT8 | {"recall_loss": 0.003, "recall_loss_error": 0.002, "layers_in_float32": [0]}
    text = card.files(metrics(int8=passed), loaded_bytes=1)["card.md"].decode()
    assert "More than the allowed 0.001 of recall@10 is lost here; the gate let it pass" in text
    assert "kept in float32 | 1 |" in text


def test_a_bundle_from_before_says_that_nothing_was_measured() -> None:
    """Its card can be written again."""
    assert "Not measured." in card.files(metrics(int8=None), loaded_bytes=1)["card.md"].decode()


def test_the_card_shows_every_figure() -> None:
    """Ranking with its rivals and interval, ECE, floors, and the other models."""
    files = card.files(metrics(), loaded_bytes=1_500_000)
    text = files["card.md"].decode()
    for expected in (
        "This very ranker",
        "better than the best naive method (P-TopFreq)",
        "+0.0600, 95 % interval +0.0300 to +0.0900",
        "| This ranker | 0.2100 | 0.2000 | 0.5000 |",
        "0.00123",
        "| push | 20 % | none reaches it, nothing is shown |",
        "| Motive | log loss | -0.9000 | -1.4000 | frequencies | +0.5000 (+0.4000 to +0.6000)",
        "1.50 MB",
        "![",
    ):
        assert expected in text
    assert sorted(files) == ["card.html", "card.md", "gains.svg", "ranking.svg", "reliability.svg"]


def test_the_card_shows_what_a_box_makes_of_it() -> None:
    """A part of daily use has its row, its notes and its bar, also where it is no better."""
    row = {k: v for k, v in ROW.items() if k not in ("bytes", "sha256")}
    unsure = row | {"gain_ci95": [-0.1, 0.1], "is_better": False}
    files = card.files(metrics(judgement=JUDGEMENT | {"in_use": {"learning": unsure}}), 1)
    text = files["card.md"].decode()
    assert "## What a box makes of it" in text
    assert "| Learning | log loss | -0.9000 | -1.4000 | frequencies | +0.5000" in text
    assert "not shown to be better" in text
    assert "Learning: simulated visits.\n" in text
    assert "| Learning | accuracy | 0.61 |\n" in text
    assert "|  | judged rows | 6,000 |\n" in text


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [([0.01, 0.1], "better than"), ([-0.1, -0.01], "worse than"), ([-0.1, 0.1], "not told apart")],
)
def test_the_verdict_follows_the_interval(interval: list[float], verdict: str) -> None:
    """An interval that holds zero is no win."""
    text = card.markdown(metrics(judgement=JUDGEMENT | {"gain_ci95": interval}), 1, [])
    assert verdict in text


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ([0.01, 0.1], "better"),
        ([-0.1, -0.01], "worse"),
        ([-0.1, 0.1], "not shown to be better"),
        ([-0.1, 0.0], "not shown to be better"),
    ],
)
def test_a_model_that_lost_is_called_worse(interval: list[float], verdict: str) -> None:
    """An interval wholly below zero shows more than that nothing was shown."""
    row = ROW | {"gain_ci95": interval, "is_better": interval[0] > 0}
    text = card.markdown(metrics(visit_models={"motive": row}), 1, [])
    assert f"({interval[0]:+.4f} to {interval[1]:+.4f}) | {verdict} |" in text


def test_the_card_ends_with_its_own_words_alone() -> None:
    """What it uses is defined; what it does not use would only be in the way."""
    text = card.markdown(metrics(), 1, [])
    section = text.split("## What the words mean")[1]
    assert "\n## " not in section
    for word in ("G-TopFreq, P-TopFreq, GP-TopFreq", "recall@10", "ndcg@10", "phr@10", "bytes"):
        assert f"| {word} |" in section
    assert "answered" not in section
    assert "int8 shift" not in section
    more = metrics(visit_models={"motive": ROW | {"answered": 0.7, "int8_shift": 0.001}})
    section = card.markdown(more, 1, []).split("## What the words mean")[1]
    assert "| answered |" in section
    assert "| int8 shift |" in section
    unjudged = metrics(judgement=None, int8=None, visit_models={})
    assert "What the words mean" not in card.markdown(unjudged, 1, [])


def test_what_no_log_sufficed_for_has_no_verdict() -> None:
    """Neither in the table nor in the plot, however far from zero its interval lies."""
    row = ROW | {"is_better": False, "is_enough": False}
    files = card.files(metrics(judgement=None, visit_models={"policy": row}), 1)
    assert "| none: no log sufficed |" in files["card.md"].decode()
    assert "gains.svg" not in files


def test_a_plot_stands_under_its_own_table() -> None:
    """The reliability diagram follows the floors, not the end of the page."""
    text = card.files(metrics(), 1)["card.md"].decode()
    section = text.split("## Whether its probabilities can be believed")[1].split("## ")[0]
    assert "(reliability.svg)" in section
    assert text.count("(reliability.svg)") == 1


def test_an_unjudged_bundle_says_so() -> None:
    """No figure is better than an invented one."""
    files = card.files(metrics(judgement=None, int8=None, visit_models={}), loaded_bytes=1)
    text = files["card.md"].decode()
    assert "Not judged: the data hold nothing that could be held out." in text
    why = metrics(judgement=None, int8=None, not_judged="12 customers; expected 20")
    assert "Not judged: 12 customers; expected 20." in card.markdown(why, 1, [])
    assert "recall" not in text
    assert sorted(files) == ["card.html", "card.md"]


def test_a_switched_off_variable_is_named() -> None:
    """What the models did without stands in the card."""
    off = {"name": "zone", "fill": 0.6, "valid": 1.0, "is_enabled": False, "is_alarming": True}
    assert "Switched off for want of quality: zone." in card.markdown(
        metrics(variables=[off]), 1, []
    )


def test_the_same_metrics_give_the_same_bytes() -> None:
    """A card can be made again, plots included."""
    assert card.files(metrics(), 5) == card.files(metrics(), 5)


def test_the_page_stands_alone() -> None:
    """One file without a reference to anything beside it."""
    page = card.files(metrics(), 5)["card.html"].decode()
    assert page.count("data:image/svg+xml;base64,") == 3
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page
