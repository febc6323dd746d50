"""The calls of a pairing: the page's and the phone's (design section 5)."""

import asyncio
from datetime import timedelta
from typing import Annotated

import msgspec
from aiohttp import web

from pairing_server.clock import Clock
from pairing_server.errors import Expired
from pairing_server.http import answer, asked_language, json_body, preferred_wait, route_table
from pairing_server.keys.bodies import CreationOptions, CredentialBody, DeviceBody, Text
from pairing_server.keys.identity import ToldIdentity
from pairing_server.keys.refusals import (
    AttestationNotAccepted,
    CredentialExists,
    InvalidCredential,
)
from pairing_server.keys.routes import drawn_token
from pairing_server.openapi import Caller, Header, Operation
from pairing_server.portal.session import BrowserSessions
from pairing_server.push.places import PushPlaces, UnusableSubscription
from pairing_server.qr import code
from pairing_server.qr.flow import PairingFlow
from pairing_server.qr.pairing import Device, Pairing, Status
from pairing_server.qr.refusals import PairingClosed

#: How a page shows and types the identity of the proof behind the pairing.
BOUND_BY_CARD = "uzi-pas"

#: While the registry is told of the right number the pairing is still proved.
ToldStatus = Annotated[
    str,
    msgspec.Meta(
        extra_json_schema={"enum": [each for each in Status if each is not Status.BINDING]}
    ),
]


class ScanBody(msgspec.Struct):
    """`POST /phone/pairings/{id}/scan`."""

    secret: Text
    device: DeviceBody = msgspec.field(default_factory=DeviceBody)


class ConfirmBody(msgspec.Struct):
    """`POST /portal/pairings/{id}/confirm`."""

    check_number: Annotated[str, msgspec.Meta(max_length=20)]


class Scanned(msgspec.Struct):
    """What the phone shows before its holder makes the key, and what it makes the key of."""

    identity: ToldIdentity
    check_number: str
    public_key: CreationOptions
    expires_in: int


class Proved(msgspec.Struct):
    """The key was taken: the number on the phone's screen is awaited at the page."""

    status: ToldStatus


class PairingStatus(msgspec.Struct):
    """How far the page is; with the key's id once it is bound."""

    status: ToldStatus
    credential_id: str | msgspec.UnsetType = msgspec.UNSET


class PairingRoutes:
    """The page's and the phone's side of a pairing."""

    def __init__(
        self, flow: PairingFlow, sessions: BrowserSessions, clock: Clock, places: PushPlaces
    ) -> None:
        self._flow = flow
        self._sessions = sessions
        self._clock = clock
        self._places = places

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post("/portal/pairings", self.offer),
            web.get("/portal/pairings/{id}", self.show_page),
            web.post("/portal/pairings/{id}/confirm", self.confirm),
            *route_table(self.operations()),
        ]

    def operations(self) -> list[Operation]:
        """Describe the phone's calls."""
        return [
            Operation(
                "POST",
                "/phone/pairings/{id}/scan",
                self.scan,
                caller=Caller.ANY_PHONE,
                body=ScanBody,
                headers=(Header.ACCEPT_LANGUAGE,),
                responses={200: Scanned},
                refusals=(Expired,),
            ),
            Operation(
                "POST",
                "/phone/pairings/{id}/credential",
                self.prove,
                caller=Caller.ANY_PHONE,
                body=CredentialBody,
                responses={202: Proved},
                refusals=(
                    AttestationNotAccepted,
                    CredentialExists,
                    Expired,
                    InvalidCredential,
                    PairingClosed,
                    UnusableSubscription,
                ),
            ),
            Operation(
                "GET",
                "/phone/pairings/{id}",
                self.show_phone,
                caller=Caller.ANY_PHONE,
                headers=(Header.PREFER,),
                responses={200: PairingStatus},
            ),
        ]

    async def offer(self, request: web.Request) -> web.Response:
        """Offer a pairing to the phone of the person who proved a card."""
        session = await self._sessions.of(request)
        pairing, pairing_code = await self._flow.offer(
            session.person_id, session.card.ura, session.id, BOUND_BY_CARD
        )
        link = pairing_code.link()
        body = {
            "id": pairing.id,
            "link": link,
            "qr_svg": await asyncio.to_thread(code.svg, link),
            "expires_in": self._seconds_left(pairing),
        }
        return answer(body, 201)

    async def show_page(self, request: web.Request) -> web.Response:
        """Tell the page how far the phone is."""
        session = await self._sessions.of(request)
        pairing = await self._flow.for_browser(request.match_info["id"], session.id)
        body: dict[str, object] = {"status": pairing.status_at(self._clock())}
        if pairing.device is not None:
            body["device"] = pairing.device
        return answer(body)

    async def confirm(self, request: web.Request) -> web.Response:
        """Take the number that was typed at the page."""
        session = await self._sessions.of(request)
        body = await json_body(request, ConfirmBody)
        await self._flow.confirm(request.match_info["id"], session.id, body.check_number)
        return answer(status=204)

    async def scan(self, request: web.Request) -> web.Response:
        """Let the first phone have the pairing."""
        token = drawn_token(request)
        body = await json_body(request, ScanBody)
        device = Device(body.device.platform, body.device.model, body.device.app_version)
        pairing = await self._flow.scan(request.match_info["id"], body.secret, token, device)
        options = await self._flow.key_options(pairing)
        identity = pairing.identity.told(asked_language(request))
        left = self._seconds_left(pairing)
        return answer(Scanned(identity, pairing.check_number, options, left))

    async def prove(self, request: web.Request) -> web.Response:
        """Take the phone's new key."""
        token = drawn_token(request)
        body = await json_body(request, CredentialBody)
        push = None if body.push is None else self._places.checked(body.push)
        pairing = await self._flow.prove(request.match_info["id"], token, body.credential, push)
        return answer(Proved(pairing.status_at(self._clock())), 202)

    async def show_phone(self, request: web.Request) -> web.Response:
        """Tell the phone how far the page is, held until it is done."""
        token = drawn_token(request)
        pairing = await self._flow.for_phone(
            request.match_info["id"], token, preferred_wait(request)
        )
        status = pairing.status_at(self._clock())
        if status is Status.PAIRED and pairing.key is not None:
            return answer(PairingStatus(status, pairing.key.credential_id))
        return answer(PairingStatus(status))

    def _seconds_left(self, pairing: Pairing) -> int:
        return max(0, int((pairing.expires_at - self._clock()) / timedelta(seconds=1)))
