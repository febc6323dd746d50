"""The connections to APNs: kept warm, as many as it takes, and never more than a few."""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from pairing_server.push import PushFailedError
from pairing_server.push.apns_answers import Reply
from pairing_server.push.apns_connection import Connection
from pairing_server.push.apns_exchange import Exchange
from pairing_server.push.failure import Failure

#: Connections at once, for a hundred requests each.
MOST_CONNECTIONS = 8
#: A request that has waited so long for a slot opens another connection.  A new connection takes
#: one request until Apple has seen a token that it believes; that is over sooner.
PATIENCE_SECONDS = 0.05
#: A connection of several that has had nothing to do for so long is closed.
IDLE_SECONDS = 600
#: Sooner than the deadline of a send, which can then say why.
DIAL_SECONDS = 4
#: A connection that was lost after so long was good.
PROVEN_SECONDS = 10
#: After a failure the next attempt waits, up to twice as long each time.
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 60

Dial = Callable[[Callable[[], Connection]], Awaitable[Connection]]
_log = structlog.get_logger("push")


class Pool:
    """Gives requests a stream, the oldest first.

    Args:
        dial: Connects a connection that is handed to it.
        most: Requests under way, waiting ones included.
    """

    def __init__(self, dial: Dial, most: int) -> None:
        self._dial = dial
        self._most = most
        self._under_way = 0
        self._waiting: deque[Exchange] = deque()
        self._connections: list[Connection] = []
        self._dialling: asyncio.Task[None] | None = None
        self._failure: PushFailedError | None = None
        self._failures = 0
        self._pause_ends = 0.0
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._is_closed = False

    def warm(self) -> None:
        """See to it that there is a connection, from now on."""
        if not self._connections:
            self._connect()

    async def exchange(self, block: bytes, body: bytes) -> Reply:
        """Send a request and return the answer; whoever cancels this frees its stream.

        Raises:
            PushFailedError: no answer, and no knowing whether APNs has the request.
            NotProcessedError: APNs does not have it.
        """
        if self._under_way >= self._most:
            raise PushFailedError(Failure.BUSY, retriable=True)
        if self._is_closed:
            raise PushFailedError(Failure.DISCONNECTED)
        exchange = Exchange(block, body, asyncio.get_running_loop().create_future())
        self._under_way += 1
        self._waiting.append(exchange)
        self._advance()
        try:
            return await exchange.answer
        finally:
            self._under_way -= 1
            self._abandon(exchange)

    def doubt(self) -> None:
        """Have the connections asked whether they live: an answer has not come in time."""
        for connection in self._connections:
            connection.doubt()

    async def close(self) -> None:
        """End all connections and what is under way on them."""
        self._is_closed = True
        for timer in self._timers.values():
            timer.cancel()
        if self._dialling is not None:
            self._dialling.cancel()
            await asyncio.gather(self._dialling, return_exceptions=True)
        self._fail_waiting(PushFailedError(Failure.DISCONNECTED))
        connections = tuple(self._connections)
        for connection in connections:
            connection.close()
        await asyncio.gather(*(connection.closed() for connection in connections))

    def _abandon(self, exchange: Exchange) -> None:
        for connection in self._connections:
            connection.abandon(exchange)

    def _advance(self) -> None:
        """Give streams to those who wait, as far as there are any."""
        while self._waiting:
            if self._waiting[0].answer.done():
                self._waiting.popleft()
                continue
            connection = max(self._connections, key=_room, default=None)
            if connection is None:
                self._connect()
                return
            if connection.room == 0:
                self._later("grow", PATIENCE_SECONDS, self._grow)
                return
            connection.start(self._waiting.popleft())

    def _grow(self) -> None:
        """Open another connection if somebody still waits."""
        if any(not exchange.answer.done() for exchange in self._waiting):
            if len(self._connections) < MOST_CONNECTIONS:
                self._connect()
            self._advance()

    def _connect(self) -> None:
        """Open a connection, unless one is being opened or it failed just now."""
        if self._dialling is not None or self._is_closed:
            return
        wait = self._pause_ends - asyncio.get_running_loop().time()
        if wait <= 0:
            self._dialling = asyncio.create_task(self._open())
        else:
            self._later("dial", wait, self._connect)
            self._fail_alone()

    async def _open(self) -> None:
        connection = Connection(self._on_change)
        try:
            async with asyncio.timeout(DIAL_SECONDS):
                await self._dial(lambda: connection)
                await connection.ready
        except PushFailedError as error:
            self._on_no_connection(error)
        except TimeoutError:
            self._on_no_connection(PushFailedError(Failure.UNREACHABLE, retriable=True))
        else:
            self._on_connection(connection)
        finally:
            if connection not in self._connections:
                connection.close()
            self._dialling = None
        self._advance()

    def _on_connection(self, connection: Connection) -> None:
        if connection.is_closed:
            self._on_no_connection(PushFailedError(Failure.DISCONNECTED, retriable=True))
            return
        if self._failure is not None:
            _log.info("push service reached again", service="apns")
        self._failure = None
        self._connections.append(connection)
        self._later("idle", IDLE_SECONDS, self._shrink)

    def _on_no_connection(self, error: PushFailedError) -> None:
        if self._failure is None or self._failure.code != error.code:
            _log.warning("push service not reached", service="apns", code=error.code)
        self._failure = error
        self._pause()
        self._fail_alone()
        self._later("dial", self._pause_ends - asyncio.get_running_loop().time(), self.warm)

    def _pause(self) -> None:
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**self._failures)
        self._failures = min(self._failures + 1, 20)
        # Servers that lost it together do not come back together.
        pause = longest * random.uniform(0.5, 1)  # noqa: S311
        self._pause_ends = asyncio.get_running_loop().time() + pause

    def _fail_alone(self) -> None:
        """Fail those who wait where there is no connection that they could wait for."""
        if any(each.is_usable for each in self._connections):
            return
        wait = timedelta(seconds=self._pause_ends - asyncio.get_running_loop().time())
        code = Failure.DISCONNECTED if self._failure is None else self._failure.code
        retriable = self._failure is None or self._failure.retriable
        self._fail_waiting(PushFailedError(code, max(wait, timedelta(0)), retriable=retriable))

    def _fail_waiting(self, error: PushFailedError) -> None:
        while self._waiting:
            self._waiting.popleft().fail(
                PushFailedError(error.code, error.retry_after, retriable=error.retriable)
            )

    def _on_change(self, connection: Connection) -> None:
        if not connection.is_usable and connection in self._connections:
            self._leave(connection)
        self._advance()

    def _leave(self, connection: Connection) -> None:
        """Let a connection end by itself, and have another one in its place."""
        if connection.is_closed:
            self._connections.remove(connection)
            if connection.has_served or connection.age >= PROVEN_SECONDS:
                self._failures = 0
            else:
                self._pause()
        if not any(each.is_usable for each in self._connections):
            self._connect()

    def _shrink(self) -> None:
        usable = [each for each in self._connections if each.is_usable]
        for connection in usable[1:]:
            if connection.is_idle:
                connection.close()
        self._later("idle", IDLE_SECONDS, self._shrink)

    def _later(self, name: str, seconds: float, act: Callable[[], None]) -> None:
        """Do something later, once, however often it was asked for meanwhile."""
        if name in self._timers or self._is_closed:
            return

        def run() -> None:
            del self._timers[name]
            act()

        self._timers[name] = asyncio.get_running_loop().call_later(seconds, run)


def _room(connection: Connection) -> int:
    return connection.room
