"""Behind which every page stands: who calls, and whether the access table lets them.

A page is registered with its act and with what its path names, so that none can be without.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from admin.access import Act, Target, check, may_ever
from admin.actor import Actor
from admin.frame import Frame
from admin.refusals import Forbidden, FreshApprovalNeeded
from admin.session import AdminSessions, Visit
from admin.targets import Find, of_organisation
from pairing_server.clock import Clock
from pairing_server.errors import Unauthenticated
from pairing_server.http import SAFE_METHODS
from pairing_server.pages.front import see_other
from pairing_server.registry import Query

Handler = Callable[[web.Request, Visit], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page or a form of the portal.

    Attributes:
        act: What whoever sends this does, as the access table has it.
        find: Reads whose the things are that the path names.
    """

    method: str
    path: str
    act: Act
    handler: Handler
    find: Find = of_organisation


class Gate:
    """Lets requests through to pages, or sends people to log in or to confirm."""

    def __init__(self, frame: Frame, sessions: AdminSessions, clock: Clock) -> None:
        self._frame = frame
        self._sessions = sessions
        self._clock = clock

    def routes(self, pages: Sequence[Page]) -> list[web.RouteDef]:
        """Return the routes of pages, each behind its act."""
        return [
            web.route(page.method, page.path, self._frame.page(self._guarded(page)))
            for page in pages
        ]

    def _guarded(self, page: Page) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            now = self._clock()

            def read(tx: Query, actor: Actor) -> Target:
                # Whom the role keeps out is not told, either, whether there is such a thing.
                if not may_ever(page.act, actor):
                    raise Forbidden(page.act.value, actor.role.value)
                return page.find(tx, actor, request.match_info, now)

            try:
                visit, target = await self._sessions.visit(request, read)
            except Unauthenticated:
                if request.method not in SAFE_METHODS:
                    raise
                return see_other(self._frame.login_path(request))
            try:
                check(page.act, visit.actor, target, now)
                # What is in a form may make it one that wants an approval, too.
                return await page.handler(request, visit)
            except FreshApprovalNeeded as refusal:
                return self._frame.ask_to_confirm(request, visit, page.act, refusal)

        return handle
