"""The calls of a rotating login QR code: the workstation's and the phone's (design section 7)."""

import asyncio
from contextlib import aclosing, suppress
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Literal

import msgspec
from aiohttp import web

from pairing_server.errors import Expired, NotFound, Refusal
from pairing_server.held import MOST_OF_CLIENT, HeldCalls
from pairing_server.http import (
    answer,
    bearer,
    begin_events,
    json_body,
    route_table,
    send_event,
)
from pairing_server.keys.flow import PhoneFlow
from pairing_server.openapi import Operation
from pairing_server.qr import code
from pairing_server.qr.login import EVENTS_PATH, Ended, Hinted, LoginQrFlow, Shown
from pairing_server.store import StoreUnavailableError

#: As long as a login may live, and some.
LONGEST = timedelta(minutes=10)

#: A workstation with two screens asks for the same picture twice.
_draw = lru_cache(maxsize=256)(code.svg)


class QrBody(msgspec.Struct):
    """What a phone scanned, and whether with its own camera."""

    payload: Annotated[str, msgspec.Meta(max_length=500)]
    via: Literal["camera", "link"]


class ScannedLogin(msgspec.Struct):
    """The auth request to show."""

    id: str


class ShownFrame(msgspec.Struct):
    """What to draw for a second; with the drawing where it was asked for."""

    link: str
    qr_svg: str | msgspec.UnsetType = msgspec.UNSET


class LoginQrRoutes:
    """What a workstation shows, and what a phone scans."""

    def __init__(
        self, flow: LoginQrFlow, phones: PhoneFlow, refused: tuple[type[Refusal], ...]
    ) -> None:
        """Build the routes.

        Args:
            refused: What who scans may be refused by the part that knows the logins.
        """
        self._flow = flow
        self._refused = refused
        self._phones = phones
        self._held = HeldCalls(MOST_OF_CLIENT)

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(EVENTS_PATH, self.events, allow_head=False),
            *route_table(self.operations()),
        ]

    def operations(self) -> list[Operation]:
        """Describe the phone's call."""
        return [
            Operation(
                "POST",
                "/phone/qr",
                self.scan,
                body=QrBody,
                responses={200: ScannedLogin},
                refusals=(Expired, NotFound, *self._refused),
            )
        ]

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Send the frames as server-sent events until the login ends."""
        auth_req_id = bearer(request)
        login = await self._flow.login(auth_req_id)
        is_drawn = request.query.get("qr_svg") == "true"
        stream = await begin_events(request)
        # Who left, does not read or has lost the Store comes back by itself: that is what the
        # protocol says of a stream that breaks off.
        with (
            self._held.hold(login.client_id, LONGEST) as wait,
            suppress(ConnectionError, TimeoutError, StoreUnavailableError),
        ):
            async with aclosing(self._flow.frames(auth_req_id, login)) as frames:
                async for frame in frames:
                    await _send(stream, frame, is_drawn=is_drawn)
                    if not wait:
                        break
        return stream

    async def scan(self, request: web.Request) -> web.Response:
        """Find the login whose QR code the phone scanned."""
        phone = await self._phones.authenticate(bearer(request))
        body = await json_body(request, QrBody)
        by_camera = body.via == "camera"
        identifier = await self._flow.scan(phone, body.payload, by_camera=by_camera)
        return answer(ScannedLogin(identifier))


async def _send(
    stream: web.StreamResponse, frame: Shown | Hinted | Ended, *, is_drawn: bool
) -> None:
    if isinstance(frame, Ended):
        await send_event(stream, "end", {"status": frame.status})
        return
    if isinstance(frame, Hinted):
        await send_event(stream, "hint", {"hint": frame.hint})
        return
    svg = await asyncio.to_thread(_draw, frame.link) if is_drawn else msgspec.UNSET
    await send_event(stream, "frame", ShownFrame(frame.link, svg))
