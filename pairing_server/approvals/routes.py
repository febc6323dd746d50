"""The phone's calls about auth requests (design section 6)."""

from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web

from pairing_server.approvals.auth_request import AuthRequest, DenyReason, Status
from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.approvals.refusals import (
    AuthRequestClosed,
    RoleNotOffered,
    WorkstationNotKnown,
    WrongCode,
)
from pairing_server.clock import wire_time
from pairing_server.held import MOST_OF_PHONE, HeldCalls
from pairing_server.http import (
    answer,
    asked_language,
    bearer,
    etag_of,
    etags,
    json_body,
    preferred_wait,
    route_table,
)
from pairing_server.keys.ceremony import AuthenticationResponse
from pairing_server.keys.flow import PhoneFlow
from pairing_server.keys.refusals import InvalidAssertion
from pairing_server.languages import Language
from pairing_server.openapi import Header, Operation
from pairing_server.uzi.roles import role_name

WireTime = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
#: What is claimed is still pending to everybody else.
ToldStatus = Annotated[
    str,
    msgspec.Meta(
        extra_json_schema={"enum": [each for each in Status if each is not Status.CLAIMED]}
    ),
]


class Approve(msgspec.Struct, tag_field="decision", tag="approve"):
    """`{decision: "approve", code, role_code, assertion}`.

    `role_code` is the one that was chosen and signed, where there were several.
    """

    assertion: AuthenticationResponse
    code: Annotated[str, msgspec.Meta(max_length=20)] = ""
    role_code: Annotated[str, msgspec.Meta(max_length=20)] = ""


class Deny(msgspec.Struct, tag_field="decision", tag="deny"):
    """`{decision: "deny", reason}`."""

    reason: Literal["not_me", "other"] = "other"


class OfferedRole(msgspec.Struct):
    """A role of the person at the organisation, and its name."""

    role_code: str
    role: str


class OpenAuthRequest(msgspec.Struct):
    """What a client asks of a person; strings exactly as they are signed, empty when absent.

    With `hashes` it is no login: they are what is to be signed, under another context.  With
    `roles` the person chooses one, whose `role_code` is signed in the place of the other.
    """

    id: str
    client: str
    organisation: str
    ura: str
    role_code: str
    workstation: str
    location: str
    message: str
    nonce: str
    requested_at: str
    expires_at: WireTime
    code_length: int
    hashes: str | msgspec.UnsetType = msgspec.UNSET
    roles: list[OfferedRole] | msgspec.UnsetType = msgspec.UNSET


class OpenAuthRequests(msgspec.Struct):
    """The open requests of a person, newest first."""

    auth_requests: list[OpenAuthRequest]


class ShownAuthRequest(OpenAuthRequest, kw_only=True):
    """A request of a person, open or not."""

    status: ToldStatus


# A union is a type to msgspec, though not to the type checker.
AuthRequestAnswer: Any = Approve | Deny


class ApprovalRoutes:
    """Calls of a bound phone on its open requests."""

    def __init__(self, flow: ApprovalFlow, phones: PhoneFlow) -> None:
        self._flow = flow
        self._phones = phones
        self._held = HeldCalls(MOST_OF_PHONE)

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return route_table(self.operations())

    def operations(self) -> list[Operation]:
        """Describe the calls."""
        return [
            Operation(
                "GET",
                "/phone/auth-requests",
                self.list_open,
                headers=(Header.PREFER, Header.IF_NONE_MATCH, Header.ACCEPT_LANGUAGE),
                responses={200: OpenAuthRequests},
            ),
            Operation(
                "GET",
                "/phone/auth-requests/{id}",
                self.show,
                headers=(Header.ACCEPT_LANGUAGE,),
                responses={200: ShownAuthRequest},
            ),
            Operation(
                "PUT",
                "/phone/auth-requests/{id}/answer",
                self.answer,
                body=AuthRequestAnswer,
                refusals=(
                    AuthRequestClosed,
                    InvalidAssertion,
                    RoleNotOffered,
                    WorkstationNotKnown,
                    WrongCode,
                ),
            ),
        ]

    async def list_open(self, request: web.Request) -> web.Response:
        """List the open requests, held until something changes if the phone says so."""
        device_token = bearer(request)
        phone = await self._phones.authenticate(device_token)
        known, own = etags(request), phone.credential.id
        language = asked_language(request)

        def shown(requests: list[AuthRequest]) -> list[OpenAuthRequest]:
            return [_open(each, own, language) for each in requests]

        def is_news(requests: list[AuthRequest]) -> bool:
            return etag_of(shown(requests)) not in known if known else bool(requests)

        with self._held.hold(own, preferred_wait(request)) as wait:
            requests = await self._flow.watch(
                phone.person.id, wait, is_news, lambda: self._phones.authenticate(device_token)
            )
        etag = etag_of(shown(requests))
        headers = {"ETag": etag, "Cache-Control": "no-store"}
        if etag in known:
            return web.Response(status=304, headers=headers)
        await self._flow.fetched(requests)
        return answer(OpenAuthRequests(shown(requests)), headers=headers)

    async def show(self, request: web.Request) -> web.Response:
        """Show one request of this person, open or not."""
        phone = await self._phones.authenticate(bearer(request))
        found = await self._flow.open_request(phone.person.id, request.match_info["id"])
        await self._flow.fetched([found])
        status = found.status_at(self._flow.now())
        told = _open(found, phone.credential.id, asked_language(request))
        return answer(ShownAuthRequest(**msgspec.structs.asdict(told), status=status))

    async def answer(self, request: web.Request) -> web.Response:
        """Take the person's answer."""
        phone = await self._phones.authenticate(bearer(request))
        body: Approve | Deny = await json_body(request, AuthRequestAnswer)
        identifier = request.match_info["id"]
        if isinstance(body, Approve):
            async with self._phones.suspecting(phone.credential):
                await self._flow.approve(
                    phone, identifier, body.code, body.assertion, role_code=body.role_code
                )
        else:
            await self._flow.deny(phone, identifier, DenyReason(body.reason))
        return answer(status=204)


def _open(request: AuthRequest, credential_id: str, language: Language | None) -> OpenAuthRequest:
    shown = request.shown
    return OpenAuthRequest(
        id=request.id,
        client=shown.client,
        organisation=shown.organisation,
        ura=shown.ura,
        role_code=shown.role_code,
        workstation=shown.workstation,
        location=shown.location,
        message=shown.message,
        nonce=shown.nonce,
        requested_at=shown.requested_at,
        expires_at=wire_time(request.expires_at),
        code_length=request.code_length_for(credential_id),
        hashes=shown.hashes or msgspec.UNSET,
        roles=_offered(request.role_codes, language),
    )


def _offered(
    codes: tuple[str, ...], language: Language | None
) -> list[OfferedRole] | msgspec.UnsetType:
    """Return what there is to choose; an app that knows nothing of it sees the first one."""
    offered = [OfferedRole(code, role_name(code, language)) for code in codes]
    return offered if len(offered) > 1 else msgspec.UNSET
