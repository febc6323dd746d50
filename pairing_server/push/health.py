"""What became of each phone's wake-ups: gathered in memory, written rarely and many at once."""

import asyncio
from collections import OrderedDict
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from pairing_server.clock import Clock
from pairing_server.registry import Registry, RegistryUnavailableError, push_health
from pairing_server.registry.push_health import PushHealth

#: How long news gathers before it is written.
WRITE_AFTER = timedelta(seconds=5)
#: So many phones in one commit, lest others wait for it.
AT_ONCE = 200
#: As long as nothing changes, a success or an error is written no more often.
OK_EVERY = timedelta(hours=1)
ERROR_EVERY = timedelta(minutes=10)
#: Of so many phones this node remembers what it wrote.
REMEMBERED = 10_000

_log = structlog.get_logger("push")


class HealthLog:
    """Tells the registry how phones can be woken."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self._registry = registry
        self._clock = clock
        self._written: OrderedDict[str, PushHealth] = OrderedDict()
        self._news: dict[str, PushHealth] = {}
        self._writing: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def succeeded(self, credential_id: str) -> None:
        """Take note that a service took a wake-up."""
        known = self._known(credential_id)
        self._take(credential_id, replace(known, last_ok_at=self._clock()))

    def failed(self, credential_id: str, code: str) -> None:
        """Take note that a wake-up went nowhere, and why."""
        known = self._known(credential_id)
        self._take(credential_id, replace(known, last_error_at=self._clock(), last_error=code))

    async def close(self) -> None:
        """Write what has gathered."""
        self._closing.set()
        if self._writing is not None:
            await self._writing

    def _known(self, credential_id: str) -> PushHealth:
        written = self._written.get(credential_id) or PushHealth()
        return self._news.get(credential_id, written)

    def _take(self, credential_id: str, health: PushHealth) -> None:
        if not is_news(self._written.get(credential_id), health):
            return
        self._news[credential_id] = health
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_soon())

    async def _write_soon(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(WRITE_AFTER.total_seconds()):
                await self._closing.wait()
        while self._news:
            await self._write()

    async def _write(self) -> None:
        some = dict(sorted(self._news.items())[:AT_ONCE])
        for credential_id in some:
            del self._news[credential_id]
        try:
            await self._registry.commit(lambda tx: push_health.write(tx, some))
        except RegistryUnavailableError as error:
            _log.warning("push health not written", phones=len(some), error=repr(error))
            return
        for credential_id, health in some.items():
            self._written[credential_id] = health
            self._written.move_to_end(credential_id)
        while len(self._written) > REMEMBERED:
            self._written.popitem(last=False)


def is_news(written: PushHealth | None, health: PushHealth) -> bool:
    """Whether health has to be written, after what this node wrote last."""
    if written is None or health.last_error != written.last_error:
        return True
    is_well, was_well = health.is_well, written.is_well
    since, every = (
        (_age(health.last_ok_at, written.last_ok_at), OK_EVERY)
        if is_well
        else (_age(health.last_error_at, written.last_error_at), ERROR_EVERY)
    )
    return is_well != was_well or since >= every


def _age(now: datetime | None, before: datetime | None) -> timedelta:
    return timedelta(0) if now is None or before is None else now - before
