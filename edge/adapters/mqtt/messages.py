"""Our own messages under `stammgast/v1/…`: CloudEvents 1.0 in structured JSON mode.

Here stands every type, its topic, and its form on the wire; `asyncapi` describes the same table.
Unknown fields are ignored (a newer app may send more), missing or wrong ones make a `MessageError`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from edge.core.board import Answer, ScreenCard
from edge.core.catalog import Text
from edge.core.consent import Purpose
from edge.core.errors import MessageError
from edge.core.events import (
    AppSighting,
    CheckIn,
    EventKey,
    HeardBeacon,
    Scan,
    StaffState,
    StockLevels,
    Tick,
)
from edge.core.sales import Return, ReturnLine, Sale, SaleLine, Void
from edge.core.statements import ConsentChange

TOPIC_ROOT = "stammgast/v1/"
# The one thing that the box says on its own topics, below which each token has one.
ANSWERS, ANSWER = "answers", "answer"

# RSSI on the air is -127..20 dBm (Bluetooth Core 5.4, Vol 4 Part E, 7.7.65.2).
RSSI_RANGE_DBM = (-127.0, 20.0)

Id = Annotated[str, Meta(min_length=1, max_length=128)]
ShortText = Annotated[str, Meta(max_length=128)]
Token = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{16,64}$")]
Count = Annotated[float, Meta(gt=0, le=100_000)]
# Tills number a receipt's lines from 1; sixteen bits is what a packed history keeps of it.
LineNo = Annotated[int, Meta(ge=0, le=65_535)]
Cents = Annotated[int, Meta(ge=-100_000_000, le=100_000_000)]
Dbm = Annotated[float, Meta(ge=RSSI_RANGE_DBM[0], le=RSSI_RANGE_DBM[1])]


class CheckInForm(msgspec.Struct, frozen=True, kw_only=True):
    """A member checks in."""

    member_id: Id
    place: Literal["entrance", "app", "station", "near_store"]
    zone: ShortText | None = None


class SaleLineForm(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a receipt; `sku` may be empty where `gtin` is given."""

    line_no: LineNo
    sku: ShortText = ""
    gtin: ShortText | None = None
    quantity: Count = 1
    unit_price_cents: Cents = 0
    is_gift_wrapped: bool = False


class SaleForm(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt."""

    receipt_id: Id
    till_id: Id
    sold_at: datetime
    lines: Annotated[list[SaleLineForm], Meta(min_length=1, max_length=1000)]
    member_id: Id | None = None
    has_gift_receipt: bool = False


class VoidForm(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of a receipt, or all of it, never happened."""

    receipt_id: Id
    line_nos: Annotated[list[LineNo], Meta(max_length=1000)] | None = None


class ReturnLineForm(msgspec.Struct, frozen=True, kw_only=True):
    """Goods that came back."""

    sku: ShortText = ""
    gtin: ShortText | None = None
    quantity: Count = 1


class ReturnForm(msgspec.Struct, frozen=True, kw_only=True):
    """A return, with the receipt or the member where known."""

    return_id: Id
    lines: Annotated[list[ReturnLineForm], Meta(min_length=1, max_length=1000)]
    receipt_id: Id | None = None
    member_id: Id | None = None


class LevelForm(msgspec.Struct, frozen=True, kw_only=True):
    """Counted units of a sku."""

    sku: Id
    quantity: Annotated[int, Meta(ge=0, le=10_000_000)]


class StockForm(msgspec.Struct, frozen=True, kw_only=True):
    """Counted levels as of the event's time."""

    levels: Annotated[list[LevelForm], Meta(max_length=10_000)]


class ConsentForm(msgspec.Struct, frozen=True, kw_only=True):
    """A member gives or withdraws one purpose; giving `profile` takes the app's present code."""

    member_id: Id
    purpose: Purpose
    is_given: bool
    notice_version: Id
    language: Literal["de", "en"]
    method: Literal["app", "station", "phone", "staff"]
    code: ShortText = ""


class ScanForm(msgspec.Struct, frozen=True, kw_only=True):
    """The app scanned a label; `is_in_basket` where scanning puts the item into the basket.

    Without a member, `visit_token` (drawn anew by the app for each visit) asks for an answer on
    `answers/{visit_token}`.
    """

    member_id: Id | None = None
    sku: ShortText = ""
    gtin: ShortText | None = None
    zone: ShortText | None = None
    is_in_basket: bool = False
    visit_token: Token | None = None


class WordsForm(msgspec.Struct, frozen=True):
    """The same in both languages."""

    de: str
    en: str


class AnswerCardForm(msgspec.Struct, frozen=True, kw_only=True):
    """A suggestion: what, why, where it lies and what it costs.

    `why` is plain words, each from zone, basket, labels or sales.
    """

    card_id: str
    kind: str
    item_id: str
    name: WordsForm
    price_cents: int | None
    offer: WordsForm | None
    aisle: str
    zone: WordsForm
    units: int | None
    why: list[WordsForm]


class AnswerForm(msgspec.Struct, frozen=True, kw_only=True):
    """What goes with a visit of nobody; `empty` tells why there is nothing."""

    visit_token: str
    cards: list[AnswerCardForm]
    empty: WordsForm | None


class HeardBeaconForm(msgspec.Struct, frozen=True, kw_only=True):
    """A fixed beacon that the app heard."""

    beacon: Id
    rssi_dbm: Dbm
    measured_power_dbm: Dbm | None = None


class AppSightingForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer's app hears around it."""

    member_id: Id
    beacons: Annotated[list[HeardBeaconForm], Meta(min_length=1, max_length=64)]


class StaffForm(msgspec.Struct, frozen=True, kw_only=True):
    """An associate serves, or is free."""

    tablet_id: Id
    state: Literal["serving", "free"]
    member_id: Id | None = None
    zone: ShortText | None = None


class TickForm(msgspec.Struct, frozen=True, kw_only=True):
    """The time of a simulated store."""

    now: datetime


class _Envelope(msgspec.Struct, frozen=True):
    """The context attributes of CloudEvents 1.0 that the box reads."""

    id: Id
    source: Id
    specversion: Literal["1.0"]
    type: Id
    time: datetime
    data: msgspec.Raw
    datacontenttype: Literal["application/json"] = "application/json"


Event = (
    CheckIn | Sale | Void | Return | StockLevels | ConsentChange | Scan | AppSighting
    | StaffState | Tick
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Arrival:
    """A decoded message.

    Attributes:
        key: Makes it idempotent.
        event: What it says.
        at_s: When the sender says it happened; UTC seconds.
    """

    key: EventKey
    event: Event
    at_s: float


@dataclass(frozen=True, slots=True)
class Channel:
    """One row of the contract: topic, kind, QoS, form, and how the form becomes an event."""

    topic: str
    kind: str
    qos: int
    form: type[msgspec.Struct]
    event: Callable[[Any, float], Event]
    summary: str


def _check_in(form: CheckInForm, at_s: float) -> CheckIn:
    return CheckIn(form.member_id, form.place, at_s, form.zone)


def _sale(form: SaleForm, _at_s: float) -> Sale:
    lines = tuple(
        SaleLine(x.line_no, x.sku, x.gtin, x.quantity, x.unit_price_cents, x.is_gift_wrapped)
        for x in form.lines
    )
    sold_at_s = utc_s(form.sold_at)
    return Sale(
        form.receipt_id, form.till_id, sold_at_s, lines, form.member_id, form.has_gift_receipt
    )


def _void(form: VoidForm, at_s: float) -> Void:
    return Void(form.receipt_id, None if form.line_nos is None else tuple(form.line_nos), at_s)


def _return(form: ReturnForm, at_s: float) -> Return:
    lines = tuple(ReturnLine(x.sku, x.gtin, x.quantity) for x in form.lines)
    return Return(form.return_id, form.receipt_id, form.member_id, lines, at_s)


def _stock(form: StockForm, at_s: float) -> StockLevels:
    return StockLevels(tuple((x.sku, x.quantity) for x in form.levels), at_s)


def _consent(form: ConsentForm, at_s: float) -> ConsentChange:
    return ConsentChange(
        member_id=form.member_id,
        purpose=form.purpose,
        is_given=form.is_given,
        at_s=at_s,
        notice_version=form.notice_version,
        language=form.language,
        method=form.method,
        code=form.code,
    )


def _scan(form: ScanForm, at_s: float) -> Scan:
    return Scan(
        form.member_id, form.sku, form.gtin, form.zone, at_s, form.is_in_basket, form.visit_token
    )


def _app_sighting(form: AppSightingForm, at_s: float) -> AppSighting:
    heard = tuple(HeardBeacon(b.beacon, b.rssi_dbm, b.measured_power_dbm) for b in form.beacons)
    return AppSighting(form.member_id, heard, at_s)


def _staff(form: StaffForm, _at_s: float) -> StaffState:
    return StaffState(form.tablet_id, form.state == "serving", form.member_id, form.zone)


def _tick(form: TickForm, _at_s: float) -> Tick:
    return Tick(utc_s(form.now))


CHANNELS: tuple[Channel, ...] = (
    Channel("checkins", "checkin", 1, CheckInForm, _check_in, "A member checks in."),
    Channel("sales", "sale", 1, SaleForm, _sale, "A till closed a receipt."),
    Channel("voids", "void", 1, VoidForm, _void, "Lines of a receipt never happened."),
    Channel("returns", "return", 1, ReturnForm, _return, "Goods came back."),
    Channel("stock", "stock", 1, StockForm, _stock, "Units were counted."),
    Channel("consents", "consent", 1, ConsentForm, _consent, "A consent was given or withdrawn."),
    Channel("scans", "scan", 1, ScanForm, _scan, "The app scanned a label."),
    Channel(
        "app-sightings", "app-sighting", 0, AppSightingForm, _app_sighting,
        "A customer's app heard beacons of the store.",
    ),
    Channel("staff", "staff", 1, StaffForm, _staff, "An associate serves, or is free."),
    Channel("tick", "tick", 0, TickForm, _tick, "The time of a simulated store."),
)  # fmt: skip

_BY_TOPIC: dict[str, tuple[str, Callable[[Any], Any], Callable[[Any, float], Event]]] = {
    TOPIC_ROOT + channel.topic: (
        f"stammgast.{channel.kind}.v1",
        msgspec.json.Decoder(channel.form).decode,
        channel.event,
    )
    for channel in CHANNELS
}
_decode_envelope = msgspec.json.Decoder(_Envelope).decode


_encode = msgspec.json.Encoder().encode


def answer(said: Answer) -> tuple[str, bytes]:
    """Return topic and payload of what the box answers to a scan of nobody."""
    form = AnswerForm(
        visit_token=said.visit_token,
        cards=[_answer_card(card) for card in said.cards],
        empty=None if said.empty is None else _words(said.empty.text),
    )
    event = {
        "specversion": "1.0",
        "id": said.answer_id,
        "source": "/box",
        "type": f"stammgast.{ANSWER}.v1",
        "time": datetime.fromtimestamp(said.at_s, UTC),
        "datacontenttype": "application/json",
        "data": form,
    }
    return f"{TOPIC_ROOT}{ANSWERS}/{said.visit_token}", _encode(event)


def _answer_card(card: ScreenCard) -> AnswerCardForm:
    return AnswerCardForm(
        card_id=card.card_id,
        kind=card.kind,
        item_id=card.item_id,
        name=_words(card.name),
        price_cents=card.offer.price_cents if card.offer else card.price_cents,
        offer=_words(card.offer.text) if card.offer else None,
        aisle=card.aisle,
        zone=_words(card.zone.name),
        units=card.stock.units if card.stock else None,
        why=[_words(reason.text) for reason in card.why],
    )


def _words(text: Text) -> WordsForm:
    return WordsForm(text.de, text.en)


def subscriptions() -> list[tuple[str, int]]:
    """Return the topic filters to listen to with their QoS.

    One level below the root is heard whole, so that a sender's mistyped topic shows as a count.
    """
    return [(TOPIC_ROOT + "+", 1)]


def decode(topic: str, payload: bytes) -> Arrival:
    """Decode one of our own messages.

    Raises:
        MessageError: With reason `unknown_topic`, `not_json`, `not_cloudevent`, `wrong_type`,
            `wrong_data` or `time_without_zone`.
    """
    row = _BY_TOPIC.get(topic)
    if row is None:
        raise MessageError("unknown_topic", "expected a topic of the v1 contract")
    expected_type, decode_data, to_event = row
    envelope = _read(_decode_envelope, payload, "not_cloudevent")
    if envelope.type != expected_type:
        raise MessageError("wrong_type", f"expected {expected_type} on this topic")
    form = _read(decode_data, envelope.data, "wrong_data")
    at_s = utc_s(envelope.time)
    return Arrival(EventKey(envelope.source, envelope.id), to_event(form, at_s), at_s)


def utc_s(moment: datetime) -> float:
    """Return UTC seconds of a time with an offset.

    Raises:
        MessageError: For a local time without an offset, or one out of range: no till is older
            than 1970, and nothing on disk counts below it.
    """
    if moment.tzinfo is None:
        raise MessageError("time_without_zone", "expected RFC 3339 with an offset")
    try:
        at_s = moment.astimezone(UTC).timestamp()
    except (OverflowError, ValueError) as error:
        raise MessageError("time_out_of_range") from error
    if at_s < 0:
        raise MessageError("time_out_of_range", "expected a time since 1970")
    return at_s


def _read(decode_bytes: Callable[[Any], Any], raw: bytes | msgspec.Raw, reason: str) -> Any:
    """Decode, and translate the library's errors; never repeat a value from the message."""
    try:
        return decode_bytes(raw)
    except msgspec.ValidationError as error:
        raise MessageError(reason, _without_values(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError("not_json", type(error).__name__) from None


def _without_values(text: str) -> str:
    """Keep msgspec's expectation and path, which hold no value of the message."""
    return text if "Invalid enum value" not in text else text.split("Invalid enum value")[0]
