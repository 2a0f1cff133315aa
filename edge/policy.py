"""`stammgast-edge policy`: would other rules earn more? Answered from the ledger, on the box.

Only decisions about those who agree at this moment to being recognised and to a profile are opened,
and only what they come to in all is said. What a decision contributes stands in
`edge.core.policy_log`, and when a log is too thin to conclude in `edge.core.off_policy`; here are
only words and files.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, datetime
from datetime import time as clock_time
from pathlib import Path
from typing import Any

from edge.adapters.files.catalog import StoreFacts, read_stock
from edge.adapters.rules.reading import Source
from edge.adapters.sqlite.journal import Journal
from edge.adapters.sqlite.ledger import Ledger
from edge.core.catalog import Stock
from edge.core.moment import Moment
from edge.core.off_policy import Conclusion, Estimate
from edge.core.playbook import with_floors
from edge.core.policy_log import LeftOut, PolicyLog
from edge.core.scoring import Scoring
from edge.custody import Commands, now_of, opened
from edge.opening import open_models
from edge.rulebook import Archive, Rulebook
from edge.settings import Settings, read_settings

MAX_DECISIONS = 10_000
"""Decisions looked at, of customers drawn by lot: some 4 ms each on a busy laptop (1,200 products).
"""

# No decision about somebody without a profile is opened, so none of these can be left out.
_LEFT_OUT = {
    LeftOut.NO_CANDIDATES: "silent before any candidate",
    LeftOut.OTHER_CATALOGUE: "on another catalogue",
    LeftOut.NOT_REPEATABLE: "that would come out otherwise on the knowledge of now",
}


def add_command(commands: Commands) -> None:
    """Add the command to the box's command line."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "policy", help="judge other rules by what came of past cards"
    )
    parser.add_argument("config", type=Path, help="TOML configuration")
    parser.add_argument(
        "--rules", type=Path, required=True, help="a draft of the store's own rule file"
    )
    parser.add_argument(
        "--since", type=date.fromisoformat, help="store-local day; all that is kept where absent"
    )
    parser.add_argument(
        "--most",
        type=int,
        default=MAX_DECISIONS,
        help="decisions to look at (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument("--now", type=datetime.fromisoformat, help="simulation only: the time")
    parser.set_defaults(run=_policy)


def _policy(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments.config)
    now_s = now_of(arguments, settings)
    with opened(settings) as (ledger, facts):
        since_s = float("-inf")
        if arguments.since is not None:
            midnight = datetime.combine(arguments.since, clock_time(), facts.time_zone)
            since_s = midnight.timestamp()
        draft = Source(arguments.rules)
        found = judged(settings, ledger, facts, draft, since_s, now_s, arguments.most)
    if arguments.json:
        print(json.dumps(_for_machines(found)))
    else:
        for line in _lines(found, arguments.most):
            print(line)
    return 0


def judged(
    settings: Settings,
    ledger: Ledger,
    facts: StoreFacts,
    draft: Source,
    since_s: float,
    now_s: float,
    most: int = MAX_DECISIONS,
) -> PolicyLog:
    """Read past decisions under a draft of the store's rules.

    Raises:
        ConfigError: The draft has problems, or cannot be read.
    """
    catalog, files = ledger.catalog, settings.store.files
    stock = Stock(catalog)
    if (files / "stock.json").exists():
        read_stock(files / "stock.json", stock, now_s)
    item_ids = [item.item_id for item in catalog.items]
    models = open_models(settings.store, item_ids)
    journal = Journal(ledger)
    scoring = Scoring(models.ranker, models.tables, lambda: None, models.beside.anonymous)
    archive = Archive(
        past=lambda since_s, most: journal.past(since_s, most, now_s, is_profile=True),
        shown=lambda is_endless: journal.restored(is_endless=is_endless),
        stock=stock,
        model=lambda *asked: scoring.afresh(*asked).scores,
    )
    rulebook = Rulebook(
        settings.store.rules,
        catalog,
        lambda at_s: Moment.of(datetime.fromtimestamp(at_s, facts.time_zone)),
        lambda: now_s,
        with_floors(models.floors),
    )
    return rulebook.as_log(draft, archive, since_s, most)


def _lines(found: PolicyLog, most: int) -> Iterator[str]:
    yield (
        f"{found.decisions} decisions with {found.cards} cards: {found.explored} explored,"
        f" {found.seen} seen, {found.taken} taken up"
    )
    for ground, count in sorted(found.left_out.items()):
        yield f"left out: {count} {_LEFT_OUT[ground]}"
    if found.looked_at >= most:
        yield f"looked at {found.looked_at}; where more are kept, a higher --most looks at them"
    conclusion = found.conclusion()
    if conclusion is None:
        yield "Nothing to judge by: no decision counts."
        return
    yield f"{'taken up per decision':<22}{'':>8}  95 %"
    yield _line("as logged", conclusion.logged)
    for name, estimate in conclusion.estimates.items():
        yield _line(f"draft, {name.upper()}", estimate)
    yield _line("draft less logged", conclusion.gain)
    yield f"effective customers {conclusion.effective_customers:.0f}"
    yield f"{conclusion.verdict}: {conclusion.text}"


def _line(name: str, estimate: Estimate) -> str:
    return f"{name:<22}{estimate.value:>8.4f}  {estimate.low:.4f} to {estimate.high:.4f}"


def _for_machines(found: PolicyLog) -> dict[str, Any]:
    conclusion: Conclusion | None = found.conclusion()
    said = {"verdict": None} if conclusion is None else asdict(conclusion)
    return said | {
        "looked_at": found.looked_at,
        "decisions": found.decisions,
        "cards": found.cards,
        "explored": found.explored,
        "seen": found.seen,
        "taken": found.taken,
        "left_out": dict(found.left_out),
    }
