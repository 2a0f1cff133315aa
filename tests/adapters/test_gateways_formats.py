"""Every message form of every gateway family, with values of our own, ends as its report or drop.

The names S1..S33 number the forms seen in the field; a store can look its own message up here.
"""

import pytest

from edge.adapters.mqtt.gateways import GatewayRouter, every_family
from edge.core.sightings import BeaconReport, GatewayReport, Report, Sighting

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
}


@pytest.mark.parametrize("name", CASES)
def test_a_message_of_a_family_becomes_its_reports(name: str) -> None:
    """A message in a family's own form becomes exactly the reports worked out by hand."""
    topic, payload, expected = CASES[name]
    assert list(ROUTER.decode(topic, payload.encode())) == expected
