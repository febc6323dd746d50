"""The Store on Valkey 7.2 or Redis 7.0 and later.

Every command touches one key.  What has to compare before it writes is a Lua script, sent in full
each time, so that a new primary never answers that it does not know the script.
"""

import asyncio
import secrets
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

from redis.exceptions import RedisError

from pairing_server.store import Listener, StoreUnavailableError
from pairing_server.store.pipelining import DEADLINE, Pipelining
from pairing_server.store.redis_url import open_pool
from pairing_server.store.signals import Signals, shard

#: KEYS[1]; ARGV: the bytes that must be there, the new ones, milliseconds or nothing; and, where
#: somebody is to hear of it, the channel and what is said there.
SWAP = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
if ARGV[4] then redis.call('PUBLISH', ARGV[4], ARGV[5]) end
return 1
"""


class RedisStore:
    """The Store on one server, or on the primary that Sentinels name.

    A `create`, `swap`, `take` or `delete` is sent at most once.  When it is not known whether it
    was carried out, it raises `StoreUnavailableError`; only what can do no harm is repeated.

    Args:
        url: As `pairing_server.store.redis_url` has it.

    Raises:
        ValueError: the URL is not well formed.
    """

    def __init__(self, url: str) -> None:
        self._pool, self._sentinel = open_pool(url)
        self._pipelining = Pipelining(self._pool)
        self._signals = Signals(self._pool)

    async def create(self, key: str, value: bytes, ttl: timedelta) -> bool:
        """Put a value where there is none.  Returns whether there was none."""
        reply = await self._pipelining.send("SET", key, value, "NX", "PX", _milliseconds(ttl))
        return reply is not None

    async def get(self, key: str) -> bytes | None:
        """Read a value."""
        reply: bytes | None = await self._pipelining.send("GET", key, repeatable=True)
        return reply

    async def swap(
        self,
        key: str,
        old: bytes,
        new: bytes,
        ttl: timedelta | None = None,
        signal: str | None = None,
    ) -> bool:
        """Replace exactly `old` by `new`; returns whether `old` was still there."""
        lifetime = "" if ttl is None else _milliseconds(ttl)
        told = () if signal is None else (shard(signal), signal)
        reply = await self._pipelining.send("EVAL", SWAP, 1, key, old, new, lifetime, *told)
        return bool(reply)

    async def take(self, key: str) -> bytes | None:
        """Read and remove a value: of many who take one gets it."""
        reply: bytes | None = await self._pipelining.send("GETDEL", key)
        return reply

    async def delete(self, key: str) -> bool:
        """Remove a value.  Returns whether there was one."""
        return bool(await self._pipelining.send("DEL", key))

    async def signal(self, channel: str) -> None:
        """Wake every listener of the channel, on every node."""
        await self._pipelining.send("PUBLISH", shard(channel), channel, repeatable=True)

    def listen(self, channel: str) -> AbstractAsyncContextManager[Listener]:
        """Open a listener.  It may be woken without a signal, when the node subscribes anew."""
        return self._signals.listen(channel)

    async def ping(self) -> None:
        """Send this node a signal of its own and hear it.

        Raises:
            StoreUnavailableError: the store does not answer, or its signals do not arrive.
        """
        channel = f"ping:{secrets.token_hex(8)}"
        try:
            async with asyncio.timeout(DEADLINE):
                async with self._signals.listen(channel) as listener:
                    await self.signal(channel)
                    await listener.heard()
        except TimeoutError as error:
            raise StoreUnavailableError("no signal arrives") from error

    def drain(self) -> None:
        """Let every wait end at once, now and from now on: the server is stopping."""
        self._signals.drain()

    async def close(self) -> None:
        """Let go of all connections.  What is under way fails."""
        await self._signals.close()
        await self._pipelining.close()
        try:
            await self._pool.aclose()
            if self._sentinel is not None:
                await self._sentinel.aclose()
        except (RedisError, OSError) as error:
            raise StoreUnavailableError("closing") from error


def _milliseconds(ttl: timedelta) -> int:
    # A lifetime that is over ends at once; zero would be refused.
    return max(1, ttl // timedelta(milliseconds=1))
