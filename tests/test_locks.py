"""The lock files: every package with its hashes, and nothing about where it came from."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_names_no_host_and_every_package_has_a_hash(lock: Path) -> None:
    """Whoever installs brings an index of their own."""
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index-url" not in text
    packages = [line for line in text.splitlines() if line and line[0] not in " #"]
    assert len(packages) > 10
    assert all(line.endswith(" \\") and "==" in line for line in packages)
