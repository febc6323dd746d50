"""What a login QR code needs of auth requests: to see one end, and to say that it was scanned."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from pairing_server.approvals import auth_request as rules
from pairing_server.approvals.asked import request_id
from pairing_server.approvals.auth_request import AuthRequest
from pairing_server.approvals.open_requests import OpenRequests
from pairing_server.approvals.refusals import NotKnownThere, TooManyOpen
from pairing_server.approvals.taking import Taking
from pairing_server.errors import NotFound
from pairing_server.keys.flow import BoundPhone
from pairing_server.ports import Ports

#: Whatever a scan is refused for, beside that there is nothing.
SCAN_REFUSALS = (NotKnownThere, TooManyOpen)
#: Nobody signals what the Store has lost.
READ_AGAIN = timedelta(seconds=10)
#: Returns the request after so long, or as soon as it has changed.
Look = Callable[[timedelta], Awaitable[AuthRequest | None]]


class ScanFlow:
    """Watch, and hear of a scan."""

    def __init__(self, ports: Ports) -> None:
        self._requests = OpenRequests(ports.store, ports.clock)
        self._taking = Taking(ports)
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

    async def scanned(
        self, phone: BoundPhone, identifier: str, *, by_camera: bool, is_current: bool
    ) -> None:
        """Hear that a phone scanned the workstation's QR code.

        Args:
            by_camera: Whether its camera saw the code; a link may have been opened by any page.
            is_current: Whether the code can just have been seen; else nothing changes.

        Raises:
            NotFound: unknown, or another person's.
            NotKnownThere, PhoneBlocked, TooManyOpen: see `Taking`.
        """
        request = await self._requests.get(identifier)
        if request is None:
            raise NotFound
        if request.awaits_scan:
            if is_current:
                await self._taking.take(phone, request, by_camera=by_camera)
            return
        person_id, credential_id = phone.person.id, phone.credential.id
        if request.person_id != person_id:
            raise NotFound
        if not (by_camera and is_current):
            return
        now = self._clock()
        await self._requests.change_quietly(
            identifier, lambda held: rules.scan(held, credential_id, now)
        )
        # To that phone the request is another one than it was.
        await self._requests.signal(person_id)
