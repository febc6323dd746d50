"""The phone's calls about the workstations where its person logs in."""

from datetime import datetime

import msgspec
from aiohttp import web

from pairing_server.http import answer, bearer, route_table
from pairing_server.keys.flow import PhoneFlow
from pairing_server.openapi import Operation
from pairing_server.phones.workstations import Listed, WorkstationFlow


class WorkstationRecord(msgspec.Struct):
    """A workstation; `push_closed_at` is when the person said "not me", until they open it."""

    id: str
    client: str
    workstation: str
    location: str
    last_used_at: datetime | None
    push_closed_at: datetime | None


class WorkstationRecords(msgspec.Struct):
    """The person's workstations, newest first."""

    workstations: list[WorkstationRecord]


class WorkstationRoutes:
    """Where a person logs in, and whence they are not woken."""

    def __init__(self, flow: WorkstationFlow, phones: PhoneFlow) -> None:
        self._flow = flow
        self._phones = phones

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return route_table(self.operations())

    def operations(self) -> list[Operation]:
        """Describe the calls."""
        return [
            Operation(
                "GET",
                "/phone/workstations",
                self.list_own,
                responses={200: WorkstationRecords},
            ),
            Operation("POST", "/phone/workstations/{id}/open", self.open_push),
        ]

    async def list_own(self, request: web.Request) -> web.Response:
        """List where the person logged in, or said "not me"."""
        phone = await self._phones.authenticate(bearer(request))
        found = await self._flow.of_person(phone.person.id)
        return answer(WorkstationRecords([_record(each) for each in found]))

    async def open_push(self, request: web.Request) -> web.Response:
        """Let a workstation wake the person again."""
        phone = await self._phones.authenticate(bearer(request))
        await self._flow.open_push(phone, request.match_info["id"])
        return answer(status=204)


def _record(listed: Listed) -> WorkstationRecord:
    place = listed.workstation.place
    return WorkstationRecord(
        id=listed.id,
        client=listed.client,
        workstation=place.workstation,
        location=place.location,
        last_used_at=listed.workstation.last_used_at,
        push_closed_at=listed.workstation.push_closed_at,
    )
