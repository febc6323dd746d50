"""The page of a card holder's own phones: the lost one, the found one, and what happened."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from pairing_server.clock import Clock
from pairing_server.errors import Conflict, InvalidRequest, NotFound
from pairing_server.http import form_body, language_of
from pairing_server.keys.status import can_unblock
from pairing_server.languages import Language, translate
from pairing_server.pages.device_name_form import NAME_THE_PHONE, read_device_name
from pairing_server.pages.front import Front, see_other
from pairing_server.pages.own_event_routes import OwnEventPages
from pairing_server.pages.own_phone_words import days_until, happened, just_done, place
from pairing_server.phones.offer_record import OfferShown
from pairing_server.phones.overview import Sibling, ToldStatus
from pairing_server.portal.phones import OwnPhonesFlow
from pairing_server.portal.session import BrowserSession, BrowserSessions
from pairing_server.qr.refusals import NotRegistered
from pairing_server.registry.people import MembershipKind
from pairing_server.uzi.roles import role_name

Act = Callable[[BrowserSession, str], Awaitable[None]]

MY_PHONES = "/portal/my-phones"
#: As much of what happened stands open; the rest unfolds.
OPEN = 8

_PLATFORMS = {"ios": "iOS", "android": "Android", "web": "Web"}


class OwnPhonePages:
    """List them, and block, unblock, end or rename one."""

    def __init__(
        self, front: Front, flow: OwnPhonesFlow, sessions: BrowserSessions, clock: Clock
    ) -> None:
        self._front = front
        self._flow = flow
        self._sessions = sessions
        self._clock = clock

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        page = self._front.page
        return [
            web.get(MY_PHONES, page(self.show)),
            web.post(MY_PHONES, page(self.change)),
            *OwnEventPages(self._front, self._flow).table(),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """List the phones with their last use, and what happened."""
        session = await self._front.session(request)
        try:
            return await self._show(request, session)
        except NotRegistered:
            return see_other("/portal/details")

    async def change(self, request: web.Request) -> web.Response:
        """Do with one phone what a button says; ask once more before it is final."""
        session = await self._front.session(request)
        form = await form_body(request)
        match form:
            case {"act": "block", "phone": phone}:
                return await self._move(self._flow.block, session, phone)
            case {"act": "unblock", "phone": phone}:
                return await self._move(self._flow.unblock, session, phone)
            case {"act": "revoke", "phone": phone, "sure": _}:
                return await self._revoke(request, session, phone)
            case {"act": "revoke", "phone": phone}:
                return await self._ask(request, session, phone)
            case {"act": "rename", "phone": phone}:
                return await self._rename(request, session, phone, form.get("name", ""))
            case {"act": "accept" | "decline" as said, "offer": offer}:
                # Settled, or over: the page says what is left.
                with suppress(NotFound):
                    await self._flow.settle_offer(session, offer, accept=said == "accept")
                return see_other(MY_PHONES)
            case _:
                raise InvalidRequest("This form is not known here.")

    async def _move(self, act: Act, session: BrowserSession, phone: str) -> web.Response:
        # Where it is elsewhere than the page thought, as after a second click, the page says so.
        with suppress(Conflict):
            await act(session, phone)
        return see_other(MY_PHONES)

    async def _revoke(
        self, request: web.Request, session: BrowserSession, phone: str
    ) -> web.Response:
        signed_out_at = await self._flow.revoke(session, phone)
        response = see_other(MY_PHONES)
        await self._sessions.reopen(request, response, session, signed_out_at)
        return response

    async def _ask(
        self, request: web.Request, session: BrowserSession, phone: str
    ) -> web.Response:
        own = await self._flow.phones(session)
        sibling = await self._flow.phone(session, phone)
        others = [each for each in own.phones if each.told_status(own.at) is ToldStatus.ACTIVE]
        return self._front.render(
            request,
            "end_key.html",
            session=session,
            switch=MY_PHONES,
            phone=_phone(sibling, own.at),
            is_last=[each.credential.id for each in others] == [phone],
        )

    async def _rename(
        self, request: web.Request, session: BrowserSession, phone: str, typed: str
    ) -> web.Response:
        name = read_device_name(typed)
        if name is None:
            await self._flow.phone(session, phone)
            wrong = {"phone": phone, "name": typed[:100]}
            return await self._show(request, session, wrong)
        await self._flow.rename(session, phone, name)
        return see_other(MY_PHONES)

    async def _show(
        self,
        request: web.Request,
        session: BrowserSession,
        wrong: dict[str, str] | None = None,
    ) -> web.Response:
        language, now = language_of(request), self._clock()
        own = await self._flow.phones(session)
        offers = await self._flow.offers(session)
        events = await self._flow.history(session)
        told = [happened(event, language) for event in events]
        return self._front.render(
            request,
            "my_phones.html",
            session=session,
            switch=MY_PHONES,
            status=422 if wrong else 200,
            said="" if wrong else just_done(events, now, language),
            phones=[_phone(each, own.at, own.default_phone) for each in own.phones],
            offers=[_offer(each, language) for each in offers],
            events=told[:OPEN],
            earlier=told[OPEN:],
            wrong=wrong,
            error=translate(language, NAME_THE_PHONE) if wrong else "",
        )


def _offer(shown: OfferShown, language: Language) -> dict[str, Any]:
    offer = shown.offer
    return {
        "id": offer.id,
        "organisation": shown.organisation,
        "ura": offer.ura,
        "is_guest": offer.kind is MembershipKind.GUEST,
        "roles": [role_name(code, language) for code in offer.role_codes],
        # The last moment that is theirs.
        "until": offer.valid_until and offer.valid_until - timedelta(milliseconds=1),
    }


def _phone(sibling: Sibling, now: datetime, default: str | None = None) -> dict[str, Any]:
    credential, name = sibling.credential, sibling.credential.device_name
    health = sibling.push_health
    model = credential.model if credential.model != name else None
    return {
        "id": credential.id,
        "name": name,
        "device": place(model, _PLATFORMS.get(credential.platform)),
        "status": sibling.told_status(now).value,
        "since": credential.status_at,
        "is_default": credential.id == default,
        "is_limited": credential.only_ura is not None,
        "can_unblock": can_unblock(credential),
        "bound_at": credential.bound_at,
        "expires_at": credential.expires_at,
        "days_left": days_until(credential.expires_at, now),
        "is_woken": credential.push_service is not None,
        "woken_at": health.last_ok_at,
        "failed_at": None if health.is_well else health.last_error_at,
        "failure": health.last_error,
        "used_at": credential.last_used_at,
        "used_where": place(
            credential.last_used_workstation,
            credential.last_used_location,
            sibling.last_used_organisation,
        ),
    }
