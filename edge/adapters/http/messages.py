"""What a tablet may say, and nothing else: typed, bounded, unknown fields refused."""

from typing import Annotated, Literal

import msgspec

from edge.core.errors import MessageError

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.:\-]+$")]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e11)]
Ids = Annotated[tuple[Id, ...], msgspec.Meta(max_length=64)]


class Reaction(
    msgspec.Struct, frozen=True, tag_field="kind", tag="reaction", forbid_unknown_fields=True
):
    """One tap on a card. `id` makes it idempotent: a queued tap may be sent twice."""

    id: Id
    contact_id: Id
    card_id: Id
    action: Literal["shown", "reserve", "not_now", "wrong", "gift"]
    at_s: Seconds


class Seen(msgspec.Struct, frozen=True, tag_field="kind", tag="seen", forbid_unknown_fields=True):
    """Cards that are really on the screen (an impression)."""

    card_ids: Ids


class Serving(
    msgspec.Struct, frozen=True, tag_field="kind", tag="serving", forbid_unknown_fields=True
):
    """An associate begins or ends to serve a guest."""

    id: Id
    contact_id: Id
    state: Literal["serving", "free"]


class Renew(msgspec.Struct, frozen=True, tag_field="kind", tag="renew", forbid_unknown_fields=True):
    """Every card this tablet has, on screen or not; said every 20 s.

    Attributes:
        tablet_id: Names this page for as long as it lives. One that names itself not takes no part
            in leases: what was recalled counts as gone from it at once.
        is_leaving: The page is being closed.
    """

    card_ids: Annotated[tuple[Id, ...], msgspec.Meta(max_length=512)]
    tablet_id: Id | None = None
    is_leaving: bool = False


class Impression(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A card and when it came on screen, in the box's time."""

    card_id: Id
    at_s: Seconds


class Report(
    msgspec.Struct, frozen=True, tag_field="kind", tag="report", forbid_unknown_fields=True
):
    """After a reconnect: what this tablet had shown before."""

    shown: Annotated[tuple[Impression, ...], msgspec.Meta(max_length=64)]
    tablet_id: Id | None = None


class Why(msgspec.Struct, frozen=True, tag_field="kind", tag="why", forbid_unknown_fields=True):
    """Staff want to see what each source of data contributed to a card."""

    id: Id
    contact_id: Id
    card_id: Id


ClientMessage = Reaction | Seen | Serving | Renew | Report | Why

_decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)


def decode(text: str | bytes) -> ClientMessage:
    """Read a tablet's message.

    Raises:
        MessageError: It is not one of ours; the detail names the field.
    """
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError("bad_tablet_message", str(error)) from error


def encode(message: ClientMessage) -> bytes:
    """Write a message as a tablet would, for recordings."""
    return msgspec.json.encode(message)
