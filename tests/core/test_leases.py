"""Which tablets may still show a card: a recall is believed only once they have confirmed it."""

from collections.abc import Callable

import pytest

from edge.core.leases import FORGOTTEN_AFTER_S, HEARD_FOR_S, MAX_TABLETS, Leases

Story = Callable[[Leases], object]


def joined(*tablets: str) -> Leases:
    """Return leases of tablets that were heard at second 0, with a card sent at second 1."""
    leases = Leases()
    for tablet in tablets:
        leases.renewed(tablet, set(), set(), 0.0)
    leases.sent(["c"], 1.0)
    return leases


STORIES: list[tuple[str, Story, bool]] = [
    ("nothing more was heard", lambda s: None, True),
    ("listed before the recall arrived", lambda s: s.renewed("a", {"c"}, set(), 20.0), True),
    ("no longer listed after the recall", lambda s: s.renewed("a", set(), set(), 20.0), False),
    ("not yet listed, but it stands", lambda s: s.renewed("a", set(), {"c"}, 20.0), True),
    ("back with a report", lambda s: s.reported("a", set(), 90.0), False),
    ("back while it stands again", lambda s: s.reported("a", {"c"}, 90.0), True),
    ("the page was closed", lambda s: s.left("a"), False),
    ("another tablet speaks", lambda s: s.renewed("b", set(), set(), 20.0), True),
    ("a day later", lambda s: s.renewed("b", set(), set(), FORGOTTEN_AFTER_S + 1.0), False),
]


@pytest.mark.parametrize(("story", "may"), [c[1:] for c in STORIES], ids=[c[0] for c in STORIES])
def test_may_show(story: Story, may: bool) -> None:
    """After the story tablet `a` may still show the card, or cannot."""
    leases = joined("a")
    story(leases)
    assert leases.may_show("c") is may


def test_every_tablet_has_to_confirm() -> None:
    """The one that is cut off holds the card for both."""
    leases = joined("a", "b")
    leases.renewed("b", set(), set(), 20.0)
    assert leases.may_show("c")
    leases.renewed("a", set(), set(), 21.0)
    assert not leases.may_show("c")


def test_a_silent_tablet_gets_no_new_card() -> None:
    """What was sent after it fell silent never reached it."""
    leases = joined("a")
    leases.sent(["later"], HEARD_FOR_S + 1.0)
    assert leases.may_show("c")
    assert not leases.may_show("later")


def test_a_new_page_begins_with_the_board() -> None:
    """It got the whole board when it joined, and lists it a moment later."""
    leases = Leases()
    leases.renewed("a", set(), {"stands"}, 0.0)
    assert leases.may_show("stands")


def test_the_number_of_tablets_is_bounded() -> None:
    """A page that names itself anew with every message costs no memory."""
    leases = joined("a")
    for n in range(MAX_TABLETS):
        leases.renewed(f"t{n}", set(), set(), 2.0)
    assert not leases.may_show("c")
