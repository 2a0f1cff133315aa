"""THE path: from a beacon or a check-in to a card on the associate's tablet, top to bottom.

    message -> sighting -> consent -> zone -> visit -> arm -> candidates -> guard -> scores
            -> curation -> explanation -> show

Each step is one call into one module of `edge.core`. Time is an argument everywhere; disk, screens
and the model are ports. Nothing here waits: the frame goes out first, then what happened is handed
to the log. What tills, apps and staff say besides comes in through `edge.intake`.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from edge.core import candidates as finding
from edge.core import curation, explanation, guard, triggers
from edge.core.anonymous import Scene
from edge.core.board import Place, StoreSign
from edge.core.candidates import Context, Source
from edge.core.cap_rules import NOBODY
from edge.core.caps import Caps
from edge.core.catalog import Catalog, Stock, Text
from edge.core.consent import Consents, Purpose
from edge.core.contributions import Contributions, Unexplained, shared_out
from edge.core.decision import Decision, Motive, PersonView, Snapshot
from edge.core.errors import UnavailableError
from edge.core.events import AppSighting, CheckIn, EventKey
from edge.core.experiments import assign
from edge.core.explanation import Message
from edge.core.floorplan import FloorPlan
from edge.core.gateways import Gateways
from edge.core.guard import Judged
from edge.core.guest import Guest, OpenCard
from edge.core.history import Floats, History
from edge.core.item_tables import ItemTables
from edge.core.learning import Kind
from edge.core.lessons import Lessons
from edge.core.memory import NOTHING_BOUGHT, remember
from edge.core.moment import Moment
from edge.core.motives import Evidence, Scan, Stay, unknown
from edge.core.person import Profile
from edge.core.playbook import Playbook
from edge.core.ports import Log, People, Ranker, Screens, Strangers
from edge.core.reasons import Reason
from edge.core.recall import outgrown, review
from edge.core.records import (
    CardShown,
    CheckedIn,
    Exposed,
    Learned,
    Record,
    VisitEnded,
    VisitStarted,
    ZoneEntered,
)
from edge.core.rotating import RotatingIds
from edge.core.scoring import Scoring, chances
from edge.core.shades import shades_of
from edge.core.shelf import Shelf
from edge.core.sightings import Sighting, canonical_beacon_id
from edge.core.takeup import UNASKED, Takers, Takeup
from edge.core.visits import Change, Sign, Transition, Visits
from edge.core.zones import ZoneModel, ZoneReason, ZoneTracker
from edge.showing import Showing

DAY_S = 86_400.0
# A check-in that was under way for longer says nothing about now; it is kept but not answered.
STALE_CHECK_IN_S = 600.0
# How long somebody stands in a zone before the box looks for something to say: passing is not
# dwelling (a proposal; interruptions by place are what shoppers mind most).
DWELL_S = 20.0
# A visit's motive changes with what is seen of it, and slowly with its length.
MOTIVE_FOR_S = 10.0
# Guests about whom the model is asked ahead of time, at most so many a second: 2 ms each.
REHEARSED_PER_TICK = 10
# Standing cards are asked again this often, some guests a second, as long as a card's lease.
RECHECK_S = 60.0
RECHECKED_AT_ONCE = 5
# Zones entered and labels scanned that a guess about the visit looks at, the newest.
MAX_SEEN = 200
# Kinds of beacon ids that may be a rotating one: Eddystone-EID, private addresses.
ROTATING = ("eid:", "mac:")
# What an app hears with is one receiver-less beacon per person.
APP = "app"
_NOTHING_SAID = Message((), (), None)


@dataclass(frozen=True, slots=True)
class House:
    """What stays the same from one message to the next.

    Attributes:
        zones: For receivers that hear beacons; app_zones: for apps that hear the store's beacons.
        tables: The bundle's item tables, in the order of the catalogue.
        moment: Puts UTC seconds into the store's calendar.
        motive: Guesses why somebody is here, from the visit alone.
        strangers: The model for those nobody knows; None: the ranker answers for them too.
        takers: Asks who takes which offer; None: nobody is asked.
        model_version: Of the bundle, for the log; empty without one.
        seed: Of every draw the box makes.
    """

    catalog: Catalog
    stock: Stock
    plan: FloorPlan
    zones: ZoneModel
    app_zones: ZoneModel | None
    tables: ItemTables
    sign: StoreSign
    moment: Callable[[float], Moment]
    motive: Callable[[Evidence], tuple[Motive, float]] = unknown
    strangers: Strangers | None = None
    takers: Takers | None = None
    model_version: str = ""
    seed: int = 0


class Path:
    """One store at work. Every method is one kind of thing that happens."""

    def __init__(
        self,
        house: House,
        playbook: Playbook,
        consents: Consents,
        visits: Visits,
        caps: Caps,
        gateways: Gateways,
        rotating: RotatingIds,
        ranker: Ranker,
        people: People,
        log: Log,
        screens: Screens,
    ) -> None:
        self.house = house
        self.playbook = playbook
        self.consents = consents
        self.visits = visits
        self.caps = caps
        self.gateways = gateways
        self.rotating = rotating
        self._scoring = Scoring(
            ranker,
            house.tables,
            lambda: self.counts.update(["ranker_unavailable"]),
            house.strangers,
        )
        self.people = people
        self.log = log
        self.lessons = Lessons(house.catalog.class_index)
        self.guests: dict[str, Guest] = {}
        self.counts: Counter[str] = Counter()
        self.unknown_beacons = 0
        self._shelf = Shelf(house.catalog, house.tables)
        self._nobody = finding.nobody(house.tables)
        places = {
            zone.id: Place(zone.id, Text(zone.name["de"], zone.name["en"]))
            for zone in house.plan.zones
        }
        self._kinds = {zone.id: zone.kind for zone in house.plan.zones}
        self.showing = Showing(
            house.sign, places, self.guests, self.counts, house.moment, caps, log, screens
        )
        self._trackers: dict[str, dict[str, ZoneTracker]] = {}
        # A dict for its order: a replay must meet the guests in the same one.
        self._lately_heard: dict[tuple[str, str], None] = {}
        self._by_contact: dict[str, Guest] = {}

    # -- a beacon is heard -------------------------------------------------------------------

    def hear(self, sightings: Sequence[Sighting], now_s: float) -> None:
        """Take what a receiver heard: whose beacons are they, and where are their carriers?"""
        heard = self.gateways.hear(sightings, now_s)
        perhaps = self.consents.perhaps_known(heard, () if self.rotating.is_idle else ROTATING)
        self.unknown_beacons += len(heard) - len(perhaps)
        for sighting, at_s in perhaps:
            self._hear(sighting, at_s, now_s)

    def _hear(self, sighting: Sighting, at_s: float, now_s: float) -> None:
        person = self.consents.person_of_beacon(sighting.beacon)
        if person is None and sighting.beacon.startswith(ROTATING):
            # From here on the sighting is one of the enrolled id, whatever the beacon shows next.
            sighting = sighting._replace(beacon=self._enrolled(sighting.beacon, now_s))
            person = self.consents.person_of_beacon(sighting.beacon)
        if person is None:
            self.unknown_beacons += 1
            return
        if self.gateways.repeats(sighting, at_s):
            return
        if sighting.at_s is not None:
            sighting = sighting._replace(at_s=at_s)
        zone = self._zone(person, sighting, self.house.zones, now_s)
        self._sign(person, now_s, zone)

    def _enrolled(self, beacon: str, now_s: float) -> str:
        """Return the enrolled id behind one that rotates; itself where nobody enrolled it."""
        return self.rotating.resolve(beacon, now_s) or beacon

    def follow_ids(self, person: str, now_s: float) -> None:
        """Know a person's rotating ids while the person may be recognised, and no longer."""
        for each in self.consents.merged(person):
            recognise = self.consents.grant(each, Purpose.RECOGNISE, now_s)
            ids = () if recognise is None else self.people.rotating_ids(each, recognise, now_s)
            if not self.rotating.follow(each, ids, now_s):
                self.counts["rotating_ids_full"] += 1

    def hear_app(self, said: AppSighting, now_s: float) -> None:
        """Take what a member's app heard of the store's own beacons: the other direction."""
        person = self.recognised(said.member_id, now_s)
        if person is None or self.house.app_zones is None:
            self.counts["app_sighting_unused"] += 1
            return
        zone: str | None = None
        for heard in said.heard:
            sighting = Sighting(
                canonical_beacon_id(heard.beacon), APP, heard.rssi_dbm, heard.measured_power_dbm
            )
            zone = self._zone(person, sighting, self.house.app_zones, now_s)
        self._sign(person, now_s, zone)

    def _zone(self, person: str, sighting: Sighting, model: ZoneModel, now_s: float) -> str | None:
        """Return the zone a beacon places its person in; None without consent or certainty."""
        if not self.consents.has(person, Purpose.LOCATION):
            return None
        trackers = self._trackers.setdefault(person, {})
        tracker = trackers.get(sighting.beacon)
        if tracker is None:
            tracker = trackers[sighting.beacon] = ZoneTracker(model)
        tracker.update(sighting, now_s)
        self._lately_heard[person, sighting.beacon] = None
        if not self.visits.decides(person, sighting.beacon, tracker.level_dbm, now_s):
            return None
        return tracker.zone

    def why_zones(self) -> Iterator[tuple[str, ZoneReason]]:
        """Tell of every guest's beacon why its carrier is believed where; for replays only."""
        for person, guest in self.guests.items():
            for tracker in self._trackers.get(person, {}).values():
                yield guest.visit_id, tracker.explain()

    # -- a visit begins, moves, ends ---------------------------------------------------------

    def _sign(self, person: str, now_s: float, zone: str | None) -> None:
        """Note a sign of life, and serve a guest who has just come in."""
        changes = self._note(person, now_s, zone)
        if changes and any(change.change is Change.ENTRY for change in changes):
            self.serve(self.guests[person], now_s)

    def _note(self, person: str, now_s: float, zone: str | None) -> tuple[Transition, ...]:
        sign = Sign.LIFE if zone is None else Sign.ZONE
        changes = self.visits.apply(person, sign, now_s, zone)
        self._follow(changes, now_s)
        return changes

    def _follow(self, changes: Iterable[Transition], now_s: float) -> None:
        """Do what the transitions of visits mean."""
        for change in changes:
            if change.change is Change.ENTRY:
                self._welcome(change, now_s)
            elif change.change is Change.MOVE:
                self._move(change, now_s)
            elif change.change is Change.EXIT:
                self._part(change)

    def _welcome(self, entry: Transition, now_s: float) -> None:
        """Open a visit: assign the arm, then read once what the person's consents let in."""
        person, orders = entry.visitor, self.playbook.orders
        arm = assign(person, orders.experiments, orders.holdout_share)
        guest = Guest(
            person, entry.visit_id, entry.at_s, arm, PersonView(person), self._nobody,
            NOTHING_BOUGHT,
        )  # fmt: skip
        self.guests[person] = self._by_contact[guest.visit_id] = guest
        self.caps.admit(self.log.impressions(person))
        self.read(guest, now_s)
        self.log.append(VisitStarted(guest.visit_id, entry.at_s, is_recognised=True))
        self.log.append(Exposed("holdout", arm.label(), guest.visit_id, entry.at_s, person))

    def stranger(self, token: str, now_s: float) -> Guest:
        """Return the guest of a visit that nobody is known on; no table of guests holds it."""
        orders = self.playbook.orders
        visit_id = self.visits.name(f"token:{token}", now_s)
        arm = assign(visit_id, orders.experiments, orders.holdout_share)
        who = f"{NOBODY}{visit_id}"
        return Guest(
            who, visit_id, now_s, arm, PersonView(who), self._nobody, NOTHING_BOUGHT,
            is_known=False,
        )  # fmt: skip

    def kind_of(self, zone: str | None) -> str | None:
        """Return the kind of a zone, None where the floor plan has none of that name."""
        return self._kinds.get(zone or "")

    def read(self, guest: Guest, now_s: float) -> None:
        """Read what the consents of this moment let in, and nothing else."""
        person, consents = guest.person, self.consents
        language = name = None
        if (recognise := consents.grant(person, Purpose.RECOGNISE, now_s)) is not None:
            language = self.people.language(person, recognise, now_s)
        if (greeting := consents.grant(person, Purpose.STAFF_GREETING, now_s)) is not None:
            name = self.people.name(person, greeting, now_s)
        if consents.grant(person, Purpose.LOCATION, now_s) is None:
            guest.forget_places()
            self.visits.forget_places(person)
            self._trackers.pop(person, None)
        profile = self.profile_of(person, now_s)
        guest.language, guest.name = language, name
        purposes = frozenset(purpose.value for purpose in consents.purposes(person))
        shades = {} if profile is None else shades_of(profile, self.house.catalog)
        guest.see(replace(PersonView.of(person, purposes, profile), shades=shades))
        guest.know(profile)
        history = profile.purchases.history() if profile else History.empty()
        is_known = history.n_baskets > 0
        day = guest.entered_s / DAY_S  # one day a visit: what was scored stays scored
        guest.prepared = (
            finding.prepare(history, self.house.tables, day) if is_known else self._nobody
        )
        guest.takeup = UNASKED
        if profile is not None and not guest.arm.is_holdout:
            guest.takeup = self._takeup(profile, history, guest.entered_s)
        guest.liked = self._shelf.liked(guest.view.stated)
        self.remember(guest)

    def _takeup(self, profile: Profile, history: History, now_s: float) -> Takeup:
        """Ask how likely a person takes each offer."""
        if self.house.takers is None:
            return UNASKED
        try:
            return self.house.takers.of(profile, history, now_s)
        except UnavailableError:
            self.counts["acceptance_unavailable"] += 1
            return UNASKED

    def profile_of(self, person: str, now_s: float) -> Profile | None:
        """Read what was bought and said, None without a present consent to it."""
        reading = self.consents.grant(person, Purpose.PROFILE, now_s)
        return None if reading is None else self.people.profile(person, reading, now_s)

    def remember(self, guest: Guest) -> None:
        """Work out what the guest's purchases, today's included, forbid and suggest."""
        audience = guest.view.declared.get("audience")
        bought = guest.bought(self.house.catalog)
        guest.memory = remember(bought, self.playbook.classes, audience)

    def _move(self, move: Transition, now_s: float) -> None:
        guest = self.guests[move.visitor]
        guest.zone, guest.zone_since_s = move.zone, move.at_s
        guest.has_moved = True
        guest.next_look_s = now_s + DWELL_S
        if move.zone is not None:
            kind = self._kinds.get(move.zone, "")
            guest.stays = [*guest.stays, Stay(kind, move.zone, move.at_s)][-MAX_SEEN:]
            guest.guessed_s = float("-inf")
            self.log.append(ZoneEntered(guest.visit_id, move.zone, move.at_s))
        self.showing.put(guest)
        if guest.cards:
            self._recheck_guest(guest, now_s)

    def _part(self, leaving: Transition) -> None:
        guest = self.guests.pop(leaving.visitor)
        self._by_contact.pop(guest.visit_id)
        self._trackers.pop(leaving.visitor, None)
        self.showing.remove(guest, "left")
        self.caps.leave(guest.person)
        self.log.append(VisitEnded(guest.visit_id, leaving.at_s, "exit"))

    # -- the decision: what to say, or nothing -----------------------------------------------

    def serve(
        self, guest: Guest, now_s: float, *, is_pull: bool = False, cause: str | None = None
    ) -> Decision | None:
        """Decide what to say to a guest now, show it, write it down."""
        if not guest.is_on_tablets:
            return None
        decision, message = self.decide(guest, now_s, is_pull=is_pull)
        if guest.cards and not message.cards:  # what stands may stay, as long as it is true
            self._recheck_guest(guest, now_s, decision)
        self.showing.say(guest, decision, message, self.playbook, cause)
        self.log.append(self.log.decision_record(decision, guest.person))
        return decision

    def decide(
        self,
        guest: Guest,
        now_s: float,
        *,
        is_pull: bool,
        surface: str = "tablet",
        placement: str = "contact",
    ) -> tuple[Decision, Message]:
        """Decide what to say at a place of a surface, and put it into words."""
        if now_s >= guest.guessed_s + MOTIVE_FOR_S:
            self._guess(guest, now_s)
        snapshot = self._snapshot(
            guest, now_s, is_pull=is_pull, surface=surface, placement=placement
        )
        silence = guard.silence(snapshot)
        if silence is not None:
            decision = curation.decide_nothing(silence, snapshot)
        else:
            judged, scores = self._weigh(guest, snapshot)
            slate = curation.curate(judged, scores, snapshot)
            decision = curation.decide(judged, slate, snapshot)
        standing = guest.told_beside(has_new_cards=bool(decision.slate))
        message = explanation.explain(decision, snapshot, standing)
        self._note_said(guest, decision, message)
        return decision, message

    def _note_said(self, guest: Guest, decision: Decision, message: Message) -> None:
        """Note what the next decision of this visit must know of this one."""
        guest.decisions += 1
        guest.had_entry_offer = True
        self.counts["decisions"] += 1
        if message.empty is not None:
            self.counts[f"empty_{message.empty.value}"] += 1
        if message.cards:
            guest.checked_s = decision.at_s
            if not decision.is_pull:
                guest.last_push_s = decision.at_s

    def _weigh(self, guest: Guest, snapshot: Snapshot) -> tuple[Judged, Floats]:
        """Find candidates, strike out what must not be shown, score the rest."""
        context = self._context(guest, snapshot)
        prepared = self._nobody if guest.arm.is_holdout else guest.prepared
        scene = None
        if prepared is self._nobody:  # the main case in a real store: the visit alone is known
            scene = Scene.of(snapshot.moment, guest.zone, context.basket)
        found = None if guest.scored is None else guest.scored.found_for(prepared, context, scene)
        found = found or self._scoring.candidates(prepared, context, scene)
        judged = guard.judge(found, snapshot)
        allowed = judged.allowed
        scored = self._scoring.score(prepared, found, allowed, context, guest.scored, scene)
        guest.scored, guest.has_moved = scored, False
        return judged, self.lessons.moved(chances(scored, allowed), found.items)

    def _guess(self, guest: Guest, now_s: float) -> None:
        """Guess why the guest is here; without a model, or a sure answer, nobody knows."""
        guest.guessed_s = now_s
        try:
            guest.motive = self.house.motive(guest.evidence(now_s))[0]
        except UnavailableError:
            self.counts["motive_unavailable"] += 1
            guest.motive = Motive.UNKNOWN

    def _snapshot(
        self,
        guest: Guest,
        now_s: float,
        *,
        is_pull: bool,
        surface: str = "tablet",
        placement: str = "contact",
    ) -> Snapshot:
        """Take one consistent view of the moment; the decision looks at nothing else."""
        moment = self.house.moment(now_s)
        visit = guest.visit(self.kind_of(guest.zone))
        view = guest.view
        if guest.arm.is_holdout:  # its pulls get the anonymous variant; a veto holds all the same
            view = PersonView(view.person, view.purposes, view.vetoes, household=view.household)
        guest.prompts = triggers.kept_prompts(
            guest.prompts, guest.memory, view, visit, moment, self.playbook, surface,
            is_held_out=guest.arm.is_holdout,
        )  # fmt: skip
        return Snapshot(
            moment=moment,
            visit=visit,
            playbook=self.playbook,
            stock=self.house.stock,
            caps=self.caps,
            arm=guest.arm,
            person=view if guest.is_known else None,
            memory=guest.memory,
            prompts=guest.prompts.found,
            surface=surface,
            placement=placement,
            is_pull=is_pull,
            seed=self._seed(guest),
            model_version=self.house.model_version,
            takeup=guest.takeup,
        )

    def _seed(self, guest: Guest) -> int:
        told = f"{self.house.seed}:{guest.visit_id}:{guest.decisions}".encode()
        return int.from_bytes(hashlib.blake2b(told, digest_size=8).digest(), "little")

    def _context(self, guest: Guest, snapshot: Snapshot) -> Context:
        """Gather what the moment adds to the candidates."""
        prompts = snapshot.prompts
        return Context(
            basket=np.array(guest.scanned, np.int32),  # for the model: what the visit is about
            zone=self._shelf.in_zone(guest.zone),
            complement=prompts.complement,
            series=prompts.series,
            care=prompts.care,
            trigger=prompts.trigger,
            stated=self._shelf.nothing if guest.arm.is_holdout else guest.liked,
            pinned=prompts.pinned,
        )

    # -- the member checks in: an explicit act, so it is answered ----------------------------

    def check_in(self, said: CheckIn, key: EventKey, now_s: float) -> Record:
        """A member says: I am here."""
        person = self.recognised(said.member_id, now_s)
        if person is None:
            self.counts["check_in_without_consent"] += 1
            return CheckedIn(said.place, None, said.at_s)
        may_place = self.consents.grant(person, Purpose.LOCATION, now_s) is not None
        zone = said.zone if may_place and said.zone in self._kinds else None
        record = CheckedIn(said.place, zone, said.at_s, person)
        if said.place == "near_store":
            if self.consents.grant(person, Purpose.NEAR_STORE, now_s) is not None:
                self._follow(self.visits.apply(person, Sign.NEAR, now_s), now_s)
            return record
        if now_s - said.at_s > STALE_CHECK_IN_S:
            self.counts["check_in_stale"] += 1
            return record
        self._note(person, now_s, zone)
        guest = self.guests[person]
        guest.is_quiet = False
        self.serve(guest, now_s, is_pull=True, cause=cause_of(key))
        return record

    def recognised(self, member_id: str, now_s: float) -> str | None:
        """Return the person of a member id, only with a present consent to be recognised."""
        person = self.consents.person_of_member(member_id)
        if person is None or self.consents.grant(person, Purpose.RECOGNISE, now_s) is None:
            return None
        return person

    # -- time passes -------------------------------------------------------------------------

    def tick(self, now_s: float) -> None:
        """Let time pass, about once a second: zones settle, visits end, dwellers are served."""
        for person, beacon in self._lately_heard:
            tracker = self._trackers.get(person, {}).get(beacon)
            if tracker is None or tracker.tick(now_s) is None:
                continue
            if self.visits.leads(person, beacon):
                self._sign(person, now_s, tracker.zone)
        self._lately_heard.clear()
        self.rotating.advance(now_s)
        self._follow(self.visits.expire(now_s), now_s)
        self.caps.expire(now_s)
        self.lessons.expire(now_s)
        for guest in [g for g in self.guests.values() if g.next_look_s <= now_s]:
            guest.next_look_s = float("inf")
            self.serve(guest, now_s)
        stale = [g for g in self.guests.values() if g.cards and g.checked_s <= now_s - RECHECK_S]
        for guest in stale[:RECHECKED_AT_ONCE]:  # offers end and stock grows old without a message
            self._recheck_guest(guest, now_s)
        self._rehearse(now_s)

    def _rehearse(self, now_s: float) -> None:
        """Ask the models about guests before anybody waits for the answer."""
        present = [guest for guest in self.guests.values() if guest.is_on_tablets]
        unsure = (g for g in present if now_s >= g.guessed_s + MOTIVE_FOR_S)
        for guest in list(islice(unsure, REHEARSED_PER_TICK)):
            self._guess(guest, now_s)
        moved = (g for g in present if g.has_moved)
        for guest in list(islice(moved, REHEARSED_PER_TICK)):
            self._weigh(guest, self._snapshot(guest, now_s, is_pull=True))

    # -- what is on the screens --------------------------------------------------------------

    def recheck(self, now_s: float, person: str | None = None, items: Iterable[int] = ()) -> None:
        """Recall every card whose basis has changed.

        Args:
            now_s: The present moment.
            person: Whose purchases or consents changed, if any.
            items: Whose stock changed.
        """
        touched = frozenset(items)
        for guest in list(self.guests.values()):
            if guest.cards and (
                guest.person == person or any(c.item in touched for c in guest.cards.values())
            ):
                self._recheck_guest(guest, now_s)

    def _recheck_guest(self, guest: Guest, now_s: float, decision: Decision | None = None) -> None:
        """Ask about the open cards as if they were to be shown now; `decision`: that found none."""
        guest.checked_s = now_s
        cards = [card.basis() for card in guest.cards.values()]
        found = review(cards, self._snapshot(guest, now_s, is_pull=True))
        lost = (*found.recalls, *(outgrown(cards, decision) if decision else ()))
        for card_id, reason in {recall.card_id: recall.reason for recall in reversed(lost)}.items():
            self.showing.recall(guest, guest.cards[card_id], reason, now_s)
        for card_id, untrue in found.untrue.items():
            if card_id in guest.cards:
                self.showing.retract(guest, guest.cards[card_id], untrue)

    def reread(self, guest: Guest, now_s: float) -> None:
        """Read a guest anew after consents changed.

        With one that was withdrawn goes all that rested on the old state; with one more, only what
        is now known to hold no longer.
        """
        if self.consents.grant(guest.person, Purpose.RECOGNISE, now_s) is None:
            self._follow(self.visits.apply(guest.person, Sign.LEAVE, now_s), now_s)
            return
        before = guest.view.purposes
        self.read(guest, now_s)
        if before <= guest.view.purposes:
            self._recheck_guest(guest, now_s)
        else:
            self._take_back(guest, now_s)
        if guest.is_on_tablets:
            self.showing.put(guest)
        else:
            self.showing.remove(guest, "consent")

    def _take_back(self, guest: Guest, now_s: float) -> None:
        """Drop what was decided on and told of what may no longer be read."""
        guest.scored = guest.prompts = None
        self.showing.put(guest, _NOTHING_SAID)
        for card in list(guest.cards.values()):
            self.showing.recall(guest, card, Reason.CONSENT_WITHDRAWN, now_s)
            card.scored = None  # of one that stays, too

    def take_rules(self, playbook: Playbook, now_s: float) -> None:
        """Put other orders of people in force, on every screen at once."""
        self.playbook = playbook
        self.caps.use(playbook.caps)
        for guest in list(self.guests.values()):
            self.remember(guest)
            if guest.cards:
                self._recheck_guest(guest, now_s)

    def scanned(self, guest: Guest, item: int, now_s: float, *, is_in_basket: bool) -> None:
        """Note a label that the guest's app read; only what is in the basket closes anything."""
        group, goods = self.playbook.classes.group[item], self.house.catalog.items[item]
        guest.scans = [*guest.scans, Scan(int(group), goods.price_cents)][-MAX_SEEN:]
        guest.guessed_s = float("-inf")
        if item not in guest.scanned:
            guest.scanned = [*guest.scanned, item][-MAX_SEEN:]
        if is_in_basket and item not in guest.basket:
            guest.basket = [*guest.basket, item][-MAX_SEEN:]
            if guest.cards:
                self._recheck_guest(guest, now_s)

    def purchase_behind(self, guest: Guest, card: OpenCard, now_s: float) -> int | None:
        """Return the item whose purchase a card follows, None where it follows none."""
        if card.is_service:
            return card.item
        if not card.sources & Source.COMPLEMENT:
            return None
        item = self._snapshot(guest, now_s, is_pull=True).prompts.anchor_of(card.item)
        is_taken = item in guest.basket or item in guest.memory.items
        return item if is_taken else None

    def contributions(self, card: OpenCard) -> Contributions | Unexplained:
        """Say what each source of data contributed to an open card when it was decided."""
        scored = card.scored
        if scored is None:
            return Unexplained.WITHDRAWN
        if card.is_service or np.isnan(card.probability):
            return Unexplained.BY_RULE
        return shared_out(
            self._scoring,
            scored,
            card.item,
            is_in_basket=card.is_in_basket,
            is_in_shade=card.is_in_shade,
        )

    def guest_of_contact(self, contact_id: str) -> Guest | None:
        """Return the guest that a contact on the tablets stands for."""
        return self._by_contact.get(contact_id)

    def count_shown(
        self, card_id: str, now_s: float, seen_s: float = float("inf")
    ) -> tuple[Record, ...]:
        """Count a card that was really seen; once, however many tablets say so.

        Args:
            card_id: Of a card that was decided.
            now_s: UTC seconds.
            seen_s: When a tablet says it was seen; it is taken as no later than now and no earlier
                than the decision.
        """
        seen_s = min(max(seen_s, self.caps.decided_s(card_id)), now_s)
        impression = self.caps.shown(card_id, self.house.moment(seen_s))
        if impression is None:
            return ()
        self.counts["shown"] += 1
        guest = self._by_contact.get(impression.visit_id)
        learned: tuple[Record, ...] = ()
        if guest is not None and card_id in guest.cards:
            learned = self.learn(guest, guest.cards[card_id], Kind.SHOWN, now_s)
        decision_id = card_id.rpartition("-")[0]
        return (
            *learned,
            self.log.impression_record(impression),
            CardShown(
                card_id, decision_id, impression.visit_id, impression.item, seen_s, impression.who
            ),
        )

    def learn(self, guest: Guest, card: OpenCard, kind: Kind, now_s: float) -> tuple[Record, ...]:
        """Learn from what became of a card, where the guest agreed to a profile.

        An offer that was seen or taken is kept whether or not the learner counts it: the model of
        acceptance is taught on all of them.
        """
        person, lesson = guest.person, card.lesson()
        grant = self.consents.grant(person, Purpose.PROFILE, now_s)
        if grant is None:
            return ()
        is_lesson = self.lessons.take(lesson, kind, person, grant, now_s)
        is_new = card.became(kind)
        if not is_lesson and not is_new:
            return ()
        if is_lesson:
            self.counts[f"learned_{kind}"] += 1
        return (
            Learned(
                card.card_id,
                kind.value,
                self.house.catalog.items[card.item].item_id,
                lesson.probability,
                lesson.propensity,
                now_s,
                person,
                card.offer_id,
                is_lesson,
            ),
        )

    def may_profile(self, person: str, now_s: float) -> bool:
        """Tell whether a consent to a profile is present."""
        return self.consents.grant(person, Purpose.PROFILE, now_s) is not None

    def sign(self, person: str, sign: Sign, now_s: float) -> None:
        """Note another sign of life, such as a sale; it is no occasion to say anything."""
        self._follow(self.visits.apply(person, sign, now_s), now_s)
        if person in self.guests:
            self.showing.put(self.guests[person])


def cause_of(key: EventKey) -> str:
    """Return a short hash of a message's id, so that its sender can find the frame it caused."""
    return hashlib.blake2b(key.id.encode(), digest_size=8).hexdigest()
