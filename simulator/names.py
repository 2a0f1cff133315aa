"""Names of members: German with umlauts, and of the many places that a city's people come from."""

import random

_WOMEN = [
    "Anna", "Lena", "Käthe", "Jördis", "Maren", "Ulrike", "Zoë", "Björk", "Elif", "Ayşe",
    "Agnieszka", "Olena", "Chloé", "Giulia", "Noor", "Mei", "Priya", "Sofía", "Ingrid", "Hannah",
    "Grace", "Märta", "Svenja", "Rosalie", "Thérèse", "Dilara", "Katarzyna", "Linh",
]  # fmt: skip
_MEN = [
    "Jörg", "Lukas", "Günther", "Søren", "Mehmet", "Paweł", "Oleksandr", "Jürgen", "René",
    "Matteo", "Omar", "Wei", "Arjun", "José", "Håkon", "Benjamin", "Kwame", "Łukasz", "Björn",
    "Felix", "Emre", "Ahmed", "Thomas", "Oliver", "Nguyễn", "Hans-Peter",
]  # fmt: skip
_GERMAN = [
    "Müller", "Schröder", "Jäger", "Köhler", "Weiß", "Großmann", "Böhm", "Lindner", "Krüger",
    "Vogt", "Schäfer", "Grünwald", "Hübner", "Möller", "Brandt", "Straußfeld", "Öztürk-Bauer",
    "Kühn", "Lehmann", "von Örtzen", "Niehüser",
]  # fmt: skip
_OTHERS = [
    "Yılmaz", "Kowalczyk", "Шевченко", "Nguyễn", "García", "O’Brien", "Rossi", "Özdemir",
    "Lefèvre", "Novák", "Petrović", "Okafor", "Smith", "Taylor", "Andersson", "Çelik", "Haddad",
    "Chen", "Patel", "Wójcik", "Dąbrowski", "van der Berg", "Sørensen",
]  # fmt: skip
# What real member files hold as well: entries a greeting must never read aloud.
_BROKEN = ("Test Test", "MUSTERMANN", "{{first_name}} Klein")


def full_name(rng: random.Random, audience: str) -> tuple[str, str]:
    """Draw a name and a language of choice ("de" or "en")."""
    if rng.random() < 0.01:
        return rng.choice(_BROKEN), "de"
    first = rng.choice(_WOMEN if audience == "women" else _MEN)
    is_german = rng.random() < 0.66
    last = rng.choice(_GERMAN if is_german else _OTHERS)
    language = "en" if rng.random() < (0.06 if is_german else 0.42) else "de"
    return f"{first} {last}", language
