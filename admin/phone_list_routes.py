"""The lists behind the numbers of phones: which ones they are, and whose."""

import re

from aiohttp import web

from admin.access import Act
from admin.dashboard_words import PHONES, SHORT, STATES
from admin.frame import Frame
from admin.gate import Page
from admin.overview_rules import SOON
from admin.session import Visit
from pairing_server.errors import InvalidRequest
from pairing_server.http import query_form
from pairing_server.ports import Ports
from pairing_server.registry import people_overview
from pairing_server.registry.people_overview import LISTED, PhoneState, Position

_POSITION = re.compile(r"([0-9]{1,15})\.([A-Za-z0-9_-]{1,1400})", re.ASCII)


class PhoneListPages:
    """Shows one list of phones, page by page."""

    def __init__(self, frame: Frame, ports: Ports) -> None:
        self._frame = frame
        self._registry = ports.registry
        self._clock = ports.clock

    def pages(self) -> list[Page]:
        """Return the pages."""
        return [Page(method="GET", path=PHONES, act=Act.FIND_PEOPLE, handler=self.show)]

    async def show(self, request: web.Request, visit: Visit) -> web.Response:
        """Show the phones that are in some state."""
        query, now, ura = query_form(request), self._clock(), visit.actor.ura
        state, after = _state(query.get("state", "")), _position(query.get("after", ""))
        found = await self._registry.read(
            lambda tx: people_overview.phones(tx, ura, state, now, now + SOON, after)
        )
        following = ""
        if len(found) == LISTED:
            last = found[-1].position
            following = f"{PHONES}?state={state.value}&after={last.key}.{last.credential_id}"
        return self._frame.render(
            request,
            visit,
            "phones.html",
            state=state.value,
            title=STATES[state],
            states=[(each.value, words) for each, words in SHORT.items()],
            phones=found,
            following=following,
        )


def _state(text: str) -> PhoneState:
    try:
        return PhoneState(text or PhoneState.BLOCKED)
    except ValueError as error:
        raise InvalidRequest("Choose a list that there is on the overview.") from error


def _position(text: str) -> Position | None:
    if not text:
        return None
    match = _POSITION.fullmatch(text)
    if match is None:
        raise InvalidRequest("Choose a list that there is on the overview.")
    return Position(int(match[1]), match[2])
