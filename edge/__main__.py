"""The command line of the box: `stammgast-edge`.

Exit codes: 0 done, 1 something the box depends on is missing, 2 the configuration is wrong.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.adapters.clock import SimulatedClock, SystemClock
from edge.adapters.files.catalog import stock_as_of_s
from edge.adapters.files.floorplan import read_floorplan
from edge.adapters.http.server import new_event_loop
from edge.adapters.logs import start_logging
from edge.adapters.memory import keep_heap_small
from edge.box import Box
from edge.core.errors import ConfigError, TrustError, UnavailableError
from edge.core.floorplan_drawing import draw_svg
from edge.core.qr import qr_code, qr_svg
from edge.custody import add_commands
from edge.opening import problems_of_files
from edge.policy import add_command
from edge.replay import replay
from edge.settings import Settings, read_settings, readable_store


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    arguments = _parser().parse_args(argv)
    start_logging()
    try:
        code: int = arguments.run(arguments)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except (TrustError, UnavailableError) as error:
        print(error, file=sys.stderr)
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stammgast-edge", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    run = commands.add_parser("run", help="run the box until it is told to stop")
    run.add_argument("config", type=Path, help="TOML configuration")
    run.set_defaults(run=_run)

    check = commands.add_parser(
        "check-config", help="check the configuration and the store's files"
    )
    check.add_argument("config", type=Path, help="TOML configuration")
    check.set_defaults(run=_check)

    again = commands.add_parser(
        "replay", help="take a recording's inputs again, print what results"
    )
    again.add_argument("file", type=Path, help="recording made with `record` in simulation mode")
    again.add_argument("config", type=Path, help="TOML configuration")
    again.add_argument(
        "--zones", action="store_true", help="tell every second, of every guest, why this zone"
    )
    again.set_defaults(run=_replay)

    plan = commands.add_parser("floorplan", help="draw a floor plan as SVG")
    plan.add_argument("file", type=Path, help="floorplan.json")
    plan.add_argument("--out", type=Path, help="SVG file; standard output where absent")
    plan.add_argument("--language", choices=("de", "en"), default="de")
    plan.set_defaults(run=_floorplan)

    door = commands.add_parser("door-code", help="draw the QR code that hangs at the door, as SVG")
    door.add_argument("address", help="of the page for customers' own phones, …/door")
    door.add_argument("--out", type=Path, help="SVG file; standard output where absent")
    door.set_defaults(run=_door_code)

    add_command(commands)
    add_commands(commands)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    keep_heap_small()
    settings = read_settings(arguments.config)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve(settings, arguments.config))
    return 0


async def _serve(settings: Settings, config: Path) -> None:
    box = Box(settings, clock_of(settings), config=config)
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, box.stop)
    print("No sign-in yet: the pages are served to this machine only.", flush=True)
    await box.run(on_ready=lambda address: print(f"Tablet page: {address}", flush=True))


def clock_of(settings: Settings) -> SystemClock | SimulatedClock:
    """Return the machine's time, or a simulated one that begins when the stock was counted."""
    if settings.clock.kind == "system":
        return SystemClock()
    return SimulatedClock(stock_as_of_s(settings.store.files / "stock.json"))


def _check(arguments: argparse.Namespace) -> int:
    """Report every problem of the configuration and its files, and what the catalogue lacks."""
    problems: list[str] = []
    try:
        read_settings(arguments.config)
    except ConfigError as error:
        problems += error.problems
    store = readable_store(arguments.config)
    of_files, gaps = ([], ()) if store is None else problems_of_files(store)
    problems += of_files
    if problems:
        raise ConfigError(problems)
    print(f"{arguments.config}: well formed; the store's files, rules and model too")
    for gap in gaps:
        print(gap)
    return 0


def _replay(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments.config)
    for line in replay(arguments.file, settings, has_zones=arguments.zones):
        sys.stdout.buffer.write(line + b"\n")
    return 0


def _floorplan(arguments: argparse.Namespace) -> int:
    svg = draw_svg(read_floorplan(arguments.file), language=arguments.language)
    return _write_out(svg, arguments.out)


def _door_code(arguments: argparse.Namespace) -> int:
    try:
        svg = qr_svg(qr_code(arguments.address), arguments.address)
    except ValueError as error:
        raise ConfigError([f"address: {error}"]) from error
    return _write_out(svg, arguments.out)


def _write_out(text: str, out: Path | None) -> int:
    if out is None:
        print(text)
    else:
        out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
