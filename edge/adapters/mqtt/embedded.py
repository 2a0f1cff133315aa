"""A broker inside the process (amqtt), so that a laptop needs none. Never for a store.

It listens on loopback only, keeps nothing on disk and speaks MQTT 3.1.1 alone. It runs in a thread
with a loop of its own, so that its work does not stand between a message and a screen.
"""

import asyncio
import logging
import threading

from edge.core.errors import UnavailableError


class EmbeddedBroker:
    """An amqtt broker on 127.0.0.1.

    Args:
        port: TCP port to listen on.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._failure: Exception | None = None
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="embedded-broker", daemon=True)

    def start(self, timeout_s: float = 10.0) -> None:
        """Listen.

        Raises:
            UnavailableError: amqtt is not installed, or the port is taken.
        """
        self._thread.start()
        if not self._ready.wait(timeout_s) or self._failure is not None:
            raise UnavailableError(
                f"the embedded broker did not start on 127.0.0.1:{self._port} ({self._failure}); "
                "install the extra `laptop`, or free the port"
            ) from self._failure

    def stop(self, timeout_s: float = 5.0) -> None:
        """Disconnect the clients and end the thread."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except Exception as failure:  # handed to `start`, which raises it
            self._failure = failure
        finally:
            self._ready.set()
            self._loop.close()

    async def _serve(self) -> None:
        from amqtt.broker import Broker  # an extra: only laptops install it

        # amqtt logs client ids and topics at INFO; a topic may carry a beacon id.
        logging.getLogger("amqtt").setLevel(logging.ERROR)
        logging.getLogger("transitions").setLevel(logging.ERROR)
        broker = Broker(
            {
                "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{self._port}"}},
                "plugins": {
                    "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}
                },
            },
            loop=self._loop,
        )
        await broker.start()
        self._ready.set()
        await self._stop.wait()
        await broker.shutdown()
