"""The little world for journeys; its model is trained once per process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Mosquitto
from tests.world import RunningBox, configure, running, train_bundle, write_store


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The little store's trained ranker."""
    return train_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The little store's files."""
    return write_store(tmp_path / "store")


@pytest.fixture
def box(tmp_path: Path, store: Path, bundle: Path, mosquitto: Mosquitto) -> Iterator[RunningBox]:
    """A running box on a real broker."""
    with running(configure(tmp_path, store, bundle, mosquitto.port)) as living:
        yield living
