"""Each of the five families writes what its real firmware writes, and the box reads it back."""

import json
import random
from typing import Any

import pytest

from edge.adapters.mqtt.gateways import GatewayRouter, every_family
from edge.core.sightings import GatewayReport, Sighting, canonical_beacon_id
from simulator import beacons, floor
from simulator.beacons import Beacon
from simulator.floor import Receiver
from simulator.gateways import Gateways
from simulator.wire import Message

AT_S = 1_795_251_600.0  # 2026-11-21T09:00:00Z
PHONE = Beacon(
    "ibeacon", "7B63C682DC57", -59, uuid="1de4b189115e45f6b44e509352269977", major=49, minor=12
)
FOB = Beacon(
    "eddystone", "DD880000000C", -62, namespace="8d1fa3c4e75b20916ad0", instance="00000000000c"
)
STRANGER = Beacon("stranger", "545E9F64C454", -65, manufacturer="4c0010060319247bbc68")
PHONE_ID = "ibeacon:1de4b189115e45f6b44e509352269977-49-12"
FOB_ID = "eddystone:8d1fa3c4e75b20916ad0-00000000000c"
RECEIVER_OF = {family: next(r for r in floor.RECEIVERS if r.family == family)
               for family in floor.FAMILIES}  # fmt: skip


def _told(family: str, beacon: Beacon, rssi_dbm: int = -71) -> list[Message]:
    """Return what a fresh gateway of a family publishes on one advertisement."""
    gateways = Gateways(random.Random(1))
    told = list(gateways.hear(RECEIVER_OF[family], beacon, rssi_dbm, AT_S))
    return told + list(gateways.flush(AT_S))


def _payload(message: Message) -> Any:
    return json.loads(message.payload)


def test_espresense_writes_room_id_and_smoothed_rssi() -> None:
    """`espresense/devices/<id>/<room>`, hyphens in the UUID, a distance of its own."""
    (message,) = _told("espresense", PHONE)
    name = "iBeacon:1de4b189-115e-45f6-b44e-509352269977-49-12"
    assert message.topic == f"espresense/devices/{name}/haushalt"
    payload = _payload(message)
    assert list(payload) == [
        "mac", "id", "rssi@1m", "rssi", "rxAdj", "rssiVar", "distance", "var", "int",
    ]  # fmt: skip
    assert payload["mac"] == "7b63c682dc57"
    assert (payload["id"], payload["rssi@1m"], payload["rssi"]) == (name, -59, -71.0)
    assert payload["distance"] == pytest.approx(10 ** (12 / 27), abs=0.01)


def test_espresense_doubles_the_fifth_namespace_byte() -> None:
    """The trap: 22 hexadecimal digits where the frame has 20."""
    (message,) = _told("espresense", FOB)
    assert _payload(message)["id"] == "eddy:8d1fa3c4e7e75b20916ad0-00000000000c"


def test_espresense_filters() -> None:
    """A jump of 20 dB moves its answer by a quarter of it."""
    gateways = Gateways(random.Random(1))
    for rssi_dbm in (-70, -90):
        (message,) = gateways.hear(RECEIVER_OF["espresense"], PHONE, rssi_dbm, AT_S)
    assert _payload(message)["rssi"] == -75.0


def test_openmqttgateway_decodes_ibeacons_and_passes_eddystone_raw() -> None:
    """Topic by address without colons; the id has colons."""
    message = _told("openmqttgateway", PHONE)[0]
    assert message.topic == "home/OMG_Damen/BTtoMQTT/7B63C682DC57"
    assert _payload(message) == {
        "id": "7B:63:C6:82:DC:57", "mac_type": 1, "rssi": -71, "brand": "GENERIC",
        "model": "iBeacon", "model_id": "IBEACON", "mfid": "4c00",
        "uuid": "1de4b189115e45f6b44e509352269977", "major": 49, "minor": 12, "txpower": -59,
    }  # fmt: skip
    assert b'": ' not in message.payload, "ArduinoJson writes no blanks"
    # Power at 0 m is 41 dB above −62 dBm: −21 dBm, 0xeb.
    raw = _payload(_told("openmqttgateway", FOB)[0])
    assert raw["servicedata"] == "00eb8d1fa3c4e75b20916ad000000000000c0000"


def test_theengs_writes_like_python() -> None:
    """The same properties with a type and with blanks."""
    (message,) = _told("theengs", PHONE)
    assert message.topic == "home/TheengsSchuhe/BTtoMQTT/7B63C682DC57"
    assert _payload(message)["type"] == "BCON"
    assert b'": ' in message.payload
    assert _payload(_told("theengs", FOB)[0])["servicedatauuid"] == "feaa"
    assert _payload(_told("theengs", STRANGER)[0])["manufacturerdata"] == STRANGER.manufacturer


def test_minew_sends_an_array_with_itself_first() -> None:
    """One message for what it heard; iBeacons decoded, the rest as raw bytes."""
    gateways = Gateways(random.Random(1))
    for beacon in (PHONE, FOB):
        assert list(gateways.hear(RECEIVER_OF["minew"], beacon, -65, AT_S)) == []
    (message,) = gateways.flush(AT_S)
    own, phone, fob = _payload(message)
    assert message.topic == "/gw/AC233FC04A11/status"
    assert (own["type"], own["mac"]) == ("Gateway", "AC233FC04A11")
    assert phone == {
        "timestamp": "2026-11-21T09:00:00Z", "type": "iBeacon", "mac": "7B63C682DC57",
        "bleName": "", "ibeaconUuid": "1DE4B189115E45F6B44E509352269977", "ibeaconMajor": 49,
        "ibeaconMinor": 12, "rssi": -65, "ibeaconTxPower": -59, "battery": 0,
    }  # fmt: skip
    assert fob["type"] == "Unknown"
    assert fob["rawData"] == ("0201060303AAFE1716AAFE00EB8D1FA3C4E75B20916AD000000000000C0000")
    assert list(gateways.flush(AT_S)) == []


def test_ruuvi_forwards_bytes_with_times_as_text() -> None:
    """Raw iBeacon: flags, then 26 bytes of manufacturer data."""
    (message,) = _told("ruuvi", PHONE)
    assert message.topic == "ruuvi/C8:25:2D:8E:9C:01/7B:63:C6:82:DC:57"
    assert _payload(message) == {
        "gw_mac": "C8:25:2D:8E:9C:01", "rssi": -71, "aoa": [], "gwts": "1795251600",
        "ts": "1795251600",
        "data": "0201061AFF4C0002151DE4B189115E45F6B44E5093522699770031000CC5", "coords": "",
    }  # fmt: skip


@pytest.mark.parametrize("family", floor.FAMILIES)
@pytest.mark.parametrize(("beacon", "expected"), [(PHONE, PHONE_ID), (FOB, FOB_ID)])
def test_the_box_reads_every_family(family: str, beacon: Beacon, expected: str) -> None:
    """The canonical id, the RSSI and the receiver's name survive all five writings."""
    router = GatewayRouter(every_family())
    for message in _told(family, beacon):
        reports = router.decode(message.topic, message.payload)
        sightings = [report for report in reports if isinstance(report, Sighting)]
        assert [s.beacon for s in sightings] == [expected]
        assert sightings[0].gateway == RECEIVER_OF[family].gateway
        assert sightings[0].rssi_dbm == -71
        assert sightings[0].measured_power_dbm == beacon.measured_power_dbm
        assert router.family_of(message.topic, message.payload).name == family


@pytest.mark.parametrize("receiver", floor.RECEIVERS, ids=lambda r: r.gateway)
def test_the_box_understands_their_health(receiver: Receiver) -> None:
    """Whatever a gateway says about itself is read as alive, by the name of the floor plan."""
    router = GatewayRouter(every_family())
    for message in Gateways(random.Random(1)).health(receiver, AT_S, 3600):
        for report in router.decode(message.topic, message.payload):
            assert isinstance(report, GatewayReport)
            assert report.gateway == receiver.gateway
            assert report.is_online


@pytest.mark.parametrize(
    "raw",
    [
        "iBeacon:1DE4B189-115E-45F6-B44E-509352269977-49-12",
        "iBeacon:1de4b189-115e-45f6-b44e-509352269977-49-12",
        "eddystone:8d1fa3c4e75b20916ad0-00000000000c",
    ],
)
def test_raw_ids_of_members_are_what_their_beacons_send(raw: str) -> None:
    """The id in the members file and the frame on the air mean the same beacon."""
    beacon = beacons.of_raw_id(raw, random.Random(1))
    (message,) = _told("ruuvi", beacon)
    (report,) = GatewayRouter(every_family()).decode(message.topic, message.payload)
    assert isinstance(report, Sighting)
    assert report.beacon == canonical_beacon_id(raw)


def test_an_unknown_form_of_id_is_refused() -> None:
    """It says what was found and what was expected."""
    with pytest.raises(ValueError, match="expected iBeacon"):
        beacons.of_raw_id("mac:aabbccddeeff", random.Random(1))
