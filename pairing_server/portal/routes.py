"""The page's calls as a person who proved a card (design section 4, last paragraph)."""

from datetime import date

import msgspec
from aiohttp import web

from pairing_server.clock import Clock
from pairing_server.errors import Unauthenticated
from pairing_server.http import answer, asked_language, cookie, forget_cookie, json_body
from pairing_server.languages import Language
from pairing_server.portal.flow import Begun, RegistrationFlow
from pairing_server.portal.registration import Outcome
from pairing_server.portal.session import SESSION_COOKIE, BrowserSessions
from pairing_server.registry.notices import Notice
from pairing_server.tokens import digest
from pairing_server.uzi.certificate import Card
from pairing_server.uzi.flow import UziFlow
from pairing_server.uzi.mtls import MtlsLogin
from pairing_server.uzi.roles import role_name
from pairing_server.uzi.routes import BROWSER_COOKIE, card_json, session_json
from pairing_server.uzi.session import Purpose, UziSession, signed_statement


class RegistrationBody(msgspec.Struct):
    """`POST /portal/registration`."""

    date_of_birth: date


class PortalRoutes:
    """Registration with a UZI-pas."""

    def __init__(
        self, flow: RegistrationFlow, uzi: UziFlow, sessions: BrowserSessions, clock: Clock
    ) -> None:
        self._flow = flow
        self._uzi = uzi
        self._sessions = sessions
        self._clock = clock

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post("/portal/organisations", self.register_organisation),
            web.post("/portal/registration", self.register),
            web.post("/portal/registration/denial", self.deny),
            web.get("/portal/notices", self.notices),
            web.post("/portal/notices/{id}/read", self.read_notice),
            web.post("/portal/logout", self.log_out),
        ]

    async def log_in(
        self, request: web.Request, response: web.Response, session: UziSession, card: Card
    ) -> None:
        """Give the browser a new session of the card's holder."""
        person_id = await self._flow.holder(session, card)
        statement = signed_statement(session, self._uzi.origin)
        await self._sessions.open(request, response, session.purpose, card, person_id, statement)

    async def log_in_by_mtls(
        self, request: web.Request, response: web.Response, login: MtlsLogin
    ) -> None:
        """Give the browser a new session of the holder of a card that TLS showed."""
        person_id = await self._flow.holder_of(login.card)
        await self._sessions.open(
            request, response, Purpose.LOGIN, login.card, person_id, login.evidence
        )

    async def log_out(self, request: web.Request) -> web.Response:
        """End the browser's session: nobody pairs a phone at a page that was left open."""
        await self._sessions.close(request)
        response = answer(status=204)
        forget_cookie(request, response, SESSION_COOKIE)
        return response

    async def register_organisation(self, request: web.Request) -> web.Response:
        """Register the card's organisation."""
        session = await self._sessions.of(request)
        organisation, person = await self._flow.register_organisation(session)
        await self._sessions.set_person(session, person.id)
        body = {
            "ura": organisation.ura,
            "name": organisation.name,
            "administrator": person.name,
        }
        return answer(body, 201)

    async def register(self, request: web.Request) -> web.Response:
        """Match the person and let them sign."""
        session = await self._sessions.of(request)
        body = await json_body(request, RegistrationBody)
        browser = cookie(request, BROWSER_COOKIE)
        if not browser:
            # The session in which they sign would be anybody's who has no such cookie either.
            raise Unauthenticated("no browser cookie")
        begun = await self._flow.begin(session, digest(browser), body.date_of_birth)
        return answer(
            {
                "outcome": begun.outcome,
                "person": _person_json(begun, session.card, asked_language(request)),
                "session": session_json(begun.signing, self._uzi.origin, self._clock),
            }
        )

    async def deny(self, request: web.Request) -> web.Response:
        """Stop: the record that was shown is somebody else's."""
        session = await self._sessions.of(request)
        await self._flow.deny(session)
        response = answer(status=204)
        forget_cookie(request, response, SESSION_COOKIE)
        return response

    async def notices(self, request: web.Request) -> web.Response:
        """Tell an administrator what their organisation was told."""
        session = await self._sessions.of(request)
        found = await self._flow.notices(session)
        return answer({"notices": [notice_json(notice) for notice in found]})

    async def read_notice(self, request: web.Request) -> web.Response:
        """Mark a notice as read."""
        session = await self._sessions.of(request)
        await self._flow.read_notice(session, request.match_info["id"])
        return answer(status=204)


def notice_json(notice: Notice) -> dict[str, object]:
    """Return a notice for the administrators of its organisation."""
    return {
        "id": notice.id,
        "kind": notice.kind,
        "at": notice.at,
        "subject": notice.subject,
        "read_by": notice.read_by,
        "read_at": notice.read_at,
    }


def _person_json(begun: Begun, card: Card, language: Language | None) -> dict[str, object]:
    """Return whom a registration makes, or the record that it finds, as it is known."""
    person = begun.person
    if begun.outcome is Outcome.NEW:
        return {**card_json(card, language), "user_name": person.user_name}
    return {
        "name": f"{person.first_names} {person.last_name}",
        "first_names": person.first_names,
        "last_name": person.last_name,
        "user_name": person.user_name,
        "uzi_number": person.uzi_number,
        "role_code": person.role_code,
        "role": person.role_code and role_name(person.role_code, language),
        "organisation": person.organisation,
        "ura": person.ura,
    }
