"""What a phone reads of the audit log about its person, page by page."""

from datetime import datetime
from typing import Annotated

import msgspec
from aiohttp import web

from pairing_server.audit.search import NEWEST, Place
from pairing_server.errors import InvalidRequest
from pairing_server.http import answer, bearer, language_of, query_form, route_table
from pairing_server.keys.flow import PhoneFlow
from pairing_server.openapi import Header, Operation
from pairing_server.phones.events import OwnEvent, OwnEvents

_BEFORE = "What `next` of the page before said."


class LoggedEvent(msgspec.Struct):
    """Something that is in the audit log; what does not apply is the empty string."""

    id: str
    at: datetime
    kind: Annotated[str, msgspec.Meta(description="The event's name in the audit log.")]
    text: Annotated[str, msgspec.Meta(description="What happened, in the language asked for.")]
    refused: bool
    own: Annotated[bool, msgspec.Meta(description="Whether the person did it.")]
    by: Annotated[str, msgspec.Meta(description="Who else did it: a program or organisation.")]
    organisation: str
    workstation: str
    credential_id: str
    device_name: str


class LoggedEvents(msgspec.Struct):
    """What the audit log has of the person, newest first, fifty at a time."""

    events: list[LoggedEvent]
    next: Annotated[
        str, msgspec.Meta(description="For `before`, to read on; empty where this was all.")
    ]


class EventRoutes:
    """Reads of a bound phone."""

    def __init__(self, events: OwnEvents, phones: PhoneFlow) -> None:
        self._events = events
        self._phones = phones

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return route_table(self.operations())

    def operations(self) -> list[Operation]:
        """Describe the call."""
        return [
            Operation(
                "GET",
                "/phone/events",
                self.show,
                query={"before": _BEFORE},
                headers=(Header.ACCEPT_LANGUAGE,),
                responses={200: LoggedEvents},
                refusals=(InvalidRequest,),
            )
        ]

    async def show(self, request: web.Request) -> web.Response:
        """List all that the audit log has of the person."""
        phone = await self._phones.authenticate(bearer(request))
        page = await self._events.page(
            phone.person.id, read_before(request), phone.credential.only_ura
        )
        language = language_of(request)
        return answer(
            LoggedEvents(
                [_logged(event, event.words(language)) for event in page.events],
                str(page.following or ""),
            )
        )


def read_before(request: web.Request) -> Place:
    """Read behind which event a page goes on.

    Raises:
        InvalidRequest: no page said so.
    """
    text = query_form(request).get("before", "")
    place = Place.read(text) if text else NEWEST
    if place is None:
        raise InvalidRequest("Give in before what next of the page before said.")
    return place


def _logged(event: OwnEvent, text: str) -> LoggedEvent:
    return LoggedEvent(
        id=event.id,
        at=event.at,
        kind=event.kind,
        text=text,
        refused=event.is_refused,
        own=event.is_own,
        by=event.by,
        organisation=event.organisation,
        workstation=event.workstation,
        credential_id=event.credential_id,
        device_name=event.device_name,
    )
