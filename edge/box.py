"""The box: every part built and joined, and the loop that keeps it going.

The only place where objects are wired. It decides nothing about people; it turns bytes into calls
of the path and of the intake, one after the other in one thread, and counts what it had to drop.
"""

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path as Folder

from edge.adapters.aes import encrypt_block
from edge.adapters.clock import SimulatedClock, SystemClock
from edge.adapters.files.catalog import read_catalog, read_stock
from edge.adapters.files.floorplan import read_floorplan
from edge.adapters.http import messages as tablet
from edge.adapters.http.app import create_app
from edge.adapters.http.hub import Hub
from edge.adapters.http.ports import Ack, Because, Health, Refusal
from edge.adapters.http.server import serve
from edge.adapters.memory import collect_garbage, garbage_between_messages, give_back_memory
from edge.adapters.mqtt import messages
from edge.adapters.mqtt.broker import BrokerLoop, Message
from edge.adapters.mqtt.discovery import discovery_messages, state_message
from edge.adapters.mqtt.embedded import EmbeddedBroker
from edge.adapters.mqtt.gateways import GatewayRouter
from edge.adapters.sqlite.export import Controller
from edge.adapters.sqlite.journal import Journal
from edge.checkin import House, Path
from edge.core import sightings
from edge.core.board import Answer, StoreSign
from edge.core.caps import Caps
from edge.core.catalog import Stock
from edge.core.contributions import Unexplained, facts_named, for_screen
from edge.core.errors import MessageError, UnavailableError
from edge.core.events import EventKey, Tick
from edge.core.explanation import MAX_FACTS
from edge.core.gateways import Gateways
from edge.core.moment import Moment
from edge.core.motives import unknown
from edge.core.person import DAY_S
from edge.core.playbook import Playbook, with_floors
from edge.core.readings import Input
from edge.core.records import Record
from edge.core.rotating import RotatingIds
from edge.core.scoring import Scoring
from edge.core.sightings import GatewayReport, Report, Sighting
from edge.core.takeup import Takers
from edge.core.visits import Visits
from edge.core.zones import ZoneModel
from edge.desk import Desk
from edge.downlink import Downlink
from edge.figures import Figures
from edge.intake import Intake
from edge.night import nights
from edge.opening import (
    keep_models,
    open_ledger,
    open_models,
    take_in,
    zones_of_fixed_beacons,
)
from edge.rulebook import Archive, Rulebook
from edge.settings import Settings

log = logging.getLogger("stammgast.box")

TICK_S = 1.0
PROBE_S = 5.0
# A pipeline that has not carried its own probe for this long stands still.
STILL_S = 3 * PROBE_S
HEALTH_EVERY_S = 30.0
# Garbage is looked for between messages, never while one waits: what is young at every beat, all
# that has come since the start every ten seconds, some milliseconds each time.
GARBAGE_BEATS = 10
# Topic of a recording's lines that hold the rule files in force from then on.
RULES = "rules"


class Box:
    """One store box.

    Args:
        settings: A checked configuration.
        clock: Its time.
        epoch: Names this life of the box to its tablets; random where not given.
        is_replay: Draws pseudonyms from the seed, so that a replay meets the same ones.
        config: The file the settings came from, for the processes the box starts; without it
            nobody tells the day in totals.
    """

    def __init__(
        self,
        settings: Settings,
        clock: SystemClock | SimulatedClock,
        epoch: str | None = None,
        is_replay: bool = False,
        config: Folder | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self._is_replay = is_replay
        self.dropped: Counter[str] = Counter()
        self.messages: Counter[str] = Counter()
        files = settings.store.files
        catalog, facts = read_catalog(files / "catalog.json")
        stock = Stock(catalog)
        if (files / "stock.json").exists():
            read_stock(files / "stock.json", stock, clock.now_s())
        plan = read_floorplan(files / "floorplan.json")
        seed = settings.seed if is_replay else None
        self.ledger = open_ledger(settings, catalog, seed)
        self.downlink = Downlink(files / "members.json", self.ledger, clock.now_s)
        take_in(self.ledger, self.downlink, files)
        item_ids = [item.item_id for item in catalog.items]
        models = open_models(settings.store, item_ids)
        if not is_replay:  # its data folder is gone at its end
            keep_models(settings.store, models)
        self.model, beside = models.state, models.beside
        self.journal = Journal(self.ledger)
        self.hub = Hub(
            board=lambda: self.path.showing.board.frame(),
            now_s=clock.now_s,
            epoch=epoch or secrets.token_hex(4),
        )
        self.gateways = Gateways(receiver.gateway for receiver in plan.receivers)
        self.rulebook = Rulebook(
            settings.store.rules,
            catalog,
            lambda now_s: Moment.of(datetime.fromtimestamp(now_s, facts.time_zone)),
            clock.now_s,
            with_floors(models.floors),
        )
        scoring = Scoring(models.ranker, models.tables, lambda: None, beside.anonymous)
        self.rulebook.archive = Archive(
            past=lambda since_s, most: self.journal.past(since_s, most, clock.now_s()),
            shown=lambda is_endless: self.journal.restored(is_endless=is_endless),
            stock=stock,
            model=lambda *asked: scoring.afresh(*asked).scores,
        )
        house = House(
            catalog=catalog,
            stock=stock,
            plan=plan,
            zones=ZoneModel.of_plan(plan),
            app_zones=zones_of_fixed_beacons(plan),
            tables=models.tables,
            sign=StoreSign(facts.name),
            moment=lambda now_s: Moment.of(datetime.fromtimestamp(now_s, facts.time_zone)),
            motive=beside.motive.motive if beside.motive else unknown,
            strangers=beside.anonymous,
            takers=Takers(catalog, beside.acceptance) if beside.acceptance else None,
            model_version=models.version,
            seed=settings.seed,
        )
        self.path = Path(
            house=house,
            playbook=self.rulebook.state.playbook,
            consents=self.ledger.consents(),
            visits=Visits(self.ledger.visit_secret, plan.zone_ids("till")),
            caps=Caps(
                self.rulebook.state.playbook.caps, lambda card: self.path.showing.holds(card)
            ),
            gateways=self.gateways,
            rotating=RotatingIds(encrypt_block),
            ranker=models.ranker,
            people=self.ledger,
            log=self.journal,
            screens=self.hub,
        )
        self.rulebook.live = self._take_rules
        self.ledger.on_forget(self.path.caps.forget)
        self.ledger.on_forget(self.path.rotating.forget)
        self.ledger.on_forget(self.path.lessons.forget)
        self.path.lessons.restore(self.journal.lessons(clock.now_s()))
        self.ledger.on_rotating(self.path.follow_ids)
        for person in self.ledger.rotating_persons():
            self.path.follow_ids(person, clock.now_s())
        totals = [rule for rule in self.rulebook.state.playbook.caps if not rule.is_personal]
        is_endless = any(rule.is_endless for rule in totals)
        self.path.caps.restore(self.journal.restored(is_endless=is_endless) if totals else ())
        self.intake = Intake(self.path, self.journal, self._proves, self._answer)
        trust = settings.trust
        self.desk = Desk(
            self.ledger,
            clock.now_s,
            facts.name,
            Controller(trust.controller, trust.contact, trust.policy_url, trust.jurisdiction),
            frozenset(Input) - {Input.CAMERA},
            lambda person: self.intake.consent_changed(person, clock.now_s()),
            lambda person: self.intake.purchases_corrected(person, clock.now_s()),
        )
        self.night = nights(settings, self.ledger, house.moment, clock.now_s, config)
        self.router = GatewayRouter(settings.gateways.families)
        self.broker: BrokerLoop | None = None
        self._is_owed = False  # the broker holds messages that the disk could not take
        self._figures = Figures(self)
        self._recording = open(settings.record, "ab") if settings.record else None  # noqa: SIM115
        self._record(clock.now_s(), RULES, self.rulebook.written())
        self._probe_topic = f"stammgast/v1/probe/{settings.broker.client_id}"
        self._probed_s = self._ticked_s = time.monotonic()
        self._stop: asyncio.Event | None = None
        give_back_memory()

    # -- what comes in -----------------------------------------------------------------------

    def deliver(self, batch: list[Message]) -> None:
        """Take what the broker delivered; one message's failure is no other's."""
        now_s = self.clock.now_s()
        for message in batch:
            try:
                if message.topic.startswith(messages.TOPIC_ROOT):
                    self._take(message, now_s)
                else:
                    self._listen(message.topic, message.payload, now_s)
            except MessageError as error:
                self.dropped[error.reason] += 1
                self._acknowledge(message)
            except UnavailableError:
                self.dropped["not_acknowledged"] += 1
                self._is_owed = True
            except Exception:  # a bug must not make one message a poison for ever
                self.dropped["bug"] += 1
                log.exception("a message met a bug", extra={"part": "intake"})
                self._acknowledge(message)

    def _take(self, message: Message, now_s: float) -> None:
        """Take a message of the store's own: it is acknowledged once what it means is on disk."""
        topic = message.topic
        if topic == self._probe_topic:  # it waits in line with check-ins and sales
            self._probed_s = time.monotonic()
            self._acknowledge(message)
            return
        arrival = messages.decode(topic, message.payload)
        self._record(now_s, topic, message.payload)
        if isinstance(arrival.event, Tick):
            self._simulated_tick(arrival.event)
            self._acknowledge(message)
        else:
            self.messages["event"] += 1
            done = partial(self._acknowledge, message)
            self.intake.take(arrival.event, arrival.key, now_s, done)

    def _listen(self, topic: str, payload: bytes, now_s: float) -> None:
        """Take what a gateway says; it asks for no answer (QoS 0)."""
        if self._recording is not None:
            self._record(now_s, topic, payload)
        self.messages["gateway"] += 1
        reports = self.router.decode(topic, payload)
        sightings = [report for report in reports if type(report) is Sighting]
        if len(sightings) < len(reports):
            for report in reports:
                if type(report) is not Sighting:
                    self._hear_report(report, now_s)
        self.path.hear(sightings, now_s)

    def _acknowledge(self, message: Message) -> None:
        if self.broker is not None:
            self.broker.acknowledge(message)

    def _answer(self, said: Answer) -> None:
        if self.broker is not None:
            self.broker.publish(*messages.answer(said))

    def _proves(self, person: str, code: str, now_s: float) -> bool:
        """Check an app's code; a replay, which has no keys, believes what was recorded."""
        if self._is_replay:
            return bool(code)
        return self.ledger.prover().by_app_code(person, code, now_s) is not None

    def _hear_report(self, report: Report, now_s: float) -> None:
        if isinstance(report, GatewayReport):
            self.gateways.report(report, now_s)
        elif isinstance(report, sightings.Refusal):
            self.gateways.refuse(report.gateway, report.reason)
            self.dropped[report.reason] += 1
        else:
            self.messages["beacon_report"] += 1

    def _simulated_tick(self, tick: Tick) -> None:
        if not isinstance(self.clock, SimulatedClock):
            raise MessageError("unknown_topic", "a store's time is the machine's")
        if self.clock.tick(tick.now_s):
            self.path.tick(tick.now_s)
            self.intake.walk_ins.expire(tick.now_s)

    # -- what tablets say --------------------------------------------------------------------

    async def on_client_message(
        self, message: tablet.ClientMessage
    ) -> Ack | Because | Refusal | None:
        """Take a tablet's message; the answer comes when its effect is on disk."""
        if isinstance(message, tablet.Why):
            return self.because(message)
        now_s = self.clock.now_s()
        self._record(now_s, "tablet", tablet.encode(message))
        loop = asyncio.get_running_loop()
        is_durable = asyncio.Event()
        said_id = self.say(message, now_s, lambda: _call_in(loop, is_durable.set))
        if said_id is None:
            return None
        await is_durable.wait()
        return Ack(said_id)

    def because(self, asked: tablet.Why) -> Because:
        """Answer what each source of data contributed to a card; asking changes no decision."""
        guest = self.path.guest_of_contact(asked.contact_id)
        card = None if guest is None else guest.cards.get(asked.card_id)
        if guest is None or card is None:
            return Because(asked.id, asked.card_id, none=Unexplained.GONE)
        found = self.path.contributions(card)
        if isinstance(found, Unexplained):
            return Because(asked.id, asked.card_id, none=found)
        shares = for_screen(found, guest.told(), MAX_FACTS)
        card.explained |= facts_named(shares, card.facts)
        return Because(asked.id, asked.card_id, shares, found.adds_up, found.overlap)

    def say(
        self, message: tablet.ClientMessage, now_s: float, done: Callable[[], None]
    ) -> str | None:
        """Apply a tablet's message; return its id where an answer is due.

        Raises:
            MessageError: It speaks of a card or guest that is gone.
            UnavailableError: The disk is behind; it changed nothing, and the tablet says it again.
        """
        intake, said_id = self.intake, getattr(message, "id", None)
        if not isinstance(message, tablet.Renew | tablet.Why):  # which leave nothing to write
            self.journal.require_room()
        match message:
            case tablet.Reaction():
                records = self._reaction(message, now_s)
            case tablet.Seen(card_ids=cards):
                records = intake.seen(cards, now_s)
            case tablet.Report(shown=shown, tablet_id=name):
                records = intake.were_seen({each.card_id: each.at_s for each in shown}, now_s)
                if name is not None:
                    intake.tablet_is_back(name, now_s)
            case tablet.Serving(contact_id=contact, state=state):
                intake.serving(contact, is_served=state == "serving")
                records = ()
            case tablet.Renew(card_ids=cards, tablet_id=name, is_leaving=is_leaving):
                if name is not None:
                    intake.renew(name, cards, now_s, is_leaving=is_leaving)
                return None
            case tablet.Why():
                return None
        self.journal.append(records, done)
        return said_id

    def _reaction(self, tap: tablet.Reaction, now_s: float) -> tuple[Record, ...]:
        key = EventKey("/tablets", tap.id)
        if self.journal.has_event(key.source, key.id):
            return ()  # a queued tap was sent twice
        return self.intake.react(tap.contact_id, tap.card_id, tap.action, key, now_s)

    # -- running -----------------------------------------------------------------------------

    async def run(self, on_ready: Callable[[str], None] = lambda _: None) -> None:
        """Listen, serve and tick until `stop`."""
        self._stop = asyncio.Event()
        settings = self.settings.broker
        embedded = EmbeddedBroker(settings.port) if settings.kind == "embedded" else None
        if embedded is not None:
            embedded.start()
        self.broker = BrokerLoop(
            settings.host, settings.port, settings.client_id, self._subscriptions(), self.deliver
        )
        pictures = self.settings.store.files / "pictures"
        app = create_app(
            hub=self.hub,
            path=self,
            operations=self,
            pictures=pictures,
            rules=self.rulebook,
            desk=self.desk,
            notices=self.desk,
        )
        serving = asyncio.create_task(
            serve(app, self.hub, self.settings.http.host, self.settings.http.port, on_ready)
        )
        tasks = [
            asyncio.create_task(self.broker.run()),
            asyncio.create_task(self._tick()),
            asyncio.create_task(self.rulebook.watch()),
            asyncio.create_task(self.night.watch()),
            asyncio.create_task(
                self.downlink.watch(
                    lambda person: self.intake.consent_changed(person, self.clock.now_s())
                )
            ),
            serving,
        ]
        try:
            stopping = asyncio.create_task(self._stop.wait())
            with garbage_between_messages():
                await asyncio.wait({*tasks, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            if embedded is not None:
                embedded.stop()
            self.close()
        for result in results:
            if isinstance(result, Exception):
                raise result

    def stop(self) -> None:
        """End `run` in order: no new messages, open requests, then the disk."""
        if self._stop is not None:
            self._stop.set()

    def close(self) -> None:
        """Write what waits and close the files."""
        self.ledger.write_uses(int(self.clock.now_s() // DAY_S))
        self.ledger.close()
        if self._recording is not None:
            self._recording.close()

    async def _tick(self) -> None:
        """Let time pass in the path, prove that messages get through, report gateways."""
        is_simulated = isinstance(self.clock, SimulatedClock)
        beats = 0
        while True:
            if not is_simulated:
                now_s = self.clock.now_s()
                self._record(now_s, "tick", b"")
                self.path.tick(now_s)
                self.intake.walk_ins.expire(now_s)
            for person in self.ledger.forget_elsewhere():  # erased by a command beside this box
                self.intake.consent_changed(person, self.clock.now_s())
            self._ticked_s = time.monotonic()
            if self.broker is not None and self.broker.is_connected:
                if beats % int(PROBE_S / TICK_S) == 0:
                    self.broker.publish(self._probe_topic, b"", qos=1)
                if beats % int(HEALTH_EVERY_S / TICK_S) == 0:
                    self._announce_gateways(self.broker)
                if (
                    self._is_owed
                    and self.ledger.writer.is_well
                    and not self.ledger.writer.waiting()
                ):
                    self._is_owed = False
                    self.broker.renew()
            beats += 1
            collect_garbage(is_whole=beats % GARBAGE_BEATS == 0)
            await asyncio.sleep(TICK_S)

    def _announce_gateways(self, broker: BrokerLoop) -> None:
        """Tell Home Assistant how the gateways are."""
        for health in self.gateways.health(self.clock.now_s()):
            for topic, payload in discovery_messages(health):
                broker.publish(topic, payload, retain=True)
            broker.publish(*state_message(health))

    def _subscriptions(self) -> list[tuple[str, int]]:
        gateways = [(topic, 0) for topic in self.router.subscriptions()]
        return [*messages.subscriptions(), *gateways, (self._probe_topic, 1)]

    def _take_rules(self, playbook: Playbook) -> None:
        """Put other rules in force; a recording holds them, so that a replay meets them too."""
        now_s = self.clock.now_s()
        self._record(now_s, RULES, self.rulebook.written())
        self.path.take_rules(playbook, now_s)

    def _record(self, now_s: float, topic: str, payload: bytes) -> None:
        """Keep an input for `replay`; in simulation mode only, and only where asked for."""
        if self._recording is not None:
            self._recording.write(f"{now_s!r} {topic} {payload.hex()}\n".encode())
            self._recording.flush()

    # -- how it is ---------------------------------------------------------------------------

    def health(self) -> Health:
        """Tell whether the pipeline moves, part by part."""
        now_s, broker = time.monotonic(), self.broker
        parts: dict[str, object] = {
            "broker_connected": broker is not None and broker.is_connected,
            "probe_age_s": round(now_s - self._probed_s, 1),
            "tick_age_s": round(now_s - self._ticked_s, 1),
            "writer_is_well": self.ledger.writer.is_well,
            "writer_waiting": self.ledger.writer.waiting(),
            "model": self.model,
            "rules": self.rulebook.state.playbook.version,
            "rule_problems": list(self.rulebook.state.problems),
            "nights": self.night.state(),
        }
        is_healthy = (
            bool(parts["broker_connected"])
            and now_s - self._probed_s < STILL_S
            and now_s - self._ticked_s < STILL_S
            and self.ledger.writer.is_well
        )
        parts["gateways"] = self.gateways.overview(self.clock.now_s())
        return Health(is_healthy, parts)

    def render_metrics(self) -> bytes:
        """Render all figures in the Prometheus text format."""
        return self._figures.text()


def _call_in(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
    """Call something in the loop's thread; a loop that has ended needs it no more."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(call)
