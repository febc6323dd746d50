"""The front page: whether anything is wrong, and what the organisation was told."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from admin.access import Act
from admin.frame import HOME, Frame
from admin.gate import Page
from admin.session import Visit
from pairing_server.audit.events import NoticeRead
from pairing_server.errors import NotFound
from pairing_server.http import form_body
from pairing_server.languages import N_
from pairing_server.pages.front import see_other
from pairing_server.ports import Ports
from pairing_server.registry import Query, Transaction, notices, people_overview
from pairing_server.registry.notices import Notice, NoticeKind

#: Who has less left is told so on the phone, too.
SOON = timedelta(days=30)

_WORDS = {
    NoticeKind.REGISTRATION_DENIED: N_("Somebody said that a record is not theirs"),
    NoticeKind.SEVERAL_RECORDS: N_("Several records may be of one person"),
    NoticeKind.SIGN_COUNT: N_("There may be a copy of a phone's key"),
}


@dataclass(frozen=True, slots=True)
class Tile:
    """A number that tells whether anything is wrong."""

    label: str
    count: int
    is_wrong: bool = True


class DashboardPages:
    """Show it, and mark a notice as read."""

    def __init__(self, frame: Frame, ports: Ports) -> None:
        self._frame = frame
        self._registry = ports.registry
        self._clock = ports.clock

    def pages(self) -> list[Page]:
        """Return the pages."""
        return [
            Page(method="GET", path=HOME, act=Act.SEE_DASHBOARD, handler=self.show),
            Page(
                method="POST", path="/admin/notices/read", act=Act.READ_NOTICE, handler=self.read
            ),
        ]

    async def show(self, request: web.Request, visit: Visit) -> web.Response:
        """Show how the organisation stands."""
        now, ura = self._clock(), visit.actor.ura

        def read(tx: Query) -> tuple[list[Tile], list[Notice]]:
            return _tiles(tx, ura, now), notices.of_organisation(tx, ura)

        tiles, told = await self._registry.read(read)
        shown = [_notice(each) for each in told if each.read_at is None]
        return self._frame.render(request, visit, "dashboard.html", tiles=tiles, notices=shown)

    async def read(self, request: web.Request, visit: Visit) -> web.Response:
        """Note that somebody has read what the organisation was told."""
        notice = (await form_body(request)).get("notice", "")
        actor, now = visit.actor, self._clock()

        def change(tx: Transaction) -> None:
            if not notices.exists(tx, notice, actor.ura):
                raise NotFound("no such notice")
            if notices.mark_read(tx, notice, actor.ura, actor.name, now):
                tx.record(NoticeRead(actor=actor.name, object=f"notice:{notice}", ura=actor.ura))

        await self._registry.commit(change)
        return see_other(HOME)


def _tiles(tx: Query, ura: str, now: datetime) -> list[Tile]:
    counted = people_overview.counts(tx, ura, now, now + SOON)
    return [
        Tile(N_("people"), counted.people, is_wrong=False),
        Tile(N_("phones that work"), counted.active, is_wrong=False),
        Tile(N_("phones blocked"), counted.blocked),
        Tile(N_("phones that expire within a month"), counted.expiring),
    ]


def _notice(notice: Notice) -> dict[str, Any]:
    about = notice.subject.get("people", [])
    names = [each["name"] for each in about if isinstance(each, dict) and "name" in each]
    return {
        "id": notice.id,
        "at": notice.at,
        "what": _WORDS[notice.kind],
        "who": ", ".join(names),
    }
