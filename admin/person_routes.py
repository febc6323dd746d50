"""The pages on which somebody is found and seen, and what is done with their phones."""

from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from admin.access import Act
from admin.frame import Frame
from admin.gate import Page
from admin.loss import read_moment
from admin.lost_phone import LostPhoneFlow
from admin.person_words import person_context
from admin.refusals import SecondNeeded
from admin.searches import MAX_CHARACTERS, Searches
from admin.seconding import SecondFlow
from admin.session import Visit
from admin.targets import of_pending, of_person, of_phone
from pairing_server.clock import Clock, wire_time
from pairing_server.http import form_body, language_of
from pairing_server.languages import N_
from pairing_server.pages.front import see_other
from pairing_server.phones.unblocking import Offer
from pairing_server.uzi.roles import role_name

PEOPLE = "/admin/people"
PERSON = f"{PEOPLE}/{{person}}"
PHONE = f"{PERSON}/phones/{{phone}}"
PENDING = "/admin/pending/{pending}"

_NO_MOMENT = N_("Fill in a day and a time that is past, and no more than a year ago.")


class PersonPages:
    """Find, see, block, unblock, revoke; ask a second one, and do what was asked."""

    def __init__(
        self,
        frame: Frame,
        flow: LostPhoneFlow,
        seconds: SecondFlow,
        searches: Searches,
        clock: Clock,
        base_url: str,
    ) -> None:
        self._frame = frame
        self._flow = flow
        self._seconds = seconds
        self._searches = searches
        self._clock = clock
        self._base_url = base_url

    def pages(self) -> list[Page]:
        """Return the pages."""

        def post(path: str, act: Act, handler: Any, find: Any) -> Page:
            return Page(method="POST", path=path, act=act, handler=handler, find=find)

        def get(path: str, act: Act, handler: Any, find: Any) -> Page:
            return Page(method="GET", path=path, act=act, handler=handler, find=find)

        second = Act.APPROVE_AS_SECOND
        return [
            Page(method="GET", path=PEOPLE, act=Act.FIND_PEOPLE, handler=self.found),
            Page(method="POST", path=PEOPLE, act=Act.FIND_PEOPLE, handler=self.search),
            get(PERSON, Act.SEE_PERSON, self.show, of_person),
            post(f"{PERSON}/loss", Act.SEE_PERSON, self.ask, of_person),
            get(f"{PERSON}/record", Act.SEE_PERSON, self.record, of_person),
            post(f"{PHONE}/block", Act.BLOCK_PHONE, self.block, of_phone),
            post(f"{PHONE}/unblock", Act.UNBLOCK_PHONE, self.unblock, of_phone),
            post(f"{PHONE}/revoke", Act.REVOKE_PHONE, self.revoke, of_phone),
            post(f"{PENDING}/do", second, self.do_as_second, of_pending),
            post(f"{PENDING}/withdraw", Act.WITHDRAW_REQUEST, self.withdraw, of_pending),
        ]

    async def search(self, request: web.Request, visit: Visit) -> web.Response:
        """Keep what was typed, and go to whom it finds: to their own page if it is one."""
        typed = (await form_body(request)).get("q", "").strip()[:MAX_CHARACTERS]
        # Of two it is known already that they are not one.
        found = (await self._flow.find(visit.actor, typed, limit=2)).people if typed else []
        if len(found) == 1:
            return see_other(f"{PEOPLE}/{found[0].id}")
        kept = await self._searches.keep(visit.session.id, typed)
        return see_other(f"{PEOPLE}?found={kept}")

    async def found(self, request: web.Request, visit: Visit) -> web.Response:
        """Show whom a search finds, or everybody, page by page."""
        kept, after = request.query.get("found", ""), request.query.get("after", "")
        typed = await self._searches.text(visit.session.id, kept) if kept else None
        page = await self._flow.find(visit.actor, typed or "", after)
        asked = {"found": kept} if kept else {}
        behind = {} if page.is_last else {"after": page.people[-1].id}
        language = language_of(request)
        return self._frame.render(
            request,
            visit,
            "people.html",
            typed=typed,
            people=[
                {**asdict(each), "role": role_name(each.role_code, language)}
                for each in page.people
            ],
            following=f"{PEOPLE}?{urlencode({**asked, **behind})}" if behind else "",
            first=f"{PEOPLE}?{urlencode(asked)}" if asked else PEOPLE,
            is_first=not after,
        )

    async def show(self, request: web.Request, visit: Visit) -> web.Response:
        """Show a person, their phones, and whether these were used after the loss."""
        return await self._show(request, visit, "person.html")

    async def ask(self, request: web.Request, visit: Visit) -> web.Response:
        """Go to the page that answers for the moment that was filled in."""
        _ = visit
        form = await form_body(request)
        asked = {"lost": form.get("lost", "-"), "offset": form.get("offset", "")}
        return see_other(f"{_person(request)}?{urlencode(asked)}")

    async def record(self, request: web.Request, visit: Visit) -> web.Response:
        """Show the same to be printed: what was seen and done, by whom."""
        return await self._show(request, visit, "record.html")

    async def block(self, request: web.Request, visit: Visit) -> web.Response:
        """Block a phone at all organisations."""
        seen = await self._seen(request)
        await self._flow.block(visit.still, request.match_info["phone"], seen)
        return see_other(await _back(request))

    async def unblock(self, request: web.Request, visit: Visit) -> web.Response:
        """Show the code that who holds the phone types on it; or ask a second one for it."""
        phone = request.match_info["phone"]
        try:
            offer = await self._flow.offer_unblocking(visit.still, phone)
        except SecondNeeded:
            await self._seconds.ask(visit.still, Act.UNBLOCK_PHONE, phone)
            return see_other(await _back(request))
        return self._code(request, visit, offer, await _back(request))

    async def revoke(self, request: web.Request, visit: Visit) -> web.Response:
        """Revoke a phone; or ask a second one for it."""
        phone, seen = request.match_info["phone"], await self._seen(request)
        try:
            await self._flow.revoke(visit.still, phone, seen)
        except SecondNeeded:
            await self._seconds.ask(visit.still, Act.REVOKE_PHONE, phone)
        return see_other(await _back(request))

    async def do_as_second(self, request: web.Request, visit: Visit) -> web.Response:
        """Do what a colleague asked for."""
        pending = request.match_info["pending"]
        asked, offer = await self._seconds.do_as_second(visit.still, pending)
        if not asked.subject["person"]:
            return see_other("/admin/")
        person = f"{PEOPLE}/{asked.subject['person']}"
        return see_other(person) if offer is None else self._code(request, visit, offer, person)

    async def withdraw(self, request: web.Request, visit: Visit) -> web.Response:
        """Withdraw what was asked for."""
        await self._seconds.withdraw(visit.still, request.match_info["pending"])
        return see_other("/admin/")

    async def _seen(self, request: web.Request) -> dict[str, Any]:
        """Return what the administrator had before them when they decided, as evidence."""
        form = await form_body(request)
        lost_at = read_moment(form.get("lost", ""), form.get("offset", ""), self._clock())
        return {} if lost_at is None else {"lost_at": wire_time(lost_at)}

    async def _show(self, request: web.Request, visit: Visit, template: str) -> web.Response:
        typed, offset = request.query.get("lost", ""), request.query.get("offset", "")
        now = self._clock()
        lost_at = read_moment(typed, offset, now) if typed else None
        person_id = request.match_info["person"]
        seen = await self._flow.look(visit.still, person_id, lost_at)
        acts = await self._flow.acts(visit.actor, person_id) if template == "record.html" else ()
        return self._frame.render(
            request,
            visit,
            template,
            **person_context(seen, visit.actor.ura, language_of(request)),
            path=_person(request),
            lost_at=lost_at,
            lost=typed if lost_at else "",
            offset=offset if lost_at else "",
            query=urlencode({"lost": typed, "offset": offset}) if lost_at else "",
            error=_NO_MOMENT if typed and lost_at is None else "",
            acts=acts,
            portal=f"{self._base_url}/portal/",
        )

    def _code(self, request: web.Request, visit: Visit, offer: Offer, person: str) -> web.Response:
        return self._frame.render(
            request, visit, "unblocking.html", offer=offer, path=person, code=offer.code
        )


def _person(request: web.Request) -> str:
    return f"{PEOPLE}/{request.match_info['person']}"


async def _back(request: web.Request) -> str:
    """Return the page on which a button stood, with the moment that was asked for there."""
    form = await form_body(request)
    asked = {name: form[name] for name in ("lost", "offset") if name in form}
    return f"{_person(request)}?{urlencode(asked)}" if "lost" in form else _person(request)
