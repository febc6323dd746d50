"""The calls that change somebody who works for the organisation: only as they were read."""

from aiohttp import web

from admin.access import Act
from admin.api.call_refusals import Changed, MatchNeeded
from admin.api.calling import tagged, unchanged
from admin.api.gate import Call, Handler, MachineVisit
from admin.api.newcomer import names_of, wanted_of
from admin.api.people import PeopleReader
from admin.api.people_bodies import MailAddressBody, MembershipBody, NameBody, PersonTold
from admin.api.people_routes import PERSON
from admin.identity_fields import check_no_bsn
from admin.people_flow import PeopleFlow
from admin.people_refusals import (
    AskedFirst,
    GuestMustAccept,
    InvalidField,
    LastAdministrator,
    NameIsOfTheCard,
    NotLinked,
)
from admin.targets import of_member
from pairing_server.clock import Clock
from pairing_server.errors import Refusal
from pairing_server.http import json_body
from pairing_server.openapi import Header, Operation
from pairing_server.registry.mail_outbox import is_address


class MembershipCalls:
    """Rename, change roles and last day, unlink, set and take away the mail address."""

    def __init__(self, reader: PeopleReader, flow: PeopleFlow, clock: Clock) -> None:
        self._reader = reader
        self._flow = flow
        self._clock = clock

    def calls(self) -> list[Call]:
        """Describe the calls."""
        return [
            _put("name", Act.RENAME, self.rename, NameBody, NameIsOfTheCard, NotLinked),
            _put(
                "membership",
                Act.SET_ROLES,
                self.set_membership,
                MembershipBody,
                AskedFirst,
                GuestMustAccept,
                LastAdministrator,
            ),
            _put(
                "mail-address", Act.SET_CONTACT, self.set_mail_address, MailAddressBody, NotLinked
            ),
            _delete("membership", Act.UNLINK, self.unlink, NotLinked, LastAdministrator),
            _delete("mail-address", Act.SET_CONTACT, self.forget_mail_address, NotLinked),
        ]

    async def rename(self, request: web.Request, visit: MachineVisit) -> web.Response:
        """Correct the name of who has shown no card; the user name stays."""
        body = await json_body(request, NameBody)
        names = names_of(body.first_names, body.last_name)
        person_id = request.match_info["person"]
        within = unchanged(request, self._reader.tag(visit.actor, person_id))
        await self._flow.rename(visit.actor, person_id, *names, within)
        return await self._told(request, visit)

    async def set_membership(self, request: web.Request, visit: MachineVisit) -> web.Response:
        """Say in which roles somebody works here, and until when.

        An employee whose membership was over begins again, unless they work elsewhere by now.
        """
        body = await json_body(request, MembershipBody)
        person_id = request.match_info["person"]
        kind = (await self._reader.one(visit.actor, person_id)).told.membership.kind
        wanted = wanted_of(body, kind, self._clock())
        within = unchanged(request, self._reader.tag(visit.actor, person_id))
        await self._flow.change_membership(visit.actor, person_id, wanted, within)
        return await self._told(request, visit)

    async def unlink(self, request: web.Request, visit: MachineVisit) -> web.Response:
        """Unlink somebody: from the answer on nothing opens here for them any more."""
        person_id = request.match_info["person"]
        within = unchanged(request, self._reader.tag(visit.actor, person_id))
        await self._flow.unlink(visit.actor, person_id, within)
        return await self._told(request, visit)

    async def set_mail_address(self, request: web.Request, visit: MachineVisit) -> web.Response:
        """Say where somebody is mailed about their phones."""
        body = await json_body(request, MailAddressBody)
        check_no_bsn(address=body.address)
        if not is_address(body.address):
            raise InvalidField("Send one mail address, and nothing beside it.", field="address")
        return await self._mail(request, visit, body.address)

    async def forget_mail_address(self, request: web.Request, visit: MachineVisit) -> web.Response:
        """Mail somebody no more."""
        return await self._mail(request, visit, None)

    async def _mail(
        self, request: web.Request, visit: MachineVisit, address: str | None
    ) -> web.Response:
        person_id = request.match_info["person"]
        within = unchanged(request, self._reader.tag(visit.actor, person_id))
        await self._flow.set_address(visit.actor, person_id, address, within)
        return await self._told(request, visit)

    async def _told(self, request: web.Request, visit: MachineVisit) -> web.Response:
        found = await self._reader.one(visit.actor, request.match_info["person"])
        return tagged(request, found.told, found.tag)


def _put(name: str, act: Act, handler: Handler, body: type, *refusals: type[Refusal]) -> Call:
    return _call("PUT", name, act, handler, body, (*refusals, InvalidField))


def _delete(name: str, act: Act, handler: Handler, *refusals: type[Refusal]) -> Call:
    return _call("DELETE", name, act, handler, None, refusals)


def _call(
    method: str,
    name: str,
    act: Act,
    handler: Handler,
    body: type | None,
    refusals: tuple[type[Refusal], ...],
) -> Call:
    return Call(
        act=act,
        find=of_member,
        operation=Operation(
            method,
            f"{PERSON}/{name}",
            handler,
            body=body,
            headers=(Header.IF_MATCH,),
            responses={200: PersonTold},
            refusals=(*refusals, MatchNeeded, Changed),
        ),
    )
