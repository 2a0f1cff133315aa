"""Make every attack against the defences as they are; the last line counts attacks and leaks."""

import sys
import tempfile
from pathlib import Path

from tests.attacks import ATTACKS


def main() -> int:
    """Return 1 where an attack reached its aim."""
    leaked = 0
    for number, attack in enumerate(ATTACKS):
        with tempfile.TemporaryDirectory() as folder:
            if attack.succeeds(Path(folder) / str(number)):
                leaked += 1
                print(f"LEAKED: {attack.name}")
    print(f"{len(ATTACKS)} {leaked}")
    return int(leaked > 0)


if __name__ == "__main__":
    sys.exit(main())
