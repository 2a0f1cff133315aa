"""Where gateway formats mislead: every known trap, and whatever bytes may come, is a named case."""

import json
from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.adapters.mqtt.gateways import (
    FAMILIES,
    GatewayRouter,
    every_family,
    is_topic_filter,
    subscriptions,
)
from edge.core.errors import ConfigError, MessageError
from edge.core.sightings import BeaconReport, GatewayReport, Refusal, Report, Sighting

ROUTER = GatewayRouter(every_family())

UUID = "f0e1d2c3b4a5968778695a4b3c2d1e0f"
HYPHENED = "f0e1d2c3-b4a5-9687-7869-5a4b3c2d1e0f"
CARD = f"ibeacon:{UUID}-104-1"
MAC = "d0d1d2d3d4d5"

ESPRESENSE = f"espresense/devices/iBeacon:{HYPHENED}-104-1/shoes"
OMG = "home/OMG/BTtoMQTT/C1C2C3C4C5C6"
MINEW = "/gw/AC233FC0AAAA/status"


def seen(topic: str, payload: object) -> Sighting:
    """Return the first sighting of a message."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return next(each for each in ROUTER.decode(topic, body) if isinstance(each, Sighting))


def reason_of(topic: str, payload: bytes) -> str:
    """Return the reason for which a message is dropped."""
    with pytest.raises(MessageError) as refused:
        ROUTER.decode(topic, payload)
    return refused.value.reason


MAC_FORMS = {
    "with colons, upper case, in id": (OMG, {"id": "D0:D1:D2:D3:D4:D5", "rssi": -60}),
    "with colons, lower case, in id": (OMG, {"id": "d0:d1:d2:d3:d4:d5", "rssi": -60}),
    "in the topic only": ("home/OMG/BTtoMQTT/D0D1D2D3D4D5", {"rssi": -60}),
    "in mac, the id is a name": (OMG.replace("C1C2C3C4C5C6", "x"), {"mac": MAC, "rssi": -60}),
    "without colons, as ESPresense's id": (
        f"espresense/devices/known:{MAC}/shoes",
        {"id": f"known:{MAC}", "rssi": -60.5},
    ),
    "in addr": (MAC, {"addr": "d0:d1:d2:d3:d4:d5", "rssi": -60}),
    "as mqtt_room's id": ("room_presence/shoes", {"id": MAC.upper(), "distance": 2}),
    "with Minew's type Unknown": (MINEW, [{"mac": MAC.upper(), "rssi": -60, "rawData": ""}]),
}


@pytest.mark.parametrize("name", MAC_FORMS)
def test_an_address_has_one_form(name: str) -> None:
    """However a family writes an address, the beacon is the same."""
    topic, payload = MAC_FORMS[name]
    assert seen(topic, payload).beacon == f"mac:{MAC}"


UUID_FORMS = {
    "hyphens, inside ESPresense's id": (
        ESPRESENSE,
        {"id": f"iBeacon:{HYPHENED}-104-1", "rssi": -60.5},
    ),
    "hyphens, upper case": (
        ESPRESENSE,
        {"id": f"iBeacon:{HYPHENED.upper()}-104-1", "rssi": -60.5},
    ),
    "no hyphens, inside room-assistant's id": (
        "room-assistant/mqtt-room/shoes",
        {"id": f"{UUID}-104-1", "distance": 2},
    ),
    "hyphens, inside mqtt_room's id": (
        "room_presence/shoes",
        {"id": f"{HYPHENED}-104-1", "distance": 2},
    ),
    "no hyphens, own field": (OMG, {"uuid": UUID, "major": 104, "minor": 1, "rssi": -60}),
    "hyphens, own field": (OMG, {"uuid": HYPHENED, "major": 104, "minor": 1, "rssi": -60}),
    "the id is the UUID, no uuid field (the fault of OMG 1.7.0 turned round)": (
        OMG,
        {"id": UUID, "major": 104, "minor": 1, "rssi": -60, "mac": "5A:C2:C3:C4:C5:C6"},
    ),
    "upper case, Minew": (
        MINEW,
        [{"ibeaconUuid": UUID.upper(), "ibeaconMajor": 104, "ibeaconMinor": 1, "rssi": -60}],
    ),
    "hexadecimal major and minor, Happy Bubbles": (
        f"happy-bubbles/ble/shoes/ibeacon/{UUID}",
        {"uuid": UUID, "major": "0068", "minor": "0001", "tx_power": "c5", "rssi": -60},
    ),
    "hexadecimal major and minor, Tasmota": (
        "tele/shoes/SENSOR",
        {"IBEACON": {"UID": UUID.upper(), "MAJOR": "0068", "MINOR": "0001", "RSSI": -60}},
    ),
}


@pytest.mark.parametrize("name", UUID_FORMS)
def test_an_ibeacon_has_one_form(name: str) -> None:
    """Hyphens, case, decimal or hexadecimal: the beacon is the same; 0068 is 104, not 68."""
    topic, payload = UUID_FORMS[name]
    assert seen(topic, payload).beacon == CARD


def test_the_rotating_address_beside_a_stable_uuid_is_nowhere_in_the_reports() -> None:
    """The stable id is the beacon; the address of the moment leaves no trace."""
    payload = {"id": "5A:C2:C3:C4:C5:C6", "rssi": -60, "uuid": UUID, "major": 104, "minor": 1}
    reports = ROUTER.decode(OMG, json.dumps(payload).encode())
    assert "5a" not in repr(reports).lower().replace(UUID, "")


def test_an_apple_frame_labelled_an_ibeacon_is_none() -> None:
    """Old decoders call every Apple frame of 25 bytes an iBeacon: the raw bytes decide."""
    payload = {
        "id": "D0:D1:D2:D3:D4:D5",
        "rssi": -60,
        "manufacturerdata": "4c001219" + "ab" * 21,
        "model_id": "IBEACON",
        "uuid": "ab" * 16,
        "major": 43947,
        "minor": 43947,
    }
    assert seen(OMG, payload).beacon == f"mac:{MAC}"


POWERS: dict[str, tuple[str, object, float | None]] = {
    "integer at 1 m": (
        OMG,
        {"uuid": UUID, "major": 104, "minor": 1, "rssi": -60, "txpower": -66},
        -66.0,
    ),
    "hexadecimal byte": (
        f"happy-bubbles/ble/shoes/ibeacon/{UUID}",
        {"uuid": UUID, "major": "0068", "minor": "1", "tx_power": "c5", "rssi": -60},
        -59.0,
    ),
    "Eddystone, at 0 m: 41 dB less at 1 m": (
        OMG,
        {"id": MAC, "rssi": -60, "servicedatauuid": "feaa", "servicedata": "00f6" + "11" * 16},
        -51.0,
    ),
    "OMG's spelling of the service": (
        OMG,
        {"id": MAC, "rssi": -60, "servicedatauuid": "0xFEAA", "servicedata": "00f6" + "11" * 16},
        -51.0,
    ),
    "absent": (OMG, {"uuid": UUID, "major": 104, "minor": 1, "rssi": -60}, None),
    "replaced by volt": (
        OMG,
        {"uuid": UUID, "major": 104, "minor": 1, "rssi": -60, "volt": 2.6},
        None,
    ),
    "positive, so no power at 1 m": (OMG, {"id": MAC, "rssi": -60, "txpower": 12}, None),
    "0 from a gateway that does not know": (OMG, {"id": MAC, "rssi": -60, "txpower": 0}, None),
}


@pytest.mark.parametrize("name", POWERS)
def test_the_power_is_what_is_expected_at_one_metre(name: str) -> None:
    """Whatever a family calls power, a sighting holds dBm at 1 m or nothing."""
    topic, payload, expected = POWERS[name]
    assert seen(topic, payload).measured_power_dbm == expected


FILTERED: dict[str, tuple[str, object, bool]] = {
    "ESPresense 4 smooths": (ESPRESENSE, {"id": MAC, "rssi": -60.5}, True),
    "ESPresense 2 does not": (ESPRESENSE, {"id": MAC, "rssi": -60, "raw": 3.1}, False),
    "ESPresense 1 does not": (ESPRESENSE, {"id": MAC, "rssi": -60, "idType": 5}, False),
    "OMG does not": (OMG, {"id": MAC, "rssi": -60}, False),
    "room-assistant's filter does": (
        "room-assistant/entity/shoes/bluetooth-low-energy-presence-sensor/ble-x",
        {"entity": {"id": f"ble-{MAC}", "measuredValues": {"shoes": {"rssi": -60.5}}}},
        True,
    ),
}


@pytest.mark.parametrize("name", FILTERED)
def test_a_smoothed_rssi_says_so(name: str) -> None:
    """What a gateway smoothed must not be smoothed again."""
    topic, payload, expected = FILTERED[name]
    assert seen(topic, payload).is_filtered is expected


TIMES: dict[str, tuple[str, object, float | None]] = {
    "none: ESPresense": (ESPRESENSE, {"id": MAC, "rssi": -60.5}, None),
    "none: OMG": (OMG, {"id": MAC, "rssi": -60}, None),
    "ISO with Z: Minew": (
        MINEW,
        [{"timestamp": "2026-01-02T03:04:05Z", "mac": MAC, "rssi": -60}],
        1_767_323_045.0,
    ),
    "ISO with an offset: Minew": (
        MINEW,
        [{"timestamp": "2026-01-02T04:04:05+01:00", "mac": MAC, "rssi": -60}],
        1_767_323_045.0,
    ),
    "no time at all: Minew": (
        MINEW,
        [{"timestamp": "soon", "mac": MAC, "rssi": -60}],
        None,
    ),
    "ISO local without a zone: Tasmota": (
        "tele/shoes/SENSOR",
        {"Time": "2026-01-02T03:04:05", "IBEACON": {"MAC": MAC, "RSSI": -60}},
        None,
    ),
    "epoch seconds as text: Ruuvi": (
        f"ruuvi/gw/{MAC}",
        {"rssi": -60, "data": "", "ts": "1767323045"},
        1_767_323_045.0,
    ),
    "epoch seconds as a number: Ruuvi": (
        f"ruuvi/gw/{MAC}",
        {"rssi": -60, "data": "", "ts": 1767323045},
        1_767_323_045.0,
    ),
    "a counter instead: Ruuvi": (
        f"ruuvi/gw/{MAC}",
        {"rssi": -60, "data": "", "cnt": "338"},
        None,
    ),
    "an absurd number: Ruuvi": (
        f"ruuvi/gw/{MAC}",
        {"rssi": -60, "data": "", "ts": "99999999999999999999"},
        None,
    ),
}


@pytest.mark.parametrize("name", TIMES)
def test_only_a_time_with_a_zone_is_taken(name: str) -> None:
    """None means that the time of receipt counts."""
    topic, payload, expected = TIMES[name]
    assert seen(topic, payload).at_s == expected


RECEIVERS: dict[str, tuple[str, object, str]] = {
    "last topic level: ESPresense": (ESPRESENSE, {"id": MAC, "rssi": -60.5}, "shoes"),
    "last topic level: mqtt_room": ("room_presence/cafe", {"id": MAC, "distance": 1}, "cafe"),
    "second topic level: OMG": (OMG, {"id": MAC, "rssi": -60}, "OMG"),
    "last topic level: OMG's presence": (
        "home/presence/OMG_2",
        {"id": "D0:D1:D2:D3:D4:D5", "rssi": -60},
        "OMG_2",
    ),
    "hostname: Happy Bubbles": (
        "happy-bubbles/ble/x/raw/y",
        {"hostname": "till", "mac": MAC, "rssi": -60, "data": ""},
        "till",
    ),
    "gw_mac: Ruuvi": (
        f"ruuvi/x/{MAC}",
        {"gw_mac": "C8:25:2D:00:00:02", "rssi": -60, "data": ""},
        "C8:25:2D:00:00:02",
    ),
    "an array's element: Minew": (
        "/sur/g2/status",
        [{"type": "Gateway", "mac": "AC233FC0CCCC"}, {"mac": MAC, "rssi": -60}],
        "AC233FC0CCCC",
    ),
    "no element, so the topic: Minew": (MINEW, [{"mac": MAC, "rssi": -60}], "AC233FC0AAAA"),
    "a level before the bare address: Shelly": (
        f"till/{MAC}",
        {"addr": MAC, "rssi": -60},
        "till",
    ),
}


@pytest.mark.parametrize("name", RECEIVERS)
def test_the_receiver_is_named_where_its_family_names_it(name: str) -> None:
    """Topic level, payload field or array element: the receiver is found."""
    topic, payload, expected = RECEIVERS[name]
    router = GatewayRouter({**every_family(), "minew": ("/gw/+/status", "/sur/+/status")})
    if "Shelly" in name:
        router = GatewayRouter({"shelly": ("till/+",)})
    body = json.dumps(payload).encode()
    reports = router.decode(topic, body)
    assert {report.gateway for report in reports} == {expected}


def test_a_namespace_of_22_digits_is_repaired_only_where_a_byte_is_doubled() -> None:
    """ESPresense prints the fifth byte twice; another namespace of 11 bytes is refused."""
    doubled = '{"id":"eddy:a1a2a3a4a5a5a6a7a8a9aa-0000000000a1","rssi":-60.5}'
    other = '{"id":"eddy:a1a2a3a4a5b5a6a7a8a9aa-0000000000a1","rssi":-60.5}'
    assert seen(ESPRESENSE, doubled.encode()).beacon == (
        "eddystone:a1a2a3a4a5a6a7a8a9aa-0000000000a1"
    )
    assert reason_of(ESPRESENSE, other.encode()) == "bad_beacon_id"


def test_one_odd_element_does_not_lose_the_batch() -> None:
    """The rest of an array is used, and each odd element is counted by its reason."""
    payload = json.dumps(
        [
            {"type": "Gateway", "mac": "AC233FC0AAAA"},
            {"mac": MAC, "rssi": "loud"},
            {"mac": MAC, "rssi": -60},
            {"mac": MAC, "rssi": 99},
            {"mac": MAC, "rssi": -61, "rawData": "0"},
            {"mac": MAC, "rssi": -61, "rawData": "1eff00"},
            {"mac": "", "rssi": -61},
        ]
    ).encode()
    reports = ROUTER.decode(MINEW, payload)
    assert [each for each in reports if isinstance(each, Sighting)] == [
        Sighting("AC233FC0AAAA", f"mac:{MAC}", -60.0)
    ]
    assert [each.reason for each in reports if isinstance(each, Refusal)] == [
        "wrong_type",
        "bad_rssi",
        "bad_hex",
        "truncated_advertisement",
        "no_beacon_id",
    ]


def test_a_battery_of_zero_is_a_gateway_that_does_not_know() -> None:
    """Minew writes 0 for every iBeacon; only a real charge becomes a report."""
    elements = [{"mac": MAC, "rssi": -60, "battery": 0}, {"mac": MAC, "rssi": -60, "battery": 97}]
    reports = ROUTER.decode(MINEW, json.dumps(elements).encode())
    assert [each for each in reports if isinstance(each, BeaconReport)] == [
        BeaconReport("AC233FC0AAAA", f"mac:{MAC}", None, 97.0)
    ]


STATUS = {
    "ESPresense": ("espresense/rooms/shoes/status", b"online", True),
    "Theengs": ("home/TheengsGateway/LWT", b"offline", False),
    "OMG": ("home/OMG/LWT", b"online", True),
    "Tasmota, with a capital": ("tele/plug/LWT", b"Online", True),
    "Ruuvi": ("ruuvi/gw/gw_status", b'{"state":"online"}', True),
    "Minew": (MINEW, b'[{"type":"Gateway","mac":"A","gatewayLoad":0.1}]', True),
}


@pytest.mark.parametrize("name", STATUS)
def test_a_sign_of_life_is_read(name: str) -> None:
    """Last wills and load reports tell whether a gateway lives."""
    topic, payload, expected = STATUS[name]
    reports = [each for each in ROUTER.decode(topic, payload) if isinstance(each, GatewayReport)]
    assert [report.is_online for report in reports] == [expected]


VALID = {
    "espresense": (ESPRESENSE, f'{{"id":"iBeacon:{HYPHENED}-104-1","rssi":-60.5}}'.encode()),
    "openmqttgateway": (OMG, b'{"id":"D0:D1:D2:D3:D4:D5","rssi":-60}'),
    "theengs": (OMG, b'{"id": "D0:D1:D2:D3:D4:D5", "rssi": -60}'),
    "room_assistant": ("room-assistant/mqtt-room/shoes", b'{"id":"x","distance":1}'),
    "mqtt_room": ("room_presence/shoes", b'{"id":"x","distance":1}'),
    "shelly": ("d0:d1:d2:d3:d4:d5", b'{"rssi":-60}'),
    "minew": (MINEW, b'[{"mac":"D0D1D2D3D4D5","rssi":-60}]'),
    "ruuvi": (f"ruuvi/gw/{MAC}", b'{"rssi":-60,"data":""}'),
    "april_brother": (
        "april-brother/x",
        msgspec.msgpack.encode({"mac": "A", "devices": [b"\x00" * 7 + b"\xc4"]}),
    ),
    "tasmota": ("tele/x/SENSOR", b'{"IBEACON":{"MAC":"D0D1D2D3D4D5","RSSI":-60}}'),
    "happy_bubbles": (
        "happy-bubbles/ble/x/raw/y",
        b'{"mac":"d0d1d2d3d4d5","rssi":-60,"data":""}',
    ),
}

BREAKS: dict[str, tuple[Callable[[bytes], bytes], set[str]]] = {
    "empty": (lambda _: b"", {"malformed"}),
    "truncated": (lambda payload: payload[: len(payload) // 2], {"malformed"}),
    "huge": (lambda payload: payload + b" " * 65_536, {"too_large"}),
    "not UTF-8": (
        lambda payload: payload.replace(b"{", b'{"z":"\xff",', 1),
        {"not_utf8", "malformed"},
    ),
    "nested too deeply": (
        lambda payload: payload.replace(b"{", b'{"z":' + b"[" * 30_000 + b"]" * 30_000 + b",", 1),
        {"too_deep", "malformed"},
    ),
    "NaN": (lambda payload: payload.replace(b"1", b"NaN").replace(b"-60", b"NaN"), {"malformed"}),
    "infinite": (
        lambda payload: payload.replace(b"-60", b"1e999").replace(b":1}", b":1e999}"),
        {"wrong_type", "malformed"},
    ),
    "text for a number": (
        lambda payload: (
            payload.replace(b"-60", b'"x').replace(b".5", b"").replace(b":1}", b':"x"}')
            if b".5" not in payload
            else payload.replace(b"-60.5", b'"x"')
        ),
        {"wrong_type", "malformed"},
    ),
    "an array or object in the wrong place": (lambda _: b"[[{}]]", {"wrong_type", "malformed"}),
}


@pytest.mark.parametrize("family", VALID)
def test_the_valid_message_that_is_broken_below_is_valid(family: str) -> None:
    """Each family's start is sound, so a refusal below comes from the break alone."""
    topic, payload = VALID[family]
    assert any(isinstance(each, Sighting) for each in ROUTER.decode(topic, payload))
    assert ROUTER.family_of(topic, payload).name == family


@pytest.mark.parametrize("family", VALID)
@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_message_is_refused_by_its_reason(family: str, name: str) -> None:
    """Size, encoding, depth and types are refused in every family."""
    topic, payload = VALID[family]
    break_it, reasons = BREAKS[name]
    broken = break_it(payload)
    if broken == payload:  # a MessagePack without that text cannot be broken this way
        assert family == "april_brother"
        return
    reports = _outcome(ROUTER.decode, topic, broken)
    assert {each.reason for each in reports if isinstance(each, Refusal)} & reasons
    assert not any(isinstance(each, Sighting) for each in reports)


KINDS = {"ibeacon", "altbeacon", "eddystone", "eid", "irk", "mac", "name"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
KEYS = [
    *("id", "mac", "rssi", "rssi@1m", "distance", "raw", "idType", "mV", "batt", "uuid", "major"),
    *("minor", "txpower", "volt", "manufacturerdata", "servicedata", "servicedatauuid"),
    *("presence", "timestamp", "type", "gateway", "ibeaconUuid", "ibeaconMajor", "ibeaconMinor"),
    *("ibeaconTxPower", "battery", "rawData", "data", "gw_mac", "ts", "IBEACON", "UID", "MAJOR"),
    *("MINOR", "MAC", "RSSI", "STATE", "hostname", "tx_power", "namespace", "instance_id", "addr"),
    *("service_data", "src", "entity", "distances", "measuredValues", "devices", "state"),
]
likely_values = st.one_of(
    json_values,
    st.sampled_from([-60, -60.5, 0, 127, "feaa", UUID, HYPHENED, MAC, "c5", "0068", "absent"]),
    st.text("0123456789abcdef:-", max_size=40),
    st.binary(max_size=40).map(bytes.hex),
)
likely_objects = st.dictionaries(st.sampled_from(KEYS), likely_values, max_size=8)
topics = st.sampled_from(
    [
        *(topic for topic, _ in VALID.values()),
        "espresense/rooms/shoes/status",
        "espresense/rooms/shoes/telemetry",
        "home/x/LWT",
        "home/x/SYStoMQTT",
        "tele/x/LWT",
        "ruuvi/x/gw_status",
        f"happy-bubbles/ble/x/ibeacon/{UUID}",
        "happy-bubbles/ble/x/eddystone/y",
        "room-assistant/entity/x/bluetooth-low-energy-presence-sensor/ble-x",
        "blegateway/d0d1d2d3d4d5/sensor",
    ]
)


@given(topics | st.text(max_size=30), st.binary(max_size=400))
@example(MINEW, b"\xbb\x01\x00\x00\x00\x0f" + b"\x00" * 8 + b"\xdd")
@example(MINEW, b"\xbb\x02" + b"\x00" * 30)
def test_arbitrary_bytes_raise_only_a_message_error(topic: str, payload: bytes) -> None:
    """Whatever bytes come, the loop lives."""
    for family in FAMILIES.values():
        _decode_or_refuse(family.decode, topic, payload)
    _decode_or_refuse(ROUTER.decode, topic, payload)


@given(topics, likely_objects | st.lists(likely_objects, max_size=4) | json_values)
def test_arbitrary_json_raises_only_a_message_error(topic: str, value: object) -> None:
    """Whatever JSON comes, with the families' own keys above all, the loop lives."""
    payload = json.dumps(value).encode()
    for family in FAMILIES.values():
        _decode_or_refuse(family.decode, topic, payload)


@given(
    st.dictionaries(
        st.sampled_from(["mac", "devices", "time"]),
        st.recursive(
            st.none() | st.floats() | st.binary(max_size=60) | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=4),
            max_leaves=6,
        ),
    )
)
def test_arbitrary_message_pack_raises_only_a_message_error(value: object) -> None:
    """Whatever MessagePack comes, the loop lives."""
    decode = FAMILIES["april_brother"].decode
    _decode_or_refuse(decode, "april-brother/x", msgspec.msgpack.encode(value))


@given(st.binary(max_size=80), st.sampled_from([b"\xbb\x01", b"\xbb\x02"]))
def test_a_binary_minew_message_with_right_lengths_raises_only_a_message_error(
    content: bytes, head: bytes
) -> None:
    """Lengths that agree outside but not inside do not break the loop either."""
    if head == b"\xbb\x01":
        payload = head + (len(content) + 7).to_bytes(4, "big") + content + b"\xdd"
    else:
        body = b"\x84\x3e" + len(content).to_bytes(4, "little") + content
        payload = head + bytes(4) + (len(body) + 14).to_bytes(4, "little")
        payload += len(body).to_bytes(4, "little") + body
    _decode_or_refuse(FAMILIES["minew"].decode, MINEW, payload)


def _outcome(
    decode: Callable[[str, bytes], Sequence[Report]], topic: str, payload: bytes
) -> Sequence[Report]:
    """Return the reports, or the refusal of the whole message as one."""
    try:
        return decode(topic, payload)
    except MessageError as error:
        return [Refusal("", error.reason)]


def _decode_or_refuse(
    decode: Callable[[str, bytes], Sequence[Report]], topic: str, payload: bytes
) -> None:
    for report in _outcome(decode, topic, payload):
        report.gateway.encode()  # no lone surrogate reached an id or a gateway's name
        if isinstance(report, Refusal):
            assert report.reason.isidentifier()
        elif not isinstance(report, GatewayReport):
            report.beacon.encode()
            assert report.beacon.partition(":")[0] in KINDS


def test_configured_filters_replace_a_family_s_own() -> None:
    """A Minew gateway publishes where it is told to, and is found there."""
    router = GatewayRouter({"minew": ("shop/floor-1/#",)})
    payload = b'[{"type":"Gateway","mac":"A"}]'
    assert router.subscriptions() == ["shop/floor-1/#"]
    assert router.decode("shop/floor-1/g1/status", payload) == [GatewayReport("A", True)]
    with pytest.raises(MessageError, match="unknown_topic"):
        router.decode(MINEW, payload)


def test_families_that_share_a_first_level_are_told_apart_by_the_rest() -> None:
    """A first level of two families is searched, not guessed."""
    router = GatewayRouter({"mqtt_room": ("shop/rooms/+",), "tasmota": ("shop/+/SENSOR",)})
    assert router.family_of("shop/rooms/cafe").name == "mqtt_room"
    assert router.family_of("shop/plug/SENSOR").name == "tasmota"
    with pytest.raises(MessageError, match="unknown_topic"):
        router.family_of("shop/plug/STATE")


def test_omg_and_theengs_are_told_apart_by_the_writing_where_both_are_enabled() -> None:
    """They share topics; alone, each takes all of them."""
    compact, spaced = b'{"id":"D0:D1:D2:D3:D4:D5"}', b'{"id": "D0:D1:D2:D3:D4:D5"}'
    assert ROUTER.family_of(OMG, compact).name == "openmqttgateway"
    assert ROUTER.family_of(OMG, spaced).name == "theengs"
    assert GatewayRouter({"theengs": ()}).family_of(OMG, compact).name == "theengs"
    assert GatewayRouter({"openmqttgateway": ()}).family_of(OMG, spaced).name == "openmqttgateway"


def test_a_bad_set_up_names_every_problem_at_once() -> None:
    """An unknown family and each impossible filter are named, with what was expected."""
    with pytest.raises(ConfigError) as refused:
        GatewayRouter({"minev": (), "minew": ("a/#/b", "a/b+"), "shelly": ()})
    assert len(refused.value.problems) == 3
    assert "minew" in refused.value.problems[0]


@pytest.mark.parametrize(
    ("topic_filter", "is_valid"),
    [
        *[(valid, True) for valid in ("a/b", "+", "#", "a/+/b", "a/#", "/a/+")],
        *[(broken, False) for broken in ("", "a#", "a/#/b", "a+/b")],
    ],
)
def test_topic_filters_follow_mqtt(topic_filter: str, is_valid: bool) -> None:
    """MQTT 3.1.1, 4.7.1."""
    assert is_topic_filter(topic_filter) is is_valid


def test_subscriptions_are_listed_once() -> None:
    """Families that share a filter subscribe to it once."""
    assert subscriptions(["theengs", "openmqttgateway"]).count("home/+/BTtoMQTT/#") == 1
