"""Everything that lies around a running box, searched for one customer before and after."""

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge.adapters.logs import JsonLines
from edge.adapters.sqlite.backup import backup, restore
from edge.adapters.sqlite.escrow import write_escrow
from edge.core.sightings import canonical_beacon_id
from tests.conftest import Mosquitto, wait_until
from tests.journeys.test_app_code import paired
from tests.journeys.test_erasure import searched
from tests.world import ANNA, BEACON, configure, running, tablet_of


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    """The box's log, as the command line writes it."""
    path = tmp_path / "around" / "box.log"
    path.parent.mkdir()
    handler = logging.FileHandler(path)
    handler.setFormatter(JsonLines())
    box_log = logging.getLogger("stammgast")
    level = box_log.level
    box_log.addHandler(handler)
    box_log.setLevel(logging.DEBUG)
    yield path
    box_log.removeHandler(handler)
    box_log.setLevel(level)
    handler.close()


def found(around: Path, values: tuple[str, ...]) -> list[str]:
    """Return the values that can be read anywhere, raw or with the box's key."""
    everything = searched(around, (around / "data" / "box.key").read_bytes())
    return [value for value in values if value.encode() in everything]


def test_no_byte_of_her_is_left_around_a_box_that_ran(
    tmp_path: Path, store: Path, bundle: Path, mosquitto: Mosquitto, log_file: Path
) -> None:
    """Databases, write-ahead logs, log, backup, escrow, broker's folder and model files.

    She comes, buys and is decided for; the search finds her. She is forgotten at the desk,
    yesterday's backup is put back, and the chain's file brings her again: it finds nothing.
    """
    around = log_file.parent
    shutil.copytree(bundle, around / "bundle")
    settings = configure(around, store, around / "bundle", mosquitto.port)
    with running(settings) as box, tablet_of(box) as tablet:
        ledger = box.box.ledger
        values = (ANNA, canonical_beacon_id(BEACON))
        phone = paired(box, ANNA)
        box.check_in(ANNA)
        wait_until(tablet.cards, "a card")
        box.sell(3, ANNA)
        wait_until(lambda: box.count("recalled") or box.box.messages["event"] >= 2, "the sale")
        ledger.flush()
        recovery = X25519PrivateKey.generate().public_key().public_bytes_raw()
        write_escrow(ledger, recovery, around / "escrow.bin")
        backup(ledger, around / "yesterday.backup")
        shutil.copytree(mosquitto.directory, around / "broker")
        assert found(around, values) == list(values)
        wait_until(lambda: phone.prove(phone.code()), "a proof", 40)
        assert phone.ask("POST", "erasure")[0] == 200
        ledger.flush()
        (around / "yesterday.backup").rename(tmp_path / "yesterday.backup")
        assert found(around, values) == []
        (tmp_path / "yesterday.backup").rename(around / "yesterday.backup")
    key = (around / "data" / "box.key").read_bytes()
    done = restore(around / "data", key, around / "yesterday.backup")
    assert done.buried == 1
    with running(settings) as box:
        assert box.box.ledger.consents().person_of_member(ANNA) is None
        box.box.ledger.flush()
        assert found(around, values) == []
    assert log_file.stat().st_size > 0
