"""The broker configuration that a store gets, held against a real Mosquitto and a real box."""

import getpass
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.adapters.mqtt.broker import MAX_PACKET_BYTES, MAX_PAYLOAD_BYTES, V5, V311
from tests.adapters.test_broker_loop import _has, _listening, _speaking
from tests.conftest import Mosquitto, free_port, wait_until

CONFIG = Path("provisioning/store/mosquitto.conf")


@pytest.fixture
def store_broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A Mosquitto with the store's file; only port, folder and user are this test's."""
    settings = CONFIG.read_text(encoding="utf-8").replace("/var/lib/mosquitto/", f"{tmp_path}/")
    settings += f"user {getpass.getuser()}\n"  # started as root it would take its own
    broker = Mosquitto(tmp_path, free_port(), settings=settings)
    broker.start()
    yield broker
    broker.stop()


@pytest.mark.parametrize("protocol", [V5, V311], ids=["MQTT 5", "MQTT 3.1.1"])
def test_what_is_too_long_ends_at_the_broker(
    store_broker: Mosquitto, protocol: MQTTProtocolVersion
) -> None:
    """More of it than the in-flight window, of both lengths: the box hears the sale after them."""
    port = store_broker.port
    with _listening(port, protocol) as (ear, heard):
        for length in (MAX_PAYLOAD_BYTES + 1, MAX_PACKET_BYTES + 1):
            with _speaking(port) as sender:
                for _ in range(25):
                    sender.publish("t/huge", bytes(length), 0)
        with _speaking(port) as sender:
            for _ in range(25):
                sender.publish("t/huge", bytes(MAX_PAYLOAD_BYTES + 1), 1)
            sender.publish("t/large", bytes(MAX_PAYLOAD_BYTES), 1)
            sender.publish("t/sale", b"1", 1)
            wait_until(lambda: len(heard) == 2, "the sale after them")
        assert [m.topic for m in heard] == ["t/large", "t/sale"]
        assert ear.dropped["too_large"] == 0


def test_an_outage_costs_no_sale_and_a_restart_of_the_broker_none(store_broker: Mosquitto) -> None:
    """3,000 sales wait for a box that is away; Mosquitto's own default would keep 1,000."""
    with _listening(store_broker.port):
        pass
    with _speaking(store_broker.port) as sender:
        sent = [sender.publish("t/sale", str(n), 1) for n in range(3_000)]
        for each in sent:
            each.wait_for_publish(30)
    store_broker.stop()
    store_broker.start()
    with _listening(store_broker.port) as (ear, heard):
        for done in range(1, 3_001):
            wait_until(partial(_has, heard, done), "the next sale")
            ear.acknowledge(heard[done - 1])
        assert [int(m.payload) for m in heard] == list(range(3_000))


def test_the_broker_listens_on_loopback_alone(store_broker: Mosquitto) -> None:
    """Without TLS and certificates nobody else may speak to it."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    with pytest.raises(ConnectionRefusedError):
        client.connect("127.0.0.2", store_broker.port)
