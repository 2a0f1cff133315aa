"""What one message costs to decode, per gateway family, with everything that leads to its decoder.

The floor beside each figure is msgspec's typed decode alone, in the same run.
"""

import json
import timeit
from collections.abc import Callable
from functools import partial

import msgspec

from benchmarks.bench import arguments, report
from edge.adapters.mqtt.gateways import GatewayRouter, espresense, every_family

REPEATS, CALLS = 9, 3_000

UUID = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
HYPHENED = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
FRAME = f"0201061aff4c000215{UUID}00281267c5"
IBEACON = {"uuid": UUID, "major": 40, "minor": 4711, "txpower": -62}
MINEW_IBEACON = {
    "timestamp": "2026-03-04T05:06:07.250Z",
    "type": "iBeacon",
    "mac": "C1C2C3C4C5C6",
    "bleName": "",
    "ibeaconUuid": UUID.upper(),
    "ibeaconMajor": 40,
    "ibeaconMinor": 4711,
    "rssi": -60,
    "ibeaconTxPower": -59,
    "battery": 0,
}
MESSAGES: dict[str, tuple[str, object]] = {
    "espresense": (
        f"espresense/devices/iBeacon:{HYPHENED}-40-4711/shoes",
        {
            "mac": "c1c2c3c4c5c6",
            "id": f"iBeacon:{HYPHENED}-40-4711",
            "rssi@1m": -61,
            "rssi": -74.25,
            "rxAdj": 0,
            "distance": 3.09,
            "int": 980,
        },
    ),
    "openmqttgateway": (
        "home/east/BTtoMQTT/C1C2C3C4C5C6",
        {"id": "C1:C2:C3:C4:C5:C6", "mac_type": 1, "rssi": -70, "model": "iBeacon", **IBEACON},
    ),
    "theengs": (
        "home/west/BTtoMQTT/C1C2C3C4C5C6",
        {"id": "C1:C2:C3:C4:C5:C6", "rssi": -70, "servicedatauuid": "feaa"}
        | {"servicedata": "00eb1122334455aabbccddee0000000000a10000"},
    ),
    "room_assistant": (
        "room-assistant/mqtt-room/shoes",
        {"id": f"{UUID}-40-4711", "name": "a card", "distance": 3.5},
    ),
    "mqtt_room": ("room_presence/cafe", {"id": f"{UUID}-40-4711", "distance": 3.5}),
    "shelly": (
        "blegateway/d0d1d2d3d4d5/sensor",
        {"temperature": 20.5, "humidity": 40.5, "rssi": -62, "src": "till"},
    ),
    "minew": ("/gw/AC233FC0AAAA/status", [MINEW_IBEACON]),
    "minew_20": ("/gw/AC233FC0AAAA/status", [MINEW_IBEACON] * 20),
    "ruuvi": (
        "ruuvi/C8:25:2D:00:00:01/D0:D1:D2:D3:D4:D5",
        {"gw_mac": "C8:25:2D:00:00:01", "rssi": -40, "ts": "1772600767", "data": FRAME},
    ),
    "april_brother_20": ("april-brother/e1", bytes.fromhex("02c1c2c3c4c5c6cc" + FRAME)),
    "tasmota": (
        "tele/plug/SENSOR",
        {
            "Time": "2026-03-04T06:06:07",
            "IBEACON": {"UID": UUID.upper(), "MAJOR": "0028", "MINOR": "1267", "RSSI": -71},
        },
    ),
    "happy_bubbles": (
        f"happy-bubbles/ble/shoes/ibeacon/{UUID}",
        {"hostname": "shoes", "rssi": -90, "uuid": UUID, "major": "0028", "minor": "1267"}
        | {"tx_power": "c3"},
    ),
}


def main() -> None:
    """Measure every family and print one line of JSON."""
    options = arguments(__doc__).parse_args()
    router = GatewayRouter(every_family())
    floor = msgspec.json.Decoder(espresense.Heard)
    figures: dict[str, object] = {}
    for name, (topic, content) in MESSAGES.items():
        payload = _payload(name, content)
        figures[f"{name}_us"] = _microseconds(partial(router.decode, topic, payload))
    espresense_payload = _payload("espresense", MESSAGES["espresense"][1])
    figures["msgspec_floor_us"] = _microseconds(partial(floor.decode, espresense_payload))
    report(figures, is_quiet=options.json)


def _payload(name: str, content: object) -> bytes:
    if isinstance(content, bytes):
        return msgspec.msgpack.encode({"mac": "A0A1A2A3A4A5", "devices": [content] * 20})
    separators = (", ", ": ") if name == "theengs" else (",", ":")
    return json.dumps(content, separators=separators).encode()


def _microseconds(call: Callable[[], object]) -> float:
    return round(min(timeit.repeat(call, number=CALLS, repeat=REPEATS)) / CALLS * 1e6, 2)


if __name__ == "__main__":
    main()
