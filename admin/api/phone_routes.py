"""The calls about a person's phones: see them, and block one; the rest is for people."""

from typing import Annotated

import msgspec
from aiohttp import web

from admin.access import Act
from admin.api.call_refusals import KeyNeeded, KeyReused
from admin.api.calling import once, read_query
from admin.api.conditional import Answer
from admin.api.gate import Call, MachineVisit
from admin.api.people_bodies import PhonesTold, Sent, phones_told
from admin.api.people_routes import PERSON
from admin.loss import read_lost_at
from admin.lost_phone import LostPhoneFlow
from admin.people_refusals import InvalidField
from admin.targets import of_person, of_phone
from pairing_server.clock import Clock, wire_time
from pairing_server.errors import Conflict
from pairing_server.http import answer, json_body
from pairing_server.openapi import Filter, Header, Operation


class BlockBody(Sent, frozen=True):
    """Why a phone is blocked."""

    lost_at: Annotated[
        Annotated[str, msgspec.Meta(max_length=40)] | None,
        msgspec.Meta(description="RFC 3339; of the last year."),
    ] = None


class PhoneCalls:
    """See, block."""

    def __init__(self, flow: LostPhoneFlow, clock: Clock) -> None:
        self._flow = flow
        self._clock = clock

    def calls(self) -> list[Call]:
        """Describe the calls."""
        return [
            Call(
                act=Act.SEE_PERSON,
                find=of_person,
                operation=Operation(
                    "GET",
                    f"{PERSON}/phones",
                    self.show,
                    query={
                        "lost_at": Filter(
                            "After which moment use is asked for.",
                            {"type": "string", "format": "date-time"},
                        )
                    },
                    responses={200: PhonesTold},
                    refusals=(InvalidField,),
                    description="That somebody looked is an event in the log.",
                ),
            ),
            Call(
                act=Act.BLOCK_PHONE,
                find=of_phone,
                operation=Operation(
                    "POST",
                    f"{PERSON}/phones/{{phone}}/block",
                    self.block,
                    body=BlockBody,
                    headers=(Header.IDEMPOTENCY_KEY,),
                    refusals=(Conflict, InvalidField, KeyNeeded, KeyReused),
                    description="From the answer on it opens nothing, at any organisation. It "
                    "takes no `If-Match`: nobody is to read again first while a phone is lost. "
                    "Unblocking and revoking are for people.",
                ),
            ),
        ]

    async def show(self, request: web.Request, visit: MachineVisit) -> web.Response:
        """Tell of a person's phones and when they were used last."""
        query = read_query(request, ("lost_at",))
        lost_at = read_lost_at(query["lost_at"], self._clock()) if "lost_at" in query else None
        seen = await self._flow.look(visit.still, request.match_info["person"], lost_at)
        return answer(phones_told(seen, visit.actor.ura))

    async def block(self, request: web.Request, visit: MachineVisit) -> web.Response:
        """Block a phone at all organisations."""
        body = await json_body(request, BlockBody)
        seen = {}
        if body.lost_at is not None:
            seen["lost_at"] = wire_time(read_lost_at(body.lost_at, self._clock()))
        phone = request.match_info["phone"]
        return await once(
            request,
            visit,
            self._clock,
            body,
            lambda within: self._flow.block(visit.still, phone, seen, within),
            lambda _: Answer(status=204),
        )
