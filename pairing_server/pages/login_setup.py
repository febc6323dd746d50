"""How the login page is wired."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from pairing_server.oidc.browser_logins import BrowserLogins
from pairing_server.oidc.card_logins import CardLogins
from pairing_server.oidc.known_people import KnownPeople
from pairing_server.oidc.logout_flow import LogoutFlow
from pairing_server.oidc.setup import OpenIdProvider
from pairing_server.pages.front import Front
from pairing_server.pages.login_routes import LoginPages
from pairing_server.pages.logout_routes import LogoutPages
from pairing_server.phones.setup import BoundPhones
from pairing_server.qr.login import LoginQrFlow
from pairing_server.uzi.certificate import Card
from pairing_server.uzi.flow import UziFlow
from pairing_server.uzi.session import UziSession

#: Opens a session of the portal for who showed a card.
LogIn = Callable[[web.Request, web.Response, UziSession, Card], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class LoginPage:
    """All that a browser sees of a login."""

    logins: BrowserLogins
    cards: CardLogins

    @classmethod
    def make(
        cls, bound: BoundPhones, provider: OpenIdProvider, qr: LoginQrFlow, uzi: UziFlow
    ) -> "LoginPage":
        """Wire the flows."""
        ports = bound.ports
        logins = BrowserLogins(
            ports,
            bound.approvals,
            provider.authorizations,
            provider.issuer,
            qr,
            KnownPeople(ports, bound.policy),
        )
        return cls(logins, CardLogins(ports, logins, uzi))

    def routes(
        self, bound: BoundPhones, provider: OpenIdProvider, front: Front, secret: bytes
    ) -> tuple[LoginPages, LogoutPages]:
        """Return the pages.

        Args:
            secret: By which this server knows what it gave a browser to keep.
        """
        return (
            LoginPages(
                front,
                provider.authorizations,
                self.logins,
                self.cards,
                bound.ports.random,
                secret=secret,
            ),
            LogoutPages(front, LogoutFlow(bound.ports, provider.issuer)),
        )

    def log_in(self, portal: LogIn) -> LogIn:
        """Return what a proved card does: answer the login that asked for it, or open the portal.

        A card that was shown for a program opens no session here: nothing of its holder is to
        stay in the browser of a workstation.
        """

        async def log_in(
            request: web.Request, response: web.Response, session: UziSession, card: Card
        ) -> None:
            if session.login:
                await self.cards.complete(session, card)
            else:
                await portal(request, response, session, card)

        return log_in
