"""Why something is not shown: one code per reason, in the order in which the guard asks.

The order is the precedence of the house: law, then sensitive goods, the person's own no, the
shelf, past purchases, caps, and last what people of the house banned. A code is what logs,
reports and the staff's list of things not shown have in common; the words for it stand here too,
and which code may not leave the log.
"""

from enum import StrEnum

import numpy as np

from edge.core.catalog import Text


class Reason(StrEnum):
    """Reason codes. The first block speaks of a whole decision, the second of one item."""

    # A whole decision: nobody is interrupted now.
    NO_CONSENT = "no_consent"
    HOLDOUT = "holdout"
    ASKED_FOR_QUIET = "asked_for_quiet"
    BEING_SERVED = "being_served"
    FITTING_ROOM = "fitting_room"
    QUIET_AFTER_ENTRY = "quiet_after_entry"
    DWELL_INTERRUPTED = "dwell_interrupted"
    NO_CANDIDATES = "no_candidates"

    # One item, in the order of the guard.
    LEGAL_BAN = "legal_ban"
    AGE_RESTRICTED = "age_restricted"
    SENSITIVE = "sensitive"
    VETOED = "vetoed"
    OUT_OF_STOCK = "out_of_stock"
    STOCK_UNKNOWN = "stock_unknown"
    JUST_BOUGHT = "just_bought"
    JUST_BOUGHT_CLASS = "just_bought_class"
    RETURNED = "returned"
    OWNED = "owned"
    NOT_DUE = "not_due"
    SERIES_ORDER = "series_order"
    GIFT_BASKET = "gift_basket"
    SAME_DEPARTMENT = "same_department"
    SILENCE_AFTER_PURCHASE = "silence_after_purchase"
    CAMPAIGN_OVER = "campaign_over"
    FREQUENCY_CAP = "frequency_cap"
    BANNED = "banned"

    # One item, after scoring.
    SIZE_UNAVAILABLE = "size_unavailable"
    BELOW_FLOOR = "below_floor"
    TOO_SIMILAR = "too_similar"
    OUTRANKED = "outranked"

    # A card that was shown, and has lost what it stood on.
    CONSENT_WITHDRAWN = "consent_withdrawn"
    BASIS_GONE = "basis_gone"
    GROUND_GONE = "ground_gone"
    OFFER_OVER = "offer_over"


ITEM_REASONS: tuple[Reason, ...] = (
    Reason.HOLDOUT,
    Reason.LEGAL_BAN,
    Reason.AGE_RESTRICTED,
    Reason.SENSITIVE,
    Reason.VETOED,
    Reason.OUT_OF_STOCK,
    Reason.STOCK_UNKNOWN,
    Reason.JUST_BOUGHT,
    Reason.JUST_BOUGHT_CLASS,
    Reason.RETURNED,
    Reason.OWNED,
    Reason.NOT_DUE,
    Reason.SERIES_ORDER,
    Reason.GIFT_BASKET,
    Reason.SAME_DEPARTMENT,
    Reason.SILENCE_AFTER_PURCHASE,
    Reason.CAMPAIGN_OVER,
    Reason.FREQUENCY_CAP,
    Reason.BANNED,
    Reason.SIZE_UNAVAILABLE,
    Reason.BELOW_FLOOR,
    Reason.TOO_SIMILAR,
    Reason.OUTRANKED,
)
"""Bit k of a trace's mask means the k-th reason. Append only: old decisions are read by it."""

BIT: dict[Reason, int] = {reason: at for at, reason in enumerate(ITEM_REASONS)}


def mask_of(*reasons: Reason) -> np.uint32:
    """Return the mask in which the bits of these reasons are set."""
    return np.uint32(sum(1 << BIT[reason] for reason in reasons))


UNSPOKEN = frozenset({Reason.SENSITIVE, Reason.GIFT_BASKET})
"""What no screen tells, on any way: a guess about a gift (A10), and delicate goods."""

# What is so, never what may follow from it: "was returned", not "did not fit".
WORDS: dict[Reason, Text] = {
    Reason.NO_CONSENT: Text("Keine Einwilligung dafür", "No consent for this"),
    Reason.HOLDOUT: Text(
        "Vergleichsgruppe: keine persönlichen Vorschläge",
        "Comparison group: no personal suggestions",
    ),
    Reason.ASKED_FOR_QUIET: Text("Möchte sich nur umsehen", "Just looking"),
    Reason.BEING_SERVED: Text("Wird gerade bedient", "Is being served"),
    Reason.FITTING_ROOM: Text("In der Umkleide herrscht Ruhe", "Quiet in the fitting room"),
    Reason.QUIET_AFTER_ENTRY: Text("Gerade erst angekommen", "Has only just arrived"),
    Reason.DWELL_INTERRUPTED: Text(
        "Hier wurde schon etwas gezeigt", "Something was already shown here"
    ),
    Reason.NO_CANDIDATES: Text("Nichts Passendes gefunden", "Nothing suitable found"),
    Reason.LEGAL_BAN: Text("Gesetzlich ausgeschlossen", "Excluded by law"),
    Reason.AGE_RESTRICTED: Text("Altersgrenze", "Age restriction"),
    Reason.VETOED: Text("Soll nicht mehr gezeigt werden", "Not to be shown again"),
    Reason.OUT_OF_STOCK: Text("Nicht auf Lager", "Out of stock"),
    Reason.STOCK_UNKNOWN: Text("Bestand unbekannt", "Stock unknown"),
    Reason.JUST_BOUGHT: Text("Gerade erst gekauft", "Only just bought"),
    Reason.JUST_BOUGHT_CLASS: Text("Gleichartiges gerade gekauft", "Something alike just bought"),
    Reason.RETURNED: Text("Wurde zurückgegeben", "Was returned"),
    Reason.OWNED: Text("Gleichartiges schon gekauft", "Something alike already bought"),
    Reason.NOT_DUE: Text("Gleichartiges vor Kurzem gekauft", "Something alike bought not long ago"),
    Reason.SERIES_ORDER: Text("Ein anderer Band ist an der Reihe", "Another volume comes first"),
    Reason.SAME_DEPARTMENT: Text("Nur Ergänzendes zum Einkauf", "Only what goes with the purchase"),
    Reason.SILENCE_AFTER_PURCHASE: Text("Ruhe nach dem Einkauf", "Quiet after the purchase"),
    Reason.CAMPAIGN_OVER: Text("Aktion lief lange genug", "Campaign ran long enough"),
    Reason.FREQUENCY_CAP: Text("Oft genug gezeigt", "Shown often enough"),
    Reason.BANNED: Text("Von der Filiale ausgeschlossen", "Excluded by the store"),
    Reason.SIZE_UNAVAILABLE: Text("Größe nicht da", "Size not available"),
    Reason.BELOW_FLOOR: Text("Nicht passend genug", "Not relevant enough"),
    Reason.TOO_SIMILAR: Text("Zu ähnlich", "Too similar"),
    Reason.OUTRANKED: Text("Anderes passt besser", "Others fit better"),
    Reason.CONSENT_WITHDRAWN: Text("Einwilligung zurückgenommen", "The consent was withdrawn"),
    Reason.BASIS_GONE: Text("Der Kauf wurde rückgängig gemacht", "The purchase was undone"),
    Reason.GROUND_GONE: Text("Der Grund dafür gilt nicht mehr", "The reason for it is gone"),
    Reason.OFFER_OVER: Text("Die Aktion ist beendet", "The offer has ended"),
}


def aloud(reason: Reason) -> Reason:
    """Return the reason that screens tell: an unspoken one sounds like any poor fit."""
    return Reason.BELOW_FLOOR if reason in UNSPOKEN else reason
