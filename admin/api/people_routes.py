"""The calls that find people, tell of them, and invite somebody new."""

import re
from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import urlencode

from aiohttp import web

from admin.access import Act
from admin.api.call_refusals import KeyNeeded, KeyReused
from admin.api.calling import once, read_query, tagged
from admin.api.conditional import Answer
from admin.api.conditions import PAGING, read_listing
from admin.api.gate import ORGANISATION, Call, MachineVisit
from admin.api.newcomer import newcomer_of
from admin.api.people import PeopleReader
from admin.api.people_bodies import (
    AllFoundTold,
    InvitationBody,
    MadeTold,
    PeopleTold,
    PersonTold,
    SearchBody,
    found_told,
)
from admin.linking_flow import LinkingFlow
from admin.lost_phone import LostPhoneFlow
from admin.people_refusals import InvalidField, KnownHere
from admin.person_fields import read_birth_date
from admin.targets import of_member
from pairing_server.clock import Clock
from pairing_server.http import answer, json_body
from pairing_server.openapi import Filter, Header, Operation
from pairing_server.registry.members import Standing, Wanted
from pairing_server.registry.people import MembershipKind

PEOPLE = f"{ORGANISATION}/people"
PERSON = f"{PEOPLE}/{{person}}"
_ROLE_CODE = re.compile(r"[0-9]{2}\.[0-9]{3}", re.ASCII)
_FILTERS = {
    "standing": Filter(
        "Whose membership holds, unless said otherwise.",
        {"type": "string", "enum": [each.value for each in Standing], "default": "linked"},
    ),
    "kind": Filter(
        "How they work here.",
        {"type": "string", "enum": [each.value for each in MembershipKind]},
    ),
    "role_code": Filter(
        "Who has this role, also beside others.",
        {"type": "string", "pattern": f"^{_ROLE_CODE.pattern}$"},
    ),
    **PAGING,
}


class PeopleCalls:
    """List, find, read, invite."""

    def __init__(
        self,
        reader: PeopleReader,
        finding: LostPhoneFlow,
        linking: LinkingFlow,
        clock: Clock,
        base_url: str,
    ) -> None:
        self._reader = reader
        self._finding = finding
        self._linking = linking
        self._clock = clock
        self._base_url = base_url

    def calls(self) -> list[Call]:
        """Describe the calls."""
        return [
            Call(
                act=Act.FIND_PEOPLE,
                operation=Operation(
                    "GET",
                    PEOPLE,
                    self.list_page,
                    query=_FILTERS,
                    responses={200: PeopleTold},
                    told={"Link": "Where the next page is, `rel=next` (RFC 8288), if any."},
                    refusals=(InvalidField,),
                ),
            ),
            Call(
                act=Act.FIND_PEOPLE,
                operation=Operation(
                    "POST",
                    f"{ORGANISATION}/search",
                    self.search,
                    body=SearchBody,
                    responses={200: AllFoundTold},
                    description="It changes nothing, and takes no `Idempotency-Key`: a `POST`, "
                    "for names stand in no address.",
                ),
            ),
            Call(
                act=Act.INVITE,
                operation=Operation(
                    "POST",
                    PEOPLE,
                    self.invite,
                    body=InvitationBody,
                    headers=(Header.IDEMPOTENCY_KEY,),
                    responses={201: MadeTold},
                    told={"Location": "Where the person is."},
                    refusals=(KnownHere, InvalidField, KeyNeeded, KeyReused),
                    description="The record opens nothing until a card of this organisation with "
                    "this name, whose holder gives this date of birth, takes it over.",
                ),
            ),
            Call(
                act=Act.SEE_PERSON,
                find=of_member,
                operation=Operation(
                    "GET",
                    PERSON,
                    self.read,
                    headers=(Header.IF_NONE_MATCH,),
                    responses={200: PersonTold},
                    description="The `ETag` is of all that the calls below the person change.",
                ),
            ),
        ]

    async def list_page(self, request: web.Request, visit: MachineVisit) -> web.Response:
        """List people, in an order that says nothing and does not change."""
        query = read_query(request, _FILTERS)
        asked, wanted = read_listing(query), _wanted(query)
        # One more, which tells whether there is another page.
        found = await self._reader.page(visit.actor, wanted, asked.cursor, asked.limit + 1)
        page, headers = found[: asked.limit], {}
        if len(found) > asked.limit:
            given = {name: value for name, value in query.items() if name != "cursor"}
            following = urlencode({**given, "cursor": page[-1].id})
            headers["Link"] = f'<{self._base_url}{request.path}?{following}>; rel="next"'
        return answer(PeopleTold(people=tuple(page)), headers=headers)

    async def search(self, request: web.Request, visit: MachineVisit) -> web.Response:
        """Find people by UZI number, name or phone, as the portal's search field does."""
        body = await json_body(request, SearchBody)
        found = await self._finding.find(visit.actor, body.text, body.after)
        told = AllFoundTold(people=tuple(map(found_told, found.people)), is_last=found.is_last)
        return answer(told)

    async def read(self, request: web.Request, visit: MachineVisit) -> web.Response:
        """Tell of somebody who works for the organisation, or did."""
        found = await self._reader.one(visit.actor, request.match_info["person"])
        return tagged(request, found.told, found.tag)

    async def invite(self, request: web.Request, visit: MachineVisit) -> web.Response:
        """Invite somebody, who comes with their card or is registered face to face."""
        body = await json_body(request, InvitationBody)
        now, people = self._clock(), request.path
        born = read_birth_date(body.date_of_birth, now.date())
        newcomer = newcomer_of(body, MembershipKind.EMPLOYEE, now)
        return await once(
            request,
            visit,
            self._clock,
            body,
            lambda within: self._linking.invite(visit.actor, newcomer, born, within),
            lambda person: Answer(status=201, id=person.id, location=f"{people}/{person.id}"),
        )


def _wanted(query: Mapping[str, str]) -> Wanted:
    standing, kind = query.get("standing", Standing.LINKED.value), query.get("kind")
    if standing not in set(Standing):
        raise InvalidField(f"Choose {_one_of(Standing)}.", field="standing")
    if kind is not None and kind not in set(MembershipKind):
        raise InvalidField(f"Choose {_one_of(MembershipKind)}.", field="kind")
    role_code = query.get("role_code")
    if role_code is not None and not _ROLE_CODE.fullmatch(role_code):
        raise InvalidField("A role code is like 01.015.", field="role_code")
    return Wanted(
        standing=Standing(standing),
        kind=None if kind is None else MembershipKind(kind),
        role_code=role_code,
    )


def _one_of(words: type[StrEnum]) -> str:
    return ", ".join(each.value for each in words)
