"""Every attack reaches its aim once its defence is taken out, and does not with it."""

from pathlib import Path

import pytest

from tests.attacks import ATTACKS
from tests.attacks.attack import Attack


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_the_defence_is_what_holds(
    attack: Attack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        attack.remove(patch)
        assert attack.succeeds(tmp_path / "without"), "without its defence it must succeed"
    assert not attack.succeeds(tmp_path / "with")


def test_there_are_fifty_of_them() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) >= 50
