"""The pages around the card: the landing page, the card's turn, the way back, the end."""

from typing import Any

from aiohttp import web

from pairing_server.clock import Clock
from pairing_server.errors import InvalidRequest
from pairing_server.http import SETTINGS, cookie, forget_cookie, form_body, set_cookie
from pairing_server.languages import Language
from pairing_server.pages.front import HOME, ORGANISATION_CARD, SHOW_CARD, Front, see_other
from pairing_server.portal.session import SESSION_COOKIE, BrowserSession, BrowserSessions
from pairing_server.tokens import Random, digest, new_secret
from pairing_server.uzi.flow import UziFlow
from pairing_server.uzi.roles import role_name
from pairing_server.uzi.routes import BROWSER_COOKIE
from pairing_server.uzi.session import Purpose, UziSession, agent_uri

_PROGRESS = {
    Purpose.LOGIN: SHOW_CARD,
    Purpose.REGISTER_ORGANISATION: ORGANISATION_CARD,
}
#: Where a browser goes that has just proved a card.
_NEXT = {
    Purpose.LOGIN: "/portal/details",
    Purpose.REGISTER_ORGANISATION: "/portal/organisation",
    Purpose.SIGN_REGISTRATION: "/portal/start",
}


class CardPages:
    """Show the card, come back with it, go on, log out."""

    def __init__(
        self,
        front: Front,
        uzi: UziFlow,
        sessions: BrowserSessions,
        clock: Clock,
        random: Random,
        *,
        card_form: str | None = None,
    ) -> None:
        """Build the pages.

        Args:
            card_form: Where a form makes the browser itself ask for the card, if anywhere.
        """
        self._front = front
        self._uzi = uzi
        self._sessions = sessions
        self._clock = clock
        self._random = random
        self._card_form = card_form

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        page = self._front.page
        return [
            web.get("/", page(self.home)),
            web.get("/portal/", page(self.landing)),
            web.get("/portal/login", page(self.home)),
            web.post("/portal/login", page(self.log_in)),
            web.get("/uzi/return", page(self.come_back)),
            web.get("/portal/next", page(self.go_on)),
            web.get("/portal/ended", page(self.ended)),
            web.post("/portal/ended", page(self.end)),
        ]

    async def home(self, request: web.Request) -> web.Response:
        """Lead to where it begins, also who loads the card's page again."""
        _ = request
        return web.Response(status=302, headers={"Location": HOME})

    async def landing(self, request: web.Request) -> web.Response:
        """Say what this is, and what is needed for it."""
        return self._front.render(request, "landing.html")

    async def log_in(self, request: web.Request) -> web.Response:
        """Start a session for a card, and open the desktop agent for it."""
        form = await form_body(request)
        try:
            purpose = Purpose(form.get("purpose", ""))
        except ValueError as error:
            raise InvalidRequest from error
        if purpose is Purpose.SIGN_REGISTRATION:
            # Whom it registers is known to `/portal/details` alone.
            raise InvalidRequest
        browser = cookie(request, BROWSER_COOKIE) or new_secret(self._random)
        session = await self._uzi.start(purpose, digest(browser))
        response = self.show_card(request, session)
        set_cookie(request, response, BROWSER_COOKIE, browser)
        return response

    def show_card(self, request: web.Request, session: UziSession) -> web.Response:
        """Render the page on which a card is awaited, before anybody is logged in."""
        return self._front.render(
            request,
            "card.html",
            progress=_PROGRESS[session.purpose],
            switch=HOME,
            card_form=self._card_form,
            **card_context(request, session, self._uzi.origin, self._clock),
        )

    async def come_back(self, request: web.Request) -> web.Response:
        """Finish in this browser what the desktop agent opened, by the page's script."""
        return self._front.render(request, "return.html")

    async def go_on(self, request: web.Request) -> web.Response:
        """Lead on by what the card was last asked for."""
        session = await self._front.session(request)
        return see_other(_NEXT[session.purpose])

    async def end(self, request: web.Request) -> web.Response:
        """Log out; what a card was still asked for in this browser logs nobody in any more."""
        await self._sessions.close(request)
        response = see_other("/portal/ended")
        forget_cookie(request, response, SESSION_COOKIE)
        forget_cookie(request, response, BROWSER_COOKIE)
        return response

    async def ended(self, request: web.Request) -> web.Response:
        """Say so."""
        return self._front.render(request, "ended.html")


def card_context(
    request: web.Request, session: UziSession, origin: str, clock: Clock
) -> dict[str, Any]:
    """Return what the page shows on which a card is awaited."""
    left = session.expires_at - clock()
    return {
        "kind": session.purpose.value,
        "id": session.id,
        "uri": agent_uri(origin, session),
        "host": request.app[SETTINGS].host,
        "statement": session.statement,
        "seconds_left": max(0, int(left.total_seconds())),
    }


def card_details(session: BrowserSession, language: Language) -> dict[str, Any]:
    """Return what the page shows of a card, to its holder."""
    card = session.card
    return {
        "name": f"{card.first_names} {card.last_name}",
        "uzi_number": card.uzi_number,
        "role": role_name(card.role_code, language),
        "organisation": card.organisation_name,
        "ura": card.ura,
        "valid_until": card.not_valid_after,
    }
