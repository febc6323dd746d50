"""Requests that are pushed before the browser comes (RFC 9126)."""

from aiohttp import web

from pairing_server.http import answer, form_body
from pairing_server.oidc.authorization import AuthorizationFlow
from pairing_server.oidc.client_auth import ClientAuthentication
from pairing_server.oidc.metadata import PAR_PATH
from pairing_server.oidc.showing import certificate_of


class ParRoutes:
    """The pushed authorization request endpoint."""

    def __init__(self, flow: AuthorizationFlow, client_auth: ClientAuthentication) -> None:
        self._flow = flow
        self._client_auth = client_auth

    def table(self) -> list[web.RouteDef]:
        """Return the route."""
        return [web.post(PAR_PATH, self.push)]

    async def push(self, request: web.Request) -> web.Response:
        """Take a request (RFC 9126 section 2)."""
        form = await form_body(request)
        client = await self._client_auth.authenticate_to_ask(form, certificate_of(request))
        return answer(await self._flow.push(form, client), 201)
