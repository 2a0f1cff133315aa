"""The daily run: read who counts, release the totals once, write a file per audience.

A process of its own, because OpenDP is large and the serving process needs none of it. The noise is
handed in. It may run beside the service: it reads the ledger and writes files of its own.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from edge.adapters.sqlite.ledger import Ledger
from edge.adapters.sqlite.releases import Releases, verified
from edge.adapters.sqlite.unitdays import UnitDays
from edge.core.aggregates import EPSILON_PER_DAY, UPSTREAM, Domain, Noise, release_day
from edge.core.errors import UnavailableError


def run_day(
    ledger: Ledger,
    domain: Domain,
    day: date,
    zone: ZoneInfo,
    noise: Noise,
    now_s: float,
    experiment: str = "",
) -> dict[str, bytes]:
    """Return the messages about a store-local day by audience; the same bytes at every call.

    Args:
        ledger: Of the box.
        domain: Which cells there are.
        day: Store-local; it must be over.
        zone: Of the store.
        noise: Draws the noise.
        now_s: The present moment.
        experiment: Whose arms are told.

    Raises:
        UnavailableError: The day is not over, or was charged and lost.
        TrustError: A message would hold something the rules do not allow.
    """
    start_s, end_s = bounds(day, zone)
    if now_s < end_s:
        raise UnavailableError(f"{day}: the day is not over in the store; run again tomorrow")
    releases = Releases(ledger.directory)
    try:
        units = UnitDays(ledger, ledger.catalog, experiment, start_s, end_s)
        name = day.isoformat()
        messages = releases.once(
            name,
            start_s,
            end_s,
            EPSILON_PER_DAY,
            lambda: release_day(units.units(now_s), domain, name, noise),
        )
        for body in messages.values():
            verified(body, domain, releases)
    finally:
        releases.close()
    return messages


def write_messages(messages: Mapping[str, bytes], day: date, out: Path) -> list[Path]:
    """Write `upstream/DAY.json` and `partners/NAME/DAY.json`, each whole or not at all."""
    written = []
    for audience, body in messages.items():
        folder = out / (UPSTREAM if audience == UPSTREAM else f"partners/{_folder(audience)}")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{day.isoformat()}.json"
        fresh = path.with_suffix(".new")
        fresh.write_bytes(body)
        fresh.replace(path)
        written.append(path)
    return written


def bounds(day: date, zone: ZoneInfo) -> tuple[float, float]:
    """Return begin and end of a store-local day in UTC seconds; 23 or 25 hours at clock changes."""
    begin = datetime.combine(day, time(), zone).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    return begin.timestamp(), end.timestamp()


def _folder(partner: str) -> str:
    """Return a folder name that no partner's name can turn into another folder or partner."""
    plain = re.sub(r"[^a-z0-9]+", "-", partner.lower()).strip("-")[:40]
    return f"{plain}-{hashlib.sha256(partner.encode()).hexdigest()[:8]}"
