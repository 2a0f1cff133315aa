"""What people are told before they consent: one text per purpose, by version, stored once.

A notice gives every purpose a *meaning number*. As long as the number stays, an older consent still
says what the person agreed to; when the purpose itself changes, the number rises and a new consent
is needed. Better wording alone does not raise it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from edge.core.catalog import Text


class Purpose(StrEnum):
    """What personal data may be used for; the whole list, nothing else is asked or granted."""

    RECOGNISE = "recognise"
    PROFILE = "profile"
    OFFERS = "offers"
    LOCATION = "location"
    STAFF_CONTACT = "staff_contact"
    STAFF_GREETING = "staff_greeting"
    NEAR_STORE = "near_store"
    CAMERA_TRY_ON = "camera_try_on"
    SHADE = "shade"
    AGGREGATES = "aggregates"
    PARTNERS = "partners"


@dataclass(frozen=True, slots=True)
class Notice:
    """The texts of one version.

    Attributes:
        version: As it is written into every consent.
        texts: What each purpose means for the person, one or two short sentences.
        meanings: The meaning number of each purpose.
    """

    version: str
    texts: Mapping[Purpose, Text]
    meanings: Mapping[Purpose, int]

    def sha256(self, language: str) -> bytes:
        """Return the hash of all texts in one language, in the order of the purposes."""
        digest = hashlib.sha256(self.version.encode())
        for purpose in Purpose:
            text = self.texts[purpose]
            digest.update(f"\n{purpose}:{text.de if language == 'de' else text.en}".encode())
        return digest.digest()


_TEXTS_2026 = {
    Purpose.RECOGNISE: Text(
        "Diese Filiale darf erkennen, dass ich da bin.",
        "This store may notice that I am here.",
    ),
    Purpose.PROFILE: Text(
        "Meine Einkäufe, Vorlieben und Größen dürfen für Vorschläge genutzt werden.",
        "My purchases, preferences and sizes may be used for suggestions.",
    ),
    Purpose.OFFERS: Text(
        "Ich möchte persönliche Angebote bekommen.",
        "I want to receive personal offers.",
    ),
    Purpose.LOCATION: Text(
        "Mein Signal darf zeigen, in welchem Bereich ich bin. Ein Weg wird nicht gespeichert.",
        "My signal may show which area I am in. My way is not stored.",
    ),
    Purpose.STAFF_CONTACT: Text(
        "Mitarbeitende dürfen sehen, dass ich beraten werden möchte.",
        "Staff may see that I would like advice.",
    ),
    Purpose.STAFF_GREETING: Text(
        "Mitarbeitende dürfen meinen Namen sehen und mich damit begrüßen.",
        "Staff may see my name and greet me by it.",
    ),
    Purpose.NEAR_STORE: Text(
        "Meine App darf melden, dass ich in der Nähe bin. Kein Ort wird gespeichert.",
        "My app may say that I am near. No place is stored.",
    ),
    Purpose.CAMERA_TRY_ON: Text(
        "Die Kamera darf mich zum Anprobieren zeigen. Kein Bild wird gespeichert.",
        "The camera may show me for a try-on. No picture is stored.",
    ),
    Purpose.SHADE: Text(
        "Die Kamera darf einen passenden Farbton finden. Er wird nicht gespeichert.",
        "The camera may find a matching shade. It is not stored.",
    ),
    Purpose.AGGREGATES: Text(
        "Mein Besuch darf in Tagessummen zählen, die niemanden erkennen lassen.",
        "My visit may count in daily totals that identify nobody.",
    ),
    Purpose.PARTNERS: Text(
        "Marken im Haus dürfen Summen erhalten, in denen mein Besuch zählt.",
        "Brands in the store may receive totals in which my visit counts.",
    ),
}

# Oldest first; the last is the one shown. A text once published is never edited.
NOTICES: tuple[Notice, ...] = (Notice("2026-01", _TEXTS_2026, dict.fromkeys(Purpose, 1)),)


class NoticeBook:
    """Knows which consents still mean what their purpose means today."""

    def __init__(self, notices: Sequence[Notice] = NOTICES) -> None:
        self.all = tuple(notices)
        self.current = notices[-1]
        self._by_version = {notice.version: notice for notice in notices}

    def get(self, version: str) -> Notice | None:
        """Return the notice of a version, or None where no text is on file."""
        return self._by_version.get(version)

    def covers(self, version: str, purpose: Purpose) -> bool:
        """Tell whether a consent under `version` covers the purpose as it is meant today.

        A version whose text is not on file covers nothing: nobody could show what was agreed to.
        """
        notice = self._by_version.get(version)
        return notice is not None and (
            notice.meanings.get(purpose) == self.current.meanings[purpose]
        )
