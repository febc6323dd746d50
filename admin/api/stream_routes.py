"""The call that tells which systems hear what happens; their own is `/ssf/streams`."""

import msgspec
from aiohttp import web

from admin.access import Act
from admin.api.gate import ORGANISATION, Call, MachineVisit
from admin.streams_flow import StreamsFlow, System
from pairing_server.http import answer
from pairing_server.openapi import Operation


class SystemTold(msgspec.Struct, frozen=True, kw_only=True):
    """A system of the organisation, and whether it is told; not where, which is its own affair."""

    client_id: str
    name: str
    is_shared: bool
    status: str | None
    reason: str | None
    events_requested: tuple[str, ...]


class SystemsTold(msgspec.Struct, frozen=True, kw_only=True):
    """The systems that are told what happens to people's phones, or can be."""

    systems: tuple[SystemTold, ...]


class StreamCalls:
    """List."""

    def __init__(self, flow: StreamsFlow) -> None:
        self._flow = flow

    def calls(self) -> list[Call]:
        """Describe the call."""
        return [
            Call(
                act=Act.SEE_STREAMS,
                operation=Operation(
                    "GET",
                    f"{ORGANISATION}/streams",
                    self.show,
                    responses={200: SystemsTold},
                    description="A system makes and changes its own stream at `/ssf/streams`, "
                    "with a token for `ssf.manage`.",
                ),
            )
        ]

    async def show(self, request: web.Request, visit: MachineVisit) -> web.Response:
        """List the systems that are told what happens, and whether they hear."""
        _ = request
        found = await self._flow.systems(visit.actor)
        return answer(SystemsTold(systems=tuple(map(_told, found))))


def _told(system: System) -> SystemTold:
    stream = system.stream
    return SystemTold(
        client_id=system.client.id,
        name=system.client.name,
        is_shared=system.is_shared,
        status=None if stream is None else stream.status.value,
        reason=None if stream is None else stream.reason or None,
        events_requested=() if stream is None else stream.events_requested,
    )
