"""What all pages share: the visitor, the language, the steps, and forms of our own alone."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aiohttp import web

from pairing_server.clock import Clock
from pairing_server.errors import Unauthenticated
from pairing_server.http import (
    LANGUAGE_COOKIE,
    SAFE_METHODS,
    SETTINGS,
    check_same_origin,
    language_of,
    set_cookie,
)
from pairing_server.languages import N_, language_named
from pairing_server.pages.rendering import Renderer, Terms
from pairing_server.portal.session import BrowserSession, BrowserSessions

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: Where every journey begins.
HOME = "/portal/"
LANGUAGE_KEPT = timedelta(days=365)

_PAIRING = (
    N_("Show card"),
    N_("Check details"),
    N_("Sign"),
    N_("Pair phone"),
    N_("Done"),
)
_ORGANISATION = (N_("Show card"), N_("Confirm"), N_("Done"))


@dataclass(frozen=True, slots=True)
class Progress:
    """Which step of how many a page is."""

    names: tuple[str, ...]
    at: int


SHOW_CARD, CHECK_DETAILS, SIGN, PAIR_PHONE, DONE = (
    Progress(_PAIRING, at) for at in range(1, len(_PAIRING) + 1)
)
ORGANISATION_CARD, ORGANISATION_CONFIRM, ORGANISATION_DONE = (
    Progress(_ORGANISATION, at) for at in range(1, len(_ORGANISATION) + 1)
)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is logged in, and for how long.

    Attributes:
        has_phones: Whether they are somebody who may have some.
    """

    name: str
    seconds_left: int
    has_phones: bool

    @property
    def minutes_left(self) -> int:
        """Rounded up, so that nobody reads that nothing is left."""
        return -(-self.seconds_left // 60)


class Front:
    """Renders a page for a request, and finds its session."""

    def __init__(self, renderer: Renderer, sessions: BrowserSessions, clock: Clock) -> None:
        self._renderer = renderer
        self._sessions = sessions
        self._clock = clock
        self._pages: set[Handler] = set()

    def page(self, handler: Handler) -> Handler:
        """Return the handler, behind what every page does first.

        A form is taken from our own pages only, whether or not it rides on a cookie: else another
        site could open somebody's desktop agent.
        """

        async def handle(request: web.Request) -> web.StreamResponse:
            if request.method not in SAFE_METHODS:
                check_same_origin(request, request.app[SETTINGS].origin)
                return await handler(request)
            chosen = language_named(request.query.get("language", ""))
            if chosen is None:
                return await handler(request)
            # Made of our own pattern, never the path as it was sent: `//elsewhere/` is one, too.
            response = see_other(_path(request))
            set_cookie(request, response, LANGUAGE_COOKIE, chosen, LANGUAGE_KEPT)
            return response

        self._pages.add(handle)
        return handle

    def is_page(self, request: web.Request) -> bool:
        """Tell whether the request goes to a page."""
        return request.match_info.handler in self._pages

    async def session(self, request: web.Request) -> BrowserSession:
        """Return the session that the request rides on.

        Raises:
            CrossSite: an unsafe request from elsewhere.
            Unauthenticated: there is none, or it is over.
        """
        return await self._sessions.of(request)

    async def session_if_any(self, request: web.Request) -> BrowserSession | None:
        """Return the session that the request rides on, if it does."""
        try:
            return await self._sessions.of(request)
        except Unauthenticated:
            return None

    def render(  # noqa: PLR0913  (what a page is made of, by name)
        self,
        request: web.Request,
        template: str,
        *,
        progress: Progress | None = None,
        session: BrowserSession | None = None,
        switch: str | None = None,
        status: int = 200,
        terms: Terms | None = None,
        **context: Any,
    ) -> web.Response:
        """Render a page.

        Args:
            session: Whose page it is.
            switch: Where the language switch leads, which a page that answers a form has to say.
            terms: What this page is allowed that others are not.
            context: What the template shows.
        """
        shown: Mapping[str, Any] = {
            **context,
            "progress": progress,
            "switch": switch or _path(request),
            "visitor": session and self._visitor(session),
        }
        return self._renderer.page(language_of(request), template, shown, status, terms)

    def _visitor(self, session: BrowserSession) -> Visitor:
        left = session.expires_at - self._clock()
        name = f"{session.card.first_names} {session.card.last_name}"
        seconds = max(0, int(left.total_seconds()))
        return Visitor(name, seconds, has_phones=session.person_id is not None)


def see_other(path: str) -> web.Response:
    """Send the browser on with a `GET` (RFC 9110 section 15.4.4)."""
    return web.Response(status=303, headers={"Location": path, "Cache-Control": "no-store"})


def _path(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return str(resource.url_for(**request.match_info)) if resource is not None else HOME
