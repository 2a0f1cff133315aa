"""The broker loop: bytes come in, are handed on in batches, and are acknowledged when asked.

Paho runs inside the event loop: reading, deciding and pushing share one thread, so no message waits
for another thread to give up the interpreter. Nothing queues here. While the box is busy the
broker keeps what waits, QoS 1 and QoS 0 up to its own bounds, and memory stays bounded.
The only thing dropped here is a message over 64 KiB or with a topic that is no text.

MQTT 3.1.1 is tried first, and 5 where a broker refuses it: paho takes eight times as long to
decode a message of version 5 (ADR 2), and the box needs nothing of it. In both, what has come is
taken from the socket at once, and the end of a packet that is too long is let go while it is read.
"""

import asyncio
import contextlib
import random
import socket
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

MAX_PAYLOAD_BYTES = 64 * 1024
# Of a whole packet: the payload, a topic of up to 64 KiB, properties. What lies between the two
# bounds still reaches the box and is counted.
MAX_PACKET_BYTES = 256 * 1024
_READ_BYTES = 64 * 1024
# Messages read in one turn of the event loop, so that screens and HTTP get theirs.
MAX_BATCH = 64
_KEEPALIVE_S = 30
_HOUSEKEEPING_S = 1.0
# How long a broker may take to accept the box; one that misreads its version may wait for ever.
_ANSWER_S = 5.0
_FIRST_RETRY_S, _LONGEST_RETRY_S = 0.2, 15.0
# MQTT 5, 3.1.2.11.2: the session outlives any absence, as without a clean session in 3.1.1.
_NEVER_S = 0xFFFFFFFF
V5, V311 = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311


@dataclass(slots=True)
class Message:
    """One message as the broker delivered it; `mid` is what an acknowledgement names.

    Attributes:
        connection: Which one it came on; `mid` means something there only.
    """

    topic: str
    payload: bytes
    qos: int
    mid: int
    connection: int = 0


class BrokerLoop:
    """A supervised MQTT client inside the event loop.

    Args:
        host: Broker's address. `port`: its TCP port.
        client_id: Fixed, so that the broker keeps unacknowledged messages for a restarted box.
        subscriptions: Topic filters with the QoS asked for.
        deliver: Called in the event loop with each batch, oldest first.
        protocol: The version that is tried first.
    """

    def __init__(
        self,
        host: str,
        port: int,
        client_id: str,
        subscriptions: Sequence[tuple[str, int]],
        deliver: Callable[[list[Message]], None],
        protocol: MQTTProtocolVersion = V311,
    ) -> None:
        self.dropped: Counter[str] = Counter()
        self.reconnects = 0
        self.restarts = 0
        self._address = (host, port)
        self._client_id = client_id
        self._subscriptions = list(subscriptions)
        self._deliver = deliver
        self._batch: list[Message] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread_id = 0
        self._lost = asyncio.Event()
        self._is_accepted = False
        self._is_subscribed = False
        self._is_writing = False
        self._again: asyncio.Handle | None = None
        self._connection = 0
        self.protocol = protocol
        self._client = self._client_of(self.protocol)

    def _client_of(self, protocol: MQTTProtocolVersion) -> "_Client":
        client = _Client(
            CallbackAPIVersion.VERSION2,
            self._client_id,
            clean_session=None if protocol is V5 else False,
            protocol=protocol,
            manual_ack=True,
        )
        client.on_message = self._on_message
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_socket_open = _without_delay
        client.on_socket_close = self._on_socket_close
        return client

    @property
    def is_connected(self) -> bool:
        """True while the broker has accepted the box and confirmed its subscriptions."""
        return self._is_subscribed

    async def run(self) -> None:
        """Keep the client connected, whatever happens, until cancelled."""
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        retry_s = _FIRST_RETRY_S
        try:
            while True:
                try:
                    self._connection += 1
                    self._is_accepted = False
                    # Connecting may block (names, timeouts), so it is done aside.
                    await asyncio.to_thread(self._connect)
                    await self._serve()
                    if self._is_accepted:
                        retry_s = _FIRST_RETRY_S
                    else:  # refused, or hung up on: perhaps the broker speaks the other version
                        self.protocol = V311 if self.protocol is V5 else V5
                        self._client = self._client_of(self.protocol)
                except OSError:
                    self.dropped["broker_unreachable"] += 1
                except Exception:  # a bug must not end the ear of the store
                    self._restart()
                self._is_subscribed = False
                # Jitter keeps the boxes of a chain from reconnecting in step (not a secret: S311).
                await asyncio.sleep(retry_s * random.uniform(0.5, 1.5))  # noqa: S311
                retry_s = min(2 * retry_s, _LONGEST_RETRY_S)
        finally:
            self._is_subscribed = False
            self._client.disconnect()

    def _connect(self) -> None:
        if self.protocol is V311:
            self._client.connect(*self._address, _KEEPALIVE_S)
            return
        asked = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        asked.SessionExpiryInterval = _NEVER_S
        asked.MaximumPacketSize = MAX_PACKET_BYTES
        self._client.connect(*self._address, _KEEPALIVE_S, clean_start=False, properties=asked)

    async def _serve(self) -> None:
        """Read until the connection is lost; once a second paho looks after its keepalive."""
        assert self._loop is not None
        self._lost.clear()
        sock = self._client.socket()
        if sock is None:
            return
        self._loop.add_reader(sock, self._read)
        self._write()
        answer_by_s = self._loop.time() + _ANSWER_S
        while not self._lost.is_set():
            if not self._is_accepted and self._loop.time() > answer_by_s:
                self.renew()
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._lost.wait(), _HOUSEKEEPING_S)
            self._client.loop_misc()
            self._write()

    def acknowledge(self, message: Message) -> None:
        """Tell the broker that a QoS 1 message is done; safe from any thread.

        Only on the connection it came on. A broker that was started anew gives the same number to
        another message, which would be acknowledged unwritten; the old one comes again.
        """
        if message.qos:
            self._call(self._acknowledge, message.connection, message.mid, message.qos)

    def _acknowledge(self, connection: int, mid: int, qos: int) -> None:
        if connection == self._connection:
            self._client.ack(mid, qos)
            self._write()

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """Send a message of the box's own; while disconnected it is dropped."""
        if self._is_subscribed:
            self._client.publish(topic, payload, qos=qos, retain=retain)
            self._write()

    def renew(self) -> None:
        """Connect anew: only then does a broker repeat what was not acknowledged."""
        self._client.disconnect()
        self._lost.set()

    def _restart(self) -> None:
        """Let go of a connection that failed by a bug; counted when it is no longer connected."""
        self._is_subscribed = False
        self.renew()  # in this thread, where the socket is listened to
        self.restarts += 1

    def _call(self, call: Callable[..., None], *arguments: int) -> None:
        if threading.get_ident() == self._thread_id:
            call(*arguments)
        elif self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended; the broker sends it again
                self._loop.call_soon_threadsafe(call, *arguments)

    # -- the socket is ready -----------------------------------------------------------------

    def _read(self) -> None:
        """Take what has come, up to a bound, and hand it on."""
        try:
            client, batch = self._client, self._batch
            while len(batch) < MAX_BATCH:
                if client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS or not client.is_ahead:
                    break  # the connection is lost, or the loop will say when more has come
        except Exception:  # a bug in a callback must not end the ear of the store
            self._restart()
        if self._batch:
            batch, self._batch = self._batch, []
            self._deliver(batch)
        if self._client.want_write():
            self._write()
        # What was read ahead the socket does not tell of again.
        if self._client.is_ahead and self._loop is not None and self._again is None:
            self._again = self._loop.call_soon(self._read_again)

    def _read_again(self) -> None:
        self._again = None
        self._read()

    def _write(self) -> None:
        """Send what waits; what the socket does not take yet goes when it can."""
        client, loop = self._client, self._loop
        if client.want_write():
            client.loop_write()
        sock = client.socket()
        is_full = sock is not None and client.want_write()
        if loop is None or sock is None or is_full == self._is_writing:
            return
        self._is_writing = is_full
        if is_full:
            loop.add_writer(sock, self._write)
        else:
            loop.remove_writer(sock)

    # -- what paho tells ---------------------------------------------------------------------

    def _on_connect(
        self, client: mqtt.Client, _userdata: object, _flags: object, reason: ReasonCode, _p: object
    ) -> None:
        if reason.is_failure:
            self.dropped["broker_refused"] += 1
            return
        self._is_accepted = True
        self.reconnects += 1
        if self.protocol is V311:
            client.subscribe(self._subscriptions)
        else:
            client.subscribe([(topic, SubscribeOptions(qos)) for topic, qos in self._subscriptions])

    def _on_subscribe(
        self,
        _client: mqtt.Client,
        _userdata: object,
        _mid: int,
        granted: list[ReasonCode],
        _p: object,
    ) -> None:
        """Be connected from here on: what came before the broker knew the filters went past."""
        self.dropped["subscription_refused"] += sum(reason.is_failure for reason in granted)
        self._is_subscribed = True

    def _on_disconnect(self, *_: object) -> None:
        self._is_subscribed = False
        self._lost.set()

    def _on_socket_close(self, client: mqtt.Client, _userdata: object, sock: object) -> None:
        if isinstance(client, _Client):
            client.forget_ahead()
        if self._loop is None or self._loop.is_closed():
            return  # nobody listens any more: the process ends
        if isinstance(sock, socket.socket):
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)
            self._is_writing = False
            self._lost.set()

    def _on_message(self, client: mqtt.Client, _userdata: object, m: mqtt.MQTTMessage) -> None:
        if len(m.payload) > MAX_PAYLOAD_BYTES:
            self.dropped["too_large"] += 1
            client.ack(m.mid, m.qos)
            return
        try:
            topic = m.topic
        except UnicodeDecodeError:
            self.dropped["topic_not_utf8"] += 1
            client.ack(m.mid, m.qos)
            return
        self._batch.append(Message(topic, bytes(m.payload), m.qos, m.mid, self._connection))


class _Client(mqtt.Client):
    """Paho, reading ahead, letting go the end of a packet that is too long, leaving no garbage.

    Paho asks the socket four times for a message: its kind, its length byte by byte, the rest. Here
    these are cut from what one read brought. Paho tells of a message when it has all of it; what it
    asks for is what the packet still lacks, so this is where a long one shows. Its beginning is
    kept: topic and number, and enough of the payload to be seen as too long, counted and
    acknowledged like any other.

    A message goes to the one callback there is. Paho looks for one of the topic's own first, by a
    function that refers to itself: garbage of every message, and only the collector can free it.

    Both methods are paho's own; tests with a message of 32 MB and with 500 small ones say whether
    they are still called.
    """

    _ahead, _at = b"", 0

    @property
    def is_ahead(self) -> bool:
        """True while more was read than paho has asked for."""
        return self._at < len(self._ahead)

    def forget_ahead(self) -> None:
        """Let go of what was read from a connection that is lost."""
        self._ahead, self._at = b"", 0

    def _handle_on_message(self, message: mqtt.MQTTMessage) -> None:
        if self.on_message is not None:
            with self._in_callback_mutex:  # what it acknowledges is sent after it
                self.on_message(self, self._userdata, message)

    def _sock_recv(self, bufsize: int) -> bytes:
        at = self._at
        if at == len(self._ahead):
            self._ahead, at = super()._sock_recv(_READ_BYTES), 0
        if bufsize > MAX_PACKET_BYTES:
            del self._in_packet["packet"][MAX_PACKET_BYTES:]
        found = self._ahead[at : at + bufsize]
        self._at = at + len(found)
        return found


def _without_delay(_client: mqtt.Client, _userdata: object, sock: object) -> None:
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
