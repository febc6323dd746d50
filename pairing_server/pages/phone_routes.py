"""The pages of pairing: what will happen, the QR code with its status, done."""

import asyncio
import hmac
from datetime import timedelta

from aiohttp import web

from pairing_server.clock import Clock
from pairing_server.errors import Expired
from pairing_server.http import form_body, language_of
from pairing_server.languages import Language, translations
from pairing_server.pages.check_number_form import TYPE_FOUR_DIGITS, read_check_number
from pairing_server.pages.flow import StandingFlow
from pairing_server.pages.front import DONE, PAIR_PHONE, Front, see_other
from pairing_server.pages.qr_picture import QrPicture, qr_picture
from pairing_server.portal.session import BrowserSession
from pairing_server.qr import code
from pairing_server.qr.code import PairingCode
from pairing_server.qr.flow import PairingFlow
from pairing_server.qr.pairing import Pairing, Status
from pairing_server.qr.refusals import PairingClosed, WrongCheckNumber
from pairing_server.qr.routes import BOUND_BY_CARD
from pairing_server.tokens import digest

START = "/portal/start"
PHONE = "/portal/phone"
DONE_PATH = "/portal/done"

_PLATFORMS = {"ios": "iOS", "android": "Android", "web": "Web"}


class PhonePages:
    """Explain, show the QR code, take the number, say that it is done."""

    def __init__(
        self, front: Front, flow: PairingFlow, standing: StandingFlow, base_url: str, clock: Clock
    ) -> None:
        self._front = front
        self._flow = flow
        self._standing = standing
        self._base_url = base_url
        self._clock = clock

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        page = self._front.page
        return [
            web.get(START, page(self.start)),
            web.get(PHONE, page(self.restart)),
            web.post(PHONE, page(self.phone)),
            web.get(DONE_PATH, page(self.done)),
        ]

    async def start(self, request: web.Request) -> web.Response:
        """Say what will happen, to who is registered."""
        session = await self._front.session(request)
        standing = await self._standing.standing(session)
        if not standing.is_registered:
            return see_other("/portal/details")
        return self._front.render(
            request,
            "start.html",
            progress=PAIR_PHONE,
            session=session,
            organisation=standing.organisation,
        )

    async def restart(self, request: web.Request) -> web.Response:
        """Lead who loads the QR code's page again to where there is a new one."""
        await self._front.session(request)
        return see_other(START)

    async def phone(self, request: web.Request) -> web.Response:
        """Show a new QR code, or how far the phone is, or take the number that it shows."""
        session = await self._front.session(request)
        form = await form_body(request)
        match form:
            case {"pairing": pairing_id, "look": _}:
                secret = form.get("secret", "")
                return await self._look(request, session, pairing_id, secret=secret)
            case {"pairing": pairing_id}:
                return await self._confirm(
                    request, session, pairing_id, form.get("check_number", "")
                )
            case _:
                pairing, offered = await self._flow.offer(
                    session.person_id, session.card.ura, session.id, BOUND_BY_CARD
                )
                return await self._show(request, session, pairing, offered.secret)

    async def done(self, request: web.Request) -> web.Response:
        """Say what now."""
        session = await self._front.session(request)
        return self._front.render(request, "done.html", progress=DONE, session=session)

    async def _confirm(
        self, request: web.Request, session: BrowserSession, pairing_id: str, typed: str
    ) -> web.Response:
        words = translations(language_of(request))
        number = read_check_number(typed)
        if number is None:
            # Not sent on: a slip of the finger costs no attempt.
            error = words.gettext(TYPE_FOUR_DIGITS)
            return await self._look(request, session, pairing_id, error=error)
        try:
            await self._flow.confirm(pairing_id, session.id, number)
        except WrongCheckNumber as refusal:
            error = wrong_number(language_of(request), refusal.members["attempts_left"])
            return await self._look(request, session, pairing_id, error=error)
        except (Expired, PairingClosed):
            return await self._look(request, session, pairing_id)
        return see_other(DONE_PATH)

    async def _look(
        self,
        request: web.Request,
        session: BrowserSession,
        pairing_id: str,
        *,
        secret: str = "",
        error: str = "",
    ) -> web.Response:
        pairing = await self._flow.for_browser(pairing_id, session.id)
        is_its_own = hmac.compare_digest(pairing.secret_digest, digest(secret))
        return await self._show(request, session, pairing, secret if is_its_own else "", error)

    async def _show(
        self,
        request: web.Request,
        session: BrowserSession,
        pairing: Pairing,
        secret: str,
        error: str = "",
    ) -> web.Response:
        now = self._clock()
        status = pairing.status_at(now)
        is_open = status is Status.PROVED
        qr = await self._draw(pairing, secret) if status is Status.OFFERED and secret else None
        left = (pairing.expires_at - now) / timedelta(seconds=1)
        return self._front.render(
            request,
            "phone.html",
            progress=PAIR_PHONE,
            session=session,
            switch=START,
            status=422 if error and is_open else 200,
            pairing_status=status.value,
            id=pairing.id,
            secret=secret,
            qr=qr,
            device=_device(pairing),
            error=error if is_open else "",
            seconds_left=max(0, int(left)),
        )

    async def _draw(self, pairing: Pairing, secret: str) -> QrPicture:
        link = PairingCode(self._base_url, pairing.id, secret).link()
        return qr_picture(await asyncio.to_thread(code.modules, link))


def wrong_number(language: Language, attempts_left: int) -> str:
    """Say that the number was wrong, and how often it may be typed again."""
    said = translations(language).ngettext(
        "That is not the number on the phone. You can try once more.",
        "That is not the number on the phone. You can try %(count)s more times.",
        attempts_left,
    )
    return said % {"count": attempts_left}


def _device(pairing: Pairing) -> str:
    device = pairing.device
    if device is None:
        return ""
    return " · ".join(part for part in (device.model, _PLATFORMS.get(device.platform)) if part)
