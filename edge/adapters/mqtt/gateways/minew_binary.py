"""The two binary layouts of Minew gateways, BINARY-LONG and MINEW-CONNECT, as bytes only.

Decides where one advertisement ends and the next begins; what it says is decoded elsewhere.

BINARY-LONG, big-endian: `BB 01`, length of all (4), gateway address (6), number of transmitters
(2); each: address (6), number of packets (2); each: length (1), advertisement, response and
address type (1), RSSI int8 (1); at the end `DD`.
MINEW-CONNECT, little-endian: `BB 02`, 4 bytes unread, length of all (4), length of body (4),
`84 3E`, length of content (4); each: length (2), receiver (1), flags (1), address (6, as read),
RSSI int8 (1), payload length (1), advertisement, and an angle of arrival where length remains.
"""

from typing import NamedTuple

from edge.core.errors import MessageError

LONG_HEADER_BYTES = 14
LONG_TAIL = 0xDD
CONNECT_HEADER_BYTES = 20
CONNECT_BODY = b"\x84\x3e"
CONNECT_FIXED_BYTES = 10  # receiver, flags, address, RSSI, payload length


class Heard(NamedTuple):
    """One advertisement: the sender's address in hexadecimal, its RSSI and its AD structures."""

    address: str
    rssi_dbm: float
    advertisement: bytes


def decode_long(payload: bytes) -> tuple[str, list[Heard]]:
    """Return the gateway's address (upper-case hexadecimal, as in JSON) and what it heard.

    Raises:
        MessageError: `malformed` where lengths, counts or the tail do not agree.
    """
    if (
        len(payload) <= LONG_HEADER_BYTES
        or int.from_bytes(payload[2:6], "big") != len(payload)
        or payload[-1] != LONG_TAIL
    ):
        raise _malformed("BINARY-LONG's length or tail does not fit")
    heard: list[Heard] = []
    position, end = LONG_HEADER_BYTES, len(payload) - 1
    for _ in range(int.from_bytes(payload[12:14], "big")):
        if position + 8 > end:
            raise _malformed("BINARY-LONG ends within a transmitter")
        address = payload[position : position + 6].hex()
        packets = int.from_bytes(payload[position + 6 : position + 8], "big")
        position = _read_packets(payload, position + 8, packets, address, heard)
    return payload[6:12].hex().upper(), heard


def _read_packets(
    payload: bytes, position: int, packets: int, address: str, heard: list[Heard]
) -> int:
    end = len(payload) - 1
    for _ in range(packets):
        following = position + payload[position] + 3
        if following > end:
            raise _malformed("BINARY-LONG ends within a packet")
        rssi_dbm = _signed_8(payload[following - 1])
        heard.append(Heard(address, rssi_dbm, payload[position + 1 : following - 2]))
        position = following
    return position


def decode_connect(payload: bytes) -> list[Heard]:
    """Return what a gateway heard; it is named by the topic only.

    Raises:
        MessageError: `malformed` where the lengths do not agree.
    """
    if (
        len(payload) < CONNECT_HEADER_BYTES
        or _little(payload, 6) != len(payload)
        or _little(payload, 10) != len(payload) - 14
        or payload[14:16] != CONNECT_BODY
        or _little(payload, 16) != len(payload) - CONNECT_HEADER_BYTES
    ):
        raise _malformed("MINEW-CONNECT's lengths do not fit")
    heard: list[Heard] = []
    position = CONNECT_HEADER_BYTES
    while position < len(payload):
        content = position + 2
        following = content + int.from_bytes(payload[position:content], "little")
        start = content + CONNECT_FIXED_BYTES
        if following > len(payload) or start > following:
            raise _malformed("MINEW-CONNECT ends within an advertisement")
        if start + payload[start - 1] > following:
            raise _malformed("a MINEW-CONNECT advertisement overruns its frame")
        advertisement = payload[start : start + payload[start - 1]]
        address = payload[content + 2 : content + 8].hex()
        heard.append(Heard(address, _signed_8(payload[content + 8]), advertisement))
        position = following
    return heard


def _little(payload: bytes, position: int) -> int:
    return int.from_bytes(payload[position : position + 4], "little")


def _signed_8(octet: int) -> float:
    return float(octet - 256 if octet > 127 else octet)


def _malformed(detail: str) -> MessageError:
    return MessageError("malformed", detail)
