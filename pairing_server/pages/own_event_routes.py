"""The page on which a card holder reads all that the audit log has of them."""

from aiohttp import web

from pairing_server.audit.search import NEWEST, Place
from pairing_server.errors import InvalidRequest
from pairing_server.http import language_of, query_form
from pairing_server.languages import Language
from pairing_server.pages.front import Front, see_other
from pairing_server.pages.own_phone_words import place
from pairing_server.phones.events import OwnEvent
from pairing_server.portal.phones import OwnPhonesFlow
from pairing_server.qr.refusals import NotRegistered

MY_EVENTS = "/portal/my-events"


class OwnEventPages:
    """Shows it, page by page."""

    def __init__(self, front: Front, flow: OwnPhonesFlow) -> None:
        self._front = front
        self._flow = flow

    def table(self) -> list[web.RouteDef]:
        """Return the route."""
        return [web.get(MY_EVENTS, self._front.page(self.show))]

    async def show(self, request: web.Request) -> web.Response:
        """List what happened, the newest first."""
        session = await self._front.session(request)
        text = query_form(request).get("before", "")
        before = Place.read(text) if text else NEWEST
        if before is None:
            raise InvalidRequest("Open the page that this one goes on from once more.")
        try:
            page = await self._flow.events(session, before)
        except NotRegistered:
            return see_other("/portal/details")
        language = language_of(request)
        return self._front.render(
            request,
            "my_events.html",
            session=session,
            events=[_shown(event, language) for event in page.events],
            following=f"{MY_EVENTS}?before={page.following}" if page.following else "",
            is_first=before == NEWEST,
        )


def _shown(event: OwnEvent, language: Language) -> dict[str, object]:
    return {
        "at": event.at,
        "what": event.words(language),
        "phone": event.device_name,
        "place": place(event.by or event.organisation, event.workstation),
    }
