"""Signals: one subscription per node, from which any number of waiters hear.

The subscription holds a small fixed set of channels; a hash of the name of what is signalled
picks one of them and the name itself is the message.  A waiter is an `asyncio.Event`.
"""

import asyncio
import random
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import structlog
from redis.asyncio.connection import Connection, ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError

from pairing_server.store.redis_url import connect

#: The channels that every node subscribes to.  All nodes must agree on their number.
CHANNELS = tuple(f"signals:{number}" for number in range(16))
#: Seconds of silence after which the subscription is asked whether it is still there, and again
#: the seconds that it has to answer.
HEARTBEAT = 2.0
#: Seconds between attempts to subscribe: doubled from the first to the last.
FIRST_PAUSE = 0.05
LAST_PAUSE = 2.0

_log = structlog.get_logger("store")


def shard(channel: str) -> str:
    """Return the subscribed channel that carries the signals of `channel`."""
    return CHANNELS[zlib.crc32(channel.encode()) % len(CHANNELS)]


class SignalListener:
    """Hears the signals of one channel, from the moment it was opened."""

    __slots__ = ("_event", "_signals")

    def __init__(self, signals: "Signals") -> None:
        self._signals = signals
        self._event = asyncio.Event()

    def wake(self) -> None:
        """Let the wait end, or the next one if there is none."""
        self._event.set()

    async def heard(self) -> None:
        """Wait without end for a signal, whether the server drains or not."""
        await self._event.wait()

    async def wait(self, timeout: timedelta) -> bool:  # noqa: ASYNC109  (as Listener)
        """Wait until the channel is signalled, the time is up or the server drains."""
        if self._signals.drained:
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout.total_seconds()):
                await self._event.wait()
        # A signal that came together with the end of the time still counts.
        signalled = self._event.is_set()
        self._event.clear()
        return signalled and not self._signals.drained


class Signals:
    """The node's subscription and its listeners."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._listeners: dict[str, set[SignalListener]] = {}
        self._task: asyncio.Task[None] | None = None
        self._pause = FIRST_PAUSE
        self.drained = False

    @asynccontextmanager
    async def listen(self, channel: str) -> AsyncIterator[SignalListener]:
        """Open a listener.

        It does not wait for the subscription: what is signalled before the node is subscribed is
        made good by waking every listener at that moment.
        """
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._stay_subscribed())
        listener = SignalListener(self)
        self._listeners.setdefault(channel, set()).add(listener)
        try:
            yield listener
        finally:
            others = self._listeners[channel]
            others.discard(listener)
            if not others:
                del self._listeners[channel]

    def drain(self) -> None:
        """Let every wait end, now and from now on."""
        self.drained = True
        self._wake_all()

    async def close(self) -> None:
        """End the subscription."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _stay_subscribed(self) -> None:
        while True:
            try:
                await self._subscribe_and_hear()
            except Exception as error:  # noqa: BLE001  (without this task every waiter sleeps on)
                _log.warning("store.subscription_lost", error=type(error).__name__)
            # Nodes that lost the same server do not all come back in the same instant.
            await asyncio.sleep(self._pause * random.uniform(0.5, 1))  # noqa: S311
            self._pause = min(2 * self._pause, LAST_PAUSE)

    async def _subscribe_and_hear(self) -> None:
        connection = await connect(self._pool)
        try:
            async with asyncio.timeout(HEARTBEAT):
                await connection.send_command("SUBSCRIBE", *CHANNELS)
                for _ in CHANNELS:
                    await connection.read_response()
            self._pause = FIRST_PAUSE
            _log.info("store.subscribed")
            # What was signalled while nobody heard is lost: all waiters read their state again.
            self._wake_all()
            await self._hear(connection)
        finally:
            await connection.disconnect(nowait=True)
            await self._pool.release(connection)

    async def _hear(self, connection: Connection) -> None:
        asked = False
        while not connection.should_reconnect():  # type: ignore[no-untyped-call]
            message = await connection.read_response(timeout=HEARTBEAT)
            match message:
                case None if asked:
                    raise RedisConnectionError("The subscription fell silent.")
                case [b"message", _, name]:
                    self._wake(name.decode())
                case None:
                    await connection.send_command("PING")
            asked = message is None

    def _wake(self, channel: str) -> None:
        for listener in self._listeners.get(channel, ()):
            listener.wake()

    def _wake_all(self) -> None:
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.wake()
