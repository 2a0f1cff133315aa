"""The layers hold, and the check that says so fails when they are broken on purpose."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("edge", "models", "provisioning", "simulator")


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter over the packages that stand in `folder`."""
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()",
         "--config", "pyproject.toml", "--no-cache"],
        cwd=folder, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the code that a test may break."""
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "web")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_layers_hold() -> None:
    """Every import contract is kept."""
    done = _lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "line"),
    [
        pytest.param("edge/core/catalog.py", "import edge.checkin", id="core imports path"),
        pytest.param("edge/core/catalog.py", "import sqlite3", id="core touches a database"),
        pytest.param("edge/core/catalog.py", "import time", id="core reads a clock"),
        pytest.param("edge/checkin.py", "import edge.adapters.clock", id="path imports rim"),
        pytest.param("edge/adapters/mqtt/broker.py", "import edge.adapters.http", id="rim groups"),
        pytest.param("edge/settings.py", "import simulator", id="box imports simulator"),
        pytest.param("simulator/__init__.py", "import edge.core", id="simulator imports box"),
        pytest.param("models/__init__.py", "import edge.adapters.clock", id="models import rim"),
        pytest.param("edge/handy.py", '"""A stray module."""', id="a stray module"),
    ],
)
def test_a_broken_layer_is_found(copy: Path, file: str, line: str) -> None:
    """One forbidden line, and the check fails."""
    path = copy / file
    before = path.read_text() if path.exists() else ""
    path.write_text(f"{before}\n{line}\n")
    done = _lint(copy)
    assert done.returncode == 1, done.stdout + done.stderr
