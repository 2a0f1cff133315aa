"""Visits of nobody: an app without a member, or a station, scans labels and is answered.

Who scans asks, so what comes back is a pull: the anonymous variant, from zone, time, basket and the
guess why somebody is here. A visit is a random token that the sender drew, and lives in memory for
as long as labels are scanned; on disk is only a keyed hash of it. Nothing of it reaches the tablets
of staff, because nobody agreed to be seen there. Leaves out how an answer travels.
"""

from collections.abc import Callable

from edge.checkin import MAX_SEEN, Path
from edge.core.board import Answer, why_of
from edge.core.guest import Guest
from edge.core.impressions import impressions
from edge.core.motives import Stay
from edge.core.records import CardShown, Exposed, Record, VisitEnded, VisitStarted, ZoneEntered
from edge.core.visits import VISIT_TIMEOUT_S

# Tokens at once; more than a store holds are no shoppers.
MAX_WALK_INS = 500
SURFACE, PLACEMENT = "station", "answer"


class WalkIns:
    """All visits of nobody that are under way.

    Args:
        path: Decides.
        tell: Sends an answer to whoever holds the token.
    """

    def __init__(self, path: Path, tell: Callable[[Answer], None]) -> None:
        self._path, self._tell = path, tell
        self._guests: dict[str, Guest] = {}
        self._seen_s: dict[str, float] = {}

    def scanned(
        self, token: str, item: int, zone: str | None, now_s: float, *, is_in_basket: bool
    ) -> tuple[Record, ...]:
        """Take a label that was read, and answer with what goes with this visit."""
        self.expire(now_s)
        guest, log = self._guests.get(token), self._path.log
        if guest is None:
            if len(self._guests) >= MAX_WALK_INS:
                self._path.counts["walk_in_refused"] += 1
                return ()
            guest = self._guests[token] = self._path.stranger(token, now_s)
            log.append(VisitStarted(guest.visit_id, now_s))
            log.append(Exposed("holdout", guest.arm.label(), guest.visit_id, now_s))
        self._seen_s.pop(token, None)
        self._seen_s[token] = now_s  # the order is that of the last sign
        kind = self._path.kind_of(zone)
        if zone is not None and kind is not None and zone != guest.zone:
            guest.zone, guest.zone_since_s = zone, now_s
            guest.stays = [*guest.stays, Stay(kind, zone, now_s)][-MAX_SEEN:]
            log.append(ZoneEntered(guest.visit_id, zone, now_s))
        self._path.scanned(guest, item, now_s, is_in_basket=is_in_basket)
        return self._answer(token, guest, now_s)

    def expire(self, now_s: float) -> None:
        """End the visits that gave no sign for as long as any visit lives without one."""
        while self._seen_s:
            token, seen_s = next(iter(self._seen_s.items()))
            if now_s < seen_s + VISIT_TIMEOUT_S:
                break
            del self._seen_s[token]
            guest = self._guests.pop(token)
            self._path.caps.leave(guest.person)
            self._path.log.append(VisitEnded(guest.visit_id, seen_s, "timeout"))

    def _answer(self, token: str, guest: Guest, now_s: float) -> tuple[Record, ...]:
        """Decide and tell; the answer to who asked is seen, so it counts at once."""
        path, moment = self._path, self._path.house.moment(now_s)
        decision, message = path.decide(
            guest, now_s, is_pull=True, surface=SURFACE, placement=PLACEMENT
        )
        empty = message.empty
        cards = tuple(path.showing.on_screen(card) for card in message.cards)
        why = None if empty is None else why_of(empty)
        self._tell(Answer(decision.decision_id, token, now_s, cards, why))
        path.counts["answers"] += 1
        records: list[Record] = [path.log.decision_record(decision, None)]
        for each in impressions(decision, guest.person, moment, path.playbook):
            path.caps.reserve([each])
            path.caps.shown(each.card_id, moment)
            card = each.card_id, decision.decision_id, guest.visit_id, each.item, now_s
            records += (path.log.impression_record(each), CardShown(*card))
        return tuple(records)
