"""A second look before orders go live: contradictions, unknown names, silence, hygiene.

Nothing here changes a decision. Contradictions name both authors, because they have to talk; the
hygiene report (D12) lists what is missing in the catalogue, because rules cannot know it.
"""

from collections.abc import Container, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.cap_rules import Dimension
from edge.core.catalog import Catalog, ClassKind
from edge.core.classes import DAY_S, MatrixRow, Policy
from edge.core.memory import Purchases, remember
from edge.core.playbook import Playbook
from edge.core.rules import MAX_PINNED, Rule, RuleKind
from edge.core.tone import lint

Mask = NDArray[np.bool_]

MAX_EXAMPLES = 5
CARE_FROM_CENTS = 10_000
"""Durable goods above this deserve a care tip (B2Care: high-price goods; the sum is a proposal)."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two orders that cannot both be meant."""

    first: Rule | MatrixRow
    second: Rule | MatrixRow
    why: str
    items: int

    def __str__(self) -> str:
        return f"{_whose(self.first)} and {_whose(self.second)}: {self.why} ({self.items} items)"


def _whose(order: Rule | MatrixRow) -> str:
    """Return an order as people call it, with who is behind it."""
    if isinstance(order, MatrixRow):
        return f"{_named(order)} by {order.author or 'nobody named'}, unverified"
    mark = "" if order.is_verified else ", unverified"
    return f"{order.rule_id!r} ({order.kind.value}) by {order.author}{mark}"


def conflicts(playbook: Playbook) -> tuple[Conflict, ...]:
    """Return every pair of orders that contradict each other on at least one item."""
    return (*_between_rules(playbook), *_between_lines(playbook))


def _between_rules(playbook: Playbook) -> Iterator[Conflict]:
    meant = [_Meant.of(at, playbook) for at in range(len(playbook.rules.rules))]
    for at, one in enumerate(meant):
        for other in meant[at + 1 :]:
            if not _may_meet(one.rule, other.rule):
                continue
            found = _contradiction(one, other)
            if found is not None and (found[1].any() or found[0] == _PLACE):
                yield Conflict(one.rule, other.rule, found[0], int(found[1].sum()))


def _between_lines(playbook: Playbook) -> Iterator[Conflict]:
    """Compare the matrix lines on one group and audience; more special ones stand above others."""
    rows = playbook.orders.classes.matrix
    for at, first in enumerate(rows):
        for second in rows[at + 1 :]:
            is_same = (first.group, first.audience) == (second.group, second.audience)
            if is_same and first.then != second.then:
                n = int(playbook.classes.matches(first.group)[playbook.classes.group].sum())
                yield Conflict(
                    first, second, "one wants other things to follow; the later holds", n
                )


@dataclass(frozen=True, slots=True, eq=False)
class _Meant:
    """A rule and the items it speaks of: bool[items] each; `to` and `never` of a map, else none."""

    rule: Rule
    targets: Mask
    to: Mask
    never: Mask

    @classmethod
    def of(cls, at: int, playbook: Playbook) -> "_Meant":
        """Look up what a rule of the playbook means."""
        rule, mask = playbook.rules.rules[at], playbook.rules.goods.mask
        return cls(rule, playbook.rules.targets(at), mask(rule.to), mask(rule.never))


_PLACE = "both want the same place; the store's, else the later one, gets it"
_PAIRS = {
    frozenset({RuleKind.PIN, RuleKind.BAN}): "one shows what the other forbids; the ban holds",
    frozenset({RuleKind.BOOST, RuleKind.BAN}): "one raises what the other forbids; the ban holds",
    frozenset({RuleKind.BOOST, RuleKind.BURY}): "one raises what the other lowers",
    frozenset({RuleKind.PIN, RuleKind.BURY}): "one pins what the other lowers; the pin holds",
}


def _contradiction(first: _Meant, second: _Meant) -> tuple[str, Mask] | None:
    """Return what two rules disagree about, and on which items."""
    kinds = frozenset({first.rule.kind, second.rule.kind})
    if kinds == {RuleKind.PIN} and first.rule.value == second.rule.value:
        return _PLACE, first.targets & second.targets
    if kinds == {RuleKind.COMPLEMENT}:
        ruled_out = (first.to & second.never) | (second.to & first.never)
        is_shared = (first.targets & second.targets).any()
        why = "one recommends what the other rules out; what is ruled out stays out"
        return why, ruled_out & is_shared
    if kinds == {RuleKind.COMPLEMENT, RuleKind.BAN}:
        one, ban = (second, first) if first.rule.kind is RuleKind.BAN else (first, second)
        return "one recommends what the other forbids; the ban holds", one.to & ban.targets
    told = _PAIRS.get(kinds)
    return None if told is None else (told, first.targets & second.targets)


def _may_meet(first: Rule, second: Rule) -> bool:
    """Tell whether two rules can be in force at one moment and place."""
    for one, other in (
        (first.surfaces, second.surfaces),
        (first.zones, second.zones),
        (first.audiences, second.audiences),
        (first.motives, second.motives),
    ):
        if one and other and not one & other:
            return False
    starts = max(first.from_day or 0, second.from_day or 0)
    ends = min(first.to_day or 2**31, second.to_day or 2**31)
    return starts <= ends


def unknown(playbook: Playbook) -> tuple[str, ...]:
    """Return the names that mean nothing in this catalogue: a typing error or a delisted item."""
    found = (
        *_unknown_to_rules(playbook),
        *_unknown_to_classes(playbook),
        *_unknown_to_caps(playbook),
    )
    return tuple(f"{where}: {name!r} is not in the catalogue" for where, name in found)


def _unknown_to_rules(playbook: Playbook) -> Iterator[tuple[str, str]]:
    for rule in playbook.rules.rules:
        for target in (*rule.targets, *rule.to, *rule.never):
            if not playbook.rules.goods.knows(target):
                yield f"rules[{rule.rule_id!r}] by {rule.author}", target


def _unknown_to_classes(playbook: Playbook) -> Iterator[tuple[str, str]]:
    table, classes = playbook.orders.classes, playbook.classes
    for name, policy in table.classes.items():
        if name not in classes.group_at and name not in playbook.catalog.classes:
            yield _by("classes", policy.author), name
    for row in table.matrix:
        if not classes.matches(row.group).any():
            yield _by("matrix", row.author), row.group


def _unknown_to_caps(playbook: Playbook) -> Iterator[tuple[str, str]]:
    offers = playbook.offers
    known: dict[Dimension, Container[str]] = {
        Dimension.ITEM: {item.item_id for item in playbook.catalog.items},
        Dimension.CLASS: playbook.classes.group_at,
        Dimension.OFFER: offers.offer_at,
        Dimension.CAMPAIGN: offers.campaign_at,
    }
    for cap in playbook.caps:
        for dimension, name in cap.only.items():
            if dimension in known and name not in known[dimension]:
                yield f"caps[{cap.cap_id!r}].only.{dimension}", name


def _by(where: str, author: str) -> str:
    return f"{where} by {author}" if author else where


def warnings(playbook: Playbook) -> tuple[str, ...]:
    """Return what deserves a second thought before these orders go live."""
    return (
        *_silencing(playbook),
        *_wide_pins(playbook),
        *_unexplained(playbook),
        *_spoken(playbook),
    )


def _silencing(playbook: Playbook) -> Iterator[str]:
    catalog, limits = playbook.catalog, playbook.limits
    n = max(1, len(catalog.items))
    bans = [
        playbook.rules.targets(at)
        for at, rule in enumerate(playbook.rules.rules)
        if rule.kind is RuleKind.BAN
    ]
    banned = int(np.logical_or.reduce(bans).sum()) if bans else 0
    if banned >= 0.9 * n:
        yield f"rules: bans cover {banned} of {n} items; hardly anything is left to show"
    if catalog.is_sensitive.sum() >= 0.5 * n:
        yield f"classes: {int(catalog.is_sensitive.sum())} of {n} items are sensitive"
    for surface, floor in limits.floors.items():
        if floor >= 1.0:
            yield f"limits.floors.{surface}: {floor} is never reached; nothing would be shown"
    for surface, cards in limits.max_cards.items():
        if cards < 1:
            yield f"limits.max_cards.{surface}: {cards} shows nothing"
    silenced = silences(playbook)
    yield from silenced
    if playbook.orders.may_silence and not silenced:
        yield "may_silence: the class table leaves nobody with nothing; take the line out"


def _wide_pins(playbook: Playbook) -> Iterator[str]:
    """Name pins on more goods than a place can look at for everybody."""
    for at, rule in enumerate(playbook.rules.rules):
        n = int(playbook.rules.targets(at).sum()) if rule.kind is RuleKind.PIN else 0
        if n > MAX_PINNED:
            yield (
                f"rules[{rule.rule_id!r}] by {rule.author}: pins {n} items; beyond the first "
                f"{MAX_PINNED} of the catalogue only those count that suit the customer anyway"
            )


def _unexplained(playbook: Playbook) -> Iterator[str]:
    """Name lines of the class table and the matrix that do not say when they were made, or why."""
    table = playbook.orders.classes
    lines: list[tuple[str, Policy | MatrixRow]] = [
        *((f"classes.{name}", policy) for name, policy in table.classes.items()),
        *((_named(row), row) for row in table.matrix),
    ]
    for where, line in lines:
        missing = [name for name, is_there in (("date", line.day), ("reason", line.reason))
                   if not is_there]  # fmt: skip
        if line.author and missing:
            yield f"{where} by {line.author}: no {' and no '.join(missing)}"


def _named(row: MatrixRow) -> str:
    """Return a line of the matrix as people call it."""
    return f"matrix {row.group!r} for {row.audience!r}"


def silences(playbook: Playbook) -> tuple[str, ...]:
    """Return whom the class table would leave with nothing: everybody, else some audiences."""
    rows = playbook.orders.classes.matrix
    audiences = sorted({row.audience for row in rows} - {"*"})
    if _closes_everything(playbook, None):
        whom = ["a customer"]
    else:
        whom = [f"a customer of {a!r}" for a in audiences if _closes_everything(playbook, a)]
    return tuple(
        f"classes: {who} who bought one of everything a year ago would see nothing; "
        "shorten intervals or the cool-down, or let classes repeat"
        for who in whom
    )


def _closes_everything(playbook: Playbook, audience: str | None) -> bool:
    """Try the class table on somebody who bought one item of every group a year ago."""
    classes = playbook.classes
    if not classes.group_ids:
        return False
    _, items = np.unique(classes.group, return_index=True)
    lines = [(int(item), -365.0 * DAY_S) for item in items]
    memory = remember(Purchases.of(lines), classes, audience)
    is_open = (memory.closed_until_s <= 0.0) & (memory.rest_until_s <= 0.0)
    is_open &= ~classes.is_kind(ClassKind.SENSITIVE) & (classes.then(audience) != 0)
    return not is_open.any()


def _spoken(playbook: Playbook) -> Iterator[str]:
    """Look for words that must not go out, in offers, care tips and the reasons of rules."""
    texts = [(f"offers[{o.offer_id!r}].text", o.text) for o in playbook.catalog.offers]
    texts += [(f"items[{i.item_id!r}].care", i.care) for i in playbook.catalog.items if i.care]
    for where, text in texts:
        for language, words in (("de", text.de), ("en", text.en)):
            for finding in lint(words):
                yield f"{where}.{language}: {finding.rule}: {finding.found!r} ({finding.why})"
    for rule in playbook.rules.rules:
        for finding in lint(rule.reason, is_about_person=True):
            yield f"rules[{rule.rule_id!r}].reason: {finding.rule}: {finding.found!r}"


@dataclass(frozen=True, slots=True)
class Gap:
    """One kind of thing missing in the catalogue."""

    kind: str
    count: int
    examples: tuple[str, ...]
    hint: str

    def __str__(self) -> str:
        named = ", ".join(self.examples) + (", …" if self.count > len(self.examples) else "")
        return f"catalogue: {self.kind}: {self.count} ({named}); {self.hint}"


def hygiene(catalog: Catalog) -> tuple[Gap, ...]:
    """Return what the catalogue does not say and decisions would need (D12)."""
    items, classes = catalog.items, catalog.classes.values()
    durable = {c.class_id for c in classes if c.kind is ClassKind.DURABLE}
    gaps = (
        _gap("item without class", [i.item_id for i in items if i.class_id is None],
             "is treated as durable with its whole category"),
        _gap("class without interval",
             [c.class_id for c in classes if c.interval_days is None
              and c.kind in (ClassKind.DURABLE, ClassKind.CONSUMABLE)],
             "the default of its kind holds"),
        _gap("class without complement",
             [c.class_id for c in classes if not c.complements
              and c.kind in (ClassKind.DURABLE, ClassKind.ACCESSORY)],
             "nothing is suggested after a purchase"),
        _gap("complement of an unknown class",
             [c.class_id for c in classes if any(x not in catalog.classes for x in c.complements)]
             + [i.item_id for i in items if any(x not in catalog.classes for x in i.complements)],
             "is left out"),
        _gap("dear durable without care tip",
             [i.item_id for i in items if i.class_id in durable and i.care is None
              and i.price_cents >= CARE_FROM_CENTS],
             "nothing is said after a purchase"),
        _gap("series with a gap or a twin", _broken_series(catalog),
             "the next part is not found"),
        _gap("variant without GTIN",
             [i.item_id for i in items if any(not v.gtin for v in i.variants)],
             "a scan of the label is not understood"),
        _gap("class nobody uses",
             sorted(set(catalog.classes) - {i.class_id for i in items}), "can be deleted"),
        _gap("name in one language",
             [i.item_id for i in items if not i.name.de.strip() or not i.name.en.strip()],
             "cards in the other language stay nameless"),
    )  # fmt: skip
    return tuple(gap for gap in gaps if gap.count)


def _gap(kind: str, found: list[str], hint: str) -> Gap:
    return Gap(kind, len(found), tuple(found[:MAX_EXAMPLES]), hint)


def _broken_series(catalog: Catalog) -> list[str]:
    positions: dict[str, list[int]] = {}
    for item in catalog.items:
        if item.series:
            positions.setdefault(item.series[0], []).append(item.series[1])
    return [
        name
        for name, at in positions.items()
        if sorted(at) != list(range(min(at), min(at) + len(at)))
    ]
