"""Commands that arise in the same turn of the event loop travel as one pipeline.

A redis-py call costs more processor time than checking a signature, nearly all of it per round
trip.  So callers only queue their command; at the end of the turn what has gathered is sent in
one write.  While all lanes are under way commands go on gathering: the busier, the larger the
groups.  What redis-py does for any command, and ours need not have, is left out: its connections
are used, kept by the lanes, but neither its pipelines nor its way to write commands.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import structlog
from hiredis import pack_command
from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.asyncio.connection import Connection, ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from pairing_server.store import StoreUnavailableError
from pairing_server.store.redis_url import connect

#: Seconds within which a command is answered or fails, its time in the queue included.
DEADLINE = 5.0
#: Pipelines under way at once, each on a connection of its own.
LANES = 2
#: Commands in one pipeline: so few that one reply's reader never holds up the loop for long.
GROUP = 256
#: Seconds between the attempts to connect.  An embedded server is back within one of them.
CONNECT_PAUSES = (0.05, 0.1, 0.2, 0.4)

_log = structlog.get_logger("store")


@dataclass(slots=True, eq=False)
class _Command:
    arguments: tuple[bytes | str | int, ...]
    repeats: int
    expires_at: float
    reply: asyncio.Future[Any] = field(repr=False)


class Pipelining:
    """Sends commands over a few lanes, in the order in which they were given."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._idle: list[Connection] = []
        self._queue: deque[_Command] = deque()
        self._lanes: set[asyncio.Task[None]] = set()
        self._flush_is_due = False
        self._closed = False

    async def send(self, *arguments: bytes | str | int, repeatable: bool = False) -> Any:
        """Send a command and return its reply.

        Args:
            repeatable: Once more does no harm.  Any other command is sent at most once: when its
                outcome is unknown, the caller is told so.

        Raises:
            StoreUnavailableError: no reply within the deadline, or an error for a reply.
        """
        if self._closed:
            raise StoreUnavailableError("the store is closed")
        loop = asyncio.get_running_loop()
        command = _Command(
            arguments, int(repeatable), loop.time() + DEADLINE, loop.create_future()
        )
        self._queue.append(command)
        if not self._flush_is_due:
            self._flush_is_due = True
            loop.call_soon(self._flush)
        return await command.reply

    async def close(self) -> None:
        """Fail what is under way or still queued."""
        self._closed = True
        for lane in (lanes := list(self._lanes)):
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)
        _fail(self._queue, StoreUnavailableError("the store is closed"))
        self._queue.clear()

    def _flush_soon(self) -> None:
        if not self._flush_is_due:
            self._flush_is_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_is_due = False
        while len(self._lanes) < LANES and (group := self._gather()):
            lane = asyncio.get_running_loop().create_task(self._travel(group))
            self._lanes.add(lane)
            lane.add_done_callback(self._arrived)

    def _gather(self) -> list[_Command]:
        group: list[_Command] = []
        while self._queue and len(group) < GROUP:
            command = self._queue.popleft()
            # Whoever was cancelled while still in the queue sends nothing at all.
            if not command.reply.done():
                group.append(command)
        return group

    def _arrived(self, lane: asyncio.Task[None]) -> None:
        self._lanes.discard(lane)
        if self._queue and not self._closed:
            self._flush_soon()

    async def _travel(self, group: list[_Command]) -> None:
        try:
            # The first has waited longest.  A server that kept it waiting this long is no
            # better for those behind it.
            async with asyncio.timeout_at(group[0].expires_at):
                replies = await self._round_trip(group)
        except asyncio.CancelledError:
            _fail(group, StoreUnavailableError("the store was closed"))
            raise
        except Exception as error:  # noqa: BLE001  (redis-py lets OSError and worse through)
            reason = str(error) or type(error).__name__
            _log.warning("store.unreachable", reason=reason, commands=len(group))
            self._repeat_or_fail(group, error)
        else:
            await self._answer(group, replies)

    async def _round_trip(self, group: list[_Command]) -> list[Any]:
        # Connecting is repeated here, where nothing has been sent yet.
        connection = await self._take_connection()
        try:
            # What its types say of a tuple's length is not meant.
            packed = b"".join([pack_command(each.arguments) for each in group])  # type: ignore[arg-type]
            await connection.send_packed_command(packed, check_health=False)
            return await _replies(connection, len(group))
        finally:
            # redis-py has closed it where a reply is still to come.
            self._idle.append(connection)

    async def _take_connection(self) -> Connection:
        """Return a connection that is clean, the one that was used last if there is any."""
        while self._idle:
            connection = self._idle.pop()
            if await _is_clean(connection):
                return connection
            await connection.disconnect(nowait=True)
            await self._pool.release(connection)
        return await self._connect()

    async def _connect(self) -> Connection:
        for pause in CONNECT_PAUSES:
            try:
                return await connect(self._pool)
            except (RedisConnectionError, RedisTimeoutError, OSError):
                await asyncio.sleep(pause)
        return await connect(self._pool)

    def _repeat_or_fail(self, group: list[_Command], error: Exception) -> None:
        now = asyncio.get_running_loop().time()
        again = [each for each in group if each.repeats and each.expires_at > now]
        for command in again:
            command.repeats -= 1
        # In front of the queue and in their old order.
        self._queue.extendleft(reversed(again))
        _fail([each for each in group if each not in again], error)

    async def _answer(self, group: list[_Command], replies: list[Any]) -> None:
        is_replica = False
        for command, reply in zip(group, replies, strict=True):
            if isinstance(reply, ResponseError):
                _fail([command], reply)
                is_replica |= isinstance(reply, ReadOnlyError)
            elif not command.reply.done():
                command.reply.set_result(reply)
        if is_replica:
            await self._leave_replica()

    async def _leave_replica(self) -> None:
        """Let go of every connection: after a failover they lead to what is now a replica."""
        _log.warning("store.read_only")
        await self._pool.update_active_connections_for_reconnect()  # type: ignore[no-untyped-call]
        try:
            await self._pool.disconnect(inuse_connections=False)
        except (RedisError, OSError) as error:
            _log.warning("store.disconnect_failed", error=type(error).__name__)


async def _replies(connection: Connection, count: int) -> list[Any]:
    """Read that many replies, straight from the parser: redis-py awaits four calls for each.

    Raises:
        RedisError, OSError: the connection is of no more use, and is closed.
    """
    parser: Any = connection._parser  # noqa: SLF001
    replies: list[Any] = []
    try:
        while len(replies) < count:
            reply = parser._reader.gets()  # noqa: SLF001
            if reply is NOT_ENOUGH_DATA:
                await parser.read_from_socket()
            elif isinstance(reply, RedisConnectionError):
                raise reply  # noqa: TRY301
            else:
                replies.append(reply)
    except BaseException:
        await connection.disconnect(nowait=True)
        raise
    return replies


async def _is_clean(connection: Connection) -> bool:
    """Whether it leads to the server that it was opened to, and nothing has come unasked."""
    if not connection.is_connected or connection.should_reconnect():  # type: ignore[no-untyped-call]
        return False
    try:
        return not await connection.can_read()
    except (RedisError, OSError):
        return False


def _fail(commands: Any, cause: Exception) -> None:
    for command in commands:
        if not command.reply.done():
            error = StoreUnavailableError(f"{command.arguments[0]}: {type(cause).__name__}")
            error.__cause__ = cause
            command.reply.set_exception(error)
