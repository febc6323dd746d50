"""The page on which an organisation is registered, once, by the holder of one of its cards."""

from aiohttp import web

from pairing_server.http import language_of
from pairing_server.pages.card_routes import card_details
from pairing_server.pages.flow import StandingFlow
from pairing_server.pages.front import (
    ORGANISATION_CARD,
    ORGANISATION_CONFIRM,
    ORGANISATION_DONE,
    Front,
    see_other,
)
from pairing_server.portal.flow import RegistrationFlow
from pairing_server.portal.registration import OrganisationExists, UnknownOrganisation
from pairing_server.portal.session import BrowserSessions
from pairing_server.registry.people import AdministrativeRole
from pairing_server.uzi.session import Purpose

ORGANISATION = "/portal/organisation"


class OrganisationPages:
    """Explain, confirm, done."""

    def __init__(
        self,
        front: Front,
        flow: RegistrationFlow,
        standing: StandingFlow,
        sessions: BrowserSessions,
    ) -> None:
        self._front = front
        self._flow = flow
        self._standing = standing
        self._sessions = sessions

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        page = self._front.page
        return [
            web.get(ORGANISATION, page(self.organisation)),
            web.post(ORGANISATION, page(self.register_organisation)),
        ]

    async def organisation(self, request: web.Request) -> web.Response:
        """Explain, have it confirmed, or say that it is done: by what has happened so far."""
        session = await self._front.session_if_any(request)
        if session is None or session.purpose is not Purpose.REGISTER_ORGANISATION:
            return self._front.render(
                request,
                "organisation.html",
                progress=ORGANISATION_CARD,
                session=session,
                state="explain",
            )
        is_known = await self._standing.is_organisation_known(session)
        role = (await self._standing.standing(session)).role if is_known else None
        return self._front.render(
            request,
            "organisation.html",
            progress=ORGANISATION_DONE if is_known else ORGANISATION_CONFIRM,
            session=session,
            state="known" if is_known else "confirm",
            administrator=role is AdministrativeRole.ADMINISTRATOR or not is_known,
            card=card_details(session, language_of(request)),
        )

    async def register_organisation(self, request: web.Request) -> web.Response:
        """Register the card's organisation."""
        session = await self._front.session(request)
        try:
            _, person = await self._flow.register_organisation(session)
        except OrganisationExists as error:
            # One that was closed would be asked about for ever.
            if not await self._standing.is_organisation_known(session):
                raise UnknownOrganisation from error
            # Registered meanwhile, by whomever: the page says so.
            return see_other(ORGANISATION)
        await self._sessions.set_person(session, person.id)
        return see_other(ORGANISATION)
