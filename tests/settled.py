"""Who logged in, registered and paired before a test began, where it is not about that.

All goes through the server's own flows, on the test's own stores.  Left out are the calls, and a
card's path is verified once for all tests; `test_settled.py` compares with what the calls write.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web
from yarl import URL

from clients.desktop import Card
from clients.pairing import Device, Identity
from clients.phone import SoftwarePhone
from clients.portal import PortalPage
from clients.wire import Wire
from pairing_server.app import Surroundings, card_believer, read_card_status
from pairing_server.http import SETTINGS, set_cookie
from pairing_server.keys.ceremony import RegistrationResponse
from pairing_server.keys.policy import server_policy
from pairing_server.phones.news import news
from pairing_server.portal.birth_date import BirthDates
from pairing_server.portal.flow import RegistrationFlow
from pairing_server.portal.routes import PortalRoutes
from pairing_server.portal.session import SESSION_COOKIE, BrowserSession, BrowserSessions
from pairing_server.push import PushAddress, PushService
from pairing_server.push.dispatch import Dispatch
from pairing_server.qr import pairing as pairing_rules
from pairing_server.qr.flow import PairingFlow
from pairing_server.qr.routes import BOUND_BY_CARD
from pairing_server.settings import Settings
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import digest
from pairing_server.uzi.belief import Belief
from pairing_server.uzi.flow import UziFlow
from pairing_server.uzi.proof import proof_message
from pairing_server.uzi.routes import BROWSER_COOKIE
from pairing_server.uzi.session import Proof, Purpose, UziSession

if TYPE_CHECKING:
    from tests.house import House

#: Of a card and all that is set about cards: what the server believed of it.
_believed: dict[tuple[bytes, str], Belief] = {}


@dataclass
class Arriving:
    """What the portal looks at of a request whose browser it logs in."""

    app: Mapping[web.AppKey[Any], Any]
    method: str = "POST"
    cookies: Mapping[str, str] = field(default_factory=dict)


class Settled:
    """What happened in a house before the test began."""

    def __init__(self, house: "House") -> None:
        ports, settings = house.ports, house.settings
        self._house = house
        self._sessions = Shelf(ports.store, "browser-session", BrowserSession)
        self._uzi = UziFlow(ports, self._believe, origin=settings.origin, host=settings.host)
        sessions, births = BrowserSessions(ports), BirthDates(house.stores.birth_date_key)
        self._registration = RegistrationFlow(ports, self._uzi, sessions, births)
        self._portal = PortalRoutes(self._registration, self._uzi, sessions, ports.clock)
        self.dispatch = Dispatch(ports, dict.fromkeys(PushService, house.push))
        self._pairings = PairingFlow(
            ports,
            rp=house.rp(),
            base_url=settings.base_url,
            policy=server_policy(settings),
            told=news(ports, self.dispatch),
        )

    async def log_in(self, page: PortalPage, card: Card, purpose: Purpose) -> None:
        """Prove a card in this browser."""
        browser = self._cookie(page, BROWSER_COOKIE) or secrets.token_urlsafe(32)
        await self._prove(page, browser, await self._uzi.start(purpose, digest(browser)), card)

    async def register(self, page: PortalPage, card: Card, born: str) -> None:
        """Register the card's holder, who is logged in with it in this browser."""
        browser = self._cookie(page, BROWSER_COOKIE)
        session = await self._session(page)
        begun = await self._registration.begin(session, digest(browser), date.fromisoformat(born))
        await self._prove(page, browser, begun.signing, card)

    async def bind(
        self, page: PortalPage, device: Device | None, push: PushAddress | None
    ) -> SoftwarePhone:
        """Bind a new phone to the person who is logged in in this browser."""
        session = await self._session(page)
        phone = SoftwarePhone(self._house.http, device=device)
        phone._wire = Wire(self._house.http, self._house.base_url)
        token = phone.device_token
        offered, code = await self._pairings.offer(
            session.person_id, session.card.ura, session.id, BOUND_BY_CARD
        )
        told = pairing_rules.Device(*msgspec.structs.astuple(phone.device))
        scanned = await self._pairings.scan(offered.id, code.secret, token, told)
        identity = msgspec.to_builtins(scanned.identity.told(None))
        phone.identity = msgspec.convert(identity, Identity)
        made = phone.make_key(await self._pairings.key_options(scanned))
        phone.credential_id = str(made["id"])
        key = msgspec.convert(made, RegistrationResponse)
        await self._pairings.prove(offered.id, token, key, push)
        await self._pairings.confirm(offered.id, session.id, scanned.check_number)
        return phone

    async def _prove(
        self, page: PortalPage, browser: str, session: UziSession, card: Card
    ) -> None:
        """Prove the card in a session as the agent does, and finish it as the page does."""
        message = proof_message(
            self._uzi.origin, session.id, session.nonce, session.purpose, session.statement
        )
        proof = msgspec.convert(msgspec.to_builtins(card.prove(message).json()), Proof)
        _, _, completion = (await self._uzi.prove(session.id, proof)).rpartition(".")
        completed = await self._uzi.complete(session.id, digest(browser), completion)
        request, response = Arriving({SETTINGS: self._house.settings}), web.Response()
        set_cookie(request, response, BROWSER_COOKIE, browser)
        await self._portal.log_in(request, response, *completed)
        page._http.cookie_jar.update_cookies(response.cookies, URL(self._house.base_url))

    async def _session(self, page: PortalPage) -> BrowserSession:
        stored = await self._sessions.get(digest(self._cookie(page, SESSION_COOKIE)))
        return stored.value

    def _cookie(self, page: PortalPage, name: str) -> str:
        cookies = page._http.cookie_jar.filter_cookies(URL(self._house.base_url))
        found = cookies.get(self._house.settings.cookie_name(name))
        return found.value if found else ""

    async def _believe(self, leaf: bytes, chain: Sequence[bytes], at: datetime) -> Belief:
        settings = self._house.settings
        known = (leaf, _set_about_cards(settings))
        if known not in _believed:
            status = read_card_status(settings, Surroundings(clock=self._house.ports.clock))
            async with status.running():
                _believed[known] = await card_believer(settings, status)(leaf, chain, at)
        return _believed[known]


def _set_about_cards(settings: Settings) -> str:
    return repr([(name, getattr(settings, name)) for name in _ABOUT_CARDS])


_ABOUT_CARDS = [name for name in Settings.model_fields if name.startswith("uzi_")]
