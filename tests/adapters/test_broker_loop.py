"""The broker loop against real brokers: delivery, acknowledgement, restarts, floods."""

import asyncio
import gc
import socket
import struct
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.adapters.mqtt.broker import (
    MAX_BATCH,
    MAX_PACKET_BYTES,
    MAX_PAYLOAD_BYTES,
    V5,
    V311,
    BrokerLoop,
    Message,
)
from edge.adapters.mqtt.embedded import EmbeddedBroker
from tests.conftest import Mosquitto, free_port, wait_until

MB = 1_000_000
each_version = pytest.mark.parametrize("protocol", [V5, V311], ids=["MQTT 5", "MQTT 3.1.1"])


@contextmanager
def _listening(
    port: int,
    protocol: MQTTProtocolVersion = V5,
    after: Callable[[BrokerLoop, list[Message]], None] = lambda _ear, _batch: None,
) -> Iterator[tuple[BrokerLoop, list[Message]]]:
    """A broker loop on a running event loop, and what it delivered; `after` each batch."""
    heard: list[Message] = []

    def deliver(batch: list[Message]) -> None:
        heard.extend(batch)
        after(ear, batch)

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    ear = BrokerLoop("127.0.0.1", port, "test-box", [("t/#", 1)], deliver, protocol)
    running = asyncio.run_coroutine_threadsafe(ear.run(), loop)
    wait_until(lambda: ear.is_connected, "the box to connect")
    assert not ear.dropped["subscription_refused"]
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


@each_version
def test_messages_arrive_in_order(mosquitto: Mosquitto, protocol: MQTTProtocolVersion) -> None:
    """A hundred messages come as they were sent."""
    with _listening(mosquitto.port, protocol) as (_, heard), _speaking(mosquitto.port) as sender:
        for n in range(100):
            sender.publish("t/a", str(n))
        wait_until(lambda: len(heard) == 100, "100 messages")
        assert [m.payload for m in heard] == [str(n).encode() for n in range(100)]


def test_a_connection_that_outlives_its_loop_is_let_go_in_silence(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that ends in the middle of everything has nobody left to tell."""
    loud: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", loud.append)
    loop = asyncio.new_event_loop()
    ear = BrokerLoop("127.0.0.1", mosquitto.port, "test-box", [("t/#", 1)], lambda _: None)
    running = loop.create_task(ear.run())
    while not ear.is_connected:
        loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()
    del ear, running, loop
    gc.collect()
    assert not loud


@each_version
def test_a_message_leaves_no_garbage(mosquitto: Mosquitto, protocol: MQTTProtocolVersion) -> None:
    """What 500 messages needed is free without a collector, which runs once a second at most."""
    with _listening(mosquitto.port, protocol) as (_, heard), _speaking(mosquitto.port) as sender:
        gc.collect()
        gc.disable()
        try:
            for n in range(500):
                sender.publish("t/a", str(n))
            wait_until(lambda: len(heard) == 500, "500 messages")
            assert gc.collect() < 500
        finally:
            gc.enable()


@each_version
def test_what_is_not_acknowledged_comes_again(
    mosquitto: Mosquitto, protocol: MQTTProtocolVersion
) -> None:
    """A QoS 1 message that the box did not acknowledge is delivered after a reconnect."""
    port = mosquitto.port
    with _listening(port, protocol) as (ear, heard), _speaking(port) as sender:
        sender.publish("t/sale", b"1", qos=1)
        wait_until(lambda: len(heard) == 1, "the first delivery")
        assert ear.protocol is protocol
    with _listening(port, protocol) as (ear, heard):
        wait_until(lambda: len(heard) == 1, "the second delivery")
        ear.acknowledge(heard[0])
    with _listening(port, protocol) as (_, heard), _speaking(port) as sender:
        sender.publish("t/after", b"2", qos=1)
        wait_until(lambda: len(heard) == 1, "the message after it")
        assert heard[0].topic == "t/after"


@each_version
def test_what_came_while_the_box_was_away_waits(
    mosquitto: Mosquitto, protocol: MQTTProtocolVersion
) -> None:
    """The broker keeps the session: sales of an outage come when the box is back."""
    with _listening(mosquitto.port, protocol):
        pass
    with _speaking(mosquitto.port) as sender:
        for n in range(30):
            sender.publish("t/sale", str(n), qos=1).wait_for_publish(5)
    with _listening(mosquitto.port, protocol) as (ear, heard):
        for done in range(1, 31):
            wait_until(partial(_has, heard, done), "the next sale")
            ear.acknowledge(heard[done - 1])


@each_version
def test_a_renewed_connection_repeats_what_was_refused(
    mosquitto: Mosquitto, protocol: MQTTProtocolVersion
) -> None:
    """The box asks for what it could not take, and gets it again in the same run."""
    with _listening(mosquitto.port, protocol) as (ear, heard):
        with _speaking(mosquitto.port) as sender:
            sender.publish("t/sale", b"1", qos=1).wait_for_publish(5)
        wait_until(lambda: len(heard) == 1, "the first delivery")
        assert ear._loop is not None
        ear._loop.call_soon_threadsafe(ear.renew)
        wait_until(lambda: len(heard) == 2, "the second delivery")
        assert heard[1].payload == b"1"
        assert ear.protocol is protocol


def test_an_acknowledgement_does_not_outlive_its_connection(mosquitto: Mosquitto) -> None:
    """A broker started anew counts from one: an old number would acknowledge another message."""
    with _listening(mosquitto.port) as (ear, heard):
        with _speaking(mosquitto.port) as sender:
            sender.publish("t/before", b"1", qos=1)
            wait_until(lambda: len(heard) == 1, "the first message")
        mosquitto.stop()
        wait_until(lambda: not ear.is_connected, "the loss to be noticed")
        mosquitto.start()
        wait_until(lambda: ear.is_connected, "the box to reconnect", 30)
        with _speaking(mosquitto.port) as sender:
            sender.publish("t/after", b"2", qos=1)
            wait_until(lambda: len(heard) == 2, "the message after it")
        assert heard[0].mid == heard[1].mid
        ear.acknowledge(heard[0])
    with _listening(mosquitto.port) as (_, heard):
        wait_until(lambda: heard, "the unacknowledged message")
        assert heard[0].topic == "t/after"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(bytes([0x20, 2, 0, 1]), id="refuses the version"),
        pytest.param(b"", id="hangs up"),
        pytest.param(None, id="says nothing"),
    ],
)
def test_a_broker_without_version_5_is_asked_in_3_1_1(answer: bytes | None) -> None:
    """What a 3.1.1 broker makes of a CONNECT of version 5: the box tries the other one."""
    versions: list[int] = []

    def broker(listener: socket.socket) -> None:
        while len(versions) < 2:
            peer, _ = listener.accept()
            versions.append(peer.recv(1024)[8])  # 3.1.2.2: the level, after header and name
            if versions[-1] == 4:
                peer.sendall(bytes([0x20, 2, 0, 0]))
                number = peer.recv(1024)[2:4]
                peer.sendall(bytes([0x90, 3]) + number + bytes([1]))
                peer.recv(1024)
            elif answer is None:
                peer.recv(1024)
            peer.sendall(answer or b"")
            peer.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=broker, args=(listener,))
        thread.start()
        with _listening(listener.getsockname()[1]) as (ear, _):
            assert versions == [5, 4]
            assert ear.protocol is V311
        thread.join(5)


def test_the_box_is_connected_when_the_broker_knows_its_filters() -> None:
    """Between acceptance and SUBACK a message goes past: nobody may rely on the box before."""
    is_confirmed, may_confirm = threading.Event(), threading.Event()

    def broker(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(1024)
            peer.sendall(bytes([0x20, 2, 0, 0]))
            number = peer.recv(1024)[2:4]
            may_confirm.wait(0.5)
            is_confirmed.set()
            peer.sendall(bytes([0x90, 3]) + number + bytes([1]))
            peer.recv(1024)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=broker, args=(listener,))
        thread.start()
        with _listening(listener.getsockname()[1], V311):
            is_early = not is_confirmed.is_set()
            may_confirm.set()
        thread.join(5)
    assert not is_early


def test_what_comes_in_one_piece_is_all_told() -> None:
    """More messages than a batch in the bytes of one read, then half a message and its end.

    The socket tells of bytes once; those read ahead must not wait for others to come. A connection
    that broke in the midst of a message leaves nothing behind for the next.
    """
    count = 2 * MAX_BATCH + 10
    packets = b"".join(bytes([0x30, 6]) + b"\0\3t/a" + bytes([n]) for n in range(count))
    may_end = threading.Event()

    def broker(listener: socket.socket) -> None:
        for is_last in (False, True):
            peer, _ = listener.accept()
            with peer:
                peer.recv(1024)
                peer.sendall(bytes([0x20, 2, 0, 0]))
                number = peer.recv(1024)[2:4]
                peer.sendall(bytes([0x90, 3]) + number + bytes([1]) + packets + packets[:5])
                may_end.wait(5)
                may_end.clear()
                if is_last:
                    peer.sendall(packets[5:8])
                    peer.recv(1024)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=broker, args=(listener,))
        thread.start()
        with _listening(listener.getsockname()[1], V311) as (_, heard):
            for total in (count, 2 * count, 2 * count + 1):
                wait_until(partial(_has, heard, total), f"{total} messages")
                assert len(heard) == total
                may_end.set()
        thread.join(5)
    told = [*range(count), *range(count), 0]
    assert [message.payload for message in heard] == [bytes([n]) for n in told]


def test_what_was_read_ahead_of_a_lost_connection_is_let_go() -> None:
    """Acknowledging the first batch meets a dead socket; the next connection begins anew."""
    packets = b"".join(
        bytes([0x32, 8]) + b"\0\3t/a" + bytes([0, n, n]) for n in range(1, 2 * MAX_BATCH)
    )

    is_heard, is_reset = threading.Event(), threading.Event()

    def acknowledge_late(ear: BrokerLoop, batch: list[Message]) -> None:
        is_heard.set()
        is_reset.wait(5)
        for message in batch:
            ear.acknowledge(message)

    def broker(listener: socket.socket) -> None:
        for sent in (packets, bytes([0x30, 6]) + b"\0\3t/b!"):
            peer, _ = listener.accept()
            with peer:
                peer.recv(1024)
                peer.sendall(bytes([0x20, 2, 0, 0]))
                number = peer.recv(1024)[2:4]
                peer.sendall(bytes([0x90, 3]) + number + bytes([1]) + sent)
                if sent is packets:  # closing then resets the connection
                    is_heard.wait(5)
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    peer.recv(1024)
            is_reset.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=broker, args=(listener,))
        thread.start()
        with _listening(listener.getsockname()[1], V311, acknowledge_late) as (ear, heard):
            wait_until(lambda: heard and heard[-1].topic == "t/b", "the next connection's message")
            assert [message.topic for message in heard] == ["t/a"] * MAX_BATCH + ["t/b"]
            assert not ear._client.is_ahead
        thread.join(5)


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
    """What fails in the housekeeping is counted once it is let go, and the box connects again."""
    with _listening(mosquitto.port) as (ear, heard):
        told: list[tuple[bool, int]] = []
        let_go = ear._client.disconnect

        def disconnect() -> None:
            told.append((ear.is_connected, ear.restarts))
            let_go()

        monkeypatch.setattr(ear._client, "disconnect", disconnect)
        monkeypatch.setattr(ear._client, "loop_misc", _explode)
        wait_until(lambda: ear.restarts == 1, "the supervisor to see it")
        assert told == [(False, 0)]
        monkeypatch.undo()
        wait_until(lambda: ear.is_connected, "the box to reconnect", 30)
        with _speaking(mosquitto.port) as sender:
            sender.publish("t/good", b"x")
            wait_until(lambda: heard, "a message after it")


def _explode(*_: object) -> None:
    raise RuntimeError("a bug")


@each_version
def test_a_large_message_is_dropped_and_counted(
    mosquitto: Mosquitto, protocol: MQTTProtocolVersion
) -> None:
    """64 KiB pass, one byte more does not, and it is not delivered again."""
    with _listening(mosquitto.port, protocol) as (ear, heard), _speaking(mosquitto.port) as sender:
        sender.publish("t/huge", b"x" * (MAX_PAYLOAD_BYTES + 1), qos=1)
        sender.publish("t/large", b"x" * MAX_PAYLOAD_BYTES, qos=1)
        wait_until(lambda: heard, "the large message")
        assert [m.topic for m in heard] == ["t/large"]
        assert ear.dropped["too_large"] == 1


@pytest.mark.parametrize("qos", [0, 1])
def test_a_broker_of_version_5_keeps_what_is_huge(mosquitto: Mosquitto, qos: int) -> None:
    """It was told what the box takes: the box never sees the longer one, only what follows."""
    with _listening(mosquitto.port) as (ear, heard), _speaking(mosquitto.port) as sender:
        sender.publish("t/huge", b"x" * (MAX_PACKET_BYTES + 1), qos)
        sender.publish("t/sale", b"1", qos)
        wait_until(lambda: heard, "the sale after it")
        assert [m.topic for m in heard] == ["t/sale"]
        assert ear.dropped["too_large"] == 0


@pytest.mark.parametrize("qos", [0, 1])
def test_a_huge_message_fills_no_memory_in_3_1_1(mosquitto: Mosquitto, qos: int) -> None:
    """32 MB are read past, counted and acknowledged; less than 4 MB of them are held at a time."""
    with _listening(mosquitto.port, V311) as (ear, heard):
        tracemalloc.start()
        try:
            _publish_in_parts(mosquitto.port, "t/huge", 32 * MB, qos)
            wait_until(lambda: ear.dropped["too_large"], "the huge message", 60)
            peak_bytes = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        with _speaking(mosquitto.port) as sender:
            sender.publish("t/after", b"1", qos)
            wait_until(lambda: heard, "the message after it")
        assert [m.topic for m in heard] == ["t/after"]
        assert peak_bytes < 4 * MB
    with _listening(mosquitto.port, V311) as (ear, heard), _speaking(mosquitto.port) as sender:
        sender.publish("t/next", b"1", qos)
        wait_until(lambda: [m for m in heard if m.topic == "t/next"], "a message of the next run")
        assert ear.dropped["too_large"] == 0, "it was acknowledged"


def _publish_in_parts(port: int, topic: str, length: int, qos: int) -> None:
    """Publish zeros in MQTT 3.1.1 without holding them, so that only the box's memory counts."""
    head = len(topic).to_bytes(2) + topic.encode() + (b"\x00\x07" if qos else b"")
    left, size = len(head) + length, bytearray()
    while left:  # 2.2.3: seven bits a byte, the lowest first
        left, seven = divmod(left, 128)
        size.append(seven | (128 if left else 0))
    with socket.create_connection(("127.0.0.1", port)) as sender:
        sender.sendall(bytes.fromhex("100d00044d5154540402003c000173"))  # CONNECT as `s`
        assert sender.recv(4)[3] == 0
        sender.sendall(bytes([0x30 | qos << 1]) + size + head)
        part = bytes(64_000)
        for at in range(0, length, len(part)):
            sender.sendall(part[: length - at])
        if qos:
            assert sender.recv(4) == bytes([0x40, 2, 0, 7])
        sender.sendall(bytes([0xE0, 0]))


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
        with _listening(broker._port, V311) as (_, heard), _speaking(broker._port) as sender:
            sender.publish("t/a", b"hello", qos=1)
            wait_until(lambda: heard, "a message through amqtt")
            assert heard[0].payload == b"hello"
    finally:
        broker.stop()
