"""The calls of ZORG-ID's own session interface, with the JSON that its software reads."""

import re
from collections.abc import Mapping
from contextlib import aclosing, suppress
from datetime import timedelta
from typing import Any

import msgspec
from aiohttp import web

from pairing_server.errors import InvalidRequest, NotFound
from pairing_server.held import MOST_OF_CLIENT, HeldCalls
from pairing_server.http import (
    answer,
    bearer,
    begin_events,
    json_body,
    preferred_wait,
    send_event,
)
from pairing_server.oidc.client_auth import ASSERTION_TYPE, ClientAuthentication
from pairing_server.oidc.showing import certificate_of
from pairing_server.registry import RegistryUnavailableError
from pairing_server.registry.clients import Client
from pairing_server.registry.xis_events import XisEvent
from pairing_server.store import StoreUnavailableError
from pairing_server.xis.flow import XisFlow
from pairing_server.xis.reading import Reading
from pairing_server.xis.signing import lowered

#: After this a stream ends, and its reader goes on where it was.
LONGEST = timedelta(minutes=10)
EVENT_STREAM = "text/event-stream"
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
#: As the clients of this interface write identifiers.
_IDENTIFIER = re.compile(r"[0-9A-Fa-f-]{36}", re.ASCII)


class ToldEvent(msgspec.Struct):
    """One event; `payload` is JSON in a string, as its software reads it."""

    id: str
    type: int
    payload: str


class XisRoutes:
    """Sessions, transactions and events of one client."""

    def __init__(self, flow: XisFlow, reading: Reading, client_auth: ClientAuthentication) -> None:
        self._flow = flow
        self._reading = reading
        self._client_auth = client_auth
        self._held = HeldCalls(MOST_OF_CLIENT)

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post("/v1/sessions/open", self.open),
            web.post("/v1/sessions/close", self.close),
            web.post("/v1/transactions", self.sign),
            web.get("/v1/events", self.events, allow_head=False),
        ]

    async def open(self, request: web.Request) -> web.Response:
        """Offer a session to whoever scans the workstation's screen."""
        client = await self._client(request)
        self._client_auth.count(client)
        body = await _body(request) if request.body_exists else {}
        return answer(await self._flow.open(body, client))

    async def close(self, request: web.Request) -> web.Response:
        """Close a session."""
        client = await self._client(request)
        identifier = request.query.get("sessionId", "")
        if not _IDENTIFIER.fullmatch(identifier):
            raise NotFound("no session id")
        await self._flow.close(identifier.lower(), client)
        return answer()

    async def sign(self, request: web.Request) -> web.Response:
        """Ask for a signature."""
        client = await self._client(request)
        self._client_auth.count(client)
        return answer(await self._flow.sign(await _body(request), client))

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Tell what happened, as JSON or as server-sent events."""
        client, number = await self._client(request), _number(request)
        if EVENT_STREAM in request.headers.get("Accept", ""):
            return await self._stream(request, client, number or 0)
        with self._held.hold(client.id, preferred_wait(request)) as wait:
            if number is None:
                found = await self._reading.drained(client, wait)
            else:
                found = await self._reading.after(client, number, wait)
        return answer([_told(event) for event in found])

    async def _stream(
        self, request: web.Request, client: Client, number: int
    ) -> web.StreamResponse:
        # What is not kept any more is a "no", for which it is too late once a stream has begun.
        await self._reading.after(client, number, timedelta(0))
        stream = await begin_events(request)
        # Who left, does not read or has lost a store comes back by itself, where it was.
        with (
            self._held.hold(client.id, LONGEST) as lasting,
            suppress(
                ConnectionError, TimeoutError, StoreUnavailableError, RegistryUnavailableError
            ),
        ):
            async with aclosing(self._reading.stream(client, number, lasting)) as events:
                async for event in events:
                    told = _told(event)
                    await send_event(stream, "message", told, identifier=told.id)
        return stream

    async def _client(self, request: web.Request) -> Client:
        """Return who calls: by a signed assertion as bearer, or by its certificate.

        Raises:
            InvalidClient: nobody whom we know.
            Unauthenticated: neither is there.
        """
        certificate = certificate_of(request)
        if certificate is not None and "Authorization" not in request.headers:
            client_id = request.query.get("client_id", "")
            return await self._client_auth.authenticate({"client_id": client_id}, certificate)
        form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": bearer(request)}
        return await self._client_auth.authenticate(form)


async def _body(request: web.Request) -> Mapping[str, Any]:
    return lowered(await json_body(request, dict[str, Any]))


def _number(request: web.Request) -> int | None:
    sent = request.headers.getall("Last-Event-ID", [])
    if not sent:
        return None
    if len(sent) != 1 or not _NUMBER.fullmatch(sent[0]):
        raise InvalidRequest("Last-Event-ID is the id of an event, or 0.")
    return int(sent[0])


def _told(event: XisEvent) -> ToldEvent:
    return ToldEvent(str(event.number), event.type, event.payload)
