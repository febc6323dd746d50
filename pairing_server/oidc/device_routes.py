"""The call of a workstation that does not know who stands before it (RFC 8628 section 3.1)."""

from aiohttp import web

from pairing_server.http import answer, form_body
from pairing_server.oidc.client_auth import ClientAuthentication
from pairing_server.oidc.device_flow import DeviceFlow
from pairing_server.oidc.metadata import DEVICE_PATH
from pairing_server.oidc.showing import certificate_of


class DeviceRoutes:
    """Where a login for whoever scans is opened."""

    def __init__(self, flow: DeviceFlow, client_auth: ClientAuthentication) -> None:
        self._flow = flow
        self._client_auth = client_auth

    def table(self) -> list[web.RouteDef]:
        """Return the route."""
        return [web.post(DEVICE_PATH, self.authorize)]

    async def authorize(self, request: web.Request) -> web.Response:
        """Open a login for whoever scans."""
        form = await form_body(request)
        client = await self._client_auth.authenticate_to_ask(form, certificate_of(request))
        return answer(await self._flow.begin(form, client))
