"""The command line of training: `train`, `evaluate`, `export`, `card`.

Decides arguments, progress bars and exit codes: 0 done, 2 for data or a bundle that cannot be
used, every problem on standard error. Leaves out the work itself (`models.pipeline`).
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from edge.core.errors import ConfigError, StammgastError

MOST_BOUND, MOST_SEED = 2**32, 2**64
"""No machine has more megabytes or lines: an engine would refuse them in its own words."""
STAGE_TITLES = {
    "logs": "checking the logs of visits and offers",
    "lines": "checking the lines",
    "quality": "data quality",
    "histories": "histories and counts",
    "judged": "training the ranker, judging it on the newest baskets",
    "ranker": "training again on everything",
    "anonymous": "anonymous visits",
    "anonymous_final": "anonymous visits, counted again on everything",
    "motive": "motives of a visit",
    "acceptance": "acceptance of offers",
}
THREADS = 2
"""Of the engine, unless told otherwise; allowed on a machine of one core too."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    arguments = _parser().parse_args(argv)
    commands = {"train": _train, "evaluate": _evaluate, "export": _export, "card": _card}
    try:
        return commands[arguments.command](arguments)
    except ConfigError as error:
        for problem in error.problems:
            print(f"stammgast-models: {problem}", file=sys.stderr)
    except (StammgastError, OSError) as error:
        print(f"stammgast-models: {error}", file=sys.stderr)
    return 2


def _train(arguments: argparse.Namespace) -> int:
    from models import pipeline

    _refuse_shared(arguments.data, arguments.out, arguments.work)
    if arguments.report is not None:
        _make_room("--report", arguments.report)
    order = pipeline.Order(
        arguments.data,
        arguments.seed,
        arguments.work or arguments.out.with_name(f"{arguments.out.name}.stages"),
        arguments.most_lines,
        arguments.memory_mb,
        arguments.threads,
        arguments.spark_master if arguments.engine == "spark" else None,
        is_final=arguments.final,
    )
    with _progress(is_quiet=arguments.quiet) as say:
        metrics = pipeline.run(order, arguments.out, say)
    if arguments.report is not None:
        page = pipeline.quality_page(metrics)
        arguments.report.write_text(page, encoding="utf-8")
    print(json.dumps({"bundle": arguments.out.name, **pipeline.summary(metrics)}))
    return 0


def _refuse_shared(data: Path, out: Path, work: Path | None) -> None:
    """Refuse folders that are files, and one folder for two ends: each is written or emptied."""
    named = {"--out": out} | ({} if work is None else {"--work": work})
    problems = []
    for option, path in named.items():
        there = next(folder for folder in (path, *path.parents) if folder.exists())
        if not there.is_dir():
            what = "is a file" if there == path else f"{there} is a file"
            problems.append(f"{option} {path}: {what}; expected a folder")
    if out.resolve() == data.resolve():
        problems.append(f"--out {out}: is --data; expected a folder of its own")
    for option, other in (("--data", data), ("--out", out)):
        if work is not None and work.resolve().is_relative_to(other.resolve()):
            problems.append(f"--work {work}: lies in {option} {other}; expected another folder")
    if problems:
        raise ConfigError(problems)


def _make_room(option: str, file: Path) -> None:
    """Make the folder of a file that is written last, or refuse it before the work begins."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError([f"{option} {file}: {error.strerror}; expected a folder"]) from error
    if file.is_dir():
        raise ConfigError([f"{option} {file}: is a folder; expected a file to write"])


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        expected = f"found {text!r}, expected a day such as 2026-03-01"
        raise argparse.ArgumentTypeError(expected) from error


def _whole_from(least: int, most: int = MOST_BOUND, why: str = "") -> Callable[[str], int]:
    """Return what reads a whole number within these, the upper one with its reason."""

    def read(text: str) -> int:
        is_short = text.isdecimal() and len(text) <= len(str(most))
        if not is_short or not least <= int(text) <= most:
            expected = f"found {text!r}, expected a whole number from {least} to {most}{why}"
            raise argparse.ArgumentTypeError(expected)
        return int(text)

    return read


def _evaluate(arguments: argparse.Namespace) -> int:
    from models import held_out

    judgement = held_out.evaluate(
        arguments.bundle,
        arguments.data,
        arguments.since,
        arguments.seed,
        arguments.memory_mb,
        arguments.threads,
    )
    print(json.dumps(judgement.row() if not arguments.brief else judgement.ours))
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from models import archive

    _make_room("--out", arguments.out)
    digest = archive.pack(arguments.bundle, arguments.out)
    print(json.dumps({"file": arguments.out.name, "sha256": digest}))
    return 0


def _card(arguments: argparse.Namespace) -> int:
    from models import pipeline

    names = pipeline.rewrite_card(arguments.bundle)
    print(json.dumps({"bundle": arguments.bundle.name, "files": names}))
    return 0


class _progress:  # noqa: N801 - reads as a call
    """A bar over the stages, on standard error; nothing when quiet."""

    def __init__(self, *, is_quiet: bool) -> None:
        from tqdm import tqdm

        form = "{percentage:3.0f}% |{bar}| {desc} [{elapsed}]"
        self._bar = tqdm(
            total=len(STAGE_TITLES), bar_format=form, disable=is_quiet, file=sys.stderr
        )
        self._is_first = True

    def __enter__(self) -> "_progress":
        return self

    def __call__(self, stage: str, was_found: bool) -> None:
        """Say that a stage begins."""
        if not self._is_first:
            self._bar.update()
        self._is_first = False
        note = " (found finished)" if was_found else ""
        self._bar.set_description_str(f"{STAGE_TITLES[stage]}{note}")

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        if failure is None:
            self._bar.update(self._bar.total - self._bar.n)
        self._bar.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stammgast-models", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    _add_train(commands.add_parser("train", help="train a bundle from till data"))
    _add_evaluate(commands.add_parser("evaluate", help="judge a bundle on baskets it never saw"))
    _add_export(commands.add_parser("export", help="pack a bundle into one file, ready to sign"))
    _add_card(commands.add_parser("card", help="write a bundle's model card again"))
    return parser


def _add_train(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--data", type=Path, required=True, help="folder: a store's files or a next-basket set")
    add("--out", type=Path, required=True, help="folder of the bundle, made when missing")
    add(
        "--seed",
        type=_whole_from(0, MOST_SEED),
        default=7,
        help="of everything random (default: 7)",
    )
    add("--report", type=Path, help="file for the page on data quality (HTML)")
    add(
        "--work",
        type=Path,
        help="folder of finished stages, from which a killed training goes on (default: "
        "OUT.stages); until the bundle stands, or the data are refused, it holds members' lines",
    )
    add(
        "--final",
        action="store_true",
        help="after judging, train the ranker again, and count what is known of anonymous visits "
        "again, with the newest baskets that were held out; the networks beside the ranker stay "
        "those that were judged",
    )
    add("--quiet", action="store_true", help="no progress bar")
    add(
        "--engine",
        choices=("duckdb", "spark"),
        default="duckdb",
        help="what reads, checks and counts the lines (default: duckdb); the bundle is the same",
    )
    add(
        "--spark-master",
        default="local[2]",
        help="with --engine spark: a cluster's address, which sees the same folders, or threads "
        "here (default: local[2])",
    )
    add(
        "--most-lines",
        type=_whole_from(1),
        default=50_000,
        help="lines of one customer above which the file is refused (default: 50000)",
    )
    _add_bounds(parser)


def _add_bounds(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--memory-mb",
        type=_whole_from(1),
        default=2_000,
        help="bound of the engine (default: 2000)",
    )
    cores = max(os.cpu_count() or 1, THREADS)
    add(
        "--threads",
        type=_whole_from(1, cores, ", the cores of this machine"),
        default=THREADS,
        help=f"threads of the engine, at most one a core (default: {THREADS})",
    )


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--bundle", type=Path, required=True, help="folder of the bundle")
    add("--data", type=Path, required=True, help="folder with baskets that the bundle never saw")
    add(
        "--since", type=_day, help="first day (YYYY-MM-DD) to judge; receipts before it are history"
    )
    add(
        "--seed",
        type=_whole_from(0, MOST_SEED),
        default=7,
        help="of the sample and the interval (default: 7)",
    )
    add("--brief", action="store_true", help="recall, ndcg and hit rate alone")
    _add_bounds(parser)


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bundle", type=Path, required=True, help="folder of the bundle")
    parser.add_argument("--out", type=Path, required=True, help="file to write (.tar)")


def _add_card(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bundle", type=Path, required=True, help="folder of the bundle")


if __name__ == "__main__":
    sys.exit(main())
