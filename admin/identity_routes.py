"""The page on which an operator pairs the phone of who stands before them (option 2B)."""

import asyncio
import hmac
from datetime import timedelta

from aiohttp import web

from admin.access import Act
from admin.form import Form, wrong
from admin.frame import Frame
from admin.gate import Page
from admin.identity_fields import read_document
from admin.identity_flow import IdentityFlow
from admin.person_fields import FieldError, read_birth_date
from admin.session import Visit
from admin.targets import of_check, of_member
from pairing_server.errors import Conflict, Expired, NotFound, TooManyRequests
from pairing_server.http import answer, form_body, language_of
from pairing_server.languages import translations
from pairing_server.pages.check_number_form import TYPE_FOUR_DIGITS, read_check_number
from pairing_server.pages.front import see_other
from pairing_server.pages.phone_routes import wrong_number
from pairing_server.pages.qr_picture import QrPicture, qr_picture
from pairing_server.ports import Ports
from pairing_server.qr import code
from pairing_server.qr.code import PairingCode
from pairing_server.qr.flow import PairingFlow
from pairing_server.qr.pairing import Pairing, Status
from pairing_server.qr.refusals import NotRegistered, PairingClosed, WrongCheckNumber
from pairing_server.registry import Query, identity_checks, people
from pairing_server.registry.identity_checks import CheckStatus, DocumentKind, IdentityCheck
from pairing_server.registry.people import Person
from pairing_server.tokens import digest

CHECK = "/admin/people/registrations/{check}"
SEE = "/admin/people/{person}/document"


class IdentityPages:
    """Look at a document again, second a check, show the code, take the number."""

    def __init__(
        self,
        frame: Frame,
        flow: IdentityFlow,
        pairings: PairingFlow,
        ports: Ports,
        base_url: str,
    ) -> None:
        self._frame = frame
        self._flow = flow
        self._pairings = pairings
        self._registry = ports.registry
        self._clock = ports.clock
        self._base_url = base_url

    def pages(self) -> list[Page]:
        """Return the pages."""
        act = Act.REGISTER_2B
        return [
            Page(method="GET", path=SEE, act=act, handler=self.ask, find=of_member),
            Page(method="POST", path=SEE, act=act, handler=self.see, find=of_member),
            Page(method="GET", path=CHECK, act=act, handler=self.show, find=of_check),
            Page(
                method="POST",
                path=f"{CHECK}/phone",
                act=act,
                handler=self.phone,
                find=of_check,
            ),
            Page(
                method="GET",
                path=f"{CHECK}/pairings/{{pairing}}",
                act=act,
                handler=self.follow,
                find=of_check,
            ),
            Page(
                method="POST",
                path=f"{CHECK}/second",
                act=Act.APPROVE_AS_SECOND,
                handler=self.second,
                find=of_check,
            ),
        ]

    async def ask(self, request: web.Request, visit: Visit) -> web.Response:
        """Ask for the document of who has a record."""
        return await self._ask(request, visit, Form())

    async def see(self, request: web.Request, visit: Visit) -> web.Response:
        """Write down which document was looked at."""
        form, today = await form_body(request), self._clock().date()
        try:
            born = read_birth_date(form.get("date_of_birth", ""), today)
            document = read_document(form, today)
            _, check = await self._flow.see_again(
                visit.actor, request.match_info["person"], born, document
            )
        except (FieldError, Conflict, TooManyRequests) as error:
            return await self._ask(request, visit, wrong("see", form, error))
        return see_other(f"/admin/people/registrations/{check.id}")

    async def show(self, request: web.Request, visit: Visit) -> web.Response:
        """Show a check, and what can be done on the strength of it."""
        return await self._show(request, visit)

    async def second(self, request: web.Request, visit: Visit) -> web.Response:
        """Approve of a check as a second administrator, or refuse it."""
        form = await form_body(request)
        try:
            await self._flow.second(
                visit.actor, request.match_info["check"], approve=form.get("said") == "yes"
            )
        except Conflict as refusal:
            return await self._show(request, visit, error=refusal.description)
        return see_other(f"/admin/people/registrations/{request.match_info['check']}")

    async def phone(self, request: web.Request, visit: Visit) -> web.Response:
        """Show a new QR code, or how far the phone is, or take the number that it shows."""
        form = await form_body(request)
        try:
            match form:
                case {"pairing": pairing_id, "look": _}:
                    return await self._look(request, visit, pairing_id, form.get("secret", ""))
                case {"pairing": pairing_id}:
                    return await self._confirm(
                        request, visit, pairing_id, form.get("check_number", "")
                    )
                case _:
                    pairing, offered = await self._flow.offer_pairing(
                        visit.actor, request.match_info["check"], visit.session.id
                    )
                    return await self._show(request, visit, pairing, offered.secret)
        except (Conflict, NotRegistered) as refusal:
            return await self._show(request, visit, error=refusal.description)

    async def follow(self, request: web.Request, visit: Visit) -> web.Response:
        """Tell the page how far the phone is."""
        pairing = await self._pairings.for_browser(request.match_info["pairing"], visit.session.id)
        body: dict[str, object] = {"status": pairing.status_at(self._clock())}
        if pairing.device is not None:
            body["device"] = pairing.device
        return answer(body)

    async def _confirm(
        self, request: web.Request, visit: Visit, pairing_id: str, typed: str
    ) -> web.Response:
        language = language_of(request)
        number = read_check_number(typed)
        if number is None:
            error = translations(language).gettext(TYPE_FOUR_DIGITS)
            return await self._look(request, visit, pairing_id, error=error)
        try:
            await self._flow.confirm(
                visit.actor, request.match_info["check"], pairing_id, visit.session.id, number
            )
        except WrongCheckNumber as refusal:
            error = wrong_number(language, refusal.members["attempts_left"])
            return await self._look(request, visit, pairing_id, error=error)
        except (Expired, PairingClosed):
            return await self._look(request, visit, pairing_id)
        return see_other(f"/admin/people/registrations/{request.match_info['check']}")

    async def _look(
        self,
        request: web.Request,
        visit: Visit,
        pairing_id: str,
        secret: str = "",
        error: str = "",
    ) -> web.Response:
        pairing = await self._pairings.for_browser(pairing_id, visit.session.id)
        is_its_own = hmac.compare_digest(pairing.secret_digest, digest(secret))
        return await self._show(request, visit, pairing, secret if is_its_own else "", error)

    async def _show(
        self,
        request: web.Request,
        visit: Visit,
        pairing: Pairing | None = None,
        secret: str = "",
        error: str = "",
    ) -> web.Response:
        now = self._clock()
        check, person = await self._registry.read(
            lambda tx: _check_of(tx, visit, request.match_info["check"])
        )
        status = None if pairing is None else pairing.status_at(now)
        qr = None
        if pairing is not None and status is Status.OFFERED and secret:
            qr = await self._draw(pairing, secret)
        left = timedelta(0) if pairing is None else pairing.expires_at - now
        return self._frame.render(
            request,
            visit,
            "registration.html",
            status=422 if error else 200,
            check=check,
            person=person,
            is_ready=check.status is CheckStatus.READY,
            is_own=check.checked_by == visit.actor.person_id,
            error=error,
            pairing_status="" if status is None else status.value,
            pairing=None if pairing is None else pairing.id,
            secret=secret,
            qr=qr,
            device="" if pairing is None or pairing.device is None else pairing.device.model,
            seconds_left=max(0, int(left / timedelta(seconds=1))),
            path=f"/admin/people/registrations/{check.id}",
        )

    async def _draw(self, pairing: Pairing, secret: str) -> QrPicture:
        link = PairingCode(self._base_url, pairing.id, secret).link()
        return qr_picture(await asyncio.to_thread(code.modules, link))

    async def _ask(self, request: web.Request, visit: Visit, form: Form) -> web.Response:
        person_id = request.match_info["person"]
        person = await self._registry.read(lambda tx: people.get_person(tx, person_id))
        return self._frame.render(
            request,
            visit,
            "document.html",
            status=422 if form.error else 200,
            form=form,
            person=person,
            kinds=list(DocumentKind),
            today=self._clock().date(),
            path=f"/admin/people/{person_id}",
        )


def _check_of(tx: Query, visit: Visit, check_id: str) -> tuple[IdentityCheck, Person]:
    check = identity_checks.get(tx, check_id)
    person = None if check is None else people.get_person(tx, check.person_id)
    if check is None or person is None or check.ura != visit.actor.ura:
        raise NotFound("check")
    return check, person
