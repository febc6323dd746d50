"""Doubles that force a race or hold the time still."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta

from pairing_server.store import Listener, Store


class FrozenClock:
    """A `pairing_server.clock.Clock` that moves only when told."""

    def __init__(self, moment: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, duration: timedelta) -> None:
        self.moment += duration


class StalledStore:
    """A Store that lets another step in between a read and the write that follows it, once.

    Attributes:
        stalled: Whether it has happened: assert it, or the test shows nothing.
    """

    def __init__(self, store: Store, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._store = store
        self._meanwhile = meanwhile
        self._has_read = False
        self.stalled = False

    async def _stall(self) -> None:
        if self._has_read and not self.stalled:
            self.stalled = True
            await self._meanwhile()

    async def create(self, key: str, value: bytes, ttl: timedelta) -> bool:
        return await self._store.create(key, value, ttl)

    async def get(self, key: str) -> bytes | None:
        value = await self._store.get(key)
        self._has_read = True
        return value

    async def swap(
        self,
        key: str,
        old: bytes,
        new: bytes,
        ttl: timedelta | None = None,
        signal: str | None = None,
    ) -> bool:
        await self._stall()
        return await self._store.swap(key, old, new, ttl, signal)

    async def take(self, key: str) -> bytes | None:
        await self._stall()
        return await self._store.take(key)

    async def delete(self, key: str) -> bool:
        await self._stall()
        return await self._store.delete(key)

    async def signal(self, channel: str) -> None:
        await self._store.signal(channel)

    def listen(self, channel: str) -> AbstractAsyncContextManager[Listener]:
        return self._store.listen(channel)

    async def ping(self) -> None:
        await self._store.ping()

    def drain(self) -> None:
        self._store.drain()

    async def close(self) -> None:
        await self._store.close()
