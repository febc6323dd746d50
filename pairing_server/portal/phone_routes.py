"""The page's calls on the card holder's own phones."""

from datetime import datetime

import msgspec
from aiohttp import web

from pairing_server.http import answer, json_body
from pairing_server.keys.bodies import DeviceName
from pairing_server.keys.status import can_unblock
from pairing_server.phones.overview import Sibling, ToldStatus
from pairing_server.phones.routes import (
    History,
    ToldPushHealth,
    history_event,
    push_of,
    told_health,
)
from pairing_server.portal.phones import OwnPhones, OwnPhonesFlow
from pairing_server.portal.session import BrowserSessions
from pairing_server.push import PushService


class RenameBody(msgspec.Struct):
    """`POST /portal/phones/{id}/rename`."""

    name: DeviceName


class OwnPhone(msgspec.Struct):
    """One of the person's phones; `can_unblock` is false of a key that may have been copied."""

    credential_id: str
    device_name: str
    platform: str
    model: str
    status: ToldStatus
    is_default: bool
    bound_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    last_used_workstation: str
    last_used_location: str
    last_used_organisation: str
    push: PushService | None
    push_health: ToldPushHealth
    can_unblock: bool


class OwnPhoneList(msgspec.Struct):
    """The person's phones, oldest first; the revoked ones are not among them."""

    phones: list[OwnPhone]


class OwnPhoneRoutes:
    """What a card holder reads of their phones, and does to them."""

    def __init__(self, flow: OwnPhonesFlow, sessions: BrowserSessions) -> None:
        self._flow = flow
        self._sessions = sessions

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/portal/phones", self.phones),
            web.post("/portal/phones/{id}/block", self.block),
            web.post("/portal/phones/{id}/unblock", self.unblock),
            web.post("/portal/phones/{id}/revoke", self.revoke),
            web.post("/portal/phones/{id}/rename", self.rename),
            web.get("/portal/history", self.history),
        ]

    async def phones(self, request: web.Request) -> web.Response:
        """List the person's phones with their last use."""
        session = await self._sessions.of(request)
        own = await self._flow.phones(session)
        return answer(OwnPhoneList([_phone(each, own) for each in own.phones]))

    async def block(self, request: web.Request) -> web.Response:
        """Block a phone that is lost."""
        session = await self._sessions.of(request)
        await self._flow.block(session, request.match_info["id"])
        return answer(status=204)

    async def unblock(self, request: web.Request) -> web.Response:
        """Unblock a phone that was found."""
        session = await self._sessions.of(request)
        await self._flow.unblock(session, request.match_info["id"])
        return answer(status=204)

    async def revoke(self, request: web.Request) -> web.Response:
        """Revoke a phone; the person goes on in a new session, their others end."""
        session = await self._sessions.of(request)
        signed_out_at = await self._flow.revoke(session, request.match_info["id"])
        response = answer(status=204)
        await self._sessions.reopen(request, response, session, signed_out_at)
        return response

    async def rename(self, request: web.Request) -> web.Response:
        """Call a phone otherwise."""
        session = await self._sessions.of(request)
        body = await json_body(request, RenameBody)
        await self._flow.rename(session, request.match_info["id"], " ".join(body.name.split()))
        return answer(status=204)

    async def history(self, request: web.Request) -> web.Response:
        """List what happened with the person's phones."""
        session = await self._sessions.of(request)
        events = await self._flow.history(session)
        return answer(History([history_event(event) for event in events]))


def _phone(sibling: Sibling, own: OwnPhones) -> OwnPhone:
    credential = sibling.credential
    return OwnPhone(
        credential_id=credential.id,
        device_name=credential.device_name,
        platform=credential.platform,
        model=credential.model,
        status=sibling.told_status(own.at),
        is_default=own.default_phone == credential.id,
        bound_at=credential.bound_at,
        expires_at=credential.expires_at,
        last_used_at=credential.last_used_at,
        last_used_workstation=credential.last_used_workstation or "",
        last_used_location=credential.last_used_location or "",
        last_used_organisation=sibling.last_used_organisation,
        push=push_of(credential),
        push_health=told_health(sibling.push_health),
        can_unblock=can_unblock(credential),
    )
