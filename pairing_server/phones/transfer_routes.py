"""The calls of a transfer: the new phone's and the old one's."""

import asyncio
from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web

from pairing_server.errors import Expired
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
from pairing_server.keys.bodies import (
    CreationOptions,
    CredentialBody,
    DeviceBody,
    Text,
)
from pairing_server.keys.ceremony import AuthenticationResponse
from pairing_server.keys.flow import PhoneFlow
from pairing_server.keys.identity import ToldIdentity
from pairing_server.keys.refusals import (
    AttestationNotAccepted,
    CredentialExists,
    InvalidAssertion,
    InvalidCredential,
    TooManyPhones,
)
from pairing_server.keys.routes import drawn_token
from pairing_server.languages import Language
from pairing_server.openapi import Caller, Header, Operation
from pairing_server.phones.refusals import TransferClosed, WrongTransferCode
from pairing_server.phones.transfer import CODE_DIGITS, Device, Status, Transfer
from pairing_server.phones.transfer_flow import Answer, TransferFlow
from pairing_server.push.places import PushPlaces, UnusableSubscription
from pairing_server.qr import code

#: While the registry is told of the right code the transfer is still proved.
ToldStatus = Annotated[
    str,
    msgspec.Meta(
        extra_json_schema={"enum": [each for each in Status if each is not Status.BINDING]}
    ),
]


class OfferBody(msgspec.Struct):
    """`POST /phone/transfers`."""

    device: DeviceBody = msgspec.field(default_factory=DeviceBody)


class OfferedTransfer(msgspec.Struct):
    """What the new phone shows: the link as a QR code, and the code beside it."""

    id: str
    link: str
    qr_svg: str
    code: str
    expires_in: int


class ClaimBody(msgspec.Struct):
    """`POST /phone/transfers/{id}/claim`; `secret` from the link."""

    secret: Text


class ClaimedTransfer(msgspec.Struct):
    """What the old phone shows of the new one."""

    id: str
    device: Device
    nonce: str
    code_length: int
    expires_in: int


class SeenTransfer(msgspec.Struct, omit_defaults=True):
    """How far a transfer is, for the one phone or the other."""

    status: ToldStatus
    device: Device | None = None
    nonce: str | None = None
    code_length: int | None = None
    attempts_left: int | None = None
    new_credential: str | None = None
    identity: ToldIdentity | None = None
    public_key: CreationOptions | None = None
    credential_id: str | None = None


class ProvedTransfer(msgspec.Struct):
    """The new key was verified; the old phone is to sign for it."""

    status: Literal["proved"] = "proved"


class ApproveTransfer(msgspec.Struct, tag_field="decision", tag="approve"):
    """The old phone's yes; with `revoke` its own key ends in the same moment."""

    code: Annotated[str, msgspec.Meta(max_length=20)]
    assertion: AuthenticationResponse
    revoke: bool = False


class DenyTransfer(msgspec.Struct, tag_field="decision", tag="deny"):
    """The old phone's no."""


# A union is a type to msgspec, though not to the type checker.
TransferAnswer: Any = ApproveTransfer | DenyTransfer


class TransferRoutes:
    """Both sides of a transfer."""

    def __init__(
        self, flow: TransferFlow, phones: PhoneFlow, base_url: str, places: PushPlaces
    ) -> None:
        self._flow = flow
        self._phones = phones
        self._base_url = base_url
        self._places = places
        self._held = HeldCalls(MOST_OF_PHONE)

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return route_table(self.operations())

    def operations(self) -> list[Operation]:
        """Describe the calls."""
        return [
            Operation(
                "POST",
                "/phone/transfers",
                self.offer,
                caller=Caller.ANY_PHONE,
                body=OfferBody,
                responses={201: OfferedTransfer},
            ),
            Operation(
                "POST",
                "/phone/transfers/{id}/claim",
                self.claim,
                body=ClaimBody,
                responses={200: ClaimedTransfer},
                refusals=(Expired, TransferClosed),
            ),
            Operation(
                "GET",
                "/phone/transfers/{id}",
                self.show,
                caller=Caller.ANY_PHONE,
                headers=(Header.PREFER, Header.IF_NONE_MATCH, Header.ACCEPT_LANGUAGE),
                responses={200: SeenTransfer},
                description="For the new phone as well, with the token that it drew.",
            ),
            Operation(
                "POST",
                "/phone/transfers/{id}/credential",
                self.prove,
                caller=Caller.ANY_PHONE,
                body=CredentialBody,
                responses={202: ProvedTransfer},
                refusals=(
                    AttestationNotAccepted,
                    CredentialExists,
                    Expired,
                    InvalidCredential,
                    TransferClosed,
                    UnusableSubscription,
                ),
            ),
            Operation(
                "PUT",
                "/phone/transfers/{id}/answer",
                self.answer,
                body=TransferAnswer,
                refusals=(
                    CredentialExists,
                    Expired,
                    InvalidAssertion,
                    TooManyPhones,
                    TransferClosed,
                    WrongTransferCode,
                ),
            ),
        ]

    async def offer(self, request: web.Request) -> web.Response:
        """Offer a new phone to somebody who has an old one."""
        token = drawn_token(request)
        body = await json_body(request, OfferBody)
        device = Device(body.device.platform, body.device.model, body.device.app_version)
        transfer, secret = await self._flow.offer(token, device)
        link = f"{self._base_url}/app/#t.{transfer.id}.{secret}"
        offered = OfferedTransfer(
            transfer.id,
            link,
            await asyncio.to_thread(code.svg, link),
            transfer.code,
            self._seconds_left(transfer),
        )
        return answer(offered, 201)

    async def claim(self, request: web.Request) -> web.Response:
        """Let the old phone have the transfer that it scanned."""
        phone = await self._phones.authenticate(bearer(request))
        body = await json_body(request, ClaimBody)
        transfer = await self._flow.claim(phone, request.match_info["id"], body.secret)
        claimed = ClaimedTransfer(
            transfer.id,
            transfer.device,
            transfer.nonce,
            CODE_DIGITS,
            self._seconds_left(transfer),
        )
        return answer(claimed)

    async def show(self, request: web.Request) -> web.Response:
        """Tell either phone how far the other one is, held until that changes."""
        token, known = drawn_token(request), etags(request)
        identifier, language = request.match_info["id"], asked_language(request)

        def is_news(transfer: Transfer, is_new_phone: bool) -> bool:  # noqa: FBT001
            return etag_of(self._seen(transfer, language, is_new_phone)) not in known

        with self._held.hold(identifier, preferred_wait(request)) as wait:
            transfer, is_new_phone = await self._flow.look(identifier, token, wait, is_news)
        seen = self._seen(transfer, language, is_new_phone)
        headers = {"ETag": etag_of(seen), "Cache-Control": "no-store"}
        if headers["ETag"] in known:
            return web.Response(status=304, headers=headers)
        if is_new_phone:
            seen.public_key = await self._flow.key_options(transfer)
        return answer(seen, headers=headers)

    async def prove(self, request: web.Request) -> web.Response:
        """Take the new phone's key."""
        token = drawn_token(request)
        body = await json_body(request, CredentialBody)
        push = None if body.push is None else self._places.checked(body.push)
        await self._flow.prove(request.match_info["id"], token, body.credential, push)
        return answer(ProvedTransfer(), 202)

    async def answer(self, request: web.Request) -> web.Response:
        """Take the old phone's answer."""
        phone = await self._phones.authenticate(bearer(request))
        body: ApproveTransfer | DenyTransfer = await json_body(request, TransferAnswer)
        identifier = request.match_info["id"]
        if isinstance(body, DenyTransfer):
            await self._flow.deny(phone, identifier)
        else:
            given = Answer(code=body.code, revoke=body.revoke, assertion=body.assertion)
            await self._flow.approve(phone, identifier, given)
        return answer(status=204)

    def _seen(
        self,
        transfer: Transfer,
        language: Language | None,
        is_new_phone: bool,  # noqa: FBT001
    ) -> SeenTransfer:
        status = transfer.status_at(self._flow.now())
        key = transfer.key
        if not is_new_phone:
            return SeenTransfer(
                status,
                device=transfer.device,
                nonce=transfer.nonce,
                code_length=CODE_DIGITS,
                attempts_left=transfer.attempts_left,
                new_credential=None if key is None else key.credential_id,
            )
        is_bound = status is Status.DONE and key is not None
        return SeenTransfer(
            status,
            identity=None if transfer.identity is None else transfer.identity.told(language),
            credential_id=key.credential_id if is_bound and key is not None else None,
        )

    def _seconds_left(self, transfer: Transfer) -> int:
        left = transfer.expires_at - self._flow.now()
        return max(0, int(left / timedelta(seconds=1)))
