"""Refusals as pages, for who sits at a browser."""

from collections.abc import Iterator

from aiohttp import web

from pairing_server.errors import NotFound, Refusal, Unauthenticated
from pairing_server.http import SETTINGS
from pairing_server.pages.front import Front, see_other
from pairing_server.pages.refused import FAULT, Advice, advise, advise_administrator
from pairing_server.portal.registration import UnknownOrganisation
from pairing_server.portal.session import SESSION_COOKIE
from pairing_server.uzi.refusals import CardRefused

REFUSED = "/portal/refused"
BY_CARD = "/uzi/mtls"

#: What browsers open besides pages; other callers are programs, whatever they say they accept.
_OF_PEOPLE = ("/uzi/", "/portal/")
_OF_ADMIN = "/admin/"

#: Where a program sends people.
_OF_LOGIN = ("/authorize", "/login/", "/logout")


class RefusalPages:
    """Words refusals as pages where a person waits for one."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._of_code = {each.code: each for each in _heirs(Refusal)}

    def table(self) -> list[web.RouteDef]:
        """Return the route."""
        return [web.get(REFUSED, self._front.page(self.refused_elsewhere))]

    def refused(
        self, request: web.Request, refusal: Refusal, request_id: str
    ) -> web.Response | None:
        """Word a refusal as a page, if a person waits for one."""
        if not self._is_for_a_person(request):
            return None
        if (
            request.headers.get("Host") != request.app[SETTINGS].host
            and _route(request) == BY_CARD
        ):
            # The listener for cards has no pages: its visitors are told at the base URL.
            return see_other(f"{request.app[SETTINGS].origin}{REFUSED}?error={refusal.code}")
        is_of_card = isinstance(refusal, CardRefused) or _route(request) == BY_CARD
        shown_id = request_id if refusal.status >= web.HTTPInternalServerError.status_code else ""
        is_at_login = (_route(request) or "").startswith(_OF_LOGIN)
        advice = advise(refusal, is_of_card=is_of_card, is_at_login=is_at_login)
        if (_route(request) or "").startswith(_OF_ADMIN):
            advice = advise_administrator(refusal)
        contact = (
            request.app[SETTINGS].contact if isinstance(refusal, UnknownOrganisation) else None
        )
        return self._render(request, advice, refusal.status, shown_id, contact)

    def fault(self, request: web.Request, request_id: str) -> web.Response | None:
        """Say that it is our fault, if a person waits for a page."""
        if not self._is_for_a_person(request):
            return None
        return self._render(request, FAULT, 500, request_id)

    async def refused_elsewhere(self, request: web.Request) -> web.Response:
        """Say what was refused where there are no pages: by its code, in our own words alone."""
        kind = self._of_code.get(request.query.get("error", ""))
        if kind is None:
            raise NotFound("no such refusal")
        return self._render(request, advise(kind, is_of_card=True), kind.status, "")

    def _is_for_a_person(self, request: web.Request) -> bool:
        # There, also who says nothing of HTML is told in HTML.
        if self._front.is_page(request):
            return True
        route = _route(request)
        is_asked = "text/html" in ",".join(request.headers.getall("Accept", [])).lower()
        return is_asked and (route is None or route.startswith(_OF_PEOPLE))

    def _render(
        self,
        request: web.Request,
        advice: Advice,
        status: int,
        request_id: str,
        contact: str | None = None,
    ) -> web.Response:
        return self._front.render(
            request,
            "refused.html",
            status=status,
            switch="/portal/",
            advice=advice,
            request_id=request_id,
            contact=contact,
            is_logged_in=status != Unauthenticated.status and _has_session(request),
        )


def _route(request: web.Request) -> str | None:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else None


def _has_session(request: web.Request) -> bool:
    """Tell whether there may be something to log out of; the Store may be away."""
    return request.app[SETTINGS].cookie_name(SESSION_COOKIE) in request.cookies


def _heirs(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    for heir in kind.__subclasses__():
        if hasattr(heir, "code") and hasattr(heir, "description"):
            yield heir
        yield from _heirs(heir)
