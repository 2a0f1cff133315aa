"""A past decision in lines: what was shown, and for every candidate what spoke for and against it.

For audits and complaints. Made from the decision's own record alone, so it says what counted then,
whatever rules and stock say today. Leaves out who may ask (`custody`).
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from edge.core.candidates import Source
from edge.core.catalog import Catalog
from edge.core.contributions import Contributions, Unexplained
from edge.core.decision import Decision, TraceRow
from edge.core.reasons import Reason


def lines_of(decision: Decision, catalog: Catalog) -> Iterator[str]:
    """Yield the record of a decision, the shown items first, then every candidate.

    Args:
        decision: As it was recorded.
        catalog: Gives ids for items that are still sold; a newer one may have lost some.
    """
    at = datetime.fromtimestamp(decision.at_s, UTC).isoformat(timespec="seconds")
    asked = "asked for" if decision.is_pull else "unasked"
    yield f"decision {decision.decision_id} at {at}, {decision.surface}, {asked}"
    yield (
        f"catalogue {decision.catalog_version}, rules {decision.playbook_version}, "
        f"model {decision.model_version or 'none'}, arm {decision.arm}, motive {decision.motive}, "
        f"zone {decision.zone or 'unknown'}, seed {decision.seed}"
    )
    if decision.profile_age_s is not None:
        stale = ", stale" if decision.is_profile_stale else ""
        yield f"profile {decision.profile_age_s / 86_400:.1f} days old{stale}"
    if decision.empty is not None:
        yield f"nothing shown: {decision.empty.value}"
    for place, line in enumerate(decision.slate, 1):
        parts = [f"score {line.score:.4f}", f"propensity {line.propensity:.4f}"]
        parts += [f"offer {line.offer_id}"] if line.offer_id else []
        parts += [f"rules {', '.join(line.rule_ids)}"] if line.rule_ids else []
        yield f"shown {place}: {line.item_id} ({', '.join(parts)}; {_sources(line.sources)})"
    for row in decision.trace():
        score = "not scored" if row.score != row.score else f"{row.score:.4f}"  # NaN
        against = ", ".join(_told(reason, row) for reason in row.reasons) or "nothing against it"
        yield (
            f"  {_name(row.item, catalog)}: {against}; {score}; {_sources(row.sources)}"
            f"{_on_offer(row, decision, catalog)}"
        )


def contribution_lines(
    item_id: str, found: Contributions | Unexplained, noted: float
) -> Iterator[str]:
    """Yield what each source of data contributed to a shown item, in log odds.

    Args:
        item_id: The shown item.
        found: The figures, or why there are none.
        noted: The chance of the record.
    """
    if isinstance(found, Unexplained):
        yield f"{item_id}: no contributions: {_NONE[found]}"
        return
    yield (
        f"{item_id}: chance {found.base:.4f} with nothing known, {found.chance:.4f} with all "
        f"(noted {noted:.4f}); log odds by source, fair share and when left out alone:"
    )
    for each in found.parts:
        yield f"  {each.source:<10} {each.log_odds:+.3f}  {each.alone:+.3f}"
    total = sum(each.log_odds for each in found.parts)
    alone = sum(each.alone for each in found.parts)
    what = "sources overlap" if found.interaction > 0.0 else "sources need each other"
    yield f"  {'together':<10} {total:+.3f}  {alone:+.3f}" + (
        "; left out alone they add up, too"
        if found.adds_up
        else f"; left out alone they do not add up: {what} by {found.overlap:.0%}"
    )


_NONE = {
    Unexplained.GONE: "it is no longer there",
    Unexplained.BY_RULE: "a rule or a purchase called for it, no model chose it",
    Unexplained.WITHDRAWN: "the consent it rests on was withdrawn",
    Unexplained.OTHER_MODEL: "another model made the decision",
    Unexplained.OTHER_CATALOGUE: "the catalogue is another one by now",
    Unexplained.CHANGED: "what is kept by now no longer gives the noted chance",
    Unexplained.NO_MODEL: "no model answered, popularity did",
}


def _told(reason: Reason, row: TraceRow) -> str:
    """Name a reason with the caps or rules of people behind it."""
    behind = [
        f"{ground.rule_id} (per {' and '.join(ground.per)})" if ground.per else ground.rule_id
        for ground in row.grounds
        if ground.reason is reason
    ]
    return f"{reason.value} by {' and '.join(behind)}" if behind else reason.value


def _on_offer(row: TraceRow, decision: Decision, catalog: Catalog) -> str:
    """Tell how likely the person was to take the offer on an item, and what that moved."""
    if row.on_offer is None:
        return ""
    offer, name = row.on_offer, f"offer {row.on_offer.offer}"
    if decision.catalog_version == catalog.version:
        name = f"offer {catalog.offers[offer.offer].offer_id}"
    return f"; {name} taken with {offer.chance:.4f}, weighs {offer.lift:.2f}"


def _name(item: int, catalog: Catalog) -> str:
    return catalog.items[item].item_id if item < len(catalog.items) else f"item {item}"


def _sources(bits: int) -> str:
    found = [source.name.lower() for source in Source if bits & source and source.name]
    return "from " + ", ".join(found) if found else "from nowhere"
