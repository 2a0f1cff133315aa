"""Five gateway families as they publish what they hear: topics, field names and oddities.

ESPresense smooths its RSSI itself and puts the room into the topic; OpenMQTTGateway and Theengs
decode iBeacons but pass Eddystone raw, and tell some advertisements twice; Minew batches into an
array with itself as an element; Ruuvi forwards the bare advertisement with times as text.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from simulator.beacons import Beacon
from simulator.clock import rfc3339
from simulator.floor import Receiver
from simulator.wire import Message, compact

# ESPresense's filter answers over many seconds; a share of the new value per advertisement.
ESPRESENSE_SHARE = 0.25
ESPRESENSE_ABSORPTION = 2.7
# OpenMQTTGateway and Theengs publish presence beside the decoded device.
PRESENCE_RATE = 0.1


@dataclass(slots=True)
class Smoothed:
    """What ESPresense keeps of a device in a room."""

    rssi_dbm: float
    variance: float
    heard_at_s: float


class Gateways:
    """All receivers of the floor; turns what each hears into its family's messages."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._smoothed: dict[tuple[str, str], Smoothed] = {}
        self._batches: dict[str, list[dict[str, Any]]] = {}
        self._count = 0

    def hear(
        self, receiver: Receiver, beacon: Beacon, rssi_dbm: int, at_s: float
    ) -> Iterator[Message]:
        """Yield the messages that one heard advertisement causes; Minew's wait for `flush`."""
        if receiver.family == "espresense":
            yield self._espresense(receiver, beacon, rssi_dbm, at_s)
        elif receiver.family == "openmqttgateway":
            yield from self._openmqttgateway(receiver, beacon, rssi_dbm)
        elif receiver.family == "theengs":
            yield from self._theengs(receiver, beacon, rssi_dbm)
        elif receiver.family == "ruuvi":
            yield _ruuvi(receiver, beacon, rssi_dbm, at_s)
        else:
            batch = self._batches.setdefault(receiver.gateway, [])
            batch.append(_minew_element(beacon, rssi_dbm, at_s))

    def flush(self, at_s: float) -> Iterator[Message]:
        """Yield the array of every Minew gateway that heard something since the last flush."""
        for gateway in sorted(self._batches):
            elements = self._batches.pop(gateway)
            own = {
                "timestamp": rfc3339(at_s),
                "type": "Gateway",
                "mac": gateway,
                "gatewayFree": 82 + self._rng.randrange(10),
                "gatewayLoad": round(self._rng.uniform(0.02, 0.4), 2),
            }
            yield Message(f"/gw/{gateway}/status", compact([own, *elements]))

    def health(self, receiver: Receiver, at_s: float, uptime_s: int) -> Iterator[Message]:
        """Yield what a receiver says about itself now and then."""
        if receiver.family == "espresense":
            yield from _espresense_health(receiver, uptime_s, self._rng)
        elif receiver.family in ("openmqttgateway", "theengs"):
            yield Message(f"home/{receiver.gateway}/LWT", b"online", retain=True)
        elif receiver.family == "ruuvi":
            status = {"gw_mac": receiver.gateway, "state": "online", "timestamp": str(int(at_s))}
            yield Message(f"ruuvi/{receiver.gateway}/gw_status", compact(status), retain=True)

    def _espresense(
        self, receiver: Receiver, beacon: Beacon, rssi_dbm: int, at_s: float
    ) -> Message:
        name = _espresense_id(beacon)
        key = (receiver.gateway, name)
        state = self._smoothed.get(key)
        if state is None or at_s - state.heard_at_s > 60:
            state = Smoothed(float(rssi_dbm), 4.0, at_s)
        step = rssi_dbm - state.rssi_dbm
        state.rssi_dbm += ESPRESENSE_SHARE * step
        state.variance += ESPRESENSE_SHARE * (step * step - state.variance)
        interval_ms = max(100, round((at_s - state.heard_at_s) * 1000))
        state.heard_at_s = at_s
        self._smoothed[key] = state
        above_db = beacon.measured_power_dbm - state.rssi_dbm
        distance_m = 10 ** (above_db / (10 * ESPRESENSE_ABSORPTION))
        record = {
            "mac": beacon.address.lower(),
            "id": name,
            "rssi@1m": beacon.measured_power_dbm,
            "rssi": round(state.rssi_dbm, 2),
            "rxAdj": 0,
            "rssiVar": round(state.variance, 2),
            "distance": round(distance_m, 2),
            "var": round(state.variance / 10, 2),
            "int": interval_ms,
        }
        return Message(f"espresense/devices/{name}/{receiver.gateway}", compact(record))

    def _openmqttgateway(
        self, receiver: Receiver, beacon: Beacon, rssi_dbm: int
    ) -> Iterator[Message]:
        record = {"id": _with_colons(beacon.address), "mac_type": 1, "rssi": rssi_dbm}
        record |= _theengs_properties(beacon, with_type=False)
        topic = f"home/{receiver.gateway}/BTtoMQTT/{beacon.address}"
        yield Message(topic, compact(record))
        if self._rng.random() < PRESENCE_RATE:
            distance_m = 10 ** ((beacon.measured_power_dbm - rssi_dbm) / 27)
            presence = record | {"distance": round(distance_m, 5)}
            yield Message(f"home/presence/{receiver.gateway}", compact(presence))

    def _theengs(self, receiver: Receiver, beacon: Beacon, rssi_dbm: int) -> Iterator[Message]:
        record = {"id": _with_colons(beacon.address), "rssi": rssi_dbm}
        record |= _theengs_properties(beacon, with_type=True)
        topic = f"home/{receiver.gateway}/BTtoMQTT/{beacon.address}"
        # Python's own writing, with blanks, unlike the firmware of OpenMQTTGateway.
        yield Message(topic, json.dumps(record).encode())


def _espresense_id(beacon: Beacon) -> str:
    if beacon.kind == "ibeacon":
        u = beacon.uuid
        uuid = f"{u[:8]}-{u[8:12]}-{u[12:16]}-{u[16:20]}-{u[20:]}"
        return f"iBeacon:{uuid}-{beacon.major}-{beacon.minor}"
    if beacon.kind == "eddystone":
        # The firmware prints the fifth namespace byte twice (BleFingerprint.cpp).
        namespace = beacon.namespace[:10] + beacon.namespace[8:10] + beacon.namespace[10:]
        return f"eddy:{namespace}-{beacon.instance}"
    if beacon.manufacturer.startswith("4c00"):
        return f"apple:{beacon.manufacturer[4:8]}:{len(beacon.manufacturer) // 2}-26"
    return f"md:{beacon.manufacturer[:4]}:{len(beacon.manufacturer) // 2}"


def _espresense_health(receiver: Receiver, uptime_s: int, rng: random.Random) -> Iterator[Message]:
    room = f"espresense/rooms/{receiver.gateway}"
    yield Message(f"{room}/status", b"online", retain=True)
    telemetry = {
        "ip": f"10.0.42.{10 + len(receiver.gateway)}",
        "uptime": uptime_s,
        "firm": "esp32",
        "rssi": -rng.randint(40, 70),
        "ver": "v4.0.6",
        "adverts": uptime_s * 11,
        "seen": uptime_s * 10,
        "reported": uptime_s * 4,
        "freeHeap": 90_000 + rng.randrange(4000),
        "maxHeap": 63_476,
    }
    yield Message(f"{room}/telemetry", compact(telemetry))


def _theengs_properties(beacon: Beacon, with_type: bool) -> dict[str, Any]:
    if beacon.kind == "ibeacon":
        kind = {"type": "BCON"} if with_type else {}
        return {
            "brand": "GENERIC",
            "model": "iBeacon",
            "model_id": "IBEACON",
            **kind,
            "mfid": "4c00",
            "uuid": beacon.uuid,
            "major": beacon.major,
            "minor": beacon.minor,
            "txpower": beacon.measured_power_dbm,
        }
    if beacon.kind == "eddystone":
        uuid = "feaa" if with_type else "0xfeaa"
        return {"servicedatauuid": uuid, "servicedata": beacon.service_data()}
    return {"manufacturerdata": beacon.manufacturer}


def _minew_element(beacon: Beacon, rssi_dbm: int, at_s: float) -> dict[str, Any]:
    head = {"timestamp": rfc3339(at_s), "type": "Unknown", "mac": beacon.address, "bleName": ""}
    if beacon.kind != "ibeacon":
        return head | {"rssi": rssi_dbm, "rawData": beacon.advertisement()}
    return head | {
        "type": "iBeacon",
        "ibeaconUuid": beacon.uuid.upper(),
        "ibeaconMajor": beacon.major,
        "ibeaconMinor": beacon.minor,
        "rssi": rssi_dbm,
        "ibeaconTxPower": beacon.measured_power_dbm,
        "battery": 0,
    }


def _ruuvi(receiver: Receiver, beacon: Beacon, rssi_dbm: int, at_s: float) -> Message:
    record = {
        "gw_mac": receiver.gateway,
        "rssi": rssi_dbm,
        "aoa": [],
        "gwts": str(int(at_s)),
        "ts": str(int(at_s)),
        "data": beacon.advertisement(),
        "coords": "",
    }
    topic = f"ruuvi/{receiver.gateway}/{_with_colons(beacon.address)}"
    return Message(topic, compact(record))


def _with_colons(address: str) -> str:
    return ":".join(address[at : at + 2] for at in range(0, 12, 2))
