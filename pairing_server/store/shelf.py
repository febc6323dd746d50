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
        self, identifier: str, stored: Stored[T], new: T, lifetime: timedelta | None = None
    ) -> bool:
        """Replace the record that was read; `False` when another was faster."""
        ttl = None if lifetime is None else lifetime + GRACE
        raw = self._encoder.encode(new)
        return await self._store.swap(self.key(identifier), stored.raw, raw, ttl)

    async def change(self, identifier: str, rule: Callable[[T], T]) -> T | None:
        """Apply a rule to the record, starting over with what is there when another was faster.

        Whatever the rule raises ends the change and leaves the record as it was.

        Returns:
            The record as it now stands, or `None` when there is none.
        """
        while (stored := await self.get(identifier)) is not None:
            new = rule(stored.value)
            if new == stored.value or await self.swap(identifier, stored, new):
                return new
        return None

    async def take(self, identifier: str) -> T | None:
        """Read and remove the record: of many who take one gets it."""
        raw = await self._store.take(self.key(identifier))
        return None if raw is None else self._decoder.decode(raw)

    async def delete(self, identifier: str) -> bool:
        """Remove the record."""
        return await self._store.delete(self.key(identifier))
