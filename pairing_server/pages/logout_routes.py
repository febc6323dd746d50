"""Logging out at a program, by way of the browser (OpenID Connect RP-Initiated Logout 1.0)."""

from collections.abc import Mapping

from aiohttp import web

from pairing_server.http import form_body, query_form
from pairing_server.oidc.logout_flow import LogoutFlow
from pairing_server.oidc.metadata import LOGOUT_PATH
from pairing_server.pages.front import Front, see_other
from pairing_server.pages.login_routes import STYLE
from pairing_server.pages.rendering import Terms


class LogoutPages:
    """End a session, and say so where the program names no page of its own."""

    def __init__(self, front: Front, flow: LogoutFlow) -> None:
        self._front = front
        self._flow = flow

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(LOGOUT_PATH, self._front.page(self.log_out)),
            web.post(LOGOUT_PATH, self.log_out_by_form),
        ]

    async def log_out(self, request: web.Request) -> web.Response:
        """Log out by a link."""
        return await self._log_out(request, query_form(request))

    async def log_out_by_form(self, request: web.Request) -> web.Response:
        """Log out by a form, which comes from another site: the ID token in it is what counts."""
        return await self._log_out(request, await form_body(request))

    async def _log_out(self, request: web.Request, form: Mapping[str, str]) -> web.Response:
        uri = await self._flow.log_out(form)
        if uri is not None:
            return see_other(uri)
        return self._front.render(
            request, "logged_out.html", switch=LOGOUT_PATH, terms=Terms(style=STYLE)
        )
