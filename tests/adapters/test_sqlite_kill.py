"""kill -9 at any moment loses nothing that was acknowledged, and never leaves a broken file."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

from edge.adapters.sqlite.ledger import Ledger
from edge.core.catalog import Catalog, Item, Text, Variant
from edge.core.consent import Purpose

KEY = bytes(range(32))
NOW_S = 1_790_000_000.0
KILLS = 100
MEMBERS = 12_000

# A process that forks boxes. Each withdraws one member's consent after the other, as fast as taps
# may come, and writes the number of a withdrawal when, and only when, it is told to be durable.
BOXES = """
import os, sys, time
from pathlib import Path
from edge.adapters.sqlite.ledger import Ledger
from edge.core.consent import Purpose, Statement
from edge.core.events import EventKey
from edge.core.records import ConsentChanged, EventSeen
from tests.adapters.test_sqlite_kill import KEY, NOW_S, catalog

def live(directory, first):
    ledger = Ledger.open(Path(directory), KEY, catalog())
    consents = ledger.consents()
    number = first
    while True:
        person = consents.person_of_member(f"M{number}")
        if person is None:  # A slow disk: every member has tapped before the first commit ended.
            time.sleep(0.01)
            continue
        said = Statement(person, Purpose.OFFERS, False, NOW_S, NOW_S, "2026-01")
        tell = lambda number=number: os.write(1, b"ack %d\\n" % number)
        ledger.append((EventSeen(EventKey("/app", str(number)), NOW_S), ConsentChanged(said)), tell)
        number += 1
        time.sleep(0.0005)

for line in sys.stdin:
    directory, first = line.split()
    pid = os.fork()
    if pid == 0:
        live(directory, int(first))
    os.write(1, b"born %d\\n" % pid)
    os.waitpid(pid, 0)
    os.write(1, b"gone 0\\n")
"""


def catalog() -> Catalog:
    item = Item(
        "coat", Text("Mantel", "Coat"), "B", "D", "C", None, 1, "z", "1", (Variant("coat-m", ""),)
    )
    return Catalog("1", "EUR", (item,), {})


def members() -> dict[str, object]:
    consent = {
        "purpose": "offers",
        "given_at": "2026-01-01T00:00:00Z",
        "notice_version": "2026-01",
    }
    each = [{"member_id": f"M{at}", "consents": [consent]} for at in range(MEMBERS)]
    return {"schema": "stammgast.members.v1", "members": each}


def one_kill(boxes: "subprocess.Popen[str]", directory: Path, first: int, acks: int) -> list[int]:
    """Let a box live until it acknowledged `acks` taps, kill it, return all it acknowledged."""
    assert boxes.stdin is not None
    assert boxes.stdout is not None
    boxes.stdin.write(f"{directory} {first}\n")
    boxes.stdin.flush()
    pid, told, is_dead = 0, list[int](), False
    for line in boxes.stdout:
        word, number = line.split()
        if word == "gone":
            break
        if word == "born":
            pid = int(number)
        else:
            told.append(int(number))
        if pid and len(told) >= acks and not is_dead:
            os.kill(pid, signal.SIGKILL)
            is_dead = True
    return told


def test_a_hundred_kills_lose_no_acknowledged_withdrawal(tmp_path: Path) -> None:
    """What was acknowledged is withdrawn; of the rest, message and effect go together."""
    directory, random = tmp_path / "data", Random(7)
    ledger = Ledger.open(directory, KEY, catalog())
    ledger.import_members(members(), NOW_S)
    ledger.close()
    acknowledged: list[int] = []
    command = [sys.executable, "-c", BOXES]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1) as boxes:
        for at in range(KILLS):
            first = at * (MEMBERS // KILLS)
            told = one_kill(boxes, directory, first, random.randint(1, 12))
            assert told, "a kill must follow a real acknowledgement"
            acknowledged += told
        assert boxes.stdin is not None
        boxes.stdin.close()

    ledger = Ledger.open(directory, KEY, catalog())
    consents = ledger.consents()
    given = {
        at: consents.has(person, Purpose.OFFERS)
        for at in range(MEMBERS)
        if (person := consents.person_of_member(f"M{at}")) is not None
    }
    assert [at for at in acknowledged if given[at]] == []
    assert [at for at in given if ledger.has_event("/app", str(at)) == given[at]] == []
    assert ledger.writing.log.verify()[1] == []
    assert ledger.writing.db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    ledger.close()
