"""The steps of a user code: offer it beside the QR code, and take what a phone's holder typed."""

from datetime import timedelta

from pairing_server.approvals import user_code as rules
from pairing_server.approvals.open_requests import OpenRequests
from pairing_server.approvals.refusals import UnknownUserCode
from pairing_server.approvals.taking import Taking
from pairing_server.approvals.user_code import Tries
from pairing_server.errors import NotFound
from pairing_server.keys.flow import BoundPhone
from pairing_server.ports import Ports
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import digest


class UserCodes:
    """Offers codes, and finds the request behind one."""

    def __init__(self, ports: Ports) -> None:
        self._logins = Shelf(ports.store, "user-code", str)
        self._tries = Shelf(ports.store, "user-code-tries", Tries)
        self._requests = OpenRequests(ports.store, ports.clock)
        self._taking = Taking(ports)
        self._clock = ports.clock
        self._random = ports.random

    async def offer(self, identifier: str, lifetime: timedelta) -> str:
        """Return a new code that leads to a request, as it is shown."""
        while True:
            code = rules.draw(self._random)
            if await self._logins.create(digest(code), identifier, lifetime):
                return rules.shown(code)

    async def take(self, phone: BoundPhone, typed: str) -> str:
        """Make the request behind a code this person's; the code to approve it stays to be typed.

        Returns:
            The request's id.

        Raises:
            NotKnownThere, PhoneBlocked, TooManyOpen: see `Taking`.
            TooManyUserCodes: this person has tried as many as may be.
            UnknownUserCode: it leads nowhere, or to another person's.
        """
        await self._count(phone.person.id)
        identifier = await self._find(phone, typed)
        await self._tries.change(phone.person.id, rules.give_back)
        return identifier

    async def _find(self, phone: BoundPhone, typed: str) -> str:
        try:
            code = rules.read(typed)
        except ValueError as error:
            raise UnknownUserCode("not a code") from error
        stored = await self._logins.get(digest(code))
        request = await self._requests.get(stored.value) if stored else None
        if request is None:
            raise UnknownUserCode
        if request.awaits_scan:
            try:
                await self._taking.take(phone, request, by_camera=False)
            except NotFound as error:
                raise UnknownUserCode from error
        elif request.person_id != phone.person.id:
            raise UnknownUserCode
        return request.id

    async def _count(self, person_id: str) -> None:
        """Count a try; one atomic step, so that of many at once no more are made than may be."""
        while True:
            stored = await self._tries.get(person_id)
            counted = rules.count(stored.value if stored else None, self._clock())
            if stored is None:
                done = await self._tries.create(person_id, counted, rules.WINDOW)
            else:
                done = await self._tries.swap(person_id, stored, counted, rules.WINDOW)
            if done:
                return
