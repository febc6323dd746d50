"""Sends each second's frame to every login page that shows one, from one task for all of them.

A timer, a deadline and a turn of the loop for each page cost more than the frame itself: a
thousand pages would take a third of a processor.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from aiohttp import web

from pairing_server.clock import Clock
from pairing_server.qr.login import Frames

#: A frame is sent at most this long after its second has begun.
SLOT = timedelta(milliseconds=100)
SLOTS = timedelta(seconds=1) // SLOT
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Ticker:
    """Who shows frames on this node, by the tenth of a second in which theirs begin."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._slots: list[dict[web.StreamResponse, Frames]] = [{} for _ in range(SLOTS)]
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def showing(self, stream: web.StreamResponse, frames: Frames) -> Iterator[None]:
        """Send frames to a page while the block runs."""
        slot = self._slots[_number(frames.made_at) % SLOTS]
        slot[stream] = frames
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            del slot[stream]
            if not any(self._slots):
                self._task.cancel()
                self._task = None

    async def _run(self) -> None:
        done = _number(self._clock())
        while True:
            now = self._clock()
            await asyncio.sleep((_EPOCH + (done + 1) * SLOT - now) / timedelta(seconds=1))
            now = self._clock()
            # After a pause of the loop no more than one second is caught up with.
            for number in range(max(done, _number(now) - SLOTS), _number(now)):
                await self._send(self._slots[number % SLOTS], now)
            done = max(done, _number(now))

    async def _send(self, slot: dict[web.StreamResponse, Frames], now: datetime) -> None:
        for stream, frames in [*slot.items()]:
            if _is_behind(stream):
                continue
            event = f'event: frame\ndata: "{frames.link(frames.at(now))}"\n\n'
            with suppress(ConnectionError):
                await stream.write(event.encode())


def _number(moment: datetime) -> int:
    return (moment - _EPOCH) // SLOT


def _is_behind(stream: web.StreamResponse) -> bool:
    """Whether a page has not read what it was sent: nobody waits for it."""
    request = stream._req  # noqa: SLF001  (aiohttp has no other way to it)
    transport = None if request is None else request.transport
    return transport is None or transport.get_write_buffer_size() > 0
