"""The page of the systems that are told what happens, and the buttons that change that."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from aiohttp import web

from admin.access import Act, Target
from admin.actor import Actor
from admin.frame import SYSTEMS, Frame
from admin.gate import Page
from admin.phone_record import Still
from admin.session import Visit
from admin.streams_flow import StreamsFlow, System
from pairing_server.clock import Clock
from pairing_server.errors import Conflict, TooManyRequests
from pairing_server.languages import N_
from pairing_server.pages.front import see_other
from pairing_server.registry import Query, clients
from pairing_server.registry.streams import StreamStatus
from pairing_server.signals.refusals import StreamExists, StreamNotEnabled, VerifiedTooSoon
from pairing_server.signals.security_event import (
    CREDENTIAL_CHANGE,
    SESSION_REVOKED,
    TOKEN_CLAIMS_CHANGE,
    delivered,
)

#: What a system can be told, for who reads it here.
EVENTS: Mapping[str, str] = {
    SESSION_REVOKED: N_("sessions that end"),
    CREDENTIAL_CHANGE: N_("phones that are added, blocked, unblocked or revoked"),
    TOKEN_CLAIMS_CHANGE: N_("roles that change"),
}
#: What the endpoints say to a program, as people read it.
_SAID: Mapping[type[Exception], str] = {
    StreamExists: N_("This system is told already: look at the page anew."),
    StreamNotEnabled: N_("This system is told nothing now: let it be told again first."),
    VerifiedTooSoon: N_("A test event was sent just now: wait half a minute."),
}
_FAILING, _PAUSED, _OFF, _WELL = (
    N_("Does not hear"),
    N_("Paused"),
    N_("Switched off by the system"),
    N_("Is told"),
)

Step = Callable[[Still, str], Awaitable[None]]


class StreamsPages:
    """Show which systems are told; add, pause, resume, remove, and send a test event."""

    def __init__(self, frame: Frame, flow: StreamsFlow, clock: Clock) -> None:
        self._frame = frame
        self._flow = flow
        self._clock = clock

    def pages(self) -> list[Page]:
        """Return the pages."""
        steps: dict[str, Step] = {
            "add": self._flow.add,
            "pause": self._flow.pause,
            "resume": self._flow.resume,
            "remove": self._flow.remove,
            "verify": self._flow.verify,
        }
        return [
            Page(method="GET", path=SYSTEMS, act=Act.SEE_STREAMS, handler=self.show),
            *(
                Page(
                    method="POST",
                    path=f"{SYSTEMS}/{{client}}/{name}",
                    act=Act.MANAGE_STREAMS,
                    handler=self._taking(name, step),
                    find=of_client,
                )
                for name, step in steps.items()
            ),
        ]

    async def show(self, request: web.Request, visit: Visit) -> web.Response:
        """Show the systems."""
        return await self._show(request, visit, "")

    def _taking(
        self, name: str, step: Step
    ) -> Callable[[web.Request, Visit], Awaitable[web.StreamResponse]]:
        async def take(request: web.Request, visit: Visit) -> web.StreamResponse:
            try:
                await step(visit.still, request.match_info["client"])
            except (Conflict, TooManyRequests) as error:
                said = _SAID.get(type(error), error.description)
                return await self._show(request, visit, said, status=error.status)
            return see_other(f"{SYSTEMS}?done={name}")

        return take

    async def _show(
        self, request: web.Request, visit: Visit, error: str, status: int = 200
    ) -> web.Response:
        systems = await self._flow.systems(visit.actor)
        certified, now = await self._flow.certified(visit.actor), self._clock()
        return self._frame.render(
            request,
            visit,
            "systems.html",
            status=status,
            error=error,
            done=request.query.get("done", ""),
            systems=[_told(each) for each in systems],
            certified=[(each.name, each.until, each.ends_soon(now)) for each in certified],
            path=SYSTEMS,
        )


def of_client(tx: Query, actor: Actor, parts: Mapping[str, str], now: datetime) -> Target:
    """Return whose the system is that `{client}` names."""
    _ = actor, now
    found = clients.get(tx, parts["client"])
    return Target(linked=frozenset(found.uras if found is not None else ()))


def _told(system: System) -> dict[str, Any]:
    client, stream = system.client, system.stream
    told: dict[str, Any] = {
        "id": client.id,
        "name": client.name,
        "endpoint": client.metadata.ssf_delivery_endpoint,
        "is_shared": system.is_shared,
        "stream": None,
    }
    if stream is None:
        return told
    asked_at = stream.verification_asked_at
    state = {StreamStatus.PAUSED: _PAUSED, StreamStatus.DISABLED: _OFF}.get(stream.status, _WELL)
    is_failing = stream.failing_since is not None
    return told | {
        "endpoint": stream.endpoint_url,
        "stream": stream,
        "state": _FAILING if is_failing and stream.status is StreamStatus.ENABLED else state,
        "is_well": stream.status is StreamStatus.ENABLED and not is_failing,
        "is_on": stream.status is StreamStatus.ENABLED,
        "events": [EVENTS[each] for each in delivered(stream)],
        "test": None if asked_at is None else (asked_at, stream.verification is None),
    }
