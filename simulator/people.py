"""Who comes to the store: members and anonymous regulars, with tastes no till ever sees.

The tastes go into `truth.json`, which the simulator alone reads; a store knows only members.json.
"""

import math
import random
from dataclasses import dataclass, field
from typing import Any

from simulator.catalog import Catalog
from simulator.chance import stream
from simulator.names import full_name
from simulator.palette import SIZES

# How many sizes a member tells the chain: of what is bought most.
TOLD_SIZES = 3

AUDIENCES = ("women", "men")
MOTIVES = ("first_time", "inspiration", "price_comparing", "undecided", "about_to_buy")
# Classes that a household buys again and again only if it has a small child.
BABY_CLASSES = frozenset({"nappies", "baby-wipes", "bodysuit"})


@dataclass(slots=True)
class Person:
    """A shopper's latent tastes.

    Attributes:
        person_id: The member id, or `A…` for somebody without a card.
        price_level: 0 (cheap) to 1 (dear): which brands appeal.
        class_weights: Interest per class id; classes without a weight are never sought.
        cycles_days: Consumables bought again and again, with the person's own gap.
        colours, brands: Favourites, most loved first.
        sizes: Size per size system.
        gift_rate: Share of discretionary purchases meant for somebody else.
        visits_per_year: Mean number of visits.
        motives: Weight of each motive of a visit, in the order of `MOTIVES`.
        acceptance: Probability scale with which good advice is taken, 0..1.
        tone: Which of an item's shades is the person's, counted around.
    """

    person_id: str
    audience: str
    has_kids: bool
    price_level: float
    class_weights: dict[str, float]
    cycles_days: dict[str, float]
    colours: tuple[str, ...]
    brands: tuple[str, ...]
    sizes: dict[str, str]
    gift_rate: float
    visits_per_year: float
    motives: tuple[float, ...]
    acceptance: float
    tone: int = 0


@dataclass(slots=True)
class Member:
    """What the chain knows about a member, and the tastes behind it."""

    member_id: str
    name: str
    language: str
    beacons: list[str]
    consents: list[dict[str, str]]
    declared: dict[str, str]
    stated: list[str]
    person: Person = field(repr=False)


def make_person(catalog: Catalog, seed: int, person_id: str) -> Person:
    """Draw one person's tastes."""
    rng = stream(seed, "person", person_id)
    audience = "women" if rng.random() < 0.58 else "men"
    has_kids = rng.random() < 0.27
    brands = sorted({item.brand for item in catalog.items})
    colours = sorted({item.colour for item in catalog.items})
    return Person(
        person_id=person_id,
        audience=audience,
        has_kids=has_kids,
        price_level=rng.betavariate(2.2, 2.6),
        class_weights=_class_weights(catalog, rng, audience, has_kids),
        cycles_days=_cycles(catalog, rng, audience, has_kids),
        colours=tuple(rng.sample(colours, 4)),
        brands=tuple(rng.sample(brands, 5)),
        sizes={name: _size(sizes, rng) for name, sizes in SIZES.items()},
        tone=stream(seed, "tone", person_id).randrange(1_000),
        gift_rate=rng.betavariate(1.3, 12),
        visits_per_year=min(52.0, 3 + rng.gammavariate(1.6, 7)),
        motives=tuple(rng.gammavariate(k, 1) for k in (0.15, 1.4, 0.8, 1.0, 2.2)),
        acceptance=rng.betavariate(2, 3),
    )


def _size(sizes: list[str], rng: random.Random) -> str:
    """Draw a size; the middle of a range is the most frequent."""
    position = min(0.999, max(0.0, rng.gauss(0.5, 0.22)))
    return sizes[int(position * len(sizes))]


def _class_weights(
    catalog: Catalog, rng: random.Random, audience: str, has_kids: bool
) -> dict[str, float]:
    """Weight classes by the person's taste for their zone, category and price."""
    zone_taste: dict[str, float] = {}
    weights: dict[str, float] = {}
    for class_id, item_class in catalog.classes.items():
        taste = zone_taste.setdefault(item_class.zone, rng.gammavariate(0.7, 1.0))
        fit = _fit(item_class.audience, audience, has_kids)
        own = rng.gammavariate(0.6, 1.0)
        affordable = (item_class.price_cents / 2000) ** -0.45
        weight = fit * (0.05 + taste) * own * affordable
        if weight > 0.004 and not (class_id in BABY_CLASSES and not has_kids):
            weights[class_id] = round(weight, 4)
    return weights


def _fit(class_audience: str, audience: str, has_kids: bool) -> float:
    if class_audience in ("all", audience):
        return 1.0
    if class_audience == "kids":
        return 1.2 if has_kids else 0.05
    return 0.02


def _cycles(
    catalog: Catalog, rng: random.Random, audience: str, has_kids: bool
) -> dict[str, float]:
    """Choose the consumables of a household and its own gap for each."""
    cycles: dict[str, float] = {}
    for class_id, item_class in catalog.classes.items():
        if item_class.kind != "consumable" or item_class.interval_days is None:
            continue
        fit = _fit(item_class.audience, audience, has_kids)
        chance = 0.8 if class_id in BABY_CLASSES and has_kids else 0.22 * fit
        if rng.random() < chance:
            gap_days = item_class.interval_days * math.exp(rng.gauss(0.1, 0.3))
            cycles[class_id] = round(gap_days, 1)
    return cycles


def members(catalog: Catalog, seed: int, count: int, as_of_day: str) -> list[Member]:
    """Make the members of the store."""
    return [_member(catalog, seed, number, as_of_day) for number in range(1, count + 1)]


def _member(catalog: Catalog, seed: int, number: int, as_of_day: str) -> Member:
    member_id = f"M{100_000 + number * 37:06d}"
    rng = stream(seed, "member", member_id)
    person = make_person(catalog, seed, member_id)
    name, language = full_name(rng, person.audience)
    declared = {"audience": person.audience} if rng.random() < 0.6 else {}
    return Member(
        member_id=member_id,
        name=name,
        language=language,
        beacons=_beacons(rng, number),
        consents=_consents(rng, as_of_day),
        declared=declared,
        stated=_stated(person, rng),
        person=person,
    )


# The chain's app advertises one UUID in all its stores; major is the region, minor the member.
APP_UUID = "5f3c1e0a-7b42-4d0e-9a61-2c8d4e6f1b37"
FOB_NAMESPACE = "8d1fa3c4e75b20916ad0"


def _beacons(rng: random.Random, number: int) -> list[str]:
    """Return raw ids as different enrolment tools wrote them: app, key fob, or both."""
    app = f"iBeacon:{APP_UUID}-49-{number}"
    if rng.random() < 0.2:
        app = f"iBeacon:{APP_UUID.upper()}-49-{number}"
    fob = f"eddystone:{FOB_NAMESPACE}-{number:012x}"
    draw = rng.random()
    if draw < 0.62:
        return [app]
    if draw < 0.88:
        return [fob]
    return [app, fob] if draw < 0.97 else []


# Share of members with each purpose, given that they allow to be recognised at all. Our own
# assumption; staff_contact is a majority so that a demonstration has somebody to talk to.
CONSENT_SHARES = {
    "profile": 0.72,
    "offers": 0.82,
    "location": 0.74,
    "staff_contact": 0.82,
    "staff_greeting": 0.08,
    "near_store": 0.25,
    "camera_try_on": 0.12,
    "shade": 0.14,
    "aggregates": 0.5,
    "partners": 0.04,
}


def _consents(rng: random.Random, as_of_day: str) -> list[dict[str, str]]:
    """Draw a member's consents: none at all, recognition and offers only, or a real mix."""
    draw = rng.random()
    if draw < 0.08:
        return []
    if draw < 0.2:
        purposes = ["recognise", "offers"]
    else:
        extra = [purpose for purpose, share in CONSENT_SHARES.items() if rng.random() < share]
        purposes = ["recognise", *extra]
    year = int(as_of_day[:4])
    given_at = (
        f"{year}-01-{rng.randint(7, 28):02d}T{rng.randint(9, 18):02d}:{rng.randint(0, 59):02d}:00Z"
    )
    method = rng.choice(("app", "app", "app", "station", "phone", "staff"))
    return [
        {"purpose": p, "given_at": given_at, "notice_version": "2026-01", "method": method}
        for p in purposes
    ]


def _stated(person: Person, rng: random.Random) -> list[str]:
    """Draw what a member told the chain: a favourite colour, some classes of interest."""
    stated = [f"colour:{person.colours[0]}"] if rng.random() < 0.35 else []
    loved = sorted(person.class_weights, key=lambda c: -person.class_weights[c])[:6]
    if rng.random() < 0.4:
        stated += rng.sample(loved, min(2, len(loved)))
    return stated


def members_json(members: list[Member], catalog: Catalog) -> list[dict[str, Any]]:
    """Return the members as a chain would hand them over."""
    counted_in = {audience: _size_systems(catalog, audience) for audience in AUDIENCES}
    return [_member_json(member, counted_in[member.person.audience]) for member in members]


def _size_systems(catalog: Catalog, audience: str) -> dict[str, tuple[str, list[str]]]:
    """Return the categories whose goods for somebody all count sizes in one way.

    Returns:
        By category its size system and its classes.
    """
    classes: dict[str, set[str]] = {}
    for item in catalog.items:
        if catalog.classes[item.class_id].audience in ("all", audience):
            classes.setdefault(item.category, set()).add(item.class_id)
    found: dict[str, tuple[str, list[str]]] = {}
    for category, class_ids in classes.items():
        systems = {catalog.classes[class_id].sizes for class_id in class_ids}
        if len(systems) == 1 and (system := systems.pop()) is not None:
            found[category] = system, sorted(class_ids)
    return found


def _told_sizes(person: Person, counted_in: dict[str, tuple[str, list[str]]]) -> dict[str, str]:
    """Return sizes by category, as the box reads them, of what the person buys most."""
    weight = {
        category: sum(person.class_weights.get(class_id, 0.0) for class_id in class_ids)
        for category, (_, class_ids) in counted_in.items()
    }
    most = sorted(filter(weight.get, weight), key=lambda name: -weight[name])[:TOLD_SIZES]
    return {category: person.sizes[counted_in[category][0]] for category in sorted(most)}


def _member_json(member: Member, counted_in: dict[str, tuple[str, list[str]]]) -> dict[str, Any]:
    record: dict[str, Any] = {
        "member_id": member.member_id,
        "name": member.name,
        "language": member.language,
        "beacons": member.beacons,
        "consents": member.consents,
        "stated": member.stated,
        "sizes": _told_sizes(member.person, counted_in) if member.stated else {},
    }
    if member.declared:
        record["declared"] = member.declared
    return record
