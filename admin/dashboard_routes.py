"""The front page: whether anything is wrong, and what the organisation was told."""

import asyncio
from typing import Any

from aiohttp import web

from admin.access import Act, may_ever
from admin.dashboard_words import answer_words, figures, system_tiles, tiles
from admin.frame import HOME, Frame
from admin.gate import Page
from admin.log_counts import LogNumbers
from admin.overview_rules import SOON
from admin.session import Visit
from admin.systems_standing import Standing, standing
from admin.words import ACTS
from pairing_server.audit.events import NoticeRead
from pairing_server.errors import NotFound
from pairing_server.http import form_body, language_of
from pairing_server.pages.front import see_other
from pairing_server.pages.registration_routes import notice_text
from pairing_server.ports import Ports
from pairing_server.registry import Query, Transaction, notices, pending_acts, people_overview
from pairing_server.registry.notices import Notice
from pairing_server.registry.pending_acts import PendingAct
from pairing_server.registry.people_overview import Counts


class DashboardPages:
    """Show it, and mark a notice as read."""

    def __init__(self, frame: Frame, ports: Ports) -> None:
        self._frame = frame
        self._registry = ports.registry
        self._clock = ports.clock
        self._numbers = LogNumbers(ports)

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

        may = frozenset(act for act in Act if may_ever(act, visit.actor))

        def read(tx: Query) -> tuple[Counts, list[Notice], list[PendingAct], Standing | None]:
            counted = people_overview.counts(tx, ura, now, now + SOON)
            pending = pending_acts.open_of(tx, ura, now)
            systems = standing(tx, ura) if Act.SEE_STREAMS in may else None
            return counted, notices.of_organisation(tx, ura), pending, systems

        # What somebody just did is seen at once; what the log adds up to may be a minute old.
        (counted, told, pending, systems), numbers = await asyncio.gather(
            self._registry.read(read), self._numbers.of(ura)
        )
        language = language_of(request)
        unread = [each for each in told if each.read_at is None]
        shown = tiles(counted, numbers, len(pending), len(unread), may)
        shown += system_tiles(systems, now) if systems is not None else []
        return self._frame.render(
            request,
            visit,
            "dashboard.html",
            tiles=shown,
            wrong=sum(tile.is_wrong for tile in shown),
            counted=counted,
            numbers=numbers,
            figures=figures(numbers),
            answered=answer_words(numbers),
            notices=[{"at": each.at, **notice_text(each, language)} for each in unread],
            pending=[_pending(each, visit) for each in pending],
        )

    async def read(self, request: web.Request, visit: Visit) -> web.Response:
        """Note that somebody has read what the organisation was told."""
        notice = (await form_body(request)).get("notice", "")
        now = self._clock()

        def change(tx: Transaction) -> None:
            actor = visit.still(tx, now)
            if not notices.exists(tx, notice, actor.ura):
                raise NotFound("no such notice")
            if notices.mark_read(tx, notice, actor.ura, actor.name, now):
                tx.record(NoticeRead(actor=actor.name, object=f"notice:{notice}", ura=actor.ura))

        await self._registry.commit(change)
        return see_other(HOME)


def _pending(pending: PendingAct, visit: Visit) -> dict[str, Any]:
    return {
        "id": pending.id,
        "what": ACTS[Act(pending.act)],
        "without": [ACTS[Act(each)] for each in pending.subject.get("without", ())],
        "person": pending.subject["person"],
        "name": pending.subject["name"],
        "phone": pending.subject["phone"],
        "expires_at": pending.expires_at,
        "is_own": pending.asked_by == visit.actor.person_id,
    }
