"""What a login QR code needs of auth requests: to see one end, and to say that it was scanned."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from pairing_server.approvals import auth_request as rules
from pairing_server.approvals.auth_request import AuthRequest
from pairing_server.approvals.flow import request_id
from pairing_server.approvals.open_requests import OpenRequests
from pairing_server.ports import Ports

#: Nobody signals what the Store has lost.
READ_AGAIN = timedelta(seconds=10)
#: Returns the request after so long, or as soon as it has changed.
Look = Callable[[timedelta], Awaitable[AuthRequest | None]]


class ScanFlow:
    """Watch, and hear of a scan."""

    def __init__(self, ports: Ports) -> None:
        self._requests = OpenRequests(ports.store, ports.clock)
        self._clock = ports.clock

    @asynccontextmanager
    async def watching(self, auth_req_id: str) -> AsyncIterator[Look]:
        """Let a request be looked at each second by very many, whichever client's it is.

        One look costs no call to the Store unless something has changed.
        """
        identifier = request_id(auth_req_id)
        async with self._requests.listen_to(identifier) as listener:
            held, read_at = await self._requests.get(identifier), self._clock()

            async def look(wait: timedelta) -> AuthRequest | None:
                nonlocal held, read_at
                is_signalled = wait > timedelta(0) and await listener.wait(wait)
                if is_signalled or self._clock() - read_at >= READ_AGAIN:
                    held, read_at = await self._requests.get(identifier), self._clock()
                return held

            yield look

    async def scanned(self, person_id: str, identifier: str, credential_id: str | None) -> None:
        """Hear that a phone of this person scanned the workstation's QR code.

        Args:
            credential_id: Of the phone whose camera saw it; without one nothing changes.

        Raises:
            NotFound: unknown, or another person's.
        """
        await self._requests.of_person(person_id, identifier)
        if credential_id is None:
            return
        now = self._clock()
        await self._requests.change_quietly(
            identifier, lambda held: rules.scan(held, credential_id, now)
        )
        # To that phone the request is another one than it was.
        await self._requests.signal(person_id)
