"""What a phone signs: changes, its renewal, and its own unblocking."""

from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar

import msgspec
from aiohttp import web

from pairing_server.clock import Clock
from pairing_server.errors import Conflict, Expired, NotFound
from pairing_server.http import answer, bearer, json_body, route_table
from pairing_server.keys.bodies import CreationOptions, DeviceName, Identifier, Name
from pairing_server.keys.ceremony import AuthenticationResponse, RegistrationResponse
from pairing_server.keys.flow import PhoneFlow
from pairing_server.keys.refusals import (
    AttestationNotAccepted,
    CredentialExists,
    InvalidAssertion,
    InvalidCredential,
    KeyOfAnotherOrganisation,
    NotUnblocked,
    PhoneBlocked,
)
from pairing_server.openapi import Caller, Operation
from pairing_server.phones.changes import ChangeFlow, ChangeKind, signed_details
from pairing_server.phones.refusals import NotOffered, WrongUnblockingCode
from pairing_server.phones.renewal import RenewalFlow
from pairing_server.phones.unblocking import UnblockingFlow


class RenameBody(msgspec.Struct, tag_field="kind", tag="rename"):
    """Give one of this person's phones another name."""

    change: ClassVar = ChangeKind.RENAME
    credential: Identifier
    value: DeviceName

    @property
    def signed_value(self) -> str:
        """What the details have of it."""
        return " ".join(self.value.split())


class PreferBody(msgspec.Struct, tag_field="kind", tag="default"):
    """Let one phone be woken first; with the value `off`, all of them at once."""

    change: ClassVar = ChangeKind.DEFAULT
    credential: Identifier
    value: Name = ""

    @property
    def signed_value(self) -> str:
        """What the details have of it."""
        return "off" if self.value == "off" else ""


class BlockBody(msgspec.Struct, tag_field="kind", tag="block"):
    """Let a phone open nothing until it is unblocked."""

    change: ClassVar = ChangeKind.BLOCK
    credential: Identifier
    value: Name = ""
    signed_value: ClassVar = ""


class RevokeBody(msgspec.Struct, tag_field="kind", tag="revoke"):
    """Let a phone open nothing any more."""

    change: ClassVar = ChangeKind.REVOKE
    credential: Identifier
    value: Name = ""
    signed_value: ClassVar = ""


# A union is a type to msgspec, though not to the type checker.
ChangeBody: Any = RenameBody | PreferBody | BlockBody | RevokeBody


class SignedBody(msgspec.Struct):
    """`PUT /phone/changes/{id}`."""

    assertion: AuthenticationResponse


class OfferedChange(msgspec.Struct):
    """What the phone shows and signs, all strings."""

    id: str
    details: dict[str, str]
    expires_in: int


class OfferedRenewal(msgspec.Struct):
    """What the new key is made with."""

    id: str
    nonce: str
    public_key: CreationOptions
    expires_in: int


class RenewalBody(msgspec.Struct):
    """`PUT /phone/renewals/{id}`: the new key, and the old one's word for it."""

    credential: RegistrationResponse
    assertion: AuthenticationResponse


class Renewed(msgspec.Struct):
    """The key that came in the place of the old one."""

    credential_id: str
    expires_at: datetime


class UnblockingBody(msgspec.Struct):
    """`POST /phone/unblocking`; `id` is that of a challenge, `code` the administrator's."""

    id: Identifier
    code: Annotated[str, msgspec.Meta(max_length=20)]
    assertion: AuthenticationResponse


class ActRoutes:
    """Signed acts of a phone."""

    def __init__(
        self,
        phones: PhoneFlow,
        changes: ChangeFlow,
        renewals: RenewalFlow,
        unblocking: UnblockingFlow,
        clock: Clock,
    ) -> None:
        self._phones = phones
        self._changes = changes
        self._renewals = renewals
        self._unblocking = unblocking
        self._clock = clock

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return route_table(self.operations())

    def operations(self) -> list[Operation]:
        """Describe the calls."""
        return [
            Operation(
                "POST",
                "/phone/changes",
                self.begin_change,
                body=ChangeBody,
                responses={201: OfferedChange},
                refusals=(KeyOfAnotherOrganisation, NotFound),
            ),
            Operation(
                "PUT",
                "/phone/changes/{id}",
                self.complete_change,
                body=SignedBody,
                refusals=(Conflict, Expired, InvalidAssertion),
            ),
            Operation(
                "POST", "/phone/renewals", self.begin_renewal, responses={201: OfferedRenewal}
            ),
            Operation(
                "PUT",
                "/phone/renewals/{id}",
                self.complete_renewal,
                body=RenewalBody,
                responses={200: Renewed},
                refusals=(
                    AttestationNotAccepted,
                    CredentialExists,
                    Expired,
                    InvalidAssertion,
                    InvalidCredential,
                ),
            ),
            Operation(
                "POST",
                "/phone/unblocking",
                self.unblock,
                caller=Caller.ANYBODY,
                body=UnblockingBody,
                refusals=(
                    Conflict,
                    Expired,
                    InvalidAssertion,
                    NotFound,
                    NotOffered,
                    NotUnblocked,
                    PhoneBlocked,
                    WrongUnblockingCode,
                ),
            ),
        ]

    async def begin_change(self, request: web.Request) -> web.Response:
        """Compose a change of one of the person's phones, for this one to sign."""
        phone = await self._phones.authenticate(bearer(request))
        body: RenameBody | PreferBody | BlockBody | RevokeBody
        body = await json_body(request, ChangeBody)
        change = await self._changes.begin(phone, body.change, body.credential, body.signed_value)
        offered = OfferedChange(
            change.details.change,
            signed_details(change.details),
            self._seconds_until(change.expires_at),
        )
        return answer(offered, 201)

    async def complete_change(self, request: web.Request) -> web.Response:
        """Make the change that the phone signed."""
        phone = await self._phones.authenticate(bearer(request))
        body = await json_body(request, SignedBody)
        await self._changes.complete(phone, request.match_info["id"], body.assertion)
        return answer(status=204)

    async def begin_renewal(self, request: web.Request) -> web.Response:
        """Let the phone make a new key in the place of its own."""
        phone = await self._phones.authenticate(bearer(request))
        renewal = await self._renewals.begin(phone)
        options = await self._renewals.key_options(phone, renewal)
        left = self._seconds_until(renewal.expires_at)
        return answer(OfferedRenewal(renewal.id, renewal.nonce, options, left), 201)

    async def complete_renewal(self, request: web.Request) -> web.Response:
        """Bind the new key, and end the old one that signed for it."""
        phone = await self._phones.authenticate(bearer(request))
        body = await json_body(request, RenewalBody)
        bound = await self._renewals.complete(
            phone, request.match_info["id"], body.credential, body.assertion
        )
        return answer(Renewed(bound.id, bound.expires_at))

    async def unblock(self, request: web.Request) -> web.Response:
        """Unblock the phone, with the code that its administrator tells its holder."""
        body = await json_body(request, UnblockingBody)
        await self._unblocking.complete(body.id, body.code, body.assertion)
        return answer(status=204)

    def _seconds_until(self, moment: datetime) -> int:
        return max(0, int((moment - self._clock()) / timedelta(seconds=1)))
