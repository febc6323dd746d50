"""How a XIS reads its events: from where it was, at once or as soon as there are some."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta

from pairing_server.approvals.open_requests import OpenRequests
from pairing_server.ports import Ports
from pairing_server.registry import Query, clients, xis_events
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.registry.xis_events import XisEvent
from pairing_server.xis.refusals import EventsForgotten
from pairing_server.xis.settling import Settling

#: Nobody signals a membership that ends, nor what the Store has lost.
READ_AGAIN = timedelta(seconds=10)
#: By how much the loop's time may be ahead of the clock when a wait is over.
_IN_STEP = timedelta(milliseconds=50)


class Reading:
    """Reads after a number, or what nobody read yet who names none."""

    def __init__(self, ports: Ports, settling: Settling) -> None:
        self._registry = ports.registry
        self._requests = OpenRequests(ports.store, ports.clock)
        self._settling = settling
        self._clock = ports.clock

    async def after(self, client: Client, number: int, wait: timedelta) -> list[XisEvent]:
        """Return what came after a number: to every reader the same, as often as it asks.

        Args:
            number: The last that this reader has; 0 for all that are kept.

        Raises:
            EventsForgotten: what came next is not kept any more, or there never was this one.
        """
        return await self._wait(client, lambda: self._after(client.id, number), wait)

    async def drained(self, client: Client, wait: timedelta) -> list[XisEvent]:
        """Return what nobody was told yet who names no number; each event is told once."""
        identifier = client.id

        async def look() -> list[XisEvent]:
            head = await self._registry.read(lambda tx: xis_events.head(tx, identifier))
            if head.number <= head.drained:
                return []
            return await self._registry.commit(lambda tx: xis_events.drain(tx, identifier))

        return await self._wait(client, look, wait)

    async def stream(
        self, client: Client, number: int, lasting: timedelta
    ) -> AsyncGenerator[XisEvent, None]:
        """Yield what comes after a number, as long as the client is one.

        Raises:
            EventsForgotten: as `after`.
        """
        until = self._clock() + lasting
        while self._clock() < until:
            began, wait = self._clock(), min(READ_AGAIN, until - self._clock())
            found = await self.after(client, number, wait)
            for event in found:
                yield event
                number = event.number
            if not await self._is_client(client.id):
                return
            if not found and wait - (self._clock() - began) > _IN_STEP:
                # The server drains.
                return

    async def _after(self, client_id: str, number: int) -> list[XisEvent]:
        def read(tx: Query) -> list[XisEvent]:
            head = xis_events.head(tx, client_id)
            if number > head.number or 0 < number < head.forgotten:
                raise EventsForgotten
            return xis_events.after(tx, client_id, number)

        return await self._registry.read(read)

    async def _wait(
        self,
        client: Client,
        look: Callable[[], Awaitable[list[XisEvent]]],
        wait: timedelta,
    ) -> list[XisEvent]:
        deadline = self._clock() + wait
        async with self._requests.listen_for_client(client.id) as listener:
            while True:
                due = await self._settling.settle(client)
                found, now = await look(), self._clock()
                if found or now >= deadline:
                    return found
                until = min(deadline, now + READ_AGAIN, max(due, now) if due else deadline)
                was_signalled = await listener.wait(until - now)
                if not was_signalled and until - self._clock() > _IN_STEP:
                    # The server drains.
                    return found

    async def _is_client(self, client_id: str) -> bool:
        found = await self._registry.read(lambda tx: clients.get(tx, client_id))
        return found is not None and found.status is ClientStatus.ACTIVE
