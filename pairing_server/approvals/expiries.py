"""Notices of requests that run out: nobody answers those, so the server looks when it is time."""

import asyncio
import contextlib
import heapq
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NamedTuple

import structlog

from pairing_server.approvals.inbox import Entry
from pairing_server.clock import Clock
from pairing_server.registry import RegistryUnavailableError
from pairing_server.store import StoreUnavailableError

#: Takes the notice of a person's request off their phones, if it lies there still.
Ended = Callable[[str, Entry], Awaitable[None]]

_log = structlog.get_logger("approvals")


class _Due(NamedTuple):
    at: datetime
    identifier: str


class Expiries:
    """The requests that this node has pushed and that were not answered here, in time's order.

    A node that stops forgets them: their notices then stay until the phone is opened, or the next
    request of that workstation takes their place.
    """

    def __init__(self, clock: Clock, ended: Ended) -> None:
        self._clock = clock
        self._ended = ended
        self._due: list[_Due] = []
        self._pushed: dict[str, tuple[str, Entry]] = {}
        self._news = asyncio.Event()

    def __len__(self) -> int:
        """Return of how many requests a notice may have to be taken away."""
        return len(self._pushed)

    def add(self, person_id: str, request: Entry) -> None:
        """Remember a request that was pushed."""
        self._pushed[request.id] = (person_id, request)
        heapq.heappush(self._due, _Due(request.expires_at, request.id))
        self._news.set()

    def forget(self, identifier: str) -> None:
        """Let go of a request whose notice is dealt with."""
        self._pushed.pop(identifier, None)

    async def end_due(self) -> None:
        """Take away what has run out by now."""
        now, found = self._clock(), []
        while self._due and self._due[0].at <= now:
            pushed = self._pushed.pop(heapq.heappop(self._due).identifier, None)
            if pushed is not None:
                found.append(pushed)
        await asyncio.gather(*(self._end(*each) for each in found))

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            self._news.clear()
            await self.end_due()
            left = (self._due[0].at - self._clock()).total_seconds() if self._due else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._news.wait()

    async def _end(self, person_id: str, request: Entry) -> None:
        try:
            await self._ended(person_id, request)
        except (RegistryUnavailableError, StoreUnavailableError) as error:
            _log.warning("notice not withdrawn", error=repr(error))
