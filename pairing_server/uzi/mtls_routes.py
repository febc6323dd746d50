"""`POST /uzi/mtls`: whence the certificate is taken, and the browser session that follows.

There are two ways to it, and a request has one of them: TLS that ends here, or a proxy that ends
it and says so in `Client-Cert` (RFC 9440).
"""

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from pairing_server.errors import Refusal
from pairing_server.http import (
    SETTINGS,
    answer,
    check_same_origin,
    cookie,
    form_body,
    set_cookie,
)
from pairing_server.limits import Network
from pairing_server.tokens import Random, new_secret
from pairing_server.uzi.mtls import MtlsFlow, MtlsLogin
from pairing_server.uzi.routes import BROWSER_COOKIE
from pairing_server.uzi.session import Purpose
from pairing_server.uzi.shown import shown_certificate

#: The page that a login leads to.
DETAILS = "/portal/details"


class NoClientCertificate(Refusal):
    """The browser showed no certificate in the TLS handshake."""

    code = "no_client_certificate"
    status = 403
    description = (
        "Your browser did not show your UZI card. Put the card in the reader, close all windows "
        "of your browser, open it again and choose the card's certificate; or log in with the "
        "desktop agent."
    )


class SignatureNeeded(Refusal):
    """What lasts needs a signature that lasts, which a TLS handshake leaves none of."""

    code = "signature_needed"
    status = 422
    description = (
        "This has to be signed with your card, which the browser alone cannot do. Choose to go "
        "on with the desktop agent."
    )


class MtlsRoutes:
    """Logging in with the card's certificate in the browser."""

    def __init__(
        self,
        flow: MtlsFlow,
        random: Random,
        *,
        proxies: Sequence[Network],
        log_in: Callable[[web.Request, web.Response, MtlsLogin], Awaitable[None]],
    ) -> None:
        """Build the routes.

        Args:
            proxies: Who may hand certificates on.
            log_in: Gives the browser a new session of the card's holder.
        """
        self._flow = flow
        self._random = random
        self._proxies = proxies
        self._log_in = log_in

    def table(self) -> list[web.RouteDef]:
        """Return the route."""
        return [web.post("/uzi/mtls", self.log_in)]

    async def log_in(self, request: web.Request) -> web.Response:
        """Log the card's holder in and lead the browser on."""
        origin = request.app[SETTINGS].origin
        # A browser shows the card to whatever page makes it post here: like a cookie.
        check_same_origin(request, origin)
        shown = shown_certificate(request, self._proxies)
        if shown is None:
            raise NoClientCertificate
        form = await form_body(request)
        if form.get("purpose", Purpose.LOGIN) != Purpose.LOGIN:
            raise SignatureNeeded
        login = await self._flow.prove(shown)
        # In full: TLS that ends here has a port of its own.
        response = answer(status=303, headers={"Location": origin + DETAILS})
        await self._log_in(request, response, login)
        # What is signed next is signed in a session of this browser.
        browser = cookie(request, BROWSER_COOKIE) or new_secret(self._random)
        set_cookie(request, response, BROWSER_COOKIE, browser)
        return response
