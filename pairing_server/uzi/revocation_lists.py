"""Revocation lists, fetched ahead on a schedule and kept across restarts."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from cryptography import x509

from pairing_server.clock import Clock
from pairing_server.destination import EgressError
from pairing_server.metrics import CRL_FETCHES
from pairing_server.tokens import Random
from pairing_server.uzi.revocation import Merit, RevocationList, UnusableList, weigh
from pairing_server.uzi.revocation_cache import Kept, ListCache
from pairing_server.uzi.revocation_reading import ListReader

#: CPS section 7.2: published hourly.
INTERVAL = timedelta(hours=1)
#: After a failure, doubling; nobody waits longer than this for a publisher that is back.
FIRST_RETRY = timedelta(seconds=15)
LAST_RETRY = timedelta(minutes=5)
#: How long a card waits for lists that nobody has asked for yet.
PATIENCE = timedelta(seconds=8)
#: Addresses beside the configured ones: cards of one register name a handful.
MAX_LEARNT = 64
#: A tenth either way, so that not all hospitals ask in the same second.
_JITTER = 0.1

_log = structlog.get_logger("uzi.revocation")

#: Fetches a list, or raises `EgressError` or `NotFetched`.
Fetch = Callable[[str], Awaitable[bytes]]


class NotFetched(Exception):  # noqa: N818  (an outcome)
    """The publisher answered, but not with a list; the argument is why."""


@dataclass(slots=True, eq=False)
class _Source:
    """An address, and what came from it."""

    url: str
    held: RevocationList | None = None
    digest: bytes = b""
    failures: int = 0
    tried: asyncio.Event = field(default_factory=asyncio.Event)


class ListKeeper:
    """Keeps the lists of some addresses fresh while `start`ed.

    Args:
        urls: Configured; further ones are learnt from cards.
        authorities: Known from the beginning: the anchors.
    """

    def __init__(  # noqa: PLR0913  (the edges of one flow)
        self,
        fetch: Fetch,
        cache: ListCache,
        clock: Clock,
        random: Random,
        *,
        urls: Iterable[str] = (),
        authorities: Iterable[x509.Certificate] = (),
        interval: timedelta = INTERVAL,
        reader: ListReader | None = None,
    ) -> None:
        self._fetch = fetch
        self._cache = cache
        self._clock = clock
        self._random = random
        self._interval = interval
        self._reader = reader or ListReader()
        self._configured = tuple(dict.fromkeys(urls))
        self._sources: dict[str, _Source] = {}
        self._authorities = dict.fromkeys(authorities)
        self._keeping: set[asyncio.Task[None]] = set()

    @property
    def lists(self) -> list[RevocationList]:
        """What is held; whose each is, its reader checks."""
        return [source.held for source in self._sources.values() if source.held is not None]

    async def start(self, allows: Callable[[str], bool]) -> None:
        """Take up what was kept before the restart, and begin to fetch.

        Args:
            allows: Whether an address may still be called.
        """
        for authority in await asyncio.to_thread(lambda: list(self._cache.authorities())):
            self._authorities.setdefault(authority)
        for kept in await asyncio.to_thread(lambda: list(self._cache.lists())):
            if kept.url in self._configured or allows(kept.url):
                await self._take_up(kept)
        for url in dict.fromkeys((*self._configured, *self._sources)):
            self._begin(url)

    async def stop(self) -> None:
        """Stop fetching."""
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)

    async def know(self, authorities: Sequence[x509.Certificate]) -> None:
        """Remember authorities that led to an anchor: by them a fetched list is judged."""
        for authority in authorities:
            if authority not in self._authorities:
                self._authorities[authority] = None
                await asyncio.to_thread(self._cache.keep_authority, authority)

    async def learn(self, urls: Iterable[str], patience: timedelta = PATIENCE) -> None:
        """Fetch from these addresses too from now on; wait until each was tried once.

        Args:
            urls: That may be called.
        """
        for url in urls:
            if url not in self._sources and len(self._sources) < MAX_LEARNT:
                self._begin(url)
        waiting = [self._sources[url].tried for url in urls if url in self._sources]
        if all(event.is_set() for event in waiting):
            return
        try:
            async with asyncio.timeout(patience.total_seconds()):
                for event in waiting:
                    await event.wait()
        except TimeoutError:
            # One card has waited: the next ones go by what is there.
            for event in waiting:
                event.set()

    def _begin(self, url: str) -> None:
        source = self._sources.setdefault(url, _Source(url))
        task = asyncio.create_task(self._keep(source))
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    async def _keep(self, source: _Source) -> None:
        while True:
            try:
                outcome = await self._refresh(source)
            except Exception:  # noqa: BLE001  (the next one is tried, whatever kept this one)
                _log.exception("revocation_list_not_fetched")
                outcome = "bug"
            CRL_FETCHES.labels(outcome).inc()
            fine = outcome in (Merit.NEW, "unchanged")
            source.failures = 0 if fine else source.failures + 1
            if not fine:
                _log.warning("revocation_list_not_fetched", url=source.url, reason=outcome)
            source.tried.set()
            await asyncio.sleep(self._pause(source.failures).total_seconds())

    def _pause(self, failures: int) -> timedelta:
        share = int.from_bytes(self._random(2), "big") / 65535
        retry = min(LAST_RETRY, FIRST_RETRY * 2 ** min(failures - 1, 10)) if failures else None
        pause = self._interval if retry is None else min(retry, self._interval)
        return pause * (1 - _JITTER + 2 * _JITTER * share)

    async def _refresh(self, source: _Source) -> str:
        """Fetch once, and say what came of it."""
        try:
            data = await self._fetch(source.url)
        except EgressError as error:
            return error.reason
        except NotFetched as error:
            return str(error)
        digest = hashlib.sha256(data).digest()
        if digest == source.digest:
            return "unchanged"
        try:
            new = await self._reader.read(data)
        except UnusableList:
            return "unusable"
        merit = weigh(new, source.held, self._authorities, self._clock())
        if merit is Merit.NEW:
            source.held, source.digest = new, digest
            await asyncio.to_thread(self._cache.keep_list, Kept(source.url, data))
        return merit

    async def _take_up(self, kept: Kept) -> None:
        try:
            held = await self._reader.read(kept.data)
        except UnusableList as error:
            _log.warning("cached_list_unusable", reason=error.args[0])
            return
        if weigh(held, None, self._authorities, self._clock()) is Merit.NEW:
            digest = hashlib.sha256(kept.data).digest()
            self._sources[kept.url] = _Source(kept.url, held, digest)
