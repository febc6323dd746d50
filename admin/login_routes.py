"""The pages by which somebody comes to administer, confirms, and leaves."""

import re
from datetime import timedelta

from aiohttp import web

from admin.access import Act
from admin.frame import HOME, LOGIN, Frame, is_path
from admin.login import Confirmation, LoginFlow
from admin.portal_client import RETURN
from admin.refusals import NoSuchOrganisation
from admin.session import AdminSessions
from admin.words import ACTS
from pairing_server.errors import InvalidRequest
from pairing_server.http import cookie, form_body, language_of, query_form, set_cookie
from pairing_server.languages import N_, translate
from pairing_server.pages.front import see_other
from pairing_server.ports import Ports
from pairing_server.registry import Query, organisations
from pairing_server.tokens import Random, new_secret

CONFIRM = "/admin/confirm"
LOGOUT = "/admin/logout"
#: Ties a login to the browser that began it.
BROWSER_COOKIE = "admin_login"
#: For which organisation somebody logged in here last.
URA_COOKIE = "admin_ura"
URA_KEPT = timedelta(days=180)

_URA = re.compile(r"[0-9]{8}", re.ASCII)
_NO_URA = N_("A URA number has eight digits: type all of them.")
#: What the phone shows, in the language of the browser.
_MESSAGE = N_("To confirm: %s")


class LoginPages:
    """Log in, come back, confirm, log out: before anybody is known to be somebody."""

    def __init__(
        self, frame: Frame, flow: LoginFlow, sessions: AdminSessions, ports: Ports
    ) -> None:
        self._frame = frame
        self._flow = flow
        self._sessions = sessions
        self._registry = ports.registry
        self._random: Random = ports.random

    def table(self) -> list[web.RouteDef]:
        """Return the routes: all of the portal that need no act."""
        page = self._frame.page
        return [
            web.get(LOGIN, page(self.show)),
            web.post(LOGIN, page(self.begin)),
            web.get(RETURN, page(self.complete)),
            web.post(CONFIRM, page(self.confirm)),
            web.post(LOGOUT, page(self.log_out)),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Ask for which organisation, unless there is one alone."""
        uras = await self._registry.read(_two_uras)
        asked = request.query.get("next", "")
        ura = uras[0] if len(uras) == 1 else cookie(request, URA_COOKIE) or ""
        return self._frame.render_outside(
            request,
            "login.html",
            ura=ura if _URA.fullmatch(ura) else "",
            is_only=len(uras) == 1,
            next=asked if is_path(asked) else HOME,
            error="",
        )

    async def begin(self, request: web.Request) -> web.Response:
        """Send the browser to the login page, as any program does."""
        form = await form_body(request)
        ura, path = form.get("ura", "").strip(), form.get("next", "")
        path = path if is_path(path) else HOME
        if not _URA.fullmatch(ura):
            return self._again(request, ura, path, _NO_URA)
        browser = new_secret(self._random)
        try:
            response = see_other(await self._flow.begin(ura, browser, path))
        except NoSuchOrganisation as refusal:
            return self._again(request, ura, path, refusal.description, refusal.status)
        set_cookie(request, response, BROWSER_COOKIE, browser)
        set_cookie(request, response, URA_COOKIE, ura, URA_KEPT)
        return response

    async def complete(self, request: web.Request) -> web.Response:
        """Take the answer, and open the session."""
        held = await self._sessions.held(request)
        browser = cookie(request, BROWSER_COOKIE)
        session, path = await self._flow.complete(query_form(request), browser, held)
        response = see_other(path)
        await self._sessions.open(request, response, session)
        return response

    async def confirm(self, request: web.Request) -> web.Response:
        """Send who is logged in to approve once more, with words for what they are about to do."""
        form = await form_body(request)
        act, path = form.get("act", ""), form.get("next", "")
        if act not in set(Act):
            raise InvalidRequest("This form is not known here.")
        visit, _ = await self._sessions.visit(request, lambda *_: None)
        language = language_of(request)
        confirmation = Confirmation(
            person_id=visit.administrator.person_id,
            act=act,
            message=translate(language, _MESSAGE) % translate(language, ACTS[Act(act)]),
        )
        browser = new_secret(self._random)
        path = path if is_path(path) else HOME
        response = see_other(
            await self._flow.begin(visit.administrator.ura, browser, path, confirmation)
        )
        set_cookie(request, response, BROWSER_COOKIE, browser)
        return response

    async def log_out(self, request: web.Request) -> web.Response:
        """End the session, whether or not it still opened anything."""
        held = await self._sessions.held(request)
        response = see_other(LOGIN)
        if held is not None:
            await self._flow.log_out(held)
        await self._sessions.forget(request, response)
        return response

    def _again(
        self, request: web.Request, ura: str, path: str, error: str, status: int = 422
    ) -> web.Response:
        return self._frame.render_outside(
            request,
            "login.html",
            status=status,
            ura=ura[:20],
            is_only=False,
            next=path,
            error=error,
        )


def _two_uras(tx: Query) -> list[str]:
    """Return the organisations that are served, two at most: whether there is one alone."""
    return [each.ura for each in organisations.some(tx, 2)]
