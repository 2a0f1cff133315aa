"""The broker loop: bytes come in, are put into a bounded queue, and are acknowledged when asked.

The network thread decides and decodes nothing. What it may do is drop: a message over 64 KiB,
and a QoS 0 message while the queue is full. A QoS 1 message is never dropped here; the broker sends
no more of them than its in-flight window until they are acknowledged.
"""

import asyncio
import random
import socket
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

MAX_PAYLOAD_BYTES = 64 * 1024
MAX_QUEUED = 20_000
MAX_BATCH = 512
COALESCE_S = 0.005
_KEEPALIVE_S = 30
_FIRST_RETRY_S, _LONGEST_RETRY_S = 0.2, 15.0


@dataclass(frozen=True, slots=True)
class Message:
    """One message as the broker delivered it; `mid` is what an acknowledgement names."""

    topic: str
    payload: bytes
    qos: int
    mid: int


class BrokerLoop:
    """A supervised MQTT client that hands batches of messages to the event loop.

    Args:
        host: Broker's address. `port`: its TCP port.
        client_id: Fixed, so that the broker keeps unacknowledged messages for a restarted box.
        subscriptions: Topic filters with the QoS asked for.
        deliver: Called in the event loop with each batch, oldest first.
    """

    def __init__(
        self,
        host: str,
        port: int,
        client_id: str,
        subscriptions: Sequence[tuple[str, int]],
        deliver: Callable[[list[Message]], None],
    ) -> None:
        self.dropped: Counter[str] = Counter()
        self.reconnects = 0
        self.restarts = 0
        self._address = (host, port)
        self._subscriptions = list(subscriptions)
        self._deliver = deliver
        self._queue: deque[Message] = deque()
        self._is_woken = False
        self._drained_s = 0.0
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connected = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id, clean_session=False, manual_ack=True
        )
        self._client.on_message = self._on_message
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_socket_open = _without_delay
        self._client.reconnect_delay_set(1, int(_LONGEST_RETRY_S))

    @property
    def is_connected(self) -> bool:
        """True while the network thread lives and the broker accepted its subscriptions."""
        return self._thread.is_alive() and self._connected.is_set()

    @property
    def queued(self) -> int:
        """Messages that wait for the event loop."""
        return len(self._queue)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Connect in the background and deliver into `loop` from now on."""
        self._loop = loop
        self._thread.start()

    def acknowledge(self, message: Message) -> None:
        """Tell the broker that a QoS 1 message is done; safe from any thread."""
        if message.qos:
            self._client.ack(message.mid, message.qos)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send a message of the box's own (QoS 0); while disconnected it is dropped."""
        self._client.publish(topic, payload, qos=0, retain=retain)

    def stop(self, timeout_s: float = 5.0) -> None:
        """Disconnect and end the network thread."""
        self._stopping.set()
        self._client.disconnect()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        """Keep the client connected, whatever happens, until `stop`."""
        retry_s = _FIRST_RETRY_S
        while not self._stopping.is_set():
            try:
                self._client.connect(*self._address, keepalive=_KEEPALIVE_S)
                retry_s = _FIRST_RETRY_S
                self._client.loop_forever()
            except OSError:
                self.dropped["broker_unreachable"] += 1
            except Exception:  # a bug in a callback must not end the ear of the store
                self.restarts += 1
            self._connected.clear()
            # Jitter keeps the boxes of a chain from reconnecting in step (not a secret: S311).
            self._stopping.wait(retry_s * random.uniform(0.5, 1.5))  # noqa: S311
            retry_s = min(2 * retry_s, _LONGEST_RETRY_S)

    def _on_connect(
        self, client: mqtt.Client, _userdata: object, _flags: object, reason: ReasonCode, _p: object
    ) -> None:
        if reason.is_failure:
            self.dropped["broker_refused"] += 1
            return
        client.subscribe(self._subscriptions)
        self.reconnects += 1
        self._connected.set()

    def _on_disconnect(self, *_: object) -> None:
        self._connected.clear()

    def _on_message(self, client: mqtt.Client, _userdata: object, m: mqtt.MQTTMessage) -> None:
        if len(m.payload) > MAX_PAYLOAD_BYTES:
            self.dropped["too_large"] += 1
            client.ack(m.mid, m.qos)
            return
        if m.qos == 0 and len(self._queue) >= MAX_QUEUED:
            self.dropped["queue_full"] += 1
            return
        try:
            topic = m.topic
        except UnicodeDecodeError:
            self.dropped["topic_not_utf8"] += 1
            client.ack(m.mid, m.qos)
            return
        self._queue.append(Message(topic, bytes(m.payload), m.qos, m.mid))
        if not self._is_woken and self._loop is not None:
            self._is_woken = True
            self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        """Hand over what waits; a long queue is cut so that screens and HTTP get their turn.

        A lone message wakes the loop at once. While many come, the loop looks every `COALESCE_S`
        instead: waking it for each would cost more than the message (two threads, one interpreter).
        """
        loop, queue = self._loop, self._queue
        assert loop is not None
        now_s = loop.time()
        batch = [queue.popleft() for _ in range(min(len(queue), MAX_BATCH))]
        is_flood = len(batch) > 1 or (bool(batch) and now_s - self._drained_s < COALESCE_S)
        self._drained_s = now_s
        if queue:
            loop.call_soon(self._drain)
        elif is_flood:
            loop.call_later(COALESCE_S, self._drain)
        else:
            self._is_woken = False
            if queue:  # one came between the look and the flag
                self._is_woken = True
                loop.call_soon(self._drain)
        if batch:
            self._deliver(batch)


def _without_delay(_client: mqtt.Client, _userdata: object, sock: object) -> None:
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
