"""The pages by which somebody comes to work for the organisation."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from admin.access import Act
from admin.form import Form, wrong
from admin.frame import Frame
from admin.gate import Page
from admin.identity_fields import check_no_bsn, read_document
from admin.identity_flow import IdentityFlow
from admin.linking_flow import LinkingFlow
from admin.linking_record import Newcomer
from admin.person_fields import (
    FieldError,
    last_day,
    read_birth_date,
    read_kind,
    read_last_day,
    read_name,
    read_role_codes,
    read_uzi_number,
)
from admin.session import Visit
from admin.targets import of_offer
from pairing_server.errors import Conflict
from pairing_server.http import form_body, language_of
from pairing_server.pages.front import see_other
from pairing_server.ports import Ports
from pairing_server.registry import Query, identity_checks, offers, people
from pairing_server.registry.identity_checks import DocumentKind, IdentityCheck
from pairing_server.uzi.roles import role_name

NEW = "/admin/people/new"
OFFERS = "/admin/people/offers"

#: One form of the page: what it does, and where it leads.
Take = Callable[[Visit, Mapping[str, str]], Awaitable[str]]


class NewcomerPages:
    """Ask by UZI number, invite by name, register face to face; what was asked, and withdraw."""

    def __init__(
        self, frame: Frame, linking: LinkingFlow, identity: IdentityFlow, ports: Ports
    ) -> None:
        self._frame = frame
        self._linking = linking
        self._identity = identity
        self._registry = ports.registry
        self._clock = ports.clock

    def pages(self) -> list[Page]:
        """Return the pages."""
        forms: tuple[tuple[str, Act, Take], ...] = (
            ("offer", Act.LINK, self._offer),
            ("invite", Act.INVITE, self._invite),
            ("register", Act.REGISTER_2B, self._register),
        )
        return [
            Page(method="GET", path=NEW, act=Act.INVITE, handler=self.show),
            *(
                Page(
                    method="POST", path=f"{NEW}/{name}", act=act, handler=self._taking(name, take)
                )
                for name, act, take in forms
            ),
            Page(method="GET", path=OFFERS, act=Act.LINK, handler=self.list_open),
            Page(
                method="POST",
                path=f"{OFFERS}/{{offer}}/withdraw",
                act=Act.LINK,
                handler=self.withdraw,
                find=of_offer,
            ),
        ]

    async def show(self, request: web.Request, visit: Visit) -> web.Response:
        """Show the ways in which somebody can come."""
        return self._show(request, visit, Form())

    async def list_open(self, request: web.Request, visit: Visit) -> web.Response:
        """Show what waits for a yes, and for a second administrator."""
        language, now = language_of(request), self._clock()
        ura = visit.actor.ura

        def read(
            tx: Query,
        ) -> tuple[list[offers.MembershipOffer], list[tuple[IdentityCheck, str]]]:
            waiting = identity_checks.awaiting(tx, ura)
            named = [(each, people.get_person(tx, each.person_id)) for each in waiting]
            return offers.of_organisation(tx, ura), [
                (each, person.name) for each, person in named if person is not None
            ]

        open_offers, waiting = await self._registry.read(read)
        return self._frame.render(
            request,
            visit,
            "offers.html",
            done=request.query.get("done", ""),
            offers=[
                {
                    "id": each.id,
                    "name": each.name,
                    "uzi_number": each.uzi_number,
                    "kind": each.kind.value,
                    "roles": [role_name(code, language) for code in each.role_codes],
                    "last_day": each.valid_until and last_day(each.valid_until),
                    "at": each.offered_at,
                    "is_over": not each.is_open(now),
                }
                for each in open_offers
            ],
            waiting=[{"id": each.id, "name": name, "at": each.made_at} for each, name in waiting],
        )

    async def withdraw(self, request: web.Request, visit: Visit) -> web.Response:
        """Take back what was offered."""
        await self._linking.withdraw(visit.actor, request.match_info["offer"])
        return see_other(f"{OFFERS}?done=withdrawn")

    def _taking(
        self, name: str, take: Take
    ) -> Callable[[web.Request, Visit], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request, visit: Visit) -> web.Response:
            form = await form_body(request)
            try:
                return see_other(await take(visit, form))
            except (FieldError, Conflict) as error:
                members = error.members if isinstance(error, Conflict) else {}
                known = str(members.get("person_id", ""))
                return self._show(request, visit, wrong(name, form, error), known)

        return handle

    async def _offer(self, visit: Visit, form: Mapping[str, str]) -> str:
        newcomer = self._newcomer(form)
        await self._linking.offer(
            visit.actor, newcomer, read_uzi_number(form.get("uzi_number", ""))
        )
        return f"{OFFERS}?done=offered"

    async def _invite(self, visit: Visit, form: Mapping[str, str]) -> str:
        newcomer, today = self._newcomer(form), self._clock().date()
        born = read_birth_date(form.get("date_of_birth", ""), today)
        invited = await self._linking.invite(visit.actor, newcomer, born)
        return f"/admin/people/{invited.id}/membership?done=invited"

    async def _register(self, visit: Visit, form: Mapping[str, str]) -> str:
        newcomer, today = self._newcomer(form), self._clock().date()
        born = read_birth_date(form.get("date_of_birth", ""), today)
        document = read_document(form, today)
        _, check = await self._identity.register(visit.actor, newcomer, born, document)
        return f"/admin/people/registrations/{check.id}"

    def _newcomer(self, form: Mapping[str, str]) -> Newcomer:
        typed = {name: form.get(name, "") for name in ("first_names", "last_name")}
        check_no_bsn(**typed)
        kind = read_kind(form.get("kind", ""))
        return Newcomer(
            first_names=read_name("first_names", typed["first_names"]),
            last_name=read_name("last_name", typed["last_name"]),
            kind=kind,
            role_codes=read_role_codes(form.get("role_codes", "")),
            valid_until=read_last_day(form.get("valid_until", ""), kind, self._clock()),
        )

    def _show(
        self, request: web.Request, visit: Visit, form: Form, known: str = ""
    ) -> web.Response:
        return self._frame.render(
            request,
            visit,
            "newcomer.html",
            status=422 if form.error else 200,
            form=form,
            known=known,
            kinds=list(DocumentKind),
            today=self._clock().date(),
        )
