"""The pages of registering: the card's details, date of birth, "is this you?", signature."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from pairing_server.clock import Clock
from pairing_server.errors import InvalidRequest, NotFound
from pairing_server.http import cookie, forget_cookie, form_body, language_of, set_cookie
from pairing_server.languages import N_, Language, translate
from pairing_server.pages.birth_date_form import BirthDateForm, read_birth_date, with_error
from pairing_server.pages.card_routes import card_context, card_details
from pairing_server.pages.flow import StandingFlow
from pairing_server.pages.front import (
    CHECK_DETAILS,
    SIGN,
    Front,
    see_other,
)
from pairing_server.portal.flow import Begun, RegistrationFlow
from pairing_server.portal.registration import (
    DetailsDoNotMatch,
    NotAnAdministrator,
    Outcome,
)
from pairing_server.portal.session import SESSION_COOKIE, BrowserSession
from pairing_server.registry.notices import Notice, NoticeKind
from pairing_server.tokens import Random, digest, new_secret
from pairing_server.uzi.flow import UziFlow
from pairing_server.uzi.roles import role_name
from pairing_server.uzi.routes import BROWSER_COOKIE
from pairing_server.uzi.session import UziSession

DETAILS = "/portal/details"

_NOTICES = {
    NoticeKind.REGISTRATION_DENIED: (
        N_("A registration was said to be somebody else's"),
        N_(
            "%(card)s showed a UZI card and says that the registration of %(people)s is not "
            "theirs. Check whose it is."
        ),
    ),
    NoticeKind.SEVERAL_RECORDS: (
        N_("Somebody is registered more than once"),
        N_(
            "The details of %(card)s fit more than one registration: %(people)s. Keep one of them."
        ),
    ),
    NoticeKind.SIGN_COUNT: (
        N_("The key of a phone may have been copied"),
        N_(
            "A phone of %(people)s signed with a count that did not grow. It has been blocked, "
            "and is not unblocked any more. Ask what happened to it, and have it revoked and "
            "paired again."
        ),
    ),
    NoticeKind.PHONE_BLOCKED: (
        N_("A phone was blocked by another organisation"),
        N_("A phone of %(people)s was reported lost, and opens nothing at any organisation."),
    ),
    NoticeKind.PHONE_REVOKED: (
        N_("A phone was revoked by another organisation"),
        N_("The key of a phone of %(people)s has ended for good. They pair a phone anew."),
    ),
    NoticeKind.PHONE_UNBLOCKED: (
        N_("A phone works again"),
        N_("A phone of %(people)s that had been blocked was found, and works again."),
    ),
}


class RegistrationPages:
    """Check the details, register, sign or deny."""

    def __init__(
        self,
        front: Front,
        flow: RegistrationFlow,
        standing: StandingFlow,
        uzi: UziFlow,
        clock: Clock,
        random: Random,
    ) -> None:
        self._front = front
        self._flow = flow
        self._standing = standing
        self._uzi = uzi
        self._clock = clock
        self._random = random

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        page = self._front.page
        return [
            web.get(DETAILS, page(self.details)),
            web.post(DETAILS, page(self.take_details)),
        ]

    async def details(self, request: web.Request) -> web.Response:
        """Show what the card says, and ask for the date of birth."""
        session = await self._front.session(request)
        return await self._show_details(request, session, BirthDateForm())

    async def take_details(self, request: web.Request) -> web.Response:
        """Take one of the page's forms: date of birth, "is this you?", a notice that was read."""
        session = await self._front.session(request)
        form = await form_body(request)
        match form:
            case {"notice": notice_id}:
                await self._flow.read_notice(session, notice_id)
                return see_other(DETAILS)
            case {"answer": "yes", "id": signing_id, "nonce": nonce}:
                signing = await self._uzi.for_agent(signing_id, nonce)
                if session.offer is None or session.offer.signing != signing.id:
                    raise NotFound("another session's offer")
                return self._show_signing(request, session, signing)
            case {"answer": "no"}:
                return await self._deny(request, session)
            case _:
                return await self._begin(request, session, form)

    async def _begin(
        self, request: web.Request, session: BrowserSession, form: Mapping[str, str]
    ) -> web.Response:
        typed = read_birth_date(form)
        if typed.born is None:
            return await self._show_details(request, session, typed, 422)
        # A login by the browser's own card leaves the first to be set here.
        browser = cookie(request, BROWSER_COOKIE) or new_secret(self._random)
        try:
            begun = await self._flow.begin(session, digest(browser), typed.born)
        except (DetailsDoNotMatch, InvalidRequest) as refusal:
            wrong = with_error(typed, refusal.description)
            return await self._show_details(request, session, wrong, 422)
        if begun.outcome is Outcome.EXISTING:
            response = self._ask(request, session, begun)
        else:
            response = self._show_signing(request, session, begun.signing)
        set_cookie(request, response, BROWSER_COOKIE, browser)
        return response

    async def _deny(self, request: web.Request, session: BrowserSession) -> web.Response:
        await self._flow.deny(session)
        response = self._front.render(request, "denied.html", switch="/portal/")
        forget_cookie(request, response, SESSION_COOKIE)
        return response

    async def _show_details(
        self,
        request: web.Request,
        session: BrowserSession,
        form: BirthDateForm,
        status: int = 200,
    ) -> web.Response:
        language = language_of(request)
        standing = await self._standing.standing(session)
        notices = await self._unread(session) if standing.is_told else []
        return self._front.render(
            request,
            "details.html",
            progress=CHECK_DETAILS,
            session=session,
            status=status,
            card=card_details(session, language),
            form=form,
            focus=next((name for name in ("day", "month", "year") if name in form.wrong), None),
            is_registered=standing.is_registered,
            notices=[notice_text(notice, language) for notice in notices],
        )

    def _ask(self, request: web.Request, session: BrowserSession, begun: Begun) -> web.Response:
        language, person = language_of(request), begun.person
        rows = [
            (N_("Name"), f"{person.first_names} {person.last_name}"),
            (N_("User name"), person.user_name),
            (N_("UZI number"), person.uzi_number),
            (N_("Role"), person.role_code and role_name(person.role_code, language)),
            (N_("Organisation"), f"{person.organisation} (URA {person.ura})"),
        ]
        return self._front.render(
            request,
            "is_this_you.html",
            progress=CHECK_DETAILS,
            session=session,
            switch=DETAILS,
            person=person,
            rows=[(translate(language, name), value) for name, value in rows if value],
            id=begun.signing.id,
            nonce=begun.signing.nonce,
        )

    def _show_signing(
        self, request: web.Request, session: BrowserSession, signing: UziSession
    ) -> web.Response:
        return self._front.render(
            request,
            "card.html",
            progress=SIGN,
            session=session,
            switch=DETAILS,
            card_form=None,
            **card_context(request, signing, self._uzi.origin, self._clock),
        )

    async def _unread(self, session: BrowserSession) -> list[Notice]:
        try:
            notices = await self._flow.notices(session)
        except NotAnAdministrator:
            return []
        return [notice for notice in notices if notice.read_at is None]


def notice_text(notice: Notice, language: Language) -> dict[str, str]:
    """Say a notice to an administrator."""
    title, text = _NOTICES[notice.kind]
    subject: Mapping[str, Any] = notice.subject
    people = ", ".join(f"{each['name']} ({each['user_name']})" for each in subject["people"])
    card = subject.get("card")
    shown = f"{card['name']} ({card['uzi_number']})" if card else ""
    return {
        "id": notice.id,
        "title": translate(language, title),
        "text": translate(language, text) % {"card": shown, "people": people},
    }
