"""The login page: where a program sends a browser, and whence the browser goes back to it."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, aclosing, suppress
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from pairing_server.errors import Conflict, NotFound
from pairing_server.held import MOST_OF_CLIENT, HeldCalls
from pairing_server.http import (
    SETTINGS,
    begin_events,
    cookie,
    forget_cookie,
    form_body,
    language_of,
    query_form,
    send_event,
    set_cookie,
)
from pairing_server.languages import N_, translate
from pairing_server.limits import address_of
from pairing_server.oidc import sealed_cookie
from pairing_server.oidc.authorization import AuthorizationFlow, SentBack
from pairing_server.oidc.authorize import AuthorizationRequest
from pairing_server.oidc.browser_login import BrowserLogin, Progress, Way, Workplace
from pairing_server.oidc.browser_logins import BrowserLogins, View
from pairing_server.oidc.card_logins import CardLogins
from pairing_server.pages.browser_words import browser_words
from pairing_server.pages.card_routes import card_context
from pairing_server.pages.front import Front, see_other
from pairing_server.pages.login_picture import draw
from pairing_server.pages.login_ticker import Ticker
from pairing_server.pages.rendering import Terms
from pairing_server.qr.login import Frames
from pairing_server.tokens import Random, digest, new_id, new_secret
from pairing_server.uzi.routes import BROWSER_COOKIE

AUTHORIZE = "/authorize"
LOGIN = "/login/{id}"
#: That somebody has logged in in this browser: by what name it is known then.
WORKSTATION_COOKIE = "workstation"
#: Who wants to be known by name in this browser.
PERSON_COOKIE = "remembered"
WORKSTATION_KEPT = timedelta(days=180)
PERSON_KEPT = timedelta(days=30)
#: As long as a page may stand there.
LONGEST = timedelta(minutes=30)
MAX_NAME_CHARACTERS = 100
#: One login is followed in as many tabs, and in those that broke without a word.
MOST_TABS = 4
#: What stands in each of these pages, so that they are painted at once.
STYLE = "portal.css"
_NEW_HERE = N_("This computer has not been used here before.")


class LoginPages:
    """Begin, show, switch, follow, finish."""

    def __init__(
        self,
        front: Front,
        authorizations: AuthorizationFlow,
        logins: BrowserLogins,
        cards: CardLogins,
        random: Random,
        *,
        secret: bytes,
    ) -> None:
        """Build the pages.

        Args:
            secret: By which this server knows what it gave a browser to keep.
        """
        self._front = front
        self._authorizations = authorizations
        self._logins = logins
        self._cards = cards
        self._random = random
        self._secret = secret
        self._clock = cards.clock
        self._ticker = Ticker(cards.clock)
        self._held = HeldCalls(MOST_OF_CLIENT)
        self._tabs = HeldCalls(MOST_TABS)

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        page = self._front.page
        return [
            web.get(AUTHORIZE, page(self.authorize)),
            web.post(AUTHORIZE, self.authorize_by_form),
            web.get(LOGIN, page(self.show)),
            web.post(LOGIN, page(self.act)),
            web.get(f"{LOGIN}/events", self.events, allow_head=False),
        ]

    async def authorize(self, request: web.Request) -> web.Response:
        """Take a program's request, and tie the login to this browser."""
        try:
            wanted, client = await self._authorizations.begin(query_form(request))
        except SentBack as sent:
            return see_other(sent.args[0])
        browser = cookie(request, BROWSER_COOKIE) or new_secret(self._random)
        login = await self._logins.begin(wanted, client, self._place(request, browser))
        response = see_other(_path(login))
        set_cookie(request, response, BROWSER_COOKIE, browser)
        return response

    async def authorize_by_form(self, request: web.Request) -> web.Response:
        """Take the same as a form (OpenID Connect Core section 3.1.2.1).

        It comes from another site, so that browsers keep the cookie back, which they send with
        what follows.
        """
        return see_other(f"{AUTHORIZE}?{urlencode(await form_body(request))}")

    async def show(self, request: web.Request) -> web.Response:
        """Show how far the login is; once it is approved, go back to the program."""
        login = await self._login(request)
        view = await self._logins.look(login)
        if view.progress is Progress.APPROVED:
            return await self._finish(request, login)
        asked = request.query.get("way")
        if asked == Way.PHONE and view.progress not in _ENDED_FOR_ALL:
            return await self._ask_whom(request, login)
        return await self._show(request, view)

    async def act(self, request: web.Request) -> web.Response:
        """Go another way, or back without a login."""
        login = await self._login(request)
        form = await form_body(request)
        match form.get("act"):
            case "qr":
                await self._logins.show_qr(login)
            case "forget":
                # Also of who was asked a moment ago: they are not the one who sits here now.
                await self._logins.show_qr(login)
                return self._forget(request, see_other(_path(login)))
            case "send":
                name = form.get("name", "").strip()[:MAX_NAME_CHARACTERS]
                if not name:
                    return await self._ask_whom(request, login, is_missing=True)
                is_remembered = form.get("remember") == "yes"
                await self._logins.send(login, name, is_remembered=is_remembered)
            case "again":
                await self._logins.send_again(login, self._remembered(request))
            case "card":
                return await self._show_card(request, login)
            case "cancel":
                return see_other(await self._logins.cancel(login))
            case _:
                raise NotFound("no such act")
        return see_other(_path(login))

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Follow the login: how far it is, and each second the next frame."""
        login = await self._login(request)
        stream = await begin_events(request)
        with (
            # First: or one stranger's page had all that the client's pages may have.
            self._tabs.hold(login.id, LONGEST) as of_login,
            self._held.hold(login.request.client_id, of_login) as wait,
            suppress(ConnectionError, TimeoutError),
        ):
            async with aclosing(self._logins.watch(login)) as news:
                await self._send_all(stream, news, is_held=bool(wait))
        return stream

    async def _send_all(
        self, stream: web.StreamResponse, news: AsyncIterator[View | Frames], *, is_held: bool
    ) -> None:
        with ExitStack() as shown:
            async for each in news:
                if isinstance(each, View):
                    if each.progress is not Progress.SCAN:
                        shown.close()
                    await send_event(stream, "progress", _told(each))
                    if not is_held:
                        return
                else:
                    now = self._clock()
                    await send_event(stream, "frame", each.link(each.at(now)))
                    shown.enter_context(self._ticker.showing(stream, each))

    async def _login(self, request: web.Request) -> BrowserLogin:
        browser = cookie(request, BROWSER_COOKIE)
        known = None if browser is None else digest(browser)
        return await self._logins.of(request.match_info["id"], known)

    async def _finish(self, request: web.Request, login: BrowserLogin) -> web.Response:
        person_id = await self._logins.approver(login)
        try:
            response = see_other(await self._logins.finish(login))
        except Conflict:
            # Another tab was faster.
            return await self._show(request, await self._logins.look(await self._login(request)))
        place = login.place.workstation_id
        self._keep(request, response, WORKSTATION_COOKIE, place, WORKSTATION_KEPT)
        if login.is_remembered and person_id is not None:
            self._keep(request, response, PERSON_COOKIE, person_id, PERSON_KEPT)
        elif person_id != self._remembered(request):
            # Somebody else sits here now.
            forget_cookie(request, response, PERSON_COOKIE)
        return response

    async def _show(self, request: web.Request, view: View, *, status: int = 200) -> web.Response:
        picture = await draw(view.link) if view.link else None
        return await self._render(
            request, view.login, "login.html", view=view, qr=picture, status=status
        )

    async def _ask_whom(
        self, request: web.Request, login: BrowserLogin, *, is_missing: bool = False
    ) -> web.Response:
        return await self._render(
            request,
            login,
            "login_name.html",
            is_missing=is_missing,
            hint=login.request.login_hint.removeprefix("uzi:"),
            status=422 if is_missing else 200,
        )

    async def _show_card(self, request: web.Request, login: BrowserLogin) -> web.Response:
        session = await self._cards.start(login)
        card = card_context(request, session, self._cards.origin, self._cards.clock)
        return await self._render(request, login, "login_card.html", card=card)

    async def _render(
        self,
        request: web.Request,
        login: BrowserLogin,
        template: str,
        *,
        status: int = 200,
        **context: Any,
    ) -> web.Response:
        client = await self._logins.client(login)
        remembered = self._remembered(request)
        return self._front.render(
            request,
            template,
            status=status,
            switch=_path(login),
            terms=Terms((_origin(login.request),), STYLE),
            path=_path(login),
            client=client.name,
            is_known_place=self._workstation(request) is not None,
            remembered=await self._logins.name(remembered) if remembered else "",
            **context,
        )

    def _place(self, request: web.Request, browser: str) -> Workplace:
        known = self._workstation(request)
        settings = request.app[SETTINGS]
        return Workplace(
            browser=digest(browser),
            workstation_id=known or f"browser:{new_id(self._random)}",
            workstation=browser_words(request.headers.get("User-Agent", "")),
            location=address_of(request, settings.trusted_proxies),
            message="" if known else translate(language_of(request), _NEW_HERE),
        )

    def _workstation(self, request: web.Request) -> str | None:
        return self._kept(request, WORKSTATION_COOKIE)

    def _remembered(self, request: web.Request) -> str:
        return self._kept(request, PERSON_COOKIE) or ""

    def _kept(self, request: web.Request, name: str) -> str | None:
        return sealed_cookie.opened(self._secret, name, cookie(request, name))

    def _keep(
        self,
        request: web.Request,
        response: web.Response,
        name: str,
        value: str,
        lifetime: timedelta,
    ) -> None:
        sealed = sealed_cookie.seal(self._secret, name, value)
        set_cookie(request, response, name, sealed, lifetime)

    def _forget(self, request: web.Request, response: web.Response) -> web.Response:
        forget_cookie(request, response, PERSON_COOKIE)
        return response


def _told(view: View) -> dict[str, Any]:
    return {
        "progress": view.progress,
        "code": view.code,
        "seconds_left": view.seconds_left,
    }


def _path(login: BrowserLogin) -> str:
    return f"/login/{login.id}"


def _origin(wanted: AuthorizationRequest) -> str:
    parts = urlsplit(wanted.redirect_uri)
    return f"{parts.scheme}://{parts.netloc}"


_ENDED_FOR_ALL = frozenset({Progress.FINISHED})
