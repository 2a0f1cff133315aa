"""OpenMQTTGateway: `home/<gateway>/BTtoMQTT/<MAC or UUID>`, presence, last will, system report.

Decides nothing about ids: the firmware embeds the Theengs decoder, so its properties are read
there, with the UUID in `id` or in the topic as well (`presuseuuid`, `pubuuid4topic`).
Source: 1technophile/OpenMQTTGateway `docs/use/ble.md`.
"""

import msgspec

from edge.adapters.mqtt.gateways import theengs, wire
from edge.core.sightings import Report

FAMILY = "openmqttgateway"
TOPICS = (
    "home/+/BTtoMQTT/#",
    "home/presence/+",
    "home/home_presence/+",
    "home/+/LWT",
    "home/+/SYStoMQTT",
)


class System(msgspec.Struct, gc=False):
    """The gateway's report about itself; only that it came is used."""

    uptime: float | None = None


_SYSTEM = msgspec.json.Decoder(System)


def decode(topic: str, payload: bytes) -> tuple[Report, ...]:
    """Return what the message tells.

    Raises:
        MessageError: with a reason to count.
    """
    if topic.endswith("/SYStoMQTT"):
        gateway = wire.gateway_of(topic.split("/")[-2])
        wire.json_of(_SYSTEM, payload)
        return theengs.alive(gateway)
    return theengs.decode(topic, payload)
