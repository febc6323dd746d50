"""What tokens open, over HTTP: `/userinfo` and `/introspect`."""

from aiohttp import web

from pairing_server.errors import InvalidRequest
from pairing_server.http import answer, form_body
from pairing_server.oidc.access import AccessFlow
from pairing_server.oidc.client_auth import ClientAuthentication
from pairing_server.oidc.client_credentials import MachineTokens
from pairing_server.oidc.metadata import INTROSPECTION_PATH, USERINFO_PATH
from pairing_server.oidc.showing import access_token, certificate_of, shown_by


class AccessRoutes:
    """For whoever has a token."""

    def __init__(
        self,
        flow: AccessFlow,
        machines: MachineTokens,
        client_auth: ClientAuthentication,
        base_url: str,
    ) -> None:
        self._flow = flow
        self._machines = machines
        self._client_auth = client_auth
        self._base_url = base_url

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(USERINFO_PATH, self.userinfo),
            web.post(USERINFO_PATH, self.userinfo),
            web.post(INTROSPECTION_PATH, self.introspect),
        ]

    async def userinfo(self, request: web.Request) -> web.Response:
        """Tell the person's claims (OpenID Connect Core section 5.3)."""
        token, by_dpop = access_token(request)
        told = await self._flow.userinfo(token, shown_by(request), by_dpop=by_dpop)
        if isinstance(told, str):
            headers = {"Cache-Control": "no-store"}
            return web.Response(text=told, content_type="application/jwt", headers=headers)
        return answer(told)

    async def introspect(self, request: web.Request) -> web.Response:
        """Say whether a token is good for anything (RFC 7662)."""
        form = await form_body(request)
        client = await self._client_auth.authenticate(form, certificate_of(request))
        token = form.get("token")
        if token is None:
            raise InvalidRequest("Send the token.")
        own = await self._machines.introspect(token, client, self._base_url)
        return answer(own or await self._flow.introspect(token, client))
