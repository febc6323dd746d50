"""The steps of a login with a UZI card at the login page."""

from dataclasses import replace

from pairing_server.approvals.asked import request_id
from pairing_server.approvals.by_card import CardApproval, ShownCard
from pairing_server.errors import NotFound
from pairing_server.oidc.browser_login import BrowserLogin, Way
from pairing_server.oidc.browser_logins import BrowserLogins
from pairing_server.ports import Ports
from pairing_server.store.shelf import Shelf
from pairing_server.uzi.certificate import Card
from pairing_server.uzi.flow import UziFlow
from pairing_server.uzi.session import Purpose, UziSession, signed_statement


class CardLogins:
    """Asks for a card, and answers with it."""

    def __init__(self, ports: Ports, logins: BrowserLogins, uzi: UziFlow) -> None:
        self._shelf = Shelf(ports.store, "browser-login", BrowserLogin)
        self._logins = logins
        self._uzi = uzi
        self.clock = ports.clock
        self._approval = CardApproval(ports)

    @property
    def origin(self) -> str:
        """Where the desktop agent finds this server."""
        return self._uzi.origin

    async def start(self, login: BrowserLogin) -> UziSession:
        """Ask for a card in the browser of this login, and for no phone any more."""
        awaited = await self._logins.await_card(login)
        client = await self._logins.client(login)
        session = await self._uzi.start(
            Purpose.LOGIN, awaited.place.browser, words=client.name, login=awaited.id
        )
        await self._shelf.change(
            awaited.id,
            lambda held: (
                held
                if held.auth_req_id != awaited.auth_req_id
                else replace(held, uzi_session=session.id)
            ),
        )
        return session

    async def complete(self, session: UziSession, card: Card) -> None:
        """Answer with a card that was proved in the browser which asked for it.

        Raises:
            NotFound: the login went another way, or is over.
            Refusal: as `CardApproval.approve`.
        """
        login = await self._logins.of(session.login, session.browser)
        if login.way is not Way.CARD or login.uzi_session != session.id:
            raise NotFound("another way")
        shown = ShownCard(
            card.uzi_number,
            card.role_code,
            card.serial_number,
            signed_statement(session, self._uzi.origin),
        )
        await self._approval.approve(request_id(login.auth_req_id), shown)
