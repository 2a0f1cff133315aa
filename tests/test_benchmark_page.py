"""The page of figures: what a run rewrites, and what it leaves alone."""

from pathlib import Path

import pytest

from benchmarks.__main__ import RUNS, judged, main, shown_value, with_section

PAGE = "# Head\n\nWords.\n\n## latency\n\nold\n\n## cards\n\nkept by hand\n"


def test_a_section_is_replaced_in_its_place() -> None:
    """The others stay, in their order."""
    page = with_section(PAGE, "latency", "## latency\n\nnew\n")
    assert page == "# Head\n\nWords.\n\n## latency\n\nnew\n\n## cards\n\nkept by hand\n"


def test_a_new_section_comes_last() -> None:
    """Nothing is lost when a benchmark is new."""
    assert with_section(PAGE, "zones", "## zones\n\nfirst\n") == PAGE + "\n## zones\n\nfirst\n"


@pytest.mark.parametrize(
    ("value", "bar", "said"),
    [
        (3.0, "<= 3", "<= 3: kept"),
        (3.1, "<= 3", "<= 3: missed by 0.1"),
        (0.79, ">= 0.8", ">= 0.8: missed by 0.01"),
        (5, None, ""),
        ("word", "<= 3", ""),
        (0.1827, ">= 0.184", ">= 0.184: missed by 0.0013"),
        ([], "<= 0", "<= 0: kept"),
        (["a package"], "<= 0", "<= 0: missed by 1"),
    ],
)
def test_a_bar_is_kept_or_missed(value: object, bar: str | None, said: str) -> None:
    """Bad figures are said to be bad."""
    assert judged(value, bar) == said


@pytest.mark.parametrize(
    ("value", "cell"),
    [(1.5, "1.5"), ([9.2, 25.3], "9.2, 25.3"), ([], "none"), ({"a": 1, "b": 2.0}, "a 1, b 2.0")],
)
def test_a_cell_shows_a_figure_in_the_readers_form(value: object, cell: str) -> None:
    """Neither brackets nor quotes of the language it was measured in."""
    assert shown_value(value) == cell


def test_every_figure_to_reach_has_its_bar() -> None:
    """The runs of the next basket say whether they reach theirs; the others what 8 bits cost."""
    bars = {run.title: run.bars for run in RUNS}
    assert bars["next_basket, tafeng, nbr-v1"]["recall_at_10"] == ">= 0.184"
    assert bars["next_basket, dunnhumby_cj, nbr-v1"]["ndcg_at_10"] == ">= 0.194"
    assert bars["next_basket, tafeng, strict"]["recall_at_10"] == ">= 0.185"
    named = [each for title, each in bars.items() if title.startswith("next_basket")]
    assert len(named) == 5
    assert all(each["int8_loss"] == "<= 0.001" for each in named)
    assert bars["training, tafeng"]["peak_mb"] == "<= 4096"
    assert {"install_size", "aarch64"} <= bars.keys()


def test_what_the_machine_lacks_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without its programs a benchmark neither fails nor touches its section."""
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    monkeypatch.setattr("benchmarks.__main__.PAGE", page)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["benchmarks", "aarch64"])
    assert main() == 0
    assert "left out: found no qemu-aarch64-static" in capsys.readouterr().out
    assert page.read_text() == PAGE
