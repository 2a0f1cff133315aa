"""What persons may see and say about their own data, joined to the ledger and the path.

A withdrawal counts before it is written, a consent only after it was handed over for writing; both
are answered when they are on disk. Long reads run beside the loop, so that the path goes on.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from itertools import islice

from edge.adapters.http.ports import AppPairing, Bought, Disclosure, Use
from edge.adapters.sqlite.erasure import erase_stored
from edge.adapters.sqlite.export import Controller, export_person, past_decisions
from edge.adapters.sqlite.journal import decode_decision
from edge.adapters.sqlite.ledger import Ledger
from edge.adapters.sqlite.releases import Releases
from edge.core.candidates import Source
from edge.core.catalog import Text
from edge.core.consent import Purpose, Statement
from edge.core.decision import Decision
from edge.core.errors import TrustError
from edge.core.notices import Notice
from edge.core.person import UNKNOWN_ITEM, Profile
from edge.core.proof import CODE_DIGITS, NEEDS_PROOF, Proven
from edge.core.qr import qr_code
from edge.core.readings import Input, readings
from edge.core.records import ConsentChanged, GiftCorrected
from edge.core.statements import Outcome

# Lines of purchases shown at once, the newest.
MAX_PURCHASES = 500
# Receipts of use shown at once.
MAX_USES = 50

_WORDS: tuple[tuple[int, Text], ...] = (
    (
        Source.HISTORY | Source.TRANSITION | Source.SERIES | Source.ENCODER | Source.CARE,
        Text("Ihre Einkäufe", "your purchases"),
    ),
    (Source.STATED, Text("Ihre Vorlieben", "your preferences")),
    (Source.ZONE, Text("den Bereich, in dem Sie waren", "the area you were in")),
    (
        Source.COMPLEMENT | Source.SIMILAR | Source.TOGETHER,
        Text("was zusammenpasst", "what goes together"),
    ),
    (Source.POPULAR, Text("was gerade beliebt ist", "what is popular")),
    (Source.TRIGGER, Text("einen Anlass", "an occasion")),
    (Source.PINNED, Text("was das Haus empfiehlt", "what the house suggests")),
)


class Desk:
    """See `edge.adapters.http.ports.ConsentDesk` and `Notices`.

    Args:
        ledger: Of the box.
        now_s: The time.
        store: Its name, for the notice page.
        controller: Who answers for the data.
        inputs: What this store reads at all.
        on_changed: Told of a statement that changed something, and of a person erased.
        on_corrected: Told of a person who said whom a purchase was for.
    """

    def __init__(
        self,
        ledger: Ledger,
        now_s: Callable[[], float],
        store: str,
        controller: Controller,
        inputs: frozenset[Input],
        on_changed: Callable[[str], None],
        on_corrected: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._ledger, self._now_s = ledger, now_s
        self._store, self._controller, self._inputs = store, controller, inputs
        self._on_changed, self._on_corrected = on_changed, on_corrected
        self._since_s = ledger.since_s(now_s())

    # -- the person's own page

    def notice(self) -> Notice:
        """Return the texts that are shown now."""
        return self._ledger.notices.current

    def person_of(self, member_id: str) -> str | None:
        """Return the pseudonym of a member."""
        return self._ledger.consents().person_of_member(member_id)

    def standing(self, person: str) -> frozenset[Purpose]:
        """Return what the person allows."""
        return self._ledger.consents().purposes(person)

    def needs_proof(self, purpose: Purpose) -> bool:
        """Tell whether allowing it takes a proof; taking it back never does."""
        return purpose in NEEDS_PROOF

    def prove(self, person: str, code: str) -> Proven | None:
        """Check the app's code, or else the code of the last receipt."""
        prover, now_s, plain = self._ledger.prover(), self._now_s(), code.strip()
        if len(plain) == CODE_DIGITS and plain.isdigit():
            proven = prover.by_app_code(person, plain, now_s)
            if proven is not None:
                return proven
        return prover.by_receipt(person, plain, now_s)

    async def state(
        self, person: str, purpose: Purpose, is_given: bool, language: str, method: str
    ) -> Outcome:
        """Take the person's word; returns once it is on disk.

        Raises:
            UnavailableError: It could not be written; a withdrawal counts all the same until the
                box is restarted, a consent does not.
        """
        now_s, consents = self._now_s(), self._ledger.consents()
        version = self.notice().version
        said = Statement(person, purpose, is_given, now_s, now_s, version, language, method)
        before = None if is_given else consents.apply(said)
        written = self._written()
        self._ledger.append(ConsentChanged(said), written.set_soon)
        outcome = before or consents.apply(said)
        if outcome in (Outcome.GIVEN, Outcome.WITHDRAWN):
            self._on_changed(consents.kept(person))
        await written.event.wait()
        return outcome

    def has_app(self, person: str) -> bool:
        """Tell whether an app is paired with the person."""
        return self._ledger.has_app(person)

    async def pair_app(self, proven: Proven) -> AppPairing:
        """Pair an app with the proven person; the one before proves nothing any more.

        Raises:
            TrustError: The proof has grown old.
        """
        key = await asyncio.to_thread(self._ledger.pair_app, proven, self._now_s())
        uri = key.uri(self._store)
        return AppPairing(uri, key.base32, qr_code(uri))

    async def part_app(self, person: str) -> None:
        """Forget the key of a person's app."""
        await asyncio.to_thread(self._ledger.part_app, person)

    async def uses(self, proven: Proven) -> Sequence[Use]:
        """Return what the person's data was used for, newest first."""
        now_s = self._now_s()
        bodies = await asyncio.to_thread(past_decisions, self._ledger, proven, now_s, MAX_USES)
        return [self._use(decision) for body in bodies if (decision := _shown(body)) is not None]

    async def purchases(self, proven: Proven) -> Sequence[Bought]:
        """Return what the person bought, newest first; nothing without a consent to a profile.

        Raises:
            TrustError: The proof has grown old.
        """
        items, profile = self._ledger.catalog.items, self._profile(proven)
        lines = [] if profile is None else reversed(list(profile.purchases))
        return [
            Bought(
                line.receipt_id,
                line.sku,
                items[line.item].name if line.item != UNKNOWN_ITEM else None,
                line.at_s,
                line.is_gift,
            )
            for line in islice(lines, MAX_PURCHASES)
        ]

    async def correct_gift(
        self, proven: Proven, receipt: str, sku: str | None, is_gift: bool
    ) -> bool:
        """Take the person's word about a receipt; on disk, and in force, when this returns.

        Raises:
            TrustError: The proof has grown old.
            UnavailableError: It could not be written.
        """
        profile = self._profile(proven)
        lines = [] if profile is None else list(profile.purchases)
        if not any(one.receipt_id == receipt and sku in (None, one.sku) for one in lines):
            return False
        written = self._written()
        said = GiftCorrected(proven.person, receipt, is_gift, self._now_s(), sku)
        self._ledger.append(said, written.set_soon)
        await written.event.wait()
        self._on_corrected(proven.person)
        return True

    async def export(self, proven: Proven) -> bytes:
        """Return everything held about the person, as JSON."""
        now_s = self._now_s()
        held = await asyncio.to_thread(export_person, self._ledger, proven, now_s, self._controller)
        return json.dumps(held, ensure_ascii=False, indent=1).encode()

    async def erase(self, proven: Proven) -> str:
        """Forget the person for good; returns the token that proves it.

        Raises:
            TrustError: The proof has grown old, or there is nobody left to erase.
        """
        now_s = self._now_s()
        proven.require(now_s)
        persons = self._ledger.consents().merged(proven.person)
        done = await asyncio.to_thread(erase_stored, self._ledger, persons, now_s)
        for person in persons:
            self._ledger.forget(person)
        self._on_changed(proven.person)
        if done is None:
            raise TrustError("nothing is held about this person any more")
        return done.token

    # -- the public notice

    def disclosure(self) -> Disclosure:
        """Return what the box reads, and what left the building, counted."""
        releases = Releases(self._ledger.directory)
        try:
            messages, size = releases.totals()
        finally:
            releases.close()
        named = self._controller
        return Disclosure(
            self._store,
            f"{named.name}, {named.contact}" if named.contact else named.name,
            readings(self._inputs),
            self._since_s,
            messages,
            size,
        )

    # -- inside

    def _profile(self, proven: Proven) -> Profile | None:
        """Read what is known of a proven person, None without a consent to it."""
        now_s = self._now_s()
        proven.require(now_s)
        person = self._ledger.consents().kept(proven.person)
        grant = self._ledger.consents().grant(person, Purpose.PROFILE, now_s)
        return None if grant is None else self._ledger.profile(person, grant, now_s)

    def _written(self) -> "_Written":
        return _Written(asyncio.get_running_loop())

    def _use(self, decision: Decision) -> Use:
        sources = 0
        for shown in decision.slate:
            sources |= shown.sources
        words = [text for bits, text in _WORDS if sources & bits]
        names = [
            self._ledger.catalog.items[shown.item].name
            for shown in decision.slate
            if shown.item < len(self._ledger.catalog.items)
        ]
        return Use(
            decision.at_s,
            Text(", ".join(t.de for t in words), ", ".join(t.en for t in words)),
            Text(", ".join(t.de for t in names), ", ".join(t.en for t in names)),
        )


def _shown(body: bytes) -> Decision | None:
    """Return a recorded decision that showed something; one of an older form is left out."""
    try:
        decision = decode_decision(body)
    except ValueError:
        return None
    return decision if decision.slate else None


class _Written:
    """An event of the loop that the writer's thread may set."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.event = asyncio.Event()
        self._loop = loop

    def set_soon(self) -> None:
        self._loop.call_soon_threadsafe(self.event.set)
