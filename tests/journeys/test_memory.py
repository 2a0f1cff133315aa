"""Memory: what a visit needed is free when it has ended, and the next ones need no more."""

import gc
import itertools
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.adapters.clock import SimulatedClock
from edge.adapters.mqtt.broker import Message
from edge.box import Box
from edge.core.board import Contact
from edge.core.candidates import Prepared
from edge.core.decision import PersonView, Prompts
from edge.core.guest import Guest, OpenCard
from edge.core.memory import Memory
from edge.core.person import Profile
from edge.core.scoring import Scored
from edge.core.zones import ZoneTracker
from tests.world import ANNA, BEACON, BEN, CARLA, configure, rfc3339, sku_of, write_store

START_S = 1_790_000_000.0
MEMBERS = (ANNA, BEN, CARLA)
HEARD = f"espresense/devices/{BEACON}/shoes-1"
VISITS = 300
# What is kept in bounded numbers (messages taken, frames for a resume, names of visits) is full
# after some 1,500 of them; from then on it differs by a hundred blocks or two, visits or none. One
# name more that every visit left behind would be 600.
FILLING = 5 * VISITS
LEFT_BLOCKS = 400
OF_A_VISIT = (
    Contact, Guest, Memory, OpenCard, PersonView, Prepared, Profile, Prompts, Scored, ZoneTracker,
)  # fmt: skip


@pytest.fixture
def box(tmp_path: Path, bundle: Path) -> Iterator[Box]:
    """A box that nothing drives but its own calls: no broker, no page, no second thread but one."""
    store = write_store(tmp_path / "store", START_S)
    opened = Box(configure(tmp_path, store, bundle, 1), SimulatedClock(START_S))
    try:
        yield opened
    finally:
        opened.close()


class Day:
    """Members who come, are heard, buy, and leave, one after the other."""

    def __init__(self, box: Box) -> None:
        self._box, self._now_s, self._ids = box, START_S, itertools.count()

    def live(self, visits: int) -> None:
        """Let visits begin and end; when this returns, nobody is here and all is on disk."""
        for at in range(visits):
            member = MEMBERS[at % 3]
            self._say("checkins", "checkin", {"member_id": member, "place": "app", "zone": "shoes"})
            self._box.deliver([Message(HEARD, b'{"rssi": -60, "rssi@1m": -59}', 0, 0)])
            if at % 3 == 2:
                self._say("sales", "sale", self._sale(member))
                self._pass(1_260.0)
        self._pass(1_260.0)
        self._box.ledger.flush()

    def _sale(self, member: str) -> dict[str, object]:
        line = {"line_no": 1, "sku": sku_of(39), "quantity": 1, "unit_price_cents": 100}
        return {"receipt_id": f"r{next(self._ids)}", "till_id": "1", "member_id": member,
                "sold_at": rfc3339(self._now_s), "lines": [line]}  # fmt: skip

    def _pass(self, seconds: float) -> None:
        self._now_s += seconds
        self._say("tick", "tick", {"now": rfc3339(self._now_s)})

    def _say(self, topic: str, kind: str, content: dict[str, object]) -> None:
        event = {"specversion": "1.0", "id": f"e{next(self._ids)}", "source": "/day",
                 "type": f"stammgast.{kind}.v1", "time": rfc3339(self._now_s),
                 "datacontenttype": "application/json", "data": content}  # fmt: skip
        self._box.deliver([Message(f"stammgast/v1/{topic}", json.dumps(event).encode(), 0, 0)])


def test_a_visit_that_ended_leaves_nothing(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """No object of a guest lives on, and what 900 check-ins leave is not a block for each visit."""
    monkeypatch.setattr("edge.core.caps.MAX_LAPSED", 50)  # a bound that is reached in this test
    before = _living()  # such as the preparation for nobody, made once
    day = Day(box)
    day.live(FILLING)
    blocks = _blocks()
    day.live(3 * VISITS)
    more = _blocks() - blocks
    assert box.path.counts["decisions"] >= VISITS
    assert box.path.counts["cards"] >= VISITS
    assert not box.dropped
    assert _living() == before
    assert more < LEFT_BLOCKS, more


def _living() -> Counter[str]:
    gc.collect()
    return Counter(type(each).__name__ for each in gc.get_objects() if type(each) in OF_A_VISIT)


def _blocks() -> int:
    gc.collect()
    return sys.getallocatedblocks()
