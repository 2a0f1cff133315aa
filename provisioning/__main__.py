"""The command line of central IT."""

import argparse
import getpass
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.core.errors import ConfigError, StammgastError
from provisioning.recovery import new_key, open_escrow

# For machines without a terminal; on the command line `ps` would show the passphrase.
PASSPHRASE_VARIABLE = "STAMMGAST_RECOVERY_PASSPHRASE"  # noqa: S105  # a name, not a secret


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; return 0, or 2 where something given was wrong."""
    options = _parser().parse_args(words)
    try:
        options.run(options)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except StammgastError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stammgast-provisioning", description=__doc__)
    groups = parser.add_subparsers(required=True, metavar="GROUP")
    recovery = groups.add_parser("recovery-key", help="the key that boxes seal their keys to")
    commands = recovery.add_subparsers(required=True, metavar="COMMAND")
    new = commands.add_parser("new", help="make a key pair, once for a chain")
    new.add_argument("--private", type=Path, required=True, help="for the safe; encrypted")
    new.add_argument("--public", type=Path, required=True, help="for every box's configuration")
    new.set_defaults(run=_new)
    opened = commands.add_parser("open", help="seal the keys of a dead box to another box")
    opened.add_argument("--escrow", type=Path, required=True, help="of the dead box, the newest")
    opened.add_argument("--private", type=Path, required=True, help="the recovery key")
    opened.add_argument("--to", required=True, help="public key of the box that takes over, hex")
    opened.add_argument("--out", type=Path, required=True, help="for `stammgast-edge restore`")
    opened.set_defaults(run=_open)
    return parser


def _new(options: argparse.Namespace) -> None:
    new_key(options.private, options.public, _passphrase())
    print(f"made {options.private} (keep it offline) and {options.public}")


def _open(options: argparse.Namespace) -> None:
    open_escrow(options.escrow, options.private, _passphrase(), options.to, options.out)
    print(f"sealed to the box: {options.out}")


def _passphrase() -> str:
    return os.environ.get(PASSPHRASE_VARIABLE) or getpass.getpass("passphrase: ")


if __name__ == "__main__":
    sys.exit(main())
