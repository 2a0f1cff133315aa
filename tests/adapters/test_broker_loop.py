"""The broker loop against real brokers: delivery, acknowledgement, restarts, floods."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge.adapters.mqtt.broker import MAX_PAYLOAD_BYTES, BrokerLoop, Message
from edge.adapters.mqtt.embedded import EmbeddedBroker
from tests.conftest import Mosquitto, free_port, wait_until


@contextmanager
def _listening(port: int) -> Iterator[tuple[BrokerLoop, list[Message]]]:
    """A broker loop on a running event loop, and what it delivered."""
    heard: list[Message] = []
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    ear = BrokerLoop("127.0.0.1", port, "test-box", [("t/#", 1)], heard.extend)
    running = asyncio.run_coroutine_threadsafe(ear.run(), loop)
    wait_until(lambda: ear.is_connected, "the box to connect")
    try:
        yield ear, heard
    finally:
        running.cancel()
        wait_until(lambda: not ear.is_connected, "the box to disconnect")
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


@contextmanager
def _speaking(port: int) -> Iterator[mqtt.Client]:
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    wait_until(client.is_connected, "the sender to connect")
    yield client
    client.disconnect()
    client.loop_stop()


def test_messages_arrive_in_order(mosquitto: Mosquitto) -> None:
    """A hundred messages come as they were sent."""
    with _listening(mosquitto.port) as (_, heard), _speaking(mosquitto.port) as sender:
        for n in range(100):
            sender.publish("t/a", str(n))
        wait_until(lambda: len(heard) == 100, "100 messages")
        assert [m.payload for m in heard] == [str(n).encode() for n in range(100)]


def test_what_is_not_acknowledged_comes_again(mosquitto: Mosquitto) -> None:
    """A QoS 1 message that the box did not acknowledge is delivered after a reconnect."""
    with _listening(mosquitto.port) as (_, heard), _speaking(mosquitto.port) as sender:
        sender.publish("t/sale", b"1", qos=1)
        wait_until(lambda: len(heard) == 1, "the first delivery")
    with _listening(mosquitto.port) as (ear, heard):
        wait_until(lambda: len(heard) == 1, "the second delivery")
        ear.acknowledge(heard[0])
    with _listening(mosquitto.port) as (_, heard), _speaking(mosquitto.port) as sender:
        sender.publish("t/after", b"2", qos=1)
        wait_until(lambda: len(heard) == 1, "the message after it")
        assert heard[0].topic == "t/after"


def test_a_broker_restart_is_survived(mosquitto: Mosquitto) -> None:
    """The box connects and subscribes again by itself."""
    with _listening(mosquitto.port) as (ear, heard):
        mosquitto.stop()
        wait_until(lambda: not ear.is_connected, "the loss to be noticed")
        mosquitto.start()
        wait_until(lambda: ear.is_connected, "the box to reconnect", 30)
        with _speaking(mosquitto.port) as sender:
            sender.publish("t/again", b"x")
            wait_until(lambda: heard, "a message after the restart")


def test_an_exception_in_the_callback_does_not_end_the_loop(mosquitto: Mosquitto) -> None:
    """Paho's thread dies of it silently; ours is restarted."""
    with _listening(mosquitto.port) as (ear, heard):
        healthy, ear._client.on_message = ear._client.on_message, _explode
        with _speaking(mosquitto.port) as sender:
            sender.publish("t/bad", b"x")
            wait_until(lambda: ear.restarts == 1, "the supervisor to see it")
            ear._client.on_message = healthy
            wait_until(lambda: ear.is_connected, "the box to reconnect", 30)
            sender.publish("t/good", b"x")
            wait_until(lambda: [m for m in heard if m.topic == "t/good"], "a message after it")


def test_an_exception_beside_the_callbacks_does_not_end_the_loop(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails in the housekeeping is counted, and the box connects again."""
    with _listening(mosquitto.port) as (ear, heard):
        monkeypatch.setattr(ear._client, "loop_misc", _explode)
        wait_until(lambda: ear.restarts >= 1, "the supervisor to see it")
        monkeypatch.undo()
        wait_until(lambda: ear.is_connected, "the box to reconnect", 30)
        with _speaking(mosquitto.port) as sender:
            sender.publish("t/good", b"x")
            wait_until(lambda: heard, "a message after it")


def _explode(*_: object) -> None:
    raise RuntimeError("a bug")


def test_a_huge_message_is_dropped_and_counted(mosquitto: Mosquitto) -> None:
    """64 KiB pass, one byte more does not, and it is not delivered again."""
    with _listening(mosquitto.port) as (ear, heard), _speaking(mosquitto.port) as sender:
        sender.publish("t/huge", b"x" * (MAX_PAYLOAD_BYTES + 1), qos=1)
        sender.publish("t/large", b"x" * MAX_PAYLOAD_BYTES, qos=1)
        wait_until(lambda: heard, "the large message")
        assert [m.topic for m in heard] == ["t/large"]
        assert ear.dropped["too_large"] == 1


def test_a_flood_waits_in_the_broker(mosquitto: Mosquitto) -> None:
    """While the loop is busy nothing piles up here, and what asks for an answer is not lost."""
    with _listening(mosquitto.port) as (ear, heard), _speaking(mosquitto.port) as sender:
        assert ear._loop is not None
        is_free = threading.Event()
        ear._loop.call_soon_threadsafe(is_free.wait, 10)
        sale = sender.publish("t/sale", b"1", qos=1)
        for n in range(500):
            sender.publish("t/flood", str(n))
        sale.wait_for_publish(5)
        assert heard == []
        is_free.set()
        wait_until(lambda: [m for m in heard if m.topic == "t/sale"], "the sale")
        assert len(heard) <= 501


def _has(heard: list[Message], count: int) -> bool:
    return len(heard) >= count


def test_an_acknowledgement_comes_from_any_thread(mosquitto: Mosquitto) -> None:
    """More sales than the broker's in-flight window pass, acknowledged by another thread."""
    with _listening(mosquitto.port) as (ear, heard), _speaking(mosquitto.port) as sender:
        for n in range(100):
            sender.publish("t/sale", str(n), qos=1)
        for done in range(1, 101):
            wait_until(partial(_has, heard, done), "the next sale")
            ear.acknowledge(heard[done - 1])
        assert [m.payload for m in heard] == [str(n).encode() for n in range(100)]


def test_the_embedded_broker_serves_the_same_loop() -> None:
    """A laptop's broker delivers what Mosquitto delivers."""
    broker = EmbeddedBroker(free_port())
    broker.start()
    try:
        with _listening(broker._port) as (_, heard), _speaking(broker._port) as sender:
            sender.publish("t/a", b"hello", qos=1)
            wait_until(lambda: heard, "a message through amqtt")
            assert heard[0].payload == b"hello"
    finally:
        broker.stop()
