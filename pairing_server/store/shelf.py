"""Typed records in the Store: one kind of record, one key prefix, one codec."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

import msgspec

from pairing_server.store import Store

T = TypeVar("T")

#: A record outlives its lifetime by this much, so that a late caller hears "expired", not
#: "unknown".
GRACE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Stored(Generic[T]):
    """A record as it was read, with the bytes that a swap compares."""

    value: T
    raw: bytes


class Shelf(Generic[T]):
    """All records of one type, under `prefix` and their identifier."""

    def __init__(self, store: Store, prefix: str, record: type[T]) -> None:
        self._store = store
        self._prefix = prefix
        self._decoder = msgspec.json.Decoder(record)
        self._encoder = msgspec.json.Encoder()

    def key(self, identifier: str) -> str:
        """Return the key under which the record stands."""
        return f"{self._prefix}:{identifier}"

    async def create(self, identifier: str, value: T, lifetime: timedelta) -> bool:
        """Put a record where there is none; it lives for `lifetime` and a minute's grace."""
        raw = self._encoder.encode(value)
        return await self._store.create(self.key(identifier), raw, lifetime + GRACE)

    async def get(self, identifier: str) -> Stored[T] | None:
        """Read a record."""
        raw = await self._store.get(self.key(identifier))
        return None if raw is None else Stored(self._decoder.decode(raw), raw)

    async def swap(
        self,
        identifier: str,
        stored: Stored[T],
        new: T,
        lifetime: timedelta | None = None,
        *,
        is_news: bool = False,
    ) -> bool:
        """Replace the record that was read; `False` when another was faster.

        Args:
            is_news: Whether who listens to the record's key is woken, in the same step.
        """
        ttl = None if lifetime is None else lifetime + GRACE
        raw = self._encoder.encode(new)
        key = self.key(identifier)
        return await self._store.swap(key, stored.raw, raw, ttl, key if is_news else None)

    async def change(
        self,
        identifier: str,
        rule: Callable[[T], T],
        known: T | None = None,
        *,
        is_news: bool = False,
    ) -> T | None:
        """Apply a rule to the record, starting over with what is there when another was faster.

        Whatever the rule raises ends the change and leaves the record as it was.

        Args:
            known: The record as it was read or written last; it is read again only where it is
                another one by now, or would stay as it is.
            is_news: Whether who listens to the record's key is woken, also where it stays.

        Returns:
            The record as it now stands, or `None` when there is none.
        """
        if known is not None:
            as_known = Stored(known, self._encoder.encode(known))
            new = rule(known)
            if new != known and await self.swap(identifier, as_known, new, is_news=is_news):
                return new
        while (stored := await self.get(identifier)) is not None:
            new = rule(stored.value)
            if new == stored.value:
                if is_news:
                    await self._store.signal(self.key(identifier))
                return new
            if await self.swap(identifier, stored, new, is_news=is_news):
                return new
        return None

    async def take(self, identifier: str) -> T | None:
        """Read and remove the record: of many who take one gets it."""
        raw = await self._store.take(self.key(identifier))
        return None if raw is None else self._decoder.decode(raw)

    async def delete(self, identifier: str) -> bool:
        """Remove the record."""
        return await self._store.delete(self.key(identifier))
