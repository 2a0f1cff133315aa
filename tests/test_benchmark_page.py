"""The page of figures: what a run rewrites, and what it leaves alone."""

import pytest

from benchmarks.__main__ import judged, with_section

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
        (3.1, "<= 3", "<= 3: missed"),
        (0.79, ">= 0.8", ">= 0.8: missed"),
        (5, None, ""),
        ("word", "<= 3", ""),
    ],
)
def test_a_bar_is_kept_or_missed(value: object, bar: str | None, said: str) -> None:
    """Bad figures are said to be bad."""
    assert judged(value, bar) == said
