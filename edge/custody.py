"""The commands about people's data: look after consents, forget, export, back up, restore, total.

Each opens the ledger beside the running box or instead of it, does one thing and says what it did.
What they decide stands in `edge.adapters.sqlite`; here are only words and files.
"""

import argparse
import json
import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from edge.adapters.files.catalog import StoreFacts, read_catalog
from edge.adapters.files.floorplan import read_floorplan
from edge.adapters.sqlite.backup import backup, restore
from edge.adapters.sqlite.daily import run_day, write_messages
from edge.adapters.sqlite.erasure import erase_member
from edge.adapters.sqlite.escrow import write_escrow
from edge.adapters.sqlite.export import Controller, export_person, prove
from edge.adapters.sqlite.journal import decode_decision
from edge.adapters.sqlite.keys import BoxKeys, read_or_make_box_key
from edge.adapters.sqlite.ledger import Ledger
from edge.adapters.sqlite.retention import fields_used, forget_old
from edge.core.aggregates import Domain
from edge.core.catalog import Catalog
from edge.core.consent import GrantError, Purpose
from edge.core.contributions import of_past
from edge.core.decision import Decision
from edge.core.errors import ConfigError, TrustError, UnavailableError
from edge.core.experiments import GENERAL, HOLDOUT, MEASURED
from edge.core.moment import Moment
from edge.core.person import Profile
from edge.core.proof import Proven
from edge.core.scoring import Scoring
from edge.core.trace import contribution_lines, lines_of
from edge.opening import open_models
from edge.settings import Settings, read_settings

KEY_FILE = "box.key"
EXPERIMENT = "holdout"
# Of the daily totals: address space (OpenDP's libraries claim more of it than they use), processor
# time, and how far the process stands behind the serving one.
TOTALS_BYTES = 2 << 30
TOTALS_CPU_S = 600
TOTALS_NICE = 10

Commands = Any  # argparse's subparsers, whose type it keeps private


def add_commands(commands: Commands) -> None:
    """Add every command to the box's command line."""
    consent = commands.add_parser("consent", help="look after the chain of consents")
    parts = consent.add_subparsers(dest="consent_command", required=True)
    _add(parts, "verify", "walk the chain of consents and name every break", _verify)

    erasing = _add(commands, "erase", "forget a member for good, in every copy", _erase)
    erasing.add_argument("member", help="loyalty id")

    exporting = _add(commands, "export", "write out everything held about a member", _export)
    exporting.add_argument("member", help="loyalty id")
    _add_proof(exporting)
    exporting.add_argument("--out", type=Path, help="JSON file; standard output where absent")

    looking = _add(commands, "decision", "look up a past decision with its whole trace", _decision)
    looking.add_argument("decision", help="its id, as on the card")
    looking.add_argument(
        "member", nargs="?", help="loyalty id of whom it was about; absent: a visit of nobody"
    )
    _add_proof(looking, is_required=False)

    backing = _add(commands, "backup", "copy the ledger without its keys", _backup)
    backing.add_argument("file", type=Path, help="replaced whole")

    restoring = _add(commands, "restore", "put a backup in place; the box must not run", _restore)
    restoring.add_argument("file", type=Path, help="made by `backup`")
    restoring.add_argument("--keys", type=Path, help="escrow that was opened for this box")

    totals = _add(commands, "aggregate", "tell a day in totals, once", _aggregate)
    totals.add_argument(
        "--day", type=date.fromisoformat, help="store-local; yesterday where absent"
    )
    totals.add_argument("--out", type=Path, required=True, help="folder of the messages")
    totals.add_argument("--limited", action="store_true", help="bound this process, as at night")
    totals.add_argument("--now", type=datetime.fromisoformat, help="simulation only: the time")

    _add(commands, "forget", "forget what is old or no longer consented to", _forget)
    _add(commands, "fields", "which stored fields served nothing in 90 days", _fields)
    _add(commands, "box-key", "show the public keys of this box", _box_key)


def _add(
    commands: Commands, name: str, purpose: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=purpose)
    parser.add_argument("config", type=Path, help="TOML configuration")
    parser.set_defaults(run=run)
    return parser


def _add_proof(parser: argparse.ArgumentParser, *, is_required: bool = True) -> None:
    proof = parser.add_mutually_exclusive_group(required=is_required)
    proof.add_argument("--code", default="", help="the app's present code")
    proof.add_argument("--receipt", default="", help="the code on the last receipt")


@contextmanager
def opened(settings: Settings) -> Iterator[tuple[Ledger, StoreFacts]]:
    """Open the box's ledger for one command.

    Raises:
        ConfigError: The box has none yet.
    """
    data = settings.store.data
    if not (data / "ledger.db").exists():
        raise ConfigError([f"{data}: no ledger here; has the box ever run?"])
    catalog, facts = read_catalog(settings.store.files / "catalog.json")
    ledger = Ledger.open(data, read_or_make_box_key(data / KEY_FILE), catalog)
    try:
        yield ledger, facts
    finally:
        ledger.close()


def _verify(arguments: argparse.Namespace) -> int:
    with opened(read_settings(arguments.config)) as (ledger, _):
        entries, problems = ledger.verify_consents()
    for problem in problems:
        print(f"entry {problem.seq}: {problem.found}")
    print(f"{entries} entries, {len(problems)} problems")
    return int(bool(problems))


def _erase(arguments: argparse.Namespace) -> int:
    with opened(read_settings(arguments.config)) as (ledger, _):
        done = erase_member(ledger, arguments.member, time.time())
    if done is None:
        print("not known here; will not be taken in either")
    else:
        print(f"erased: {sum(done.rows.values())} rows, {done.entries} consent entries")
        print(f"proof: {done.token}")
    return 0


def _proven(ledger: Ledger, arguments: argparse.Namespace, now_s: float) -> Proven:
    """Have it proved who asks.

    Raises:
        TrustError: It was not.
    """
    code, receipt = arguments.code, arguments.receipt
    proven = prove(ledger, arguments.member, now_s, code=code, receipt_id=receipt)
    if proven is None:
        raise TrustError("the code does not prove who asks; nothing is handed out")
    return proven


def _decision(arguments: argparse.Namespace) -> int:
    """Show a decision to the person it was about, and to whom that person shows it.

    One about nobody is anybody's to see.
    """
    settings, now_s = read_settings(arguments.config), time.time()
    with opened(settings) as (ledger, facts):
        grant, person = None, ""
        if arguments.member is not None:
            person = ledger.consents().kept(_proven(ledger, arguments, now_s).person)
            grant = ledger.consents().grant(person, Purpose.PROFILE, now_s)
            if grant is None:
                raise TrustError("there is no consent to a profile; its decisions are not opened")
        try:
            body = ledger.decision(arguments.decision, grant, now_s)
        except GrantError:
            body = None  # somebody else's is as good as unknown
        if body is None:
            whom = "nobody" if grant is None else "this person"
            raise UnavailableError(f"{arguments.decision}: no such decision about {whom}")
        decision = decode_decision(body)
        for line in lines_of(decision, ledger.catalog):
            print(line)
        profile = None
        if grant is not None and decision.slate:
            profile = ledger.profile(person, grant, now_s)
        at_s = datetime.fromtimestamp(decision.at_s, facts.time_zone)
        for line in _contributions(settings, ledger.catalog, decision, profile, Moment.of(at_s)):
            print(line)
    return 0


def _contributions(
    settings: Settings,
    catalog: Catalog,
    decision: Decision,
    profile: Profile | None,
    moment: Moment,
) -> Iterator[str]:
    """Yield what each source of data contributed to every item shown, by the model in force."""
    if settings.store.bundle is None or not decision.slate:
        return
    models = open_models(settings.store, [item.item_id for item in catalog.items])
    if not models.version:
        yield f"no contributions: {models.state}"
        return
    scoring = Scoring(models.ranker, models.tables, lambda: None, models.beside.anonymous)
    noted = {row.item: row.score for row in decision.trace()}
    for line in decision.slate:
        has = models.version, catalog.version
        found = of_past(decision, line, profile, scoring, moment, has)
        yield from contribution_lines(line.item_id, found, noted[line.item])


def _export(arguments: argparse.Namespace) -> int:
    settings, now_s = read_settings(arguments.config), time.time()
    trust = settings.trust
    with opened(settings) as (ledger, _):
        proven = _proven(ledger, arguments, now_s)
        named = Controller(trust.controller, trust.contact, trust.policy_url, trust.jurisdiction)
        text = json.dumps(export_person(ledger, proven, now_s, named), ensure_ascii=False, indent=1)
    if arguments.out is None:
        print(text)
    else:
        arguments.out.touch(mode=0o600)
        arguments.out.write_text(text, encoding="utf-8")
    return 0


def _backup(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments.config)
    with opened(settings) as (ledger, _):
        size = backup(ledger, arguments.file)
        print(f"{arguments.file}: {size} bytes, no keys")
        recipient, escrow = recovery_key(settings), settings.trust.escrow
        if recipient is not None and escrow is not None:
            count = write_escrow(ledger, recipient, escrow)
            print(f"{escrow}: keys of {count} persons, sealed to the chain")
        else:
            print("no escrow: without trust.recovery_key a dead card forgets everybody")
    return 0


def recovery_key(settings: Settings) -> bytes | None:
    """Return the chain's recovery public key, None where none is configured.

    Raises:
        ConfigError: The file holds no key.
    """
    path = settings.trust.recovery_key
    if path is None:
        return None
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        key = b""
    if len(key) != 32:
        raise ConfigError([f"{path}: expected a public key of 64 hexadecimal digits"])
    return key


def _restore(arguments: argparse.Namespace) -> int:
    data = read_settings(arguments.config).store.data
    data.mkdir(parents=True, exist_ok=True)
    key = read_or_make_box_key(data / KEY_FILE)
    done = restore(data, key, arguments.file, arguments.keys)
    print(
        f"{done.persons} persons, {done.buried} erased since and left out,"
        f" {done.without_key} without a key"
    )
    if not done.has_newest_consents:
        print("consents are those of the backup: the box's own ledger was gone")
    return 0


def now_of(arguments: argparse.Namespace, settings: Settings) -> float:
    """Return the moment to work at, UTC seconds: the present one, or a told one in a simulation.

    Raises:
        ConfigError: One was told to a box that is no simulation.
    """
    if arguments.now is None:
        return time.time()
    if settings.mode != "simulation":
        raise ConfigError([f'{arguments.config}: --now needs mode = "simulation"'])
    told: datetime = arguments.now
    return told.timestamp()


def _aggregate(arguments: argparse.Namespace) -> int:
    if arguments.limited:
        _limit_self()
    try:  # loaded here: OpenDP is large, and no other command needs it
        from edge.adapters.opendp.noise import discrete_laplace
    except ModuleNotFoundError as error:
        raise UnavailableError(
            "OpenDP is not installed: pip install stammgast[aggregates]"
        ) from error

    settings = read_settings(arguments.config)
    now_s = now_of(arguments, settings)
    with opened(settings) as (ledger, facts):
        today = datetime.fromtimestamp(now_s, facts.time_zone).date()
        day = arguments.day or today - timedelta(days=1)
        messages = run_day(
            ledger,
            domain_of(settings, ledger, facts),
            day,
            facts.time_zone,
            discrete_laplace,
            now_s,
            EXPERIMENT,
        )
    for path in write_messages(messages, day, arguments.out):
        print(path)
    return 0


def _limit_self() -> None:
    """Keep this process from taking the box's memory or processor, whatever it meets."""
    resource.setrlimit(resource.RLIMIT_AS, (TOTALS_BYTES, TOTALS_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (TOTALS_CPU_S, TOTALS_CPU_S))
    os.nice(TOTALS_NICE)


def domain_of(settings: Settings, ledger: Ledger, facts: StoreFacts) -> Domain:
    """Return which cells the totals of this store have."""
    plan = read_floorplan(settings.store.files / "floorplan.json")
    return Domain(
        facts.store_id,
        tuple(f"{EXPERIMENT}:{arm}" for arm in (HOLDOUT, MEASURED, GENERAL)),
        tuple(sorted(zone.id for zone in plan.zones)),
        tuple(sorted(ledger.catalog.classes)),
        tuple(sorted(settings.trust.partners)),
    )


def _forget(arguments: argparse.Namespace) -> int:
    with opened(read_settings(arguments.config)) as (ledger, _):
        report = forget_old(ledger, time.time())
    if report.refused:
        print(f"nothing was deleted: {report.refused}")
        return 1
    for what, count in sorted(report.deleted.items()):
        print(f"{what}: {count}")
    print(f"packed receipts: {report.packed}")
    return 0


def _fields(arguments: argparse.Namespace) -> int:
    with opened(read_settings(arguments.config)) as (ledger, _):
        for use in fields_used(ledger, time.time()):
            note = "  never used: propose to delete" if use.is_proposed else ""
            print(f"{use.field:<12} stored {use.stored:>7}  used {use.uses:>7}{note}")
    return 0


def _box_key(arguments: argparse.Namespace) -> int:
    data = read_settings(arguments.config).store.data
    data.mkdir(parents=True, exist_ok=True)
    keys = BoxKeys(read_or_make_box_key(data / KEY_FILE))
    print(f"sealing {keys.recipient.hex()}")
    print(f"proofs  {keys.verifying.hex()}")
    return 0
