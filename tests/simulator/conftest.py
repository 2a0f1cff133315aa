"""One written store for all tests of the simulator."""

from pathlib import Path

import pytest

from simulator import store, written
from simulator.written import WrittenStore

SEED = 7


@pytest.fixture(scope="session")
def store_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a store, as the command writes them."""
    out = tmp_path_factory.mktemp("kaufhaus")
    store.write(out, SEED)
    return out


@pytest.fixture
def written_store(store_dir: Path) -> WrittenStore:
    """The store read back; fresh for every test, for shoppers change it."""
    return written.read(store_dir)
