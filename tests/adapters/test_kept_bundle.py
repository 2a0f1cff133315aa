"""The copy of the last good bundle: whole at every moment, and only as large as it must be."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from edge.adapters.onnx.kept import keep
from edge.adapters.onnx.ranker import FILES
from edge.adapters.onnx.sealed import BUNDLE_SCHEMA, Sealed
from edge.adapters.onnx.visit_models import KINDS, VisitModels
from edge.core.errors import TrustError, UnavailableError
from models.bundle import BESIDE, LOADED

MOTIVE = ("motive.onnx", "motive.json")
KILLS = 40

# A process that forks boxes. Each keeps one bundle and then the other, and tells when it has.
KEEPERS = """
import os, sys
from pathlib import Path
from edge.adapters.onnx.kept import keep
from edge.adapters.onnx.sealed import Sealed

def live(folder):
    versions = {name: Sealed(folder / name).version for name in ("new", "old")}
    while True:
        for name, version in versions.items():
            keep(folder / name, folder / "data" / "good", version, ())
            os.write(1, b"kept\\n")

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        os.write(1, b"%d\\n" % os.getpid())
        live(Path(line.rstrip()))
    os.waitpid(pid, 0)
    os.write(1, b"gone\\n")
"""


def sealed(folder: Path, word: str) -> Path:
    """Write a bundle of sealed files, which hold a word instead of a model."""
    folder.mkdir(parents=True)
    files = {name: f"{word} {name}".encode() for name in (*FILES, *MOTIVE, "card.md")}
    listed = {name: {"sha256": hashlib.sha256(c).hexdigest()} for name, c in files.items()}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    manifest = {"schema": BUNDLE_SCHEMA, "files": listed}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def kept(bundle: Path, *beside: str) -> bool:
    """Keep a bundle as a box does that opened it."""
    return keep(bundle, bundle.parent / "data" / "good", Sealed(bundle).version, beside)


def word(folder: Path) -> str:
    """Return the word of a copy all of whose files are as the manifest says."""
    copy = Sealed(folder / "data" / "good")
    (found,) = {copy.read(name).decode().split()[0] for name in FILES}
    return found


def assert_nothing_beside(data: Path) -> None:
    """Look for anything but the copy's name and what it means."""
    assert {path.name for path in data.iterdir()} == {"good", (data / "good").resolve().name}


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Two bundles, and a data folder that keeps the old one."""
    (tmp_path / "data").mkdir()
    sealed(tmp_path / "new", "new")
    assert kept(sealed(tmp_path / "old", "old"))
    return tmp_path


def test_what_is_kept_is_what_a_box_loads(world: Path) -> None:
    """Manifest, ranker, and the models beside it that were opened; no card, no plot."""
    data = world / "data"
    assert {path.name for path in (data / "good").iterdir()} == {"manifest.json", *FILES}
    assert kept(world / "old", "motive")
    names = {path.name for path in (data / "good").iterdir()}
    assert names == {"manifest.json", *FILES, *MOTIVE}


def test_the_box_loads_what_training_writes_for_it() -> None:
    """Both sides name the same files; neither may import the other's names."""
    names = VisitModels.__annotations__
    assert (FILES, tuple(f"{name}.{kind}" for name in names for kind in KINDS)) == (LOADED, BESIDE)


def test_what_is_kept_already_is_not_copied_again(world: Path) -> None:
    """Not at the next start, nor where a model beside the ranker is refused by then."""
    assert kept(world / "old", "motive")
    before = os.readlink(world / "data" / "good")
    assert not kept(world / "old", "motive")
    (world / "old" / "motive.onnx").write_bytes(b"rotten")
    assert not kept(world / "old")
    assert os.readlink(world / "data" / "good") == before
    assert Sealed(world / "data" / "good").read("motive.onnx")


def test_a_copy_that_rotted_is_made_anew(world: Path) -> None:
    """Nobody would notice until it is needed."""
    (world / "data" / "good" / "tables.npz").write_bytes(b"rotten")
    assert kept(world / "old")
    assert word(world) == "old"


def _half_written(data: Path) -> None:
    (data / "good.k1ll3d").mkdir()
    (data / "good.k1ll3d" / "tables.npz").write_bytes(b"half")


def _before_the_swap(data: Path) -> None:
    shutil.copytree(data.parent / "new", data / "good.k1ll3d")
    (data / "good.link").symlink_to("good.k1ll3d")


def _after_the_swap(data: Path) -> None:
    shutil.copytree(data.parent / "new", data / "good.k1ll3d")


def _links_followed(data: Path) -> None:
    copied = shutil.copytree(data / "good", data / "copied")
    (data / "good").unlink()
    copied.rename(data / "good")


@pytest.mark.parametrize("now", ["old", "new"])
@pytest.mark.parametrize(
    "leave", [_half_written, _before_the_swap, _after_the_swap, _links_followed]
)
def test_what_a_kill_left_changes_nothing_and_is_deleted(
    world: Path, leave: Callable[[Path], None], now: str
) -> None:
    """What the name means is the copy; the next start deletes the rest, copying or not."""
    leave(world / "data")
    assert word(world) == "old"
    assert kept(world / now) == (now == "new")
    assert word(world) == now
    assert_nothing_beside(world / "data")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda new: (new / "tables.npz").write_bytes(b"forged"), id="forged"),
        pytest.param(lambda new: (new / "tables.npz").unlink(), id="gone"),
        pytest.param(lambda new: shutil.rmtree(new), id="all gone"),
        pytest.param(
            lambda new: (new / "manifest.json").write_bytes(
                (new / "manifest.json").read_bytes() + b"\n"
            ),
            id="another version",
        ),
    ],
)
def test_a_bundle_that_changed_since_it_was_opened_is_not_kept(
    world: Path, change: Callable[[Path], object]
) -> None:
    """Nobody has opened what lies there now; the copy is as it was, and nothing beside it."""
    new, data = world / "new", world / "data"
    version = Sealed(new).version
    change(new)
    with pytest.raises((TrustError, UnavailableError)):
        keep(new, data / "good", version, ())
    assert word(world) == "old"
    assert_nothing_beside(data)


def test_a_kill_at_any_moment_leaves_a_whole_copy(world: Path) -> None:
    """After every kill one of the two is there, each file as its manifest says."""
    rng, found = Random(7), set()
    with subprocess.Popen(
        [sys.executable, "-c", KEEPERS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as keepers:
        assert keepers.stdin is not None
        assert keepers.stdout is not None
        for _ in range(KILLS):
            keepers.stdin.write(f"{world}\n".encode())
            keepers.stdin.flush()
            pid = int(keepers.stdout.readline())
            for _ in range(rng.randint(1, 2)):
                assert keepers.stdout.readline() == b"kept\n"
            signal.sigtimedwait([], rng.uniform(0.0, 0.1))
            os.kill(pid, signal.SIGKILL)
            while keepers.stdout.readline() != b"gone\n":
                pass
            found.add(word(world))
        keepers.stdin.close()
    assert found == {"old", "new"}
