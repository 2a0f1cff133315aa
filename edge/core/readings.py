"""What the box reads, in words for everybody: the list behind the notice page.

One entry per kind of input; how long it is kept is the register's number, so the notice cannot
promise something else than the retention run does.
"""

from dataclasses import dataclass
from enum import StrEnum

from edge.core.catalog import Text
from edge.core.notices import Purpose
from edge.core.register import (
    ANONYMOUS_RECEIPT_DAYS,
    HAPPENING_DAYS,
    HISTORY_DAYS,
    VISIT_DAYS,
)


class Input(StrEnum):
    """A kind of input that a store may or may not have."""

    BEACONS = "beacons"
    CHECK_INS = "check_ins"
    RECEIPTS = "receipts"
    MEMBER_FILE = "member_file"
    SCANS = "scans"
    STAFF = "staff"
    STOCK = "stock"
    CAMERA = "camera"


@dataclass(frozen=True, slots=True)
class Reading:
    """One kind of data that the box reads.

    Attributes:
        what: In plain words. kept: How long, and in what form.
        purposes: The consents it rests on; empty: no personal datum.
        is_on: Whether this store reads it at all.
    """

    input: Input
    what: Text
    kept: Text
    purposes: tuple[Purpose, ...]
    is_on: bool = True


def readings(used: frozenset[Input]) -> tuple[Reading, ...]:
    """Return every kind of input with its words; what this store does not use is marked."""
    return tuple(
        Reading(kind, what, kept, purposes, kind in used)
        for kind, what, kept, purposes in (
            (Input.BEACONS, *_BEACONS, (Purpose.RECOGNISE, Purpose.LOCATION)),
            (Input.CHECK_INS, *_CHECK_INS, (Purpose.RECOGNISE,)),
            (Input.RECEIPTS, *_RECEIPTS, (Purpose.PROFILE,)),
            (
                Input.MEMBER_FILE,
                *_MEMBER_FILE,
                (Purpose.RECOGNISE, Purpose.PROFILE, Purpose.STAFF_GREETING),
            ),
            (Input.SCANS, *_SCANS, (Purpose.RECOGNISE,)),
            (Input.STAFF, *_STAFF, (Purpose.RECOGNISE,)),
            (Input.STOCK, *_STOCK, ()),
            (Input.CAMERA, *_CAMERA, (Purpose.CAMERA_TRY_ON, Purpose.SHADE)),
        )
    )


_BEACONS = (
    Text(
        "Signale von Telefonen und Anhängern, die das erlaubt haben",
        "Signals of phones and tags that allowed it",
    ),
    Text(
        f"Nur der Bereich im Haus, nie der Weg. Nach {VISIT_DAYS} Tagen gelöscht. "
        "Signale von Unbekannten werden sofort verworfen.",
        f"Only the area of the store, never the way. Deleted after {VISIT_DAYS} days. "
        "Signals of unknown devices are dropped at once.",
    ),
)
_CHECK_INS = (
    Text("Anmeldungen in der App", "Check-ins in the app"),
    Text(
        f"Dass Sie da waren, verschlüsselt, {HAPPENING_DAYS} Tage.",
        f"That you were here, encrypted, {HAPPENING_DAYS} days.",
    ),
)
_RECEIPTS = (
    Text("Kassenbons", "Receipts of the tills"),
    Text(
        f"Ohne Karte: ohne Namen, {ANONYMOUS_RECEIPT_DAYS} Tage. Mit Karte und Einwilligung: "
        f"verschlüsselt, bis zu {HISTORY_DAYS // 365} Jahre. Vom letzten Bon einer Karte bleibt "
        "ein Prüfwert, mit dem Sie sich ausweisen können.",
        f"Without a card: without a name, {ANONYMOUS_RECEIPT_DAYS} days. With a card and consent: "
        f"encrypted, up to {HISTORY_DAYS // 365} years. Of a card's last receipt a check value "
        "stays, with which you can prove who you are.",
    ),
)
_MEMBER_FILE = (
    Text("Angaben aus der Kundenkarte", "Details of the customer card"),
    Text(
        "Name, Sprache, Größen, Vorlieben: nur, was Sie dafür erlaubt haben, für jede Person "
        "eigens verschlüsselt.",
        "Name, language, sizes, preferences: only what you allowed it for, encrypted for each "
        "person alone.",
    ),
)
_SCANS = (
    Text("Etiketten, die jemand in der App scannt", "Labels that somebody scans in the app"),
    Text("Für diesen Besuch, danach vergessen.", "For the present visit, then forgotten."),
)
_STAFF = (
    Text("Tippen auf den Tablets der Beratung", "Taps on the tablets of staff"),
    Text(
        f"Was Ihnen gezeigt und was abgelehnt wurde, verschlüsselt, {HAPPENING_DAYS} Tage. Danach "
        "nur, wie oft etwas kam, zuerst und zuletzt. Nie, wer von den Mitarbeitenden getippt hat.",
        f"What you were shown and what was refused, encrypted, {HAPPENING_DAYS} days. After that "
        "only how often something came, first and last. Never which associate tapped.",
    ),
)
_STOCK = (
    Text("Bestand und Preise", "Stock and prices"),
    Text("Waren, keine Menschen.", "Goods, not people."),
)
_CAMERA = (
    Text("Kamera am Spiegel", "Camera at the mirror"),
    Text(
        "Nur nach einem Tippen, nur im Browser der Station. Kein Bild wird gespeichert.",
        "Only after a tap, only in the station's browser. No picture is stored.",
    ),
)
