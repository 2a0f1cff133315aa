"""The register of processing: every field the box stores, what for, for how long, how protected.

The one source of the retention run, of the report on fields stored against fields used, and of the
draft of the data protection impact assessment. A field that is not here is not stored; a test holds
that against the tables.
"""

from dataclasses import dataclass

from edge.core.notices import Purpose

# Retention in days. Proposals of this project until a chain decides its own.
EVENT_DAYS = 14
"""Message ids: longer than the 72 h for which webhooks are repeated."""
DECISION_DAYS = 90
HAPPENING_DAYS = 90
VISIT_DAYS = 30
ANONYMOUS_RECEIPT_DAYS = 90
"""Returns to a till without a card come within weeks."""
HISTORY_DAYS = 3_653
"""Ten years: the interval of the most durable goods, such as a coat or a suitcase, twice over."""
RECEIPT_INDEX_DAYS = 400
"""Within these a void or return still finds its packed receipt: a guarantee year and a month."""
FIELD_USE_DAYS = 90
YOUNG_RECEIPT_DAYS = 30
"""After this a person's receipts are packed into the history."""


@dataclass(frozen=True, slots=True)
class StoredField:
    """One kind of datum.

    Attributes:
        name: As in the report of uses.
        table: Where it lies; `table.column` or `table.body` for what is inside an encrypted body.
        meaning: For people.
        purposes: Without one of these it is not read.
        days: How long it is kept, None: as long as the membership.
        source: Who gave it.
        is_encrypted: With the person's own key.
        duty: What it is for where no purpose is; empty there too: it is about nobody.
    """

    name: str
    table: str
    meaning: str
    purposes: tuple[Purpose, ...]
    days: int | None
    source: str
    is_encrypted: bool = True
    duty: str = ""


_P = Purpose
FIELDS: tuple[StoredField, ...] = (
    StoredField(
        "member_id", "persons.body", "loyalty id", (), None, "chain",
        duty="to know again whom a consent, an export or an erasure is about",
    ),
    StoredField(
        "app_key", "app_keys.sealed", "secret shared with the paired app", (), None, "this box",
        duty="to prove who asks (Article 12(6))",
    ),
    StoredField(
        "last_receipt", "last_receipts.digest", "hash of the receipts of the last purchase", (),
        RECEIPT_INDEX_DAYS, "tills", duty="to prove who asks (Article 12(6))",
    ),
    StoredField("name", "persons.body", "name for a greeting", (_P.STAFF_GREETING,), None, "chain"),
    StoredField(
        "language", "persons.body", "language of messages", (_P.RECOGNISE,), None, "person"
    ),
    StoredField(
        "beacons", "persons.body", "own beacons, with the keys of ids that rotate",
        (_P.RECOGNISE,), None, "person",
    ),
    StoredField(
        "declared", "persons.body", "coarse bands the person gave", (_P.PROFILE,), None, "person"
    ),
    StoredField("stated", "persons.body", "chosen preferences", (_P.PROFILE,), None, "person"),
    StoredField("sizes", "persons.body", "sizes", (_P.PROFILE,), None, "person"),
    StoredField(
        "birthday", "persons.body", "day and month, never a year", (_P.PROFILE,), None, "person"
    ),
    StoredField(
        "is_adult", "persons.body", "an age check was passed, never the age", (_P.PROFILE,), None,
        "chain",
    ),
    StoredField(
        "has_delivery", "persons.body", "heavy goods come home by delivery", (_P.PROFILE,), None,
        "chain",
    ),
    StoredField(
        "household", "persons.body", "whom frequency limits count together", (_P.PROFILE,), None,
        "chain",
    ),
    StoredField(
        "purchases", "histories.body", "what was bought and kept",
        (_P.PROFILE, _P.AGGREGATES), HISTORY_DAYS,
        "tills",
    ),
    StoredField(
        "returned", "histories.body", "what came back", (_P.PROFILE,), HISTORY_DAYS, "tills"
    ),
    StoredField(
        "young_receipts", "receipts.body", "receipts of the last days", (_P.PROFILE,),
        HISTORY_DAYS, "tills",
    ),
    StoredField(
        "vetoes", "happenings.body", "what not to show again",
        (_P.PROFILE, _P.AGGREGATES), HAPPENING_DAYS,
        "person, staff",
    ),
    StoredField(
        "gift_corrections", "happenings.body", "which basket was a gift", (_P.PROFILE,),
        HISTORY_DAYS, "person, staff",
    ),
    StoredField(
        "caps", "happenings.body", "how often something was shown", (_P.RECOGNISE,),
        HAPPENING_DAYS, "this box",
    ),
    StoredField(
        "caps_folded", "happenings.body",
        "how often something was shown before that, first and last, without the visits",
        (_P.RECOGNISE,), None, "this box",
    ),
    StoredField(
        "cards", "happenings.body", "cards shown, answered, recalled",
        (_P.RECOGNISE, _P.AGGREGATES),
        HAPPENING_DAYS, "this box",
    ),
    StoredField(
        "lessons", "happenings.body",
        "what became of a card and the offer on it, for the ranking to learn from",
        (_P.PROFILE,), HAPPENING_DAYS, "this box",
    ),
    StoredField(
        "check_ins", "happenings.body", "that the person said: I am here", (_P.RECOGNISE,),
        HAPPENING_DAYS, "person",
    ),
    StoredField(
        "exposures", "happenings.body", "assigned arm of an experiment",
        (_P.RECOGNISE, _P.AGGREGATES),
        HAPPENING_DAYS, "this box",
    ),
    StoredField(
        "decisions", "decisions.body", "what was decided and why", (_P.RECOGNISE,),
        DECISION_DAYS, "this box",
    ),
    StoredField(
        "consents", "consent_log.payload", "what was said about which purpose, when, to what words",
        tuple(Purpose), None, "person",
    ),
    StoredField(
        "consent_bits", "consent_states.given", "present consents of a pseudonym", tuple(Purpose),
        None, "person", False,
    ),
    StoredField(
        "keyed_hashes", "persons.member_key", "keyed hashes of ids, void without the box's secret",
        (_P.RECOGNISE,), None, "this box", False,
        duty="also before: so that a consent counts at once and a beacon is nobody else's",
    ),
    StoredField(
        "tombstones", "tombstones.member_key", "keyed hash of an erased member, so that no restore"
        " brings the person back", (), None, "this box", False,
        duty="to keep an erasure (Article 17)",
    ),
    StoredField(
        "anonymous_receipts", "receipts.body", "receipts without a person", (),
        ANONYMOUS_RECEIPT_DAYS, "tills", False,
    ),
    StoredField(
        "events", "events.event_key", "keyed hash of a message's id, against repetition", (),
        EVENT_DAYS, "this box", False,
    ),
    StoredField(
        "visits", "visits.visit_id", "begin, end and zone changes of a visit of nobody", (),
        VISIT_DAYS, "receivers", False,
    ),
)  # fmt: skip

# Kinds of happenings that only `profile` justifies; with the consent they go.
PROFILE_HAPPENINGS = ("Vetoed", "GiftCorrected", "Learned")
