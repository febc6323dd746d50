"""The phone's call with a user code that its holder typed (RFC 8628 section 3.3)."""

from typing import Annotated

import msgspec
from aiohttp import web

from pairing_server.approvals.refusals import (
    NotKnownThere,
    TooManyOpen,
    TooManyUserCodes,
    UnknownUserCode,
)
from pairing_server.approvals.user_code import MAX_TYPED_CHARACTERS
from pairing_server.approvals.user_codes import UserCodes
from pairing_server.http import answer, bearer, json_body, route_table
from pairing_server.keys.flow import PhoneFlow
from pairing_server.openapi import Operation


class UserCodeBody(msgspec.Struct):
    """What the person typed, as they typed it."""

    user_code: Annotated[str, msgspec.Meta(max_length=MAX_TYPED_CHARACTERS)]


class FoundLogin(msgspec.Struct):
    """The auth request to show."""

    id: str


class UserCodeRoutes:
    """Where a code is typed."""

    def __init__(self, flow: UserCodes, phones: PhoneFlow) -> None:
        self._flow = flow
        self._phones = phones

    def table(self) -> list[web.RouteDef]:
        """Return the route."""
        return route_table(self.operations())

    def operations(self) -> list[Operation]:
        """Describe the call."""
        return [
            Operation(
                "POST",
                "/phone/user-code",
                self.take,
                body=UserCodeBody,
                responses={200: FoundLogin},
                refusals=(NotKnownThere, TooManyOpen, TooManyUserCodes, UnknownUserCode),
            )
        ]

    async def take(self, request: web.Request) -> web.Response:
        """Find the login by the code that the person read at the workstation and typed."""
        phone = await self._phones.authenticate(bearer(request))
        body = await json_body(request, UserCodeBody)
        return answer(FoundLogin(await self._flow.take(phone, body.user_code)))
