"""Every message form of every gateway family, with values of our own, ends as its report or drop.

The names S1..S33 number the forms seen in the field; a store can look its own message up here.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge.adapters.mqtt.broker import BrokerLoop, Message
from edge.adapters.mqtt.gateways import GatewayRouter, every_family
from edge.core.errors import MessageError
from edge.core.sightings import BeaconReport, GatewayReport, Refusal, Report, Sighting
from tests.conftest import Mosquitto, wait_until

ROUTER = GatewayRouter(every_family())

UUID = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
HYPHENED = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
NAMESPACE = "1122334455aabbccddee"
CARD = f"ibeacon:{UUID}-40-4711"

CASES: dict[str, tuple[str, str, list[Report]]] = {
    "S1 ESPresense: an iBeacon, smoothed already": (
        f"espresense/devices/iBeacon:{HYPHENED}-40-4711/shoes",
        f'{{"mac":"c1c2c3c4c5c6","id":"iBeacon:{HYPHENED}-40-4711","rssi@1m":-61,'
        '"rssi":-74.25,"rxAdj":0,"rssiVar":3.10,"distance":3.09,"var":0.40,"int":980}',
        [Sighting("shoes", CARD, -74.25, -61.0, 3.09, None, True)],
    ),
    "S2 ESPresense: a phone with a name; rxAdj is in the rssi already": (
        f"espresense/devices/iBeacon:{HYPHENED}-7-8/cafe",
        f'{{"mac":"4a4b4c4d4e4f","id":"iBeacon:{HYPHENED}-7-8","name":"a phone","rssi@1m":-58,'
        '"rssi":-66.5,"rxAdj":12,"rssiVar":1.1,"distance":1.9,"var":0.1,"int":700}',
        [Sighting("cafe", f"ibeacon:{UUID}-7-8", -66.5, -58.0, 1.9, None, True)],
    ),
    "S3 ESPresense: a known address, close by": (
        "espresense/devices/known:d0d1d2d3d4d5/till_2",
        '{"mac":"d0d1d2d3d4d5","id":"known:d0d1d2d3d4d5","rssi@1m":-70,"rssi":-40.5,"rxAdj":0,'
        '"rssiVar":2.2,"distance":0.08,"var":0,"close":true,"int":1200}',
        [Sighting("till_2", "mac:d0d1d2d3d4d5", -40.5, -70.0, 0.08, None, True)],
    ),
    "S4 ESPresense: firmware 2, rssi not smoothed": (
        "espresense/devices/d0d1d2d3d4d5/till_2",
        '{"id":"d0d1d2d3d4d5","idType":55,"rssi@1m":-69,"rssi":-88,"raw":6.1,"distance":5.9,'
        '"speed":0.01,"mac":"d0d1d2d3d4d5","interval":3000}',
        [Sighting("till_2", "mac:d0d1d2d3d4d5", -88.0, -69.0, 5.9, None, False)],
    ),
    "S4 ESPresense: firmware 2 on its topic of a room": (
        "espresense/rooms/till_2",
        '{"id":"d0d1d2d3d4d5","idType":55,"rssi@1m":-69,"rssi":-88,"raw":6.1,"distance":5.9}',
        [Sighting("till_2", "mac:d0d1d2d3d4d5", -88.0, -69.0, 5.9, None, False)],
    ),
    "S5 ESPresense: telemetry is a sign of life": (
        "espresense/rooms/shoes/telemetry",
        '{"ip":"192.0.2.7","uptime":4711,"firm":"esp32","rssi":-50,"ver":"v4.1","adverts":9}',
        [GatewayReport("shoes", True)],
    ),
    "S6 ESPresense: online": (
        "espresense/rooms/shoes/status",
        "online",
        [GatewayReport("shoes", True)],
    ),
    "S6 ESPresense: last will": (
        "espresense/rooms/shoes/status",
        "offline",
        [GatewayReport("shoes", False)],
    ),
    "S7 ESPresense: Eddystone-UID with the fifth byte twice": (
        "espresense/devices/eddy:112233445555aabbccddee-0000000000a1/shoes",
        '{"mac":"c1c2c3c4c5c6","id":"eddy:112233445555aabbccddee-0000000000a1","rssi@1m":-63,'
        '"rssi":-71.00,"rxAdj":0,"distance":2.2,"int":1010}',
        [Sighting("shoes", f"eddystone:{NAMESPACE}-0000000000a1", -71.0, -63.0, 2.2, None, True)],
    ),
    "S7 ESPresense: Eddystone-UID as a repaired firmware writes it": (
        f"espresense/devices/eddy:{NAMESPACE}-0000000000a1/shoes",
        f'{{"id":"eddy:{NAMESPACE}-0000000000a1","rssi":-71.5}}',
        [Sighting("shoes", f"eddystone:{NAMESPACE}-0000000000a1", -71.5, is_filtered=True)],
    ),
    "S8 OpenMQTTGateway: topic is the address": (
        "home/OMG_east/BTtoMQTT/C1C2C3C4C5C6",
        '{"id":"C1:C2:C3:C4:C5:C6","mac_type":1,"rssi":-70,"brand":"GENERIC","model":"iBeacon",'
        f'"model_id":"IBEACON","mfid":"4c00","uuid":"{UUID}","major":40,"minor":4711,'
        '"txpower":-62}',
        [Sighting("OMG_east", CARD, -70.0, -62.0)],
    ),
    "S9 OpenMQTTGateway: topic is the UUID": (
        f"home/OMG_east/BTtoMQTT/{UUID}",
        '{"id":"5A:C2:C3:C4:C5:C6","mac_type":1,"rssi":-75,"brand":"GENERIC","model":"iBeacon",'
        f'"model_id":"IBEACON","mfid":"4c00","uuid":"{UUID}","major":40,"minor":4711,'
        '"txpower":-62}',
        [Sighting("OMG_east", CARD, -75.0, -62.0)],
    ),
    "S10 OpenMQTTGateway: presence with a distance": (
        "home/home_presence/OMG_east",
        '{"id":"5A:C2:C3:C4:C5:C6","mac_type":1,"rssi":-77,"distance":6.5,"brand":"GENERIC",'
        f'"model":"iBeacon","mfid":"4c00","uuid":"{UUID}","major":40,"minor":4711,"txpower":-62}}',
        [Sighting("OMG_east", CARD, -77.0, -62.0, 6.5)],
    ),
    "S11 OpenMQTTGateway: the id is the UUID": (
        "home/presence/OMG_east",
        f'{{"id":"{UUID}","mac_type":1,"rssi":-77,"distance":6.5,"brand":"GENERIC",'
        f'"model":"iBeacon","mfid":"4c00","uuid":"{UUID}","major":40,"minor":4711,"txpower":-62,'
        '"mac":"5A:C2:C3:C4:C5:C6"}',
        [Sighting("OMG_east", CARD, -77.0, -62.0, 6.5)],
    ),
    "S12 OpenMQTTGateway: undecoded service data": (
        "home/OMG_east/BTtoMQTT/D0D1D2D3D4D5",
        '{"id":"d0:d1:d2:d3:d4:d5","rssi":-91,"distance":18.2,"servicedata":"fe00000000"}',
        [Sighting("OMG_east", "mac:d0d1d2d3d4d5", -91.0, None, 18.2)],
    ),
    "S13 Theengs: a sensor with a shortened id, the topic has the address": (
        "home/TheengsGateway/BTtoMQTT/D0D1D2D3D4D5",
        '{"name":"D3D4D5","id":"D3:D4:D5","rssi":-79,"brand":"BlueMaestro","tempc":22.5,'
        '"volt":2.71}',
        [
            Sighting("TheengsGateway", "mac:d0d1d2d3d4d5", -79.0),
            BeaconReport("TheengsGateway", "mac:d0d1d2d3d4d5", 2710.0),
        ],
    ),
    "S14 Theengs: a phone resolved by the gateway, named by its identity address": (
        "home/TheengsGateway/BTtoMQTT/D0D1D2D3D4D5",
        '{"manufacturerdata": "4c00100503aabbccdd", "id": "D0:D1:D2:D3:D4:D5", "rssi": -47,'
        ' "brand": "Apple", "model_id": "APPLEDEVICE", "type": "TRACK", "track": true,'
        ' "unlocked": false, "distance": 0.05}',
        [Sighting("TheengsGateway", "mac:d0d1d2d3d4d5", -47.0, None, 0.05)],
    ),
    "S15 Theengs: an Apple frame that is no beacon": (
        "home/TheengsGateway/BTtoMQTT/undecoded",
        '{"id": "5A:94:5E:9F:64:C4", "mac_type": 1, "manufacturerdata": "4c00100503aabbccdd",'
        ' "rssi": -70, "txpower": 8}',
        [Sighting("TheengsGateway", "mac:5a945e9f64c4", -70.0)],
    ),
    "S16 Theengs: the raw frame beside its decoding": (
        "home/TheengsGateway/BTtoMQTT/C1C2C3C4C5C6",
        '{"id":"c1:c2:c3:c4:c5:c6","rssi":-68,'
        f'"manufacturerdata":"4c000215{UUID}00281267c3","brand":"GENERIC","model":"iBeacon",'
        f'"type":"BCON","mfid":"4c00","uuid":"{UUID}","major":40,"minor":4711,"txpower":-61}}',
        [Sighting("TheengsGateway", CARD, -68.0, -61.0)],
    ),
    "S17 Theengs: a positive power byte comes as volt": (
        "home/TheengsGateway/BTtoMQTT/C1C2C3C4C5C6",
        '{"id":"C1:C2:C3:C4:C5:C6","rssi":-64,"brand":"GENERIC","model":"iBeacon",'
        f'"type":"BCON","mfid":"4c00","uuid":"{UUID}","major":40,"minor":4711,"volt":2.9}}',
        [Sighting("TheengsGateway", CARD, -64.0), BeaconReport("TheengsGateway", CARD, 2900.0)],
    ),
    "S18 Theengs: Eddystone-UID arrives raw, its power at 0 m": (
        "home/TheengsGateway/BTtoMQTT/C1C2C3C4C5C7",
        '{"id": "C1:C2:C3:C4:C5:C7", "rssi": -66, "servicedatauuid": "feaa",'
        f' "servicedata": "00eb{NAMESPACE}0000000000a10000"}}',
        [Sighting("TheengsGateway", f"eddystone:{NAMESPACE}-0000000000a1", -66.0, -62.0)],
    ),
    "S19 Theengs: last will": (
        "home/TheengsGateway/LWT",
        "offline",
        [GatewayReport("TheengsGateway", False)],
    ),
    "S25 Minew: JSON-LONG, the gateway is an element": (
        "/gw/AC233FC0AAAA/status",
        '[{"timestamp":"2026-03-04T05:06:07.500Z","type":"Gateway","mac":"AC233FC0AAAA",'
        '"gatewayFree":90,"gatewayLoad":0.05},'
        '{"timestamp":"2026-03-04T05:06:07.250Z","type":"iBeacon","mac":"C1C2C3C4C5C6",'
        f'"bleName":"","ibeaconUuid":"{UUID.upper()}","ibeaconMajor":40,"ibeaconMinor":4711,'
        '"rssi":-60,"ibeaconTxPower":-59,"battery":0}]',
        [
            GatewayReport("AC233FC0AAAA", True, None, 1_772_600_767.5),
            Sighting("AC233FC0AAAA", CARD, -60.0, -59.0, None, 1_772_600_767.25),
        ],
    ),
    "S26 Minew: an Unknown element carries the advertisement": (
        "/gw/AC233FC0AAAA/status",
        '[{"timestamp":"2026-03-04T05:06:07Z","type":"Unknown","mac":"C1C2C3C4C5C6",'
        f'"bleName":"x","rssi":-53,"rawData":"0201061AFF4C000215{UUID.upper()}00281267C5"}},'
        '{"timestamp":"2026-03-04T05:06:07Z","type":"Unknown","mac":"D0D1D2D3D4D5",'
        '"bleName":"y","rssi":-54,"rawData":"020106020A08"}]',
        [
            Sighting("AC233FC0AAAA", CARD, -53.0, -59.0, None, 1_772_600_767.0),
            Sighting("AC233FC0AAAA", "mac:d0d1d2d3d4d5", -54.0, None, None, 1_772_600_767.0),
        ],
    ),
    "S27 Ruuvi: seconds as text": (
        "ruuvi/C8:25:2D:00:00:01/D0:D1:D2:D3:D4:D5",
        '{"gw_mac":"C8:25:2D:00:00:01","rssi":-40,"aoa":[],"gwts":"1772600768",'
        f'"ts":"1772600767","data":"0201061AFF4C000215{UUID}00281267C5","coords":""}}',
        [Sighting("C8:25:2D:00:00:01", CARD, -40.0, -59.0, None, 1_772_600_767.0)],
    ),
    "S28 Ruuvi: no clock, a counter": (
        "ruuvi/C8:25:2D:00:00:01/D0:D1:D2:D3:D4:D5",
        '{"gw_mac":"C8:25:2D:00:00:01","rssi":-41,"aoa":[],"cnt":"7","data":"0201060AFF9904050102'
        '03040506","coords":""}',
        [Sighting("C8:25:2D:00:00:01", "mac:d0d1d2d3d4d5", -41.0)],
    ),
    "S20 room-assistant: the room is in the topic": (
        "room-assistant/mqtt-room/shoes",
        f'{{"id":"{UUID}-40-4711","name":"a card","distance":3.5}}',
        [Sighting("shoes", CARD, distance_m=3.5)],
    ),
    "S21 room-assistant: an entity holds every room's view, smoothed": (
        f"room-assistant/entity/shoes/bluetooth-low-energy-presence-sensor/ble-{UUID}-40-4711",
        '{"entity":{"attributes":{"distance":2.5},"id":"ble-' + UUID + '-40-4711","name":"x",'
        '"distributed":true,"stateLocked":true,"distances":{'
        '"cafe":{"lastUpdatedAt":"2026-03-04T05:06:06.500Z","distance":8.5,"outOfRange":false},'
        '"attic":{"lastUpdatedAt":"2026-03-04T05:06:06.500Z","distance":30,"outOfRange":true},'
        '"shoes":{"lastUpdatedAt":"2026-03-04T05:06:07Z","distance":2.5,"outOfRange":false}},'
        '"timeout":60,"measuredValues":{"cafe":{"rssi":-78.5,"measuredPower":-59},'
        '"shoes":{"rssi":-67.25,"measuredPower":-59}},"state":"shoes"},"hasAuthority":true}',
        [
            Sighting("cafe", CARD, -78.5, -59.0, 8.5, 1_772_600_766.5, True),
            Sighting("shoes", CARD, -67.25, -59.0, 2.5, 1_772_600_767.0, True),
        ],
    ),
    "S22 mqtt_room: a name and a distance are enough": (
        "room_presence/cafe",
        '{"id":"tag of Kim","name":"x","distance":4.25}',
        [Sighting("cafe", "name:tag of Kim", distance_m=4.25)],
    ),
    "S23 Shelly: the topic is the bare address": (
        "d0:d1:d2:d3:d4:d5",
        '{"addr":"d0:d1:d2:d3:d4:d5","rssi":-58,"local_name":"SBMO","service_data":'
        '{"encryption":false,"BTHome_version":2,"pid":7,"battery":88,"motion":1}}',
        [
            Sighting("shelly", "mac:d0d1d2d3d4d5", -58.0),
            BeaconReport("shelly", "mac:d0d1d2d3d4d5", None, 88.0),
        ],
    ),
    "S24 Shelly: the passive script": (
        "blegateway/d0d1d2d3d4d5/sensor",
        '{"temperature":20.5,"humidity":40.5,"rssi":-62,"src":"shelly-till"}',
        [Sighting("shelly-till", "mac:d0d1d2d3d4d5", -62.0)],
    ),
    "S30 Tasmota: hexadecimal major and minor, a local time": (
        "tele/plug_cafe/SENSOR",
        f'{{"Time":"2026-03-04T06:06:07","IBEACON":{{"UID":"{UUID.upper()}","MAJOR":"0028",'
        '"MINOR":"1267","MAC":"C1C2C3C4C5C6","RSSI":-71,"STATE":"ON","PERSEC":1}}',
        [Sighting("plug_cafe", CARD, -71.0)],
    ),
    "S30 Tasmota: the older driver names the address in the key": (
        "tele/plug_cafe/SENSOR",
        '{"Time":"2026-03-04T06:06:07","IBEACON_D0D1D2D3D4D5":{"RSSI":-80}}',
        [Sighting("plug_cafe", "mac:d0d1d2d3d4d5", -80.0)],
    ),
    "Tasmota: last will with a capital": (
        "tele/plug_cafe/LWT",
        "Offline",
        [GatewayReport("plug_cafe", False)],
    ),
    "S31 Happy Bubbles: an iBeacon in hexadecimal": (
        f"happy-bubbles/ble/shoes/ibeacon/{UUID}",
        '{"hostname":"shoes","beacon_type":"ibeacon","mac":"c1c2c3c4c5c6","rssi":-90,'
        f'"uuid":"{UUID}","major":"0028","minor":"1267","tx_power":"c3"}}',
        [Sighting("shoes", CARD, -90.0, -61.0)],
    ),
    "S32 Happy Bubbles: Eddystone-UID, power at 0 m": (
        f"happy-bubbles/ble/shoes/eddystone/{NAMESPACE}",
        '{"hostname": "shoes","beacon_type": "eddystone","mac": "c1c2c3c4c5c6","rssi": -82,'
        f'"tx_power": "ec","namespace": "{NAMESPACE}","instance_id": "0000000000a1"}}',
        [Sighting("shoes", f"eddystone:{NAMESPACE}-0000000000a1", -82.0, -61.0)],
    ),
    "S33 Happy Bubbles: raw, of another maker": (
        "happy-bubbles/ble/shoes/raw/d0d1d2d3d4d5",
        '{"hostname":"shoes","mac":"d0d1d2d3d4d5","rssi":-84,"is_scan_response":"0","type":"3",'
        '"data":"06ff0600010203"}',
        [Sighting("shoes", "mac:d0d1d2d3d4d5", -84.0)],
    ),
    "S33 Happy Bubbles: raw, an iBeacon": (
        "happy-bubbles/ble/shoes/raw/d0d1d2d3d4d5",
        '{"hostname":"shoes","mac":"d0d1d2d3d4d5","rssi":-84,"is_scan_response":"0","type":"3",'
        f'"data":"0201061aff4c000215{UUID}00281267c5"}}',
        [Sighting("shoes", CARD, -84.0, -59.0)],
    ),
    "OpenMQTTGateway: its system report is a sign of life": (
        "home/OMG_east/SYStoMQTT",
        '{"uptime":120,"version":"v1.7","env":"esp32dev-ble","freemem":100000}',
        [GatewayReport("OMG_east", True)],
    ),
    "Ruuvi: gateway status": (
        "ruuvi/C8:25:2D:00:00:01/gw_status",
        '{"state": "offline"}',
        [GatewayReport("C8:25:2D:00:00:01", False)],
    ),
}

DROPS: dict[str, tuple[str, str, str]] = {
    "S6 ESPresense: a node's setting": (
        "espresense/rooms/shoes/max_distance",
        "16.0",
        "unused_topic",
    ),
    "ESPresense: a fingerprint thousands of phones share": (
        "espresense/devices/apple:1007:12-8/shoes",
        '{"mac":"5a0000000001","id":"apple:1007:12-8","rssi":-70.0}',
        "not_a_beacon",
    ),
    "S12 OpenMQTTGateway: no whole address anywhere": (
        "home/OMG_east/BTtoMQTT/undecoded",
        '{"id":"d0:d1:d2","rssi":-91,"servicedata":"fe00"}',
        "no_beacon_id",
    ),
    "S19 Theengs: a tracker left": (
        "home/TheengsGateway/BTtoMQTT/D0D1D2D3D4D5",
        '{"id": "D0:D1:D2:D3:D4:D5", "presence": "absent"}',
        "absent",
    ),
    "S21 room-assistant: out of every room's range": (
        "room-assistant/entity/shoes/bluetooth-low-energy-presence-sensor/ble-d0d1d2d3d4d5",
        '{"entity":{"id":"ble-d0d1d2d3d4d5","distances":{"cafe":{"distance":30,'
        '"outOfRange":true}}}}',
        "absent",
    ),
    "room-assistant: an entity that is no tag": (
        "room-assistant/entity/shoes/sensor/cluster-size",
        '{"entity":{"id":"cluster-size","state":3}}',
        "not_a_beacon",
    ),
    "S30 Tasmota: the driver's own timeout": (
        "tele/plug_cafe/SENSOR",
        f'{{"Time":"2026-03-04T06:06:07","IBEACON":{{"UID":"{UUID}","MAJOR":"0028",'
        '"MINOR":"1267","MAC":"C1C2C3C4C5C6","RSSI":0,"STATE":"OFF","PERSEC":0}}',
        "absent",
    ),
    "S30 Tasmota: another sensor's message": (
        "tele/plug_cafe/SENSOR",
        '{"Time":"2026-03-04T06:06:07","ENERGY":{"Power":3}}',
        "not_a_beacon",
    ),
    "ESPresense: an RSSI of 127 means that there is none": (
        f"espresense/devices/iBeacon:{HYPHENED}-40-4711/shoes",
        f'{{"id":"iBeacon:{HYPHENED}-40-4711","rssi":127}}',
        "bad_rssi",
    ),
    "mqtt_room: neither distance nor rssi": ("room_presence/cafe", '{"id":"x"}', "no_signal"),
    "mqtt_room: a negative distance": (
        "room_presence/cafe",
        '{"id":"x","distance":-1}',
        "bad_distance",
    ),
    "a topic of nobody": ("weather/outside", "{}", "unknown_topic"),
    "a last will of another word": ("espresense/rooms/shoes/status", "maybe", "bad_status"),
    "Minew: an object where an array belongs": ("/gw/AC233FC0AAAA/status", "{}", "wrong_type"),
}


@pytest.mark.parametrize("name", DROPS)
def test_a_message_that_is_no_sighting_is_dropped_by_its_reason(name: str) -> None:
    """What is no sighting is named by a constant that can be counted."""
    topic, payload, reason = DROPS[name]
    with pytest.raises(MessageError) as refused:
        ROUTER.decode(topic, payload.encode())
    assert refused.value.reason == reason


def _minew_long(*packets: tuple[str, int, bytes]) -> bytes:
    body = bytes.fromhex("ac233fc0aaaa") + len(packets).to_bytes(2, "big")
    for address, rssi_dbm, advertisement in packets:
        body += bytes.fromhex(address) + b"\x00\x01"
        body += bytes([len(advertisement)]) + advertisement + b"\x01" + bytes([rssi_dbm & 0xFF])
    length = 2 + 4 + len(body) + 1
    return b"\xbb\x01" + length.to_bytes(4, "big") + body + b"\xdd"


def _minew_connect(*packets: tuple[str, int, bytes]) -> bytes:
    content = b""
    for address, rssi_dbm, advertisement in packets:
        one = b"\x01\x00" + bytes.fromhex(address) + bytes([rssi_dbm & 0xFF])
        one += bytes([len(advertisement)]) + advertisement
        content += len(one).to_bytes(2, "little") + one
    body = b"\x84\x3e" + len(content).to_bytes(4, "little") + content
    length = 14 + len(body)
    head = b"\xbb\x02\x00\x00\x00\x00" + length.to_bytes(4, "little")
    return head + len(body).to_bytes(4, "little") + body


IBEACON = bytes.fromhex(f"0201061aff4c000215{UUID}00281267c5")
EDDYSTONE = bytes.fromhex(f"0303aafe1716aafe00eb{NAMESPACE}0000000000a10000")
TELEMETRY = bytes.fromhex("0303aafe1116aafe20000bb81480000000010000000a")
UID = f"eddystone:{NAMESPACE}-0000000000a1"

BINARY: dict[str, tuple[str, bytes, list[Report]]] = {
    "Minew BINARY-LONG": (
        "/gw/AC233FC0AAAA/status",
        _minew_long(("c1c2c3c4c5c6", -50, IBEACON), ("d0d1d2d3d4d5", -71, b"")),
        [
            GatewayReport("AC233FC0AAAA", True),
            Sighting("AC233FC0AAAA", CARD, -50.0, -59.0),
            Sighting("AC233FC0AAAA", "mac:d0d1d2d3d4d5", -71.0),
        ],
    ),
    "MINEW-CONNECT: the topic names the gateway": (
        "/gw/AC233FC0BBBB/status",
        _minew_connect(("c1c2c3c4c5c6", -50, IBEACON), ("c1c2c3c4c5c7", -72, EDDYSTONE)),
        [
            GatewayReport("AC233FC0BBBB", True),
            Sighting("AC233FC0BBBB", CARD, -50.0, -59.0),
            Sighting("AC233FC0BBBB", UID, -72.0, -62.0),
        ],
    ),
    "Minew JSON-RAW: the key `gateway` names it, elements have no frame": (
        "/gw/AC233FC0AAAA/status",
        b'[{"gateway":"AC233FC0AAAA"},{"timestamp":"2026-03-04T05:06:07Z","no":37,'
        b'"mac":"D0D1D2D3D4D5","rssi":-66}]',
        [
            GatewayReport("AC233FC0AAAA", True),
            Sighting("AC233FC0AAAA", "mac:d0d1d2d3d4d5", -66.0, None, None, 1_772_600_767.0),
        ],
    ),
    "S29 April Brother: MessagePack, time since start is not used": (
        "april-brother/e1",
        msgspec.msgpack.encode(
            {
                "v": "1.5.0",
                "mid": 7,
                "time": 9000,
                "ip": "192.0.2.9",
                "mac": "A0A1A2A3A4A5",
                "devices": [
                    bytes.fromhex("02c1c2c3c4c5c6cc") + IBEACON,
                    bytes.fromhex("00c1c2c3c4c5c7b0") + EDDYSTONE,
                    bytes.fromhex("00c1c2c3c4c5c7b0") + TELEMETRY,
                    b"\x02\xc1",
                ],
            }
        ),
        [
            GatewayReport("A0A1A2A3A4A5", True),
            Sighting("A0A1A2A3A4A5", CARD, -52.0, -59.0),
            Sighting("A0A1A2A3A4A5", UID, -80.0, -62.0),
            Sighting("A0A1A2A3A4A5", "mac:c1c2c3c4c5c7", -80.0),
            BeaconReport("A0A1A2A3A4A5", "mac:c1c2c3c4c5c7", 3000.0),
            Refusal("A0A1A2A3A4A5", "truncated_advertisement"),
        ],
    ),
}


@pytest.mark.parametrize("name", BINARY)
def test_a_binary_or_raw_message_becomes_its_reports(name: str) -> None:
    """A layout in bytes becomes exactly the reports worked out by hand."""
    topic, payload, expected = BINARY[name]
    assert list(ROUTER.decode(topic, payload)) == expected


@pytest.mark.parametrize("name", CASES)
def test_a_message_of_a_family_becomes_its_reports(name: str) -> None:
    """A message in a family's own form becomes exactly the reports worked out by hand."""
    topic, payload, expected = CASES[name]
    assert list(ROUTER.decode(topic, payload.encode())) == expected


# Never subscribed to, so the broker drops them before the box has to.
NOT_SUBSCRIBED = {"S6 ESPresense: a node's setting", "a topic of nobody"}


def test_every_form_reaches_its_decoder_through_a_real_broker(mosquitto: Mosquitto) -> None:
    """The subscriptions cover every family's topics: each message arrives once and is read."""
    sent = {topic_and_payload(name): name for name in [*CASES, *BINARY, *DROPS]}
    heard: list[Message] = []
    with listening(mosquitto.port, heard), speaking(mosquitto.port) as sender:
        for topic, payload in sent:
            sender.publish(topic, payload, qos=1)
        expected = len(sent) - len(NOT_SUBSCRIBED)
        wait_until(lambda: len(heard) >= expected, f"{expected} messages")
    arrived = [sent[message.topic, message.payload] for message in heard]
    assert sorted(arrived) == sorted(set(sent.values()) - NOT_SUBSCRIBED)
    for message in heard:
        assert outcome(message.topic, message.payload) == wanted(
            sent[message.topic, message.payload]
        )


def topic_and_payload(name: str) -> tuple[str, bytes]:
    """Return what a case publishes."""
    if name in BINARY:
        return BINARY[name][:2]
    topic, payload = (CASES[name] if name in CASES else DROPS[name])[:2]
    return topic, payload.encode()


def wanted(name: str) -> list[Report] | str:
    """Return a case's reports, or the reason of its drop."""
    return DROPS[name][2] if name in DROPS else {**CASES, **BINARY}[name][2]


def outcome(topic: str, payload: bytes) -> list[Report] | str:
    """Return what the router makes of a message."""
    try:
        return list(ROUTER.decode(topic, payload))
    except MessageError as error:
        return error.reason


@contextmanager
def listening(port: int, heard: list[Message]) -> Iterator[None]:
    """Run the box's own broker loop with every family's subscriptions."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    filters = [(topic_filter, 0) for topic_filter in ROUTER.subscriptions()]
    ear = BrokerLoop("127.0.0.1", port, "formats-box", filters, heard.extend)
    running = asyncio.run_coroutine_threadsafe(ear.run(), loop)
    wait_until(lambda: ear.is_connected, "the box to connect")
    try:
        yield
    finally:
        running.cancel()
        wait_until(lambda: not ear.is_connected, "the box to disconnect")
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


@contextmanager
def speaking(port: int) -> Iterator[mqtt.Client]:
    """Run a client that publishes as gateways do."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    wait_until(client.is_connected, "the sender to connect")
    yield client
    client.disconnect()
    client.loop_stop()
