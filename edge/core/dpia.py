"""A draft of the data protection impact assessment (GDPR Article 35), out of the code's own lists.

Describes what the box does as it stands in the register, the notices and the rules of the totals,
so that the document cannot promise what the code does not keep. The judgement of necessity and of
what remains is the controller's; the draft says where.
"""

from collections.abc import Iterator

from edge.core import aggregates, consent, minimisation, proof, register
from edge.core.notices import NOTICES, Purpose

_INTRO = """\
# Data protection impact assessment: draft

Generated from the code (`python -m edge.adapters.dpia`); do not edit. A test fails when it is not
current. It follows GDPR Article 35(7): the processing, its necessity, the risks, the measures. What
only the controller can judge is marked **to be decided by the controller**.

## 1. The processing

A box in the store recognises members who allow it, shows associates what may help them, and decides
on the spot what to suggest. It works without a connection. Personal data stay in the store; daily
totals may leave it. No emotion is inferred, no face is stored, no trait of a special category is
taken in.

### Purposes

Each is asked for by itself and can be withdrawn by itself, with no more steps than giving it took.
"""

_RISKS: tuple[tuple[str, str, str], ...] = (
    (
        "Somebody is recognised who does not want to be",
        "Only persons with a present consent to `recognise` are in the index of beacons; everybody"
        " else's signals are dropped before anything is written. A beacon that two members claim is"
        " nobody's.",
        "`tests/core/test_consent.py`, `tests/attacks/on_consent.py`",
    ),
    (
        "Data are used for another purpose than agreed",
        "Every read needs a grant that only the consent module makes, for one person and one"
        f" purpose, for {consent.GRANT_LIFE_S:.0f} s; it ends with the consent. A test walks every"
        " function that reaches personal data.",
        "`tests/adapters/test_grant_walk.py`",
    ),
    (
        "A withdrawal is lost or comes too late",
        "It takes effect on the next decision and is acknowledged only when it is on disk; a clock"
        " that runs ahead or was set back cannot keep it from counting.",
        "`tests/adapters/test_sqlite_kill.py`",
    ),
    (
        "The box or a backup is stolen",
        "Rows of a person are encrypted with a key of their own (AES-256-GCM), wrapped by the box's"
        " key; ids are stored as keyed hashes; backups hold no keys.",
        "`tests/attacks/on_ledger.py`",
    ),
    (
        "Somebody erased comes back",
        "The key is destroyed with the rows, the logs are emptied, and a tombstone is applied first"
        " at every restore and every import.",
        "`tests/journeys/test_erasure.py`",
    ),
    (
        "Somebody else asks for a person's data",
        "Export needs a rotating code of the app or the code of the last receipt; at most"
        f" {proof.MAX_TRIES} tries in {proof.TRY_WINDOW_S / 60:.0f} minutes. Staff cannot vouch for"
        " anybody.",
        "`tests/attacks/on_consent.py`",
    ),
    (
        "A person is found in the daily totals",
        f"Differential privacy, ε ≤ {aggregates.EPSILON_PER_DAY:g} a unit and day in total, bounded"
        f" contributions, cells below {aggregates.SUPPRESS_BELOW} are not told, a day is drawn"
        " once.",
        "`tests/attacks/on_totals.py`",
    ),
    (
        "A library reports to its makers",
        "The telemetry of ONNX Runtime, on by default, is switched off before it is loaded.",
        "`tests/test_no_telemetry.py`",
    ),
    (
        "The chain sends what must not be stored",
        "Fields are taken in by a list; "
        + ", ".join(sorted(minimisation.DENIED))
        + " and ids of advertising networks are dropped before storage and counted.",
        "`tests/adapters/test_sqlite_ledger.py`",
    ),
)


def dpia() -> str:
    """Return the document as Markdown."""
    return "\n".join([*_purposes(), *_fields(), *_totals(), *_necessity(), *_risks()]) + "\n"


def _purposes() -> Iterator[str]:
    yield _INTRO
    notice = NOTICES[-1]
    yield f"The words of the notice in force, version `{notice.version}`:\n"
    yield "| purpose | what the person is told | meaning |"
    yield "|---|---|---|"
    for purpose in Purpose:
        yield f"| `{purpose}` | {notice.texts[purpose].en} | {notice.meanings[purpose]} |"
    yield (
        "\nWhen a meaning changes, consents of before no longer count. Legal basis: consent,"
        " Article 6(1)(a). Recipients: none outside of the controller; partners get totals only."
    )


def _fields() -> Iterator[str]:
    yield "\n### Data, source, protection, retention\n"
    yield "| field | what it is | from | read for | kept | encrypted |"
    yield "|---|---|---|---|---|---|"
    for field in register.FIELDS:
        purposes = ", ".join(f"`{purpose}`" for purpose in field.purposes)
        if len(field.purposes) == len(Purpose):
            purposes = "every purpose"
        kept = "membership" if field.days is None else f"{field.days} days"
        yield (
            f"| {field.name} | {field.meaning} | {field.source} |"
            f" {_what_for(purposes, field.duty)} |"
            f" {kept} | {'own key' if field.is_encrypted else 'no'} |"
        )
    yield (
        "\nA field whose purpose the person has not granted is dropped at the door and counted;"
        " what a withdrawn consent justified is unreadable at once and deleted in the night after."
        "\n\nRetention periods are proposals: **to be decided by the controller**. A daily run"
        " keeps them, and a report lists stored fields that served nothing in"
        f" {register.FIELD_USE_DAYS} days."
    )


def _what_for(purposes: str, duty: str) -> str:
    return "; ".join(each for each in (purposes, duty) if each) or "nobody"


def _totals() -> Iterator[str]:
    yield "\n### What leaves the store\n"
    yield "Totals of a day, and nothing else; a verifier refuses any other message.\n"
    yield "| table | ε | cells a unit may change | noise (standard deviation) | small cells |"
    yield "|---|---|---|---|---|"
    for name, budget in aggregates.BUDGETS.items():
        told = "told" if name == "arms" else f"suppressed below {aggregates.SUPPRESS_BELOW}"
        yield (
            f"| {name} | {budget.epsilon:g} | {budget.cells_a_unit} |"
            f" {budget.variance**0.5:.1f} | {told} |"
        )


def _necessity() -> Iterator[str]:
    yield "\n## 2. Necessity and proportionality\n"
    yield (
        "Without any consent the store still works: suggestions come from zone, time and the basket"
        " of the visit. Every purpose is off by default. Whether the benefit justifies each purpose"
        " in this store: **to be decided by the controller**."
    )


def _risks() -> Iterator[str]:
    yield "\n## 3. Risks and measures\n"
    yield "| risk | measure | shown by |"
    yield "|---|---|---|"
    for risk, measure, shown in _RISKS:
        yield f"| {risk} | {measure} | {shown} |"
    yield "\nWhat remains, and whether it is acceptable: **to be decided by the controller**."
    yield "\n## 4. Known limits\n"
    yield (
        "- Somebody who is not recognised counts once a visit in the totals, not once a day.\n"
        "- Between two backups, consents given or withdrawn are lost with a memory card that dies;"
        " the chain's downlink is to repeat them.\n"
        "- The chain's members and receipts files lie on the box as they were handed over, until a"
        " sealed downlink replaces them: hand over no more than is consented to, and delete them"
        " once taken in; the box does not need them to run.\n"
        "- An old copy of an escrow, kept against the rule, still holds the keys of those erased"
        " since; tombstones keep them out of every restore, not out of a thief's hands."
    )
