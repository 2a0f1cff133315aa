"""The house's manners in words: which names may be spoken, which templates may not go out.

Decides whether a name is good enough to be used, and finds in a text what must not be said:
pushy phrases, placeholders left open, sensitive subjects, too many lines. Leaves out what is
said (`explanation`); a finding is a value, the reader of rules and offers reports it.
"""

import re
import unicodedata
from dataclasses import dataclass

from edge.core.catalog import Text

MAX_LINES = 3
MAX_LINE_CHARACTERS = 90
"""A card is read in five seconds: three lines of about 15 words (200–250 words a minute)."""
MAX_NAME_CHARACTERS = 40

_NAME = re.compile(r"[^\W\d_]+(?:[ '’.\-]+[^\W\d_]+)*\.?")
# One such word spoils a name; the second row does so only where nothing else stands (there are
# people called Kunde).
_NEVER_A_NAME = frozenset(
    {"test", "tester", "testkunde", "testkundin", "mustermann", "musterfrau", "undefined", "null"}
    | {"unbekannt", "unknown", "asdf", "qwertz", "qwerty", "dummy", "anonym", "anonymous", "xxx"}
    | {"vorname", "nachname", "firstname", "lastname"}
)
_NO_NAME_ALONE = frozenset(
    {"kunde", "kundin", "customer", "user", "admin", "name", "none", "nan", "na", "foo", "bar"}
    | {"herr", "frau", "mr", "mrs", "ms", "dr", "prof"}
)
# What the texts of a store must not say, by why. Word starts, in German and English.
_PUSHY = (
    (r"\b(sie haben|du hast)\b.{0,60}\bgekauft\b.{0,80}\bk[öo]nnte", "bought-so-buy template"),
    (r"\b(you (have )?bought|because you bought)\b.{0,80}\b(also like|interest)", "same, English"),
    (r"\bk[öo]nnte (sie|dich|ihnen|dir) auch (interessieren|gefallen)", "worn-out phrase"),
    (r"\b(nur noch heute|nur heute|letzte chance|jetzt zuschlagen|schnell sein)\b", "pressure"),
    (r"\b(last chance|only today|hurry|act now|don'?t miss)\b", "pressure"),
    (r"\b(wir wissen|we know),? (dass|that|was|what)\b", "reads an inference aloud"),
    (r"!{2,}|[A-ZÄÖÜ]{6,}", "shouting"),
)
_SENSITIVE = (
    (
        r"\b(krankheit|krank|diabet|allergi|depress|schwanger|fehlgeburt|medikament|erk[äa]lt)",
        "health",
    ),
    (r"\b(illness|sick|pregnan|miscarriage|medication|disease|cough|weight loss|abnehm)", "health"),
    (r"\b(schuld(en)?\b|kredit|insolven|mahnung|debt|overdue|bankrupt)", "debt"),
    (r"\b(intim|verh[üu]t|kondom|condom|lingerie|dessous|sexual)", "intimate"),
    (r"\b(trauer|verstorben|beerdigung|funeral|bereave|mourning)", "bereavement"),
    (r"\b(religi|glaube|kirche|church|partei|gewerkschaft)", "conviction"),
)
_TRAIT = (
    (r"\b(umsatz|gesamtausgaben|total spend|lifetime value|a-kunde|vip)", "value tier"),
    (r"\b(lange nicht (mehr )?(da|hier)|inaktiv|lapsed|inactive customer)", "lapsed wording"),
)
_PLACEHOLDER = re.compile(r"\{\{?.*?\}?\}|%\w|\$\{|\[(name|vorname|first)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a text must not say: which rule, what was found, and why."""

    rule: str
    found: str
    why: str


def spoken_name(name: str | None) -> str | None:
    """Return a name fit to be spoken, or None: a wrong name is worse than none (A18)."""
    if name is None:
        return None
    clean = " ".join(unicodedata.normalize("NFC", name).split())
    if not 2 <= len(clean) <= MAX_NAME_CHARACTERS or not _NAME.fullmatch(clean):
        return None
    words = re.split(r"[ '’.\-]+", clean.casefold())
    if not _NEVER_A_NAME.isdisjoint(words) or _NO_NAME_ALONE.issuperset(words):
        return None
    if _is_typed_blindly(clean, words):
        return None
    if clean.isupper() or clean.islower():  # a till's capitals, a form's laziness
        clean = clean.title()
    return clean


def _is_typed_blindly(name: str, words: list[str]) -> bool:
    """Tell whether a name is a stutter or a key held down."""
    full = [word for word in words if len(word) > 1]
    if not full or (len(full) > 1 and len(set(full)) == 1):
        return True
    no_vowel = all(not re.search(r"[aeiouyäöüáàâéèêëíîïóôúûøåæœıа-яα-ω]", w) for w in full)
    is_latin = all("LATIN" in unicodedata.name(c, "") for c in name if c.isalpha())
    return (is_latin and no_vowel) or re.search(r"(.)\1\1", name.casefold()) is not None


def lint(text: str, is_about_person: bool = False) -> tuple[Finding, ...]:
    """Find what must not go out in a text for a customer or a card.

    Args:
        text: Of an offer, a rule's reason or a template.
        is_about_person: A note on somebody; traits of value and absence are then refused too.
    """
    found = [
        *_matches("tone", _PUSHY, text),
        *_matches("sensitive", _SENSITIVE, text),
        *(_matches("trait", _TRAIT, text) if is_about_person else ()),
    ]
    placeholder = _PLACEHOLDER.search(text)
    if placeholder:
        found.append(Finding("placeholder", placeholder.group(), "an open placeholder leaks"))
    lines = text.splitlines()
    if len(lines) > MAX_LINES or any(len(line) > MAX_LINE_CHARACTERS for line in lines):
        why = f"more than {MAX_LINES} lines or {MAX_LINE_CHARACTERS} characters in one"
        found.append(Finding("length", f"{len(lines)} lines", why))
    return tuple(found)


def presentable(text: Text, instead: Text) -> Text:
    """Return a text that people wrote, or the neutral one where a placeholder was left open."""
    is_open = any(_PLACEHOLDER.search(words) for words in (text.de, text.en))
    return instead if is_open else text


def _matches(rule: str, patterns: tuple[tuple[str, str], ...], text: str) -> list[Finding]:
    # Case counts for shouting alone; everything else is looked for in any case.
    return [
        Finding(rule, match.group(), why)
        for pattern, why in patterns
        if (match := re.search(pattern, text, 0 if why == "shouting" else re.IGNORECASE))
    ]
