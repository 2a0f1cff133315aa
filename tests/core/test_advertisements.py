"""Raw advertisements: frames worked out by hand from the published layouts."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.advertisements import (
    Frame,
    decode_advertisement,
    decode_eddystone,
    decode_manufacturer_data,
)
from edge.core.errors import MessageError
from edge.core.sightings import canonical_beacon_id

UUID = "00112233445566778899aabbccddeeff"
NAMESPACE = "1122334455aabbccddee"
IBEACON = f"4c000215{UUID}0102fffec5"
ALTBEACON = f"1801beac{UUID}00010002c400"
FLAGS = "020106"

FRAMES: dict[str, tuple[str, Frame | None]] = {
    "iBeacon after flags": (
        f"{FLAGS}1aff{IBEACON}",
        Frame("ibeacon", f"ibeacon:{UUID}-258-65534", -59.0),
    ),
    "iBeacon: a positive power byte is no power": (
        f"{FLAGS}1aff4c000215{UUID}010200011a",
        Frame("ibeacon", f"ibeacon:{UUID}-258-1", None),
    ),
    "iBeacon: a power of 0 is no power": (
        f"1aff4c000215{UUID}0102000100",
        Frame("ibeacon", f"ibeacon:{UUID}-258-1", None),
    ),
    "another Apple frame of 25 bytes": (f"1aff4c001219{'ab' * 21}", None),
    "an iBeacon one byte short": (f"19ff{IBEACON[:-2]}", None),
    "AltBeacon of any company": (
        f"1bff{ALTBEACON}",
        Frame("altbeacon", f"altbeacon:{UUID}-1-2", -60.0),
    ),
    "Eddystone-UID of 20 bytes: -21 dBm at 0 m is -62 at 1 m": (
        f"0303aafe1716aafe00eb{NAMESPACE}0000000000a10000",
        Frame("uid", f"eddystone:{NAMESPACE}-0000000000a1", -62.0),
    ),
    "Eddystone-UID of 18 bytes, before the reserved ones": (
        f"0303aafe1516aafe00eb{NAMESPACE}0000000000a1",
        Frame("uid", f"eddystone:{NAMESPACE}-0000000000a1", -62.0),
    ),
    "Eddystone-UID of 19 bytes": (f"1616aafe00eb{NAMESPACE}0000000000a100", None),
    "Eddystone-URL": (
        "0c16aafe10f20373746f726500",
        Frame("url", None, -55.0, url="https://store.com/"),
    ),
    "Eddystone-URL of an unknown scheme": ("0716aafe10f20961", None),
    "Eddystone-TLM: 3000 mV, 20.5 degrees": (
        "1116aafe20000bb81480000000010000000a",
        Frame("tlm", battery_mv=3000.0, temperature_c=20.5),
    ),
    "Eddystone-TLM: below zero": (
        "1116aafe20000bb8ff40000000010000000a",
        Frame("tlm", battery_mv=3000.0, temperature_c=-0.75),
    ),
    "Eddystone-TLM: neither battery nor thermometer": (
        "1116aafe200000008000000000010000000a",
        Frame("tlm"),
    ),
    "Eddystone-TLM, encrypted": ("1516aafe2001" + "ab" * 16, Frame("etlm")),
    "Eddystone-EID: -10 dBm at 0 m is -51 at 1 m": (
        "0d16aafe30f6a1a2a3a4a5a6a7a8",
        Frame("eid", "eid:a1a2a3a4a5a6a7a8", -51.0),
    ),
    "0xFEAA used by another maker's sensor": ("0c16aafe2101070a0b0c0d0e0f", None),
    "0xFEAA without content": ("0316aafe", None),
    "other service data": ("0416d2fc44", None),
    "a beacon after another structure": (
        f"0409616263{FLAGS}1aff{IBEACON}",
        Frame("ibeacon", f"ibeacon:{UUID}-258-65534", -59.0),
    ),
    "padding ends the advertisement": (f"{FLAGS}001aff{IBEACON}", None),
    "nothing": ("", None),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_is_read(name: str) -> None:
    """Bytes become the frame that the format's own document says."""
    digits, expected = FRAMES[name]
    assert decode_advertisement(bytes.fromhex(digits)) == expected


@pytest.mark.parametrize("digits", ["05", "1aff4c00", "02010603"])
def test_a_structure_that_overruns_is_refused(digits: str) -> None:
    """A truncated advertisement is not guessed at."""
    with pytest.raises(MessageError, match="truncated_advertisement"):
        decode_advertisement(bytes.fromhex(digits))


@given(st.binary(max_size=80))
def test_arbitrary_bytes_become_a_frame_or_nothing(content: bytes) -> None:
    """No bytes break the decoder, and every id it makes is canonical."""
    frames = [decode_manufacturer_data(content), decode_eddystone(content)]
    with contextlib.suppress(MessageError):
        frames.append(decode_advertisement(content))
    for frame in frames:
        if frame is not None and frame.beacon is not None:
            assert canonical_beacon_id(frame.beacon) == frame.beacon


IDS = {
    "iBeacon, ESPresense": (
        "iBeacon:00112233-4455-6677-8899-AABBCCDDEEFF-7-08",
        f"ibeacon:{UUID}-7-8",
    ),
    "iBeacon, room-assistant": (f"{UUID}-7-8", f"ibeacon:{UUID}-7-8"),
    "iBeacon, hyphens": ("00112233-4455-6677-8899-aabbccddeeff-7-8", f"ibeacon:{UUID}-7-8"),
    "AltBeacon, ESPresense": (
        "altBeacon:00112233-4455-6677-8899-aabbccddeeff-1-2",
        f"altbeacon:{UUID}-1-2",
    ),
    "Eddystone, ESPresense": (
        f"eddy:{NAMESPACE}-0000000000A1",
        f"eddystone:{NAMESPACE}-0000000000a1",
    ),
    "Eddystone, the fifth byte twice": (
        "eddy:112233445555aabbccddee-0000000000a1",
        f"eddystone:{NAMESPACE}-0000000000a1",
    ),
    "address with colons": ("D0:D1:D2:D3:D4:D5", "mac:d0d1d2d3d4d5"),
    "address with hyphens": ("d0-d1-d2-d3-d4-d5", "mac:d0d1d2d3d4d5"),
    "address without": ("D0D1D2D3D4D5", "mac:d0d1d2d3d4d5"),
    "address, ESPresense": ("known:d0d1d2d3d4d5", "mac:d0d1d2d3d4d5"),
    "identity key, ESPresense": ("irk:" + "AB" * 16, "irk:" + "ab" * 16),
    "ephemeral": ("eid:A1A2A3A4A5A6A7A8", "eid:a1a2a3a4a5a6a7a8"),
    "a name": ("tag of Kim", "name:tag of Kim"),
    "a name with hyphens": ("kim-s-tag", "name:kim-s-tag"),
    "a name with a prefix of its own": ("phone:kim", "name:phone:kim"),
    "a UUID without major and minor": (UUID, f"name:{UUID}"),
}


@pytest.mark.parametrize("name", IDS)
def test_an_id_has_one_canonical_form(name: str) -> None:
    """Every family's way to write an id ends in one form, and that form stays as it is."""
    written, expected = IDS[name]
    assert canonical_beacon_id(written) == expected
    assert canonical_beacon_id(expected) == expected


BAD_IDS = {
    "empty": "",
    "too long": "x" * 65,
    "not printable": "tag\n",
    "a lone surrogate": "\ud800",
    "iBeacon without minor": f"iBeacon:{UUID}-7",
    "major of more than 16 bits": f"iBeacon:{UUID}-65536-1",
    "major in other digits": f"iBeacon:{UUID}-٣-1",
    "negative minor": f"ibeacon:{UUID}-1--1",
    "a short UUID": f"iBeacon:{UUID[:-2]}-7-8",
    "an identity key too short": "irk:abcd",
    "no hexadecimal": "mac:d0d1d2d3d4dx",
    "Eddystone with a namespace too long, no byte doubled": "eddy:112233445566aabbccddee-00000000",
}


@pytest.mark.parametrize("name", BAD_IDS)
def test_an_id_that_breaks_its_form_is_refused(name: str) -> None:
    """An id that claims a form and does not keep it is no beacon."""
    with pytest.raises(MessageError, match="bad_beacon_id"):
        canonical_beacon_id(BAD_IDS[name])


@given(st.text(max_size=80))
def test_arbitrary_text_becomes_a_canonical_id_or_is_refused(text: str) -> None:
    """Canonical means that a second pass changes nothing."""
    try:
        beacon = canonical_beacon_id(text)
    except MessageError:
        return
    assert canonical_beacon_id(beacon) == beacon
