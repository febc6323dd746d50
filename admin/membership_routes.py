"""The page of what a person is in the organisation, and the forms that change it."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from aiohttp import web

from admin.access import Act
from admin.form import Form, wrong
from admin.frame import Frame
from admin.gate import Page
from admin.identity_fields import check_no_bsn
from admin.merge_record import Merging
from admin.people_flow import PeopleFlow
from admin.people_record import works_elsewhere
from admin.people_rules import Wanted
from admin.person_fields import (
    FieldError,
    last_day,
    read_address,
    read_birth_date,
    read_last_day,
    read_name,
    read_role_codes,
)
from admin.session import Visit
from admin.targets import of_member
from pairing_server.errors import Conflict, NotFound, TooManyRequests
from pairing_server.http import form_body, language_of
from pairing_server.languages import N_
from pairing_server.pages.front import see_other
from pairing_server.ports import Ports
from pairing_server.registry import Query, aliases, identity_checks, mail_outbox, members, people
from pairing_server.registry.members import Member
from pairing_server.registry.people import AdministrativeRole
from pairing_server.uzi.roles import role_name

MEMBERSHIP = "/admin/people/{person}/membership"

#: One form of the page: the act behind it, and what it does.
Change = Callable[[Visit, str, Mapping[str, str]], Awaitable[object]]


class MembershipPages:
    """Show it, change roles and end, correct the name, unlink, appoint, dismiss, merge."""

    def __init__(self, frame: Frame, flow: PeopleFlow, ports: Ports, *, mails: bool) -> None:
        """Build the pages.

        Args:
            mails: Whether this server sends mail.
        """
        self._frame = frame
        self._mails = mails
        self._flow = flow
        self._registry = ports.registry
        self._clock = ports.clock

    def pages(self) -> list[Page]:
        """Return the pages."""
        forms: tuple[tuple[str, Act, Change], ...] = (
            ("roles", Act.SET_ROLES, self._set_roles),
            ("name", Act.RENAME, self._rename),
            ("contact", Act.SET_CONTACT, self._set_address),
            ("unlink", Act.UNLINK, self._unlink),
            ("appoint", Act.APPOINT, self._appoint),
            ("dismiss", Act.DISMISS, self._dismiss),
            ("merge", Act.MERGE, self._merge),
        )
        return [
            Page(
                method="GET",
                path=MEMBERSHIP,
                act=Act.SET_ROLES,
                handler=self.show,
                find=of_member,
            ),
            *(
                Page(
                    method="POST",
                    path=f"{MEMBERSHIP}/{name}",
                    act=act,
                    handler=self._taking(name, change),
                    find=of_member,
                )
                for name, act, change in forms
            ),
        ]

    async def show(self, request: web.Request, visit: Visit) -> web.Response:
        """Show what a person is in the organisation."""
        return await self._show(request, visit, Form())

    def _taking(
        self, name: str, change: Change
    ) -> Callable[[web.Request, Visit], Awaitable[web.StreamResponse]]:
        async def take(request: web.Request, visit: Visit) -> web.Response:
            form, person_id = await form_body(request), request.match_info["person"]
            try:
                await change(visit, person_id, form)
            except (FieldError, Conflict, TooManyRequests) as error:
                return await self._show(request, visit, wrong(name, form, error))
            return see_other(f"/admin/people/{person_id}/membership?done={name}")

        return take

    async def _set_roles(self, visit: Visit, person_id: str, form: Mapping[str, str]) -> None:
        member, now = await self._member(visit, person_id), self._clock()
        kind = member.membership.kind
        wanted = Wanted(
            role_codes=read_role_codes(form.get("role_codes", "")),
            valid_until=read_last_day(form.get("valid_until", ""), kind, now),
        )
        await self._flow.change_membership(visit.actor, person_id, wanted)

    async def _rename(self, visit: Visit, person_id: str, form: Mapping[str, str]) -> None:
        first_names = read_name("first_names", form.get("first_names", ""))
        last_name = read_name("last_name", form.get("last_name", ""))
        await self._flow.rename(visit.actor, person_id, first_names, last_name)

    async def _set_address(self, visit: Visit, person_id: str, form: Mapping[str, str]) -> None:
        check_no_bsn(address=form.get("address", ""))
        address = read_address(form.get("address", ""))
        if address is None and await self._registry.read(
            lambda tx: _is_hidden(tx, visit, person_id, self._clock())
        ):
            # They were shown none, and did not mean to take it away.
            raise FieldError("address", N_("Fill in the address that is to take its place."))
        await self._flow.set_address(visit.actor, person_id, address)

    async def _unlink(self, visit: Visit, person_id: str, form: Mapping[str, str]) -> None:
        _sure(form)
        await self._flow.unlink(visit.actor, person_id)

    async def _appoint(self, visit: Visit, person_id: str, form: Mapping[str, str]) -> None:
        role = form.get("administrative_role", "")
        if role not in set(AdministrativeRole):
            raise FieldError("administrative_role", N_("Choose what the person is to manage."))
        await self._flow.appoint(visit.actor, person_id, AdministrativeRole(role))

    async def _dismiss(self, visit: Visit, person_id: str, form: Mapping[str, str]) -> None:
        _ = form
        await self._flow.dismiss(visit.actor, person_id)

    async def _merge(self, visit: Visit, person_id: str, form: Mapping[str, str]) -> None:
        name, now = form.get("user_name", "").strip(), self._clock()
        other = await self._registry.read(lambda tx: people.by_user_name(tx, name))
        born = read_birth_date(form.get("date_of_birth", ""), now.date())
        if other is None:
            raise FieldError(
                "user_name", N_("Nobody here has this user name: it stands on the other's page.")
            )
        _sure(form)
        merging = Merging(kept=person_id, absorbed=other.id, born=born)
        try:
            await self._flow.merge(visit.actor, merging)
        except NotFound as error:
            raise FieldError(
                "user_name", N_("Nobody here has this user name: it stands on the other's page.")
            ) from error

    async def _member(self, visit: Visit, person_id: str) -> Member:
        return await self._registry.read(lambda tx: _member_of(tx, visit, person_id))

    async def _show(self, request: web.Request, visit: Visit, form: Form) -> web.Response:
        person_id, now = request.match_info["person"], self._clock()

        def read(tx: Query) -> tuple[Member, dict[str, Any]]:
            ura, is_hidden = visit.actor.ura, _is_hidden(tx, visit, person_id, now)
            return _member_of(tx, visit, person_id), {
                "is_last": members.administrators(tx, ura) == [person_id],
                "merged": [each for each in aliases.of_person(tx, person_id) if each.ura == ura],
                "checks": identity_checks.of_person(tx, person_id, ura),
                "address": "" if is_hidden else mail_outbox.address_of(tx, person_id) or "",
                "has_hidden_address": is_hidden,
            }

        member, more = await self._registry.read(read)
        membership, language = member.membership, language_of(request)
        until = membership.valid_until
        return self._frame.render(
            request,
            visit,
            "membership.html",
            status=422 if form.error else 200,
            form=form,
            done=request.query.get("done", ""),
            person=member.person,
            membership=membership,
            is_linked=membership.is_valid(now),
            roles=[role_name(code, language) for code in membership.role_codes],
            codes=" ".join(membership.role_codes),
            last_day=None if until is None else last_day(until),
            path=f"/admin/people/{person_id}",
            mails=self._mails,
            **more,
        )


def _member_of(tx: Query, visit: Visit, person_id: str) -> Member:
    person = people.get_person(tx, person_id)
    membership = people.membership(tx, person_id, visit.actor.ura)
    if person is None or membership is None:
        raise NotFound("member")
    return Member(person, membership)


def _is_hidden(tx: Query, visit: Visit, person_id: str, now: datetime) -> bool:
    """Tell whether a person has an address that another organisation may have given."""
    is_known = mail_outbox.address_of(tx, person_id) is not None
    return is_known and works_elsewhere(tx, visit.actor, person_id, now)


def _sure(form: Mapping[str, str]) -> None:
    if form.get("sure") != "yes":
        raise FieldError("sure", N_("Tick the box to say that you are sure."))
