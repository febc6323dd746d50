"""The endpoints of event streams (SSF 1.0 sections 7 and 8)."""

from aiohttp import web

from pairing_server.errors import InvalidRequest
from pairing_server.http import answer, json_body, query_form
from pairing_server.oidc.client_credentials import MachineTokens
from pairing_server.oidc.client_policy import MachineScope
from pairing_server.oidc.metadata import JWKS_PATH
from pairing_server.signals import stream as rules
from pairing_server.signals.flow import StreamFlow
from pairing_server.signals.stream import (
    StatusChange,
    StreamChange,
    StreamRequest,
    VerificationRequest,
)

_READ, _MANAGE = MachineScope.SSF_READ, MachineScope.SSF_MANAGE


class SignalRoutes:
    """For clients that have a token of their own."""

    def __init__(self, flow: StreamFlow, machines: MachineTokens, base_url: str) -> None:
        self._flow = flow
        self._machines = machines
        self._base_url = base_url

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(rules.WELL_KNOWN_PATH, self.metadata),
            web.post(rules.CONFIGURATION_PATH, self.create),
            web.get(rules.CONFIGURATION_PATH, self.read),
            web.patch(rules.CONFIGURATION_PATH, self.update),
            web.put(rules.CONFIGURATION_PATH, self.replace),
            web.delete(rules.CONFIGURATION_PATH, self.delete),
            web.get(rules.STATUS_PATH, self.status),
            web.post(rules.STATUS_PATH, self.set_status),
            web.post(rules.VERIFICATION_PATH, self.verify),
        ]

    async def metadata(self, request: web.Request) -> web.Response:
        """Say what the transmitter is (SSF 1.0 section 7.2)."""
        _ = request
        headers = {"Cache-Control": "public, max-age=300"}
        return answer(rules.metadata(self._base_url, self._base_url + JWKS_PATH), headers=headers)

    async def create(self, request: web.Request) -> web.Response:
        """Make a stream (SSF 1.0 section 8.1.1.1)."""
        client = await self._machines.of(request, _MANAGE)
        body = await json_body(request, StreamRequest)
        return answer(await self._flow.create(body, client), 201)

    async def read(self, request: web.Request) -> web.Response:
        """Tell what a stream is, or which there are (SSF 1.0 section 8.1.1.2)."""
        client = await self._machines.of(request, _READ, _MANAGE)
        stream_id = query_form(request).get("stream_id")
        if stream_id is None:
            return answer(await self._flow.read_all(client))
        return answer(await self._flow.read(stream_id, client))

    async def update(self, request: web.Request) -> web.Response:
        """Change what is named of a stream (SSF 1.0 section 8.1.1.3)."""
        return await self._change(request, whole=False)

    async def replace(self, request: web.Request) -> web.Response:
        """Replace a stream's configuration (SSF 1.0 section 8.1.1.4)."""
        return await self._change(request, whole=True)

    async def delete(self, request: web.Request) -> web.Response:
        """Remove a stream (SSF 1.0 section 8.1.1.5)."""
        client = await self._machines.of(request, _MANAGE)
        await self._flow.delete(_stream_id(request), client)
        return answer(status=204)

    async def status(self, request: web.Request) -> web.Response:
        """Tell a stream's status (SSF 1.0 section 8.1.2.1)."""
        client = await self._machines.of(request, _READ, _MANAGE)
        return answer(await self._flow.status(_stream_id(request), client))

    async def set_status(self, request: web.Request) -> web.Response:
        """Enable, pause or disable a stream (SSF 1.0 section 8.1.2.2)."""
        client = await self._machines.of(request, _MANAGE)
        body = await json_body(request, StatusChange)
        return answer(await self._flow.set_status(body, client))

    async def verify(self, request: web.Request) -> web.Response:
        """Have a stream verified (SSF 1.0 section 8.1.4.2)."""
        client = await self._machines.of(request, _READ, _MANAGE)
        await self._flow.verify(await json_body(request, VerificationRequest), client)
        return answer(status=204)

    async def _change(self, request: web.Request, *, whole: bool) -> web.Response:
        client = await self._machines.of(request, _MANAGE)
        body = await json_body(request, StreamChange)
        return answer(await self._flow.change(body, client, whole=whole))


def _stream_id(request: web.Request) -> str:
    stream_id = query_form(request).get("stream_id")
    if stream_id is None:
        raise InvalidRequest("Send the stream_id.")
    return stream_id
