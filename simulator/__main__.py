"""The command line of the simulator: `store` writes a store, `run` plays it over MQTT."""

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from simulator import store


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    arguments = _parser().parse_args(argv)
    return store.main(arguments.out, arguments.seed, arguments.as_of)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stammgast-simulator", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    write = commands.add_parser("store", help="write the files of a store")
    write.add_argument("--out", type=Path, required=True, help="folder to write to")
    write.add_argument("--seed", type=int, default=7, help="names the store (default: 7)")
    write.add_argument(
        "--as-of",
        type=date.fromisoformat,
        default=store.DEFAULT_AS_OF,
        help=f"the store's today (default: {store.DEFAULT_AS_OF})",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
