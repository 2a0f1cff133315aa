"""Everything the box holds about a person, for that person (GDPR Articles 15 and 20).

Consents are written as consent receipts after the Kantara Initiative's Consent Receipt 1.1 and
ISO/IEC TS 27560, with the hash of the notice that was shown.
"""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from edge.adapters.sqlite.consentlog import Entry, Said
from edge.adapters.sqlite.ledger import Ledger
from edge.adapters.sqlite.persons import Opened
from edge.adapters.sqlite.recording import decision_context
from edge.core.errors import TrustError
from edge.core.notices import NoticeBook, Purpose
from edge.core.proof import Proven

RECEIPT_VERSION = "KI-CR-v1.1.0"


@dataclass(frozen=True, slots=True)
class Controller:
    """Who answers for the data, as every consent receipt names it."""

    name: str = "unnamed controller"
    contact: str = ""
    policy_url: str = ""
    jurisdiction: str = "DE"


def export_person(
    ledger: Ledger, proven: Proven, now_s: float, controller: Controller | None = None
) -> dict[str, Any]:
    """Return everything held about the proven person as JSON-ready values.

    Args:
        ledger: Of the box.
        proven: Who asks; nobody else's data is read.
        now_s: The present moment.
        controller: Who answers for the data.

    Raises:
        TrustError: The proof has grown old, or the person was erased.
    """
    proven.require(now_s)
    ledger.flush()
    reading, parts = ledger.reading(), []
    for each in reading.identities(proven.person):
        opened = reading.persons.open(each)
        if opened is not None:
            parts.append(_identity(ledger, opened, controller or Controller()))
    if not parts:
        raise TrustError("nothing is held about this person any more")
    return {"schema": "stammgast.export.v1", "exported_s": now_s, "identities": parts}


def prove(
    ledger: Ledger, member_id: str, now_s: float, *, code: str = "", receipt_id: str = ""
) -> Proven | None:
    """Check what somebody brings to prove who they are: the app's code or the last receipt.

    Returns:
        None where it proves nothing; the same for a member who does not exist.
    """
    person = ledger.consents().person_of_member(member_id)
    if person is None:
        return None
    if code:
        return ledger.prover().by_app_code(person, code, now_s)
    return ledger.prover().by_receipt(person, receipt_id, now_s) if receipt_id else None


def consent_receipts(
    ledger: Ledger, proven: Proven, now_s: float, controller: Controller | None = None
) -> list[dict[str, Any]]:
    """Return the proven person's consent receipts, oldest first."""
    proven.require(now_s)
    ledger.flush()
    reading = ledger.reading()
    return [
        receipt
        for each in reading.identities(proven.person)
        if (opened := reading.persons.open(each)) is not None
        for receipt in _receipts(ledger, opened, controller or Controller())
    ]


def past_decisions(ledger: Ledger, proven: Proven, now_s: float, most: int) -> list[bytes]:
    """Return the records of the proven person's newest decisions.

    Raises:
        TrustError: The proof has grown old.
    """
    proven.require(now_s)
    ledger.flush()
    reading, found = ledger.reading(), list[tuple[float, bytes]]()
    for each in reading.identities(proven.person):
        opened = reading.persons.open(each)
        if opened is None:
            continue
        for decision_id, at_s, body in reading.db.execute(
            "SELECT decision_id, at_s, body FROM decisions WHERE person_no = ?"
            " ORDER BY at_s DESC LIMIT ?",
            [opened.person_no, most],
        ).fetchall():
            found.append((at_s, opened.cipher.open(body, decision_context(decision_id))))
    return [body for _, body in sorted(found, reverse=True)[:most]]


def is_genuine(ledger: Ledger, receipt: Mapping[str, Any]) -> bool:
    """Tell whether a consent receipt that somebody shows was made by this box, unchanged."""
    try:
        seq, _, digest = str(receipt["consentReceiptID"]).partition("-")
        row = (
            ledger.reading()
            .db.execute(
                "SELECT person_no, hash FROM consent_log WHERE seq = ? AND payload IS NOT NULL",
                [int(seq)],
            )
            .fetchone()
        )
        if row is None or row[1].hex() != digest:
            return False
        opened = ledger.reading().persons.open_number(row[0])
        return opened is not None and any(
            made == receipt for made in _receipts(ledger, opened, _controller_of(receipt))
        )
    except (KeyError, TypeError, ValueError, IndexError):
        return False


def _identity(ledger: Ledger, opened: Opened, controller: Controller) -> dict[str, Any]:
    reading = ledger.reading()
    lines = reading.goods.lines_of(opened.person_no, opened.cipher)
    purchases = reading.goods.purchases(lines)
    return {
        "member": msgspec.to_builtins(opened.body()),
        "consents": _receipts(ledger, opened, controller),
        "purchases": [
            {
                "sku": one.sku,
                "at_s": one.at_s,
                "quantity": one.quantity,
                "unit_price_cents": one.unit_price_cents,
                "is_gift": one.is_gift,
                "receipt": one.receipt_id,
            }
            for one in purchases
        ],
        "returned": [
            {"sku": ledger.skus.names[sku_no], "at_s": at_s}
            for sku_no, at_s in zip(
                lines.back_sku_no.tolist(), lines.back_at_s.tolist(), strict=True
            )
        ],
        "happenings": [_happening(said) for said in reading.happenings.of(opened)],
        "decisions": list(_decisions(ledger, opened)),
    }


def _decisions(ledger: Ledger, opened: Opened) -> Iterator[dict[str, Any]]:
    for decision_id, at_s, surface, body in (
        ledger.reading()
        .db.execute(
            "SELECT decision_id, at_s, surface, body FROM decisions"
            " WHERE person_no = ? ORDER BY at_s",
            [opened.person_no],
        )
        .fetchall()
    ):
        plain = opened.cipher.open(body, decision_context(decision_id))
        yield {
            "decision_id": decision_id,
            "at_s": at_s,
            "surface": surface,
            "record": _readable(plain),
        }


def _happening(said: dict[str, Any]) -> object:
    """Return a happening in words and numbers; what caps count is packed inside it."""
    if said["kind"] == "CapsFolded":
        said = {**said, "body": zlib.decompress(said["body"])}
    return _plain({n: _readable(v) if n == "body" else v for n, v in said.items()})


def _readable(body: bytes) -> object:
    """Return a record as JSON where it is JSON or MessagePack, else as text of it."""
    for decode in (msgspec.json.decode, msgspec.msgpack.decode):
        try:
            return _plain(decode(body))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return body.hex()


def _plain(value: object) -> Any:
    """Return values that JSON knows; bytes become hexadecimal text."""
    match value:
        case bytes():
            return value.hex()
        case dict():
            return {str(name): _plain(each) for name, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case _:
            return value


def _receipts(ledger: Ledger, opened: Opened, controller: Controller) -> list[dict[str, Any]]:
    principal = opened.body().member_id
    return [
        _receipt(ledger.notices, seq, hashed, entry, said, principal, controller)
        for seq, kind, hashed, entry in ledger.reading().log.entries_of(
            opened.person_no, opened.cipher
        )
        if kind == "consent"
        for said in entry.said
    ]


def _receipt(
    notices: NoticeBook,
    seq: int,
    hashed: bytes,
    entry: Entry,
    said: Said,
    principal: str,
    controller: Controller,
) -> dict[str, Any]:
    notice = notices.get(said.notice_version)
    return {
        "version": RECEIPT_VERSION,
        "jurisdiction": controller.jurisdiction,
        "consentTimestamp": said.at_s,
        "receivedTimestamp": entry.received_s,
        "collectionMethod": said.method,
        "consentReceiptID": f"{seq}-{hashed.hex()}",
        "language": said.language,
        "piiPrincipalId": principal,
        "piiControllers": [{"piiController": controller.name, "contact": controller.contact}],
        "policyUrl": controller.policy_url,
        "event": "given" if said.is_given else "withdrawn",
        "notice": {
            "version": said.notice_version,
            "sha256": None if notice is None else notice.sha256(said.language).hex(),
        },
        "services": [
            {
                "service": "in-store personalization",
                "purposes": [
                    {
                        "purpose": said.purpose,
                        "purposeCategory": _CATEGORY[said.purpose],
                        "consentType": "EXPLICIT",
                        "primaryPurpose": said.purpose is Purpose.RECOGNISE,
                        "termination": "until withdrawn; then deleted with the next daily run",
                        "thirdPartyDisclosure": said.purpose is Purpose.PARTNERS,
                    }
                ],
            }
        ],
    }


def _controller_of(receipt: Mapping[str, Any]) -> Controller:
    first = receipt["piiControllers"][0]
    return Controller(
        first["piiController"], first["contact"], receipt["policyUrl"], receipt["jurisdiction"]
    )


# After the categories of the Consent Receipt specification 1.1, appendix B.
_CATEGORY = {
    Purpose.RECOGNISE: "core function",
    Purpose.PROFILE: "personalized experience",
    Purpose.OFFERS: "marketing",
    Purpose.LOCATION: "personalized experience",
    Purpose.STAFF_CONTACT: "contracted service",
    Purpose.STAFF_GREETING: "personalized experience",
    Purpose.NEAR_STORE: "personalized experience",
    Purpose.CAMERA_TRY_ON: "contracted service",
    Purpose.SHADE: "contracted service",
    Purpose.AGGREGATES: "improve performance",
    Purpose.PARTNERS: "marketing third parties",
}
