"""The command line: `store` writes a store, `visits` and `offers` logs of it, `run` plays it."""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from simulator import floor, offer_log, run, store, visit_log


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    arguments = _parser().parse_args(argv)
    if arguments.command == "store":
        return store.main(arguments.out, arguments.seed, arguments.as_of)
    if arguments.command == "visits":
        rows = visit_log.write(arguments.store, arguments.out, arguments.seed, arguments.count)
        print(f"{arguments.count} visits, {rows} rows in {arguments.out}")
        return 0
    if arguments.command == "offers":
        taken = offer_log.write(arguments.store, arguments.out, arguments.seed, arguments.count)
        print(f"{arguments.count} offers shown, {taken} taken, in {arguments.out}")
        return 0
    return _run(arguments)


def _run(arguments: argparse.Namespace) -> int:
    host, _, port = arguments.broker.rpartition(":")
    try:
        summary = run.play(
            host or "127.0.0.1",
            int(port),
            arguments.store,
            arguments.seed,
            arguments.speed,
            arguments.seconds,
            arguments.families.split(","),
            clock=arguments.clock,
        )
    except (ConnectionError, FileNotFoundError) as error:
        print(f"stammgast-simulator: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if arguments.truth is not None:
        run.write_truth(arguments.truth, summary.visits)
    print(json.dumps({"seconds": round(summary.seconds, 1), "visits": len(summary.visits),
                      "lag_max_s": round(summary.lag_max_s, 3),
                      "messages": dict(sorted(summary.messages.items()))}))  # fmt: skip
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stammgast-simulator", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    _add_store(commands.add_parser("store", help="write the files of a store"))
    _add_visits(commands.add_parser("visits", help="write a log of visits with true motives"))
    _add_offers(commands.add_parser("offers", help="write the chain's log of offers"))
    _add_run(commands.add_parser("run", help="play a living store over MQTT"))
    return parser


def _add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--seed", type=int, default=7, help="names the store (default: 7)")
    parser.add_argument(
        "--as-of",
        type=date.fromisoformat,
        default=store.DEFAULT_AS_OF,
        help=f"the store's today (default: {store.DEFAULT_AS_OF})",
    )


def _add_visits(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--store", type=Path, required=True, help="folder that `store` wrote")
    add("--out", type=Path, required=True, help="file to write, such as STORE/visits.csv.gz")
    add("--seed", type=int, default=1, help="names the visits (default: 1)")
    add("--count", type=int, default=4000, help="number of visits (default: 4000)")


def _add_offers(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--store", type=Path, required=True, help="folder that `store` wrote")
    add("--out", type=Path, required=True, help="file to write, such as STORE/offers.csv.gz")
    add("--seed", type=int, default=1, help="names the log (default: 1)")
    add("--count", type=int, default=12000, help="number of offers shown (default: 12000)")


def _add_run(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--broker", default="127.0.0.1:1883", help="HOST:PORT (default: 127.0.0.1:1883)")
    add("--store", type=Path, required=True, help="folder that `store` wrote")
    add("--seed", type=int, default=1, help="names the day that is played (default: 1)")
    add("--speed", type=float, default=1.0, help="simulated seconds per second (default: 1)")
    add("--seconds", type=float, default=None, help="real time to play (default: without end)")
    add("--families", default=",".join(floor.FAMILIES), help="gateway families that publish")
    add("--clock", choices=("real", "simulated"), default="real", help="whose time is told")
    add("--truth", type=Path, default=None, help="file for the visits with their true motives")


if __name__ == "__main__":
    sys.exit(main())
