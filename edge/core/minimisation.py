"""What of a member's data is taken in at all: everything not named here is dropped before storage.

Three groups are counted apart, because somebody sent what must not be sent: traits that nobody
should tell a shop (A03, A34), ids of advertising networks (E23), and fields the box has no use for.
Of what remains, only fields whose purpose the person has granted are stored: a consent that comes
later needs the field to be handed over again.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from edge.core.errors import MessageError
from edge.core.notices import Purpose
from edge.core.register import FIELDS
from edge.core.sightings import canonical_beacon_id

# Parts of field names, compared without case and punctuation. A hit is never stored.
DENIED: Final = {
    "birth_year": ("birthyear", "yearofbirth", "birthdate", "dateofbirth", "geburtsjahr", "dob"),
    "place_of_birth": ("birthplace", "placeofbirth", "geburtsort", "birthcity", "birthcountry"),
    "relatives": (
        "relative", "parent", "mother", "father", "sibling", "child", "spouse", "kinder",
        "mutter", "vater", "eltern", "angehoerig",
    ),
    "health": (
        "health", "gesundheit", "disease", "illness", "krank", "diagnos", "medication", "allerg",
        "pulse", "heartrate", "bloodpressure", "blutdruck", "disabilit", "pregnan", "schwanger",
        "diabet",
    ),
    "belief_or_origin": (
        "religio", "ethnic", "race", "nationalit", "politic", "partei", "union", "sexual",
        "orientation",
    ),
    "biometrics": ("biometric", "facetemplate", "faceprint", "fingerprint", "voiceprint", "iris"),
    "emotion": ("emotion", "mood", "stimmung", "sentiment"),
    "track": ("latitude", "longitude", "gps", "coordinate", "geolocation", "track"),
    "debt": ("debt", "schufa", "creditscore", "insolven", "schulden"),
}  # fmt: skip
_AD_IDS: Final = (
    "idfa", "idfv", "gaid", "aaid", "adid", "rdid", "gclid", "fbclid", "msclkid", "ttclid",
    "fbp", "fbc", "uid2", "id5", "liveramp", "cookie", "advertis", "criteo", "doubleclick",
)  # fmt: skip

# Coarse bands a person may declare (A22); nothing finer is taken.
_DECLARABLE: Final = frozenset({"audience", "age_band", "family_status", "channel"})

MAX_TEXT_CHARS = 100
MAX_TAGS = 64
MAX_BEACONS = 16
_BIRTHDAY = re.compile(r"(?:--)?(\d{2})-(\d{2})")
_DAYS_IN_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_LABEL = re.compile(r"[A-Za-z0-9._:\-]{1,64}")
# Markup and template signs have no place in a name; nor have control characters.
_UNFIT = re.compile(r"[<>{}\\\x00-\x1f\x7f‪-‮⁦-⁩]")


@dataclass(frozen=True, slots=True)
class MemberData:
    """What is kept of a member.

    Attributes:
        birthday: Month and day.
        is_adult: The chain checked the age; never the age itself.
        has_delivery: Heavy goods come home by delivery.
        household: Whom the chain counts together; of caps alone.
    """

    member_id: str
    name: str | None
    language: str | None
    beacons: tuple[str, ...]
    declared: Mapping[str, str]
    stated: tuple[str, ...]
    sizes: Mapping[str, str]
    birthday: tuple[int, int] | None = None
    is_adult: bool | None = None
    has_delivery: bool = False
    household: str | None = None


# What each field is for; without the consent it is not stored. The id itself is the person's row.
_PURPOSE_OF: Final = {
    field.name: field.purposes[0]
    for field in FIELDS
    if field.table == "persons.body" and field.purposes
}
FIELD_PURPOSES: Final = frozenset(_PURPOSE_OF.values())
_KEPT: Final = frozenset(
    {"member_id", "name", "language", "beacons", "consents", "declared", "stated", "sizes"}
    | {"birthday", "is_adult", "has_delivery", "household"}
)


def granted(member: MemberData, given: frozenset[Purpose], dropped: Counter[str]) -> MemberData:
    """Leave out of a member every field whose purpose was not granted.

    Args:
        member: What may be kept at all.
        given: The purposes that are allowed.
        dropped: Counts what is left out as `without_consent`.
    """
    nothing = nobody(member.member_id)
    refused = {
        name: getattr(nothing, name)
        for name, purpose in _PURPOSE_OF.items()
        if purpose not in given and getattr(member, name) != getattr(nothing, name)
    }
    if refused:
        dropped["without_consent"] += len(refused)
    return replace(member, **refused)


def nobody(member_id: str) -> MemberData:
    """Return a member of whom nothing is known but the id."""
    return MemberData(member_id, None, None, (), {}, (), {})


def denial_of(field: str) -> str | None:
    """Return why a field of this name is never stored, or None where no rule names it."""
    plain = re.sub(r"[^a-z0-9]", "", field.lower())
    for reason, stems in DENIED.items():
        if any(stem in plain for stem in stems):
            return reason
    return "ad_network_id" if any(plain.startswith(stem) for stem in _AD_IDS) else None


def minimise(member: Mapping[str, object], dropped: Counter[str]) -> MemberData:
    """Take of a member what may be kept.

    Args:
        member: As the chain wrote it; anything may be in it.
        dropped: Counts, by reason, what was left out; holds no value of it.

    Raises:
        MessageError: `member_without_id` where there is nothing to store it under.
    """
    member_id = member.get("member_id")
    if not isinstance(member_id, str) or not 0 < len(member_id) <= 128:
        raise MessageError("member_without_id", "expected a member_id of 1 to 128 characters")
    for field in member.keys() - _KEPT:
        dropped[denial_of(str(field)) or "unknown_field"] += 1
    language = member.get("language")
    return MemberData(
        member_id,
        _name(member.get("name"), dropped),
        language if language in ("de", "en") else None,
        _beacons(member.get("beacons"), dropped),
        _texts(member.get("declared"), dropped, _DECLARABLE),
        _tags(member.get("stated"), dropped),
        _texts(member.get("sizes"), dropped, None),
        _birthday(member.get("birthday"), dropped),
        _flag(member.get("is_adult"), dropped),
        _flag(member.get("has_delivery"), dropped) or False,
        _label(member.get("household"), dropped),
    )


def _name(value: object, dropped: Counter[str]) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > MAX_TEXT_CHARS or _UNFIT.search(value):
        dropped["unfit_name"] += 1
        return None
    return value.strip() or None


def _beacons(value: object, dropped: Counter[str]) -> tuple[str, ...]:
    kept: list[str] = []
    for raw in value if isinstance(value, list) else ():
        if not isinstance(raw, str) or len(kept) == MAX_BEACONS:
            dropped["unfit_beacon"] += 1
            continue
        if denial_of(raw.partition(":")[0]) == "ad_network_id":
            dropped["ad_network_id"] += 1
            continue
        try:
            kept.append(canonical_beacon_id(raw))
        except MessageError:
            dropped["unfit_beacon"] += 1
    return tuple(dict.fromkeys(kept))


def _tags(value: object, dropped: Counter[str]) -> tuple[str, ...]:
    kept: list[str] = []
    for tag in value if isinstance(value, list) else ():
        if not isinstance(tag, str) or len(tag) > MAX_TEXT_CHARS or len(kept) == MAX_TAGS:
            dropped["unfit_tag"] += 1
        elif reason := denial_of(tag):
            dropped[reason] += 1
        else:
            kept.append(tag)
    return tuple(kept)


def _texts(value: object, dropped: Counter[str], allowed: frozenset[str] | None) -> dict[str, str]:
    kept: dict[str, str] = {}
    for field, text in value.items() if isinstance(value, Mapping) else ():
        reason = denial_of(str(field)) or denial_of(str(text))
        if reason:
            dropped[reason] += 1
        elif allowed is not None and field not in allowed:
            dropped["unknown_field"] += 1
        elif not isinstance(text, str) or len(text) > MAX_TEXT_CHARS or len(kept) == MAX_TAGS:
            dropped["unfit_text"] += 1
        else:
            kept[str(field)] = text
    return kept


def _flag(value: object, dropped: Counter[str]) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    dropped["unfit_flag"] += 1
    return None


def _label(value: object, dropped: Counter[str]) -> str | None:
    if value is None or (isinstance(value, str) and _LABEL.fullmatch(value)):
        return value
    dropped["unfit_label"] += 1
    return None


def _birthday(value: object, dropped: Counter[str]) -> tuple[int, int] | None:
    if value is None:
        return None
    match = _BIRTHDAY.fullmatch(value) if isinstance(value, str) else None
    if match:
        month, day = int(match[1]), int(match[2])
        if 1 <= month <= 12 and 1 <= day <= _DAYS_IN_MONTH[month - 1]:
            return month, day
    dropped["birth_year"] += 1  # anything but month and day would carry the year
    return None
